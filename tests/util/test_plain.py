"""Anything an agent may pass becomes plain JSON."""

from __future__ import annotations

import dataclasses
import json
import math

from pydantic import BaseModel

from agenteval._util.plain import plain


class Model(BaseModel):
    amount: float = 2.5


@dataclasses.dataclass
class Row:
    name: str
    tags: tuple[str, ...]


def test_everything_becomes_json() -> None:
    value = {1: (1, 2), "m": Model(), "r": Row("a", ("x",)), "nan": math.nan, "o": object, "s": {3}, "b": b"x"}
    result = plain(value)
    json.dumps(result, allow_nan=False)
    assert result["1"] == [1, 2]
    assert result["m"] == {"amount": 2.5}
    assert result["r"] == {"name": "a", "tags": ["x"]}
    assert result["nan"] == "nan"
    assert result["b"] == "b'x'"


def test_a_copy_shares_nothing() -> None:
    inner = {"a": [1]}
    copy = plain(inner)
    inner["a"].append(2)
    assert copy == {"a": [1]}


def test_depth_is_bounded() -> None:
    deep: list[object] = []
    for _ in range(500):
        deep = [deep]
    assert "[nested too deeply]" in json.dumps(plain(deep))
