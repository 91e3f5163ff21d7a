"""The sandbox of a trial: shared by world and agent, recorded, closed whatever happens, and never the agent's fault."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any, Self

import pytest

from agenteval._util.patch import apply
from agenteval.agents.function import FunctionAgent
from agenteval.core import semconv
from agenteval.core.scenario import Limits, Scenario, WorldRef
from agenteval.core.span import Span
from agenteval.core.trajectory import StateChange, ToolCall
from agenteval.errors import SandboxError, ToolError
from agenteval.harness.limits import Budget
from agenteval.harness.sandboxes import MakeSandbox
from agenteval.harness.trial import TrialPlan, TrialResult, run_trial
from agenteval.sandbox import Completed, Isolation, Listing, bubblewrap, local
from agenteval.telemetry.assemble import trajectory_of
from agenteval.world import ShellWorld

FILES = {"notes.txt": "one\n"}


def shell(seed: int) -> ShellWorld:
    return ShellWorld(seed, files=FILES)


async def trial(
    agent: Any, *, make: MakeSandbox, world: Any = shell, limits: Limits | None = None, repeat: int = 0
) -> TrialResult:
    scenario = Scenario(
        id="t/one",
        task="do it",
        world=WorldRef(ref="Shell", digest="1", make=world) if world else None,
        limits=limits or Limits(),
    )
    plan = TrialPlan(
        run="r", scenario=scenario, agent_name="a", agent=FunctionAgent(agent), repeat=repeat, seed=1, sandbox=make
    )
    return await run_trial(plan, budget=Budget())


@pytest.fixture
def make(make_sandbox: Any) -> MakeSandbox:
    """Makes sandboxes of one provider, with their usual limits."""
    return make_sandbox


def spans_named(result: TrialResult, name: str) -> list[Span]:
    return [span for span in result.spans if span.name.startswith(name)]


def end_state(result: TrialResult) -> Any:
    steps = trajectory_of(result.spans).of(StateChange)
    return apply(result.start_state, [operation for _, change in steps for operation in change.patch])


def calls(result: TrialResult) -> list[tuple[str, Any, str | None]]:
    return [(call.name, call.result, call.error) for _, call in trajectory_of(result.spans).of(ToolCall)]


# --- what is recorded


async def test_what_a_tool_does_in_the_sandbox_is_a_span_beneath_its_call(make: MakeSandbox):
    async def agent(session):
        await session.call("run", {"command": "echo out; echo err >&2; exit 3"})
        await session.call("write_file", {"path": "new", "content": "12345"})
        await session.call("read_file", {"path": "new"})
        with pytest.raises(ToolError):
            await session.call("read_file", {"path": "missing"})

    result = await trial(agent, make=make)
    assert (result.trial.status, result.trial.error) == ("completed", None)
    by_id = {span.span_id: span for span in result.spans}
    inner = spans_named(result, "sandbox ")
    root = result.spans[0]
    isolation = root.attributes[semconv.SANDBOX]
    assert str(isolation).startswith(("bubblewrap: no network, own files", "local: NO ISOLATION"))
    told = [
        (by_id[span.parent_id or ""].name, {k: v for k, v in span.attributes.items() if k != semconv.SANDBOX_SECONDS})
        for span in inner
    ]
    base = {semconv.SANDBOX: isolation}
    assert told == [
        (
            "execute_tool run",
            {
                **base,
                semconv.SANDBOX_OPERATION: "exec",
                semconv.SANDBOX_COMMAND: "echo out; echo err >&2; exit 3",
                semconv.SANDBOX_EXIT_CODE: 3,
                semconv.SANDBOX_STDOUT_BYTES: 4,
                semconv.SANDBOX_STDERR_BYTES: 4,
            },
        ),
        (
            "execute_tool write_file",
            {
                **base,
                semconv.SANDBOX_OPERATION: "write",
                semconv.SANDBOX_PATH: "new",
                semconv.SANDBOX_BYTES: 5,
            },
        ),
        (
            "execute_tool read_file",
            {
                **base,
                semconv.SANDBOX_OPERATION: "read",
                semconv.SANDBOX_PATH: "new",
                semconv.SANDBOX_BYTES: 5,
            },
        ),
        (
            "execute_tool read_file",
            {
                **base,
                semconv.SANDBOX_OPERATION: "read",
                semconv.SANDBOX_PATH: "missing",
                semconv.ERROR_TYPE: "FileNotFoundError",
            },
        ),
    ]
    seconds = inner[0].attributes[semconv.SANDBOX_SECONDS]
    assert isinstance(seconds, float)
    assert 0 < seconds < (inner[0].end_ns - inner[0].start_ns) / 1e9
    assert [name for name, _, _ in calls(result)] == ["run", "write_file", "read_file", "read_file"]
    assert end_state(result)["files"] == {"notes.txt": "one\n", "new": "12345"}


async def test_what_the_agent_does_itself_is_a_step_and_its_changes_are_the_worlds(make: MakeSandbox):
    async def agent(session):
        done = await session.sandbox.exec("cat notes.txt; echo two >> notes.txt", timeout=20)
        assert (done.exit_code, done.stdout) == (0, b"one\n")
        await session.sandbox.write("mine", b"\xff", mode=0o600)
        assert await session.sandbox.read("mine") == b"\xff"
        assert await session.call("read_file", {"path": "notes.txt"}) == "one\ntwo\n"
        with pytest.raises(FileNotFoundError):
            await session.sandbox.read("missing")
        assert (await session.sandbox.exec(["sleep", "100"], timeout=0.1)).timed_out
        assert len((await session.sandbox.files()).entries) == 2

    result = await trial(agent, make=make)
    assert (result.trial.status, result.trial.error) == ("completed", None)
    assert calls(result) == [
        ("sandbox.exec", {"exit_code": 0, "stdout": "one\n", "stderr": ""}, None),
        ("sandbox.write", None, None),
        ("sandbox.read", "\ufffd", None),
        ("read_file", "one\ntwo\n", None),
        ("sandbox.read", None, "[Errno 2] No such file or directory: 'missing'"),
        ("sandbox.exec", {"exit_code": None, "stdout": "", "stderr": "", "timed_out": True}, None),
    ]
    arguments = [call.arguments for _, call in trajectory_of(result.spans).of(ToolCall)]
    assert arguments[0] == {"command": "cat notes.txt; echo two >> notes.txt", "timeout": 20}
    assert arguments[1] == {"path": "mine", "content": "\ufffd", "mode": "600"}
    changes = [
        (trajectory_of(result.spans).steps[step.index - 1].id == change.caused_by, [o["path"] for o in change.patch])
        for step, change in trajectory_of(result.spans).of(StateChange)
    ]
    assert changes == [(True, ["/files/notes.txt"]), (True, ["/files/mine", "/modes/mine"])]
    assert len(spans_named(result, "sandbox ")) == 6


async def test_within_a_tool_of_the_agents_own_it_is_no_step_of_its_own(make: MakeSandbox):
    async def agent(session):
        record = session.recorder.open_tool("bash", {"command": "echo two > notes.txt"})
        await session.sandbox.exec("echo two > notes.txt")
        await session.sandbox.exec("echo three > more")
        session.recorder.close_tool(record, "done")

    result = await trial(agent, make=make)
    assert (result.trial.status, result.trial.error) == ("completed", None)
    assert calls(result) == [("bash", "done", None)]
    tool = spans_named(result, "execute_tool bash")[0]
    assert [span.parent_id for span in spans_named(result, "sandbox ")] == [tool.span_id] * 2
    [(_, change)] = trajectory_of(result.spans).of(StateChange)
    assert ([operation["path"] for operation in change.patch], change.caused_by) == (
        ["/files/notes.txt", "/files/more"],
        tool.span_id,
    )


async def test_a_sandbox_needs_no_world_and_is_not_made_where_nobody_wants_one(make: MakeSandbox):
    made: list[Any] = []

    def counted() -> Any:
        made.append(make())
        return made[-1]

    async def uses(session):
        async with session.sandbox as sandbox:
            assert (await sandbox.exec("pwd")).stdout.decode().strip() == sandbox.folder
        assert (await session.sandbox.exec("echo again")).exit_code == 0

    async def idle(session):
        await session.say("nothing to do")

    result = await trial(uses, make=counted, world=None)
    assert (result.trial.status, len(made)) == ("completed", 1)
    assert semconv.SANDBOX in result.spans[0].attributes
    result = await trial(idle, make=counted, world=None)
    assert (result.trial.status, len(made)) == ("completed", 1)
    assert semconv.SANDBOX not in result.spans[0].attributes


async def test_asking_before_it_is_started_is_the_agents_own_mistake(make: MakeSandbox):
    async def agent(session):
        return session.sandbox.folder

    result = await trial(agent, make=make, world=None)
    assert (result.trial.status, result.trial.fault_of) == ("agent_error", "agent")
    assert "not started yet" in (result.trial.error or "")


async def test_its_own_calls_count_against_the_limit(make: MakeSandbox):
    async def agent(session):
        for _ in range(3):
            await session.sandbox.exec("true")

    result = await trial(agent, make=make, limits=Limits(calls=2))
    assert (result.trial.status, len(calls(result))) == ("limit", 2)


# --- the end


def marked_sleep() -> str:
    return f"1000.{uuid.uuid4().int % 10**18}"


def asleep(marker: str) -> bool:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if f"sleep\0{marker}" in (entry / "cmdline").read_text():
                    return True
            except OSError:
                continue
    return False


@pytest.mark.parametrize("how", ["returns", "raises", "limit", "cancelled"])
async def test_it_is_closed_however_the_trial_ends(make: MakeSandbox, how: str):
    marker = marked_sleep()
    running = asyncio.Event()

    async def agent(session):
        await session.call("run", {"command": f"setsid sleep {marker} & true"})
        while not asleep(marker):
            pass
        running.set()
        if how == "raises":
            raise ZeroDivisionError
        if how != "returns":
            await session.call("run", {"command": f"sleep {marker}", "timeout_seconds": 100})

    work = asyncio.create_task(trial(agent, make=make, limits=Limits(seconds=2.0 if how == "limit" else None)))
    await asyncio.wait({work, asyncio.create_task(running.wait())}, return_when=asyncio.FIRST_COMPLETED)
    if how == "cancelled":
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
    else:
        status = {"returns": "completed", "raises": "agent_error", "limit": "limit"}[how]
        assert (await work).trial.status == status
    assert not asleep(marker)
    folder = Path(tempfile.gettempdir()) / f"agenteval-{os.getuid()}"
    assert [path.name for path in folder.iterdir() if f".{os.getpid()}." in path.name] == []


async def test_what_a_call_changed_before_it_was_cut_off_is_seen(make: MakeSandbox):
    async def agent(session):
        await session.call("run", {"command": "echo half > notes.txt; exec sleep 1000", "timeout_seconds": 100})

    result = await trial(agent, make=make, limits=Limits(seconds=1.0))
    assert (result.trial.status, result.trial.error) == ("limit", "limit reached: seconds 1 of 1")
    assert calls(result) == [("run", None, "the trial ended before this did")]
    assert end_state(result)["files"] == {"notes.txt": "half\n"}


async def test_what_goes_on_after_the_last_call_is_seen_up_to_the_end(make: MakeSandbox):
    async def agent(session):
        await session.call("run", {"command": "mkfifo gate; (read x < gate; echo late > notes.txt) & true"})
        await session.call("run", {"command": "echo go > gate"})
        while (await session.sandbox.read("notes.txt")) != b"late\n":
            pass

    result = await trial(agent, make=make)
    assert result.trial.status == "completed"
    assert end_state(result)["files"]["notes.txt"] == "late\n"


async def test_an_agent_that_will_not_end_loses_its_sandbox(make: MakeSandbox):
    errors: list[BaseException] = []
    over = asyncio.Event()

    async def agent(session):
        while True:
            try:
                await session.sandbox.exec("sleep 1000")
            except BaseException as error:  # noqa: BLE001 (that is the point)
                errors.append(error)
                if isinstance(error, RuntimeError):
                    over.set()
                    return

    result = await trial(agent, make=make, world=None, limits=Limits(seconds=0.5))
    assert result.trial.status == "limit"
    await over.wait()
    assert "the trial is over" in str(errors[-1]) or "closed" in str(errors[-1])


# --- whose fault it is


class Failing:
    """A provider that fails at one point."""

    folder = "/nowhere"
    isolation = Isolation(provider="failing")

    def __init__(self, at: str, error: Exception) -> None:
        self._at, self._error = at, error
        self.closed = False

    async def _maybe(self, name: str) -> None:
        if name == self._at:
            raise self._error

    async def exec(self, command: Any, **_: Any) -> Completed:
        await self._maybe("exec")
        return Completed(exit_code=0)

    async def read(self, path: str) -> bytes:
        await self._maybe("read")
        return b""

    async def write(self, path: str, data: bytes, *, mode: int | None = None) -> None:
        await self._maybe("write")

    async def files(self, *, known: Any = None) -> Listing:
        await self._maybe("files")
        return Listing()

    async def __aenter__(self) -> Self:
        await self._maybe("start")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closed = True
        await self._maybe("close")


BROKEN = SandboxError("the machine is on fire")


@pytest.mark.parametrize("swallows", [False, True])
@pytest.mark.parametrize(
    ("at", "error"),
    [
        ("start", BROKEN),
        ("exec", BROKEN),
        ("read", BROKEN),
        ("files", BROKEN),
        ("close", BROKEN),
        ("exec", KeyError("a bug of the provider")),
    ],
)
async def test_a_provider_that_fails_makes_the_trial_invalid(at: str, error: Exception, swallows: bool):
    async def agent(session):
        try:
            await session.call("run", {"command": "true"})
            await session.call("read_file", {"path": "x"})
        except Exception:
            if not swallows:
                raise

    result = await trial(agent, make=lambda: Failing(at, error), world=ShellWorld)
    assert (result.trial.status, result.trial.fault_of) == (
        "invalid",
        "sandbox" if at != "exec" or error is BROKEN else "world",
    )
    assert str(error.args[0]) in (result.trial.error or "")


@pytest.mark.parametrize("at", ["start", "exec", "read"])
async def test_so_it_is_where_the_agent_uses_it_itself(at: str):
    async def agent(session):
        for use in (session.sandbox.exec("true"), session.sandbox.read("x")):
            with contextlib.suppress(SandboxError):
                await use

    result = await trial(agent, make=lambda: Failing(at, BROKEN), world=None)
    assert (result.trial.status, result.trial.fault_of) == ("invalid", "sandbox")
    assert result.trial.error == "SandboxError: the machine is on fire"


async def test_a_bug_of_a_provider_is_no_mistake_of_the_agent():
    async def agent(session):
        await session.sandbox.exec("true")

    result = await trial(agent, make=lambda: Failing("exec", KeyError("a bug")), world=None)
    assert (result.trial.status, result.trial.fault_of) == ("invalid", "sandbox")
    assert result.trial.error == "SandboxError: KeyError: 'a bug'"


async def test_a_mistake_of_the_agent_is_no_failure_of_the_provider(make: MakeSandbox):
    async def agent(session):
        await session.sandbox.read("missing")

    result = await trial(agent, make=make, world=None)
    assert (result.trial.status, result.trial.fault_of) == ("agent_error", "agent")


async def test_a_world_that_breaks_while_it_looks_is_no_fault_of_the_agent(make: MakeSandbox):
    class Blind(ShellWorld):
        looked = 0

        async def refresh(self) -> None:
            self.looked += 1
            if self.looked > 1:
                raise ZeroDivisionError("blind")

    async def agent(session):
        await session.sandbox.exec("true")

    result = await trial(agent, make=make, world=Blind)
    assert (result.trial.status, result.trial.fault_of) == ("invalid", "world")
    assert result.trial.error == "WorldError: ZeroDivisionError: blind" or "blind" in (result.trial.error or "")


@pytest.mark.usefixtures("bwrap")
async def test_the_time_that_a_sandbox_takes_to_start_is_not_the_agents():
    async def slow() -> Any:
        await asyncio.sleep(0.3)

    class Late(ShellWorld):
        async def open(self, sandbox: Any) -> None:
            await slow()
            await super().open(sandbox)

    async def agent(session):
        await session.call("run", {"command": "true"})

    began = time.monotonic()
    result = await trial(agent, make=bubblewrap, world=Late, limits=Limits(seconds=0.3))
    assert (result.trial.status, time.monotonic() - began > 0.3) == ("completed", True)


async def test_concurrent_trials_do_not_meet():
    async def agent(session):
        for number in range(5):
            await session.call("run", {"command": f"echo {number} >> notes.txt"})

    results = await asyncio.gather(*(trial(agent, make=local, repeat=n) for n in range(6)))
    assert [result.trial.error for result in results] == [None] * 6
    assert [end_state(result)["files"]["notes.txt"] for result in results] == ["one\n0\n1\n2\n3\n4\n"] * 6
