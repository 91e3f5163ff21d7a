"""One part of a message as the GenAI convention, pydantic-ai or Bedrock write it in, our parts out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agenteval.core.json import Json, json_of
from agenteval.core.marks import wholly_redacted
from agenteval.core.message import MediaPart, Part, ReasoningPart, RefusalPart, TextPart, ToolRequest, ToolResponse
from agenteval.telemetry.dialects.chat import asked_arguments, content_parts, out_of_blocks, result_of
from agenteval.telemetry.dialects.held import first_text, list_of, object_of
from agenteval.telemetry.dialects.media import Kind, media

ARGUMENTS = ("arguments", "args", "input")
"""Where a request has its arguments: the first of these that is there."""

ANSWERS = ("response", "result", "server_tool_call_response", "output", "content")
"""Where a tool's answer stands: the first of these that is there."""

_ELIDED = frozenset({"<elided>", "<redacted>", "[REDACTED]", "__REDACTED__", "REDACTED"})
_SCRUBBED = "[Scrubbed due to"
_MODALITIES: Mapping[str, Kind] = {"image": "image", "audio": "audio"}


def is_left_out(written: object) -> bool:
    """Whether a value is the placeholder of a content that the sender did not send, or our own mark."""
    if not isinstance(written, str):
        return False
    if written[:1] == "[" and (written.startswith(_SCRUBBED) or is_our_mark(written)):
        return True
    return written.strip() in _ELIDED


def is_our_mark(written: object) -> bool:
    """Whether a value is a mark of ours, which stood for all of it before it was stored."""
    return isinstance(written, str) and wholly_redacted(written) is not None


def part_of(written: object) -> Sequence[Part]:
    """The parts that one typed part or block is: one, or none where its content was left out."""
    if isinstance(written, str):
        return (TextPart(text=written),)
    members = object_of(written)
    kind = members.get("type", members.get("kind"))
    make = _KINDS.get(kind) if isinstance(kind, str) else _bedrock_kind(members)
    if make is None:
        return tuple(content_parts(members))
    part = make(members)
    return () if part is None else (part,)


# --- the convention's parts


def _text(members: Mapping[str, Any]) -> Part | None:
    text = _said(members)
    return TextPart(text=text) if text else None


def _reasoning(members: Mapping[str, Any]) -> Part | None:
    text = _said(members)
    return ReasoningPart(text=text) if text else None


def _refusal(members: Mapping[str, Any]) -> Part | None:
    text = _said(members)
    return RefusalPart(text=text) if text else None


def _compaction(members: Mapping[str, Any]) -> Part:
    """What a provider made of a conversation that grew too long: nothing that anybody said."""
    return ReasoningPart(text=_said(members) or "[compaction part]")


def _said(members: Mapping[str, Any]) -> str | None:
    text = first_text(members, "content", "text", "refusal", "thinking")
    return None if is_left_out(text) else text


def _request(members: Mapping[str, Any]) -> Part | None:
    function = object_of(members.get("function"))
    name = first_text(members, "name", "tool_name", "toolName") or first_text(function, "name")
    written = [held[key] for held in (members, function) for key in ARGUMENTS if key in held]
    return ToolRequest(
        name=name or "",
        arguments=asked_arguments(written[0]) if written else None,
        id=first_text(members, "id", "tool_call_id", "toolCallId", "call_id"),
    )


def _server_request(members: Mapping[str, Any]) -> Part:
    """A call that the provider runs itself; its arguments lie in an object of the tool's own kind."""
    own = {key: value for key, value in object_of(members.get("server_tool_call")).items() if key != "type"}
    arguments = members.get("arguments", own.get("arguments", own))
    return ToolRequest(
        name=first_text(members, "name") or "", arguments=asked_arguments(arguments), id=first_text(members, "id")
    )


def _response(members: Mapping[str, Any]) -> Part | None:
    held = next((members[key] for key in ANSWERS if key in members), None)
    return ToolResponse(
        response=answer_of(held), id=first_text(members, "id", "tool_call_id", "toolCallId", "tool_use_id", "call_id")
    )


