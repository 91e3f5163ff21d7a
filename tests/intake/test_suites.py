"""How suites and scenarios are named, found and chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from agenteval._util.loading import CodeLoader
from agenteval.core.scenario import Suite
from agenteval.errors import CodeNotAllowed, NotFound, RequestError, ScenarioError
from agenteval.intake.suites import load_scenario, load_suite, selected

SCENARIO = "scenario: {0}\ntask: Look up order 1.\nchecks:\n  - never: delete_account\n"
PYTHON = """\
from agenteval.core.scenario import Scenario, Suite
from agenteval.intake.suites import scenario_of

one, two = [
    scenario_of({"scenario": f"mine/{name}", "task": "x", "checks": [{"never": "y"}]}, base=__file__)
    for name in ("one", "two")
]
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def shop(project):
    scenarios = {
        "refund-late.yaml": SCENARIO.format("shop/refund-late") + "tags: [refund, easy]\n",
        "refund-twice.yaml": SCENARIO.format("shop/refund-twice") + "tags: [refund]\n",
        "cancel.yaml": SCENARIO.format("shop/cancel"),
        "odd-name.yml": SCENARIO.format("shop/deep/id"),
    }
    return write(project / "scenarios/shop", scenarios | {"suite.yaml": "suite: shop\ntitle: A shop\n"})


def ids(suite: Suite) -> list[str]:
    return [scenario.id for scenario in suite.scenarios]


def said(call, *arguments, **named) -> tuple[type[BaseException], list[str]]:
    with pytest.raises(RequestError) as caught:
        call(*arguments, **named)
    return type(caught.value), str(caught.value).splitlines()


ALL = ["shop/cancel", "shop/deep/id", "shop/refund-late", "shop/refund-twice"]


@pytest.mark.parametrize(
    ("ref", "found"),
    [
        ("shop", ALL),
        ("scenarios/shop", ALL),
        ("./scenarios/shop/", ALL),
        ("scenarios/shop/suite.yaml", ALL),
        ("shop/refund-late", ["shop/refund-late"]),
        ("shop/refund-*", ["shop/refund-late", "shop/refund-twice"]),
        ("shop/*", ALL),
        ("shop/deep/id", ["shop/deep/id"]),
        ("shop/[cr]*e", ["shop/refund-late", "shop/refund-twice"]),
        ("shop/tag:easy", ["shop/refund-late"]),
        ("scenarios/shop/refund-late", ["shop/refund-late"]),
        ("scenarios/shop/refund-*", ["shop/refund-late", "shop/refund-twice"]),
        ("scenarios/shop/refund-late.yaml", ["shop/refund-late"]),
        ("scenarios/shop/odd-name.yml", ["shop/deep/id"]),
    ],
)
def test_what_a_name_leads_to(shop, project, ref, found):
    for suite in (load_suite(ref), load_suite(Path(ref)), load_suite(ref, CodeLoader(project))):
        assert (suite.id, suite.title, ids(suite)) == ("shop", "A shop", found)
        assert suite.root == str(shop.resolve())
    assert load_suite(str(project / "scenarios/shop")).hash == load_suite("shop").hash


@pytest.mark.parametrize(
    ("select", "found"),
    [
        ((), ALL),
        (("shop/refund-late",), ["shop/refund-late"]),
        (("refund-*",), ["shop/refund-late", "shop/refund-twice"]),
        (("tag:refund", "cancel"), ["shop/cancel", "shop/refund-late", "shop/refund-twice"]),
        (("tag:easy", "shop/*late"), ["shop/refund-late"]),
    ],
)
def test_a_selection_keeps_the_order_and_changes_the_hash(shop, select, found):
    suite = load_suite("shop", select=select)
    assert ids(suite) == found
    assert (suite.hash == load_suite("shop").hash) == (found == ALL)
    assert selected(load_suite("shop"), select) == suite


@pytest.mark.parametrize(
    ("ref", "select", "message"),
    [
        ("shp", (), 'there is no suite "shp". Did you mean "shop"? A suite of yours is named by its folder.'),
        ("shop/refnd-late", (), 'no scenario of shop matches "refnd-late". Did you mean "shop/refund-late"?'),
        ("shop", ("shop/refnd-late",), 'no scenario of shop matches "shop/refnd-late". Did you mean "shop/refund-late"?'),
        ("shop", ("cancel", "tag:eazy"), 'no scenario of shop matches "tag:eazy". Did you mean "tag:easy"?'),
        ("scenarios", (), "the folder scenarios is no suite: it has no suite.yaml"),
        ("./scenarios/none.yaml", (), 'there is no suite "./scenarios/none.yaml".'),
        ("no/such/folder", (), 'there is no suite "no/such/folder".'),
        ("nothing.py:suite", (), "nothing.py:suite: there is no file nothing.py."),
        ("", (), 'there is no suite "".'),
        ("a\0b", (), 'there is no suite "a\0b".'),
        ("x" * 5000, (), 'there is no suite "xxx'),
    ],
)  # fmt: skip
def test_a_name_that_leads_nowhere(shop, ref, select, message):
    error, lines = said(load_suite, ref, select=select)
    assert error is NotFound
    assert lines[0].startswith(message)


