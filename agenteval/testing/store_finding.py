"""The part of the store kit about finding trajectories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from agenteval.core import semconv
from agenteval.core.find import Facts, Find, parse
from agenteval.core.message import text_message
from agenteval.core.ports import TraceStore
from agenteval.core.trajectory import AgentRun, ModelCall, Step, ToolCall, Trajectory, Usage
from agenteval.errors import RequestError
from agenteval.testing import store_parts as parts
from agenteval.testing.store_parts import MakeStore

NOW_NS = 1_790_000_000 * 10**9
_MINUTE = 60 * 10**9
_MANY = 60
_AGENTS = ("careful", "hasty")


def _trajectory(number: int) -> Trajectory:
    """A trajectory that began so many minutes ago; what is in it depends on its number."""
    began = NOW_NS - number * _MINUTE
    tools = ["refund" if number % 2 else "look_up", *(["odd \ud800 \0"] if number == 7 else [])]
    note = "rare" if number in {5, 50} else "usual"
    contents = [
        text_message("user", f"My parcel number {number} is late. Straße! {'again ' * (number % 3)}"),
        ModelCall(
            model=f"m-{number % 5}",
            usage=None if number % 4 == 0 else Usage(input_tokens=number * 100, output_tokens=1, cost_usd=number / 100),
            error="too many" if number % 10 == 3 else None,
        ),
        *(ToolCall(name=name, arguments={"note": note, "n": number}) for name in tools),
    ]
    steps = tuple(
        Step(id=f"s{n}", index=n, content=content, start_ns=began + n, end_ns=began + number * 10**9)
        for n, content in enumerate(contents)
    )
    return Trajectory(
        id=f"{number:032x}",
        conversation_id=f"session-{number // 10}",
        trace_ids=(f"{number:032x}",),
        runs=(AgentRun(id="a", name="shipping"),) if number % 6 == 0 else (),
        steps=steps,
        agent=_AGENTS[number % 2],
        attributes={semconv.USER: f"user {number % 3}"},
    )


def _filled(make_store: MakeStore) -> TraceStore:
    store = make_store()
    with store.batch():
        for number in range(1, _MANY):
            project = "shop" if number % 2 else ""
            store.append([parts.span(f"{number:032x}", 1)], project=project, at_ns=1)
            if number % 3:
                store.keep(_trajectory(number))
            else:
                status = "limit" if number % 9 == 0 else "completed"
                store.put_trial(
                    parts.trial(
                        run="r", repeat=number, status=status, agent=_AGENTS[number % 2], trajectory=f"{number:032x}"
                    ),
                    _trajectory(number),
                )
    return store


def _found(store: TraceStore, query: Find | str, limit: int = 100) -> list[int]:
    asked = parse(query, now_ns=NOW_NS) if isinstance(query, str) else query
    return [int(one.trajectory, 16) for one in store.find(asked, limit=limit).found]


def _all(number: int) -> bool:
    del number
    return True


def _none(number: int) -> bool:
    del number
    return False


_QUERIES: tuple[tuple[str, Callable[[int], bool]], ...] = (
    ("", _all),
    ("tool:refund", lambda n: n % 2 == 1),
    ("tool:refund,look_up agent:careful", lambda n: n % 2 == 0),
    ("-tool:refund", lambda n: n % 2 == 0),
    ("model:m-3", lambda n: n % 5 == 3),
    ("model:m-3,m-4 -model:m-4", lambda n: n % 5 == 3),
    ("agent:shipping", lambda n: n % 6 == 0),
    ("agent:shipping agent:hasty", _none),
    ("session:session-2", lambda n: n // 10 == 2),
    ('user:"user 1"', lambda n: n % 3 == 1),
    ("project:shop", lambda n: n % 2 == 1),
    ("status:error", lambda n: n % 10 == 3),
    ("status:ok", lambda n: n % 10 != 3),
    ("status:limit", lambda n: n % 9 == 0),
    ("run:r scenario:retail/refund-late", lambda n: n % 3 == 0),
    (f"trace:{7:032x}", lambda n: n == 7),
    ("cost>0.4", lambda n: n % 4 != 0 and n > 40),
    ("cost<=0.1 tokens>=301", lambda n: n % 4 != 0 and 3 <= n <= 10),
    ("tokens:501", lambda n: n == 5),
    ("duration>=30s duration<1m", lambda n: 30 <= n < 60),
    ("duration:1500ms", _none),
    ("since:10m", lambda n: n <= 10),
    ("until:50m", lambda n: n > 50),
    ("since:20m until:10m tool:refund -status:error", lambda n: 10 < n <= 20 and n % 2 == 1 and n % 10 != 3),
    ("rare", lambda n: n in {5, 50}),
    ("-rare since:6m", lambda n: n < 5 or n == 6),
    ('"number 17"', lambda n: n == 17),
    ('"17 number"', _none),
    ("late STRASSE parcel", _all),
    ('"again again"', lambda n: n % 3 == 2),
    ("nowhere", _none),
    ("agent:hasty cost>0.2 parcel since:45m", lambda n: n % 2 == 1 and 20 < n <= 45),
)


def queries_find_the_trajectories_that_meet_them(make_store: MakeStore) -> None:
    """Each condition alone and some together, the latest first."""
    store = _filled(make_store)
    for text, meets in _QUERIES:
        parts.same(_found(store, text), [n for n in range(1, _MANY) if meets(n)], f"found by {text!r}")
    odd = parse("tool:x", now_ns=NOW_NS)
    odd = replace(odd, named=(replace(odd.named[0], values=("odd \ud800 \0",)),))
    parts.same(_found(store, odd), [7], "found by a name that columns cannot hold")
    store.close()


def pages_of_what_is_found_join(make_store: MakeStore) -> None:
    """Page after page gives all that is found, each once, also where several began at the same moment."""
    store = _filled(make_store)
    for number in range(100, 120):
        store.keep(replace(_trajectory(9), id=f"{number:032x}"))
    for text in ("", "tool:refund", "parcel", "cost>0.01", '"number 9"', "-tool:look_up"):
        query = parse(text, now_ns=NOW_NS)
        whole = [one.trajectory for one in store.find(query, limit=200).found]
        for limit in (1, 7, len(whole)):
            found: list[str] = []
            page = store.find(query, limit=limit)
            while True:
                parts.that(len(page.found) <= limit, "a page is no longer than was asked")
                found += [one.trajectory for one in page.found]
                if page.after is None:
                    break
                page = store.find(query, after=page.after, limit=limit)
            parts.same(found, whole, f"pages of {limit} of {text!r}")
    for bad in ("", "x", "1", "1-", "-1", "1-2-3"):
        parts.raises(RequestError, lambda bad=bad: store.find(Find(), after=bad), f"a page after {bad!r}")
    store.close()


def what_is_found_follows_what_is_written(make_store: MakeStore) -> None:
    """A trajectory that is assembled again, labelled or judged is found by what holds now."""
    store = make_store()
    store.append([parts.span(parts.T1, 1)], project="shop")
    trajectory = replace(_trajectory(5), id=parts.T1, trace_ids=(parts.T1,))
    store.record("early", parts.T1, [parts.finding("unknown")], None)
    parts.same(list(store.find(Find()).found), [], "before it is kept")
    store.keep(trajectory)
    check = parts.finding().check
    wanted = Facts(
        trajectory=parts.T1,
        began_ns=NOW_NS - 5 * _MINUTE,
        duration_ns=5 * 10**9,
        cost_usd=0.05,
        tokens=501,
        names={
            "agent": ("hasty",),
            "finding": (check, f"{check}=unknown"),
            "model": ("m-0",),
            "project": ("shop",),
            "session": ("session-0",),
            "status": ("ok",),
            "tool": ("refund",),
            "trace": (parts.T1,),
            "user": ("user 2",),
            "verdict": ("unknown",),
        },
    )
    parts.same(list(store.find(Find()).found), [wanted], "what is found")
    store.record("r", parts.T1, [parts.finding("fail")], None)
    parts.same(len(store.find(parse("verdict:fail", now_ns=NOW_NS)).found), 1, "found by what was concluded since")
    store.put_label(parts.label(parts.T1, value=1.0))
    label = parts.label(parts.T1, value=1.0).criterion
    for text in ("verdict:fail verdict:unknown", f'finding:"{check}=fail"', f"label:{label}", f"label:{label}=1"):
        parts.same(len(store.find(parse(text, now_ns=NOW_NS)).found), 1, f"found by {text}")
    store.record("r", parts.T1, [parts.finding("pass")], None)
    store.put_label(replace(parts.label(parts.T1, value=0), note="again"))
    store.keep(replace(trajectory, steps=trajectory.steps[1:2], agent="renamed"))
    for text in ("verdict:fail", f"label:{label}=1", "agent:hasty", "tool:refund", "parcel"):
        parts.same(len(store.find(parse(text, now_ns=NOW_NS)).found), 0, f"no longer found by {text}")
    for text in ("verdict:pass", f"label:{label}=0", "agent:renamed"):
        parts.same(len(store.find(parse(text, now_ns=NOW_NS)).found), 1, f"found by {text} instead")
    store.close()


FIND_CHECKS: tuple[Callable[[MakeStore], None], ...] = (
    queries_find_the_trajectories_that_meet_them,
    pages_of_what_is_found_join,
    what_is_found_follows_what_is_written,
)
"""Every check of this module."""
