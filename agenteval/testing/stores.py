"""The exam of a `TraceStore`: checks that every store must pass, ours as anyone's. Needs no test framework.

Example:
    Sit the whole exam, or one check at a time with a framework of your choice:

    ```python
    store_conformance(lambda: MyStore(tmp_path / f"{uuid4()}.db"))


    @pytest.mark.parametrize("check", STORE_CHECKS, ids=lambda check: check.__name__)
    def test_my_store(check):
        check(make_store)
    ```

Values are compared to the letter: 1, 1.0 and true differ, NaN equals NaN, and a tuple may come back as a list.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeAlias, cast

from agenteval._util.canonical import content_hash
from agenteval._util.ids import derived
from agenteval.core import semconv
from agenteval.core.json import Json
from agenteval.core.message import Message, TextPart, ToolRequest, ToolResponse, text_message
from agenteval.core.outcome import Finding, Label, Measure, Run, Score, Trial
from agenteval.core.ports import Appended, Query, TraceStore
from agenteval.core.span import Attribute, LogRecord, Span, SpanEvent, SpanLink, SpanStatus
from agenteval.core.trajectory import (
    AgentRun,
    End,
    Handoff,
    Integrity,
    ModelCall,
    OfferedTool,
    Other,
    StateChange,
    Step,
    ToolCall,
    Trajectory,
    Usage,
)
from agenteval.errors import NotFound, RequestError

MakeStore: TypeAlias = Callable[[], TraceStore]
"""Gives a store that is new and empty each time."""

_T1, _T2 = "1" * 32, "2" * 32
_NOTHING: tuple[list[object], list[object]] = ([], [])
_RUN = "20261124-020435-1a2b3c"


def store_conformance(make_store: MakeStore) -> None:
    """Sit the whole exam. Raises AssertionError at the first answer that is wrong."""
    for check in STORE_CHECKS:
        check(make_store)


# --- spans


def appending_twice_is_appending_once(make_store: MakeStore) -> None:
    """An exporter may retry after a commit whose answer was lost."""
    store = make_store()
    spans, logs = _trace(_T1), [_log(_T1, 5), _log("", 6)]
    _same(store.append(spans, logs), Appended(new=len(spans)), "the first time")
    _same(store.append(spans, logs), Appended(repeated=len(spans)), "the second time")
    _same(store.append([spans[0], spans[0]]), Appended(repeated=2), "twice in one call")
    reordered = replace(spans[1], attributes=dict(reversed([*spans[1].attributes.items()])))
    _same(store.append([reordered]), Appended(repeated=1), "attributes in another order")
    _same(store.append([]), Appended(), "nothing")
    _same(store.read([_T1]), (_by_start(spans), logs[:1]), "what is read")
    _same(store.read([_T1, _T2, "", "no trace id"]), (_by_start(spans), logs[::-1]), "logs of no trace")
    _same(store.conflicts([_T1]), 0, "conflicts")
    store.close()


def conflicting_repeats_are_counted(make_store: MakeStore) -> None:
    """The first of two spans with one id stays; different ones after it are counted, each once."""
    store = make_store()
    first = _span(_T1, 1, attributes={"n": 1})
    others = [replace(first, attributes={"n": value}) for value in (1.0, True, "1")]
    _same(store.append([first, others[0]]), Appended(new=1, conflicting=1), "in one call")
    _same(store.append([*others, first]), Appended(repeated=1, conflicting=3), "in a later one")
    _same(store.conflicts([_T1, _T2]), 3, "different contents after the first")
    _same(store.conflicts([_T2]), 0, "conflicts of another trace")
    _same(store.read([_T1])[0], [first], "the first one stays")
    store.close()


def reads_do_not_depend_on_arrival(make_store: MakeStore) -> None:
    """Any order, any split and any repetition of the same spans read alike."""
    spans = [*_trace(_T1), *_conversation(_T2)]
    logs = [_log(_T2, at) for at in (3, 1, 2)]
    wanted = (_by_start(spans), sorted(logs, key=lambda log: log.at_ns))
    for seed in range(6):
        chance = random.Random(seed)  # noqa: S311 (an order, not a secret)
        store = make_store()
        arriving: list[Span | LogRecord] = [*spans, *logs, *spans[::3]]
        chance.shuffle(arriving)
        while arriving:
            some = [arriving.pop() for _ in range(min(len(arriving), chance.randint(1, 9)))]
            store.append(
                [item for item in some if isinstance(item, Span)],
                [item for item in some if isinstance(item, LogRecord)],
            )
        _same(store.read([_T2, _T1]), wanted, f"order {seed}")
        store.close()


def everything_of_a_span_survives(make_store: MakeStore) -> None:
    """Bytes, numbers of any size, NaN, NUL, lone surrogates, nested and empty values, events, links."""
    store = make_store()
    hard: dict[str, Attribute] = {
        "bytes": b"\x00\xff",
        "int64": -(2**63),
        "uint64": 2**64 - 1,
        "beyond": 10**30,
        "nan": float("nan"),
        "infinity": float("-inf"),
        "float": 1.0,
        "minus zero": -0.0,
        "none": None,
        "text": "NUL \0, lone \ud800, pair \U0001f600, line\nbreak",
        "": "",
        "key \udfff": [],
        "nested": {"a": [1, [True, {"b": None, "c": b"", "nan": [float("nan"), None]}]], "": {}},
        "mark": {"$agenteval": ["b", "AA=="], "$ref": 1},
        "$agenteval": "$agenteval",
        "large": "x" * 5_000,
        "large list": [{"n": number, "text": "y" * 50} for number in range(40)],
        semconv.INPUT_MESSAGES: [
            {"role": "user", "parts": [{"type": "text", "content": "\ud800"}]},
            {"odd": float("nan")},
        ],
        semconv.OUTPUT_MESSAGES: "no messages at all" * 40,
    }
    span = Span(
        trace_id=_T1,
        span_id="a" * 16,
        parent_id="b" * 16,
        name="na\0me \ud801",
        start_ns=2**64 - 1,
        end_ns=0,
        trace_state="vendor=1",
        flags=257,
        kind=3,
        status=SpanStatus(code=2, message="lone \udc00"),
        attributes=hard,
        events=(SpanEvent(name="e", at_ns=7, attributes=hard, dropped_attributes=1), SpanEvent(name="", at_ns=0)),
        links=(
            SpanLink(trace_id=_T2, span_id="c" * 16, trace_state="t", attributes=hard, dropped_attributes=2, flags=1),
        ),
        dropped_attributes=3,
        dropped_events=4,
        dropped_links=5,
        resource={"service.name": "s", "n": 1},
        scope={"name": "lib", "version": "1", "attributes": {"k": b"v"}},
        schema_url="https://example.com/schema",
    )
    others = [
        replace(span, span_id=f"{n:016x}", resource={"service.name": "s", "n": v}) for n, v in enumerate((1.0, True))
    ]
    log = LogRecord(trace_id=_T1, span_id="", at_ns=2**64 - 1, name="l", severity=9, body=hard, attributes=hard)
    store.append([span, *others], [log])
    _same(store.read([_T1]), ([*others, span], [log]), "what is read")
    store.close()


def repeated_conversations_come_back_whole(make_store: MakeStore) -> None:
    """Model calls that repeat a growing conversation, as lists and as JSON text, in one call and in many."""
    for together in (True, False):
        store = make_store()
        spans = _conversation(_T1)
        for some in [spans] if together else [[span] for span in reversed(spans)]:
            store.append(some)
        _same(store.read([_T1])[0], _by_start(spans), "in one call" if together else "one at a time, last first")
        store.close()


def malformed_ids_are_refused(make_store: MakeStore) -> None:
    """An id that is no id is the sender's mistake; nothing of the call is stored."""
    good = _span(_T1, 1)
    for bad in (
        replace(good, trace_id="short"),
        replace(good, trace_id="A" * 32),
        replace(good, span_id="z" * 16),
        replace(good, span_id=" " + "a" * 15),
        replace(good, parent_id=""),
    ):
        store = make_store()
        _raises(RequestError, lambda store=store, bad=bad: store.append([good, bad]), repr(bad))
        _same(store.read([_T1]), _NOTHING, "what was stored")
        store.close()


