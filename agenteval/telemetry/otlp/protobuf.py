"""OTLP protobuf bodies in, spans and log records out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agenteval.core.span import Attribute, LogRecord, Span, SpanEvent, SpanLink, SpanStatus
from agenteval.errors import RequestError
from agenteval.telemetry.otlp.ids import NO_SPAN, SPAN_DIGITS, TRACE_DIGITS, id_or_none


def traces(body: bytes) -> list[Span]:
    """The spans of an `ExportTraceServiceRequest`.

    Raises:
        RequestError: The body is no such message.
    """
    request = ExportTraceServiceRequest()
    _parse(request, body)
    return [
        _span(span, resource, scope, of_scope.schema_url or of_resource.schema_url)
        for of_resource in request.resource_spans
        for resource in (_attributes(of_resource.resource.attributes),)
        for of_scope in of_resource.scope_spans
        for scope in (_scope(of_scope),)
        for span in of_scope.spans
    ]


def logs(body: bytes) -> list[LogRecord]:
    """The log records of an `ExportLogsServiceRequest`.

    Raises:
        RequestError: The body is no such message.
    """
    request = ExportLogsServiceRequest()
    _parse(request, body)
    return [
        _log(record, resource, scope, of_scope.schema_url or of_resource.schema_url)
        for of_resource in request.resource_logs
        for resource in (_attributes(of_resource.resource.attributes),)
        for of_scope in of_resource.scope_logs
        for scope in (_scope(of_scope),)
        for record in of_scope.log_records
    ]


def _parse(request: Any, body: bytes) -> None:
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise RequestError(f"the body is no {type(request).__name__}: {error}") from error


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
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Attribute:
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    if kind is None or kind not in _SCALARS:  # an index into a table of strings that only profiles have
        return None
    return getattr(value, kind)


_SCALARS = frozenset({"bool_value", "int_value", "double_value", "bytes_value"})
_UNSET = SpanStatus()
