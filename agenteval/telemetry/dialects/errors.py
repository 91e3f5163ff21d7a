"""A span in, what it says of its failing out."""

from __future__ import annotations

import re

from agenteval.core.span import Span
from agenteval.telemetry.dialects.arguments import literal
from agenteval.telemetry.dialects.held import first_text, object_of, text_of

FAILED = 2
DONE = 1
_TRACEBACK = "Traceback (most recent call last)"
_TURN = re.compile(r"^(?:[a-z_.]*\.)?(?:GraphInterrupt|NodeInterrupt|ParentCommand|GraphBubbleUp)\b")
_LONGEST_NAME = 200
_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*\((?P<quote>['\"])(?P<words>.*)(?P=quote)\)$", re.DOTALL)
_REDACTED = re.compile(r"\b(?:details?|error|message|content)\b[^.]{0,40}\bredacted\b", re.IGNORECASE)


def failed(span: Span) -> bool:
    """Whether a span says that it failed."""
    return span.status.code == FAILED


def error_of(span: Span) -> str | None:
    """The error of a span that failed, in the tool's or provider's own words where it has them; None for any other.

    An exception may be recorded twice, at two levels; the first one is nearest to its cause.
    """
    if not failed(span) or _turned(span):
        return None
    told = _words(span.status.message)
    return raised(span) or _inner(told) or told or text_of(span.attributes.get("error.type")) or "error"


def raised(span: Span) -> str | None:
    """What the first exception that a span recorded says; None where it recorded none, or none that is an error."""
    if _turned(span):
        return None
    for event in span.events:
        if event.name == "exception":
            message = first_text(event.attributes, "exception.message")
            kind = first_text(event.attributes, "exception.type")
            if message or kind:
                return _words(message or "") or message or kind
    return None


def _turned(span: Span) -> bool:
    """Whether what a span calls an error is how LangGraph stops for an answer, or goes on in another graph."""
    texts = [first_text(event.attributes, "exception.type") or "" for event in span.events]
    texts += [first_text(event.attributes, "exception.message") or "" for event in span.events]
    return any(_TURN.search(text[:_LONGEST_NAME]) for text in (*texts, span.status.message))


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
