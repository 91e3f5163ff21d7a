"""What only a server can do: passwords, several processes at once, connections that break, other programs' tables."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
from collections.abc import Callable

import psycopg
import pytest
from sqlalchemy import create_engine, inspect

from agenteval.core import semconv
from agenteval.core.ports import Query
from agenteval.errors import NotFound, RequestError, StoreError, StoreTooNew
from agenteval.store import open_store
from agenteval.store.migrations import STEPS
from agenteval.store.postgres import Postgres, url_of
from agenteval.store.sql import SqlStore
from agenteval.store.tables import METADATA

Make = Callable[[], str]


@pytest.fixture
def url(postgres: Make) -> str:
    return postgres()


@pytest.fixture
def store(url: str):
    opened = SqlStore(Postgres(url_of(url)))
    yield opened
    opened.close()


def rows(url: str, query: str) -> list[tuple]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query)
        return cursor.fetchall() if cursor.description else []


# --- names and passwords


@pytest.mark.parametrize(
    "name",
    [
        "postgresql://me:s3cret@127.0.0.1:1/db",
        "postgresql+psycopg://me:s3cret@127.0.0.1:1/db?password=s3cret",
        "postgres://me@127.0.0.1:1/db?password=s3cret&sslpassword=s3cret",
    ],
)
def test_a_server_that_is_not_there_is_named_without_its_password(name: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(name, assembler="1")
    said = str(caught.value)
    assert said.startswith("postgresql://me@127.0.0.1:1/db: the server cannot be reached: check that it runs")
    assert "s3cret" not in said
    assert "s3cret" not in repr(Postgres(url_of(name)).open())


@pytest.mark.parametrize("name", ["postgresql://me:s3cret@host:port/db", "postgresql://me:s3cr/et@[::1/db"])
def test_a_name_that_cannot_be_read_is_not_repeated(name: str) -> None:
    with pytest.raises(RequestError, match=r"is named postgresql://USER@HOST:PORT/DATABASE") as caught:
        open_store(name, assembler="1")
    assert "s3cr" not in str(caught.value)


@pytest.mark.parametrize("name", ["postgresql://me:s3cret@host/db", "postgresql://me@host/db?sslpassword=s3cret"])
def test_whatever_the_driver_says_is_told_without_the_password(name: str) -> None:
    said = str(Postgres(url_of(name)).explain(OverflowError("tried user=me password=s3cret twice")))
    assert said == "postgresql://me@host/db: nothing of this call was written (tried user=me password=*** twice)"


def test_an_option_that_the_driver_does_not_know_is_told_without_the_password(url: str) -> None:
    with pytest.raises(StoreError, match='invalid connection option "pasword"') as caught:
        open_store(f"{url}&pasword=x&password=s3cret", assembler="1")
    assert "s3cret" not in str(caught.value)


def test_the_driver_that_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "psycopg" else find(name))
    with pytest.raises(
        RequestError, match=r"needs psycopg, which is not installed: pip install 'agenteval\[postgres\]'"
    ):
        open_store("postgresql://me:s3cret@host/db", assembler="1")


def test_a_database_that_is_not_there_is_told_of(postgres_server: str) -> None:
    name = (
        url_of(postgres_server).set(drivername="postgresql", database="nowhere").render_as_string(hide_password=False)
    )
    with pytest.raises(StoreError, match="there is no such database: make it with `createdb`"):
        open_store(name, assembler="1")


def test_a_schema_that_is_not_there_is_told_of(url: str) -> None:
    with pytest.raises(StoreError, match="no schema of the search path is there: make one with CREATE SCHEMA"):
        open_store(url.replace("search_path%3Dt", "search_path%3Dno"), assembler="1")


def test_a_store_that_is_not_to_be_made_is_not_made(url: str) -> None:
    with pytest.raises(NotFound, match="there is no store in postgresql://"):
        open_store(url, assembler="1", create=False)
    assert rows(url, "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()") == []
    open_store(url, assembler="1").close()
    open_store(url, assembler="1", create=False).close()


def test_tables_of_another_program_are_left_alone(url: str) -> None:
    for schema in ("CREATE TABLE mine (x int)", "DROP TABLE mine; CREATE TABLE meta (key text, version text)"):
        rows(url, schema)
        with pytest.raises(StoreError, match="a database of another program, not a trace store: name another"):
            open_store(url, assembler="1")
    assert rows(url, "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()") == [("meta",)]


def test_a_newer_store_is_refused(url: str) -> None:
    open_store(url, assembler="1").close()
    rows(url, "UPDATE meta SET value = '999' WHERE key = 'schema_version'")
    with pytest.raises(StoreTooNew, match=r"with schema version 999; this is agenteval .*, which reads up to"):
        open_store(url, assembler="1")


# --- schema and plans


def test_the_migrations_make_the_tables_that_are_declared(store: SqlStore, url: str, postgres: Make) -> None:
    other = create_engine(url_of(postgres()))
    METADATA.create_all(other)
    try:
        wanted, found = inspect(other), inspect(store._db.engine)
        assert set(found.get_table_names()) - {"said"} == set(wanted.get_table_names())
        for table in wanted.get_table_names():
            for what in ("get_columns", "get_pk_constraint", "get_indexes", "get_unique_constraints"):
                assert described(getattr(found, what)(table)) == described(getattr(wanted, what)(table)), (table, what)
    finally:
        other.dispose()


def described(found: object) -> list[str]:
    items = found if isinstance(found, list) else [found]
    unsaid = {"default", "identity", "autoincrement", "dialect_options"}
    # PostgreSQL writes conditions in words of its own
    return sorted(repr({k: str(v) for k, v in item.items() if k not in unsaid}) for item in items)


def test_a_step_that_fails_leaves_the_store_as_it_was(url: str) -> None:
    open_store(url, assembler="1").close()

    def broken(connection, types) -> None:
        connection.exec_driver_sql("CREATE TABLE half (x int)")
        connection.exec_driver_sql("CREATE TABLE half (x int)")

    with pytest.raises(StoreError, match=r"half.* already exists"):
        SqlStore(Postgres(url_of(url)), steps=(*STEPS, broken))
    assert rows(url, "SELECT value FROM meta WHERE key = 'schema_version'") == [(str(len(STEPS)),)]
    assert rows(url, "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'half'") == []


def test_sizes_name_every_table(store: SqlStore, made) -> None:
    store.append([made.span(n, text=f"{n}" * 500) for n in range(500)])
    assert set(store.sizes()) == {*METADATA.tables, "said"}
    assert store.sizes()["content"] > 100 * 500


# --- several at once


WRITE = """
import sys
from agenteval.core.span import Span
from agenteval.store import open_store
store = open_store(sys.argv[1], assembler="1")
own = int(sys.argv[2])
for n in range(60):
    said = [{"role": "user", "parts": [{"type": "text", "content": f"{n - k} " * 50}]} for k in range(5)]
    some = [
        Span(trace_id=f"{own:032x}", span_id=f"{8 * n + k:016x}", name="x", start_ns=n, end_ns=n,
             attributes={"t": f"{n}" * 300, "gen_ai.input.messages": said[: k + 1]})
        for k in range(5)
    ]
    shared = Span(trace_id="ab" * 16, span_id=f"{n:016x}", name="x", start_ns=n, end_ns=n, attributes={"own": own})
    store.append([*some, shared] if own % 2 else [shared, *reversed(some)])
