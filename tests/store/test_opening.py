"""What names a store, who may read it, and what is said where it cannot be opened."""

from __future__ import annotations

import functools
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from agenteval.core import semconv
from agenteval.errors import NotFound, RequestError, StoreError, StoreTooNew
from agenteval.store import opening, prepare_folder
from agenteval.store.memory import MemoryStore
from agenteval.store.migrations import STEPS
from agenteval.store.sql import SqlStore

open_store = functools.partial(opening.open_store, assembler="1")
posix = pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- names


def test_memory_is_the_reference_store() -> None:
    assert isinstance(open_store("memory:"), MemoryStore)


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}"])
def test_a_path_and_a_url_name_the_same_file(made, tmp_path: Path, form: str) -> None:
    path = tmp_path / "a store.db"
    first = open_store(form.format(path))
    first.append([made.span(1)])
    first.close()
    again = open_store(path)
    assert again.read([made.TRACE])[0] == [made.span(1)]
    again.close()


def test_a_relative_url_is_relative_to_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_store("sqlite:///here.db").close()
    open_store("~/there.db").close()
    assert (tmp_path / "here.db").is_file()
    assert (Path.home() / "there.db").is_file()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("postgresql:me:secret@host", "cannot open a store named postgresql:…"),
        ("postgresql+asyncpg://me:secret@host/db", "cannot open a store named postgresql+asyncpg:…"),
        ("mysql://me:secret@host/db", "cannot open a store named mysql:…"),
        ("sqlite://", "cannot open a store named sqlite:…"),
        ("sqlite:///:memory:", "cannot open a store named sqlite:…"),
        ("sqlite:///x.db?mode=ro&key=secret", "cannot open a store named sqlite:…"),
        ("memory:secret", "cannot open a store named memory:…"),
        ("", "cannot open a store named ''"),
        ("a\0b", "cannot open a store named 'a\\x00b'"),
    ],
)
def test_another_name_is_refused_with_what_is_allowed(name: str, said: str) -> None:
    with pytest.raises(RequestError) as caught:
        open_store(name)
    assert said in str(caught.value)
    assert "allowed are a file path, sqlite:///PATH, postgresql://USER@HOST/DATABASE and memory:" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"is a folder; name a file in it, such as .*store\.db"):
        open_store(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="nowhere is not a folder; make it first"):
        open_store(tmp_path / "nowhere" / "store.db")
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_not_to_be_made_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no store at .*store\.db; `agenteval run` and `agenteval import` make one"):
        open_store(tmp_path / ".agenteval" / "store.db", create=False)
    assert list(tmp_path.iterdir()) == []


def test_opening_what_is_there_does_not_need_to_make_it(tmp_path: Path) -> None:
    open_store(tmp_path / "store.db").close()
    open_store(tmp_path / "store.db", create=False).close()


def test_importing_the_package_loads_no_heavy_library() -> None:
    heavy = "sorted({'sqlalchemy', 'orjson', 'sqlite3'} & set(sys.modules))"
    code = f"import sys, agenteval.store; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- who may read it


