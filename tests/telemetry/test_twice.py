"""What two instrumentations saw of one run: side by side, in traces of their own, in part, and what is not the same."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from agenteval.core.message import Message
from agenteval.core.span import Span
from agenteval.core.trajectory import Handoff, ModelCall, ToolCall, Trajectory
from agenteval.telemetry.assemble import assemble

FRAMEWORK, CLIENT = "openinference.instrumentation.langchain", "openinference.instrumentation.openai"
CALL = "llm.output_messages.0.message.tool_calls.0.tool_call"


def span(scope: str, trace: int, number: int, times: tuple[int, int], kind: str, **more: Any) -> Span:
    attributes: dict[str, Any] = more.pop("attributes", {})
    parent: int | None = more.pop("parent", None)
    return Span(
        trace_id=f"{trace:032x}",
        span_id=f"{trace:08x}{number:08x}",
        parent_id=None if parent is None else f"{trace:08x}{parent:08x}",
        name=more.get("name", kind.lower()),
        start_ns=times[0],
        end_ns=times[1],
        scope={"name": scope},
        attributes={"openinference.span.kind": kind, **attributes},
    )


def agent(scope: str, trace: int, number: int, times: tuple[int, int], name: str = "desk", **more: Any) -> Span:
    return span(scope, trace, number, times, "AGENT", attributes={"agent.name": name}, **more)


def asks(
    scope: str,
    trace: int,
    number: int,
    times: tuple[int, int],
    *,
    answer: str | None = None,
    call: str | None = "call_1",
    **more: Any,
) -> Span:
    attributes = {
        "llm.model_name": "m",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "Renew my loan.",
        "llm.output_messages.0.message.role": "assistant",
        f"{CALL}.function.name": "renew",
        f"{CALL}.function.arguments": '{"loan": "L-88"}',
        "llm.token_count.prompt": 100,
        "llm.token_count.completion": 11,
        **({f"{CALL}.id": call} if call else {}),
        **({"llm.response.id": answer} if answer else {}),
    }
    return span(scope, trace, number, times, "LLM", attributes=attributes, **more)


def says(scope: str, trace: int, number: int, times: tuple[int, int], *, words: str = "Done.", **more: Any) -> Span:
    attributes = {
        "llm.model_name": "m",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "Renew my loan.",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": words,
        "llm.token_count.prompt": more.pop("prompt", 150),
        "llm.token_count.completion": 20,
        **more.pop("attributes", {}),
    }
    return span(scope, trace, number, times, "LLM", attributes=attributes, **more)


def renews(scope: str, trace: int, number: int, times: tuple[int, int], loan: str = "L-88", **more: Any) -> Span:
    attributes = {"tool.name": "renew", "input.value": json.dumps({"loan": loan}), **more.pop("attributes", {})}
    return span(scope, trace, number, times, "TOOL", attributes={**attributes, "output.value": '{"days": 14}'}, **more)


def counted(trajectories: list[Trajectory]) -> list[dict[str, int]]:
    """How many steps of each kind each conversation has, and its agents' runs."""
    return [
        {
            "models": sum(isinstance(step.content, ModelCall) for step in one.steps),
            "tools": sum(isinstance(step.content, ToolCall) for step in one.steps),
            "handoffs": sum(isinstance(step.content, Handoff) for step in one.steps),
            "runs": len(one.runs),
        }
        for one in trajectories
    ]


def whole(*spans: Span) -> list[Trajectory]:
    """The trajectories of spans, in whatever order they come."""
    made = assemble(spans)
    mixed = list(spans)
    random.Random(7).shuffle(mixed)
    assert assemble(mixed) == made
    return made


def test_a_model_call_that_the_clients_instrumentation_saw_in_a_trace_of_its_own() -> None:
    framework = [
        agent(FRAMEWORK, 1, 1, (0, 100)),
        asks(FRAMEWORK, 1, 2, (10, 20), parent=1),
        renews(FRAMEWORK, 1, 3, (30, 40), parent=1),
        says(FRAMEWORK, 1, 4, (50, 60), parent=1),
    ]
    client = [asks(CLIENT, 2, 1, (12, 18), answer="chatcmpl-1"), says(CLIENT, 3, 1, (52, 58))]
    (made,) = whole(*framework, *client)
    assert counted([made]) == [{"models": 2, "tools": 1, "handoffs": 0, "runs": 1}]
    assert (made.usage.input_tokens, made.usage.output_tokens) == (250, 31)
    assert len(made.trace_ids) == 3
    first = next(step for step in made.steps if isinstance(step.content, ModelCall))
    assert first.run == framework[0].span_id
    assert set(first.span_ids) == {framework[1].span_id, client[0].span_id}


def test_a_session_that_one_of_the_two_names_is_that_of_both() -> None:
    named = span(CLIENT, 2, 9, (0, 1), "CHAIN", attributes={"session.id": "s-1"})
    both = [asks(FRAMEWORK, 1, 1, (10, 20)), asks(CLIENT, 2, 1, (12, 18)), named]
    (made,) = whole(*both)
    assert made.conversation_id == "s-1"
    assert counted([made])[0]["models"] == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (asks(FRAMEWORK, 1, 1, (10, 20)), asks(FRAMEWORK, 2, 1, (12, 18))),  # one instrumentation sees a call once
        (asks(FRAMEWORK, 1, 1, (10, 20)), asks(CLIENT, 2, 1, (22, 28))),  # one after the other
        (asks(FRAMEWORK, 1, 1, (10, 20)), asks(CLIENT, 2, 1, (12, 18), call="call_2")),
        (asks(FRAMEWORK, 1, 1, (10, 20), answer="a"), asks(CLIENT, 2, 1, (12, 18), answer="b")),
        (says(FRAMEWORK, 1, 1, (10, 20)), says(CLIENT, 2, 1, (12, 18), prompt=151)),
        (says(FRAMEWORK, 1, 1, (10, 20)), says(CLIENT, 2, 1, (12, 18), words="No.")),
    ],
    ids=["same scope", "not at once", "other call ids", "other answers", "other counts", "other words"],
)
def test_calls_that_are_not_the_same_stay_two(one: Span, other: Span) -> None:
    assert [some["models"] for some in counted(whole(one, other))] == [1, 1]


