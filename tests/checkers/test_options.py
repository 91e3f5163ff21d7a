"""Options: parts, stretches, conditions, roles; and the Python forms of the checks."""

import inspect

import pytest

from agenteval import checkers
from agenteval.checkers import View, catalogue, parse
from agenteval.core.message import MediaPart, Message, RefusalPart, ToolRequest
from agenteval.core.outcome import Measure
from agenteval.core.trajectory import AgentRun, ModelCall, Usage
from agenteval.errors import ScenarioError
from agenteval.testing.trajectories import call, change, say, step, think, trajectory

OFFERED = ["a", "b", "c", "pay"]


def seen(*steps, **keywords):
    return trajectory([say("user", "Hi."), *steps, say("assistant", "Done.")], offered=OFFERED, **keywords)


def findings(item, whole):
    return parse([item])[0].check(whole)


def verdict(item, whole):
    found = findings(item, whole)
    assert len(found) == 1
    return "vacuous" if found[0].vacuous else found[0].verdict


# --- roles, weights, grades


@pytest.mark.parametrize(
    ("item", "whole", "answer", "value"),
    [
        ({"never": "a", "as": "metric"}, seen(), "pass", 1.0),
        ({"never": "a", "as": "metric"}, seen(call("a")), "pass", 0.0),
        ({"never": "a", "as": "metric"}, seen(lost=1), "unknown", None),
        ({"never": "a", "after": "b", "as": "metric"}, seen(), "pass", None),  # nothing activated it: nothing measured
        ({"budget": {"calls": 1}, "as": "metric"}, seen(call("a"), call("b")), "pass", 0.5),
        ({"budget": {"calls": 1}, "as": "metric", "pass_at": 0.6}, seen(call("a"), call("b")), "fail", 0.5),
        ({"budget": {"calls": 1}, "pass_at": 0.5}, seen(call("a"), call("b")), "pass", 0.5),
        ({"budget": {"calls": 0}}, seen(), "pass", 1.0),
        ({"budget": {"calls": 0}}, seen(call("a")), "fail", 0.0),
        ({"budget": {"tokens": 5}, "as": "metric"}, seen(), "unknown", None),
        ({"rubric": "r", "as": "metric"}, seen(), "unknown", None),
    ],
)
def test_a_metric_measures_and_a_grade_passes_where_it_is_enough(item, whole, answer, value):
    finding = findings(item, whole)[0]
    assert finding.verdict == answer
    assert finding.measure == Measure(name=next(iter(item)), value=value, scale=(0.0, 1.0))


def test_a_gate_without_a_grade_has_no_measure():
    assert findings({"never": "a", "as": "safety"}, seen())[0].measure is None


def test_a_finding_carries_what_the_check_says_of_itself():
    item = {"never": "a", "id": "no-a", "why": "It costs money.", "as": "safety"}
    finding = findings(item, seen(call("a")))[0]
    assert (finding.check, finding.title, finding.role, finding.weight) == ("no-a", "never: a", "safety", 1.0)
    assert finding.check_version == "1"
    assert finding.evidence["why"] == "It costs money."
    assert findings({"never": "a", "as": "metric", "weight": 0.2}, seen())[0].weight == 0.2


# --- each and in


def test_each_gives_one_finding_for_each_part_with_its_own_id():
    whole = trajectory(
        [
            say("system", "Be kind."),
            call("a"),
            say("user", "1"),
            call("a"),
            say("user", "2"),
            call("b"),
            say("user", "3"),
        ],
        offered=OFFERED,
    )
    found = findings({"never": "a", "each": "turn", "id": "x"}, whole)
    assert [(one.check, one.verdict, one.steps) for one in found] == [
        ("x[1]", "fail", ("s1", "s3")),  # what comes before the first message belongs to the first turn
        ("x[2]", "pass", ()),
        ("x[3]", "pass", ()),
    ]
    assert [one.check for one in findings({"never": "a", "each": "session", "id": "x"}, whole)] == ["x[1]"]
    assert [one.verdict for one in findings({"never": "a", "each": "call", "id": "x"}, whole)] == [
        "fail",
        "fail",
        "pass",
    ]


