"""Limits in, a sandbox made by bubblewrap out: own namespaces, no network, a read-only system, a folder in memory.

It sees `/usr` and what a Debian links beside it, a few files of `/etc` that are written for it, and this Python's
interpreter, all read-only; it writes to its work folder and to `/tmp`, which lie in memory and vanish with it. Nothing
of it is on a disk of the host. Works as root, and as any user where user namespaces may be made.
"""

from __future__ import annotations

import json
import os
import platform
import re
import select
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from agenteval.core.sandbox import Isolation
from agenteval.errors import SandboxError
from agenteval.sandbox.cgroups import Group, places
from agenteval.sandbox.hosted import ENVIRONMENT, INSIDE, HostedSandbox, Start
from agenteval.sandbox.limits import SandboxLimits
from agenteval.sandbox.python import SYSTEM, this_python
from agenteval.sandbox.registry import Entry, enter
from agenteval.sandbox.seccomp import filter_for
from agenteval.sandbox.spawner import NODES, spawn

NAME = "bubblewrap"
FOLDER = "/workspace"

_INSIDE = "/run/agenteval/inside.py"
_TEMPORARY = "/tmp"  # noqa: S108 (the sandbox's own)
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 (likewise)
_END_MS = 10_000
_OPEN_FILES = 1024
_OWN = ("net", "mnt", "pid", "ipc", "uts", "user")
_NAMESPACES = (
    *("--unshare-user", "--unshare-all", "--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL"),
    *("--uid", "1000", "--gid", "1000", "--hostname", "sandbox", "--clearenv"),
)
_WATCHED = ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/self/oom_score_adj")
_SHARED_ETC = ("/etc/ld.so.cache", "/etc/alternatives")
_UCOUNTS_SINCE = (5, 14)  # from this kernel on RLIMIT_NPROC counts the processes of a user namespace, not of the user
_ETC = {
    "passwd": f"root:x:0:0::/:/bin/sh\nagent:x:1000:1000::{_TEMPORARY}:/bin/sh\n",
    "group": "root:x:0:\nagent:x:1000:\n",
    "hosts": "127.0.0.1 localhost sandbox\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
_REMEDY = (
    "Install it (Debian, Ubuntu: apt-get install bubblewrap), or pass --sandbox local, which isolates nothing and lets "
    "the agent's commands do whatever you may do."
)
_NAMESPACES_REMEDY = (
    "bubblewrap needs user namespaces. In a container, allow CLONE_NEWUSER (Docker: --security-opt "
    "seccomp=unconfined); in a chroot there are none; on a host, look at the sysctls user.max_user_namespaces, "
    "kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns. "
    "Or pass --sandbox local, which isolates nothing."
)


def bubblewrap(limits: SandboxLimits | None = None) -> HostedSandbox:
    """A sandbox made by bubblewrap, to be opened with `async with`.

    Args:
        limits: What it may use.
    """
    return HostedSandbox(_Bubblewrap, limits or SandboxLimits())


class _Bubblewrap:
    """One sandbox. Implements `hosted.Launcher`."""

    folder = FOLDER

    def __init__(self, limits: SandboxLimits) -> None:
        found = shutil.which("bwrap")
        if found is None:
            raise SandboxError(f"bubblewrap (bwrap) is not installed, and scenarios with a shell need it. {_REMEDY}")
        self.group: Group | None = None
        self._program = found
        self._limits = limits
        self._info = -1
        self._first: int | None = None  # a descriptor of the first process in it
        self._entry: Entry | None = None
        self._filtered = False

    def start(self) -> Start:
        """The command line of bwrap."""
        self._info, info = os.pipe()
        given = [info]
        command = [self._program, *_NAMESPACES, "--info-fd", str(info)]
        code = filter_for(platform.machine())
        if code is not None:
            given.append(_in_memory(code))
            command += ["--seccomp", str(given[-1])]
        for name, text in _ETC.items():
            given.append(_in_memory(text.encode()))
            command += ["--ro-bind-data", str(given[-1]), f"/etc/{name}"]
        for name, value in {**ENVIRONMENT, "HOME": _TEMPORARY}.items():
            command += ["--setenv", name, value]
        command += [*_system(), *self._own_folders(), *_python(), "--remount-ro", "/", "--chdir", FOLDER]
        python = this_python().executable
        command += ["--", python, "-I", "-S", "-B", _INSIDE, "{control}", FOLDER, *NODES, *_WATCHED]
        return Start(command=command, environment={}, descriptors=given, run=spawn)

    def started(self, facts: Mapping[str, str]) -> Isolation:
        """What holds; refused where a namespace is missing."""
        pid = int(json.loads(os.read(self._info, 4096))["child-pid"])
        self._first = os.pidfd_open(pid)
        shared = [name for name in _OWN if facts[name] == str(Path(f"/proc/self/ns/{name}").readlink())]
        if shared or int(facts["CapEff"], 16) or facts["NoNewPrivs"] != "1":
            raise SandboxError(f"bwrap did not isolate what it started: {facts}. {_REMEDY}")
        if facts["owns"]:
            raise SandboxError(
                f"a sandbox of root could change what belongs to root: {facts['owns']}. Run as a normal user, or as "
                "root with the capability CAP_SYS_ADMIN, which takes that away from it."
            )
        self._bound(pid)
        held = "cgroup" if self.group is not None else None
        return Isolation(
            provider=NAME,
            network="none",
            files="private",
            processes="private",
            privileges="none",
            system_calls="filtered" if facts["Seccomp"] == "2" else "host",
            memory=held or "rlimit",
            pids=held or ("rlimit" if _counts_by_namespace() else "none"),
        )

    def resource_limits(self) -> Iterator[str]:
        """Those of each process; of memory and processes only where no control group bounds them together."""
        yield from (f"FSIZE={self._limits.file_bytes}", "CORE=0", f"NOFILE={_OPEN_FILES}")
        if self.group is None:
            yield f"AS={self._limits.memory_bytes}"
            if _counts_by_namespace():
                yield f"NPROC={self._limits.processes}"

    def failed(self, said: str) -> SandboxError:
        """What bwrap said, and what to do."""
        remedy = _NAMESPACES_REMEDY if "namespace" in said or "uid map" in said else _REMEDY
        return SandboxError(
            f"bubblewrap does not work here: {said.rstrip('.') or 'it did not come up in time'}. {remedy}"
        )

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Kill its first process: the kernel ends all others of its namespace before that one is gone."""
        if self._first is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._first, signal.SIGKILL)
            poll = select.poll()
            poll.register(self._first, select.POLLIN)
            poll.poll(_END_MS)
            os.close(self._first)
        process.kill()
        process.wait()
        os.close(self._info)
        if self._entry is not None:
            self._entry.remove()

    def _bound(self, pid: int) -> None:
        """Put it into a control group, where one can be had. It has started nothing yet."""
        self._entry = enter()
        for group in places(self._entry.name):
            self._entry.note_groups(group.folders)
            try:
                group.make(self._limits)
                group.add(pid)
            except OSError:
                continue  # not ours to make
            self.group = group
            return

    def _own_folders(self) -> Iterator[str]:
        whole, part = str(self._limits.disk_bytes), str(max(1, self._limits.disk_bytes // 8))
        # the sandbox of root has root's user id, though no privilege: what of /proc belongs to root it could write to
        yield from ("--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev")
        yield from ("--size", part, "--tmpfs", _SHARED_MEMORY, "--remount-ro", "/dev")
        yield from ("--perms", "1777", "--size", part, "--tmpfs", _TEMPORARY)
        yield from ("--perms", "0755", "--size", whole, "--tmpfs", FOLDER)


def _system() -> Iterator[str]:
    """The system, read-only, with the links that stand beside `/usr` where folders were merged into it."""
    for folder in map(Path, SYSTEM):
        if folder.is_symlink():
            yield from ("--symlink", str(folder.readlink()), str(folder))
        elif folder.is_dir():
            yield from ("--ro-bind", str(folder), str(folder))
    for path in _SHARED_ETC:
        yield from ("--ro-bind-try", path, path)


def _python() -> Iterator[str]:
    """What runs `inside.py`, without anything that was installed into it."""
    python = this_python()
    for part in python.parts:
        yield from ("--ro-bind", part, part)
    for folder in python.hidden:
        yield from ("--tmpfs", folder, "--remount-ro", folder)
    yield from ("--ro-bind", str(INSIDE), _INSIDE)


def _in_memory(data: bytes) -> int:
    descriptor = os.memfd_create("agenteval")
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _counts_by_namespace() -> bool:
    """Whether a limit of processes counts those of this user namespace alone. Root of the host is not held by it."""
    major, minor = platform.release().split(".")[:2]
    return os.getuid() != 0 and (int(major), int(re.sub(r"\D.*", "", minor))) >= _UCOUNTS_SINCE
