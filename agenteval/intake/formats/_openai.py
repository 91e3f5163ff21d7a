"""OpenAI-style messages in, the turns of a conversation out.

Messages are `{role, content}` with the roles system (or developer), user, assistant and tool (or function); an
assistant's may ask with `tool_calls`, or with the older `function_call`, and a tool's names what it answers with
`tool_call_id`, or by its name alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agenteval.core.json import Json
from agenteval.intake.formats._conversation import Answer, Conversation, Request
from agenteval.intake.formats._json import Unreadable
from agenteval.intake.formats._parts import arguments_of, parts_of, plain_text, reasoning_of
from agenteval.intake.formats._reading import list_of, maybe_text, object_of, objects_of, shown, time_of

Failed = Callable[[Mapping[str, Any], str], bool]
"""Whether a tool message says, by its members or its text, that the call failed."""


def converse(conversation: Conversation, messages: Json, what: str, *, chat: Mapping[str, Any], failed: Failed) -> None:
    """Write messages into a conversation, to its end.

    Args:
        conversation: Where to.
        messages: The list of messages.
        what: Its name in the file, for refusals.
        chat: Attributes of every model call.
        failed: Which tool messages are errors.

    Raises:
        Unreadable: It is not a list of such messages.
    """
    for at, message in enumerate(objects_of(messages, what)):
        _add(conversation, message, f"{what}[{at}]", chat, failed)
    conversation.finish()


def text_of(content: Json) -> str:
    """A tool's content as text; JSON where it is not text."""
    text = plain_text(content)
    return json.dumps(content) if text is None else text


def _add(
    conversation: Conversation, message: Mapping[str, Any], what: str, chat: Mapping[str, Any], failed: Failed
) -> None:
    role, content = maybe_text(message.get("role")), message.get("content")
    at_ns = time_of(message.get("timestamp"))
    if role in {"system", "developer"}:
        conversation.system(parts_of(content), plain_text(content))
    elif role == "user":
        conversation.user(parts_of(content), at_ns=at_ns)
    elif role == "assistant":
        parts = [*reasoning_of(message), *parts_of(content)]
        conversation.assistant(parts, requests=_requests(message, what), chat=chat, at_ns=at_ns)
    elif role in {"tool", "function"}:
        text = text_of(content)
        conversation.tool(
            Answer(
                call_id=maybe_text(message.get("tool_call_id")),
                name=maybe_text(message.get("name")),
                result=content,
                error=text if failed(message, text) else None,
                at_ns=at_ns,
            )
        )
    else:
        known = "system, developer, user, assistant, tool and function"
        raise Unreadable(f"{what}.role is {shown(message.get('role'))}: known are {known}")


def _requests(message: Mapping[str, Any], what: str) -> Sequence[Request]:
    older = message.get("function_call")
    if older is not None:
        return [_request(object_of(older, f"{what}.function_call"), None, f"{what}.function_call")]
    calls: Json = message.get("tool_calls")
    if calls is None:
        return []
    place = f"{what}.tool_calls"
    return [
        _wrapped(object_of(call, f"{place}[{at}]"), f"{place}[{at}]") for at, call in enumerate(list_of(calls, place))
    ]


def _wrapped(call: Mapping[str, Any], what: str) -> Request:
    inner = call.get("function") or call.get("custom")
    return _request(object_of(inner, f"{what}.function"), maybe_text(call.get("id")), what)


def _request(function: Mapping[str, Any], call_id: str | None, what: str) -> Request:
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise Unreadable(f"{what} names no function")
    return Request(name=name, arguments=arguments_of(function.get("arguments", function.get("input"))), call_id=call_id)
