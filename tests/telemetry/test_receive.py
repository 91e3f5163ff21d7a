"""OTLP requests in, spans and answers out, as the specification has it; nothing here opens a socket."""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from typing import Any

import pytest
from backports import zstd
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from agenteval.core.span import LogRecord, Span, SpanEvent
from agenteval.telemetry.answers import BROKEN, LONGEST_WAIT, OVERLOADED, Refused, accepted
from agenteval.telemetry.decompress import CODINGS, TooLarge, decompress
from agenteval.telemetry.otlp import JSON, PROTOBUF, encode_logs, encode_traces, wire
from agenteval.telemetry.receive import Limits, Received, receive

TRACE, SPAN = "0123456789abcdef" * 2, "0123456789abcdef"
LIMITS = Limits(body_bytes=100_000, items=5, attributes=4)


def span(number: int = 1, **changes: Any) -> Span:
    known: dict[str, Any] = {"trace_id": TRACE, "span_id": f"{number:016x}", "name": "chat", "start_ns": 1, "end_ns": 2}
    return Span(**{**known, **changes})


def post(
    body: bytes, *, path: str = "/v1/traces", kind: str = PROTOBUF, limits: Limits = LIMITS, **headers: str
) -> Received:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return receive("POST", path, {"content-type": kind, **named}, body, limits)


def refused(*args: Any, **kwargs: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        post(*args, **kwargs)
    return caught.value


@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
def test_spans_come_in_and_everything_was_taken(kind: str) -> None:
    spans = [span(1), span(2)]
    received = post(encode_traces(spans, kind), kind=kind)
    assert received.spans == spans
    assert (received.content_type, received.rejected) == (kind, 0)
    assert received.body == (b"{}" if kind == JSON else b"")


@pytest.mark.parametrize("path", ["/v1/traces", "/api/public/otel/v1/traces", "/otel/v1/traces", "/a/b/v1/traces/"])
def test_any_prefix_is_taken(path: str) -> None:
    assert post(encode_traces([span()]), path=path).spans == [span()]


def test_logs_come_in() -> None:
    record = LogRecord(trace_id=TRACE, span_id=SPAN, at_ns=1, body="said")
    received = post(encode_logs([record]), path="/v1/logs")
    assert (received.logs, received.spans, received.body) == ([record], (), b"")


def test_metrics_are_answered_and_not_kept() -> None:
    body = ExportMetricsServiceRequest().SerializeToString()
    received = post(body, path="/v1/metrics")
    assert (received.signal, received.spans, received.logs, received.body) == ("metrics", (), (), b"")
    assert post(b'{"resourceMetrics": []}', path="/v1/metrics", kind=JSON).body == b"{}"
    assert refused(b"\xff", path="/v1/metrics").kind.http == 400
    assert refused(b"[]", path="/v1/metrics", kind=JSON).kind.http == 400


def test_an_empty_request_is_taken() -> None:
    assert post(b"").body == b""
    assert post(b"", content_encoding="gzip").body == b""
    for body in (b"{}", b""):
        assert post(body, kind=JSON).body == b"{}"


def test_parameters_of_the_content_type_are_passed_over() -> None:
    assert post(b"{}", kind="Application/JSON; charset=utf-8").content_type == JSON


COMPRESSORS = {
    "identity": bytes,
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "zlib": zlib.compress,
    "zstd": zstd.compress,
}


def test_every_coding_is_tested() -> None:
    assert set(COMPRESSORS) == set(CODINGS)


@pytest.mark.parametrize("coding", COMPRESSORS)
def test_codings_are_undone(coding: str) -> None:
    body = encode_traces([span(number, attributes={"said": "x" * 500}) for number in range(1, 6)])
    compressed = COMPRESSORS[coding](body)
    assert len(post(compressed, content_encoding=coding.upper()).spans) == 5
    assert decompress(compressed, coding, len(body)) == body
    with pytest.raises(TooLarge, match="larger than"):
        decompress(compressed, coding, len(body) - 1)
    if coding != "identity":
        assert "ends too early" in str(refused(compressed[:-1], content_encoding=coding))
        assert refused(b"no such thing", content_encoding=coding).kind.http == 400
        assert len(post(compressed, content_encoding=f"identity, {coding}, ").spans) == 5


def test_deflate_without_its_header_is_undone() -> None:
    squeezer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    assert decompress(squeezer.compress(b"said" * 50) + squeezer.flush(), "deflate", 1000) == b"said" * 50


def test_members_one_after_the_other_are_undone_and_not_too_many() -> None:
    assert decompress(gzip.compress(b"a") * 100, "gzip", 1000) == b"a" * 100
    assert "more than 100 members" in str(refused(gzip.compress(b"") * 101, content_encoding="gzip"))


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
def test_a_bomb_is_refused_while_it_is_unpacked(coding: str) -> None:
    import tracemalloc

    bomb = COMPRESSORS[coding](bytes(64 * 2**20))
    tracemalloc.start()
    try:
        answer = refused(bomb, content_encoding=coding)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (answer.kind.http, answer.kind.grpc, answer.wait) == (413, "RESOURCE_EXHAUSTED", None)
    assert peak < 8 * 2**20


def test_a_body_larger_than_the_limit_is_refused() -> None:
    assert refused(bytes(100_001)).kind.http == 413


def test_zstd_without_its_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    module = "compression" if sys.version_info >= (3, 14) else "backports"
    monkeypatch.setitem(sys.modules, module, None)
    answer = refused(b"x", content_encoding="zstd")
    assert answer.kind.http == 415
    assert 'pip install "agenteval[zstd]"' in answer.message


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "told"),
    [
        ("GET", "/v1/traces", {"content-type": JSON}, 405, "OTLP requests are POST"),
        ("POST", "/v1/profiles", {"content-type": JSON}, 404, "/v1/traces, /v1/logs, /v1/metrics"),
        ("POST", "/traces", {"content-type": JSON}, 404, "is no OTLP path"),
        ("POST", "/v1/traces", {"content-type": "text/plain"}, 415, "'text/plain'"),
        ("POST", "/v1/traces", {}, 415, PROTOBUF),
        ("POST", "/v1/traces", {"content-type": JSON, "content-encoding": "br"}, 415, "'br'"),
        ("POST", "/v1/traces", {"content-type": JSON, "content-encoding": "gzip, gzip"}, 415, "'gzip, gzip'"),
    ],
)
def test_what_is_not_taken_says_why(method: str, path: str, headers: dict[str, str], status: int, told: str) -> None:
    with pytest.raises(Refused) as caught:
        receive(method, path, headers, b"", LIMITS)
    assert (caught.value.kind.http, caught.value.wait) == (status, None)
    assert told in caught.value.message
    assert caught.value.headers(JSON).get("allow") == ("POST" if status == 405 else None)
    assert ("accept-encoding" in caught.value.headers(JSON)) == ("content-encoding" in headers)


