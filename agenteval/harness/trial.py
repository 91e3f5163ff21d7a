"""One trial in, what happened out: the spans, the status, and whose fault it was where something broke.

completed     the agent came to its end
limit         a limit of the scenario, or the context of its model, stopped it; scored all the same
agent_error   the agent raised; scored, with a failed `finished` finding
diverged      the simulated user left its part; not counted, tried again
invalid       the harness, the world, the user, the sandbox, the model endpoint or the scenario broke; likewise
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import cast

from agenteval._util.canonical import content_hash
from agenteval._util.ids import derived
from agenteval._util.patch import apply
from agenteval.core import semconv
from agenteval.core.json import Json
from agenteval.core.outcome import Trial, TrialStatus
from agenteval.core.ports import Agent, Model, User, World
from agenteval.core.scenario import Scenario
from agenteval.core.span import Attribute, Span
from agenteval.errors import (
    BudgetSpent,
    LimitReached,
    ModelError,
    RequestError,
    SandboxError,
    ScenarioError,
    UserDiverged,
    UserError,
    WorldError,
)
from agenteval.harness.limits import Budget, Meter
from agenteval.harness.sandboxes import MakeSandbox, TrialSandbox
from agenteval.harness.session import LiveSession
from agenteval.harness.stalls import Interrupted, StallWatch, Watched, stall_watch, working
from agenteval.harness.user_calls import UserCalls
from agenteval.harness.user_line import UserLine
from agenteval.models.price import Prices
from agenteval.models.refusals import outgrew_context
from agenteval.sandbox import bubblewrap
from agenteval.telemetry.capture import TrialRecorder, capture
from agenteval.world.faults import Injector
from agenteval.world.state_world import StateWorld

_STRAGGLERS_S = 1.0  # how long spans of other instrumentations may take to end after the agent has
_LONGEST_ERROR = 2_000

_FAULTS: tuple[tuple[type[BaseException], str], ...] = (
    (WorldError, "world"),
    (UserError, "user"),
    (ModelError, "model"),
    (SandboxError, "sandbox"),
    (ScenarioError, "scenario"),
    (RequestError, "harness"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPlan:
    """What identifies a trial, and what it is run with.

    Attributes:
        user_model: Speaks for users with a persona; without one, the rule-based user who knows the same stands in.
        uses_world: False for an agent that keeps its own tools: no fault can be injected into those.
        waits: Whether injected latency is waited for.
        sandbox: Gives the trial's sandbox, where its world or its agent wants one.
    """

    run: str
    scenario: Scenario
    agent_name: str
    agent: Agent
    repeat: int
    seed: int
    attempt: int = 0
    model: Model | None = None
    prices: Prices | None = None
    user_model: Model | None = None
    user_prices: Prices | None = None
    uses_world: bool = True
    waits: bool = True
    sandbox: MakeSandbox = bubblewrap

    @property
    def trace_id(self) -> str:
        """Follows from the run, the scenario, the agent, the repeat and the attempt."""
        return derived(self.run, self.scenario.hash, self.agent_name, self.repeat, self.attempt)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What happened.

    Attributes:
        trial: Its status, and whose fault it was where something broke.
        spans: Every span of the trial, the root first.
        start_state: The world's state before; `trial`'s root span holds its hash.
        not_counted: The run's budget was spent: nothing was concluded, and the trial is to be run again.
    """

    trial: Trial
    spans: tuple[Span, ...] = ()
    start_state: Json = None
    not_counted: bool = False


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a trial ended."""

    status: TrialStatus
    error: str | None = None
    fault_of: str | None = None
    detail: str | None = None
    end_state: str | None = None


async def run_trial(plan: TrialPlan, *, budget: Budget) -> TrialResult:
    """Run one trial to its end. Raises nothing but cancellation: whatever breaks is a status."""
    began = time.monotonic()
    try:
        world, user, user_calls = _surroundings(plan, budget)
    except Exception as error:  # noqa: BLE001 (a scenario's own code may raise anything)
        return _not_begun(plan, error, began)
    work = _Work(plan, world, user, budget)
    if user_calls is not None:
        user_calls.recorder = work.recorder
    try:
        async with work.sandbox:
            try:
                await work.sandbox.serve(world)
                start = None if world is None else world.state()
                start_hash = None if world is None else state_hash(start)
            except Exception as error:  # noqa: BLE001 (likewise)
                work.recorder.close({})
                return _not_begun(plan, error, began)
            ended = await work.run()
            await work.sandbox.settle()
            if world is not None:
                ended = _with_proof(ended, world, start, start_hash, work)
    except asyncio.CancelledError:
        work.recorder.close({})
        raise
    if work.sandbox.fault is not None and ended.fault_of is None:  # found when the agent was done
        whose, fault = work.sandbox.fault
        ended = replace(ended, status="invalid", error=_line(fault), fault_of=whose)
    spans = work.recorder.close(_learned(ended, work, start_hash))
    return TrialResult(
        trial=_trial(plan, ended, began, traced=True),
        spans=tuple(spans),
        start_state=start,
        not_counted=isinstance(work.meter.breach, BudgetSpent),
    )


def _not_begun(plan: TrialPlan, error: Exception, began: float) -> TrialResult:
    """A trial that something broke before the agent was there."""
    whose = next((name for kind, name in _FAULTS if isinstance(error, kind)), "world")
    return TrialResult(trial=_trial(plan, _Ended("invalid", error=_line(error), fault_of=whose), began))


class _Clock:
    """A trial's time: what is allowed, and what others took from it."""

    def __init__(self, allowed_s: float | None) -> None:
        self.began = time.monotonic()
        self.lost_s = 0.0
        self._allowed_s = allowed_s

    def left(self) -> float | None:
        """Seconds until it is up; None where it has no end."""
        if self._allowed_s is None:
            return None
        return max(0.0, self._allowed_s + self.lost_s - (time.monotonic() - self.began))


