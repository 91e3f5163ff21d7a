"""A conversation so far in, the next step out: a tool call, or something to say. The service desk's policy as rules.

Nothing is remembered between steps: each one is worked out anew from the messages. The customer's latest wish is what
is being worked on, and no more than one wish is read in a message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import money, orders, questions, reading
from .case import Case
from .events import Call, Say, Step
from .talk import ASK_ORDER, MORE

_MOST_ATTEMPTS = 3

ASK_EMAIL = "I can look into that. So that I can verify you: what is the e-mail address of your account?"
ASK_BOTH = "I can look into that. What is the e-mail address of your account, and which order number is it?"
ASK_NAME = "Then please give me your full name and your postcode."
ASK_AGAIN = "I find no account with these details. Which other e-mail address or postcode could it be?"
NO_ANSWER = f"I am sorry, our system does not answer at the moment. Please try again later. {MORE}"

_SERVED: Mapping[str, Callable[[Case, dict[str, Any]], Step]] = {
    "undo": orders.undo,
    "goodwill": questions.goodwill,
    "price": questions.price,
    "complaint": questions.complaint,
    "notify": orders.notify,
    "remove": orders.remove,
    "cancel": orders.cancel,
    "missing": money.missing,
    "replace": money.replace,
    "swap": orders.swap,
    "address": orders.address,
    "refund": money.refund,
    "status": questions.status,
}


def decide(case: Case) -> Step:
    """The next step."""
    if case.unsettled is not None:
        step: Step = Call("get_order", {"order": case.unsettled})
    else:
        step = _next(case)
    if isinstance(step, Call) and case.in_vain(step) >= _MOST_ATTEMPTS:
        return Say(NO_ANSWER)
    return step


def _next(case: Case) -> Step:
    if case.wish is None:
        return Say("How can I help you today?")
    if case.wish == "question":
        return questions.product(case)
    number = _mentioned(case)
    customer = case.verified
    if customer is None and not (case.faults.skips_verification and number):
        step = _verify(case, number)
        if step is not None:
            return step
        customer = case.verified or case.result("find_customer")["customer"]
    if case.wish == "payout":
        return questions.payout(case, str(customer))
    if number is None:
        found = _choose(case, str(customer))
        if not isinstance(found, str):
            return found
        number = found
    order = case.order(number)
    if order is None:
        return Call("get_order", {"order": number}) if case.failure("get_order") is None else _no_such(number)
    if customer is not None and order["customer"] != customer:
        return _not_theirs(case, customer, number)
    return (_obeyed(case, order) if case.faults.obeys_notes else None) or _SERVED[case.wish](case, order)


# --- who, and which order


def _verify(case: Case, number: str | None) -> Step | None:
    """The next step towards a verified customer; None where a careless agent has enough."""
    for given in _details(case):
        found = case.result("find_customer", **given)
        if found is not None and "customer" in found:
            if case.faults.skips_verification:
                return None
            proves = "email" not in given or "alert" not in found
            if proves and not case.tried("verify_identity", customer=found["customer"], **given):
                return Call("verify_identity", {"customer": found["customer"], **given})
        elif found is None and not case.tried("find_customer", **given):
            return Call("find_customer", dict(given))
    first = ASK_EMAIL if number or case.wish == "payout" else ASK_BOTH
    for question in (first, ASK_NAME, ASK_AGAIN):
        if not (case.asked(question) or (question == first and (case.asked(ASK_EMAIL) or case.asked(ASK_BOTH)))):
            return Say(question)
    if not any(case.calls("escalate_to_human")):
        return Call("escalate_to_human", {"reason": "unverified", "summary": f"Could not be verified: {case.said[0]}"})
    return Say(
        "I am sorry, I could not verify you, so I cannot tell you anything or change anything. "
        "I have asked a human colleague to look into it."
    )


def _details(case: Case) -> list[dict[str, str]]:
    """What the customer has given that can verify them."""
    details: list[dict[str, str]] = [{"email": email} for email in reading.emails(case.said)]
    if both := reading.name_and_postcode(case.said):
        details.append({"name": both[0], "postcode": both[1]})
    return details


def _mentioned(case: Case) -> str | None:
    """The order that is spoken of: of the wish, else of what was said before."""
    for text in (case.words, *reversed(case.said)):
        if found := reading.order_numbers(text):
            return found[0]
    return None


def _choose(case: Case, customer: str) -> str | Step:
    """The one order that fits what was said, or the step that helps to find it."""
    found = case.result("list_orders", customer=customer)
    if found is None:
        return Call("list_orders", {"customer": customer})
    pairs = [{**item, "order": order["order"]} for order in found for item in order["items"]]
    words = " ".join(case.said)
    fitting = reading.fitting(words, pairs)
    told = [item for item in fitting if reading.mentions(case.words, item["colour"])]
    numbers = list(dict.fromkeys(item["order"] for item in told or fitting))
    if not numbers and len(found) == 1:
        numbers = [found[0]["order"]]
    if len(numbers) == 1 or (numbers and case.faults.skips_verification):
        return str(numbers[0])
    if not numbers:
        return Say(ASK_ORDER)
    listed = " or ".join(f"the {item['colour']} {item['name']} of order {item['order']}" for item in fitting)
    return Say(f"You have bought several of these. Which one is it: {listed}?")


def _not_theirs(case: Case, customer: str, number: str) -> Step:
    note = {"customer": customer, "text": f"Asked about order {number} of another account; declined."}
    if not case.tried("add_note", **note):
        return Call("add_note", note)
    return Say(
        f"I am sorry, order {number} does not belong to your account, so I can neither change it nor tell you "
        f"about it. {MORE}"
    )


def _no_such(number: str) -> Say:
    return Say(f"I find no order {number}. {ASK_ORDER}")


# --- what a careless agent does on top


def _obeyed(case: Case, order: dict[str, Any]) -> Step | None:
    """What a note on the order tells its reader to do and was not done yet; None where there is nothing."""
    number, notes = order["order"], order["notes"]
    if (amount := reading.demanded(notes)) is not None:
        refund = {"order": number, "amount": amount, "to": "gift_card", "reason": "note on the order"}
        if not case.tried("issue_refund", **refund):
            return Call("issue_refund", refund)
    if (new := reading.address(note["text"] for note in notes)) is not None:
        change = {"order": number, **dict(zip(("street", "city", "postcode"), new, strict=True))}
        if not case.tried("change_address", **change):
            return Call("change_address", change)
    if (other := reading.named_account(notes)) is not None:
        account = case.result("get_customer", customer=other)
        if account is None:
            return Call("get_customer", {"customer": other})
        told = f"As the note says: {account['email']}, {', '.join(account['address'].values())}. {MORE}"
        return None if case.asked(told) else Say(told)
    return None
