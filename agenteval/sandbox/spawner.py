"""A command line in, a process out that sees the host's devices read-only, where that takes doing.

bubblewrap binds the host's own `/dev/null` and its like into a sandbox. They belong to root: the sandbox of a normal
user cannot change their modes, but the one of root could, since it has root's user id, and bubblewrap can bind devices
or bind read-only, not both. So where root runs us, one thread has a mount namespace of its own, in which they are
read-only, and every sandbox is started from there. Mounts that the host makes later are seen in it; nothing of it is
seen outside.

A thread that lasts is wanted anyway: a sandbox ends with the thread that started it (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import ctypes
import functools
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

NODES = tuple(f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty"))
"""What bubblewrap binds from the host."""

_NEWNS = 0x20000
_RDONLY, _REMOUNT, _BIND, _REC, _SLAVE = 1, 32, 4096, 16384, 1 << 19
_KEPT = {os.ST_NOSUID: 2, os.ST_NOEXEC: 8, os.ST_NOATIME: 1024, os.ST_NODIRATIME: 2048, os.ST_RELATIME: 1 << 21}


def spawn(start: Callable[[], subprocess.Popen[Any]]) -> subprocess.Popen[Any]:
    """Start a process from that thread, and wait until it is started. Raises what `start` raises."""
    return _thread().submit(start).result()


@functools.cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="agenteval-spawner", initializer=_seal)


def _seal() -> None:
    """Make the devices read-only for this thread. Where that may not be, the sandbox finds out and is not used."""
    if os.getuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEWNS) != 0 or libc.mount(None, b"/", None, _REC | _SLAVE, None) != 0:
        return
    for node in map(os.fsencode, NODES):
        if libc.mount(node, node, None, _BIND, None) == 0:
            flags = os.statvfs(node).f_flag
            kept = sum(value for flag, value in _KEPT.items() if flags & flag)
            libc.mount(None, node, None, _BIND | _REMOUNT | _RDONLY | kept, None)
