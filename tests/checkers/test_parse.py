"""What is refused, in which words and at which place; and what a check is once it is parsed."""

import pytest

from agenteval.checkers import Check, catalogue, parse
from agenteval.checkers.parse import LATER
from agenteval.errors import CodeNotAllowed, ScenarioError
from agenteval.testing.trajectories import call, say, trajectory


def refused(items, **keywords):
    with pytest.raises(ScenarioError) as caught:
        parse(items, **keywords)
    assert caught.value.file is None
    assert caught.value.line is None
    return caught.value


@pytest.mark.parametrize(
    ("item", "message", "path"),
    [
        # the check
        (
            {"at_moost": {"pay": 1}},
            ': unknown check "at_moost". Did you mean "at_most"? See agenteval checks.',
            ["at_moost"],
        ),
        (
            {"response": ["a", "b"]},
            ': unknown check "response". It is called "responds" here. See agenteval checks.',
            ["response"],
        ),
        (
            {"befor": "a"},
            ': unknown check "befor". Did you mean the option "before"? It goes with a check. See agenteval checks.',
            ["befor"],
        ),
        (
            {"zzz": 1},
            ': unknown check "zzz". Known: all, any, at_least, at_most, budget, calls, exactly, matches, never, no_errors, no_loops, not, only_changes, precedes, responds, rubric, says, state. See agenteval checks.',
            ["zzz"],
        ),
        ({"never": "a", "befor": "b"}, ': unknown option "befor". Did you mean "before"?', ["befor"]),
        ({"never": "a", "calls": ["b"]}, ": never and calls are two checks in one item; write them as two", []),
        (
            {"id": "x", "as": "safety"},
            ": an item names one check, and this one is only options: id, as. See agenteval checks",
            [],
        ),
        ({}, ": an item names one check, and this one is empty. See agenteval checks", []),
        (5, ": a check is {NAME: ARGUMENT, option: value, …}, not 5", []),
        (
            "never",
            ".never: a call is a tool, {tool: arguments} or {tool: …, args: {…}, result: …, error: …}, not null",
            ["never"],
        ),
        # what arrives later
        ({"ltl": "F a"}, ": ltl arrives with the graph checks; this version does not have it", ["ltl"]),
        (
            {"grounded": "pay(x)", "from": ["user"]},
            ": grounded arrives with the graph checks; this version does not have it",
            ["grounded"],
        ),
        (
            {"chain_response": ["a", "b"]},
            ": chain_response arrives with the graph checks; this version does not have it",
            ["chain_response"],
        ),
        ({"panel": {}}, ": panel arrives with the judges; this version does not have it", ["panel"]),
        ({"never": "a", "from": ["user"]}, ": from belongs to grounded, which arrives with the graph checks", ["from"]),
        # calls
        (
            {"never": {"a": 1, "b": 2}},
            ".never: a call names one tool; {a: 1, b: 2} has 2 keys. Write {tool: …, args: {…}, result: …, error: …}",
            ["never"],
        ),
        (
            {"never": {"a": None}},
            ".never.a: arguments are a map of PATH to value, not null. For any arguments write the tool alone",
            ["never", "a"],
        ),
        (
            {"never": {"tool": "a", "arg": {}}},
            '.never: unknown key "arg" in a call in the long form {tool: …, args: {…}, result: …, error: …}. Did you mean "args"?',
            ["never", "arg"],
        ),
        (
            {"never": {"$glob": "x*"}},
            '.never: {$glob: "x*"} stands where a call does; to match a tool\'s name write {tool: {$glob: "x*"}}',
            ["never"],
        ),
        (
            {"never": {"a": {"$re": "x"}}},
            ".never.a: $re stands where the names of arguments do; write {argument: {$re: …}}",
            ["never", "a"],
        ),
        (
            {"never": {"maybe": "a"}},
            ".never: maybe stands in the steps of calls alone; here one call is expected",
            ["never"],
        ),
        (
            {"never": {"a": {"$only": {}, "x": 1}}},
            ".never.a: $only holds all the arguments; nothing stands beside it",
            ["never", "a"],
        ),
        (
            {"never": {"a": {"b..c": 1}}},
            '.never.a["b..c"]: "b..c" is no path from ".c" on: write keys with dots (orders.1187), other keys as ["any key"], places in a list as [0], all of them as [*]',
            ["never", "a", "b..c"],
        ),
        (
            {"never": {"a": {"b[-1]": 1}}},
            '.never.a["b[-1]"]: "b[-1]" is no path from "[-1]" on: write keys with dots (orders.1187), other keys as ["any key"], places in a list as [0], all of them as [*]',
            ["never", "a", "b[-1]"],
        ),
        # matchers
        (
            {"says": {"$reg": "x"}},
            '.says: unknown matcher "$reg". Did you mean "$re"? A literal object with this key is written {$is: {…}}',
            ["says", "$reg"],
        ),
        (
            {"says": {"$re": "("}},
            '.says["$re"]: "(" is no regular expression: missing ) at position 1',
            ["says", "$re"],
        ),
        (
            {"says": {"$re": "x" * 1001}},
            '.says["$re"]: $re: a pattern of 1,001 characters; at most 1,000',
            ["says", "$re"],
        ),
        ({"says": {"$re": "a", "$glob": "b"}}, ".says: a matcher has one key; beside $re there is $glob", ["says"]),
        (
            {"says": " "},
            '.says["$text"]: $text takes text that is not blank; every text holds an empty one',
            ["says", "$text"],
        ),
        (
            {"says": {"$only": {}}},
            ".says: $only stands around the arguments of a call, as {tool: {$only: {…}}}, not inside one",
            ["says", "$only"],
        ),
        (
            {"says": {"$as": "x"}},
            '.says["$as"]: $as has no meaning here: a message is one text; names are for calls',
            ["says", "$as"],
        ),
        (
            {"never": {"a": {"x": {"$near": [1]}}}},
            '.never.a.x["$near"]: $near takes [number, tolerance of 0 or more], not [1]',
            ["never", "a", "x", "$near"],
        ),
        (
            {"never": {"a": {"x": {"$near": [1, -1]}}}},
            '.never.a.x["$near"]: $near takes [number, tolerance of 0 or more], not [1, -1]',
            ["never", "a", "x", "$near"],
        ),
        (
            {"never": {"a": {"x": {"$num": "1"}}}},
            '.never.a.x["$num"]: $num takes a number, not "1"',
            ["never", "a", "x", "$num"],
        ),
        (
            {"never": {"a": {"x": {"$any": []}}}},
            '.never.a.x["$any"]: $any takes a list of at least 1; an empty one would hold whatever happens',
            ["never", "a", "x", "$any"],
        ),
        (
            {"never": {"a": {"x": {"$not": {"$as": "n"}}}}},
            '.never.a.x["$not"]: $as and $same cannot stand inside $not: what is not accepted binds nothing',
            ["never", "a", "x", "$not"],
        ),
        (
            {"never": {"a": {"x": {"$same": "n"}}}},
            '.never.a.x["$same"]: $same: nothing before it binds n with $as. There are none.',
            ["never", "a", "x", "$same"],
        ),
        (
            {"calls": [{"a": {"x": {"$as": "user"}}}, {"b": {"y": {"$same": "usr"}}}]},
            '.calls[1].b.y["$same"]: $same: nothing before it binds usr with $as. Did you mean "user"?',
            ["calls", 1, "b", "y", "$same"],
        ),
        (
            {"never": {"a": {"x": {"$as": "a b"}}}},
            '.never.a.x["$as"]: $as takes a name of letters, digits and _, up to 40 of them, not "a b"',
            ["never", "a", "x", "$as"],
        ),
        (
            {"never": {"a": {"x": {"$fn": "m:f"}}}},
            '.never.a.x["$fn"]: m:f would run code, which is not allowed here. Use a suite or checks file of the project, or pass --allow-code',
            ["never", "a", "x", "$fn"],
        ),
        # numbers
        ({"at_most": "pay"}, ".at_most: at_most takes {TOOL: 2} or {of: CALL, n: 2, per: PATH}, not pay", ["at_most"]),
        (
            {"at_most": {"pay": "two"}},
            '.at_most.pay: at_most takes one whole number, not "two"; a range is for exactly',
            ["at_most", "pay"],
        ),
        (
            {"at_most": {"pay": -1}},
            ".at_most.pay: at_most takes a whole number of 0 or more, not -1",
            ["at_most", "pay"],
        ),
        (
            {"at_most": {"pay": True}},
            ".at_most.pay: at_most takes a whole number of 0 or more, not true",
            ["at_most", "pay"],
        ),
        (
            {"at_least": {"pay": 0}},
            ".at_least.pay: at_least takes a whole number of 1 or more, not 0",
            ["at_least", "pay"],
        ),
        (
            {"at_most": {"a": 1, "b": 2}},
            ".at_most: at_most counts one tool; a, b are several. Write a check for each",
            ["at_most"],
        ),
        ({"at_most": {"of": "a"}}, ".at_most: at_most needs both of and n: {of: CALL, n: 2}", ["at_most"]),
        (
            {"at_most": {"tool": 2}},
            ".at_most.tool: tool is a word of the language; write {of: CALL, n: 2}",
            ["at_most", "tool"],
        ),
        (
            {"at_most": {"of": "a", "n": 1, "par": "x"}},
            '.at_most: unknown key "par" in at_most. Did you mean "per"?',
            ["at_most", "par"],
        ),
        ({"exactly": {"a": "4..2"}}, '.exactly.a: exactly: "4..2" is empty: 4 is more than 2', ["exactly", "a"]),
        ({"exactly": {"a": ">=0"}}, ".exactly.a: exactly >=0 would hold whatever happens", ["exactly", "a"]),
        ({"exactly": {"a": "many"}}, '.exactly.a: exactly takes a number, "2..4" or ">=2", not many', ["exactly", "a"]),
        ({"budget": {}}, ".budget: budget takes turns, calls, tokens, seconds, usd; such as {calls: 12}", ["budget"]),
        ({"budget": {"call": 1}}, '.budget: unknown key "call" in budget. Did you mean "calls"?', ["budget", "call"]),
        ({"budget": {"usd": "1"}}, '.budget.usd: usd takes a number of 0 or more, not "1"', ["budget", "usd"]),
        (
            {"no_loops": {"repeats": 1}},
            ".no_loops.repeats: repeats takes a whole number of 2 or more, not 1",
            ["no_loops", "repeats"],
        ),
        (
            {"no_loops": {"length": 17}},
            ".no_loops.length: length is the longest cycle looked for, at most 16, not 17",
            ["no_loops", "length"],
        ),
        ({"no_errors": {"x": 1}}, ".no_errors: no_errors takes no argument, not {x: 1}", ["no_errors"]),
        # sequences
        ({"calls": "a"}, ".calls: calls takes a list, not a", ["calls"]),
        (
            {"calls": []},
            ".calls: calls takes a list of at least 1; an empty one would hold whatever happens",
            ["calls"],
        ),
        (
            {"calls": [{"maybe": "a"}]},
            ".calls: every step may be left out, so that this would hold whatever happens",
            ["calls"],
        ),
        (
            {"calls": [{"any_of": ["a"], "maybe": "b"}]},
            ".calls[0]: any_of stands alone in its step; beside it there is maybe",
            ["calls", 0],
        ),
        (
            {"calls": [{"all_of": [{"any_of": ["a", "b"]}] * 9}]},
            ".calls[0].all_of: a step of more than 256 ways or 64 calls; write it as several steps or checks",
            ["calls", 0, "all_of"],
        ),
        (
            {"matches": {"calls": ["a"]}},
            ".matches: matches needs a mode: strict, ordered, unordered, subset, superset",
            ["matches"],
        ),
        (
            {"matches": {"mode": "exact", "calls": ["a"]}},
            ".matches.mode: mode is one of strict, ordered, unordered, subset, superset, not exact.",
            ["matches", "mode"],
        ),
        (
            {"matches": {"mode": "sub_set", "calls": ["a"]}},
            '.matches.mode: mode is one of strict, ordered, unordered, subset, superset, not sub_set. Did you mean "subset"?',
            ["matches", "mode"],
        ),
        (
            {"matches": {"mode": "superset", "calls": []}},
            ".matches.calls: matches superset takes a list of at least 1; an empty one would hold whatever happens",
            ["matches", "calls"],
        ),
        (
            {"matches": {"mode": "strict", "calls": [{"a": {"x": {"$as": "n"}}}, {"b": {"x": {"$same": "n"}}}]}},
            '.matches.calls[1].b.x["$same"]: $same: nothing before it binds n with $as. There are none.',
            ["matches", "calls", 1, "b", "x", "$same"],
        ),
        ({"precedes": ["a"]}, ".precedes: precedes takes two calls, [A, B], not 1", ["precedes"]),
        ({"responds": ["a", "b", "c"]}, ".responds: responds takes two calls, [A, B], not 3", ["responds"]),
        # state and words
        (
            {"state": ["a"]},
            ".state: state takes a map of PATH to value, such as {orders.1187.status: refunded}, not [a]",
            ["state"],
        ),
        ({"only_changes": "a"}, ".only_changes: only_changes takes a list, not a", ["only_changes"]),
        (
            {"only_changes": [1]},
            ".only_changes[0]: a path is text such as orders.1187.status, not 1",
            ["only_changes", 0],
        ),
        ({"rubric": 5}, ".rubric: rubric takes the text that a judge is to go by, not 5", ["rubric"]),
        # checks of checks
        ({"all": []}, ".all: all takes a list of at least 1; an empty one would hold whatever happens", ["all"]),
        (
            {"not": [{"never": "a"}]},
            ".not: not takes one check, not a list; write {not: {any: […]}} or {not: {all: […]}}",
            ["not"],
        ),
        (
            {"any": [{"all": [{"nevr": "a"}]}]},
            '.any[0].all[0]: unknown check "nevr". Did you mean "never"? See agenteval checks.',
            ["any", 0, "all", 0, "nevr"],
        ),
        (
            {"all": [{"never": "a", "as": "safety"}]},
            ".all[0]: as belongs to the outermost check, not to never inside it",
            ["all", 0, "as"],
        ),
        # options
        ({"never": "a", "id": ""}, '.id: id is a short text in one line, not ""', ["id"]),
        (
            {"never": "a", "as": "gates"},
            '.as: as is one of gate, safety, metric, not gates. Did you mean "gate"?',
            ["as"],
        ),
        ({"never": "a", "weight": 2}, ": weight is the share of a metric; it needs as: metric", ["weight"]),
        (
            {"never": "a", "as": "metric", "weight": 0},
            ".weight: weight takes a number above 0; leave a check out that is to count nothing",
            ["weight"],
        ),
        (
            {"never": "a", "pass_at": 0.5},
            ": pass_at has no meaning for never, which takes id, why, as, weight, when, in, each, before, after, between, status",
            ["pass_at"],
        ),
        ({"budget": {"calls": 1}, "pass_at": 2}, ".pass_at: pass_at takes a number from 0 to 1, not 2", ["pass_at"]),
        ({"never": "a", "why": 5}, ".why: why is text, not 5", ["why"]),
        (
            {"never": "a", "status": "attempted"},
            '.status: status is ok, error or any, not attempted; every attempt is "any"',
            ["status"],
        ),
        ({"never": "a", "status": "fine"}, ".status: status is one of ok, error, any, not fine.", ["status"]),
        (
            {"never": "a", "before": "b", "after": "c"},
            ": before and after do not go together; write between: [A, B]",
            ["after"],
        ),
        (
            {"never": "a", "between": ["b"]},
            ".between: between takes two calls, where it begins and where it ends, not 1",
            ["between"],
        ),
        (
            {"never": "a", "between": ["b", "c", "d"]},
            ".between: between takes two calls, where it begins and where it ends, not 3",
            ["between"],
        ),
        (
            {"at_most": {"of": {"a": {"x": {"$as": "n"}}}, "n": 1}, "before": {"b": {"y": {"$same": "n"}}}},
            '.before.b.y["$same"]: $same: nothing before it binds n with $as. There are none.',
            ["before", "b", "y", "$same"],
        ),
        ({"never": "a", "in": {"agnt": "x"}}, '.in: unknown key "agnt" in in. Did you mean "agent"?', ["in", "agnt"]),
        (
            {"never": "a", "in": {"message": "any"}},
            '.in: unknown key "message" in in. Known: agent, turn.',
            ["in", "message"],
        ),
        ({"never": "a", "in": {}}, ".in: in takes agent, turn or, for says, message; such as {agent: billing}", ["in"]),
        (
            {"never": "a", "in": {"turn": 0}},
            ".in.turn: in turn takes a whole number of 1 or more, not 0",
            ["in", "turn"],
        ),
        (
            {"says": "a", "in": {"message": "first"}},
            ".in.message: in message is one of last, any, all, not first.",
            ["in", "message"],
        ),
        (
            {"never": "a", "each": "turns"},
            '.each: each is one of turn, agent, session, call, not turns. Did you mean "turn"?',
            ["each"],
        ),
        (
            {"calls": ["a"], "each": "call"},
            ".each: each: call has no meaning here; it may be turn, agent or session",
            ["each"],
        ),
        (
            {"never": "a", "each": "turn", "in": {"turn": 1}},
            ": each: turn has no meaning beside in: {turn: …}, which is one turn already",
            ["each"],
        ),
        (
            {"state": {"a": 1}, "each": "turn"},
            ": each has no meaning for state, which takes id, why, as, weight, when, at",
            ["each"],
        ),
        (
            {"never": "a", "at": "start"},
            ": at has no meaning for never, which takes id, why, as, weight, when, in, each, before, after, between, status",
            ["at"],
        ),
        ({"state": {"a": 1}, "at": "now"}, ".at: at is one of start, end, not now.", ["at"]),
        (
            {"never": "a", "within": {"steps": 1}},
            ": within has no meaning for never, which takes id, why, as, weight, when, in, each, before, after, between, status",
            ["within"],
        ),
        (
            {"precedes": ["a", "b"], "within": {}},
            ".within: within takes steps, calls or seconds, such as {steps: 2}",
            ["within"],
        ),
        (
            {"precedes": ["a", "b"], "within": {"steps": 0}},
            ".within.steps: within steps takes a whole number of 1 or more, not 0",
            ["within", "steps"],
        ),
        ({"precedes": ["a", "b"], "within": 2}, ".within: within is a map of steps, calls, seconds, not 2", ["within"]),
        (
            {"never": "a", "when": {"fault": "seen"}},
            ".when.fault: fault is one of exposed, not seen.",
            ["when", "fault"],
        ),
        (
            {"never": "a", "when": {"b": {"x": {"$as": "n"}}}},
            '.when.b.x["$as"]: $as has no meaning here: a condition binds nothing; names are for the check\'s own calls',
            ["when", "b", "x", "$as"],
        ),
        (
            {"never": "a", "when": {"state": {}}},
            ".when.state: state takes a map of PATH to value, such as {orders.1187.status: refunded}, not {}",
            ["when", "state"],
        ),
        # checks of one's own
        (
            {"polite:Check": 1},
            '["polite:Check"]: polite:Check would run code, which is not allowed here. Use a suite or checks file of the project, or pass --allow-code',
            ["polite:Check"],
        ),
    ],
    ids=str,
)
def test_what_is_refused(item, message, path):
    error = refused([{"no_errors": {}}, item])
    assert str(error) == f"checks[1]{message}"
    assert error.path == ("checks", 1, *path)


