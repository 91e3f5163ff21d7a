"""What hostile, slow or vanished clients do to a receiver, and what a request is told that outlives its end."""

from __future__ import annotations

import asyncio
import http.client
import json
import queue
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.rpc.status_pb2 import Status

from agenteval.core.span import Span
from agenteval.intake.serving import ServeSettings, new_key
from agenteval.service.receiver import Receiver
from agenteval.service.web import Web
from agenteval.store.memory import MemoryStore
from agenteval.telemetry.otlp import JSON, PROTOBUF, encode_traces

MakeSpans = Callable[..., list[Span]]
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def head(connection: http.client.HTTPConnection, length: int, **headers: str) -> None:
    connection.putrequest("POST", "/v1/traces", skip_accept_encoding=True)
    for name, value in {"content_type": PROTOBUF, "content_length": str(length), **headers}.items():
        connection.putheader(name.replace("_", "-"), value)


# --- the end


def test_what_outlives_the_time_to_drain_may_be_sent_again(start: Callable[..., Any], make_spans: MakeSpans) -> None:
    receiver = start(toml="[serve]\ndrain_seconds = 1\n")
    spans = make_spans(1)
    address = receiver.http.removeprefix("http://")
    waiting, half_sent = (http.client.HTTPConnection(address) for _ in range(2))
    lock = sqlite3.connect(receiver.store_path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")  # the store waits for it
    waiting.request("POST", "/v1/traces", body=encode_traces(spans), headers={"content-type": PROTOBUF})
    head(half_sent, 1000)
    half_sent.endheaders(b"begun")
    with grpc.insecure_channel(receiver.grpc) as channel:
        call = channel.unary_unary(EXPORT).future(encode_traces(make_spans(2)))
        while receiver.counted("queue_requests") < 3:
            pass
        receiver.process.send_signal(signal.SIGTERM)
        for connection in (waiting, half_sent):
            answer = connection.getresponse()
            assert (answer.status, answer.headers["retry-after"], answer.headers["connection"]) == (503, "1", "close")
            assert answer.headers["content-type"] == PROTOBUF
            assert Status.FromString(answer.read()).code == 14
            connection.close()
        assert call.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}  # both are retryable
    lock.execute("ROLLBACK")
    lock.close()
    receiver.process.communicate()
    assert receiver.process.returncode == 0
    assert len(receiver.stored(spans[0].trace_id)[0]) == 3  # it was in hand, and a repetition is no second span


# --- clients that went away


class Stopping(MemoryStore):
    """A store that stops at each transaction until it is let go."""

    def __init__(self) -> None:
        super().__init__(assembler="1")
        self.begun: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.go: queue.SimpleQueue[None] = queue.SimpleQueue()

    def append(self, *arguments: Any, **options: Any) -> Any:
        self.begun.put(None)
        self.go.get()
        return super().append(*arguments, **options)


async def test_work_for_a_client_that_went_away_still_counts_as_waiting(make_spans: MakeSpans) -> None:
    store = Stopping()
    receiver = Receiver(ServeSettings(), store)
    body = encode_traces(make_spans(1))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(Web(receiver)), base_url="http://127.0.0.1") as client:
        gone = asyncio.create_task(client.post("/v1/traces", content=body, headers={"content-type": PROTOBUF}))
        await asyncio.to_thread(store.begun.get)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
    assert (receiver.gate._requests, receiver.gate._bytes) == (1, len(body))
    store.go.put(None)
    await receiver.pipeline.close()
    assert (receiver.gate._requests, receiver.gate._bytes) == (0, 0)
    assert len(store.read([f"{1:032x}"])[0]) == 3


