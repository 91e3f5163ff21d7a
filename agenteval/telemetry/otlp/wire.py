"""A protobuf message as bytes in, how many fields it and all its nested messages have out, before any has memory.

A field of two bytes can be a message that takes two hundred once it is parsed, and some microseconds.

References:
    Protocol Buffers, "Encoding": a field is a varint of number and wire type, and what follows from the type.
"""

from __future__ import annotations

from typing import Any

_FIXED64, _LENGTH, _FIXED32 = 1, 2, 5
_LONGEST_VARINT = 10

Nested = dict[int, "Nested"]
"""Numbers of the fields that hold messages, with the same of those."""


def nested_of(descriptor: Any, known: dict[str, Nested] | None = None) -> Nested:
    """Which fields of a type of messages are messages themselves; where a type holds itself, so does what is given."""
    known = {} if known is None else known
    if descriptor.full_name not in known:
        nested = known[descriptor.full_name] = Nested()
        for field in descriptor.fields:
            if field.message_type is not None:
                nested[field.number] = nested_of(field.message_type, known)
    return known[descriptor.full_name]


def fields_in(body: bytes, nested: Nested, *, most: int) -> int:
    """How many fields a message has, those of the messages in it included.

    Args:
        body: The message.
        nested: Which of its fields are messages.
        most: Stops counting above that.

    Returns:
        The count; what is malformed is counted as far as it can be read, for the parser will refuse it.
    """
    counted = 0
    waiting = [(0, len(body), nested)]
    while waiting:
        at, end, nested = waiting.pop()
        while at < end:
            counted += 1
            if counted > most:
                return counted
            tag = body[at]
            at += 1
            if tag > 127:
                tag, at = _varint(body, at - 1, end)
            kind = tag & 7
            if kind == _LENGTH:
                length = body[at] if at < end else 0
                at += 1
                if length > 127:
                    length, at = _varint(body, at - 1, end)
                inner = nested.get(tag >> 3)
                if inner is not None and length:
                    waiting.append((at, min(at + length, end), inner))
                at += length
            elif kind == _FIXED64:
                at += 8
            elif kind == _FIXED32:
                at += 4
            elif not kind:
                at = _varint(body, at, end)[1]
            # else the beginning or end of a group, whose fields are counted as if they stood here
    return counted


def _varint(body: bytes, at: int, end: int) -> tuple[int, int]:
    """A varint and the place after it; the end of the message where it is cut or too long."""
    number = shift = 0
    for place in range(at, min(at + _LONGEST_VARINT, end)):
        byte = body[place]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, place + 1
        shift += 7
    return 0, end