@pytest.mark.parametrize("name", sorted(LATER))
def test_what_arrives_later_is_refused_by_name_whatever_its_argument(name):
    for argument in (None, 5, "x", ["a", "b"], {"a": 1}):
        assert f"{name} arrives with {LATER[name]}" in str(refused([{name: argument}]))


def test_the_path_of_the_caller_is_continued():
    error = refused([{"never": {"a": {"x": {"$re": "("}}}}], path=("scenarios", 3, "checks"))
    assert error.path == ("scenarios", 3, "checks", 0, "never", "a", "x", "$re")
    assert str(error).startswith('scenarios[3].checks[0].never.a.x["$re"]: ')


def test_the_checks_are_a_list():
    assert str(refused({"never": "a"})) == "checks: checks are a list, not {never: a}. Write each check behind a dash"
    assert parse([]) == ()


# --- ids, titles and specs


def test_an_id_is_given_or_made_of_what_is_asked():
    given, made = parse([{"never": "a", "id": "no-a"}, {"never": "a"}])
    assert given.id == "no-a"
    assert made.id.startswith("never-")
    # what does not change the question does not change the id
    dressed = parse([{"never": "a", "why": "since", "as": "metric", "weight": 3}])[0]
    assert dressed.id == made.id
    assert parse([{"never": "a", "before": "b"}])[0].id != made.id
    assert parse([{"never": "b"}])[0].id != made.id


