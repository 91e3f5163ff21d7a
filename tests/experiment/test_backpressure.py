"""Where storing is slower than the agents, the agents wait: what is in memory does not grow with the plan."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import agenteval
from agenteval import Scenario
from agenteval.core.outcome import Finding

PLANNED, AT_ONCE = 400, 4


class Slow:
    """A check that waits, the first time, for every planned trial to have run, or long enough."""

    id = "slow"
    spec: Any = "slow"

    def __init__(self) -> None:
        self.all_ran = threading.Event()
        self.ran = 0
        self.ran_at_first: int | None = None

    def check(self, trajectory: Any, scenario: Any = None) -> Sequence[Finding]:
        if self.ran_at_first is None:
            self.all_ran.wait(1.0)
            self.ran_at_first = self.ran
        return [Finding(check="slow", verdict="pass", reason_code="held", reason="it waited")]


def test_agents_wait_for_the_store() -> None:
    slow = Slow()

    async def agent(session: Any) -> None:
        slow.ran += 1
        if slow.ran == PLANNED:
            slow.all_ran.set()
        await session.say("Done.")

    result = agenteval.run(
        Scenario(id="mine/one", task="Say so", checks=(slow,)), agent, trials=PLANNED, concurrency=AT_ONCE
    )
    assert len(result.outcomes) == PLANNED
    assert slow.ran_at_first is not None
    assert slow.ran_at_first < PLANNED / 2
