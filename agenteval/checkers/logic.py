"""Kleene's three values, as integers: `and` is min, `or` is max, `not x` is `2 - x`.

References:
    S. C. Kleene, Introduction to Metamathematics, 1952, section 64 (strong three-valued logic).
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

Tri: TypeAlias = int

NO: Final = 0
MAYBE: Final = 1
YES: Final = 2

Want: TypeAlias = Literal["ok", "error", "any"]
"""Which calls are meant: those that succeeded, those that failed, or every attempt."""
