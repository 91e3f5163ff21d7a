"""Finds contents, conversations and states that nothing refers to any more, and deletes them, while others write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, func, select

from agenteval.store import tables as t
from agenteval.store.content import NODES_ABOVE, in_pieces
from agenteval.store.database import Database
from agenteval.store.kept import digests_in
from agenteval.store.pack import referred_digests, unpack, unsqueeze

_ROWS_AT_ONCE = 2_000
_DELETED_AT_ONCE = 5_000  # in one transaction
_FEW_NODES = 2_000


class _Set:
    """Numbers, a byte each: millions of them take no more than that."""

    def __init__(self) -> None:
        self._held = bytearray()

    def add(self, number: int) -> bool:
        """Add a number; gives whether it was not there."""
        if number >= len(self._held):
            self._held.extend(bytes(number + 1 - len(self._held) + len(self._held) // 4))
        there = self._held[number]
        self._held[number] = 1
        return not there

    def __contains__(self, number: int) -> bool:
        return number < len(self._held) and self._held[number] == 1


class Sweep:
    """One look through a store for what nothing refers to."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._begin()

    def _begin(self) -> None:
        self._generation = self._db.generation
        self._texts = _Set()
        self._nodes = _Set()
        self._new_nodes: list[int] = []
        self._digests: set[bytes] = set()
        self._seen = {"span": 0, "log": 0, "content": 0}
        self._referring: dict[int, list[bytes]] = {}

    def run(self) -> Counter[str]:
        """Delete what nothing refers to; gives how much."""
        with self._db.read() as connection:
            self._mark(connection)
            texts = self._unmarked(connection, t.content, self._texts)
            nodes = self._unmarked(connection, t.history, self._nodes)
        self._delete(t.history, nodes)
        return Counter(contents=self._delete(t.content, texts), states=self._delete_states())

    def _delete(self, table: Table, ids: list[int]) -> int:
        """Delete those of these rows that are still not marked, some at a time."""
        gone = 0
        for start in range(0, len(ids), _DELETED_AT_ONCE):
            with self._db.write() as connection:
                if self._db.generation != self._generation:
                    self._begin()  # others forgot something, too, and numbers of their rows may have been taken again
                self._mark(connection)  # what was written meanwhile
                marked = self._texts if table is t.content else self._nodes
                some = [number for number in ids[start : start + _DELETED_AT_ONCE] if number not in marked]
                self._db.forgot(connection)
                self._generation = self._db.generation
                for piece in in_pieces(some):
                    connection.execute(delete(table).where(table.c.id.in_(piece)))
                gone += len(some)
        return gone

    def _delete_states(self) -> int:
        used = select(t.trajectory.c.start_state).where(t.trajectory.c.start_state.is_not(None))
        unused = t.state.c.hash.not_in(used)
        with self._db.write() as connection:
            names = list(connection.execute(select(t.state.c.hash).where(unused)).scalars())
            if names:
                self._db.forgot(connection)
            for some in in_pieces(names):
                connection.execute(delete(t.state).where(t.state.c.hash.in_(some)))
        return len(names)

    def _unmarked(self, connection: Connection, table: Table, marked: _Set) -> list[int]:
        ids = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(select(table.c.id)).scalars()
        return [number for number in ids if number not in marked]

    def _mark(self, connection: Connection) -> None:
        """Mark what is referred to by rows that were not looked at before, and all that those refer to."""
        for table in (t.span, t.log):
            for row in self._rows(connection, table, table.c.id, table.c.shape, table.c.frame, table.c.body):
                self._mark_row(row)
        self._mark_above(connection)
        for row in self._rows(
            connection, t.content, t.content.c.id, t.content.c.data, where=self._db.backend.has_refs()
        ):
            self._referring[row.id] = referred_digests(unsqueeze(row.data))
        # a trajectory may be replaced at any time, so all that refer to contents are looked at each time
        refer = func.substr(t.trajectory.c.data, 1, 1) == b"r"
        for data in connection.execute(select(t.trajectory.c.data).where(refer)).scalars():
            self._digests.update(digests_in(data))
        self._mark_digests(connection, self._digests)
        referred = {digest for number, found in self._referring.items() if number in self._texts for digest in found}
        self._mark_digests(connection, referred)

    def _rows(self, connection: Connection, table: Table, *columns: Any, where: Any = True) -> Iterator[Any]:
        query = select(*columns).where(table.c.id > bindparam("last"), where).order_by(table.c.id).limit(_ROWS_AT_ONCE)
        newest = connection.execute(select(func.max(table.c.id))).scalar_one() or 0
        while True:
            page = connection.execute(query, {"last": self._seen[table.name]}).all()
            yield from page
            if len(page) < _ROWS_AT_ONCE:
                self._seen[table.name] = max(newest, self._seen[table.name])
                return
            self._seen[table.name] = page[-1].id

    def _mark_row(self, row: Any) -> None:
        self._texts.add(row.shape)
        self._texts.add(row.frame)
        body = unpack(row.body)
        for _, kind, what, *_ in body[1] if len(body) > 1 else ():
            if kind == "l":
                for number in what:
                    self._texts.add(number)
            elif kind == "v":
                self._texts.add(what)
            elif self._nodes.add(what):
                self._new_nodes.append(what)

    def _mark_above(self, connection: Connection) -> None:
        """Mark the nodes above those that were marked, and their messages."""
        new, self._new_nodes = self._new_nodes, []
        if len(new) > _FEW_NODES:  # a node is younger than the one above it
            columns = select(t.history.c.id, t.history.c.parent, t.history.c.message).order_by(t.history.c.id.desc())
            rows: Any = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(columns)
        else:
            rows = (row for some in in_pieces(new) for row in connection.execute(NODES_ABOVE, {"some": some}))
            for number, _, _ in (held := list(rows)):
                self._nodes.add(number)
            rows = held
        for number, parent, message in rows:
            if number in self._nodes:
                self._nodes.add(parent)
                self._texts.add(message)

    def _mark_digests(self, connection: Connection, digests: set[bytes]) -> None:
        for some in in_pieces(digests):
            for number in connection.execute(select(t.content.c.id).where(t.content.c.digest.in_(some))).scalars():
                self._texts.add(number)
