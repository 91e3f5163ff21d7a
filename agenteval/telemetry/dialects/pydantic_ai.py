"""Spans of pydantic-ai, instrumentation versions 1 to 5, and of Logfire's own client instrumentations, as readings.

Version 1 holds messages as one JSON list of events in the old form (or sends them as log records), later ones follow
the convention; 1 and 2 name tools' arguments and answers their own way; agents sum up what their calls used, since 5
under names of their own. A structured answer is asked for as a call of a pseudo tool, which is read as the words that
it is.

References:
    pydantic/pydantic-ai, `pydantic_ai/models/instrumented.py`, `pydantic_ai/_instrumentation.py`; pydantic/logfire.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agenteval.core import semconv
from agenteval.core.message import Message, Part, TextPart, ToolRequest, ToolResponse, text_message
from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import ModelCall, OfferedTool
from agenteval.telemetry.dialects import build, semconv_spans
from agenteval.telemetry.dialects.answers import answer_of
from agenteval.telemetry.dialects.build import Found
from agenteval.telemetry.dialects.chat import messages_of, offered_of
from agenteval.telemetry.dialects.held import first_text, is_object, list_of, object_of, text_of, value_of
from agenteval.telemetry.dialects.reading import Reading
from agenteval.telemetry.dialects.semconv_events import listed, told_by
from agenteval.telemetry.dialects.semconv_messages import Talk, talk_of
from agenteval.telemetry.dialects.semconv_parts import is_left_out
from agenteval.telemetry.dialects.semconv_spans import Kind
from agenteval.telemetry.dialects.semconv_usage import finish, usage
from agenteval.telemetry.likeness import RETRY

NAME = "pydantic-ai"

_SCOPES = ("pydantic-ai", "pydantic_ai")
_CLIENTS = "logfire."
_OWN = (
    "logfire.",
    "code.",
    "pydantic_ai.",
    "model_name",
    "agent_name",
    "gen_ai.usage.details.",
    "gen_ai.aggregated_usage.",
    "gen_ai.client.operation.",
    "baggage_conflict.",
)
_ANSWERED = (semconv.OUTPUT_MESSAGES, semconv.RESPONSE_ID, "gen_ai.usage.input_tokens")
_OUTPUT_TOOL = "final_result"
_PARAMETERS = "model_request_parameters"


def read(span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading | None:  # noqa: ARG001 (one signature for all dialects)
    """What a span of pydantic-ai or of a client that Logfire watches says; None for any other."""
    scope = span.scope.get("name")
    if isinstance(scope, str) and scope.startswith(_CLIENTS):
        if "request_data" in span.attributes:
            return _client(semconv_spans.opened(NAME, span, logs), logs)
        if "events" in span.attributes:
            return _responded(semconv_spans.opened(NAME, span, logs))
    if scope not in _SCOPES:
        return None
    found = semconv_spans.opened(NAME, span, logs)
    found.held.uses_all(*_OWN)
    found.agent = found.agent or found.held.text("agent_name")
    kind = _kind(span)
    if kind == "model":
        return _model(found, logs)
    if kind == "tool":
        return _tool(found)
    return _agent(found, logs) if kind == "agent" else found.plumbing()


def _kind(span: Span) -> Kind:
    """What a span is. Logfire announces spans that have begun with copies of themselves, which are none."""
    attributes = span.attributes
    if attributes.get("logfire.span_type") == "pending_span" or span.name.startswith("running output function"):
        return "plumbing"
    if semconv.OPERATION not in attributes and "agent_name" in attributes:
        return "agent"
    return semconv_spans.kind_of(span) or "plumbing"


# --- model calls


def _model(found: Found, logs: Sequence[LogRecord]) -> Reading:
    parameters = found.held.object(_PARAMETERS)
    names = frozenset(_names(parameters.get("output_tools"))) | {_OUTPUT_TOOL}
    events = told_by(listed(found.held.raw("events")))
    heard = semconv_spans.first_whole(lambda: semconv_spans.heard_by(found, logs), lambda: events.heard)
    said = semconv_spans.first_whole(lambda: semconv_spans.said_by(found, logs), lambda: events.said)
    reading = semconv_spans.model(found, _in_words(heard, names), _in_words(said, names))
    call = reading.content
    if not isinstance(call, ModelCall):
        return reading
    return replace(reading, content=replace(call, offered_tools=_offered(call, parameters, names)))


def _names(tools: object) -> Iterator[str]:
    return (name for tool in list_of(tools) if (name := first_text(object_of(tool), "name")))


def _offered(call: ModelCall, parameters: Mapping[str, Any], names: frozenset[str]) -> tuple[OfferedTool, ...]:
    offered = call.offered_tools or offered_of(list_of(parameters.get("function_tools")))
    return tuple(tool for tool in offered if not _is_output(tool.name, names))


def _is_output(name: str, names: frozenset[str]) -> bool:
    return name in names or name.startswith(f"{_OUTPUT_TOOL}_")


def _in_words(talk: Talk, names: frozenset[str]) -> Talk:
    """Messages in which calls of pseudo tools are the answers that they stand for, and retries nobody's words."""
    ended = {
        part.id
        for message in talk.messages
        for part in message.parts
        if isinstance(part, ToolRequest) and _is_output(part.name, names)
    }
    messages = (_message(message, names, ended) for message in talk.messages)
    return replace(talk, messages=tuple(message for message in messages if message.parts))


