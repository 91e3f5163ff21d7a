"""An error of a model's endpoint in; what it says, and whether it says that the conversation is too long, out. Pure."""

from __future__ import annotations

import re
from typing import Final

from agenteval.errors import ContextExceeded
from agenteval.models.jsontext import as_object, as_text, parsed

_CODES: Final = frozenset(
    {
        "context_length_exceeded",  # OpenAI, Azure and most that speak their language, as `code`
        "exceed_context_size_error",  # the server of llama.cpp, as `type`
    }
)
# those that give no code: vLLM and others of its kind, llama.cpp before September 2025, Anthropic
_WORDS: Final = re.compile(
    "maximum context length|exceeds the available context size|prompt is too long", re.IGNORECASE
)
_LANGCHAIN: Final = "ContextOverflowError"  # of langchain_core.exceptions, which providers' own errors derive from


def error_text(failed: object) -> str:
    """What an error object of the API says, in one line; the object itself where it says nothing known."""
    found = as_object(failed)
    if found is None:
        return str(failed)
    inner = as_object(found.get("error"))
    if inner is not None:
        return error_text(inner)
    for key in ("message", "detail", "error", "msg"):
        text = as_text(found.get(key))
        if text is not None:
            return text
    return str(dict(found))


def says_too_long(failed: object) -> bool:
    """Whether an error object of the API, or what holds one, says that the conversation exceeds the model's context."""
    found = as_object(failed)
    if found is None:
        return bool(_WORDS.search(str(failed)))
    inner = found.get("error")
    if as_object(inner) is not None:
        return says_too_long(inner)
    if not _CODES.isdisjoint(as_text(found.get(key)) for key in ("code", "type")):
        return True
    return bool(_WORDS.search(error_text(found)))


def body_says_too_long(body: bytes) -> bool:
    """The same of the body of an answer that is no success."""
    try:
        return says_too_long(parsed(body))
    except ValueError:
        return False


def outgrew_context(error: BaseException) -> bool:
    """Whether an exception, or one that it was raised from, says so, whichever library's it is.

    Ours and LangChain's are known by their class, those of providers' clients by the status and body that they carry.
    """
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        if isinstance(current, ContextExceeded) or any(kind.__name__ == _LANGCHAIN for kind in type(current).__mro__):
            return True
        if isinstance(getattr(current, "status_code", None), int):
            body: object = getattr(current, "body", None)
            if says_too_long(body if as_object(body) is not None else str(current)):
                return True
        seen.add(id(current))
        current = current.__cause__
    return False
