"""Behind a collector: SDK exporter, then rotel, then a receiver that is killed and comes back. Nothing is lost."""

from __future__ import annotations

import importlib.util
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

SPANS = 40
ATTEMPTS = 20_000  # to find all in the store: minutes, where the collector needs a second


def agent() -> Path | None:
    """The collector's program; None where its package is not installed."""
    spec = importlib.util.find_spec("rotel")
    found = None if spec is None or spec.origin is None else Path(spec.origin).with_name("rotel-agent")
    return found if found is not None and found.exists() else None


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(agent() is None, reason="the package rotel is not installed"),
]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@pytest.fixture
def collector() -> Iterator[Callable[[str, str], int]]:
    """Starts the collector in front of a receiver; gives the port of its OTLP over gRPC."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(protocol: str, endpoint: str) -> int:
        port = free_port()
        started.append(
            subprocess.Popen(
                [
                    *(str(agent()), "start", "--exporter", "otlp"),
                    *("--otlp-grpc-endpoint", f"127.0.0.1:{port}", "--otlp-http-endpoint", f"127.0.0.1:{free_port()}"),
                    *("--otlp-exporter-endpoint", endpoint, "--otlp-exporter-protocol", protocol),
                    *("--batch-timeout", "100ms", "--otlp-exporter-retry-initial-backoff", "200ms"),
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        return port

    yield begin
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_collector_delivers_what_came_while_the_receiver_was_gone(
    start: Callable[..., Any], collector: Callable[[str, str], int], protocol: str
) -> None:
    http, grpc = (f"127.0.0.1:{free_port()}" for _ in range(2))
    receiver = start("--http", http, "--grpc", grpc)
    port = collector(protocol, f"http://{http if protocol == 'http' else grpc}")
    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    exporter = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{port}", insecure=True)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    sent: list[str] = []
    for round_ in range(3):
        if round_ == 1:
            receiver.end(signal.SIGKILL)
        for _ in range(SPANS):
            with provider.get_tracer("agent").start_as_current_span("chat", attributes={"round": round_}) as span:
                sent.append(f"{span.get_span_context().trace_id:032x}")
        assert provider.force_flush()
        if round_ == 1:
            receiver = start("--http", http, "--grpc", grpc)
    provider.shutdown()
    for _ in range(ATTEMPTS):
        spans, _ = receiver.stored(*sent)
        if len(spans) == len(sent):
            break
    assert sorted(span.trace_id for span in spans) == sorted(sent)
    assert receiver.counted("conflicting_spans_total") == 0
