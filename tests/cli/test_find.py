"""`find` and `forget`, as a user calls them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agenteval.report.schema import schemas

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def filled(command: Command) -> Command:
    done = command("run", "./till", "--agent", "adder", "--agent", "lazy", "--trials", "3")
    assert done.returncode in {0, 3}, done.stderr
    return command


def test_trajectories_are_found_page_by_page(filled: Command, answer: Callable[..., Any]) -> None:
    everything = answer("find", "tool:add", "agent:adder")
    Draft202012Validator(schemas()["find.v1"]).validate(everything)
    assert everything["after"] is None
    assert len(everything["found"]) == 6
    assert {tuple(one["names"]["agent"]) for one in everything["found"]} == {("adder",)}
    assert all(one["cost_usd"] is None and one["seconds"] >= 0 for one in everything["found"])
    found: list[str] = []
    after: list[str] = []
    while True:
        page = answer("find", "tool:add agent:adder", "--limit", "4", *after)
        found += [one["trajectory"] for one in page["found"]]
        if page["after"] is None:
            break
        after = ["--after", page["after"]]
    assert found == [one["trajectory"] for one in everything["found"]]
    shown = filled("show", found[0][:12], "--json")
    assert json.loads(shown.stdout)["id"] == found[0]


def test_what_was_found_is_shown_as_a_table(filled: Command) -> None:
    done = filled("find", "agent:adder", "--limit", "2")
    lines = done.stdout.splitlines()
    assert lines[0].split()[:7] == ["began", "(UTC)", "trajectory", "status", "seconds", "cost", "tokens"]
    assert all("completed, ok" in line and " ?  " in line for line in lines[1:3])
    assert lines[4].startswith("more with --after ")
    assert filled("find", "agent:nobody").stdout == "nothing was found\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["find", "tols:x"], 'nothing is found by "tols". Did you mean "tool"?'),
        (["find", "--after", "here"], "--after 'here' is not where a page ended"),
        (["find", "--limit", "0"], "0 is not in the range"),
        (["forget"], "say what to forget"),
        (["forget", "--before", "soon"], "--before 'soon' is no time"),
        (["forget", "--trace", "abc"], "--trace 'abc' is no trace id: give all 32 hexadecimal digits"),
    ],
)
def test_wrong_requests_are_told(filled: Command, arguments: list[str], said: str) -> None:
    done = filled(*arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_what_is_forgotten_is_counted_first_and_then_gone(filled: Command, answer: Callable[..., Any]) -> None:
    trace = answer("find")["found"][0]["names"]["trace"][0]
    would = answer("forget", "--trace", trace.upper(), "--dry-run")
    Draft202012Validator(schemas()["forget.v1"]).validate(would)
    assert would["dry_run"]
    assert would["counts"]["traces"] == would["counts"]["trajectories"] == would["counts"]["trials"] == 1
    assert answer("forget", "--trace", trace)["counts"]["spans"] == would["counts"]["spans"] > 0
    assert len(answer("find")["found"]) == 11
    assert answer("forget", "--before", "1d")["counts"]["traces"] == 0
    done = filled("forget", "--before", "2100-01-01")
    assert done.stdout.startswith("forgot: 11 traces\n  spans: ")
    assert "MB of them free; --compact gives them back" in done.stdout
    assert "free" not in filled("forget", "--before", "2100-01-01", "--compact").stdout
    assert filled("find").stdout == "nothing was found\n"


def test_a_password_is_not_shown(command: Command) -> None:
    for arguments in (["find"], ["doctor"], ["report"]):
        done = command(*arguments, "--store", "postgresql://me:s3cret@127.0.0.1:1/db?password=s3cret")
        assert "postgresql://me@127.0.0.1:1/db: the server cannot be reached" in done.stdout + done.stderr
        assert "s3cret" not in done.stdout + done.stderr
