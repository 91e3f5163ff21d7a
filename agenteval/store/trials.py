"""Trials, their trajectories and the states that they began with, as rows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, exists, select

from agenteval._util.canonical import content_hash
from agenteval.core.json import Json
from agenteval.core.outcome import Trial
from agenteval.core.ports import Query
from agenteval.core.trajectory import Trajectory
from agenteval.errors import RequestError
from agenteval.store import inserts, keys, rows
from agenteval.store import tables as t
from agenteval.store.content import Interning, in_pieces
from agenteval.store.database import Database
from agenteval.store.kept import Texts, expanded, trajectory_from, trajectory_text
from agenteval.store.pack import pack, squeeze, unpack, unsqueeze
from agenteval.store.paging import Tables, as_column

_TRAJECTORIES_A_PAGE = 32
_TRIALS_AT_ONCE = 64
_STATES_CACHED = 16

_NEW_TRIAL = inserts.new(t.trial, ["identity"])
_PUT_TRIAL = inserts.or_replace(t.trial, ["identity"])
_PUT_ATTEMPT = inserts.or_replace(t.attempt, ["identity", "attempt"])
_PUT_TRAJECTORY = inserts.or_replace(t.trajectory, ["trajectory", "assembler"])
_PUT_STATE = inserts.new(t.state, ["hash"])


@dataclass(frozen=True, slots=True)
class _Encoded:
    """A trial, its trajectory and its state, ready to be written."""

    identity: bytes
    attempt: int
    data: bytes
    trial: tuple[Any, ...]
    trajectory: tuple[Any, ...] | None
    texts: Mapping[bytes, bytes]
    state: tuple[str, Json] | None


class TrialTables(Tables):
    """Trials and trajectories of a store.

    Args:
        database: Where they are kept.
        assembler: Version of the assembler that the trajectories put here come from.
    """

    def __init__(self, database: Database, assembler: str) -> None:
        super().__init__(database)
        self._assembler = assembler
        self._states: OrderedDict[str, Json] = OrderedDict()
        self._states_lock = threading.Lock()

    # --- writing

    def put_trial(self, trial: Trial, trajectory: Trajectory | None, *, state: Json = None) -> None:
        """Store a trial and its trajectory together; a later attempt supersedes an earlier one.

        Args:
            trial: The trial.
            trajectory: What happened in it; None where it never started.
            state: The world's state before, whose hash is `trajectory.end.start_state`; stored once.

        Raises:
            StoreError: A value cannot be stored, or the file could not be written; nothing was stored.
        """
        encoded = self._encoded(trial, trajectory, state)
        with self._db.write() as connection:
            self._write_trials(connection, [encoded])

    def put_trials(self, items: Iterable[tuple[Trial, Trajectory | None, Json]]) -> None:
        """Store many trials, with their trajectories and states, in one transaction; holds a few at a time."""
        with self._db.batch():
            waiting: dict[bytes, _Encoded] = {}
            for item in items:
                encoded = self._encoded(*item)
                if len(waiting) >= _TRIALS_AT_ONCE or encoded.identity in waiting:
                    self._flush(waiting)
                waiting[encoded.identity] = encoded
            self._flush(waiting)

    def _flush(self, waiting: dict[bytes, _Encoded]) -> None:
        if waiting:
            with self._db.write() as connection:
                self._write_trials(connection, list(waiting.values()))
        waiting.clear()

    def keep(self, trajectory: Trajectory) -> None:
        """Store a trajectory that was assembled again, beside what other versions of the assembler made of it."""
        row, texts = self._encoded_trajectory(trajectory)
        with self._db.write() as connection:
            self._write_trajectories(connection, [row], texts)

    def put_state(self, state: Json) -> str:
        """Store a world's state once; gives its content hash. Raises RequestError where it is not JSON."""
        try:
            name = content_hash(state)
        except ValueError as error:
            raise RequestError(f"the state is not JSON: {error}") from error
        data = squeeze(pack(state))
        with self._db.write() as connection:
            self._db.insert(connection, _PUT_STATE, [(name, data)])
        return name

    def _encoded(self, trial: Trial, trajectory: Trajectory | None, state: Json) -> _Encoded:
        identity = bytes.fromhex(keys.trial_identity(trial))
        data = pack(rows.trial_to_json(trial))
        names = [as_column(name) for name in (trial.run, trial.scenario, trial.agent, trial.status)]
        trajectory_id = None if trial.trajectory is None else as_column(trial.trajectory)
        row, texts = (None, {}) if trajectory is None else self._encoded_trajectory(trajectory)
        start = None if trajectory is None else trajectory.end.start_state
        return _Encoded(
            identity=identity,
            attempt=trial.attempt,
            data=data,
            trial=(identity, *names, trajectory_id, trial.attempt, data),
            trajectory=row,
            texts=texts,
            state=None if trajectory is None or start is None or state is None else (start, state),
        )

    def _encoded_trajectory(self, trajectory: Trajectory) -> tuple[tuple[Any, ...], Texts]:
        data, texts = trajectory_text(trajectory)
        return (as_column(trajectory.id), self._assembler, trajectory.end.start_state, data), texts

    def _write_states(self, connection: Connection, states: Mapping[str, Json]) -> None:
        """Write the states that are not there: one may be large, and is packed only then."""
        for name, state in states.items():
            if name in self._db.states:
                continue
            if connection.execute(select(t.state.c.hash).where(t.state.c.hash == name)).first() is None:
                self._db.insert(connection, _PUT_STATE, [(name, squeeze(pack(state)))])
            self._db.states.add(name)

    def _write_trials(self, connection: Connection, encoded: Sequence[_Encoded]) -> None:
        """Write trials of different identities."""
        new = self._db.insert(connection, _NEW_TRIAL, [one.trial for one in encoded])
        if new < len(encoded):
            self._supersede(connection, encoded)
        states = dict(one.state for one in encoded if one.state is not None)
        rows = [one.trajectory for one in encoded if one.trajectory is not None]
        texts = {digest: text for one in encoded for digest, text in one.texts.items()}
        self._write_trajectories(connection, rows, texts)
        self._note_stale(connection, (one.trial[5] for one in encoded))
        self._write_states(connection, states)

    def _write_trajectories(
        self, connection: Connection, rows: Sequence[tuple[Any, ...]], texts: Mapping[bytes, bytes]
    ) -> None:
        if texts:
            self._db.known.bound()
            interning = Interning(connection, self._db.backend, self._db.known)
            for digest, text in texts.items():
                interning.digested(digest, text)
            interning.keep()  # what was there already stays, and no number of it was used
        self._db.insert(connection, _PUT_TRAJECTORY, rows)
        self._note_stale(connection, (row[0] for row in rows))

    def _supersede(self, connection: Connection, encoded: Sequence[_Encoded]) -> None:
        """Let the latest attempt of each trial stand, and put the others aside."""
        there = self._there(connection, encoded)
        current: list[tuple[Any, ...]] = []
        superseded: list[tuple[Any, ...]] = []
        for one in encoded:
            standing = there[one.identity]
            if standing.attempt > one.attempt:
                superseded.append((one.identity, one.attempt, one.data))
                continue
            if standing.attempt < one.attempt:
                superseded.append((one.identity, standing.attempt, standing.data))
            current.append(one.trial)
        self._db.insert(connection, _PUT_ATTEMPT, superseded)
        self._db.insert(connection, _PUT_TRIAL, current)

    def _there(self, connection: Connection, encoded: Sequence[_Encoded]) -> dict[bytes, Any]:
        columns = t.trial.c
        found: dict[bytes, Any] = {}
        for some in in_pieces(one.identity for one in encoded):
            query = select(columns.identity, columns.attempt, columns.data).where(columns.identity.in_(some))
            found.update((row.identity, row) for row in connection.execute(query))
        return found

    # --- reading

    def trials(self, query: Query) -> Iterator[Trial]:
        """The latest attempt of each trial that matches, in the order in which they were first stored."""
        for page in self._pages(select(t.trial.c.id, t.trial.c.data).where(*self._trial_filter(query)), t.trial):
            for row in page:
                yield self._trial(row.data)

    def attempts(self, query: Query) -> Iterator[Trial]:
        """Every attempt of the trials that match: of each first those that were superseded, then the latest."""
        columns = select(t.trial.c.id, t.trial.c.identity, t.trial.c.data)
        for page in self._pages(columns.where(*self._trial_filter(query)), t.trial):
            earlier = self._superseded([row.identity for row in page])
            for row in page:
                yield from map(self._trial, [*earlier.get(row.identity, ()), row.data])

    def _superseded(self, identities: Sequence[bytes]) -> dict[bytes, list[bytes]]:
        columns = t.attempt.c
        query = select(columns.identity, columns.data).order_by(columns.identity, columns.attempt)
        found: dict[bytes, list[bytes]] = {}
        with self._db.read() as connection:
            for identity, data in connection.execute(query.where(columns.identity.in_(identities))):
                found.setdefault(identity, []).append(data)
        return found

    def trajectories(self, query: Query) -> Iterator[tuple[Trial, Trajectory]]:
        """The trials that match and have a trajectory, with it, in the order in which they were first stored."""
        columns = (
            select(t.trial.c.id, t.trial.c.data, t.trajectory.c.start_state, t.trajectory.c.data.label("happened"))
            .select_from(t.trial)
            .join(t.trajectory, t.trajectory.c.id == self._best_version(t.trial.c.trajectory))
            .where(*self._trial_filter(query))
        )
        for page in self._pages(columns, t.trial, _TRAJECTORIES_A_PAGE):
            texts = self._texts([row.happened for row in page])
            with self.decoding("trajectory"):
                for row, text in zip(page, texts, strict=True):  # one at a time: what is not alive costs nothing
                    yield rows.trial_from_json(unpack(row.data)), trajectory_from(text, self._state(row.start_state))

    def trajectory(self, id_or_prefix: str) -> Trajectory:
        """One trajectory, by id or by a prefix of it that only one trajectory has.

        Raises:
            NotFound: None has it, or several; the message gives the nearest ids.
        """
        asked = as_column(id_or_prefix)
        name = keys.only_trajectory(asked, *self._begun(t.trajectory.c.trajectory, asked), self._whose)
        query = select(t.trajectory.c.data, t.trajectory.c.start_state)
        with self._db.read() as connection:
            row = connection.execute(query.where(t.trajectory.c.id == self._best_version(name))).one()
        with self.decoding("trajectory"):
            return trajectory_from(self._texts([row.data])[0], self._state(row.start_state))

    def _whose(self, trajectories: Sequence[str]) -> dict[str, Trial]:
        """A trial of each trajectory, the one that was stored last."""
        columns = t.trial.c
        query = select(columns.trajectory, columns.data).where(columns.trajectory.in_(trajectories))
        with self._db.read() as connection:
            return {name: self._trial(data) for name, data in connection.execute(query.order_by(columns.id))}

    def outdated(self, query: Query) -> Iterator[Trial]:
        """The trials that match whose trajectory was assembled by other versions of the assembler only."""
        kept = t.trajectory.c.trajectory == t.trial.c.trajectory
        columns = select(t.trial.c.id, t.trial.c.data).where(
            *self._trial_filter(query),
            exists().where(kept),
            ~exists().where(kept, t.trajectory.c.assembler == self._assembler),
        )
        for page in self._pages(columns, t.trial):
            for row in page:
                yield self._trial(row.data)

    def _best_version(self, name: Any) -> Any:
        """Of one trajectory: as this version of the assembler made it, else as the version that came last did."""
        version = t.trajectory.alias("version")
        return (
            select(version.c.id)
            .where(version.c.trajectory == name)
            .order_by((version.c.assembler == self._assembler).desc(), version.c.id.desc())
            .limit(1)
            .scalar_subquery()
        )

    def _trial(self, data: bytes) -> Trial:
        with self.decoding("trial"):
            return rows.trial_from_json(unpack(data))

    def _texts(self, packed: Sequence[bytes]) -> list[bytes]:
        """The whole texts of trajectories."""
        with self.decoding("trajectory"):
            return expanded(packed, self._contents)

    def _contents(self, digests: Iterable[bytes]) -> dict[bytes, bytes]:
        wanted = list(digests)
        found: dict[bytes, bytes] = {}
        with self._db.read() as connection:
            for some in in_pieces(wanted):
                texts = self._db.backend.contents_of(connection, some)
                found.update((digest, unsqueeze(text)) for digest, text in texts)
        if len(found) < len(wanted):
            raise self.damaged(f"{len(wanted) - len(found)} contents are missing")
        return found

    def _state(self, name: str | None) -> Json:
        """A state by its hash, one object for all that began with it; None where there is none or it was not stored."""
        if name is None:
            return None
        with self._states_lock:
            if name not in self._states:
                with self._db.read() as connection:
                    query = select(t.state.c.data).where(t.state.c.hash == name)
                    data = connection.execute(query).scalar_one_or_none()
                if data is None:
                    return None
                with self.decoding("state"):
                    self._states[name] = unpack(unsqueeze(data))
                if len(self._states) > _STATES_CACHED:
                    self._states.popitem(last=False)
            self._states.move_to_end(name)
            return self._states[name]
