"""Wilson and Clopper-Pearson against published tables, statsmodels, scipy, and what must hold of any interval."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

from agenteval.core.outcome import Interval
from agenteval.stats import clopper_pearson, wilson

CASES = Path(__file__).parents[1] / "refcases"
BINOMIAL = json.loads((CASES / "exp_binomial_ci.json").read_text())
METHODS = {"wilson": wilson, "clopper_pearson": clopper_pearson}
# n, successes, and Newcombe's (1998) published limits by methods 3 and 5, to four places
NEWCOMBE = [
    (81, 263, "wilson", 0.2553, 0.3662),
    (81, 263, "clopper_pearson", 0.2527, 0.3676),
    (15, 148, "wilson", 0.0624, 0.1605),
    (15, 148, "clopper_pearson", 0.0578, 0.1617),
    (0, 20, "wilson", 0.0, 0.1611),
    (0, 20, "clopper_pearson", 0.0, 0.1684),
    (1, 29, "wilson", 0.0061, 0.1718),
    (1, 29, "clopper_pearson", 0.0009, 0.1776),
]

levels = st.floats(0.5, 0.999)
counts = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(("successes", "n", "method", "low", "high"), NEWCOMBE)
def test_published_tables(successes, n, method, low, high):
    found = METHODS[method](successes, n)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize(
    ("counted", "expected"), list(zip(BINOMIAL["inputs"]["k_n"], BINOMIAL["expected"], strict=True))
)
def test_reference_case(counted, expected):
    for method, key in (("wilson", "wilson"), ("clopper_pearson", "beta")):
        found = METHODS[method](*counted)
        assert [found.low, found.high] == pytest.approx(expected[key], abs=BINOMIAL["tolerance"]["value"])


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("n", [1, 2, 7, 40, 1000])
def test_agrees_with_statsmodels_and_scipy(n, confidence):
    for successes in sorted({0, 1, n // 3, n - 1, n}):
        for method, statsmodels_name, scipy_name in (
            ("wilson", "wilson", "wilson"),
            ("clopper_pearson", "beta", "exact"),
        ):
            found = METHODS[method](successes, n, confidence=confidence)
            theirs = proportion_confint(successes, n, alpha=1 - confidence, method=statsmodels_name)
            test = binomtest(successes, n).proportion_ci(confidence, method=scipy_name)
            assert (found.low, found.high) == pytest.approx(theirs, abs=1e-10)
            assert (found.low, found.high) == pytest.approx((test.low, test.high), abs=1e-10)


def test_the_whole_answer():
    assert wilson(0, 20, confidence=0.9, left_out=3) == Interval(
        estimate=0.0,
        low=0.0,
        high=wilson(0, 20, confidence=0.9).high,
        method="wilson",
        confidence=0.9,
        counted=20,
        left_out=3,
    )


@pytest.mark.parametrize("method", METHODS)
def test_nothing_counted_has_no_estimate_and_no_ends(method):
    assert METHODS[method](0, 0, left_out=4) == Interval(
        estimate=None, low=None, high=None, method=method, counted=0, left_out=4
    )


@pytest.mark.parametrize("method", METHODS.values())
@pytest.mark.parametrize(
    ("successes", "n", "options", "message"),
    [
        (-1, 5, {}, "successes must be a whole number of at least 0; got -1"),
        (1, -5, {}, "n must be a whole number of at least 0; got -5"),
        (2.5, 5, {}, "successes must be a whole number of at least 0; got 2.5"),
        (6, 5, {}, "successes must be at most n, the trials that were counted; got 6 of 5"),
        (1, 5, {"left_out": -1}, "left_out must be a whole number of at least 0; got -1"),
        (1, 5, {"confidence": 0}, "confidence must lie between 0 and 1, both excluded, such as 0.95; got 0"),
        (1, 5, {"confidence": 1.0}, "confidence must lie between 0 and 1, both excluded, such as 0.95; got 1.0"),
        (1, 5, {"confidence": 95}, "confidence must lie between 0 and 1, both excluded, such as 0.95; got 95"),
        (1, 5, {"confidence": math.nan}, "confidence must lie between 0 and 1, both excluded, such as 0.95; got nan"),
        (1, 5, {"confidence": "x"}, "confidence must lie between 0 and 1, both excluded, such as 0.95; got 'x'"),
    ],
)
def test_refusals_say_what_is_allowed(method, successes, n, options, message):
    with pytest.raises(ValueError, match="^" + message.replace("(", r"\(") + "$"):
        method(successes, n, **options)


@given(counts, levels, st.sampled_from(sorted(METHODS)))
def test_an_interval_contains_its_estimate_has_width_and_stays_within_bounds(counted, confidence, method):
    found = METHODS[method](*counted, confidence=confidence)
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    assert found.high - found.low > 1e-4
    assert all(type(value) is float for value in (found.estimate, found.low, found.high))


@given(counts, levels, levels)
def test_a_higher_level_is_wider(counted, one, other):
    less, more = sorted((one, other))
    for method in METHODS.values():
        narrow, wide = method(*counted, confidence=less), method(*counted, confidence=more)
        assert wide.low <= narrow.low + 1e-12
        assert wide.high >= narrow.high - 1e-12


@given(counts, levels)
def test_failures_mirror_successes(counted, confidence):
    successes, n = counted
    for method in METHODS.values():
        found, mirrored = method(successes, n, confidence=confidence), method(n - successes, n, confidence=confidence)
        assert (found.low, found.high) == pytest.approx((1 - mirrored.high, 1 - mirrored.low), abs=1e-9)


@given(st.integers(1, 200), levels)
def test_one_more_success_moves_both_ends_up(n, confidence):
    for method in METHODS.values():
        found = [method(successes, n, confidence=confidence) for successes in range(n + 1)]
        assert all(before.low < after.low and before.high < after.high for before, after in pairwise(found[1:-1]))
        assert (found[0].low, found[-1].high) == (0.0, 1.0)


@given(counts, levels)
def test_clopper_pearson_ends_leave_exactly_the_tail(counted, confidence):
    """Its definition: at the lower end, as many successes or more have probability (1 - level) / 2."""
    successes, n = counted
    found = clopper_pearson(successes, n, confidence=confidence)
    if successes > 0:
        at_low = math.fsum(_pmf(count, n, found.low) for count in range(successes, n + 1))
        assert at_low == pytest.approx((1 - confidence) / 2, rel=1e-6)
    if successes < n:
        at_high = math.fsum(_pmf(count, n, found.high) for count in range(successes + 1))
        assert at_high == pytest.approx((1 - confidence) / 2, rel=1e-6)


def _pmf(count: int, n: int, rate: float) -> float:
    return math.comb(n, count) * rate**count * (1 - rate) ** (n - count)


def test_extreme_levels_still_have_ends():
    for method in METHODS.values():
        found = method(3, 10, confidence=1 - 1e-16)
        assert 0 <= found.low < 0.3 < found.high <= 1
        assert found.high - found.low > 0.9


def test_numpy_counts_are_counts():
    assert wilson(np.int64(3), np.int64(10)) == wilson(3, 10)
