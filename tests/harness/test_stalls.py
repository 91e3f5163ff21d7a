"""Agents that block the event loop: the others get their time back, and the one that blocks is stopped."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest

from agenteval import FunctionAgent, Scenario, StateWorld, tool
from agenteval.core.scenario import Limits, WorldRef
from agenteval.harness.limits import Budget
from agenteval.harness.trial import TrialPlan, TrialResult, run_trial


class Shop(StateWorld):
    """A shop with a tool that never ends."""

    def __init__(self, seed: int) -> None:
        del seed
        super().__init__({})

    @tool
    def hang(self) -> None:
        """Hang."""
        spin(60)


def spin(seconds: float) -> None:
    """Be busy in Python code."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


async def trial(agent: Callable[..., Any], *, seconds: float | None, name: str = "bob") -> TrialResult:
    scenario = Scenario(
        id="shop/wait",
        task="Wait",
        world=WorldRef(ref="Shop", digest="1", make=Shop),
        limits=Limits(seconds=seconds),
    )
    plan = TrialPlan(run="test", scenario=scenario, agent_name=name, agent=FunctionAgent(agent), repeat=0, seed=1)
    return await run_trial(plan, budget=Budget())


async def test_time_that_another_took_is_given_back() -> None:
    async def patient(session: Any) -> None:
        for _ in range(4):
            await asyncio.sleep(0.1)
        await session.say("Done.")

    async def rude(session: Any) -> None:
        await asyncio.sleep(0.1)
        spin(2)
        await session.say("Done.")

    waited, blocked = await asyncio.gather(
        trial(patient, seconds=1.5, name="patient"), trial(rude, seconds=10, name="rude")
    )
    assert (waited.trial.status, blocked.trial.status) == ("completed", "completed")


async def test_an_agent_that_never_awaits_is_stopped_when_its_time_is_up(caplog: pytest.LogCaptureFixture) -> None:
    async def endless(session: Any) -> None:
        del session
        spin(600)

    async def quick(session: Any) -> None:
        await session.say("Done.")

    with caplog.at_level(logging.WARNING, logger="agenteval"):
        stopped, other = await asyncio.gather(
            trial(endless, seconds=2.5, name="endless"), trial(quick, seconds=1, name="quick")
        )
    assert (stopped.trial.status, stopped.trial.error) == ("limit", "limit reached: seconds 2.5 of 2.5")
    assert other.trial.status == "completed"
    [warning] = [record.getMessage() for record in caplog.records]
    assert warning.startswith("agent endless (shop/wait) blocks the event loop, so that other trials wait; it is in ")
    assert "test_stalls.py" in warning


async def test_a_tool_that_blocks_is_the_worlds_fault() -> None:
    async def agent(session: Any) -> None:
        await session.call("hang", {})

    result = await trial(agent, seconds=1)
    assert (result.trial.status, result.trial.fault_of) == ("invalid", "world")
