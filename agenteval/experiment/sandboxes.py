"""How a user names a provider of sandboxes in, the provider out; and whether a suite gets what it needs here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final, cast

from agenteval._util.loading import CodeLoader
from agenteval._util.names import did_you_mean
from agenteval.core.ports import SandboxedWorld
from agenteval.core.sandbox import LOCAL
from agenteval.core.scenario import Scenario
from agenteval.errors import RequestError
from agenteval.harness.sandboxes import MakeSandbox
from agenteval.sandbox import bubblewrap, local

DEFAULT: Final = "bubblewrap"

PROVIDERS: dict[str, MakeSandbox] = {DEFAULT: bubblewrap, LOCAL: local}
"""What ships, by name."""


def provider_of(ref: str, loader: CodeLoader, *, project: Path) -> MakeSandbox:
    """The provider of a name, or of `module:object`, a function that makes a new sandbox each time.

    Raises:
        RequestError: There is none of that name, or the object cannot be called.
    """
    if ref in PROVIDERS:
        return PROVIDERS[ref]
    if ":" not in ref:
        raise RequestError(
            f'there is no sandbox "{ref}". {did_you_mean(ref, PROVIDERS)} Your own is named module:object, a function '
            "that makes one"
        )
    return checked(loader.load(ref, relative_to=project), ref)


def checked(given: object, name: str) -> MakeSandbox:
    """What makes sandboxes. Raises RequestError where it can make nothing."""
    if not callable(given):
        raise RequestError(f"the sandbox {name} is {type(given).__name__}, which cannot be called to make one")
    return cast("MakeSandbox", given)


def name_of(make: MakeSandbox) -> str:
    """How a run's record calls a provider that was given as an object."""
    shipped = next((name for name, known in PROVIDERS.items() if known is make), None)
    return shipped or str(getattr(make, "__qualname__", type(make).__qualname__))


async def require_sandbox(scenarios: Iterable[Scenario], make: MakeSandbox) -> None:
    """Start and close one, where a world lives in one: no trial is begun that could not be carried out.

    Raises:
        SandboxError: It cannot be started; the message says what to do.
    """
    if any(_needs_one(scenario) for scenario in scenarios):
        async with make():
            pass


def _needs_one(scenario: Scenario) -> bool:
    if scenario.world is None:
        return False
    try:
        return isinstance(scenario.world.make(0), SandboxedWorld)
    except Exception:  # noqa: BLE001 (a world's own code may raise anything: its trials are invalid, and say so)
        return False
