"""A check in code: amounts, days, card endings and carriers that are told stand in what was read, or follow from it.

`{"./figures.py:Figures": {}}` in a scenario. Also what `checking.py` reads texts and records with.
"""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agenteval import Finding, Message, Scenario, Trajectory
from agenteval.core.trajectory import ToolCall

_MONTHS = tuple(name.casefold() for name in calendar.month_name[1:])
_MONTH = "|".join(
    "(?-i:May)" if name == "may" else f"{name[:3]}(?:{name[3:]})?" for name in _MONTHS
)  # it may be no month
_DAYS = (
    re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month>{_MONTH})\b", re.IGNORECASE),
    re.compile(rf"\b(?P<month>{_MONTH})[.]? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?![:.]\d)", re.IGNORECASE),
    re.compile(r"\b\d{4}-(?P<month>\d\d)-(?P<day>\d\d)(?!\d)"),
)
_AMOUNT = re.compile(
    r"(?<![\d.,])(\d{1,3}(?:,\d{3})+|\d+)([.]\d\d)(?!\d|[.]\d| ?%)|£ ?(\d+)(?![\d.,]*\d)|\b(\d+) pounds"
)
_ENDING = re.compile(r"(?:ending(?: in| with)?|\*{2,4}) ?(\d{4})\b")
_LASTING = re.compile(r"\b(\d+) days\b")
MONEY = frozenset({"price", "paid", "shipping", "refunded", "amount", "balance", "value", "difference"})
_WINDOW, _BANK = 30, 7  # days: for returns, and what five working days come to
_MOST_ITEMS, _MOST_PIECES = 6, 9

Day = tuple[int, int]  # month and day


def amounts(text: str) -> list[tuple[str, float]]:
    """Sums of money in a text, as they stand and as numbers."""
    return [
        (match[0], float(f"{match[1]}{match[2]}".replace(",", "") if match[1] else match[3] or match[4]))
        for match in _AMOUNT.finditer(text)
    ]


def days(text: str) -> list[tuple[str, Day]]:
    """Days of the year in a text, as they stand and as month and day."""
    return [(match[0], (_month(match["month"]), int(match["day"]))) for each in _DAYS for match in each.finditer(text)]


def _month(name: str) -> int:
    if name.isdigit():
        return int(name)
    return next(number for number, month in enumerate(_MONTHS, 1) if month.startswith(name[:3].casefold()))


def leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar in a JSON value, with the nearest key above it."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from leaves(inner, str(name))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from leaves(inner, key)
    else:
        yield key, value


