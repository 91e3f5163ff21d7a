"""OTLP trace and log requests, protobuf and JSON: as exporters send, collectors write, and Tempo and Jaeger give them.

Spans and log records are kept as they came, with their ids. JSON is one request, a list of them, or one a line. Tempo
calls resource spans `batches` and writes ids in base64; files from before OTLP 0.19 speak of instrumentation libraries
where today's speak of scopes. A message of protobuf does not say which request it is: its spans or its records do.

References:
    OpenTelemetry Protocol specification, "JSON Protobuf Encoding" and "File Exporter".
    OpenTelemetry proto 0.19, "deprecated instrumentation_library_spans".
    Grafana Tempo, HTTP API, "Query" and "Query V2".
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from agenteval.core.span import LogRecord, Span
from agenteval.errors import RequestError
from agenteval.intake.formats._frames import FIRST_BYTE, framing_of, messages
from agenteval.intake.formats._json import Unreadable
from agenteval.intake.formats._reading import maybe_object, maybe_objects, maybe_text, never_nothing
from agenteval.intake.formats._record import Record, Telemetry
from agenteval.intake.formats._source import Look, Source
from agenteval.intake.formats._split import Piece, lines, split
from agenteval.telemetry.otlp import JSON, decode_logs, decode_traces, valid_spans
from agenteval.telemetry.otlp.fromjson import load
from agenteval.telemetry.own import as_written

NAME: Final = "otlp"
TITLE: Final = "OTLP traces and logs (protobuf bodies, JSON, JSON lines; Tempo's JSON, too)"

_TRACES, _LOGS, _METRICS, _TEMPO = "resourceSpans", "resourceLogs", "resourceMetrics", "batches"
_WRAPPERS: Final = ("trace", "result")  # of Tempo's API, version 2, and of Jaeger's, version 3
_LISTS: Final = frozenset({_TRACES, _LOGS, _METRICS, _TEMPO})
_NO_METRICS: Final = "OTLP metrics, which are not kept: give traces and logs"
_SHOWN: Final = 20  # refused spans of one request that are told one by one


def detect(look: Look) -> bool:
    """Requests by their members, or bytes that begin as a request does."""
    if look.shape == "binary":
        return framing_of(look.start) is not None
    if look.shape == "object":
        return not _LISTS.isdisjoint(look.keys) or any(look.keys == {name} for name in _WRAPPERS)
    return look.shape in {"list", "lines"} and isinstance(look.first, dict) and not _LISTS.isdisjoint(look.first)


def read(source: Source) -> Iterator[Record]:
    """The spans and log records of every request."""
    empty = source.refusal("file", "it holds no span and no log record")
    with source.open() as read_bytes:
        if source.look.shape == "binary":
            pieces = messages(read_bytes, framing_of(source.look.start) or "plain")
        elif source.look.shape == "lines":
            pieces = (Piece(place=f"line {number}", data=data, problem=why) for number, data, why in lines(read_bytes))
        else:
            pieces = split(read_bytes, _LISTS)
        yield from never_nothing((record for piece in pieces for record in _records(source, piece)), empty)


def _records(source: Source, piece: Piece) -> Iterator[Record]:
    if piece.problem is not None:
        yield source.refusal(piece.where, piece.problem)
    elif piece.data is not None:
        try:
            spans, logs, wrong = _request(piece.key, piece.index, piece.data)
        except (RequestError, Unreadable) as error:
            yield source.refusal(piece.where, str(error))
            return
        if spans or logs:
            yield Telemetry(spans=tuple(as_written(spans)), logs=tuple(logs), position=piece.where)
        yield from (source.refusal(piece.where, why) for why in wrong[:_SHOWN])
        if len(wrong) > _SHOWN:
            yield source.refusal(piece.where, f"{len(wrong) - _SHOWN} more spans like these")


_Items = tuple[list[Span], list[LogRecord], list[str]]


def _request(key: str | None, index: int | None, data: bytes) -> _Items:
    """Spans, log records and what is wrong with the other spans. Raises RequestError or Unreadable."""
    if index is not None and key is not None:  # one element of a list of the outermost object
        name = _TRACES if key == _TEMPO else key
        return _json(b'{"%s":[%s]}' % (name.encode(), data))
    if key in _WRAPPERS:
        return _json(data)
    if key is not None:  # what else the outermost object says
        return [], [], []
    if not data:
        return [], [], []
    return _protobuf(data) if data[0] == FIRST_BYTE else _json(data)


# --- protobuf


def _protobuf(data: bytes) -> _Items:
    try:
        came, refused = decode_traces(data), None
    except RequestError as error:
        came, refused = [], error
    spans, wrong = valid_spans(came)
    if spans:
        return spans, [], wrong
    logs = _logs(data, spans=came)
    if logs:
        return [], logs, []
    if _holds_metrics(data):
        raise Unreadable(_NO_METRICS)
    if refused is not None:
        raise refused
    return [], [], wrong


def _logs(data: bytes, *, spans: list[Span]) -> list[LogRecord]:
    """The log records; none where their message is one of spans, which decodes as one of records without any time."""
    try:
        logs = decode_logs(data)
    except RequestError:
        return []
    timed = any(log.at_ns or log.observed_ns for log in logs)
    said = any(log.body is not None for log in logs) and not any(span.start_ns or span.trace_id for span in spans)
    return logs if timed or said else []


def _holds_metrics(data: bytes) -> bool:
    try:
        request = ExportMetricsServiceRequest.FromString(data)
    except DecodeError:
        return False
    scopes = (scope for resource in request.resource_metrics for scope in resource.scope_metrics)
    return any(metric.WhichOneof("data") for scope in scopes for metric in scope.metrics)


# --- JSON


def _json(data: bytes) -> _Items:
    old = b"instrumentationLibrary" in data
    good, wrong = ([], []) if old else valid_spans(decode_traces(data, JSON))
    if wrong or not good:
        request = _modern(data)
        if _METRICS in request and _TRACES not in request and _LOGS not in request:
            raise Unreadable(_NO_METRICS)
        data = json.dumps(request).encode()
        good, wrong = valid_spans(decode_traces(data, JSON))
    return good, decode_logs(data, JSON), wrong


def _modern(data: bytes) -> dict[str, Any]:
    """A request in the words of today's OTLP, with ids in hexadecimal."""
    written = maybe_object(load(data))
    inner = (maybe_object(written.get(name)) for name in _WRAPPERS)
    request = next(filter(None, inner), written)
    _rename(request, _TEMPO, _TRACES)
    for of_resource in maybe_objects(request.get(_TRACES)):
        _rename(of_resource, "instrumentationLibrarySpans", "scopeSpans")
        for of_scope in maybe_objects(of_resource.get("scopeSpans")):
            _rename(of_scope, "instrumentationLibrary", "scope")
            for span in maybe_objects(of_scope.get("spans")):
                _hexadecimal(span, {"traceId": 16, "spanId": 8, "parentSpanId": 8})
                for link in maybe_objects(span.get("links")):
                    _hexadecimal(link, {"traceId": 16, "spanId": 8})
    return request


def _rename(members: dict[str, Any], old: str, new: str) -> None:
    if old in members and new not in members:
        members[new] = members.pop(old)


def _hexadecimal(members: dict[str, Any], ids: Mapping[str, int]) -> None:
    """Write ids that stand there in base64 as hexadecimal digits."""
    for name, size in ids.items():
        text = maybe_text(members.get(name)) or ""
        if len(text) == 2 * size:
            continue
        try:
            found = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
        if len(found) == size:
            members[name] = found.hex()
