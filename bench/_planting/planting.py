"""What every planted run has in common: where it comes from, how steps are edited, and when a fault counts as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Any

from agenteval.core.scenario import Scenario
from agenteval.intake.solutions import Call, Say
from bench._planting.play import Case, Made, Run, Steps


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A run with a fault.

    Attributes:
        what: What is wrong, in a few words.
        scenario: Where it is played, if not in the scenario as it stands: with another injected fault.
        harm: The places of the calls that do the harm.
    """

    what: str
    steps: Steps
    scenario: Scenario | None = None
    harm: tuple[int, ...] = ()


Rule = Callable[[Case, Planted, Run], bool]


@dataclass(frozen=True, kw_only=True)
class Site:
    """A place for a fault: the first of its candidates that counts is planted.

    Attributes:
        fault: The class.
        what: Tells it from the other sites of its class and scenario.
        candidates: Runs with the fault; which ones, the random numbers decide.
        counts: Whether the fault is one.
    """

    fault: str
    what: str
    candidates: Callable[[Random], Iterable[Planted]]
    counts: Rule


# --- when a fault counts: by the end state, by what is said and by which calls are made, never by a verdict


def harmed(case: Case, planted: Planted, run: Run) -> bool:
    """Every call that does the harm succeeded and changed the world, and the world ends up otherwise."""
    made = [run.at(place) for place in planted.harm]
    return all(each and each.succeeded and each.changes for each in made) and run.end != case.run.end


def ends_otherwise(case: Case, planted: Planted, run: Run) -> bool:
    """The world ends up otherwise."""
    return run.end != case.run.end


def told_otherwise(case: Case, planted: Planted, run: Run) -> bool:
    """The user is told something else."""
    return run.said != case.run.said


def matters(case: Case, planted: Planted, run: Run) -> bool:
    """The world ends up otherwise, or the user is told something else."""
    return ends_otherwise(case, planted, run) or told_otherwise(case, planted, run)


def against_the_rules(case: Case, planted: Planted, run: Run) -> bool:
    """Always: what was left out or done too late is demanded by the policy for its own sake."""
    return True


# --- steps


def left_out(steps: Steps, places: Iterable[int]) -> Steps:
    """The steps without some."""
    gone = set(places)
    return tuple(step for place, step in enumerate(steps) if place not in gone)


def inserted(steps: Steps, place: int, *new: Say | Call) -> Steps:
    """The steps with new ones before a place."""
    return (*steps[:place], *new, *steps[place:])


def put(steps: Steps, place: int, step: Say | Call) -> Steps:
    """The steps with another in one place."""
    return (*steps[:place], step, *steps[place + 1 :])


def moved(steps: Steps, place: int, behind: int) -> Steps:
    """The steps with one moved behind a later one."""
    return (*steps[:place], *steps[place + 1 : behind + 1], steps[place], *steps[behind + 1 :])


def says(case: Case) -> list[int]:
    """The places where something is said."""
    return [place for place, step in enumerate(case.steps) if isinstance(step, Say)]


def called(case: Case, made: Made) -> Call:
    """The step of a call."""
    step = case.steps[made.place]
    if not isinstance(step, Call):
        raise TypeError(f"step {made.place + 1} of {case.id} is no call")
    return step


def one(what: str, steps: Steps, **more: Any) -> Callable[[Random], list[Planted]]:
    """A single candidate."""
    return lambda rng: [Planted(what=what, steps=steps, **more)]
