"""OTLP request bodies in, spans and log records out, nothing lost.

References:
    OpenTelemetry Protocol, opentelemetry/proto/{trace,logs,common,resource}/v1/*.proto.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agenteval.core.span import Attribute, LogRecord, Span, SpanEvent, SpanLink, SpanStatus
from agenteval.errors import RequestError

PROTOBUF = "application/x-protobuf"


def decode_traces(body: bytes) -> list[Span]:
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
        for scope in (_scope(of_scope.scope),)
        for span in of_scope.spans
    ]


def decode_logs(body: bytes) -> list[LogRecord]:
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
        for scope in (_scope(of_scope.scope),)
        for record in of_scope.log_records
    ]


def _parse(request: Any, body: bytes) -> None:
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise RequestError(f"the body is no {type(request).__name__}: {error}") from error


def _span(span: Any, resource: dict[str, Attribute], scope: dict[str, Attribute], schema_url: str) -> Span:
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() or None,
        name=span.name,
        kind=span.kind,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        trace_state=span.trace_state,
        flags=span.flags,
        status=SpanStatus(code=span.status.code, message=span.status.message),
        attributes=_attributes(span.attributes),
        events=tuple(
            SpanEvent(
                name=event.name,
                at_ns=event.time_unix_nano,
                attributes=_attributes(event.attributes),
                dropped_attributes=event.dropped_attributes_count,
            )
            for event in span.events
        ),
        links=tuple(
            SpanLink(
                trace_id=link.trace_id.hex(),
                span_id=link.span_id.hex(),
                trace_state=link.trace_state,
                attributes=_attributes(link.attributes),
                dropped_attributes=link.dropped_attributes_count,
                flags=link.flags,
            )
            for link in span.links
        ),
        dropped_attributes=span.dropped_attributes_count,
        dropped_events=span.dropped_events_count,
        dropped_links=span.dropped_links_count,
        resource=resource,
        scope=scope,
        schema_url=schema_url,
    )


def _log(record: Any, resource: dict[str, Attribute], scope: dict[str, Attribute], schema_url: str) -> LogRecord:
    return LogRecord(
        trace_id=record.trace_id.hex(),
        span_id=record.span_id.hex(),
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


def _scope(scope: Any) -> dict[str, Attribute]:
    """Name and version of an instrumentation scope, and its attributes where it has any."""
    named: dict[str, Attribute] = {"name": scope.name, "version": scope.version}
    return {**named, "attributes": _attributes(scope.attributes)} if scope.attributes else named


def _attributes(pairs: Iterable[Any]) -> dict[str, Attribute]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Attribute:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return list(_values(value.array_value.values))
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    return getattr(value, kind)


def _values(values: Iterable[Any]) -> Iterator[Attribute]:
    return (_value(value) for value in values)