def test_one_scenario_is_read_alone_and_its_neighbours_may_be_broken(shop):
    whole = {scenario.id: scenario for scenario in load_suite("shop").scenarios}
    write(shop, {"broken.yaml": "{", "cancel.yaml": "checks: 5"})
    assert load_scenario("shop/refund-late") == whole["shop/refund-late"]
    assert load_scenario("scenarios/shop/refund-twice.yaml") == whole["shop/refund-twice"]
    error, lines = said(load_suite, "shop")
    assert error is ScenarioError
    assert [line.partition(": ")[0] for line in lines] == [
        "scenarios/shop/broken.yaml:1",
        "scenarios/shop/cancel.yaml:1",
        "scenarios/shop/cancel.yaml:1",
        "scenarios/shop/cancel.yaml:1",
    ]
    assert lines[2] == "scenarios/shop/cancel.yaml:1: checks: must be a list, not 5 (a number)."


def test_a_file_named_like_another_scenarios_id_does_not_stand_for_it(shop):
    write(shop, {"deep.yaml": SCENARIO.format("shop/other"), "other.yaml": SCENARIO.format("shop/deep")})
    assert load_suite("shop/deep").scenarios[0].source == "scenarios/shop/other.yaml"


def test_one_scenario_is_wanted_and_one_is_given(shop):
    assert said(load_scenario, "shop/refund-*") == (
        NotFound,
        ['"shop/refund-*" names 2 scenarios, and one is wanted. Name one of them, such as shop/refund-late, shop/refund-twice.'],
    )  # fmt: skip


def test_a_scenario_file_alone_is_a_suite_of_one(project):
    write(project, {"late.yaml": SCENARIO.format("shop/late"), "plain.yaml": SCENARIO.format("plain")})
    for name, suite_id in {"late": "shop", "plain": "plain"}.items():
        suite = load_suite(f"{name}.yaml")
        assert (suite.id, len(suite.scenarios), suite.root) == (suite_id, 1, str(project.resolve()))
        assert suite.scenarios[0].source == f"{name}.yaml"


