"""Graphs of many shapes, in both ways: what was recorded is what the tools and the models wrote down themselves."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import StructuredTool, tool
from langgraph.cache.memory import InMemoryCache
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, ToolNode
from langgraph.types import CachePolicy

from agenteval.agents.langchain_records import CallbackRecorder
from agenteval.agents.langgraph import LangGraphAgent
from agenteval.checkers import parse as parse_checks
from agenteval.core.message import Message
from agenteval.core.scenario import Limits
from agenteval.core.trajectory import Handoff, Interrupt, ModelCall, ToolCall, Trajectory
from agenteval.errors import AgentError
from agenteval.evaluation.evaluate import evaluate


def spoken(trajectory: Trajectory) -> list[tuple[str, str]]:
    """What was said between the agent and the user, sub-agents left out."""
    top = {run.id for run in trajectory.runs if run.parent is None}
    return [(said.role, said.text) for step, said in trajectory.of(Message) if step.run in top]


def path_of(trajectory: Trajectory, run_id: str | None) -> str:
    """The agents from the outermost to the one of that id."""
    runs = {run.id: run for run in trajectory.runs}
    names: list[str] = []
    while run_id is not None:
        names.append(runs[run_id].name)
        run_id = runs[run_id].parent
    return "/".join(reversed(names))


def calls_of(trajectory: Trajectory) -> list[tuple[str, str, str | None, str | None]]:
    """Each call: the agents it stands beneath, its name, its call id, and the agents of the model call that asked."""
    step_of = {step.id: step for step in trajectory.steps}
    found: list[tuple[str, str, str | None, str | None]] = []
    for step, call in trajectory.of(ToolCall):
        asker = None if call.requested_by is None else path_of(trajectory, step_of[call.requested_by].run)
        found.append((path_of(trajectory, step.run), call.name, call.call_id, asker))
    return found


def in_order(calls: list[Any], way: str) -> list[Any]:
    """The calls, where `fetch` and `price` were asked for at once in that order.

    A world's calls begin in the order in which they were asked for. A graph's own sync tools run in threads, and either
    may begin first.
    """
    if way == "world":
        return calls
    settled = list(calls)
    for at in range(len(settled) - 1):
        if (settled[at][1], settled[at + 1][1]) == ("price", "fetch") and settled[at][2][1:] == settled[at + 1][2][1:]:
            settled[at], settled[at + 1] = settled[at + 1], settled[at]
    return settled


async def test_every_call_is_recorded_once_as_the_tools_and_models_saw_it(lab: Any, shape: Any, way: str) -> None:
    result, trajectory = await lab.run(shape, way)
    assert (result.trial.status, result.trial.error) == ("completed", None)
    assert lab.calls
    lab.assert_recorded(trajectory, ordered=shape.ordered)


async def test_a_world_answers_state_and_a_graph_with_its_own_tools_leaves_it_unknown(
    lab: Any, shape: Any, way: str
) -> None:
    checks = parse_checks([{"state": {"shelf": "full"}}, {"never": "fetch", "before": "climb"}])
    result, trajectory = await lab.run(shape, way, checks=checks)
    assert result.trial.status == "completed"
    findings = evaluate(trajectory, checks)
    assert findings[0].verdict == ("unknown" if way == "own" else "pass")


# --- shape by shape: what is known of it beforehand, written down by hand


async def test_prebuilt(lab: Any, shapes: Mapping[str, Any], way: str) -> None:
    _, trajectory = await lab.run(shapes["prebuilt"], way)
    assert in_order(calls_of(trajectory), way) == [
        ("graph", name, call_id, "graph")
        for name, call_id in (("fetch", "f2"), ("price", "p2"), ("fetch", "f7"), ("price", "p7"))
    ]
    errors = {(call.name, call.call_id): call.error for _, call in trajectory.of(ToolCall) if call.error}
    assert errors == {("fetch", "f7"): "there is no nothing"}
    assert [role for role, _ in spoken(trajectory)] == ["user", "assistant", "user", "assistant"]
    assert [len(call.messages) for _, call in trajectory.of(ModelCall)] == [2, 5, 7, 10]


async def test_custom_state(lab: Any, shapes: Mapping[str, Any], way: str) -> None:
    _, trajectory = await lab.run(shapes["custom_state"], way)
    assert [called.plain[:3] for called in lab.calls] == [
        ("fetch", {"name": "cup"}, {"fetched": "cup"}),
        ("fetch", {"name": "saucer"}, {"fetched": "saucer"}),
        ("price", {"name": "cup", "currency": "USD"}, {"name": "cup", "costs": [3, "USD"]}),
        ("price", {"name": "saucer", "currency": "USD"}, {"name": "saucer", "costs": [6, "USD"]}),
        ("fetch", {"name": "jug"}, {"fetched": "jug"}),
        ("price", {"name": "jug", "currency": "USD"}, {"name": "jug", "costs": [3, "USD"]}),
    ]
    assert spoken(trajectory) == [
        ("user", "cup and saucer"),
        ("assistant", "that makes 9"),
        ("user", "jug"),
        ("assistant", "that makes 3"),
    ]


async def test_nested(lab: Any, shapes: Mapping[str, Any], way: str) -> None:
    _, trajectory = await lab.run(shapes["nested"], way)
    deep = "graph/shopper/fetcher"
    turn = [(deep, "fetch", deep), (deep, "price", deep), ("graph", "pay", None)]
    assert [(path, name, asker) for path, name, _, asker in in_order(calls_of(trajectory), way)] == [*turn, *turn]
    assert {path_of(trajectory, step.run) for step, _ in trajectory.of(ModelCall)} == {deep}
    assert [run.name for run in trajectory.runs] == ["graph", "shopper", "fetcher"] * 2


async def test_parallel(lab: Any, shapes: Mapping[str, Any], way: str) -> None:
    _, trajectory = await lab.run(shapes["parallel"], way)
    workers = [run for run in trajectory.runs if run.name == "worker"]
    assert len({run.id for run in workers}) == 3
    for run in workers:  # each branch made up the call id "call_1"; each call is its own branch's
        inside = [(step, step.content) for step in trajectory.steps if step.run == run.id]
        (first, asked), (_, call), (_, said), _ = inside
        assert isinstance(asked, ModelCall)
        assert isinstance(call, ToolCall)
        assert isinstance(said, ModelCall)
        assert (call.call_id, call.requested_by) == ("call_1", first.id)
        assert asked.requests[0].arguments == call.arguments
        assert call.arguments["name"] in said.output[0].text
    assert sorted(call.arguments["name"] for _, call in trajectory.of(ToolCall) if call.name == "price") == [
        "cup",
        "jug",
        "pot",
    ]
    # two tool nodes in one superstep, after every worker
    assert [row[:3] for row in calls_of(trajectory)[3:]] == [("graph", "fetch", "left-1"), ("graph", "pay", "right-1")]


async def test_interrupting(lab: Any, shapes: Mapping[str, Any], way: str) -> None:
    _, trajectory = await lab.run(shapes["interrupting"], way)
    assert [(stop.value, stop.answer) for _, stop in trajectory.of(Interrupt)] == [
        ("What is your name?", "My name is Ada."),
        ({"question": "What amount do you want to pay?", "most": 9}, "My amount is 7."),
        ({"action": "pay", "to": "ada"}, True),
        ({"action": "pay", "to": "bob"}, False),
    ]
    assert spoken(trajectory) == [
        ("user", "pay them"),
        ("assistant", "What is your name?"),
        ("user", "My name is Ada."),
        ("assistant", "What amount do you want to pay?"),
        ("user", "My amount is 7."),
        ("assistant", '{"action": "pay", "to": "ada"}'),
        ("user", "Yes."),
        ("assistant", '{"action": "pay", "to": "bob"}'),
        ("user", "No."),
        ("assistant", "My name is Ada./My amount is 7., not bob, paid 3 to ada"),
    ]
    assert [called.plain[:2] for called in lab.calls] == [("pay", {"amount": 3, "to": "ada"})]


async def test_team(lab: Any, shapes: Mapping[str, Any], way: str) -> None:
    _, trajectory = await lab.run(shapes["team"], way)
    chief, buyer, teller = "graph/chief", "graph/buyer", "graph/buyer/teller"
    assert calls_of(trajectory) == [
        (chief, "to_buyer", "over-buyer", chief),
        (buyer, "ask_teller", "b1", buyer),
        (teller, "price", "t1", teller),
        (buyer, "pay", "b2", buyer),
        (chief, "to_teller", "over-teller", chief),
        ("graph/teller", "price", "t1", "graph/teller"),
    ]
    assert [target.target for _, target in trajectory.of(Handoff)] == ["buyer", "teller"]
    by_id = {step.id: step for step in trajectory.steps}
    started = [by_id[run.started_by].content for run in trajectory.runs if run.started_by]
    assert [content.name for content in started if isinstance(content, ToolCall)] == ["ask_teller"]
    models = [(path_of(trajectory, step.run), call.model) for step, call in trajectory.of(ModelCall)]
    assert all(path.rpartition("/")[2] == (model or "").removesuffix("-model") for path, model in models)


# --- what a graph's author may do


def once(work: Any, **options: Any) -> Any:
    """A graph of one node."""
    graph = StateGraph(MessagesState)
    graph.add_node("work", work, **options)
    graph.add_edge(START, "work")
    graph.add_edge("work", END)
    return graph


async def test_a_model_that_a_node_gives_callbacks_of_its_own_is_recorded_all_the_same(lab: Any) -> None:
    model = lab.model(lambda messages: AIMessage("hello"))

    async def hidden(state: MessagesState) -> dict[str, Any]:
        said = await model.ainvoke(state["messages"], {"callbacks": []})
        again = model.invoke([HumanMessage("again")], {"callbacks": [], "tags": ["mine"]})
        return {"messages": [said, again]}

    result, trajectory = await lab.trial(LangGraphAgent(once(hidden).compile()), task="hi")
    assert result.trial.status == "completed"
    lab.assert_recorded(trajectory)
    assert len(trajectory.of(ModelCall)) == 2


async def test_a_tool_that_wraps_the_worlds_tool_of_the_same_name_is_one_call(lab: Any) -> None:
    def build(tools: list[Any]) -> Any:
        world_fetch = next(tool for tool in tools if tool.name == "fetch")

        async def wrapped(name: str) -> Any:
            """Fetch a thing, politely."""
            return await world_fetch.ainvoke({"name": name})

        polite = StructuredTool.from_function(coroutine=wrapped, name="fetch")
        node = ToolNode([polite])

        async def act(state: MessagesState) -> dict[str, Any]:
            call = {"name": "fetch", "args": {"name": "cup"}, "id": "w1", "type": "tool_call"}
            done = await node.ainvoke({"messages": [AIMessage("", tool_calls=[call])]})
            return {"messages": [AIMessage(done["messages"][0].text)]}

        return once(act).compile()

    result, trajectory = await lab.trial(LangGraphAgent(build), task="cup", world=lab.world(), limits=Limits(calls=1))
    assert (result.trial.status, result.trial.error) == ("completed", None)
    assert [(call.name, call.call_id, call.result) for _, call in trajectory.of(ToolCall)] == [
        ("fetch", "w1", {"fetched": "cup"})
    ]
    lab.assert_recorded(trajectory)


async def test_what_a_graph_injects_into_a_tool_is_no_argument_of_the_call(lab: Any) -> None:
    @tool
    def look(name: str, state: Annotated[dict[str, Any], InjectedState]) -> str:
        """Look for a thing."""
        lab.note("look", {"name": name}, f"{name} of {len(state['messages'])}")
        return f"{name} of {len(state['messages'])}"

    graph = StateGraph(MessagesState)
    call = {"name": "look", "args": {"name": "cup"}, "id": "1", "type": "tool_call"}
    graph.add_node("ask", lambda state: {"messages": [AIMessage("", tool_calls=[call])]})
    graph.add_node("tools", ToolNode([look]))
    graph.add_node("say", lambda state: {"messages": [AIMessage("done")]})
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "tools")
    graph.add_edge("tools", "say")
    result, trajectory = await lab.trial(LangGraphAgent(graph.compile()), task="hi")
    assert result.trial.status == "completed", result.trial.error
    lab.assert_recorded(trajectory)


async def test_a_call_id_that_langchain_tells_only_at_the_end_is_recorded(lab: Any) -> None:
    async def act(state: MessagesState) -> dict[str, Any]:
        manager = ensure_config().get("callbacks")
        [recorder] = [one for one in manager.handlers if isinstance(one, CallbackRecorder)]
        for number, status in enumerate(("success", "error")):
            run_id = uuid.uuid4()
            recorder.on_tool_start({"name": "look"}, "", run_id=run_id, inputs={"n": number})
            recorder.on_tool_end(ToolMessage("seen", tool_call_id=f"call-{number}", status=status), run_id=run_id)
        return {"messages": [AIMessage("done")]}

    _, trajectory = await lab.trial(LangGraphAgent(once(act).compile()), task="hi")
    assert [(call.arguments, call.call_id, call.status) for _, call in trajectory.of(ToolCall)] == [
        ({"n": 0}, "call-0", "ok"),
        ({"n": 1}, "call-1", "error"),
    ]


async def test_a_call_that_does_not_fit_is_recorded_as_failed_though_the_tool_never_ran(lab: Any) -> None:
    @tool
    def look(number: int) -> str:
        """Look."""
        return str(lab.note("look", {"number": number}))

    call = {"name": "look", "args": {"number": "many"}, "id": "1", "type": "tool_call"}
    node = ToolNode([look])

    async def act(state: MessagesState) -> dict[str, Any]:
        done = await node.ainvoke({"messages": [AIMessage("", tool_calls=[call])]})
        return {"messages": [AIMessage(done["messages"][0].text)]}

    result, trajectory = await lab.trial(LangGraphAgent(once(act).compile()), task="hi")
    assert result.trial.status == "completed"
    [(_, recorded)] = trajectory.of(ToolCall)
    assert (recorded.name, recorded.arguments, recorded.status) == ("look", {"number": "many"}, "error")
    assert lab.calls == []


async def test_a_node_that_another_trial_has_run_is_run_again_although_it_is_cached(lab: Any) -> None:
    fetch = lab.tools()[0]

    async def act(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage((await fetch.ainvoke({"name": "cup"}))["fetched"])]}

    same = CachePolicy(key_func=lambda *given: "same")
    inner = once(act, cache_policy=same).compile(cache=InMemoryCache())
    outer = StateGraph(MessagesState)
    outer.add_node("inner", inner)
    outer.add_edge(START, "inner")
    for graph in (inner, outer.compile()):
        lab.calls.clear()
        for _ in range(2):
            result, trajectory = await lab.trial(LangGraphAgent(graph), task="cup")
            assert result.trial.status == "completed", result.trial.error
            assert len(trajectory.of(ToolCall)) == 1
        assert len(lab.calls) == 2


async def test_invoke_in_async_code_and_a_call_from_a_strange_thread_are_refused_by_name(lab: Any) -> None:
    import threading

    def in_the_loop(tools: list[Any]) -> Any:
        async def act(state: MessagesState) -> dict[str, Any]:
            return {"messages": [AIMessage(str(tools[0].invoke({"name": "cup"})))]}

        return once(act).compile()

    def in_a_thread(tools: list[Any]) -> Any:
        def act(state: MessagesState) -> dict[str, Any]:
            raised: list[BaseException] = []

            def work() -> None:
                try:
                    tools[0].invoke({"name": "cup"})
                except AgentError as error:
                    raised.append(error)

            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            raise raised[0]

        return once(act).compile()

    for build, said in ((in_the_loop, "await tool.ainvoke"), (in_a_thread, "contextvars.copy_context")):
        result, _ = await lab.trial(LangGraphAgent(build), task="hi", world=lab.world())
        assert (result.trial.status, result.trial.fault_of) == ("agent_error", "agent")
        assert said in (result.trial.error or "")
        assert '"fetch"' in (result.trial.error or "")


async def test_a_limit_of_calls_counts_what_is_a_step(lab: Any, shapes: Mapping[str, Any], way: str) -> None:
    result, trajectory = await lab.run(shapes["team"], way, limits=Limits(calls=3))
    assert (result.trial.status, len(trajectory.of(ToolCall))) == ("limit", 3)