def answer_of(written: object) -> Json:
    """What a tool answered: text that is JSON as what it says, blocks of text as the text that they are together."""
    blocks = list_of(written)
    texts = [first_text(object_of(block), "text", "content") for block in blocks if _is_text(block)]
    if blocks and len(texts) == len(blocks):
        return result_of("\n".join(text or "" for text in texts))
    return out_of_blocks(result_of(written))


def _is_text(block: object) -> bool:
    members = object_of(block)
    return members.keys() == {"text"} or (members.get("type") == "text" and ("text" in members or "content" in members))


def _blob(members: Mapping[str, Any]) -> Part | None:
    held = members.get("content", members.get("data", members.get("binary_content")))
    mime_type = _mime(members)
    if isinstance(held, bytes):
        held = json_of(held)
    found = media(_modality(members), f"data:{mime_type or ''};base64,{held}" if isinstance(held, str) else None)
    return found and MediaPart(type=found.type, uri=found.uri, mime_type=mime_type)


def _address(members: Mapping[str, Any]) -> Part | None:
    uri = first_text(members, "uri", "url", "file_id", "id")
    return media(_modality(members), uri, _mime(members)) if uri and ":" in uri else _named_file(members, uri)


def _named_file(members: Mapping[str, Any], name: str | None) -> Part | None:
    return MediaPart(type=_modality(members), uri=name, mime_type=_mime(members)) if name else None


def _mime(members: Mapping[str, Any]) -> str | None:
    return first_text(members, "mime_type", "media_type", "mimeType", "mediaType")


def _modality(members: Mapping[str, Any]) -> Kind:
    words = (first_text(members, "modality"), _mime(members), first_text(members, "type", "kind"))
    for word in words:
        for begin, kind in _MODALITIES.items():
            if word is not None and word.startswith(begin):
                return kind
    return "file"


_KINDS: Mapping[str, Callable[[Mapping[str, Any]], Part | None]] = {
    "text": _text,
    "reasoning": _reasoning,
    "thinking": _reasoning,
    "refusal": _refusal,
    "compaction": _compaction,
    "tool_call": _request,
    "tool_call_response": _response,
    "server_tool_call": _server_request,
    "server_tool_call_response": _response,
    "blob": _blob,
    "binary": _blob,
    "uri": _address,
    "file": _address,
    "image-url": _address,
    "audio-url": _address,
    "video-url": _address,
    "document-url": _address,
}


# --- Bedrock's blocks, which have no type


def _bedrock_kind(members: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Part | None] | None:
    return next((make for key, make in _BEDROCK.items() if key in members), None)


def _tool_use(members: Mapping[str, Any]) -> Part:
    held = object_of(members["toolUse"])
    return ToolRequest(
        name=first_text(held, "name") or "",
        arguments=asked_arguments(held["input"]) if "input" in held else None,
        id=first_text(held, "toolUseId"),
    )


def _tool_result(members: Mapping[str, Any]) -> Part:
    held = object_of(members["toolResult"])
    return ToolResponse(response=answer_of(held.get("content")), id=first_text(held, "toolUseId"))


def _reasoning_content(members: Mapping[str, Any]) -> Part | None:
    return _reasoning(object_of(object_of(members["reasoningContent"]).get("reasoningText")))


def _bedrock_media(members: Mapping[str, Any]) -> Part | None:
    for key, kind in (("image", "image"), ("document", "file"), ("video", "file")):
        held = object_of(members.get(key))
        source = object_of(held.get("source"))
        if source:
            data = source.get("bytes")
            found = _blob({"content": data, "modality": kind}) if data is not None else None
            place = first_text(object_of(source.get("location")) or source, "uri", "s3Uri")
            return found or _address({"uri": place, "modality": kind, "mime_type": first_text(held, "format")})
    return None


_BEDROCK: Mapping[str, Callable[[Mapping[str, Any]], Part | None]] = {
    "toolUse": _tool_use,
    "toolResult": _tool_result,
    "reasoningContent": _reasoning_content,
    "image": _bedrock_media,
    "document": _bedrock_media,
    "video": _bedrock_media,
    "cachePoint": lambda _: None,
    "guardContent": lambda _: None,
}
