"""Spans and log records in, rows out, and back: nothing lost, and what is repeated kept once.

A row has the columns that are looked for, and a body: `[values, refs, extras]`. `values` are the attributes' values;
their names are the row's `shape`. What spans share with their neighbours (kind, resource, scope) is the row's `frame`.
`refs` says which values stand in `content` and `history` instead:

    [position, "v", id]             the value is that content
    [position, "l", [id, …]]        a list of those contents
    [position, "h", node]           a list: the conversation down to that node
    [position, "t", node, between]  JSON text: that conversation, its messages' own text with `between` between them
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import orjson

from agenteval.core import semconv
from agenteval.core.span import Attribute, Attributes, LogRecord, Span, SpanEvent, SpanLink, SpanStatus
from agenteval.store.content import Chain, Texts, Wanted, digest_of
from agenteval.store.keys import log_key, span_key
from agenteval.store.pack import Ref, encodable, pack, unpack

LARGE = 256
"""Bytes from which a value is a content of its own: a smaller one costs more as a row than it saves."""

_INT64 = 2**63 - 1
_NO_STATUS = SpanStatus()
_PART_VALUES = ("response", "arguments")
_RECENT = 8  # conversations of one call that the next one may continue
_DECODER = json.JSONDecoder()

Row = tuple[Any, ...]


class _Said:
    """A conversation that was drafted lately: as messages, or as JSON text up to its closing bracket."""

    __slots__ = ("_data", "between", "chain", "messages", "text")

    def __init__(self, chain: Chain, *, messages: Sequence[Any] = (), text: str = "", between: str = "") -> None:
        self.chain = chain
        self.messages = messages
        self.text = text
        self.between = between
        self._data: bytes | None = None

    def begins(self, messages: Sequence[Mapping[str, Any]]) -> bool:
        """Whether a conversation begins with all of this one, to the letter."""
        earlier = self.messages
        count = len(earlier)
        if not earlier or count > len(messages) or messages[0] != earlier[0] or messages[count - 1] != earlier[-1]:
            return False
        if messages[:count] != earlier:
            return False
        if self._data is None:
            self._data = pack(earlier)
        # equal in Python is not enough: 1, 1.0 and true are
        return pack(messages[:count]) == self._data

    def begins_text(self, text: str) -> bool:
        """Whether a conversation in JSON text begins with this one, and goes on."""
        return self.between != "" and text.startswith(self.text) and text.startswith(self.between, len(self.text))


class Drafts:
    """Turns spans and log records into rows; first draft them all, then keep what they want, then ask for rows."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._shapes: dict[tuple[str, ...], bytes] = {}
        self._frames: dict[bytes, bytes] = {}
        self._recent: list[_Said] = []

    def span(self, span: Span) -> Draft:
        """Draft a span. Raises RequestError for a malformed id, StoreError for a value that cannot be stored."""
        trace_id, span_id = span_key(span)
        extras = _span_extras(span)
        name = span.name
        if not encodable(name):
            extras["name"] = name
            name = name.encode("utf-8", "replace").decode().replace("\0", "")
        columns = (
            trace_id,
            span_id,
            bytes.fromhex(span.parent_id) if span.parent_id is not None else None,
            _int64(span.start_ns),
            _int64(span.end_ns),
            name,
        )
        frame = [span.kind, span.flags, span.trace_state, span.schema_url, span.resource, span.scope]
        return self._draft(columns, span.attributes, frame, extras)

    def log(self, log: LogRecord, digest: bytes) -> Draft:
        """Draft a log record. Raises as `span` does."""
        columns = (*log_key(log), _int64(log.at_ns), digest)
        extras: dict[str, Any] = {"name": log.name, "severity": log.severity, "body": log.body}
        if log.at_ns != _int64(log.at_ns):
            extras["at_ns"] = log.at_ns
        return self._draft(columns, log.attributes, [log.resource, log.scope], extras)

    def _draft(self, columns: Row, attributes: Attributes, frame: list[Any], extras: dict[str, Any]) -> Draft:
        draft = Draft(columns, self._shape(attributes), self._frame(frame), list(attributes.values()), extras)
        for position, (name, value) in enumerate(attributes.items()):
            if isinstance(value, str):
                if len(value) >= LARGE:
                    self._refer_to_text(draft, position, name, value)
            elif value is not None and not isinstance(value, (bool, int)):
                self._refer_to_value(draft, position, name, value)
        return draft

    def _shape(self, attributes: Attributes) -> bytes:
        names = tuple(attributes)
        if names not in self._shapes:
            self._shapes[names] = self._wanted.text(pack(names))
        return self._shapes[names]

    def _frame(self, frame: list[Any]) -> bytes:
        data = pack(frame)
        if data not in self._frames:
            self._frames[data] = self._wanted.text(data)
        return self._frames[data]

    def _refer_to_text(self, draft: Draft, position: int, name: str, value: str) -> None:
        said = self._written(value) if name in _CONVERSATIONS else None
        if said is not None:
            draft.refer(position, "t", said.chain, said.between)
        else:
            draft.refer(position, "v", self._wanted.text(pack(value)))

    def _refer_to_value(self, draft: Draft, position: int, name: str, value: Attribute) -> None:
        if name in _CONVERSATIONS and isinstance(value, (list, tuple)) and _all_objects(value):
            messages = cast("Sequence[Mapping[str, Any]]", value)
            if name == semconv.INPUT_MESSAGES:
                draft.refer(position, "h", self._conversation(messages))
            else:
                draft.refer(position, "l", [self._message(message) for message in messages])
            return
        data = pack(value)
        if len(data) >= LARGE:
            draft.refer(position, "v", self._wanted.text(data))
        else:
            draft.values[position] = orjson.Fragment(data)

    # --- conversations

    def _conversation(self, messages: Sequence[Mapping[str, Any]]) -> Chain:
        """The conversation as what is new after one that was drafted lately."""
        base = next((said for said in reversed(self._recent) if said.begins(messages)), None)
        new = messages if base is None else messages[len(base.messages) :]
        if base is not None and not new:
            return base.chain
        chain = self._wanted.chain(base and base.chain, [self._message(message) for message in new])
        self._remember(_Said(chain, messages=messages))
        return chain

    def _message(self, message: Mapping[str, Any]) -> bytes:
        """The digest of one message; what tools answered is a content of its own, which the tool's span shares."""
        parts: object = message.get("parts")
        if isinstance(parts, list):
            lighter = [self._lighter(part) for part in cast("list[Any]", parts)]
            refs = sum(count for _, count in lighter)
            if refs:
                return self._wanted.text(pack({**message, "parts": [part for part, _ in lighter]}, refs=refs))
        return self._wanted.text(pack(message))

    def _lighter(self, part: Any) -> tuple[Any, int]:
        """A message part with its large values replaced by references, and how many there are."""
        if not isinstance(part, dict):
            return part, 0
        members = cast("dict[str, Any]", part)
        large: dict[str, Ref] = {}
        for name in _PART_VALUES:
            value = members.get(name)
            if value is None or (isinstance(value, str) and len(value) < LARGE):
                continue
            data = pack(value)
            if len(data) >= LARGE:
                large[name] = Ref(self._wanted.text(data).hex())
        return ({**members, **large}, len(large)) if large else (members, 0)

    def _written(self, text: str) -> _Said | None:
        """A conversation in JSON text, so split that joining gives the same text; None where it cannot be."""
        try:
            text.encode()
        except UnicodeEncodeError:
            return None
        base = next((said for said in reversed(self._recent) if said.begins_text(text)), None)
        start = 1 if base is None else len(base.text) + len(base.between)
        pieces, between = _split(text, start, None if base is None else base.between)
        if pieces is None:
            return None
        chain = self._wanted.chain(base and base.chain, [self._wanted.text(piece.encode()) for piece in pieces])
        said = _Said(chain, text=text[:-1], between=between)
        self._remember(said)
        return said

    def _remember(self, said: _Said) -> None:
        self._recent.append(said)
        if len(self._recent) > _RECENT:
            del self._recent[0]


