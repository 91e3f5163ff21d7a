"""All that the reference store holds, and forgetting some of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from agenteval.core.forget import Forget
from agenteval.core.json import Json
from agenteval.core.outcome import Finding, Label, Run, Score, Trial
from agenteval.core.span import LogRecord, Span
from agenteval.core.traces import TraceSeen
from agenteval.core.trajectory import Trajectory

Concluded = tuple[tuple[Finding, ...], Score | None]


@dataclass(slots=True)
class Held:
    """All that the store holds. Dictionaries keep the order in which things first came."""

    spans: dict[tuple[bytes, bytes], Span] = field(default_factory=dict[tuple[bytes, bytes], Span])
    conflicts: dict[tuple[str, str, bytes], None] = field(default_factory=dict[tuple[str, str, bytes], None])
    traces: dict[str, TraceSeen] = field(default_factory=dict[str, TraceSeen])
    logs: dict[tuple[str, bytes], LogRecord] = field(default_factory=dict[tuple[str, bytes], LogRecord])
    runs: dict[str, Run] = field(default_factory=dict[str, Run])
    trials: dict[str, Trial] = field(default_factory=dict[str, Trial])
    superseded: dict[tuple[str, int], Trial] = field(default_factory=dict[tuple[str, int], Trial])
    trajectories: dict[tuple[str, str], Trajectory] = field(default_factory=dict[tuple[str, str], Trajectory])
    states: dict[str, Json] = field(default_factory=dict[str, Json])
    labels: dict[tuple[str, str, str], Label] = field(default_factory=dict[tuple[str, str, str], Label])
    concluded: dict[tuple[str, str], Concluded] = field(default_factory=dict[tuple[str, str], Concluded])

    def copy(self) -> Held:
        """The same items in dictionaries of their own."""
        return Held(**{item.name: dict(getattr(self, item.name)) for item in fields(self)})


def forget(held: Held, what: Forget, traces_of: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Take out what is to be forgotten; gives how much it was.

    Args:
        held: Everything; changed in place.
        what: What to forget.
        traces_of: The traces that each trajectory was made of.
    """
    traces = {name for name, seen in held.traces.items() if _meant(seen, what)}
    names = {name for name, some in traces_of.items() if name in traces or not traces.isdisjoint(some)}
    names |= {name for name in _named(held) if name in traces}
    touched = {run for run, name in held.concluded if name in names}
    touched |= {trial.run for trial in held.trials.values() if trial.trajectory in names}
    counts = {
        "traces": _drop(held.traces, lambda key, _: key in traces),
        "spans": _drop(held.spans, lambda _, span: span.trace_id in traces),
        "logs": _drop(held.logs, lambda _, log: log.trace_id in traces),
        "trials": _drop(held.trials, lambda _, trial: trial.trajectory in names),
        "labels": _drop(held.labels, lambda _, label: label.trajectory in names),
        "conclusions": _drop(held.concluded, lambda key, _: key[1] in names),
        "trajectories": _drop(held.trajectories, lambda key, _: key[0] in names),
    }
    _drop(held.conflicts, lambda key, _: key[0] in traces)
    for name in {trace for one in names for trace in traces_of.get(one, ())} & held.traces.keys():
        seen = held.traces[name]
        held.traces[name] = replace(seen, state="reopened", revision=seen.revision + 1)
    if what.by_age_alone:
        touched |= _without_traces(held, what.before_ns or 0, counts)
    _drop(held.superseded, lambda key, _: key[0] not in held.trials)
    left = {trial.run for trial in held.trials.values()} | {run for run, _ in held.concluded}
    counts["runs"] = _drop(held.runs, lambda key, _: key in touched - left)
    used = {trajectory.end.start_state for trajectory in held.trajectories.values()}
    counts["states"] = _drop(held.states, lambda key, _: key not in used)
    return counts


def _meant(seen: TraceSeen, what: Forget) -> bool:
    return (
        (what.before_ns is None or seen.arrived_ns < what.before_ns)
        and (what.project is None or seen.project == what.project)
        and (what.trace_ids is None or seen.trace_id in what.trace_ids)
    )


def _named(held: Held) -> set[str]:
    """What trials, labels and conclusions are about."""
    names = {trial.trajectory or "" for trial in held.trials.values()}
    return names | {label.trajectory for label in held.labels.values()} | {name for _, name in held.concluded}


def _without_traces(held: Held, before_ns: int, counts: dict[str, int]) -> set[str]:
    """Take out what belongs to no trace, and is as old; gives the runs that it was of."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=before_ns // 1_000)
    begun = {trial.run for trial in held.trials.values() if trial.trajectory is not None}
    empty = {run.id for run in held.runs.values() if made_at(run.created_at) < moment and run.id not in begun}
    counts["logs"] += _drop(held.logs, lambda _, log: not log.trace_id and log.at_ns < before_ns)
    counts["trials"] += _drop(held.trials, lambda _, trial: trial.run in empty)
    counts["conclusions"] += _drop(held.concluded, lambda key, _: key[0] in empty and not key[1])
    return empty


def made_at(text: str) -> datetime:
    """When a run was made; what cannot be read is as new as can be."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _drop(items: dict[Any, Any], goes: Callable[[Any, Any], bool]) -> int:
    """Take items out of a dictionary; gives how many."""
    gone = [key for key, value in items.items() if goes(key, value)]
    for key in gone:
        del items[key]
    return len(gone)
