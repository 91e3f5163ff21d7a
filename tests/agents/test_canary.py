"""What is for people and judges alone never reaches an agent, whatever the agent is and wherever it looks.

A canary stands in the scenario's intent, in the ids and arguments of its checks, in its solution, and in what the user
knows. A user behind a model has the intent, too. Each adapter runs an agent that searches all that it was handed, from
within: what it was called with and everything reachable from there (attributes, slots, containers, closures, defaults,
suspended coroutines), its context variables, its own coroutine's frames, the environment, and what its model is asked.
Not searched: modules, classes and globals, which are the same for every trial, and the event loop with its tasks, which
is Python's own and holds the harness that awaits the agent.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import os
import types
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_config
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import get_runtime

import agenteval
from agenteval.agents.chat import ChatAgent
from agenteval.agents.function import FunctionAgent
from agenteval.agents.langgraph import LangGraphAgent
from agenteval.checkers import parse as parse_checks
from agenteval.core.message import Message, ToolRequest
from agenteval.core.model import Completion, ModelRequest
from agenteval.intake.catalogue import code_loader
from agenteval.models import ScriptedModel

_SHARED = (types.ModuleType, type, asyncio.AbstractEventLoop, asyncio.Future, types.FrameType)
_MOST = 500_000  # objects looked at; a search that ends earlier has seen everything


class Search:
    """Looks for a text in all that can be reached from some objects, and tells by which way."""

    def __init__(self, canary: str) -> None:
        self._canary = canary
        self.searches = 0
        self.seen = 0
        self.found: list[str] = []

    def __call__(self, *roots: object) -> None:
        """Search these, and what an agent has besides: context variables, the environment, its own coroutine."""
        self.searches += 1
        context = contextvars.copy_context()
        named: dict[str, object] = {f"argument {number}": root for number, root in enumerate(roots)}
        named |= {f"context variable {variable.name}": value for variable, value in context.items()}
        named["environment"] = dict(os.environ)
        task = asyncio.current_task() if _in_a_loop() else None
        if task is not None:
            named["own coroutine"] = task.get_coro()
        self._walk(named)

    def _walk(self, named: Mapping[str, object]) -> None:
        waiting: list[tuple[str, object]] = list(named.items())
        known: dict[int, object] = {id(self): self, id(self.found): self.found, id(self._canary): self._canary}
        while waiting:
            way, value = waiting.pop()
            if id(value) in known or isinstance(value, _SHARED):
                continue
            known[id(value)] = value  # kept, so that its id stays its own
            assert len(known) < _MOST, f"too much to search; the last way was {way}"
            if isinstance(value, (str, bytes)):
                text = value if isinstance(value, str) else value.decode("utf-8", "replace")
                if self._canary in text:
                    self.found.append(way)
                continue
            waiting.extend((f"{way}.{name}"[:600], inner) for name, inner in _inside(value))
        self.seen += len(known)


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _inside(value: object) -> Iterator[tuple[str, object]]:
    """What an object holds itself, by name where it has one."""
    if isinstance(value, Mapping):
        for key, item in list(value.items()):
            yield "key", key
            yield str(key)[:60], item
    if isinstance(value, types.FunctionType):
        for cell in value.__closure__ or ():
            yield from _cell(cell)
        yield "defaults", value.__defaults__
        yield "keyword defaults", value.__kwdefaults__
        yield "attributes", value.__dict__
        return
    if inspect.iscoroutine(value) and value.cr_frame is not None:
        for name, item in value.cr_frame.f_locals.items():
            yield f"local {name}", item
        yield "awaits", value.cr_await
        return
    attributes = getattr(value, "__dict__", None)
    if isinstance(attributes, dict):
        yield from attributes.items()
    for number, item in enumerate(gc.get_referents(value)):
        if item is not attributes:
            yield f"({type(value).__name__} {number})", item


def _cell(cell: Any) -> Iterator[tuple[str, object]]:
    try:
        yield "closure", cell.cell_contents
    except ValueError:  # not filled yet
        return


# --- agents that search


class Spying(ScriptedModel):
    """A model that searches each request, too."""

    def __init__(self, search: Search, answers: Any) -> None:
        super().__init__(answers)
        self._search = search

    async def complete(self, request: ModelRequest) -> Completion:
        self._search(request)
        return await super().complete(request)


def text_agent(search: Search) -> Any:
    def agent(text: str) -> str:
        search(text)
        return "done"

    return FunctionAgent(agent)


def messages_agent(search: Search) -> Any:
    async def agent(messages: list[Any]) -> str:
        search(messages)
        return "done"

    return FunctionAgent(agent)


def session_agent(search: Search) -> Any:
    async def agent(session: Any) -> None:
        search(session)
        await session.call("fetch", {"name": "cup"})
        await session.ask("May I?")
        search(session, session.instructions, session.tools, session.recorder)
        while await session.say("done"):
            search(session)

    return FunctionAgent(agent)


class Classy:
    """An agent that is an object."""

    def __init__(self, search: Search) -> None:
        self._search = search

    async def run(self, session: Any) -> None:
        self._search(session, {name: getattr(session, name) for name in dir(session) if not name.startswith("__")})
        await asyncio.create_task(self._later(session))

    async def _later(self, session: Any) -> None:
        self._search(session)
        await session.say("done")


def chat_agent(search: Search) -> Any:
    class Watched(ChatAgent):
        def request(self, session: Any, messages: Any) -> ModelRequest:
            search(session, messages)
            return super().request(session, messages)

    return Watched()


def looking(search: Search, tools: Sequence[Any]) -> Any:
    def spy(state: MessagesState) -> dict[str, Any]:
        search(state, get_config(), get_runtime(), list(tools), [tool.args_schema for tool in tools])
        return {"messages": [AIMessage("done")]}

    graph = StateGraph(MessagesState)
    graph.add_node("spy", spy)
    graph.add_edge(START, "spy")
    return graph.compile(checkpointer=InMemorySaver())


def own_graph(search: Search) -> Any:
    return LangGraphAgent(looking(search, ()), instructions=True)


def built_graph(search: Search) -> Any:
    def build(tools: list[Any], instructions: str) -> Any:
        search(tools, instructions)
        return looking(search, tools)

    return LangGraphAgent(build)


AGENTS = {
    "text": text_agent,
    "messages": messages_agent,
    "session": session_agent,
    "class": Classy,
    "chat": chat_agent,
    "own graph": own_graph,
    "built graph": built_graph,
}


def hidden(canary: str) -> dict[str, Any]:
    """What an agent must not see, each with the canary in it."""
    return {
        "intent": f"What is really wanted is {canary}.",
        "checks": parse_checks(
            [
                {"calls": [{"fetch": {"name": canary}}], "id": f"fetches-{canary}"},
                {"says": f"the amount is {canary}"},
                {"never": "pay", "before": "fetch", "why": canary},
            ]
        ),
    }


def assert_unseen(search: Search) -> None:
    assert search.searches
    assert search.seen > 50 * search.searches  # it looked into something
    assert search.found == []


def model_of(search: Search) -> Spying:
    wish = ToolRequest(name="fetch", arguments={"name": "cup"}, id="1")
    return Spying(search, [Message(role="assistant", parts=(wish,)), "done", "done"])


@pytest.mark.parametrize("persona", [None, "Ada Marsh, in a hurry"], ids=["rules", "model"])
@pytest.mark.parametrize("kind", AGENTS)
async def test_no_adapter_hands_an_agent_what_is_not_for_it(lab: Any, kind: str, persona: str | None) -> None:
    canary = f"canary-{uuid.uuid4().hex}"
    search = Search(canary)
    user = {"says": "cup", "knows": {"order": canary}, "then": ["thank you"], "approves": True}
    result, _ = await lab.trial(
        AGENTS[kind](search),
        user=user if persona is None else {"persona": persona, **user},
        world=lab.world(),
        instructions="Be kind.",
        model=model_of(search),
        user_model=ScriptedModel(["Thank you.", "[END]"]),
        **hidden(canary),
    )
    assert (result.trial.status, result.trial.error) == ("completed", None)
    assert_unseen(search)


async def test_no_shape_of_graph_sees_it_either(lab: Any, shape: Any, way: str) -> None:
    canary = f"canary-{uuid.uuid4().hex}"
    search = Search(canary)
    carry_out = lab.carry_out

    def watched(name: str, arguments: dict[str, Any]) -> Any:
        search(arguments)
        return carry_out(name, arguments)

    lab.carry_out = watched
    model = lab.model

    def watching(rule: Any, name: str = "scripted") -> Any:
        def seeing(messages: list[Any]) -> AIMessage:
            search(messages)
            return rule(messages)

        return model(seeing, name)

    lab.model = watching
    result, trajectory = await lab.run(shape, way, instructions="Be kind.", **hidden(canary))
    assert (result.trial.status, result.trial.error) == ("completed", None)
    lab.assert_recorded(trajectory, ordered=False)
    assert_unseen(search)


SUITE = {
    "suite.yaml": "suite: shelf\ndefaults:\n  world: ./world.py:Shelf\n  limits: {turns: 9}\n",
    "world.py": """\
