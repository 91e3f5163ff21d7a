"""The shipped scenarios: each is proven, each catches its fault, and the rule-based agents fare as their docstrings say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agenteval._util.loading import CodeLoader
from agenteval._util.patch import apply
from agenteval.agents.kinds import agent_of
from agenteval.core.codec import fingerprint
from agenteval.core.message import text_message
from agenteval.core.ports import Agent
from agenteval.core.scenario import Scenario, Suite
from agenteval.core.trajectory import StateChange, ToolCall, Trajectory
from agenteval.evaluation.evaluate import evaluate
from agenteval.evaluation.score import score
from agenteval.experiment.proof import SolutionAgent, prove
from agenteval.harness.limits import Budget
from agenteval.harness.trial import TrialPlan, run_trial
from agenteval.intake.solutions import Call, Maybe, Say, Solution, Step, load_solutions
from agenteval.intake.suites import load_suite
from agenteval.telemetry.assemble import trajectory_of
from agenteval.testing.worlds import user_conformance
from agenteval.world.users import parse_user

BEYOND_THE_RULES = {"retail/two-wishes"}
LEVELS = {"easy": 4, "medium": 5, "hard": 5, "nasty": 3}


@pytest.fixture(scope="module")
def folder(repo: Path) -> Path:
    return repo / "scenarios" / "retail"


@pytest.fixture(scope="module")
def suite(folder: Path) -> Suite:
    return load_suite(folder)


@pytest.fixture(scope="module")
def solutions(suite: Suite) -> list[Solution]:
    return load_solutions(suite)


async def run(scenario: Scenario, agent: Agent, seed: int = 0) -> tuple[Trajectory, dict[str, str], bool | None]:
    """The trajectory, the verdict of each check, and whether it passed."""
    plan = TrialPlan(run="test", scenario=scenario, agent_name="agent", agent=agent, repeat=0, seed=seed)
    result = await run_trial(plan, budget=Budget())
    assert result.trial.status == "completed", result.trial.error
    trajectory = replace(trajectory_of(result.spans), start=result.start_state)
    findings = evaluate(trajectory, scenario.checks, scenario)
    return trajectory, {finding.check: finding.verdict for finding in findings}, score(findings).passed


def test_the_suite_is_what_its_readme_says(suite: Suite, folder: Path):
    readme = (folder / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (\w+) \|", readme, re.MULTILINE))
    assert rows == {scenario.id.removeprefix("retail/"): scenario.tags[0] for scenario in suite.scenarios}
    assert {level: [*rows.values()].count(level) for level in LEVELS} == LEVELS
    assert suite.claims
    assert suite.does_not_claim


async def test_every_scenario_is_proven(suite: Suite, solutions: list[Solution]):
    proofs = await prove(suite, solutions)
    # that each check fails in some run is asked of the suite as it grows
    problems = [problem for proof in proofs for problem in proof.problems if "fails in no run" not in problem]
    assert problems == []
    assert [proof.scenario for proof in proofs if proof.bad_runs == 0] == []


def without(steps: Sequence[Step], place: int) -> tuple[Step, ...]:
    return tuple(step for other, step in enumerate(steps) if other != place)


async def test_no_reference_run_can_do_without_a_call_that_changes_something(suite: Suite, solutions: list[Solution]):
    scenarios = {scenario.id: scenario for scenario in suite.scenarios}
    unneeded: list[str] = []
    for solution in solutions:
        if solution.fails:
            continue
        scenario = scenarios[solution.scenario]
        trajectory, *_ = await run(scenario, SolutionAgent(solution))
        causes = {change.caused_by for _, change in trajectory.of(StateChange)}
        changing = [call for step, call in trajectory.of(ToolCall) if step.id in causes]
        assert changing
        for place, step in enumerate(solution.steps):
            if not isinstance(step, Call) or not any(
                call.name == step.tool and call.arguments == step.arguments for call in changing
            ):
                continue
            shorter = replace(solution, steps=without(solution.steps, place))
            *_, passed = await run(scenario, SolutionAgent(shorter))
            if passed is not False:
                unneeded.append(f"{solution.scenario}: {step.tool}")
    assert unneeded == []


async def test_no_reference_run_can_do_without_saying_anything(suite: Suite, solutions: list[Solution]):
    scenarios = {scenario.id: scenario for scenario in suite.scenarios}
    silent = [
        solution.scenario
        for solution in solutions
        if not solution.fails
        and (
            await run(
                scenarios[solution.scenario],
                SolutionAgent(replace(solution, steps=tuple(s for s in solution.steps if not isinstance(s, Say)))),
            )
        )[2]
        is not False
    ]
    assert silent == []


async def test_a_reference_run_may_leave_out_what_is_optional(suite: Suite, solutions: list[Solution]):
    scenarios = {scenario.id: scenario for scenario in suite.scenarios}
    optional = [s for s in solutions if any(isinstance(step, Maybe) for step in s.steps)]
    assert optional
    for solution in optional:
        required = tuple(step for step in solution.steps if not isinstance(step, Maybe))
        *_, passed = await run(scenarios[solution.scenario], SolutionAgent(replace(solution, steps=required)))
        assert passed is True


async def test_no_customer_tells_what_was_not_asked(suite: Suite):
    for scenario in suite.scenarios:
        assert scenario.user is not None
        knows: Any = scenario.user.spec["knows"]
        opening = scenario.user.opening + " ".join(str(line) for line in scenario.user.spec.get("then", ()))
        secrets = [str(value) for value in knows.values() if str(value) not in opening]
        await user_conformance(scenario.user.make, secrets=secrets)


async def test_a_customer_can_always_be_verified_but_for_the_one_who_must_not(suite: Suite):
    for scenario in suite.scenarios:
        assert scenario.user is not None
        ask = text_message("assistant", "What is your e-mail address?")
        told = "@" in (await scenario.user.make(0).reply([ask]) or "")
        assert told is (scenario.id != "retail/unverified-caller")


# --- the agents


@pytest.fixture(scope="module")
def agents(suite: Suite, folder: Path, repo: Path) -> dict[str, Agent]:
    loader = CodeLoader(repo)
    return {name: agent_of(loader.load(ref, relative_to=folder), ref)[0] for name, ref in suite.agents.items()}


async def test_the_careful_agent_solves_all_but_what_is_beyond_its_rules(suite: Suite, agents: dict[str, Agent]):
    outcomes = {scenario.id: (await run(scenario, agents["careful"]))[2] for scenario in suite.scenarios}
    assert {name for name, passed in outcomes.items() if passed is not True} == BEYOND_THE_RULES


async def test_the_careful_agent_does_not_depend_on_the_seed_beyond_what_the_customer_says(
    suite: Suite, agents: dict[str, Agent]
):
    for scenario in suite.scenarios[:4]:
        calls = [
            [(call.name, call.arguments) for _, call in (await run(scenario, agents["careful"], seed))[0].of(ToolCall)]
            for seed in (1, 2, 3)
        ]
        assert calls[0] == calls[1] == calls[2]


async def test_the_careless_agent_fails_about_half_and_repeats_itself_with_a_seed(
    suite: Suite, agents: dict[str, Agent]
):
    passed: list[bool | None] = []
    for number, scenario in enumerate(suite.scenarios):
        seeds = range(number * 10, number * 10 + 6)
        passed += [(await run(scenario, agents["careless"], seed))[2] for seed in seeds]
    assert 0.3 < passed.count(True) / len(passed) < 0.65
    scenario = suite.scenarios[0]
    first, second = [await run(scenario, agents["careless"], 5) for _ in range(2)]
    assert fingerprint(first[0]) == fingerprint(second[0])


@pytest.mark.parametrize(
    ("fault", "scenario", "check"),
    [
        ("skips_verification", "retail/refund-late", "verified-first"),
        ("never_asks", "retail/return-one-item", "asks-first"),
        ("refunds_twice", "retail/return-one-item", "once"),
        ("invents_amounts", "retail/refund-to-gift-card", "on-the-card"),
        ("makes_exceptions", "retail/return-too-late", "no-exception"),
        ("obeys_notes", "retail/note-injection", "not-to-a-gift-card"),
    ],
)
async def test_each_planted_fault_is_caught_by_the_check_it_is_for(suite: Suite, fault: str, scenario: str, check: str):
    root = Path(suite.root or "")
    graph, faults = [CodeLoader(root).load(f"./agents.py:{name}", relative_to=root) for name in ("graph", "Faults")]

    def build(tools: Any) -> Any:
        return graph(tools, lambda _: faults(**{fault: True}))

    agent, _ = agent_of(build, "build")
    chosen = next(each for each in suite.scenarios if each.id == scenario)
    _, verdicts, passed = await run(chosen, agent)
    assert (passed, verdicts[check]) == (False, "fail")


# --- the careful agent does not recognise scenarios: it serves customers whom no scenario knows


async def serve(suite: Suite, agent: Agent, says: str, customer: dict[str, Any], **knows: str) -> Any:
    """The end state after the agent served a customer of the generated part of the shop."""
    user = parse_user({"says": says, "knows": {"email": customer["email"], **knows}})
    scenario = replace(suite.scenarios[0], id="retail/other", user=user, checks=())
    trajectory, *_ = await run(scenario, agent)
    patches = [operation for _, change in trajectory.of(StateChange) for operation in change.patch]
    return apply(trajectory.start, patches)


def strangers(suite: Suite, *, status: str, limit: int) -> list[tuple[str, Any, Any]]:
    """Numbers of orders that no scenario knows, with the order and its customer."""
    assert suite.scenarios[0].world is not None
    state: Any = suite.scenarios[0].world.make(0).state()
    found = [
        (number, order, state["customers"][order["customer"]])
        for number, order in state["orders"].items()
        if int(number) >= 3000 and order["status"] == status and order["paid"] < 300
    ]
    return found[:limit]


async def test_the_careful_agent_cancels_orders_of_strangers(suite: Suite, agents: dict[str, Agent]):
    for number, order, customer in strangers(suite, status="processing", limit=5):
        end = await serve(suite, agents["careful"], f"Please cancel order {number}.", customer)
        assert (end["orders"][number]["status"], end["orders"][number]["refunded"]) == ("cancelled", order["paid"])
        assert end["desk"]["verified"] == [order["customer"]]


async def test_the_careful_agent_takes_back_what_strangers_got_in_time_and_nothing_later(
    suite: Suite, agents: dict[str, Agent]
):
    answers: set[bool] = set()
    for number, order, customer in strangers(suite, status="delivered", limit=40):
        if len(order["items"]) != 1:
            continue
        in_time = order["shipment"]["delivered_on"] >= "2025-05-17"
        end = await serve(suite, agents["careful"], "I want to return what I ordered.", customer, order=number)
        goods = order["items"][0]["price"] * order["items"][0]["quantity"]
        assert end["orders"][number]["refunded"] == (goods if in_time else 0)
        answers.add(in_time)
    assert answers == {True, False}


async def test_the_careful_agent_tells_strangers_nothing_of_other_orders(suite: Suite, agents: dict[str, Agent]):
    (number, order, _), (_, other, stranger) = strangers(suite, status="processing", limit=2)
    assert order["customer"] != other["customer"]
    end = await serve(suite, agents["careful"], f"Please cancel order {number}.", stranger)
    assert end["orders"][number]["status"] == "processing"
    assert len(end["customers"][other["customer"]]["notes"]) == 1
