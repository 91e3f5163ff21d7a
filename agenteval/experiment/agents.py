"""How a user names an agent in, the agent out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agenteval._util.loading import CodeLoader
from agenteval._util.names import did_you_mean
from agenteval.agents.kinds import agent_of
from agenteval.core.scenario import Suite
from agenteval.errors import NotFound, RequestError
from agenteval.experiment.run import AgentSpec

CHAT = "chat"
CHAT_SETTINGS: Mapping[str, int] = {"temperature": 0, "max_tokens": 1}
"""The settings of `chat`, each with the least that it can be."""


def resolve_agents(
    refs: Sequence[str],
    suite: Suite,
    loader: CodeLoader,
    *,
    project: Path,
    chat: Mapping[str, float] | None = None,
) -> tuple[AgentSpec, ...]:
    """The agents that were named, in order, each under a name of its own.

    Args:
        refs: `NAME` of an agent that the suite ships, `chat`, `module:object`, `file.py:object`, each also as
            `name=reference`.
        suite: The suite that they are run on.
        loader: Loads code.
        project: The folder that references are relative to.
        chat: Arguments of ChatAgent by name; those that are not there are left to the endpoint.

    Raises:
        NotFound: A bare name is neither the suite's nor built in.
        RequestError: No agent, two of one name, or what is for `chat` alone where no agent is it.
    """
    if not refs:
        known = ", ".join([*sorted(suite.agents), CHAT])
        raise RequestError(f"no agent was named: pass --agent REF. This suite ships: {known}; or use module:object.")
    chat = chat or {}
    _check_chat(refs, chat)
    specs = [_resolve(ref, suite, loader, project, chat) for ref in refs]
    names = [spec.name for spec in specs]
    for name in names:
        if names.count(name) > 1:
            raise RequestError(f'two agents are called "{name}"; give one another name: --agent other={name}')
    return tuple(specs)


def _check_chat(refs: Sequence[str], given: Mapping[str, float]) -> None:
    """Raise RequestError where a setting of `chat` cannot be meant, or no agent takes it."""
    for name, value in given.items():
        least = CHAT_SETTINGS[name]
        if not least <= value < math.inf:
            raise RequestError(f"{name.replace('_', '-')} is {value:g}; it must be {least} or more")
    if given and not any(_named(ref)[1] == CHAT for ref in refs):
        options = " and ".join(f"--{name.replace('_', '-')}" for name in given)
        raise RequestError(
            f"{options}: only the agent `chat` takes it, and none of these is: {', '.join(refs)}. "
            "Set it in the code of your agent."
        )


def _named(given: str) -> tuple[str, str]:
    """The name that an agent is to have, empty where none is given, and the reference."""
    name, separator, ref = given.partition("=")
    return (name, ref) if separator else ("", given)


def _resolve(given: str, suite: Suite, loader: CodeLoader, project: Path, chat: Mapping[str, Any]) -> AgentSpec:
    name, ref = _named(given)
    if ref == CHAT:
        from agenteval.agents.chat import ChatAgent  # noqa: PLC0415 (only those who use it pay for it)

        return AgentSpec(name=name or CHAT, ref=given, agent=ChatAgent(**chat))
    shipped = suite.agents.get(ref)
    if shipped is None and ":" not in ref:
        known = [*suite.agents, CHAT]
        raise NotFound(f'there is no agent "{ref}". {did_you_mean(ref, known)} Your own is named module:object.')
    code, base = (ref, project) if shipped is None else (shipped, Path(suite.root or project))
    agent, uses_world = agent_of(loader.load(code, relative_to=base), given)
    return AgentSpec(name=name or ref.rpartition(":")[2], ref=given, agent=agent, uses_world=uses_world)
