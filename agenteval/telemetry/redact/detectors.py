"""Rules in, the detectors that find what they name out."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from agenteval.errors import RequestError
from agenteval.telemetry.redact import secrets
from agenteval.telemetry.redact.engine import compiled
from agenteval.telemetry.redact.found import Check, Detector
from agenteval.telemetry.redact.personal import personal
from agenteval.telemetry.redact.rules import PERSONAL, CustomRule, RedactRules

_SHORTEST: Final = 16  # a group of a pattern that is shorter is a prefix, not the secret
_BEGINS: Final = re.compile(rb"[\s\"'\\,;<>=:]*")
_ENDS: Final = re.compile(rb"[\s\"'\\,;<>]")


def detectors(rules: RedactRules) -> list[Detector]:
    """One for each rule that is not `keep`.

    Raises:
        RequestError: A pattern of the user's cannot be used.
        MissingExtra: A library is not installed.
    """
    actions = rules.actions()
    built_in = [
        *(_secret(rule) for rule in _SECRETS if actions[rule] != "keep"),
        *(personal(rule, rules.phone_regions) for rule in PERSONAL if actions[rule] != "keep"),
    ]
    return [*built_in, *(_custom(rule) for rule in rules.custom if rule.action != "keep")]


def _secret(rule: str) -> Detector:
    patterns, hints, check = _SECRETS[rule]
    text = "|".join(f"(?:{pattern})" for pattern in patterns())
    return Detector(rule=rule, hints=hints, pattern=compiled(text, rule), check=check, personal=False)


def _custom(rule: CustomRule) -> Detector:
    pattern = compiled(rule.pattern, f'custom rule "{rule.name}"')
    if pattern.search(b"") is not None:
        raise RequestError(
            f'custom rule "{rule.name}": the pattern {rule.pattern!r} is found in an empty text, so it would be '
            "everywhere; it must match at least one character"
        )
    return Detector(rule=rule.name, hints=(), pattern=pattern, check=_whole, personal=True)


def _whole(_text: bytes, match: Any) -> Iterator[tuple[int, int, bytes]]:
    start, end = match.span()
    if end > start:
        yield start, end, match.group()


def _private_key(_text: bytes, match: Any) -> Iterator[tuple[int, int, bytes]]:
    start = match.start()
    key = match.group().rstrip()
    yield start, start + len(key), b" ".join(key.split())


def _jwt(text: bytes, match: Any) -> Iterator[tuple[int, int, bytes]]:
    start = match.start()
    token = match.group().rstrip(b".")
    if token.count(b".") and not text[max(0, start - 1) : start].isalnum():
        yield start, start + len(token), token


def _authorization(_text: bytes, match: Any) -> Iterator[tuple[int, int, bytes]]:
    start, end = match.span(1)
    credentials = match.group(1)
    word = match.group()[:5].lower()
    if _user_and_password(credentials) if word == b"basic" else re.search(rb"\d", credentials):
        yield start, end, credentials


def _user_and_password(credentials: bytes) -> bool:
    try:
        return b":" in base64.b64decode(credentials + b"=" * (-len(credentials) % 4), validate=True)
    except binascii.Error:
        return False


def _url_credentials(_text: bytes, match: Any) -> Iterator[tuple[int, int, bytes]]:
    yield (*match.span(1), match.group(1))


def _api_key(text: bytes, match: Any) -> Iterator[tuple[int, int, bytes]]:
    """The longest group that could be the secret, else the whole; up to what cannot be a part of it."""
    groups = [match.span(group) for group in range(1, len(match.groups()) + 1)]
    start, end = max(groups, key=lambda span: span[1] - span[0], default=(0, 0))
    if end - start < _SHORTEST:
        start, end = match.span()
    begin = _BEGINS.match(text, start, end)
    start = begin.end() if begin else start
    cut = _ENDS.search(text, start, end)
    key = text[start : cut.start() if cut else end]
    if re.search(rb"\d", key) and not (text[max(0, start - 1) : start].isalnum() and key[:1].isalnum()):
        yield start, start + len(key), key


_SECRETS: Final[dict[str, tuple[Callable[[], tuple[str, ...]], tuple[str, ...], Check]]] = {
    "private_key": (lambda: secrets.PRIVATE_KEYS, secrets.PRIVATE_KEY_HINTS, _private_key),
    "jwt": (lambda: (secrets.JWT,), ("eyJ",), _jwt),
    "authorization": (
        lambda: (secrets.AUTHORIZATION,),
        (r"(?i)(?:bearer|basic|token|digest)[\s\\]",),
        _authorization,
    ),
    "url_credentials": (lambda: (secrets.URL_CREDENTIALS,), ("://",), _url_credentials),
    "api_key": (secrets.api_keys, secrets.API_KEY_HINTS, _api_key),
}
