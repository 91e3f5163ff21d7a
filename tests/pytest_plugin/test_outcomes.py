"""What a test comes to, and what is told of it: whole runs of pytest in folders of their own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

pytest_plugins = ["pytester"]

INI = """\
[pytest]
addopts = -p no:hypothesispytest -p no:langsmith_plugin --strict-markers --strict-config
asyncio_default_fixture_loop_scope = function
"""

WORLD = '''\
from agenteval import Scenario, StateWorld, WorldRef, parse_checks, tool


class Shop(StateWorld):
    @tool
    def look(self, at: str) -> dict:
        """Look at something."""
        if at == "fire":
            raise ValueError("no such table: orders")
        return {"seen": at}


def scenario(name, *checks, world=True):
    shop = WorldRef(ref="shop", digest="1", make=lambda seed: Shop({"orders": 1}))
    return Scenario(id=name, task="Look.", world=shop if world else None, checks=parse_checks(list(checks)))


LOOK = scenario("mine/look", {"calls": [{"look": {"at": "order 7"}}]}, {"says": "seen"})


async def right(session):
    await session.call("look", {"at": "order 7"})
    await session.say("I have seen it.")


async def wrong(session):
    await session.call("look", {"at": "order 8"})
    await session.say("I have seen it.")


async def arsonist(session):
    await session.call("look", {"at": "fire"})
'''

FOUR = """\
from shop import LOOK, arsonist, right, wrong


def test_met(evaluate):
    evaluate(right, LOOK, trials=12).require(0.75)


def test_not_met(evaluate):
    evaluate(wrong, LOOK, trials=12).require(0.75)


def test_inconclusive(evaluate):
    evaluate(right, LOOK, trials=6).require(0.75)


def test_invalid(evaluate):
    print("printed before")
    evaluate(arsonist, LOOK, trials=2).require(0.75)
"""

NOT_MET = """\
*_ test_not_met _*
test_four.py:9: evaluate(wrong, LOOK, trials=12).require(0.75)

not met: passed 0 of 12 trials, a rate of 0.000 [0.000, 0.242], 0.75 is required

mine/look #0 by wrong: failed, and 11 more like it
agenteval show ????????????
FAIL     calls: [look: {at: "order 7"}]
         no call fits look(at: "order 7"); closest is look({"at": "order 8"}) at
         step 1: args.at is "order 8", not "order 7"
         at step 1
                 expected   happened
           tool  look       look (step 1)
         ≠ at    "order 7"  "order 8"

all trials: agenteval report *
""".splitlines()

INCONCLUSIVE = """\
*_ test_inconclusive _*
test_four.py:13: evaluate(right, LOOK, trials=6).require(0.75)

inconclusive: passed 6 of 6 trials, a rate of 1.000 [0.610, 1.000], 0.75 is
required; at this rate about 6 more trials would tell

all trials: agenteval report *
""".splitlines()

INVALID = """\
*= INVALID: nothing is concluded of these agents =*
*_ test_invalid _*
test_four.py:18: evaluate(arsonist, LOOK, trials=2).require(0.75)

invalid: 2 of 2 trials (fault of: world): ValueError: no such table: orders

mine/look #0 by arsonist: invalid, and 1 more like it
agenteval show ????????????
error    ValueError: no such table: orders
fault of world
remedy   mend the scenario's world, whose own code raised this