_CONVERSATIONS = frozenset({semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES})


class Draft:
    """A row to be: complete once what it wants is kept."""

    __slots__ = ("columns", "extras", "frame", "refs", "shape", "values")

    def __init__(self, columns: Row, shape: bytes, frame: bytes, values: list[Any], extras: dict[str, Any]) -> None:
        self.columns = columns
        self.shape = shape
        self.frame = frame
        self.values = values
        self.refs: list[tuple[Any, ...]] = []
        self.extras = extras

    def refer(self, position: int, kind: str, *what: Any) -> None:
        """Let a value stand elsewhere."""
        self.values[position] = 0
        self.refs.append((position, kind, *what))

    def row(self, ids: Mapping[bytes, int]) -> Row:
        """The row of a log record."""
        return (*self.columns, ids[self.shape], ids[self.frame], self._body(ids))

    def span_row(self, ids: Mapping[bytes, int]) -> Row:
        """The row of a span, with a digest of all the rest."""
        shape, frame, body = ids[self.shape], ids[self.frame], self._body(ids)
        _, _, parent, start, end, name = self.columns
        head = b"%d %d %d %d %s %s\0" % (start, end, shape, frame, parent or b"", name.encode())
        return (*self.columns, digest_of(head + body)[:8], shape, frame, body)

    def _body(self, ids: Mapping[bytes, int]) -> bytes:
        refs = [_settled(ref, ids) for ref in self.refs]
        extras = orjson.Fragment(pack(self.extras)) if self.extras else None
        body = [self.values, refs, extras] if extras is not None else [self.values, refs] if refs else [self.values]
        try:
            return orjson.dumps(body)
        except TypeError:  # a value that needs escapes
            self.values[:] = [
                value if isinstance(value, orjson.Fragment) else orjson.Fragment(pack(value)) for value in self.values
            ]
            return orjson.dumps(body)


