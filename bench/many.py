"""1,000 trials of 50 steps at once, no latency anywhere: wall time, lag of the event loop, and memory.

The work is CPU of one process, so the ideal is what the same trials cost one after the other, a trial at a time. Each
setting runs in a process of its own, so that resident memory is its own: it must follow the number of trials at work,
not the number that are planned. Everything is captured, stored (SQLite) and checked.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from agenteval import FunctionAgent, Limits, open_store
from agenteval.core.message import text_message
from agenteval.core.model import ModelRequest
from agenteval.core.outcome import Run
from agenteval.core.ports import Query
from agenteval.experiment.run import AgentSpec, RunPlan, carry_out
from bench._fixtures import CHECKS, Slow, suite

ROUNDS = 16  # a model call, its answer and a tool call each; with the task and the last answer, 50 steps
SETTINGS = ((250, 1), (1000, 1000), (1000, 100), (4000, 100))


async def agent(session: Any) -> None:
    """Ask the model and look at the shelf, in turn, then answer."""
    history = [text_message("user", session.opening)]
    for number in range(ROUNDS):
        answer = await session.model.complete(ModelRequest(messages=tuple(history)))
        history.append(answer.message)
        await session.call("look", {"n": number})
    await session.say("done")


async def lag(samples: list[float]) -> None:
    """How much later than asked the loop comes round, every 10 ms."""
    while True:
        asked = time.perf_counter()
        await asyncio.sleep(0.01)
        samples.append(time.perf_counter() - asked - 0.01)


async def measure(planned: int, at_once: int) -> dict[str, float]:
    """Run one setting in this process."""
    chosen = replace(suite(CHECKS), scenarios=(replace(suite(CHECKS).scenarios[0], limits=Limits()),))
    run = Run(id="20260101-000000-bench0", kind="execution", created_at="2026-01-01T00:00:00+00:00", suite="bench")
    plan = RunPlan(
        run=run,
        suite=chosen,
        agents=(AgentSpec(name="asker", ref="asker", agent=FunctionAgent(agent)),),
        trials=planned,
        concurrency=at_once,
        model=Slow(0),
    )
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(str(Path(folder) / "store.db"))
        samples: list[float] = []
        sampler = asyncio.create_task(lag(samples))
        began = time.perf_counter()
        summary = await carry_out(plan, store)
        wall = time.perf_counter() - began
        sampler.cancel()
        _, trajectory = next(iter(store.trajectories(Query(run=run.id))))
        store.close()
    assert summary.statuses == {"completed": planned}, summary.statuses
    samples.sort()
    return {
        "wall_s": wall,
        "lag_p99_s": samples[int(len(samples) * 0.99)],
        "lag_max_s": samples[-1],
        "resident_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "steps": len(trajectory.steps),
    }


def main() -> None:
    """Measure every setting in a process of its own, and print."""
    found: dict[tuple[int, int], dict[str, float]] = {}
    for planned, at_once in SETTINGS:
        command = [sys.executable, "-m", "bench.many", str(planned), str(at_once)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found[planned, at_once] = json.loads(done.stdout)
    alone = found[SETTINGS[0]]["wall_s"] / SETTINGS[0][0]
    print(f"one trial after the other: {alone * 1000:.1f} ms a trial of {found[SETTINGS[0]]['steps']:.0f} steps")
    for (planned, at_once), figures in found.items():
        ratio = figures["wall_s"] / (alone * planned)
        print(
            f"{planned} trials, {at_once} at once: wall {figures['wall_s']:.1f} s, {ratio:.2f} of the ideal; "
            f"lag p99 {figures['lag_p99_s'] * 1000:.0f} ms, most {figures['lag_max_s'] * 1000:.0f} ms; "
            f"resident {figures['resident_mb']:.0f} MB"
        )
    least, most = found[1000, 100]["resident_mb"], found[4000, 100]["resident_mb"]
    print(f"four times the plan, as many at work: {most / least:.2f} times the memory")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(asyncio.run(measure(int(sys.argv[1]), int(sys.argv[2])))))
    else:
        main()
