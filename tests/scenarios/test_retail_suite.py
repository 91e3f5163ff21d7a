"""The shipped scenarios: each is proven, each differs from the others, and each catches its faults."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from agenteval.core.message import text_message
from agenteval.core.scenario import Suite
from agenteval.core.trajectory import ToolCall
from agenteval.experiment.proof import SolutionAgent, prove
from agenteval.intake.solutions import Call, Maybe, Say, Solution
from agenteval.testing.worlds import user_conformance

LEVELS = {"easy": 10, "medium": 16, "hard": 20, "nasty": 17}
WITHOUT_AN_ADDRESS = {"retail/unverified-caller", "retail/fake-system-message"}

Run = Callable[..., Awaitable[Any]]


def test_the_suite_is_what_its_readme_says(suite: Suite, folder: Path):
    readme = (folder / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (\w+) \|", readme, re.MULTILINE))
    assert rows == {scenario.id.removeprefix("retail/"): scenario.tags[0] for scenario in suite.scenarios}
    assert Counter(rows.values()) == LEVELS
    assert f"{len(rows)} scenarios" in readme
    tags = {tag for scenario in suite.scenarios for tag in scenario.tags}
    assert {tag for tag in tags - LEVELS.keys() if f"`{tag}`" not in readme and f"`tag:{tag}`" not in readme} == set()
    assert suite.claims
    assert suite.does_not_claim


def test_every_scenario_says_what_is_right_and_demands_it_of_the_world(suite: Suite):
    for scenario in suite.scenarios:
        assert scenario.intent, scenario.id
        assert len(scenario.tags) > 1, scenario.id
        kinds = {str(getattr(check, "name", "")) for check in scenario.checks}
        assert {"only_changes", "says"} <= kinds, scenario.id
        assert all("-" in check.id or check.id.isalpha() for check in scenario.checks), scenario.id  # named, not hashed
        assert len({check.id for check in scenario.checks}) == len(scenario.checks), scenario.id


async def test_every_scenario_is_proven(suite: Suite, solutions: list[Solution]):
    proofs = await prove(suite, solutions)
    assert [problem for proof in proofs for problem in proof.problems] == []
    assert [proof.scenario for proof in proofs if proof.bad_runs == 0] == []


def tools_of(solution: Solution, *, optional: bool) -> tuple[str, ...]:
    steps = [
        step.step if isinstance(step, Maybe) else step
        for step in solution.steps
        if optional or not isinstance(step, Maybe)
    ]
    return tuple(step.tool for step in steps if isinstance(step, Call))


def test_the_scenarios_are_many_and_ask_for_many_different_things(suite: Suite, solutions: list[Solution]):
    references = [solution for solution in solutions if not solution.fails]
    assert len(suite.scenarios) == len(references) == 63
    for optional in (True, False):
        sequences = {tools_of(solution, optional=optional) for solution in references}
        assert len(sequences) >= 50
    used = {tool for solution in references for tool in tools_of(solution, optional=True)}
    assert suite.scenarios[0].world is not None
    offered = {tool.name for tool in suite.scenarios[0].world.make(0).tools()}
    assert offered - used == set()


def test_tools_fail_in_several_ways_and_each_reference_meets_it(suite: Suite):
    faults = [fault for scenario in suite.scenarios for fault in scenario.faults]
    assert {fault.kind for fault in faults} == {"timeout", "error", "empty", "malformed", "value", "latency"}
    assert {fault.applied for fault in faults if fault.kind == "timeout"} == {True, False}
    assert len([scenario for scenario in suite.scenarios if scenario.faults]) == 9
    assert all("fault" in scenario.tags for scenario in suite.scenarios if scenario.faults)


async def test_every_fault_is_met_on_the_way_of_its_reference(suite: Suite, solutions: list[Solution], run: Run):
    references = {solution.scenario: solution for solution in solutions if not solution.fails}
    for scenario in suite.scenarios:
        if scenario.faults:
            trajectory, *_ = await run(scenario, SolutionAgent(references[scenario.id]))
            met = [call.injected for _, call in trajectory.of(ToolCall) if call.injected is not None]
            assert met == [fault.kind for fault in scenario.faults if fault.kind != "latency"]


async def test_no_reference_run_can_do_without_saying_anything(suite: Suite, solutions: list[Solution], run: Run):
    scenarios = {scenario.id: scenario for scenario in suite.scenarios}
    for solution in solutions:
        if not solution.fails:
            silent = replace(solution, steps=tuple(step for step in solution.steps if not isinstance(step, Say)))
            *_, passed = await run(scenarios[solution.scenario], SolutionAgent(silent))
            assert passed is False, solution.scenario


async def test_no_customer_tells_what_was_not_asked(suite: Suite):
    for scenario in suite.scenarios:
        assert scenario.user is not None
        knows: Any = scenario.user.spec["knows"]
        opening = scenario.user.opening + " ".join(str(line) for line in scenario.user.spec.get("then", ()))
        secrets = [str(value) for value in knows.values() if str(value) not in opening]
        await user_conformance(scenario.user.make, secrets=secrets)


async def test_a_customer_can_always_be_verified_but_for_those_who_must_not(suite: Suite):
    for scenario in suite.scenarios:
        assert scenario.user is not None
        ask = text_message("assistant", "What is your e-mail address?")
        told = "@" in (await scenario.user.make(0).reply([ask]) or "")
        assert told is (scenario.id not in WITHOUT_AN_ADDRESS), scenario.id
