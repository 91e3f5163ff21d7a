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
from agenteval.core.span import Attributes, LogRecord, Span, SpanEvent, SpanLink, SpanStatus
from agenteval.store.content import Interning, Texts
from agenteval.store.kept import LARGE, lighten
from agenteval.store.keys import SPAN_DIGITS, TRACE_DIGITS, hex_id, log_key
from agenteval.store.pack import encodable, pack, unpack

_INT64 = 2**63 - 1
_NO_STATUS = SpanStatus()
_RECENT = 4  # conversations of one call that the next one may continue
_DECODER = json.JSONDecoder()

Row = tuple[Any, ...]
Ref = tuple[Any, ...]
"""Position among the values, kind, and what it refers to."""


class _Said:
    """A conversation that was written lately: as messages, or as JSON text up to its closing bracket."""

    __slots__ = ("_data", "between", "messages", "node", "text")

    def __init__(self, node: int, *, messages: Sequence[Any] = (), text: str = "", between: str = "") -> None:
        self.node = node
        self.messages = messages
        self.text = text
        self.between = between
        self._data: bytes | None = None

    def begins(self, messages: Sequence[Mapping[str, Any]]) -> bool:
        """Whether a conversation begins with all of this one, to the letter."""
        earlier = self.messages
        count = len(earlier)
        if not 0 < count <= len(messages) or messages[0] != earlier[0] or messages[count - 1] != earlier[-1]:
            return False
        if self._data is None:
            self._data = pack(earlier)
        # equal in Python is not enough: 1, 1.0 and true are
        return pack(messages[:count]) == self._data

    def begins_text(self, text: str) -> bool:
        """Whether a conversation in JSON text begins with this one, and goes on."""
        return self.between != "" and text.startswith(self.text) and text.startswith(self.between, len(self.text))


_SELDOM_IN_LOGS = ("observed_ns", "severity_text", "dropped_attributes", "flags", "schema_url")


