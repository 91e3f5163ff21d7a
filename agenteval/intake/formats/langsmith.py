"""LangSmith runs: JSON lines or a list, as its SDK, its API and its bulk export write them.

A run becomes the span that LangSmith's OpenTelemetry exporter would have sent: its kind under `langsmith.span.kind`,
its inputs and outputs as JSON in `gen_ai.prompt` and `gen_ai.completion`, its metadata under `langsmith.metadata.*`.
A run that failed has an exception event, as there. Runs that hold their children are taken apart.

References:
    LangSmith documentation, "Run data format" and "Trace with OpenTelemetry".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from agenteval.core.span import Span, SpanEvent, SpanStatus
from agenteval.intake.formats._json import Decoded, Unreadable
from agenteval.intake.formats._reading import maybe_count, maybe_object, maybe_objects, maybe_text, object_of
from agenteval.intake.formats._record import Record
from agenteval.intake.formats._source import Look, Source
from agenteval.intake.formats._spans import (
    SPAN_ERROR,
    as_text,
    converted,
    moment,
    parent_id_of,
    put,
    records,
    span_id_of,
    trace_id_of,
)

NAME: Final = "langsmith"
TITLE: Final = "LangSmith runs (JSON lines or a list: objects with run_type and start_time)"

_SCOPE: Final = {"name": "langsmith", "version": ""}
_RAISED: Final = re.compile(r"([A-Za-z_][\w.]*)\((.*)\)", re.DOTALL)
_TRACEBACK: Final = "Traceback (most recent call last)"
_OPERATIONS: Final = {"llm": "chat", "tool": "execute_tool"}


def detect(look: Look) -> bool:
    """Runs, or an object that is one."""
    if look.shape == "object":
        return look.keys >= {"run_type", "start_time"} or "runs" in look.keys
    return isinstance(look.first, dict) and look.first.keys() >= {"run_type", "start_time"}


def read(source: Source) -> Iterator[Record]:
    """The spans of every run."""
    yield from converted(source, records(source), _runs)


def _runs(record: Decoded) -> list[Span]:
    data = object_of(record.clean, "a run")
    if "run_type" not in data and "runs" in data:
        return [span for run in maybe_objects(data["runs"]) for span in _tree(run, None)]
    return list(_tree(data, None))


def _tree(run: Mapping[str, Any], above: Mapping[str, Any] | None) -> Iterator[Span]:
    """The span of a run and those of the runs that it holds."""
    waiting = [(run, above)]
    while waiting:
        one, parent = waiting.pop()
        yield _span(one, parent)
        waiting += [(child, one) for child in maybe_objects(one.get("child_runs"))]


def _span(run: Mapping[str, Any], above: Mapping[str, Any] | None) -> Span:
    first = maybe_text(run.get("dotted_order")) or ""
    root = first.partition(".")[0].rpartition("Z")[2]
    outer: Mapping[str, Any] = {} if above is None else above
    parent = run.get("parent_run_id") or outer.get("id")
    named = run.get("trace_id") or outer.get("trace_id") or root or (None if parent else run.get("id"))
    if not named:
        raise Unreadable(f"the run {str(run.get('id'))!a:.80} names its parent and no trace: export `trace_id`, too")
    trace_id = trace_id_of(named)
    start = moment(run.get("start_time"))
    if start is None:
        raise Unreadable(f"the run {str(run.get('id'))!a:.80} has no start_time that is a time")
    end = moment(run.get("end_time")) or 0
    error = maybe_text(run.get("error"))
    return Span(
        trace_id=trace_id,
        span_id=span_id_of(trace_id, run.get("id")),
        parent_id=parent_id_of(trace_id, parent),
        name=maybe_text(run.get("name")) or "",
        start_ns=start,
        end_ns=end,
        scope=_SCOPE,
        status=SpanStatus() if error is None else SpanStatus(code=SPAN_ERROR, message=error),
        events=() if error is None else (_exception(error, end or start),),
        attributes=_attributes(run),
    )


def _exception(error: str, at_ns: int) -> SpanEvent:
    """What was raised, of the SDK's text: the representation of an exception, and a traceback right after it."""
    raised = _RAISED.fullmatch(error.partition(_TRACEBACK)[0].strip())
    kind, message = ("Error", error) if raised is None else (raised[1], raised[2].strip("'\""))
    told = {"exception.type": kind, "exception.message": message, "exception.stacktrace": error}
    return SpanEvent(name="exception", at_ns=at_ns, attributes=told)


def _attributes(run: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(run.get("run_type") or "").lower()
    extra = maybe_object(run.get("extra"))
    metadata = maybe_object(extra.get("metadata"))
    asked = maybe_object(extra.get("invocation_params"))
    attributes: dict[str, Any] = {
        "langsmith.span.kind": kind,
        "gen_ai.operation.name": _OPERATIONS.get(kind, kind),
        "langsmith.trace.name": str(run.get("name") or ""),
    }
    for name, value in (("gen_ai.prompt", run.get("inputs")), ("gen_ai.completion", run.get("outputs"))):
        if value not in (None, {}):
            attributes[name] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    model = metadata.get("ls_model_name") or asked.get("model") or asked.get("model_name")
    put(
        attributes,
        {
            "langsmith.trace.session_name": run.get("session_name"),
            "langsmith.span.tags": ", ".join(map(str, run.get("tags") or ())) or None,
            "gen_ai.request.model": model if kind == "llm" else None,
            "gen_ai.tool.definitions": None if not asked.get("tools") else as_text(asked["tools"]),
            "gen_ai.usage.input_tokens": maybe_count(run.get("prompt_tokens")) if kind == "llm" else None,
            "gen_ai.usage.output_tokens": maybe_count(run.get("completion_tokens")) if kind == "llm" else None,
            **{f"langsmith.metadata.{name}": value for name, value in metadata.items()},
        },
    )
    return attributes
