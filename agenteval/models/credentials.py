"""Names and texts in, the same without credentials out. What is printed, kept or hashed passes through here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from agenteval.errors import RequestError
from agenteval.models.jsontext import as_object, hash_of

HIDDEN = "[credential]"

# fixed words without repetition: nothing to backtrack over
_NAMES = re.compile(
    r"api[-_]?key|access[-_]?key|authoriz|bearer|cookie|credential|passw|secret|signature"
    r"|(^|[-_])(auth|key|pwd|sig|token)$|[a-z]Token$",
    re.IGNORECASE,
)
_LONG_ENOUGH = 16  # shorter ones ("EMPTY", "ollama") are placeholders, and words that an answer may hold


def names_a_credential(name: str) -> bool:
    """Whether a header, query field or JSON field of that name usually holds a credential."""
    return _NAMES.search(name) is not None


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret replaced."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text


def scrubbed_body(body: bytes, secrets: Iterable[str], *, failed: bool) -> bytes:
    """An answer's bytes without the secrets.

    Args:
        body: What came, before anything is cut from it: half a secret would no longer be recognised.
        secrets: What must not stay in it.
        failed: Whether it is an error. In an answer of a model, secrets that are too short to be any stay: they are
            placeholders, and may be words of the answer.
    """
    for secret in secrets:
        if failed or len(secret) >= _LONG_ENOUGH:
            body = body.replace(secret.encode(), HIDDEN.encode())
    return body


def without_credentials(value: Any) -> Any:
    """JSON with the values of fields that are named like credentials replaced by a short digest, at any depth.

    The digest keeps two different values apart: a field of an innocent name that only looks like a credential still
    tells two requests from each other.
    """
    found = as_object(value)
    if found is not None:
        return {
            key: f"[credential {hash_of(item)[:8]}]" if names_a_credential(key) else without_credentials(item)
            for key, item in found.items()
        }
    return [without_credentials(item) for item in value] if isinstance(value, (list, tuple)) else value  # pyright: ignore[reportUnknownVariableType]


def usable_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers, stripped of surrounding blanks.

    Raises:
        RequestError: A name or value that HTTP cannot carry. The message names the header and never shows its value.
    """
    usable: dict[str, str] = {}
    for name, value in headers.items():
        stripped = value.strip()
        if not (name.isascii() and name.isprintable() and name.strip() and ":" not in name and " " not in name):
            raise RequestError(f"{name!r} is not the name of an HTTP header")
        if not (stripped.isascii() and (stripped.isprintable() or not stripped)):
            raise RequestError(
                f"the value of the HTTP header {name} holds a line break or a character outside ASCII (value not shown)"
            )
        usable[name] = stripped
    return usable
