"""What is found as which kind, what is not, and what its pseudonym is made of."""

from __future__ import annotations

import hashlib
import hmac
import importlib
import inspect
import sys

import pytest

from agenteval.core.span import Span
from agenteval.errors import MissingExtra, RequestError
from agenteval.telemetry.redact.redactor import Redactor
from agenteval.telemetry.redact.rules import PERSONAL, SECRETS, RedactRules
from agenteval.telemetry.redact.secrets import API_KEY_HINTS, api_keys

KEY = b"a key of the tests, not secret"
ALL = RedactRules(ip="mask")
ALNUM = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z6"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\nq83vASNFZ4k=\n-----END RSA PRIVATE KEY-----"

# kind: texts in which exactly the part in {} is found
FOUND = {
    "private_key": [
        f"key: {{{PEM}}} end",
        "{-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA",  # cut
    ],
    "jwt": ["{eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P}"],
    "authorization": [
        f"Bearer {{{ALNUM[:24]}}}",
        "basic {dXNlcjpodW50ZXIyMQ==} and",
    ],
    "url_credentials": ["postgres://bob:{hunter2}@db.example/x", "see https://{}x".replace("{}", "u:{p-w}@")],
    "api_key": [
        "use {sk-" + "proj-" + ALNUM[:40] + "} now",
        "{sk-" + "ant-api03-" + ALNUM[:40] + "}",
        "{ghp_" + ALNUM[:36] + "}",
        "{github_pat_" + ALNUM[:30] + "}",
        "{AKIA" + "IOSFODNN7EXAMPLE}",
        'aws_secret_key = "{wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY}"',
        "{AIza" + ALNUM[:35] + "}",
        "{glpat-" + ALNUM[:20] + "}",
        "{xoxb-123456789012-123456789012-" + ALNUM[:24].lower() + "}",
        "{SG." + ALNUM[:22] + "." + ALNUM[:43] + "}",
        "{sk_live_" + ALNUM[:24] + "}",
        "{hf_" + ALNUM[:34] + "}",
        "{npm_" + ALNUM[:36] + "}",
        "token={AKC" + ALNUM[:20] + "} ",
        "{lsv2_pt_" + ALNUM[:32] + "_0123456789}",
    ],
    "email": [
        "write to {ada@example.com}.",
        "{Ada.Lovelace+orders@mail.example.co.uk}, please",
        "<{müller@exämple.de}>",
        "请写信给{ada@example.com}谢谢",
        "{o'hara@example.org}",
    ],
    "phone": [
        "call {+49 170 1234567} today",
        "{+1 (415) 555-2671}",
        "{+442071838750}",
        "{(415) 555-0132}",
        "{415-555-0132}, {1-800-555-0199}",
        "{+49 30 901820} 2026-11-28",
    ],
    "iban": ["{DE89 3704 0044 0532 0130 00} please", "{GB29NWBK60161331926819}", "{NL91 ABNA 0417 1643 00} AND MORE"],
    "card": [
        "{4111 1111 1111 1111}.",
        "{4111-1111-1111-1111}",
        "card {5555555555554444},",
        "{3782 822463 10005}",
        "{378282246310005}",
        "4000 {4111 1111 1111 1111}",
        "{6011111111111117} {4222222222222}",
    ],
    "ssn": ["ssn {536-22-8726}."],
    "ip": ["from {203.0.113.7}:", "[{2001:db8::8a2e:370:7334}]", "{10.1.2.3}."],
}  # fmt: skip

