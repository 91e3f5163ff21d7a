"""A rule with its options: what users write as one check. A view in, findings out.

Steps of judging one part, in this order:

1. `in` and `each` choose the parts; one finding each, ids suffixed `[1]`, `[2]`, …
2. A tool that was neither offered nor called anywhere may be misspelt: what is said of it is undecided
   (`never_offered`), and stays so unless the verdict stands without it.
3. `before`, `after`, `between` choose the stretches; the rule must hold on each. Without a stretch it is vacuous.
4. `when` unmet: `pass`, vacuous, whatever the rule says. Undecided: a pass stands, anything else is `unknown`.
5. Nothing passes on a trajectory without steps (`empty`), and no `each` passes where parts may have been lost (`gap`).
6. `as: metric` turns a verdict into a measure (1 or 0, or the rule's own grade in [0, 1]) and never fails; `pass_at`
   turns a grade into a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from agenteval._util.frozen import quick
from agenteval.checkers.logic import MAYBE, NO, Tri
from agenteval.checkers.outcome import Outcome, inactive, undecided, worst
from agenteval.checkers.scope import Scope, Selection
from agenteval.checkers.show import printable
from agenteval.checkers.values import Doubt
from agenteval.checkers.view import Part, View
from agenteval.core.json import Json
from agenteval.core.outcome import CheckRole, Finding, Measure
from agenteval.core.scenario import Scenario
from agenteval.core.trajectory import Trajectory


class Rule(Protocol):
    """What a check asks of one part of a trajectory."""

    @property
    def local(self) -> bool:
        """It fails by single calls, wherever they stand, and never by how many there are or in what order."""
        ...

    def judge(self, part: Part) -> Outcome:
        """What it concludes of the part."""
        ...


class Condition(Protocol):
    """A `when`."""

    @property
    def text(self) -> str:
        """As written, in one line."""
        ...

    def holds(self, part: Part) -> tuple[Tri, Doubt | None]:
        """Whether it is met, and why that is undecided where it is."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check: satisfies `core.ports.Checker`. Two checks that were written alike are equal.

    Attributes:
        id: As given, else its name and a hash of what it asks.
        name: Such as `at_most`.
        title: The check in one line, as a reader would write it.
        spec: As written.
        role: `gate`, `safety` or `metric`.
        weight: Its share among the metrics.
        tools: The literal tool names that it mentions, to be compared with those that are offered.
        pass_at: The least grade that passes; None where it is not graded.
        mentions: Those of the tools that it asks for itself, not through the checks inside it.
    """

    id: str
    name: str
    title: str = field(compare=False)
    spec: Json = field(hash=False)
    rule: Rule = field(compare=False, repr=False)
    tools: frozenset[str] = frozenset()
    mentions: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    role: CheckRole = "gate"
    weight: float = 1.0
    pass_at: float | None = None
    why: str = ""
    when: Condition | None = field(default=None, compare=False, repr=False)
    selection: Selection | None = field(default=None, compare=False, repr=False)
    scope: Scope | None = field(default=None, compare=False, repr=False)
    version: str = "1"

    def check(self, trajectory: Trajectory, scenario: Scenario | None = None) -> list[Finding]:
        """What it concludes of a trajectory. For many checks over one trajectory, share a `View` and call `on`."""
        return self.on(View(trajectory, scenario))

    def on(self, view: View) -> list[Finding]:
        """What it concludes of a trajectory that was indexed before: one finding, or one for each part."""
        whole = view.whole()
        outcomes = self._outcomes(whole)
        if self.selection is None or self.selection.each is None or not outcomes:
            return [self._finding(outcomes[0] if outcomes else self._nothing_to_judge(whole), self.id)]
        return [self._finding(outcome, f"{self.id}[{number}]") for number, outcome in enumerate(outcomes, start=1)]

    def judge(self, part: Part) -> Outcome:
        """What it concludes of a part, as one outcome: how checks inside other checks are asked."""
        outcomes = self._outcomes(part)
        return self._graded(worst(outcomes) if outcomes else self._nothing_to_judge(part))

    # --- the parts

    def _outcomes(self, part: Part) -> list[Outcome]:
        if self.selection is None:
            return [self._one(part)]
        each = self.selection.each in {"turn", "agent", "call"}
        parts = self.selection.parts(part, local=self.rule.local and self.scope is None)
        return [_named(self._one(inner, each=each), inner) for inner in parts]

    def _nothing_to_judge(self, part: Part) -> Outcome:
        if part.view.lost:
            return undecided(part.doubt())
        if not part.view.steps:
            return undecided(_EMPTY)
        return inactive(f"there was no {self.selection.each if self.selection else 'part'} to judge")

    def _one(self, part: Part, *, each: bool = False) -> Outcome:
        view = part.view
        if self.mentions and not self.mentions <= view.near:
            part = part.but(unoffered=view.unoffered(self.mentions))
        outcome = self._scoped(part)
        if self.when is not None:
            outcome = self._conditional(outcome, part, self.when)
        if outcome.verdict == "unknown" and part.unoffered:
            return undecided(part.doubt())
        if outcome.verdict != "pass":
            return _placed(outcome, part)
        if not view.steps:
            return undecided(_EMPTY)
        if each and view.lost:
            return undecided(part.doubt(), said=outcome.reason)
        if not part.places and not outcome.vacuous:
            return inactive(f"nothing happened in {part.name or 'it'}")
        return outcome

    def _scoped(self, part: Part) -> Outcome:
        scope = self.scope
        if scope is None or scope.shares:
            return self._ruled(part)
        active = scope.active(part)
        if active == NO:
            return inactive(f"{scope.first.label} never succeeded, so that nothing came {scope.kind} it")
        windows = scope.windows(part, local=self.rule.local)
        outcomes = [self._ruled(window) for window in windows]
        outcome = worst(outcomes)
        if outcome.verdict == "fail":
            if active == MAYBE:
                return undecided(windows[0].doubt(), said=outcome.reason)
            outcome.reason = f"{outcome.reason}, {scope.said(part, outcome.steps)}"
        elif outcome.verdict == "pass":
            outcome.reason = f"{outcome.reason}, {scope.brief}"
            if scope.kind == "between":
                outcome.activations = scope.activations(part)
        return outcome

    def _ruled(self, part: Part) -> Outcome:
        outcome = self.rule.judge(part)
        if part.loose and not self.rule.local and outcome.verdict != "unknown":
            return undecided(part.hazy or part.doubt(), said=outcome.reason)
        return outcome

    def _conditional(self, outcome: Outcome, part: Part, when: Condition) -> Outcome:
        met, doubt = when.holds(part)
        if met == NO:
            return inactive(f"its condition was not met: {when.text}")
        if doubt and doubt[0] in {"unavailable", "never_offered"}:
            return undecided(doubt)
        if met == MAYBE and outcome.verdict == "fail":
            code, reason = doubt or part.doubt()
            said = f"whether it applies is undecided ({when.text}): {reason}. If it does: {outcome.reason}"
            return replace(outcome, verdict="unknown", code=code, reason=said)
        return outcome

    # --- the finding

    def _graded(self, outcome: Outcome) -> Outcome:
        if self.pass_at is None or outcome.score is None or outcome.verdict == "unknown":
            return outcome
        good = outcome.score >= self.pass_at
        reason = f"{outcome.reason}; {outcome.score:.3g} of 1, {self.pass_at:g} is enough"
        return replace(
            outcome, verdict="pass" if good else "fail", reason=reason, code="held" if good else outcome.code
        )

    def _finding(self, raw: Outcome, name: str) -> Finding:
        outcome = self._graded(raw)
        verdict = outcome.verdict
        measure = outcome.measure
        if measure is None and (self.role == "metric" or outcome.score is not None):
            measure = Measure(name=self.name, value=self._value(outcome), scale=(0.0, 1.0))
        if self.role == "metric" and verdict == "fail" and self.pass_at is None:
            verdict = "pass"
        evidence = {**outcome.evidence, "why": self.why} if self.why else outcome.evidence
        return _make_finding(
            check=name,
            verdict=verdict,
            reason_code=outcome.code,
            reason=printable(outcome.reason),
            title=self.title,
            check_version=self.version,
            role=self.role,
            weight=self.weight,
            steps=outcome.steps,
            vacuous=outcome.vacuous,
            activations=outcome.activations,
            measure=measure,
            evidence=evidence,
        )

    def _value(self, outcome: Outcome) -> float | None:
        if outcome.verdict == "unknown" or outcome.vacuous:
            return None
        if outcome.score is not None:
            return outcome.score
        return 1.0 if outcome.verdict == "pass" else 0.0


_make_finding = quick(Finding)

_EMPTY: Doubt = ("empty", "nothing was recorded: no steps at all")


def _named(outcome: Outcome, part: Part) -> Outcome:
    if part.name:
        outcome.reason = f"{part.name}: {outcome.reason}"
    return outcome


def _placed(outcome: Outcome, part: Part) -> Outcome:
    """A fail names at least one step: the last, where no other is to blame; or it says that nothing happened."""
    if outcome.verdict != "fail" or outcome.steps:
        return outcome
    if not part.places:
        outcome.reason = f"{outcome.reason}; nothing happened"
    else:
        outcome.steps = (part.view.steps[part.places[-1]].id,)
    return outcome


def all_tools(checks: Iterable[Check]) -> frozenset[str]:
    """The literal tool names that checks mention."""
    return frozenset[str]().union(*(check.tools for check in checks))
