"""Absence proves nothing: what was not recorded never makes a check pass, and never blames the agent."""

from dataclasses import replace

import pytest

from agenteval.checkers import View, catalogue, parse
from agenteval.core.trajectory import AgentRun, Integrity
from agenteval.testing.trajectories import call, change, say, think, trajectory, without

# what each example names exists, so that nothing is unknown for a misspelt name
OFFERED = ["lookup_order", "issue_refund", "verify_identity", "pay", "get_payment", "cancel", "escalate"]
WORLD = {"orders": {"1187": {"status": "new"}}, "users": {"a@x.com": {"credit": 0}}, "customers": {}}
EMPTY = trajectory([], complete=False, offered=OFFERED, start=WORLD)
EMPTY_AND_PROVEN = trajectory([], offered=OFFERED, start=WORLD)
ONLY_WORDS = trajectory([say("user", "Hi."), say("assistant", "Hello.")], counted=False, offered=OFFERED, start=WORLD)
GAP = trajectory(
    [say("user", "Hi."), think("Hello."), say("assistant", "Hello.")], lost=3, offered=OFFERED, start=WORLD
)
NOBODY_COUNTED = trajectory([say("user", "Hi."), think("Hello.")], counted=False, offered=OFFERED, start=WORLD)
DOCS = {doc.name: doc for doc in catalogue()}

# nothing happened, and the record proves it: what is required is then not done
REQUIRED = {"calls", "matches", "at_least", "exactly", "says", "any"}


@pytest.mark.parametrize("seen", [EMPTY, ONLY_WORDS, GAP, NOBODY_COUNTED], ids=["empty", "words", "gap", "uncounted"])
@pytest.mark.parametrize("name", DOCS)
def test_no_check_passes_or_fails_where_the_record_may_lack_something(name, seen, example):
    findings = example(DOCS[name]).check(seen)
    assert [finding.verdict for finding in findings] == ["unknown"]
    expected = {EMPTY.id: "empty"} if seen is EMPTY else {}
    code = (
        "not_asked" if name == "rubric" else expected.get(seen.id) or ("no_telemetry" if seen is ONLY_WORDS else "gap")
    )
    assert findings[0].reason_code == code
    assert findings[0].reason


@pytest.mark.parametrize("name", DOCS)
def test_what_nobody_counted_may_be_assumed_to_be_complete_but_not_where_it_was_sampled(name, example):
    check = example(DOCS[name])
    assumed = replace(NOBODY_COUNTED, integrity=NOBODY_COUNTED.integrity.assumed_complete)
    counted = trajectory(
        [say("user", "Hi."), think("Hello.")], offered=OFFERED, start=WORLD, attributes=NOBODY_COUNTED.attributes
    )
    assert [finding.verdict for finding in check.check(assumed)] == [one.verdict for one in check.check(counted)]
    sampled = replace(NOBODY_COUNTED.integrity, sampled=0.25)
    for integrity in (sampled, sampled.assumed_complete):
        [finding] = check.check(replace(NOBODY_COUNTED, integrity=integrity))
        assert (finding.verdict, finding.reason_code) == ("unknown", "not_asked" if name == "rubric" else "sampled")
    lost = replace(NOBODY_COUNTED.integrity, orphans=1).assumed_complete
    [finding] = check.check(replace(NOBODY_COUNTED, integrity=lost))
    assert (finding.verdict, finding.reason_code) == ("unknown", "not_asked" if name == "rubric" else "gap")


@pytest.mark.parametrize("name", DOCS)
def test_nothing_passes_on_an_empty_trajectory_even_where_the_count_is_right(name, example):
    finding = example(DOCS[name]).check(EMPTY_AND_PROVEN)[0]
    if name in REQUIRED:
        assert finding.verdict == "fail"
        assert finding.steps == ()
        assert finding.reason.endswith("nothing happened")
    elif name in {"all", "state"}:
        # a part of the first requires something; the state before was stored apart, and is not what the second asks
        assert finding.verdict == "fail"
    else:
        assert finding.verdict == "unknown"
        assert finding.reason_code == ("not_asked" if name == "rubric" else "empty")


PART_OPTIONS = [
    {"each": "turn"},
    {"each": "agent"},
    {"each": "session"},
    {"in": {"agent": "agent"}},
    {"in": {"turn": 1}},
]
NEGATIVE = [
    {"never": "pay"},
    {"at_most": {"pay": 1}},
    {"exactly": {"pay": 0}},
    {"matches": {"mode": "strict", "calls": []}},
    {"matches": {"mode": "subset", "calls": ["pay"]}},
    {"precedes": ["verify_identity", "pay"]},
    {"responds": ["pay", "get_payment"]},
    {"budget": {"calls": 3}},
    {"budget": {"seconds": 1000}},
    {"no_errors": {}},
    {"no_loops": {}},
    {"not": {"calls": ["pay"]}},
    {"not": {"says": "never said"}},
    {"never": "pay", "before": "cancel"},
    {"never": "pay", "after": "cancel"},
    {"never": "pay", "between": ["cancel", "escalate"]},
    {"never": "pay", "when": "cancel"},
]


