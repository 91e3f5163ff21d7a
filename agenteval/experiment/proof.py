"""A suite in, what is wrong with it out, before any agent is blamed.

For each scenario: its checks name only tools that exist; its reference solution passes, without a single tool error;
running it twice gives the identical fingerprint; doing nothing fails; leaving out a step that changed the world fails;
benign variants of the reference pass; each `bad-*` run fails as it says; and each check fails in one of those runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agenteval._util.names import did_you_mean
from agenteval.core.codec import fingerprint
from agenteval.core.outcome import COUNTED, Score
from agenteval.core.ports import Agent, Checker, Session
from agenteval.core.scenario import Scenario, Suite
from agenteval.core.trajectory import ToolCall, Trajectory
from agenteval.errors import ScenarioError, ToolError
from agenteval.evaluation.evaluate import evaluate
from agenteval.evaluation.score import score
from agenteval.experiment import mutants
from agenteval.experiment.sandboxes import require_sandbox
from agenteval.harness.limits import Budget
from agenteval.harness.sandboxes import MakeSandbox
from agenteval.harness.trial import TrialPlan, TrialResult, run_trial
from agenteval.intake.solutions import Call, Maybe, Say, Solution
from agenteval.sandbox import bubblewrap
from agenteval.telemetry.assemble import trajectory_of

_REFUSAL = "I am sorry, I cannot help with that."


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was found of one scenario.

    Attributes:
        problems: What is wrong, in words; none where the scenario is proven.
        bad_runs: How many `bad-*` runs were played.
        omissions: How many runs without one step of the reference were.
        variants: How many benign variants of the reference were.
    """

    scenario: str
    problems: tuple[str, ...]
    checks: int = 0
    bad_runs: int = 0
    omissions: int = 0
    variants: int = 0

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


async def prove(
    suite: Suite, solutions: Sequence[Solution], *, seed: int = 0, sandbox: MakeSandbox = bubblewrap
) -> list[Proof]:
    """Prove every scenario of a suite.

    Raises:
        SandboxError: A scenario needs a sandbox, and none can be started here.
    """
    await require_sandbox(suite.scenarios, sandbox)
    return [
        await _prove(scenario, [s for s in solutions if s.scenario == scenario.id], seed, sandbox)
        for scenario in suite.scenarios
    ]


async def _prove(scenario: Scenario, solutions: Sequence[Solution], seed: int, sandbox: MakeSandbox) -> Proof:
    problems = [str(error) for error in unknown_tools(scenario, seed)]
    proving = _Proving(scenario, seed, sandbox)
    references = [solution for solution in solutions if not solution.fails]
    if not references:
        problems.append("there is no reference solution: add solutions/<name>.yaml")
    for solution in references:
        await proving.reference(solution)
    await proving.idle()
    for solution in solutions:
        if solution.fails:
            await proving.bad_run(solution)
    proving.each_check_fails_somewhere()
    return Proof(
        scenario=scenario.id,
        problems=(*problems, *proving.problems),
        checks=len(scenario.checks),
        bad_runs=len(solutions) - len(references),
        omissions=proving.omissions,
        variants=proving.variants,
    )


def unknown_tools(scenario: Scenario, seed: int = 0) -> list[ScenarioError]:
    """Two tools of one name, and names in checks and faults that the world does not offer, each with its place.

    None of a world that breaks: its trials are invalid, and say so.
    """

    def problem(said: str, place: str) -> ScenarioError:
        return ScenarioError(said, file=scenario.source, line=scenario.lines.get(place))

    if scenario.world is None:
        said = "faults are for the tools of a world, and there is no world"
        return [problem(said, "faults[0]")] if scenario.faults else []
    try:
        names = [tool.name for tool in scenario.world.make(seed).tools()]
    except Exception:  # noqa: BLE001 (a world's own code may raise anything)
        return []
    offered = set(names)
    named = [(f"faults[{index}]", f"faults[{index}]", fault.tool) for index, fault in enumerate(scenario.faults)]
    for check in scenario.checks:
        tools: frozenset[str] = getattr(check, "tools", frozenset())
        named += [(check.id, f"check {check.id}", name) for name in sorted(tools)]
    twins = [
        problem(f'the world offers two tools called "{name}"; an agent could call one of them only', "world")
        for name in sorted(offered)
        if names.count(name) > 1
    ]
    return twins + [
        problem(f'{who} names the tool "{name}", which the world does not offer. {did_you_mean(name, offered)}', place)
        for place, who, name in named
        if name not in offered
    ]


