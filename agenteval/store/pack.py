"""JSON and bytes in, one compact text out, and back: nothing lost.

orjson refuses or changes a few values that telemetry holds all the same: bytes, lone surrogates, integers beyond 64
bits, NaN and infinity. Each of them is written as `{"$agenteval": [tag, text]}`; an object that really has that key is
written as a list of pairs. A text without the mark needs no second look when it is read.
"""

from __future__ import annotations

import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import orjson

from agenteval.errors import StoreError

DEEPEST = 200
"""Levels of nesting that can be stored where a value needs escapes; 254 where it needs none."""

_MARK = "$agenteval"
_MARKED = b'"$agenteval"'
REFERENCE = b'{"$agenteval":["c",'
"""How a reference to a content begins, in a text that is not compressed."""

_STRICT = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
_REFERRED = re.compile(rb'"\$agenteval":\["c","([0-9a-f]{32})"\]')  # within a text, a quote would be escaped
_LOWEST = -(2**63)
_HIGHEST = 2**64 - 1
_WORTH_SQUEEZING = 512
_REFERS = b"r"
_FEW = 64


class Kept:
    """Stands in a value for a content that is kept elsewhere, under this digest in hexadecimal digits."""

    __slots__ = ("digest",)

    def __init__(self, digest: str) -> None:
        self.digest = digest


def pack(value: object, *, refs: int = 0, ordered: bool = False) -> bytes:
    """A value as JSON text.

    Args:
        value: JSON, bytes and `Kept`; tuples are lists.
        refs: How many `Kept` it holds.
        ordered: Sort keys, so that equal values give equal texts; 1, 1.0 and true still give different ones.

    Raises:
        StoreError: It holds something else, or is nested too deeply.
    """
    order = orjson.OPT_SORT_KEYS if ordered else 0
    try:
        data = orjson.dumps(value, default=_ref, option=_STRICT | order)
    except TypeError:
        return orjson.dumps(_escaped(value, 0), option=order)
    if refs < data.count(_MARKED) or (b"null" in data and _hides_number(value)):
        return orjson.dumps(_escaped(value, 0), option=order)
    return data


def unpack(data: bytes, lookup: Callable[[str], Any] | None = None) -> Any:
    """The value of a text that `pack` wrote.

    Args:
        data: The text.
        lookup: Gives the content of a digest; needed where the value was packed with `Kept`.
    """
    value = orjson.loads(data)
    return _unescaped(value, lookup) if _is_marked(data) else value


def referred_digests(data: bytes) -> list[bytes]:
    """Digests of the contents that a text refers to."""
    return [bytes.fromhex(found.decode()) for found in _REFERRED.findall(data)] if _is_marked(data) else []


def _is_marked(data: bytes) -> bool:
    """Whether a text holds the mark: it is read for nearly every row, so the rare byte of it is looked for first."""
    at = data.find(b"$")
    for _ in range(_FEW):
        if at < 0:
            return False
        if data.startswith(_MARKED, at - 1):
            return True
        at = data.find(b"$", at + 1)
    return _MARKED in data


def squeeze(data: bytes, *, refers: bool = False) -> bytes:
    """A JSON text, compressed where that helps.

    Args:
        data: The text.
        refers: Mark it as a text with references.
    """
    if refers:
        return _REFERS + zlib.compress(data, 1)
    if len(data) < _WORTH_SQUEEZING:
        return data
    smaller = zlib.compress(data, 1)
    return smaller if len(smaller) < len(data) else data


def refers(data: bytes) -> bool:
    """Whether what `squeeze` gave is a text with references."""
    return data[:1] == _REFERS


def unsqueeze(data: bytes) -> bytes:
    """The JSON text of what `squeeze` gave."""
    # a zlib stream begins with "x", and no JSON text with that or with the mark
    if data[:1] == b"x":
        return zlib.decompress(data)
    return zlib.decompress(data[1:]) if refers(data) else data


def encodable(text: str) -> bool:
    """Whether a text can be a column's value in every database: no NUL, no lone surrogate."""
    return text.isprintable() or ("\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text))


def _ref(value: object) -> Any:
    if isinstance(value, Kept):
        return {_MARK: ["c", value.digest]}
    raise TypeError


def _hides_number(value: Any) -> bool:
    """Whether a value holds NaN or infinity, which orjson would write as null."""
    if isinstance(value, float):
        return value - value != 0
    if isinstance(value, dict):
        return any(
            _hides_number(item) for item in cast("dict[str, Any]", value).values() if isinstance(item, _MAY_HIDE)
        )
    if isinstance(value, (list, tuple)):
        return any(_hides_number(item) for item in cast("Sequence[Any]", value) if isinstance(item, _MAY_HIDE))
    return False


_MAY_HIDE = (float, dict, list, tuple)


# --- escapes


def _escaped(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _escaped_text(value)
    if isinstance(value, int):
        return int(value) if _LOWEST <= value <= _HIGHEST else {_MARK: ["i", format(value, "x")]}
    if isinstance(value, float):
        return {_MARK: ["f", repr(float(value))]} if value - value != 0 else float(value)
    if isinstance(value, (bytes, bytearray)):
        return {_MARK: ["b", b64encode(value).decode()]}
    if depth >= DEEPEST:
        raise StoreError(f"cannot store a value nested more than {DEEPEST} levels deep; flatten it, or keep it as text")
    if isinstance(value, Mapping):
        return _escaped_object(cast("Mapping[object, Any]", value), depth + 1)
    if isinstance(value, Sequence):
        return [_escaped(item, depth + 1) for item in cast("Sequence[Any]", value)]
    if isinstance(value, Kept):
        return _ref(value)
    kind = type(cast("object", value)).__name__
    raise StoreError(f"cannot store {value!r:.80} ({kind}); allowed are JSON values and bytes")


def _escaped_text(text: str) -> Any:
    try:
        text.encode()
    except UnicodeEncodeError:
        return {_MARK: ["s", b64encode(text.encode("utf-8", "surrogatepass")).decode()]}
    return str.__str__(text)


def _escaped_object(members: Mapping[object, Any], depth: int) -> Any:
    for key in members:
        if not isinstance(key, str):
            raise StoreError(f"cannot store the key {key!r:.80} ({type(key).__name__}); keys are text")
    texts = cast("Mapping[str, Any]", members)
    plain = {key: _escaped(value, depth) for key, value in texts.items()}
    if _MARK not in texts and all(isinstance(_escaped_text(key), str) for key in texts):
        return plain
    return {_MARK: ["d", [[_escaped_text(key), plain[key]] for key in sorted(plain)]]}


def _unescaped(value: Any, lookup: Callable[[str], Any] | None) -> Any:
    if isinstance(value, list):
        return [_unescaped(item, lookup) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, Any]", value)
    if _MARK not in members:
        return {key: _unescaped(item, lookup) for key, item in members.items()}
    tag, payload = members[_MARK]
    if tag == "d":
        return {_unescaped(key, lookup): _unescaped(item, lookup) for key, item in payload}
    if tag == "c" and lookup is not None:
        return lookup(payload)
    return _SCALARS[tag](payload)


_SCALARS: dict[str, Callable[[str], Any]] = {
    "s": lambda text: b64decode(text).decode("utf-8", "surrogatepass"),
    "i": lambda text: int(text, 16),
    "f": float,
    "b": b64decode,
}
