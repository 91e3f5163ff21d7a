"""All that is particular to SQLite: how a file is opened, how rows go in, what it measures, what its errors mean."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Select,
    TableClause,
    Text,
    UnaryExpression,
    column,
    create_engine,
    event,
    exists,
    func,
    literal,
    select,
    table,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.operators import custom_op

from agenteval.errors import StoreError
from agenteval.store.backend import WRITER, cause_of
from agenteval.store.inserts import Insert, Row, of_many
from agenteval.store.pack import REFERENCE
from agenteval.store.tables import content, fact

_APPLICATION = 0x61676576  # "agev": tells our files from other programs'
_PAGE_BYTES = 4096
_BUSY_MS = 30_000
_ROWS_AT_ONCE = 64
_EACH_CONNECTION = (
    # in WAL mode a killed process loses nothing; a power cut may take the last transactions, and never breaks the file
    "PRAGMA synchronous = NORMAL",
    "PRAGMA cache_size = -32768",
    "PRAGMA secure_delete = ON",  # what is deleted or replaced is overwritten
)
_THE_FILE = (
    f"PRAGMA page_size = {_PAGE_BYTES}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA journal_size_limit = 67108864",
)


class Sqlite:
    """A store in one file.

    Args:
        path: The file; created, readable by its owner alone, where there is none.
    """

    types: Mapping[str, str] = MappingProxyType(
        {
            "id": "INTEGER PRIMARY KEY",
            "number": "BIGINT",
            "bytes": "BLOB",
            "text": "TEXT",
            "float": "FLOAT",
            "keyed": "WITHOUT ROWID",  # a small table is kept in the order of its key
        }
    )
    errors: tuple[type[Exception], ...] = (DBAPIError, sqlite3.Error, OverflowError)

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = str(path)

    def open(self) -> Engine:
        """An engine whose connections are set up alike; the one that writes takes the write lock as it begins."""
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        engine = create_engine(
            URL.create("sqlite", database=str(self._path)),
            connect_args={"check_same_thread": False, "timeout": _BUSY_MS / 1000},
            pool_size=8,
            max_overflow=-1,
        )
        event.listen(engine, "connect", _set_up)
        event.listen(engine, "begin", _begin)
        return engine

    def readers(self, engine: Engine) -> Engine:
        """The same: a transaction sees what was there when it began."""
        return engine

    def look(self, connection: Connection) -> set[str]:
        """Names of the tables in the file."""
        rows = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {str(row[0]) for row in rows}

    def set_up(self, writer: Connection) -> None:
        """Set the file up for one writer and many readers; only once it is known to be ours."""
        _execute(writer.connection.driver_connection, _THE_FILE)

    def mark(self, connection: Connection) -> None:
        """Mark the file as ours."""
        connection.exec_driver_sql(f"PRAGMA application_id = {_APPLICATION}")

    def take_turn(self, writer: Connection) -> None:
        """Nothing: the transaction began with the write lock."""

    def insert(self, connection: Connection, insert: Insert, rows: Sequence[Row]) -> int:
        """Insert rows; gives how many went in.

        Many rows go in by one step of SQLite: Python lets go of its interpreter at each, and where other threads are
        at work it waits for them to get it back.
        """
        driver: Any = connection.connection.driver_connection
        new = start = 0
        size = _ROWS_AT_ONCE
        while start < len(rows):
            while size > len(rows) - start:
                size //= 2
            values = tuple(chain.from_iterable(rows[start : start + size]))
            new += driver.execute(of_many(insert, size, "?"), values).rowcount
            start += size
        return new

    def contents_of(self, connection: Connection, digests: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        """Digests and texts of contents. As plain SQL: thousands are read at once, and each parameter counts."""
        wanted = ",".join("?" * len(digests))
        query = f"SELECT digest, data FROM content WHERE digest IN ({wanted})"  # noqa: S608 (question marks only)
        return [(digest, data) for digest, data in connection.exec_driver_sql(query, tuple(digests))]

    def without_index(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """A column whose index is not to be used for a condition.

        SQLite knows no counts: of two conditions it may take the index of `status`, which nearly all trials share.
        """
        plus: custom_op[Any] = custom_op("+")
        return UnaryExpression(column, operator=plus)

    def make_words(self, connection: Connection) -> None:
        """A table of words as FTS5 keeps them."""
        connection.exec_driver_sql(
            "CREATE VIRTUAL TABLE said USING fts5(words, tokenize = 'unicode61 remove_diacritics 0')"
        )

    def put_words(self, connection: Connection, words: Mapping[int, Sequence[str]]) -> None:
        """Keep the words of facts in place of those that were kept."""
        self.drop_words(connection, list(words))
        driver: Any = connection.connection.driver_connection
        rows = [(fact, " ".join(said)) for fact, said in words.items()]
        driver.executemany("INSERT INTO said (rowid, words) VALUES (?, ?)", rows)

    def drop_words(self, connection: Connection, facts: Sequence[int]) -> None:
        """Drop the words of facts."""
        driver: Any = connection.connection.driver_connection
        driver.executemany("DELETE FROM said WHERE rowid = ?", [(fact,) for fact in facts])

    def saying(self, words: Sequence[str]) -> ColumnElement[bool]:
        """The condition that the row of `fact` says these words."""
        return exists().where(_SAID.c.rowid == fact.c.id, _matches(words))

    def facts_saying(self, words: Sequence[str]) -> Select[int]:
        """A query for the facts that say these words."""
        return select(_SAID.c.rowid).where(_matches(words))

    def forgot(self, engine: Engine, *, compact: bool) -> None:
        """Merge the words that are left, empty the log of writes; where asked, write the file anew without gaps."""
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            _execute(driver, ("INSERT INTO said (said) VALUES ('optimize')",))
            if compact:
                _execute(driver, ("VACUUM",))
            _execute(driver, ("PRAGMA wal_checkpoint(TRUNCATE)",))

    def has_refs(self) -> ColumnElement[bool]:
        """The condition that a row of `content` refers to other contents."""
        return func.instr(content.c.data, literal(REFERENCE)) > 0

    def sizes(self, connection: Connection) -> dict[str, int]:
        """Bytes of each table with its indexes; of the whole file alone where this SQLite does not count them."""
        try:
            rows = connection.exec_driver_sql(
                "SELECT coalesce(m.tbl_name, s.name), SUM(s.pgsize) FROM dbstat AS s "
                "LEFT JOIN sqlite_master AS m ON m.name = s.name GROUP BY 1"
            ).all()
            return {**{str(name): int(size) for name, size in rows}, **_bytes(connection, free="freelist_count")}
        except DBAPIError:
            return _bytes(connection, file="page_count")

    def explain(self, error: Exception) -> StoreError:
        """What a database error means, and what to do about it."""
        text = cause_of(error)
        remedy = next((remedy for words, remedy in _REMEDIES if words in text), "nothing of this call was written")
        return StoreError(f"{self.name}: {remedy} ({text:.200})")

    def closing(self, writer: Connection) -> None:
        """Move everything into the file itself; does what it can where others are reading."""
        _execute(writer.connection.driver_connection, ("PRAGMA wal_checkpoint(TRUNCATE)",))


_SAID: TableClause = table("said", column("rowid", Integer), column("said", Text))


def _matches(words: Sequence[str]) -> ColumnElement[bool]:
    phrase = '"' + " ".join(words) + '"'  # words hold no quote
    return _SAID.c.said.op("MATCH")(phrase)


def _bytes(connection: Connection, **counts: str) -> dict[str, int]:
    """Bytes that pages take; `free` are those that nothing is in."""
    page = int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())
    return {
        name: page * int(connection.exec_driver_sql(f"PRAGMA {count}").scalar_one()) for name, count in counts.items()
    }


def _set_up(connection: Any, record: object) -> None:
    del record
    connection.isolation_level = None  # transactions begin where we say so, not at the first insert
    _execute(connection, _EACH_CONNECTION)


def _execute(connection: Any, statements: Sequence[str]) -> None:
    cursor = connection.cursor()
    for statement in statements:
        cursor.execute(statement).fetchall()
    cursor.close()


def _begin(connection: Connection) -> None:
    # a writer that began as a reader could fail when it comes to write: it takes its lock at once, and waits for it
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(WRITER) else "BEGIN")


_REMEDIES: tuple[tuple[str, str], ...] = (
    ("no such module: fts5", "the SQLite of this Python is built without FTS5: use another Python, or PostgreSQL"),
    ("file is not a database", "it is not a trace store: name another file, or move this one away"),
    ("malformed", "the file is damaged: copy it, try `sqlite3 FILE .recover`, or move it away and import again"),
    ("full", "the disk is full: free some space and repeat; nothing was half written"),
    ("readonly", "it cannot be written: check the owner and mode of the file and of its folder"),
    ("read-only", "it cannot be written: check the owner and mode of the file and of its folder"),
    ("unable to open", "it cannot be opened: check that its folder exists and can be written"),
    ("locked", f"another process has been writing for {_BUSY_MS // 1000} seconds: wait for it, and repeat"),
    ("disk I/O", "the disk failed to read or write: check it, and repeat"),
)
