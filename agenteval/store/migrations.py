"""How a store's schema came about, one step after the other. A step that was released is never changed.

The schema version of a store is the number of steps that it has been through.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, select

from agenteval._util.version import __version__
from agenteval.errors import StoreError, StoreTooNew
from agenteval.store import inserts
from agenteval.store.backend import Backend
from agenteval.store.tables import meta

VERSION_KEY = "schema_version"
WRITER_KEY = "written_by"
_PUT_META = inserts.or_replace(meta, ["key"])

Step = Callable[[Connection, Backend], None]


def version_of(connection: Connection, backend: Backend, newest: int) -> int:
    """The schema version of an open store; 0 where it is empty.

    Raises:
        StoreTooNew: It was written by a newer agenteval.
        StoreError: It is a database of another program.
    """
    names = backend.look(connection)
    if not names:
        return 0
    held = _meta(connection, backend) if meta.name in names else {}
    version = held.get(VERSION_KEY, "")
    if not version.isdecimal():
        raise StoreError(f"{backend.name}: a database of another program, not a trace store: name another")
    if int(version) > newest:
        raise StoreTooNew(
            f"{backend.name}: written by agenteval {held.get(WRITER_KEY, 'of unknown version')} with schema version "
            f"{version}; this is agenteval {__version__}, which reads up to schema version {newest}. "
            "Upgrade with `pip install --upgrade agenteval`, or name another store with --store."
        )
    return int(version)


def _meta(connection: Connection, backend: Backend) -> dict[str, str]:
    try:
        return {str(key): str(value) for key, value in connection.execute(select(meta.c.key, meta.c.value))}
    except backend.errors:  # another program's table of that name
        return {}


def take(connection: Connection, backend: Backend, number: int, step: Step) -> None:
    """Take one step within the transaction of the connection, and note that the store has been through it."""
    step(connection, backend)
    if number == 1:
        backend.mark(connection)
    backend.insert(connection, _PUT_META, [(VERSION_KEY, str(number)), (WRITER_KEY, __version__)])


def _run(connection: Connection, backend: Backend, *statements: str) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement.format_map(backend.types))


# --- the steps


def first_schema(connection: Connection, backend: Backend) -> None:
    """Everything that a store began with."""
    _run(
        connection,
        backend,
        "CREATE TABLE meta (key {text} NOT NULL PRIMARY KEY, value {text} NOT NULL) {keyed}",
        # spans
        "CREATE TABLE content (id {id}, digest {bytes} NOT NULL, data {bytes} NOT NULL, UNIQUE (digest))",
        "CREATE TABLE history (id {id}, parent {number} NOT NULL, message {number} NOT NULL, UNIQUE (parent, message))",
        "CREATE TABLE span (id {id}, trace_id {bytes} NOT NULL, span_id {bytes} NOT NULL, parent_id {bytes}, "
        "start_ns {number} NOT NULL, end_ns {number} NOT NULL, name {text} NOT NULL, "
        "shape {number} NOT NULL, frame {number} NOT NULL, body {bytes} NOT NULL, UNIQUE (trace_id, span_id))",
        "CREATE TABLE conflict (trace_id {bytes} NOT NULL, span_id {bytes} NOT NULL, digest {bytes} NOT NULL, "
        "PRIMARY KEY (trace_id, span_id, digest)) {keyed}",
        "CREATE TABLE log (id {id}, trace_id {bytes} NOT NULL, span_id {bytes} NOT NULL, at_ns {number} NOT NULL, "
        "digest {bytes} NOT NULL, shape {number} NOT NULL, frame {number} NOT NULL, body {bytes} NOT NULL, "
        "UNIQUE (trace_id, digest))",
        # runs and trials
        "CREATE TABLE run (run_id {text} NOT NULL PRIMARY KEY, created_at {text} NOT NULL, "
        "data {bytes} NOT NULL) {keyed}",
        "CREATE INDEX run_by_time ON run (created_at, run_id)",
        "CREATE TABLE trial (id {id}, identity {bytes} NOT NULL, run {text} NOT NULL, scenario {text} NOT NULL, "
        "agent {text} NOT NULL, status {text} NOT NULL, trajectory {text}, attempt {number} NOT NULL, "
        "data {bytes} NOT NULL, UNIQUE (identity))",
        "CREATE INDEX trial_by_run ON trial (run, id)",
        "CREATE INDEX trial_by_scenario ON trial (scenario, id)",
        "CREATE INDEX trial_by_agent ON trial (agent, id)",
        "CREATE INDEX trial_by_status ON trial (status, id)",
        "CREATE INDEX trial_by_trajectory ON trial (trajectory, id)",
        "CREATE TABLE attempt (identity {bytes} NOT NULL, attempt {number} NOT NULL, data {bytes} NOT NULL, "
        "PRIMARY KEY (identity, attempt)) {keyed}",
        # trajectories, and what was said of them
        "CREATE TABLE trajectory (id {id}, trajectory {text} NOT NULL, assembler {text} NOT NULL, start_state {text}, "
        "data {bytes} NOT NULL, UNIQUE (trajectory, assembler))",
        "CREATE TABLE state (hash {text} NOT NULL PRIMARY KEY, data {bytes} NOT NULL)",
        "CREATE TABLE label (id {id}, trajectory {text} NOT NULL, criterion {text} NOT NULL, rater {text} NOT NULL, "
        "data {bytes} NOT NULL, UNIQUE (trajectory, criterion, rater))",
        "CREATE TABLE outcome (id {id}, run {text} NOT NULL, trajectory {text} NOT NULL, data {bytes} NOT NULL, "
        "UNIQUE (trajectory, run))",
        "CREATE INDEX outcome_by_run ON outcome (run, id)",
    )


def traces_and_facts(connection: Connection, backend: Backend) -> None:
    """What is known of each trace, and what trajectories are found by. What was stored before is closed."""
    _run(
        connection,
        backend,
        "CREATE TABLE trace (trace_id {bytes} NOT NULL PRIMARY KEY, project {text} NOT NULL, state {text} NOT NULL, "
        "first_ns {number} NOT NULL, last_ns {number} NOT NULL, arrived_ns {number} NOT NULL, spans {number} NOT NULL, "
        "logs {number} NOT NULL, revision {number} NOT NULL) {keyed}",
        "INSERT INTO trace SELECT trace_id, '', 'closed', min(start_ns), max(CASE WHEN end_ns > start_ns THEN end_ns "
        "ELSE start_ns END), max(start_ns), count(*), 0, 1 FROM span GROUP BY trace_id",
        "UPDATE trace SET logs = (SELECT count(*) FROM log WHERE log.trace_id = trace.trace_id)",
        "INSERT INTO trace SELECT trace_id, '', 'closed', min(at_ns), max(at_ns), max(at_ns), 0, count(*), 1 FROM log "
        "WHERE length(trace_id) > 0 AND trace_id NOT IN (SELECT trace_id FROM trace) GROUP BY trace_id",
        "CREATE INDEX trace_by_arrival ON trace (arrived_ns, trace_id)",
        "CREATE INDEX trace_by_state ON trace (state, arrived_ns, trace_id) WHERE state <> 'closed'",
        "CREATE INDEX trace_by_project ON trace (project, arrived_ns, trace_id) WHERE project <> ''",
        # what trajectories are found by
        "CREATE TABLE stale (trajectory {text} NOT NULL PRIMARY KEY) {keyed}",
        "INSERT INTO stale SELECT DISTINCT trajectory FROM trajectory",
        "CREATE TABLE fact (id {id}, trajectory {text} NOT NULL, began_ns {number} NOT NULL, duration_ns {number}, "
        "cost_usd {float}, tokens {number}, data {bytes} NOT NULL, UNIQUE (trajectory))",
        "CREATE INDEX fact_by_time ON fact (began_ns, id)",
        "CREATE INDEX fact_by_duration_ns ON fact (duration_ns, id)",
        "CREATE INDEX fact_by_cost_usd ON fact (cost_usd, id)",
        "CREATE INDEX fact_by_tokens ON fact (tokens, id)",
        "CREATE TABLE mention (kind {text} NOT NULL, value {text} NOT NULL, began_ns {number} NOT NULL, "
        "fact {number} NOT NULL, PRIMARY KEY (kind, value, began_ns, fact)) {keyed}",
        "CREATE INDEX mention_by_fact ON mention (fact)",
    )
    backend.make_words(connection)


STEPS: tuple[Step, ...] = (first_schema, traces_and_facts)
"""All of them, in order."""
