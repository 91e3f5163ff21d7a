"""Stores of the first release are read by this one: its schema and rows are frozen in `schema1/`, for both databases.

The files were written by the first schema's own code; they are never written again.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from agenteval._util.canonical import content_hash
from agenteval.core import semconv
from agenteval.core.find import parse
from agenteval.core.message import text_message
from agenteval.core.outcome import Finding, Label, Run, Score, Trial
from agenteval.core.ports import Query
from agenteval.core.span import LogRecord, Span, SpanEvent
from agenteval.core.trajectory import End, ModelCall, Step, ToolCall, Trajectory, Usage
from agenteval.store import open_store
from agenteval.store.migrations import STEPS

FROZEN = Path(__file__).parent / "schema1"
TRACES = ("0a" * 16, "0b" * 16)
STATE = {"orders": {"1187": {"status": "paid"}}, "note": "late " * 200}
START_NS = 1_790_000_000_000_000_000


def spans(trace_id: str) -> list[Span]:
    said = [{"role": "user", "parts": [{"type": "text", "content": "My parcel is late. " * 40}]}]
    answer = {"role": "assistant", "parts": [{"type": "text", "content": "Refunded."}]}
    common: dict[str, Any] = {"trace_id": trace_id, "resource": {"service.name": "shop"}, "scope": {"name": "lib"}}
    first = {semconv.INPUT_MESSAGES: said, "odd": [b"\0", "lone \ud800", 2**70, float("inf"), {}, ""]}
    return [
        Span(span_id="1" * 16, name="invoke_agent", start_ns=START_NS, end_ns=START_NS + 9, attributes=first, **common),
        Span(
            span_id="2" * 16,
            parent_id="1" * 16,
            name="chat\0",
            start_ns=START_NS + 1,
            end_ns=2**64 - 1,
            attributes={semconv.INPUT_MESSAGES: [*said, answer], "large": "x y " * 900},
            events=(SpanEvent(name="e", at_ns=5),),
            **common,
        ),
    ]


def log(trace_id: str) -> LogRecord:
    return LogRecord(
        trace_id=trace_id, span_id="2" * 16 if trace_id else "", at_ns=START_NS + 2, body={"said": "z" * 400}
    )


def trajectory(trace_id: str) -> Trajectory:
    steps = (
        Step(id="1", index=0, start_ns=START_NS, end_ns=START_NS + 3, content=text_message("user", "late parcel")),
        Step(id="2", index=1, start_ns=START_NS, end_ns=START_NS + 5, content=ModelCall(model="m-large")),
        Step(
            id="3", index=2, start_ns=START_NS, end_ns=START_NS + 2 * 10**9, content=ToolCall(name="refund", result=1)
        ),
    )
    end = End(reason="completed", start_state=content_hash(STATE))
    usage = Usage(input_tokens=100, output_tokens=20, cost_usd=0.25)
    return Trajectory(id=trace_id, trace_ids=(trace_id,), steps=steps, end=end, usage=usage, agent="careful")


def trial(repeat: int, attempt: int = 0) -> Trial:
    return Trial(
        run="20261124-020435-1a2b3c",
        scenario="retail/refund",
        scenario_hash="e" * 64,
        agent="careful",
        repeat=repeat,
        attempt=attempt,
        seed=1,
        status="completed",
        trace_ids=(TRACES[repeat],),
        trajectory=TRACES[repeat],
    )


RUN = Run(id="20261124-020435-1a2b3c", kind="execution", created_at="2026-11-24T02:04:35+00:00", agents=("careful",))
LABEL = Label(trajectory=TRACES[0], criterion="reward@1", value=1, rater="file")
FINDING = Finding(check="refunded", verdict="fail", reason_code="missing", reason="no refund", steps=("3",))
SCORE = Score(status="scored", passed=False, findings=(FINDING,))


def fill(store: Any) -> None:
    """What the frozen stores hold."""
    store.put_run(RUN)
    for repeat, trace_id in enumerate(TRACES):
        store.append(spans(trace_id), [log(trace_id)])
        for attempt in range(2):
            store.put_trial(trial(repeat, attempt), trajectory(trace_id), state=STATE)
    store.append([Span(trace_id=TRACES[0], span_id="1" * 16, name="another", start_ns=1, end_ns=1)], [log("")])
    store.put_label(LABEL)
    store.record(RUN.id, TRACES[0], [FINDING], SCORE)


@pytest.fixture(params=["sqlite", "postgres"])
def frozen(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The name of a store as the first release left it."""
    script = (FROZEN / f"{request.param}.sql").read_text(encoding="utf-8")
    if request.param == "sqlite":
        with sqlite3.connect(tmp_path / "store.db") as connection:
            connection.executescript(script)
        connection.close()
        return str(tmp_path / "store.db")
    import psycopg

    url: str = request.getfixturevalue("postgres")()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(script)
    return url


def version_of(name: str) -> str:
    query = "SELECT value FROM meta WHERE key = 'schema_version'"
    if not name.startswith("postgresql"):
        with sqlite3.connect(name) as connection:
            found = connection.execute(query).fetchone()[0]
        connection.close()
        return found
    import psycopg

    with psycopg.connect(name) as connection:
        return connection.execute(query).fetchone()[0]


def test_a_store_of_the_first_release_holds_what_it_held(frozen: str) -> None:
    assert version_of(frozen) == "1"
    store = open_store(frozen, assembler="1")
    assert version_of(frozen) == str(len(STEPS))
    found, logs = store.read([*TRACES, ""])
    assert repr(found) == repr([span for trace_id in TRACES for span in spans(trace_id)])
    assert logs == [log(""), *map(log, TRACES)]
    assert store.conflicts(TRACES) == 1
    assert store.runs() == [RUN]
    assert list(store.attempts(Query(run=RUN.id))) == [trial(n, attempt) for n in range(2) for attempt in range(2)]
    pairs = list(store.trajectories(Query()))
    assert pairs == [(trial(n, 1), trajectory(TRACES[n])) for n in range(2)]
    assert [one.start for _, one in pairs] == [STATE] * 2
    assert list(store.labels(Query())) == [LABEL]
    assert [one.trajectory for one in store.find(parse("tool:refund late", now_ns=START_NS)).found] == [*TRACES[::-1]]
    seen = store.seen(TRACES)
    assert [(one.state, one.spans, one.logs, one.first_ns) for one in seen] == [("closed", 2, 1, START_NS)] * 2
    assert store.concluded(TRACES[0]) == [(RUN.id, (FINDING,), SCORE)]
    store.close()


def test_a_store_of_the_first_release_can_be_written_to(frozen: str) -> None:
    store = open_store(frozen, assembler="1")
    assert store.append(spans(TRACES[0])).repeated == 2
    assert store.append(spans("0c" * 16)).new == 2
    store.put_trial(trial(0, 2), trajectory(TRACES[0]), state=STATE)
    assert repr(store.read(["0c" * 16])[0]) == repr(spans("0c" * 16))
    assert len(list(store.attempts(Query()))) == 5
    store.close()
