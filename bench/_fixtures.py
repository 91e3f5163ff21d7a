"""A world, a model and agents with no latency of their own."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from agenteval import Limits, Scenario, Suite, WorldRef, parse_checks
from agenteval.core.trajectory import OfferedTool

CHECKS = parse_checks(
    [
        {"calls": [{"look": {"n": 0}}, {"look": {"n": 2}}]},
        {"at_most": {"look": 3}},
        {"never": "drop"},
        {"says": "done"},
        {"budget": {"calls": 5}, "as": "metric"},
    ]
)


class Shelf:
    """A world of two tools that change nothing."""

    def tools(self) -> Sequence[OfferedTool]:
        schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
        return [OfferedTool(name=name, description=name, parameters=schema) for name in ("look", "drop")]

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Any:
        return {"tool": tool, "n": arguments["n"], "text": "the answer to the question that was asked"}

    def changes(self) -> list[dict[str, Any]]:
        return []

    def state(self) -> Any:
        return STATE

    def snapshot(self) -> object:
        return None

    def restore(self, snapshot: object) -> None:
        del snapshot


STATE = {"shelf": {str(n): {"name": f"thing {n}"} for n in range(1000)}}


class Counting(BaseChatModel):
    """A chat model with no latency: three tool calls, then an answer."""

    @property
    def _llm_type(self) -> str:
        return "counting"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        del tools, kwargs
        return self

    def _answer(self, messages: Sequence[Any]) -> ChatResult:
        done = sum(isinstance(message, ToolMessage) for message in messages)
        usage = {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}
        call = {"name": "look", "args": {"n": done}, "id": f"c{done}", "type": "tool_call"}
        message = AIMessage("done" if done == 3 else "", tool_calls=[] if done == 3 else [call], usage_metadata=usage)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        return self._answer(messages)

    async def _agenerate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        return self._answer(messages)


def build(tools: Sequence[Any]) -> Any:
    """The agent that is measured: LangChain's own loop."""
    return create_agent(Counting(), tools=list(tools))


def question() -> dict[str, Any]:
    """The bare loop's input."""
    return {"messages": [HumanMessage("look three times")]}


def suite(checks: Any = CHECKS, *, world: bool = True, scenarios: int = 1) -> Suite:
    """Scenarios around the shelf."""
    ref = WorldRef(ref="Shelf", digest="1", make=lambda seed: Shelf()) if world else None
    return Suite(
        id="bench",
        scenarios=tuple(
            Scenario(id=f"bench/{n}", task="look three times", world=ref, limits=Limits(calls=20), checks=checks)
            for n in range(scenarios)
        ),
    )


class Slow:
    """A model that takes a fixed time for each call."""

    name = "slow"

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._numbers = itertools.count()

    async def complete(self, request: Any) -> Any:
        from agenteval.core.message import text_message
        from agenteval.core.model import Completion
        from agenteval.core.trajectory import Usage

        await asyncio.sleep(self._seconds)
        answer = text_message("assistant", f"answer {next(self._numbers)}")
        return Completion(message=answer, model="slow", usage=Usage(input_tokens=50, output_tokens=5))
