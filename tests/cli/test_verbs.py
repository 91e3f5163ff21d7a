"""The verbs, as a user calls them: what they print, what they exit with, what they say of wrong requests."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]


def counted(counts: dict[str, int]) -> dict[str, int]:
    """Counts without the zeros that a report lists."""
    return {name: count for name, count in counts.items() if count}


def test_verify_proves_a_right_suite(command: Command) -> None:
    done = command("verify", "./till")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("till: 2 of 2 scenarios proven\n")


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("till/solutions/three.yaml", "{by: 2}", "{by: 3}", "check state-"),
        ("till/solutions/three.yaml", "{by: 2}", "{by: -2}", "add failed: the amount must not be negative"),
        (
            "till/three.yaml",
            "add: 2}",
            "addd: 2}",
            'names the tool "addd", which the world does not offer. Did you mean "add"?\n',
        ),
        ("till/any.yaml", "at_least: {add: 1}", "at_most: {add: 1}", "doing nothing does not fail it"),
        (
            "till/any.yaml",
            "at_least: {add: 1}",
            "at_least: {look: 1}",
            "without step 2, add, it does not fail (the score is scored): add a check that demands the step",
        ),
        ("till/any.yaml", "- {at_least", "- never: burn\n  - {at_least", "fails in no run: add a solutions/bad-*.yaml"),
        (
            "till/any.yaml",
            "- {at_least",
            "- {at_most: {look: 1}}\n  - {at_least",
            "extra read after step 1, look: check",
        ),
        ("till/three.yaml", 'says: "3"', 'says: {$re: "^It"}', "reworded: check says-"),
        (
            "till/world.py",
            "super().__init__({",
            'super().__init__({"id": __import__("random").random(), ',
            "not deterministic",
        ),
    ],
)
def test_verify_says_what_is_wrong(
    command: Command, project: Path, file: str, old: str, new: str, problem: str
) -> None:
    text = (project / file).read_text()
    assert old in text
    (project / file).write_text(text.replace(old, new))
    done = command("verify", "./till")
    assert done.returncode == 1, done.stdout + done.stderr
    assert problem in done.stdout
    assert "1 of 2" in done.stdout or "0 of 2" in done.stdout


def test_run_counts_what_agents_did(answer: Callable[..., Any]) -> None:
    document = answer("run", "./till", "--agent", "adder", "--agent", "lazy", "--trials", "4")
    assert document["summary"] == {
        "planned": 16,
        "carried_out": 16,
        "already_there": 0,
        "stopped": None,
        "statuses": {"completed": 16},
    }
    rates = {agent["agent"]: agent["pass_rate"] for agent in document["report"]["agents"]}
    assert {name: (rate["estimate"], rate["counted"], rate["left_out"]) for name, rate in rates.items()} == {
        "adder": (1.0, 8, 0),
        "lazy": (0.0, 8, 0),
    }
    assert all(rate["low"] < rate["high"] for rate in rates.values())
    assert document["run"] == document["report"]["run"]["id"]


def test_the_same_seed_gives_the_same_run(answer: Callable[..., Any]) -> None:
    def seeds() -> list[int]:
        return [
            trial["seed"] for trial in answer("run", "./till", "--agent", "adder", "--trials", "3")["report"]["trials"]
        ]

    assert seeds() == seeds()


def test_a_world_on_fire_is_not_the_agents_failure(command: Command) -> None:
    done = command("run", "./till", "--agent", "till/agents.py:arsonist", "--json")
    assert done.returncode == 3
    report = json.loads(done.stdout)["report"]
    assert counted(report["statuses"]) == {"invalid": 2}
    assert report["pass_rate"]["estimate"] is None
    assert {trial["attempt"] for trial in report["trials"]} == {2}
    assert {trial["fault_of"] for trial in report["trials"]} == {"world"}


def test_an_agent_that_raises_has_failed(answer: Callable[..., Any]) -> None:
    report = answer("run", "./till", "--agent", "till/agents.py:crash")["report"]
    assert counted(report["statuses"]) == {"agent_error": 2}
    assert report["pass_rate"]["estimate"] == 0.0
    assert all(trial["findings"][0]["check"] == "finished" for trial in report["trials"])


def test_score_judges_again_without_running(answer: Callable[..., Any]) -> None:
    first = answer("run", "./till", "--agent", "adder", "--agent", "lazy")
    scored = answer("score", "--checks", "checks.yaml")
    assert scored["scored"] == 4
    report = scored["report"]
    assert report["run"]["parent"] == first["run"]
    by_check = {(c["agent"], c["check"]): c["verdicts"] for c in report["checks"]}
    assert counted(by_check["adder", "once"]) == {"fail": 2}
    assert counted(by_check["lazy", "once"]) == {"pass": 2}
    assert answer("score", "--checks", "checks.yaml")["scored"] == 4  # the latest run is the scoring by now
    again = answer("report", first["run"])
    assert again["pass_rate"] == first["report"]["pass_rate"]


def test_show_prints_the_trajectory(command: Command, answer: Callable[..., Any]) -> None:
    report = answer("run", "./till", "--agent", "lazy")["report"]
    trace = report["trials"][0]["trajectory"]
    shown = command("show", trace[:10])
    assert shown.returncode == 0
    assert "I would rather not." in shown.stdout
    assert "at step 1" in shown.stdout
    document = answer("show", trace)
    assert document["schema"] == "trajectory.v1"
    assert document["id"] == trace
    assert [step["kind"] for step in document["steps"]] == ["message", "message"]


def test_compare_pairs_by_scenario(command: Command, answer: Callable[..., Any]) -> None:
    answer("run", "./till", "--agent", "adder", "--agent", "lazy", "--trials", "2")
    document = answer("compare", "adder", "lazy")
    assert document["result"]["difference"]["estimate"] == 1.0
    assert (document["result"]["wins"], document["result"]["losses"]) == (2, 0)
    shown = " ".join(command("compare", "adder", "lazy").stdout.split())
    assert "A - B +1.000" in shown


def test_reports_are_written(command: Command, project: Path, answer: Callable[..., Any]) -> None:
    answer("run", "./till", "--agent", "adder", "--agent", "lazy")
    done = command("report", "--html", "report.html", "--junit", "junit.xml")
    assert done.returncode == 0, done.stderr
    assert "<!doctype html>" in (project / "report.html").read_text()
    root = ET.fromstring((project / "junit.xml").read_text())  # noqa: S314 (written a moment ago)
    assert [(s.get("tests"), s.get("failures")) for s in root] == [("2", "0"), ("2", "2")]


@pytest.mark.parametrize(("rate", "code"), [("0.1", 0), ("0.9", 4)])
def test_require_answers_by_the_interval(command: Command, rate: str, code: int) -> None:
    assert command("run", "./till", "--agent", "adder", "--trials", "1", "--require", rate).returncode == code


def test_require_says_how_many_more_would_tell(command: Command) -> None:
    done = command("run", "./till", "--agent", "adder", "--trials", "6", "--select", "till/three", "--require", "0.75")
    assert done.returncode == 4
    assert done.stderr.splitlines()[-1] == (
        "inconclusive: passed 6 of 6 trials, a rate of 1.000 [0.610, 1.000], 0.75 is required; "
        "at this rate about 6 more trials would tell"
    )


def test_require_says_no(command: Command) -> None:
    done = command("run", "./till", "--agent", "lazy", "--trials", "40", "--select", "till/three", "--require", "0.9")
    assert done.returncode == 1
    assert "not met" in done.stderr


def test_the_store_is_private_and_out_of_git(command: Command, project: Path) -> None:
    command("run", "./till", "--agent", "lazy")
    folder = project / ".agenteval"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "store.db").stat().st_mode) == 0o600
    assert (folder / ".gitignore").read_text().strip() == "*"


def test_the_environment_names_the_store(command: Command, project: Path) -> None:
    done = command("run", "./till", "--agent", "lazy", env={"AGENTEVAL_STORE": "elsewhere.db"})
    assert done.returncode == 0
    assert (project / "elsewhere.db").exists()
    assert not (project / ".agenteval").exists()


def test_a_trajectory_that_is_not_there_is_answered_by_those_that_are(
    command: Command, answer: Callable[..., Any]
) -> None:
    report = answer("run", "./till", "--agent", "lazy")["report"]
    trials = {trial["trajectory"]: trial for trial in report["trials"]}
    lines = {
        f"  {name[:12]}  {trial['scenario']} #0, lazy, run {report['run']['id']}" for name, trial in trials.items()
    }
    listed = "`agenteval report RUN --json` lists those of a run under `trials`."

    none = command("show", "zzz")
    assert none.returncode == 2
    first, *told, last = none.stderr.splitlines()
    assert first == 'error: no trajectory begins with "zzz" in this store. It holds, for instance:'
    assert (set(told), last) == (lines, listed)
    assert told == sorted(told)

    name = min(trials)
    misspelt = name[:6] + ("0" if name[6] != "0" else "1") + name[7:12]
    first, told_one, last = command("show", misspelt).stderr.splitlines()
    assert first == f'error: no trajectory begins with "{misspelt}" in this store. Did you mean:'
    assert (told_one.split()[0], last) == (name[:12], listed)

    several = command("show", "")
    first, *told, last = several.stderr.splitlines()
    assert first == 'error: "" begins the ids of several trajectories. Give more of the one that you mean:'
    assert (set(told), last) == (lines, listed)


def test_a_check_of_a_tool_that_is_not_there_is_named_with_its_line(command: Command, project: Path) -> None:
    for name, old, new in (("three", "{at_most: {add: 2}", "{at_most: {addd: 2}"), ("any", "{add: 1}", "{burm: 1}")):
        file = project / f"till/{name}.yaml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
    wrong = [
        ("till/any.yaml:4", "check adds", '"burm"', 'Did you mean "burn"?'),
        ("till/three.yaml:6", "check twice", '"addd"', 'Did you mean "add"?'),
    ]
    file = project / "till/any.yaml"
    file.write_text(f"{file.read_text()}faults:\n  - {{tool: ad, raises: timeout}}\n")
    wrong.insert(1, ("till/any.yaml:6", "faults[0]", '"ad"', 'Did you mean "add"?'))
    refused = command("run", "./till", "--agent", "adder")
    assert refused.returncode == 2
    for line, (place, *words) in zip(refused.stderr.removeprefix("error: ").splitlines(), wrong, strict=True):
        assert line.startswith(f"{place}: ")
        assert [word for word in words if word not in line] == [], line
    shown = [line for line in command("verify", "./till").stdout.splitlines() if "names the tool" in line]
    assert sorted(line.strip().partition(": ")[0] for line in shown) == [place for place, *_ in wrong]


def test_doctor_looks_around(command: Command, answer: Callable[..., Any]) -> None:
    assert command("doctor").returncode in {0, 1}
    document = json.loads(command("doctor", "--json").stdout)
    assert {finding["what"] for finding in document["findings"]} >= {"agenteval", "libraries", "suites", "store"}


def test_checks_lists_and_explains(command: Command) -> None:
    listed = command("checks")
    assert listed.returncode == 0
    assert "at_most" in listed.stdout
    explained = command("checks", "at_most")
    assert explained.returncode == 0, explained.stderr
    assert "at_most" in explained.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ru"], 'there is no verb "ru". Did you mean "run"?'),
        (["run"], "no suite was named"),
        (["run", "tilll", "--agent", "x"], 'there is no suite "tilll". Did you mean "till"?'),
        (["verify", "./tilll"], 'there is no suite "./tilll". Did you mean "till"?'),
        (["run", "./till"], "no agent was named"),
        (["run", "./till", "--agent", "ader"], 'there is no agent "ader". Did you mean "adder"?'),
        (["run", "./till", "--agent", "till/agents.py:ader"], "adder"),
        (["run", "./till", "--agent", "till/agent.py:adder"], "agent.py"),
        (["run", "./till", "--agent", "adder", "--agent", "adder"], 'two agents are called "adder"'),
        (["run", "./till", "--agent", "adder", "--trials", "0"], "trials is 0; it must be 1 or more"),
        (["run", "./till", "--agent", "chat"], 'agent "chat" needs a model'),
        (["run", "./till", "--agent", "adder", "--max-usd", "1"], "--max-usd cannot bound"),
        (["run", "./till", "--agent", "adder", "--trialss", "1"], "--trials"),
        (["run", "--resume", "nothing"], "nothing"),
        (["report", "nothing"], "there is no store"),
        (["show", "abc"], "there is no store"),
        (["score", "--checks", "nothing.yaml"], "nothing.yaml"),
        (["run", "./till", "--agent", "adder", "--require", "2"], "--require is 2"),
        (["run", "./till", "--agent", "adder", "--html", "no/where.html"], "there is no folder no"),
        (["run", "./till", "--agent", "adder", "--base-url", "http://me:secret@127.0.0.1/v1"], "no user, password"),
        (["checks", "at_moost"], 'there is no check "at_moost". Did you mean "at_most"?'),
        (["report", "--store", "mysql://x/y"], "allowed are"),
    ],
)
def test_wrong_requests_say_what_is_right(command: Command, arguments: list[str], message: str) -> None:
    done = command(*arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_code_from_elsewhere_needs_leave(command: Command, tmp_path_factory: pytest.TempPathFactory) -> None:
    stranger = tmp_path_factory.mktemp("elsewhere") / "agent.py"
    stranger.write_text("def agent(text): return 'hi'\n")
    refused = command("run", "./till", "--agent", f"{stranger}:agent")
    assert refused.returncode == 2
    assert "--allow-code" in refused.stderr
    assert command("run", "./till", "--agent", f"{stranger}:agent", "--allow-code").returncode == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("OTEL_SDK_DISABLED", "true"), ("OTEL_SDK_DISABLED", " True "), ("OTEL_PYTHON_TRACER_PROVIDER", "nowhere")],
)
def test_recording_switched_off_is_said(command: Command, name: str, value: str) -> None:
    done = command("run", "./till", "--agent", "adder", env={name: value})
    assert done.returncode == 2, done.stdout
    assert f"error: {name}" in done.stderr
    looked = command("doctor", env={name: value})
    assert looked.returncode == 1
    assert f"LOOK  {name}" in looked.stdout
    assert f"unset {name}" in looked.stdout


def test_a_refused_import_leaves_no_run_behind(command: Command, answer: Callable[..., Any], project: Path) -> None:
    ran = answer("run", "./till", "--agent", "adder")["run"]
    (project / "broken.json").write_text("[{")
    done = command("import", "broken.json", "--json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert (document["run"], document["imported"], len(document["refused"])) == (None, 0, 1)
    assert answer("report")["run"]["id"] == ran
    told = command("import", "broken.json")
    assert told.stdout.endswith("nothing was imported, and no run was made\n")


def test_resuming_means_the_latest_run_that_was_carried_out(
    command: Command, answer: Callable[..., Any], project: Path
) -> None:
    ran = answer("run", "./till", "--agent", "adder")["run"]
    (project / "talk.jsonl").write_text('{"messages": [{"role": "user", "content": "Hello"}]}\n')
    assert answer("import", "talk.jsonl")["imported"] == 1
    resumed = answer("run", "--resume")
    assert resumed["run"] == ran
    assert resumed["summary"]["already_there"] == 2
