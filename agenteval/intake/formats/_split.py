"""A stream of JSON bytes in, its records out one by one: memory holds one record, however long the file is.

A record is an element of the outermost list, or of a list that is a member of the outermost object and was named; any
other member of that object is one piece. A broken record does not end the stream: the splitter looks at brackets,
commas and quotes only, so it finds the next one wherever the quotes of the broken one are closed.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from agenteval.intake.formats._json import LARGEST, Decoded, Unreadable, decode

Read = Callable[[int], bytes]
"""Up to that many bytes; none at the end. May raise OSError, EOFError, zlib.error or Unreadable."""

_Token: TypeAlias = tuple[int, int]  # a bracket or comma, and the depth that it leads to

_CHUNK = 1 << 20
_OUTER = 2  # levels whose brackets and commas are looked at one by one
_BLANK = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_OPENING, _CLOSING = b"[{", b"]}"
_QUOTE, _COMMA, _LIST, _OBJECT = ord('"'), ord(","), ord("["), ord("{")
# the repetitions are bounded, because the regex engine remembers each one until it is done
_TO_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|"[^"]*+"){0,500}+')
_TO_COMMA = re.compile(rb'(?:[^"\[\]{},]++|"[^"]*+"){0,500}+')
_KEY = re.compile(rb'[ \t\r\n]*"((?:[^"\\]|\\.){0,200})"[ \t\r\n]*:[ \t\r\n]*', re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of a JSON text.

    Attributes:
        key: The member of the outermost object that it is, or whose list it is an element of.
        index: Its place in the list; None where it is a whole member.
        data: Its bytes, for `value`. None where it only says that the list begins (`key` is the list's name), or where
            there is a problem.
        problem: Why it cannot be read.
        place: Its place in words, where neither key nor index says it.
        outside: Whether it lies before or after the JSON text, rather than in it.
    """

    key: str | None = None
    index: int | None = None
    data: bytes | None = None
    problem: str | None = None
    place: str = "file"
    outside: bool = False

    @property
    def where(self) -> str:
        """Its place in words, such as `simulations[3]`."""
        place = "" if self.index is None else f"[{self.index}]"
        return f"{self.key}{place}" if self.key is not None else f"record {self.index}" if place else self.place

    def value(self) -> Decoded:
        """The decoded piece. Raises Unreadable."""
        if self.data is None:
            raise Unreadable(self.problem or "nothing to decode")
        return decode(self.data)


def split(read: Read, streamed: frozenset[str] = frozenset(), *, largest: int = LARGEST) -> Iterator[Piece]:
    """The pieces of one JSON text, in order.

    Args:
        read: Gives the bytes.
        streamed: Names of members of the outermost object whose lists are taken apart.
        largest: Bytes that a piece may have; a larger one is passed over with a problem.
    """
    text = _Text(read, largest)
    tokens = text.tokens()
    first = next(tokens, None)
    if first is None or not text.blank() or first[0] not in _OPENING:
        yield Piece(problem=text.trouble or "no JSON list or object begins here", outside=True)
        return
    text.drop()
    pieces = _elements(text, tokens, None, 1) if first[0] == _LIST else _object(text, tokens, streamed)
    closed = yield from pieces
    if not closed:
        return
    if next(tokens, None) is not None or text.trouble or not text.blank():
        problem = text.trouble or f"more text after the end of the JSON, at byte {text.start}"
        yield Piece(problem=problem, outside=True)


def _object(text: _Text, tokens: Iterator[_Token], streamed: frozenset[str]) -> Generator[Piece, None, bool]:
    """The members of the outermost object. Returns whether it was closed."""
    taken = False
    for byte, depth in tokens:
        if byte == _LIST and depth == 2 and (key := text.key()) in streamed and key is not None:
            text.drop()
            yield Piece(key=key)
            if not (yield from _elements(text, tokens, key, 2)):
                return False
            taken = True
        elif (byte == _COMMA and depth == 1) or (byte in _CLOSING and depth == 0):
            if taken and text.blank():
                text.drop()
            else:
                yield from _member(text, last=depth == 0)
            taken = False
            if depth == 0:
                return True
    yield Piece(key=text.key(), problem=text.trouble or "the file ends inside the outermost object: it is cut off")
    return False


