"""Exports of trace stores and of other harnesses, real ones: as much comes out as stands in them, counted apart."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agenteval import assemble
from agenteval.core.span import Span
from agenteval.core.trajectory import ModelCall, ToolCall, Trajectory
from agenteval.errors import ImportRefused
from agenteval.intake.files import Imported, Record, Telemetry, read, restore
from agenteval.telemetry.assemble import trajectory_of


def spans_of(records: Iterable[Record]) -> list[Span]:
    parts = list(records)
    assert all(isinstance(part, Telemetry) for part in parts), [
        part for part in parts if isinstance(part, ImportRefused)
    ]
    return [span for part in parts if isinstance(part, Telemetry) for span in part.spans]


def calls(trajectory: Trajectory) -> tuple[int, list[str]]:
    return len(trajectory.of(ModelCall)), [call.name for _, call in trajectory.of(ToolCall)]


def in_file(path: Path, value: Any) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


# --- Langfuse: 22 real exports of what about ten frameworks sent


LANGFUSE = {
    "ag2": (2, ["get_weather"]),
    "agno": (2, ["duckduckgo_search"]),
    "autogen": (1, []),
    "claude-agent": (4, ["mcp__weather__get_weather", "mcp__weather__get_weather"]),
    "crewai": (1, []),
    "google-adk": (2, ["say_hello"]),
    "langgraph": (2, ["Web-Search"]),
    "langgraph-python": (2, ["Web-Search"]),
    "openai-agents": (2, ["get_weather"]),
    "pydantic-ai": (1, []),
    "pydantic-ai-tools": (1, []),
    "pydantic-ai-trace": (1, []),
}
"""Model calls and tools of each, counted by hand in what the observations say."""


def exports(shared: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted((shared / "data/langfuse_framework_traces").glob("*.json")):
        if not path.name.endswith(".chatml.json"):
            yield path.name.partition("-20")[0], path


def test_langfuse_exports_hold_the_calls_that_stand_in_them(shared: Path):
    seen: set[str] = set()
    for name, path in exports(shared):
        (made,) = assemble(spans_of(read(path)))
        assert calls(made) == LANGFUSE[name], path.name
        document = json.loads(path.read_bytes())
        assert made.conversation_id == (document["trace"]["sessionId"] or made.conversation_id), path.name
        tokens = [
            usage.get("total")
            for observation in document["observations"]
            if observation["type"] == "GENERATION" and (usage := observation["usageDetails"])
        ]
        doubled = name == "agno"  # two instrumentations saw each of its calls, and the inner one counts
        assert made.usage.tokens == (183 + 888 if doubled else sum(tokens)), path.name
        seen.add(name)
    assert seen == set(LANGFUSE)


def test_langfuse_exports_say_what_langfuse_itself_reads_in_them(shared: Path):
    """The answers of model calls, against the messages that Langfuse's own normalising gives for the same observation."""
    compared = 0
    for _, path in exports(shared):
        golden = path.with_name(path.name.removesuffix(".trace.json") + ".chatml.json")
        if not path.name.endswith(".trace.json") or not golden.exists():
            continue
        wanted = json.loads(golden.read_bytes())
        (made,) = assemble(spans_of(read(path)))
        for step, call in made.of(ModelCall):
            output = wanted.get(step.id, {}).get("output", {})
            messages = output.get("data") or []
            asked = [(one["name"], json.loads(one["arguments"])) for m in messages for one in m.get("tool_calls", ())]
            if asked:
                assert [(request.name, request.arguments) for request in call.requests] == asked, (path.name, step.id)
                compared += 1
            elif output.get("success") and messages and isinstance(messages[-1].get("content"), str):
                assert messages[-1]["content"] in "".join(message.text for message in call.output), (path.name, step.id)
                compared += 1
    assert compared >= 6


def test_a_langfuse_trace_comes_back_to_the_last_digit(shared: Path):
    for _, path in exports(shared):
        assert restore(spans_of(read(path))) == json.loads(path.read_bytes()), path.name


# --- Jaeger


