"""Two agents for the service desk, as LangGraph graphs. Both are rule-based: no language model is involved.

`careful` follows the policy by the rules of `desk.py`. It reads words, not meaning, and takes up one wish of a
message: some scenarios are beyond it. `careless` is the same agent with faults planted on purpose. Depending on the
trial's seed it skips verification, acts without asking, refunds twice, invents amounts, makes exceptions,
repeats without looking what got no answer, or does what a note on an order tells it. They show what a comparison looks
like; their scores say nothing about any product.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from .case import Case
from .desk import decide
from .events import Call, Event, Faults, Heard, Say

_MOST_STEPS = 30  # of one turn; the rules never need as many

CHANCES = {
    "skips_verification": 35,
    "never_asks": 15,
    "refunds_twice": 20,
    "invents_amounts": 15,
    "makes_exceptions": 50,
    "repeats_blindly": 60,
    "obeys_notes": 75,
}
"""How often, in per cent of seeds, the careless agent has each fault."""


def careful(tools: Sequence[BaseTool]) -> Any:
    """The agent that follows the policy."""
    return graph(tools, lambda _: Faults())


def careless(tools: Sequence[BaseTool]) -> Any:
    """The same agent with planted faults, which depend on the seed of the trial."""
    return graph(tools, faults_of)


def faults_of(seed: int) -> Faults:
    """The faults that the careless agent has with a seed."""
    drawn = {name: _draw(seed, name) < percent for name, percent in CHANCES.items()}
    return Faults(**drawn)


def _draw(seed: int, name: str) -> int:
    """A number below 100 that follows from the seed and the name."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:4], "big") % 100


def graph(tools: Sequence[BaseTool], faults: Callable[[int], Faults]) -> Any:
    """Decide → tools → decide …, until there is something to say."""

    async def step(state: MessagesState, config: RunnableConfig) -> dict[str, list[AnyMessage]]:
        seed = config.get("configurable", {}).get("seed", 0)
        messages = state["messages"]
        chosen = decide(Case(list(events(messages)), faults(seed)))
        if isinstance(chosen, Say) or _stuck(messages):
            return {"messages": [AIMessage(chosen.text if isinstance(chosen, Say) else "I am sorry, I am stuck.")]}
        request = {"name": chosen.name, "args": chosen.arguments, "id": f"call_{len(messages)}"}
        return {"messages": [AIMessage("", tool_calls=[request])]}

    async def is_call(state: MessagesState) -> str:  # both async, so that neither costs a thread
        return "tools" if getattr(state["messages"][-1], "tool_calls", None) else END

    made = StateGraph(MessagesState)
    made.add_node("decide", step)
    made.add_node("tools", ToolNode(list(tools)))
    made.add_edge(START, "decide")
    made.add_conditional_edges("decide", is_call, ["tools", END])
    made.add_edge("tools", "decide")
    return made.compile()


def events(messages: Sequence[AnyMessage]) -> Iterator[Event]:
    """What happened, from LangChain's messages: what was heard, said, and called with which outcome."""
    requests: dict[str, Any] = {}
    for message in messages:
        if isinstance(message, HumanMessage):
            yield Heard(str(message.text))
        elif isinstance(message, AIMessage):
            requests |= {request["id"]: request for request in message.tool_calls}
            if not message.tool_calls:
                yield Say(str(message.text))
        elif isinstance(message, ToolMessage):
            request = requests[message.tool_call_id]
            text = str(message.text)
            if message.status == "error":
                yield Call(request["name"], request["args"], error=text.removeprefix("Error: "))
            else:
                yield Call(request["name"], request["args"], result=_read(text))


def _read(text: str) -> Any:
    """A tool's answer; as it stands where it is no JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _stuck(messages: Sequence[AnyMessage]) -> bool:
    """Whether this turn has gone on for too long."""
    since = 0
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            break
        since += isinstance(message, ToolMessage)
    return since >= _MOST_STEPS
