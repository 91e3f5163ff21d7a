"""Jaeger's JSON (its API's and its page's download): an object with `data`, a list of traces, or one trace.

Tags become attributes, those aside that Jaeger keeps parts of an OpenTelemetry span in; the process becomes the
resource, a reference to the parent the parent, other references links, and logs events.

References:
    OpenTelemetry specification, "OpenTelemetry to Jaeger Transformation".
    Jaeger, model/json/model.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from agenteval.core.span import Span, SpanEvent, SpanLink, SpanStatus
from agenteval.intake.formats._json import Decoded, Unreadable
from agenteval.intake.formats._reading import (
    list_of,
    maybe_count,
    maybe_object,
    maybe_objects,
    maybe_text,
    object_of,
    shown,
)
from agenteval.intake.formats._record import Record
from agenteval.intake.formats._source import Look, Source
from agenteval.intake.formats._spans import MICROSECOND, SPAN_ERROR, converted, records, span_id_of, trace_id_of

NAME: Final = "jaeger"
TITLE: Final = "Jaeger traces (a JSON object with data, or one trace with spans and processes)"

_KINDS: Final = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
_CODES: Final = {"OK": 1, "ERROR": SPAN_ERROR}


def detect(look: Look) -> bool:
    """Traces with Jaeger's spelling of their id."""
    if look.shape == "object" and {"traceID", "spans"} <= look.keys:
        return True
    return isinstance(look.first, dict) and {"traceID", "spans"} <= look.first.keys()


def read(source: Source) -> Iterator[Record]:
    """The spans of every trace."""
    yield from converted(source, records(source, member="data"), _trace)


def _trace(record: Decoded) -> list[Span]:
    trace = object_of(record.clean, "a trace")
    processes = maybe_object(trace.get("processes"))
    spans = list_of(trace.get("spans"), "spans")
    return [_span(object_of(span, f"spans[{at}]"), processes, f"spans[{at}]") for at, span in enumerate(spans)]


def _span(span: Mapping[str, Any], processes: Mapping[str, Any], what: str) -> Span:
    trace_id = trace_id_of(span.get("traceID"))
    start = maybe_count(span.get("startTime"))
    if start is None:
        raise Unreadable(f"{what}.startTime must be microseconds since 1970, not {shown(span.get('startTime'))}")
    tags = _tags(span.get("tags"))
    process = maybe_object(span.get("process")) or maybe_object(processes.get(str(span.get("processID"))))
    parent, links = _references(span, trace_id)
    return Span(
        trace_id=trace_id,
        span_id=span_id_of(trace_id, span.get("spanID")),
        parent_id=parent,
        name=str(span.get("operationName") or ""),
        kind=_KINDS.get(str(tags.pop("span.kind", "")), 1),
        start_ns=start * MICROSECOND,
        end_ns=(start + (maybe_count(span.get("duration")) or 0)) * MICROSECOND,
        status=_status(tags),
        scope=_scope(tags),
        trace_state=str(tags.pop("w3c.tracestate", "")),
        resource={"service.name": process.get("serviceName") or "", **_tags(process.get("tags"))},
        events=tuple(_event(log) for log in maybe_objects(span.get("logs"))),
        links=links,
        attributes=tags,
    )


def _tags(written: object) -> dict[str, Any]:
    """Tags by key; of one key that stands there twice the later one counts."""
    return {str(tag.get("key")): tag.get("value") for tag in maybe_objects(written)}


def _status(tags: dict[str, Any]) -> SpanStatus:
    code = _CODES.get(str(tags.pop("otel.status_code", "")).upper(), 0)
    failed = tags.get("error") in {True, "true"}
    if failed:
        del tags["error"]
    message = str(tags.pop("otel.status_description", ""))
    return SpanStatus(code=SPAN_ERROR if failed else code, message=message)


def _scope(tags: dict[str, Any]) -> dict[str, Any]:
    scope: dict[str, Any] = {}
    for part in ("name", "version"):
        older, newer = tags.pop(f"otel.library.{part}", None), tags.pop(f"otel.scope.{part}", None)
        scope[part] = maybe_text(newer) or maybe_text(older) or ""
    return scope


def _references(span: Mapping[str, Any], trace_id: str) -> tuple[str | None, tuple[SpanLink, ...]]:
    """The parent, and links to what else is referred to."""
    parent: str | None = None
    links: list[SpanLink] = []
    for reference in maybe_objects(span.get("references")):
        trace = trace_id_of(reference.get("traceID") or trace_id)
        other = span_id_of(trace, reference.get("spanID"))
        if reference.get("refType") == "CHILD_OF" and trace == trace_id and parent is None:
            parent = other
        else:
            links.append(SpanLink(trace_id=trace, span_id=other))
    if parent is None and (older := maybe_text(span.get("parentSpanID"))):
        parent = span_id_of(trace_id, older)
    return parent, tuple(links)


def _event(log: Mapping[str, Any]) -> SpanEvent:
    fields = _tags(log.get("fields"))
    name = fields.pop("event", "")
    return SpanEvent(name=str(name), at_ns=(maybe_count(log.get("timestamp")) or 0) * MICROSECOND, attributes=fields)
