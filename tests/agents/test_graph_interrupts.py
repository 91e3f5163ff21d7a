"""What a graph stops at is asked of the user, recorded, and resumed with the answer; by nobody is the scenario's fault."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt
from typing_extensions import TypedDict

from agenteval.agents.langgraph import LangGraphAgent
from agenteval.core.message import Message
from agenteval.core.scenario import Limits, UserRef
from agenteval.core.trajectory import Interrupt, ToolCall, Trajectory

APPROVES = {"says": "go", "approves": True}


def asking(*values: Any, checkpointer: Any = True, **options: Any) -> Any:
    """A graph that stops at each value in turn, and says what it was given."""

    def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage(repr([interrupt(value, **options) for value in values]))]}

    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    return graph.compile(checkpointer=InMemorySaver() if checkpointer else None)


def said(trajectory: Trajectory) -> list[tuple[str, str]]:
    return [(message.role, message.text) for _, message in trajectory.of(Message)]


def stops(trajectory: Trajectory) -> list[tuple[Any, Any]]:
    return [(stop.value, stop.answer) for _, stop in trajectory.of(Interrupt)]


def fault(result: Any) -> tuple[str, str | None]:
    return result.trial.status, result.trial.fault_of


class Speaks:
    """A user in code, which can only reply."""

    def __init__(self, *lines: Any) -> None:
        self.lines = list(lines)
        self.heard: list[Sequence[Message]] = []

    async def reply(self, messages: Sequence[Message]) -> Any:
        self.heard.append(messages)
        line = self.lines.pop(0) if self.lines else None
        if isinstance(line, Exception):
            raise line
        return line


class Answers(Speaks):
    """A user in code, which can also answer."""

    async def answer(self, messages: Sequence[Message]) -> Any:
        return await self.reply(messages)


def user_of(made: Any) -> UserRef:
    return UserRef(spec={"says": "go"}, opening="go", make=lambda seed: made)


@pytest.mark.parametrize(
    ("user", "task", "remedy"),
    [
        (None, "go", "the scenario has no user; give it one with `approves: true` or `approves: false`"),
        ({"says": "go"}, None, "give the scenario's user `approves: true` or `approves: false`, or one more line"),
        (user_of(Answers(None)), None, "give the scenario's user"),
    ],
)
async def test_what_nobody_answers_is_the_scenarios_fault(lab: Any, user: Any, task: str | None, remedy: str) -> None:
    result, trajectory = await lab.trial(LangGraphAgent(asking("May I?")), user=user, task=task)
    assert fault(result) == ("invalid", "scenario")
    assert 'the agent stopped to ask "May I?", and nobody answers' in (result.trial.error or "")
    assert remedy in (result.trial.error or "")
    assert said(trajectory) == [("user", "go"), ("assistant", "May I?")]
    assert trajectory.integrity.complete


@pytest.mark.parametrize(
    ("user", "answers"),
    [
        ({"says": "go", "approves": True}, [True, True, True]),
        ({"says": "go", "approves": [False, True]}, [False, True, True]),
        ({"says": "go", "then": ["first", "second", "third"]}, ["first", "second", "third"]),
        ({"says": "go", "knows": {}, "confirms": [False, True]}, [False, True, True]),
        ({"says": "go", "knows": {"colour": "red"}, "approves": [False, True]}, [False, True, True]),
        (user_of(Speaks("a", "", "c")), ["a", "", "c"]),
        (user_of(Answers(False, "b", True)), [False, "b", True]),
    ],
)
async def test_each_kind_of_user_answers_in_its_way(lab: Any, user: Any, answers: list[Any]) -> None:
    result, trajectory = await lab.trial(LangGraphAgent(asking("Go on?", "Really?", "Sure?")), user=user)
    assert (result.trial.status, result.trial.error) == ("completed", None)
    assert stops(trajectory) == list(zip(("Go on?", "Really?", "Sure?"), answers, strict=True))
    words = [answer if isinstance(answer, str) else "Yes." if answer else "No." for answer in answers]
    assert said(trajectory)[1:7] == [
        pair
        for question, word in zip(("Go on?", "Really?", "Sure?"), words, strict=True)
        for pair in (("assistant", question), ("user", word))
    ]
    assert repr(answers) in [text for role, text in said(trajectory) if role == "assistant"]


async def test_a_user_hears_the_question_and_what_was_said_before(lab: Any) -> None:
    user = Answers(True)
    await lab.trial(LangGraphAgent(asking({"question": "May I?", "most": 3})), user=user_of(user))
    heard = [(message.role, message.text) for message in user.heard[0]]
    assert heard == [("user", "go"), ("assistant", "May I?")]


@pytest.mark.parametrize(
    ("line", "error"),
    [(KeyError("lost"), "KeyError"), (7, "a user must answer with true, false, text or None, not int")],
)
async def test_a_user_that_breaks_at_a_question_is_the_users_fault(lab: Any, line: Any, error: str) -> None:
    result, _ = await lab.trial(LangGraphAgent(asking("May I?")), user=user_of(Answers(line)))
    assert fault(result) == ("invalid", "user")
    assert error in (result.trial.error or "")


async def test_a_graph_that_cannot_go_on_names_the_remedy(lab: Any) -> None:
    result, _ = await lab.trial(LangGraphAgent(asking("May I?", checkpointer=False)), user=APPROVES)
    assert fault(result) == ("invalid", "harness")
    assert "has no checkpointer, so that it cannot go on: compile it with one" in (result.trial.error or "")


async def test_questions_without_end_are_bounded_by_turns(lab: Any) -> None:
    def ask(state: MessagesState) -> dict[str, Any]:
        while interrupt("Again?"):
            pass
        return {"messages": [AIMessage("done")]}

    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    agent = LangGraphAgent(graph.compile(checkpointer=InMemorySaver()))
    result, trajectory = await lab.trial(agent, user=APPROVES, limits=Limits(turns=4))
    assert (result.trial.status, len(stops(trajectory))) == ("limit", 4)


# --- in tools


async def test_a_call_that_waited_for_an_answer_is_one_call_and_comes_after_it(lab: Any) -> None:
    ran: list[str] = []

    @tool
    def pay(amount: int) -> str:
        """Pay."""
        ran.append("began")
        if not interrupt({"question": f"Pay {amount}?"}):
            return "not paid"
        lab.note("pay", {"amount": amount}, "paid")
        return "paid"

    @tool
    def look(name: str) -> str:
        """Look."""
        return lab.note("look", {"name": name}, "seen").result

    calls = [
        {"name": "pay", "args": {"amount": 5}, "id": "p", "type": "tool_call"},
        {"name": "look", "args": {"name": "cup"}, "id": "l", "type": "tool_call"},
    ]
    model = lab.model(lambda messages: AIMessage("done") if len(messages) > 2 else AIMessage("", tool_calls=calls))
    agent = LangGraphAgent(create_agent(model, tools=[pay, look], checkpointer=InMemorySaver()))
    result, trajectory = await lab.trial(agent, user=APPROVES, limits=Limits(calls=2))
    assert (result.trial.status, result.trial.error) == ("completed", None)
    assert ran == ["began", "began"]  # LangGraph calls the tool again when it goes on
    kinds = [step.content for step in trajectory.steps]
    order = [content.name if isinstance(content, ToolCall) else content.kind for content in kinds]
    assert order == ["message", "model_call", "look", "message", "interrupt", "message", "pay", "model_call", "message"]
    lab.calls.sort(key=lambda called: called.name)
    lab.assert_recorded(trajectory)
    [first] = [step for step, content in trajectory.of(ToolCall) if content.name == "pay"]
    assert first.content.requested_by == trajectory.steps[1].id


async def test_a_named_agent_inside_stops_and_goes_on(lab: Any) -> None:
    inner = StateGraph(MessagesState)
    inner.add_node("ask", lambda state: {"messages": [AIMessage(f"inner: {interrupt('May I?')}")]})
    inner.add_edge(START, "ask")
    outer = StateGraph(MessagesState)
    outer.add_node("helper", inner.compile(name="helper"))
    outer.add_edge(START, "helper")
    agent = LangGraphAgent(outer.compile(checkpointer=InMemorySaver()))
    result, trajectory = await lab.trial(agent, user={"says": "go", "approves": False})
    assert (result.trial.status, result.trial.error) == ("completed", None)
    assert said(trajectory)[-1] == ("assistant", "inner: False")
    assert [run.name for run in trajectory.runs] == ["graph", "helper", "graph", "helper"]


# --- LangChain's reviews of tool calls


def reviewed(lab: Any, tools: Any, mode: Any, allowed: list[Any], *names: str) -> Any:
    calls = [
        {"name": "pay", "args": {"amount": number, "to": name}, "id": f"p{number}", "type": "tool_call"}
        for number, name in enumerate(names, start=1)
    ]
    model = lab.model(
        lambda messages: (
            AIMessage("; ".join(message.text for message in messages if message.type == "tool"))
            if messages[-1].type == "tool"
            else AIMessage("", tool_calls=calls)
        )
    )
    watch = HumanInTheLoopMiddleware({"pay": {"allowed_decisions": allowed}}, interrupt_mode=mode)
    return create_agent(model, tools=tools, middleware=[watch], checkpointer=InMemorySaver())


@pytest.mark.parametrize("mode", ["batched", "per_call"])
async def test_each_call_under_review_is_decided_by_the_user(lab: Any, way: str, mode: str) -> None:
    def build(tools: list[Any]) -> Any:
        return reviewed(lab, tools, mode, ["approve", "reject"], "ada", "bob", "eve")

    agent = LangGraphAgent(build(lab.tools()) if way == "own" else build)
    user = {"says": "go", "approves": [True, False, True]}
    result, trajectory = await lab.trial(agent, user=user, world=lab.world())
    assert (result.trial.status, result.trial.error) == ("completed", None)
    assert sorted(called.arguments["to"] for called in lab.calls) == ["ada", "eve"]
    lab.assert_recorded(trajectory, ordered=False)
    assert [answer for _, answer in stops(trajectory)] == [True, False, True]
    assert [value["args"]["to"] for value, _ in stops(trajectory)] == ["ada", "bob", "eve"]
    assert "rejected" in said(trajectory)[-1][1]


async def test_words_are_a_decision_where_the_review_takes_words(lab: Any) -> None:
    graph = reviewed(lab, lab.tools(), "batched", ["respond"], "ada")
    result, trajectory = await lab.trial(LangGraphAgent(graph), user={"says": "go", "then": ["I paid her myself."]})
    assert (result.trial.status, result.trial.error) == ("completed", None)
    assert lab.calls == []
    assert said(trajectory)[-1] == ("assistant", "I paid her myself.")


async def test_a_decision_that_the_review_does_not_take_is_the_scenarios_fault(lab: Any) -> None:
    for mode, allowed, user, shown in (
        ("batched", ["approve"], {"says": "go", "approves": False}, "approve, and the scenario's user answered false"),
        ("batched", ["approve", "reject"], {"says": "go", "then": ["Well."]}, 'answered "Well."'),
        ("per_call", ["approve"], {"says": "go", "approves": False}, "does not take the answer"),
    ):
        graph = reviewed(lab, lab.tools(), mode, allowed, "ada")
        result, _ = await lab.trial(LangGraphAgent(graph), user=user)
        assert fault(result) == ("invalid", "scenario"), result.trial.error
        assert shown in (result.trial.error or "")
        assert "`resume=`" in (result.trial.error or "")


# --- what else a graph may want


class Choice(TypedDict):
    verdict: Literal["take", "leave"]


async def test_resume_turns_an_answer_into_what_the_graph_wants(lab: Any) -> None:
    seen: list[Any] = []

    def resume(value: Any, answer: Any) -> Any:
        seen.append((value, answer))
        return {"verdict": "take" if answer else "leave"}

    graph = asking({"offer": 5}, response_schema=Choice)
    result, trajectory = await lab.trial(LangGraphAgent(graph, resume=resume), user={"says": "go", "approves": False})
    assert (result.trial.status, result.trial.error) == ("completed", None)
    assert seen == [({"offer": 5}, False)]
    assert stops(trajectory) == [({"offer": 5}, False)]
    assert said(trajectory)[-1] == ("assistant", "[{'verdict': 'leave'}]")

    result, _ = await lab.trial(LangGraphAgent(graph), user=APPROVES)
    assert fault(result) == ("invalid", "scenario")
    assert "does not take the answer of the scenario's user" in (result.trial.error or "")

    result, _ = await lab.trial(LangGraphAgent(graph, resume=lambda value, answer: value["price"]), user=APPROVES)
    assert fault(result) == ("invalid", "harness")
    assert "`resume` of LangGraphAgent raised KeyError: 'price'" in (result.trial.error or "")


async def test_a_coroutine_asks_as_a_graph_does(lab: Any) -> None:
    async def agent(session: Any) -> None:
        approved = await session.ask("May I?", value={"pay": 5})
        await session.say(f"{approved}")

    from agenteval.agents.function import FunctionAgent

    result, trajectory = await lab.trial(FunctionAgent(agent), user={"says": "go", "approves": False})
    assert (result.trial.status, result.trial.error) == ("completed", None)
    assert stops(trajectory) == [({"pay": 5}, False)]
    assert said(trajectory) == [("user", "go"), ("assistant", "May I?"), ("user", "No."), ("assistant", "False")]

    async def swallows(session: Any) -> None:
        try:
            await session.ask("May I?")
        except Exception:  # noqa: BLE001 (an agent that catches everything is what is tested)
            await session.say("never mind")

    result, _ = await lab.trial(FunctionAgent(swallows), task="go")
    assert fault(result) == ("invalid", "scenario")


async def test_the_same_graph_answers_many_trials_at_once(lab: Any) -> None:
    agent = LangGraphAgent(asking("One?", "Two?"))
    users = [{"says": f"go {number}", "approves": [bool(number % 2), number > 3]} for number in range(8)]
    done = await asyncio.gather(*(lab.trial(agent, user=user) for user in users))
    for number, (result, trajectory) in enumerate(done):
        assert result.trial.status == "completed", result.trial.error
        assert said(trajectory)[-1] == ("assistant", repr([bool(number % 2), number > 3]))


async def test_tools_run_at_once_stop_each_for_itself(lab: Any) -> None:
    @tool
    def pay(to: str) -> str:
        """Pay."""
        approved = interrupt(f"Pay {to}?")
        return lab.note("pay", {"to": to}, f"{to}: {approved}").result

    node = ToolNode([pay])
    graph = StateGraph(MessagesState)
    names = ("ada", "bob")

    def half(name: str) -> Any:
        async def act(state: MessagesState) -> dict[str, Any]:
            call = {"name": "pay", "args": {"to": name}, "id": name, "type": "tool_call"}
            done: dict[str, Any] = await node.ainvoke({"messages": [AIMessage("", tool_calls=[call])]})
            return {"messages": [AIMessage(done["messages"][0].text, id=name)]}

        return act

    for name in names:
        graph.add_node(name, half(name))
        graph.add_edge(START, name)
    agent = LangGraphAgent(graph.compile(checkpointer=InMemorySaver()))
    result, trajectory = await lab.trial(agent, user={"says": "go", "approves": [True, False]})
    assert (result.trial.status, result.trial.error) == ("completed", None)
    answers = dict(stops(trajectory))
    assert sorted(answers) == ["Pay ada?", "Pay bob?"]
    assert {called.arguments["to"]: called.result for called in lab.calls} == {
        name: f"{name}: {answers[f'Pay {name}?']}" for name in names
    }
    lab.assert_recorded(trajectory, ordered=False)
