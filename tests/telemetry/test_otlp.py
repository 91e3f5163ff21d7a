"""OTLP bodies in both encodings: what goes in comes out to the letter, and what is wrong is refused by place."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agenteval.core.span import LogRecord, Span, SpanEvent, SpanLink, SpanStatus
from agenteval.errors import RequestError
from agenteval.telemetry.otlp import (
    JSON,
    PROTOBUF,
    decode_logs,
    decode_traces,
    encode_logs,
    encode_traces,
    valid_spans,
)
from agenteval.testing.store_parts import to_the_letter

TRACE, SPAN = "0123456789abcdef" * 2, "0123456789abcdef"

surrogates = st.text(st.characters(exclude_categories=()), max_size=12)
text = st.one_of(st.text(max_size=12), st.sampled_from(["", "NaN", "\0", "0" * 16]))
uint64, uint32 = st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1)


def attribute_maps(words: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    scalars = st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), words, st.binary(max_size=8)
    )
    values = st.recursive(
        scalars,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
        max_leaves=8,
    )
    return st.dictionaries(words, values, max_size=4)


def scopes(words: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    named = st.fixed_dictionaries({"name": words, "version": words})
    with_attributes = st.fixed_dictionaries(
        {"name": words, "version": words, "attributes": attribute_maps(words).filter(bool)}
    )
    return st.one_of(st.just({}), named, with_attributes)


def hexadecimal(digits: int) -> st.SearchStrategy[str]:
    return st.integers(1, 16**digits - 1).map(lambda number: f"{number:0{digits}x}")


def span_lists(words: st.SearchStrategy[str]) -> st.SearchStrategy[list[Span]]:
    attributes = attribute_maps(words)
    event = st.builds(SpanEvent, name=words, at_ns=uint64, attributes=attributes, dropped_attributes=uint32)
    link = st.builds(
        SpanLink,
        trace_id=hexadecimal(32),
        span_id=hexadecimal(16),
        trace_state=words,
        attributes=attributes,
        dropped_attributes=uint32,
        flags=uint32,
    )
    span = st.builds(
        Span,
        trace_id=hexadecimal(32),
        span_id=hexadecimal(16),
        parent_id=st.one_of(st.none(), hexadecimal(16)),
        name=words,
        start_ns=uint64,
        end_ns=uint64,
        trace_state=words,
        flags=uint32,
        kind=st.integers(0, 9),
        status=st.builds(SpanStatus, code=st.integers(0, 2), message=words),
        attributes=attributes,
        events=st.lists(event, max_size=2).map(tuple),
        links=st.lists(link, max_size=2).map(tuple),
        dropped_attributes=uint32,
        dropped_events=uint32,
        dropped_links=uint32,
        resource=st.one_of(st.sampled_from([{"n": 1}, {"n": 1.0}, {"n": True}]), attributes),
        scope=scopes(words),
        schema_url=words,
    )
    return st.lists(span, max_size=4)


def log_lists(words: st.SearchStrategy[str]) -> st.SearchStrategy[list[LogRecord]]:
    attributes = attribute_maps(words)
    record = st.builds(
        LogRecord,
        trace_id=st.one_of(st.just(""), hexadecimal(32)),
        span_id=st.one_of(st.just(""), hexadecimal(16)),
        at_ns=uint64,
        observed_ns=uint64,
        name=words,
        severity=st.integers(0, 24),
        severity_text=words,
        body=attributes.map(lambda held: next(iter(held.values()), None)),
        attributes=attributes,
        dropped_attributes=uint32,
        flags=uint32,
        resource=attributes,
        scope=scopes(words),
        schema_url=words,
    )
    return st.lists(record, max_size=4)


slow_to_make = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


@slow_to_make
@given(span_lists(text), st.sampled_from([JSON, PROTOBUF]))
def test_spans_come_back_to_the_letter(spans: list[Span], kind: str) -> None:
    assert to_the_letter(decode_traces(encode_traces(spans, kind), kind)) == to_the_letter(spans)


@slow_to_make
@given(span_lists(surrogates))
def test_json_keeps_lone_surrogates(spans: list[Span]) -> None:
    assert to_the_letter(decode_traces(encode_traces(spans, JSON), JSON)) == to_the_letter(spans)


@slow_to_make
@given(log_lists(text), st.sampled_from([JSON, PROTOBUF]))
def test_logs_come_back_to_the_letter(logs: list[LogRecord], kind: str) -> None:
    assert to_the_letter(decode_logs(encode_logs(logs, kind), kind)) == to_the_letter(logs)


@slow_to_make
@given(span_lists(text))
def test_what_we_write_is_what_protobuf_reads(spans: list[Span]) -> None:
    """Google's reader of JSON, an implementation of its own, makes the same message of our JSON, save for the ids."""
    theirs = json_format.Parse(
        json.dumps(with_base64_ids(json.loads(encode_traces(spans, JSON)))), ExportTraceServiceRequest()
    )
    ours = ExportTraceServiceRequest.FromString(encode_traces(spans, PROTOBUF))
    assert to_the_letter(decode_traces(theirs.SerializeToString())) == to_the_letter(
        decode_traces(ours.SerializeToString())
    )


