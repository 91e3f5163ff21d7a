"""Spans of OpenLLMetry (Traceloop), old and new, as readings.

Old ones flatten a model call into `gen_ai.prompt.N.*`, `gen_ai.completion.N.*` (the oldest into `llm.prompts.N.*`,
`llm.completions.N.*`) and `llm.request.functions.N.*`; new ones carry the GenAI convention's messages. Decorated
functions and frameworks are `traceloop.*` in both.

References:
    OpenLLMetry (traceloop/openllmetry), semantic conventions for AI.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agenteval.core.message import Message, text_message
from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import Handoff, OfferedTool, ToolCall, Usage
from agenteval.telemetry.dialects import build, semconv_spans
from agenteval.telemetry.dialects.arguments import parsed
from agenteval.telemetry.dialects.build import Found
from agenteval.telemetry.dialects.chat import content_parts, message_of, messages_of, offered_of
from agenteval.telemetry.dialects.googles import with_thoughts
from agenteval.telemetry.dialects.held import (
    Held,
    any_begins,
    beneath,
    by_index,
    first_text,
    list_of,
    object_of,
    text_of,
    usage_or_none,
    value_of,
)
from agenteval.telemetry.dialects.reading import Reading
from agenteval.telemetry.dialects.semconv_parts import answer_of
from agenteval.telemetry.dialects.semconv_usage import is_bedrock
from agenteval.telemetry.dialects.told import heard_of, said_of

NAME = "openllmetry"

_KIND = "traceloop.span.kind"
_PROPERTIES = "traceloop.association.properties."
_MODEL = frozenset({"chat", "completion", "text_completion", "generate_content"})
_MARKS = frozenset({"gen_ai.openai.api_base", "gen_ai.is_streaming", "llm.is_streaming", "llm.usage.total_tokens"})
_OLD = ("gen_ai.prompt.", "gen_ai.completion.", "llm.prompts.", "llm.completions.", "llm.request.functions.")
_NAMES = frozenset({"gen_ai.agent.name", "traceloop.entity.name", "traceloop.entity.input"})
_ENDINGS = (".tool", ".agent", ".workflow", ".task")


def read(span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading | None:  # noqa: ARG001 (one signature for all dialects)
    """What a span of OpenLLMetry says; None for any other."""
    kind = span.attributes.get(_KIND)
    if not isinstance(kind, str) and not _is_model(span):
        return _other(span)
    held = Held(span)
    found = Found(NAME, span, held)
    found.session = held.text(
        _PROPERTIES + "session_id",
        _PROPERTIES + "thread_id",
        "gen_ai.conversation.id",
        _PROPERTIES + "conversation_id",
        _PROPERTIES + "chat_id",
    )
    found.user = held.text(_PROPERTIES + "user_id")
    _look_into_metadata(found)
    found.agent = held.text("gen_ai.agent.name", _PROPERTIES + "lc_agent_name")
    if not isinstance(kind, str):
        return _model(found)
    held.raw(_KIND)
    if kind == "tool":
        return _tool(found)
    if kind == "handoff":
        return _handoff(found)
    if kind == "task":
        return _task(found)
    return _agent(found) if kind in {"agent", "workflow"} else found.plumbing()


def _task(found: Found) -> Reading:
    """A step of a framework: plumbing, unless it is one of LlamaIndex's that ask a model or call a tool."""
    if found.span.attributes.get("gen_ai.operation.name") in _MODEL:
        return _model(found)
    answered = found.span.attributes.get("traceloop.entity.output")
    if not isinstance(answered, str) or '"raw_output"' not in answered:
        return found.plumbing()
    output = found.held.object("traceloop.entity.output")
    inner = object_of(output.get("tool_output")) or output
    if not inner.keys() >= {"tool_name", "raw_input", "raw_output"}:
        return found.plumbing()
    return build.tool(
        found,
        name=text_of(inner["tool_name"]),
        arguments=output.get("tool_kwargs", inner["raw_input"]),
        result=dict(inner),
        call_id=text_of(output.get("tool_id")),
    )


def _look_into_metadata(found: Found) -> None:
    """Take session and user from what LangChain's callbacks were given, where spans do not have them themselves."""
    written = found.span.attributes.get("traceloop.entity.input")
    if found.session is None and isinstance(written, str) and '"metadata"' in written:
        metadata = object_of(object_of(parsed(written).value).get("metadata"))
        found.session = first_text(metadata, *_SESSION)
        found.user = found.user or first_text(metadata, "user_id")


