"""Spans of LiteLLM's own OpenTelemetry callback as readings.

It mixes the conventions: messages as attributes, with the requests for tools beside their parts, and the requests of
the answer flattened as OpenLLMetry had them, without their ids. Where an application's span is open, all this is
written on that span, each call's over the one before. What goes over the wire to a provider and comes back is one more
span beneath, as Python writes it: that is the same call, or all that is left of it.

References:
    BerriAI/litellm, `litellm/integrations/opentelemetry.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from agenteval.core.message import Message, Part, ToolRequest
from agenteval.core.span import LogRecord, Span
from agenteval.telemetry.dialects import build, semconv_spans
from agenteval.telemetry.dialects.answers import answer_of
from agenteval.telemetry.dialects.arguments import parsed
from agenteval.telemetry.dialects.build import Found
from agenteval.telemetry.dialects.chat import messages_of, offered_of, request_of
from agenteval.telemetry.dialects.held import beneath, by_index, list_of, value_of
from agenteval.telemetry.dialects.reading import Reading
from agenteval.telemetry.dialects.semconv_messages import Talk

NAME = "litellm"

_SCOPE = "litellm"
_OWN = ("litellm.", "llm.", "metadata.", "hidden_params", "gen_ai.")


def read(span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading | None:  # noqa: ARG001 (one signature for all dialects)
    """What a span of LiteLLM says; None for any other."""
    if span.scope.get("name") != _SCOPE:
        return None
    found = semconv_spans.opened(NAME, span, logs)
    found.held.uses_all(*_OWN)
    found.session = found.session or found.held.text("metadata.session_id", "metadata.litellm_session_id")
    found.user = found.user or found.held.text("metadata.user_api_key_end_user_id")
    if span.name == "raw_gen_ai_request":
        return _raw(found)
    if semconv_spans.kind_of(span) != "model":
        return found.plumbing()
    said = semconv_spans.said_by(found, logs)
    return semconv_spans.model(found, semconv_spans.heard_by(found, logs), _with_requests(found, said))


def _raw(found: Found) -> Reading:
    """What went to a provider and came back, under its name."""
    flat = found.held.under("llm.")
    provider = next((name.partition(".")[0] for name in flat if "." in name), "")
    fields = {name: parsed(value).value for name, value in beneath(flat, f"{provider}.").items()}
    asked = {name: value for name, value in fields.items() if name in _ASKED}
    answer = answer_of({name: value for name, value in fields.items() if name not in _ASKED})
    heard = messages_of(asked)
    if not heard and not answer.messages:
        return found.plumbing()
    return build.model(
        found,
        name=answer.model,
        heard=heard,
        said=answer.messages,
        usage=answer.usage,
        offered=offered_of(asked.get("tools")),
        finish=answer.finish,  # and not its id: LiteLLM's own span names the answer otherwise
    )


_ASKED = frozenset({"messages", "input", "contents", "system", "instructions", "tools"})


def _with_requests(found: Found, said: Talk) -> Talk:
    """What a model said, with the requests that stand in attributes of their own."""
    requests = tuple(_requests(found.held.under("gen_ai.completion.")))
    if not requests or any(message.requests for message in said.messages):
        return said
    parts: tuple[Part, ...] = tuple(part for message in said.messages for part in message.parts)
    return replace(said, messages=(Message(role="assistant", parts=(*parts, *requests)),))


def _requests(flat: dict[str, Any]) -> Iterator[ToolRequest]:
    for _, fields in by_index(flat):
        calls = [call for _, call in by_index(beneath(fields, "tool_calls."))]
        written = [beneath(fields, "function_call."), *calls, *list_of(value_of(fields.get("tool_calls")))]
        for call in written:
            request = request_of(call)
            if request is not None:
                yield request
