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

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from agenteval._util.canonical import content_hash
from agenteval._util.ids import derived
from agenteval.core.json import Json
from agenteval.core.message import Message, TextPart, ToolRequest, ToolResponse, text_message
from agenteval.core.outcome import Score, Trial
from agenteval.core.ports import Appended, Query
from agenteval.core.span import LogRecord, Span, SpanEvent, SpanLink, SpanStatus
from agenteval.core.trajectory import (
    Content,
    End,
    Handoff,
    ModelCall,
    OfferedTool,
    Step,
    ToolCall,
    Trajectory,
)
from agenteval.errors import NotFound, RequestError
from agenteval.testing import store_parts as parts
from agenteval.testing.store_finding import FIND_CHECKS
from agenteval.testing.store_forgetting import FORGET_CHECKS
from agenteval.testing.store_parts import MakeStore
from agenteval.testing.store_traces import TRACE_CHECKS

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_NOTHING: tuple[list[object], list[object]] = ([], [])


def store_conformance(make_store: MakeStore) -> None:
    """Sit the whole exam. Raises AssertionError at the first answer that is wrong."""
    for check in STORE_CHECKS:
        check(make_store)


# --- spans


def appending_twice_is_appending_once(make_store: MakeStore) -> None:
    """An exporter may retry after a commit whose answer was lost."""
    store = make_store()
    spans, logs = parts.trace(parts.T1), [parts.log(parts.T1, 5), parts.log("", 6)]
    parts.same(store.append(spans, logs), Appended(new=len(spans)), "the first time")
    parts.same(store.append(spans, logs), Appended(repeated=len(spans)), "the second time")
    parts.same(store.append([spans[0], spans[0]]), Appended(repeated=2), "twice in one call")
    reordered = replace(spans[1], attributes=dict(reversed([*spans[1].attributes.items()])))
    parts.same(store.append([reordered]), Appended(repeated=1), "attributes in another order")
    parts.same(store.append([]), Appended(), "nothing")
    parts.same(store.read([parts.T1]), (parts.by_start(spans), logs[:1]), "what is read")
    parts.same(
        store.read([parts.T1, parts.T2, "", "no trace id"]), (parts.by_start(spans), logs[::-1]), "logs of no trace"
    )
    parts.same(store.conflicts([parts.T1]), 0, "conflicts")
    store.close()


def conflicting_repeats_are_counted(make_store: MakeStore) -> None:
    """The first of two spans with one id stays; different ones after it are counted, each once."""
    store = make_store()
    first = parts.span(parts.T1, 1, attributes={"n": 1})
    others = [replace(first, attributes={"n": value}) for value in (1.0, True, "1")]
    parts.same(store.append([first, others[0]]), Appended(new=1, conflicting=1), "in one call")
    parts.same(store.append([*others, first]), Appended(repeated=1, conflicting=3), "in a later one")
    parts.same(store.conflicts([parts.T1, parts.T2]), 3, "different contents after the first")
    parts.same(store.conflicts([parts.T2]), 0, "conflicts of another trace")
    parts.same(store.read([parts.T1])[0], [first], "the first one stays")
    store.close()


def reads_do_not_depend_on_arrival(make_store: MakeStore) -> None:
    """Any order, any split and any repetition of the same spans read alike."""
    spans = [*parts.trace(parts.T1), *parts.conversation(parts.T2)]
    logs = [parts.log(parts.T2, at) for at in (3, 1, 2)]
    wanted = (parts.by_start(spans), sorted(logs, key=lambda log: log.at_ns))
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
        parts.same(store.read([parts.T2, parts.T1]), wanted, f"order {seed}")
        store.close()


