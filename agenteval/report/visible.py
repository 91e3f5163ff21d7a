"""Text that came from a trace in, text that is safe to show out; and how text is wrapped, cut and put in order.

What an agent wrote must not move the reader's cursor, hide what stands beside it, or break the file that it is put in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from rich.cells import cell_len

NOT_RECORDED = "not recorded"

# C0 and C1 controls but for the line break; marks that turn the direction of writing; line and paragraph separators
# that some readers take for line breaks; the byte order mark; halves of surrogate pairs; code points that are no
# characters, which XML cannot hold
_UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_DIGITS = re.compile(r"(\d+)")
_GAPS = re.compile(r"( +)")


def visible(text: str) -> str:
    """The text with every control character shown by its picture (`␀`, `␛`) and every other unsafe one as `�`.

    Line breaks stay; a tab becomes four spaces.
    """
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(_picture, text.replace("\r\n", "\n").replace("\t", "    "))


def _picture(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else "�"


def one_line(text: str) -> str:
    """The text, safe to show, its white space folded into single spaces."""
    return " ".join(visible(text).split())


def shown(value: Any) -> str:
    """A JSON value as one line of JSON, safe to show; text keeps its quotes, so that `"1"` is not taken for 1."""
    return visible(json.dumps(value, ensure_ascii=False, default=repr))


def pretty(value: Any, *, width: int = 96) -> str:
    """A JSON value for reading: text as it is, all else as JSON, over several lines where one is too long."""
    if isinstance(value, str):
        return visible(value) or '""'
    text = shown(value)
    if len(text) <= width:
        return text
    return visible(json.dumps(value, ensure_ascii=False, default=repr, indent=2))


def storable(value: Any) -> Any:
    """A copy that every JSON writer takes: lone surrogates replaced, integers beyond 64 bits as text."""
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATE.sub("�", value)
    if isinstance(value, Mapping):
        members = cast("Mapping[object, Any]", value)
        return {storable(str(key)): storable(item) for key, item in members.items()}
    if isinstance(value, (list, tuple)):
        return [storable(item) for item in cast("Sequence[Any]", value)]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return str(value)
    return value


def cut(text: str, limit: int) -> str:
    """The text, or its beginning and how long it is."""
    return text if len(text) <= limit else f"{text[: limit - 1]}… ({len(text):,} characters)"


def clipped(text: str, width: int) -> str:
    """The text in at most so many cells."""
    if cell_len(text) <= width:
        return text
    while text and cell_len(text) >= width:
        text = text[: min(len(text) - 1, width)]
    return f"{text.rstrip()}…"


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A key that puts `task-2` before `task-10`: digits are compared as numbers."""
    pieces = _DIGITS.split(text)
    # longer runs of digits than this are names, not numbers
    return tuple(
        (0, int(piece), piece) if place % 2 and len(piece) < 20 and piece.isascii() else (1, 0, piece)
        for place, piece in enumerate(pieces)
        if piece
    )


def wrapped(text: str, width: int) -> Iterator[str]:
    """The text in lines of at most so many cells; wide characters take two. At least one line."""
    for line in visible(text).split("\n"):
        yield from _wrapped_line(line.rstrip(), max(width, 8))


def _wrapped_line(line: str, width: int) -> Iterator[str]:
    """One line in several; those that follow keep its indentation."""
    if cell_len(line) <= width:
        yield line
        return
    indent = line[: len(line) - len(line.lstrip(" "))][: width // 2]
    now, used = indent, len(indent)
    for piece in _pieces(line.lstrip(" "), width - len(indent)):
        size = cell_len(piece)
        if used + size > width and now.strip():
            yield now.rstrip()
            now, used = indent, len(indent)
            if piece.isspace():
                continue
        now, used = now + piece, used + size
    if now.strip():
        yield now.rstrip()


def _pieces(line: str, width: int) -> Iterator[str]:
    """Words and the gaps between them; a word that is wider than a line is cut."""
    for word in _GAPS.split(line):
        if cell_len(word) <= width:
            yield word
            continue
        part, used = "", 0
        for character in word:
            size = cell_len(character)
            if used + size > width:
                yield part
                part, used = "", 0
            part, used = part + character, used + size
        yield part


def padded(text: str, width: int) -> str:
    """The text, filled with spaces up to a width in cells."""
    return text + " " * max(0, width - cell_len(text))
