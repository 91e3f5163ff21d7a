"""What SQLite costs through the store: spans appended, and kept trajectories read.

Appending. Yardstick: `sqlite3.executemany` of the same spans into one table with the columns and unique index of the
store's own, the rest of each span as one JSON text by orjson; one transaction for every 512 spans, the same pragmas.
Serialisation is inside both. The spans are those of whole trials: roots, agents, model calls, tool calls, about 1.7 kB
each, every text said once, so that the store gains nothing from keeping texts once. Asked: at least half the yardstick.

Reading. Yardstick: `SELECT` of the same trajectories as compressed published JSON, and `orjson.loads`.
"""

from __future__ import annotations

import gc
import random
import sqlite3
import statistics
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from agenteval.core import codec, semconv
from agenteval.core.outcome import Trial
from agenteval.core.ports import Query
from agenteval.core.span import Span
from agenteval.core.trajectory import Trajectory
from agenteval.store.sql import SqlStore
from agenteval.telemetry.assemble import trajectory_of

SPANS = 10_240
AT_ONCE = 512
ROUNDS = 7
TRAJECTORIES = 1_000
ASKED = 0.5
PRAGMAS = ("page_size = 4096", "journal_mode = WAL", "synchronous = NORMAL", "cache_size = -32768")
SCHEMA = """
CREATE TABLE span (id INTEGER PRIMARY KEY, trace_id BLOB NOT NULL, span_id BLOB NOT NULL, parent_id BLOB,
    start_ns BIGINT NOT NULL, end_ns BIGINT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL,
    UNIQUE (trace_id, span_id))
"""
INSERT = (
    "INSERT INTO span (trace_id, span_id, parent_id, start_ns, end_ns, name, body) VALUES (?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO NOTHING"
)
WORDS = ["".join(random.Random(n).choices("etaoinshrdlucm", k=2 + n % 9)) for n in range(3_000)]


# --- spans


def trials() -> Iterator[list[Span]]:
    """Trials of seven spans, for ever."""
    chance = random.Random(1)
    for number in range(10**9):
        yield _Making(chance, number).spans


