"""OTLP files: protobuf in every framing, JSON in every shape, Tempo's, and what is wrong with them."""

from __future__ import annotations

import base64
import gzip
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from backports import zstd
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agenteval.core.span import LogRecord, Span
from agenteval.errors import ImportRefused
from agenteval.intake.files import Telemetry, read
from agenteval.telemetry.otlp import decode_logs, decode_traces

TRACE, SPAN, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"


def traces(*names: str, trace: str = TRACE) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    of_resource = request.resource_spans.add()
    of_resource.resource.attributes.add(key="service.name").value.string_value = "desk"
    of_scope = of_resource.scope_spans.add()
    of_scope.scope.name = "openinference.instrumentation.openai"
    for number, name in enumerate(names):
        span = of_scope.spans.add(name=name, kind=3, start_time_unix_nano=1_000 + number, end_time_unix_nano=2_000)
        span.trace_id, span.span_id = bytes.fromhex(trace), bytes.fromhex(SPAN)[:7] + bytes([number + 1])
        span.attributes.add(key="openinference.span.kind").value.string_value = "LLM"
    return request


def logs(body: str = "hello", *, at_ns: int = 1_500) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=at_ns, severity_number=9)
    record.trace_id, record.span_id = bytes.fromhex(TRACE), bytes.fromhex(SPAN)
    record.body.string_value = body
    return request


def metrics() -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="gen_ai.client.token.usage")
    metric.sum.data_points.add(as_int=3)
    return request


def varint(number: int) -> bytes:
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes([*digits, number])


def by_varint(bodies: Sequence[bytes]) -> bytes:
    return b"".join(varint(len(body)) + body for body in bodies)


def by_four_bytes(bodies: Sequence[bytes]) -> bytes:
    return b"".join(len(body).to_bytes(4) + body for body in bodies)


def found(path: Path) -> tuple[list[Span], list[LogRecord], list[tuple[str, str]]]:
    spans: list[Span] = []
    records: list[LogRecord] = []
    refused: list[tuple[str, str]] = []
    for record in read(path):
        if isinstance(record, Telemetry):
            spans += record.spans
            records += record.logs
        else:
            assert isinstance(record, ImportRefused), record
            assert record.file == path.name
            refused.append((record.where, record.why))
    return spans, records, refused


def in_file(folder: Path, data: bytes | str, name: str = "traces.pb") -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


BODIES = [traces("chat a", "chat b").SerializeToString(), logs().SerializeToString(), traces("c").SerializeToString()]
SPANS = [*decode_traces(BODIES[0]), *decode_traces(BODIES[2])]
LOGS = decode_logs(BODIES[1])


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["bare", "gzip"])
@pytest.mark.parametrize(
    "data",
    [
        b"".join(BODIES),
        by_varint(BODIES),
        by_four_bytes(BODIES),
        by_four_bytes([zstd.compress(body) for body in BODIES]),
    ],
    ids=["one after the other", "varint", "four bytes", "zstd"],
)
def test_every_framing_of_protobuf_gives_what_the_bodies_hold(tmp_path: Path, data: bytes, pack: Any):
    assert found(in_file(tmp_path, pack(data), "anything.bin")) == (SPANS, LOGS, [])


def as_json(body: bytes) -> dict[str, Any]:
    """The same request in OTLP/JSON, by hand: nothing of ours writes it."""
    if body == BODIES[1]:
        record = {"timeUnixNano": "1500", "severityNumber": 9, "traceId": TRACE, "spanId": SPAN}
        record["body"] = {"stringValue": "hello"}
        return {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    spans = [
        {
            "traceId": span.trace_id.upper(),
            "spanId": span.span_id,
            "name": span.name,
            "kind": 3,
            "startTimeUnixNano": str(span.start_ns),
            "endTimeUnixNano": str(span.end_ns),
            "attributes": [{"key": "openinference.span.kind", "value": {"stringValue": "LLM"}}],
        }
        for span in decode_traces(body)
    ]
    scope = {"scope": {"name": "openinference.instrumentation.openai"}, "spans": spans}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "desk"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}


REQUESTS = [as_json(body) for body in BODIES]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(map(json.dumps, REQUESTS)),
        json.dumps(REQUESTS, indent=1),
        json.dumps({name: value for request in (REQUESTS[1], REQUESTS[0]) for name, value in request.items()}),
    ],
    ids=["lines", "list", "one object"],
)
def test_every_shape_of_json_gives_the_same_spans(tmp_path: Path, text: str):
    spans, records, refused = found(in_file(tmp_path, text, "anything.txt"))
    assert not refused
    assert (spans, records) == (SPANS[: len(spans)], [*LOGS])
    assert len(spans) == (3 if "\n" in text else 2)