# --- transactions


class _Stop(Exception):
    """Ends a transaction from within."""


def a_batch_is_kept_whole_or_not_at_all(make_store: MakeStore) -> None:
    """What raises within a batch takes back all that the batch did."""
    store = make_store()
    store.append(_trace(_T1))
    trial, trajectory = _trial(trajectory=_T2), replace(_trajectory(_T2), end=End(start_state=content_hash({"a": 1})))

    def fail() -> None:
        with store.batch():
            store.append(_trace(_T2))
            store.put_run(_run(_RUN))
            store.put_trial(trial, trajectory, state={"a": 1})
            store.record(_RUN, _T2, [_finding()], None)
            _same(len(list(store.trials(Query()))), 1, "trials, as the batch itself sees them")
            raise _Stop

    _raises(_Stop, fail, "a batch that raises")
    _same(store.read([_T1, _T2])[0], _by_start(_trace(_T1)), "spans after a batch that raised")
    _same((store.runs(), list(store.trials(Query()))), _NOTHING, "records after it")
    _same(store.concluded(_T2), [], "conclusions after it")
    with store.batch():
        store.append(_trace(_T2))
        with store.batch():
            store.put_trial(trial, trajectory, state={"a": 1})
    _same(len(store.read([_T2])[0]), len(_trace(_T2)), "spans after a batch that did not")
    _same([found.start for _, found in store.trajectories(Query())], [{"a": 1}], "states after it")
    store.close()


