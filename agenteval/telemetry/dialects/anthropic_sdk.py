"""Spans of Anthropic's SDKs' own instrumentation as readings.

It follows the GenAI convention; what a tool answered, or the words of its error, are `anthropic.tool_result.content`.

References:
    anthropics/anthropic-sdk-python, tracing of `messages.create` and `messages.tool_runner`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import ToolCall
from agenteval.telemetry.dialects import semconv_spans
from agenteval.telemetry.dialects.arguments import parsed
from agenteval.telemetry.dialects.reading import Reading

NAME = "anthropic-sdk"

_SCOPE = "com.anthropic.sdk"
_RESULT = "anthropic.tool_result.content"
_SESSION = "anthropic.session.id"


def read(span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading | None:  # noqa: ARG001 (one signature for all dialects)
    """What a span of Anthropic's SDK says; None for any other."""
    scope = span.scope.get("name")
    if not isinstance(scope, str) or not scope.startswith(_SCOPE):
        return None
    kind = semconv_spans.kind_of(span) or "plumbing"
    reading = semconv_spans.read(semconv_spans.opened(NAME, span, logs), logs, kind)
    session = span.attributes.get(_SESSION)
    if isinstance(session, str) and session:
        reading = replace(reading, session=session, understood=reading.understood | {_SESSION})
    content = reading.content
    words = _words(span.attributes.get(_RESULT))
    if not isinstance(content, ToolCall) or words is None:
        return reading
    missing = {name: why for name, why in reading.missing.items() if name != "result"}
    if content.error is None:
        content = replace(content, result=parsed(words).value)
    else:
        content = replace(content, error=words, result=None)
    return replace(reading, content=content, missing=missing, understood=reading.understood | {_RESULT})


def _words(written: object) -> str | None:
    """The text blocks of a tool's answer, together."""
    value = parsed(written).value if isinstance(written, str) else written
    if isinstance(value, str):
        return value
    if not isinstance(value, (list, tuple)):
        return None
    blocks = [cast("Mapping[str, Any]", block) for block in cast("Sequence[Any]", value) if isinstance(block, Mapping)]
    texts = [text for block in blocks if isinstance(text := block.get("text"), str)]
    return "\n".join(texts) if texts else None
