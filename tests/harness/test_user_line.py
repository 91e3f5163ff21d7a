"""The user at the other end of the line: its code breaks on its own account, and nothing of it is within reach."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry import trace as otel

from agenteval import FunctionAgent, Scenario
from agenteval.core.message import Message
from agenteval.core.scenario import Limits, UserRef
from agenteval.harness.limits import Budget
from agenteval.harness.trial import TrialPlan, TrialResult, run_trial
from agenteval.telemetry.assemble import trajectory_of


class User:
    """A user whose every reply is what a function makes of it."""

    def __init__(self, speaks: Any) -> None:
        self._speaks = speaks

    async def reply(self, messages: Sequence[Message]) -> Any:
        return await self._speaks(messages)


async def trial(agent: Any, speaks: Any, *, limits: Limits = Limits(turns=9)) -> TrialResult:  # noqa: B008 (a value)
    made = User(speaks)
    scenario = Scenario(
        id="shop/talk",
        user=UserRef(spec={"says": "Hello."}, opening="Hello.", make=lambda seed: made),
        limits=limits,
    )
    plan = TrialPlan(run="test", scenario=scenario, agent_name="bob", agent=FunctionAgent(agent), repeat=0, seed=1)
    return await run_trial(plan, budget=Budget())


async def talks(session: Any) -> None:
    while await session.say("Hm?") is not None:
        pass


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyError("lost"), "KeyError: 'lost'"),
        (StopIteration("done"), "StopIteration"),
        (asyncio.CancelledError(), "the simulated user ended without a reply"),
        (SystemError("bad"), "SystemError: bad"),
    ],
)
async def test_whatever_a_user_raises_is_its_own_fault(error: BaseException, said: str) -> None:
    async def raises(messages: Any) -> Any:
        raise error

    result = await trial(talks, raises)
    assert (result.trial.status, result.trial.fault_of) == ("invalid", "user")
    assert said in (result.trial.error or "")


async def test_a_user_that_blocks_is_stopped_when_the_time_is_up_and_the_agent_is_not_blamed() -> None:
    async def blocks(messages: Any) -> Any:
        end = time.monotonic() + 600
        while time.monotonic() < end:
            pass

    result = await trial(talks, blocks, limits=Limits(seconds=0.5))
    assert (result.trial.status, result.trial.fault_of) == ("invalid", "user")
    assert "the simulated user blocked until the trial's time was up" in (result.trial.error or "")


async def test_a_user_that_never_replies_is_stopped_by_the_time_limit() -> None:
    ended: list[str] = []

    async def waits(messages: Any) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    result = await trial(talks, waits, limits=Limits(seconds=0.2))
    assert (result.trial.status, result.trial.error) == ("limit", "limit reached: seconds 0.2 of 0.2")
    assert ended == ["cancelled"]


async def test_spans_of_a_users_code_land_in_the_trial_and_in_no_turn() -> None:
    left = ["More."]

    async def traced(messages: Any) -> Any:
        with otel.get_tracer("a user").start_as_current_span("thinks"):
            return left.pop() if left else None

    result = await trial(talks, traced)
    assert result.trial.status == "completed"
    spans = {span.name: span for span in result.spans}
    assert spans["thinks"].parent_id == result.spans[0].span_id
    assert trajectory_of(result.spans).integrity.complete


async def test_a_user_hears_the_conversation_so_far() -> None:
    heard: list[list[str]] = []

    async def listens(messages: Sequence[Message]) -> Any:
        heard.append([message.text for message in messages])
        return "More." if len(heard) < 2 else None

    await trial(talks, listens)
    assert heard == [["Hello.", "Hm?"], ["Hello.", "Hm?", "More.", "Hm?"]]
