"""Phoenix exports: spans as JSON or JSON lines, and its table of spans as JSON.

A span is an object with `context`, `span_kind` and `attributes`, nested or with dots in their names; or a row of the
table, with columns such as `context.span_id` and `attributes.llm.model_name`. It becomes the OpenInference span that
it was: names with dots, lists with an index in the name.

References:
    Phoenix, `Client.get_spans` and `get_spans_dataframe`. OpenInference specification (spec/).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from agenteval.core.json import Json
from agenteval.core.span import Span, SpanEvent, SpanStatus
from agenteval.intake.formats._json import Decoded, Unreadable
from agenteval.intake.formats._reading import maybe_object, maybe_objects, maybe_text, object_of
from agenteval.intake.formats._record import Record
from agenteval.intake.formats._source import Look, Source
from agenteval.intake.formats._spans import (
    SPAN_ERROR,
    as_text,
    attribute,
    converted,
    moment,
    parent_id_of,
    records,
    scope_of,
    span_id_of,
    trace_id_of,
)

NAME: Final = "phoenix"
TITLE: Final = "Phoenix exports (spans as JSON, JSON lines, or a table with columns such as context.span_id)"

_SCOPE: Final = "openinference.instrumentation"
_TRACE, _SPAN = "context.trace_id", "context.span_id"
_CODES: Final = {"OK": 1, "ERROR": SPAN_ERROR}
_KIND: Final = "openinference.span.kind"
_AS_JSON: Final = (
    "metadata",
    "llm.invocation_parameters",
    "llm.prompt_template.variables",
    "tool.parameters",
    "input.value",
    "output.value",
    "tool.json_schema",
    "tool_call.function.arguments",
    "document.metadata",
)
"""Attributes whose values are JSON text; exports may hold what the text says."""


def detect(look: Look) -> bool:
    """Spans with a context, rows of the table, or the table by columns."""
    if look.shape == "object" and (_SPAN in look.keys or look.keys >= {"context", "span_kind"}):
        return True
    first = look.first
    if not isinstance(first, dict):
        return False
    return _SPAN in first or (first.keys() >= {"context", "attributes"} and "span_id" in maybe_object(first["context"]))


def read(source: Source) -> Iterator[Record]:
    """Every span."""
    yield from converted(source, records(source, member="data"), _spans)


def _spans(record: Decoded) -> list[Span]:
    data = object_of(record.clean, "a span")
    if isinstance(data.get(_SPAN), dict):
        return [_span(row) for row in _rows(data)]
    return [_span(data)]


def _rows(table: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of a table that was written by columns."""
    columns = {name: maybe_object(column) for name, column in table.items()}
    for row in columns[_SPAN]:
        yield {name: column[row] for name, column in columns.items() if column.get(row) is not None}


def _span(data: Mapping[str, Any]) -> Span:
    context = maybe_object(data.get("context"))
    trace_id = trace_id_of(context.get("trace_id") or data.get(_TRACE))
    start = moment(data.get("start_time"))
    if start is None:
        raise Unreadable("the span has no start_time that is a time")
    attributes = _attributes(data)
    kind = maybe_text(data.get("span_kind"))
    if kind and _KIND not in attributes:
        attributes[_KIND] = kind
    return Span(
        trace_id=trace_id,
        span_id=span_id_of(trace_id, context.get("span_id") or data.get(_SPAN)),
        parent_id=parent_id_of(trace_id, data.get("parent_id")),
        name=maybe_text(data.get("name")) or "",
        start_ns=start,
        end_ns=moment(data.get("end_time")) or 0,
        status=_status(data),
        scope=scope_of(data.get("scope")) if data.get("scope") else {"name": _SCOPE, "version": ""},
        events=tuple(_event(event) for event in maybe_objects(data.get("events"))),
        attributes=attributes,
    )


def _status(data: Mapping[str, Any]) -> SpanStatus:
    code = _CODES.get(str(data.get("status_code") or "").upper(), 0)
    return SpanStatus(code=code, message=str(data.get("status_message") or ""))


def _attributes(data: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in data.items():
        if name == "attributes":
            _flatten("", value, found)
        elif name.startswith("attributes."):
            _flatten(name.removeprefix("attributes."), value, found)
    return found


def _flatten(name: str, value: Any, found: dict[str, Any]) -> None:
    """Names with dots for what is nested, and indexes for what is listed. Bounded by the depth of the file."""
    if value is None:
        return
    if name.endswith(_AS_JSON) and not isinstance(value, (str, bool, int, float)):
        found[name] = as_text(value)
    elif isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            _flatten(f"{name}.{key}" if name else key, item, found)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in cast("list[Any]", value)):
        for at, item in enumerate(cast("list[Any]", value)):
            _flatten(f"{name}.{at}", item, found)
    else:
        found[name] = attribute(cast("Json", value))


def _event(event: Mapping[str, Any]) -> SpanEvent:
    return SpanEvent(
        name=maybe_text(event.get("name")) or "",
        at_ns=moment(event.get("timestamp")) or 0,
        attributes={name: attribute(value) for name, value in maybe_object(event.get("attributes")).items()},
    )
