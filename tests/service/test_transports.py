"""What exporters and captures send arrives, over HTTP and gRPC, and is answered as the protocol has it."""

from __future__ import annotations

import gzip
import http.client
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.trace_exporter import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from agenteval.core.span import Span
from agenteval.telemetry.otlp import JSON, PROTOBUF, decode_logs, decode_traces, encode_traces
from agenteval.testing.store_parts import to_the_letter

MakeSpans = Callable[..., list[Span]]


def exporter(running: Any, kind: str) -> Any:
    if kind == "grpc":
        return GrpcSpans(endpoint=f"http://{running.grpc}", insecure=True)
    if kind == "grpc-gzip":
        return GrpcSpans(endpoint=f"http://{running.grpc}", insecure=True, compression=grpc.Compression.Gzip)
    coding = {"http": Compression.NoCompression, "http-gzip": Compression.Gzip, "http-deflate": Compression.Deflate}[
        kind
    ]
    return HttpSpans(endpoint=f"{running.http}/v1/traces", compression=coding)


@pytest.mark.parametrize("kind", ["http", "http-gzip", "http-deflate", "grpc", "grpc-gzip"])
def test_spans_of_the_sdk_arrive(running: Any, kind: str) -> None:
    provider = TracerProvider(resource=Resource({"service.name": kind}))
    provider.add_span_processor(BatchSpanProcessor(exporter(running, kind)))
    tracer = provider.get_tracer("agent", "1.0")
    with tracer.start_as_current_span(
        "invoke_agent shop", attributes={"gen_ai.operation.name": "invoke_agent"}
    ) as root:
        for number in range(20):
            with tracer.start_as_current_span("execute_tool look", attributes={"n": number, "list": ["a", "ü"]}):
                pass
    assert provider.force_flush()
    provider.shutdown()
    spans, _ = running.stored(f"{root.get_span_context().trace_id:032x}")
    assert len(spans) == 21
    assert {span.resource["service.name"] for span in spans} == {kind}
    assert sorted(span.attributes.get("n", -1) for span in spans) == list(range(-1, 20))
    assert {span.scope["name"] for span in spans} == {"agent"}


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_logs_of_the_sdk_arrive_and_belong_to_their_span(running: Any, kind: str) -> None:
    from opentelemetry._logs import LogRecord, SeverityNumber

    exported = (
        HttpLogs(endpoint=f"{running.http}/v1/logs")
        if kind == "http"
        else GrpcLogs(endpoint=f"http://{running.grpc}", insecure=True)
    )
    provider = LoggerProvider(resource=Resource({}))
    provider.add_log_record_processor(SimpleLogRecordProcessor(exported))
    tracer = TracerProvider().get_tracer("agent")
    with tracer.start_as_current_span("chat") as span:
        provider.get_logger("agent").emit(
            LogRecord(event_name="gen_ai.choice", body={"said": kind}, severity_number=SeverityNumber.INFO)
        )
    provider.shutdown()
    context = span.get_span_context()
    _, (log,) = running.stored(f"{context.trace_id:032x}")
    assert (log.name, log.body, log.span_id) == ("gen_ai.choice", {"said": kind}, f"{context.span_id:016x}")


SIGNALS = {
    "traces": ("TraceService", TraceServiceStub, ExportTraceServiceRequest, ExportTraceServiceResponse),
    "logs": ("LogsService", LogsServiceStub, ExportLogsServiceRequest, ExportLogsServiceResponse),
    "metrics": ("MetricsService", MetricsServiceStub, ExportMetricsServiceRequest, ExportMetricsServiceResponse),
}


@pytest.mark.parametrize("signal", SIGNALS)
def test_the_services_of_grpc_answer(running: Any, signal: str) -> None:
    _, stub, request, response = SIGNALS[signal]
    with grpc.insecure_channel(running.grpc) as channel:
        assert stub(channel).Export(request()) == response()


def test_grpc_tells_of_spans_that_were_not_taken(running: Any, make_spans: MakeSpans) -> None:
    request = ExportTraceServiceRequest.FromString(encode_traces(make_spans(0xA1)))
    request.resource_spans[0].scope_spans[0].spans[0].trace_id = b"short"
    with grpc.insecure_channel(running.grpc) as channel:
        answer = TraceServiceStub(channel).Export(request)
    assert answer.partial_success.rejected_spans == 1
    assert len(running.stored(f"{0xA1:032x}")[0]) == 2


