"""YAML in, plain JSON with lines out; what is refused, and how it is said."""

from __future__ import annotations

import io
import json
import math
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from agenteval.errors import NotFound, ScenarioError
from agenteval.intake.yaml import Document, load_yaml

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
WORDS = st.sampled_from(
    ["", "no", "on", "yes", "~", "null", "0o14", "0x1f", "1_000", "2024-01-01", "12:30", "1e3", ".5", "<<", "=", "- a",
     "a: b", "#", " x ", "\n", "a\n\n b\n", "{", "*a", "&a", "!t", "%", "@", "`", '"', "'", "|", ">", "---", "...", "\ufeff"]
)  # fmt: skip
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | WORDS, inner, max_size=4),
    max_leaves=20,
)


def same(left: object, right: object) -> bool:
    """Equal as JSON, where 1, 1.0 and true are three things."""
    return type(left) is type(right) and json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def dumped(value: object, *, flow: bool) -> str:
    stream = io.StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = flow
    writer.allow_unicode = True
    writer.dump(value, stream)
    return stream.getvalue()


def attempt(read, text):
    try:
        return read(text)
    except (ScenarioError, YAMLError) as error:
        return error


def oracle(text):
    return YAML(typ="safe", pure=True).load(text)


def refused(source: str | bytes) -> str:
    with pytest.raises(ScenarioError) as caught:
        load_yaml(source, file="f.yaml")
    return str(caught.value)


@settings(deadline=None)
@given(JSON, st.sampled_from([None, 1, 4]), st.booleans())
@example("\U0001f600 \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"), None, True)
def test_json_is_yaml_that_reads_as_itself(value, indent, ascii_only):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only).replace("\x7f", "\\u007f")
    if not ascii_only:  # raw C1 controls and the two non-characters are JSON and not YAML
        text = "".join(
            c if c.isprintable() or c in "\n " else f"\\u{ord(c):04x}" if ord(c) < 0x10000 else c for c in text
        )
    assert same(load_yaml(text).data, value)


@settings(deadline=None)
@given(JSON, st.booleans())
def test_what_another_program_wrote_reads_as_another_program_reads_it(value, flow):
    text = dumped(value, flow=flow)
    theirs, ours = attempt(oracle, text), attempt(lambda text: load_yaml(text).data, text)
    if isinstance(theirs, YAMLError):  # it cannot read all that it writes: {":0": null} becomes {:0: null}
        assert isinstance(ours, ScenarioError), text
    elif isinstance(ours, ScenarioError):  # it writes the text << bare
        assert "merge keys" in str(ours), text
    else:
        assert same(ours, theirs), text


PLAIN = st.from_regex(r"\A[-+.0-9a-zA-Z~_]{1,6}\Z").filter(lambda text: text not in {"-", "---", "..."})


