"""A LangGraph graph in, an agent out, in one of two ways.

    module:graph     compiled, keeps its own tools: there is no world behind them, so `state` checks answer unknown
    module:build     `build(tools) -> graph`, called once for each set of tools, gets the world's tools

Each trial has a thread id of its own, and a checkpointer is left as it was found. The model and tool calls inside,
those of sub-graphs too, are recorded through LangChain callbacks; calls of the world's tools are recorded by the
session.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import BaseTool, ToolException

from agenteval._util.canonical import content_hash
from agenteval.agents.kinds import is_graph
from agenteval.agents.langchain_records import CallbackRecorder
from agenteval.core.codec import tool_to_json
from agenteval.core.ports import Session
from agenteval.core.trajectory import OfferedTool
from agenteval.errors import AgentError, RequestError, ScenarioError, ToolError


@dataclass(frozen=True, slots=True)
class _AtWork:
    session: Session
    loop: asyncio.AbstractEventLoop


_SESSION: ContextVar[_AtWork] = ContextVar("agenteval_session")
_STEPS = 10_000  # the scenario's limits end a trial, not LangGraph's own bound

InputOf = Callable[[Sequence[AnyMessage]], Any]
OutputOf = Callable[[Any], str]


class LangGraphAgent:
    """Runs a graph as an agent: one invocation a turn.

    Args:
        graph: A compiled graph, or `build(tools) -> graph`; `build(tools, instructions)` gets the policy too.
        input: Messages to the graph's input; default `{"messages": [...]}`.
        output: The graph's output to the reply; default the text of the last message in `messages`.
    """

    own_models = True

    def __init__(self, graph: Any, *, input: InputOf | None = None, output: OutputOf | None = None) -> None:  # noqa: A002 (LangGraph's own word)
        self._build = None if is_graph(graph) else cast("Callable[..., Any]", graph)
        self._graph = graph if self._build is None else None
        self._input = input or _messages_in
        self._output = output or _last_text
        self._built: dict[str, Any] = {}

    @property
    def own_tools(self) -> bool:
        """Whether the graph keeps its own tools, so that no world is behind them."""
        return self._build is None

    async def run(self, session: Session) -> None:
        """Hold one conversation, to its end."""
        token = _SESSION.set(_AtWork(session, asyncio.get_running_loop()))
        thread = f"agenteval-{id(session):x}-{session.seed}"
        graph = self._graph_for(session)
        try:
            await self._converse(session, graph, thread)
        finally:
            _SESSION.reset(token)
            await _forget(graph, thread)

    async def _converse(self, session: Session, graph: Any, thread: str) -> None:
        recorder = CallbackRecorder(session, skip=frozenset(tool.name for tool in session.tools))
        config = {
            "callbacks": [recorder],
            "configurable": {"thread_id": thread, "seed": session.seed},
            "recursion_limit": _STEPS,
        }
        remembers = getattr(graph, "checkpointer", None) is not None
        said: list[AnyMessage] = self._opening(session)
        heard: str | None = session.opening
        while heard is not None:
            said.append(HumanMessage(heard))
            output = await graph.ainvoke(self._input(said), config)
            if isinstance(output, Mapping) and "__interrupt__" in output:
                raise ScenarioError(
                    "the graph stopped at interrupt(), and nobody answers: interrupts arrive with a later release"
                )
            reply = self._output(output)
            said = [] if remembers else _history(output, said, reply)
            heard = await session.say(reply)

    def _opening(self, session: Session) -> list[AnyMessage]:
        """The policy, for a graph that gets the world's tools and does not take the policy when it is built."""
        if self._build is None or not session.instructions or _takes_instructions(self._build):
            return []
        return [SystemMessage(session.instructions)]

    def _graph_for(self, session: Session) -> Any:
        if self._build is None:
            return self._graph
        takes = _takes_instructions(self._build)
        key = content_hash([[tool_to_json(tool) for tool in session.tools], session.instructions if takes else None])
        if key not in self._built:
            tools = [_world_tool(tool) for tool in session.tools]
            graph = self._build(tools, session.instructions) if takes else self._build(tools)
            if not is_graph(graph):
                raise RequestError(
                    f"{self._build!r} must return a compiled LangGraph graph, not {type(graph).__name__}"
                )
            self._built[key] = graph
        return self._built[key]


def _takes_instructions(build: Callable[..., Any]) -> bool:
    return "instructions" in inspect.signature(build).parameters


def _messages_in(messages: Sequence[AnyMessage]) -> dict[str, Any]:
    return {"messages": list(messages)}


def _last_text(output: Any) -> str:
    messages = cast("Mapping[str, Any]", output).get("messages") if isinstance(output, Mapping) else None
    if not messages:
        raise AgentError('the graph\'s output has no "messages"; give LangGraphAgent an `output=` that finds the reply')
    return str(messages[-1].text)


def _history(output: Any, said: list[AnyMessage], reply: str) -> list[AnyMessage]:
    """What a graph without a memory is told again on the next turn."""
    messages = cast("Mapping[str, Any]", output).get("messages") if isinstance(output, Mapping) else None
    return list(messages) if messages else [*said, AIMessage(reply)]


async def _forget(graph: Any, thread: str) -> None:
    checkpointer = getattr(graph, "checkpointer", None)
    if hasattr(checkpointer, "adelete_thread"):
        await cast("Any", checkpointer).adelete_thread(thread)


class WorldTool(BaseTool):
    """A LangChain tool that calls the world, through whichever trial's session is at work.

    It answers by itself rather than through LangChain's own machinery: the session validates, records and counts the
    call, and a domain error goes back to the agent as a tool message with status `error`.
    """

    async def ainvoke(self, input: Any, config: Any = None, **kwargs: Any) -> Any:  # noqa: A002 (LangChain's name)
        """Call the world. A tool call gives a ToolMessage; bare arguments give the result."""
        del config, kwargs
        arguments, call_id = _call_of(input)
        try:
            result = await _SESSION.get().session.call(self.name, arguments, call_id=call_id)
        except ToolError as error:
            if call_id is None:
                raise ToolException(str(error)) from error
            return ToolMessage(f"Error: {error}", tool_call_id=call_id, name=self.name, status="error")
        if call_id is None:
            return result
        text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
        return ToolMessage(text, tool_call_id=call_id, name=self.name)

    def invoke(self, input: Any, config: Any = None, **kwargs: Any) -> Any:  # noqa: A002 (LangChain's name)
        """Call the world from a node that is not async: LangGraph runs such nodes in a thread of their own."""
        loop = _SESSION.get().loop
        return asyncio.run_coroutine_threadsafe(self.ainvoke(input, config, **kwargs), loop).result()

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("invoke and ainvoke answer by themselves")


def _call_of(call: Any) -> tuple[dict[str, Any], str | None]:
    if isinstance(call, Mapping) and call.get("type") == "tool_call":  # pyright: ignore[reportUnknownMemberType]
        members = cast("Mapping[str, Any]", call)
        return members["args"], members["id"]
    return cast("dict[str, Any]", call), None


def _world_tool(tool: OfferedTool) -> BaseTool:
    schema = cast("dict[str, Any]", tool.parameters or {"type": "object", "properties": {}})
    return WorldTool(name=tool.name, description=tool.description or tool.name, args_schema=schema)
