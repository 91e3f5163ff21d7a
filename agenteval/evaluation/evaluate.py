"""A trajectory and checks in, findings out. A check that raises gives one `unknown`; the others go on."""

from __future__ import annotations

from collections.abc import Sequence

from agenteval.checkers import Check, View
from agenteval.core.outcome import Finding
from agenteval.core.ports import Checker
from agenteval.core.scenario import Scenario
from agenteval.core.trajectory import Trajectory


def evaluate(
    trajectory: Trajectory,
    checks: Sequence[Checker],
    scenario: Scenario | None = None,
    *,
    known_tools: frozenset[str] = frozenset(),
) -> tuple[Finding, ...]:
    """What the checks conclude of a trajectory, in their order.

    Args:
        trajectory: What happened.
        checks: What is asked of it.
        scenario: The scenario that it is a trial of, if any.
        known_tools: Tools called anywhere in the same batch: a name among them is not a misspelling.

    Returns:
        At least one finding for each check, and `finished: fail` first where the agent raised.
    """
    view = View.of(trajectory, scenario, known_tools)
    findings: list[Finding] = []
    if trajectory.end.reason == "agent_error":
        findings.append(_unfinished(trajectory))
    for check in checks:
        try:
            found = check.on(view) if isinstance(check, Check) else check.check(trajectory, scenario)
            findings.extend(found)
        except Exception as error:  # noqa: BLE001 (a custom check may raise anything)
            findings.append(_broken(check, error))
    return tuple(findings)


def _unfinished(trajectory: Trajectory) -> Finding:
    last = tuple(step.id for step in trajectory.steps[-1:])
    return Finding(
        check="finished",
        title="the agent came to its end",
        verdict="fail",
        reason_code="agent_error",
        reason="the agent raised an error" if last else "the agent raised an error before anything happened",
        steps=last,
    )


def _broken(check: Checker, error: Exception) -> Finding:
    return Finding(
        check=check.id,
        title=str(check.spec),
        verdict="unknown",
        reason_code="check_error",
        reason=f"the check itself raised {type(error).__name__}: {error}",
        role=getattr(check, "role", "gate"),
        weight=getattr(check, "weight", 1.0),
    )
