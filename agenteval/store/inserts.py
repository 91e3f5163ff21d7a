"""What is inserted where, and what happens to a row that is there: as values, and as SQL that every database reads."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Insert:
    """One kind of insert: rows of all columns of a table in their order, save those that the database numbers.

    Attributes:
        table: Where the rows go.
        keys: Columns that no two rows share; none where there is nothing to meet.
        replaces: Whether the row that is there takes the values of the one that comes; else it stays as it is.
        changes: SQL for what it takes instead, by column.
        numbered: Whether rows bring their `id`, as their first value.
    """

    table: Table
    keys: tuple[str, ...] = ()
    replaces: bool = False
    numbered: bool = False
    changes: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def columns(self) -> list[str]:
        """Names of the values of a row."""
        return [column.name for column in self.table.columns if self.numbered or column.name != "id"]

    def sql(self, values: str) -> str:
        """The statement, around its rows as SQL."""
        names = ", ".join(self.columns)
        return f"INSERT INTO {self.table.name} ({names}) {values}{self._met()}"

    def _met(self) -> str:
        if not self.keys:
            return ""
        values = self.changes or {name: f"excluded.{name}" for name in self.columns if name not in self.keys}
        changed = ", ".join(f"{name} = {value}" for name, value in values.items())
        return f" ON CONFLICT ({', '.join(self.keys)}) DO " + (f"UPDATE SET {changed}" if self.replaces else "NOTHING")

    def last_of_each(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Rows of which no two have the same keys: of several, the last. One statement may change a row only once."""
        if not self.replaces or len(rows) < 2:
            return rows
        names = self.columns
        places = [names.index(key) for key in self.keys]
        return list({tuple(row[place] for place in places): row for row in rows}.values())


def new(table: Table, keys: Sequence[str]) -> Insert:
    """Rows go in unless one with these keys is there."""
    return Insert(table, tuple(keys))


def or_replace(table: Table, keys: Sequence[str]) -> Insert:
    """Rows go in, or change the one with these keys, which keeps its `id`."""
    return Insert(table, tuple(keys), replaces=True)


def or_change(table: Table, keys: Sequence[str], changes: Mapping[str, str]) -> Insert:
    """Rows go in, or change the one with these keys as they say; in SQL that means the same to every database."""
    return Insert(table, tuple(keys), replaces=True, changes=changes)


def numbered(table: Table, *, unless: Sequence[str] = ()) -> Insert:
    """Rows go in with their `id`, unless one with these keys is there."""
    return Insert(table, tuple(unless), numbered=True)


@functools.cache
def of_many(insert: Insert, rows: int, mark: str) -> str:
    """The statement for a number of rows whose values are marked so."""
    row = f"({', '.join([mark] * len(insert.columns))})"
    return insert.sql("VALUES " + ", ".join([row] * rows))