@settings(deadline=None, max_examples=400)
@given(PLAIN)
@example("0o14")
@example("0x1F")
@example("0123")
@example("1.")
@example("+.5e-3")
@example("TRUE")
@example("tRUE")
def test_a_plain_scalar_is_what_the_core_schema_says(text):
    ours = attempt(lambda text: load_yaml(text).data, f"[{text}]")
    if isinstance(ours, ScenarioError):
        assert any(word in str(ours) for word in ("JSON has no such number", "too large"))
        return
    if isinstance(ours[0], str):
        assert ours == [text]
    # the other reader takes 1_000, 0b1 and dates for numbers and dates, as YAML 1.1 did, and 1e3 for text
    if not re.search("[_eE:]|^[-+]?0[box]|^[-+]0", text):
        assert same(ours, attempt(oracle, f"[{text}]"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # the examples of YAML 1.2.2, section 10.3.2, and its neighbours
        ("null", None), ("Null", None), ("NULL", None), ("~", None), ("", None), ("nULL", "nULL"),
        ("true", True), ("True", True), ("FALSE", False), ("false", False), ("yes", "yes"), ("no", "no"), ("on", "on"),
        ("Off", "Off"), ("y", "y"), ("0", 0), ("0o7", 7), ("0o14", 12), ("0x3A", 58), ("-19", -19), ("+12", 12),
        ("0123", 123), ("-0", 0), ("0.", 0.0), ("-0.0", -0.0), (".5", 0.5), ("+12e03", 12000.0), ("-2E+05", -200000.0),
        ("1e3", 1000.0), ("0o8", "0o8"), ("0x", "0x"), ("-0x1", "-0x1"), ("0b11", "0b11"), ("1_000", "1_000"), (".", "."),
        ("1.2.3", "1.2.3"), ("12:30:45", "12:30:45"), ("2024-01-01", "2024-01-01"), ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z"),
        ("=", "="), ("٣", "٣"), ("'1'", "1"), ('"true"', "true"), ("'~'", "~"), ("!!str 1", "1"), ("!!int '1'", 1), ("!!float 1", 1.0),
        ("!!float 1.5", 1.5), ("!!bool true", True), ("!!null ''", None), ("!!seq [1]", [1]), ("!!map {a: 1}", {"a": 1}),
        ("18446744073709551615", 2**64 - 1), ("-9223372036854775808", -(2**63)), ('"\\ud83d\\ude00"', "\U0001f600"),
        ('"\\x1b"', "\x1b"), ("'<<'", "<<"), ("<<", "<<"), ("a: |\n  x\n  y\n", {"a": "x\ny\n"}), ("a: >-\n  x\n  y\n", {"a": "x y"}),
        ("on: yes", {"on": "yes"}), ("{a, b: c}", {"a": None, "b": "c"}), ('"1187": x', {"1187": "x"}), ("'<<': {a: 1}", {"<<": {"a": 1}}),
        ("%YAML 1.2\n---\na: 1\n...\n", {"a": 1}), ("\ufeffa: 1", {"a": 1}), ("# nothing\n", None), ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
    ],
)  # fmt: skip
def test_scalars_and_documents(text, value):
    assert same(load_yaml(text).data, value)
    assert same(load_yaml(text.encode()).data, value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: &x 1\n", "f.yaml:2: the anchor &x is refused: write the value out where it is used"),
        ("a: *x\n", "f.yaml:1: the alias *x is refused: write the value out"),
        ("*x : 1\n", "f.yaml:1: the alias *x is refused: write the value out"),
        ("&x a: 1\n", "f.yaml:1: the anchor &x is refused: write the value out where it is used"),
        ("a: &x [1]\n", "f.yaml:1: the anchor &x is refused: write the value out where it is used"),
        ("a:\n  <<: {b: 1}\n", "f.yaml:2: merge keys (<<) are refused: write the members out"),
        ("a: !!python/object/apply:os.system [ls]", "f.yaml:1: the tag !!python/object/apply:os.system is refused: what is written here is plain data"),
        ("a: !secret x", "f.yaml:1: the tag !secret is refused: what is written here is plain data"),
        ("! x", "f.yaml:1: the tag ! is refused: what is written here is plain data"),
        ("!!binary aGk=", "f.yaml:1: the tag !!binary is refused: what is written here is plain data"),
        ("!!set {a}", "f.yaml:1: the tag !!set is refused: what is written here is plain data"),
        ("!!seq {a: 1}", "f.yaml:1: the tag !!seq is refused: what is written here is plain data"),
        ("!!timestamp 2024-01-01", "f.yaml:1: the tag !!timestamp is refused: what is written here is plain data"),
        ("!!int x", "f.yaml:1: x cannot be read as !!int"),
        ("!!int true", "f.yaml:1: true cannot be read as !!int"),
        ("!!float true", "f.yaml:1: true cannot be read as !!float"),
        ("%TAG ! tag:x,2024:\n---\na: 1", "f.yaml:2: %TAG is refused: what is written here is plain data"),
        ("%YAML 1.1\n---\na: 1", "f.yaml:2: only YAML 1.2 is read; remove the %YAML line"),
        ("task: a\nuser: b\n\ntask: c\n", 'f.yaml:4: "task" is given twice, first in line 1. Keep one.'),
        ("{a: 1, 'a': 2}", 'f.yaml:1: "a" is given twice, first in line 1. Keep one.'),
        ("state:\n  1187: paid\n", 'f.yaml:2: the key 1187 is a number, and keys are text. Write "1187".'),
        ("true: 1", 'f.yaml:1: the key true is a boolean, and keys are text. Write "true".'),
        ("null: 1", 'f.yaml:1: the key null is null, and keys are text. Write "null".'),
        (": 1", "f.yaml:1: a key is missing in front of this colon"),
        ("? [a]\n: 1", "f.yaml:1: a list or an object cannot be a key: keys are text"),
        ("a: 1\n---\nb: 2", "f.yaml:2: a second document begins here: one file holds one document"),
        ("a: 1\n...\nb: 2", "f.yaml:3: a second document begins here: one file holds one document"),
        ("a: .inf", "f.yaml:1: .inf is refused: JSON has no such number. Put it in quotes if it is text."),
        ("a: -.INF", "f.yaml:1: -.INF is refused: JSON has no such number. Put it in quotes if it is text."),
        ("a: .nan", "f.yaml:1: .nan is refused: JSON has no such number. Put it in quotes if it is text."),
        ("a: 1e999", "f.yaml:1: the number 1e999 is too large. Put it in quotes if it is text."),
        ("a: 18446744073709551616", "f.yaml:1: the integer 18446744073709551616 has more than 64 bits. Put it in quotes if it is text."),
        (f"a: {'9' * 10000}", f"f.yaml:1: the integer {'9' * 40}… has more than 64 bits. Put it in quotes if it is text."),
        (f"a: 0x{'f' * 10000}", f"f.yaml:1: the integer 0x{'f' * 38}… has more than 64 bits. Put it in quotes if it is text."),
        ('a: "\\ud83d"', "f.yaml:1: the text holds half of a surrogate pair, which is no character"),
        ('a: "\\0"', "f.yaml:1: the text holds a NUL character, which cannot be stored"),
        ("a:\n  \x07", 'f.yaml:2: the character U+0007 is not allowed in YAML. Remove it, or write it as an escape in a text in double quotes, such as "\\x1b".'),
        ("a: 1\r\n\0", 'f.yaml:2: the character U+0000 is not allowed in YAML. Remove it, or write it as an escape in a text in double quotes, such as "\\x1b".'),
        ("\ud800", 'f.yaml:1: the character U+D800 is not allowed in YAML. Remove it, or write it as an escape in a text in double quotes, such as "\\x1b".'),
        ("a: b: c", 'f.yaml:1: not valid YAML: mapping values are not allowed here (a text that contains ": " needs quotes)'),
        ("a:\n\tb: c", "f.yaml:2: not valid YAML: found character '\\t' that cannot start any token (indent with spaces, not with tabs)"),
        ("a: @b", "f.yaml:1: not valid YAML: found character '@' that cannot start any token (a text that begins with @ needs quotes)"),
        ("a: 'b\nc: d\n", "f.yaml:3: not valid YAML: found unexpected end of stream while scanning a quoted scalar, which begins in line 1"),
        ("a: {b", "f.yaml:1: not valid YAML: expected ',' or '}', but got '<stream end>'"),
        ('a: "\\UFFFFFFFF"', "f.yaml:1: not valid YAML: OverflowError: Python int too large to convert to C int"),
        ("[" * 65 + "]" * 65, "f.yaml:1: nested more than 64 deep"),
        ("[" * 100_000, "f.yaml:1: nested more than 64 deep"),
        ("- " * 400_000, "f.yaml:1: nested more than 64 deep"),
        ("a" * 1_000_001, "f.yaml: larger than 1,000,000 bytes, which is the most that is read"),
        ("é" * 500_001, "f.yaml: larger than 1,000,000 bytes, which is the most that is read"),
    ],
)  # fmt: skip
def test_what_is_refused_is_said_in_one_line_with_its_place(text, message):
    assert refused(text) == message


