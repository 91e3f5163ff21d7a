"""Every query that a store offers uses an index, in every database: shown by the plan of each statement."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from agenteval.core import semconv
from agenteval.core.find import FIGURES, NAMES, parse
from agenteval.core.forget import Forget
from agenteval.core.message import text_message
from agenteval.core.outcome import Label, Run, Score
from agenteval.core.ports import Query
from agenteval.core.traces import TraceQuery
from agenteval.core.trajectory import ModelCall, Step, ToolCall, Trajectory, Usage
from agenteval.store import finding, open_store
from agenteval.store.sql import SqlStore

NOW_NS = 1_790_000_000 * 10**9


def filled(name: str, made: Any) -> SqlStore:
    store = open_store(name, assembler="1")
    store.put_run(Run(id="run", kind="execution", created_at="2026"))
    for attempt in (0, 1):
        store.put_trial(made.trial(attempt=attempt), made.trajectory())
    store.put_trial(made.trial(5, trajectory=None), None)
    said = [{"role": "user"}, {"role": "tool"}]
    store.append([made.span(1, **{semconv.INPUT_MESSAGES: said}, text="x" * 999)], project="shop", live=True)
    store.record("run", "0" * 32, (), Score(status="scored", passed=True))
    store.record("run", "", (), Score(status="invalid", passed=None))
    store.put_label(Label(trajectory="0" * 32, criterion="reward@1", value=1, rater="file"))
    for number in range(1, 40):
        contents = (
            text_message("user", "late parcel"),
            ModelCall(model="m", usage=Usage(input_tokens=number, cost_usd=number / 100)),
            ToolCall(name="refund"),
        )
        steps = tuple(
            Step(id=f"{n}", index=n, content=content, start_ns=NOW_NS + number, end_ns=NOW_NS + 2 * number)
            for n, content in enumerate(contents)
        )
        store.keep(Trajectory(id=f"{number:032x}", trace_ids=(made.TRACE,), steps=steps, agent="careful"))
    return store


def ask_everything(store: SqlStore, made: Any) -> None:
    """Every query that a store offers, but those that read a whole table."""
    for name in ("run", "scenario", "agent", "status", "trajectory"):
        query = Query(**{name: "0" * 32})
        for read in (store.trials, store.attempts, store.trajectories, store.outdated, store.labels):
            list(read(query))
    list(store.trials(Query(run="run", scenario="retail/refund", agent="careful", status="completed")))
    list(store.labels(Query(run="run", trajectory="0" * 32)))
    list(store.outcomes("run"))
    store.concluded("0" * 32)
    store.read(["ab" * 16, ""])
    store.conflicts(["ab" * 16])
    store.run("latest")
    store.run("ru")
    store.trajectory("0" * 31 + "1")
    last = store.seen([made.TRACE])[0]
    for states in ((), ("open",), ("open", "reopened")):
        for project in (None, "shop"):
            for newest_first in (True, False):
                store.traces(
                    TraceQuery(
                        states=states, project=project, newest_first=newest_first, after=last, arrived_before_ns=9
                    )
                )
    store.append([made.span(1, other=True), made.span(2, **{semconv.INPUT_MESSAGES: [{"role": "user"}]})])


CONDITIONS = (
    *(f"{name}:x" for name in NAMES),
    *(f"{figure}>0" for figure in FIGURES),
    "tool:refund,other",
    "-tool:refund",
    "since:1000w",
    "until:2030-01-01",
    '"late parcel"',
    "-parcel",
    "",
)


def find_everything(store: SqlStore) -> None:
    """Each condition alone, and each beside a name that many have, a word, a figure and a time; first and later pages."""
    for condition in CONDITIONS:
        for beside in ("", "tool:refund", "parcel", "cost>0", "since:1000w agent:careful"):
            query = parse(f"{condition} {beside}", now_ns=NOW_NS)
            for after in (None, f"{NOW_NS + 20}-20"):
                store.find(query, after=after, limit=3)


@pytest.fixture(params=["sqlite", "postgres"])
def statements(request: pytest.FixtureRequest, tmp_path: Path, made) -> Iterator[Callable[..., list[tuple[str, str]]]]:
    """Asks something of a store; gives each statement that read, with its plan."""
    name = str(tmp_path / "store.db") if request.param == "sqlite" else request.getfixturevalue("postgres")()
    store = filled(name, made)

    def plans(ask: Callable[..., None], *given: Any) -> list[tuple[str, str]]:
        asked: dict[str, object] = {}

        def note(*said: object) -> None:
            _, _, statement, parameters, *_ = said
            if statement.lstrip().upper().startswith(("SELECT", "WITH")):
                asked[statement] = parameters

        event.listen(store._db.engine, "before_cursor_execute", note)
        ask(store, *given)
        event.remove(store._db.engine, "before_cursor_execute", note)
        with store._db.read() as connection:
            plan = sqlite_plan if request.param == "sqlite" else postgres_plan
            return [
                (statement, step) for statement, given in asked.items() for step in plan(connection, statement, given)
            ]

    yield plans
    store.close()


def sqlite_plan(connection: Any, statement: str, parameters: Any) -> list[str]:
    return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]


def postgres_plan(connection: Any, statement: str, parameters: Any) -> list[str]:
    # a table as small as these is read whole whatever there is; where it may not be, an index has to do
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    found = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
    return list(nodes(found[0]["Plan"] if isinstance(found, list) else json.loads(found)[0]["Plan"]))


def nodes(plan: dict[str, Any]) -> Any:
    yield f"{plan['Node Type']} {plan.get('Index Name', plan.get('Relation Name', ''))}"
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def whole(step: str) -> bool:
    """Whether a step reads a table from one end to the other: not constants, not what a recursion found, not an index in
    order of which as much is read as a page takes, and not the one end of an index."""
    if step.startswith("Seq Scan"):
        return not step.endswith(("stale", "pg_class", "pg_namespace", "Seq Scan "))
    in_order = (
        "(run USING (COVERING )?INDEX run_by_time|(fact|trace) USING (COVERING )?INDEX \\w+|stale|said VIRTUAL TABLE)"
    )
    return step.startswith("SCAN") and not re.match(
        rf"SCAN (CONSTANT ROW|above|\(subquery|\d+-|.*-SUBQUERY|{in_order})", step
    )


def test_every_query_uses_an_index(statements, made) -> None:
    found = statements(ask_everything, made)
    assert len({statement for statement, _ in found}) > 30
    assert [(statement, step) for statement, step in found if whole(step)] == []


def test_traces_that_went_quiet_are_found_among_those_that_are_not_closed(statements) -> None:
    found = statements(lambda store: store.traces(TraceQuery(states=("open", "reopened"), arrived_before_ns=9)))
    assert any("trace_by_state" in step for _, step in found)


@pytest.mark.parametrize("few", [0, 1_000], ids=["many meet each condition", "few do"])
def test_whatever_is_found_is_found_by_an_index(statements, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(finding, "FEW", few)
    found = statements(find_everything)
    assert len({statement for statement, _ in found}) > 30
    assert [(statement, step) for statement, step in found if whole(step)] == []


def test_forgetting_by_project_and_trace_reads_no_table_of_spans(statements, made) -> None:
    asked = (Forget(project="shop"), Forget(trace_ids=(made.TRACE,)), Forget(before_ns=5, project="shop"))
    found = statements(lambda store: [store.forget(what, dry_run=True) for what in asked])
    assert [(statement, step) for statement, step in found if whole(step)] == []