def test_each_without_a_part_is_vacuous():
    finding = findings({"budget": {"seconds": 1}, "each": "call"}, seen())[0]
    assert (finding.verdict, finding.vacuous, finding.reason) == ("pass", True, "there was no call to judge")


RUNS = [
    AgentRun(id="r1", name="front"),
    AgentRun(id="r2", name="billing", parent="r1"),
    AgentRun(id="r3", name="billing", parent="r1"),
]
TEAM = trajectory(
    [
        say("user", "Hi.", run="r1"),
        call("a", run="r1"),
        say("user", "Refund it.", run="r2"),
        call("pay", run="r2"),
        say("assistant", "Refunded.", run="r2"),
        call("pay", run="r3"),
        say("assistant", "Sorry.", run="r1"),
    ],
    runs=RUNS,
    offered=OFFERED,
)


@pytest.mark.parametrize(
    ("item", "answer"),
    [
        ({"calls": ["a"], "in": {"agent": "front"}}, "pass"),
        ({"calls": ["pay"], "in": {"agent": "front"}}, "fail"),  # what an agent starts is not its own doing
        ({"at_most": {"pay": 1}, "in": {"agent": "billing"}}, "fail"),  # two agents of that name
        ({"at_least": {"pay": 2}, "in": {"agent": {"$glob": "bill*"}}}, "pass"),
        ({"never": "pay", "in": {"agent": "nobody"}}, "vacuous"),
        ({"calls": ["pay"], "in": {"agent": "nobody"}}, "fail"),
        ({"never": "pay", "before": "a", "in": {"agent": "billing"}}, "fail"),  # the boundary is looked for there too
        ({"never": "pay", "before": "a"}, "pass"),
        # a helper's words are not said to the user, unless they are asked for; its user is another agent
        ({"says": "sorry"}, "pass"),
        ({"says": "refunded", "in": {"message": "any"}}, "fail"),
        ({"says": "refunded", "in": {"agent": "billing"}}, "pass"),
        ({"calls": ["pay"], "in": {"turn": 1}}, "pass"),
        ({"calls": ["pay"], "in": {"turn": 2}}, "fail"),
        ({"never": "pay", "in": {"turn": 2}}, "vacuous"),
        ({"budget": {"turns": 1}}, "pass"),
        ({"budget": {"turns": 0}}, "fail"),
    ],
    ids=str,
)
def test_in_looks_at_a_part_alone(item, answer):
    assert verdict(item, TEAM) == answer


def test_each_agent_tells_agents_of_one_name_apart():
    found = findings({"at_most": {"pay": 0}, "each": "agent", "id": "x"}, TEAM)
    assert [(one.check, one.verdict, one.reason.partition(":")[0]) for one in found] == [
        ("x[1]", "pass", "agent front"),
        ("x[2]", "fail", "agent billing (1 of 2)"),
        ("x[3]", "fail", "agent billing (2 of 2)"),
    ]


def test_without_runs_everything_is_the_agents():
    whole = seen(call("a"), agent="solo")
    assert verdict({"calls": ["a"], "in": {"agent": "solo"}}, whole) == "pass"
    assert verdict({"calls": ["a"], "in": {"agent": "other"}}, whole) == "fail"
    assert [one.verdict for one in findings({"calls": ["a"], "each": "agent"}, whole)] == ["pass"]


def test_parts_nest_in_checks_of_checks():
    whole = trajectory(
        [say("user", "1"), call("a"), call("b"), say("user", "2"), call("b"), call("a")], offered=OFFERED
    )
    item = {"any": [{"calls": ["a", "b"]}, {"never": "a", "before": "b", "in": {"turn": 2}}], "each": "turn", "id": "x"}
    assert [(one.check, one.verdict) for one in findings(item, whole)] == [("x[1]", "pass"), ("x[2]", "pass")]
    item = {"all": [{"at_most": {"a": 1}, "each": "turn"}, {"at_least": {"a": 2}}]}
    assert verdict(item, whole) == "pass"


# --- stretches


