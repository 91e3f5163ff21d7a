"""What kind of JSON a value is, told to readers and to the type checker alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard


def is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """A JSON object."""
    return isinstance(value, (dict, Mapping))


def is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    """A JSON list."""
    return isinstance(value, (list, tuple))


def is_number(value: Any) -> TypeGuard[int | float]:
    """A JSON number that can be reckoned with: not true or false, not infinite."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return isinstance(value, int) or math.isfinite(value)
