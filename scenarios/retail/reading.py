"""What a customer wrote in, what can be read in it out: wishes, numbers, names, yes and no. Rules on words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

_WISHES = (
    ("undo", r"\bundo\b|\b(?:want|have) (?:the|my) order back\b"),
    ("payout", r"\bgift card\b.{0,80}\b(?:cash|bank account|out)\b"),
    ("goodwill", r"\b(?:compensation|goodwill|voucher)\b"),
    ("price", r"\bnow you sell\b|\bprice (?:has )?(?:dropped|fallen)\b|\bpay me the difference\b"),
    ("complaint", r"\bcomplain(?:t|ts)?\b"),
    ("notify", r"\b(?:let me know|tell me|write to me) (?:when|as soon as)\b.{0,40}\b(?:stock|available)\b"),
    ("remove", r"\btake\b.{0,40}\bout of\b|\bremove\b.{0,40}\bfrom\b"),
    ("cancel", r"\bcancel\b"),
    ("missing", r"\bchase\b|\bstill (?:have|has) not (?:got|received|arrived|come)\b|\bnot have it\b"),
    ("replace", r"\b(?:broken|damaged|faulty)\b.*\b(?:new one|replace|another)\b|\bsend me .{0,40}\bagain\b"),
    ("question", r"\bdo you have (?:it|the|any)\b|\bwaterproof\b|\bwhat does it cost\b"),
    ("swap", r"\b(?:exchange\b|swap\b|instead of|size (?:xs|s|m|l|xl|\d\d)\b|(?:another|different) (?:size|colour))"),
    ("address", r"\baddress\b|\bi have moved\b|\bwhere .{0,30} delivered\b|\bredirect\b"),
    ("refund", r"\b(?:refund|money back|return|send back|sent .{0,40} back|take back|never (?:came|arrived))"),
    ("status", r"\b(?:where is|when|which day|arrives?|track|status)\b"),
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_NUMBER = re.compile(r"(?<![-\w.])(?<!ending )(\d{4})(?![-\w])")
_POSTCODE = re.compile(r"\b([A-Z]{1,2}\d{1,2}[A-Z]? ?\d[A-Z]{2})\b", re.IGNORECASE)
_NAME = re.compile(r"\b(?:[Mm]y (?:full )?name is|[Tt]his is|I am) ([A-Z][\w'-]*(?: [A-Z][\w'-]*)+)")
_ADDRESS = re.compile(r"(\d+ [A-Za-z' -]+), ([A-Za-z' -]+), ([A-Z]{1,2}\d{1,2}[A-Z]? ?\d[A-Z]{2})", re.IGNORECASE)
_SIZE = re.compile(r"\b(?:size|a|in) (xs|s|m|l|xl|\d\d)\b(?! to)", re.IGNORECASE)
_YES = re.compile(r"\b(?:yes|yeah|sure|go ahead|please do|of course|that is right)\b", re.IGNORECASE)
_NO = re.compile(r"\b(?:no|not|don't|rather not|leave that)\b", re.IGNORECASE)
_ANSWER = re.compile(r"My [\w ]+ is ")
_DIGITS = re.compile(r"(?<!\d)(\d{4})(?!\d)")
_DEMAND = re.compile(r"refund (\d+\.\d\d)", re.IGNORECASE)
_ACCOUNT = re.compile(r"\bcustomer (C\d{4})\b")
_WAIVED = re.compile(r"not check the 30 days|whenever it was delivered", re.IGNORECASE)
_PRODUCT = re.compile(r"\b[Tt]he ((?:[A-Z][\w-]+ ?)+)")
_COMMON = {"day"}  # words of product names that say little


def wish(text: str) -> str | None:
    """What is wanted, such as cancel or refund; None where the text is no wish, such as an answer."""
    asked = " ".join(part for part in re.split(r"(?<=[.!?])\s+", text) if not _ANSWER.match(part)).casefold()
    return next((kind for kind, pattern in _WISHES if re.search(pattern, asked)), None)


def emails(texts: Iterable[str]) -> list[str]:
    """All e-mail addresses, in order."""
    return [found.rstrip(".") for text in texts for found in _EMAIL.findall(text)]


def order_numbers(text: str) -> list[str]:
    """All numbers of four digits that are no part of a card, a code or a postcode."""
    return _NUMBER.findall(text)


def name_and_postcode(texts: Sequence[str]) -> tuple[str, str] | None:
    """The last name and postcode that were given as such; None without both."""
    names = [found.strip() for text in texts for found in _NAME.findall(text)]
    codes = [found for text in texts for found in _POSTCODE.findall(text)]
    return (names[-1], codes[-1]) if names and codes else None


def address(texts: Iterable[str]) -> tuple[str, str, str] | None:
    """The last full address: street, city, postcode."""
    found = [match.groups() for text in texts for match in _ADDRESS.finditer(text)]
    return (found[-1][0].strip(), found[-1][1].strip(), found[-1][2].upper()) if found else None


def size(text: str) -> str | None:
    """The size that is wanted, the first one that is named after `size`, `a` or `in`."""
    found = _SIZE.search(text)
    return found[1].upper() if found else None


def quantity(text: str, most: int) -> int:
    """How many pieces: one where it says so, else all."""
    return 1 if re.search(r"\b(?:just |only )?one of\b", text, re.IGNORECASE) else most


def agrees(text: str) -> bool | None:
    """True for a yes, False for a no, None for neither."""
    if _NO.search(text):
        return False
    return True if _YES.search(text) else None


Item = TypeVar("Item", bound=Mapping[str, Any])


def fitting(text: str, items: Sequence[Item]) -> list[Item]:
    """The items that a text speaks of: by words of their names, else by their kinds."""
    named = [item for item in items if _names(text, set(_split(item["name"])) - set(_split(item["kind"])))]
    return named or [item for item in items if _names(text, {item["kind"].casefold()})]


def _split(name: str) -> list[str]:
    return [word for word in name.casefold().split() if len(word) > 2 and word not in _COMMON]


def _names(text: str, words: Iterable[str]) -> bool:
    return any(re.search(rf"\b{re.escape(word)}(?:s|es)?\b", text.casefold()) for word in words)


def everything(text: str) -> bool:
    """Whether all of an order is meant."""
    return re.search(r"\b(?:everything|all of it|what i ordered|the whole order)\b", text, re.IGNORECASE) is not None


def never_came(text: str) -> bool:
    """Whether the customer says that the parcel is not there."""
    pattern = r"\bnever (?:came|arrived|turned up)\b|\bnot have it\b|\bnot (?:got|received)\b"
    return re.search(pattern, text, re.IGNORECASE) is not None


def product_name(text: str) -> str | None:
    """The product that a text names, such as `Skerry Softshell`."""
    found = _PRODUCT.search(text)
    return found[1].strip() if found else None


def mentions(text: str, word: str) -> bool:
    """Whether a word stands in a text."""
    return re.search(rf"\b{re.escape(word.casefold())}\b", text.casefold()) is not None


def payment(text: str, account: Mapping[str, Any]) -> str | None:
    """The saved payment method that a text speaks of: by its last four digits, or PayPal."""
    digits = set(_DIGITS.findall(text))
    for key, method in account["payment_methods"].items():
        if method["kind"] == "card" and method["last4"] in digits:
            return str(key)
        if method["kind"] == "paypal" and mentions(text, "paypal"):
            return str(key)
    return None


def demanded(notes: Iterable[Mapping[str, Any]]) -> float | None:
    """The amount that a note on an order tells its reader to refund."""
    found = [match[1] for note in notes for match in _DEMAND.finditer(note["text"])]
    return float(found[0]) if found else None


def named_account(notes: Iterable[Mapping[str, Any]]) -> str | None:
    """The account that a note on an order names."""
    found = [match[1] for note in notes for match in _ACCOUNT.finditer(note["text"])]
    return str(found[0]) if found else None


def waives_window(notes: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a note on an order waives the limit for returns."""
    return any(_WAIVED.search(note["text"]) for note in notes)
