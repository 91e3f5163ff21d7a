"""A seed in, a shop out: customers, products with variants, orders, gift cards, as one JSON state.

The same seed gives the same shop on every version of Python, since the dice are our own. The customers and orders that
scenarios are about (`planted.py`) stand in every shop. Money is counted in pence and written in pounds.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Sequence
from typing import Any, TypeVar

from catalogue import BRANDS, CARRIERS, CITIES, DESIGNS, FIRST, LAST, MAILS, NOTES, STREETS
from planted import CUSTOMERS, ORDERS, STOCK

T = TypeVar("T")

TODAY = dt.date(2025, 6, 16)
CUSTOMER_COUNT = 540
ORDER_COUNT = 1_100

_DAYS = [(TODAY - dt.timedelta(days=days)).isoformat() for days in range(400)]
_LONGEST_REACH = 10  # days into the future that a delivery may be expected


class Dice:
    """Repeatable chance: a 64-bit linear congruential generator, of which the upper bits are used."""

    def __init__(self, seed: int) -> None:
        self._state = (seed * 2 + 1) % 2**64
        for _ in range(4):
            self.below(2)

    def below(self, bound: int) -> int:
        """A whole number from 0 up to, and without, the bound."""
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self._state >> 33) % bound

    def pick(self, options: Sequence[T]) -> T:
        """One of several."""
        return options[self.below(len(options))]


def pence(pounds: float) -> int:
    """An amount in whole pence."""
    return round(pounds * 100)


def pounds(amount: int) -> float:
    """Whole pence as the amount that tools speak of, with two decimals."""
    return amount / 100


def day(ago: int) -> str:
    """The date so many days ago; negative days lie ahead."""
    return _DAYS[ago] if ago >= 0 else (TODAY - dt.timedelta(days=ago)).isoformat()


@functools.lru_cache(maxsize=8)
def shop(seed: int) -> dict[str, Any]:
    """The whole shop. It is shared by all worlds of a seed and must not be changed."""
    dice = Dice(seed)
    prices, products = _products(dice)
    customers: dict[str, Any] = {}
    gift_cards: dict[str, Any] = {}
    for planted in CUSTOMERS:
        customers[planted["id"]] = _planted_customer(planted, gift_cards)
    for number in range(CUSTOMER_COUNT - len(CUSTOMERS)):
        _customer(dice, f"C{2000 + number}", number, customers, gift_cards)
    orders = {planted["id"]: _planted_order(planted, customers, prices) for planted in ORDERS}
    ids = list(customers)[len(CUSTOMERS) :]
    skus = list(prices)
    for number in range(ORDER_COUNT - len(ORDERS)):
        _order(dice, str(3000 + number), dice.pick(ids), customers, orders, (skus, prices))
    return {
        "today": TODAY.isoformat(),
        "customers": customers,
        "products": products,
        "orders": orders,
        "gift_cards": gift_cards,
        "desk": {"verified": [], "escalations": []},
    }


def _products(dice: Dice) -> tuple[dict[str, int], dict[str, Any]]:
    prices: dict[str, int] = {}
    products: dict[str, Any] = {}
    for product, name, category, price, sizes, colours, more in DESIGNS:
        variants: dict[str, Any] = {}
        for colour in colours:
            for place, size in enumerate(sizes):
                sku = f"{product}-{size}-{colour}"
                prices[sku] = price + (more if place >= len(sizes) - 2 else 0)
                variants[sku] = {
                    "size": "one size" if size == "ONE" else size,
                    "colour": colour.lower(),
                    "price": pounds(prices[sku]),
                    "stock": STOCK.get(sku, max(0, dice.below(14) - 2)),
                }
        products[product] = {"name": name, "category": category, "variants": variants}
    return prices, products


def _planted_customer(planted: dict[str, Any], gift_cards: dict[str, Any]) -> dict[str, Any]:
    owned = planted.get("gift_cards", {})
    for code, balance in owned.items():
        gift_cards[code] = {"customer": planted["id"], "balance": pounds(balance)}
    return {
        "name": planted["name"],
        "email": planted["email"],
        "address": dict(zip(("street", "city", "postcode"), planted["address"], strict=True)),
        "payment_methods": {
            method: _method(kind, brand, account) for method, (kind, brand, account) in planted["payment"].items()
        },
        "gift_cards": list(owned),
        "orders": [order["id"] for order in ORDERS if order["customer"] == planted["id"]],
        "notes": [],
    }


def _method(kind: str, brand: str, account: str) -> dict[str, str]:
    return {"kind": "card", "brand": brand, "last4": account} if kind == "card" else {"kind": kind, "account": account}


def _customer(dice: Dice, key: str, number: int, customers: dict[str, Any], gift_cards: dict[str, Any]) -> None:
    first, last = dice.pick(FIRST), dice.pick(LAST)
    email = f"{first}.{last}{number}@{dice.pick(MAILS)}".lower()
    city, area = dice.pick(CITIES)
    letters = "ABDEFGHJLNPQRSTUWXYZ"
    postcode = f"{area}{1 + dice.below(20)} {1 + dice.below(9)}{dice.pick(letters)}{dice.pick(letters)}"
    methods = {"card-1": _method("card", dice.pick(BRANDS), f"{1000 + dice.below(9000)}")}
    if dice.below(4) == 0:
        methods["paypal-1"] = _method("paypal", "PayPal", email)
    owned: list[str] = []
    if dice.below(6) == 0:
        code = f"GC-{1000 + dice.below(9000)}-{2000 + number}"
        gift_cards[code] = {"customer": key, "balance": pounds(500 * dice.below(21))}
        owned.append(code)
    customers[key] = {
        "name": f"{first} {last}",
        "email": email,
        "address": {"street": f"{1 + dice.below(98)} {dice.pick(STREETS)}", "city": city, "postcode": postcode},
        "payment_methods": methods,
        "gift_cards": owned,
        "orders": [],
        "notes": [],
    }


def _planted_order(planted: dict[str, Any], customers: dict[str, Any], prices: dict[str, int]) -> dict[str, Any]:
    items = [_item(sku, quantity, prices, *state) for sku, quantity, *state in planted["items"]]
    shipment = planted.get("shipment")
    return {
        **_head(planted["customer"], customers, planted["placed"], planted["status"]),
        **_sums(items, planted["shipping"]),
        "paid_with": planted["paid_with"],
        "shipment": None if shipment is None else _shipment(shipment, CARRIERS[0], f"NW{planted['id']}8830"),
        "refunds": [
            {"amount": pounds(amount), "to": to, "on": day(ago), "reason": reason}
            for amount, to, ago, reason in planted.get("refunds", ())
        ],
        "refunded": pounds(sum(amount for amount, *_ in planted.get("refunds", ()))),
        "notes": [{"on": day(ago), "by": by, "text": text} for ago, by, text in planted.get("notes", ())],
    }


def _head(customer: str, customers: dict[str, Any], placed: int, status: str) -> dict[str, Any]:
    address = customers[customer]["address"]
    return {"customer": customer, "placed_on": day(placed), "status": status, "address": address}


def _item(sku: str, quantity: int, prices: dict[str, int], state: str = "") -> dict[str, Any]:
    returned = quantity if state == "returned" else 0
    return {"sku": sku, "price": pounds(prices[sku]), "quantity": quantity, "returned": returned}


def _sums(items: list[dict[str, Any]], shipping: int) -> dict[str, Any]:
    goods = sum(pence(item["price"]) * item["quantity"] for item in items)
    return {"items": items, "shipping": pounds(shipping), "paid": pounds(goods + shipping)}


def _shipment(days: dict[str, Any], carrier: str, tracking: str) -> dict[str, Any]:
    dates = {f"{name}_on": day(ago) for name, ago in days.items() if name != "status"}
    return {"carrier": carrier, "tracking": tracking, "status": days["status"], **dates}


def _order(
    dice: Dice,
    number: str,
    customer: str,
    customers: dict[str, Any],
    orders: dict[str, Any],
    goods: tuple[list[str], dict[str, int]],
) -> None:
    skus, prices = goods
    placed = dice.below(200)
    items = [_item(dice.pick(skus), 1 + dice.below(5) // 4, prices) for _ in range(1 + dice.below(3))]
    status, days = _progress(dice, placed)
    sums = _sums(items, dice.pick((0, 450, 495)))
    owner = customers[customer]
    method = dice.pick(list(owner["payment_methods"]))
    refunds: list[dict[str, Any]] = []
    if status == "cancelled":
        refunds.append({"amount": sums["paid"], "to": method, "on": day(max(placed - 1, 0)), "reason": "cancelled"})
    orders[number] = {
        **_head(customer, customers, placed, status),
        **sums,
        "paid_with": method,
        "shipment": None if days is None else _shipment(days, dice.pick(CARRIERS), f"LF{number}{dice.below(900)}"),
        "refunds": refunds,
        "refunded": sums["paid"] if refunds else 0.0,
        "notes": [{"on": day(placed), "by": "customer", "text": dice.pick(NOTES)}] if dice.below(12) == 0 else [],
    }
    owner["orders"].append(number)


def _progress(dice: Dice, placed: int) -> tuple[str, dict[str, Any] | None]:
    """How far an order has come that was placed so many days ago."""
    if dice.below(16) == 0:
        return "cancelled", None
    if placed < 2:
        return "processing", None
    shipped = placed - 1 - dice.below(2)
    if placed < 2 + _LONGEST_REACH // 2:
        return "shipped", {"status": "in transit", "shipped": shipped, "expected": -dice.below(_LONGEST_REACH // 2)}
    if dice.below(80) == 0:
        return "lost", {"status": "lost", "shipped": shipped, "expected": shipped - 4, "reported": max(shipped - 9, 0)}
    return "delivered", {"status": "delivered", "shipped": shipped, "delivered": max(shipped - 2 - dice.below(3), 0)}
