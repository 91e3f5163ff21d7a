"""OpenLLMetry spans, old and new."""

from __future__ import annotations

import json
from typing import Any

from agenteval.core.message import Message, TextPart, ToolRequest, ToolResponse, text_message
from agenteval.core.span import Span, SpanEvent, SpanStatus
from agenteval.core.trajectory import Handoff, ModelCall, OfferedTool, ToolCall, Usage
from agenteval.telemetry.dialects import openllmetry
from agenteval.telemetry.dialects.reading import Reading


def read(name: str, attributes: dict[str, Any], **values: Any) -> Reading | None:
    defaults: dict[str, Any] = {"end_ns": 5, "scope": {"name": "opentelemetry.instrumentation.openai.v1"}}
    span = Span(
        trace_id="a" * 32, span_id="b" * 16, name=name, start_ns=1, attributes=attributes, **{**defaults, **values}
    )
    return openllmetry.read(span, (), ())


def found(name: str, attributes: dict[str, Any], **values: Any) -> Reading:
    reading = read(name, attributes, **values)
    assert reading is not None
    return reading


WISH = ToolRequest(name="look", arguments={"a": 1}, id="c1")
WHOSE = {
    "traceloop.association.properties.session_id": "s-1",
    "traceloop.association.properties.user_id": "u-1",
    "traceloop.association.properties.chat_id": "chat",
}
WANTED = ModelCall(
    model="m-1-2026",
    messages=(
        text_message("system", "Be kind."),
        text_message("user", "Hi"),
        Message(role="assistant", parts=(TextPart(text="Wait."), WISH)),
        Message(role="tool", parts=(ToolResponse(response={"ok": True}, id="c1"),)),
    ),
    offered_tools=(OfferedTool(name="look", description="Looks.", parameters={"type": "object"}),),
    output=(text_message("assistant", "Done"),),
    usage=Usage(input_tokens=174, output_tokens=17, cached_tokens=64, reasoning_tokens=5),
    finish="stop",
)


def test_others_spans_are_not_ours() -> None:
    assert read("x", {}) is None
    assert read("chat m", {"gen_ai.operation.name": "chat", "gen_ai.system": "openai"}) is None
    assert read("LangSmith's", {"gen_ai.prompt": "{}", "gen_ai.completion": "{}"}) is None
    plumbing = read("x", {}, scope={"name": "traceloop.tracer"})
    assert plumbing is not None
    assert plumbing.kind == "plumbing"


def test_the_old_flattened_form() -> None:
    reading = found(
        "openai.chat",
        {
            **WHOSE,
            "llm.request.type": "chat",
            "gen_ai.request.model": "m-1",
            "gen_ai.response.model": "m-1-2026",
            "gen_ai.response.id": "chatcmpl-1",
            "gen_ai.prompt.0.role": "system",
            "gen_ai.prompt.0.content": "Be kind.",
            "gen_ai.prompt.1.role": "user",
            "gen_ai.prompt.1.content": '[{"type": "text", "text": "Hi"}]',
            "gen_ai.prompt.2.role": "assistant",
            "gen_ai.prompt.2.content": "Wait.",
            "gen_ai.prompt.2.tool_calls.0.id": "c1",
            "gen_ai.prompt.2.tool_calls.0.name": "look",
            "gen_ai.prompt.2.tool_calls.0.arguments": '{"a": 1}',
            "gen_ai.prompt.3.role": "tool",
            "gen_ai.prompt.3.tool_call_id": "c1",
            "gen_ai.prompt.3.content": '{"ok": true}',
            "llm.request.functions.0.name": "look",
            "llm.request.functions.0.description": "Looks.",
            "llm.request.functions.0.parameters": '{"type": "object"}',
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": "Done",
            "gen_ai.completion.0.finish_reason": "stop",
            "gen_ai.usage.prompt_tokens": 174,
            "gen_ai.usage.completion_tokens": 17,
            "gen_ai.usage.cache_read_input_tokens": 64,
            "gen_ai.usage.reasoning_tokens": 5,
        },
    )
    assert (reading.kind, reading.content) == ("model", WANTED)
    assert (reading.session, reading.user, reading.response_id) == ("s-1", "u-1", "chatcmpl-1")
    assert (reading.dialect, reading.missing) == ("openllmetry", {})


def test_the_new_form_has_the_messages_of_the_convention() -> None:
    call = {"type": "tool_call", "id": "c1", "name": "look", "arguments": '{"a": 1}'}
    answer = {"type": "tool_call_response", "id": "c1", "response": '{"ok": true}'}
    heard = [
        {"role": "user", "parts": [{"type": "text", "content": "Hi"}]},
        {"role": "assistant", "parts": [{"type": "text", "content": "Wait."}, call]},
        {"role": "tool", "parts": [answer]},
    ]
    said = [{"role": "assistant", "parts": [{"type": "text", "content": "Done"}], "finish_reason": "stop"}]
    attributes = {
        **WHOSE,
        "gen_ai.operation.name": "chat",
        "gen_ai.response.model": "m-1-2026",
        "gen_ai.system_instructions": '[{"type": "text", "content": "Be kind."}]',
        "gen_ai.input.messages": json.dumps(heard),
        "gen_ai.output.messages": json.dumps(said),
        "gen_ai.tool.definitions": '[{"name": "look", "description": "Looks.", "parameters": {"type": "object"}}]',
        "gen_ai.usage.input_tokens": 174,
        "gen_ai.usage.output_tokens": 17,
        "gen_ai.usage.cache_read.input_tokens": 64,
        "gen_ai.usage.reasoning_tokens": 5,
        "gen_ai.response.finish_reasons": ["stop"],
    }
    assert found("openai.chat", attributes).content == WANTED
    bare = {name: value for name, value in attributes.items() if not name.startswith("traceloop.")}
    assert read("openai.chat", bare) is None
    assert found("openai.chat", {**bare, "gen_ai.is_streaming": False}).content == WANTED
    assert found("x", {**attributes, "gen_ai.response.finish_reasons": '["stop"]'}).content == WANTED


