"""`agenteval.run` from Python: what it refuses before anything is run, and what its result answers."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

import agenteval
from agenteval import RequestError, Scenario, WorldRef, parse_checks
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


# --- agents by reference, as on the command line

PROJECT = {
    "app.py": 'def agent(text):\n    return "Your parcel is on its way."\n\n\ndef mute(text):\n    return "..."\n',
    "desk/suite.yaml": "suite: desk\nagents: {clerk: ./clerk.py:clerk}\n",
    "desk/clerk.py": 'def clerk(text):\n    return "on its way"\n',
    "desk/where.yaml": 'scenario: desk/where\ntask: Where is it?\nchecks:\n  - says: "on its way"\n',
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("given", "rates"),
    [
        ("clerk", {"clerk": 1.0}),
        ("app.py:agent", {"agent": 1.0}),
        ({"ours": "app.py:agent", "theirs": "clerk", "here": agent}, {"ours": 1.0, "theirs": 1.0, "here": 1.0}),
        ({"loud": "app.py:agent", "mute": "app.py:mute"}, {"loud": 1.0, "mute": 0.0}),
    ],
)
def test_agents_may_be_named_by_reference(project: Path, given: object, rates: dict[str, float]) -> None:
    result = agenteval.run("desk", given, project=project)
    assert {name: result.pass_rate(agent=name).estimate for name in result.run.agents} == rates


def test_names_start_from_the_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFound, match='there is no suite "desk"'):
        agenteval.run("desk", agent)
    monkeypatch.chdir(project)
    agenteval.run("desk/where", "clerk").require()


@pytest.mark.parametrize(
    ("suite", "given", "message"),
    [
        ("desk", "clark", 'there is no agent "clark". Did you mean "clerk"'),
        ("desk", "chat", 'agent "chat" needs a model'),
        ("desk", agenteval.ChatAgent(), 'agent "agent" needs a model'),
        ("desk", {}, "no agent was named"),
        ("desk", 7, "which is no agent"),
        (agent, "desk", "a function is nothing to run an agent on: pass a Suite"),
    ],
)
def test_agents_and_suites_that_are_none_are_refused(project: Path, suite: Any, given: object, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        agenteval.run(suite, given, project=project)


def test_a_world_that_cannot_be_made_is_the_worlds_fault() -> None:
    def made(seed: int) -> Any:
        raise OSError("no disk")

    broken = WorldRef(ref="broken", digest="1", make=made)
    result = agenteval.run(Scenario(id="mine/broken", task="Hello.", world=broken, checks=SCENARIO.checks), agent)
    ((trial, _),) = result.outcomes
    assert (trial.status, trial.fault_of, trial.error) == ("invalid", "world", "OSError: no disk")


# --- under a running loop


async def test_under_a_running_loop_it_works_and_raises_as_elsewhere() -> None:
    agenteval.run(SCENARIO, agent, trials=3).require()
    with pytest.raises(NotFound, match="there is no suite"):
        agenteval.run("no-such-suite", agent)


async def test_cancelled_it_ends_the_trials_at_work_before_it_goes() -> None:
    """As the first Ctrl-C does under `asyncio.run`: it cancels the task, whose loop stands still."""
    at_work, ended = threading.Event(), threading.Event()

    async def waits(session: Any) -> None:
        at_work.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def running() -> None:
        agenteval.run(SCENARIO, waits)

    def cancel() -> None:
        at_work.wait()
        task.cancel()

    task = asyncio.create_task(running())
    threading.Thread(target=cancel).start()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
