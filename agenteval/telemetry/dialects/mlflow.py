"""Spans of MLflow tracing (`mlflow.spanType`) as readings. Every attribute's value is JSON text, plain text too.

References:
    MLflow documentation, tracing: trace data model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from agenteval.core.message import text_message
from agenteval.core.span import LogRecord, Span
from agenteval.telemetry.dialects import build
from agenteval.telemetry.dialects.answers import answer_of
from agenteval.telemetry.dialects.arguments import parsed
from agenteval.telemetry.dialects.build import Found
from agenteval.telemetry.dialects.chat import messages_of, offered_of
from agenteval.telemetry.dialects.held import Held, amount_of, first_text, object_of, text_of, value_of
from agenteval.telemetry.dialects.langchain import is_agent, is_node, tool_message
from agenteval.telemetry.dialects.reading import Reading
from agenteval.telemetry.dialects.tokens import usage_of
from agenteval.telemetry.dialects.told import heard_of, said_of

NAME = "mlflow"

_TYPE, _INPUTS, _OUTPUTS = "mlflow.spanType", "mlflow.spanInputs", "mlflow.spanOutputs"
_MARKS = frozenset({_TYPE, _INPUTS, _OUTPUTS})
_NUMBERED = re.compile(r"_\d+$")  # earlier versions number spans of one name


def read(span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading | None:  # noqa: ARG001 (one signature for all dialects)
    """What a span of MLflow says; None for any other."""
    if not _MARKS & span.attributes.keys():
        return None
    held = Held(span)
    found = Found(NAME, span, held)
    metadata = object_of(held.value("metadata"))
    found.session = _text(held, "mlflow.trace.session", "session.id") or first_text(
        metadata, "mlflow.trace.session", "session_id", "thread_id"
    )
    found.user = _text(held, "mlflow.trace.user", "user.id") or first_text(metadata, "mlflow.trace.user", "user_id")
    found.agent = first_text(metadata, "lc_agent_name")
    kind = (_text(held, _TYPE) or "").upper()
    if kind in {"CHAT_MODEL", "LLM"}:
        return _model(found)
    if kind == "TOOL":
        return _tool(found)
    if is_node(span.name, metadata.get("langgraph_node")):
        return found.plumbing()
    if kind == "AGENT" or (kind in {"CHAIN", "UNKNOWN", ""} and _is_agent(span, metadata)):
        return _agent(found)
    return found.plumbing()


def _is_agent(span: Span, metadata: Mapping[str, Any]) -> bool:
    """Whether a chain is one agent at work: a root, or LangChain says so."""
    return is_agent(span.name, metadata) or span.parent_id is None


def _text(held: Held, *names: str) -> str | None:
    return next((text for name in names if (text := text_of(build.decoded(held.raw(name))))), None)


def _model(found: Found) -> Reading:
    held = found.held
    asked, answer = _value(held, _INPUTS), answer_of(_value(held, _OUTPUTS))
    prompt = (text_message("user", asked),) if isinstance(asked, str) and asked.strip() else ()
    price = object_of(held.value("mlflow.llm.cost"))
    counts = object_of(held.value("mlflow.chat.tokenUsage"))
    parameters = object_of(held.value("invocation_params"))
    return build.model(
        found,
        name=answer.model or _text(held, "mlflow.llm.model") or first_text(object_of(asked), "model"),
        heard=prompt or messages_of(asked),
        said=answer.messages,
        usage=usage_of(counts, cost_usd=amount_of(price.get("total_cost"))) or answer.usage,
        offered=offered_of(held.raw("mlflow.chat.tools"))
        or offered_of(object_of(asked).get("tools"))
        or offered_of(parameters.get("tools")),
        finish=answer.finish,
        response_id=answer.response_id,
    )


def _value(held: Held, name: str) -> object:
    written = held.raw(name)
    value = value_of(written)
    return build.decoded(written) if isinstance(value, str) else value


def _tool(found: Found) -> Reading:
    held, span = found.held, found.span
    answered = held.raw(_OUTPUTS)
    message = object_of(tool_message(parsed(answered).value))
    own = first_text(message, "name")
    name = own if own is not None and own == _NUMBERED.sub("", span.name) else span.name
    return build.tool(
        found,
        name=name or None,
        arguments=held.raw(_INPUTS),
        result=answered,
        call_id=_text(held, "tool_call_id"),
        encoded=True,
    )


def _agent(found: Found) -> Reading:
    held = found.held
    return build.agent(
        found,
        name=found.span.name,
        heard=heard_of(_value(held, _INPUTS)),
        said=said_of(_value(held, _OUTPUTS)),
    )
