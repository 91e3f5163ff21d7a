"""The shop behind the service desk: its records, and the tools that an agent works with.

The tools refuse what is impossible: an order that is not there, a second return of one item, more money than was paid.
They do not refuse what is merely forbidden: that is the policy's business, and the agent's.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from agenteval.world import StateWorld, ToolError, tool

from .generate import pence, pounds, shop

SHOP_SEED = 2025

Order = Annotated[str, Field(description="Number of the order, such as 1187")]
Customer = Annotated[str, Field(description="Id of the customer, such as C1001")]
Sku = Annotated[str, Field(description="Code of one variant of a product, such as P110-M-OAT")]
Text = Annotated[str, Field(min_length=1, max_length=2_000)]


class Line(BaseModel):
    """Some pieces of one item of an order."""

    sku: Sku
    quantity: Annotated[int, Field(ge=1)] = 1


class Retail(StateWorld):
    """The shop of Larkfield Outdoor.

    Args:
        seed: The trial's seed. Every trial gets the same shop, so that scenarios are repeated and not varied.
        shop_seed: What the shop is generated from.
    """

    def __init__(self, seed: int = 0, *, shop_seed: int = SHOP_SEED) -> None:
        del seed
        super().__init__(shop(shop_seed))

    # --- customers

    @tool
    def find_customer(self, email: str | None = None, name: str | None = None, postcode: str | None = None) -> Any:
        """Find a customer's id by e-mail address, or by full name and postcode together. This verifies nobody."""
        if email is None and (name is None or postcode is None):
            raise ToolError("give the e-mail address, or the full name and the postcode", code="invalid_arguments")
        for key, customer in self.data["customers"].items():
            if _fits(customer, email, name, postcode):
                return {"customer": key, "name": customer["name"]}
        raise ToolError("no customer has these details", code="not_found")

    @tool
    def verify_identity(
        self, customer: Customer, email: str | None = None, name: str | None = None, postcode: str | None = None
    ) -> Any:
        """Verify that the person is this customer, by the account's e-mail address, or full name and postcode."""
        record = self._customer(customer)
        if email is None and (name is None or postcode is None):
            raise ToolError("give the e-mail address, or the full name and the postcode", code="invalid_arguments")
        if not _fits(record, email, name, postcode):
            raise ToolError(f"these details do not match the account {customer}", code="mismatch")
        verified = self.data["desk"]["verified"]
        if customer not in verified:
            verified.append(customer)
        return {"customer": customer, "verified": True}

    @tool
    def get_customer(self, customer: Customer) -> Any:
        """A customer's account: contact, address, payment methods, gift cards, orders and notes."""
        return self._customer(customer)

    @tool
    def check_gift_card(self, gift_card: Annotated[str, Field(description="Code, such as GC-4471-2290")]) -> Any:
        """The balance of a gift card, and whose it is."""
        return {"gift_card": gift_card, **self._gift_card(gift_card)}

    # --- looking things up

    @tool
    def list_orders(self, customer: Customer) -> Any:
        """All orders of a customer: number, date, status and what was ordered."""
        orders = self._customer(customer)["orders"]
        return [self._summary(number) for number in orders]

    @tool
    def get_order(self, order: Order) -> Any:
        """An order in full: items, sums, payment, address, shipment, refunds and notes; and today's date."""
        record = self._order(order)
        return {
            "order": order,
            **record.json(),
            "items": [{**item, **self._describe(item["sku"])} for item in record.json()["items"]],
            "paid_with_description": self._payment(record),
            "today": self.data["today"],
        }

    @tool
    def track_shipment(self, order: Order) -> Any:
        """Where an order's parcel is: carrier, tracking number, status and dates."""
        record = self._order(order)
        if record["shipment"] is None:
            raise ToolError(f"order {order} has no shipment: it is {record['status']}", code="not_shipped")
        return {"order": order, **record["shipment"].json(), "today": self.data["today"]}

    @tool
    def search_products(self, words: Annotated[str, Field(description="Words of the name or kind")]) -> Any:
        """Products whose name or kind has all of these words; at most ten."""
        wanted = words.casefold().split()
        found = [
            {"product": key, "name": product["name"], "kind": product["category"]}
            for key, product in self.data["products"].items()
            if all(word in f"{product['name']} {product['category']}".casefold() for word in wanted)
        ]
        return found[:10]

    @tool
    def get_product(self, product: Annotated[str, Field(description="Id of the product, such as P110")]) -> Any:
        """A product with all variants: size, colour, price and how many are in stock."""
        return self._product(product)

    # --- orders that have not left

    @tool
    def cancel_order(self, order: Order, reason: Text) -> Any:
        """Cancel an order that is still processing. All that was paid goes back to the original payment."""
        record = self._order(order)
        self._demand_processing(record, order)
        amount = pence(record["paid"]) - pence(record["refunded"])
        record["status"] = "cancelled"
        self._pay_back(record, amount, record["paid_with"], f"cancelled: {reason}")
        for item in record["items"]:
            self._variant(item["sku"])["stock"] += item["quantity"]
        return {"order": order, "status": "cancelled", "refunded": pounds(amount), "to": self._payment(record)}

    @tool
    def modify_order_items(self, order: Order, sku: Sku, new_sku: Sku) -> Any:
        """Swap an item of a processing order for another variant of the product. The original payment settles it."""
        record = self._order(order)
        self._demand_processing(record, order)
        item = self._item(record, sku)
        difference = self._difference(item, new_sku, item["quantity"])
        self._variant(sku)["stock"] += item["quantity"]
        self._swap(item, new_sku, item["quantity"])
        record["paid"] = pounds(pence(record["paid"]) + difference)
        return {"order": order, "item": new_sku, "difference": pounds(difference), "charged_to": self._payment(record)}

    @tool
    def change_address(self, order: Order, street: Text, city: Text, postcode: Text) -> Any:
        """Change where an order is delivered. The carrier is told if the parcel is on its way."""
        record = self._order(order)
        if record["status"] not in {"processing", "shipped"}:
            raise ToolError(f"order {order} is {record['status']}: nothing is delivered any more", code="not_possible")
        record["address"] = {"street": street, "city": city, "postcode": postcode}
        return {"order": order, "address": record["address"]}

    # --- orders that were delivered

    @tool
    def return_items(self, order: Order, items: Annotated[list[Line], Field(min_length=1)], reason: Text) -> Any:
        """Register the return of delivered items. Nothing is paid by this; the answer says what they had cost."""
        record = self._order(order)
        self._demand_delivered(record, order)
        total = 0
        for line in items:
            item = self._item(record, line.sku)
            left = item["quantity"] - item["returned"]
            if line.quantity > left:
                raise ToolError(
                    f"{left} of {line.sku} in order {order} can still be returned, not {line.quantity}",
                    code="already_returned" if left == 0 else "too_many",
                )
            item["returned"] += line.quantity
            total += pence(item["price"]) * line.quantity
        return {"order": order, "reason": reason, "value": pounds(total)}

    @tool
    def exchange_items(
        self,
        order: Order,
        sku: Sku,
        new_sku: Sku,
        pay_with: Annotated[
            str | None,
            Field(description="Where a difference is taken from: a saved payment method (card-1) or a gift card"),
        ] = None,
    ) -> Any:
        """Exchange one piece of a delivered item for another variant of the same product, and settle the difference."""
        record = self._order(order)
        self._demand_delivered(record, order)
        item = self._item(record, sku)
        if item["returned"] >= item["quantity"]:
            raise ToolError(f"{sku} of order {order} was returned already", code="already_returned")
        difference = self._difference(item, new_sku, 1)
        source = self._charge(record, difference, pay_with) if difference > 0 else None
        if difference < 0:
            self._pay_back(record, -difference, record["paid_with"], f"difference of {sku} to {new_sku}")
        self._variant(new_sku)["stock"] -= 1
        item["returned"] += 1
        entry = {"from": sku, "to": new_sku, "difference": pounds(difference), "paid_with": source}
        record.setdefault("exchanges", []).append(entry)
        return {"order": order, **entry}

    @tool
    def issue_refund(
        self,
        order: Order,
        amount: Annotated[float, Field(gt=0, description="Pounds, with at most two decimals")],
        reason: Text,
        to: Literal["original_payment", "gift_card"] = "original_payment",
    ) -> Any:
        """Pay money back for an order, to the original payment or to the customer's gift card (a new one if none)."""
        record = self._order(order)
        paying = pence(amount)
        left = pence(record["paid"]) - pence(record["refunded"])
        if abs(paying - amount * 100) > 1e-6:
            raise ToolError(f"{amount!r} has more than two decimals", code="invalid_arguments")
        if record["status"] == "processing":
            raise ToolError(f"order {order} is still processing: cancel it instead", code="not_possible")
        if paying > left:
            raise ToolError(
                f"{pounds(left):.2f} of order {order} is left to refund, not {amount:.2f}", code="exceeds_paid"
            )
        target = record["paid_with"] if to == "original_payment" else self._gift_card_of(record, order)
        self._pay_back(record, paying, target, reason)
        if pence(record["refunded"]) >= pence(record["paid"]) - pence(record["shipping"]):
            record["status"] = "refunded"
        answer = {"order": order, "refunded": amount, "to": self._payment(record, target), "status": record["status"]}
        if to == "gift_card":
            answer["balance"] = self._gift_card(target)["balance"]
        return answer

    # --- the desk

    @tool
    def add_note(self, text: Text, order: Order | None = None, customer: Customer | None = None) -> Any:
        """Leave a note on an order or on a customer's account: exactly one of the two."""
        if (order is None) == (customer is None):
            raise ToolError("give either the order or the customer", code="invalid_arguments")
        record = self._order(order) if order is not None else self._customer(customer or "")
        record["notes"].append({"on": self.data["today"], "by": "service desk", "text": text})
        return {"noted_on": order or customer}

    @tool
    def escalate_to_human(
        self,
        reason: Literal["unverified", "over_limit", "outside_policy", "complaint"],
        summary: Text,
        customer: Customer | None = None,
        order: Order | None = None,
    ) -> Any:
        """Hand the case to a human colleague, who will get in touch with the customer."""
        if customer is not None:
            self._customer(customer)
        if order is not None:
            self._order(order)
        escalations = self.data["desk"]["escalations"]
        ticket = f"T{len(escalations) + 1}"
        escalations.append(
            {"ticket": ticket, "reason": reason, "summary": summary, "customer": customer, "order": order}
        )
        return {"ticket": ticket}

    # --- records

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
    def _demand_delivered(record: Any, order: str) -> None:
        if (record["shipment"] or {}).get("delivered_on") is None:
            raise ToolError(f"order {order} was not delivered: it is {record['status']}", code="not_possible")

    def _difference(self, item: Any, new_sku: str, quantity: int) -> int:
        """What another variant costs more, in pence. Raises ToolError where it cannot be had."""
        variant = self._variant(new_sku)
        if new_sku.partition("-")[0] != item["sku"].partition("-")[0]:
            raise ToolError(f"{new_sku} is another product than {item['sku']}", code="not_possible")
        if new_sku == item["sku"]:
            raise ToolError(f"{new_sku} is what was ordered", code="not_possible")
        if variant["stock"] < quantity:
            raise ToolError(f"{variant['stock']} of {new_sku} in stock, not {quantity}", code="out_of_stock")
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


def _fits(customer: Any, email: str | None, name: str | None, postcode: str | None) -> bool:
    """Whether all details that were given are the customer's."""
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
