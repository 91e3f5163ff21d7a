"""What is asked, and what is wished for in vain: what the customer said in, the next step out."""

from __future__ import annotations

from typing import Any

from . import reading
from .case import Case
from .events import Call, Say, Step
from .talk import MORE, date, decline, hand_over


def status(case: Case, order: dict[str, Any]) -> Step:
    """Say where an order is."""
    number = order["order"]
    if order["shipment"] is None:
        return Say(f"Order {number} is {order['status']}. {MORE}")
    track = case.result("track_shipment", since=True, order=number)
    if track is None:
        return Call("track_shipment", {"order": number})
    if "delivered_on" in track:
        return Say(f"Order {number} was delivered on {date(track['delivered_on'])} by {track['carrier']}. {MORE}")
    when = date(track["expected_on"])
    return Say(f"Order {number} is {track['status']} with {track['carrier']}, expected on {when}. {MORE}")


def product(case: Case) -> Step:
    """Answer a question about a product, for which nobody needs to be verified."""
    words = reading.product_name(case.words)
    if words is None:
        return Say("Which product do you mean?")
    found = case.result("search_products", words=words)
    if found is None:
        return Call("search_products", {"words": words})
    if not found:
        return Say(f"I find no product named {words}. Which one do you mean?")
    key = found[0]["product"]
    record = case.result("get_product", product=key)
    if record is None:
        return Call("get_product", {"product": key})
    size = reading.size(case.words)
    fitting = [
        f"{variant['colour']}, size {variant['size']}: it costs {variant['price']:.2f}, and {_left(variant['stock'])}"
        for variant in record["variants"].values()
        if (size is None or variant["size"] == size) and reading.mentions(case.words, variant["colour"])
    ]
    return Say(f"{record['name']}: {record['details']} {'; '.join(fitting) or 'not made like that'}. {MORE}")


def _left(stock: int) -> str:
    return f"there are {stock} in stock" if stock else "it is sold out"


def payout(case: Case, customer: str) -> Step:
    """Decline to pay out the balance of a gift card."""
    note = {"customer": customer, "text": "Asked for the balance of a gift card in cash. Declined."}
    if not case.tried("add_note", **note):
        return Call("add_note", note)
    return Say(f"I am sorry, the balance of a gift card cannot be paid out; it can be spent in the shop. {MORE}")


def goodwill(case: Case, order: dict[str, Any]) -> Step:
    """Decline a compensation."""
    return decline(case, order, "there is no compensation and no goodwill money")


def price(case: Case, order: dict[str, Any]) -> Step:
    """Decline the difference to a lower price."""
    return decline(case, order, "its price fell after the order, and the difference is not paid")


def complaint(case: Case, order: dict[str, Any]) -> Step:
    """Hand a complaint over."""
    return hand_over(case, order, "complaint", case.said[0], "I am sorry that this happened.")
