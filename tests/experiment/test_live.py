"""Traces are closed once nothing more comes of them, and done again where something comes late."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import agenteval
from agenteval.core.find import parse
from agenteval.core.message import Message
from agenteval.core.ports import Query, TraceStore
from agenteval.core.span import Span
from agenteval.core.traces import TraceQuery, TraceSeen
from agenteval.core.trajectory import ModelCall, ToolCall
from agenteval.errors import StoreError
from agenteval.experiment.live import Closed, Live, Rule, sampled
from agenteval.experiment.stores import reassemble
from agenteval.telemetry.conversations import Naming
from agenteval.telemetry.otlp import decode_traces

CAPTURES = Path(__file__).parents[2] / "traces" / "captures"
QUIET = 30 * 10**9


class Clock:
    now = 1_000 * 10**9

    def __call__(self) -> int:
        return self.now

    def later(self, seconds: float) -> None:
        self.now += round(seconds * 1e9)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory:", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    made = agenteval.open_store(request.param if request.param == "memory:" else tmp_path / "store.db")
    yield made
    made.close()


def spans_of(name: str) -> list[Span]:
    files = sorted((CAPTURES / name / "wire").glob("*.traces.pb.gz"))
    return [span for file in files for span in decode_traces(gzip.decompress(file.read_bytes()))]


def live(store: TraceStore, clock: Clock, *rules: Rule, naming: dict[str, Naming] | None = None) -> Live:
    return Live(store, quiet_ns=QUIET, naming=naming or {}, rules=rules, now=clock)


def rule(*written: Any, **more: Any) -> Rule:
    return Rule(name="rule", checks=agenteval.parse_checks(list(written)), **more)


def states(store: TraceStore) -> Counter[str]:
    return Counter(seen.state for seen in store.traces(TraceQuery()))


def kinds(store: TraceStore, name: str) -> Counter[str]:
    return Counter(step.content.kind for step in store.trajectory(name).steps)


def test_a_trace_is_closed_once_nothing_more_comes(store: TraceStore, clock: Clock) -> None:
    store.append(spans_of("langfuse_observe"), live=True, project="desk", at_ns=clock())
    clock.later(29)
    assert live(store, clock).close().traces == 0
    assert states(store) == {"open": 2}
    clock.later(2)
    closed = live(store, clock).close()
    assert (closed.traces, closed.trajectories) == (2, 1)
    assert states(store) == {"closed": 2}
    (trial,) = store.trials(Query(run="live-desk"))
    assert (trial.scenario, trial.agent, trial.status, len(trial.trace_ids)) == (
        "reading-room-7",
        "desk",
        "completed",
        2,
    )
    assert kinds(store, trial.trajectory or "") == {"message": 5, "model_call": 7, "tool_call": 6}
    assert store.run("live-desk").kind == "production"
    assert live(store, clock).close().traces == 0


def test_what_comes_late_opens_a_trace_again_and_its_trajectory_is_made_anew(store: TraceStore, clock: Clock) -> None:
    spans = spans_of("langchain_openinference")
    late = next(span for span in spans if span.name == "reserve")
    store.append([span for span in spans if span is not late], live=True, at_ns=clock())
    clock.later(31)
    asked = rule({"at_least": {"reserve": 1}, "status": "ok"})
    live(store, clock, asked).close()
    (trial,) = store.trials(Query(run="live-default"))
    before = store.trajectory(trial.trajectory or "")
    run = next(run for run, _, _ in store.concluded(before.id) if run != "live-default")
    store.append([late], live=True, at_ns=clock())
    assert states(store) == {"reopened": 1, "closed": 1}
    clock.later(31)
    closed = live(store, clock, asked).close()
    assert (closed.traces, closed.trajectories) == (1, 1)
    (again,) = store.trials(Query(run="live-default"))
    assert again.trajectory == trial.trajectory
    after = store.trajectory(trial.trajectory or "")
    assert len(after.trace_ids) == 2  # the whole conversation, though one of its traces was opened alone
    assert before.integrity.stored + 1 == after.integrity.stored
    assert [name for name, _, _ in store.concluded(after.id)] == ["live-default", run]  # judged once a version, anew


def test_a_conversation_goes_on_after_it_was_closed(store: TraceStore, clock: Clock) -> None:
    spans = spans_of("openai_agents_openinference")
    first, second = sorted(
        {span.trace_id for span in spans}, key=lambda name: min(s.start_ns for s in spans if s.trace_id == name)
    )
    for trace in (first, second):
        store.append([span for span in spans if span.trace_id == trace], live=True, at_ns=clock())
        clock.later(31)
        live(store, clock).close()
    (trial,) = store.trials(Query(run="live-default"))
    assert trial.trace_ids == (first, second)
    said = [
        message.text for _, message in store.trajectory(trial.trajectory or "").of(Message) if message.role == "user"
    ]
    assert len(said) == 2


def test_traces_of_other_things_are_closed_and_are_no_trials(store: TraceStore, clock: Clock) -> None:
    span = Span(trace_id="a" * 32, span_id="b" * 16, name="GET /", start_ns=1, end_ns=2, scope={"name": "http"})
    store.append([span], live=True, at_ns=clock())
    clock.later(31)
    closed = live(store, clock).close()
    assert (closed.traces, closed.trajectories) == (1, 0)
    assert list(store.trials(Query(run="live-default"))) == []


def test_rules_judge_what_they_are_about(store: TraceStore, clock: Clock) -> None:
    for name in ("langfuse_observe", "pydantic_ai"):
        store.append(spans_of(name), live=True, at_ns=clock())
    clock.later(31)
    twice = rule({"at_most": {"renew_loan": 1}}, where=parse("session:reading-room-7", now_ns=clock()))
    judged = live(store, clock, twice).close().judged
    assert [(name, finding.verdict) for name, finding in judged] == [("rule", "fail")]
    (scoring,) = [run for run in store.runs() if run.kind == "scoring"]
    assert (scoring.parent, scoring.settings["rule"]) == ("live-default", "rule")
    assert [score.passed for _, score in store.outcomes(scoring.id)] == [False]


def test_a_rule_may_assume_that_what_came_is_all_there_was(store: TraceStore, clock: Clock) -> None:
    store.append(spans_of("langfuse_observe"), live=True, at_ns=clock())
    clock.later(31)
    asks = {"at_most": {"renew_loan": 5}}
    wary, trusting = rule(asks), replace(rule(asks, assume_complete=True), name="trusting")
    assert wary.version != trusting.version
    judged = live(store, clock, wary, trusting).close().judged
    assert [(name, finding.verdict) for name, finding in judged] == [("rule", "unknown"), ("trusting", "pass")]
    assert [run.settings.get("assume_complete") for run in store.runs() if run.kind == "scoring"] in (
        [None, True],
        [True, None],
    )


def test_a_bound_leaves_trajectories_unjudged_and_says_so(store: TraceStore, clock: Clock) -> None:
    store.append(spans_of("pydantic_ai"), live=True, at_ns=clock())
    store.append(spans_of("langfuse_observe"), live=True, at_ns=clock())
    clock.later(31)
    closed = live(store, clock, rule({"at_most": {"renew_loan": 5}}, per_hour=1)).close()
    assert closed.trajectories - 1 == closed.left_out >= 1
    assert len(closed.judged) == 1


def test_a_sample_is_the_same_always_and_as_large_as_asked() -> None:
    names = [f"{number:032x}" for number in range(4000)]
    tenth, third = rule({"at_most": {"a": 1}}, sample=0.1), rule({"at_most": {"a": 1}}, sample=0.3)
    kept = {name for name in names if sampled(tenth, name)}
    assert 320 < len(kept) < 480
    assert kept <= {name for name in names if sampled(third, name)}
    assert all(sampled(rule({"at_most": {"a": 1}}), name) for name in names)
    other = replace(tenth, name="another")
    assert {name for name in names if sampled(other, name)} != kept


def test_the_attributes_of_a_project_name_its_sessions(store: TraceStore, clock: Clock) -> None:
    spans = [replace(span, attributes={**span.attributes, "app.chat": "c-9"}) for span in spans_of("pydantic_ai")]
    store.append(spans, live=True, project="chat", at_ns=clock())
    clock.later(31)
    live(store, clock, naming={"chat": Naming(session=("app.chat",))}).close()
    (trial,) = store.trials(Query(run="live-chat"))
    assert trial.scenario == "c-9"
    reassemble(store, Query(run="live-chat"))
    assert store.trajectory(trial.trajectory or "").conversation_id == "c-9"


def test_what_no_dialect_finds_a_call_in_is_invalid(store: TraceStore, clock: Clock) -> None:
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "quiet"}
    span = Span(trace_id="a" * 32, span_id="b" * 16, name="invoke_agent quiet", start_ns=1, end_ns=2, attributes=agent)
    store.append([span], live=True, at_ns=clock())
    clock.later(31)
    live(store, clock).close()
    (trial,) = store.trials(Query(run="live-default"))
    assert (trial.status, trial.error) == ("invalid", "no dialect found a model call or a tool call in its spans")
    assert store.trajectory(trial.trajectory or "").of(ModelCall) == []
    assert store.trajectory(trial.trajectory or "").of(ToolCall) == []


# --- several receivers, and restarts


class Meanwhile:
    """A store to which something happens between what was read of it and what is written to it."""

    def __init__(self, store: TraceStore, happens: Callable[[], object]) -> None:
        self._store = store
        self._happens: list[Callable[[], object]] = [happens]

    def batch(self) -> AbstractContextManager[None]:
        if self._happens:
            self._happens.pop()()
        return self._store.batch()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def judged(store: TraceStore) -> Counter[str]:
    """How many trajectories each version of a rule judged."""
    return Counter({run.id: len(list(store.outcomes(run.id))) for run in store.runs() if run.kind == "scoring"})


def test_what_another_receiver_closed_meanwhile_is_not_judged_again(store: TraceStore, clock: Clock) -> None:
    store.append(spans_of("langfuse_observe"), live=True, at_ns=clock())
    clock.later(31)
    asked = rule({"at_most": {"renew_loan": 5}}, per_hour=10)
    others: list[Closed] = []
    between: Any = Meanwhile(store, lambda: others.append(live(store, clock, asked).close()))
    closed = live(between, clock, asked).close()
    assert (closed.traces, closed.trajectories, closed.judged, closed.left_out) == (0, 0, [], 0)
    (other,) = others
    assert (other.traces, other.trajectories, len(other.judged)) == (2, 1, 1)
    (run,) = [run for run in store.runs() if run.kind == "scoring"]
    assert run.settings["judged_at_ns"] == [clock()]


def test_what_grew_meanwhile_is_closed_with_what_came(store: TraceStore, clock: Clock) -> None:
    *spans, late = spans_of("langfuse_observe")
    store.append(spans, live=True, at_ns=clock())
    clock.later(31)
    between: Any = Meanwhile(store, lambda: store.append([late], live=True, at_ns=clock()))
    assert live(between, clock).close().trajectories == 0
    assert states(store)["open"] >= 1
    clock.later(31)
    live(store, clock).close()
    (trial,) = store.trials(Query(run="live-default"))
    assert store.trajectory(trial.trajectory or "").integrity.stored == len(spans) + 1
    assert states(store) == {"closed": 2}


def test_a_conversation_of_which_another_receiver_closed_the_rest_is_whole(store: TraceStore, clock: Clock) -> None:
    spans = spans_of("langfuse_observe")
    first, second = sorted({span.trace_id for span in spans})
    parts = {name: [span for span in spans if span.trace_id == name] for name in (first, second)}
    store.append(parts[first], live=True, at_ns=clock())
    clock.later(31)

    def other() -> None:
        store.append(parts[second], live=True, at_ns=0)
        (seen,) = store.seen([second])
        assert seen.state == "open"
        only: Any = Only(store, second)
        assert live(only, clock).close().trajectories == 1

    between: Any = Meanwhile(store, other)
    assert live(between, clock).close().trajectories == 0
    assert live(store, clock).close().trajectories == 1
    (trial,) = store.trials(Query(run="live-default"))
    assert {*trial.trace_ids} == {first, second}


class Only:
    """A store in which a receiver sees one of the traces."""

    def __init__(self, store: TraceStore, trace_id: str) -> None:
        self._store = store
        self._trace_id = trace_id

    def traces(self, query: TraceQuery) -> list[TraceSeen]:
        return [seen for seen in self._store.traces(query) if seen.trace_id == self._trace_id]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def test_a_bound_holds_over_restarts_versions_and_projects_for_an_hour(store: TraceStore, clock: Clock) -> None:
    for number, (project, check) in enumerate([("a", "x"), ("b", "x"), ("b", "y"), ("a", "y")]):
        spans = [replace(span, trace_id=f"{number + 1:032x}") for span in spans_of("openai_openinference")]
        spans = [replace(span, resource={**span.resource, "service.name": str(number)}) for span in spans]
        store.append(spans, live=True, project=project, at_ns=clock())
        clock.later(31)
        closed = live(store, clock, rule({"never": check}, per_hour=2)).close()
        assert (len(closed.judged), closed.left_out) == ((1, 0) if number < 2 else (0, 1))
    clock.later(3600)
    spans = [replace(span, trace_id="f" * 32) for span in spans_of("openai_openinference")]
    store.append(spans, live=True, project="a", at_ns=clock())
    clock.later(31)
    assert len(live(store, clock, rule({"never": "y"}, per_hour=2)).close().judged) == 1


def test_a_changed_rule_judges_what_is_closed_from_then_on(store: TraceStore, clock: Clock) -> None:
    for number, most in enumerate([1, 2, 2]):
        spans = [replace(span, trace_id=f"{number + 1:032x}") for span in spans_of("openai_openinference")]
        spans = [replace(span, resource={**span.resource, "service.name": str(number)}) for span in spans]
        store.append(spans, live=True, at_ns=clock())
        clock.later(31)
        live(store, clock, rule({"at_most": {"renew_loan": most}})).close()
    assert sorted(judged(store).values()) == [1, 2]


class Faulty(dict[str, Any]):
    """Attributes that cannot be read."""

    def get(self, *_: Any) -> Any:
        raise RuntimeError("not foreseen")


def test_a_trace_that_cannot_be_assembled_keeps_no_other_waiting(store: TraceStore, clock: Clock) -> None:
    store.append(spans_of("langfuse_observe"), live=True, at_ns=clock())
    bad = Span(trace_id="a" * 32, span_id="b" * 16, name="x", start_ns=1, end_ns=2)
    store.append([bad], live=True, at_ns=clock())
    clock.later(31)

    class Holds(Only):
        def traces(self, query: TraceQuery) -> list[TraceSeen]:
            return self._store.traces(query)

        def read(self, trace_ids: Sequence[str]) -> Any:
            spans, logs = self._store.read(trace_ids)
            return [replace(s, attributes=Faulty()) if s.trace_id == self._trace_id else s for s in spans], logs

    holds: Any = Holds(store, bad.trace_id)
    closed = live(holds, clock).close()
    assert [(name, str(error)) for name, error in closed.failed] == [(bad.trace_id, "not foreseen")]
    assert closed.trajectories == 2  # of one conversation, made twice: its traces were closed one by one
    assert states(store) == {"closed": 3}
    (trial,) = store.trials(Query(run="live-default"))
    assert len(trial.trace_ids) == 2


def test_a_store_that_fails_closes_nothing(store: TraceStore, clock: Clock) -> None:
    store.append(spans_of("langfuse_observe"), live=True, at_ns=clock())
    clock.later(31)

    class Fails(Only):
        def read(self, trace_ids: Sequence[str]) -> Any:
            raise StoreError(f"no disk for {len(trace_ids)} traces")

    fails: Any = Fails(store, spans_of("langfuse_observe")[0].trace_id)
    with pytest.raises(StoreError):
        live(fails, clock).close()
    assert states(store) == {"open": 2}
