"""Real bytes, broken at random: nothing raises, nothing is half read, whatever comes out can be stored and restored."""

from __future__ import annotations

import gzip
import io
import json
import random
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agenteval import assemble, open_store
from agenteval._util.canonical import canonical
from agenteval.core import semconv
from agenteval.core.codec import from_json, to_json
from agenteval.core.span import Span
from agenteval.intake.files import FORMATS, FileHeader, Imported, ImportRefused, Telemetry, read, restore
from agenteval.telemetry.assemble import trajectory_of

NASTY = (
    b"", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"null", b"NaN", b"-Infinity", b"1e999", b"\x00", b"\xff", b"\xed\xa0\x80",
    b'"\\ud800"', b'"a":1,"a":2', b"[" * 300, b"9" * 30, b'{"$ref":"#/x"}', b"\n", b"PK\x03\x04", b"\x1f\x8b",
)  # fmt: skip

Change = tuple[str, float, int, bytes]
changes = st.lists(
    st.tuples(
        st.sampled_from(["cut", "drop", "insert", "flip", "repeat", "swap"]),
        st.floats(0, 1),
        st.integers(1, 200),
        st.sampled_from(NASTY) | st.binary(max_size=6),
    ),
    min_size=1,
    max_size=4,
)


def changed(data: bytes, todo: list[Change]) -> bytes:
    for what, where, length, with_bytes in todo:
        at = int(where * len(data))
        if what == "cut":
            data = data[:at]
        elif what == "drop":
            data = data[:at] + data[at + length :]
        elif what == "insert":
            data = data[:at] + with_bytes + data[at:]
        elif what == "flip" and at < len(data):
            data = data[:at] + bytes([data[at] ^ (1 + length % 255)]) + data[at + 1 :]
        elif what == "repeat":
            data = data[:at] + data[at : at + length] * 3 + data[at + length :]
        elif what == "swap":
            data = data[at : at + length] + data[:at] + data[at + length :]
    return data


def survives(path: Path, name: str | None = None) -> int:
    """Read a file that may hold anything; how many records it gave."""
    count = 0
    ids: set[str] = set()
    for item in read(path, format=name):
        if isinstance(item, ImportRefused):
            assert item.file == path.name
            assert item.where
            assert item.why
            assert "not foreseen" not in item.why, item.why
            assert len(str(item)) < 3000
        elif isinstance(item, FileHeader):
            canonical(item.content)
        else:
            count += 1
            assert isinstance(item, Imported)
            for span in item.spans:
                canonical(span.attributes)
                canonical(span.status.message)
                assert span.end_ns >= span.start_ns
                assert span.span_id not in ids
                ids.add(span.span_id)
            trajectory = trajectory_of(item.spans)
            assert trajectory.integrity.complete
            assert trajectory.integrity.clock_skew_ns == 0
            kept = restore(item.spans)
            if semconv.IMPORT_RECORD in item.spans[0].attributes:
                canonical(item.spans[0].attributes[semconv.IMPORT_RECORD])
            assert isinstance(kept, (dict, list))
            canonical([label.value for label in item.labels])
    return count


# --- seeds: excerpts of real files


def tau_bench(shared: Path) -> bytes:
    records = json.loads((shared / "data/tau_bench/gpt-4o-airline.json").read_bytes())
    small = sorted(records, key=lambda record: len(record["traj"]))[:3]
    for record in small:
        record["traj"][0]["content"] = "Be kind."
    return json.dumps(small).encode()


def tau2(shared: Path) -> bytes:
    raw = json.loads(gzip.decompress((shared / "data/tau2_runs/gym/gpt-4.1_telecom_default.json.gz").read_bytes()))
    small = sorted(raw["simulations"], key=lambda simulation: len(simulation["messages"]))[:2]
    names = {simulation["task_id"] for simulation in small}
    tasks = [task for task in raw["tasks"] if task["id"] in names]
    info = {key: value for key, value in raw["info"].items() if key == "agent_info"}
    return json.dumps({"info": info, "tasks": tasks, "simulations": small}).encode()


def inspect_json(shared: Path) -> bytes:
    return (shared / "data/inspect_logs/2025-05-12_popularity.json").read_bytes()


