"""LangGraph graphs as agents, in both ways, their calls compared with the tools' own log."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypedDict

import pytest
from langchain.agents import create_agent
from langchain_core.exceptions import ContextOverflowError
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from agenteval.agents.kinds import agent_of
from agenteval.agents.langgraph import LangGraphAgent
from agenteval.core.message import Message
from agenteval.core.scenario import Limits, Scenario, UserRef, WorldRef
from agenteval.core.trajectory import ModelCall, OfferedTool, ToolCall, Trajectory
from agenteval.errors import RequestError, ToolError
from agenteval.harness.limits import Budget
from agenteval.harness.trial import TrialPlan, TrialResult, run_trial
from agenteval.telemetry.assemble import trajectory_of


class Shelf:
    """A world with one tool that keeps its own log."""

    def __init__(self) -> None:
        self.log: list[dict[str, Any]] = []

    def tools(self) -> Sequence[OfferedTool]:
        schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
        return [OfferedTool(name="fetch", description="Fetch a thing.", parameters=schema)]

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Any:
        self.log.append(dict(arguments))
        if arguments.get("name") == "nothing":
            raise ToolError("there is no such thing")
        return {"fetched": arguments["name"]}

    def changes(self) -> list[dict[str, Any]]:
        return []

    def state(self) -> Any:
        return {}

    def snapshot(self) -> object:
        return None

    def restore(self, snapshot: object) -> None:
        del snapshot


class Asks:
    """A user with one more wish."""

    def __init__(self) -> None:
        self._left = ["nothing"]

    async def reply(self, messages: Sequence[Message]) -> str | None:
        return self._left.pop() if self._left else None


class Fixed(GenericFakeChatModel):
    """A chat model that gives fixed answers and takes tools."""

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind(tools=[{"type": "function", "function": {"name": t.name}} for t in tools], **kwargs)


def wish(name: str, *, call_id: str, tool_name: str = "fetch") -> AIMessage:
    usage = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    call = {"name": tool_name, "args": {"name": name}, "id": call_id, "type": "tool_call"}
    return AIMessage("", tool_calls=[call], usage_metadata=usage)


def by_rule(state: Mapping[str, Any]) -> dict[str, Any]:
    """Fetch what was asked for, then say what came of it."""
    last = state["messages"][-1]
    if isinstance(last, HumanMessage):
        return {"messages": [wish(str(last.content), call_id=f"id-{len(state['messages'])}")]}
    return {"messages": [AIMessage(f"result: {last.text}")]}


def build(tools: Sequence[Any]) -> Any:
    """A graph over the world's tools, a rule in place of a model."""
    graph = StateGraph(MessagesState)
    graph.add_node("think", by_rule)
    graph.add_node("tools", ToolNode(list(tools)))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", lambda s: "tools" if s["messages"][-1].tool_calls else END)
    graph.add_edge("tools", "think")
    return graph.compile()


async def run(agent: Any, world: Shelf | None, **changes: Any) -> tuple[TrialResult, Trajectory]:
    scenario = Scenario(
        id="shelf/fetch",
        user=UserRef(spec={"says": "cup"}, opening="cup", make=lambda seed: Asks()),
        world=None if world is None else WorldRef(ref="Shelf", digest="1", make=lambda seed: world),
        limits=changes.pop("limits", Limits(calls=20, seconds=30)),
        instructions=changes.pop("instructions", None),
    )
    plan = TrialPlan(run="r", scenario=scenario, agent_name="graph", agent=agent, repeat=0, seed=11, **changes)
    result = await run_trial(plan, budget=Budget())
    return result, trajectory_of(result.spans)


def calls(trajectory: Trajectory) -> list[tuple[Any, Any, str | None, str | None]]:
    return [(call.arguments, call.result, call.error, call.call_id) for _, call in trajectory.of(ToolCall)]


def said(trajectory: Trajectory) -> list[tuple[str, str]]:
    return [(message.role, message.text) for _, message in trajectory.of(Message)]


