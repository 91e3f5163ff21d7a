"""The built-in `chat` agent: a LangGraph loop that lets any `Model` call the world's tools.

Its records are made by the session that it is handed, so nothing here knows of spans. A tool that the model names
wrongly, or arguments that do not parse, come back to the model as an error, as in any such loop.
"""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING, Annotated, Any, TypedDict, cast

from agenteval.core.json import Json
from agenteval.core.message import Message, ToolRequest, ToolResponse, text_message
from agenteval.core.model import ModelRequest
from agenteval.core.ports import Session
from agenteval.errors import RequestError, ToolError

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

_ROUNDS = 1_000_000  # the scenario's limits end a trial, not LangGraph's own bound


class _State(TypedDict):
    messages: Annotated[list[Message], operator.add]


class ChatAgent:
    """Calls a model, runs the tools that it asks for, and says what it says.

    Args:
        temperature: Passed to the model; None leaves it to the endpoint.
        max_tokens: Passed to the model; None leaves it to the endpoint.
    """

    needs_model = True
    own_models = False

    def __init__(self, *, temperature: float | None = None, max_tokens: int | None = None) -> None:
        self._temperature = temperature
        self._max_tokens = max_tokens

    async def run(self, session: Session) -> None:
        """Hold one conversation, to its end. Raises RequestError where no model was configured."""
        if session.model is None:
            raise RequestError('the chat agent needs a model: pass --model, such as "openai:NAME" with --base-url')
        graph = _graph()
        config = {"recursion_limit": _ROUNDS, "configurable": {"session": session, "agent": self}}
        messages: list[Message] = []
        if session.instructions:
            messages.append(text_message("system", session.instructions))
        heard: str | None = session.opening
        while heard is not None:
            messages.append(text_message("user", heard))
            state = cast("_State", await graph.ainvoke({"messages": messages}, config))
            messages = state["messages"]
            heard = await session.say(messages[-1].text)

    def request(self, session: Session, messages: list[Message]) -> ModelRequest:
        """The next request to the model."""
        return ModelRequest(
            messages=tuple(messages),
            tools=tuple(session.tools),
            temperature=self._temperature,
            max_tokens=self._max_tokens,
            seed=session.seed,
        )


@functools.cache
def _graph() -> Any:
    """The loop, compiled once: ask the model, run what it asks for, until it only speaks."""
    from langgraph.graph import END, START, StateGraph  # noqa: PLC0415 (0.8 s, paid by those who use it)

    graph = StateGraph(_State)  # pyright: ignore[reportUnknownVariableType]
    graph.add_node("model", _ask)  # pyright: ignore[reportUnknownMemberType]
    graph.add_node("tools", _act)  # pyright: ignore[reportUnknownMemberType]
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", _next, {"tools": "tools", "end": END})
    graph.add_edge("tools", "model")
    return graph.compile()  # pyright: ignore[reportUnknownMemberType]


def _next(state: _State) -> str:
    return "tools" if state["messages"][-1].requests else "end"


async def _ask(state: _State, config: RunnableConfig) -> _State:
    session = _session(config)
    agent = cast("ChatAgent", config.get("configurable", {})["agent"])
    assert session.model is not None  # noqa: S101 (run() refused to start without one)
    completion = await session.model.complete(agent.request(session, state["messages"]))
    return {"messages": [completion.message]}


async def _act(state: _State, config: RunnableConfig) -> _State:
    session = _session(config)
    answers = [await _call(session, request) for request in state["messages"][-1].requests]
    return {"messages": answers}


def _session(config: RunnableConfig) -> Session:
    return cast("Session", config.get("configurable", {})["session"])


async def _call(session: Session, request: ToolRequest) -> Message:
    answer: Json
    try:
        answer = await session.call(request.name, cast("Any", request.arguments), call_id=request.id)
    except ToolError as error:
        answer = {"error": str(error)}
    return Message(role="tool", parts=(ToolResponse(response=answer, id=request.id),))