def test_what_attribute_limits_left_of_the_old_form() -> None:
    reading = found(
        "openai.chat",
        {
            "gen_ai.prompt.6.tool_call_id": "c0",
            "gen_ai.prompt.7.tool_calls.0.name": "look",
            "gen_ai.prompt.7.tool_calls.0.id": "c1",
            "gen_ai.prompt.8.tool_call_id": "c1",
            "gen_ai.prompt.8.content": "ok",
            "gen_ai.completion.0.content": "Done",
        },
        dropped_attributes=9,
    )
    assert isinstance(reading.content, ModelCall)
    assert reading.content.messages == (
        Message(role="assistant", parts=(ToolRequest(name="look", arguments={}, id="c1"),)),
        Message(role="tool", parts=(ToolResponse(response="ok", id="c1"),)),
    )
    evicted = "evicted: the sender dropped 9 attributes of this span"
    assert reading.missing == {"messages": evicted, "usage": evicted}


def test_content_off() -> None:
    reading = found("openai.chat", {"llm.request.type": "chat", "gen_ai.usage.prompt_tokens": 1})
    assert {name: why.split(":")[0] for name, why in reading.missing.items()} == {
        "messages": "content_off",
        "output": "content_off",
    }


def test_a_decorated_tool() -> None:
    attributes = {
        "traceloop.span.kind": "tool",
        "traceloop.entity.name": "look",
        "traceloop.entity.input": '{"args": [], "kwargs": {"city": "\\u6771\\u4eac"}}',
    }
    reading = found("look.tool", {**attributes, "traceloop.entity.output": '"rain \\u2602"'})
    assert reading.content == ToolCall(name="look", arguments={"city": "東京"}, result="rain ☂")
    failed = SpanEvent(name="exception", at_ns=2, attributes={"exception.message": "no such city"})
    reading = found("look.tool", attributes, status=SpanStatus(code=2, message="x"), events=(failed,))
    assert reading.content == ToolCall(name="look", arguments={"city": "東京"}, error="no such city", status="error")
    reading = found("look.tool", {"traceloop.span.kind": "tool"}, status=SpanStatus(code=1))
    assert (reading.content, set(reading.missing)) == (ToolCall(name="look"), {"arguments", "result"})


def test_a_langchain_tool() -> None:
    asked = {
        "input_str": "{'a': 1}",
        "tags": ["x"],
        "metadata": {},
        "inputs": {"a": 1},
        "kwargs": {"color": "green", "tool_call_id": "c1"},
    }
    kwargs = {"content": '{"ok": true}', "type": "tool", "tool_call_id": "c1", "status": "success"}
    message = {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "schema", "messages", "ToolMessage"],
        "kwargs": kwargs,
    }
    for prefix in (
        ("gen_ai.tool.call.arguments", "gen_ai.tool.call.result"),
        ("traceloop.entity.input", "traceloop.entity.output"),
    ):
        answered = {"output": message, "kwargs": {"tags": ["x"]}}
        attributes = {"traceloop.span.kind": "tool", "gen_ai.tool.name": "look"}
        reading = found(
            "execute_tool look", {**attributes, prefix[0]: json.dumps(asked), prefix[1]: json.dumps(answered)}
        )
        assert reading.content == ToolCall(name="look", arguments={"a": 1}, result={"ok": True}, call_id="c1")
    plain = {"traceloop.entity.output": '{"output": "rain", "kwargs": {}}'}
    reading = found("look.tool", {"traceloop.span.kind": "tool", "traceloop.entity.input": json.dumps(asked), **plain})
    assert isinstance(reading.content, ToolCall)
    assert (reading.content.result, reading.content.call_id) == ("rain", "c1")


def test_agents_workflows_tasks_and_handoffs() -> None:
    entity = {
        "traceloop.entity.name": "support",
        "traceloop.entity.input": '{"args": ["Hi"], "kwargs": {}}',
        "traceloop.entity.output": '"Done"',
    }
    for kind in ("agent", "workflow"):
        reading = found("support.x", {"traceloop.span.kind": kind, **entity, **WHOSE})
        assert (reading.kind, reading.agent, reading.session) == ("agent", "support", "s-1")
        assert (reading.heard, reading.said) == ((text_message("user", "Hi"),), (text_message("assistant", "Done"),))
    assert found("Agent Workflow", {"traceloop.span.kind": "workflow"}).kind == "plumbing"
    assert found("x.task", {"traceloop.span.kind": "task", **entity}).kind == "plumbing"
    reading = found("triage → billing.handoff", {"traceloop.span.kind": "handoff"})
    assert (reading.kind, reading.content) == ("tool", Handoff(target="billing"))
    reading = found("x", {"traceloop.span.kind": "handoff", "gen_ai.handoff.to_agent": "billing"})
    assert reading.content == Handoff(target="billing")
