"""What taking OTLP in costs: spans committed to SQLite by `agenteval serve`, over HTTP on loopback, protobuf, gzip.

Yardstick, in the same run: a bare script that unpacks and parses the same bodies, walks each span into plain values,
and does one `executemany` upsert a body into a table with the columns and the unique index of the store's own, the
rest of each span as one JSON text by orjson; the same pragmas. No socket, no threads, no counting, nothing kept once.
Asked: at least 0.6 of its rate with nothing redacted; what taking secrets out costs is printed beside it. So is the
leanest script, which walks nothing and keeps each span's own bytes.

Also: how long an answer takes when more comes than can be stored, what is then refused, and what memory it takes.

The spans are those of the captures beside the repository (`--captures FOLDER` names others), copied with other ids and
other words, so that the store gains nothing from keeping texts once that real traffic would not give it, too; without
captures, spans made up to be as large. 512 spans a body.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import random
import re
import sqlite3
import statistics
import string
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agenteval.core.span import Span
from agenteval.telemetry.otlp import decode_traces, encode_traces
from bench.store_append import trials

AT_ONCE = 512
BODIES = 24
ROUNDS = 5
CONNECTIONS = 4
ASKED = 0.6
MEAN_BYTES = 3_400
CAPTURES = Path(__file__).resolve().parents[2] / "shared" / "captures"
PRAGMAS = ("page_size = 4096", "journal_mode = WAL", "synchronous = NORMAL", "cache_size = -32768")
SCHEMA = """
CREATE TABLE span (id INTEGER PRIMARY KEY, trace_id BLOB NOT NULL, span_id BLOB NOT NULL, parent_id BLOB,
    start_ns BIGINT NOT NULL, end_ns BIGINT NOT NULL, name TEXT NOT NULL, shape BIGINT NOT NULL, frame BIGINT NOT NULL,
    body BLOB NOT NULL, UNIQUE (trace_id, span_id))
"""
UPSERT = (
    "INSERT INTO span (trace_id, span_id, parent_id, start_ns, end_ns, name, shape, frame, body) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (trace_id, span_id) DO UPDATE SET body = excluded.body"
)


# --- bodies


def captured(folder: Path) -> list[Span]:
    """Every span of the captures, once."""
    files = sorted(folder.glob("*/wire/*.traces.pb.gz"))
    spans = [span for file in files for span in decode_traces(gzip.decompress(file.read_bytes()))]
    return list({(span.trace_id, span.span_id): span for span in spans}.values())


def made_up() -> list[Span]:
    """Spans as large as real ones are, with words of their own."""
    chance = random.Random(7)
    words = ["".join(chance.choices(string.ascii_lowercase, k=2 + n % 9)) for n in range(3_000)]
    spans = [span for trial in islice(trials(), 150) for span in trial]
    said = MEAN_BYTES - len(encode_traces(spans)) // len(spans)
    return [
        replace(
            span, attributes={**span.attributes, "input.value": " ".join(chance.choices(words, k=max(1, said // 7)))}
        )
        for span in spans
    ]


def copies(spans: Sequence[Span]) -> Iterator[Span]:
    """Copies for ever, each with ids, sessions and words of its own."""
    sessions = {
        value
        for span in spans
        for key, value in span.attributes.items()
        if NAMES_SESSION.search(key) and isinstance(value, str) and len(value) > 3
    }
    session = re.compile("|".join(map(re.escape, sorted(sessions, key=len, reverse=True))) or "(?!)")
    for number in count():
        letters = list(string.ascii_lowercase)
        random.Random(number).shuffle(letters)
        other = partial(reworded, str.maketrans(string.ascii_lowercase, "".join(letters)), session, number)
        for span in spans:
            yield replace(
                span,
                trace_id=f"{int(span.trace_id, 16) ^ number * 0x9E3779B97F4A7C15F39CC0605CEDC835 & 2**128 - 1:032x}",
                attributes={key: other(value) for key, value in span.attributes.items()},
                events=tuple(
                    replace(event, attributes={key: other(value) for key, value in event.attributes.items()})
                    for event in span.events
                ),
            )


PROSE = re.compile(r"(?<=[a-z] )[a-z]{3,}")  # words within sentences; the keys of JSON stay
NAMES_SESSION = re.compile(r"session|conversation|thread|group_id")


def reworded(table: dict[int, int], session: re.Pattern[str], number: int, value: Any) -> Any:
    """Text with other words, as long as before, and of another session."""
    if not isinstance(value, str):
        return value
    return session.sub(lambda name: f"{name[0]}-{number}", PROSE.sub(lambda word: word[0].translate(table), value))


def bodies(spans: Iterator[Span]) -> Iterator[bytes]:
    """Compressed bodies, as exporters send them."""
    while True:
        yield gzip.compress(encode_traces(list(islice(spans, AT_ONCE))), 6)


# --- the bare scripts


def bare(batch: Sequence[bytes], folder: Path, rows_of: Callable[[bytes], list[tuple[Any, ...]]]) -> float:
    """Spans a second."""
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.execute(SCHEMA)
    began = time.perf_counter()
    for body in batch:
        rows = rows_of(gzip.decompress(body))
        connection.execute("BEGIN")
        connection.executemany(UPSERT, rows)
        connection.execute("COMMIT")
    seconds = time.perf_counter() - began
    stored = connection.execute("SELECT count(*) FROM span").fetchone()[0]
    connection.close()
    assert stored == len(batch) * AT_ONCE
    return stored / seconds


def walked(body: bytes) -> list[tuple[Any, ...]]:
    """Rows with everything of a span as JSON."""
    rows: list[tuple[Any, ...]] = []
    for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = attributes(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            scope = [of_scope.scope.name, of_scope.scope.version, of_scope.schema_url]
            for span in of_scope.spans:
                rest = {
                    "kind": span.kind,
                    "flags": span.flags,
                    "trace_state": span.trace_state,
                    "status": [span.status.code, span.status.message],
                    "attributes": attributes(span.attributes),
                    "events": [[e.name, e.time_unix_nano, attributes(e.attributes)] for e in span.events],
                    "links": [[k.trace_id.hex(), k.span_id.hex(), attributes(k.attributes)] for k in span.links],
                    "dropped": [span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count],
                    "resource": resource,
                    "scope": scope,
                }
                rows.append((*columns(span), orjson.dumps(rest)))
    return rows


def unwalked(body: bytes) -> list[tuple[Any, ...]]:
    """Rows with the span's own bytes."""
    request = ExportTraceServiceRequest.FromString(body)
    return [
        (*columns(span), span.SerializeToString())
        for of_resource in request.resource_spans
        for of_scope in of_resource.scope_spans
        for span in of_scope.spans
    ]


