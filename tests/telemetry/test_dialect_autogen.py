"""AutoGen's own spans: calls with ids and errors, and no contents; with OpenInference beside them, one call each."""

from __future__ import annotations

from typing import Any

from agenteval.core.span import Span, SpanEvent, SpanStatus
from agenteval.core.trajectory import ModelCall, ToolCall
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.dialects import autogen
from agenteval.telemetry.dialects.reading import Reading

TOOL = {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.system": "autogen",
    "gen_ai.tool.name": "look",
    "gen_ai.tool.description": "Looks.",
    "gen_ai.tool.call.id": "call_1",
}


def span(name: str, attributes: dict[str, Any], **values: Any) -> Span:
    defaults: dict[str, Any] = {"span_id": "b" * 16, "start_ns": 1, "end_ns": 5, "scope": {"name": "autogen-core"}}
    return Span(trace_id="a" * 32, name=name, attributes=attributes, **{**defaults, **values})


def read(name: str, attributes: dict[str, Any], **values: Any) -> Reading:
    reading = autogen.read(span(name, attributes, **values), (), ())
    assert reading is not None
    return reading


def test_others_spans_are_not_ours() -> None:
    assert autogen.read(span("execute_tool look", {**TOOL, "gen_ai.system": "x"}, scope={"name": "x"}), (), ()) is None
    assert autogen.read(span("execute_tool look", TOOL, scope={"name": 3}), (), ()) is not None


def test_a_call_has_an_id_and_no_contents() -> None:
    reading = read("execute_tool look", TOOL)
    assert reading.content == ToolCall(
        name="look", arguments=None, result=None, error=None, status="unknown", call_id="call_1"
    )
    assert {name: why.partition(":")[0] for name, why in reading.missing.items()} == {
        "arguments": "not_sent",
        "result": "not_sent",
        "status": "not_sent",
    }
    assert "OpenInference" in reading.missing["arguments"]
    assert reading.understood == TOOL.keys()


def test_a_call_that_raised() -> None:
    raised = SpanEvent(
        name="exception", at_ns=3, attributes={"exception.type": "RuntimeError", "exception.message": "it is locked"}
    )
    status = SpanStatus(code=2, message="RuntimeError: it is locked")
    reading = read("execute_tool look", {**TOOL, "error.type": "RuntimeError"}, status=status, events=(raised, raised))
    assert isinstance(reading.content, ToolCall)
    assert (reading.content.error, reading.content.status) == ("it is locked", "error")
    assert set(reading.missing) == {"arguments"}


def test_agents_and_what_moves_messages_about() -> None:
    named = {"gen_ai.system": "autogen", "gen_ai.agent.name": "desk"}
    invoked = read("invoke_agent desk", {**named, "gen_ai.operation.name": "invoke_agent"})
    assert (invoked.kind, invoked.agent, invoked.heard, invoked.session) == ("agent", "desk", (), None)
    assert read("create_agent desk", {**named, "gen_ai.operation.name": "create_agent"}).kind == "plumbing"
    runtime = {"name": "autogen SingleThreadedAgentRuntime"}
    assert read("autogen process desk", {"messaging.operation": "process"}, scope=runtime).kind == "plumbing"


def test_two_instrumentations_saw_one_call() -> None:
    about = {"openinference.span.kind": "TOOL", "tool.name": "look", "input.value": '{"n": 1}', "output.value": "two"}
    inner = span("look.run", about, span_id="c" * 16, parent_id="b" * 16, start_ns=2, end_ns=4, scope={"name": "oi"})
    outer = span("execute_tool look", TOOL)
    for spans in ([outer, inner], [inner, outer]):
        (trajectory,) = assemble(spans)
        ((step, call),) = trajectory.of(ToolCall)
        assert call == ToolCall(
            name="look", arguments={"n": 1}, result="two", error=None, status="ok", call_id="call_1"
        )
        assert step.missing == {}
        assert step.span_ids == ("b" * 16, "c" * 16)
        assert not list(trajectory.of(ModelCall))