store.close()
"""


def test_several_processes_write_the_same_contents_at_once(url: str) -> None:
    """Each takes numbers for contents that the others keep meanwhile, in another order; the first one makes the tables."""
    writing = [
        subprocess.Popen([sys.executable, "-c", WRITE, url, str(n)], stderr=subprocess.PIPE) for n in range(1, 5)
    ]
    assert [(process.communicate()[1], process.returncode) for process in writing] == [(b"", 0)] * 4
    store = open_store(url, assembler="1")
    for own in range(1, 5):
        spans, _ = store.read([f"{own:032x}"])
        assert len(spans) == 300
        for span in spans:
            n, k = divmod(int(span.span_id, 16), 8)
            assert span.attributes["t"] == f"{n}" * 300
            texts = [message["parts"][0]["content"] for message in span.attributes[semconv.INPUT_MESSAGES]]
            assert texts == [f"{n - m} " * 50 for m in range(k + 1)]
    assert len(store.read(["ab" * 16])[0]) == 60
    assert store.conflicts(["ab" * 16]) == 60 * 3
    store.close()
    assert rows(url, "SELECT count(*) - count(DISTINCT digest) FROM content") == [(0,)]


def test_readers_do_not_wait_for_a_writer_and_see_nothing_half_done(store: SqlStore, url: str, made) -> None:
    other = open_store(url, assembler="1")
    store.append([made.span(1)])
    with store.batch():
        store.append([made.span(2)])
        seen = []
        reading = threading.Thread(target=lambda: seen.append(len(other.read([made.TRACE])[0])))
        reading.start()
        reading.join()
    assert seen == [1]
    assert len(other.read([made.TRACE])[0]) == 2
    other.close()


def test_what_a_reader_sees_does_not_change_while_it_reads(store: SqlStore, url: str, made) -> None:
    other = open_store(url, assembler="1")
    store.append([made.span(1)])
    count = "SELECT count(*) FROM span"
    with store._db.read() as connection:
        seen = [connection.exec_driver_sql(count).scalar_one()]
        other.append([made.span(2)])
        seen.append(connection.exec_driver_sql(count).scalar_one())
    assert seen == [1, 1]
    other.close()


def test_another_writer_is_waited_for_and_then_told_of(store: SqlStore, url: str, made) -> None:
    other = SqlStore(Postgres(url_of(url)))
    with other._db.engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    other._db._writer.exec_driver_sql("SET lock_timeout = '10ms'")
    other._db._writer.commit()
    with store.batch():
        store.append([made.span(1)])
        with pytest.raises(StoreError, match="others have been writing for 30 seconds: wait for them, and repeat"):
            other.append([made.span(2)])
    assert other.append([made.span(2)]).new == 1
    other.close()


# --- connections that break


def broken(url: str) -> None:
    """End every other connection to the schema's stores, as a restart of the server does."""
    rows(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'agenteval' AND pid <> pg_backend_pid()",
    )


