"""Texts that are made to be slow, deep or broken: an answer in linear work, and nothing left in what is given up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agenteval.core.span import Span
from agenteval.telemetry.redact.found import MOST
from agenteval.telemetry.redact.redactor import Redactor
from agenteval.telemetry.redact.rules import RedactRules

RULES = RedactRules(ip="mask", phone_regions=["US", "DE"])


def redacted(value: Any, rules: RedactRules = RULES) -> tuple[Any, dict[str, int]]:
    span = Span(trace_id="1" * 32, span_id="2" * 16, name="n", start_ns=1, end_ns=2, attributes={"text": value})
    kept, counts = Redactor(rules).spans([span])
    return kept[0].attributes["text"], counts


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "1",
        "1 ",
        "a@",
        "a.",
        "@a.",
        "+1",
        "\\",
        '"',
        '\\"',
        '"{',
        '{"a":',
        "[",
        "A",
        "AB12",
        "eyJ.",
        "sk-",
        ":",
        "0:",
        "password:",
        'password="',
        "'password':{",
        "://:",
        "-----BEGIN PRIVATE KEY-----",
        "PuTTY-User-Key-File-2:",
        "Bearer ",
        "\\u0041",
        "\x00",
        "[redacted:email]",
        "é",
        "�",
        "AKC",
        "aws key '",
        "4111 ",
    ],
)
def test_half_a_million_characters_of_anything(unit: str) -> None:
    text = unit * (500_000 // len(unit))
    kept, counts = redacted(text)
    assert (kept == text) == (counts == {})


def test_work_grows_with_the_text_and_not_with_its_square() -> None:
    """Counted in candidates, so that it is the same on every machine: each is looked at once, and then the text is given up."""
    for unit, kind in (("ada@example.com ", "email"), ('"password": "x", ', "named"), ("+49 170 1234567 ", "phone")):
        kept, counts = redacted(unit * MOST)
        assert (kept.count(f"[redacted:{kind}]"), counts) == (MOST, {kind: MOST})
        assert redacted(unit * (MOST + 1)) == ("[redacted:too_many]", {"too_many": 1})


def test_patterns_that_are_catastrophic_elsewhere_are_linear() -> None:
    rules = RedactRules(custom=[{"name": "x", "pattern": "(a+)+$"}, {"name": "y", "pattern": "(.*)*b{50}"}])
    text = "a" * 200_000 + "!"
    assert redacted(text, rules) == (text, {})


def test_deep_json_in_a_text_is_read_like_any_other() -> None:
    text = '{"a":' * 50_000 + '"ada@example.com"' + "}" * 50_000
    assert redacted(text) == (text.replace("ada@example.com", "[redacted:email]"), {"email": 1})
    nested = '"ada@example.com"'
    for _ in range(14):
        nested = json.dumps({"a": nested})
    assert redacted(nested) == (nested.replace("ada@example.com", "[redacted:email]"), {"email": 1})


def test_deep_values_are_given_up() -> None:
    value: Any = "ada@example.com"
    for _ in range(100):
        value = {"a": [value]}
    kept, counts = redacted(value)
    assert ("ada" in repr(kept), counts) == (False, {"too_deep": 1})
    assert "[redacted:too_deep]" in repr(kept)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -(2**63), 2**63 - 1, 1e308, b"\xff\xfe\x00", "\ud800\x00"]
)
def test_odd_values_stay(value: Any) -> None:
    kept, counts = redacted({"a": [value]})
    assert (repr(kept), counts) == (repr({"a": [value]}), {})


def test_what_a_sender_calls_counts_is_looked_at_unless_it_could_be_ours() -> None:
    span = Span(
        trace_id="1" * 32,
        span_id="2" * 16,
        name="n",
        start_ns=1,
        end_ns=2,
        attributes={"agenteval.redacted": {"ada@example.com": 1, "email": "bob@example.com"}},
    )
    kept, counts = Redactor(RULES).spans([span])
    assert ("example" in repr(kept), counts) == (False, {"email": 2})