def _settled(ref: tuple[Any, ...], ids: Mapping[bytes, int]) -> list[Any]:
    position, kind, what, *rest = ref
    if isinstance(what, Chain):
        return [position, kind, what.node, *rest]
    return [position, kind, [ids[digest] for digest in what] if kind == "l" else ids[what]]


def _span_extras(span: Span) -> dict[str, Any]:
    """What most spans do not have."""
    extras: dict[str, Any] = {}
    if span.status != _NO_STATUS:
        extras["status"] = [span.status.code, span.status.message]
    if span.events:
        extras["events"] = [[e.name, e.at_ns, e.attributes, e.dropped_attributes] for e in span.events]
    if span.links:
        extras["links"] = [
            [k.trace_id, k.span_id, k.trace_state, k.attributes, k.dropped_attributes, k.flags] for k in span.links
        ]
    if span.dropped_attributes or span.dropped_events or span.dropped_links:
        extras["dropped"] = [span.dropped_attributes, span.dropped_events, span.dropped_links]
    if span.start_ns != _int64(span.start_ns) or span.end_ns != _int64(span.end_ns):
        extras["times"] = [span.start_ns, span.end_ns]
    return extras


def _int64(number: int) -> int:
    """The nearest number that a column can hold."""
    return max(-_INT64, min(number, _INT64))


def _all_objects(value: Sequence[Any]) -> bool:
    return bool(value) and all(isinstance(item, dict) for item in value)


def _split(text: str, start: int, between: str | None) -> tuple[list[str] | None, str]:
    """The objects of a JSON list from a position on, each as it is written, and what stands between them."""
    pieces: list[str] = []
    at = start
    try:
        while True:
            if text[at] != "{":
                return None, ""
            end = _DECODER.raw_decode(text, at)[1]
            pieces.append(text[at:end])
            if end == len(text) - 1 and text[end] == "]":
                return (pieces, between or "") if text[0] == "[" else (None, "")
            between = between or text[end : text.index("{", end)]
            if not text.startswith(between, end):
                return None, ""
            at = end + len(between)
    except (ValueError, IndexError, RecursionError):
        return None, ""


# --- back


