"""What sandboxes are asked and what they answer: the end of a command, the files, what really isolates them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final, Literal

Bound = Literal["cgroup", "rlimit", "none"]
"""What holds a limit: a control group, for all processes together; a resource limit, for each of them; or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """What keeps the processes of a sandbox from everything else, as it was found to hold, not as it was asked for.

    Attributes:
        provider: Who made the sandbox, such as `bubblewrap`.
        network: `none`: no network but its own loopback, which nobody else is on.
        files: `private`: it sees a read-only system, and a work folder of its own.
        processes: `private`: it sees and signals its own processes only, and all of them end with it.
        privileges: `none`: no capability, and none to be gained by set-user-id programs.
        system_calls: `filtered`: those that a plain program never needs are refused.
        memory: What holds the limit of memory.
        pids: What holds the limit of processes.
    """

    provider: str
    network: Literal["none", "host"] = "host"
    files: Literal["private", "host"] = "host"
    processes: Literal["private", "host"] = "host"
    privileges: Literal["none", "host"] = "host"
    system_calls: Literal["filtered", "host"] = "host"
    memory: Bound = "none"
    pids: Bound = "none"

    @property
    def isolated(self) -> bool:
        """Whether what runs inside can reach neither network, files, processes nor privileges of the host."""
        return "host" not in (self.network, self.files, self.processes, self.privileges)

    @property
    def text(self) -> str:
        """In one line, beginning with the provider."""
        if not self.isolated:
            return f"{self.provider}: {NO_ISOLATION}"
        held = [
            _WORDS[item.name, value]
            for item in fields(self)
            if (item.name, value := getattr(self, item.name)) in _WORDS
        ]
        return f"{self.provider}: {', '.join(held)}"


NO_ISOLATION: Final = "NO ISOLATION"
"""How a sandbox that isolates nothing is called, everywhere."""

LOCAL: Final = "local"
"""The provider that isolates nothing."""

WARNING: Final = (
    f"{NO_ISOLATION}: in the sandbox `{LOCAL}` the commands of agents run with all rights of whoever starts the run. "
    "They can read, change and send away whatever you can."
)
"""What is said wherever commands run, or ran, in it."""

_WORDS: Mapping[tuple[str, str], str] = {
    ("network", "none"): "no network",
    ("files", "private"): "own files",
    ("processes", "private"): "own processes",
    ("privileges", "none"): "no privileges",
    ("system_calls", "filtered"): "filtered system calls",
    ("system_calls", "host"): "all system calls",
    ("memory", "cgroup"): "memory bounded together",
    ("memory", "rlimit"): "memory bounded by process",
    ("memory", "none"): "memory unbounded",
    ("pids", "cgroup"): "processes bounded",
    ("pids", "rlimit"): "processes bounded",
    ("pids", "none"): "processes unbounded",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """How a command ended.

    Attributes:
        exit_code: As a shell gives it: 128 and the signal's number where a signal ended it, 127 where there is no such
            program, 126 where it cannot be run. None where the time ran out: it did not end by itself.
        stdout: What it wrote, up to the limit of the sandbox.
        stderr: Likewise.
        stdout_bytes: How much it wrote, whether kept or not.
        stderr_bytes: Likewise.
        timed_out: The time ran out, and it was killed with everything that it had started.
        out_of_memory: Processes were killed because the sandbox's memory was used up; None where nobody can tell.
        seconds: Wall time.
    """

    exit_code: int | None
    stdout: bytes = b""
    stderr: bytes = b""
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    timed_out: bool = False
    out_of_memory: bool | None = None
    seconds: float = 0.0

    @property
    def truncated(self) -> bool:
        """Whether less was kept than was written."""
        return self.stdout_bytes > len(self.stdout) or self.stderr_bytes > len(self.stderr)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One thing in the work folder.

    Attributes:
        path: Relative to the work folder, with `/`. Bytes that are no UTF-8 are lone surrogates, as of `os.fsdecode`.
        kind: `other` is a pipe, a socket or a device.
        mode: Permission bits.
        size: Bytes of a file; 0 of anything else.
        target: Where a link leads, as written.
        stamp: Equal stamps mean equal content; None where that cannot be promised.
        data: What a file holds, where contents were asked for, and it is small enough and may be read by its owner.
        sha256: Of what it holds, in hexadecimal digits; also where it is too large for `data`.
    """

    path: str
    kind: Literal["file", "folder", "link", "other"]
    mode: int = 0
    size: int = 0
    target: str | None = None
    stamp: str | None = None
    data: bytes | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The work folder.

    Attributes:
        entries: What is in it, at any depth, ordered by path.
        left_out: How many folders and entries were passed over: too many, too deep, or not to be read.
    """

    entries: tuple[FileEntry, ...] = ()
    left_out: int = 0
