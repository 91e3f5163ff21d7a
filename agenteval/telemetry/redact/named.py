"""Values that are secrets because of the key beside them, in JSON, `repr`, headers, URLs and prose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from agenteval.telemetry.redact.engine import compiled
from agenteval.telemetry.redact.escapes import balanced, closing, unescaped
from agenteval.telemetry.redact.found import MOST, Found, TooMany
from agenteval.telemetry.redact.marks import is_mark
from agenteval.telemetry.redact.names import glob_pattern, last_parts
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
        for number, match in enumerate(self._pattern.finditer(scan)):
            if number >= MOST:
                raise TooMany
            if match.start(2) < done:
                continue
            found = _value(data, scan, match.end(), match.group(3), header=bool(_HEADERS.search(match.group(2))))
            if found is not None and not is_mark(data[found.start : found.end].decode(errors="replace")):
                done = found.end
                yield found


def _value(data: bytes, scan: bytes, start: int, quote: bytes | None, *, header: bool) -> Found | None:
    """The value that stands at `start`, after a key that `quote` closed; of a header, it is the rest of the line."""
    opening = _OPENING.match(scan, start)
    if opening:
        inner = opening.end()
        end = closing(data, opening[0], inner)
        return Found(NAMED, inner, end, unescaped(data[inner:end], opening[0])) if end > inner else None
    if quote and scan[start : start + 1] in (b"{", b"["):
        end = balanced(data, quote, start)
        return Found(NAMED, start, end, data[start:end], quotes=quote)
    bare = _MARKED.match(scan, start) or (_LINE if header and not quote else _BARE).match(scan, start)
    if bare is None or bare[0].strip().lower() in _NOTHING or not bare[0].strip():
        return None
    written = bare[0].rstrip()
    return Found(NAMED, start, start + len(written), written, quotes=quote or b"")