@pytest.mark.parametrize(
    ("item", "calls", "answer"),
    [
        ({"never": {"tool": {"$glob": "*"}}, "before": "b"}, "b", "pass"),  # the boundary is not before itself
        ({"never": {"tool": {"$glob": "*"}}, "after": "b"}, "ab", "pass"),
        ({"never": "a", "after": "b"}, "bba", "fail"),
        ({"never": "b", "after": "b"}, "bb", "fail"),  # from the first on
        ({"never": "a", "between": ["b", "c"]}, "abca", "pass"),
        ({"never": "a", "between": ["b", "c"]}, "bcba", "fail"),
        ({"never": "c", "between": ["b", "c"]}, "bc", "pass"),  # the end is not inside
        ({"at_most": {"a": 1}, "between": ["b", "c"]}, "bacba", "pass"),  # for each stretch on its own
        ({"at_most": {"a": 1}, "between": ["b", "c"]}, "baca", "pass"),
        ({"at_least": {"a": 1}, "between": ["b", "c"]}, "bacb", "fail"),
        ({"calls": ["a", "b"], "after": "c"}, "abcab", "pass"),
        ({"calls": ["a", "b"], "after": "c"}, "acb", "fail"),
        ({"matches": {"mode": "strict", "calls": ["a"]}, "before": "b"}, "abc", "pass"),
        ({"precedes": ["a", "b"], "after": "c"}, "acb", "fail"),
        ({"no_loops": {"repeats": 2}, "before": "b"}, "baa", "pass"),
        ({"no_errors": {}, "after": "c"}, "ab", "vacuous"),
    ],
    ids=str,
)
def test_stretches(item, calls, answer):
    assert verdict(item, seen(*[call(name) for name in calls])) == answer


UNSURE = call("b", status="unknown")
HIDDEN = call("a", missing={"arguments": "off"})


@pytest.mark.parametrize(
    ("item", "steps", "keywords", "answer"),
    [
        # whether the boundary is one was not recorded
        ({"never": {"tool": {"$glob": "*"}}, "before": "b"}, [UNSURE], {}, "unknown"),
        ({"never": "a", "before": "b"}, [UNSURE, call("a")], {}, "unknown"),
        ({"never": "a", "before": "b"}, [call("a"), UNSURE], {}, "fail"),
        ({"never": "a", "after": "b"}, [UNSURE, call("a")], {}, "unknown"),
        ({"never": "a", "after": "b"}, [call("a"), UNSURE], {}, "pass"),
        ({"at_least": {"a": 1}, "after": "b"}, [UNSURE], {}, "unknown"),
        ({"at_least": {"a": 1}, "after": "b"}, [UNSURE, call("a")], {}, "unknown"),
        ({"at_most": {"a": 1}, "between": ["b", "c"]}, [UNSURE, call("a"), call("a")], {}, "unknown"),
        ({"at_most": {"a": 1}, "between": ["c", "b"]}, [call("c"), call("a"), UNSURE, call("a")], {}, "unknown"),
        ({"never": "a", "between": ["c", "b"]}, [call("c"), call("a"), UNSURE, call("a")], {}, "fail"),
        # for which value a call counts was not recorded, or whether it counts at all
        (
            {"at_least": {"of": "a", "n": 2, "per": "x"}},
            [call("a", {"x": 1}), call("a", {"x": 1}), HIDDEN],
            {},
            "unknown",
        ),
        ({"at_least": {"of": "a", "n": 2, "per": "x"}}, [call("a", {"x": 1}, status="unknown")], {}, "unknown"),
        ({"at_least": {"of": "a", "n": 1, "per": "x"}}, [call("a", {"x": 1}, error="no")], {}, "vacuous"),
        ({"at_most": {"of": "a", "n": 1, "per": "x"}}, [HIDDEN, HIDDEN], {}, "unknown"),
        ({"at_most": {"of": "a", "n": 2, "per": "x"}}, [HIDDEN, HIDDEN], {}, "pass"),
        ({"at_most": {"of": "a", "n": 1, "per": "x"}}, [call("a", {"x": 1})] * 2 + [HIDDEN], {}, "fail"),
        ({"at_least": {"of": "a", "n": 1, "per": "x"}}, [call("a", {"x": 1})], {"lost": 1}, "unknown"),
        # a turn may be two
        ({"budget": {"seconds": 1}, "each": "turn"}, [call("a"), call("a"), call("a")], {"lost": 1}, "unknown"),
        ({"never": "a", "each": "turn"}, [call("a")], {"lost": 1}, "fail"),
        ({"never": "a", "in": {"turn": 1}}, [call("a")], {"lost": 1}, "unknown"),
        ({"not": {"never": "a"}, "each": "call"}, [call("a")], {"lost": 1}, "unknown"),
        ({"not": {"never": "a"}, "each": "call"}, [call("a")], {}, "pass"),
        ({"says": "done", "in": {"turn": 1}}, [], {"lost": 1}, "unknown"),
        # whose words they are, where the record may lack who was at work
        (
            {"says": "done", "in": {"message": "any"}},
            [],
            {"lost": 1, "runs": [AgentRun(id="r1", name="main")]},
            "unknown",
        ),
        ({"says": "done", "in": {"message": "any"}}, [], {"lost": 1}, "pass"),
        (
            {"says": "more", "in": {"message": "all"}},
            [],
            {"lost": 1, "runs": [AgentRun(id="r1", name="main")]},
            "unknown",
        ),
        ({"state": {"n": 1}, "at": "start"}, [], {"lost": 1, "start": {"n": 1}}, "unknown"),
        ({"matches": {"mode": "subset", "calls": ["a"]}, "status": "ok"}, [UNSURE], {}, "unknown"),
        (
            {"matches": {"mode": "subset", "calls": ["a"]}, "status": "ok"},
            [call("b", error="no"), call("a")],
            {},
            "pass",
        ),
    ],
    ids=str,
)
def test_what_lies_in_doubt(item, steps, keywords, answer):
    assert verdict(item, seen(*steps, **keywords)) == answer


