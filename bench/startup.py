"""What a user waits for: `agenteval --help`, and the first verdict of a warm `agenteval demo`.

Yardsticks: a fresh interpreter that imports pydantic's BaseModel, and one that imports LangGraph, which the agents of
the demo are made with. Modules are compiled first, the demo has run once before, and all are taken in turn. Wall time
is what a user sees, and grows with whatever else the machine does; processor time tells what the waiting is for.
"""

from __future__ import annotations

import compileall
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import agenteval

ROUNDS = 11
COMMANDS = {
    "import pydantic, BaseModel": ("-c", "import pydantic; pydantic.BaseModel"),
    "import langgraph.prebuilt": ("-c", "import langgraph.prebuilt"),
    "agenteval --help": ("-m", "agenteval", "--help"),
    "agenteval demo, first verdict": ("-m", "agenteval", "demo"),
}
PYDANTIC, LANGGRAPH, HELP, DEMO = COMMANDS
_VERDICTS = ("pass ", "FAIL ")

Times = tuple[float, float]


def taken(name: str, folder: str) -> Times:
    """Seconds on the wall and of the processor: of the whole process, and of a demo until its first verdict."""
    command = (sys.executable, *COMMANDS[name])
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        seen = until_verdict(process.stderr) if name == DEMO else not process.stderr.read()
        wall = time.perf_counter() - began
        if name == DEMO:
            process.kill()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert seen, f"{name} did not say what was expected"
    return wall, used.ru_utime + used.ru_stime


def until_verdict(lines: Iterable[str]) -> bool:
    """Read until a line is a verdict."""
    return any(line.startswith(_VERDICTS) for line in lines)


def main() -> None:
    """Measure and print."""
    assert compileall.compile_dir(Path(agenteval.__file__).parent, quiet=1)
    found: dict[str, list[Times]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        taken(DEMO, folder)
        for _ in range(ROUNDS):
            for name, times in found.items():
                times.append(taken(name, folder))
    for name, times in found.items():
        wall, cpu = ([pair[place] for pair in times] for place in (0, 1))
        print(
            f"{name:30} {statistics.median(wall):5.2f} s wall, fastest {min(wall):.2f} s; "
            f"{statistics.median(cpu):.2f} s processor"
        )
    for kind, place in (("wall", 0), ("processor", 1)):
        pairs = [[found[name][n][place] for name in (PYDANTIC, HELP, DEMO)] for n in range(ROUNDS)]
        ratio = statistics.median(help_ / pydantic for pydantic, help_, _ in pairs)
        later = statistics.median(demo - help_ for _, help_, demo in pairs)
        print(f"{kind}: --help against pydantic {ratio:.2f} (at most 3); first verdict {later:.2f} s later (about 1)")


if __name__ == "__main__":
    main()