def columns(span: Any) -> tuple[Any, ...]:
    """What is a column of its own."""
    times = (span.start_time_unix_nano, span.end_time_unix_nano)
    return (span.trace_id, span.span_id, span.parent_span_id or None, *times, span.name, 1, 1)


def attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: value_of(pair.value) for pair in pairs}


def value_of(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind == "array_value":
        return [value_of(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return attributes(value.kvlist_value.values)
    if kind == "bytes_value":
        return value.bytes_value.hex()
    return None if kind is None else getattr(value, kind)


# --- the receiver


class Serving:
    """`agenteval serve` as its own process."""

    def __init__(self, folder: Path, store: str = "store.db", *, redact: bool = False) -> None:
        options = ["--http", "127.0.0.1:0", "--grpc", "off", "--store", store, *([] if redact else ["--no-redact"])]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agenteval", "serve", *options], stdout=subprocess.PIPE, text=True, cwd=folder
        )
        assert self.process.stdout is not None
        line = next(line for line in self.process.stdout if "OTLP over HTTP" in line)
        self.address = line.rsplit("//", 1)[1].strip()

    def connect(self) -> http.client.HTTPConnection:
        """A connection of its own for each thread."""
        return http.client.HTTPConnection(self.address)

    def memory(self) -> float:
        """Resident memory in MB; 0 where it is not told."""
        status = Path(f"/proc/{self.process.pid}/status")
        found = re.search(r"VmRSS:\s+(\d+)", status.read_text()) if status.exists() else None
        return int(found[1]) / 1024 if found else 0.0

    def counted(self, name: str) -> float:
        """The sum of a counter over its labels."""
        connection = self.connect()
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"agenteval_{name}"))

    def end(self) -> None:
        """Let it finish, and wait for that."""
        self.process.terminate()
        self.process.wait()


HEADERS = {"content-type": "application/x-protobuf", "content-encoding": "gzip"}


def send(serving: Serving, batch: Sequence[bytes], connections: int) -> tuple[list[float], list[int], float]:
    """Send bodies over some connections; seconds of each answer, their statuses, and seconds of all."""
    left = iter(batch)
    lock = threading.Lock()
    seconds: list[float] = []
    statuses: list[int] = []

    def work() -> None:
        connection = serving.connect()
        while True:
            with lock:
                body = next(left, None)
            if body is None:
                break
            began = time.perf_counter()
            connection.request("POST", "/v1/traces", body=body, headers=HEADERS)
            answer = connection.getresponse()
            answer.read()
            seconds.append(time.perf_counter() - began)
            statuses.append(answer.status)
        connection.close()

    began = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seconds, statuses, time.perf_counter() - began


