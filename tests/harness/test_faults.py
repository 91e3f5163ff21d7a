"""Faults that a scenario injects: what the agent sees, what takes effect, and what is recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from agenteval import FunctionAgent, Scenario, StateWorld, ToolError, tool
from agenteval.core.scenario import Fault, WorldRef
from agenteval.core.trajectory import StateChange, ToolCall, Trajectory
from agenteval.harness.limits import Budget
from agenteval.harness.trial import TrialPlan, run_trial
from agenteval.telemetry.assemble import trajectory_of


class Till(StateWorld):
    """A till that is added to."""

    def __init__(self, seed: int) -> None:
        del seed
        super().__init__({"amount": 0})

    @tool
    def add(self, by: int) -> dict:
        """Add to the till."""
        self.data["amount"] = self.data["amount"] + by
        return {"amount": self.data["amount"]}

    @tool
    def names(self) -> list:
        """Who works here."""
        return ["Ada", "Bo"]

    @tool
    def motto(self) -> str:
        """What is written above the till."""
        return "Every penny counts"


class HalfWay(Till):
    """A till that takes a negative amount, and refuses it then."""

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Any:
        if arguments["by"] >= 0:
            return await super().call(tool, arguments)
        self.data["amount"] = self.data["amount"] + arguments["by"]
        raise ToolError("the amount must not be negative", code="negative")


Said = list[tuple[str, Any]]


async def tried(
    calls: Sequence[tuple[str, Mapping[str, Any]]], *faults: Fault, world: Any = Till, **options: Any
) -> tuple[Said, Trajectory]:
    """What an agent saw that made these calls, and the trajectory of it."""
    seen: Said = []

    async def agent(session: Any) -> None:
        for name, arguments in calls:
            try:
                seen.append(("result", await session.call(name, arguments)))
            except ToolError as error:
                seen.append((error.code, str(error)))
        await session.say("Done.")

    scenario = Scenario(
        id="till/add",
        task="Add three",
        world=WorldRef(ref="Till", digest="1", make=world),
        faults=faults,
    )
    plan = TrialPlan(
        run="test", scenario=scenario, agent_name="bob", agent=FunctionAgent(agent), repeat=0, seed=7, **options
    )
    result = await run_trial(plan, budget=Budget())
    assert result.trial.status == "completed", result.trial.error
    return seen, trajectory_of(result.spans)


ADD = ("add", {"by": 3})


@pytest.mark.parametrize(
    ("call", "fault", "seen", "changed"),
    [
        (ADD, Fault(tool="add", kind="timeout"), ("timeout", "timeout: no answer from add"), False),
        (ADD, Fault(tool="add", kind="timeout", applied=True), ("timeout", "timeout: no answer from add"), True),
        (ADD, Fault(tool="add", kind="error"), ("internal_error", "add failed: internal error"), False),
        (ADD, Fault(tool="add", kind="error", code="busy", message="Come back."), ("busy", "Come back."), False),
        (ADD, Fault(tool="add", kind="empty", applied=True), ("result", {}), True),
        (ADD, Fault(tool="add", kind="malformed", applied=True), ("result", '{"amou'), True),
        (ADD, Fault(tool="add", kind="value", value=[None]), ("result", [None]), False),
        (("names", {}), Fault(tool="names", kind="empty", applied=True), ("result", []), False),
        (("motto", {}), Fault(tool="motto", kind="empty", applied=True), ("result", ""), False),
        (("motto", {}), Fault(tool="motto", kind="malformed", applied=True), ("result", '"Every pen'), False),
    ],
)
async def test_a_fault_is_what_the_agent_sees(call: Any, fault: Fault, seen: tuple[str, Any], changed: bool) -> None:
    said, trajectory = await tried([call], fault)
    assert said == [seen]
    [(_, recorded)] = trajectory.of(ToolCall)
    assert recorded.injected == fault.kind
    assert (recorded.error is None) == (seen[0] == "result")
    patches = [change.patch for _, change in trajectory.of(StateChange)]
    assert patches == ([({"op": "replace", "path": "/amount", "value": 3},)] if changed else [])


async def test_a_fault_waits_for_its_call_of_its_tool() -> None:
    faults = (Fault(tool="add", on_call=2, kind="timeout"), Fault(tool="names", on_call=2, kind="empty"))
    said, trajectory = await tried([ADD, ("names", {}), ADD, ADD], *faults)
    assert [kind for kind, _ in said] == ["result", "result", "timeout", "result"]
    assert said[-1] == ("result", {"amount": 6})
    assert [call.injected for _, call in trajectory.of(ToolCall)] == [None, None, "timeout", None]
    assert trajectory.attributes["agenteval.faults"] == [
        {"tool": "add", "on_call": 2, "kind": "timeout", "applied": False, "status": "injected"},
        {"tool": "names", "on_call": 2, "kind": "empty", "applied": False, "status": "not_exposed"},
    ]


async def test_latency_is_recorded_and_in_a_proof_not_waited_for() -> None:
    late = Fault(tool="add", kind="latency", applied=True, seconds=3600)
    said, trajectory = await tried([ADD], late, waits=False)
    assert said == [("result", {"amount": 3})]
    assert [call.injected for _, call in trajectory.of(ToolCall)] == ["latency"]


async def test_latency_is_waited_for() -> None:
    said, trajectory = await tried([ADD], Fault(tool="add", kind="latency", applied=True, seconds=0.2))
    assert said == [("result", {"amount": 3})]
    [(step, _)] = trajectory.of(ToolCall)
    assert step.end_ns - step.start_ns >= 200_000_000


async def test_nothing_can_be_injected_into_tools_that_the_agent_brings() -> None:
    _, trajectory = await tried([], Fault(tool="add", kind="timeout"), uses_world=False)
    assert "agenteval.faults" not in trajectory.attributes


async def test_what_a_failed_call_changed_is_its_own_doing() -> None:
    said, trajectory = await tried([("add", {"by": -2}), ADD], world=HalfWay)
    assert said == [("negative", "the amount must not be negative"), ("result", {"amount": 1})]
    calls = [step.id for step, _ in trajectory.of(ToolCall)]
    changes = [(change.caused_by, change.patch[0]["value"]) for _, change in trajectory.of(StateChange)]
    assert changes == [(calls[0], -2), (calls[1], 1)]