@pytest.mark.parametrize("options", [{}, *PART_OPTIONS], ids=str)
@pytest.mark.parametrize("item", NEGATIVE, ids=str)
@pytest.mark.parametrize("seen", [EMPTY, EMPTY_AND_PROVEN, ONLY_WORDS, GAP], ids=["empty", "proven", "words", "gap"])
def test_no_negative_check_passes_whatever_part_it_looks_at(item, options, seen):
    check = parse([{**item, **options}])[0]
    assert {finding.verdict for finding in check.check(seen)} == {"unknown"}


@pytest.mark.parametrize(
    ("integrity", "said"),
    [
        (Integrity(started=12, ended=12, stored=9), "9 of 12 spans are stored"),
        (Integrity(started=12, ended=10, stored=12), "10 of 12 spans ended"),
        (Integrity(started=12, ended=12, stored=12, orphans=2), "2 spans lack their parent"),
        (Integrity(started=12, ended=12, stored=12, dropped=1), "1 attributes, events or links were dropped"),
        (Integrity(started=4, ended=3, stored=2), "2 of 4 spans are stored, 3 of 4 spans ended"),
        (Integrity(), "nobody counted its spans"),
    ],
)
def test_a_gap_is_told_with_its_figures(integrity, said):
    from dataclasses import replace

    seen = replace(trajectory([call("pay")]), integrity=integrity)
    finding = parse([{"at_most": {"pay": 1}}])[0].check(seen)[0]
    assert (finding.verdict, finding.reason_code) == ("unknown", "gap")
    assert finding.reason == (
        f"pay was called once (step 0) as far as seen, and at most 1 is allowed, but the record may have gaps: {said}"
    )


def test_losing_a_step_of_a_passing_trajectory_says_so():
    whole = trajectory([say("user", "Hi."), call("lookup_order"), say("assistant", "Done.")], offered=OFFERED)
    check = parse([{"never": "pay"}])[0]
    assert check.check(whole)[0].verdict == "pass"
    finding = check.check(without(whole, [1]))[0]
    assert (finding.verdict, finding.reason_code) == ("unknown", "gap")
    assert finding.reason == "pay was not seen, but the record may have gaps: 3 of 4 spans are stored"


# --- tools that nobody knows


def test_a_misspelt_tool_is_unknown_with_the_nearest_name_wherever_it_stands():
    seen = trajectory([call("issue_refund"), say("assistant", "Done.")], offered=OFFERED)
    misspelt = [
        {"never": "isue_refund"},
        {"calls": ["isue_refund"]},
        {"precedes": ["isue_refund", "cancel"]},
        {"never": "cancel", "before": "isue_refund"},
        {"never": "cancel", "after": "isue_refund"},
        {"never": "cancel", "when": "isue_refund"},
        {"matches": {"mode": "subset", "calls": ["isue_refund", "issue_refund"]}},
        {"at_most": {"of": {"tool": {"$any": ["isue_refund", "cancel"]}}, "n": 2}},
        {"any": [{"never": "isue_refund"}]},
        {"not": {"calls": ["isue_refund"]}},
    ]
    for check in parse(misspelt):
        finding = check.check(seen)[0]
        assert (finding.verdict, finding.reason_code) == ("unknown", "never_offered"), check.title
        assert '"isue_refund" was neither offered nor called. Did you mean "issue_refund"?' in finding.reason


def test_a_misspelt_tool_among_others_leaves_standing_what_is_certain_without_it():
    seen = trajectory([call("issue_refund"), say("assistant", "Done.")], offered=OFFERED)
    certain = {
        "calls": ({"calls": [{"any_of": ["isue_refund", "issue_refund"]}]}, "pass"),
        "never": ({"never": {"tool": {"$any": ["isue_refund", "issue_refund"]}}}, "fail"),
        "any": ({"any": [{"never": "isue_refund"}, {"never": "cancel"}]}, "pass"),
        "all": ({"all": [{"never": "isue_refund"}, {"never": "issue_refund"}]}, "fail"),
    }
    for item, verdict in certain.values():
        assert parse([item])[0].check(seen)[0].verdict == verdict


