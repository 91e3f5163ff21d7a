"""`agenteval.run` from Python: what it refuses before anything is run, and what its result answers."""

from __future__ import annotations

from typing import Any

import pytest

import agenteval
from agenteval import RequestError, Scenario, parse_checks
from agenteval.errors import NotFound

SCENARIO = Scenario(id="mine/where", task="Where is my parcel?", checks=parse_checks([{"says": "on its way"}]))


def agent(text: str) -> str:
    return "Your parcel is on its way."


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trials": 0}, "trials is 0; it must be 1 or more"),
        ({"concurrency": 0}, "concurrency is 0; it must be 1 or more"),
        ({"retries": -1}, "retries is -1; it must be 0 or more"),
        ({"max_usd": 0.0}, "max-usd is 0; it must be above 0"),
        ({"max_usd": 1.0}, "max_usd needs prices"),
    ],
)
def test_what_cannot_be_run_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        agenteval.run(SCENARIO, agent, **options)


def test_the_rate_of_an_agent_that_is_not_there_is_no_rate() -> None:
    result = agenteval.run(SCENARIO, {"quick": agent}, trials=2)
    assert result.pass_rate(agent="quick").counted == 2
    with pytest.raises(NotFound, match=r'holds no agent "quik"\. Did you mean "quick"'):
        result.pass_rate(agent="quik")