def raw_call(running: Any, body: bytes, **options: Any) -> grpc.RpcError:
    with grpc.insecure_channel(running.grpc) as channel:
        call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        with pytest.raises(grpc.RpcError) as refused:
            call(body, **options)
        return refused.value


def test_grpc_refuses_what_is_malformed_with_a_status(running: Any) -> None:
    error = raw_call(running, b"\xff\xff")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "ExportTraceServiceRequest" in error.details()
    status = Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    assert (status.code, status.message) == (3, error.details())


def test_grpc_refuses_what_is_too_large_before_and_after_it_is_unpacked(start: Callable[..., Any]) -> None:
    small = start(toml="[serve]\nbody_bytes = 200_000\n")
    for body, compression in (
        (bytes(200_001), grpc.Compression.NoCompression),
        (bytes(50_000_000), grpc.Compression.Gzip),
    ):
        error = raw_call(small, body, compression=compression)
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "google.rpc.retryinfo-bin" not in dict(error.trailing_metadata())
    assert small.get("/readyz").status_code == 200


@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
def test_http_answers_in_the_encoding_of_the_request(running: Any, make_spans: MakeSpans, kind: str) -> None:
    spans = make_spans(0xB0 + len(kind))
    taken = running.post(encode_traces(spans, kind), content_type=kind)
    assert (taken.status_code, taken.headers["content-type"]) == (200, kind)
    assert taken.content == (b"{}" if kind == JSON else b"")
    refused = running.post(b"\xff", content_type=kind)
    assert (refused.status_code, refused.headers["content-type"]) == (400, kind)
    code = json.loads(refused.content)["code"] if kind == JSON else Status.FromString(refused.content).code
    assert code == 3
    assert "retry-after" not in refused.headers


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/v1/traces", {}, 405),
        ("PUT", "/v1/logs", {}, 405),
        ("POST", "/v1/traces", {"content-type": "text/plain"}, 415),
        ("POST", "/v1/traces", {"content-encoding": "br"}, 415),
        ("POST", "/v1/profiles", {}, 404),
        ("POST", "/healthz", {}, 405),
        ("GET", "/nowhere", {}, 404),
    ],
)
def test_http_refuses_what_is_not_taken(
    running: Any, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = httpx.request(method, running.http + path, headers={"content-type": JSON, **headers}, content=b"{}")
    assert answer.status_code == status
    if path != "/healthz":
        assert answer.json()["message"]
    if path.startswith("/v1") and status == 405:
        assert answer.headers["allow"] == "POST"


def test_http_refuses_bodies_that_are_too_large_however_they_are_sent(start: Callable[..., Any]) -> None:
    small = start(toml="[serve]\nbody_bytes = 200_000\n")

    def chunked() -> Any:
        for _ in range(30):
            yield bytes(10_000)

    answers = [
        small.post(bytes(200_001)),
        httpx.post(f"{small.http}/v1/traces", content=chunked(), headers={"content-type": PROTOBUF}),
        small.post(gzip.compress(bytes(50_000_000)), content_encoding="gzip"),
        small.post(zlib.compress(bytes(50_000_000)), content_encoding="deflate"),
    ]
    for answer in answers:
        assert (answer.status_code, answer.headers["content-type"]) == (413, PROTOBUF)
        assert Status.FromString(answer.content).code == 8
        assert "retry-after" not in answer.headers
    assert small.counted("refused_requests_total") == 4


def test_a_body_that_comes_too_slowly_is_refused_and_holds_up_nobody(
    start: Callable[..., Any], make_spans: MakeSpans
) -> None:
    receiver = start(AGENTEVAL_SERVE_BODY_SECONDS="0.2")
    slow = http.client.HTTPConnection(receiver.http.removeprefix("http://"))
    slow.putrequest("POST", "/v1/traces")
    slow.putheader("content-type", PROTOBUF)
    slow.putheader("content-length", "1000")
    slow.endheaders(b"begun")
    assert receiver.post(encode_traces(make_spans(1))).status_code == 200
    answer = slow.getresponse()
    assert answer.status == 408
    assert "0.2 s" in Status.FromString(answer.read()).message
    assert receiver.counted("queue_requests") == 0


def test_a_client_that_goes_away_leaves_nothing_behind(running: Any, make_spans: MakeSpans) -> None:
    for _ in range(5):
        gone = http.client.HTTPConnection(running.http.removeprefix("http://"))
        gone.putrequest("POST", "/v1/traces")
        gone.putheader("content-type", PROTOBUF)
        gone.putheader("content-length", "1000")
        gone.endheaders(b"begun")
        gone.close()
    assert running.post(encode_traces(make_spans(0xC1))).status_code == 200
    for _ in range(1_000):
        if not running.counted("queue_requests"):
            break
    assert running.counted("queue_requests") == running.counted("queue_bytes") == 0


def test_delivered_twice_is_counted_once_and_other_content_is_a_conflict(
    start: Callable[..., Any], make_spans: MakeSpans
) -> None:
    receiver = start()
    spans = make_spans(0xD1)
    for body in (spans, spans, make_spans(0xD1, other=True)):
        assert receiver.post(encode_traces(body)).status_code == 200
    assert to_the_letter(receiver.stored(f"{0xD1:032x}")[0]) == to_the_letter(spans)
    counted = {
        name: receiver.counted(f"{name}_spans_total") for name in ("received", "stored", "repeated", "conflicting")
    }
    assert counted == {"received": 9, "stored": 3, "repeated": 3, "conflicting": 3}


def captured(shared: Path) -> list[Path]:
    folders = sorted((shared / "captures").glob("*/wire"))
    if not folders:
        pytest.skip("no captures")
    return folders


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_captures_sent_again_are_stored_to_the_letter(start: Callable[..., Any], shared: Path, transport: str) -> None:
    receiver = start()
    wanted: dict[tuple[str, str], Any] = {}
    logs: set[str] = set()
    with grpc.insecure_channel(receiver.grpc) as channel:
        for folder in captured(shared):
            for entry in json.loads((folder / "index.json").read_text()):
                body = gzip.decompress((folder / entry["file"]).read_bytes())
                signal = entry["signal"]
                if transport == "grpc":
                    package = signal.removesuffix("s") if signal == "traces" else signal
                    call = channel.unary_unary(
                        f"/opentelemetry.proto.collector.{package}.v1.{SIGNALS[signal][0]}/Export"
                    )
                    assert call(body) == b""
                else:
                    kind, path = PROTOBUF, entry["path"]
                    if "as_received" in entry:
                        kind, body = JSON, gzip.decompress((folder / entry["as_received"]).read_bytes())
                    path = path if path.endswith(f"/v1/{signal}") else f"/v1/{signal}"
                    answer = receiver.post(body, path, content_type=kind)
                    assert (answer.status_code, answer.content) == (200, b"{}" if kind == JSON else b"")
                    body = gzip.decompress((folder / entry["file"]).read_bytes())
                if signal == "traces":
                    for span in decode_traces(body):
                        wanted.setdefault((span.trace_id, span.span_id), span)
                elif signal == "logs":
                    logs |= {repr(to_the_letter(log)) for log in decode_logs(body)}
    spans, kept = receiver.stored(*{trace for trace, _ in wanted}, "")
    assert {(span.trace_id, span.span_id): to_the_letter(span) for span in spans} == {
        key: to_the_letter(span) for key, span in wanted.items()
    }
    assert {repr(to_the_letter(log)) for log in kept} >= logs
    assert receiver.counted("conflicting_spans_total") == 0


def test_when_to_come_again_stands_where_exporters_of_grpc_look(
    start: Callable[..., Any], make_spans: MakeSpans
) -> None:
    from agenteval.intake.serving import new_key

    key, told = new_key("shop", ["ingest"])
    receiver = start(
        toml=f'[[serve.keys]]\nproject = "shop"\nhash = "{told.hash}"\nrequests_per_second = 0.001\n',
    )
    assert receiver.post(encode_traces(make_spans(1)), x_api_key=key).status_code == 200
    error = raw_call(receiver, encode_traces(make_spans(2)), metadata=(("x-api-key", key),))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    info = RetryInfo.FromString(dict(error.trailing_metadata())["google.rpc.retryinfo-bin"])
    assert info.retry_delay.seconds == 1
    answer = receiver.post(encode_traces(make_spans(2)), x_api_key=key)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