class _Work:
    """One trial at work: its recorder, meter and session, and the task that the agent runs in.

    Nothing that the agent is handed leads back to this object: it holds the plan, and so the scenario's intent.
    """

    def __init__(self, plan: TrialPlan, world: World | None, user: User | None, budget: Budget) -> None:
        self._plan = plan
        self._user = user
        self._clock = clock = _Clock(plan.scenario.limits.seconds)
        self._watched = Watched(name=f"agent {plan.agent_name} ({plan.scenario.id})", time_left=clock.left)
        loop = asyncio.get_running_loop()
        stopped: asyncio.Future[None] = loop.create_future()
        self._stopped = stopped
        self.meter = meter = Meter(
            plan.scenario.limits,
            budget,
            used=lambda: (recorder.usage, recorder.tool_calls),
            stop=lambda: loop.call_soon_threadsafe(_settle, stopped),
        )
        recorder = capture().open(
            plan.trace_id, f"trial {plan.scenario.id}", _root_attributes(plan), on_use=meter.check
        )
        self.recorder = recorder
        self.sandbox = TrialSandbox(plan.sandbox, recorder)
        self._line = UserLine()
        self.faults = Injector(plan.scenario.faults, waits=plan.waits)
        self.session = LiveSession(
            agent_name=plan.agent_name,
            opening=plan.scenario.opening,
            instructions=plan.scenario.instructions,
            world=world,
            user=None if user is None else self._line,
            model=plan.model,
            prices=plan.prices,
            recorder=self.recorder,
            meter=self.meter,
            seed=plan.seed,
            sandbox=self.sandbox,
            faults=self.faults,
        )

    async def run(self) -> _Ended:
        """Run the agent, and the user where there is one."""
        if self._user is None:
            return await self._with_agent()
        watched = Watched(name=f"the user of {self._plan.scenario.id}", time_left=self._clock.left)
        async with self._line.attended(self._user, self.recorder, watched):
            return await self._with_agent()

    async def _with_agent(self) -> _Ended:
        """Run the agent in a task of its own, so that a limit can cancel it whatever it catches."""
        self._clock.began = time.monotonic()  # what came before, such as starting a sandbox, is not the agent's time
        watch = stall_watch()
        with watch.over(self._watched):
            task = asyncio.create_task(_converse(self._plan.agent, self.session, self.recorder, self._watched))
            try:
                await self._until_done_or_up(task, watch)
                if not task.done():
                    if not self._stopped.done():
                        self.meter.out_of_time()
                    task.cancel()
                    await asyncio.wait({task}, timeout=_STRAGGLERS_S)
                    if not task.done():
                        _abandon(task)
                await self._stragglers()
            except asyncio.CancelledError:
                task.cancel()
                raise
        return self._conclude(task)

    async def _until_done_or_up(self, task: asyncio.Task[None], watch: StallWatch) -> None:
        """Wait until the agent is done, a limit stops it, or its time is up. Time that others took is given back."""
        while True:
            clock = self._clock
            await asyncio.wait({task, self._stopped}, timeout=clock.left(), return_when=asyncio.FIRST_COMPLETED)
            clock.lost_s = watch.lost(self._watched, clock.began)
            left = clock.left()
            if task.done() or self._stopped.done() or (left is not None and left <= 0):
                return

    def told_faults(self) -> Attribute | None:
        """The scenario's faults, and which of them the agent met; None where none could be injected."""
        told = self.faults.told() if self._plan.uses_world else []
        return cast("Attribute", told) or None

    async def _stragglers(self) -> None:
        """Wait a little for spans of other instrumentations that end after the agent has."""
        deadline = time.monotonic() + _STRAGGLERS_S
        # spans end on any thread, so there is nobody to set an event
        while self.recorder.unfinished and self.meter.breach is None and time.monotonic() < deadline:  # noqa: ASYNC110 (polls for threads)
            await asyncio.sleep(0.01)

    def _conclude(self, task: asyncio.Task[None]) -> _Ended:
        error = task.exception() if task.done() and not task.cancelled() else None
        if isinstance(error, Interrupted):
            self.meter.out_of_time()
        breach = self.meter.breach
        if isinstance(breach, BudgetSpent):
            return _Ended("invalid", error=str(breach), fault_of="harness")
        noted = self.sandbox.fault or self.session.fault
        if noted is not None:
            whose, fault = noted
            if isinstance(fault, UserDiverged):
                return _Ended("diverged", error=str(fault), fault_of=whose, detail=fault.how)
            return _Ended("invalid", error=_line(fault), fault_of=whose)
        if isinstance(breach, LimitReached):
            return _Ended("limit", error=str(breach), detail=breach.limit)
        if not task.done():
            return _Ended("agent_error", error="the agent did not stop when it was cancelled", fault_of="agent")
        if task.cancelled():
            return _Ended("agent_error", error="the agent cancelled its own task", fault_of="agent")
        if error is None:
            return _Ended("completed")
        if outgrew_context(error):
            return _Ended("limit", error=_line(error), detail="context")
        whose = next((name for kind, name in _FAULTS if isinstance(error, kind)), None)
        if whose is not None:
            return _Ended("invalid", error=_line(error), fault_of=whose)
        return _Ended("agent_error", error=_line(error), fault_of="agent")