NOT_FOUND = [
    "order A-1002, tracking TRK-9, 42.50 EUR, 1,234.00",
    "2026-11-28T10:15:00.123456+01:00",
    "2026-11-28 10:15:00",
    "1795910400000000000",
    "1795910400000",
    "550e8400-e29b-41d4-a716-446655440000",
    "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7",
    "call_4111111111111111",
    "toolu_01A09q90qw90lq917835lq9",
    "chatcmpl-9sZ8mN2QyBq7u3S1d5E6f7G8h9J0",
    "4111 1111 1111 1112",  # not by Luhn
    "1234567812345678",
    "2000000000000006",  # by Luhn, but of no issuer
    "0.4111111111111111",
    "DE88 3704 0044 0532 0130 00",
    "000-12-3456 666-12-3456",  # never given out
    "version 1.2.3.4.5 at 12:30:45 [::1] 127.0.0.1 a[::2]",
    "Bearer authentication and basic understanding of tokens",
    "sk-learn-is-a-library-of-many-parts",
    "task-specific-instructions-for-the-agent sk-learn",
    "f(x) = x+1 200 300 400",
    "gpt-4o-mini-2024-07-18 claude-sonnet-4-5-20250929",
    "@media screen, user@host, @app.route",
    "3.14159265358979 1e400 -17",
    "https://example.com:8080/a?b=c@d",
    "the password was changed",
    "max_tokens=1024, total_tokens: 1714",
]


def one(rules: RedactRules, text: str, key: bytes | None = None) -> tuple[str, dict[str, int]]:
    spans, counts = Redactor(rules, key).spans([span(text)])
    return spans[0].attributes["text"], counts


