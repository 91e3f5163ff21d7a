"""What a database must be able to do for the SQL store; one module for each database does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Engine, Select
from sqlalchemy.exc import DBAPIError

from agenteval.errors import StoreError
from agenteval.store.inserts import Insert, Row

WRITER = "agenteval_writer"
"""Execution option of the connection that writes."""


class Backend(Protocol):
    """One place where a store may be. Everything else of the SQL store is the same for all of them."""

    @property
    def name(self) -> str:
        """The store as messages name it; never a password."""
        ...

    @property
    def types(self) -> Mapping[str, str]:
        """How the migrations' column types are spelt."""
        ...

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What can come out of the driver."""
        ...

    def open(self) -> Engine:
        """An engine; what it reaches for is made where it can be, and left as it is where it is there."""
        ...

    def readers(self, engine: Engine) -> Engine:
        """The engine for reading: a transaction sees one state of the store, however long it takes."""
        ...

    def look(self, connection: Connection) -> set[str]:
        """Names of the tables that are there. Raises StoreError where no store can be there."""
        ...

    def set_up(self, writer: Connection) -> None:
        """Set up what is known to be ours, once it is opened."""
        ...

    def mark(self, connection: Connection) -> None:
        """Mark what is empty as ours."""
        ...

    def take_turn(self, writer: Connection) -> None:
        """Wait, in a transaction that just began, until no one else writes; it is then alone until its end."""
        ...

    def insert(self, connection: Connection, insert: Insert, rows: Sequence[Row]) -> int:
        """Insert rows; gives how many went in, where none is replaced."""
        ...

    def contents_of(self, connection: Connection, digests: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        """Digests and texts of contents, as fast as it goes: thousands are read at once."""
        ...

    def without_index(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """A column whose index is not to be used for a condition."""
        ...

    def make_words(self, connection: Connection) -> None:
        """Make what keeps the words of trajectories."""
        ...

    def put_words(self, connection: Connection, words: Mapping[int, Sequence[str]]) -> None:
        """Keep the words of facts, by their ids, in place of those that were kept."""
        ...

    def drop_words(self, connection: Connection, facts: Sequence[int]) -> None:
        """Drop the words of facts."""
        ...

    def saying(self, words: Sequence[str]) -> ColumnElement[bool]:
        """The condition that these words, one after the other, are among those of the row of `fact`."""
        ...

    def facts_saying(self, words: Sequence[str]) -> Select[int]:
        """A query for the ids of the facts that hold these words."""
        ...

    def forgot(self, engine: Engine, *, compact: bool) -> None:
        """Leave nothing of what was deleted, as far as the database can; where asked, give its room back."""
        ...

    def has_refs(self) -> ColumnElement[bool]:
        """The condition that a row of `content` refers to other contents."""
        ...

    def sizes(self, connection: Connection) -> dict[str, int]:
        """Bytes of each table with its indexes; of the whole alone where they are not counted."""
        ...

    def explain(self, error: Exception) -> StoreError:
        """What an error of the driver means, and what to do about it."""
        ...

    def closing(self, writer: Connection) -> None:
        """Leave everything in order before the last connection goes."""
        ...


def cause_of(error: Exception) -> str:
    """What the driver itself said, on one line."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return " ".join(str(cause).split()) or type(cause).__name__
