"""Traces of which nothing more comes in, their trajectories kept and judged out; again where something comes late.

A production run is one for each project and never ends: a conversation is a trial of it. Traces are closed once nothing
new has come of them for a while; what comes after that opens them again, and then their trajectory is made anew and
judged anew. Rules judge what is closed, each trajectory once for each version of the rule's checks: verdicts are kept
in the transaction that closes its traces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from agenteval._util.canonical import content_hash
from agenteval.core import semconv
from agenteval.core.find import Find, meets
from agenteval.core.json import Json
from agenteval.core.outcome import ASSUMED, COUNTED, Finding, Run, Score, Trial, TrialStatus
from agenteval.core.ports import Checker, Query, TraceStore
from agenteval.core.traces import TraceQuery, TraceSeen
from agenteval.core.trajectory import ModelCall, ToolCall, Trajectory
from agenteval.core.used import used
from agenteval.errors import NotFound, StoreError
from agenteval.evaluation.evaluate import evaluate
from agenteval.evaluation.score import INVALID, score
from agenteval.experiment.naming import naming_for, settings_of
from agenteval.store.facts import About, facts_of
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.conversations import Naming

_AT_ONCE = 200  # traces closed in one transaction
_HOUR_NS = 3600 * 10**9
_JUDGED = "judged_at_ns"
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
        assume_complete: Whether spans that nobody counted are taken to be all that there were.
    """

    name: str
    checks: tuple[Checker, ...]
    where: Find = field(default_factory=Find)
    sample: float = 1.0
    per_hour: int | None = None
    assume_complete: bool = False

    @property
    def version(self) -> str:
        """Follows from what its checks ask, and of what."""
        assumed = [ASSUMED] if self.assume_complete else []
        return content_hash([*(check.spec for check in self.checks), *assumed])[:8]

    def of(self, trajectory: Trajectory) -> Score:
        """What it concludes of a trajectory."""
        integrity = trajectory.integrity.assumed_complete if self.assume_complete else trajectory.integrity
        return score(evaluate(replace(trajectory, integrity=integrity), self.checks))


@dataclass(slots=True)
class Closed:
    """What one look at the store came to.

    Attributes:
        traces: How many were closed.
        trajectories: How many were kept, new or made anew.
        judged: Verdicts of rules: rule, finding.
        left_out: How many trajectories a rule's bound left unjudged.
        failed: Traces that could not be assembled, with what went wrong; they are closed without a trajectory.
    """

    traces: int = 0
    trajectories: int = 0
    judged: list[tuple[str, Finding]] = field(default_factory=list[tuple[str, Finding]])
    left_out: int = 0
    failed: list[tuple[str, Exception]] = field(default_factory=list[tuple[str, Exception]])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """What became of some quiet traces, before it is kept.

    Attributes:
        seen: The traces, as they were when they were read.
        trajectory: Of their conversation, whole; None where no agent is in them.
        earlier: The traces of which the trajectory that was kept until then was made.
        judged: What each rule that is about it concludes; None where its bound left it out.
    """

    seen: Sequence[TraceSeen]
    trajectory: Trajectory | None = None
    earlier: AbstractSet[str] = frozenset()
    judged: Sequence[tuple[Rule, Score | None]] = ()


class Live:
    """Closes traces of a store and judges them.

    What is slow is done before the transaction in which it is kept, so that no receiver waits for it. Several may look
    at one store: what another one closed meanwhile, or what grew meanwhile, is left alone.

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

    def close(self) -> Closed:
        """Close the traces that are quiet now, a page of them, each project's in one transaction."""
        now = self._now()
        query = TraceQuery(states=("open", "quiet", "reopened"), arrived_before_ns=now - self._quiet_ns, limit=_AT_ONCE)
        result = Closed()
        quiet = self._store.traces(query)
        for name in sorted({seen.project for seen in quiet}):
            project = _Project(self._store, name, naming_for(name, self._naming) or Naming(), self._rules, now)
            project.close([seen for seen in quiet if seen.project == name], result)
        return result


