"""A run in, its report as one JSON document out. Text, HTML and JUnit are views of it.

The schema is `traces/schema/report.v1.json`. Every rate has an interval, the count that it rests on, and what was left
out; what was not measured is null, never 0. Where a run holds several agents, the figures at the top pool them (each
agent on each scenario is a unit of its own for pass@k and pass^k, clustered by scenario), and `agents` holds each by
itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast, get_args

import orjson

from agenteval._util.version import __version__
from agenteval.core.outcome import ASSUMED, Finding, Measure, Run, Score, Trial, TrialStatus
from agenteval.core.ports import TraceStore
from agenteval.core.sandbox import LOCAL, WARNING
from agenteval.report.use import interval, use, with_use
from agenteval.report.visible import natural, storable
from agenteval.stats import clustered_mean, over_scenarios, pass_at_k, pass_hat_k, pass_rate, wilson

SCHEMA = "report.v1"
MAX_REASON = 2_000
CONCLUSIONS = ("passed", "failed", "undecided", "invalid", "not_asked")
VERDICTS = ("pass", "fail", "unknown", "not_asked")
_STATUSES: tuple[str, ...] = get_args(TrialStatus)

_Counts = dict[str, tuple[int, int]]


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
    outcomes = list(store.outcomes(run.id))
    trials = with_use(store, [trial for trial, _ in outcomes], run.parent or run.id)
    rows = [Row(trial, score) for trial, (_, score) in zip(trials, outcomes, strict=True)]
    agents = list(dict.fromkeys([*run.agents, *(row.trial.agent for row in rows)]))
    rows = _ordered(rows, agents)
    document = {
        "schema": SCHEMA,
        "agenteval": __version__,
        "run": {**asdict(run), "agents": list(run.agents)},
        "suite": _suite(run),
        "notices": _notices(run, store),
        "confidence": confidence,
        **_figures(rows, confidence),
        "agents": [{"agent": agent, **_figures(of, confidence)} for agent, of in _by_agent(rows, agents).items()],
        "scenarios": _scenarios(rows, confidence),
        "checks": _checks(rows, confidence),
        "trials": [_trial(row) for row in rows],
    }
    return _plain(document)


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    """A copy of plain JSON values, whatever a trace held: what no JSON writer takes is replaced."""
    try:
        written = orjson.dumps(document)
    except TypeError:  # lone surrogates, integers beyond 64 bits, mappings that are no dict
        written = orjson.dumps(storable(document))
    return cast("dict[str, Any]", orjson.loads(written))


def _ordered(rows: Iterable[Row], agents: Sequence[str]) -> list[Row]:
    place = {agent: number for number, agent in enumerate(agents)}
    keys = {scenario: natural(scenario) for scenario in {row.trial.scenario for row in rows}}
    return sorted(rows, key=lambda row: (keys[row.trial.scenario], place[row.trial.agent], row.trial.repeat))


def _by_agent(rows: Iterable[Row], agents: Iterable[str] = ()) -> dict[str, list[Row]]:
    return _grouped(rows, lambda row: row.trial.agent, agents)


def _grouped(rows: Iterable[Row], key: Callable[[Row], str], first: Iterable[str] = ()) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {name: [] for name in first}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _suite(run: Run) -> dict[str, Any] | None:
    """The suite's name, and what it claims where the run kept that."""
    if run.suite is None:
        return None
    said: dict[str, Any] = {"id": run.suite, "hash": run.suite_hash}
    for name in ("claims", "does_not_claim"):
        value = run.settings.get(name)
        said[name] = [str(item) for item in value] if isinstance(value, (list, tuple)) else []
    return said


def _notices(run: Run, store: TraceStore) -> list[str]:
    """What has to be known before any figure is read; of a scoring, also that of the run that it judges."""
    ran = run if run.parent is None else store.run(run.parent)
    notices = [WARNING] if ran.settings.get("sandbox") == LOCAL else []
    return [*notices, _ASSUMES] if run.settings.get(ASSUMED) else notices


_ASSUMES = "The checks file says assume_complete: where nobody counted spans, they are taken to be all that there were."


