"""Attributes in, the same without what the rules find out: keys, texts, numbers, bytes, and what is nested in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from agenteval.core.marks import ATTRIBUTE, is_mark, is_name, masked
from agenteval.core.span import Attribute, Attributes
from agenteval.telemetry.redact.escapes import json_text
from agenteval.telemetry.redact.names import PROTECTED, WITHOUT_CONTENT, Names, is_schema
from agenteval.telemetry.redact.rules import CONTENT, NAMED, RedactRules
from agenteval.telemetry.redact.texts import Texts

_ALLOWED, _PROTECTED, _DENIED, _ORDINARY = "allowed", "protected", "denied", "ordinary"
_CACHED: Final = 4096
_DEEPEST: Final = 64
_CARD: Final = 10**12  # the least that could be the number of a card
_LARGEST_EXACT: Final = 2**53  # a float above it has lost digits


class Values:
    """Redacts values by their names and by what they hold."""

    def __init__(self, rules: RedactRules, key: bytes | None) -> None:
        """Compile the rules."""
        self._texts = Texts(rules, key)
        self._denied = Names(rules.deny if rules.named != "keep" else ())
        self._allowed = Names(rules.allow)
        self._protected = Names(PROTECTED)
        self._without_content = Names(WITHOUT_CONTENT)
        self._content_off = rules.content == "drop"
        self._plan = lru_cache(_CACHED)(self._planned)

    def text(self, text: str, tally: Counter[str], *, content: bool = False) -> str:
        """A text that has no name; `content` where it may hold what was said."""
        if not text:
            return text
        if content and self._content_off:
            return text if is_mark(text) else _counted(CONTENT, tally)
        return self._texts.redact(text, tally, personal=True)

    def attributes(self, attributes: Attributes, tally: Counter[str], *, content: bool) -> Attributes:
        """Attributes with their names; `content` where they may hold what was said."""
        left: dict[str, Attribute] = {}
        clean = self._texts.clean
        off = content and self._content_off
        for name, value in attributes.items():
            plan = self._plan(name)
            if (
                (name == ATTRIBUTE and _is_ours(value))
                or plan is _ALLOWED
                or (plan is _ORDINARY and not off and name in clean and value.__class__ is str and value in clean)
            ):
                left[name] = value
            else:
                left[self._key(name, left, tally)] = self.value(name, value, tally, content=content)
        return left

    def value(self, name: str, value: Attribute, tally: Counter[str], *, content: bool) -> Attribute:
        """The value of one attribute."""
        plan = self._plan(name)
        if content and self._content_off and not self._without_content.match(name):
            kept = _says_nothing(value) or isinstance(value, (int, float))
            return value if kept else _counted(CONTENT, tally)
        if plan is _DENIED and not _is_no_secret(value):
            return self._mark(value, tally)
        return self._inside(name, value, tally, personal=plan is not _PROTECTED)

    def _planned(self, name: str) -> str:
        if self._allowed.match(name):
            return _ALLOWED
        if self._protected.match(name):
            return _PROTECTED
        return _DENIED if self._denied.match(name) else _ORDINARY

    def _inside(
        self, name: str, value: Attribute, tally: Counter[str], *, personal: bool = True, depth: int = 0
    ) -> Attribute:
        if isinstance(value, str):
            return self._texts.redact(value, tally, personal=personal)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (int, float)):
            return self._number(value, tally, personal=personal)
        if isinstance(value, bytes):
            return self._texts.redact_bytes(value, tally, personal=personal)
        if depth >= _DEEPEST:
            return _counted("too_deep", tally)
        if isinstance(value, Mapping):
            return self._mapping(name, value, tally, personal=personal, depth=depth + 1)
        return [self._inside(name, item, tally, personal=personal, depth=depth + 1) for item in value]

    def _mapping(
        self, name: str, mapping: Mapping[str, Attribute], tally: Counter[str], *, personal: bool, depth: int
    ) -> Attribute:
        left: dict[str, Attribute] = {}
        for key, item in mapping.items():
            path = f"{name}.{key}"
            denied = personal and self._denied.match(path) and not _is_no_secret(item)
            became = (
                self._mark(item, tally) if denied else self._inside(path, item, tally, personal=personal, depth=depth)
            )
            left[self._key(key, left, tally)] = became
        return left

    def _number(self, value: float, tally: Counter[str], *, personal: bool) -> Attribute:
        """The number; a mark, which is a text, where it is the number of a card: no number could say so."""
        most = _LARGEST_EXACT if isinstance(value, float) else _CARD * 10**7
        if not _CARD <= value < most or int(value) != value:
            return value
        digits = str(int(value))
        left = self._texts.redact(digits, tally, personal=personal)
        return value if left == digits else left

    def _mark(self, value: Attribute, tally: Counter[str]) -> str:
        tally[NAMED] += 1
        return self._texts.mark(
            NAMED, value.encode("utf-8", "surrogatepass") if isinstance(value, str) else json_text(value)
        )

    def _key(self, key: str, taken: Mapping[str, Attribute], tally: Counter[str]) -> str:
        """The key; numbered where another became the same."""
        left = self._texts.redact(key, tally, personal=True)
        if left not in taken:
            return left
        number = 2
        while f"{left}#{number}" in taken:
            number += 1
        return f"{left}#{number}"


def _is_ours(value: Attribute) -> bool:
    """Whether it is the counts of an earlier pass."""
    return isinstance(value, Mapping) and all(is_name(key) and type(count) is int for key, count in value.items())


def _counted(rule: str, tally: Counter[str]) -> str:
    tally[rule] += 1
    return masked(rule)


def _says_nothing(value: Attribute) -> bool:
    """Whether there is nothing in a value that could be a secret, or nothing any more."""
    if isinstance(value, str):
        return not value or is_mark(value)
    if isinstance(value, Sequence | Mapping):
        return len(value) == 0
    return value is None or isinstance(value, bool)


def _is_no_secret(value: Attribute) -> bool:
    return _says_nothing(value) or is_schema(value)
