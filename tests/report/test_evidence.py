"""What was expected beside what happened, for the evidence that the checks themselves give."""

from __future__ import annotations

from typing import Any

import pytest

from agenteval import checkers
from agenteval.core.outcome import Finding
from agenteval.evaluation.evaluate import evaluate
from agenteval.report.evidence import Line, aligned, clean, remedy
from agenteval.report.visible import NOT_RECORDED

TURN_ON = "turn on the recording of tool arguments and results where the agent is instrumented"


def found(lab, check: Any, *steps: Any) -> Finding:
    known = frozenset({"pay", "verify", "look_up"})
    return evaluate(lab.trajectory(*steps), [check], known_tools=known)[0]


def lines(lab, check: Any, *steps: Any) -> list[Line]:
    return aligned(found(lab, check, *steps).evidence)


def test_the_differing_argument_is_marked(lab):
    call = lab.call("pay", {"order": "1187", "amount": 45, "note": "sorry"})
    assert lines(lab, checkers.calls([{"pay": {"order": "1187", "amount": 42.5}}]), call) == [
        Line(name="tool", expected="pay", happened="pay (step 0)"),
        Line(name="order", expected='"1187"', happened='"1187"'),
        Line(name="amount", expected="42.5", happened="45", mark="differs"),
        Line(name="note", happened='"sorry"', mark="free"),
    ]


def test_a_near_miss_names_the_matcher_that_would_take_both(lab):
    (_, line) = lines(lab, checkers.calls([{"pay": {"amount": 42.5}}]), lab.call("pay", {"amount": "42.5"}))
    assert (line.expected, line.happened, line.mark) == ("42.5", '"42.5"', "differs")
    assert "$num: 42.5" in line.hint


def test_an_argument_that_is_not_there_is_not_called_null(lab):
    (_, absent, _) = lines(lab, checkers.calls([{"pay": {"amount": None}}]), lab.call("pay", {"amuont": 1}))
    assert absent == Line(
        name="amount", expected="null", happened="not there", mark="differs", hint='there is "amuont"'
    )


def test_what_was_not_recorded_says_so_with_its_remedy(lab):
    call = lab.call("pay", None, missing={"arguments": "content capture was off"})
    finding = found(lab, checkers.calls([{"pay": {"order": "1187"}}]), call)
    assert finding.verdict == "unknown"
    (tool, order) = aligned(finding.evidence)
    assert tool.happened == "pay (step 0)"
    assert (order.expected, order.happened, order.mark) == ('"1187"', NOT_RECORDED, "not_recorded")
    assert TURN_ON in order.hint
    assert "content capture was off" in order.hint


def test_a_forbidden_call_stands_beside_never(lab):
    assert lines(lab, checkers.never("pay"), lab.call("pay", {"a": 1}), lab.call("pay", error="no")) == [
        Line(name="step 0", expected="never", happened="pay(a=1)", mark="differs"),
        Line(name="step 1", happened="pay() failed: no", mark="differs"),
    ]


def test_counts_are_set_side_by_side(lab):
    first, second = lab.call("pay", {"n": 1}), lab.call("pay", {"n": 2})
    assert lines(lab, checkers.at_most({"pay": 1}), first, second) == [
        Line(name="", expected="at most 1", happened="2", mark="differs"),
        Line(name="step 0", happened="pay(n=1)", mark="differs"),
        Line(name="step 1", happened="pay(n=2)", mark="differs"),
    ]


def test_a_call_that_was_never_made(lab):
    assert lines(lab, checkers.calls([{"verify": {"user": "ada"}}]), lab.call("pay")) == [
        Line(name="", expected='verify(user="ada")', happened="no further call like it", mark="differs")
    ]


