"""A text in, the same without what the rules find out: marks stand in its place, and everything else is as it was."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from agenteval.core.marks import NAME, masked, pseudonymous
from agenteval.telemetry.redact.detectors import detectors
from agenteval.telemetry.redact.engine import NOTHING, hints
from agenteval.telemetry.redact.escapes import ESCAPES, Plain, blanked
from agenteval.telemetry.redact.found import Detector, Found, TooMany
from agenteval.telemetry.redact.named import Named
from agenteval.telemetry.redact.replace import merged, replaced
from agenteval.telemetry.redact.rules import CONTENT, LIMITS, RedactRules

_SHORTEST: Final = 6  # bytes; nothing built in finds anything in less
_REMEMBERED: Final = 20_000
_LONGEST_REMEMBERED: Final = 128
_ROUNDS: Final = 8
_ESCAPED, _NAMED = -2, -1
_MARK: Final = re.compile(rf"\[(?:redacted:({NAME})|({NAME}):[0-9a-f]{{16}})\](?:#\d+)?".encode())


class Texts:
    """Redacts one text after the other.

    Attributes:
        clean: Short texts in which nothing was found: names, ids and models come again and again.
    """

    def __init__(self, rules: RedactRules, key: bytes | None) -> None:
        """Compile the rules."""
        self._actions = rules.actions()
        self._known = {*self._actions, CONTENT, *LIMITS}
        self._hmac = hmac.new(key, digestmod=hashlib.sha256) if key is not None else None
        self._detectors = detectors(rules)
        self._hinted = [detector for detector in self._detectors if detector.hints]
        self._always = [detector for detector in self._detectors if not detector.hints]
        self._named = Named(rules.deny if rules.named != "keep" else ())
        self._match = hints(
            [ESCAPES, self._named.hints or NOTHING, *(detector.hints for detector in self._hinted)]
        ).Match
        self.clean: set[str] = set()
        self._no_secrets: set[str] = set()

    def redact(self, text: str, tally: Counter[str], *, personal: bool) -> str:
        """The text without what was found, which is counted.

        Args:
            text: Any text.
            tally: Grows by what was found, by rule.
            personal: Whether rules other than those for secrets are asked.
        """
        clean = self.clean if personal else self._no_secrets
        short = len(text) <= _LONGEST_REMEMBERED
        if short and (text in clean or (len(text) < _SHORTEST and not self._always)):
            return text
        data = text.encode("utf-8", "surrogatepass")
        if self._always or self._match(data):
            left = self.redact_bytes(data, tally, personal=personal)
            if left is not data:
                return left.decode("utf-8", "surrogatepass")
        if short:
            if len(clean) >= _REMEMBERED:
                clean.clear()
            clean.add(text)
        return text

    def redact_bytes(self, data: bytes, tally: Counter[str], *, personal: bool) -> bytes:
        """As `redact`, in UTF-8; the same object where nothing was found."""
        for _ in range(_ROUNDS):  # what stood between two findings may be one, once they are gone
            left = self._once(data, tally, personal=personal)
            if left is data:
                return data
            data = left
        return self._too_many(tally)

    def mark(self, rule: str, same: bytes) -> str:
        """What stands for a value that the rule found."""
        if self._actions[rule] != "pseudonym" or self._hmac is None:
            return masked(rule)
        digest = self._hmac.copy()
        digest.update(rule.encode() + b"\0" + same)
        return pseudonymous(rule, digest.hexdigest()[:16])

    def _too_many(self, tally: Counter[str]) -> bytes:
        tally["too_many"] += 1
        return masked("too_many").encode()

    def _once(self, data: bytes, tally: Counter[str], *, personal: bool) -> bytes:
        numbers = self._hinted_in(data)
        plain = Plain(data) if _ESCAPED in numbers else None
        readable = plain.text if plain else data
        numbers = self._hinted_in(readable) if plain else numbers
        asked = [*self._always, *(self._hinted[number] for number in numbers if number >= 0)]
        if not personal:
            asked = [detector for detector in asked if not detector.personal]
        named = self._named if personal and _NAMED in numbers else None
        if not asked and named is None:
            return data
        try:
            groups = self._groups(readable, asked, named)
        except TooMany:
            return self._too_many(tally)
        if not groups:
            return data
        for one in groups:
            tally[one.rule] += 1
        if plain:
            groups = [replace(one, start=plain.before(one.start), end=plain.before(one.end)) for one in groups]
        dropped = next((one.rule for one in groups if self._actions[one.rule] == "drop"), None)
        return replaced(data, groups, self.mark) if dropped is None else masked(dropped).encode()

    def _hinted_in(self, data: bytes) -> list[int]:
        """Which of the detectors may find something, by number, and `_ESCAPED` and `_NAMED`."""
        return [number - 2 for number in self._match(data) or ()]

    def _groups(self, data: bytes, asked: Sequence[Detector], named: Named | None) -> list[Found]:
        scan = blanked(data)
        found = [one for detector in asked for one in detector.find(scan)]
        found += named.find(data, scan) if named else ()
        if not found:
            return []
        marks = [match.span() for match in _MARK.finditer(data) if (match[1] or match[2]).decode() in self._known]
        return merged(found, marks, scan)