def many_trials_are_kept_whole_or_not_at_all(make_store: MakeStore) -> None:
    """An iterable that raises half way leaves nothing behind."""
    store = make_store()

    def items(*, stop_at: int) -> Iterator[tuple[Trial, Trajectory | None, Json]]:
        for repeat in range(300):
            if repeat == stop_at:
                raise _Stop
            yield _trial(repeat=repeat, trajectory=f"{repeat:032x}"), _trajectory(f"{repeat:032x}"), None

    _raises(_Stop, lambda: store.put_trials(items(stop_at=250)), "an iterable that raises")
    _same(list(store.trials(Query())), [], "trials after it")
    store.put_trials(items(stop_at=-1))
    _same(len(list(store.trajectories(Query()))), 300, "trajectories after one that does not")
    store.close()


def readers_see_whole_transactions(make_store: MakeStore) -> None:
    """While one thread writes pairs, others never see half of one."""
    store = make_store()
    pairs = 60
    odd: list[int] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            count = len(store.read([_T1])[0])
            trials = len(list(store.trials(Query(run=_RUN))))
            if count % 2 or trials % 2:
                odd.append(count)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for number in range(pairs):
            with store.batch():
                store.append([_span(_T1, 2 * number)])
                store.append([_span(_T1, 2 * number + 1)])
                store.put_trials((_trial(repeat=2 * number + n, trajectory=None), None, None) for n in range(2))
    finally:
        done.set()
        for reader in readers:
            reader.join()
    _same(odd, [], "odd counts of what is written in pairs")
    _same(len(store.read([_T1])[0]), 2 * pairs, "spans in the end")
    store.close()


# --- trials and trajectories


def a_later_attempt_supersedes_an_earlier_one(make_store: MakeStore) -> None:
    """One trial stands for its identity, in the place of the first; the attempts stay countable."""
    store = make_store()
    attempts = [
        _trial(status="invalid", attempt=0, trajectory=None, error="the endpoint was down", fault_of="model"),
        _trial(status="invalid", attempt=1, trajectory=_T1),
        _trial(status="completed", attempt=2, trajectory=_T2),
    ]
    other = _trial(repeat=1, trajectory="3" * 32)
    store.put_trial(attempts[0], None)
    store.put_trial(other, None)
    store.put_trial(attempts[2], _trajectory(_T2))
    store.put_trial(attempts[1], _trajectory(_T1))  # came late, and does not take the place of a later attempt
    _same(list(store.trials(Query(run=_RUN))), [attempts[2], other], "the latest attempts")
    _same(list(store.attempts(Query(run=_RUN))), [*attempts, other], "all attempts")
    again = replace(attempts[2], status="agent_error", error="it raised")
    store.put_trial(again, _trajectory(_T2))
    _same(list(store.attempts(Query())), [*attempts[:2], again, other], "after the same attempt was stored again")
    store.close()