_SESSION = ("session_id", "thread_id", "conversation_id")


def _is_model(span: Span) -> bool:
    """Whether a span is a model call in OpenLLMetry's own words: new ones have them beside the GenAI convention's."""
    attributes = span.attributes
    if "llm.request.type" in attributes or (any_begins(attributes, *_OLD) and any(map(_indexed, attributes))):
        return True
    operation = attributes.get("gen_ai.operation.name")
    if not isinstance(operation, str) or operation not in _MODEL:
        return False
    return bool(_MARKS & attributes.keys()) or any_begins(attributes, "traceloop.")


def _indexed(name: str) -> bool:
    return any(name.startswith(prefix) and name[len(prefix) : len(prefix) + 1].isdigit() for prefix in _OLD)


def _other(span: Span) -> Reading | None:
    """Plumbing, where the tracer is Traceloop's own."""
    return Found(NAME, span, Held(span)).plumbing() if span.scope.get("name") == "traceloop.tracer" else None


# --- model calls


def _model(found: Found) -> Reading:
    held = found.held
    heard = _flat({**held.under("llm.prompts."), **held.under("gen_ai.prompt.")})
    said = by_index({**held.under("llm.completions."), **held.under("gen_ai.completion.")})
    new = [*_instructions(held), *messages_of(held.value("gen_ai.input.messages"))]
    answered = messages_of(held.value("gen_ai.output.messages"))
    answers = [_flat_message({**_known(fields), "role": "assistant"}) for _, fields in said]
    flat_answers = _assistants([message for message in answers if message is not None])
    if not any(message.requests for message in (*flat_answers, *answered)):
        answered = _assistants(messages_of(held.object("traceloop.entity.output").get("message"))) or answered
    return build.model(
        found,
        name=held.text("gen_ai.response.model", "gen_ai.request.model", "llm.response.model", "llm.request.model"),
        heard=heard or new,
        said=flat_answers or answered,
        usage=_usage(held),
        offered=_offered(held),
        finish=_finish(held)
        or next((why for _, fields in said if (why := text_of(fields.get("finish_reason")))), None),
        response_id=held.text("gen_ai.response.id"),
        delta=semconv_spans.goes_on(found.span, heard or new),
    )


def _instructions(held: Held) -> list[Message]:
    """The system's words, where they stand apart from the messages: text, or a list of parts."""
    written = held.value("gen_ai.system_instructions")
    if isinstance(written, str):
        return [text_message("system", written)] if written.strip() else []
    parts = tuple(content_parts(written))
    return [Message(role="system", parts=parts)] if parts else []


def _flat(items: Mapping[str, Any]) -> list[Message]:
    return [message for _, fields in by_index(items) if (message := _flat_message(_known(fields))) is not None]


