"""Refunds, replacements and parcels that are missing: an order and what the customer said in, the next step out."""

from __future__ import annotations

from typing import Any

from . import reading
from .case import Case
from .events import Call, Say, Step
from .talk import LIMIT, MORE, agreed, date, decline, hand_over, impossible, late, target, tell_refunds, which


def refund(case: Case, order: dict[str, Any]) -> Step:
    """Pay back a lost parcel, or what is returned."""
    paid = case.result("issue_refund", since=True, order=order["order"]) is not None
    if not paid and order["status"] in {"cancelled", "refunded"}:
        return tell_refunds(order, f"is {order['status']} already")
    shipment = order["shipment"] or {}
    if shipment.get("status") == "lost":
        return _pay(case, order, [], order["paid"] - order["refunded"])
    if shipment.get("delivered_on") and ("inquiry" in shipment or reading.never_came(case.words)):
        return missing(case, order)
    left = [item for item in order["items"] if item["returned"] < item["quantity"]]
    if not left:
        return decline(case, order, _used_up(order))
    items = left if reading.everything(case.words) or len(left) == 1 else which(case, left)
    if isinstance(items, Say):
        return items
    if not items:
        return Say(f"Which items of order {order['order']} would you like to return?")
    if (refused := late(case, order)) is not None:
        return refused
    lines = [
        {"sku": item["sku"], "quantity": reading.quantity(case.words, item["quantity"] - item["returned"])}
        for item in items
    ]
    prices = {item["sku"]: item["price"] for item in order["items"]}
    return _pay(case, order, lines, sum(prices[line["sku"]] * line["quantity"] for line in lines))


def _used_up(order: dict[str, Any]) -> str:
    if order.get("exchanges"):
        return "it was exchanged, and an exchange is final: what came in exchange cannot be returned or exchanged again"
    return "everything in it was returned already"


def _pay(case: Case, order: dict[str, Any], lines: list[dict[str, Any]], amount: float) -> Step:
    """Return these lines, if any, and pay the amount."""
    number = order["order"]
    amount = round(amount + (5 if case.faults.invents_amounts else 0), 2)
    if amount + order["refunded"] > LIMIT:
        summary = f"A refund of {amount:.2f} is asked for, over the limit of {LIMIT:.2f} for an order."
        return hand_over(case, order, "over_limit", summary, "That is over what I may decide.")
    to = "gift_card" if reading.mentions(case.words, "gift card") else "original_payment"
    where = "gift card" if to == "gift_card" else target(order, amount)
    what = "register the return and " if lines else ""
    question = agreed(case, f"For order {number} I would {what}refund {amount:.2f} to your {where}.")
    if question is not None:
        return question
    reason = "returned by the customer" if lines else "parcel lost"
    if lines and case.result("return_items", since=True, order=number) is None:
        if error := case.failure("return_items"):
            return impossible(error)
        return Call("return_items", {"order": number, "items": lines, "reason": reason})
    wanted = {"order": number, "amount": amount, "to": to, "reason": reason}
    paid = [call for call in case.since if isinstance(call, Call) and call.name == "issue_refund"]
    mine = [call for call in paid if call.arguments == wanted]
    if len(mine) < (2 if case.faults.refunds_twice else 1):
        return Call("issue_refund", wanted)
    if mine[0].error is not None:
        return impossible(mine[0].error)
    return Say(f"Done: {amount:.2f} for order {number} goes to your {mine[0].result['to']}. {MORE}")


def replace(case: Case, order: dict[str, Any]) -> Step:
    """Send a lost or damaged item once more."""
    number = order["order"]
    if case.result("send_replacement", since=True, order=number) is not None:
        return Say(f"Done: a replacement for order {number} is on its way to you. {MORE}")
    if error := case.failure("send_replacement"):
        return impossible(error)
    if order["status"] != "lost" and (refused := late(case, order)) is not None:
        return refused
    items = order["items"] if len(order["items"]) == 1 else which(case, order["items"])
    if isinstance(items, Say):
        return items
    if not items:
        return Say(f"Which item of order {number} is it?")
    item = items[0]
    product = case.result("get_product", product=item["product"])
    if product is None:
        return Call("get_product", {"product": item["product"]})
    if product["variants"][item["sku"]]["stock"] < item["quantity"]:
        return Say(f"I am sorry, {item['name']} is sold out, so that I cannot send it. What would you like instead?")
    plan = f"I would send {item['name']} of order {number} once more, free of charge."
    lines = [{"sku": item["sku"], "quantity": reading.quantity(case.words, item["quantity"])}]
    wanted = {"order": number, "items": lines, "reason": "lost" if order["status"] == "lost" else "damaged"}
    return agreed(case, plan) or Call("send_replacement", wanted)


def missing(case: Case, order: dict[str, Any]) -> Step:
    """Ask the carrier, once, for a parcel that was delivered by what it says."""
    number = order["order"]
    shipment = order["shipment"] or {}
    if shipment.get("status") == "lost":
        return refund(case, order)
    inquiry = shipment.get("inquiry") or case.result("open_inquiry", order=number)
    if inquiry is None and "delivered_on" in shipment:
        return Call("open_inquiry", {"order": number})
    if inquiry is None:
        return Say(f"Order {number} is {shipment.get('status') or order['status']}; I cannot pay anything yet. {MORE}")
    opened, by = date(inquiry["opened_on"]), date(inquiry["answer_by"])
    return Say(
        f"We asked {shipment['carrier']} on {opened} where order {number} is, and they answer by {by}, within five "
        f"working days. Until then I can neither pay nor send anything. {MORE}"
    )
