"""Tools and models that keep logs of their own, graphs of many shapes over them, and a place to run them in.

A shape is written once, as `make(lab, tools)`, and is run in both ways: compiled over tools of its own, and built over
a world's. What was recorded is then compared with what the tools and the models themselves wrote down.
"""

from __future__ import annotations

import json
import operator
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, Send, interrupt
from pydantic import ConfigDict
from typing_extensions import TypedDict

from agenteval.agents.langgraph import LangGraphAgent
from agenteval.core.message import Message
from agenteval.core.ports import Model
from agenteval.core.scenario import Limits, Scenario, UserRef, WorldRef
from agenteval.core.trajectory import ModelCall, OfferedTool, ToolCall, Trajectory
from agenteval.errors import ToolError
from agenteval.harness.limits import Budget
from agenteval.harness.trial import TrialPlan, TrialResult, run_trial
from agenteval.telemetry.assemble import trajectory_of
from agenteval.world.users import parse_user

# --- tools with a log of their own


def fetch(name: str) -> dict[str, Any]:
    """Fetch a thing from the shelf."""
    if name == "nothing":
        raise ToolException("there is no nothing")
    return {"fetched": name}


def price(name: str, currency: str = "EUR") -> dict[str, Any]:
    """Look up what a thing costs."""
    return {"name": name, "costs": [len(name), currency]}


def pay(amount: float, to: str) -> str:
    """Pay somebody."""
    return f"paid {amount:g} to {to}"


FUNCTIONS: Mapping[str, Callable[..., Any]] = {"fetch": fetch, "price": price, "pay": pay}


@dataclass
class Called:
    """A call as the tool itself saw it."""

    name: str
    arguments: dict[str, Any]
    result: Any = None
    error: str | None = None

    @property
    def plain(self) -> tuple[str, Any, Any, str | None]:
        return self.name, self.arguments, self.result, self.error


class Shelf:
    """The world: the same functions, and the same log, behind the harness's door."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def tools(self) -> Sequence[OfferedTool]:
        made = [StructuredTool.from_function(function) for function in FUNCTIONS.values()]
        return [
            OfferedTool(
                name=tool.name,
                description=tool.description,
                parameters=convert_to_openai_tool(tool)["function"]["parameters"],
            )
            for tool in made
        ]

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Any:
        try:
            return self._lab.carry_out(tool, dict(arguments))
        except ToolException as error:
            raise ToolError(str(error)) from error

    def changes(self) -> list[dict[str, Any]]:
        return []

    def state(self) -> Any:
        return {"shelf": "full"}

    def snapshot(self) -> object:
        return None

    def restore(self, snapshot: object) -> None:
        del snapshot


# --- models with a log of their own


@dataclass
class Asked:
    """A request as the model itself saw it."""

    messages: list[tuple[str, str]]
    answer: AIMessage
    tools: list[str]


class Scripted(BaseChatModel):
    """A chat model that follows a rule, and streams what it says word by word."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    rule: Callable[[list[BaseMessage]], AIMessage]
    write: Callable[[Asked], None]
    name_of_model: str = "scripted"

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.name_of_model}

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def _answer(self, messages: list[BaseMessage], tools: Sequence[Mapping[str, Any]]) -> AIMessage:
        answer = self.rule(messages)
        read = sum(len(message.text.split()) for message in messages)
        answer.usage_metadata = {"input_tokens": read, "output_tokens": 3, "total_tokens": read + 3}
        answer.response_metadata = {"model_name": self.name_of_model, "finish_reason": "stop"}
        names = [tool["function"]["name"] for tool in tools]
        self.write(Asked([(message.type, message.text) for message in messages], answer, names))
        return answer

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._answer(messages, kwargs.get("tools", ())))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        answer = self._answer(messages, kwargs.get("tools", ()))
        for word in answer.text.split():
            yield ChatGenerationChunk(message=AIMessageChunk(f"{word} "))
        yield ChatGenerationChunk(
            message=AIMessageChunk(
                "",
                usage_metadata=answer.usage_metadata,
                response_metadata=answer.response_metadata,
                tool_calls=answer.tool_calls,
            )
        )


def wishes(*calls: tuple[str, dict[str, Any], str], say: str = "") -> AIMessage:
    """An answer that asks for tools: name, arguments, call id."""
    made = [{"name": name, "args": args, "id": call_id, "type": "tool_call"} for name, args, call_id in calls]
    return AIMessage(say, tool_calls=made)


