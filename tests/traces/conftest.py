"""Reads what lies under `traces/`, and rewrites the golden files where that is asked for."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agenteval.core.span import LogRecord, Span, SpanEvent, SpanLink, SpanStatus

REPO = Path(__file__).resolve().parents[2]
WIDTH = 118


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="write the golden files of traces/conversion anew")


@pytest.fixture(scope="session")
def rewrite(request: pytest.FixtureRequest) -> bool:
    """Whether to write golden files instead of comparing them: `make golden`."""
    return bool(request.config.getoption("--rewrite", default=False))


@pytest.fixture(scope="session")
def read_spans() -> Callable[[Mapping[str, Any]], list[Span]]:
    """Makes spans of `{"defaults": {...}, "spans": [...]}`, as traces/README.md describes it."""
    return lambda data: [span_of({**data.get("defaults", {}), **item}) for item in data["spans"]]


@pytest.fixture(scope="session")
def read_logs() -> Callable[[Mapping[str, Any]], list[LogRecord]]:
    """Makes log records of what stands under `logs` beside the spans."""
    return lambda data: [LogRecord(**unmarked(item)) for item in data.get("logs", ())]


def span_of(data: Mapping[str, Any]) -> Span:
    values = unmarked(data)
    if "status" in values:
        values["status"] = SpanStatus(**values["status"])
    values["events"] = tuple(SpanEvent(**event) for event in values.get("events", ()))
    values["links"] = tuple(SpanLink(**link) for link in values.get("links", ()))
    return Span(**values)


def unmarked(value: Any) -> Any:
    """The value with what JSON has no word for: `{"$bytes": BASE64}` and `{"$number": "NaN"}`."""
    if isinstance(value, dict):
        if value.keys() == {"$bytes"}:
            return base64.b64decode(value["$bytes"])
        if value.keys() == {"$number"}:
            return float(value["$number"])
        return {key: unmarked(item) for key, item in value.items()}
    return [unmarked(item) for item in value] if isinstance(value, list) else value


def pretty(value: Any, indent: str = "", before: str = "") -> str:
    """JSON that a person can review: on one line what fits, else a line for each member."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent + before + line) < WIDTH or not isinstance(value, (dict, list)) or not value:
        return before + line
    inner = indent + " "
    if isinstance(value, dict):
        parts = [pretty(item, inner, f"{json.dumps(key, ensure_ascii=False)}: ") for key, item in value.items()]
    else:
        parts = [pretty(item, inner) for item in value]
    begin, end = ("{", "}") if isinstance(value, dict) else ("[", "]")
    return f"{before}{begin}\n" + ",\n".join(inner + part for part in parts) + f"\n{indent}{end}"


@pytest.fixture(scope="session")
def as_json() -> Callable[[Any], str]:
    """Writes JSON as the golden files have it."""
    return lambda value: pretty(value) + "\n"


@pytest.fixture(scope="session")
def follows_schema() -> Callable[[Any], None]:
    """Raises where a trajectory is not as traces/schema/trajectory.v1.json says."""
    schema = json.loads((REPO / "traces" / "schema" / "trajectory.v1.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    # strict JSON: no NaN, no bytes
    return lambda document: validator.validate(json.loads(json.dumps(document, allow_nan=False)))
