"""Canonical JSON against the rfc8785 package, and what makes hashes equal or different."""

from __future__ import annotations

import math

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from agenteval._util.canonical import canonical, content_hash

scalars = st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | st.text()
numbers = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    scalars | numbers, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


def without_surrogates(value: object) -> bool:
    try:
        str(value).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


@given(json_values.filter(without_surrogates))
def test_agrees_with_rfc8785(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e21, b"1e+21"),
        (1e20, b"100000000000000000000"),
        (0.000001, b"0.000001"),
        (1e-7, b"1e-7"),
        (-0.0, b"0"),
        (333333333.33333329, b"333333333.3333333"),
        (2**53 + 1, b"9007199254740993"),
        ("\x00\u20ac", b'"\\u0000\xe2\x82\xac"'),
        ({"\U0001f600": 1, "\ufb33": 2}, '{"\U0001f600":1,"\ufb33":2}'.encode()),
    ],
)
def test_known_texts(value: object, text: bytes) -> None:
    assert canonical(value) == text


def test_one_equals_one_point_zero_and_nothing_else() -> None:
    assert content_hash(1) == content_hash(1.0)
    assert len({content_hash(value) for value in (1, True, "1", [1], {"1": 1}, None, 0, False)}) == 8


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, {"a": [math.nan]}])
def test_refuses_what_is_not_a_number(value: object) -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        content_hash(value)


@pytest.mark.parametrize("value", ["\ud800", {"\udfff": 1}])
def test_refuses_lone_surrogates(value: object) -> None:
    with pytest.raises(ValueError, match="lone surrogate"):
        content_hash(value)


def test_lone_surrogates_may_be_hashed_where_that_is_asked_for() -> None:
    hashes = [content_hash(value, lone_surrogates=True) for value in ("\ud800", "\ud801", {"\udfff": 1}, "plain")]
    assert len(set(hashes)) == 4
    assert hashes[-1] == content_hash("plain")


@pytest.mark.parametrize("value", [{1: 2}, b"bytes", {"a": {1, 2}}])
def test_refuses_what_json_cannot_hold(value: object) -> None:
    with pytest.raises(ValueError, match="canonical JSON"):
        content_hash(value)
