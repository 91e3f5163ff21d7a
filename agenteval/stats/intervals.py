"""Successes and trials in, one Interval out: Wilson and Clopper-Pearson, for trials that are independent."""

from __future__ import annotations

from collections.abc import Callable

from agenteval.core.outcome import Interval
from agenteval.stats._ends import (
    Ends,
    check_confidence,
    check_count,
    check_successes,
    clopper_pearson_ends,
    wilson_ends,
)


def wilson(successes: int, n: int, *, confidence: float = 0.95, left_out: int = 0) -> Interval:
    """The Wilson score interval of a rate over independent trials, such as the repeats of one scenario.

    Its coverage averages the stated level, and it has width at 0 and at n successes. It takes trials as independent:
    over several scenarios use `pass_rate`, which does not.

    Args:
        successes: How many trials passed.
        n: How many trials were counted; 0 gives no estimate and no ends.
        confidence: Level, between 0 and 1, both excluded.
        left_out: How many trials were not counted; carried along.

    Returns:
        The rate in [0, 1] with its ends; method `wilson`.

    Raises:
        ValueError: A negative or broken count, more successes than trials, or a level outside (0, 1).

    References:
        Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22.
        Newcombe (1998), Two-sided confidence intervals for the single proportion, Statistics in Medicine 17, method 3.

    >>> found = wilson(81, 263)
    >>> round(found.low, 4), round(found.high, 4)
    (0.2553, 0.3662)
    """
    return _binomial("wilson", successes, n, confidence, left_out)


def clopper_pearson(successes: int, n: int, *, confidence: float = 0.95, left_out: int = 0) -> Interval:
    """The exact binomial interval of a rate over independent trials: covers at least the stated level, and is wider.

    Args:
        successes: How many trials passed.
        n: How many trials were counted; 0 gives no estimate and no ends.
        confidence: Level, between 0 and 1, both excluded.
        left_out: How many trials were not counted; carried along.

    Returns:
        The rate in [0, 1] with its ends; method `clopper_pearson`.

    Raises:
        ValueError: A negative or broken count, more successes than trials, or a level outside (0, 1).

    References:
        Clopper and Pearson (1934), The use of confidence or fiducial limits illustrated in the case of the binomial,
        Biometrika 26.

    >>> found = clopper_pearson(0, 20)
    >>> found.low, round(found.high, 4)
    (0.0, 0.1684)
    """
    return _binomial("clopper_pearson", successes, n, confidence, left_out)


_ENDS: dict[str, Callable[[int, int, float], Ends]] = {
    "wilson": lambda successes, n, confidence: wilson_ends(successes / n, n, confidence),
    "clopper_pearson": clopper_pearson_ends,
}


def _binomial(method: str, successes: int, n: int, confidence: float, left_out: int) -> Interval:
    check_confidence(confidence)
    check_successes(successes, n)
    check_count("left_out", left_out)
    low, high = _ENDS[method](successes, n, confidence) if n else (None, None)
    return Interval(
        estimate=successes / n if n else None,
        low=low,
        high=high,
        method=method,
        confidence=confidence,
        counted=n,
        left_out=left_out,
    )
