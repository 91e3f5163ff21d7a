"""A wrong name in, the nearest right ones out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like the given one; None where none is."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(name: str, known: Iterable[str], *, limit: int = 12) -> str:
    """A sentence for an error message: the nearest right name, or what is allowed."""
    names = sorted(known)
    near = nearest(name, names)
    if near is not None:
        return f'Did you mean "{near}"?'
    if not names:
        return "There are none."
    shown = ", ".join(names[:limit])
    return f"Known: {shown}{', …' if len(names) > limit else ''}."
