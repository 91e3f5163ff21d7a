"""What an agent may try to get out of bubblewrap, to harm its host, or to outlive its trial."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import pytest

from agenteval.sandbox import Isolation, SandboxError, SandboxLimits, bubblewrap
from agenteval.sandbox.python import this_python
from agenteval.sandbox.spawner import NODES

pytestmark = pytest.mark.usefixtures("bwrap")

PYTHON = shlex.quote(this_python().executable)
ROOM = SandboxLimits(seconds=60)


def script(code: str) -> list[str]:
    """A command that runs Python code inside: the interpreter that serves there is there."""
    return [this_python().executable, "-I", "-S", "-c", code]


def holders(marker: str) -> list[int]:
    """Pids on this machine whose command line holds a marker."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if marker.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found


def marked_sleep() -> str:
    """A number of seconds to sleep that nobody else sleeps."""
    return f"1000.{uuid.uuid4().int % 10**18}"


# --- the network


async def test_a_server_on_the_host_is_out_of_reach():
    reached: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append((await reader.readline()).decode())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    code = f"import socket; s = socket.create_connection(('127.0.0.1', {port}), 5); s.sendall(b'%s\\n'); s.recv(1)"
    from_here = await asyncio.create_subprocess_exec(*script(code.replace("%s", "host")))
    assert await from_here.wait() == 0
    async with bubblewrap(ROOM) as sandbox:
        done = await sandbox.exec(script(code.replace("%s", "sandbox")))
    server.close()
    assert (reached, done.exit_code) == (["host\n"], 1)
    assert b"ConnectionRefusedError" in done.stderr  # its own loopback is empty


async def test_there_is_no_other_interface_and_no_route():
    async with bubblewrap(ROOM) as sandbox:
        names = await sandbox.exec("cut -d: -f1 /proc/net/dev | tail -n +3; tail -n +2 /proc/net/route")
        away = await sandbox.exec(script("import socket; socket.create_connection(('192.0.2.1', 80), 5)"))
    assert names.stdout.split() == [b"lo"]
    assert b"Network is unreachable" in away.stderr


async def test_sockets_that_belong_to_no_network_namespace_are_refused():
    name = f"\0agenteval-{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        connect = f"import socket; socket.socket(socket.AF_UNIX).connect({name!r})"
        assert subprocess.run(script(connect), check=False).returncode == 0
        async with bubblewrap(ROOM) as sandbox:
            assert b"ConnectionRefusedError" in (await sandbox.exec(script(connect))).stderr
            if sandbox.isolation.system_calls == "filtered":
                vsock = await sandbox.exec(script("import socket; socket.socket(40, socket.SOCK_STREAM)"))
                assert b"Address family not supported" in vsock.stderr


# --- files of the host


