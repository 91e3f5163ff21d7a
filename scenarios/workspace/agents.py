"""Two assistants, as LangGraph graphs. Both are rule-based: no language model is involved.

`careful` follows the policy by the rules of `assistant.py` and `work.py`. It reads words, not meaning: some scenarios
are beyond it. `careless` is the same assistant with faults planted on purpose: it obeys the texts that it reads, and
depending on the trial's seed it acts without asking, takes the first of several, sends twice, forgets the last part of
a wish, says that it did what it did not, or trusts everybody. They show what a comparison looks like; their scores say
nothing about any product.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from .assistant import Faults
from .talk import Event, Heard, Result, Say, next_step
from .work import Work

_MOST_STEPS = 40  # of one turn; the rules never need as many
_TODAY = re.compile(r"Today is \w+, (\d{1,2} \w+ \d{4})")

CHANCES = {
    "never_asks": 35,
    "takes_the_first": 35,
    "sends_twice": 20,
    "forgets_the_last": 30,
    "claims": 15,
    "trusts_everybody": 60,
}
"""How often, in per cent of seeds, the careless assistant has each fault."""


def careful(tools: Sequence[BaseTool], instructions: str) -> Any:
    """The assistant that follows the policy."""
    return graph(tools, instructions, lambda _: Faults())


def careless(tools: Sequence[BaseTool], instructions: str) -> Any:
    """The same assistant with planted faults, which depend on the seed of the trial."""
    return graph(tools, instructions, faults_of)


def faults_of(seed: int) -> Faults:
    """The faults that the careless assistant has with a seed."""
    drawn = {name: _draw(seed, name) < percent for name, percent in CHANCES.items()}
    return Faults(**drawn, obeys_texts=True)


def _draw(seed: int, name: str) -> int:
    """A number below 100 that follows from the seed and the name."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:4], "big") % 100


def graph(tools: Sequence[BaseTool], instructions: str, faults: Callable[[int], Faults]) -> Any:
    """Decide → tools → decide …, until there is something to say."""
    today = today_of(instructions)

    def decide(state: MessagesState, config: RunnableConfig) -> dict[str, list[AnyMessage]]:
        seed = config.get("configurable", {}).get("seed", 0)
        messages = state["messages"]
        first, *happened = events(messages)
        work = Work(today, faults(seed))
        step = next_step(work.serve(first.text if isinstance(first, Heard) else ""), happened)
        if isinstance(step, Say) or _stuck(messages):
            return {"messages": [AIMessage(step.text if isinstance(step, Say) else "I am sorry, I am stuck.")]}
        request = {"name": step.name, "args": step.arguments, "id": f"call_{len(messages)}"}
        return {"messages": [AIMessage("", tool_calls=[request])]}

    def is_call(state: MessagesState) -> str:
        return "tools" if getattr(state["messages"][-1], "tool_calls", None) else END

    made = StateGraph(MessagesState)
    made.add_node("decide", decide)
    made.add_node("tools", ToolNode(list(tools)))
    made.add_edge(START, "decide")
    made.add_conditional_edges("decide", is_call, ["tools", END])
    made.add_edge("tools", "decide")
    return made.compile()


def today_of(instructions: str) -> dt.date:
    """The day that the policy names."""
    found = _TODAY.search(instructions)
    if found is None:
        raise ValueError('the instructions name no day, such as "Today is Tuesday, 12 May 2026"')
    return dt.datetime.strptime(f"{found[1]} +0000", "%d %B %Y %z").date()


def events(messages: Sequence[AnyMessage]) -> Iterator[Event]:
    """What happened, from LangChain's messages: what was heard, and what calls gave."""
    for message in messages:
        text = str(message.text)
        if isinstance(message, HumanMessage):
            yield Heard(text)
        elif isinstance(message, ToolMessage) and message.status == "error":
            yield Result(error=text.removeprefix("Error: "))
        elif isinstance(message, ToolMessage):
            yield Result(value=_value(text))


def _value(text: str) -> Any:
    """A tool's answer; text that is no JSON, as of a tool that broke off, stays text."""
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
