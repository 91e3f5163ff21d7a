"""What agents within agents leave behind: handovers, interrupts, calls that were none, call ids that were made up twice."""

from __future__ import annotations

from typing import Any

from agenteval.core import semconv as s
from agenteval.core.codec import fingerprint, from_json, to_json
from agenteval.core.message import Message
from agenteval.core.span import Span
from agenteval.core.trajectory import Handoff, Interrupt, ToolCall
from agenteval.telemetry.assemble import trajectory_of


def span(number: int, parent: int | None, start: int, end: int, **attributes: Any) -> Span:
    return Span(
        trace_id="e" * 32,
        span_id=f"{number:016x}",
        parent_id=None if parent is None else f"{parent:016x}",
        name=str(number),
        start_ns=start,
        end_ns=end,
        scope={"name": "agenteval"},
        attributes=attributes,
    )


def root(count: int) -> Span:
    return span(1, None, 0, 99, **{s.SOURCE: "harness", s.SPANS_STARTED: count, s.SPANS_ENDED: count})


def agent(number: int, parent: int, start: int, end: int, **attributes: Any) -> Span:
    return span(number, parent, start, end, **{s.OPERATION: s.INVOKE_AGENT, s.AGENT_NAME: f"a{number}", **attributes})


def asks(number: int, parent: int, start: int, call_id: str, name: str, arguments: Any) -> Span:
    wish = {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}
    output = [{"role": "assistant", "parts": [wish]}]
    return span(number, parent, start, start + 1, **{s.OPERATION: s.CHAT, s.OUTPUT_MESSAGES: output})


def calls(number: int, parent: int, start: int, call_id: str, name: str, arguments: Any, **attributes: Any) -> Span:
    own = {s.OPERATION: s.EXECUTE_TOOL, s.TOOL_NAME: name, s.TOOL_ARGUMENTS: arguments, s.TOOL_CALL_ID: call_id}
    return span(number, parent, start, start + 1, **{**own, s.TOOL_RESULT: "ok", **attributes})


def test_one_call_id_made_up_twice_is_two_requests() -> None:
    spans = [
        root(9),
        agent(2, 1, 1, 90),
        asks(10, 2, 2, "1", "look", {"n": 1}),
        asks(11, 2, 3, "1", "look", {"n": 2}),
        asks(12, 2, 4, "1", "find", {"n": 1}),
        calls(20, 2, 5, "1", "look", {"n": 2}),
        calls(21, 2, 6, "1", "find", {"n": 1}),
        calls(22, 2, 7, "1", "look", {"n": 1}),
        calls(23, 2, 8, "1", "look", {"n": 1}),
    ]
    trajectory = trajectory_of(spans)
    asked = [call.requested_by and int(call.requested_by, 16) for _, call in trajectory.of(ToolCall)]
    assert asked == [11, 12, 10, None]


def test_equal_requests_of_two_agents_are_told_apart_by_the_agent() -> None:
    spans = [
        root(7),
        agent(2, 1, 1, 90),
        agent(3, 2, 2, 90),
        asks(10, 2, 3, "1", "look", {}),
        asks(11, 3, 4, "1", "look", {}),
        calls(20, 2, 5, "1", "look", {}),
        calls(21, 3, 6, "1", "look", {}),
    ]
    assert [int(call.requested_by or "0", 16) for _, call in trajectory_of(spans).of(ToolCall)] == [10, 11]


def test_an_id_with_arguments_that_the_agent_changed_is_still_its_request() -> None:
    spans = [root(4), agent(2, 1, 1, 90), asks(10, 2, 2, "1", "look", {}), calls(20, 2, 5, "1", "look", {"n": 1})]
    assert [int(call.requested_by or "0", 16) for _, call in trajectory_of(spans).of(ToolCall)] == [10]


def test_handovers_interrupts_and_calls_that_were_none() -> None:
    stopped = {"value": {"pay": 5}, "answer": False}
    spans = [
        root(5),
        agent(2, 1, 1, 20),
        calls(20, 2, 5, "1", "go", {}, **{s.HANDOFF: ["bob", "eve"]}),
        calls(21, 2, 6, "2", "go", {}, **{s.NO_STEP: "it was run again"}),
        agent(
            3, 1, 30, 40, **{s.INTERRUPT: stopped, s.INPUT_MESSAGES: [{"role": "user", "parts": [{"type": "text", "content": "No."}]}]}
        ),
    ]  # fmt: skip
    trajectory = trajectory_of(spans)
    contents = [step.content for step in trajectory.steps]
    assert [type(content) for content in contents] == [ToolCall, Handoff, Handoff, Interrupt, Message]
    assert [content.target for content in contents[1:3] if isinstance(content, Handoff)] == ["bob", "eve"]
    assert contents[3] == Interrupt(value={"pay": 5}, answer=False)
    assert trajectory.integrity.complete
    assert len({step.id for step in trajectory.steps}) == 5
    again = from_json(to_json(trajectory))
    assert again == trajectory
    assert fingerprint(again) == fingerprint(trajectory)
