"""The first process of a sandbox: takes commands from the host over a socket, starts them, and kills what they started.

It is never imported, but run by a Python of its own, with the standard library alone:

    python -I -S inside.py CONTROL_FD WORK_FOLDER [PATH_THAT_MUST_NOT_BE_ITS_OWN ...]

One packet is one message, its fields separated by NUL. From the host: `limit`, nothing, resource limits; `run`, id,
folder, program, arguments, with three descriptors; `kill`, id. To the host: `ready`, what it finds to hold, with the
descriptor of the work folder; `exit`, id, exit code as a shell gives it. When the host is gone the socket ends, and so
does everything here.

Orphans of what a command started fall to the command while it runs (PR_SET_CHILD_SUBREAPER outlives `exec`), so that
one that runs too long is killed with all that it started, sessions of their own and double forks included, and nothing
else is. This process cannot be traced or looked into by the commands, which run as the same user: it is not dumpable.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from typing import NoReturn

_DUMPABLE, _SUBREAPER = 4, 36  # numbers of prctl(2)
_LONGEST = 1 << 18
_ROUNDS = 200
_ROUND_S = 0.001
_NOT_FOUND, _CANNOT_RUN = 127, 126
_FACTS = ("NoNewPrivs", "Seccomp", "CapEff", "CapPrm", "CapBnd")
_NAMESPACES = ("net", "mnt", "pid", "ipc", "uts", "user")

_DEAF = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_limits: list[bytes] = []


def main(control: socket.socket, folder: str, foreign: Sequence[str]) -> None:
    """Serve until the host is gone."""
    work = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    facts = "\n".join(_facts(foreign)).encode()
    _prctl(_DUMPABLE, 0)
    _prctl(_SUBREAPER, 1)
    woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, _wake)
    for number in _DEAF:
        signal.signal(number, signal.SIG_IGN)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    socket.send_fds(control, [b"ready\0" + facts], [work])
    running: dict[int, bytes] = {}
    while True:
        ready, _, _ = select.select([control, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _reap(control, running)
        if control in ready and not _serve(control, running):
            return


def _wake(number: int, frame: object) -> None:
    """Nothing: that a signal came is what the descriptor of `set_wakeup_fd` tells."""


def _serve(control: socket.socket, running: dict[int, bytes]) -> bool:
    """Do what one message asks for; False where the host is gone.

    Args:
        control: Where it comes from.
        running: Pid and id of each command at work.
    """
    message, given, _, _ = socket.recv_fds(control, _LONGEST, 3)
    if not message:
        return False
    kind, number, *fields = message.split(b"\0")
    if kind == b"run":
        pid = _start(fields[0], fields[1:], given)
        if pid is None:
            control.send(b"exit\0%s\0%d" % (number, _CANNOT_RUN))
        else:
            running[pid] = number
    elif kind == b"limit":
        _limits[:] = fields
    elif kind == b"kill":
        for pid, known in list(running.items()):
            if known == number:
                _kill(pid)
    for descriptor in given:
        os.close(descriptor)
    return True


def _reap(control: socket.socket, running: dict[int, bytes]) -> None:
    """Bury the dead, and tell the host of commands among them."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        number = running.pop(pid, None)
        if number is not None:
            control.send(b"exit\0%s\0%d" % (number, _shell_code(status)))


# --- starting


def _start(folder: bytes, command: Sequence[bytes], streams: Sequence[int]) -> int | None:
    """Start a command; its pid, or None where no process can be made."""
    try:
        pid = os.fork()
    except OSError as error:
        _complain(streams[2], f"no process can be started: {error.strerror}")
        return None
    if pid == 0:
        _become(folder, command, streams)
    return pid


