"""A span's attributes in, values of the wanted type out; what has another type counts as not there, and none raises."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard, cast

import orjson

from agenteval.core.json import Json, json_of
from agenteval.core.marks import wholly_redacted
from agenteval.core.span import Span
from agenteval.core.trajectory import Usage
from agenteval.telemetry.remembering import STRICT, remembered, structured

_LARGEST_USD = 1e15
_LARGEST_COUNT = 2**63
_REDACTED = frozenset({"__REDACTED__", "[REDACTED]", "<redacted>", "<REDACTED>", "REDACTED"})

NOT_SENT = "not_sent: the span does not carry it"
CONTENT_OFF = "content_off: turn content capture on in the agent's instrumentation"
REDACTED = "redacted: it was taken out before it was stored"


class Held:
    """The attributes of one span, and the names of those that were made use of."""

    __slots__ = ("_attributes", "_read", "_span", "used")

    def __init__(self, span: Span) -> None:
        self._span = span
        self._attributes = span.attributes
        self._read: dict[str, Json] = {}
        self.used: set[str] = set()

    def raw(self, name: str) -> Any:
        """An attribute as it came; None where it is not there."""
        if name not in self._attributes:
            return None
        self.used.add(name)
        return self._attributes[name]

    def text(self, *names: str) -> str | None:
        """The first of these that holds text, numbers as their digits."""
        for name in names:
            if name in self._attributes and (text := text_of(self.raw(name))):
                return text
        return None

    def count(self, *names: str) -> int | None:
        """The first of these that is a whole number and not below zero."""
        for name in names:
            if name in self._attributes and (number := count_of(self.raw(name))) is not None:
                return number
        return None

    def amount(self, *names: str) -> float | None:
        """The first of these that is a plausible number of dollars."""
        return next((number for name in names if (number := amount_of(self.raw(name))) is not None), None)

    def value(self, name: str) -> Json:
        """An attribute as JSON; text that is an object or a list as what it says."""
        if name not in self._read:
            self._read[name] = value_of(self.raw(name))
        return self._read[name]

    def object(self, name: str) -> Mapping[str, Any]:
        """An attribute that is an object or its JSON text; empty where it is neither."""
        return object_of(self.value(name))

    def under(self, prefix: str) -> dict[str, Any]:
        """Every attribute whose name begins with a prefix, by the rest of its name."""
        found = [name for name in self._attributes if name.startswith(prefix)]
        self.used.update(found)
        return {name[len(prefix) :]: self._attributes[name] for name in found}

    def uses(self, *names: str) -> None:
        """Note that these attributes were made use of, where they are there."""
        self.used |= self._attributes.keys() & names

    def uses_all(self, *beginnings: str) -> None:
        """Note that every attribute whose name begins so was made use of."""
        self.used |= beginning(tuple(self._attributes), beginnings)

    def absent(self, otherwise: str = NOT_SENT) -> str:
        """Why something is not there: evicted, where the span lost attributes."""
        lost = self._span.dropped_attributes
        return f"evicted: the sender dropped {lost} attributes of this span" if lost > 0 else otherwise


@remembered
def beginning(names: tuple[str, ...], beginnings: tuple[str, ...]) -> frozenset[str]:
    """Those of some names that begin so: most spans of a producer have the same names."""
    return frozenset(name for name in names if name.startswith(beginnings))


def any_begins(names: Iterable[str], *beginnings: str) -> bool:
    """Whether one of some names begins so; asked of every span, so all names are searched at once first."""
    joined = "\n" + "\n".join(names)
    return any("\n" + begin in joined for begin in beginnings) and any(name.startswith(beginnings) for name in names)


def text_of(value: object) -> str | None:
    """Text, or a number as its digits; None where it is neither, or empty."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def count_of(value: object) -> int | None:
    """A whole number that is not below zero, its digits included."""
    if type(value) is int:
        return value if 0 <= value < _LARGEST_COUNT else None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < _LARGEST_COUNT else None


def amount_of(value: object) -> float | None:
    """A number of dollars that may be a price."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value <= _LARGEST_USD else None


def value_of(written: object) -> Json:
    """An attribute's value as JSON; text that is an object or a list as what it says, other text as it is."""
    return structured(written) if isinstance(written, str) else as_json(written)


def as_json(value: object) -> Json:
    """A value as JSON, as `json_of` gives it; what surely is JSON already is not looked through."""
    if isinstance(value, (dict, list)):
        try:
            if b"null" not in orjson.dumps(value, option=STRICT):  # which may stand for NaN
                return cast("Json", value)
        except TypeError:  # it holds bytes, or what a serializer has no word for
            pass
    return json_of(value)


def is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether a value is an object."""
    kind = type(value)  # the classes first: asking the abstract one costs ten times as much
    return kind is dict or (kind is not str and kind is not list and value is not None and isinstance(value, Mapping))


def is_list(value: object) -> TypeGuard[Sequence[Any]]:
    """Whether a value is a list."""
    return isinstance(value, (list, tuple))


def object_of(value: object) -> Mapping[str, Any]:
    """The value where it is an object; an empty one otherwise."""
    return value if is_object(value) else {}


def list_of(value: object) -> Sequence[Any]:
    """The value where it is a list; an empty one otherwise."""
    return value if is_list(value) else ()


def first_text(value: Mapping[str, Any], *names: str) -> str | None:
    """The first of these members that is text."""
    for name in names:
        if (held := value.get(name)) is not None and (text := text_of(held)):
            return text
    return None


def first_count(value: Mapping[str, Any], *names: str) -> int | None:
    """The first of these members that is a count."""
    for name in names:
        if (held := value.get(name)) is not None and (number := count_of(held)) is not None:
            return number
    return None


def is_redacted(value: object) -> bool:
    """Whether a value is a placeholder that a sender wrote in place of what it would not send, or our own mark."""
    if not isinstance(value, str):
        return False
    return value.strip() in _REDACTED or (value[:1] == "[" and wholly_redacted(value) is not None)


def usage_or_none(
    *,
    read: int | None,
    written: int | None,
    cached: int | None = None,
    cache_written: int | None = None,
    reasoning: int | None = None,
    cost_usd: float | None = None,
) -> Usage | None:
    """Token counts as usage; None where neither input nor output nor price was measured.

    A model reads something to answer: nothing read and nothing written stands for counts that the sender did not have.
    """
    if read == 0 and written == 0:
        read = written = None
    if read is None and written is None and cost_usd is None:
        return None
    return Usage(
        input_tokens=read,
        output_tokens=written,
        cached_tokens=cached,
        cache_write_tokens=cache_written,
        reasoning_tokens=reasoning,
        cost_usd=cost_usd,
        unmeasured_calls=1 if read is None and written is None else 0,
    )


def by_index(items: Mapping[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Flattened names such as `3.role` in, each index with what lies under it out, in order. Indexes may have gaps."""
    found: dict[int, dict[str, Any]] = {}
    for name, value in items.items():
        head, _, rest = name.partition(".")
        number = _number(head)
        if number is None:
            continue
        if number in found:
            found[number][rest] = value
        else:
            found[number] = {rest: value}
    return sorted(found.items())


@functools.lru_cache(maxsize=4096)
def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


_DIGITS = 6


def beneath(items: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """What lies under a prefix, by the rest of its name."""
    return {name[len(prefix) :]: value for name, value in items.items() if name.startswith(prefix)}


def joined(texts: Iterable[str | None]) -> str:
    """The texts that there are, one a line."""
    return "\n".join(text for text in texts if text)
