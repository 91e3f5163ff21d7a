"""Two agents' results on the same scenarios in, their difference out: paired, since scenarios differ in difficulty."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from agenteval.core.outcome import Interval
from agenteval.stats._ends import Counts, Ends, check_confidence, counted_only, wilson_ends
from agenteval.stats.clustered import clustered_mean

Test: TypeAlias = Literal["sign_flip_exact", "sign_flip_monte_carlo"]

_ENUMERATED = 20  # up to this many differences, every pattern of signs is tried: half a million sums
_DRAWS = 99_999
_CHUNK = 2**20  # signs drawn at once: a few megabytes
_ROUNDING = 1e-12  # sums of the same differences in another order may differ by this share of their size

_PAIRED = {"clustered_t": "paired_clustered", "clopper_pearson_scenarios": "paired_clopper_pearson"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How agent a did against agent b over the scenarios that both have counted trials of.

    Attributes:
        difference: a's rate less b's, the mean over scenarios, in [-1, 1]; above 0 where a is better. `counted` and
            `clusters` are the scenarios compared; `left_out` those named by either that could not be.
        differences: Scenario id to a's pass rate less b's in it; sorted.
        scenarios: Ids of the scenarios compared; sorted.
        only_in_a: Ids of the scenarios with counted trials of a alone; sorted.
        only_in_b: Ids of the scenarios with counted trials of b alone; sorted.
        p_value: Two-sided, of the hypothesis that a and b are alike; None where fewer than two scenarios were compared.
        p_method: How it was computed; None where it is.
        wins: In how many scenarios a's rate is higher.
        losses: In how many b's is.
        ties: In how many they are equal.
    """

    difference: Interval
    differences: Mapping[str, float]
    scenarios: tuple[str, ...]
    only_in_a: tuple[str, ...]
    only_in_b: tuple[str, ...]
    p_value: float | None
    p_method: Test | None
    wins: int
    losses: int
    ties: int


def paired_difference(a: Counts, b: Counts, *, confidence: float = 0.95, seed: int = 0) -> Comparison:
    """Agent a's pass rate less agent b's over the scenarios that both ran, with an interval and a test.

    Each scenario gives one number, the difference of its two pass rates, and every scenario weighs the same. What makes
    a scenario hard for both agents cancels, so that the interval is narrower than that of two separate rates. Its
    methods:

    - `paired_clustered`: Student's t over the scenarios' differences, clipped to [-1, 1].
    - `paired_clopper_pearson`: every scenario gave the same difference, such as none. The exact bound on the share of
      scenarios that would differ from it, taken as far as a difference can go.
    - `newcombe_one_scenario`: one shared scenario. Newcombe's interval over its trials: it speaks of this one only.
    - `nothing_counted`: no shared scenario. No estimate, no ends.

    The p-value is that of the sign-flip test: were the agents alike, each difference could as well have had the other
    sign (so that with numbers of trials that differ between the agents it is approximate). It is exact up to 20
    differences that are not 0, and estimated from 99,999 draws above, as (hits + 1) / (draws + 1). With m differences
    that are not 0 it cannot fall below 2 / 2^m: five or fewer never reach 0.05.

    Args:
        a: Scenario id to (successes, counted trials) of the first agent.
        b: The same of the second.
        confidence: Level, between 0 and 1, both excluded.
        seed: Of the draws; equal seeds and counts give equal p-values. Not used where the test is exact.

    Returns:
        The comparison, from a's side: exchanging a and b changes its sign and nothing else.

    Raises:
        ValueError: A negative or broken count, more successes than trials, or a level outside (0, 1).

    References:
        Miller (2024), Adding error bars to evals, arXiv 2411.00640: paired differences.
        Newcombe (1998), Interval estimation for the difference between independent proportions, Statistics in
        Medicine 17, method 10.
        Phipson and Smyth (2010), Permutation p-values should never be zero: (hits + 1) / (draws + 1).

    >>> found = paired_difference({"refund": (4, 4), "cancel": (2, 4)}, {"refund": (3, 4), "cancel": (0, 4)})
    >>> found.difference.estimate, found.wins, found.p_value
    (0.375, 2, 0.5)
    """
    check_confidence(confidence)
    counted_a, counted_b = counted_only(a), counted_only(b)
    shared = [scenario for scenario in counted_a if scenario in counted_b]
    differences = {scenario: _rate(counted_a[scenario]) - _rate(counted_b[scenario]) for scenario in shared}
    p_value, p_method = _sign_flip(list(differences.values()), seed) if len(shared) > 1 else (None, None)
    left_out = len(a.keys() | b.keys()) - len(shared)
    return Comparison(
        difference=_interval(counted_a, counted_b, differences, confidence, left_out),
        differences=differences,
        scenarios=tuple(shared),
        only_in_a=tuple(scenario for scenario in counted_a if scenario not in counted_b),
        only_in_b=tuple(scenario for scenario in counted_b if scenario not in counted_a),
        p_value=p_value,
        p_method=p_method,
        wins=sum(value > 0 for value in differences.values()),
        losses=sum(value < 0 for value in differences.values()),
        ties=sum(value == 0 for value in differences.values()),
    )