def _member(text: _Text, *, last: bool) -> Iterator[Piece]:
    key, problem = text.key(), text.problem()
    data = text.take()
    if problem is not None:
        yield Piece(key=key, problem=problem)
    elif key is not None:
        yield Piece(key=key, data=data[_end_of_key(data) :])
    elif not last or data.strip(_BLANK):
        yield Piece(problem=f"a member of the outermost object has no key: {data[:60]!r}")


def _end_of_key(data: bytes) -> int:
    match = _KEY.match(data)
    return 0 if match is None else match.end()


def _elements(text: _Text, tokens: Iterator[_Token], key: str | None, level: int) -> Generator[Piece, None, bool]:
    """The elements of a list whose brackets lie at that depth. Returns whether it was closed."""
    index = 0
    for byte, depth in tokens:
        ends = byte in _CLOSING and depth == level - 1
        if not ends and not (byte == _COMMA and depth == level):
            continue
        problem = text.problem()
        data = text.take().strip(_BLANK)
        if problem is not None or data:
            yield Piece(key=key, index=index, data=data if problem is None else None, problem=problem)
        elif not ends or index:
            yield Piece(key=key, index=index, problem="nothing stands between two commas")
        index += 1
        if ends:
            return True
    if text.closed(level):  # a last record that is whole, although neither comma nor bracket follows it
        yield Piece(key=key, index=index, data=text.take().strip(_BLANK))
        index += 1
    cut = "the file ends before its list does" if text.blank() else "the file ends inside this record: it is cut off"
    yield Piece(key=key, index=index, problem=text.trouble or cut)
    return False


