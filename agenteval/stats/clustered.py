"""Results by scenario in, one Interval out: the trials of a scenario resemble each other, and the interval knows it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from numbers import Real

from agenteval.core.outcome import Interval
from agenteval.stats._ends import (
    Counts,
    Ends,
    alike_ends,
    check_confidence,
    check_count,
    counted_only,
    student,
    wilson_ends,
)

_LARGEST = 1e100  # squares of larger values overflow
_ROUNDING = 1e-12  # a relative standard error below this is rounding, not variance


def pass_rate(outcomes: Counts, *, confidence: float = 0.95, left_out: int = 0) -> Interval:
    """The pass rate of an agent over the scenarios of a suite: the headline figure of a report.

    The estimate is the mean over all counted trials, so a scenario weighs as many trials as were counted in it (where
    all have the same number this is also the mean over scenarios). See `clustered_mean` for which interval is chosen.

    Args:
        outcomes: Scenario id to (successes, counted trials); a scenario with no counted trial is passed over.
        confidence: Level, between 0 and 1, both excluded.
        left_out: How many trials were not counted; carried along.

    Returns:
        The rate in [0, 1]; `counted` in trials, `clusters` in scenarios.

    Raises:
        ValueError: A negative or broken count, more successes than trials, or a level outside (0, 1).

    References:
        Miller (2024), Adding error bars to evals, arXiv 2411.00640.

    >>> found = pass_rate({"refund": (4, 4), "cancel": (1, 4), "exchange": (3, 4)})
    >>> round(found.estimate, 3), found.method, found.counted, found.clusters
    (0.667, 'clustered_t', 12, 3)
    >>> pass_rate({"refund": (4, 4), "cancel": (4, 4), "exchange": (4, 4)}).method
    'clopper_pearson_scenarios'
    """
    check_confidence(confidence)
    check_count("left_out", left_out)
    clusters = [(float(successes), n) for successes, n in counted_only(outcomes).values()]
    return _mean_of(clusters, confidence=confidence, left_out=left_out, bounds=(0.0, 1.0))


def clustered_mean(
    values_by_cluster: Mapping[str, Sequence[float]],
    *,
    confidence: float = 0.95,
    left_out: int = 0,
    bounds: Ends | None = (0.0, 1.0),
) -> Interval:
    """The mean of values that fall into clusters (scenarios), with a cluster-robust interval.

    The estimate is the mean over all values, as in Miller (2024). His standard error is the sandwich estimator without
    a small-sample correction (CR0), with 1.96 for 95 %; with few scenarios both make the interval too narrow. Here the
    error is CR2, which divides each cluster's squared sum of residuals by one minus its share of the values, and the
    quantile is Student's t with Satterthwaite's degrees of freedom. With G equal clusters that is CR0's variance times
    G/(G-1), and G-1 degrees of freedom; with many it approaches Miller's. Ends are clipped to the bounds.

    The methods, in the order in which they are tried:

    - `nothing_counted`: no value at all. No estimate, no ends.
    - `wilson_one_scenario`: one cluster. Wilson over its values: it speaks of this scenario only.
    - `clopper_pearson_scenarios`: every cluster has the same mean, so that the clustered error is zero. The exact bound
      on the share of clusters that would differ; where all or none pass, this is Clopper-Pearson over scenarios. It can
      be wider than what a single failing trial would leave, since it leaves open any rate for scenarios not yet seen.
    - `clustered_t`: everything else.
    - `undetermined`: in place of the second and third where there are no bounds. No ends.

    Args:
        values_by_cluster: Cluster (scenario id) to its values, one a trial; an empty cluster is passed over.
        confidence: Level, between 0 and 1, both excluded.
        left_out: How many values were not counted; carried along.
        bounds: Lowest and highest possible value; None where there is none, as for seconds or tokens.

    Returns:
        The mean in the values' own unit; `counted` in values, `clusters` in clusters with a value.

    Raises:
        ValueError: A value that is not a number or lies outside the bounds, or a level outside (0, 1).

    References:
        Miller (2024), Adding error bars to evals, arXiv 2411.00640.
        Bell and McCaffrey (2002), Bias reduction in standard errors for linear regression with multi-stage samples.
        Pustejovsky and Tipton (2018), Small-sample methods for cluster-robust variance estimation, JBES 36.

    >>> found = clustered_mean({"a": [0.75, 0.5], "b": [0.5, 0.25], "c": [0.5, 0.5]})
    >>> found.estimate, round(found.low, 3), round(found.high, 3)
    (0.5, 0.189, 0.811)
    """
    check_confidence(confidence)
    check_count("left_out", left_out)
    _check_values(values_by_cluster, bounds)
    clusters = [(math.fsum(values), len(values)) for _, values in sorted(values_by_cluster.items()) if len(values)]
    return _mean_of(clusters, confidence=confidence, left_out=left_out, bounds=bounds)


def _check_values(values_by_cluster: Mapping[str, Sequence[float]], bounds: Ends | None) -> None:
    lowest, highest = bounds or (-_LARGEST, _LARGEST)
    if not -_LARGEST <= lowest < highest <= _LARGEST:
        raise ValueError(f"bounds must be two numbers, the lower one first, or None; got {bounds!r}")
    for cluster, values in values_by_cluster.items():
        for value in values:
            # NaN is refused too: it compares as false
            if not isinstance(value, Real) or not lowest <= value <= highest:
                advice = "" if bounds is None else "; pass bounds=None if values have no bounds"
                raise ValueError(
                    f"cluster {cluster!r}: values must lie within [{lowest:g}, {highest:g}]; got {value!r}{advice}"
                )


def _mean_of(
    clusters: Sequence[tuple[float, int]], *, confidence: float, left_out: int, bounds: Ends | None
) -> Interval:
    n = sum(size for _, size in clusters)
    mean, low, high, method = None, None, None, "nothing_counted"
    if n:
        mean = _clip(math.fsum(total for total, _ in clusters) / n, bounds)
        method, ends = _ends(clusters, mean, confidence, bounds)
        low, high = ends or (None, None)
    return Interval(
        estimate=mean,
        low=low,
        high=high,
        method=method,
        confidence=confidence,
        counted=n,
        left_out=left_out,
        clusters=len(clusters),
    )


def _ends(
    clusters: Sequence[tuple[float, int]], mean: float, confidence: float, bounds: Ends | None
) -> tuple[str, Ends | None]:
    if len(clusters) == 1:
        if bounds is None:
            return "undetermined", None
        return "wilson_one_scenario", _scaled_wilson(mean, clusters[0][1], confidence, bounds)
    error, degrees = robust_error(clusters, mean)
    size = sum(n for _, n in clusters)
    if error <= _ROUNDING * math.fsum(abs(total) for total, _ in clusters) / size:
        if bounds is None:
            return "undetermined", None
        return "clopper_pearson_scenarios", alike_ends(mean, len(clusters), confidence, bounds)
    half = student(confidence, degrees) * error
    return "clustered_t", (_clip(mean - half, bounds), _clip(mean + half, bounds))


def robust_error(clusters: Sequence[tuple[float, int]], mean: float) -> tuple[float, float]:
    """CR2 standard error of the mean over all values, and Satterthwaite's degrees of freedom; two clusters or more.

    The general matrices reduce to closed forms for a mean: with w = a cluster's share of the n values, the adjustment
    (I - H)^(-1/2) multiplies its summed residual by (1 - w)^(-1/2), and the Gram matrix of the quadratic form has
    w / n on its diagonal and -a_i^(1/2) a_j^(1/2) / n off it, where a = w^2 / (1 - w).
    """
    n = sum(size for _, size in clusters)
    squares = [(total - size * mean) ** 2 * n / (n - size) for total, size in clusters]
    a = [(size / n) ** 2 * n / (n - size) for _, size in clusters]
    # summed pair by pair: the difference of squares that it equals cancels where one cluster holds nearly all values
    pairs = math.fsum(this * before for this, before in zip(a, accumulate(a, initial=0.0), strict=False))
    return math.sqrt(math.fsum(squares)) / n, 1 / (math.fsum((size / n) ** 2 for _, size in clusters) + 2 * pairs)


def _scaled_wilson(mean: float, n: int, confidence: float, bounds: Ends) -> Ends:
    """Wilson on any bounded mean: no value in [0, 1] varies more than a coin of the same mean."""
    lowest, span = bounds[0], bounds[1] - bounds[0]
    low, high = wilson_ends((mean - lowest) / span, n, confidence)
    return min(mean, lowest + low * span), max(mean, lowest + high * span)


def _clip(value: float, bounds: Ends | None) -> float:
    return value if bounds is None else min(max(value, bounds[0]), bounds[1])
