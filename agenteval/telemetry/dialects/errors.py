"""A span in, what it says of its failing out."""

from __future__ import annotations

import re

from agenteval.core.span import Span
from agenteval.telemetry.dialects.arguments import literal
from agenteval.telemetry.dialects.held import first_text, object_of, text_of

FAILED = 2
DONE = 1
_TRACEBACK = "Traceback (most recent call last)"
_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*\((?P<quote>['\"])(?P<words>.*)(?P=quote)\)$", re.DOTALL)
_REDACTED = re.compile(r"\b(?:details?|error|message|content)\b[^.]{0,40}\bredacted\b", re.IGNORECASE)


def failed(span: Span) -> bool:
    """Whether a span says that it failed."""
    return span.status.code == FAILED


def error_of(span: Span) -> str | None:
    """The error of a span that failed, in the tool's or provider's own words where it has them; None for any other.

    An exception may be recorded twice, at two levels; the first one is nearest to its cause.
    """
    if not failed(span):
        return None
    kind: str | None = text_of(span.attributes.get("error.type"))
    for event in span.events:
        if event.name == "exception":
            message = first_text(event.attributes, "exception.message")
            kind = kind or first_text(event.attributes, "exception.type")
            if message:
                return _words(message) or message
    told = _words(span.status.message)
    return _inner(told) or told or kind or "error"


def _words(message: str) -> str:
    """An error's own words, without its traceback, and out of an exception as Python writes it."""
    bare = message.partition(_TRACEBACK)[0].strip()
    found = _EXCEPTION.match(bare)
    return found["words"] if found is not None else bare


def _inner(message: str) -> str | None:
    """The error in a status such as `Error running tool: {'error': '…'}`, or in one that is such an object."""
    _, brace, rest = message.partition(": {")
    told = object_of(literal("{" + rest if brace and not message.startswith("{") else message))
    return first_text(object_of(told.get("data")), "error") or first_text(told, "error", "message")


def is_taken_out(error: str) -> bool:
    """Whether an error's text says of itself that it was redacted."""
    return bool(_REDACTED.search(error))
