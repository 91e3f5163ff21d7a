"""Messages whose every field is an attribute with indexes in its name in; messages, and whether all are whole, out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agenteval.core.message import (
    Message,
    Part,
    ReasoningPart,
    Role,
    TextPart,
    ToolRequest,
    ToolResponse,
    text_message,
)
from agenteval.telemetry.dialects.chat import answer, asked_arguments, content_parts, messages_of, result_of, role_of
from agenteval.telemetry.dialects.held import beneath, by_index, object_of, text_of, value_of
from agenteval.telemetry.dialects.media import Kind, media
from agenteval.telemetry.remembering import remembered

_MEDIA: Mapping[str, tuple[Kind, str]] = {
    "image": ("image", "image.image.url"),
    "audio": ("audio", "audio.audio.url"),
    "document": ("file", "document.document.url"),
    "file": ("file", "file.file.url"),
    "video": ("file", "video.video.url"),
}


def messages_under(items: Mapping[str, Any], *, lost: bool = False) -> tuple[tuple[Message, ...], bool]:
    """OpenInference's `N.message.*` attributes as messages.

    Args:
        items: The attributes, by what follows the common prefix.
        lost: The span lost attributes: arguments that are not there are unknown then, and not empty.

    Returns:
        The messages in order, and whether one or more are missing or not whole.
    """
    messages: list[Message] = []
    gaps = False
    for place, (number, fields) in enumerate(by_index({**_unknown_arguments(items), **items} if lost else items)):
        message, complete = _once(fields)
        gaps = gaps or number != place or not complete
        if message is not None:
            messages.append(message)
    return tuple(messages), gaps


def _unknown_arguments(items: Mapping[str, Any]) -> dict[str, None]:
    """None for the arguments of each request: what is known of them comes over it."""
    names = [name for name in items if name.endswith(".tool_call.function.name")]
    return {f"{name.removesuffix('name')}arguments": None for name in names}


def with_answers(messages: Sequence[Message], asked: object) -> tuple[Message, ...]:
    """Messages, with the answers that are not among them though the request's own JSON holds them.

    Of several answers in one message, as Anthropic's API has them, earlier instrumentations flattened the last one.

    Args:
        messages: As they were flattened.
        asked: The request.
    """
    parts = [part for message in messages for part in message.parts]
    answered = {part.id for part in parts if isinstance(part, ToolResponse)}
    open_ = {part.id for part in parts if isinstance(part, ToolRequest) and part.id and part.id not in answered}
    if not open_ or None in answered:
        return tuple(messages)
    others = [part for message in messages_of(value_of(asked)) for part in message.parts]
    found = {part.id: part for part in others if isinstance(part, ToolResponse) and part.id in open_}
    told: list[Message] = []
    for message in messages:
        told.append(message)
        told += [Message(role="tool", parts=(found[one.id],)) for one in message.requests if one.id in found]
    return tuple(told)


def prompts_under(items: Mapping[str, Any], name: str, role: Role) -> tuple[Message, ...]:
    """The texts of a completions API, `N.prompt.text` or `N.completion.text`."""
    texts = [text_of(fields.get(name)) for _, fields in by_index(items)]
    return tuple(text_message(role, text) for text in texts if text)


@remembered
def _once(fields: Mapping[str, Any]) -> tuple[Message | None, bool]:
    """One message; what a conversation repeats in each of its model calls is read once."""
    return _executed(fields) or _message(beneath(fields, "message."))


def _executed(fields: Mapping[str, Any]) -> tuple[Message | None, bool] | None:
    """A message of AutoGen's in which several tools answer, each as JSON in an attribute; None where it is none."""
    results = [object_of(value_of(held.get(""))) for _, held in by_index(beneath(fields, "function."))]
    parts = tuple(
        ToolResponse(response=answer(one["content"], failed=one.get("is_error")), id=text_of(one.get("call_id")))
        for one in results
        if "content" in one
    )
    return (Message(role="tool", parts=parts), True) if parts else None


