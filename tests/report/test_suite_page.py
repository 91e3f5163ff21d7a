"""The page of a suite: what each scenario asks, and which scenarios tell the shipped agents apart."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from agenteval import Scenario, Suite, parse_checks
from agenteval.core.outcome import Score, Trial
from agenteval.core.scenario import Fault
from agenteval.intake.solutions import Call, Maybe, Say, Solution
from agenteval.report import suite as page
from agenteval.report.schema import schemas
from agenteval.report.text import render_suite

CHECKS = parse_checks([{"calls": ["pay"], "id": "pays"}, {"never": "burn", "as": "safety", "id": "no-fire"}])
SUITE = Suite(
    id="till",
    title="A <b>till</b>",
    claims=("Adds up",),
    scenarios=(
        Scenario(id="till/a", task="Pay", tags=("hard", "money"), intent="Pay </details> once", checks=CHECKS),
        Scenario(id="till/b", task="Pay", checks=CHECKS, faults=(Fault(tool="pay", kind="timeout"),)),
        Scenario(id="till/c", task="Pay", tags=("easy",), checks=CHECKS),
    ),
)
SOLUTIONS = [
    Solution(
        scenario="till/a",
        steps=(
            Say(text="Hm."),
            Call(tool="look", arguments={}),
            Maybe(step=Call(tool="pay", arguments={})),
            Call(tool="look", arguments={}),
        ),
    ),
    Solution(scenario="till/a", steps=(Call(tool="burn", arguments={}),), fails=("no-fire",)),
]


def outcome(scenario: str, agent: str, passed: bool | None) -> tuple[Trial, Score]:
    status = "invalid" if passed is None else "completed"
    trial = Trial(run="r", scenario=scenario, scenario_hash="h", agent=agent, repeat=0, seed=0, status=status)
    return trial, Score(status="invalid" if passed is None else "scored", passed=passed)


OUTCOMES = [
    outcome("till/a", "x", True), outcome("till/a", "y", True), outcome("till/a", "y", True),
    outcome("till/b", "x", False), outcome("till/b", "y", False), outcome("till/b", "y", None),
    outcome("till/c", "x", True), outcome("till/c", "y", False),
]  # fmt: skip


@pytest.fixture
def document() -> dict[str, Any]:
    return page.build(SUITE, SOLUTIONS, OUTCOMES, agents=["x", "y"])


def test_the_page_says_what_is_asked_and_who_passed(document: dict[str, Any]) -> None:
    assert document["levels"] == {"easy": 1, "hard": 1, "no level": 1}
    assert document["alike"] == {"passed": ["till/a"], "failed": ["till/b"]}
    first, second, third = document["scenarios"]
    assert first == {
        "scenario": "till/a",
        "level": "hard",
        "tags": ["money"],
        "intent": "Pay </details> once",
        "tools": ["look", "pay"],
        "checks": [
            {"id": "pays", "check": "calls", "title": "calls: [pay]", "role": "gate"},
            {"id": "no-fire", "check": "never", "title": "never: burn", "role": "safety"},
        ],
        "faults": [],
        "results": {
            "x": {"passed": 1, "counted": 1, "left_out": 0},
            "y": {"passed": 2, "counted": 2, "left_out": 0},
        },
        "alike": "passed",
    }
    assert second["faults"] == ["timeout of pay, call 1"]
    assert second["results"]["y"] == {"passed": 0, "counted": 1, "left_out": 1}
    assert third["alike"] is None


def test_the_page_is_of_its_schema(document: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(schemas()["suite.v1"]).validate(document)


def test_one_agent_or_a_trial_that_was_not_counted_tells_nothing() -> None:
    alone = page.build(SUITE, SOLUTIONS, [outcome("till/a", "x", True)], agents=["x"])
    assert alone["alike"] == {"passed": [], "failed": []}
    assert "what tells agents apart is not measured" in render_suite(alone, width=100)
    lost = [outcome("till/a", "x", True), outcome("till/a", "y", None)]
    assert page.build(SUITE, SOLUTIONS, lost, agents=["x", "y"])["alike"]["passed"] == []


def test_text_and_page_say_the_same(document: dict[str, Any]) -> None:
    text = render_suite(document, width=100)
    assert "every shipped agent passes, in every trial: till/a" in text
    assert "every shipped agent fails, in every trial: till/b" in text
    html = page.html(document)
    assert "A &lt;b&gt;till&lt;/b&gt;" in html
    assert "Pay &lt;/details&gt; once" in html
    assert "<script" not in html
    assert "default-src 'none'" in html
