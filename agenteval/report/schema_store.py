"""The JSON Schemas of what is printed by verbs that look into a store, or change what it holds."""

from __future__ import annotations

from typing import get_args

from agenteval.core.outcome import TrialStatus
from agenteval.report.schema_words import (
    ANY,
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
    one_of,
    or_null,
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

_EXPORT = object_of(
    {
        "schema": {"const": "export.v1"},
        "trajectories": COUNT,
        "traces": COUNT,
        "spans": COUNT,
        "logs": COUNT,
        "altered": COUNT,
        "files": list_of(TEXT),
    },
    said="What was written, and how much of it the encoding could not hold as it is: agenteval export --json.",
)
_EXPORTED = object_of(
    {
        "schema": {"const": "exported.v1"},
        "trial": or_null(
            object_of(
                {
                    "scenario": TEXT,
                    "scenario_hash": TEXT,
                    "agent": TEXT,
                    "repeat": COUNT,
                    "status": one_of(*get_args(TrialStatus)),
                    "error": TEXT_OR_NULL,
                    "seconds": NUMBER_OR_NULL,
                }
            )
        ),
        "trajectory": ANY,
        "labels": list_of(ANY),
        "traces": ANY,
        "logs": ANY,
    },
    said="A line of agenteval export --format jsonl: trial and trajectory (trajectory.v1), null where nothing was "
    "assembled; `traces` and `logs` are OTLP/JSON requests.",
)
_EXPORT_EVALUATIONS = object_of(
    {"schema": {"const": "export-evaluations.v1"}, "sent": COUNT, "rejected": COUNT},
    said="How many evaluation events an endpoint took: agenteval export --evaluations --json.",
)
_COUNTED = list_of(object_of({"name": TEXT, "count": COUNT}))
UNDERSTOOD = object_of(
    {
        "dialects": map_of(
            object_of(
                {
                    "spans": COUNT,
                    "model_calls": COUNT,
                    "tool_calls": COUNT,
                    "agents": COUNT,
                    "tokens": COUNT_OR_NULL,
                    "unmeasured": COUNT,
                }
            ),
            said="By dialect; `unknown` are spans that none knows, `agenteval` our own.",
        ),
        "attributes": COUNT,
        "used": COUNT,
        "unused": _COUNTED,
        "unknown_scopes": _COUNTED,
    },
    said="What was understood of other producers' spans; null where none came.",
)

STORE_DOCUMENTS: dict[str, tuple[Schema, dict[str, Schema]]] = {
    "export.v1": (_EXPORT, {}),
    "exported.v1": (_EXPORTED, {}),
    "export-evaluations.v1": (_EXPORT_EVALUATIONS, {}),
    "find.v1": (_FIND, {}),
    "forget.v1": (_FORGET, {}),
    "reassemble.v1": (_REASSEMBLE, {}),
}
"""By name, each with the parts that it refers to."""
