"""Finds trajectories: keeps the facts that they are found by up to date, and asks for them page by page.

Whatever is written of a trajectory notes that its facts are stale, which costs next to nothing; they are made when
somebody looks. A page costs about as much in a large store as in a small one: the condition that fewest meet leads,
where they are few, and the others are looked up for those few; where all are met by many, the index that is in order
of time is read until the page is full.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, exists, select, tuple_

from agenteval.core.find import Facts, Find, Named, Page, Sized
from agenteval.core.outcome import Finding, Label, Trial
from agenteval.core.trajectory import Trajectory
from agenteval.errors import RequestError
from agenteval.store import inserts, keys, rows
from agenteval.store import tables as t
from agenteval.store.content import in_pieces
from agenteval.store.facts import About, facts_of
from agenteval.store.kept import trajectory_from
from agenteval.store.pack import pack, unpack, unsqueeze
from agenteval.store.paging import as_column, from_column
from agenteval.store.trials import TrialTables

FEW = 1_000
"""So many that meet a condition are looked at one by one."""

_AT_ONCE = 64  # trajectories whose facts are made in one transaction
_CURSOR = re.compile(r"(\d{1,19})-(\d{1,19})")
_PUT_FACT = inserts.or_replace(t.fact, ["trajectory"])
_PUT_MENTION = inserts.new(t.mention, ["kind", "value", "began_ns", "fact"])
_FIGURES: dict[str, ColumnElement[Any]] = {
    "cost": t.fact.c.cost_usd,
    "duration": t.fact.c.duration_ns,
    "tokens": t.fact.c.tokens,
}
_COLUMNS = (t.fact.c.id, t.fact.c.trajectory, t.fact.c.began_ns, *_FIGURES.values())


class FindTables(TrialTables):
    """What the trajectories of a store are found by."""

    # --- keeping facts

    def refresh(self) -> int:
        """Make the facts of trajectories that changed; gives how many."""
        made = 0
        while self._some_stale():
            with self._db.write() as connection:
                made += self._refresh_some(connection)
        return made

    def _some_stale(self) -> bool:
        with self._db.read() as connection:
            return connection.execute(select(t.stale.c.trajectory).limit(1)).first() is not None

    def _refresh_some(self, connection: Connection) -> int:
        first = select(t.stale.c.trajectory).order_by(t.stale.c.trajectory).limit(_AT_ONCE)
        names = list(connection.execute(first).scalars())
        facts = list(self._facts(connection, names))
        ids = self._put_facts(connection, facts)
        for fact, one in zip(ids, facts, strict=True):
            mentions = [
                (kind, as_column(value), one.began_ns, fact) for kind, values in one.names.items() for value in values
            ]
            self._db.insert(connection, _PUT_MENTION, mentions)
        self._db.backend.put_words(connection, {fact: one.words for fact, one in zip(ids, facts, strict=True)})
        connection.execute(delete(t.stale).where(t.stale.c.trajectory.in_(names)))
        return len(names)

    def _put_facts(self, connection: Connection, facts: Sequence[Facts]) -> list[int]:
        """Put the rows of facts, without what they mentioned before; gives their ids."""
        made = [
            (as_column(one.trajectory), one.began_ns, one.duration_ns, one.cost_usd, one.tokens, pack(one.names))
            for one in facts
        ]
        self._db.insert(connection, _PUT_FACT, made)
        query = select(t.fact.c.trajectory, t.fact.c.id).where(t.fact.c.trajectory.in_([row[0] for row in made]))
        ids = {row.trajectory: row.id for row in connection.execute(query)}
        connection.execute(delete(t.mention).where(t.mention.c.fact.in_(list(ids.values()))))
        return [ids[row[0]] for row in made]

    def _facts(self, connection: Connection, names: Sequence[str]) -> Iterator[Facts]:
        """The facts of trajectories; those that are not kept have none."""
        about = _About(connection, names)
        columns = (t.trajectory.c.trajectory, t.trajectory.c.data)
        kept: list[Any] = []
        for name in names:
            kept += connection.execute(select(*columns).where(t.trajectory.c.id == self._best_version(name))).all()
        for row, text in zip(kept, self._texts([row.data for row in kept]), strict=True):
            with self.decoding("trajectory"):
                trajectory = trajectory_from(text, None)
                yield facts_of(trajectory, about.of(row.trajectory, trajectory))

    # --- finding

    def find(self, query: Find, *, after: str | None = None, limit: int = 20) -> Page:
        """A page of the trajectories that meet a query, the latest first.

        Args:
            query: All of it must hold.
            after: Where the page begins: what the page before gave.
            limit: At most so many.

        Raises:
            RequestError: `after` is nothing that a page gave.
        """
        last = _place(after)
        self.refresh()
        with self._db.read() as connection:
            few, left = self._few(connection, query)
            if few is None:
                found = connection.execute(self._streamed(query, last).limit(limit + 1)).all()
            else:
                found = self._looked_up(connection, left, few, last, limit + 1)
            page = found[:limit]
            ids = [row.id for row in page]
            names: dict[int, bytes] = {}
            for some in in_pieces(ids):
                held = connection.execute(select(t.fact.c.id, t.fact.c.data).where(t.fact.c.id.in_(some)))
                names.update((fact, data) for fact, data in held)
        with self.decoding("facts"):
            facts = [_facts_of(row, names[row.id]) for row in page]
        return Page(found=facts, after=f"{page[-1].began_ns}-{page[-1].id}" if len(found) > limit else None)

    def _few(self, connection: Connection, query: Find) -> tuple[set[int] | None, Find]:
        """Ids of all that meet the conditions that few meet, where there are any; and the conditions that are left."""
        found: set[int] | None = None
        met: set[int] = set()
        for one, candidates in self._candidates(query):
            ids = set(connection.execute(candidates.limit(FEW + 1)).scalars())
            if len(ids) <= FEW:
                found = ids if found is None else found & ids
                met.add(id(one))
        left = replace(
            query,
            named=tuple(one for one in query.named if id(one) not in met),
            sized=tuple(one for one in query.sized if id(one) not in met),
            said=tuple(one for one in query.said if id(one) not in met),
        )
        return found, left

    def _candidates(self, query: Find) -> Iterator[tuple[object, Select[int]]]:
        for one in query.named:
            if not one.negated:
                columns = t.mention.c
                asked = select(columns.fact).where(_is_one(one), *_within(columns.began_ns, query))
                yield one, asked if len(one.values) == 1 else asked.distinct()
        for one in query.sized:
            yield one, select(t.fact.c.id).where(_compares(_FIGURES[one.figure], one))
        for one in query.said:
            if not one.negated:
                yield one, self._db.backend.facts_saying(one.words)

    def _looked_up(
        self, connection: Connection, query: Find, few: Iterable[int], last: tuple[int, int] | None, limit: int
    ) -> list[Any]:
        """The rows of those that meet what is left of a query, in order of time."""
        found: list[Any] = []
        conditions = self._conditions(query)
        for some in in_pieces(few):
            found += connection.execute(select(*_COLUMNS).where(t.fact.c.id.in_(some), *conditions)).all()
        found = [row for row in found if last is None or (row.began_ns, row.id) < last]
        return sorted(found, key=lambda row: (row.began_ns, row.id), reverse=True)[:limit]

    def _streamed(self, query: Find, last: tuple[int, int] | None) -> Select[*tuple[Any, ...]]:
        """The rows in order of time, from an index that is in that order."""
        lead = next((one for one in query.named if not one.negated and len(one.values) == 1), None)
        conditions = self._conditions(query, without=lead)
        if lead is None:
            place = (t.fact.c.began_ns, t.fact.c.id)
            rows = select(*_COLUMNS)
        else:
            place = (t.mention.c.began_ns, t.mention.c.fact)
            rows = select(*_COLUMNS).join(t.mention, t.mention.c.fact == t.fact.c.id).where(_is_one(lead))
            conditions += _within(t.mention.c.began_ns, query)
        if last is not None:
            conditions.append(tuple_(*place) < tuple_(*last))
        return rows.where(*conditions).order_by(*(column.desc() for column in place))

    def _conditions(self, query: Find, *, without: Named | None = None) -> list[ColumnElement[bool]]:
        """All of a query as conditions on a row of `fact`."""
        conditions = _within(t.fact.c.began_ns, query)
        for one in query.named:
            if one is not without:
                of = t.mention.alias()
                named = exists().where(of.c.fact == t.fact.c.id, of.c.began_ns == t.fact.c.began_ns, _is_one(one, of))
                conditions.append(~named if one.negated else named)
        for one in query.sized:
            conditions.append(_compares(self._db.backend.without_index(_FIGURES[one.figure]), one))
        for one in query.said:
            said = self._db.backend.saying(one.words)
            conditions.append(~said if one.negated else said)
        return conditions


def _within(column: ColumnElement[Any], query: Find) -> list[ColumnElement[bool]]:
    since = [] if query.since_ns is None else [column >= query.since_ns]
    return [*since, *([] if query.until_ns is None else [column < query.until_ns])]


def _is_one(asked: Named, of: Any = t.mention) -> ColumnElement[bool]:
    values = [as_column(value) for value in asked.values]
    named = of.c.value == values[0] if len(values) == 1 else of.c.value.in_(values)
    return (of.c.kind == asked.kind) & named


def _compares(column: ColumnElement[Any], asked: Sized) -> ColumnElement[bool]:
    value = asked.value if asked.figure == "cost" else _whole(asked)
    comparisons = {
        ">": column > value,
        ">=": column >= value,
        "<": column < value,
        "<=": column <= value,
        "=": column == value,
    }
    return comparisons[asked.comparison]


def _whole(asked: Sized) -> float:
    """A value to compare whole numbers with: whole itself where it can be, so that the index fits."""
    return int(asked.value) if asked.value.is_integer() and asked.value < 2**63 else asked.value


def _place(after: str | None) -> tuple[int, int] | None:
    if after is None:
        return None
    found = _CURSOR.fullmatch(after)
    if found is None:
        raise RequestError(f"--after {after!r:.60} is not where a page ended; give what the page before printed")
    return int(found[1]), int(found[2])


def _facts_of(row: Any, data: bytes) -> Facts:
    return Facts(
        trajectory=from_column(row.trajectory),
        began_ns=row.began_ns,
        duration_ns=row.duration_ns,
        cost_usd=row.cost_usd,
        tokens=row.tokens,
        names={kind: tuple(names) for kind, names in unpack(data).items()},
    )


class _About:
    """What is known of trajectories beside themselves, asked for together."""

    def __init__(self, connection: Connection, names: Sequence[str]) -> None:
        self._connection = connection
        self._trials: dict[str, list[Trial]] = {}
        self._findings: dict[str, list[Finding]] = {}
        self._labels: dict[str, list[Label]] = {}
        for name, data in self._all(t.trial, names):
            self._trials.setdefault(name, []).append(rows.trial_from_json(unpack(data)))
        for name, data in self._all(t.outcome, names):
            self._findings.setdefault(name, []).extend(rows.concluded_from_json(unpack(unsqueeze(data)))[0])
        for name, data in self._all(t.label, names):
            self._labels.setdefault(name, []).append(rows.label_from_json(unpack(data)))

    def _all(self, table: Any, names: Sequence[str]) -> Iterable[Any]:
        query = select(table.c.trajectory, table.c.data).where(table.c.trajectory.in_(names))
        return self._connection.execute(query.order_by(table.c.id))

    def of(self, name: str, trajectory: Trajectory) -> About:
        trials = self._trials.get(name, [])
        traces = [*trajectory.trace_ids, *(one for trial in trials for one in trial.trace_ids)]
        projects = select(t.trace.c.project).where(t.trace.c.trace_id.in_(keys.trace_keys(traces)))
        return About(
            trials=trials,
            findings=self._findings.get(name, []),
            labels=self._labels.get(name, []),
            projects=[from_column(project) for project in self._connection.execute(projects).scalars()],
        )