def _message(message: Message, names: frozenset[str], ended: set[str | None]) -> Message:
    retry = message.role == "user" and message.text.endswith(RETRY)
    return Message(role="system" if retry else message.role, parts=tuple(_parts(message.parts, names, ended)))


def _parts(parts: Sequence[Part], names: frozenset[str], ended: set[str | None]) -> Iterator[Part]:
    for part in parts:
        if isinstance(part, ToolRequest) and _is_output(part.name, names):
            yield TextPart(text=_as_text(part.arguments))
        elif not (isinstance(part, ToolResponse) and part.id is not None and part.id in ended):
            yield part


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=list)


# --- tools and agents


def _tool(found: Found) -> Reading:
    held = found.held
    if (held.text(semconv.TOOL_NAME) or "") == _OUTPUT_TOOL:
        return found.plumbing()
    response = held.raw("tool_response")
    if isinstance(response, str):
        response = response.removesuffix(RETRY)
    return semconv_spans.tool(found, arguments=held.raw("tool_arguments"), result=response)


def _agent(found: Found, logs: Sequence[LogRecord]) -> Reading:
    """The reading of an agent, whose span lists its whole conversation, earlier runs included."""
    held = found.held
    talk = talk_of(held.raw("pydantic_ai.all_messages"), "user")
    if not talk.messages:
        talk = talk + told_by(listed(held.raw("all_messages_events"))).heard
    if not talk.messages:
        talk = semconv_spans.heard_by(found, logs)
    else:
        talk = talk_of(held.raw(semconv.SYSTEM_INSTRUCTIONS), "system") + talk
    talk = _in_words(talk, frozenset({_OUTPUT_TOOL}))
    result = held.raw("final_result")
    answer = None if result is None or is_left_out(result) else _as_text(value_of(result))
    said = Talk(messages=(text_message("assistant", answer),) if answer else talk.messages)
    used = usage(held, "gen_ai.aggregated_usage.")
    return semconv_spans.agent(found, talk, said, used=used)


# --- clients that Logfire watches


def _client(found: Found, logs: Sequence[LogRecord]) -> Reading:
    """A request to a model as Logfire's own instrumentations of providers' clients write it.

    Its messages stand in the request and the response, or in the convention's attributes. A streamed one is written
    twice: as it is sent, and once more with what came of it.
    """
    request, response = (found.held.object(name) for name in ("request_data", "response_data"))
    answered = bool(response) or any(name in found.span.attributes for name in _ANSWERED)
    if not answered and semconv_spans.error_in(found) is None:
        return found.plumbing()
    answer = answer_of(response.get("message") or response.get("combined_chunk_content") or "")
    return build.model(
        found,
        name=found.held.text(semconv.RESPONSE_MODEL, semconv.REQUEST_MODEL) or text_of(request.get("model")),
        heard=messages_of(request) or semconv_spans.heard_by(found, logs).messages,
        said=tuple(map(_without_input, answer.messages)) or semconv_spans.said_by(found, logs).messages,
        usage=usage(found.held) or answer_of(response).usage,
        offered=offered_of(list_of(request.get("tools")) or found.held.value(semconv.TOOL_DEFINITIONS)),
        finish=finish(found.held) or answer.finish,
        response_id=found.held.text(semconv.RESPONSE_ID),
        error=semconv_spans.error_in(found),
    )


def _responded(found: Found) -> Reading:
    """A request to the Responses API as Logfire 3 writes it: what was told and, unless it was streamed, the answer."""
    told = list(told_by(listed(found.held.raw("events"))).heard.messages)
    parts: tuple[Part, ...] = ()
    while told and told[-1].role == "assistant":
        parts = told.pop().parts + parts
    return build.model(
        found,
        name=found.held.text(semconv.RESPONSE_MODEL, semconv.REQUEST_MODEL),
        heard=told,
        said=[Message(role="assistant", parts=parts)] if parts else [],
        usage=usage(found.held),
        finish=finish(found.held),
        response_id=found.held.text(semconv.RESPONSE_ID),
        error=semconv_spans.error_in(found),
    )


def _without_input(message: Message) -> Message:
    """A message whose requests have their arguments bare: Logfire 3 wrote those of Anthropic within `input`."""
    return replace(message, parts=tuple(map(_bare_request, message.parts)))


def _bare_request(part: Part) -> Part:
    if not isinstance(part, ToolRequest):
        return part
    inner = object_of(part.arguments)
    wrapped = inner.keys() == {"input"} and is_object(inner["input"])
    return replace(part, arguments=inner["input"]) if wrapped else part
