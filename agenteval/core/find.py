"""What to find among trajectories: a query as text in, as values out, and whether the facts of a trajectory meet it.

A query is words and conditions, all of which must hold:

    tool:refund status:error cost>0.1 since:7d "late parcel" -agent:canary

`name:value` asks for a name (several with commas: any of them), `figure>value` for a figure, `since:` and `until:` for
a time; anything else, or `text:"some words"`, for words that were said. `-` before a condition or a word turns it
round.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from agenteval._util.names import did_you_mean
from agenteval.errors import RequestError

NAMES: Final[Mapping[str, str]] = {
    "agent": "name of an agent at work in it",
    "finding": "id of a check that concluded something of it, or id=verdict",
    "label": "criterion that it was labelled by, or criterion=value",
    "model": "name of a model that was called",
    "project": "project that its traces belong to",
    "run": "id of a run that it belongs to",
    "scenario": "scenario of its trial",
    "session": "session or conversation",
    "status": "status of its trial or how it ended; error where a call failed, else ok",
    "tenant": "tenant, as its spans name it",
    "tool": "name of a tool that was called",
    "trace": "trace id of its spans",
    "user": "user, as its spans name it",
    "verdict": "verdict of any check",
    "version": "version of the application, as its spans name it",
}
"""What is asked for by name, and what it means."""

FIGURES: Final[Mapping[str, str]] = {
    "cost": "price of its model calls in US dollars",
    "duration": "from its first to its last moment: 300ms, 2s, 5m, 1h",
    "tokens": "tokens read and written: 5000, 5k, 1m",
}
"""What is asked for by size, and what it means. A figure that was not measured meets no condition."""

TIMES: Final = ("since", "until")
COMPARISONS: Final = (">=", "<=", ">", "<", "=", ":")
LONGEST_NAME = 200
"""Characters of a name that count."""

_LONGEST_WORD = 64
_WORDS = re.compile(r"[^\W_]+")
_ITEM = re.compile(
    r"""\s*(?P<not>-)?(?:
        text[:=](?P<text>"[^"]*"|[^\s"]+)
        |(?P<key>[A-Za-z_]+)(?P<op>>=|<=|>|<|=|:)(?P<value>"[^"]*"|[^\s"]*)
        |(?P<said>"[^"]*"|[^\s"]+)
    )(?=\s|$)""",
    re.IGNORECASE | re.VERBOSE,
)
_AGO = re.compile(r"(\d{1,6})(m|h|d|w)")
_PER_UNIT = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_FACTORS: Mapping[str, Mapping[str, float]] = {
    "cost": {"": 1},
    "tokens": {"": 1, "k": 1e3, "m": 1e6},
    "duration": {"": 1e9, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9},
}
_NUMBER = re.compile(r"\$?(\d+(?:\.\d+)?|\.\d+)([a-z]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One of these names is among those of a kind; turned round, none of them is."""

    kind: str
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sized:
    """A figure compares so with a value: US dollars, tokens, or nanoseconds."""

    figure: str
    comparison: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """These words were said, one after the other."""

    words: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """A query: all of it must hold. Times are of the beginning, in nanoseconds since the Unix epoch."""

    named: tuple[Named, ...] = ()
    sized: tuple[Sized, ...] = ()
    said: tuple[Said, ...] = ()
    since_ns: int | None = None
    until_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a trajectory is found by.

    Attributes:
        trajectory: Its id.
        began_ns: When it began; 0 where no span says.
        duration_ns: From its first to its last moment; None where not measured.
        cost_usd: Price of its model calls; None where not measured.
        tokens: Tokens read and written; None where not measured.
        names: By kind (`NAMES`), each name once, in order.
        words: What was said, word by word; empty where it was not asked for.
    """

    trajectory: str
    began_ns: int = 0
    duration_ns: int | None = None
    cost_usd: float | None = None
    tokens: int | None = None
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    words: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What was found, the latest first, and where the next page begins; None where this is the last one."""

    found: Sequence[Facts]
    after: str | None = None


def words_of(text: str) -> list[str]:
    """The words of a text as they are compared: letters and digits, whatever their case."""
    return [word[:_LONGEST_WORD] for word in _WORDS.findall(text.casefold())]


def name_of(text: str) -> str:
    """A name as it is compared."""
    return text[:LONGEST_NAME]


# --- reading a query


