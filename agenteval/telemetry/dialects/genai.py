"""Spans that our recorder and our importers wrote, in the current GenAI convention, read as step contents.

Values are structured as a rule; messages may also be JSON text. Arguments and results are taken as they are: a result
that is the text `42` stays text.

References:
    OpenTelemetry semantic conventions for generative AI (repository semantic-conventions-genai, autumn 2026).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from agenteval.core import semconv
from agenteval.core.codec import message_from_json
from agenteval.core.json import Json
from agenteval.core.message import Message, RefusalPart, TextPart, ToolRequest, text_message
from agenteval.core.span import Attributes, Span
from agenteval.core.trajectory import Content, Handoff, Interrupt, ModelCall, OfferedTool, StateChange, ToolCall, Usage

NAME = "genai"

_NOT_SENT = "the span does not carry it: turn content capture on in the agent's instrumentation"


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
    if operation == semconv.CHAT:
        return _chat(span)
    if operation == semconv.EXECUTE_TOOL:
        return _tool(span)
    if operation == semconv.INVOKE_AGENT:
        return _agent(span)
    return [] if semconv.SOURCE in span.attributes else None


def is_agent(span: Span) -> bool:
    """Whether the span is one agent at work."""
    return span.attributes.get(semconv.OPERATION) == semconv.INVOKE_AGENT


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
        interrupt = Interrupt(value=stopped.get("value"), answer=stopped.get("answer"))
        pieces.append(Piece(interrupt, span.start_ns, 0, f".{len(pieces)}", {}))
    for message in messages(span.attributes.get(semconv.INPUT_MESSAGES)):
        pieces.append(_said(message, span.start_ns, 0, len(pieces)))
    for message in messages(span.attributes.get(semconv.OUTPUT_MESSAGES)):
        if spoken(message):
            pieces.append(_said(message, span.end_ns or span.start_ns, 5, len(pieces)))
    return pieces


def _said(message: Message, at_ns: int, rank: int, number: int) -> Piece:
    return Piece(message, at_ns, rank, f".{number}", {})


def _chat(span: Span) -> list[Piece]:
    attributes = span.attributes
    output = messages(attributes.get(semconv.OUTPUT_MESSAGES))
    missing = _declared(attributes)
    if semconv.INPUT_MESSAGES not in attributes:
        missing.setdefault("messages", _NOT_SENT)
    if semconv.OUTPUT_MESSAGES not in attributes and not _failed(span):
        missing.setdefault("output", _NOT_SENT)
    usage = _usage(attributes)
    if usage is None and not _failed(span):
        missing.setdefault("usage", "the span carries no token counts")
    call = ModelCall(
        model=_text(attributes.get(semconv.RESPONSE_MODEL)) or _text(attributes.get(semconv.REQUEST_MODEL)),
        messages=messages(attributes.get(semconv.INPUT_MESSAGES)),
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
    missing = _declared(attributes)
    if semconv.TOOL_ARGUMENTS not in attributes:
        missing.setdefault("arguments", _NOT_SENT)
    if semconv.TOOL_RESULT not in attributes and error is None:
        missing.setdefault("result", _NOT_SENT)
    call = ToolCall(
        name=_text(attributes.get(semconv.TOOL_NAME)) or span.name,
        arguments=cast("Json", attributes.get(semconv.TOOL_ARGUMENTS)),
        result=cast("Json", attributes.get(semconv.TOOL_RESULT)),
        error=error,
        status="error" if error is not None else "unknown" if span.end_ns == 0 or "status" in missing else "ok",
        call_id=_text(attributes.get(semconv.TOOL_CALL_ID)),
        by="user" if attributes.get(semconv.REQUESTOR) == "user" else "agent",
        injected=_text(attributes.get(semconv.FAULT)),
    )
    pieces = [Piece(call, span.start_ns, 3, "", missing)]
    changes = attributes.get(semconv.STATE_CHANGES)
    if isinstance(changes, Sequence) and changes and not isinstance(changes, (str, bytes)):
        change = StateChange(patch=tuple(cast("Sequence[Mapping[str, Json]]", changes)), caused_by=span.span_id)
        pieces.append(Piece(change, span.end_ns or span.start_ns, 4, ".1", {}))
    for number, target in enumerate(_names(attributes.get(semconv.HANDOFF)), start=2):
        pieces.append(Piece(Handoff(target=target), span.end_ns or span.start_ns, 4, f".{number}", {}))
    return pieces


def messages(value: object) -> tuple[Message, ...]:
    """Messages from an attribute: a list of objects, or its JSON text; anything else is none."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return ()
    if not isinstance(value, Sequence) or isinstance(value, bytes):
        return ()
    items = cast("Sequence[object]", value)
    return tuple(message_from_json(cast("Mapping[str, Any]", item)) for item in items if isinstance(item, Mapping))


def _tools(value: object) -> tuple[OfferedTool, ...]:
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        return ()
    return tuple(
        OfferedTool(
            name=str(tool.get("name", "")),
            description=str(tool.get("description") or ""),
            parameters=tool.get("parameters"),
            server=_text(tool.get("server")),
        )
        for tool in cast("Sequence[Mapping[str, Any]]", value)
    )


def _usage(attributes: Attributes) -> Usage | None:
    read_tokens = _count(attributes.get(semconv.INPUT_TOKENS))
    written_tokens = _count(attributes.get(semconv.OUTPUT_TOKENS))
    cost = attributes.get(semconv.COST_USD)
    cost_usd = float(cost) if isinstance(cost, (int, float)) and not isinstance(cost, bool) else None
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


def _names(value: object) -> list[str]:
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        return []
    return [name for name in cast("Sequence[object]", value) if isinstance(name, str)]


def _first(value: object) -> str | None:
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return str(value[0]) if value else None  # pyright: ignore[reportUnknownArgumentType]
    return _text(value)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
