"""Spans of Microsoft's Semantic Kernel as readings: by the GenAI convention, messages as log records in the old form.

A tool is a plugin's function and goes by both names to a model, as `catalogue-look`; it is called by its own.

References:
    microsoft/semantic-kernel, `semantic_kernel/utils/telemetry/`, `semantic_kernel/functions/kernel_function.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import ToolCall
from agenteval.telemetry.dialects import semconv_spans
from agenteval.telemetry.dialects.reading import Reading

NAME = "semantic-kernel"

_SCOPES = "semantic_kernel."
_SEPARATOR = "-"  # no function's name may have it


def read(span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading | None:  # noqa: ARG001 (one signature for all dialects)
    """What a span of Semantic Kernel says; None for any other."""
    scope = span.scope.get("name")
    if not isinstance(scope, str) or not scope.startswith(_SCOPES):
        return None
    kind = semconv_spans.kind_of(span) or "plumbing"
    reading = semconv_spans.read(semconv_spans.opened(NAME, span, logs), logs, kind)
    call = reading.content
    if not isinstance(call, ToolCall):
        return reading
    return replace(reading, content=replace(call, name=call.name.rpartition(_SEPARATOR)[2]))
