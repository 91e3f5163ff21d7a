"""A suite in, its page out: what each scenario asks and how hard it is, and which tell agents apart.

The shipped agents are run on it, in memory. A scenario that all of them pass, or all of them fail, in every trial says
nothing of the difference between two agents of their kind, and is pointed out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader

from agenteval.core.outcome import Score, Trial
from agenteval.core.scenario import Scenario, Suite
from agenteval.intake.solutions import Call, Maybe, Solution, Step

SCHEMA: Final = "suite.v1"
LEVELS: Final = ("easy", "medium", "hard", "nasty")
"""Tags that say how hard a scenario is meant to be, in order."""


def build(
    suite: Suite, solutions: Sequence[Solution], outcomes: Iterable[tuple[Trial, Score]], *, agents: Sequence[str]
) -> dict[str, Any]:
    """The page as a JSON document.

    Args:
        suite: What it is about.
        solutions: Its reference runs, from which the tools that a scenario takes are read.
        outcomes: Trials of shipped agents on it, with their scores; none where none were run.
        agents: Names of those agents.
    """
    counts = _counts(outcomes)
    scenarios = [_scenario(scenario, solutions, counts, agents) for scenario in suite.scenarios]
    return {
        "schema": SCHEMA,
        "suite": suite.id,
        "version": suite.version,
        "title": suite.title,
        "claims": list(suite.claims),
        "does_not_claim": list(suite.does_not_claim),
        "agents": list(agents),
        "levels": _levels(scenarios),
        "alike": {
            answer: [scenario["scenario"] for scenario in scenarios if scenario["alike"] == answer]
            for answer in ("passed", "failed")
        },
        "scenarios": scenarios,
    }


def _counts(outcomes: Iterable[tuple[Trial, Score]]) -> dict[tuple[str, str], dict[str, int]]:
    found: dict[tuple[str, str], dict[str, int]] = {}
    for trial, score in outcomes:
        count = found.setdefault((trial.scenario, trial.agent), {"passed": 0, "counted": 0, "left_out": 0})
        count["counted" if score.passed is not None else "left_out"] += 1
        count["passed"] += score.passed is True
    return found


def _scenario(
    scenario: Scenario,
    solutions: Sequence[Solution],
    counts: Mapping[tuple[str, str], dict[str, int]],
    agents: Sequence[str],
) -> dict[str, Any]:
    references = [each for each in solutions if each.scenario == scenario.id and not each.fails]
    results = {agent: counts[scenario.id, agent] for agent in agents if (scenario.id, agent) in counts}
    return {
        "scenario": scenario.id,
        "level": next((level for level in LEVELS if level in scenario.tags), None),
        "tags": [tag for tag in scenario.tags if tag not in LEVELS],
        "intent": scenario.intent,
        "tools": list(dict.fromkeys(tool for each in references for tool in _tools(each.steps))),
        "checks": [_check(check) for check in scenario.checks],
        "faults": [f"{fault.kind} of {fault.tool}, call {fault.on_call}" for fault in scenario.faults],
        "results": results,
        "alike": _alike(results, agents),
    }


def _tools(steps: Iterable[Step]) -> Iterable[str]:
    for step in steps:
        inner = step
        while isinstance(inner, Maybe):
            inner = inner.step
        if isinstance(inner, Call):
            yield inner.tool


def _check(check: Any) -> dict[str, Any]:
    return {
        "id": check.id,
        "check": getattr(check, "name", check.id),
        "title": getattr(check, "title", check.id),
        "role": getattr(check, "role", "gate"),
    }


def _alike(results: Mapping[str, Mapping[str, int]], agents: Sequence[str]) -> str | None:
    """`passed` or `failed` where every agent did so in every counted trial; None where they differ or are too few."""
    if len(agents) < 2 or any(agent not in results or not results[agent]["counted"] for agent in agents):
        return None
    if all(result["passed"] == result["counted"] for result in results.values()):
        return "passed"
    return "failed" if all(result["passed"] == 0 for result in results.values()) else None


def _levels(scenarios: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    found = Counter(scenario["level"] or "no level" for scenario in scenarios)
    return {level: found[level] for level in (*LEVELS, "no level") if found[level]}


def html(document: Mapping[str, Any]) -> str:
    """The page as one self-contained HTML file: no script, nothing from a network, all text escaped."""
    pages = Environment(loader=PackageLoader("agenteval.report", "page"), autoescape=True, trim_blocks=True)
    style = (Path(__file__).parent / "page" / "suite.css").read_text(encoding="utf-8")
    return pages.get_template("suite.html.j2").render(page=document, style=style)
