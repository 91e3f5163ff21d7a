"""Running and scoring from Python: the same as the command line does, with values in place of text.

`run` is the one bridge from sync code to the async harness; it also works where an event loop is running already, as
in a notebook. `run_async` is for async code.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from agenteval._util.ids import new_run_id
from agenteval._util.names import did_you_mean
from agenteval.agents.kinds import agent_of
from agenteval.core.outcome import Interval, Run, Score, Trial
from agenteval.core.ports import Model, TraceStore
from agenteval.core.scenario import Scenario, Suite
from agenteval.errors import NotFound, RequestError
from agenteval.experiment.plan import check_counts, check_users, claims_of, refuse_unknown_tools
from agenteval.experiment.run import AgentSpec, RunPlan, carry_out
from agenteval.experiment.stores import open_store
from agenteval.intake.suites import load_suite
from agenteval.models.price import Prices
from agenteval.stats import pass_rate

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run came to.

    Attributes:
        run: Its record; `agenteval report RUN` shows it.
        outcomes: Every trial with its score.
        store: Where it is kept: trajectories are read from here.
    """

    run: Run
    outcomes: tuple[tuple[Trial, Score], ...]
    store: TraceStore

    def pass_rate(self, *, agent: str | None = None, confidence: float = 0.95) -> Interval:
        """Rate of passed trials, clustered by scenario; of one agent, or of all together.

        Raises:
            NotFound: The run holds no such agent.
        """
        if agent is not None and agent not in self.run.agents:
            raise NotFound(f'run {self.run.id} holds no agent "{agent}". {did_you_mean(agent, self.run.agents)}')
        counts: dict[str, tuple[int, int]] = {}
        left_out = 0
        for trial, score in self.outcomes:
            if agent is not None and trial.agent != agent:
                continue
            if score.passed is None:
                left_out += 1
                continue
            passed, counted = counts.get(trial.scenario, (0, 0))
            counts[trial.scenario] = (passed + int(score.passed), counted + 1)
        return pass_rate(counts, left_out=left_out, confidence=confidence)


async def run_async(
    suite: Suite | Scenario | str | Path,
    agent: object | Mapping[str, object],
    *,
    trials: int = 1,
    seed: int = 0,
    concurrency: int = 8,
    retries: int = 2,
    model: Model | None = None,
    prices: Prices | None = None,
    user_model: Model | None = None,
    user_prices: Prices | None = None,
    max_usd: float | None = None,
    store: TraceStore | str = "memory:",
) -> RunResult:
    """Run agents on a suite.

    Args:
        suite: A suite, one scenario, a shipped suite's name, or a path.
        agent: Anything that the command line takes as an agent, or several by name.
        trials: Repeats of each scenario.
        seed: Seed of the run.
        concurrency: Trials at work at once.
        retries: How often an invalid trial is tried again.
        model: What `session.model` is.
        prices: What the model costs.
        user_model: Speaks for the users of scenarios that give them a persona.
        user_prices: What that model costs.
        max_usd: Bound on the price of the run.
        store: Where results are kept; the default keeps them in memory.

    Raises:
        RequestError: Something that cannot be run.
    """
    check_counts(trials=trials, concurrency=concurrency, retries=retries, max_usd=max_usd)
    chosen = _suite(suite)
    specs = tuple(_spec(name, value) for name, value in _named(agent).items())
    if max_usd is not None and prices is None:
        raise RequestError("max_usd needs prices: pass prices=Prices(input=..., output=...), or Prices.free()")
    check_users(chosen, user_model, user_prices, max_usd=max_usd)
    refuse_unknown_tools(chosen, specs)
    now = datetime.now(UTC)
    run = Run(
        id=new_run_id(now),
        kind="execution",
        created_at=now.isoformat(timespec="seconds"),
        suite=chosen.id,
        suite_hash=chosen.hash,
        agents=tuple(spec.name for spec in specs),
        settings={"trials": trials, "seed": seed, **claims_of(chosen)},
    )
    kept = open_store(store) if isinstance(store, str) else store
    plan = RunPlan(
        run=run,
        suite=chosen,
        agents=specs,
        trials=trials,
        seed=seed,
        concurrency=concurrency,
        retries=retries,
        max_usd=max_usd,
        model=model,
        prices=prices,
        user_model=user_model,
        user_prices=user_prices,
    )
    await carry_out(plan, kept)
    return RunResult(run=run, outcomes=tuple(kept.outcomes(run.id)), store=kept)


def run(suite: Suite | Scenario | str | Path, agent: object | Mapping[str, object], **options: Any) -> RunResult:
    """Run agents on a suite; see `run_async` for the arguments. Works under a running event loop, too."""
    return in_own_loop(run_async(suite, agent, **options))


def in_own_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end: in a loop of this thread, or of another thread where this one's is busy."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    outcome: list[T] = []
    failure: list[BaseException] = []

    def target() -> None:
        try:
            outcome.append(asyncio.run(work))
        except BaseException as error:  # noqa: BLE001 (raised again in the caller's thread)
            failure.append(error)

    thread = threading.Thread(target=target, name="agenteval-run")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]


def _suite(given: Suite | Scenario | str | Path) -> Suite:
    if isinstance(given, Suite):
        return given
    if isinstance(given, Scenario):
        return Suite(id=given.id.partition("/")[0], scenarios=(given,))
    return load_suite(given)


def _named(agent: object) -> Mapping[str, object]:
    if isinstance(agent, Mapping):
        return cast("Mapping[str, object]", agent)
    return {str(getattr(agent, "__name__", "agent")): agent}


def _spec(name: str, value: object) -> AgentSpec:
    agent, uses_world = agent_of(value, name)
    return AgentSpec(name=name, ref=name, agent=agent, uses_world=uses_world)