def _rate(counted: tuple[int, int]) -> float:
    # equal fractions give equal floats, so that 1 of 3 and 2 of 6 tie
    return float(counted[0] / counted[1])


def _interval(a: Counts, b: Counts, differences: Mapping[str, float], confidence: float, left_out: int) -> Interval:
    by_scenario = {scenario: (value,) for scenario, value in differences.items()}
    found = clustered_mean(by_scenario, confidence=confidence, left_out=left_out, bounds=(-1.0, 1.0))
    if len(differences) == 1:
        (scenario,) = differences
        low, high = _newcombe_ends(a[scenario], b[scenario], confidence)
        return replace(found, low=low, high=high, method="newcombe_one_scenario")
    return replace(found, method=_PAIRED.get(found.method, found.method))


def _newcombe_ends(a: tuple[int, int], b: tuple[int, int], confidence: float) -> Ends:
    rate_a, rate_b = _rate(a), _rate(b)
    low_a, high_a = wilson_ends(rate_a, a[1], confidence)
    low_b, high_b = wilson_ends(rate_b, b[1], confidence)
    difference = rate_a - rate_b
    return (
        max(-1.0, difference - math.hypot(rate_a - low_a, high_b - rate_b)),
        min(1.0, difference + math.hypot(high_a - rate_a, rate_b - low_b)),
    )


def _sign_flip(differences: Sequence[float], seed: int) -> tuple[float, Test]:
    """Two-sided p-value of the sum of the differences under random signs. A difference of 0 has no sign to flip."""
    nonzero = [value for value in differences if value]
    # as far out as what was observed, but for rounding: the observed pattern itself must always count
    far = abs(math.fsum(nonzero)) - _ROUNDING * math.fsum(map(abs, nonzero))
    if len(nonzero) <= _ENUMERATED:
        return _enumerated(nonzero, far), "sign_flip_exact"
    return _drawn(nonzero, far, seed), "sign_flip_monte_carlo"


def _enumerated(nonzero: Sequence[float], far: float) -> float:
    import numpy as np  # noqa: PLC0415 (paid by those who compare)

    sums = np.array(nonzero[:1] or [0.0])  # the first sign stays: flipping all of them changes no distance
    for value in nonzero[1:]:
        sums = np.concatenate((sums + value, sums - value))
    return float(np.mean(np.abs(sums) >= far))


def _drawn(nonzero: Sequence[float], far: float, seed: int) -> float:
    import numpy as np  # noqa: PLC0415 (paid by those who compare)

    generator, values = np.random.default_rng(seed), np.array(nonzero)
    hits, left, rows = 0, _DRAWS, max(1, _CHUNK // len(nonzero))
    while left:
        flips = generator.integers(0, 2, size=(min(rows, left), len(nonzero)), dtype=np.int8)
        # flipping a sign takes twice its value away from the sum
        sums = values.sum() - 2 * (flips @ values)
        hits += int(np.count_nonzero(np.abs(sums) >= far))
        left -= len(flips)
    return (hits + 1) / (_DRAWS + 1)
