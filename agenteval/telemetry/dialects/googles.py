"""Messages of Gemini in, without what its SDKs put around what tools answer, and without ids that are none, out.

Gemini's interface names no calls. OpenTelemetry's instrumentations make ids up of a tool's name and the place in one
message, which the next message may have again. A tool's answer has to be an object there: of a value that is none its
SDKs make one with the only member `result` or `output`.
"""

from __future__ import annotations

import re
from dataclasses import replace

from agenteval.core.message import Message, Part, ToolRequest, ToolResponse
from agenteval.telemetry.dialects.chat import bare_answer
from agenteval.telemetry.dialects.semconv_messages import Talk

GOOGLE = ("gemini", "gcp.", "vertex_ai")
"""How the names of Google's providers begin."""

_PLACE = re.compile(r"(.+)_\d+")


def googles(talk: Talk) -> Talk:
    """The messages, as they are meant."""
    names = {part.name for message in talk.messages for part in message.requests}
    return replace(talk, messages=tuple(_message(message, names) for message in talk.messages))


def with_thoughts(provider: str | None, *, read: int | None, written: int | None, total: int | None) -> int | None:
    """The tokens of an answer: Gemini counts those of its thoughts beside it, and some senders in the total alone."""
    if read is None or written is None or total is None or not (provider or "").lower().startswith(("google", *GOOGLE)):
        return written
    return max(written, total - read)


def _message(message: Message, names: set[str]) -> Message:
    return replace(message, parts=tuple(_part(part, names) for part in message.parts))


def _part(part: Part, names: set[str]) -> Part:
    if isinstance(part, ToolRequest):
        return replace(part, id=None) if _is_made_up(part.id, {part.name}) else part
    if isinstance(part, ToolResponse):
        return bare_answer(replace(part, id=None if _is_made_up(part.id, names) else part.id))
    return part


def _is_made_up(call_id: str | None, names: set[str]) -> bool:
    place = _PLACE.fullmatch(call_id or "")
    return place is not None and place[1] in names
