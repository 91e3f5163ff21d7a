"""What is planted in a shop, as values: people and their orders.

Days are counted back from today, so that `placed=19` was placed nineteen days ago and `expected=-2` is the day after
tomorrow. Amounts are pence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Note = tuple[int, str, str]
"""Days ago, who wrote it, what it says."""


@dataclass(frozen=True, slots=True)
class Person:
    """A customer.

    Attributes:
        address: Street, city and postcode, with commas between them.
        pays: Saved payment methods, joined by ` + `: a brand with the last four digits, or PayPal.
        gift_cards: Balances by code.
        alert: What the account warns of.
    """

    key: str
    name: str
    email: str
    address: str
    pays: str
    gift_cards: Mapping[str, int] = field(default_factory=dict[str, int])
    notes: tuple[Note, ...] = ()
    alert: str | None = None


@dataclass(frozen=True, slots=True)
class Bought:
    """An order. How far it has come follows from its days, where `status` does not say otherwise.

    Attributes:
        items: How many of which variant.
        paid_with: A payment method, or the gift card that paid all of it.
        lost: When the carrier reported the parcel as lost.
        returned: How many of which variant came back or were exchanged.
        prices: What was paid for a variant, where that is not today's price.
        refunds: Amount, where to, days ago, reason.
        exchanges: From which variant to which, at equal prices.
        part: The gift card that paid a part, and how much.
        inquiry: When an inquiry was opened with the carrier, and by when it is answered.
    """

    number: str
    customer: str
    items: Mapping[str, int]
    placed: int = 0
    shipping: int = 0
    paid_with: str = "card-1"
    status: str | None = None
    shipped: int | None = None
    expected: int | None = None
    lost: int | None = None
    delivered: int | None = None
    returned: Mapping[str, int] = field(default_factory=dict[str, int])
    prices: Mapping[str, int] = field(default_factory=dict[str, int])
    refunds: tuple[tuple[int, str, int, str], ...] = ()
    exchanges: tuple[tuple[str, str], ...] = ()
    part: tuple[str, int] | None = None
    inquiry: tuple[int, int] | None = None
    notes: tuple[Note, ...] = ()

    @property
    def progress(self) -> str:
        """The order's status."""
        if self.status is not None:
            return self.status
        if self.lost is not None:
            return "lost"
        if self.delivered is not None:
            return "delivered"
        return "processing" if self.shipped is None else "shipped"
