"""Spans of Logfire's instrumentation of OpenAI's Agents SDK as readings; those of clients go with pydantic-ai's.

Each span is one of the SDK's own, under the template of its message, and has the SDK's data as attributes. The group
that an application gave a trace is its session.

References:
    pydantic/logfire, `logfire/_internal/integrations/openai_agents.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from agenteval.core import semconv
from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import Handoff
from agenteval.telemetry.dialects import build, semconv_spans
from agenteval.telemetry.dialects.answers import answer_of
from agenteval.telemetry.dialects.build import Found
from agenteval.telemetry.dialects.chat import messages_of
from agenteval.telemetry.dialects.held import Held, first_text
from agenteval.telemetry.dialects.reading import Reading
from agenteval.telemetry.dialects.semconv_usage import finish, usage
from agenteval.telemetry.dialects.tokens import usage_of

NAME = "logfire"

_SCOPE = "logfire.openai_agents"
_OWN = ("logfire.", "code.", "gen_ai.", "model_", "mcp_data", "usage", "events", "request_data", "handoffs", "tools")


def read(span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading | None:  # noqa: ARG001 (one signature for all dialects)
    """What a span of the Agents SDK says; None for any other."""
    if span.scope.get("name") != _SCOPE:
        return None
    found = Found(NAME, span, Held(span))
    found.held.used.update(name for name in span.attributes if name.startswith(_OWN))
    found.session = found.held.text("group_id")
    make = next((make for begin, make in _KINDS.items() if span.name.startswith(begin)), Found.plumbing)
    return make(found)


def _model(found: Found) -> Reading:
    """A request: chat completions have their messages in and out, the responses API has the answer whole."""
    held = found.held
    answer = answer_of(held.value("response") or held.value("output") or "")
    return build.model(
        found,
        name=held.text(semconv.RESPONSE_MODEL, semconv.REQUEST_MODEL) or answer.model,
        heard=messages_of(held.value("raw_input")) or messages_of(held.value("input")),
        said=answer.messages,
        usage=usage_of(held.object("usage")) or usage(held) or answer.usage,
        finish=finish(held) or answer.finish,
        response_id=held.text(semconv.RESPONSE_ID, "response_id"),
        error=semconv_spans.error_in(found),
    )


def _tool(found: Found) -> Reading:
    held = found.held
    error = semconv_spans.error_in(found)
    data = held.object("error")
    return build.tool(
        found,
        name=held.text("name"),
        arguments=held.raw("input"),
        result=held.raw("output"),
        error=first_text(data, "message") or error,
    )


def _handoff(found: Found) -> Reading:
    target = found.held.text("to_agent")
    found.held.raw("from_agent")
    return found.reading("tool", content=Handoff(target=target)) if target else found.plumbing()


def _agent(found: Found) -> Reading:
    return build.agent(found, name=found.held.text("name"))


_KINDS: Mapping[str, Callable[[Found], Reading]] = {
    "Chat completion": _model,
    "Responses API": _model,
    "Function: ": _tool,
    "Handoff: ": _handoff,
    "Agent run: ": _agent,
}
