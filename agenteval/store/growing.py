"""What is known of a trace and what arrived in, what is known then out. Imports no database."""

from __future__ import annotations

from dataclasses import replace

from agenteval.core.traces import TraceSeen, TraceState


def grown(before: TraceSeen, more: TraceSeen) -> TraceSeen:
    """What is known of a trace after something new of it arrived. `store.arriving` says the same in SQL."""
    kept: dict[TraceState, TraceState] = {
        "closed": "reopened" if more.state == "open" else "closed",
        "reopened": "reopened",
    }
    return replace(
        before,
        first_ns=min((at for at in (before.first_ns, more.first_ns) if at), default=0),
        last_ns=max(before.last_ns, more.last_ns),
        arrived_ns=max(before.arrived_ns, more.arrived_ns),
        spans=before.spans + more.spans,
        logs=before.logs + more.logs,
        state=kept.get(before.state, "open"),
        revision=before.revision + 1,
    )