def test_a_tool_call_seen_twice_side_by_side_is_one_and_its_error_is_kept() -> None:
    failed = {"output.value": "Error: locked", "tool.id": "call_1"}
    spans = [
        agent(FRAMEWORK, 1, 1, (0, 100)),
        asks(FRAMEWORK, 1, 2, (5, 8), parent=1),
        agent("other", 1, 5, (1, 99), parent=1),
        renews(FRAMEWORK, 1, 3, (10, 20), parent=1),
        span(
            "other",
            1,
            4,
            (11, 21),
            "TOOL",
            parent=5,
            attributes={"tool.name": "renew", "input.value": '{"loan": "L-88"}', **failed},
        ),
    ]
    (made,) = whole(*spans)
    assert counted([made]) == [{"models": 1, "tools": 1, "handoffs": 0, "runs": 1}]
    call = next(step.content for step in made.steps if isinstance(step.content, ToolCall))
    assert call.call_id == "call_1"


def test_equal_calls_at_the_same_time_stay_as_many_as_each_instrumentation_saw() -> None:
    spans = [
        renews(scope, 1, 10 * at + n, (10 + at, 30 + at), loan="L-1")
        for at, scope in enumerate(("a", "b"))
        for n in (1, 2)
    ]
    (made,) = whole(span("a", 1, 99, (0, 100), "CHAIN"), *spans)
    assert counted([made])[0]["tools"] == 2


def test_what_lies_within_a_call_is_no_second_view_of_it() -> None:
    inner = renews("b", 1, 3, (12, 18), parent=2)
    agent_within = agent("b", 1, 2, (11, 19), name="clerk", parent=1)
    (made,) = whole(renews("a", 1, 1, (10, 20)), agent_within, inner)
    assert counted([made])[0]["tools"] == 2


def test_two_whole_traces_of_one_run_are_one_run() -> None:
    def seen(scope: str, trace: int, shift: int) -> list[Span]:
        task = span(
            scope,
            trace,
            3,
            (20 + shift, 50 - shift),
            "TOOL",
            parent=1,
            attributes={"tool.name": "Task", "input.value": "{}"},
        )
        return [
            agent(scope, trace, 1, (shift, 100 - shift)),
            asks(scope, trace, 2, (10 + shift, 19 - shift), parent=1),
            task,
            agent(scope, trace, 4, (21 + shift, 49 - shift), name="clerk", parent=3),
            says(scope, trace, 5, (25 + shift, 45 - shift), parent=4, words="Renewed."),
            span(scope, trace, 6, (60 + shift, 70 - shift), "TOOL", name="handoff to branch", parent=1),
        ]

    alone = counted(whole(*seen("a", 1, 0)))
    assert (
        counted(whole(*seen("a", 1, 0), *seen("b", 2, 1)))
        == alone
        == [{"models": 2, "tools": 2, "handoffs": 1, "runs": 2}]
    )
    assert counted(whole(*seen("b", 2, 0), *seen("a", 1, 1))) == alone


def test_two_views_of_an_agent_that_each_saw_a_part_are_one_agent() -> None:
    one = [agent("a", 1, 1, (0, 100)), asks("a", 1, 2, (10, 20), parent=1)]
    other = [agent("b", 2, 1, (1, 99)), asks("b", 2, 2, (11, 19), parent=1), renews("b", 2, 3, (30, 40), parent=1)]
    (made,) = whole(*one, *other)
    assert counted([made]) == [{"models": 1, "tools": 1, "handoffs": 0, "runs": 1}]
    assert {step.run for step in made.steps if not isinstance(step.content, Message)} == {one[0].span_id}
    named_otherwise = [agent("b", 2, 1, (1, 99), name="workflow"), asks("b", 2, 2, (11, 19), parent=1)]
    assert counted(whole(*one, *named_otherwise))[0]["runs"] == 1
    with_more = [*named_otherwise, renews("b", 2, 3, (30, 40), parent=1)]
    assert counted(whole(*one, *with_more))[0]["runs"] == 2


def test_a_view_without_answers_and_without_agents_is_known_by_what_the_model_read() -> None:
    def blind(trace: int, number: int, times: tuple[int, int]) -> Span:
        heard = {"llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "Renew my loan."}
        return span("blind", trace, number, times, "LLM", attributes={"llm.model_name": "m", **heard})

    spans = [agent(FRAMEWORK, 1, 1, (0, 100)), asks(FRAMEWORK, 1, 2, (12, 18), parent=1), blind(2, 1, (10, 20))]
    (made,) = whole(*spans)
    assert counted([made])[0]["models"] == 1
    step = next(step for step in made.steps if isinstance(step.content, ModelCall))
    assert step.run == spans[0].span_id
    assert step.missing == {}


def test_many_conversations_with_one_made_up_answer_id_do_not_become_one() -> None:
    spans = [asks(FRAMEWORK, n, 1, (100 * n, 100 * n + 9), answer="chatcmpl-mock") for n in range(1, 40)]
    spans += [asks(CLIENT, 100 + n, 1, (100 * n + 1, 100 * n + 8), answer="chatcmpl-mock") for n in range(1, 40)]
    made = whole(*spans)
    assert [some["models"] for some in counted(made)] == [1] * 39
    assert {len(one.trace_ids) for one in made} == {2}