def _known(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of a message, those of LangChain's answers included, which old ones call unknown and write as JSON."""
    if fields.get("role") != "unknown":
        return fields
    calls = any(name.startswith("tool_calls.") for name in fields)
    return {**fields, "role": "assistant" if calls else "tool", "content": build.decoded(fields.get("content"))}


def _flat_message(fields: Mapping[str, Any]) -> Message | None:
    """A message of which each field is an attribute."""
    calls = [call for _, call in by_index(beneath(fields, "tool_calls."))]
    role = text_of(fields.get("role")) or ("tool" if "tool_call_id" in fields else "assistant" if calls else None)
    message = {**fields, "role": role, "tool_calls": calls, "content": _content(fields.get("content"))}
    if role == "tool" and "content" not in fields:
        return None
    function = {"name": fields.get("function_call.name"), "arguments": fields.get("function_call.arguments")}
    return message_of({**message, "function_call": function})


def _content(written: object) -> object:
    """Content as it came; text that is a list of typed blocks, or of Bedrock's, as these blocks."""
    value = value_of(written)
    blocks = list_of(value)
    return value if blocks and all(_BLOCKS & object_of(block).keys() for block in blocks) else written


_BLOCKS = frozenset({"type", "text", "toolUse", "toolResult"})


def _assistants(messages: Sequence[Message]) -> list[Message]:
    """Completions are the assistant's, whatever their role says."""
    return [Message(role="assistant", parts=message.parts) for message in messages]


def _usage(held: Held) -> Usage | None:
    prefix = "gen_ai.usage."
    read = held.count(prefix + "input_tokens", prefix + "prompt_tokens", "llm.usage.prompt_tokens")
    cached = held.count(prefix + "cache_read.input_tokens", prefix + "cache_read_input_tokens")
    written_to = held.count(
        prefix + "cache_write.input_tokens",
        prefix + "cache_creation.input_tokens",
        prefix + "cache_creation_input_tokens",
    )
    apart = (cached or 0) + (written_to or 0)
    if read is not None and (apart > read or is_bedrock(held)):
        read += apart  # a part is not more than the whole, and Bedrock's API counts the parts beside each other
    return usage_or_none(
        read=read,
        written=_written(held, read),
        cached=cached,
        cache_written=written_to,
        reasoning=held.count(prefix + "reasoning.output_tokens", prefix + "reasoning_tokens"),
    )


def _written(held: Held, read: int | None) -> int | None:
    prefix = "gen_ai.usage."
    return with_thoughts(
        held.text("gen_ai.provider.name", "gen_ai.system"),
        read=read,
        written=held.count(prefix + "output_tokens", prefix + "completion_tokens", "llm.usage.completion_tokens"),
        total=held.count(prefix + "total_tokens", "llm.usage.total_tokens"),
    )


def _finish(held: Held) -> str | None:
    reasons = held.value("gen_ai.response.finish_reasons")
    listed = list_of(reasons)
    return text_of(listed[0]) if listed else text_of(reasons)


def _offered(held: Held) -> tuple[OfferedTool, ...]:
    listed = [fields for _, fields in by_index(held.under("llm.request.functions."))]
    return offered_of(listed) or offered_of(held.raw("gen_ai.tool.definitions"))


# --- tools and agents


def _tool(found: Found) -> Reading:
    held = found.held
    carried = held.object("traceloop.entity.input")
    if carried.keys() == {"tool_name", "arguments"}:
        return _carried(found, carried)
    asked = held.raw("gen_ai.tool.call.arguments")
    asked = held.raw("traceloop.entity.input") if asked is None else asked
    answered = held.raw("gen_ai.tool.call.result")
    answered = held.raw("traceloop.entity.output") if answered is None else answered
    return build.tool(
        found,
        name=held.text("gen_ai.tool.name", "traceloop.entity.name") or _bare(found.span.name),
        arguments=asked,
        result=_result(answered),
        call_id=held.text("gen_ai.tool.call.id") or _call_id(asked),
        encoded=True,
    )


def _carried(found: Found, asked: Mapping[str, Any]) -> Reading:
    """A call as MCP carried it, at the client or at the server."""
    answered = found.held.value("traceloop.entity.output")
    members = object_of(answered)
    error = semconv_spans.error_in(found)
    reading = build.tool(
        found,
        name=first_text(asked, "tool_name"),
        arguments=asked["arguments"],
        result=members.get("result") if "result" in members else None if answered is None else answer_of(answered),
        error=(text_of(members.get("result")) or error) if members.get("is_error") is True else error,
    )
    return replace(reading, carried=isinstance(reading.content, ToolCall))


def _bare(name: str) -> str:
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name.removeprefix("execute_tool ")


def _call_id(asked: object) -> str | None:
    """LangChain gives its callbacks the model's id of the call beside the arguments."""
    members = object_of(parsed(asked).value)
    return first_text(object_of(members.get("kwargs")), "tool_call_id") if "input_str" in members else None


def _result(answered: object) -> object:
    """What a tool answered, out of what LangChain's callbacks were given."""
    members = object_of(parsed(answered).value)
    return members["output"] if "output" in members and members.keys() <= {"output", "kwargs"} else answered


def _handoff(found: Found) -> Reading:
    """A hand-off of OpenAI's agents: the span is called `A → B.handoff` besides."""
    _, _, named = found.span.name.removesuffix(".handoff").rpartition("→")
    target = found.held.text("gen_ai.handoff.to_agent") or named.strip()
    if target == "unknown":
        found.missing["target"] = found.held.absent()
        target = ""
    return found.reading("tool", content=Handoff(target=target))


def _agent(found: Found) -> Reading:
    held = found.held
    if not _NAMES & found.span.attributes.keys() and not found.span.dropped_attributes:
        return found.plumbing()  # a workflow around the agents that says nothing of its own
    asked, answered = held.raw("traceloop.entity.input"), held.raw("traceloop.entity.output")
    return build.agent(
        found,
        name=held.text("gen_ai.agent.name", "traceloop.entity.name") or _bare(found.span.name),
        heard=heard_of(asked),
        said=said_of(build.decoded(answered)),
    )
