"""A protobuf message as bytes in, how many fields its nested messages have out, before any is given memory.

References:
    Protocol Buffers, "Encoding": a field is a varint of number and wire type, and what follows from the type.
"""

from __future__ import annotations

from collections.abc import Sequence

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10


def fields_in(body: bytes, path: Sequence[int], *, most: int) -> int:
    """How many fields a message has, those of the messages that stand at the nested fields included.

    Args:
        body: The outermost message.
        path: Number of the field to follow at each level.
        most: Stops counting above that.

    Returns:
        The count; what is malformed is counted as far as it can be read, for the parser will refuse it.
    """
    counted = 0
    spans = [(0, len(body), 0)]
    while spans:
        at, end, level = spans.pop()
        while at < end:
            counted += 1
            if counted > most:
                return counted
            tag, at = _varint(body, at, end)
            kind = tag & 7
            if kind == _LENGTH:
                length, at = _varint(body, at, end)
                if level < len(path) and tag >> 3 == path[level]:
                    spans.append((at, min(at + length, end), level + 1))
                at += length
            elif kind == _VARINT:
                at = _varint(body, at, end)[1]
            elif kind in (_FIXED64, _FIXED32):
                at += 8 if kind == _FIXED64 else 4
            else:  # groups, which no OTLP message has
                break
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
