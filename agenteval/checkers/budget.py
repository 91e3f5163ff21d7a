"""`budget: {turns | calls | tokens | seconds | usd: N}`: what was used against what is allowed; all of them must fit.

    turns     messages of the user that the agent answered; several answers to one are one turn
    calls     tool calls, however they ended
    tokens    read and written, as the model calls reported them
    seconds   from the start of the first step to the end of the last
    usd       the price of the model calls

The grade is min(1, allowed / used), the smallest where several are asked for: 1 within the budget, 0.5 at twice of it.

What was not measured is not zero: tokens and price that no model call reported, or only some, and times that an
importer made up, are `unknown` (`not_measured`), unless what was measured is over the budget already. With a gap: over
is over; within is `unknown`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from agenteval.checkers.logic import YES
from agenteval.checkers.outcome import Outcome, undecided
from agenteval.checkers.patterns import REMEDY
from agenteval.checkers.show import listed
from agenteval.checkers.values import Doubt
from agenteval.checkers.view import Part
from agenteval.core.json import Json
from agenteval.core.message import Message
from agenteval.core.trajectory import ModelCall, Usage

KINDS: Final = ("turns", "calls", "tokens", "seconds", "usd")


class Used(NamedTuple):
    """What was used: as much as was measured, and why that is not all where it is not."""

    amount: float | None
    doubt: Doubt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """`budget`.

    Attributes:
        allowed: Kind to the most that is allowed.
    """

    allowed: tuple[tuple[str, float], ...]

    @property
    def local(self) -> bool:
        """Sums depend on the whole part."""
        return False

    def judge(self, part: Part) -> Outcome:
        """Compare each kind."""
        used = {kind: MEASURES[kind](part) for kind, _ in self.allowed}
        shown: dict[str, Json] = {
            "allowed": dict(self.allowed),
            "used": {kind: found.amount for kind, found in used.items()},
        }
        over = [kind for kind, limit in self.allowed if (used[kind].amount or 0) > limit]
        said = listed([_told(kind, used[kind], limit) for kind, limit in self.allowed if not over or kind in over], 5)
        grade = min(_grade(used[kind].amount or 0, limit) for kind, limit in self.allowed)
        if over:
            return Outcome(verdict="fail", code="over_budget", reason=said, evidence=shown, score=grade)
        for found in used.values():
            if found.doubt:
                return undecided(found.doubt, evidence=shown, said=said)
        if part.lost:
            return undecided(part.doubt(), evidence=shown, said=said)
        return Outcome(verdict="pass", code="held", reason=said, evidence=shown, score=grade)


def _told(kind: str, used: Used, limit: float) -> str:
    if used.amount is None:
        return f"{kind}: not measured, {limit:g} allowed"
    partly = " at least" if used.doubt else ""
    return f"{kind}:{partly} {used.amount:.10g} used, {limit:g} allowed"


def _grade(used: float, limit: float) -> float:
    return 1.0 if used <= limit else limit / used


def _turns(part: Part) -> Used:
    answered = open_turns = 0
    for start, end in part.view.turns:
        steps = [step for step in part.between(start, end).steps() if part.chosen or part.view.at_top(step)]
        if any(isinstance(step.content, Message) and step.content.role == "assistant" for step in steps):
            answered += 1
        elif any(isinstance(step.content, ModelCall) and "output" in step.missing for step in steps):
            open_turns += 1
    doubt: Doubt = ("not_recorded", f"what the models answered in {open_turns} turns was not recorded; {REMEDY}")
    return Used(answered, doubt if open_turns else None)


def _calls(part: Part) -> Used:
    return Used(len(part.calls) if part.member is None else sum(part.has(called) == YES for called in part.calls))


def _tokens(part: Part) -> Used:
    usage, models, unpriced = _usage(part)
    if usage.tokens is None:
        return Used(None, _unmeasured("tokens", models, models))
    silent = max(usage.unmeasured_calls, unpriced["tokens"])
    return Used(usage.tokens, _unmeasured("tokens", silent, models) if silent else None)


def _usd(part: Part) -> Used:
    usage, models, unpriced = _usage(part)
    if usage.cost_usd is None:
        return Used(None, _unmeasured("price", models, models))
    silent = unpriced["usd"]
    return Used(usage.cost_usd, _unmeasured("price", silent, models) if silent else None)


def _usage(part: Part) -> tuple[Usage, int, dict[str, int]]:
    """What the model calls of a part used, how many there were, and how many did not report it."""
    calls = [step.content for step in part.steps() if isinstance(step.content, ModelCall)]
    each = [call.usage for call in calls]
    unpriced = {
        "tokens": sum(usage is None or usage.input_tokens is None or usage.output_tokens is None for usage in each),
        "usd": sum(usage is None or usage.cost_usd is None for usage in each),
    }
    if part.whole:
        return part.view.trajectory.usage, len(calls), unpriced
    total = Usage()
    for usage in each:
        total = total + usage if usage is not None else total
    return total, len(calls), unpriced


def _unmeasured(what: str, silent: int, models: int) -> Doubt:
    if not models:
        return "not_measured", f"no model call was recorded, and with it no {what}"
    return "not_measured", f"{silent} of {models} model calls did not report their {what}"


def _seconds(part: Part) -> Used:
    if not part.view.timed:
        return Used(None, ("not_measured", "the times in this record only keep the order; durations were not measured"))
    steps = part.steps()
    starts = [step.start_ns for step in steps if step.start_ns > 0]
    ends = [step.end_ns for step in steps if step.end_ns > 0]
    if not starts or not ends:
        return Used(None, ("not_measured", "no times were recorded"))
    return Used(max(0, max(ends) - min(starts)) / 1e9)


MEASURES: Final[dict[str, Callable[[Part], Used]]] = {
    "turns": _turns,
    "calls": _calls,
    "tokens": _tokens,
    "seconds": _seconds,
    "usd": _usd,
}
