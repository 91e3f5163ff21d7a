"""Spans of one trace by the clocks of several services in, by the clock of the outermost one out.

A span whose parent is another service's cannot begin before it; where it is the answer to its parent's request over a
wire, it cannot begin after its parent's end either. Where clocks say so all the same they differ, and the span is moved
to the middle of its parent with all beneath it that is not another service's again.

References:
    Jaeger's clock skew adjustment moves spans by the same rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from agenteval.core.span import Span

_SERVER, _CLIENT = 2, 3


def on_one_clock(spans: Sequence[Span], parents: Mapping[str, Span]) -> Sequence[Span]:
    """The spans in the order of their times; the same ones where no clock differs.

    Args:
        spans: Every span of a trace, once.
        parents: Span id to the span above, where that is in hand and no span is above itself.
    """
    if not any(_across(span, parents.get(span.span_id)) for span in spans):
        return spans
    moved_by: dict[str, int] = {}
    for span in spans:
        path = [span]
        while path[-1].span_id not in moved_by and (above := parents.get(path[-1].span_id)) is not None:
            path.append(above)
        for one in reversed(path):
            if one.span_id not in moved_by:
                above = parents.get(one.span_id)
                moved_by[one.span_id] = 0 if above is None else _moved_by(one, above, moved_by[above.span_id])
    moved = [_moved(span, moved_by[span.span_id]) for span in spans]
    return sorted(moved, key=lambda span: (span.start_ns, span.span_id))


def _across(span: Span, above: Span | None) -> bool:
    """Whether a span is another service's than the one above it."""
    return above is not None and span.resource is not above.resource and span.resource != above.resource


def _moved_by(span: Span, above: Span, above_by: int) -> int:
    """By how many nanoseconds to move a span whose parent is moved by so many."""
    if not _across(span, above):
        return above_by
    begin, end = above.start_ns + above_by, above.end_ns + above_by
    answers = above.kind == _CLIENT and span.kind == _SERVER
    if begin <= span.start_ns and not (answers and span.start_ns > end):
        return 0
    room = (end - begin) - (span.end_ns - span.start_ns)
    return begin + max(0, room) // 2 - span.start_ns


def _moved(span: Span, by: int) -> Span:
    if not by:
        return span
    events = tuple(replace(event, at_ns=event.at_ns + by) for event in span.events)
    return replace(span, start_ns=span.start_ns + by, end_ns=span.end_ns + by if span.end_ns else 0, events=events)
