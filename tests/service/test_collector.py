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

from agenteval import open_store, parse_checks
from agenteval.core.ports import Query
from agenteval.errors import Undelivered
from agenteval.experiment.evaluations import evaluations
from agenteval.experiment.importing import import_files
from agenteval.experiment.scoring import score_run
from agenteval.intake.checkfiles import CheckFile
from agenteval.service.sending import send_logs

REPO = Path(__file__).parents[2]

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
def collector() -> Iterator[Callable[[str, str], tuple[int, int]]]:
    """Starts the collector in front of a receiver; gives the ports of its OTLP over gRPC and over HTTP."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(protocol: str, endpoint: str) -> tuple[int, int]:
        port, http = free_port(), free_port()
        started.append(
            subprocess.Popen(
                [
                    *(str(agent()), "start", "--exporter", "otlp"),
                    *("--otlp-grpc-endpoint", f"127.0.0.1:{port}", "--otlp-http-endpoint", f"127.0.0.1:{http}"),
                    *("--otlp-exporter-endpoint", endpoint, "--otlp-exporter-protocol", protocol),
                    *("--batch-timeout", "100ms", "--otlp-exporter-retry-initial-backoff", "200ms"),
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        return port, http

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
    port, _ = collector(protocol, f"http://{http if protocol == 'http' else grpc}")
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


def test_a_collector_passes_on_what_was_concluded(
    start: Callable[..., Any], collector: Callable[[str, str], tuple[int, int]]
) -> None:
    receiver = start()
    _, port = collector("http", receiver.http)
    store = open_store("memory:")
    run = import_files([REPO / "traces/conversion/otlp/genai-lines/collector.jsonl"], store).run.id
    checks = parse_checks([{"calls": ["find_order"]}, {"never": "find_order"}])
    scored = score_run(store, run, CheckFile(checks=checks, where=Query(), digest="d")).run.id
    events = list(evaluations(store, scored))
    for _ in range(ATTEMPTS):  # until the collector listens
        try:
            sent = send_logs(events, f"http://127.0.0.1:{port}", {}, wait=lambda _: None)
            break
        except Undelivered:
            continue
    assert (sent.accepted, sent.rejected) == (3, 0)
    for _ in range(ATTEMPTS):
        _, logs = receiver.stored(events[0].trace_id)
        if len(logs) == len(events):
            break
    placed = [(log.name, log.span_id, log.attributes["gen_ai.evaluation.score.label"]) for log in logs]
    assert sorted(placed) == sorted(
        (one.name, one.span_id, one.attributes["gen_ai.evaluation.score.label"]) for one in events
    )
    store.close()
