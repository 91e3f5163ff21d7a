"""Spans of Anthropic's SDKs, and of Claude Code with the log records that it leaves on the span of a turn."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from agenteval.core.message import Message, ToolRequest, ToolResponse, text_message
from agenteval.core.span import LogRecord, Span, SpanEvent, SpanStatus
from agenteval.core.trajectory import ModelCall, ToolCall, Usage
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.dialects import anthropic_sdk, claude_code
from agenteval.telemetry.dialects.reading import Reading

SDK = {"name": "com.anthropic.sdk.python", "version": "2.14.0"}
CODE = {"name": "com.anthropic.claude_code.tracing", "version": "1.0.0"}


def span(name: str, attributes: dict[str, Any], **values: Any) -> Span:
    defaults: dict[str, Any] = {"span_id": "b" * 16, "start_ns": 1, "end_ns": 5, "scope": SDK}
    return Span(trace_id="a" * 32, name=name, attributes=attributes, **{**defaults, **values})


def sdk(name: str, attributes: dict[str, Any], **values: Any) -> Reading:
    reading = anthropic_sdk.read(span(name, attributes, **values), (), ())
    assert reading is not None
    return reading


DONE = SpanStatus(code=1)
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "m",
    "gen_ai.response.model": "m-1",
    "gen_ai.response.id": "msg_1",
    "gen_ai.usage.input_tokens": 174,
    "gen_ai.usage.output_tokens": 17,
    "gen_ai.usage.cache_read.input_tokens": 64,
    "gen_ai.usage.cache_write.input_tokens": 10,
    "gen_ai.usage.reasoning.output_tokens": 5,
    "anthropic.message.stop_reason": "tool_use",
}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look", "gen_ai.tool.call.id": "toolu_1"}
ASKED = {"gen_ai.tool.call.arguments": '{"shed": 4}'}
RESULT = "anthropic.tool_result.content"


def blocks(*texts: str) -> str:
    return json.dumps([{"type": "text", "text": text} for text in texts])


# --- the SDKs


def test_others_spans_are_not_the_sdks() -> None:
    assert anthropic_sdk.read(span("anthropic.messages.create", CHAT, scope={"name": "x"}), (), ()) is None
    assert anthropic_sdk.read(span("anthropic.messages.create", CHAT, scope={"name": 7}), (), ()) is None
    assert (
        sdk("anthropic.messages.create", CHAT, scope={"name": "com.anthropic.sdk.typescript.bedrock"}).kind == "model"
    )


def test_a_request_with_its_contents() -> None:
    heard = [
        {"role": "user", "parts": [{"type": "tool_call_response", "id": "toolu_0", "response": [
            {"type": "text", "text": "[2]"}]}]},
    ]  # fmt: skip
    said = [{"role": "assistant", "parts": [
        {"type": "text", "content": "Wait."},
        {"type": "tool_call", "id": "toolu_1", "name": "look", "arguments": {"shed": 4}},
    ]}]  # fmt: skip
    reading = sdk(
        "anthropic.messages.create",
        {**CHAT, "gen_ai.input.messages": json.dumps(heard), "gen_ai.output.messages": json.dumps(said)},
        status=DONE,
    )
    call = reading.content
    assert isinstance(call, ModelCall)
    assert call.messages == (Message(role="tool", parts=(ToolResponse(response=[2], id="toolu_0"),)),)
    assert call.requests == (ToolRequest(name="look", arguments={"shed": 4}, id="toolu_1"),)
    assert call.usage == Usage(
        input_tokens=174, output_tokens=17, cached_tokens=64, cache_write_tokens=10, reasoning_tokens=5
    )
    assert (call.model, call.finish, call.error) == ("m-1", "tool_use", None)
    assert (reading.response_id, reading.delta, reading.missing) == ("msg_1", True, {})
    assert "anthropic.message.stop_reason" in reading.understood


def test_contents_that_were_off_and_contents_over_the_limit() -> None:
    off = sdk("anthropic.messages.create", CHAT, status=DONE)
    assert {name: why.partition(":")[0] for name, why in off.missing.items()} == {
        "messages": "content_off", "output": "content_off",
    }  # fmt: skip
    assert "ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE=content" in off.missing["output"]
    said = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "Don"}]}])
    cut = sdk(
        "anthropic.messages.create",
        {**CHAT, "gen_ai.output.messages": said, "gen_ai.input.messages": "[]", "anthropic.content.truncated": True},
        status=DONE,
    )
    assert (set(cut.missing), cut.truncated) == ({"messages"}, ("output",))
    assert cut.missing["messages"].startswith("cut: ")
    tool = sdk(
        "anthropic.tool_use look", {**TOOL, RESULT: blocks("a"), "anthropic.content.truncated": True}, status=DONE
    )
    assert (set(tool.missing), tool.truncated) == ({"arguments"}, ("result",))
    assert tool.missing["arguments"].startswith("cut: ")


@pytest.mark.parametrize(
    ("written", "result"),
    [
        (blocks('{"n": 2}'), {"n": 2}),
        (blocks("two", "ladders"), "two\nladders"),
        (blocks("42"), "42"),
        ('[{"type": "image"}]', [{"type": "image"}]),
        ('[{"type": "text", "text": "a"}, {"type": "image"}]', [{"type": "text", "text": "a"}, {"type": "image"}]),
        ([{"type": "text", "text": "a"}], "a"),
        ("two", "two"),
    ],
)
def test_what_a_tool_answered(written: Any, result: Any) -> None:
    reading = sdk("anthropic.custom_tool_use look", {**TOOL, **ASKED, RESULT: written}, status=DONE)
    assert reading.content == ToolCall(
        name="look", arguments={"shed": 4}, result=result, error=None, status="ok", call_id="toolu_1"
    )
    assert reading.missing == {}
    assert RESULT in reading.understood


def test_a_tool_that_failed_says_why_in_its_result() -> None:
    about = {**TOOL, **ASKED, "error.type": "tool_error"}
    failed = SpanStatus(code=2)
    told = sdk("anthropic.mcp_tool_use look", {**about, RESULT: blocks("it is locked")}, status=failed).content
    assert isinstance(told, ToolCall)
    assert (told.error, told.status, told.result) == ("it is locked", "error", None)
    silent = sdk("anthropic.mcp_tool_use look", about, status=failed).content
    assert isinstance(silent, ToolCall)
    assert silent.error == "tool_error"


def test_sessions_and_what_is_plumbing() -> None:
    assert sdk("anthropic.messages.create", {**CHAT, "anthropic.session.id": "sesn_1"}).session == "sesn_1"
    both = {**CHAT, "gen_ai.conversation.id": "mine", "anthropic.session.id": "sesn_1"}
    assert sdk("anthropic.messages.create", {**CHAT, "gen_ai.conversation.id": "mine"}).session == "mine"
    assert sdk("anthropic.messages.create", both).session == "mine"
    counted = {
        "gen_ai.request.model": "m",
        "anthropic.message.count_tokens.input_tokens": 4,
        "gen_ai.usage.input_tokens": 4,
    }
    assert sdk("anthropic.messages.count_tokens", counted).kind == "plumbing"
    assert sdk("anthropic.sessions.create", {"gen_ai.agent.name": "a", "gen_ai.request.model": "m"}).kind == "plumbing"
    assert sdk("anthropic.environment.work", {"anthropic.session.id": "sesn_1"}).kind == "plumbing"
    assert sdk("anthropic.messages.tool_runner", {"gen_ai.operation.name": "invoke_agent"}).kind == "agent"


# --- Claude Code

WHOSE = {"session.id": "s-1", "gen_ai.conversation.id": "s-1", "user.id": "6c0c41"}


def code(kind: str, attributes: dict[str, Any], *, logs: Any = (), children: Any = (), **values: Any) -> Reading:
    one = span(f"claude_code.{kind}", {"span.type": kind, **WHOSE, **attributes}, scope=CODE, **values)
    reading = claude_code.read(one, children, logs)
    assert reading is not None
    return reading


def log(event: str, number: int = 1, **attributes: Any) -> LogRecord:
    own = {"event.name": event, "event.sequence": number, **attributes}
    return LogRecord(trace_id="a" * 32, span_id="9" * 16, at_ns=number, name=f"claude_code.{event}", attributes=own)


ASKS = {
    "model": "c-1", "input_tokens": 110, "output_tokens": 17, "cache_read_tokens": 64, "cache_creation_tokens": 10,
    "stop_reason": "tool_use", "success": True,
}  # fmt: skip
CALLED = {"tool_name": "mcp__shop__look", "gen_ai.tool.name": "look", "tool_use_id": "toolu_1"}


def test_a_turn_is_the_users_words() -> None:
    reading = code("interaction", {"user_prompt": "Look.", "gen_ai.operation.name": "invoke_agent"})
    assert (reading.kind, reading.heard) == ("agent", (text_message("user", "Look."),))
    assert (reading.session, reading.user) == ("s-1", "6c0c41")
    assert code("interaction", {"user_prompt": "<REDACTED>"}).heard == ()
    assert code("llm_request", {"gen_ai.conversation.id": "a28e", "agent_id": "a28e"}).session == "s-1"  # a sub-agent's
    assert claude_code.read(span("claude_code.interaction", {"span.type": "interaction"}), (), ()) is None


def test_input_tokens_include_the_cached_ones_and_costs_come_from_logs() -> None:
    reading = code(
        "llm_request", ASKS, logs=[log("api_request", cost_usd=0.0004), log("assistant_response", response="Wait.")]
    )
    call = reading.content
    assert isinstance(call, ModelCall)
    assert call.usage == Usage(
        input_tokens=184, output_tokens=17, cached_tokens=64, cache_write_tokens=10, cost_usd=0.0004
    )
    assert (call.model, call.finish, call.output) == ("c-1", "tool_use", (text_message("assistant", "Wait."),))
    assert {name: why.partition(":")[0] for name, why in reading.missing.items()} == {
        "messages": "not_sent", "requests": "not_sent",
    }  # fmt: skip
    as_text = code("llm_request", {name: str(value) for name, value in ASKS.items()}).content
    assert isinstance(as_text, ModelCall)
    assert as_text.usage is not None
    assert (as_text.usage.input_tokens, as_text.usage.cost_usd) == (184, None)


def test_a_request_that_failed() -> None:
    call = code("llm_request", {"model": "c-1", "success": False, "error": "529 overloaded"}).content
    assert isinstance(call, ModelCall)
    assert (call.error, call.usage) == ("529 overloaded", None)


def test_a_call_with_arguments_from_logs_and_its_output_from_an_event() -> None:
    output = SpanEvent(name="tool.output", at_ns=3, attributes={"output": '{"n": 2}'})
    told = log("tool_result", tool_use_id="toolu_1", success="true", tool_input='{"shed":4}')
    reading = code("tool", CALLED, logs=[told], events=(output,))
    assert reading.content == ToolCall(
        name="look", arguments={"shed": 4}, result={"n": 2}, error=None, status="ok", call_id="toolu_1"
    )
    assert (reading.missing, reading.truncated) == ({}, ())
    bare = code("tool", CALLED)
    assert {name: why.partition(":")[0] for name, why in bare.missing.items()} == {
        "arguments": "not_sent", "result": "content_off",
    }  # fmt: skip
    cut = replace(told, attributes={**told.attributes, "tool_input": '{"shed": 4, "note": "a long st'})
    assert code("tool", CALLED, logs=[cut], events=(output,)).truncated == ("arguments",)


def test_a_calls_error_is_told_by_its_execution_or_its_record() -> None:
    beneath = span(
        "claude_code.tool.execution",
        {"span.type": "tool.execution", "success": False, "error": "tool_error"},
        status=SpanStatus(code=2, message="Error: it is locked"),
        scope=CODE,
    )
    call = code("tool", CALLED, children=[beneath]).content
    assert isinstance(call, ToolCall)
    assert (call.error, call.status, call.result) == ("Error: it is locked", "error", None)
    told = log("tool_result", tool_use_id="toolu_1", success="false", error="it is locked")
    call = code("tool", CALLED, logs=[told]).content
    assert isinstance(call, ToolCall)
    assert (call.error, call.status) == ("it is locked", "error")


def test_an_execution_in_which_a_model_is_asked_is_an_agent() -> None:
    asked = span("claude_code.llm_request", {"span.type": "llm_request"}, scope=CODE)
    assert code("tool.execution", {}, children=[asked]).kind == "agent"
    assert code("tool.execution", {}).kind == "plumbing"
    assert code("tool.blocked_on_user", {}).kind == "plumbing"
    assert code("hook", {}).kind == "plumbing"


def test_records_on_a_turn_go_to_the_spans_that_they_tell_of_whatever_their_order() -> None:
    def within(number: int, kind: str, attributes: dict[str, Any], **values: Any) -> Span:
        own: dict[str, Any] = {"span_id": f"{number:016x}", "parent_id": "9" * 16, "start_ns": number * 10}
        about = {"span.type": kind, **WHOSE, **attributes}
        return span(f"claude_code.{kind}", about, scope=CODE, **{**own, "end_ns": number * 10 + 5, **values})

    turn = within(0, "interaction", {"user_prompt": "Look."}, span_id="9" * 16, parent_id=None, end_ns=99)
    output = SpanEvent(name="tool.output", at_ns=25, attributes={"output": "two"})
    spans = [
        turn,
        within(1, "llm_request", ASKS),
        within(2, "tool", CALLED, events=(output,)),
        within(3, "llm_request", {**ASKS, "input_tokens": 150, "stop_reason": "end_turn"}),
    ]
    counts = {name: ASKS[name] for name in ("model", "output_tokens", "cache_read_tokens", "cache_creation_tokens")}
    logs = [
        log("api_request", 1, **counts, input_tokens=110, cost_usd="0.25"),
        log("tool_result", 2, tool_use_id="toolu_1", success="true", tool_input='{"shed":4}'),
        log("api_request", 3, **counts, input_tokens=150, cost_usd="0.5"),
        log("assistant_response", 4, model="c-1", response="Two."),
    ]
    (trajectory,) = assemble(spans, logs)
    assert assemble(reversed(spans), reversed(logs)) == [trajectory]
    models = [call for _, call in trajectory.of(ModelCall)]
    assert [(call.usage.cost_usd if call.usage else None, "".join(m.text for m in call.output)) for call in models] == [
        (0.25, ""), (0.5, "Two."),
    ]  # fmt: skip
    ((step, call),) = trajectory.of(ToolCall)
    assert (call.arguments, call.result, call.requested_by) == ({"shed": 4}, "two", f"{1:016x}")
    assert step.missing == {}
    assert [message.text for _, message in trajectory.of(Message)] == ["Look.", "Two."]
    assert trajectory.conversation_id == "s-1"