def test_jaeger_downloads_hold_every_span_with_its_parent_and_the_calls_of_the_agent(shared: Path):
    for name, models, tools in (("helm", 2, ["helm_list_releases"]), ("helm_2", 1, [])):
        path = shared / "data/otel_agentevals/samples" / f"{name}.json"
        (trace,) = json.loads(path.read_bytes())["data"]
        spans = spans_of(read(path))
        assert {span.span_id: span.parent_id for span in spans} == {
            span["spanID"]: next((one["spanID"] for one in span["references"] if one["refType"] == "CHILD_OF"), None)
            for span in trace["spans"]
        }
        assert all(span.trace_id == trace["traceID"] for span in spans)
        starts = {span["spanID"]: span["startTime"] * 1000 for span in trace["spans"]}
        assert {span.span_id: span.start_ns for span in spans} == starts
        (made,) = assemble(spans)
        assert calls(made) == (models, tools)
        expected = json.loads((path.parent / "eval_set_helm.json").read_bytes())
        asked = [
            turn["user_content"]["parts"][0]["text"] for case in expected["eval_cases"] for turn in case["conversation"]
        ]
        if name == "helm":
            assert [message.text for _, message in said(made, "user")][:1] == asked[:1]


def said(trajectory: Trajectory, role: str) -> list[tuple[Any, Any]]:
    found = [(step, step.content) for step in trajectory.steps if step.content.kind == "message"]
    return [(step, message) for step, message in found if getattr(message, "role", "") == role]


# --- SWE-agent


def test_swe_agent_files_hold_every_action_with_what_was_observed(shared: Path):
    count = 0
    for path in sorted((shared / "data/sweagent_trajs").glob("*.traj")):
        document = json.loads(path.read_bytes())
        (record,) = read(path)
        assert isinstance(record, Imported), record
        made = trajectory_of(record.spans)
        steps = document.get("trajectory")
        history = document["history"]
        asked = [message for message in history if message["role"] == "assistant"]
        assert len(made.of(ModelCall)) == len(asked), path.name
        results = [call.result for _, call in made.of(ToolCall)]
        if steps is None:
            assert len(results) == sum(message["role"] == "tool" for message in history), path.name
        else:
            assert len(steps) == len(asked)
            done = [step for step in steps if step["action"].strip()]
            assert [flat(result) for result in results] == [flat(step["observation"]) for step in done], path.name
        assert {call.status for _, call in made.of(ToolCall)} == {"unknown"}
        assert record.trial.status == "completed"
        assert restore(record.spans) == document
        count += 1
    assert count >= 7


