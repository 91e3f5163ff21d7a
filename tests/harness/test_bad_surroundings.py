"""Worlds and users that misbehave: a status that says whose fault it was, and the agent's is it never."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

import agenteval
from agenteval import RequestError, Scenario, UserRef, WorldRef
from agenteval.core.message import Message
from agenteval.core.trajectory import OfferedTool


class Open:
    """A world that hands out the containers that it works on."""

    names: Sequence[str] = ("add",)
    tells = True

    def __init__(self, seed: int) -> None:
        del seed
        self._state: dict[str, Any] = {"till": {"amount": 0}}
        self._changes: list[dict[str, Any]] = []

    def tools(self) -> Sequence[OfferedTool]:
        return [OfferedTool(name=name, description="Add one", parameters={"type": "object"}) for name in self.names]

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Any:
        self._state["till"]["amount"] += 1
        if self.tells:
            self._changes.append({"op": "replace", "path": "/till/amount", "value": self._state["till"]["amount"]})
        return self._state["till"]["amount"]

    def changes(self) -> list[dict[str, Any]]:
        told, self._changes = self._changes, []
        return told

    def state(self) -> Any:
        return self._state

    def snapshot(self) -> object:
        return None

    def restore(self, snapshot: object) -> None:
        del snapshot


class Secretive(Open):
    """One that does not even say so."""

    tells = False


class Shared(Open):
    """One whose trials share their state."""

    everybodys: dict[str, Any] = {"till": {"amount": 0}}  # noqa: RUF012 (the mistake that is tested)

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._state = self.everybodys


class Twins(Open):
    """One with two tools of one name."""

    names = ("add", "add")


async def adder(session: Any) -> None:
    await session.call("add", {})
    await session.say("Done.")


def scenario(world: Any, **changes: Any) -> Scenario:
    return Scenario(
        id="till/add", task="Add one", world=WorldRef(ref=world.__name__, digest="1", make=world), **changes
    )


@pytest.mark.parametrize("world", [Open, Secretive, Shared])
def test_a_world_that_changes_the_state_that_it_gave_out_is_found_out(world: Any) -> None:
    result = agenteval.run(scenario(world), adder, trials=2, retries=0, concurrency=1)
    assert [(trial.status, trial.fault_of) for trial, _ in result.outcomes] == [("invalid", "world")] * 2
    assert {trial.error for trial, _ in result.outcomes} == {
        "the state() that the world gave before the trial was changed by it afterwards; let state() give a copy"
    }


def test_two_tools_of_one_name_are_refused_before_anything_is_run() -> None:
    with pytest.raises(RequestError, match='the world offers two tools called "add"'):
        agenteval.run(scenario(Twins), adder)


class Endless:
    """A user who always has one more thing to say."""

    async def reply(self, messages: Sequence[Message]) -> str | None:
        return "And another thing."


def test_a_user_who_never_stops_is_not_the_agents_fault() -> None:
    user = UserRef(spec={"says": "Hello."}, opening="Hello.", make=lambda seed: Endless())

    def patient(text: str) -> str:
        return "Yes?"

    result = agenteval.run(Scenario(id="talk/endless", user=user), patient, retries=0)
    [(trial, _)] = result.outcomes
    assert (trial.status, trial.fault_of) == ("invalid", "user")
    assert trial.error == "UserError: the user did not end the conversation in 1,000 turns; set limits: {turns: …}"
