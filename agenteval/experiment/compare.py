"""Two sets of results in, their paired difference out: the same scenarios on both sides, scenario by scenario."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from agenteval._util.names import did_you_mean
from agenteval._util.plain import plain
from agenteval.core.outcome import Score, Trial
from agenteval.core.ports import TraceStore
from agenteval.errors import NotFound, RequestError
from agenteval.stats import paired_difference, pass_rate

SCHEMA = "compare.v1"


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: an agent's results in a run."""

    run: str
    agent: str
    outcomes: tuple[tuple[Trial, Score], ...]

    @property
    def name(self) -> str:
        """`RUN:AGENT`."""
        return f"{self.run}:{self.agent}"


def side(store: TraceStore, named: str) -> Side:
    """The results that a user named: `RUN:AGENT`, `RUN` where it holds one agent, or `AGENT` of the latest run.

    Raises:
        NotFound: There is no such run or agent.
        RequestError: The run holds several agents, and none was named.
    """
    run_id, separator, agent = named.partition(":")
    if not separator:
        latest = next((run for run in reversed(store.runs()) if named in run.agents), None)
        if latest is not None:
            run_id, agent = latest.id, named
    run = store.run(run_id)
    outcomes = tuple(store.outcomes(run.id))
    agents = sorted({trial.agent for trial, _ in outcomes})
    if not agent:
        if len(agents) != 1:
            raise RequestError(
                f"run {run.id} holds {len(agents)} agents ({', '.join(agents)}); name one: {run.id}:AGENT"
            )
        agent = agents[0]
    if agent not in agents:
        raise NotFound(f'run {run.id} holds no agent "{agent}". {did_you_mean(agent, agents)}')
    return Side(run.id, agent, tuple(item for item in outcomes if item[0].agent == agent))


def compare(a: Side, b: Side, *, confidence: float = 0.95) -> dict[str, Any]:
    """The comparison as a JSON document: `difference` is the rate of A minus that of B over the scenarios of both.

    Raises:
        RequestError: The two share no scenario that was counted on both sides.
    """
    counts_a, counts_b = _counts(a.outcomes), _counts(b.outcomes)
    shared = sorted(counts_a.keys() & counts_b.keys())
    if not shared:
        raise RequestError(f"{a.name} and {b.name} share no scenario that was counted on both sides")
    result = paired_difference(counts_a, counts_b, confidence=confidence)
    return {
        "schema": SCHEMA,
        "a": _side(a, counts_a, confidence),
        "b": _side(b, counts_b, confidence),
        "result": plain(result),
        "scenarios": [
            {
                "scenario": name,
                "a": {"passed": counts_a[name][0], "counted": counts_a[name][1]},
                "b": {"passed": counts_b[name][0], "counted": counts_b[name][1]},
            }
            for name in shared
        ],
    }


def _counts(outcomes: Iterable[tuple[Trial, Score]]) -> dict[str, tuple[int, int]]:
    counts: dict[str, tuple[int, int]] = {}
    for trial, concluded in outcomes:
        if concluded.passed is not None:
            passed, counted = counts.get(trial.scenario, (0, 0))
            counts[trial.scenario] = (passed + int(concluded.passed), counted + 1)
    return counts


def _side(named: Side, counts: dict[str, tuple[int, int]], confidence: float) -> dict[str, Any]:
    left_out = sum(1 for _, concluded in named.outcomes if concluded.passed is None)
    rate = pass_rate(counts, left_out=left_out, confidence=confidence)
    return {"run": named.run, "agent": named.agent, "pass_rate": plain(rate)}
