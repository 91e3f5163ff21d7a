"""Records of trace stores in, spans as their producer would have sent them out, with the record that they were made of.

Ids that are none of OpenTelemetry's (ids of another length, UUIDs of observations) become ids that follow from them.
Every span notes the file and the place that it came from, and the first one keeps what of the record the spans do not
say word for word (see `_original`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

from agenteval._util.ids import derived
from agenteval.core import semconv
from agenteval.core.json import Json
from agenteval.core.span import Span
from agenteval.errors import ImportRefused
from agenteval.intake.formats._json import LARGEST, Decoded, Unreadable
from agenteval.intake.formats._original import keep
from agenteval.intake.formats._reading import maybe_object, time_of
from agenteval.intake.formats._record import Record, Telemetry
from agenteval.intake.formats._source import Source
from agenteval.intake.formats._split import Piece, lines, split

SPAN_ERROR: Final = 2
MICROSECOND: Final = 1_000
_TRACE_DIGITS, _SPAN_DIGITS = 32, 16
_HEX: Final = frozenset("0123456789abcdef")
_MILLISECONDS, _MICROSECONDS, _NANOSECONDS = 10**11, 10**14, 10**17  # later than 1973 in each unit
_LARGEST_TIME: Final = 2**63

Convert = Callable[[Decoded], Sequence[Span]]
"""The spans of a decoded record. Raises Unreadable where it is none."""


def whole(source: Source) -> Piece:
    """The file as one piece."""
    found = bytearray()
    try:
        with source.open() as read_bytes:
            while chunk := read_bytes(1 << 20):
                found += chunk
                if len(found) > LARGEST:
                    return Piece(place="file", problem=f"one record, and larger than {LARGEST:,} bytes")
    except (OSError, EOFError, Unreadable) as error:
        return Piece(place="file", problem=f"the file cannot be read further: {error}")
    return Piece(place="file", data=bytes(found).removeprefix(b"\xef\xbb\xbf"))


def records(source: Source, *, member: str | None = None) -> Iterator[Piece]:
    """The records of a file: its lines, the elements of its list, those of a member's list, or all of it.

    Args:
        source: The file.
        member: The member of the outermost object whose list holds the records, where there is such a member.
    """
    shape = source.look.shape
    if shape == "object" and (member is None or member not in source.look.keys):
        yield whole(source)
        return
    with source.open() as read_bytes:
        if shape == "lines":
            for number, data, problem in lines(read_bytes):
                yield Piece(place=f"line {number}", data=data, problem=problem)
            return
        for piece in split(read_bytes, frozenset() if member is None else frozenset({member})):
            if piece.problem is not None or piece.index is not None:
                yield piece


def converted(source: Source, pieces: Iterable[Piece], convert: Convert) -> Iterator[Record]:
    """The spans of each record, or why it is refused; a refusal where a file holds no span at all."""
    empty = True
    for piece in pieces:
        empty = False
        yield _one(source, piece, convert)
    if empty:
        yield source.refusal("file", "it holds no record")


def _one(source: Source, piece: Piece, convert: Convert) -> Telemetry | ImportRefused:
    try:
        record = piece.value()
        spans = convert(record)
    except Unreadable as error:
        return source.refusal(piece.where, str(error))
    except Exception as error:  # noqa: BLE001 (a record that we did not foresee must not end the import of the others)
        return source.refusal(piece.where, f"not foreseen: {type(error).__name__}: {error}")
    if not spans:
        return source.refusal(piece.where, "it holds no span")
    return Telemetry(spans=_noted(source, piece.where, record, spans), position=piece.where)


def _noted(source: Source, position: str, record: Decoded, spans: Sequence[Span]) -> tuple[Span, ...]:
    """The spans with what they were made of."""
    place: dict[str, Any] = {
        semconv.IMPORT_FILE: source.name,
        semconv.IMPORT_SHA256: source.sha256,
        semconv.IMPORT_POSITION: position,
    }
    kept = keep(record, ((span.span_id, span.attributes) for span in spans))
    made = [replace(span, attributes={**span.attributes, **place}) for span in spans]
    made[0] = replace(made[0], attributes={**made[0].attributes, semconv.IMPORT_RECORD: cast("Any", kept)})
    return tuple(made)


# --- ids, times and values


def trace_id_of(written: object) -> str:
    """A trace id: hexadecimal digits as they are, an UUID without its dashes, anything else by what it names."""
    text = str(written or "").strip().lower()
    digits = text.replace("-", "")
    if _is_hex(digits) and len(digits) == _TRACE_DIGITS:
        return digits
    if _is_hex(text) and len(text) <= _TRACE_DIGITS and len(text) % _SPAN_DIGITS == 0:  # of 64 bits
        return text.rjust(_TRACE_DIGITS, "0")
    if not text:
        raise Unreadable("a span names no trace")
    return derived("trace", text)


def span_id_of(trace_id: str, written: object) -> str:
    """A span id: 16 hexadecimal digits as they are, anything else by what it names. Raises Unreadable."""
    text = str(written or "").strip().lower()
    if _is_hex(text) and len(text) == _SPAN_DIGITS:
        return text
    if not text:
        raise Unreadable("a span has no id")
    return derived("span", trace_id, text, digits=_SPAN_DIGITS)


def parent_id_of(trace_id: str, written: object) -> str | None:
    """The id of a parent; None where there is none."""
    return None if not written or set(str(written)) == {"0"} else span_id_of(trace_id, written)


def _is_hex(text: str) -> bool:
    return bool(text) and set(text) <= _HEX and set(text) != {"0"}


def moment(value: object) -> int | None:
    """Nanoseconds since 1970: of a text in ISO 8601, or a number in the unit that makes it a time of today."""
    if isinstance(value, str):
        return time_of(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < _LARGEST_TIME:
        return None
    for least, factor in ((_NANOSECONDS, 1), (_MICROSECONDS, 10**3), (_MILLISECONDS, 10**6)):
        if value >= least:
            return int(value * factor) if isinstance(value, int) else round(value * factor)
    return round(value * 10**9)


def as_text(value: Json) -> str:
    """A value as attributes carry it: text as it is, the rest as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def attribute(value: Json) -> Any:
    """A value as an attribute: scalars and lists of texts as they are, the rest as JSON text."""
    if isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return as_text(value)


def put(attributes: dict[str, Any], values: Mapping[str, Json]) -> None:
    """Add what is there: null and empty objects and lists are nothing."""
    for name, value in values.items():
        if value is not None and value not in ({}, []):
            attributes[name] = attribute(value)


def scope_of(written: object) -> dict[str, Any]:
    """A scope out of an object with name and version."""
    scope = maybe_object(written)
    return {"name": str(scope.get("name") or ""), "version": str(scope.get("version") or "")}