def last_of(messages: Sequence[BaseMessage]) -> tuple[str, str]:
    """What was said last, and the thing that the user last asked for."""
    heard = next(message.text for message in reversed(messages) if isinstance(message, HumanMessage))
    return messages[-1].text, heard


def news(messages: Sequence[BaseMessage]) -> list[ToolMessage]:
    """The tools' answers since somebody last spoke."""
    found: list[ToolMessage] = []
    for message in reversed(messages):
        if not isinstance(message, ToolMessage):
            break
        found.append(message)
    return list(reversed(found))


# --- the place to run them in

LIMITS = Limits(calls=60, turns=30)


@dataclass
class Lab:
    """One test's logs, tools and runs."""

    calls: list[Called] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    closing: list[Callable[[], Any]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def carry_out(self, name: str, arguments: dict[str, Any]) -> Any:
        """Run a tool, and write down what happened."""
        called = Called(name, arguments)
        with self._lock:
            self.calls.append(called)
        try:
            called.result = FUNCTIONS[name](**arguments)
        except ToolException as error:
            called.error = str(error)
            raise
        return called.result

    def note(self, name: str, arguments: dict[str, Any], result: Any = None) -> Called:
        """Write down a call of a tool that only one shape has."""
        self.calls.append(Called(name, arguments, result))
        return self.calls[-1]

    def tools(self) -> list[BaseTool]:
        """The tools as a graph's own."""

        def own(name: str) -> BaseTool:
            def work(**arguments: Any) -> Any:
                return self.carry_out(name, {key: value for key, value in arguments.items() if value is not None})

            schema = StructuredTool.from_function(FUNCTIONS[name]).tool_call_schema
            kept = schema.model_json_schema()
            return StructuredTool(
                name=name, description=kept["description"], args_schema=kept, func=work, handle_tool_error=True
            )

        return [own(name) for name in FUNCTIONS]

    def model(self, rule: Callable[[list[BaseMessage]], AIMessage], name: str = "scripted") -> Scripted:
        return Scripted(rule=rule, write=self.asked.append, name_of_model=name)

    def agent(self, shape: Shape, way: str) -> LangGraphAgent:
        """The shape as an agent: `own` keeps its tools, `world` is built on the world's."""
        if way == "own":
            return LangGraphAgent(shape.make(self, self.tools()), **shape.options)

        def build(tools: list[BaseTool]) -> Any:
            return shape.make(self, tools)

        return LangGraphAgent(build, **shape.options)

    def world(self) -> Shelf:
        return Shelf(self)

    async def trial(
        self,
        agent: Any,
        *,
        user: Any = None,
        task: str | None = None,
        world: Any = None,
        instructions: str | None = None,
        limits: Limits = LIMITS,
        intent: str | None = None,
        checks: Sequence[Any] = (),
        model: Model | None = None,
        user_model: Model | None = None,
        seed: int = 11,
    ) -> tuple[TrialResult, Trajectory]:
        """Run one trial, and give its trajectory."""
        parsed = user if user is None or isinstance(user, UserRef) else parse_user(user)
        scenario = Scenario(
            id="shelf/fetch",
            intent=intent,
            task=task,
            user=parsed,
            world=None if world is None else WorldRef(ref="Shelf", digest="1", make=lambda seed: world),
            limits=limits,
            instructions=instructions,
            checks=tuple(checks),
        )
        uses_world = not getattr(agent, "own_tools", False)
        plan = TrialPlan(
            run="r",
            scenario=scenario,
            agent_name="graph",
            agent=agent,
            repeat=0,
            seed=seed,
            model=model,
            user_model=user_model,
            uses_world=uses_world,
        )
        result = await run_trial(plan, budget=Budget())
        trajectory = trajectory_of(result.spans)
        return result, replace(trajectory, start=result.start_state)

    async def run(self, shape: Shape, way: str, **options: Any) -> tuple[TrialResult, Trajectory]:
        """Run a shape in one of its ways."""
        return await self.trial(self.agent(shape, way), user=shape.user, world=self.world(), **options)

    # --- comparing

    def assert_recorded(self, trajectory: Trajectory, *, ordered: bool = True) -> None:
        """What was recorded is what the tools and the models wrote down themselves: each once, nothing else."""
        recorded = [(call.name, call.arguments, call.result, call.error) for _, call in trajectory.of(ToolCall)]
        logged = [called.plain for called in self.calls]
        if not ordered:
            recorded.sort(key=repr)
            logged.sort(key=repr)
        assert recorded == logged
        models = [
            (
                [(_TYPES[message.role], _heard(message)) for message in call.messages],
                "".join(message.text for message in call.output),
                [(request.name, request.arguments, request.id) for request in call.requests],
                (call.usage.input_tokens, call.usage.output_tokens) if call.usage else None,
                [tool.name for tool in call.offered_tools],
            )
            for _, call in trajectory.of(ModelCall)
        ]
        asked = [
            (
                [(kind, text.strip()) for kind, text in one.messages],
                one.answer.text,
                [(call["name"], call["args"], call["id"]) for call in one.answer.tool_calls],
                (one.answer.usage_metadata["input_tokens"], 3) if one.answer.usage_metadata else None,
                one.tools,
            )
            for one in self.asked
        ]
        models = [(messages, said.strip(), *rest) for messages, said, *rest in models]
        if not ordered:
            models.sort(key=repr)
            asked.sort(key=repr)
        assert models == asked
        assert trajectory.integrity.complete


_TYPES = {"system": "system", "user": "human", "assistant": "ai", "tool": "tool"}


def _heard(message: Message) -> str:
    """The text of a message as LangChain has it: a tool's answer as JSON text."""
    if message.role != "tool":
        return message.text.strip()
    answer = getattr(message.parts[0], "response", None)
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)


