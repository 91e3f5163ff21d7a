"""What only a file can do: indexes, sizes, full disks, other processes, other versions of the assembler."""

from __future__ import annotations

import gc
import itertools
import sqlite3
import subprocess
import sys
import threading
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event, inspect

from agenteval.core import semconv
from agenteval.core.outcome import Label, Run
from agenteval.core.ports import Query
from agenteval.core.span import Span
from agenteval.core.trajectory import End, Step, ToolCall, Trajectory
from agenteval.errors import StoreError
from agenteval.store.sql import SqlStore
from agenteval.store.tables import METADATA


@pytest.fixture
def store(tmp_path: Path):
    opened = SqlStore(tmp_path / "store.db")
    yield opened
    opened.close()


def rows(path: Path, query: str) -> list[tuple]:
    other = sqlite3.connect(path)
    found = other.execute(query).fetchall()
    other.close()
    return found


# --- schema


def test_the_migrations_make_the_tables_that_are_declared(store: SqlStore, tmp_path: Path) -> None:
    declared = create_engine("sqlite://")
    METADATA.create_all(declared)
    migrated = create_engine(f"sqlite:///{tmp_path / 'store.db'}")
    try:
        wanted, found = inspect(declared), inspect(migrated)
        assert {name for name in found.get_table_names() if not name.startswith("said")} == set(
            wanted.get_table_names()
        )
        for table in wanted.get_table_names():
            for what in ("get_columns", "get_pk_constraint", "get_indexes", "get_unique_constraints"):
                assert described(getattr(found, what)(table)) == described(getattr(wanted, what)(table)), (table, what)
    finally:
        declared.dispose()
        migrated.dispose()


def described(found: object) -> list[str]:
    items = found if isinstance(found, list) else [found]
    for item in items:
        options = item.get("dialect_options", {})
        options.update((key, str(value)) for key, value in options.items())
    unspelt = {"nullable": None, "default": None, "primary_key": None, "name": None}
    return sorted(
        repr(
            {
                key: str(value) if key == "type" else value
                for key, value in item.items()
                # SQLite's own key column is never null, whether that is said or not
                if not (key == "nullable" and item.get("primary_key"))
                and (key != "name" or key not in unspelt or value)
            }
        )
        for item in items
    )


def test_a_query_of_a_run_reads_that_run_alone(store: SqlStore) -> None:
    """Not every completed trial of every run."""
    plans = []

    def note(*said: object) -> None:
        _, _, statement, parameters, *_ = said
        plans.append((statement, parameters))

    event.listen(store._db.engine, "before_cursor_execute", note)
    list(store.trials(Query(run="run", scenario="s", agent="a", status="completed")))
    event.remove(store._db.engine, "before_cursor_execute", note)
    statement, parameters = next(plan for plan in plans if plan[0].startswith("SELECT"))
    with store._db.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    assert [row[3] for row in plan] == ["SEARCH trial USING INDEX trial_by_run (run=? AND id>?)"]


def test_sizes_name_every_table_and_add_up_to_the_file(store: SqlStore, tmp_path: Path, made) -> None:
    store.append([made.span(n, text=f"{n}" * 500) for n in range(500)])
    sizes = store.sizes()
    assert set(METADATA.tables) <= set(sizes)
    assert sizes["content"] > 500 * 500
    store.close()
    assert abs(sum(sizes.values()) - (tmp_path / "store.db").stat().st_size) <= 2 * 4096


# --- content once


def test_what_repeats_is_kept_once(store: SqlStore, tmp_path: Path, made) -> None:
    answer = {"rows": ["row"] * 200}
    tools = [{"name": f"tool {n}", "description": "x" * 100} for n in range(20)]
    said = [{"role": "user", "parts": [{"type": "text", "content": "hello"}]}]
    spans = []
    for n in range(20):
        asked = {semconv.INPUT_MESSAGES: list(said), semconv.TOOL_DEFINITIONS: tools}
        spans.append(made.span(2 * n, **asked))
        spans.append(made.span(2 * n + 1, **{semconv.TOOL_RESULT: answer}))
        said.append({"role": "tool", "parts": [{"type": "tool_call_response", "id": f"c{n}", "response": answer}]})
    store.append(spans)
    assert store.read([made.TRACE])[0] == spans
    path = tmp_path / "store.db"
    assert rows(path, "SELECT count(*) FROM history") == [(20,)]
    # 20 messages, the tools, the answer, and the names and resource of the spans
    assert rows(path, "SELECT count(*) FROM content") == [(20 + 2 + 3,)]
    big = rows(path, "SELECT length(data) FROM content WHERE length(data) > 1000 ORDER BY 1")
    assert big == [
        (len('{"rows":[' + '"row",' * 200) - 1 + 2,),
        (len(tools) * len('{"name":"tool 0","description":""},') + 10 + 2_000 + 1,),
    ]


