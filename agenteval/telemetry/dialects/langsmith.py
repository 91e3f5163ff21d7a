"""Spans of LangSmith's OpenTelemetry exporter (`langsmith.span.kind`) as readings.

A run's inputs and outputs are whole JSON in `gen_ai.prompt` and `gen_ai.completion`, LangChain's own where it ran.
`langsmith.trace.session_name` is the project, not a session. A run that failed has the status of one that did not: the
exporter says ok when it begins, and OpenTelemetry lets nobody take that back. The exception tells.

References:
    LangSmith documentation, trace with OpenTelemetry: supported attributes.
"""

from __future__ import annotations

from collections.abc import Sequence

from agenteval.core.message import text_message
from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import Usage
from agenteval.telemetry.dialects import build
from agenteval.telemetry.dialects.answers import Answer, answer_of
from agenteval.telemetry.dialects.arguments import parsed
from agenteval.telemetry.dialects.build import Found
from agenteval.telemetry.dialects.chat import messages_of, offered_of
from agenteval.telemetry.dialects.errors import raised
from agenteval.telemetry.dialects.held import Held, list_of, object_of, text_of, value_of
from agenteval.telemetry.dialects.langchain import is_agent
from agenteval.telemetry.dialects.reading import Reading
from agenteval.telemetry.dialects.tokens import usage_of
from agenteval.telemetry.dialects.told import heard_of, said_of

NAME = "langsmith"

_KIND = "langsmith.span.kind"
_META = "langsmith.metadata."
_ASKED, _ANSWERED = "gen_ai.prompt", "gen_ai.completion"


def read(span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading | None:  # noqa: ARG001 (one signature for all dialects)
    """What a span of LangSmith says; None for any other."""
    if _KIND not in span.attributes and span.scope.get("name") != "langsmith":
        return None
    held = Held(span)
    found = Found(NAME, span, held)
    found.session = held.text(_META + "session_id", _META + "thread_id", _META + "conversation_id")
    found.user = held.text(_META + "user_id")
    found.agent = held.text(_META + "lc_agent_name")
    kind = (held.text(_KIND) or "").lower()
    if kind == "llm":
        return _model(found)
    if kind == "tool":
        return _tool(found)
    if kind == "agent" or (kind == "chain" and _is_agent(found)):
        return _agent(found)
    return found.plumbing()


def _is_agent(found: Found) -> bool:
    """Whether a chain is one agent at work: a root, or LangChain says so."""
    metadata = {name: found.held.text(_META + name) for name in ("lc_agent_name", "langgraph_node")}
    return is_agent(found.span.name, metadata) or found.span.parent_id is None


def _model(found: Found) -> Reading:
    held = found.held
    asked, answer = held.value(_ASKED), _answer(held)
    prompt = (text_message("user", asked),) if isinstance(asked, str) and asked.strip() else ()
    return build.model(
        found,
        name=held.text("gen_ai.response.model") or answer.model or held.text("gen_ai.request.model"),
        heard=prompt or messages_of(asked),
        said=answer.messages,
        usage=_usage(held, answer),
        offered=offered_of(held.raw("gen_ai.tool.definitions")) or offered_of(object_of(asked).get("tools")),
        finish=answer.finish or _finish(held),
        response_id=answer.response_id or held.text("gen_ai.response.id"),
        error=raised(found.span),
    )


def _answer(held: Held) -> Answer:
    """What the run gave back; functions that LangSmith traces wrap what is no object."""
    value = value_of(held.raw(_ANSWERED))
    members = object_of(value)
    if members.keys() == {"output"}:
        value = members["output"]
    return answer_of(value)


def _usage(held: Held, answer: Answer) -> Usage | None:
    known = usage_of(object_of(held.value(_META + "usage_metadata"))) or answer.usage
    if known is not None:
        return known
    prefix = "gen_ai.usage."
    return usage_of(
        {
            "input_tokens": held.count(prefix + "input_tokens"),
            "output_tokens": held.count(prefix + "output_tokens"),
            "total_tokens": held.count(prefix + "total_tokens"),
            "input_token_details": parsed(held.raw(prefix + "input_token_details")).value,
            "output_token_details": parsed(held.raw(prefix + "output_token_details")).value,
        }
    )


def _finish(held: Held) -> str | None:
    reasons = list_of(held.value("gen_ai.response.finish_reasons"))
    return text_of(reasons[0]) if reasons else None


def _tool(found: Found) -> Reading:
    held = found.held
    answered = held.raw(_ANSWERED)
    members = object_of(value_of(answered))
    return build.tool(
        found,
        name=held.text("gen_ai.tool.name", "langsmith.trace.name") or found.span.name or None,
        arguments=_arguments(held.raw(_ASKED)),
        result=members["output"] if members.keys() == {"output"} else answered,
        call_id=held.text("gen_ai.tool.call.id", _META + "tool_call_id"),
        error=raised(found.span),
    )


def _arguments(asked: object) -> object:
    """LangChain's tracer gives a tool's arguments as text, as Python writes them, under `input`."""
    members = object_of(value_of(asked))
    return members["input"] if members.keys() == {"input"} else asked


def _agent(found: Found) -> Reading:
    held = found.held
    return build.agent(
        found,
        name=found.span.name,
        heard=heard_of(held.raw(_ASKED)),
        said=said_of(held.raw(_ANSWERED)),
    )
