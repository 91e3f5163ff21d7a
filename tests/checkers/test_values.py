"""Which values each matcher accepts, and what it says of those that it does not."""

import pytest

from agenteval.checkers import View, parse
from agenteval.testing.trajectories import call, say, trajectory


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"  # ids of tests must be alike in every worker


ABSENT = _Absent()


def answer(value, actual):
    """The finding of a check that one argument be so."""
    arguments = {} if actual is ABSENT else {"x": actual}
    return parse([{"calls": [{"a": {"x": value}}]}])[0].check(trajectory([call("a", arguments)]))[0]


@pytest.mark.parametrize(
    ("value", "accepted", "refused"),
    [
        (1, [1, 1.0], [True, "1", 2, None, [1], ABSENT]),
        (1.5, [1.5], [1, "1.5", ABSENT]),
        (True, [True], [1, 1.0, "true", "yes", ABSENT]),
        (False, [False], [0, None, "", ABSENT]),
        (None, [None], [False, 0, "", [], {}, ABSENT]),
        ("1", ["1"], [1, "1 ", "01", ABSENT]),
        ("", [""], [None, [], ABSENT]),
        ([1, "a"], [[1, "a"], (1.0, "a")], [["a", 1], [1], [1, "a", 2], "a"]),
        ({"k": [1]}, [{"k": [1.0]}], [{"k": [1], "l": 2}, {}, {"k": [True]}]),
        ([], [[]], [{}, None, "", [0]]),
        ({}, [{}], [[], None, {"k": 1}]),
        ({"$near": [42.5, 0.005]}, [42.5, 42.505, 42.495, 42.4999], [42.5051, 42.4949, "42.5", True, None, ABSENT]),
        ({"$near": [0.3, 0.1]}, [0.2, 0.4], [0.19999999, 0.40000001]),
        ({"$near": [1, 0]}, [1, 1.0], [1.0000001, True]),
        ({"$near": [10**20, 1]}, [10**20 + 1, 10**20 - 1], [10**20 + 2, float("nan"), float("inf"), 10**400]),
        ({"$num": 42.5}, [42.5, "42.5", " 42.50\n", "+42.5", "4.25e1", "042.5"], ["42,5", "$42.5", "42.5.", True, "x"]),
        ({"$num": 1}, [1, 1.0, "1", "1.0"], [True, "one", "1 1", [1], "\uff11"]),
        ({"$num": -0.5}, ["-.5", "-0.5"], ["0.5", "- .5"]),
        ({"$re": "^a.c$"}, ["abc", "a-c"], ["xabc", "ABC", 5, None, ABSENT]),
        ({"$re": "(?i)b"}, ["aBc", "b"], ["x"]),
        ({"$glob": "send_*"}, ["send_", "send_mail"], ["resend_mail", "SEND_x", 5]),
        ({"$glob": "[ab]?"}, ["ax", "b1"], ["cx", "a", "axx"]),
        ({"$text": "Don't  Panic"}, ["so DON'T\n\tpanic!", "don't panic"], ["dont panic", 5, None, ["don't panic"]]),
        ({"$text": "STRASSE"}, ["Straße 5"], ["strase"]),
        ({"$any": [1, "1"]}, [1, 1.0, "1"], [2, True, ABSENT]),
        ({"$has": 2}, [[1, 2], [2.0], (2,)], [[1], [[2]], 2, {"2": 2}, [True]]),
        ({"$has": {"$re": "^a"}}, [["b", "ab"]], [["b"], "ab"]),
        ({"$has": "AB"}, [["AB"], "xABx"], ["xabx", ["xABx"]]),
        ({"$not": 1}, [2, "1", None, True], [1, 1.0, ABSENT]),
        ({"$not": {"$any": [1, 2]}}, [3], [1, 2]),
        ({"$is": {"$near": 1}}, [{"$near": 1}], [1, {"$is": {"$near": 1}}]),
        ({"$is": "x"}, ["x"], ["y"]),
        ({"$as": "n"}, [1, None, [], "x"], [ABSENT]),
        ([{"$any": [1, 2]}, {"k": {"$re": "a"}}], [[2, {"k": "xa"}]], [[3, {"k": "a"}], [1, {"k": "b"}], [1]]),
        ({"k": {"$as": "n"}, "l": {"$same": "n"}}, [{"k": 1, "l": 1.0}], [{"k": 1, "l": 2}, {"k": 1}]),
        ({"$any": [{"$has": {"$as": "n"}}, 7]}, [[1], 7], [[], 8]),
    ],
    ids=str,
)
def test_what_a_matcher_accepts(value, accepted, refused):
    assert [actual for actual in accepted if answer(value, actual).verdict != "pass"] == []
    assert [actual for actual in refused if answer(value, actual).verdict != "fail"] == []