def test_stretches_are_counted():
    finding = findings({"never": "a", "between": ["b", "c"]}, seen(*[call(name) for name in "bcbc"]))[0]
    assert (finding.activations, finding.reason) == (2, "a was never called, between b and c")


def test_the_earliest_way_of_a_step_leaves_most_to_the_next():
    item = {"calls": [{"any_of": ["b", {"all_of": ["a", "a"]}, "a"]}, "c"]}
    finding = findings(item, seen(*[call(name) for name in "acab"]))[0]
    assert (finding.verdict, finding.steps) == ("pass", ("s1", "s2"))


def test_names_are_tried_on_every_call():
    """The first fits lead nowhere; the search comes back to the one that does."""
    item = {"calls": [{"a": {"x": {"$as": "n"}}}, {"maybe": "c"}, {"b": {"x": {"$same": "n"}}}]}
    steps = [call("a", {"x": number}) for number in range(300)] + [call("b", {"x": number}) for number in (-1, 250)]
    finding = findings(item, seen(*steps))[0]
    assert (finding.verdict, finding.steps) == ("pass", ("s251", "s302"))
    assert findings(item, seen(*steps[:-1]))[0].verdict == "fail"


# --- changes of the world


LIST = {"items": [{"n": 1}, {"n": 2}, {"n": 3}], "o": {"7": {"s": "new"}}}


