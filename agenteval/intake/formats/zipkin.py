"""Zipkin's JSON, version 2: a list of spans. Tags become attributes, the local endpoint the resource.

References:
    OpenTelemetry specification, "OpenTelemetry to Zipkin Transformation".
    Zipkin, zipkin2-api.yaml.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from agenteval.core.span import Span, SpanEvent, SpanStatus
from agenteval.intake.formats._json import Decoded
from agenteval.intake.formats._reading import maybe_count, maybe_object, maybe_objects, maybe_text, object_of
from agenteval.intake.formats._record import Record
from agenteval.intake.formats._source import Look, Source
from agenteval.intake.formats._spans import (
    MICROSECOND,
    SPAN_ERROR,
    converted,
    parent_id_of,
    records,
    span_id_of,
    trace_id_of,
)

NAME: Final = "zipkin"
TITLE: Final = "Zipkin spans (a JSON list of objects with traceId, id, localEndpoint)"

_KINDS: Final = {"CLIENT": 3, "SERVER": 2, "PRODUCER": 4, "CONSUMER": 5}
_CODES: Final = {"OK": 1, "ERROR": SPAN_ERROR}


def detect(look: Look) -> bool:
    """Spans with Zipkin's members, and none that other formats have."""
    first = look.first
    zipkins = isinstance(first, dict) and {"traceId", "id", "localEndpoint"} <= first.keys()
    return look.shape in {"list", "lines"} and zipkins


def read(source: Source) -> Iterator[Record]:
    """Every span."""
    yield from converted(source, records(source), _span)


def _span(record: Decoded) -> list[Span]:
    span = object_of(record.clean, "a span")
    trace_id = trace_id_of(span.get("traceId"))
    start = maybe_count(span.get("timestamp")) or 0
    tags: dict[str, Any] = dict(maybe_object(span.get("tags")))
    endpoint = maybe_object(span.get("localEndpoint"))
    return [
        Span(
            trace_id=trace_id,
            span_id=span_id_of(trace_id, span.get("id")),
            parent_id=parent_id_of(trace_id, span.get("parentId")),
            name=maybe_text(span.get("name")) or "",
            kind=_KINDS.get(str(span.get("kind")), 1),
            start_ns=start * MICROSECOND,
            end_ns=(start + (maybe_count(span.get("duration")) or 0)) * MICROSECOND,
            status=_status(tags),
            scope={
                "name": str(tags.pop("otel.scope.name", None) or tags.pop("otel.library.name", "")),
                "version": str(tags.pop("otel.scope.version", None) or tags.pop("otel.library.version", "")),
            },
            resource={"service.name": endpoint.get("serviceName") or ""},
            events=tuple(_event(note) for note in maybe_objects(span.get("annotations"))),
            attributes=tags,
        )
    ]


def _status(tags: dict[str, Any]) -> SpanStatus:
    code = _CODES.get(str(tags.pop("otel.status_code", "")).upper(), 0)
    message = tags.pop("error", None)
    return SpanStatus(code=code if message is None else SPAN_ERROR, message=str(message or ""))


def _event(note: Mapping[str, Any]) -> SpanEvent:
    return SpanEvent(name=str(note.get("value") or ""), at_ns=(maybe_count(note.get("timestamp")) or 0) * MICROSECOND)
