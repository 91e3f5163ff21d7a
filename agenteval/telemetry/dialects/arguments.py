"""What an instrumentation wrote of a call's arguments or result in, the value itself out.

Producers wrap arguments as `{"args": [], "kwargs": {}}`, write them as Python's `repr` or as JSON in JSON, give only
the bare value of a tool with one argument, or cut the text. Nothing is ever evaluated: Python literals are parsed.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, cast

import pydantic_core

from agenteval._util.structured import DEEPEST, depth_of
from agenteval.core.json import Json, json_of
from agenteval.telemetry.dialects.held import as_json, is_list, is_object, list_of, object_of
from agenteval.telemetry.remembering import remembered, structured

_LONGEST_LITERAL = 64 * 1024
_LONGEST_CUT = 1024 * 1024
_MOST_BRACKETS = 100  # nesting, counted before parsing: CPython's parser may run out of stack far beyond it
_BEGINS = frozenset({"{", "[", "(", '"'})
_WRAPPER = frozenset({"args", "kwargs", "sanitize_inputs_outputs", "cancellation_token", "call_id", "args_kwargs"})
_ESCAPES = frozenset("\\'\"nrtxuU")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Unwrapped(NamedTuple):
    """A value, and whether the text that it was read from was cut."""

    value: Json
    cut: bool = False


def unwrapped(written: object, schema: object = None) -> Unwrapped:
    """The arguments that a text or an object stands for.

    Args:
        written: What the span holds.
        schema: The JSON Schema of the tool's arguments where the span has one: it names positional and bare values.
    """
    read = parsed(written)
    value = _without_wrapper(read.value, _names(schema))
    return Unwrapped(_named(value, schema), read.cut)


def parsed(written: object) -> Unwrapped:
    """The value that a text says: JSON, JSON in JSON, a Python literal, or what is left of cut JSON; text otherwise."""
    if not isinstance(written, str):
        return Unwrapped(as_json(written))
    return _parsed(written) if written.lstrip()[:1] in _BEGINS else Unwrapped(written)


@remembered
def _parsed(text: str) -> Unwrapped:
    value: Json = text
    for _ in range(3):
        if not isinstance(value, str):
            break
        inner = _from_text(value)
        if inner.cut or inner.value == value:
            return inner
        value = inner.value
    return Unwrapped(value)


def _from_text(text: str) -> Unwrapped:
    begins = text.lstrip()[:1]
    if begins == '"':
        return Unwrapped(_json_string(text))
    if begins not in {"{", "[", "("}:
        return Unwrapped(text)
    value = structured(text)
    if isinstance(value, str):
        value = literal(text)
    if isinstance(value, str) and begins != "(":
        return _salvaged(text)
    return Unwrapped(cast("Json", value))


def _json_string(text: str) -> Json:
    """Text that is a JSON string, where an object or a list is written in it; any other text as it is."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, str) and value.lstrip()[:1] in {"{", "["} else text


@remembered
def literal(text: str) -> Any:
    """The object or list that a text is as Python's `repr` writes it; any other text as it is."""
    if len(text) > _LONGEST_LITERAL or text.lstrip()[:1] not in {"{", "[", "("} or _deepest(text) > _MOST_BRACKETS:
        return text
    if any(escape not in _ESCAPES for escape in _ESCAPE.findall(text)):
        return text
    try:
        value = _plain(ast.literal_eval(text.strip()))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
    return value if (is_object(value) or is_list(value)) else text


def _deepest(text: str) -> int:
    depth = most = 0
    for character in text:
        if character in "([{":
            depth += 1
            most = max(most, depth)
        elif character in ")]}":
            depth -= 1
    return most


def _plain(value: object) -> Any:
    """A Python literal as JSON.

    Raises:
        TypeError: It holds what JSON has no word for.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if is_list(value):
        return [_plain(item) for item in cast("Sequence[object]", value)]
    if is_object(value):
        members = cast("Mapping[object, object]", value)
        if all(isinstance(key, (str, int)) for key in members):
            return {str(key): _plain(item) for key, item in members.items()}
    raise TypeError(type(value))


def _salvaged(text: str) -> Unwrapped:
    """What is whole of a JSON text that ends too soon; the text itself where it is no such text."""
    if len(text) > _LONGEST_CUT:
        return Unwrapped(text)
    try:
        value = pydantic_core.from_json(text.encode(), allow_partial="trailing-strings", allow_inf_nan=False)
    except (ValueError, RecursionError):
        return Unwrapped(text)
    if not (is_object(value) or is_list(value)) or not value or depth_of(value) > DEEPEST:
        return Unwrapped(text)
    return Unwrapped(cast("Json", json_of(value)), cut=True)


# --- wrappers


def _without_wrapper(value: Json, names: Sequence[str]) -> Json:
    """The arguments in `{"args", "kwargs"}`, in a LangChain tool call and in what its callbacks are given."""
    if not is_object(value):
        return value
    members = object_of(value)
    if members.get("type") == "tool_call" and "args" in members:
        return parsed(members["args"]).value
    if "input_str" in members and ("inputs" in members or "metadata" in members):
        inputs = parsed(members.get("inputs")).value
        return inputs if inputs is not None else parsed(members["input_str"]).value
    if not members.keys() <= _WRAPPER or {"args", "kwargs"} & set(names) or not _wraps(members):
        return value
    return _called_with(members, names)


def _wraps(members: Mapping[str, Any]) -> bool:
    """Whether an object whose members have the names of a wrapper is one: a tool may call an argument `args`."""
    positional, keywords = members.get("args"), members.get("kwargs")
    if "kwargs" in members and "args" in members:
        first = parsed(positional).value
        return (is_object(first) or is_list(first)) and is_object(parsed(keywords).value)
    return is_object(parsed(keywords).value) or (is_object(positional) and len(members) > 1)


def _called_with(members: Mapping[str, Any], names: Sequence[str]) -> Json:
    positional, keywords = parsed(members.get("args")).value, object_of(parsed(members.get("kwargs")).value)
    if is_object(positional):  # a tool that is given one object calls it `args`
        return {**positional, **keywords}
    given = list_of(positional)
    if not given:
        return cast("Json", keywords)
    if len(given) <= len(names):
        return {**dict(zip(names, given, strict=False)), **keywords}
    if keywords:
        return {"args": given, **keywords}
    return given[0] if len(given) == 1 else given


def _named(value: Json, schema: object) -> Json:
    """A bare value under the name of the one argument that it can be; other values as they are."""
    names = _names(schema)
    if (is_object(value) or is_list(value)) or value is None or len(names) != 1:
        return value
    kind = object_of(_properties(schema)[names[0]]).get("type")
    return {names[0]: _typed(value, kind)}


def _typed(value: Json, kind: object) -> Json:
    kinds = list_of(kind) or [kind]
    if not isinstance(value, str) or not any(one in _UNQUOTED for one in kinds):
        return value
    try:
        read = json.loads(value)
    except (ValueError, RecursionError):
        return value
    finite = isinstance(read, (bool, int)) or (isinstance(read, float) and math.isfinite(read))
    return read if finite else value


def _names(schema: object) -> list[str]:
    return list(_properties(schema))


def _properties(schema: object) -> Mapping[str, Any]:
    members = object_of(structured(schema) if isinstance(schema, str) else schema)
    if is_schema(members) == "properties":
        return object_of(members.get("properties"))
    return members if is_schema(members) == "bare" else {}


def is_schema(members: Mapping[str, Any]) -> Literal["properties", "bare"] | None:
    """Whether an object describes arguments rather than giving them: as JSON Schema, or as its bare `properties`."""
    if is_object(members.get("properties")) or members.get("type") == "object":
        return "properties"
    return "bare" if members and all(_describes(object_of(item)) for item in members.values()) else None


def _describes(member: Mapping[str, Any]) -> bool:
    return member["type"] in _TYPES if "type" in member else bool(_COMPOSED & member.keys())


_COMPOSED = frozenset({"anyOf", "$ref", "allOf", "oneOf"})
_UNQUOTED = ("integer", "number", "boolean")  # tuples: what is asked for may be a list, and no set takes one
_TYPES = ("string", "integer", "number", "boolean", "object", "array", "null", "any")
