"""Running and scoring from Python: the same as the command line does, with values in place of text.

`run` is the one bridge from sync code to the async harness; it also works where an event loop is running already, as
in a notebook. `run_async` is for async code.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from agenteval._util.loading import CodeLoader
from agenteval._util.names import did_you_mean
from agenteval.agents.kinds import agent_of
from agenteval.core.outcome import Interval, Run, Score, Trial
from agenteval.core.ports import Model, TraceStore
from agenteval.core.scenario import Scenario, Suite
from agenteval.errors import NotFound, RequestError
from agenteval.experiment import sandboxes
from agenteval.experiment.agents import resolve_agents
from agenteval.experiment.plan import (
    check_counts,
    check_users,
    new_run,
    refuse_missing_model,
    refuse_unknown_tools,
)
from agenteval.experiment.require import against, counts_of
from agenteval.experiment.run import AgentSpec, RunPlan, carry_out
from agenteval.experiment.stores import open_store
from agenteval.harness.sandboxes import MakeSandbox
from agenteval.intake.catalogue import code_loader
from agenteval.intake.suites import load_suite
from agenteval.models.price import Prices
from agenteval.stats import pass_rate

T = TypeVar("T")

_LOOK_EVERY_S = 0.2  # how long a Ctrl-C may go unnoticed


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run came to.

    Attributes:
        run: Its record; `agenteval report RUN` shows it.
        outcomes: Every trial with its score.
        store: Where it is kept: trajectories are read from here.
        not_run: How many planned trials were not run, since the budget was spent.
    """

    run: Run
    outcomes: tuple[tuple[Trial, Score], ...]
    store: TraceStore
    not_run: int = 0

    def pass_rate(self, *, agent: str | None = None, confidence: float = 0.95) -> Interval:
        """Rate of passed trials, clustered by scenario; of one agent, or of all together.

        Raises:
            NotFound: The run holds no such agent.
        """
        agents = self._of(agent)
        counts, left_out = counts_of([outcome for outcome in self.outcomes if outcome[0].agent in agents])
        return pass_rate(counts, left_out=left_out, confidence=confidence)

    def require(self, rate: float | None = None, *, agent: str | None = None, confidence: float = 0.95) -> None:
        """Raise unless the agent passes often enough; of several agents, each must.

        With a rate the interval decides, as `run --require` does: the requirement is met where the interval lies at or
        above the rate, not met where it lies below, and inconclusive where it holds the rate. Without one every trial
        must have passed, which says nothing of other trials.

        Args:
            rate: The rate, from 0 to 1; None requires that every trial passed.
            agent: The one that must meet it; None is every agent of the run.
            confidence: Level of the interval.

        Raises:
            RequirementNotMet: It passes less often.
            Inconclusive: The trials do not tell; the message says how many more would, where any number would.
            InvalidTrials: Something other than the agent broke in a trial.
            RequestError: That is no rate, or the run holds no such agent.
        """
        __tracebackhide__ = True
        found = against(self.outcomes, self._of(agent), rate, confidence=confidence, not_run=self.not_run)
        if found is not None:
            raise found.error(self)

    def _of(self, agent: str | None) -> tuple[str, ...]:
        """The agents that are meant."""
        if agent is None:
            return self.run.agents
        if agent not in self.run.agents:
            raise NotFound(f'run {self.run.id} holds no agent "{agent}". {did_you_mean(agent, self.run.agents)}')
        return (agent,)


