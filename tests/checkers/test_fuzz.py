"""Whatever is written, the parser answers with checks or with a ScenarioError; whatever happened, checks answer."""

import copy
import json
import math
from collections import OrderedDict
from datetime import date

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agenteval.checkers import Check, catalogue, parse
from agenteval.core.outcome import Finding
from agenteval.errors import ScenarioError
from agenteval.testing.trajectories import call, change, say, step, trajectory

WORDS = [
    "calls matches never at_most at_least exactly precedes responds state only_changes says budget no_errors no_loops",
    "rubric all any not id why as weight pass_at when in each before after between within from at status",
    "tool args result error any_of all_of maybe of n per mode strict subset turn agent message last session call",
    "$near $num $re $glob $text $any $has $not $as $same $fn $only $is",
    "ltl grounded start end fault exposed steps seconds usd turns tokens repeats length gate safety metric ok",
]
VOCABULARY = " ".join(WORDS).split()
texts = st.sampled_from(
    [*VOCABULARY, "pay", "a.b", "a[0]", "a[*]", 'a["x"]', "2..4", ">=2", "x:y", "(", "[", "*", "\x00", "\ud800"]
)
scalars = st.none() | st.booleans() | st.integers(-3, 5) | st.floats() | texts | st.text(max_size=4)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=12
)


def parsed(items):
    refused = None
    try:
        checks = parse(items)
    except ScenarioError as error:
        refused = error
    if refused is None:
        assert all(isinstance(check, Check) for check in checks)
    else:
        assert refused.message
        assert refused.path[:1] == ("checks",)
        assert str(refused).startswith("checks")


@settings(max_examples=600)
@given(anything)
def test_any_json_is_parsed_or_refused(items):
    parsed(items)


@settings(max_examples=600)
@given(st.sampled_from(VOCABULARY), anything, st.dictionaries(st.sampled_from(VOCABULARY), anything, max_size=2))
def test_any_argument_is_parsed_or_refused(name, argument, options):
    parsed([{name: argument, **options}])


WHOLE = [
    {
        "calls": [
            {"any_of": ["a", {"b": {"x": {"$as": "n"}}}]},
            {"maybe": {"all_of": ["c", "d"]}},
            {"c": {"y": {"$same": "n"}}},
        ]
    },
    {"matches": {"mode": "unordered", "calls": ["a", {"tool": {"$glob": "b*"}, "args": {"$only": {"x.y[0]": 1}}}]}},
    {"never": {"a": {"x": {"$not": {"$re": "^x$"}}}}, "before": "b", "as": "safety", "id": "one", "why": "since"},
    {"at_most": {"of": "a", "n": 2, "per": 'x["a b"]'}, "each": "turn", "status": "ok"},
    {
        "responds": ["a", {"tool": "b", "error": {"$text": "t"}}],
        "within": {"steps": 2},
        "when": {"state": {"p": 1}, "at": "start"},
    },
    {"state": {"a.b": {"$any": [1, {"$near": [2, 0.5]}]}, "c": {"$is": {"$x": 1}}}},
    {"only_changes": ["a.b", "c[*]"]},
    {"says": {"$has": "x"}, "in": {"message": "any", "agent": {"$re": "x"}}},
    {"budget": {"calls": 3, "usd": 0.5}, "as": "metric", "weight": 2, "pass_at": 0.5},
    {"any": [{"not": {"no_loops": {"repeats": 2}}}, {"all": ["no_errors", {"rubric": "r"}]}]},
]


def nodes(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from nodes(inner, (*path, key))


def test_the_whole_checks_are_right():
    assert len(parse(WHOLE)) == len(WHOLE)


@settings(max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, len(WHOLE) - 1), st.data(), anything)
def test_a_right_check_with_one_wrong_value_is_parsed_or_refused(number, data, value):
    item = copy.deepcopy(WHOLE[number])
    path = data.draw(st.sampled_from(list(nodes(item))[1:]))
    holder = item
    for key in path[:-1]:
        holder = holder[key]
    if data.draw(st.booleans()) or not isinstance(holder, dict):
        holder[path[-1]] = value
    else:
        holder[data.draw(texts)] = holder.pop(path[-1])
    parsed([item])


def nested(depth, wrap, inside):
    for _ in range(depth):
        inside = wrap(inside)
    return inside


@pytest.mark.parametrize(
    "wrap",
    [
        lambda inside: {"not": inside},
        lambda inside: {"all": [inside]},
        lambda inside: [inside],
        lambda inside: {"says": {"$not": inside}},
        lambda inside: {"calls": [{"all_of": [inside]}]},
        lambda inside: {"state": {"a": inside}},
    ],
)
def test_a_thousand_levels_are_refused(wrap):
    with pytest.raises(ScenarioError, match="nested more than 40 levels deep"):
        parse([nested(1000, wrap, {"never": "a"})])


