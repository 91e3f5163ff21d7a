"""`agenteval new` and the project's settings, as somebody who has an agent meets them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agenteval.errors import RequestError
from agenteval.intake.settings import load_settings
from agenteval.telemetry.redact.rules import RedactRules

Command = Callable[..., subprocess.CompletedProcess[str]]

GRAPH = '''\
from langchain.agents import create_agent
from langchain_core.language_models import FakeListChatModel
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph


class Model(FakeListChatModel):
    def bind_tools(self, tools, **kwargs):
        return self


@tool
def find_room(size: int, day: str) -> str:
    """Find a free room.

    On a day."""
    return "R1"


@tool
def book_room(room: str) -> str:
    """Book a room: it's yours {then} # really"""
    return "booked"


inner = create_agent(Model(responses=["Hello."]), [book_room, find_room])
outer = StateGraph(MessagesState)
outer.add_node("inner", inner)
outer.add_edge(START, "inner")
outer.add_edge("inner", END)
graph = outer.compile()


def build(tools):
    return create_agent(Model(responses=["Hello."]), tools)
'''


@pytest.fixture
def rooms(project: Path) -> Path:
    (project / "room_agent.py").write_text(GRAPH)
    return project


def test_the_tools_of_a_graph_are_read_and_what_is_written_runs(command: Command, rooms: Path) -> None:
    done = command("new", "--agent", "room_agent.py:graph", "--json")
    assert done.returncode == 0, done.stderr
    written = json.loads(done.stdout)
    assert written == {
        "schema": "new.v1",
        "files": [
            "scenarios/room-agent/suite.yaml",
            "scenarios/room-agent/first.yaml",
            "test_room_agent.py",
            "agenteval.toml",
        ],
        "tools": ["book_room", "find_room"],
    }
    scenario = (rooms / "scenarios/room-agent/first.yaml").read_text()
    assert "#   find_room(size, day)   Find a free room. On a day.\n" in scenario
    assert "#   book_room(room)   Book a room: it's yours {then} # really\n" in scenario
    ran = command("run", "--json")
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)["report"]
    assert (report["statuses"]["completed"], report["pass_rate"]["estimate"]) == (1, 1.0)
    assert report["agents"][0]["agent"] == "graph"


def test_an_agent_that_gets_its_tools_from_a_world_is_told_so(command: Command, rooms: Path) -> None:
    assert command("new", "--agent", "room_agent.py:build").returncode == 0
    assert (
        "This agent gets its tools from the scenario's world" in (rooms / "scenarios/room-agent/first.yaml").read_text()
    )
    assert command("run").returncode == 0


def test_nothing_that_is_there_is_written_over(command: Command, rooms: Path) -> None:
    (rooms / "agenteval.toml").write_text("trials = 2\n")
    done = command("new", "--agent", "room_agent.py:graph")
    assert done.returncode == 2
    assert "agenteval.toml: there already, and nothing was written" in done.stderr
    assert (rooms / "agenteval.toml").read_text() == "trials = 2\n"
    assert not (rooms / "scenarios").exists()


@pytest.mark.parametrize(
    ("agent", "message"),
    [
        ("room_agent", '"room_agent" names no agent: write module:object'),
        ("room_agent.py:grahp", 'Did you mean "graph"'),
        ("room_agent.py:GRAPH", "has no"),
        ("nowhere.py:graph", "nowhere.py"),
        ("json:loads", "--allow-code"),
    ],
)
def test_what_is_no_agent_of_yours_is_refused(command: Command, rooms: Path, agent: str, message: str) -> None:
    done = command("new", "--agent", agent)
    assert done.returncode == 2, done.stdout
    assert message in done.stderr
    assert not (rooms / "agenteval.toml").exists()


# --- settings


def test_settings_are_defaults_and_the_command_line_comes_first(
    command: Command, answer: Callable[..., Any], project: Path
) -> None:
    (project / "agenteval.toml").write_text(
        'suite = "./till"\nagent = ["adder", "lazy"]\ntrials = 2\nstore = "mine.db"\n'
    )
    ran = answer("run")
    assert (ran["summary"]["planned"], [a["agent"] for a in ran["report"]["agents"]]) == (8, ["adder", "lazy"])
    assert (project / "mine.db").exists()
    assert answer("report")["run"]["id"] == ran["run"]
    assert answer("run", "--agent", "adder", "--trials", "1")["summary"]["planned"] == 2
    assert answer("run", "--resume")["summary"] == {
        "planned": 2, "carried_out": 0, "already_there": 2, "stopped": None, "statuses": {},
    }  # fmt: skip
    assert command("verify").stdout.endswith("till: 2 of 2 scenarios proven\n")
    assert command("run", "--agent", "adder", env={"AGENTEVAL_STORE": "other.db"}).returncode == 0
    assert (project / "other.db").exists()


def test_a_project_cannot_do_away_with_isolation(command: Command, project: Path) -> None:
    (project / "agenteval.toml").write_text('sandbox = "local"\n')
    done = command("run", "./till", "--agent", "adder")
    assert (done.returncode, 'unknown setting "sandbox"' in done.stderr) == (2, True)


def test_pyproject_holds_settings_too(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.agenteval]\nagent = "app.py:graph"\nmax_usd = 1.5\n')
    assert load_settings(project).given() == {"agent": ["app.py:graph"], "max_usd": 1.5}
    (project / "agenteval.toml").write_text('trials = 3\n[redact]\nemail = "drop"\n')
    settings = load_settings(project)
    assert settings.given() == {"trials": 3}
    assert settings.redact == RedactRules(email="drop")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trals = 3\n", 'agenteval.toml: unknown setting "trals". Did you mean "trials"?'),
        ("trials = '3'\n", "agenteval.toml: trials: Input should be a valid integer"),
        ("trials = \n", "agenteval.toml: cannot be read as TOML"),
        ("agent = 5\n", "agenteval.toml: agent: Input should be a valid list"),
        ('[redact]\nemial = "mask"\n', 'agenteval.toml: unknown setting "redact.emial". Did you mean "email"?'),
        ('[redact]\nemail = "hide"\n', "redact.email: Input should be 'mask', 'pseudonym', 'drop' or 'keep'"),
        ('[redact]\nphone_regions = ["Germany"]\n', "redact.phone_regions.0: String should match pattern '^[A-Z]{2}$'"),
        ('[[redact.custom]]\nname = "email"\npattern = "x"\n', 'the name of the custom rule "email" is taken'),
        ('[[redact.custom]]\nname = "x"\npatern = "x"\n', 'redact.custom.0.patern". Did you mean "pattern"?'),
    ],
)
def test_wrong_settings_are_told_with_their_file(command: Command, project: Path, text: str, message: str) -> None:
    (project / "agenteval.toml").write_text(text)
    with pytest.raises(RequestError) as caught:
        load_settings(project)
    assert message in str(caught.value)
    done = command("report")
    assert (done.returncode, message in done.stderr) == (2, True)
