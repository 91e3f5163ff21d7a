"""A LangGraph graph in, an agent out, in one of two ways.

    module:graph     compiled, keeps its own tools: there is no world behind them, so `state` checks answer unknown
    module:build     `build(tools) -> graph`, called once for each set of tools, gets the world's tools

One invocation is one turn, and so is one answer to an `interrupt()`. The model and tool calls inside, those of
sub-graphs too, are recorded through LangChain callbacks; calls of the world's tools are recorded by the session.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.messages.utils import convert_to_messages
from langgraph.errors import GraphRecursionError
from langgraph.graph import StateGraph

from agenteval._util.canonical import content_hash
from agenteval.agents.graph_answers import ResumeOf, answers, refused, stops
from agenteval.agents.graph_fit import missing_config, named, refuse_misfit
from agenteval.agents.graph_memory import Conversation
from agenteval.agents.graph_tools import at_work, world_tool
from agenteval.agents.kinds import is_graph
from agenteval.core.codec import tool_to_json
from agenteval.core.ports import Session
from agenteval.errors import AgentError, AgentEvalError, RequestError, ScenarioError

_STEPS = 1_000_000  # the scenario's limits end a trial, not LangGraph's own bound

InputOf = Callable[[Sequence[AnyMessage]], Any]
OutputOf = Callable[[Any], Any]


class LangGraphAgent:
    """Runs a graph as an agent.

    Args:
        graph: A compiled graph, or `build(tools) -> graph`; `build(tools, instructions)` gets the policy too. Either
            may be a coroutine function.
        input: Messages to the graph's input; default `{"messages": [...]}`.
        output: The graph's output to the reply, text or a message; default the last message in `messages`.
        resume: An interrupt's value and the user's answer (True, False or text) to what the graph is resumed with;
            default the answer, or LangChain's decision where its review of tool calls asks for one.
        instructions: Whether the policy goes before the conversation as a system message; default for what is built
            with `build(tools)` alone.
        config: RunnableConfig of every invocation. A recursion limit in it, or in the graph's own config, holds.
        context: Runtime context of every invocation.

    Raises:
        RequestError: The graph cannot be run so; the message says what to give.
    """

    own_models = True

    def __init__(
        self,
        graph: Any,
        *,
        input: InputOf | None = None,  # noqa: A002 (LangGraph's own word)
        output: OutputOf | None = None,
        resume: ResumeOf | None = None,
        instructions: bool | None = None,
        config: Mapping[str, Any] | None = None,
        context: Any = None,
    ) -> None:
        if isinstance(graph, StateGraph):
            raise RequestError("a StateGraph is no graph that can run yet: pass what its compile() gives")
        if not is_graph(graph) and not callable(graph):
            raise RequestError(f"{type(graph).__name__} is neither a compiled graph nor a function build(tools)")
        self._build = None if is_graph(graph) else cast("Callable[..., Any]", graph)
        self._graph = graph if self._build is None else None
        self._input = input
        self._output = output
        self._resume = resume
        self._instructions = instructions
        self._config = dict(config or {})
        self._context = context
        self._built: dict[str, Any] = {}
        if self._build is None:
            self._refuse_misfit(graph)

    @property
    def own_tools(self) -> bool:
        """Whether the graph keeps its own tools, so that no world is behind them."""
        return self._build is None

    async def run(self, session: Session) -> None:
        """Hold one conversation, to its end."""
        with at_work(session):
            graph = await self._graph_for(session)
            conversation = Conversation(graph, self._config_for(graph, session), self._context)
            await conversation.open()
            try:
                await self._converse(session, graph, conversation)
            finally:
                await conversation.close()

    async def _converse(self, session: Session, graph: Any, conversation: Conversation) -> None:
        said: list[AnyMessage] = self._opening(session)
        heard: str | None = session.opening
        while heard is not None:
            said.append(HumanMessage(heard))
            output = await self._turn(session, graph, conversation, said)
            reply = self._reply(graph, output)
            said = [] if conversation.remembers else _history(output, said, reply)
            heard = await session.say(reply)

    async def _turn(self, session: Session, graph: Any, conversation: Conversation, said: Sequence[AnyMessage]) -> Any:
        """The graph's output, after every interrupt on the way was answered."""
        output = await _invoked(graph, conversation, self._given(said))
        while found := stops(output):
            if not conversation.remembers:
                raise RequestError(
                    f"{named(graph)} stopped at interrupt() and has no checkpointer, so that it cannot go on: "
                    "compile it with one, such as InMemorySaver()"
                )
            output = await _invoked(graph, conversation, await answers(session, found, self._resume))
        return output

    # --- what goes in

    def _opening(self, session: Session) -> list[AnyMessage]:
        """The policy, where the graph is to be told it: reading it from the session is handing it over."""
        default = self._build is not None and not _takes_instructions(self._build)
        wanted = default if self._instructions is None else self._instructions
        policy = session.instructions if wanted else None
        return [SystemMessage(policy)] if policy else []

    def _given(self, said: Sequence[AnyMessage]) -> Any:
        if self._input is None:
            return {"messages": list(said)}
        try:
            return self._input(said)
        except Exception as error:
            raise RequestError(f"`input` of LangGraphAgent raised {type(error).__name__}: {error}") from error

    def _config_for(self, graph: Any, session: Session) -> dict[str, Any]:
        own: Mapping[str, Any] = getattr(graph, "config", None) or {}
        configurable: Mapping[str, Any] = self._config.get("configurable") or {}
        return {
            "recursion_limit": own.get("recursion_limit", _STEPS),
            **self._config,
            "configurable": {"seed": session.seed, **configurable},
        }

    # --- what comes out

    def _reply(self, graph: Any, output: Any) -> str:
        """The reply in the graph's output. Raises AgentError where there is none."""
        if self._output is None:
            return _last_text(graph, output)
        try:
            reply = self._output(output)
        except Exception as error:
            raise AgentError(
                f"{named(graph)} gave an output in which `output` of LangGraphAgent found no reply: "
                f"{type(error).__name__}: {error}"
            ) from error
        if isinstance(reply, BaseMessage):
            return str(reply.text)
        if not isinstance(reply, str):
            raise AgentError(
                f"`output` of LangGraphAgent must give text or a message; from what {named(graph)} gave, it made "
                f"{type(reply).__name__}"
            )
        return reply

    # --- the graph

    async def _graph_for(self, session: Session) -> Any:
        if self._build is None:
            return self._graph
        takes = _takes_instructions(self._build)
        policy = session.instructions if takes else None
        key = content_hash([[tool_to_json(tool) for tool in session.tools], policy])
        if key not in self._built:
            tools = [world_tool(tool) for tool in session.tools]
            self._built[key] = await self._made(self._build, (tools, policy) if takes else (tools,))
        return self._built[key]

    async def _made(self, build: Callable[..., Any], given: tuple[Any, ...]) -> Any:
        name = getattr(build, "__qualname__", type(build).__qualname__)
        try:
            graph = build(*given)
            graph = await graph if inspect.isawaitable(graph) else graph
        except AgentEvalError:
            raise
        except Exception as error:
            raise RequestError(f"{name} built no graph: it raised {type(error).__name__}: {error}") from error
        if not is_graph(graph):
            hint = "; call its compile()" if isinstance(graph, StateGraph) else ""
            kind = type(cast("object", graph)).__name__
            raise RequestError(f"{name} must return a compiled LangGraph graph, not {kind}{hint}")
        self._refuse_misfit(graph)
        return graph

    def _refuse_misfit(self, graph: Any) -> None:
        refuse_misfit(
            graph,
            maps_input=self._input is not None,
            maps_output=self._output is not None,
            has_context=self._context is not None,
        )


