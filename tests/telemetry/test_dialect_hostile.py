"""Nothing that a span may hold makes a dialect of this family raise, and what it says can be kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenteval.core.span import Span, SpanEvent, SpanStatus
from agenteval.core.trajectory import Handoff, ModelCall, ToolCall
from agenteval.telemetry.dialects import langfuse, langsmith, mlflow, openinference, openllmetry
from agenteval.telemetry.dialects.reading import Reading

FAMILY = (langfuse, langsmith, mlflow, openinference, openllmetry)
KINDS = {
    "openinference.span.kind": ["LLM", "TOOL", "AGENT", "CHAIN", "x"],
    "langfuse.observation.type": ["generation", "tool", "agent", "span"],
    "mlflow.spanType": ['"CHAT_MODEL"', '"TOOL"', '"AGENT"', '"CHAIN"', "3"],
    "langsmith.span.kind": ["llm", "tool", "chain"],
    "traceloop.span.kind": ["tool", "agent", "workflow", "handoff", "task"],
    "llm.request.type": ["chat"],
}
NAMES = [
    "input.value",
    "output.value",
    "metadata",
    "tool.name",
    "tool.parameters",
    "llm.invocation_parameters",
    "llm.prompts",
    "llm.token_count.prompt",
    "llm.token_count.completion",
    "llm.token_count.prompt_details.cache_read",
    "llm.input_messages.0.message.role",
    "llm.input_messages.0.message.content",
    "llm.input_messages.0.message.contents.0.message_content.type",
    "llm.input_messages.0.message.contents.0.message_content.text",
    "llm.input_messages.0.message.contents.0.message_content.image.image.url",
    "llm.input_messages.0.message.tool_call_id",
    "llm.input_messages.1.function.0",
    "llm.output_messages.99999999999999999999.message.role",
    "llm.output_messages.٣.message.role",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments",
    "llm.tools.0.tool.json_schema",
    "llm.tools.0.tool.name",
    "crew_tasks",
    "gen_ai.prompt",
    "gen_ai.completion",
    "gen_ai.prompt.0.role",
    "gen_ai.prompt.0.content",
    "gen_ai.prompt.0.tool_calls.0.name",
    "gen_ai.completion.0.content",
    "gen_ai.operation.name",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
    "gen_ai.response.finish_reasons",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.input_token_details",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "llm.request.functions.0.parameters",
    "traceloop.entity.name",
    "traceloop.entity.input",
    "traceloop.entity.output",
    "langfuse.observation.input",
    "langfuse.observation.output",
    "langfuse.observation.usage_details",
    "langfuse.observation.cost_details",
    "langfuse.observation.level",
    "langfuse.observation.metadata.langgraph_node",
    "mlflow.spanInputs",
    "mlflow.spanOutputs",
    "mlflow.chat.tokenUsage",
    "mlflow.chat.tools",
    "mlflow.llm.cost",
    "langsmith.metadata.usage_metadata",
    "langsmith.metadata.lc_agent_name",
]
MEMBERS = [
    "role",
    "content",
    "parts",
    "type",
    "text",
    "messages",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "args",
    "kwargs",
    "input",
    "output",
    "id",
    "choices",
    "message",
    "generations",
    "candidates",
    "usage",
    "usage_metadata",
    "input_tokens",
    "total",
    "output_tokens",
    "lc",
    "data",
    "update",
    "system",
    "instructions",
    "image_url",
    "url",
    "source",
    "tool_use_id",
    "is_error",
    "tool_name",
    "raw_output",
    "input_str",
    "inputs",
    "properties",
    "finish_reason",
    "response",
    "generation_info",
    "response_metadata",
    "llm_output",
    "additional_kwargs",
    "input_token_details",
    "cost",
    "object",
    "model",
]
WORDS = st.sampled_from(
    ["user", "assistant", "tool", "human", "ai", "constructor", "text", "tool_use", "tool_result", "function", "object"]
)
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    WORDS,
    st.text(max_size=20),
    st.sampled_from(["__REDACTED__", "{", '["']),
)
NESTED = st.recursive(
    PLAIN,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=4)),
    max_leaves=12,
)


def as_text(value: Any) -> Any:
    return json.dumps(value)


def cut(value: Any) -> str:
    text = json.dumps(value)
    return text[: len(text) * 2 // 3]


VALUES = st.one_of(NESTED, NESTED.map(as_text), NESTED.map(repr), NESTED.map(cut), st.binary(max_size=4))


@st.composite
def spans(draw: st.DrawFn) -> Span:
    attributes: dict[str, Any] = draw(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8))
    for name in draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=2)):
        attributes[name] = draw(st.one_of(st.sampled_from(KINDS[name]), VALUES))
    events = draw(
        st.lists(
            st.builds(
                SpanEvent,
                name=st.sampled_from(["exception", "x"]),
                at_ns=st.just(1),
                attributes=st.dictionaries(
                    st.sampled_from(["exception.message", "exception.type"]), VALUES, max_size=2
                ),
            ),
            max_size=2,
        )
    )
    return Span(
        trace_id="a" * 32,
        span_id="b" * 16,
        name=draw(st.sampled_from(["", "look", "x.run", "handoff to y", "agent", "a → b.handoff", "LangGraph"])),
        start_ns=1,
        end_ns=draw(st.sampled_from([0, 2])),
        parent_id=draw(st.sampled_from([None, "c" * 16])),
        status=SpanStatus(code=draw(st.integers(0, 3)), message=draw(st.sampled_from(["", "{'error': 1}", "x: {"]))),
        attributes=attributes,
        events=tuple(events),
        dropped_attributes=draw(st.sampled_from([0, 3])),
        scope=draw(st.sampled_from([{}, {"name": "langfuse-sdk"}, {"name": "langsmith"}, {"name": 3}])),
    )


@settings(max_examples=300, deadline=None)
@given(span=spans())
def test_whatever_comes_is_read_and_can_be_kept(span: Span) -> None:
    for dialect in FAMILY:
        reading = dialect.read(span, (), ())
        if reading is None:
            continue
        assert dialect.read(span, (), ()) == reading
        check(reading, span)


def check(reading: Reading, span: Span) -> None:
    assert reading.understood <= span.attributes.keys()
    assert all(isinstance(why, str) and why for why in reading.missing.values())
    content = reading.content
    if isinstance(content, ToolCall):
        assert isinstance(content.name, str)
        json.dumps([content.arguments, content.result], allow_nan=False)
        assert (content.status == "error") == (content.error is not None)
    elif isinstance(content, ModelCall):
        for message in (*content.messages, *content.output):
            assert message.parts
        json.dumps([request.arguments for request in content.requests], allow_nan=False)
    elif content is not None:
        assert isinstance(content, Handoff)
    for message in (*reading.heard, *reading.said):
        assert message.parts


HUGE = [
    "[" * 100_000,
    "{'a': " * 50_000,
    "(" * 100_000,
    '{"a": "' + "x" * 2_000_000,
    "-" * 60_000 + "1",
    "{" + "-" * 60_000 + "1: 2}",
    "[" + "not " * 15_000 + "1]",
    "[" + "1+" * 30_000 + "1j]",
    "RuntimeError(" + " " * 200_000,
    '"' * 100_000,
    "9" * 100_000,
    "[" + "9" * 60_000 + "]",
    '{"input_tokens": ' + "9" * 5_000 + "}",
    " " * 1_000_000 + "{",
    "data:image/png;base64," + "A" * 3_000_001,
    "\ud800",
    '{"a": "\\ud800"}',
]


@pytest.mark.parametrize("value", HUGE, ids=range(len(HUGE)))
def test_huge_and_crooked_values_are_read_or_told_of(value: str) -> None:
    for name, kinds in KINDS.items():
        for kind in kinds:
            attributes = {**dict.fromkeys(NAMES, value), name: kind}
            span = Span(
                trace_id="a" * 32,
                span_id="b" * 16,
                name="x",
                start_ns=1,
                end_ns=2,
                status=SpanStatus(code=2, message=value),
                attributes=attributes,
            )
            for dialect in FAMILY:
                reading = dialect.read(span, (), ())
                if reading is not None:
                    check(reading, span)
