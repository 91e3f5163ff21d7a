"""A user's agent in, the files to begin with out: a suite of one scenario, a test, and the settings."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from agenteval._util.loading import CodeLoader
from agenteval.agents.kinds import agent_of, is_graph
from agenteval.core.trajectory import OfferedTool
from agenteval.errors import RequestError
from agenteval.intake.settings import FILE

_NAME = re.compile(r"[^a-z0-9]+")
_WIDEST = 110


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: each file, relative to the project, and the tools that were read from the agent."""

    files: tuple[Path, ...]
    tools: tuple[OfferedTool, ...]


def scaffold(ref: str, loader: CodeLoader, project: Path, *, name: str | None = None) -> Written:
    """Write a scenario, a test and the settings for an agent.

    Args:
        ref: The agent: `module:object` or `file.py:object`.
        loader: Loads it.
        project: Where files go.
        name: The suite's; None takes the agent's file or module.

    Raises:
        RequestError: It is no agent, or a file that would be written is there already; nothing is written then.
    """
    if ":" not in ref:
        raise RequestError(f'"{ref}" names no agent: write module:object or file.py:object, such as app.py:graph')
    value = loader.load(ref, relative_to=project)
    agent_of(value, ref)
    tools = _tools(value)
    suite = _suite_name(name or ref)
    texts = {
        Path("scenarios", suite, "suite.yaml"): _suite_text(suite, ref),
        Path("scenarios", suite, "first.yaml"): _scenario_text(suite, tools, own=is_graph(value)),
        Path(f"test_{suite.replace('-', '_')}.py"): _test_text(suite, ref),
        Path(FILE): _settings_text(suite, ref),
    }
    there = [str(path) for path in texts if (project / path).exists()]
    if there:
        raise RequestError(f"{', '.join(there)}: there already, and nothing was written. Move it, or pass --name NAME.")
    for path, text in texts.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text, encoding="utf-8")
    return Written(tuple(texts), tuple(tools))


def _tools(value: object) -> list[OfferedTool]:
    if not is_graph(value):
        return []
    from agenteval.agents.offered import tools_of  # noqa: PLC0415 (for graphs alone)

    return tools_of(value)


def _suite_name(text: str) -> str:
    """`src/support_agent.py:graph` → `support-agent`."""
    stem = text.partition(":")[0].removesuffix(".py").replace("\\", "/").rpartition("/")[2].rpartition(".")[2]
    name = _NAME.sub("-", stem.casefold()).strip("-")
    if not name:
        raise RequestError(f'"{text}" makes no name for a suite: pass --name, with letters and digits')
    return name


def _suite_text(suite: str, ref: str) -> str:
    return f"""\
suite: {suite}
title: What {_plain(ref)} must do
claims:
  - Say here what a passed scenario shows of your agent.
does_not_claim:
  - And what it does not.
defaults:
  limits: {{turns: 10, calls: 20, seconds: 120}}
"""


def _scenario_text(suite: str, tools: Sequence[OfferedTool], *, own: bool) -> str:
    known = [f"  #   {line}" for tool in tools for line in _described(tool)]
    listed = "\n".join(["  # Your agent's tools:", *known]) if known else _NO_TOOLS[own]
    return f"""\
# A situation, and what is right in it. Put in what a user of yours would ask, and what must then happen.
scenario: {suite}/first
task: Hello! What can you do for me?
checks:
  - no_errors: {{}}
  - no_loops: {{}}
{listed}
  # Ask about them; `agenteval checks` lists every check:
{_examples(tools)}"""


_NO_TOOLS = {
    True: "  # No tools were found in the graph: what a node calls by itself is recorded, but cannot be listed here.",
    False: "  # This agent gets its tools from the scenario's world: see docs/scenarios.md, and add `world:` above.",
}


def _described(tool: OfferedTool) -> list[str]:
    parameters = cast("Mapping[str, Any]", tool.parameters or {}).get("properties", {})
    head = f"{tool.name}({', '.join(parameters)})"
    said = " ".join(tool.description.split())
    return [f"{head}   {said}"[:_WIDEST] if said else head]


def _examples(tools: Sequence[OfferedTool]) -> str:
    first = tools[0].name if tools else "look_up"
    last = tools[-1].name if tools else "pay"
    named = next(iter(_properties(tools[0]) if tools else ()), None)
    arguments = f': {{{json.dumps(named)}: "…"}}' if named else ""
    called = f"{{{first}{arguments}}}" if arguments else first
    return f"""\
  # - calls: [{called}]
  # - {{at_most: {{{last}: 1}}, as: safety}}
  # - {{never: {last}, before: {first}}}
  # - says: the answer
"""


def _properties(tool: OfferedTool) -> Sequence[str]:
    return list(cast("Mapping[str, Any]", tool.parameters or {}).get("properties", {}))


def _test_text(suite: str, ref: str) -> str:
    return f'''\
"""The scenarios of scenarios/{suite}, one test each: `pytest`, or `agenteval run` for a report."""

import pytest

from agenteval import load_suite


@pytest.mark.parametrize("scenario", load_suite("./scenarios/{suite}").scenarios, ids=lambda scenario: scenario.id)
def test_{suite.replace("-", "_")}(evaluate, scenario):
    evaluate({json.dumps(ref)}, scenario).require()
'''


def _settings_text(suite: str, ref: str) -> str:
    return f"""\
# What `agenteval run` does when it is not told otherwise.
suite = "./scenarios/{suite}"
agent = {json.dumps(ref)}
trials = 1
"""


def _plain(ref: str) -> str:
    return json.dumps(ref) if re.search(r"[:#{}\[\],&*!|>'\"%@`]", ref) else ref
