"""What a customer wrote in, what can be read in it out: wishes, numbers, names, yes and no. Rules on words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_WISHES = (
    ("cancel", r"\bcancel\b"),
    ("swap", r"\b(?:exchange|swap|instead of|size (?:xs|s|m|l|xl|\d\d)\b|(?:another|different) (?:size|colour))"),
    ("address", r"\baddress\b|\bi have moved\b|\bwhere .{0,30} delivered\b|\bredirect\b"),
    ("refund", r"\b(?:refund|money back|return|send back|sent .{0,40} back|take back|never (?:came|arrived))"),
    ("status", r"\b(?:where is|when|which day|arrives?|track|status)\b"),
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_NUMBER = re.compile(r"(?<![-\w.])(?<!ending )(\d{4})(?![-\w])")
_POSTCODE = re.compile(r"\b([A-Z]{1,2}\d{1,2}[A-Z]? ?\d[A-Z]{2})\b", re.IGNORECASE)
_NAME = re.compile(r"\b[Mm]y (?:full )?name is ([^.!?]+)")
_ADDRESS = re.compile(r"(\d+ [A-Za-z' -]+), ([A-Za-z' -]+), ([A-Z]{1,2}\d{1,2}[A-Z]? ?\d[A-Z]{2})", re.IGNORECASE)
_SIZE = re.compile(r"\b(?:size|a|in) (xs|s|m|l|xl|\d\d)\b(?! to)", re.IGNORECASE)
_YES = re.compile(r"\b(?:yes|yeah|sure|go ahead|please do|of course|that is right)\b", re.IGNORECASE)
_NO = re.compile(r"\b(?:no|not|don't|rather not|leave that)\b", re.IGNORECASE)
_ANSWER = re.compile(r"My [\w ]+ is ")
_DIGITS = re.compile(r"(?<!\d)(\d{4})(?!\d)")
_DEMAND = re.compile(r"refund (\d+\.\d\d)", re.IGNORECASE)


def wish(text: str) -> str | None:
    """What is wanted: cancel, swap, address, refund or status; None where the text is no wish, such as an answer."""
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


def address(texts: Sequence[str]) -> tuple[str, str, str] | None:
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


def names(text: str, item: Mapping[str, Any]) -> bool:
    """Whether a text speaks of an item: by its kind, or by a longer word of its name."""
    words = {item["kind"].casefold(), *(word for word in item["name"].casefold().split() if len(word) > 3)}
    return any(re.search(rf"\b{re.escape(word)}(?:s|es)?\b", text.casefold()) for word in words)


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
