"""A run that is killed or interrupted at any moment loses no finished trial, and resuming carries out what is missing."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agenteval import open_store
from agenteval.core.ports import Query

TRIALS = 30


def counted(counts: dict[str, int]) -> dict[str, int]:
    """Counts without the zeros that a report lists."""
    return {name: count for name, count in counts.items() if count}


def started(project: Path) -> subprocess.Popen[str]:
    arguments = ["run", "./till", "--agent", "slow", "--trials", str(TRIALS), "--concurrency", "2", "--verbose"]
    return subprocess.Popen(
        [sys.executable, "-m", "agenteval", *arguments],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def acknowledged(lines: list[str]) -> set[tuple[str, int]]:
    """Trials that the run said were finished."""
    found = [re.match(r"pass\s+slow\s+(\S+) #(\d+)", line) for line in lines]
    return {(match[1], int(match[2])) for match in found if match}


def stored(project: Path) -> set[tuple[str, int]]:
    store = open_store(str(project / ".agenteval" / "store.db"))
    run = store.run("latest")
    trials = {(trial.scenario, trial.repeat) for trial in store.trials(Query(run=run.id))}
    store.close()
    return trials


@pytest.mark.parametrize("wait", [random.Random(n).uniform(0.0, 1.2) for n in range(4)])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_no_finished_trial_is_lost(project: Path, answer: Callable[..., Any], wait: float, how: signal.Signals) -> None:
    process = started(project)
    assert process.stderr is not None
    lines = [process.stderr.readline()]  # one trial is finished: from here on, any moment will do
    time.sleep(wait)
    process.send_signal(how)
    out, rest = process.communicate()
    lines += rest.splitlines()
    finished = acknowledged(lines)
    assert finished, out
    assert finished <= stored(project)
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "agenteval run --resume" in rest
    before = stored(project)
    document = answer("run", "--resume")
    assert document["summary"]["already_there"] == len(before)
    assert document["summary"]["carried_out"] == 2 * TRIALS - len(before)
    report = document["report"]
    assert report["trials_total"] == 2 * TRIALS
    assert counted(report["statuses"]) == {"completed": 2 * TRIALS}
    assert report["pass_rate"]["estimate"] == 1.0
    again = answer("run", "--resume")
    assert again["summary"]["carried_out"] == 0


def test_a_changed_suite_is_not_resumed(project: Path, command: Callable[..., Any], answer: Callable[..., Any]) -> None:
    answer("run", "./till", "--agent", "adder")
    file = project / "till" / "any.yaml"
    file.write_text(file.read_text().replace("add: 1", "add: 2"))
    done = command("run", "--resume")
    assert done.returncode == 2
    assert "has changed since it began" in done.stderr


def test_invalid_trials_are_run_again_on_resume(project: Path, answer: Callable[..., Any]) -> None:
    document = answer("run", "./till", "--agent", "till/agents.py:arsonist", "--retries", "0", code=3)
    assert counted(document["report"]["statuses"]) == {"invalid": 2}
    agents = project / "till" / "agents.py"
    agents.write_text(agents.read_text().replace('call("burn", {})', 'call("add", {"by": 3})'))
    resumed = answer("run", "--resume")
    assert resumed["summary"]["carried_out"] == 2
    assert counted(resumed["report"]["statuses"]) == {"completed": 2}
