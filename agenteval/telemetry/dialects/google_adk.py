"""Spans of Google's Agent Development Kit, 1 and 2, as readings.

ADK 2 follows the GenAI convention; ADK 1 wrote Gemini's own requests and answers into `gcp.vertex.agent.*`. Both wrap
what a tool answers as `{"result": …}` unless it is an object, hand a tool's error on as data, write one more
`(merged tools)` span for calls made together, and hand over by a call of `transfer_to_agent`, after which the next
agent reads what others did as quoted words of the user.

References:
    google/adk-python, `google/adk/telemetry/tracing.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agenteval.core import semconv
from agenteval.core.json import Json
from agenteval.core.message import Message, Part, TextPart, ToolResponse, text_message
from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import ModelCall, OfferedTool, ToolCall
from agenteval.telemetry.dialects import semconv_spans
from agenteval.telemetry.dialects.build import Found, members_of
from agenteval.telemetry.dialects.chat import offered_of
from agenteval.telemetry.dialects.held import any_begins, list_of, object_of
from agenteval.telemetry.dialects.reading import Reading
from agenteval.telemetry.dialects.semconv_messages import Talk, talk_of
from agenteval.telemetry.dialects.semconv_spans import Kind
from agenteval.telemetry.dialects.tokens import usage_of
from agenteval.telemetry.likeness import told_error

NAME = "google-adk"

_SCOPE = "gcp.vertex.agent"
_OWN = _SCOPE + "."
_MERGED = "(merged tools)"
_TRANSFER = "transfer_to_agent"
_ADKS_WORDS = (  # what ADK itself says to a model in the user's place
    "For context:",
    "Handle the requests as specified in the System Instruction.",
    "Continue processing previous requests as instructed.",
)
_UNKNOWN_ID = "<not specified>"


def read(span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading | None:  # noqa: ARG001 (one signature for all dialects)
    """What a span of ADK says; None for any other."""
    if not _is_own(span):
        return None
    found = semconv_spans.opened(NAME, span, logs)
    found.held.uses_all(_OWN, "gen_ai.tool.")
    found.session = found.session or found.held.text(_OWN + "session_id")
    found.user = found.user or found.held.text(_OWN + "user_id")
    kind = _kind(span)
    if kind == "tool":
        return _tool(found)
    if kind == "model":
        return _model(found, logs)
    if kind == "agent":
        found.agent = found.agent or span.name.partition("[")[2].rstrip("]") or None
    return semconv_spans.read(found, logs, kind)


def _is_own(span: Span) -> bool:
    attributes = span.attributes
    if span.scope.get("name") == _SCOPE or attributes.get("gen_ai.system") == _SCOPE:
        return True
    return any_begins(attributes, _OWN)


def _kind(span: Span) -> Kind:
    if span.attributes.get(semconv.TOOL_NAME) == _MERGED:
        return "plumbing"
    if semconv.OPERATION not in span.attributes:
        if span.name == "call_llm":
            return "model"
        if span.name.startswith("agent_run"):
            return "agent"
    return semconv_spans.kind_of(span) or "plumbing"


# --- tools


def _tool(found: Found) -> Reading:
    held = found.held
    reading = semconv_spans.tool(
        found, arguments=held.raw(_OWN + "tool_call_args"), result=held.raw(_OWN + "tool_response")
    )
    call = reading.content
    if not isinstance(call, ToolCall):
        return reading
    if call.name == _TRANSFER:
        return semconv_spans.handed_over(reading, "agent_name")
    result = _bare(call.result)
    error = call.error if call.error is not None else told_error(result)
    call_id = None if call.call_id == _UNKNOWN_ID else call.call_id
    status = "error" if error is not None else call.status
    return replace(reading, content=replace(call, result=result, error=error, call_id=call_id, status=status))


def _bare(result: Json) -> Json:
    """A tool's own answer, out of the object that ADK puts around it."""
    members = object_of(result)
    if members.keys() != {"result"}:
        return result
    return None if members["result"] == _UNKNOWN_ID else members["result"]


# --- model calls


def _model(found: Found, logs: Sequence[LogRecord]) -> Reading:
    request, answer = (
        members_of(found.held.raw(_OWN + "llm_request")),
        members_of(found.held.raw(_OWN + "llm_response")),
    )
    content = object_of(answer.get("content"))
    heard = semconv_spans.first_whole(lambda: semconv_spans.heard_by(found, logs), lambda: _asked(request))
    said = semconv_spans.first_whole(
        lambda: semconv_spans.said_by(found, logs), lambda: talk_of([content] if content else None, "assistant")
    )
    reading = semconv_spans.model(found, _own_words(heard), said)
    call = reading.content
    if not isinstance(call, ModelCall):
        return reading
    usage = usage_of(object_of(answer.get("usage_metadata"))) or call.usage  # ADK 1 once gave the sum as the output
    offered = call.offered_tools or _offered(request)
    if usage is not None:
        found.missing.pop("usage", None)
    return replace(reading, content=replace(call, usage=usage, offered_tools=offered))


def _asked(request: Any) -> Talk:
    """What Gemini was sent: its instructions, then the contents."""
    instructions = object_of(request.get("config")).get("system_instruction")
    system = (
        Talk(messages=(text_message("system", instructions),))
        if isinstance(instructions, str) and instructions
        else talk_of(object_of(instructions).get("parts"), "system")
    )
    return system + talk_of(list_of(request.get("contents")) or None, "user")


def _offered(request: Any) -> tuple[OfferedTool, ...]:
    return offered_of(list_of(object_of(request.get("config")).get("tools")))


def _own_words(talk: Talk) -> Talk:
    """Messages in which what ADK itself says to a model, as if the user did, is nobody's words."""
    return replace(talk, messages=tuple(map(_own_message, talk.messages)))


def _own_message(message: Message) -> Message:
    if message.role != "user":
        return replace(message, parts=tuple(map(_bare_part, message.parts)))
    first = message.parts[0] if message.parts else None
    if _is_adks(first):
        return replace(message, role="system")
    parts = tuple(_bare_part(part) for part in message.parts if not _is_adks(part))
    return Message(role="tool" if all(isinstance(part, ToolResponse) for part in parts) else "user", parts=parts)


def _is_adks(part: Part | None) -> bool:
    return isinstance(part, TextPart) and part.text.startswith(_ADKS_WORDS)


def _bare_part(part: Part) -> Part:
    return replace(part, response=_bare(part.response)) if isinstance(part, ToolResponse) else part
