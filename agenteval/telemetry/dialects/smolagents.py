"""Messages that smolagents wrote for a model in, the same messages as what they are out.

smolagents says everything in words: it puts `New task:` before what the user wants, repeats its requests as text after
`Calling tools:`, and hands back answers as the user's words after `Observation:`. Whoever instruments the model sees
only these words.
"""

from __future__ import annotations

from collections.abc import Sequence

from agenteval.core.message import Message, TextPart, ToolResponse, text_message
from agenteval.telemetry.dialects.arguments import literal
from agenteval.telemetry.dialects.chat import request_of, result_of
from agenteval.telemetry.dialects.held import list_of, object_of

_TASK = "New task:\n"
_ASKS = "Calling tools:\n"
_ANSWERS = ("Observation:\n", "Error:\n")


def spoken_through(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The messages, those in smolagents' words as task, requests and answers; others as they are."""
    if not any(message.role == "user" and _words(message).startswith(_TASK) for message in messages):
        return tuple(messages)
    meant: list[Message] = []
    for message in messages:
        meant.append(_as_meant(message, meant[-1] if meant else None))
    return tuple(meant)


def _words(message: Message) -> str:
    """What a message begins with: its text, or the text that it hands back as an answer."""
    first = message.parts[0] if message.parts else None
    if isinstance(first, ToolResponse):
        return first.response if isinstance(first.response, str) else ""
    return first.text if isinstance(first, TextPart) else ""


def _as_meant(message: Message, before: Message | None) -> Message:
    words = _words(message)
    if message.role == "user" and words.startswith(_TASK) and len(message.parts) == 1:
        return text_message("user", words.removeprefix(_TASK))
    if message.role in {"user", "tool"} and words.startswith(_ANSWERS):
        return _answered(words.partition("\n")[2], before)
    if message.role == "assistant" and words.startswith(_ASKS):
        listed = list_of(literal(words.removeprefix(_ASKS)))
        requests = [request for call in listed if (request := request_of(object_of(call))) is not None]
        return Message(role="assistant", parts=tuple(requests)) if requests else message
    return message


def _answered(words: str, before: Message | None) -> Message:
    """The answer to one request; the answers to several stand in one text, and nobody can tell where each ends."""
    requests = () if before is None else before.requests
    if len(requests) == 1:
        return Message(role="tool", parts=(ToolResponse(response=result_of(words), id=requests[0].id),))
    return text_message("tool", words)
