"""A seed in, a shop out: customers, products with variants, orders, gift cards, as one JSON state.

The same seed gives the same shop on every version of Python, since the dice are our own. The customers and orders that
scenarios are about (`planted.py`) stand in every shop. Money is counted in pence and written in pounds.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Sequence
from typing import Any, TypeVar

from .catalogue import BRANDS, CARRIERS, CITIES, DESIGNS, FIRST, LAST, MAILS, NOTES, STREETS, Design
from .planted import CUSTOMERS, ORDERS, STOCK

T = TypeVar("T")

TODAY = dt.date(2025, 6, 16)
CUSTOMER_COUNT = 540
ORDER_COUNT = 1_100

_DAYS = [(TODAY - dt.timedelta(days=days)).isoformat() for days in range(400)]


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
    return _Builder(seed).state


class _Builder:
    """Puts a shop together, what is planted first."""

    def __init__(self, seed: int) -> None:
        self._dice = Dice(seed)
        self._prices: dict[str, int] = {}
        self._customers: dict[str, Any] = {}
        self._gift_cards: dict[str, Any] = {}
        self._orders: dict[str, Any] = {}
        self.state = {
            "today": TODAY.isoformat(),
            "customers": self._customers,
            "products": {design[0]: self._product(design) for design in DESIGNS},
            "orders": self._orders,
            "gift_cards": self._gift_cards,
            "desk": {"verified": [], "escalations": []},
        }
        self._plant()
        for number in range(CUSTOMER_COUNT - len(CUSTOMERS)):
            self._add_customer(f"C{2000 + number}", number)
        ids = list(self._customers)[len(CUSTOMERS) :]
        for number in range(ORDER_COUNT - len(ORDERS)):
            self._add_order(str(3000 + number), self._dice.pick(ids))

    def _product(self, design: Design) -> dict[str, Any]:
        product, name, category, price, sizes, colours, more = design
        variants: dict[str, Any] = {}
        for colour in colours:
            for place, size in enumerate(sizes):
                sku = f"{product}-{size}-{colour}"
                self._prices[sku] = price + (more if place >= len(sizes) - 2 else 0)
                variants[sku] = {
                    "size": "one size" if size == "ONE" else size,
                    "colour": colour.lower(),
                    "price": pounds(self._prices[sku]),
                    "stock": STOCK.get(sku, max(0, self._dice.below(14) - 2)),
                }
        return {"name": name, "category": category, "variants": variants}

    # --- planted

    def _plant(self) -> None:
        for planted in CUSTOMERS:
            owned = planted.get("gift_cards", {})
            for code, balance in owned.items():
                self._gift_cards[code] = {"customer": planted["id"], "balance": pounds(balance)}
            self._customers[planted["id"]] = {
                "name": planted["name"],
                "email": planted["email"],
                "address": dict(zip(("street", "city", "postcode"), planted["address"], strict=True)),
                "payment_methods": {key: _method(*method) for key, method in planted["payment"].items()},
                "gift_cards": list(owned),
                "orders": [order["id"] for order in ORDERS if order["customer"] == planted["id"]],
                "notes": [],
            }
        for planted in ORDERS:
            self._orders[planted["id"]] = self._planted_order(planted)

    def _planted_order(self, planted: dict[str, Any]) -> dict[str, Any]:
        shipment = planted.get("shipment")
        refunds = planted.get("refunds", ())
        items = [self._item(sku, quantity, *state) for sku, quantity, *state in planted["items"]]
        return {
            **self._head(planted["customer"], planted["placed"], planted["status"]),
            **_sums(items, planted["shipping"]),
            "paid_with": planted["paid_with"],
            "shipment": None if shipment is None else _shipment(shipment, CARRIERS[0], f"NW{planted['id']}8830"),
            "refunds": [
                {"amount": pounds(amount), "to": to, "on": day(ago), "reason": reason}
                for amount, to, ago, reason in refunds
            ],
            "refunded": pounds(sum(amount for amount, *_ in refunds)),
            "notes": [{"on": day(ago), "by": by, "text": text} for ago, by, text in planted.get("notes", ())],
        }

    # --- by chance

    def _add_customer(self, key: str, number: int) -> None:
        dice = self._dice
        first, last = dice.pick(FIRST), dice.pick(LAST)
        email = f"{first}.{last}{number}@{dice.pick(MAILS)}".lower()
        methods = {"card-1": _method("card", dice.pick(BRANDS), f"{1000 + dice.below(9000)}")}
        if dice.below(4) == 0:
            methods["paypal-1"] = _method("paypal", "PayPal", email)
        owned: list[str] = []
        if dice.below(6) == 0:
            owned.append(f"GC-{1000 + dice.below(9000)}-{2000 + number}")
            self._gift_cards[owned[0]] = {"customer": key, "balance": pounds(500 * dice.below(21))}
        self._customers[key] = {
            "name": f"{first} {last}",
            "email": email,
            "address": self._address(),
            "payment_methods": methods,
            "gift_cards": owned,
            "orders": [],
            "notes": [],
        }

    def _address(self) -> dict[str, str]:
        dice = self._dice
        city, area = dice.pick(CITIES)
        letters = "ABDEFGHJLNPQRSTUWXYZ"
        postcode = f"{area}{1 + dice.below(20)} {1 + dice.below(9)}{dice.pick(letters)}{dice.pick(letters)}"
        return {"street": f"{1 + dice.below(98)} {dice.pick(STREETS)}", "city": city, "postcode": postcode}

    def _add_order(self, number: str, customer: str) -> None:
        dice = self._dice
        owner = self._customers[customer]
        placed = dice.below(200)
        skus = [dice.pick(self._skus) for _ in range(1 + dice.below(3))]
        items = [self._item(sku, 1 + dice.below(5) // 4) for sku in dict.fromkeys(skus)]
        status, days = _progress(dice, placed)
        sums = _sums(items, dice.pick((0, 450, 495)))
        method = dice.pick(list(owner["payment_methods"]))
        refunds: list[dict[str, Any]] = []
        if status == "cancelled":
            refunds.append({"amount": sums["paid"], "to": method, "on": day(max(placed - 1, 0)), "reason": "cancelled"})
        self._orders[number] = {
            **self._head(customer, placed, status),
            **sums,
            "paid_with": method,
            "shipment": None if days is None else _shipment(days, dice.pick(CARRIERS), f"LF{number}{dice.below(900)}"),
            "refunds": refunds,
            "refunded": sums["paid"] if refunds else 0.0,
            "notes": [{"on": day(placed), "by": "customer", "text": dice.pick(NOTES)}] if dice.below(12) == 0 else [],
        }
        owner["orders"].append(number)

    # --- parts of orders

    @functools.cached_property
    def _skus(self) -> list[str]:
        return list(self._prices)

    def _head(self, customer: str, placed: int, status: str) -> dict[str, Any]:
        address = self._customers[customer]["address"]
        return {"customer": customer, "placed_on": day(placed), "status": status, "address": address}

    def _item(self, sku: str, quantity: int, state: str = "") -> dict[str, Any]:
        returned = quantity if state == "returned" else 0
        return {"sku": sku, "price": pounds(self._prices[sku]), "quantity": quantity, "returned": returned}


def _method(kind: str, brand: str, account: str) -> dict[str, str]:
    return {"kind": "card", "brand": brand, "last4": account} if kind == "card" else {"kind": kind, "account": account}


def _sums(items: list[dict[str, Any]], shipping: int) -> dict[str, Any]:
    goods = sum(pence(item["price"]) * item["quantity"] for item in items)
    return {"items": items, "shipping": pounds(shipping), "paid": pounds(goods + shipping)}


def _shipment(days: dict[str, Any], carrier: str, tracking: str) -> dict[str, Any]:
    dates = {f"{name}_on": day(ago) for name, ago in days.items() if name != "status"}
    return {"carrier": carrier, "tracking": tracking, "status": days["status"], **dates}


def _progress(dice: Dice, placed: int) -> tuple[str, dict[str, Any] | None]:
    """How far an order has come that was placed so many days ago."""
    if dice.below(16) == 0:
        return "cancelled", None
    if placed < 2:
        return "processing", None
    shipped = placed - 1 - dice.below(2)
    if placed < 7:
        return "shipped", {"status": "in transit", "shipped": shipped, "expected": -dice.below(5)}
    if dice.below(80) == 0:
        return "lost", {"status": "lost", "shipped": shipped, "expected": shipped - 4, "reported": max(shipped - 9, 0)}
    return "delivered", {"status": "delivered", "shipped": shipped, "delivered": max(shipped - 2 - dice.below(3), 0)}
