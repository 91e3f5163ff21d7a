"""The one sandbox of a trial: started when it is first wanted, recorded, closed at the end.

Its world and its agent see the same files. What the agent does in it is a step of its own, a call of `sandbox.exec`,
`sandbox.read` or `sandbox.write`, unless it happens within a tool call; either way a span beneath says how it ended and
what isolated it, and what it changed in the world is noted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from agenteval.core import semconv
from agenteval.core.json import Json
from agenteval.core.ports import OpenRecord, Sandbox, SandboxedWorld, World
from agenteval.core.sandbox import Completed, Isolation, Listing
from agenteval.errors import SandboxError, WorldError
from agenteval.telemetry.capture import TrialRecorder

T = TypeVar("T")

MakeSandbox = Callable[[], Sandbox]
"""Gives a new sandbox, which is not started yet."""

_LONGEST_TEXT = 65_536
_LONGEST_COMMAND = 10_000


class TrialSandbox:
    """The sandbox of one trial.

    Args:
        make: Gives it.
        recorder: The trial's recorder.

    Attributes:
        world: The world that lives in it, once it does.
        isolation: What isolates it; None where it was never started.
        fault: Whose the first failure was, of the provider or of the world while it looked, and what it was.
    """

    def __init__(self, make: MakeSandbox, recorder: TrialRecorder) -> None:
        self.recorder = recorder
        self.world: SandboxedWorld | None = None
        self.fault: tuple[str, Exception] | None = None
        self.isolation: Isolation | None = None
        self._make = make
        self._sandbox: Sandbox | None = None
        self._starting = asyncio.Lock()
        self.over = False

    @property
    def started(self) -> Sandbox:
        """The sandbox itself. RuntimeError where it is not started: whoever asks too early is at fault, nobody else."""
        if self._sandbox is None:
            raise RuntimeError("the sandbox is not started yet: await one of its methods first, or use `async with`")
        return self._sandbox

    async def serve(self, world: World | None) -> None:
        """Start it for a world that lives in one. What that puts in place is not recorded: no agent did it."""
        if isinstance(world, SandboxedWorld):
            await world.open(_WorldSandbox(self))
            self.world = world

    async def start(self) -> Sandbox:
        """The sandbox itself, started. Raises SandboxError."""
        async with self._starting:
            if self.over:
                raise RuntimeError("the trial is over, and its sandbox is closed")
            if self._sandbox is None:
                sandbox = await self._make().__aenter__()
                self.isolation = sandbox.isolation
                if self.over:  # meanwhile
                    await sandbox.__aexit__(None, None, None)
                    raise RuntimeError("the trial is over, and its sandbox is closed")
                self._sandbox = sandbox
        return self._sandbox

    async def note_changes(self, record: OpenRecord) -> None:
        """Note what the world finds to have changed."""
        if self.world is None or self.fault is not None or self.over:
            return
        try:
            async with self.noting_faults():
                await self.world.refresh()
            self.recorder.note_changes(record, self.world.changes())
        except SandboxError:
            raise
        except Exception as error:
            self.note("world", error)
            raise WorldError(f"{type(error).__name__}: {error}") from error

    async def settle(self) -> None:
        """At the end, note what a call changed that was cut off, or that left something at work. Raises nothing."""
        tool = self.recorder.last_tool()
        if self.world is None or self._sandbox is None or tool is None:
            return
        with suppress(SandboxError, WorldError):  # noted
            async with self.noting_faults():
                await self._sandbox.exec(["true"])  # what was cut off is dead before this begins
            await self.note_changes(tool)

    async def __aenter__(self) -> Self:
        """Nothing yet: it is started when it is first wanted."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it, if it was started."""
        self.over = True
        if self._sandbox is not None:
            try:
                await self._sandbox.__aexit__(kind, error, trace)
            except Exception as failure:  # noqa: BLE001 (a provider may be anybody's)
                self.fault = self.fault or ("sandbox", failure)

    def note(self, whose: str, error: Exception) -> None:
        """Keep the first failure: whatever is made of it on the way, it is nobody else's."""
        if self.fault is None and not self.over:  # else it is an agent that goes on although it was stopped
            self.fault = (whose, error)

    @asynccontextmanager
    async def noting_faults(self) -> AsyncGenerator[None]:
        """Note what the provider fails in."""
        try:
            yield
        except SandboxError as error:
            self.note("sandbox", error)
            raise


