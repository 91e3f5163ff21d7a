"""Spans of Strands Agents as readings: contents in span events, in the old form or as one event with the details.

What a tool was given and what it answered are events too: `gen_ai.tool.message` and `gen_ai.choice`, or messages with a
`tool_call` and its `tool_call_response`. A tool that failed may leave the span's status alone and say so in
`gen_ai.tool.status`. Each count stands under two or three names.

References:
    strands-agents/sdk-python, `strands/telemetry/tracer.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from agenteval.core import semconv
from agenteval.core.message import Part, ToolRequest, ToolResponse
from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import OfferedTool
from agenteval.telemetry.dialects import semconv_spans
from agenteval.telemetry.dialects.build import Found
from agenteval.telemetry.dialects.held import list_of, text_of, value_of
from agenteval.telemetry.dialects.reading import Reading
from agenteval.telemetry.dialects.semconv_events import CHOICE
from agenteval.telemetry.dialects.semconv_messages import talk_of
from agenteval.telemetry.dialects.semconv_parts import answer_of

NAME = "strands"

_SCOPES = frozenset({"strands.telemetry.tracer", "strands-agents", "strands"})
_SYSTEM = "strands-agents"
_TOOL_MESSAGE = "gen_ai.tool.message"
_STATUS = ("gen_ai.tool.status", "tool.status")


def read(span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading | None:  # noqa: ARG001 (one signature for all dialects)
    """What a span of Strands says; None for any other."""
    systems = (span.attributes.get("gen_ai.system"), span.attributes.get(semconv.PROVIDER))
    if span.scope.get("name") not in _SCOPES and _SYSTEM not in systems:
        return None
    kind = semconv_spans.kind_of(span) or "plumbing"
    found = semconv_spans.opened(NAME, span, logs)
    found.held.uses_all(*_OWN)
    if kind == "tool":
        return _tool(found)
    reading = semconv_spans.read(found, logs, kind)
    return replace(reading, offered=reading.offered or _named(found)) if kind == "agent" else reading


_OWN = ("event_loop.", "gen_ai.event.", "gen_ai.agent.tools", "gen_ai.tool.json_schema", "gen_ai.server.", "tag.tags")


def _named(found: Found) -> tuple[OfferedTool, ...]:
    """An agent's tools, of which older versions give the names alone."""
    names = list_of(found.held.value("gen_ai.agent.tools"))
    return tuple(OfferedTool(name=name) for name in names if isinstance(name, str) and name)


def _tool(found: Found) -> Reading:
    given, answered = _given(found), _answered(found)
    error = semconv_spans.error_in(found)
    status = found.held.text(*_STATUS)
    if error is None and status == "error":
        error = text_of(answered) or "error"
    return semconv_spans.tool(found, arguments=given, result=answered, error=error)


def _given(found: Found) -> object:
    """What the tool was given: an attribute, the content of its message, or the request among the details."""
    held = found.held.raw(semconv.TOOL_ARGUMENTS)
    content = next(
        (value for value in (held, *_held_by(found.span, _TOOL_MESSAGE, "content")) if value is not None), None
    )
    if content is not None:
        return content
    parts = _parts(found.held.raw(semconv.INPUT_MESSAGES))
    return next((part.arguments for part in parts if isinstance(part, ToolRequest)), None)


def _answered(found: Found) -> object:
    """What the tool answered: blocks of text as the text that they are together."""
    held = found.held.raw(semconv.TOOL_RESULT)
    blocks = next((value for value in (held, *_held_by(found.span, CHOICE, "message")) if value is not None), None)
    if blocks is not None:
        return answer_of(value_of(blocks))
    parts = _parts(found.held.raw(semconv.OUTPUT_MESSAGES))
    return next((part.response for part in parts if isinstance(part, ToolResponse)), None)


def _parts(written: object) -> Iterator[Part]:
    return (part for message in talk_of(written, "tool").messages for part in message.parts)


def _held_by(span: Span, event: str, name: str) -> Iterator[Any]:
    return (found.attributes[name] for found in span.events if found.name == event and name in found.attributes)
