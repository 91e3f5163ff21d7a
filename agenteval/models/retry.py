"""One outcome of an HTTP attempt in; whether to try again, and after how long, out. Pure: time and chance come in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime

from agenteval.models.refusals import body_says_too_long

_DOUBLINGS = 30  # beyond it every cap is long reached, and powers of two only grow


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP answer, whole or cut at the allowed size. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    cut: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether the status says so."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """No HTTP answer came. `what` says why in a clause; `advice` says what to do."""

    what: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait before trying again.

    Attributes:
        base_seconds: Widest wait before the first retry; it doubles with each.
        cap_seconds: Widest wait that doubling reaches.
        max_asked_seconds: The longest wait that an endpoint may ask for; longer wishes are cut to it.

    References:
        Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015): full jitter.
    """

    base_seconds: float = 0.5
    cap_seconds: float = 30.0
    max_asked_seconds: float = 60.0

    def delay(self, attempt: int, asked: float | None, draw: float) -> float:
        """Seconds to wait: what the endpoint asked for, within bounds, plus full jitter.

        Jitter goes on top of what was asked, so that clients that were all told the same do not come back together.

        Args:
            attempt: Attempts that failed before this one, from 0.
            asked: Seconds that the endpoint asked for; None where it did not.
            draw: A random number in [0, 1).
        """
        window = min(self.cap_seconds, self.base_seconds * 2.0 ** min(attempt, _DOUBLINGS))
        return min(asked or 0.0, self.max_asked_seconds) + draw * window


def worth_retrying(outcome: Reply | Unreachable) -> bool:
    """Whether the same request may fare better: no answer, 408, 409, 429 or 5xx, unless the endpoint says no."""
    if isinstance(outcome, Unreachable):
        return True
    if outcome.headers.get("x-should-retry", "").strip().lower() == "false":
        return False
    # a conversation that is too long stays too long; some servers call that their own fault
    return (outcome.status in {408, 409, 429} or outcome.status >= 500) and not body_says_too_long(outcome.body)


def asked_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that an endpoint asks to wait, from `retry-after-ms` or `retry-after`; None where it does not.

    Args:
        headers: Headers with names in lower case.
        now: Seconds since the epoch, against which an HTTP date is read.

    References:
        RFC 9110, section 10.2.3. What is neither a number nor a date, and what lies in the past, is ignored.
    """
    milliseconds = _positive(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    written = headers.get("retry-after", "")
    seconds = _positive(written)
    return _until(written, now) if seconds is None else seconds


def _positive(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def _until(date: str, now: float) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None
    return seconds if seconds > 0 else None