@pytest.mark.parametrize(
    ("value", "actual", "said"),
    [
        (42.5, "42.5", 'args.x is "42.5", not 42.5: "42.5" is text, 42.5 a number; $num: 42.5 takes both'),
        ("1187", 1187, 'args.x is 1187, not "1187": 1187 is a number, "1187" text; $num: 1187 takes both'),
        (42.5, "forty", 'args.x is "forty", not 42.5: "forty" is text, 42.5 a number'),
        (1, True, "args.x is true, not 1: true is a truth value, 1 a number"),
        (42.5, 42.504, "args.x is 42.504, not 42.5: off by 0.004; {$near: [42.5, 0.004]} takes both"),
        (100, 101, "args.x is 101, not 100: off by 1; {$near: [100, 1]} takes both"),
        (1, 2, "args.x is 2, not 1"),
        ("Ada", "ADA ", 'args.x is "ADA ", not "Ada": they differ in case or spacing alone; {$text: "Ada"} takes both'),
        ("Ada", "Ada L.", 'args.x is "Ada L.", not "Ada": the text holds it; {$text: "Ada"} takes text around it'),
        ("42.5", "42.50", 'args.x is "42.50", not "42.5": the text holds it; {$text: "42.5"} takes text around it'),
        ("42.5", "42.500 ", 'args.x is "42.500 ", not "42.5": the text holds it; {$text: "42.5"} takes text around it'),
        ("1e2", "100", 'args.x is "100", not "1e2": the same number, written in another way; $num: 100.0 takes both'),
        ("a", ["a", "b"], 'args.x is ["a", "b"], not "a": the list holds it; {$has: "a"} takes such a list'),
        (
            {"k": 1},
            {"k": 1, "l": 2},
            (
                'args.x is {"k": 1, "l": 2}, not {k: 1}: it has more: ["l"]. '
                "Objects are compared whole; name the parts that matter by PATH"
            ),
        ),
        (None, "", 'args.x is "", not null'),
        ({"$near": [42.5, 1]}, 45, "args.x is 45, not {$near: [42.5, 1]}: off by 2.5, 1.0 allowed"),
        (
            {"$near": [42.5, 1]},
            "42.5",
            (
                'args.x is "42.5", not {$near: [42.5, 1]}: "42.5" is text, and $near takes numbers alone; '
                "$num: 42.5 takes it as text too"
            ),
        ),
        ({"$re": "a"}, 5, "args.x is 5, not {$re: a}: 5 is a number; $re takes text alone"),
        ({"$text": "a"}, [1], "args.x is [1], not {$text: a}: [1] is a list; $text takes text alone"),
        (
            {"$has": 1},
            {"a": 1},
            'args.x is {"a": 1}, not {$has: 1}: {"a": 1} is an object; $has takes lists, and text within text',
        ),
        ({"$not": 1}, 1, "args.x is 1, not {$not: 1}"),
    ],
)
def test_what_is_said_of_a_value_that_is_not_accepted(value, actual, said):
    finding = answer(value, actual)
    assert finding.reason.partition(" at step 0: ")[2] == said
    assert finding.evidence["differs"][0]["found"] == "value"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"xs": 1}, 'args.x is not there (there is "xs")'),
        ({"alpha": 1, "beta": 2}, 'args.x is not there (there is "alpha" and "beta")'),
        ({}, "args.x is not there (it was called without arguments)"),
        ("x=1", 'args.x is not there (the arguments are no object but "x=1")'),
    ],
)
def test_what_is_said_of_an_argument_that_is_not_there(arguments, said):
    finding = parse([{"calls": [{"a": {"x": 1}}]}])[0].check(trajectory([call("a", arguments)]))[0]
    assert finding.reason.endswith(said)
    assert finding.evidence["differs"][0]["found"] == "absent"
    assert finding.evidence["differs"][0]["actual"] == "not there"


