"""The sandbox from the command line: who makes it, what is said of it, and what happens where there is none."""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

import agenteval
from agenteval.core import semconv
from agenteval.core.ports import Query
from agenteval.core.sandbox import WARNING
from agenteval.errors import SandboxError
from agenteval.sandbox import local

Command = Callable[..., subprocess.CompletedProcess[str]]

FILES = {
    "shelf/suite.yaml": """\
suite: shelf
claims: [Writes files]
does_not_claim: [Anything else]
defaults: {world: ./world.py:Shelf}
agents: {writer: ./agents.py:writer, own_hands: ./agents.py:own_hands}
""",
    "shelf/world.py": """\
from agenteval.world import ShellWorld


class Shelf(ShellWorld):
    files = {"list": "one\\n"}
""",
    "shelf/agents.py": """\
async def writer(session):
    await session.call("run", {"command": "echo two >> list"})
    await session.say("Done.")


async def own_hands(session):
    await session.sandbox.exec("echo two >> list")
    await session.say("Done.")
""",
    "shelf/two.yaml": """\
scenario: shelf/two
task: Add a line to the list.
checks:
  - {state: {files.list: "one\\ntwo\\n"}, id: both}
  - {only_changes: [files.list], id: nothing-else}
""",
    "shelf/solutions/two.yaml": """\
solution: shelf/two
steps:
  - call: {run: {command: echo two >> list}}
  - say: Done.
""",
    "shelf/solutions/bad-two-elsewhere.yaml": """\
solution: shelf/two
steps:
  - call: {run: {command: echo two > other}}
fails: [both, nothing-else]
""",
    "boxes.py": """\
from agenteval.sandbox import SandboxLimits, local

count = 0


def small():
    return local(SandboxLimits(seconds=5))


not_one = 7
""",
}


@pytest.fixture
def shelf(project: Path) -> Path:
    for name, text in FILES.items():
        file = project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return project


@pytest.fixture
def bwrap() -> None:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed: apt-get install bubblewrap")


@pytest.mark.usefixtures("bwrap", "shelf")
def test_a_run_is_isolated_unless_it_is_told_otherwise(command: Command) -> None:
    done = command("run", "./shelf", "--agent", "writer", "--agent", "own_hands", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)["report"]
    assert (report["notices"], report["run"]["settings"]["sandbox"]) == ([], "bubblewrap")
    assert [trial["conclusion"] for trial in report["trials"]] == ["passed", "passed"]
    assert "NO ISOLATION" not in done.stderr
    proven = command("verify", "./shelf")
    assert (proven.returncode, "1 of 1 scenarios proven" in proven.stdout) == (0, True), proven.stdout


@pytest.mark.usefixtures("shelf")
def test_without_isolation_it_is_said_loudly_everywhere(command: Command, shelf: Path) -> None:
    done = command("run", "./shelf", "--agent", "writer", "--sandbox", "local", "--html", "report.html")
    assert done.returncode == 0, done.stderr
    assert WARNING in done.stderr
    flat = " ".join(done.stdout.split())
    assert WARNING in flat
    assert f'<p class="notice" role="alert">{WARNING}</p>' in (shelf / "report.html").read_text(encoding="utf-8")
    report = json.loads(command("report", "--json").stdout)
    assert (report["notices"], report["run"]["settings"]["sandbox"]) == ([WARNING], "local")
    (shelf / "more.yaml").write_text("checks: [{never: {run: {command: {$re: rm}}}}]\n")
    assert WARNING in " ".join(command("score", "--checks", "more.yaml").stdout.split())
    proven = command("verify", "./shelf", "--sandbox", "local")
    assert (proven.returncode, WARNING in proven.stderr) == (0, True)
    store = agenteval.open_store(str(shelf / ".agenteval" / "store.db"))
    [(_, trajectory)] = list(store.trajectories(Query(run=report["run"]["id"])))
    spans, _ = store.read(trajectory.trace_ids)
    store.close()
    assert {span.attributes[semconv.SANDBOX] for span in spans if semconv.SANDBOX in span.attributes} == {
        "local: NO ISOLATION"
    }


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize("verb", [("run", "./shelf", "--agent", "writer"), ("verify", "./shelf")])
def test_without_bubblewrap_nothing_is_begun_and_nothing_else_is_taken(
    command: Command, shelf: Path, verb: tuple[str, ...]
) -> None:
    done = command(*verb, env={"PATH": str(shelf / "empty")})
    assert done.returncode == 3
    assert "apt-get install bubblewrap" in done.stderr
    assert "--sandbox local" in done.stderr
    assert done.stdout == ""
    doctor = command("doctor", env={"PATH": str(shelf / "empty")})
    assert "ok    sandbox: none: bubblewrap (bwrap) is not installed" in doctor.stdout
    assert command("run", "./till", "--agent", "adder", env={"PATH": str(shelf / "empty")}).returncode == 0


