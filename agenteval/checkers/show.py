"""JSON in, one bounded line or a bounded copy out: how messages and evidence show values.

A finding may rest on a tool result of ten megabytes. What is shown of it is cut, and says so.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from agenteval.checkers.shape import is_list, is_object
from agenteval.core.json import Json

_PLAIN = re.compile(r"[A-Za-z_./$][\w./:$-]*", re.ASCII)
_NOT_TEXT = frozenset({"true", "false", "null", "yes", "no", "on", "off"})
_LONG = 400
_MANY = 20
_DEEP = 6
_IN_ONE_LINE = json.JSONEncoder(ensure_ascii=False, default=str)  # made once: making one takes longer than using it


def kind(value: object) -> str:
    """The JSON type of a value, in words: `"42.5"` is text, 42.5 a number."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "an object" if is_object(value) else "a list"


def clipped(value: Any, depth: int = _DEEP) -> Json:
    """A copy of a JSON value that is small enough to keep in a finding, and that any store can hold.

    What was cut says so; what JSON cannot hold (lone surrogates, NaN, integers beyond 64 bits) is written out as text.
    """
    if isinstance(value, str):
        return printable(value) if len(value) <= _LONG else f"{printable(value[:_LONG])}… ({len(value):,} characters)"
    if value is None or value is True or value is False:
        return value
    if is_object(value):
        if depth == 0:
            return "{…}"
        kept: dict[str, Json] = {}
        for number, (key, item) in enumerate(value.items()):
            if number == _MANY:
                kept["…"] = f"{len(value) - _MANY} more"
                break
            kept[printable(str(key)[:_LONG])] = clipped(item, depth - 1)
        return kept
    if is_list(value):
        if depth == 0:
            return "[…]"
        shown = [clipped(item, depth - 1) for item in value[:_MANY]]
        return shown if len(value) <= _MANY else [*shown, f"… {len(value) - _MANY} more"]
    return _number(value) if isinstance(value, (int, float)) else value


def printable(text: str) -> str:
    """Text that any store can hold: lone surrogates are written out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _number(value: float) -> Json:
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if value.bit_length() < 64 else f"an integer of {value.bit_length():,} bits"


def literal(value: Any, limit: int = 120) -> str:
    """A value as JSON in one line, text in quotes, cut to a length."""
    return _cut(_IN_ONE_LINE.encode(clipped(value, 4)), limit)


def flow(value: Any, *, quote: bool = False, limit: int = 160) -> str:
    """A value as a check would be written in one line of YAML: quotes only where they are needed.

    Args:
        value: JSON.
        quote: Quote text at the top even where it could stand bare.
        limit: The longest text to return, in characters.
    """
    if quote and isinstance(value, str):
        return literal(value, limit)
    return _cut(_flow(value, 8), limit)


def _flow(value: Any, depth: int) -> str:
    if isinstance(value, str):
        bare = _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT and len(value) <= 100
        return value if bare else literal(value)
    if is_object(value):
        return "{" + ", ".join(_pairs(value, depth)) + "}" if depth else "{…}"
    if is_list(value):
        if not depth:
            return "[…]"
        return (
            "["
            + ", ".join([_entry(item, depth - 1) for item in value[:_MANY]])
            + ("]" if len(value) <= _MANY else ", …]")
        )
    return literal(value)


def _entry(value: Any, depth: int) -> str:
    """An entry of a list; a map of one key is written without braces, as YAML allows."""
    if is_object(value) and len(value) == 1 and depth:
        return _pairs(value, depth)[0]
    return _flow(value, depth)


def _pairs(value: Mapping[str, Any], depth: int) -> list[str]:
    return [f"{_flow(key, 1)}: {_flow(item, depth - 1)}" for key, item in list(value.items())[:_MANY]]


def line(spec: Any, hidden: frozenset[str] = frozenset(), limit: int = 160) -> str:
    """A check in one line, as it would be written, without the options that do not change what it asks."""
    if not is_object(spec):
        return flow(spec, limit=limit)
    kept: dict[str, Any] = {key: value for key, value in spec.items() if key not in hidden}
    return _cut(", ".join(_pairs(kept, 8)), limit)


def joined(items: list[str], limit: int = 5, word: str = "and") -> str:
    """`a, b and c`, with `… and 4 more` beyond the limit."""
    if len(items) > limit:
        return f"{', '.join(items[:limit])} and {len(items) - limit} more"
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {word} {items[-1]}"


def listed(sentences: list[str], limit: int = 4) -> str:
    """`a; b; and 4 more`."""
    if len(sentences) > limit:
        return f"{'; '.join(sentences[:limit])}; and {len(sentences) - limit} more"
    return "; ".join(sentences)


def called_as(tool: str, arguments: Any, limit: int = 100) -> str:
    """A pattern in one line, as a call: `pay(order: "1187")`."""
    inside = ", ".join(_pairs(arguments, 6)) if is_object(arguments) else ""
    return _cut(f"{_flow(tool, 1)}({inside})", limit)


def times(count: int) -> str:
    """`once`, `twice`, `3 times`; `never` for none."""
    return ("never", "once", "twice")[count] if count < 3 else f"{count} times"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