def with_base64_ids(value: Any) -> Any:
    """OTLP writes ids as hexadecimal digits where ProtoJSON has base64."""
    from base64 import b64encode

    if isinstance(value, list):
        return [with_base64_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: b64encode(bytes.fromhex(item)).decode()
        if key in {"traceId", "spanId", "parentSpanId"}
        else with_base64_ids(item)
        for key, item in value.items()
    }


def one_span(**members: Any) -> bytes:
    span = {"traceId": TRACE, "spanId": SPAN, "name": "x", **members}
    return orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})


def decoded(**members: Any) -> Span:
    (span,) = decode_traces(one_span(**members), JSON)
    return span


def value(held: Any) -> Any:
    return decoded(attributes=[{"key": "k", "value": held}]).attributes["k"]


def test_json_is_read_as_the_specification_has_it() -> None:
    span = decoded(
        traceId=TRACE.upper(),
        spanId=SPAN.upper(),
        parentSpanId="0" * 16,
        startTimeUnixNano=str(2**64 - 1),
        endTimeUnixNano=7,
        kind="SPAN_KIND_CLIENT",
        status={"code": 2, "unknown": [1]},
        start_time_unix_nano="9",
        unknown={"spans": []},
        events=None,
    )
    assert span == Span(
        trace_id=TRACE, span_id=SPAN, name="x", start_ns=2**64 - 1, end_ns=7, kind=3, status=SpanStatus(code=2)
    )
    assert [value(held) for held in ({"intValue": "-5"}, {"intValue": -5}, {"intValue": 5e2})] == [-5, -5, 500]
    assert [value({"doubleValue": held}) for held in ("Infinity", "-Infinity", 1, "2.5")] == [
        float("inf"), float("-inf"), 1.0, 2.5,
    ]  # fmt: skip
    assert value({"doubleValue": "NaN"}) != value({"doubleValue": "NaN"})
    assert [value({"bytesValue": held}) for held in ("+/8=", "-_8", "")] == [b"\xfb\xff", b"\xfb\xff", b""]
    assert [value(held) for held in ({}, None, {"later": 1}, {"stringValue": ""})] == [None, None, None, ""]
    assert value({"arrayValue": {}}) == []
    assert value({"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": False}}, {"key": "b"}]}}) == {
        "a": False,
        "b": None,
    }


