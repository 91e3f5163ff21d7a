"""What is redacted because of its name, what is passed by, and what is left where content is off."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from agenteval.core.marks import holds_mark, wholly_redacted
from agenteval.core.span import LogRecord, Span, SpanEvent, SpanStatus
from agenteval.telemetry.redact.redactor import Redactor
from agenteval.telemetry.redact.rules import RedactRules

KEY = b"a key of the tests, not secret"
NAMED = "[redacted:named]"


def attributes(given: dict[str, Any], key: bytes | None = None, **rules: Any) -> dict[str, Any]:
    span = Span(trace_id="1" * 32, span_id="2" * 16, name="n", start_ns=1, end_ns=2, attributes=given)
    kept, _ = Redactor(RedactRules(**rules), key).spans([span])
    return {name: value for name, value in kept[0].attributes.items() if name != "agenteval.redacted"}


@pytest.mark.parametrize(
    "name",
    [
        "http.request.header.authorization",
        "db.password",
        "password",
        "X-API-Key",
        "apiKey",
        "client_secret",
        "set-cookie",
    ],
)
def test_names_of_secrets_are_denied_whatever_their_values_are(name: str) -> None:
    for value in ("hunter2", 12345678, 1.5, ["a", "b"], {"x": 1}, b"raw"):
        assert attributes({name: value}) == {name: NAMED}
    for value in (None, True, "", [], {}):
        assert attributes({name: value}) == {name: value}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"password": "hunter2", "user": "ada"}', f'{{"password": "{NAMED}", "user": "ada"}}'),
        ('{"user":{"db_password":"a\\"b\\\\","n":1}}', f'{{"user":{{"db_password":"{NAMED}","n":1}}}}'),
        ('{"pin": 1, "api_key": 12345}', f'{{"pin": 1, "api_key": "{NAMED}"}}'),
        ('{"client_secret": {"a": ["}", "x"]}, "n": 1}', f'{{"client_secret": "{NAMED}", "n": 1}}'),
        ('{"password": null, "secret": true, "apiKey": ""}', '{"password": null, "secret": true, "apiKey": ""}'),
        ('{"a": "{\\"password\\": \\"hun", "b": 2}', f'{{"a": "{{\\"password\\": \\"{NAMED}", "b": 2}}'),
        ('{"a": "the password: ", "b": "x"}', '{"a": "the password: ", "b": "x"}'),
        ('{"a": "password=\'hunter2", "b": "x"}', f'{{"a": "password=\'{NAMED}", "b": "x"}}'),
        ('{"pass\\u0077ord": "hunter2"}', f'{{"pass\\u0077ord": "{NAMED}"}}'),
        ('{"password": "hunter2', f'{{"password": "{NAMED}'),
        ("{'password': 'hunter2', 'secret': None}", f"{{'password': '{NAMED}', 'secret': None}}"),
        ("https://x.example/?api_key=abc123&n=1", f"https://x.example/?api_key={NAMED}&n=1"),
        ("Cookie: a=b; c=d\nAccept: */*", f"Cookie: {NAMED}\nAccept: */*"),
        ("Authorization: ApiKey one two\r\nHost: x", f"Authorization: {NAMED}\r\nHost: x"),
        ("export DB_PASSWORD=hunter2 && run", f"export DB_PASSWORD={NAMED} && run"),
        ("password is a word; max_tokens=5, compass: north", "password is a word; max_tokens=5, compass: north"),
    ],
)
def test_keys_in_texts(before: str, after: str) -> None:
    assert attributes({"a": before}) == {"a": after}
    assert attributes({"a": after}) == {"a": after}


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_keys_in_json_in_json(depth: int) -> None:
    def wrapped(value: Any) -> str:
        text = json.dumps(value)
        for _ in range(depth):
            text = json.dumps({"inner": text})
        return text

    before = wrapped({"password": 'a"b\\c\n', "n": 5, "auth_token": 99, "secret": {"k": ["]"]}})
    after = wrapped({"password": NAMED, "n": 5, "auth_token": NAMED, "secret": NAMED})
    assert attributes({"a": before}) == {"a": after}


SCHEMA = {"password": {"type": "string", "description": "The new one", "minLength": 8}, "secret": {"$ref": "#/x"}}


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_schemas_of_parameters_are_no_secrets(depth: int) -> None:
    value: Any = {"properties": SCHEMA, "required": ["password"]}
    for _ in range(depth):
        value = json.dumps({"inner": value})
    assert attributes({"tools": value}) == {"tools": value}
    with_default = {"properties": {"password": {"type": "string", "default": "hunter2"}}}
    assert "hunter2" not in repr(attributes({"a": with_default, "b": json.dumps(with_default)}))
    assert "hunter2" not in repr(attributes({"a": json.dumps({"secret": {"value": "hunter2"}})}))


def test_globs_hold_for_keys_by_their_path() -> None:
    value = {"card": {"number": "1", "holder": "x"}, "number": "2"}
    assert attributes({"args": value}, deny=["args.card.*"]) == {
        "args": {"card": {"number": NAMED, "holder": NAMED}, "number": "2"}
    }
    assert attributes({"args": value, "number": "3"}, deny=["*.number"])["args"]["number"] == NAMED
    assert attributes({"number": "3"}, deny=["*.number"]) == {"number": "3"}


def test_the_same_secret_has_the_same_pseudonym_in_an_attribute_and_in_json() -> None:
    digest = hmac.new(KEY, b'named\0hun"ter\xc3\xa9', hashlib.sha256).hexdigest()[:16]
    said = 'hun"teré'
    kept = attributes(
        {
            "password": said,
            "b": {"password": said},
            "c": json.dumps({"password": said}),
            "d": json.dumps({"x": json.dumps({"password": said})}),
        },
        KEY,
        named="pseudonym",
    )
    assert kept["password"] == f"[named:{digest}]"
    assert [repr(value).count(digest) for value in kept.values()] == [1, 1, 1, 1]


def test_what_traces_are_read_by_is_searched_for_secrets_alone() -> None:
    names = {
        "gen_ai.request.model": "ada@example.com",
        "gen_ai.tool.name": "415-555-0132",
        "gen_ai.tool.call.id": "4111111111111111",
        "llm.model_name": "+49 170 1234567",
        "llm.token_count.total": 4111111111111111,
        "gen_ai.usage.input_tokens": 1714,
        "tool.name": "536-22-8726",
    }
    assert attributes(names, deny=["*"]) == names
    key = "sk-" + "a1B2c3D4e5F6g7H8i9J0"
    assert attributes({"gen_ai.request.model": key}) == {"gen_ai.request.model": "[redacted:api_key]"}


def test_what_is_allowed_is_not_looked_at() -> None:
    given = {"public.contact": "ada@example.com", "password": "x", "other": "ada@example.com"}
    assert attributes(given, allow=["public.*", "password"]) == {**given, "other": "[redacted:email]"}


CONTENT = {
    "gen_ai.input.messages": '[{"role": "user", "parts": []}]',
    "gen_ai.tool.call.arguments": {"order": "A-1002"},
    "gen_ai.tool.call.result": ["shipped"],
    "input.value": "where is it",
    "llm.input_messages.0.message.content": "hello",
    "traceloop.entity.input": "{}",
    "some.new.producer.prompt": "hello",
    "blob": b"x",
}
REST = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m-1",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 7,
    "gen_ai.tool.name": "lookup",
    "gen_ai.tool.call.id": "call_1",
    "gen_ai.conversation.id": "c-1",
    "llm.input_messages.0.message.role": "user",
    "openinference.span.kind": "LLM",
    "some.new.producer.count": 3,
    "some.new.producer.flag": True,
    "empty": "",
}


def test_content_off_leaves_what_happened_and_nothing_of_what_was_said() -> None:
    span = Span(
        trace_id="1" * 32,
        span_id="2" * 16,
        name="chat m-1",
        start_ns=1,
        end_ns=2,
        status=SpanStatus(code=2, message="no such order A-1002"),
        attributes={**CONTENT, **REST},
        events=(SpanEvent(name="gen_ai.choice", at_ns=1, attributes={"message": "hi", "exception.type": "KeyError"}),),
        resource={"service.name": "desk"},
    )
    redactor = Redactor(RedactRules(content="drop"))
    kept, counts = redactor.spans([span])
    mark = "[redacted:content]"
    assert kept[0].attributes == {**dict.fromkeys(CONTENT, mark), **REST, "agenteval.redacted": {"content": 10}}
    assert (kept[0].status, kept[0].resource) == (SpanStatus(code=2, message=mark), {"service.name": "desk"})
    assert kept[0].events[0].attributes == {"message": mark, "exception.type": "KeyError"}
    assert counts == {"content": 10}
    assert redactor.spans(kept) == (kept, {})
    log = LogRecord(
        trace_id="", span_id="", at_ns=0, body={"content": "hi"}, attributes={"event.name": "gen_ai.choice"}
    )
    records, _ = redactor.logs([log])
    assert (records[0].body, records[0].attributes["event.name"]) == (mark, "gen_ai.choice")


def test_marks_say_what_is_gone() -> None:
    assert wholly_redacted("[redacted:content]") == "content"
    assert wholly_redacted("to [redacted:email]") is None
    assert wholly_redacted("[email:0123456789abcdef]") is None
    assert [holds_mark(text) for text in ("to [redacted:email]", "[email:0123456789abcdef]#2", "[email:x]", "")] == [
        True,
        True,
        False,
        False,
    ]