# --- paths


@pytest.mark.parametrize(
    ("path", "value", "verdict"),
    [
        ("a.b", 1, "pass"),
        ("a.1187", 2, "pass"),
        ("a[0]", 1, "fail"),  # an index does not reach into an object
        ('a["x.y"]', 3, "pass"),
        ('["a"].b', 1, "pass"),
        ("list[1]", "q", "pass"),
        ("list[2]", "q", "fail"),
        ("list.1", "q", "fail"),  # a key does not reach into a list
        ("list[*]", "q", "pass"),
        ("list[*]", "z", "fail"),
        ("rows[*].id", 2, "pass"),
        ("rows[*].id", {"$not": 1}, "pass"),
        ("a[*]", 3, "pass"),
        ("rows[*][*]", 2, "pass"),
        ('a["ü \\" ]"]', 4, "pass"),
    ],
)
def test_paths(path, value, verdict):
    arguments = {
        "a": {"b": 1, "1187": 2, "x.y": 3, 'ü " ]': 4},
        "list": ["p", "q"],
        "rows": [{"id": 1}, {"id": 2}],
    }
    finding = parse([{"calls": [{"t": {path: value}}]}])[0].check(trajectory([call("t", arguments)]))[0]
    assert finding.verdict == verdict


# --- code and time


def test_a_function_is_asked_and_what_it_raises_is_nobodys_fault():
    functions = {"m:even": lambda value: value % 2 == 0, "m:broken": lambda value: 1 / 0}

    def checked(ref, value):
        check = parse([{"never": {"a": {"x": {"$fn": ref}}}}], load_code=functions.__getitem__)[0]
        return check.check(trajectory([call("a", {"x": value})]))[0]

    assert checked("m:even", 2).verdict == "fail"
    assert checked("m:even", 3).verdict == "pass"
    finding = checked("m:broken", 2)
    assert (finding.verdict, finding.reason_code) == ("unknown", "check_error")
    assert finding.reason == (
        'a({"x": 2}) at step 0 may be a(x: {$fn: m:broken}), but {$fn: m:broken} raised ZeroDivisionError: division by zero'
    )
    assert checked("m:even", "x").reason_code == "check_error"  # text does not divide


SLOW = {"$re": "^(.*?,){20}P"}
COMMAS = "," * 60


@pytest.mark.parametrize(
    "item",
    [
        {"never": {"a": {"x": SLOW}}},
        {"calls": [{"a": {"x": {"$not": SLOW}}}]},
        {"says": SLOW},
        {"at_most": {"of": {"tool": "a", "result": {"$has": SLOW}}, "n": 1}},
        {"state": {"x[0]": SLOW}},
        {"calls": [{"a": {"x": {"$as": "n"}}}, {"a": {"x": {"$any": [SLOW, {"$has": SLOW}]}, "y": {"$same": "n"}}}]},
    ],
    ids=str,
)
def test_a_regular_expression_that_takes_too_long_is_undecided_and_tried_once(item):
    steps = [call("a", {"x": COMMAS, "y": COMMAS}, result=[COMMAS]) for _ in range(100)]
    view = View.of(trajectory([*steps, say("assistant", COMMAS)], offered=["a"], start={"x": [COMMAS]}))
    finding = parse([item])[0].on(view)[0]
    assert (finding.verdict, finding.reason_code) == ("unknown", "timeout")
    said = '{$re: "^(.*?,){20}P"} took longer than 0.1 s on a text; it was not tried again'
    assert finding.reason.endswith(said)
    assert 1 <= len(view.slow) <= 2
