"""The reference store: everything in dictionaries, nothing on disk. What it answers, every other store answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from agenteval._util.canonical import content_hash
from agenteval.core.find import Facts, Find, Page, meets
from agenteval.core.forget import Forget, Forgotten
from agenteval.core.json import Json
from agenteval.core.outcome import Finding, Label, Run, Score, Trial
from agenteval.core.ports import Appended, Query
from agenteval.core.span import LogRecord, Span
from agenteval.core.traces import TraceQuery, TraceSeen, TraceState
from agenteval.core.trajectory import Trajectory
from agenteval.errors import RequestError
from agenteval.store import keys
from agenteval.store.facts import About, facts_of
from agenteval.store.growing import grown
from agenteval.store.held import Held, forget


class MemoryStore:
    """A `TraceStore` that forgets everything when it is dropped.

    Args:
        assembler: Version of the assembler that the trajectories put here come from.
    """

    def __init__(self, *, assembler: str = "1") -> None:
        self._assembler = assembler
        self._held = Held()
        self._lock = threading.RLock()

    @contextmanager
    def batch(self) -> Generator[None]:
        """One transaction around many calls; other threads wait until it is over."""
        with self._lock:
            before = self._held.copy()
            try:
                yield
            except BaseException:
                self._held = before
                raise

    def close(self) -> None:
        """Nothing to close."""

    def sizes(self) -> Mapping[str, int]:
        """Nothing is measured in memory."""
        return {}

    # --- spans

    def append(
        self,
        spans: Iterable[Span],
        logs: Iterable[LogRecord] = (),
        *,
        project: str = "",
        live: bool = False,
        at_ns: int | None = None,
    ) -> Appended:
        """Keep spans and logs; the first of two spans with one id stays."""
        at_ns = time.time_ns() if at_ns is None else at_ns
        arrived = TraceSeen(trace_id="", project=project, arrived_ns=at_ns, state="open" if live else "closed")
        more: dict[str, TraceSeen] = {}

        def note(trace_id: str, first: int, last: int, **counts: int) -> None:
            one = replace(arrived, trace_id=trace_id, first_ns=first, last_ns=max(first, last), **counts)
            before = more.get(trace_id)
            more[trace_id] = one if before is None else replace(grown(before, one), state=arrived.state, revision=1)

        keyed = [(keys.span_key(span), keys.content_digest(span), span) for span in spans]
        keyed_logs = [(log.trace_id, keys.content_digest(log), log) for log in logs if keys.log_key(log)]
        new = repeated = conflicting = 0
        with self._lock:
            for key, digest, span in keyed:
                first = self._held.spans.get(key)
                if first is None:
                    self._held.spans[key] = span
                    note(span.trace_id, span.start_ns, span.end_ns, spans=1)
                    new += 1
                elif keys.content_digest(first) == digest:
                    repeated += 1
                else:
                    conflicting += 1
                    self._held.conflicts[span.trace_id, span.span_id, digest] = None
            for trace_id, digest, log in keyed_logs:
                if self._held.logs.setdefault((trace_id, digest), log) is log and trace_id:
                    note(trace_id, log.at_ns, log.at_ns, logs=1)
            for trace_id, one in more.items():
                before = self._held.traces.get(trace_id)
                self._held.traces[trace_id] = one if before is None else grown(before, one)
        return Appended(new=new, repeated=repeated, conflicting=conflicting)

    def read(self, trace_ids: Sequence[str]) -> tuple[list[Span], list[LogRecord]]:
        """Every span and log of those traces."""
        wanted = set(trace_ids)
        with self._lock:
            spans = [span for span in self._held.spans.values() if span.trace_id in wanted]
            logs = [log for log in self._held.logs.values() if log.trace_id in wanted]
        return keys.in_order_of_spans(spans), keys.in_order_of_logs(logs)

    def conflicts(self, trace_ids: Sequence[str]) -> int:
        """Different contents that came for a span id of those traces after its first."""
        wanted = set(trace_ids)
        with self._lock:
            return sum(1 for trace_id, _, _ in self._held.conflicts if trace_id in wanted)

    # --- traces

    def traces(self, query: TraceQuery) -> list[TraceSeen]:
        """A page of what is known of traces: by arrival, then by id."""
        with self._lock:
            found = sorted(self._held.traces.values(), key=_place, reverse=query.newest_first)
        if query.after is not None:
            last = _place(query.after)
            found = [one for one in found if (_place(one) < last if query.newest_first else _place(one) > last)]
        return [one for one in found if _asked(one, query)][: query.limit]

    def seen(self, trace_ids: Sequence[str]) -> list[TraceSeen]:
        """What is known of those traces, in the order of their ids."""
        with self._lock:
            return [self._held.traces[name] for name in sorted(set(trace_ids)) if name in self._held.traces]

    def mark(self, seen: Iterable[TraceSeen], state: TraceState) -> list[str]:
        """Put traces into a state, save those of which something new arrived since; gives the ids of those put."""
        put: list[str] = []
        with self._lock:
            for one in seen:
                held = self._held.traces.get(one.trace_id)
                if held is not None and held.revision == one.revision:
                    self._held.traces[one.trace_id] = replace(held, state=state)
                    put.append(one.trace_id)
        return put

    # --- trials and trajectories

    def put_trial(self, trial: Trial, trajectory: Trajectory | None, *, state: Json = None) -> None:
        """Keep a trial and its trajectory."""
        self.put_trials([(trial, trajectory, state)])

    def put_trials(self, items: Iterable[tuple[Trial, Trajectory | None, Json]]) -> None:
        """Keep many trials in one transaction."""
        with self.batch():
            for trial, trajectory, state in items:
                self._put_trial(trial)
                if trajectory is not None:
                    self.keep(trajectory)
                    if state is not None and trajectory.end.start_state is not None:
                        self._held.states.setdefault(trajectory.end.start_state, state)

    def _put_trial(self, trial: Trial) -> None:
        identity = keys.trial_identity(trial)
        there = self._held.trials.get(identity)
        if there is not None and there.attempt > trial.attempt:
            self._held.superseded[identity, trial.attempt] = trial
            return
        if there is not None and there.attempt < trial.attempt:
            self._held.superseded[identity, there.attempt] = there
        self._held.trials[identity] = trial

    def keep(self, trajectory: Trajectory) -> None:
        """Keep a trajectory that was assembled again."""
        with self._lock:
            self._held.trajectories[trajectory.id, self._assembler] = replace(trajectory, start=None)

    def put_state(self, state: Json) -> str:
        """Keep a world's state; gives its content hash."""
        name = content_hash(state)
        with self._lock:
            self._held.states.setdefault(name, state)
        return name

    def trials(self, query: Query) -> Iterator[Trial]:
        """The latest attempt of each trial that matches, in the order in which they first came."""
        return iter(self._matching(query))

    def attempts(self, query: Query) -> Iterator[Trial]:
        """Every attempt of the trials that match: of each first those that were superseded, then the latest."""
        with self._lock:
            found: list[Trial] = []
            for trial in self._matching(query):
                identity = keys.trial_identity(trial)
                earlier = [old for (name, _), old in self._held.superseded.items() if name == identity]
                found += [*sorted(earlier, key=lambda old: old.attempt), trial]
            return iter(found)

    def trajectories(self, query: Query) -> Iterator[tuple[Trial, Trajectory]]:
        """The trials that match and have a trajectory, with it."""
        with self._lock:
            found = [(trial, self._kept(trial.trajectory)) for trial in self._matching(query)]
        return iter([(trial, trajectory) for trial, trajectory in found if trajectory is not None])

    def find(self, query: Find, *, after: str | None = None, limit: int = 20) -> Page:
        """A page of the trajectories that meet a query, the latest first."""
        last = _place_of(after)
        with self._lock:
            names = list(dict.fromkeys(name for name, _ in self._held.trajectories))
            facts = [(self._facts(name), number) for number, name in enumerate(names)]
        placed = sorted(((one.began_ns, number, one) for one, number in facts if meets(one, query)), reverse=True)
        rest = [item for item in placed if last is None or item[:2] < last]
        page = rest[:limit]
        more = f"{page[-1][0]}-{page[-1][1]}" if len(rest) > limit else None
        return Page(found=[replace(one, words=()) for _, _, one in page], after=more)

    def _facts(self, name: str) -> Facts:
        trajectory = self._kept(name)
        assert trajectory is not None  # noqa: S101 (it is among the kept ones)
        trials = [trial for trial in self._held.trials.values() if trial.trajectory == name]
        traces = [*trajectory.trace_ids, *(one for trial in trials for one in trial.trace_ids)]
        about = About(
            trials=trials,
            findings=[one for _, findings, _ in self.concluded(name) for one in findings],
            labels=[label for label in self._held.labels.values() if label.trajectory == name],
            projects=[seen.project for seen in self.seen(traces)],
        )
        return facts_of(trajectory, about)

    def trajectory(self, id_or_prefix: str) -> Trajectory:
        """One trajectory, by id or by a prefix that only one has."""
        with self._lock:
            known = sorted({trajectory_id for trajectory_id, _ in self._held.trajectories})
            found = [name for name in known if name.startswith(id_or_prefix)]
            trials = {trial.trajectory or "": trial for trial in self._held.trials.values()}
            trajectory = self._kept(keys.only_trajectory(id_or_prefix, found, known, lambda _: trials))
            assert trajectory is not None  # noqa: S101 (it was found among the kept ones)
            return trajectory

    def outdated(self, query: Query) -> Iterator[Trial]:
        """The trials that match whose trajectory was assembled by another version only."""
        with self._lock:
            return iter(
                [
                    trial
                    for trial in self._matching(query)
                    if trial.trajectory is not None
                    and self._kept(trial.trajectory) is not None
                    and (trial.trajectory, self._assembler) not in self._held.trajectories
                ]
            )

    def _kept(self, trajectory_id: str | None) -> Trajectory | None:
        """The trajectory as this version assembled it, else as the version that came last did."""
        held = self._held.trajectories
        versions = [version for name, version in held if name == trajectory_id] if trajectory_id is not None else []
        if trajectory_id is None or not versions:
            return None
        version = self._assembler if self._assembler in versions else versions[-1]
        trajectory = held[trajectory_id, version]
        return replace(trajectory, start=self._held.states.get(trajectory.end.start_state or ""))

    def _matching(self, query: Query) -> list[Trial]:
        with self._lock:
            return [trial for trial in self._held.trials.values() if _matches(trial, query)]

    def forget(self, what: Forget, *, dry_run: bool = False, compact: bool = False) -> Forgotten:
        """Forget traces with all that was made of them and said of it."""
        del compact
        if what == Forget():
            raise RequestError("say what to forget: what is older than a time, of a project, or some traces")
        before = self._held
        with self._lock:
            traces = {name: self._facts(name).names.get("trace", ()) for name, _ in before.trajectories}
            self._held = before.copy()
            forgotten = forget(self._held, what, traces)
            if dry_run:
                self._held = before
                del forgotten["runs"]
        return forgotten

    # --- runs, labels, conclusions

    def put_run(self, run: Run) -> None:
        """Keep a run."""
        with self._lock:
            self._held.runs[run.id] = run

    def runs(self) -> list[Run]:
        """Every run, newest last."""
        with self._lock:
            return sorted(self._held.runs.values(), key=lambda run: (run.created_at, run.id))

    def run(self, run_id: str) -> Run:
        """One run, by id, by a prefix that only one has, or `latest`."""
        with self._lock:
            by_id = {run.id: run for run in self.runs()}
            if run_id == keys.LATEST and by_id and run_id not in by_id:
                return list(by_id.values())[-1]
            found = [name for name in by_id if name.startswith(run_id)]
            return by_id[keys.only_match(run_id, found, by_id, what="run")]

    def put_label(self, label: Label) -> None:
        """Keep a label."""
        with self._lock:
            self._held.labels[label.trajectory, label.criterion, label.rater] = label

    def labels(self, query: Query) -> Iterator[Label]:
        """The labels of the trajectories that match."""
        with self._lock:
            labels = list(self._held.labels.values())
            if query.trajectory:
                labels = [label for label in labels if label.trajectory == query.trajectory]
            if query.run or query.scenario or query.agent or query.status:
                named = {trial.trajectory for trial in self._matching(query)}
                labels = [label for label in labels if label.trajectory in named]
            return iter(labels)

    def record(self, run: str, trajectory: str, findings: Sequence[Finding], score: Score | None) -> None:
        """Keep what a run concluded of a trajectory."""
        kept = tuple(findings)
        with self._lock:
            self._held.concluded[run, trajectory] = kept, None if score is None else replace(score, findings=kept)

    def concluded(self, trajectory: str) -> list[tuple[str, tuple[Finding, ...], Score | None]]:
        """What each run concluded of a trajectory."""
        with self._lock:
            return [(run, *what) for (run, name), what in self._held.concluded.items() if name == trajectory]

    def outcomes(self, run_id: str) -> Iterator[tuple[Trial, Score]]:
        """The scores recorded in a run, with their trials."""
        with self._lock:
            run = self._held.runs.get(run_id)
            home = [run_id] if run is None or run.parent is None else [run_id, run.parent]
            trials: dict[str, list[Trial]] = {}
            for trial in self._held.trials.values():
                trials.setdefault(trial.trajectory or "", []).append(trial)
            scores = [(name, score) for (of, name), (_, score) in self._held.concluded.items() if of == run_id]
        return iter(
            [
                (trial, score)
                for name, score in scores
                if score is not None
                for trial in _whose(trials.get(name, []), run_id, home, untraced=name == "")
            ]
        )


