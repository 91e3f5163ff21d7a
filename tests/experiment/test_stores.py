"""Trajectories that an older assembler made are assembled again from their spans when they are looked at."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import agenteval
from agenteval.core import semconv as s
from agenteval.core.outcome import Run, Trial
from agenteval.core.ports import Query, TraceStore
from agenteval.core.span import Span
from agenteval.core.trajectory import End, ToolCall, Trajectory
from agenteval.core.used import Used
from agenteval.experiment import stores
from agenteval.experiment.scoring import score_run
from agenteval.intake.checkfiles import load_checks
from agenteval.report.html import write
from agenteval.store import opening
from agenteval.telemetry.assemble import VERSION, trajectory_of

OLDER = "0"
START = {"orders": {"1": "open"}}


def spans(number: int) -> list[Span]:
    def span(at: int, **values: Any) -> Span:
        trace, scope = f"{number:032x}", {"name": "agenteval"}
        return Span(trace_id=trace, span_id=f"{at:016x}", start_ns=at, end_ns=10 - at, scope=scope, **values)

    counted = {s.SOURCE: "harness", s.SPANS_STARTED: 2, s.SPANS_ENDED: 2, s.START_STATE: "1" * 64}
    found = {s.OPERATION: s.EXECUTE_TOOL, s.TOOL_NAME: "find", s.TOOL_ARGUMENTS: {}, s.TOOL_RESULT: '{"status": "ok"}'}
    return [
        span(1, name="trial", attributes=counted),
        span(2, name="execute_tool find", parent_id=f"{1:016x}", attributes=found),
    ]


def trial(number: int) -> Trial:
    return Trial(
        run="r", scenario="s", scenario_hash="h", agent="a", repeat=number, seed=0, status="completed",
        trace_ids=(f"{number:032x}",), trajectory=f"{number:032x}",
    )  # fmt: skip


def as_it_was(trajectory: Trajectory) -> Trajectory:
    """The trajectory as the first assembler made it: a tool's answer stayed the text that it was."""
    step, call = trajectory.of(ToolCall)[0]
    steps = list(trajectory.steps)
    steps[step.index] = replace(step, content=replace(call, result='{"status": "ok"}'))
    return replace(trajectory, steps=tuple(steps))


def results(store: TraceStore) -> list[Any]:
    return [trajectory.of(ToolCall)[0][1].result for _, trajectory in store.trajectories(Query())]


def fill(store: TraceStore, count: int) -> None:
    store.put_run(Run(id="r", kind="execution", created_at="2026-01-01T00:00:00+00:00", agents=("a",)))
    for number in range(count):
        store.append(spans(number))
        store.put_trial(trial(number), as_it_was(trajectory_of(spans(number))), state=START)


@pytest.fixture
def older(tmp_path: Path) -> Callable[[int], Path]:
    """Makes a store of so many trials, as an older version left it."""

    def make(count: int) -> Path:
        path = tmp_path / "store.db"
        store = opening.open_store(path, assembler=OLDER)
        fill(store, count)
        store.close()
        return path

    return make


@pytest.mark.parametrize("name", ["memory:", "here.db"])
def test_what_is_put_into_an_opened_store_is_of_the_assembler_of_today(tmp_path: Path, name: str) -> None:
    store = agenteval.open_store(name if name == "memory:" else tmp_path / name)
    store.put_trial(trial(0), trajectory_of(spans(0)))
    assert list(store.outdated(Query())) == []
    store.close()
    if name != "memory:":
        for version, outdated in ((VERSION, []), ("later", [trial(0)])):
            again = opening.open_store(tmp_path / name, assembler=version)
            assert list(again.outdated(Query())) == outdated
            again.close()


def test_scoring_looks_at_what_the_assembler_of_today_makes(older: Callable[[int], Path], tmp_path: Path) -> None:
    path = older(501)  # more than one commit, and more than one page of a store
    (tmp_path / "checks.yaml").write_text(
        "checks:\n  - calls: [{tool: find, result: {status: ok}}]\n  - {state: {orders.1: open}, id: state}\n"
    )
    store = agenteval.open_store(path)
    assert set(results(store)) == {'{"status": "ok"}'}
    summary = score_run(store, "latest", load_checks(tmp_path / "checks.yaml"))
    assert summary.scored == 501
    assert {score.passed for _, score in store.outcomes(summary.run.id)} == {True}
    assert results(store) == [{"status": "ok"}] * 501
    assert list(store.outdated(Query())) == []
    store.close()
    old = opening.open_store(path, assembler=OLDER)
    assert results(old) == ['{"status": "ok"}'] * 501  # what was made then stays beside it
    old.close()


