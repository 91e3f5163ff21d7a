"""MLflow spans: every value is JSON text."""

from __future__ import annotations

import json
from typing import Any

from agenteval.core.message import Message, ToolRequest, ToolResponse, text_message
from agenteval.core.span import Span, SpanEvent, SpanStatus
from agenteval.core.trajectory import ModelCall, OfferedTool, ToolCall, Usage
from agenteval.telemetry.dialects import mlflow
from agenteval.telemetry.dialects.reading import Reading


def read(name: str, kind: str, values: dict[str, Any], **more: Any) -> Reading:
    attributes = {key: json.dumps(value) for key, value in {"mlflow.spanType": kind, **values}.items()}
    defaults: dict[str, Any] = {"end_ns": 5, "status": SpanStatus(code=1), "parent_id": "c" * 16}
    span = Span(
        trace_id="a" * 32, span_id="b" * 16, name=name, start_ns=1, attributes=attributes, **{**defaults, **more}
    )
    reading = mlflow.read(span, (), ())
    assert reading is not None
    return reading


def test_a_chat_model() -> None:
    function = {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}
    wish = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [wish], "refusal": None}
    reading = read(
        "ChatOpenAI",
        "CHAT_MODEL",
        {
            "mlflow.spanInputs": {
                "messages": [
                    {"role": "user", "content": "Hi", "tool_calls": None},
                    {"role": "tool", "content": '{"ok": true}', "tool_call_id": "c0"},
                ]
            },
            "mlflow.spanOutputs": {"choices": [{"message": message, "finish_reason": "tool_calls"}]},
            "mlflow.llm.model": "m-1",
            "mlflow.chat.tools": [{"type": "function", "function": function}],
            "mlflow.chat.tokenUsage": {
                "input_tokens": 174,
                "output_tokens": 17,
                "total_tokens": 191,
                "cache_read_input_tokens": 64,
            },
            "mlflow.llm.cost": {"total_cost": 0.25},
            "metadata": {"thread_id": "t-1", "user_id": "u-1", "lc_agent_name": "support"},
        },
    )
    request = ToolRequest(name="look", arguments={"a": 1}, id="c1")
    assert reading.content == ModelCall(
        model="m-1",
        messages=(
            text_message("user", "Hi"),
            Message(role="tool", parts=(ToolResponse(response={"ok": True}, id="c0"),)),
        ),
        offered_tools=(OfferedTool(name="look", description="Looks.", parameters={"type": "object"}),),
        output=(Message(role="assistant", parts=(request,)),),
        requests=(request,),
        usage=Usage(input_tokens=174, output_tokens=17, cached_tokens=64, cost_usd=0.25),
        finish="tool_calls",
    )
    assert (reading.session, reading.user, reading.agent) == ("t-1", "u-1", "support")
    assert reading.missing == {}


def test_a_plain_llm_and_usage_in_the_answer() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 2}
    answer = {"id": "chatcmpl-1", "model": "m-1", "choices": [{"message": {"content": "Hello"}}], "usage": usage}
    reading = read("x", "LLM", {"mlflow.spanInputs": "Hi", "mlflow.spanOutputs": answer})
    assert reading.content == ModelCall(
        model="m-1",
        messages=(text_message("user", "Hi"),),
        output=(text_message("assistant", "Hello"),),
        usage=Usage(input_tokens=5, output_tokens=2),
    )
    assert reading.response_id == "chatcmpl-1"


def test_tools() -> None:
    message = {"content": "rain ☂", "type": "tool", "name": "look", "tool_call_id": "c1", "status": "success"}
    reading = read("look_2", "TOOL", {"mlflow.spanInputs": {"city": "東京"}, "mlflow.spanOutputs": message})
    assert reading.content == ToolCall(name="look", arguments={"city": "東京"}, result="rain ☂", call_id="c1")
    asked = {"mlflow.spanInputs": {"city": "Oslo"}, "tool_call_id": "c1"}
    reading = read("look_2", "TOOL", {**asked, "mlflow.spanOutputs": "rain"})
    assert reading.content == ToolCall(name="look_2", arguments={"city": "Oslo"}, result="rain", call_id="c1")
    failed = SpanEvent(name="exception", at_ns=2, attributes={"exception.message": "no such city"})
    reading = read("look", "TOOL", asked, status=SpanStatus(code=2), events=(failed,))
    assert reading.content == ToolCall(
        name="look", arguments={"city": "Oslo"}, error="no such city", status="error", call_id="c1"
    )


def test_agents() -> None:
    said = {
        "mlflow.spanInputs": {"messages": [{"role": "user", "content": "Hi"}]},
        "mlflow.spanOutputs": {"messages": [{"type": "human", "content": "Hi"}, {"type": "ai", "content": "Done"}]},
    }
    for reading in (
        read("support", "AGENT", said),
        read("support", "CHAIN", {**said, "metadata": {"lc_agent_name": "support", "mlflow.trace.session": "s"}}),
        read("support", "CHAIN", said, parent_id=None),
    ):
        assert (reading.kind, reading.agent) == ("agent", "support")
        assert (reading.heard, reading.said) == ((text_message("user", "Hi"),), (text_message("assistant", "Done"),))
    assert read("model", "CHAIN", said).kind == "plumbing"
    assert read("agent", "AGENT", {**said, "metadata": {"langgraph_node": "agent"}}).kind == "plumbing"
    assert read("x", "RETRIEVER", said).kind == "plumbing"


def test_other_spans_are_not_ours() -> None:
    assert mlflow.read(Span(trace_id="a" * 32, span_id="b" * 16, name="x", start_ns=1, end_ns=2), (), ()) is None
