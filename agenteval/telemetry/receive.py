"""An OTLP request in, its spans and log records and the answer out. Pure: knows no socket and no store.

`receive` takes an HTTP request, `take` the message of a gRPC call. Whoever calls them stores what came, and only then
sends the answer.

References:
    OpenTelemetry Protocol specification 1.10, "OTLP/HTTP Request", "OTLP/HTTP Response", "Partial Success".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from agenteval.core.span import LogRecord, Span, SpanEvent, SpanLink
from agenteval.errors import MissingExtra, RequestError
from agenteval.telemetry.answers import (
    MALFORMED,
    NOWHERE,
    SIGNALS,
    TOO_LARGE,
    WRONG_METHOD,
    WRONG_TYPE,
    Refused,
    accepted,
)
from agenteval.telemetry.decompress import CODINGS, TooLarge, decompress
from agenteval.telemetry.otlp import JSON, PROTOBUF, fromjson, protobuf, read_logs, read_traces, valid_spans


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may hold.

    Attributes:
        body_bytes: Bytes of a body, as sent and without its content coding.
        items: Spans or log records of one request; more are rejected, counted and told.
        attributes: Attributes of one span, log record, event or link; more are dropped and counted on it.
    """

    body_bytes: int = 64 * 2**20
    items: int = 100_000
    attributes: int = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What came in one request, and what is answered once it is stored.

    Attributes:
        signal: `traces`, `logs` or `metrics`; metrics are answered and not kept.
        rejected: Spans or log records that were not taken; the answer tells why.
        dropped_attributes: Attributes beyond the limit, counted on the spans that lost them, too.
        body: The answer's body.
        content_type: Of request and answer.
        size: Bytes of the request's body without its content coding.
    """

    signal: str
    spans: Sequence[Span] = ()
    logs: Sequence[LogRecord] = ()
    rejected: int = 0
    dropped_attributes: int = 0
    body: bytes = b""
    content_type: str = PROTOBUF
    size: int = 0


def signal_of(path: str) -> str | None:
    """The signal that a path is for: any path that ends in `/v1/traces`, `/v1/logs` or `/v1/metrics`."""
    return next((signal for signal in SIGNALS if path.rstrip("/").endswith(f"/v1/{signal}")), None)


def content_type_of(headers: Mapping[str, str]) -> str:
    """The media type of a request without its parameters, in lower case."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def receive(method: str, path: str, headers: Mapping[str, str], body: bytes, limits: Limits) -> Received:
    """What an HTTP request holds.

    Args:
        method: Its method.
        path: Its path, without the query.
        headers: Its headers, by lower-case name.
        body: Its body, as it came.
        limits: What it may hold.

    Raises:
        Refused: It is not taken; `content_type_of` says in which encoding that is answered.
    """
    signal, coding = check_head(method, path, headers)
    try:
        plain = decompress(body, coding, limits.body_bytes)
    except TooLarge as error:
        raise Refused(TOO_LARGE, str(error)) from error
    except MissingExtra as error:
        raise Refused(WRONG_TYPE, f"{error}; or send gzip") from error
    except RequestError as error:
        raise Refused(MALFORMED, str(error)) from error
    return take(signal, plain, content_type_of(headers), limits)


def check_head(method: str, path: str, headers: Mapping[str, str]) -> tuple[str, str]:
    """Signal and content coding of a request, by what comes before its body. Raises Refused."""
    signal = signal_of(path)
    if signal is None:
        wanted = ", ".join(f"/v1/{name}" for name in SIGNALS)
        raise Refused(NOWHERE, f"{path!r:.200} is no OTLP path; those end in {wanted}")
    if method != "POST":
        raise Refused(
            WRONG_METHOD, f"{method!r:.40} is not taken here; OTLP requests are POST", headers={"allow": "POST"}
        )
    kind = content_type_of(headers)
    if kind not in (PROTOBUF, JSON):
        raise Refused(WRONG_TYPE, f"the content type {kind!r:.80} is not taken; allowed are {PROTOBUF} and {JSON}")
    return signal, _coding(headers.get("content-encoding", ""))


