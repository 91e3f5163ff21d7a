"""JSON text in, values out, and back. Never NaN, never a crash on what somebody else sent."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, cast

from agenteval._util.canonical import content_hash


def parsed_strictly(text: str) -> Any:
    """The value of JSON text.

    Raises:
        ValueError: Not JSON, NaN or infinity in any spelling (`1e999` too), or nested beyond reading.
    """
    return _loads(text, constant=_refused, number=_finite)


def parsed(text: bytes) -> Any:
    """The value of JSON bytes. NaN and infinity, which some servers send, are read as None: not measured.

    Raises:
        ValueError: Not JSON, not UTF-8, or nested beyond reading.
    """
    return _loads(text, constant=_none, number=_finite_or_none)


def dumped(value: object, *, ascii_only: bool = True) -> str:
    """JSON text on one line; mappings and tuples of any kind are taken.

    Args:
        value: What to write.
        ascii_only: Escape every other letter, so that lone surrogates can be encoded. Text that a model will read
            keeps its letters: escapes cost it tokens and sense.

    Raises:
        ValueError: NaN, infinity, or a value that JSON cannot hold.
    """
    try:
        return json.dumps(value, allow_nan=False, default=_plain, ensure_ascii=ascii_only, separators=(",", ":"))
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def hash_of(value: Any) -> str:
    """The content hash of a JSON value; lone surrogates, which have no canonical form, count as escapes.

    Raises:
        ValueError: NaN, infinity, or what JSON cannot hold.
    """
    try:
        return content_hash(value)
    except ValueError:
        # read as JSON will be read: two halves of a pair that stand side by side become one letter
        value = json.loads(dumped(value))
    try:
        return content_hash(value)
    except ValueError:
        text = json.dumps(value, sort_keys=True)
        return hashlib.sha256(f"escaped:{text}".encode()).hexdigest()


def as_object(value: object) -> Mapping[str, Any] | None:
    """The value where it is a JSON object; else None."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else None


def as_list(value: object) -> Sequence[Any]:
    """The value where it is a JSON list; else an empty one."""
    return cast("Sequence[Any]", value) if isinstance(value, (list, tuple)) else ()


def as_text(value: object) -> str | None:
    """The value where it is text that is not empty; else None."""
    return value if isinstance(value, str) and value else None


def _loads(text: str | bytes, *, constant: Any, number: Any) -> Any:
    try:
        return json.loads(text, parse_constant=constant, parse_float=number)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refused(name: str) -> NoReturn:
    message = f"{name} is not JSON"
    raise ValueError(message)


def _none(_: str) -> None:
    return None


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refused(text)


def _finite_or_none(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[object, object]", value))
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return list(cast("Sequence[object]", value))
    message = f"JSON cannot hold {type(value).__name__}"
    raise TypeError(message)
