"""A process that is killed while it writes loses nothing that it was told was stored."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agenteval.core.ports import Query
from agenteval.store import open_store

EACH = 7

WRITE = """
import sys
from agenteval.core.outcome import Score, Trial
from agenteval.core.span import Span
from agenteval.core.trajectory import Trajectory
from agenteval.store import open_store
name, first, each = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
store = open_store(name, assembler="1")
for batch in range(first, 10**9):
    trace_id = f"{batch:032x}"
    said = [{"role": "user", "parts": [{"type": "text", "content": f"{batch} {n} " * 60}]} for n in range(each)]
    with store.batch():
        store.append([
            Span(trace_id=trace_id, span_id=f"{n:016x}", name="chat", start_ns=n, end_ns=n,
                 attributes={"gen_ai.input.messages": said[: n + 1]})
            for n in range(each)
        ])
        store.put_trial(
            Trial(run="r", scenario="s", scenario_hash="h", agent="a", repeat=batch, seed=0, status="completed",
                  trajectory=trace_id),
            Trajectory(id=trace_id),
        )
        store.record("r", trace_id, (), Score(status="scored", passed=True))
    print(batch, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL")
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_every_acknowledged_transaction_survives_being_killed(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    name = str(tmp_path / "store.db") if kind == "sqlite" else request.getfixturevalue("postgres")()
    chance = random.Random(20261124)
    first = 0
    for _ in range(6):
        writing = subprocess.Popen(
            [sys.executable, "-c", WRITE, name, str(first), str(EACH)], stdout=subprocess.PIPE, text=True
        )
        wanted = first + chance.randint(1, 60)
        acknowledged = first - 1
        while acknowledged < wanted:
            line = writing.stdout.readline()
            assert line, "the writer ended by itself"
            acknowledged = int(line)
        time.sleep(chance.random() * 0.02)
        writing.send_signal(signal.SIGKILL)
        rest, _ = writing.communicate()
        # the kill may cut the last line short; a line that is whole was acknowledged
        acknowledged = max([acknowledged, *(int(line) for line in rest.split("\n")[:-1])])
        first = survived(name, acknowledged)
    assert first > 6
    if kind == "sqlite":
        other = sqlite3.connect(name)
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        other.close()


def survived(name: str, acknowledged: int) -> int:
    """Check the store; gives the number of the first batch that it does not hold."""
    store = open_store(name, assembler="1")
    outcomes = list(store.outcomes("r"))
    held = len(outcomes)
    # a transaction whose answer was lost may be there, whole
    assert acknowledged + 1 <= held <= acknowledged + 2
    assert [trial.repeat for trial, _ in outcomes] == list(range(held))
    assert [trial.repeat for trial, _ in store.trajectories(Query(run="r"))] == list(range(held))
    spans, _ = store.read([f"{batch:032x}" for batch in range(held)])
    assert len(spans) == held * EACH
    for span in spans:
        said = span.attributes["gen_ai.input.messages"]
        assert len(said) == span.start_ns + 1
        assert said[-1]["parts"][0]["content"].startswith(f"{int(span.trace_id, 16)} {span.start_ns} ")
    assert store.read([f"{held:032x}"]) == ([], [])
    store.close()
    return held
