"""Paired comparisons against reference cases, scipy, brute-force enumeration, and what must hold of any comparison."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from agenteval.core.outcome import Interval
from agenteval.stats import Comparison, clopper_pearson, paired_difference

CASES = Path(__file__).parents[1] / "refcases"
PAIRED = json.loads((CASES / "exp_paired_difference.json").read_text())
SIGNS = json.loads((CASES / "exp_paired_permutation_exact.json").read_text())
NEWCOMBE = json.loads((CASES / "exp_two_proportion_ci.json").read_text())


def one_trial_each(values):
    return {f"s{index:03}": (int(value), 1) for index, value in enumerate(values)}


def by_signs(differences):
    """The sign-flip test from its definition: the share of all sign patterns whose sum is as far from 0, exactly."""
    observed = abs(sum(differences))
    sums = [
        abs(sum(sign * value for sign, value in zip(signs, differences, strict=True)))
        for signs in product((1, -1), repeat=len(differences))
    ]
    return Fraction(sum(found >= observed for found in sums), len(sums))


def test_reference_case_of_the_paired_error():
    a, b, expected = PAIRED["inputs"]["a"], PAIRED["inputs"]["b"], PAIRED["expected"]
    found = paired_difference(one_trial_each(a), one_trial_each(b))
    half = expected["se_paired"] * scipy_stats.t.ppf(0.975, len(a) - 1)
    assert found.difference == Interval(
        estimate=pytest.approx(expected["diff"], abs=1e-12),
        low=pytest.approx(expected["diff"] - half, abs=1e-9),
        high=pytest.approx(expected["diff"] + half, abs=1e-9),
        method="paired_clustered",
        counted=200,
        clusters=200,
    )
    ours = scipy_stats.ttest_rel(a, b).confidence_interval()
    assert (found.difference.low, found.difference.high) == pytest.approx((ours.low, ours.high), abs=1e-9)
    changed = [first - second for first, second in zip(a, b, strict=True)]
    assert (found.wins, found.losses, found.ties) == (changed.count(1), changed.count(-1), changed.count(0))


def test_monte_carlo_p_value_of_single_trials_is_near_the_exact_mcnemar_test():
    """With one trial each, flipping signs is tossing a fair coin for each of the scenarios that differ."""
    found = paired_difference(one_trial_each(PAIRED["inputs"]["a"]), one_trial_each(PAIRED["inputs"]["b"]))
    assert found.wins + found.losses > 20
    assert found.p_method == "sign_flip_monte_carlo"
    exact = scipy_stats.binomtest(found.wins, found.wins + found.losses).pvalue
    assert found.p_value == pytest.approx(exact, abs=0.006)  # four standard errors of 99,999 draws
    # (hits + 1) / (draws + 1) is a whole number of hundred-thousandths
    assert found.p_value * 100_000 == pytest.approx(round(found.p_value * 100_000), abs=1e-6)
    again = paired_difference(one_trial_each(PAIRED["inputs"]["a"]), one_trial_each(PAIRED["inputs"]["b"]), seed=1)
    assert again.p_value != found.p_value
    assert again.p_value == pytest.approx(exact, abs=0.006)


def test_monte_carlo_never_reports_a_p_value_of_zero():
    a = {f"s{index}": (1, 1) for index in range(40)}
    b = {f"s{index}": (0, 1) for index in range(39)} | {"s39": (1, 1)}
    assert paired_difference(a, b).p_value == 1e-5


def test_reference_case_of_the_sign_flip_test():
    differences = [round(value * 10) for value in SIGNS["inputs"]["diff"]]
    a = {f"s{index}": (max(value, 0), 10) for index, value in enumerate(differences)}
    b = {f"s{index}": (max(-value, 0), 10) for index, value in enumerate(differences)}
    found = paired_difference(a, b)
    assert found.difference.estimate == pytest.approx(SIGNS["expected"]["stat"], abs=1e-12)
    assert (found.p_value, found.p_method) == (SIGNS["expected"]["p_two_sided"], "sign_flip_exact")
    theirs = scipy_stats.permutation_test(
        (np.array(SIGNS["inputs"]["diff"]),), np.sum, permutation_type="samples", n_resamples=10**6
    )
    assert found.p_value == pytest.approx(theirs.pvalue, abs=1e-12)


counts_of_one = st.integers(1, 6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(st.lists(st.tuples(counts_of_one, counts_of_one), min_size=2, max_size=9))
def test_exact_p_value_is_that_of_all_sign_patterns(pairs):
    found = paired_difference(
        {f"s{index}": first for index, (first, _) in enumerate(pairs)},
        {f"s{index}": second for index, (_, second) in enumerate(pairs)},
    )
    differences = [Fraction(*first) - Fraction(*second) for first, second in pairs]
    assert found.p_value == float(by_signs(differences))
    assert found.p_method == "sign_flip_exact"
    assert found.difference.estimate == pytest.approx(float(sum(differences) / len(differences)), abs=1e-12)
    assert (found.wins, found.losses, found.ties) == (
        sum(value > 0 for value in differences),
        sum(value < 0 for value in differences),
        sum(value == 0 for value in differences),
    )


def test_twenty_differences_are_enumerated_and_twenty_one_are_drawn():
    b = {f"s{index:02}": (0, 1) for index in range(30)}
    for differing, method in ((20, "sign_flip_exact"), (21, "sign_flip_monte_carlo")):
        a = {f"s{index:02}": (int(index < differing), 1) for index in range(30)}
        found = paired_difference(a, b)
        assert found.p_method == method
    exact = paired_difference({name: (int(name < "s20"), 1) for name in b}, b)
    assert exact.p_value == 2 / 2**20


def test_the_whole_answer():
    a = {"refund": (4, 4), "cancel": (2, 4), "exchange": (1, 3), "only a": (1, 1), "b not counted": (1, 2)}
    b = {"refund": (3, 4), "cancel": (0, 4), "exchange": (2, 6), "only b": (1, 1), "b not counted": (0, 0)}
    b["nobody"] = (0, 0)
    low, high = scipy_stats.t.interval(0.8, 2, loc=0.25, scale=scipy_stats.sem([0.25, 0.5, 0]))
    assert paired_difference(a, b, confidence=0.8) == Comparison(
        difference=Interval(
            estimate=0.25,
            low=pytest.approx(low, abs=1e-12),
            high=pytest.approx(high, abs=1e-12),
            method="paired_clustered",
            confidence=0.8,
            counted=3,
            left_out=4,
            clusters=3,
        ),
        differences={"cancel": 0.5, "exchange": 0.0, "refund": 0.25},
        scenarios=("cancel", "exchange", "refund"),
        only_in_a=("b not counted", "only a"),
        only_in_b=("only b",),
        p_value=0.5,
        p_method="sign_flip_exact",
        wins=2,
        losses=0,
        ties=1,
    )


@pytest.mark.parametrize("scenarios", [2, 10, 60])
def test_no_difference_anywhere_still_has_width(scenarios):
    counts = {f"s{index}": (index % 3, 4) for index in range(scenarios)}
    found = paired_difference(counts, counts)
    differing = clopper_pearson(0, scenarios).high
    assert found.difference.method == "paired_clopper_pearson"
    assert (found.difference.low, found.difference.estimate, found.difference.high) == pytest.approx(
        (-differing, 0.0, differing), abs=1e-12
    )
    assert (found.p_value, found.p_method, found.ties) == (1.0, "sign_flip_exact", scenarios)


def test_the_same_difference_everywhere_still_has_width():
    a, b = ({f"s{index}": (passed, 4) for index in range(10)} for passed in (4, 0))
    found = paired_difference(a, b)
    same = clopper_pearson(10, 10).low  # at least this share differs so; the rest may differ the other way round
    assert found.difference.method == "paired_clopper_pearson"
    assert (found.difference.low, found.difference.high) == pytest.approx((same - (1 - same), 1.0), abs=1e-12)
    assert found.p_value == 2 / 2**10


@pytest.mark.parametrize("index", range(3))
def test_one_shared_scenario_is_newcombe_over_its_trials(index):
    passed_a, n_a, passed_b, n_b = NEWCOMBE["inputs"]["x1_n1_x2_n2"][index]
    low, high = NEWCOMBE["expected"]["newcomb"][index]
    found = paired_difference({"only": (passed_a, n_a)}, {"only": (passed_b, n_b)})
    assert found.difference == Interval(
        estimate=pytest.approx(passed_a / n_a - passed_b / n_b, abs=1e-12),
        low=pytest.approx(low, abs=1e-9),
        high=pytest.approx(high, abs=1e-9),
        method="newcombe_one_scenario",
        counted=1,
        clusters=1,
    )
    assert (found.p_value, found.p_method) == (None, None)


def test_nothing_shared():
    assert paired_difference({"a": (1, 2)}, {"b": (1, 2), "none": (0, 0)}) == Comparison(
        difference=Interval(estimate=None, low=None, high=None, method="nothing_counted", left_out=3, clusters=0),
        differences={},
        scenarios=(),
        only_in_a=("a",),
        only_in_b=("b",),
        p_value=None,
        p_method=None,
        wins=0,
        losses=0,
        ties=0,
    )


def test_refusals():
    with pytest.raises(ValueError, match="scenario 'refund': successes must be at most n"):
        paired_difference({"refund": (1, 2)}, {"refund": (3, 2)})
    with pytest.raises(ValueError, match="confidence must lie between 0 and 1"):
        paired_difference({}, {}, confidence=-0.5)


suites = st.dictionaries(
    st.sampled_from([f"s{index:02}" for index in range(30)]),
    st.integers(0, 4).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    max_size=15,
)


@given(suites, suites)
def test_exchanging_the_agents_changes_the_sign_and_nothing_else(a, b):
    found, back = paired_difference(a, b), paired_difference(dict(reversed(b.items())), a)
    assert back.p_value == found.p_value
    assert (back.wins, back.losses, back.ties) == (found.losses, found.wins, found.ties)
    assert (back.only_in_a, back.only_in_b, back.scenarios) == (found.only_in_b, found.only_in_a, found.scenarios)
    assert back.differences == {name: -value for name, value in found.differences.items()}
    assert (back.difference.method, back.difference.left_out) == (found.difference.method, found.difference.left_out)
    if found.difference.estimate is not None:
        assert (back.difference.low, back.difference.high) == pytest.approx(
            (-found.difference.high, -found.difference.low), abs=1e-12
        )


@given(suites, suites, st.sampled_from([0.5, 0.95, 0.999]))
def test_a_difference_has_an_interval_with_width_around_it_or_nothing_at_all(a, b, confidence):
    found = paired_difference(a, b, confidence=confidence)
    interval = found.difference
    assert interval.counted == len(found.scenarios) == found.wins + found.losses + found.ties
    assert interval.counted + interval.left_out == len(a.keys() | b.keys())
    if not found.scenarios:
        assert (interval.estimate, interval.low, interval.high) == (None, None, None)
    else:
        assert -1 <= interval.low <= interval.estimate <= interval.high <= 1
        assert interval.high - interval.low > 1e-3
    assert found.p_value is None or 0 < found.p_value <= 1


def test_the_test_holds_its_level_where_agents_are_alike():
    generator = np.random.default_rng(3)
    rejected, draws = 0, 600
    for _ in range(draws):
        rates = generator.beta(2, 2, size=12)
        a, b = (generator.binomial(4, rates) for _ in range(2))
        found = paired_difference(*({str(i): (int(count), 4) for i, count in enumerate(side)} for side in (a, b)))
        rejected += found.p_value <= 0.05
    assert rejected / draws <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / draws)
    assert rejected > 0