def test_one_id_twice_is_refused():
    error = refused([{"never": "a"}, {"never": "b"}, {"never": "a", "as": "safety"}])
    assert error.path == ("checks", 2)
    assert "is that of checks[0] already; leave one of them out, or give it an id of its own" in str(error)
    assert len(parse([{"never": "a"}, {"never": "a", "id": "again"}])) == 2


@pytest.mark.parametrize(
    ("item", "title"),
    [
        ({"never": "a", "id": "x", "why": "y", "as": "metric", "weight": 2}, "never: a"),
        ({"as": "safety", "before": "b", "never": "a"}, "never: a, before: b"),
        ("no_errors", "no_errors"),
        ({"no_errors": None, "each": "turn"}, "no_errors, each: turn"),
        ({"no_loops": {"repeats": 2}}, "no_loops: {repeats: 2}"),
        ({"says": "please"}, "says: please"),
        ({"says": "true"}, 'says: "true"'),
        ({"calls": ["a", {"b": {"x y": [1, None, True, "2"]}}]}, 'calls: [a, b: {"x y": [1, null, true, "2"]}]'),
        ({"says": "x" * 500}, "says: " + '"' + "x" * 118 + "…"),
    ],
)
def test_the_title_is_the_check_in_one_line(item, title):
    assert parse([item])[0].title == title


