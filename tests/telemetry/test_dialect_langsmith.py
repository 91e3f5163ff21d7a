"""LangSmith's OpenTelemetry exporter, run for real: a LangChain agent against a scripted model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import BaseTool, tool
from langchain_core.tracers.langchain import LangChainTracer
from langsmith import Client, traceable, tracing_context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agenteval.core.message import Message, ToolRequest, ToolResponse, text_message
from agenteval.core.span import Span, SpanEvent, SpanStatus
from agenteval.core.trajectory import ModelCall, OfferedTool, ToolCall, Usage
from agenteval.telemetry.capture import span_value
from agenteval.telemetry.dialects import langsmith
from agenteval.telemetry.dialects.reading import Reading


class Scripted(GenericFakeChatModel):
    """Answers what it is told to, and takes tools."""

    def bind_tools(self, tools: Sequence[BaseTool], **_: Any) -> Any:
        functions = [
            {"name": one.name, "description": one.description, "parameters": {"type": "object"}} for one in tools
        ]
        return self.bind(tools=[{"type": "function", "function": function} for function in functions])


@tool
def look(city: str) -> dict[str, Any]:
    """Looks."""
    return {"city": city, "sky": "☂"}


@tool
def refund(cents: int) -> str:
    """Refunds."""
    raise ValueError(f"{cents} is too much: €")


def usage(read: int, written: int, cached: int = 0) -> dict[str, Any]:
    details = {"input_token_details": {"cache_read": cached}} if cached else {}
    return {"input_tokens": read, "output_tokens": written, "total_tokens": read + written, **details}


def asks(name: str, arguments: dict[str, Any], call_id: str, counts: dict[str, Any]) -> AIMessage:
    about = {"finish_reason": "tool_calls", "id": f"chatcmpl-{call_id}", "model_name": "m-1-2026"}
    call = {"name": name, "args": arguments, "id": call_id}
    return AIMessage(content="", tool_calls=[call], usage_metadata=counts, response_metadata=about)


@pytest.fixture(scope="module")
def sent() -> dict[str, list[Reading]]:
    """Readings by the names of their spans, of one turn in which the second tool fails and ends it."""
    exported = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    client = Client(
        tracing_mode="otel", otel_tracer_provider=provider, api_key="x", api_url="http://127.0.0.1:9", info={}
    )
    script = [
        asks("look", {"city": "東京"}, "c1", usage(100, 7, 64)),
        asks("refund", {"cents": 5}, "c2", usage(120, 8)),
    ]
    agent = create_agent(Scripted(messages=iter(script)), [look, refund], system_prompt="Be kind.", name="support")
    config: Any = {
        "callbacks": [LangChainTracer(client=client)],
        "metadata": {"thread_id": "t-1", "user_id": "u-1"},
    }
    with pytest.raises(ValueError, match="too much"):
        agent.invoke({"messages": [{"role": "user", "content": "Hi €"}]}, config=config)

    @traceable(run_type="tool", client=client)
    def double(number: int) -> int:
        return number * 2

    with tracing_context(enabled=True):
        double(21)
    client.flush()
    found: dict[str, list[Reading]] = {}
    for span in sorted(exported.get_finished_spans(), key=lambda span: span.start_time or 0):
        reading = langsmith.read(span_value(span, {}), (), ())
        assert reading is not None
        found.setdefault(span.name, []).append(reading)
    return found


def test_model_calls(sent: dict[str, list[Reading]]) -> None:
    first, second = sent["Scripted"]
    wish = ToolRequest(name="look", arguments={"city": "東京"}, id="c1")
    offered = tuple(
        OfferedTool(name=name, description=says, parameters={"type": "object"})
        for name, says in (("look", "Looks."), ("refund", "Refunds."))
    )
    said = Message(role="assistant", parts=(wish,))
    told = (text_message("system", "Be kind."), text_message("user", "Hi €"))
    assert first.content == ModelCall(
        model="m-1-2026",
        messages=told,
        offered_tools=offered,
        output=(said,),
        requests=(wish,),
        usage=Usage(input_tokens=100, output_tokens=7, cached_tokens=64),
        finish="tool_calls",
    )
    assert (first.kind, first.response_id, first.missing) == ("model", "chatcmpl-c1", {})
    assert (first.session, first.user, first.agent) == ("t-1", "u-1", "support")
    assert isinstance(second.content, ModelCall)
    answer = ToolResponse(response={"city": "東京", "sky": "☂"}, id="c1")
    assert second.content.messages == (*told, said, Message(role="tool", parts=(answer,)))
    assert second.content.usage == Usage(input_tokens=120, output_tokens=8)


def test_tool_calls(sent: dict[str, list[Reading]]) -> None:
    assert [reading.content for reading in sent["look"]] == [
        ToolCall(name="look", arguments={"city": "東京"}, result={"city": "東京", "sky": "☂"}, call_id="c1")
    ]
    # the exporter gives a run that failed the status of one that did not; only its exception tells
    assert [reading.content for reading in sent["refund"]] == [
        ToolCall(name="refund", arguments={"cents": 5}, error="5 is too much: €", status="error", call_id="c2")
    ]


def test_a_traced_function(sent: dict[str, list[Reading]]) -> None:
    assert [reading.content for reading in sent["double"]] == [
        ToolCall(name="double", arguments={"number": 21}, result=42)
    ]


def test_the_agent_and_the_nodes_of_its_graph(sent: dict[str, list[Reading]]) -> None:
    (agent,) = sent["support"]
    assert (agent.kind, agent.agent, agent.session) == ("agent", "support", "t-1")
    assert (agent.heard, agent.said) == ((text_message("user", "Hi €"),), ())
    assert {reading.kind for name in ("model", "tools") for reading in sent[name]} == {"plumbing"}


@pytest.mark.parametrize("kind", ["tool", "llm"])
def test_a_run_that_began_well_and_failed(kind: str) -> None:
    told = SpanEvent(
        name="exception",
        at_ns=2,
        attributes={
            "exception.type": "Exception",
            "exception.message": "ValueError('no')Traceback (most recent call last):\n  File x",
        },
    )
    attributes = {"langsmith.span.kind": kind, "gen_ai.prompt": '{"a": 1}', "gen_ai.completion": "{}"}
    span = Span(
        trace_id="a" * 32,
        span_id="b" * 16,
        name="look",
        start_ns=1,
        end_ns=2,
        status=SpanStatus(code=1),
        attributes=attributes,
        events=(told,),
    )
    reading = langsmith.read(span, (), ())
    assert reading is not None
    assert isinstance(reading.content, (ToolCall, ModelCall))
    assert (reading.content.error, reading.missing) == ("no", {})


def test_arguments_as_older_tracers_write_them() -> None:
    attributes = {
        "langsmith.span.kind": "tool",
        "gen_ai.prompt": json.dumps({"input": "{'city': 'Oslo'}"}),
        "gen_ai.completion": json.dumps({"output": "rain"}),
        "gen_ai.usage.input_tokens": 3,
    }
    span = Span(
        trace_id="a" * 32,
        span_id="b" * 16,
        name="look",
        start_ns=1,
        end_ns=2,
        status=SpanStatus(code=1),
        attributes=attributes,
    )
    reading = langsmith.read(span, (), ())
    assert reading is not None
    assert reading.content == ToolCall(name="look", arguments={"city": "Oslo"}, result="rain")


def test_the_openai_wrapper() -> None:
    asked = {"messages": [{"role": "user", "content": "Hi"}], "model": "m-1"}
    answered = {
        "id": "chatcmpl-1",
        "model": "m-1-2026",
        "choices": [{"message": {"role": "assistant", "content": "Hello"}}],
    }
    attributes = {
        "langsmith.span.kind": "LLM",
        "gen_ai.prompt": json.dumps(asked),
        "gen_ai.completion": json.dumps(answered),
        "gen_ai.request.model": "m-1",
        "gen_ai.usage.input_tokens": 174,
        "gen_ai.usage.output_tokens": 17,
        "gen_ai.usage.input_token_details": "{'cache_read': 64}",
        "gen_ai.response.finish_reasons": ["stop"],
        "langsmith.trace.session_name": "a project",
    }
    span = Span(trace_id="a" * 32, span_id="b" * 16, name="ChatOpenAI", start_ns=1, end_ns=2, attributes=attributes)
    reading = langsmith.read(span, (), ())
    assert reading is not None
    assert reading.content == ModelCall(
        model="m-1-2026",
        messages=(text_message("user", "Hi"),),
        output=(text_message("assistant", "Hello"),),
        usage=Usage(input_tokens=174, output_tokens=17, cached_tokens=64),
        finish="stop",
    )
    assert (reading.session, reading.response_id) == (None, "chatcmpl-1")