def test_what_spans_share_is_one_object_when_it_is_read(store: SqlStore, made) -> None:
    said = [{"role": "user", "parts": [{"type": "text", "content": "x"}]}, {"role": "user", "parts": []}]
    store.append([made.span(1, **{semconv.INPUT_MESSAGES: said[:1]}), made.span(2, **{semconv.INPUT_MESSAGES: said})])
    first, second = store.read([made.TRACE])[0]
    assert first.attributes[semconv.INPUT_MESSAGES][0] is second.attributes[semconv.INPUT_MESSAGES][0]
    assert first.resource is second.resource


# --- trajectories of other versions


@pytest.mark.parametrize("before", ["", "$", "$" * 63, "$" * 64, "$" * 500, "5 $agenteval", '"$agenteval"'])
def test_a_value_that_json_cannot_hold_is_found_behind_any_number_of_dollars(store: SqlStore, before: str) -> None:
    for settings in (
        {"price": before, "integer": 2**80},
        {"price": before, "$agenteval": ["i", "1"], "infinite": [float("inf")]},
        {"price": before, "paid": {"$agentevals": before}},
    ):
        store.put_run(Run(id="r", kind="import", created_at="2026-01-01T00:00:00+00:00", settings=settings))
        assert store.run("r").settings == settings


def test_each_version_of_the_assembler_reads_its_own_and_else_the_last(tmp_path: Path, made) -> None:
    path = tmp_path / "store.db"
    old = SqlStore(path, assembler="1")
    old.put_trials((made.trial(n), made.trajectory(n), None) for n in range(2))
    new = SqlStore(path, assembler="2")
    assert list(old.outdated(Query())) == []
    assert [trial.repeat for trial in new.outdated(Query())] == [0, 1]
    assert [trajectory.agent for _, trajectory in new.trajectories(Query())] == ["careful", "careful"]
    new.keep(replace(made.trajectory(0), agent="again"))
    assert [trial.repeat for trial in new.outdated(Query(run="run"))] == [1]
    assert [trajectory.agent for _, trajectory in new.trajectories(Query())] == ["again", "careful"]
    assert [trajectory.agent for _, trajectory in old.trajectories(Query())] == ["careful", "careful"]
    assert new.trajectory("0" * 32).agent == "again"
    assert old.trajectory("0" * 32).agent == "careful"
    third = SqlStore(path, assembler="3")
    assert [trajectory.agent for _, trajectory in third.trajectories(Query())] == ["again", "careful"]
    for one in (old, new, third):
        one.close()


# --- failures


def test_a_full_disk_loses_nothing_that_was_there(store: SqlStore, tmp_path: Path, made) -> None:
    store.append([made.span(1, text="kept" * 500)])
    store.put_trial(made.trial(), made.trajectory())
    before = store.read([made.TRACE])
    with store._db.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 4}")
    many = [made.span(n, text=f"{n}" * 3_000) for n in range(2, 200)]
    full = r"store\.db: the disk is full: free some space and repeat; nothing was half written"
    with pytest.raises(StoreError, match=full):
        store.append(many)
    with pytest.raises(StoreError, match=full):
        _label_and_append(store, many)
    assert store.read([made.TRACE]) == before
    assert list(store.labels(Query())) == []
    with store._db.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert store.append(many).new == len(many)
    store.close()
    assert rows(tmp_path / "store.db", "PRAGMA integrity_check") == [("ok",)]
    reopened = SqlStore(tmp_path / "store.db")
    assert reopened.read([made.TRACE])[0] == [*before[0], *many]
    assert len(list(reopened.trajectories(Query()))) == 1
    reopened.close()


def _label_and_append(store: SqlStore, spans: list[Span]) -> None:
    with store.batch():
        store.put_label(Label(trajectory="0" * 32, criterion="reward@1", value=1, rater="file"))
        store.append(spans)


def test_a_batch_is_refused_where_a_part_of_it_failed_unseen(store: SqlStore, made) -> None:
    with pytest.raises(StoreError, match="a part of this batch failed, so nothing of it was kept"):
        _append_and_swallow(store, made)
    assert store.read([made.TRACE]) == ([], [])
    assert list(store.trials(Query())) == []


def _append_and_swallow(store: SqlStore, made) -> None:
    with store.batch():
        store.append([made.span(1)])
        with pytest.raises(ValueError, match="half way"):
            store.put_trials(_half_way(made))


def _half_way(made):
    yield made.trial(), None, None
    raise ValueError("half way")


