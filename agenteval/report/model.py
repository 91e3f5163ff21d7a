"""A run in, its report as one JSON document out. Text, HTML and JUnit are views of it.

The schema is `traces/schema/report.v1.json`. Every rate has an interval, the count that it rests on, and what was left
out. Where a run holds several agents, the figures at the top pool them (each agent on each scenario is a unit of its
own for pass@k and pass^k), and `agents` holds each by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from agenteval import __version__
from agenteval.core.outcome import Finding, Interval, Run, Score, Trial
from agenteval.core.ports import TraceStore
from agenteval.stats import over_scenarios, pass_rate, wilson

SCHEMA = "report.v1"
MAX_REASON = 2_000


@dataclass(frozen=True, slots=True)
class Row:
    """One trial with its score."""

    trial: Trial
    score: Score


def build(store: TraceStore, run_id: str, *, confidence: float = 0.95) -> dict[str, Any]:
    """The report of a run.

    Args:
        store: Where the run is kept.
        run_id: Its id, a unique prefix of it, or `latest`.
        confidence: Level of every interval.

    Raises:
        NotFound: There is no such run.
    """
    run = store.run(run_id)
    rows = [Row(trial, score) for trial, score in store.outcomes(run.id)]
    agents = list(dict.fromkeys([*run.agents, *(row.trial.agent for row in rows)]))
    return {
        "schema": SCHEMA,
        "agenteval": __version__,
        "run": _run(run),
        "confidence": confidence,
        **_figures(rows, lambda row: f"{row.trial.scenario}\x00{row.trial.agent}", confidence),
        "agents": [
            {"agent": agent, **_figures(_of(rows, agent), lambda row: row.trial.scenario, confidence)}
            for agent in agents
        ],
        "scenarios": _scenarios(rows, confidence),
        "checks": _checks(rows, confidence),
        "trials": [_trial(row) for row in rows],
    }


def _of(rows: Iterable[Row], agent: str) -> list[Row]:
    return [row for row in rows if row.trial.agent == agent]


def _run(run: Run) -> dict[str, Any]:
    return {**asdict(run), "agents": list(run.agents), "settings": dict(run.settings)}


def interval(value: Interval) -> dict[str, Any]:
    """An interval as JSON."""
    return asdict(value)


# --- figures of a set of trials


def _figures(rows: Sequence[Row], unit: Callable[[Row], str], confidence: float) -> dict[str, Any]:
    """Rates, pass@k, pass^k, statuses and usage of some trials."""
    clusters = _counts(rows, lambda row: row.trial.scenario)
    units = _counts(rows, unit)
    left_out = sum(1 for row in rows if row.score.passed is None)
    at_k, hat_k = (
        over_scenarios(units, "at", confidence=confidence),
        over_scenarios(units, "hat", confidence=confidence),
    )
    return {
        "trials_total": len(rows),
        "pass_rate": interval(pass_rate(clusters, left_out=left_out, confidence=confidence)),
        "pass_at_k": _by_k(at_k.by_k),
        "pass_hat_k": _by_k(hat_k.by_k),
        "k_limited_by": [name.partition("\x00")[0] for name in hat_k.limited_by],
        "statuses": dict(Counter(row.trial.status for row in rows)),
        "scores": dict(Counter(_conclusion(row.score) for row in rows)),
        "metric": _metric(rows),
        "seconds": _total(row.trial.seconds for row in rows),
    }


def _by_k(by_k: Mapping[int, Interval]) -> dict[str, Any]:
    return {str(k): interval(value) for k, value in by_k.items()}


def _counts(rows: Iterable[Row], unit: Callable[[Row], str]) -> dict[str, tuple[int, int]]:
    """Passed and counted trials of each unit; a unit of which nothing was counted stays, with (0, 0)."""
    counts: dict[str, tuple[int, int]] = {}
    for row in rows:
        passed, counted = counts.get(unit(row), (0, 0))
        if row.score.passed is not None:
            passed, counted = passed + int(row.score.passed), counted + 1
        counts[unit(row)] = (passed, counted)
    return counts


def _conclusion(score: Score) -> str:
    if score.passed is not None:
        return "passed" if score.passed else "failed"
    return score.status if score.status != "scored" else "not_asked"


def _metric(rows: Sequence[Row]) -> dict[str, Any]:
    """Mean of the weighted metrics, and over how many trials."""
    values = [row.score.metric for row in rows if row.score.metric is not None]
    return {"mean": sum(values) / len(values) if values else None, "counted": len(values)}


def _total(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


# --- per scenario, per check


def _scenarios(rows: Sequence[Row], confidence: float) -> list[dict[str, Any]]:
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row.trial.scenario, []).append(row)
    return [
        {
            "scenario": scenario,
            **_one_rate(members, confidence),
            "agents": {
                agent: _one_rate(_of(members, agent), confidence)
                for agent in dict.fromkeys(row.trial.agent for row in members)
            },
        }
        for scenario, members in sorted(grouped.items())
    ]


def _one_rate(rows: Sequence[Row], confidence: float) -> dict[str, Any]:
    counted = [row for row in rows if row.score.passed is not None]
    rate = wilson(
        sum(1 for row in counted if row.score.passed),
        len(counted),
        confidence=confidence,
        left_out=len(rows) - len(counted),
    )
    return {"pass_rate": interval(rate), "statuses": dict(Counter(row.trial.status for row in rows))}


@dataclass(slots=True)
class _Tally:
    title: str
    role: str
    verdicts: Counter[str] = field(default_factory=Counter[str])
    reasons: Counter[str] = field(default_factory=Counter[str])
    by_scenario: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    not_activated: int = 0
    values: list[float] = field(default_factory=list[float])


def _checks(rows: Sequence[Row], confidence: float) -> list[dict[str, Any]]:
    """Each check of each agent: how often it held, with the interval; what never activated is outside its rate."""
    tallies: dict[tuple[str, str], _Tally] = {}
    for row in rows:
        for finding in row.score.findings:
            tally = tallies.setdefault((row.trial.agent, finding.check), _Tally(finding.title, finding.role))
            _count(tally, row.trial.scenario, finding)
    return [
        {
            "agent": agent,
            "check": check,
            "title": tally.title,
            "role": tally.role,
            "verdicts": dict(tally.verdicts),
            "reason_codes": dict(tally.reasons),
            "not_activated": tally.not_activated,
            "pass_rate": interval(
                pass_rate(
                    tally.by_scenario,
                    left_out=tally.verdicts["unknown"] + tally.not_activated + tally.verdicts["not_asked"],
                    confidence=confidence,
                )
            ),
            "mean_value": sum(tally.values) / len(tally.values) if tally.values else None,
        }
        for (agent, check), tally in sorted(tallies.items())
    ]


def _count(tally: _Tally, scenario: str, finding: Finding) -> None:
    asked = finding.reason_code != "not_asked"
    tally.verdicts[finding.verdict if asked else "not_asked"] += 1
    tally.reasons[finding.reason_code] += 1
    if finding.measure is not None and finding.measure.value is not None:
        tally.values.append(finding.measure.value)
    if finding.reason_code == "not_activated":
        tally.not_activated += 1
    elif asked and finding.verdict != "unknown":
        passed, counted = tally.by_scenario.get(scenario, (0, 0))
        tally.by_scenario[scenario] = (passed + int(finding.verdict == "pass"), counted + 1)


def _trial(row: Row) -> dict[str, Any]:
    trial, score = row.trial, row.score
    return {
        "trajectory": trial.trajectory,
        "scenario": trial.scenario,
        "agent": trial.agent,
        "repeat": trial.repeat,
        "attempt": trial.attempt,
        "seed": trial.seed,
        "status": trial.status,
        "error": trial.error,
        "fault_of": trial.fault_of,
        "seconds": trial.seconds,
        "conclusion": _conclusion(score),
        "passed": score.passed,
        "metric": score.metric,
        "coverage": score.coverage,
        "findings": [finding_json(finding) for finding in score.findings],
    }


def finding_json(finding: Finding) -> dict[str, Any]:
    """A finding as JSON, its reason bounded."""
    data = asdict(finding)
    data["steps"] = list(finding.steps)
    data["evidence"] = dict(finding.evidence)
    if len(finding.reason) > MAX_REASON:
        data["reason"] = finding.reason[: MAX_REASON - 1] + "…"
    return data