def is_number(value: object) -> bool:
    """Whether a JSON value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def finding(bad: Sequence[tuple[str, str]], said: str, held: str, trajectory: Trajectory) -> list[Finding]:
    """A fail with its steps; unknown where what is missing from the record may hold the reason."""
    if not bad:
        return [Finding(check="", verdict="pass", reason_code="held", reason=held)]
    reason = f"{said}: {'; '.join(what for what, _ in bad[:5])}"
    steps = tuple(dict.fromkeys(step for _, step in bad))
    if not trajectory.integrity.complete:
        return [Finding(check="", verdict="unknown", reason_code="gap", reason=f"{reason}, but there is a gap")]
    return [Finding(check="", verdict="fail", reason_code="mismatch", reason=reason, steps=steps)]


class Figures:
    """What is told in figures stands in what was read before, or follows from it.

    A sum may be told that the user named, a tool answered or the policy has; the sum or difference of two such, as of
    price and shipping; or what some pieces of an order come to. A day may be told that was read, one that is 30 days
    after it, which is the last one for returns, one that is five working days after it; yesterday and tomorrow. The
    digits that a card ends with are those that were read. A number of days is one that the policy has, or the time from
    a day to today or to the last day for returns. A carrier is one that was read of. Other counts and names are not
    looked at.
    """

    def __init__(self, argument: Any) -> None:
        del argument

    def check(self, trajectory: Trajectory, scenario: Scenario | None) -> list[Finding]:
        """Look at what the agent says."""
        known = _Known("" if scenario is None else scenario.instructions or "", _carriers(trajectory.start))
        bad: list[tuple[str, str]] = []
        for step in trajectory.steps:
            content = step.content
            if isinstance(content, ToolCall):
                known.read(content.result)
            elif isinstance(content, Message) and content.role == "user":
                known.hear(content.text)
            elif isinstance(content, Message) and content.role == "assistant":
                bad += [(figure, step.id) for figure in known.strange(content.text)]
        return finding(bad, "told, and not known", "every figure that was told is known", trajectory)


def _carriers(state: Any) -> frozenset[str]:
    """The names of all carriers in a state."""
    orders = state["orders"].values() if isinstance(state, Mapping) else ()
    return frozenset(order["shipment"]["carrier"] for order in orders if order["shipment"])


class _Known:
    """The figures that an agent has read or heard."""

    def __init__(self, policy: str, carriers: frozenset[str]) -> None:
        self._carriers = carriers
        self._sums: set[float] = set()
        self._money: set[float] = set()
        self._goods: set[int] = set()
        self._days: set[Day] = set()
        self._text = ""
        self.hear(policy)
        self._today = next((day for _, day in days(policy)), None)
        if self._today is not None:
            self._days |= {_later(self._today, by) for by in (-1, 1, _BANK)}

    def hear(self, text: str) -> None:
        """Take in a text."""
        self._text += f" {text}"
        self._sums |= {value for _, value in amounts(text)}
        for _, day in days(text):
            self._days |= {day, _later(day, _WINDOW), _later(day, _BANK)}

    def read(self, answer: Any) -> None:
        """Take in what a tool answered."""
        self.hear(json.dumps(answer, ensure_ascii=False, default=str))
        if isinstance(answer, Mapping) and isinstance(answer.get("items"), Sequence):
            self._goods |= _together(answer["items"])
        for key, value in leaves(answer):
            if is_number(value):
                self._sums.add(float(value))
                if key in MONEY:
                    self._money.add(float(value))

    def strange(self, text: str) -> list[str]:
        """The figures of a text that are neither known nor follow from what is."""
        following = self._following()
        strange = [said for said, value in amounts(text) if round(value * 100) not in following]
        strange += [said for said, day in days(text) if day not in self._days]
        strange += [match[0] for match in _ENDING.finditer(text) if match[1] not in self._text]
        strange += [match[0] for match in _LASTING.finditer(text) if not self._lasts(int(match[1]))]
        return strange + [name for name in self._carriers if name in text and name not in self._text]

    def _lasts(self, count: int) -> bool:
        """Whether a number of days is known, or lies between today and a day that is."""
        if re.search(rf"\b{count} (?:\w+ )?days?\b", self._text) or self._today is None:
            return True
        return any(_later(self._today, sign * count) in self._days for sign in (-1, 1))

    def _following(self) -> set[int]:
        """In pence, so that sums are exact."""
        money = {round(value * 100) for value in self._money} | self._goods
        pairs = {abs(one + sign * other) for one, other in itertools.product(money, repeat=2) for sign in (-1, 1)}
        return {round(value * 100) for value in self._sums} | money | pairs


def _together(items: Sequence[Any]) -> set[int]:
    """What some pieces of the items of an order come to, in pence."""
    priced = [item for item in items if isinstance(item, Mapping) and is_number(item.get("price"))]
    found = {0}
    for item in priced[:_MOST_ITEMS]:
        price, pieces = round(item["price"] * 100), min(int(item.get("quantity", 1)), _MOST_PIECES)
        found = {sum_ + price * count for sum_ in found for count in range(pieces + 1)}
    return found


def _later(day: Day, by: int) -> Day:
    try:
        moved = dt.date(2025, *day) + dt.timedelta(days=by)
    except ValueError:  # no such day in this year
        return day
    return moved.month, moved.day
