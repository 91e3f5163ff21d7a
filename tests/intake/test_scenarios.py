"""A scenario as written in, a Scenario out; what is wrong, in one readable sentence each."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agenteval._util.loading import CodeLoader
from agenteval.core.scenario import Fault, Limits, Scenario
from agenteval.errors import CodeNotAllowed, ScenarioError, WorldError
from agenteval.intake.scenarios import read_scenario
from agenteval.intake.suites import load_scenario, load_suite, scenario_of
from agenteval.intake.yaml import load_yaml

WORLD = """\
class Retail:
    def __init__(self, seed):
        self.seed = seed
    def tools(self): return ()
    async def call(self, tool, arguments): return None
    def changes(self): return []
    def state(self): return {}
    def snapshot(self): return None
    def restore(self, snapshot): pass

class Half:
    def __init__(self, seed): pass
    def tools(self): return ()
    state = {}

class Bare:
    pass

def broken(seed):
    return [][seed]

SIZE = 3
"""
WHOLE = """\
scenario: retail/refund-late
version: 2
intent: Refund order 1187.
instructions: ./policy.md
world: ./world.py:Retail
user:
  says: My parcel never came.
  knows: {order: "1187"}
limits: {turns: 20, seconds: 120}
checks:
  - calls: [lookup_order, {issue_refund: {order: "1187"}}]
  - {never: issue_refund, before: verify_identity, id: verified-first}
