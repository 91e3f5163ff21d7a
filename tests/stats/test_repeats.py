"""pass@k and pass^k against reference cases, brute-force enumeration, published values, and what must hold of both."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from agenteval.core.outcome import Interval
from agenteval.stats import Repeats, clopper_pearson, over_scenarios, pass_at_k, pass_hat_k, wilson

CASES = Path(__file__).parents[1] / "refcases"
AT = json.loads((CASES / "exp_pass_at_k.json").read_text())
HAT = json.loads((CASES / "exp_pass_hat_k.json").read_text())

trials = st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))
suites = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=2),
    st.integers(0, 8).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    max_size=8,
)


def test_reference_cases():
    assert [pass_at_k(*case) for case in AT["inputs"]["n_c_k"]] == pytest.approx(AT["expected"], abs=1e-12)
    assert [pass_hat_k(*case) for case in HAT["inputs"]["n_c_k"]] == pytest.approx(
        HAT["expected"]["values"], rel=1e-9, abs=0
    )


def test_reference_curve_over_tasks():
    counts = {f"task {index}": (c, n) for index, (n, c) in enumerate(HAT["inputs"]["per_task_successes"])}
    found = over_scenarios(counts, "hat")
    assert [found.by_k[k].estimate for k in HAT["inputs"]["k"]] == pytest.approx(HAT["expected"]["curve"], abs=1e-12)


@pytest.mark.parametrize("n", range(1, 9))
def test_every_choice_of_k_trials_counted_one_by_one(n):
    """The definitions themselves: among all sets of k of the n trials, how many hold a pass, and how many only passes."""
    for c in range(n + 1):
        results = [True] * c + [False] * (n - c)
        for k in range(1, n + 1):
            chosen = list(combinations(results, k))
            assert pass_at_k(n, c, k) == float(Fraction(sum(map(any, chosen)), len(chosen)))
            assert pass_hat_k(n, c, k) == float(Fraction(sum(map(all, chosen)), len(chosen)))


@pytest.mark.parametrize(("n", "c", "k"), [(200, 10, 100), (1000, 1, 1), (1000, 999, 500), (3000, 7, 1500)])
def test_agrees_with_the_hypergeometric_distribution(n, c, k):
    """k trials drawn without replacement from n of which c passed."""
    drawn = scipy_stats.hypergeom(n, c, k)
    assert pass_at_k(n, c, k) == pytest.approx(drawn.sf(0), rel=1e-9)
    assert pass_hat_k(n, c, k) == pytest.approx(drawn.pmf(k), rel=1e-6, abs=1e-300)


@pytest.mark.parametrize("estimator", [pass_at_k, pass_hat_k])
@pytest.mark.parametrize(
    ("n", "c", "k", "message"),
    [
        (3, 1, 4, "k must be from 1 to n, the trials that were counted; got k=4 with n=3"),
        (3, 1, 0, "k must be from 1 to n, the trials that were counted; got k=0 with n=3"),
        (0, 0, 1, "k must be from 1 to n, the trials that were counted; got k=1 with n=0"),
        (3, 1, -1, "k must be a whole number of at least 0; got -1"),
        (3, 1, 1.5, "k must be a whole number of at least 0; got 1.5"),
        (3, 4, 1, "successes must be at most n, the trials that were counted; got 4 of 3"),
        (3, -1, 1, "successes must be a whole number of at least 0; got -1"),
    ],
)
def test_refusals_say_what_is_allowed(estimator, n, c, k, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        estimator(n, c, k)


@given(trials)
def test_more_trials_allowed_help_and_more_trials_demanded_hurt(case):
    n, c = case
    at = [pass_at_k(n, c, k) for k in range(1, n + 1)]
    hat = [pass_hat_k(n, c, k) for k in range(1, n + 1)]
    assert at == sorted(at)
    assert hat == sorted(hat, reverse=True)
    assert at[0] == pytest.approx(c / n, abs=1e-15)
    assert hat[0] == pytest.approx(c / n, abs=1e-15)
    assert (at[-1], hat[-1]) == (float(c > 0), float(c == n))
    assert all(0 <= value <= 1 for value in at + hat)


@given(trials, st.data())
def test_failing_ever_is_not_passing_always(case, data):
    n, c = case
    k = data.draw(st.integers(1, n))
    assert pass_hat_k(n, c, k) == pytest.approx(1 - pass_at_k(n, n - c, k), abs=1e-15)


def test_the_whole_answer():
    """Three scenarios with their own n: the mean over scenarios, Student's t over three numbers, up to the smallest n."""
    found = over_scenarios({"c": (2, 3), "a": (4, 4), "b": (1, 4), "z": (0, 0)}, "hat", confidence=0.5)
    per_scenario = {1: [1, 1 / 4, 2 / 3], 2: [1, 0, 1 / 3], 3: [1, 0, 0]}
    expected = {}
    for k, values in per_scenario.items():
        low, high = scipy_stats.t.interval(0.5, 2, loc=np.mean(values), scale=scipy_stats.sem(values))
        expected[k] = Interval(
            estimate=pytest.approx(np.mean(values), abs=1e-12),
            low=pytest.approx(low, abs=1e-12),
            high=pytest.approx(high, abs=1e-12),
            method="clustered_t",
            confidence=0.5,
            counted=3,
            left_out=1,
            clusters=3,
        )
    assert found == Repeats(kind="hat", by_k=expected, limited_by=("c",), left_out=1)


