"""Values that are secrets because of the key beside them, in JSON, `repr`, headers, URLs and prose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from agenteval.core.marks import is_mark
from agenteval.telemetry.redact.engine import compiled
from agenteval.telemetry.redact.escapes import Nesting, balanced, closing, read_object, unescaped
from agenteval.telemetry.redact.found import MOST, Found, TooMany
from agenteval.telemetry.redact.names import glob_pattern, is_schema, last_parts
from agenteval.telemetry.redact.rules import NAMED

_KEY: Final = "[A-Za-z0-9_.-]"
_OPENING: Final = re.compile(rb"\\*[\"']")
_BARE: Final = re.compile(rb"[^\s\"'\\,;&}\])<>]+")
_LINE: Final = re.compile(rb"[^\n\"'\\]+")
_MARKED: Final = re.compile(rb"\[[a-z0-9_:]+\](?:#\d+)?")
_HEADERS: Final = re.compile(rb"(?i)authorization|cookie")
_NOTHING: Final = {b"null", b"true", b"false", b"none", b"undefined"}


class Named:
    """The globs of denied names in; the values beside such names in a text out."""

    def __init__(self, globs: Sequence[str]) -> None:
        """Compile them as one."""
        lasts = [glob_pattern(part) for part in last_parts(globs)]
        self.hints = tuple(rf"(?i){part.strip('.*')}(?:\\*[\"'])?[\s\\nrt]*[:=]" for part in lasts)
        keys = "|".join(part.replace(".*", f"{_KEY}*") for part in lasts)
        self._pattern = compiled(rf"(?i)(\\*[\"'])?\b({keys})(\\*[\"'])?\s*(?::|=>|=)[ \t]*", "deny") if lasts else None

    def find(self, data: bytes, scan: bytes) -> Iterator[Found]:
        """Every such value, from left to right.

        Args:
            data: The text.
            scan: The same with escapes of control characters blanked.

        Raises:
            TooMany: There are too many candidates.
        """
        if self._pattern is None:
            return
        done = 0
        nesting: Nesting | None = None
        for number, match in enumerate(self._pattern.finditer(scan)):
            if number >= MOST:
                raise TooMany
            if match.start(2) < done:
                continue
            nesting = nesting or Nesting(data)
            header = _HEADERS.search(match.group(2)) is not None
            found = _value(_Place(data, scan, match.end(), nesting.end(match.end())), match.group(3), header=header)
            if found is not None and not is_mark(data[found.start : found.end].decode(errors="replace")):
                done = found.end
                yield found


class _Place(NamedTuple):
    """Where a value begins, in a text and in its copy with blanks, and where the text around it ends."""

    data: bytes
    scan: bytes
    start: int
    limit: int


def _value(at: _Place, quote: bytes | None, *, header: bool) -> Found | None:
    """The value after a key that `quote` closed; of a header, it is the rest of the line."""
    opening = _OPENING.match(at.scan, at.start, at.limit)
    if opening:
        inner = opening.end()
        end = closing(at.data, opening[0], inner, at.limit)
        return Found(NAMED, inner, end, unescaped(at.data[inner:end], opening[0])) if end > inner else None
    if quote and at.scan[at.start : at.start + 1] in (b"{", b"["):
        end = balanced(at.data, quote, at.start, at.limit)
        if is_schema(read_object(at.data[at.start : end], quote)):
            return None
        return Found(NAMED, at.start, end, at.data[at.start : end], quotes=quote)
    pattern = _LINE if header and not quote else _BARE
    bare = _MARKED.match(at.scan, at.start, at.limit) or pattern.match(at.scan, at.start, at.limit)
    if bare is None or bare[0].strip().lower() in _NOTHING or not bare[0].strip():
        return None
    written = bare[0].rstrip()
    return Found(NAMED, at.start, at.start + len(written), written, quotes=quote or b"")