class _Proving:
    """One scenario being proven: the problems that were found, and the checks that were seen to fail."""

    def __init__(self, scenario: Scenario, seed: int, sandbox: MakeSandbox) -> None:
        self.problems: list[str] = []
        self.omissions = 0
        self.variants = 0
        self._scenario = scenario
        self._seed = seed
        self._sandbox = sandbox
        self._failed: set[str] = set()

    async def reference(self, solution: Solution) -> None:
        """It passes, twice alike; what leaves out one of its changes fails; what differs harmlessly passes."""
        where = solution.source or "the reference solution"
        first, second = [await self._played(solution) for _ in range(2)]
        if first.trajectory is None:
            self.problems.append(f"{where}: the trial is invalid: {first.result.trial.error}")
            return
        found = [*_tool_errors(first.trajectory), *_not_passed(first.score)]
        if second.trajectory is None or fingerprint(first.trajectory) != fingerprint(second.trajectory):
            found.append("running it twice gave two different trajectories; the world or the user is not deterministic")
        self.problems += [f"{where}: {problem}" for problem in found]
        if not found:
            calls = mutants.played(solution, first.trajectory)
            await self._omissions(solution, calls, where)
            await self._variants(solution, calls, where)

    async def _omissions(self, solution: Solution, calls: Sequence[mutants.Played], where: str) -> None:
        for mutant in mutants.omissions(solution, calls):
            judged = await self._played(mutant.run)
            self.omissions += 1
            self._failed |= judged.failed
            if mutant.must_fail and judged.score.passed is not False:
                self.problems.append(
                    f"{where}: {mutant.what}, it does not fail (the score is {judged.score.status}): add a check that "
                    "demands the step, or mark it maybe"
                )

    async def _variants(self, solution: Solution, calls: Sequence[mutants.Played], where: str) -> None:
        faulty = frozenset(fault.tool for fault in self._scenario.faults)
        for mutant in mutants.variants(solution, calls, faulty=faulty):
            judged = await self._played(mutant.run)
            self.variants += 1
            self.problems += [f"{where}: {mutant.what}: {problem}" for problem in _not_passed(judged.score)]

    async def idle(self) -> None:
        """Doing nothing fails."""
        idle = await self._judged(IdleAgent())
        self._failed |= idle.failed
        if idle.trajectory is None:
            self.problems.append(f"doing nothing gave an invalid trial: {idle.result.trial.error}")
        elif idle.score.passed is not False:
            self.problems.append(
                f"doing nothing does not fail it (the score is {idle.score.status}): "
                "no check demands that anything is done"
            )

    async def bad_run(self, solution: Solution) -> None:
        """It fails the checks that it says."""
        judged = await self._played(solution)
        if judged.trajectory is None:
            self.problems.append(f"{solution.source}: the trial is invalid: {judged.result.trial.error}")
            return
        self._failed |= judged.failed
        known = {check.id for check in self._scenario.checks}
        for wanted in solution.fails:
            if wanted not in known:
                self.problems.append(f'{solution.source}: there is no check "{wanted}". {did_you_mean(wanted, known)}')
            elif wanted not in judged.failed:
                self.problems.append(f"{solution.source}: check {wanted} should fail here, and does not")

    def each_check_fails_somewhere(self) -> None:
        """A check that no run fails has shown nothing: it may be wrong, or never asked."""
        for check in self._scenario.checks:
            if check.id not in self._failed and _can_fail(check):
                self.problems.append(
                    f"check {check.id} fails in no run: add a solutions/bad-*.yaml that fails it, or take it out"
                )

    async def _played(self, solution: Solution) -> _Judged:
        return await self._judged(SolutionAgent(solution))

    async def _judged(self, agent: Agent) -> _Judged:
        """One trial, judged, kept nowhere."""
        plan = TrialPlan(
            run="proof",
            scenario=self._scenario,
            agent_name="reference",
            agent=agent,
            repeat=0,
            seed=self._seed,
            waits=False,
            sandbox=self._sandbox,
        )
        result = await run_trial(plan, budget=Budget())
        if result.trial.status not in COUNTED:
            return _Judged(result, None, Score(status="invalid", passed=None))
        trajectory = replace(trajectory_of(result.spans), start=result.start_state)
        return _Judged(result, trajectory, score(evaluate(trajectory, self._scenario.checks, self._scenario)))


def _can_fail(check: Checker) -> bool:
    """Whether it can fail here: no metric does, and what is put to a judge is not asked."""
    return getattr(check, "role", "gate") != "metric" and getattr(check, "name", "") != "rubric"


def _tool_errors(trajectory: Trajectory) -> list[str]:
    return [
        f"step {step.index}: {call.name} failed: {call.error}"
        for step, call in trajectory.of(ToolCall)
        if call.error is not None and call.injected is None
    ]


def _not_passed(concluded: Score) -> list[str]:
    if concluded.passed is True:
        return []
    return [
        f"check {finding.check} is {finding.verdict}: {finding.reason}"
        for finding in concluded.findings
        if finding.verdict != "pass" and finding.role != "metric" and finding.reason_code != "not_asked"
    ] or [f"the trial is {concluded.status}: no gate or safety check was asked, so nothing can fail"]


@dataclass(frozen=True, slots=True)
class _Judged:
    result: TrialResult
    trajectory: Trajectory | None
    score: Score

    @property
    def failed(self) -> set[str]:
        """Ids of the checks that failed; one finding of several is enough."""
        return {finding.check.partition("[")[0] for finding in self.score.findings if finding.verdict == "fail"}
