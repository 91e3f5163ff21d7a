"""What was run, what checks concluded, and what it adds up to. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from agenteval.core.json import Json
from agenteval.core.used import Used

Verdict: TypeAlias = Literal["pass", "fail", "unknown"]
CheckRole: TypeAlias = Literal["gate", "safety", "metric"]
TrialStatus: TypeAlias = Literal["completed", "limit", "agent_error", "diverged", "invalid"]
ScoreStatus: TypeAlias = Literal["scored", "undecided", "invalid"]
RunKind: TypeAlias = Literal["execution", "import", "scoring", "production"]

ReasonCode: TypeAlias = Literal[
    # held or violated
    "held",
    "not_activated",
    "missing",
    "forbidden",
    "too_many",
    "too_few",
    "out_of_order",
    "mismatch",
    "unexpected",
    "state_differs",
    "not_said",
    "over_budget",
    "tool_error",
    "loop",
    "agent_error",
    "recorded",
    # asked and not answered
    "empty",
    "no_telemetry",
    "gap",
    "sampled",
    "never_offered",
    "not_recorded",
    "content_off",
    "evicted",
    "redacted",
    "cut",
    "no_state",
    "not_measured",
    "timeout",
    "check_error",
    "unavailable",
    # not asked
    "not_asked",
]
"""The closed list of reasons. Later versions add to it, and never change a meaning."""

COUNTED: frozenset[str] = frozenset({"completed", "limit", "agent_error"})
"""Statuses of trials that are scored; those that ended otherwise are left out of every rate."""

ASSUMED = "assume_complete"
"""Setting of a run that took trajectories whose spans nobody counted to be complete."""

GATING: frozenset[str] = frozenset({"gate", "safety"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A graded answer.

    Attributes:
        value: The figure; None where it was not measured.
        unit: Such as `calls`, `tokens`, `seconds`, `usd`, or empty.
        scale: Lowest and highest possible value; None where unbounded.
        better: Which direction is better.
    """

    name: str
    value: float | None
    unit: str = ""
    scale: tuple[float, float] | None = None
    better: Literal["higher", "lower"] = "higher"
    probability: float | None = None
    probability_source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check concluded, and where.

    Attributes:
        check: The check's id in the scenario: given, or its name and a hash of its arguments.
        title: The check as a reader would write it in one line.
        verdict: `pass`, `fail`, or `unknown` (asked and not answered).
        steps: Ids of the steps that it rests on. A `fail` names at least one, or says that nothing happened.
        vacuous: The rule held only because nothing activated it.
        activations: How often the rule applied; None where the notion does not fit.
        evidence: What was expected and what happened, for readers: `expected`, `actual`, `diff`, `witness`.
    """

    check: str
    verdict: Verdict
    reason_code: ReasonCode
    reason: str
    title: str = ""
    check_version: str = "1"
    role: CheckRole = "gate"
    weight: float = 1.0
    steps: tuple[str, ...] = ()
    vacuous: bool = False
    activations: int | None = None
    measure: Measure | None = None
    evidence: Mapping[str, Json] = field(default_factory=dict[str, Json])


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A trial's result from its findings.

    Attributes:
        status: `scored`; `undecided` where a gate or safety check is unknown; `invalid` where the trial is.
        passed: None unless scored.
        metrics: Name of each metric check to its value in [0, 1], or None where it was not measured.
        coverage: Share of the metric weight that was measured; None where there are no metrics.
    """

    status: ScoreStatus
    passed: bool | None
    metrics: Mapping[str, float | None] = field(default_factory=dict[str, float | None])
    metric: float | None = None
    coverage: float | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A rate or mean, with what it came from.

    Attributes:
        estimate: None where nothing was counted; never NaN.
        low: Lower end; None where no interval is defined.
        high: Upper end; None where no interval is defined.
        method: Name of the method, such as `wilson` or `clustered`.
        confidence: Level, such as 0.95.
        counted: How many units it rests on.
        left_out: How many units were left out, whatever the reason.
        clusters: How many clusters (scenarios) those units fall into; None where not clustered.
    """

    estimate: float | None
    low: float | None
    high: float | None
    method: str
    confidence: float = 0.95
    counted: int = 0
    left_out: int = 0
    clusters: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution, import or scoring."""

    id: str
    kind: RunKind
    created_at: str
    suite: str | None = None
    suite_hash: str | None = None
    agents: tuple[str, ...] = ()
    settings: Mapping[str, Json] = field(default_factory=dict[str, Json])
    parent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One run of one scenario by one agent.

    Attributes:
        repeat: Zero-based repeat of the scenario.
        attempt: Zero-based; above 0 where an earlier attempt was invalid and was tried again.
        status: `completed`, `limit` and `agent_error` are scored; `diverged` and `invalid` are left out.
        trajectory: Id of its trajectory; None where it never started.
        error: What went wrong, in one line; never holds a secret.
        fault_of: `agent`, `harness`, `world`, `user`, `model` or `scenario`, where there is an error.
        used: Calls, tokens and price; None where it has no trajectory, or where whoever stored it did not count.
    """

    run: str
    scenario: str
    scenario_hash: str
    agent: str
    repeat: int
    seed: int
    status: TrialStatus
    attempt: int = 0
    trace_ids: tuple[str, ...] = ()
    trajectory: str | None = None
    error: str | None = None
    fault_of: str | None = None
    seconds: float | None = None
    used: Used | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a person or a trusted outcome said of a trajectory.

    Attributes:
        criterion: Id and version of what was labelled, such as `reward@1`.
        scale: Lowest and highest possible value, or the names allowed.
        value: The value; None where the rater left it open.
        rater: A person, or the file that recorded it.
    """

    trajectory: str
    criterion: str
    value: Json
    rater: str
    scale: Json = None
    inclusion_probability: float | None = None
    blinded: bool | None = None
    batch: str | None = None
    at: str | None = None
    note: str | None = None
