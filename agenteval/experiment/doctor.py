"""This installation, project and store in, what would go wrong out."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from agenteval._util.version import __version__
from agenteval.errors import AgentEvalError, NotFound, SandboxError
from agenteval.experiment.api import in_own_loop
from agenteval.experiment.stores import open_store
from agenteval.intake.catalogue import catalogue
from agenteval.sandbox import bubblewrap
from agenteval.store import shown_name

_LIBRARIES = ("langgraph", "opentelemetry-sdk", "pydantic", "sqlalchemy", "httpx", "numpy", "scipy")
_CLASH = "agent-evaluation"  # installs a module and a script named agenteval, too
_TRACING = ("LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING", "LANGCHAIN_TRACING")
_FIRST_TRACER = ("LANGCHAIN_TRACING", "LANGCHAIN_HANDLER")


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One thing that was looked at."""

    what: str
    told: str
    ok: bool = True
    remedy: str = ""


def examine(store_url: str) -> list[Examined]:
    """Look at everything that a run or an import rests on. Raises nothing."""
    return [*_installation(), *_environment(), _suites(), _sandbox(), *_store(store_url)]


def _installation() -> Iterator[Examined]:
    yield Examined(what="agenteval", told=f"{__version__} on Python {platform.python_version()}, {sys.platform}")
    versions = [f"{name} {version}" for name in _LIBRARIES if (version := _version(name)) is not None]
    missing = [name for name in _LIBRARIES if _version(name) is None]
    yield Examined(
        what="libraries",
        told=", ".join(versions) + (f"; missing: {', '.join(missing)}" if missing else ""),
        ok=not missing,
        remedy="install agenteval again: pip install --force-reinstall agenteval" if missing else "",
    )
    clash = _version(_CLASH)
    if clash is not None:
        yield Examined(
            what="name clash",
            told=f"{_CLASH} {clash} is installed, and brings a module and a script named agenteval of its own",
            ok=False,
            remedy=f"pip uninstall {_CLASH}, then install agenteval again",
        )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _environment() -> Iterator[Examined]:
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        yield _unset("OTEL_SDK_DISABLED", "is true: nothing can be recorded")
    provider = os.environ.get("OTEL_PYTHON_TRACER_PROVIDER")
    if provider is not None and not metadata.entry_points(group="opentelemetry_tracer_provider", name=provider):
        yield _unset(
            "OTEL_PYTHON_TRACER_PROVIDER", f'names "{provider}", which is not installed: no trial can be recorded'
        )
    yield from _langsmith()
    yield from _langchain_v1()


def _unset(names: str, told: str) -> Examined:
    return Examined(what=names, told=told, ok=False, remedy=f"unset {names}")


def _langsmith() -> Iterator[Examined]:
    """Whether LangChain would send away what graphs do.

    As `langsmith.utils.tracing_is_enabled` decides it: the first of these pairs in which a variable is not blank.
    """
    for pair in (("LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2"), ("LANGSMITH_TRACING", "LANGCHAIN_TRACING")):
        given = [name for name in pair if os.environ.get(name, "").strip()]
        if given:
            if os.environ[given[0]] == "true":
                on = [name for name in _TRACING if os.environ.get(name) == "true"]
                yield _unset(
                    " ".join(on),
                    "true: LangChain sends what graphs read, say and do to LangSmith, the `chat` agent's included",
                )
            return


def _langchain_v1() -> Iterator[Examined]:
    """Whether LangChain would refuse every graph: it does so where its first tracer is asked for, and no later one."""
    given = [name for name in _FIRST_TRACER if os.environ.get(name, "") not in {"", "0", "false", "False"}]
    if given and not any(_langsmith()):
        yield _unset(" ".join(given), "set: LangChain raises in every graph, as if the agent had failed")


def _sandbox() -> Examined:
    """Whether agents can be given a shell here, and what isolates it."""

    async def isolation() -> str:
        async with bubblewrap() as sandbox:
            return sandbox.isolation.text

    try:
        return Examined(what="sandbox", told=in_own_loop(isolation()))
    except SandboxError as error:
        said, _, remedy = str(error).partition(". ")
        told = f"none: {said}. Scenarios without a shell do not need one"
        return Examined(what="sandbox", told=told, remedy=remedy)


def _suites() -> Examined:
    names = [name for name, _ in catalogue()]
    return Examined(
        what="suites",
        told=", ".join(names) or "none are shipped with this installation",
        ok=bool(names),
        remedy="" if names else "install agenteval again: its wheel carries them",
    )


def _store(store_url: str) -> Iterator[Examined]:
    name = shown_name(store_url)
    try:
        store = open_store(store_url, create=False)
    except NotFound:
        yield Examined(what="store", told=f"{name}: none yet; `agenteval run` and `agenteval import` make one")
        return
    except AgentEvalError as error:
        yield Examined(what="store", told=str(error), ok=False, remedy="name another with --store, or mend this one")
        return
    try:
        runs = store.runs()
        sizes = store.sizes()
    finally:
        store.close()
    total = sum(sizes.values())
    yield Examined(what="store", told=f"{name}: {len(runs)} runs, {total / 1e6:.1f} MB")
    for table, size in sorted(sizes.items(), key=lambda item: -item[1])[:5]:
        yield Examined(what=f"  {table}", told=f"{size / 1e6:.1f} MB")
