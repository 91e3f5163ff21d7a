"""What a dialect found on a span in, the reading of a tool call, a model call or an agent out, with what is missing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agenteval.core.json import Json
from agenteval.core.message import MediaPart, Message, RefusalPart, TextPart, ToolRequest
from agenteval.core.span import Span
from agenteval.core.trajectory import ModelCall, OfferedTool, ToolCall, ToolStatus, Usage
from agenteval.telemetry.dialects.arguments import parsed, unwrapped
from agenteval.telemetry.dialects.chat import result_of
from agenteval.telemetry.dialects.errors import DONE, error_of, is_taken_out
from agenteval.telemetry.dialects.held import (
    CONTENT_OFF,
    REDACTED,
    Held,
    first_text,
    is_list,
    is_redacted,
    list_of,
    object_of,
    text_of,
)
from agenteval.telemetry.dialects.langchain import tool_message
from agenteval.telemetry.dialects.media import REDACTED_URI
from agenteval.telemetry.dialects.reading import Kind, Reading
from agenteval.telemetry.remembering import remembered

ANSWERS = frozenset({"final_answer"})
"""Pseudo tools whose argument is the agent's answer: they make no step of their own."""


@dataclass(slots=True)
class Found:
    """What was found on one span, in the words of the dialect that reads it."""

    dialect: str
    span: Span
    held: Held
    session: str | None = None
    user: str | None = None
    agent: str | None = None
    missing: dict[str, str] = field(default_factory=dict[str, str])
    truncated: list[str] = field(default_factory=list[str])

    def reading(self, kind: Kind, *, agent: str | None = None, **more: Any) -> Reading:
        """The reading, with everything that is common to all kinds."""
        return Reading(
            dialect=self.dialect,
            kind=kind,
            missing=self.missing,
            truncated=tuple(self.truncated),
            session=self.session,
            user=self.user,
            understood=frozenset(self.held.used),
            agent=agent or self.agent,
            **more,
        )

    def plumbing(self) -> Reading:
        """A reading that makes no step."""
        return Reading(
            dialect=self.dialect,
            kind="plumbing",
            session=self.session,
            user=self.user,
            understood=frozenset(self.held.used),
        )


# --- tools


def tool(
    found: Found,
    *,
    name: str | None,
    arguments: object,
    result: object,
    call_id: str | None = None,
    schema: object = None,
    encoded: bool = False,
    error: str | None = None,
) -> Reading:
    """The reading of a tool's call; of one that is the agent's answer, plumbing.

    Args:
        found: What was found so far.
        name: The tool; None where the span does not say.
        arguments: As the span has them; None where it has none.
        result: As the span has it; None where it has none.
        call_id: The model's id of the call.
        schema: JSON Schema of the arguments.
        encoded: Arguments and results are JSON always, plain text too.
        error: An error that the dialect found elsewhere than in the span's status.
    """
    if name is None:
        found.missing["name"] = found.held.absent()
    if name in ANSWERS:
        return found.plumbing()
    error = error_of(found.span) if error is None else error
    value = parsed(result).value
    output = object_of(value)
    if output.keys() >= {"tool_name", "raw_output"}:  # LlamaIndex's `ToolOutput`
        result = value = output["raw_output"]
        error = (text_of(result) or "error") if error is None and output.get("is_error") is True else error
    message = tool_message(value) if result is not None else None
    if message is not None:
        call_id = call_id or first_text(message, "tool_call_id")
        result = message.get("content")
        if error is None and message.get("status") == "error":
            error = text_of(result) or "error"
    if error is not None and is_taken_out(error):
        found.missing["error"] = REDACTED
    call = ToolCall(
        name=name or found.span.name,
        arguments=_arguments(found, arguments, schema),
        result=_result(found, result, error=error, encoded=encoded and message is None),
        error=error,
        status=_status(found, error, answered=result is not None),
        call_id=call_id,
    )
    return found.reading("tool", content=call)


def _arguments(found: Found, written: object, schema: object) -> Json:
    if written is None or is_redacted(written):
        found.missing["arguments"] = found.held.absent(CONTENT_OFF) if written is None else REDACTED
        return None
    read = unwrapped(written, schema)
    if read.cut:
        found.truncated.append("arguments")
    return read.value


def _result(found: Found, written: object, *, error: str | None, encoded: bool) -> Json:
    if error is not None:
        return None
    if written is None or is_redacted(written):
        if found.span.end_ns:
            found.missing["result"] = found.held.absent(CONTENT_OFF) if written is None else REDACTED
        else:
            found.missing["result"] = "not_sent: the span never ended"
        return None
    if encoded:
        written = decoded(written)
    read = parsed(written)
    if read.cut:
        found.truncated.append("result")
        return read.value
    return result_of(_of_blocks(read.value, written))


