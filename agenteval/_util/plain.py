"""Any Python value in, a plain JSON copy of it out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, cast

_DEEPEST = 64


def plain(value: object, _depth: int = 0) -> Any:
    """A copy that is plain JSON and shares nothing that can change.

    Dataclasses and pydantic models become objects, sets and tuples lists, keys text. What JSON cannot hold becomes its
    text, so that a recording never fails because of what an agent passed: `nan` becomes `"nan"`, an object its `repr`.
    """
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else repr(value)
    if _depth >= _DEEPEST:
        return "[nested too deeply]"
    if isinstance(value, Mapping):
        members = cast("Mapping[object, object]", value)
        return {str(key): plain(item, _depth + 1) for key, item in members.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item, _depth + 1) for item in cast("list[object]", value)]
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        return plain(dump(mode="python"), _depth + 1)
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name), _depth + 1) for item in fields(value)}
    return repr(cast("object", value))
