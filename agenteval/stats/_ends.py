"""Shares, sizes and levels in, bare ends of intervals out; wrong ones are refused here, for the whole package."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral
from typing import Any, TypeAlias

Counts: TypeAlias = Mapping[str, tuple[int, int]]
"""Scenario id to (successes, counted trials)."""

Ends: TypeAlias = tuple[float, float]


def check_confidence(confidence: float) -> None:
    """Refuses what is not a level strictly between 0 and 1; raises ValueError."""
    if not isinstance(confidence, (int, float)) or not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, both excluded, such as 0.95; got {confidence!r}")


def check_count(name: str, value: int) -> None:
    """Refuses what is not a whole number of at least 0; raises ValueError."""
    if not isinstance(value, Integral) or value < 0:
        raise ValueError(f"{name} must be a whole number of at least 0; got {value!r}")


def check_successes(successes: int, n: int, *, of: str = "") -> None:
    """Refuses counts that no trials could have given; `of` names the scenario in the message. Raises ValueError."""
    where = f"{of}: " if of else ""
    check_count(f"{where}n", n)
    check_count(f"{where}successes", successes)
    if successes > n:
        raise ValueError(f"{where}successes must be at most n, the trials that were counted; got {successes} of {n}")


def counted_only(counts: Counts) -> dict[str, tuple[int, int]]:
    """The scenarios with at least one counted trial, by id in sorted order; raises ValueError as `check_successes`."""
    for scenario, (successes, n) in counts.items():
        check_successes(successes, n, of=f"scenario {scenario!r}")
    return {scenario: counts[scenario] for scenario in sorted(counts) if counts[scenario][1]}


def student(confidence: float, degrees: float) -> float:
    """Two-sided quantile of Student's t: what half a width is in standard errors."""
    # from the lower tail: 1 - tail would round to 1 at extreme levels
    return -float(_special().stdtrit(degrees, (1 - confidence) / 2))


def wilson_ends(share: float, n: int, confidence: float) -> Ends:
    """Ends of the Wilson score interval of a share of `n` units, `n` at least 1."""
    z = -float(_special().ndtri((1 - confidence) / 2))
    spread = z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    # rounding must not put the share outside: at 0 and 1 it is an end itself
    return min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half))


def clopper_pearson_ends(successes: int, n: int, confidence: float) -> Ends:
    """Ends of the exact binomial interval, as quantiles of beta distributions, `n` at least 1."""
    tail = (1 - confidence) / 2
    low = float(_special().betaincinv(successes, n - successes + 1, tail)) if successes else 0.0
    high = float(_special().betainccinv(successes + 1, n - successes, tail)) if successes < n else 1.0
    return low, high


def alike_ends(mean: float, clusters: int, confidence: float, bounds: Ends) -> Ends:
    """Ends for a mean in `bounds` where each of the clusters gave exactly that mean.

    0 of `clusters` differed, so at most a share u would (the upper Clopper-Pearson end), and those could lie anywhere
    within the bounds. At a mean of 0 or 1 of [0, 1] these are the Clopper-Pearson ends over clusters.
    """
    share = clopper_pearson_ends(0, clusters, confidence)[1]
    return mean - share * (mean - bounds[0]), mean + share * (bounds[1] - mean)


def _special() -> Any:
    import scipy.special  # noqa: PLC0415 (a third of a second, paid by the first interval)

    return scipy.special
