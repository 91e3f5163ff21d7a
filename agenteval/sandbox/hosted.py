"""A way to start `inside.py` in, a Sandbox out: commands over its socket, files over the descriptor of its folder."""

from __future__ import annotations

import asyncio
import os
import posixpath
import socket
import subprocess
import sys
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from agenteval.core.sandbox import Completed, Isolation, Listing
from agenteval.errors import SandboxError
from agenteval.sandbox.cgroups import Group
from agenteval.sandbox.control import Control
from agenteval.sandbox.files import Folder
from agenteval.sandbox.limits import SandboxLimits

INSIDE = Path(__file__).with_name("inside.py")
ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "TERM": "dumb",
    "USER": "agent",
    "LOGNAME": "agent",
}
"""All that a command finds in its environment, besides HOME: the same on every machine."""

_START_S = 30.0


@dataclass(slots=True, kw_only=True)
class Start:
    """What to start, and what it is given.

    Attributes:
        command: A program that becomes or starts `inside.py`; the word `{control}` stands for its socket.
        environment: All of its environment.
        descriptors: What it inherits besides the socket; closed here once it runs.
        run: Starts it.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    descriptors: Sequence[int] = ()
    run: Callable[[Callable[[], subprocess.Popen[bytes]]], subprocess.Popen[bytes]] = lambda start: start()


class Launcher(Protocol):
    """One sandbox of one kind: how it is started, what holds in it, how it is ended."""

    @property
    def folder(self) -> str:
        """The work folder as it is seen inside."""
        ...

    @property
    def group(self) -> Group | None:
        """The control group that it runs in, if any."""
        ...

    def start(self) -> Start:
        """What to start. Raises SandboxError where it cannot be."""
        ...

    def started(self, facts: Mapping[str, str]) -> Isolation:
        """What isolates it now, from what was found inside of it. Raises SandboxError where that is too little."""
        ...

    def resource_limits(self) -> Iterable[str]:
        """What each command is started with, as `FSIZE=1000`; asked once it has started."""
        ...

    def failed(self, said: str) -> SandboxError:
        """Why it did not start, from what it wrote to standard error."""
        ...

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """End what was started and all that it started, wait for it, and leave nothing behind. The socket is closed."""
        ...


class HostedSandbox:
    """A sandbox on this machine. Implements `core.ports.Sandbox`.

    Args:
        make: Makes its launcher, which may be tried here and nowhere else. Raises SandboxError.
        limits: What it may use.
    """

    def __init__(self, make: Callable[[SandboxLimits], Launcher], limits: SandboxLimits) -> None:
        self._make = make
        self._limits = limits
        self._running: _Running | None = None
        self._used = False

    @property
    def folder(self) -> str:
        """The work folder as commands see it."""
        return self._now().launcher.folder

    @property
    def isolation(self) -> Isolation:
        """What isolates it."""
        return self._now().isolation

    async def exec(
        self,
        command: str | Sequence[str],
        *,
        stdin: bytes = b"",
        cwd: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 (see the protocol)
    ) -> Completed:
        """Run a command to its end; see the protocol.

        Raises:
            ValueError: The command is empty, or holds a NUL.
            OSError: It is too long to be passed.
            SandboxError: The sandbox ended, or does not answer.
        """
        running = self._now()
        words = ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)
        if not words or any("\0" in word for word in (*words, cwd or "")):
            raise ValueError(f"a command is text or a list of texts without NUL, and not empty: {command!r:.200}")
        seconds = self._limits.seconds if timeout is None else max(0.0, min(timeout, self._limits.seconds))
        where = posixpath.join(self.folder, cwd or "")
        try:
            done = await running.control.run(words, stdin=stdin, cwd=where, seconds=seconds)
        except SandboxError:
            if not running.out_of_memory():
                raise
            return _EXHAUSTED  # its commands left so little memory that its first process was killed for it
        return replace(done, out_of_memory=running.killed_for_memory())

    async def read(self, path: str) -> bytes:
        """What a file holds; see the protocol."""
        return self._now().files.read(path)

    async def write(self, path: str, data: bytes, *, mode: int | None = None) -> None:
        """Write a file; see the protocol."""
        self._now().files.write(path, data, mode)

    async def files(self, *, known: Collection[str] | None = None) -> Listing:
        """What is in the work folder; see the protocol."""
        return await asyncio.to_thread(self._now().files.files, known)

    async def __aenter__(self) -> Self:
        """Start it. Raises SandboxError."""
        if sys.platform != "linux":
            raise SandboxError(f"sandboxes need Linux, and this is {sys.platform}: run in a Linux virtual machine")
        if self._used:
            raise SandboxError("a sandbox is opened once; make another one")
        self._used = True
        self._running = await _start(self._make(self._limits), self._limits)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every process, and leave nothing behind, even where this is cancelled meanwhile."""
        running, self._running = self._running, None
        if running is not None:
            await to_the_end(running.close())

    def _now(self) -> _Running:
        if self._running is None:
            raise SandboxError("the sandbox is closed" if self._used else "the sandbox is not open: use `async with`")
        return self._running