def test_checks_written_alike_are_equal_and_can_be_kept_in_sets():
    a, b = parse([{"at_most": {"pay": 1}}])[0], parse([{"at_most": {"pay": 1.0}}])[0]
    assert a == b
    assert len({a, b, parse([{"at_most": {"pay": 2}}])[0]}) == 2
    assert parse(["no_errors"])[0].spec == {"no_errors": {}} == parse([{"no_errors": True}])[0].spec


def test_a_check_tells_the_tools_that_it_names():
    items = [
        {"calls": ["a", {"any_of": [{"b": {"x": 1}}, {"tool": "c"}]}], "before": "d", "when": "e"},
        {"never": {"tool": {"$any": ["f", {"$any": ["g"]}, {"$glob": "x*"}]}}},
        {"any": [{"precedes": ["h", "i"]}, {"not": {"at_most": {"j": 1}}}], "when": {"tool": "k"}},
        {"never": "l", "between": ["m", "n"]},
        {"state": {"a": "o"}},
    ]
    assert [sorted(check.tools) for check in parse(items)] == [
        ["a", "b", "c", "d", "e"],
        ["f", "g"],
        ["h", "i", "j", "k"],
        ["l", "m", "n"],
        [],
    ]


def test_what_was_written_is_not_shared_with_the_check():
    item = {"calls": ["a"]}
    check = parse([item])[0]
    item["calls"].append("b")
    assert check.spec == {"calls": ["a"]}


