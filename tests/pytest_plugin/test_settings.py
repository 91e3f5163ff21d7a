"""What is loaded, which settings win, which seeds tests have, and where results are kept."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

INI = "[pytest]\naddopts = -p no:hypothesispytest -p no:langsmith_plugin -p no:asyncio\n"

SHOP = """\
import json
from pathlib import Path
from agenteval import Scenario, parse_checks

SAY = Scenario(id="mine/say", task="Say yes.", checks=parse_checks([{"says": "yes"}]))


def agent(text):
    return "yes"


def note(result):
    trials = [trial.repeat for trial, _ in result.outcomes]
    seeds = sorted(trial.seed for trial, _ in result.outcomes)
    with (Path(__file__).parent / "noted.jsonl").open("a") as file:
        print(json.dumps([len(trials), result.run.settings["seed"], seeds, result.run.id]), file=file)
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with an agent that passes, and a place where tests note what their runs were."""
    pytester.makefile(".ini", pytest=INI)
    pytester.makepyfile(shop=SHOP)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    return pytester


def noted(project: pytest.Pytester) -> list[list]:
    """What was noted since last asked: trials, seed of the run, seeds of the trials, id."""
    file = project.path / "noted.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return [json.loads(line) for line in lines]


ONE = """
from shop import SAY, agent, note

def test_it(evaluate):
    note(evaluate(agent, SAY))
"""

# --- what is loaded

SEEN = """
import sys

def test_it():
    assert "agenteval.pytest_plugin" in sys.modules
    ours = {name for name in sys.modules if name.partition(".")[0] == "agenteval"}
    light = {"", ".errors", ".pytest_plugin", "._util", "._util.ids", "._util.names", "._util.version"}
    assert ours - {f"agenteval{name}" for name in light} == set()
"""


def test_a_run_that_does_not_use_it_loads_next_to_nothing(project: pytest.Pytester, repo: Path):
    sys.path.append(str(repo))
    project.makepyfile(test_seen=SEEN, shop="")
    done = project.runpytest_subprocess("-W", "error", "--strict-markers", "--strict-config")
    assert done.parseoutcomes() == {"passed": 1}
    assert not (project.path / ".agenteval").exists()


def test_importing_the_plugin_loads_no_heavy_library(tmp_path: Path):
    heavy = (
        "httpx",
        "langgraph",
        "networkx",
        "numpy",
        "opentelemetry",
        "orjson",
        "pydantic",
        "rich",
        "scipy",
        "sqlalchemy",
    )
    code = f"import pytest, agenteval.pytest_plugin, sys; print(*sorted(set({heavy!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_it_can_be_left_out(project: pytest.Pytester):
    project.makepyfile(test_one=ONE, test_other="def test_other(): pass\n")
    done = project.runpytest_inprocess("-p", "no:agenteval")
    assert done.parseoutcomes() == {"passed": 1, "errors": 1}
    done.stdout.fnmatch_lines(["E       fixture 'evaluate' not found"])


def test_what_others_leave_out_it_does_without(project: pytest.Pytester):
    project.makepyfile(test_one=ONE)
    left_out = [f"-pno:{name}" for name in ("terminal", "junitxml", "cacheprovider", "faulthandler", "xdist")]
    assert project.runpytest_subprocess(*left_out).ret == 0
    assert len(noted(project)) == 1


def test_a_fixture_of_the_project_goes_first(project: pytest.Pytester):
    project.makeconftest("import pytest\n\n@pytest.fixture\ndef evaluate():\n    return eval\n")
    project.makepyfile(test_it="def test_it(evaluate):\n    assert evaluate is eval\n")
    assert project.runpytest_inprocess().parseoutcomes() == {"passed": 1}


def test_help_and_markers_name_what_there_is(project: pytest.Pytester):
    text = project.runpytest_inprocess("--help").stdout.str()
    assert [name for name in ("trials", "seed", "store", "inconclusive") if f"--agenteval-{name}=" not in text] == []
    assert [name for name in ("trials", "seed", "store", "inconclusive") if f"\n  agenteval_{name} " not in text] == []
    assert "@pytest.mark.agenteval(trials=" in project.runpytest_inprocess("--markers").stdout.str()


def test_the_package_says_that_it_is_a_plugin(repo: Path):
    project = tomllib.loads((repo / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"agenteval": "agenteval.pytest_plugin"}


# --- which settings win

TRIALS = """
import pytest
from shop import SAY, agent, note

pytestmark = pytest.mark.agenteval(trials=3, retries=0)

@pytest.mark.agenteval(trials=4)
class TestIt:
    @pytest.mark.agenteval(trials=5, seed=77)
    def test_call(self, evaluate):
        note(evaluate(agent, SAY, trials=6))

    @pytest.mark.agenteval(trials=5, seed=77)
    def test_function(self, evaluate):
        note(evaluate(agent, SAY))

    def test_class(self, evaluate):
        note(evaluate(agent, SAY))

