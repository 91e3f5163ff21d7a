"""The part of the store kit about traces: what is known of them without reading their spans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from agenteval.core.traces import TraceQuery, TraceSeen
from agenteval.testing import store_parts as parts
from agenteval.testing.store_parts import MakeStore


def what_is_known_of_traces_grows(make_store: MakeStore) -> None:
    """Counts, times, arrival and state of each trace, however it comes, and nothing changes by what was there."""
    store = make_store()
    spans = parts.trace(parts.T1)
    store.append(spans[:2], [parts.log(parts.T1, 70), parts.log("", 5)], project="shop \0", live=True, at_ns=100)
    wanted = TraceSeen(
        trace_id=parts.T1, project="shop \0", first_ns=1, last_ns=70, arrived_ns=100, spans=2, logs=1, state="open"
    )
    parts.same(store.seen([parts.T2, parts.T1, "", "no trace id"]), [wanted], "after the first part")
    store.append(spans[:2], [parts.log(parts.T1, 70)], live=True, at_ns=200)
    store.append([replace(spans[0], name="another", end_ns=999)], live=True, at_ns=200)
    parts.same(store.seen([parts.T1]), [wanted], "after what was there, and another content of a span that was")
    store.append(spans, [parts.log(parts.T1, 70), parts.log(parts.T1, 71)], project="other", live=True, at_ns=300)
    wanted = replace(wanted, arrived_ns=300, spans=4, logs=2, last_ns=71, revision=2)
    parts.same(store.seen([parts.T1]), [wanted], "after what was there and more")
    store.append([], [parts.log(parts.T1, 72)], at_ns=250)
    store.append([replace(parts.span(parts.T1, 77), start_ns=0, end_ns=0)], at_ns=250)
    wanted = replace(wanted, spans=5, logs=3, last_ns=72, revision=4)
    parts.same(store.seen([parts.T1]), [wanted], "after a log and a span without times, which came late")
    store.append(parts.trace(parts.T2))
    parts.same([one.state for one in store.seen([parts.T2, parts.T1])], ["open", "closed"], "states")
    parts.that(store.seen([parts.T2])[0].arrived_ns > 10**18, "what arrives without a time arrives now")
    store.close()


def traces_are_closed_and_reopened(make_store: MakeStore) -> None:
    """A trace is put into a state unless something came meanwhile; something that comes later reopens a closed one."""
    store = make_store()
    store.append(parts.trace(parts.T1)[:2], live=True, at_ns=1)
    store.append(parts.trace(parts.T2)[:2], live=True, at_ns=1)
    before = store.seen([parts.T1, parts.T2])
    parts.same(store.mark(before, "quiet"), [parts.T1, parts.T2], "those put to quiet")
    store.append(parts.trace(parts.T2), live=True, at_ns=2)
    parts.same(store.mark(before, "closed"), [parts.T1], "those closed: of the other, something came meanwhile")
    parts.same([one.state for one in store.seen([parts.T1, parts.T2])], ["closed", "open"], "states")
    store.append(parts.trace(parts.T1)[:2], live=True, at_ns=3)
    parts.same(store.seen([parts.T1])[0].state, "closed", "after what was there")
    store.append([], [parts.log(parts.T1, 9)], live=True, at_ns=4)
    parts.same(store.seen([parts.T1])[0].state, "reopened", "after a late log")
    store.append(parts.trace(parts.T1), at_ns=5)
    parts.same(store.seen([parts.T1])[0].state, "reopened", "after more")
    parts.same(store.mark(store.seen([parts.T1]), "closed"), [parts.T1], "closed again")
    store.append([parts.span(parts.T1, 99)], at_ns=6)
    parts.same(store.seen([parts.T1])[0].state, "closed", "after more by someone who assembles it")
    store.close()


def traces_are_listed_by_arrival(make_store: MakeStore) -> None:
    """Each condition, both orders, a page at a time; traces that arrived at once by their ids."""
    store = make_store()
    for number in range(40):
        trace_id = f"{number * 7 % 40:032x}"
        project = ("shop", "bank \ud800", "")[number % 3]
        store.append([parts.span(trace_id, 1)], project=project, live=number % 2 == 0, at_ns=100 + number // 4)
    store.mark([one for one in store.traces(TraceQuery()) if one.arrived_ns == 102], "quiet")
    everything = store.traces(TraceQuery())
    parts.same(
        everything, sorted(everything, key=lambda one: (one.arrived_ns, one.trace_id)), "all of them, in their order"
    )
    parts.same(len(everything), 40, "how many")
    queries: list[tuple[TraceQuery, Callable[[TraceSeen], bool]]] = [
        (TraceQuery(states=("open",)), lambda one: one.state == "open"),
        (TraceQuery(states=("quiet", "closed")), lambda one: one.state in {"quiet", "closed"}),
        (TraceQuery(project="bank \ud800"), lambda one: one.project == "bank \ud800"),
        (TraceQuery(project=""), lambda one: not one.project),
        (TraceQuery(arrived_before_ns=105), lambda one: one.arrived_ns < 105),
        (
            TraceQuery(states=("open",), project="shop", arrived_before_ns=107),
            lambda one: one.state == "open" and one.project == "shop" and one.arrived_ns < 107,
        ),
    ]
    for query, wanted in queries:
        for newest_first in (False, True):
            asked = replace(query, newest_first=newest_first, limit=3)
            expected = [one for one in (everything[::-1] if newest_first else everything) if wanted(one)]
            found: list[TraceSeen] = []
            while page := store.traces(replace(asked, after=found[-1] if found else None)):
                parts.that(len(page) <= 3, "a page is no longer than was asked")
                found += page
            parts.same(found, expected, f"{asked}")
    store.close()


TRACE_CHECKS: tuple[Callable[[MakeStore], None], ...] = (
    what_is_known_of_traces_grows,
    traces_are_closed_and_reopened,
    traces_are_listed_by_arrival,
)
"""Every check of this module."""