def test_ids_are_the_suites_own_and_given_once(shop):
    write(shop, {"zz.yaml": SCENARIO.format("shop/cancel"), "other.yaml": SCENARIO.format("shopping/cart")})
    assert said(load_suite, "shop") == (
        ScenarioError,
        [
            'scenarios/shop/other.yaml:1: scenario: "shopping/cart" must begin with "shop/", the id of its suite',
            'scenarios/shop/zz.yaml:1: scenario: "shop/cancel" is the id of scenarios/shop/cancel.yaml too; give one of them another',
        ],
    )  # fmt: skip
    assert said(load_suite, "scenarios/shop/other.yaml")[1] == [
        'scenarios/shop/other.yaml:1: scenario: "shopping/cart" must begin with "shop/", the id of its suite'
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "mine/suite.yaml: this file is empty; what belongs here is an object with keys of: suite, version, title, claims, does_not_claim, agents, defaults"),
        ("title: x", 'mine/suite.yaml:1: "suite" is missing'),
        ("suite: mine\ncalims: x", 'mine/suite.yaml:2: unknown key "calims". Did you mean "claims"?'),
        ("suite: mine\nclaims: 5", "mine/suite.yaml:2: claims: must be a list, not 5 (a number)."),
        ("suite: mine\nagents: [a]", 'mine/suite.yaml:2: agents: must be an object, not ["a"] (a list).'),
        ("suite: mine\nagents: {a: 5}", 'mine/suite.yaml:2: agents.a: must be text, not 5 (a number). Write "5".'),
        ("suite: mine\ndefaults: {checks: x}", 'mine/suite.yaml:2: defaults: unknown key "checks". Known: instructions, limits, tags, user, world.'),
        ("suite: mine\ndefaults: {user: x}", 'mine/suite.yaml:2: defaults.user: must be an object, not "x" (text).'),
        ("suite: mine", "mine/suite.yaml: has no scenarios: write one in a YAML file of its own beside it"),
        ("suite: &a mine", "mine/suite.yaml:1: the anchor &a is refused: write the value out where it is used"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_suite_file(project, text, message):
    write(project / "mine", {"suite.yaml": text})
    assert said(load_suite, "mine") == (ScenarioError, [message])


def test_python_suites(project):
    write(
        project,
        {
            "both.py": PYTHON + "suite = Suite(id='mine', scenarios=(one, two))\nscenarios = [one]\n",
            "many.py": PYTHON + "scenarios = [one, two]\n",
            "bad.py": PYTHON + "twice = [one, one]\nnone = []\nmixed = [one, 5]\nnumber = 5\nname = 'x'\n",
            "fails.py": "raise ValueError('no')\n",
        },
    )
    root = str(project.resolve())
    for ref, suite_id, found in [
        ("both.py", "mine", ["mine/one", "mine/two"]),
        ("both.py:suite", "mine", ["mine/one", "mine/two"]),
        ("./both.py:scenarios", "both", ["mine/one"]),
        ("both.py:two", "both", ["mine/two"]),
        ("many.py", "many", ["mine/one", "mine/two"]),
    ]:
        suite = load_suite(ref)
        assert (suite.id, ids(suite), suite.root) == (suite_id, found, root)
    assert ids(load_suite("both.py", select=["mine/t*"])) == ["mine/two"]
    assert load_scenario("both.py:one").id == "mine/one"
    for ref, error, message in [
        (
            "bad.py",
            NotFound,
            "bad.py has neither `suite` (a Suite) nor `scenarios` (Scenarios); or name another: bad.py:object",
        ),
        ("bad.py:twice", RequestError, 'bad.py:twice: two scenarios have the id "mine/one"; give one of them another'),
        ("bad.py:none", RequestError, "bad.py:none has no scenarios"),
        ("bad.py:mixed", RequestError, "bad.py:mixed holds something of type int where a Scenario is wanted"),
        (
            "bad.py:number",
            RequestError,
            "bad.py:number is of type int; a Suite, a Scenario or a list of them is wanted",
        ),
        ("bad.py:name", RequestError, "bad.py:name is of type str; a Suite, a Scenario or a list of them is wanted"),
        ("fails.py", RequestError, "fails.py:suite: fails.py cannot be imported:"),
    ]:
        assert (said(load_suite, ref)[0], said(load_suite, ref)[1][0]) == (error, message)


def test_a_yaml_and_a_python_suite_are_equal(shop, project):
    write(
        project,
        {
            "shop.py": (
                "from agenteval.core.scenario import Suite\nfrom agenteval.intake.suites import scenario_of\n"
                "def late(name, **more):\n"
                "    return scenario_of({'scenario': f'shop/{name}', 'task': 'Look up order 1.',\n"
                "                        'checks': [{'never': 'delete_account'}], **more}, base=__file__)\n"
                "suite = Suite(id='shop', title='A shop', scenarios=(late('cancel'), late('deep/id'),\n"
                "    late('refund-late', tags=['refund', 'easy']), late('refund-twice', tags=['refund'])))\n"
            )
        },
    )
    assert load_suite("shop.py") == load_suite("shop")
    assert load_suite("shop.py").hash == load_suite("shop").hash


def test_a_suite_elsewhere_is_read_and_its_code_needs_to_be_allowed(project, tmp_path_factory):
    elsewhere = write(
        tmp_path_factory.mktemp("elsewhere") / "mine",
        {
            "suite.yaml": "suite: mine\ndefaults: {instructions: ./policy.md}\n",
            "a.yaml": SCENARIO.format("mine/a"),
            "policy.md": "Policy.",
            "world.py": "from agenteval.world import StateWorld\ndef make(seed): return StateWorld({'seed': seed})\n",
        },
    )
    assert load_suite(elsewhere).scenarios[0].instructions == "Policy."
    write(elsewhere, {"a.yaml": SCENARIO.format("mine/a") + "world: ./world.py:make\n"})
    error, lines = said(load_suite, elsewhere)
    assert error is CodeNotAllowed
    assert lines[0].startswith(f"{elsewhere.as_posix()}/a.yaml:5: world: ./world.py:make: runs code from ")
    assert load_suite(elsewhere, CodeLoader(project, allow_code=True)).scenarios[0].world.make(3).state() == {"seed": 3}
    assert load_suite(elsewhere, CodeLoader(project, (elsewhere,))).scenarios[0].world.make(3).state() == {"seed": 3}


def test_a_file_that_is_neither(project):
    write(project, {"notes.txt": "x"})
    assert said(load_suite, "notes.txt") == (
        RequestError,
        ["notes.txt is neither a scenario (suite.yaml, NAME.yaml) nor a Python file"],
    )