def everything_of_a_span_survives(make_store: MakeStore) -> None:
    """Bytes, numbers of any size, NaN, NUL, lone surrogates, nested and empty values, events, links."""
    store = make_store()
    hard = parts.hard_attributes()
    span = Span(
        trace_id=parts.T1,
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
            SpanLink(
                trace_id=parts.T2, span_id="c" * 16, trace_state="t", attributes=hard, dropped_attributes=2, flags=1
            ),
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
    log = LogRecord(
        trace_id=parts.T1,
        span_id="",
        at_ns=2**64 - 1,
        observed_ns=2**64 - 1,
        name="l",
        severity=9,
        severity_text="info",
        body=hard,
        attributes=hard,
        dropped_attributes=2,
        flags=1,
        schema_url="https://example.com/schema",
    )
    store.append([span, *others], [log])
    parts.same(store.read([parts.T1]), ([*others, span], [log]), "what is read")
    store.close()


def repeated_conversations_come_back_whole(make_store: MakeStore) -> None:
    """Model calls that repeat a growing conversation, as lists and as JSON text, in one call and in many."""
    for together in (True, False):
        store = make_store()
        spans = parts.conversation(parts.T1)
        for some in [spans] if together else [[span] for span in reversed(spans)]:
            store.append(some)
        parts.same(
            store.read([parts.T1])[0], parts.by_start(spans), "in one call" if together else "one at a time, last first"
        )
        store.close()


def malformed_ids_are_refused(make_store: MakeStore) -> None:
    """An id that is no id is the sender's mistake; nothing of the call is stored."""
    good = parts.span(parts.T1, 1)
    for bad in (
        replace(good, trace_id="short"),
        replace(good, trace_id="A" * 32),
        replace(good, span_id="z" * 16),
        replace(good, span_id=" " + "a" * 15),
        replace(good, parent_id=""),
    ):
        store = make_store()
        parts.raises(RequestError, lambda store=store, bad=bad: store.append([good, bad]), repr(bad))
        parts.same(store.read([parts.T1]), _NOTHING, "what was stored")
        store.close()


# --- transactions


class _Stop(Exception):
    """Ends a transaction from within."""


def a_batch_is_kept_whole_or_not_at_all(make_store: MakeStore) -> None:
    """What raises within a batch takes back all that the batch did."""
    store = make_store()
    store.append(parts.trace(parts.T1))
    trial, trajectory = (
        parts.trial(trajectory=parts.T2),
        replace(parts.trajectory(parts.T2), end=End(start_state=content_hash({"a": 1}))),
    )

    def fail() -> None:
        with store.batch():
            store.append(parts.trace(parts.T2))
            store.put_run(parts.run(parts.RUN))
            store.put_trial(trial, trajectory, state={"a": 1})
            store.record(parts.RUN, parts.T2, [parts.finding()], None)
            parts.same(len(list(store.trials(Query()))), 1, "trials, as the batch itself sees them")
            raise _Stop

    parts.raises(_Stop, fail, "a batch that raises")
    parts.same(
        store.read([parts.T1, parts.T2])[0], parts.by_start(parts.trace(parts.T1)), "spans after a batch that raised"
    )
    parts.same((store.runs(), list(store.trials(Query()))), _NOTHING, "records after it")
    parts.same(store.concluded(parts.T2), [], "conclusions after it")
    with store.batch():
        store.append(parts.trace(parts.T2))
        with store.batch():
            store.put_trial(trial, trajectory, state={"a": 1})
    parts.same(len(store.read([parts.T2])[0]), len(parts.trace(parts.T2)), "spans after a batch that did not")
    parts.same([found.start for _, found in store.trajectories(Query())], [{"a": 1}], "states after it")
    store.close()


def many_trials_are_kept_whole_or_not_at_all(make_store: MakeStore) -> None:
    """An iterable that raises half way leaves nothing behind."""
    store = make_store()

    def items(*, stop_at: int) -> Iterator[tuple[Trial, Trajectory | None, Json]]:
        for repeat in range(300):
            if repeat == stop_at:
                raise _Stop
            yield parts.trial(repeat=repeat, trajectory=f"{repeat:032x}"), parts.trajectory(f"{repeat:032x}"), None

    parts.raises(_Stop, lambda: store.put_trials(items(stop_at=250)), "an iterable that raises")
    parts.same(list(store.trials(Query())), [], "trials after it")
    store.put_trials(items(stop_at=-1))
    parts.same(len(list(store.trajectories(Query()))), 300, "trajectories after one that does not")
    store.close()


def readers_see_whole_transactions(make_store: MakeStore) -> None:
    """While one thread writes pairs, others never see half of one."""
    store = make_store()
    pairs = 60
    odd: list[int] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            count = len(store.read([parts.T1])[0])
            trials = len(list(store.trials(Query(run=parts.RUN))))
            if count % 2 or trials % 2:
                odd.append(count)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for number in range(pairs):
            with store.batch():
                store.append([parts.span(parts.T1, 2 * number)])
                store.append([parts.span(parts.T1, 2 * number + 1)])
                store.put_trials((parts.trial(repeat=2 * number + n, trajectory=None), None, None) for n in range(2))
    finally:
        done.set()
        for reader in readers:
            reader.join()
    parts.same(odd, [], "odd counts of what is written in pairs")
    parts.same(len(store.read([parts.T1])[0]), 2 * pairs, "spans in the end")
    store.close()


# --- trials and trajectories


def a_later_attempt_supersedes_an_earlier_one(make_store: MakeStore) -> None:
    """One trial stands for its identity, in the place of the first; the attempts stay countable."""
    store = make_store()
    attempts = [
        parts.trial(status="invalid", attempt=0, trajectory=None, error="the endpoint was down", fault_of="model"),
        parts.trial(status="invalid", attempt=1, trajectory=parts.T1),
        parts.trial(status="completed", attempt=2, trajectory=parts.T2),
    ]
    other = parts.trial(repeat=1, trajectory="3" * 32)
    store.put_trial(attempts[0], None)
    store.put_trial(other, None)
    store.put_trial(attempts[2], parts.trajectory(parts.T2))
    store.put_trial(
        attempts[1], parts.trajectory(parts.T1)
    )  # came late, and does not take the place of a later attempt
    parts.same(list(store.trials(Query(run=parts.RUN))), [attempts[2], other], "the latest attempts")
    parts.same(list(store.attempts(Query(run=parts.RUN))), [*attempts, other], "all attempts")
    again = replace(attempts[2], status="agent_error", error="it raised")
    store.put_trial(again, parts.trajectory(parts.T2))
    parts.same(list(store.attempts(Query())), [*attempts[:2], again, other], "after the same attempt was stored again")
    store.close()


def a_trajectory_survives(make_store: MakeStore) -> None:
    """Every kind of step, with the world's state before it; a state that nobody stored is None."""
    store = make_store()
    state: Json = {"orders": {"1187": {"status": "paid", "total": 42.5}}, "empty": []}
    trajectory = replace(
        parts.trajectory(parts.T1), end=End(reason="completed", start_state=content_hash(state), end_state="e")
    )
    unknown = replace(parts.trajectory(parts.T2), end=End(start_state="f" * 64))
    store.put_trial(parts.trial(repeat=0, trajectory=parts.T1), trajectory, state=state)
    store.put_trial(parts.trial(repeat=1, trajectory=parts.T2), unknown)
    store.put_trial(parts.trial(repeat=2, trajectory="3" * 32), replace(trajectory, id="3" * 32), state=state)
    found = [trajectory for _, trajectory in store.trajectories(Query())]
    parts.same(found, [trajectory, unknown, replace(trajectory, id="3" * 32)], "trajectories")
    parts.same([one.start for one in found], [state, None, state], "their states before")
    parts.that(found[0].start is found[2].start, "equal states are one object")
    parts.same(store.trajectory(parts.T1).start, state, "the state of one")
    store.close()


def a_long_trajectory_survives(make_store: MakeStore) -> None:
    """One of some hundred thousand characters that nothing compresses, with results, tools and odd values in it."""
    chance = random.Random(5)  # noqa: S311 (texts, not secrets)

    def noise(size: int) -> str:
        return "".join(chance.choices(_LETTERS, k=size))

    tools = tuple(OfferedTool(name=f"t{n}", description=noise(90), parameters={"type": "object"}) for n in range(9))
    # what a tool answered before the trajectory begins, and no step has
    earlier = Message(role="tool", parts=(ToolResponse(response={"earlier": noise(400)}, id="c"),))
    said = [text_message("system", noise(2_000)), earlier]
    steps: list[Step] = []

    def add(content: Content) -> None:
        steps.append(Step(id=f"s{len(steps)}", index=len(steps), content=content))

    for turn in range(120):
        said.append(text_message("user", f"{turn} \ud800" if turn % 7 == 0 else noise(400)))
        add(said[-1])
        request = ToolRequest(name="t1", arguments={"q": noise(300)}, id=f"c{turn}")
        asked = Message(role="assistant", parts=(TextPart(text=noise(20)), request))
        add(ModelCall(model="m", messages=tuple(said[-3:]), offered_tools=tools, output=(asked,), requests=(request,)))
        result: Json = {"rows": [noise(200), turn, 2**70, {"$agenteval": noise(200)}]}
        add(ToolCall(name="t1", arguments=request.arguments, result=result, call_id=request.id))
        said += [asked, Message(role="tool", parts=(ToolResponse(response=result, id=request.id),))]
    long = Trajectory(id=parts.T1, steps=tuple(steps))
    longer = Trajectory(id=parts.T2, steps=(*steps, Step(id="last", index=len(steps), content=Handoff(target="other"))))
    store = make_store()
    store.put_trial(parts.trial(trajectory=parts.T1), long)
    store.put_trials(
        [
            (parts.trial(repeat=1, trajectory=parts.T2), longer, None),
            (parts.trial(repeat=2), parts.trajectory(parts.T1), None),
        ]
    )
    store.keep(long)
    parts.same([found for _, found in store.trajectories(Query())], [long, longer, long], "trajectories")
    parts.same(store.trajectory(parts.T2), longer, "one of them")
    store.close()


def trajectories_of_another_assembler_are_told(make_store: MakeStore) -> None:
    """`outdated` names what this version did not assemble; here everything was assembled by this version."""
    store = make_store()
    store.put_trial(parts.trial(trajectory=parts.T1), parts.trajectory(parts.T1))
    store.put_trial(parts.trial(repeat=1, trajectory=None), None)
    parts.same(list(store.outdated(Query())), [], "nothing is outdated")
    again = replace(parts.trajectory(parts.T1), agent="renamed")
    store.keep(again)
    parts.same(store.trajectory(parts.T1), again, "a trajectory that was assembled again")
    store.close()


def queries_find_what_they_name(make_store: MakeStore) -> None:
    """Each condition alone and all together, over several pages; names may hold anything."""
    store = make_store()
    trials = [
        parts.trial(
            run=run,
            scenario=scenario,
            scenario_hash=scenario,
            agent=agent,
            repeat=repeat,
            status=("completed", "limit")[repeat % 2],
            trajectory=derived(run, scenario, agent, repeat) if repeat else None,
        )
        for run in ("run-1", "run-2")
        for scenario in ("retail/a", "odd \ud800 \0", "odd ? \0")
        for agent in ("careful", "\\~x")
        for repeat in range(40)
    ]
    store.put_trials(
        (trial, parts.trajectory(trial.trajectory) if trial.trajectory else None, None) for trial in trials
    )
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
        wanted = [trial for trial in trials if parts.matches(trial, query)]
        parts.same(list(store.trials(query)), wanted, f"trials of {query}")
        traced = [trial for trial in wanted if trial.trajectory]
        found = list(store.trajectories(query))
        parts.same([trial for trial, _ in found], traced, f"trials with trajectories of {query}")
        parts.same([one.id for _, one in found], [trial.trajectory for trial in traced], f"trajectories of {query}")
    store.close()


def reading_streams(make_store: MakeStore) -> None:
    """What is read a part at a time is read whole, also while it is written to; nothing comes twice."""
    store = make_store()
    many = 1_200
    store.put_trials(
        (parts.trial(repeat=n, trajectory=f"{n:032x}"), Trajectory(id=f"{n:032x}"), None) for n in range(many)
    )
    trials, trajectories = store.trials(Query(run=parts.RUN)), store.trajectories(Query(run=parts.RUN))
    seen = [next(trials).repeat for _ in range(700)]
    seen_trajectories = [next(trajectories)[0].repeat for _ in range(50)]
    store.put_trial(parts.trial(repeat=3, attempt=1, trajectory="a" * 32), Trajectory(id="a" * 32))
    seen += [trial.repeat for trial in trials]
    seen_trajectories += [trial.repeat for trial, _ in trajectories]
    parts.same(seen, list(range(many)), "trials")
    parts.same(seen_trajectories, list(range(many)), "trajectories")
    store.close()


# --- names


def prefixes_find_the_one_that_they_begin(make_store: MakeStore) -> None:
    """Runs and trajectories are found by id, by a prefix that only one has, and the newest run as `latest`."""
    store = make_store()
    parts.raises(NotFound, lambda: store.run("latest"), "the latest of no runs")
    parts.raises(NotFound, lambda: store.run("x"), "a run of none")
    runs = [
        parts.run("20261124-0001-aa", at="2026-11-24T00:01:00+00:00"),
        parts.run("20261124-0002-bb", at="2026-11-24T00:02:00+00:00"),
        parts.run("20261123", at="2026-11-23T00:00:00+00:00"),
        parts.run("2026112", at="2026-11-22T00:00:00+00:00"),
    ]
    for run in runs:
        store.put_run(run)
    parts.same(store.runs(), [runs[3], runs[2], runs[0], runs[1]], "runs, newest last")
    parts.same(store.run("latest"), runs[1], "the latest run")
    parts.same(store.run("20261124-0001"), runs[0], "a run by its prefix")
    parts.same(store.run("2026112"), runs[3], "an id that begins others")
    parts.names(parts.raises(NotFound, lambda: store.run("20261124"), "two"), "20261124-0001-aa", "20261124-0002-bb")
    parts.names(parts.raises(NotFound, lambda: store.run("20261124-0001-ab"), "a misspelt id"), "20261124-0001-aa")
    ids = ["ab" + "0" * 30, "ab" + "1" * 30, "cd" + "0" * 30]
    store.put_trials(
        (parts.trial(repeat=n, trajectory=name), parts.trajectory(name), None) for n, name in enumerate(ids)
    )
    parts.same(store.trajectory("cd").id, ids[2], "a trajectory by its prefix")
    parts.same(store.trajectory(ids[0]).id, ids[0], "a trajectory by its id")
    told = "retail/refund-late"
    parts.names(parts.raises(NotFound, lambda: store.trajectory("ab"), "two"), ids[0][:12], ids[1][:12], told)
    parts.names(parts.raises(NotFound, lambda: store.trajectory("cd" + "0" * 29 + "1"), "one"), ids[2][:12], told)
    parts.names(parts.raises(NotFound, lambda: store.trajectory("zzz"), "none like it"), ids[2][:12], told)
    parts.raises(NotFound, lambda: store.trajectory("ab%"), "a pattern is no prefix")
    store.close()


# --- what was said and concluded


def records_replace_what_was_recorded(make_store: MakeStore) -> None:
    """The same run, label or conclusion again is one, in its first place, with its newest content."""
    store = make_store()
    store.put_run(parts.run("r"))
    store.put_run(replace(parts.run("r"), agents=("a", "b"), settings={"seed": 0, "nan": [1, 1.5, None]}))
    parts.same(
        store.runs(), [replace(parts.run("r"), agents=("a", "b"), settings={"seed": 0, "nan": [1, 1.5, None]})], "runs"
    )
    first, second = parts.label(parts.T1, value=1.0), parts.label(parts.T2, value={"because": ["x", False]})
    for label in (first, second, replace(first, value=0, note="looked again"), replace(first, rater="other")):
        store.put_label(label)
    wanted = [replace(first, value=0, note="looked again"), second, replace(first, rater="other")]
    parts.same(list(store.labels(Query())), wanted, "labels")
    store.record("r", parts.T1, [parts.finding("pass")], parts.score(passed=True))
    store.record("r", parts.T2, [], None)
    store.record("r", parts.T1, [parts.finding("fail"), parts.finding("unknown")], parts.score(passed=False))
    findings = (parts.finding("fail"), parts.finding("unknown"))
    parts.same(
        store.concluded(parts.T1),
        [("r", findings, replace(parts.score(passed=False), findings=findings))],
        "what was concluded",
    )
    parts.same(store.concluded(parts.T2), [("r", (), None)], "what was concluded without a score")
    parts.same(store.concluded("3" * 32), [], "what nobody concluded")
    store.close()


def labels_are_found_by_their_trials(make_store: MakeStore) -> None:
    """A label belongs to a trajectory, and so to the trials that have it."""
    store = make_store()
    labels = [parts.label(f"{n:032x}", value=n) for n in range(6)]
    for label in labels:
        store.put_label(label)
    for n in range(4):
        run, agent = ("r1", "a") if n < 2 else ("r2", "b")
        store.put_trial(parts.trial(run=run, agent=agent, repeat=n, trajectory=f"{n:032x}"), None)
    parts.same(list(store.labels(Query())), labels, "all labels, those without a trial too")
    parts.same(list(store.labels(Query(run="r2"))), labels[2:4], "labels of a run")
    parts.same(
        list(store.labels(Query(agent="a", trajectory=labels[1].trajectory))), labels[1:2], "labels of one trial"
    )
    parts.same(list(store.labels(Query(trajectory=labels[5].trajectory))), labels[5:], "labels of one trajectory")
    parts.same(list(store.labels(Query(run="r1", trajectory=labels[5].trajectory))), [], "labels of another run's")
    store.close()


def outcomes_go_with_their_trials(make_store: MakeStore) -> None:
    """The scores of a run with its trials; of a scoring run with the trials of the run that it scored."""
    store = make_store()
    store.put_run(parts.run("run"))
    store.put_run(replace(parts.run("scoring"), kind="scoring", parent="run"))
    superseded = parts.trial(run="run", status="invalid", trajectory="0" * 32)
    trials = [
        parts.trial(run="run", attempt=1, trajectory=parts.T1),
        parts.trial(run="run", repeat=1, trajectory=parts.T2),
    ]
    never = [parts.trial(run="run", repeat=n, status="invalid", trajectory=None) for n in (2, 3)]
    elsewhere = parts.trial(run="other", trajectory=parts.T1)
    for trial in (superseded, *trials, *never, elsewhere):
        store.put_trial(trial, None if trial.trajectory is None else parts.trajectory(trial.trajectory))
    invalid = Score(status="invalid", passed=None)
    passed, failed = parts.score(passed=True), parts.score(passed=False)
    for run in ("run", "scoring"):
        store.record(run, superseded.trajectory or "", (), invalid)
        store.record(run, parts.T2, (), failed)
        store.record(run, parts.T1, [parts.finding("pass")], passed)
    store.record("run", "", (), invalid)
    store.record("run", "4" * 32, [parts.finding("unknown")], None)
    scored = [(trials[1], failed), (trials[0], replace(passed, findings=(parts.finding("pass"),)))]
    parts.same(list(store.outcomes("run")), [*scored, (never[0], invalid), (never[1], invalid)], "outcomes of the run")
    parts.same(list(store.outcomes("scoring")), scored, "outcomes of the scoring of it")
    parts.same(list(store.outcomes("other")), [], "outcomes of a run that was not scored")
    store.record("unheard of", parts.T1, (), passed)
    parts.same(list(store.outcomes("unheard of")), [(elsewhere, passed)], "outcomes of a run that is not stored")
    store.close()


STORE_CHECKS: tuple[Callable[[MakeStore], None], ...] = (
    appending_twice_is_appending_once,
    conflicting_repeats_are_counted,
    reads_do_not_depend_on_arrival,
    everything_of_a_span_survives,
    repeated_conversations_come_back_whole,
    malformed_ids_are_refused,
    *TRACE_CHECKS,
    *FIND_CHECKS,
    *FORGET_CHECKS,
    a_batch_is_kept_whole_or_not_at_all,
    many_trials_are_kept_whole_or_not_at_all,
    readers_see_whole_transactions,
    a_later_attempt_supersedes_an_earlier_one,
    a_trajectory_survives,
    a_long_trajectory_survives,
    trajectories_of_another_assembler_are_told,
    queries_find_what_they_name,
    reading_streams,
    prefixes_find_the_one_that_they_begin,
    records_replace_what_was_recorded,
    labels_are_found_by_their_trials,
    outcomes_go_with_their_trials,
)
"""Every check, each with a store maker as its only argument."""
