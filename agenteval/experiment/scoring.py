"""Stored trajectories and checks in, a scoring run out. No agent, no harness: what was recorded is judged again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from agenteval._util.ids import new_run_id
from agenteval.checkers.check import Check, all_tools
from agenteval.core.outcome import ASSUMED, COUNTED, Run, Score, Trial
from agenteval.core.ports import Query, TraceStore
from agenteval.core.trajectory import ToolCall, Trajectory
from agenteval.errors import RequestError
from agenteval.evaluation.evaluate import evaluate
from agenteval.evaluation.score import INVALID, score
from agenteval.experiment.run import run_of
from agenteval.experiment.stores import trajectories
from agenteval.intake.checkfiles import CheckFile

_AT_ONCE = 200  # scores committed in one transaction


@dataclass(slots=True)
class ScoringSummary:
    """What a scoring came to."""

    run: Run
    scored: int = 0


def score_run(
    store: TraceStore, run_id: str, checks: CheckFile, *, on_progress: Callable[[int], None] | None = None
) -> ScoringSummary:
    """Score every trajectory of a run that a checks file is about.

    Raises:
        NotFound: There is no such run.
        RequestError: The checks file selects no trajectory of it.
    """
    parent = run_of(store, run_id, kinds={"execution", "import", "production"})
    query = replace(checks.where, run=checks.where.run or parent.id)
    now = datetime.now(UTC)
    run = Run(
        id=new_run_id(now),
        kind="scoring",
        created_at=now.isoformat(timespec="microseconds"),  # it may follow upon the run that it judges within a second
        suite=parent.suite,
        suite_hash=parent.suite_hash,
        agents=parent.agents,
        settings={"checks": checks.digest, **({ASSUMED: True} if checks.assume_complete else {})},
        parent=parent.id,
    )
    summary = ScoringSummary(run=run)
    batch: list[tuple[Trial, Score]] = []
    for judged in judge_all(store, query, checks):
        batch.append(judged)
        if len(batch) == _AT_ONCE:
            _record(store, run, batch, summary, on_progress)
    _record(store, run, batch, summary, on_progress)
    if not summary.scored:
        raise RequestError(f"run {parent.id} has no trajectory that the checks file's `where` selects")
    return summary


def judge_all(store: TraceStore, query: Query, checks: CheckFile) -> Iterator[tuple[Trial, Score]]:
    """What a checks file concludes of each stored trajectory that a query finds; holds one of them at a time."""
    known = known_tools(store, query, checks)
    for trial, trajectory in trajectories(store, query):
        concluded = judge(trial, trajectory, checks, known)
        del trajectory  # its memory serves the next one
        yield trial, concluded


def judge(trial: Trial, trajectory: Trajectory, checks: CheckFile, known: frozenset[str]) -> Score:
    """What a checks file concludes of one stored trajectory."""
    if trial.status not in COUNTED:
        return INVALID
    return score(evaluate(checks.about(trajectory), checks.checks, known_tools=known))


def known_tools(store: TraceStore, query: Query, checks: CheckFile) -> frozenset[str]:
    """Tools that were called or offered in these trajectories: all that the checks name, or else every one.

    A check asks whether a tool that it names is known, and for one that is not, which known names are near. So there
    is nothing more to learn once each that is named was seen, which as a rule is after a few trajectories.
    """
    named = all_tools(check for check in checks.checks if isinstance(check, Check))
    names: set[str] = set()
    if not named:
        return frozenset()
    for _, trajectory in trajectories(store, query):
        names.update(call.name for _, call in trajectory.of(ToolCall))
        names.update(trajectory.offered_tools or ())
        if named <= names:
            break
    return frozenset(names)


def _record(
    store: TraceStore,
    run: Run,
    batch: list[tuple[Trial, Score]],
    summary: ScoringSummary,
    on_progress: Callable[[int], None] | None,
) -> None:
    if not batch:
        return
    with store.batch():
        if not summary.scored:
            store.put_run(run)
        for trial, concluded in batch:
            store.record(run.id, trial.trajectory or "", concluded.findings, concluded)
    summary.scored += len(batch)
    batch.clear()
    if on_progress is not None:
        on_progress(summary.scored)
