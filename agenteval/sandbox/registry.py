"""A private folder where each sandbox notes what a `kill -9` of its owner would leave; who comes next removes it.

The folder is `agenteval-<user id>` where temporary files go. An entry is a folder in it, named after its owner: `<pid
namespace>.<pid>.<start time>.<number>`. A pid alone would not do, since it is given out again.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agenteval.errors import SandboxError
from agenteval.sandbox import cgroups

_NAME = re.compile(r"(?P<namespace>\d+)\.(?P<pid>\d+)\.(?P<start>\d+)\.\d+")
_NUMBERS = itertools.count(1)
_GROUPS = "cgroups"


@dataclass(frozen=True, slots=True)
class Entry:
    """What one sandbox has to be rid of.

    Attributes:
        path: A folder of its own, readable by nobody else.
    """

    path: Path

    @property
    def name(self) -> str:
        """A name that no other sandbox of this machine has."""
        return f"agenteval-{self.path.name}"

    def note_groups(self, folders: Iterable[Path]) -> None:
        """Note control groups before they are made."""
        (self.path / _GROUPS).write_text("\n".join(map(str, folders)), encoding="utf-8")

    def remove(self) -> None:
        """Remove what was noted, and the entry itself. Does nothing the second time."""
        try:
            noted = (self.path / _GROUPS).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            noted = []
        left = [line for line in noted if not cgroups.remove(Path(line), self.name)]
        if not left:
            shutil.rmtree(self.path, ignore_errors=True)


def enter() -> Entry:
    """A new entry, after those of processes that are gone were removed.

    Raises:
        SandboxError: The private folder cannot be made, or is not private.
    """
    folder = _private_folder()
    sweep(folder)
    pid = os.getpid()
    entry = Entry(folder / f"{_namespace()}.{pid}.{_start_time(pid)}.{next(_NUMBERS)}")
    try:
        entry.path.mkdir(mode=0o700)
    except OSError as error:
        raise SandboxError(f"{entry.path} cannot be made: {error.strerror}; TMPDIR names another place") from error
    return entry


def sweep(folder: Path) -> None:
    """Remove the entries whose owner is gone, with all that they note."""
    for path in list(folder.iterdir()):
        if _is_orphan(path.name):
            Entry(path).remove()


def _private_folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"agenteval-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise SandboxError(f"{folder} cannot be made: {error.strerror}; TMPDIR names another place") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise SandboxError(
            f"{folder} must be a folder that is yours alone (mode 700), and is not: remove it, or name another place "
            "for temporary files with TMPDIR"
        )
    return folder


def _is_orphan(name: str) -> bool:
    """Whether it is an entry whose owner is gone. What other pid namespaces own is left alone."""
    found = _NAME.fullmatch(name)
    if found is None or found["namespace"] != _namespace():
        return False
    return _start_time(int(found["pid"])) != found["start"]


def _namespace() -> str:
    return re.sub(r"\D", "", str(Path("/proc/self/ns/pid").readlink()))


def _start_time(pid: int) -> str:
    """Clock ticks from the boot to its start; empty where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()[19].decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""