def test_module(evaluate):
    note(evaluate(agent, SAY))
"""


def test_the_call_goes_before_the_closest_marker(project: pytest.Pytester):
    project.makepyfile(test_trials=TRIALS)
    assert project.runpytest_inprocess("--agenteval-trials=2").ret == 0
    found = noted(project)
    assert [trials for trials, *_ in found] == [6, 5, 4, 3]
    assert [seed for _, seed, *_ in found[:2]] == [77, 77]


def test_the_command_line_goes_before_the_ini_file(project: pytest.Pytester):
    project.makepyfile(test_one=ONE)
    assert [project.runpytest_inprocess().ret, noted(project)[0][0]] == [0, 1]
    project.makefile(".ini", pytest=f"{INI}agenteval_trials = 3\n")
    assert [project.runpytest_inprocess().ret, noted(project)[0][0]] == [0, 3]
    assert [project.runpytest_inprocess("--agenteval-trials", "2").ret, noted(project)[0][0]] == [0, 2]
    assert [project.runpytest_subprocess("-n1", "--agenteval-trials=2").ret, noted(project)[0][0]] == [0, 2]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--agenteval-trials=0", "agenteval: trials is '0'; a whole number of 1 or more is wanted"),
        ("--agenteval-trials=many", "agenteval: trials is 'many'; a whole number of 1 or more is wanted"),
        ("--agenteval-seed=-1", "agenteval: seed is '-1'; a whole number of 0 or more is wanted"),
        ("--agenteval-inconclusive=pass", "agenteval: inconclusive is 'pass'; fail or skip is wanted"),
    ],
)
def test_settings_that_are_none_are_refused(project: pytest.Pytester, option: str, message: str):
    project.makepyfile(test_one=ONE)
    done = project.runpytest_inprocess(option)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([f"ERROR: {message}"])


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("trails=4", '@pytest.mark.agenteval takes no "trails". Did you mean "trials"?'),
        ("4", "@pytest.mark.agenteval takes its values by name: trials, seed, concurrency, retries"),
    ],
)
def test_markers_that_are_wrong_are_refused_in_one_line(project: pytest.Pytester, marker: str, message: str):
    project.makepyfile(test_one=ONE.replace("def test_it", f"@pytest.mark.agenteval({marker})\ndef test_it"))
    project.makepyfile(test_one="import pytest\n" + (project.path / "test_one.py").read_text())
    done = project.runpytest_inprocess()
    assert done.parseoutcomes() == {"errors": 1}
    done.stdout.fnmatch_lines(
        ["*_ ERROR at setup of test_it _*", message, "*= short test summary info =*"], consecutive=True
    )


# --- seeds

SEEDS = """
import pytest
from shop import SAY, agent, note

@pytest.mark.parametrize("name", ["a", "b"])
@pytest.mark.xdist_group("one")
def test_it(evaluate, name):
    note(evaluate(agent, SAY, trials=2))
    note(evaluate(agent, SAY, trials=2))
"""


def seeds(project: pytest.Pytester, *options: str) -> list[tuple[int, list[int]]]:
    run = project.runpytest_subprocess if "-n1" in options else project.runpytest_inprocess
    assert run(*options).ret == 0
    return [(seed, each) for _, seed, each, _ in noted(project)]


def test_a_test_has_its_own_seed_and_keeps_it(project: pytest.Pytester):
    project.makepyfile(test_seeds=SEEDS)
    first = seeds(project)
    (a, _), (a_again, _), (b, _), _ = first
    assert a == a_again != b  # two agents in one test meet the same trials
    assert len({seed for _, each in first for seed in each}) == 4
    assert seeds(project) == first
    assert seeds(project, "-n1", "--dist=loadgroup") == first
    assert seeds(project, "-k", "b") == first[2:]
    assert not set(map(str, seeds(project, "--agenteval-seed=1"))) & set(map(str, first))


# --- where results are kept

FAILS = """
import os
from shop import SAY