def test_bytes_are_utf_8():
    assert refused(b"a: 1\nb: \xff\n") == "f.yaml:2: not UTF-8: byte 0xff. Save the file as UTF-8."
    assert refused("a: 1".encode("utf-16")) == "f.yaml:1: not UTF-8: byte 0xff. Save the file as UTF-8."
    assert refused(b"x" * 1_000_001) == "f.yaml: larger than 1,000,000 bytes, which is the most that is read"
    assert load_yaml(b"\xef\xbb\xbfa: 1").data == {"a": 1}


def test_billion_laughs_end_at_the_first_anchor():
    lines = ["a: &a [lol, lol]"] + [
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]" for n in range(20)
    ]
    assert refused("\n".join(lines)) == "f.yaml:1: the anchor &a is refused: write the value out where it is used"


def test_sixty_four_deep_is_allowed():
    data = load_yaml("[" * 64 + "]" * 64).data
    for _ in range(63):
        data = data[0]
    assert data == []


def test_every_value_has_a_line():
    text = "# head\nscenario: a/b\nchecks:\n  - never: x\n\n  - calls:\n    - {y: {z: [1,\n       2]}}\n"
    document = load_yaml(text, file="late.yaml")
    assert document.lines == {
        (): 2,
        ("scenario",): 2,
        ("checks",): 3,
        ("checks", 0): 4,
        ("checks", 0, "never"): 4,
        ("checks", 1): 6,
        ("checks", 1, "calls"): 6,
        ("checks", 1, "calls", 0): 7,
        ("checks", 1, "calls", 0, "y"): 7,
        ("checks", 1, "calls", 0, "y", "z"): 7,
        ("checks", 1, "calls", 0, "y", "z", 0): 7,
        ("checks", 1, "calls", 0, "y", "z", 1): 8,
    }
    assert document.line(("checks", 1, "calls", 5, "no")) == 6
    assert document.line(("nothing",)) == 2
    assert Document(data={}, lines={}).line(("a",)) is None
    error = document.error("is wrong", ("checks", 0, "never", "tool"))
    assert (str(error), error.file, error.line, error.path) == (
        "late.yaml:4: is wrong",
        "late.yaml",
        4,
        ("checks", 0, "never", "tool"),
    )


