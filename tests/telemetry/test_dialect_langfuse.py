"""Spans of the Langfuse SDK, versions 3 and 5, its LangChain handler among them."""

from __future__ import annotations

import json
from typing import Any

from agenteval.core.message import Message, ToolRequest, ToolResponse, text_message
from agenteval.core.span import Span, SpanStatus
from agenteval.core.trajectory import ModelCall, OfferedTool, ToolCall, Usage
from agenteval.telemetry.dialects import langfuse
from agenteval.telemetry.dialects.reading import Reading

P = "langfuse.observation."


def read(name: str, attributes: dict[str, Any], **values: Any) -> Reading:
    defaults: dict[str, Any] = {"end_ns": 5, "scope": {"name": "langfuse-sdk"}, "parent_id": "c" * 16}
    span = Span(
        trace_id="a" * 32, span_id="b" * 16, name=name, start_ns=1, attributes=attributes, **{**defaults, **values}
    )
    reading = langfuse.read(span, (), ())
    assert reading is not None
    return reading


def test_other_spans_that_its_processor_sends_are_not_ours() -> None:
    others = Span(
        trace_id="a" * 32,
        span_id="b" * 16,
        name="x",
        start_ns=1,
        end_ns=2,
        attributes={"langfuse.trace.tags": ["prod"], "session.id": "s"},
    )
    assert langfuse.read(others, (), ()) is None


def test_a_generation_of_the_openai_integration() -> None:
    function = {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}
    asked = {
        "tools": [{"type": "function", "function": function}],
        "messages": [{"role": "user", "content": "Hi"}, {"role": "tool", "tool_call_id": "c0", "content": "{}"}],
    }
    wish = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}
    counts = {
        "prompt_tokens": 174,
        "completion_tokens": 17,
        "total_tokens": 191,
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    reading = read(
        "OpenAI-generation",
        {
            P + "type": "generation",
            P + "input": json.dumps(asked),
            P + "output": json.dumps({"role": "assistant", "content": None, "tool_calls": [wish]}),
            P + "model.name": "m-1-2026",
            P + "usage_details": json.dumps(counts),
            P + "cost_details": '{"input": 0.1, "total": 0.25}',
            "session.id": "s-1",
            "user.id": "u-1",
        },
    )
    request = ToolRequest(name="look", arguments={"a": 1}, id="c1")
    assert reading.content == ModelCall(
        model="m-1-2026",
        messages=(text_message("user", "Hi"), Message(role="tool", parts=(ToolResponse(response={}, id="c0"),))),
        offered_tools=(OfferedTool(name="look", description="Looks.", parameters={"type": "object"}),),
        output=(Message(role="assistant", parts=(request,)),),
        requests=(request,),
        usage=Usage(input_tokens=174, output_tokens=17, cached_tokens=64, reasoning_tokens=5, cost_usd=0.25),
    )
    assert (reading.kind, reading.session, reading.user, reading.missing) == ("model", "s-1", "u-1", {})


def test_a_generation_of_the_langchain_handler() -> None:
    function = {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}
    asked = [
        {"role": "user", "content": "Hi"},
        {"role": "tool", "content": {"type": "function", "function": function}},
    ]
    wish = {"id": "c1", "type": "function", "function": {"arguments": {"a": 1}, "name": "look"}}
    counts = {"input": 110, "output": 12, "total": 191, "input_cache_read": 64, "output_reasoning": 5, "input_audio": 0}
    reading = read(
        "ChatOpenAI",
        {
            P + "type": "generation",
            P + "input": json.dumps(asked),
            P + "output": json.dumps({"role": "assistant", "content": "", "additional_kwargs": {"tool_calls": [wish]}}),
            P + "usage_details": json.dumps(counts),
            P + "metadata.thread_id": "t-1",
            P + "metadata.lc_agent_name": "support",
        },
    )
    assert isinstance(reading.content, ModelCall)
    assert reading.content.messages == (text_message("user", "Hi"),)
    assert [tool.name for tool in reading.content.offered_tools] == ["look"]
    assert reading.content.requests == (ToolRequest(name="look", arguments={"a": 1}, id="c1"),)
    assert reading.content.usage == Usage(input_tokens=174, output_tokens=17, cached_tokens=64, reasoning_tokens=5)
    assert (reading.session, reading.agent) == ("t-1", "support")


def test_a_generation_of_plain_text_and_one_that_failed() -> None:
    reading = read("x", {P + "type": "generation", P + "input": "Hi", P + "output": "Hello"})
    assert isinstance(reading.content, ModelCall)
    assert reading.content.messages == (text_message("user", "Hi"),)
    assert reading.content.output == (text_message("assistant", "Hello"),)
    assert set(reading.missing) == {"usage"}
    failed = {P + "type": "generation", P + "input": "Hi", P + "level": "ERROR", P + "status_message": "400"}
    reading = read("x", failed)
    assert isinstance(reading.content, ModelCall)
    assert (reading.content.error, reading.missing) == ("400", {})


def test_tools() -> None:
    asked = {P + "type": "tool", P + "input": '{"args": [], "kwargs": {"city": "\\u6771\\u4eac"}}'}
    reading = read("look", {**asked, P + "output": '{"ok": true}'})
    assert (reading.kind, reading.content) == (
        "tool",
        ToolCall(name="look", arguments={"city": "東京"}, result={"ok": True}),
    )
    reading = read(
        "look", {**asked, P + "level": "ERROR", P + "status_message": "no such city"}, status=SpanStatus(code=2)
    )
    assert reading.content == ToolCall(name="look", arguments={"city": "東京"}, error="no such city", status="error")


def test_version_3_calls_a_langchain_tool_a_span() -> None:
    message = {"content": '{"ok": true}', "type": "tool", "name": "look", "tool_call_id": "c1", "status": "success"}
    attributes = {P + "type": "span", P + "input": "{'city': 'Oslo'}"}
    reading = read("look", {**attributes, P + "output": json.dumps(message)})
    assert reading.content == ToolCall(name="look", arguments={"city": "Oslo"}, result={"ok": True}, call_id="c1")
    node = read("tools", {**attributes, P + "output": json.dumps({"messages": [message]})})
    assert node.kind == "plumbing"


def test_agents_are_what_says_so_and_roots_that_say_nothing() -> None:
    said = {P + "input": '{"args": ["Hi"], "kwargs": {}}', P + "output": "Done"}
    for reading in (
        read("support", {P + "type": "agent", **said}),
        read("support", {P + "type": "span", **said}, parent_id=None),
        read("support", said, parent_id=None),
        read("support", {P + "type": "chain", P + "metadata.lc_agent_name": "support", **said}),
    ):
        assert (reading.kind, reading.agent) == ("agent", "support")
        assert (reading.heard, reading.said) == ((text_message("user", "Hi"),), (text_message("assistant", "Done"),))
    assert read("a trace", {P + "type": "span"}, parent_id=None).kind == "plumbing"
    for kind in ("span", "chain", "retriever", "evaluator", "embedding", "event", "guardrail"):
        assert read("support", {P + "type": kind, **said}).kind == "plumbing"
    assert read("agent", {P + "type": "agent", P + "metadata.langgraph_node": "agent", **said}).kind == "plumbing"
