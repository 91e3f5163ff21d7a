"""Limits in, a control group that holds them out, version 1 or 2; None where this process may make none.

In version 1 a group is made below the one that this process is in, for memory and for pids; in version 2 beside it or
further up, below the nearest one that hands both controllers on, since a group that has processes hands nothing on.

References:
    Linux documentation, admin-guide/cgroup-v2 and admin-guide/cgroup-v1.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agenteval.sandbox.limits import SandboxLimits

_CONTROLLERS = ("memory", "pids")
_OURS = re.compile(r"agenteval-[0-9.]+")
_TRIES = 400
_PAUSE_S = 0.005


@dataclass(frozen=True, slots=True)
class Group:
    """A control group: one folder in version 2, one a controller in version 1.

    Attributes:
        memory: The folder that bounds memory.
        pids: The folder that bounds processes.
        unified: Version 2: both are one.
    """

    memory: Path
    pids: Path
    unified: bool

    @property
    def folders(self) -> tuple[Path, ...]:
        """Its folders, each once."""
        return tuple(dict.fromkeys((self.memory, self.pids)))

    def make(self, limits: SandboxLimits) -> None:
        """Make it, with the limits of memory and processes. Raises OSError where that may not be."""
        for folder in self.folders:
            folder.mkdir()
        (self.pids / "pids.max").write_text(str(limits.processes))
        if self.unified:
            (self.memory / "memory.max").write_text(str(limits.memory_bytes))
            _write_if_there(self.memory / "memory.swap.max", "0")
        else:
            (self.memory / "memory.limit_in_bytes").write_text(str(limits.memory_bytes))
            _write_if_there(self.memory / "memory.memsw.limit_in_bytes", str(limits.memory_bytes))

    def add(self, pid: int) -> None:
        """Move a process into it; what that starts from now on is born there."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def oom_kills(self) -> int | None:
        """How many of its processes were killed because its memory was used up; None where the kernel does not say."""
        name = "memory.events" if self.unified else "memory.oom_control"
        for line in (self.memory / name).read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == "oom_kill":
                return int(value)
        return None


def places(name: str, *, proc: Path = Path("/proc/self")) -> Iterator[Group]:
    """Where a group of that name could be made, best first. Nothing is made yet.

    Args:
        name: The group's name.
        proc: Where the kernel tells which groups this process is in, and where they are mounted.
    """
    try:
        own = _own_groups(proc)
    except OSError:
        return
    folders = [own.get(controller) for controller in _CONTROLLERS]
    if folders[0] is not None and folders[1] is not None:
        yield Group(folders[0] / name, folders[1] / name, unified=False)
    here = own.get("")
    for parent in () if here is None else here.parents:
        handed_on = _text(parent / "cgroup.subtree_control").split()
        if all(controller in handed_on for controller in _CONTROLLERS):
            yield Group(parent / name, parent / name, unified=True)


def remove(folder: Path, name: str) -> bool:
    """Kill what is left in a group, and remove it; True where it is gone afterwards.

    Args:
        folder: The group.
        name: What it must be called: nothing else is ever removed.
    """
    if folder.name != name or not _OURS.fullmatch(name):
        return True
    for _ in range(_TRIES):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return True
        except OSError:  # the dead take a moment to leave
            _kill_all(folder)
            time.sleep(_PAUSE_S)
        else:
            return True
    return False


def _kill_all(folder: Path) -> None:
    for line in _text(folder / "cgroup.procs").split():
        try:
            os.kill(int(line), signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def _own_groups(proc: Path) -> Mapping[str, Path]:
    """The folders of the groups that this process is in: by controller in version 1, by the empty name in version 2."""
    mounts = _mounts(proc)
    found: dict[str, Path] = {}
    for line in (proc / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            root, point = mounts.get(controller, ("", ""))
            if point and (path == root or path.startswith(root.rstrip("/") + "/")):
                found[controller] = Path(point) / path[len(root.rstrip("/")) :].lstrip("/")
    return found


def _mounts(proc: Path) -> dict[str, tuple[str, str]]:
    """Of each controller the group that is mounted, and where."""
    mounts: dict[str, tuple[str, str]] = {}
    for line in (proc / "mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        root, point = before.split()[3:5]
        kind, _, options = after.split()[:3]
        names = [""] if kind == "cgroup2" else options.split(",") if kind == "cgroup" else []
        for name in names:
            mounts.setdefault(name, (root, point))
    return mounts


def _write_if_there(path: Path, text: str) -> None:
    if path.exists():
        path.write_text(text)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
