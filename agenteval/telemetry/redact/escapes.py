r"""Texts in which something was escaped, once or several times: JSON, JSON inside JSON, `repr` of Python.

Nothing here parses: a text that was cut is read like any other. A quote that is written after `k` backslashes belongs
to a text that is escaped once for `k = 1`, twice for `k = 3`, and so on: each time doubles them and adds one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

ESCAPES: Final = (r"\\(?:u[0-9a-fA-F]{4}|/)",)
"""Patterns of what `plain` may change."""

_UNICODE: Final = re.compile(rb"(\\+)(?:u([0-9a-fA-F]{4})|/)")
_CODE: Final = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2})")
_RARE: Final = re.compile(rb"\\[trbfux]")
_BLANKS: Final = ((b"\\t", b"  "), (b"\\r", b" \n"), (b"\\b", b"  "), (b"\\f", b"  "))
_QUOTE: Final = re.compile(rb'(\\*)"')
_MARKUP: Final = re.compile(rb'\\*["\']|[{}\[\]]')
_QUOTES: Final = {mark: re.compile(rb"\\*" + mark) for mark in (b'"', b"'")}
_STRUCTURE: Final = re.compile(rb"(?:\s|\\+[nrt])*[{\[]")


def plain(data: bytes) -> bytes:
    r"""The text with characters where `\u0041` and `\/` stand, unless the escape is needed: as JSON, it is equal."""
    return _UNICODE.sub(_character, data)


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


def closing(data: bytes, opening: bytes, start: int) -> int:
    """Where the quote stands that closes a text opened by `opening`; the end of the data where it was cut."""
    depth = len(opening) - 1
    for match in _QUOTES[opening[-1:]].finditer(data, start):
        if (len(match[0]) - 1) % (2 * (depth + 1)) == depth:
            return match.end() - len(opening)
    return len(data)


def balanced(data: bytes, quote: bytes, start: int) -> int:
    """Where the object or array ends that begins at `start`, its texts being quoted like `quote`."""
    open_brackets = 0
    resume = start
    for match in _MARKUP.finditer(data, start):
        if match.start() < resume:
            continue
        if match[0] in (b"{", b"["):
            open_brackets += 1
        elif match[0] in (b"}", b"]"):
            open_brackets -= 1
        elif match[0] == quote:
            resume = closing(data, quote, match.end()) + len(quote)
        if open_brackets == 0:
            return match.end()
    return len(data)


def unescaped(written: bytes, quote: bytes) -> bytes:
    """What a quoted text says; as it was written, where that cannot be told."""
    if quote[-1:] != b'"':
        return written
    said = written
    for _ in range(len(quote).bit_length()):
        try:
            said = json.loads(b'"' + said + b'"', strict=False).encode("utf-8", "surrogatepass")
        except (ValueError, AttributeError):
            return written
    return said


def bare_quotes(data: bytes, starts: Sequence[int]) -> dict[int, bytes]:
    """Of places in a JSON text, in order, those outside quotes, with the quote that a text there would need."""
    answer: dict[int, bytes] = {}
    if not starts or not _STRUCTURE.match(data):
        return answer
    marks = list(_QUOTE.finditer(data))
    position, depth, inside = 0, 0, False
    for start in starts:
        while position < len(marks) and marks[position].start() < start:
            depth, inside = _after(data, marks[position], depth, inside=inside)
            position += 1
        if not inside:
            answer[start] = b"\\" * ((1 << depth) - 1) + b'"'
    return answer


def _after(data: bytes, mark: re.Match[bytes], depth: int, *, inside: bool) -> tuple[int, bool]:
    """How deep texts lie in texts, and whether we are in one, after a quote."""
    run = len(mark[1])
    while depth and run % (1 << depth) == (1 << (depth - 1)) - 1:
        depth, inside = depth - 1, True  # it closes the text around this one
    unit = 1 << depth
    if inside:
        return depth, run % (2 * unit) != unit - 1
    if _STRUCTURE.match(data, mark.end()):
        return depth + 1, False
    return depth, True


def is_json(data: bytes) -> bool:
    """Whether it is an object or array, or a text, in JSON."""
    if not (data.startswith(b'"') or _STRUCTURE.match(data)):
        return False
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def json_text(value: Any) -> bytes:
    """A value as JSON, equal for equal values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=repr).encode("utf-8", "surrogatepass")
