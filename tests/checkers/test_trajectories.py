"""The public builder of small trajectories."""

import pytest

from agenteval.core.codec import from_json, to_json
from agenteval.core.message import ToolRequest, text_message
from agenteval.core.trajectory import AgentRun, End, Integrity, ToolCall, Usage
from agenteval.testing.trajectories import (
    EPOCH,
    SECOND,
    call,
    change,
    from_data,
    hand_off,
    say,
    think,
    trajectory,
    without,
)

STEPS = [
    say("user", "Hi."),
    think("Let me see.", asks=[ToolRequest(name="pay", arguments={"x": 1})], tokens=(3, 4), usd=0.5),
    call("pay", {"x": 1}, result=2, asked_by="s1", run="r1"),
    call("pay", error="no", at=(7, 9)),
    call("pay", missing={"arguments": "off"}, status="unknown", truncated=["result"], by="user"),
    change({"op": "add", "path": "/x", "value": 1}, by="s2"),
    hand_off("billing"),
]


def test_a_trajectory_has_ids_places_times_usage_and_a_count_that_fits():
    seen = trajectory(STEPS, start={"x": 0}, offered=["pay"], runs=[AgentRun(id="r1", name="front")])
    assert [step.id for step in seen.steps] == ["s0", "s1", "s2", "s3", "s4", "s5", "s6"]
    assert [step.index for step in seen.steps] == list(range(7))
    times = [((step.start_ns - EPOCH) / SECOND, (step.end_ns - EPOCH) / SECOND) for step in seen.steps]
    assert times == [(0, 0.5), (1, 1.5), (2, 2.5), (7, 9), (4, 4.5), (5, 5.5), (6, 6.5)]
    assert seen.integrity == Integrity(started=8, ended=8, stored=8)
    assert seen.integrity.complete
    assert seen.usage == Usage(input_tokens=3, output_tokens=4, cost_usd=0.5)
    assert (seen.offered_tools, seen.start, seen.end, seen.agent) == (
        ("pay",),
        {"x": 0},
        End(reason="completed"),
        "agent",
    )


def test_each_kind_of_step_is_what_it_says():
    seen = trajectory(STEPS).steps
    assert seen[0].content == text_message("user", "Hi.")
    assert seen[1].content.requests == (ToolRequest(name="pay", arguments={"x": 1}),)
    assert seen[2].content == ToolCall(name="pay", arguments={"x": 1}, result=2, requested_by="s1")
    assert seen[2].run == "r1"
    assert seen[3].content == ToolCall(name="pay", arguments={}, error="no", status="error")
    assert seen[4].content == ToolCall(name="pay", status="unknown", by="user")
    assert (seen[4].missing, seen[4].truncated) == ({"arguments": "off"}, ("result",))
    assert (seen[5].content.patch, seen[5].content.caused_by) == (({"op": "add", "path": "/x", "value": 1},), "s2")
    assert seen[6].content.target == "billing"


def test_what_was_not_measured_is_not_zero():
    assert trajectory([think("x")]).usage == Usage(unmeasured_calls=1)
    assert trajectory([think("x", usd=1)]).usage == Usage(cost_usd=1, unmeasured_calls=1)
    assert trajectory([]).usage == Usage()


@pytest.mark.parametrize(
    ("keywords", "integrity"),
    [
        ({"complete": False}, Integrity(started=3, ended=3, stored=2)),
        ({"lost": 4}, Integrity(started=6, ended=6, stored=2)),
        ({"counted": False}, Integrity(stored=2)),
    ],
)
def test_an_incomplete_trajectory_is_counted_so(keywords, integrity):
    seen = trajectory([say("user", "Hi.")], **keywords)
    assert seen.integrity == integrity
    assert not seen.integrity.complete


def test_losing_steps_keeps_ids_and_the_count_of_what_was_started():
    left = without(trajectory(STEPS), [0, 3, 3])
    assert [(step.id, step.index) for step in left.steps] == [("s1", 0), ("s2", 1), ("s4", 2), ("s5", 3), ("s6", 4)]
    assert left.integrity == Integrity(started=8, ended=8, stored=6)


def test_from_data_reads_what_the_functions_build():
    data = {
        "offered": ["pay"],
        "start": {"x": 0},
        "runs": [{"id": "r1", "name": "front"}],
        "end": {"reason": "limit", "detail": "turns"},
        "steps": [
            {"user": "Hi."},
            {"model": "Let me see.", "tokens": [3, 4], "usd": 0.5},
            {"call": "pay", "arguments": {"x": 1}, "result": 2, "asked_by": "s1", "run": "r1"},
            {"call": "pay", "error": "no", "at": [7, 9]},
            {"change": [{"op": "add", "path": "/x", "value": 1}], "by": "s2"},
            {"hand_off": "billing"},
            {"agent": "Done."},
            {"system": "Be kind."},
        ],
    }
    steps = [
        STEPS[0],
        think("Let me see.", tokens=(3, 4), usd=0.5),
        *[STEPS[place] for place in (2, 3, 5, 6)],
        say("assistant", "Done."),
        say("system", "Be kind."),
    ]
    runs = [AgentRun(id="r1", name="front")]
    end = End(reason="limit", detail="turns")
    built = trajectory(steps, offered=["pay"], start={"x": 0}, runs=runs, end=end)
    assert from_data(data) == built
    assert from_data(data).start == built.start
    assert from_json(to_json(built)) == built


def test_a_step_of_no_kind_is_refused():
    with pytest.raises(ValueError, match=r"a step is one of user, agent, .* not \['tool'\]"):
        from_data({"steps": [{"tool": "pay"}]})