async def test_files_of_the_host_are_not_there(repo: Path, tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("canary")
    home = Path.home()
    (home / "secret").write_text("canary")
    async with bubblewrap(ROOM) as other, bubblewrap(ROOM) as sandbox:
        await other.write("secret", b"canary")
        for path in ("/etc/shadow", secret, home / "secret", repo / "pyproject.toml", "secret"):
            done = await sandbox.exec(["cat", str(path)])
            assert (done.exit_code, b"No such file" in done.stderr) == (1, True), path
        found = await sandbox.exec("find / -xdev -name secret 2>/dev/null; ls -A /workspace /tmp /dev/shm")
        assert found.stdout == b"/dev/shm:\n\n/tmp:\n\n/workspace:\n"
        mounts = (await sandbox.exec("cat /proc/mounts")).stdout.decode()
    mounted = [line.split()[1:4] for line in mounts.splitlines()]
    writable = [(path, kind) for path, kind, options in mounted if not options.startswith("ro,")]
    own = [("/dev/shm", "tmpfs"), ("/tmp", "tmpfs"), ("/workspace", "tmpfs"), ("/dev/pts", "devpts")]
    devices = [] if os.getuid() == 0 else [(node, "devtmpfs") for node in NODES]  # a normal user does not own those
    assert sorted(writable) == sorted(own + [entry for entry in writable if entry in devices])


async def test_nothing_installed_beside_the_interpreter_is_there():
    async with bubblewrap(ROOM) as sandbox:
        code = "import os, sys; print([f for p in sys.path for f in (os.listdir(p) if os.path.isdir(p) else ())])"
        listed = (await sandbox.exec([this_python().executable, "-I", "-c", code])).stdout.decode()
    assert "agenteval" not in listed
    assert "pydantic" not in listed or this_python().executable.startswith("/usr/")


@pytest.mark.parametrize(
    "path",
    ["/usr/bin/planted", "/etc/planted", "/planted", "/dev/planted", "/run/planted", "/proc/planted"],
)
async def test_the_system_is_read_only(path: str):
    async with bubblewrap(ROOM) as sandbox:
        assert (await sandbox.exec(f"echo x > {path}")).exit_code != 0
        assert (await sandbox.exec(f"test -e {path}")).exit_code == 1


@pytest.mark.parametrize(
    "path", ["/proc/sys/kernel/core_pattern", "/proc/sys/vm/overcommit_memory", "/proc/sysrq-trigger"]
)
async def test_the_kernel_cannot_be_set(path: str):
    """The sandbox of root has root's user id, which owns these files. What is written is what stands there already."""
    async with bubblewrap(ROOM) as sandbox:
        done = await sandbox.exec(f'value=$(cat {path}); echo "$value" > {path}')
        assert done.exit_code != 0
        assert b"Read-only file system" in done.stderr or b"nonexistent" in done.stderr, done


@pytest.mark.parametrize("node", NODES)
async def test_devices_can_be_used_and_not_changed(node: str):
    """They are the host's own nodes, and owned by root. The mode that they would be given is the one that they have."""
    mode = format(os.stat(node).st_mode & 0o777, "o")
    async with bubblewrap(ROOM) as sandbox:
        done = await sandbox.exec(f"echo x > {node}")
        assert done.exit_code == {"/dev/full": 1, "/dev/tty": 2}.get(node, 0)  # full is full, and there is no terminal
        done = await sandbox.exec(f"chmod {mode} {node}")
        assert done.exit_code == 1
        assert b"Read-only file system" in done.stderr or b"not permitted" in done.stderr


# --- privileges


async def test_there_are_no_privileges_and_none_to_be_gained():
    async with bubblewrap(ROOM) as sandbox:
        assert sandbox.isolation.isolated
        status = (await sandbox.exec("cat /proc/self/status")).stdout.decode()
        facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert [int(facts[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")] == [0] * 5
        assert facts["NoNewPrivs"] == "1"
        assert (await sandbox.exec("id -u; id -G")).stdout == b"1000\n1000\n"


@pytest.mark.parametrize(
    "call",
    [
        "unshare(0x10000000)",  # a user namespace, in which it would have privileges
        "unshare(0x20000)",  # a mount namespace
        "mount(b'none', b'/workspace', b'tmpfs', 0, None)",
        "umount2(b'/proc', 2)",
        "ptrace(0, 0, 0, 0)",
        "setns(0, 0)",
        "syscall(442, -1, b'', 0, None, 0)",  # mount_setattr
        "syscall(425, 1, None)",  # io_uring_setup
        "personality and libc.chroot(b'/workspace')",
    ],
)
async def test_system_calls_that_attacks_begin_with_are_refused(call: str):
    code = f"import ctypes; libc = ctypes.CDLL(None, use_errno=True); r = libc.{call}; print(r, ctypes.get_errno())"
    async with bubblewrap(ROOM) as sandbox:
        if sandbox.isolation.system_calls != "filtered":
            pytest.skip("the numbers of this machine's system calls are not known")
        done = await sandbox.exec(script(code))
    assert done.stdout == b"-1 1\n", done.stderr  # EPERM


async def test_a_clone_into_a_user_namespace_is_refused_and_a_plain_one_is_not():
    code = "import ctypes; l = ctypes.CDLL(None, use_errno=True); f = l.syscall; print(f(NUMBER, FLAGS | 17, 0, 0, 0, 0) >= 0)"
    number = {"x86_64": 56, "aarch64": 220}.get(os.uname().machine)
    async with bubblewrap(ROOM) as sandbox:
        if number is None or sandbox.isolation.system_calls != "filtered":
            pytest.skip("the numbers of this machine's system calls are not known")
        done = await sandbox.exec(script(code.replace("NUMBER", str(number)).replace("FLAGS", "0x10000000")))
        assert done.stdout == b"False\n"
        done = await sandbox.exec(script(code.replace("NUMBER", str(number)).replace("FLAGS", "0")))
        assert done.stdout == b"True\nTrue\n"  # parent and child


# --- processes


async def test_processes_of_the_host_are_neither_seen_nor_signalled():
    async with bubblewrap(ROOM) as sandbox:
        done = await sandbox.exec(f"ls /proc | grep -c '^[0-9]'; kill -0 {os.getpid()}; echo $?")
        seen, _ = map(int, done.stdout.split())
    assert seen < 10
    assert b"No such process" in done.stderr


async def test_the_first_process_is_out_of_reach_of_the_commands():
    async with bubblewrap(ROOM) as sandbox:
        for attack in (
            "kill -9 1; kill -15 1; kill -2 1; kill -17 1",
            "for file in environ mem maps auxv; do head -c1 /proc/1/$file && echo READ $file; done",
            "for fd in /proc/1/fd/*; do readlink $fd && echo READ $fd; echo evil > $fd && echo WROTE $fd; done",
        ):
            done = await sandbox.exec(attack)
            assert b"READ" not in done.stdout, done
            assert b"WROTE" not in done.stdout, done
        done = await sandbox.exec("kill -9 -1; echo alive")  # everybody but the first process, itself aside
        assert done.exit_code in {0, 137}
        assert (await sandbox.exec("echo serves")).stdout == b"serves\n"


async def test_a_fork_bomb_is_bounded_and_dies_with_its_time():
    limits = SandboxLimits(processes=64)
    async with bubblewrap(limits) as sandbox:
        if sandbox.isolation.pids == "none":
            pytest.skip("nothing bounds processes here")
        done = await sandbox.exec("bomb() { bomb | bomb & }; bomb; while :; do :; done", timeout=1.0)
        assert done.timed_out
        assert b"fork" in done.stderr.lower()
        done = await sandbox.exec("ls /proc | grep -c '^[0-9]'")
        assert (done.exit_code, int(done.stdout) < 10) == (0, True)


async def test_a_fork_bomb_in_the_background_is_the_agents_own_trouble_and_ends_with_the_sandbox():
    marker = str(uuid.uuid4())
    bomb = f"import os  # {marker}\nos.setsid()\nwhile True:\n    try: os.fork()\n    except OSError: pass\n"
    async with bubblewrap(SandboxLimits(processes=32)) as sandbox:
        if sandbox.isolation.pids == "none":
            pytest.skip("nothing bounds processes here")
        await sandbox.write("bomb", bomb.encode())
        await sandbox.exec(f'{PYTHON} -I -S -c "$(cat bomb)" >/dev/null 2>&1 &')
        codes = {(await sandbox.exec("true")).exit_code for _ in range(200)}
        assert codes <= {0, 126}
        assert 126 in codes
        assert 20 < len(holders(marker)) <= 32
        assert (await sandbox.read("bomb")).decode() == bomb
    assert holders(marker) == []


async def test_memory_is_bounded_and_what_used_it_up_is_killed():
    async with bubblewrap(SandboxLimits(memory_bytes=100_000_000)) as sandbox:
        done = await sandbox.exec("tail /dev/zero")
        if sandbox.isolation.memory == "cgroup":
            assert (done.exit_code, done.out_of_memory) == (137, True)
        else:
            assert (done.exit_code, done.out_of_memory) == (1, None)
        done = await sandbox.exec("echo serves")
        assert (done.stdout, done.out_of_memory) == (b"serves\n", False if done.out_of_memory is not None else None)


async def test_commands_that_leave_no_memory_for_the_sandbox_itself_end_it_and_that_is_their_result():
    """Files count, and belong to no process: with them, the largest process is the sandbox's first one."""
    async with bubblewrap(SandboxLimits(memory_bytes=30_000_000)) as sandbox:
        if sandbox.isolation.memory != "cgroup":
            pytest.skip("memory is not bounded together here")
        for _ in range(2):
            done = await sandbox.exec("head -c 60000000 /dev/zero > big; exec sleep 1000", timeout=20)
            assert (done.exit_code, done.out_of_memory, done.timed_out) == (137, True, False)


async def test_files_are_bounded_one_by_one_and_together():
    async with bubblewrap(SandboxLimits(file_bytes=1_000_000, disk_bytes=4_000_000)) as sandbox:
        one = await sandbox.exec("head -c 2000000 /dev/zero > big")
        assert one.exit_code == 128 + 25  # SIGXFSZ
        assert len(await sandbox.read("big")) == 1_000_000
        many = await sandbox.exec("i=0; while head -c 1000000 /dev/zero > f$i; do i=$((i+1)); done")
        assert b"No space left on device" in many.stderr
        for folder in ("/dev/shm", "/tmp"):
            more = await sandbox.exec(f"head -c 900000 /dev/zero > {folder}/f")
            assert b"No space left on device" in more.stderr
        with pytest.raises(OSError, match="No space left"):
            await sandbox.write("one-more", b"x" * 900_000)


async def test_a_gigabyte_of_output_is_counted_and_not_kept():
    async with bubblewrap(ROOM) as sandbox:
        done = await sandbox.exec("head -c 1000000000 /dev/zero")
    assert (done.exit_code, done.stdout_bytes, len(done.stdout)) == (0, 10**9, SandboxLimits().output_bytes)


# --- secrets


async def test_the_environment_of_the_harness_is_nowhere(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXAMPLE_API_KEY", "canary-5f1c")
    async with bubblewrap(ROOM) as sandbox:
        everything = await sandbox.exec("env; cat /proc/*/environ /proc/*/cmdline /proc/*/task/*/environ")
        assert b"canary-5f1c" not in everything.stdout + everything.stderr
        assert b"EXAMPLE_API_KEY" not in everything.stdout + everything.stderr


# --- the end


def groups() -> list[Path]:
    """Control groups of sandboxes of this test's process."""
    found: list[Path] = []
    for folder, names, _ in os.walk("/sys/fs/cgroup"):
        found += [Path(folder, name) for name in names if name.startswith("agenteval-") and f".{os.getpid()}." in name]
    return found


def private_folder() -> Path:
    return Path(tempfile.gettempdir()) / f"agenteval-{os.getuid()}"


async def test_closing_leaves_nothing():
    marker = marked_sleep()
    async with bubblewrap(ROOM) as sandbox:
        await sandbox.exec(f"setsid sleep {marker} & (sleep {marker} &) & nohup sleep {marker} &")
        assert len(holders(marker)) == 3
        bounded = sandbox.isolation.memory == "cgroup"
        assert len(groups()) == (0 if not bounded else len({g.parent for g in groups()}))
        assert bool(groups()) == bounded
    assert (holders(marker), groups()) == ([], [])
    assert [name for name in os.listdir(private_folder()) if f".{os.getpid()}." in name] == []


async def test_a_cancelled_trial_closes_its_sandbox_too():
    marker = marked_sleep()
    running = asyncio.Event()

    async def trial() -> None:
        async with bubblewrap(ROOM) as sandbox:
            await sandbox.exec(f"sleep {marker} &")
            running.set()
            await sandbox.exec("sleep 1000")

    task = asyncio.create_task(trial())
    await running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (holders(marker), groups()) == ([], [])


HARNESS = """
import asyncio, sys
from agenteval.sandbox import bubblewrap, local

async def main():
    async with {"bubblewrap": bubblewrap, "local": local}[sys.argv[1]]() as sandbox:
        await sandbox.exec(f"setsid sleep {sys.argv[2]} & (nohup sleep {sys.argv[2]} >/dev/null 2>&1 &) &")
        print("ready", flush=True)
        await sandbox.exec(f"sleep {sys.argv[2]}")

asyncio.run(main())
"""


@pytest.mark.parametrize("provider", ["bubblewrap", "local"])
async def test_kill_9_of_the_harness_leaves_nothing_that_the_next_start_does_not_remove(provider: str):
    marker = marked_sleep()
    harness = subprocess.Popen([sys.executable, "-c", HARNESS, provider, marker], stdout=subprocess.PIPE, text=True)
    assert harness.stdout is not None
    assert harness.stdout.readline() == "ready\n"
    asleep = [pid for pid in holders(marker) if pid != harness.pid]
    while len(asleep) < 3:  # the last command has begun, or is about to
        asleep = [pid for pid in holders(marker) if pid != harness.pid]
    ends = [os.pidfd_open(pid) for pid in asleep]
    harness.kill()
    harness.wait()
    harness.stdout.close()
    for end in ends:
        await ended(end)
    name = f".{harness.pid}."
    async with bubblewrap(ROOM):
        assert [entry for entry in os.listdir(private_folder()) if name in entry] == []
        left = [folder for folder, _, _ in os.walk("/sys/fs/cgroup") if name in folder]
        assert left == []
    assert holders(marker) == []


async def ended(pidfd: int) -> None:
    """Wait until a process is gone."""
    loop = asyncio.get_running_loop()
    gone = loop.create_future()
    loop.add_reader(pidfd, lambda: gone.done() or gone.set_result(None))
    await gone
    loop.remove_reader(pidfd)
    os.close(pidfd)


# --- what goes wrong with the provider itself


async def test_without_bubblewrap_it_says_what_to_install_and_falls_back_on_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match=r"not installed.*apt-get install bubblewrap.*--sandbox local"):
        async with bubblewrap():
            pass


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("bwrap: No permissions to create new namespace", "needs user namespaces.*max_user_namespaces"),
        ("bwrap: Unknown option --as-pid-1", "does not work here: bwrap: Unknown option.*apt-get install"),
    ],
)
async def test_a_bubblewrap_that_does_not_work_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str, told: str
):
    (tmp_path / "bwrap").write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match=told):
        async with bubblewrap():
            pass
    assert groups() == []


