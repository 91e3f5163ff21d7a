"""A seed in, a shop out: customers, products with variants, orders, gift cards, as one JSON state.

The same seed gives the same shop on every version of Python, since the dice are our own. The customers and orders that
scenarios are about (`planted.py`) stand in every shop. Money is counted in pence and written in pounds.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Sequence
from typing import Any, TypeVar

from .catalogue import BRANDS, CARRIERS, CITIES, DESIGNS, DETAILS, FIRST, LAST, MAILS, NOTES, STREETS, Design
from .planted import CUSTOMERS, ORDERS, STOCK
from .planting import Bought, Note, Person

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
            "desk": {"verified": [], "escalations": [], "waiting_list": []},
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
        return {"name": name, "category": category, "details": DETAILS.get(product, ""), "variants": variants}

    # --- planted

    def _plant(self) -> None:
        for person in CUSTOMERS:
            for code, balance in person.gift_cards.items():
                self._gift_cards[code] = {"customer": person.key, "balance": pounds(balance)}
            self._customers[person.key] = _account(person)
        for bought in ORDERS:
            self._orders[bought.number] = self._planted_order(bought)

    def _planted_order(self, bought: Bought) -> dict[str, Any]:
        items = [
            self._item(sku, quantity, returned=bought.returned.get(sku, 0), price=bought.prices.get(sku))
            for sku, quantity in bought.items.items()
        ]
        record = {
            **self._head(bought.customer, bought.placed, bought.progress),
            **_sums(items, bought.shipping),
            "paid_with": bought.paid_with,
            "shipment": _planted_shipment(bought),
            "refunds": [
                {"amount": pounds(amount), "to": to, "on": day(ago), "reason": reason}
                for amount, to, ago, reason in bought.refunds
            ],
            "refunded": pounds(sum(amount for amount, *_ in bought.refunds)),
            "notes": _notes(bought.notes),
        }
        if bought.part is not None:
            record["gift_card_part"] = {"gift_card": bought.part[0], "amount": pounds(bought.part[1])}
        if bought.exchanges:
            record["exchanges"] = [
                {"from": old, "to": new, "difference": 0.0, "paid_with": None} for old, new in bought.exchanges
            ]
        return record

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

    def _item(self, sku: str, quantity: int, *, returned: int = 0, price: int | None = None) -> dict[str, Any]:
        paid = self._prices[sku] if price is None else price
        return {"sku": sku, "price": pounds(paid), "quantity": quantity, "returned": returned}


def _account(person: Person) -> dict[str, Any]:
    account = {
        "name": person.name,
        "email": person.email,
        "address": dict(zip(("street", "city", "postcode"), person.address.split(", "), strict=True)),
        "payment_methods": _methods(person),
        "gift_cards": list(person.gift_cards),
        "orders": [bought.number for bought in ORDERS if bought.customer == person.key],
        "notes": _notes(person.notes),
    }
    return account if person.alert is None else {**account, "alert": person.alert}


def _methods(person: Person) -> dict[str, dict[str, str]]:
    methods: dict[str, dict[str, str]] = {}
    for written in person.pays.split(" + "):
        brand, _, last4 = written.partition(" ")
        kind = "card" if last4 else "paypal"
        number = sum(method["kind"] == kind for method in methods.values()) + 1
        methods[f"{kind}-{number}"] = _method(kind, brand, last4 or person.email)
    return methods


def _notes(notes: Sequence[Note]) -> list[dict[str, str]]:
    return [{"on": day(ago), "by": by, "text": text} for ago, by, text in notes]


def _method(kind: str, brand: str, account: str) -> dict[str, str]:
    return {"kind": "card", "brand": brand, "last4": account} if kind == "card" else {"kind": kind, "account": account}


def _sums(items: list[dict[str, Any]], shipping: int) -> dict[str, Any]:
    goods = sum(pence(item["price"]) * item["quantity"] for item in items)
    return {"items": items, "shipping": pounds(shipping), "paid": pounds(goods + shipping)}


def _shipment(days: dict[str, Any], carrier: str, tracking: str) -> dict[str, Any]:
    dates = {f"{name}_on": day(ago) for name, ago in days.items() if name != "status"}
    return {"carrier": carrier, "tracking": tracking, "status": days["status"], **dates}


def _planted_shipment(bought: Bought) -> dict[str, Any] | None:
    if bought.shipped is None:
        return None
    status = "lost" if bought.lost is not None else "in transit" if bought.delivered is None else "delivered"
    named = {
        "shipped": bought.shipped,
        "expected": bought.expected,
        "reported": bought.lost,
        "delivered": bought.delivered,
    }
    days = {name: ago for name, ago in named.items() if ago is not None}
    shipment = _shipment({"status": status, **days}, CARRIERS[0], f"NW{bought.number}8830")
    if bought.inquiry is not None:
        opened, answered = bought.inquiry
        shipment["inquiry"] = {"opened_on": day(opened), "answer_by": day(answered)}
    return shipment


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