from agenteval import StateWorld, tool


class Shelf(StateWorld):
    def __init__(self, seed: int) -> None:
        super().__init__({"fetched": []})

    @tool
    def fetch(self, name: str) -> str:
        \"\"\"Fetch a thing.\"\"\"
        self.data["fetched"].append(name)
        return name
""",
    "cup.yaml": """\
scenario: shelf/cup
intent: What is really wanted is CANARY.
user: {says: cup, knows: {order: CANARY}, approves: true}
checks:
  - {calls: [{fetch: {name: cup}}], id: fetches-CANARY}
  - {says: CANARY}
""",
    "solutions/cup.yaml": "solution: shelf/cup\nsteps:\n  - call: {fetch: {name: cup}}\n  - say: CANARY\n",
}


@pytest.mark.parametrize("kind", AGENTS)
def test_nor_does_a_suite_that_is_read_from_files(tmp_path: Path, kind: str) -> None:
    canary = f"canary-{uuid.uuid4().hex}"
    search = Search(canary)
    for name, text in SUITE.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.replace("CANARY", canary), encoding="utf-8")
    suite = agenteval.load_suite(tmp_path, code_loader(tmp_path))
    result = agenteval.run(suite, AGENTS[kind](search), model=model_of(search), retries=0)
    [(trial, score)] = result.outcomes
    assert (trial.status, trial.error) == ("completed", None)
    assert any(canary in finding.check for finding in score.findings)
    assert_unseen(search)


@pytest.mark.parametrize("way_in", ["attribute", "closure", "slot", "list", "bound method", "coroutine", "context"])
def test_the_search_finds_what_is_there(way_in: str) -> None:
    class Slotted:
        __slots__ = ("kept",)

        def __init__(self, kept: str) -> None:
            self.kept = kept

        def method(self) -> str:
            return self.kept

    class Plain:
        def __init__(self, kept: str) -> None:
            self._kept = {"deep": [(kept,)]}

    async def waits(kept: str) -> str:
        return kept

    canary = f"canary-{uuid.uuid4().hex}"
    search = Search(canary)
    text = f"a {canary} b"
    coroutine = waits(text)
    ways: dict[str, Any] = {
        "attribute": Plain(text),
        "closure": lambda: text,
        "slot": Slotted(text),
        "list": [{"a": {1: {text}}}],
        "bound method": Slotted(text).method,
        "coroutine": coroutine,
        "context": None,
    }
    if way_in == "context":
        variable = contextvars.ContextVar[Any]("test_canary")
        context = contextvars.copy_context()
        context.run(variable.set, Plain(text))
        context.run(search)
    else:
        search(ways[way_in])
    coroutine.close()
    assert len(search.found) == 1
