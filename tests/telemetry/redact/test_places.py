"""Wherever a secret is put into a span or log record, nothing of it comes out; everything else does, as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenteval.core.span import LogRecord, Span, SpanEvent, SpanLink, SpanStatus
from agenteval.telemetry.redact.redactor import Redactor
from agenteval.telemetry.redact.rules import RedactRules

KEY = b"a key of the tests, not secret"
SECRETS = {
    "api_key": "sk-" + "proj-a1B2c3D4e5F6g7H8i9J0k1L2",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    "email": "ada.lovelace@example.com",
    "phone": "+49 170 1234567",
    "iban": "DE89370400440532013000",
    "card": "4111 1111 1111 1111",
    "ssn": "536-22-8726",
    "ip": "203.0.113.7",
}
MASK = RedactRules(ip="mask")
PSEUDONYM = RedactRules(**dict.fromkeys((*SECRETS, "named"), "pseudonym"))
SPAN = Span(trace_id="1" * 32, span_id="2" * 16, name="n", start_ns=1, end_ns=2)
LOG = LogRecord(trace_id="1" * 32, span_id="2" * 16, at_ns=3)


def _nested(text: str, depth: int) -> str:
    for _ in range(depth):
        text = json.dumps({"said": text, "n": 1})
    return text


SPAN_PLACES: dict[str, Callable[[Any], Span]] = {
    "name": lambda text: replace(SPAN, name=text),
    "status": lambda text: replace(SPAN, status=SpanStatus(code=2, message=text)),
    "trace_state": lambda text: replace(SPAN, trace_state=text),
    "schema_url": lambda text: replace(SPAN, schema_url=text),
    "attribute": lambda text: replace(SPAN, attributes={"a": text}),
    "name of an attribute": lambda text: replace(SPAN, attributes={text: 1}),
    "list": lambda text: replace(SPAN, attributes={"a": ["x", [text]]}),
    "object": lambda text: replace(SPAN, attributes={"a": {"b": {"c": text}}}),
    "key of an object": lambda text: replace(SPAN, attributes={"a": {"b": {text: 1}}}),
    "bytes": lambda text: replace(SPAN, attributes={"a": text.encode()}),
    "JSON": lambda text: replace(SPAN, attributes={"a": _nested(text, 1)}),
    "JSON in JSON": lambda text: replace(SPAN, attributes={"a": _nested(text, 2)}),
    "JSON in JSON in JSON": lambda text: replace(SPAN, attributes={"a": _nested(text, 3)}),
    "key in JSON": lambda text: replace(SPAN, attributes={"a": json.dumps({"x": {text: 1}})}),
    "JSON after a newline": lambda text: replace(SPAN, attributes={"a": _nested("\n" + text + "\t\n", 2)}),
    "JSON that was cut": lambda text: replace(SPAN, attributes={"a": _nested(text + " end", 2)[:-9]}),
    "JSON with escapes": lambda text: replace(
        SPAN, attributes={"a": '{"a": "' + "".join(f"\\u{ord(c):04x}" for c in text) + '"}'}
    ),
    "JSON in JSON with escapes": lambda text: replace(
        SPAN, attributes={"a": json.dumps({"b": '{"a": "' + "".join(f"\\u{ord(c):04x}" for c in text) + '"}'})}
    ),
    "repr": lambda text: replace(SPAN, attributes={"a": repr({"b": ["\n" + text]})}),
    "event": lambda text: replace(SPAN, events=(SpanEvent(name="e", at_ns=1, attributes={"a": text}),)),
    "name of an event": lambda text: replace(SPAN, events=(SpanEvent(name=text, at_ns=1),)),
    "link": lambda text: replace(SPAN, links=(SpanLink(trace_id="3" * 32, span_id="4" * 16, attributes={"a": text}),)),
    "state of a link": lambda text: replace(
        SPAN, links=(SpanLink(trace_id="3" * 32, span_id="4" * 16, trace_state=text),)
    ),
    "resource": lambda text: replace(SPAN, resource={"a": text}),
    "scope": lambda text: replace(SPAN, scope={"name": "s", "attributes": {"a": text}}),
}
LOG_PLACES: dict[str, Callable[[Any], LogRecord]] = {
    "body": lambda text: replace(LOG, body=text),
    "object in a body": lambda text: replace(LOG, body={"a": [text]}),
    "JSON in a body": lambda text: replace(LOG, body=_nested(text, 1)),
    "name of a record": lambda text: replace(LOG, name=text),
    "severity": lambda text: replace(LOG, severity_text=text),
    "attribute of a record": lambda text: replace(LOG, attributes={"a": text}),
    "resource of a record": lambda text: replace(LOG, resource={"a": text}),
    "scope of a record": lambda text: replace(LOG, scope={"a": text}),
    "schema_url of a record": lambda text: replace(LOG, schema_url=text),
}


def redacted(redactor: Redactor, value: Span | LogRecord) -> tuple[Any, dict[str, int]]:
    kept, counts = redactor.spans([value]) if isinstance(value, Span) else redactor.logs([value])
    return kept[0], counts


@pytest.mark.parametrize("place", [*SPAN_PLACES, *LOG_PLACES])
@pytest.mark.parametrize("rules", [MASK, PSEUDONYM], ids=["mask", "pseudonym"])
def test_no_secret_survives_anywhere(place: str, rules: RedactRules) -> None:
    redactor = Redactor(rules, KEY)
    for kind, secret in SECRETS.items():
        made = (SPAN_PLACES | LOG_PLACES)[place](secret)
        kept, counts = redacted(redactor, made)
        assert secret not in repr(kept), kind
        assert counts == {kind: 1}
        assert kept.attributes["agenteval.redacted"] == {kind: 1}
        assert redacted(redactor, kept) == (kept, {})


@pytest.mark.parametrize("place", [place for place in SPAN_PLACES if "JSON" in place and "cut" not in place])
def test_json_stays_json_and_only_the_text_in_it_changes(place: str) -> None:
    redactor = Redactor(MASK)
    for kind, secret in SECRETS.items():
        before = SPAN_PLACES[place](secret).attributes["a"]
        after = redacted(redactor, SPAN_PLACES[place](secret))[0].attributes["a"]
        assert _unwrapped(json.loads(after)) == _with(_unwrapped(json.loads(before)), secret, f"[redacted:{kind}]")


def _unwrapped(value: Any) -> Any:
    """JSON with the JSON inside its texts read, too."""
    if isinstance(value, dict):
        return {key: _unwrapped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unwrapped(item) for item in value]
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return _unwrapped(json.loads(value))
        except ValueError:
            return value
    return value


def _with(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {_with(key, old, new): _with(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_with(item, old, new) for item in value]
    return value.replace(old, new) if isinstance(value, str) else value


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_numbers_of_cards_in_json_become_texts_and_other_numbers_stay(depth: int) -> None:
    def wrapped(value: Any) -> str:
        text = json.dumps(value)
        for _ in range(depth):
            text = json.dumps({"a": 1, "inner": text, "z": "x"})
        return text

    mark = "[redacted:card]"
    before = {
        "n": 4111111111111111,
        "m": [1, 4111111111111111, 5.5],
        "t": "see, 4111111111111111, or: 4111111111111111",
    }
    after = {"n": mark, "m": [1, mark, 5.5], "t": f"see, {mark}, or: {mark}"}
    kept, counts = redacted(MASKING, replace(SPAN, attributes={"a": wrapped(before)}))
    assert (kept.attributes["a"], counts) == (wrapped(after), {"card": 4})


def test_a_pattern_that_would_break_json_takes_the_whole_text() -> None:
    redactor = Redactor(RedactRules(custom=[{"name": "colon", "pattern": '": "'}]))
    kept, counts = redacted(redactor, replace(SPAN, attributes={"a": '{"b": "c", "d": 1}', "t": 'b": "c'}))
    assert kept.attributes["a"] == "[redacted:colon]"
    assert (kept.attributes["t"], counts) == ("b[redacted:colon]c", {"colon": 2})


# Numbers are too small to be those of cards by chance. What is planted may stand beside these; none of them lengthens it
AROUND = st.text(alphabet=" \n\t\"\\{}[]:,'éß中😀\x00\ud800", max_size=6)
PLANTED = st.builds(
    lambda before, kind, after: (kind, before + SECRETS[kind] + after), AROUND, st.sampled_from(sorted(SECRETS)), AROUND
)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(-1e11, 1e11) | st.text(max_size=8) | PLANTED,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def _planted(tree: Any, dumps: list[int], depth: int = 0) -> Any:
    """The tree with its planted texts, objects here and there as JSON texts."""
    if isinstance(tree, tuple):
        return tree[1]
    if isinstance(tree, list):
        return [_planted(item, dumps, depth + 1) for item in tree]
    if isinstance(tree, dict):
        made = {key: _planted(item, dumps, depth + 1) for key, item in tree.items()}
        return json.dumps(made) if depth in dumps else made
    return tree


def _kinds(tree: Any) -> list[str]:
    if isinstance(tree, tuple):
        return [tree[0]]
    if isinstance(tree, dict):
        return [kind for item in tree.values() for kind in _kinds(item)]
    return [kind for item in tree for kind in _kinds(item)] if isinstance(tree, list) else []


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    return [_shape(item) for item in value] if isinstance(value, list) else type(value)


@settings(max_examples=300, deadline=None)
@given(tree=TREES, dumps=st.lists(st.integers(0, 3), max_size=3))
def test_in_any_tree_all_is_found_the_shape_stays_and_twice_is_once(tree: Any, dumps: list[int]) -> None:
    attributes = {"tree": _planted(tree, dumps), "json": json.dumps(_planted(tree, dumps))}
    for redactor in (MASKING, PSEUDONYMISING):
        kept, counts = redacted(redactor, replace(SPAN, attributes=attributes))
        assert not [secret for secret in SECRETS.values() if secret in repr(kept)]
        assert sum(counts.values()) >= 2 * len(_kinds(tree))
        assert redacted(redactor, kept) == (kept, {})
        unchanged = {name: kept.attributes[name] for name in attributes}
        assert _shape(_unwrapped(unchanged["tree"])) == _shape(_unwrapped(attributes["tree"]))
        assert _shape(_unwrapped(json.loads(unchanged["json"]))) == _shape(_unwrapped(json.loads(attributes["json"])))


MASKING = Redactor(MASK)
PSEUDONYMISING = Redactor(PSEUDONYM, KEY)


@settings(max_examples=300, deadline=None)
@given(text=st.text(alphabet="a1@.+-4 [](){}:\"'\\u/n=ePKE_xo?#&;,\n", max_size=80))
def test_any_text_redacted_twice_is_redacted_once(text: str) -> None:
    for redactor in (MASKING, PSEUDONYMISING, EAGER):
        kept, _ = redacted(redactor, replace(SPAN, attributes={"a": text}))
        assert redacted(redactor, kept) == (kept, {})


PIECES = st.sampled_from(
    [
        *SECRETS.values(),
        *'"\\{}[]:,=@+-. n1',
        "\\n",
        "\\u0041",
        "password",
        "Cookie: ",
        "[redacted:email]",
        "[card:0123456789abcdef]",
        "#2",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "Bearer ",
        "://",
        '\\"',
        '": "',
        "'",
        "AKC",
        "AB12",
    ]
)


@settings(max_examples=300, deadline=None)
@given(pieces=st.lists(PIECES, max_size=12))
def test_what_touches_what_makes_no_difference_to_a_second_pass(pieces: list[str]) -> None:
    text = "".join(pieces)
    for redactor in (MASKING, PSEUDONYMISING, EAGER):
        for value in (text, json.dumps({"a": text}), '{"a": "' + text + '"}'):
            kept, _ = redacted(redactor, replace(SPAN, attributes={"a": value}))
            assert redacted(redactor, kept) == (kept, {})
            if _is_json(value) and not kept.attributes["a"].startswith("[redacted:"):
                assert _is_json(kept.attributes["a"])


def _is_json(text: str) -> bool:
    """An object, an array or a text: a number that is redacted is a text that says so."""
    try:
        return not isinstance(json.loads(text), int | float)
    except ValueError:
        return False


EAGER = Redactor(
    RedactRules(
        custom=[
            {"name": "word", "pattern": "red[a-z]+|[a-z]*@"},
            {"name": "bracket", "pattern": r"[\[\]\"{}:]+"},
            {"name": "number", "pattern": "[0-9]+"},
        ]
    )
)


@settings(max_examples=300, deadline=None)
@given(tree=TREES, text=st.text(alphabet='a1{}[]",: ', max_size=30))
def test_even_patterns_that_cut_json_up_leave_json(tree: Any, text: str) -> None:
    before = json.dumps({"t": text, "tree": _planted(tree, [1])})
    kept, _ = redacted(EAGER, replace(SPAN, attributes={"a": before}))
    after = kept.attributes["a"]
    assert after.startswith("[redacted:") or json.loads(after) is not None


@given(number=st.integers(0, 3), inside=st.booleans())
def test_equal_values_have_equal_marks_across_spans_and_logs(number: int, inside: bool) -> None:
    secret = SECRETS["email"]
    span = replace(SPAN, attributes={"a": _nested(secret, number)})
    log = replace(LOG, body={"b": [secret] if inside else secret})
    marks = [
        mark
        for kept in (redacted(PSEUDONYMISING, span)[0], redacted(PSEUDONYMISING, log)[0])
        for mark in __import__("re").findall(r"\[email:[0-9a-f]{16}\]", repr(kept))
    ]
    assert (len(marks), len(set(marks))) == (2, 1)


def test_keys_that_were_different_stay_different() -> None:
    people = {"ada@example.com": 1, "bob@example.com": 2, "x eve@example.com": 3}
    kept, _ = redacted(MASKING, replace(SPAN, attributes={"a": people, "b": json.dumps(people), **people}))
    names = ["[redacted:email]", "[redacted:email]#2", "x [redacted:email]"]
    assert kept.attributes["a"] == dict(zip(names, [1, 2, 3], strict=True))
    assert list(json.loads(kept.attributes["b"]).values()) == [1, 2, 3]
    assert [name for name in kept.attributes if "email" in name] == names
    assert redacted(MASKING, kept) == (kept, {})


def test_what_holds_nothing_is_the_same_object_and_ids_are_never_looked_at() -> None:
    plain = replace(SPAN, attributes={"a": {"b": [1, 2.5, None, True, b"x"]}}, resource={"service.name": "desk"})
    assert redacted(MASKING, plain)[0] is plain
    ids = replace(SPAN, trace_id="4111111111111111" * 2, span_id="4111111111111111", parent_id="4111111111111111")
    assert redacted(MASKING, ids)[0] is ids


def test_counts_are_summed_and_a_second_pass_adds_to_the_first() -> None:
    resource = {"owner": "ada@example.com"}
    spans = [replace(SPAN, resource=resource, attributes={"a": "bob@example.com"}), replace(SPAN, resource=resource)]
    kept, counts = MASKING.spans(spans)
    assert counts == {"email": 3}
    assert [span.attributes["agenteval.redacted"] for span in kept] == [{"email": 2}, {"email": 1}]
    later = Redactor(RedactRules(custom=[{"name": "letter", "pattern": "^z$"}]))
    again, counts = later.spans([replace(kept[0], attributes={**kept[0].attributes, "z": "zz", "y": "z"})])
    assert counts == {"letter": 2}  # the name and the value
    assert again[0].attributes["agenteval.redacted"] == {"email": 2, "letter": 2}


def test_a_span_becomes_the_same_in_any_batch() -> None:
    spans = [SPAN_PLACES[place](secret) for place in SPAN_PLACES for secret in SECRETS.values()]
    whole, _ = Redactor(MASK).spans(spans)
    assert whole == [redacted(MASKING, span)[0] for span in reversed(spans)][::-1]


def test_every_field_with_text_is_covered() -> None:
    planted = {"name", "status", "trace_state", "schema_url", "attributes", "events", "links", "resource", "scope"}
    left = {"trace_id", "span_id", "parent_id", "start_ns", "end_ns", "flags", "kind"}
    left |= {"dropped_attributes", "dropped_events", "dropped_links"}
    assert {field.name for field in fields(Span)} == planted | left
    planted = {"name", "severity_text", "schema_url", "body", "attributes", "resource", "scope"}
    left = {"trace_id", "span_id", "at_ns", "observed_ns", "severity", "dropped_attributes", "flags"}
    assert {field.name for field in fields(LogRecord)} == planted | left