# --- figures of a set of trials


def _figures(rows: Sequence[Row], confidence: float) -> dict[str, Any]:
    """Rates, pass@k, pass^k and counts of some trials."""
    left_out = sum(1 for row in rows if row.score.passed is None)
    by_scenario = _grouped(rows, lambda row: row.trial.scenario)
    rate = pass_rate({name: _passed(of) for name, of in by_scenario.items()}, left_out=left_out, confidence=confidence)
    at_k, limited_by = _repeats(by_scenario, "at", confidence)
    hat_k, _ = _repeats(by_scenario, "hat", confidence)
    return {
        "trials_total": len(rows),
        "pass_rate": interval(rate),
        "pass_at_k": at_k,
        "pass_hat_k": hat_k,
        "k_limited_by": limited_by,
        "statuses": _tally(_STATUSES, (row.trial.status for row in rows)),
        "scores": _tally(CONCLUSIONS, (conclusion(row.score) for row in rows)),
        "metric": _mean({name: [row.score.metric for row in of] for name, of in by_scenario.items()}, confidence),
        "seconds": _total(row.trial.seconds for row in rows),
        "used": use([row.trial for row in rows], confidence),
    }


def _passed(rows: Iterable[Row]) -> tuple[int, int]:
    """Passed and counted trials; (0, 0) where nothing was counted."""
    decided = [row.score.passed for row in rows if row.score.passed is not None]
    return sum(decided), len(decided)


def _repeats(
    by_scenario: Mapping[str, Sequence[Row]], kind: Literal["at", "hat"], confidence: float
) -> tuple[dict[str, Any], list[str]]:
    """pass@k or pass^k by k up to the smallest n, and the scenarios that have it."""
    units = {name: [_passed(of) for of in _by_agent(rows).values()] for name, rows in by_scenario.items()}
    if all(len(counts) == 1 for counts in units.values()):
        found = over_scenarios({name: counts[0] for name, counts in units.items()}, kind, confidence=confidence)
        return {str(k): interval(value) for k, value in found.by_k.items()}, sorted(found.limited_by, key=natural)
    counted = {name: [(c, n) for c, n in counts if n] for name, counts in units.items()}
    smallest = min((n for counts in counted.values() for _, n in counts), default=0)
    left_out = sum(1 for counts in units.values() for _, n in counts if not n)
    one = {"at": pass_at_k, "hat": pass_hat_k}[kind]
    by_k = {
        k: clustered_mean(
            {name: [one(n, c, k) for c, n in counts] for name, counts in counted.items()},
            confidence=confidence,
            left_out=left_out,
        )
        for k in range(1, smallest + 1)
    }
    limited = [name for name, counts in counted.items() if any(n == smallest for _, n in counts)]
    return {str(k): interval(value) for k, value in by_k.items()}, sorted(limited, key=natural)


def conclusion(score: Score) -> str:
    """`passed`, `failed`, `undecided`, `invalid`, or `not_asked` where no gate or safety check was asked."""
    if score.passed is not None:
        return "passed" if score.passed else "failed"
    return score.status if score.status != "scored" else "not_asked"


def _tally(names: Iterable[str], found: Iterable[str]) -> dict[str, int]:
    counts = Counter(found)
    return {**{name: counts.pop(name, 0) for name in names}, **counts}


def _mean(values: Mapping[str, Sequence[float | None]], confidence: float) -> dict[str, Any]:
    """The mean of what was measured, by scenario, with its interval; null where nothing was."""
    known = {name: [value for value in some if value is not None] for name, some in values.items()}
    left_out = sum(len(some) for some in values.values()) - sum(map(len, known.values()))
    shares = all(0 <= value <= 1 for some in known.values() for value in some)
    return interval(
        clustered_mean(known, confidence=confidence, left_out=left_out, bounds=(0.0, 1.0) if shares else None)
    )


