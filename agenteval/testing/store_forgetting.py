"""The part of the store kit about forgetting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from agenteval._util.canonical import content_hash
from agenteval.core.find import Find
from agenteval.core.forget import Forget
from agenteval.core.json import Json
from agenteval.core.outcome import Score
from agenteval.core.ports import Query, TraceStore
from agenteval.core.trajectory import End
from agenteval.errors import RequestError
from agenteval.testing import store_parts as parts
from agenteval.testing.store_parts import MakeStore

_STATE: Json = {"orders": ["1187"] * 100}
_TRACES = tuple(f"{number:032x}" for number in range(1, 9))


def _filled(make_store: MakeStore) -> TraceStore:
    """Eight traces: those of even numbers of a project, each 100 ns after the one before; what they say is shared."""
    store = make_store()
    for number, trace_id in enumerate(_TRACES, 1):
        project = "" if number % 2 else "shop"
        store.append(parts.conversation(trace_id), [parts.log(trace_id, 5)], project=project, at_ns=number * 100)
        made = replace(parts.trajectory(trace_id), trace_ids=(trace_id,), end=End(start_state=content_hash(_STATE)))
        run = "old" if number < 5 else "new"
        store.put_trial(parts.trial(run=run, repeat=number, trajectory=trace_id), made, state=_STATE)
        store.put_label(parts.label(trace_id, value=number))
        store.record(run, trace_id, [parts.finding()], parts.score(passed=True))
    store.append([], [parts.log("", 250), parts.log("", 650)])
    store.append([replace(parts.conversation(_TRACES[0])[0], name="another content")], at_ns=100)
    store.put_run(parts.run("old", at="1969-12-31T00:00:00+00:00"))
    store.put_run(parts.run("new"))
    store.put_run(parts.run("empty", at="1969-12-31T00:00:00+00:00"))
    store.put_trial(parts.trial(run="empty", trajectory=None), None)
    store.record("empty", "", (), Score(status="invalid", passed=None))
    return store


def _left(store: TraceStore) -> list[int]:
    """Numbers of the traces that are left, after a look at all that was made of each."""
    left = [int(seen.trace_id, 16) for seen in store.seen(_TRACES)]
    for number, trace_id in enumerate(_TRACES, 1):
        there = number in left
        spans, logs = store.read([trace_id])
        wanted = parts.by_start(parts.conversation(trace_id)) if there else []
        parts.same(spans, wanted, f"spans of trace {number}")
        parts.same(len(logs), int(there), f"logs of trace {number}")
        parts.same(len(list(store.trials(Query(trajectory=trace_id)))), int(there), f"trials of trace {number}")
        parts.same(len(list(store.labels(Query(trajectory=trace_id)))), int(there), f"labels of trace {number}")
        parts.same(len(store.concluded(trace_id)), int(there), f"conclusions about trace {number}")
        if not there:
            parts.same(store.conflicts([trace_id]), 0, f"conflicts of trace {number}")
    trajectories = list(store.trajectories(Query()))
    parts.same([int(one.id, 16) for _, one in trajectories], left, "trajectories that are left")
    parts.same([one.start for _, one in trajectories], [_STATE] * len(left), "their states before")
    parts.same(sorted(int(one.trajectory, 16) for one in store.find(Find()).found), left, "what is found")
    return left


def traces_are_forgotten_by_id_project_and_age(make_store: MakeStore) -> None:
    """With all that was made of them, and nothing else; what is left reads as before."""
    spans = len(parts.conversation(_TRACES[0]))
    runs = ["empty", "old", "new"]
    for what, wanted, left_runs in (
        (Forget(trace_ids=(_TRACES[2], _TRACES[5], "f" * 32, "no id")), [1, 2, 4, 5, 7, 8], runs),
        (Forget(trace_ids=()), [1, 2, 3, 4, 5, 6, 7, 8], runs),
        (Forget(project="shop"), [1, 3, 5, 7], runs),
        (Forget(project="", before_ns=500), [2, 4, 5, 6, 7, 8], runs),
        (Forget(before_ns=500), [5, 6, 7, 8], ["new"]),
        (Forget(before_ns=500, trace_ids=(_TRACES[0], _TRACES[7])), [2, 3, 4, 5, 6, 7, 8], runs),
    ):
        store = _filled(make_store)
        would = store.forget(what, dry_run=True)
        parts.same(_left(store), [1, 2, 3, 4, 5, 6, 7, 8], f"left where {what} is only counted")
        did = store.forget(what)
        parts.same({name: did[name] for name in would}, dict(would), f"what was counted for {what}, and what went")
        gone = 8 - len(wanted)
        parts.same((did["traces"], did["spans"], did["labels"]), (gone, gone * spans, gone), f"counts of {what}")
        parts.same(_left(store), wanted, f"left after {what}")
        parts.same([run.id for run in store.runs()], left_runs, f"runs left after {what}")
        loose = [log.at_ns for log in store.read([""])[1]]
        parts.same(loose, [650] if what.by_age_alone else [250, 650], f"logs of no trace after {what}")
        parts.same(store.forget(what)["traces"], 0, f"traces that go the second time, for {what}")
        store.close()


def what_was_forgotten_can_come_again(make_store: MakeStore) -> None:
    """Everything goes, and then the same arrives once more: nothing that it refers to is missing."""
    store = _filled(make_store)
    parts.raises(RequestError, lambda: store.forget(Forget()), "to forget nothing in particular")
    store.forget(Forget(before_ns=10**6), compact=True)
    parts.same(_left(store), [], "traces that are left")
    parts.same(store.runs(), [], "runs that are left")
    parts.same(store.read([""])[1], [], "logs of no trace that are left")
    for trace_id in _TRACES[:2]:
        store.append(parts.conversation(trace_id), [parts.log(trace_id, 5)])
        parts.same(store.read([trace_id])[0], parts.by_start(parts.conversation(trace_id)), "what came again")
    made = replace(parts.trajectory(_TRACES[0]), end=End(start_state=content_hash(_STATE)))
    store.put_trial(parts.trial(trajectory=_TRACES[0]), made, state=_STATE)
    parts.same(store.trajectory(_TRACES[0]).start, _STATE, "the state of what came again")
    store.close()


def a_conversation_is_forgotten_in_part(make_store: MakeStore) -> None:
    """Its trajectory goes, since it says what was said in the trace that goes; its other traces are reopened."""
    store = make_store()
    for number, trace_id in enumerate((parts.T1, parts.T2), 1):
        store.append(parts.trace(trace_id), at_ns=number)
    store.keep(replace(parts.trajectory("a" * 32), trace_ids=(parts.T1, parts.T2)))
    store.keep(replace(parts.trajectory("b" * 32), trace_ids=("3" * 32,)))
    before = store.seen([parts.T2])[0]
    parts.same(store.forget(Forget(before_ns=2))["trajectories"], 1, "trajectories that go")
    parts.same([one.trajectory for one in store.find(Find()).found], ["b" * 32], "trajectories that are left")
    wanted = [replace(before, state="reopened", revision=before.revision + 1)]
    parts.same(store.seen([parts.T1, parts.T2]), wanted, "traces that are left")
    store.close()


FORGET_CHECKS: tuple[Callable[[MakeStore], None], ...] = (
    traces_are_forgotten_by_id_project_and_age,
    what_was_forgotten_can_come_again,
    a_conversation_is_forgotten_in_part,
)
"""Every check of this module."""