async def test_a_built_graph_acts_through_the_world() -> None:
    world = Shelf()
    result, trajectory = await run(LangGraphAgent(build), world)
    assert result.trial.status == "completed", result.trial.error
    assert world.log == [{"name": "cup"}, {"name": "nothing"}]
    assert [c[:3] for c in calls(trajectory)] == [
        ({"name": "cup"}, {"fetched": "cup"}, None),
        ({"name": "nothing"}, None, "there is no such thing"),
    ]
    assert said(trajectory) == [
        ("user", "cup"),
        ("assistant", 'result: {"fetched": "cup"}'),
        ("user", "nothing"),
        ("assistant", "result: Error: there is no such thing"),
    ]
    assert trajectory.integrity.complete


async def test_create_agent_is_recorded_call_by_call() -> None:
    answers = iter([wish("cup", call_id="a"), AIMessage("got the cup"), wish("nothing", call_id="b"), AIMessage("no")])
    world = Shelf()
    agent = LangGraphAgent(lambda tools: create_agent(Fixed(messages=answers), tools=list(tools)))
    result, trajectory = await run(agent, world, instructions="be brief")
    assert result.trial.status == "completed", result.trial.error
    models = trajectory.of(ModelCall)
    assert [len(call.messages) for _, call in models] == [2, 4, 6, 8]
    assert models[0][1].messages[0].text == "be brief"
    assert [tool.name for tool in models[0][1].offered_tools] == ["fetch"]
    assert [(call.call_id, call.requested_by) for _, call in trajectory.of(ToolCall)] == [
        ("a", models[0][0].id),
        ("b", models[2][0].id),
    ]
    assert (trajectory.usage.input_tokens, trajectory.usage.unmeasured_calls) == (14, 2)
    assert world.log == [{"name": "cup"}, {"name": "nothing"}]


OWN_LOG: list[str] = []


@tool
def own_fetch(name: str) -> dict[str, str]:
    """Fetch a thing."""
    OWN_LOG.append(name)
    if name == "nothing":
        raise ValueError("not here")
    return {"own": name}


def own_graph(checkpointer: Any = None) -> Any:
    def think(state: MessagesState) -> dict[str, Any]:
        last = state["messages"][-1]
        if isinstance(last, HumanMessage):
            return {"messages": [wish(str(last.content), call_id=f"o{len(state['messages'])}", tool_name="own_fetch")]}
        return {"messages": [AIMessage(f"own: {last.text}")]}

    graph = StateGraph(MessagesState)
    graph.add_node("think", think)
    graph.add_node("tools", ToolNode([own_fetch], handle_tool_errors=True))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", lambda s: "tools" if s["messages"][-1].tool_calls else END)
    graph.add_edge("tools", "think")
    return graph.compile(checkpointer=checkpointer)


async def test_a_compiled_graph_keeps_its_own_tools_and_is_recorded_through_callbacks() -> None:
    OWN_LOG.clear()
    result, trajectory = await run(LangGraphAgent(own_graph()), None)
    assert result.trial.status == "completed", result.trial.error
    assert OWN_LOG == ["cup", "nothing"]
    first, second = calls(trajectory)
    assert first == ({"name": "cup"}, {"own": "cup"}, None, "o1")
    assert second[0] == {"name": "nothing"}
    assert "not here" in (second[2] or "")
    assert trajectory.integrity.complete


async def test_a_checkpointer_is_left_as_it_was() -> None:
    saver = InMemorySaver()
    graph = own_graph(saver)
    mine = {"configurable": {"thread_id": "mine"}}
    await graph.ainvoke({"messages": [HumanMessage("cup")]}, mine)
    before = list(saver.list(None))
    result, trajectory = await run(LangGraphAgent(graph), None)
    assert result.trial.status == "completed", result.trial.error
    assert [role for role, _ in said(trajectory)] == ["user", "assistant", "user", "assistant"]
    assert list(saver.list(None)) == before


