"""Messages as Inspect writes them in, messages as spans carry them out. Attachments are put back in their places."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from agenteval.core.json import Json
from agenteval.intake.formats._conversation import Answer, Conversation, Request
from agenteval.intake.formats._openai import text_of
from agenteval.intake.formats._parts import message, parts_of, plain_text, request_part, response_part
from agenteval.intake.formats._reading import maybe_object, maybe_objects, maybe_text

_ATTACHED = ("attachment://", "tc://")  # the second one until autumn 2024


class Messages:
    """Reads the messages of one sample, each once however often the log repeats it.

    Args:
        attachments: The sample's long texts, by their hash.
    """

    def __init__(self, attachments: Mapping[str, Any]) -> None:
        self._attachments = attachments
        self._read: dict[int, dict[str, Any]] = {}

    def resolved(self, value: Any) -> Any:
        """The value with attachments in the place of their names."""
        if isinstance(value, str):
            if not value.startswith(_ATTACHED):
                return value
            return self._attachments.get(value.partition("://")[2], value)
        if isinstance(value, dict):
            return {key: self.resolved(item) for key, item in cast("dict[str, Any]", value).items()}
        if isinstance(value, list):
            return [self.resolved(item) for item in cast("list[Any]", value)]
        return value

    def read(self, written: dict[str, Any]) -> dict[str, Any]:
        """A message as spans carry it. The same object gives the same object."""
        known = self._read.get(id(written))
        if known is None:
            known = self._read[id(written)] = self._message(written)
        return known

    def identity(self, written: Mapping[str, Any]) -> str:
        """What two occurrences of one message have in common: its id, else what it says."""
        named = maybe_text(written.get("id"))
        return f"id:{named}" if named else json.dumps(self.resolved(written), sort_keys=True)

    def _message(self, written: Mapping[str, Any]) -> dict[str, Any]:
        role = maybe_text(written.get("role")) or "user"
        content = self.resolved(written.get("content"))
        if role == "tool":
            failure = maybe_object(written.get("error"))
            said = self.resolved(failure.get("message")) if failure else content
            return message("tool", [response_part(said, maybe_text(written.get("tool_call_id")))])
        asked = [request_part(request.name, request.arguments, request.call_id) for request in self.requests(written)]
        return message(role, [*parts_of(content), *asked])

    def requests(self, written: Mapping[str, Any]) -> list[Request]:
        """The calls that a message asks for."""
        return [
            Request(
                name=maybe_text(call.get("function")) or "unknown",
                arguments=self.resolved(call.get("arguments")),
                call_id=maybe_text(call.get("id")),
            )
            for call in maybe_objects(written.get("tool_calls"))
        ]

    def answer(self, written: Mapping[str, Any]) -> Answer:
        """What a tool's message says."""
        content: Json = self.resolved(written.get("content"))
        return Answer(
            call_id=maybe_text(written.get("tool_call_id")),
            name=maybe_text(written.get("function")),
            result=content,
            error=self.failure(written, content),
        )

    def failure(self, written: Mapping[str, Any], content: Json) -> str | None:
        """The error of a tool's message or event; None where it did not fail."""
        error = written.get("error")
        if error is None:
            return None
        said = self.resolved(maybe_object(error).get("message"))
        return said if isinstance(said, str) and said else text_of(content) or "error"


def converse(
    conversation: Conversation, messages: Messages, written: Sequence[dict[str, Any]], chat: Mapping[str, Any]
) -> None:
    """Write a sample's messages into a conversation, for logs that keep no events."""
    for item in written:
        role, content = item.get("role"), messages.resolved(item.get("content"))
        if role == "system":
            conversation.system(parts_of(content), plain_text(content))
        elif role == "assistant":
            given = item.get("source") == "input"  # part of the dataset, said by no model
            conversation.assistant(parts_of(content), requests=messages.requests(item), chat=None if given else chat)
        elif role == "tool":
            conversation.tool(messages.answer(item))
        else:
            conversation.user(parts_of(content))
    conversation.finish()