def test_a_value_that_is_refused_spoils_nothing_else_of_a_batch(store: SqlStore, made) -> None:
    deep: list = []
    for _ in range(300):
        deep = [deep]
    with store.batch():
        store.append([made.span(1, text="y" * 500)])
        with pytest.raises(StoreError, match="nested more than 200 levels deep"):
            store.append([made.span(2, text="z" * 500), made.span(3, deep=deep)])
        with pytest.raises(
            StoreError, match=r"cannot store <object object.*\(object\); allowed are JSON values and bytes"
        ):
            store.append([made.span(4, odd=object())])
        with pytest.raises(StoreError, match=r"cannot store the key 1 \(int\); keys are text"):
            store.append([made.span(5, odd={1: b""})])
        store.append([made.span(6, text="z" * 500)])
    assert [span.start_ns for span in store.read([made.TRACE])[0]] == [1, 6]


def test_a_closed_store_says_so(store: SqlStore, made) -> None:
    store.close()
    for act in (lambda: store.append([made.span(1)]), lambda: store.read([made.TRACE]), store.runs):
        with pytest.raises(StoreError, match=r"store\.db: the store is closed; open it again"):
            act()


def test_another_writer_is_waited_for_and_then_told_of(store: SqlStore, tmp_path: Path, made) -> None:
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with store._db.engine.connect() as connection:
        connection.connection.driver_connection.execute("PRAGMA busy_timeout = 10")
    store._db._writer.connection.driver_connection.execute("PRAGMA busy_timeout = 10")
    with pytest.raises(StoreError, match=r"store\.db: another process has been writing for 30 seconds"):
        store.append([made.span(1)])
    assert store.read([made.TRACE]) == ([], [])  # readers do not wait
    other.execute("COMMIT")
    other.close()
    assert store.append([made.span(1)]).new == 1


# --- others at work


WRITE_PAIRS = """
import sys
from agenteval.core.span import Span
from agenteval.store.sql import SqlStore
store = SqlStore(sys.argv[1])
for n in range(150):
    store.append([
        Span(trace_id="ab" * 16, span_id=f"{2 * n + k:016x}", name="x", start_ns=n, end_ns=n, attributes={"t": f"{n}" * 300})
        for k in range(2)
    ])
store.close()
"""


def test_other_processes_see_whole_transactions(store: SqlStore, tmp_path: Path, made) -> None:
    writing = subprocess.Popen([sys.executable, "-c", WRITE_PAIRS, str(tmp_path / "store.db")])
    counts = []
    while writing.poll() is None:
        counts.append(len(store.read([made.TRACE])[0]))
    assert writing.returncode == 0
    assert [count for count in counts if count % 2] == []
    assert counts == sorted(counts)
    assert len(store.read([made.TRACE])[0]) == 300


def test_two_processes_may_write_in_turns(store: SqlStore, tmp_path: Path, made) -> None:
    """Each takes numbers for contents that the other may have kept meanwhile."""
    writing = subprocess.Popen([sys.executable, "-c", WRITE_PAIRS, str(tmp_path / "store.db")])
    mine = []
    for n in itertools.count(1_000):
        mine.append(made.span(n, t=f"{n % 150}" * 300, own=n))
        store.append(mine[-1:])
        if writing.poll() is not None:
            break
    assert writing.returncode == 0
    found = store.read([made.TRACE])[0]
    assert found[300:] == mine
    assert [span.attributes["t"] for span in found[:300]] == [f"{n}" * 300 for n in range(150) for _ in range(2)]
    store.close()
    assert rows(tmp_path / "store.db", "PRAGMA integrity_check") == [("ok",)]


def test_a_thread_waits_for_the_batch_of_another(store: SqlStore, made) -> None:
    order = []
    waiting = threading.Event()

    def write() -> None:
        waiting.set()
        store.append([made.span(2)])
        order.append("other")

    with store.batch():
        thread = threading.Thread(target=write)
        thread.start()
        waiting.wait()
        store.append([made.span(1)])
        order.append("batch")
    thread.join()
    assert order == ["batch", "other"]
    assert len(store.read([made.TRACE])[0]) == 2


# --- flat memory


def test_reading_trajectories_takes_no_more_memory_for_more_of_them(store: SqlStore) -> None:
    def trajectories(count: int):
        for number in range(count):
            steps = tuple(
                Step(id=f"s{n}", index=n, content=ToolCall(name="look", result={"text": f"{number} {n} " * 200}))
                for n in range(10)
            )
            yield number, Trajectory(id=f"{number:032x}", steps=steps, end=End(start_state=f"{number}"))

    peaks = []
    for run, count in (("few", 100), ("many", 800)):
        from agenteval.core.outcome import Trial

        store.put_trials(
            (
                Trial(
                    run=run,
                    scenario="s",
                    scenario_hash="h",
                    agent="a",
                    repeat=number,
                    seed=0,
                    status="completed",
                    trajectory=trajectory.id,
                ),
                trajectory,
                {"large": f"{number}" * 2_000},
            )
            for number, trajectory in trajectories(count)
        )
        gc.collect()
        tracemalloc.start()
        assert sum(1 for _ in store.trajectories(Query(run=run))) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]
