"""The JSON Schemas of what is printed by verbs that look into a store, or change what it holds."""

from __future__ import annotations

from agenteval.report.schema_words import (
    COUNT,
    COUNT_OR_NULL,
    NUMBER_OR_NULL,
    TEXT,
    TEXT_OR_NULL,
    YES_OR_NO,
    Schema,
    list_of,
    map_of,
    object_of,
)

_FOUND = object_of(
    {
        "trajectory": TEXT,
        "began": TEXT_OR_NULL,
        "seconds": NUMBER_OR_NULL,
        "cost_usd": NUMBER_OR_NULL,
        "tokens": COUNT_OR_NULL,
        "names": map_of(list_of(TEXT), said="What it is found by, by kind: agent, model, tool, session and others."),
    }
)
_FIND = object_of(
    {"schema": {"const": "find.v1"}, "found": list_of(_FOUND), "after": TEXT_OR_NULL},
    said="A page of trajectories that were found, the latest first, and where the next begins: agenteval find --json.",
)
_FORGET = object_of(
    {"schema": {"const": "forget.v1"}, "dry_run": YES_OR_NO, "counts": map_of(COUNT), "bytes": COUNT},
    said="How much was forgotten, or would be, and how large the store is now: agenteval forget --json.",
)
_REASSEMBLE = object_of(
    {"schema": {"const": "reassemble.v1"}, "assembled": COUNT},
    said="How many trajectories were made anew from their spans: agenteval reassemble --json.",
)

STORE_DOCUMENTS: dict[str, tuple[Schema, dict[str, Schema]]] = {
    "find.v1": (_FIND, {}),
    "forget.v1": (_FORGET, {}),
    "reassemble.v1": (_REASSEMBLE, {}),
}
"""By name, each with the parts that it refers to."""
