"""Texts in, the figures, dates, times and names in them out; and the same texts with others in their place."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

MONTHS = tuple(calendar.month_name[1:])
_MONTH = "|".join(MONTHS)
_KINDS = (
    ("amount", re.compile(r"(?<![\w.,/-])\d{1,3}(?:,?\d{3})*\.\d\d(?![\w%]|[.,]\d)")),
    ("ending", re.compile(r"(?<=ending )\d{4}\b")),
    ("date", re.compile(rf"\b\d{{1,2}} (?:{_MONTH})\b")),
    ("time", re.compile(r"\b\d\d:\d\d\b")),
    ("number", re.compile(r"(?<![\w.,:/@+-])(?:\d{1,3}(?:,\d{3})*|\d{5,})(?![\w:/@-]|[.,]\d)")),
)
_LONGEST_NAME = 4  # words


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Something in a text that can be right or wrong.

    Attributes:
        kind: amount, ending (of a card), date, time, number or name.
        text: As it stands.
        pool: Others of its kind, for names.
    """

    kind: str
    text: str
    pool: tuple[str, ...] = ()

    @property
    def value(self) -> str:
        """In a form in which equals are equal: 8:30 is 08:30, 42.5 is 42.50."""
        if self.kind in {"amount", "number"}:
            return f"{float(self.text.replace(',', '')):g}"
        return self.text.casefold()


def figures(text: str, names: Mapping[str, tuple[str, ...]]) -> list[Figure]:
    """The figures of a text, each once; of names those that are given, with others of their kind."""
    found: dict[str, Figure] = {}
    rest = text
    for kind, pattern in _KINDS:
        for match in pattern.finditer(rest):
            found.setdefault(f"{kind} {match[0]}", Figure(kind=kind, text=match[0]))
        rest = pattern.sub(lambda match: "#" * len(match[0]), rest)
    for name, pool in names.items():
        if re.search(rf"(?<![\w@.-]){re.escape(name)}(?![\w@-])", rest):
            found[f"name {name}"] = Figure(kind="name", text=name, pool=pool)
    return list(found.values())


def known_to(text: str) -> set[str]:
    """The values of all figures in what somebody says, as `Figure.value` has them; names are looked for in the text."""
    found = {figure.value for figure in figures(text, {})}
    found |= {f"{int(h):02}:{m}" for h, m in re.findall(r"\b(\d{1,2}):(\d\d)\b", text)}
    found |= {f"{float(n.replace(',', '')):g}" for n in re.findall(r"\d[\d,]*(?:\.\d+)?", text)}
    return found


def others(figure: Figure, rng: Random, taken: str) -> Iterator[str]:
    """Other figures of the same kind and form, none of which stands in `taken`."""
    for _ in range(40):
        other = _other(figure, rng)
        if other and other != figure.text and not re.search(rf"(?<![\w.]){re.escape(other)}(?![\w])", taken):
            yield other


def _other(figure: Figure, rng: Random) -> str | None:
    text = figure.text
    if figure.kind == "amount":
        value = float(text.replace(",", ""))
        new = rng.choice([value + 5, value * 1.1, value - 1.5, value / 2, value + 0.5, value * 10])
        return f"{new:.2f}" if new > 0 else None
    if figure.kind == "ending":
        return f"{rng.randrange(10_000):04}"
    if figure.kind == "date":
        day, month = text.split()
        moved = dt.date(2025, MONTHS.index(month) + 1, int(day)) + dt.timedelta(
            days=rng.choice([-7, -3, -2, -1, 1, 2, 4])
        )
        return f"{moved.day} {MONTHS[moved.month - 1]}"
    if figure.kind == "time":
        minutes = int(text[:2]) * 60 + int(text[3:]) + rng.choice([-60, -30, 15, 30, 90])
        return f"{minutes // 60 % 24:02}:{minutes % 60:02}"
    if figure.kind == "number":
        value = int(text.replace(",", ""))
        new = value + rng.choice([-7, -3, -2, -1, 1, 2, 4, 11])
        return (f"{new:,}" if "," in text else str(new)) if new > 0 else None
    return rng.choice(figure.pool) if figure.pool else None


def answered_figures(answers: Any) -> list[Figure]:
    """The amounts, card endings, dates and times in what tools answered, as they are said."""
    found: dict[str, Figure] = {}
    for key, value in leaves(answers):
        if isinstance(value, float):
            figure = Figure(kind="amount", text=f"{value:.2f}")
        elif key == "last4":
            figure = Figure(kind="ending", text=str(value))
        elif isinstance(value, str) and (said := spoken_date(value[:10])):
            figure = Figure(kind="date", text=said)
            if re.fullmatch(r".{10}T\d\d:\d\d", value):
                found.setdefault(f"time {value[11:]}", Figure(kind="time", text=value[11:]))
        else:
            continue
        found.setdefault(f"{figure.kind} {figure.text}", figure)
    return list(found.values())


def spoken_date(value: str) -> str | None:
    """`2025-06-12` as 12 June; None where it is no date."""
    try:
        day = dt.date.fromisoformat(value)
    except ValueError:
        return None
    return f"{day.day} {day:%B}"


def replaced(text: str, figure: Figure, other: str) -> str:
    """The text with another figure in the place of one."""
    return re.sub(rf"(?<![\w.,@-]){re.escape(figure.text)}(?![\w@-]|[.,]\d)", lambda _: other, text)


# --- values of records


Fields = Mapping[str, Mapping[str, tuple[str, ...]]]
_FIELDS: dict[int, tuple[Any, Fields]] = {}


def fields(state: Any) -> Fields:
    """The short texts of a state: table to key to its different values."""
    if id(state) not in _FIELDS:
        found: dict[str, dict[str, dict[str, None]]] = {}
        for table, records in state.items() if isinstance(state, Mapping) else ():
            for key, value in leaves(records):
                if isinstance(value, str) and value:
                    found.setdefault(table, {}).setdefault(key, {})[value] = None
        _FIELDS[id(state)] = state, {t: {k: tuple(v) for k, v in of.items()} for t, of in found.items()}
    return _FIELDS[id(state)][1]


def leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar in a JSON value with the nearest key above it."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from leaves(inner, str(name))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from leaves(inner, key)
    else:
        yield key, value


def names_in(answers: Any, state: Any) -> dict[str, tuple[str, ...]]:
    """The names in what tools answered, each with other values of the same table and key."""
    found: dict[str, tuple[str, ...]] = {}
    tables = fields(state)
    for key, value in leaves(answers):
        if not isinstance(value, str) or not _is_name(value):
            continue
        for of in tables.values():
            pool = of.get(key, ())
            if value in pool:
                found[value] = tuple(other for other in pool if other != value and _is_name(other))
                break
    return found


def _is_name(value: str) -> bool:
    words = value.split()
    return 0 < len(words) <= _LONGEST_NAME and value[0].isupper() and not re.search(r"\d|@|[.]\w", value)
