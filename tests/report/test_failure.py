"""What is told of an unmet requirement: the trials that teach most, within bounds, as JSON and as lines."""

from __future__ import annotations

import json
from typing import Any

import pytest

import agenteval
from agenteval import Scenario, StateWorld, WorldRef, parse_checks, tool
from agenteval.errors import Inconclusive, InvalidTrials, RequirementNotMet, ResultError
from agenteval.report.failure import document, render


def scenario(name: str, *checks: object, **options: Any) -> Scenario:
    return Scenario(id=name, task="Say yes.", checks=parse_checks(list(checks)), **options)


def answering(*answers: str):
    """An agent that gives these answers, one a trial; trials come one after the other."""
    rest = iter(answers)
    return lambda text: next(rest)


def unmet(given: Scenario | agenteval.Suite, agent: object, *args: float, **options: Any) -> ResultError:
    with pytest.raises(ResultError) as caught:
        agenteval.run(given, agent, concurrency=1, **options).require(*args)
    return caught.value


def told(error: ResultError) -> dict[str, Any]:
    """The document, which must be JSON."""
    return json.loads(json.dumps(document(error, command="agenteval {}".format)))


def test_one_trial_of_each_way_to_fail_the_commonest_first():
    asked = scenario("mine/a", {"says": "yes"}, {"says": "sir"})
    answers = ["yes sir", "no sir", "yes", "no sir", "no sir", "yes sir"]
    said = told(unmet(asked, {"one": answering(*answers)}, trials=6))
    assert (said["kind"], said["message"]) == (
        "RequirementNotMet",
        "not met: 4 of 6 trials failed, every one is required to pass",
    )
    assert said["run"].startswith("agenteval report 2")
    assert [(trial["name"], trial["alike"], [f["title"] for f in trial["findings"]]) for trial in said["trials"]] == [
        ("mine/a #1 by one", 2, ['says: "yes"']),
        ("mine/a #2 by one", 0, ["says: sir"]),
    ]


def test_a_finding_has_its_step_and_what_was_expected_beside_what_happened():
    (trial,) = told(unmet(scenario("mine/a", {"says": "yes"}), answering("no")))["trials"]
    assert trial["command"].startswith("agenteval show ")
    assert len(trial["command"]) == len("agenteval show ") + 12
    assert {key: value for key, value in trial.items() if key != "command"} == {
        "name": "mine/a #0 by <lambda>",
        "conclusion": "failed",
        "alike": 0,
        "error": None,
        "fault_of": None,
        "findings": [
            {
                "verdict": "fail",
                "title": 'says: "yes"',
                "role": "gate",
                "reason": 'the last message does not say "yes": "no"',
                "steps": [1],
                "remedy": "",
                "lines": [["", '"yes"', '"no"', "differs", ""]],
                "more": 0,
            }
        ],
        "more": 0,
    }


def test_only_the_agents_that_it_is_about():
    result = {"good": lambda text: "yes", "bad": lambda text: "no", "worse": lambda text: "no"}
    said = told(unmet(scenario("mine/a", {"says": "yes"}), result))
    assert [trial["name"] for trial in said["trials"]] == ["mine/a #0 by bad"]


def test_much_is_cut_to_what_can_be_read():
    many = [{"says": f"{place} {'x' * 900}"} for place in range(9)]
    suite = agenteval.Suite(id="mine", scenarios=tuple(scenario(f"mine/{n}", *many[n:]) for n in range(6)))
    said = told(unmet(suite, lambda text: "y" * 9000))
    assert [(trial["name"], len(trial["findings"]), trial["more"]) for trial in said["trials"]] == [
        ("mine/0 #0 by <lambda>", 2, 7),
        ("mine/1 #0 by <lambda>", 2, 6),
        ("mine/2 #0 by <lambda>", 2, 5),
    ]
    assert len(json.dumps(said)) < 20_000
    lines = render(said, width=80)
    assert max(map(len, lines)) <= 80
    assert "         and 7 more checks likewise" in lines


class Shop(StateWorld):
    """A world with more in it than anybody reads."""

    @tool
    def spoil(self) -> dict:
        """Change everything."""
        for place in range(40):
            self.data[f"item{place:02}"] = 1
        return {}

    @tool
    def burn(self) -> dict:
        """Break down."""
        raise ValueError("\x1b[2Jno such table: orders")


SHOP = WorldRef(ref="shop", digest="1", make=lambda seed: Shop({f"item{place:02}": 0 for place in range(40)}))


async def spoiling(session: Any) -> None:
    await session.call("spoil", {})


def test_a_long_comparison_is_cut_too():
    error = unmet(scenario("mine/a", {"only_changes": ["item00"]}, world=SHOP), spoiling)
    (finding,) = told(error)["trials"][0]["findings"]
    assert (len(finding["lines"]), finding["more"]) == (12, 8)
    assert "           and 8 more lines" in render(told(error), width=100)


@pytest.mark.parametrize(
    ("checks", "message", "told_of_it"),
    [
        (
            [{"says": "yes"}, {"state": {"a": 1}}],
            "inconclusive: 1 of 1 trial came to no verdict, every one is required to pass",
            ["unknown  state: {a: 1}", "remedy: give the scenario a world"],
        ),
        (
            [],
            "inconclusive: 1 of 1 trial came to no verdict, every one is required to pass",
            ["mine/a #0 by <lambda>: not asked", "no gate or safety check was asked: write one"],
        ),
    ],
    ids=["undecided", "not asked"],
)
def test_what_came_to_no_verdict_has_its_reason(checks: list[Any], message: str, told_of_it: list[str]):
    error = unmet(scenario("mine/a", *checks), lambda text: "yes")
    assert type(error) is Inconclusive
    lines = render(told(error), width=100)
    assert lines[0] == message
    assert [text for text in told_of_it if not any(text in line for line in lines)] == []


async def burning(session: Any) -> None:
    await session.call("burn", {})


def test_an_invalid_trial_has_its_fault_and_a_remedy_and_no_findings():
    error = unmet(scenario("mine/a", {"says": "yes"}, world=SHOP), burning, trials=3, retries=0)
    assert type(error) is InvalidTrials
    lines = render({**told(error), "run": None}, width=120)
    assert lines == [
        "invalid: 3 of 3 trials (fault of: world): ValueError: ␛[2Jno such table: orders",
        "",
        "mine/a #0 by burning: invalid, and 2 more like it",
        lines[3],
        "error    ValueError: ␛[2Jno such table: orders",
        "fault of world",
        "remedy   mend the scenario's world, whose own code raised this",
        "",
        "Not kept where `agenteval show` looks; the fixture `evaluate` keeps results there.",
    ]


def test_a_trial_that_never_started_has_no_command():
    def made(seed: int) -> Any:
        raise OSError("no disk")

    error = unmet(scenario("mine/a", {"says": "yes"}, world=WorldRef(ref="x", digest="1", make=made)), burning)
    (trial,) = told(error)["trials"]
    assert (trial["command"], trial["fault_of"], trial["error"]) == (None, "world", "OSError: no disk")


def test_without_a_result_there_is_the_message():
    error = InvalidTrials("invalid: the run came to nothing (fault of: harness): a.db is full")
    assert render(told(error)) == [str(error)]


@pytest.mark.parametrize(("kind", "code"), [(RequirementNotMet, "31;1"), (Inconclusive, "33"), (InvalidTrials, "33")])
def test_colours_tell_a_failure_from_what_is_open(kind: type[ResultError], code: str):
    assert render(told(kind("so")), color=True) == [f"\x1b[{code}mso\x1b[0m"]
