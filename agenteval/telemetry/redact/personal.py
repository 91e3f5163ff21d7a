"""Detectors of personal data: patterns find candidates, and libraries say which of them are what they look like."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from agenteval.telemetry.redact.engine import compiled
from agenteval.telemetry.redact.found import Check, Detector
from agenteval.telemetry.redact.libraries import library

_CACHED: Final = 4096
_SHORTEST_IP: Final = 7  # what is shorter is more often a slice, as [::2]
_LETTER: Final = r"\p{Latin}\p{Greek}\p{Cyrillic}0-9"  # scripts that put spaces around an address
_EMAIL: Final = (
    rf"[{_LETTER}_][{_LETTER}_.%+'-]*@(?:[{_LETTER}](?:[{_LETTER}-]*[{_LETTER}])?\.)+"
    r"(?:xn--[a-z0-9-]+|[\p{Latin}\p{Greek}\p{Cyrillic}]{2,24})"
)
_DIGITS: Final = r"\d(?:[ -]?\d){12,}"
_IBAN: Final = r"[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,4})?"
_SSN: Final = r"\d{3}-\d{2}-\d{4}"
_IP: Final = r"\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:\.\d{1,3}){0,3}"
_ABROAD: Final = r"\+\(?\d[\d\s().\-/]{5,24}\d"
_NORTH_AMERICA: Final = r"(?:1[ .\-])?\(?[2-9]\d{2}\)?[ .\-]{1,2}\d{3}[ .\-]\d{4}"
_TRUNK: Final = r"\(?0\d{1,5}\)?[ .\-/]{0,3}\d{2,8}(?:[ .\-/]\d{2,8}){0,4}"
_DATE: Final = re.compile(r"\s+\d{4}-\d\d-\d\d")
_FORMS: Final = re.compile(
    rb"(?<![0-9A-Za-z_])(?:[2-6]\d{3}([ -]?)\d{4}\1\d{4}\1\d{1,7}|3\d{3}([ -])\d{6}\2\d{4,5})(?![0-9A-Za-z_])"
)  # written in fours, as American Express does, or as one
_CARDS: Final = re.compile(
    rb"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    rb"|3(?:0[0-5]|[689]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12}|6(?:011|4[4-9]\d|5\d\d)\d{12}|62\d{14,17}"
)  # Visa, Mastercard, American Express, Diners Club, JCB, Discover, UnionPay


def personal(rule: str, regions: Sequence[str]) -> Detector:
    """The detector of that kind of personal data.

    Args:
        rule: One of `rules.PERSONAL`.
        regions: Where telephone numbers without a country's prefix are from.
    """
    made = {"email": _email, "card": _card, "iban": _iban, "ssn": _ssn, "ip": _ip}
    pattern, hints, check = made[rule]() if rule in made else _phone(regions)
    return Detector(rule=rule, hints=hints, pattern=compiled(pattern, rule), check=check, personal=True)


def _alone(text: bytes, start: int, end: int, joiners: bytes = b"") -> bool:
    """Whether a place is no part of something longer: no letter, digit or `_` touches it, not over a joiner either."""
    before, after = text[max(0, start - 2) : start][::-1], text[end : end + 2]
    return not (_continues(before, joiners) or _continues(after, joiners))


def _continues(beside: bytes, joiners: bytes) -> bool:
    first, second = beside[:1], beside[1:2]
    return first.isalnum() or first == b"_" or (first != b"" and first in joiners and second.isalnum())


def _email() -> tuple[str, tuple[str, ...], Check]:
    def check(_text: bytes, match: Any) -> Iterator[tuple[int, int, bytes]]:
        start, end = match.span()
        yield start, end, match.group().decode().lower().encode()

    return _EMAIL, ("@",), check


def _card() -> tuple[str, tuple[str, ...], Check]:
    luhn = lru_cache(_CACHED)(library("stdnum.luhn").is_valid)

    def check(text: bytes, match: Any) -> Iterator[tuple[int, int, bytes]]:
        position, limit = match.span()
        while form := _FORMS.search(text, position, min(limit + 1, len(text))):
            start, end = form.span()
            digits = form[0].replace(b" ", b"").replace(b"-", b"")
            position = start + 1  # of what is none, a part may be one
            if _CARDS.fullmatch(digits) and _alone(text, start, end, b".") and luhn(digits.decode()):
                position = end
                yield start, end, digits

    return _DIGITS, (r"\d{4}[ -]?\d{2,6}[ -]?\d{2}",), check


def _iban() -> tuple[str, tuple[str, ...], Check]:
    iban = library("stdnum.iban")

    def check(text: bytes, match: Any) -> Iterator[tuple[int, int, bytes]]:
        start, written = match.start(), match.group()
        cuts = [len(written), *(found.start() for found in re.finditer(rb"[ -]", written))]
        for cut in sorted(cuts, reverse=True):
            if cut >= 15 and iban.is_valid(written[:cut].decode()) and _alone(text, start, start + cut):
                yield start, start + cut, written[:cut].replace(b" ", b"").replace(b"-", b"")
                return

    return _IBAN, (r"[A-Z]{2}\d{2}[ -]?[A-Z0-9]{4}[ -]?[A-Z0-9]{4}",), check


def _ssn() -> tuple[str, tuple[str, ...], Check]:
    ssn = library("stdnum.us.ssn")

    def check(text: bytes, match: Any) -> Iterator[tuple[int, int, bytes]]:
        start, end = match.span()
        if _alone(text, start, end, b"-.+/") and ssn.is_valid(match.group().decode()):
            yield start, end, match.group()

    return _SSN, (_SSN,), check


def _ip() -> tuple[str, tuple[str, ...], Check]:
    def check(text: bytes, match: Any) -> Iterator[tuple[int, int, bytes]]:
        start, end = match.span()
        if end - start < _SHORTEST_IP or not _alone(text, start, end, b".:"):
            return
        try:
            address = ipaddress.ip_address(match.group().decode())
        except ValueError:
            return
        if not (address.is_loopback or address.is_unspecified):
            yield start, end, address.compressed.encode()

    return _IP, (r"\d\.\d{1,3}\.\d{1,3}\.\d", r"[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:"), check


def _phone(regions: Sequence[str]) -> tuple[str, tuple[str, ...], Check]:
    read = _numbers(tuple(regions))
    american = "US" in regions or "CA" in regions
    trunk = any(region not in {"US", "CA"} for region in regions)
    patterns = [_ABROAD, *([_NORTH_AMERICA] if american else []), *([_TRUNK] if trunk else [])]
    hints = [r"\+\(?\d", *([_NORTH_AMERICA] if american else []), *([r"0\d{1,5}\)?[ .\-/]{0,3}\d{2}"] if trunk else [])]

    def check(text: bytes, match: Any) -> Iterator[tuple[int, int, bytes]]:
        start, written = match.start(), _DATE.split(match.group().decode(), maxsplit=1)[0]
        length, same = read(written)
        if length and _alone(text, start, start + length, b"" if written[0] == "+" else b"-.+/:"):
            yield start, start + length, same.encode()

    return "|".join(f"(?:{pattern})" for pattern in patterns), tuple(hints), check


def _numbers(regions: tuple[str, ...]) -> Any:
    """What reads a candidate: how much of it is a telephone number, and the number in E.164; 0 where it is none."""
    phonenumbers = library("phonenumbers")

    def number(text: str, region: str | None) -> Any:
        try:
            return phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            return None

    def good(candidate: Any, region: str | None) -> bool:
        # A number abroad need not be in use, and of a national one the pattern has seen the whole form
        if region in {None, "US", "CA"}:
            return phonenumbers.is_possible_number_with_reason(candidate) == phonenumbers.ValidationResult.IS_POSSIBLE
        return phonenumbers.is_valid_number(candidate)

    @lru_cache(_CACHED)
    def read(written: str) -> tuple[int, str]:
        origins = (None,) if written[0] == "+" else regions
        readings = [
            (length, candidate, region)
            for length in _lengths(written)
            for region in origins
            if (candidate := number(written[:length], region)) is not None
        ]
        valid = next((one for one in readings if phonenumbers.is_valid_number(one[1])), None)
        best = valid or next((one for one in readings if good(one[1], one[2])), None)
        if best is None:
            return 0, ""
        return best[0], phonenumbers.format_number(best[1], phonenumbers.PhoneNumberFormat.E164)

    return read


def _lengths(written: str) -> list[int]:
    """Where a candidate may end, the longest first: what follows a number may belong to something else."""
    return [match.end() for match in re.finditer(r"\d+", written) if match.end() >= 7][:-7:-1]
