"""What one sandbox may use: bounds of time, memory, processes, output and files, as one value."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxLimits:
    """What one sandbox may use.

    Attributes:
        seconds: Longest run of one command; a longer timeout is cut to it.
        memory_bytes: Memory of all processes together, files in the work folder included, where a control group can
            be had; else address space of each process.
        processes: Processes and threads at once.
        output_bytes: What is kept of each output stream of a command; the rest is counted and let go.
        file_bytes: Largest file that a process may write, and that is read from outside.
        disk_bytes: What the work folder holds altogether; a quarter of it is for temporary files besides. Of
            bubblewrap alone: a local folder is on the disk of the host.
        files: Entries of the work folder that are listed.
    """

    seconds: float = 120.0
    memory_bytes: int = 512 * _MIB
    processes: int = 256
    output_bytes: int = _MIB
    file_bytes: int = 64 * _MIB
    disk_bytes: int = 256 * _MIB
    files: int = 10_000