def test_tempo_and_old_otlp_are_read_as_what_they_mean(tmp_path: Path):
    of_resource = json.loads(json.dumps(REQUESTS[0]["resourceSpans"][0]))
    of_scope = of_resource.pop("scopeSpans")[0]
    of_scope["instrumentationLibrary"] = of_scope.pop("scope")
    of_resource["instrumentationLibrarySpans"] = [of_scope]
    for span in of_scope["spans"]:
        span["kind"] = "SPAN_KIND_CLIENT"
        for name in ("traceId", "spanId"):
            span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    for number, document in enumerate(
        [
            {"batches": [of_resource]},
            {"trace": {"resourceSpans": [of_resource]}},
            {"trace": {"batches": [of_resource]}},
            {"result": {"resourceSpans": [of_resource]}},
        ]
    ):
        path = in_file(tmp_path, json.dumps(document), f"{number}.json")
        assert found(path) == (decode_traces(BODIES[0]), [], [])


def test_what_is_cut_off_is_refused_where_it_is_and_the_rest_goes_in(tmp_path: Path):
    data = by_varint(BODIES)
    spans, records, refused = found(in_file(tmp_path, data[:-5]))
    assert (spans, records) == (decode_traces(BODIES[0]), LOGS)
    assert refused == [
        (
            "message 2",
            f"the file ends inside this message: {len(BODIES[2])} bytes are due, {len(BODIES[2]) - 5} are there",
        )
    ]
    spans, _, refused = found(in_file(tmp_path, gzip.compress(b"".join(BODIES))[:-30]))
    assert [where for where, _ in refused] == [refused[0][0]]
    assert refused[0][0].startswith("byte ")
    assert "cannot be read further" in refused[0][1]
    text = "\n".join(map(json.dumps, REQUESTS))
    spans, records, refused = found(in_file(tmp_path, text[:-40]))
    assert (spans, records) == (decode_traces(BODIES[0]), LOGS)
    assert refused[0][0] == "line 3"


@pytest.mark.parametrize(
    ("data", "where", "why"),
    [
        (metrics().SerializeToString(), "byte 0", "metrics, which are not kept"),
        (json.dumps({"resourceMetrics": [{"scopeMetrics": []}]}), "resourceMetrics[0]", "metrics, which are not kept"),
        (BODIES[0] + b"\x12\x01a", f"byte {len(BODIES[0])}", "the next byte is 0x12, where 0x0a is due"),
        (b"\x0a\x03abc", "byte 0", "is no Export"),
        (b"\x0a\xff\xff\xff\xff\x07", "byte 0", "at most 134,217,728 are read"),
        (b"\x0a" + b"\xff" * 12 + b"\x01", "byte 0", "what should be the length of a message is none"),
        (
            traces("x", trace="00" * 16).SerializeToString(),
            "byte 0",
            "traceId '00000000000000000000000000000000' is not",
        ),
        (
            json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": 7}]}]}]}),
            "resourceSpans[0]",
            "traceId is 7",
        ),
        (json.dumps({"resourceSpans": []}), "file", "it holds no span and no log record"),
        (json.dumps({"batches": {"a": 1}}), "file", "it holds no span and no log record"),
    ],
)
def test_what_is_no_trace_is_refused_with_place_and_reason(tmp_path: Path, data: bytes | str, where: str, why: str):
    _, _, refused = found(in_file(tmp_path, data))
    assert [where for where, _ in refused] == [where]
    assert why in refused[0][1]


def test_good_spans_of_a_request_go_in_and_the_others_are_named(tmp_path: Path):
    request = traces("good", "bad", "worse")
    request.resource_spans[0].scope_spans[0].spans[1].span_id = b"short"
    request.resource_spans[0].scope_spans[0].spans[2].trace_id = b""
    spans, _, refused = found(in_file(tmp_path, request.SerializeToString()))
    assert [span.name for span in spans] == ["good"]
    assert [why.partition(":")[0] for _, why in refused] == ["span 'bad'", "span 'worse'"]
    many = traces(*("x" for _ in range(60)), trace="00" * 16)
    _, _, refused = found(in_file(tmp_path, many.SerializeToString()))
    assert len(refused) == 21
    assert refused[-1][1] == "40 more spans like these"


def test_no_bytes_raise_and_no_text_is_taken_for_protobuf(tmp_path: Path):
    chance = random.Random(4)
    whole = by_varint(BODIES)
    for number in range(300):
        data = bytearray(whole if number % 2 else BODIES[0])
        for _ in range(chance.randrange(1, 12)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        list(read(in_file(tmp_path, bytes(data[: chance.randrange(1, len(data))]))))
    for text in ("\nhello", "name,value\n1,2\n", "\x89PNG\r\n\x1a\n"):
        _, _, refused = found(in_file(tmp_path, text))
        assert refused[0][1].startswith("of no known format: the file begins with ")


def test_the_captures_are_read_as_their_bodies_decode(shared: Path, tmp_path: Path):
    """Every capture: what is read of its wire files is what the bodies hold, file by file and as one stream."""
    count = 0
    for wire in sorted((shared / "captures").glob("*/wire")):
        for path in sorted(wire.glob("*.pb.gz")):
            body = gzip.decompress(path.read_bytes())
            spans, records, refused = found(path)
            if ".metrics." in path.name:
                assert [why for _, why in refused] == ["OTLP metrics, which are not kept: give traces and logs"]
                continue
            assert not refused
            if ".traces." in path.name:
                assert (spans, records) == (decode_traces(body), []), path
            elif ".logs." in path.name:
                assert (spans, records) == ([], decode_logs(body)), path
            count += 1
    assert count > 100
