"""Places that were found in a text in, the text with marks in their stead out; JSON stays JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from agenteval.core.marks import masked
from agenteval.telemetry.redact.escapes import Nesting, is_json
from agenteval.telemetry.redact.found import Found
from agenteval.telemetry.redact.rules import NAMED, PERSONAL

_KEY_FOLLOWS: Final = re.compile(rb"[^\"'\\]{0,200}\\*[\"']\s*:")
_BEFORE_BARE: Final = b"[:,"
_AFTER_BARE: Final = re.compile(rb"\s*(?:[,\]}]|$)")
_NEEDS_QUOTES: Final = re.compile(rb"[\"\\]")


def merged(found: Sequence[Found], marks: Sequence[tuple[int, int]], text: bytes) -> list[Found]:
    """Places that overlap made one, in order; without what lies in marks, and personal data of which a part is secret.

    Args:
        found: In any order.
        marks: Where marks stand already, in order.
        text: What was searched.
    """
    groups: list[Found] = []
    ordered = sorted(found, key=lambda one: (one.start, -one.end))
    firm = [one for one in ordered if one.rule not in PERSONAL]
    for one in _outside(_not_over(ordered, firm) if len(firm) < len(ordered) else ordered, marks):
        last = groups[-1] if groups else None
        if last is None or one.start >= last.end:
            groups.append(one)
        elif one.end > last.end:
            longer = last if last.end - last.start >= one.end - one.start else one
            groups[-1] = replace(longer, start=last.start, end=one.end, same=text[last.start : one.end])
    return groups


def _not_over(ordered: Sequence[Found], firm: Sequence[Found]) -> Iterator[Found]:
    """What is left: what looks like an address may be the end of a password and the name of a host."""
    position, reach = 0, 0
    for one in ordered:
        while position < len(firm) and firm[position].start < one.end:
            reach = max(reach, firm[position].end)
            position += 1
        if one.rule not in PERSONAL or reach <= one.start:
            yield one


def _outside(found: Iterable[Found], marks: Sequence[tuple[int, int]]) -> Iterable[Found]:
    position = 0
    for one in found:
        while position < len(marks) and marks[position][1] <= one.start:
            position += 1
        kept: Found | None = one
        at = position
        while kept is not None and at < len(marks) and marks[at][0] < kept.end:
            kept = _beside(kept, *marks[at])
            at += 1
        if kept is not None:
            yield kept


def _beside(one: Found, start: int, end: int) -> Found | None:
    """What is left of a place beside a mark; all of it where it is around the mark."""
    if one.start <= start and one.end >= end and one.end - one.start > end - start:
        return one
    if one.start < start:
        return replace(one, end=start)
    return replace(one, start=end) if one.end > end else None


def replaced(data: bytes, groups: Sequence[Found], mark: Callable[[str, bytes], str]) -> bytes:
    """The text with marks.

    Args:
        data: The text.
        groups: What to replace, in order, none over another.
        mark: The mark of a value, by rule and what makes it equal.
    """
    quotes = _quotes(data, groups)
    keys = _Keys(data)
    pieces: list[bytes] = []
    done = 0
    for one in groups:
        around = one.quotes or quotes.get(one.start, b"")
        written = keys.mark(one, mark(one.rule, one.same).encode())
        pieces += [data[done : one.start], around, written, around]
        done = one.end
    left = b"".join([*pieces, data[done:]])
    if _is_delicate(data, groups, quotes) and is_json(data) and not is_json(left):
        return masked(groups[0].rule).encode()
    return left


def _quotes(data: bytes, groups: Sequence[Found]) -> dict[int, bytes]:
    """The quotes that marks need which stand for numbers in JSON, by where those begin."""
    starts = [one.start for one in groups if not one.quotes and _may_be_a_number(data, one)]
    nesting = Nesting(data if starts else b"")
    needed = {start: nesting.quote_needed(start) for start in starts if nesting.is_json}
    return {start: quote for start, quote in needed.items() if quote}


def _may_be_a_number(data: bytes, one: Found) -> bool:
    before = data[max(0, one.start - 100) : one.start].rstrip()[-1:]
    return data[one.start : one.end].isdigit() and before in _BEFORE_BARE and bool(_AFTER_BARE.match(data, one.end))


def _is_delicate(data: bytes, groups: Sequence[Found], quotes: dict[int, bytes]) -> bool:
    return bool(quotes) or any(
        one.rule == NAMED or data[one.start : one.end].isdigit() or _NEEDS_QUOTES.search(data, one.start, one.end)
        for one in groups
    )


class _Keys:
    """Marks of keys: two keys of an object that were not equal must not become so, or a reader would lose one."""

    def __init__(self, data: bytes) -> None:
        """Nothing is taken yet."""
        self._data = data
        self._quoted = b'"' in data or b"'" in data
        self._given: dict[tuple[bytes, bytes], bytes] = {}
        self._numbers: dict[bytes, int] = {}

    def mark(self, one: Found, mark: bytes) -> bytes:
        """The mark; with a number behind it, where it stands in place of a key and another key has it."""
        if not self._quoted or not _KEY_FOLLOWS.match(self._data, one.end):
            return mark
        written = mark, self._data[one.start : one.end]
        if written not in self._given:
            number = self._numbers.get(mark, self._highest(mark)) + 1
            self._numbers[mark] = number
            self._given[written] = mark if number == 1 else mark + b"#%d" % number
        return self._given[written]

    def _highest(self, mark: bytes) -> int:
        """The highest number that a mask has already; an equal pseudonym is no other key."""
        if not mark.startswith(masked("").encode()[:-1]):
            return 0
        there = re.findall(re.escape(mark) + rb"(?:#(\d{1,9}))?", self._data)
        return max((int(number or 1) for number in there), default=0)
