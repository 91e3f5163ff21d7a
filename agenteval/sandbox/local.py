"""Limits in, a folder for temporary files with processes in it out: NO ISOLATION, for those who ask for it by name.

What runs in it may do whatever you may do: read and write your files, use the network, see and signal your processes.
Time and output are bounded, file size and memory for each process. Commands are killed with what they started as far as
it can be found: what a command hides well enough goes on.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping

from agenteval.core.sandbox import Isolation
from agenteval.errors import SandboxError
from agenteval.sandbox.hosted import ENVIRONMENT, INSIDE, HostedSandbox, Start
from agenteval.sandbox.limits import SandboxLimits
from agenteval.sandbox.python import this_python
from agenteval.sandbox.registry import enter

NAME = "local"

_END_S = 10.0


def local(limits: SandboxLimits | None = None) -> HostedSandbox:
    """A folder without any isolation, to be opened with `async with`.

    Args:
        limits: What each of its processes may use.
    """
    return HostedSandbox(_Local, limits or SandboxLimits())


class _Local:
    """One of them. Implements `hosted.Launcher`."""

    group = None

    def __init__(self, limits: SandboxLimits) -> None:
        self._limits = limits
        self._entry = enter()
        self.folder = str(self._entry.path / "files")

    def start(self) -> Start:
        """`inside.py` itself."""
        for name in ("files", "home"):
            (self._entry.path / name).mkdir()
        home = str(self._entry.path / "home")
        return Start(
            command=[this_python().executable, "-I", "-S", "-B", str(INSIDE), "{control}", self.folder],
            environment={**ENVIRONMENT, "HOME": home, "TMPDIR": home},
        )

    def started(self, facts: Mapping[str, str]) -> Isolation:
        """Nothing isolates it."""
        del facts
        return Isolation(provider=NAME, memory="rlimit")

    def resource_limits(self) -> Iterator[str]:
        """Those of each process. A limit of processes would count all that this user has."""
        yield from (f"FSIZE={self._limits.file_bytes}", "CORE=0", f"AS={self._limits.memory_bytes}")

    def failed(self, said: str) -> SandboxError:
        """What the interpreter said."""
        return SandboxError(f"a local sandbox does not come up: {said or 'it did not answer in time'}")

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Its socket is closed, so that it kills what it started, and ends."""
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._entry.remove()