@pytest.mark.parametrize(
    ("allowed", "operations", "stray"),
    [
        (["items[0]"], [{"op": "replace", "path": "/items/0/n", "value": 9}], []),
        (["items[0]"], [{"op": "remove", "path": "/items/0"}], ["items[1].n", "items[2]"]),  # the others moved up
        (["items"], [{"op": "remove", "path": "/items/0"}], []),
        (["items[*]"], [{"op": "add", "path": "/items/-", "value": {"n": 4}}], []),
        (["items[*].n"], [{"op": "add", "path": "/items/-", "value": {"n": 4}}], []),
        (["items[*].m"], [{"op": "add", "path": "/items/-", "value": {"n": 4}}], ["items[3].n"]),
        ([], [{"op": "move", "from": "/items/0", "path": "/items/2"}], ["items[0].n", "items[1].n", "items[2].n"]),
        ([], [{"op": "move", "from": "/items/0", "path": "/first"}], ["first", "items[0].n", "items[1].n", "items[2]"]),
        ([], [{"op": "copy", "from": "/items/0", "path": "/first"}], ["first"]),
        ([], [{"op": "replace", "path": "/o", "value": {"7": {"s": "old"}, "8": {}}}], ["o.7.s", "o.8"]),
        (["o.7.s"], [{"op": "replace", "path": "", "value": {**LIST, "o": {"7": {"s": "old"}}}}], []),
        ([], [{"op": "replace", "path": "/o/7/s", "value": "new"}], []),
        ([], [{"op": "add", "path": "/x", "value": 1}, {"op": "remove", "path": "/x"}], []),
        ([], [{"op": "replace", "path": "/items/0/n", "value": 1.0}], []),
        (["o.7"], [{"op": "add", "path": "/o/7/s", "value": {"deep": [1]}}], []),
        (["o.7.s.deep"], [{"op": "add", "path": "/o/7/s", "value": {"deep": [1]}}], ["o.7.s"]),
        ([], [{"op": "test", "path": "/o/7/s", "value": "new"}], []),
    ],
    ids=str,
)
def test_what_differs_outside_what_is_allowed(allowed, operations, stray):
    finding = findings({"only_changes": allowed}, seen(change(*operations), start=LIST))[0]
    assert sorted(finding.evidence.get("diff", {})) == sorted(stray)
    assert finding.verdict == ("fail" if stray else "pass")


# --- conditions


WORLD = {"shipped": True, "n": 1}


@pytest.mark.parametrize(
    ("when", "whole", "answer"),
    [
        ("b", seen(call("a"), call("b")), "fail"),
        ("b", seen(call("a")), "vacuous"),
        ("b", seen(call("a"), call("b", error="no")), "vacuous"),  # a condition must have succeeded
        ({"tool": "b", "error": {"$text": "no"}}, seen(call("a"), call("b", error="no")), "fail"),
        ("b", seen(call("a"), call("b", status="unknown")), "unknown"),
        ("b", seen(call("b", status="unknown")), "pass"),  # it holds either way
        ("b", seen(call("a"), lost=1), "unknown"),
        ({"state": {"shipped": True}, "at": "start"}, seen(call("a"), start=WORLD), "fail"),
        ({"state": {"shipped": False}, "at": "start"}, seen(call("a"), start=WORLD), "vacuous"),
        ({"state": {"shipped": False}, "at": "start"}, seen(call("a"), start=WORLD, lost=1), "vacuous"),
        ({"state": {"shipped": True}, "at": "start"}, seen(call("a"), start=WORLD, lost=1), "fail"),
        ({"state": {"n": 2}}, seen(call("a"), change({"op": "add", "path": "/n", "value": 2}), start=WORLD), "fail"),
        ({"state": {"n": 2}}, seen(call("a"), start=WORLD, lost=1), "unknown"),
        ({"state": {"n": 2}}, seen(call("a")), "unknown"),
        ({"fault": "exposed"}, seen(), "unknown"),
    ],
    ids=str,
)
def test_conditions(when, whole, answer):
    assert verdict({"never": "a", "when": when}, whole) == answer


def test_a_condition_that_was_not_met_says_so_with_no_activations():
    finding = findings({"calls": ["a"], "when": "b"}, seen())[0]
    assert (finding.reason_code, finding.activations) == ("not_activated", 0)
    assert finding.reason == "its condition was not met: b"


# --- words, budgets and errors


def test_refusals_and_media_are_said_and_tool_requests_are_not():
    refusal = step(Message(role="assistant", parts=(RefusalPart(text="I cannot."),)))
    picture = step(Message(role="assistant", parts=(MediaPart(type="image", uri="sha256:1"),)))
    request = step(Message(role="assistant", parts=(ToolRequest(name="a", arguments={}),)))
    assert verdict({"says": "cannot"}, trajectory([refusal, request])) == "pass"
    assert verdict({"says": "cannot"}, trajectory([refusal, picture])) == "fail"


def test_without_messages_the_answers_of_models_are_what_was_said():
    whole = trajectory([think("It is 42.50."), think("Bye.")])
    assert verdict({"says": "bye"}, whole) == "pass"
    assert verdict({"says": "42.50", "in": {"message": "any"}}, whole) == "pass"
    assert verdict({"says": "42.50"}, whole) == "fail"
    assert verdict({"says": "bye"}, trajectory([think("Bye."), say("assistant", "No.")])) == "fail"


