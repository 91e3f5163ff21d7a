"""Spans of Claude Code and the Claude Agent SDK as readings.

What a tool was called with, what a request cost and what the model said stand in log records, and those on the span
of the turn: `rejoined` gives each to the span that it tells of. Input tokens are counted without cached ones. The
output of a tool is an event of its span, its error is told on the span of the execution beneath it.

References:
    Claude Code documentation, "Monitoring": events `claude_code.*`; spans of its beta tracing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agenteval.core.message import text_message
from agenteval.core.span import Attributes, LogRecord, Span
from agenteval.core.trajectory import ModelCall, ToolCall, Usage
from agenteval.telemetry.dialects.arguments import parsed
from agenteval.telemetry.dialects.held import is_redacted
from agenteval.telemetry.dialects.reading import Reading

NAME = "claude-code"

_SCOPE = "com.anthropic.claude_code"
_CALL_IDS = ("tool_use_id", "gen_ai.tool.call.id")
_READ = (
    "span.type", "gen_ai.operation.name", "gen_ai.conversation.id", "session.id", "user.id", "model",
    "gen_ai.tool.name", "gen_ai.request.model", "tool_name", "user_prompt", "stop_reason", "success",
)  # fmt: skip
_DELEGATES = frozenset({"Agent", "Task"})
_NO_LOGS = "not_sent: Claude Code writes it to its log records: export logs as well, with OTEL_LOG_TOOL_DETAILS=1"
_NO_OUTPUT = "content_off: turn OTEL_LOG_TOOL_CONTENT on"
_NO_HISTORY = "not_sent: Claude Code records no message history"
_COUNTS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens")


def rejoined(spans: Sequence[Span], logs: Sequence[LogRecord]) -> list[LogRecord]:
    """The log records of a trace, each at the span that it tells of.

    Records of a tool name its call; records of a request have its model and counts; what the model said follows the
    record of its request.
    """
    own = [span for span in spans if _is_own(span)]
    if not own or not logs:
        return list(logs)
    tools = {call_id: span for span in own if _kind(span) == "tool" and (call_id := _call_id(span.attributes))}
    requests = [span for span in own if _kind(span) == "llm_request"]
    asked: dict[tuple[Any, Any], Span] = {}
    joined: list[LogRecord] = []
    for log in sorted(logs, key=_sequence):
        span: Span | None = None
        whose = log.attributes.get("agent_id"), log.attributes.get("model")
        event = _event(log)
        if event == "tool_result":
            span = tools.get(_call_id(log.attributes) or "")
        elif event == "api_request":
            span = next((one for one in requests if _same_request(one, log)), None)
            if span is not None:
                requests.remove(span)
                asked[whose] = span
        elif event == "assistant_response":
            span = asked.get(whose)
        joined.append(log if span is None else replace(log, span_id=span.span_id))
    return joined


def read(span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading | None:
    """What a span of Claude Code says; None for any other."""
    if not _is_own(span):
        return None
    kind = _kind(span)
    if kind == "interaction":
        return _interaction(span)
    if kind == "llm_request":
        return _request(span, logs)
    if kind == "tool":
        return _tool(span, children, logs)
    if kind == "tool.execution" and any(_kind(child) == "llm_request" for child in children):
        return _reading(span, "agent", agent=_text(span, "agent.name", "subagent_type") or "sub-agent")
    return _reading(span, "plumbing")


def _is_own(span: Span) -> bool:
    scope = span.scope.get("name")
    return isinstance(scope, str) and scope.startswith(_SCOPE)


def _kind(span: Span) -> str:
    kind = span.attributes.get("span.type")
    return kind if isinstance(kind, str) else span.name.removeprefix("claude_code.")


_NOTHING: Attributes = {}


def _event(log: LogRecord) -> str:
    name = log.attributes.get("event.name")
    return name if isinstance(name, str) else log.name.removeprefix("claude_code.")


def _sequence(log: LogRecord) -> tuple[int, int, str]:
    number = log.attributes.get("event.sequence")
    return (_count(number) or 0), log.at_ns or log.observed_ns, log.name


def _call_id(attributes: Mapping[str, Any]) -> str | None:
    return next((value for key in _CALL_IDS if isinstance(value := attributes.get(key), str) and value), None)


def _same_request(span: Span, log: LogRecord) -> bool:
    if span.attributes.get("model") != log.attributes.get("model"):
        return False
    return all(_count(span.attributes.get(name)) == _count(log.attributes.get(name)) for name in _COUNTS)


def _interaction(span: Span) -> Reading:
    prompt = _text(span, "user_prompt")
    heard = () if prompt is None or is_redacted(prompt) else (text_message("user", prompt),)
    return _reading(span, "agent", agent=_text(span, "gen_ai.agent.name") or "claude", heard=heard)


def _request(span: Span, logs: Sequence[LogRecord]) -> Reading:
    said = [text for log in logs if _event(log) == "assistant_response" and (text := _said(log))]
    cost = next((log.attributes.get("cost_usd") for log in logs if _event(log) == "api_request"), None)
    read_, written, cached, stored = (_count(span.attributes.get(name)) for name in _COUNTS)
    failed = span.attributes.get("success") is False or span.status.code == 2
    error = (span.status.message or _text(span, "error", "error.type") or "error") if failed else None
    usage = None if read_ is None and written is None else Usage(
        input_tokens=None if read_ is None else read_ + (cached or 0) + (stored or 0),
        output_tokens=written,
        cached_tokens=cached,
        cache_write_tokens=stored,
        cost_usd=_amount(cost),
    )  # fmt: skip
    missing = {"messages": _NO_HISTORY}
    if error is None:
        missing["requests"] = _NO_HISTORY
        if not said:
            missing["output"] = _NO_LOGS
        if usage is None:
            missing["usage"] = "not_sent: the span carries no token counts"
    call = ModelCall(
        model=_text(span, "gen_ai.response.model", "model", "gen_ai.request.model"),
        output=tuple(text_message("assistant", text) for text in said),
        usage=usage,
        finish=_text(span, "stop_reason"),
        error=error,
    )
    return _reading(span, "model", content=call, missing=missing, more=(*_COUNTS, "gen_ai.response.finish_reasons"))


def _said(log: LogRecord) -> str | None:
    text = log.attributes.get("response")
    return text if isinstance(text, str) and text else None


def _tool(span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading:
    told: Attributes = next((log.attributes for log in logs if _event(log) == "tool_result"), _NOTHING)
    name = _text(span, "gen_ai.tool.name", "tool_name") or span.name
    written = told.get("tool_input", span.attributes.get("tool_input"))
    output = next((event.attributes.get("output") for event in span.events if event.name == "tool.output"), None)
    error = _failure(span, children, told)
    arguments, result = parsed(written), parsed(output)
    missing: dict[str, str] = {}
    if written is None:
        missing["arguments"] = _NO_LOGS
    if output is None and error is None:
        missing["result"] = _NO_OUTPUT
    call = ToolCall(
        name="Task" if name in _DELEGATES else name,
        arguments=arguments.value,
        result=None if error is not None else result.value,
        error=error,
        status="error" if error is not None else "ok" if span.end_ns else "unknown",
        call_id=_call_id(span.attributes),
    )
    cut = [name for name, read in (("arguments", arguments), ("result", result)) if read.cut]
    return _reading(span, "tool", content=call, missing=missing, truncated=tuple(cut), more=_CALL_IDS)


def _failure(span: Span, children: Sequence[Span], told: Mapping[str, Any]) -> str | None:
    """The words of a call's error: its record's, else those of the execution beneath it, else its own."""
    for one in (span, *(child for child in children if _kind(child) == "tool.execution")):
        if one.status.code == 2 or one.attributes.get("success") is False:
            words = told.get("error") or one.status.message or _text(one, "error", "error.type")
            return words if isinstance(words, str) and words else "error"
    if told.get("success") in {"false", False}:
        words = told.get("error") or told.get("error_type")
        return words if isinstance(words, str) and words else "error"
    return None


def _reading(span: Span, kind: Any, *, more: Sequence[str] = (), **values: Any) -> Reading:
    return Reading(
        dialect=NAME,
        kind=kind,
        session=_text(span, "session.id", "gen_ai.conversation.id"),  # a sub-agent has a conversation of its own
        user=_text(span, "user.id"),
        understood=frozenset(name for name in (*_READ, *more) if name in span.attributes),
        **values,
    )


def _text(span: Span, *names: str) -> str | None:
    return next((value for name in names if isinstance(value := span.attributes.get(name), str) and value), None)


def _count(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 19:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _amount(value: object) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e15:
        return None
    return float(value)
