"""The words that JSON Schemas of our documents are written with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]


TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
NUMBER_OR_NULL: Schema = {"type": ["number", "null"]}
COUNT: Schema = {"type": "integer", "minimum": 0}
COUNT_OR_NULL: Schema = {"type": ["integer", "null"], "minimum": 0}
SHARE: Schema = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
YES_OR_NO: Schema = {"type": "boolean"}
ANY: Schema = {}


def object_of(
    required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None, *, said: str = ""
) -> Schema:
    """An open object; `said` describes it."""
    schema: Schema = {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}
    return {"description": said, **schema} if said else schema


def list_of(items: Schema, *, said: str = "") -> Schema:
    """A list of items; `said` describes it."""
    schema: Schema = {"type": "array", "items": items}
    return {"description": said, **schema} if said else schema


def map_of(values: Schema, *, said: str = "") -> Schema:
    """An object whose keys may be any; `said` describes it."""
    schema: Schema = {"type": "object", "additionalProperties": values}
    return {"description": said, **schema} if said else schema


def one_of(*names: str) -> Schema:
    """One of some names."""
    return {"enum": list(names)}


def or_null(schema: Schema) -> Schema:
    """Something, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def ref(name: str) -> Schema:
    """A reference to a part of the same document's schema."""
    return {"$ref": f"#/$defs/{name}"}
