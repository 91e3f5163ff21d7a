"""Texts in, small numbers out, each text kept once; conversations as a tree that shares their beginnings.

A message that was said is one row of `content`. A conversation of n messages is a node of `history`: the message and
the node of the n-1 before it. A model call that repeats the conversation so far costs one number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, bindparam, select

from agenteval.errors import StoreError
from agenteval.store import inserts
from agenteval.store.backend import Backend
from agenteval.store.pack import REFERENCE, referred_digests, squeeze, unpack, unsqueeze
from agenteval.store.tables import content, history

DIGEST_BYTES = 16
"""Of SHA-256: enough that texts do not meet by accident, and half the index."""

_COMPRESSED_FROM = 8_192  # bytes; smaller ones cost more time than they save room
_REMEMBERED = 100_000  # ids, at most: some 20 MB
_AT_ONCE = 500  # values in one query

_INSERT_CONTENT = inserts.numbered(content, unless=["digest"])
LAST_IDS = "SELECT (SELECT max(id) FROM content), (SELECT max(id) FROM history)"
_INSERT_HISTORY = inserts.numbered(history)


def digest_of(data: bytes) -> bytes:
    """What a text is known by."""
    return hashlib.sha256(data).digest()[:DIGEST_BYTES]


def kept_of(data: bytes) -> bytes:
    """A text as it is kept: a large one compressed, unless others have to be seen that it refers to."""
    return data if len(data) < _COMPRESSED_FROM or REFERENCE in data else squeeze(data)


class Known:
    """What is remembered of a store, so that most texts and nodes need no query."""

    def __init__(self) -> None:
        self.ids: dict[bytes, int] = {}
        self.nodes: dict[tuple[int, int], int] = {}
        self.last_text = self.last_node = 0  # numbers up to these were taken once

    def forget(self) -> None:
        """Forget everything: a transaction was rolled back, or too much was remembered."""
        self.ids.clear()
        self.nodes.clear()

    def bound(self) -> None:
        """Forget everything where it is too much. Never between taking numbers and keeping what they are for."""
        if len(self.ids) > _REMEMBERED or len(self.nodes) > _REMEMBERED:
            self.forget()


class Interning:
    """Numbers texts and conversations within one transaction, and then keeps those that are new.

    New texts are numbered on the assumption that the store has none of them, which is so nearly always: `keep` finds
    out where it has, and whoever took numbers must then take them again.

    Args:
        connection: An open transaction that holds the write lock: nobody else takes numbers.
        backend: How rows go into it.
        known: What is remembered; afterwards, what was new as well.
    """

    def __init__(self, connection: Connection, backend: Backend, known: Known) -> None:
        self._backend = backend
        self._connection = connection
        self._known = known
        self._texts: list[tuple[int, bytes, bytes]] = []
        self._nodes: list[tuple[int, int, int]] = []
        last_text, last_node = connection.exec_driver_sql(LAST_IDS).one()
        self._first_text = self._next_text = max(last_text or 0, known.last_text) + 1
        self._first_node = self._next_node = max(last_node or 0, known.last_node) + 1

    def text(self, data: bytes) -> int:
        """The number of a text."""
        return self.digested(digest_of(data), data)

    def digested(self, digest: bytes, data: bytes) -> int:
        """The number of a text whose digest is at hand."""
        number = self._known.ids.get(digest)
        if number is None:
            number = self._known.ids[digest] = self._next_text
            self._next_text += 1
            self._texts.append((number, digest, kept_of(data)))
        return number

    def conversation(self, node: int, messages: Iterable[int]) -> int:
        """The number of a conversation that goes on from a node (0: from nothing) with messages, which are texts."""
        for message in messages:
            node = self._node(node, message)
        return node

    def _node(self, parent: int, message: int) -> int:
        key = (parent, message)
        number = self._known.nodes.get(key)
        # only an old message under an old node can be there without being remembered
        if number is None and parent < self._first_node and message < self._first_text:
            number = _find_node(self._connection, key)
        if number is None:
            number = self._next_node
            self._next_node += 1
            self._nodes.append((number, parent, message))
        self._known.nodes[key] = number
        return number

    def keep(self) -> bool:
        """Keep what is new. False where a text was there already: its number was another, so take all numbers again."""
        if self._backend.insert(self._connection, _INSERT_CONTENT, self._texts) < len(self._texts):
            self._learn()
            return False
        self._backend.insert(self._connection, _INSERT_HISTORY, self._nodes)
        return True

    def _learn(self) -> None:
        """Remember the true numbers of all that was taken for new."""
        for _, parent, message in self._nodes:
            del self._known.nodes[parent, message]
        for some in in_pieces(digest for _, digest, _ in self._texts):
            query = select(content.c.digest, content.c.id).where(content.c.digest.in_(some))
            self._known.ids.update((digest, number) for digest, number in self._connection.execute(query))


def _find_node(connection: Connection, key: tuple[int, int]) -> int | None:
    parent, message = key
    query = select(history.c.id).where(history.c.parent == parent, history.c.message == message)
    return connection.execute(query).scalar_one_or_none()


def in_pieces(values: Iterable[Any]) -> Iterable[list[Any]]:
    """Values in pieces that fit one query."""
    everything = list(values)
    return (everything[start : start + _AT_ONCE] for start in range(0, len(everything), _AT_ONCE))


def _nodes_above() -> Select[int, int, int]:
    above = (
        select(history.c.id, history.c.parent, history.c.message)
        .where(history.c.id.in_(SOME))
        .cte("above", recursive=True)
    )
    return select(
        above.union(select(history.c.id, history.c.parent, history.c.message).where(history.c.id == above.c.parent))
    )


SOME: BindParameter[Any] = bindparam("some", expanding=True)
"""Stands in a query for a list of values: to make a query anew takes longer than to run it."""

NODES_ABOVE = _nodes_above()
"""A query for the nodes `some` and all those above them."""

_BY_NUMBER = select(content.c.id, content.c.data).where(content.c.id.in_(SOME))
_BY_DIGEST = select(content.c.digest, content.c.data).where(content.c.digest.in_(SOME))


class Texts:
    """Reads contents and conversations back. What two spans share is one object in memory.

    Args:
        connection: An open transaction.
        missing: Makes the error for a content that is referred to and not there.
    """

    def __init__(self, connection: Connection, missing: Callable[[str], StoreError]) -> None:
        self._connection = connection
        self._missing = missing
        self._data: dict[int, bytes] = {}
        self._values: dict[int, Any] = {}
        self._by_digest: dict[bytes, bytes] = {}
        self._above: dict[int, tuple[int, int]] = {}
        self._conversations: dict[int, tuple[int, ...]] = {0: ()}

    def fetch(self, ids: Iterable[int], nodes: Iterable[int]) -> None:
        """Fetch what is about to be asked for, in few queries."""
        nodes = set(nodes)
        for some in in_pieces(nodes):
            found = self._connection.execute(NODES_ABOVE, {"some": some})
            self._above.update((node, (parent, message)) for node, parent, message in found)
        wanted = {*ids, *(message for _, message in self._above.values())} - self._data.keys()
        for some in in_pieces(wanted):
            found = self._connection.execute(_BY_NUMBER, {"some": some})
            self._data.update((number, unsqueeze(data)) for number, data in found)
        referred = {digest for number in wanted for digest in referred_digests(self._data.get(number, b""))}
        for some in in_pieces(referred):
            found = self._connection.execute(_BY_DIGEST, {"some": some})
            self._by_digest.update((digest, unsqueeze(data)) for digest, data in found)

    def data(self, number: int) -> bytes:
        """The text of a fetched content."""
        try:
            return self._data[number]
        except KeyError:
            raise self._missing(f"content {number}") from None

    def value(self, number: int) -> Any:
        """The value of a fetched content. Callers share it, and must not change it."""
        if number not in self._values:
            self._values[number] = unpack(self.data(number), self._referred)
        return self._values[number]

    def _referred(self, digest: str) -> Any:
        """The value of a content that a fetched one refers to."""
        data = self._by_digest.get(bytes.fromhex(digest))
        if data is None:
            raise self._missing(f"content {digest}")
        return unpack(data)

    def conversation(self, node: int) -> tuple[int, ...]:
        """The contents of a fetched conversation, in order."""
        path: list[int] = []
        at = node
        while at not in self._conversations:
            if at not in self._above:
                raise self._missing(f"history {at}")
            path.append(at)
            at = self._above[at][0]
        messages = self._conversations[at]
        if path:
            messages += tuple(self._above[step][1] for step in reversed(path))
            self._conversations[node] = messages
        return messages
