"""Normalising and assembling spans against parsing the same bodies with protobuf and walking them into plain dicts.

The bodies are the captures of the repository, and the shared ones where they are there. Processor time of one core;
they take turns, and the middle of several rounds counts. Reading the same spans from SQLite first and then assembling
them has a ratio of its own.
"""

from __future__ import annotations

import gzip
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agenteval import open_store
from agenteval.core.span import LogRecord, Span
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.otlp import decode_logs, decode_traces

ROUNDS = 7
ROOT = Path(__file__).parents[1]
PLACES = (ROOT / "traces" / "captures", ROOT.parent / "shared" / "captures")
FOLDERS = sorted(folder for place in PLACES for folder in place.glob("*/wire"))
GOAL = 0.4
PLAIN, ASSEMBLED, READ = "parsed and walked", "assembled", "read from SQLite"


def walked(value: Any) -> Any:
    """An AnyValue as plain values."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [walked(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return pairs(value.kvlist_value.values)
    return None if kind is None else getattr(value, kind)


def pairs(items: Any) -> dict[str, Any]:
    """Attributes as a dict."""
    return {item.key: walked(item.value) for item in items}


def plain_spans(body: bytes) -> list[dict[str, Any]]:
    """Every span of a body as a plain dict."""
    request = ExportTraceServiceRequest.FromString(body)
    return [
        {
            "trace_id": span.trace_id.hex(),
            "span_id": span.span_id.hex(),
            "parent_id": span.parent_span_id.hex(),
            "name": span.name,
            "kind": span.kind,
            "start": span.start_time_unix_nano,
            "end": span.end_time_unix_nano,
            "status": (span.status.code, span.status.message),
            "attributes": pairs(span.attributes),
            "events": [(event.name, event.time_unix_nano, pairs(event.attributes)) for event in span.events],
            "resource": resource,
            "scope": scope,
        }
        for of_resource in request.resource_spans
        for resource in (pairs(of_resource.resource.attributes),)
        for of_scope in of_resource.scope_spans
        for scope in ((of_scope.scope.name, of_scope.scope.version),)
        for span in of_scope.spans
    ]


def plain_logs(body: bytes) -> list[dict[str, Any]]:
    """Every log record of a body as a plain dict."""
    request = ExportLogsServiceRequest.FromString(body)
    return [
        {
            "trace_id": record.trace_id.hex(),
            "span_id": record.span_id.hex(),
            "at": record.time_unix_nano,
            "name": record.event_name,
            "body": walked(record.body),
            "attributes": pairs(record.attributes),
            "resource": resource,
        }
        for of_resource in request.resource_logs
        for resource in (pairs(of_resource.resource.attributes),)
        for of_scope in of_resource.scope_logs
        for record in of_scope.log_records
    ]


def timed(work: Callable[[], object]) -> float:
    """Seconds of processor time."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    """Measure and print."""
    captures: list[tuple[list[bytes], list[bytes]]] = []
    for folder in FOLDERS:
        traces = [gzip.decompress(file.read_bytes()) for file in sorted(folder.glob("*.traces.pb.gz"))]
        logs = [gzip.decompress(file.read_bytes()) for file in sorted(folder.glob("*.logs.pb.gz"))]
        captures.append((traces, logs))
    decoded: list[tuple[list[Span], list[LogRecord]]] = [
        ([span for body in traces for span in decode_traces(body)], [log for body in logs for log in decode_logs(body)])
        for traces, logs in captures
    ]
    count = sum(len(spans) for spans, _ in decoded)

    def plain() -> None:
        for traces, logs in captures:
            for body in traces:
                plain_spans(body)
            for body in logs:
                plain_logs(body)

    def assembled() -> None:
        for spans, logs in decoded:
            for trajectory in assemble(spans, logs):
                list(trajectory.steps)

    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "store.db")
        for spans, logs in decoded:
            store.append(spans, logs)
        ids = [sorted({span.trace_id for span in spans}) for spans, _ in decoded]

        def read() -> None:
            for some in ids:
                store.read(some)

        works: dict[str, Callable[[], object]] = {PLAIN: plain, ASSEMBLED: assembled, READ: read}
        times: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(ROUNDS):
            for name, work in works.items():
                times[name].append(timed(work))
        store.close()
    seconds = {name: statistics.median(some) for name, some in times.items()}
    size = sum(len(body) for traces, logs in captures for body in (*traces, *logs))
    print(f"{count} spans of {len(FOLDERS)} captures, {size / count:.0f} bytes each with their log records")
    for name, some in seconds.items():
        print(f"{name:20} {count / some:7.0f} spans/s")
    print(f"ratio                {seconds[PLAIN] / seconds[ASSEMBLED]:7.2f} (asked: at least {GOAL})")
    print(f"read and assembled   {seconds[PLAIN] / (seconds[READ] + seconds[ASSEMBLED]):7.2f}")


if __name__ == "__main__":
    main()
