"""Runs, labels, and what checks concluded, as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import select

from agenteval.core.outcome import Finding, Label, Run, Score, Trial
from agenteval.core.ports import Query
from agenteval.store import inserts, keys, rows
from agenteval.store import tables as t
from agenteval.store.pack import pack, squeeze, unpack, unsqueeze
from agenteval.store.paging import Tables, as_column, from_column

_PUT_RUN = inserts.or_replace(t.run, ["run_id"])
_PUT_LABEL = inserts.or_replace(t.label, ["trajectory", "criterion", "rater"])
_PUT_OUTCOME = inserts.or_replace(t.outcome, ["trajectory", "run"])


class JudgedTables(Tables):
    """Runs, labels, findings and scores of a store."""

    # --- runs

    def put_run(self, run: Run) -> None:
        """Store a run; the same id replaces it."""
        row = (as_column(run.id), as_column(run.created_at), pack(rows.run_to_json(run)))
        with self._db.write() as connection:
            self._db.insert(connection, _PUT_RUN, [row])

    def runs(self) -> list[Run]:
        """Every run, newest last."""
        query = select(t.run.c.data).order_by(t.run.c.created_at, t.run.c.run_id)
        with self._db.read() as connection:
            found = connection.execute(query).scalars().all()
        return [self._decoded(data) for data in found]

    def run(self, run_id: str) -> Run:
        """One run, by id, by a prefix of it that only one run has, or `latest`.

        Raises:
            NotFound: None has it, or several; the message gives the nearest ids.
        """
        newest = select(t.run.c.data).order_by(t.run.c.created_at.desc(), t.run.c.run_id.desc()).limit(1)
        data = self._run(run_id)
        if data is None and run_id == keys.LATEST:
            with self._db.read() as connection:
                data = connection.execute(newest).scalar_one_or_none()
        if data is None:
            asked = as_column(run_id)
            data = self._run(from_column(keys.only_match(asked, *self._begun(t.run.c.run_id, asked), what="run")))
        if data is None:
            raise self.damaged(f"run {run_id}")
        return self._decoded(data)

    def _run(self, run_id: str) -> bytes | None:
        query = select(t.run.c.data).where(t.run.c.run_id == as_column(run_id))
        with self._db.read() as connection:
            return connection.execute(query).scalar_one_or_none()

    def _decoded(self, data: bytes) -> Run:
        with self.decoding("run"):
            return rows.run_from_json(unpack(data))

    # --- labels

    def put_label(self, label: Label) -> None:
        """Store a label; the same trajectory, criterion and rater replaces it."""
        names = (as_column(label.trajectory), as_column(label.criterion), as_column(label.rater))
        data = pack(rows.label_to_json(label))
        with self._db.write() as connection:
            self._db.insert(connection, _PUT_LABEL, [(*names, data)])
            self._note_stale(connection, names[:1])

    def labels(self, query: Query) -> Iterator[Label]:
        """The labels of the trajectories that match, in the order in which they were first stored."""
        columns = select(t.label.c.id, t.label.c.data)
        if query.trajectory:
            columns = columns.where(t.label.c.trajectory == as_column(query.trajectory))
        if query.run or query.scenario or query.agent or query.status:
            columns = columns.where(
                t.label.c.trajectory.in_(select(t.trial.c.trajectory).where(*self._trial_filter(query)))
            )
        for page in self._pages(columns, t.label):
            with self.decoding("label"):
                found = [rows.label_from_json(unpack(row.data)) for row in page]
            yield from found

    # --- conclusions

    def record(self, run: str, trajectory: str, findings: Sequence[Finding], score: Score | None) -> None:
        """Store what a run concluded of a trajectory; replaces what that run concluded before.

        Args:
            run: Id of the run.
            trajectory: Id of the trajectory; empty for the trials of the run that never started.
            findings: What the checks concluded.
            score: What it adds up to; reads back with these findings.
        """
        data = squeeze(pack(rows.concluded_to_json(findings, score)))
        with self._db.write() as connection:
            self._db.insert(connection, _PUT_OUTCOME, [(as_column(run), as_column(trajectory), data)])
            self._note_stale(connection, [as_column(trajectory)])

    def concluded(self, trajectory: str) -> list[tuple[str, tuple[Finding, ...], Score | None]]:
        """What each run concluded of a trajectory: run id, findings, score; in the order of first recording."""
        columns = t.outcome.c
        query = select(columns.run, columns.data).where(columns.trajectory == as_column(trajectory))
        with self._db.read() as connection:
            found = connection.execute(query.order_by(columns.id)).all()
        return [(from_column(run), *self._concluded(data)) for run, data in found]

    def outcomes(self, run_id: str) -> Iterator[tuple[Trial, Score]]:
        """The scores recorded in a run, with their trials, in the order in which they were first recorded.

        A score is about the run's own trial, else about the trial of the run that it scored, else about any run's.
        Superseded attempts have none.
        """
        columns = t.outcome.c
        home = self._home(run_id)
        query = select(columns.id, columns.trajectory, columns.data).where(columns.run == home[0])
        for page in self._pages(query, t.outcome):
            trials = self._trials_of([row.trajectory for row in page], home)
            for row in page:
                _, score = self._concluded(row.data)
                if score is not None and row.trajectory == "":
                    yield from ((trial, score) for trial in self._never_started(home[0]))
                elif score is not None and row.trajectory in trials:
                    yield trials[row.trajectory], score

    def _concluded(self, data: bytes) -> tuple[tuple[Finding, ...], Score | None]:
        with self.decoding("outcome"):
            return rows.concluded_from_json(unpack(unsqueeze(data)))

    def _home(self, run_id: str) -> list[str]:
        """The run, and the run that it scored."""
        name = as_column(run_id)
        data = self._run(run_id)
        parent = None if data is None else self._decoded(data).parent
        return [name] if parent is None else [name, as_column(parent)]

    def _trials_of(self, trajectories: Sequence[str], home: Sequence[str]) -> dict[str, Trial]:
        """The trial of each trajectory, from the first of the home runs that has one, else from any."""
        columns = t.trial.c
        query = select(columns.trajectory, columns.run, columns.data).where(columns.trajectory.in_(trajectories))
        best: dict[str, tuple[int, bytes]] = {}
        with self._db.read() as connection:
            for name, run, data in connection.execute(query.order_by(columns.id)):
                rank = home.index(run) if run in home else len(home)
                if name not in best or rank <= best[name][0]:
                    best[name] = (rank, data)
        with self.decoding("trial"):
            return {name: rows.trial_from_json(unpack(data)) for name, (_, data) in best.items()}

    def _never_started(self, run: str) -> Iterator[Trial]:
        """The trials of a run that have no trajectory."""
        columns = t.trial.c
        query = select(columns.id, columns.data).where(columns.run == run, columns.trajectory.is_(None))
        for page in self._pages(query, t.trial):
            with self.decoding("trial"):
                found = [rows.trial_from_json(unpack(row.data)) for row in page]
            yield from found
