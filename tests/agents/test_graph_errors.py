"""Graphs that cannot be run as they were given: what is said of them, when, and whose fault it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NotRequired

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import Runtime, get_runtime
from pydantic import BaseModel
from typing_extensions import TypedDict

from agenteval.agents.kinds import agent_of
from agenteval.agents.langgraph import LangGraphAgent
from agenteval.core.message import Message
from agenteval.core.trajectory import Trajectory
from agenteval.errors import RequestError


class Task(TypedDict, total=False):
    question: str
    answer: str


class Both(MessagesState, total=False):
    answer: Any


class Answer(TypedDict):
    answer: Any


@dataclass
class Shop:
    user_id: str
    limit: int = 5
    tags: list[str] = field(default_factory=list)


class TypedShop(TypedDict):
    user_id: str
    limit: NotRequired[int]


class ModelShop(BaseModel):
    user_id: str
    limit: int = 5


@dataclass
class Easy:
    limit: int = 5


def one(state: Any, work: Any = None, **options: Any) -> StateGraph[Any]:
    """A graph of one node, not compiled."""
    graph = StateGraph(state, **options)
    graph.add_node("work", work or (lambda state: {"messages": [AIMessage("done")]}))
    graph.add_edge(START, "work")
    return graph


def said(trajectory: Trajectory) -> list[str]:
    return [message.text for _, message in trajectory.of(Message) if message.role == "assistant"]


def fault(result: Any) -> tuple[str, str | None]:
    return result.trial.status, result.trial.fault_of


MISFITS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "takes no messages": (
        one(Task, lambda state: {"answer": "x"}).compile(name="desk"),
        {},
        'graph "desk" takes "question", "answer", and no "messages", so it would never hear what is said',
    ),
    "input schema without messages": (
        one(Both, input_schema=Answer).compile(),
        {},
        'the graph takes "answer", and no "messages"',
    ),
    "gives no messages": (
        one(Both, lambda state: {"answer": "x"}, output_schema=Answer).compile(),
        {},
        'the graph gives "answer", and no "messages", so nobody would hear what it says: give LangGraphAgent an `output=`',
    ),
    "gives no messages although it is mapped in": (
        one(Task, lambda state: {"answer": "x"}).compile(),
        {"input": lambda messages: {"question": messages[-1].text}},
        "give LangGraphAgent an `output=`",
    ),
    "stops before": (
        one(MessagesState).compile(checkpointer=InMemorySaver(), interrupt_before=["work"]),
        {},
        'stop before or after "work", where no user can answer',
    ),
    "stops after all": (
        one(MessagesState).compile(checkpointer=InMemorySaver(), interrupt_after="*"),
        {},
        "stop before or after every node, where no user can answer",
    ),
    "checkpointer of its parent": (
        one(MessagesState).compile(checkpointer=True),
        {},
        "checkpointer=True, which only a graph inside another one can be",
    ),
    "context of a dataclass": (one(MessagesState, context_schema=Shop).compile(), {}, 'needs a context with "user_id"'),
    "context of a dict": (one(MessagesState, context_schema=TypedShop).compile(), {}, 'needs a context with "user_id"'),
    "context of a model": (one(MessagesState, context_schema=ModelShop).compile(), {}, "LangGraphAgent a `context=`"),
}


@pytest.mark.parametrize("kind", MISFITS)
async def test_a_graph_that_could_only_run_wrongly_is_refused_before_anything_runs(lab: Any, kind: str) -> None:
    graph, options, why = MISFITS[kind]
    with pytest.raises(RequestError) as refused:
        LangGraphAgent(graph, **options)
    assert why in str(refused.value)
    if not options:
        with pytest.raises(RequestError, match=r"^app\.py:graph: "):
            agent_of(graph, "app.py:graph")
    # of what is built the graph is known only when the tools are
    result, _ = await lab.trial(LangGraphAgent(lambda tools: graph, **options), task="hi", world=lab.world())
    assert fault(result) == ("invalid", "harness")
    assert why in (result.trial.error or "")


async def test_what_needs_nothing_is_not_refused(lab: Any) -> None:
    for graph, options in (
        (one(MessagesState, context_schema=Easy).compile(), {}),
        (one(MessagesState, context_schema=Shop).compile(), {"context": {"user_id": "7"}}),
        (one(MessagesState).compile(checkpointer=False), {}),
    ):
        result, trajectory = await lab.trial(LangGraphAgent(graph, **options), task="hi")
        assert (result.trial.status, said(trajectory)) == ("completed", ["done"]), result.trial.error


def test_what_is_no_graph_is_refused_with_what_to_do() -> None:
    with pytest.raises(RequestError, match=r"pass what its compile\(\) gives"):
        LangGraphAgent(one(MessagesState))
    with pytest.raises(RequestError, match="int is neither a compiled graph nor a function"):
        LangGraphAgent(3)
    with pytest.raises(RequestError, match=r"app.py:graph is StateGraph, which is no agent. Pass what its compile\(\)"):
        agent_of(one(MessagesState), "app.py:graph")


async def test_what_a_build_gives_and_raises(lab: Any) -> None:
    async def later(tools: Any) -> Any:
        return one(MessagesState).compile()

    def raises(tools: Any) -> Any:
        raise ImportError("no key for the model")

    def none(tools: Any) -> Any:
        return None

    def uncompiled(tools: Any) -> Any:
        return one(MessagesState)

    assert agent_of(later, "app.py:later")[1] is True
    result, trajectory = await lab.trial(LangGraphAgent(later), task="hi", world=lab.world())
    assert (result.trial.status, said(trajectory)) == ("completed", ["done"])
    for build, why in (
        (raises, "raises built no graph: it raised ImportError: no key for the model"),
        (none, "none must return a compiled LangGraph graph, not NoneType"),
        (uncompiled, "uncompiled must return a compiled LangGraph graph, not StateGraph; call its compile()"),
    ):
        result, _ = await lab.trial(LangGraphAgent(build), task="hi", world=lab.world())
        assert fault(result) == ("invalid", "harness")
        assert why in (result.trial.error or "")


async def test_a_build_is_called_once_for_each_set_of_tools(lab: Any) -> None:
    built: list[int] = []

    def build(tools: Any) -> Any:
        built.append(len(tools))
        return one(MessagesState).compile()

    agent = LangGraphAgent(build)
    for _ in range(2):
        await lab.trial(agent, task="hi", world=lab.world())
    await lab.trial(agent, task="hi")
    assert built == [3, 0]


# --- what goes in and comes out


async def test_maps_that_fail_are_told_apart_from_an_agent_that_says_nothing(lab: Any) -> None:
    task = one(Task, lambda state: {"answer": state["question"]} if state["question"] != "hush" else {}).compile()

    def taken(messages: Any) -> Any:
        return {"question": messages[-1].text}

    def agent(**options: Any) -> LangGraphAgent:
        return LangGraphAgent(task, **{"input": taken, "output": lambda state: state["answer"], **options})

    for made, asked, expected, why in (
        (agent(input=lambda messages: messages["text"]), "hi", ("invalid", "harness"), "`input` of LangGraphAgent raised"),
        (agent(), "hush", ("agent_error", "agent"), "found no reply: KeyError: 'answer'"),
        (agent(output=lambda state: 7), "hi", ("agent_error", "agent"), "must give text or a message"),
        (agent(output=lambda state: None), "hi", ("agent_error", "agent"), "it made NoneType"),
    ):  # fmt: skip
        result, _ = await lab.trial(made, task=asked)
        assert fault(result) == expected
        assert why in (result.trial.error or "")
    result, trajectory = await lab.trial(
        agent(output=lambda state: AIMessage([{"type": "text", "text": "hm"}])), task="x"
    )
    assert (result.trial.status, said(trajectory)) == ("completed", ["hm"])


@pytest.mark.parametrize(
    ("gives", "says"),
    [
        ([], None),
        ([HumanMessage("me again")], None),
        ([AIMessage("x"), HumanMessage("me again")], None),
        ([("assistant", "a pair")], "a pair"),
        ([{"role": "assistant", "content": "a dict"}], "a dict"),
        ([AIMessage([{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}])], "in parts"),
        ([AIMessage("")], ""),
    ],
)
async def test_the_last_message_is_the_reply_and_an_echo_is_none(lab: Any, gives: list[Any], says: str | None) -> None:
    class Loose(TypedDict):
        messages: list[Any]

    result, trajectory = await lab.trial(
        LangGraphAgent(one(Loose, lambda state: {"messages": gives}).compile(name="desk")), task="hi"
    )
    if says is None:
        assert fault(result) == ("agent_error", "agent")
        assert 'graph "desk" said nothing' in (result.trial.error or "")
        assert "`output=`" in (result.trial.error or "")
    else:
        assert (result.trial.status, said(trajectory)) == ("completed", [says] if says else [])


async def test_a_function_of_langgraph_may_give_text(lab: Any) -> None:
    @entrypoint()
    async def answer(given: Any) -> str:
        return f"heard {given['messages'][-1].text}"

    result, trajectory = await lab.trial(LangGraphAgent(answer), user={"says": "one", "then": ["two"]})
    assert (result.trial.status, said(trajectory)) == ("completed", ["heard one", "heard two"])


# --- limits of its own, config and context


def endless() -> StateGraph[Any]:
    graph = one(MessagesState)
    graph.add_edge("work", "work")
    return graph


async def test_a_recursion_limit_of_the_graphs_own_holds(lab: Any) -> None:
    for agent in (
        LangGraphAgent(endless().compile(name="desk").with_config({"recursion_limit": 7})),
        LangGraphAgent(endless().compile(name="desk"), config={"recursion_limit": 7}),
    ):
        result, _ = await lab.trial(agent, task="hi")
        assert fault(result) == ("agent_error", "agent")
        assert 'graph "desk" came to no end within its recursion limit' in (result.trial.error or "")
        assert "7" in (result.trial.error or "")
        assert 'LangGraphAgent(config={"recursion_limit": …})' in (result.trial.error or "")


async def test_langgraphs_own_bound_is_out_of_the_way(lab: Any) -> None:
    seen: list[int] = []

    def count(state: MessagesState) -> dict[str, Any]:
        seen.append(1)
        return {"messages": [AIMessage("done", id="one")]}

    graph = one(MessagesState, count)
    graph.add_conditional_edges("work", lambda state: "work" if len(seen) < 10_200 else "__end__")
    result, _ = await lab.trial(LangGraphAgent(graph.compile()), task="hi")
    assert (result.trial.status, len(seen)) == ("completed", 10_200)


async def test_config_and_context_reach_the_graph_and_the_thread_stays_the_trials_own(lab: Any) -> None:
    seen: list[Any] = []

    def look(state: MessagesState, config: RunnableConfig, runtime: Runtime[Shop]) -> dict[str, Any]:
        seen.append((config["configurable"], config["tags"], get_runtime().context))
        return {"messages": [AIMessage(f"{config['configurable']['user_id']} {runtime.context.limit}")]}

    saver = InMemorySaver()
    agent = LangGraphAgent(
        one(MessagesState, look, context_schema=Shop).compile(checkpointer=saver),
        config={"configurable": {"user_id": "u7", "thread_id": "mine"}, "tags": ["eval"]},
        context=Shop(user_id="u7", limit=9),
    )
    result, trajectory = await lab.trial(agent, task="hi", seed=3)
    assert (result.trial.status, said(trajectory)) == ("completed", ["u7 9"]), result.trial.error
    [(configurable, tags, context)] = seen
    assert configurable["seed"] == 3
    assert configurable["thread_id"].startswith("agenteval-")
    assert "eval" in tags
    assert context == Shop(user_id="u7", limit=9)
    assert dict(saver.storage) == {}


async def test_a_key_that_the_config_lacks_is_named_and_is_not_the_agents_fault(lab: Any) -> None:
    def reads(state: MessagesState, config: RunnableConfig) -> dict[str, Any]:
        return {"messages": [AIMessage(config["configurable"]["user_id"])]}

    def reads_elsewhere(state: MessagesState, config: RunnableConfig) -> dict[str, Any]:
        return {"messages": [AIMessage(state["user_id"])]}

    result, _ = await lab.trial(LangGraphAgent(one(MessagesState, reads).compile(name="desk")), task="hi")
    assert fault(result) == ("invalid", "harness")
    assert 'graph "desk" reads "user_id" from its config, which has no such key' in (result.trial.error or "")
    assert 'LangGraphAgent(config={"configurable": {"user_id": …}})' in (result.trial.error or "")
    result, _ = await lab.trial(LangGraphAgent(one(MessagesState, reads_elsewhere).compile()), task="hi")
    assert (*fault(result), result.trial.error) == ("agent_error", "agent", "KeyError: 'user_id'")