def a_trajectory_survives(make_store: MakeStore) -> None:
    """Every kind of step, with the world's state before it; a state that nobody stored is None."""
    store = make_store()
    state: Json = {"orders": {"1187": {"status": "paid", "total": 42.5}}, "empty": []}
    trajectory = replace(_trajectory(_T1), end=End(reason="completed", start_state=content_hash(state), end_state="e"))
    unknown = replace(_trajectory(_T2), end=End(start_state="f" * 64))
    store.put_trial(_trial(repeat=0, trajectory=_T1), trajectory, state=state)
    store.put_trial(_trial(repeat=1, trajectory=_T2), unknown)
    store.put_trial(_trial(repeat=2, trajectory="3" * 32), replace(trajectory, id="3" * 32), state=state)
    found = [trajectory for _, trajectory in store.trajectories(Query())]
    _same(found, [trajectory, unknown, replace(trajectory, id="3" * 32)], "trajectories")
    _same([one.start for one in found], [state, None, state], "their states before")
    _that(found[0].start is found[2].start, "equal states are one object")
    _same(store.trajectory(_T1).start, state, "the state of one")
    store.close()


def trajectories_of_another_assembler_are_told(make_store: MakeStore) -> None:
    """`outdated` names what this version did not assemble; here everything was assembled by this version."""
    store = make_store()
    store.put_trial(_trial(trajectory=_T1), _trajectory(_T1))
    store.put_trial(_trial(repeat=1, trajectory=None), None)
    _same(list(store.outdated(Query())), [], "nothing is outdated")
    again = replace(_trajectory(_T1), agent="renamed")
    store.keep(again)
    _same(store.trajectory(_T1), again, "a trajectory that was assembled again")
    store.close()


def queries_find_what_they_name(make_store: MakeStore) -> None:
    """Each condition alone and all together, over several pages; names may hold anything."""
    store = make_store()
    trials = [
        _trial(
            run=run,
            scenario=scenario,
            scenario_hash=scenario,
            agent=agent,
            repeat=repeat,
            status=("completed", "limit")[repeat % 2],
            trajectory=derived(run, scenario, agent, repeat) if repeat else None,
        )
        for run in ("run-1", "run-2")
        for scenario in ("retail/a", "odd \ud800 \0")
        for agent in ("careful", "\\~x")
        for repeat in range(40)
    ]
    store.put_trials((trial, _trajectory(trial.trajectory) if trial.trajectory else None, None) for trial in trials)
    queries = [
        Query(),
        Query(run="run-1"),
        Query(scenario="odd \ud800 \0"),
        Query(agent="\\~x"),
        Query(status="limit"),
        Query(trajectory=trials[-1].trajectory),
        Query(run="run-2", scenario="retail/a", agent="careful", status="completed"),
        Query(run="", scenario="", agent="", status="", trajectory=""),
        Query(run="run"),
        Query(scenario="nothing", agent="careful"),
    ]
    for query in queries:
        wanted = [trial for trial in trials if _matches(trial, query)]
        _same(list(store.trials(query)), wanted, f"trials of {query}")
        traced = [trial for trial in wanted if trial.trajectory]
        found = list(store.trajectories(query))
        _same([trial for trial, _ in found], traced, f"trials with trajectories of {query}")
        _same([one.id for _, one in found], [trial.trajectory for trial in traced], f"trajectories of {query}")
    store.close()


def reading_streams(make_store: MakeStore) -> None:
    """What is read a part at a time is read whole, also while it is written to; nothing comes twice."""
    store = make_store()
    many = 1_200
    store.put_trials((_trial(repeat=n, trajectory=f"{n:032x}"), Trajectory(id=f"{n:032x}"), None) for n in range(many))
    trials, trajectories = store.trials(Query(run=_RUN)), store.trajectories(Query(run=_RUN))
    seen = [next(trials).repeat for _ in range(700)]
    seen_trajectories = [next(trajectories)[0].repeat for _ in range(50)]
    store.put_trial(_trial(repeat=3, attempt=1, trajectory="a" * 32), Trajectory(id="a" * 32))
    seen += [trial.repeat for trial in trials]
    seen_trajectories += [trial.repeat for trial, _ in trajectories]
    _same(seen, list(range(many)), "trials")
    _same(seen_trajectories, list(range(many)), "trajectories")
    store.close()


