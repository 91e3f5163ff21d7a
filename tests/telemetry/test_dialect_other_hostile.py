"""Nothing that a span or a log record may hold makes the dialects of MCP, AutoGen and Anthropic raise."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenteval.core.codec import to_json
from agenteval.core.span import LogRecord, Span, SpanEvent, SpanStatus
from agenteval.core.trajectory import ModelCall, ToolCall
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.dialects import anthropic_sdk, autogen, claude_code, mcp

FAMILY = (anthropic_sdk, autogen, claude_code, mcp)
SCOPES = ("com.anthropic.sdk.python", "com.anthropic.claude_code.tracing", "autogen-core", "fastmcp")
KINDS = {
    "gen_ai.operation.name": ("chat", "execute_tool", "invoke_agent"),
    "span.type": ("interaction", "llm_request", "tool", "tool.execution"),
    "mcp.method.name": ("tools/call", "tools/list"),
    "event.name": ("tool_result", "api_request", "assistant_response"),
}
NAMES = """
    gen_ai.request.model gen_ai.response.id gen_ai.input.messages gen_ai.output.messages gen_ai.system_instructions
    gen_ai.usage.input_tokens gen_ai.tool.name gen_ai.tool.call.id gen_ai.tool.call.arguments gen_ai.tool.call.result
    gen_ai.agent.name gen_ai.conversation.id anthropic.tool_result.content anthropic.content.truncated
    anthropic.session.id anthropic.message.stop_reason model input_tokens output_tokens cache_read_tokens
    cache_creation_tokens success error error.type tool_name tool_use_id tool_input user_prompt session.id user.id
    agent_id cost_usd response event.sequence output mcp.tool.name mcp.request.argument.a mcp.request.argument.
    mcp.tool.result.content mcp.tool.result.is_error request jsonrpc.request.id exception.message stop_reason
""".split()  # noqa: SIM905 (a list of forty names, one a line)
MEMBERS = ("content", "text", "type", "structuredContent", "result", "isError", "method", "params", "name", "arguments",
           "role", "parts", "id", "response")  # fmt: skip
PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(max_size=8), st.binary(max_size=3),
    st.sampled_from(["tools/call", "text", "tool", "assistant", "true", "{", '[{"', "\ud800", "9" * 30]),
)  # fmt: skip
NESTED = st.recursive(
    PLAIN,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=4)),
    max_leaves=10,
)


def written(value: Any) -> str:
    return json.dumps(value, default=repr)


VALUES = st.one_of(NESTED, NESTED.map(written), NESTED.map(written).map(lambda text: text[: len(text) * 2 // 3]))


@st.composite
def attributes(draw: st.DrawFn) -> dict[str, Any]:
    held: dict[str, Any] = draw(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=9))
    for name in draw(st.lists(st.sampled_from(sorted(KINDS)), max_size=2)):
        held[name] = draw(st.one_of(st.sampled_from(KINDS[name]), VALUES))
    return held


@st.composite
def spans(draw: st.DrawFn, number: int) -> Span:
    event = st.builds(
        SpanEvent, name=st.sampled_from(["tool.output", "exception"]), at_ns=st.just(1), attributes=attributes()
    )
    names = ["tools/call look", "claude_code.tool", "MCP request: tools/call x", "MCP server handle request", ""]
    return Span(
        trace_id="a" * 32,
        span_id=f"{number:016x}",
        parent_id=draw(st.sampled_from([None, f"{1:016x}", "f" * 16])) if number > 1 else None,
        name=draw(st.sampled_from(names)),
        kind=draw(st.integers(0, 9)),
        start_ns=draw(st.integers(0, 5)),
        end_ns=draw(st.integers(0, 5)),
        status=SpanStatus(code=draw(st.integers(0, 3)), message=draw(st.sampled_from(["", "bad", "{'error': 1}"]))),
        attributes=draw(attributes()),
        events=tuple(draw(st.lists(event, max_size=2))),
        dropped_attributes=draw(st.sampled_from([0, 3])),
        scope=draw(st.sampled_from([{}, {"name": 3}, *({"name": name} for name in SCOPES)])),
    )


logs = st.builds(
    LogRecord,
    trace_id=st.just("a" * 32),
    span_id=st.sampled_from([f"{1:016x}", ""]),
    at_ns=st.integers(0, 3),
    name=st.sampled_from(["claude_code.tool_result", "claude_code.api_request", "x"]),
    body=VALUES,
    attributes=attributes(),
)


@settings(max_examples=80, deadline=None)
@given(st.tuples(spans(1), spans(2), spans(3)), st.lists(logs, max_size=3))
def test_whatever_comes_is_read_and_can_be_kept(some: tuple[Span, ...], told: list[LogRecord]) -> None:
    for span in some:
        for dialect in FAMILY:
            reading = dialect.read(span, some[1:], told)
            if reading is None:
                continue
            assert reading == dialect.read(span, some[1:], told)
            assert reading.understood <= span.attributes.keys()
            assert all(why.partition(": ")[1] for why in reading.missing.values())
            content = reading.content
            if isinstance(content, ToolCall):
                assert (content.status == "error") == (content.error is not None)
                assert content.name or "name" in reading.missing
            elif isinstance(content, ModelCall) and content.usage is not None:
                assert (content.usage.input_tokens or 0) >= 0
    found = assemble(some, told)
    assert assemble(reversed(some), reversed(told)) == found
    for trajectory in found:
        json.dumps(to_json(trajectory), allow_nan=False)


HUGE = ["[" * 100_000, '{"a": ' * 50_000, '{"a": "' + "x" * 2_000_000, "9" * 100_000, "\ud800", '{"a": "\\ud800"}',
        '{"content": [' + '{"text": "a"},' * 5_000]  # fmt: skip


@pytest.mark.parametrize("value", HUGE, ids=range(len(HUGE)))
@pytest.mark.parametrize("scope", SCOPES)
def test_huge_and_crooked_values_are_read_or_told_of(value: str, scope: str) -> None:
    for name, kinds in KINDS.items():
        for kind in kinds:
            held = {**dict.fromkeys(NAMES, value), name: kind}
            one = Span(
                trace_id="a" * 32, span_id="b" * 16, name="MCP request: tools/call x", start_ns=1, end_ns=2,
                attributes=held, scope={"name": scope}, status=SpanStatus(code=2, message=value),
                events=(SpanEvent(name="tool.output", at_ns=1, attributes=held),),
            )  # fmt: skip
            record = LogRecord(trace_id="a" * 32, span_id="b" * 16, at_ns=1, attributes=held)
            assert len(assemble([one], [record])) <= 1