# --- the catalogue


def test_the_catalogue_explains_every_check_with_an_example_that_parses(example):
    docs = catalogue()
    assert [doc.name for doc in docs] == [
        *[
            "calls",
            "matches",
            "never",
            "at_most",
            "at_least",
            "exactly",
            "precedes",
            "responds",
            "state",
            "only_changes",
        ],
        *["says", "budget", "no_errors", "no_loops", "rubric", "all", "any", "not"],
    ]
    for doc in docs:
        assert example(doc).name == doc.name
        assert {"id", "why", "as", "weight", "when"} <= set(doc.options)
        assert doc.summary
        assert doc.arguments
        assert "unknown" in doc.without_telemetry
    assert {doc.name: doc.options for doc in docs}["budget"] == (
        *["id", "why", "as", "weight", "pass_at", "when", "in", "each"],
    )


# --- checks and functions of users' own


class Polite:
    version = "2"

    def __init__(self, word):
        if not isinstance(word, str):
            raise TypeError("a word is text")
        self.word = word

    def check(self, trajectory, scenario):
        from agenteval.core.outcome import Finding, Measure

        if self.word == "broken":
            raise RuntimeError("no idea")
        if self.word == "nothing":
            return []
        said = any(self.word in step.content.text for step in trajectory.steps if step.content.kind == "message")
        return [
            Finding(
                check="its own",
                verdict="pass" if said else "fail",
                reason_code="held" if said else "not_said",
                reason=f"{self.word} for {scenario}",
                steps=("s0",),
                measure=Measure(name="words", value=3.0, scale=(0.0, 10.0)),
                evidence={"word": self.word},
            )
        ]


