"""Options that several verbs share, and how they are turned into values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from agenteval._util.loading import CodeLoader
    from agenteval.core.ports import TraceStore

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_STORE = ".agenteval/store.db"


def store_option(function: F) -> F:
    """`--store URL`."""
    return click.option(
        "--store",
        "store_url",
        metavar="URL",
        envvar="AGENTEVAL_STORE",
        default=DEFAULT_STORE,
        show_default=True,
        help="Where results are kept: a file, sqlite:///FILE, postgresql://…, or memory:. Also AGENTEVAL_STORE.",
    )(function)


def json_option(function: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts; progress goes to stderr.")(
        function
    )


def code_option(function: F) -> F:
    """`--allow-code`."""
    return click.option(
        "--allow-code", is_flag=True, help="Let references run code from outside this folder and the shipped suites."
    )(function)


_STORE_VERBS = (
    *("demo", "run", "score", "report", "show", "compare", "import", "export", "serve", "doctor"),
    *("find", "forget", "reassemble"),
)
_SUITE_VERBS = ("verify", "run")


def defaults() -> dict[str, dict[str, Any]]:
    """What the project's settings put in place of the options' own defaults, by verb."""
    from agenteval.intake.settings import load_settings

    given = load_settings(project()).given()
    found: dict[str, dict[str, Any]] = {verb: {} for verb in (*_STORE_VERBS, *_SUITE_VERBS)}
    if "store" in given:
        for verb in _STORE_VERBS:
            found[verb]["store_url"] = given["store"]
    if "suite" in given:
        for verb in _SUITE_VERBS:
            found[verb]["suite"] = given["suite"]
    named = {"agent": "agents"}
    found["run"] |= {named.get(key, key): value for key, value in given.items() if key not in {"store", "suite"}}
    if "require" in given:
        found["report"]["require"] = given["require"]
    return found


def sandbox_option(function: F) -> F:
    """`--sandbox REF`."""
    return click.option(
        "--sandbox",
        metavar="REF",
        default="bubblewrap",
        show_default=True,
        help="Where commands of agents run: bubblewrap, local (NO ISOLATION), or module:object.",
    )(function)


def warn_of_no_isolation(sandbox: object) -> None:
    """Say loudly, on standard error, that nothing keeps an agent's commands from this machine."""
    from agenteval.core.sandbox import LOCAL, WARNING

    if sandbox == LOCAL:
        click.secho(WARNING, fg="red", bold=True, err=True)


def project() -> Path:
    """The folder that the user works in."""
    return Path.cwd()


def loader_for(*, allow_code: bool) -> CodeLoader:
    """What loads references to code for this project."""
    from agenteval.intake.catalogue import code_loader

    return code_loader(project(), allow_code=allow_code)


def open_(store_url: str, *, create: bool = True) -> TraceStore:
    """The store that was named."""
    from agenteval.experiment.stores import open_store

    return open_store(store_url, create=create)


def print_json(value: object) -> None:
    """Print a value as JSON on standard output; what JSON cannot hold (lone surrogates, huge integers) as text."""
    import orjson

    from agenteval.report.visible import storable

    option = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS
    try:
        text = orjson.dumps(value, option=option)
    except TypeError:
        text = orjson.dumps(storable(value), option=option)
    click.echo(text.decode())