@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
def test_a_refusal_is_a_status_in_the_encoding_of_the_request(kind: str) -> None:
    answer = refused(b"\xff\xff", kind=kind)
    status = Status()
    if kind == JSON:
        json_format.Parse(answer.body(kind), status)
    else:
        status.ParseFromString(answer.body(kind))
    assert (status.code, status.message) == (3, answer.message)
    assert answer.headers(kind) == {"content-type": kind}
    assert answer.message


@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
def test_what_may_be_repeated_says_when_and_never_late(kind: str) -> None:
    answer = Refused(OVERLOADED, "too much", wait=30)
    assert answer.headers(kind)["retry-after"] == str(LONGEST_WAIT) == "2"
    status = Status()
    if kind == JSON:
        json_format.Parse(answer.body(kind), status)
    else:
        status.ParseFromString(answer.body(kind))
    (detail,) = status.details
    info = RetryInfo()
    assert detail.Unpack(info)
    assert (status.code, info.retry_delay.seconds) == (14, 2)
    assert "retry-after" not in Refused(BROKEN, "a fault", wait=30).headers(kind)


def test_spans_with_forbidden_ids_are_rejected_and_the_others_taken() -> None:
    spans = [span(1), span(2, trace_id="0" * 32), span(3, span_id="ab"), span(4)]
    received = post(encode_traces(spans))
    assert received.spans == [spans[0], spans[3]]
    assert received.rejected == 2
    response = ExportTraceServiceResponse.FromString(received.body)
    assert response.partial_success.rejected_spans == 2
    assert "traceId '" + "0" * 32 in response.partial_success.error_message
    assert "and 1 more like it" in response.partial_success.error_message
    assert "is not 32 hexadecimal digits" in refused(encode_traces(spans[1:2])).message


def test_ids_of_json_that_are_base64_are_refused() -> None:
    body = json.loads(encode_traces([span()], JSON))
    body["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"] = "ASNFZ4mrze8BI0VniavN7w=="
    answer = refused(json.dumps(body).encode(), kind=JSON)
    assert answer.kind.http == 400
    assert "traceid" in answer.message.lower()


@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
def test_items_beyond_the_limit_are_rejected_and_counted(kind: str) -> None:
    received = post(encode_traces([span(number) for number in range(1, 9)], kind), kind=kind)
    assert [one.span_id for one in received.spans] == [f"{number:016x}" for number in range(1, 6)]
    response = ExportTraceServiceResponse()
    if kind == JSON:
        json_format.Parse(received.body, response)
    else:
        response.ParseFromString(received.body)
    assert (received.rejected, response.partial_success.rejected_spans) == (3, 3)
    assert response.partial_success.error_message == "3 beyond the first 5 were not taken; send smaller batches"
    logs = post(
        encode_logs([LogRecord(trace_id="", span_id="", at_ns=n) for n in range(7)], kind), path="/v1/logs", kind=kind
    )
    assert (len(logs.logs), logs.rejected) == (5, 2)


