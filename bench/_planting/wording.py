"""What is said in, the same said otherwise out. None of these is among the wordings that `agenteval verify` plays."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

from bench._planting.words import MONTHS

_MONTH = "|".join(MONTHS)
_AMOUNT = re.compile(r"(?<![\w.,/£-])(\d{1,3}(?:,?\d{3})*\.\d\d)(?![\w%]|[.,]\d)")
_DATE = re.compile(rf"\b(\d{{1,2}}) ({_MONTH})\b(?! \d{{4}})")
_TIME = re.compile(r"\b(\d\d):(\d\d)\b")
_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z'])")

SYNONYMS = (
    ("I am sorry, ", "Unfortunately, "),
    ("I am sorry. ", "Apologies. "),
    ("sold out", "out of stock"),
    ("colleague", "member of our team"),
    ("cannot be", "can't be"),
    ("cannot", "can't"),
    ("could not", "couldn't"),
    ("is not", "isn't"),
    ("do not", "don't"),
    ("I have", "I've"),
    ("Shall I go ahead?", "Would you like me to go ahead?"),
    ("is cancelled", "has been cancelled"),
    ("goes back to", "is being returned to"),
    ("is registered", "has been registered"),
    ("is on its way", "is on the way"),
    ("in your calendar", "in your diary"),
    ("is in the trash", "was deleted"),
    ("are in the trash", "were deleted"),
    ("has shipped", "has already left our warehouse"),
    ("escalated", "passed on"),
    ("are on 28 May now", "take place on 28 May now"),
)


def ordinal(day: int) -> str:
    """`1st`, `22nd`, `13th`."""
    suffix = "th" if 10 <= day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{suffix}"


def sentences(text: str) -> list[str]:
    """The sentences of a text."""
    return _SENTENCE.split(text)


def _months_first(text: str) -> str:
    return _DATE.sub(lambda m: f"{m[2]} {m[1]}", text)


def _ordinals(text: str) -> str:
    return _DATE.sub(lambda m: f"{ordinal(int(m[1]))} of {m[2]}", text)


def _short_months(text: str) -> str:
    return _DATE.sub(lambda m: f"{m[1]} {m[2][:3]}", text)


def _with_year(year: int) -> Callable[[str], str]:
    return lambda text: _DATE.sub(lambda m: f"{m[1]} {m[2]} {year}", text)


def _iso(year: int) -> Callable[[str], str]:
    return lambda text: _DATE.sub(lambda m: dt.date(year, MONTHS.index(m[2]) + 1, int(m[1])).isoformat(), text)


def _weekdays(year: int) -> Callable[[str], str]:
    def named(match: re.Match[str]) -> str:
        day = dt.date(year, MONTHS.index(match[2]) + 1, int(match[1]))
        return f"{day:%A}, {match[0]}"

    return lambda text: re.sub(rf"(?<!day )\b(\d{{1,2}}) ({_MONTH})\b", named, text)


def _twelve_hours(text: str) -> str:
    def clock(match: re.Match[str]) -> str:
        hour, minutes = int(match[1]), match[2]
        half = "am" if hour < 12 else "pm"
        return f"{hour % 12 or 12}{'' if minutes == '00' else f':{minutes}'} {half}"

    return _TIME.sub(clock, text)


def _dotted_times(text: str) -> str:
    return _TIME.sub(r"\1.\2", text)


def _lower(text: str) -> str:
    return " ".join(part[:1].lower() + part[1:] for part in sentences(text))


def _other_order(text: str) -> str:
    """The statements in reverse order, questions at the end."""
    parts = sentences(text)
    told, asked = [p for p in parts if not p.endswith("?")], [p for p in parts if p.endswith("?")]
    return " ".join([*reversed(told), *asked])


def _joined(text: str) -> str:
    """Statements joined by semicolons."""
    parts = sentences(text)
    told, asked = [p for p in parts if not p.endswith("?")], [p for p in parts if p.endswith("?")]
    line = "; ".join(part.rstrip(".") for part in told)
    return " ".join([*([f"{line}."] if line else []), *asked])


def _bullets(text: str) -> str:
    parts = sentences(text)
    told, asked = [p for p in parts if not p.endswith("?")], [p for p in parts if p.endswith("?")]
    if len(told) < 2:
        return text
    return "\n".join([*(f"- {part}" for part in told), *asked])


def _synonyms(text: str) -> str:
    for word, other in SYNONYMS:
        text = text.replace(word, other)
    return text


def _curly(text: str) -> str:
    return re.sub(r"(?<=\w)'(?=\w)", "\u2019", _synonyms(text)).replace(" '", " \u2018").replace("' ", "\u2019 ")


def _whole_pounds(text: str) -> str:
    return _AMOUNT.sub(lambda m: f"£{m[1].removesuffix('.00')}", text)


def forms(year: int) -> dict[str, Callable[[str], str]]:
    """The wordings by name; `year` is the one of the suite's day."""
    return {
        "pound signs": lambda text: _AMOUNT.sub(r"£\1", text),
        "pounds": lambda text: _AMOUNT.sub(r"\1 pounds", text),
        "GBP": lambda text: _AMOUNT.sub(r"GBP \1", text),
        "whole pounds without pence": _whole_pounds,
        "amounts in italics": lambda text: _AMOUNT.sub(r"_\1_", text),
        "months first": _months_first,
        "ordinals": _ordinals,
        "ordinals without of": lambda text: _DATE.sub(lambda m: f"{ordinal(int(m[1]))} {m[2]}", text),
        "short months": _short_months,
        "dates with year": _with_year(year),
        "ISO dates": _iso(year),
        "dates with weekday": _weekdays(year),
        "twelve hours": _twelve_hours,
        "times with a point": _dotted_times,
        "lower case": _lower,
        "statements in reverse": _other_order,
        "statements joined": _joined,
        "bullets": _bullets,
        "synonyms": _synonyms,
        "curly apostrophes": _curly,
        "order no.": lambda text: re.sub(r"\border (\d{4})\b", r"order no. \1", text),
        "order #": lambda text: re.sub(r"\border (\d{4})\b", r"order #\1", text),
        "ending in": lambda text: re.sub(r"\bending (\d{4})\b", r"ending in \1", text),
        "masked card": lambda text: re.sub(r"\bending (\d{4})\b", r"(**** \1)", text),
        "with thanks": lambda text: f"{text} Thank you for your patience.",
        "with an apology": lambda text: f"I apologise for the trouble. {text}",
        "with an offer": lambda text: text if "?" in text else f"{text} Is there anything else I can do for you?",
        "thanks first": lambda text: f"Thank you. {text}",
    }
