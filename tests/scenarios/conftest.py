"""The shipped shop's suite, its solutions and agents, and one trial of an agent, judged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agenteval._util.loading import CodeLoader
from agenteval.agents.kinds import agent_of
from agenteval.core.ports import Agent
from agenteval.core.scenario import Scenario, Suite
from agenteval.core.trajectory import Trajectory
from agenteval.evaluation.evaluate import evaluate
from agenteval.evaluation.score import score
from agenteval.harness.limits import Budget
from agenteval.harness.trial import TrialPlan, run_trial
from agenteval.intake.solutions import Solution, load_solutions
from agenteval.intake.suites import load_suite
from agenteval.telemetry.assemble import trajectory_of

Outcome = tuple[Trajectory, dict[str, str], bool | None]


@pytest.fixture(scope="module")
def folder(repo: Path) -> Path:
    return repo / "scenarios" / "retail"


@pytest.fixture(scope="module")
def suite(folder: Path) -> Suite:
    return load_suite(folder)


@pytest.fixture(scope="module")
def solutions(suite: Suite) -> list[Solution]:
    return load_solutions(suite)


@pytest.fixture(scope="module")
def agents(suite: Suite, folder: Path, repo: Path) -> dict[str, Agent]:
    loader = CodeLoader(repo)
    return {name: agent_of(loader.load(ref, relative_to=folder), ref)[0] for name, ref in suite.agents.items()}


@pytest.fixture(scope="session")
def run() -> Callable[..., Awaitable[Outcome]]:
    """One trial: the trajectory, the verdict of each check, and whether it passed."""

    async def one(scenario: Scenario, agent: Agent, seed: int = 0) -> Outcome:
        plan = TrialPlan(
            run="test", scenario=scenario, agent_name="agent", agent=agent, repeat=0, seed=seed, waits=False
        )
        result = await run_trial(plan, budget=Budget())
        assert result.trial.status == "completed", result.trial.error
        trajectory = replace(trajectory_of(result.spans), start=result.start_state)
        findings = evaluate(trajectory, scenario.checks, scenario)
        return trajectory, {finding.check: finding.verdict for finding in findings}, score(findings).passed

    return one