# --- names


def prefixes_find_the_one_that_they_begin(make_store: MakeStore) -> None:
    """Runs and trajectories are found by id, by a prefix that only one has, and the newest run as `latest`."""
    store = make_store()
    _raises(NotFound, lambda: store.run("latest"), "the latest of no runs")
    _raises(NotFound, lambda: store.run("x"), "a run of none")
    runs = [
        _run("20261124-0001-aa", at="2026-11-24T00:01:00+00:00"),
        _run("20261124-0002-bb", at="2026-11-24T00:02:00+00:00"),
        _run("20261123", at="2026-11-23T00:00:00+00:00"),
        _run("2026112", at="2026-11-22T00:00:00+00:00"),
    ]
    for run in runs:
        store.put_run(run)
    _same(store.runs(), [runs[3], runs[2], runs[0], runs[1]], "runs, newest last")
    _same(store.run("latest"), runs[1], "the latest run")
    _same(store.run("20261124-0001"), runs[0], "a run by its prefix")
    _same(store.run("2026112"), runs[3], "an id that begins others")
    _names(_raises(NotFound, lambda: store.run("20261124"), "two"), "20261124-0001-aa", "20261124-0002-bb")
    _names(_raises(NotFound, lambda: store.run("20261124-0001-ab"), "a misspelt id"), "20261124-0001-aa")
    ids = ["ab" + "0" * 30, "ab" + "1" * 30, "cd" + "0" * 30]
    store.put_trials((_trial(repeat=n, trajectory=name), _trajectory(name), None) for n, name in enumerate(ids))
    _same(store.trajectory("cd").id, ids[2], "a trajectory by its prefix")
    _same(store.trajectory(ids[0]).id, ids[0], "a trajectory by its id")
    _names(_raises(NotFound, lambda: store.trajectory("ab"), "two"), ids[0], ids[1])
    _names(_raises(NotFound, lambda: store.trajectory("cd" + "0" * 29 + "1"), "a misspelt id"), ids[2])
    _raises(NotFound, lambda: store.trajectory("ab%"), "a pattern is no prefix")
    store.close()


# --- what was said and concluded


def records_replace_what_was_recorded(make_store: MakeStore) -> None:
    """The same run, label or conclusion again is one, in its first place, with its newest content."""
    store = make_store()
    store.put_run(_run("r"))
    store.put_run(replace(_run("r"), agents=("a", "b"), settings={"seed": 0, "nan": [1, 1.5, None]}))
    _same(store.runs(), [replace(_run("r"), agents=("a", "b"), settings={"seed": 0, "nan": [1, 1.5, None]})], "runs")
    first, second = _label(_T1, value=1.0), _label(_T2, value={"because": ["x", False]})
    for label in (first, second, replace(first, value=0, note="looked again"), replace(first, rater="other")):
        store.put_label(label)
    wanted = [replace(first, value=0, note="looked again"), second, replace(first, rater="other")]
    _same(list(store.labels(Query())), wanted, "labels")
    store.record("r", _T1, [_finding("pass")], _score(passed=True))
    store.record("r", _T2, [], None)
    store.record("r", _T1, [_finding("fail"), _finding("unknown")], _score(passed=False))
    findings = (_finding("fail"), _finding("unknown"))
    _same(
        store.concluded(_T1), [("r", findings, replace(_score(passed=False), findings=findings))], "what was concluded"
    )
    _same(store.concluded(_T2), [("r", (), None)], "what was concluded without a score")
    _same(store.concluded("3" * 32), [], "what nobody concluded")
    store.close()


