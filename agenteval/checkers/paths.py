"""PATH text in, the values that it reaches out.

`PATH = key(.key | ["any key"] | [0] | [*])*`: `.1187` is a key, `[0]` an index into a list, `[*]` every element of a
list and every value of an object. A key never reaches into a list, nor an index into an object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from agenteval.checkers.grammar import Place
from agenteval.checkers.masked import INSIDE, is_hidden
from agenteval.checkers.shape import ABSENT, is_list, is_object, member
from agenteval.checkers.show import flow, literal, printable
from agenteval.core.marks import holds_mark

Key = str | int
"""One step of a path: a key, or an index."""


class Star:
    """The `[*]` of a path."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "[*]"


STAR: Final = Star()
_MOST = 32
_TOKEN = re.compile(r'\.(?P<key>[^.\[\]"]+)|\[(?P<index>\d{1,9})\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]|(?P<star>\[\*\])')
_BARE = re.compile(r'[^.\[\]"]+')


class Path:
    """A path as it was written, ready to be followed.

    Attributes:
        text: As written.
        keys: Its steps.
        plain: The key, where it is one key and nothing else.
        many: It has a `[*]`, so that it may reach several values.
    """

    __slots__ = ("keys", "many", "plain", "text")

    def __init__(self, text: str, keys: tuple[Key | Star, ...]) -> None:
        """Keep the steps."""
        self.text = text
        self.keys = keys
        self.plain = keys[0] if len(keys) == 1 and isinstance(keys[0], str) else None
        self.many = any(key is STAR for key in keys)

    def values(self, root: Any) -> list[Any]:
        """Every value that it reaches; none where it leads nowhere, `INSIDE` where it leads into what was redacted."""
        if self.many:
            return list(_all(root, self.keys))
        node = root
        for key in self.keys:
            below = member(node, key)
            if below is ABSENT:
                return [INSIDE] if _may_lie_in(node, key) else []
            node = below
        return [node]

    def covers(self, keys: tuple[Key, ...]) -> bool:
        """The path leads to those keys, or to something that holds them."""
        return len(self.keys) <= len(keys) and self._agrees(keys)

    def reaches_into(self, keys: tuple[Key, ...]) -> bool:
        """The path leads to something inside those keys."""
        return len(self.keys) > len(keys) and self._agrees(keys)

    def _agrees(self, keys: tuple[Key, ...]) -> bool:
        return all(mine is STAR or mine == theirs for mine, theirs in zip(self.keys, keys, strict=False))


def _all(node: Any, keys: tuple[Key | Star, ...]) -> Iterator[Any]:
    if not keys:
        yield node
        return
    key, rest = keys[0], keys[1:]
    if not isinstance(key, Star):
        found = [item for item in (member(node, key),) if item is not ABSENT]
    else:
        found = list(node.values()) if is_object(node) else node if is_list(node) else ()
    if not found and _may_lie_in(node, key):
        yield INSIDE
    for item in found:
        yield from _all(item, rest)


def _may_lie_in(node: Any, key: object) -> bool:
    """Whether something may stand under a key where nothing does any more, or under another name."""
    return is_hidden(node) or (isinstance(key, str) and is_object(node) and any(map(holds_mark, node)))


def parse_path(text: object, place: Place) -> Path:
    """A path from its text. Raises ScenarioError with what is wrong."""
    if not isinstance(text, str) or not text:
        raise place.error(f"a path is text such as orders.1187.status, not {flow(text, limit=60)}")
    if len(text) > 1000:
        raise place.error("a path of more than 1,000 characters")
    keys: list[Key | Star] = []
    rest = text if text[0] == "[" else f".{text}"
    while rest:
        found = _TOKEN.match(rest)
        if found is None:
            raise place.error(f"{literal(text)} is no path from {literal(rest.removeprefix('.'), 40)} on: {_GRAMMAR}")
        keys.append(_key(found, place))
        rest = rest[found.end() :]
    if len(keys) > _MOST:
        raise place.error(f"a path of more than {_MOST} steps")
    return Path(text, tuple(keys))


_GRAMMAR = 'write keys with dots (orders.1187), other keys as ["any key"], places in a list as [0], all of them as [*]'


def _key(found: re.Match[str], place: Place) -> Key | Star:
    if found["star"]:
        return STAR
    if found["index"]:
        return int(found["index"])
    if found["quoted"]:
        try:
            return json.loads(found["quoted"])
        except ValueError as error:
            raise place.error(f"{found['quoted']} is no JSON text: {error}") from None
    return found["key"]


def path_text(keys: tuple[Key, ...]) -> str:
    """Keys as a path, to be shown: `orders.1187.items[0]["a.b"]`; cut where it is very long."""
    text = ""
    for key in keys:
        if isinstance(key, int):
            text += f"[{key}]"
        elif not _BARE.fullmatch(key):
            text += f"[{literal(key)}]"
        else:
            text += f".{key}" if text else key
    return printable(text[:200]) or "(everything)"
