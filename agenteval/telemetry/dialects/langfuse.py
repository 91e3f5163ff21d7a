"""Spans of the Langfuse SDK (`langfuse.observation.*`), versions 3 to 5, as readings.

Values are JSON text, but for text, which stands as it is. Version 3 names sessions and users on roots only, and calls
tools of LangChain mere spans: their answer tells.

References:
    Langfuse documentation, OpenTelemetry: property mapping.
"""

from __future__ import annotations

from collections.abc import Sequence

from agenteval.core.message import Message, text_message
from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import OfferedTool
from agenteval.telemetry.dialects import build
from agenteval.telemetry.dialects.answers import answer_of
from agenteval.telemetry.dialects.arguments import parsed
from agenteval.telemetry.dialects.build import Found
from agenteval.telemetry.dialects.chat import messages_of, offered_of
from agenteval.telemetry.dialects.held import Held, amount_of, list_of, object_of, text_of, value_of
from agenteval.telemetry.dialects.langchain import is_agent, is_node, tool_message
from agenteval.telemetry.dialects.reading import Reading
from agenteval.telemetry.dialects.tokens import usage_of
from agenteval.telemetry.dialects.told import heard_of, said_of

NAME = "langfuse"

_PREFIX = "langfuse.observation."
_PLAIN = frozenset({"span", "chain", "none", ""})


def read(span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading | None:  # noqa: ARG001 (one signature for all dialects)
    """What a span of the Langfuse SDK says; None for any other."""
    scope = span.scope.get("name")
    ours = isinstance(scope, str) and scope.startswith("langfuse")
    if not ours and _PREFIX + "type" not in span.attributes:
        return None
    held = Held(span)
    found = Found(NAME, span, held)
    found.session = held.text("session.id", "langfuse.session.id") or _meta(
        held, "langfuse_session_id", "session_id", "thread_id"
    )
    found.user = held.text("user.id", "langfuse.user.id") or _meta(held, "langfuse_user_id", "user_id")
    found.agent = _meta(held, "lc_agent_name")
    kind = (held.text(_PREFIX + "type") or "").lower()
    if kind == "generation":
        return _model(found)
    if kind == "tool" or (kind in _PLAIN and _is_tool_message(held)):
        return _tool(found)
    metadata = {"lc_agent_name": found.agent, "langgraph_node": _meta(held, "langgraph_node")}
    if is_node(span.name, metadata["langgraph_node"]):
        return found.plumbing()
    told = (_PREFIX + "input") in span.attributes or (_PREFIX + "output") in span.attributes
    plain = kind in _PLAIN and told and (span.parent_id is None or is_agent(span.name, metadata))
    return _agent(found) if kind == "agent" or plain else found.plumbing()


def _meta(held: Held, *names: str) -> str | None:
    for prefix in (_PREFIX + "metadata.", "langfuse.trace.metadata."):
        for name in names:
            text = text_of(build.decoded(held.raw(prefix + name)))
            if text:
                return text
    return None


def _is_tool_message(held: Held) -> bool:
    """Whether the output is a LangChain tool's, and not that of a graph's node, which holds a list of messages."""
    answered = parsed(held.raw(_PREFIX + "output")).value
    return "messages" not in object_of(answered) and tool_message(answered) is not None


def _error(found: Found) -> str | None:
    if (found.held.text(_PREFIX + "level") or "").upper() != "ERROR":
        return None
    return found.held.text(_PREFIX + "status_message") or "error"


def _model(found: Found) -> Reading:
    held = found.held
    asked = value_of(held.raw(_PREFIX + "input"))
    answer = answer_of(value_of(held.raw(_PREFIX + "output")))
    heard, offered = _asked(asked)
    cost = amount_of(object_of(held.value(_PREFIX + "cost_details")).get("total"))
    counts = object_of(held.value(_PREFIX + "usage_details"))
    return build.model(
        found,
        name=held.text(_PREFIX + "model.name") or answer.model,
        heard=heard,
        said=answer.messages,
        usage=(usage_of(counts, cost_usd=cost) if counts else None) or answer.usage,
        offered=offered or offered_of(object_of(held.value(_PREFIX + "model.parameters")).get("tools")),
        finish=answer.finish,
        response_id=answer.response_id,
        error=_error(found),
    )


def _asked(asked: object) -> tuple[Sequence[Message], tuple[OfferedTool, ...]]:
    """The messages of a request, and the tools in it; LangChain's handler lists tools among the messages."""
    if isinstance(asked, str):
        return ((text_message("user", asked),) if asked.strip() else ()), ()
    tools = offered_of(object_of(asked).get("tools"))
    items = list_of(asked) or list_of(object_of(asked).get("messages"))
    among = [item for item in items if _is_offer(item)]
    if not among:
        return messages_of(asked), tools
    offered = tuple(tool for item in among for tool in offered_of([object_of(item)["content"]]))
    return messages_of([item for item in items if not _is_offer(item)]), tools or offered


def _is_offer(item: object) -> bool:
    """Whether a message is a tool's definition rather than anything said."""
    members = object_of(item)
    content = object_of(members.get("content"))
    return members.get("role") == "tool" and content.get("type") == "function" and "tool_call_id" not in members


def _tool(found: Found) -> Reading:
    held = found.held
    return build.tool(
        found,
        name=found.span.name or None,
        arguments=held.raw(_PREFIX + "input"),
        result=held.raw(_PREFIX + "output"),
        error=_error(found),
    )


def _agent(found: Found) -> Reading:
    held = found.held
    return build.agent(
        found,
        name=found.span.name,
        heard=heard_of(held.raw(_PREFIX + "input")),
        said=said_of(held.raw(_PREFIX + "output")),
    )