@pytest.mark.usefixtures("shelf", "bwrap")
def test_doctor_says_what_isolates(command: Command) -> None:
    assert "sandbox: bubblewrap: no network, own files, own processes, no privileges" in command("doctor").stdout


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("ref", "says"),
    [
        ("bubblewarp", 'there is no sandbox "bubblewarp". Did you mean "bubblewrap"?'),
        ("boxes.py:not_one", "is int, which cannot be called to make one"),
        ("boxes.py:missing", "missing"),
    ],
)
def test_a_provider_that_is_not_there_is_a_wrong_request(command: Command, ref: str, says: str) -> None:
    done = command("run", "./shelf", "--agent", "writer", "--sandbox", ref)
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr


@pytest.mark.usefixtures("shelf")
def test_a_provider_may_be_anybodys(command: Command) -> None:
    done = command("run", "./shelf", "--agent", "writer", "--sandbox", "boxes.py:small", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["report"]["run"]["settings"]["sandbox"] == "boxes.py:small"
    again = command("run", "--resume", "--json")
    assert json.loads(again.stdout)["summary"]["already_there"] == 1


async def writer(session):
    await session.call("run", {"command": "echo two >> list"})


def test_from_python(shelf: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for given in ("local", local, functools.partial(local)):
        result = agenteval.run(shelf / "shelf", writer, sandbox=given, project=shelf)
        assert result.pass_rate().estimate == 1.0
        assert result.run.settings["sandbox"] == ("partial" if given not in {"local", local} else "local")
    with pytest.raises(agenteval.RequestError, match="cannot be called to make one"):
        agenteval.run(shelf / "shelf", writer, sandbox=7, project=shelf)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(SandboxError, match="apt-get install bubblewrap"):
        agenteval.run(shelf / "shelf", writer, project=shelf)


IN_A_LOOP = """
import asyncio, agenteval

async def main():
    print(agenteval.run("./shelf", "shelf/agents.py:writer", sandbox="local").pass_rate().estimate)

asyncio.run(main())
"""


def test_under_a_running_event_loop_too(shelf: Path) -> None:
    done = subprocess.run([sys.executable, "-c", IN_A_LOOP], cwd=shelf, capture_output=True, text=True, check=False)
    assert done.stdout == "1.0\n", done.stderr


def asleep(marker: str) -> list[int]:
    """Pids of the processes that sleep so long."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and f"sleep\0{marker}\0" in (entry / "cmdline").read_text():
                found.append(int(entry.name))
    return found


@pytest.mark.parametrize("sandbox", ["bubblewrap", "local"])
def test_ctrl_c_ends_what_runs_in_the_sandboxes(shelf: Path, sandbox: str) -> None:
    if sandbox == "bubblewrap" and shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed: apt-get install bubblewrap")
    marker = f"1000.{uuid.uuid4().int % 10**18}"
    (shelf / "sleeper.py").write_text(
        f'async def sleeper(session):\n    await session.call("run", {{"command": "setsid sleep {marker} & sleep {marker}",'
        ' "timeout_seconds": 100})\n'
    )
    command = [sys.executable, "-m", "agenteval", "run", "./shelf", "--agent", "sleeper.py:sleeper"]
    run = subprocess.Popen(
        [*command, "--trials", "4", "--sandbox", sandbox], cwd=shelf, stderr=subprocess.PIPE, text=True
    )
    while len(asleep(marker)) < 8:
        assert run.poll() is None, run.communicate()
    run.send_signal(signal.SIGINT)
    _, said = run.communicate()
    assert (run.returncode, asleep(marker)) == (130, [])
    assert "agenteval run --resume" in said
