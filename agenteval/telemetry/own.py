"""Spans that went through OTLP in, our own as they were written out.

OTLP does not tell an empty version of a scope from none. Other producers' spans are stored with an empty one, ours
without, so that a span of ours that was exported and comes back is the same span.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from agenteval.core.span import Span
from agenteval.telemetry.assemble import SCOPE

_SENT = {"name": SCOPE, "version": ""}
_WRITTEN = {"name": SCOPE}


def as_written(spans: Iterable[Span]) -> list[Span]:
    """The spans, our own with their scope as it was."""
    return [replace(span, scope=_WRITTEN) if span.scope == _SENT else span for span in spans]