CODE = {"polite:Check": Polite, "polite:five": 5, "polite:odd": lambda word: word}
SEEN = trajectory([say("assistant", "please"), call("a")])


def test_a_check_of_ones_own_keeps_its_findings_and_takes_the_options():
    item = {"polite:Check": "please", "id": "manners", "as": "metric", "weight": 2, "when": "a"}
    check = parse([item], load_code=CODE.__getitem__)[0]
    finding = check.check(SEEN)[0]
    assert isinstance(check, Check)
    assert (finding.check, finding.role, finding.weight) == ("manners", "metric", 2)
    assert (finding.verdict, finding.reason, finding.steps) == ("pass", "please for None", ("s0",))
    assert (finding.measure.name, finding.measure.value) == ("words", 3.0)
    assert finding.evidence == {"word": "please"}
    assert finding.title == "polite:Check: please, when: a"


def test_a_check_of_ones_own_stands_inside_others():
    items = [{"not": {"polite:Check": "please"}}, {"any": [{"polite:Check": "thanks"}, {"never": "a"}]}]
    checks = parse(items, load_code=CODE.__getitem__)
    assert [check.check(SEEN)[0].verdict for check in checks] == ["fail", "fail"]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("broken", "polite:Check raised RuntimeError: no idea"),
        ("nothing", "polite:Check must return at least one finding"),
    ],
)
def test_a_check_of_ones_own_that_breaks_is_unknown(word, reason):
    finding = parse([{"polite:Check": word}], load_code=CODE.__getitem__)[0].check(SEEN)[0]
    assert (finding.verdict, finding.reason_code, finding.reason) == ("unknown", "check_error", reason)


