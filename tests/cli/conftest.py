"""A project folder with a small suite of its own, and the command line as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FILES = {
    "till/suite.yaml": """\
suite: till
title: A till
claims: [Adds up]
does_not_claim: [Anything else]
defaults:
  world: ./world.py:Till
  limits: {turns: 5, calls: 10, seconds: 20}
agents: {adder: ./agents.py:adder, lazy: ./agents.py:lazy, slow: ./agents.py:slow}
""",
    "till/world.py": '''\
from agenteval import StateWorld, ToolError, tool


class Till(StateWorld):
    def __init__(self, seed: int) -> None:
        super().__init__({"amount": 0, "log": []})

    @tool
    def add(self, by: int) -> dict:
        """Add to the till."""
        if by < 0:
            raise ToolError("the amount must not be negative", code="negative")
        self.data["amount"] = self.data["amount"] + by
        self.data["log"].append(by)
        return {"amount": self.data["amount"]}

    @tool
    def look(self) -> dict:
        """Look into the till."""
        return {"amount": self.data["amount"]}

    @tool
    def burn(self) -> dict:
        """Burn the till down."""
        raise RuntimeError("the till is on fire")
''',
    "till/agents.py": """\
import asyncio


async def adder(session):
    for by in (1, 2):
        await session.call("add", {"by": by})
    await session.say("The till holds 3.")


async def lazy(session):
    await session.say("I would rather not.")


async def slow(session):
    await asyncio.sleep(0.05)
    await adder(session)


async def arsonist(session):
    await session.call("burn", {})


async def crash(session):
    raise KeyError("oops")
""",
    "till/three.yaml": """\
scenario: till/three
task: Put 1 and 2 into the till and say what is in it.
intent: three in all
checks:
  - calls: [{add: {by: 1}}, {add: {by: 2}}]
  - {at_most: {add: 2}, as: safety, id: twice}
  - state: {amount: 3}
  - says: "3"
  - {budget: {calls: 2}, as: metric}
""",
    "till/any.yaml": """\
scenario: till/any
task: Put something into the till.
checks:
  - {at_least: {add: 1}, id: adds}
""",
    "till/solutions/three.yaml": """\
solution: till/three
steps:
  - call: {add: {by: 1}}
  - call: {add: {by: 2}}
  - say: It holds 3.
""",
    "till/solutions/any.yaml": """\
solution: till/any
steps:
  - call: {look: {}}
  - call: {add: {by: 7}}
  - say: Done.
""",
    "till/solutions/bad-three-in-parts.yaml": """\
solution: till/three
steps:
  - call: {add: {by: 1}}
  - call: {add: {by: 1}}
  - call: {add: {by: 1}}
  - say: It holds 3.
fails: [twice]
""",
    "checks.yaml": """\
checks:
  - {at_most: {add: 1}, id: once}
  - {never: burn, id: no-fire}
""",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder."""
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def command(project: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `agenteval ARGUMENTS` in the folder."""

    def run(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "agenteval", *arguments],
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **(env or {})},
        )

    return run


@pytest.fixture
def answer(command: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., Any]:
    """Runs a verb with --json, and gives its document."""

    def run(*arguments: str, code: int = 0) -> Any:
        done = command(*arguments, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    return run
