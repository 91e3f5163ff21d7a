"""Traces that are stored in, the conversations that they are of out, a page of traces at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args

from agenteval._util.canonical import content_hash
from agenteval.core import semconv
from agenteval.core.outcome import Trial, TrialStatus
from agenteval.core.ports import Query, TraceStore
from agenteval.core.traces import TraceSeen
from agenteval.core.trajectory import Trajectory
from agenteval.core.used import used
from agenteval.experiment import live
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.conversations import Naming
from agenteval.telemetry.foreign import SOURCE
from agenteval.telemetry.understood import Understood, understood

_ASKED_AT_ONCE = 500  # traces in one question
_SPANS_AT_ONCE = 20_000  # of one page; a larger trace is a page of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversations:
    """Those that one page of traces is of.

    Attributes:
        trajectories: Each whole: with the traces that earlier pages and earlier imports brought of it.
        understood: What was understood of this page's spans.
    """

    trajectories: Sequence[Trajectory]
    understood: Understood


def conversations(store: TraceStore, trace_ids: Sequence[str], naming: Naming) -> Iterator[Conversations]:
    """The conversations of stored traces.

    A conversation that names itself is whole in the end, however many pages it comes in. One without a name goes on
    only from traces of the same page, which is all of them up to 20,000 spans.
    """
    for page in _pages(store, trace_ids):
        spans, logs = store.read([seen.trace_id for seen in page])
        made = assemble(spans, logs, naming=naming)
        told = understood(spans, logs, made)
        del spans, logs
        yield Conversations(trajectories=[_whole(store, one, naming) for one in made], understood=told)


def _pages(store: TraceStore, trace_ids: Sequence[str]) -> Iterator[list[TraceSeen]]:
    known: list[TraceSeen] = []
    for start in range(0, len(trace_ids), _ASKED_AT_ONCE):
        known += store.seen(trace_ids[start : start + _ASKED_AT_ONCE])
    page: list[TraceSeen] = []
    room = _SPANS_AT_ONCE
    for seen in sorted(known, key=lambda seen: (seen.first_ns, seen.trace_id)):
        if page and seen.spans > room:
            yield page
            page, room = [], _SPANS_AT_ONCE
        page.append(seen)
        room -= seen.spans
    if page:
        yield page


def _whole(store: TraceStore, trajectory: Trajectory, naming: Naming) -> Trajectory:
    """The trajectory with the traces of its conversation that are known from elsewhere."""
    more = {trace for trial in store.trials(Query(trajectory=trajectory.id)) for trace in trial.trace_ids}
    more -= {*trajectory.trace_ids}
    if not more:
        return trajectory
    made = assemble(*store.read([*trajectory.trace_ids, *sorted(more)]), naming=naming)
    return next((one for one in made if one.id == trajectory.id), trajectory)


def is_other_work(trajectory: Trajectory) -> bool:
    """Whether another producer's trace tells of no agent: a request that a service answered by itself."""
    foreign = trajectory.attributes.get(semconv.SOURCE) == SOURCE
    return foreign and not trajectory.steps and not trajectory.runs


def trial_of(run: str, trajectory: Trajectory) -> Trial | None:
    """The trial of an import that a conversation is; None for what our importers keep of a file as a whole.

    Of a trajectory of our own it is what its root says; of another one, what a receiver makes of it.
    """
    told = trajectory.attributes
    if told.get(semconv.SOURCE) == SOURCE:
        return live.trial_of(run, trajectory)
    scenario = told.get(semconv.SCENARIO)
    if not isinstance(scenario, str):
        return None
    repeat, seed = told.get(semconv.REPEAT), told.get(semconv.SEED)
    status = _status(trajectory)
    return Trial(
        run=run,
        scenario=scenario,
        scenario_hash=str(told.get(semconv.SCENARIO_HASH) or content_hash([None, scenario])),
        agent=trajectory.agent or "unnamed",
        repeat=repeat if isinstance(repeat, int) else 0,
        seed=seed if isinstance(seed, int) else 0,
        status=status,
        trace_ids=trajectory.trace_ids,
        trajectory=trajectory.id,
        error=trajectory.end.detail if status in {"invalid", "agent_error"} else None,
        used=used(trajectory),
    )


def _status(trajectory: Trajectory) -> TrialStatus:
    """As an importer noted it; else the end's reason, where that is one; else it is over, and nothing more is known."""
    said: Any = trajectory.attributes.get(semconv.STATUS) or trajectory.end.reason
    if said in get_args(TrialStatus):
        return cast("TrialStatus", said)
    return "invalid" if said == "error" else "completed"
