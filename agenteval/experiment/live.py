"""Traces of which nothing more comes in, their trajectories kept and judged out; again where something comes late.

A production run is one for each project and never ends: a conversation is a trial of it. Traces are closed once nothing
new has come of them for a while; what comes after that opens them again, and then their trajectory is made anew and
judged anew. Rules judge what is closed, each trajectory once for each version of the rule's checks.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agenteval._util.canonical import content_hash
from agenteval.core import semconv
from agenteval.core.find import Find, meets
from agenteval.core.outcome import COUNTED, Finding, Run, Score, Trial, TrialStatus
from agenteval.core.ports import Checker, Query, TraceStore
from agenteval.core.traces import TraceQuery, TraceSeen
from agenteval.core.trajectory import ModelCall, ToolCall, Trajectory
from agenteval.core.used import used
from agenteval.errors import NotFound
from agenteval.evaluation.evaluate import evaluate
from agenteval.evaluation.score import INVALID, score
from agenteval.experiment.naming import naming_for, settings_of
from agenteval.store.facts import About, facts_of
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.conversations import Naming

_AT_ONCE = 200  # traces closed in one transaction
_HOUR_NS = 3600 * 10**9
_NOTHING = "no dialect found a model call or a tool call in its spans"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Judges trajectories as they are closed.

    Attributes:
        name: How its runs are called.
        checks: What is asked of each trajectory.
        where: Which trajectories.
        sample: Part of them that is judged, from 0 to 1; the same ones whenever they are closed.
        per_hour: The most that are judged in an hour; None is no bound.
    """

    name: str
    checks: tuple[Checker, ...]
    where: Find = field(default_factory=Find)
    sample: float = 1.0
    per_hour: int | None = None

    @property
    def version(self) -> str:
        """Follows from what its checks ask."""
        return content_hash([check.spec for check in self.checks])[:8]


@dataclass(slots=True)
class Closed:
    """What one look at the store came to.

    Attributes:
        traces: How many were closed.
        trajectories: How many were kept, new or made anew.
        judged: Verdicts of rules: rule, finding.
        left_out: How many trajectories a rule's bound left unjudged.
    """

    traces: int = 0
    trajectories: int = 0
    judged: list[tuple[str, Finding]] = field(default_factory=list[tuple[str, Finding]])
    left_out: int = 0