@pytest.mark.parametrize(
    ("allowed", "steps", "answer", "used"),
    [
        ({"tokens": 10}, [think(tokens=(4, 5))], "pass", 9),
        ({"tokens": 8}, [think(tokens=(4, 5))], "fail", 9),
        ({"tokens": 10}, [step(ModelCall(model="m", usage=Usage(input_tokens=4)))], "unknown", 4),
        (
            {"tokens": 20},
            [step(ModelCall(model="m", usage=Usage(input_tokens=4))), think(tokens=(4, 5))],
            "unknown",
            13,
        ),
        ({"usd": 1}, [think(usd=0.5), think(usd=0.25)], "pass", 0.75),
        ({"usd": 0.6}, [think(usd=0.5), think(usd=0.25)], "fail", 0.75),
        ({"usd": 1}, [think(usd=0.5), think(tokens=(1, 1))], "unknown", 0.5),
        ({"usd": 0.4}, [think(usd=0.5), think()], "fail", 0.5),
        ({"seconds": 2}, [call("a", at=(0, 1)), call("b", at=(1.5, 2))], "pass", 2),
        ({"seconds": 1.9}, [call("a", at=(0, 1)), call("b", at=(1.5, 2))], "fail", 2),
        ({"calls": 1}, [call("a", error="no"), call("a", by="user")], "pass", 1),
        ({"turns": 1}, [say("user", "1"), say("assistant", "x"), say("user", "2"), say("assistant", "y")], "fail", 2),
        ({"turns": 1}, [say("user", "1"), say("assistant", "x"), say("user", "2")], "pass", 1),
        ({"turns": 1}, [say("user", "1"), think(missing={"output": "off"})], "unknown", 0),
    ],
    ids=str,
)
def test_budgets(allowed, steps, answer, used):
    finding = findings({"budget": allowed}, trajectory(steps))[0]
    assert finding.verdict == answer
    assert finding.evidence["used"] == {next(iter(allowed)): used}


def test_made_up_times_measure_nothing():
    whole = trajectory([call("a")], attributes={"agenteval.time.synthetic": True})
    finding = findings({"budget": {"seconds": 100}}, whole)[0]
    assert (finding.verdict, finding.reason_code) == ("unknown", "not_measured")
    assert finding.reason == (
        "seconds: not measured, 100 allowed, but the times in this record only keep the order; durations were not measured"
    )


@pytest.mark.parametrize(
    ("steps", "answer"),
    [
        ([call("a"), call("a"), say("user", "Again?"), call("a")], "pass"),  # asked for again
        ([call("a"), call("a"), call("b", by="user"), call("a")], "pass"),  # the user did something
        ([call("a"), call("b"), call("a"), call("b"), call("a"), call("b")], "fail"),
        ([call("a"), call("b"), call("a"), call("b"), call("a")], "pass"),
        ([call("a", {"x": 1}), call("a", {"x": 1.0}), call("a", {"x": 1})], "fail"),
        ([call("a", {"x": 1}), call("a", {"x": True}), call("a", {"x": 1})], "pass"),
        ([call("a", error="no")] * 3, "fail"),
        ([call("a", error="no"), call("a", error="no"), call("a")], "pass"),
        ([call("a", run="r1"), call("a", run="r2"), call("a", run="r1"), call("a", run="r2")], "pass"),
        (
            [call("a", run="r1"), call("b", run="r2"), call("a", run="r1"), call("b", run="r2"), call("a", run="r1")],
            "fail",
        ),
        ([call("a", status="unknown")] * 3, "unknown"),
        ([*[call("a")] * 3, call("b"), *[call("c", missing={"result": "off"})] * 3], "fail"),
    ],
    ids=str,
)
def test_loops(steps, answer):
    assert verdict({"no_loops": {}}, trajectory(steps)) == answer


