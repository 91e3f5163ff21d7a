"""JSON in; handles that are changed like dicts and lists, and the JSON Patch of what they changed, out.

The document that was given is shared and never changes: a write copies the containers on its path, once, and notes one
operation. A shop of a thousand orders costs as much per trial as the orders that were touched.

There is one handle for each place that holds a container, so two handles never disagree. What stands in a container is
a value, not a reference: assigning a handle somewhere else assigns a copy of what it holds.

References:
    RFC 6902, JavaScript Object Notation (JSON) Patch.
"""

from __future__ import annotations

import math
import operator
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, MutableSequence, Sequence
from dataclasses import dataclass
from typing import Any, SupportsIndex, TypeAlias, cast, overload

from agenteval.core.json import Json
from agenteval.errors import WorldError

_DEEPEST = 64
_MISSING: Any = object()

Operation: TypeAlias = dict[str, Json]
"""One operation of a JSON Patch: `op`, `path`, and `value` where it has one."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A moment of a document: its root, and the changes that had not been asked for. Costs nothing to take."""

    root: Any
    pending: tuple[Operation, ...]


class Document:
    """A JSON document whose changes are noted.

    Args:
        initial: An object or a list of plain JSON. It is shared: never copied whole, and never changed.

    Raises:
        TypeError: It is neither.
    """

    def __init__(self, initial: Json) -> None:
        if _is_scalar(initial):
            raise TypeError(f"a state is an object or a list, not {type(initial).__name__}")
        self.root: Any = initial
        # containers made since the root was last handed out: these alone may be changed in place
        self.fresh: dict[int, Any] = {}
        self._pending: list[Operation] = []
        self._data = _handle(initial, self, None, "")

    @property
    def data(self) -> StateObject | StateList:
        """The handle of the root."""
        return self._data

    def plain(self) -> Json:
        """The whole document as it is now. It is shared: callers must not change it, and it never changes again."""
        self.fresh.clear()
        return cast("Json", self.root)

    def changes(self) -> list[Operation]:
        """What changed since this was last asked, as operations in order."""
        told, self._pending = self._pending, []
        return told

    def snapshot(self) -> Snapshot:
        """This moment, to come back to with `restore`."""
        self.fresh.clear()
        return Snapshot(self.root, tuple(self._pending))

    def restore(self, snapshot: Snapshot) -> None:
        """Come back to a moment: what was done since is undone, and `changes` has yet to tell what it had then.

        Handles stay the handles of their places. One whose place is gone, or lies in a list that changed, raises
        when it is next used.
        """
        self.fresh.clear()
        self.root = snapshot.root
        self._pending = list(snapshot.pending)
        self._data.seat(snapshot.root)

    def note(self, op: str, path: str, value: Any = _MISSING) -> None:
        """Remember one operation."""
        operation: Operation = {"op": op, "path": path}
        if value is not _MISSING:
            operation["value"] = value
        self._pending.append(operation)


