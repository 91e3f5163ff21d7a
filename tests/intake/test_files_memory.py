"""Memory is flat in the number of records: a file ten times as long takes no more of it."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agenteval.intake.files import Imported, read

MEGABYTE = 1 << 20

PEAK = """
import re, sys
from pathlib import Path
from agenteval.intake.files import Imported, read
print(sum(isinstance(record, Imported) for record in read(Path(sys.argv[1]))))
# not ru_maxrss: that one begins with what the process had before it became this program
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def repeated(path: Path, records: list[Any], times: int) -> Path:
    """A JSON list of the records, again and again."""
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        for number in range(times):
            file.write(f"{',' * bool(number)}{json.dumps(records[number % len(records)])}")
        file.write("]")
    return path


def peak_of(path: Path) -> tuple[int, float]:
    """Records read, and megabytes of memory at most, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True)
    count, kilobytes = map(int, done.stdout.split())
    return count, kilobytes / 1024


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads its peak of memory where Linux keeps it")
def test_a_tau_bench_file_of_5000_records_takes_the_memory_of_500(shared: Path, tmp_path: Path):
    records = json.loads((shared / "data/tau_bench/gpt-4o-airline.json").read_bytes())
    short = repeated(tmp_path / "short.json", records, 500)
    long = repeated(tmp_path / "long.json", records, 5000)
    assert long.stat().st_size > 80 * MEGABYTE
    few, few_megabytes = peak_of(short)
    many, many_megabytes = peak_of(long)
    assert (few, many) == (500, 5000)
    assert many_megabytes < few_megabytes + 8


def traced(records: Iterator[Any]) -> tuple[int, float]:
    """Records read, and megabytes allocated at most while they were."""
    tracemalloc.start()
    try:
        count = sum(isinstance(record, Imported) for record in records)
        return count, tracemalloc.get_traced_memory()[1] / MEGABYTE
    finally:
        tracemalloc.stop()


TALK = [{"role": "user", "content": "Hello " * 2000}, {"role": "assistant", "content": "Hi " * 2000}]


def long_lines(folder: Path, count: int) -> Path:
    path = folder / f"lines-{count}"
    path.write_text("".join(json.dumps({"id": number, "messages": TALK}) + "\n" for number in range(count)))
    return path


def long_run(folder: Path, count: int) -> Path:
    """The head comes last, so that it is looked for through the whole file."""
    simulation = {"task_id": "a", "trial": 0, "termination_reason": "user_stop", "messages": TALK}
    path = folder / f"run-{count}.gz"
    with gzip.open(path, "wt") as file:
        file.write('{"simulations": [' + ",".join([json.dumps(simulation)] * count) + '], "tasks": [], "info": {}}')
    return path


def long_log(folder: Path, count: int) -> Path:
    path = folder / f"log-{count}"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", json.dumps({"eval": {"model": "m"}}))
        for number in range(count):
            sample = {"id": number, "epoch": 1, "input": "Hello", "target": "", "messages": TALK}
            archive.writestr(f"samples/{number}_epoch_1.json", json.dumps(sample))
    return path


@pytest.mark.parametrize("make", [long_lines, long_run, long_log])
def test_every_format_streams(tmp_path: Path, make: Any):
    few, few_megabytes = traced(read(make(tmp_path, 150)))
    many, many_megabytes = traced(read(make(tmp_path, 1500)))
    assert (few, many) == (150, 1500)
    # all of it would be 35 MB; an archive's directory grows by half a kilobyte a member
    assert many_megabytes < few_megabytes + 2


def test_a_record_that_is_too_large_is_refused_without_being_held(tmp_path: Path):
    path = tmp_path / "a.json"
    with path.open("w", encoding="utf-8") as file:
        file.write('[{"id": 0, "messages": []}, {"id": 1, "messages": ["')
        for _ in range(300):
            file.write("x" * MEGABYTE)
        file.write('"]}, {"id": 2, "messages": []}]')
    tracemalloc.start()
    try:
        records = list(read(path))
        peak = tracemalloc.get_traced_memory()[1] / MEGABYTE
    finally:
        tracemalloc.stop()
    assert [getattr(record, "position", None) or str(record) for record in records] == [
        "record 0",
        "a.json: record 1: larger than 134,217,728 bytes",
        "record 2",
    ]
    assert peak < 200