def parse(text: str, *, now_ns: int) -> Find:
    """A query from its text.

    Args:
        text: The query; nothing asks for everything.
        now_ns: What `since:7d` counts from, in nanoseconds since the Unix epoch.

    Raises:
        RequestError: It is no query; the message names the place and the nearest right name.
    """
    named: list[Named] = []
    sized: list[Sized] = []
    said: list[Said] = []
    times: dict[str, int] = {}
    at = 0
    end = len(text.rstrip())
    while at < end:
        item = _ITEM.match(text, at)
        if item is None:
            rest = text[at:].strip()
            raise RequestError(f"cannot read the query from character {at + 1} on: {rest!r:.60}; is a quote left open?")
        at = item.end()
        words = item["text"] or item["said"]
        if words is not None:
            said += _said(words, negated=item["not"] is not None)
            continue
        key, value = item["key"].lower(), item["value"].strip('"')
        if not value:
            raise RequestError(f"{item[0].strip()!r} says nothing after {item['op']!r}; to look for words, quote them")
        if key in NAMES:
            named.append(_named(key, item["op"], item["value"], negated=item["not"] is not None))
            continue
        if item["not"] is not None:
            raise RequestError(f"{item[0].strip()!r}: only names and words can be turned round; turn the comparison")
        if key in FIGURES:
            sized.append(_sized(key, item["op"], value))
        elif key in TIMES:
            times[key] = _time(key, item["op"], value, now_ns)
        else:
            known = [*NAMES, *FIGURES, *TIMES]
            raise RequestError(
                f'nothing is found by "{key}". {did_you_mean(key, known, limit=99)} To look for words, quote them.'
            )
    return Find(
        named=tuple(named),
        sized=tuple(sized),
        said=tuple(said),
        since_ns=times.get("since"),
        until_ns=times.get("until"),
    )


def _said(text: str, *, negated: bool) -> list[Said]:
    words = tuple(words_of(text))
    if not words:
        raise RequestError(f"{text!r:.60} holds no word: words are letters and digits")
    return [Said(words=words, negated=negated)]


def _named(key: str, op: str, value: str, *, negated: bool) -> Named:
    if op not in {":", "="}:
        raise RequestError(f"{key}{op}{value}: a name is asked for with {key}:{value}")
    values = (value.strip('"'),) if value.startswith('"') else tuple(part for part in value.split(",") if part)
    if not values:
        raise RequestError(f"{key}{op}{value} names nothing")
    return Named(kind=key, values=tuple(map(name_of, values)), negated=negated)


def _sized(key: str, op: str, value: str) -> Sized:
    found = _NUMBER.fullmatch(value.lower())
    factors = _FACTORS[key]
    if found is None or found[2] not in factors:
        units = ", ".join(unit for unit in factors if unit)
        raise RequestError(f"{key}{op}{value}: {value!r} is no number{f' (units: {units})' if units else ''}")
    return Sized(figure=key, comparison="=" if op == ":" else op, value=float(found[1]) * factors[found[2]])


def _time(key: str, op: str, value: str, now_ns: int) -> int:
    if op not in {":", "="}:
        raise RequestError(f"{key}{op}{value}: a time is given with {key}:{value}")
    return moment(value, now_ns, what=f"{key}:")


def moment(text: str, now_ns: int, *, what: str) -> int:
    """A moment, in nanoseconds since the Unix epoch, from a date or from how long ago it was.

    Args:
        text: Such as `7d`, `2026-11-24` or `2026-11-24T10:00Z`; UTC where no zone is named.
        now_ns: What it counts from.
        what: What it is given for, for the message.

    Raises:
        RequestError: It is neither.
    """
    ago = _AGO.fullmatch(text)
    try:
        if ago is not None:
            return now_ns - int(ago[1]) * (_PER_UNIT[ago[2]] // timedelta(microseconds=1)) * 1_000
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise RequestError(
            f"{what} {text!r:.60} is no time; give 30m, 12h, 7d, 2w, or a date: 2026-11-24, 2026-11-24T10:00Z"
        ) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return (found - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000


# --- meeting a query


def meets(facts: Facts, query: Find) -> bool:
    """Whether the facts of a trajectory meet a query."""
    return (
        (query.since_ns is None or facts.began_ns >= query.since_ns)
        and (query.until_ns is None or facts.began_ns < query.until_ns)
        and all(_is_named(facts, one) for one in query.named)
        and all(_is_sized(facts, one) for one in query.sized)
        and all(_is_said(facts.words, one.words) != one.negated for one in query.said)
    )


def _is_named(facts: Facts, asked: Named) -> bool:
    return any(value in asked.values for value in facts.names.get(asked.kind, ())) != asked.negated


def _is_sized(facts: Facts, asked: Sized) -> bool:
    value = {"cost": facts.cost_usd, "tokens": facts.tokens, "duration": facts.duration_ns}[asked.figure]
    if value is None:
        return False
    comparisons = {
        ">": value > asked.value,
        ">=": value >= asked.value,
        "<": value < asked.value,
        "<=": value <= asked.value,
        "=": value == asked.value,
    }
    return comparisons[asked.comparison]


def _is_said(words: Sequence[str], asked: tuple[str, ...]) -> bool:
    count = len(asked)
    return any(tuple(words[start : start + count]) == asked for start in range(len(words) - count + 1))