# --- shapes


@dataclass(frozen=True)
class Shape:
    """A graph, what a user says to it, and how its input and output are mapped.

    Attributes:
        ordered: No two calls are at work at once, so that the tools' own log has an order.
    """

    make: Callable[[Lab, list[BaseTool]], Any]
    user: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    ordered: bool = True


def ruled(messages: list[BaseMessage]) -> AIMessage:
    """Fetches what was asked for and looks up its price, both at once; then says what came of it."""
    _, wanted = last_of(messages)
    answers = news(messages)
    if not answers:
        number = len(messages)
        return wishes(("fetch", {"name": wanted}, f"f{number}"), ("price", {"name": wanted}, f"p{number}"))
    return AIMessage("; ".join(answer.text for answer in answers))


def prebuilt(lab: Lab, tools: list[BaseTool]) -> Any:
    return create_agent(lab.model(ruled), tools=tools, system_prompt="Fetch.")


class Errand(TypedDict, total=False):
    question: str
    things: list[str]
    answer: str


def custom_state(lab: Lab, tools: list[BaseTool]) -> Any:
    """Neither messages nor a tool node: one async node and one sync node call tools with bare arguments."""
    by_name = {tool.name: tool for tool in tools}

    async def gather(state: Errand) -> Errand:
        found = [await by_name["fetch"].ainvoke({"name": name}) for name in state["question"].split(" and ")]
        return {"things": [one["fetched"] for one in found]}

    def add_up(state: Errand) -> Errand:
        costs = [by_name["price"].invoke({"name": name, "currency": "USD"})["costs"][0] for name in state["things"]]
        return {"answer": f"that makes {sum(costs)}"}

    graph = StateGraph(Errand)
    graph.add_node("gather", gather)
    graph.add_node("add_up", add_up)
    graph.add_edge(START, "gather")
    graph.add_edge("gather", "add_up")
    graph.add_edge("add_up", END)
    return graph.compile()


def looped(lab: Lab, tools: list[BaseTool], rule: Callable[[list[BaseMessage]], AIMessage], **options: Any) -> Any:
    """A model and its tools, by hand."""
    model = lab.model(rule, name=options.get("name", "scripted")).bind_tools(tools)
    graph = StateGraph(MessagesState)
    graph.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", lambda state: "tools" if state["messages"][-1].tool_calls else END)
    graph.add_edge("tools", "model")
    return graph.compile(**options)


def nested(lab: Lab, tools: list[BaseTool]) -> Any:
    """A named graph within a named graph within the graph, and one without a name, called from within a node."""
    by_name = {tool.name: tool for tool in tools}
    innermost = looped(lab, tools, ruled, name="fetcher")

    middle = StateGraph(MessagesState)
    middle.add_node("fetch", innermost)
    middle.add_node("note", lambda state: {"messages": [AIMessage(f"noted: {state['messages'][-1].text}")]})
    middle.add_edge(START, "fetch")
    middle.add_edge("fetch", "note")
    shopper = middle.compile(name="shopper")

    unnamed = StateGraph(MessagesState)

    async def settle(state: MessagesState) -> dict[str, Any]:
        paid = await by_name["pay"].ainvoke({"amount": 1.5, "to": "ada"})
        return {"messages": [AIMessage(paid)]}

    unnamed.add_node("settle", settle)
    unnamed.add_edge(START, "settle")
    cashier = unnamed.compile()

    async def at_the_till(state: MessagesState) -> dict[str, Any]:
        return {"messages": (await cashier.ainvoke({"messages": state["messages"]}))["messages"][-1:]}

    outer = StateGraph(MessagesState)
    outer.add_node("shop", shopper)
    outer.add_node("pay", at_the_till)
    outer.add_edge(START, "shop")
    outer.add_edge("shop", "pay")
    return outer.compile(name="outer")


