"""Spans that AutoGen records by itself as readings.

They follow the GenAI convention as far as they go: agents, and tools with their call's id and error. Model calls,
contents and sessions are in none of them: these come from another instrumentation or not at all. Spans of its runtime
(`autogen process …`) move messages about.

References:
    microsoft/autogen, `autogen_core/_telemetry/_genai.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agenteval.core.span import LogRecord, Span
from agenteval.telemetry.dialects import semconv_spans
from agenteval.telemetry.dialects.reading import Reading

NAME = "autogen"

_SYSTEM = "autogen"
_NEVER = "not_sent: AutoGen's own spans carry no contents: instrument AutoGen with OpenInference, or its model client"


def read(span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading | None:  # noqa: ARG001 (one signature for all dialects)
    """What a span of AutoGen says; None for any other."""
    scope = span.scope.get("name")
    named = isinstance(scope, str) and scope.startswith(("autogen-", "autogen "))
    if not named and span.attributes.get("gen_ai.system") != _SYSTEM:
        return None
    kind = semconv_spans.kind_of(span) or "plumbing"
    reading = semconv_spans.read(semconv_spans.opened(NAME, span, logs), logs, kind)
    missing = {name: _NEVER if why.startswith("content_off") else why for name, why in reading.missing.items()}
    return replace(reading, missing=missing)
