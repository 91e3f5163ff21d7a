"""The type of JSON values, as everything here that came from or goes to JSON."""

from __future__ import annotations

import base64
import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""A JSON value. Sequences are lists or tuples, never `str`; keys are text."""

_NAMES = {math.inf: "Infinity", -math.inf: "-Infinity"}


def json_of(value: Any) -> Any:
    """What a span's attribute holds, as JSON; what is JSON already comes back as it is, not as a copy.

    Bytes are their base64 text, NaN and infinity their names, as OTLP's JSON has them.
    """
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, dict):  # the class first: asking the abstract one costs ten times as much
        return _object(cast("dict[str, Any]", value))
    if isinstance(value, (list, tuple)):
        return _list(cast("Sequence[Any]", value))
    if isinstance(value, float):
        return value if math.isfinite(value) else _NAMES.get(value, "NaN")
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    return _object(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else value


def _object(members: Mapping[str, Any]) -> Mapping[str, Any]:
    changed: dict[str, Any] | None = None
    for key, item in members.items():
        if (held := json_of(item)) is not item:
            if changed is None:
                changed = dict(members)
            changed[key] = held
    return members if changed is None else changed


def _list(items: Sequence[Any]) -> Sequence[Any]:
    parts = [json_of(item) for item in items]
    return parts if any(map(operator.is_not, parts, items)) else items
