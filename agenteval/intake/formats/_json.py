"""Bytes in, JSON values out, with everything that JSON readers usually lose or let pass brought to light.

A value that no store and no hash can hold as it is (NaN, infinity, an integer beyond 64 bits, half a surrogate pair)
is read all the same; `clean` says what stands for it in spans, `original.keep` how it is kept exactly.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, cast

from agenteval._util.structured import DEEPEST, depth_of
from agenteval.core.json import Json

LARGEST = 128 * 1024 * 1024
"""Bytes that one record may have."""

_INT64 = 2**63
_BEYOND_STORES = re.compile(rb"\\u[dD][89a-fA-F]|\d{19}|\d[eE]\+?\d{3}")
_HALF_PAIR = re.compile("[\ud800-\udfff]")


class Unreadable(ValueError):
    """Some bytes are not what a format says that they should be; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A JSON value.

    Attributes:
        exact: The value as it was written.
        clean: The same, where spans, stores and hashes can hold it: else a copy that they can hold.
    """

    exact: Json
    clean: Json


def decode(data: bytes | bytearray) -> Decoded:
    """Decode one JSON text.

    Raises:
        Unreadable: Not UTF-8, not JSON, nested deeper than `DEEPEST`, or an object that names a key twice.
    """
    constants: list[str] = []

    def constant(name: str) -> float:
        constants.append(name)
        return float(name.replace("Infinity", "inf"))

    try:
        text = data.decode("utf-8")
        value: Json = json.loads(text, object_pairs_hook=_members, parse_constant=constant)
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8: {error.reason} at byte {error.start} of it") from error
    except json.JSONDecodeError as error:
        raise Unreadable(f"not JSON: {error.msg.removesuffix(' at')} at character {error.pos} of it") from error
    except RecursionError as error:
        raise Unreadable(f"nested deeper than {DEEPEST} levels") from error
    except Unreadable:
        raise
    except ValueError as error:
        raise Unreadable("it holds a whole number of more than 4,300 digits") from error
    if depth_of(value) > DEEPEST:
        raise Unreadable(f"nested deeper than {DEEPEST} levels")
    suspect = bool(constants) or _BEYOND_STORES.search(data) is not None
    return Decoded(exact=value, clean=clean(value) if suspect else value)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise Unreadable(f"the key {_short(twice)} stands twice in one object: which one is meant cannot be told")
    return members


def _short(text: str) -> str:
    return f"{text[:60]!a}{'…' if len(text) > 60 else ''}"


def clean(value: Any) -> Any:
    """A copy that every store can hold: NaN and infinity as text, huge integers as digits, half pairs as U+FFFD."""
    if isinstance(value, str):
        return _HALF_PAIR.sub("\ufffd", value)
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {clean(key): clean(item) for key, item in members.items()}
    if isinstance(value, list):
        return [clean(item) for item in cast("list[Any]", value)]
    if number_needs_text(value):
        return number_text(value)
    return value


def half_pair(text: str) -> bool:
    """Whether a text holds half a surrogate pair, which UTF-8 has no bytes for."""
    return _HALF_PAIR.search(text) is not None


def number_needs_text(value: object) -> bool:
    """Whether a number is one that stores and hashes refuse."""
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, int) and not -_INT64 <= value < _INT64


def number_text(value: float) -> str:
    """Such a number as JSON writers of Python put it."""
    if isinstance(value, int):
        return str(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
