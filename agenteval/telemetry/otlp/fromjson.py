"""OTLP/JSON bodies in, spans and log records out. Unknown members are passed over; wrong types are refused by place.

References:
    OpenTelemetry Protocol specification, "JSON Protobuf Encoding": ids in hexadecimal digits of any case, enumerations
    as integers, members in lowerCamelCase. ProtoJSON: 64-bit integers as text or number, "NaN" and "Infinity".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import orjson

from agenteval.core.span import LogRecord, Span, SpanEvent, SpanLink, SpanStatus
from agenteval.errors import RequestError
from agenteval.telemetry.otlp.ids import NO_SPAN, SPAN_DIGITS, TRACE_DIGITS, id_or_none
from agenteval.telemetry.otlp.jsonvalues import (
    MOST_PARTS,
    UINT32,
    UINT64,
    attributes_of,
    enum_of,
    integer_of,
    list_of,
    object_of,
    text_of,
    too_many_parts,
    value_of,
)

_KIND_NAMES = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_KINDS = {f"SPAN_KIND_{name}": number for number, name in enumerate(_KIND_NAMES)}
_CODES = {f"STATUS_CODE_{name}": number for number, name in enumerate(("UNSET", "OK", "ERROR"))}
_LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
_SEVERITIES = {
    "SEVERITY_NUMBER_UNSPECIFIED": 0,
    **{
        f"SEVERITY_NUMBER_{level}{step or ''}": 4 * place + max(step, 1)
        for place, level in enumerate(_LEVELS)
        for step in (0, 2, 3, 4)
    },
}

_MANY = 5_000_000  # in 64 MiB of real spans there are some 3 million; each takes 64 bytes of memory or, not empty, 200

_T = TypeVar("_T")
_Object = Mapping[str, Any]


def traces(body: bytes, most: int) -> tuple[list[Span], int]:
    """The first spans of an `ExportTraceServiceRequest` in JSON, and how many more. Raises RequestError."""
    return _items(body, ("resourceSpans", "scopeSpans", "spans"), _Spans().make, most)


def logs(body: bytes, most: int) -> tuple[list[LogRecord], int]:
    """The first log records of an `ExportLogsServiceRequest` in JSON, and how many more. Raises RequestError."""
    return _items(body, ("resourceLogs", "scopeLogs", "logRecords"), _log, most)


def _items(
    body: bytes, names: tuple[str, str, str], make: Callable[[_Object, _Object, _Object, str], _T], most: int
) -> tuple[list[_T], int]:
    by_resource, by_scope, items = names
    made: list[_T] = []
    over = 0
    for of_resource in _objects(object_of(load(body), "body"), by_resource):
        resource = attributes_of(object_of(of_resource.get("resource"), "resource").get("attributes"))
        for of_scope in _objects(of_resource, by_scope):
            scope = _scope(of_scope.get("scope"))
            schema_url = text_of(of_scope, "schemaUrl") or text_of(of_resource, "schemaUrl")
            written = list_of(of_scope.get(items), items)
            room = most - len(made)
            over += max(0, len(written) - room)
            for place, item in enumerate(written[:room]):
                try:
                    made.append(make(object_of(item, items), resource, scope, schema_url))
                except RequestError as error:
                    raise RequestError(f"{items}[{place}]: {error}") from error
    return made, over


def load(body: bytes) -> Any:
    """The value of a JSON text; an empty one is an empty request, as in protobuf.

    Raises:
        RequestError: It is no JSON, or holds too many lists and objects.
    """
    if not body:
        return {}
    if len(body) > _MANY and body.count(b"{") + body.count(b"[") > _MANY:
        raise RequestError(f"the body holds more than {_MANY} objects and lists; send smaller batches")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if b"\\ud" not in body.lower():
            raise RequestError(f"the body is not JSON: {error}") from error
    # JavaScript writes lone surrogates, which orjson refuses
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the body is not JSON: {error!s:.200}") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} stands outside of quotes")


def _objects(parent: _Object, name: str) -> Iterator[_Object]:
    return (object_of(item, name) for item in list_of(parent.get(name), name))


def _scope(written: Any) -> dict[str, Any]:
    if written is None:
        return {}
    scope = object_of(written, "scope")
    named: dict[str, Any] = {"name": text_of(scope, "name"), "version": text_of(scope, "version")}
    attributes = attributes_of(scope.get("attributes"))
    return {**named, "attributes": attributes} if attributes else named


class _Spans:
    """Makes the spans of one request, with no more events and links than it may have."""

    def __init__(self) -> None:
        self._parts = 0

    def make(self, span: _Object, resource: _Object, scope: _Object, schema_url: str) -> Span:
        self._parts += sum(len(list_of(span.get(name), name)) for name in ("events", "links"))
        if self._parts > MOST_PARTS:
            raise RequestError(too_many_parts())
        return _span(span, resource, scope, schema_url)


def _span(span: _Object, resource: _Object, scope: _Object, schema_url: str) -> Span:
    parent_id = text_of(span, "parentSpanId").lower()
    status = object_of(span.get("status"), "status")
    return Span(
        trace_id=text_of(span, "traceId").lower(),
        span_id=text_of(span, "spanId").lower(),
        parent_id=None if parent_id in ("", NO_SPAN) else parent_id,
        name=text_of(span, "name"),
        kind=enum_of(span, "kind", _KINDS),
        start_ns=integer_of(span, "startTimeUnixNano", UINT64),
        end_ns=integer_of(span, "endTimeUnixNano", UINT64),
        trace_state=text_of(span, "traceState"),
        flags=integer_of(span, "flags", UINT32),
        status=SpanStatus(code=enum_of(status, "code", _CODES), message=text_of(status, "message")),
        attributes=attributes_of(span.get("attributes")),
        events=tuple(map(_event, _objects(span, "events"))),
        links=tuple(map(_link, _objects(span, "links"))),
        dropped_attributes=integer_of(span, "droppedAttributesCount", UINT32),
        dropped_events=integer_of(span, "droppedEventsCount", UINT32),
        dropped_links=integer_of(span, "droppedLinksCount", UINT32),
        resource=resource,
        scope=scope,
        schema_url=schema_url,
    )


def _event(event: _Object) -> SpanEvent:
    return SpanEvent(
        name=text_of(event, "name"),
        at_ns=integer_of(event, "timeUnixNano", UINT64),
        attributes=attributes_of(event.get("attributes")),
        dropped_attributes=integer_of(event, "droppedAttributesCount", UINT32),
    )


def _link(link: _Object) -> SpanLink:
    return SpanLink(
        trace_id=text_of(link, "traceId").lower(),
        span_id=text_of(link, "spanId").lower(),
        trace_state=text_of(link, "traceState"),
        attributes=attributes_of(link.get("attributes")),
        dropped_attributes=integer_of(link, "droppedAttributesCount", UINT32),
        flags=integer_of(link, "flags", UINT32),
    )


def _log(record: _Object, resource: _Object, scope: _Object, schema_url: str) -> LogRecord:
    return LogRecord(
        trace_id=id_or_none(text_of(record, "traceId"), TRACE_DIGITS),
        span_id=id_or_none(text_of(record, "spanId"), SPAN_DIGITS),
        at_ns=integer_of(record, "timeUnixNano", UINT64),
        observed_ns=integer_of(record, "observedTimeUnixNano", UINT64),
        name=text_of(record, "eventName"),
        severity=enum_of(record, "severityNumber", _SEVERITIES),
        severity_text=text_of(record, "severityText"),
        body=value_of(record.get("body"), 0),
        attributes=attributes_of(record.get("attributes")),
        dropped_attributes=integer_of(record, "droppedAttributesCount", UINT32),
        flags=integer_of(record, "flags", UINT32),
        resource=resource,
        scope=scope,
        schema_url=schema_url,
    )