async def test_a_sandbox_that_breaks_is_no_result_of_the_command():
    marker = marked_sleep()
    async with bubblewrap(ROOM) as sandbox:
        waiting = asyncio.create_task(sandbox.exec(f"exec sleep {marker}"))
        while not (found := holders(f"sleep\0{marker}")):
            await asyncio.sleep(0)
        status = Path(f"/proc/{found[0]}/status").read_text()
        os.kill(int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid"))), 9)
        with pytest.raises(SandboxError, match="ended while it was at work"):
            await waiting
        with pytest.raises(SandboxError, match="has ended"):
            await sandbox.exec("true")
    assert holders(marker) == []


async def test_elsewhere_than_on_linux_it_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxError, match="sandboxes need Linux, and this is darwin"):
        async with bubblewrap():
            pass


# --- isolation, as told


async def test_isolation_is_told_as_it_is():
    async with bubblewrap(ROOM) as sandbox:
        told = sandbox.isolation
    bound = "cgroup" if told.memory == "cgroup" else "rlimit"
    assert told == Isolation(
        provider="bubblewrap",
        network="none",
        files="private",
        processes="private",
        privileges="none",
        system_calls=told.system_calls,
        memory=bound,
        pids=told.pids,
    )
    assert told.text.startswith("bubblewrap: no network, own files, own processes, no privileges, ")