async def _invoked(graph: Any, conversation: Conversation, given: Any) -> Any:
    try:
        return await conversation.invoke(given)
    except GraphRecursionError as error:
        raise AgentError(
            f"{named(graph)} came to no end within its recursion limit ({error}): raise it with "
            'LangGraphAgent(config={"recursion_limit": …}), and let the scenario\'s limits end the trial'
        ) from error
    except Exception as error:
        if refused(error):
            raise ScenarioError(
                f"{named(graph)} does not take the answer of the scenario's user ({error}): give LangGraphAgent a "
                "`resume=` that makes of it what the interrupt's response_schema wants"
            ) from error
        key = missing_config(error)
        if key is not None:
            raise RequestError(
                f'{named(graph)} reads "{key}" from its config, which has no such key: give '
                f'LangGraphAgent(config={{"configurable": {{"{key}": …}}}})'
            ) from error
        raise


def _takes_instructions(build: Callable[..., Any]) -> bool:
    return "instructions" in inspect.signature(build).parameters


def _messages_of(output: Any) -> list[BaseMessage]:
    messages = cast("Mapping[str, Any]", output).get("messages") if isinstance(output, Mapping) else None
    return convert_to_messages(messages) if messages else []


def _last_text(graph: Any, output: Any) -> str:
    """The text of the last message; the output itself where it is text, or a message."""
    if isinstance(output, str):
        return output
    messages = [output] if isinstance(output, BaseMessage) else _messages_of(output)
    if not messages or messages[-1].type in {"human", "system"}:
        raise AgentError(
            f'{named(graph)} said nothing: no message of its own stands at the end of "messages" in its output. Where '
            "the reply stands elsewhere, give LangGraphAgent an `output=` that finds it"
        )
    return str(messages[-1].text)


def _history(output: Any, said: list[AnyMessage], reply: str) -> list[AnyMessage]:
    """What a graph without a memory is told again on the next turn."""
    messages = cast("list[AnyMessage]", _messages_of(output))
    return messages or [*said, AIMessage(reply)]
