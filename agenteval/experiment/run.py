"""A plan in, a run out: every trial carried out, kept, judged and counted. The one place where all sides meet.

A trial is finished when it is committed. Stopped at any moment, by Ctrl-C or `kill -9`, a run loses no finished trial,
and resuming it carries out only what is missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from agenteval._util.ids import derived_seed
from agenteval.core.outcome import COUNTED, Run, Score, Trial
from agenteval.core.ports import Agent, Model, Query, TraceStore
from agenteval.core.scenario import Scenario, Suite
from agenteval.core.trajectory import Trajectory
from agenteval.core.used import used
from agenteval.evaluation.evaluate import evaluate
from agenteval.evaluation.score import INVALID, score
from agenteval.experiment.sandboxes import require_sandbox
from agenteval.harness.limits import Budget
from agenteval.harness.sandboxes import MakeSandbox
from agenteval.harness.trial import TrialPlan, TrialResult, run_trial
from agenteval.models.price import Prices
from agenteval.sandbox import bubblewrap
from agenteval.telemetry.assemble import trajectory_of

_TRIED_AGAIN = frozenset({"invalid", "diverged"})
_AT_ONCE = 64  # results committed in one transaction, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpec:
    """An agent to measure.

    Attributes:
        name: How reports call it.
        ref: How it was named, so that a resumed run finds it again.
        uses_world: False for a graph that keeps its own tools.
    """

    name: str
    ref: str
    agent: Agent
    uses_world: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What to carry out.

    Attributes:
        trials: Repeats of each scenario by each agent.
        seed: Seed of the run; each trial's own follows from it, the scenario and the repeat, alike for every agent.
        concurrency: Trials at work at once, at most.
        retries: How often a trial that is invalid or diverged is tried again.
        max_usd: Bound on the price of the run; None is none.
    """

    run: Run
    suite: Suite
    agents: tuple[AgentSpec, ...]
    trials: int = 1
    seed: int = 0
    concurrency: int = 8
    retries: int = 2
    max_usd: float | None = None
    model: Model | None = None
    prices: Prices | None = None
    user_model: Model | None = None
    user_prices: Prices | None = None
    sandbox: MakeSandbox = bubblewrap


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One trial was committed.

    Attributes:
        again: True where the trial was invalid or diverged, and is tried again.
        spent_usd: What the run's model calls cost so far.
    """

    trial: Trial
    score: Score
    done: int
    total: int
    spent_usd: float
    again: bool = False


@dataclass(slots=True)
class RunSummary:
    """What a run came to: trials carried out now, trials that were there already, and whether it was stopped."""

    run: Run
    planned: int
    carried_out: int = 0
    already_there: int = 0
    stopped: str | None = None
    statuses: dict[str, int] = field(default_factory=dict[str, int])


OnProgress = Callable[[Progress], None]


def planned_trials(plan: RunPlan) -> list[TrialPlan]:
    """Every trial of a plan, repeats outermost, so that what a stopped run holds is balanced."""
    return [
        TrialPlan(
            run=plan.run.id,
            scenario=scenario,
            agent_name=spec.name,
            agent=spec.agent,
            repeat=repeat,
            seed=derived_seed(plan.seed, scenario.id, repeat),
            model=plan.model,
            prices=plan.prices,
            user_model=plan.user_model,
            user_prices=plan.user_prices,
            uses_world=spec.uses_world,
            sandbox=plan.sandbox,
        )
        for repeat in range(plan.trials)
        for scenario in plan.suite.scenarios
        for spec in plan.agents
    ]


async def carry_out(plan: RunPlan, store: TraceStore, *, on_progress: OnProgress | None = None) -> RunSummary:
    """Carry out every trial of the plan that the store does not hold as counted yet.

    Cancellation (Ctrl-C) ends the trials at work, commits what is finished, and is raised again.

    Raises:
        SandboxError: A scenario needs a sandbox, and none can be started here; nothing was begun.
    """
    planned = planned_trials(plan)
    there = {_identity(trial): trial for trial in store.trials(Query(run=plan.run.id))}
    summary = RunSummary(run=plan.run, planned=len(planned))
    work: list[TrialPlan] = []
    for trial in planned:
        earlier = there.get((trial.scenario.hash, trial.agent_name, trial.repeat, trial.seed))
        if earlier is not None and earlier.status in COUNTED:
            summary.already_there += 1
        else:
            work.append(trial if earlier is None else replace(trial, attempt=earlier.attempt + 1))
    if any(trial.uses_world for trial in work):
        await require_sandbox(plan.suite.scenarios, plan.sandbox)
    store.put_run(plan.run)
    await _Execution(plan, store, summary, on_progress or (lambda _: None)).execute(work)
    return summary


def run_of(store: TraceStore, run_id: str, *, kinds: Collection[str]) -> Run:
    """The run that is meant: by id or the beginning of one; `latest` is the latest of these kinds.

    Raises:
        NotFound: There is none.
    """
    if run_id == "latest":
        run_id = next((run.id for run in reversed(store.runs()) if run.kind in kinds), run_id)
    return store.run(run_id)


def _identity(trial: Trial) -> tuple[str, str, int, int]:
    return (trial.scenario_hash, trial.agent, trial.repeat, trial.seed)


class _Execution:
    """Workers that run trials, and one writer that keeps and judges them."""

    def __init__(self, plan: RunPlan, store: TraceStore, summary: RunSummary, on_progress: OnProgress) -> None:
        self._plan = plan
        self._store = store
        self._summary = summary
        self._on_progress = on_progress
        self._budget = Budget(plan.max_usd)
        # bounded: where the store is slower than the agents, they wait for it, and memory does not grow with the plan
        self._results: asyncio.Queue[tuple[TrialPlan, TrialResult] | None] = asyncio.Queue(maxsize=_AT_ONCE)

    async def execute(self, work: Sequence[TrialPlan]) -> None:
        todo = iter(work)
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="agenteval-store") as thread:
            writer = asyncio.create_task(self._write(thread))
            workers = [
                asyncio.create_task(self._work(todo)) for _ in range(min(self._plan.concurrency, max(1, len(work))))
            ]
            try:
                await asyncio.gather(*workers)
            except BaseException:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)
                raise
            finally:
                await self._results.put(None)
                await asyncio.shield(writer)

    async def _work(self, todo: Any) -> None:
        for first in todo:
            trial = first
            while not self._budget.spent:
                result = await run_trial(trial, budget=self._budget)
                if result.not_counted:
                    break
                await self._results.put((trial, result))
                if result.trial.status not in _TRIED_AGAIN or trial.attempt - first.attempt >= self._plan.retries:
                    break
                trial = replace(trial, attempt=trial.attempt + 1)
            if self._budget.spent:
                self._summary.stopped = f"the budget of {self._plan.max_usd:g} USD is spent"
                return

    async def _write(self, thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        open_ = True
        while open_:
            batch = [await self._results.get()]
            while len(batch) < _AT_ONCE and not self._results.empty():
                batch.append(self._results.get_nowait())
            open_ = batch[-1] is not None
            kept = [item for item in batch if item is not None]
            if kept:
                scores = await loop.run_in_executor(thread, keep_all, self._store, kept)
                for (plan, result), concluded in zip(kept, scores, strict=True):
                    self._report(plan, result.trial, concluded)

    def _report(self, plan: TrialPlan, trial: Trial, concluded: Score) -> None:
        again = trial.status in _TRIED_AGAIN and plan.attempt < self._plan.retries
        if not again:
            self._summary.carried_out += 1
            self._summary.statuses[trial.status] = self._summary.statuses.get(trial.status, 0) + 1
        self._on_progress(
            Progress(
                trial=trial,
                score=concluded,
                done=self._summary.carried_out + self._summary.already_there,
                total=self._summary.planned,
                spent_usd=self._budget.spent_usd,
                again=again,
            )
        )


def keep_all(store: TraceStore, results: Sequence[tuple[TrialPlan, TrialResult]]) -> list[Score]:
    """Keep and judge results in one transaction; gives their scores once they are committed."""
    judged = [_judge(plan.scenario, result) for plan, result in results]
    with store.batch():
        store.append([span for _, result in results for span in result.spans])
        store.put_trials(
            (_counted(result.trial, trajectory), trajectory, result.start_state)
            for (_, result), (trajectory, _) in zip(results, judged, strict=True)
        )
        for (_, result), (_, concluded) in zip(results, judged, strict=True):
            store.record(result.trial.run, result.trial.trajectory or "", concluded.findings, concluded)
    return [concluded for _, concluded in judged]


def _counted(trial: Trial, trajectory: Trajectory | None) -> Trial:
    """The trial, with what it used: reports add that up without reading trajectories."""
    return trial if trajectory is None else replace(trial, used=used(trajectory))


def _judge(scenario: Scenario, result: TrialResult) -> tuple[Trajectory | None, Score]:
    if not result.spans:
        return None, INVALID
    trajectory = replace(trajectory_of(result.spans), start=result.start_state)
    if result.trial.status not in COUNTED:
        return trajectory, INVALID
    return trajectory, score(evaluate(trajectory, scenario.checks, scenario))
