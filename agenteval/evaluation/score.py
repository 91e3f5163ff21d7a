"""Findings in, one Score out.

Any gate or safety check that fails: failed. Else any that is unknown: undecided. What was not asked stays outside.
Metrics are the weighted mean of what was measured, beside the share of the weight that was.
"""

from __future__ import annotations

from collections.abc import Sequence

from agenteval.core.outcome import GATING, Finding, Score

INVALID = Score(status="invalid", passed=None)
"""The score of a trial that is invalid or diverged: nothing is concluded of the agent."""


def score(findings: Sequence[Finding]) -> Score:
    """The score that these findings add up to.

    `passed` is None where no gate or safety check was asked, or where one of them could not answer.
    """
    asked = [finding for finding in findings if finding.reason_code != "not_asked"]
    gates = [finding for finding in asked if finding.role in GATING]
    undecided = False
    passed: bool | None = None
    if any(finding.verdict == "fail" for finding in gates):
        passed = False
    elif any(finding.verdict == "unknown" for finding in gates):
        undecided = True
    elif gates:
        passed = True
    values = {finding.check: _value(finding) for finding in asked if finding.role == "metric"}
    metric, coverage = _weighted([finding for finding in asked if finding.role == "metric"])
    return Score(
        status="undecided" if undecided else "scored",
        passed=passed,
        metrics=values,
        metric=metric,
        coverage=coverage,
        findings=tuple(findings),
    )


def _value(finding: Finding) -> float | None:
    if finding.measure is not None:
        return finding.measure.value
    return {"pass": 1.0, "fail": 0.0}.get(finding.verdict)


def _weighted(metrics: Sequence[Finding]) -> tuple[float | None, float | None]:
    """Weighted mean of what was measured, and its share of the weight."""
    total = sum(finding.weight for finding in metrics)
    if total <= 0:
        return None, None
    measured = [(finding.weight, value) for finding in metrics if (value := _value(finding)) is not None]
    weight = sum(part for part, _ in measured)
    if weight <= 0:
        return None, 0.0
    return sum(part * value for part, value in measured) / weight, weight / total
