"""The suites that agenteval ships, read as a user's are."""

from __future__ import annotations

import pytest

from agenteval.intake.catalogue import catalogue, find_suite
from agenteval.intake.solutions import load_solutions
from agenteval.intake.suites import load_scenario, load_suite

SHIPPED = [name for name, _ in catalogue()]


@pytest.fixture(params=SHIPPED or [pytest.param("none", marks=pytest.mark.skip(reason="no suite is shipped yet"))])
def name(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return request.param


def test_a_shipped_suite_is_read_by_name_and_by_path(name):
    suite = load_suite(name)
    assert suite.id == name
    assert suite.scenarios
    assert load_suite(find_suite(name)).hash == suite.hash
    assert suite.claims
    assert suite.does_not_claim


def test_each_scenario_of_it_is_the_same_when_read_alone(name):
    for scenario in load_suite(name).scenarios:
        alone = load_scenario(scenario.id)
        assert (alone, alone.hash) == (scenario, scenario.hash)


def test_its_worlds_are_made_and_its_solutions_belong_to_its_scenarios(name):
    suite = load_suite(name)
    for scenario in suite.scenarios:
        assert scenario.world is None or scenario.world.make(0).tools()
    solved = {solution.scenario for solution in load_solutions(suite) if not solution.fails}
    assert solved == {scenario.id for scenario in suite.scenarios}
