"""Plain OpenAI-style conversations: JSON lines, a JSON list of conversations, or one conversation.

A conversation is a list of messages, or an object `{messages, id, reward, tools, metadata}` of which all but the first
may be missing. `id` names the task, `reward` becomes a label, `tools` says what the agent could call (as chat APIs
take them), and `metadata.agent`, else `metadata.model`, names the agent; whatever else there is stays in the record.

Every trial is `completed`, and its end has no reason: the format has no word for it. A call failed where its tool
message says `is_error: true` or `status: "error"`, or where its text begins with `Error:`; the format has no rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agenteval.core import semconv
from agenteval.core.json import Json
from agenteval.intake.formats._conversation import NOT_EACH_REQUEST, Conversation
from agenteval.intake.formats._json import Decoded
from agenteval.intake.formats._openai import converse
from agenteval.intake.formats._reading import (
    attempt,
    each,
    list_of,
    maybe_object,
    maybe_objects,
    maybe_text,
    object_of,
    text_id,
    time_of,
)
from agenteval.intake.formats._record import Imported, Record, TrialFacts
from agenteval.intake.formats._source import Look, Source
from agenteval.intake.formats._spans import whole
from agenteval.intake.formats._split import Piece, lines, split
from agenteval.intake.formats._trace import Trace, offered, present

NAME = "messages"
TITLE = "OpenAI-style messages (JSON lines or a list: each a list of messages, or an object with messages)"

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


def detect(look: Look) -> bool:
    """Messages, lists of messages, or objects with messages."""
    if look.shape == "object":
        return "messages" in look.keys
    if look.shape == "list" and _is_message(look.first):
        return True
    return look.shape in {"list", "lines"} and _is_conversation(look.first)


def read(source: Source) -> Iterator[Record]:
    """Every conversation of the file."""
    look = source.look
    if look.shape == "list" and not _is_message(look.first):
        with source.open() as read_bytes:
            yield from each(source, split(read_bytes), _record)
    elif look.shape in {"list", "object"}:
        yield attempt(source, whole(source), _record)
    else:
        with source.open() as read_bytes:
            for number, data, problem in lines(read_bytes):
                if data is None:
                    yield source.refusal(f"line {number}", problem or "")
                else:
                    yield attempt(source, Piece(place=f"line {number}", data=data), _record)


def _is_message(value: Json) -> bool:
    return isinstance(value, dict) and maybe_text(value.get("role")) in _ROLES


def _is_conversation(value: Json) -> bool:
    if isinstance(value, dict):
        return "messages" in value
    return isinstance(value, list) and bool(value) and _is_message(value[0])


def _record(source: Source, record: Decoded, position: str) -> Imported:
    value = record.clean
    data: dict[str, Any] = {"messages": value} if isinstance(value, list) else object_of(value, "a conversation")
    facts = _facts(data, source.stem, position)
    messages = list_of(data.get("messages"), "messages")
    times = [at for at in (time_of(message.get("timestamp")) for message in maybe_objects(messages)) if at is not None]
    trace = Trace(source, position, facts.agent)
    conversation = Conversation(trace, start_ns=times[0] if times else 0, timed=bool(times))
    converse(conversation, messages, "messages", chat=_chat(data), failed=_failed)
    if isinstance(data.get("tools"), list):
        trace.attributes[semconv.OFFERED_TOOLS] = offered([tool["name"] for tool in _tools(data)])
    if "reward" in data:
        trace.label("reward", data["reward"])
    return trace.close(NAME, record, facts)


def _facts(data: Mapping[str, Any], stem: str, position: str) -> TrialFacts:
    metadata = maybe_object(data.get("metadata"))
    named = data.get("id")
    return TrialFacts(
        scenario=f"{stem}: {position}" if named is None else text_id(named, "id"),
        repeat=0,
        agent=maybe_text(metadata.get("agent")) or maybe_text(metadata.get("model")) or stem,
        status="completed",
    )


def _chat(data: Mapping[str, Any]) -> dict[str, Any]:
    model = maybe_text(maybe_object(data.get("metadata")).get("model"))
    missing = {"messages": NOT_EACH_REQUEST, "usage": "the file keeps no token counts"}
    if model is None:
        missing["model"] = "the file does not name the model"
    return present(
        {
            semconv.REQUEST_MODEL: model,
            semconv.TOOL_DEFINITIONS: _tools(data) or None,
            semconv.NOT_RECORDED: missing,
        }
    )


def _tools(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The offered tools as spans carry them; one without a name is left to the record."""
    found: list[dict[str, Any]] = []
    for tool in maybe_objects(data.get("tools")):
        function = maybe_object(tool.get("function")) or tool
        name = maybe_text(function.get("name"))
        if name:
            members = {key: function[key] for key in ("description", "parameters") if key in function}
            found.append({"name": name, **members})
    return found


def _failed(message: Mapping[str, Any], text: str) -> bool:
    return message.get("is_error") is True or message.get("status") == "error" or text.startswith("Error:")
