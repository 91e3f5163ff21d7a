"""Hostile text made safe; natural order; wrapping by cells."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from agenteval.report.visible import clipped, cut, natural, one_line, pretty, shown, storable, visible, wrapped

# every code point, halves of surrogate pairs included, with the troublesome ones often
ANY = st.text(st.one_of(st.characters(), st.sampled_from("\x00\x07\x1b\u2028\u202e\ud800\udfff\ufeff\r\t漢 \n")))


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a\x00b\x1b[31mc\x7f\x9b", "a␀b␛[31mc␡�"),
        ("a\r\nb\rc\td", "a\nb␍c    d"),
        ("\u202eabc\u2028\u2029\ufeff\ud800\uffff", "�abc�����"),
        ("漢字　é👩‍👩‍👧 ok", "漢字　é👩‍👩‍👧 ok"),
    ],
)
def test_what_could_mislead_is_shown_as_such(text, safe):
    assert visible(text) == safe


@given(ANY)
def test_visible_text_can_be_written_and_stays_as_it_is(text):
    safe = visible(text)
    safe.encode("utf-8")
    assert visible(safe) == safe
    assert all(c == "\n" or ord(c) >= 32 for c in safe)


@given(ANY, st.integers(8, 60))
def test_wrapped_lines_fit_and_lose_no_word(text, width):
    lines = list(wrapped(text, width))
    assert lines
    assert max(map(cell_len, lines)) <= width
    assert "".join("".join(lines).split()) == "".join(visible(text).split())


def test_lines_that_follow_keep_the_indentation():
    assert list(wrapped("  one two three\nfour", 9)) == ["  one two", "  three", "four"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY,
        lambda inner: st.lists(inner) | st.dictionaries(ANY, inner),
        max_leaves=8,
    )
)
def test_what_is_storable_every_writer_takes(value):
    orjson.dumps(storable(value))


def test_storable_keeps_what_any_writer_can_hold():
    value = {"a": [1, -(2**63), 2**64 - 1, True, None, 1.5, "漢"]}
    assert storable(value) == value
    assert storable({1: (2**64, -(2**63) - 1, "\ud800x")}) == {"1": [str(2**64), str(-(2**63) - 1), "�x"]}


def test_ids_are_ordered_as_people_count():
    names = ["10", "2", "task-10b", "task-9", "0", "task", "1", "49", "²"]
    assert sorted(names, key=natural) == ["0", "1", "2", "10", "49", "task", "task-9", "task-10b", "²"]


@given(st.lists(ANY, min_size=2, max_size=2))
def test_any_two_names_can_be_ordered(names):
    assert natural(names[0]) <= natural(names[1]) or natural(names[1]) <= natural(names[0])


def test_values_keep_their_type_in_sight():
    assert [shown(value) for value in ("1", 1, True, None, {"é": "\x1b"})] == [
        '"1"',
        "1",
        "true",
        "null",
        '{"é": "\\u001b"}',
    ]
    assert pretty("as it is") == "as it is"
    assert pretty({"a": 1}) == '{"a": 1}'
    assert json.loads(pretty({"a": "x" * 90, "b": 2})) == {"a": "x" * 90, "b": 2}
    assert pretty({"a": "x" * 90, "b": 2}).count("\n") == 3


def test_cutting_says_that_it_cut():
    assert cut("abcdef", 6) == "abcdef"
    assert cut("x" * 2000, 5) == "xxxx… (2,000 characters)"
    assert clipped("漢字漢字", 8) == "漢字漢字"
    assert clipped("漢字漢字", 7) == "漢字漢…"
    assert one_line(" a\n\n b\tc ") == "a b c"
