"""YAML text in, plain JSON with the line of every value out. Safe: no tags, no aliases, bounded in size and depth.

What is read is the core schema of YAML 1.2: `no`, `on`, `yes`, `1_000` and dates are text, `0o14` is twelve.
Four things are stricter than the specification, because what is written here is hashed, stored and compared as JSON:
keys are text, integers have at most 64 bits, infinity and NaN are refused, and so is NUL.

References:
    YAML 1.2.2, sections 5.1 (character set) and 10.3.2 (core schema).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from agenteval._util.paths import shown
from agenteval.core.json import Json
from agenteval.errors import NotFound, ScenarioError

Trail: TypeAlias = tuple[str | int, ...]
"""Keys and indexes from the root of a document to one value."""

LARGEST_BYTES = 1_000_000
DEEPEST = 64

_CORE = "tag:yaml.org,2002:"
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE_BREAK = re.compile(r"\r\n?|\n")
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", re.ASCII)
_TYPES = {"str": str, "null": type(None), "bool": bool, "int": int, "float": float}
_LONGEST_INTEGER = 70  # characters; enough for 64 bits in every base, and far below what int() refuses to read
_HINTS = {
    "mapping values are not allowed": 'a text that contains ": " needs quotes',
    "found character '\\t'": "indent with spaces, not with tabs",
    "found character '`'": "a text that begins with ` needs quotes",
    "found character '@'": "a text that begins with @ needs quotes",
    "found character '%'": "a text that begins with % needs quotes",
    "expected <block end>": "this line is indented otherwise than those that it belongs to",
    "could not find expected ':'": 'a key is followed by ": "',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A YAML document as plain JSON, with where each value stands.

    Attributes:
        data: Objects, lists, text, numbers, booleans and null.
        lines: The trail of each value to its one-based line; for a member of an object, the line of its key.
        file: The file as messages name it; None where the text came from none.
    """

    data: Json
    lines: Mapping[Trail, int]
    file: str | None = None

    def line(self, path: Trail = ()) -> int | None:
        """The line of the value at the path, or of the nearest one around it that is known."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return None

    def error(self, message: str, path: Trail = ()) -> ScenarioError:
        """An error about the value at the path, with file and line."""
        return ScenarioError(message, file=self.file, line=self.line(path), path=path)


def load_yaml(source: str | bytes | Path, *, file: str | None = None) -> Document:
    """Read one YAML document.

    Args:
        source: Its text, its bytes in UTF-8, or the file.
        file: How messages name it; for a file, its path unless given.

    Raises:
        NotFound: There is no such file.
        ScenarioError: It is not YAML, or holds what is refused here; with file and line.
    """
    if isinstance(source, Path):
        file = file or shown(source)
        source = _bytes(source, file)
    text = _decoded(source, file) if isinstance(source, bytes) else source
    _check_characters(text, file)
    return _Builder(_events(text, file), file).document()


def file_text(path: Path, file: str) -> str:
    """The text of a file, bounded in size, in UTF-8 and without NUL. Raises NotFound and ScenarioError."""
    text = _decoded(_bytes(path, file), file)
    if "\0" in text:
        raise ScenarioError("holds a NUL character, so it is not text", file=file)
    return text


def _bytes(path: Path, file: str) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(LARGEST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"there is no file {file}") from error
    except (OSError, ValueError) as error:
        raise ScenarioError(f"cannot be read: {error}", file=file) from error


def _decoded(data: bytes, file: str | None) -> str:
    if len(data) > LARGEST_BYTES:
        raise _too_large(file)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = _line_at(data[: error.start].decode("utf-8", "replace"))
        message = f"not UTF-8: byte 0x{data[error.start]:02x}. Save the file as UTF-8."
        raise ScenarioError(message, file=file, line=line) from error


def _check_characters(text: str, file: str | None) -> None:
    # a character has at least one byte, so the first test spares encoding what is too long anyway
    if len(text) > LARGEST_BYTES or len(text.encode("utf-8", "surrogatepass")) > LARGEST_BYTES:
        raise _too_large(file)
    found = _UNPRINTABLE.search(text)
    if found is not None:
        message = (
            f"the character U+{ord(found.group()):04X} is not allowed in YAML. "
            'Remove it, or write it as an escape in a text in double quotes, such as "\\x1b".'
        )
        raise ScenarioError(message, file=file, line=_line_at(text[: found.start()]))


def _too_large(file: str | None) -> ScenarioError:
    return ScenarioError(f"larger than {LARGEST_BYTES:,} bytes, which is the most that is read", file=file)


def _line_at(before: str) -> int:
    return len(_LINE_BREAK.findall(before)) + 1


class _Event(NamedTuple):
    """One event of the parser, as far as it matters here.

    `kind` is `document`, `map`, `seq`, `end`, `alias` or `scalar`; `refused` says why a document may not begin so.
    """

    kind: str
    line: int
    text: str = ""
    plain: bool = False
    tag: str | None = None
    anchor: str | None = None
    refused: str | None = None


_KINDS: dict[type, str] = {
    DocumentStartEvent: "document",
    MappingStartEvent: "map",
    SequenceStartEvent: "seq",
    MappingEndEvent: "end",
    SequenceEndEvent: "end",
    AliasEvent: "alias",
    ScalarEvent: "scalar",
}


def _events(text: str, file: str | None) -> Iterator[_Event]:
    """The parser's events that matter; whatever it trips over is a ScenarioError."""
    parser: Any = YAML(typ="safe", pure=True)
    try:
        for event in parser.parse(text):
            kind = _KINDS.get(event.__class__)
            if kind is not None:
                yield _event(kind, event)
    except MarkedYAMLError as error:
        raise _syntax_error(error, file) from error
    except (ValueError, ArithmeticError, LookupError, AssertionError, AttributeError, TypeError) as error:
        # the parser trips over some malformed escapes and tags instead of refusing them
        line: int = parser.reader.line + 1
        raise ScenarioError(f"not valid YAML: {type(error).__name__}: {error}", file=file, line=line) from error


