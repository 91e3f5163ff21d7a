"""What a rule concluded of one part of a trajectory, before it becomes a finding; and how conclusions add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from agenteval.checkers.show import joined
from agenteval.checkers.values import Doubt
from agenteval.checkers.view import Called
from agenteval.core.json import Json
from agenteval.core.outcome import Measure, ReasonCode, Verdict


@dataclass(slots=True, kw_only=True)
class Outcome:
    """A verdict with its reason. Each answer is a new one, so that whoever is given it may change it.

    Attributes:
        score: In [0, 1] where the rule is graded; None where it is not, or was not measured.
        measure: What a check of a user's own measured, as it was given.
    """

    verdict: Verdict
    code: ReasonCode
    reason: str
    steps: tuple[str, ...] = ()
    evidence: Mapping[str, Json] = field(default_factory=dict[str, Json])
    vacuous: bool = False
    activations: int | None = None
    score: float | None = None
    measure: Measure | None = None


def held(reason: str, calls: Iterable[Called] = (), activations: int | None = None) -> Outcome:
    """It holds."""
    return Outcome(verdict="pass", code="held", reason=reason, steps=ids(calls), activations=activations)


def inactive(reason: str) -> Outcome:
    """It holds because nothing activated it."""
    return Outcome(verdict="pass", code="not_activated", reason=reason, vacuous=True, activations=0)


def violated(
    code: ReasonCode,
    reason: str,
    calls: Iterable[Called] = (),
    evidence: Mapping[str, Json] | None = None,
    activations: int | None = None,
) -> Outcome:
    """It does not hold."""
    return Outcome(
        verdict="fail", code=code, reason=reason, steps=ids(calls), evidence=evidence or {}, activations=activations
    )


def undecided(
    doubt: Doubt, calls: Iterable[Called] = (), evidence: Mapping[str, Json] | None = None, said: str = ""
) -> Outcome:
    """It was asked and could not be answered. `said` is what was seen, in front of why that does not decide it."""
    code, reason = doubt
    text = f"{said}, but {reason}" if said else reason
    return Outcome(verdict="unknown", code=code, reason=text, steps=ids(calls), evidence=evidence or {})


def ids(calls: Iterable[Called]) -> tuple[str, ...]:
    """The ids of the steps of those calls, each once."""
    return tuple(dict.fromkeys([called.step.id for called in calls]))


def where(calls: Sequence[Called]) -> str:
    """`step 4`, `steps 4 and 9`."""
    numbers = [str(called.step.index) for called in calls]
    return f"step{'' if len(numbers) == 1 else 's'} {joined(numbers, 8)}"


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """All of them together: fail where one fails, else unknown where one is, else pass.

    The reason is that of the first which decided it; the steps are those of all which did.
    """
    if len(outcomes) == 1:
        return outcomes[0]
    for verdict in ("fail", "unknown"):
        found = [outcome for outcome in outcomes if outcome.verdict == verdict]
        if found:
            return _merged(_first(found), found)
    active = [outcome for outcome in outcomes if not outcome.vacuous]
    return _merged((active or list(outcomes))[0], active or list(outcomes))


def _first(found: list[Outcome]) -> Outcome:
    # what was asked and not answered outranks what was not asked: the second alone leaves a check outside the score
    return next((outcome for outcome in found if outcome.code != "not_asked"), found[0])


def _merged(first: Outcome, found: Sequence[Outcome]) -> Outcome:
    steps = tuple(dict.fromkeys(step for outcome in found for step in outcome.steps))
    counts = [outcome.activations for outcome in found if outcome.activations is not None]
    scores = [outcome.score for outcome in found if outcome.score is not None]
    return replace(
        first,
        steps=steps,
        activations=sum(counts) if counts else None,
        score=min(scores) if len(scores) == len(found) else None,
    )
