"""Events of the GenAI convention in, log records and span events alike, what they say of a call out.

Until 1.36 every message was an event of its own, `gen_ai.<role>.message`, and the answer `gen_ai.choice`, with a body
in the chat form; since then one event, `gen_ai.client.inference.operation.details`, repeats the span's attributes, the
messages among them. Before 1.28 two span events held them as JSON text.

References:
    OpenTelemetry semantic conventions 1.26 to 1.40, gen-ai-events.md; semantic-conventions-genai, events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agenteval.core.message import Role
from agenteval.core.span import LogRecord, Span
from agenteval.telemetry.dialects.arguments import parsed
from agenteval.telemetry.dialects.chat import role_of
from agenteval.telemetry.dialects.held import first_text, is_list, is_object, list_of, object_of, text_of, value_of
from agenteval.telemetry.dialects.semconv_messages import Talk, talk_of, together
from agenteval.telemetry.remembering import remembered

DETAILS = "gen_ai.client.inference.operation.details"
CHOICE = "gen_ai.choice"

_ROLES: Mapping[str, Role] = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_OLDEST: Mapping[str, tuple[str, Role]] = {
    "gen_ai.content.prompt": ("gen_ai.prompt", "user"),
    "gen_ai.content.completion": ("gen_ai.completion", "assistant"),
}
_BODY = "gen_ai.event.content"
_BLOCKS = frozenset(
    {"text", "toolUse", "toolResult", "reasoningContent", "image", "document", "video", "cachePoint", "type"}
)


@dataclass(frozen=True, slots=True)
class Told:
    """What events say: what the model was told, what it answered."""

    heard: Talk = field(default_factory=Talk)
    said: Talk = field(default_factory=Talk)

    @property
    def anything(self) -> bool:
        """Whether there was an event with a message, contents left out or not."""
        return any(talk.messages or talk.elided or talk.unreadable for talk in (self.heard, self.said))


Event = tuple[str, Mapping[str, Any]]
"""An event's name, and what it holds."""


def details_of(span: Span, logs: Sequence[LogRecord]) -> dict[str, Any]:
    """The attributes that the events with an operation's details hold, the first one of each name."""
    held: dict[str, Any] = {}
    for event in span.events:
        if event.name == DETAILS:
            held = {**event.attributes, **held}
    for log in logs:
        if _name(log) == DETAILS:
            held = {**object_of(value_of(log.body)), **log.attributes, **held}
    return held


def told(span: Span, logs: Sequence[LogRecord]) -> Told:
    """What the events of a span say in the old form: those that came as log records, else those on the span."""
    found = told_by((_name(log), _body(log)) for log in logs)
    return found if found.anything else told_by((event.name, _attributes(event.attributes)) for event in span.events)


def told_by(events: Iterable[Event]) -> Told:
    """What events in the old form say, in their order."""
    heard: list[Talk] = []
    said: list[Talk] = []
    for name, body in events:
        if name == CHOICE:
            said.append(_choice(body))
        elif name in _ROLES:
            heard.append(_message(body, _ROLES[name]))
        elif name in _OLDEST:
            attribute, role = _OLDEST[name]
            (heard if role == "user" else said).append(talk_of(body.get(attribute), role))
    return Told(heard=together(heard), said=together(said))


def listed(written: object) -> Iterator[Event]:
    """Events that an attribute holds as one JSON list, each with its name as `event.name`."""
    for item in list_of(parsed(written).value):
        members = object_of(item)
        name = text_of(members.get("event.name"))
        if name is None:
            role = role_of(members.get("role"))
            name = CHOICE if "message" in members else f"gen_ai.{role}.message"
        yield name, members


def _name(log: LogRecord) -> str:
    return log.name or text_of(log.attributes.get("event.name")) or text_of(log.attributes.get("event_name")) or ""


def _body(log: LogRecord) -> Mapping[str, Any]:
    """A log record's body; some senders put it into attributes, or into one of them as JSON."""
    body = value_of(log.body)
    return body if is_object(body) and body else _attributes(log.attributes)


def _attributes(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = value_of(attributes.get(_BODY))
    return inner if is_object(inner) else attributes


@remembered
def _message(body: Mapping[str, Any], role: Role) -> Talk:
    """A message in the chat form. Gemini's has its own role within its content."""
    content = blocks(body.get("content"))
    inner = object_of(content)
    if is_list(inner.get("parts")):
        return talk_of([inner], role)
    return _said(role, content, _calls(body), first_text(body, "id", "tool_call_id"))


@remembered
def _choice(body: Mapping[str, Any]) -> Talk:
    """What a model answered. In the oldest form the calls that it asks for stand beside the message."""
    held = _spelled_out(body.get("message", body.get("content")))
    message = object_of(held)
    if is_list(message.get("parts")):
        talk = talk_of([{**message, "role": "assistant"}], "assistant")
    else:
        content = blocks(message.get("content")) if is_object(held) else held
        talk = _said("assistant", content, [*_calls(message), *_calls(body)])
    return talk + Talk(finish=first_text(body, "finish_reason"))


def _calls(body: Mapping[str, Any]) -> Sequence[Any]:
    return list_of(value_of(body.get("tool_calls")))


def _said(role: Role, content: object, calls: Sequence[Any], call_id: str | None = None) -> Talk:
    """A message in the chat form, read as one of the newer convention."""
    parts = [*(_answer(content, call_id) if role == "tool" else _parts(content)), *map(_request, calls)]
    return talk_of([{"role": role, "parts": parts}], role) if parts else Talk(elided=True)


def _parts(content: object) -> list[Any]:
    if content is None or content == "":
        return []
    return list(content) if is_list(content) else [{"type": "text", "content": content}]


def _answer(content: object, call_id: str | None) -> list[Any]:
    """A tool's answer; Bedrock's names its call itself."""
    if is_list(content) and any("toolResult" in object_of(block) for block in content):
        return list(content)
    held = {} if content is None else {"response": content}
    return [{"type": "tool_call_response", "id": call_id, **held}]


def _request(call: object) -> Mapping[str, Any]:
    members = object_of(call)
    function = object_of(members.get("function")) or members
    held = {"arguments": function["arguments"]} if "arguments" in function else {}
    return {"type": "tool_call", "id": members.get("id"), "name": function.get("name"), **held}


def _spelled_out(written: object) -> object:
    """A choice's message; JSON text of one as the object that it is."""
    value = value_of(written)
    return value if object_of(value).keys() & {"content", "tool_calls"} else blocks(written)


def blocks(written: object) -> object:
    """Content as it came; JSON text of Bedrock's or the convention's blocks as these blocks."""
    if not isinstance(written, str):
        return written
    value = value_of(written)
    items = list_of(value)
    if items and all(object_of(item).keys() & _BLOCKS for item in items):
        return value
    return value if is_object(value) and is_list(value.get("parts")) else written