class Writing:
    """Turns spans and log records into rows.

    Args:
        interning: Keeps what repeats.
    """

    def __init__(self, interning: Interning) -> None:
        self._interning = interning
        self._shapes: dict[tuple[str, ...], int] = {}
        self._frames: dict[tuple[int, int, str, str], tuple[Attributes, Attributes, int]] = {}
        self._ids: dict[str, bytes] = {}
        self._recent: list[_Said] = []

    def span(self, span: Span) -> Row:
        """The row of a span. Raises RequestError for a malformed id, StoreError for a value that cannot be stored."""
        extras = _span_extras(span)
        name = span.name
        if not encodable(name):
            extras["name"] = name
            name = name.encode("utf-8", "replace").decode().replace("\0", "")
        start_ns, end_ns = span.start_ns, span.end_ns
        if not (-_INT64 <= start_ns <= _INT64 and -_INT64 <= end_ns <= _INT64):
            extras["times"] = [start_ns, end_ns]
            start_ns, end_ns = _int64(start_ns), _int64(end_ns)
        trace_id, span_id, parent_id = self._keys(span)
        shape = self._shape(span.attributes)
        frame = self._frame(span)
        body = self._body(span.attributes, extras)
        return (trace_id, span_id, parent_id, start_ns, end_ns, name, shape, frame, body)

    def log(self, log: LogRecord, digest: bytes) -> Row:
        """The row of a log record. Raises as `span` does."""
        extras: dict[str, Any] = {"name": log.name, "severity": log.severity, "body": log.body}
        if log.at_ns != _int64(log.at_ns):
            extras["at_ns"] = log.at_ns
        extras.update((name, value) for name in _SELDOM_IN_LOGS if (value := getattr(log, name)))
        frame = self._interning.text(pack([log.resource, log.scope]))
        body = self._body(log.attributes, extras)
        return (*log_key(log), _int64(log.at_ns), digest, self._shape(log.attributes), frame, body)

    def _keys(self, span: Span) -> tuple[bytes, bytes, bytes | None]:
        """The ids of a span as bytes. Traces and parents come again and again."""
        ids = self._ids
        trace_id, parent_id = ids.get(span.trace_id), ids.get(span.parent_id or "")
        if trace_id is None:
            trace_id = ids[span.trace_id] = hex_id(span.trace_id, TRACE_DIGITS, "trace_id")
        if parent_id is None and span.parent_id is not None:
            parent_id = ids[span.parent_id] = hex_id(span.parent_id, SPAN_DIGITS, "parent_id")
        return trace_id, hex_id(span.span_id, SPAN_DIGITS, "span_id"), parent_id

    def _shape(self, attributes: Attributes) -> int:
        names = tuple(attributes)
        shape = self._shapes.get(names)
        if shape is None:
            shape = self._shapes[names] = self._interning.text(pack(names))
        return shape

    def _frame(self, span: Span) -> int:
        """What a span shares with its neighbours, which as a rule is what the last one of its kind had."""
        key = (span.kind, span.flags, span.trace_state, span.schema_url)
        last = self._frames.get(key)
        if last is not None and last[0] == span.resource and last[1] == span.scope:
            return last[2]
        number = self._interning.text(pack([*key, span.resource, span.scope]))
        # equality tells all apart where every value is text; 1, 1.0 and true are equal
        if all(type(value) is str for value in (*span.resource.values(), *span.scope.values())):
            self._frames[key] = (span.resource, span.scope, number)
        return number

    def _body(self, attributes: Attributes, extras: Mapping[str, Any]) -> bytes:
        values: list[object] = list(attributes.values())
        refs: list[Ref] = []
        for position, value in enumerate(values):
            if type(value) is str:
                if len(value) < LARGE:
                    continue
                ref = self._text(position, value, attributes)
            elif type(value) is int or type(value) is bool or value is None:
                continue
            else:
                ref = self._value(position, value, attributes)
            if type(ref) is tuple:
                values[position] = 0
                refs.append(ref)
            else:
                values[position] = ref
        body = [values, refs, orjson.Fragment(pack(extras))] if extras else [values, refs] if refs else [values]
        try:
            return orjson.dumps(body)
        except TypeError:  # a value that needs escapes
            values[:] = [
                value if isinstance(value, orjson.Fragment) else orjson.Fragment(pack(value)) for value in values
            ]
            return orjson.dumps(body)

    def _text(self, position: int, value: str, attributes: Attributes) -> Ref:
        """A reference to a large text."""
        if any(attributes.get(name) is value for name in _CONVERSATIONS):
            said = self._written(value)
            if said is not None:
                return (position, "t", said.node, said.between)
        return (position, "v", self._interning.text(pack(value)))

    def _value(self, position: int, value: Any, attributes: Attributes) -> Ref | orjson.Fragment:
        """A reference to a value that is a conversation or large; else its own text."""
        if isinstance(value, (list, tuple)) and value and type(cast("Sequence[Any]", value)[0]) is dict:
            messages = cast("Sequence[dict[str, Any]]", value)
            if attributes.get(semconv.INPUT_MESSAGES) is value and _all_objects(messages):
                return (position, "h", self._conversation(messages))
            if attributes.get(semconv.OUTPUT_MESSAGES) is value and _all_objects(messages):
                return (position, "l", [self._message(message) for message in messages])
        data = pack(cast("object", value))
        return (position, "v", self._interning.text(data)) if len(data) >= LARGE else orjson.Fragment(data)

    # --- conversations

    def _conversation(self, messages: Sequence[Mapping[str, Any]]) -> int:
        """The node of a conversation, which often goes on from one that was written lately."""
        base = next((said for said in reversed(self._recent) if said.begins(messages)), None)
        new = messages if base is None else messages[len(base.messages) :]
        node = self._interning.conversation(0 if base is None else base.node, [self._message(item) for item in new])
        if new:
            self._remember(_Said(node, messages=messages))
        return node

    def _message(self, message: Mapping[str, Any]) -> int:
        """The number of one message; what tools answered is a content of its own, which the tool's span shares."""
        data, texts = lighten(message)
        for digest, text in texts.items():
            self._interning.digested(digest, text)
        return self._interning.text(data)

    def _written(self, text: str) -> _Said | None:
        """A conversation in JSON text, so split that joining gives the same text; None where it cannot be."""
        if not encodable(text):
            return None
        base = next((said for said in reversed(self._recent) if said.begins_text(text)), None)
        start = 1 if base is None else len(base.text) + len(base.between)
        pieces, between = _split(text, start, None if base is None else base.between)
        if not pieces:
            return None
        messages = [self._interning.text(piece.encode()) for piece in pieces]
        node = self._interning.conversation(0 if base is None else base.node, messages)
        said = _Said(node, text=text[:-1], between=between)
        self._remember(said)
        return said

    def _remember(self, said: _Said) -> None:
        self._recent.append(said)
        if len(self._recent) > _RECENT:
            del self._recent[0]


