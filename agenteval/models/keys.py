"""A request in; its whole JSON, its key, and where it differs from another one, out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from agenteval.core.codec import message_to_json, tool_to_json
from agenteval.core.model import ModelRequest
from agenteval.errors import ModelError
from agenteval.models.credentials import without_credentials
from agenteval.models.jsontext import as_list, as_object, dumped, hash_of

_SHOWN = 80
_BEFORE = 30
_NOTHING = object()


def request_json(request: ModelRequest, *, model: str, endpoint: str) -> dict[str, Any]:
    """The whole request as JSON: every field of it, the model and the endpoint, and no credential."""
    data: dict[str, Any] = {"model": model, "endpoint": endpoint}
    # taken from the class itself, so that a field that is added later counts too
    data.update({each.name: getattr(request, each.name) for each in fields(request)})
    data["messages"] = [message_to_json(message) for message in request.messages]
    data["tools"] = [tool_to_json(tool) for tool in request.tools]
    data["extra"] = without_credentials(dict(request.extra))
    return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Compact:
    """A request with its messages and tools by hash.

    Attributes:
        key: Hash of the whole request.
        request: The request, with a hash in place of each message and of the tools.
        values: What the hashes stand for.
    """

    key: str
    request: Mapping[str, Any]
    values: Mapping[str, Any] = field(repr=False)


def compact(request: Mapping[str, Any]) -> Compact:
    """The compact form of a request. Raises ModelError where it holds what JSON cannot, such as NaN."""
    try:
        messages = [(hash_of(message), message) for message in request["messages"]]
        tools = (hash_of(request["tools"]), request["tools"])
        short = {**request, "messages": [hashed for hashed, _ in messages], "tools": tools[0]}
        return Compact(key=hash_of(short), request=short, values=dict([*messages, tools]))
    except ValueError as error:
        raise ModelError(f"the request has no key to record it by: {error}") from error


def expanded(short: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The whole request of a compact one. Raises KeyError where a value is not in hand."""
    return {**short, "messages": [values[key] for key in short["messages"]], "tools": values[short["tools"]]}


def likeness(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """How alike two compact requests are: fields that are equal, and the share of the conversation that is."""
    equal = sum(one.get(key) == other.get(key) for key in one if key != "messages")
    a, b = as_list(one["messages"]), as_list(other["messages"])
    shared = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        shared += 1
    return equal + shared / max(len(a), len(b), 1)


def first_difference(recorded: Any, asked: Any) -> str:
    """Where two JSON values first differ, in words; empty where they do not.

    `messages[1].parts[0].content: recorded "Hello", asked "Hallo"`
    """
    found = _difference(recorded, asked, "")
    if found is None:
        return ""
    path, one, other = found
    start = _start_of_difference(one, other)
    return f"{path or 'the request'}: recorded {_shown(one, start)}, asked {_shown(other, start)}"


def _difference(one: Any, other: Any, path: str) -> tuple[str, Any, Any] | None:
    a, b = as_object(one), as_object(other)
    if a is not None and b is not None:
        keys = [*a, *(key for key in b if key not in a)]
        inner = [(f"{path}.{key}".lstrip("."), a.get(key, _NOTHING), b.get(key, _NOTHING)) for key in keys]
    elif _is_list(one) and _is_list(other):
        inner = [(f"{path}[{index}]", _at(one, index), _at(other, index)) for index in range(max(len(one), len(other)))]
    else:
        same = one == other and isinstance(one, bool) == isinstance(other, bool)
        return None if same else (path, one, other)
    return next((found for place, x, y in inner if (found := _difference(x, y, place)) is not None), None)


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _at(values: Sequence[Any], index: int) -> Any:
    return values[index] if index < len(values) else _NOTHING


def _start_of_difference(one: Any, other: Any) -> int:
    """Where to begin to show two texts, so that what differs is seen."""
    if not (isinstance(one, str) and isinstance(other, str)):
        return 0
    pairs = enumerate(zip(one, other, strict=False))
    differs = next((index for index, (x, y) in pairs if x != y), min(len(one), len(other)))
    return max(0, differs - _BEFORE) if differs > _SHOWN - _BEFORE else 0


def _shown(value: Any, start: int) -> str:
    if value is _NOTHING:
        return "nothing"
    if isinstance(value, str):
        cut = value[start : start + _SHOWN]
        return f'{"…" if start else ""}"{cut}"{"…" if len(value) > start + _SHOWN else ""}'
    text = dumped(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
