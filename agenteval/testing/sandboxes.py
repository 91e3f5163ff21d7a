"""The exam of a `Sandbox`: checks that every provider must pass, ours as anyone's. Needs no test framework.

Example:
    Sit the whole exam, or one check at a time with a framework of your choice:

    ```python
    await sandbox_conformance(lambda limits: MySandbox(limits))


    @pytest.mark.parametrize("check", SANDBOX_CHECKS, ids=lambda check: check.__name__)
    async def test_my_sandbox(check):
        await check(lambda limits: MySandbox(limits))
    ```

It asks nothing of the isolation, of which there is more or less. It needs `sh` and the usual tools in the sandbox.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from agenteval.core.ports import Sandbox
from agenteval.core.sandbox import Completed
from agenteval.errors import SandboxError
from agenteval.sandbox.limits import SandboxLimits
from agenteval.testing.store_parts import same

MakeSandbox: TypeAlias = Callable[[SandboxLimits], Sandbox]
"""Gives a sandbox that is not opened yet, a new one each time."""

_LIMITS = SandboxLimits()
_FOR_EVER = 1000
_OFTEN = 1000
_LONGER_THAN_IT_TAKES = 60.0


async def sandbox_conformance(make: MakeSandbox) -> None:
    """Sit the whole exam. Raises AssertionError at the first answer that is wrong."""
    for check in SANDBOX_CHECKS:
        await check(make)


# --- commands


async def commands_end_as_a_shell_tells(make: MakeSandbox) -> None:
    """Exit codes, both streams, signals, programs that are not there or cannot be run."""
    async with make(_LIMITS) as sandbox:
        _ended(await sandbox.exec("echo out; echo err >&2; exit 3"), 3, b"out\n", b"err\n")
        _ended(await sandbox.exec("kill -9 $$"), 128 + 9)
        _ended(await sandbox.exec("exit 0"), 0)
        same((await sandbox.exec(["no-such-program"])).exit_code, 127, "a program that is not there")
        same((await sandbox.exec(["."])).exit_code, 126, "a program that cannot be run")
        same((await sandbox.exec("true", cwd="no/such/folder")).exit_code, 127, "a folder that is not there")


async def arguments_arrive_as_they_are(make: MakeSandbox) -> None:
    """A list is no shell line: nothing in it is split, expanded or lost."""
    words = ["two words", "", "$HOME `id` *", "a'b\"c\\d", "line\nbreak", "Grüße 日本"]
    async with make(_LIMITS) as sandbox:
        done = await sandbox.exec(["printf", "%s\\0", *words])
        same(done.stdout.decode().split("\0")[:-1], words, "the arguments")


async def standard_input_is_what_was_given(make: MakeSandbox) -> None:
    """All of it, then its end; its end at once where nothing was given."""
    data = bytes(range(256)) * 8192
    async with make(_LIMITS) as sandbox:
        done = await sandbox.exec("sha256sum", stdin=data)
        same(done.stdout.split()[0].decode(), hashlib.sha256(data).hexdigest(), "what came in")
        _ended(await sandbox.exec("cat"), 0)


async def commands_start_in_the_work_folder(make: MakeSandbox) -> None:
    """There, or in a folder relative to it."""
    async with make(_LIMITS) as sandbox:
        _ended(await sandbox.exec("pwd -P; mkdir -p a/b"), 0, f"{sandbox.folder}\n".encode())
        _ended(await sandbox.exec("pwd -P", cwd="a/b"), 0, f"{sandbox.folder}/a/b\n".encode())


async def the_environment_is_pinned(make: MakeSandbox) -> None:
    """Time zone, language and hash seed are the same everywhere, and nothing of ours is to be seen."""
    name = "EXAM_SECRET"
    os.environ[name] = "canary"
    try:
        async with make(_LIMITS) as sandbox:
            told = (await sandbox.exec("env")).stdout.decode()
            again = await sandbox.exec('echo "$TZ,$LANG,$LC_ALL,$PYTHONHASHSEED"; umask')
    finally:
        del os.environ[name]
    _demand(name not in told, "a variable of ours was passed on")
    _ended(again, 0, b"UTC,C.UTF-8,C.UTF-8,0\n0022\n")


async def what_is_no_command_is_refused(make: MakeSandbox) -> None:
    """Nothing to run, a NUL, or more than a system call takes."""
    async with make(_LIMITS) as sandbox:
        for wrong in ([], "echo \0", ["echo", "a\0b"]):
            await _raises(ValueError, sandbox.exec(wrong), f"the command {wrong!r}")
        await _raises(OSError, sandbox.exec("#" * 2_000_000), "a command of 2 MB")
        _ended(await sandbox.exec("echo still here"), 0, b"still here\n")


# --- output


async def output_is_bounded_and_counted(make: MakeSandbox) -> None:
    """The head of each stream is kept to the byte, and all of it is counted."""
    async with make(SandboxLimits(output_bytes=1000)) as sandbox:
        done = await sandbox.exec("head -c 3000000 /dev/zero | tr '\\0' x; printf '\\377\\0\\n' >&2")
        same((done.exit_code, done.stdout, done.stdout_bytes), (0, b"x" * 1000, 3_000_000), "a long stream")
        same((done.stderr, done.stderr_bytes, done.truncated), (b"\xff\0\n", 3, True), "a short one that is no text")
        done = await sandbox.exec("printf done")
        same((done.stdout, done.stdout_bytes, done.truncated), (b"done", 4, False), "a stream that fits")


async def endless_output_ends_with_its_time(make: MakeSandbox) -> None:
    """A command that never stops writing is killed like any other."""
    async with make(SandboxLimits(output_bytes=1000)) as sandbox:
        done = await sandbox.exec("yes", timeout=0.3)
        same((done.timed_out, done.exit_code, done.stdout), (True, None, b"y\n" * 500), "endless output")
        _demand(done.stdout_bytes > 1000, "what was not kept was not counted")


async def the_background_does_not_hold_a_command_up(make: MakeSandbox) -> None:
    """A command ends when it ends, though something that it started keeps its output open; that goes on."""
    async with make(_LIMITS) as sandbox:
        done = await sandbox.exec(f"sleep {_FOR_EVER} & echo $!", timeout=_LONGER_THAN_IT_TAKES)
        _demand(not done.timed_out, "a command waited for what it left in the background")
        _ended(await sandbox.exec(f"kill -0 {done.stdout.decode()}"), 0)
        done = await sandbox.exec("yes & echo over", timeout=_LONGER_THAN_IT_TAKES)
        _demand(not done.timed_out, "a command waited for what goes on writing in the background")


# --- time


async def time_runs_out_for_all_that_was_started(make: MakeSandbox) -> None:
    """Sessions of their own, double forks, `nohup`, and whoever ignores signals: all are gone, and nothing else is."""
    async with make(_LIMITS) as sandbox:
        earlier = (await sandbox.exec(f"sleep {_FOR_EVER} >/dev/null 2>&1 & echo $!")).stdout.decode().strip()
        await sandbox.write("stay", f"#!/bin/sh\necho $$ >> pids\nexec sleep {_FOR_EVER}\n".encode(), mode=0o755)
        await sandbox.write("spread", _SPREAD.encode(), mode=0o755)
        done = await sandbox.exec("echo begun; exec ./spread", timeout=5.0)
        same((done.timed_out, done.exit_code, done.stdout), (True, None, b"begun\n"), "what ran out of time")
        pids = (await sandbox.read("pids")).decode().split()
        same(len(pids), _SPREAD.count("./stay"), "how many were started")
        for pid in pids:
            _demand((await sandbox.exec(f"kill -0 {pid}")).exit_code != 0, f"process {pid} outlived its command's time")
        _ended(await sandbox.exec(f"kill -0 {earlier}"), 0)


_SPREAD = """#!/bin/sh
trap '' TERM INT HUP
: > pids
setsid ./stay &
nohup ./stay >/dev/null 2>&1 &
(setsid sh -c '(./stay &) &' &) &
(trap '' TERM; ./stay) &
while [ "$(wc -l < pids)" -lt 4 ]; do sleep 0.01; done
while :; do sleep 1; done
"""


async def the_sandbox_has_a_longest_time(make: MakeSandbox) -> None:
    """It holds where no timeout is given, and where a longer one is."""
    async with make(SandboxLimits(seconds=0.2)) as sandbox:
        for timeout in (None, _LONGER_THAN_IT_TAKES):
            done = await sandbox.exec("sleep 100", timeout=timeout)
            same((done.timed_out, done.exit_code), (True, None), f"with a timeout of {timeout}")


async def commands_at_once_do_not_meet(make: MakeSandbox) -> None:
    """Each has its own streams and its own time."""
    async with make(_LIMITS) as sandbox:
        slow = asyncio.create_task(sandbox.exec("mkfifo gate; echo waits; read x < gate; echo over"))
        while (await sandbox.exec("test -p gate")).exit_code != 0:
            pass
        done = await asyncio.gather(
            *(sandbox.exec(f"echo {n}") for n in range(8)), sandbox.exec("sleep 100", timeout=0.2)
        )
        same([one.stdout for one in done], [*(b"%d\n" % n for n in range(8)), b""], "what each wrote")
        await sandbox.exec("echo go > gate")
        _ended(await slow, 0, b"waits\nover\n")


async def whoever_waits_may_give_up(make: MakeSandbox) -> None:
    """A cancelled command is killed, and the sandbox serves on."""
    async with make(_LIMITS) as sandbox:
        waiting = asyncio.create_task(sandbox.exec(f"echo $$ > pid; exec sleep {_FOR_EVER}"))
        while (await sandbox.exec("test -s pid")).exit_code != 0:
            pass
        waiting.cancel()
        await asyncio.wait({waiting})
        _demand(waiting.cancelled(), "a cancelled command ended in another way")
        _ended(await sandbox.exec('while kill -0 "$(cat pid)" 2>/dev/null; do :; done; echo gone'), 0, b"gone\n")


# --- files


async def files_are_read_and_written(make: MakeSandbox) -> None:
    """Any bytes, through folders that are made, over what was there; seen alike from both sides."""
    data = bytes(range(256)) * 100
    async with make(_LIMITS) as sandbox:
        await sandbox.write("a/b/data", data)
        await sandbox.write(f"{sandbox.folder}/run.sh", b"#!/bin/sh\necho ran\n", mode=0o755)
        same(await sandbox.read("a/b/data"), data, "what was written")
        _ended(
            await sandbox.exec("./run.sh; wc -c < a/b/data; stat -c %a a a/b a/b/data"),
            0,
            b"ran\n25600\n755\n755\n644\n",
        )
        await sandbox.exec("echo longer than before > note; chmod 600 note")
        await sandbox.write("note", b"short")
        same(await sandbox.read(f"{sandbox.folder}/./note"), b"short", "what was written over")
        _ended(await sandbox.exec("stat -c %a note"), 0, b"600\n")
        await sandbox.write("empty", b"")
        same(await sandbox.read("empty"), b"", "an empty file")


async def files_that_cannot_be_had_are_told(make: MakeSandbox) -> None:
    """Missing, a folder, elsewhere, too large, not for its owner to read or write."""
    async with make(SandboxLimits(file_bytes=1000)) as sandbox:
        await sandbox.exec("mkdir -p folder; echo x > file; echo x > sealed; chmod 0 sealed; truncate -s 1000 big")
        same(len(await sandbox.read("big")), 1000, "the largest file")
        await sandbox.exec("rm big; i=0; while [ $i -lt 11 ]; do printf '%0100d' 0 >> big || break; i=$((i+1)); done")
        for path, kind in (
            ("missing", FileNotFoundError),
            ("missing/file", FileNotFoundError),
            ("folder", IsADirectoryError),
            ("", IsADirectoryError),
            (sandbox.folder, IsADirectoryError),
            ("file/inner", NotADirectoryError),
            ("sealed", PermissionError),
            ("/etc/hostname", PermissionError),
            ("../outside", PermissionError),
            ("folder/../../outside", PermissionError),
            (f"{sandbox.folder}-beside/x", PermissionError),
        ):
            await _raises(kind, sandbox.read(path), f"reading {path!r}")
            if kind is not FileNotFoundError:
                await _raises(kind, sandbox.write(path, b"y"), f"writing {path!r}")
        await _raises(OSError, sandbox.write("much", b"x" * 1001), "writing too much")
        same(await sandbox.read("file"), b"x\n", "what was not to be written")


async def planted_links_lead_nowhere(make: MakeSandbox) -> None:
    """Neither a file nor a folder on the way may be a link, wherever it leads; pipes are not waited for."""
    with tempfile.TemporaryDirectory() as outside:
        secret = _plant(outside)
        async with make(_LIMITS) as sandbox:
            for name, target in (
                ("file", secret),
                ("folder", outside),
                ("up", ".."),
                ("inner", "real"),
                ("loop", "loop"),
            ):
                await sandbox.exec(["ln", "-s", str(target), name])
            await sandbox.exec("mkdir real; echo inside > real/file; mkfifo pipe")
            for path in ("file", "folder/secret", "folder/new", "up/x", "inner/file", "loop", "pipe"):
                await _raises(OSError, sandbox.read(path), f"reading {path}")
                await _raises(OSError, sandbox.write(path, b"planted"), f"writing {path}")
            same(await sandbox.read("real/file"), b"inside\n", "a file that no link leads to")
        same(_contents(outside), {"secret": b"canary"}, "what lies outside")


async def links_put_in_place_meanwhile_lead_nowhere(make: MakeSandbox) -> None:
    """A file, and a folder on the way, that turn into links and back while they are read and written."""
    with tempfile.TemporaryDirectory() as outside:
        secret = _plant(outside)
        async with make(_LIMITS) as sandbox:
            await sandbox.exec(["ln", "-s", secret, "link"])
            await sandbox.exec(["ln", "-s", outside, "way"])
            await sandbox.exec("mkdir folder; echo inside > folder/secret")
            turning = asyncio.create_task(sandbox.exec(_TURNING))
            seen: set[bytes] = set()
            for _ in range(_OFTEN):
                await asyncio.sleep(0)
                for path in ("file", "folder/secret"):
                    with suppress(OSError):
                        seen.add(await sandbox.read(path))
                    with suppress(OSError):
                        await sandbox.write(path, b"planted\n")
            turning.cancel()
            await asyncio.wait({turning})
            _demand(b"canary" not in seen, "a link was followed that was put in place meanwhile")
        same(_contents(outside), {"secret": b"canary"}, "what lies outside")


_TURNING = """
while :; do
  echo inside > real; mv -T real file; cp -P link other; mv -T other file
  mv folder aside; mv way folder; mv folder way; mv aside folder
