"""Texts in, small numbers out, each text kept once; conversations as a tree that shares their beginnings.

A message that was said is one row of `content`. A conversation of n messages is a node of `history`: the message and
the node of the n-1 before it. A model call that repeats the conversation so far costs one number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, func, select

from agenteval.errors import StoreError
from agenteval.store import sqlite
from agenteval.store.pack import referred_digests, unpack
from agenteval.store.tables import content, history

DIGEST_BYTES = 16
"""Of SHA-256: enough that texts do not meet by accident, and half the index."""

_REMEMBERED = 100_000  # ids, at most: some 20 MB
_AT_ONCE = 500  # values in one query

_INSERT_CONTENT = sqlite.insert_numbered(content)
_INSERT_HISTORY = sqlite.insert_numbered(history)


def digest_of(data: bytes) -> bytes:
    """What a text is known by."""
    return hashlib.sha256(data).digest()[:DIGEST_BYTES]


class Chain:
    """A conversation that is to be kept: the one that it continues, and the digests of what is new.

    Attributes:
        node: Its number, once it is kept.
    """

    __slots__ = ("base", "digests", "node")

    def __init__(self, base: Chain | None, digests: Sequence[bytes]) -> None:
        self.base = base
        self.digests = digests
        self.node = 0


class Known:
    """What is remembered of a store, so that most texts and nodes need no query."""

    def __init__(self) -> None:
        self.ids: dict[bytes, int] = {}
        self.nodes: dict[tuple[int, int], int] = {}

    def forget(self) -> None:
        """Forget everything: a transaction was rolled back, or too much was remembered."""
        self.ids.clear()
        self.nodes.clear()

    def bound(self) -> None:
        """Forget everything where it is too much. Never between wanting a text and keeping it."""
        if len(self.ids) > _REMEMBERED or len(self.nodes) > _REMEMBERED:
            self.forget()


class Wanted:
    """Texts and conversations that one call is about to keep."""

    def __init__(self, known: Known) -> None:
        known.bound()
        self._known = known
        self.texts: dict[bytes, bytes] = {}
        self.chains: list[Chain] = []

    def text(self, data: bytes) -> bytes:
        """Want a text; gives its digest."""
        digest = digest_of(data)
        if digest not in self._known.ids:
            self.texts[digest] = data
        return digest

    def chain(self, base: Chain | None, digests: Sequence[bytes]) -> Chain:
        """Want a conversation, whose messages are wanted texts."""
        chain = Chain(base, digests)
        self.chains.append(chain)
        return chain

    def keep(self, connection: Connection) -> None:
        """Keep everything wanted; `known.ids` then has each text, and each chain its node."""
        self._find_texts(connection)
        first = _next_id(connection, content.c.id) if self.texts else 0
        rows = [(number, digest, data) for number, (digest, data) in enumerate(self.texts.items(), start=first)]
        if rows:
            connection.exec_driver_sql(_INSERT_CONTENT, rows)
            self._known.ids.update((digest, number) for number, digest, _ in rows)
        if self.chains:
            self._keep_chains(connection, first if rows else None)

    def _find_texts(self, connection: Connection) -> None:
        """Take off what the store has already, whoever put it there."""
        for some in in_pieces(self.texts):
            query = select(content.c.digest, content.c.id).where(content.c.digest.in_(some))
            self._known.ids.update((digest, number) for digest, number in connection.execute(query))
        for digest in [digest for digest in self.texts if digest in self._known.ids]:
            del self.texts[digest]

    def _keep_chains(self, connection: Connection, first_new_text: int | None) -> None:
        ids, nodes = self._known.ids, self._known.nodes
        first = number = _next_id(connection, history.c.id)
        rows: list[tuple[int, int, int]] = []
        for chain in self.chains:  # a base comes before what continues it
            node = 0 if chain.base is None else chain.base.node
            for digest in chain.digests:
                key = (node, ids[digest])
                found = nodes.get(key)
                # only an old message under an old node can be there without being remembered
                if found is None and node < first and (first_new_text is None or key[1] < first_new_text):
                    found = _find_node(connection, key)
                if found is None:
                    found = number
                    rows.append((number, *key))
                    number += 1
                node = nodes[key] = found
            chain.node = node
        if rows:
            connection.exec_driver_sql(_INSERT_HISTORY, rows)


def _next_id(connection: Connection, column: Any) -> int:
    # the transaction holds the write lock, so that nobody else takes these numbers
    return (connection.execute(select(func.max(column))).scalar_one() or 0) + 1


def _find_node(connection: Connection, key: tuple[int, int]) -> int | None:
    parent, message = key
    query = select(history.c.id).where(history.c.parent == parent, history.c.message == message)
    return connection.execute(query).scalar_one_or_none()


def in_pieces(values: Iterable[Any]) -> Iterable[list[Any]]:
    """Values in pieces that fit one query."""
    everything = list(values)
    return (everything[start : start + _AT_ONCE] for start in range(0, len(everything), _AT_ONCE))


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
            found = self._connection.execute(_up(some)).tuples()
            self._above.update((node, (parent, message)) for node, parent, message in found)
        wanted = {*ids, *(message for _, message in self._above.values())} - self._data.keys()
        for some in in_pieces(wanted):
            query = select(content.c.id, content.c.data).where(content.c.id.in_(some))
            self._data.update((number, data) for number, data in self._connection.execute(query))
        referred = {digest for number in wanted for digest in referred_digests(self._data.get(number, b""))}
        for some in in_pieces(referred):
            query = select(content.c.digest, content.c.data).where(content.c.digest.in_(some))
            self._by_digest.update((digest, data) for digest, data in self._connection.execute(query))

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


def _up(nodes: Sequence[int]) -> Select[int, int, int]:
    """A query for nodes and all those above them."""
    above = (
        select(history.c.id, history.c.parent, history.c.message)
        .where(history.c.id.in_(nodes))
        .cte("above", recursive=True)
    )
    return select(
        above.union(select(history.c.id, history.c.parent, history.c.message).where(history.c.id == above.c.parent))
    )
