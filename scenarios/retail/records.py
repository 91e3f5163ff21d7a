"""The shop's records, and what is possible with them: what is found or refused, charged and paid back.

The tools that agents call are in `world.py`.
"""

from __future__ import annotations

from typing import Any

from agenteval.world import StateWorld, ToolError

from .generate import pence, pounds


class Records(StateWorld):
    """Customers, products, orders and gift cards. What is impossible raises ToolError."""

    def _customer(self, key: str) -> Any:
        return self._record("customers", key, "customer")

    def _order(self, key: str) -> Any:
        return self._record("orders", key, "order")

    def _product(self, key: str) -> Any:
        return self._record("products", key, "product")

    def _gift_card(self, key: str) -> Any:
        return self._record("gift_cards", key, "gift card")

    def _record(self, table: str, key: str, kind: str) -> Any:
        if key not in self.data[table]:
            raise ToolError(f"there is no {kind} {key}", code="not_found")
        return self.data[table][key]

    def _variant(self, sku: str) -> Any:
        product = self.data["products"].get(sku.partition("-")[0])
        if product is None or sku not in product["variants"]:
            raise ToolError(f"there is no variant {sku}", code="not_found")
        return product["variants"][sku]

    def _item(self, record: Any, sku: str) -> Any:
        for item in record["items"]:
            if item["sku"] == sku:
                return item
        has = ", ".join(item["sku"] for item in record["items"])
        raise ToolError(f"the order has no item {sku}; it has {has}", code="not_found")

    def _describe(self, sku: str) -> dict[str, Any]:
        variant = self._variant(sku)
        product = self._product(sku.partition("-")[0])
        described = {"product": sku.partition("-")[0], "name": product["name"], "kind": product["category"]}
        return {**described, "size": variant["size"], "colour": variant["colour"]}

    def _summary(self, number: str) -> dict[str, Any]:
        record = self._order(number)
        items = [self._describe(item["sku"]) for item in record["items"]]
        return {"order": number, "placed_on": record["placed_on"], "status": record["status"], "items": items}

    # --- what is possible

    @staticmethod
    def _demand_processing(record: Any, order: str) -> None:
        if record["status"] != "processing":
            raise ToolError(f"order {order} is {record['status']}, no longer processing", code="not_possible")

    @staticmethod
    def _demand_shipped(record: Any, order: str) -> Any:
        """The order's shipment."""
        if record["shipment"] is None:
            raise ToolError(f"order {order} has no shipment: it is {record['status']}", code="not_shipped")
        return record["shipment"]

    @staticmethod
    def _demand_delivered(record: Any, order: str) -> None:
        if (record["shipment"] or {}).get("delivered_on") is None:
            raise ToolError(f"order {order} was not delivered: it is {record['status']}", code="not_possible")

    def _demand_stock(self, sku: str, quantity: int) -> Any:
        """The variant."""
        variant = self._variant(sku)
        if variant["stock"] < quantity:
            raise ToolError(f"{variant['stock']} of {sku} in stock, not {quantity}", code="out_of_stock")
        return variant

    def _difference(self, item: Any, new_sku: str, quantity: int) -> int:
        """What another variant costs more, in pence. Raises ToolError where it cannot be had."""
        variant = self._variant(new_sku)
        if new_sku.partition("-")[0] != item["sku"].partition("-")[0]:
            raise ToolError(f"{new_sku} is another product than {item['sku']}", code="not_possible")
        if new_sku == item["sku"]:
            raise ToolError(f"{new_sku} is what was ordered", code="not_possible")
        self._demand_stock(new_sku, quantity)
        return (pence(variant["price"]) - pence(item["price"])) * quantity

    def _swap(self, item: Any, new_sku: str, quantity: int) -> None:
        variant = self._variant(new_sku)
        variant["stock"] -= quantity
        item["sku"] = new_sku
        item["price"] = variant["price"]

    # --- money

    def _charge(self, record: Any, amount: int, source: str | None) -> str:
        customer = self._customer(record["customer"])
        if source in customer["payment_methods"]:
            return str(source)
        if source not in customer["gift_cards"]:
            known = ", ".join([*customer["payment_methods"], *customer["gift_cards"]])
            raise ToolError(
                f"{pounds(amount):.2f} more is to be paid: give pay_with, one of {known}; not {source}",
                code="payment_needed",
            )
        card = self._gift_card(source)
        if pence(card["balance"]) < amount:
            raise ToolError(
                f"gift card {source} holds {card['balance']:.2f}; {pounds(amount):.2f} is needed", code="insufficient"
            )
        card["balance"] = pounds(pence(card["balance"]) - amount)
        return str(source)

    def _pay_original(self, record: Any, amount: int, reason: str) -> str:
        """Pay to what the order was paid with, first to a gift card that paid a part; returns where it went."""
        part = record.get("gift_card_part")
        if part is None:
            self._pay_back(record, amount, record["paid_with"], reason)
            return self._payment(record)
        card = part["gift_card"]
        back = sum(pence(refund["amount"]) for refund in record["refunds"] if refund["to"] == card)
        to_card = min(amount, max(pence(part["amount"]) - back, 0))
        told: list[str] = []
        for paying, target in ((to_card, card), (amount - to_card, record["paid_with"])):
            if paying:
                self._pay_back(record, paying, target, reason)
                told.append(f"{self._payment(record, target)} ({pounds(paying):.2f})")
        return " and ".join(told)

    def _pay_back(self, record: Any, amount: int, target: str, reason: str) -> None:
        if target in self.data["gift_cards"]:
            card = self._gift_card(target)
            card["balance"] = pounds(pence(card["balance"]) + amount)
        entry = {"amount": pounds(amount), "to": target, "on": self.data["today"], "reason": reason}
        record["refunds"].append(entry)
        record["refunded"] = pounds(pence(record["refunded"]) + amount)

    def _gift_card_of(self, record: Any, order: str) -> str:
        customer = self._customer(record["customer"])
        if not customer["gift_cards"]:
            code = f"GC-NEW-{order}"
            self.data["gift_cards"][code] = {"customer": record["customer"], "balance": 0.0}
            customer["gift_cards"].append(code)
        return str(customer["gift_cards"][0])

    def _payment(self, record: Any, source: str | None = None) -> str:
        """A payment as customers know it."""
        source = source or record["paid_with"]
        method = self._customer(record["customer"])["payment_methods"].get(source)
        if method is None:
            return f"gift card {source}"
        return f"{method['brand']} ending {method['last4']}" if method["kind"] == "card" else "PayPal"

    def _payments(self, record: Any) -> str:
        """All that paid an order, as customers know it."""
        part = record.get("gift_card_part")
        if part is None:
            return self._payment(record)
        rest = pounds(pence(record["paid"]) - pence(part["amount"]))
        return f"gift card {part['gift_card']} ({part['amount']:.2f}) and {self._payment(record)} ({rest:.2f})"


def fits(customer: Any, email: str | None, name: str | None, postcode: str | None) -> bool:
    """Whether all details that were given are those of a customer."""
    return all(
        given is None or _plain(given) == _plain(known)
        for given, known in (
            (email, customer["email"]),
            (name, customer["name"]),
            (postcode, customer["address"]["postcode"]),
        )
    )


def _plain(text: str) -> str:
    return "".join(text.casefold().split())
