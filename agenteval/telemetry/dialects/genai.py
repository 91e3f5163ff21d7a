"""Spans that our recorder and our importers wrote, in the current GenAI convention, read as step contents.

Values are structured as a rule. Where they are text instead, because an attribute could hold no more or because a tool
answers in text, it is read as what it says: messages and changes as lists, arguments as an object, a result as an
object or a list. Any other text stays text: a result `42` may be a name, and arguments that are no object are what a
model wrote. The span keeps the text as it came.

References:
    OpenTelemetry semantic conventions for generative AI (repository semantic-conventions-genai, autumn 2026).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from agenteval._util.structured import structured
from agenteval.core import semconv
from agenteval.core.codec import message_from_json
from agenteval.core.json import Json, json_of
from agenteval.core.marks import ATTRIBUTE, wholly_redacted
from agenteval.core.message import Message, RefusalPart, TextPart, ToolRequest, text_message
from agenteval.core.span import Attributes, Span
from agenteval.core.trajectory import Content, Handoff, Interrupt, ModelCall, OfferedTool, StateChange, ToolCall, Usage
from agenteval.telemetry.dialects.held import REDACTED

NAME = "genai"

_NOT_SENT = "the span does not carry it: turn content capture on in the agent's instrumentation"
_NOT_READ = "what the span carries cannot be read"
_LARGEST_USD = 1e15  # and far below what a float holds
_UNNAMED = "the span does not name the tool"


@dataclass(frozen=True, slots=True)
class Piece:
    """One content read from a span: when it happened, and its rank among what happened at the same time."""

    content: Content
    at_ns: int
    rank: int
    suffix: str
    missing: Mapping[str, str]


def read(span: Span) -> list[Piece] | None:
    """What a span says happened; None where it is not of this convention, empty where it is plumbing."""
    operation = span.attributes.get(semconv.OPERATION)
    if semconv.NO_STEP in span.attributes:
        return []
    if ATTRIBUTE in span.attributes:
        span = _without_masks(span)
    if operation == semconv.CHAT:
        return _chat(span)
    if operation == semconv.EXECUTE_TOOL:
        return _tool(span)
    if operation == semconv.INVOKE_AGENT:
        return _agent(span)
    return [] if semconv.SOURCE in span.attributes else None


def _without_masks(span: Span) -> Span:
    """The span without attributes of which nothing is left, and with the reason why."""
    gone = {name for name, value in span.attributes.items() if isinstance(value, str) and wholly_redacted(value)}
    why = {field: REDACTED for name, field in _FIELDS.items() if name in gone}
    kept = {name: value for name, value in span.attributes.items() if name not in gone or name not in _FIELDS}
    return replace(span, attributes={**kept, semconv.NOT_RECORDED: {**_declared(kept), **why}}) if why else span


_FIELDS: Mapping[str, str] = {
    semconv.INPUT_MESSAGES: "messages",
    semconv.OUTPUT_MESSAGES: "output",
    semconv.TOOL_ARGUMENTS: "arguments",
    semconv.TOOL_RESULT: "result",
}


def is_agent(span: Span) -> bool:
    """Whether the span is one agent at work."""
    return span.attributes.get(semconv.OPERATION) == semconv.INVOKE_AGENT


def agent_name(span: Span) -> str:
    """The name of the agent that a span is the work of: its attribute, else what the span's own name says."""
    return _text(span.attributes.get(semconv.AGENT_NAME)) or span.name.removeprefix(f"{semconv.INVOKE_AGENT} ")


def spoken(message: Message) -> bool:
    """Whether a message says something to the other side, rather than only asking for tools."""
    return any(isinstance(part, (TextPart, RefusalPart)) and part.text.strip() for part in message.parts)


