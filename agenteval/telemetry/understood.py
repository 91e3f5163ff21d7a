"""Spans in, how much of them was understood out: dialect by dialect, and the attributes that no dialect made use of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields

from agenteval.core.json import Json
from agenteval.core.marks import ATTRIBUTE
from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import ModelCall, ToolCall, Trajectory
from agenteval.telemetry.assemble import SCOPE, is_ours
from agenteval.telemetry.dialects import genai
from agenteval.telemetry.dialects.reading import Reading
from agenteval.telemetry.foreign import by_trace
from agenteval.telemetry.forest import readings_of
from agenteval.telemetry.remembering import one_assembly
from agenteval.telemetry.structure import distinct, parents_of

UNKNOWN = "unknown"
"""Stands for the dialect of spans that none knows."""

_LISTED = 20
_INDEX = re.compile(r"(?<=\.)\d+(?=\.|$)")
_NOTED = ("agenteval.import.", ATTRIBUTE)  # what importers and the redactor note on spans


@dataclass(slots=True)
class Dialect:
    """What one dialect read: spans, and what they were.

    Attributes:
        tokens: Read and written, of the model calls that say; None where none does.
        unmeasured: Model calls that do not say.
    """

    spans: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    agents: int = 0
    tokens: int | None = None
    unmeasured: int = 0

    def call(self, call: ModelCall) -> None:
        """Count a model call."""
        tokens = None if call.usage is None else call.usage.tokens
        self.model_calls += 1
        self.tokens = _sum(self.tokens, tokens)
        self.unmeasured += tokens is None

    def __add__(self, other: Dialect) -> Dialect:
        """Of both together."""
        return Dialect(
            spans=self.spans + other.spans,
            model_calls=self.model_calls + other.model_calls,
            tool_calls=self.tool_calls + other.tool_calls,
            agents=self.agents + other.agents,
            tokens=_sum(self.tokens, other.tokens),
            unmeasured=self.unmeasured + other.unmeasured,
        )


@dataclass(slots=True)
class Understood:
    """How much of some spans was understood.

    Attributes:
        dialects: What each dialect read. Spans that none knows are `unknown`, our own `agenteval`.
        attributes: How many attributes the spans of known dialects have.
        used: How many of those were made use of.
        unused: The others, by name; an index in a name stands as `N`.
        strangers: Spans that no dialect knows, by the name of their scope.
    """

    dialects: dict[str, Dialect] = field(default_factory=dict[str, Dialect])
    attributes: int = 0
    used: int = 0
    unused: Counter[str] = field(default_factory=Counter[str])
    strangers: Counter[str] = field(default_factory=Counter[str])

    @property
    def share(self) -> float | None:
        """The part of the attributes that was made use of; None where there is none."""
        return self.used / self.attributes if self.attributes else None

    def of(self, dialect: str) -> Dialect:
        """What a dialect read; made where it has read nothing yet."""
        return self.dialects.setdefault(dialect, Dialect())

    def __add__(self, other: Understood) -> Understood:
        """Of both together."""
        names = [*self.dialects, *(name for name in other.dialects if name not in self.dialects)]
        none = Dialect()
        return Understood(
            dialects={name: self.dialects.get(name, none) + other.dialects.get(name, none) for name in names},
            attributes=self.attributes + other.attributes,
            used=self.used + other.used,
            unused=self.unused + other.unused,
            strangers=self.strangers + other.strangers,
        )

    def to_json(self) -> dict[str, Json]:
        """As scripts read it."""
        return {
            "dialects": {
                name: {one.name: getattr(dialect, one.name) for one in fields(Dialect)}
                for name, dialect in sorted(self.dialects.items())
            },
            "attributes": self.attributes,
            "used": self.used,
            "unused": [{"name": name, "count": count} for name, count in most(self.unused)[:_LISTED]],
            "unknown_scopes": [{"name": name, "count": count} for name, count in most(self.strangers)[:_LISTED]],
        }


def most(counts: Counter[str]) -> list[tuple[str, int]]:
    """What came most often first; of what came equally often, the first one of the alphabet."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def understood(
    spans: Iterable[Span], logs: Iterable[LogRecord] = (), trajectories: Iterable[Trajectory] | None = None
) -> Understood:
    """How much of spans was understood.

    Args:
        spans: Spans of whole traces.
        logs: Log records of those traces.
        trajectories: What was assembled of them, for calls that are counted once, whoever saw them. Without them each
            span counts that says that it is a call, of other producers' spans alone.
    """
    result = Understood()
    with one_assembly():
        for some, of_trace in by_trace(spans, logs):
            unique, _ = distinct(some)
            others = [span for span in unique if not is_ours(span)]
            if len(others) < len(unique):
                result.of(SCOPE).spans += len(unique) - len(others)
            readings = readings_of(others, parents_of(others), of_trace)
            for span in others:
                _count(result, span, readings[span.span_id], calls=trajectories is None)
    for trajectory in trajectories or ():
        _count_calls(result, trajectory)
    return result


def _count(result: Understood, span: Span, reading: Reading | None, *, calls: bool) -> None:
    if reading is None:
        result.of(UNKNOWN).spans += 1
        result.strangers[str(span.scope.get("name") or "without a scope")] += 1
        return
    dialect = result.of(reading.dialect)
    dialect.spans += 1
    dialect.agents += reading.kind == "agent"
    content = reading.content
    if calls and isinstance(content, ModelCall):
        dialect.call(content)
    dialect.tool_calls += calls and isinstance(content, ToolCall)
    names = [name for name in span.attributes if not name.startswith(_NOTED)]
    unused = [name for name in names if name not in reading.understood]
    result.attributes += len(names)
    result.used += len(names) - len(unused)
    result.unused.update(_INDEX.sub("N", name) for name in unused)


def _count_calls(result: Understood, trajectory: Trajectory) -> None:
    for step in trajectory.steps:
        content = step.content
        if isinstance(content, (ModelCall, ToolCall)):
            source = step.sources[0] if step.sources else UNKNOWN
            dialect = result.of(SCOPE if source == genai.NAME else source)
            if isinstance(content, ModelCall):
                dialect.call(content)
            else:
                dialect.tool_calls += 1


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other
