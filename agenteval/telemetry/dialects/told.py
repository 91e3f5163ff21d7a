"""An agent's input or output as its framework recorded it in, what was said to it or by it out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agenteval.core.message import Message, text_message
from agenteval.telemetry.dialects.arguments import parsed
from agenteval.telemetry.dialects.chat import messages_of, role_of
from agenteval.telemetry.dialects.held import first_text, is_list, is_object, list_of, object_of
from agenteval.telemetry.dialects.langchain import fields_of

_ASKED = (
    "input",
    "task",
    "question",
    "query",
    "prompt",
    "user_msg",
    "user_message",
    "user_input",
    "user_prompt",
    "message",
    "request",
    "text",
    "content",
)
_ANSWERED = ("output", "answer", "final_output", "result", "raw", "response", "content", "text", "message")
_HELD = (
    "messages",
    "new_message",
    "input",
    "inputs",
    "outputs",
    "chat_message",
    "response",
    "update",
    "output",
    "task",
)
_DEEPEST = 5


def heard_of(written: object) -> tuple[Message, ...]:
    """What an agent was told: the messages in its input, else the one text that can be meant."""
    value = parsed(written).value
    found = _messages(value)
    if found:
        return found
    text = _text(value, _ASKED)
    return (text_message("user", text),) if text else ()


def said_of(written: object) -> tuple[Message, ...]:
    """What an agent answered: the messages in its output, else the one text that can be meant."""
    value = parsed(written).value
    found = _messages(value)
    if found:
        return found
    text = _text(value, _ANSWERED)
    return (text_message("assistant", text),) if text else ()


def _messages(value: object, depth: int = 0) -> tuple[Message, ...]:
    if depth > _DEEPEST or isinstance(value, str):
        return ()
    if _is_message(value):
        return messages_of(value)
    if is_list(value):
        return tuple(one for item in list_of(value) for one in _messages(item, depth + 1))
    members = object_of(value)
    for name in _HELD:
        found = _messages(members.get(name), depth + 1) if name in members else ()
        if found:
            return found
    return ()


def _is_message(value: object) -> bool:
    members = object_of(value)
    if role_of(members.get("role")) is not None:
        return True
    return fields_of(members) is not None or members.get("type") == "TextMessage"


def _text(value: object, names: tuple[str, ...], depth: int = 0) -> str | None:
    """Text as it is; of an object the member that is named so, or its only text; positional and keyword arguments."""
    if isinstance(value, str):
        return value if value.strip() else None
    if is_list(value):
        texts = [item for item in list_of(value) if isinstance(item, str)]
        return texts[0] if len(texts) == 1 == len(list_of(value)) else None
    members = object_of(value)
    found = first_text(members, *names)
    if found is not None or depth > _DEEPEST:
        return found
    for name in ("args", "kwargs", "inputs", "outputs", *names):
        inner = members.get(name)
        if is_object(inner) or is_list(inner):
            found = _text(inner, names, depth + 1)
            if found is not None:
                return found
    return _only_text(members)


def _only_text(members: Mapping[str, Any]) -> str | None:
    texts = [value for value in members.values() if isinstance(value, str) and value.strip()]
    return texts[0] if len(texts) == 1 and len(members) == 1 else None