def test_only_what_is_looked_at_is_assembled_again(older: Callable[[int], Path]) -> None:
    store = agenteval.open_store(older(3))
    assert stores.trajectory(store, f"{1:032x}").of(ToolCall)[0][1].result == {"status": "ok"}
    assert [one.repeat for one in store.outdated(Query())] == [0, 2]
    assert stores.assemble_again(store, Query(trajectory=f"{1:032x}")) == 0
    assert stores.assemble_again(store, Query()) == 2
    assert stores.trajectory(store, f"{2:032x}").start == START
    store.close()


def test_what_a_trial_used_is_counted_again_with_it(older: Callable[[int], Path]) -> None:
    path = older(2)
    old = opening.open_store(path, assembler=OLDER)
    kept = replace(trial(0), used=Used(tool_calls=9))
    old.put_trial(kept, None)
    old.close()
    store = agenteval.open_store(path)
    assert list(store.trials(Query())) == [kept, trial(1)]
    stores.assemble_again(store, Query())
    assert list(store.trials(Query())) == [replace(trial(number), used=Used(tool_calls=1)) for number in range(2)]
    assert list(store.attempts(Query())) == list(store.trials(Query()))
    store.close()


def test_a_trajectory_without_spans_stays_as_it_was(older: Callable[[int], Path]) -> None:
    path = older(1)
    bare = Trajectory(id=f"{7:032x}", end=End(reason="completed"))
    old = opening.open_store(path, assembler=OLDER)
    old.put_trial(trial(7), bare)
    old.close()
    store = agenteval.open_store(path)
    assert [found.id for _, found in stores.trajectories(store, Query())] == [f"{0:032x}", bare.id]
    assert stores.trajectory(store, bare.id) == bare
    assert [one.repeat for one in store.outdated(Query())] == [7]
    store.close()


def test_contents_that_were_refused_since_count_when_it_is_assembled_again(older: Callable[[int], Path]) -> None:
    store = agenteval.open_store(older(1))
    store.append([replace(spans(0)[1], name="something else")])
    assert stores.trajectory(store, f"{0:032x}").integrity.repeated == 1
    store.close()


def test_a_report_shows_what_the_assembler_of_today_makes(older: Callable[[int], Path], tmp_path: Path) -> None:
    store = agenteval.open_store(older(2))
    store.record("r", f"{0:032x}", [], agenteval.score([]))
    write(agenteval.build_report(store, "r"), store, tmp_path / "report.html")
    assert list(store.outdated(Query())) == []
    store.close()


def test_the_command_line_shows_what_the_assembler_of_today_makes(older: Callable[[int], Path]) -> None:
    command = [sys.executable, "-m", "agenteval", "show", "0", "--store", str(older(1)), "--json"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert '"result": {\n        "status": "ok"\n      }' in shown


def test_trajectories_are_made_anew_from_their_spans_whatever_version_made_them(older: Callable[[int], Path]) -> None:
    store = agenteval.open_store(older(3))
    seen: list[int] = []
    assert stores.reassemble(store, Query(), on_progress=seen.append) == 3
    assert seen == [3]
    assert results(store) == [{"status": "ok"}] * 3
    store.keep(as_it_was(trajectory_of(spans(1))))  # as a dialect of this version that has been mended since made it
    assert results(store).count('{"status": "ok"}') == 1
    assert stores.assemble_again(store, Query()) == 0
    assert stores.reassemble(store, Query(run="r")) == 3
    assert results(store) == [{"status": "ok"}] * 3
    assert stores.reassemble(store, Query(run="another")) == 0
    store.close()


def test_the_verb_says_how_many(older: Callable[[int], Path]) -> None:
    path = older(2)
    for given, said in (((), "2 trajectories assembled"), (("--json",), '"assembled": 2')):
        command = [sys.executable, "-m", "agenteval", "reassemble", "--store", str(path), *given]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert said in done.stdout
