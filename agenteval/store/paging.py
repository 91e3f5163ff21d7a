"""What every group of tables shares: pages, prefixes, text as columns hold it, and damaged rows."""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, bindparam, select

from agenteval.core.ports import Query
from agenteval.errors import StoreError
from agenteval.store import inserts
from agenteval.store import tables as t
from agenteval.store.database import Database
from agenteval.store.pack import encodable

PAGE = 500
_NOTE_STALE = inserts.new(t.stale, ["trajectory"])
_NEIGHBOURS = 6
_ESCAPED = "\\~"
_HIGHEST = "\U0010ffff"


class Tables:
    """A group of tables in one database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    @contextmanager
    def decoding(self, what: str) -> Generator[None]:
        """Around reading rows: bytes that do not mean anything are a damaged file."""
        try:
            yield
        except (zlib.error, ValueError, KeyError, TypeError, IndexError) as error:
            raise self.damaged(f"{what}: {type(error).__name__}: {error!s:.200}") from error

    def damaged(self, what: str) -> StoreError:
        """The error for something in the file that means nothing."""
        return StoreError(f"{self._db.name}: the file is damaged ({what}): copy it, then import or run again")

    def _note_stale(self, connection: Connection, trajectories: Iterable[str | None]) -> None:
        """Note that the facts of trajectories have to be made again, before somebody looks for them."""
        self._db.insert(connection, _NOTE_STALE, [(name,) for name in dict.fromkeys(trajectories) if name])

    def _pages(self, query: Select[*tuple[Any, ...]], table: Table, size: int = PAGE) -> Iterator[Sequence[Any]]:
        """The rows of a query by id, a page at a time: no transaction stays open, and memory stays flat.

        Args:
            query: Selects `table.id` among others.
            table: The table whose ids give the order.
            size: Rows in a page.
        """
        last = 0
        # one statement for all pages: what SQLAlchemy makes of it is kept with it
        ordered = query.where(table.c.id > bindparam("last")).order_by(table.c.id).limit(size)
        while True:
            with self._db.read() as connection:
                page = connection.execute(ordered, {"last": last}).all()
            if page:
                yield page
            if len(page) < size:
                return
            last = page[-1].id

    def _begun(self, column: ColumnElement[str], asked: str) -> tuple[list[str], list[str]]:
        """The values of a column that are this or begin with it, up to some; else those before and after it."""
        distinct = select(column).distinct()
        with self._db.read() as connection:
            same = connection.execute(distinct.where(column == asked)).scalars().all()
            if same:
                return [asked], []
            found = connection.execute(
                distinct.where(column >= asked, column < asked + _HIGHEST).order_by(column).limit(_NEIGHBOURS * 2)
            ).scalars()
            return (begun, []) if (begun := list(found)) else ([], self._neighbours(connection, column, asked))

    def _neighbours(self, connection: Connection, column: ColumnElement[str], name: str) -> list[str]:
        """Values before and after a name, for a message about what is there."""
        before = select(column).distinct().where(column < name).order_by(column.desc()).limit(_NEIGHBOURS)
        after = select(column).distinct().where(column > name).order_by(column).limit(_NEIGHBOURS)
        return [*connection.execute(before).scalars(), *connection.execute(after).scalars()]

    def _trial_filter(self, query: Query) -> list[ColumnElement[bool]]:
        """The conditions of a query on the table `trial`: the one that fewest trials meet by its index, then others."""
        asked = {
            "trajectory": query.trajectory,
            "run": query.run,
            "scenario": query.scenario,
            "agent": query.agent,
            "status": query.status,
        }
        given = [(t.trial.c[name], as_column(value)) for name, value in asked.items() if value]
        return [
            (column if position == 0 else self._db.backend.without_index(column)) == value
            for position, (column, value) in enumerate(given)
        ]


def as_column(text: str) -> str:
    """A text as a column can hold it in every database; different texts stay different."""
    if encodable(text) and not text.startswith(_ESCAPED):
        return text
    return _ESCAPED + text.encode("unicode_escape").decode("ascii")


def from_column(text: str) -> str:
    """The text that `as_column` was given."""
    if not text.startswith(_ESCAPED):
        return text
    return text.removeprefix(_ESCAPED).encode("ascii").decode("unicode_escape")