def _become(folder: bytes, command: Sequence[bytes], streams: Sequence[int]) -> NoReturn:
    """Turn this process into the command. What it has besides its streams is closed by `exec`."""
    signal.set_wakeup_fd(-1)
    os.setsid()
    _prctl(_SUBREAPER, 1)
    for target, descriptor in enumerate(streams):
        os.dup2(descriptor, target)
    for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ, *_DEAF):
        signal.signal(number, signal.SIG_DFL)
    try:
        for limit in _limits:
            _limit(limit.decode())
        os.chdir(folder)
        os.execvpe(command[0], list(command), os.environ)  # noqa: S606 (a sandbox runs what it is told to)
    except OSError as error:
        name = os.fsdecode(folder if error.filename == folder else command[0])
        _complain(2, f"{name}: {error.strerror}")
        os._exit(_NOT_FOUND if isinstance(error, FileNotFoundError) else _CANNOT_RUN)


def _complain(descriptor: int, text: str) -> None:
    try:
        os.write(descriptor, f"sandbox: {text}\n".encode(errors="replace"))
    except OSError:
        return  # nobody listens


def _shell_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


# --- killing


def _kill(command: int) -> None:
    """Kill what a command started, and the command last: stopped, it lets no orphan fall through."""
    _signal(command, signal.SIGSTOP)
    if not _kill_below(command) and os.getpid() == 1:
        # born faster than they are found. This signal reaches all at once: they are all there is in this namespace
        os.kill(-1, signal.SIGKILL)
    _signal(command, signal.SIGKILL)


def _kill_below(root: int) -> bool:
    """Kill all descendants of a process; False where there are always new ones."""
    for _ in range(_ROUNDS):
        found = _descendants(root)
        if not found:
            return True
        for pid in found:
            _signal(pid, signal.SIGKILL)
        if root == os.getpid():
            _bury()
        time.sleep(_ROUND_S)
    return False


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return  # it ended meanwhile, or is nobody's to kill


def _bury() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _descendants(root: int) -> list[int]:
    """The living processes below a process."""
    children: dict[int, list[int]] = {}
    for pid, parent in _living():
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.pop(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _living() -> Iterator[tuple[int, int]]:
    """Pid and parent of every process; of dead ones, too, where something living is below them."""
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                state, parent = file.read(1024).rpartition(b") ")[2].split()[:2]
        except (OSError, ValueError):
            continue  # it ended meanwhile
        if state not in {b"Z", b"X"}:
            yield int(name), int(parent)


# --- what holds


def _facts(foreign: Sequence[str]) -> Iterator[str]:
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        yield from (line.replace("\t", "").strip() for line in file if line.partition(":")[0] in _FACTS)
    for name in _NAMESPACES:
        yield f"{name}:{os.readlink(f'/proc/self/ns/{name}')}"
    yield f"owns:{' '.join(filter(_owned, foreign))}"


def _owned(path: str) -> bool:
    """Whether this user may change what lies there, or at least its mode."""
    try:
        found, flags = os.stat(path), os.statvfs(path).f_flag
    except OSError:
        return False
    return found.st_uid == os.getuid() and not flags & os.ST_RDONLY


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _limit(text: str) -> None:
    """Set a resource limit, as `FSIZE=1000`, for this process and all below it; never above what it has."""
    name, _, value = text.partition("=")
    kind = getattr(resource, f"RLIMIT_{name}")
    most = resource.getrlimit(kind)[1]
    wanted = int(value) if most == resource.RLIM_INFINITY else min(int(value), most)
    resource.setrlimit(kind, (wanted, wanted))


def _end(folder: str) -> None:
    """Kill what is left, and remove the folder. The end of a namespace does both without us."""
    if os.getpid() == 1:
        return
    _kill_below(os.getpid())
    import shutil  # noqa: PLC0415 (only where no namespace takes the folder along)

    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    os.umask(0o022)
    host = socket.socket(fileno=int(sys.argv[1]))
    host.set_inheritable(False)
    try:
        main(host, sys.argv[2], sys.argv[3:])
    finally:
        _end(sys.argv[2])
