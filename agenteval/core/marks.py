"""The marks that stand where something was redacted: how they are written, and how they are known again."""

from __future__ import annotations

import re
from typing import Final

NAME: Final = r"[a-z][a-z0-9_]{0,39}"
_NAME: Final = re.compile(NAME)
MARK: Final = re.compile(rf"\[(?:redacted:(?P<mask>{NAME})|(?P<pseudonym>{NAME}):[0-9a-f]{{16}})\](?:#\d+)?")
"""A mark in a text: with the group `mask` it says nothing of the value, with `pseudonym` it is equal for equal ones."""

ATTRIBUTE: Final = "agenteval.redacted"
"""The attribute of a span or log record that counts what was redacted in it, by rule."""


def masked(rule: str) -> str:
    """The mark of a rule that says nothing of the value."""
    return f"[redacted:{rule}]"


def pseudonymous(rule: str, digest: str) -> str:
    """The mark of a rule that is equal for equal values."""
    return f"[{rule}:{digest}]"


def wholly_redacted(text: str) -> str | None:
    """The rule by which nothing of a text was left; None where something was, or a pseudonym, which can be compared."""
    match = MARK.fullmatch(text)
    return match["mask"] if match else None


def holds_mark(text: str) -> bool:
    """Whether something was redacted in a text."""
    return "[" in text and MARK.search(text) is not None


def holds_mask(text: str) -> bool:
    """Whether something was redacted in a text that cannot be compared."""
    return "[redacted:" in text and any(match["mask"] for match in MARK.finditer(text))


def is_mark(text: str) -> bool:
    """Whether a text is one mark and nothing else."""
    return MARK.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Whether a rule could be called so."""
    return _NAME.fullmatch(text) is not None