class Many(TypedDict, total=False):
    messages: Annotated[list[BaseMessage], add_messages]
    found: Annotated[list[str], operator.add]
    name: str


def parallel(lab: Lab, tools: list[BaseTool]) -> Any:
    """One worker for each thing, at once, each with a model that makes up the same call id; then two tool nodes."""

    def one_thing(messages: list[BaseMessage]) -> AIMessage:
        text, wanted = last_of(messages)
        if news(messages):
            return AIMessage(f"have {wanted}: {text}")
        return wishes(("price", {"name": wanted}, "call_1"))

    worker = looped(lab, tools, one_thing, name="worker")

    async def work(state: Many) -> Many:
        done = await worker.ainvoke({"messages": [HumanMessage(state["name"])]})
        return {"found": [done["messages"][-1].text]}

    def ask_for_both(state: Many) -> Many:
        names = sorted(state["found"])
        asked = wishes(("fetch", {"name": names[0][5:8]}, "left-1"), ("pay", {"amount": 2, "to": "bob"}, "right-1"))
        return {"messages": [asked]}

    def half(name: str) -> Callable[[Many], Any]:
        """A tool node that carries out only its own tool's calls."""
        node = ToolNode([tool for tool in tools if tool.name == name])

        async def act(state: Many) -> Many:
            asked = state["messages"][-1]
            mine = [call for call in asked.tool_calls if call["name"] == name]
            return await node.ainvoke({"messages": [AIMessage("", tool_calls=mine)]})

        return act

    graph = StateGraph(Many)
    graph.add_node("work", work)
    graph.add_node("ask", ask_for_both)
    graph.add_node("left", half("fetch"))
    graph.add_node("right", half("pay"))
    graph.add_node("say", lambda state: {"messages": [AIMessage(" | ".join(sorted(state["found"])))]})
    graph.add_conditional_edges(
        START, lambda state: [Send("work", {"name": name}) for name in state["messages"][-1].text.split()], ["work"]
    )
    graph.add_edge("work", "ask")
    graph.add_edge("ask", "left")
    graph.add_edge("ask", "right")
    graph.add_edge(["left", "right"], "say")
    return graph.compile()


def streaming(lab: Lab, tools: list[BaseTool], checkpointer: Any = None) -> Any:
    """A node that streams its model, with a memory: what it was told before it knows without being told again."""
    model = lab.model(ruled).bind_tools(tools)

    async def think(state: MessagesState) -> dict[str, Any]:
        whole: Any = None
        async for chunk in model.astream(state["messages"]):
            whole = chunk if whole is None else whole + chunk
        return {"messages": [AIMessage(whole.text, tool_calls=whole.tool_calls)]}

    graph = StateGraph(MessagesState)
    graph.add_node("think", think)
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", lambda state: "tools" if state["messages"][-1].tool_calls else END)
    graph.add_edge("tools", "think")
    return graph.compile(checkpointer=checkpointer or InMemorySaver())


def interrupting(lab: Lab, tools: list[BaseTool]) -> Any:
    """Asks twice in one node, then once in each of two branches, and pays for what was approved."""
    pay_with = next(tool for tool in tools if tool.name == "pay")

    def ask(state: Many) -> Many:
        name = interrupt("What is your name?")
        amount = interrupt({"question": "What amount do you want to pay?", "most": 9})
        return {"found": [f"{name}/{amount}"]}

    def branch(to: str) -> Callable[[Many], Any]:
        async def approve(state: Many) -> Many:
            if not interrupt({"action": "pay", "to": to}):
                return {"found": [f"not {to}"]}
            return {"found": [await pay_with.ainvoke({"amount": 3, "to": to})]}

        return approve

    graph = StateGraph(Many)
    graph.add_node("ask", ask)
    graph.add_node("first", branch("ada"))
    graph.add_node("second", branch("bob"))
    graph.add_node("say", lambda state: {"messages": [AIMessage(", ".join(sorted(state["found"])))]})
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "first")
    graph.add_edge("ask", "second")
    graph.add_edge(["first", "second"], "say")
    return graph.compile(checkpointer=InMemorySaver())


