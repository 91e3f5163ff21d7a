"""A JSON document and RFC 6902 operations in, the changed document out.

The document that was given never changes: what the operations touch is copied along its path, once, and all else is
shared between the two. A world of a million rows costs as much to patch as the rows that changed.

References:
    RFC 6901, JavaScript Object Notation (JSON) Pointer.
    RFC 6902, JavaScript Object Notation (JSON) Patch.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard

_INDEX = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_MISSING = object()


class PatchError(ValueError):
    """An operation does not fit the document; the message names the operation and its path."""


def _is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, (dict, Mapping))


def _is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, (list, tuple))


def apply(document: Any, operations: Iterable[Mapping[str, Any]]) -> Any:
    """The document after the operations, in order; the one given is not changed.

    Raises:
        PatchError: An operation is malformed, names a place that is not there, or is a `test` that fails.
    """
    editor = _Editor(document)
    for number, operation in enumerate(operations):
        try:
            editor.do(operation)
        except PatchError as error:
            message = f"operation {number} ({_shown(operation)}): {error}"
            raise PatchError(message) from None
    return editor.root


def get(document: Any, pointer: str) -> Any:
    """The value at a JSON Pointer (RFC 6901).

    Raises:
        PatchError: The pointer is malformed or leads to nothing.
    """
    node = document
    for token in tokens(pointer):
        node = node[_place(node, token)]
    return node


def tokens(pointer: object) -> tuple[str, ...]:
    """The reference tokens of a JSON Pointer, unescaped; none for the whole document.

    Raises:
        PatchError: The pointer is malformed.
    """
    if not isinstance(pointer, str):
        raise PatchError(f"a path is text, not {pointer!r}")
    if not pointer:
        return ()
    if pointer[0] != "/":
        raise PatchError(f'a path begins with "/": {pointer!r}')
    if "~" not in pointer:
        return tuple(pointer[1:].split("/"))
    if re.search(r"~(?![01])", pointer):
        raise PatchError(f'"~" is written "~0" and "/" is written "~1": {pointer!r}')
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/"))


def equal(a: Any, b: Any) -> bool:
    """Equality of JSON values: 1 equals 1.0; 1, true and "1" differ; the order of keys does not count.

    Without recursion, so that no depth of nesting is too much for it.
    """
    if a is b:
        return True
    if not isinstance(a, (Mapping, list, tuple)):
        return _scalars_equal(a, b)
    pairs: list[tuple[Any, Any]] = [(a, b)]
    while pairs:
        a, b = pairs.pop()
        if a is b:
            continue
        if _is_object(a):
            if not _is_object(b) or len(a) != len(b):
                return False
            for key in a:
                if key not in b:
                    return False
                pairs.append((a[key], b[key]))
        elif _is_list(a):
            if not _is_list(b) or len(a) != len(b):
                return False
            pairs.extend(zip(a, b, strict=True))
        elif not _scalars_equal(a, b):
            return False
    return True


def _scalars_equal(a: Any, b: Any) -> bool:
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    return a == b and not isinstance(b, (Mapping, list, tuple))


class _Editor:
    """Applies operations to one document, copying each container at most once."""

    def __init__(self, document: Any) -> None:
        self.root = document
        # containers made here, by id: they may be changed in place, and being held here no id is used twice
        self._own: dict[int, Any] = {}

    def do(self, operation: Mapping[str, Any]) -> None:
        if not _is_object(operation):
            raise PatchError("an operation is an object")
        path = tokens(_field(operation, "path"))
        kind = operation.get("op")
        if kind == "add":
            self._add(path, _field(operation, "value"))
        elif kind == "replace":
            self._replace(path, _field(operation, "value"))
        elif kind == "remove":
            self._remove(path)
        elif kind == "move":
            self._move(tokens(_field(operation, "from")), path)
        elif kind == "copy":
            value = self._at(tokens(_field(operation, "from")))
            self._own.clear()  # what stands in two places must not be changed in place
            self._add(path, value)
        elif kind == "test":
            self._test(path, _field(operation, "value"))
        else:
            raise PatchError(f"op is add, remove, replace, move, copy or test, not {kind!r}")

    def _at(self, path: tuple[str, ...]) -> Any:
        node = self.root
        for token in path:
            node = node[_place(node, token)]
        return node

    def _holder(self, path: tuple[str, ...]) -> list[Any] | dict[str, Any]:
        """The container that holds the last token of the path, as a copy that may be changed."""
        node = self.root = self._owned(self.root)
        for token in path[:-1]:
            place = _place(node, token)
            child = node[place]
            mine = self._owned(child)
            if mine is not child:
                node[place] = mine
            node = mine
        return node

    def _owned(self, node: Any) -> Any:
        if id(node) in self._own:
            return node
        if _is_object(node):
            mine: Any = dict(node)
        elif _is_list(node):
            mine = list(node)
        else:
            raise PatchError(f"{_shown(node)} has no members")
        self._own[id(mine)] = mine
        return mine

    def _add(self, path: tuple[str, ...], value: Any) -> None:
        if not path:
            self.root = value
            return
        holder = self._holder(path)
        if isinstance(holder, list):
            holder.insert(_position(path[-1], len(holder) + 1, end=True), value)
        else:
            holder[path[-1]] = value

    def _replace(self, path: tuple[str, ...], value: Any) -> None:
        if not path:
            self.root = value
            return
        holder = self._holder(path)
        holder[_place(holder, path[-1])] = value

    def _remove(self, path: tuple[str, ...]) -> Any:
        if not path:
            raise PatchError("the whole document cannot be removed")
        holder = self._holder(path)
        return holder.pop(_place(holder, path[-1]))

    def _move(self, source: tuple[str, ...], path: tuple[str, ...]) -> None:
        if source == path:
            self._at(source)
            return
        if path[: len(source)] == source:
            raise PatchError("a value cannot be moved into itself")
        self._add(path, self._remove(source))

    def _test(self, path: tuple[str, ...], value: Any) -> None:
        actual = self._at(path)
        if not equal(actual, value):
            raise PatchError(f"it is {_shown(actual)}")


def _field(operation: Mapping[str, Any], name: str) -> Any:
    value = operation.get(name, _MISSING)
    if value is _MISSING:
        raise PatchError(f"it has no {name!r}")
    return value


def _place(node: Any, token: str) -> Any:
    """The key or index of a member that is there."""
    if _is_object(node):
        if token not in node:
            raise PatchError(f"there is no {token!r}")
        return token
    if _is_list(node):
        return _position(token, len(node), end=False)
    raise PatchError(f"{_shown(node)} has no member {token!r}")


def _position(token: str, length: int, *, end: bool) -> int:
    if end and token == "-":  # noqa: S105 (RFC 6901 writes the place after the last element so)
        return length - 1
    if not _INDEX.fullmatch(token) or int(token) >= length:
        raise PatchError(f"{token!r} is no index into a list of {length - 1 if end else length}")
    return int(token)


def _shown(value: object) -> str:
    text = reprlib.repr(value)  # bounded in depth and length, whatever the value
    return text if len(text) <= 80 else text[:79] + "…"
