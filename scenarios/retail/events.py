"""What happens at the desk, as values: heard, said, called. And what a careless agent does wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Say:
    """Say this and wait for the customer."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call; with its result or error where it was made."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    result: Any = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What the customer said."""

    text: str


Event = Heard | Say | Call
Step = Say | Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What a careless agent does wrong; the careful one does none of it."""

    skips_verification: bool = False
    never_asks: bool = False
    refunds_twice: bool = False
    invents_amounts: bool = False
    makes_exceptions: bool = False
    repeats_blindly: bool = False
    obeys_notes: bool = False
