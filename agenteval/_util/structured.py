"""Text in, the JSON object or list that it is out; any other text as it is."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterable
from typing import Any, NoReturn, cast

DEEPEST = 100
"""How many lists and objects may lie within each other."""

_BEGINS = re.compile(r"[ \t\r\n]*[\[{]")
_SPACE = " \t\r\n"


def structured(text: str) -> Any:
    """The object or list that a text is, as tools write their answers down.

    A text stays text where it is a plain value, because `42` and `null` may be names, and where its value could not be
    held as it was written: a key that stands twice in one object, NaN and infinity in any spelling, half a surrogate
    pair, or more than `DEEPEST` levels.
    """
    begins = _BEGINS.match(text)
    if begins is None:
        return text
    try:
        value, end = _DECODER.raw_decode(text, begins.end() - 1)
        if end < len(text) and text[end:].strip(_SPACE):
            return text
        text.encode()  # raises where half a pair stands in the text itself
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()  # and here, where it is escaped
    except (ValueError, RecursionError):
        return text
    few = text.count("[") + text.count("{") <= DEEPEST  # as a rule: then they cannot lie deeper, whatever they hold
    return value if few or depth_of(value) <= DEEPEST else text


def depth_of(value: object) -> int:
    """How many lists and objects lie within each other; stops counting just beyond `DEEPEST`."""
    depth = 0
    level: list[Any] = [value]
    while depth <= DEEPEST:
        level = [item for item in level if isinstance(item, (dict, list))]
        if not level:
            break
        depth += 1
        level = list(itertools.chain.from_iterable(map(_held_by, level)))
    return depth


def _held_by(holder: Any) -> Iterable[Any]:
    return cast("dict[str, Any]", holder).values() if isinstance(holder, dict) else holder


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        _refuse("a key that stands twice")
    return members


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)


def _refuse(what: str) -> NoReturn:
    message = f"{what} cannot be held"
    raise ValueError(message)


_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_refuse, parse_float=_finite)
