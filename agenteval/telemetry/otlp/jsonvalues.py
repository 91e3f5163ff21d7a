"""Members of OTLP/JSON objects in, checked Python values out; a wrong type is refused by name.

As ProtoJSON has it, null stands for a member that is not there.
"""

from __future__ import annotations

import binascii
import reprlib
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, cast

from agenteval.core.span import Attribute
from agenteval.errors import RequestError

UINT32 = range(2**32)
UINT64 = range(2**64)
_INT32 = range(-(2**31), 2**31)
_INT64 = range(-(2**63), 2**63)

DEEPEST = 30
"""Levels of lists and objects in one value: deeper ones would not fit the 100 levels of a protobuf message."""

MOST_PARTS = 1_000_000
"""Events and links of all spans of a request: each takes two bytes of a body, and some microseconds and 250 bytes."""

_Object = Mapping[str, Any]


def too_many_parts() -> str:
    """What a request is told that has more."""
    return f"the spans have more than {MOST_PARTS} events and links; send smaller batches"


def object_of(value: Any, name: str) -> _Object:
    """A member that is an object; empty where it is not there."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        _refuse(name, value, "an object")
    return cast("dict[str, Any]", value)


def list_of(value: Any, name: str) -> list[Any]:
    """A member that is a list; empty where it is not there."""
    if value is None:
        return []
    if not isinstance(value, list):
        _refuse(name, value, "a list")
    return cast("list[Any]", value)


def text_of(parent: _Object, name: str) -> str:
    """A member that is text; empty where it is not there."""
    value = parent.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        _refuse(name, value, "text")
    return value


def integer_of(parent: _Object, name: str, allowed: range) -> int:
    """A member that is an integer, as number or as text; 0 where it is not there."""
    value = parent.get(name)
    return 0 if value is None else _integer(value, name, allowed)


def enum_of(parent: _Object, name: str, names: Mapping[str, int]) -> int:
    """A member that is a value of an enumeration; its name is accepted, too, although OTLP forbids it."""
    value = parent.get(name)
    if isinstance(value, str) and value in names:
        return names[value]
    return integer_of(parent, name, _INT32)


def _integer(value: Any, name: str, allowed: range) -> int:
    number: Any = value
    if isinstance(value, str):
        try:
            number = int(value) if len(value) <= 40 and value.isascii() and "_" not in value else None
        except ValueError:
            number = None
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    if type(number) is not int or number not in allowed:
        _refuse(name, value, f"an integer from {allowed.start} to {allowed.stop - 1}")
    return number


# --- attributes


def attributes_of(pairs: Any, depth: int = 0) -> dict[str, Attribute]:
    """Attributes out of a list of keys and values; of one key the last value stays."""
    if pairs is None:
        return {}
    if depth > DEEPEST:
        _refuse_depth()
    if not isinstance(pairs, list):
        _refuse("attributes", pairs, "a list")
    attributes: dict[str, Attribute] = {}
    for pair in cast("list[Any]", pairs):
        if type(pair) is not dict:
            _refuse("attributes", pair, "a list of objects with key and value")
        key = cast("dict[str, Any]", pair).get("key", "")
        if type(key) is not str:
            _refuse("key", key, "text")
        value = cast("dict[str, Any]", pair).get("value")
        text = cast("dict[str, Any]", value).get("stringValue") if type(value) is dict and len(value) == 1 else None  # pyright: ignore[reportUnknownArgumentType]
        # nearly all are text
        attributes[key] = text if type(text) is str else value_of(value, depth)
    return attributes


def value_of(value: Any, depth: int) -> Attribute:
    """What an `AnyValue` holds; None where it holds nothing."""
    if value is None:
        return None
    for name, held in object_of(value, "value").items():
        if held is None:
            continue
        if name in _SCALARS:
            return _SCALARS[name](held, name)
        if name == "arrayValue":
            return _array(held, depth)
        if name == "kvlistValue":
            return attributes_of(object_of(held, name).get("values"), depth + 1)
    return None


def _text(value: Any, name: str) -> str:
    return value if isinstance(value, str) else _refuse(name, value, "text")


def _boolean(value: Any, name: str) -> bool:
    return value if isinstance(value, bool) else _refuse(name, value, "true or false")


def _int64(value: Any, name: str) -> int:
    return _integer(value, name, _INT64)


def _double(value: Any, name: str) -> float:
    try:
        return (
            float(value)
            if isinstance(value, (int, float, str)) and not isinstance(value, bool)
            else _refuse(name, value, "a number")
        )
    except (ValueError, OverflowError):
        _refuse(name, value, 'a number, "NaN", "Infinity" or "-Infinity"')


def _bytes(value: Any, name: str) -> bytes:
    if not isinstance(value, str):
        _refuse(name, value, "base64")
    try:
        text = value.rstrip("=").replace("-", "+").replace("_", "/")
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        _refuse(name, value, "base64")


def _array(held: Any, depth: int) -> list[Attribute]:
    if depth >= DEEPEST:
        _refuse_depth()
    return [value_of(item, depth + 1) for item in list_of(object_of(held, "arrayValue").get("values"), "values")]


_SCALARS: dict[str, Callable[[Any, str], Attribute]] = {
    "stringValue": _text,
    "boolValue": _boolean,
    "intValue": _int64,
    "doubleValue": _double,
    "bytesValue": _bytes,
}


def _refuse(name: str, value: Any, wanted: str) -> NoReturn:
    raise RequestError(
        f"{name} is {reprlib.repr(value)} ({type(value).__name__}), where the OTLP encoding has {wanted}"
    )


def _refuse_depth() -> NoReturn:
    raise RequestError(f"a value is nested more than {DEEPEST} levels deep; send it as text")