def _coding(written: str) -> str:
    """The one content coding of a request. Raises Refused where there are several, or it is not taken."""
    named = [name for name in (part.strip().lower() for part in written.split(",")) if name not in ("", "identity")]
    coding = named[0] if named else "identity"
    if len(named) > 1 or coding not in CODINGS:
        told = f"the content encoding {written!r:.80} is not taken; allowed is one of {', '.join(CODINGS)}"
        raise Refused(WRONG_TYPE, told, headers={"accept-encoding": "gzip, deflate, zstd"})
    return coding


def take(signal: str, body: bytes, content_type: str, limits: Limits) -> Received:
    """What the message of a request holds. Raises Refused where it is malformed, or nothing of it can be taken."""
    try:
        if signal == "traces":
            return _traces(body, content_type, limits)
        if signal == "logs":
            return _logs(body, content_type, limits)
        _check_metrics(body, content_type)
    except RequestError as error:
        raise Refused(MALFORMED, str(error)) from error
    return Received(signal="metrics", body=accepted("metrics", content_type), content_type=content_type, size=len(body))


def _check_metrics(body: bytes, content_type: str) -> None:
    if content_type == JSON:
        if not isinstance(fromjson.load(body), dict):
            raise RequestError("the body is no ExportMetricsServiceRequest: it is not a JSON object")
        return
    protobuf.parse(ExportMetricsServiceRequest(), body)


def _traces(body: bytes, content_type: str, limits: Limits) -> Received:
    came, over = read_traces(body, content_type, most=limits.items)
    spans, wrong = valid_spans(came)
    if wrong and not spans:
        raise RequestError(_summed_up(wrong))
    dropped = 0
    for place, span in enumerate(spans):
        excess = _excess(span, limits.attributes)
        if excess:
            dropped += excess
            spans[place] = _cut_span(span, limits.attributes)
    whole = Received(
        signal="traces", spans=spans, dropped_attributes=dropped, content_type=content_type, size=len(body)
    )
    return _answered(whole, [*wrong, *_too_many(over, limits)], len(wrong) + over, limits)


def _logs(body: bytes, content_type: str, limits: Limits) -> Received:
    logs, over = read_logs(body, content_type, most=limits.items)
    dropped = sum(max(0, len(log.attributes) - limits.attributes) for log in logs)
    if dropped:
        logs = [_cut(log, limits.attributes) for log in logs]
    whole = Received(signal="logs", logs=logs, dropped_attributes=dropped, content_type=content_type, size=len(body))
    return _answered(whole, _too_many(over, limits), over, limits)


def _answered(received: Received, reasons: Sequence[str], rejected: int, limits: Limits) -> Received:
    told = [_summed_up(reasons)] if reasons else []
    if received.dropped_attributes:
        told.append(f"{received.dropped_attributes} attributes beyond {limits.attributes} of one item were dropped")
    body = accepted(received.signal, received.content_type, rejected=rejected, message="; ".join(told))
    return replace(received, rejected=rejected, body=body)


def _too_many(over: int, limits: Limits) -> list[str]:
    return [f"{over} beyond the first {limits.items} were not taken; send smaller batches"] if over else []


def _summed_up(reasons: Sequence[str]) -> str:
    more = f", and {len(reasons) - 1} more like it" if len(reasons) > 1 else ""
    return f"{reasons[0]}{more}"


# --- the limit of attributes


_Part = TypeVar("_Part", Span, LogRecord, SpanEvent, SpanLink)


def _excess(span: Span, most: int) -> int:
    """How many attributes of a span, its events and its links are beyond the limit."""
    over = max(0, len(span.attributes) - most)
    for part in (*span.events, *span.links):
        over += max(0, len(part.attributes) - most)
    return over


def _cut_span(span: Span, most: int) -> Span:
    events = tuple(_cut(event, most) for event in span.events)
    links = tuple(_cut(link, most) for link in span.links)
    return replace(_cut(span, most), events=events, links=links)


def _cut(part: _Part, most: int) -> _Part:
    over = len(part.attributes) - most
    if over <= 0:
        return part
    kept = dict(islice(part.attributes.items(), most))
    return replace(part, attributes=kept, dropped_attributes=part.dropped_attributes + over)
