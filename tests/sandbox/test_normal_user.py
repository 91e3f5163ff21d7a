"""The same without privileges: as a user who owns nothing and may make no control group."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

NOBODY = 65534

PROGRAM = """
import asyncio, json
from agenteval.sandbox import SandboxLimits, bubblewrap
from agenteval.testing.sandboxes import sandbox_conformance

async def main():
    async with bubblewrap(SandboxLimits(memory_bytes=200_000_000, processes=60, seconds=5)) as sandbox:
        isolation = sandbox.isolation
        memory = await sandbox.exec("tail /dev/zero")
        bomb = await sandbox.exec("bomb() { bomb | bomb & }; bomb; while :; do :; done", timeout=1.0)
        after = await sandbox.exec("ls /proc | grep -c '^[0-9]'; kill -9 1; chmod 666 /dev/null; echo x > /proc/sys/vm/swappiness")
    await sandbox_conformance(bubblewrap)
    print(json.dumps([isolation.memory, isolation.pids, isolation.isolated, memory.exit_code, memory.out_of_memory,
                      b"fork" in bomb.stderr, bomb.timed_out, after.exit_code, after.stdout.decode()]))

asyncio.run(main())
"""


def interpreter(packages: str) -> str:
    """A Python of this version that this user can run; skips the test where there is none."""
    if os.getuid() != 0:
        return sys.executable
    code = "import sys; print(sys.version_info[:2])"
    for candidate in (sys.executable, shutil.which("python3", path="/usr/bin:/usr/local/bin")):
        command = [candidate, "-c", f"import pydantic; {code}"] if candidate else ["false"]
        env = {"PYTHONPATH": packages}
        try:
            done = subprocess.run(
                command, user=NOBODY, group=NOBODY, env=env, capture_output=True, text=True, check=False
            )
        except PermissionError:
            continue
        if done.stdout.strip() == str(sys.version_info[:2]):
            return str(candidate)
    pytest.skip("no Python of this version that a normal user could run with these packages")


@pytest.mark.usefixtures("bwrap")
def test_a_normal_user_sits_the_same_exam(repo: Path):
    packages = f"{repo}{os.pathsep}{sysconfig.get_path('purelib')}"
    python = interpreter(packages)
    own = {} if os.getuid() != 0 else {"user": NOBODY, "group": NOBODY}
    done = subprocess.run(
        [python, "-B", "-c", PROGRAM],
        cwd="/",
        env={"PYTHONPATH": packages, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        **own,
    )
    if "needs user namespaces" in done.stderr:
        pytest.skip("this machine lets no normal user make user namespaces")
    assert done.returncode == 0, done.stderr
    memory, pids, isolated, code, oom, forked_out, timed_out, after, counted = json.loads(done.stdout)
    assert isolated
    assert (memory, code, oom) in (("rlimit", 1, None), ("cgroup", 137, True))
    assert (pids, forked_out, timed_out) in (("rlimit", True, True), ("cgroup", True, True))
    assert (after, int(counted) < 10) == (2, True)
