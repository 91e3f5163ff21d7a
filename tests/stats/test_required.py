"""What a requirement answers, and the number that would tell against statsmodels, scipy and a walk one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.proportion import proportion_confint

from agenteval.stats import Requirement, pass_rate, requirement
from agenteval.stats.required import MOST

ENOUGH = 400


def told(low, high, rate):
    return low >= rate or high < rate


def by_walking(ends, rate, start):
    """The smallest number of units above `start` whose ends exclude the rate, one by one; None up to ENOUGH."""
    return next((n for n in range(start + 1, ENOUGH) if told(*ends(n), rate)), None)


def wilson_of(share):
    return lambda n: proportion_confint(share * n, n, alpha=0.05, method="wilson")


@pytest.mark.parametrize(
    ("outcomes", "rate", "verdict"),
    [
        ({"a": (24, 24)}, 0.75, "met"),
        ({"a": (12, 12)}, 0.757, "met"),  # Wilson's lower end is 12 / (12 + 1.96²) = 0.7575
        ({"a": (12, 12)}, 0.758, "inconclusive"),
        ({"a": (0, 12)}, 0.243, "not_met"),  # 0.2425
        ({"a": (0, 12)}, 0.242, "inconclusive"),
        ({"a": (0, 1)}, 0.0, "met"),
        ({"a": (1, 1)}, 1.0, "inconclusive"),
        ({"a": (9, 10)}, 1.0, "not_met"),  # one failure seen: the rate is not 1
        ({"a": (0, 0)}, 0.5, "inconclusive"),
        ({}, 0.0, "inconclusive"),
        ({"a": (4, 4), "b": (4, 4), "c": (4, 4)}, 0.29, "met"),  # Clopper-Pearson of 3 of 3 begins at 0.2924
        ({"a": (4, 4), "b": (4, 4), "c": (4, 4)}, 0.3, "inconclusive"),
    ],
)
def test_the_interval_decides_and_not_the_estimate(outcomes, rate, verdict):
    found = requirement(outcomes, rate)
    assert (found.verdict, found.required) == (verdict, rate)
    assert found.interval == pass_rate(outcomes)
    if verdict != "inconclusive":
        assert (found.tells_at, found.why_not) == (None, "")


def test_what_is_left_out_and_the_level_are_carried_along():
    found = requirement({"a": (5, 6)}, 0.75, confidence=0.8, left_out=2)
    assert found.interval == pass_rate({"a": (5, 6)}, confidence=0.8, left_out=2)
    assert found.tells_at == by_walking(lambda n: proportion_confint(n * 5 / 6, n, alpha=0.2, method="wilson"), 0.75, 6)


@settings(deadline=None)
@given(
    st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.integers(0, 996).map(lambda part: part / 997),
)
def test_how_many_trials_of_one_scenario_would_tell(counts, rate):
    found = requirement({"one": counts}, rate)
    if found.verdict != "inconclusive":
        return
    share = counts[0] / counts[1]
    walked = by_walking(wilson_of(share), rate, counts[1])
    if walked is not None:
        assert found == Requirement(
            required=rate, verdict="inconclusive", interval=found.interval, unit="trials", tells_at=walked
        )
    else:
        assert found.tells_at is None or found.tells_at >= ENOUGH


def test_how_many_scenarios_would_tell():
    """Sample variance of the scenarios' rates, Student's t, scenarios with as many trials each."""
    rates = [1.0, 0.25, 0.75, 0.75, 1.0]
    found = requirement({f"s{place}": (round(4 * rate), 4) for place, rate in enumerate(rates)}, 0.6)
    mean, spread = np.mean(rates), np.std(rates, ddof=1)

    def ends(count):
        half = scipy_stats.t.ppf(0.975, count - 1) * spread / math.sqrt(count)
        return mean - half, mean + half

    assert found.interval.method == "clustered_t"
    assert found.interval.low == pytest.approx(ends(5)[0])  # the formula is the interval's own where it stands
    assert (found.unit, found.tells_at) == ("scenarios", by_walking(ends, 0.6, 5))


def test_how_many_scenarios_would_tell_where_all_are_alike():
    found = requirement(dict.fromkeys("abcd", (3, 3)), 0.9)
    exact = by_walking(lambda n: proportion_confint(n, n, alpha=0.05, method="beta"), 0.9, 4)
    assert (found.interval.method, found.unit, found.tells_at) == ("clopper_pearson_scenarios", "scenarios", exact)
    assert exact == 36  # 0.025 ** (1 / 36) is the first above 0.9


@pytest.mark.parametrize(
    ("outcomes", "rate", "why"),
    [
        ({"a": (3, 4)}, 0.75, "the observed rate is the required one, which no number of trials can tell apart"),
        ({"a": (4, 4)}, 1, "no number of trials shows a rate of 1, since the next one may fail"),
        ({"a": (0, 0)}, 0.5, "nothing was counted"),
        ({"a": (751, 1000)}, 0.75, "more than 10,000 would be needed"),
        ({"a": (250, 1000), "b": (750, 1000)}, 0.501, "more than 10,000 would be needed"),
    ],
)
def test_where_no_number_tells_it_says_why(outcomes, rate, why):
    found = requirement(outcomes, rate)
    assert (found.verdict, found.tells_at, found.why_not) == ("inconclusive", None, why)


def test_the_bound_itself_can_be_the_answer():
    """At a share of a half, Wilson's lower end passes this rate between MOST - 1 and MOST trials."""
    before, at = (wilson_of(0.5)(count)[0] for count in (MOST - 1, MOST))
    assert requirement({"a": (50, 100)}, (before + at) / 2).tells_at == MOST
    after = wilson_of(0.5)(MOST + 1)[0]
    assert requirement({"a": (50, 100)}, (at + after) / 2).tells_at is None


@pytest.mark.parametrize("rate", [-0.1, 1.01, math.nan, "0.5", None])
def test_what_is_no_rate_is_refused(rate):
    with pytest.raises(ValueError, match="the required rate must lie between 0 and 1"):
        requirement({"a": (1, 2)}, rate)