def test_it(evaluate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evaluate(lambda text: "no", SAY).require()
"""


def told(done: pytest.RunResult, verb: str = "show") -> str:
    """The command that the output tells to type."""
    return next(line for line in done.outlines if f"agenteval {verb} " in line).partition("agenteval ")[2]


def shows(folder: Path, command: str) -> bool:
    """Whether a command that was told shows the trial."""
    done = subprocess.run(
        [sys.executable, "-m", "agenteval", *command.split()], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout.startswith("mine/say #0 by <lambda>: FAILED")


@pytest.mark.parametrize(
    ("options", "environment", "ini", "toml", "file", "shown"),
    [
        ((), None, None, None, ".agenteval/store.db", ""),
        (("--agenteval-store=a.db",), "b.db", "c.db", "d.db", "a.db", " --store a.db"),
        ((), "b.db", None, "d.db", "b.db", ""),
        ((), None, "c.db", "d.db", "c.db", " --store c.db"),
        ((), None, None, "d.db", "d.db", ""),
        (("--agenteval-store=sqlite:///a.db",), None, None, None, "a.db", None),
    ],
    ids=["default", "command line", "environment", "ini", "agenteval.toml", "url"],
)
def test_the_store_that_was_named_is_used_and_told(
    project: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    environment: str | None,
    ini: str | None,
    toml: str | None,
    file: str,
    shown: str | None,
):
    project.makepyfile(test_fails=FAILS)
    if environment is not None:
        monkeypatch.setenv("AGENTEVAL_STORE", environment)
    if ini is not None:
        project.makefile(".ini", pytest=f"{INI}agenteval_store = {ini}\n")
    if toml is not None:
        (project.path / "agenteval.toml").write_text(f'store = "{toml}"\n')
    command = told(project.runpytest_inprocess(*options))
    assert sorted(str(path.relative_to(project.path)) for path in project.path.rglob("*.db")) == [file]
    assert shown is None or command == f"show {command[5:17]}{shown}"
    assert shows(project.path, command)


def test_the_environment_goes_before_the_ini_file(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AGENTEVAL_STORE", "b.db")
    project.makefile(".ini", pytest=f"{INI}agenteval_store = c.db\n")
    project.makepyfile(test_one=ONE)
    project.runpytest_inprocess()
    assert [path.name for path in project.path.rglob("*.db")] == ["b.db"]


def test_from_a_folder_below_the_command_that_is_told_works_too(project: pytest.Pytester):
    below = project.mkdir("tests below")
    (below / "test_fails.py").write_text(FAILS)
    project.makefile(".ini", pytest=f"{INI}pythonpath = .\n")
    done = subprocess.run([sys.executable, "-m", "pytest"], cwd=below, capture_output=True, text=True, check=False)
    command = next(line for line in done.stdout.splitlines() if line.startswith("agenteval show "))
    assert (project.path / ".agenteval" / "store.db").exists()
    again = subprocess.run(
        ["sh", "-c", command.replace("agenteval", f"{sys.executable} -m agenteval", 1)],
        cwd=below,
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.stdout.startswith("mine/say #0 by <lambda>: FAILED")


def test_settings_of_the_project_that_are_wrong_are_told(project: pytest.Pytester):
    (project.path / "agenteval.toml").write_text('stoer = "a.db"\n')
    project.makepyfile(test_one=ONE)
    done = project.runpytest_inprocess()
    assert done.parseoutcomes() == {"failed": 1}
    done.stdout.fnmatch_lines(['E *RequestError: agenteval.toml: unknown setting "stoer". Did you mean "store"?'])


def test_in_memory_there_is_no_command_to_tell(project: pytest.Pytester):
    project.makepyfile(test_fails=FAILS)
    done = project.runpytest_inprocess("--agenteval-store=memory:")
    assert [line for line in done.outlines if "agenteval show" in line] == [
        "Not kept where `agenteval show` looks; the fixture `evaluate` keeps results there."
    ]
    assert list(project.path.rglob("*.db")) == []


NOT_OURS = "a database of another program"


def foreign(path: Path) -> None:
    """A database that is none of ours."""
    path.parent.mkdir(exist_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE meta (other)")
    connection.close()


def test_a_default_store_that_cannot_be_opened_is_done_without(project: pytest.Pytester):
    foreign(project.path / ".agenteval" / "store.db")
    project.makepyfile(test_one=ONE)
    assert project.runpytest_inprocess("-W", "error").parseoutcomes() == {"passed": 1}


def test_a_named_store_that_cannot_be_opened_makes_tests_invalid(project: pytest.Pytester):
    foreign(project.path / "a.db")
    project.makepyfile(test_one=ONE)
    done = project.runpytest_inprocess("--agenteval-store=a.db")
    assert done.parseoutcomes() == {"invalid": 1}
    done.stdout.fnmatch_lines(
        ["test_one.py:4: note(evaluate(agent, SAY))", "", "invalid: the run came to nothing (fault of: harness):"]
    )
    told = "".join(done.stdout.str().split())  # where lines break depends on how long the folder's name is
    assert "".join(f"a.db: {NOT_OURS}, not a trace store: name another".split()) in told


def test_a_store_may_be_named_in_the_call(project: pytest.Pytester):
    project.makepyfile(
        test_store="""
        import agenteval
        from shop import SAY, agent

        def test_by_name(evaluate):
            evaluate(lambda text: "no", SAY, store="mine.db").require()

        def test_opened(evaluate):
            store = agenteval.open_store("memory:")
            assert evaluate(agent, SAY, store=store).store is store
        """
    )
    done = project.runpytest_inprocess()
    assert done.parseoutcomes() == {"passed": 1, "failed": 1}
    command = told(done)
    assert command.endswith(" --store mine.db")
    assert shows(project.path, command)