def test_a_loop_is_told_with_all_its_rounds():
    steps = [call("b"), *[call("a", {"x": 1})] * 5, call("b")]
    finding = findings({"no_loops": {}}, trajectory(steps))[0]
    assert finding.reason == 'a({"x": 1}) came 5 times in a row (steps 1, 2, 3, 4 and 5), with nothing new between'
    assert finding.steps == ("s1", "s2", "s3", "s4", "s5")
    assert finding.evidence["rounds"] == 5


# --- parallel batches


def batch(*, asked_by=("m", "m"), at=((0, 2), (1, 3)), **keywords):
    steps = [call("a", asked_by=asked_by[0], at=at[0]), call("b", asked_by=asked_by[1], at=at[1])]
    return trajectory(steps, offered=OFFERED, **keywords)


@pytest.mark.parametrize(
    ("whole", "calls", "precedes"),
    [
        (batch(), "pass", "fail"),  # one batch, under way at once: neither came first
        (batch(at=((0, 1), (1, 2))), "fail", "pass"),  # one after the other
        (batch(asked_by=("m", "n")), "fail", "pass"),  # asked for one after the other
        (batch(asked_by=(None, None)), "fail", "pass"),
        (batch(asked_by=(None, None), lost=1), "unknown", "unknown"),
    ],
)
def test_calls_of_one_batch_stand_in_no_order(whole, calls, precedes):
    assert verdict({"calls": ["b", "a"]}, whole) == calls
    assert verdict({"precedes": ["a", "b"]}, whole) == precedes
    assert verdict({"calls": ["a", "b"]}, whole) == ("unknown" if calls == "unknown" else "pass")


def test_a_search_that_takes_too_many_tries_is_given_up():
    steps = [call("a", {"x": number}) for number in range(60)]
    item = {"calls": [*[{"a": {"x": {"$as": f"n{number}"}}} for number in range(12)], {"b": {"y": {"$same": "n0"}}}]}
    finding = findings(item, seen(*steps, call("b", {"y": -1})))[0]
    assert (finding.verdict, finding.reason_code) == ("unknown", "timeout")
    assert finding.reason == "no choice of calls was found in 20,000 tries"


def test_names_join_within_one_call():
    to_itself = {"a": {"from": {"$as": "n"}, "to": {"$same": "n"}}}
    apart, itself = call("a", {"from": 1, "to": 2}), call("a", {"from": 1, "to": 1.0})
    hidden = call("a", missing={"arguments": "off"})
    assert verdict({"never": to_itself}, seen(apart)) == "pass"
    assert verdict({"never": to_itself}, seen(apart, itself)) == "fail"
    assert verdict({"never": to_itself}, seen(apart, hidden)) == "unknown"
    assert verdict({"at_most": {"of": to_itself, "n": 1}}, seen(apart, itself, apart)) == "pass"
    assert verdict({"matches": {"mode": "subset", "calls": [to_itself]}}, seen(apart)) == "fail"
    assert verdict({"never": "b", "before": to_itself}, seen(apart, call("b"))) == "fail"
    rows = {"a": {"rows[*].id": {"$as": "n"}, "chosen": {"$same": "n"}}}
    assert verdict({"calls": [rows]}, seen(call("a", {"rows": [{"id": 1}, {"id": 2}], "chosen": 2}))) == "pass"
    assert verdict({"calls": [rows]}, seen(call("a", {"rows": [{"id": 1}], "chosen": 2}))) == "fail"


def test_a_name_in_what_was_not_recorded_may_be_any_value():
    item = {"precedes": [{"a": {"x": {"$as": "n"}}}, {"b": {"x": {"$same": "n"}}}]}
    hidden = call("a", missing={"arguments": "off"})
    assert verdict(item, seen(hidden, call("b", {"x": 1}))) == "unknown"
    assert verdict(item, seen(call("a", {"x": 1}), call("b", missing={"arguments": "off"}))) == "unknown"
    # what was not recorded does not matter where no name stands
    item = {"calls": [{"tool": {"$as": "t"}}, {"tool": {"$same": "t"}}]}
    assert verdict(item, seen(hidden, hidden)) == "pass"
    assert verdict(item, seen(hidden, call("b"))) == "fail"