_EXHAUSTED = Completed(
    exit_code=128 + 9, stderr=b"sandbox: its memory is used up, and it has ended\n", out_of_memory=True
)


class _Running:
    """A sandbox that serves."""

    def __init__(
        self,
        launcher: Launcher,
        process: subprocess.Popen[bytes],
        control: Control,
        files: Folder,
        isolation: Isolation,
    ) -> None:
        self.launcher = launcher
        self.control = control
        self.files = files
        self.isolation = isolation
        self._process = process
        self._exhausted = False
        self._oom_kills = self._count_oom_kills()

    def killed_for_memory(self) -> bool | None:
        """Whether processes were killed for want of memory since this was last asked; None where nobody can tell."""
        before, self._oom_kills = self._oom_kills, self._count_oom_kills()
        return None if before is None or self._oom_kills is None else self._oom_kills > before

    def out_of_memory(self) -> bool:
        """Whether that is why it ended, which was the doing of its commands."""
        self._exhausted = self._exhausted or bool(self.killed_for_memory())
        return self._exhausted

    async def close(self) -> None:
        """End it."""
        self.control.close()
        await asyncio.to_thread(self.launcher.end, self._process)
        self.files.close()

    def _count_oom_kills(self) -> int | None:
        group = self.launcher.group
        return None if group is None else group.oom_kills()


async def to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Do something to its end, whoever cancels; the cancellation is raised after it."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


async def _start(launcher: Launcher, limits: SandboxLimits) -> _Running:
    said = os.memfd_create("stderr")
    try:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control = Control(ours, output_bytes=limits.output_bytes)
        try:
            process = _spawn(launcher.start(), theirs, said)
        except BaseException:
            control.close()
            raise
        finally:
            theirs.close()
        try:
            return await _serving(launcher, process, control, limits)
        except BaseException as error:
            control.close()
            await to_the_end(asyncio.to_thread(launcher.end, process))
            if isinstance(error, (_NeverReady, TimeoutError)):
                raise launcher.failed(_text(said)) from None
            raise
    finally:
        os.close(said)


class _NeverReady(Exception):
    """It ended before it served."""


async def _serving(
    launcher: Launcher, process: subprocess.Popen[bytes], control: Control, limits: SandboxLimits
) -> _Running:
    try:
        told, work = await asyncio.wait_for(control.ready(), _START_S)
    except SandboxError as error:
        raise _NeverReady from error
    files = Folder(work, launcher.folder, largest=limits.file_bytes, most=limits.files)
    try:
        facts = dict(line.split(":", 1) for line in told.splitlines())
        running = _Running(launcher, process, control, files, launcher.started(facts))
        control.limit(launcher.resource_limits())
    except BaseException:
        files.close()
        raise
    return running


def _spawn(start: Start, control: socket.socket, said: int) -> subprocess.Popen[bytes]:
    words = [str(control.fileno()) if word == "{control}" else word for word in start.command]
    try:
        return start.run(
            lambda: subprocess.Popen(  # noqa: S603 (the sandbox, not what runs in it)
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env=dict(start.environment),
                cwd="/",
                pass_fds=(control.fileno(), *start.descriptors),
                start_new_session=True,  # Ctrl-C in a terminal is for the harness to handle
            )
        )
    except OSError as error:
        raise SandboxError(f"{words[0]} cannot be started: {error.strerror}") from error
    finally:
        for descriptor in start.descriptors:
            os.close(descriptor)


def _text(descriptor: int) -> str:
    return os.pread(descriptor, 4000, 0).decode(errors="replace").strip()
