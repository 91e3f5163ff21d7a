"""Spans of services whose clocks differ stand where the outermost service's clock has them."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from agenteval.core.span import Span, SpanEvent
from agenteval.core.trajectory import ToolCall
from agenteval.intake.captures import read_capture
from agenteval.intake.conformance import compare
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.clocks import on_one_clock
from agenteval.telemetry.structure import parents_of

SECOND = 10**9
CAPTURES = Path(__file__).parents[2] / "traces" / "captures"
DESK, SHELVES = {"service.name": "desk"}, {"service.name": "shelves"}


def span(name: str, start: float, end: float, parent: str | None = None, **more: object) -> Span:
    at = {"start_ns": round(start * SECOND), "end_ns": round(end * SECOND)}
    fields = {"resource": DESK, **more}
    return Span(trace_id="t" * 32, span_id=name, name=name, parent_id=parent, **at, **fields)


def times(*spans: Span) -> dict[str, tuple[float, float]]:
    moved = on_one_clock(spans, parents_of(spans))
    assert list(moved) == sorted(moved, key=lambda one: (one.start_ns, one.span_id))
    return {one.span_id: (one.start_ns / SECOND, one.end_ns / SECOND) for one in moved}


def behind(seconds: float) -> list[Span]:
    """The desk asks the shelves, whose clock is behind by so much."""
    there = (104 - seconds, 106 - seconds)
    return [
        span("turn", 100, 110),
        span("post", 103, 107, "turn", kind=3),
        span(
            "serve",
            *there,
            "post",
            kind=2,
            resource=SHELVES,
            events=(SpanEvent(name="e", at_ns=round(there[0] * SECOND)),),
        ),
        span("look", there[0] + 0.5, there[1] - 0.5, "serve", resource=SHELVES),
    ]


RIGHT = {"turn": (100, 110), "post": (103, 107), "serve": (104, 106), "look": (104.5, 105.5)}


@pytest.mark.parametrize("seconds", [0, 7.5, 1e6, -7.5, -1e6])
def test_what_answers_a_request_is_moved_into_it_with_all_beneath(seconds):
    for spans in permutations(behind(seconds)):
        assert times(*spans) == RIGHT
    moved = on_one_clock(behind(seconds), parents_of(behind(seconds)))
    assert next(one for one in moved if one.span_id == "serve").events[0].at_ns == 104 * SECOND


def test_what_fits_stays_as_it_is():
    spans = behind(0)
    assert on_one_clock(spans, parents_of(spans)) is not spans
    assert on_one_clock(spans[:2], parents_of(spans[:2])) == spans[:2]
    same = [replace(one, resource=DESK) for one in behind(7.5)]
    assert on_one_clock(same, parents_of(same)) is same
    # what is begun and not waited for may come later, and take longer
    later = [span("turn", 100, 110), span("work", 200, 900, "turn", kind=5, resource=SHELVES)]
    assert times(*later) == {"turn": (100, 110), "work": (200, 900)}


def test_what_is_longer_than_its_parent_begins_with_it():
    spans = [span("turn", 100, 110), span("work", 50, 90, "turn", resource=SHELVES)]
    assert times(*spans) == {"turn": (100, 110), "work": (100, 140)}


def test_a_third_service_is_moved_by_what_its_parent_became():
    spans = [*behind(7.5), span("dust", 11, 11.25, "look", resource={"service.name": "cellar"})]
    assert times(*spans) == {**RIGHT, "dust": (104.875, 105.125)}


def test_a_sub_agent_of_another_service_answers_after_it_was_asked():
    def agent(name: str, question: str, answer: str, *where: object, **more: object) -> Span:
        attributes = {
            "openinference.span.kind": "LLM", "llm.model_name": name,
            "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": question,
            "llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.content": answer,
        }  # fmt: skip
        return span(name, *where, attributes=attributes, **more)

    turn, post, serve, _ = behind(7.5)
    asked = agent("asks", "Is it in?", "I ask the shelves.", 101, 102, "turn")
    inner = agent("looks", "Is it in?", "It is.", 97, 98, "serve", resource=SHELVES)
    (trajectory,) = assemble([turn, post, serve, asked, inner], [])
    models = [step.content.model for step in trajectory.steps if hasattr(step.content, "model")]
    assert models == ["asks", "looks"]
    assert trajectory.integrity.clock_skew_ns == 6.5 * SECOND


@pytest.mark.parametrize("name", ["langfuse_observe", "openai_agents_openinference", "langchain_openinference"])
def test_calls_that_a_clock_puts_before_their_requests_are_those_requests(name):
    capture = read_capture(CAPTURES / name)
    calls = {
        step.span_ids[0]
        for trajectory in assemble(capture.spans, capture.logs)
        for step in trajectory.steps
        if isinstance(step.content, ToolCall)
    }
    spans = [
        replace(one, start_ns=one.start_ns - 5 * SECOND, end_ns=one.end_ns - 5 * SECOND)
        if one.span_id in calls
        else one
        for one in capture.spans
    ]
    result = compare(capture, assemble(spans, capture.logs))
    assert [miss for miss in result.misses if miss.whose == "ours"] == []
