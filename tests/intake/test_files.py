"""Reading foreign files: recognition by content, refusals as values, the same spans every time."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from agenteval.core import semconv
from agenteval.errors import RequestError
from agenteval.intake.files import FORMATS, FileHeader, Imported, ImportRefused, Record, read

KNOWN = "Known formats: " + "; ".join(f"{known.name}: {known.title}" for known in FORMATS.values())
TALK = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]
TAU = {"task_id": 3, "trial": 1, "reward": 0.5, "traj": TALK, "info": {"task": {"user_id": "ada"}, "reward_info": None}}
TAU2 = {
    "info": {"agent_info": {"implementation": "llm_agent", "llm": "m-1"}, "environment_info": {"domain_name": "shop"}},
    "tasks": [{"id": "a"}],
    "simulations": [{"id": "s", "task_id": "a", "trial": 0, "termination_reason": "user_stop", "messages": TALK}],
}
SAMPLE = {"id": 7, "epoch": 2, "input": "Hello", "target": "Hi", "messages": TALK, "scores": {"match": {"value": "C"}}}
LOG = {"version": 2, "status": "success", "eval": {"task": "greet", "model": "m/1"}, "samples": [SAMPLE]}


def written(path: Path, value: Any) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def archive(path: Path, members: dict[str, Any], **options: Any) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as packed:
        for name, value in members.items():
            packed.writestr(name, value if isinstance(value, (str, bytes)) else json.dumps(value))
    return path


def refusals(path: Path, **options: Any) -> list[tuple[str, str, str]]:
    records = list(read(path, **options))
    return [(item.file, item.where, item.why) for item in records if isinstance(item, ImportRefused)]


def imported(path: Path, **options: Any) -> list[Imported]:
    return [item for item in read(path, **options) if isinstance(item, Imported)]


def source_of(record: Imported) -> object:
    return record.spans[0].attributes[semconv.SOURCE]


# --- recognition


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ([TAU], "tau-bench"),
        (TAU2, "tau2"),
        ({"simulations": TAU2["simulations"], "tasks": TAU2["tasks"], "info": TAU2["info"]}, "tau2"),
        (LOG, "inspect"),
        ({"samples": [SAMPLE], "eval": LOG["eval"]}, "inspect"),
        ([TALK], "messages"),
        ([{"messages": TALK}], "messages"),
        ({"messages": TALK}, "messages"),
        (TALK, "messages"),
        ("\n\n" + json.dumps(TALK) + "\n" + json.dumps({"messages": TALK}) + "\n", "messages"),
        (json.dumps({"messages": TALK}) + "\n" + json.dumps(TALK), "messages"),
        ("\ufeff" + json.dumps([TAU]), "tau-bench"),
        (json.dumps([TAU], indent=4), "tau-bench"),
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a.eval", "a.txt", "a"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_format_is_recognised_by_content_whatever_the_name(
    tmp_path: Path, content: Any, found: str, name: str, packed: bool
):
    path = written(tmp_path / name, content)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    records = list(read(path))
    assert {source_of(item) for item in records if isinstance(item, Imported)} == {f"import:{found}"}
    assert [item for item in records if isinstance(item, ImportRefused)] == []


def test_an_archive_is_recognised_by_its_members(tmp_path: Path):
    path = archive(tmp_path / "log.json", {"header.json": LOG | {"samples": None}, "samples/7_epoch_2.json": SAMPLE})
    head, sample = read(path)
    assert isinstance(head, FileHeader)
    assert (head.file, head.format) == ("log.json", "inspect")
    assert isinstance(sample, Imported)
    assert (sample.position, source_of(sample)) == ("samples/7_epoch_2.json", "import:inspect")


def test_the_registry_lists_every_format():
    assert list(FORMATS) == [
        "tau-bench",
        "tau2",
        "inspect",
        "agenteval",
        "otlp",
        "jaeger",
        "zipkin",
        "langfuse",
        "langsmith",
        "phoenix",
        "atif",
        "swe-agent",
        "messages",
    ]
    assert [known.name for known in FORMATS.values()] == list(FORMATS)


def test_an_unknown_format_name_is_the_requests_fault(tmp_path: Path):
    with pytest.raises(RequestError, match=r'unknown format "tau_bench"\. Did you mean "tau-bench"\?'):
        read(tmp_path / "a.json", format="tau_bench")


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        (b"PNG\x00\xff\xfe", "the file begins with b'PNG\\x00\\xff\\xfe'"),
        (b"\xff\xfe[\x00]\x00", "the file begins with b'\\xff\\xfe[\\x00]\\x00'"),
        (b'{"b": 1, "a": [1, 2]}', "a JSON object with a, b"),
        (b"{}", "a JSON object with nothing in it"),
        (b"[]", "one JSON list of nothing that can be read"),
        (b"[[], 1]", "one JSON list of empty lists"),
        (b'[{"task": 1}]', "one JSON list of objects with task"),
        (b"[1, 2]", "one JSON list of int values"),
        (b'{"x": 1}\n{"y": 2}\n', "JSON lines of objects with x"),
        (b'{"x": 1', "a JSON object with x; the file ends inside the outermost object: it is cut off"),
        (b'"text"', "the file begins with b'\"text\"'"),
    ],
)
def test_an_unknown_file_is_refused_with_what_was_seen_and_what_is_known(tmp_path: Path, content: bytes, seen: str):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    assert refusals(path) == [("a.json", "file", f"of no known format: {seen}. {KNOWN}")]


def test_an_archive_of_something_else_is_refused(tmp_path: Path):
    path = archive(tmp_path / "a.zip", {"b.txt": "x"})
    assert refusals(path) == [("a.zip", "file", f"of no known format: a zip archive with b.txt. {KNOWN}")]


# --- files that cannot be read


def test_a_missing_file_a_folder_and_an_empty_file_are_refused(tmp_path: Path):
    (tmp_path / "empty").touch()
    assert refusals(tmp_path / "none") == [("none", "file", "there is no such file")]
    assert refusals(tmp_path) == [(tmp_path.name, "file", "a folder, not a file")]
    assert refusals(tmp_path / "empty") == [("empty", "file", "it is empty")]
    assert [where for _, where, _ in refusals(tmp_path / "a\0b")] == ["file"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    assert refusals(tmp_path / "pipe") == [("pipe", "file", "not a file")]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path):
    path = written(tmp_path / "a.json", [TAU])
    path.chmod(0)
    ((file, where, why),) = refusals(path)
    assert (file, where) == ("a.json", "file")
    assert why.startswith("cannot be read: [Errno 13]")


# --- one broken record does not end the file


def test_broken_records_are_refused_by_place_and_the_others_are_read(tmp_path: Path):
    good = json.dumps(TAU)
    deep = good.replace('"Hello"', "[" * 150 + "]" * 150)
    broken = [
        '{"task_id": tru}',
        good.replace('"task_id"', '"trial": 7, "task_id"'),
        good.replace('"Hello"', '"Hello\\ud83d"'),
        good.replace("0.5", "NaN"),
        good.replace("Hello", "Hel\x00lo"),
        deep,
        good.replace("Hello", "\\u0000"),
        good.replace('"task_id": 3', '"task_id": null'),
        good.replace('"user"', '"robot"'),
        good.replace('"traj"', '"trajectory"'),
        "17",
        good.replace('"trial": 1', '"trial": -1'),
        good.replace("0.5", "1" * 5000),
    ]
    path = written(tmp_path / "a.json", "[" + ",\n".join([good, *broken, good]) + "]")
    records = list(read(path))
    assert [item.position for item in records if isinstance(item, Imported)] == [
        f"record {index}" for index in (0, 3, 4, 7, 14)
    ]
    roles = "known are system, developer, user, assistant, tool and function"
    assert [(item.where, item.why) for item in records if isinstance(item, ImportRefused)] == [
        ("record 1", "not JSON: Expecting value at character 12 of it"),
        ("record 2", "the key 'trial' stands twice in one object: which one is meant cannot be told"),
        ("record 5", f"not JSON: Invalid control character at character {good.index('Hello') + 3} of it"),
        ("record 6", "nested deeper than 100 levels"),
        ("record 8", "task_id must be text or a whole number, not missing or null"),
        ("record 9", f"traj[0].role is 'robot' (str): {roles}"),
        ("record 10", "traj must be a list, not missing or null"),
        ("record 11", "a record must be an object, not 17 (int)"),
        ("record 12", "trial must be a whole number from 0, not -1 (int)"),
        ("record 13", "it holds a whole number of more than 4,300 digits"),
    ]


def test_bytes_that_are_not_utf_8_are_refused_by_place(tmp_path: Path):
    path = tmp_path / "a.json"
    good = json.dumps(TAU).encode()
    path.write_bytes(b"[" + good + b"," + good.replace(b"Hello", b"Hel\xfflo") + b"," + good + b"]")
    assert [item.position for item in imported(path)] == ["record 0", "record 2"]
    at = good.index(b"Hello") + 3
    assert refusals(path) == [("a.json", "record 1", f"not UTF-8: invalid start byte at byte {at} of it")]


@pytest.mark.parametrize(
    ("cut", "where", "why"),
    [
        (0.999, "record 3", "the file ends before its list does"),
        (0.99, "record 2", "the file ends inside this record: it is cut off"),
        (0.5, "record 1", "the file ends inside this record: it is cut off"),
    ],
)
def test_a_file_that_is_cut_off_gives_what_is_whole(tmp_path: Path, cut: float, where: str, why: str):
    whole = json.dumps([TAU] * 3)
    path = written(tmp_path / "a.json", whole[: int(len(whole) * cut)])
    records = list(read(path))
    assert [item.position for item in records[:-1] if isinstance(item, Imported)] == [
        f"record {index}" for index in range(len(records) - 1)
    ]
    assert refusals(path) == [("a.json", where, why)]


@pytest.mark.parametrize("tail", [",", "", "\n" * 9, " , "])
def test_a_list_that_ends_between_two_records_is_refused_after_them(tmp_path: Path, tail: str):
    path = written(tmp_path / "a.json", f"[{json.dumps(TAU)}{tail}")
    assert len(imported(path)) == 1
    assert refusals(path) == [("a.json", "record 1", "the file ends before its list does")]


def test_text_after_the_end_is_refused(tmp_path: Path):
    path = written(tmp_path / "a.json", json.dumps([TAU]) + "x")
    assert len(imported(path, format="tau-bench")) == 1
    at = len(json.dumps([TAU]))
    why = f"more text after the end of the JSON, at byte {at}"
    assert refusals(path, format="tau-bench") == [("a.json", "file", why)]


def test_a_packed_file_that_is_cut_off_gives_what_is_whole(tmp_path: Path):
    random.seed(1)
    noise = [{**TAU, "info": {"noise": random.randbytes(50_000).hex()}} for _ in range(6)]
    packed = gzip.compress(json.dumps(noise).encode())
    path = tmp_path / "a.json.gz"
    path.write_bytes(packed[: len(packed) // 2])
    records = list(read(path))
    places = [item.position for item in records if isinstance(item, Imported)]
    assert places == ["record 0", "record 1"]
    why = "the file cannot be read further: Compressed file ended before the end-of-stream marker was reached"
    assert refusals(path) == [("a.json.gz", "record 2", why)]


def test_a_packed_file_with_a_damaged_block_is_refused_from_there(tmp_path: Path):
    packed = bytearray(gzip.compress(json.dumps([TAU] * 2000).encode(), mtime=0))
    packed[-6] ^= 0xFF  # the checksum
    path = tmp_path / "a.json.gz"
    path.write_bytes(packed)
    records = list(read(path))
    assert sum(isinstance(item, Imported) for item in records) == 2000
    ((_, where, why),) = refusals(path)
    assert (where, why.startswith("the file cannot be read further: CRC check failed")) == ("file", True)


def test_a_bomb_is_refused_after_a_bounded_number_of_bytes(tmp_path: Path):
    path = tmp_path / "a.json.gz"
    with gzip.open(path, "wb") as file:
        file.write(b'[{"task_id": 1, "traj": [], "pad": "')
        for _ in range(160):
            file.write(b" " * (1 << 20))
    ((file_name, where, why),) = refusals(path)
    assert (file_name, where) == ("a.json.gz", "record 0") or where == "file"
    assert "refused as a bomb" in why


def test_a_tool_result_of_ten_megabytes_is_read(tmp_path: Path):
    result = "x" * 10_000_000
    talk = [
        {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "dump", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": result},
    ]
    (record,) = imported(written(tmp_path / "a.jsonl", json.dumps(talk) + "\n"))
    tool = next(span for span in record.spans if span.attributes.get(semconv.OPERATION) == semconv.EXECUTE_TOOL)
    assert tool.attributes[semconv.TOOL_RESULT] == result
    kept = json.dumps(record.spans[0].attributes[semconv.IMPORT_RECORD])
    assert len(kept) < 1000  # the long text is stored once, in the span


# --- archives that cannot be read


def test_a_broken_archive_is_refused(tmp_path: Path):
    whole = archive(tmp_path / "a.eval", {"header.json": LOG, "samples/1_epoch_1.json": SAMPLE}).read_bytes()
    path = tmp_path / "b.eval"
    path.write_bytes(whole[: len(whole) // 2])
    assert refusals(path) == [("b.eval", "file", f"of no known format: a zip archive with nothing in it. {KNOWN}")]
    why = "not a zip archive that can be read: File is not a zip file"
    assert refusals(path, format="inspect") == [("b.eval", "file", why)]


def test_broken_members_are_refused_by_name_and_the_others_are_read(tmp_path: Path):
    members = {
        "header.json": LOG | {"samples": None},
        "samples/1_epoch_1.json": SAMPLE,
        "samples/2_epoch_1.json": b'{"id": 2',
        "samples/3_epoch_1.json": {**SAMPLE, "id": True},
        "samples/4_epoch_1.json": b" " * ((128 << 20) + 1),
        "samples/5_epoch_1.json": SAMPLE,
    }
    path = archive(tmp_path / "a.eval", members, compresslevel=1)
    assert [item.position for item in imported(path)] == ["samples/1_epoch_1.json", "samples/5_epoch_1.json"]
    assert [(where, why) for _, where, why in refusals(path)] == [
        ("samples/2_epoch_1.json", "not JSON: Expecting ',' delimiter at character 8 of it"),
        ("samples/3_epoch_1.json", "id must be text or a whole number, not True (bool)"),
        ("samples/4_epoch_1.json", "larger than 134,217,728 bytes"),
    ]


def test_a_damaged_member_is_refused(tmp_path: Path):
    path = archive(tmp_path / "a.eval", {"header.json": LOG | {"samples": None}, "samples/1_epoch_1.json": SAMPLE})
    data = bytearray(path.read_bytes())
    start = data.index(b"samples/1_epoch_1.json") + len("samples/1_epoch_1.json")
    data[start + 10 : start + 20] = bytes(10)
    path.write_bytes(data)
    ((_, where, why),) = refusals(path)
    assert (where, why.startswith("cannot be unpacked: ")) == ("samples/1_epoch_1.json", True)


def test_a_member_packed_with_zstd_names_the_extra_where_nothing_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if sys.version_info >= (3, 14):
        pytest.skip("this Python reads zstd")
    from backports.zstd import zipfile as zstd

    path = tmp_path / "a.eval"
    with zstd.ZipFile(path, "w", zstd.ZIP_ZSTANDARD) as packed:
        packed.writestr("header.json", json.dumps(LOG | {"samples": None}))
        packed.writestr("samples/7_epoch_2.json", json.dumps(SAMPLE))
    assert [item.position for item in imported(path)] == ["samples/7_epoch_2.json"]
    assert refusals(path) == []
    monkeypatch.setitem(sys.modules, "backports.zstd.zipfile", None)
    why = "it is packed with zstd, which this Python cannot read: install agenteval[zstd], or use Python 3.14"
    assert refusals(path) == [("a.eval", "header.json", why), ("a.eval", "samples/7_epoch_2.json", why)]


# --- what every record carries


def every_kind(folder: Path) -> list[Path]:
    return [
        written(folder / "tau.json", [TAU, {**TAU, "trial": 2}]),
        written(folder / "tau2.json", TAU2),
        written(folder / "log.json", LOG),
        written(folder / "talk.jsonl", json.dumps(TALK) + "\n" + json.dumps({"messages": TALK}) + "\n"),
    ]


def test_reading_twice_gives_identical_records_and_every_id_once(tmp_path: Path):
    seen: set[tuple[str, str]] = set()
    for path in every_kind(tmp_path):
        first: list[Record] = list(read(path))
        again = list(read(path))
        assert [item for item in first if isinstance(item, (Imported, FileHeader))] == again
        for record in again:
            for span in record.spans if isinstance(record, Imported) else ():
                assert re.fullmatch("[0-9a-f]{32}", span.trace_id)
                assert re.fullmatch("[0-9a-f]{16}", span.span_id)
                assert (span.trace_id, span.span_id) not in seen
                seen.add((span.trace_id, span.span_id))


def test_the_root_says_where_a_record_came_from_and_counts_its_spans(tmp_path: Path):
    path = written(tmp_path / "gpt-5.1.tau.json", [TAU])
    (record,) = imported(path)
    root = record.spans[0]
    import hashlib

    assert {key: value for key, value in root.attributes.items() if key != semconv.IMPORT_RECORD} == {
        semconv.SOURCE: "import:tau-bench",
        semconv.IMPORT_FILE: "gpt-5.1.tau.json",
        semconv.IMPORT_SHA256: hashlib.sha256(path.read_bytes()).hexdigest(),
        semconv.IMPORT_POSITION: "record 0",
        semconv.CONVERSATION_ID: root.trace_id,
        semconv.SCENARIO: "3",
        semconv.SCENARIO_HASH: record.trial.scenario_hash,
        semconv.AGENT: "gpt-5.1.tau",
        semconv.REPEAT: 1,
        semconv.SPANS_STARTED: len(record.spans),
        semconv.SPANS_ENDED: len(record.spans),
        semconv.SYNTHETIC_TIME: True,
        semconv.END_REASON: "limit",
    }
    assert root.parent_id is None
    assert {span.trace_id for span in record.spans} == {root.trace_id}
    assert all(span.parent_id is not None for span in record.spans[1:])


def test_the_hash_is_of_the_file_as_it_lies_there(tmp_path: Path):
    import hashlib

    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(json.dumps([TAU]).encode()))
    (record,) = imported(path)
    assert record.spans[0].attributes[semconv.IMPORT_SHA256] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_copy_under_another_name_is_another_import(tmp_path: Path):
    one = imported(written(tmp_path / "a.json", [TAU]))
    other = imported(written(tmp_path / "b.json", [TAU]))
    assert one[0].spans[0].trace_id != other[0].spans[0].trace_id
    assert (one[0].trial.agent, other[0].trial.agent) == ("a", "b")


@pytest.mark.parametrize(("levels", "read_whole"), [(97, True), (98, False)])
def test_a_record_may_be_nested_a_hundred_levels_deep(tmp_path: Path, levels: int, read_whole: bool):
    # the record, its `info` and the lists in it: 100 levels of 100 are read, and not one more
    record = json.dumps(TAU).replace('"reward_info": null', f'"more": {"[" * (levels + 1)}{"]" * (levels + 1)}')
    path = written(tmp_path / "a.json", f"[{record}, {json.dumps(TAU)}]")
    assert len(imported(path)) == 1 + read_whole
    assert refusals(path) == ([] if read_whole else [("a.json", "record 0", "nested deeper than 100 levels")])
