"""Text of objects and lists is what it says; every other text is itself."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenteval._util.canonical import canonical
from agenteval._util.structured import DEEPEST, structured

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(values, st.sampled_from([None, 2]), st.booleans(), st.sampled_from(["", " ", "\n\t"]))
def test_objects_and_lists_are_read_and_plain_values_are_not(value, indent, ascii_only, around):
    text = around + json.dumps(value, indent=indent, ensure_ascii=ascii_only) + around
    assert structured(text) == (value if isinstance(value, (dict, list)) else text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42",
        "null",
        "true",
        '"[1]"',
        "{broken",
        "[1] and more",
        "{'a': 1}",
        "[1,]",
        "[NaN]",
        '{"a": -Infinity}',
        "[1e999]",
        '{"a": 1, "a": 2}',
        '{"b": {"a": 1, "a": 1}}',
        r'["\ud83d"]',
        '["\ud83d"]',
        r'{"\udc00": 1}',
        f"[{'9' * 5000}]",
        "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1),
        "[" * 100_000,
        '{"a":' * 100_000,
        "\ufeff[1]",
        "[Error: no such order]",
    ],
)
def test_what_cannot_be_held_as_it_was_written_stays_text(text):
    assert structured(text) == text


def test_what_only_looks_dangerous_is_read():
    assert structured(r'["\ud83d\ude00", "\\ud83d"]') == ["😀", r"\ud83d"]
    assert structured("[" * DEEPEST + "]" * DEEPEST) != "[" * DEEPEST + "]" * DEEPEST
    assert structured('[1, 1.0, 12345678901234567890123, {"a": {"a": 1}}]') == [
        1,
        1.0,
        12345678901234567890123,
        {"a": {"a": 1}},
    ]
    assert [type(item) for item in structured("[1, 1.0, true]")] == [int, float, bool]


@given(st.text(st.sampled_from('[]{}",:\\ud830 1eE+-.anNIy\ud800')))
def test_whatever_is_read_can_be_hashed(text):
    value = structured(text)
    if value is not text:
        canonical(value)