tags: [easy, refund]
"""
SMALL = "scenario: retail/{0}\ntask: Look up order 1.\nchecks:\n  - never: delete_account\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def loader(project):
    return CodeLoader(project)


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def read(loader: CodeLoader, text: str, name: str = "late.yaml") -> Scenario:
    path = loader.project / name
    path.write_text(text, encoding="utf-8")
    return read_scenario(load_yaml(path), base=path, loader=loader)


def wrong(loader: CodeLoader, text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        read(loader, text)
    return str(caught.value).splitlines()


def test_a_whole_scenario(project, loader):
    write(project, {"world.py": WORLD, "policy.md": "# Policy\nVerify first.\n"})

    scenario = read(loader, WHOLE)

    assert (scenario.id, scenario.version, scenario.task, scenario.intent) == (
        "retail/refund-late",
        "2",
        None,
        "Refund order 1187.",
    )
    assert scenario.instructions == "# Policy\nVerify first.\n"
    assert scenario.limits == Limits(turns=20, seconds=120)
    assert scenario.tags == ("easy", "refund")
    assert scenario.source == "late.yaml"
    assert scenario.opening == "My parcel never came."
    assert scenario.user is not None
    assert scenario.user.spec["knows"] == {"order": "1187"}
    assert [check.spec for check in scenario.checks] == [
        {"calls": ["lookup_order", {"issue_refund": {"order": "1187"}}]},
        {"never": "issue_refund", "before": "verify_identity", "id": "verified-first"},
    ]
    assert scenario.checks[1].id == "verified-first"
    assert scenario.world is not None
    assert (scenario.world.ref, len(scenario.world.digest)) == ("./world.py:Retail", 64)
    assert scenario.world.make(7).seed == 7


def test_the_world_does_not_run_until_one_is_made(project, loader):
    write(project, {"world.py": "raise AssertionError('it ran')\nRetail = 1\n"})
    scenario = read(loader, WHOLE.replace("./policy.md", "Verify first."))
    with pytest.raises(ScenarioError) as caught:
        scenario.world.make(1)
    lines = str(caught.value).splitlines()
    assert lines[0] == "late.yaml:5: world: ./world.py:Retail: world.py cannot be imported:"
    assert lines[-1] == "AssertionError: it ran"


@pytest.mark.parametrize(
    ("world", "message"),
    [
        ("./wrold.py:Retail", 'late.yaml:2: world: ./wrold.py:Retail: there is no file wrold.py. Did you mean "./world.py"?'),
        ("world.py", 'late.yaml:2: world: "world.py" is no reference to code. Write module:object or path/to/file.py:object.'),
        ("5", 'late.yaml:2: world: must be text, not 5 (a number). Write "5".'),
        ("[a]", 'late.yaml:2: world: must be text, not ["a"] (a list).'),
        ('" "', "late.yaml:2: world: is empty; write the text, or leave the key out"),
    ],
)  # fmt: skip
def test_a_world_that_is_not_there(project, loader, world, message):
    write(project, {"world.py": WORLD})
    assert wrong(loader, f"scenario: a/b\nworld: {world}\ntask: x\nchecks: [never: y]\n") == [message]


def test_a_world_whose_object_is_wrong_is_told_of_with_its_line_when_one_is_made(project, loader):
    write(project, {"world.py": WORLD})
    for name, message in {
        "Retial": 'late.yaml:2: world: ./world.py:Retial: world.py has no "Retial". Did you mean "Retail"?',
        "SIZE": "late.yaml:2: world: ./world.py:SIZE: is of type int and cannot be called; name a function or a class",
    }.items():
        scenario = read(loader, f"scenario: a/b\nworld: ./world.py:{name}\ntask: x\nchecks: [never: y]\n")
        with pytest.raises(ScenarioError) as caught:
            scenario.world.make(0)
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("Bare", WorldError, "late.yaml:2: world: ./world.py:Bare(7) raised TypeError: Bare() takes no arguments"),
        ("broken", WorldError, "late.yaml:2: world: ./world.py:broken(7) raised IndexError: list index out of range"),
        ("Half", ScenarioError, "late.yaml:2: world: ./world.py:Half(7) gives no world: Half has no call(), changes(), state(), snapshot(), restore()"),
    ],
)  # fmt: skip
def test_a_world_that_breaks_while_it_is_made(project, loader, name, error, message):
    write(project, {"world.py": WORLD})
    scenario = read(loader, f"scenario: a/b\nworld: ./world.py:{name}\ntask: x\nchecks: [never: y]\n")
    with pytest.raises(error) as caught:
        scenario.world.make(7)
    assert (type(caught.value), str(caught.value)) == (error, message)


def test_code_outside_the_project_is_refused_while_reading(project):
    write(project, {"inside/late.yaml": "", "world.py": WORLD})
    loader = CodeLoader(project / "inside")
    said = (
        f"{{0}}: ../world.py:Retail: runs code from {project.resolve()}/world.py, outside the project "
        f"{project.resolve()}/inside. If you trust it, pass --allow-code (in Python: allow_code=True)."
    )
    text = "scenario: a/b\ntask: x\nworld: ../world.py:Retail\nchecks: [never: y]\nnonsense: 1\n"
    with pytest.raises(CodeNotAllowed) as caught:
        read(loader, text)
    assert str(caught.value) == said.format("inside/late.yaml:3: world")
    with pytest.raises(CodeNotAllowed) as caught:
        read(loader, 'scenario: a/b\ntask: x\nchecks:\n  - never: {tool: {$fn: "../world.py:Retail"}}\n')
    assert str(caught.value).startswith("inside/late.yaml:4: checks[0]")
    assert "--allow-code" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", ["late.yaml: this file is empty; what belongs here is an object with keys of: scenario, version, task, user, intent, instructions, world, faults, limits, checks, tags"]),
        ("- a", ["late.yaml:1: this is a list; what belongs here is an object with keys of: scenario, version, task, user, intent, instructions, world, faults, limits, checks, tags"]),
        ("x", ["late.yaml:1: this is text; what belongs here is an object with keys of: scenario, version, task, user, intent, instructions, world, faults, limits, checks, tags"]),
        ("task: x\nchecks: [never: y]", ['late.yaml:1: "scenario" is missing']),
        ("scenario: a/b\ntask: x", ['late.yaml:1: "checks" is missing']),
        ("scenario: a/b\ntask: x\nchecks: []", ["late.yaml:3: checks: is empty; at least one check is needed"]),
        ("scenario: a/b\ntask: x\nchecks:\n", ["late.yaml:3: checks: must be a list, not null."]),
        ("scenario: a/b\ntask: x\nchecks: {never: y}", ['late.yaml:3: checks: must be a list, not {"never": "y"} (an object).']),
        ("scenario: a/b\nchecks: [never: y]", ['late.yaml:1: "task" or "user" is missing: what the agent is told, or who tells it']),
        ("scenario: a/b\ntask:\nchecks: [never: y]", ['late.yaml:1: "task" or "user" is missing: what the agent is told, or who tells it']),
        ("scenario: a/b\ntask: x\nuser: {says: y}\nchecks: [never: y]", ['late.yaml:2: task: an agent hears "user" and never "task" where both are given. Remove one.']),
        ("scenario: a b\ntask: x\nchecks: [never: y]", ["late.yaml:1: scenario: \"a b\" is no id: use letters, digits, '.', '_' and '-', with '/' between suite and scenario"]),
        ("scenario: a//b\ntask: x\nchecks: [never: y]", ["late.yaml:1: scenario: \"a//b\" is no id: use letters, digits, '.', '_' and '-', with '/' between suite and scenario"]),
        ("scenario: 12\ntask: x\nchecks: [never: y]", ['late.yaml:1: scenario: must be text, not 12 (a number). Write "12".']),
        ("scenario: a/b\ntask: x\nchekcs: [never: y]", ['late.yaml:1: "checks" is missing', 'late.yaml:3: unknown key "chekcs". Did you mean "checks"?']),
        ("scenario: a/b\ntask: x\nlimits: {turns: '20'}\nchecks: [never: y]", ['late.yaml:3: limits.turns: must be a whole number, not "20" (text).']),
        ("scenario: a/b\ntask: x\nlimits: {turns: 2.5}\nchecks: [never: y]", ["late.yaml:3: limits.turns: must be a whole number, not 2.5 (a number)."]),
        ("scenario: a/b\ntask: x\nlimits: {turns: true}\nchecks: [never: y]", ["late.yaml:3: limits.turns: must be a whole number, not true (a boolean)."]),
        ("scenario: a/b\ntask: x\nlimits: {seconds: true}\nchecks: [never: y]", ["late.yaml:3: limits.seconds: must be a number, not true (a boolean)."]),
        ("scenario: a/b\ntask: x\nlimits:\n  calls: -1\nchecks: [never: y]", ["late.yaml:4: limits.calls: is -1; it must be 0 or more"]),
        ("scenario: a/b\ntask: x\nlimits:\n  usd: -0.5\nchecks: [never: y]", ["late.yaml:4: limits.usd: is -0.5; it must be 0 or more"]),
        ("scenario: a/b\ntask: x\nlimits:\n  turn: 1\nchecks: [never: y]", ['late.yaml:4: limits: unknown key "turn". Did you mean "turns"?']),
        ("scenario: a/b\ntask: x\nlimits: 5\nchecks: [never: y]", ["late.yaml:3: limits: must be an object, not 5 (a number)."]),
        ("scenario: a/b\ntask: x\ntags: [a, 5]\nchecks: [never: y]", ['late.yaml:3: tags[1]: must be text, not 5 (a number). Write "5".']),
        ("scenario: a/b\ntask: x\nversion: 1.5\nchecks: [never: y]", ['late.yaml:3: version: must be text, not 1.5 (a number). Write "1.5".']),
        ("scenario: a/b\ntask: x\nversion: true\nchecks: [never: y]", ['late.yaml:3: version: must be text, not true (a boolean). Write "true".']),
        ("scenario: a/b\ntask: x\nfaults:\n  - {tool: lookup, on_call: 1}\nchecks: [never: y]",
         ["late.yaml:4: faults[0]: a fault is one of raises, returns and delays, not none of them"]),
        ("scenario: a/b\ntask: x\nfaults: [{tool: lookup, raises: error, delays: 2}]\nchecks: [never: y]",
         ["late.yaml:3: faults[0]: a fault is one of raises, returns and delays, not raises and delays"]),
        ("scenario: a/b\ntask: x\nfaults: [{tool: lookup, raises: timeoot}]\nchecks: [never: y]",
         ['late.yaml:3: faults[0].raises: is "timeoot"; it must be timeout, error or {code: NAME, message: TEXT}']),
        ("scenario: a/b\ntask: x\nfaults: [{tool: lookup, returns: {}}]\nchecks: [never: y]",
         ['late.yaml:3: faults[0].returns: "value" is missing']),
        ("scenario: a/b\ntask: x\nfaults: [{tool: lookup, on_call: 0, raises: error}]\nchecks: [never: y]",
         ["late.yaml:3: faults[0].on_call: is 0; it must be 1 or more"]),
        ("scenario: a/b\ntask: x\nfaults: [{tool: lookup, delays: 2, applied: false}]\nchecks: [never: y]",
         ["late.yaml:3: faults[0]: a call that is late takes effect; take applied out"]),
        ("scenario: a/b\ntask: x\nfaults:\n  - {tool: lookup, raises: error}\n  - {tool: lookup, returns: empty}\nchecks: [never: y]",
         ["late.yaml:5: faults[1]: call 1 of lookup has a fault already; a call can have one"]),
        ("scenario: a/b\ntask: x\nfaults: [{on_call: 1}]\nchecks: [never: y]", ['late.yaml:3: faults[0]: "tool" is missing']),
        ("scenario: a/b\ntask: x\nfaults: {tool: lookup}\nchecks: [never: y]", ['late.yaml:3: faults: must be a list, not {"tool": "lookup"} (an object).']),
        ("scenario: a/b\ntask: x\ninstructions: ./nothing.md\nchecks: [never: y]", ["late.yaml:3: instructions: there is no file nothing.md"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_scenario(loader, text, messages):
    assert wrong(loader, text) == messages


def test_all_that_is_wrong_is_told_at_once_by_line(project, loader):
    text = (
        "scenario: late fee\n"
        "taks: Look it up\n"
        "world: ./nothing.py:World\n"
        "user: {syas: hello}\n"
        "limits: {turns: many, calls: -1}\n"
        "instructions: ./nothing.md\n"
        "checks:\n"
        "  - never: x\n"
        "  - at_moost: {pay: 1}\n"
    )
    lines = wrong(loader, text)
    assert [line.split(": ")[0] for line in lines] == [f"late.yaml:{n}" for n in (1, 2, 3, 4, 4, 5, 5, 6, 9)]
    with pytest.raises(ScenarioError) as caught:
        read(loader, text)
    assert (caught.value.file, caught.value.line, caught.value.path) == ("late.yaml", 1, ("scenario",))


def test_the_errors_of_users_and_checks_carry_their_lines(loader):
    user = wrong(loader, "scenario: a/b\nuser:\n  says: x\n  konws: {}\n  knows:\n    a: [1]\nchecks: [never: y]\n")
    assert [line.partition(": ")[0] for line in user] == ["late.yaml:4", "late.yaml:6"]
    assert "konws" in user[0]
    assert user[1].startswith("late.yaml:6: user.knows.a: ")
    check = wrong(loader, "scenario: a/b\ntask: x\nchecks:\n  - never: y\n  -\n    at_moost: {pay: 1}\n")
    assert len(check) == 1
    assert check[0].startswith("late.yaml:6: checks[1]")
    assert '"at_moost"' in check[0] or "at_moost" in check[0]


def test_every_wrong_check_is_told_of(loader):
    checks = [
        "at_moost: {pay: 1}", "never: x", "[1]", "state: {}", "{never: y, id: one}", "{never: z, id: one}", "nothing",
    ]  # fmt: skip
    lines = wrong(loader, "scenario: a/b\ntask: x\nchecks:\n" + "".join(f"  - {check}\n" for check in checks))
    places = [line.split(": ")[:2] for line in lines]
    assert [place for place, _ in places] == [f"late.yaml:{4 + index}" for index in (0, 2, 3, 5, 6)]
    assert [check[: len("checks[0]")] for _, check in places] == [f"checks[{index}]" for index in (0, 2, 3, 5, 6)]
    many = wrong(loader, "scenario: a/b\ntask: x\nchecks:\n" + "  - at_moost: {pay: 1}\n" * 100)
    assert len(many) == 20


def test_check_objects_and_written_checks_go_together_and_keep_their_order(loader):
    first, second = read(loader, SMALL.format("a") + "  - {calls: [x], id: order}\n").checks
    spec = {"scenario": "a/b", "task": "x", "checks": [second, {"at_most": {"pay": 1}}, first]}
    checks = scenario_of(spec, base=loader.project, loader=loader).checks
    assert (checks[0], checks[2]) == (second, first)
    assert checks[1].spec == {"at_most": {"pay": 1}}
    with pytest.raises(ScenarioError) as caught:
        scenario_of({**spec, "checks": [second, {"never": "x"}, second]}, base=loader.project, loader=loader)
    assert str(caught.value) == 'checks[2]: its id "order" is that of another check; give it one of its own'


def test_instructions_are_text_or_a_file(project, loader):
    write(project, {"policy.md": "\ufeffFrom the file.\n", "our rules.md": "Odd name.\n"})
    for written, text in {
        "./policy.md": "From the file.\n",
        "policy.md": "From the file.\n",
        "./our rules.md": "Odd name.\n",
        "Follow policy.md": "Follow policy.md",
        '"./policy.md\\nis our policy"': "./policy.md\nis our policy",
    }.items():
        assert read(loader, SMALL.format("a") + f"instructions: {written}\n").instructions == text


def test_instructions_come_from_the_suite_or_the_project_and_are_text(project, tmp_path_factory):
    outside = write(tmp_path_factory.mktemp("outside"), {"secret.txt": "key", "suite/late.yaml": "", "suite/p.md": "P"})
    (project / "link.txt").symlink_to(outside / "secret.txt")
    (project / "bytes.md").write_bytes(b"\xff\n")
    (project / "nul.md").write_bytes(b"a\0")
    loader = CodeLoader(project)
    for name in (f"./../{outside.name}/secret.txt", "./link.txt", f"{outside}/secret.txt"):
        lines = wrong(loader, SMALL.format("a") + f"instructions: {name}\n")
        assert len(lines) == 1
        assert lines[0].startswith("late.yaml:5: instructions: ")
        assert lines[0].endswith(" lies outside the suite's folder and the project")
    assert wrong(loader, SMALL.format("a") + "instructions: ./bytes.md\n") == [
        "late.yaml:5: instructions: bytes.md:1: not UTF-8: byte 0xff. Save the file as UTF-8."
    ]
    assert wrong(loader, SMALL.format("a") + "instructions: ./nul.md\n") == [
        "late.yaml:5: instructions: bytes.md: holds a NUL character, so it is not text".replace("bytes", "nul")
    ]
    document = load_yaml(SMALL.format("a") + "instructions: ./p.md\n")
    assert read_scenario(document, base=outside / "suite/late.yaml", loader=loader).instructions == "P"


def test_the_suite_fills_its_scenarios(project):
    write(
        project / "scenarios/retail",
        {
            "suite.yaml": (
                "suite: retail\nversion: 3\ntitle: A shop\nclaims: [Follows the policy]\ndoes_not_claim: Speed\n"
                "agents: {careful: './agents.py:careful'}\n"
                "defaults:\n  world: ./world.py:Retail\n  instructions: ./policy.md\n  limits: {turns: 10, calls: 30}\n"
                "  tags: [shop]\n  user: {patience: 4}\n"
            ),
            "world.py": WORLD,
            "other.py": WORLD,
            "policy.md": "Verify first.",
            "plain.yaml": SMALL.format("plain"),
            "own.yaml": (
                SMALL.format("own").replace("task: Look up order 1.", "user: {says: Hello, knows: {}, patience: 1}")
                + "world: ./other.py:Retail\ninstructions: Own.\nlimits: {turns: 5, calls: null, usd: 1}\ntags: [own, shop]\n"
            ),
            "bare.yaml": SMALL.format("bare") + "world:\ninstructions:\nlimits:\n",
            "patient.yaml": SMALL.format("patient").replace("task: Look up order 1.", "user: {says: Hello, knows: {}}"),
            "scripted.yaml": SMALL.format("scripted").replace("task: Look up order 1.", "user: {says: Hello}"),
            "README.md": "",
            ".hidden.yaml": "{",
            "solutions/plain.yaml": "{",
        },
    )

    suite = load_suite("retail")

    by_id = {scenario.id.partition("/")[2]: scenario for scenario in suite.scenarios}
    assert list(by_id) == ["bare", "own", "patient", "plain", "scripted"]
    assert (suite.id, suite.version, suite.title, suite.claims, suite.does_not_claim, suite.agents) == (
        "retail", "3", "A shop", ("Follows the policy",), ("Speed",), {"careful": "./agents.py:careful"},
    )  # fmt: skip
    assert suite.root == str((project / "scenarios/retail").resolve())
    plain, own, bare, patient = (by_id[name] for name in ("plain", "own", "bare", "patient"))
    assert (plain.world.ref, plain.instructions, plain.limits, plain.tags, plain.user) == (
        "./world.py:Retail", "Verify first.", Limits(turns=10, calls=30), ("shop",), None,
    )  # fmt: skip
    assert (own.world.ref, own.instructions, own.limits, own.tags) == (
        "./other.py:Retail", "Own.", Limits(turns=5, usd=1), ("shop", "own"),
    )  # fmt: skip
    assert (bare.world, bare.instructions, bare.limits) == (None, None, Limits())
    assert (own.user.spec["patience"], patient.user.spec["patience"]) == (1, 4)
    assert by_id["scripted"].user.spec == {"says": "Hello"}
    assert plain.world.make(3).seed == 3
    assert plain.source == "scenarios/retail/plain.yaml"


def test_what_is_wrong_in_the_defaults_is_told_once_and_in_the_suite_file(project):
    scenarios = {f"s{n}.yaml": SMALL.format(f"s{n}") for n in range(3)}
    write(
        project / "retail",
        scenarios | {"suite.yaml": "suite: retail\ndefaults:\n  world: ./world.py:Retail\n  instructions: ./no.md\n"},
    )
    with pytest.raises(ScenarioError) as caught:
        load_suite("./retail")
    assert str(caught.value).splitlines() == [
        "retail/suite.yaml:3: defaults.world: ./world.py:Retail: there is no file retail/world.py. There are none.",
        "retail/suite.yaml:4: defaults.instructions: there is no file retail/no.md",
    ]
    write(project / "retail", {"suite.yaml": "suite: retail\ndefualts: {}\ndefaults:\n  limits: {turn: 1}\n"})
    with pytest.raises(ScenarioError) as caught:
        load_suite("./retail")
    assert str(caught.value).splitlines() == [
        'retail/suite.yaml:2: unknown key "defualts". Did you mean "defaults"?',
        'retail/suite.yaml:4: defaults.limits: unknown key "turn". Did you mean "turns"?',
    ]


def test_a_wrong_default_of_the_user_is_told_of_where_it_was_written(project):
    write(
        project / "retail",
        {
            "suite.yaml": "suite: retail\ndefaults:\n  user:\n    pateince: 4\n",
            "a.yaml": "scenario: retail/a\nuser: {says: Hello, knows: {}}\nchecks: [never: x]\n",
        },
    )
    with pytest.raises(ScenarioError) as caught:
        load_suite("./retail")
    assert str(caught.value).startswith("retail/suite.yaml:4: defaults.user")


def test_yaml_and_python_give_the_same_scenario(project, loader):
    write(project, {"world.py": WORLD, "policy.md": "Verify first."})
    from_yaml = read(loader, WHOLE)
    written = load_yaml(WHOLE).data
    before = copy.deepcopy(written)

    from_python = scenario_of(written, base=project / "suite.py", loader=loader)

    assert from_python.hash == from_yaml.hash
    assert from_python == from_yaml
    assert written == before
    assert (from_python.source, from_python.lines) == (None, {})
    assert dict(from_yaml.lines) == {from_yaml.checks[0].id: 11, "verified-first": 12}
    again = scenario_of({**written, "checks": list(from_yaml.checks)}, base=project, loader=loader)
    assert (again.hash, again.checks) == (from_yaml.hash, from_yaml.checks)
    assert scenario_of({**written, "tags": ["other"]}, base=project, loader=loader).hash == from_yaml.hash
    for key, other in {
        "task": None,
        "intent": "Other.",
        "version": "3",
        "limits": {"turns": 1},
        "scenario": "a/b",
    }.items():
        if key != "task":
            assert scenario_of({**written, key: other}, base=project, loader=loader).hash != from_yaml.hash
    (project / "world.py").write_text(WORLD + "# changed\n")
    assert load_scenario("late.yaml", CodeLoader(project)).hash != from_yaml.hash


def test_python_errors_name_the_key(loader):
    with pytest.raises(ScenarioError) as caught:
        scenario_of({"scenario": "a/b", "task": "x", "limits": {"turns": "x"}, "checks": [{"never": "y"}]}, base="/")
    assert str(caught.value) == 'limits.turns: must be a whole number, not "x" (text).'


WORDS = st.sampled_from(
    [
        "",
        "./world.py:Retail",
        "./policy.md",
        "retail/x",
        "never",
        "calls",
        "a.b[0]",
        "$re",
        "$fn",
        "(",
        "1",
        "knows",
        "says",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_anything_in_place_of_anything_is_a_scenario_or_an_error_with_its_line(project, loader, data):
    write(project, {"world.py": WORLD, "policy.md": "Verify first."})
    document = load_yaml(WHOLE)
    trail = data.draw(st.sampled_from([trail for trail in document.lines if trail]))
    around = document.data
    for key in trail[:-1]:
        around = around[key]
    around[trail[-1]] = data.draw(VALUES)
    try:
        found = read(loader, json.dumps(document.data, indent=1))
    except (ScenarioError, CodeNotAllowed) as error:
        found = str(error)
    assert isinstance(found, Scenario) or all(line.startswith("late.yaml:") for line in found.splitlines()), found


def test_faults_say_how_a_tool_misbehaves(loader):
    text = """\
scenario: a/b
task: x
faults:
  - {tool: pay, raises: timeout, applied: true}
  - {tool: pay, on_call: 2, raises: {code: unavailable, message: Try again later.}}
  - {tool: pay, on_call: 3, returns: empty}
  - {tool: pay, on_call: 4, returns: {value: [1]}, applied: false}
  - {tool: look, delays: 0.5}
checks: [never: pay]
"""
    written = read(loader, text)
    assert written.faults == (
        Fault(tool="pay", kind="timeout", applied=True),
        Fault(tool="pay", on_call=2, kind="error", code="unavailable", message="Try again later."),
        Fault(tool="pay", on_call=3, kind="empty", applied=True),
        Fault(tool="pay", on_call=4, kind="value", value=[1]),
        Fault(tool="look", kind="latency", applied=True, seconds=0.5),
    )
    other = read(loader, text.replace("on_call: 3, returns: empty", "on_call: 3, returns: malformed"))
    assert other.hash != written.hash
