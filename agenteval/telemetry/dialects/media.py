"""An image, sound or file as a request holds it in, a part with its address or the hash of its content out."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
from collections.abc import Mapping
from typing import Any, Literal

from agenteval.core.message import MediaPart
from agenteval.telemetry.dialects.held import first_text, is_redacted, object_of

Kind = Literal["image", "audio", "file"]

REDACTED_URI = "redacted"
"""The address of a part whose content the sender took out."""

_HOLDERS = ("image_url", "input_audio", "file", "source", "inline_data", "inlineData", "file_data", "image", "audio")
_KINDS: Mapping[str, Kind] = {"image": "image", "audio": "audio"}


def media(kind: Kind, address: str | None, mime_type: str | None = None) -> MediaPart | None:
    """A part from an address, a `data:` URL or base64 text; None where there is nothing of it."""
    if not address:
        return None
    if is_redacted(address):
        return MediaPart(type=kind, uri=REDACTED_URI, mime_type=mime_type)
    if address.startswith("data:"):
        head, _, data = address[len("data:") :].partition(",")
        mime_type = head.split(";")[0] or mime_type
        return MediaPart(type=kind, uri=_digest(data, encoded=head.endswith(";base64")), mime_type=mime_type)
    if len(address) <= _LONGEST_ADDRESS and any(mark in address[:64] for mark in ("://", ":")):
        return MediaPart(type=kind, uri=address, mime_type=mime_type)
    return MediaPart(type=kind, uri=_digest(address, encoded=True), mime_type=mime_type)


_LONGEST_ADDRESS = 8192


def _digest(data: str, *, encoded: bool) -> str:
    """The hash of the content, or of the text where it is no base64."""
    content = data.encode(errors="surrogatepass")
    if encoded:
        with contextlib.suppress(binascii.Error, ValueError):
            content = base64.b64decode(content, validate=True)
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def media_of(block: Mapping[str, Any]) -> MediaPart | None:
    """The part that a content block of the OpenAI, Anthropic, Gemini or AI SDK form is; None where it is none."""
    mime_type = first_text(block, "mime_type", "mimeType", "media_type", "mediaType")
    for name in _HOLDERS:
        held = block.get(name)
        if isinstance(held, str):
            return media(_kind(block, name, mime_type), held, mime_type)
        inner = object_of(held)
        if inner:
            own = first_text(inner, "mime_type", "mimeType", "media_type", "mediaType") or mime_type
            address = first_text(inner, "url", "data", "file_data", "file_id", "file_uri", "fileUri", "id")
            return media(_kind(block, name, own), address, own)
    address = first_text(block, "url", "data", "file_id", "uri", "base64")
    return media(_kind(block, "", mime_type), address, mime_type)


def _kind(block: Mapping[str, Any], name: str, mime_type: str | None) -> Kind:
    for text in (name, first_text(block, "type") or "", mime_type or ""):
        for word, kind in _KINDS.items():
            if word in text:
                return kind
    return "file"
