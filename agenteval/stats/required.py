"""Counts and a required rate in, whether the rate is met out; and how much more would tell where that is open."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from agenteval.core.outcome import Interval
from agenteval.stats._ends import Counts, Ends, alike_ends, counted_only, student, wilson_ends
from agenteval.stats.clustered import pass_rate, robust_error

Verdict: TypeAlias = Literal["met", "not_met", "inconclusive"]

MOST = 10_000
"""No more trials or scenarios than this are ever asked for."""

_ALL = (0.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """Whether a required rate is met.

    Attributes:
        required: The rate that is required.
        verdict: `met` where the interval lies at or above it, `not_met` where it lies below, else `inconclusive`.
        interval: The rate that was observed.
        unit: What more of would tell: `trials` of the one scenario, or further `scenarios`.
        tells_at: How many units in all would tell, if the observed rates stay; None unless the verdict is inconclusive
            and a number up to `MOST` tells.
        why_not: Why no number tells; empty where one does, or where none is needed.
    """

    required: float
    verdict: Verdict
    interval: Interval
    unit: Literal["trials", "scenarios"]
    tells_at: int | None = None
    why_not: str = ""


def requirement(outcomes: Counts, required: float, *, confidence: float = 0.95, left_out: int = 0) -> Requirement:
    """Whether an agent passes as often as required, asked of the interval of `pass_rate` and not of its estimate.

    Where the interval holds the required rate, `tells_at` is the smallest number of units at which it would not, were
    the observed rates the true ones. It is a plan and not a promise: the next trials will pass more often or less.
    For one scenario the units are its trials (Wilson). For several they are scenarios with the same mean, the same
    spread and as many trials each: the standard error shrinks with the root of their number, and Student's t gains
    their degrees of freedom. More trials of the same scenarios are no such unit, since they narrow the interval only
    as far as the scenarios agree.

    Args:
        outcomes: Scenario id to (successes, counted trials); a scenario with no counted trial is passed over.
        required: The rate, from 0 to 1.
        confidence: Level of the interval.
        left_out: How many trials were not counted; carried along.

    Raises:
        ValueError: A rate outside [0, 1], a level outside (0, 1), or counts that no trials could have given.

    >>> found = requirement({"refund": (5, 6)}, 0.75)
    >>> found.verdict, found.tells_at
    ('inconclusive', 104)
    """
    if not isinstance(required, (int, float)) or not 0 <= required <= 1:
        raise ValueError(f"the required rate must lie between 0 and 1, such as 0.9; got {required!r}")
    interval = pass_rate(outcomes, confidence=confidence, left_out=left_out)
    one = interval.clusters is not None and interval.clusters <= 1
    verdict = _verdict(interval.low, interval.high, required)
    tells_at, why_not = _more(outcomes, interval, required) if verdict == "inconclusive" else (None, "")
    return Requirement(
        required=required,
        verdict=verdict,
        interval=interval,
        unit="trials" if one else "scenarios",
        tells_at=tells_at,
        why_not=why_not,
    )


def _verdict(low: float | None, high: float | None, required: float) -> Verdict:
    if low is None or high is None or low < required <= high:
        return "inconclusive"
    return "met" if low >= required else "not_met"


def _more(outcomes: Counts, interval: Interval, required: float) -> tuple[int | None, str]:
    """How many units in all would tell, or why no number does."""
    if interval.estimate is None or interval.clusters is None:
        return None, "nothing was counted"
    if interval.estimate == required:
        if required == 1:
            return None, "no number of trials shows a rate of 1, since the next one may fail"
        return None, "the observed rate is the required one, which no number of trials can tell apart"
    now = interval.counted if interval.clusters == 1 else interval.clusters
    ends = _ends_at(outcomes, interval)
    found = _first(now + 1, lambda units: _verdict(*ends(units), required) != "inconclusive")
    return found, "" if found is not None else f"more than {MOST:,} would be needed"


def _ends_at(outcomes: Counts, interval: Interval) -> Callable[[int], Ends]:
    """The interval's ends as a function of the number of units, at the observed rates."""
    mean, confidence, clusters = interval.estimate or 0.0, interval.confidence, interval.clusters or 0
    if interval.method == "wilson_one_scenario":
        return lambda trials: wilson_ends(mean, trials, confidence)
    if interval.method == "clopper_pearson_scenarios":
        return lambda scenarios: alike_ends(mean, scenarios, confidence, _ALL)
    counted = [(float(successes), n) for successes, n in counted_only(outcomes).values()]
    error, degrees = robust_error(counted, mean)

    def ends(scenarios: int) -> Ends:
        grown = scenarios / clusters
        half = student(confidence, (degrees + 1) * grown - 1) * error / math.sqrt(grown)
        return max(0.0, mean - half), min(1.0, mean + half)

    return ends


def _first(least: int, tells: Callable[[int], bool]) -> int | None:
    """The smallest number from `least` to MOST that tells; whatever is above one that tells does too."""
    high = least
    while not tells(high):
        if high >= MOST:
            return None
        high = min(2 * high, MOST)
    low = least - 1  # does not tell
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if tells(middle) else (middle, high)
    return high
