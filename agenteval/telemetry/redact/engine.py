"""RE2 behind two functions: every pattern here runs in time linear in the text, whatever the text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from agenteval.errors import RequestError
from agenteval.telemetry.redact.libraries import library

NOTHING: Final = (r"[^\x00-\x{10FFFF}]",)
"""Patterns that are found nowhere."""

_MEMORY: Final = 8 << 20  # bytes that one pattern may take, compiled


def compiled(pattern: str, what: str) -> Any:
    """A pattern that searches UTF-8 bytes.

    Args:
        pattern: In the syntax of RE2.
        what: What it is, for the message.

    Raises:
        RequestError: RE2 does not take it.
        MissingExtra: RE2 is not installed.
    """
    re2 = library("re2")
    try:
        return re2.compile(pattern.encode(), _options(re2))
    except (re2.error, UnicodeEncodeError) as error:
        why = error.args[0].decode(errors="replace") if error.args and isinstance(error.args[0], bytes) else str(error)
        raise RequestError(
            f"{what}: RE2 does not take the pattern {pattern[:200]!r}: {why}. Look-around and back-references are not "
            "part of its syntax, and a pattern must not be too large"
        ) from error


def hints(patterns: Sequence[Iterable[str]]) -> Any:
    """What says in one pass over a text which of several lists of patterns occur in it; its `Match` gives numbers."""
    re2 = library("re2")
    built = re2.Set.SearchSet(_options(re2))
    for alternatives in patterns:
        built.Add("|".join(f"(?:{pattern})" for pattern in alternatives).encode())
    built.Compile()
    return built


def _options(re2: Any) -> Any:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    return options