def _message(fields: Mapping[str, Any]) -> tuple[Message | None, bool]:
    """One message, and whether it is whole; None where what is left of it cannot be told from another's."""
    contents = list(_contents(fields))
    calls = list(_calls(fields, contents))
    call_id = text_of(fields.get("tool_call_id"))
    written = fields.get("role")
    role = role_of(written) or ("assistant" if calls else "tool" if call_id else None)
    if role is None:
        return None, False
    complete = isinstance(written, str)
    if call_id is not None and not calls:
        if not any(name == "content" or name.startswith("contents.") for name in fields):
            return None, False
        return Message(role="tool", parts=(ToolResponse(response=_answer(fields, contents), id=call_id),)), complete
    if role == "tool":
        return Message(role="tool", parts=(ToolResponse(response=_answer(fields, contents)),)), complete
    parts = tuple(_parts(fields, contents, calls))
    return (Message(role=role, parts=parts), complete) if parts else (None, complete)


def _answer(fields: Mapping[str, Any], contents: Sequence[Part]) -> Any:
    texts = [part.text for part in contents if isinstance(part, TextPart)]
    return result_of("\n".join(texts) if texts else fields.get("content"))


def _parts(fields: Mapping[str, Any], contents: Sequence[Part], calls: Sequence[ToolRequest]) -> Iterator[Part]:
    if not any(isinstance(part, TextPart) for part in contents):
        content = fields.get("content")
        yield from content_parts(content if isinstance(content, str) else value_of(content))
    yield from (part for part in contents if not isinstance(part, ToolRequest))
    yield from calls


def _contents(fields: Mapping[str, Any]) -> Iterator[Part]:
    for _, block in by_index(beneath(fields, "contents.")):
        held = beneath(block, "message_content.")
        request = _call({**block, **held})
        if request is not None:
            yield request
            continue
        kind = text_of(held.get("type")) or next((name for name in _MEDIA if beneath(held, f"{name}.")), "")
        yield from _content(kind, held)


def _content(kind: str, held: Mapping[str, Any]) -> Iterator[Part]:
    text = text_of(held.get("text"))
    if kind in {"reasoning", "thinking"}:
        if text or text_of(held.get("reasoning")):
            yield ReasoningPart(text=text or str(held["reasoning"]))
    elif kind in _MEDIA:
        what, name = _MEDIA[kind]
        part = media(what, text_of(held.get(name)), text_of(held.get(name.replace(".url", ".mime_type"))))
        if part is not None:
            yield part
    elif text:
        yield TextPart(text=text)


def _calls(fields: Mapping[str, Any], contents: Sequence[Part]) -> Iterator[ToolRequest]:
    """The calls that a message asks for, each once though a producer lists them twice."""
    found = [_call(call) for _, call in by_index(beneath(fields, "tool_calls."))]
    listed = len(found)
    found += [part for part in contents if isinstance(part, ToolRequest)]
    name = text_of(fields.get("function_call_name"))
    if name is not None:
        found.append(ToolRequest(name=name, arguments=asked_arguments(fields.get("function_call_arguments_json"))))
    seen: list[ToolRequest] = []
    for place, request in enumerate(found):
        if request is None:
            continue
        again = any(_same(request, one) for one in seen) and (place >= listed or request.id is not None)
        if not again:
            seen.append(request)
            yield request


def _same(a: ToolRequest, b: ToolRequest) -> bool:
    return a.id == b.id if a.id and b.id else (a.name, a.arguments) == (b.name, b.arguments)


def _call(fields: Mapping[str, Any]) -> ToolRequest | None:
    held = beneath(fields, "tool_call.")
    name = text_of(held.get("function.name")) or text_of(held.get("name"))
    if name is None:
        return None
    written = held.get("function.arguments", held.get("arguments"))
    unknown = written is None and "function.arguments" in held
    return ToolRequest(name=name, arguments=None if unknown else asked_arguments(written), id=text_of(held.get("id")))
