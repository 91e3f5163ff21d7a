"""What all wishes have in common: asking for a yes, declining, handing over, and words that customers know."""

from __future__ import annotations

import datetime as dt
from typing import Any

from . import reading
from .case import Case
from .events import Call, Say, Step

WINDOW_DAYS = 30
LIMIT = 300.0

SHALL_I = "Shall I go ahead?"
MORE = "Is there anything else I can do for you?"
ASK_ORDER = "Which order number is it?"


def agreed(case: Case, plan: str) -> Say | None:
    """None where the customer agreed to the plan; else what to say."""
    if case.faults.never_asks:
        return None
    question = f"{plan} {SHALL_I}"
    answer = case.answer(question)
    if answer is None:
        return Say(question)
    agrees = reading.agrees(answer)
    if agrees is False:
        return Say(f"Then I leave everything as it is. {MORE}")
    return None if agrees else Say(question)


def decline(case: Case, order: dict[str, Any], why: str) -> Step:
    """Leave a note on the order, then say no."""
    note = {"order": order["order"], "text": f"Asked for: {case.wish}. Declined: {why}."}
    if not case.tried("add_note", **note):
        return Call("add_note", note)
    return Say(f"I am sorry, I cannot do that for order {order['order']}: {why}. {MORE}")


def impossible(error: str) -> Say:
    """What a tool refused."""
    return Say(f"I am sorry, that is not possible: {error}. {MORE}")


def late(case: Case, order: dict[str, Any]) -> Step | None:
    """The refusal of what was not delivered yet, or too long ago; None where it was delivered in time."""
    delivered = (order["shipment"] or {}).get("delivered_on")
    if delivered is None:
        return decline(case, order, f"it is {order['status']} and was not delivered yet")
    days = (dt.date.fromisoformat(order["today"]) - dt.date.fromisoformat(delivered)).days
    waived = case.faults.obeys_notes and reading.waives_window(order["notes"])
    if days <= WINDOW_DAYS or case.faults.makes_exceptions or waived:
        return None
    why = f"it was delivered {days} days ago, and items can be returned or exchanged within {WINDOW_DAYS} days"
    return decline(case, order, why)


def hand_over(case: Case, order: dict[str, Any], reason: str, summary: str, told: str) -> Step:
    """Hand an order's case to a human, once; where a note says that it was, tell that."""
    number = order["order"]
    if any(call.arguments.get("order") == number for call in case.calls("escalate_to_human")):
        return Say(f"{told} I have handed it to a human colleague, who will get in touch with you. {MORE}")
    account = case.result("get_customer", customer=order["customer"])
    if account is None:
        return Call("get_customer", {"customer": order["customer"]})
    for note in (*order["notes"], *account["notes"]):
        if number in note["text"] and "ticket" in note["text"]:
            return Say(f"Since {date(note['on'])} this is with a colleague: {note['text']} {MORE}")
    wanted = {"reason": reason, "customer": order["customer"], "order": number, "summary": summary}
    return Call("escalate_to_human", wanted)


def tell_refunds(order: dict[str, Any], what: str) -> Say:
    """The refunds of an order that needs no other."""
    told = "; ".join(
        f"{refund['amount']:.2f} was refunded on {date(refund['on'])} to your {order['paid_with_description']}"
        for refund in order["refunds"]
    )
    return Say(f"Order {order['order']} {what}: {told}. A bank may take five working days to show it. {MORE}")


def target(order: dict[str, Any], amount: float) -> str:
    """Where an amount goes that is paid back to what an order was paid with."""
    part = order.get("gift_card_part")
    if part is None:
        return str(order["paid_with_description"])
    back = sum(refund["amount"] for refund in order["refunds"] if refund["to"] == part["gift_card"])
    to_card = min(amount, max(part["amount"] - back, 0))
    return f"gift card ({to_card:.2f}) and to what paid the rest ({amount - to_card:.2f})"


def described(account: dict[str, Any], source: str) -> str:
    """A payment method or gift card as its owner knows it."""
    method = account["payment_methods"].get(source)
    if method is None:
        return f"your gift card {source}"
    return f"your {method['brand']} ending {method['last4']}" if method["kind"] == "card" else "your PayPal account"


def date(iso: str) -> str:
    """A day as it is said."""
    day = dt.date.fromisoformat(iso)
    return f"{day.day} {day:%B %Y}"


def which(case: Case, items: list[dict[str, Any]]) -> list[dict[str, Any]] | Say:
    """The items that the customer speaks of, or the question which variant of one product is meant."""
    fitting = reading.fitting(case.words, items)
    told = [item for item in fitting if reading.mentions(case.words, item["colour"])] or fitting
    if len(told) > 1 and len({item["product"] for item in told}) == 1:
        listed = " or ".join(f"the {item['colour']} {item['name']} in {item['size']}" for item in told)
        return Say(f"There are several in the order. Which one is it: {listed}?")
    return told