def test_lone_surrogates_of_javascript_are_read() -> None:
    body = one_span(name="NAME").replace(b'"NAME"', b'"\\ud83d cut"')
    assert decode_traces(body, JSON)[0].name == "\ud83d cut"


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"name": 5}, "spans[0]: name is 5 (int), where the OTLP encoding has text"),
        ({"startTimeUnixNano": "-1"}, "startTimeUnixNano is '-1' (str)"),
        ({"startTimeUnixNano": "1_0"}, "startTimeUnixNano is '1_0' (str)"),
        ({"startTimeUnixNano": True}, "startTimeUnixNano is True (bool)"),
        ({"startTimeUnixNano": 1.5}, "startTimeUnixNano is 1.5 (float)"),
        ({"kind": "SPAN_KIND_CLIENTS"}, "kind is 'SPAN_KIND_CLIENTS' (str)"),
        ({"attributes": {"k": "v"}}, "attributes is {'k': 'v'} (dict)"),
        ({"attributes": ["k"]}, "attributes is 'k' (str)"),
        ({"attributes": [{"key": 1}]}, "key is 1 (int)"),
        ({"attributes": [{"key": "k", "value": "v"}]}, "value is 'v' (str)"),
        ({"attributes": [{"key": "k", "value": {"intValue": str(2**63)}}]}, "intValue is '9223372036854775808'"),
        ({"attributes": [{"key": "k", "value": {"doubleValue": "x"}}]}, "doubleValue is 'x'"),
        ({"attributes": [{"key": "k", "value": {"bytesValue": "*"}}]}, "bytesValue is '*'"),
        ({"attributes": [{"key": "k", "value": {"boolValue": "true"}}]}, "boolValue is 'true'"),
        ({"events": [1]}, "events is 1 (int)"),
        ({"status": []}, "status is [] (list)"),
    ],
)
def test_wrong_types_are_refused_by_name(members: dict[str, Any], told: str) -> None:
    with pytest.raises(RequestError) as refused:
        decoded(**members)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    "body", [b" ", b"[]", b"{", b"null5", b'{"resourceSpans": 3}', b'"\\ud800', b'{"a": NaN, "b": "\\ud800"}']
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(RequestError):
        decode_traces(body, JSON)


@pytest.mark.parametrize("opening", [b'{"arrayValue":{"values":[', b'{"kvlistValue":{"values":[{"key":"k","value":'])
def test_deep_values_are_refused_not_followed(opening: bytes) -> None:
    body = one_span(attributes=[{"key": "k", "value": "DEEP"}])
    for depth in (31, 400, 100_000):
        with pytest.raises(RequestError, match=r"levels deep|not JSON"):
            decode_traces(body.replace(b'"DEEP"', opening * depth + closing(opening) * depth), JSON)


def closing(opening: bytes) -> bytes:
    return bytes({ord("{"): ord("}"), ord("["): ord("]")}[mark] for mark in reversed(opening) if mark in b"{[")


def test_what_otlp_cannot_hold_becomes_the_nearest_that_it_can() -> None:
    deep: Any = "end"
    for _ in range(40):
        deep = [deep]
    span = Span(
        trace_id=TRACE,
        span_id=SPAN,
        name="a\ud800b",
        start_ns=1,
        end_ns=2,
        attributes={"huge": 2**70, "deep": deep, "pair": ("\ud83d\ude00",)},
    )
    for kind in (JSON, PROTOBUF):
        (back,) = decode_traces(encode_traces([span], kind), kind)
        assert back.attributes["huge"] == str(2**70)
        held: Any = back.attributes["deep"]
        for _ in range(30):
            (held,) = held
        assert json.loads(held) == [[[[[[[[[["end"]]]]]]]]]]
    assert back.name == "a\ufffdb"
    assert back.attributes["pair"] == ["😀"]
    with pytest.raises(RequestError, match="'xyz' is not hexadecimal"):
        encode_traces([Span(trace_id="xyz", span_id=SPAN, name="x", start_ns=0, end_ns=0)])


def test_ids_that_the_specification_forbids() -> None:
    ids = ["", "0" * 32, TRACE[:-2], TRACE + "00", "x" * 32, TRACE]
    spans = [Span(trace_id=trace, span_id=SPAN, name="n", start_ns=0, end_ns=0) for trace in ids]
    good, wrong = valid_spans(spans)
    assert good == spans[-1:]
    assert wrong[0] == "span 'n': traceId '' is not 32 hexadecimal digits, some of them not 0"
    assert len(wrong) == 5
    assert valid_spans([decoded(parentSpanId="ab")])[0] == []
    assert valid_spans([decoded(links=[{"traceId": "xy", "spanId": ""}])])[0] == []
    assert valid_spans([decoded(links=[{"traceId": "AB"}])])[1] == []


