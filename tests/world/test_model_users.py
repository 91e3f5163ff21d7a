"""Users whose words come from a model: what they are told, what they say, and what they get wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

import agenteval
from agenteval import Prices, RequestError, Scenario, ScriptedModel, build_report, parse_checks
from agenteval.cli.report_ import exit_code
from agenteval.core.message import Message, Role, text_message
from agenteval.errors import ModelError, UserDiverged
from agenteval.report.text import render
from agenteval.world import parse_user

INTENT = "Refund order 1187 to the card ending 4242 after verifying who asks, and say the amount of 42.50 aloud."
SPEC: dict[str, Any] = {
    "persona": "Ada Marsh, in a hurry",
    "says": "My parcel never came. I want my money back.",
    "knows": {"order": "1187", "email": "ada@example.com"},
    "then": ["Is the red kettle in stock?"],
}


def conversation(*lines: str) -> list[Message]:
    """The opening, then the agent and the user in turn."""
    roles: tuple[Role, Role] = ("assistant", "user")
    said = [text_message("user", SPEC["says"])]
    return said + [text_message(roles[number % 2], line) for number, line in enumerate(lines)]


async def reply(answer: str, *lines: str, spec: dict[str, Any] = SPEC) -> str | None:
    user = parse_user(spec)
    assert user.with_model is not None
    return await user.with_model(3, ScriptedModel([answer]), INTENT).reply(conversation(*lines))


async def test_the_model_is_told_who_it_is_and_sees_the_talk_from_its_side() -> None:
    model = ScriptedModel(["It is 1187."])
    user = parse_user(SPEC)
    assert user.with_model is not None
    assert await user.with_model(3, model, INTENT).reply(conversation("Which order is it?")) == "It is 1187."
    [request] = model.asked
    system, *rest = request.messages
    for told in ("Ada Marsh, in a hurry", INTENT, "- order: 1187", "- email: ada@example.com", "- Is the red kettle"):
        assert told in system.text
    assert [(message.role, message.text) for message in rest] == [
        ("assistant", SPEC["says"]),
        ("user", "Which order is it?"),
    ]
    assert request.seed == 3


@pytest.mark.parametrize(
    ("answer", "lines", "said"),
    [
        ("My e-mail is ada@example.com.", ["What is your e-mail?"], "My e-mail is ada@example.com."),
        ("Order 1187, please.", ["Which order?"], "Order 1187, please."),
        ("[END]", ["Done, 42.50 is on its way."], None),
        ("Thanks! [END]", ["Done, 42.50 is on its way."], "Thanks!"),
        (
            "Yes, the one of 42.50 to 4242.",
            ["Shall I refund 42.50 to the card 4242?"],
            "Yes, the one of 42.50 to 4242.",
        ),
        ("I came 3 times in 2 weeks.", ["Hm."], "I came 3 times in 2 weeks."),
    ],
)
async def test_what_such_a_user_may_say(answer: str, lines: Sequence[str], said: str | None) -> None:
    assert await reply(answer, *lines) == said


@pytest.mark.parametrize(
    ("answer", "lines", "how", "what"),
    [
        (
            "Put it on the card ending 4242.",
            ["Where to?"],
            "leaked_intent",
            "it gave 4242, which only the intent holds",
        ),
        (
            "Please do it after verifying who asks, and say the amount.",
            ["Yes?"],
            "leaked_intent",
            "it recited the intent: after verifying who asks and say the amount",
        ),
        ("It is order 9999.", ["Which order?"], "left_script", "it gave 9999, which nobody told it"),
        ("Write to eve@example.com.", ["Your e-mail?"], "left_script", "it gave eve@example.com, which nobody told it"),
        ("My customer id is C1001.", ["Your id?"], "left_script", "it gave c1001, which nobody told it"),
        ("How can I help you today?", ["Hello."], "left_script", "it spoke as an assistant"),
        ("As an AI language model, I cannot.", ["Hello."], "left_script", "it spoke as an assistant"),
        ("", ["Hello."], "left_script", "it said nothing"),
        ("[END]", ["Shall I refund it?"], "stopped_early", "it ended the conversation, and was asked: Shall I"),
        ("[END]", ["What is your e-mail address?"], "stopped_early", "was asked: What is your e-mail"),
    ],
)
async def test_what_it_gets_wrong(answer: str, lines: Sequence[str], how: str, what: str) -> None:
    with pytest.raises(UserDiverged, match=how) as caught:
        await reply(answer, *lines)
    assert caught.value.how == how
    assert what in caught.value.what


def scenario(**changes: Any) -> Scenario:
    base: dict[str, Any] = {
        "id": "shop/refund",
        "intent": INTENT,
        "user": parse_user(SPEC),
        "checks": parse_checks([{"says": {"$re": "42.50"}, "in": {"message": "any"}, "id": "amount"}]),
    }
    return Scenario(**{**base, **changes})


def agent(messages: list[dict[str, str]]) -> str:
    return "Which order is it?" if len(messages) == 1 else "You get 42.50."


def test_its_faults_are_counted_apart_and_tried_again() -> None:
    model = ScriptedModel(["It is order 9999.", "It is order 1187.", "[END]"])
    result = agenteval.run(scenario(), agent, user_model=model)
    [(trial, score)] = result.outcomes
    assert (trial.status, trial.attempt, score.passed) == ("completed", 1, True)
    [first, _] = result.store.attempts(agenteval.core.ports.Query(run=result.run.id))
    assert (first.status, first.fault_of) == ("diverged", "user")
    assert first.error == "left_script: it gave 9999, which nobody told it"


def test_one_that_keeps_diverging_is_left_out_of_the_rate() -> None:
    model = ScriptedModel(lambda request: "It is order 9999.")
    result = agenteval.run(scenario(), agent, user_model=model, retries=1)
    [(trial, score)] = result.outcomes
    assert (trial.status, trial.attempt, score.passed) == ("diverged", 1, None)
    assert (result.pass_rate().counted, result.pass_rate().left_out) == (0, 1)
    report = build_report(result.store, result.run.id)
    assert "diverged: agent shop/refund #0 (fault of: user): left_script: it gave 9999" in render(report, width=120)
    assert exit_code(report, None) == 3


def test_its_endpoint_is_not_the_agents_fault() -> None:
    def broken(request: Any) -> Any:
        raise ModelError("the endpoint is gone")

    result = agenteval.run(scenario(), agent, user_model=ScriptedModel(broken), retries=0)
    [(trial, _)] = result.outcomes
    assert (trial.status, trial.fault_of) == ("invalid", "model")


def test_its_calls_are_recorded_and_are_not_the_agents() -> None:
    model = ScriptedModel(["It is order 1187.", "[END]"], name="talker")
    result = agenteval.run(scenario(), agent, user_model=model)
    [(trial, _)] = result.outcomes
    trajectory = result.store.trajectory(trial.trajectory or "")
    assert [step.content.kind for step in trajectory.steps] == ["message"] * 4
    assert trajectory.integrity.complete
    spans, _ = result.store.read(trial.trace_ids)
    said = [span.attributes["agenteval.user.said"] for span in spans if span.name == "simulate_user talker"]
    assert said == ["It is order 1187.", "[END]"]
    assert not any(INTENT in str(span) for span in spans)


def test_a_model_is_needed_and_its_price_where_the_run_is_bounded() -> None:
    with pytest.raises(RequestError, match=r"shop/refund has a persona, and needs a model"):
        agenteval.run(scenario(), agent)
    with pytest.raises(RequestError, match=r"--user-price"):
        agenteval.run(scenario(), agent, user_model=ScriptedModel([]), prices=Prices.free(), max_usd=1.0)


async def test_the_rule_based_user_who_knows_the_same_stands_in_for_a_proof() -> None:
    stand_in = parse_user(SPEC).make(1)
    assert await stand_in.reply(conversation("Which order is it?")) == "My order is 1187."
