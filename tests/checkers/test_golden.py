"""The golden cases of `traces/verdicts`: a check and a small trajectory in, whole findings out."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from agenteval.checkers import catalogue, parse
from agenteval.testing.trajectories import from_data

ROOT = Path(__file__).resolve().parents[2] / "traces" / "verdicts"
CASES = {f"{path.parent.name}/{path.stem}": YAML(typ="safe").load(path) for path in sorted(ROOT.glob("*/*.yaml"))}

# what cannot come: a metric of words needs no gap to be undecided, a bound without a scope is never without a subject
NEVER = {
    "budget": {"vacuous"},
    "no_loops": {"vacuous"},
    "rubric": {"pass", "fail", "vacuous"},
    "state": {"vacuous"},
    "calls": {"vacuous"},
}


def plain(finding):
    """A finding as its case writes it: what is usual is left out."""
    shown = {"verdict": finding.verdict, "reason_code": finding.reason_code, "reason": finding.reason}
    if finding.steps:
        shown["steps"] = list(finding.steps)
    if finding.vacuous:
        shown["vacuous"] = True
    if finding.activations is not None:
        shown["activations"] = finding.activations
    if finding.measure is not None:
        shown["measure"] = finding.measure.value
    if finding.evidence:
        shown["evidence"] = dict(finding.evidence)
    return shown


@pytest.mark.parametrize("name", CASES)
def test_a_case(name):
    case = CASES[name]
    check = parse([case["check"]])[0]
    findings = check.check(from_data(case["trajectory"]))
    assert [plain(finding) for finding in findings] == case["expect"]
    assert {finding.title for finding in findings} == {check.title}


@pytest.mark.parametrize("name", [doc.name for doc in catalogue()])
def test_every_check_has_a_case_of_each_answer(name):
    answers = set()
    for case, content in CASES.items():
        if case.startswith(f"{name}/"):
            assert content["check"] == name or name in content["check"]
            answers |= {"vacuous" if found.get("vacuous") else found["verdict"] for found in content["expect"]}
    wanted = {"pass", "fail", "unknown", "vacuous"} - NEVER.get(name, set())
    assert wanted <= answers, f"{name} lacks {wanted - answers}"


def test_every_case_says_what_it_is_about():
    assert all(set(case) == {"about", "check", "trajectory", "expect"} and case["about"] for case in CASES.values())