def labels_are_found_by_their_trials(make_store: MakeStore) -> None:
    """A label belongs to a trajectory, and so to the trials that have it."""
    store = make_store()
    labels = [_label(f"{n:032x}", value=n) for n in range(6)]
    for label in labels:
        store.put_label(label)
    for n in range(4):
        run, agent = ("r1", "a") if n < 2 else ("r2", "b")
        store.put_trial(_trial(run=run, agent=agent, repeat=n, trajectory=f"{n:032x}"), None)
    _same(list(store.labels(Query())), labels, "all labels, those without a trial too")
    _same(list(store.labels(Query(run="r2"))), labels[2:4], "labels of a run")
    _same(list(store.labels(Query(agent="a", trajectory=labels[1].trajectory))), labels[1:2], "labels of one trial")
    _same(list(store.labels(Query(trajectory=labels[5].trajectory))), labels[5:], "labels of one trajectory")
    _same(list(store.labels(Query(run="r1", trajectory=labels[5].trajectory))), [], "labels of another run's")
    store.close()


def outcomes_go_with_their_trials(make_store: MakeStore) -> None:
    """The scores of a run with its trials; of a scoring run with the trials of the run that it scored."""
    store = make_store()
    store.put_run(_run("run"))
    store.put_run(replace(_run("scoring"), kind="scoring", parent="run"))
    superseded = _trial(run="run", status="invalid", trajectory="0" * 32)
    trials = [_trial(run="run", attempt=1, trajectory=_T1), _trial(run="run", repeat=1, trajectory=_T2)]
    never = [_trial(run="run", repeat=n, status="invalid", trajectory=None) for n in (2, 3)]
    elsewhere = _trial(run="other", trajectory=_T1)
    for trial in (superseded, *trials, *never, elsewhere):
        store.put_trial(trial, None if trial.trajectory is None else _trajectory(trial.trajectory))
    invalid = Score(status="invalid", passed=None)
    passed, failed = _score(passed=True), _score(passed=False)
    for run in ("run", "scoring"):
        store.record(run, superseded.trajectory or "", (), invalid)
        store.record(run, _T2, (), failed)
        store.record(run, _T1, [_finding("pass")], passed)
    store.record("run", "", (), invalid)
    store.record("run", "4" * 32, [_finding("unknown")], None)
    scored = [(trials[1], failed), (trials[0], replace(passed, findings=(_finding("pass"),)))]
    _same(list(store.outcomes("run")), [*scored, (never[0], invalid), (never[1], invalid)], "outcomes of the run")
    _same(list(store.outcomes("scoring")), scored, "outcomes of the scoring of it")
    _same(list(store.outcomes("other")), [], "outcomes of a run that was not scored")
    store.record("unheard of", _T1, (), passed)
    _same(list(store.outcomes("unheard of")), [(elsewhere, passed)], "outcomes of a run that is not stored")
    store.close()


STORE_CHECKS: tuple[Callable[[MakeStore], None], ...] = (
    appending_twice_is_appending_once,
    conflicting_repeats_are_counted,
    reads_do_not_depend_on_arrival,
    everything_of_a_span_survives,
    repeated_conversations_come_back_whole,
    malformed_ids_are_refused,
    a_batch_is_kept_whole_or_not_at_all,
    many_trials_are_kept_whole_or_not_at_all,
    readers_see_whole_transactions,
    a_later_attempt_supersedes_an_earlier_one,
    a_trajectory_survives,
    trajectories_of_another_assembler_are_told,
    queries_find_what_they_name,
    reading_streams,
    prefixes_find_the_one_that_they_begin,
    records_replace_what_was_recorded,
    labels_are_found_by_their_trials,
    outcomes_go_with_their_trials,
)
"""Every check, each with a store maker as its only argument."""


# --- comparing