class Handle:
    """What objects and lists have in common: where they stand, and how a write reaches the root."""

    __slots__ = ("__weakref__", "_children", "_document", "_lost", "_node", "_parent", "key")

    def __init__(self, node: Any, document: Document, parent: Handle | None, key: str | int) -> None:
        self._node = node
        self._document = document
        self._parent = parent
        self.key = key
        self._lost: str | None = None
        self._children: dict[str | int, weakref.ref[Handle]] = {}

    def json(self) -> Any:
        """A plain copy of what it holds, which is nobody else's."""
        return as_json(self.held())

    def held(self) -> Any:
        """What it holds, as it stands in the document: not to be changed. Raises WorldError where it was replaced."""
        if self._lost is not None:
            raise WorldError(self._lost)
        return self._node

    def seat(self, node: Any) -> None:
        """Hold another state of the same place, and let the handles below follow."""
        if node is self._node:
            return  # nothing below can differ
        kept = _is_object(node)
        self._node = node
        for key, child in self._living():
            inner = node.get(key, _MISSING) if kept else _MISSING
            if inner is not _MISSING and not _is_scalar(inner) and _is_object(inner) == isinstance(child, StateObject):
                child.seat(inner)
            else:
                self._lose(key, "was restored to an earlier state")

    def lose(self, why: str) -> None:
        """Be of no use from now on: another value stands in its place."""
        place = self.pointer() or "(the root)"
        self._lost = f"the handle of {place} is stale: {why}. Get it from the state again, or take `.json()` before."
        for _, child in self._living():
            child.lose(why)

    def pointer(self, *keys: str | int) -> str:
        """The JSON Pointer (RFC 6901) of this place, or of a key in it."""
        tokens = [str(key).replace("~", "~0").replace("/", "~1") for key in reversed(keys)]
        here: Handle = self
        while here._parent is not None:
            tokens.append(str(here.key).replace("~", "~0").replace("/", "~1"))
            here = here._parent
        return "".join(f"/{token}" for token in reversed(tokens))

    def own(self) -> Any:
        """What it holds, as a container that may be changed in place: it and those around it are copied once."""
        node = self.held()
        fresh = self._document.fresh
        if id(node) in fresh:
            return node
        mine: Any = dict(node) if _is_object(node) else list(node)
        if self._parent is None:
            self._document.root = mine
        else:
            self._parent.own()[self.key] = mine
        self._node = mine
        fresh[id(mine)] = mine
        return mine

    def _at(self, key: str | int, value: Any) -> Any:
        """A value in it as code sees it: a scalar as it is, a container as its handle."""
        if _is_scalar(value):
            return value
        known = self._children.get(key)
        child = None if known is None else known()
        if child is None:
            child = _handle(value, self._document, self, key)
            self._children[key] = weakref.ref(child)
        return child

    def _is_own(self, key: str | int, value: object) -> bool:
        """Whether a value is the handle of that key already, as after `order["items"] += […]`."""
        known = self._children.get(key)
        return isinstance(value, Handle) and known is not None and known() is value

    def _living(self) -> list[tuple[str | int, Handle]]:
        found = [(key, known()) for key, known in self._children.items()]
        return [(key, child) for key, child in found if child is not None]

    def _lose(self, key: str | int, why: str) -> None:
        known = self._children.pop(key, None)
        child = None if known is None else known()
        if child is not None:
            child.lose(f"{self.pointer(key)} {why}")

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Handle):
            return bool(self.held() == other.held())
        if isinstance(other, (Mapping, list, tuple)):
            return bool(self.held() == as_json(cast("object", other)))
        return NotImplemented

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __len__(self) -> int:
        return len(self.held())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._node!r})" if self._lost is None else f"<{self._lost}>"

    def __copy__(self) -> Any:
        return self.json()

    def __deepcopy__(self, memo: object) -> Any:
        return self.json()


class StateObject(Handle, MutableMapping[str, Any]):
    """An object of the state. Used like a dict; what is taken out (`pop`) is plain."""

    __slots__ = ()

    def __getitem__(self, key: str) -> Any:
        return self._at(key, self.held()[key])

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self.held()))

    def __contains__(self, key: object) -> bool:
        return key in self.held()

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(cast("object", key), str):
            raise TypeError(f"{self.pointer() or 'the root'}: keys are text, not {key!r}")
        if self._is_own(key, value):
            return
        new = as_json(value, where=self.pointer(key))
        old = self.held().get(key, _MISSING)
        if _is_scalar(new) and type(old) is type(new) and old == new:
            return
        mine = self.own()
        self._lose(key, "was replaced")
        mine[key] = new
        self._document.note("add" if old is _MISSING else "replace", self.pointer(key), new)

    def __delitem__(self, key: str) -> None:
        if key not in self.held():
            raise KeyError(key)
        mine = self.own()
        self._lose(key, "was removed")
        del mine[key]
        self._document.note("remove", self.pointer(key))

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of a key, which is set first where it is missing."""
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str, default: Any = _MISSING) -> Any:
        """Take a key out, and return what stood there as plain JSON."""
        if key not in self:
            if default is _MISSING:
                raise KeyError(key)
            return default
        value = as_json(self.held()[key])
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Take the last key out. Raises KeyError where there is none."""
        if not self.held():
            raise KeyError("popitem(): there is nothing in it")
        key = next(reversed(tuple(self.held())))
        return key, self.pop(key)