class _Making:
    """Makes one trial: a root, an agent, two model calls, three tool calls; every text is said once."""

    def __init__(self, chance: random.Random, number: int) -> None:
        self.chance = chance
        self.trace_id = f"{chance.getrandbits(128):032x}"
        self.now = 1_790_000_000_000_000_000 + number * 10**10
        self.spans: list[Span] = []
        root = self.span("trial retail/refund", None, self.root(number))
        agent = self.span("invoke_agent careful", root, self.agent())
        for _ in range(2):
            self.span("chat m-large", agent, self.chat())
        for _ in range(3):
            self.span("execute_tool look_up_order", agent, self.tool())

    def words(self, size: int) -> str:
        return " ".join(self.chance.choices(WORDS, k=size // 6))

    def said(self, role: str, size: int) -> dict[str, Any]:
        return {"role": role, "parts": [{"type": "text", "content": self.words(size)}]}

    def span(self, name: str, parent: Span | None, attributes: dict[str, Any]) -> Span:
        self.now += self.chance.randint(10**5, 10**8)
        made = Span(
            trace_id=self.trace_id,
            span_id=f"{self.chance.getrandbits(64):016x}",
            parent_id=None if parent is None else parent.span_id,
            name=name,
            start_ns=self.now,
            end_ns=self.now + self.chance.randint(10**5, 10**8),
            kind=3 if name.startswith("chat") else 1,
            attributes=attributes,
            resource={"service.name": "agenteval", "telemetry.sdk.language": "python"},
            scope={"name": "agenteval", "version": ""},
        )
        self.spans.append(made)
        return made

    def root(self, number: int) -> dict[str, Any]:
        return {
            semconv.SOURCE: "harness",
            semconv.RUN_ID: "20261124-020435-1a2b3c",
            semconv.SCENARIO: "retail/refund",
            semconv.SCENARIO_HASH: "ab" * 32,
            semconv.AGENT: "careful",
            semconv.REPEAT: number,
            semconv.SEED: self.chance.getrandbits(31),
            semconv.END_REASON: "completed",
            semconv.OFFERED_TOOLS: ["look_up_order", "issue_refund"],
            semconv.SPANS_STARTED: 7,
            semconv.SPANS_ENDED: 7,
        }

    def agent(self) -> dict[str, Any]:
        return {
            semconv.OPERATION: semconv.INVOKE_AGENT,
            semconv.AGENT_NAME: "careful",
            semconv.CONVERSATION_ID: self.trace_id,
            semconv.INPUT_MESSAGES: [self.said("user", 400)],
            semconv.OUTPUT_MESSAGES: [self.said("assistant", 500)],
        }

    def chat(self) -> dict[str, Any]:
        return {
            semconv.OPERATION: semconv.CHAT,
            semconv.REQUEST_MODEL: "m-large",
            semconv.INPUT_MESSAGES: [self.said("system", 900), self.said("user", 500)],
            semconv.RESPONSE_ID: f"resp-{self.chance.getrandbits(64):x}",
            semconv.FINISH_REASONS: ["stop"],
            semconv.INPUT_TOKENS: self.chance.randint(100, 5_000),
            semconv.OUTPUT_TOKENS: self.chance.randint(10, 500),
            semconv.OUTPUT_MESSAGES: [self.said("assistant", 450)],
            semconv.RESPONSE_MODEL: "m-large-2026",
        }

    def tool(self) -> dict[str, Any]:
        lines = [{"n": number, "text": self.words(150)} for number in range(6)]
        return {
            semconv.OPERATION: semconv.EXECUTE_TOOL,
            semconv.TOOL_NAME: "look_up_order",
            semconv.TOOL_ARGUMENTS: {"order": str(self.chance.randint(1_000, 9_999)), "note": self.words(80)},
            semconv.TOOL_CALL_ID: f"call_{self.chance.getrandbits(48):x}",
            semconv.TOOL_RESULT: {"order": {"status": "paid", "lines": lines}},
        }


# --- appending


def bare(path: Path, batches: Sequence[Sequence[Span]]) -> float:
    """Seconds that sqlite3 alone takes."""
    database = sqlite3.connect(path, isolation_level=None)
    for pragma in PRAGMAS:
        database.execute(f"PRAGMA {pragma}").fetchall()
    database.execute(SCHEMA)
    began = time.perf_counter()
    for batch in batches:
        rows = [bare_row(span) for span in batch]
        database.execute("BEGIN IMMEDIATE")
        database.executemany(INSERT, rows)
        database.execute("COMMIT")
    taken = time.perf_counter() - began
    database.close()
    return taken


def bare_row(span: Span) -> tuple[Any, ...]:
    body = orjson.dumps(
        {
            "kind": span.kind,
            "flags": span.flags,
            "trace_state": span.trace_state,
            "status": [span.status.code, span.status.message],
            "attributes": span.attributes,
            "events": span.events,
            "links": span.links,
            "dropped": [span.dropped_attributes, span.dropped_events, span.dropped_links],
            "resource": span.resource,
            "scope": span.scope,
            "schema_url": span.schema_url,
        }
    )
    parent = None if span.parent_id is None else bytes.fromhex(span.parent_id)
    keys = (bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id), parent)
    return (*keys, span.start_ns, span.end_ns, span.name, body)


def ours(path: Path, batches: Sequence[Sequence[Span]]) -> float:
    """Seconds that the store takes."""
    store = SqlStore(path)
    began = time.perf_counter()
    for batch in batches:
        appended = store.append(batch)
        assert appended.new == len(batch), appended
    taken = time.perf_counter() - began
    store.close()
    return taken


def appending(folder: Path) -> None:
    made = trials()
    spans: list[Span] = []
    while len(spans) < SPANS:
        spans += next(made)
    batches = [spans[start : start + AT_ONCE] for start in range(0, SPANS, AT_ONCE)]
    size = statistics.mean(len(bare_row(span)[-1]) for span in spans)
    print(f"{SPANS} spans of {size:.0f} bytes, {AT_ONCE} a transaction, median of {ROUNDS} rounds")
    yardstick, through, ratio = rounds(
        lambda number: bare(folder / f"bare-{number}.db", batches),
        lambda number: ours(folder / f"ours-{number}.db", batches),
    )
    print(f"bare executemany  {SPANS / yardstick:8.0f} spans/s")
    print(f"SqlStore.append   {SPANS / through:8.0f} spans/s")
    print(f"ratio             {ratio:8.2f} (asked: at least {ASKED})")
    sizes = [(folder / f"{name}-0.db").stat().st_size / 1e6 for name in ("bare", "ours")]
    print(f"file              {sizes[0]:8.1f} MB bare, {sizes[1]:.1f} MB through the store")


# --- reading


def reading(folder: Path) -> None:
    store = SqlStore(folder / "read.db")
    database = sqlite3.connect(folder / "inline.db")
    database.execute("CREATE TABLE trajectory (id INTEGER PRIMARY KEY, data BLOB NOT NULL)")
    pairs: list[tuple[Trial, Trajectory]] = []
    for number, spans in zip(range(TRAJECTORIES), trials(), strict=False):
        trajectory = trajectory_of(spans)
        store.append(spans)
        pairs.append((trial_of(number, trajectory), trajectory))
        text = zlib.compress(orjson.dumps(codec.to_json(trajectory)), 1)
        database.execute("INSERT INTO trajectory (data) VALUES (?)", (text,))
    database.commit()
    began = time.perf_counter()
    store.put_trials((trial, trajectory, None) for trial, trajectory in pairs)
    print(f"kept              {len(pairs) / (time.perf_counter() - began):8.0f} trajectories/s")
    yardstick, through, ratio = rounds(lambda _: decode(database), lambda _: read(store))
    print(f"select and decode {len(pairs) / yardstick:8.0f} trajectories/s")
    print(f"read as values    {len(pairs) / through:8.0f} trajectories/s, {1 / ratio:.1f} times the time")
    database.close()
    store.close()


def trial_of(number: int, trajectory: Trajectory) -> Trial:
    return Trial(
        run="r",
        scenario="s",
        scenario_hash="h",
        agent="a",
        repeat=number,
        seed=0,
        status="completed",
        trajectory=trajectory.id,
    )


def decode(database: sqlite3.Connection) -> float:
    """Seconds to read and decode every trajectory with sqlite3, zlib and orjson."""
    began = time.perf_counter()
    for (data,) in database.execute("SELECT data FROM trajectory"):
        orjson.loads(zlib.decompress(data))
    return time.perf_counter() - began


def read(store: SqlStore) -> float:
    """Seconds to read every trajectory from the store."""
    began = time.perf_counter()
    assert sum(1 for _ in store.trajectories(Query(run="r"))) == TRAJECTORIES
    return time.perf_counter() - began


def rounds(a: Callable[[int], float], b: Callable[[int], float]) -> tuple[float, float, float]:
    """Medians of both, and of their ratio round by round: what disturbs one disturbs the other."""
    times: list[tuple[float, float]] = []
    for number in range(ROUNDS):
        first, second = (a, b) if number % 2 == 0 else (b, a)
        taken = {first: first(number), second: second(number)}
        times.append((taken[a], taken[b]))
    return (
        statistics.median(one for one, _ in times),
        statistics.median(other for _, other in times),
        statistics.median(one / other for one, other in times),
    )


def main() -> None:
    """Print both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gc.collect()
        gc.freeze()  # neither side pays for looking through what the benchmark itself holds
        appending(folder)
        reading(folder)


if __name__ == "__main__":
    main()