def test_a_log_with_a_malformed_id_belongs_to_no_span() -> None:
    records = [
        {"traceId": "zz", "spanId": SPAN.upper(), "severityNumber": "SEVERITY_NUMBER_WARN2"},
        {"traceId": TRACE, "spanId": "0" * 16, "severityNumber": 24},
    ]
    body = orjson.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]})
    logs = decode_logs(body, JSON)
    assert [(log.trace_id, log.span_id, log.severity) for log in logs] == [("", SPAN, 14), (TRACE, "", 24)]
    again = decode_logs(ExportLogsServiceRequest.FromString(encode_logs(logs)).SerializeToString())
    assert again == logs


def test_an_unknown_content_type_is_refused() -> None:
    with pytest.raises(RequestError, match='this one is said to be "text/plain"'):
        decode_traces(b"", "text/plain")


def decoded_or_refused(decode: Any, body: bytes, kind: str) -> None:
    told = "decoded"
    try:
        decode(body, kind)
    except RequestError as error:
        told = str(error)
    assert 0 < len(told) < 1000


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([JSON, PROTOBUF]), st.sampled_from([decode_traces, decode_logs]))
def test_any_bytes_decode_or_are_refused(body: bytes, kind: str, decode: Any) -> None:
    decoded_or_refused(decode, body, kind)


json_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.sampled_from([TRACE, SPAN, "5"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "attributes",
                    "key",
                    "value",
                    "stringValue",
                    "intValue",
                    "doubleValue",
                    "bytesValue",
                    "arrayValue",
                    "kvlistValue",
                    "values",
                    "events",
                    "links",
                    "status",
                    "code",
                    "resource",
                    "scope",
                    "name",
                    "traceId",
                    "spanId",
                    "kind",
                    "startTimeUnixNano",
                    "body",
                ]
            ),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(json_values, st.sampled_from(["span", "spans", "scope", "log"]))
def test_any_json_in_any_place_decodes_or_is_refused(held: Any, place: str) -> None:
    if place == "log":
        body: Any = {"resourceLogs": [{"scopeLogs": [{"logRecords": [held]}]}]}
    else:
        spans = held if place == "spans" else [held]
        body = {"resourceSpans": [{"scopeSpans": [held if place == "scope" else {"spans": spans}]}]}
    decoded_or_refused(decode_logs if place == "log" else decode_traces, json.dumps(body).encode(), JSON)


def test_bytes_flipped_in_real_bodies_decode_or_are_refused(repo: Path) -> None:
    body = encode_traces(
        [Span(trace_id=TRACE, span_id=SPAN, name="chat", start_ns=1, end_ns=2, attributes={"a": ["b", {"c": 1.5}]})] * 3
    )
    for place in range(len(body)):
        for flip in (0x01, 0x80, 0xFF):
            mutated = bytearray(body)
            mutated[place] ^= flip
            try:
                decode_traces(bytes(mutated))
            except RequestError:
                continue


def captured(shared: Path, pattern: str) -> list[Path]:
    found = sorted((shared / "captures").glob(pattern))
    if not found:
        pytest.skip("no captures")
    return found


def test_real_bodies_survive_both_encodings(shared: Path) -> None:
    for file in captured(shared, "*/wire/*.traces.pb.gz"):
        spans = decode_traces(gzip.decompress(file.read_bytes()))
        assert valid_spans(spans)[1] == []
        for kind in (JSON, PROTOBUF):
            assert to_the_letter(decode_traces(encode_traces(spans, kind), kind)) == to_the_letter(spans), file
    for file in captured(shared, "*/wire/*.logs.pb.gz"):
        logs = decode_logs(gzip.decompress(file.read_bytes()))
        for kind in (JSON, PROTOBUF):
            assert to_the_letter(decode_logs(encode_logs(logs, kind), kind)) == to_the_letter(logs), file


def test_json_as_received_is_what_its_conversion_holds(shared: Path) -> None:
    for file in captured(shared, "*/wire/*.traces.json.gz"):
        converted = file.with_name(file.name.replace(".json.gz", ".pb.gz"))
        assert to_the_letter(decode_traces(gzip.decompress(file.read_bytes()), JSON)) == to_the_letter(
            decode_traces(gzip.decompress(converted.read_bytes()))
        )
