"""Checkpointers of every kind are left as they were found, and no trial sees another one."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt

from agenteval.agents.langgraph import LangGraphAgent
from agenteval.core.scenario import Limits
from agenteval.core.trajectory import ModelCall, ToolCall

KINDS = ("memory", "sqlite", "async sqlite")
MINE = {"configurable": {"thread_id": "mine"}}


class Keeps(InMemorySaver):
    """A checkpointer that cannot delete, as the base class has it."""

    def delete_thread(self, thread_id: str) -> None:
        raise NotImplementedError

    async def adelete_thread(self, thread_id: str) -> None:
        raise NotImplementedError


@asynccontextmanager
async def saver_of(kind: str, folder: Path) -> AsyncIterator[Any]:
    """A checkpointer of that kind."""
    if kind == "sqlite":
        with SqliteSaver.from_conn_string(str(folder / "s.db")) as sync_saver:
            sync_saver.setup()
            yield sync_saver
    elif kind == "async sqlite":
        async with aiosqlite.connect(folder / "a.db") as connection:
            async_saver = AsyncSqliteSaver(connection)
            await async_saver.setup()
            yield async_saver
    else:
        yield InMemorySaver()


async def held(saver: Any, folder: Path) -> dict[str, Any]:
    """All that a checkpointer holds, down to its rows."""
    if isinstance(saver, InMemorySaver):
        return {
            "storage": {thread: {ns: dict(kept) for ns, kept in spaces.items()} for thread, spaces in saver.storage.items()},
            "writes": {key: dict(kept) for key, kept in saver.writes.items()},
            "blobs": dict(saver.blobs),
        }  # fmt: skip
    name = "s.db" if isinstance(saver, SqliteSaver) else "a.db"
    with sqlite3.connect(folder / name) as connection:
        rows = {table: sorted(connection.execute(f"select * from {table}"), key=repr) for table in ("checkpoints", "writes")}  # noqa: S608 (two names written here)  # fmt: skip
    connection.close()
    return rows


async def talk_before(graph: Any, saver: Any) -> None:
    """What the user of the graph did with it before."""
    given = {"messages": [HumanMessage("before")]}
    if isinstance(saver, SqliteSaver):
        await asyncio.to_thread(graph.invoke, given, MINE)
    else:
        await graph.ainvoke(given, MINE)


def chatting(lab: Any, saver: Any, **options: Any) -> Any:
    """A model and tools in sync nodes, so that it runs with checkpointers of either kind."""
    tools = lab.tools()
    model = lab.model(options.pop("rule", lambda messages: AIMessage(f"heard {len(messages)}"))).bind_tools(tools)

    def think(state: MessagesState) -> dict[str, Any]:
        whole: Any = None
        for chunk in model.stream(state["messages"]):
            whole = chunk if whole is None else whole + chunk
        return {"messages": [AIMessage(whole.text.strip(), tool_calls=whole.tool_calls)]}

    def act(state: MessagesState) -> dict[str, Any]:
        by_name = {tool.name: tool for tool in tools}
        last: Any = state["messages"][-1]
        return {"messages": [by_name[call["name"]].invoke({**call, "type": "tool_call"}) for call in last.tool_calls]}

    graph = StateGraph(MessagesState)
    graph.add_node("think", think)
    graph.add_node("act", act)
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", lambda state: "act" if state["messages"][-1].tool_calls else END)
    graph.add_edge("act", "think")
    return graph.compile(checkpointer=saver, **options)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_trial_leaves_a_checkpointer_as_it_was_and_the_next_sees_nothing_of_it(
    lab: Any, kind: str, tmp_path: Path
) -> None:
    async with saver_of(kind, tmp_path) as saver:
        graph = chatting(lab, saver)
        await talk_before(graph, saver)
        before = await held(saver, tmp_path)
        lab.asked.clear()
        for _ in range(2):
            user = {"says": "one", "then": ["two", "three"]}
            result, trajectory = await lab.trial(LangGraphAgent(graph), user=user)
            assert (result.trial.status, result.trial.error) == ("completed", None)
            # each turn is told what is new alone, and the memory adds what came before, of this trial only
            assert [call.output[0].text.strip() for _, call in trajectory.of(ModelCall)] == [
                "heard 1",
                "heard 3",
                "heard 5",
            ]
            lab.assert_recorded(trajectory)
            lab.asked.clear()
            assert await held(saver, tmp_path) == before


@pytest.mark.parametrize("kind", KINDS)
async def test_trials_side_by_side_do_not_mix(lab: Any, kind: str, tmp_path: Path) -> None:
    async with saver_of(kind, tmp_path) as saver:
        agent = LangGraphAgent(chatting(lab, saver, rule=lambda messages: AIMessage(messages[0].text)))
        users = [{"says": f"user {number}", "then": ["more", "and more"]} for number in range(4)]
        done = await asyncio.gather(*(lab.trial(agent, user=user, seed=number) for number, user in enumerate(users)))
        for number, (result, trajectory) in enumerate(done):
            assert result.trial.status == "completed", result.trial.error
            said = {call.output[0].text.strip() for _, call in trajectory.of(ModelCall)}
            assert said == {f"user {number}"}
        assert not any((await held(saver, tmp_path)).values())


@pytest.mark.parametrize("kind", KINDS)
async def test_a_trial_that_a_limit_stops_leaves_nothing_either(lab: Any, kind: str, tmp_path: Path) -> None:
    def again(messages: list[Any]) -> AIMessage:
        call = {"name": "fetch", "args": {"name": "cup"}, "id": f"c{len(messages)}", "type": "tool_call"}
        return AIMessage("", tool_calls=[call])

    async with saver_of(kind, tmp_path) as saver:
        graph = chatting(lab, saver, rule=again)
        result, trajectory = await lab.trial(LangGraphAgent(graph), task="go", limits=Limits(calls=4))
        assert (result.trial.status, len(trajectory.of(ToolCall)), len(lab.calls)) == ("limit", 4, 4)
        assert not any((await held(saver, tmp_path)).values())


@pytest.mark.parametrize("kind", KINDS)
async def test_interrupts_work_with_every_kind(lab: Any, kind: str, tmp_path: Path) -> None:
    def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage(f"{interrupt('May I?')} {interrupt('Really?')}")]}

    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    async with saver_of(kind, tmp_path) as saver:
        agent = LangGraphAgent(graph.compile(checkpointer=saver))
        result, trajectory = await lab.trial(agent, user={"says": "go", "approves": [True, False]})
        assert (result.trial.status, result.trial.error) == ("completed", None)
        assert trajectory.steps[-1].content.text == "True False"
        assert not any((await held(saver, tmp_path)).values())


async def test_a_sync_checkpointer_is_clean_even_when_a_node_outlives_its_trial(lab: Any, tmp_path: Path) -> None:
    started, go_on, deleted = threading.Event(), threading.Event(), threading.Semaphore(0)

    class Tells(SqliteSaver):
        def delete_thread(self, thread_id: str) -> None:
            super().delete_thread(thread_id)
            deleted.release()

    def slow(state: MessagesState) -> dict[str, Any]:
        started.set()
        go_on.wait()
        return {"messages": [AIMessage("too late")]}

    graph = StateGraph(MessagesState)
    graph.add_node("slow", slow)
    graph.add_edge(START, "slow")
    connection = sqlite3.connect(tmp_path / "s.db", check_same_thread=False)
    saver = Tells(connection)
    saver.setup()
    agent = LangGraphAgent(graph.compile(checkpointer=saver))
    result, _ = await lab.trial(agent, task="go", limits=Limits(seconds=0.2))
    assert started.is_set()
    assert result.trial.status == "limit"
    go_on.set()
    for _ in range(3):  # before the trial, at its end, and by the thread that went on
        assert await asyncio.to_thread(deleted.acquire, timeout=60)
    assert not any((await held(saver, tmp_path)).values())
    connection.close()


async def test_a_checkpointer_that_cannot_delete_is_not_written_to(lab: Any) -> None:
    saver = Keeps()
    graph = chatting(lab, saver)
    await graph.ainvoke({"messages": [HumanMessage("before")]}, MINE)
    lab.asked.clear()
    result, trajectory = await lab.trial(LangGraphAgent(graph), user={"says": "one", "then": ["two"]})
    assert (result.trial.status, result.trial.error) == ("completed", None)
    assert [call.output[0].text.strip() for _, call in trajectory.of(ModelCall)] == ["heard 1", "heard 3"]
    assert set(saver.storage) == {"mine"}
    assert {thread for thread, *_ in saver.blobs} == {"mine"}


async def test_a_graph_inside_with_a_checkpointer_of_its_own_leaves_nothing_in_it(lab: Any) -> None:
    inside = InMemorySaver()
    inner = chatting(lab, inside)
    outer = StateGraph(MessagesState)
    outer.add_node("inner", inner)
    outer.add_edge(START, "inner")
    result, _ = await lab.trial(LangGraphAgent(outer.compile()), user={"says": "one", "then": ["two"]})
    assert (result.trial.status, result.trial.error) == ("completed", None)
    assert not any((await held(inside, Path())).values())


async def test_a_checkpointer_that_does_not_work_is_not_the_agents_fault(lab: Any) -> None:
    class Down(InMemorySaver):
        async def aget_tuple(self, config: Any) -> Any:
            raise ConnectionError("the database is down")

    class Stuck(InMemorySaver):
        times = 0

        async def adelete_thread(self, thread_id: str) -> None:
            self.times += 1
            if self.times > 1:
                raise ConnectionError("the database went away")

    for saver, said in ((Down(), "does not work"), (Stuck(), "could not be deleted")):
        result, _ = await lab.trial(LangGraphAgent(chatting(lab, saver)), task="hi")
        assert (result.trial.status, result.trial.fault_of) == ("invalid", "harness")
        assert said in (result.trial.error or "")
        assert type(saver).__name__ in (result.trial.error or "")


async def test_a_graph_without_a_memory_is_told_the_conversation_so_far(lab: Any) -> None:
    graph = chatting(lab, None)
    result, trajectory = await lab.trial(LangGraphAgent(graph), user={"says": "one", "then": ["two", "three"]})
    assert result.trial.status == "completed"
    assert [[message.text.strip() for message in call.messages] for _, call in trajectory.of(ModelCall)] == [
        ["one"],
        ["one", "heard 1", "two"],
        ["one", "heard 1", "two", "heard 3", "three"],
    ]
