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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agenteval.core.message import Message, Part, Role, TextPart, ToolResponse
from agenteval.telemetry.dialects.arguments import parsed
from agenteval.telemetry.dialects.chat import message_of, role_of
from agenteval.telemetry.dialects.held import first_text, is_list, is_object, list_of, object_of
from agenteval.telemetry.dialects.semconv_parts import ANSWERS, ARGUMENTS, answer_of, is_left_out, is_our_mark, part_of
from agenteval.telemetry.remembering import remembered


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
        return together((self, other))


def together(talks: Sequence[Talk]) -> Talk:
    """Several talks one after the other."""
    if len(talks) < 2:
        return talks[0] if talks else _NOTHING
    messages: list[Message] = []
    finish, cut, unreadable, elided, redacted = None, False, False, False, False
    for talk in talks:
        messages += talk.messages
        finish, cut, unreadable = talk.finish or finish, talk.cut or cut, talk.unreadable or unreadable
        elided, redacted = talk.elided or elided, talk.redacted or redacted
    return Talk(
        messages=tuple(messages), finish=finish, cut=cut, unreadable=unreadable, elided=elided, redacted=redacted
    )


def talk_of(written: object, role: Role) -> Talk:
    """The messages that an attribute holds.

    Args:
        written: A list of messages or of parts, one message, plain text, or the JSON text of any of them.
        role: Whose words those are that name no role.
    """
    return _NOTHING if written is None else _talk_of(written, role)


_NOTHING = Talk()


@remembered
def _talk_of(written: object, role: Role) -> Talk:
    if is_left_out(written):
        return Talk(elided=True, redacted=is_our_mark(written))
    read = parsed(written)
    if isinstance(read.value, str):
        return _from_text(read.value, role)
    found: list[Message] = []
    bare: list[Part] = []  # parts side by side are one message
    finish, elided, redacted = None, False, False
    for written_item in _items(read.value):
        item = _item_of(written_item, role)
        finish, elided, redacted = item.finish or finish, item.elided or elided, item.redacted or redacted
        if not item.is_message:
            bare += item.parts
            continue
        if bare:
            found.append(Message(role=role, parts=tuple(bare)))
            bare = []
        if item.message is not None:
            found.append(item.message)
    if bare:
        found.append(Message(role=role, parts=tuple(bare)))
    return Talk(
        messages=tuple([message for message in found if message.parts]),
        finish=finish,
        cut=read.cut,
        unreadable=not found and read.value is not None and read.value != [],
        elided=elided,
        redacted=redacted,
    )


def _items(value: object) -> Sequence[Any]:
    """The list that a value is or holds; an object that is a message or a part is the only one."""
    members = object_of(value)
    if "role" not in members and "type" not in members:
        for name in ("messages", "contents"):
            if is_list(members.get(name)):
                return list_of(members[name])
    return list_of(value) if is_list(value) else [value] if is_object(value) else ()


@dataclass(frozen=True, slots=True)
class _Item:
    """What one item of a list is: a message, which may be None where it cannot be read, or bare parts."""

    is_message: bool
    message: Message | None = None
    parts: tuple[Part, ...] = ()
    finish: str | None = None
    elided: bool = False
    redacted: bool = False


@remembered
def _item_of(item: object, role: Role) -> _Item:
    """An item of a list; JSON text of an object as that."""
    if isinstance(item, str):
        item = parsed(item).value if item.lstrip()[:1] == "{" else item
    if isinstance(item, str):
        return _Item(is_message=False, parts=(TextPart(text=item),))
    members = object_of(item)
    is_message = _is_message(members)
    return _Item(
        is_message=is_message,
        message=one_message(members, role) if is_message else None,
        parts=() if is_message else tuple(part_of(members)),
        finish=first_text(members, "finish_reason"),
        elided=any(map(_lacks, _parts(members))),
        redacted=any(map(_is_marked, _parts(members))),
    )


def _from_text(text: str, role: Role) -> Talk:
    """Plain text is what was said; text that begins as JSON and is none was cut where nothing is left to read."""
    if not text.strip():
        return Talk()
    if text.lstrip()[:1] in {"[", "{"}:
        return Talk(cut=True, unreadable=True)
    return Talk(messages=(Message(role=role, parts=(TextPart(text=text),)),))


def _is_message(members: Mapping[str, Any]) -> bool:
    return "role" in members or is_list(members.get("parts"))


def one_message(members: Mapping[str, Any], role: Role) -> Message | None:
    """One message; None where it is none. Answers of tools are a tool's message, whatever the role says."""
    role = role_of(members.get("role")) or role
    if not is_list(members.get("parts")):
        return message_of({**members, "role": role})
    calls = [{**object_of(call), "type": "tool_call"} for call in list_of(members.get("tool_calls"))]
    parts = tuple([part for item in (*members["parts"], *calls) for part in part_of(item)])
    kinds = set(map(type, parts))
    if kinds == {ToolResponse}:
        role = "tool"
    elif role == "tool" and kinds == {TextPart}:
        text = Message(role=role, parts=parts).text  # an answer that was written down as text
        parts = (ToolResponse(response=answer_of(text), id=first_text(members, "tool_call_id", "id")),)
    return Message(role=role, parts=parts)


# --- what is said about messages


def _parts(members: Mapping[str, Any]) -> Sequence[Any]:
    return list_of(members["parts"]) if is_list(members.get("parts")) else [members]


def _lacks(part: object) -> bool:
    """Whether a part of the convention came without its content."""
    members = object_of(part)
    for key in _CONTENTS:
        if key in members and is_left_out(members[key]):
            return True
    wanted = _CONTENT_OF.get(str(members.get("type")))
    return wanted is not None and not any(key in members for key in wanted)


def _is_marked(part: object) -> bool:
    """Whether a content of a part was taken out before it was stored."""
    members = object_of(part)
    return any(is_our_mark(members.get(key)) for key in _CONTENTS)


_CONTENTS = ("content", "text", "arguments", "response", "result")
_CONTENT_OF: Mapping[str, tuple[str, ...]] = {
    "text": ("content", "text"),
    "tool_call": (*ARGUMENTS, "function"),
    "tool_call_response": ANSWERS,
}
