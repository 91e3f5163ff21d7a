"""Spans or log records in, runs of neighbours with one resource and one scope out: what OTLP writes only once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from agenteval.core.span import Attributes, LogRecord, Span

T = TypeVar("T", Span, LogRecord)


@dataclass(slots=True)
class OfScope(Generic[T]):
    """Neighbours that share a scope and the URL of a schema."""

    scope: Attributes
    schema_url: str
    items: list[T] = field(default_factory=list[T])


@dataclass(slots=True)
class OfResource(Generic[T]):
    """Neighbours that share a resource."""

    resource: Attributes
    scopes: list[OfScope[T]] = field(default_factory=list[OfScope[T]])


def grouped(items: Iterable[T]) -> Iterator[OfResource[T]]:
    """Groups that hold the items in their order."""
    group: OfResource[T] | None = None
    for item in items:
        if group is None or not alike(group.resource, item.resource):
            if group is not None:
                yield group
            group = OfResource[T](item.resource)
        last = group.scopes[-1] if group.scopes else None
        if last is None or last.schema_url != item.schema_url or not alike(last.scope, item.scope):
            last = OfScope[T](item.scope, item.schema_url)
            group.scopes.append(last)
        last.items.append(item)
    if group is not None:
        yield group


def alike(one: Any, other: Any) -> bool:
    """Whether two values are equal and of the same types throughout: 1, 1.0 and true differ."""
    if one is other:
        return True
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return _alike_maps(cast("Attributes", one), cast("Attributes", other))
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return _alike_lists(cast("Sequence[Any]", one), cast("Sequence[Any]", other))
    # of scalars, as strict as it gets: 0.0 is not -0.0, and NaN is NaN
    return repr(cast("object", one)) == repr(cast("object", other))


def _alike_maps(one: Attributes, other: Attributes) -> bool:
    return list(one) == list(other) and all(alike(value, other[key]) for key, value in one.items())


def _alike_lists(one: Sequence[Any], other: Sequence[Any]) -> bool:
    return len(one) == len(other) and all(map(alike, one, other))
