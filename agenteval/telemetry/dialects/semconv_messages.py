"""Messages of the GenAI convention in, in any of its generations and spellings, our messages out.

The convention has a message as `{role, parts}` with typed parts. Producers write lists of them as structured values, as
JSON text, or as lists of JSON texts; call arguments as objects or as JSON text within the JSON; a tool's answer as
`response` or `result`; and some use a provider's own blocks instead: Gemini's, Bedrock's, OpenAI's chat form. A part
that is not known becomes text that names it. Contents that were left out leave the part's place, so that a request
keeps its name and id.

References:
    OpenTelemetry semantic conventions for generative AI (repository semantic-conventions-genai), JSON schemas of
    `gen_ai.input.messages` and `gen_ai.output.messages`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agenteval.core.message import Message, Part, Role, TextPart, ToolResponse
from agenteval.telemetry.dialects.arguments import parsed
from agenteval.telemetry.dialects.chat import message_of, role_of
from agenteval.telemetry.dialects.held import first_text, is_list, is_object, list_of, object_of
from agenteval.telemetry.dialects.semconv_parts import ANSWERS, ARGUMENTS, answer_of, is_left_out, is_our_mark, part_of


@dataclass(frozen=True, slots=True)
class Talk:
    """Messages as they could be read.

    Attributes:
        messages: The messages, in order.
        finish: Why the model stopped, where a message says so.
        cut: The text ended too soon: the messages at its end are missing or in part.
        unreadable: There was something, and it could not be read.
        elided: Contents were left out, by the sender or by rules of ours.
        redacted: By rules of ours.
    """

    messages: tuple[Message, ...] = ()
    finish: str | None = None
    cut: bool = False
    unreadable: bool = False
    elided: bool = False
    redacted: bool = False

    def __add__(self, other: Talk) -> Talk:
        """One after the other."""
        return Talk(
            messages=self.messages + other.messages,
            finish=other.finish or self.finish,
            cut=self.cut or other.cut,
            unreadable=self.unreadable or other.unreadable,
            elided=self.elided or other.elided,
            redacted=self.redacted or other.redacted,
        )


def talk_of(written: object, role: Role) -> Talk:
    """The messages that an attribute holds.

    Args:
        written: A list of messages or of parts, one message, plain text, or the JSON text of any of them.
        role: Whose words those are that name no role.
    """
    if is_left_out(written):
        return Talk(elided=True, redacted=is_our_mark(written))
    read = parsed(written)
    if isinstance(read.value, str):
        return _from_text(read.value, role)
    items = [_spelled_out(item) for item in _items(read.value)]
    found = [*_messages(items, role)]
    return Talk(
        messages=tuple(message for message in found if message.parts),
        finish=_finish(items),
        cut=read.cut,
        unreadable=read.value is not None and read.value != [] and not found,
        elided=any(_lacks(part) for item in items for part in _parts(item)),
        redacted=any(map(is_our_mark, _contents(items))),
    )


def _items(value: object) -> Sequence[Any]:
    """The list that a value is or holds; an object that is a message or a part is the only one."""
    members = object_of(value)
    if "role" not in members and "type" not in members:
        for name in ("messages", "contents"):
            if is_list(members.get(name)):
                return list_of(members[name])
    return list_of(value) if is_list(value) else [value] if is_object(value) else ()


def _spelled_out(item: object) -> object:
    """An item of a list; JSON text of an object as that."""
    return parsed(item).value if isinstance(item, str) and item.lstrip()[:1] == "{" else item


def _from_text(text: str, role: Role) -> Talk:
    """Plain text is what was said; text that begins as JSON and is none was cut where nothing is left to read."""
    if not text.strip():
        return Talk()
    if text.lstrip()[:1] in {"[", "{"}:
        return Talk(cut=True, unreadable=True)
    return Talk(messages=(Message(role=role, parts=(TextPart(text=text),)),))


def _messages(items: Sequence[Any], role: Role) -> Iterator[Message]:
    """Messages of a list, in which bare parts side by side are one message."""
    bare: list[Part] = []
    for item in items:
        members = object_of(item)
        if isinstance(item, str):
            bare.append(TextPart(text=item))
        elif _is_message(members):
            if bare:
                yield Message(role=role, parts=tuple(bare))
                bare = []
            message = one_message(members, role)
            if message is not None:
                yield message
        else:
            bare.extend(part_of(members))
    if bare:
        yield Message(role=role, parts=tuple(bare))


def _is_message(members: Mapping[str, Any]) -> bool:
    return "role" in members or is_list(members.get("parts"))


def one_message(members: Mapping[str, Any], role: Role) -> Message | None:
    """One message; None where it is none. Answers of tools are a tool's message, whatever the role says."""
    role = role_of(members.get("role")) or role
    if not is_list(members.get("parts")):
        return message_of({**members, "role": role})
    calls = [{**object_of(call), "type": "tool_call"} for call in list_of(members.get("tool_calls"))]
    parts = tuple(part for item in (*list_of(members["parts"]), *calls) for part in part_of(item))
    if parts and all(isinstance(part, ToolResponse) for part in parts):
        role = "tool"
    elif role == "tool" and parts and all(isinstance(part, TextPart) for part in parts):
        text = Message(role=role, parts=parts).text  # an answer that was written down as text
        parts = (ToolResponse(response=answer_of(text), id=first_text(members, "tool_call_id", "id")),)
    return Message(role=role, parts=parts)


# --- what is said about messages


def _finish(items: Sequence[Any]) -> str | None:
    reasons = [first_text(object_of(item), "finish_reason") for item in items]
    return next((reason for reason in reversed(reasons) if reason), None)


def _parts(item: object) -> Sequence[Any]:
    members = object_of(item)
    return list_of(members["parts"]) if is_list(members.get("parts")) else [members]


def _lacks(part: object) -> bool:
    """Whether a part of the convention came without its content."""
    members = object_of(part)
    if any(is_left_out(members.get(key)) for key in _CONTENTS):
        return True
    wanted = _CONTENT_OF.get(str(members.get("type")))
    return wanted is not None and not any(key in members for key in wanted)


def _contents(items: Sequence[object]) -> Iterator[object]:
    for item in items:
        for part in _parts(item):
            yield from (object_of(part).get(key) for key in _CONTENTS)


_CONTENTS = ("content", "text", "arguments", "response", "result")
_CONTENT_OF: Mapping[str, tuple[str, ...]] = {
    "text": ("content", "text"),
    "tool_call": (*ARGUMENTS, "function"),
    "tool_call_response": ANSWERS,
}
