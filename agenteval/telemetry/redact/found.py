"""What a detector gives: a place in a text, and what makes two of them the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

MOST: Final = 10_000
"""Candidates in one text, after which it is masked as a whole: what is checked one by one must have an end."""


class TooMany(Exception):
    """A text holds more candidates than are looked at."""


@dataclass(frozen=True, slots=True)
class Found:
    """A place in a text where a rule found something.

    Attributes:
        same: Equal for two places that hold the same value, however it is written there.
        quotes: What stands around the mark, where the value was not a text in JSON and the mark is one.
    """

    rule: str
    start: int
    end: int
    same: bytes
    quotes: bytes = b""


Check: TypeAlias = Callable[[bytes, Any], Iterator[tuple[int, int, bytes]]]
"""A text and a match of RE2 in it in; start, end and `same` of each value in that match out."""


@dataclass(frozen=True, slots=True)
class Detector:
    """One rule.

    Attributes:
        hints: Patterns of which one matches every text that the rule finds something in, wherever escapes stand in it.
        pattern: What the rule finds, and perhaps more.
        check: Which part of a match it is, if it is any.
        personal: It is no secret: names and ids by which traces are read are not searched for it.
    """

    rule: str
    hints: tuple[str, ...]
    pattern: Any
    check: Check
    personal: bool

    def find(self, text: bytes) -> Iterator[Found]:
        """Every place, from left to right.

        Raises:
            TooMany: There are too many candidates.
        """
        for number, match in enumerate(self.pattern.finditer(text)):
            if number >= MOST:
                raise TooMany
            for start, end, same in self.check(text, match):
                yield Found(self.rule, start, end, same)
