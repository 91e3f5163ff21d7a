"""Reference runs and bad runs, as a suite's author writes them."""

from __future__ import annotations

import pytest

from agenteval.errors import ScenarioError
from agenteval.intake.solutions import Call, Maybe, Say, Solution, load_solutions, read_solution
from agenteval.intake.suites import load_suite
from agenteval.intake.yaml import load_yaml

SCENARIO = "scenario: shop/{0}\ntask: Look up order 1.\nchecks:\n  - {{never: delete_account, id: kept}}\n"
STEPS = "steps:\n  - say: Done.\n"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "shop"
    (folder / "solutions").mkdir(parents=True)
    (folder / "suite.yaml").write_text("suite: shop\n")
    for name in ("late", "early"):
        (folder / f"{name}.yaml").write_text(SCENARIO.format(name))
    return folder


def listed(call, *arguments) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        call(*arguments)
    return str(caught.value).splitlines()


def test_reference_and_bad_runs_of_the_chosen_scenarios(shop):
    files = {
        "late.yaml": (
            "solution: shop/late\nsteps:\n  - call: {lookup_order: {order: '1187', n: 1}}\n"
            "  - maybe: {say: Who are you?}\n  - maybe: {call: {list_orders: {}}}\n  - say: Refunded.\n"
        ),
        "late-other-way.yml": "solution: shop/late\nsteps: []\n",
        "early.yaml": f"solution: shop/early\n{STEPS}",
        "bad-late.yaml": f"solution: shop/late\n{STEPS}fails: [kept, other]\n",
        "README.md": "{",
        ".draft.yaml": "{",
    }
    for name, text in files.items():
        (shop / "solutions" / name).write_text(text)
    bad = Solution(
        scenario="shop/late", steps=(Say(text="Done."),), fails=("kept", "other"), source="shop/solutions/bad-late.yaml"
    )
    early = Solution(scenario="shop/early", steps=(Say(text="Done."),), source="shop/solutions/early.yaml")
    other = Solution(scenario="shop/late", steps=(), source="shop/solutions/late-other-way.yml")
    late = Solution(
        scenario="shop/late",
        steps=(
            Call(tool="lookup_order", arguments={"order": "1187", "n": 1}),
            Maybe(step=Say(text="Who are you?")),
            Maybe(step=Call(tool="list_orders", arguments={})),
            Say(text="Refunded."),
        ),
        source="shop/solutions/late.yaml",
    )

    assert load_solutions(load_suite("./shop")) == [bad, early, other, late]
    assert load_solutions(load_suite("./shop/late.yaml")) == [bad, other, late]
    assert load_solutions(load_suite("./shop", select=["early"])) == [early]


def test_no_folder_is_no_solutions(shop):
    (shop / "solutions").rmdir()
    assert load_solutions(load_suite("./shop")) == []


def test_all_files_that_are_wrong_are_listed(shop):
    files = {
        "late.yaml": f"solution: shop/lat\n{STEPS}",
        "early.yaml": "solution: shop/early\nsteps:\n  - sya: x\n  - {}\n  - call: lookup\n",
        "broken.yaml": "{",
    }
    for name, text in files.items():
        (shop / "solutions" / name).write_text(text)
    assert listed(load_solutions, load_suite("./shop")) == [
        "shop/solutions/broken.yaml:1: not valid YAML: expected the node content, but found '<stream end>'",
        'shop/solutions/early.yaml:3: steps[0]: unknown step "sya". Did you mean "say"?',
        "shop/solutions/early.yaml:4: steps[1]: a step is one of say, call and maybe, not 0 keys",
        'shop/solutions/early.yaml:5: steps[2].call: must be one tool with an object of its arguments, such as {lookup_order: {order: "1187"}} or {list_orders: {}}, not "lookup"',
        'shop/solutions/late.yaml:1: solution: there is no scenario "shop/lat" in this suite. Did you mean "shop/late"?',
    ]  # fmt: skip
    assert listed(load_solutions, load_suite("./shop", select=["early"]))[-1].startswith("shop/solutions/late.yaml:1")


@pytest.mark.parametrize(
    ("text", "bad", "messages"),
    [
        ("", False, ["s.yaml: this file is empty; what belongs here is an object with keys of: solution, steps, fails"]),
        ("steps: []", False, ['s.yaml:1: "solution" is missing']),
        ("solution: a/b\nsteps: {say: x}", False, ['s.yaml:2: steps: must be a list, not {"say": "x"} (an object).']),
        ("solution: a/b\nsteps:\n - x", False, ['s.yaml:3: steps[0]: a step is one of say, call and maybe, not "x" (text)']),
        ("solution: a/b\nsteps:\n - {say: x, call: {y: {}}}", False, ["s.yaml:3: steps[0]: a step is one of say, call and maybe, not 2 keys"]),
        ("solution: a/b\nsteps:\n - say: 5", False, ["s.yaml:3: steps[0].say: must be text, not 5 (a number)"]),
        ("solution: a/b\nsteps:\n - say: ' '", False, ['s.yaml:3: steps[0].say: must be text, not " " (text)']),
        ("solution: a/b\nsteps:\n - maybe:\n    maybe: {sya: x}", False, ['s.yaml:4: steps[0].maybe.maybe: unknown step "sya". Did you mean "say"?']),
        (f"solution: a/b\nsteps: [{'{maybe: ' * 9}{{say: x}}{'}' * 9}]", False, [f's.yaml:2: steps[0]{".maybe" * 8}: maybe is nested more than 8 deep']),
        ("solution: a/b\nsteps: []\nfails: [x]", False, ["s.yaml:3: fails: a reference run passes every check; name the file bad-* if this one must fail"]),
        ("solution: a/b\nsteps: []", True, ['s.yaml:1: a file named bad-* is a run that must fail: "fails" names the checks that catch it']),
        ("solution: a/b\nsteps: []\nfails: []", True, ['s.yaml:3: a file named bad-* is a run that must fail: "fails" names the checks that catch it']),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_solution(text, bad, messages):
    document = load_yaml(text, file="s.yaml")
    with pytest.raises(ScenarioError) as caught:
        read_solution(document, bad=bad)
    assert str(caught.value).splitlines() == messages
