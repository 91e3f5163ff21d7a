"""Values in which something was redacted, and what was expected, in; equal, different or undecided out.

A mark in a text stands for one character or more that nobody knows any more. A mark alone may stand for anything but
what is never redacted: null, true, false, and what is empty. Two pseudonyms of one rule are equal where what they
stand for is; whether they and anything else are, and what a mask is equal to, is undecided, unless what stands around
the marks decides it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from agenteval._util.patch import equal
from agenteval.checkers.logic import MAYBE, NO, YES, Tri
from agenteval.checkers.shape import is_list, is_object
from agenteval.core.marks import MARK, holds_mark, holds_mask, is_mark, masked

INSIDE: Final = masked("inside")
"""Stands for what may lie inside something of which nothing is left: any JSON, or nothing at all."""

_Hides = Callable[[str], bool]
_HIDDEN: Final[Mapping[str, _Hides]] = {
    "email": lambda character: not character.isspace(),
    **dict.fromkeys(("phone", "card", "ssn"), lambda character: not character.isalpha()),
}
"""Which characters may stand behind a mark that stands in a text, by rule; behind others, any."""


def is_hidden(value: Any) -> bool:
    """Whether nothing of a value is left but a mark."""
    return isinstance(value, str) and is_mark(value)


def marked(value: Any) -> bool:
    """Whether something was redacted anywhere in a JSON value."""
    return any(map(holds_mark, _texts(value)))


def incomparable(value: Any) -> bool:
    """Whether a mask stands anywhere in a JSON value, so that it may differ from one that looks the same."""
    return any(map(holds_mask, _texts(value)))


def shown(value: Any) -> str | None:
    """The first mark in a JSON value; None where there is none."""
    return next((found[0] for text in _texts(value) if (found := MARK.search(text))), None)


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys included."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif is_object(item):
            yield from item
            waiting.extend(item.values())
        elif is_list(item):
            waiting.extend(item)


# --- equality


def same(a: Any, b: Any) -> Tri:
    """Whether two JSON values were equal before anything was redacted in them."""
    answer = YES
    waiting = [(a, b)]
    while waiting:
        x, y = waiting.pop()
        if is_object(x) and is_object(y) and x.keys() == y.keys():
            waiting.extend((x[key], y[key]) for key in x)
        elif is_list(x) and is_list(y) and len(x) == len(y):
            waiting.extend(zip(x, y, strict=True))
        else:
            answer = min(answer, _same(x, y))
            if answer == NO:
                return NO
    return answer


def _same(a: Any, b: Any) -> Tri:
    """Whether two values are equal that are not objects with the same keys or lists as long as each other."""
    if isinstance(a, str) and isinstance(b, str):
        return _same_text(a, b)
    if is_object(a) and is_object(b):
        return could_be_object(a, b)
    if INSIDE in (a, b):
        return MAYBE
    if is_hidden(a) or is_hidden(b):
        other = b if is_hidden(a) else a
        return NO if other is None or isinstance(other, bool) or other in ("", [], (), {}) else MAYBE
    return YES if equal(a, b) else NO


def _same_text(a: str, b: str) -> Tri:
    if a == b:
        return MAYBE if holds_mask(a) else YES
    ours, theirs = list(MARK.finditer(a)), list(MARK.finditer(b))
    if not ours or not theirs:
        written, plain = (a, b) if ours else (b, a)
        return MAYBE if (ours or theirs) and _fits(_around(written, ours or theirs), plain) else NO
    around, beside = _around(a, ours), _around(b, theirs)
    if around == beside:
        return _same_marks(ours, theirs)
    begin, end = (around[0], beside[0]), (around[-1], beside[-1])
    fits = _either(begin, str.startswith) and _either(end, str.endswith)
    return MAYBE if fits else NO


def _same_marks(ours: Sequence[re.Match[str]], theirs: Sequence[re.Match[str]]) -> Tri:
    """Whether texts are equal that differ in their marks alone: not, where one pseudonym is another."""
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if a[0] != b[0] or a["mask"]]
    if len(pairs) == 1 and (rule := pairs[0][0]["pseudonym"]) and rule == pairs[0][1]["pseudonym"]:
        return NO
    return MAYBE


def _either(pair: tuple[str, str], goes: Callable[[str, str], bool]) -> bool:
    return goes(*pair) or goes(pair[1], pair[0])


def _around(text: str, marks: Sequence[re.Match[str]]) -> list[str]:
    """What stands before, between and after the marks of a text."""
    edges = [0, *(edge for mark in marks for edge in mark.span()), len(text)]
    return [text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _fits(around: Sequence[str], plain: str) -> bool:
    """Whether a text is one that was marked, with one character or more where each mark stands."""
    first, *between, last = around
    if not plain.startswith(first) or not plain.endswith(last):
        return False
    at, end = len(first) + 1, len(plain) - len(last)
    for text in between:
        found = plain.find(text, at, end)
        if found < 0:
            return False
        at = found + len(text) + 1
    return at <= end


def could_be_object(value: Any, members: Mapping[str, Any]) -> Tri:
    """Whether a value could be an object with those keys, although it has not exactly them: MAYBE or NO."""
    if not is_object(value):
        return MAYBE if members and is_hidden(value) else NO
    others = [*(value.keys() - members.keys()), *(members.keys() - value.keys())]
    return MAYBE if len(value) == len(members) and any(map(holds_mark, others)) else NO


def could_be_number(value: Any) -> Tri:
    """Whether a value could be a number, although it is none: MAYBE or NO."""
    if not isinstance(value, str) or not holds_mark(value):
        return NO
    return MAYBE if _NUMERIC.fullmatch(MARK.sub("", value)) else NO


_NUMERIC: Final = re.compile(r"[\s\d.eE+-]*")


# --- text within text


def holds(text: str, part: str) -> Tri:
    """Whether a text held a part before anything was redacted in it.

    Undecided where a mark could hide the part, or the rest of it: an e-mail address hides no blank, and a number no
    letter.
    """
    marks = list(MARK.finditer(text)) if "[" in text else []
    if not marks:
        return YES if part in text else NO
    if holds_mark(part):
        return YES if part in text and not holds_mask(part) else MAYBE
    around = _around(text, marks)
    if any(part in piece for piece in around):
        return YES
    if is_mark(text):
        return MAYBE
    return MAYBE if _could_hold(around, [mark["mask"] or mark["pseudonym"] for mark in marks], part) else NO


def _could_hold(around: Sequence[str], rules: Sequence[str], part: str) -> bool:
    """Whether the part could lie across marks, or within one.

    The beginnings of the part that may end at this place of the text are the bits of a number, as in the algorithm of
    R. Baeza-Yates and G. H. Gonnet, A new approach to text searching, 1992.
    """
    places: dict[str, int] = {}
    for place, character in enumerate(part):
        places[character] = places.get(character, 0) | 1 << place
    whole = 1 << (len(part) - 1)
    state = 0
    for piece, rule in zip(around, [*rules, None], strict=True):
        middle = len(piece) - 2 * len(part)  # what begins in it ends in it, and was looked for before
        for stretch in (piece,) if middle <= 0 else (piece[: len(part)], "\0", piece[-len(part) :]):
            for character in stretch:
                state = (state << 1 | 1) & places.get(character, 0)
                if state & whole:
                    return True
        if rule is not None:
            state = _behind(state, part, _HIDDEN.get(rule))
            if state & whole:
                return True
    return False


def _behind(state: int, part: str, hides: _Hides | None) -> int:
    """The beginnings that may end behind a mark: each goes on by one character or more that it can hide."""
    behind = 0
    for place, character in enumerate(part):
        begun = place == 0 or (state | behind) >> (place - 1) & 1
        if begun and (hides is None or hides(character)):
            behind |= 1 << place
    return behind


# --- patterns


def found(pattern: Any, text: str, search: Callable[[str], Any]) -> Tri:
    """Whether a regular expression is found: for certain only away from the marks, and where it looks at nothing else.

    Args:
        pattern: The expression.
        text: In which it is looked for.
        search: Looks for it.
    """
    match = search(text)
    marks = [mark.span() for mark in MARK.finditer(text)] if "[" in text else []
    if not marks:
        return YES if match else NO
    if match is None or _LOOKS_AROUND.search(pattern):
        return MAYBE
    return MAYBE if any(match.start() <= end and start <= match.end() for start, end in marks) else YES


_LOOKS_AROUND: Final = re.compile(r"\(\?<?[=!]|\(\?\(|\\[KG]")


def matched(text: str, fits: Callable[[str], Any]) -> Tri:
    """Whether a glob matches a whole text: for certain where it does so whatever the marks stand for."""
    if not holds_mark(text):
        return YES if fits(text) else NO
    return YES if all(fits(MARK.sub(hidden, text)) for hidden in ("\ue000", "\ue001\ue002", "\ue003 \ue000")) else MAYBE