_CONVERSATIONS = (semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES)


def _span_extras(span: Span) -> dict[str, Any]:
    """What most spans do not have."""
    extras: dict[str, Any] = {}
    if span.status.code or span.status.message:
        extras["status"] = [span.status.code, span.status.message]
    if span.events:
        extras["events"] = [[e.name, e.at_ns, e.attributes, e.dropped_attributes] for e in span.events]
    if span.links:
        extras["links"] = [
            [k.trace_id, k.span_id, k.trace_state, k.attributes, k.dropped_attributes, k.flags] for k in span.links
        ]
    if span.dropped_attributes or span.dropped_events or span.dropped_links:
        extras["dropped"] = [span.dropped_attributes, span.dropped_events, span.dropped_links]
    return extras


def _int64(number: int) -> int:
    """The nearest number that a column can hold."""
    return max(-_INT64, min(number, _INT64))


def _all_objects(value: Sequence[Any]) -> bool:
    return bool(value) and all(isinstance(item, dict) for item in value)


def _split(text: str, start: int, between: str | None) -> tuple[list[str], str]:
    """The objects of a JSON list from a position on, each as it is written, and what stands between any two.

    Joining them so gives the same text again; no objects where it would not.
    """
    pieces: list[str] = []
    at = start
    try:
        while text[0] == "[" and text[at] == "{":
            end = _DECODER.raw_decode(text, at)[1]
            pieces.append(text[at:end])
            if end == len(text) - 1 and text[end] == "]":
                return pieces, between or ""
            between = between or text[end : text.index("{", end)]
            if not text.startswith(between, end):
                break
            at = end + len(between)
    except (ValueError, IndexError, RecursionError):
        pass
    return [], ""


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

    def _attributes(self, shape: int, body: list[Any]) -> dict[str, Any]:
        names = self._shapes.get(shape)
        if names is None:
            names = self._shapes[shape] = self._texts.value(shape)
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
        _, trace_id, span_id, parent_id, start_ns, end_ns, name, shape, frame, _ = row
        kind, flags, trace_state, schema_url, resource, scope = self._texts.value(frame)
        extras: dict[str, Any] = body[2] if len(body) > 2 else {}
        start_ns, end_ns = extras.get("times", (start_ns, end_ns))
        dropped = extras.get("dropped", (0, 0, 0))
        return Span(
            trace_id=trace_id.hex(),
            span_id=span_id.hex(),
            parent_id=None if parent_id is None else parent_id.hex(),
            name=extras.get("name", name),
            start_ns=start_ns,
            end_ns=end_ns,
            kind=kind,
            flags=flags,
            trace_state=trace_state,
            schema_url=schema_url,
            resource=resource,
            scope=scope,
            attributes=self._attributes(shape, body),
            status=SpanStatus(code=extras["status"][0], message=extras["status"][1])
            if "status" in extras
            else _NO_STATUS,
            events=tuple(map(_event, extras["events"])) if "events" in extras else (),
            links=tuple(map(_link, extras["links"])) if "links" in extras else (),
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
            attributes=self._attributes(row.shape, body),
            resource=resource,
            scope=scope,
            **{name: extras[name] for name in _SELDOM_IN_LOGS if name in extras},
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
