"""No dialect of the GenAI family raises, whatever stands in a span, and what it gives is of the types that it should be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agenteval.core.codec import to_json
from agenteval.core.span import LogRecord, Span, SpanEvent, SpanStatus
from agenteval.core.trajectory import ModelCall, ToolCall
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.dialects import agent_framework, google_adk, otel_genai, pydantic_ai, strands, vercel_ai
from agenteval.telemetry.dialects.reading import Dialect

DIALECTS: tuple[Dialect, ...] = (otel_genai, agent_framework, google_adk, pydantic_ai, strands, vercel_ai)
SCOPES = (
    "agent_framework",
    "gcp.vertex.agent",
    "pydantic-ai",
    "logfire.openai",
    "strands.telemetry.tracer",
    "gen_ai",
    "",
)
OPERATIONS = (
    "chat",
    "generate_content",
    "execute_tool",
    "invoke_agent",
    "invoke_workflow",
    "agent_step",
    "create_agent",
)
EVENTS = (
    "gen_ai.user.message",
    "gen_ai.system.message",
    "gen_ai.assistant.message",
    "gen_ai.tool.message",
    "gen_ai.choice",
    "gen_ai.client.inference.operation.details",
    "gen_ai.content.prompt",
    "gen_ai.content.completion",
    "exception",
)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NAMES = _words(
    """
    gen_ai.operation.name gen_ai.system gen_ai.provider.name gen_ai.request.model gen_ai.response.model
    gen_ai.response.id gen_ai.response.finish_reasons gen_ai.input.messages gen_ai.output.messages
    gen_ai.system_instructions gen_ai.tool.definitions gen_ai.tool.name gen_ai.tool.call.id
    gen_ai.tool.call.arguments gen_ai.tool.call.result gen_ai.tool.status gen_ai.usage.input_tokens
    gen_ai.usage.output_tokens gen_ai.usage.cache_read.input_tokens gen_ai.usage.total_tokens
    gen_ai.aggregated_usage.input_tokens gen_ai.agent.name gen_ai.conversation.id gen_ai.workflow.name
    gen_ai.transfer.target.name gen_ai.transfer.mode gen_ai.prompt gen_ai.completion gen_ai.event.content
    gen_ai.request.previous_response_id session.id user.id error.type exception.message exception.type events
    all_messages_events agent_name final_result operation.cost pydantic_ai.all_messages tool_arguments
    tool_response model_request_parameters request_data response_data gcp.vertex.agent.llm_request
    gcp.vertex.agent.llm_response gcp.vertex.agent.tool_call_args gcp.vertex.agent.tool_response
    gcp.vertex.agent.session_id ai.operationId ai.prompt ai.prompt.messages ai.prompt.tools ai.response.text
    ai.response.toolCalls ai.response.finishReason ai.toolCall.name ai.toolCall.args ai.toolCall.result
    ai.toolCall.id ai.usage.inputTokens ai.telemetry.metadata.sessionId content message role id tool_calls
    finish_reason index tool.result
    """
)
KEYS = _words(
    """
    role parts type kind content text id name arguments args input response result output function tool_calls
    message messages contents thinking mime_type uri url file_id modality data toolUse toolResult toolUseId
    reasoningContent image source bytes functionCall function_call function_response server_tool_call
    event.name finish_reason config system_instruction tools function_declarations usage_metadata json
    candidates stream model output_tools
    """
)
WORDS = (
    *OPERATIONS,
    *EVENTS,
    *KEYS,
    *_words(
        """
        user assistant system tool model tool_call tool_call_response text blob binary uri file reasoning
        refusal compaction server_tool_call server_tool_call_response image-url data:image/png;base64,AA==
        final_result {} [ "a" null ai.generateText ai.generateText.doGenerate ai.toolCall pending_span
        <elided> (merged tools) transfer_to_agent call_llm For context: 12 -1 NaN
        """
    ),
    "(merged tools)",
    "For context: x",
    "[Scrubbed due to 'session']",
    '[{"role": "user", "parts": [{"type": "text", "content": "cut he',
    "{'a': ['b', ",
    "\ud800",
)
plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=8),
    st.binary(max_size=8),
)
nested = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=4)), inner, max_size=5),
    ),
    max_leaves=12,
)


def _written(value: Any) -> str:
    return json.dumps(value, default=repr)


values = st.one_of(nested, nested.map(_written), nested.map(_written).map(lambda text: text[: len(text) // 2]))
attributes = st.dictionaries(st.sampled_from(NAMES), values, max_size=12)
events = st.builds(SpanEvent, name=st.sampled_from(EVENTS), at_ns=st.just(1), attributes=attributes)
logs = st.builds(
    LogRecord,
    trace_id=st.just("a" * 32),
    span_id=st.just("b" * 16),
    at_ns=st.integers(0, 3),
    name=st.sampled_from(EVENTS),
    body=values,
    attributes=attributes,
)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    held: dict[str, Any] = draw(attributes)
    if draw(st.booleans()):
        held["gen_ai.operation.name"] = draw(st.sampled_from(OPERATIONS))
    return Span(
        trace_id="a" * 32,
        span_id="b" * 16,
        name=draw(st.sampled_from(("chat m", "execute_tool t", "invoke_agent a", "call_llm", "agent_run [x]", "x"))),
        start_ns=1,
        end_ns=draw(st.sampled_from((0, 2))),
        status=SpanStatus(code=draw(st.integers(0, 2)), message=draw(st.sampled_from(("", "bad", "{'error': 'x'}")))),
        attributes=held,
        events=tuple(draw(st.lists(events, max_size=3))),
        scope={"name": draw(st.sampled_from(SCOPES))},
        dropped_attributes=draw(st.sampled_from((0, 0, 3))),
    )


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.NAME)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(span=spans(), records=st.lists(logs, max_size=3))
def test_any_span_is_read_or_left_to_others(dialect: Dialect, span: Span, records: list[LogRecord]) -> None:
    reading = dialect.read(span, [], records)
    if reading is None:
        return
    assert reading == dialect.read(span, [], records)
    content = reading.content
    assert (reading.kind in {"model", "tool"}) == (content is not None)
    assert all(isinstance(value, str | None) for value in (reading.agent, reading.session, reading.user))
    if isinstance(content, ModelCall):
        assert isinstance(content.model, str | None)
        assert content.output or "output" in reading.missing or content.error is not None
        assert content.usage is not None or "usage" in reading.missing or content.error is not None
    if isinstance(content, ToolCall):
        assert content.name
        assert content.arguments is not None or "arguments" in reading.missing or reading.understood
        assert content.status != "ok" or content.error is None


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(span=spans(), records=st.lists(logs, max_size=3))
def test_what_is_made_of_any_span_can_be_written_down(span: Span, records: list[LogRecord]) -> None:
    for trajectory in assemble([span], records):
        json.dumps(to_json(trajectory), allow_nan=False)