def inspect_with_tools(shared: Path) -> bytes:
    """The log with tools, its long texts cut so that mutations meet structure."""
    log = json.loads((shared / "data/inspect_logs/2025-05-12_browser.json").read_bytes())

    def cut(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: cut(item) for key, item in value.items()}
        if isinstance(value, list):
            return [cut(item) for item in value]
        return value[:60] if isinstance(value, str) else value

    (sample,) = log["samples"]
    sample["events"] = [event for event in sample["events"] if event["event"] not in {"sandbox", "store"}]
    return json.dumps(cut(log)).encode()


def messages(shared: Path) -> bytes:
    return b"\n".join(
        json.dumps({"messages": record["traj"], "reward": record["reward"]}).encode()
        for record in json.loads(tau_bench(shared))
    )


SEEDS: dict[str, Callable[[Path], bytes]] = {
    "tau-bench": tau_bench,
    "tau2": tau2,
    "inspect": inspect_json,
    "inspect with tools": inspect_with_tools,
    "messages": messages,
}


class Seeds(dict[str, bytes]):
    """Excerpts by name, which a failing test does not print."""

    def __repr__(self) -> str:
        return "Seeds"


@pytest.fixture(scope="module")
def seeds(shared: Path) -> Seeds:
    return Seeds({name: make(shared) for name, make in SEEDS.items()})


@pytest.mark.parametrize("name", SEEDS)
def test_every_seed_is_read_whole(seeds: Seeds, tmp_path: Path, name: str):
    path = tmp_path / "file"
    path.write_bytes(seeds[name])
    assert survives(path) == {"tau2": 2, "inspect with tools": 1}.get(name, 3)


@pytest.mark.parametrize("name", SEEDS)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(todo=changes, named=st.booleans())
def test_broken_json_is_survived(seeds: Seeds, tmp_path: Path, name: str, todo: list[Change], named: bool):
    path = tmp_path / "file"
    path.write_bytes(changed(seeds[name], todo))
    survives(path, name.split(maxsplit=1)[0] if named else None)


@pytest.mark.parametrize("name", SEEDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(todo=changes, inside=st.booleans())
def test_broken_gzip_is_survived(seeds: Seeds, tmp_path: Path, name: str, todo: list[Change], inside: bool):
    data = seeds[name]
    path = tmp_path / "file"
    path.write_bytes(
        gzip.compress(changed(data, todo), 1) if inside else changed(gzip.compress(data, 1, mtime=0), todo)
    )
    survives(path, name.split(maxsplit=1)[0])


@pytest.mark.parametrize("name", ["log_streaming.eval", "mmlu-summary-choices.eval"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(todo=changes, inside=st.booleans())
def test_broken_archives_are_survived(shared: Path, tmp_path: Path, name: str, todo: list[Change], inside: bool):
    data = (shared / "data/inspect_logs" / name).read_bytes()
    if inside:
        target = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as packed, zipfile.ZipFile(target, "w") as again:
            for info in packed.infolist():
                again.writestr(info.filename, changed(packed.read(info), todo))
        data = target.getvalue()
    path = tmp_path / "file"
    path.write_bytes(data if inside else changed(data, todo))
    survives(path, "inspect")
    survives(path)


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=6)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value within a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *[place for key, item in items for place in places(item, (*path, key))]]


@pytest.mark.parametrize("name", SEEDS)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(put=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), anything), min_size=1, max_size=3))
def test_a_value_of_the_wrong_kind_anywhere_is_survived(
    seeds: Seeds, tmp_path: Path, name: str, put: list[tuple[float, Any]]
):
    text = seeds[name]
    whole = json.loads(b"[" + text.replace(b"\n", b",") + b"]") if name == "messages" else json.loads(text)
    found = [place for place in places(whole) if place]
    for where, value in put:
        *path, last = found[int(where * len(found))]
        try:
            inner = whole
            for key in path:
                inner = inner[key]
            inner[last] = value
        except (KeyError, IndexError, TypeError):
            pass  # an earlier change took that place away
    file = tmp_path / "file"
    file.write_text(json.dumps(whole), encoding="utf-8")
    survives(file, name.split(maxsplit=1)[0])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200), name=st.sampled_from([None, *FORMATS]))
