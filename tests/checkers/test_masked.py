"""What was redacted makes no check pass and none fail; what is left of it decides as much as it can."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agenteval
from agenteval.checkers import parse
from agenteval.checkers.logic import MAYBE, NO, YES, Tri
from agenteval.checkers.masked import holds, same
from agenteval.core.marks import masked
from agenteval.core.trajectory import Trajectory
from agenteval.telemetry.redact.redactor import Redactor
from agenteval.telemetry.redact.rules import RedactRules
from agenteval.testing.trajectories import call, say, trajectory

ADA, BOB = "[email:0123456789abcdef]", "[email:fedcba9876543210]"
MASK, CARD, GONE = "[redacted:email]", "[redacted:card]", "[redacted:named]"


def test_two_equal_pseudonyms_are_equal_and_two_masks_are_not() -> None:
    assert same(ADA, ADA) == YES
    assert same(ADA, BOB) == NO
    assert same(ADA, "[customer:0123456789abcdef]") == MAYBE  # what they stand for was found by other rules
    assert same(MASK, MASK) == MAYBE
    assert same(MASK, ADA) == MAYBE
    assert same({"to": [ADA]}, {"to": [ADA]}) == YES
    assert same({"to": [MASK], "n": 1}, {"to": [MASK], "n": 1}) == MAYBE
    assert same({"to": [MASK], "n": 1}, {"to": [MASK], "n": 2}) == NO
    assert same({ADA: 1}, {"ada@example.com": 1}) == MAYBE
    assert same({ADA: 1}, {"ada@example.com": 1, "more": 2}) == NO


@pytest.mark.parametrize("mark", [MASK, ADA, CARD, GONE])
def test_a_mark_alone_may_be_anything_but_what_is_never_redacted(mark: str) -> None:
    assert [same(mark, value) for value in ("x", 4111, 0.5, {"a": 1}, [1])] == [MAYBE] * 5
    assert [same(mark, value) for value in (None, True, False, "", {}, [])] == [NO] * 6


@pytest.mark.parametrize(
    ("left", "plain", "answer"),
    [
        (f"to {MASK} for A-1", "to ada@example.com for A-1", MAYBE),
        (f"to {MASK} for A-1", "to ada@example.com for A-2", NO),
        (f"to {MASK} for A-1", "to  for A-1", NO),  # a mark stands for one character at least
        (f"{MASK}, {ADA}", "a, b", MAYBE),
        (f"{MASK}, {ADA}", "a; b", NO),
        (f"{MASK}{ADA}", "a", NO),
        (f"order A-1 of {ADA}", f"order A-2 of {ADA}", NO),
        (f"order A-1 of {ADA}", f"order A-1 of {BOB}", NO),
        (f"order A-1 of {ADA}", f"order A-1 of {MASK}", MAYBE),
        (f"{ADA} and {BOB}", f"{BOB} and {ADA}", MAYBE),
        (f"{ADA} paid", f"{MASK}", MAYBE),
    ],
)
def test_what_stands_around_a_mark_decides(left: str, plain: str, answer: Tri) -> None:
    assert same(left, plain) == same(plain, left) == answer


@pytest.mark.parametrize(
    ("text", "part", "answer"),
    [
        (f"Sent to {MASK}.", "sent to", NO),  # case counts here
        (f"Sent to {MASK}.", "Sent to", YES),
        (f"Sent to {MASK}.", "redacted", MAYBE),  # it may be a part of the address, and stands in the mark
        (f"Sent to {MASK}.", "refund made", NO),  # an address holds no blank
        (f"Sent to {MASK}.", "to ada@example.com.", MAYBE),
        (f"Sent to {MASK}.", "to ada@example.com, too", NO),
        (f"Sent to {MASK}.", "for ada@example.com.", NO),
        (f"Card {CARD}", "refund", NO),
        (f"Card {CARD}", "4111", MAYBE),
        (f"Key {GONE}", "refund made", MAYBE),  # behind a name anything may stand
        (MASK, "refund made", MAYBE),  # of a text that was dropped, this is all that is left
        (f"{ADA} and {BOB}", "ada@x.com and bob@x.com", MAYBE),
        (f"{ADA} and {BOB}", "ada@x.com or bob@x.com", NO),
        (f"{ADA} paid", ADA, YES),
        (f"{MASK} paid", MASK, MAYBE),
        ("[1] and [2]", "[1]", YES),
        ("[1] and [2]", "[3]", NO),
    ],
)
def test_a_text_is_looked_for_around_the_marks(text: str, part: str, answer: Tri) -> None:
    assert holds(text, part) == answer


LETTERS = st.text("ab @1", max_size=6)
ADDRESS = st.from_regex(r"[ab1@]{1,4}", fullmatch=True)


@given(st.lists(st.tuples(LETTERS, ADDRESS), min_size=1, max_size=3), LETTERS, st.text("ab @1", min_size=1, max_size=8))
def test_no_answer_is_contradicted_by_what_was_redacted(pieces: Any, last: str, asked: str) -> None:
    """Marks in place of any text that they can stand for: yes and no about what is left hold for what was there."""
    before = "".join(text + hidden for text, hidden in pieces) + last
    left = "".join(text + MASK for text, _ in pieces) + last
    assert same(left, before) == MAYBE
    if not (len(pieces) == 1 and left == MASK):
        assert holds(left, asked) in ({YES, MAYBE} if asked in before else {NO, MAYBE})
    assert same(left, asked) in ({MAYBE} if asked == before else {NO, MAYBE})


@pytest.mark.parametrize(
    ("spec", "value", "answer"),
    [
        ("ada@example.com", MASK, MAYBE),
        ("ada@example.com", ADA, MAYBE),
        (ADA, ADA, YES),
        (BOB, ADA, NO),
        (MASK, MASK, MAYBE),
        (4111111111111111, CARD, MAYBE),
        (4111, f"card {CARD}", NO),
        ({"$num": 4111}, CARD, MAYBE),
        ({"$num": 4111}, f"card {CARD}", NO),
        ({"$near": [4111, 1]}, CARD, MAYBE),
        ({"$near": [4111, 1]}, f"card {CARD}", NO),
        ({"$re": "^ada@"}, MASK, MAYBE),
        ({"$re": "order A-1"}, f"order A-1 to {MASK}", YES),
        ({"$re": "order A-2"}, f"order A-1 to {MASK}", MAYBE),
        ({"$re": "order(?!.*ada)"}, f"order A-1 to {MASK}", MAYBE),
        ({"$re": "redacted"}, f"order A-1 to {MASK}", MAYBE),
        ({"$re": "A-1 to ."}, f"order A-1 to {MASK}", MAYBE),
        ({"$glob": "order *"}, f"order A-1 to {MASK}", YES),
        ({"$glob": "order A-1 to ?"}, f"order A-1 to {MASK}", MAYBE),
        ({"$glob": "[[]redacted*"}, MASK, MAYBE),
        ({"$text": "ORDER  a-1"}, f"order A-1 to {MASK}", YES),
        ({"$text": "order A-2"}, f"order A-1 to {MASK}", NO),
        ({"$text": "ada@example.com"}, f"order A-1 to {MASK}", MAYBE),
        ({"$has": "ada@example.com"}, [MASK], MAYBE),
        ({"$has": "ada@example.com"}, f"to {MASK}", MAYBE),
        ({"$has": "refund"}, f"refund to {MASK}", YES),
        ({"$has": 1}, GONE, MAYBE),
        ({"$not": "ada@example.com"}, MASK, MAYBE),
        ({"$not": 1}, [MASK], YES),
        ({"$any": [1, "ada@example.com"]}, MASK, MAYBE),
        ({"a": {"$num": 1}}, GONE, MAYBE),
        ({"a": {"$num": 1}}, {MASK: 1}, MAYBE),
        ({"a": {"$num": 1}}, {"b": 1}, NO),
        ([{"$num": 1}], GONE, MAYBE),
        ([{"$num": 1}], f"list {GONE}", NO),
    ],
)
def test_each_matcher_leaves_open_what_was_redacted(spec: Any, value: Any, answer: Tri) -> None:
    made = trajectory([call("send", {"to": value})])
    verdicts = {YES: ("pass", "held"), NO: ("fail", "mismatch"), MAYBE: ("unknown", "redacted")}
    assert asked({"calls": [{"send": {"to": spec}}]}, made) == verdicts[answer]


def test_a_function_is_not_asked_of_what_was_redacted() -> None:
    seen: list[object] = []

    def code(_ref: str) -> Any:
        return lambda value: seen.append(value) or True

    (check,) = parse([{"calls": [{"send": {"to": {"$fn": "own:asks"}}}]}], load_code=code)
    (finding,) = check.check(trajectory([call("send", {"to": [MASK]})]))
    assert (finding.verdict, finding.reason_code, seen) == ("unknown", "redacted", [])
    (finding,) = check.check(trajectory([call("send", {"to": ["x"]})]))
    assert (finding.verdict, seen) == ("pass", [["x"]])


# --- checks


def asked(written: Any, of: Trajectory) -> tuple[str, str]:
    (finding,) = agenteval.evaluate(of, agenteval.parse_checks([written]))
    return finding.verdict, finding.reason_code


def happened(first: str, second: str, **more: Any) -> Trajectory:
    steps = [
        say("user", "Mail her."),
        call("find", {"mail": first, **more}, result={"mail": first}),
        call("send", {"to": second, "n": 1}, result="sent"),
        say("assistant", f"Mailed {second}."),
    ]
    return trajectory(steps, offered=["find", "send", "pay"])


CHECKS: list[Any] = [
    {"calls": [{"send": {"to": "ada@example.com"}}]},
    {"never": {"send": {"to": "ada@example.com"}}},
    {"at_most": {"of": {"send": {"to": "ada@example.com"}}, "n": 0}},
    {"at_least": {"of": {"send": {"to": "ada@example.com"}}, "n": 1}},
    {"matches": {"mode": "superset", "calls": [{"send": {"to": "ada@example.com"}}]}},
    {"says": "ada@example.com"},
    {"says": "ada@example.com", "in": {"message": "all"}},
    {"not": {"says": "ada@example.com"}},
    {"calls": [{"tool": "find", "result": {"mail": "ada@example.com"}}]},
    {"calls": [{"find": {"mail": "ada@example.com"}}, "send"]},
]


@pytest.mark.parametrize("written", CHECKS, ids=json.dumps)
@pytest.mark.parametrize("mark", [MASK, ADA])
def test_a_literal_and_a_mark_are_neither_equal_nor_different(written: Any, mark: str) -> None:
    assert asked(written, happened(mark, mark)) == ("unknown", "redacted")


def test_what_flows_from_one_call_to_another_is_seen_through_pseudonyms_alone() -> None:
    flows = {"precedes": [{"find": {"mail": {"$as": "m"}}}, {"send": {"to": {"$same": "m"}}}]}
    assert asked(flows, happened(ADA, ADA)) == ("pass", "held")
    assert asked(flows, happened(BOB, ADA)) == ("fail", "mismatch")
    assert asked(flows, happened(MASK, MASK)) == ("unknown", "redacted")
    assert asked(flows, happened("ada@example.com", ADA)) == ("unknown", "redacted")
    assert asked(flows, happened(ADA, "ada@example.com")) == ("unknown", "redacted")


def test_a_path_into_what_was_redacted_leads_to_anything() -> None:
    inside = happened("x", "y", user=GONE)
    assert asked({"never": {"find": {"user.name": "ada"}}}, inside) == ("unknown", "redacted")
    assert asked({"never": {"find": {"user.name": None}}}, inside) == ("unknown", "redacted")
    assert asked({"never": {"find": {"user[*]": "ada"}}}, inside) == ("unknown", "redacted")
    assert asked({"never": {"find": {"mail.name": "ada"}}}, inside) == ("pass", "held")
    keyed = trajectory([call("find", {MASK: 1})], offered=["find"])
    assert asked({"never": {"find": {"ada@example.com": 1}}}, keyed) == ("unknown", "redacted")
    assert asked({"calls": [{"find": {"$only": {"mail": 1}}}]}, keyed) == ("unknown", "redacted")


def test_values_are_counted_apart_by_pseudonym_and_not_by_mask() -> None:
    once_each = {"at_most": {"of": "send", "n": 1, "per": "to"}}
    twice = [call("send", {"to": ADA}), call("send", {"to": BOB})]
    assert asked(once_each, trajectory(twice)) == ("pass", "held")
    assert asked(once_each, trajectory([twice[0], call("send", {"to": ADA})])) == ("fail", "too_many")
    assert asked(once_each, trajectory([call("send", {"to": MASK})] * 2)) == ("unknown", "redacted")


def test_masks_that_look_alike_make_no_loop() -> None:
    assert asked("no_loops", trajectory([call("send", {"to": ADA})] * 3)) == ("fail", "loop")
    assert asked("no_loops", trajectory([call("send", {"to": MASK})] * 3)) == ("unknown", "redacted")
    others = [call("send", {"to": MASK, "n": number}) for number in range(3)]
    assert asked("no_loops", trajectory(others)) == ("pass", "held")


def test_redaction_itself_leaves_what_checks_expect() -> None:
    """The marks that the redactor writes are those that checks know, in arguments that are JSON text, too."""
    redactor = Redactor(RedactRules(email="pseudonym"), b"a key for tests only")
    texts = [redactor.text(text)[0] for text in ("ada@example.com", "Ada@Example.com", "bob@example.com")]
    assert [same(texts[0], text) for text in texts] == [YES, YES, NO]
    assert same(texts[0], "ada@example.com") == MAYBE
    plain, _ = Redactor(RedactRules()).text("to ada@example.com")
    assert plain == f"to {masked('email')}"
    assert re.fullmatch(r"to \[redacted:email\]", plain)
