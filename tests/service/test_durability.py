"""Acknowledged means committed: under SIGKILL, full disks, overload and SIGTERM."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import itertools
import os
import random
import signal
import sqlite3
import threading
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.rpc.status_pb2 import Status

from agenteval.core.ports import Appended
from agenteval.core.span import LogRecord, Span
from agenteval.errors import StoreError
from agenteval.intake.serving import ServeSettings
from agenteval.service.gate import Gate
from agenteval.service.metrics import Metrics
from agenteval.service.receiver import Receiver
from agenteval.service.web import Web
from agenteval.store.memory import MemoryStore
from agenteval.telemetry.answers import Refused
from agenteval.telemetry.otlp import PROTOBUF, encode_traces

MakeSpans = Callable[..., list[Span]]
HEADERS = {"content-type": PROTOBUF, "content-encoding": "gzip"}
EACH = 7
LOOKS = 3_000_000  # at what another thread does: half a minute, where it needs some milliseconds


class Load:
    """Senders over HTTP and gRPC, each of traces of its own, until the receiver is gone; knows what was acknowledged."""

    def __init__(self, running: Any, numbers: Iterable[int], make_spans: MakeSpans) -> None:
        self._running = running
        self._numbers = numbers
        self._make = make_spans
        self._lock = threading.Lock()
        self.acknowledged: set[int] = set()
        self.unanswered: set[int] = set()
        self.enough = threading.Event()
        self.wanted = 0
        self._threads = [threading.Thread(target=work) for work in (self._over_http,) * 3 + (self._over_grpc,) * 2]

    def start(self, wanted: int) -> None:
        """Begin; `enough` is set once so many requests were acknowledged."""
        self.wanted = wanted
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _next(self) -> tuple[int, bytes]:
        with self._lock:
            number = next(iter(self._numbers))
            self.unanswered.add(number)
        return number, encode_traces(self._make(number, EACH, said="x" * 500))

    def _count(self, number: int) -> None:
        with self._lock:
            self.unanswered.discard(number)
            self.acknowledged.add(number)
            if len(self.acknowledged) >= self.wanted:
                self.enough.set()

    def _over_http(self) -> None:
        connection = http.client.HTTPConnection(self._running.http.removeprefix("http://"))
        try:
            while True:
                number, body = self._next()
                connection.request("POST", "/v1/traces", body=gzip.compress(body, 1), headers=HEADERS)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    self._count(number)
        except (OSError, http.client.HTTPException):
            connection.close()

    def _over_grpc(self) -> None:
        with grpc.insecure_channel(self._running.grpc) as channel:
            call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
            while True:
                number, body = self._next()
                try:
                    call(body)
                except grpc.RpcError:
                    return
                self._count(number)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL")
def test_every_acknowledged_span_survives_being_killed(start: Callable[..., Any], make_spans: MakeSpans) -> None:
    chance = random.Random(20261128)
    numbers = itertools.count(1)
    acknowledged: set[int] = set()
    for _ in range(5):
        receiver = start()
        load = Load(receiver, numbers, make_spans)
        load.start(chance.randint(5, 120))
        assert load.enough.wait(120)
        receiver.end(signal.SIGKILL)
        load.join()
        acknowledged |= load.acknowledged
        spans, _ = receiver.stored(*(f"{number:032x}" for number in acknowledged))
        assert len(spans) == len(acknowledged) * EACH
        # requests whose answer was lost are there whole, or not at all
        for number in load.unanswered:
            assert len(receiver.stored(f"{number:032x}")[0]) in {0, EACH}
    again = start()
    for number in sorted(acknowledged)[:50]:
        assert again.post(encode_traces(make_spans(number, EACH, said="x" * 500))).status_code == 200
    assert again.counted("repeated_spans_total") == min(50, len(acknowledged)) * EACH
    assert again.counted("stored_spans_total") == again.counted("conflicting_spans_total") == 0
    connection = sqlite3.connect(again.store_path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_sigterm_answers_what_is_in_hand_and_ends_well(start: Callable[..., Any], make_spans: MakeSpans) -> None:
    receiver = start()
    load = Load(receiver, itertools.count(1), make_spans)
    load.start(30)
    assert load.enough.wait(120)
    assert receiver.end(signal.SIGTERM) == 0
    assert not Path(f"{receiver.store_path}-wal").exists()  # the store was closed
    load.join()
    spans, _ = receiver.stored(*(f"{number:032x}" for number in load.acknowledged))
    assert len(spans) == len(load.acknowledged) * EACH


@pytest.mark.skipif(os.name != "posix", reason="the limit of a file's size is POSIX")
def test_a_full_disk_is_a_code_to_come_again_and_turns_readiness_red(
    start: Callable[..., Any], make_spans: MakeSpans, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    roomy = start()
    assert roomy.get("/readyz").json() == {"ready": True, "why": None}
    assert roomy.post(encode_traces(make_spans(1))).status_code == 200
    roomy.end()

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, before[1]))
    try:
        full = start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    stored = [1]
    for number in range(2, 200):
        answer = full.post(encode_traces(make_spans(number, 20, said=f"{number} " * 500)))
        if answer.status_code != 200:
            break
        stored.append(number)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert Status.FromString(answer.content).code == 14
    assert str(full.store_path) not in Status.FromString(answer.content).message
    with grpc.insecure_channel(full.grpc) as channel:
        call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        with pytest.raises(grpc.RpcError) as refused:
            call(encode_traces(make_spans(500, 20, said="500 " * 500)))
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    ready = full.get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert "log says why" in ready.json()["why"]
    assert full.get("/healthz").status_code == 200
    assert full.counted("ready") == 0
    full.end(signal.SIGKILL)
    assert {span.trace_id for span in full.stored(*(f"{number:032x}" for number in range(1, 600)))[0]} == {
        f"{number:032x}" for number in stored
    }


# --- with a store that the test holds


class Slow(MemoryStore):
    """A store that stops at each transaction until it is let go, and fails where it is told to."""

    def __init__(self) -> None:
        super().__init__(assembler="1")
        self.go = threading.Semaphore(0)
        self.fails: Exception | None = None
        self.calls: list[int] = []
        self.begun = threading.Event()

    def append(self, spans: Iterable[Span], logs: Iterable[LogRecord] = (), **options: Any) -> Appended:
        given = list(spans)
        self.begun.set()
        self.go.acquire()
        self.calls.append(len(given))
        if self.fails is not None:
            raise self.fails
        if any(span.attributes.get("poison") for span in given):
            raise StoreError("cannot store a value nested more than 200 levels deep")
        return super().append(given, logs, **options)


@asynccontextmanager
async def served(store: MemoryStore, **settings: Any) -> AsyncGenerator[tuple[Receiver, httpx.AsyncClient]]:
    receiver = Receiver(ServeSettings(**settings), store, clock=lambda: NOW[0])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(Web(receiver)), base_url="http://127.0.0.1") as client:
        yield receiver, client
    await receiver.pipeline.close()


NOW = [1e9]


async def post(client: httpx.AsyncClient, spans: list[Span]) -> httpx.Response:
    return await client.post("/v1/traces", content=encode_traces(spans), headers={"content-type": PROTOBUF})


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(LOOKS):
        if condition():
            return
        await asyncio.sleep(0)
    pytest.fail("what was waited for did not happen")


async def test_nothing_is_acknowledged_before_it_is_committed_and_many_requests_are_one_transaction(
    make_spans: MakeSpans,
) -> None:
    store = Slow()
    async with served(store) as (receiver, client):
        first = asyncio.create_task(post(client, make_spans(1)))
        await until(store.begun.is_set)
        others = [asyncio.create_task(post(client, make_spans(number))) for number in range(2, 42)]
        # the others wait together while the first is being written
        await until(lambda: len(receiver.pipeline._waiting._jobs) == 40)
        assert not first.done()
        assert store.read([f"{1:032x}"])[0] == []
        store.go.release()
        assert (await first).status_code == 200
        assert len(store.read([f"{1:032x}"])[0]) == 3
        assert not any(task.done() for task in others)
        store.go.release()
        assert {answer.status_code for answer in await asyncio.gather(*others)} == {200}
    assert store.calls == [3, 120]


async def test_what_cannot_be_stored_spoils_no_other_request(make_spans: MakeSpans) -> None:
    store = Slow()
    async with served(store) as (receiver, client):
        first = asyncio.create_task(post(client, make_spans(1)))
        await until(store.begun.is_set)
        poison = asyncio.create_task(post(client, make_spans(2, poison=True)))
        good = asyncio.create_task(post(client, make_spans(3)))
        await until(lambda: len(receiver.pipeline._waiting._jobs) == 2)
        store.go.release(10)
        assert [(await task).status_code for task in (first, poison, good)] == [200, 400, 200]
        assert receiver.not_ready() is None
    assert store.calls == [3, 6, 3, 3]


async def test_what_would_wait_for_long_is_refused_early(make_spans: MakeSpans) -> None:
    store = Slow()
    async with served(store, queue_requests=5) as (receiver, client):
        tasks = [asyncio.create_task(post(client, make_spans(number))) for number in range(1, 6)]
        await until(lambda: receiver.gate._requests == 5)
        answer = await post(client, make_spans(9))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert Status.FromString(answer.content).code == 14
        store.go.release(10)
        assert {(await task).status_code for task in tasks} == {200}
        assert (await post(client, make_spans(9))).status_code == 200
        # it learnt that a request takes an hour
        receiver.gate.measured(1, 1, began=receiver.gate._last - 1, ended=receiver.gate._last + 3600)
        store.go = threading.Semaphore(0)
        waiting = asyncio.create_task(post(client, make_spans(10)))
        await until(lambda: receiver.gate._requests == 1)
        at_once = asyncio.create_task(post(client, make_spans(11)))
        await until(at_once.done)
        refused = await at_once
        assert refused.status_code == 503
        assert "longer than 3 s" in Status.FromString(refused.content).message
        store.go.release(10)
        assert (await waiting).status_code == 200
    assert receiver.gate.idle


def test_how_long_work_takes_is_learnt_from_a_full_queue_and_unlearnt_from_quick_answers() -> None:
    gate = Gate(ServeSettings(queue_seconds=1.0), Metrics())
    gate.measured(100, 1, began=10.0, ended=70.0)  # alone, small and slow: a cold start, which tells nothing
    gate.enter()
    gate.hold(1_000_000)
    gate.enter()
    gate.leave(1_000_000)
    gate.measured(1_000_000, 1, began=69.0, ended=80.0)  # came before the last one ended: work takes 11 s a megabyte
    gate.hold(1_000_000)
    with pytest.raises(Refused, match="longer than 1 s"):
        gate.enter()
    for second in range(100, 120):
        gate.measured(1_000_000, 1, began=float(second), ended=second + 0.1)
    gate.enter()


async def test_bytes_that_wait_are_bounded_but_one_request_always_gets_through(make_spans: MakeSpans) -> None:
    store = Slow()
    async with served(store, queue_bytes=100) as (receiver, client):
        first = asyncio.create_task(post(client, make_spans(1)))
        await until(lambda: receiver.gate._bytes > 100)
        answer = await post(client, make_spans(2))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        store.go.release()
        assert (await first).status_code == 200
    assert (receiver.gate._requests, receiver.gate._bytes) == (0, 0)


async def test_readiness_comes_back_with_the_next_success_or_after_a_while(make_spans: MakeSpans) -> None:
    store = Slow()
    store.go.release(100)
    async with served(store) as (receiver, client):
        store.fails = StoreError("the disk is full")
        store.fails.__cause__ = sqlite3.OperationalError("database or disk is full")
        NOW[0] = receiver.pipeline.fault_at
        assert (await post(client, make_spans(1))).status_code == 503
        NOW[0] = receiver.pipeline.fault_at + 9
        assert (await client.get("/readyz")).status_code == 503
        NOW[0] = receiver.pipeline.fault_at + 11
        assert (await client.get("/readyz")).status_code == 200
        NOW[0] = receiver.pipeline.fault_at
        store.fails = None
        assert (await post(client, make_spans(1))).status_code == 200
        assert (await client.get("/readyz")).status_code == 200


async def test_a_fault_of_ours_is_told_as_one_and_the_next_request_is_taken(make_spans: MakeSpans) -> None:
    store = Slow()
    store.go.release(100)
    async with served(store) as (_, client):
        store.fails = ZeroDivisionError()
        answer = await post(client, make_spans(1))
        assert (answer.status_code, "retry-after" in answer.headers) == (500, False)
        assert "ZeroDivisionError" in Status.FromString(answer.content).message
        store.fails = None
        assert (await post(client, make_spans(1))).status_code == 200


async def test_while_it_shuts_down_it_takes_nothing_new(make_spans: MakeSpans) -> None:
    store = Slow()
    async with served(store) as (receiver, client):
        in_hand = asyncio.create_task(post(client, make_spans(1)))
        await until(lambda: not receiver.gate.idle)
        receiver.gate.closed = True
        assert (await post(client, make_spans(2))).status_code == 503
        assert (await client.get("/readyz")).json() == {"ready": False, "why": "shutting down"}
        store.go.release()
        assert (await in_hand).status_code == 200
