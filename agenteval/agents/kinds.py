"""An object that a user named in, the agent that it is out. Loads LangGraph only for what needs it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, cast

from agenteval.core.ports import Agent
from agenteval.errors import RequestError

_TAKES = (
    "a compiled LangGraph graph, a function build(tools) -> graph, a function or coroutine of (session), (messages) "
    "or (text), or an object with `async run(session)`"
)


def is_graph(value: object) -> bool:
    """Whether a value is a compiled graph."""
    return not inspect.isclass(value) and callable(getattr(value, "ainvoke", None)) and hasattr(value, "get_graph")


def agent_of(value: object, ref: str) -> tuple[Agent, bool]:
    """The agent that an object is, and whether it acts through the world's tools.

    Args:
        value: What the reference named.
        ref: The reference, for the error.

    Raises:
        RequestError: It is nothing that can be run as an agent.
    """
    if inspect.isclass(value):
        value = _made(value, ref)
    if is_graph(value) or _is_build(value):
        from agenteval.agents.langgraph import LangGraphAgent  # noqa: PLC0415 (LangGraph takes a second to load)

        try:
            graph = LangGraphAgent(value)
        except RequestError as error:
            raise RequestError(f"{ref}: {error}") from error
        return graph, not graph.own_tools
    if inspect.iscoroutinefunction(getattr(value, "run", None)):
        return cast("Agent", value), not bool(getattr(value, "own_tools", False))
    if callable(value):
        from agenteval.agents.function import FunctionAgent  # noqa: PLC0415 (beside the other, for symmetry)

        return FunctionAgent(cast("Callable[..., Any]", value)), True
    hint = " Pass what its compile() gives." if callable(getattr(value, "compile", None)) else ""
    raise RequestError(f"{ref} is {type(value).__name__}, which is no agent.{hint} An agent is {_TAKES}.")


def _is_build(value: object) -> bool:
    if not inspect.isfunction(value):
        return False
    return next(iter(inspect.signature(value).parameters), None) == "tools"


def _made(value: type[Any], ref: str) -> object:
    try:
        return value()
    except TypeError as error:
        raise RequestError(f"{ref} is a class that needs arguments ({error}); name an instance of it") from error