done
"""


async def files_tells_what_is_there(make: MakeSandbox) -> None:
    """Every entry at any depth, ordered; links are told and not followed; a changed file has another stamp."""
    async with make(_LIMITS) as sandbox:
        await sandbox.exec(
            "mkdir -p b/c; chmod 700 b; printf abc > b/c/f; chmod 640 b/c/f; ln -s / root; mkfifo pipe; echo > .hidden"
        )
        told = await sandbox.files()
        entries = [(entry.path, entry.kind, entry.size, entry.target) for entry in told.entries]
        wanted = [
            (".hidden", "file", 1, None),
            ("b", "folder", 0, None),
            ("b/c", "folder", 0, None),
            ("b/c/f", "file", 3, None),
            ("pipe", "other", 0, None),
            ("root", "link", 0, "/"),
        ]
        same(entries, wanted, "the entries")
        same(
            [oct(entry.mode) for entry in told.entries if entry.path.startswith("b")],
            ["0o700", "0o755", "0o640"],
            "modes",
        )
        same(told.left_out, 0, "what was left out")
        seen = {told.entries[3].stamp}
        for text in ("abd", "abe", "abf", "abg"):
            await sandbox.exec(f"printf {text} > b/c/f")
            stamp = (await sandbox.files()).entries[3].stamp
            _demand(stamp is None or stamp not in seen, "a file that was changed has the stamp that it had")
            seen.add(stamp)


async def files_tells_contents_where_it_is_asked(make: MakeSandbox) -> None:
    """Of all files, or of those whose stamp is not known; a hash alone of large ones; of what is sealed, nothing."""
    async with make(_LIMITS) as sandbox:
        await sandbox.exec("echo text > a; truncate -s 2000000 b; echo sealed > c; chmod 0 c; ln -s a d; mkfifo e")
        same([entry.data for entry in (await sandbox.files()).entries], [None] * 5, "contents that nobody asked for")
        told = await sandbox.files(known=())
        same([entry.data for entry in told.entries], [b"text\n", None, None, None, None], "the contents")
        hashes = [hashlib.sha256(data).hexdigest() for data in (b"text\n", bytes(2_000_000))]
        same([entry.sha256 for entry in told.entries], [*hashes, None, None, None], "hashes")
        while (stamp := (await sandbox.files()).entries[0].stamp) is None:
            pass  # it was changed too short a time ago for a promise
        again = (await sandbox.files(known={stamp})).entries
        same((again[0].data, again[0].stamp, again[1].sha256), (None, stamp, hashes[1]), "a file that is known")


async def listings_are_bounded(make: MakeSandbox) -> None:
    """However many files there are, and however deep folders go."""
    async with make(SandboxLimits(files=10)) as sandbox:
        await sandbox.exec("i=0; while [ $i -lt 25 ]; do : > f$i; i=$((i+1)); done")
        told = await sandbox.files()
        same((len(told.entries), told.left_out), (10, 15), "25 files where 10 are listed")
        await sandbox.exec("rm f*; i=0; while [ $i -lt 300 ]; do mkdir d && cd d; i=$((i+1)); done")
        _demand((await sandbox.files()).left_out > 0, "folders 300 deep were listed as if there were no bound")


# --- beginning and end


async def sandboxes_share_no_files(make: MakeSandbox) -> None:
    """Each begins with an empty folder of its own."""
    async with make(_LIMITS) as first, make(_LIMITS) as second:
        await first.write("mine", b"1")
        same((await second.files()).entries, (), "what another sandbox sees")
        _ended(await second.exec("ls -A"), 0)


async def it_is_open_once(make: MakeSandbox) -> None:
    """Before and after, nothing is done, and it is said so."""
    sandbox = make(_LIMITS)
    await _raises(SandboxError, sandbox.exec("true"), "a command before the beginning")
    async with sandbox:
        _demand(sandbox.isolation.provider, "it does not say what it is")
    for late in (
        sandbox.exec("true"),
        sandbox.read("x"),
        sandbox.write("x", b""),
        sandbox.files(),
        sandbox.__aenter__(),
    ):
        await _raises(SandboxError, late, "what was asked after the end")


# --- helpers


def _ended(done: Completed, code: int, stdout: bytes = b"", stderr: bytes | None = None) -> None:
    same((done.exit_code, done.stdout, done.timed_out), (code, stdout, False), f"how a command ended ({done})")
    same(done.stderr if stderr is not None else None, stderr, "what it wrote to standard error")


def _plant(folder: str) -> str:
    secret = Path(folder, "secret")
    secret.write_bytes(b"canary")
    return str(secret)


def _contents(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


async def _raises(kind: type[Exception], work: Awaitable[object], what: str) -> None:
    try:
        answer = await work
    except kind:
        return
    except Exception as error:
        raise AssertionError(f"{what} must raise {kind.__name__}, not {type(error).__name__}: {error}") from error
    raise AssertionError(f"{what} must raise {kind.__name__}; it gave {answer!r:.200}")


def _demand(holds: object, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


SANDBOX_CHECKS = (
    commands_end_as_a_shell_tells,
    arguments_arrive_as_they_are,
    standard_input_is_what_was_given,
    commands_start_in_the_work_folder,
    the_environment_is_pinned,
    what_is_no_command_is_refused,
    output_is_bounded_and_counted,
    endless_output_ends_with_its_time,
    the_background_does_not_hold_a_command_up,
    time_runs_out_for_all_that_was_started,
    the_sandbox_has_a_longest_time,
    commands_at_once_do_not_meet,
    whoever_waits_may_give_up,
    files_are_read_and_written,
    files_that_cannot_be_had_are_told,
    planted_links_lead_nowhere,
    links_put_in_place_meanwhile_lead_nowhere,
    files_tells_what_is_there,
    files_tells_contents_where_it_is_asked,
    listings_are_bounded,
    sandboxes_share_no_files,
    it_is_open_once,
)
"""The exam: each takes a `MakeSandbox`, and raises AssertionError with what is wrong."""
