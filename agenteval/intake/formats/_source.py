"""A file in, its bytes and a first look at them out. Nothing is taken from its name but the name."""

from __future__ import annotations

import gzip
import hashlib
import zipfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

from agenteval.core.json import Json
from agenteval.errors import ImportRefused
from agenteval.intake.formats._json import Unreadable
from agenteval.intake.formats._split import Piece, Read, lines, split

_GZIP = b"\x1f\x8b"
_ZIP = b"PK"
_BLANK = b" \t\r"
_BEFORE = b"\xef\xbb\xbf \t\r\n"
_SMALL = 64 << 20  # what any archive may hold without being suspected
_RATIO = 500  # JSON that repeats itself shrinks to a hundredth as a rule, a bomb to a thousandth
_ENDINGS = frozenset({"json", "jsonl", "ndjson", "gz", "eval", "pb", "traj"})
_TRIES = 20  # records or lines that are looked at before a file counts as unknown

STREAMED = frozenset({"simulations", "samples", "resourceSpans", "resourceLogs", "batches", "data"})
"""Members of an outermost object whose lists hold the records, in any of the formats."""

Shape: TypeAlias = Literal["empty", "zip", "list", "object", "lines", "binary", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the beginning of a file shows.

    Attributes:
        shape: `list` and `object` are one JSON text, `lines` one JSON text a line; `binary` begins with what no text
            does.
        keys: Members of the outermost object up to its records, or names in the archive.
        first: The first record that can be read, of a list or of lines, or the first one beneath an object's key;
            None where there is none.
        start: The first bytes.
        problem: What is wrong with it as far as it was looked at.
    """

    shape: Shape
    keys: frozenset[str] = frozenset()
    first: Json = None
    start: bytes = b""
    problem: str | None = None

    def seen(self) -> str:
        """What was seen, for a message."""
        return self._seen() if self.problem is None else f"{self._seen()}; {self.problem}"

    def _seen(self) -> str:
        if self.shape in {"binary", "other"}:
            return f"the file begins with {self.start[:24]!r}"
        if self.shape in {"zip", "object"}:
            names = ", ".join(sorted(self.keys)[:12])
            return f"a{' zip archive' if self.shape == 'zip' else ' JSON object'} with {names or 'nothing in it'}"
        what = "one JSON list" if self.shape == "list" else "JSON lines"
        return f"{what} of {_described(self.first)}"


def _described(value: Json) -> str:
    if isinstance(value, dict):
        return f"objects with {', '.join(sorted(cast('dict[str, Any]', value))[:12]) or 'no members'}"
    if isinstance(value, list):
        return f"lists of {_described(cast('Any', value)[0])}" if value else "empty lists"
    return "nothing that can be read" if value is None else f"{type(value).__name__} values"


class Source:
    """One file of foreign records.

    Raises:
        ImportRefused: It is not there, not a file, or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        try:
            if not path.exists():
                raise self.refusal("file", "there is no such file")
            if not path.is_file():
                raise self.refusal("file", "not a file" if not path.is_dir() else "a folder, not a file")
            with path.open("rb") as file:
                self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                file.seek(0)
                self._magic = file.read(4)
        except (OSError, ValueError) as error:  # a path with a NUL in it is a ValueError
            raise self.refusal("file", f"cannot be read: {error}") from error

    @property
    def stem(self) -> str:
        """The name without its endings."""
        name = self.name
        while (ending := name.rpartition("."))[0] and ending[2].lower() in _ENDINGS:
            name = ending[0]
        return name

    def refusal(self, where: str, why: str) -> ImportRefused:
        """A refusal of this file, or of a place in it."""
        return ImportRefused(self.name, where, why)

    @contextmanager
    def open(self) -> Generator[Read]:
        """The bytes, decompressed. The reader raises OSError, EOFError, zlib.error or Unreadable."""
        with self.path.open("rb") as raw:
            if self._magic[:2] != _GZIP:
                yield raw.read
                return
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield _bounded(unpacked.read1, self.path.stat().st_size)

    @cached_property
    def look(self) -> Look:
        """A first look."""
        if not self._magic:
            return Look(shape="empty")
        if self._magic[:2] == _ZIP:
            return _look_into(self.path)
        with self.open() as read:
            start = _start(read)
        if _is_binary(start):
            return Look(shape="binary", start=start)
        with self.open() as read:
            look = _look_at(read, start)
        if look is not None and look.problem is None:
            with self.open() as read:
                by_line = look.shape == "object" and look.first is not None and _is_lines(read)
            if not by_line:
                return look
        with self.open() as read:
            line = _line(read)
        if line is not None:
            return Look(shape="lines", first=line, start=start)
        return look or Look(shape="other", start=start)


def _bounded(read: Read, packed: int) -> Read:
    """A reader of what was packed that stops at what can only be a bomb."""
    allowed = max(_SMALL, packed * _RATIO)
    given = 0

    def next_bytes(count: int) -> bytes:
        nonlocal given
        data = read(count)
        given += len(data)
        if given > allowed:
            raise Unreadable(f"unpacks to more than {allowed:,} bytes, {_RATIO} times its size: refused as a bomb")
        return data

    return next_bytes


def _is_binary(start: bytes) -> bool:
    """Whether bytes are no beginning of a text: control characters stand among them, and no bracket before them.

    A message of protobuf may begin with a newline and a bracket: its first tag, and a length of 91 or 123.
    """
    text = start.lstrip(_BEFORE).startswith((b"[", b"{")) and start[:1] != b"\n"
    return not text and any(byte < ord(" ") and byte not in _BEFORE for byte in start)


def _start(read: Read) -> bytes:
    try:
        return read(64)
    except (OSError, EOFError, Unreadable, zlib.error):
        return b""


def _look_into(path: Path) -> Look:
    try:
        with zipfile.ZipFile(path) as archive:
            return Look(shape="zip", keys=frozenset(archive.namelist()))
    except Exception:  # noqa: BLE001 (hostile archives raise what they like; the format's reader says what is wrong)
        return Look(shape="zip")


def _look_at(read: Read, start: bytes) -> Look | None:
    """A look at one JSON text; None where the file is not one."""
    keys: set[str] = set()
    looked = 0
    first: Json = None
    problem: str | None = None
    for piece in split(read, STREAMED):
        problem = piece.problem or problem
        if piece.outside:  # more text after its end makes it JSON lines, and so may a beginning that is broken
            return None
        if piece.key is not None:
            keys.add(piece.key)
            if piece.index is not None:
                first = _decoded(piece)
                break
        elif piece.index is not None:
            looked += 1
            if first is None:
                first = _decoded(piece)
                problem = problem or ("its first record cannot be read" if first is None else None)
            if (first is not None or looked == _TRIES) and not _is_message(first):
                break
    shape: Shape = "list" if start.lstrip(_BEFORE).startswith(b"[") else "object"
    return Look(shape=shape, keys=frozenset(keys), first=first, start=start, problem=problem)


def _decoded(piece: Piece) -> Json:
    try:
        return piece.value().clean
    except Unreadable:
        return None


def _is_message(value: Json) -> bool:
    """A list of messages may be a whole file, or the first line of one: only its end tells."""
    return isinstance(value, dict) and "role" in value


def _is_lines(read: Read) -> bool:
    """Whether the first line ends an object and the second one begins another. Holds neither, however long they are."""
    last = b""
    while chunk := read(1 << 16):
        line, newline, rest = chunk.partition(b"\n")
        last = line.rstrip(_BLANK)[-1:] or last
        if not newline:
            continue
        while not rest.strip(_BEFORE) and (more := read(1 << 16)):
            rest = more
        return last == b"}" and rest.lstrip(_BEFORE).startswith(b"{")
    return False


def _line(read: Read) -> Json:
    """The first line that is a record by itself; None where none of the first lines is."""
    for number, data, _ in lines(read):
        value = _decoded(Piece(index=number, data=data))
        if isinstance(value, dict) and value:
            return value
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return value
        if number >= _TRIES:
            break
    return None
