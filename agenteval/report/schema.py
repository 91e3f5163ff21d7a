"""The JSON Schemas of all that the verbs print with `--json`, kept here and written to `traces/schema/`.

    python -m agenteval.report.schema traces/schema

Objects stay open: later versions add optional fields, and readers pass over what they do not know. What is required
here is what scripts may rely on. A test holds the written files equal to what is here, and real documents to them.

References:
    JSON Schema, draft 2020-12, https://json-schema.org/draft/2020-12.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import get_args

import orjson

from agenteval.core.outcome import CheckRole, ReasonCode, RunKind, TrialStatus, Verdict
from agenteval.core.used import AMOUNTS
from agenteval.report.model import CONCLUSIONS, VERDICTS
from agenteval.report.schema_store import STORE_DOCUMENTS, UNDERSTOOD
from agenteval.report.schema_words import ANY as _ANY
from agenteval.report.schema_words import COUNT as _COUNT
from agenteval.report.schema_words import COUNT_OR_NULL as _COUNT_OR_NULL
from agenteval.report.schema_words import NUMBER_OR_NULL as _NUMBER_OR_NULL
from agenteval.report.schema_words import SHARE as _SHARE
from agenteval.report.schema_words import TEXT as _TEXT
from agenteval.report.schema_words import TEXT_OR_NULL as _TEXT_OR_NULL
from agenteval.report.schema_words import YES_OR_NO as _YES_OR_NO
from agenteval.report.schema_words import Schema
from agenteval.report.schema_words import list_of as _list
from agenteval.report.schema_words import map_of as _map
from agenteval.report.schema_words import object_of as _object
from agenteval.report.schema_words import one_of as _one_of
from agenteval.report.schema_words import or_null as _or_null
from agenteval.report.schema_words import ref as _ref

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

# --- shared parts

_INTERVAL = _object(
    {
        "estimate": _NUMBER_OR_NULL,
        "low": _NUMBER_OR_NULL,
        "high": _NUMBER_OR_NULL,
        "method": _TEXT,
        "confidence": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "counted": _COUNT,
        "left_out": _COUNT,
        "clusters": _COUNT_OR_NULL,
    },
    said="A rate or mean with its interval; null is not measured. `counted` and `left_out` are its units.",
)
_BY_K: Schema = {
    "description": "k, from 1 to the smallest number of counted trials, to its mean over scenarios.",
    "type": "object",
    "patternProperties": {"^[1-9][0-9]*$": _ref("interval")},
    "additionalProperties": False,
}
_STATUSES = _map(_COUNT, said=f"Trials by how they ended: {', '.join(get_args(TrialStatus))}.")
_MEASURE = _object(
    {
        "name": _TEXT,
        "value": _NUMBER_OR_NULL,
        "unit": _TEXT,
        "scale": _or_null({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}),
        "better": _one_of("higher", "lower"),
    },
    {"probability": _SHARE, "probability_source": _TEXT_OR_NULL},
)
_FINDING = _object(
    {
        "check": _TEXT,
        "title": _TEXT,
        "verdict": _one_of(*get_args(Verdict)),
        "reason_code": {"type": "string", "description": f"Now one of: {', '.join(get_args(ReasonCode))}."},
        "reason": _TEXT,
        "role": _one_of(*get_args(CheckRole)),
        "weight": {"type": "number"},
        "steps": _list(_TEXT, said="Ids of the steps that it rests on."),
        "vacuous": _YES_OR_NO,
        "activations": _COUNT_OR_NULL,
        "measure": _or_null(_MEASURE),
        "evidence": {"type": "object"},
    },
    {"check_version": _TEXT},
    said="What one check concluded; reason_code `not_asked` is outside the score.",
)
_RUN = _object(
    {
        "id": _TEXT,
        "kind": _one_of(*get_args(RunKind)),
        "created_at": _TEXT,
        "suite": _TEXT_OR_NULL,
        "suite_hash": _TEXT_OR_NULL,
        "agents": _list(_TEXT),
        "settings": {"type": "object"},
        "parent": _TEXT_OR_NULL,
    }
)


# --- report.v1

_USE = _object(
    {
        "unit": {"type": "string", "description": "Now one of: calls, tokens, usd, seconds."},
        "total": _NUMBER_OR_NULL,
        "of": _one_of("trials", "model_calls"),
        "counted": _COUNT,
        "left_out": _COUNT,
        "per_trial": _ref("interval"),
    },
    said="A sum over all trials; `counted` and `left_out` are how many trials or model calls did and did not report "
    "it, null is not measured. `per_trial` is the mean over counted trials in which it was measured throughout.",
)
_USED = _map(_ref("use"), said="By name: model_calls, tool_calls, seconds, " + ", ".join(AMOUNTS) + ".")
_FIGURES: dict[str, Schema] = {
    "trials_total": _COUNT,
    "pass_rate": _ref("interval"),
    "pass_at_k": _ref("by_k"),
    "pass_hat_k": _ref("by_k"),
    "k_limited_by": _list(_TEXT, said="The scenarios with the fewest counted trials, which bound k."),
    "statuses": _ref("statuses"),
    "scores": _map(_COUNT, said=f"Trials by what was concluded: {', '.join(CONCLUSIONS)}."),
    "metric": _ref("interval"),
    "seconds": _NUMBER_OR_NULL,
}
_ONE_RATE: dict[str, Schema] = {"passed": _COUNT, "pass_rate": _ref("interval"), "statuses": _ref("statuses")}
_REPORT_CHECK = _object(
    {
        "agent": _TEXT,
        "check": _TEXT,
        "title": _TEXT,
        "role": _one_of(*get_args(CheckRole)),
        "verdicts": _map(_COUNT, said=f"Trials by verdict: {', '.join(VERDICTS)}."),
        "reason_codes": _map(_COUNT),
        "not_activated": _COUNT,
        "never_activated": _YES_OR_NO,
        "pass_rate": _ref("interval"),
        "value": _or_null(_ref("interval")),
        "unit": _TEXT_OR_NULL,
        "better": _or_null(_one_of("higher", "lower")),
    },
    said="One check of one agent; what never activated, was not asked or not answered is outside its rate.",
)
_REPORT_TRIAL = _object(
    {
        "trajectory": _TEXT_OR_NULL,
        "scenario": _TEXT,
        "agent": _TEXT,
        "repeat": _COUNT,
        "attempt": _COUNT,
        "seed": {"type": "integer"},
        "status": _TEXT,
        "error": _TEXT_OR_NULL,
        "fault_of": _TEXT_OR_NULL,
        "seconds": _NUMBER_OR_NULL,
        "conclusion": _one_of(*CONCLUSIONS),
        "passed": {"type": ["boolean", "null"]},
        "metric": _NUMBER_OR_NULL,
        "coverage": _SHARE,
        "findings": _list(_ref("finding")),
    }
)
_SUITE = _object(
    {"id": _TEXT, "hash": _TEXT_OR_NULL, "claims": _list(_TEXT), "does_not_claim": _list(_TEXT)},
    said="What a score in this suite means, and what it does not.",
)
_DEFS: dict[str, Schema] = {
    "interval": _INTERVAL,
    "by_k": _BY_K,
    "statuses": _STATUSES,
    "finding": _FINDING,
    "run": _RUN,
    "use": _USE,
}
_REPORT = _object(
    {
        "schema": {"const": "report.v1"},
        "agenteval": _TEXT,
        "run": _ref("run"),
        "suite": _or_null(_SUITE),
        "confidence": {"type": "number"},
        **_FIGURES,
        "agents": _list(_object({"agent": _TEXT, **_FIGURES}, {"used": _USED})),
        "scenarios": _list(_object({"scenario": _TEXT, **_ONE_RATE, "agents": _map(_object(_ONE_RATE))})),
        "checks": _list(_REPORT_CHECK),
        "trials": _list(_REPORT_TRIAL),
    },
    {
        "notices": _list(_TEXT, said="What has to be known before any figure is read."),
        "used": _USED,
    },
    said="The report of a run: agenteval report --json.",
)

# --- compare.v1, verify.v1, import.v1, checks.v1, doctor.v1, run.v1, score.v1

_SIDE = _object({"run": _TEXT, "agent": _TEXT, "pass_rate": _ref("interval")})
_PASSED = _object({"passed": _COUNT, "counted": _COUNT})
_COMPARE = _object(
    {
        "schema": {"const": "compare.v1"},
        "a": _SIDE,
        "b": _SIDE,
        "result": _object(
            {
                "difference": _ref("interval"),
                "differences": _map({"type": "number"}),
                "scenarios": _list(_TEXT),
                "only_in_a": _list(_TEXT),
                "only_in_b": _list(_TEXT),
                "p_value": _SHARE,
                "p_method": _TEXT_OR_NULL,
                "wins": _COUNT,
                "losses": _COUNT,
                "ties": _COUNT,
            }
        ),
        "scenarios": _list(_object({"scenario": _TEXT, "a": _PASSED, "b": _PASSED})),
    },
    said="Two sides compared on the scenarios that they share: agenteval compare --json.",
)
_VERIFY = _object(
    {
        "schema": {"const": "verify.v1"},
        "suite": _TEXT,
        "proven": _YES_OR_NO,
        "scenarios": _list(
            _object(
                {
                    "scenario": _TEXT,
                    "proven": _YES_OR_NO,
                    "problems": _list(_TEXT),
                    "checks": _COUNT,
                    "bad_runs": _COUNT,
                    "omissions": _COUNT,
                    "variants": _COUNT,
                }
            )
        ),
    },
    said="What was found of a suite: agenteval verify --json.",
)
_IMPORT = _object(
    {
        "schema": {"const": "import.v1"},
        "run": _TEXT_OR_NULL,
        "imported": _COUNT,
        "invalid": _COUNT,
        "other_traces": _COUNT,
        "labels": _COUNT,
        "steps": _COUNT,
        "tool_calls": _COUNT,
        "agents": _list(_TEXT),
        "new_spans": _COUNT,
        "repeated_spans": _COUNT,
        "conflicting_spans": _COUNT,
        "logs": _COUNT,
        "redacted": _or_null(_map(_COUNT)),
        "understood": _or_null(UNDERSTOOD),
        "refused": _list(_object({"file": _TEXT, "where": _TEXT_OR_NULL, "why": _TEXT})),
    },
    said="What was taken in, and what was refused: agenteval import --json.",
)
_CHECKS = _object(
    {
        "schema": {"const": "checks.v1"},
        "checks": _list(
            _object(
                {
                    "name": _TEXT,
                    "summary": _TEXT,
                    "arguments": _TEXT,
                    "options": _list(_TEXT),
                    "example": _TEXT,
                    "without_telemetry": _TEXT,
                }
            )
        ),
    },
    said="The checks, explained: agenteval checks --json.",
)
_DOCTOR = _object(
    {
        "schema": {"const": "doctor.v1"},
        "healthy": _YES_OR_NO,
        "findings": _list(_object({"what": _TEXT, "ok": _YES_OR_NO, "told": _TEXT, "remedy": _TEXT_OR_NULL})),
    },
    said="What was found of an installation, a project and its store: agenteval doctor --json.",
)
_SUITE_PAGE = _object(
    {
        "schema": {"const": "suite.v1"},
        "suite": _TEXT,
        "version": _TEXT,
        "title": _TEXT,
        "claims": _list(_TEXT),
        "does_not_claim": _list(_TEXT),
        "agents": _list(_TEXT),
        "levels": {"type": "object", "additionalProperties": _COUNT},
        "alike": _object({"passed": _list(_TEXT), "failed": _list(_TEXT)}),
        "scenarios": _list(
            _object(
                {
                    "scenario": _TEXT,
                    "level": _TEXT_OR_NULL,
                    "tags": _list(_TEXT),
                    "intent": _TEXT_OR_NULL,
                    "tools": _list(_TEXT),
                    "checks": _list(_object({"id": _TEXT, "check": _TEXT, "title": _TEXT, "role": _TEXT})),
                    "faults": _list(_TEXT),
                    "results": {
                        "type": "object",
                        "additionalProperties": _object({"passed": _COUNT, "counted": _COUNT, "left_out": _COUNT}),
                    },
                    "alike": {"enum": ["passed", "failed", None]},
                }
            )
        ),
    },
    said="What a suite asks, and which scenarios tell its shipped agents apart: agenteval report --suite --json.",
)
_NEW = _object(
    {"schema": {"const": "new.v1"}, "files": _list(_TEXT), "tools": _list(_TEXT)},
    said="What was written for an agent, and the tools that were read from it: agenteval new --json.",
)
_RUN_OUTPUT = _object(
    {
        "schema": {"const": "run.v1"},
        "run": _TEXT,
        "summary": _object(
            {
                "planned": _COUNT,
                "carried_out": _COUNT,
                "already_there": _COUNT,
                "stopped": _TEXT_OR_NULL,
                "statuses": _map(_COUNT),
            }
        ),
        "report": _ref("report"),
    },
    said="A run that was carried out, with its report: agenteval run --json.",
)
_SCORE = _object(
    {"schema": {"const": "score.v1"}, "run": _TEXT, "scored": _COUNT, "report": _ref("report")},
    said="Stored trajectories that were scored, with the report: agenteval score --json.",
)

_CONFORMANCE_COUNTS = _object(
    dict.fromkeys(("truth", "recovered", "wrong", "invented", "not_on_wire", "missed"), _COUNT)
)
_CONFORMANCE = _object(
    {
        "schema": {"const": "conformance.v1"},
        "captures": _list(
            _object(
                {
                    "name": _TEXT,
                    **{
                        name: _ref("counts")
                        for name in (
                            "turns",
                            "model_calls",
                            "tool_calls",
                            "tool_arguments",
                            "tool_results",
                            "tool_errors",
                            "requested_by",
                            "input_tokens",
                            "output_tokens",
                            "order",
                            "handoffs",
                            "sessions",
                        )
                    },
                    "misses": _list(
                        _object(
                            {
                                "measure": _TEXT,
                                "outcome": _one_of("wrong", "invented", "not_on_wire", "missed"),
                                "what": _TEXT,
                                "found": _TEXT_OR_NULL,
                                "whose": _one_of("ours", "not on the wire"),
                            }
                        )
                    ),
                }
            )
        ),
    },
    said="What was recovered of captures, measure by measure: agenteval conformance --json.",
)

# --- trajectory.v1

_PART: Schema = {
    **_object({"type": _TEXT}),
    "allOf": [
        {"if": {"properties": {"type": _one_of(*types)}}, "then": {"required": required}}
        for types, required in (
            (("text", "reasoning", "refusal"), ["content"]),
            (("tool_call",), ["id", "name", "arguments"]),
            (("tool_call_response",), ["id", "response"]),
            (("image", "audio", "file"), ["uri", "mime_type"]),
        )
    ],
}
_MESSAGE = _object({"role": _one_of("system", "user", "assistant", "tool"), "parts": _list(_ref("part"))})
_USAGE = _object(
    {
        "input_tokens": _COUNT_OR_NULL,
        "output_tokens": _COUNT_OR_NULL,
        "cached_tokens": _COUNT_OR_NULL,
        "cache_write_tokens": _COUNT_OR_NULL,
        "reasoning_tokens": _COUNT_OR_NULL,
        "cost_usd": _NUMBER_OR_NULL,
        "unmeasured_calls": _COUNT,
    },
    said="null is not measured, never zero.",
)
_TOOL = _object({"name": _TEXT, "description": _TEXT, "parameters": _ANY}, {"server": _TEXT})
_HISTORY = _object(
    {"continues": _TEXT_OR_NULL, "keep": _COUNT, "new": _list(_ref("message"))},
    said="What the call read: the first `keep` messages of the call that it continues (its input, then its output), "
    "then `new`.",
)
_KINDS: dict[str, Schema] = {
    "message": _MESSAGE,
    "model_call": _object(
        {
            "model": _TEXT_OR_NULL,
            "messages": _HISTORY,
            "offered_tools": {"description": "Index into `tool_sets`.", **_COUNT},
            "output": _list(_ref("message")),
            "requests": _list(_ref("part")),
            "usage": _or_null(_ref("usage")),
            "finish": _TEXT_OR_NULL,
            "error": _TEXT_OR_NULL,
        }
    ),
    "tool_call": _object(
        {
            "name": _TEXT,
            "arguments": _ANY,
            "result": _ANY,
            "error": _TEXT_OR_NULL,
            "status": _one_of("ok", "error", "unknown"),
            "call_id": _TEXT_OR_NULL,
            "requested_by": _TEXT_OR_NULL,
            "by": _one_of("agent", "user"),
        },
        optional={"injected": _TEXT},
    ),
    "handoff": _object({"target": _TEXT}),
    "interrupt": _object({"value": _ANY, "answer": _ANY}),
    "state_change": _object({"patch": _list({"type": "object"}), "caused_by": _TEXT_OR_NULL}),
}
_STEP: Schema = {
    **_object(
        {
            "id": _TEXT,
            "index": _COUNT,
            "kind": {"type": "string", "description": f"Now one of: {', '.join(_KINDS)}; readers pass over others."},
            "run": _TEXT_OR_NULL,
            "start_ns": {"type": "integer"},
            "end_ns": {"type": "integer"},
            "span_ids": _list(_TEXT),
            "sources": _list(_TEXT),
        },
        {
            "missing": _map(_TEXT, said="What was not recorded: field to reason."),
            "truncated": _list(_TEXT, said="Fields whose recorded value was cut."),
        },
    ),
    "allOf": [
        {"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": schema}
        for kind, schema in _KINDS.items()
    ],
}
_TRAJECTORY = _object(
    {
        "schema": {"const": "trajectory.v1"},
        "id": _TEXT,
        "conversation_id": _TEXT_OR_NULL,
        "trace_ids": _list(_TEXT),
        "agent": _TEXT_OR_NULL,
        "offered_tools": _or_null(_list(_TEXT)),
        "runs": _list(
            _object(
                {
                    "id": _TEXT,
                    "name": _TEXT,
                    "parent": _TEXT_OR_NULL,
                    "started_by": _TEXT_OR_NULL,
                    "start_ns": {"type": "integer"},
                    "end_ns": {"type": "integer"},
                }
            )
        ),
        "steps": _list(_ref("step")),
        "tool_sets": _list(_list(_TOOL)),
        "usage": _ref("usage"),
        "integrity": _object(
            {
                "started": _COUNT_OR_NULL,
                "ended": _COUNT_OR_NULL,
                "stored": _COUNT,
                "dropped": _COUNT,
                "orphans": _COUNT,
                "repeated": _COUNT,
                "clock_skew_ns": {"type": "integer"},
                "complete": _YES_OR_NO,
            },
            optional={"sampled": {"type": "number", "minimum": 0, "maximum": 1}},
        ),
        "end": _object(
            {
                "reason": _TEXT_OR_NULL,
                "detail": _TEXT_OR_NULL,
                "start_state": _TEXT_OR_NULL,
                "end_state": _TEXT_OR_NULL,
            }
        ),
        "attributes": {"type": "object"},
    },
    said="All that happened in one trial or conversation, in order: agenteval show --json.",
)

_WITH_REPORT = {**_DEFS, "report": _REPORT}

_DOCUMENTS: dict[str, tuple[Schema, dict[str, Schema]]] = {
    "trajectory.v1": (_TRAJECTORY, {"part": _PART, "message": _MESSAGE, "usage": _USAGE, "step": _STEP}),
    "report.v1": (_REPORT, _DEFS),
    "compare.v1": (_COMPARE, {"interval": _INTERVAL}),
    "verify.v1": (_VERIFY, {}),
    "import.v1": (_IMPORT, {}),
    "checks.v1": (_CHECKS, {}),
    "doctor.v1": (_DOCTOR, {}),
    "new.v1": (_NEW, {}),
    "suite.v1": (_SUITE_PAGE, {}),
    "run.v1": (_RUN_OUTPUT, _WITH_REPORT),
    "score.v1": (_SCORE, _WITH_REPORT),
    **STORE_DOCUMENTS,
    "conformance.v1": (_CONFORMANCE, {"counts": _CONFORMANCE_COUNTS}),
}


def schemas() -> dict[str, Schema]:
    """Every schema by the name that documents carry in `schema`, such as `report.v1`."""
    return {
        name: {"$schema": _DIALECT, "title": name, **schema, **({"$defs": parts} if parts else {})}
        for name, (schema, parts) in _DOCUMENTS.items()
    }


def write(folder: Path) -> list[Path]:
    """Write every schema to `<name>.json` in a folder; gives the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for name, schema in schemas().items():
        path = folder / f"{name}.json"
        path.write_bytes(orjson.dumps(schema, option=orjson.OPT_INDENT_2) + b"\n")
        written.append(path)
    return written


def main() -> None:
    """Write the schemas to the folder that the command line names."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m agenteval.report.schema FOLDER")
    for path in write(Path(sys.argv[1])):
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
