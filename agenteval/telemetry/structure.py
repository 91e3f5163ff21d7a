"""Spans of one trace in, each once and what lies above it out, and what is known to be missing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, cast

from agenteval.core.span import Span
from agenteval.core.trajectory import Integrity


def distinct(spans: Sequence[Span]) -> tuple[list[Span], int]:
    """Each span id once, ordered by time, and how many other contents came for ids that were taken.

    Which of two contents stays, and what is counted, depends neither on their order nor on how often each came.
    """
    came: dict[str, list[Span]] = {}
    for span in spans:
        came.setdefault(span.span_id, []).append(span)
    kept: list[Span] = []
    repeated = 0
    for same_id in came.values():
        if len(same_id) == 1:
            kept += same_id
            continue
        contents = {_content(span): span for span in same_id}
        repeated += len(contents) - 1
        kept.append(contents[min(contents)])
    return sorted(kept, key=lambda span: (span.start_ns, span.span_id)), repeated


def _content(span: Span) -> str:
    """All that a span says, as one text; equal for equal spans, whatever the order of their attributes."""
    return repr([_in_order(getattr(span, item.name)) for item in fields(span)])


def _in_order(value: Any) -> Any:
    if isinstance(value, Mapping):
        return sorted((repr(key), _in_order(item)) for key, item in cast("Mapping[Any, Any]", value).items())
    if isinstance(value, (list, tuple)):
        return [_in_order(item) for item in cast("Sequence[Any]", value)]
    if is_dataclass(value):
        return [_in_order(getattr(value, item.name)) for item in fields(value)]
    return value


def parents_of(spans: Sequence[Span]) -> dict[str, Span]:
    """Span id to its parent, where that is in hand. Spans that are above themselves have none."""
    by_id = {span.span_id: span for span in spans}
    above = {span.span_id: by_id[span.parent_id] for span in spans if span.parent_id in by_id}
    clear: set[str] = set()
    for start in list(above):
        path: dict[str, None] = {}
        here = start
        while here in above and here not in clear and here not in path:
            path[here] = None
            here = above[here].span_id
        if here in path:
            for name in list(path)[list(path).index(here) :]:
                del above[name]
        clear.update(path)
    return above


def integrity_of(spans: Sequence[Span], parents: Mapping[str, Span], repeated: int) -> Integrity:
    """What the spans themselves say is missing.

    Args:
        spans: Every span of a trace, once.
        parents: Span id to the span above, where that is in hand.
        repeated: Contents that were put aside because their id was taken.
    """
    skews = [parents[span.span_id].start_ns - span.start_ns for span in spans if span.span_id in parents]
    return Integrity(
        stored=len(spans),
        dropped=sum(span.dropped_attributes + span.dropped_events + span.dropped_links for span in spans),
        orphans=sum(1 for span in spans if span.parent_id is not None and span.span_id not in parents),
        repeated=repeated,
        clock_skew_ns=max(0, max(skews, default=0)),
        sampled=least(kept_with(span) for span in spans if span.trace_state or _SAMPLER in span.attributes),
    )


def least(probabilities: Iterable[float | None]) -> float | None:
    """The smallest of those that are known."""
    return min((one for one in probabilities if one is not None), default=None)


def kept_with(span: Span) -> float | None:
    """The probability with which its sender kept the trace of a span; None where it does not say.

    References:
        OpenTelemetry, TraceState: Probability Sampling: `ot=th:…` is the rejection threshold, of 56 bits, without its
        last zeroes; before it, `ot=p:N` meant a probability of 2**-N. Jaeger's clients say `sampler.param`.
    """
    found = _THRESHOLD.search(span.trace_state)
    if found is not None:
        return 1 - int(found[1].ljust(14, "0"), 16) / 2**56
    found = _POWER.search(span.trace_state)
    if found is not None:
        return 2.0 ** -int(found[1]) if int(found[1]) < _NEVER_KEPT else 0.0
    given = span.attributes.get("sampler.param")
    probabilistic = span.attributes.get(_SAMPLER) == "probabilistic"
    return float(given) if probabilistic and isinstance(given, (int, float)) and 0 <= given <= 1 else None


_SAMPLER = "sampler.type"
_THRESHOLD = re.compile(r"(?:^|,)\s*ot=(?:[^,]*;)?th:([0-9a-f]{1,14})(?![0-9a-f])")
_POWER = re.compile(r"(?:^|,)\s*ot=(?:[^,]*;)?p:(\d{1,2})(?!\d)")
_NEVER_KEPT = 63  # says that the probability is zero