def _event(kind: str, event: Any) -> _Event:
    return _Event(
        kind=kind,
        line=event.start_mark.line + 1,
        text=getattr(event, "value", ""),
        plain=not getattr(event, "style", None),
        tag=getattr(event, "tag", None),
        anchor=getattr(event, "anchor", None),
        refused=_refused_directive(event) if kind == "document" else None,
    )


def _refused_directive(event: Any) -> str | None:
    if event.version is not None and tuple(event.version) != (1, 2):
        return "only YAML 1.2 is read; remove the %YAML line"
    return "%TAG is refused: what is written here is plain data" if event.tags else None


def _syntax_error(error: Any, file: str | None) -> ScenarioError:
    problem = " ".join(str(error.problem or error.context or "it ends too early").split())[:200]
    mark, begun = error.problem_mark or error.context_mark, error.context_mark
    hint = next((hint for start, hint in _HINTS.items() if problem.startswith(start)), None)
    if error.problem and error.context and begun is not None and begun.line != mark.line:
        problem += f" {error.context}, which begins in line {begun.line + 1}"
    message = f"not valid YAML: {problem}{f' ({hint})' if hint else ''}"
    return ScenarioError(message, file=file, line=None if mark is None else mark.line + 1)


class _Builder:
    """Builds one document from events, and refuses on the way what is not allowed."""

    def __init__(self, events: Iterator[_Event], file: str | None) -> None:
        self._events = events
        self._file = file
        self._lines: dict[Trail, int] = {}

    def document(self) -> Document:
        data: Json = None
        for number, start in enumerate(self._events):
            if number:
                raise self._error("a second document begins here: one file holds one document", start)
            if start.refused:
                raise self._error(start.refused, start)
            data = self._value(next(self._events), ())
        return Document(data=data, lines=self._lines, file=self._file)

    def _value(self, event: _Event, path: Trail) -> Json:
        self._lines.setdefault(path, event.line)  # a member's line is that of its key, set already
        self._refuse_reference(event)
        if event.kind == "scalar":
            return self._scalar(event)
        if len(path) >= DEEPEST:
            raise self._error(f"nested more than {DEEPEST} deep", event)
        if event.tag not in (None, _CORE + event.kind):
            raise self._tag_error(event)
        return self._object(path) if event.kind == "map" else self._list(path)

    def _refuse_reference(self, event: _Event) -> None:
        if event.kind == "alias":
            raise self._error(f"the alias *{event.anchor} is refused: write the value out", event)
        if event.anchor is not None:
            raise self._error(f"the anchor &{event.anchor} is refused: write the value out where it is used", event)

    def _object(self, path: Trail) -> dict[str, Json]:
        members: dict[str, Json] = {}
        for event in self._until_end():
            key = self._key(event)
            inner = (*path, key)
            if key in members:
                raise self._error(f'"{key}" is given twice, first in line {self._lines[inner]}. Keep one.', event)
            self._lines[inner] = event.line
            members[key] = self._value(next(self._events), inner)
        return members

    def _list(self, path: Trail) -> list[Json]:
        return [self._value(event, (*path, index)) for index, event in enumerate(self._until_end())]

    def _until_end(self) -> Iterator[_Event]:
        for event in self._events:
            if event.kind == "end":
                return
            yield event

    def _key(self, event: _Event) -> str:
        self._refuse_reference(event)
        if event.kind != "scalar":
            raise self._error("a list or an object cannot be a key: keys are text", event)
        if event.text == "<<" and event.plain:
            raise self._error("merge keys (<<) are refused: write the members out", event)
        key = self._scalar(event)
        if isinstance(key, str):
            return key
        if not event.text:
            raise self._error("a key is missing in front of this colon", event)
        written = _short(event.text)
        raise self._error(f'the key {written} is {kind_of(key)}, and keys are text. Write "{written}".', event)

    def _scalar(self, event: _Event) -> Json:
        text = self._text(event)
        if event.tag is None:
            return self._plain(text, event) if event.plain else text
        name = event.tag.removeprefix(_CORE)
        if name == event.tag or name not in _TYPES:
            raise self._tag_error(event)
        if name == "str":
            return text
        value = self._plain(text, event)
        if name == "float" and type(value) is int:
            return float(value)
        if type(value) is not _TYPES[name]:
            raise self._error(f"{_short(text)} cannot be read as !!{name}", event)
        return value

    def _text(self, event: _Event) -> str:
        try:
            # JSON writes a character beyond U+FFFF as two escapes, which are one character here too
            text = event.text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError as error:
            raise self._error("the text holds half of a surrogate pair, which is no character", event) from error
        if "\0" in text:
            raise self._error("the text holds a NUL character, which cannot be stored", event)
        return text

    def _plain(self, text: str, event: _Event) -> Json:
        if text in _NULL:
            return None
        if text in _BOOLEAN:
            return _BOOLEAN[text]
        if _INTEGER.fullmatch(text):
            return self._integer(text, event)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isinf(number):
                raise self._error(f"the number {_short(text)} is too large. Put it in quotes if it is text.", event)
            return number
        if _NOT_FINITE.fullmatch(text):
            raise self._error(f"{text} is refused: JSON has no such number. Put it in quotes if it is text.", event)
        return text

    def _integer(self, text: str, event: _Event) -> int:
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        if len(text) <= _LONGEST_INTEGER:
            number = int(text if base == 10 else text[2:], base)
            if -(2**63) <= number < 2**64:
                return number
        raise self._error(f"the integer {_short(text)} has more than 64 bits. Put it in quotes if it is text.", event)

    def _tag_error(self, event: _Event) -> ScenarioError:
        tag = _short((event.tag or "").replace(_CORE, "!!"))
        return self._error(f"the tag {tag} is refused: what is written here is plain data", event)

    def _error(self, message: str, event: _Event) -> ScenarioError:
        return ScenarioError(message, file=self._file, line=event.line)


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


def kind_of(value: Any) -> str:
    """What a JSON value is, in a reader's words: `text`, `a number`, `a list`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "an object" if isinstance(value, Mapping) else "a list"
