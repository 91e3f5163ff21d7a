"""Findings in, one Score out.

Any gate or safety check that fails: failed. Else any that is unknown: undecided. What was not asked stays outside.
Metrics are the weighted mean of what was measured, beside the share of the weight that was.
"""

from __future__ import annotations

from collections.abc import Sequence

from agenteval._util.frozen import quick
from agenteval.core.outcome import GATING, Finding, Score

INVALID = Score(status="invalid", passed=None)
"""The score of a trial that is invalid or diverged: nothing is concluded of the agent."""


_make_score = quick(Score)


def score(findings: Sequence[Finding]) -> Score:
    """The score that these findings add up to.

    `passed` is None where no gate or safety check was asked, or where one of them could not answer.
    """
    asked = [finding for finding in findings if finding.reason_code != "not_asked"]
    metrics = [finding for finding in asked if finding.role == "metric"]
    verdicts = {finding.verdict for finding in asked if finding.role in GATING}
    undecided = "unknown" in verdicts and "fail" not in verdicts
    metric, coverage = _weighted(metrics)
    return _make_score(
        status="undecided" if undecided else "scored",
        passed=None if undecided or not verdicts else "fail" not in verdicts,
        metrics={finding.check: _value(finding) for finding in metrics},
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
