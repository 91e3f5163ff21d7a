"""The type of JSON values, as everything here that came from or goes to JSON."""

from __future__ import annotations

import base64
import math
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
    if isinstance(value, float):
        return value if math.isfinite(value) else _NAMES.get(value, "NaN")
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, (dict, Mapping)):
        members = cast("Mapping[str, Any]", value)
        held = {key: json_of(item) for key, item in members.items()}
        return held if any(held[key] is not item for key, item in members.items()) else members
    if isinstance(value, (list, tuple)):
        items = cast("Sequence[Any]", value)
        parts = [json_of(item) for item in items]
        return parts if any(part is not item for part, item in zip(parts, items, strict=True)) else items
    return value
