"""The recorder loses nothing, counts everything, and leaves the user's spans alone."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from opentelemetry import trace as otel

from agenteval.core import semconv
from agenteval.core.message import Message, ToolRequest, text_message
from agenteval.core.model import Completion, ModelRequest
from agenteval.core.trajectory import ToolCall, Usage
from agenteval.telemetry.assemble import assemble, trajectory_of
from agenteval.telemetry.capture import TrialRecorder, capture

HELLO = text_message("user", "hello")


def opened(trace_id: str) -> TrialRecorder:
    return capture().open(trace_id.rjust(32, "0"), "trial", {semconv.SOURCE: "harness", semconv.AGENT: "bob"})


def test_a_turn_is_recorded_with_its_calls_below_it() -> None:
    recorder = opened("a1")
    with recorder.active():
        turn = recorder.open_agent("bob", messages=[HELLO])
        with recorder.current(turn):
            chat = recorder.open_chat(ModelRequest(messages=(HELLO,)), model="m")
            wish = Message(role="assistant", parts=(ToolRequest(name="pay", arguments={"x": 1}, id="c1"),))
            recorder.close_chat(
                chat, Completion(message=wish, model="m-1", usage=Usage(input_tokens=5, output_tokens=2))
            )
            tool = recorder.open_tool("pay", {"x": 1}, call_id="c1")
            recorder.close_tool(tool, {"ok": True}, [{"op": "add", "path": "/paid", "value": True}])
        turn.end()
    spans = recorder.close({semconv.END_REASON: "completed"})
    by_name = {span.name: span for span in spans}
    assert by_name["chat m"].parent_id == by_name["invoke_agent bob"].span_id
    assert by_name["execute_tool pay"].parent_id == by_name["invoke_agent bob"].span_id
    assert by_name["invoke_agent bob"].parent_id == by_name["trial"].span_id
    assert by_name["trial"].attributes[semconv.SPANS_STARTED] == 4
    assert by_name["trial"].attributes[semconv.SPANS_ENDED] == 4
    trajectory = trajectory_of(spans)
    assert [step.content.kind for step in trajectory.steps] == ["message", "model_call", "tool_call", "state_change"]
    call = trajectory.of(ToolCall)[0][1]
    assert (call.arguments, call.result, call.requested_by) == ({"x": 1}, {"ok": True}, by_name["chat m"].span_id)
    assert trajectory.integrity.complete
    assert trajectory.usage == Usage(input_tokens=5, output_tokens=2)
    assert recorder.usage == trajectory.usage


def test_span_ids_follow_from_the_trace() -> None:
    def ids() -> list[str]:
        recorder = opened("a2")
        with recorder.active():
            recorder.open_agent("bob", messages=[]).end()
            recorder.open_tool("t", {}).end()
        return [span.span_id for span in recorder.close({})]

    assert ids() == ids()


def test_spans_of_other_instrumentations_are_kept_counted_and_make_no_steps() -> None:
    recorder = opened("a3")
    theirs = otel.get_tracer("somebody.else")
    with recorder.active():
        turn = recorder.open_agent("bob", messages=[HELLO])
        with recorder.current(turn), theirs.start_as_current_span("GET /orders") as span:
            span.set_attribute(semconv.OPERATION, semconv.EXECUTE_TOOL)
        turn.end()
    spans = recorder.close({})
    foreign = next(span for span in spans if span.name == "GET /orders")
    assert foreign.parent_id == next(span.span_id for span in spans if span.name == "invoke_agent bob")
    trajectory = trajectory_of(spans)
    assert trajectory.integrity.started == trajectory.integrity.stored == 3
    assert [step.content.kind for step in trajectory.steps] == ["message"]


def test_outside_a_trial_nothing_reaches_us() -> None:
    recorder = opened("a4")
    with otel.get_tracer("somebody.else").start_as_current_span("their own work"):
        pass
    assert [span.name for span in recorder.close({})] == ["trial"]


def test_after_the_end_nothing_is_taken() -> None:
    recorder = opened("a5")
    with recorder.active():
        late = otel.get_tracer("somebody.else").start_span("late")
    spans = recorder.close({})
    late.end()
    assert [span.name for span in spans] == ["trial"]
    assert spans[0].attributes[semconv.SPANS_STARTED] == 2
    assert spans[0].attributes[semconv.SPANS_ENDED] == 1
    assert not trajectory_of(spans).integrity.complete


def test_what_is_still_open_at_the_end_is_closed_as_an_error() -> None:
    recorder = opened("a6")
    with recorder.active():
        recorder.open_tool("slow", {"n": 1})
    call = trajectory_of(recorder.close({})).of(ToolCall)[0][1]
    assert (call.name, call.status, call.error) == ("slow", "error", "the trial ended before this did")


def test_ten_thousand_spans_from_many_threads_are_all_there() -> None:
    recorder = opened("a7")

    def work() -> None:
        with recorder.active():
            for number in range(1250):
                recorder.close_tool(recorder.open_tool("t", {"n": number}), number)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    trajectory = trajectory_of(recorder.close({}))
    assert trajectory.integrity.complete
    assert len(trajectory.of(ToolCall)) == 10_000 == recorder.tool_calls


def test_sdk_limits_in_the_environment_do_not_cut_our_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "1")
    monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3")
    recorder = opened("a8")
    with recorder.active():
        recorder.close_tool(recorder.open_tool("t", {"text": "long enough"}, call_id="c"), "result text")
    call = trajectory_of(recorder.close({})).of(ToolCall)[0][1]
    assert (call.arguments, call.result, call.call_id) == ({"text": "long enough"}, "result text", "c")


def test_arguments_are_kept_as_they_were_when_the_call_was_made() -> None:
    recorder = opened("a9")
    arguments = {"ids": [1]}
    with recorder.active():
        record = recorder.open_tool("t", arguments)
        arguments["ids"].append(2)
        recorder.close_tool(record, None)
    assert trajectory_of(recorder.close({})).of(ToolCall)[0][1].arguments == {"ids": [1]}


def test_assemble_splits_traces() -> None:
    first, second = opened("b1").close({}), opened("b2").close({})
    assert [t.id[-2:] for t in assemble([*second, *first])] == ["b1", "b2"]
    assert replace(first[0], trace_id="x").trace_id == "x"
