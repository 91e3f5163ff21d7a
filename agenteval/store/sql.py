"""A trace store in an SQL database."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from agenteval.core.ports import Appended
from agenteval.core.span import LogRecord, Span
from agenteval.store import inserts, keys, migrations
from agenteval.store.arriving import Arrival, TraceTables, arrival
from agenteval.store.backend import Backend
from agenteval.store.content import SOME, Interning, Texts, in_pieces
from agenteval.store.database import Database
from agenteval.store.forgetting import ForgetTables
from agenteval.store.judged import JudgedTables
from agenteval.store.spans import Reading, Row, Writing
from agenteval.store.sqlite import Sqlite
from agenteval.store.tables import conflict, log, span

_SPANS = select(span).where(span.c.trace_id.in_(SOME))
_LOGS = select(log).where(log.c.trace_id.in_(SOME))
_INSERT_SPAN = inserts.new(span, ["trace_id", "span_id"])
_INSERT_LOG = inserts.new(log, ["trace_id", "digest"])
_INSERT_CONFLICT = inserts.new(conflict, ["trace_id", "span_id", "digest"])


class SqlStore(TraceTables, ForgetTables, JudgedTables):
    """A `TraceStore` in one database: one writer, many readers, in this process and in others.

    Safe to use from several threads; writes wait for each other. What it gives back is shared between the values that
    repeat it, and must not be changed. Sequences come back as lists.

    Args:
        where: A SQLite file, which is created where there is none; or another database.
        assembler: Version of the assembler that the trajectories put here come from.
        create: Whether to make the tables where there are none.

    Raises:
        NotFound: There are no tables, and they are not to be made.
        StoreTooNew: It was written by a newer agenteval.
        StoreError: It cannot be opened, or is not a trace store.
    """

    def __init__(
        self,
        where: str | Path | Backend,
        *,
        assembler: str = "1",
        create: bool = True,
        steps: tuple[migrations.Step, ...] = migrations.STEPS,
    ) -> None:
        super().__init__(
            Database(Sqlite(Path(where)) if isinstance(where, (str, Path)) else where, steps, create=create), assembler
        )

    @contextmanager
    def batch(self) -> Generator[None]:
        """One transaction around many calls: all of them are kept, or none."""
        with self._db.batch():
            yield

    def close(self) -> None:
        """Leave everything in order, and close it. Closing twice is closing once."""
        self._db.close()

    def sizes(self) -> Mapping[str, int]:
        """Bytes on disk of each table with its indexes."""
        with self._db.read() as connection:
            return self._db.backend.sizes(connection)

    # --- writing spans

    def append(
        self,
        spans: Iterable[Span],
        logs: Iterable[LogRecord] = (),
        *,
        project: str = "",
        live: bool = False,
        at_ns: int | None = None,
    ) -> Appended:
        """Store spans and logs in one transaction; the first of two spans with one id stays.

        Args:
            spans: Spans of any traces, in any order.
            logs: Log records of any traces, or of none.
            project: Whose they are.
            live: Whether more of their traces may come without notice.
            at_ns: When they arrived; now unless given.

        Returns:
            Counts of spans. Logs that are there already are passed over.

        Raises:
            RequestError: An id is malformed; nothing was stored.
            StoreError: A value cannot be stored, or the store could not be written; nothing was stored.
        """
        given = list(spans)
        given_logs = [(log, keys.content_digest(log)) for log in logs]
        if not given and not given_logs:
            return Appended()
        arrived = arrival(project, at_ns, live=live)
        with self._db.transaction() as connection, self._db.explained():
            self._db.known.bound()
            while True:
                interning = Interning(connection, self._db.backend, self._db.known)
                writing = Writing(interning)
                try:
                    rows = [writing.span(span) for span in given]
                    log_rows = [writing.log(log, digest) for log, digest in given_logs]
                except BaseException:
                    self._db.known.forget()  # numbers were taken for what will not be kept
                    raise
                with self._db.write():
                    if interning.keep():
                        return self._insert(connection, given, rows, log_rows, arrived)

    def _insert(
        self,
        connection: Connection,
        spans: Sequence[Span],
        rows: Sequence[Row],
        log_rows: Sequence[Row],
        arrived: Arrival,
    ) -> Appended:
        new_logs = self._db.insert(connection, _INSERT_LOG, log_rows)
        new = self._db.insert(connection, _INSERT_SPAN, rows)
        all_new = new == len(rows) and new_logs == len(log_rows)
        self._arrived(connection, arrived, rows, log_rows, all_new=all_new)
        if new == len(rows):
            return Appended(new=new)
        differing = self._differing(connection, spans, rows)
        self._db.insert(connection, _INSERT_CONFLICT, differing)
        return Appended(new=new, repeated=len(rows) - new - len(differing), conflicting=len(differing))

    def _differing(self, connection: Connection, spans: Sequence[Span], rows: Sequence[Row]) -> list[Row]:
        """Rows for `conflict`: the spans whose id is taken by other content.

        Equal spans make equal rows, save for the order of their attributes: where rows differ, the contents decide.
        """
        taken: dict[tuple[bytes, bytes], Any] = {}
        by_trace: dict[bytes, list[bytes]] = {}
        for trace_id, span_id, *_ in rows:
            by_trace.setdefault(trace_id, []).append(span_id)
        for trace_id, span_ids in by_trace.items():
            for some in in_pieces(span_ids):
                query = select(span).where(span.c.trace_id == trace_id, span.c.span_id.in_(some))
                taken.update(((row.trace_id, row.span_id), row) for row in connection.execute(query))
        suspects = [
            (taken[row[0], row[1]], given)
            for row, given in zip(rows, spans, strict=True)
            if tuple(taken[row[0], row[1]])[1:] != row
        ]
        with self.decoding("spans"):
            stored = self._reading(connection).spans([row for row, _ in suspects])
        return [
            (row.trace_id, row.span_id, digest)
            for (row, given), first in zip(suspects, stored, strict=True)
            if (digest := keys.content_digest(given)) != keys.content_digest(first)
        ]

    # --- reading spans

    def read(self, trace_ids: Sequence[str]) -> tuple[list[Span], list[LogRecord]]:
        """Every span and log of those traces, by trace, start and id."""
        wanted = keys.trace_keys(trace_ids)
        spans: list[Span] = []
        logs: list[LogRecord] = []
        with self._db.read() as connection, self.decoding("spans"):
            reading = self._reading(connection)
            for some in in_pieces(wanted):
                spans += reading.spans(connection.execute(_SPANS, {"some": some}).all())
                logs += reading.logs(connection.execute(_LOGS, {"some": some}).all())
        return keys.in_order_of_spans(spans), keys.in_order_of_logs(logs)

    def _reading(self, connection: Connection) -> Reading:
        return Reading(Texts(connection, lambda what: self.damaged(f"{what} is missing")))

    def conflicts(self, trace_ids: Sequence[str]) -> int:
        """Different contents that came for a span id of those traces after its first."""
        with self._db.read() as connection:
            return sum(
                connection.execute(
                    select(func.count()).select_from(conflict).where(conflict.c.trace_id.in_(some))
                ).scalar_one()
                for some in in_pieces(keys.trace_keys(trace_ids))
            )