def _total(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


# --- per scenario, per check


def _scenarios(rows: Sequence[Row], confidence: float) -> list[dict[str, Any]]:
    return [
        {
            "scenario": scenario,
            **_one_rate(members, confidence),
            "agents": {agent: _one_rate(of, confidence) for agent, of in _by_agent(members).items()},
        }
        for scenario, members in _grouped(rows, lambda row: row.trial.scenario).items()
    ]


def _one_rate(rows: Sequence[Row], confidence: float) -> dict[str, Any]:
    passed, counted = _passed(rows)
    rate = wilson(passed, counted, confidence=confidence, left_out=len(rows) - counted)
    return {
        "passed": passed,
        "pass_rate": interval(rate),
        "statuses": _tally(_STATUSES, (row.trial.status for row in rows)),
    }


@dataclass(slots=True)
class _Tally:
    title: str
    role: str
    verdicts: Counter[str] = field(default_factory=Counter[str])
    reasons: Counter[str] = field(default_factory=Counter[str])
    by_scenario: _Counts = field(default_factory=_Counts)
    not_activated: int = 0
    measure: Measure | None = None
    values: dict[str, list[float | None]] = field(default_factory=dict[str, list[float | None]])


def _checks(rows: Sequence[Row], confidence: float) -> list[dict[str, Any]]:
    """Each check of each agent: how often it held, with the interval; what never activated is outside its rate."""
    tallies: dict[tuple[str, str], _Tally] = {}
    for row in rows:
        for finding in row.score.findings:
            tally = tallies.setdefault((row.trial.agent, finding.check), _Tally(finding.title, finding.role))
            _count(tally, row.trial.scenario, finding)
    ordered = sorted(tallies.items(), key=lambda item: (natural(item[0][1]), item[0][0]))
    return [_check(agent, check, tally, confidence) for (agent, check), tally in ordered]


def _check(agent: str, check: str, tally: _Tally, confidence: float) -> dict[str, Any]:
    verdicts = tally.verdicts
    outside = verdicts["unknown"] + tally.not_activated + verdicts["not_asked"]
    asked = verdicts["pass"] + verdicts["fail"] + verdicts["unknown"]
    return {
        "agent": agent,
        "check": check,
        "title": tally.title,
        "role": tally.role,
        "verdicts": _tally(VERDICTS, verdicts.elements()),
        "reason_codes": dict(tally.reasons),
        "not_activated": tally.not_activated,
        "never_activated": bool(asked) and tally.not_activated == asked,
        "pass_rate": interval(pass_rate(tally.by_scenario, left_out=outside, confidence=confidence)),
        "value": None if tally.measure is None else _mean(tally.values, confidence),
        "unit": None if tally.measure is None else tally.measure.unit,
        "better": None if tally.measure is None else tally.measure.better,
    }


def _count(tally: _Tally, scenario: str, finding: Finding) -> None:
    if finding.title != tally.title:
        tally.title = finding.check  # scenarios share the id for one rule that each writes in its own words
    asked = finding.reason_code != "not_asked"
    tally.verdicts[finding.verdict if asked else "not_asked"] += 1
    tally.reasons[finding.reason_code] += 1
    if finding.measure is not None:
        tally.measure = finding.measure
        tally.values.setdefault(scenario, []).append(finding.measure.value)
    if finding.vacuous or finding.reason_code == "not_activated":
        tally.not_activated += 1
    elif asked and finding.verdict != "unknown":
        passed, counted = tally.by_scenario.get(scenario, (0, 0))
        tally.by_scenario[scenario] = (passed + int(finding.verdict == "pass"), counted + 1)


# --- trials


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
        "conclusion": conclusion(score),
        "passed": score.passed,
        "metric": score.metric,
        "coverage": score.coverage,
        "findings": [finding_json(finding) for finding in score.findings],
    }


def finding_json(finding: Finding) -> dict[str, Any]:
    """A finding as JSON, its reason bounded."""
    data = {name: getattr(finding, name) for name in Finding.__slots__}
    measure = finding.measure
    data["measure"] = None if measure is None else {name: getattr(measure, name) for name in Measure.__slots__}
    if len(finding.reason) > MAX_REASON:
        data["reason"] = finding.reason[: MAX_REASON - 1] + "…"
    return data