# --- what is left of requests


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("transport", ["http", "grpc"])
@pytest.mark.parametrize("fault", ["malformed", "no key"])
def test_bodies_of_requests_that_were_refused_do_not_pile_up(
    start: Callable[..., Any], transport: str, fault: str
) -> None:
    key = f'[[serve.keys]]\nproject = "shop"\nhash = "{new_key("shop", ["ingest"])[1].hash}"\n'
    receiver = start(toml="" if fault == "malformed" else key)
    body = bytes([0xFF]) * 20_000_000
    peaks: list[int] = []
    for _ in range(3):
        for _ in range(8):
            code = over_http(receiver, body) if transport == "http" else over_grpc(receiver, body)
            assert code in ({400, 3} if fault == "malformed" else {401, 16})
        status = Path(f"/proc/{receiver.process.pid}/status").read_text()
        peaks.append(int(status.split("VmHWM:")[1].split()[0]) // 1000)
    assert peaks[-1] - peaks[0] < 100, peaks  # two thirds of the bodies are 320 MB


def over_http(receiver: Any, body: bytes) -> int:
    return receiver.post(body).status_code


def over_grpc(receiver: Any, body: bytes) -> int:
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(receiver.grpc, options=options) as channel, pytest.raises(grpc.RpcError) as error:
        channel.unary_unary(EXPORT)(body)
    return error.value.code().value[0]


# --- gRPC before its message comes


def never(ended: queue.SimpleQueue[None]) -> Iterator[bytes]:
    ended.get()
    yield from ()


def call_without_message(address: str, **options: Any) -> grpc.RpcError:
    ended: queue.SimpleQueue[None] = queue.SimpleQueue()
    with grpc.insecure_channel(address) as channel:
        with pytest.raises(grpc.RpcError) as error:
            channel.stream_unary(EXPORT)(never(ended), **options)
        ended.put(None)
        return error.value


def test_a_key_is_asked_for_before_the_message_comes(start: Callable[..., Any]) -> None:
    guarded = start(toml=f'[[serve.keys]]\nproject = "shop"\nhash = "{new_key("shop", ["ingest"])[1].hash}"\n')
    error = call_without_message(guarded.grpc, metadata=(("x-api-key", "aek_wrong"),))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_message_that_does_not_come_is_not_waited_for(start: Callable[..., Any]) -> None:
    receiver = start(AGENTEVAL_SERVE_BODY_SECONDS="0.2")
    error = call_without_message(receiver.grpc)
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "0.2 s" in error.details()
    with grpc.insecure_channel(receiver.grpc) as channel, pytest.raises(grpc.RpcError) as none:
        channel.stream_unary(EXPORT)(iter(()))
    assert none.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert receiver.counted("queue_requests") == 0


# --- HTTP by the letter


def test_an_interim_answer_comes_only_where_the_body_is_wanted(running: Any, make_spans: MakeSpans) -> None:
    body = encode_traces(make_spans(0xD1))
    wanted = http.client.HTTPConnection(running.http.removeprefix("http://"))
    head(wanted, len(body), expect="100-continue")
    wanted.endheaders()
    assert wanted.sock.recv(1000).startswith(b"HTTP/1.1 100 ")
    wanted.send(body)
    assert wanted.getresponse().status == 200
    wanted.close()
    for headers, status in (({"content_type": "text/plain"}, 415), ({"content_length": str(2**40)}, 413)):
        unwanted = http.client.HTTPConnection(running.http.removeprefix("http://"))
        head(unwanted, 9, expect="100-continue", **headers)
        unwanted.endheaders()
        assert unwanted.sock.recv(1000).startswith(f"HTTP/1.1 {status} ".encode())
        unwanted.close()


def test_codings_on_two_lines_are_two_codings(running: Any, make_spans: MakeSpans) -> None:
    connection = http.client.HTTPConnection(running.http.removeprefix("http://"))
    body = encode_traces(make_spans(0xD2))
    head(connection, len(body), content_encoding="identity")
    connection.putheader("content-encoding", "br")
    connection.endheaders(body)
    answer = connection.getresponse()
    assert answer.status == 415
    assert answer.headers["accept-encoding"] == "gzip, deflate, zstd"
    assert "'identity, br'" in Status.FromString(answer.read()).message
    connection.close()


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/nowhere", 404), ("POST", "/healthz", 405)])
@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
def test_other_paths_answer_with_a_status_too(running: Any, method: str, path: str, status: int, kind: str) -> None:
    answer = httpx.request(method, running.http + path, content=b"x", headers={"content-type": kind})
    assert (answer.status_code, answer.headers["content-type"]) == (status, kind)
    assert (json.loads(answer.content)["message"] if kind == JSON else Status.FromString(answer.content).message) != ""
    assert (answer.headers.get("allow") is not None) == (status == 405)


# --- the page


def test_what_spans_say_is_shown_as_text(start: Callable[..., Any]) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    receiver = start()
    said = {"openinference.span.kind": "LLM", evil: evil, f"{evil}&amp;": 1}
    span = Span(trace_id="ee" * 16, span_id="ee" * 8, name=evil, start_ns=1, end_ns=2, attributes=said)
    assert receiver.post(encode_traces([span])).status_code == 200
    page = receiver.get("/")
    assert page.headers["content-security-policy"].startswith("default-src 'none';")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text  # the name of an attribute that was not understood
    assert "<script" not in page.text
    assert "<img" not in page.text


def test_the_page_looks_into_so_many_spans_and_no_more(start: Callable[..., Any], make_spans: MakeSpans) -> None:
    receiver = start()
    for number in range(1, 6):
        assert receiver.post(encode_traces(make_spans(number, 1_900))).status_code == 200
    page = receiver.get("/").text
    assert page.count("<td>not looked into</td>") == 2
    assert page.count('<td class="n">1900</td>') == 5