def received(batch: Sequence[bytes], *, redact: bool = False) -> float:
    """Spans a second."""
    with tempfile.TemporaryDirectory() as folder:
        serving = Serving(Path(folder), redact=redact)
        try:
            _, statuses, seconds = send(serving, batch, CONNECTIONS)
            assert set(statuses) == {200}
            assert serving.counted("stored_spans_total") == len(batch) * AT_ONCE
        finally:
            serving.end()
    return len(batch) * AT_ONCE / seconds


def overloaded(batch: Sequence[bytes]) -> None:
    """Far more clients than it can serve."""
    with tempfile.TemporaryDirectory() as folder:
        serving = Serving(Path(folder))
        try:
            send(serving, batch[:CONNECTIONS], 1)
            seconds, statuses, _ = send(serving, list(batch) * 20, 200)
        finally:
            serving.end()
    taken = sorted(took for took, status in zip(seconds, statuses, strict=True) if status == 200)
    refused = sorted(took for took, status in zip(seconds, statuses, strict=True) if status == 503)
    others = len(seconds) - len(taken) - len(refused)
    print(f"200 clients at once: {len(taken)} taken, {len(refused)} refused with 503, {others} others")
    print(f"  p99 of an acknowledgement {taken[int(0.99 * len(taken))]:.2f} s, of a refusal {quantile(refused):.2f} s")


def quantile(sorted_: Sequence[float]) -> float:
    return sorted_[int(0.99 * len(sorted_))] if sorted_ else 0.0


def long_run(spans: Sequence[Span], wanted: int) -> None:
    """Many spans, never the same twice: memory must not grow with them."""
    source = bodies(copies(spans))
    with tempfile.TemporaryDirectory() as folder:
        serving = Serving(Path(folder))
        try:
            sent = 0
            while sent < wanted:
                batch = list(islice(source, 20))
                send(serving, batch, CONNECTIONS)
                sent += len(batch) * AT_ONCE
                if sent % (wanted // 10 // AT_ONCE // 20 * AT_ONCE * 20 or 1) == 0:
                    print(f"  {sent:>9} spans  {serving.memory():6.0f} MB", flush=True)
        finally:
            serving.end()


def main() -> None:
    """Print rates, their ratio, and how it bears overload; `--many N` takes N spans in and shows memory."""
    options = argparse.ArgumentParser(prog="ingest", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--captures", type=Path, default=CAPTURES)
    options.add_argument("--many", type=int, default=0)
    options.add_argument("--rounds", type=int, default=ROUNDS)
    given = options.parse_args()
    spans = captured(given.captures) or made_up()
    if given.many:
        long_run(spans, given.many)
        return
    batch = list(islice(bodies(copies(spans)), BODIES))
    size = sum(len(gzip.decompress(body)) for body in batch) / len(batch) / AT_ONCE
    origin = "captures" if given.captures.is_dir() else "made up"
    print(f"{len(batch)} bodies of {AT_ONCE} spans ({origin}), {size:.0f} bytes a span")
    rates: dict[str, list[float]] = {"walked": [], "unwalked": [], "received": [], "redacted": []}
    for _ in range(given.rounds):
        for name, rows_of in (("walked", walked), ("unwalked", unwalked)):
            with tempfile.TemporaryDirectory() as folder:
                rates[name].append(bare(batch, Path(folder), rows_of))
        rates["received"].append(received(batch))
        rates["redacted"].append(received(batch, redact=True))
    middle = {name: statistics.median(values) for name, values in rates.items()}
    print(f"bare script, walked      {middle['walked']:8.0f} spans/s")
    print(f"bare script, own bytes   {middle['unwalked']:8.0f} spans/s")
    print(f"agenteval serve          {middle['received']:8.0f} spans/s")
    print(f"  secrets redacted       {middle['redacted']:8.0f} spans/s")
    ratio = statistics.median(ours / theirs for ours, theirs in zip(rates["received"], rates["walked"], strict=True))
    lean = statistics.median(ours / theirs for ours, theirs in zip(rates["received"], rates["unwalked"], strict=True))
    cost = statistics.median(few / all_ for few, all_ in zip(rates["redacted"], rates["received"], strict=True))
    print(f"ratio {ratio:.2f} (asked: at least {ASKED}); to own bytes {lean:.2f}; redacting takes {1 - cost:.0%} of it")
    overloaded(batch)


if __name__ == "__main__":
    main()
