"""Scoring stored trajectories with five checks, reading included, writing findings apart.

Yardstick: reading the same kept trajectories from the store, unpacking and orjson-decoding them, in the same run.
Data: the file that AGENTEVAL_BENCH_TAU names (tau-bench's gpt-4o-airline.json), else ../shared/data, repeated to 5,000.
Also printed: growth with the number of trajectories and with the number of steps, and memory.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import tempfile
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

from agenteval import assemble, open_store, parse_checks
from agenteval.core.outcome import Run, Trial
from agenteval.core.ports import Query
from agenteval.core.trajectory import Trajectory
from agenteval.experiment.scoring import judge_all
from agenteval.intake.checkfiles import CheckFile
from agenteval.intake.files import Imported, read

ROUNDS = 5
KNOWN = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "tau_bench" / "gpt-4o-airline.json"
CHECKS = CheckFile(
    checks=parse_checks(
        [
            {"calls": ["get_user_details", "get_reservation_details"]},
            {"at_most": {"of": "cancel_reservation", "n": 1, "per": "reservation_id"}},
            {"never": "book_reservation", "before": "get_user_details"},
            {"no_errors": {}},
            {"budget": {"calls": 12}, "as": "metric"},
        ]
    ),
    where=Query(),
    digest="bench",
)


def trajectories() -> list[Trajectory]:
    """The file's trajectories."""
    path = Path(os.environ.get("AGENTEVAL_BENCH_TAU", KNOWN))
    if not path.exists():
        sys.exit(f"no data at {path}: name tau-bench's gpt-4o-airline.json with AGENTEVAL_BENCH_TAU")
    return [assemble(record.spans)[0] for record in read(path) if isinstance(record, Imported)]


def fill(path: Path, source: list[Trajectory], count: int) -> Any:
    """A store of so many trajectories, repeating the source."""
    store = open_store(str(path))
    store.put_run(Run(id="bench", kind="import", created_at="2026-01-01T00:00:00+00:00"))
    store.put_trials(
        (
            Trial(
                run="bench",
                scenario=str(n),
                scenario_hash=f"{n:064x}",
                agent="bench",
                repeat=0,
                seed=0,
                status="completed",
                trajectory=f"{n:032x}",
            ),
            replace(source[n % len(source)], id=f"{n:032x}"),
            None,
        )
        for n in range(count)
    )
    return store


def yardstick(path: Path) -> float:
    """Seconds to read, unpack and decode every kept trajectory with sqlite3, zlib and orjson."""
    import sqlite3

    import orjson

    from agenteval.store.pack import unsqueeze

    began = time.process_time()
    connection = sqlite3.connect(path)
    for (data,) in connection.execute("SELECT data FROM trajectory ORDER BY id"):
        orjson.loads(unsqueeze(data))
    connection.close()
    return time.process_time() - began


def ours(store: Any) -> float:
    """Seconds to read and judge every trajectory."""
    began = time.process_time()
    for _ in judge_all(store, Query(run="bench"), CHECKS):
        pass
    return time.process_time() - began


def measured(source: list[Trajectory], count: int, folder: str) -> tuple[float, float]:
    """Median seconds of both, taken in turn."""
    path = Path(folder) / f"{count}-{len(source[0].steps)}.db"
    store = fill(path, source, count)
    pairs = [(yardstick(path), ours(store)) for _ in range(ROUNDS)]
    tracemalloc.start()
    ours(store)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    store.close()
    base, spent = statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)
    ratio = statistics.median(b / a for a, b in pairs)
    steps = sum(len(source[n % len(source)].steps) for n in range(count)) / count
    print(
        f"{count:6} trajectories of {steps:5.1f} steps: read and decode {base / count * 1e6:6.1f} us, "
        f"with five checks {spent / count * 1e6:6.1f} us each, ratio {ratio:.2f}, peak {peak / 1e6:.1f} MB"
    )
    return base, spent


def main() -> None:
    """Measure and print."""
    source = trajectories()
    with tempfile.TemporaryDirectory() as folder:
        for count in (500, 5000):
            measured(source, count, folder)
        for times in (2, 4):
            longer = [replace(t, steps=tuple(t.steps) * times) for t in source]
            measured(longer, 1000, folder)
    print("(at most 3; memory flat in their number; growth near linear)")
    print(f"peak resident memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")


if __name__ == "__main__":
    main()
