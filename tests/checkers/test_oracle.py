"""The meaning of the checks over calls, told again by brute force: every choice, every pairing, every binding is tried.

Shares no code with what it tests. Trajectories are whole and known, so that every answer is pass, fail or vacuous.
"""

import itertools
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from agenteval.checkers import parse
from agenteval.testing.trajectories import call, say, trajectory

TOOLS = ["a", "b", "c"]
BOUND = [1, 2]

made = st.lists(
    st.tuples(st.sampled_from(TOOLS), st.sampled_from([{}, {"x": 1}, {"x": 2}]), st.sampled_from([True, True, False])),
    max_size=6,
)
free = st.sampled_from(["a", "b", "c", {"a": {"x": 1}}, {"b": {"x": 2}}])
binding = st.sampled_from([{"a": {"x": {"$as": "n"}}}, {"b": {"x": {"$as": "n"}}}])
bound = st.sampled_from([{"b": {"x": {"$same": "n"}}}, {"c": {"x": {"$same": "n"}}}])
scopes = st.one_of(
    st.just({}),
    st.builds(lambda x: {"before": x}, free),
    st.builds(lambda x: {"after": x}, free),
    st.builds(lambda a, b: {"between": [a, b]}, free, free),
)
status = st.sampled_from([None, None, "ok", "any", "error"])


def answer(item, calls):
    check = parse([item])[0]
    steps = [call(tool, arguments, error=None if good else "no") for tool, arguments, good in calls]
    steps = [say("user", "go"), *steps]  # nothing passes where nothing at all was recorded
    finding = check.check(trajectory(steps, offered=TOOLS))[0]
    return "vacuous" if finding.vacuous else finding.verdict


def put(pattern, value):
    """A pattern with its name bound."""
    text = json.dumps(pattern)
    return json.loads(text.replace('{"$as": "n"}', json.dumps(value)).replace('{"$same": "n"}', json.dumps(value)))


def mentions(pattern):
    return "$" in json.dumps(pattern)


def fits(pattern, one, want):
    tool, arguments, good = one
    if (want == "ok" and not good) or (want == "error" and good):
        return False
    if isinstance(pattern, str):
        return pattern == tool
    ((name, wanted),) = pattern.items()
    return name == tool and all(arguments.get(key) == value for key, value in wanted.items())


def stretches(scope, calls):
    """The calls of each stretch."""
    if "before" in scope:
        ends = [i for i, one in enumerate(calls) if fits(scope["before"], one, "ok")]
        return [calls[: ends[0]] if ends else calls]
    if "after" in scope:
        starts = [i for i, one in enumerate(calls) if fits(scope["after"], one, "ok")]
        return [calls[starts[0] + 1 :]] if starts else []
    if "between" in scope:
        spans = []
        for i, one in enumerate(calls):
            if fits(scope["between"][0], one, "ok"):
                ends = [j for j in range(i + 1, len(calls)) if fits(scope["between"][1], calls[j], "ok")]
                spans.append(calls[i + 1 : ends[0]] if ends else calls[i + 1 :])
        return spans
    return [calls]


def over(scope, calls, holds):
    """The answer over all stretches; vacuous without any."""
    found = stretches(scope, calls)
    if not found:
        return "vacuous"
    answers = [holds(part) for part in found]
    if False in answers:
        return "fail"
    return "vacuous" if all(found == "vacuous" for found in answers) else "pass"


def options(scope, want):
    return {**scope, **({"status": want} if want else {})}


@settings(max_examples=400)
@given(made, free, scopes, status)
def test_never(calls, pattern, scope, want):
    expected = over(scope, calls, lambda part: not any(fits(pattern, one, want or "any") for one in part))
    assert answer({"never": pattern, **options(scope, want)}, calls) == expected


@settings(max_examples=400)
@given(
    calls=made,
    pattern=free,
    scope=scopes,
    want=status,
    low=st.integers(0, 3),
    more=st.integers(0, 2),
    name=st.sampled_from(["at_most", "at_least", "exactly"]),
)
def test_counts(*, calls, pattern, scope, want, low, more, name):
    n = {"at_most": low, "at_least": low + 1, "exactly": f"{low}..{low + more}"}[name]

    def holds(part):
        good = sum(fits(pattern, one, want or "ok") for one in part)
        tried = sum(fits(pattern, one, want or "any") for one in part)
        if name == "at_most":
            return tried <= low
        return good > low if name == "at_least" else low <= good and tried <= low + more

    assert answer({name: {"of": pattern, "n": n}, **options(scope, want)}, calls) == over(scope, calls, holds)


@settings(max_examples=400)
@given(made, st.sampled_from(TOOLS), st.integers(1, 3), st.sampled_from(["at_most", "at_least", "exactly"]))
def test_counts_per_value(calls, tool, n, name):
    tried, good = {}, {}
    for found, arguments, fine in calls:
        if found == tool:
            key = arguments.get("x", "none")
            tried[key] = tried.get(key, 0) + 1
            good[key] = good.get(key, 0) + fine
    if name == "at_most":
        broken = any(count > n for count in tried.values())
    elif name == "at_least":  # an attempt that failed begins no count of its own
        good = {key: count for key, count in good.items() if count}
        broken = any(count < n for count in good.values())
    else:
        broken = any(count > n for count in tried.values()) or any(count < n for count in good.values())
    groups = good if name == "at_least" else tried
    expected = "vacuous" if not groups else "fail" if broken else "pass"
    assert answer({name: {"of": tool, "n": n, "per": "x"}}, calls) == expected


