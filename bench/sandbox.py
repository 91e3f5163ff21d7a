"""What bubblewrap costs: a command in a sandbox beside a plain subprocess, and a thousand trials with a sandbox each.

Then a run of trials is killed with `kill -9`, and what is left of its sandboxes is counted: at once, and after the next
sandbox was started.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, ClassVar

from agenteval import Scenario, Suite, WorldRef, open_store, parse_checks, run_async
from agenteval.sandbox import bubblewrap
from agenteval.world import ShellWorld

ROUNDS = 300
TRIALS = 1000
KILLED_AFTER = 100  # trials that are finished


class Shelf(ShellWorld):
    """Three files."""

    files: ClassVar = {"a.txt": "1\n", "b.txt": "2\n", "folder/c.txt": "3\n"}


def suite() -> Suite:
    """One scenario of three calls."""
    world = WorldRef(ref="Shelf", digest="1", make=Shelf)
    checks = parse_checks([{"state": {'files["sum.txt"]': "6\n"}}, {"only_changes": ['files["sum.txt"]']}])
    return Suite(id="bench", scenarios=(Scenario(id="bench/sum", task="Sum up.", world=world, checks=checks),))


async def agent(session: Any) -> None:
    """Looks, writes, looks again."""
    await session.call("run", {"command": "ls -R"})
    await session.call("run", {"command": "cat *.txt folder/*.txt | awk '{ s += $1 } END { print s }' > sum.txt"})
    await session.call("read_file", {"path": "sum.txt"})


async def plain() -> float:
    """Milliseconds that `true` takes as a subprocess of this event loop, output taken."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        "true", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    await process.communicate()
    return (time.perf_counter() - began) * 1e3


async def one_command() -> None:
    """Alternate, so that both see the same machine."""
    began = time.perf_counter()
    async with bubblewrap() as sandbox:
        started = (time.perf_counter() - began) * 1e3
        figures: dict[str, list[float]] = {"plain": [], "sandboxed": []}
        for _ in range(ROUNDS):
            figures["plain"].append(await plain())
            began = time.perf_counter()
            done = await sandbox.exec(["true"])
            figures["sandboxed"].append((time.perf_counter() - began) * 1e3)
            assert done.exit_code == 0, done
    medians = {name: statistics.median(values) for name, values in figures.items()}
    print(f"starting a sandbox            {started:7.1f} ms")
    print(f"`true`, plain subprocess      {medians['plain']:7.2f} ms")
    print(f"`true`, in the sandbox        {medians['sandboxed']:7.2f} ms, in one that is open")
    print(f"more                          {medians['sandboxed'] - medians['plain']:7.2f} ms   (at most 15)")


def left_over(pid: int) -> dict[str, int]:
    """What is left of the sandboxes of a process, by kind."""
    mark = f".{pid}."
    registry = Path(tempfile.gettempdir()) / f"agenteval-{os.getuid()}"
    entries = [path for path in registry.iterdir() if mark in path.name] if registry.is_dir() else []
    groups = [folder for folder, _, _ in os.walk("/sys/fs/cgroup") if mark in Path(folder).name]
    mounts = [
        line for line in Path("/proc/mounts").read_text().splitlines() if "agenteval" in line or "/workspace" in line
    ]
    return {"processes": inside(pid), "mounts": len(mounts), "control groups": len(groups), "folders": len(entries)}


def inside(pid: int) -> int:
    """Processes of the sandboxes of a process: those that run `inside.py` below it, or below nobody any more."""
    found = 0
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and b"/run/agenteval/inside.py" in (entry / "cmdline").read_bytes():
                found += int(b"agenteval-" in (entry / "cgroup").read_bytes() or pid == os.getpid())
        except OSError:
            continue
    return found


async def many_trials() -> None:
    """A thousand, eight at once."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(str(Path(folder) / "store.db"))
        began, cpu = time.perf_counter(), time.process_time()
        result = await run_async(suite(), agent, trials=TRIALS, store=store)
        took, spent = time.perf_counter() - began, time.process_time() - cpu
        store.close()
    statuses = {trial.status for trial, _ in result.outcomes}
    assert statuses == {"completed"}, statuses
    assert all(score.passed for _, score in result.outcomes)
    print(f"{TRIALS} trials, a sandbox each   {took:7.1f} s, {took / TRIALS * 1e3:.0f} ms each, 8 at once, three calls")
    print(f"CPU of the harness in it      {spent / TRIALS * 1e3:7.2f} ms a trial")
    print(f"left when they are done       {_told(left_over(os.getpid()))}")


def killed() -> None:
    """Kill a run, and look for what is left of it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench.sandbox", str(Path(folder) / "store.db")]
        run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert run.stdout is not None
        for _ in range(KILLED_AFTER):
            run.stdout.readline()
        run.kill()
        run.wait()
        run.stdout.close()
        began = time.perf_counter()
        at_once = left_over(run.pid)
        while left_over(run.pid)["processes"]:
            time.sleep(0.001)
        gone = (time.perf_counter() - began) * 1e3
        asyncio.run(_start_one())
    print(f"after kill -9, at once        {_told(at_once)}; no process {gone:.0f} ms later")
    print(f"after the next start          {_told(left_over(run.pid))}   (nothing)")


async def _start_one() -> None:
    async with bubblewrap():
        pass


def _told(left: dict[str, int]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in left.items())


def main() -> None:
    """Measure and print."""
    asyncio.run(one_command())
    asyncio.run(many_trials())
    killed()


async def _until_killed(store: str) -> None:
    while True:
        await run_async(suite(), _counted, trials=TRIALS, store=store)


async def _counted(session: Any) -> None:
    await agent(session)
    print("one more", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(_until_killed(sys.argv[1]))
    else:
        main()
