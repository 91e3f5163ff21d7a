"""Spans of Anthropic's SDKs' own instrumentation as readings.

It follows the GenAI convention; what a tool answered, or the words of its error, are `anthropic.tool_result.content`.

References:
    anthropics/anthropic-sdk-python 2, `anthropic/_tracing.py` and `anthropic/lib/_tracing`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agenteval.core import semconv
from agenteval.core.json import Json
from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import ModelCall, ToolCall
from agenteval.telemetry.dialects import semconv_spans
from agenteval.telemetry.dialects.arguments import parsed
from agenteval.telemetry.dialects.held import list_of, object_of, text_of, value_of
from agenteval.telemetry.dialects.reading import Reading

NAME = "anthropic-sdk"

_SCOPE = "com.anthropic.sdk"
_RESULT = "anthropic.tool_result.content"
_SESSION = "anthropic.session.id"
_STOPPED = "anthropic.message.stop_reason"
_TRUNCATED = "anthropic.content.truncated"
_OFF = "content_off: set ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE=content where the agent runs"
_LIMIT = "cut: it was more than ANTHROPIC_OPEN_TELEMETRY_TRACES_MAX_CONTENT_BYTES"


def read(span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading | None:  # noqa: ARG001 (one signature for all dialects)
    """What a span of Anthropic's SDK says; None for any other."""
    scope = span.scope.get("name")
    if not isinstance(scope, str) or not scope.startswith(_SCOPE):
        return None
    kind = semconv_spans.kind_of(span) if semconv.OPERATION in span.attributes else None
    reading = semconv_spans.read(semconv_spans.opened(NAME, span, logs), logs, kind or "plumbing")
    reading = _with(reading, span, _SESSION, session=reading.session or text_of(span.attributes.get(_SESSION)))
    missing = {name: _OFF if why.startswith("content_off") else why for name, why in reading.missing.items()}
    reading = replace(reading, missing=missing)
    if isinstance(reading.content, ToolCall):
        reading = _answered(reading, reading.content, span)
    elif isinstance(reading.content, ModelCall):
        finish = text_of(span.attributes.get(_STOPPED)) or reading.content.finish
        reading = _with(reading, span, _STOPPED, content=replace(reading.content, finish=finish))
    return _cut(reading, span) if span.attributes.get(_TRUNCATED) is True else reading


def _with(reading: Reading, span: Span, name: str, **changes: Any) -> Reading:
    """The reading with what an attribute says besides."""
    understood = reading.understood | ({name} & span.attributes.keys())
    return replace(reading, understood=understood, **changes)


def _answered(reading: Reading, call: ToolCall, span: Span) -> Reading:
    """The reading of a call with its result; of one that failed, with the words of its error."""
    answer = _answer(span.attributes.get(_RESULT))
    if answer is None:
        return reading
    if call.error is None:
        missing = {name: why for name, why in reading.missing.items() if name != "result"}
        return _with(reading, span, _RESULT, content=replace(call, result=answer), missing=missing)
    words = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    return _with(reading, span, _RESULT, content=replace(call, error=words or call.error))


def _answer(written: object) -> Json:
    """The text of a tool's answer as what it says; the blocks themselves where one is no text; None for none."""
    value = value_of(written)
    blocks = [object_of(block) for block in list_of(value)]
    if not blocks:
        return parsed(value).value if isinstance(value, str) else None
    texts = [text for block in blocks if isinstance(text := block.get("text"), str)]
    return parsed("\n".join(texts)).value if len(texts) == len(blocks) else value


def _cut(reading: Reading, span: Span) -> Reading:
    """The reading of a span that lost contents to the SDK's limit: whole parts from the start, arguments as a whole."""
    content, missing = reading.content, dict(reading.missing)
    fields = ("arguments", "result") if isinstance(content, ToolCall) else ("messages", "output")
    for name in fields:
        if missing.get(name) == _OFF:
            missing[name] = _LIMIT
    truncated = {*reading.truncated, *(name for name in fields if name not in missing)} - {"arguments"}
    return _with(reading, span, _TRUNCATED, missing=missing, truncated=tuple(sorted(truncated)))