all trials: agenteval report *
*- Captured stdout call -*
printed before
*---*
INVALID test_four.py::test_invalid - 2 of 2 trials (fault of: world): ValueErro…
""".splitlines()

SUMMARY = """\
FAILED test_four.py::test_not_met - not met: passed 0 of 12 trials, a rate of*
FAILED test_four.py::test_inconclusive - inconclusive: passed 6 of 6 trials, *
""".splitlines()


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with a world, agents and a scenario, and a terminal of 80 columns without colours."""
    pytester.makefile(".ini", pytest=INI)
    pytester.makepyfile(shop=WORLD)
    for name, value in (("COLUMNS", "80"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    for name in ("CI", "BUILD_NUMBER"):  # there pytest shortens nothing
        monkeypatch.delenv(name, raising=False)
    return pytester


@pytest.fixture
def four(project: pytest.Pytester) -> pytest.Pytester:
    """The project with one test of each outcome."""
    project.makepyfile(test_four=FOUR)
    return project


def in_folder(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False, encoding="utf-8"
    )


def shown(lines: list[str]) -> list[str]:
    """The commands that the output tells to type."""
    return [line for line in lines if line.startswith("agenteval show ")]


def junit(project: pytest.Pytester) -> ET.Element:
    """What pytest wrote to report.xml."""
    return ET.fromstring((project.path / "report.xml").read_text(encoding="utf-8"))  # noqa: S314 (our own file)


def test_each_outcome_is_told_in_its_own_words(four: pytest.Pytester):
    done = four.runpytest_inprocess()
    assert done.parseoutcomes() == {"passed": 1, "failed": 2, "invalid": 1}
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.stdout.fnmatch_lines(["test_four.py .FFI *"])
    for lines in (NOT_MET, INCONCLUSIVE, INVALID, SUMMARY):
        done.stdout.fnmatch_lines(lines, consecutive=True)


def test_the_letter_and_the_word(four: pytest.Pytester):
    assert four.runpytest_inprocess("-q").outlines[0].startswith(".FFI ")
    done = four.runpytest_inprocess("-v", "-k", "invalid")
    done.stdout.fnmatch_lines(["test_four.py::test_invalid INVALID *", "*= 3 deselected, 1 invalid in *"])
    assert done.ret == pytest.ExitCode.TESTS_FAILED  # alone it is not green, either


def test_the_command_that_is_told_shows_the_trajectory(four: pytest.Pytester):
    commands = shown(four.runpytest_inprocess().outlines)
    told = [in_folder(four.path, *command.split()).stdout for command in commands]
    assert [text.splitlines()[0] for text in told] == [
        "mine/look #0 by wrong: FAILED",
        "mine/look #0 by arsonist: invalid, nothing is concluded of the agent",
    ]
    assert 'look(at="order 8")' in told[0]


def test_the_same_with_processes_that_share_one_store(four: pytest.Pytester):
    """4 processes write 40 runs of 5 trials each into one file at once, and nothing is lost."""
    four.makepyfile(
        test_many="""
        import pytest
        from shop import LOOK, right

        @pytest.mark.parametrize("number", range(36))
        def test_one(evaluate, number):
            evaluate(right, LOOK, trials=5).require()
        """
    )
    done = four.runpytest_subprocess("-n", "4", "--junitxml=report.xml")
    assert done.parseoutcomes() == {"passed": 37, "failed": 2, "invalid": 1}
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    lines = [line for line in done.outlines if not line.startswith("[gw")]
    for expected in (NOT_MET, INCONCLUSIVE, INVALID):
        pytest.LineMatcher(lines).fnmatch_lines(expected, consecutive=True)
    pytest.LineMatcher(sorted(lines)).fnmatch_lines(sorted(SUMMARY))
    assert in_folder(four.path, *shown(lines)[0].split()).returncode == 0
    assert [junit(four)[0].get(key) for key in ("tests", "failures", "errors")] == ["40", "2", "1"]

    import agenteval

    store = agenteval.open_store(four.path / ".agenteval" / "store.db", create=False)
    runs = store.runs()
    kept = {run.id: [score.passed for _, score in store.outcomes(run.id)] for run in runs}
    trials = [trial for run in runs for trial, _ in store.outcomes(run.id)]
    assert len(runs) == 40
    assert sorted(map(len, kept.values())) == [2, *[5] * 36, 6, 12, 12]
    assert [trial for trial in trials if len(store.trajectory(trial.trajectory).steps) < 2] == []
    store.close()


def test_an_invalid_test_is_run_again_by_lf_and_stops_a_run(four: pytest.Pytester):
    four.runpytest_inprocess("-k", "met and not not_met or invalid")
    again = four.runpytest_inprocess("--lf", "-v")
    again.stdout.fnmatch_lines(["test_four.py::test_invalid INVALID *"])
    assert again.parseoutcomes()["invalid"] == 1
    assert "passed" not in again.parseoutcomes()
    four.makepyfile(test_first="from test_four import test_invalid, test_met\n")
    assert four.runpytest_inprocess("-x", "test_first.py").parseoutcomes() == {"invalid": 1}


def test_junit_calls_it_an_error(four: pytest.Pytester):
    four.makepyfile(
        test_more="""
        import pytest
        from shop import LOOK, arsonist

        def test_says_agenteval_outcome():
            assert "agenteval.outcome" == "invalid"

        @pytest.fixture
        def made(evaluate):
            return evaluate(arsonist, LOOK)

        def test_in_setup(made):
            pass

        @pytest.fixture
        def falls():
            yield
            raise OSError("teardown")

        def test_and_teardown(evaluate, falls):
            evaluate(arsonist, LOOK)

        @pytest.mark.xfail
        def test_in_xfail(evaluate):
            evaluate(arsonist, LOOK)
        """
    )
    four.runpytest_inprocess("--junitxml=report.xml")
    (suite,) = junit(four)
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "9",
        "failures": "3",
        "errors": "5",
        "skipped": "0",
    }
    found = sorted(
        (case.get("name"), child.tag, child.get("type", ""), child.get("message", "")[:40])
        for case in suite.iter("testcase")
        for child in case
        if child.tag in {"failure", "error", "properties"}
    )
    invalid, message = "agenteval.invalid", "invalid: 1 of 1 trial (fault of: world):"
    assert found == [
        ("test_and_teardown", "error", "", 'failed on teardown with "OSError: teardo'),
        ("test_and_teardown", "error", invalid, message),
        ("test_in_setup", "error", invalid, f'failed on setup with "{message}'[:40]),
        ("test_in_xfail", "error", invalid, message),
        ("test_inconclusive", "failure", "", "inconclusive: passed 6 of 6 trials, a ra"),
        ("test_invalid", "error", invalid, message.replace("1 of 1 trial", "2 of 2 trials")[:40]),
        ("test_not_met", "failure", "", "not met: passed 0 of 12 trials, a rate o"),
        ("test_says_agenteval_outcome", "failure", "", "AssertionError: assert 'agenteval.outcom"),
    ]
    text = next(case for case in suite if case.get("name") == "test_not_met")[0].text
    assert "agenteval show " in text
    assert "\x1b" not in text


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_in_async_tests_in_classes_in_fixtures_and_in_subtests(project: pytest.Pytester, mode: str):
    project.makepyfile(
        test_places="""
        import asyncio
        import pytest
        from shop import LOOK, arsonist, right, wrong

        @pytest.fixture
        def broken(evaluate):
            return evaluate(arsonist, LOOK)

        class TestIt:
            def test_in_a_class(self, evaluate):
                evaluate(right, LOOK).require()

            @pytest.mark.asyncio
            async def test_under_a_running_loop(self, evaluate):
                before = asyncio.get_running_loop()
                evaluate(right, LOOK, trials=3).require()
                evaluate(wrong, LOOK).require()

            @pytest.mark.asyncio
            async def test_invalid_under_a_running_loop(self, evaluate):
                evaluate(arsonist, LOOK).require()

        def test_in_setup(broken):
            raise AssertionError("never reached")

        @pytest.mark.xfail
        def test_an_invalid_trial_is_no_expected_failure(evaluate):
            evaluate(arsonist, LOOK)

        @pytest.mark.xfail
        def test_an_expected_failure_is_one(evaluate):
            evaluate(wrong, LOOK).require()

        def test_parts(subtests, evaluate):
            for name, agent in {"good": right, "broken": arsonist}.items():
                with subtests.test(name):
                    evaluate(agent, LOOK).require()
        """
    )
    done = project.runpytest_inprocess("-o", f"asyncio_mode={mode}", "-W", "error", "-rA", "-v")
    done.stdout.fnmatch_lines(
        [
            "*::TestIt::test_in_a_class PASSED*",
            "*::TestIt::test_under_a_running_loop FAILED*",
            "*::TestIt::test_invalid_under_a_running_loop INVALID*",
            "*::test_in_setup INVALID*",
            "*::test_an_invalid_trial_is_no_expected_failure INVALID*",
            "*::test_an_expected_failure_is_one XFAIL*",
            "*::test_parts INVALID*",
            "*test_places.py:*: evaluate(wrong, LOOK).require()",
            "not met: 1 of 1 trial failed, every one is required to pass",
        ]
    )
    # the test around a failed subtest fails, too
    assert done.parseoutcomes() == {"passed": 1, "failed": 2, "invalid": 4, "xfailed": 1, "subtests": 1}


def test_inconclusive_may_skip_and_what_is_not_met_may_not(four: pytest.Pytester):
    done = four.runpytest_inprocess("--agenteval-inconclusive", "skip", "-rs")
    assert done.parseoutcomes() == {"passed": 1, "failed": 1, "skipped": 1, "invalid": 1}
    done.stdout.fnmatch_lines(["SKIPPED [[]1[]] test_four.py:13: inconclusive: passed 6 of 6 trials, a rate of *"])


def test_scenarios_as_parameters_are_called_by_their_ids(project: pytest.Pytester):
    project.makepyfile(
        test_ids="""
        import pytest
        from agenteval import load_suite

        @pytest.mark.parametrize("scenario", load_suite("retail").scenarios)
        def test_it(evaluate, scenario):
            evaluate("careless", scenario)

        @pytest.mark.parametrize("suite", [load_suite("retail")])
        def test_all(evaluate, suite):
            evaluate("careful", suite)
        """
    )
    done = project.runpytest_inprocess("--collect-only", "-q", "-k", "refund-late or test_all")
    assert done.outlines[:2] == [
        "test_ids.py::test_it[retail/refund-late]",
        "test_ids.py::test_all[retail]",
    ]


OWN = """\
import pytest
import agenteval
from shop import LOOK, right, wrong


def test_asserts_itself(evaluate):
    evaluate(right, LOOK)
    result = evaluate(wrong, LOOK, trials=3)
    assert result.pass_rate().estimate == 1


def test_misspells(evaluate):
    evaluate("wrang", "retail")


def test_swaps(evaluate):
    evaluate(LOOK, right)


def test_without_the_fixture():
    agenteval.run(LOOK, wrong).require()


def helper(result):
    result.require(
        0.5,
    )


def test_helps_itself(evaluate):
    helper(evaluate(wrong, LOOK, trials=9))
"""


def test_what_else_may_go_wrong_is_told_shortly(project: pytest.Pytester):
    project.makepyfile(test_own=OWN)
    done = project.runpytest_inprocess()
    assert done.parseoutcomes() == {"failed": 5}
    done.stdout.fnmatch_lines(
        [
            "E       AssertionError: assert 0.0 == 1",
            "*- agenteval -*",
            "1 of 1 trial passed    agenteval report *",
            "0 of 3 trials passed    agenteval report *",
            "E       agenteval.errors.NotFound: there is no agent *",
            "E       agenteval.errors.RequestError: a function is nothing to run an agent on: *",
            "test_own.py:21: agenteval.run(LOOK, wrong).require()",
            "not met: 1 of 1 trial failed, every one is required to pass",
            "Not kept where `agenteval show` looks; *",
            "test_own.py:31: helper(evaluate(wrong, LOOK, trials=9))",
            "test_own.py:25: result.require( …",
        ]
    )
    assert [line for line in done.outlines if "pytest_plugin.py" in line or "api.py" in line] == []


@pytest.mark.parametrize(
    ("option", "some", "none"),
    [
        ("--tb=short", ["test_four.py:9: evaluate(*", "*≠ at *", "remedy *", "INVALID test_four.py*"], []),
        ("--tb=line", ["test_four.py:9: not met: passed*", "INVALID test_four.py*"], ["≠ at ", "remedy "]),
        ("--tb=no", ["INVALID test_four.py*"], ["test_four.py:9", "≠ at ", "remedy "]),
        ("--tb=native", ["Traceback *", "agenteval.errors.RequirementNotMet: not met: *"], ["≠ at "]),
        ("--full-trace", ["E * agenteval.errors.RequirementNotMet: not met: *", "INVALID test_four.py*"], ["≠ at "]),
    ],
)
def test_the_styles_of_tracebacks(four: pytest.Pytester, option: str, some: list[str], none: list[str]):
    done = four.runpytest_inprocess(option)
    assert done.parseoutcomes() == {"passed": 1, "failed": 2, "invalid": 1}
    done.stdout.fnmatch_lines(some)
    assert [line for line in done.outlines for word in none if word in line] == []


def test_colours_and_width_are_the_terminals(four: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("NO_COLOR")
    done = four.runpytest_inprocess("--color=yes")
    done.stdout.fnmatch_lines(
        [
            "\x1b[[]1mtest_four.py:9:\x1b[[]0m evaluate(*",
            "\x1b[[]31;1mnot met: passed 0 of 12 trials, a rate of 0.000 [[]0.000, 0.242[]], 0.75 is required\x1b[[]0m",
            "\x1b[[]33minconclusive: passed 6 of 6 trials, *; at this rate about 6 more trials\x1b[[]0m",
            "*\x1b[[]33m1 invalid\x1b[[]0m*",
        ]
    )


def test_hostile_text_neither_moves_the_cursor_nor_breaks_a_report(project: pytest.Pytester):
    project.makepyfile(
        r"""
        from shop import scenario

        async def hostile(session):
            await session.say("\x1b[2J\x1b]0;gone\x07 \u202e \udc80 " + "x" * 5000)

        async def raising(session):
            await session.call("look", {"at": "fire"})

        def test_it(evaluate):
            evaluate(hostile, scenario("mine/hostile", {"says": "peace"})).require()
        """
    )
    done = project.runpytest_subprocess("--junitxml=report.xml", "-n", "1")  # text crosses from one process to another
    assert done.parseoutcomes() == {"failed": 1}
    text = "\n".join(done.outlines)
    assert "gone" in text
    assert "\x1b" not in text
    ours = done.outlines[done.outlines.index("not met: 1 of 1 trial failed, every one is required to pass") :]
    told = ours[: next(place for place, line in enumerate(ours) if line.startswith("all trials"))]
    assert max(map(len, told)) <= 80
    assert len(told) < 30
    assert junit(project)


def test_pdb_and_other_plugins_see_a_failed_report(four: pytest.Pytester):
    four.makeconftest(
        """
        import json

        def pytest_runtest_logreport(report):
            if report.when == "call":
                with open("seen.jsonl", "a") as file:
                    print(json.dumps([report.nodeid, report.outcome, str(report.longrepr).count("\\n") > 1]), file=file)
        """
    )
    four.runpytest_inprocess()
    seen = [json.loads(line) for line in (four.path / "seen.jsonl").read_text().splitlines()]
    assert [(re.sub(r".*::test_", "", name), outcome, told) for name, outcome, told in seen] == [
        ("met", "passed", False),
        ("not_met", "failed", True),
        ("inconclusive", "failed", True),
        ("invalid", "failed", True),
    ]
