"""Message content as OpenAI-style APIs and Inspect write it in, parts as the GenAI conventions name them out.

Content that is long and not text (an image or a sound in base64) stands in the parts by its hash; the record keeps it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from agenteval.core.json import Json
from agenteval.intake.formats._json import Unreadable, decode

Part = dict[str, Any]
"""A part as JSON: `{"type": "text", "content": …}` and the like."""

_TEXT_IN = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal", "reasoning": "reasoning"}
_MEDIA = {
    "image_url": "image",
    "input_image": "image",
    "image": "image",
    "input_audio": "audio",
    "audio": "audio",
    "video": "file",
    "file": "file",
    "document": "file",
}


def parts_of(content: Json) -> list[Part]:
    """Parts of a message's content: text, null, or a list of parts; anything else becomes its JSON text."""
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [text_part(content)]
    if isinstance(content, list):
        return [part for item in content for part in _part(item)]
    return _part(content) if isinstance(content, dict) else [text_part(json.dumps(content))]


def text_part(text: str, kind: str = "text") -> Part:
    """A part of text, reasoning or refusal."""
    return {"type": kind, "content": text}


def reasoning_of(message: Mapping[str, Any]) -> list[Part]:
    """Reasoning and refusal that stand beside the content of an assistant's message."""
    found: list[Part] = []
    for name, kind in (("reasoning_content", "reasoning"), ("reasoning", "reasoning"), ("refusal", "refusal")):
        text = message.get(name)
        if isinstance(text, str) and text and text_part(text, kind) not in found:
            found.append(text_part(text, kind))
    return found


def request_part(name: str, arguments: Json, call_id: str | None) -> Part:
    """A request for a tool call."""
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


def response_part(response: Json, call_id: str | None) -> Part:
    """A tool's answer, as it was handed back to the model."""
    return {"type": "tool_call_response", "id": call_id, "response": response}


def message(role: str, parts: Iterable[Part]) -> dict[str, Any]:
    """A message as spans carry it."""
    return {"role": role, "parts": list(parts)}


def has_text(parts: Iterable[Part]) -> bool:
    """Whether the parts say something, rather than only asking for tools."""
    return any(part["type"] in {"text", "refusal"} and str(part["content"]).strip() for part in parts)


def arguments_of(written: Json) -> Json:
    """Arguments of a call: the object that their text is, else the text as it was written."""
    if not isinstance(written, str):
        return written
    try:
        value = decode(written.encode("utf-8")).clean
    except (Unreadable, UnicodeEncodeError):
        return written
    return value if isinstance(value, dict) else written


def plain_text(content: Json) -> str | None:
    """The content's text, where it is nothing else."""
    if isinstance(content, str):
        return content
    parts = parts_of(content)
    if parts and all(part["type"] == "text" for part in parts):
        return "\n".join(part["content"] for part in parts)
    return None


def _part(item: Json) -> list[Part]:
    if isinstance(item, str):
        return [text_part(item)]
    if not isinstance(item, dict):
        return [text_part(json.dumps(item))]
    members = cast("dict[str, Any]", item)
    kind = members.get("type")
    if not isinstance(kind, str):
        kind = next((name for name in ("text", *_MEDIA) if name in members), "unknown")
    if kind in _TEXT_IN:
        text = members.get(kind, members.get("text"))
        return [text_part(text, _TEXT_IN[kind])] if isinstance(text, str) and text else []
    if kind in _MEDIA:
        return [_media(_MEDIA[kind], members, kind)]
    return [{"type": kind}]


def _media(kind: str, members: Mapping[str, Any], name: str) -> Part:
    value: Any = members.get(name)
    if isinstance(value, dict):
        inner = cast("dict[str, Any]", value)
        value = inner.get("url") or inner.get("data") or inner.get("file_data") or inner.get("file_id")
    text = value if isinstance(value, str) else json.dumps(value)
    return {"type": kind, "uri": _address(text), "mime_type": _mime_type(text, members)}


def _address(text: str) -> str:
    if "://" in text[:16] or len(text) <= 120:
        return text
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _mime_type(text: str, members: Mapping[str, Any]) -> str | None:
    if text.startswith("data:"):
        return text[5:].partition(",")[0].partition(";")[0] or None
    found = members.get("mime_type")
    return found if isinstance(found, str) else None
