"""A world's tools in, LangChain tools out, which reach whichever trial is at work through a context variable."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool, ToolException

from agenteval.agents.langchain_records import CallbackRecorder
from agenteval.core.ports import Session
from agenteval.core.trajectory import OfferedTool
from agenteval.errors import AgentError, ToolError


@dataclass(frozen=True, slots=True)
class _AtWork:
    session: Session
    records: CallbackRecorder
    loop: asyncio.AbstractEventLoop


_AT_WORK: ContextVar[_AtWork] = ContextVar("agenteval_session")


@contextmanager
def at_work(session: Session) -> Generator[None]:
    """Let the world's tools reach a trial, and record what LangChain runs, in this context and its copies."""
    records = CallbackRecorder(session)
    token = _AT_WORK.set(_AtWork(session, records, asyncio.get_running_loop()))
    try:
        with records.at_work():
            yield
    finally:
        _AT_WORK.reset(token)


class WorldTool(BaseTool):
    """A LangChain tool that calls the world, through the session of the trial at work.

    It answers by itself rather than through LangChain's own machinery: the session validates, records and counts the
    call, and a domain error goes back to the agent as a tool message with status `error`.
    """

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002 (LangChain's name)
        """Call the world. A tool call gives a ToolMessage; bare arguments give the result."""
        del kwargs
        arguments, call_id = _call_of(input)
        try:
            result = await self._call(arguments, call_id, _run_of(config))
        except ToolError as error:
            if call_id is None:
                raise ToolException(str(error)) from error
            return ToolMessage(f"Error: {error}", tool_call_id=call_id, name=self.name, status="error")
        if call_id is None:
            return result
        text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
        return ToolMessage(text, tool_call_id=call_id, name=self.name)

    async def _call(self, arguments: dict[str, Any], call_id: str | None, run_id: UUID | None) -> Any:
        trial = self._trial()
        above, call_id = trial.records.around(self.name, run_id, call_id)
        with nullcontext() if above is None else trial.session.recorder.current(above):
            return await trial.session.call(self.name, arguments, call_id=call_id)

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002 (LangChain's name)
        """Call the world from a node that is not async: LangGraph runs such nodes in a thread of their own."""
        loop = self._trial().loop
        if _runs_here(loop):
            raise AgentError(
                f'tool "{self.name}" was called with invoke() in async code, which would wait for itself for ever: '
                "write `await tool.ainvoke(…)` there"
            )
        return asyncio.run_coroutine_threadsafe(self.ainvoke(input, config, **kwargs), loop).result()

    def _trial(self) -> _AtWork:
        trial = _AT_WORK.get(None)
        if trial is None:
            raise AgentError(
                f'tool "{self.name}" was called outside its trial, such as in a thread that the graph started itself: '
                "start the thread with `contextvars.copy_context().run`"
            )
        return trial

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("invoke and ainvoke answer by themselves")


def world_tool(tool: OfferedTool) -> BaseTool:
    """A tool of the world as a LangChain tool."""
    schema = cast("dict[str, Any]", tool.parameters or {"type": "object", "properties": {}})
    return WorldTool(name=tool.name, description=tool.description or tool.name, args_schema=schema)


def _call_of(call: Any) -> tuple[dict[str, Any], str | None]:
    if isinstance(call, Mapping) and call.get("type") == "tool_call":  # pyright: ignore[reportUnknownMemberType]
        members = cast("Mapping[str, Any]", call)
        return members["args"], members["id"]
    return cast("dict[str, Any]", call), None


def _run_of(config: RunnableConfig | None) -> UUID | None:
    """The LangChain run that a tool is called in; None where the graph lost it."""
    callbacks: object = ensure_config(config).get("callbacks")
    run_id: object = getattr(callbacks, "parent_run_id", None)
    return run_id if isinstance(run_id, UUID) else None


def _runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
