"""A lending library: its tools, what two turns ask of them, and a log of what they really did.

Runs in the producers' environments, with the standard library alone.
"""

from __future__ import annotations

import functools
import json
import os
import threading
from collections.abc import Callable
from typing import Any

SESSION, USER = "reading-room-7", "reader-4711"
SYSTEM = "You serve the readers of a lending library. Use the tools; say what you did."
TURNS = (
    "I am reader 4711. Please renew my loan of “Stoner” and reserve “Middlemarch” at the Süd branch.",
    "Lovely. When does the Süd branch open on Saturday?",
)
_LOCK = threading.Lock()
_LOCKED = {"catalogue": True}


def _noted(tool: Callable[..., Any]) -> Callable[..., Any]:
    """The tool, with each call of it written down when it ends."""

    @functools.wraps(tool)
    def call(*args: Any, **kwargs: Any) -> Any:
        names = tool.__code__.co_varnames
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        line: dict[str, Any] = {"tool": tool.__name__, "args": given, "result": None, "error": None, "finished": True}
        try:
            line["result"] = tool(*args, **kwargs)
        except Exception as error:
            line["error"] = f"{type(error).__name__}: {error}"
            raise
        finally:
            with _LOCK, open(os.environ["RECORDING_TOOLS"], "a", encoding="utf-8") as log:
                log.write(json.dumps(line, ensure_ascii=False) + "\n")
        return line["result"]

    return call


@_noted
def find_reader(card: str) -> dict[str, Any]:
    """Look a reader up.

    Args:
        card: Number of the reader's card.
    """
    return {"card": card, "name": "Zoë Ångström", "fines_cents": 0}


@_noted
def list_loans(card: str, limit: int) -> list[dict[str, Any]]:
    """List what a reader has on loan.

    Args:
        card: Number of the reader's card.
        limit: How many to list.
    """
    return [{"loan": "L-88", "title": "Stoner", "due": "2026-12-01", "marks": "torn “p. 12”\nink"}][:limit]


@_noted
def renew_loan(loan: str, days: int) -> dict[str, Any]:
    """Renew a loan.

    Args:
        loan: Id of the loan.
        days: For how many days.
    """
    if _LOCKED.pop("catalogue", False):
        raise RuntimeError("the catalogue is locked, try again")
    return {"loan": loan, "due": "2026-12-15", "days": days}


@_noted
def reserve(title: str, branch: str) -> dict[str, Any]:
    """Reserve a book.

    Args:
        title: Its title.
        branch: Where it will be fetched.
    """
    return {"reservation": "R-3", "title": title, "branch": branch, "place_in_line": 1}


@_noted
def opening_hours(branch: str, day: str) -> dict[str, str]:
    """Tell when a branch is open.

    Args:
        branch: Which branch.
        day: Day of the week.
    """
    return {"branch": branch, "day": day, "open": "10:00–14:30"}


TOOLS: tuple[Callable[..., Any], ...] = (find_reader, list_loans, renew_loan, reserve, opening_hours)


def schema_of(tool: Callable[..., Any]) -> dict[str, Any]:
    """A tool as the chat-completions API is told of it."""
    names = {"str": "string", "int": "integer"}
    kinds = {name: {"type": names[kind]} for name, kind in tool.__annotations__.items() if name != "return"}
    parameters = {"type": "object", "properties": kinds, "required": list(kinds)}
    about = (tool.__doc__ or "").splitlines()[0]
    return {"type": "function", "function": {"name": tool.__name__, "description": about, "parameters": parameters}}
