"""Spans of Vercel's AI SDK as readings: 4 to 6 with attributes of their own, 7 by the GenAI convention.

Until 6 a call of the SDK is a span around one span for each request to a model and each tool, and `ai.operationId` says
which is which. Sessions and users are metadata that the application names. In 7, under the scope `gen_ai`, an agent's
answer lists its last words before all the calls that it made, steps are spans of their own, and results are JSON, plain
text too.

References:
    ai-sdk.dev, AI SDK Core, Telemetry, of each version.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from agenteval.core import semconv
from agenteval.core.json import json_of
from agenteval.core.message import Message, Part, ReasoningPart, TextPart, text_message
from agenteval.core.span import LogRecord, Span, SpanStatus
from agenteval.core.trajectory import Usage
from agenteval.telemetry.dialects import build, semconv_spans
from agenteval.telemetry.dialects.build import Found
from agenteval.telemetry.dialects.chat import messages_of, offered_of, request_of
from agenteval.telemetry.dialects.held import Held, first_text, list_of, object_of, usage_or_none, value_of
from agenteval.telemetry.dialects.reading import Reading
from agenteval.telemetry.dialects.semconv_messages import Talk, talk_of
from agenteval.telemetry.dialects.semconv_spans import known
from agenteval.telemetry.dialects.semconv_usage import finish, usage

NAME = "ai-sdk"

_SCOPE = "gen_ai"
_ID = "ai.operationId"
_NAMED = ("ai.telemetry.metadata.", "ai.settings.context.", "ai.settings.runtimeContext.")
_SESSION = (
    "sessionId",
    "session_id",
    "conversationId",
    "conversation_id",
    "threadId",
    "thread_id",
    "chatId",
    "chat_id",
)
_USER = ("userId", "user_id")
_AGENTS = frozenset({"ai.generateText", "ai.streamText", "ai.generateObject", "ai.streamObject"})
_OWN = ("ai.", "operation.name", "resource.name", "gen_ai.client.operation.", "gen_ai.execute_tool.", "http.response.")
_ANSWERED = ("ai.toolCall.result", "ai.response.finishReason", "ai.finishReason")
_TWICE = ("gen_ai.response.", "gen_ai.usage.")  # said once more beside the SDK's own attributes


def read(span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading | None:  # noqa: ARG001 (one signature for all dialects)
    """What a span of the AI SDK says; None for any other."""
    operation = span.attributes.get(_ID)
    if not isinstance(operation, str) and span.scope.get("name") != _SCOPE:
        return None
    found = semconv_spans.opened(NAME, span, logs)
    held = found.held
    held.uses_all(*_OWN)
    found.session = found.session or known(held.text(*_metadata(_SESSION)))
    found.user = found.user or known(held.text(*_metadata(_USER)))
    if not isinstance(operation, str):
        return semconv_spans.read(found, logs, semconv_spans.kind_of(span) or "plumbing", encoded=True)
    held.uses_all(*_TWICE)
    _leave_others_errors(found)
    if operation.endswith((".doGenerate", ".doStream")):
        return _model(found)
    if operation == "ai.toolCall":
        return _tool(found)
    return _agent(found) if operation in _AGENTS else found.plumbing()


def _leave_others_errors(found: Found) -> None:
    """Take the status of a call that was answered for no error: processors mark all that follows an error as one."""
    span = found.span
    answered = any(name in span.attributes for name in _ANSWERED)
    if answered and not any(event.name == "exception" for event in span.events):
        found.span = replace(span, status=SpanStatus())


def _metadata(names: Sequence[str]) -> Iterator[str]:
    return (prefix + name for prefix in _NAMED for name in names)


# --- 4 to 6


def _model(found: Found) -> Reading:
    held = found.held
    return build.model(
        found,
        name=held.text("ai.response.model", semconv.RESPONSE_MODEL, "ai.model.id", semconv.REQUEST_MODEL),
        heard=messages_of(held.value("ai.prompt.messages")) or messages_of(held.value("ai.prompt")),
        said=_said(held),
        usage=_usage(held) or usage(held),
        offered=offered_of([value_of(tool) for tool in list_of(held.value("ai.prompt.tools"))]),
        finish=held.text("ai.response.finishReason", "ai.finishReason") or finish(held),
        response_id=held.text("ai.response.id", semconv.RESPONSE_ID),
        error=semconv_spans.error_in(found),
    )


def _said(held: Held) -> list[Message]:
    parts = tuple(_parts(held))
    return [Message(role="assistant", parts=parts)] if parts else []


def _parts(held: Held) -> Iterator[Part]:
    reasoning = held.text("ai.response.reasoning", "ai.result.reasoning")
    if reasoning:
        yield ReasoningPart(text=reasoning)
    text = held.text("ai.response.text", "ai.result.text", "ai.response.object", "ai.result.object")
    if text:
        yield TextPart(text=text)
    for call in list_of(held.value("ai.response.toolCalls") or held.value("ai.result.toolCalls")):
        request = request_of(object_of(call))
        if request is not None:
            yield request


def _usage(held: Held) -> Usage | None:
    prefix = "ai.usage."
    return usage_or_none(
        read=held.count(prefix + "inputTokens", prefix + "promptTokens"),
        written=held.count(prefix + "outputTokens", prefix + "completionTokens"),
        cached=held.count(prefix + "cachedInputTokens", prefix + "inputTokenDetails.cacheReadTokens"),
        cache_written=held.count(prefix + "inputTokenDetails.cacheWriteTokens"),
        reasoning=held.count(prefix + "reasoningTokens", prefix + "outputTokenDetails.reasoningTokens"),
    )


def _tool(found: Found) -> Reading:
    held = found.held
    return build.tool(
        found,
        name=held.text("ai.toolCall.name", semconv.TOOL_NAME),
        arguments=held.raw("ai.toolCall.args"),
        result=held.raw("ai.toolCall.result"),
        call_id=held.text("ai.toolCall.id", semconv.TOOL_CALL_ID),
        error=semconv_spans.error_in(found),
        encoded=True,
    )


def _agent(found: Found) -> Reading:
    held = found.held
    found.agent = found.agent or held.text("ai.telemetry.functionId", "resource.name")
    heard = talk_of(held.raw("ai.prompt.messages"), "user")
    if not heard.messages:
        heard = Talk(messages=tuple(_asked(held.value("ai.prompt"))))
    used = _usage(held)
    return semconv_spans.agent(found, heard, Talk(messages=tuple(_said(held))), used=used)


def _asked(prompt: Any) -> Iterator[Message]:
    """What a call of the SDK was given: instructions, a prompt, or messages."""
    members = object_of(prompt)
    messages = messages_of(json_of(members.get("messages", members.get("prompt"))))
    system = first_text(members, "system", "instructions")
    if system:
        yield text_message("system", system)
    yield from messages
    text = members.get("prompt") if members else prompt
    if not messages and isinstance(text, str) and text:
        yield text_message("user", text)