class Live:
    """Closes traces of a store and judges them.

    Args:
        store: The store that receivers append to.
        quiet_ns: How long nothing may have come of a trace for it to be closed.
        naming: Which attributes name session, user, version and tenant, by project; `*` is every other one.
        rules: What is judged.
        now: The clock, in nanoseconds since the Unix epoch.
    """

    def __init__(
        self,
        store: TraceStore,
        *,
        quiet_ns: int,
        naming: Mapping[str, Naming],
        rules: Sequence[Rule],
        now: Callable[[], int],
    ) -> None:
        self._store = store
        self._quiet_ns = quiet_ns
        self._naming = naming
        self._rules = rules
        self._now = now
        self._judged_at: dict[str, deque[int]] = {rule.name: deque() for rule in rules}

    def close(self) -> Closed:
        """Close the traces that are quiet now, a page of them, in one transaction."""
        now = self._now()
        query = TraceQuery(states=("open", "quiet", "reopened"), arrived_before_ns=now - self._quiet_ns, limit=_AT_ONCE)
        result = Closed()
        quiet = self._store.traces(query)
        if quiet:
            with self._store.batch():
                for project in sorted({seen.project for seen in quiet}):
                    self._close(project, [seen for seen in quiet if seen.project == project], now, result)
        return result

    def _close(self, project: str, quiet: Sequence[TraceSeen], now: int, result: Closed) -> None:
        naming = naming_for(project, self._naming) or Naming()
        run = self._run(project, naming, now)
        ids = [seen.trace_id for seen in quiet]
        spans, logs = self._store.read(ids)
        for trajectory in assemble(spans, logs, naming=naming):
            if not trajectory.steps and not trajectory.runs:
                continue  # a service's other traces
            whole = self._whole(run, trajectory, naming)
            trial = trial_of(run.id, whole)
            self._store.put_trial(trial, whole)
            kept = score(()) if trial.status in COUNTED else INVALID
            self._store.record(run.id, whole.id, kept.findings, kept)
            result.trajectories += 1
            if trial.status in COUNTED:
                for rule in self._rules:
                    self._judge(rule, run, trial, whole, result)
        result.traces += len(self._store.mark(quiet, "closed"))

    def _run(self, project: str, naming: Naming, now: int) -> Run:
        """The run of a project; made where there is none."""
        name = f"live-{project or 'default'}"
        settings = {"project": project, **settings_of(naming)}
        return self._made(name, Run(id=name, kind="production", created_at=_iso(now), settings=settings))

    def _made(self, name: str, run: Run) -> Run:
        try:
            there = self._store.run(name)
        except NotFound:
            there = None
        if there is None or there.id != name or there.settings != run.settings:
            self._store.put_run(run)
            return run
        return there

    def _whole(self, run: Run, trajectory: Trajectory, naming: Naming) -> Trajectory:
        """The trajectory with the traces of its conversation that were closed before."""
        earlier = next(iter(self._store.trials(Query(run=run.id, trajectory=trajectory.id))), None)
        more = [] if earlier is None else sorted({*earlier.trace_ids} - {*trajectory.trace_ids})
        if not more:
            return trajectory
        spans, logs = self._store.read([*trajectory.trace_ids, *more])
        made = assemble(spans, logs, naming=naming)
        return next((one for one in made if one.id == trajectory.id), trajectory)

    # --- rules

    def _judge(self, rule: Rule, run: Run, trial: Trial, trajectory: Trajectory, result: Closed) -> None:
        now = self._now()
        project = str(run.settings.get("project") or "")
        if not meets(facts_of(trajectory, About(trials=(trial,), projects=(project,))), rule.where):
            return
        if not sampled(rule, trajectory.id):
            return
        if not self._may(rule, now):
            result.left_out += 1
            return
        name = f"{run.id}-{rule.name}-{rule.version}"
        settings = {"rule": rule.name, "checks": [check.spec for check in rule.checks]}
        scoring = self._made(name, Run(id=name, kind="scoring", created_at=_iso(now), settings=settings, parent=run.id))
        concluded: Score = score(evaluate(trajectory, rule.checks))
        self._store.record(scoring.id, trajectory.id, concluded.findings, concluded)
        result.judged += [(rule.name, finding) for finding in concluded.findings]

    def _may(self, rule: Rule, now: int) -> bool:
        """Whether the rule's bound allows one more, which is then counted."""
        if rule.per_hour is None:
            return True
        times = self._judged_at[rule.name]
        while times and times[0] <= now - _HOUR_NS:
            times.popleft()
        if len(times) >= rule.per_hour:
            return False
        times.append(now)
        return True


def sampled(rule: Rule, trajectory: str) -> bool:
    """Whether a rule's sample holds a trajectory: the same one always, and independently for each rule."""
    digest = hashlib.sha256(f"{rule.name}\n{trajectory}".encode()).digest()
    return int.from_bytes(digest[:8]) < rule.sample * 2**64


def trial_of(run: str, trajectory: Trajectory) -> Trial:
    """The trial that a conversation is of a production run."""
    seen = any(isinstance(step.content, (ModelCall, ToolCall)) for step in trajectory.steps)
    status: TrialStatus = "completed"
    if not seen:
        status = "invalid"
    elif trajectory.end.reason == "agent_error":
        status = "agent_error"
    return Trial(
        run=run,
        scenario=trajectory.conversation_id or trajectory.id,
        scenario_hash=content_hash(trajectory.id),
        agent=trajectory.agent or str(trajectory.attributes.get(semconv.SERVICE) or "unnamed"),
        repeat=0,
        seed=0,
        status=status,
        trace_ids=trajectory.trace_ids,
        trajectory=trajectory.id,
        error=trajectory.end.detail if seen else _NOTHING,
        used=used(trajectory),
    )


def _iso(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // 10**9, UTC).isoformat(timespec="seconds")
