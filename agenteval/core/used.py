"""A trajectory in; its calls, tokens and price out, each with how many model calls reported it. Values only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeGuard

from agenteval.core.trajectory import ModelCall, ToolCall, Trajectory

AMOUNTS: Final[Mapping[str, str]] = {
    "input_tokens": "tokens",
    "cached_tokens": "tokens",
    "cache_write_tokens": "tokens",
    "output_tokens": "tokens",
    "reasoning_tokens": "tokens",
    "cost_usd": "usd",
}
"""What a model call may report, by its name in `Usage`, with its unit."""

_MOST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Amount:
    """A sum over model calls.

    Attributes:
        total: The sum of what was reported.
        calls: How many model calls reported it; the others are not in the sum.
    """

    total: float
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a trial used, as far as it was recorded.

    Attributes:
        model_calls: Model calls, those that failed included.
        tool_calls: Tool calls of the agent, however they ended; those of a simulated user are not among them.
        amounts: Of `AMOUNTS`, those that any model call reported.
    """

    model_calls: int = 0
    tool_calls: int = 0
    amounts: Mapping[str, Amount] = field(default_factory=dict[str, Amount], hash=False)


def used(trajectory: Trajectory) -> Used:
    """What a trajectory used. What no model call reported, or none can have used, is absent: never 0."""
    calls = [call for _, call in trajectory.of(ModelCall)]
    amounts: dict[str, Amount] = {}
    for name in AMOUNTS:
        values = [getattr(call.usage, name) for call in calls if call.usage is not None]
        found = [value for value in values if plausible(value)]
        if found:
            whole = all(isinstance(value, int) for value in found)
            amounts[name] = Amount(sum(found) if whole else math.fsum(found), len(found))
    tools = sum(1 for _, call in trajectory.of(ToolCall) if call.by == "agent")
    return Used(model_calls=len(calls), tool_calls=tools, amounts=amounts)


def plausible(value: float | None) -> TypeGuard[float]:
    """Whether a figure is there, and one that can have been used: a trace may claim anything."""
    return value is not None and 0 <= value <= _MOST