class _Project:
    """The production run of one project, while some of its traces are closed."""

    def __init__(self, store: TraceStore, name: str, naming: Naming, rules: Sequence[Rule], now: int) -> None:
        self._store = store
        self._name = name
        self._naming = naming
        self._rules = rules
        self._now = now
        self._run = Run(
            id=f"live-{name or 'default'}",
            kind="production",
            created_at=_iso(now),
            settings={"project": name, **settings_of(naming)},
        )

    def close(self, quiet: Sequence[TraceSeen], result: Closed) -> None:
        """Close traces; where one of them cannot be assembled, the others all the same."""
        try:
            made = self._made(quiet)
        except StoreError:
            raise  # the traces are not to blame, and are tried again
        except Exception as error:  # noqa: BLE001 (a trace that we did not foresee must not keep the others waiting)
            if len(quiet) > 1:
                for seen in quiet:
                    self.close([seen], result)
                return
            result.failed.append((quiet[0].trace_id, error))
            made = [_Made(seen=quiet)]
        with self._store.batch():
            kept = self._keep(made)
        result.traces += kept.traces
        result.trajectories += kept.trajectories
        result.judged += kept.judged
        result.left_out += kept.left_out

    # --- before the transaction

    def _made(self, quiet: Sequence[TraceSeen]) -> list[_Made]:
        by_id = {seen.trace_id: seen for seen in quiet}
        spent = _Spent(self._store, self._rules, self._now)
        made: list[_Made] = []
        for trajectory in assemble(*self._store.read(list(by_id)), naming=self._naming):
            seen = [by_id[name] for name in trajectory.trace_ids]
            if trajectory.steps or trajectory.runs:
                earlier = self._earlier(trajectory)
                whole = self._whole(trajectory, earlier)
                made.append(_Made(seen=seen, trajectory=whole, earlier=earlier, judged=self._judged(whole, spent)))
            else:  # a service's other traces
                made.append(_Made(seen=seen))
        of_spans = {seen.trace_id for one in made for seen in one.seen}
        return made + [_Made(seen=[seen]) for name, seen in by_id.items() if name not in of_spans]

    def _whole(self, trajectory: Trajectory, earlier: AbstractSet[str]) -> Trajectory:
        """The trajectory with the traces of its conversation that were closed before."""
        more = sorted(earlier - {*trajectory.trace_ids})
        if not more:
            return trajectory
        made = assemble(*self._store.read([*trajectory.trace_ids, *more]), naming=self._naming)
        return next((one for one in made if one.id == trajectory.id), trajectory)

    def _earlier(self, trajectory: Trajectory) -> set[str]:
        """The traces of which the trajectory that is kept was made."""
        earlier = next(iter(self._store.trials(Query(run=self._run.id, trajectory=trajectory.id))), None)
        return set() if earlier is None else {*earlier.trace_ids}

    def _judged(self, trajectory: Trajectory, spent: _Spent) -> list[tuple[Rule, Score | None]]:
        trial = trial_of(self._run.id, trajectory)
        if trial.status not in COUNTED:
            return []
        facts = facts_of(trajectory, About(trials=(trial,), projects=(self._name,)))
        asked = [rule for rule in self._rules if meets(facts, rule.where) and sampled(rule, trajectory.id)]
        return [(rule, rule.of(trajectory) if spent.one_more(rule) else None) for rule in asked]

    # --- in the transaction

    def _keep(self, made: Sequence[_Made]) -> Closed:
        result = Closed()
        now_seen = {
            seen.trace_id: seen for seen in self._store.seen([seen.trace_id for one in made for seen in one.seen])
        }
        spent = _Spent(self._store, self._rules, self._now)
        current = [one for one in made if all(_is_as(seen, now_seen.get(seen.trace_id)) for seen in one.seen)]
        for one in current:
            if one.trajectory is None:
                result.traces += len(self._store.mark(one.seen, "closed"))
            elif self._earlier(one.trajectory) == one.earlier:  # else another receiver closed more of it meanwhile
                self._keep_one(one, one.trajectory, spent, result)
        return result

    def _keep_one(self, one: _Made, trajectory: Trajectory, spent: _Spent, result: Closed) -> None:
        self._put_run(self._run)
        trial = trial_of(self._run.id, trajectory)
        self._store.put_trial(trial, trajectory)
        kept = score(()) if trial.status in COUNTED else INVALID
        self._store.record(self._run.id, trajectory.id, kept.findings, kept)
        result.trajectories += 1
        for rule, concluded in one.judged:
            if concluded is None or not spent.one_more(rule):
                result.left_out += 1
                continue
            scoring = self._scoring(rule)
            self._put_run(scoring)
            self._store.record(scoring.id, trajectory.id, concluded.findings, concluded)
            spent.note(rule, scoring.id)
            result.judged += [(rule.name, finding) for finding in concluded.findings]
        result.traces += len(self._store.mark(one.seen, "closed"))

    def _scoring(self, rule: Rule) -> Run:
        """The run of a version of a rule in this project."""
        assumed: dict[str, Json] = {ASSUMED: True} if rule.assume_complete else {}
        return Run(
            id=f"{self._run.id}-{rule.name}-{rule.version}",
            kind="scoring",
            created_at=_iso(self._now),
            settings={"rule": rule.name, "checks": [check.spec for check in rule.checks], **assumed},
            parent=self._run.id,
        )

    def _put_run(self, run: Run) -> None:
        """Keep a run, once, and again where its settings changed."""
        there = _run_of(self._store, run.id)
        if there is None or {**there.settings, **run.settings} != there.settings:
            self._store.put_run(run)


def _is_as(before: TraceSeen, now: TraceSeen | None) -> bool:
    """Whether a trace is still to be closed, and nothing of it came since it was read."""
    return now is not None and now.state != "closed" and now.revision == before.revision


def _run_of(store: TraceStore, name: str) -> Run | None:
    try:
        found = store.run(name)
    except NotFound:
        return None
    return found if found.id == name else None  # else it has a longer name that begins so


class _Spent:
    """What the bounds of rules leave, by what the store says of the last hour: other receivers spend of it, too."""

    def __init__(self, store: TraceStore, rules: Sequence[Rule], now: int) -> None:
        self._store = store
        self._now = now
        bounded = {rule.name for rule in rules if rule.per_hour is not None}
        runs = [run for run in store.runs() if run.settings.get("rule") in bounded] if bounded else []
        self._times = {
            name: [at for run in runs if run.settings["rule"] == name for at in self._recent(run)] for name in bounded
        }

    def _recent(self, run: Run) -> list[int]:
        written = run.settings.get(_JUDGED)
        times = written if isinstance(written, (list, tuple)) else ()
        return [at for at in times if isinstance(at, int) and at > self._now - _HOUR_NS]

    def one_more(self, rule: Rule) -> bool:
        """Whether the rule's bound allows one more, which is then counted."""
        if rule.per_hour is None:
            return True
        times = self._times[rule.name]
        if len(times) >= rule.per_hour:
            return False
        times.append(self._now)
        return True

    def note(self, rule: Rule, run_id: str) -> None:
        """Keep with the run that one more was judged."""
        run = None if rule.per_hour is None else _run_of(self._store, run_id)
        if run is not None:
            times = [*self._recent(run), self._now]
            self._store.put_run(replace(run, settings={**run.settings, _JUDGED: times}))


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
