"""All that is particular to SQLite: how a file is opened, how rows go in, what it measures, what its errors mean."""

from __future__ import annotations

import functools
import os
import re
import sqlite3
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy import URL, ColumnElement, Connection, Engine, Table, UnaryExpression, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.operators import custom_op

from agenteval.errors import StoreError

TYPES = {
    "id": "INTEGER PRIMARY KEY",
    "number": "BIGINT",
    "bytes": "BLOB",
    "text": "TEXT",
    "keyed": "WITHOUT ROWID",
}
"""How the migrations' column types are spelt, and that a small table is kept in the order of its key."""

WRITER = "agenteval.writer"
_APPLICATION = 0x61676576  # "agev": tells our files from other programs'
_PAGE_BYTES = 4096
_BUSY_MS = 30_000
_ROWS_AT_ONCE = 64
_VALUES = re.compile(r"(?<=VALUES )\([?, ]+\)")
_EACH_CONNECTION = (
    # in WAL mode a killed process loses nothing; a power cut may take the last transactions, and never breaks the file
    "PRAGMA synchronous = NORMAL",
    "PRAGMA cache_size = -32768",
)
_THE_FILE = (
    f"PRAGMA page_size = {_PAGE_BYTES}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA journal_size_limit = 67108864",
)


def create_private(path: Path) -> None:
    """Create the file, readable by its owner alone, where there is none; what is there is left as it is."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def open_engine(path: Path) -> Engine:
    """An engine whose connections are set up alike; the one marked `WRITER` takes the write lock as it begins."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"check_same_thread": False, "timeout": _BUSY_MS / 1000},
        pool_size=8,
        max_overflow=-1,
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: Any, record: object) -> None:
    del record
    connection.isolation_level = None  # transactions begin where we say so, not at the first insert
    _execute(connection, _EACH_CONNECTION)


def set_up_file(connection: Any) -> None:
    """Set the file up for one writer and many readers; only once it is known to be ours."""
    _execute(connection, _THE_FILE)


def _execute(connection: Any, statements: Sequence[str]) -> None:
    cursor = connection.cursor()
    for statement in statements:
        cursor.execute(statement).fetchall()
    cursor.close()


def _begin(connection: Connection) -> None:
    # a writer that began as a reader could fail when it comes to write: it takes its lock at once, and waits for it
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.info.get(WRITER) else "BEGIN")


def table_names(connection: Connection) -> set[str]:
    """Names of the tables in the file."""
    rows = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {str(row[0]) for row in rows}


def mark(connection: Connection) -> None:
    """Mark the file as ours."""
    connection.exec_driver_sql(f"PRAGMA application_id = {_APPLICATION}")


def checkpoint(connection: Any) -> None:
    """Move everything into the file itself; does what it can where others are reading."""
    _execute(connection, ("PRAGMA wal_checkpoint(TRUNCATE)",))


def insert_new(table: Table, keys: Sequence[str]) -> str:
    """SQL that inserts a row of all columns but `id`, unless one with these keys is there."""
    return _sql(sqlite.insert(table).on_conflict_do_nothing(index_elements=keys), table)


def insert_or_replace(table: Table, keys: Sequence[str]) -> str:
    """SQL that inserts a row of all columns but `id`, or changes the one with these keys, which keeps its `id`."""
    statement = sqlite.insert(table)
    changed = {name: statement.excluded[name] for name in _columns(table) if name not in keys}
    return _sql(statement.on_conflict_do_update(index_elements=keys, set_=changed), table)


def insert_numbered(table: Table, *, unless: Sequence[str] = ()) -> str:
    """SQL that inserts a row of all columns, `id` first, unless one with these keys is there."""
    statement = sqlite.insert(table)
    return _sql(statement.on_conflict_do_nothing(index_elements=unless) if unless else statement, table, numbered=True)


def _columns(table: Table) -> list[str]:
    return [column.name for column in table.columns if column.name != "id"]


def _sql(statement: Any, table: Table, *, numbered: bool = False) -> str:
    names = [*(["id"] if numbered else []), *_columns(table)]
    return str(statement.compile(dialect=sqlite.dialect(paramstyle="qmark"), column_keys=names))


def insert(connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> int:
    """Execute an insert for rows of one width; gives how many went in.

    Many rows go in by one step of SQLite: Python lets go of its interpreter at each, and where other threads are at
    work it waits for them to get it back.
    """
    driver: Any = connection.connection.driver_connection
    new = start = 0
    size = _ROWS_AT_ONCE
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        values = tuple(chain.from_iterable(rows[start : start + size]))
        new += driver.execute(_of_many(statement, size), values).rowcount
        start += size
    return new


@functools.cache
def _of_many(statement: str, rows: int) -> str:
    """An insert of one row as one of many."""
    return _VALUES.sub(lambda found: ", ".join([found[0]] * rows), statement, count=1)


def contents_of(connection: Connection, digests: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    """Digests and texts of contents. As plain SQL: thousands are read at once, and each parameter counts."""
    wanted = ",".join("?" * len(digests))
    query = f"SELECT digest, data FROM content WHERE digest IN ({wanted})"  # noqa: S608 (question marks only)
    return [(digest, data) for digest, data in connection.exec_driver_sql(query, tuple(digests))]


def without_index(column: ColumnElement[str]) -> ColumnElement[str]:
    """A column whose index is not to be used for this condition.

    SQLite knows no counts: of two conditions it may take the index of `status`, which nearly all trials share.
    """
    plus: custom_op[str] = custom_op("+")
    return UnaryExpression(column, operator=plus)


def sizes(connection: Connection) -> dict[str, int]:
    """Bytes of each table with its indexes; of the whole file alone where this SQLite does not count them."""
    try:
        rows = connection.exec_driver_sql(
            "SELECT m.tbl_name, SUM(s.pgsize) FROM dbstat AS s JOIN sqlite_master AS m ON m.name = s.name GROUP BY 1"
        ).all()
        return {str(name): int(size) for name, size in rows}
    except DBAPIError:
        pages, page = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_count", "page_size")
        )
        return {"file": int(pages) * int(page)}


# --- errors

_REMEDIES: tuple[tuple[str, str], ...] = (
    ("file is not a database", "it is not a trace store: name another file, or move this one away"),
    ("malformed", "the file is damaged: copy it, try `sqlite3 FILE .recover`, or move it away and import again"),
    ("full", "the disk is full: free some space and repeat; nothing was half written"),
    ("readonly", "it cannot be written: check the owner and mode of the file and of its folder"),
    ("read-only", "it cannot be written: check the owner and mode of the file and of its folder"),
    ("unable to open", "it cannot be opened: check that its folder exists and can be written"),
    ("locked", f"another process has been writing for {_BUSY_MS // 1000} seconds: wait for it, and repeat"),
    ("disk I/O", "the disk failed to read or write: check it, and repeat"),
)


def explain(error: Exception, path: Path) -> StoreError:
    """What a database error means, and what to do about it."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    text = " ".join(str(cause).split()) or type(cause).__name__
    remedy = next((remedy for words, remedy in _REMEDIES if words in text), "nothing of this call was written")
    return StoreError(f"{path}: {remedy} ({text:.200})")


ERRORS: tuple[type[Exception], ...] = (DBAPIError, sqlite3.Error, OverflowError)
"""What can come out of the driver."""
