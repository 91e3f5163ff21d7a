"""Spans of other producers taken in as a run: conversations, what was understood, what holds no call."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agenteval import assemble, open_store
from agenteval.core.ports import Query, TraceStore
from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import ToolCall
from agenteval.experiment import conversations
from agenteval.experiment.importing import ImportSummary, import_files
from agenteval.telemetry.otlp import JSON, decode_logs, decode_traces, encode_traces
from agenteval.telemetry.understood import understood

REPO = Path(__file__).resolve().parents[2]
LINES = REPO / "traces/conversion/otlp/genai-lines/collector.jsonl"
SCOPE = {"name": "opentelemetry.instrumentation.openai_v2", "version": "2"}


@pytest.fixture
def store() -> Iterable[TraceStore]:
    store = open_store("memory:")
    yield store
    store.close()


def chat(number: int, *, trace: int = 1, session: str | None = None, **attributes: Any) -> Span:
    said = [{"role": "assistant", "parts": [{"type": "text", "content": f"answer {number}"}]}]
    named = {} if session is None else {"gen_ai.conversation.id": session}
    return Span(
        trace_id=f"{trace:032x}",
        span_id=f"{number:016x}",
        name="chat m",
        kind=3,
        start_ns=number * 1_000,
        end_ns=number * 1_000 + 500,
        scope=SCOPE,
        resource={"service.name": "desk"},
        attributes={
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "m",
            "gen_ai.output.messages": json.dumps(said),
            "gen_ai.usage.input_tokens": 10,
            "gen_ai.usage.output_tokens": 2,
            **named,
            **attributes,
        },
    )


def noise(number: int, *, trace: int) -> Span:
    return Span(
        trace_id=f"{trace:032x}",
        span_id=f"{number:016x}",
        name="GET /",
        start_ns=number,
        end_ns=number + 1,
        scope={"name": "http", "version": ""},
        attributes={"http.request.method": "GET"},
    )


def in_file(path: Path, spans: list[Span]) -> Path:
    path.write_bytes(encode_traces(spans))
    return path


def kept(store: TraceStore, summary: ImportSummary) -> list[tuple[Any, Any]]:
    return list(store.trajectories(Query(run=summary.run.id)))


def test_lines_become_one_trial_of_the_conversation_and_the_spans_stay_as_they_came(store: TraceStore):
    summary = import_files([LINES], store)
    assert (summary.imported, summary.invalid, summary.refused) == (1, 0, [])
    assert (summary.steps, summary.tool_calls, summary.logs, summary.appended.new) == (5, 1, 1, 4)
    ((trial, trajectory),) = kept(store, summary)
    assert (trial.scenario, trial.agent, trial.status, trial.repeat) == ("talk-7", "desk", "completed", 0)
    assert store.run(summary.run.id).agents == ("desk",)
    came: list[Span] = []
    for line in LINES.read_bytes().splitlines():
        came += decode_traces(line, JSON)
    spans, logs = store.read(trial.trace_ids)
    assert sorted(spans, key=lambda span: span.span_id) == sorted(came, key=lambda span: span.span_id)
    assert logs == [log for line in LINES.read_bytes().splitlines() for log in decode_logs(line, JSON)]
    assert [trajectory] == assemble(came, logs)
    again = import_files([LINES], store)
    assert (again.appended.new, again.appended.repeated, again.imported) == (0, 4, 1)
    assert kept(store, again)[0][1] == trajectory


def test_a_conversation_is_whole_over_files_pages_and_imports(
    store: TraceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    turns = [[chat(number, trace=number, session="talk")] for number in (1, 2, 3)]
    first, second, third = (in_file(tmp_path / f"{number}.pb", spans) for number, spans in enumerate(turns))
    monkeypatch.setattr(conversations, "_SPANS_AT_ONCE", 1)
    summary = import_files([second, first], store)
    ((trial, trajectory),) = kept(store, summary)
    assert trajectory == assemble([*turns[0], *turns[1]])[0]
    assert set(trial.trace_ids) == {span.trace_id for spans in turns[:2] for span in spans}
    assert (summary.imported, summary.steps) == (1, len(trajectory.steps))
    assert summary.understood.dialects["otel-genai"].model_calls == 2
    later = import_files([third], store)
    assert kept(store, later)[0][1] == assemble([span for spans in turns for span in spans])[0]


def agent(number: int, *, trace: int) -> Span:
    return replace(
        chat(number, trace=trace),
        name="invoke_agent desk",
        attributes={"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "desk"},
    )


def test_an_agent_without_a_call_is_invalid_and_a_services_other_traces_are_no_trials(
    store: TraceStore, tmp_path: Path
):
    spans = [chat(1, trace=1), noise(2, trace=2), noise(3, trace=3), agent(4, trace=4)]
    summary = import_files([in_file(tmp_path / "a.pb", spans)], store)
    assert (summary.imported, summary.invalid, summary.others) == (2, 1, 2)
    found = {trial.trace_ids[0][-1]: (trial.status, trial.error) for trial, _ in kept(store, summary)}
    nothing = "no dialect found a model call or a tool call in its spans"
    assert found == {"1": ("completed", None), "4": ("invalid", nothing)}
    assert [score.status for _, score in store.outcomes(summary.run.id)].count("invalid") == 1
    assert len(store.read([span.trace_id for span in spans])[0]) == 4


def test_a_file_without_any_call_is_invalid_and_never_a_row_of_zeros(store: TraceStore, tmp_path: Path):
    path = in_file(tmp_path / "a.pb", [noise(2, trace=2), noise(3, trace=3)])
    summary = import_files([path], store)
    assert (summary.imported, summary.invalid, summary.others) == (2, 2, 0)
    assert {trial.status for trial, _ in kept(store, summary)} == {"invalid"}


def test_log_records_that_come_later_are_joined_to_spans_that_are_there(store: TraceStore, shared: Path):
    wire = shared / "captures" / "openai-v2-events" / "wire"
    traces, logs = sorted(wire.glob("*.traces.*")), sorted(wire.glob("*.logs.*"))
    nothing = import_files(logs, store)
    assert nothing.imported == 0
    assert nothing.logs == sum(len(decode_logs(gzip.decompress(path.read_bytes()))) for path in logs) > 0
    assert store.runs() == []
    summary = import_files(traces, store)
    other = open_store("memory:")
    import_files(traces, other)
    late = import_files(logs, other)
    assert kept(store, summary)[0][1] == kept(other, late)[0][1]
    assert len(kept(store, summary)[0][1].of(ToolCall)) > 0


# --- what was understood


def test_what_was_understood_is_counted_by_dialect_and_what_was_not_is_named():
    odd = chat(2, trace=1, **{"acme.flag.0.name": "x", "acme.flag.1.name": "y", "acme.plain": 1})
    spans = [chat(1, trace=1), odd, chat(3, trace=2, **{"acme.plain": 1}), noise(4, trace=2)]
    found = understood(spans, [], assemble(spans))
    assert found.to_json() == {
        "dialects": {
            "otel-genai": {
                "spans": 3,
                "model_calls": 3,
                "tool_calls": 0,
                "agents": 0,
                "tokens": 36,
                "unmeasured": 0,
            },
            "unknown": {
                "spans": 1,
                "model_calls": 0,
                "tool_calls": 0,
                "agents": 0,
                "tokens": None,
                "unmeasured": 0,
            },
        },
        "attributes": 19,
        "used": 15,
        "unused": [{"name": "acme.flag.N.name", "count": 2}, {"name": "acme.plain", "count": 2}],
        "unknown_scopes": [{"name": "http", "count": 1}],
    }
    assert found.to_json() == understood([*spans, *spans], [], assemble(spans)).to_json()
    assert found.share == 15 / 19
    assert understood([], [], []).share is None


def test_parts_add_up_to_the_whole():
    some, others = [chat(1, trace=1), noise(2, trace=1)], [chat(3, trace=2, **{"acme.plain": 1})]
    whole = understood([*some, *others], [], assemble([*some, *others]))
    parts = understood(some, [], assemble(some)) + understood(others, [], assemble(others))
    assert parts == whole


def test_of_the_captures_as_many_calls_and_tokens_are_told_as_happened(shared: Path):
    """Compared with what the model servers logged, where every dialect is one that carries usage."""
    compared = 0
    for name in ("langchain-openinference", "google-adk", "openai-v2-latest-span", "strands", "vercel-ai-v7"):
        folder = shared / "captures" / name
        spans: list[Span] = []
        logs: list[LogRecord] = []
        for path in sorted(folder.glob("wire/*.pb.gz")):
            body = gzip.decompress(path.read_bytes())
            spans += decode_traces(body) if ".traces." in path.name else []
            logs += decode_logs(body) if ".logs." in path.name else []
        truth = json.loads((folder / "truth.json").read_text())
        turns = [turn for conversation in truth["conversations"] for turn in conversation["turns"]]
        usages = [call["usage"] for turn in turns for call in turn["llm_calls"] if call["usage"]]
        by_framework = "tool_calls_requested_but_run_by_the_framework"  # its sub-agents, as tools
        tools = [call for turn in turns for call in (*turn["tool_calls"], *turn[by_framework])]
        found = understood(spans, logs, assemble(spans, logs)).dialects.values()
        assert sum(one.model_calls for one in found) == len(usages) > 0, name
        assert sum(one.tool_calls for one in found) == len(tools) > 0, name
        assert sum(one.tokens or 0 for one in found) == sum(usage["in"] + usage["out"] for usage in usages), name
        compared += 1
    assert compared == 5