def test_attributes_beyond_the_limit_are_dropped_and_counted_on_the_span() -> None:
    many = {f"k{number}": number for number in range(6)}
    rich = span(1, attributes=many, dropped_attributes=1, events=(SpanEvent(name="e", at_ns=1, attributes=many),))
    received = post(encode_traces([rich, span(2)]))
    assert received.spans[0].attributes == {f"k{number}": number for number in range(4)}
    assert received.spans[0].dropped_attributes == 3
    assert received.spans[0].events[0].dropped_attributes == 2
    assert received.spans[1] == span(2)
    assert (received.dropped_attributes, received.rejected) == (4, 0)
    response = ExportTraceServiceResponse.FromString(received.body)
    assert response.partial_success.rejected_spans == 0
    assert response.partial_success.error_message == "4 attributes beyond 4 of one item were dropped"
    log = LogRecord(trace_id="", span_id="", at_ns=1, attributes=many)
    kept = post(encode_logs([log]), path="/v1/logs")
    assert (kept.dropped_attributes, kept.logs[0].dropped_attributes) == (2, 2)
    assert ExportLogsServiceResponse.FromString(kept.body).partial_success.error_message


def test_responses_are_what_the_protocol_has() -> None:
    assert json_format.Parse(
        accepted("metrics", JSON, rejected=2**40, message="a"), ExportMetricsServiceResponse()
    ) == (ExportMetricsServiceResponse.FromString(accepted("metrics", rejected=2**40, message="a")))
    assert len(accepted("traces", message="x" * 5000)) < 1100


FLOODS = {
    "spans": lambda flood: nested(nested(flood(0x12), 2), 1),
    "scopes": lambda flood: nested(flood(0x12), 1),
    "events": lambda flood: in_span(flood(0x5A)),
    "links": lambda flood: in_span(flood(0x6A)),
    "values of a list": lambda flood: in_span(nested(nested(nested(flood(0x0A), 5), 2), 9)),
    "attributes of the resource": lambda flood: nested(nested(flood(0x0A), 1), 1),
    "what follows a group that nobody knows": lambda flood: in_span(b"\xf3\x07\xf4\x07" + flood(0x5A)),
    "tags that are longer than they need be": lambda flood: in_span(flood(0xDA, 0x80, 0x00)),
}


def in_span(payload: bytes) -> bytes:
    return nested(nested(nested(nested(b"\xab" * 16, 1) + nested(b"\xcd" * 8, 2) + payload, 2), 2), 1)


@pytest.mark.parametrize("of", FLOODS)
def test_a_flood_is_counted_wherever_it_stands(of: str) -> None:
    body = FLOODS[of](lambda *tag: bytes([*tag, 0]) * 2_000)
    nested_fields = wire.nested_of(ExportTraceServiceRequest.DESCRIPTOR)
    assert wire.fields_in(body, nested_fields, most=1_000) == 1_001
    assert 2_000 < wire.fields_in(body, nested_fields, most=10_000) < 2_010
    try:
        ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        pytest.fail("the parser takes it, so that it must be counted")


def test_a_flood_of_empty_messages_is_refused_before_they_are_given_memory() -> None:
    flood = FLOODS["events"](lambda *tag: bytes([*tag, 0]) * 4_200_000)
    for path in ("/v1/traces", "/v1/logs", "/v1/metrics"):
        answer = refused(flood, path=path, limits=Limits())
        assert answer.kind.http == 400
        assert "more than 4000000 fields; send smaller batches" in answer.message
    of_json = b'{"resourceSpans": [' + b"{}," * 5_000_001 + b"{}]}"
    answer = refused(of_json, kind=JSON, limits=Limits())
    assert (answer.kind.http, "send smaller batches" in answer.message) == (400, True)


def test_events_and_links_of_a_request_are_bounded_before_they_are_made() -> None:
    three = b"".join(
        nested(nested(b"\xab" * 16, 1) + nested(bytes([number]) * 8, 2) + b"\x5a\x00\x6a\x00" * 170_000, 2)
        for number in (1, 2, 3)
    )
    of_json = json.dumps(
        {"resourceSpans": [{"scopeSpans": [{"spans": [{"events": [{}] * 500_000, "links": [{}] * 500_001}]}]}]}
    )
    for body, kind in ((nested(nested(three, 2), 1), PROTOBUF), (of_json.encode(), JSON)):
        assert "more than 1000000 events and links" in refused(body, kind=kind, limits=Limits()).message


def nested(payload: bytes, field: int) -> bytes:
    length, left = b"", len(payload)
    while left > 127:
        length += bytes([left & 127 | 128])
        left >>= 7
    return bytes([field << 3 | 2]) + length + bytes([left]) + payload


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([PROTOBUF, JSON]),
    st.sampled_from(CODINGS),
    st.sampled_from(["traces", "logs", "metrics"]),
)
def test_any_request_is_answered(body: bytes, kind: str, coding: str, signal: str) -> None:
    try:
        answer = post(body, path=f"/v1/{signal}", kind=kind, content_encoding=coding).content_type
    except Refused as error:
        answer = error.headers(kind)["content-type"]
    assert answer == kind