def _settle(stopped: asyncio.Future[None]) -> None:
    if not stopped.done():
        stopped.set_result(None)


async def _converse(agent: Agent, session: LiveSession, recorder: TrialRecorder, watched: Watched) -> None:
    working(watched)
    with recorder.active():
        try:
            session.begin()
            await agent.run(session)
        finally:
            session.finish()


def _surroundings(plan: TrialPlan, budget: Budget) -> tuple[World | None, User | None, UserCalls | None]:
    """The world, the user, and the calls of the model that speaks for the user, where one does."""
    scenario = plan.scenario
    world = scenario.world.make(plan.seed) if scenario.world is not None and plan.uses_world else None
    if scenario.user is None:
        return world, None, None
    if scenario.user.with_model is None or plan.user_model is None:
        return world, scenario.user.make(plan.seed), None
    calls = UserCalls(plan.user_model, plan.user_prices, budget)
    seed = plan.seed + plan.attempt  # a model that diverged would do so again from the same one
    return world, scenario.user.with_model(seed, calls, scenario.intent), calls


_ABANDONED: list[asyncio.Task[None]] = []  # kept, because collecting one would throw into it once more


def _abandon(task: asyncio.Task[None]) -> None:
    """Leave an agent that catches even its cancellation: the loop must not wait for it at its end."""
    asyncio._unregister_task(task)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] (asyncio's documented hook)
    _ABANDONED.append(task)


def _root_attributes(plan: TrialPlan) -> dict[str, Attribute]:
    return {
        semconv.SOURCE: "harness",
        semconv.RUN_ID: plan.run,
        semconv.SCENARIO: plan.scenario.id,
        semconv.SCENARIO_HASH: plan.scenario.hash,
        semconv.AGENT: plan.agent_name,
        semconv.REPEAT: plan.repeat,
        semconv.ATTEMPT: plan.attempt,
        semconv.SEED: plan.seed,
    }


def _learned(ended: _Ended, work: _Work, start_hash: str | None) -> dict[str, Attribute]:
    """What the root span says of the trial's end."""
    learned: dict[str, Attribute | None] = {
        semconv.END_REASON: ended.status,
        semconv.END_DETAIL: ended.detail,
        semconv.START_STATE: start_hash,
        semconv.END_STATE: ended.end_state,
        semconv.OFFERED_TOOLS: sorted(tool.name for tool in work.session.tools) or None,
        semconv.FAULTS: work.told_faults(),
        semconv.SANDBOX: None if work.sandbox.isolation is None else work.sandbox.isolation.text,
    }
    return {key: value for key, value in learned.items() if value is not None}


def _trial(plan: TrialPlan, ended: _Ended, began: float, *, traced: bool = False) -> Trial:
    return Trial(
        run=plan.run,
        scenario=plan.scenario.id,
        scenario_hash=plan.scenario.hash,
        agent=plan.agent_name,
        repeat=plan.repeat,
        attempt=plan.attempt,
        seed=plan.seed,
        status=ended.status,
        error=ended.error,
        fault_of=ended.fault_of,
        trace_ids=(plan.trace_id,) if traced else (),
        trajectory=plan.trace_id if traced else None,
        seconds=time.monotonic() - began,
    )


def _line(error: BaseException) -> str:
    """An error in one bounded line."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= _LONGEST_ERROR else text[: _LONGEST_ERROR - 1] + "…"


# --- the world's state


def state_hash(state: Json) -> str:
    """Content hash of a world's state. A state shared by many trials is hashed once."""
    known = _HASHES.get(id(state))
    if known is None:
        if len(_HASHES) >= _HASHES_KEPT:
            _HASHES.clear()
        known = _HASHES[id(state)] = (state, content_hash(state))
    return known[1]


_HASHES: dict[int, tuple[Json, str]] = {}  # the state is kept beside its hash, so that its id stays its own
_HASHES_KEPT = 64


_LOOKED_AT_KEPT = 10_000
_LOOKED_AT: set[str] = set()  # start states that were found unchanged although no change was told


def _was_changed(world: World, start: Json, start_hash: str | None, *, told: bool) -> bool:
    """Whether a world changed the state that it had handed out: other trials, or checks, would see the wrong start.

    Hashing it again costs as much as the first time, so where nothing was told to have changed it is done once.
    """
    if isinstance(world, StateWorld) or (start_hash in _LOOKED_AT and not told):
        return False
    if content_hash(start) != start_hash:
        _HASHES.pop(id(start), None)
        return True
    if len(_LOOKED_AT) >= _LOOKED_AT_KEPT:
        _LOOKED_AT.clear()
    _LOOKED_AT.add(str(start_hash))
    return False


def _with_proof(ended: _Ended, world: World, start: Json, start_hash: str | None, work: _Work) -> _Ended:
    """The end, with the state's identity after; invalid where the changes do not account for the state.

    A state is compared whole once, here. Its identity is the start state's hash where nothing changed, else a hash of
    that and of the changes in order, so that a large world is never serialised again.
    """
    changes = work.recorder.changes
    try:
        accounted = apply(start, changes) == world.state()
    except Exception as error:  # noqa: BLE001 (a scenario's own code may raise anything)
        return replace(ended, status="invalid", error=_line(error), fault_of="world")
    if not accounted:
        why = "the world's changes() do not account for what changed in its state()"
        return replace(ended, status="invalid", error=why, fault_of="world")
    if _was_changed(world, start, start_hash, told=bool(changes)):
        why = "the state() that the world gave before the trial was changed by it afterwards; let state() give a copy"
        return replace(ended, status="invalid", error=why, fault_of="world")
    return replace(ended, end_state=start_hash if not changes else content_hash([start_hash, changes]))
