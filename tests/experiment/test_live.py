"""Traces are closed once nothing more comes of them, and done again where something comes late."""

from __future__ import annotations

import gzip
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import agenteval
from agenteval.core.find import parse
from agenteval.core.message import Message
from agenteval.core.ports import Query, TraceStore
from agenteval.core.span import Span
from agenteval.core.traces import TraceQuery
from agenteval.core.trajectory import ModelCall, ToolCall
from agenteval.experiment.live import Live, Rule, sampled
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