@pytest.mark.parametrize(("kind", "passed", "estimate"), [("at", 4, 1.0), ("hat", 4, 1.0), ("at", 0, 0.0)])
def test_all_alike_is_clopper_pearson_over_scenarios(kind, passed, estimate):
    found = over_scenarios({f"s{index}": (passed, 4) for index in range(12)}, kind)
    exact = clopper_pearson(12 if passed else 0, 12)
    assert list(found.by_k) == [1, 2, 3, 4]
    assert found.limited_by == tuple(sorted(f"s{index}" for index in range(12)))
    for interval in found.by_k.values():
        assert (interval.method, interval.estimate) == ("clopper_pearson_scenarios", estimate)
        assert (interval.low, interval.high) == pytest.approx((exact.low, exact.high), abs=1e-12)


def test_one_scenario_carries_the_wilson_ends_of_its_rate():
    rate = wilson(3, 5)
    for kind, carried in (("at", lambda p, k: 1 - (1 - p) ** k), ("hat", lambda p, k: p**k)):
        found = over_scenarios({"only": (3, 5)}, kind)
        assert list(found.by_k) == [1, 2, 3, 4, 5]
        for k, interval in found.by_k.items():
            estimate = (pass_at_k if kind == "at" else pass_hat_k)(5, 3, k)
            low, high = carried(rate.low, k), carried(rate.high, k)
            assert interval == Interval(
                estimate=estimate,
                low=pytest.approx(min(low, estimate), abs=1e-12),
                high=pytest.approx(max(high, estimate), abs=1e-12),
                method="wilson_one_scenario",
                counted=1,
                clusters=1,
            )


@pytest.mark.parametrize("passed", [0, 400])
@pytest.mark.parametrize("kind", ["at", "hat"])
def test_one_scenario_never_loses_its_width_to_rounding(kind, passed):
    found = over_scenarios({"only": (passed, 400)}, kind)
    assert all(0 <= interval.low < interval.high <= 1 for interval in found.by_k.values())


@pytest.mark.parametrize("counts", [{}, {"a": (0, 0)}])
def test_nothing_counted_gives_an_empty_curve(counts):
    assert over_scenarios(counts, "at") == Repeats(kind="at", by_k={}, limited_by=(), left_out=len(counts))


def test_refusals_of_a_suite():
    with pytest.raises(ValueError, match=r'kind must be "at" \(pass@k\) or "hat" \(pass\^k\); got \'both\''):
        over_scenarios({"a": (1, 2)}, "both")
    with pytest.raises(ValueError, match="scenario 'a': successes must be at most n"):
        over_scenarios({"a": (3, 2)}, "at")
    with pytest.raises(ValueError, match="confidence must lie between 0 and 1"):
        over_scenarios({}, "at", confidence=1)


@given(suites, st.sampled_from(["at", "hat"]), st.sampled_from([0.8, 0.95, 0.99]))
def test_every_point_of_a_curve_has_an_interval_with_width_around_it(counts, kind, confidence):
    found = over_scenarios(counts, kind, confidence=confidence)
    counted = {name: n for name, (_, n) in counts.items() if n}
    smallest = min(counted.values(), default=0)
    assert list(found.by_k) == list(range(1, smallest + 1))
    assert set(found.limited_by) == {name for name, n in counted.items() if n == smallest}
    assert found.left_out == len(counts) - len(counted)
    for interval in found.by_k.values():
        assert 0 <= interval.low <= interval.estimate <= interval.high <= 1
        assert interval.high > interval.low
        assert len(counted) == 1 or interval.high - interval.low > 1e-3
        assert (interval.counted, interval.left_out) == (len(counted), found.left_out)


def test_published_values_of_tau_bench(shared):
    """gpt-4o on the airline tasks: the published pass^1 to pass^4, from the 200 recorded trials."""
    file = shared / "data" / "tau_bench" / "gpt-4o-airline.json"
    if not file.is_file():
        pytest.skip(f"no {file.name}")
    counts = {}
    for trial in json.loads(file.read_bytes()):
        passed, n = counts.get(str(trial["task_id"]), (0, 0))
        counts[str(trial["task_id"])] = (passed + (trial["reward"] == 1), n + 1)
    found = over_scenarios(counts, "hat")
    assert [round(interval.estimate, 3) for interval in found.by_k.values()] == [0.42, 0.273, 0.22, 0.2]
    assert (len(found.limited_by), found.left_out) == (50, 0)
