"""Two names, arguments or texts in, whether they mean the same out: producers write one thing in many ways."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from agenteval.telemetry.remembering import structured

_TRANSFER = re.compile(
    r"^(?:transfer(?:[_\- ]back)?[_\- ]to|hand[_\- ]?off(?:[_\- ]to)?)[_\- ](.+)$|^hand[_\- ]?off$", re.IGNORECASE
)
_NAMES_AGENT = ("agent_name", "to_agent", "agent", "name", "target")
_CALL_PREFIXES = ("call_", "toolu_")


def same_tool(a: str, b: str) -> bool:
    """Whether two names are one tool's: MCP clients put the server's name before it, as in `mcp__shop__refund`."""
    return a == b or last_name(a) == last_name(b)


def is_prefixed(longer: str, name: str) -> bool:
    """Whether one name is the other behind a prefix: MCP clients write `shop_refund` for a server's `refund`."""
    return bool(name) and len(longer) > len(name) and longer.endswith(name) and longer[-len(name) - 1] in "_-./: "


def last_name(name: str) -> str:
    """A tool's name without what stands before it."""
    for separator in ("__", "/", "."):
        name = name.rsplit(separator, 1)[-1]
    return name


def transfer_target(name: str) -> str | None:
    """The agent that a pseudo tool such as `transfer_to_billing` hands over to; None for a real tool.

    It is `agent` where the tool's arguments name it. `transfer_funds` is a tool.
    """
    found = _TRANSFER.match(name)
    return None if found is None else found[1] or "agent"


def handed_to(target: str, arguments: Any) -> str:
    """Whom a hand-off's name and arguments say that is handed over to."""
    if target != "agent" or not isinstance(arguments, Mapping):
        return target
    given = cast("Mapping[str, Any]", arguments)
    named = [given[key] for key in (*_NAMES_AGENT, *given) if isinstance(given.get(key), str) and given[key]]
    return named[0] if named else target


def same_call_id(a: str, b: str) -> bool:
    """Whether two call ids are one: some producers leave the provider's prefix out."""
    return a == b or bare_id(a) == bare_id(b)


def bare_id(call_id: str) -> str:
    """A call id without its provider's prefix."""
    for prefix in _CALL_PREFIXES:
        call_id = call_id.removeprefix(prefix)
    return call_id


def same_arguments(a: Any, b: Any) -> bool:
    """Whether two recordings of arguments are equal, JSON text or not."""
    return _plain(a) == _plain(b)


def lookup_key(arguments: Any) -> object:
    """What is equal for all arguments that are the same, and can be looked up."""
    return _hashable(_plain(arguments))


def _hashable(value: Any) -> object:
    if isinstance(value, Mapping):
        return frozenset((key, _hashable(item)) for key, item in cast("Mapping[str, Any]", value).items())
    return tuple(map(_hashable, cast("list[Any]", value))) if isinstance(value, (list, tuple)) else value


def fits_arguments(recorded: Any, asked: Any) -> bool:
    """Whether what was recorded of a call's arguments is a part of what was asked for.

    Some producers record the bare value of a tool with one argument, or leave out those that have their default.
    """
    recorded, asked = _plain(recorded), _plain(asked)
    if not isinstance(asked, Mapping):
        return recorded == asked
    wanted = cast("Mapping[str, Any]", asked)
    if isinstance(recorded, Mapping):
        given = cast("Mapping[str, Any]", recorded)
        shared = given.keys() & wanted.keys()
        return bool(shared) and all(_alike(given[key], wanted[key]) for key in shared)
    return any(_alike(recorded, value) for value in wanted.values())


def _alike(a: Any, b: Any) -> bool:
    a, b = _plain(a), _plain(b)
    return a == b or (not isinstance(a, (Mapping, list)) and not isinstance(b, (Mapping, list)) and str(a) == str(b))


def _plain(value: Any) -> Any:
    return structured(value) if isinstance(value, str) else value


RETRY = "Fix the errors and try again."
"""What pydantic-ai says to a model after the words of an error."""


def told_error(result: Any) -> str | None:
    """The error that a tool's answer tells of in words or data, where its span says nothing of one.

    Tools that fail hand their error to the model as an answer: `{"error": …}`, `{"status": "error", …}`, MCP's
    `isError`, text that begins with the word, or that ends with the request to try again (pydantic-ai's).
    """
    result = _plain(result)
    if isinstance(result, str):
        text = result.strip()
        if text.endswith(RETRY):
            return text.removesuffix(RETRY).rstrip() or "error"
        return text if text[:6].lower() in {"error:", "error "} else None
    if not isinstance(result, Mapping):
        return None
    data = cast("Mapping[str, Any]", result)
    if data.get("isError") is True or data.get("is_error") is True or data.get("status") == "error":
        return _words(data)
    error = data.get("error")
    return _words(data) if error and not isinstance(error, bool) else None


def _words(data: Mapping[str, Any]) -> str:
    for key in ("error", "error_message", "message", "detail", "content", "text"):
        value = data.get(key)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, Mapping):
            return _words(cast("Mapping[str, Any]", value))
        if isinstance(value, Sequence) and value and isinstance(value[0], Mapping):
            return _words(cast("Mapping[str, Any]", value[0]))
    return "error"