def test_a_file_is_named_as_seen_from_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.yaml").write_text("a: [")
    with pytest.raises(ScenarioError, match=r"^deep/a\.yaml:1: not valid YAML"):
        load_yaml(tmp_path / "deep" / "a.yaml")
    with pytest.raises(NotFound, match=r"^there is no file deep/b\.yaml$"):
        load_yaml(tmp_path / "deep" / "b.yaml")
    with pytest.raises(ScenarioError, match=r"^deep: cannot be read: "):
        load_yaml(tmp_path / "deep")


ODD = st.text(
    st.sampled_from([*"ab01 \n\t:-?[]{},#&*!|>'\"%@`\\~<=./uUx\x00\x85\u2028\ufeff", "\ud800"]),
    max_size=60,
)


@settings(deadline=None, max_examples=1500)
@given(ODD | st.text(max_size=60) | st.binary(max_size=60))
@example('"\\U')
@example("!<%41> a")
@example("!<%zz> a")
@example("%YAML 9999999999999999999999.2\n---\n")
@example("? ? ? a\n")
@example("--- |9\n")
@example("!!")
@example("- !!map\n- ?")
def test_any_text_gives_a_document_or_a_scenario_error(source):
    found = attempt(lambda source: load_yaml(source, file="f.yaml"), source)
    if isinstance(found, ScenarioError):
        assert re.fullmatch(r"f\.yaml:[0-9]+: .*", str(found))
    else:
        text = json.dumps(found.data, allow_nan=False, ensure_ascii=False)
        assert "\0" not in text
        text.encode()


def test_floats_keep_their_sign_and_value():
    data = load_yaml("[-0.0, 1e-320, 1.7976931348623157e308, 0.1]").data
    assert [math.copysign(1, data[0]), *data[1:]] == [-1.0, 1e-320, 1.7976931348623157e308, 0.1]
