"""Real bodies broken at random, and shapes that no agent has: read or refused with a reason, assembled, in good time.

`python -m bench fuzz` does the same for as long as one likes, and at sizes that take longer.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenteval.core.span import Span
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.otlp import JSON, PROTOBUF, encode_traces
from agenteval.telemetry.receive import Limits, receive
from bench.fuzz import SHAPES, bodies, broken_spans, many, one_case, used

CAPTURES = Path(__file__).parents[2] / "traces" / "captures"


@cache
def known() -> list[tuple[str, bytes]]:
    found = bodies(CAPTURES)
    assert {signal for signal, _ in found} == {"traces", "logs"}
    return found


@settings(max_examples=150, deadline=None)
@given(st.integers(min_value=0, max_value=2**32))
def test_a_real_body_that_was_broken_is_read_or_refused_with_a_reason(seed: int) -> None:
    assert one_case(random.Random(seed), known())


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=0, max_value=2**32))
def test_broken_spans_give_the_same_trajectories_in_any_order(seed: int) -> None:
    chance = random.Random(seed)
    body = chance.choice([body for signal, body in known() if signal == "traces"])
    spans = broken_spans(chance, receive("POST", "/v1/traces", {"content-type": PROTOBUF}, body, Limits()).spans)
    shuffled = chance.sample(spans, len(spans))
    assert [one.id for one in assemble(shuffled)] == [one.id for one in assemble(spans)]
    assert [one.steps for one in assemble(shuffled)] == [one.steps for one in assemble(spans)]


def test_a_view_of_a_call_that_lies_beneath_it_and_began_before_it_is_that_call() -> None:
    chat = {"gen_ai.operation.name": "chat", "gen_ai.response.id": "r", "gen_ai.conversation.id": "talk"}
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"}
    spans = [
        replace(span, start_ns=start, end_ns=50, attributes=attributes)
        for span, start, attributes in zip(
            many(3, lambda at: at - 1 if at else None), (5, 6, 1), (chat, agent, chat), strict=True
        )
    ]
    (trajectory,) = assemble(spans)
    (step,) = trajectory.steps
    assert (step.content.kind, len(step.span_ids)) == ("model_call", 2)
    assert trajectory.conversation_id == "talk"
    assert [run.parent for run in trajectory.runs] == [None]


@pytest.mark.parametrize("shape", SHAPES)
def test_work_grows_with_the_spans_and_not_with_their_square(shape: str) -> None:
    small, large = (operations(lambda n=n: used(*SHAPES[shape](n))) for n in (300, 1_200))
    # what is linear is four times as much, what is quadratic sixteen times
    assert large < 8 * small, (small, large)


def operations(work: Callable[[], Any]) -> int:
    """How many functions are called, which is the same on every machine."""
    called = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal called
        called += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return called


@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
def test_a_hundred_thousand_of_anything_is_taken(kind: str) -> None:
    many_spans = many(100_000, lambda at: at - 1 if at else None)
    large: Span = SHAPES["many events"](100_000)[0][0]
    attributes = SHAPES["many attributes"](100_000)[0][0]
    for spans, dropped in (([*many_spans], 0), ([large], 0), ([attributes], 100_003 - 5_000)):
        received = receive("POST", "/v1/traces", {"content-type": kind}, encode_traces(spans, kind), Limits())
        assert (len(received.spans), received.rejected, received.dropped_attributes) == (len(spans), 0, dropped)
    assert len(received.spans[0].attributes) == 5_000
