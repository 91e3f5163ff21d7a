"""A scenario and a run in, what came of it out: its calls, what was said, the end state, and the verdict."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agenteval._util.patch import apply
from agenteval.core.message import Message
from agenteval.core.ports import Agent, Session
from agenteval.core.scenario import Scenario
from agenteval.core.trajectory import StateChange, ToolCall
from agenteval.errors import ToolError
from agenteval.evaluation.evaluate import evaluate
from agenteval.evaluation.score import score
from agenteval.harness.limits import Budget
from agenteval.harness.trial import TrialPlan, run_trial
from agenteval.intake.solutions import Call, Maybe, Say, Solution
from agenteval.telemetry.assemble import trajectory_of
from bench._planting.facts import Facts

Steps = tuple[Say | Call, ...]
COUNTED = frozenset({"completed", "limit"})
"""Statuses of trials that are judged."""


class Scripted:
    """An agent that carries out steps, whatever it hears; it keeps what it heard."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self.heard: dict[int, str | None] = {}

    async def run(self, session: Session) -> None:
        """Do and say it."""
        for place, step in enumerate(self._steps):
            if isinstance(step, Say):
                self.heard[place] = await session.say(step.text)
                continue
            try:
                await session.call(step.tool, step.arguments)
            except ToolError:
                continue  # recorded as the call's error


@dataclass(frozen=True, kw_only=True)
class Made:
    """A call that was made.

    Attributes:
        place: Of its step; -1 for an agent that follows no script.
        touched: Where it changed the world, as JSON Pointers.
    """

    place: int
    tool: str
    arguments: Mapping[str, Any]
    result: Any
    error: str | None
    injected: str | None
    touched: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Whether it changed the world."""
        return bool(self.touched)

    @property
    def succeeded(self) -> bool:
        """Whether its agent was told that it did."""
        return self.error is None


@dataclass(frozen=True, kw_only=True)
class Run:
    """What came of a run.

    Attributes:
        said: What the agent said, message by message.
        heard: The replies, by the place of the step that said something; None where the user had gone.
        end: The world's state at the end.
        status: Of the trial.
        passed: The verdict; None where it is undecided or the trial does not count.
        failed: Ids of the checks that failed.
    """

    made: tuple[Made, ...]
    said: tuple[str, ...]
    heard: Mapping[int, str | None]
    end: Any
    status: str
    passed: bool | None
    failed: tuple[str, ...]

    def at(self, place: int) -> Made | None:
        """The call of a step."""
        return next((made for made in self.made if made.place == place), None)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A scenario with its reference run, without steps marked `maybe`, played.

    Attributes:
        start: The world's state before.
    """

    scenario: Scenario
    steps: Steps
    run: Run
    start: Any
    facts: Facts
    _cache: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The scenario's id."""
        return self.scenario.id

    @property
    def name(self) -> str:
        """The scenario's id within its suite."""
        return self.id.rpartition("/")[2]

    @property
    def changes(self) -> list[Made]:
        """The calls that changed the world in the user's sense: noting who the user is does not count."""
        return [made for made in self.run.made if made.changes and made.tool not in self.facts.bookkeeping]

    @functools.cached_property
    def told_by_user(self) -> str:
        """All that the user says or could say."""
        spec = {} if self.scenario.user is None else self.scenario.user.spec
        return _text([spec.get(key) for key in ("says", "knows", "then")] + [self.scenario.task])

    @functools.cached_property
    def answers(self) -> list[Any]:
        """What tools answered in the reference."""
        return [made.result for made in self.run.made if made.succeeded]

    @functools.cached_property
    def answered(self) -> str:
        """The same as text."""
        return _text(self.answers)

    @functools.cached_property
    def schemas(self) -> dict[str, Any]:
        """The schema of each tool's arguments, by tool."""
        world = self.scenario.world
        return {} if world is None else {tool.name: tool.parameters for tool in world.make(0).tools()}

    @property
    def faulty(self) -> frozenset[str]:
        """Tools that the scenario lets fail."""
        return frozenset(fault.tool for fault in self.scenario.faults)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def plain(solution: Solution) -> Steps:
    """The steps of a solution that it does not mark `maybe`."""
    return tuple(step for step in solution.steps if not isinstance(step, Maybe))


async def case_of(scenario: Scenario, solution: Solution, facts: Facts) -> Case:
    """A scenario and its reference, played."""
    start = None if scenario.world is None else scenario.world.make(0).state()
    steps = plain(solution)
    return Case(scenario=scenario, steps=steps, run=await play(scenario, steps, start), start=start, facts=facts)


async def play(scenario: Scenario, steps: Steps, start: Any) -> Run:
    """Play steps."""
    agent = Scripted(steps)
    places = [place for place, step in enumerate(steps) if isinstance(step, Call)]
    return await play_agent(scenario, agent, start, places=places, heard=agent.heard)


async def play_agent(
    scenario: Scenario,
    agent: Agent,
    start: Any,
    *,
    places: Sequence[int] = (),
    heard: Mapping[int, str | None] | None = None,
) -> Run:
    """Play an agent; `places` are those of its calls, where it has a script."""
    plan = TrialPlan(run="planted", scenario=scenario, agent_name="planted", agent=agent, repeat=0, seed=0, waits=False)
    result = await run_trial(plan, budget=Budget())
    trajectory = replace(trajectory_of(result.spans), start=result.start_state)
    counted = result.trial.status in COUNTED
    concluded = score(evaluate(trajectory, scenario.checks, scenario)) if counted else None
    changes = list(trajectory.of(StateChange))
    touched: dict[str, list[str]] = {}
    for _, change in changes:
        touched.setdefault(str(change.caused_by), []).extend(str(each.get("path", "")) for each in change.patch)
    made = [
        Made(
            place=place,
            tool=call.name or "",
            arguments=dict(call.arguments) if isinstance(call.arguments, Mapping) else {},
            result=call.result,
            error=None if call.error is None else str(call.error),
            injected=call.injected,
            touched=tuple(touched.get(step.id, ())),
        )
        for place, (step, call) in zip(_places(places), trajectory.of(ToolCall), strict=False)
    ]
    return Run(
        made=tuple(made),
        said=tuple(message.text for _, message in trajectory.of(Message) if message.role == "assistant"),
        heard=dict(heard or {}),
        end=apply(start, [operation for _, change in changes for operation in change.patch]),
        status=result.trial.status,
        passed=None if concluded is None else concluded.passed,
        failed=()
        if concluded is None
        else tuple(dict.fromkeys(f.check.partition("[")[0] for f in concluded.findings if f.verdict == "fail")),
    )


def _places(places: Sequence[int]) -> Iterator[int]:
    yield from places
    while True:
        yield -1
