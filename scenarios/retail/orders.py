"""Orders that are to be changed: an order and what the customer said in, the next step out."""

from __future__ import annotations

from typing import Any

from . import reading
from .case import Case
from .events import Call, Say, Step
from .talk import MORE, agreed, decline, described, impossible, late, tell_refunds, which


def cancel(case: Case, order: dict[str, Any]) -> Step:
    """Cancel an order that has not left."""
    number, paid = order["order"], order["paid_with_description"]
    done = case.result("cancel_order", since=True, order=number)
    if done is not None:
        return Say(
            f"Done: order {number} is cancelled, and {done['refunded']:.2f} goes back to your {done['to']}. {MORE}"
        )
    if order["status"] == "cancelled":
        return tell_refunds(order, "is cancelled already")
    if order["status"] != "processing":
        return decline(case, order, "it has left already; you can return it once it has been delivered")
    left = order["paid"] - order["refunded"]
    plan = f"I would cancel order {number}, and {left:.2f} goes back to your {paid}."
    return agreed(case, plan) or Call("cancel_order", {"order": number, "reason": "asked by the customer"})


def undo(case: Case, order: dict[str, Any]) -> Step:
    """Say that what is cancelled stays cancelled."""
    if order["status"] != "cancelled":
        return Say(f"Order {order['order']} is {order['status']}. {MORE}")
    return decline(case, order, "a cancelled order cannot be brought back")


def remove(case: Case, order: dict[str, Any]) -> Step:
    """Take an item out of an order that has not left."""
    number = order["order"]
    done = case.result("cancel_item", since=True, order=number)
    if done is not None:
        return Say(
            f"Done: it is out of order {number}, and {done['refunded']:.2f} goes back to your {done['to']}. {MORE}"
        )
    if order["status"] != "processing":
        return decline(case, order, "it has left already; you can return it once it has been delivered")
    items = which(case, order["items"])
    if isinstance(items, Say):
        return items
    if len(order["items"]) == 1:
        return cancel(case, order)
    if not items:
        return Say(f"Which item of order {number} shall I take out?")
    item = items[0]
    price = item["price"] * item["quantity"]
    plan = f"I would take {item['name']} out of order {number}, and {price:.2f} goes back to your {{}}."
    wanted = {"order": number, "sku": item["sku"], "reason": "asked by the customer"}
    return agreed(case, plan.format(order["paid_with_description"])) or Call("cancel_item", wanted)


def swap(case: Case, order: dict[str, Any]) -> Step:
    """Change an item for another size: by changing the order while it is here, by an exchange once it was delivered."""
    number = order["order"]
    tool = "modify_order_items" if order["status"] == "processing" else "exchange_items"
    done = case.result(tool, since=True, order=number)
    if done is not None:
        size = reading.size(case.words)
        return Say(f"Done: order {number} now has size {size}; the difference was {done['difference']:.2f}. {MORE}")
    if error := case.failure(tool):
        return impossible(error)
    if tool == "exchange_items" and (refused := late(case, order)) is not None:
        return refused
    items = order["items"] if len(order["items"]) == 1 else which(case, order["items"])
    if isinstance(items, Say):
        return items
    return _swap_item(case, order, (items or order["items"])[0], tool)


def _swap_item(case: Case, order: dict[str, Any], item: dict[str, Any], tool: str) -> Step:
    number = order["order"]
    product = case.result("get_product", product=item["product"])
    if product is None:
        return Call("get_product", {"product": item["product"]})
    new = in_stock(case.words, item, product)
    if new is None:
        return Say(f"I am sorry, {item['name']} is not in stock like that. Which other size would you like?")
    difference = round(product["variants"][new]["price"] - item["price"], 2)
    wanted = {"order": number, "sku": item["sku"], "new_sku": new}
    plan = f"I would change {item['name']} of order {number} to size {product['variants'][new]['size']}"
    if tool == "modify_order_items" or difference <= 0:
        return agreed(case, f"{plan}; the difference is {difference:.2f}.") or Call(tool, wanted)
    source = _source(case, order, difference)
    if not isinstance(source, str):
        return source
    taken = described(case.result("get_customer", customer=order["customer"]), source)
    plan = f"{plan} and take the difference of {difference:.2f} from {taken}."
    return agreed(case, plan) or Call(tool, {**wanted, "pay_with": source})


def wanted_variant(text: str, item: dict[str, Any], product: dict[str, Any]) -> str | None:
    """The variant in the size that is wanted, in the colour of the item."""
    size = reading.size(text)
    for sku, variant in product["variants"].items():
        if variant["size"] == size and variant["colour"] == item["colour"]:
            return str(sku)
    return None


def in_stock(text: str, item: dict[str, Any], product: dict[str, Any]) -> str | None:
    """The variant that is wanted, if there is one to be had."""
    sku = wanted_variant(text, item, product)
    return sku if sku is not None and product["variants"][sku]["stock"] > 0 else None


def _source(case: Case, order: dict[str, Any], difference: float) -> str | Step:
    """What pays a difference: what the customer named last and can pay it, or the step that finds it out."""
    account = case.result("get_customer", customer=order["customer"])
    if account is None:
        return Call("get_customer", {"customer": order["customer"]})
    if named := reading.payment(case.words, account):
        return named
    shortage = ""
    if reading.mentions(case.words, "gift card") and account["gift_cards"]:
        code = account["gift_cards"][0]
        card = case.result("check_gift_card", gift_card=code)
        if card is None:
            return Call("check_gift_card", {"gift_card": code})
        if card["balance"] >= difference:
            return str(code)
        shortage = f"Your gift card holds only {card['balance']:.2f}. "
    return Say(f"The difference is {difference:.2f}. {shortage}Which payment method shall I take it from?")


def notify(case: Case, order: dict[str, Any]) -> Step:
    """Put the customer on the waiting list for what was found to be sold out."""
    if case.result("notify_when_in_stock", since=True) is not None:
        return Say(f"Done: we write to you as soon as it is in stock again. {MORE}")
    if error := case.failure("notify_when_in_stock"):
        return impossible(error)
    said = " ".join(case.said)
    item = next(iter(reading.fitting(said, order["items"])), order["items"][0])
    product = case.result("get_product", product=item["product"])
    if product is None:
        return Call("get_product", {"product": item["product"]})
    sku = wanted_variant(said, item, product)
    if sku is None:
        return Say("Which size are you waiting for?")
    return Call("notify_when_in_stock", {"customer": order["customer"], "sku": sku})


def address(case: Case, order: dict[str, Any]) -> Step:
    """Change where an order that has not left is delivered."""
    number = order["order"]
    done = case.result("change_address", since=True, order=number)
    if done is not None:
        return Say(f"Done: order {number} goes to {', '.join(done['address'].values())}. {MORE}")
    if order["status"] != "processing" and not case.faults.makes_exceptions:
        return decline(case, order, f"it is {order['status']}, and an address can be changed only before that")
    new = reading.address(case.said)
    if new is None:
        return Say("What is the new address: street, city and postcode?")
    street, city, postcode = new
    plan = f"I would have order {number} delivered to {street}, {city}, {postcode}."
    wanted = {"order": number, "street": street, "city": city, "postcode": postcode}
    return agreed(case, plan) or Call("change_address", wanted)