def test_connections_that_were_lost_while_they_were_idle_are_replaced(store: SqlStore, url: str, made) -> None:
    store.append([made.span(1)])
    store.read([made.TRACE])
    broken(url)
    assert store.append([made.span(2, text="x" * 400)]).new == 1
    broken(url)
    assert len(store.read([made.TRACE])[0]) == 2


def test_a_connection_that_breaks_within_a_batch_keeps_nothing_of_it(store: SqlStore, url: str, made) -> None:
    def act() -> None:
        with store.batch():
            store.append([made.span(1, text="x" * 400)])
            broken(url)
            store.append([made.span(2, text="y" * 400)])

    with pytest.raises(StoreError, match="the server is stopping or has stopped this: repeat when it is there again"):
        act()
    assert store.read([made.TRACE]) == ([], [])
    assert store.append([made.span(1, text="x" * 400), made.span(2, text="y" * 400)]).new == 2
    assert [span.attributes["text"] for span in store.read([made.TRACE])[0]] == ["x" * 400, "y" * 400]


def test_a_value_that_is_refused_spoils_nothing_else_of_a_batch(store: SqlStore, made) -> None:
    with store.batch():
        store.append([made.span(1, text="y" * 500)])
        with pytest.raises(StoreError, match=r"cannot store <object object"):
            store.append([made.span(4, odd=object())])
        store.append([made.span(6, text="z" * 500)])
    assert [span.start_ns for span in store.read([made.TRACE])[0]] == [1, 6]
    assert list(store.trials(Query())) == []
