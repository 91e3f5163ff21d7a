"""JSON in, its one canonical text out, and hashes of it.

References:
    RFC 8785, JSON Canonicalization Scheme (JCS). One extension: integers beyond 2**53 keep all their digits,
    so that two different 64-bit integers never hash alike.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring as _quoted
from typing import Any

_EXACT = 2**53
_PLAIN_BELOW = 1e21  # ECMAScript writes a number of up to 21 digits without an exponent
_PLAIN_ABOVE = 1e-6


def canonical(value: object, *, lone_surrogates: bool = False) -> bytes:
    """The canonical JSON of a value, as UTF-8.

    `1` and `1.0` give the same text; `1`, `true` and `"1"` differ. Tuples are lists.

    Args:
        value: Anything that JSON can hold.
        lone_surrogates: Whether they may be in it; the text is no UTF-8 then, and good for a hash alone.

    Raises:
        ValueError: NaN or infinity, a lone surrogate, a key that is not text, or a value that JSON cannot hold.
    """
    pieces: list[str] = []
    _write(value, pieces.append)
    try:
        return "".join(pieces).encode("utf-8", "surrogatepass" if lone_surrogates else "strict")
    except UnicodeEncodeError as error:
        message = f"canonical JSON cannot hold a lone surrogate: {error.object[error.start]!a}"
        raise ValueError(message) from error


def content_hash(value: object, *, lone_surrogates: bool = False) -> str:
    """SHA-256 of the canonical JSON, as 64 hexadecimal digits. Takes and raises what `canonical` does."""
    return hashlib.sha256(canonical(value, lone_surrogates=lone_surrogates)).hexdigest()


def _write(value: Any, put: Any) -> None:
    if isinstance(value, str):
        put(_quoted(value))
    elif value is None:
        put("null")
    elif value is True:
        put("true")
    elif value is False:
        put("false")
    elif isinstance(value, int):
        put(int.__repr__(value))
    elif isinstance(value, float):
        put(_number(value))
    elif isinstance(value, Mapping):
        _write_object(value, put)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        separator = "["
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            put(separator)
            _write(item, put)
            separator = ","
        put("[]" if separator == "[" else "]")
    else:
        message = f"canonical JSON cannot hold {value!r} ({type(value).__name__})"
        raise ValueError(message)


def _write_object(value: Mapping[Any, Any], put: Any) -> None:
    for key in value:
        if not isinstance(key, str):
            message = f"canonical JSON has text keys only, not {key!r} ({type(key).__name__})"
            raise ValueError(message)  # noqa: TRY004 (one type for every refusal)
    separator = "{"
    # RFC 8785 sorts by UTF-16 code units, which differs from code points above U+FFFF
    for key in sorted(value, key=_utf16):
        put(separator)
        put(_quoted(key))
        put(":")
        _write(value[key], put)
        separator = ","
    put("{}" if separator == "{" else "}")


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _number(value: float) -> str:
    """A float as ECMAScript writes it: shortest digits, exponent only outside [1e-6, 1e21)."""
    if not math.isfinite(value):
        message = f"canonical JSON cannot hold {value!r}"
        raise ValueError(message)
    if value.is_integer() and abs(value) <= _EXACT:
        return repr(int(value))
    text = repr(float(value))
    mantissa, marker, exponent = text.partition("e")
    if not marker:
        return text.removesuffix(".0")
    if not _PLAIN_ABOVE <= abs(value) < _PLAIN_BELOW:
        sign = "-" if exponent.startswith("-") else "+"
        return f"{mantissa}e{sign}{exponent.lstrip('+-').lstrip('0')}"
    sign, digits = ("-", mantissa[1:]) if mantissa.startswith("-") else ("", mantissa)
    whole, _, fraction = digits.partition(".")
    places = int(exponent)
    if places < 0:
        return f"{sign}0.{'0' * (-places - 1)}{whole}{fraction}"
    return f"{sign}{whole}{fraction}{'0' * (places - len(fraction))}"