def test_a_tool_is_known_that_was_offered_to_a_model_called_here_or_elsewhere_in_the_batch():
    from agenteval.core.trajectory import ModelCall, OfferedTool
    from agenteval.testing.trajectories import step

    check = parse([{"never": "cancel"}])[0]
    nobody = trajectory([call("pay")])
    model = trajectory([step(ModelCall(model="m", offered_tools=(OfferedTool(name="cancel"),))), call("pay")])
    assert check.check(nobody)[0].reason_code == "never_offered"
    assert check.check(nobody)[0].reason == '"cancel" was neither offered nor called. Known: pay.'
    assert check.check(model)[0].verdict == "pass"
    assert check.on(View.of(nobody, known_tools=frozenset({"cancel"})))[0].verdict == "pass"
    assert check.check(trajectory([say("user", "Hi.")]))[0].reason == (
        '"cancel" was neither offered nor called. No tools are known here.'
    )


# --- what was not recorded


@pytest.mark.parametrize(
    ("steps", "item", "code", "reason"),
    [
        (
            [call("pay", status="unknown")],
            {"calls": ["pay"]},
            "not_recorded",
            (
                "pay() at step 0 may be pay, but how pay (step 0) ended was not recorded; "
                "turn on the recording of tool arguments and results where the agent is instrumented"
            ),
        ),
        (
            [call("pay", {"x": "abc"}, truncated=["arguments"])],
            {"never": {"pay": {"x": {"$re": "d"}}}},
            "cut",
            (
                'pay({"x": "abc"}) at step 0 may be pay(x: {$re: d}), but the arguments of pay (step 0) were cut when '
                "recorded; record it whole"
            ),
        ),
        (
            [call("pay", missing={"result": "the span does not carry it: turn content capture on"})],
            {"calls": [{"tool": "pay", "result": 1}]},
            "not_recorded",
            (
                "pay() at step 0 may be {tool: pay, result: 1}, but the result of pay (step 0) was not recorded "
                "(the span does not carry it: turn content capture on)"
            ),
        ),
        (
            [call("pay", error="", missing={"error": "lost"})],
            {"never": {"tool": "pay", "error": {"$text": "no"}}},
            "not_recorded",
            (
                'pay() at step 0 may be {tool: pay, error: {$text: "no"}}, but the error of pay (step 0) was not recorded '
                "(lost); turn on the recording of tool arguments and results where the agent is instrumented"
            ),
        ),
        (
            [call("?", missing={"name": "not sent"})],
            {"never": "pay"},
            "not_recorded",
            (
                "?() at step 0 may be pay, but the name of ? (step 0) was not recorded (not sent); "
                "turn on the recording of tool arguments and results where the agent is instrumented"
            ),
        ),
    ],
)
def test_a_field_that_was_not_recorded_is_named_with_its_remedy(steps, item, code, reason):
    finding = parse([item])[0].check(trajectory(steps, offered=["pay"]))[0]
    assert (finding.verdict, finding.reason_code) == ("unknown", code)
    assert finding.reason == reason
    assert finding.steps == ("s0",)


def test_a_call_whose_tool_was_not_recorded_may_be_any():
    seen = trajectory([call("?", missing={"name": "not sent"})], offered=["pay"])
    for item in ({"never": "pay"}, {"never": {"tool": {"$glob": "p*"}}}, {"calls": ["pay"]}, {"at_most": {"pay": 0}}):
        finding = parse([item])[0].check(seen)[0]
        assert (finding.verdict, finding.reason_code, finding.steps) == ("unknown", "not_recorded", ("s0",))
    assert parse([{"never": {"args": {"x": 1}}}])[0].check(seen)[0].verdict == "pass"


def test_a_change_that_was_not_recorded_makes_the_state_unknown():
    seen = trajectory([change(missing={"patch": "not sent"})], start={"a": 1})
    for item in ({"state": {"a": 1}}, {"only_changes": []}):
        finding = parse([item])[0].check(seen)[0]
        assert (finding.verdict, finding.reason_code) == ("unknown", "no_state")
        assert finding.reason == "what changed at step 0 was not recorded whole"


def test_with_a_gap_a_call_of_no_agent_may_be_any_agents():
    runs = [AgentRun(id="r1", name="front"), AgentRun(id="r2", name="billing", parent="r1")]
    steps = [call("pay"), call("cancel", run="r1")]
    check = parse([{"never": "pay", "in": {"agent": "billing"}}])[0]
    assert check.check(trajectory(steps, runs=runs, offered=OFFERED))[0].verdict == "pass"
    finding = check.check(trajectory(steps, runs=runs, offered=OFFERED, lost=1))[0]
    assert (finding.verdict, finding.steps) == ("unknown", ("s0",))
