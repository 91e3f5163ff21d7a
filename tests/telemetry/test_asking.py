"""Which call got which answer, where only the histories of later model calls tell, with ids, without, and with others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from agenteval.core.span import Span
from agenteval.core.trajectory import Handoff, ModelCall, ToolCall
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.likeness import handed_to, transfer_target

ASKED = {"type": "tool_call", "name": "renew", "arguments": {"loan": "L-88"}}
USER = {"role": "user", "parts": [{"type": "text", "content": "Renew my loan."}]}


def asked(call_id: str | None = None) -> dict[str, Any]:
    return {"role": "assistant", "parts": [{**ASKED, "id": call_id} if call_id else ASKED]}


def answered(result: Any, call_id: str | None = None) -> dict[str, Any]:
    part = {"type": "tool_call_response", "response": result}
    return {"role": "tool", "parts": [{**part, "id": call_id} if call_id else part]}


SAYS = {"role": "assistant", "parts": [{"type": "text", "content": "Done."}]}


def results(heard: Sequence[Sequence[dict[str, Any]]], said: Sequence[dict[str, Any]]) -> list[tuple[Any, Any]]:
    """Result and error of each tool call of an agent, whose model calls read and said these things."""
    spans = [
        Span(
            trace_id="a" * 32, span_id=f"{n + 1:016x}", name="chat m", start_ns=10 * n, end_ns=10 * n + 5,
            attributes={
                "gen_ai.operation.name": "chat", "gen_ai.request.model": "m",
                "gen_ai.input.messages": json.dumps(before), "gen_ai.output.messages": json.dumps([after]),
            },
        )
        for n, (before, after) in enumerate(zip(heard, said, strict=True))
    ]  # fmt: skip
    (made,) = assemble(spans)
    models = {step.id: n for n, step in enumerate(step for step in made.steps if isinstance(step.content, ModelCall))}
    calls = [step.content for step in made.steps if isinstance(step.content, ToolCall)]
    assert [models[call.requested_by or ""] for call in calls] == list(range(len(calls)))
    return [(call.result, call.error) for call in calls]


LOCKED, RENEWED = {"error": "locked"}, {"days": 14}
ids = pytest.mark.parametrize(
    ("said_ids", "heard_ids"),
    [(("1", "2"), ("1", "2")), ((None, None), (None, None)), ((None, None), ("1", "2")), (("0", "0"), ("0", "0"))],
    ids=["ids", "no ids", "ids in histories alone", "one id for all"],
)


@ids
def test_of_two_calls_alike_each_has_its_own_answer(
    said_ids: Sequence[str | None], heard_ids: Sequence[str | None]
) -> None:
    first = [USER, asked(heard_ids[0]), answered(LOCKED, heard_ids[0])]
    second = [*first, asked(heard_ids[1]), answered(RENEWED, heard_ids[1])]
    said = [asked(said_ids[0]), asked(said_ids[1]), SAYS]
    assert results([[USER], first, second], said) == [(LOCKED, "locked"), (RENEWED, None)]


@ids
def test_of_two_calls_with_one_answer_both_have_it(
    said_ids: Sequence[str | None], heard_ids: Sequence[str | None]
) -> None:
    first = [USER, asked(heard_ids[0]), answered(RENEWED, heard_ids[0])]
    second = [*first, asked(heard_ids[1]), answered(RENEWED, heard_ids[1])]
    said = [asked(said_ids[0]), asked(said_ids[1]), SAYS]
    assert results([[USER], first, second], said) == [(RENEWED, None), (RENEWED, None)]


def test_answers_that_go_on_from_the_call_before_are_its_whatever_the_requests_were_called() -> None:
    heard = [[USER], [answered(LOCKED, "call_1")], [answered(RENEWED, "call_2")]]
    assert results(heard, [asked("fc_1"), asked("fc_2"), SAYS]) == [(LOCKED, "locked"), (RENEWED, None)]


def test_answers_to_something_else_are_nobodys() -> None:
    heard = [[USER], [answered(LOCKED, "call_1"), answered(RENEWED, "call_2")]]
    assert results(heard, [asked("fc_1"), SAYS]) == []


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("transfer_to_billing", "billing"),
        ("transfer_back_to_desk", "desk"),
        ("transfer-to-billing", "billing"),
        ("handoff_to_billing", "billing"),
        ("hand_off_billing", "billing"),
        ("Handoff to billing", "billing"),
        ("handoff", "agent"),
        ("transfer_funds", None),
        ("transfer_total", None),
        ("transfer", None),
        ("handoffs", None),
        ("bank_transfer_to_account", None),
    ],
)
def test_a_hand_off_is_told_from_a_tool_by_its_name(name: str, target: str | None) -> None:
    assert transfer_target(name) == target


def test_whom_is_handed_over_to_may_stand_in_the_arguments() -> None:
    assert handed_to("agent", {"reason": "a reservation", "to_agent": "branch"}) == "branch"
    assert handed_to("agent", {"who": "branch"}) == "branch"
    assert handed_to("agent", {"to": 1}) == "agent"
    assert handed_to("agent", None) == "agent"
    assert handed_to("billing", {"to_agent": "branch"}) == "billing"
    attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "handoff",
                  "gen_ai.tool.call.arguments": '{"to_agent": "branch", "reason": "a reservation"}'}  # fmt: skip
    (made,) = assemble(
        [Span(trace_id="a" * 32, span_id="b" * 16, name="x", start_ns=1, end_ns=2, attributes=attributes)]
    )
    assert [step.content for step in made.steps] == [Handoff(target="branch")]


@pytest.mark.parametrize("backwards", [False, True])
def test_each_of_hundreds_of_calls_without_ids_is_its_own_request(backwards: bool) -> None:
    many = list(range(1500))
    requests = [{"type": "tool_call", "id": f"c{n}", "name": "look", "arguments": {"n": n}} for n in many]
    answers = [{"type": "tool_call_response", "id": f"c{n}", "response": {"seen": n}} for n in many]
    asks = {"role": "assistant", "parts": requests}
    chat = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    first = {**chat, "gen_ai.output.messages": json.dumps([asks])}
    second = {
        **chat,
        "gen_ai.input.messages": json.dumps([asks, {"role": "tool", "parts": answers}]),
        "gen_ai.output.messages": json.dumps([SAYS]),
    }

    def span(number: int, start: int, attributes: dict[str, Any]) -> Span:
        return Span(
            trace_id="ab" * 16, span_id=f"{number:016x}", name="x", start_ns=start, end_ns=start, attributes=attributes
        )

    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look"}
    (trajectory,) = assemble(
        [
            span(1, 1, first),
            span(2, 5000, second),
            *(
                span(100 + n, 10 + at, {**tool, "gen_ai.tool.call.arguments": json.dumps({"n": n})})
                for at, n in enumerate(reversed(many) if backwards else many)
            ),
        ]
    )
    calls = [step.content for step in trajectory.steps if isinstance(step.content, ToolCall)]
    assert len(calls) == len(many)
    assert all(call.result == {"seen": call.arguments["n"]} for call in calls)


def test_requests_of_two_traces_whose_spans_have_one_id_and_time_are_told_apart() -> None:
    def chat(loan: str) -> dict[str, Any]:
        asks = {"role": "assistant", "parts": [{**ASKED, "arguments": {"loan": loan}}]}
        return {"gen_ai.operation.name": "chat", "gen_ai.output.messages": json.dumps([asks])}

    def tool(loan: str) -> dict[str, Any]:
        named = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "renew"}
        return {**named, "gen_ai.tool.call.arguments": json.dumps({"loan": loan})}

    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "desk"}
    told = [
        ("a", 1, None, 10, chat("L-1")),
        ("b", 9, None, 10, agent),
        ("b", 1, 9, 10, chat("L-2")),
        ("b", 2, 9, 20, tool("L-2")),
        ("b", 3, 9, 30, tool("L-3")),
    ]
    spans = [
        Span(
            trace_id=trace * 32, span_id=f"{name:016x}", parent_id=above and f"{above:016x}", name="x", start_ns=start,
            end_ns=50, attributes={**attributes, "gen_ai.conversation.id": "talk"},
        )
        for trace, name, above, start, attributes in told
    ]  # fmt: skip
    (trajectory,) = assemble(spans)
    calls = [step.content for step in trajectory.steps if isinstance(step.content, ToolCall)]
    assert [(call.arguments, call.requested_by) for call in calls] == [
        ({"loan": "L-2"}, f"{1:016x}"),
        ({"loan": "L-3"}, f"{1:016x}"),
    ]
