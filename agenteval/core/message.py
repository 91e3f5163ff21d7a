"""What was said: messages and their parts, as conversations and model calls share them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from agenteval.core.json import Json

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPart:
    """Text that was said."""

    text: str
    type: Literal["text"] = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningPart:
    """Reasoning that the model gave beside its answer."""

    text: str
    type: Literal["reasoning"] = "reasoning"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalPart:
    """A refusal, where the model marked it as one."""

    text: str
    type: Literal["refusal"] = "refusal"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaPart:
    """An image, sound or file, by address or by content hash (`sha256:…`)."""

    type: Literal["image", "audio", "file"]
    uri: str
    mime_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRequest:
    """A model's wish to call a tool. `arguments` is what it wrote: an object, or text that did not parse."""

    name: str
    arguments: Json
    id: str | None = None
    type: Literal["tool_call"] = "tool_call"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResponse:
    """A tool's answer, as it was handed back to the model."""

    response: Json
    id: str | None = None
    type: Literal["tool_call_response"] = "tool_call_response"


Part: TypeAlias = TextPart | ReasoningPart | RefusalPart | MediaPart | ToolRequest | ToolResponse


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What was said, by whom. Part names follow the GenAI semantic conventions."""

    role: Role
    parts: tuple[Part, ...]
    kind: ClassVar[str] = "message"

    @property
    def text(self) -> str:
        """The text parts, joined by line breaks; empty where there are none."""
        return "\n".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def requests(self) -> tuple[ToolRequest, ...]:
        """The tool calls that this message asks for, in order."""
        return tuple(part for part in self.parts if isinstance(part, ToolRequest))


def text_message(role: Role, text: str) -> Message:
    """A message of one text part."""
    return Message(role=role, parts=(TextPart(text=text),))