def test_any_bytes_are_survived(tmp_path: Path, content: bytes, name: str | None):
    path = tmp_path / "file"
    path.write_bytes(content)
    survives(path, name)


# --- real files, cut off


def ends_of_records(text: str, key: str | None) -> list[int]:
    """Where each record of a JSON text ends, found by decoding one after the other."""
    decoder = json.JSONDecoder()
    at = re.search(r"\[" if key is None else rf'"{key}":\s*\[', text).end()
    ends: list[int] = []
    while True:
        while text[at] in " \t\r\n,":
            at += 1
        if text[at] == "]":
            return ends
        _, at = decoder.raw_decode(text, at)
        ends.append(at)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("tau_bench/gpt-4o-airline.json", None),
        ("tau2_runs/gym/gpt-4.1_airline_default.json.gz", "simulations"),
        ("tau2_runs/gym/qwen2.5-7b_airline_default.json.gz", "simulations"),
        ("inspect_logs/2025-05-12_browser.json", "samples"),
        ("inspect_logs/2025-05-12_security-guide.json", "samples"),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_a_real_file_cut_off_anywhere_gives_every_record_before_the_cut(
    shared: Path, tmp_path: Path, name: str, key: str | None, seed: int
):
    data = (shared / "data" / name).read_bytes()
    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
    ends = ends_of_records(text, key)
    cut = random.Random(f"{name} {seed}").randrange(ends[0] // 2, len(text) - 1)
    path = tmp_path / "file"
    path.write_text(text[:cut], encoding="utf-8")
    whole = json.loads(text) if key is None else json.loads(text)[key]
    seen = sum(end <= cut for end in ends)
    records = list(read(path, format={None: "tau-bench", "simulations": "tau2", "samples": "inspect"}[key]))
    taken = [restore(record.spans) for record in records if isinstance(record, Imported)]
    assert [canonical(record) for record in taken] == [canonical(record) for record in whole[:seen]]
    (refused,) = [record for record in records if isinstance(record, ImportRefused)]
    assert "the file ends" in refused.why


@pytest.mark.parametrize("name", ["tau2_runs/gym/gpt-4.1_airline_default.json.gz", "inspect_logs/log_streaming.eval"])
@pytest.mark.parametrize("seed", range(4))
def test_a_packed_file_cut_off_anywhere_is_read_as_far_as_it_goes_or_refused(
    shared: Path, tmp_path: Path, name: str, seed: int
):
    data = (shared / "data" / name).read_bytes()
    cut = random.Random(seed).randrange(1, len(data))
    path = tmp_path / "file"
    path.write_bytes(data[:cut])
    survives(path)
    assert any(isinstance(record, ImportRefused) for record in read(path))


# --- traces

CONVERSION = Path(__file__).resolve().parents[2] / "traces/conversion"
OF_STORES = {
    name: next(
        path
        for path in (CONVERSION / name).glob("*/*")
        if path.name not in {"case.yaml", "expected.json", "spans.json"}
    )
    for name in ("agenteval", "otlp", "jaeger", "zipkin", "langfuse", "langsmith", "phoenix", "atif", "swe-agent")
}


@pytest.mark.parametrize("name", OF_STORES)
@given(todo=changes)
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_traces_broken_at_random_are_read_or_refused_and_never_lost_in_silence(
    tmp_path: Path, name: str, todo: list[Change]
):
    path = tmp_path / "a.json"
    path.write_bytes(changed(OF_STORES[name].read_bytes(), todo))
    spans: list[Span] = []
    for item in read(path, format=name):
        if isinstance(item, ImportRefused):
            assert item.where
            assert item.why
            assert "not foreseen" not in item.why, item.why
        elif isinstance(item, Telemetry):
            spans += item.spans
        else:
            assert isinstance(item, Imported)
            spans += item.spans
    store = open_store("memory:")
    store.append(spans)
    assert {span.span_id for span in store.read([span.trace_id for span in spans])[0]} == {
        span.span_id for span in spans
    }
    for trajectory in assemble(spans):
        from_json(json.loads(json.dumps(to_json(trajectory))))
