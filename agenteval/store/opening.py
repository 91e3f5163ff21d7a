"""A store's name in, the store out: `memory:`, a file, `sqlite:///file`, or `postgresql://…`."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from agenteval.core.ports import TraceStore
from agenteval.errors import NotFound, RequestError, StoreError

FOLDER = ".agenteval"
"""The project's private folder, where the default store lies."""

_ALLOWED = "allowed are a file path, sqlite:///PATH, postgresql://USER@HOST/DATABASE and memory:"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # two letters at least: C: is a drive
_SQLITE = "sqlite:///"
_POSTGRES = ("postgres://", "postgresql://", "postgresql+psycopg://")


def open_store(url_or_path: str | Path, *, assembler: str, create: bool = True) -> TraceStore:
    """Open a trace store; `agenteval.open_store` does it with the assembler of this version.

    Args:
        url_or_path: `memory:`, a file path, `sqlite:///path` (four slashes for an absolute one), or
            `postgresql://user:password@host:port/database`. A folder named `.agenteval` is made where it is missing;
            any other folder, and a database on a server, must be there.
        assembler: Version of the assembler that the trajectories put here come from.
        create: Whether to make the store where there is none.

    Raises:
        RequestError: It names no store that can be opened.
        NotFound: There is no such store, and it is not to be made.
        StoreTooNew: It was written by a newer agenteval.
        StoreError: It cannot be opened, or is not a trace store.
    """
    if url_or_path == "memory:":
        from agenteval.store.memory import MemoryStore  # noqa: PLC0415 (orjson is imported when a store is opened)

        return MemoryStore(assembler=assembler)
    if str(url_or_path).startswith(_POSTGRES):
        return _on_postgres(str(url_or_path), assembler, create=create)
    path = _path_of(str(url_or_path))
    if path.is_dir():
        raise RequestError(f"{path} is a folder; name a file in it, such as {path / 'store.db'}")
    if not create and not path.exists():
        raise NotFound(f"there is no store at {path}; `agenteval run` and `agenteval import` make one")
    _prepare_parent(path)
    from agenteval.store.sql import SqlStore  # noqa: PLC0415 (SQLAlchemy takes 0.2 s: imported when a store is opened)

    return SqlStore(path, assembler=assembler)


def shown_name(url_or_path: str | Path) -> str:
    """A store's name as it can be shown: without password, and without options, which may hold one."""
    name = str(url_or_path)
    if not name.startswith(_POSTGRES):
        return name
    address = name.partition("://")[2].partition("?")[0]
    who, at, where = address.rpartition("@")
    return f"postgresql://{who.partition(':')[0]}{at}{where}"


def _on_postgres(name: str, assembler: str, *, create: bool) -> TraceStore:
    from agenteval.store.postgres import Postgres, url_of  # noqa: PLC0415 (likewise)
    from agenteval.store.sql import SqlStore  # noqa: PLC0415 (likewise)

    return SqlStore(Postgres(url_of(name)), assembler=assembler, create=create)


def _path_of(name: str) -> Path:
    """The file that a name means. The message never repeats a URL: it may hold a password."""
    if name.startswith(_SQLITE) and len(name) > len(_SQLITE) and "?" not in name and ":memory:" not in name:
        return Path(name.removeprefix(_SQLITE)).expanduser()
    scheme = _SCHEME.match(name)
    if scheme is not None:
        raise RequestError(f"cannot open a store named {scheme[0]}…; {_ALLOWED}")
    if not name.strip() or "\0" in name:
        raise RequestError(f"cannot open a store named {name!r}; {_ALLOWED}")
    return Path(name).expanduser()


def _prepare_parent(path: Path) -> None:
    folder = path.parent
    if folder.name == FOLDER:
        prepare_folder(folder)
    elif not folder.is_dir():
        raise RequestError(f"{folder} is not a folder; make it first, or name a file in another with --store")


def prepare_folder(path: Path) -> Path:
    """Make a private folder that git passes over, or make one that is there as private as that.

    Args:
        path: The folder, such as `.agenteval`; those above it are made too.

    Returns:
        The folder.

    Raises:
        StoreError: It cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            path.chmod(mode & 0o700)  # whatever was allowed to the owner stays; nothing is ever allowed to more
        ignore = path / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path}: cannot be made a private folder ({error.strerror or error})") from error
    return path