def _agent(span: Span) -> list[Piece]:
    pieces: list[Piece] = []
    instructions = span.attributes.get(semconv.SYSTEM_INSTRUCTIONS)
    if isinstance(instructions, str) and instructions:
        pieces.append(_said(text_message("system", instructions), span.start_ns, 0, len(pieces)))
    stopped = span.attributes.get(semconv.INTERRUPT)
    if isinstance(stopped, Mapping):
        interrupt = Interrupt(value=json_of(stopped.get("value")), answer=json_of(stopped.get("answer")))
        pieces.append(Piece(interrupt, span.start_ns, 0, f".{len(pieces)}", {}))
    for message in _messages(span.attributes, semconv.INPUT_MESSAGES)[0]:
        pieces.append(_said(message, span.start_ns, 0, len(pieces)))
    for message in _messages(span.attributes, semconv.OUTPUT_MESSAGES)[0]:
        if spoken(message):
            pieces.append(_said(message, span.end_ns or span.start_ns, 5, len(pieces)))
    return pieces


def _said(message: Message, at_ns: int, rank: int, number: int) -> Piece:
    return Piece(message, at_ns, rank, f".{number}", {})


def _chat(span: Span) -> list[Piece]:
    attributes = span.attributes
    heard, not_heard = _messages(attributes, semconv.INPUT_MESSAGES)
    output, not_output = _messages(attributes, semconv.OUTPUT_MESSAGES)
    missing = _declared(attributes)
    if not_heard is not None:
        missing.setdefault("messages", not_heard)
    if not_output is not None and not (_failed(span) and semconv.OUTPUT_MESSAGES not in attributes):
        missing.setdefault("output", not_output)
    usage = _usage(attributes)
    if usage is None and not _failed(span):
        missing.setdefault("usage", "the span carries no token counts")
    call = ModelCall(
        model=_text(attributes.get(semconv.RESPONSE_MODEL)) or _text(attributes.get(semconv.REQUEST_MODEL)),
        messages=heard,
        offered_tools=_tools(attributes.get(semconv.TOOL_DEFINITIONS)),
        output=output,
        requests=tuple(part for message in output for part in message.parts if isinstance(part, ToolRequest)),
        usage=usage,
        finish=_first(attributes.get(semconv.FINISH_REASONS)),
        error=_error(span),
    )
    pieces = [Piece(call, span.start_ns, 1, "", missing)]
    for number, message in enumerate(output, start=1):
        if spoken(message):
            pieces.append(Piece(message, span.end_ns or span.start_ns, 2, f".{number}", {}))
    return pieces


def _tool(span: Span) -> list[Piece]:
    attributes = span.attributes
    error = _error(span)
    name = _text(attributes.get(semconv.TOOL_NAME)) or _named_by(span)
    missing = _declared(attributes)
    if name is None:
        missing.setdefault("name", _UNNAMED)
    if semconv.TOOL_ARGUMENTS not in attributes:
        missing.setdefault("arguments", _NOT_SENT)
    if semconv.TOOL_RESULT not in attributes and error is None:
        missing.setdefault("result", _NOT_SENT)
    call = ToolCall(
        name=name or span.name,
        arguments=_arguments(attributes.get(semconv.TOOL_ARGUMENTS)),
        result=_value(attributes.get(semconv.TOOL_RESULT)),
        error=error,
        status="error" if error is not None else "unknown" if span.end_ns == 0 or "status" in missing else "ok",
        call_id=_text(attributes.get(semconv.TOOL_CALL_ID)),
        by="user" if attributes.get(semconv.REQUESTOR) == "user" else "agent",
        injected=_text(attributes.get(semconv.FAULT)),
    )
    pieces = [Piece(call, span.start_ns, 3, "", missing)]
    if semconv.STATE_CHANGES in attributes:
        pieces.extend(_change(span, _listed(attributes[semconv.STATE_CHANGES])))
    targets = _listed(attributes.get(semconv.HANDOFF)) or ()
    for number, target in enumerate([name for name in targets if isinstance(name, str)], start=2):
        pieces.append(Piece(Handoff(target=target), span.end_ns or span.start_ns, 4, f".{number}", {}))
    return pieces


