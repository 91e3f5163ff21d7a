"""A world of files and a shell: what its tools answer, what its state says, and what became of the files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agenteval._util.patch import apply
from agenteval.core.ports import SandboxedWorld
from agenteval.errors import ToolError, WorldError
from agenteval.sandbox import SandboxLimits
from agenteval.testing.worlds import world_conformance
from agenteval.world import File, Link, ShellWorld, files_in, tool
from tests.sandbox.conftest import MakeSandbox

FILES = {
    "notes.txt": "one\ntwo\n",
    "bin/run.sh": File("#!/bin/sh\necho ran $1\n", mode=0o755),
    "data.bin": b"\xff\x00\x01",
    "secret": File("s", mode=0o600),
    "current": Link("notes.txt"),
}
START = {
    "files": {
        "notes.txt": "one\ntwo\n",
        "bin/run.sh": "#!/bin/sh\necho ran $1\n",
        "data.bin": {"sha256": hashlib.sha256(b"\xff\x00\x01").hexdigest(), "bytes": 3},
        "secret": "s",
        "current": {"link": "notes.txt"},
    },
    "modes": {"bin/run.sh": "755", "secret": "600"},
}


class Opened:
    """A world in a sandbox, and the changes that it told."""

    def __init__(self, world: ShellWorld) -> None:
        self.world = world
        self.told: list[Any] = []

    async def call(self, name: str, **arguments: Any) -> Any:
        before = self.world.state()
        try:
            return await self.world.call(name, arguments)
        finally:
            changes = self.world.changes()
            assert apply(before, changes) == self.world.state()
            self.told += changes

    async def refused(self, name: str, **arguments: Any) -> tuple[str, str]:
        with pytest.raises(ToolError) as error:
            await self.call(name, **arguments)
        return error.value.code, str(error.value)


@pytest.fixture
async def opened(make_sandbox: MakeSandbox):
    async with make_sandbox(SandboxLimits(output_bytes=100_000, file_bytes=400_000)) as sandbox:
        world = ShellWorld(files=FILES)
        assert world.state() == START
        await world.open(sandbox)
        assert (world.state(), world.changes()) == (START, [])
        yield Opened(world)


async def test_it_passes_the_exam_of_worlds(make_sandbox: MakeSandbox):
    await world_conformance(
        lambda seed: ShellWorld(seed, files=FILES),
        calls=[
            ("run", {"command": "cat notes.txt; ./bin/run.sh here; ls -la --time-style=+%s"}),
            ("write_file", {"path": "new/deep/file", "content": "x\n"}),
            ("run", {"command": "rm secret; mv data.bin kept; chmod 700 bin; ln -sf bin current; mkfifo pipe"}),
            ("read_file", {"path": "new/deep/file"}),
            ("run", {"command": "rm -rf new bin; exit 7"}),
        ],
        make_sandbox=lambda: make_sandbox(SandboxLimits()),
    )


def test_it_is_what_the_harness_takes_for_a_world_with_a_sandbox():
    assert isinstance(ShellWorld(), SandboxedWorld)


async def test_what_a_command_wrote_and_how_it_ended_is_a_result(opened: Opened):
    assert await opened.call("run", command="cat notes.txt; echo no >&2; exit 3") == {
        "exit_code": 3,
        "stdout": "one\ntwo\n",
        "stderr": "no\n",
    }
    assert await opened.call("run", command="printf '\\377'") == {"exit_code": 0, "stdout": "\ufffd", "stderr": ""}
    assert opened.told == []


async def test_every_file_had_its_time_when_the_world_began(opened: Opened):
    done = await opened.call("run", command="find . -exec stat -c %Y {} + | sort -u")
    assert done["stdout"] == "1767225600\n"


async def test_a_command_that_takes_too_long_is_an_error_that_tells_what_it_had_written(opened: Opened):
    command = "echo partial; echo changed > notes.txt; sleep 1000"
    code, text = await opened.refused("run", command=command, timeout_seconds=0.5)
    assert code == "timeout"
    assert "with all that it had started. It wrote:\nstdout: partial\n" in text
    assert opened.told == [{"op": "replace", "path": "/files/notes.txt", "value": "changed\n"}]
    assert "It wrote nothing." in (await opened.refused("run", command="sleep 9", timeout_seconds=0.01))[1]


async def test_long_output_loses_its_middle(opened: Opened):
    done = await opened.call("run", command="seq 1 10000")
    head, middle, tail = (
        done["stdout"].split("\n[… ")[0],
        done["stdout"].split("[… ")[1].split(" …]")[0],
        done["stdout"],
    )
    assert head.startswith("1\n2\n3\n")
    assert tail.endswith("\n9999\n10000\n")
    assert middle == f"{48_894 - 16_384:,} bytes left out"
    done = await opened.call("run", command="head -c 3000000 /dev/zero | tr '\\0' x")
    assert done["stdout"] == f"{'x' * 8192}\n[… {3_000_000 - 8192:,} bytes left out …]\n"


async def test_memory_that_ran_out_is_noted(make_sandbox: MakeSandbox):
    async with make_sandbox(SandboxLimits(memory_bytes=60_000_000)) as sandbox:
        if sandbox.isolation.memory != "cgroup":
            pytest.skip("nobody can tell here why a process was killed")
        world = ShellWorld()
        await world.open(sandbox)
        done: Any = await world.call("run", {"command": "tail /dev/zero"})
        assert (done["exit_code"], done["note"]) == (137, "processes were killed: the memory was used up")


async def test_files_are_read_and_written_whole(opened: Opened):
    assert await opened.call("read_file", path="notes.txt") == "one\ntwo\n"
    assert await opened.call("write_file", path="bin/run.sh", content="#!/bin/sh\necho new\n") == {"bytes": 19}
    assert await opened.call("write_file", path="a/b", content="é") == {"bytes": 2}
    assert (await opened.call("run", command="./bin/run.sh"))["stdout"] == "new\n"
    assert opened.told == [
        {"op": "replace", "path": "/files/bin~1run.sh", "value": "#!/bin/sh\necho new\n"},
        {"op": "add", "path": "/files/a~1b", "value": "é"},
    ]


@pytest.mark.parametrize(
    ("name", "arguments", "code", "says"),
    [
        ("read_file", {"path": "missing"}, "not_found", "missing: No such file"),
        ("read_file", {"path": "bin"}, "is_a_folder", "bin: it is a folder"),
        ("read_file", {"path": "notes.txt/x"}, "not_a_folder", '"notes.txt" is no folder'),
        ("read_file", {"path": "current"}, "symbolic_link", "none is followed here"),
        ("read_file", {"path": "/etc/passwd"}, "not_permitted", "/etc/passwd: it is not in /"),
        ("read_file", {"path": "data.bin"}, "not_text", "3 bytes and is no UTF-8 text: use run"),
        ("read_file", {"path": "big"}, "too_large", "300,000 bytes, and 262,144 are read at most"),
        ("write_file", {"path": "bin", "content": "x"}, "is_a_folder", "it is a folder"),
        ("write_file", {"path": "../x", "content": "x"}, "not_permitted", '".."'),
        ("write_file", {"path": "x", "content": "x" * 400_001}, "too_large", "400,001 bytes"),
        ("run", {"command": "#" * 200_000}, "too_long", "write a file, and run that"),
        ("run", {"command": "echo \0"}, "invalid_arguments", "NUL"),
        ("run", {"command": "true", "timeout_seconds": 0}, "invalid_arguments", "timeout_seconds"),
        ("run", {"cmd": "true"}, "invalid_arguments", 'unknown argument "cmd"'),
        ("remove", {}, "unknown_tool", "remove"),
    ],
)
async def test_what_cannot_be_done_has_a_code(
    opened: Opened, name: str, arguments: Mapping[str, Any], code: str, says: str
):
    await opened.call("run", command="head -c 300000 /dev/zero | tr '\\0' x > big")
    opened.told.clear()
    told = await opened.refused(name, **arguments)
    assert (told[0], says in told[1]) == (code, True), told
    assert opened.told == []


async def test_changes_tell_what_commands_did_to_the_files(opened: Opened):
    await opened.call(
        "run",
        command="echo three >> notes.txt; rm secret; chmod 640 data.bin; mkdir empty; ln -sf / current; mkfifo p;"
        " head -c 70000 /dev/zero | tr '\\0' x > long; echo > z; chmod 000 z; chmod 700 bin",
    )
    long = {"sha256": hashlib.sha256(b"x" * 70_000).hexdigest(), "bytes": 70_000}
    assert (
        opened.told
        == [
            {"op": "remove", "path": "/files/secret"},
            {"op": "replace", "path": "/files/current", "value": {"link": "/"}},
            {"op": "add", "path": "/files/long", "value": long},
            {"op": "replace", "path": "/files/notes.txt", "value": "one\ntwo\nthree\n"},
            {"op": "add", "path": "/files/p", "value": {"special": True}},
            {"op": "add", "path": "/files/z", "value": {"unreadable": True}},
            {"op": "remove", "path": "/modes/secret"},
            {"op": "add", "path": "/modes/bin", "value": "700"},
            {"op": "add", "path": "/modes/data.bin", "value": "640"},
            {"op": "add", "path": "/modes/z", "value": "0"},
        ][: len(opened.told)]
    )


async def test_names_that_are_no_unicode_hide_nothing(opened: Opened):
    await opened.call("run", command=r"""printf a > "$(printf 'x\377')"; printf b > 'x\xff'; printf c > 'x\xff#2'""")
    state: Any = opened.world.state()
    assert sorted(value for name, value in state["files"].items() if name.startswith("x")) == ["a", "b", "c"]


async def test_more_files_than_are_listed_are_counted(make_sandbox: MakeSandbox):
    async with make_sandbox(SandboxLimits(files=5)) as sandbox:
        world = Opened(ShellWorld())
        await world.world.open(sandbox)
        await world.call("run", command="touch a b c d e f g")
        assert world.world.state() == {"files": dict.fromkeys("abcde", ""), "modes": {}, "left_out": 2}
        await world.call("run", command="rm g f")
        assert world.world.state() == {"files": dict.fromkeys("abcde", ""), "modes": {}}


async def test_what_goes_on_in_the_background_is_seen_with_the_next_call(opened: Opened):
    await opened.call("run", command="mkfifo gate; (read x < gate; echo late > late; echo > done) & true")
    await opened.call("run", command="echo go > gate; until test -e done; do :; done; rm done gate")
    state: Any = opened.world.state()
    assert state["files"]["late"] == "late\n"


async def test_a_moment_with_too_much_in_it_is_not_brought_back(opened: Opened):
    await opened.call("run", command="echo x > sealed; chmod 000 sealed")
    with pytest.raises(WorldError, match="sealed cannot be brought back"):
        opened.world.restore(opened.world.snapshot())
    with pytest.raises(WorldError, match="takes what snapshot"):
        opened.world.restore("something else")


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"../x": "y"}, r"\.\./x cannot be put in place"),
        ({"a": "x", "a/b": "y"}, "a/b cannot be put in place"),
        ({"a": "x", "./a": "y"}, "came out otherwise"),
        ({"a": "x", "a/b": Link("c")}, "ended with"),
    ],
)
async def test_files_that_cannot_be_put_in_place_are_the_worlds_fault(
    make_sandbox: MakeSandbox, files: dict[str, Any], says: str
):
    async with make_sandbox(SandboxLimits()) as sandbox:
        with pytest.raises(WorldError, match=says):
            await ShellWorld(files=files).open(sandbox)


async def test_without_a_sandbox_it_says_so():
    with pytest.raises(WorldError, match=r"await world\.open\(sandbox\) first"):
        await ShellWorld().call("run", {"command": "true"})


async def test_a_suite_adds_files_and_tools_of_its_own(make_sandbox: MakeSandbox, tmp_path: Path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "run").write_text("#!/bin/sh\n")
    (tmp_path / "sub" / "run").chmod(0o744)
    (tmp_path / "plain").write_bytes(b"x")
    (tmp_path / "plain").chmod(0o600)
    (tmp_path / "link").symlink_to("plain")

    class Own(ShellWorld):
        files = files_in(tmp_path)

        @tool
        async def count(self, pattern: str) -> int:
            """Count files."""
            done = await self.sandbox.exec(["sh", "-c", f"ls -d {pattern} | wc -l"])
            return int(done.stdout)

    world = Own(7)
    assert world.state() == {
        "files": {"sub/run": "#!/bin/sh\n", "plain": "x", "link": {"link": "plain"}},
        "modes": {"sub/run": "755"},
    }
    assert [offered.name for offered in world.tools()] == ["run", "read_file", "write_file", "count"]
    async with make_sandbox(SandboxLimits()) as sandbox:
        await world.open(sandbox)
        assert await world.call("count", {"pattern": "*"}) == 3
