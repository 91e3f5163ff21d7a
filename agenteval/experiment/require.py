"""A run's outcomes and a requirement in, what stands against it out: not met, inconclusive, or trials that are invalid.

One invalid trial is enough for the last: the agent is not judged by what is left after something else broke.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from agenteval.core.outcome import Score, Trial
from agenteval.errors import Inconclusive, InvalidTrials, RequestError, RequirementNotMet, ResultError
from agenteval.experiment.run import COUNTED
from agenteval.stats import Requirement, requirement

Outcomes: TypeAlias = Sequence[tuple[Trial, Score]]
Counted: TypeAlias = tuple[dict[str, tuple[int, int]], int]
"""Scenario id to (passed, counted), and how many trials were left out."""


@dataclass(frozen=True, slots=True)
class Against:
    """What stands against a requirement: the error to raise, its message, and the agents that it is about."""

    kind: type[ResultError]
    message: str
    agents: tuple[str, ...] = ()

    def error(self, result: object) -> ResultError:
        """The error, which carries the run's result."""
        return self.kind(self.message, result=result, agents=self.agents)


def counts_of(outcomes: Outcomes) -> Counted:
    """Passed and counted trials of each scenario, and how many were left out."""
    counts: dict[str, tuple[int, int]] = {}
    left_out = 0
    for trial, score in outcomes:
        if score.passed is None:
            left_out += 1
            continue
        passed, counted = counts.get(trial.scenario, (0, 0))
        counts[trial.scenario] = (passed + int(score.passed), counted + 1)
    return counts, left_out


def against(
    outcomes: Outcomes, agents: Sequence[str], rate: float | None, *, confidence: float, not_run: int
) -> Against | None:
    """What stands against a requirement; None where every agent meets it.

    Args:
        outcomes: Every trial with its score.
        agents: Those that must meet it, each by itself.
        rate: The rate that the interval must lie at or above; None requires that every trial passed.
        confidence: Level of the interval.
        not_run: How many planned trials were not run.

    Raises:
        RequestError: The rate or the level is none.
    """
    _refuse(rate, confidence)
    found: list[Against] = []
    for agent in agents:
        mine = [outcome for outcome in outcomes if outcome[0].agent == agent]
        said = of_invalid(mine) or (_strictly(mine, not_run) if rate is None else _by_rate(mine, rate, confidence))
        if said is not None:
            message = f"{said.message} ({agent})" if len(agents) > 1 else said.message
            found.append(replace(said, message=message, agents=(agent,)))
    order = (InvalidTrials, RequirementNotMet, Inconclusive)
    return min(found, key=lambda said: order.index(said.kind), default=None)


def of_invalid(outcomes: Outcomes) -> Against | None:
    """That trials are invalid, whose fault most of them are, and the first error; None where none is."""
    invalid = [trial for trial, _ in outcomes if trial.status not in COUNTED]
    if not invalid:
        return None
    faults = Counter(trial.fault_of or "unknown" for trial in invalid)
    whose = faults.most_common(1)[0][0]
    first = next(trial for trial in invalid if (trial.fault_of or "unknown") == whose)
    message = f"invalid: {_of(len(invalid), len(outcomes))} (fault of: {whose}): {first.error or first.status}"
    return Against(InvalidTrials, message, tuple(dict.fromkeys(trial.agent for trial in invalid)))


def _refuse(rate: float | None, confidence: float) -> None:
    if rate is not None and not 0 <= rate <= 1:
        raise RequestError(f"require({rate:g}): a rate lies between 0 and 1, such as 0.75")
    if not 0 < confidence < 1:
        raise RequestError(f"confidence is {confidence:g}; it must lie between 0 and 1, such as 0.95")


def _strictly(outcomes: Outcomes, not_run: int) -> Against | None:
    """Every trial passed, whatever their number: a statement about these trials, and about no others."""
    failed = sum(score.passed is False for _, score in outcomes)
    open_ = sum(score.passed is None for _, score in outcomes)
    wanted = "every one is required to pass"
    if failed:
        return Against(RequirementNotMet, f"not met: {_of(failed, len(outcomes))} failed, {wanted}")
    if open_:
        return Against(Inconclusive, f"inconclusive: {_of(open_, len(outcomes))} came to no verdict, {wanted}")
    if not_run:
        return Against(
            Inconclusive, f"inconclusive: the budget was spent before {not_run} of the trials were run, {wanted}"
        )
    return None


def _by_rate(outcomes: Outcomes, rate: float, confidence: float) -> Against | None:
    counts, left_out = counts_of(outcomes)
    found = requirement(counts, rate, confidence=confidence, left_out=left_out)
    if found.verdict == "met":
        return None
    return Against(RequirementNotMet if found.verdict == "not_met" else Inconclusive, in_words(found))


def in_words(found: Requirement) -> str:
    """What was observed and required, and where that is open how much more would tell."""
    if found.verdict == "inconclusive":
        return f"inconclusive: {_observed(found)}; {_more(found)}"
    return f"{found.verdict.replace('_', ' ')}: {_observed(found)}"


def _observed(found: Requirement) -> str:
    interval, required = found.interval, f"{found.required:g} is required"
    left_out = f", {interval.left_out} left out" if interval.left_out else ""
    if interval.estimate is None or interval.low is None or interval.high is None:
        return f"no trial was counted{left_out}, {required}"
    passed = round(interval.estimate * interval.counted)
    scenarios = f" of {interval.clusters} scenarios" if found.unit == "scenarios" else ""
    ends = f"{interval.estimate:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
    return f"passed {_of(passed, interval.counted)}{scenarios}{left_out}, a rate of {ends}, {required}"


def _more(found: Requirement) -> str:
    if found.tells_at is None:
        return found.why_not
    now = found.interval.counted if found.unit == "trials" else found.interval.clusters or 0
    more = found.tells_at - now
    unit = "trial" if found.unit == "trials" else "scenario like these"
    words = unit if more == 1 else unit.replace("trial", "trials").replace("scenario", "scenarios")
    return f"at this rate about {more:,} more {words} would tell"


def _of(some: int, all_: int) -> str:
    return f"{some} of {all_} trial{'' if all_ == 1 else 's'}"
