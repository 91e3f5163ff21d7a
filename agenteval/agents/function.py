"""A plain function or coroutine in, an agent out.

How a function is called follows from the name of its first parameter:

    async def agent(session)      holds the whole conversation itself: `session.call`, `session.say`, `session.model`
    def agent(messages)           one turn: the conversation so far as `[{"role", "content"}]`, returns the reply
    def agent(text)               one turn: what was just said, returns the reply (any other parameter name)

The last two may be coroutines. A sync function runs in a thread of its own, so that it does not hold up other trials.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any

from agenteval.core.ports import Session
from agenteval.errors import RequestError


class FunctionAgent:
    """Runs a function as an agent.

    Args:
        function: See the module's description of what it may take.

    Raises:
        RequestError: It takes no parameter, or more than one without a default.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._style = _style(function)
        if self._style == "session" and not _is_async(function):
            raise RequestError(
                f"agent {_name(function)}(session) must be `async def`: it awaits session.call and session.say"
            )

    async def run(self, session: Session) -> None:
        """Hold one conversation, to its end."""
        if self._style == "session":
            await self._function(session)
            return
        history: list[dict[str, str]] = []
        heard: str | None = session.opening
        while heard is not None:
            history.append({"role": "user", "content": heard})
            reply = await self._turn(list(history) if self._style == "messages" else heard)
            if not isinstance(reply, str):
                raise TypeError(f"agent {_name(self._function)} must return text, not {type(reply).__name__}")
            history.append({"role": "assistant", "content": reply})
            heard = await session.say(reply)

    async def _turn(self, heard: object) -> object:
        if _is_async(self._function):
            return await self._function(heard)
        return await in_thread(functools.partial(self._function, heard))


async def in_thread(function: Callable[[], object]) -> object:
    """Run a sync function in a daemon thread with this task's context, and wait for it.

    A thread cannot be stopped: where the wait is cancelled (a limit, Ctrl-C) it is left to itself, and being a daemon
    it does not keep the process from ending.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[object] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: object, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)

    def work() -> None:
        try:
            result, error = context.run(function), None
        except BaseException as raised:  # noqa: BLE001 (handed to the waiting task, whatever it is)
            result, error = None, raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=work, name="agenteval-agent", daemon=True).start()
    return await done


def _style(function: Callable[..., Any]) -> str:
    parameters = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    required = [parameter.name for parameter in parameters if parameter.default is parameter.empty]
    if len(required) > 1 or not parameters:
        raise RequestError(
            f"agent {_name(function)}{inspect.signature(function)} must take one argument: "
            "`session` (a coroutine that holds the conversation), `messages`, or the text just said"
        )
    first = parameters[0].name
    return first if first in {"session", "messages"} else "text"


def _is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine; so too for an object whose class has `async def __call__`."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(function.__call__)


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", type(function).__qualname__)
