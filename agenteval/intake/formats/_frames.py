"""A binary file in, the OTLP messages that it holds out, one after the other, each with its place.

Three framings are known: one message, or several one after the other, which is the same to protobuf; messages that
each follow their length as a varint, as protobuf libraries write streams; and messages that each follow their length
in four bytes, as the collector's file exporter writes them, compressed with zstd where it was told to.

References:
    Protocol Buffers, "Encoding" and "Streaming Multiple Messages".
    OpenTelemetry Collector Contrib, exporter/fileexporter, README: "File Format".
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

from agenteval.errors import RequestError
from agenteval.intake.formats._json import LARGEST, Unreadable
from agenteval.intake.formats._split import Piece, Read
from agenteval.telemetry.decompress import decompress

Framing: TypeAlias = Literal["plain", "varint", "four bytes"]

FIRST_BYTE: Final = 0x0A
"""The tag of field 1, which every OTLP request begins with."""

_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_LENGTH: Final = 4
_LONGEST_VARINT: Final = 10
_MORE: Final = 0x80


def framing_of(start: bytes) -> Framing | None:
    """How the messages of a file are framed, by its first bytes; None where they are no OTLP messages."""
    if start[:1] == bytes([FIRST_BYTE]):
        return "plain"
    if start[:1] == b"\0" and _begins_message(start[_LENGTH:]):
        return "four bytes"
    length, after = _varint(start)
    return "varint" if length and start[after : after + 1] == bytes([FIRST_BYTE]) else None


def _begins_message(start: bytes) -> bool:
    return start[:1] in {bytes([FIRST_BYTE]), b"{"} or start.startswith(_ZSTD)


def messages(read: Read, framing: Framing) -> Iterator[Piece]:
    """Each message, or why it cannot be read; after what is cut off or no message nothing more is read."""
    stream = _Stream(read)
    number = 0
    while True:
        at = stream.offset
        where = f"byte {at:,}" if framing == "plain" else f"message {number}"
        try:
            data = _next(stream, framing)
        except (Unreadable, OSError, EOFError, zlib.error) as error:
            yield Piece(place=where, problem=_why(error))
            return
        if data is None:
            return
        yield _piece(data, where)
        number += 1


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, Unreadable) else f"the file cannot be read further: {error}"


def _piece(data: bytes, where: str) -> Piece:
    if not data.startswith(_ZSTD):
        return Piece(place=where, data=data)
    try:
        return Piece(place=where, data=decompress(data, "zstd", LARGEST))
    except RequestError as error:
        return Piece(place=where, problem=str(error))


def _next(stream: _Stream, framing: Framing) -> bytes | None:
    """The next message; None at the end. Raises Unreadable, and what the file's reader raises."""
    first = stream.take(1)
    if not first:
        return None
    if framing == "four bytes":
        return stream.exactly(int.from_bytes(first + stream.exactly(_LENGTH - 1)))
    if framing == "varint":
        return stream.exactly(stream.varint(first))
    if first[0] != FIRST_BYTE:
        raise Unreadable(f"no OTLP message goes on here: the next byte is 0x{first[0]:02x}, where 0x0a is due")
    length, written = stream.counted(b"")
    return first + written + stream.exactly(length)


class _Stream:
    """Bytes, taken in the pieces that are asked for."""

    def __init__(self, read: Read) -> None:
        self.offset = 0
        self._read = read

    def take(self, count: int) -> bytes:
        """So many bytes, fewer at the end."""
        taken = bytearray()
        while len(taken) < count and (chunk := self._read(min(count - len(taken), 1 << 20))):
            taken += chunk
        self.offset += len(taken)
        return bytes(taken)

    def exactly(self, count: int) -> bytes:
        """So many bytes. Raises Unreadable where there are fewer, or they would be too many."""
        if count > LARGEST:
            raise Unreadable(f"a message of {count:,} bytes begins here; at most {LARGEST:,} are read")
        taken = self.take(count)
        if len(taken) < count:
            raise Unreadable(f"the file ends inside this message: {count:,} bytes are due, {len(taken):,} are there")
        return taken

    def varint(self, first: bytes) -> int:
        """A length of which the first byte was taken."""
        return self.counted(first)[0]

    def counted(self, written: bytes) -> tuple[int, bytes]:
        """A length and the bytes that it is written in, some of them taken before."""
        while not written or written[-1] & _MORE:
            if len(written) == _LONGEST_VARINT:
                raise Unreadable("what should be the length of a message is none")
            written += self.exactly(1)
        return _varint(written)[0], written


def _varint(start: bytes) -> tuple[int, int]:
    """A number that bytes begin with, and how many it takes; zeroes where there is none."""
    value = 0
    for place, byte in enumerate(start[:_LONGEST_VARINT]):
        value |= (byte & (_MORE - 1)) << (7 * place)
        if not byte & _MORE:
            return value, place + 1
    return 0, 0
