"""Stored trajectories are judged again: which tools are known, how far is read to learn it, and what judging leaves."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from agenteval import open_store, parse_checks
from agenteval.core.outcome import Finding, Run, Trial
from agenteval.core.ports import Query
from agenteval.core.trajectory import Trajectory
from agenteval.experiment.scoring import judge, known_tools, score_run
from agenteval.intake.checkfiles import CheckFile
from agenteval.store.memory import MemoryStore
from agenteval.testing import trajectories as lab

MANY = 40


class Counting(MemoryStore):
    """A store that counts the trajectories that it gave out."""

    given = 0

    def trajectories(self, query: Query) -> Iterator[tuple[Trial, Trajectory]]:
        for found in super().trajectories(query):
            self.given += 1
            yield found


def file_of(*items: Any) -> CheckFile:
    return CheckFile(checks=parse_checks(list(items)), where=Query(), digest="x")


def fill(store: Any, tools: Sequence[str]) -> None:
    """A run whose trajectories called one tool each."""
    store.put_run(Run(id="r", kind="import", created_at="2026-01-01T00:00:00+00:00"))
    for n, tool in enumerate(tools):
        trial = Trial(
            run="r",
            scenario=f"{n:03}",
            scenario_hash=f"{n:064x}",
            agent="a",
            repeat=0,
            seed=0,
            status="completed",
            trajectory=f"{n:032x}",
        )
        store.put_trial(trial, replace(lab.trajectory([lab.call(tool)]), id=f"{n:032x}"))


def findings(store: Any, file: CheckFile) -> list[Finding]:
    run = score_run(store, "r", file).run.id
    return [score.findings[0] for _, score in store.outcomes(run)]


@pytest.mark.parametrize("url", ["memory:", "s.db"])
def test_a_tool_that_only_the_last_trajectory_called_is_no_misspelling(url: str, tmp_path: Any) -> None:
    store = open_store(url if url == "memory:" else str(tmp_path / url))
    fill(store, ["look"] * MANY + ["pay"])
    found = findings(store, file_of({"never": "pay"}))
    assert [one.verdict for one in found] == ["pass"] * MANY + ["fail"]
    store.close()


def test_a_misspelt_tool_is_compared_with_the_tools_of_all_trajectories() -> None:
    store = Counting()
    fill(store, ["look"] * MANY + ["issue_refund"])
    found = findings(store, file_of({"never": "isue_refund"}, {"at_most": {"look": 1}}))
    assert {(one.verdict, one.reason_code) for one in found} == {("unknown", "never_offered")}
    assert all('Did you mean "issue_refund"?' in one.reason for one in found)
    assert store.given == 2 * (MANY + 1)


def test_no_more_is_read_than_tells_that_the_tools_are_known() -> None:
    store = Counting()
    fill(store, ["look", "look", "pay"] + ["look"] * MANY)
    query = Query(run="r")
    assert known_tools(store, query, file_of({"never": "pay", "after": "look"})) == {"look", "pay"}
    assert store.given == 3
    inside = file_of({"all": [{"not": {"at_least": {"look": 2}}}, {"no_errors": {}, "when": "look"}]})
    assert known_tools(store, query, inside) == {"look"}
    assert store.given == 4
    assert known_tools(store, query, file_of({"no_errors": {}}, {"budget": {"calls": 2}})) == frozenset()
    assert store.given == 4


def test_judging_leaves_nothing_that_only_a_collection_would_free() -> None:
    checks: list[Any] = [
        {"calls": ["look", "pay"]},
        {"at_most": {"of": "pay", "n": 1, "per": "n"}},
        {"never": "pay", "before": "look"},
        {"no_errors": {}, "each": "turn"},
        {"all": [{"at_least": {"look": 1}}, {"says": "done", "in": {"message": "any"}}]},
        {"budget": {"calls": 1}, "as": "metric"},
    ]
    file = file_of(*checks)
    store = MemoryStore()
    fill(store, ["look", "pay", "other"])
    read = list(store.trajectories(Query(run="r")))
    gc.collect()
    gc.disable()
    try:
        for trial, trajectory in read:
            assert judge(trial, trajectory, file, frozenset()).findings
        assert gc.collect() == 0
    finally:
        gc.enable()