def test_sequences_are_aligned_by_their_tools():
    def call(tool: str, index: int) -> dict[str, Any]:
        return {"step": f"s{index}", "index": index, "tool": tool, "arguments": {}}

    evidence = {
        "expected": ["look_up", "verify", "pay"],
        "actual": [call("look_up", 1), call("pay", 4), call("pay", 6)],
    }
    assert aligned(evidence) == [
        Line(name="step 1", expected="look_up", happened="look_up()"),
        Line(name="", expected="verify", mark="differs"),
        Line(name="step 4", expected="pay", happened="pay()"),
        Line(name="step 6", happened="pay()", mark="differs"),
    ]


def test_paths_of_the_state():
    diff = {
        "orders.1.status": {"expected": "open", "actual": "closed", "found": "value", "hint": "other text"},
        "orders.2": {"expected": "x", "found": "absent", "hint": ""},
        "orders.3": {"actual": 3, "found": "added"},
        "orders.4": {"expected": 4, "found": "removed"},
        "(names)": "one value for each",
    }
    assert aligned({"diff": diff}) == [
        Line(name="orders.1.status", expected='"open"', happened='"closed"', mark="differs", hint="other text"),
        Line(name="orders.2", expected='"x"', happened="not there", mark="differs"),
        Line(name="orders.3", expected="nothing", happened="3", mark="differs"),
        Line(name="orders.4", expected="4", happened="removed", mark="differs"),
        Line(name="(names)", happened='"one value for each"', mark="differs"),
    ]


def test_a_budget_that_was_not_measured_is_not_zero(lab):
    steps = [lab.call("pay"), lab.call("pay"), lab.model("pay")]
    assert lines(lab, checkers.budget({"calls": 1, "tokens": 10}), *steps) == [
        Line(name="calls", expected="at most 1", happened="2", mark="differs"),
        Line(name="tokens", expected="at most 10", happened="not measured", mark="not_recorded"),
    ]


def test_checks_inside_a_check_have_their_own_verdicts(lab):
    check = checkers.all_({"never": "pay"}, {"calls": ["look_up"]})
    first, second = lines(lab, check, lab.call("look_up"), lab.call("pay"))
    assert (first.expected, first.mark, first.happened[:5]) == ("never: pay", "differs", "fail:")
    assert (second.expected, second.mark, second.happened[:5]) == ("calls: [look_up]", "same", "pass:")


@pytest.mark.parametrize(
    "evidence",
    [
        {},
        {"expected": None},
        {"actual": {"tool": "t", "step": None}},
        {"expected": {"a": 1, "b": 2}, "actual": {"tool": "t", "step": "s", "arguments": "text", "not_recorded": 7}},
        {"differs": "text", "witness": "text", "diff": [1], "items": {"a": 1}, "allowed": 1, "used": 2},
        {"expected": [1, {}], "actual": [{"tool": None, "step": 1, "index": "x"}]},
        {"witness": [1, None, {"tool": "t", "step": "s"}], "items": [1, {"verdict": 3}]},
        {"expected": {"tool": {"$glob": "p*"}, "args": [1], "error": None}, "actual": {"tool": "pay", "step": "s"}},
        {"differs": [{"found": {}}, {"path": None, "actual": [[]]}, 3], "expected": 1},
        {"allowed": {"calls": "many", "usd": 1.5}, "used": {"calls": [], "usd": 2.25}},
    ],
)
def test_evidence_of_any_shape_is_shown_and_never_raises(evidence):
    for line in aligned(evidence):
        assert all(isinstance(text, str) and "\n" not in text for text in (line.name, line.expected, line.happened))


def test_only_a_pass_that_held_is_clean():
    assert clean("pass", "held")
    assert clean("pass", "recorded")
    assert not clean("pass", "not_activated")
    assert not clean("fail", "recorded")


def test_every_reason_for_not_knowing_has_a_remedy():
    codes = ("empty", "no_telemetry", "gap", "never_offered", "not_recorded", "cut", "no_state", "not_measured", "timeout", "check_error", "unavailable", "not_asked")  # fmt: skip
    assert all(remedy(code, "reason", []) for code in codes)
    assert remedy("not_recorded", f"lost; {TURN_ON}", []) == ""
    assert remedy("not_recorded", "lost", [Line(name="a", hint=TURN_ON)]) == ""