def test_what_holds_itself_is_refused():
    loop = {"all": []}
    loop["all"] += [loop, loop]
    with pytest.raises(ScenarioError, match=r"nested more than 40|more than 100,000"):
        parse([loop])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (date(2026, 1, 2), "date is not JSON: write dates and the like in quotes, as text"),
        (math.nan, "nan is not a JSON number"),
        (math.inf, "inf is not a JSON number"),
        ({1: 2}, "1 is a key and must be text: write it in quotes"),
        ("\ud800", "text with a lone surrogate, which is not Unicode"),
        (10**400, "a number of more than 300 digits"),
        ("x" * 100_001, "text of 100,001 characters; at most 100,000"),
        (b"x", "bytes is not JSON: write dates and the like in quotes, as text"),
    ],
)
def test_what_is_not_json_is_refused_where_it_stands(value, message):
    with pytest.raises(ScenarioError) as caught:
        parse([{"never": "a"}, {"state": {"p": value}}])
    assert str(caught.value) == f"checks[1].state.p: {message}"
    assert caught.value.path == ("checks", 1, "state", "p")


def test_kinds_of_maps_and_numbers_that_yaml_readers_make_are_plain_json_afterwards():
    class Hexadecimal(int):
        pass

    item = OrderedDict(at_most=OrderedDict(pay=Hexadecimal(2)))
    check = parse([item])[0]
    assert check.spec == {"at_most": {"pay": 2}}
    assert type(check.spec["at_most"]["pay"]) is int
    assert check == parse([{"at_most": {"pay": 2}}])[0]


# --- evaluation

odd = st.one_of(
    st.floats(),
    st.integers(-(2**70), 2**70),
    st.sampled_from(["\ud800", "\x00", "x" * 5000, 10**400, "1", ""]),
    st.booleans(),
    st.none(),
)
strange = st.recursive(
    odd,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "a b", "\ud800"]), inner, max_size=3)
    ),
    max_leaves=6,
)
strange_steps = st.one_of(
    st.builds(
        call, st.sampled_from(["a", "b", "\ud800"]), strange, result=strange, error=st.none() | st.just("no\ud800")
    ),
    st.builds(lambda value: change({"op": "add", "path": "/p", "value": value}), strange),
    st.builds(lambda value: change({"op": "mend", "path": value}), strange),
    st.builds(say, st.sampled_from(["user", "assistant"]), st.sampled_from(["", "x\ud800"])),
)
LOOKING = [
    {"calls": [{"a": {"x": {"$near": [1, 0.5]}}}, {"b": {"x[*]": {"$as": "n"}}}, {"b": {"x": {"$same": "n"}}}]},
    {"matches": {"mode": "strict", "calls": [{"a": {"x": 1}}, {"tool": {"$re": "."}, "result": {"$has": 1}}]}},
    {"never": {"tool": {"$glob": "*"}, "args": {"x": {"$num": 1}}}},
    {"never": {"a": {"$only": {"x": {"$text": "x"}}}}},
    {"exactly": {"of": "a", "n": 1, "per": "x"}},
    {"state": {"p": {"$num": 2}, "p.x[0]": 1}},
    {"only_changes": []},
    {"only_changes": ["p.x"], "id": "deep"},
    {"says": "yes"},
    {"budget": {"calls": 1}},
    "no_errors",
    {"no_loops": {"repeats": 2}},
    {"precedes": [{"a": {"x": {"$as": "u"}}}, {"b": {"x": {"$same": "u"}}}]},
]


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(strange_steps, max_size=6), strange)
def test_strange_values_are_judged_and_findings_can_be_stored(steps, start):
    seen = trajectory(steps, start=start, offered=["a", "b"])
    for check in parse(LOOKING):
        for finding in check.check(seen):
            assert isinstance(finding, Finding)
            assert len(finding.reason) < 10_000
            stored = orjson.dumps({"reason": finding.reason, "evidence": finding.evidence, "title": finding.title})
            assert len(stored) < 200_000
            json.loads(stored)


def test_very_deep_arguments_and_results_are_judged():
    deep = nested(3000, lambda inside: {"x": [inside]}, 1)
    steps = [call("a", {"x": deep}, result=deep) for _ in range(3)]
    steps += [call("b", {"x": deep}), change({"op": "add", "path": "/p", "value": deep})]
    seen = trajectory(steps, start={"p": nested(3000, lambda inside: {"x": [inside]}, 2)}, offered=["a", "b"])
    verdicts = {check.title: check.check(seen)[0].verdict for check in parse([*LOOKING, {"never": {"a": {"x": 1}}}])}
    assert verdicts["no_loops: {repeats: 2}"] == "fail"
    assert verdicts["never: {a: {x: 1}}"] == "pass"
    assert verdicts["only_changes: []"] == "fail"


def test_evidence_of_a_huge_value_is_cut_and_says_so():
    huge = "y" * 10_000_000
    finding = parse([{"never": "a"}])[0].check(trajectory([call("a", {"x": huge}, result=[huge] * 50)]))[0]
    assert finding.verdict == "fail"
    assert len(finding.reason) < 300
    shown = finding.evidence["witness"][0]
    assert shown["arguments"]["x"].endswith("… (10,000,000 characters)")
    assert shown["result"][-1] == "… 30 more"
    assert len(orjson.dumps(finding.evidence)) < 20_000


@pytest.mark.parametrize("doc", catalogue(), ids=lambda doc: doc.name)
def test_nothing_raises_on_steps_of_kinds_that_are_not_known(doc, example):
    from agenteval.core.trajectory import Other

    seen = trajectory([step(Other(kind="compaction", data={"x": 1})), call("lookup_order")])
    for finding in example(doc).check(seen):
        assert finding.verdict in {"pass", "fail", "unknown"}
