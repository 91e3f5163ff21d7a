"""Spans in, how much of them was understood out: dialect by dialect, and the attributes that no dialect made use of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import ModelCall, ToolCall
from agenteval.telemetry.assemble import is_ours
from agenteval.telemetry.dialects.reading import Reading
from agenteval.telemetry.foreign import by_trace
from agenteval.telemetry.forest import readings_of
from agenteval.telemetry.structure import distinct, parents_of

UNKNOWN = "unknown"
"""Stands for the dialect of spans that none knows."""


@dataclass(slots=True)
class Dialect:
    """What one dialect read: spans, and what they were."""

    spans: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    agents: int = 0
    tokens: int = 0


@dataclass(slots=True)
class Understood:
    """How much of some spans was understood.

    Attributes:
        dialects: What each dialect read; two spans that saw one call are two here. Spans that none knows are `unknown`.
        attributes: How many attributes the spans of known dialects have.
        used: How many of those were made use of.
        unused: The others, by name.
    """

    dialects: dict[str, Dialect] = field(default_factory=dict[str, Dialect])
    attributes: int = 0
    used: int = 0
    unused: Counter[str] = field(default_factory=Counter[str])

    @property
    def share(self) -> float | None:
        """The part of the attributes that was made use of; None where there is none."""
        return self.used / self.attributes if self.attributes else None

    def __add__(self, other: Understood) -> Understood:
        """Of both together."""
        total = Understood(
            attributes=self.attributes + other.attributes,
            used=self.used + other.used,
            unused=self.unused + other.unused,
        )
        for one in (self, other):
            for name, part in one.dialects.items():
                kept = total.dialects.setdefault(name, Dialect())
                for what in Dialect.__slots__:
                    setattr(kept, what, getattr(kept, what) + getattr(part, what))
        return total


def understood(spans: Iterable[Span], logs: Iterable[LogRecord] = ()) -> Understood:
    """How much of other producers' spans was understood; our own are left out."""
    result = Understood()
    for some, of_trace in by_trace((span for span in spans if not is_ours(span)), logs):
        unique, _ = distinct(some)
        readings = readings_of(unique, parents_of(unique), of_trace)
        for span in unique:
            _count(result, span, readings[span.span_id])
    return result


def _count(result: Understood, span: Span, reading: Reading | None) -> None:
    if reading is None:
        result.dialects.setdefault(UNKNOWN, Dialect()).spans += 1
        return
    dialect = result.dialects.setdefault(reading.dialect, Dialect())
    dialect.spans += 1
    content = reading.content
    dialect.model_calls += isinstance(content, ModelCall)
    dialect.tool_calls += isinstance(content, ToolCall)
    dialect.agents += reading.kind == "agent"
    if isinstance(content, ModelCall) and content.usage is not None:
        dialect.tokens += content.usage.tokens or 0
    result.attributes += len(span.attributes)
    unused = span.attributes.keys() - reading.understood
    result.used += len(span.attributes) - len(unused)
    result.unused.update(unused)
