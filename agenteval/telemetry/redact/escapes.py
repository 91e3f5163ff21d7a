r"""Texts in which something was escaped, once or several times: JSON, JSON inside JSON, `repr` of Python.

Nothing here parses: a text that was cut is read like any other. A quote that is written after `k` backslashes belongs
to a text that is escaped once for `k = 1`, twice for `k = 3`, and so on: each time doubles them and adds one.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import Any, Final

ESCAPES: Final = (r"\\(?:u[0-9a-fA-F]{4}|/)",)
"""Patterns of what `Plain` may change."""

_UNICODE: Final = re.compile(rb"(\\+)(?:u([0-9a-fA-F]{4})|/)")
_CODE: Final = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2})")
_RARE: Final = re.compile(rb"\\[trbfux]")
_BLANKS: Final = ((b"\\t", b"  "), (b"\\r", b" \n"), (b"\\b", b"  "), (b"\\f", b"  "))
_QUOTE: Final = re.compile(rb'(\\*)"')
_MARKUP: Final = re.compile(rb'\\*["\']|[{}\[\]]')
_QUOTES: Final = {mark: re.compile(rb"\\*" + mark) for mark in (b'"', b"'")}
_JSON: Final = re.compile(rb"\s*[{\[\"]")
_STRUCTURE: Final = re.compile(rb"(?:\s|\\+[nrt])*[{\[]")


class Plain:
    r"""A text with characters where `\u0041` and `\/` stand, unless the escape is needed: as JSON, it is equal.

    Attributes:
        text: The text.
    """

    def __init__(self, data: bytes) -> None:
        """Replace the escapes."""
        self._ends: list[int] = []
        self._shifts: list[int] = [0]
        self.text = _UNICODE.sub(self._character, data)

    def before(self, position: int) -> int:
        """Where in the text as it was a place of this one lies."""
        return position + self._shifts[bisect_right(self._ends, position)]

    def _character(self, match: re.Match[bytes]) -> bytes:
        character = _character(match)
        shift = self._shifts[-1]
        self._ends.append(match.end() - shift - len(match[0]) + len(character))
        self._shifts.append(shift + len(match[0]) - len(character))
        return character


def _character(match: re.Match[bytes]) -> bytes:
    code = int(match[2], 16) if match[2] else ord("/")
    backslashes = len(match[1])
    needed = code < 0x20 or code in {0x22, 0x5C, 0x7F} or 0xD800 <= code <= 0xDFFF
    if needed or (backslashes % 2 == 0 and backslashes & (backslashes - 1)):
        return match[0]
    kept = backslashes - 1 if backslashes % 2 else 0  # an even number of them is an escape of a text inside a text
    return b"\\" * kept + chr(code).encode()


def blanked(data: bytes) -> bytes:
    r"""The text with blanks for `\n` and the like, whose letters would touch what stands beside them."""
    data = data.replace(b"\\n", b" \n")
    if _RARE.search(data) is None:
        return data
    for escape, blank in _BLANKS:
        data = data.replace(escape, blank)
    return _CODE.sub(lambda match: b" " * len(match[0]), data)


def closing(data: bytes, opening: bytes, start: int, end: int) -> int:
    """Where the quote stands that closes a text opened by `opening`; `end` where it was cut."""
    depth = len(opening) - 1
    for match in _QUOTES[opening[-1:]].finditer(data, start, end):
        if (len(match[0]) - 1) % (2 * (depth + 1)) == depth:
            return match.end() - len(opening)
    return end


def balanced(data: bytes, quote: bytes, start: int, end: int) -> int:
    """Where the object or array ends that begins at `start`, its texts quoted like `quote`; `end` where it was cut."""
    open_brackets = 0
    resume = start
    for match in _MARKUP.finditer(data, start, end):
        if match.start() < resume:
            continue
        if match[0] in (b"{", b"["):
            open_brackets += 1
        elif match[0] in (b"}", b"]"):
            open_brackets -= 1
        elif match[0] == quote:
            resume = closing(data, quote, match.end(), end) + len(quote)
        if open_brackets == 0:
            return match.end()
    return end


def unescaped(written: bytes, quote: bytes) -> bytes:
    """What a quoted text says; as it was written, where that cannot be told."""
    said = _read(written, len(quote).bit_length()) if quote[-1:] == b'"' else None
    return written if said is None else said


def read_object(written: bytes, quote: bytes) -> Any:
    """The object or array whose texts are quoted like `quote`; None where it cannot be read."""
    said = _read(written, len(quote).bit_length() - 1) if quote[-1:] == b'"' else None
    try:
        return None if said is None else json.loads(said)
    except (ValueError, RecursionError):
        return None


def _read(written: bytes, times: int) -> bytes | None:
    """What is left when a text that was escaped so many times is read so many times."""
    said = written
    for _ in range(times):
        try:
            said = json.loads(b'"' + said + b'"', strict=False).encode("utf-8", "surrogatepass")
        except (ValueError, AttributeError):
            return None
    return said


class Nesting:
    """Where in a JSON text, and in the texts inside its texts, a place lies; asked from left to right.

    Attributes:
        is_json: The text begins as JSON does. In one that does not, every place lies outside.
    """

    def __init__(self, data: bytes) -> None:
        """Begin before the first character."""
        self._data = data
        self.is_json = _JSON.match(data) is not None
        self._marks = list(_QUOTE.finditer(data)) if self.is_json else []
        self._next = 0
        self._depth, self._inside = 0, False
        self._ends: dict[int, int] = {}

    def quote_needed(self, start: int) -> bytes | None:
        """The quote that a text at this place needs around it; None where the place lies in a text."""
        self._go(start)
        return None if self._inside else b"\\" * ((1 << self._depth) - 1) + b'"'

    def end(self, start: int) -> int:
        """Where the text ends in which this place lies, or the JSON in a text; the end of the data for none."""
        self._go(start)
        levels = self._depth + self._inside
        if self._ends.get(levels, 0) <= start:
            position = self._next
            while position < len(self._marks) and _closes(self._marks[position], levels) is None:
                position += 1
            cut = position == len(self._marks)
            self._ends[levels] = len(self._data) if cut else self._marks[position].start()
        return self._ends[levels]

    def _go(self, start: int) -> None:
        while self._next < len(self._marks) and self._marks[self._next].start() < start:
            self._pass(self._marks[self._next])
            self._next += 1

    def _pass(self, mark: re.Match[bytes]) -> None:
        outer = _closes(mark, self._depth + self._inside)
        if outer is not None:
            self._depth, self._inside = outer, False
        elif not self._inside and _STRUCTURE.match(self._data, mark.end()):
            self._depth += 1
        else:
            self._inside = True


def _closes(mark: re.Match[bytes], levels: int) -> int | None:
    """The outermost of so many texts, each in the one before, that a quote closes; those within were cut."""
    run = len(mark[1])
    return next((level for level in range(levels) if run % (2 << level) == (1 << level) - 1), None)


def is_json(data: bytes) -> bool:
    """Whether it is an object or array, or a text, in JSON."""
    if not _JSON.match(data):
        return False
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def json_text(value: Any) -> bytes:
    """A value as JSON, equal for equal values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=repr).encode("utf-8", "surrogatepass")