class StateList(Handle, MutableSequence[Any]):
    """A list of the state. Used like a list; what is taken out (`pop`) is plain.

    Inserting and removing are noted as such; slices, `sort`, `reverse` and `clear` as a replacement of the whole list.
    """

    __slots__ = ()

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        node = self.held()
        if isinstance(index, slice):
            return [self._at(place, node[place]) for place in range(*index.indices(len(node)))]
        place = _place(index, len(node))
        return self._at(place, node[place])

    def __setitem__(self, index: int | slice, value: Any) -> None:
        if isinstance(index, slice):
            items = list(self.held())
            items[index] = list(cast("Iterable[Any]", value))
            self._replace(items)
            return
        place = _place(index, len(self))
        if self._is_own(place, value):
            return
        new = as_json(value, where=self.pointer(place))
        mine = self.own()
        self._lose(place, "was replaced")
        mine[place] = new
        self._document.note("replace", self.pointer(place), new)

    def __delitem__(self, index: int | slice) -> None:
        if isinstance(index, slice):
            items = list(self.held())
            del items[index]
            self._replace(items)
            return
        place = _place(index, len(self))
        mine = self.own()
        self._lose(place, "was removed")
        del mine[place]
        self._shift(place, -1)
        self._document.note("remove", self.pointer(place))

    def insert(self, index: SupportsIndex, value: Any) -> None:
        """Put a value before a place; `append` puts it at the end."""
        place = slice(operator.index(index), None).indices(len(self))[0]
        new = as_json(value, where=self.pointer(place))
        mine = self.own()
        self._shift(place, 1)
        mine.insert(place, new)
        self._document.note("add", self.pointer(place), new)

    def pop(self, index: SupportsIndex = -1) -> Any:
        """Take an element out, and return it as plain JSON."""
        place = _place(index, len(self))
        value = as_json(self.held()[place])
        del self[place]
        return value

    def clear(self) -> None:
        """Take all out."""
        self._replace([])

    def reverse(self) -> None:
        """Turn the order around."""
        self._replace(list(reversed(self.held())))

    def sort(self, *, key: Callable[[Any], Any] | None = None, reverse: bool = False) -> None:
        """Sort in place. `key` gets each element as plain JSON."""
        self._replace(sorted(self.json(), key=cast("Any", key), reverse=reverse))

    def _replace(self, items: Sequence[Any]) -> None:
        new = [as_json(item, where=self.pointer(place)) for place, item in enumerate(items)]
        mine = self.own()
        for key, _ in self._living():
            self._lose(key, "was replaced with the list around it")
        mine[:] = new
        self._document.note("replace", self.pointer(), list(new))

    def _shift(self, start: int, by: int) -> None:
        """Let the handles from a place on stand elsewhere."""
        moved: dict[str | int, weakref.ref[Handle]] = {}
        for key, child in self._living():
            if isinstance(key, int) and key >= start:
                child.key = key + by
            moved[child.key] = weakref.ref(child)
        self._children = moved


def as_json(value: object, *, where: str = "") -> Any:
    """A plain copy of a JSON value; handles become what they hold, tuples lists.

    Args:
        value: What to copy.
        where: Its place, for errors.

    Raises:
        TypeError: It, or something in it, is not JSON.
        ValueError: A number is not finite, text holds a lone surrogate, or it is nested more than 64 levels deep.
    """
    return _copied(value, where or "the value", _DEEPEST)


def _copied(value: Any, where: str, left: int) -> Any:
    if isinstance(value, Handle):
        value = value.held()
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return _text(value, where)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{where}: {value!r} is not a finite number")
        return float(value)
    if left == 0:
        raise ValueError(f"{where}: nested more than {_DEEPEST} levels deep")
    if isinstance(value, Mapping):
        members = cast("Mapping[object, object]", value)
        return {_key(key, where): _copied(item, where, left - 1) for key, item in members.items()}
    if isinstance(value, (list, tuple)):
        elements = cast("Sequence[object]", value)
        return [_copied(item, where, left - 1) for item in elements]
    raise TypeError(f"{where}: {value!r} ({type(value).__name__}) is not JSON; write it as text or number")


def _text(value: str, where: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{where}: {value!a} holds a lone surrogate, which is not Unicode") from error
    return value if type(value) is str else str.__str__(value)


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{where}: keys are text, not {key!r}")
    return _text(key, where)


def _is_scalar(value: object) -> bool:
    return value is None or isinstance(value, (str, int, float))


def _is_object(value: object) -> bool:
    return isinstance(value, (dict, Mapping))


def _handle(node: Any, document: Document, parent: Handle | None, key: str | int) -> StateObject | StateList:
    if _is_object(node):
        return StateObject(node, document, parent, key)
    if isinstance(node, (list, tuple)):
        return StateList(node, document, parent, key)
    raise TypeError(f"{key or 'the state'}: {type(node).__name__} is not JSON")


def _place(index: SupportsIndex, length: int) -> int:
    place = operator.index(index)
    if place < 0:
        place += length
    if not 0 <= place < length:
        raise IndexError(f"{operator.index(index)} is no index into a list of {length}")
    return place
