"""Who is handed the policy, and how; the trajectory says so of nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from agenteval.agents.chat import ChatAgent
from agenteval.agents.function import FunctionAgent
from agenteval.agents.langgraph import LangGraphAgent
from agenteval.core.message import Message
from agenteval.core.trajectory import Trajectory
from agenteval.models import ScriptedModel

POLICY = "Be kind, and brief."


class Seen:
    """What an agent was given, as text."""

    def __init__(self) -> None:
        self.given: list[str] = []

    @property
    def policy(self) -> bool:
        return any(POLICY in text for text in self.given)

    def graph(self, checkpointer: Any = None) -> Any:
        def look(state: MessagesState) -> dict[str, Any]:
            self.given.append(" / ".join(f"{message.type}: {message.text}" for message in state["messages"]))
            return {"messages": [AIMessage("done")]}

        graph = StateGraph(MessagesState)
        graph.add_node("look", look)
        graph.add_edge(START, "look")
        return graph.compile(checkpointer=checkpointer)

    def text(self) -> Any:
        def agent(text: str) -> str:
            self.given.append(text)
            return "done"

        return FunctionAgent(agent)

    def messages(self) -> Any:
        async def agent(messages: list[Any]) -> str:
            self.given.append(str(messages))
            return "done"

        return FunctionAgent(agent)

    def session(self) -> Any:
        async def agent(session: Any) -> None:
            self.given.append(session.instructions)
            self.given.append(session.instructions)
            while await session.say("done"):
                self.given.append(session.instructions)

        return FunctionAgent(agent)

    def session_that_does_not_read_it(self) -> Any:
        async def agent(session: Any) -> None:
            while await session.say("done"):
                pass

        return FunctionAgent(agent)

    def session_that_reads_it_later(self) -> Any:
        async def agent(session: Any) -> None:
            await session.say("done")
            self.given.append(session.instructions)
            await session.say("done")

        return FunctionAgent(agent)

    def chat(self) -> Any:
        return ChatAgent()

    def own_graph(self) -> Any:
        return LangGraphAgent(self.graph())

    def own_graph_that_asks(self) -> Any:
        return LangGraphAgent(self.graph(), instructions=True)

    def own_graph_with_memory_that_asks(self) -> Any:
        return LangGraphAgent(self.graph(InMemorySaver()), instructions=True)

    def own_graph_with_a_map(self) -> Any:
        return LangGraphAgent(self.graph(), instructions=True, input=lambda said: {"messages": said[-1:]})

    def built(self) -> Any:
        return LangGraphAgent(lambda tools: self.graph())

    def built_without(self) -> Any:
        return LangGraphAgent(lambda tools: self.graph(), instructions=False)

    def built_with_it(self) -> Any:
        def build(tools: Any, instructions: Any) -> Any:
            self.given.append(str(instructions))
            return self.graph()

        return LangGraphAgent(build)


def recorded(trajectory: Trajectory) -> list[tuple[str, str]]:
    return [(message.role, message.text) for _, message in trajectory.of(Message)]


GETS_IT = {
    "text": False,
    "messages": False,
    "session": True,
    "session_that_does_not_read_it": False,
    "chat": True,
    "own_graph": False,
    "own_graph_that_asks": True,
    "own_graph_with_memory_that_asks": True,
    "built": True,
    "built_without": False,
    "built_with_it": True,
}


@pytest.mark.parametrize("kind", GETS_IT)
async def test_the_policy_is_recorded_where_it_was_handed_over_and_only_there(lab: Any, kind: str) -> None:
    seen = Seen()
    model = ScriptedModel(["done", "done"])
    result, trajectory = await lab.trial(
        getattr(seen, kind)(),
        user={"says": "hi", "then": ["more"]},
        world=lab.world(),
        instructions=POLICY,
        model=model,
    )
    assert (result.trial.status, result.trial.error) == ("completed", None)
    given = seen.policy or any(POLICY in message.text for request in model.asked for message in request.messages)
    assert given == GETS_IT[kind]
    told = [("system", POLICY)] if given else []
    assert recorded(trajectory) == [
        *told,
        ("user", "hi"),
        ("assistant", "done"),
        ("user", "more"),
        ("assistant", "done"),
    ]


async def test_a_graph_is_told_once_however_it_remembers(lab: Any) -> None:
    for kind in ("own_graph_that_asks", "own_graph_with_memory_that_asks", "built"):
        seen = Seen()
        user = {"says": "hi", "then": ["more"]}
        await lab.trial(getattr(seen, kind)(), user=user, world=lab.world(), instructions=POLICY)
        assert seen.given == [
            f"system: {POLICY} / human: hi",
            f"system: {POLICY} / human: hi / ai: done / human: more",
        ]


async def test_an_input_map_gets_the_policy_among_the_messages(lab: Any) -> None:
    seen = Seen()
    _, trajectory = await lab.trial(seen.own_graph_with_a_map(), task="hi", instructions=POLICY)
    assert seen.given == ["human: hi"]
    assert recorded(trajectory)[0] == ("system", POLICY)  # it was handed to the map, which is the agent's own


async def test_what_is_read_in_a_later_turn_is_recorded_there(lab: Any) -> None:
    _, trajectory = await lab.trial(
        Seen().session_that_reads_it_later(), user={"says": "hi", "then": ["more"]}, instructions=POLICY
    )
    assert [role for role, _ in recorded(trajectory)] == ["user", "assistant", "system", "user", "assistant"]


async def test_a_graph_that_is_built_once_is_handed_the_policy_in_every_trial(lab: Any) -> None:
    agent = Seen().built_with_it()
    for _ in range(2):
        _, trajectory = await lab.trial(agent, task="hi", world=lab.world(), instructions=POLICY)
        assert recorded(trajectory)[0] == ("system", POLICY)


async def test_no_policy_is_no_message(lab: Any) -> None:
    for kind in GETS_IT:
        seen = Seen()
        user = {"says": "hi", "then": ["more"]}
        _, trajectory = await lab.trial(
            getattr(seen, kind)(), user=user, world=lab.world(), model=ScriptedModel(["a", "b"])
        )
        assert "system" not in [role for role, _ in recorded(trajectory)]
