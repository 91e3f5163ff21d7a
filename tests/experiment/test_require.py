"""`RunResult.require`: met, not met, inconclusive, or invalid; by a rate or strictly."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

import agenteval
from agenteval import RequestError, Scenario, ScriptedModel, StateWorld, WorldRef, parse_checks, tool
from agenteval.core.message import text_message
from agenteval.core.model import Completion
from agenteval.core.trajectory import Usage
from agenteval.errors import Inconclusive, InvalidTrials, NotFound, RequirementNotMet, ResultError
from agenteval.experiment.api import RunResult


def scenario(name: str = "mine/yes", checks: object = ({"says": "yes"},)) -> Scenario:
    return Scenario(id=name, task="Say yes.", checks=parse_checks(list(checks)))


def saying_yes(times: int) -> Callable[[str], str]:
    """An agent that says yes so many times, and no from then on."""
    numbers = count(1)
    return lambda text: "yes" if next(numbers) <= times else "no"


def ran(passed: int, trials: int, **options: object) -> RunResult:
    return agenteval.run(scenario(), saying_yes(passed), trials=trials, **options)


def said(kind: type[ResultError], result: RunResult, *args: object, **options: object) -> str:
    """What is raised, which must be exactly of the kind and carry the result."""
    with pytest.raises(ResultError) as caught:
        result.require(*args, **options)
    assert type(caught.value) is kind
    assert caught.value.result is result
    return str(caught.value)


def test_a_rate_is_met_where_the_interval_lies_above_it():
    ran(24, 24).require(0.75)
    ran(0, 3).require(0)


def test_a_rate_is_not_met_where_the_interval_lies_below_it():
    assert said(RequirementNotMet, ran(3, 24), 0.75) == (
        "not met: passed 3 of 24 trials, a rate of 0.125 [0.043, 0.310], 0.75 is required"
    )
    assert issubclass(RequirementNotMet, AssertionError)


def test_in_between_it_is_inconclusive_and_says_how_many_more_would_tell():
    assert said(Inconclusive, ran(6, 6), 0.75) == (
        "inconclusive: passed 6 of 6 trials, a rate of 1.000 [0.610, 1.000], 0.75 is required; "
        "at this rate about 6 more trials would tell"
    )
    assert said(Inconclusive, ran(11, 11), 0.75).endswith("at this rate about 1 more trial would tell")
    assert issubclass(Inconclusive, AssertionError)


def test_the_number_that_would_tell_does():
    ran(12, 12).require(0.75)


def test_a_single_trial_shows_little_of_a_rate():
    assert said(Inconclusive, ran(1, 1), 0.75).startswith(
        "inconclusive: passed 1 of 1 trial, a rate of 1.000 [0.207, 1.000], 0.75 is required; "
    )


def test_where_no_number_would_tell_it_says_so():
    assert said(Inconclusive, ran(3, 4), 0.75).endswith(
        "; the observed rate is the required one, which no number of trials can tell apart"
    )
    assert said(Inconclusive, ran(4, 4), 1.0).endswith(
        "; no number of trials shows a rate of 1, since the next one may fail"
    )


def test_over_several_scenarios_it_asks_for_more_scenarios():
    suite = agenteval.Suite(id="mine", scenarios=tuple(scenario(f"mine/{letter}") for letter in "abc"))
    assert said(Inconclusive, agenteval.run(suite, saying_yes(99), trials=4), 0.75) == (
        "inconclusive: passed 12 of 12 trials of 3 scenarios, a rate of 1.000 [0.292, 1.000], 0.75 is required; "
        "at this rate about 10 more scenarios like these would tell"
    )


def test_another_level_makes_another_interval():
    result = ran(6, 6)
    result.require(0.75, confidence=0.5)
    assert said(Inconclusive, result, 0.75, confidence=0.95)


def test_strictly_every_trial_must_pass():
    ran(1, 1).require()
    ran(3, 3).require()
    assert said(RequirementNotMet, ran(2, 3)) == "not met: 1 of 3 trials failed, every one is required to pass"


UNDECIDED = ({"says": "yes"}, {"state": {"a": 1}})  # there is no world, so its state is unknown


def test_what_is_undecided_is_neither_passed_nor_failed():
    result = agenteval.run(scenario(checks=UNDECIDED), saying_yes(2), trials=2)
    assert said(Inconclusive, result) == "inconclusive: 2 of 2 trials came to no verdict, every one is required to pass"
    assert said(Inconclusive, result, 0.5) == (
        "inconclusive: no trial was counted, 2 left out, 0.5 is required; nothing was counted"
    )


def test_what_is_left_out_stands_beside_the_rate():
    result = agenteval.run(scenario(checks=UNDECIDED), saying_yes(2), trials=4)  # a failed check decides
    assert said(Inconclusive, result, 0.5).startswith(
        "inconclusive: passed 0 of 2 trials, 2 left out, a rate of 0.000 [0.000, 0.658]"
    )
    assert said(RequirementNotMet, result) == "not met: 2 of 4 trials failed, every one is required to pass"


def test_a_trial_of_which_nothing_was_asked_did_not_pass():
    result = agenteval.run(scenario(checks=()), saying_yes(1))
    assert said(Inconclusive, result) == "inconclusive: 1 of 1 trial came to no verdict, every one is required to pass"


class Shop(StateWorld):
    """A world that breaks at the second call, wherever that comes from."""

    calls = count(1)

    @tool
    def look(self) -> dict:
        """Look."""
        if next(self.calls) == 2:
            raise ValueError("no such table")
        return {}


async def looking(session) -> None:
    await session.call("look", {})
    await session.say("yes")


def test_one_invalid_trial_is_enough_and_the_fault_is_named():
    shop = WorldRef(ref="shop", digest="1", make=lambda seed: Shop({}))
    Shop.calls = count(1)
    result = agenteval.run(
        Scenario(id="mine/shop", task="Look.", world=shop, checks=parse_checks([{"says": "yes"}])),
        looking,
        trials=4,
        retries=0,
    )
    message = "invalid: 1 of 4 trials (fault of: world): ValueError: no such table"
    assert said(InvalidTrials, result, 0.1) == message
    assert said(InvalidTrials, result) == message
    assert not issubclass(InvalidTrials, AssertionError)


def test_of_several_agents_each_must_meet_it():
    result = agenteval.run(scenario(), {"good": saying_yes(99), "bad": saying_yes(0), "half": saying_yes(4)}, trials=8)
    assert said(RequirementNotMet, result, 0.5).endswith("[0.000, 0.324], 0.5 is required (bad)")
    assert said(RequirementNotMet, result).startswith("not met: 8 of 8 trials failed, ")
    result.require(0.5, agent="good")
    assert said(Inconclusive, result, 0.5, agent="half").startswith("inconclusive: passed 4 of 8")
    with pytest.raises(NotFound, match=r'holds no agent "god"\. Did you mean "good"'):
        result.require(0.5, agent="god")


def test_trials_that_the_budget_stopped_did_not_pass():
    usage = Usage(input_tokens=10, output_tokens=10)
    model = ScriptedModel(
        lambda request: Completion(message=text_message("assistant", "yes"), model="scripted", usage=usage)
    )
    result = agenteval.run(
        scenario(),
        agenteval.ChatAgent(),
        trials=5,
        concurrency=1,
        model=model,
        prices=agenteval.Prices(input=1_000, output=1_000),
        max_usd=0.03,
    )
    assert 0 < len(result.outcomes) < 5
    assert result.not_run == 5 - len(result.outcomes)
    assert said(Inconclusive, result) == (
        f"inconclusive: the budget was spent before {result.not_run} of the trials were run, "
        "every one is required to pass"
    )


@pytest.mark.parametrize(("rate", "options"), [(75, {}), (-0.1, {}), (float("nan"), {}), (0.5, {"confidence": 1})])
def test_what_is_no_rate_or_no_level_is_refused(rate: float, options: dict[str, float]):
    with pytest.raises(RequestError, match="between 0 and 1"):
        ran(1, 1).require(rate, **options)
