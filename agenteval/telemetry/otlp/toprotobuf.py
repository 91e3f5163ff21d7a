"""Spans and log records in, OTLP protobuf bodies out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agenteval.core.span import Attributes, LogRecord, Span
from agenteval.errors import RequestError
from agenteval.telemetry.otlp.grouping import grouped
from agenteval.telemetry.otlp.jsonvalues import DEEPEST
from agenteval.telemetry.otlp.tojson import fits_int64, written_deep


def traces(spans: Iterable[Span]) -> bytes:
    """An `ExportTraceServiceRequest` with these spans in their order."""
    request = ExportTraceServiceRequest()
    for of_resource in grouped(spans):
        resource_spans = request.resource_spans.add()
        _attributes(resource_spans.resource.attributes, of_resource.resource)
        for group in of_resource.scopes:
            scope_spans = resource_spans.scope_spans.add()
            scope_spans.schema_url = _text(group.schema_url)
            _scope(scope_spans, group.scope)
            for span in group.items:
                _span(scope_spans.spans.add(), span)
    return request.SerializeToString()


def logs(records: Iterable[LogRecord]) -> bytes:
    """An `ExportLogsServiceRequest` with these log records in their order."""
    request = ExportLogsServiceRequest()
    for of_resource in grouped(records):
        resource_logs = request.resource_logs.add()
        _attributes(resource_logs.resource.attributes, of_resource.resource)
        for group in of_resource.scopes:
            scope_logs = resource_logs.scope_logs.add()
            scope_logs.schema_url = _text(group.schema_url)
            _scope(scope_logs, group.scope)
            for record in group.items:
                _log(scope_logs.log_records.add(), record)
    return request.SerializeToString()


def _scope(parent: Any, scope: Attributes) -> None:
    if not scope:
        return
    parent.scope.SetInParent()
    parent.scope.name = _text(str(scope.get("name") or ""))
    parent.scope.version = _text(str(scope.get("version") or ""))
    attributes = scope.get("attributes")
    if isinstance(attributes, Mapping):
        _attributes(parent.scope.attributes, attributes)


def _span(message: Any, span: Span) -> None:
    message.trace_id = _id(span.trace_id)
    message.span_id = _id(span.span_id)
    message.parent_span_id = _id(span.parent_id or "")
    message.name = _text(span.name)
    message.kind = span.kind
    message.start_time_unix_nano = span.start_ns
    message.end_time_unix_nano = span.end_ns
    message.trace_state = _text(span.trace_state)
    message.flags = span.flags
    message.status.code = span.status.code
    message.status.message = _text(span.status.message)
    message.dropped_attributes_count = span.dropped_attributes
    message.dropped_events_count = span.dropped_events
    message.dropped_links_count = span.dropped_links
    _attributes(message.attributes, span.attributes)
    for event in span.events:
        at = message.events.add(
            name=_text(event.name), time_unix_nano=event.at_ns, dropped_attributes_count=event.dropped_attributes
        )
        _attributes(at.attributes, event.attributes)
    for link in span.links:
        to = message.links.add(
            trace_id=_id(link.trace_id),
            span_id=_id(link.span_id),
            trace_state=_text(link.trace_state),
            dropped_attributes_count=link.dropped_attributes,
            flags=link.flags,
        )
        _attributes(to.attributes, link.attributes)


def _log(message: Any, record: LogRecord) -> None:
    message.trace_id = _id(record.trace_id)
    message.span_id = _id(record.span_id)
    message.time_unix_nano = record.at_ns
    message.observed_time_unix_nano = record.observed_ns
    message.event_name = _text(record.name)
    message.severity_number = record.severity
    message.severity_text = _text(record.severity_text)
    message.dropped_attributes_count = record.dropped_attributes
    message.flags = record.flags
    _value(message.body, record.body, 0)
    _attributes(message.attributes, record.attributes)


def _id(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise RequestError(f"the id {text!r:.80} is not hexadecimal, and cannot be written as OTLP") from None


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:  # protobuf has no lone surrogates
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _attributes(pairs: Any, attributes: Attributes, depth: int = 0) -> None:
    for key, value in attributes.items():
        pair = pairs.add(key=_text(key))
        _value(pair.value, value, depth)


def _value(message: Any, value: Any, depth: int) -> None:
    if value is None:
        message.SetInParent()
    elif isinstance(value, str):
        message.string_value = _text(value)
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, int):
        if fits_int64(value):
            message.int_value = value
        else:
            message.string_value = str(value)
    elif isinstance(value, float):
        message.double_value = value
    elif isinstance(value, (bytes, bytearray)):
        message.bytes_value = bytes(value)
    elif depth >= DEEPEST:
        message.string_value = _text(written_deep(value))
    elif isinstance(value, Mapping):
        message.kvlist_value.SetInParent()
        _attributes(message.kvlist_value.values, cast("Attributes", value), depth + 1)
    else:
        message.array_value.SetInParent()
        for item in cast("Sequence[Any]", value):
            _value(message.array_value.values.add(), item, depth + 1)
