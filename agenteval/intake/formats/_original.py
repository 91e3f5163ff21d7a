"""A foreign record in, what of it the spans do not say already out; and back: the record again, to the last digit.

Whatever part of a record is long and stands word for word in an attribute of one of its spans, or earlier in the
record itself, is replaced by `{"$ref": PLACE}`. A place is `<span id>#<pointer>`, the pointer (RFC 6901) beginning with
the attribute's name, or `#<pointer>` into the kept record itself. So a long text is stored once, however often a
file repeats it: a conversation that an Inspect log writes down again for every model call costs one reference a
message. The rest stays as it was, in place, so that the original is restored by putting the parts back, and a reader of
the store sees whole what no span has room for.

What JSON cannot carry safely is marked: `{"$number": TEXT}` (NaN, infinity, integers beyond 64 bits), `{"$text": TEXT}`
(with half a surrogate pair, as JSON escapes), `{"$pairs": [...]}` (an object with such a key) and `{"$object": {...}}`
(an object of the original that looks like one of these marks).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from agenteval.core import semconv
from agenteval.core.json import Json
from agenteval.core.span import Span
from agenteval.intake.formats._json import Decoded, half_pair, number_needs_text, number_text

_WORTH_A_REFERENCE = 120  # characters; a reference takes 40 to 90
_MARKS = frozenset({"$ref", "$number", "$text", "$pairs", "$object"})


def keep(record: Decoded, spans: Iterable[tuple[str, Mapping[str, Any]]]) -> Json:
    """The record without what its spans say word for word.

    Args:
        record: As it was read.
        spans: Id and attributes of each span that was made of it.
    """
    keeper = _Keeper(plain=record.exact is record.clean)
    for span_id, attributes in spans:
        for name, value in attributes.items():
            keeper.offer(value, f"{span_id}#/{_token(name)}")
    return cast("Json", keeper.kept(record.exact, "#"))


def marked(value: Json) -> Json:
    """The value as it is, but for what JSON cannot carry safely: no references. `restored` takes the marks off."""
    return cast("Json", _Keeper(worth=math.inf).kept(value, "#"))


def restore(spans: Iterable[Span]) -> Json:
    """The original record, from the spans that were made of it.

    Raises:
        ValueError: No span carries the record, or a span that it refers to is missing.
    """
    attributes: dict[str, Mapping[str, Any]] = {span.span_id: span.attributes for span in spans}
    root = next((found for found in attributes.values() if semconv.IMPORT_RECORD in found), None)
    if root is None:
        raise ValueError("none of the spans carries an imported record")
    return restored(cast("Json", root[semconv.IMPORT_RECORD]), attributes)


def restored(kept: Json, attributes: Mapping[str, Mapping[str, Any]] | None = None) -> Json:
    """The original of what `keep` gave. Raises ValueError where a span is missing."""
    return cast("Json", _Restorer(kept, attributes or {}).back(kept))


class _Keeper:
    """Numbers every distinct part by what it holds, so that equal parts are found without comparing them."""

    def __init__(self, *, worth: float = _WORTH_A_REFERENCE, plain: bool = False) -> None:
        self._worth = worth
        self._plain = plain  # nothing in it needs a mark of its own
        self._numbers: dict[object, int] = {}
        self._sizes: list[int] = []
        self._places: dict[int, str] = {}
        self._known: dict[int, int] = {}  # id() of a list or object of the record to its number

    def offer(self, value: Any, place: str) -> None:
        """Note what stands in an attribute of a span."""
        number = self._number(value)
        if self._sizes[number] < self._worth or number in self._places:
            return
        self._places[number] = place
        for token, item in _items(value):
            self.offer(item, f"{place}/{_token(token)}")

    def kept(self, value: Any, place: str) -> Any:
        """The value, with references in place of what was noted or came before."""
        number = self._number(value)
        if self._sizes[number] >= self._worth:
            if number in self._places:
                return {"$ref": self._places[number]}
            result = self._copy(value, place)
            self._places[number] = place
            return result
        return self._copy(value, place)

    def _copy(self, value: Any, place: str) -> Any:
        if isinstance(value, dict):
            return self._copy_object(cast("dict[str, Any]", value), place)
        if isinstance(value, (list, tuple)):
            return [self.kept(item, f"{place}/{at}") for at, item in enumerate(cast("Sequence[Any]", value))]
        return value if self._plain else _marked(value)

    def _copy_object(self, members: dict[str, Any], place: str) -> Any:
        if not self._plain and any(map(half_pair, members)):
            inner = f"{place}/$pairs"
            items = enumerate(members.items())
            return {"$pairs": [[_marked(key), self.kept(item, f"{inner}/{at}/1")] for at, (key, item) in items]}
        marked = len(members) == 1 and not _MARKS.isdisjoint(members)
        inner = f"{place}/$object" if marked else place
        copy = {key: self.kept(item, f"{inner}/{_token(key)}") for key, item in members.items()}
        return {"$object": copy} if marked else copy

    def _number(self, value: Any) -> int:
        if isinstance(value, str):
            return self._numbered(value, len(value))
        if isinstance(value, (dict, list, tuple)):
            known = self._known.get(id(cast("object", value)))
            if known is not None:
                return known
            number = self._number_of_many(value)
            self._known[id(cast("object", value))] = number
            return number
        return self._numbered(
            (type(value).__name__, repr(value)), 1
        )  # 1, 1.0 and true are equal to Python, and must not be

    def _number_of_many(self, value: Any) -> int:
        parts: list[object] = [dict if isinstance(value, dict) else list]
        size = 2
        for token, item in _items(value):
            number = self._number(item)
            size += len(token) * isinstance(value, dict) + self._sizes[number] + 4
            parts.extend((token, number) if isinstance(value, dict) else (number,))
        return self._numbered(tuple(parts), size)

    def _numbered(self, key: object, size: int) -> int:
        number = self._numbers.setdefault(key, len(self._sizes))
        if number == len(self._sizes):
            self._sizes.append(size)
        return number


class _Restorer:
    """Puts parts back in the place of references and marks."""

    def __init__(self, kept: Json, attributes: Mapping[str, Mapping[str, Any]]) -> None:
        self._kept = kept
        self._attributes = attributes
        self._found: dict[str, Any] = {}

    def back(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            members = cast("Mapping[str, Any]", value)
            if len(members) == 1 and not _MARKS.isdisjoint(members):
                return self._unmarked(*next(iter(members.items())))
            return {key: self.back(item) for key, item in members.items()}
        if isinstance(value, (list, tuple)):
            return [self.back(item) for item in cast("Sequence[Any]", value)]
        return value

    def _unmarked(self, mark: str, value: Any) -> Any:
        if mark == "$ref":
            return self._referred(value)
        if mark == "$number":
            return int(value) if value.lstrip("-").isdigit() else float(value.replace("Infinity", "inf"))
        if mark == "$text":
            return json.loads(f'"{value}"')
        if mark == "$pairs":
            return {self.back(key): self.back(item) for key, item in value}
        return {key: self.back(item) for key, item in value.items()}

    def _referred(self, place: str) -> Any:
        if place not in self._found:
            span_id, _, pointer = place.partition("#")
            if span_id and span_id not in self._attributes:
                message = f"the imported record refers to span {span_id}, which is missing"
                raise ValueError(message)
            target = _at(self._attributes[span_id] if span_id else self._kept, pointer)
            # what spans carry is plain; what lies in the record itself is kept in the same way as the rest of it
            self._found[place] = _plain(target) if span_id else self.back(target)
        return self._found[place]


def _marked(value: Any) -> Any:
    if isinstance(value, str):
        return {"$text": json.dumps(value)[1:-1]} if half_pair(value) else value
    return {"$number": number_text(value)} if number_needs_text(value) else value


def _items(value: Any) -> Iterable[tuple[str, Any]]:
    """Members or elements with the tokens that a pointer names them by."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, Any]", value).items()
    if isinstance(value, (list, tuple)):
        return ((str(at), item) for at, item in enumerate(cast("Sequence[Any]", value)))
    return ()


def _token(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _at(start: Any, pointer: str) -> Any:
    value = start
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        value = cast("Any", value[int(name)] if isinstance(value, (list, tuple)) else value[name])
    return value


def _plain(value: Any) -> Any:
    """A copy of lists and objects, because stores may give other kinds of sequences and mappings back."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in cast("Sequence[Any]", value)]
    return value