def _place_of(after: str | None) -> tuple[int, int] | None:
    if after is None:
        return None
    began, _, number = after.partition("-")
    if not (began.isdecimal() and number.isdecimal()):
        raise RequestError(f"--after {after!r:.60} is not where a page ended; give what the page before printed")
    return int(began), int(number)


def _place(seen: TraceSeen) -> tuple[int, str]:
    return seen.arrived_ns, seen.trace_id


def _asked(seen: TraceSeen, query: TraceQuery) -> bool:
    return (
        (not query.states or seen.state in query.states)
        and (query.project is None or seen.project == query.project)
        and (query.arrived_before_ns is None or seen.arrived_ns < query.arrived_before_ns)
    )


def _matches(trial: Trial, query: Query) -> bool:
    asked = (
        (query.run, trial.run),
        (query.scenario, trial.scenario),
        (query.agent, trial.agent),
        (query.status, trial.status),
        (query.trajectory, trial.trajectory),
    )
    return all(not wanted or wanted == value for wanted, value in asked)


def _whose(trials: Sequence[Trial], run_id: str, home: Sequence[str], *, untraced: bool) -> list[Trial]:
    """The trial that a score is about: of that run, else of the run that it scored, else the last one.

    Trials that never started have no trajectory: what a run says of the empty id holds for each of its own.
    """
    if untraced:
        return [trial for trial in trials if trial.run == run_id]
    for run in home:
        of_run = [trial for trial in trials if trial.run == run]
        if of_run:
            return of_run[-1:]
    return list(trials[-1:])
