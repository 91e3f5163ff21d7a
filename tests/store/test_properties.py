"""Whatever is appended, in any order, split and repetition, SQLite answers as the reference does, and loses nothing."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agenteval.core import semconv
from agenteval.core.span import LogRecord, Span, SpanEvent, SpanLink, SpanStatus
from agenteval.store.memory import MemoryStore
from agenteval.store.sql import SqlStore
from agenteval.testing.store_parts import to_the_letter

TRACES = ["0" * 32, "0123456789abcdef" * 2]
text = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=12),  # lone surrogates and NUL among them
    st.sampled_from(["", "$agenteval", "x" * 300, "null", '{"a":1}', "[{}]", "\ud800"]),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 2),
    st.integers(-(2**63), 2**64),
    st.integers(),
    st.floats(),
    text,
    st.binary(max_size=8),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(text, inner, max_size=4)),
    max_leaves=8,
)
part = st.one_of(
    st.builds(lambda said: {"type": "text", "content": said}, text),
    st.builds(
        lambda answer: {"type": "tool_call_response", "id": None, "response": answer},
        st.one_of(values, st.just({"rows": ["row"] * 80})),
    ),
    st.dictionaries(text, values, max_size=3),
)
message = st.one_of(
    st.builds(
        lambda role, parts: {"role": role, "parts": parts},
        st.sampled_from(["user", "tool"]),
        st.lists(part, max_size=3),
    ),
    st.sampled_from([{"role": "user", "parts": [{"n": n}]} for n in (1, 1.0, True, None, float("nan"))]),
    st.dictionaries(text, values, max_size=2),
)


@st.composite
def conversations(draw: st.DrawFn) -> list[Any]:
    """Beginnings of one conversation, some with a message changed, some as JSON text."""
    whole = draw(st.lists(message, max_size=6))
    found: list[Any] = []
    for _ in range(draw(st.integers(1, 4))):
        messages = whole[: draw(st.integers(0, len(whole)))]
        if messages and draw(st.booleans()):
            messages = [*messages[:-1], draw(message)]
        style = draw(st.sampled_from([None, {}, {"separators": (",", ":"), "ensure_ascii": False}, {"indent": 2}]))
        found.append(messages if style is None else json.dumps(messages, default=repr, **style))
    return found


@st.composite
def spans(draw: st.DrawFn) -> list[Span]:
    """Spans of two traces whose ids meet now and then."""
    conversation = draw(conversations())
    found: list[Span] = []
    for _ in range(draw(st.integers(1, 6))):
        attributes = draw(st.dictionaries(text, values, max_size=4))
        if draw(st.booleans()):
            key = draw(st.sampled_from([semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES]))
            attributes[key] = draw(st.sampled_from(conversation))
        found.append(
            Span(
                trace_id=draw(st.sampled_from(TRACES)),
                span_id=f"{draw(st.integers(0, 5)):016x}",
                parent_id=draw(st.sampled_from([None, "0" * 16, "f" * 16])),
                name=draw(text),
                start_ns=draw(st.one_of(st.integers(0, 3), st.integers(-(2**70), 2**70))),
                end_ns=draw(st.integers(0, 2**64 - 1)),
                trace_state=draw(text),
                flags=draw(st.integers(0, 2**32 - 1)),
                kind=draw(st.integers(0, 5)),
                status=SpanStatus(code=draw(st.integers(0, 2)), message=draw(text)),
                attributes=attributes,
                events=tuple(
                    SpanEvent(name=name, at_ns=at, attributes={"v": value})
                    for name, at, value in draw(st.lists(st.tuples(text, st.integers(0, 2**64), values), max_size=2))
                ),
                links=tuple(
                    SpanLink(trace_id=TRACES[0], span_id="a" * 16, attributes={"v": value})
                    for value in draw(st.lists(values, max_size=2))
                ),
                dropped_attributes=draw(st.integers(0, 2)),
                resource=draw(st.one_of(st.just({"service.name": "s"}), st.dictionaries(text, values, max_size=2))),
                scope=draw(st.sampled_from([{}, {"name": "lib"}, {"n": 1}, {"n": True}, {"n": 1.0}])),
            )
        )
    return found


logs = st.lists(
    st.builds(
        LogRecord,
        trace_id=st.sampled_from([*TRACES, ""]),
        span_id=st.sampled_from(["", "a" * 16]),
        at_ns=st.one_of(st.integers(0, 2), st.integers(0, 2**64)),
        name=text,
        body=values,
        attributes=st.dictionaries(text, values, max_size=2),
    ),
    max_size=4,
)


@st.composite
def arrivals(draw: st.DrawFn) -> list[list[Span | LogRecord]]:
    """Spans and logs with repeats, in any order, in any split."""
    items: list[Span | LogRecord] = [*draw(spans()), *draw(logs)]
    items += draw(st.lists(st.sampled_from(items), max_size=4))
    items = draw(st.permutations(items))
    cuts = sorted(draw(st.lists(st.integers(0, len(items)), max_size=3)))
    return [items[start:end] for start, end in zip([0, *cuts], [*cuts, len(items)], strict=True)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(arrivals())
def test_sqlite_answers_as_the_reference_does(arriving: list[list[Span | LogRecord]]) -> None:
    reference = MemoryStore()
    with tempfile.TemporaryDirectory() as folder:
        store = SqlStore(Path(folder) / "store.db")
        for some in arriving:
            some_spans = [item for item in some if isinstance(item, Span)]
            some_logs = [item for item in some if isinstance(item, LogRecord)]
            assert store.append(some_spans, some_logs) == reference.append(some_spans, some_logs)
        wanted = to_the_letter(reference.read([*TRACES, ""]))
        assert to_the_letter(store.read([*TRACES, ""])) == wanted
        assert store.conflicts(TRACES) == reference.conflicts(TRACES)
        store.close()
        reopened = SqlStore(Path(folder) / "store.db")
        assert to_the_letter(reopened.read([*TRACES, ""])) == wanted
        for some in arriving:  # a cold start finds what was there
            repeated = reopened.append([item for item in some if isinstance(item, Span)])
            assert repeated.new == 0
        assert to_the_letter(reopened.read([*TRACES, ""])) == wanted
        reopened.close()
