"""Successes among repeated trials in, pass@k and pass^k out: can it ever do it, and does it always?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from agenteval.core.outcome import Interval
from agenteval.stats._ends import (
    Counts,
    Ends,
    check_confidence,
    check_count,
    check_successes,
    counted_only,
    wilson_ends,
)
from agenteval.stats.clustered import clustered_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """pass@k or pass^k over a suite, for each k that every scenario has enough trials for.

    Attributes:
        kind: `at` for pass@k, `hat` for pass^k.
        by_k: k to its mean over scenarios; `counted`, `left_out` and `clusters` are in scenarios.
        limited_by: The scenarios with the fewest counted trials, which is the largest k; sorted.
        left_out: How many scenarios had no counted trial.
    """

    kind: Literal["at", "hat"]
    by_k: Mapping[int, Interval]
    limited_by: tuple[str, ...]
    left_out: int


def pass_at_k(n: int, c: int, k: int) -> float:
    """The probability that at least one of k trials passes: 1 - C(n-c, k) / C(n, k), unbiased.

    Not 1 - (1 - c/n)^k, which is biased. Computed in whole numbers and rounded once.

    Args:
        n: How many trials were counted.
        c: How many of them passed.
        k: How many trials one is allowed, from 1 to n.

    Returns:
        A probability in [0, 1].

    Raises:
        ValueError: k below 1 or above n, or counts that no trials could have given.

    References:
        Chen et al. (2021), Evaluating large language models trained on code, arXiv 2107.03374, equation 1.

    >>> pass_at_k(n=4, c=1, k=2)
    0.5
    """
    _check_k(n, c, k)
    every = math.comb(n, k)
    return (every - math.comb(n - c, k)) / every


def pass_hat_k(n: int, c: int, k: int) -> float:
    """The probability that all of k trials pass: C(c, k) / C(n, k), unbiased.

    Not (c/n)^k, which is biased. Computed in whole numbers and rounded once.

    Args:
        n: How many trials were counted.
        c: How many of them passed.
        k: How many trials must pass, from 1 to n.

    Returns:
        A probability in [0, 1].

    Raises:
        ValueError: k below 1 or above n, or counts that no trials could have given.

    References:
        Yao et al. (2024), tau-bench, arXiv 2406.12045.

    >>> pass_hat_k(n=4, c=3, k=2)
    0.5
    """
    _check_k(n, c, k)
    return math.comb(c, k) / math.comb(n, k)


def over_scenarios(counts: Counts, kind: Literal["at", "hat"], *, confidence: float = 0.95) -> Repeats:
    """pass@k or pass^k as the mean over scenarios, each with its own number of trials, for k from 1 to the smallest.

    Every scenario weighs the same, so that k = 1 differs from `pass_rate` where scenarios have different numbers of
    trials. Each scenario gives one number per k, and the interval is `clustered_mean` of those. A single scenario gets
    the Wilson interval of its rate p, carried through 1 - (1 - p)^k or p^k: it speaks of that scenario only.

    Args:
        counts: Scenario id to (successes, counted trials); one with no counted trial is left out, and counted.
        kind: `at` for pass@k, `hat` for pass^k.
        confidence: Level, between 0 and 1, both excluded.

    Returns:
        The curve; `by_k` is empty where nothing was counted.

    Raises:
        ValueError: An unknown kind, counts that no trials could have given, or a level outside (0, 1).

    References:
        Chen et al. (2021), arXiv 2107.03374; Yao et al. (2024), arXiv 2406.12045.

    >>> found = over_scenarios({"refund": (4, 4), "cancel": (2, 3), "exchange": (0, 0)}, "hat")
    >>> [round(found.by_k[k].estimate, 3) for k in found.by_k], found.limited_by, found.left_out
    ([0.833, 0.667, 0.5], ('cancel',), 1)
    """
    check_confidence(confidence)
    if kind not in _ESTIMATORS:
        raise ValueError(f'kind must be "at" (pass@k) or "hat" (pass^k); got {kind!r}')
    counted = counted_only(counts)
    smallest = min((n for _, n in counted.values()), default=0)
    left_out = len(counts) - len(counted)
    return Repeats(
        kind=kind,
        by_k={k: _mean_at(k, counted, kind, confidence, left_out) for k in range(1, smallest + 1)},
        limited_by=tuple(scenario for scenario, (_, n) in counted.items() if n == smallest),
        left_out=left_out,
    )


_ESTIMATORS: dict[str, Callable[[int, int, int], float]] = {"at": pass_at_k, "hat": pass_hat_k}


def _mean_at(k: int, counted: Counts, kind: str, confidence: float, left_out: int) -> Interval:
    values = {scenario: _ESTIMATORS[kind](n, successes, k) for scenario, (successes, n) in counted.items()}
    if len(values) > 1:
        by_scenario = {scenario: (value,) for scenario, value in values.items()}
        return clustered_mean(by_scenario, confidence=confidence, left_out=left_out)
    ((successes, n),) = counted.values()
    (estimate,) = values.values()
    low, high = _carried_ends(successes / n, n, k, kind, confidence)
    return Interval(
        estimate=estimate,
        # the unbiased estimate can lie outside what the rate's own ends carry: 1 of 3 gives pass^2 = 0
        low=min(low, estimate),
        high=max(high, estimate),
        method="wilson_one_scenario",
        confidence=confidence,
        counted=1,
        left_out=left_out,
        clusters=1,
    )


def _carried_ends(rate: float, n: int, k: int, kind: str, confidence: float) -> Ends:
    low, high = wilson_ends(rate, n, confidence)
    if kind == "hat":
        # a width below what floats can tell from 0 is still width
        return low**k, max(high**k, math.ulp(0.0))
    return min(1 - (1 - low) ** k, math.nextafter(1.0, 0.0)), 1 - (1 - high) ** k


def _check_k(n: int, c: int, k: int) -> None:
    check_successes(c, n)
    check_count("k", k)
    if not 1 <= k <= n:
        raise ValueError(f"k must be from 1 to n, the trials that were counted; got k={k} with n={n}")
