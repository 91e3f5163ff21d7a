"""OTLP protobuf bodies in, spans and log records out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agenteval.core.span import Attribute, LogRecord, Span, SpanEvent, SpanLink, SpanStatus
from agenteval.errors import RequestError
from agenteval.telemetry.otlp import wire
from agenteval.telemetry.otlp.ids import NO_SPAN, SPAN_DIGITS, TRACE_DIGITS, id_or_none
from agenteval.telemetry.otlp.jsonvalues import MOST_PARTS, too_many_parts


def traces(body: bytes, most: int) -> tuple[list[Span], int]:
    """The first spans of an `ExportTraceServiceRequest`, and how many more there are.

    Raises:
        RequestError: The body is no such message.
    """
    request = ExportTraceServiceRequest()
    parse(request, body)
    made: list[Span] = []
    over = parts = 0
    for of_resource in request.resource_spans:
        resource = _attributes(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            scope = _scope(of_scope)
            schema_url = of_scope.schema_url or of_resource.schema_url
            room = most - len(made)
            over += max(0, len(of_scope.spans) - room)
            parts += 1 + sum(len(span.events) + len(span.links) for span in of_scope.spans[:room])
            if parts > MOST_PARTS:
                raise RequestError(too_many_parts())
            made += [_span(span, resource, scope, schema_url) for span in of_scope.spans[:room]]
    return made, over


def logs(body: bytes, most: int) -> tuple[list[LogRecord], int]:
    """The first log records of an `ExportLogsServiceRequest`, and how many more there are.

    Raises:
        RequestError: The body is no such message.
    """
    request = ExportLogsServiceRequest()
    parse(request, body)
    made: list[LogRecord] = []
    over = 0
    for of_resource in request.resource_logs:
        resource = _attributes(of_resource.resource.attributes)
        for of_scope in of_resource.scope_logs:
            scope = _scope(of_scope)
            schema_url = of_scope.schema_url or of_resource.schema_url
            room = most - len(made)
            over += max(0, len(of_scope.log_records) - room)
            made += [_log(record, resource, scope, schema_url) for record in of_scope.log_records[:room]]
    return made, over


def parse(request: Any, body: bytes) -> None:
    """Fill a request of OTLP from a body. Raises RequestError where it is none, or would take too much memory."""
    kind = type(request).__name__
    if len(body) > _LARGE and wire.fields_in(body, wire.nested_of(request.DESCRIPTOR), most=_MANY) > _MANY:
        raise RequestError(f"the {kind} has more than {_MANY} fields; send smaller batches")
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise RequestError(f"the body is no {kind}: {error}") from error


_LARGE = 8 * 2**20  # to count takes more than half as long as to read; what is smaller holds 280 MB at most
_MANY = 4_000_000  # in 64 MiB of real spans there are some 1.5 million; a message among them takes 70 bytes of memory


def _span(span: Any, resource: dict[str, Attribute], scope: dict[str, Attribute], schema_url: str) -> Span:
    status = span.status
    parent_id = span.parent_span_id.hex()
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=None if parent_id in ("", NO_SPAN) else parent_id,
        name=span.name,
        kind=span.kind,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        trace_state=span.trace_state,
        flags=span.flags,
        status=SpanStatus(code=status.code, message=status.message) if status.code or status.message else _UNSET,
        attributes=_attributes(span.attributes),
        events=tuple(map(_event, span.events)) if span.events else (),
        links=tuple(map(_link, span.links)) if span.links else (),
        dropped_attributes=span.dropped_attributes_count,
        dropped_events=span.dropped_events_count,
        dropped_links=span.dropped_links_count,
        resource=resource,
        scope=scope,
        schema_url=schema_url,
    )


def _event(event: Any) -> SpanEvent:
    return SpanEvent(
        name=event.name,
        at_ns=event.time_unix_nano,
        attributes=_attributes(event.attributes),
        dropped_attributes=event.dropped_attributes_count,
    )


def _link(link: Any) -> SpanLink:
    return SpanLink(
        trace_id=link.trace_id.hex(),
        span_id=link.span_id.hex(),
        trace_state=link.trace_state,
        attributes=_attributes(link.attributes),
        dropped_attributes=link.dropped_attributes_count,
        flags=link.flags,
    )


def _log(record: Any, resource: dict[str, Attribute], scope: dict[str, Attribute], schema_url: str) -> LogRecord:
    return LogRecord(
        trace_id=id_or_none(record.trace_id.hex(), TRACE_DIGITS),
        span_id=id_or_none(record.span_id.hex(), SPAN_DIGITS),
        at_ns=record.time_unix_nano,
        observed_ns=record.observed_time_unix_nano,
        name=record.event_name,
        severity=record.severity_number,
        severity_text=record.severity_text,
        body=_value(record.body),
        attributes=_attributes(record.attributes),
        dropped_attributes=record.dropped_attributes_count,
        flags=record.flags,
        resource=resource,
        scope=scope,
        schema_url=schema_url,
    )


def _scope(of_scope: Any) -> dict[str, Attribute]:
    """Name and version of an instrumentation scope, and its attributes where it has any; empty where there is none."""
    if not of_scope.HasField("scope"):
        return {}
    scope = of_scope.scope
    named: dict[str, Attribute] = {"name": scope.name, "version": scope.version}
    return {**named, "attributes": _attributes(scope.attributes)} if scope.attributes else named


def _attributes(pairs: Iterable[Any]) -> dict[str, Attribute]:
    attributes: dict[str, Attribute] = {}
    for pair in pairs:
        value = pair.value
        # nearly all are text, and asking which a value is takes as long as reading it
        attributes[pair.key] = value.string_value or _value(value)
    return attributes


def _value(value: Any) -> Attribute:
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind in _SCALARS:
        return getattr(value, kind)
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    return None  # nothing, or an index into a table of strings that only profiles have


_SCALARS = frozenset({"bool_value", "int_value", "double_value", "bytes_value"})
_UNSET = SpanStatus()
