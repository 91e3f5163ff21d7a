"""Spans of Microsoft's Agent Framework as readings.

It follows the GenAI convention with JSON text in place of lists, and writes messages twice: as attributes, and as log
records in the old form. Spans of its workflows stand around those of its agents and make no step.

References:
    microsoft/agent-framework, `agent_framework/observability.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from agenteval.core import semconv
from agenteval.core.span import LogRecord, Span
from agenteval.telemetry.dialects import semconv_spans
from agenteval.telemetry.dialects.reading import Reading

NAME = "agent-framework"

_SCOPE = "agent_framework"
_PROVIDER = "microsoft.agent_framework"


def read(span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading | None:  # noqa: ARG001 (one signature for all dialects)
    """What a span of the Agent Framework says; None for any other."""
    scope = span.scope.get("name")
    own = isinstance(scope, str) and (scope == _SCOPE or scope.startswith(_SCOPE + "."))
    if not own and span.attributes.get(semconv.PROVIDER) != _PROVIDER:
        return None
    kind = semconv_spans.kind_of(span) or "plumbing"
    return semconv_spans.read(semconv_spans.opened(NAME, span, logs), logs, kind)