def flat(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


# --- odd shapes and bad input


RUN = {"id": "a", "trace_id": "t", "run_type": "llm", "name": "m", "start_time": "2026-01-01T00:00:00"}
OBSERVATION = {"id": "o", "traceId": "t", "type": "GENERATION", "name": "m", "startTime": "2026-01-01T00:00:00Z"}
PHOENIX = {"context": {"trace_id": "t", "span_id": "s"}, "attributes": {}, "span_kind": "LLM", "start_time": 1}


@pytest.mark.parametrize(
    ("value", "where", "why"),
    [
        (
            {"data": [{"traceID": "1", "spans": [{"traceID": "1", "spanID": "2"}]}]},
            "data[0]",
            "spans[0].startTime must be",
        ),
        ({"data": [{"traceID": "1", "spans": "x"}]}, "data[0]", "spans must be a list"),
        ({"traceID": "1", "spans": []}, "file", "it holds no span"),
        ({"id": "t", "observations": ["a", "b"]}, "file", "names its observations and does not hold them"),
        ({"id": "t", "observations": [7]}, "file", "names its observations and does not hold them"),
        ({"id": "t", "observations": [OBSERVATION, 7]}, "file", "observations[1] must be an object"),
        ([{**OBSERVATION, "startTime": "soon"}], "record 0", "has no startTime that is a time"),
        ([RUN | {"start_time": None}], "record 0", "the run 'a' has no start_time that is a time"),
        ([RUN | {"trace_id": None, "parent_run_id": "b"}], "record 0", "names its parent and no trace"),
        ([PHOENIX | {"context": {"span_id": "s"}}], "record 0", "a span names no trace"),
        ([PHOENIX | {"start_time": "x"}], "record 0", "no start_time that is a time"),
        (
            {"schema_version": "ATIF-v1.5", "agent": {}, "steps": [{"source": "tool"}]},
            "file",
            "steps[0].source is 'tool'",
        ),
        ({"history": [{"role": "robot"}], "info": {}}, "file", "history[0].role is 'robot'"),
        ([{"traceId": "1", "localEndpoint": {}, "id": ""}], "record 0", "a span has no id"),
    ],
)
def test_what_cannot_be_read_is_refused_with_place_and_reason(tmp_path: Path, value: Any, where: str, why: str):
    (refusal,) = read(in_file(tmp_path / "a.json", value))
    assert isinstance(refusal, ImportRefused)
    assert (refusal.file, refusal.where) == ("a.json", where)
    assert why in refusal.why


def test_one_broken_line_does_not_end_the_others(tmp_path: Path):
    lines = [json.dumps(RUN), '{"id": "b", "run_type": "llm", "start_', json.dumps(RUN | {"id": "c"}), "7"]
    records = list(read(in_file(tmp_path / "runs.jsonl", "\n".join(lines))))
    assert [type(record) for record in records] == [Telemetry, ImportRefused, Telemetry, ImportRefused]
    assert [record.where for record in records if isinstance(record, ImportRefused)] == ["line 2", "line 4"]


def test_ids_that_are_none_become_ids_that_follow_from_them_and_parents_still_fit(tmp_path: Path):
    child = RUN | {"id": "b", "parent_run_id": "a", "run_type": "tool"}
    spans = spans_of(read(in_file(tmp_path / "runs.json", [RUN, child])))
    again = spans_of(read(in_file(tmp_path / "other.json", [child, RUN])))
    assert {(span.trace_id, span.span_id, span.parent_id) for span in spans} == {
        (span.trace_id, span.span_id, span.parent_id) for span in again
    }
    assert spans[1].parent_id == spans[0].span_id
    assert all(len(span.trace_id) == 32 and len(span.span_id) == 16 for span in spans)
    nested = in_file(tmp_path / "nested.json", [RUN | {"child_runs": [child | {"parent_run_id": None}]}])
    assert [(span.span_id, span.parent_id) for span in spans_of(read(nested))] == [
        (span.span_id, span.parent_id) for span in spans
    ]


def test_a_table_of_phoenix_is_read_by_rows_and_by_columns(tmp_path: Path, repo: Path):
    rows = [
        json.loads(line) for line in (repo / "traces/conversion/phoenix/lines/spans.jsonl").read_text().splitlines()
    ]
    flat_rows = [
        {
            **{name: value for name, value in row.items() if name not in {"context", "attributes"}},
            "context.trace_id": row["context"]["trace_id"],
            "context.span_id": row["context"]["span_id"],
            **{f"attributes.{name}": value for name, value in row["attributes"].items()},
        }
        for row in rows
    ]
    names = {name for row in flat_rows for name in row}
    columns = {name: {str(at): row.get(name) for at, row in enumerate(flat_rows)} for name in sorted(names)}
    wanted = assemble(spans_of(read(in_file(tmp_path / "a.json", rows))))
    assert calls(wanted[0]) == (2, ["find_order"])
    for number, value in enumerate((flat_rows, columns, {"data": rows, "next_cursor": None})):
        assert assemble(spans_of(read(in_file(tmp_path / f"{number}.json", value)))) == wanted, number


def test_observations_one_by_one_are_the_trace_that_holds_them(tmp_path: Path, repo: Path):
    document = json.loads((repo / "traces/conversion/langfuse/page-download/trace.json").read_bytes())
    (whole,) = assemble(spans_of(read(in_file(tmp_path / "a.json", document))))
    flat_list = {"data": document["observations"], "meta": {"page": 1}}
    (apart,) = assemble(spans_of(read(in_file(tmp_path / "b.json", flat_list))))
    assert [step.content for step in apart.steps] == [step.content for step in whole.steps]