@pytest.mark.parametrize(
    ("made", "wanted", "answer"),
    [
        (call("a"), None, "pass"),
        (call("a", error="no"), None, "fail"),
        (call("a", status="error"), None, "fail"),  # it failed, whatever its text was
        (call("a", status="error"), "no", "unknown"),
        (call("a", status="unknown"), "no", "unknown"),
        (call("a", status="unknown", error="no"), "no", "pass"),
        (call("a"), {"$not": "no"}, "fail"),  # what is not there is accepted by nothing
        (call("a"), {"$any": ["no", None]}, "pass"),
        (call("a", status="error"), {"$not": "no"}, "unknown"),
        (call("a", status="error"), {"$any": ["no", None]}, "unknown"),
        (call("a", status="unknown"), None, "unknown"),
        (call("a", error="yes"), {"$not": "no"}, "pass"),
    ],
)
def test_errors_are_matched_by_their_text(made, wanted, answer):
    assert verdict({"calls": [{"tool": "a", "error": wanted}]}, seen(made)) == answer


def test_a_call_with_very_many_bindings_is_given_up():
    many = [{"k": number} for number in range(300)]
    item = {"never": {"a": {"x[*].k": {"$as": "n"}, "y[*].k": {"$as": "m"}, "z[*]": {"$same": "m"}}}}
    finding = findings(item, seen(call("a", {"x": many, "y": many, "z": [-1]})))[0]
    assert (finding.verdict, finding.reason_code) == ("unknown", "timeout")


# --- one view, many checks


def test_checks_over_one_view_say_what_they_say_alone(example):
    whole = seen(call("a"), call("pay", {"x": 1}, result=2), think("x", tokens=(1, 2)), start={"n": 1})
    view = View.of(whole)
    for doc in catalogue():
        assert example(doc).on(view) == example(doc).check(whole)


# --- the Python forms


def forms():
    return {
        name: form
        for name, form in vars(checkers).items()
        if inspect.isfunction(form) and name not in {"parse", "catalogue"}
    }


ARGUMENTS = {
    "calls": (["a"],),
    "matches": ({"mode": "strict", "calls": []},),
    "never": ("a",),
    "at_most": ({"of": "a", "n": 1},),
    "at_least": ({"a": 1},),
    "exactly": ({"a": "1..2"},),
    "precedes": ("a", "b"),
    "responds": ("a", "b"),
    "state": ({"x": 1},),
    "only_changes": (["x"],),
    "says": ("yes",),
    "budget": ({"calls": 1},),
    "no_errors": (),
    "no_loops": (),
    "rubric": ("Be kind.",),
    "all_": ({"never": "a"}, checkers.says("yes")),
    "any_": ({"never": "a"}, checkers.says("yes")),
    "not_": (checkers.never("a", before="b"),),
}


def test_there_is_a_form_for_every_check_and_each_builds_what_yaml_builds():
    assert {name.rstrip("_") for name in forms()} == {doc.name for doc in catalogue()}
    for name, form in forms().items():
        check = form(*ARGUMENTS[name], as_="safety", why="since", when="b")
        assert check == parse([check.spec])[0]
        assert (check.name, check.role, check.why) == (name.rstrip("_"), "safety", "since")
        assert form.__doc__


def test_forms_take_options_with_an_underscore_and_code():
    check = checkers.says({"$fn": "m:f"}, in_={"message": "any"}, load_code=lambda ref: lambda text: text == ref)
    assert check.spec == {"says": {"$fn": "m:f"}, "in": {"message": "any"}}
    assert check.check(trajectory([say("assistant", "m:f")]))[0].verdict == "pass"
    assert checkers.no_loops({"repeats": 2}).spec == {"no_loops": {"repeats": 2}}


def test_a_form_refuses_what_the_parser_refuses():
    with pytest.raises(ScenarioError) as caught:
        checkers.at_most({"pay": "two"}, befor="a")
    assert str(caught.value) == 'unknown option "befor". Did you mean "before"?'
    with pytest.raises(ScenarioError) as caught:
        checkers.any_({"never": {"a": {"x": {"$re": "("}}}})
    assert str(caught.value) == 'any[0].never.a.x["$re"]: "(" is no regular expression: missing ) at position 1'
    assert caught.value.path == ("any", 0, "never", "a", "x", "$re")
