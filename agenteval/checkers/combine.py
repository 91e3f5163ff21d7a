"""`all`, `any`, `not`: checks made of checks, by Kleene's three values.

`all` fails where one fails, else is unknown where one is, else passes. `any` passes where one passes, else is unknown
where one is, else fails. `not` turns pass and fail; what held only because nothing activated it stays so: a rule that
never applied is not turned against the agent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from agenteval.checkers.check import Check
from agenteval.checkers.outcome import Outcome, worst
from agenteval.checkers.show import listed
from agenteval.checkers.view import Part
from agenteval.core.json import Json
from agenteval.core.outcome import ReasonCode


def _items(checks: tuple[Check, ...], outcomes: list[Outcome]) -> dict[str, Json]:
    return {
        "items": [
            {
                "title": check.title,
                "verdict": outcome.verdict,
                "reason_code": outcome.code,
                "reason": outcome.reason,
                "steps": list(outcome.steps),
            }
            for check, outcome in zip(checks, outcomes, strict=True)
        ]
    }


@dataclass(frozen=True, slots=True)
class All:
    """`all: [item…]`."""

    checks: tuple[Check, ...]

    @property
    def local(self) -> bool:
        """It fails by single calls where each of its checks does."""
        return all(check.rule.local and check.scope is None for check in self.checks)

    def judge(self, part: Part) -> Outcome:
        """The worst of them."""
        outcomes = [check.judge(part) for check in self.checks]
        outcome = worst(outcomes)
        if outcome.verdict == "pass":
            reason = "nothing activated any of them" if outcome.vacuous else f"all {len(outcomes)} hold"
        else:
            chosen = [
                f"{check.title}: {found.reason}"
                for check, found in zip(self.checks, outcomes, strict=True)
                if found.verdict == outcome.verdict
            ]
            reason = listed(chosen)
        return replace(outcome, reason=reason, evidence=_items(self.checks, outcomes), score=None)


@dataclass(frozen=True, slots=True)
class AnyCheck:
    """`any: [item…]`."""

    checks: tuple[Check, ...]

    @property
    def local(self) -> bool:
        """Two of them may fail by different calls."""
        return False

    def judge(self, part: Part) -> Outcome:
        """The best of them."""
        outcomes = [check.judge(part) for check in self.checks]
        shown = _items(self.checks, outcomes)
        good = [pair for pair in zip(self.checks, outcomes, strict=True) if pair[1].verdict == "pass"]
        if good:
            active = [pair for pair in good if not pair[1].vacuous] or good
            check, outcome = active[0]
            return replace(outcome, reason=f"{check.title}: {outcome.reason}", evidence=shown, score=None)
        chosen = worst([outcome for outcome in outcomes if outcome.verdict == "unknown"] or outcomes)
        said = listed([f"{c.title} ({found.reason})" for c, found in zip(self.checks, outcomes, strict=True)])
        start = "none of them holds" if chosen.verdict == "fail" else "none of them holds for certain"
        return replace(chosen, reason=f"{start}: {said}", evidence=shown, vacuous=False, score=None)


_TURNED: dict[str, ReasonCode] = {"pass": "forbidden", "fail": "held"}


@dataclass(frozen=True, slots=True)
class NotCheck:
    """`not: item`."""

    checks: tuple[Check]

    @property
    def local(self) -> bool:
        """What must fail may fail in another way."""
        return False

    def judge(self, part: Part) -> Outcome:
        """The other verdict."""
        check = self.checks[0]
        outcome = check.judge(part)
        if outcome.verdict == "unknown" or outcome.vacuous:
            return replace(outcome, score=None)
        shown = _items(self.checks, [outcome])
        holds = outcome.verdict == "fail"
        reason = f"{check.title} {'does not hold' if holds else 'holds, and must not'}: {outcome.reason}"
        return replace(
            outcome,
            verdict="pass" if holds else "fail",
            code=_TURNED[outcome.verdict],
            reason=reason,
            evidence=shown,
            activations=None,
            score=None,
        )
