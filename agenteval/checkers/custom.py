"""Checks of users' own, and checks that no judge was configured for.

`module:object: ARG` calls the object with its argument (`object(ARG)`); what comes back needs one method,
`check(trajectory, scenario) -> findings`, and no base class. Its findings keep their verdicts, reasons, steps, measures
and evidence; id, title, role and weight are those of the scenario. What it raises makes one `unknown` (`check_error`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from agenteval.checkers.outcome import Outcome, undecided, worst
from agenteval.checkers.view import Part
from agenteval.core.outcome import Finding
from agenteval.core.scenario import Scenario
from agenteval.core.trajectory import Trajectory


class Judging(Protocol):
    """What a user's check has to be."""

    def check(self, trajectory: Trajectory, scenario: Scenario | None) -> Iterable[Finding]:
        """What it concludes of a trajectory."""
        ...


@dataclass(frozen=True, slots=True)
class Custom:
    """A user's check, as a rule.

    Attributes:
        ref: `module:object`.
        judging: What it made of its argument.
    """

    ref: str
    judging: Judging

    @property
    def local(self) -> bool:
        """Nothing is known of it."""
        return False

    def judge(self, part: Part) -> Outcome:
        """All its findings, as one."""
        try:
            found = list(self.judging.check(part.view.trajectory, part.view.scenario))
        except Exception as error:  # noqa: BLE001 (the user's code may raise anything; none of it is the agent's fault)
            return undecided(("check_error", f"{self.ref} raised {type(error).__name__}: {str(error)[:300]}"))
        strange = [type(finding).__name__ for finding in found if not isinstance(finding, Finding)]
        if strange or not found:
            what = f"findings, not {strange[0]}" if strange else "at least one finding"
            return undecided(("check_error", f"{self.ref} must return {what}"))
        return worst([_outcome(finding) for finding in found])


def _outcome(finding: Finding) -> Outcome:
    return Outcome(
        verdict=finding.verdict,
        code=finding.reason_code,
        reason=finding.reason,
        steps=finding.steps,
        evidence=finding.evidence,
        vacuous=finding.vacuous,
        activations=finding.activations,
        score=None if finding.measure is None else finding.measure.value,
        measure=finding.measure,
    )


@dataclass(frozen=True, slots=True)
class NotAsked:
    """`rubric`, as long as no judge is configured: listed and counted, outside the score."""

    text: str

    @property
    def local(self) -> bool:
        """It is not asked."""
        return False

    def judge(self, part: Part) -> Outcome:  # noqa: ARG002 (it is not asked)
        """Nothing was asked."""
        return undecided(("not_asked", "no judge is configured, so that this was not asked"))
