"""A check in code: days, times, sums, large numbers and people that are told or written stand in what was read.

`{"./figures.py:Figures": {}}` in a scenario.
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

MONTHS = tuple(name.casefold() for name in calendar.month_name[1:])
_MONTH = "|".join(
    "(?-i:May)" if name == "may" else f"{name[:3]}(?:{name[3:]})?" for name in MONTHS
)  # it may be no month
_WEEKDAYS = tuple(name.casefold() for name in calendar.day_name)
_WEEKDAY = "|".join(_WEEKDAYS)
_RANGE = r"(?:(?P<first>\d{1,2})(?:st|nd|rd|th)? ?(?:to|until|and|-|\u2013) ?)?"
_LAST = r"(?: ?(?:to|until|and|-|\u2013) ?(?P<last>\d{1,2})(?![\d:.]))?"
_IN_FRONT = rf"(?:\b(?P<weekday>{_WEEKDAY}),? (?:the )?)?\b"
_DAYS = (
    re.compile(
        rf"{_IN_FRONT}{_RANGE}(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month>{_MONTH})\b",
        re.IGNORECASE,
    ),
    re.compile(
        rf"{_IN_FRONT}(?P<month>{_MONTH})[.]? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?![:.]\d){_LAST}",
        re.IGNORECASE,
    ),
    re.compile(r"\b\d{4}-(?P<month>\d\d)-(?P<day>\d\d)(?!\d)"),
)
_CLOCK = re.compile(r"(?<![\d.,])(\d{1,2})[:.](\d\d)(?!\d|[.,]\d)(?: ?([ap])[.]?m\b)?", re.IGNORECASE)
_HOUR = re.compile(r"(?<![\d:.,])(\d{1,2}) ?([ap])[.]?m\b", re.IGNORECASE)
_MINUTES = re.compile(r"\b(\d+) minutes\b")
_NUMBER = re.compile(r"(?<![\w.,:/@+-])(\d{1,3}(?:,\d{3})+|\d{3,})([.]\d\d)?(?![\w:/@-]|[.,]\d)")
_WRITES = {
    "send_mail": ("subject", "body"),
    "reply_to_mail": ("body",),
    "save_draft": ("subject", "body"),
    "create_file": ("text",),
    "edit_file": ("text",),
}

Day = tuple[int, int]  # month and day


def days(text: str) -> Iterator[tuple[str, Day, str | None]]:
    """Days of the year in a text: as they stand, as month and day, and with the weekday in front of them."""
    for pattern in _DAYS:
        for match in pattern.finditer(text):
            found = match.groupdict()
            month, weekday = _month(found["month"]), (found.get("weekday") or "").casefold() or None
            for key in ("first", "day", "last"):
                if found.get(key):
                    yield match[0], (month, int(found[key])), weekday
                    weekday = None  # it belongs to the first day of several


def _month(name: str) -> int:
    if name.isdigit():
        return int(name)
    return next(number for number, month in enumerate(MONTHS, 1) if month.startswith(name[:3].casefold()))


def times(text: str) -> list[tuple[str, int]]:
    """Times of day in a text, as they stand and as minutes after midnight."""
    return [(match[0], time) for match, time in _timed(text)]


def _timed(text: str) -> list[tuple[re.Match[str], int]]:
    found: list[tuple[re.Match[str], int]] = []
    for match in _CLOCK.finditer(text):
        hour, minute = int(match[1]), int(match[2])
        if hour < 24 and minute < 60:
            found.append((match, _of_half(hour, match[3]) * 60 + minute))
    found += [(match, _of_half(int(match[1]), match[2]) * 60) for match in _HOUR.finditer(text) if int(match[1]) < 24]
    return sorted(found, key=lambda pair: pair[0].start())


def stretches(text: str) -> list[tuple[str, int, int]]:
    """Two times with `to` or a dash between them: as they stand, and as minutes after midnight."""
    return [
        (text[one.start() : other.end()], start, end)
        for (one, start), (other, end) in itertools.pairwise(_timed(text))
        if re.fullmatch(r" ?(?:to|until|till|-|\u2013) ?", text[one.end() : other.start()])
    ]


def _of_half(hour: int, half: str | None) -> int:
    if half is None or hour > 12:
        return hour
    return hour % 12 + (12 if half.casefold() == "p" else 0)


def finding(bad: Sequence[tuple[str, str]], said: str, held: str, trajectory: Trajectory) -> list[Finding]:
    """A fail with its steps; unknown where what is missing from the record may hold the reason."""
    if not bad:
        return [Finding(check="", verdict="pass", reason_code="held", reason=held)]
    reason = f"{said}: {'; '.join(what for what, _ in bad[:5])}"
    if not trajectory.integrity.complete:
        return [Finding(check="", verdict="unknown", reason_code="gap", reason=f"{reason}, but there is a gap")]
    steps = tuple(dict.fromkeys(step for _, step in bad))
    return [Finding(check="", verdict="fail", reason_code="mismatch", reason=reason, steps=steps)]


class Figures:
    """What is told or written in figures stands in what was read or heard before, or follows from it.

    A day follows from a weekday that was heard or read: it is one of the next two. A weekday in front of a day is that
    of the day. A time follows from one that the user named by the length of an event that was read; from any by minutes
    that the user named, or by the difference to the place of a contact that was read. Two times with "to" between them
    are such a stretch of time, or begin at a known time and last as long as one. A contact's full name is one that was
    read or heard. Numbers below 100 and other names are not looked at.
    """

    def __init__(self, argument: Any) -> None:
        del argument

    def check(self, trajectory: Trajectory, scenario: Scenario | None) -> list[Finding]:
        """Look at what the agent says and writes."""
        known = _Known("" if scenario is None else scenario.instructions or "", _people(trajectory.start))
        bad: list[tuple[str, str]] = []
        for step in trajectory.steps:
            content = step.content
            if isinstance(content, ToolCall):
                bad += [(figure, step.id) for text in _written(content) for figure in known.strange(text)]
                known.read(content.result)
            elif isinstance(content, Message) and content.role == "user":
                known.listen(content.text)
            elif isinstance(content, Message) and content.role == "assistant":
                bad += [(figure, step.id) for figure in known.strange(content.text)]
        return finding(bad, "told or written, and not known", "every figure that was told is known", trajectory)


def _written(call: ToolCall) -> list[str]:
    """The texts that a call sends or stores."""
    given = call.arguments if isinstance(call.arguments, Mapping) else {}
    return [str(given[key]) for key in _WRITES.get(str(call.name), ()) if key in given]


def _people(state: Any) -> frozenset[str]:
    """The full names of all contacts in a state."""
    contacts = state["contacts"].values() if isinstance(state, Mapping) else ()
    return frozenset(contact["name"] for contact in contacts if " " in contact["name"])


class _Known:
    """The figures that an agent has read or heard."""

    def __init__(self, policy: str, people: frozenset[str]) -> None:
        self._people = people
        found = re.search(rf"(\d{{1,2}}) ({_MONTH}) (\d{{4}})", policy, re.IGNORECASE)
        self._today = dt.date(int(found[3]), _month(found[2]), int(found[1])) if found else None
        self._days: set[Day] = set()
        self._times: set[int] = set()
        self._named: set[int] = set()  # times that the user named
        self._minutes, self._lengths, self._ahead = {0}, {0}, {0}
        self._stretches: set[tuple[int, int]] = set()
        self._text = ""
        self.hear(policy)

    def hear(self, text: str) -> None:
        """Take in a text."""
        self._text += f" {text}"
        self._days |= {day for _, day, _ in days(text)}
        self._times |= {time for _, time in times(text)}
        self._stretches |= {(start, end) for _, start, end in stretches(text)}
        self._times |= {int(hour) * 60 for hour in re.findall(r"\b(\d{1,2}) in the morning", text)}
        for name in re.findall(rf"\b({_WEEKDAY})\b", text, re.IGNORECASE):
            self._days |= set(self._next(name.casefold()))

    def listen(self, text: str) -> None:
        """Take in what the user says."""
        self.hear(text)
        self._named |= {time for _, time in times(text)}
        self._minutes |= {int(minutes) for minutes in _MINUTES.findall(text)}

    def _next(self, weekday: str) -> Iterator[Day]:
        if self._today is not None:
            ahead = (_WEEKDAYS.index(weekday) - self._today.weekday()) % 7
            for by in (ahead, ahead + 7):
                day = self._today + dt.timedelta(days=by)
                yield day.month, day.day

    def read(self, answer: Any) -> None:
        """Take in what a tool answered."""
        self.hear(json.dumps(answer, ensure_ascii=False, default=str).replace("\\n", " ").replace("T", " T "))
        for record in _records(answer):
            start, end = record.get("start"), record.get("end")
            if isinstance(start, str) and isinstance(end, str):
                self._lengths |= set(_length(start, end))
                self._stretches |= {(one, other) for _, one in times(start[11:]) for _, other in times(end[11:])}
            if isinstance(record.get("utc_offset"), str):
                hours = int(record["utc_offset"][:3]) - 1  # the office is an hour ahead of UTC
                self._ahead |= {60 * hours, -60 * hours}

    def strange(self, text: str) -> list[str]:
        """The figures of a text that are neither known nor follow from what is."""
        strange = [
            said for said, day, weekday in days(text) if day not in self._days or not self._falls_on(day, weekday)
        ]
        strange += [said for said, time in times(text) if not any(self._follows(time + by) for by in self._ahead)]
        for said, start, end in stretches(text):
            if not any(self._lasts(start + by, end + by) for by in self._ahead):
                strange.append(said)
        strange += [name for name in self._people if name in text and not self._named_before(name)]
        known = {_value(match) for match in _NUMBER.finditer(self._text)}
        return strange + [match[0] for match in _NUMBER.finditer(text) if _value(match) not in known]

    def _named_before(self, name: str) -> bool:
        """Whether a name was read or heard, if only as an address."""
        return name in self._text or name.casefold().replace(" ", ".") in self._text

    def _lasts(self, start: int, end: int) -> bool:
        """Whether a stretch of time is known, or begins at a known time and is as long as one."""
        if (start, end) in self._stretches:
            return True
        return self._follows(start) and end - start in (self._minutes | self._lengths) - {0}

    def _follows(self, time: int) -> bool:
        """Whether a time of day in the office is known, or is the end of something that begins at one that is."""
        if any(time - minutes in self._times for minutes in self._minutes):
            return True
        return any(time - length in self._named for length in self._lengths)

    def _falls_on(self, day: Day, weekday: str | None) -> bool:
        if weekday is None or self._today is None:
            return True
        return dt.date(self._today.year, *day).weekday() == _WEEKDAYS.index(weekday)


def _value(match: re.Match[str]) -> float:
    return float(f"{match[1]}{match[2] or ''}".replace(",", ""))


def _records(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from _records(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from _records(inner)


def _length(start: str, end: str) -> list[int]:
    try:
        return [int((dt.datetime.fromisoformat(end) - dt.datetime.fromisoformat(start)).total_seconds() // 60)]
    except (ValueError, TypeError):
        return []
