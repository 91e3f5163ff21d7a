"""A receiver as its own process, on ports that the system chose."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agenteval.core.span import LogRecord, Span
from agenteval.store.sql import SqlStore


class Running:
    """A receiver that runs, or ran."""

    def __init__(self, store: Path, *arguments: str, toml: str = "", **environment: str) -> None:
        self.store_path = store
        (store.parent / "agenteval.toml").write_text(toml, encoding="utf-8")
        given = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", *arguments]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agenteval", "serve", "--store", str(store), *given],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=store.parent,
            env={**os.environ, **environment},
        )
        self.told: list[str] = []
        while not self.told or not self.told[-1].startswith("  export OTEL_EXPORTER_OTLP_ENDPOINT"):
            line = self.process.stdout.readline()
            assert line, self.process.stderr.read()
            self.told.append(line.rstrip("\n"))
        said = "\n".join(self.told)
        self.http = found[1] if (found := re.search(r"OTLP over HTTP +(\S+)", said)) else ""
        self.grpc = found[1] if (found := re.search(r"OTLP over gRPC +http://(\S+)", said)) else ""

    def end(self, how: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end; gives the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.communicate()
        return self.process.returncode

    def post(self, body: bytes, path: str = "/v1/traces", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(
            self.http + path, content=body, headers={"content-type": "application/x-protobuf", **named}, timeout=60
        )

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(
            self.http + path, headers={name.replace("_", "-"): value for name, value in headers.items()}, timeout=60
        )

    def counted(self, name: str, **headers: str) -> float:
        """The sum of a counter or gauge over its labels."""
        lines = self.get("/metrics", **headers).text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if re.match(rf"agenteval_{name}(\{{.*\}})? ", line))

    def stored(self, *trace_ids: str) -> tuple[list[Span], list[LogRecord]]:
        """What the store holds of those traces."""
        store = SqlStore(self.store_path)
        try:
            return store.read(trace_ids)
        finally:
            store.close()


@pytest.fixture(scope="session")
def receiver_class() -> type[Running]:
    """For fixtures of wider scope."""
    return Running


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts receivers, and ends those that still run."""
    started: list[Running] = []

    def begin(*arguments: str, **settings: Any) -> Running:
        running = Running(tmp_path / "store.db", *arguments, **settings)
        started.append(running)
        return running

    yield begin
    for running in started:
        running.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One receiver for the tests of a module that only send and look."""
    receiver = Running(tmp_path_factory.mktemp("receiver") / "store.db")
    yield receiver
    receiver.end(signal.SIGKILL)


def spans_of(trace: int, count: int = 3, **attributes: Any) -> list[Span]:
    """Spans of one trace."""
    return [
        Span(
            trace_id=f"{trace:032x}",
            span_id=f"{number:016x}",
            parent_id=None if number == 1 else f"{1:016x}",
            name="chat",
            start_ns=number,
            end_ns=number + 1,
            attributes={"n": number, **attributes},
            resource={"service.name": "shop"},
            scope={"name": "test", "version": "1"},
        )
        for number in range(1, count + 1)
    ]


@pytest.fixture
def make_spans() -> Callable[..., list[Span]]:
    """Makes spans of one trace."""
    return spans_of