def ways(stage):
    """The sets of calls of which a step needs one."""
    if isinstance(stage, dict) and "maybe" in stage:
        return [*ways(stage["maybe"]), ()]
    if isinstance(stage, dict) and "any_of" in stage:
        return [way for inner in stage["any_of"] for way in ways(inner)]
    if isinstance(stage, dict) and "all_of" in stage:
        return [sum(pick, ()) for pick in itertools.product(*(ways(inner) for inner in stage["all_of"]))]
    return [(stage,)]


def embeds(stages, calls, want):
    """Some choice of distinct calls fits, every call of a step after those of the steps before it."""
    for picked in itertools.product(*(ways(stage) for stage in stages)):
        wanted = [(number, pattern) for number, way in enumerate(picked) for pattern in way]
        for chosen in itertools.permutations(range(len(calls)), len(wanted)):
            fine = all(fits(pattern, calls[i], want) for (_, pattern), i in zip(wanted, chosen, strict=True))
            pairs = itertools.combinations(zip(wanted, chosen, strict=True), 2)
            if fine and all(a[0] == b[0] or (i < j) == (a[0] < b[0]) for (a, i), (b, j) in pairs):
                return True
    return False


steps = st.one_of(
    free,
    free,
    st.builds(lambda one: {"maybe": one}, free),
    st.builds(lambda some: {"any_of": some}, st.lists(free, min_size=1, max_size=2)),
    st.builds(lambda some: {"all_of": some}, st.lists(free, min_size=1, max_size=2)),
)


@settings(max_examples=400, deadline=None)
@given(made, st.lists(steps, min_size=1, max_size=3), scopes, status)
def test_calls(calls, stages, scope, want):
    if all(() in ways(stage) for stage in stages):
        return  # refused: it would hold whatever happens
    expected = over(scope, calls, lambda part: embeds(stages, part, want or "ok"))
    assert answer({"calls": stages, **options(scope, want)}, calls) == expected


@settings(max_examples=400, deadline=None)
@given(made, binding, st.lists(free | bound, max_size=1), bound)
def test_calls_with_names(calls, first, middle, last):
    stages = [first, *middle, last]
    expected = any(embeds([put(stage, value) for stage in stages], calls, "ok") for value in BOUND)
    assert answer({"calls": stages}, calls) == ("pass" if expected else "fail")


def pairs_all(expected, calls, want, side):
    """Some one-to-one pairing covers all of one side."""
    short, long, flip = (expected, calls, False) if side == "expected" else (calls, expected, True)
    return any(
        all(fits(*((b, a) if flip else (a, b)), want) for a, b in zip(short, chosen, strict=True))
        for chosen in itertools.permutations(long, len(short))
    )


@settings(max_examples=600, deadline=None)
@given(
    made,
    st.lists(free, min_size=1, max_size=4),
    scopes,
    st.sampled_from(["strict", "ordered", "unordered", "superset", "subset"]),
)
def test_matches(calls, expected, scope, mode):
    def holds(part):
        covered = pairs_all(expected, part, "ok", "expected")
        if mode == "subset":
            return pairs_all(expected, part, "any", "made") if part else "vacuous"
        if mode == "superset":
            return covered
        if mode == "ordered":
            return embeds(expected, part, "ok")
        if mode == "unordered":
            return covered and len(part) == len(expected)
        return len(part) == len(expected) and all(fits(a, b, "ok") for a, b in zip(expected, part, strict=True))

    assert answer({"matches": {"mode": mode, "calls": expected}, **scope}, calls) == over(scope, calls, holds)


@settings(max_examples=600)
@given(
    made,
    free | binding,
    free | bound,
    st.sampled_from(["precedes", "responds"]),
    st.sampled_from([None, 1, 2]),
)
def test_pairs(calls, first, second, kind, near):
    if mentions(second) and not mentions(first):
        return  # refused: nothing binds the name
    trigger, partner = (second, first) if kind == "precedes" else (first, second)
    trigger_want = "any" if kind == "precedes" else "ok"
    activations, broken = 0, False
    for i, one in enumerate(calls):
        for value in BOUND if mentions(trigger) else [None]:
            if not fits(put(trigger, value), one, trigger_want):
                continue
            activations += 1
            side = range(i) if kind == "precedes" else range(i + 1, len(calls))
            others = [j for j in side if near is None or abs(i - j) <= near]
            choices = [value] if mentions(trigger) else BOUND
            broken |= not any(fits(put(partner, bind), calls[j], "ok") for j in others for bind in choices)
    expected = "vacuous" if not activations else "fail" if broken else "pass"
    within = {"within": {"calls": near}} if near else {}
    assert answer({kind: [first, second], **within}, calls) == expected


@settings(max_examples=400)
@given(made, st.sampled_from(["before", "after"]))
def test_never_with_a_boundary_that_depends_on_the_call(calls, kind):
    def reached(i, value):
        return any(fits({"b": {"x": value}}, calls[j], "ok") for j in range(i))

    broken = any(
        tool == "a" and "x" in arguments and reached(i, arguments["x"]) == (kind == "after")
        for i, (tool, arguments, _) in enumerate(calls)
    )
    item = {"never": {"a": {"x": {"$as": "n"}}}, kind: {"b": {"x": {"$same": "n"}}}}
    assert answer(item, calls) == ("fail" if broken else "pass")