@posix
def test_files_and_the_project_folder_are_private_whatever_the_umask(made, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = open_store(tmp_path / "deep" / ".agenteval" / "store.db")
        store.append([made.span(1)])
        files = {path.name: mode(path) for path in (tmp_path / "deep" / ".agenteval").iterdir() if path.suffix != ""}
        store.close()
    finally:
        os.umask(before)
    assert files == {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}
    assert mode(tmp_path / "deep" / ".agenteval") == 0o700
    assert (tmp_path / "deep" / ".agenteval" / ".gitignore").read_text() == "*\n"


@posix
@pytest.mark.parametrize(("before", "after"), [(0o755, 0o700), (0o570, 0o500), (0o500, 0o500), (0o700, 0o700)])
def test_a_project_folder_is_tightened_and_never_loosened(tmp_path: Path, before: int, after: int) -> None:
    folder = tmp_path / ".agenteval"
    folder.mkdir()
    (folder / ".gitignore").write_text("mine\n")
    folder.chmod(before)
    assert prepare_folder(folder) == folder
    assert mode(folder) == after
    folder.chmod(0o700)
    assert (folder / ".gitignore").read_text() == "mine\n"


@posix
def test_permissions_that_the_user_set_stay(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    open_store(path).close()
    for chosen in (0o640, 0o600):
        path.chmod(chosen)
        open_store(path).close()
        assert mode(path) == chosen
    assert mode(tmp_path) != 0o000


def test_a_project_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".agenteval").write_text("a file")
    with pytest.raises(StoreError, match=r"\.agenteval: cannot be made a private folder"):
        open_store(tmp_path / ".agenteval" / "store.db")


# --- what cannot be opened


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("This is not a database at all. " * 100)
    before = path.read_bytes()
    with pytest.raises(
        StoreError, match=r"notes\.txt: it is not a trace store: name another file, or move this one away"
    ):
        open_store(path)
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    for schema in ("CREATE TABLE mine (x)", "CREATE TABLE meta (key, version)"):
        path.unlink(missing_ok=True)
        other = sqlite3.connect(path)
        other.execute(schema)
        other.commit()
        other.close()
        before = path.read_bytes()
        with pytest.raises(StoreError, match=r"other\.db: a database of another program, not a trace store"):
            open_store(path)
        assert path.read_bytes() == before


def test_a_cut_file_is_an_error_with_a_remedy(made, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = open_store(path)
    store.append([made.span(n, text="x" * 2_000, n=n) for n in range(200)])
    store.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match=r"store\.db: .*(damaged|not a trace store)"):
        read_all(path, made.TRACE)


def test_overwritten_pages_are_an_error_with_a_remedy(made, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = open_store(path)
    store.append([made.span(n, text=f"{n}" * 2_000) for n in range(200)])
    store.close()
    data = bytearray(path.read_bytes())
    data[8 * 4096 :] = b"\xa5" * (len(data) - 8 * 4096)
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"store\.db: .*the file is damaged"):
        read_all(path, made.TRACE)


@pytest.mark.parametrize("table", ["content", "history", "span"])
def test_a_table_that_went_is_an_error_when_it_is_written_to(tmp_path: Path, made, table: str) -> None:
    path = tmp_path / "store.db"
    with closing(open_store(path)) as store:
        other = sqlite3.connect(path)
        other.execute(f"DROP TABLE {table}")
        other.close()
        said = {"role": "user", "parts": []}
        with pytest.raises(StoreError, match=rf"store\.db: .*no such table: (main\.)?{table}"):
            store.append([made.span(1, **{semconv.INPUT_MESSAGES: [said]})])


def read_all(path: Path, trace_id: str) -> None:
    with closing(open_store(path)) as store:
        store.read([trace_id])


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        ("UPDATE content SET data = x'7b'", "damaged"),
        ("UPDATE span SET body = x'00'", "damaged"),
        ("UPDATE span SET frame = 999", "content 999 is missing"),
        ("DELETE FROM content WHERE id = 1", "content 1 is missing"),
    ],
)
def test_rows_that_mean_nothing_are_an_error_that_says_so(made, tmp_path: Path, spoil: str, what: str) -> None:
    path = tmp_path / "store.db"
    store = open_store(path)
    store.append([made.span(1, text="x" * 2_000)])
    store.close()
    other = sqlite3.connect(path)
    other.execute(spoil)
    other.commit()
    other.close()
    reopened = open_store(path)
    said = rf"store\.db: the file is damaged \(.*{what if what != 'damaged' else ''}"
    with pytest.raises(StoreError, match=said):
        reopened.read([made.TRACE])
    with pytest.raises(StoreError, match=said):  # whether this conflicts with what was there cannot be told
        reopened.append([made.span(1, text="y" * 2_000)])
    reopened.close()


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Where the tests run as root, whom no permission stops, somebody else has to try."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@posix
def test_a_folder_that_cannot_be_written_is_an_error_with_a_remedy(made) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        held = open_store(folder / "held.db")
        held.append([made.span(1)])
        held.close()
        (folder / "held.db").chmod(0o444)
        folder.chmod(0o555)
        with as_somebody_else():
            for path in (folder / "new.db", folder / "held.db"):
                with pytest.raises(StoreError) as caught:
                    open_store(path)
                assert str(caught.value) == f"{path}: Permission denied: check the file and its folder"
            with pytest.raises(StoreError, match="cannot be made a private folder"):
                prepare_folder(folder / ".agenteval")
        folder.chmod(0o755)
        assert [path.name for path in folder.iterdir()] == ["held.db"]


# --- versions


def newer(connection: object, types: object) -> None:
    connection.exec_driver_sql("ALTER TABLE label ADD COLUMN more TEXT")


def broken(connection: object, types: object) -> None:
    connection.exec_driver_sql("CREATE TABLE half (x)")
    connection.exec_driver_sql("CREATE TABLE half (x)")


def version(path: Path) -> tuple[str, set[str]]:
    other = sqlite3.connect(path)
    found = other.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()[0]
    tables = {row[0] for row in other.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    other.close()
    return found, tables


def test_a_store_is_migrated_step_by_step_and_keeps_what_it_holds(made, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = SqlStore(path)
    store.append([made.span(1)])
    store.close()
    assert version(path)[0] == str(len(STEPS))
    later = SqlStore(path, steps=(*STEPS, newer))
    assert later.read([made.TRACE])[0] == [made.span(1)]
    later.close()
    assert version(path)[0] == str(len(STEPS) + 1)


def test_a_step_that_fails_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    SqlStore(path).close()
    with pytest.raises(StoreError, match=r"store\.db: .*half already exists"):
        SqlStore(path, steps=(*STEPS, newer, broken))
    found, tables = version(path)
    assert found == str(len(STEPS) + 1)
    assert "half" not in tables
    SqlStore(path, steps=(*STEPS, newer)).close()


def test_a_newer_store_is_refused_with_both_versions_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    SqlStore(path, steps=(*STEPS, newer)).close()
    other = sqlite3.connect(path)
    other.execute("UPDATE meta SET value = '9.9' WHERE key = 'written_by'")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreTooNew) as caught:
        open_store(path)
    said = str(caught.value)
    assert f"{path}: written by agenteval 9.9 with schema version {len(STEPS) + 1}" in said
    assert f"which reads up to schema version {len(STEPS)}" in said
    assert "pip install --upgrade agenteval" in said
    assert path.read_bytes() == before


def test_two_processes_may_make_the_same_store_at_once(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    code = "import sys; from agenteval.store import open_store; open_store(sys.argv[1], assembler='1').close()"
    opening = [subprocess.Popen([sys.executable, "-c", code, str(path)], stderr=subprocess.PIPE) for _ in range(4)]
    assert [(process.communicate()[1], process.returncode) for process in opening] == [(b"", 0)] * 4
    assert version(path)[0] == str(len(STEPS))
