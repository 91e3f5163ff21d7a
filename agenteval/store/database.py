"""One database: its writer, its readers, its transactions, and its schema brought up to date."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, RootTransaction
from sqlalchemy.exc import DBAPIError

from agenteval.errors import NotFound, StoreError
from agenteval.store import inserts, migrations
from agenteval.store.backend import WRITER, Backend
from agenteval.store.content import LAST_IDS, Known
from agenteval.store.inserts import Insert, Row
from agenteval.store.tables import meta

_GENERATION = "SELECT value FROM meta WHERE key = 'generation'"
_PUT_META = inserts.or_replace(meta, ["key"])


class Database:
    """One writer, many readers. Readers see what was committed, and never half a transaction.

    Args:
        backend: The place where it is.
        steps: The migrations that make the schema.
        create: Whether to make it where there is none.

    Attributes:
        known: What is remembered of its contents.
        states: Hashes of the worlds' states that are known to be there.

    Raises:
        NotFound: It is empty, and is not to be made.
        StoreTooNew: It was written by a newer agenteval.
        StoreError: It cannot be opened, or is not a trace store.
    """

    def __init__(self, backend: Backend, steps: tuple[migrations.Step, ...], *, create: bool = True) -> None:
        self.backend = backend
        self.name = backend.name
        self.known = Known()
        self.states: set[str] = set()
        self._lock = threading.RLock()
        self.generation: str | None = None
        self._owner: int | None = None
        self._broken = False
        self._closed = False
        with self.explained():
            self.engine = backend.open()
            self._readers = backend.readers(self.engine)
            try:
                self._writer = self._first_look(len(steps), create=create)
                self._bring_up_to_date(steps)
            except BaseException:
                self.engine.dispose()
                raise

    def _first_look(self, newest: int, *, create: bool) -> Connection:
        """The writer, where the file is one of ours that this version can read; a file that is not stays as it is."""
        with self._readers.connect() as connection, connection.begin():
            self._version = migrations.version_of(connection, self.backend, newest)
        if not (self._version or create):
            raise NotFound(f"there is no store in {self.name}; `agenteval run` and `agenteval import` make one")
        return self.engine.connect().execution_options(**{WRITER: True})

    def _bring_up_to_date(self, steps: tuple[migrations.Step, ...]) -> None:
        """Take the steps that the schema lacks. Raises with the writer closed."""
        try:
            self.backend.set_up(self._writer)
            while self._version < len(steps):
                with self.write() as connection:
                    # another process may have been here between the look and the lock
                    self._version = migrations.version_of(connection, self.backend, len(steps))
                    if self._version < len(steps):
                        migrations.take(connection, self.backend, self._version + 1, steps[self._version])
                self._version += 1
        except BaseException:
            self._writer.close()
            raise

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """One transaction, or the one that this thread has open; what only reads may fail in it and do no harm."""
        with self._lock:
            if self._owner is not None:
                yield self._writer
                return
            with self._outermost():
                yield self._writer

    @contextmanager
    def batch(self) -> Generator[None]:
        """One transaction around whatever the caller does; its own errors go through as they are."""
        with self.transaction():
            try:
                yield
            except BaseException:
                self._broken = True  # half of it may be written: the whole must not be committed
                raise

    @contextmanager
    def write(self) -> Generator[Connection]:
        """One transaction, or a part of the one that this thread has open."""
        with self.batch(), self.explained():
            yield self._writer

    @contextmanager
    def _outermost(self) -> Generator[None]:
        self._refuse_closed()
        with self.explained():
            transaction = self._begun()
            self._notice_what_was_forgotten()
        self._owner = threading.get_ident()
        self._broken = False
        try:
            yield
            self._refuse_broken()
            with self.explained():
                transaction.commit()
        except BaseException:
            with suppress(*self.backend.errors):  # a full disk has rolled back already
                transaction.rollback()
            self.known.forget()  # some of it may have been rolled back
            self.states.clear()
            raise
        finally:
            self._owner = None

    def _notice_what_was_forgotten(self) -> None:
        """Remember nothing of the contents where some were forgotten since, here or by another process."""
        if self._version == 0:
            return
        driver: Any = self._writer.connection.driver_connection
        found = driver.execute(_GENERATION).fetchone()
        if found is not None and found[0] != self.generation:
            self._begin_generation(str(found[0]))

    def _begin_generation(self, generation: str) -> None:
        self.generation = generation
        _, text, node = generation.split()
        self.known.forget()
        self.known.last_text, self.known.last_node = int(text), int(node)
        self.states.clear()

    def forgot(self, connection: Connection) -> None:
        """Note, in a transaction that is about to forget, that nobody may go on remembering what was there.

        Numbers that were taken are never taken again, so that whoever looks through all of them sees what is new.
        """
        text, node = connection.exec_driver_sql(LAST_IDS).one()
        text, node = max(text or 0, self.known.last_text), max(node or 0, self.known.last_node)
        count = 1 if self.generation is None else int(self.generation.split()[0]) + 1
        generation = f"{count} {text} {node}"
        self.insert(connection, _PUT_META, [("generation", generation)])
        self._begin_generation(generation)

    def _begun(self) -> RootTransaction:
        """A transaction whose turn it is to write. A connection that was lost while it was idle is replaced once."""
        try:
            return self._begun_once()
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        return self._begun_once()

    def _begun_once(self) -> RootTransaction:
        transaction = self._writer.begin()
        try:
            self.backend.take_turn(self._writer)
        except BaseException:
            with suppress(*self.backend.errors):
                transaction.rollback()
            raise
        return transaction

    def insert(self, connection: Connection, insert: Insert, rows: Sequence[Row]) -> int:
        """Insert rows; gives how many went in, where none is replaced."""
        return self.backend.insert(connection, insert, rows) if rows else 0

    @contextmanager
    def read(self) -> Generator[Connection]:
        """A view that does not change while it is read; within a transaction of this thread, that transaction."""
        with self.explained():
            if self._owner == threading.get_ident():
                yield self._writer
                return
            self._refuse_closed()
            with self._readers.connect() as connection, connection.begin():
                yield connection

    def _refuse_broken(self) -> None:
        if self._broken:
            raise StoreError(f"{self.name}: a part of this batch failed, so nothing of it was kept; repeat it")

    def _refuse_closed(self) -> None:
        if self._closed:
            raise StoreError(f"{self.name}: the store is closed; open it again")

    @contextmanager
    def explained(self) -> Generator[None]:
        """Errors of the driver and of the file system as StoreError, with file and remedy."""
        try:
            yield
        except self.backend.errors as error:
            raise self.backend.explain(error) from error
        except OSError as error:
            raise StoreError(f"{self.name}: {error.strerror or error}: check the file and its folder") from error

    def close(self) -> None:
        """Move everything into the file itself, and close it. Closing twice is closing once."""
        with self._lock, self.explained():
            if self._closed:
                return
            self._closed = True
            try:
                self.backend.closing(self._writer)
            finally:
                self._writer.close()
                self.engine.dispose()
