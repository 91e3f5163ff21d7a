"""Losing steps never turns a verdict: what is left may only be too little to tell."""

from dataclasses import replace
from typing import get_args

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agenteval.checkers import View, parse
from agenteval.core.outcome import ReasonCode
from agenteval.core.trajectory import AgentRun, ToolCall
from agenteval.errors import ScenarioError
from agenteval.testing.trajectories import call, change, say, think, trajectory, without

TOOLS = ["a", "b", "c"]
RUNS = [AgentRun(id="r1", name="main"), AgentRun(id="r2", name="helper", parent="r1"), AgentRun(id="r3", name="main")]
NOT_KEPT = {"arguments": "off"}

runs = st.sampled_from([None, "r1", "r1", "r1", "r2", "r3"])
values = st.sampled_from([1, 2, "1", True, 1.0])
times = st.none() | st.tuples(st.integers(1, 6), st.integers(1, 4)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@st.composite
def tool_calls(draw):
    ended = draw(st.sampled_from([{}, {}, {}, {"error": "no"}, {"status": "unknown"}]))
    hidden = draw(st.sampled_from([{}, {}, {}, {}, {"missing": NOT_KEPT}, {"truncated": ["arguments"]}]))
    result = {"missing": {"result": "off"}} if draw(st.integers(0, 9)) == 0 and "missing" not in hidden else hidden
    arguments = draw(st.dictionaries(st.sampled_from(["x", "y"]), values, max_size=2))
    return call(
        draw(st.sampled_from(TOOLS)),
        arguments,
        result=draw(st.sampled_from([1, 2])),
        asked_by=draw(st.sampled_from([None, None, "m1"])),
        run=draw(runs),
        at=draw(times),
        **ended,
        **result,
    )


steps = st.one_of(
    tool_calls(),
    tool_calls(),
    tool_calls(),
    st.builds(
        say,
        st.sampled_from(["user", "assistant"]),
        st.sampled_from(["yes", "no"]),
        run=st.sampled_from(["r1", "r1", "r2", None]),
    ),
    st.builds(
        think, st.sampled_from(["", "yes"]), tokens=st.none() | st.just((3, 4)), usd=st.none() | st.just(0.5), run=runs
    ),
    st.builds(think, st.just(""), missing=st.just({"output": "off"}), run=runs),
    st.builds(
        lambda key, value: change({"op": "add", "path": f"/{key}", "value": value}), st.sampled_from(["p", "q"]), values
    ),
)
trajectories = st.builds(
    lambda some, offered, known_runs: trajectory(some, start={"p": 1}, offered=offered, runs=known_runs),
    st.lists(steps, max_size=12),
    st.sampled_from([TOOLS, TOOLS, None]),
    st.sampled_from([RUNS, RUNS, []]),
)

matchers = st.one_of(
    values,
    st.just({"$any": [1, "1"]}),
    st.just({"$not": 1}),
    st.just({"$near": [1, 0.5]}),
    st.just({"$as": "n"}),
    st.just({"$re": "1"}),
)
arguments = st.dictionaries(st.sampled_from(["x", "y"]), matchers, min_size=1, max_size=2)
patterns = st.one_of(
    st.sampled_from(TOOLS),
    st.sampled_from(TOOLS),
    st.builds(lambda tool, args: {tool: args}, st.sampled_from(TOOLS), arguments),
    st.builds(lambda value: {"tool": {"$glob": "*"}, "result": value}, values),
    st.sampled_from(
        [{"tool": "a", "error": {"$text": "no"}}, {"tool": {"$any": ["a", "b"]}}, {"a": {"$only": {"x": 1}}}]
    ),
    st.just({"a": {"x": {"$as": "m"}, "y": {"$same": "m"}}}),
    st.sampled_from(["d", {"tool": {"$any": ["a", "d"]}}]),
)
stages = st.one_of(
    patterns,
    patterns,
    st.builds(lambda some: {"any_of": some}, st.lists(patterns, min_size=1, max_size=2)),
    st.builds(lambda some: {"all_of": some}, st.lists(patterns, min_size=1, max_size=3)),
    st.builds(lambda one: {"maybe": one}, patterns),
)
counts = st.builds(
    lambda of, n, per: {"of": of, "n": n, **per}, patterns, st.integers(0, 3), st.sampled_from([{}, {}, {"per": "x"}])
)
pairs = st.lists(patterns, min_size=2, max_size=2)
scopes = st.one_of(
    st.just({}),
    st.builds(lambda x: {"before": x}, patterns),
    st.builds(lambda x: {"after": x}, patterns),
    st.builds(lambda pair: {"between": pair}, pairs),
)
status = st.sampled_from([{}, {}, {"status": "ok"}, {"status": "any"}, {"status": "error"}])
within = st.sampled_from([{}, {}, {"within": {"steps": 2}}, {"within": {"calls": 1}}, {"within": {"seconds": 1}}])
parts = st.sampled_from(
    [
        *[{}, {}, {}, {"each": "turn"}, {"each": "agent"}, {"each": "session"}, {"in": {"turn": 1}}],
        *[{"in": {"turn": 2}}, {"in": {"agent": "main"}}, {"in": {"agent": "helper"}, "each": "turn"}],
        {"in": {"agent": {"$glob": "*"}}},
    ]
)
conditions = st.one_of(
    st.just({}),
    st.just({}),
    st.builds(lambda one: {"when": one}, patterns),
    st.sampled_from([{"when": {"state": {"p": 1}, "at": "start"}}, {"when": {"state": {"q": 1}}}]),
    st.just({"when": {"fault": "exposed"}}),
)
which = st.sampled_from(
    [{}, {"in": {"message": "any"}}, {"in": {"message": "all"}}, {"in": {"message": "last", "turn": 1}}]
)


modes = st.sampled_from(["strict", "ordered", "unordered", "subset", "superset"])
states = st.sampled_from([{"p": 1}, {"q": 2}, {"p": {"$not": 1}}, {"p": {"$as": "n"}, "q": {"$same": "n"}}])
budgets = st.sampled_from([{"calls": 2}, {"turns": 1}, {"tokens": 7}, {"seconds": 3, "usd": 1}])
LEAVES = {
    "calls": (st.lists(stages, min_size=1, max_size=3), scopes, status, parts),
    "matches": (
        st.fixed_dictionaries({"mode": modes, "calls": st.lists(patterns, min_size=1, max_size=3)}),
        scopes,
        status,
        parts,
    ),
    "never": (patterns, scopes, status, parts | st.just({"each": "call"})),
    "at_most": (counts, scopes, status, parts),
    "at_least": (counts, scopes, status, parts),
    "exactly": (counts, scopes, status, parts),
    "precedes": (pairs, scopes, status, within, parts),
    "responds": (pairs, scopes, status, within, parts),
    "state": (states,),
    "only_changes": (st.sampled_from([[], ["p"], ["q"]]),),
    "says": (st.sampled_from(["yes", {"$re": "^no$"}, {"$not": "yes"}]), which | parts),
    "budget": (budgets, parts | st.just({"each": "call"})),
    "no_errors": (st.just({}), scopes, parts),
    "no_loops": (st.sampled_from([{}, {"repeats": 2, "length": 2}]), scopes, parts),
    "rubric": (st.just("Be kind."),),
}


@st.composite
def checks(draw, depth=2):
    name = draw(st.sampled_from([*LEAVES, *(["all", "any", "not"] * depth)]))
    if name in LEAVES:
        argument, *options = LEAVES[name]
        item = {name: draw(argument)}
    else:
        inner = st.lists(checks(depth - 1), min_size=1, max_size=3) if name != "not" else checks(depth - 1)
        item, options = {name: draw(inner)}, [parts | st.just({"each": "call"})]
    for option in [*options, conditions]:
        item.update(draw(option))
    return item


def built(item):
    try:
        return parse([item])[0]
    except ScenarioError:
        return None  # such as at_least 0: refused, and so nobody's verdict


def verdict(check, view):
    """The findings of a check as one verdict, and the codes of those that could not answer."""
    findings = check.on(view)
    found = {finding.verdict for finding in findings}
    codes = {finding.reason_code for finding in findings if finding.verdict == "unknown"}
    assert found, "a check answers"
    for finding in findings:
        assert finding.reason
        assert finding.verdict != "fail" or finding.steps or "nothing happened" in finding.reason
        assert finding.verdict != "unknown" or finding.reason_code in ASKED
    return next(verdict for verdict in ("fail", "unknown", "pass") if verdict in found), codes


CODES = set(get_args(ReasonCode))
ASKED = CODES - {"held", "not_activated"}


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(trajectories, checks(), st.data())
def test_losing_steps_never_turns_a_verdict(whole, item, data):
    check = built(item)
    if check is None or not whole.steps:
        return
    gone = data.draw(st.sets(st.integers(0, len(whole.steps) - 1), min_size=1, max_size=max(1, len(whole.steps) // 2)))
    before, _ = verdict(check, View.of(whole))
    after, codes = verdict(check, View.of(without(whole, gone)))
    # stronger than needed: what is still decided was decided so before
    assert after in {"unknown", before}
    assert after != "unknown" or codes


def filled_in(step, data):
    """The step as it may have been, where some of it was not recorded."""
    content = step.content
    if not isinstance(content, ToolCall):
        return replace(step, missing={}, truncated=())
    known = {}
    if "arguments" in step.missing or "arguments" in step.truncated:
        known["arguments"] = data.draw(st.dictionaries(st.sampled_from(["x", "y"]), values, max_size=2))
    if "result" in step.missing:
        known["result"] = data.draw(st.sampled_from([1, 2]))
    if content.status == "unknown":
        failed = data.draw(st.booleans())
        known |= {"status": "error" if failed else "ok", "error": "no" if failed else None}
    return replace(step, content=replace(content, **known), missing={}, truncated=())


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(trajectories, checks(), st.data())
def test_what_was_not_recorded_never_turns_a_verdict(whole, item, data):
    check = built(item)
    if check is None or any("output" in step.missing for step in whole.steps):
        return
    known = replace(whole, steps=tuple(filled_in(step, data) for step in whole.steps))
    before, _ = verdict(check, View.of(whole))
    after, _ = verdict(check, View.of(known))
    assert before in {"unknown", after}