def denied(ref):
    raise CodeNotAllowed(f"{ref} lies outside the project: pass --allow-code")


@pytest.mark.parametrize(
    ("item", "load_code", "message"),
    [
        ({"polite:Check": 5}, CODE.__getitem__, "polite:Check does not take 5: TypeError: a word is text"),
        ({"polite:five": 5}, CODE.__getitem__, "polite:five is int, which cannot be called with an argument"),
        ({"polite:odd": "x"}, CODE.__getitem__, "polite:odd made str, which has no method check(trajectory, scenario)"),
        ({"polite:none": "x"}, CODE.__getitem__, "polite:none cannot be loaded: KeyError: 'polite:none'"),
        ({"polite:Check": "x"}, denied, "polite:Check lies outside the project: pass --allow-code"),
        ({"polite:Check": "x", "before": "a"}, CODE.__getitem__, None),
        ({"says": {"$fn": "polite:five"}}, CODE.__getitem__, "polite:five is int, which cannot be called with a value"),
    ],
)
def test_code_that_does_not_fit_is_refused(item, load_code, message):
    error = refused([item], load_code=load_code)
    if message is None:
        assert "before has no meaning for polite:Check, which takes id, why, as, weight, pass_at, when" in str(error)
    else:
        assert str(error).endswith(f": {message}")
    assert isinstance(error.__cause__, CodeNotAllowed) == (load_code is denied)
