"""Decoded JSON in, what a format's reader expects of it out, or a refusal that names the place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from agenteval._util.canonical import content_hash
from agenteval.core.json import Json
from agenteval.errors import ImportRefused
from agenteval.intake.formats._json import Decoded, Unreadable
from agenteval.intake.formats._record import Imported, Record
from agenteval.intake.formats._source import Source
from agenteval.intake.formats._split import Piece

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


Build = Callable[[Source, Decoded, str], Imported]
"""Makes a trace of a decoded record and its place; raises Unreadable where it is none."""


def each(source: Source, pieces: Iterator[Piece], build: Build, *, of: str | None = None) -> Iterator[Record]:
    """A record or a refusal for every element of a list, and a refusal for every other piece that is broken.

    Args:
        source: The file.
        pieces: What the file was split into.
        build: Makes a record of a piece.
        of: The member of the outermost object whose elements are the records; None for an outermost list.
    """
    for piece in pieces:
        if piece.problem is not None:
            yield source.refusal(piece.where, piece.problem)
        elif piece.data is not None and piece.key == of:
            yield attempt(source, piece, build)


def never_nothing(records: Iterator[Record], refusal: ImportRefused) -> Iterator[Record]:
    """The records; the refusal where there is none, so that a file that holds nothing says so."""
    empty = True
    for record in records:
        empty = False
        yield record
    if empty:
        yield refusal


def attempt(source: Source, piece: Piece, build: Build) -> Record:
    """The record that a piece is, or why it is none."""
    try:
        return build(source, piece.value(), piece.where)
    except Unreadable as error:
        return source.refusal(piece.where, str(error))
    except Exception as error:  # noqa: BLE001 (a record that we did not foresee must not end the import of the others)
        return source.refusal(piece.where, f"not foreseen: {type(error).__name__}: {error}")


def object_of(value: Json, what: str) -> dict[str, Any]:
    """The value, where it is an object. Raises Unreadable."""
    if not isinstance(value, dict):
        raise Unreadable(f"{what} must be an object, not {shown(value)}")
    return cast("dict[str, Any]", value)


def list_of(value: Json, what: str) -> list[Any]:
    """The value, where it is a list. Raises Unreadable."""
    if not isinstance(value, list):
        raise Unreadable(f"{what} must be a list, not {shown(value)}")
    return cast("list[Any]", value)


def objects_of(value: Json, what: str) -> list[dict[str, Any]]:
    """The value, where it is a list of objects. Raises Unreadable."""
    return [object_of(item, f"{what}[{at}]") for at, item in enumerate(list_of(value, what))]


def maybe_object(value: object) -> dict[str, Any]:
    """The value, where it is an object, else an empty one: for what may be missing without harm."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def maybe_objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list; none where it is no list: for what may be missing without harm."""
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]


def maybe_text(value: object) -> str | None:
    """The value, where it is text."""
    return value if isinstance(value, str) else None


def maybe_count(value: object) -> int | None:
    """The value, where it is a whole number that is not negative."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def maybe_number(value: object) -> float | None:
    """The value, where it is a number."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def text_id(value: Json, what: str) -> str:
    """An id, as text. Raises Unreadable where it is neither text nor a whole number."""
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        raise Unreadable(f"{what} must be text or a whole number, not {shown(value)}")
    return str(value)


def whole_number(value: Json, what: str) -> int:
    """A count. Raises Unreadable."""
    count = maybe_count(value)
    if count is None:
        raise Unreadable(f"{what} must be a whole number from 0, not {shown(value)}")
    return count


def hash_of(value: Json) -> str:
    """Content hash of what a file says of a task; empty where it says nothing."""
    return "" if value is None else content_hash(value)


def time_of(value: object) -> int | None:
    """Nanoseconds since the Unix epoch of an ISO 8601 time; one without an offset counts as UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // timedelta(microseconds=1) * 1000
    except (ValueError, OverflowError):
        return None


def one_line(text: str, *, longest: int = 300) -> str:
    """A text cut to one line, for a reason that reports show."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[:longest]}…"


def shown(value: object) -> str:
    """A value as a refusal shows it: cut, and with its type."""
    if value is None:
        return "missing or null"
    text = repr(value)
    return f"{text[:60]}{'…' if len(text) > 60 else ''} ({type(value).__name__})"
