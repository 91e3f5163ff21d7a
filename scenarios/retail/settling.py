"""Calls as they went in, calls as they are to be understood out: failed answers dropped, lost ones found again.

A call that only looks and got no sensible answer counts as never made, so that it is made again. A call that changes an
order and got no answer is settled by the order itself, read afterwards: where the order changed, the call took effect;
where it did not, the call counts as never made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .events import Call, Event

_PASSING = re.compile(r"timed? ?out|no answer|unavailable|internal error|try again", re.IGNORECASE)
_CHANGES = {
    "cancel_order": "status",
    "cancel_item": "items",
    "modify_order_items": "items",
    "change_address": "address",
    "return_items": "items",
    "exchange_items": "exchanges",
    "send_replacement": "items",
    "issue_refund": "refunds",
}
"""Tools that change an order, and by what of it that can be seen."""
_SENSIBLE = {
    "find_customer": ({"customer"}, {"matches"}),
    "get_customer": ({"payment_methods", "notes"},),
    "get_order": ({"order", "items", "status"},),
    "get_product": ({"variants"},),
    "track_shipment": ({"status", "carrier"},),
    "check_gift_card": ({"balance"},),
}


def settle(events: Sequence[Event], *, blindly: bool = False) -> tuple[list[Event], str | None]:
    """The events as they are to be understood, and the order that must be read again before going on, if any.

    Args:
        events: What happened.
        blindly: Take what got no answer for never made, without looking.
    """
    settled: list[Event] = []
    unsettled: str | None = None
    for place, event in enumerate(events):
        if not isinstance(event, Call) or not _failed(event, events[:place]):
            settled.append(event)
        elif event.name in _CHANGES and not blindly:
            before = _read(reversed(settled), event)
            after = _read(events[place + 1 :], event)
            if after is None:
                unsettled = str(event.arguments["order"])
            elif before is not None and before.get(_CHANGES[event.name]) != after.get(_CHANGES[event.name]):
                settled.append(replace(event, result=_found(event, before, after), error=None))
    return settled, unsettled


def _failed(call: Call, before: Sequence[Event]) -> bool:
    """Whether a call got no answer, or none that makes sense."""
    if call.error is not None:
        return _PASSING.search(call.error) is not None
    if call.name == "list_orders" and call.result == []:
        return not any(isinstance(event, Call) and event.name == call.name and event.result == [] for event in before)
    if call.name in {"list_orders", "search_products"}:
        return not isinstance(call.result, list)
    if not isinstance(call.result, Mapping):
        return True
    if call.name in {"get_order", "track_shipment"} and call.result.get("order") != call.arguments["order"]:
        return True  # the answer to another question
    shapes = _SENSIBLE.get(call.name)
    return shapes is not None and not any(shape <= call.result.keys() for shape in shapes)


def _read(events: Any, call: Call) -> Any:
    """The call's order as it was first read among some events; None where it was not."""
    for event in events:
        if (
            isinstance(event, Call)
            and event.name == "get_order"
            and event.arguments["order"] == call.arguments["order"]
            and event.error is None
            and not _failed(event, ())
        ):
            return event.result
    return None


def _found(call: Call, before: Any, after: Any) -> dict[str, Any]:
    """What a call whose answer was lost would have answered, as far as the order tells."""
    exchanges = after.get("exchanges", [])
    difference = exchanges[-1]["difference"] if exchanges else round(after["paid"] - before["paid"], 2)
    to_card = call.arguments.get("to") == "gift_card"
    return {
        "order": after["order"],
        "refunded": round(after["refunded"] - before["refunded"], 2),
        "to": "gift card" if to_card else after["paid_with_description"],
        "difference": difference,
        "address": after["address"],
        "status": after["status"],
    }
