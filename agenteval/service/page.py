"""A store in, the page of a receiver out: the last traces, and how much of them was understood."""

from __future__ import annotations

import time
from importlib import resources
from typing import Any

from jinja2 import Environment

from agenteval._util.version import __version__
from agenteval.core.ports import TraceStore
from agenteval.core.traces import TraceQuery, TraceSeen
from agenteval.telemetry.understood import Understood, understood

_LISTED = 30
_MOST_SPANS = 2_000  # of one trace, and
_MOST_IN_ALL = 6_000  # of all of them that are looked into: the page must come soon, and costs those who send
_NAMED = 20
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def page_of(store: TraceStore, why_not_ready: str | None) -> str:
    """The page, as HTML.

    Args:
        store: Where the receiver keeps what comes.
        why_not_ready: Why nothing is taken in; None where it is.
    """
    rows: list[dict[str, Any]] = []
    total = Understood()
    now = time.time_ns()
    left = _MOST_IN_ALL
    for seen in store.traces(TraceQuery(newest_first=True, limit=_LISTED)):
        of_trace = _understood(store, seen, min(left, _MOST_SPANS))
        if of_trace is not None:
            total += of_trace
            left -= seen.spans
        rows.append(_row(seen, of_trace, now))
    return _template().render(
        version=__version__,
        why=why_not_ready,
        rows=rows,
        dialects=sorted(total.dialects.items(), key=lambda item: -item[1].spans),
        share=_percent(total.share),
        unused=total.unused.most_common(_NAMED),
    )


def _understood(store: TraceStore, seen: TraceSeen, most: int) -> Understood | None:
    if seen.spans > most:
        return None
    return understood(*store.read([seen.trace_id]))


def _row(seen: TraceSeen, of_trace: Understood | None, now: int) -> dict[str, Any]:
    names = sorted(of_trace.dialects) if of_trace is not None else []
    return {
        "seen": seen,
        "ago": _ago(now - seen.arrived_ns),
        "dialects": ", ".join(names) if names else "not looked into" if of_trace is None else "no spans",
        "share": _percent(None if of_trace is None else of_trace.share),
    }


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _ago(ns: int) -> str:
    seconds = max(0, ns) // 10**9
    name, size = next((unit for unit in _UNITS if seconds >= unit[1]), _UNITS[-1])
    return f"{seconds // size} {name} ago"


def _template() -> Any:
    text = resources.files("agenteval.service").joinpath("page.html.j2").read_text("utf-8")
    return Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(text)
