"""Clustered means against R's clubSandwich (by reference case), statsmodels, plain matrices, and simulation."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from agenteval.core.outcome import Interval
from agenteval.stats import clopper_pearson, clustered_mean, pass_rate, wilson

CASES = Path(__file__).parents[1] / "refcases"
CLUSTERED = json.loads((CASES / "exp_clustered_se.json").read_text())
REPEATED = json.loads((CASES / "exp_variance_decomposition.json").read_text())


def by_cluster(scores, clusters):
    found = {}
    for score, cluster in zip(scores, clusters, strict=True):
        found.setdefault(f"s{cluster}", []).append(score)
    return found


def passes(values):
    return {name: (int(sum(scores)), len(scores)) for name, scores in values.items()}


def by_matrices(values_by_cluster, confidence=0.95):
    """CR2 and Satterthwaite from their general definitions: projection, eigenvalues, Gram matrix; no closed form."""
    y = np.concatenate(list(values_by_cluster.values()))
    labels = np.repeat(np.arange(len(values_by_cluster)), [len(values) for values in values_by_cluster.values()])
    n = len(y)
    design = np.ones((n, 1))
    hat = design @ np.linalg.inv(design.T @ design) @ design.T
    residuals = (np.eye(n) - hat) @ y
    contrasts, total = [], 0.0
    for label in np.unique(labels):
        mine = labels == label
        eigenvalues, vectors = np.linalg.eigh(np.eye(mine.sum()) - hat[np.ix_(mine, mine)])
        adjust = vectors @ np.diag(eigenvalues**-0.5) @ vectors.T
        total += float(np.ones(mine.sum()) @ adjust @ residuals[mine]) ** 2
        contrasts.append((np.eye(n) - hat)[:, mine] @ adjust @ np.ones(mine.sum()) / n)
    gram = np.array(contrasts) @ np.array(contrasts).T
    error, degrees = math.sqrt(total) / n, np.trace(gram) ** 2 / np.sum(gram**2)
    return y.mean(), error, degrees, float(scipy_stats.t.ppf((1 + confidence) / 2, degrees)) * error


def test_reference_case_of_unequal_clusters():
    values = by_cluster(CLUSTERED["inputs"]["score"], CLUSTERED["inputs"]["cluster"])
    expected = CLUSTERED["expected"]
    low, high = expected["ci95_cr2"]
    assert pass_rate(passes(values)) == Interval(
        estimate=expected["mean"],
        low=pytest.approx(low, abs=1e-8),
        high=pytest.approx(high, abs=1e-8),
        method="clustered_t",
        counted=100,
        clusters=25,
    )
    assert clustered_mean(values) == pass_rate(passes(values))
    _, error, degrees, _ = by_matrices(values)
    assert (error, degrees) == pytest.approx((expected["se_cr2"], expected["satterthwaite_df"]), abs=1e-8)


def test_against_statsmodels_for_unequal_clusters():
    """statsmodels has CR0 and CR0 * G/(G-1) only: CR2 lies a little above both here, never below CR0."""
    scores, clusters = CLUSTERED["inputs"]["score"], CLUSTERED["inputs"]["cluster"]
    model = sm.OLS(scores, np.ones(len(scores)))
    cr0 = model.fit(cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": False}).bse[0]
    assert cr0 == pytest.approx(CLUSTERED["expected"]["se_clustered_miller_cr0"], abs=1e-10)
    found = pass_rate(passes(by_cluster(scores, clusters)))
    cr2 = (found.high - found.low) / 2 / scipy_stats.t.ppf(0.975, CLUSTERED["expected"]["satterthwaite_df"])
    assert 1 < cr2 / cr0 < 1.03


def test_equal_clusters_are_statsmodels_with_its_factor_and_t_of_clusters_less_one():
    """At equal sizes CR2's variance is CR0's times G/(G-1), the factor that statsmodels applies, and the df are G-1."""
    rows = REPEATED["inputs"]["scores"]
    scores, clusters = np.ravel(rows), np.repeat(np.arange(len(rows)), len(rows[0]))
    fit = sm.OLS(scores, np.ones(len(scores))).fit(cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True)
    assert fit.bse[0] == pytest.approx(REPEATED["expected"]["se_question_level"], abs=1e-10)
    found = pass_rate(passes({f"s{index}": row for index, row in enumerate(rows)}))
    assert found.estimate == pytest.approx(REPEATED["expected"]["mean"], abs=1e-12)
    assert (found.low, found.high) == pytest.approx(tuple(fit.conf_int()[0]), abs=1e-10)


def test_one_value_a_cluster_is_the_ordinary_t_interval():
    values = [0.1, 0.5, 0.55, 0.7, 0.2, 0.9]
    found = clustered_mean({f"s{index}": [value] for index, value in enumerate(values)}, confidence=0.8)
    error = scipy_stats.sem(values)
    expected = scipy_stats.t.interval(0.8, len(values) - 1, loc=np.mean(values), scale=error)
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-12)


value_lists = st.dictionaries(
    st.text("abc", min_size=1, max_size=3),
    st.lists(st.floats(0, 1, width=16), min_size=1, max_size=6),
    min_size=2,
    max_size=8,
)


@given(value_lists, st.sampled_from([0.8, 0.95, 0.99]))
def test_agrees_with_the_matrices_it_was_derived_from(values, confidence):
    found = clustered_mean(values, confidence=confidence, bounds=(-1e6, 1e6))
    mean, error, degrees, half = by_matrices(values, confidence)
    assert found.estimate == pytest.approx(mean, abs=1e-9)
    assert degrees >= 1 - 1e-9
    if found.method == "clustered_t":
        assert (found.low, found.high) == pytest.approx((mean - half, mean + half), rel=1e-6, abs=1e-6)
    else:
        assert error == pytest.approx(0, abs=1e-9)


def test_one_scenario_that_holds_nearly_all_trials_keeps_its_degrees_of_freedom():
    found = pass_rate({"huge": (60_000_000, 100_000_000), "tiny": (0, 1), "other": (1, 1)})
    assert found.method == "clustered_t"
    assert 0 <= found.low < found.estimate < found.high <= 1


@pytest.mark.parametrize("scenarios", [2, 3, 12, 50])
@pytest.mark.parametrize("passed", [0, 4])
def test_all_or_none_passing_is_clopper_pearson_over_scenarios(scenarios, passed):
    found = pass_rate({f"s{index}": (passed, 4) for index in range(scenarios)}, left_out=5, confidence=0.9)
    exact = clopper_pearson(scenarios if passed else 0, scenarios, confidence=0.9)
    assert found == Interval(
        estimate=1.0 if passed else 0.0,
        low=pytest.approx(exact.low, abs=1e-12),
        high=pytest.approx(exact.high, abs=1e-12),
        method="clopper_pearson_scenarios",
        confidence=0.9,
        counted=4 * scenarios,
        left_out=5,
        clusters=scenarios,
    )


def test_equal_rates_between_none_and_all_still_have_width():
    """Each of ten scenarios passed half its trials: the clustered error is 0 although nothing is certain."""
    found = pass_rate({f"s{index}": (2, 4) for index in range(10)})
    differing = clopper_pearson(0, 10).high  # the share of scenarios that may pass never, or always
    assert (found.method, found.estimate) == ("clopper_pearson_scenarios", 0.5)
    assert (found.low, found.high) == pytest.approx((0.5 - differing / 2, 0.5 + differing / 2), abs=1e-12)


def test_rounding_is_not_taken_for_variance():
    """0.1 + 0.2 + 0.3 and three times 0.2 have the same mean but for the last bit."""
    values = {"a": [0.1, 0.2, 0.3], "b": [0.2, 0.2, 0.2], "c": [0.3, 0.1, 0.2]}
    below_zero = {name: [-value for value in scores] for name, scores in values.items()}
    for found in (clustered_mean(values), clustered_mean(below_zero, bounds=(-1, 0))):
        assert found.method == "clopper_pearson_scenarios"
        assert found.high - found.low > 0.5


def test_one_scenario_is_wilson_over_its_trials_and_says_so():
    exact = wilson(3, 4)
    assert pass_rate({"only": (3, 4), "never counted": (0, 0)}, left_out=2) == Interval(
        estimate=0.75,
        low=pytest.approx(exact.low, abs=1e-12),
        high=pytest.approx(exact.high, abs=1e-12),
        method="wilson_one_scenario",
        counted=4,
        left_out=2,
        clusters=1,
    )


@pytest.mark.parametrize("outcomes", [{}, {"a": (0, 0), "b": (0, 0)}])
def test_nothing_counted(outcomes):
    nothing = Interval(estimate=None, low=None, high=None, method="nothing_counted", left_out=8, clusters=0)
    assert pass_rate(outcomes, left_out=8) == nothing
    assert clustered_mean({name: [] for name in outcomes}, left_out=8) == nothing


def test_the_estimate_is_the_mean_over_trials():
    assert pass_rate({"a": (9, 9), "b": (0, 1)}).estimate == 0.9


def test_other_bounds_are_clipped_to_and_scaled():
    inside = clustered_mean({"a": [0.0], "b": [1.0], "c": [0.5]})
    scaled = clustered_mean({"a": [-10.0], "b": [30.0], "c": [10.0]}, bounds=(-10, 30))
    assert (inside.low, inside.high, scaled.low, scaled.high) == (0.0, 1.0, -10.0, 30.0)
    one = clustered_mean({"a": [-10.0, 30.0, 30.0, 30.0]}, bounds=(-10, 30))
    assert (one.estimate, one.low, one.high) == pytest.approx(
        (20, -10 + 40 * wilson(3, 4).low, -10 + 40 * wilson(3, 4).high)
    )


def test_without_bounds_there_are_no_ends_where_no_variance_is_seen():
    two = clustered_mean({"a": [3.5, 4.5], "b": [10.0]}, bounds=None)
    assert (two.method, two.estimate, two.low < 0, two.high > 10) == ("clustered_t", 6.0, True, True)
    for values, clusters in (({"a": [3.0, 5.0]}, 1), ({"a": [3.0, 5.0], "b": [4.0, 4.0]}, 2)):
        assert clustered_mean(values, bounds=None) == Interval(
            estimate=4.0, low=None, high=None, method="undetermined", counted=2 * clusters, clusters=clusters
        )


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ({"a": [1.5]}, {}, r"cluster 'a': values must lie within \[0, 1\]; got 1.5; pass bounds=None if values have"),
        ({"a": [math.nan]}, {}, r"cluster 'a': values must lie within \[0, 1\]; got nan"),
        ({"a": [None]}, {}, r"cluster 'a': values must lie within \[0, 1\]; got None"),
        ({"a": [math.inf]}, {"bounds": None}, r"cluster 'a': values must lie within \[-1e\+100, 1e\+100\]; got inf$"),
        ({"a": [0.5]}, {"bounds": (1, 0)}, r"bounds must be two numbers, the lower one first, or None; got \(1, 0\)"),
        ({"a": [1]}, {"bounds": (1, 1)}, r"bounds must be two numbers, the lower one first, or None; got \(1, 1\)"),
        ({"a": [0.5]}, {"confidence": 2}, "confidence must lie between 0 and 1"),
        ({"a": [0.5]}, {"left_out": -2}, "left_out must be a whole number"),
    ],
)
def test_refusals_of_values(values, options, message):
    with pytest.raises(ValueError, match=message):
        clustered_mean(values, **options)


@pytest.mark.parametrize(
    ("counted", "message"),
    [
        ((5, 4), "scenario 'refund': successes must be at most n, the trials that were counted; got 5 of 4"),
        ((-1, 4), "scenario 'refund': successes must be a whole number of at least 0; got -1"),
        ((1, 1.5), "scenario 'refund': n must be a whole number of at least 0; got 1.5"),
    ],
)
def test_refusals_of_counts_name_the_scenario(counted, message):
    with pytest.raises(ValueError, match=message):
        pass_rate({"ok": (1, 4), "refund": counted})


outcomes_of_suites = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3),
    st.integers(0, 12).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    max_size=12,
)


@given(outcomes_of_suites, st.sampled_from([0.5, 0.8, 0.95, 0.999]))
def test_a_rate_has_an_interval_with_width_around_it_or_nothing_at_all(outcomes, confidence):
    found = pass_rate(outcomes, confidence=confidence)
    trials = sum(n for _, n in outcomes.values())
    assert (found.counted, found.clusters) == (trials, sum(n > 0 for _, n in outcomes.values()))
    if not trials:
        assert (found.estimate, found.low, found.high) == (None, None, None)
    else:
        assert found.estimate == sum(successes for successes, _ in outcomes.values()) / trials
        assert 0 <= found.low <= found.estimate <= found.high <= 1
        assert found.high - found.low > 1e-3


@given(outcomes_of_suites)
def test_order_does_not_matter_and_failures_mirror_successes(outcomes):
    found = pass_rate(outcomes)
    assert pass_rate(dict(reversed(outcomes.items()))) == found
    mirrored = pass_rate({name: (n - successes, n) for name, (successes, n) in outcomes.items()})
    if found.estimate is not None:
        assert (found.low, found.high) == pytest.approx((1 - mirrored.high, 1 - mirrored.low), abs=1e-9)


@given(outcomes_of_suites)
def test_a_higher_level_is_wider(outcomes):
    narrow, wide = pass_rate(outcomes, confidence=0.9), pass_rate(outcomes, confidence=0.99)
    if narrow.estimate is not None:
        assert wide.low <= narrow.low + 1e-12
        assert wide.high >= narrow.high - 1e-12


def covered(scenarios, trials, draws, seed):
    """Share of simulated suites whose interval holds the true rate of 0.5: clustered, Miller's, and naive Wilson."""
    generator = np.random.default_rng(seed)
    rates = generator.beta(2, 2, size=(draws, scenarios))
    passed = generator.binomial(trials, rates)
    hits = np.zeros(3)
    for row in passed:
        ours = pass_rate({str(index): (int(count), trials) for index, count in enumerate(row)})
        naive = wilson(int(row.sum()), scenarios * trials)
        error = np.std(row / trials) / math.sqrt(scenarios)
        hits += [
            ours.low <= 0.5 <= ours.high,
            abs(ours.estimate - 0.5) <= 1.96 * error,
            naive.low <= 0.5 <= naive.high,
        ]
    return hits / draws


def test_simulated_coverage_is_nominal_where_the_naive_interval_falls_short():
    clustered, millers, naive = covered(scenarios=30, trials=4, draws=2000, seed=1)
    assert 0.94 <= clustered <= 0.965  # 0.95 within three standard errors of a simulation of this size
    assert clustered > millers
    assert naive < 0.89


def test_simulated_coverage_holds_with_few_scenarios():
    clustered, millers, naive = covered(scenarios=5, trials=10, draws=1500, seed=2)
    assert clustered >= 0.93
    assert millers < 0.88
    assert naive < 0.76