def _of_blocks(value: Json, written: object) -> object:
    """The text of blocks of text, as MCP has them, that are all that a tool answered; else it as it was written."""
    blocks = [object_of(block) for block in (list_of(value) if is_list(value) else [value])]
    texts = [
        text_of(block.get("text")) for block in blocks if block.keys() <= _OF_BLOCK and block.get("type") == "text"
    ]
    told = [text for text in texts if text is not None]
    return "\n".join(told) if told and len(told) == len(blocks) else written


_OF_BLOCK = frozenset({"type", "text", "annotations", "meta", "_meta", "id", "index"})


def decoded(written: object) -> object:
    """The text that a JSON string is; any other value as it is."""
    if not isinstance(written, str):
        return written
    try:
        value: object = json.loads(written)
    except (ValueError, RecursionError):
        return written
    return value if value is None or isinstance(value, (str, bool, int)) else written


def _status(found: Found, error: str | None, *, answered: bool) -> ToolStatus:
    if error is not None:
        return "error"
    span = found.span
    if span.end_ns and (span.status.code == DONE or answered):
        return "ok"
    found.missing.setdefault("status", "not_sent: the span does not say how it ended")
    return "unknown"


# --- model calls


def model(
    found: Found,
    *,
    name: str | None,
    heard: Sequence[Message],
    said: Sequence[Message],
    usage: Usage | None,
    offered: Sequence[OfferedTool] = (),
    finish: str | None = None,
    response_id: str | None = None,
    delta: bool = False,
    not_measured: bool = False,
    error: str | None = None,
) -> Reading:
    """The reading of a request to a model."""
    error = error_of(found.span) if error is None else error
    lost = found.span.dropped_attributes > 0
    output, messages = _all_seen(said), _all_seen(heard)
    for side, before, after in (("messages", heard, messages), ("output", said, output)):
        if len(after) < len(before):
            found.missing.setdefault(side, REDACTED)
    if (not messages and error is None) or lost:
        found.missing.setdefault("messages", found.held.absent(CONTENT_OFF))
    if not output and error is None:
        found.missing.setdefault("output", found.held.absent(CONTENT_OFF))
    if usage is None and error is None:
        found.missing.setdefault("usage", found.held.absent())
    _note_redacted(found, messages)
    call = ModelCall(
        model=name,
        messages=messages,
        offered_tools=tuple(offered),
        output=output,
        requests=tuple([part for message in output for part in message.parts if isinstance(part, ToolRequest)]),
        usage=usage,
        finish=finish,
        error=error,
    )
    return found.reading("model", content=call, response_id=response_id, delta=delta, not_measured=not_measured)


def _all_seen(messages: Iterable[Message]) -> tuple[Message, ...]:
    return tuple([seen for message in messages if (seen := _seen(message)) is not None])


@remembered
def _seen(message: Message) -> Message | None:
    """A message without the parts that the sender took out; None where none is left."""
    for part in message.parts:
        if isinstance(part, TextPart) and is_redacted(part.text):
            break
    else:
        return message
    parts = tuple(part for part in message.parts if not (isinstance(part, TextPart) and is_redacted(part.text)))
    return Message(role=message.role, parts=parts) if parts else None


def _note_redacted(found: Found, messages: Sequence[Message]) -> None:
    for number, message in enumerate(messages):
        for place, part in enumerate(message.parts):
            if type(part) is MediaPart and part.uri == REDACTED_URI:
                found.missing[f"messages[{number}].parts[{place}]"] = REDACTED


# --- agents


def agent(
    found: Found,
    *,
    name: str | None,
    heard: Iterable[Message] = (),
    said: Iterable[Message] = (),
    usage: Usage | None = None,
) -> Reading:
    """The reading of an agent at work."""
    return found.reading(
        "agent",
        agent=name,
        heard=_all_seen(heard),
        said=last_words(_all_seen(said)),
        usage=usage,
    )


def last_words(messages: Iterable[Message]) -> tuple[Message, ...]:
    """The last thing that an assistant said in words, as an agent's answer."""
    spoken = [
        message
        for message in messages
        if message.role == "assistant"
        and any(isinstance(part, (TextPart, RefusalPart)) and part.text.strip() for part in message.parts)
    ]
    return tuple(spoken[-1:])


def json_value(written: object) -> Json:
    """A value as JSON, text as what it says."""
    return parsed(written).value


def members_of(written: object) -> Mapping[str, Any]:
    """The object that a value or text is; empty where it is none."""
    return object_of(json_value(written))
