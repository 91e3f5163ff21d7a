"""What is public stays as it was written down, and the door shows exactly what it says."""

from __future__ import annotations

import difflib
import inspect
import subprocess
import sys
from pathlib import Path

import agenteval


def test_the_public_surface_is_the_one_written_down(repo: Path):
    folder = repo / "tests" / "repo"
    now = subprocess.run(
        [sys.executable, folder / "public_surface.py"], cwd=repo, capture_output=True, text=True, check=False
    )
    assert now.returncode == 0, now.stderr
    then = (folder / "public_surface.txt").read_text(encoding="utf-8")
    changed = "\n".join(
        difflib.unified_diff(then.splitlines(), now.stdout.splitlines(), "written down", "now", "", "", 0)
    )
    assert not changed, f"{changed}\n\nMeant? Then: make surface, and say so in CHANGELOG.md."


def test_all_is_sorted_and_is_exactly_what_the_door_exports():
    exported = [name for name in dir(agenteval) if not name.startswith("_")]
    modules = [name for name in exported if inspect.ismodule(getattr(agenteval, name))]
    public = [name for name in agenteval.__all__ if not name.startswith("_")]
    assert list(agenteval.__all__) == sorted(set(agenteval.__all__))
    assert [name for name in exported if name not in modules] == public


def test_every_name_of_the_door_is_there_and_has_a_docstring():
    undocumented = [
        name
        for name in agenteval.__all__
        if callable(getattr(agenteval, name)) and not inspect.getdoc(getattr(agenteval, name))
    ]
    assert undocumented == []


def test_a_wrong_name_is_an_attribute_error():
    code = "import agenteval\ntry:\n    agenteval.no_such_name\nexcept AttributeError as error:\n    print(error)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "no_such_name" in done.stdout
