"""Entries of the living stay, those of the dead go, and the folder is nobody else's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agenteval.errors import SandboxError
from agenteval.sandbox.registry import enter

ENTER = "from agenteval.sandbox.registry import enter; e = enter(); (e.path / 'files').mkdir(); print(e.path)"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of this test alone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path / f"agenteval-{os.getuid()}"


def left_by_the_dead(code: str = ENTER) -> Path:
    """The entry of a process that is gone."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def test_entries_of_the_dead_are_removed_by_the_next_one(temporary: Path, tmp_path: Path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("x")
    dead = left_by_the_dead()
    (dead / "files" / "link").symlink_to(kept)
    mine = enter()
    assert (dead.parent, mine.path.parent) == (temporary, temporary)
    assert os.listdir(temporary) == [mine.path.name]
    assert (kept / "file").read_text() == "x"
    second = enter()
    assert sorted(os.listdir(temporary)) == sorted([mine.path.name, second.path.name])
    mine.remove()
    mine.remove()
    second.remove()
    assert os.listdir(temporary) == []


def test_a_pid_that_was_given_out_again_is_another_process(temporary: Path):
    mine = enter()
    namespace, pid, start, number = mine.path.name.split(".")
    earlier = temporary / f"{namespace}.{pid}.{int(start) - 1}.{number}"
    elsewhere = temporary / f"1{namespace}.{pid}.{int(start) - 1}.{number}"
    strange = temporary / "not-ours"
    for folder in (earlier, elsewhere, strange):
        folder.mkdir()
    enter().remove()
    assert sorted(os.listdir(temporary)) == sorted([mine.path.name, elsewhere.name, strange.name])


def test_only_groups_of_the_name_are_removed(temporary: Path, tmp_path: Path):
    other = tmp_path / "other-group"
    other.mkdir()
    dead = left_by_the_dead()
    groups = [tmp_path / f"agenteval-{dead.name}", other]
    groups[0].mkdir()
    (dead / "cgroups").write_text("\n".join(map(str, groups)))
    enter().remove()
    assert [folder.exists() for folder in (*groups, dead)] == [False, True, False]


def test_a_folder_that_others_may_write_to_is_refused(temporary: Path, tmp_path: Path):
    temporary.mkdir(mode=0o777)
    temporary.chmod(0o777)
    with pytest.raises(SandboxError, match=r"must be a folder that is yours alone .*TMPDIR"):
        enter()
    temporary.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    temporary.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SandboxError, match="yours alone"):
        enter()
