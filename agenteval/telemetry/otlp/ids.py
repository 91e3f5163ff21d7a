"""Which ids of spans and log records the OTLP specification allows.

References:
    OpenTelemetry Protocol, trace.proto: ids of 16 and 8 bytes; all zeroes or another length is invalid. logs.proto:
    with an invalid id a record is taken to belong to no trace or span.
"""

from __future__ import annotations

from collections.abc import Iterable

from agenteval.core.span import Span

TRACE_DIGITS = 32
SPAN_DIGITS = 16
NO_SPAN = "0" * SPAN_DIGITS
_ZEROES = frozenset({"0" * TRACE_DIGITS, NO_SPAN})
_DIGITS = "0123456789abcdef"


def valid_spans(spans: Iterable[Span]) -> tuple[list[Span], list[str]]:
    """Spans whose ids the specification allows, and what is wrong with each of the others."""
    good: list[Span] = []
    wrong: list[str] = []
    for span in spans:
        fault = _fault(span)
        if fault is None:
            good.append(span)
        else:
            wrong.append(fault)
    return good, wrong


def _fault(span: Span) -> str | None:
    if not is_id(span.trace_id, TRACE_DIGITS):
        return _told(span, "traceId", span.trace_id, TRACE_DIGITS)
    if not is_id(span.span_id, SPAN_DIGITS):
        return _told(span, "spanId", span.span_id, SPAN_DIGITS)
    if span.parent_id is not None and not is_id(span.parent_id, SPAN_DIGITS):
        return _told(span, "parentSpanId", span.parent_id, SPAN_DIGITS)
    for link in span.links:
        if not (_is_hex(link.trace_id) and _is_hex(link.span_id)):
            return f"span {span.name!r:.80}: an id of its links is not hexadecimal"
    return None


def is_id(text: str, digits: int) -> bool:
    """Whether a text is an id of that many lower-case hexadecimal digits, not all of them zero."""
    try:
        return len(text) == digits and bytes.fromhex(text).hex() == text and text not in _ZEROES
    except ValueError:
        return False


def id_or_none(text: str, digits: int) -> str:
    """An id of a log record, in lower case; empty where it is none."""
    text = text.lower()
    return text if is_id(text, digits) else ""


def _is_hex(text: str) -> bool:
    return len(text) % 2 == 0 and not text.strip(_DIGITS)


def _told(span: Span, what: str, value: str, digits: int) -> str:
    return f"span {span.name!r:.80}: {what} {value!r:.80} is not {digits} hexadecimal digits, some of them not 0"
