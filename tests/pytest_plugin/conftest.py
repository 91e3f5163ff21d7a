"""What runs of pytest inside a test need to have been imported before."""

from __future__ import annotations

import importlib

import pytest

import agenteval
from agenteval import Scenario, parse_checks


@pytest.fixture(scope="session", autouse=True)
def loaded() -> None:
    """What runs of pytest within this process need: pytester forgets what such a run imports, and numpy bears it once."""
    result = agenteval.run(Scenario(id="a/b", task="", checks=parse_checks([{"says": "a"}])), str.lower)
    assert result.pass_rate().low is not None
    for name in ("agenteval.store.sql", "agenteval.report.failure"):
        importlib.import_module(name)