class _Recorded:
    """A sandbox, each use of which is recorded. Implements `core.ports.Sandbox`."""

    def __init__(self, owner: TrialSandbox) -> None:
        self._owner = owner

    @property
    def folder(self) -> str:
        """The work folder."""
        return self._owner.started.folder

    @property
    def isolation(self) -> Isolation:
        """What isolates it."""
        return self._owner.started.isolation

    async def exec(
        self,
        command: str | Sequence[str],
        *,
        stdin: bytes = b"",
        cwd: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 (see the protocol)
    ) -> Completed:
        """Run a command."""
        asked = {"stdin": _text(stdin) if stdin else None, "cwd": cwd, "timeout": timeout}
        arguments = {"command": command if isinstance(command, str) else list(command), **_given(asked)}
        shown = command if isinstance(command, str) else " ".join(command)

        async def work(sandbox: Sandbox) -> Completed:
            return await sandbox.exec(command, stdin=stdin, cwd=cwd, timeout=timeout)

        return await self._do("exec", arguments, {semconv.SANDBOX_COMMAND: shown[:_LONGEST_COMMAND]}, work)

    async def read(self, path: str) -> bytes:
        """Read a file."""

        async def work(sandbox: Sandbox) -> bytes:
            return await sandbox.read(path)

        return await self._do("read", {"path": path}, {semconv.SANDBOX_PATH: path}, work)

    async def write(self, path: str, data: bytes, *, mode: int | None = None) -> None:
        """Write a file."""
        shown = None if mode is None else format(mode, "o")
        arguments = {"path": path, "content": _text(data), **_given({"mode": shown})}

        async def work(sandbox: Sandbox) -> None:
            await sandbox.write(path, data, mode=mode)

        told = {semconv.SANDBOX_PATH: path, semconv.SANDBOX_BYTES: len(data)}
        await self._do("write", arguments, told, work)

    async def files(self, *, known: Collection[str] | None = None) -> Listing:
        """What is in the work folder; not recorded, since it is looked at from outside."""
        async with self._owner.noting_faults():
            return await (await self._owner.start()).files(known=known)

    async def __aenter__(self) -> Self:
        """Start it, where it is not started yet."""
        async with self._owner.noting_faults():
            await self._owner.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing: it is closed when the trial is over."""

    async def _do(
        self, operation: str, arguments: Json, told: Mapping[str, Any], work: Callable[[Sandbox], Awaitable[T]]
    ) -> T:
        raise NotImplementedError

    async def _recorded(
        self,
        operation: str,
        told: Mapping[str, Any],
        work: Callable[[Sandbox], Awaitable[T]],
        parent: OpenRecord | None,
    ) -> T:
        """Do something, recorded beneath a record, or beneath what is current."""
        async with self._owner.noting_faults():
            sandbox = await self._owner.start()
            told = {semconv.SANDBOX_OPERATION: operation, semconv.SANDBOX: sandbox.isolation.text, **told}
            record = self._owner.recorder.open_inner(f"sandbox {operation}", told, parent=parent)
            try:
                result = await work(sandbox)
            except Exception as error:
                record.fail(type(error).__name__, str(error))
                if isinstance(error, (OSError, ValueError, SandboxError)):
                    raise
                raise SandboxError(f"{type(error).__name__}: {error}") from error
        for key, value in _outcome(result).items():
            record.set(key, value)
        record.end()
        return result


class _WorldSandbox(_Recorded):
    """As the world sees it: what its tools do in it lies within their calls."""

    async def _do(
        self, operation: str, arguments: Json, told: Mapping[str, Any], work: Callable[[Sandbox], Awaitable[T]]
    ) -> T:
        del arguments
        tool = self._owner.recorder.tool_at_work()
        if tool is None:
            async with self._owner.noting_faults():
                return await work(await self._owner.start())
        return await self._recorded(operation, told, work, tool)


class AgentSandbox(_Recorded):
    """As the agent sees it.

    Args:
        owner: The trial's sandbox.
        limited: Lets the harness in before a limit is raised.
        one_at_a_time: Held while something is done and until it is known what that changed.
    """

    def __init__(
        self,
        owner: TrialSandbox,
        *,
        limited: Callable[[], AbstractAsyncContextManager[None]],
        one_at_a_time: asyncio.Lock,
    ) -> None:
        super().__init__(owner)
        self._limited = limited
        self._one_at_a_time = one_at_a_time

    async def _do(
        self, operation: str, arguments: Json, told: Mapping[str, Any], work: Callable[[Sandbox], Awaitable[T]]
    ) -> T:
        recorder = self._owner.recorder
        tool = recorder.tool_at_work()
        if tool is not None:
            async with self._noting_changes(tool):
                return await self._recorded(operation, told, work, tool)
        async with self._limited():
            record = recorder.open_tool(f"sandbox.{operation}", arguments)
        try:
            async with self._noting_changes(record):
                result = await self._recorded(operation, told, work, record)
        except Exception as error:
            record.fail(type(error).__name__, str(error))
            raise
        recorder.close_tool(record, _shown(result))
        return result

    @asynccontextmanager
    async def _noting_changes(self, record: OpenRecord) -> AsyncGenerator[None]:
        """Note what the world finds to have changed after something was done, also where that failed."""
        async with self._one_at_a_time:
            try:
                yield
            except Exception:
                await self._owner.note_changes(record)
                raise
            await self._owner.note_changes(record)


def _outcome(result: object) -> dict[str, Any]:
    """What a span says of how it ended."""
    if isinstance(result, bytes):
        return {semconv.SANDBOX_BYTES: len(result)}
    if not isinstance(result, Completed):
        return {}
    return _given(
        {
            semconv.SANDBOX_EXIT_CODE: result.exit_code,
            semconv.SANDBOX_SECONDS: result.seconds,
            semconv.SANDBOX_TIMED_OUT: result.timed_out or None,
            semconv.SANDBOX_OUT_OF_MEMORY: result.out_of_memory or None,
            semconv.SANDBOX_STDOUT_BYTES: result.stdout_bytes,
            semconv.SANDBOX_STDERR_BYTES: result.stderr_bytes,
        }
    )


def _shown(result: object) -> Json:
    """What a step says that was answered."""
    if isinstance(result, bytes):
        return _text(result)
    if not isinstance(result, Completed):
        return None
    shown: dict[str, Json] = {
        "exit_code": result.exit_code,
        "stdout": _text(result.stdout),
        "stderr": _text(result.stderr),
    }
    return shown | ({"timed_out": True} if result.timed_out else {})


def _text(data: bytes) -> str:
    text = data[:_LONGEST_TEXT].decode(errors="replace")
    left = len(data) - _LONGEST_TEXT
    return text if left <= 0 else f"{text}… and {left:,} bytes more"


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