def to_the_letter(value: object) -> object:
    """A value that is equal only to what says the same: with the type of each number, and lists for tuples."""
    if is_dataclass(value) and not isinstance(value, type):
        kept = {item.name: to_the_letter(getattr(value, item.name)) for item in fields(value) if item.compare}
        return (type(value).__name__, kept)
    if isinstance(value, Mapping):
        return {key: to_the_letter(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [to_the_letter(item) for item in cast("Sequence[Any]", value)]
    return (type(value).__name__, repr(value))


def _same(actual: object, wanted: object, what: str) -> None:
    if to_the_letter(actual) != to_the_letter(wanted):
        raise AssertionError(f"{what}:\n  wanted {wanted!r}\n  got    {actual!r}")


def _that(truth: bool, what: str) -> None:  # noqa: FBT001 (the truth is what it is about)
    if not truth:
        raise AssertionError(f"not so: {what}")


def _raises(kind: type[Exception], act: Callable[[], object], what: str) -> str:
    try:
        act()
    except kind as error:
        return str(error)
    raise AssertionError(f"{what}: wanted {kind.__name__}, and nothing was raised")


def _names(message: str, *names: str) -> None:
    missing = [name for name in names if name not in message]
    if missing:
        raise AssertionError(f"the message should name {', '.join(missing)}: {message}")


def _matches(trial: Trial, query: Query) -> bool:
    asked = {name: getattr(query, name) for name in ("run", "scenario", "agent", "status", "trajectory")}
    return all(getattr(trial, name) == wanted for name, wanted in asked.items() if wanted)


# --- made up


def _by_start(spans: Iterable[Span]) -> list[Span]:
    return sorted(spans, key=lambda span: (span.trace_id, span.start_ns, span.span_id))


def _span(trace_id: str, number: int, **values: Any) -> Span:
    given: dict[str, Any] = {"name": f"span {number}", "start_ns": number, "end_ns": number + 1, **values}
    return Span(trace_id=trace_id, span_id=f"{number:016x}", **given)


def _log(trace_id: str, at_ns: int) -> LogRecord:
    return LogRecord(trace_id=trace_id, span_id="a" * 16 if trace_id else "", at_ns=at_ns, body={"text": "said " * 80})


def _trace(trace_id: str) -> list[Span]:
    """A root, two children that share their resource, and a tool call."""
    common: dict[str, Any] = {"resource": {"service.name": "agent"}, "scope": {"name": "lib"}, "parent_id": f"{9:016x}"}
    return [
        _span(trace_id, 9, attributes={"root": True}, start_ns=1, end_ns=50),
        _span(trace_id, 8, attributes={"a": 1, "b": ["x"]}, **common),
        _span(trace_id, 7, attributes={"a": 2, "b": ["y" * 400]}, **common),
        _span(trace_id, 6, name="execute_tool look", attributes={semconv.TOOL_RESULT: {"rows": ["z" * 300]}}, **common),
    ]


def _message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _conversation(trace_id: str) -> list[Span]:
    """A conversation that model calls repeat as it grows, once as lists and once as JSON text of several styles."""
    said = [_message("system", "Be careful. " * 30), _message("user", "Hello.")]
    styles: list[Callable[[Any], Any]] = [
        lambda messages: messages,
        json.dumps,
        lambda messages: json.dumps(messages, ensure_ascii=False, separators=(",", ":")),
        lambda messages: json.dumps(messages, indent=1),
        lambda messages: json.dumps(messages) + " ",
    ]
    spans: list[Span] = []
    for turn in range(6):
        answer = {
            "role": "assistant",
            "parts": [{"type": "tool_call", "name": "look", "id": None, "arguments": {"n": turn}}],
        }
        for number, style in enumerate(styles):
            attributes = {
                semconv.OPERATION: semconv.CHAT,
                semconv.INPUT_MESSAGES: style([*said]),
                semconv.OUTPUT_MESSAGES: style([answer]),
            }
            spans.append(_span(trace_id, 10 * turn + number, attributes=attributes))
        result: dict[str, Any] = {"rows": [f"row {n} of {turn} ünïcode" for n in range(30)]}
        response = {"type": "tool_call_response", "id": None, "response": result}
        said += [answer, {"role": "tool", "parts": [response]}]
        spans.append(_span(trace_id, 10 * turn + 9, attributes={semconv.TOOL_RESULT: result}))
    # the same to Python, and not the same: a store must not take one for the other
    lookalike = [*said[:2], {**said[2], "parts": [{**said[2]["parts"][0], "arguments": {"n": False}}]}]
    spans.append(_span(trace_id, 100, attributes={semconv.INPUT_MESSAGES: lookalike}))
    spans.append(
        _span(trace_id, 101, attributes={semconv.INPUT_MESSAGES: [*said[:2], {**lookalike[2], "id": float("nan")}]})
    )
    spans.append(_span(trace_id, 102, attributes={semconv.INPUT_MESSAGES: []}))
    spans.append(_span(trace_id, 103, attributes={semconv.INPUT_MESSAGES: ["not a message", *said]}))
    return spans


def _run(run_id: str, at: str = "2026-11-24T02:04:35+00:00") -> Run:
    return Run(id=run_id, kind="execution", created_at=at, suite="retail", suite_hash="f" * 64, agents=("careful",))


def _trial(**values: Any) -> Trial:
    given: dict[str, Any] = {
        "run": _RUN,
        "scenario": "retail/refund-late",
        "scenario_hash": "e" * 64,
        "agent": "careful",
        "repeat": 0,
        "seed": 7,
        "status": "completed",
        "trajectory": _T1,
        "seconds": 1.5,
        **values,
    }
    return Trial(trace_ids=() if given["trajectory"] is None else (given["trajectory"],), **given)


def _trajectory(trajectory_id: str) -> Trajectory:
    """A trajectory with a step of every kind."""
    request = ToolRequest(name="look", arguments={"n": 1}, id="c1")
    tools = (OfferedTool(name="look", description="Looks.", parameters={"type": "object"}),)
    system, user = text_message("system", "Be careful."), text_message("user", "Hello, \ud800 and \0.")
    asked = Message(role="assistant", parts=(TextPart(text="Let me look."), request))
    told = Message(role="tool", parts=(ToolResponse(response={"rows": [1, 2.5, None]}, id="c1"),))
    calls = [
        ModelCall(model="m", messages=(system, user), offered_tools=tools, output=(asked,), requests=(request,)),
        ModelCall(
            model="m",
            messages=(system, user, asked, told),
            offered_tools=tools,
            output=(text_message("assistant", "Done."),),
            usage=Usage(input_tokens=10, output_tokens=0, cost_usd=0.001),
            finish="stop",
        ),
    ]
    contents = (
        user,
        calls[0],
        ToolCall(name="look", arguments={"n": 1}, result={"rows": [1, 2.5, None]}, call_id="c1", requested_by="s1"),
        StateChange(patch=({"op": "replace", "path": "/n", "value": 2**70},), caused_by="s2"),
        calls[1],
        Handoff(target="other"),
        Other(kind="later", data={"anything": [True]}),
    )
    steps = tuple(
        Step(id=f"s{n}", index=n, content=content, span_ids=(f"{n:016x}",), start_ns=n, end_ns=n + 1, run="a")
        for n, content in enumerate(contents)
    )
    return Trajectory(
        id=trajectory_id,
        conversation_id=trajectory_id,
        trace_ids=(trajectory_id,),
        runs=(AgentRun(id="a", name="careful", start_ns=0, end_ns=9),),
        steps=(replace(steps[0], missing={"x": "why"}, truncated=("y",), sources=("genai",)), *steps[1:]),
        integrity=Integrity(started=7, ended=7, stored=7, repeated=1),
        usage=Usage(input_tokens=10, output_tokens=0, cost_usd=0.001, unmeasured_calls=1),
        offered_tools=("look",),
        agent="careful",
        attributes={"agenteval.repeat": 0, "odd": [None, "\udfff"]},
    )


def _label(trajectory: str, *, value: Json) -> Label:
    return Label(
        trajectory=trajectory,
        criterion="reward@1",
        value=value,
        rater="file.json",
        scale=[0, 1],
        blinded=False,
        batch="b",
    )


def _finding(verdict: str = "pass") -> Finding:
    return Finding(
        check="at_most:1a2b",
        verdict=cast("Any", verdict),
        reason_code="held",
        reason="it held",
        title="at most 1 issue_refund",
        role="safety",
        weight=0,
        steps=("s1", "s2.1"),
        activations=0,
        measure=Measure(name="calls", value=None, unit="calls", scale=(0.0, 1.0), better="lower"),
        evidence={"expected": {"order": "1187"}, "actual": None},
    )


def _score(*, passed: bool) -> Score:
    return Score(status="scored", passed=passed, metrics={"calls": None, "turns": 0.5}, metric=0.5, coverage=1.0)
