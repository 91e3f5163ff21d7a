"""Spans and log records in, OTLP/JSON bodies out."""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import orjson

from agenteval.core.span import Attributes, LogRecord, Span, SpanEvent, SpanLink
from agenteval.errors import RequestError
from agenteval.telemetry.otlp.grouping import grouped
from agenteval.telemetry.otlp.jsonvalues import DEEPEST

_HIGHEST = 2**63


def traces(spans: Iterable[Span]) -> bytes:
    """An `ExportTraceServiceRequest` with these spans in their order."""
    return _dumped(
        {
            "resourceSpans": [
                {
                    "resource": {"attributes": _attributes(of_resource.resource)},
                    "scopeSpans": [
                        {**_shared(group.scope, group.schema_url), "spans": [_span(span) for span in group.items]}
                        for group in of_resource.scopes
                    ],
                }
                for of_resource in grouped(spans)
            ]
        }
    )


def logs(records: Iterable[LogRecord]) -> bytes:
    """An `ExportLogsServiceRequest` with these log records in their order."""
    return _dumped(
        {
            "resourceLogs": [
                {
                    "resource": {"attributes": _attributes(of_resource.resource)},
                    "scopeLogs": [
                        {
                            **_shared(group.scope, group.schema_url),
                            "logRecords": [_log(record) for record in group.items],
                        }
                        for group in of_resource.scopes
                    ],
                }
                for of_resource in grouped(records)
            ]
        }
    )


def _dumped(request: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(request)
    except TypeError:  # a lone surrogate, which the other writes as its escape
        return json.dumps(request, separators=(",", ":")).encode()


def _shared(scope: Attributes, schema_url: str) -> dict[str, Any]:
    shared: dict[str, Any] = {"schemaUrl": schema_url} if schema_url else {}
    if scope:
        named: dict[str, Any] = {"name": str(scope.get("name") or ""), "version": str(scope.get("version") or "")}
        attributes = scope.get("attributes")
        if isinstance(attributes, Mapping) and attributes:
            named["attributes"] = _attributes(cast("Attributes", attributes))
        shared["scope"] = named
    return shared


def _span(span: Span) -> dict[str, Any]:
    return _set(
        traceId=_id(span.trace_id),
        spanId=_id(span.span_id),
        parentSpanId=_id(span.parent_id or ""),
        name=span.name,
        kind=span.kind,
        startTimeUnixNano=str(span.start_ns),
        endTimeUnixNano=str(span.end_ns),
        traceState=span.trace_state,
        flags=span.flags,
        status=_set(code=span.status.code, message=span.status.message),
        attributes=_attributes(span.attributes),
        events=[_event(event) for event in span.events],
        links=[_link(link) for link in span.links],
        droppedAttributesCount=span.dropped_attributes,
        droppedEventsCount=span.dropped_events,
        droppedLinksCount=span.dropped_links,
    )


def _event(event: SpanEvent) -> dict[str, Any]:
    return _set(
        name=event.name,
        timeUnixNano=str(event.at_ns),
        attributes=_attributes(event.attributes),
        droppedAttributesCount=event.dropped_attributes,
    )


def _link(link: SpanLink) -> dict[str, Any]:
    return _set(
        traceId=_id(link.trace_id),
        spanId=_id(link.span_id),
        traceState=link.trace_state,
        attributes=_attributes(link.attributes),
        droppedAttributesCount=link.dropped_attributes,
        flags=link.flags,
    )


def _log(record: LogRecord) -> dict[str, Any]:
    return _set(
        traceId=_id(record.trace_id),
        spanId=_id(record.span_id),
        timeUnixNano=str(record.at_ns),
        observedTimeUnixNano=str(record.observed_ns),
        eventName=record.name,
        severityNumber=record.severity,
        severityText=record.severity_text,
        body=_value(record.body, 0),
        attributes=_attributes(record.attributes),
        droppedAttributesCount=record.dropped_attributes,
        flags=record.flags,
    )


def _set(**members: Any) -> dict[str, Any]:
    """Members that do not hold what stands for them where they are left out."""
    return {name: value for name, value in members.items() if value}


def _id(text: str) -> str:
    try:
        return bytes.fromhex(text).hex()
    except ValueError:
        raise RequestError(f"the id {text!r:.80} is not hexadecimal, and cannot be written as OTLP") from None


def _attributes(attributes: Attributes, depth: int = 0) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value, depth)} for key, value in attributes.items()]


def _value(value: Any, depth: int) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue" if fits_int64(value) else "stringValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value if math.isfinite(value) else _NOT_FINITE[str(value)]}
    if isinstance(value, (bytes, bytearray)):
        return {"bytesValue": b64encode(value).decode()}
    if depth >= DEEPEST:
        return {"stringValue": written_deep(value)}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": _attributes(cast("Attributes", value), depth + 1)}}
    return {"arrayValue": {"values": [_value(item, depth + 1) for item in cast("Sequence[Any]", value)]}}


_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def fits_int64(number: int) -> bool:
    """Whether an OTLP value can hold this integer."""
    return -_HIGHEST <= number < _HIGHEST


def written_deep(value: Any) -> str:
    """A list or object that is nested too deeply for OTLP, as JSON text; bytes in it as base64."""
    return json.dumps(value, default=_encoded, ensure_ascii=False, separators=(",", ":"))


def _encoded(value: Any) -> Any:
    return b64encode(value).decode() if isinstance(value, (bytes, bytearray)) else dict(value)
