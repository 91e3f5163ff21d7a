"""A suite in, what is wrong with it out, before any agent is blamed.

For each scenario: its checks name only tools that exist; its reference solution passes, without a single tool error;
doing nothing fails; running the reference twice gives the identical fingerprint; each `bad-*` run fails as it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agenteval._util.names import did_you_mean
from agenteval.core.codec import fingerprint
from agenteval.core.outcome import Score
from agenteval.core.ports import Agent, Session
from agenteval.core.scenario import Scenario, Suite
from agenteval.core.trajectory import ToolCall, Trajectory
from agenteval.errors import ToolError
from agenteval.evaluation.evaluate import evaluate
from agenteval.evaluation.score import score
from agenteval.experiment.run import COUNTED
from agenteval.harness.limits import Budget
from agenteval.harness.trial import TrialPlan, TrialResult, run_trial
from agenteval.intake.solutions import Call, Maybe, Say, Solution
from agenteval.telemetry.assemble import trajectory_of

_REFUSAL = "I am sorry, I cannot help with that."


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was found of one scenario.

    Attributes:
        problems: What is wrong, in words; none where the scenario is proven.
        bad_runs: How many `bad-*` runs failed as they say.
    """

    scenario: str
    problems: tuple[str, ...]
    checks: int = 0
    bad_runs: int = 0

    @property
    def proven(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


class SolutionAgent:
    """Carries out a reference run, as a function agent would. A tool error is remembered and goes by."""

    def __init__(self, solution: Solution) -> None:
        self._solution = solution

    async def run(self, session: Session) -> None:
        """Do and say what the solution says."""
        for step in self._solution.steps:
            await _play(step, session)


async def _play(step: Say | Call | Maybe, session: Session) -> None:
    if isinstance(step, Maybe):
        await _play(step.step, session)
    elif isinstance(step, Say):
        await session.say(step.text)
    else:
        try:
            await session.call(step.tool, step.arguments)
        except ToolError:
            return  # recorded as the call's error, which the proof reports


class IdleAgent:
    """Does nothing: declines whatever it is told, and calls no tool."""

    async def run(self, session: Session) -> None:
        """Decline until the user is done."""
        heard: str | None = session.opening
        while heard is not None:
            heard = await session.say(_REFUSAL)


async def prove(suite: Suite, solutions: Sequence[Solution], *, seed: int = 0) -> list[Proof]:
    """Prove every scenario of a suite."""
    return [
        await _prove(scenario, [s for s in solutions if s.scenario == scenario.id], seed)
        for scenario in suite.scenarios
    ]


async def _prove(scenario: Scenario, solutions: Sequence[Solution], seed: int) -> Proof:
    problems = unknown_tools(scenario, seed)
    references = [solution for solution in solutions if not solution.fails]
    bad = [solution for solution in solutions if solution.fails]
    if not references:
        problems.append("there is no reference solution: add solutions/<name>.yaml")
    for solution in references:
        problems += await _reference_problems(scenario, solution, seed)
    problems += await _idle_problems(scenario, seed)
    for solution in bad:
        problems += await _bad_run_problems(scenario, solution, seed)
    return Proof(scenario=scenario.id, problems=tuple(problems), checks=len(scenario.checks), bad_runs=len(bad))


def unknown_tools(scenario: Scenario, seed: int = 0) -> list[str]:
    """Tools that the scenario's checks and faults name and its world does not offer; none of a world that breaks."""
    if scenario.world is None:
        return ["faults are for the tools of a world, and there is no world"] if scenario.faults else []
    try:
        offered = {tool.name for tool in scenario.world.make(seed).tools()}
    except Exception:  # noqa: BLE001 (a world's own code may raise anything; its trials are invalid, and say so)
        return []
    problems = [
        f'faults name the tool "{name}", which the world does not offer. {did_you_mean(name, offered)}'
        for name in sorted({fault.tool for fault in scenario.faults} - offered)
    ]
    for check in scenario.checks:
        named: frozenset[str] = getattr(check, "tools", frozenset())
        problems += [
            f'check {check.id} names the tool "{name}", which the world does not offer. {did_you_mean(name, offered)}'
            for name in sorted(named - offered)
        ]
    return problems


async def _reference_problems(scenario: Scenario, solution: Solution, seed: int) -> list[str]:
    where = solution.source or "the reference solution"
    first, second = [await _judged(scenario, SolutionAgent(solution), seed) for _ in range(2)]
    if first.trajectory is None:
        return [f"{where}: the trial is invalid: {first.result.trial.error}"]
    problems = [
        f"{where}: step {step.index}: {call.name} failed: {call.error}"
        for step, call in first.trajectory.of(ToolCall)
        if call.error is not None and call.injected is None
    ]
    if first.score.passed is not True:
        problems += [
            f"{where}: check {finding.check} is {finding.verdict}: {finding.reason}"
            for finding in first.score.findings
            if finding.verdict != "pass" and finding.role != "metric" and finding.reason_code != "not_asked"
        ] or [f"{where}: no gate or safety check was asked, so nothing can fail"]
    if second.trajectory is None or fingerprint(first.trajectory) != fingerprint(second.trajectory):
        problems.append(
            f"{where}: running it twice gave two different trajectories; the world or the user is not deterministic"
        )
    return problems


async def _idle_problems(scenario: Scenario, seed: int) -> list[str]:
    idle = await _judged(scenario, IdleAgent(), seed)
    if idle.trajectory is None:
        return [f"doing nothing gave an invalid trial: {idle.result.trial.error}"]
    if idle.score.passed is not False:
        return [
            f"doing nothing does not fail it (the score is {idle.score.status}): no check demands that anything is done"
        ]
    return []


async def _bad_run_problems(scenario: Scenario, solution: Solution, seed: int) -> list[str]:
    judged = await _judged(scenario, SolutionAgent(solution), seed)
    if judged.trajectory is None:
        return [f"{solution.source}: the trial is invalid: {judged.result.trial.error}"]
    failed = {finding.check for finding in judged.score.findings if finding.verdict == "fail"}
    known = {check.id for check in scenario.checks}
    problems: list[str] = []
    for wanted in solution.fails:
        if wanted not in known:
            problems.append(f'{solution.source}: there is no check "{wanted}". {did_you_mean(wanted, known)}')
        elif wanted not in failed:
            problems.append(f"{solution.source}: check {wanted} should fail here, and does not")
    return problems


@dataclass(frozen=True, slots=True)
class _Judged:
    result: TrialResult
    trajectory: Trajectory | None
    score: Score


async def _judged(scenario: Scenario, agent: Agent, seed: int) -> _Judged:
    """One trial, judged, kept nowhere."""
    plan = TrialPlan(
        run="proof", scenario=scenario, agent_name="reference", agent=agent, repeat=0, seed=seed, waits=False
    )
    result = await run_trial(plan, budget=Budget())
    if result.trial.status not in COUNTED:
        return _Judged(result, None, Score(status="invalid", passed=None))
    trajectory = replace(trajectory_of(result.spans), start=result.start_state)
    return _Judged(result, trajectory, score(evaluate(trajectory, scenario.checks, scenario)))
