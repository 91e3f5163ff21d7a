"""Export, then import into another store: the same spans, log records, trajectories, trials and labels."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agenteval import open_store
from agenteval.core.ports import Query, TraceStore
from agenteval.core.span import LogRecord, Span, SpanEvent, SpanLink, SpanStatus
from agenteval.core.traces import TraceQuery
from agenteval.errors import NotFound, RequestError
from agenteval.experiment.exporting import FORMATS, export, parts_of
from agenteval.experiment.importing import import_files

REPO = Path(__file__).resolve().parents[2]
SAMPLES = [REPO / "traces/samples" / name for name in ("support.jsonl", "library.json", "atlas.json")]
ENDINGS = {"otlp": "pb", "otlp-json": "otlp.jsonl", "jsonl": "jsonl"}


@pytest.fixture
def stores() -> Iterator[tuple[TraceStore, TraceStore]]:
    pair = open_store("memory:"), open_store("memory:")
    yield pair
    for store in pair:
        store.close()


def everything(store: TraceStore) -> tuple[list[Span], list[LogRecord]]:
    spans, logs = store.read([seen.trace_id for seen in store.traces(TraceQuery(limit=10_000))])
    return sorted(spans, key=lambda span: (span.trace_id, span.span_id)), sorted(logs, key=repr)


def made(store: TraceStore) -> dict[str, Any]:
    return {trajectory.id: trajectory for _, trajectory in store.trajectories(Query())}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_what_is_exported_comes_back_identically(
    stores: tuple[TraceStore, TraceStore], tmp_path: Path, kind: Any, packed: str, shared: Path
):
    """Runs of three formats, and captures of producers that send spans, and spans and logs."""
    one, other = stores
    captures = [shared / "captures" / name / "wire" for name in ("langchain-openinference", "openai-v2-events")]
    wire = [path for folder in captures for path in sorted(folder.glob("*.pb.gz")) if ".metrics." not in path.name]
    summary = import_files([*SAMPLES, *wire], one)
    assert not summary.refused
    path = tmp_path / f"all.{ENDINGS[kind]}{packed}"
    done = export(one, parts_of(one, []), kind, str(path))
    assert done.altered == 0
    assert done.trajectories == summary.imported
    again = import_files([Path(file) for file in done.files], other)
    assert not again.refused
    assert made(other) == made(one)
    here, there = everything(one), everything(other)
    kept = {span.trace_id for span in there[0]}
    assert there[0] == [span for span in here[0] if span.trace_id in kept]
    assert there[1] == here[1]
    assert len(here[1]) > 0
    assert {span.trace_id for span in here[0]} - kept == heads(one)
    labels = [sorted(map(repr, store.labels(Query()))) for store in stores]
    assert (labels[0] == labels[1]) is (kind == "jsonl")
    facts = [
        {trial.trajectory: replace(trial, run="", repeat=0) for trial in store.trials(Query())} for store in stores
    ]
    if kind == "jsonl":
        assert facts[0] == facts[1]
    else:
        assert {name: trial.status for name, trial in facts[0].items()} == {
            name: trial.status for name, trial in facts[1].items()
        }


def heads(store: TraceStore) -> set[str]:
    """Traces of what files say as a whole: they are of no run, and only --all takes them."""
    of_trials = {trace for trial in store.trials(Query()) for trace in trial.trace_ids}
    return {seen.trace_id for seen in store.traces(TraceQuery(limit=10_000))} - of_trials


@pytest.mark.parametrize("kind", FORMATS)
def test_all_takes_what_belongs_to_no_run(stores: tuple[TraceStore, TraceStore], tmp_path: Path, kind: Any):
    one, other = stores
    import_files(SAMPLES, one)
    assert heads(one)
    done = export(one, parts_of(one, [], everything=True), kind, str(tmp_path / f"a.{ENDINGS[kind]}"))
    import_files([Path(file) for file in done.files], other)
    assert everything(other) == everything(one)
    assert made(other) == made(one)


def test_others_read_what_is_written_as_otlp(stores: tuple[TraceStore, TraceStore], tmp_path: Path, shared: Path):
    """The whole file is one request of each kind, as the generated classes of OpenTelemetry parse it."""
    one, _ = stores
    wire = sorted((shared / "captures/openai-v2-events/wire").glob("*.pb.gz"))
    import_files([path for path in wire if ".metrics." not in path.name], one)
    done = export(one, parts_of(one, []), "otlp", str(tmp_path / "a.pb.gz"))
    assert [Path(file).name for file in done.files] == ["a.pb.gz", "a.logs.pb.gz"]
    spans = ExportTraceServiceRequest.FromString(gzip.decompress((tmp_path / "a.pb.gz").read_bytes()))
    logs = ExportLogsServiceRequest.FromString(gzip.decompress((tmp_path / "a.logs.pb.gz").read_bytes()))
    found = [span for resource in spans.resource_spans for scope in resource.scope_spans for span in scope.spans]
    records = [log for resource in logs.resource_logs for scope in resource.scope_logs for log in scope.log_records]
    assert (len(found), len(records)) == (done.spans, done.logs)
    assert {span.span_id.hex() for span in found} == {span.span_id for span in everything(one)[0]}


def test_a_run_a_trajectory_and_a_trace_are_named_by_id_or_beginning(
    stores: tuple[TraceStore, TraceStore], tmp_path: Path
):
    one, _ = stores
    run = import_files(SAMPLES[:1], one).run.id
    import_files(SAMPLES[1:2], one)
    names = [trial.trajectory or "" for trial in one.trials(Query(run=run))]
    counted = [
        sum(1 for _ in parts_of(one, given))
        for given in ([run], [run[:-3]], names[:1], [names[0][:10]], [names[0], run], ["latest"], [])
    ]
    latest = sum(1 for _ in one.trials(Query(run=one.runs()[-1].id)))
    assert counted == [len(names), len(names), 1, 1, len(names), latest, latest]
    with pytest.raises(NotFound):
        list(parts_of(one, ["f" * 32]))
    with pytest.raises(RequestError, match=r"cannot be written"):
        export(one, parts_of(one, []), "jsonl", str(tmp_path / "none" / "a.jsonl"))


def test_a_trace_of_which_nothing_was_assembled_is_exported_by_its_id(
    stores: tuple[TraceStore, TraceStore], tmp_path: Path
):
    one, other = stores
    span = Span(trace_id="ab" * 16, span_id="cd" * 8, name="GET", start_ns=1, end_ns=2)
    one.append([span], live=True)
    for kind in ("otlp", "jsonl"):
        done = export(one, parts_of(one, ["AB" * 16]), kind, str(tmp_path / "a"))
        assert (done.trajectories, done.spans) == (0, 1)
        summary = import_files([tmp_path / "a"], other)
        assert not summary.refused
    assert other.read([span.trace_id])[0] == [span]


def test_what_the_encoding_cannot_hold_is_counted(stores: tuple[TraceStore, TraceStore], tmp_path: Path):
    one, _ = stores
    deep: Any = "x"
    for _ in range(40):
        deep = [deep]
    spans = [
        Span(trace_id="ab" * 16, span_id=f"{number:016x}", name="a", start_ns=1, end_ns=2, attributes={"v": value})
        for number, value in enumerate([deep, "fine", float("nan"), b"\0", "half \ud800"], start=1)
    ]
    one.append(spans)
    altered = {
        kind: export(one, parts_of(one, ["ab" * 16]), kind, str(tmp_path / kind)).altered
        for kind in ("otlp", "otlp-json")
    }
    assert altered == {"otlp": 2, "otlp-json": 1}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ({"schema": "exported.v9"}, "schema is 'exported.v9'"),
        ({"trial": None}, "neither a trial nor a span"),
        ({"trial": {"status": "great"}}, "trial.status is 'great'"),
        ({"trial": {"status": "completed", "scenario": "a", "agent": "b"}}, "trial.repeat must be a whole number"),
        ({"traces": {"resourceSpans": 7}}, "resourceSpans is 7"),
        (
            {"trial": {"status": "completed", "scenario": "a", "agent": "b", "repeat": 0}, "trajectory": {"id": 7}},
            "its trajectory cannot be read",
        ),
    ],
)
def test_a_broken_line_is_refused_with_place_and_reason(
    stores: tuple[TraceStore, TraceStore], tmp_path: Path, line: dict[str, Any], why: str
):
    good = {"schema": "exported.v1", "trial": None, "trajectory": None, "labels": [], "traces": {}, "logs": {}}
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(good | {"traces": None}) + "\n" + json.dumps(good | line) + "\n")
    summary = import_files([path], stores[1], format="agenteval")
    assert [refused.where for refused in summary.refused] == ["line 1", "line 2"]
    assert why in summary.refused[1].why


# --- any span

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = st.one_of(
    TEXT, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.binary(max_size=4)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8
)
ATTRIBUTES = st.dictionaries(TEXT.filter(bool), VALUES, max_size=4)
TIMES = st.integers(0, 2**63 - 1)
HEX = st.integers(1, 2**64 - 1).map(lambda number: f"{number:016x}")
TRACE = HEX.map(lambda text: text * 2)
SPANS = st.builds(
    Span,
    trace_id=TRACE,
    span_id=HEX,
    parent_id=st.none() | HEX,
    name=TEXT,
    kind=st.integers(0, 5),
    start_ns=TIMES,
    end_ns=TIMES,
    trace_state=TEXT,
    flags=st.integers(0, 2**32 - 1),
    status=st.builds(SpanStatus, code=st.integers(0, 2), message=TEXT),
    attributes=ATTRIBUTES,
    resource=ATTRIBUTES,
    scope=st.builds(lambda name: {"name": name, "version": "1"}, TEXT),
    events=st.lists(st.builds(SpanEvent, name=TEXT, at_ns=TIMES, attributes=ATTRIBUTES), max_size=2).map(tuple),
    links=st.lists(st.builds(SpanLink, trace_id=TRACE, span_id=HEX, attributes=ATTRIBUTES), max_size=2).map(tuple),
    dropped_attributes=st.integers(0, 2**32 - 1),
    schema_url=TEXT,
)
LOGS = st.builds(
    LogRecord,
    trace_id=TRACE,
    span_id=HEX,
    at_ns=TIMES,
    observed_ns=TIMES,
    name=TEXT,
    severity=st.integers(0, 24),
    body=VALUES,
)


@pytest.mark.parametrize("kind", FORMATS)
@given(spans=st.lists(SPANS, min_size=1, max_size=4), logs=st.lists(LOGS, max_size=3))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_span_and_log_record_comes_back(tmp_path: Path, kind: Any, spans: list[Span], logs: list[LogRecord]):
    one, other = open_store("memory:"), open_store("memory:")
    logs = [replace(log, trace_id=spans[0].trace_id) for log in logs]
    one.append(spans, logs)
    done = export(one, parts_of(one, [], everything=True), kind, str(tmp_path / "a"))
    assert done.altered == 0
    summary = import_files([Path(file) for file in done.files], other)
    assert not summary.refused
    assert everything(other) == everything(one)
