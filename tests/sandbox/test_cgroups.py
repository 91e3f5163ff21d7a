"""Where a control group could be made, read from what the kernel tells of this process; and what is written into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agenteval.sandbox import SandboxLimits
from agenteval.sandbox.cgroups import Group, places, remove

NAME = "agenteval-1.2.3.4"


def told(folder: Path, cgroup: str, mountinfo: str) -> Path:
    """What the kernel tells, as files."""
    (folder / "proc").mkdir()
    (folder / "proc" / "cgroup").write_text(cgroup)
    (folder / "proc" / "mountinfo").write_text(mountinfo)
    return folder / "proc"


def handing_on(folder: Path, controllers: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cgroup.subtree_control").write_text(controllers)
    return folder


def test_version_1_below_the_groups_that_it_is_in(tmp_path: Path):
    proc = told(
        tmp_path,
        "9:name=systemd:/\n8:pids:/\n4:memory:/process/7\n3:cpu,cpuacct:/\n0::/\n",
        f"35 31 0:32 / {tmp_path}/memory rw,relatime - cgroup cgroup rw,memory\n"
        f"39 31 0:36 / {tmp_path}/pids rw,relatime - cgroup cgroup rw,pids\n"
        f"41 31 0:38 / {tmp_path}/unified rw,relatime shared:4 - cgroup2 cgroup2 rw\n",
    )
    assert list(places(NAME, proc=proc)) == [
        Group(tmp_path / "memory/process/7" / NAME, tmp_path / "pids" / NAME, unified=False)
    ]


def test_version_1_in_a_container_whose_groups_are_mounted_as_the_root(tmp_path: Path):
    proc = told(
        tmp_path,
        "8:pids:/docker/abc\n4:memory:/docker/abc/inner\n",
        f"35 31 0:32 /docker/abc {tmp_path}/memory ro - cgroup cgroup rw,memory\n"
        f"39 31 0:36 /docker/abc {tmp_path}/pids ro - cgroup cgroup rw,pids\n",
    )
    assert list(places(NAME, proc=proc)) == [
        Group(tmp_path / "memory/inner" / NAME, tmp_path / "pids" / NAME, unified=False)
    ]


def test_version_2_below_the_nearest_group_that_hands_both_controllers_on(tmp_path: Path):
    proc = told(
        tmp_path,
        "0::/user.slice/user-1000.slice/user@1000.service/app.slice/terminal.scope\n",
        f"31 23 0:28 / {tmp_path}/fs rw - cgroup2 cgroup2 rw,nsdelegate\n",
    )
    slices = tmp_path / "fs/user.slice/user-1000.slice"
    handing_on(slices / "user@1000.service/app.slice/terminal.scope", "")
    handing_on(slices / "user@1000.service/app.slice", "memory pids")
    handing_on(slices / "user@1000.service", "memory")
    handing_on(slices, "cpu memory pids")
    wanted = [slices / "user@1000.service/app.slice" / NAME, slices / NAME]
    assert list(places(NAME, proc=proc)) == [Group(folder, folder, unified=True) for folder in wanted]


@pytest.mark.parametrize(
    ("cgroup", "mountinfo"),
    [
        ("", ""),
        ("4:memory:/\n", "35 31 0:32 / {0}/memory rw - cgroup cgroup rw,memory\n"),  # no pids
        ("4:memory:/../up\n8:pids:/\n", "35 31 0:32 /docker/abc {0}/m rw - cgroup cgroup rw,memory\n"),
        ("0::/\n", "31 23 0:28 / {0}/fs rw - cgroup2 cgroup2 rw\n"),  # hands nothing on
    ],
)
def test_nowhere(tmp_path: Path, cgroup: str, mountinfo: str):
    assert list(places(NAME, proc=told(tmp_path, cgroup, mountinfo.format(tmp_path)))) == []


def test_nowhere_without_the_kernels_files(tmp_path: Path):
    assert list(places(NAME, proc=tmp_path / "missing")) == []


def test_limits_of_version_2(tmp_path: Path):
    """A plain folder stands for the group: what the kernel makes of the files is not asked here."""
    group = Group(tmp_path / NAME, tmp_path / NAME, unified=True)
    group.make(SandboxLimits(memory_bytes=1000, processes=10))
    group.add(77)
    (tmp_path / NAME / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n")
    written = {path.name: path.read_text() for path in (tmp_path / NAME).iterdir() if path.name != "memory.events"}
    assert written == {"memory.max": "1000", "pids.max": "10", "cgroup.procs": "77"}
    assert (group.folders, group.oom_kills()) == ((tmp_path / NAME,), 2)


def test_nothing_but_our_own_groups_is_removed(tmp_path: Path):
    for folder, name in ((tmp_path / "other", "other"), (tmp_path / "other", NAME), (tmp_path / NAME, "agenteval-9")):
        folder.mkdir(exist_ok=True)
        assert remove(folder, name)
        assert folder.is_dir()
    assert remove(tmp_path / NAME, NAME)
    assert not (tmp_path / NAME).exists()
    assert remove(tmp_path / NAME, NAME)
