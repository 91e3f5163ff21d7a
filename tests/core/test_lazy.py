"""Things that are made when they are first looked at are a sequence like any other."""

from __future__ import annotations

from itertools import pairwise

import pytest

from agenteval.core.codec import from_json, to_json
from agenteval.core.lazy import Lazy
from agenteval.core.trajectory import AgentRun, ToolCall
from agenteval.testing import trajectories as lab


def test_each_is_made_once_and_only_when_it_is_looked_at() -> None:
    made: list[int] = []

    def make(position: int) -> str:
        made.append(position)
        return f"thing {position}"

    things = Lazy(5, make)
    assert (len(things), made) == (5, [])
    assert (things[-1], things[4], things[1:3]) == ("thing 4", "thing 4", ("thing 1", "thing 2"))
    assert made == [4, 1, 2]
    assert list(things) == [f"thing {n}" for n in range(5)]
    assert made == [4, 1, 2, 0, 3]
    with pytest.raises(IndexError):
        things[5]


def test_it_equals_a_tuple_of_the_same_things() -> None:
    things = Lazy(3, str)
    assert things == ("0", "1", "2") == Lazy(3, str)
    assert things != ("0", "1")
    assert things != ["0", "1", "2"]
    assert (repr(things), hash(things)) == (repr(("0", "1", "2")), hash(("0", "1", "2")))
    assert not Lazy(0, str)


def test_a_trajectory_that_was_read_equals_the_one_that_was_written() -> None:
    runs = [AgentRun(id="r1", name="main"), AgentRun(id="r2", name="helper", parent="r1", started_by="s1", end_ns=9)]
    steps = [lab.say("user", "hello"), lab.call("pay", {"n": 1}, run="r2"), lab.think("done", tokens=(3, 1), run="r1")]
    written = lab.trajectory(steps, runs=runs, offered=["pay"])
    read = from_json(to_json(written))
    assert [step.content.name for step, _ in read.of(ToolCall)] == ["pay"]  # some are made, others are not
    assert [run.name for run in read.runs] == ["main", "helper"]
    assert read == written
    assert all(a.index < b.index for a, b in pairwise(read.steps))
