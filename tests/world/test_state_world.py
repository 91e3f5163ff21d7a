"""A world of one JSON document, and the kit that every world sits."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from agenteval._util.canonical import content_hash
from agenteval.core.json import Json
from agenteval.core.trajectory import OfferedTool
from agenteval.errors import ScenarioError, ToolError, WorldError
from agenteval.testing.worlds import world_conformance
from agenteval.world import StateWorld, tool

START: dict[str, Any] = {"accounts": {"ada": {"balance": 10, "moves": []}, "bob": {"balance": 0, "moves": []}}}


class Bank(StateWorld):
    def __init__(self, seed: int = 0) -> None:
        super().__init__(START)
        self.accounts = self.data["accounts"]
        self.seed = seed

    @tool
    def balance(self, account: str) -> Json:
        """The balance of an account."""
        return self._account(account)

    @tool
    async def transfer(self, source: str, target: str, amount: int) -> Json:
        """Move money."""
        giver = self._account(source)
        giver["balance"] -= amount
        giver["moves"].append({"to": target, "amount": amount})
        await asyncio.sleep(0)
        taker = self._account(target)
        if giver["balance"] < 0:
            raise ToolError(f"{source} has too little", code="insufficient")
        taker["balance"] += amount
        return [giver, (taker["balance"],)]

    @tool
    def crash(self) -> Json:
        """Break."""
        self.accounts.clear()
        raise ZeroDivisionError("broken")

    @tool
    def leak(self) -> Any:
        """Return what is not JSON."""
        self.accounts["ada"]["balance"] = 0
        return {1, 2}

    def _account(self, name: str) -> Any:
        if name not in self.accounts:
            raise ToolError(f"there is no account {name}", code="not_found")
        return self.accounts[name]


async def test_a_call_changes_the_state_and_tells_it_once():
    bank = Bank()
    result = await bank.call("transfer", {"source": "ada", "target": "bob", "amount": 4})
    assert result == [{"balance": 6, "moves": [{"to": "bob", "amount": 4}]}, [4]]
    assert type(result[0]) is dict
    assert bank.changes() == [
        {"op": "replace", "path": "/accounts/ada/balance", "value": 6},
        {"op": "add", "path": "/accounts/ada/moves/0", "value": {"to": "bob", "amount": 4}},
        {"op": "replace", "path": "/accounts/bob/balance", "value": 4},
    ]
    assert bank.changes() == []
    assert START["accounts"]["ada"] == {"balance": 10, "moves": []}


async def test_what_a_tool_returns_is_not_the_state():
    bank = Bank()
    result: Any = await bank.call("balance", {"account": "ada"})
    result["moves"].append("mine")
    assert bank.state() == START


@pytest.mark.parametrize(
    ("name", "arguments", "error", "code"),
    [
        ("transfer", {"source": "ada", "target": "bob", "amount": 99}, ToolError, "insufficient"),
        ("transfer", {"source": "ada", "target": "eve", "amount": 1}, ToolError, "not_found"),
        ("transfer", {"source": "ada", "target": "bob", "amount": "1"}, ToolError, "invalid_arguments"),
        ("tranfer", {}, ToolError, "unknown_tool"),
        ("crash", {}, ZeroDivisionError, None),
        ("leak", {}, WorldError, None),
    ],
)
async def test_a_call_that_raises_leaves_no_trace(name: str, arguments: Any, error: type[Exception], code: str | None):
    bank = Bank()
    await bank.call("transfer", {"source": "ada", "target": "bob", "amount": 1})
    before, told = content_hash(bank.state()), bank.changes()
    with pytest.raises(error) as found:
        await bank.call(name, arguments)
    assert getattr(found.value, "code", None) == code
    assert (content_hash(bank.state()), bank.changes()) == (before, [])
    assert len(told) == 3
    await bank.call("transfer", {"source": "bob", "target": "ada", "amount": 1})  # handles kept by the world still work
    assert content_hash(bank.state()) != before


async def test_worlds_share_the_start_and_nothing_else():
    first, second = Bank(), Bank()
    assert first.state() is second.state() is START
    await first.call("transfer", {"source": "ada", "target": "bob", "amount": 1})
    assert second.state() is START
    assert (await second.call("balance", {"account": "ada"})) == {"balance": 10, "moves": []}


def test_two_tools_of_one_name_are_an_error_at_construction():
    class Twice(StateWorld):
        @tool
        def pay(self) -> None:
            """Pay."""

        @tool(name="pay")
        def other(self) -> None:
            """Pay."""

    with pytest.raises(ScenarioError, match='two tools have the name "pay"'):
        Twice({})


def test_a_snapshot_of_something_else_is_refused():
    with pytest.raises(WorldError, match="what snapshot"):
        Bank().restore({"accounts": {}})


# --- the kit

CALLS = [("balance", {"account": "ada"}), ("transfer", {"source": "ada", "target": "bob", "amount": 4})]


async def test_our_own_world_passes_the_kit():
    await world_conformance(Bank, calls=CALLS)


class _Wrong:
    """A world that is right in all but what a subclass does."""

    def __init__(self, seed: int = 0) -> None:
        self.inner = Bank(seed)

    def tools(self) -> Sequence[OfferedTool]:
        return [each for each in self.inner.tools() if each.name in {"balance", "transfer"}]

    async def call(self, name: str, arguments: Mapping[str, Json]) -> Json:
        return await self.inner.call(name, arguments)

    def changes(self) -> list[dict[str, Json]]:
        return self.inner.changes()

    def state(self) -> Json:
        return self.inner.state()

    def snapshot(self) -> object:
        return self.inner.snapshot()

    def restore(self, snapshot: object) -> None:
        self.inner.restore(snapshot)


class Silent(_Wrong):
    def changes(self) -> list[dict[str, Json]]:
        self.inner.changes()
        return []


class Forgetful(_Wrong):
    def restore(self, snapshot: object) -> None:
        """Leave all as it is."""


class Lenient(_Wrong):
    async def call(self, name: str, arguments: Mapping[str, Json]) -> Json:
        if name == "transfer":
            known = {key: arguments[key] for key in ("source", "target", "amount") if key in arguments}
            return await self.inner.call(name, known)
        return await self.inner.call(name, arguments)


class Raising(_Wrong):
    async def call(self, name: str, arguments: Mapping[str, Json]) -> Json:
        try:
            return await self.inner.call(name, arguments)
        except ToolError as error:
            raise KeyError(name) from error


class Random(_Wrong):
    made = 0

    def state(self) -> Json:
        return {"made": id(self)}


class Schemaless(_Wrong):
    def tools(self) -> Sequence[OfferedTool]:
        return [OfferedTool(name="balance", description="", parameters=None)]


class Dirty(_Wrong):
    async def call(self, name: str, arguments: Mapping[str, Json]) -> Json:
        try:
            return await self.inner.call(name, arguments)
        except ToolError:
            self.inner.accounts["ada"]["balance"] += 1
            self.inner.changes()
            raise


class Chatty(_Wrong):
    async def call(self, name: str, arguments: Mapping[str, Json]) -> Json:
        try:
            return await self.inner.call(name, arguments)
        except ToolError:
            self.inner.accounts["ada"]["balance"] += 1
            raise


class Shared(_Wrong):
    bank = Bank()

    def __init__(self, seed: int = 0) -> None:
        self.inner = self.bank


@pytest.mark.parametrize(
    ("world", "said"),
    [
        (Silent, "changes"),
        (Forgetful, "restore"),
        (Lenient, "unknown argument"),
        (Raising, "ToolError"),
        (Random, "same seed"),
        (Schemaless, "schema"),
        (Dirty, "unchanged"),
        (Chatty, "changes() must be empty"),
        (Shared, "another world"),
    ],
)
async def test_the_kit_catches_what_is_wrong(world: type[_Wrong], said: str):
    with pytest.raises(AssertionError, match=re.escape(said)):
        await world_conformance(world, calls=CALLS)
