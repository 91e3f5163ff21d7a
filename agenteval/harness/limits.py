"""A trial's limits, and the run's budget: what is used goes in, LimitReached comes out."""

from __future__ import annotations

import threading
from collections.abc import Callable

from agenteval.core.scenario import Limits
from agenteval.core.trajectory import Usage
from agenteval.errors import BudgetSpent, LimitReached

_ENDLESS = 1_000  # turns


class Budget:
    """What a whole run may cost.

    Args:
        max_usd: None is no bound.
    """

    def __init__(self, max_usd: float | None = None) -> None:
        self.max_usd = max_usd
        self.spent_usd = 0.0
        self._lock = threading.Lock()

    def add(self, cost_usd: float) -> None:
        """Add what a model call cost."""
        with self._lock:
            self.spent_usd += cost_usd

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self.max_usd is not None and self.spent_usd >= self.max_usd


class Meter:
    """Watches one trial against its limits.

    The first breach is remembered, whatever the agent makes of the exception: an agent that swallows it is cancelled.

    Args:
        limits: The trial's limits.
        budget: The run's budget.
        used: Gives the trial's live usage and number of tool calls.
        stop: Called once, on the first breach.
    """

    def __init__(
        self,
        limits: Limits,
        budget: Budget,
        *,
        used: Callable[[], tuple[Usage, int]],
        stop: Callable[[], object],
    ) -> None:
        self.breach: LimitReached | BudgetSpent | None = None
        self._limits = limits
        self._budget = budget
        self._used = used
        self._stop = stop
        self._turns = 0
        self._paid_usd = 0.0

    def check(self) -> None:
        """Raise LimitReached or BudgetSpent where calls, tokens or money are used up."""
        usage, calls = self._used()
        if usage.cost_usd is not None:
            self._budget.add(usage.cost_usd - self._paid_usd)
            self._paid_usd = usage.cost_usd
        # calls are counted as they are asked for, so the one above the limit never happens
        self._bound("calls", self._limits.calls, calls)
        self._bound("tokens", self._limits.tokens, usage.tokens)
        self._bound("usd", self._limits.usd, usage.cost_usd)
        if self._budget.spent:
            self._raise(BudgetSpent(f"the run's budget of {self._budget.max_usd:g} USD is spent"))

    def turn(self) -> None:
        """Count a turn as it opens; raise LimitReached where it is one too many."""
        self._turns += 1
        self._bound("turns", self._limits.turns, self._turns)

    @property
    def endless(self) -> bool:
        """Whether the conversation has gone on beyond all measure, and the scenario sets no limit."""
        return self._turns > _ENDLESS

    def out_of_time(self) -> None:
        """Remember that the trial's seconds ran out."""
        allowed = self._limits.seconds or 0.0
        self.breach = self.breach or LimitReached("seconds", allowed, allowed)

    def _bound(self, name: str, allowed: float | None, used: float | None) -> None:
        if allowed is not None and used is not None and used > allowed:
            self._raise(LimitReached(name, allowed, used))

    def _raise(self, error: LimitReached | BudgetSpent) -> None:
        if self.breach is None:
            self.breach = error
            self._stop()
        raise error