def span(text: object) -> Span:
    return Span(trace_id="1" * 32, span_id="2" * 16, name="n", start_ns=1, end_ns=2, attributes={"text": text})


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in FOUND.items() for text in texts])
def test_each_kind_is_found_where_it_stands_and_nothing_beside_it(kind: str, text: str) -> None:
    parts = text.replace("}", "{").split("{") if kind != "private_key" else _braced(text)
    expected = "".join(part if n % 2 == 0 else f"[redacted:{kind}]" for n, part in enumerate(parts))
    assert one(ALL, "".join(parts)) == (expected, {kind: len(parts) // 2})


def _braced(text: str) -> list[str]:
    before, _, rest = text.partition("{")
    inside, _, after = rest.partition("}")
    return [before, inside, after]


def test_every_kind_has_an_example() -> None:
    assert set(FOUND) == {*SECRETS, *PERSONAL}


@pytest.mark.parametrize("kind", [*SECRETS, *PERSONAL])
def test_what_is_kept_is_not_looked_for(kind: str) -> None:
    text = "".join(_braced(FOUND[kind][0]))
    kept = RedactRules(**{**dict.fromkeys((*SECRETS, *PERSONAL), "keep"), "named": "keep"})
    assert one(kept, text) == (text, {})


@pytest.mark.parametrize("text", NOT_FOUND)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert one(ALL, text) == (text, {})


def test_every_pattern_of_the_library_is_used_and_hinted_at() -> None:
    import re2
    from detect_secrets import plugins

    taken = api_keys()
    left_out = {"high_entropy_strings", "keyword", "ip_public", "base", "private_key", "jwt", "basic_auth"}
    left_out |= {"cloudant", "ibm_cloud_iam", "ibm_cos_hmac", "softlayer"}
    path = plugins.__path__[0]
    names = {name.stem for name in importlib.import_module("pathlib").Path(path).glob("[a-z]*.py")} - left_out
    for name in names:
        module = importlib.import_module(f"detect_secrets.plugins.{name}")
        owner = next(
            value
            for value in vars(module).values()
            if inspect.isclass(value) and value.__module__ == module.__name__ and hasattr(value, "denylist")
        )
        for pattern in owner.denylist:
            bare = pattern.pattern.replace(r"(?!\w)", "").replace(",1024}", ",}")
            assert any(bare in other for other in taken), (name, pattern.pattern)
    for pattern in (*taken, *API_KEY_HINTS):
        assert re2.compile(pattern)


EQUAL = {
    "email": ["ada@example.com", "Ada@Example.com"],
    "phone": ["+1 415 555 2671", "+14155552671", "(415) 555-2671"],
    "card": ["4111111111111111", "4111 1111 1111 1111", 4111111111111111, 4111111111111111.0],
    "iban": ["DE89370400440532013000", "DE89 3704 0044 0532 0130 00"],
    "api_key": ["sk-" + ALNUM[:30], "key sk-" + ALNUM[:30]],
}
SAID = {
    "email": "ada@example.com",
    "phone": "+14155552671",
    "card": "4111111111111111",
    "iban": "DE89370400440532013000",
    "api_key": "sk-" + ALNUM[:30],
}


@pytest.mark.parametrize("kind", EQUAL)
def test_the_same_value_has_the_same_pseudonym_however_it_is_written(kind: str) -> None:
    digest = hmac.new(KEY, f"{kind}\0{SAID[kind]}".encode(), hashlib.sha256).hexdigest()[:16]
    rules = RedactRules(**{kind: "pseudonym"})
    for value in EQUAL[kind]:
        spans, counts = Redactor(rules, KEY).spans([span(value)])
        assert spans[0].attributes["text"].endswith(f"[{kind}:{digest}]")
        assert counts == {kind: 1}


def test_different_values_and_keys_have_different_pseudonyms() -> None:
    rules = RedactRules(email="pseudonym")
    marks = {one(rules, text, key)[0] for text in ("a@example.com", "b@example.com") for key in (KEY, KEY[::-1])}
    assert len(marks) == 4


def test_a_pseudonym_without_a_key_or_with_a_short_one_is_refused() -> None:
    with pytest.raises(
        RequestError, match=r"\[redact\] email: a pseudonym needs a key, and AGENTEVAL_REDACT_KEY is not set"
    ):
        Redactor.from_environment(RedactRules(email="pseudonym"), {})
    with pytest.raises(RequestError, match="AGENTEVAL_REDACT_KEY is 5 bytes long; it must have at least 16"):
        Redactor.from_environment(RedactRules(), {"AGENTEVAL_REDACT_KEY": "short"})


def test_the_key_is_not_shown() -> None:
    redactor = Redactor.from_environment(RedactRules(email="pseudonym"), {"AGENTEVAL_REDACT_KEY": KEY.decode()})
    assert KEY.decode() not in repr(redactor) + repr(vars(redactor)) + repr(vars(redactor._values))


def test_drop_leaves_nothing_of_the_text() -> None:
    assert one(RedactRules(email="drop"), "Ada, ada@example.com, lives in London") == ("[redacted:email]", {"email": 1})


def test_national_numbers_are_found_for_the_regions_that_are_named() -> None:
    german = RedactRules(phone_regions=["DE"])
    assert one(german, "Tel. 030 901820 oder 0170/1234567") == (
        "Tel. [redacted:phone] oder [redacted:phone]",
        {"phone": 2},
    )
    assert one(german, "415-555-0132") == ("415-555-0132", {})
    assert one(RedactRules(), "030 901820") == ("030 901820", {})


def test_custom_patterns() -> None:
    rules = RedactRules(custom=[{"name": "customer", "pattern": r"\bCUST-\d{6}\b", "action": "pseudonym"}])
    text, counts = one(rules, "CUST-123456 and XCUST-123456", KEY)
    digest = hmac.new(KEY, b"customer\0CUST-123456", hashlib.sha256).hexdigest()[:16]
    assert (text, counts) == (f"[customer:{digest}] and XCUST-123456", {"customer": 1})


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (r"(a)\1", r"custom rule \"x\": RE2 does not take the pattern"),
        ("(?=a)b", r"RE2 does not take the pattern '\(\?=a\)b': .*Look-around and back-references"),
        ("a*", "is found in an empty text"),
        ("(", "missing \\)"),
        ("(((a{1,1000}){1,100}){1,100})", "RE2 does not take"),
    ],
)
def test_patterns_that_cannot_be_used_are_refused(pattern: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        Redactor(RedactRules(custom=[{"name": "x", "pattern": pattern}]))


@pytest.mark.parametrize("name", ["re2", "stdnum.luhn", "phonenumbers", "detect_secrets.plugins.aws"])
def test_a_library_that_is_missing_is_named_with_its_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        MissingExtra, match=rf"redaction needs {name.partition('.')[0]}, .* install agenteval\[redact\]"
    ):
        Redactor(RedactRules())
