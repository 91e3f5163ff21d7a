"""Ids: deterministic ones from what they name, and the one kind that is minted."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime


def derived(*parts: object, digits: int = 32) -> str:
    """An id of `digits` hexadecimal digits from what it names; equal parts give equal ids."""
    # the length of each part goes in, so that ("ab", "c") and ("a", "bc") differ
    text = "".join(f"{len(str(part))}:{part}" for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]


def derived_seed(*parts: object) -> int:
    """A seed in [0, 2**31) from what it belongs to."""
    return int(derived(*parts, digits=8), 16) >> 1


def new_run_id(now: datetime | None = None) -> str:
    """A fresh run id that sorts by time: `20261124-020435-1a2b3c`. Minted at the edge only."""
    moment = now or datetime.now(UTC)
    return f"{moment:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