async def test_a_limit_stops_a_graph_that_goes_round_for_ever() -> None:
    def again(state: MessagesState) -> dict[str, Any]:
        return {"messages": [wish("cup", call_id=f"x{len(state['messages'])}")]}

    def endless(tools: Sequence[Any]) -> Any:
        graph = StateGraph(MessagesState)
        graph.add_node("think", again)
        graph.add_node("tools", ToolNode(list(tools)))
        graph.add_edge(START, "think")
        graph.add_edge("think", "tools")
        graph.add_edge("tools", "think")
        return graph.compile()

    result, trajectory = await run(LangGraphAgent(endless), Shelf(), limits=Limits(calls=5, seconds=30))
    assert (result.trial.status, len(trajectory.of(ToolCall))) == ("limit", 5)


async def test_a_limit_reaches_a_graph_with_tools_of_its_own() -> None:
    OWN_LOG.clear()
    result, trajectory = await run(LangGraphAgent(own_graph()), None, limits=Limits(calls=1, seconds=30))
    assert result.trial.status == "limit"
    assert OWN_LOG == ["cup"]
    assert len(trajectory.of(ToolCall)) == 1


async def test_a_sync_node_may_call_the_worlds_tools() -> None:
    def sync_build(tools: Sequence[Any]) -> Any:
        fetch = tools[0]

        def act(state: MessagesState) -> dict[str, Any]:
            result = fetch.invoke({"name": state["messages"][-1].content + "!"})
            return {"messages": [AIMessage(json.dumps(result))]}

        graph = StateGraph(MessagesState)
        graph.add_node("act", act)
        graph.add_edge(START, "act")
        graph.add_edge("act", END)
        return graph.compile()

    world = Shelf()
    result, _ = await run(LangGraphAgent(sync_build), world)
    assert result.trial.status == "completed", result.trial.error
    assert world.log == [{"name": "cup!"}, {"name": "nothing!"}]


async def test_custom_state_is_mapped() -> None:
    class Custom(TypedDict):
        question: str
        answer: str

    graph = StateGraph(Custom)
    graph.add_node("answer", lambda s: {"answer": s["question"].upper()})
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    agent = LangGraphAgent(
        graph.compile(), input=lambda messages: {"question": messages[-1].text}, output=lambda out: out["answer"]
    )
    result, trajectory = await run(agent, None)
    assert result.trial.status == "completed", result.trial.error
    assert [text for role, text in said(trajectory) if role == "assistant"] == ["CUP", "NOTHING"]


async def test_a_dead_endpoint_inside_a_graph_is_not_the_agents_fault() -> None:
    class Down(GenericFakeChatModel):
        def _generate(self, *args: Any, **kwargs: Any) -> Any:
            raise ConnectionError("nobody listens")

    graph = create_agent(Down(messages=iter([])), tools=[])
    result, trajectory = await run(LangGraphAgent(graph), None)
    assert (result.trial.status, result.trial.fault_of) == ("invalid", "model")
    assert trajectory.of(ModelCall)[0][1].error == "nobody listens"


@pytest.mark.parametrize("status", [None, 400, 500])
async def test_a_conversation_that_outgrows_a_graphs_model_is_a_limit(status: int | None) -> None:
    class Overflow(ContextOverflowError):
        """As providers' packages raise it."""

    class Refused(Exception):
        """As a provider's client raises it, where no package translates it."""

        status_code = status
        body: ClassVar[dict[str, Any]] = {"error": {"message": "no", "type": "exceed_context_size_error"}}

    class Full(GenericFakeChatModel):
        def _generate(self, *args: Any, **kwargs: Any) -> Any:
            raise Overflow("too long") if status is None else Refused("too long")

    graph = create_agent(Full(messages=iter([])), tools=[])
    result, trajectory = await run(LangGraphAgent(graph), None)
    assert (result.trial.status, result.trial.fault_of) == ("limit", None)
    assert (trajectory.end.reason, trajectory.end.detail) == ("limit", "context")
    assert trajectory.of(ModelCall)[0][1].error == "too long"


def test_objects_are_told_apart() -> None:
    graph = own_graph()
    assert agent_of(graph, "app:graph")[1] is False
    assert agent_of(build, "app:build")[1] is True
    assert agent_of(lambda text: text, "app:f")[1] is True
    with pytest.raises(RequestError, match="app:x is int, which is no agent"):
        agent_of(3, "app:x")
    with pytest.raises(RequestError, match="must take one argument"):
        agent_of(lambda: None, "app:f")
