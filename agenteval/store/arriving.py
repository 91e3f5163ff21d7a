"""What an append adds to what is known of its traces, as rows."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, TextClause, func, select, tuple_

from agenteval.core.traces import TraceQuery, TraceSeen, TraceState
from agenteval.store import inserts, keys
from agenteval.store.content import in_pieces
from agenteval.store.paging import Tables, as_column, from_column
from agenteval.store.tables import NOT_CLOSED, OF_A_PROJECT, log, span, trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """How spans and logs arrived: whose they are, whether more may come, and when."""

    project: str
    live: bool
    at_ns: int

    @property
    def state(self) -> TraceState:
        """The state of a trace that was not there."""
        return "open" if self.live else "closed"


def arrival(project: str, at_ns: int | None, *, live: bool) -> Arrival:
    """An arrival; now where no time is given."""
    return Arrival(project=project, live=live, at_ns=time.time_ns() if at_ns is None else at_ns)


_GROWS = inserts.or_change(
    trace,
    ["trace_id"],
    {
        "state": "CASE WHEN trace.state = 'reopened' OR (trace.state = 'closed' AND excluded.state = 'open') "
        "THEN 'reopened' WHEN trace.state = 'closed' THEN 'closed' ELSE 'open' END",
        "first_ns": "CASE WHEN excluded.first_ns <> 0 AND (trace.first_ns = 0 OR excluded.first_ns < trace.first_ns) "
        "THEN excluded.first_ns ELSE trace.first_ns END",
        **{
            name: f"CASE WHEN excluded.{name} > trace.{name} THEN excluded.{name} ELSE trace.{name} END"
            for name in ("last_ns", "arrived_ns")
        },
        **{name: f"trace.{name} + excluded.{name}" for name in ("spans", "logs", "revision")},
    },
)

_Counts = dict[bytes, list[int]]
"""Of a trace: first and last time, spans, logs."""


def _counts(span_rows: Iterable[Sequence[Any]], log_rows: Iterable[Sequence[Any]]) -> _Counts:
    """What rows that are all new add to their traces."""
    found: _Counts = {}
    for row in span_rows:
        first, last = row[3], row[4]
        last = max(last, first)
        counts = found.get(row[0])
        if counts is None:
            found[row[0]] = [first, last, 1, 0]
            continue
        counts[2] += 1
        if 0 < first < counts[0] or not counts[0]:
            counts[0] = first
        counts[1] = max(counts[1], last)
    for row in log_rows:
        if row[0]:
            counts = found.setdefault(row[0], [row[2], row[2], 0, 0])
            counts[3] += 1
            counts[0] = min((at for at in (counts[0], row[2]) if at), default=0)
            counts[1] = max(counts[1], row[2])
    return found


_SPANS_OF = select(
    span.c.trace_id,
    func.min(func.nullif(span.c.start_ns, 0)),
    func.max(span.c.end_ns),
    func.max(span.c.start_ns),
    func.count(),
).group_by(span.c.trace_id)
_LOGS_OF = select(log.c.trace_id, func.min(func.nullif(log.c.at_ns, 0)), func.max(log.c.at_ns), func.count()).group_by(
    log.c.trace_id
)


class TraceTables(Tables):
    """What a store knows of its traces without reading their spans."""

    def _arrived(
        self,
        connection: Connection,
        arrival: Arrival,
        span_rows: Sequence[Sequence[Any]],
        log_rows: Sequence[Sequence[Any]],
        *,
        all_new: bool,
    ) -> None:
        """Note what arrived; where some of it was there, what is stored now tells what was new."""
        counts = _counts(span_rows, log_rows)
        if not all_new:
            counts = self._newly_counted(connection, list(counts))
        rows = [
            (name, as_column(arrival.project), arrival.state, first, last, arrival.at_ns, spans, logs, 1)
            for name, (first, last, spans, logs) in counts.items()
        ]
        self._db.insert(connection, _GROWS, rows)

    def _newly_counted(self, connection: Connection, trace_ids: Sequence[bytes]) -> _Counts:
        """Of the traces that hold more than is known of them: their times, and how much more."""
        found: _Counts = {name: [0, 0, 0, 0] for name in trace_ids}
        for some in in_pieces(trace_ids):
            for name, first, last, last_start, number in connection.execute(_SPANS_OF.where(span.c.trace_id.in_(some))):
                found[name][:3] = first or 0, max(last, last_start), number
            for name, first, last, number in connection.execute(_LOGS_OF.where(log.c.trace_id.in_(some))):
                counts = found[name]
                counts[0] = min((at for at in (counts[0], first) if at), default=0)
                counts[1] = max(counts[1], last)
                counts[3] = number
            known = select(trace.c.trace_id, trace.c.spans, trace.c.logs).where(trace.c.trace_id.in_(some))
            for name, spans, logs in connection.execute(known):
                found[name][2] -= spans
                found[name][3] -= logs
        return {name: counts for name, counts in found.items() if counts[2] or counts[3]}

    def traces(self, query: TraceQuery) -> list[TraceSeen]:
        """A page of what is known of traces: by arrival, then by id."""
        found: list[Any] = []
        with self._db.read() as connection:
            # one question for each state: each reads its index in order, and stops
            for state in query.states or (None,):
                found += connection.execute(_page(query, state)).all()
        found.sort(key=lambda row: (row.arrived_ns, row.trace_id), reverse=query.newest_first)
        return [_seen(row) for row in found[: query.limit]]

    def seen(self, trace_ids: Sequence[str]) -> list[TraceSeen]:
        """What is known of those traces, in the order of their ids."""
        found: list[TraceSeen] = []
        with self._db.read() as connection:
            for some in in_pieces(keys.trace_keys(trace_ids)):
                found += map(_seen, connection.execute(select(trace).where(trace.c.trace_id.in_(some))))
        return sorted(found, key=lambda one: one.trace_id)

    def mark(self, seen: Iterable[TraceSeen], state: TraceState) -> list[str]:
        """Put traces into a state, save those of which something new arrived since; gives the ids of those put."""
        put: list[str] = []
        with self._db.write() as connection:
            for one in seen:
                same = (trace.c.trace_id == bytes.fromhex(one.trace_id), trace.c.revision == one.revision)
                if connection.execute(trace.update().where(*same).values(state=state)).rowcount:
                    put.append(one.trace_id)
        return put


def _page(query: TraceQuery, state: str | None) -> Any:
    columns = (trace.c.arrived_ns, trace.c.trace_id)
    conditions: list[ColumnElement[bool] | TextClause] = []
    if state is not None:
        conditions += [trace.c.state == state, *([] if state == "closed" else [NOT_CLOSED])]
    if query.project is not None:
        conditions += [trace.c.project == as_column(query.project), *([OF_A_PROJECT] if query.project else [])]
    if query.arrived_before_ns is not None:
        conditions.append(trace.c.arrived_ns < query.arrived_before_ns)
    if query.after is not None:
        last = tuple_(query.after.arrived_ns, bytes.fromhex(query.after.trace_id))
        conditions.append(tuple_(*columns) < last if query.newest_first else tuple_(*columns) > last)
    order = [column.desc() if query.newest_first else column for column in columns]
    return select(trace).where(*conditions).order_by(*order).limit(query.limit)


def _seen(row: Any) -> TraceSeen:
    return TraceSeen(
        trace_id=row.trace_id.hex(),
        project=from_column(row.project),
        first_ns=row.first_ns,
        last_ns=row.last_ns,
        arrived_ns=row.arrived_ns,
        spans=row.spans,
        logs=row.logs,
        state=row.state,
        revision=row.revision,
    )
