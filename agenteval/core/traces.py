"""What is known of a trace without reading its spans: whose it is, when it arrived, whether more may come. Values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

TraceState: TypeAlias = Literal["open", "quiet", "closed", "reopened"]
"""Open: more may come. Quiet: nothing came for a while. Closed: was assembled. Reopened: something came after that."""

TRACE_STATES: Final[tuple[TraceState, ...]] = get_args(TraceState)


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSeen:
    """What a store knows of one trace without reading its spans.

    Attributes:
        project: Whose it is; empty where nobody said.
        first_ns: The earliest start of its spans and time of its logs; 0 where none has one.
        last_ns: The latest end of its spans and time of its logs; 0 where none has one.
        arrived_ns: When something new of it last arrived, by the clock of whoever appended it.
        spans: How many spans of it are stored.
        logs: How many log records of it are stored.
        revision: Grows whenever something new of it arrives.
    """

    trace_id: str
    project: str = ""
    first_ns: int = 0
    last_ns: int = 0
    arrived_ns: int = 0
    spans: int = 0
    logs: int = 0
    state: TraceState = "open"
    revision: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceQuery:
    """Which traces to list, a page at a time: by arrival, then by id. None and empty mean: any.

    Attributes:
        states: Those in one of these states.
        project: Those of one project.
        arrived_before_ns: Those of which nothing new arrived since.
        newest_first: The latest arrivals first, instead of the earliest.
        after: Those after this one in that order.
        limit: At most so many.
    """

    states: tuple[TraceState, ...] = ()
    project: str | None = None
    arrived_before_ns: int | None = None
    newest_first: bool = False
    after: TraceSeen | None = None
    limit: int = 500
