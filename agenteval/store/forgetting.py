"""Forgets traces, with all that was made of them: row by row, then what nothing refers to any more.

Traces go some at a time, each time in one transaction, so that others can write in between; whenever it is
interrupted, what is left is whole. Contents and conversations are shared: those that nothing refers to are found by
looking through all that is left, while others go on writing, and go some at a time as well; each time what was
written meanwhile is looked at first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, TextClause, delete, func, select, update

from agenteval.core.forget import COUNTED, Forget, Forgotten
from agenteval.errors import RequestError
from agenteval.store import keys
from agenteval.store import tables as t
from agenteval.store.content import in_pieces
from agenteval.store.finding import FindTables
from agenteval.store.held import made_at
from agenteval.store.paging import as_column
from agenteval.store.sweeping import Sweep

_TRACES_AT_ONCE = 200


class ForgetTables(FindTables):
    """Forgetting in a store."""

    def forget(self, what: Forget, *, dry_run: bool = False, compact: bool = False) -> Forgotten:
        """Forget traces with all that was made of them and said of it, and what nothing else refers to any more.

        Args:
            what: Which traces.
            dry_run: Count only.
            compact: Give the room back, which takes as long as writing the whole store anew.

        Raises:
            RequestError: It says nothing.
        """
        if what == Forget():
            raise RequestError("say what to forget: what is older than a time, of a project, or some traces")
        self.refresh()  # trajectories are found by the traces that they were made of
        counts: Counter[str] = Counter()
        counted: set[str] = set()
        for traces in self._chosen(what):
            counts += self._forget_traces(traces, counted, dry_run=dry_run)
        if what.by_age_alone:
            counts += self._forget_without_traces(what.before_ns or 0, dry_run=dry_run)
        if not dry_run:
            counts += Sweep(self._db).run()
            with self._db.explained():
                self._db.backend.forgot(self._db.engine, compact=compact)
        return {**dict.fromkeys(COUNTED, 0), **counts}  # a sum of counters leaves out what is 0

    def _chosen(self, what: Forget) -> Iterator[list[bytes]]:
        """The traces that are meant, a page at a time."""
        columns = t.trace.c
        conditions: list[ColumnElement[bool] | TextClause] = []
        if what.before_ns is not None:
            conditions.append(columns.arrived_ns < what.before_ns)
        if what.project is not None:
            conditions += [columns.project == as_column(what.project), *([t.OF_A_PROJECT] if what.project else [])]
        asked: Iterable[list[bytes] | None] = [None]
        if what.trace_ids is not None:
            asked = in_pieces(keys.trace_keys(what.trace_ids))
        for some in asked:
            named = [] if some is None else [columns.trace_id.in_(some)]
            with self._db.read() as connection:
                chosen = list(connection.execute(select(columns.trace_id).where(*conditions, *named)).scalars())
            for start in range(0, len(chosen), _TRACES_AT_ONCE):
                yield chosen[start : start + _TRACES_AT_ONCE]

    def _forget_traces(self, traces: Sequence[bytes], counted: set[str], *, dry_run: bool) -> Counter[str]:
        with self._db.write() as connection:
            if not dry_run:
                self._db.forgot(connection)
            goes = _Going(connection, dry_run=dry_run)
            names = self._made_of(connection, [trace_id.hex() for trace_id in traces])
            goes.delete("traces", t.trace, t.trace.c.trace_id, traces)
            goes.delete("spans", t.span, t.span.c.trace_id, traces)
            goes.delete("logs", t.log, t.log.c.trace_id, traces)
            goes.delete("", t.conflict, t.conflict.c.trace_id, traces)
            self._forget_trajectories(goes, [name for name in names if name not in counted])
            counted.update(names)  # where they are only counted, one may be made of traces of two pages
            return goes.counts

    def _made_of(self, connection: Connection, trace_ids: Sequence[str]) -> list[str]:
        """Trajectories that were made of any of these traces."""
        mention = t.mention.c
        mentioned = select(mention.fact).where(mention.kind == "trace", mention.value.in_(trace_ids))
        names = set(connection.execute(select(t.fact.c.trajectory).where(t.fact.c.id.in_(mentioned))).scalars())
        for table in (t.trajectory, t.trial, t.label, t.outcome):  # what never was assembled has the id of its trace
            names.update(
                connection.execute(select(table.c.trajectory).where(table.c.trajectory.in_(trace_ids))).scalars()
            )
        return sorted(names)

    def _forget_trajectories(self, goes: _Going, names: Sequence[str]) -> None:
        connection = goes.connection
        facts = goes.held(t.fact.c.id, t.fact.c.trajectory, names)
        if not goes.dry_run:
            self._reopen_others(connection, facts)
            self._db.backend.drop_words(connection, facts)
        goes.delete("", t.mention, t.mention.c.fact, facts)
        goes.delete("", t.fact, t.fact.c.trajectory, names)
        goes.delete("", t.stale, t.stale.c.trajectory, names)
        runs = {
            *goes.held(t.trial.c.run, t.trial.c.trajectory, names),
            *goes.held(t.outcome.c.run, t.outcome.c.trajectory, names),
        }
        goes.delete("", t.attempt, t.attempt.c.identity, goes.held(t.trial.c.identity, t.trial.c.trajectory, names))
        goes.delete("trials", t.trial, t.trial.c.trajectory, names)
        goes.delete("labels", t.label, t.label.c.trajectory, names)
        goes.delete("conclusions", t.outcome, t.outcome.c.trajectory, names)
        goes.delete("trajectories", t.trajectory, t.trajectory.c.trajectory, names)
        goes.runs(runs)

    def _reopen_others(self, connection: Connection, facts: Sequence[int]) -> None:
        """Reopen what is left of conversations: they have to be assembled without what goes."""
        mention = t.mention.c
        for some in in_pieces(facts):
            names = connection.execute(select(mention.value).where(mention.kind == "trace", mention.fact.in_(some)))
            for others in in_pieces(keys.trace_keys(names.scalars())):
                connection.execute(
                    update(t.trace)
                    .where(t.trace.c.trace_id.in_(others))
                    .values(state="reopened", revision=t.trace.c.revision + 1)
                )

    def _forget_without_traces(self, before_ns: int, *, dry_run: bool) -> Counter[str]:
        """What belongs to no trace, and is as old: log records, and trials that never started."""
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=before_ns // 1_000)
        with self._db.write() as connection:
            if not dry_run:
                self._db.forgot(connection)
            goes = _Going(connection, dry_run=dry_run)
            loose = (t.log.c.trace_id == b"", t.log.c.at_ns < before_ns)
            goes.delete("logs", t.log, t.log.c.id, list(connection.execute(select(t.log.c.id).where(*loose)).scalars()))
            rows = connection.execute(select(t.run.c.run_id, t.run.c.created_at)).all()
            old = [row.run_id for row in rows if made_at(row.created_at) < moment]
            begun = set(goes.held(t.trial.c.run, t.trial.c.run, old, t.trial.c.trajectory.is_not(None)))
            empty = [name for name in old if name not in begun]
            goes.delete("", t.attempt, t.attempt.c.identity, goes.held(t.trial.c.identity, t.trial.c.run, empty))
            goes.delete("trials", t.trial, t.trial.c.run, empty)
            for some in in_pieces(empty):
                never = (t.outcome.c.run.in_(some), t.outcome.c.trajectory == "")
                ids = list(connection.execute(select(t.outcome.c.id).where(*never)).scalars())
                goes.delete("conclusions", t.outcome, t.outcome.c.id, ids)
            goes.runs(empty)
            return goes.counts


class _Going:
    """Counts what goes, and deletes it unless it is only to be counted."""

    def __init__(self, connection: Connection, *, dry_run: bool) -> None:
        self.connection = connection
        self.dry_run = dry_run
        self.counts: Counter[str] = Counter()

    def delete(self, what: str, table: Table, column: ColumnElement[Any], values: Sequence[Any]) -> None:
        """Delete the rows whose column has one of these values."""
        for some in in_pieces(values):
            if what:
                counted = select(func.count()).select_from(table).where(column.in_(some))
                self.counts[what] += self.connection.execute(counted).scalar_one()
            if not self.dry_run:
                self.connection.execute(delete(table).where(column.in_(some)))

    def held(
        self, column: ColumnElement[Any], by: ColumnElement[Any], values: Sequence[Any], *also: ColumnElement[bool]
    ) -> list[Any]:
        """What rows hold in one column, each once, that have one of these values in another."""
        found: dict[Any, None] = {}
        for some in in_pieces(values):
            query = select(column).where(by.in_(some), *also).distinct()
            found.update(dict.fromkeys(self.connection.execute(query).scalars()))
        return list(found)

    def runs(self, names: Collection[str]) -> None:
        """Delete those of these runs of which nothing is left."""
        if self.dry_run:
            return
        left = {run for table in (t.trial, t.outcome) for run in self.held(table.c.run, table.c.run, list(names))}
        self.delete("runs", t.run, t.run.c.run_id, [name for name in names if name not in left])