def _named_by(span: Span) -> str | None:
    """The tool that the span's own name says, where it is one by the convention."""
    before, _, name = span.name.partition(" ")
    return name.strip() or None if before == semconv.EXECUTE_TOOL else None


def _change(span: Span, patch: Sequence[object] | None) -> list[Piece]:
    """What a call changed; that it changed something, where what it was cannot be read."""
    if patch is not None and not patch:
        return []
    whole = patch is not None and len(_objects(patch)) == len(patch)
    operations = tuple(json_of(operation) for operation in _objects(patch)) if whole else ()
    missing = {} if whole else {"patch": _NOT_READ}
    change = StateChange(patch=operations, caused_by=span.span_id)
    return [Piece(change, span.end_ns or span.start_ns, 4, ".1", missing)]


def _value(written: object) -> Json:
    return structured(written) if isinstance(written, str) else cast("Json", json_of(written))


def _arguments(written: object) -> Json:
    value = _value(written)
    return cast("Json", written) if isinstance(written, str) and not isinstance(value, Mapping) else value


def _listed(written: object) -> Sequence[object] | None:
    """A list, or the list that a JSON text is; None where it is neither."""
    value = structured(written) if isinstance(written, str) else written
    return cast("Sequence[object]", value) if isinstance(value, (list, tuple)) else None


def _objects(items: Sequence[object] | None) -> list[Mapping[str, Any]]:
    return [cast("Mapping[str, Any]", item) for item in items or () if isinstance(item, (dict, Mapping))]


def _messages(attributes: Attributes, key: str) -> tuple[tuple[Message, ...], str | None]:
    """The messages of an attribute, a list of objects or its JSON text; and why some are missing, where some are."""
    if key not in attributes:
        return (), _NOT_SENT
    items = _listed(attributes[key])
    found = _objects(items)
    whole = items is not None and len(found) == len(items)
    return tuple(message_from_json(item) for item in found), None if whole else _NOT_READ


def _tools(written: object) -> tuple[OfferedTool, ...]:
    return tuple(
        OfferedTool(
            name=name,
            description=_text(tool.get("description")) or "",
            parameters=json_of(tool.get("parameters")),
            server=_text(tool.get("server")),
        )
        for tool in _objects(_listed(written))
        if (name := _text(tool.get("name"))) is not None
    )


def _usage(attributes: Attributes) -> Usage | None:
    read_tokens = _count(attributes.get(semconv.INPUT_TOKENS))
    written_tokens = _count(attributes.get(semconv.OUTPUT_TOKENS))
    cost_usd = _amount(attributes.get(semconv.COST_USD))
    if read_tokens is None and written_tokens is None and cost_usd is None:
        return None
    return Usage(
        input_tokens=read_tokens,
        output_tokens=written_tokens,
        cached_tokens=_count(attributes.get(semconv.CACHED_TOKENS)),
        cache_write_tokens=_count(attributes.get(semconv.CACHE_WRITE_TOKENS)),
        reasoning_tokens=_count(attributes.get(semconv.REASONING_TOKENS)),
        cost_usd=cost_usd,
        unmeasured_calls=1 if read_tokens is None and written_tokens is None else 0,
    )


def _declared(attributes: Attributes) -> dict[str, str]:
    """What the sender itself says that it did not keep."""
    declared = attributes.get(semconv.NOT_RECORDED)
    if not isinstance(declared, Mapping):
        return {}
    return {str(field): str(reason) for field, reason in declared.items()}


def _failed(span: Span) -> bool:
    return span.status.code == 2 or semconv.ERROR_TYPE in span.attributes


def _error(span: Span) -> str | None:
    if not _failed(span):
        return None
    return span.status.message or _text(span.attributes.get(semconv.ERROR_TYPE)) or "error"


def _first(value: object) -> str | None:
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return _text(cast("object", value[0])) if value else None
    return _text(value)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _amount(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _LARGEST_USD:
        return None
    return float(value)
