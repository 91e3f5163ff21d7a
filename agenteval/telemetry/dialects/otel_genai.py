"""Spans of any producer that follows the OpenTelemetry GenAI convention, of any generation, as readings.

References:
    OpenTelemetry semantic conventions 1.26 to 1.41; repository semantic-conventions-genai.
"""

from __future__ import annotations

from collections.abc import Sequence

from agenteval.core.span import LogRecord, Span
from agenteval.telemetry.dialects import semconv_spans
from agenteval.telemetry.dialects.reading import Reading

NAME = "otel-genai"

_OURS = "agenteval"


def read(span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading | None:  # noqa: ARG001 (one signature for all dialects)
    """What a span says by the convention; None where it says nothing of it."""
    kind = semconv_spans.kind_of(span)
    if kind is None or span.scope.get("name") == _OURS:
        return None
    return semconv_spans.read(semconv_spans.opened(NAME, span, logs), logs, kind)