def team(lab: Lab, tools: list[BaseTool]) -> Any:
    """A supervisor hands over to one of two agents with `Command(goto=…)`; one of them asks the other as a tool."""
    by_name = {tool.name: tool for tool in tools}

    def hand_over(target: str) -> BaseTool:
        def go() -> Command[Any]:
            lab.note(f"to_{target}", {}, f"over to {target}")
            return Command(
                goto=target,
                graph=Command.PARENT,
                update={
                    "messages": [
                        wishes((f"to_{target}", {}, f"over-{target}")),
                        ToolMessage(f"over to {target}", tool_call_id=f"over-{target}"),
                    ]
                },
            )

        return StructuredTool.from_function(go, name=f"to_{target}", description=f"Hand over to {target}.")

    def chief_rule(messages: list[BaseMessage]) -> AIMessage:
        target = "buyer" if "buy" in last_of(messages)[1] else "teller"
        return wishes((f"to_{target}", {}, f"over-{target}"))

    def teller_rule(messages: list[BaseMessage]) -> AIMessage:
        answers = [answer for answer in news(messages) if answer.name == "price"]
        return AIMessage(f"it is {answers[-1].text}") if answers else wishes(("price", {"name": "cup"}, "t1"))

    teller = create_agent(lab.model(teller_rule, "teller-model"), tools=[by_name["price"]], name="teller")

    async def ask_teller(thing: str) -> str:
        """Ask the teller."""
        called = lab.note("ask_teller", {"thing": thing})
        answered = await teller.ainvoke({"messages": [HumanMessage(thing)]})
        called.result = answered["messages"][-1].text
        return called.result

    consult = StructuredTool.from_function(coroutine=ask_teller, name="ask_teller")

    def buyer_rule(messages: list[BaseMessage]) -> AIMessage:
        heard = {answer.name for answer in messages if isinstance(answer, ToolMessage)}
        if "ask_teller" not in heard:
            return wishes(("ask_teller", {"thing": "cup"}, "b1"))
        if "pay" not in heard:
            return wishes(("pay", {"amount": 3, "to": "shop"}, "b2"))
        return AIMessage("bought")

    chief = create_agent(
        lab.model(chief_rule, "chief-model"), tools=[hand_over("buyer"), hand_over("teller")], name="chief"
    )
    buyer = create_agent(lab.model(buyer_rule, "buyer-model"), tools=[by_name["pay"], consult], name="buyer")
    graph = StateGraph(MessagesState)
    for name, agent in {"chief": chief, "buyer": buyer, "teller": teller}.items():
        graph.add_node(name, agent)
    graph.add_edge(START, "chief")
    graph.add_edge("buyer", END)
    graph.add_edge("teller", END)
    return graph.compile()


SHAPES: Mapping[str, Shape] = {
    "prebuilt": Shape(prebuilt, {"says": "cup", "then": ["nothing"]}, ordered=False),
    "custom_state": Shape(
        custom_state,
        {"says": "cup and saucer", "then": ["jug"]},
        {"input": lambda messages: {"question": messages[-1].text}, "output": lambda state: state["answer"]},
    ),
    "nested": Shape(nested, {"says": "cup", "then": ["nothing"]}, ordered=False),
    "parallel": Shape(parallel, {"says": "cup jug pot"}, ordered=False),
    "streaming": Shape(streaming, {"says": "cup", "then": ["nothing"]}, ordered=False),
    "interrupting": Shape(
        interrupting,
        {"says": "pay them", "knows": {"name": "Ada", "amount": "7"}, "confirms": [True, False]},
    ),
    "team": Shape(team, {"says": "buy a cup", "then": ["what does a cup cost"]}),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "shape" in metafunc.fixturenames:
        metafunc.parametrize("shape", SHAPES.values(), ids=SHAPES)
    if "way" in metafunc.fixturenames:
        metafunc.parametrize("way", ["own", "world"])


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Fresh logs."""
    made = Lab()
    yield made
    for close in made.closing:
        close()


@pytest.fixture(scope="session")
def shapes() -> Mapping[str, Shape]:
    """The shapes, by name."""
    return SHAPES
