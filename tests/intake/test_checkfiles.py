"""Checks for stored traces."""

from __future__ import annotations

import pytest

from agenteval._util.loading import CodeLoader
from agenteval.core.ports import Query
from agenteval.errors import CodeNotAllowed, NotFound, ScenarioError
from agenteval.intake.checkfiles import load_checks
from agenteval.intake.suites import scenario_of
from agenteval.testing.trajectories import trajectory


@pytest.fixture
def loader(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return CodeLoader(tmp_path)


def load(loader, text, name="checks.yaml"):
    (loader.project / name).write_text(text, encoding="utf-8")
    return load_checks(name, loader)


def wrong(loader, text) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load(loader, text)
    return str(caught.value).splitlines()


def test_the_checks_are_those_of_a_scenario(loader):
    written = [{"never": "delete_account"}, {"calls": ["a", {"b": {"x": 1}}], "id": "order"}]
    file = load(loader, "checks:\n  - never: delete_account\n  - {calls: [a, {b: {x: 1}}], id: order}\n")
    scenario = scenario_of({"scenario": "a/b", "task": "x", "checks": written}, base=loader.project, loader=loader)
    assert file.checks == scenario.checks
    assert (file.where, file.source) == (Query(), "checks.yaml")
    assert load_checks(loader.project / "checks.yaml") == file


def test_where_is_a_query_and_counts_in_the_digest(loader):
    checks = "checks: [never: x]\n"
    file = load(loader, checks + "where: {run: r1, scenario: a/b, agent: careful, status: limit, trajectory: t}\n")
    assert file.where == Query(run="r1", scenario="a/b", agent="careful", status="limit", trajectory="t")
    plain = load(loader, checks)
    assert len({file.digest, plain.digest, load(loader, "checks: [never: y]\n").digest}) == 3
    assert load(loader, "# a comment\nwhere: {}\nchecks:\n  - never: x\n").digest == plain.digest
    assert load(loader, checks + "where: {agent: null}\n").digest == plain.digest


def test_what_is_assumed_counts_in_the_digest(loader):
    checks = "checks: [never: x]\n"
    plain, assuming = load(loader, checks), load(loader, checks + "assume_complete: true\n")
    assert (plain.assume_complete, assuming.assume_complete) == (False, True)
    assert load(loader, checks + "assume_complete: false\n").digest == plain.digest != assuming.digest
    uncounted = trajectory([], counted=False)
    assert plain.about(uncounted) is uncounted
    assert (assuming.about(uncounted).integrity.complete, uncounted.integrity.complete) == (True, False)


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", ["checks.yaml: this file is empty; what belongs here is an object with keys of: where, assume_complete, checks"]),
        ("where: {}", ['checks.yaml:1: "checks" is missing']),
        ("checks: []", ["checks.yaml:1: checks: is empty; at least one check is needed"]),
        ("checks: x", ['checks.yaml:1: checks: must be a list, not "x" (text).']),
        ("chekcs: []\nchecks: [never: x]", ['checks.yaml:1: unknown key "chekcs". Did you mean "checks"?']),
        ("where: {agnet: x}\nchecks: [never: x]", ['checks.yaml:1: where: unknown key "agnet". Did you mean "agent"?']),
        ("checks: [never: x]\nwhere:\n  status: broken", ["""checks.yaml:3: where.status: is "broken"; it must be one of 'completed', 'limit', 'agent_error', 'diverged' or 'invalid'"""]),
        ("checks: [never: x]\nwhere:\n  run: 5", ['checks.yaml:3: where.run: must be text, not 5 (a number). Write "5".']),
        ("where: x\nchecks: [never: x]", ['checks.yaml:1: where: must be an object, not "x" (text).']),
        ("a: *b", ["checks.yaml:1: the alias *b is refused: write the value out"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_checks_file(loader, text, messages):
    assert wrong(loader, text) == messages


def test_where_and_checks_are_told_of_together(loader):
    lines = wrong(loader, "where: {agnet: x}\nchecks:\n  - at_moost: {pay: 1}\n")
    assert [line.partition(": ")[0] for line in lines] == ["checks.yaml:1", "checks.yaml:3"]
    assert "at_moost" in lines[1]


def test_a_file_that_is_not_there_and_code_that_may_not_run(loader):
    with pytest.raises(NotFound, match=r"^there is no file nothing\.yaml$"):
        load_checks("nothing.yaml", loader)
    with pytest.raises(CodeNotAllowed, match=r"^checks\.yaml:2: checks\[0\].*os:system"):
        load(loader, 'checks:\n  - never: {tool: {$fn: "os:system"}}\n')
