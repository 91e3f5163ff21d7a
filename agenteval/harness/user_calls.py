"""The model that speaks for a simulated user: its calls are recorded and paid for, and are none of the agent's."""

from __future__ import annotations

from agenteval.core import semconv
from agenteval.core.model import Completion, ModelRequest
from agenteval.core.ports import Model
from agenteval.harness.limits import Budget
from agenteval.models.price import Prices, cost_of
from agenteval.telemetry.capture import TrialRecorder


class UserCalls:
    """A model whose calls go into a trial's trace as `simulate_user` spans. Satisfies `core.ports.Model`.

    They count for the run's budget, and for none of the trial's limits. The request is not kept: it holds the intent.

    Args:
        inner: The model.
        prices: What it costs; None where unknown.
        budget: The run's budget.

    Attributes:
        recorder: The trial's recorder, which is there once the trial is.
    """

    recorder: TrialRecorder

    def __init__(self, inner: Model, prices: Prices | None, budget: Budget) -> None:
        self._inner = inner
        self._prices = prices
        self._budget = budget

    @property
    def name(self) -> str:
        """The model's name."""
        return self._inner.name

    async def complete(self, request: ModelRequest) -> Completion:
        """Ask the model. Raises what it raises."""
        record = self.recorder.open_plumbing(f"simulate_user {self.name}", {semconv.REQUEST_MODEL: self.name})
        try:
            completion = await self._inner.complete(request)
        except Exception as error:
            record.fail(type(error).__name__, str(error))
            raise
        usage = completion.usage
        cost = usage.cost_usd if usage.cost_usd is not None else cost_of(usage, self._prices)
        counted = {semconv.INPUT_TOKENS: usage.input_tokens, semconv.OUTPUT_TOKENS: usage.output_tokens}
        for key, value in {**counted, semconv.COST_USD: cost}.items():
            if value is not None:
                record.set(key, value)
        record.set(semconv.USER_SAID, completion.message.text)
        record.end()
        self._budget.add(cost or 0.0)
        return completion
