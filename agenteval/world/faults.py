"""A scenario's faults and a tool call in, the call as the agent sees it out: failed, delayed, emptied or garbled.

A fault is exposed when the agent makes the call that it waits for. What was never exposed says nothing about the agent.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from agenteval.core.json import Json
from agenteval.core.scenario import Fault
from agenteval.errors import ToolError


class Injector:
    """The faults of one trial.

    Args:
        faults: What the scenario plants.
        waits: Whether a `latency` is waited for. A proof of the suite records it, and does not wait.
    """

    def __init__(self, faults: Sequence[Fault], *, waits: bool = True) -> None:
        self._faults = tuple(faults)
        self._waits = waits
        self._calls: Counter[str] = Counter()
        self._exposed: set[int] = set()

    def next(self, tool: str) -> Fault | None:
        """The fault of the next call of a tool, which is made now; None where it behaves."""
        self._calls[tool] += 1
        for number, fault in enumerate(self._faults):
            if fault.tool == tool and fault.on_call == self._calls[tool]:
                self._exposed.add(number)
                return fault
        return None

    async def through(self, fault: Fault | None, call: Callable[[], Awaitable[Json]]) -> Json:
        """What a call gives under a fault. Raises ToolError where the fault does, and what the call raises."""
        if fault is None:
            return await call()
        if fault.kind == "latency":
            if self._waits:
                await asyncio.sleep(fault.seconds)
            return await call()
        result = await call() if fault.applied else None
        return _distorted(fault, result)

    def told(self) -> list[dict[str, Json]]:
        """Each fault, as it was written in the scenario, and whether it was exposed."""
        return [
            {
                "tool": fault.tool,
                "on_call": fault.on_call,
                "kind": fault.kind,
                "applied": fault.applied,
                "status": "injected" if number in self._exposed else "not_exposed",
            }
            for number, fault in enumerate(self._faults)
        ]


def _distorted(fault: Fault, result: Json) -> Json:
    if fault.kind == "timeout":
        raise ToolError(fault.message or f"timeout: no answer from {fault.tool}", code="timeout")
    if fault.kind == "error":
        raise ToolError(fault.message or f"{fault.tool} failed: internal error", code=fault.code or "internal_error")
    if fault.kind == "value":
        return fault.value
    return _emptied(result) if fault.kind == "empty" else _garbled(result)


def _emptied(result: Json) -> Json:
    """The empty value of the same type; null for what has none."""
    if isinstance(result, str):
        return ""
    if isinstance(result, dict):
        return {}
    return [] if isinstance(result, list) else None


def _garbled(result: Json) -> str:
    """The first half of the result's JSON text, as of an answer that was cut off; never valid JSON."""
    text = json.dumps(result, ensure_ascii=False)
    return text[: max(1, len(text) // 2)] if isinstance(result, (dict, list, str)) else f"{text},"