class Reading:
    """Turns rows back into spans and log records."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._shapes: dict[int, list[str]] = {}

    def spans(self, rows: Sequence[Any]) -> list[Span]:
        """Spans from rows of the table `span`."""
        bodies = self._bodies(rows)
        return [self._span(row, body) for row, body in zip(rows, bodies, strict=True)]

    def logs(self, rows: Sequence[Any]) -> list[LogRecord]:
        """Log records from rows of the table `log`."""
        bodies = self._bodies(rows)
        return [self._log(row, body) for row, body in zip(rows, bodies, strict=True)]

    def _bodies(self, rows: Sequence[Any]) -> list[list[Any]]:
        bodies: list[list[Any]] = [unpack(row.body) for row in rows]
        ids: set[int] = set()
        nodes: set[int] = set()
        for row, body in zip(rows, bodies, strict=True):
            ids.update((row.shape, row.frame))
            for _, kind, what, *_ in body[1] if len(body) > 1 else ():
                if kind in "ht":
                    nodes.add(what)
                else:
                    ids.update(what if kind == "l" else (what,))
        self._texts.fetch(ids, nodes)
        return bodies

    def _attributes(self, row: Any, body: list[Any]) -> dict[str, Any]:
        names = self._shapes.get(row.shape)
        if names is None:
            names = self._shapes[row.shape] = self._texts.value(row.shape)
        values = body[0]
        for position, kind, what, *rest in body[1] if len(body) > 1 else ():
            values[position] = self._referred(kind, what, rest)
        return dict(zip(names, values, strict=True))

    def _referred(self, kind: str, what: Any, rest: Sequence[str]) -> Any:
        texts = self._texts
        if kind == "v":
            return texts.value(what)
        if kind == "l":
            return [texts.value(number) for number in what]
        messages = texts.conversation(what)
        if kind == "h":
            return [texts.value(number) for number in messages]
        return "[" + rest[0].join(texts.data(number).decode() for number in messages) + "]"

    def _span(self, row: Any, body: list[Any]) -> Span:
        kind, flags, trace_state, schema_url, resource, scope = self._texts.value(row.frame)
        extras: dict[str, Any] = body[2] if len(body) > 2 else {}
        start_ns, end_ns = extras.get("times", (row.start_ns, row.end_ns))
        dropped = extras.get("dropped", (0, 0, 0))
        return Span(
            trace_id=row.trace_id.hex(),
            span_id=row.span_id.hex(),
            parent_id=None if row.parent_id is None else row.parent_id.hex(),
            name=extras.get("name", row.name),
            start_ns=start_ns,
            end_ns=end_ns,
            kind=kind,
            flags=flags,
            trace_state=trace_state,
            schema_url=schema_url,
            resource=resource,
            scope=scope,
            attributes=self._attributes(row, body),
            status=SpanStatus(code=extras["status"][0], message=extras["status"][1])
            if "status" in extras
            else _NO_STATUS,
            events=tuple(_event(data) for data in extras.get("events", ())),
            links=tuple(_link(data) for data in extras.get("links", ())),
            dropped_attributes=dropped[0],
            dropped_events=dropped[1],
            dropped_links=dropped[2],
        )

    def _log(self, row: Any, body: list[Any]) -> LogRecord:
        resource, scope = self._texts.value(row.frame)
        extras: dict[str, Any] = body[2]
        return LogRecord(
            trace_id=row.trace_id.hex(),
            span_id=row.span_id.hex(),
            at_ns=extras.get("at_ns", row.at_ns),
            name=extras["name"],
            severity=extras["severity"],
            body=extras["body"],
            attributes=self._attributes(row, body),
            resource=resource,
            scope=scope,
        )


def _event(data: list[Any]) -> SpanEvent:
    name, at_ns, attributes, dropped = data
    return SpanEvent(name=name, at_ns=at_ns, attributes=attributes, dropped_attributes=dropped)


def _link(data: list[Any]) -> SpanLink:
    trace_id, span_id, trace_state, attributes, dropped, flags = data
    return SpanLink(
        trace_id=trace_id,
        span_id=span_id,
        trace_state=trace_state,
        attributes=attributes,
        dropped_attributes=dropped,
        flags=flags,
    )
