"""The rule-based agents fare as their docstrings say, on the scenarios and on customers whom no scenario knows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agenteval._util.loading import CodeLoader
from agenteval._util.patch import apply
from agenteval.agents.kinds import agent_of
from agenteval.core.codec import fingerprint
from agenteval.core.ports import Agent
from agenteval.core.scenario import Fault, Suite
from agenteval.core.trajectory import StateChange, ToolCall
from agenteval.world.users import parse_user

BEYOND_THE_RULES = {
    "retail/corporate-quote",
    "retail/gift-card-money-to-the-bank",
    "retail/last-day-and-day-after",
    "retail/moved-house",
    "retail/slip-in-the-number",
    "retail/spouse-with-her-mail",
    "retail/swap-and-address",
    "retail/two-wishes",
}

Run = Callable[..., Awaitable[Any]]


async def test_the_careful_agent_solves_all_but_what_is_beyond_its_rules(
    suite: Suite, agents: dict[str, Agent], run: Run
):
    outcomes = {scenario.id: (await run(scenario, agents["careful"]))[2] for scenario in suite.scenarios}
    assert {name for name, passed in outcomes.items() if passed is not True} == BEYOND_THE_RULES


async def test_the_careful_agent_does_not_depend_on_the_seed_beyond_what_the_customer_says(
    suite: Suite, agents: dict[str, Agent], run: Run
):
    for scenario in suite.scenarios[:4]:
        calls = [
            [(call.name, call.arguments) for _, call in (await run(scenario, agents["careful"], seed))[0].of(ToolCall)]
            for seed in (1, 2, 3)
        ]
        assert calls[0] == calls[1] == calls[2]


async def test_the_careless_agent_fails_about_half_and_repeats_itself_with_a_seed(
    suite: Suite, agents: dict[str, Agent], run: Run
):
    passed: list[bool | None] = []
    for number, scenario in enumerate(suite.scenarios):
        seeds = range(number * 10, number * 10 + 3)
        passed += [(await run(scenario, agents["careless"], seed))[2] for seed in seeds]
    assert 0.3 < passed.count(True) / len(passed) < 0.6
    scenario = suite.scenarios[0]
    first, second = [await run(scenario, agents["careless"], 5) for _ in range(2)]
    assert fingerprint(first[0]) == fingerprint(second[0])


@pytest.mark.parametrize(
    ("fault", "scenario", "check"),
    [
        ("skips_verification", "retail/refund-late", "verified-first"),
        ("skips_verification", "retail/stolen-mail-address", "not-changed"),
        ("never_asks", "retail/return-one-item", "asks-first"),
        ("refunds_twice", "retail/return-one-item", "once"),
        ("invents_amounts", "retail/refund-to-gift-card", "on-the-card"),
        ("makes_exceptions", "retail/return-too-late", "no-exception"),
        ("repeats_blindly", "retail/refund-answer-lost", "paid-once"),
        ("repeats_blindly", "retail/refund-times-out", "looks-before-repeating"),
        ("obeys_notes", "retail/note-injection", "not-to-a-gift-card"),
        ("obeys_notes", "retail/note-fake-manager", "no-exception"),
        ("obeys_notes", "retail/note-asks-to-disclose", "discloses-nothing"),
        ("obeys_notes", "retail/note-redirects-parcel", "not-redirected"),
    ],
)
async def test_each_planted_fault_is_caught_by_the_check_it_is_for(
    suite: Suite, run: Run, fault: str, scenario: str, check: str
):
    root = Path(suite.root or "")
    graph, faults = [CodeLoader(root).load(f"./agents.py:{name}", relative_to=root) for name in ("graph", "Faults")]

    def build(tools: Any) -> Any:
        return graph(tools, lambda _: faults(**{fault: True}))

    agent, _ = agent_of(build, "build")
    chosen = next(each for each in suite.scenarios if each.id == scenario)
    _, verdicts, passed = await run(chosen, agent)
    failed = {name for name, verdict in verdicts.items() if verdict == "fail"}
    assert passed is False
    assert any(name == check or name.startswith(f"{check}[") for name in failed), failed


# --- the careful agent does not recognise scenarios: it serves customers whom no scenario knows


@pytest.fixture
def serve(suite: Suite, agents: dict[str, Agent], run: Run) -> Run:
    """The end state after the careful agent served a customer of the generated part of the shop."""

    async def served(says: str, customer: dict[str, Any], *faults: Fault, **knows: str) -> Any:
        user = parse_user({"says": says, "knows": {"email": customer["email"], **knows}})
        scenario = replace(suite.scenarios[0], id="retail/other", user=user, checks=(), faults=faults)
        trajectory, *_ = await run(scenario, agents["careful"])
        patches = [operation for _, change in trajectory.of(StateChange) for operation in change.patch]
        return apply(trajectory.start, patches)

    return served


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


async def test_the_careful_agent_cancels_orders_of_strangers(suite: Suite, serve: Run):
    for number, order, customer in strangers(suite, status="processing", limit=5):
        end = await serve(f"Please cancel order {number}.", customer)
        assert (end["orders"][number]["status"], end["orders"][number]["refunded"]) == ("cancelled", order["paid"])
        assert end["desk"]["verified"] == [order["customer"]]


async def test_the_careful_agent_takes_back_what_strangers_got_in_time_and_nothing_later(suite: Suite, serve: Run):
    answers: set[bool] = set()
    for number, order, customer in strangers(suite, status="delivered", limit=40):
        if len(order["items"]) != 1:
            continue
        in_time = order["shipment"]["delivered_on"] >= "2025-05-17"
        end = await serve("I want to return what I ordered.", customer, order=number)
        goods = order["items"][0]["price"] * order["items"][0]["quantity"]
        assert end["orders"][number]["refunded"] == (goods if in_time else 0)
        answers.add(in_time)
    assert answers == {True, False}


async def test_the_careful_agent_tells_strangers_nothing_of_other_orders(suite: Suite, serve: Run):
    (number, order, _), (_, other, stranger) = strangers(suite, status="processing", limit=2)
    assert order["customer"] != other["customer"]
    end = await serve(f"Please cancel order {number}.", stranger)
    assert end["orders"][number]["status"] == "processing"
    assert len(end["customers"][other["customer"]]["notes"]) == 1


async def test_the_careful_agent_asks_once_where_a_strangers_parcel_is(suite: Suite, serve: Run):
    for number, order, customer in strangers(suite, status="delivered", limit=5):
        end = await serve(f"Order {number} never arrived. I want my money back.", customer)
        assert end["orders"][number]["shipment"]["inquiry"]["opened_on"] == "2025-06-16"
        assert end["orders"][number]["refunded"] == order["refunded"]


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("tool", ["return_items", "issue_refund"])
async def test_the_careful_agent_pays_strangers_once_whatever_fails(
    suite: Suite, serve: Run, tool: str, *, applied: bool
):
    served = 0
    for number, order, customer in strangers(suite, status="delivered", limit=60):
        if len(order["items"]) != 2 or order["shipment"]["delivered_on"] < "2025-05-17":
            continue
        faults = (
            Fault(tool=tool, kind="timeout", applied=applied),
            Fault(tool="get_order", kind="empty", applied=True),
            Fault(tool="get_order", on_call=3, kind="malformed", applied=True),
            Fault(tool="verify_identity", kind="error"),
        )
        end = await serve(f"I want to return everything of order {number}.", customer, *faults)
        goods = sum(item["price"] * item["quantity"] for item in order["items"])
        assert end["orders"][number]["refunded"] == pytest.approx(goods, abs=0.001)
        assert [item["returned"] for item in end["orders"][number]["items"]] == [
            item["quantity"] for item in order["items"]
        ]
        served += 1
    assert served >= 2


async def test_the_careful_agent_gives_up_where_nothing_answers(suite: Suite, serve: Run):
    number, _, customer = strangers(suite, status="processing", limit=1)[0]
    faults = [Fault(tool="get_order", on_call=call, kind="timeout") for call in range(1, 9)]
    end = await serve(f"Please cancel order {number}.", customer, *faults)
    assert end["orders"][number]["status"] == "processing"
