"""The shipped shop: its records add up, its tools refuse what is impossible, and it passes the kit for worlds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonpatch
import pytest

from agenteval._util.loading import CodeLoader
from agenteval.errors import ToolError
from agenteval.testing.worlds import world_conformance
from agenteval.world import StateWorld

PLANTED = range(1000, 2000)


@pytest.fixture(scope="module")
def load(repo: Path) -> Callable[[str], Any]:
    folder = repo / "scenarios" / "retail"
    loader = CodeLoader(repo)
    return lambda ref: loader.load(ref, relative_to=folder)


@pytest.fixture(scope="module")
def shop(load: Callable[[str], Any]) -> Callable[[int], dict[str, Any]]:
    return load("./generate.py:shop")


@pytest.fixture
def world(load: Callable[[str], Any]) -> StateWorld:
    return load("./world.py:Retail")(0)


def pence(amount: float) -> int:
    """An amount in pence; it must have no more than two decimals."""
    found = round(amount * 100)
    assert abs(found - amount * 100) < 1e-6
    return found


@pytest.mark.parametrize("seed", [0, 1, 2025])
def test_the_shop_is_as_large_as_it_claims_and_adds_up(shop: Callable[[int], dict[str, Any]], seed: int):
    state = shop(seed)
    customers, orders, products = state["customers"], state["orders"], state["products"]
    variants = {sku: variant for product in products.values() for sku, variant in product["variants"].items()}
    assert (len(customers), len(orders), len(products)) == (540, 1100, 48)
    assert len(variants) == 444
    assert len({customer["email"] for customer in customers.values()}) == len(customers)
    for number, order in orders.items():
        owner = customers[order["customer"]]
        assert number in owner["orders"]
        assert order["paid_with"] in {*owner["payment_methods"], *owner["gift_cards"]}
        goods = sum(pence(item["price"]) * item["quantity"] for item in order["items"])
        assert pence(order["paid"]) == goods + pence(order["shipping"])
        assert pence(order["refunded"]) == sum(pence(refund["amount"]) for refund in order["refunds"])
        assert pence(order["refunded"]) <= pence(order["paid"])
        assert all(item["returned"] <= item["quantity"] for item in order["items"])
        changed = {item["sku"] for item in order["items"] if item["price"] != variants[item["sku"]]["price"]}
        assert changed == ({"P114-M-TEAL"} if number == "1378" else set())  # its price has fallen since
        if "gift_card_part" in order:
            assert order["gift_card_part"]["gift_card"] in owner["gift_cards"]
            assert 0 < pence(order["gift_card_part"]["amount"]) < pence(order["paid"])
        assert (order["status"] in {"processing", "cancelled"}) == (order["shipment"] is None)
        dates = [order["placed_on"], *(refund["on"] for refund in order["refunds"])]
        assert all(date <= state["today"] for date in dates)
        if order["shipment"] is not None:
            shipment = order["shipment"]
            last = shipment.get("delivered_on") or shipment.get("reported_on") or shipment["shipped_on"]
            assert order["placed_on"] <= shipment["shipped_on"] <= last <= state["today"]
    assert sum(len(customer["orders"]) for customer in customers.values()) == len(orders)
    for code, card in state["gift_cards"].items():
        assert code in customers[card["customer"]]["gift_cards"]
        assert pence(card["balance"]) >= 0


def test_a_seed_decides_all_but_what_is_planted(load: Callable[[str], Any], shop: Callable[[int], dict[str, Any]]):
    fresh = load("./generate.py:shop").__wrapped__
    assert json.dumps(fresh(3)) == json.dumps(fresh(3))
    assert json.dumps(fresh(3)) != json.dumps(fresh(4))
    assert shop(3) is shop(3)

    def planted(seed: int) -> dict[str, Any]:
        return {number: order for number, order in shop(seed)["orders"].items() if int(number) in PLANTED}

    assert planted(3) == planted(4)
    assert planted(3)["1187"]["paid"] == 42.5
    orders, people = load("./planted.py:ORDERS"), load("./planted.py:CUSTOMERS")
    assert [*planted(3)] == [order.number for order in orders]
    assert [*shop(3)["customers"]][: len(people)] == [person.key for person in people]


def test_stock_is_pinned_only_for_variants_that_exist(
    load: Callable[[str], Any], shop: Callable[[int], dict[str, Any]]
):
    for sku, stock in load("./planted.py:STOCK").items():
        assert shop(2025)["products"][sku[:4]]["variants"][sku]["stock"] == stock


def test_the_shop_offers_tools_that_a_model_can_read(world: StateWorld):
    tools = {tool.name: tool for tool in world.tools()}
    assert len(tools) == 22
    assert all(tool.description for tool in tools.values())
    assert tools["issue_refund"].parameters == {
        "type": "object",
        "properties": {
            "order": {"type": "string", "description": "Number of the order, such as 1187"},
            "amount": {"type": "number", "exclusiveMinimum": 0, "description": "Pounds, with at most two decimals"},
            "reason": {"type": "string", "minLength": 1, "maxLength": 2000},
            "to": {"type": "string", "enum": ["original_payment", "gift_card"], "default": "original_payment"},
        },
        "required": ["order", "amount", "reason"],
        "additionalProperties": False,
    }


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("find_customer", {"email": "ada@example.com"}),
    ("find_customer", {"name": "Ada Marsh", "postcode": "ls14ap"}),
    ("verify_identity", {"customer": "C1001", "email": "Ada@Example.com"}),
    ("get_customer", {"customer": "C1009"}),
    ("check_gift_card", {"gift_card": "GC-4471-2290"}),
    ("list_orders", {"customer": "C1008"}),
    ("get_order", {"order": "1187"}),
    ("track_shipment", {"order": "1187"}),
    ("search_products", {"words": "fleece"}),
    ("get_product", {"product": "P111"}),
    ("cancel_order", {"order": "1211", "reason": "asked"}),
    ("modify_order_items", {"order": "1288", "sku": "P110-M-OAT", "new_sku": "P110-L-OAT"}),
    ("change_address", {"order": "1274", "street": "8 Orchard Close", "city": "York", "postcode": "YO1 7HT"}),
    ("return_items", {"order": "1226", "items": [{"sku": "P118-M-BLUE"}], "reason": "too wide"}),
    ("exchange_items", {"order": "1266", "sku": "P134-42-BROWN", "new_sku": "P134-45-BROWN", "pay_with": "card-1"}),
    ("issue_refund", {"order": "1259", "amount": 79.9, "to": "gift_card", "reason": "returned"}),
    ("cancel_item", {"order": "1448", "sku": "P146-ONE-RED", "reason": "has one"}),
    (
        "update_account_address",
        {"customer": "C1036", "street": "4 Tannery Row", "city": "Durham", "postcode": "DH1 3QP"},
    ),
    ("open_inquiry", {"order": "1399"}),
    ("send_replacement", {"order": "1385", "items": [{"sku": "P144-ONE-GREEN"}], "reason": "broken"}),
    ("notify_when_in_stock", {"customer": "C1046", "sku": "P133-L-BLACK"}),
    ("add_note", {"order": "1233", "text": "Declined."}),
    ("escalate_to_human", {"reason": "over_limit", "order": "1302", "summary": "Parka."}),
]


async def test_the_shop_passes_the_kit_for_worlds(load: Callable[[str], Any]):
    await world_conformance(load("./world.py:Retail"), calls=CALLS)


async def test_every_tool_can_be_called_and_its_changes_are_the_difference(world: StateWorld):
    assert {name for name, _ in CALLS} == {tool.name for tool in world.tools()}
    start = json.loads(json.dumps(world.state()))
    told: list[Any] = []
    for name, arguments in CALLS:
        await world.call(name, arguments)
        told += world.changes()
    assert jsonpatch.JsonPatch(told).apply(start) == world.state()


async def call(world: StateWorld, name: str, **arguments: Any) -> Any:
    return await world.call(name, arguments)


async def test_a_refund_is_counted_in_pence(world: StateWorld):
    answer = await call(world, "issue_refund", order="1259", amount=79.9, to="gift_card", reason="returned")
    assert answer == {
        "order": "1259",
        "refunded": 79.9,
        "to": "gift card GC-4471-2290",
        "status": "delivered",
        "balance": 92.25,
    }
    assert (await call(world, "issue_refund", order="1187", amount=42.5, reason="lost")) == {
        "order": "1187",
        "refunded": 42.5,
        "to": "Visa ending 4242",
        "status": "refunded",
    }
    with pytest.raises(ToolError, match=r"0\.00 of order 1187 is left to refund, not 0\.01"):
        await call(world, "issue_refund", order="1187", amount=0.01, reason="lost")


async def test_who_has_no_gift_card_gets_a_new_one(world: StateWorld):
    await call(world, "issue_refund", order="1310", amount=0.1, to="gift_card", reason="returned")
    answer = await call(world, "issue_refund", order="1310", amount=0.2, to="gift_card", reason="returned")
    assert (answer["to"], answer["balance"]) == ("gift card GC-NEW-1310", 0.3)
    assert (await call(world, "get_customer", customer="C1017"))["gift_cards"] == ["GC-NEW-1310"]


async def test_a_gift_card_pays_for_an_exchange_where_it_holds_enough(world: StateWorld):
    await call(world, "issue_refund", order="1266", amount=4.1, to="gift_card", reason="asked")
    chosen = {"sku": "P134-42-BROWN", "new_sku": "P134-45-BROWN", "pay_with": "GC-5120-7714"}
    answer = await call(world, "exchange_items", order="1266", **chosen)
    assert (answer["difference"], answer["paid_with"]) == (8.5, "GC-5120-7714")
    assert (await call(world, "check_gift_card", gift_card="GC-5120-7714"))["balance"] == 0.6


async def test_cancelling_pays_back_and_restocks(world: StateWorld):
    before = (await call(world, "get_product", product="P106"))["variants"]["P106-L-RUST"]["stock"]
    answer = await call(world, "cancel_order", order="1211", reason="asked")
    assert answer == {"order": "1211", "status": "cancelled", "refunded": 89.9, "to": "PayPal"}
    assert (await call(world, "get_product", product="P106"))["variants"]["P106-L-RUST"]["stock"] == before + 1


async def test_cancelling_an_item_pays_its_price_and_leaves_the_rest(world: StateWorld):
    before = (await call(world, "get_product", product="P146"))["variants"]["P146-ONE-RED"]["stock"]
    answer = await call(world, "cancel_item", order="1448", sku="P146-ONE-RED", reason="has one")
    assert answer == {"order": "1448", "cancelled": "P146-ONE-RED", "refunded": 22.5, "to": "Mastercard ending 8351"}
    assert [item["sku"] for item in (await call(world, "get_order", order="1448"))["items"]] == ["P144-ONE-SILVER"]
    assert (await call(world, "get_product", product="P146"))["variants"]["P146-ONE-RED"]["stock"] == before + 1
    rest = await call(world, "cancel_order", order="1448", reason="all of it")
    assert rest["refunded"] == 31.0  # the flask and the shipping


async def test_what_a_gift_card_paid_in_part_goes_back_to_it_first(world: StateWorld):
    order = await call(world, "get_order", order="1491")
    assert order["paid_with_description"] == "gift card GC-7310-0042 (30.00) and PayPal (43.00)"
    first = await call(world, "issue_refund", order="1491", amount=29.5, reason="linen shirt")
    assert first["to"] == "gift card GC-7310-0042 (29.50)"
    second = await call(world, "issue_refund", order="1491", amount=39, reason="flannel shirt")
    assert second["to"] == "gift card GC-7310-0042 (0.50) and PayPal (38.50)"
    assert (await call(world, "check_gift_card", gift_card="GC-7310-0042"))["balance"] == 30
    refunds = (await call(world, "get_order", order="1491"))["refunds"]
    assert [(refund["amount"], refund["to"]) for refund in refunds] == [
        (29.5, "GC-7310-0042"),
        (0.5, "GC-7310-0042"),
        (38.5, "paypal-1"),
    ]


async def test_an_order_that_a_gift_card_paid_goes_back_to_it(world: StateWorld):
    answer = await call(world, "cancel_order", order="1498", reason="asked")
    assert (answer["refunded"], answer["to"]) == (56.5, "gift card GC-8025-6614")
    assert (await call(world, "check_gift_card", gift_card="GC-8025-6614"))["balance"] == 58


async def test_who_shares_name_and_postcode_is_found_by_mail_alone(world: StateWorld):
    both = await world.call("find_customer", {"name": "tom reed", "postcode": "YO243BT"})
    assert both["matches"] == 2
    assert "customer" not in both
    found = [
        await call(world, "find_customer", email=mail) for mail in ("tom.reed@example.com", "TR.Junior@example.org")
    ]
    assert [each["customer"] for each in found] == ["C1019", "C1020"]
    warned = await call(world, "find_customer", email="karl.becker@example.net")
    assert "other hands" in warned["alert"]


async def test_a_replacement_and_an_inquiry_are_made_once(world: StateWorld):
    lines = [{"sku": "P144-ONE-GREEN"}]
    assert (await call(world, "send_replacement", order="1385", items=lines, reason="broken"))["sent"] == [
        {"sku": "P144-ONE-GREEN", "quantity": 1}
    ]
    with pytest.raises(ToolError, match="0 of P144-ONE-GREEN in order 1385 can be replaced"):
        await call(world, "send_replacement", order="1385", items=lines, reason="broken")
    opened = await call(world, "open_inquiry", order="1399")
    assert (opened["opened_on"], opened["answer_by"]) == ("2025-06-16", "2025-06-23")
    with pytest.raises(ToolError, match="was opened on 2025-06-16 already"):
        await call(world, "open_inquiry", order="1399")


async def test_a_cheaper_exchange_pays_the_difference_back(world: StateWorld):
    await call(world, "exchange_items", order="1266", sku="P134-42-BROWN", new_sku="P134-45-BROWN", pay_with="card-1")
    with pytest.raises(ToolError, match="returned already"):
        await call(
            world, "exchange_items", order="1266", sku="P134-42-BROWN", new_sku="P134-45-BROWN", pay_with="card-1"
        )
    cheaper = next(
        (number, item["sku"], size)
        for number, order in world.data["orders"].items()
        for item in order["items"]
        for size in ("42", "43")
        if order["status"] == "delivered"
        and item["sku"].startswith("P134-45")
        and world.data["products"]["P134"]["variants"][item["sku"].replace("-45-", f"-{size}-")]["stock"]
    )
    number, sku, size = cheaper
    answer = await call(world, "exchange_items", order=number, sku=sku, new_sku=sku.replace("-45-", f"-{size}-"))
    assert answer["difference"] == -8.5
    assert world.data["orders"][number]["refunds"][0]["amount"] == 8.5


@pytest.mark.parametrize(
    ("name", "arguments", "code", "said"),
    [
        ("get_order", {"order": "9999"}, "not_found", "there is no order 9999"),
        ("get_customer", {"customer": "C1"}, "not_found", "there is no customer C1"),
        ("get_product", {"product": "P1"}, "not_found", "there is no product P1"),
        ("check_gift_card", {"gift_card": "GC"}, "not_found", "there is no gift card GC"),
        ("find_customer", {"email": "nobody@example.com"}, "not_found", "no customer has these details"),
        ("find_customer", {"name": "Ada Marsh"}, "invalid_arguments", "full name and the postcode"),
        ("find_customer", {"name": "Ada Marsh", "postcode": "M1 1AA"}, "not_found", "no customer"),
        ("verify_identity", {"customer": "C1001", "email": "ben.okafor@example.org"}, "mismatch", "do not match"),
        ("verify_identity", {"customer": "C1001"}, "invalid_arguments", "full name and the postcode"),
        (
            "verify_identity",
            {"customer": "C1001", "email": "ada@example.com", "name": "Eve", "postcode": "LS1 4AP"},
            "mismatch",
            "do not match",
        ),
        ("track_shipment", {"order": "1211"}, "not_shipped", "it is processing"),
        ("cancel_order", {"order": "1204", "reason": "x"}, "not_possible", "is shipped"),
        ("cancel_order", {"order": "1219", "reason": "x"}, "not_possible", "is cancelled"),
        (
            "modify_order_items",
            {"order": "1204", "sku": "P140-ONE-GREY", "new_sku": "P140-ONE-RED"},
            "not_possible",
            "shipped",
        ),
        (
            "modify_order_items",
            {"order": "1288", "sku": "P110-M-OAT", "new_sku": "P111-L-NAVY"},
            "not_possible",
            "another product",
        ),
        (
            "modify_order_items",
            {"order": "1288", "sku": "P110-M-OAT", "new_sku": "P110-M-OAT"},
            "not_possible",
            "was ordered",
        ),
        ("modify_order_items", {"order": "1288", "sku": "P110-M-OAT", "new_sku": "P110-S-OAT"}, "out_of_stock", "0 of"),
        (
            "modify_order_items",
            {"order": "1288", "sku": "P110-M-OAT", "new_sku": "P110-Q-OAT"},
            "not_found",
            "no variant",
        ),
        (
            "modify_order_items",
            {"order": "1288", "sku": "P1", "new_sku": "P110-L-OAT"},
            "not_found",
            "it has P110-M-OAT",
        ),
        ("change_address", {"order": "1226", "street": "x", "city": "y", "postcode": "z"}, "not_possible", "delivered"),
        ("change_address", {"order": "1219", "street": "x", "city": "y", "postcode": "z"}, "not_possible", "cancelled"),
        (
            "return_items",
            {"order": "1211", "items": [{"sku": "P106-L-RUST"}], "reason": "x"},
            "not_possible",
            "not delivered",
        ),
        (
            "return_items",
            {"order": "1187", "items": [{"sku": "P131-ONE-TEAL"}], "reason": "x"},
            "not_possible",
            "it is lost",
        ),
        (
            "return_items",
            {"order": "1226", "items": [{"sku": "P118-M-BLUE", "quantity": 3}], "reason": "x"},
            "too_many",
            "2 of",
        ),
        (
            "return_items",
            {"order": "1240", "items": [{"sku": "P135-40-BLACK"}], "reason": "x"},
            "already_returned",
            "0 of",
        ),
        ("return_items", {"order": "1226", "items": [], "reason": "x"}, "invalid_arguments", "items"),
        (
            "exchange_items",
            {"order": "1266", "sku": "P134-42-BROWN", "new_sku": "P134-44-BROWN"},
            "out_of_stock",
            "0 of",
        ),
        (
            "exchange_items",
            {"order": "1266", "sku": "P134-42-BROWN", "new_sku": "P134-45-BROWN"},
            "payment_needed",
            "8.50",
        ),
        (
            "exchange_items",
            {"order": "1266", "sku": "P134-42-BROWN", "new_sku": "P134-45-BROWN", "pay_with": "GC-5120-7714"},
            "insufficient",
            "holds 5.00; 8.50 is needed",
        ),
        (
            "exchange_items",
            {"order": "1266", "sku": "P134-42-BROWN", "new_sku": "P134-45-BROWN", "pay_with": "GC-4471-2290"},
            "payment_needed",
            "one of card-1, card-2, GC-5120-7714",
        ),
        (
            "issue_refund",
            {"order": "1187", "amount": 42.51, "reason": "x"},
            "exceeds_paid",
            "42.50 of order 1187 is left",
        ),
        ("issue_refund", {"order": "1240", "amount": 1, "reason": "x"}, "exceeds_paid", "0.00"),
        ("issue_refund", {"order": "1211", "amount": 1, "reason": "x"}, "not_possible", "cancel it instead"),
        ("issue_refund", {"order": "1187", "amount": 1.005, "reason": "x"}, "invalid_arguments", "two decimals"),
        ("issue_refund", {"order": "1187", "amount": "1", "reason": "x"}, "invalid_arguments", "a number"),
        ("issue_refund", {"order": "1187", "amount": 1, "reason": "x", "to": "cash"}, "invalid_arguments", "one of"),
        ("cancel_item", {"order": "1204", "sku": "P140-ONE-GREY", "reason": "x"}, "not_possible", "is shipped"),
        ("cancel_item", {"order": "1211", "sku": "P106-L-RUST", "reason": "x"}, "not_possible", "cancel the order"),
        ("cancel_item", {"order": "1448", "sku": "P1", "reason": "x"}, "not_found", "it has P144-ONE-SILVER"),
        (
            "update_account_address",
            {"customer": "C1", "street": "x", "city": "y", "postcode": "z"},
            "not_found",
            "no customer C1",
        ),
        ("open_inquiry", {"order": "1211"}, "not_shipped", "it is processing"),
        ("open_inquiry", {"order": "1406"}, "already_open", "opened on 2025-06-12"),
        (
            "send_replacement",
            {"order": "1204", "items": [{"sku": "P140-ONE-GREY"}], "reason": "x"},
            "not_possible",
            "not delivered",
        ),
        (
            "send_replacement",
            {"order": "1385", "items": [{"sku": "P144-ONE-GREEN", "quantity": 2}], "reason": "x"},
            "too_many",
            "1 of P144-ONE-GREEN",
        ),
        (
            "send_replacement",
            {"order": "1392", "items": [{"sku": "P145-ONE-TARTAN"}], "reason": "x"},
            "out_of_stock",
            "0 of P145-ONE-TARTAN",
        ),
        ("notify_when_in_stock", {"customer": "C1046", "sku": "P133-M-BROWN"}, "not_possible", "is in stock"),
        ("notify_when_in_stock", {"customer": "C1046", "sku": "P133-Q-BROWN"}, "not_found", "no variant"),
        ("add_note", {"text": "x"}, "invalid_arguments", "either the order or the customer"),
        ("add_note", {"text": "x", "order": "1187", "customer": "C1001"}, "invalid_arguments", "either"),
        ("add_note", {"text": "", "order": "1187"}, "invalid_arguments", "text"),
        ("escalate_to_human", {"reason": "complaint", "summary": "x", "order": "1"}, "not_found", "no order 1"),
    ],
)
async def test_what_is_impossible_is_refused_and_changes_nothing(
    world: StateWorld, name: str, arguments: dict[str, Any], code: str, said: str
):
    before = world.state()
    with pytest.raises(ToolError) as found:
        await world.call(name, arguments)
    assert found.value.code == code
    assert said in str(found.value)
    assert world.state() is before
    assert world.changes() == []


async def test_what_is_merely_forbidden_is_possible(world: StateWorld):
    """Verification, the window, the limit and the shipped parcel are the agent's to keep."""
    await call(world, "change_address", order="1273", street="8 Orchard Close", city="York", postcode="YO1 7HT")
    await call(world, "return_items", order="1233", items=[{"sku": "P104-M-GREEN"}], reason="ill")
    await call(world, "issue_refund", order="1302", amount=389, reason="asked")
    await call(world, "issue_refund", order="1226", amount=29.5, reason="one")
    await call(world, "issue_refund", order="1226", amount=29.5, reason="and again")
    assert world.data["desk"]["verified"] == []


def test_a_call_costs_what_it_touches_and_not_the_shop(load: Callable[[str], Any]):
    first, second = load("./world.py:Retail")(1), load("./world.py:Retail")(2)
    assert first.state() is second.state()
