"""What kind of JSON a value is, told to readers and to the type checker alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeGuard


class _Absent:
    """What stands for a value that is not there; JSON has none such."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "(not there)"


ABSENT: Final = _Absent()


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


def key_of(value: Any) -> tuple[str, Any] | None:
    """What tells a JSON scalar apart from others that are not equal to it, to be hashed; None for what is no scalar."""
    if value is None or isinstance(value, (bool, str)):
        return type(value).__name__, value
    return ("number", value) if is_number(value) else None


def member(node: Any, key: object) -> Any:
    """What an object has under a key, or a list at an index; `ABSENT` where there is none."""
    if isinstance(key, str):
        return node.get(key, ABSENT) if is_object(node) else ABSENT
    return node[key] if isinstance(key, int) and is_list(node) and key < len(node) else ABSENT
