"""The shop behind the service desk: its records, and the tools that an agent works with.

The tools refuse what is impossible: an order that is not there, a second return of one item, more money than was paid.
They do not refuse what is merely forbidden: that is the policy's business, and the agent's.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from agenteval.world import ToolError, tool

from .generate import pence, pounds, shop
from .records import Records, fits

SHOP_SEED = 2025
ANSWER_BY = "2025-06-23"  # five working days from today

Order = Annotated[str, Field(description="Number of the order, such as 1187")]
Customer = Annotated[str, Field(description="Id of the customer, such as C1001")]
Sku = Annotated[str, Field(description="Code of one variant of a product, such as P110-M-OAT")]
Text = Annotated[str, Field(min_length=1, max_length=2_000)]


class Line(BaseModel):
    """Some pieces of one item of an order."""

    sku: Sku
    quantity: Annotated[int, Field(ge=1)] = 1


class Retail(Records):
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
        everybody: Any = self.state()  # plain JSON: hundreds are looked at, and none is changed
        found = {key: each for key, each in everybody["customers"].items() if fits(each, email, name, postcode)}
        if not found:
            raise ToolError("no customer has these details", code="not_found")
        if len(found) > 1:
            return {"matches": len(found), "needed": "the e-mail address: several accounts have this name and postcode"}
        key, customer = found.popitem()
        alert = {"alert": customer["alert"]} if "alert" in customer else {}
        return {"customer": key, "name": customer["name"], **alert}

    @tool
    def verify_identity(
        self, customer: Customer, email: str | None = None, name: str | None = None, postcode: str | None = None
    ) -> Any:
        """Verify that the person is this customer, by the account's e-mail address, or full name and postcode."""
        record = self._customer(customer)
        if email is None and (name is None or postcode is None):
            raise ToolError("give the e-mail address, or the full name and the postcode", code="invalid_arguments")
        if not fits(record, email, name, postcode):
            raise ToolError(f"these details do not match the account {customer}", code="mismatch")
        verified = self.data["desk"]["verified"]
        if customer not in verified:
            verified.append(customer)
        return {"customer": customer, "verified": True}

    @tool
    def get_customer(self, customer: Customer) -> Any:
        """A customer's account: contact, address, payment methods, gift cards, orders, notes, and alerts if any."""
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
            "paid_with_description": self._payments(record),
            "today": self.data["today"],
        }

    @tool
    def track_shipment(self, order: Order) -> Any:
        """Where an order's parcel is: carrier, tracking number, status and dates."""
        shipment = self._demand_shipped(self._order(order), order)
        return {"order": order, **shipment.json(), "today": self.data["today"]}

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
        """A product: what it is like, and all variants with size, colour, price and how many are in stock."""
        return self._product(product)

    # --- orders that have not left

    @tool
    def cancel_order(self, order: Order, reason: Text) -> Any:
        """Cancel an order that is still processing. All that was paid goes back to the original payment."""
        record = self._order(order)
        self._demand_processing(record, order)
        amount = pence(record["paid"]) - pence(record["refunded"])
        record["status"] = "cancelled"
        to = self._pay_original(record, amount, f"cancelled: {reason}")
        for item in record["items"]:
            self._variant(item["sku"])["stock"] += item["quantity"]
        return {"order": order, "status": "cancelled", "refunded": pounds(amount), "to": to}

    @tool
    def cancel_item(self, order: Order, sku: Sku, reason: Text) -> Any:
        """Take an item out of an order that is still processing. Its price goes back to the original payment."""
        record = self._order(order)
        self._demand_processing(record, order)
        item = self._item(record, sku)
        if len(record["items"]) == 1:
            raise ToolError(f"{sku} is all of order {order}: cancel the order instead", code="not_possible")
        amount = pence(item["price"]) * item["quantity"]
        self._variant(sku)["stock"] += item["quantity"]
        record["items"].remove(item)
        to = self._pay_original(record, amount, f"{sku} cancelled: {reason}")
        return {"order": order, "cancelled": sku, "refunded": pounds(amount), "to": to}

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

    @tool
    def update_account_address(self, customer: Customer, street: Text, city: Text, postcode: Text) -> Any:
        """Change the address of a customer's account, for orders to come. Orders that were placed keep theirs."""
        record = self._customer(customer)
        record["address"] = {"street": street, "city": city, "postcode": postcode}
        return {"customer": customer, "address": record["address"]}

    # --- orders that have left

    @tool
    def open_inquiry(self, order: Order) -> Any:
        """Ask the carrier where a parcel is that the customer does not have. It answers within five working days."""
        shipment = self._demand_shipped(self._order(order), order)
        if "inquiry" in shipment:
            opened = shipment["inquiry"]["opened_on"]
            raise ToolError(f"an inquiry for order {order} was opened on {opened} already", code="already_open")
        shipment["inquiry"] = {"opened_on": self.data["today"], "answer_by": ANSWER_BY}
        return {"order": order, "carrier": shipment["carrier"], **shipment["inquiry"].json()}

    @tool
    def send_replacement(self, order: Order, items: Annotated[list[Line], Field(min_length=1)], reason: Text) -> Any:
        """Send items of a lost or delivered order once more, free of charge."""
        record = self._order(order)
        if record["status"] != "lost":
            self._demand_delivered(record, order)
        for line in items:
            item = self._item(record, line.sku)
            left = item["quantity"] - item["returned"] - item.get("replaced", 0)
            if line.quantity > left:
                raise ToolError(f"{left} of {line.sku} in order {order} can be replaced", code="too_many")
            self._demand_stock(line.sku, line.quantity)["stock"] -= line.quantity
            item["replaced"] = item.get("replaced", 0) + line.quantity
        return {"order": order, "sent": [line.model_dump() for line in items], "reason": reason}

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
            self._pay_original(record, -difference, f"difference of {sku} to {new_sku}")
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
        if to == "original_payment":
            told, balance = self._pay_original(record, paying, reason), {}
        else:
            card = self._gift_card_of(record, order)
            self._pay_back(record, paying, card, reason)
            told, balance = self._payment(record, card), {"balance": self._gift_card(card)["balance"]}
        if pence(record["refunded"]) >= pence(record["paid"]) - pence(record["shipping"]):
            record["status"] = "refunded"
        return {"order": order, "refunded": amount, "to": told, "status": record["status"], **balance}

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
    def notify_when_in_stock(self, customer: Customer, sku: Sku) -> Any:
        """Write to a customer as soon as a variant that is sold out is in stock again."""
        self._customer(customer)
        if self._variant(sku)["stock"] > 0:
            raise ToolError(f"{sku} is in stock", code="not_possible")
        self.data["desk"]["waiting_list"].append({"customer": customer, "sku": sku})
        return {"customer": customer, "waits_for": sku}

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