class _Text:
    """Bytes as they come, and where the brackets and commas of the outer levels are.

    Attributes:
        start: Offset in the stream of the first byte that is held.
        trouble: Why the stream broke off, where it did.
    """

    def __init__(self, read: Read, largest: int) -> None:
        self.start = 0
        self.trouble: str | None = None
        self._read = read
        self._largest = largest
        self._held = bytearray()
        self._at = 0  # how many of the held bytes lie before the token of now
        self._depth = 0
        self._in_text = False
        self._overfull: str | None = None  # the key of a piece that grew too large, and whose bytes were let go

    # --- the bytes since the last token that was taken or dropped

    def take(self) -> bytes:
        """The bytes up to the token of now, which is passed over; none where there are too many."""
        data = b"" if self._too_large() else bytes(memoryview(self._held)[: self._at])
        self.drop()
        return data

    def drop(self) -> None:
        """Pass over the bytes up to the token of now, and the token."""
        del self._held[: self._at + 1]
        self.start += self._at + 1
        self._at = -1
        self._overfull = None

    def blank(self) -> bool:
        """Whether only white space lies before the token of now."""
        return self._overfull is None and not self._held[: max(self._at, 0)].strip(_BLANK)

    def key(self) -> str | None:
        """The key that the piece begins with."""
        if self._overfull is not None:
            return self._overfull or None
        match = _KEY.match(self._held)
        try:
            return None if match is None else str(decode(b'"%b"' % match[1]).clean)
        except Unreadable:
            return None

    def closed(self, level: int) -> bool:
        """Whether what is held ends with the bracket that closes it, at that depth."""
        held = self._held[-1024:].rstrip(_BLANK)
        whole = self._depth == level and not self._in_text and not self._too_large()
        return whole and held.endswith((b"]", b"}"))

    def problem(self) -> str | None:
        """Why the piece that ends here cannot be taken."""
        return f"larger than {self._largest:,} bytes" if self._too_large() else None

    def _too_large(self) -> bool:
        return self._overfull is not None or self._at > self._largest

    # --- the scan

    def tokens(self) -> Iterator[_Token]:
        """Brackets and commas of the outer two levels, each with the depth that it leads to."""
        self._at = -1
        offset = 0
        while chunk := self._next_chunk(first=offset == 0):
            masked = chunk.replace(rb"\\", b"__").replace(rb"\"", b"__")  # every quote left begins or ends a text
            place = 0
            while (place := self._next_structure(masked, place)) < len(masked):
                byte = masked[place]
                self._at = offset + place - self.start
                if self._counts(byte):
                    yield byte, self._depth
                place += 1
            offset += len(chunk)
        self._at = offset - self.start

    def _next_structure(self, masked: bytes, place: int) -> int:
        """Where the next byte that is neither white space, nor a number or word, nor in a text stands."""
        if self._in_text:
            place = masked.find(b'"', place) + 1
            if place == 0:
                return len(masked)
            self._in_text = False
        pattern = _TO_COMMA if self._depth <= _OUTER else _TO_BRACKET
        match = pattern.match(masked, place)
        return len(masked) if match is None else match.end()

    def _counts(self, byte: int) -> bool:
        """Keep count of depth; whether the byte is a bracket or comma of the outer levels."""
        if byte in _OPENING:
            self._depth += 1
            return self._depth <= _OUTER
        if byte in _CLOSING:
            self._depth -= 1
            return self._depth < _OUTER
        self._in_text = byte == _QUOTE
        return byte == _COMMA and self._depth <= _OUTER

    def _next_chunk(self, *, first: bool) -> bytes:
        chunk = self._bytes(_CHUNK)
        while chunk.endswith(b"\\") and (more := self._bytes(64)):  # an escape is never cut in two
            chunk += more
        if first and chunk.startswith(_BOM):
            chunk = b"   " + chunk[len(_BOM) :]
        if len(self._held) > self._largest:
            self._overfull = self._overfull or self.key() or ""
            self.start += len(self._held)
            self._held.clear()
        self._held += chunk
        return chunk

    def _bytes(self, count: int) -> bytes:
        try:
            return b"" if self.trouble else self._read(count)
        except Unreadable as error:
            self.trouble = str(error)
        except (OSError, EOFError, zlib.error) as error:
            self.trouble = f"the file cannot be read further: {error}"
        return b""


def lines(read: Read, *, largest: int = LARGEST) -> Iterator[tuple[int, bytes | None, str | None]]:
    """The lines of a text that are not blank: number from 1, bytes or None, problem or None."""
    text = _Lines(read, largest)
    number = 0
    while (line := text.next()) is not None:
        number += 1
        if text.too_long:
            yield number, None, f"larger than {largest:,} bytes"
        elif line.strip(_BLANK):
            yield number, line, None
    if text.trouble is not None:
        yield number + 1, None, text.trouble


class _Lines:
    """One line at a time; of a line that is too long only its end is found."""

    def __init__(self, read: Read, largest: int) -> None:
        self.too_long = False
        self.trouble: str | None = None
        self._read = read
        self._largest = largest
        self._held = bytearray()
        self._first = True
        self._ended = False

    def next(self) -> bytes | None:
        """The next line, without its end; None after the last one."""
        self.too_long = False
        searched = 0
        while (end := self._held.find(b"\n", searched)) < 0 and not self._ended:
            searched = len(self._held)
            if searched > self._largest:
                self.too_long = True
                self._held.clear()
                searched = 0
            self._fill()
        if end < 0:
            if not self._held and not self.too_long:
                return None
            end = len(self._held)
        line = bytes(self._held[:end])
        del self._held[: end + 1]
        self.too_long = self.too_long or len(line) > self._largest
        return line

    def _fill(self) -> None:
        try:
            chunk = self._read(_CHUNK)
        except Unreadable as error:
            self.trouble, chunk = str(error), b""
        except (OSError, EOFError, zlib.error) as error:
            self.trouble, chunk = f"the file cannot be read further: {error}", b""
        if self._first and chunk.startswith(_BOM):
            chunk = chunk[len(_BOM) :]
        self._first = False
        self._ended = not chunk
        self._held += chunk
