"""What was expected and what came in, a sentence out on why they differ and which matcher would take both."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from agenteval._util.names import nearest
from agenteval._util.patch import equal
from agenteval.checkers.shape import is_list, is_number, is_object
from agenteval.checkers.show import kind, literal

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_NEARLY = 0.01


def fold(text: str) -> str:
    """Text without its case, and with every run of white space as one blank."""
    return " ".join(text.casefold().split())


def number_in(text: str) -> Decimal | None:
    """The number that a text is, white space around it aside; None where it is none."""
    bare = text.strip() if len(text) <= 400 else ""
    return Decimal(bare) if _NUMBER.fullmatch(bare) else None


def same_number(text: str, x: float) -> bool:
    """The text is that number, in decimal."""
    found = number_in(text)
    return found is not None and found == (Decimal(x) if isinstance(x, int) else Decimal(repr(x)))


def difference(expected: Any, actual: Any) -> str:
    """Why two JSON values differ where a reader may not see it; empty where it is plain."""
    if isinstance(expected, str) and isinstance(actual, str):
        return _texts(expected, actual)
    if is_number(expected) and is_number(actual):
        return _numbers(expected, actual)
    if is_list(actual) and any(equal(expected, item) for item in actual[:1000]):
        return f"the list holds it; {{$has: {literal(expected, 40)}}} takes such a list"
    if is_object(expected) and is_object(actual):
        return _objects(expected, actual)
    if kind(expected) != kind(actual):
        return _kinds(expected, actual)
    return ""


def _kinds(expected: Any, actual: Any) -> str:
    if expected is None or actual is None:
        return ""
    said = f"{literal(actual, 40)} is {kind(actual)}, {literal(expected, 40)} {kind(expected)}"
    text, x = (actual, expected) if isinstance(actual, str) else (expected, actual)
    if isinstance(text, str) and is_number(x) and same_number(text, x):
        return f"{said}; $num: {literal(x, 40)} takes both"
    return said


def _texts(expected: str, actual: str) -> str:
    if len(actual) > 100_000:
        return ""
    if fold(expected) == fold(actual):
        return f"they differ in case or spacing alone; {{$text: {literal(expected, 40)}}} takes both"
    if expected and fold(expected) in fold(actual):
        return f"the text holds it; {{$text: {literal(expected, 40)}}} takes text around it"
    ours, theirs = number_in(expected), number_in(actual)
    if ours is not None and ours == theirs:
        return f"the same number, written in another way; $num: {literal(float(ours), 40)} takes both"
    return ""


def _numbers(expected: float, actual: float) -> str:
    try:
        off = abs(float(actual) - float(expected))
    except OverflowError:
        return ""
    if not 0 < off <= _NEARLY * max(abs(float(expected)), _NEARLY):
        return ""
    tolerance = float(f"{off:.1g}")
    while tolerance < off:
        tolerance = float(f"{tolerance * 1.5:.1g}")
    return f"off by {off:g}; {{$near: [{literal(expected, 40)}, {tolerance:g}]}} takes both"


def _objects(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> str:
    extra = [key for key in actual if key not in expected]
    lacking = [key for key in expected if key not in actual]
    if extra and not lacking and all(equal(expected[key], actual[key]) for key in expected):
        return f"it has more: {literal(extra, 60)}. Objects are compared whole; name the parts that matter by PATH"
    return ""


def where_it_ends(root: Any, keys: Sequence[object]) -> str:
    """Why keys lead nowhere from a root: the first step that fails, with the nearest name."""
    node = root
    for key in keys:
        if isinstance(key, int):
            if not is_list(node):
                return f"[{key}] is a place in a list, and {literal(node, 40)} is {kind(node)}"
            if key >= len(node):
                return f"there is no [{key}] in a list of {len(node)}"
            node = node[key]
        elif isinstance(key, str):
            if not is_object(node):
                return f"{literal(key, 40)} is a key, and {literal(node, 40)} is {kind(node)}"
            if key not in node:
                near = nearest(key, list(node)[:2000])
                return f"there is no {literal(key, 40)}{f', but {literal(near, 40)}' if near else ''}"
            node = node[key]
        else:
            return "none of [*] has it"
    return "it is not there"
