"""Where a limit or a failure ends a real model's trial, all that happened before is recorded, and so is what broke."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agenteval.agents.chat import ChatAgent
from agenteval.agents.function import FunctionAgent
from agenteval.core.outcome import Run
from agenteval.core.ports import Query, TraceStore
from agenteval.core.scenario import Limits, Scenario, Suite
from agenteval.core.trajectory import ModelCall, ToolCall, Usage
from agenteval.experiment.run import AgentSpec, RunPlan, carry_out
from agenteval.experiment.stores import open_store
from agenteval.harness.limits import Budget
from agenteval.harness.trial import TrialPlan, run_trial
from agenteval.models import Backoff, Prices
from agenteval.telemetry.assemble import trajectory_of
from agenteval.world import parse_user

pytestmark = pytest.mark.llm

LONG = 900  # tokens: more than is written before a test cuts it
SOON = Backoff(base_seconds=0.01)
LONGEST_WAIT_S = 60.0


async def until(happened: Callable[[], bool], during: asyncio.Task[Any] | None = None) -> None:
    """Wait for what another process does, for as long as a task of ours is at work."""
    async with asyncio.timeout(LONGEST_WAIT_S):
        while not happened():
            assert during is None or not during.done(), during
            await asyncio.sleep(0.01)


# --- limits


async def test_calls(trials: Any) -> None:
    seen = await trials.run(trials.model("acts-always"), limits=Limits(calls=2))
    assert seen.told == seen.truth
    assert seen.ended == ("limit", None)
    assert seen.trial.error == "limit reached: calls 3 of 2"
    assert (len(seen.calls(ModelCall)), len(seen.calls(ToolCall))) == (3, 2)
    assert (seen.trajectory.end.reason, seen.trajectory.end.detail) == ("limit", "calls")
    assert seen.trajectory.integrity.complete


async def test_calls_that_one_answer_asks_for_together(trials: Any) -> None:
    seen = await trials.run(trials.model("acts-twice"), limits=Limits(calls=1))
    assert seen.told == seen.truth
    assert seen.trial.error == "limit reached: calls 2 of 1"
    assert [len(call.requests) for call in seen.calls(ModelCall)] == [2]
    assert len(seen.calls(ToolCall)) == 1


async def test_tokens(trials: Any) -> None:
    seen = await trials.run(trials.model("acts-first"), limits=Limits(tokens=100))
    assert seen.told == seen.truth
    assert seen.ended == ("limit", None)
    used = sum(exchange.generated["usage"]["total_tokens"] for exchange in seen.exchanges)
    before = used - seen.exchanges[-1].generated["usage"]["total_tokens"]
    assert before <= 100 < used
    assert seen.trial.error == f"limit reached: tokens {used} of 100"
    assert seen.trajectory.usage.tokens == used


async def test_usd(trials: Any) -> None:
    prices = Prices(input=10_000.0, output=40_000.0, cached_input=0.0)
    seen = await trials.run(trials.model("acts-first"), prices=prices, limits=Limits(usd=0.1))
    costs = [
        0.01 * (usage["prompt_tokens"] - usage["prompt_tokens_details"]["cached_tokens"])
        + 0.04 * usage["completion_tokens"]
        for usage in (exchange.generated["usage"] for exchange in seen.exchanges)
    ]
    assert [call.usage.cost_usd for call in seen.calls(ModelCall)] == pytest.approx(costs)
    assert seen.trajectory.usage.cost_usd == pytest.approx(sum(costs))
    assert (len(costs), seen.ended) == (1, ("limit", None))
    assert seen.trial.error == f"limit reached: usd {sum(costs):g} of 0.1"


async def test_turns(trials: Any) -> None:
    user = parse_user({"says": "Hello.", "then": ["How are you?", "Goodbye."]})
    seen = await trials.run(
        trials.model(), world=None, task=None, user=user, limits=Limits(turns=2), max_tokens=6, instructions="Be brief."
    )
    # the user had said it when the limit was found to be reached
    assert seen.told == [*seen.truth, {"said_by": "user", "text": "Goodbye."}]
    assert seen.ended == ("limit", None)
    assert seen.trial.error == "limit reached: turns 3 of 2"
    assert len(seen.calls(ModelCall)) == 2


async def test_seconds_cut_an_answer_that_is_being_written(trials: Any) -> None:
    model = trials.model("rambles")
    seen = await trials.run(model, world=None, limits=Limits(seconds=1.5), max_tokens=LONG)
    assert seen.told == seen.truth
    assert seen.ended == ("limit", None)
    assert seen.trial.error == "limit reached: seconds 1.5 of 1.5"
    assert [call.error for call in seen.calls(ModelCall)] == ["the trial ended before this did"]
    # what was used is not known, which is not the same as nothing
    assert seen.trajectory.usage == Usage(unmeasured_calls=1)
    assert seen.trajectory.integrity.complete
    number = seen.exchanges[0].number
    await until(lambda: trials.llm.exchanges(after=number - 1)[0].left)


async def test_an_answer_that_is_cut_by_its_own_bound_is_one(trials: Any) -> None:
    seen = await trials.run(trials.model("rambles"), world=None, max_tokens=5)
    assert seen.told == seen.truth
    assert seen.ended == ("completed", None)
    assert [(call.finish, call.usage.output_tokens) for call in seen.calls(ModelCall)] == [("length", 5)]


# --- what the model gets wrong


async def test_a_tool_that_is_not_there(trials: Any) -> None:
    seen = await trials.run(trials.model("acts-wrongly"))
    assert seen.told == seen.truth
    assert seen.ended == ("completed", None)
    assert [(call.name, call.status) for call in seen.calls(ToolCall)] == [("dance", "error")]
    assert json.loads(seen.exchanges[1].asked["messages"][-1]["content"]) == {"error": seen.calls(ToolCall)[0].error}


async def test_a_call_that_is_cut_within_its_arguments(trials: Any, diary: type) -> None:
    seen = await trials.run(trials.model("acts-first"), world=diary, task="Write about tea.", max_tokens=24)
    assert seen.told == seen.truth
    assert seen.ended == ("completed", None)
    wrote = seen.exchanges[0].answered["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
    assert wrote.startswith('{"text":"')
    assert [(call.arguments, call.status) for call in seen.calls(ToolCall)] == [(wrote, "error")]
    assert seen.calls(ModelCall)[0].finish == "length"
    assert "arguments must be a JSON object" in seen.exchanges[1].asked["messages"][-1]["content"]
    # as it was, it goes back to the model
    assert seen.exchanges[1].asked["messages"][-2] == seen.exchanges[0].answered["choices"][0]["message"] | {
        "content": None
    }


# --- what the endpoint gets wrong


async def test_more_than_the_model_can_read(trials: Any) -> None:
    seen = await trials.run(trials.model(), task="tea " * 1200)
    assert seen.told == seen.truth
    assert seen.ended == ("limit", None)
    assert (seen.trajectory.end.reason, seen.trajectory.end.detail) == ("limit", "context")
    (exchange,) = seen.exchanges
    assert exchange.status == 400
    assert exchange.answered["error"]["type"] == "exceed_context_size_error"
    assert [call.error for call in seen.calls(ModelCall)] == [
        f"POST {trials.llm.url()}/chat/completions answered 400 Bad Request: {exchange.answered['error']['message']}"
    ]
    assert seen.trial.error == f"ContextExceeded: {seen.calls(ModelCall)[0].error}"
    assert seen.trajectory.usage == Usage(unmeasured_calls=1)
    assert seen.trajectory.integrity.complete


async def test_more_than_it_can_read_in_the_middle(trials: Any) -> None:
    user = parse_user({"says": "Hello.", "then": ["tea " * 1200]})
    seen = await trials.run(trials.model(), world=None, task=None, user=user, max_tokens=6)
    assert seen.told == seen.truth
    assert seen.ended == ("limit", None)
    assert [call.error is None for call in seen.calls(ModelCall)] == [True, False]
    assert [exchange.status for exchange in seen.exchanges] == [200, 400]


async def test_a_base_url_with_the_wrong_path(trials: Any) -> None:
    base_url = f"{trials.llm.front}/v2"
    seen = await trials.run(trials.model(base_url=base_url), world=None)
    assert seen.told == seen.truth
    assert seen.ended == ("invalid", "model")
    assert seen.calls(ModelCall)[0].error == (
        f"POST {base_url}/chat/completions answered 404 Not Found: File Not Found. "
        f'Is the base URL {base_url} missing "/v1"?'
    )


async def test_the_server_is_killed_while_it_writes(mortal: Any) -> None:
    model = mortal.model("rambles", max_retries=1, backoff=SOON)
    running = asyncio.create_task(mortal.run(model, max_tokens=LONG))
    await until(lambda: len(mortal.llm.exchanges()) == 2, running)
    mortal.llm.kill()
    seen = await running
    assert seen.told == seen.truth
    assert seen.ended == ("invalid", "model")
    assert "nothing listens at" in seen.trial.error
    assert [call.error is None for call in seen.calls(ModelCall)] == [True, False]
    assert len(seen.calls(ToolCall)) == 1
    assert seen.trajectory.integrity.complete


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TraceStore]:
    """An empty store on disk."""
    opened = open_store(str(tmp_path / "store.db"))
    yield opened
    opened.close()


async def test_the_server_is_killed_in_the_middle_of_a_run(mortal: Any, store: TraceStore) -> None:
    scenario, worlds = mortal.scenario()
    plan = RunPlan(
        run=Run(id="killed", kind="execution", created_at="2026-11-24T00:00:00+00:00"),
        suite=Suite(id="shop", scenarios=(scenario,)),
        agents=(AgentSpec(name="chat", ref="chat", agent=ChatAgent(temperature=0.0, max_tokens=48)),),
        trials=4,
        concurrency=1,
        retries=0,
        model=mortal.model("acts-first", max_retries=0),
    )
    running = asyncio.create_task(carry_out(plan, store))
    await until(lambda: len(mortal.llm.exchanges()) == 4, running)
    mortal.llm.kill()
    summary = await running

    kept = sorted(store.trajectories(Query(run="killed")), key=lambda pair: pair[0].repeat)
    seen = [
        mortal.Seen(
            trial=trial,
            trajectory=trajectory,
            start={"shelves": {"tea": 4, "rice": 7}, "slate": []},
            exchanges=[each for each in mortal.llm.exchanges() if each.asked["seed"] == trial.seed],
            served=worlds[trial.repeat].served,
        )
        for trial, trajectory in kept
    ]
    finished = [len(each.exchanges) == 2 and each.exchanges[-1].status == 200 for each in seen]
    assert (len(finished), finished[0], finished[-1]) == (4, True, False)
    assert [each.ended for each in seen] == [("completed", None) if done else ("invalid", "model") for done in finished]
    assert [each.told for each in seen if each.exchanges] == [each.truth for each in seen if each.exchanges]
    for each in seen:
        assert each.trajectory.integrity.complete
        if not each.exchanges:
            assert [step.content.kind for step in each.trajectory.steps] == ["message", "message", "model_call"]
            assert "nothing listens at" in each.calls(ModelCall)[0].error
    assert summary.statuses == {"completed": finished.count(True), "invalid": finished.count(False)}


# --- a user behind the model


async def test_a_real_model_plays_the_user(trials: Any) -> None:
    user = parse_user({"persona": "Bo, who buys tea", "says": "I want to buy tea.", "knows": {"shelf": "B"}})

    async def agent(session: Any) -> None:
        for question in ("Which tea would you like?", "Shall I order it?"):
            if await session.say(question) is None:
                return

    model = trials.model()
    plan = TrialPlan(
        run="llm",
        scenario=Scenario(id="shop/tea", intent="Buy a packet of tea.", user=user, limits=Limits(turns=3)),
        agent_name="asker",
        agent=FunctionAgent(agent),
        repeat=0,
        seed=5,
        user_model=model,
    )
    result = await run_trial(plan, budget=Budget())
    said = [span.attributes for span in result.spans if span.name.startswith("simulate_user ")]
    # 135M parameters may play badly: what counts is that every call is recorded, and a divergence is the user's
    assert result.trial.status in {"completed", "diverged"}, result.trial.error
    assert result.trial.fault_of == ("user" if result.trial.status == "diverged" else None)
    assert 1 <= len(said) <= 2
    for attributes in said:
        assert attributes["agenteval.user.said"]
        assert attributes["gen_ai.usage.output_tokens"] > 0
    assert trajectory_of(result.spans).usage == Usage()