async def run_async(  # noqa: PLR0913 (one argument for each setting of a run)
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
    project: Path | None = None,
    sandbox: str | MakeSandbox = sandboxes.DEFAULT,
) -> RunResult:
    """Run agents on a suite.

    Args:
        suite: A suite, one scenario, a shipped suite's name, or a path.
        agent: Anything that the command line takes as an agent, the object or its reference, or several by name.
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
        project: The folder that names, paths and references start from; the working folder unless given.
        sandbox: Who makes the sandboxes of scenarios that need them: `bubblewrap`, `local` (NO ISOLATION), a reference
            to a function that makes a new one each time, or that function.

    Raises:
        RequestError: Something that cannot be run.
        SandboxError: A scenario needs a sandbox, and none can be started here.
    """
    check_counts(trials=trials, concurrency=concurrency, retries=retries, max_usd=max_usd)
    loader = code_loader(project)
    chosen = _suite(suite, loader)
    specs = _specs(agent, chosen, loader)
    refuse_missing_model(specs, model)
    if max_usd is not None and prices is None:
        raise RequestError("max_usd needs prices: pass prices=Prices(input=..., output=...), or Prices.free()")
    check_users(chosen, user_model, user_prices, max_usd=max_usd)
    refuse_unknown_tools(chosen, specs)
    if isinstance(sandbox, str):
        make, maker = sandboxes.provider_of(sandbox, loader, project=project or Path.cwd()), sandbox
    else:
        make, maker = sandboxes.checked(sandbox, repr(sandbox)), sandboxes.name_of(sandbox)
    run = new_run(chosen, specs, {"trials": trials, "seed": seed, "sandbox": maker})
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
        sandbox=make,
    )
    summary = await carry_out(plan, kept)
    outcomes = tuple(kept.outcomes(run.id))
    return RunResult(run=run, outcomes=outcomes, store=kept, not_run=summary.planned - len(outcomes))


def run(suite: Suite | Scenario | str | Path, agent: object | Mapping[str, object], **options: Any) -> RunResult:
    """Run agents on a suite; see `run_async` for the arguments. Works under a running event loop, too."""
    return in_own_loop(run_async(suite, agent, **options))


def in_own_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end: in a loop of this thread, or of another thread where this one's is busy."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    return _in_another_thread(work)


def _in_another_thread(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop of its own, and end it where the waiting task is cancelled, as by Ctrl-C."""
    outcome: Future[T] = Future()
    begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = Future()

    async def held() -> T:
        task = asyncio.ensure_future(work)
        begun.set_result((asyncio.get_running_loop(), task))
        return await task

    def target() -> None:
        try:
            outcome.set_result(asyncio.run(held()))
        except BaseException as error:  # noqa: BLE001 (raised again in the caller's thread)
            outcome.set_exception(error)

    thread = threading.Thread(target=target, name="agenteval-run")
    thread.start()
    try:
        return _awaited(outcome)
    except BaseException:
        if not outcome.done():
            loop, task = begun.result()
            with suppress(RuntimeError):  # it has come to its end, and closed its loop, since the line above
                loop.call_soon_threadsafe(task.cancel)
        raise
    finally:
        thread.join()


def _awaited(outcome: Future[T]) -> T:
    """The outcome, once it is there. Raises CancelledError where the task that waits for it is cancelled meanwhile."""
    waiting = asyncio.current_task()
    before = 0 if waiting is None else waiting.cancelling()
    while True:
        # nothing wakes a thread that waits: the first Ctrl-C only cancels the task, and its loop stands still
        finished, _ = wait([outcome], timeout=_LOOK_EVERY_S)
        if finished:
            return outcome.result()
        if waiting is not None and waiting.cancelling() > before:
            raise asyncio.CancelledError


def _suite(given: Suite | Scenario | str | Path, loader: CodeLoader) -> Suite:
    if isinstance(given, Suite):
        return given
    if isinstance(given, Scenario):
        return Suite(id=given.id.partition("/")[0], scenarios=(given,))
    if isinstance(given, (str, Path)):
        return load_suite(given, loader)
    raise RequestError(
        f"a {type(given).__name__} is nothing to run an agent on: pass a Suite, a Scenario, a suite's name, or a path"
    )


def _specs(agent: object | Mapping[str, object], suite: Suite, loader: CodeLoader) -> tuple[AgentSpec, ...]:
    """The agents that were given, each by the name that it has in reports."""
    if isinstance(agent, Mapping):
        named = cast("Mapping[str, object]", agent)
    else:
        named = {"" if isinstance(agent, str) else str(getattr(agent, "__name__", "agent")): agent}
    if not named:
        raise RequestError("no agent was named: pass one, or several as {name: agent}")
    return tuple(_spec(name, value, suite, loader) for name, value in named.items())


def _spec(name: str, value: object, suite: Suite, loader: CodeLoader) -> AgentSpec:
    if isinstance(value, str):
        return resolve_agents([f"{name}={value}" if name else value], suite, loader, project=loader.project)[0]
    agent, uses_world = agent_of(value, name)
    return AgentSpec(name=name, ref=name, agent=agent, uses_world=uses_world)
