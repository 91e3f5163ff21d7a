"""The quick way to a frozen value gives the same value as its constructor."""

from __future__ import annotations

import copy
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest

from agenteval._util.frozen import quick
from agenteval.core.outcome import Finding, Measure, Score, Trial
from agenteval.core.trajectory import ModelCall, Step, ToolCall, Trajectory, Usage
from agenteval.models.price import Prices

GIVEN: list[tuple[Any, dict[str, Any]]] = [
    (Step, {"id": "a", "index": 3, "content": ToolCall(name="pay"), "missing": {"result": "cut"}}),
    (ToolCall, {"name": "pay", "arguments": {"n": 1}, "status": "error", "error": "no"}),
    (ModelCall, {"model": None}),
    (Usage, {}),
    (Trajectory, {"id": "t", "steps": (Step(id="a", index=0, content=ToolCall(name="pay")),)}),
    (Finding, {"check": "c", "verdict": "pass", "reason_code": "held", "reason": "so", "measure": None}),
    (Score, {"status": "scored", "passed": True, "metrics": {"m": 0.5}}),
    (Measure, {"name": "m", "value": 1.0}),
    (
        Trial,
        dict.fromkeys(("run", "scenario", "scenario_hash", "agent"), "x")
        | {"repeat": 0, "seed": 1, "status": "completed"},
    ),
]


@pytest.mark.parametrize(("kind", "values"), GIVEN, ids=lambda value: getattr(value, "__name__", ""))
def test_it_is_the_value_that_the_constructor_makes(kind: Any, values: dict[str, Any]) -> None:
    made, constructed = quick(kind)(**values), kind(**values)
    assert type(made) is kind
    assert made == constructed
    assert repr(made) == repr(constructed)
    assert [getattr(made, one.name) for one in fields(kind)] == [getattr(constructed, one.name) for one in fields(kind)]
    assert copy.deepcopy(made) == replace(made) == constructed


def test_it_is_frozen_and_refuses_what_the_constructor_refuses() -> None:
    make = quick(ToolCall)
    with pytest.raises(FrozenInstanceError):
        make(name="pay").name = "book"
    with pytest.raises(TypeError, match="nmae"):
        make(nmae="pay")
    with pytest.raises(TypeError, match="name"):
        make()
    with pytest.raises(TypeError, match="positional"):
        make("pay")


def test_defaults_that_are_made_are_made_for_each() -> None:
    make = quick(Step)
    one, other = (make(id="a", index=0, content=ToolCall(name="pay")) for _ in range(2))
    assert one.missing == {}
    assert one.missing is not other.missing


def test_a_class_that_checks_what_it_is_given_is_refused() -> None:
    with pytest.raises(TypeError, match="Prices"):
        quick(Prices)
