"""References to code: where they lead, what may run, and what is said where they lead nowhere."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agenteval._util.codehash import code_digest, files_behind
from agenteval._util.loading import CodeLoader
from agenteval.errors import CodeNotAllowed, NotFound, RequestError


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def loader(project):
    return CodeLoader(project)


def write(folder: Path, files: dict[str, str]) -> None:
    """Python files by their names, with `.py` left out."""
    for name, text in files.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def message(call, *arguments, **named) -> tuple[type[BaseException], str]:
    with pytest.raises(RequestError) as caught:
        call(*arguments, **named)
    return type(caught.value), str(caught.value)


def test_a_path_is_relative_to_the_file_that_names_it(project, loader):
    write(
        project / "suite", {"world": "class Retail:\n    def __init__(self, seed): self.seed = seed\n    limit = 3\n"}
    )
    scenario = project / "suite" / "late.yaml"
    scenario.write_text("")

    world = loader.load("./world.py:Retail", relative_to=scenario)

    assert world(7).seed == 7
    assert loader.load("./world.py:Retail", relative_to=project / "suite") is world
    assert loader.load("suite/world.py:Retail", relative_to=project) is world
    assert loader.load(f"{project}/suite/world.py:Retail", relative_to=Path("/")) is world
    assert loader.load("../suite/world.py:Retail.limit", relative_to=project / "suite") == 3


def test_a_file_runs_once_in_a_process_whoever_loads_it(project):
    write(
        project, {"counted": "import os\nos.environ['RUNS'] = str(int(os.environ.get('RUNS', '0')) + 1)\nobject = []\n"}
    )
    os.environ.pop("RUNS", None)
    try:
        found = [CodeLoader(project).load("counted.py:object", relative_to=project) for _ in range(3)]
        assert os.environ["RUNS"] == "1"
    finally:
        os.environ.pop("RUNS", None)
    assert found[0] is found[1] is found[2]


def test_siblings_are_imported_at_the_top_and_in_functions_and_two_folders_never_meet(project, loader):
    for name in ("one", "two"):
        write(
            project / name,
            {
                "generate": f"NAME = {name!r}\nimport shared_name\n",
                "shared_name": f"WHOSE = {name!r}\n",
                "shop/__init__": "from . import prices\n",
                "shop/prices": "import generate\nOF = generate.NAME\n",
                "bare/deep": "VALUE = 5\n",
                "world": (
                    "import generate\nimport shop.prices\nfrom shop.prices import OF\nfrom shop import prices\n"
                    "import shop.prices as again\nfrom . import shared_name as relative\nimport bare.deep\n"
                    "def late():\n    import shared_name\n    from shop import prices\n"
                    "    return shared_name.WHOSE, prices.OF, relative.WHOSE\n"
                    "SEEN = (generate.NAME, generate.shared_name.WHOSE, shop.prices.OF, OF, again is prices, bare.deep.VALUE)\n"
                ),
            },
        )
    path_before, names_before = list(sys.path), set(sys.modules)

    for name in ("one", "two"):
        assert loader.load("./world.py:SEEN", relative_to=project / name) == (name, name, name, name, True, 5)
        assert loader.load("./world.py:late", relative_to=project / name)() == (name, name, name)
    assert sys.path == path_before
    assert {name for name in set(sys.modules) - names_before if not name.startswith("_agenteval_")} == set()


def test_a_sibling_hides_neither_the_standard_library_nor_what_is_installed_in_that_very_place(
    project, loader, monkeypatch
):
    write(
        project,
        {
            "json": "WRONG = True\n",
            "agent": "import json\nimport mine\nTEXT = json.dumps([1])\nmine = mine\n",
            "mine": "",
        },
    )
    monkeypatch.syspath_prepend(str(project))

    assert loader.load("./agent.py:TEXT", relative_to=project) == "[1]"
    assert loader.load("./agent.py:mine", relative_to=project) is sys.modules["mine"]


def test_dataclasses_annotations_and_odd_file_names_work(project, loader):
    code = (
        "from __future__ import annotations\nimport dataclasses, typing\n"
        "@dataclasses.dataclass\nclass Order:\n    id: str\n    items: list[Item]\n"
        "@dataclasses.dataclass\nclass Item:\n    price: float\n"
        "HINTS = typing.get_type_hints(Order)\n"
    )
    (project / "my-world v1.2.py").write_text(code)

    order = loader.load("./my-world v1.2.py:Order", relative_to=project)

    assert dataclasses.asdict(order(id="1", items=[])) == {"id": "1", "items": []}
    assert set(loader.load("./my-world v1.2.py:HINTS", relative_to=project)) == {"id", "items"}


def test_no_bytecode_is_written_beside_the_code(project, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    write(
        project,
        {
            "generate": "X = 1\n",
            "pkg/__init__": "",
            "pkg/inner": "Y = 2\n",
            "world": "import generate, pkg.inner\nZ = 3\n",
        },
    )

    assert CodeLoader(project).load("./world.py:Z", relative_to=project) == 3

    assert sorted(path.name for path in project.rglob("*")) == [
        "__init__.py",
        "generate.py",
        "inner.py",
        "pkg",
        "world.py",
    ]


def test_a_module_of_the_project_is_found_without_being_installed(project, tmp_path):
    write(project, {"myagents/__init__": "", "myagents/shop": "def build(tools):\n    return tools\n"})
    code = (
        "import sys; from pathlib import Path; from agenteval._util.loading import CodeLoader\n"
        f"project = Path({str(project)!r}); loader = CodeLoader(project)\n"
        "build = loader.load('myagents.shop:build', relative_to=project)\n"
        "print(build.__module__, build([1]), sys.path[-1] == str(project), len(loader.digest('myagents.shop:build', project)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "myagents.shop [1] True 64\n"


@pytest.mark.parametrize(
    ("ref", "error", "text"),
    [
        ("world.py", RequestError, '"world.py" is no reference to code. Write module:object or path/to/file.py:object.'),
        ("./world:Retail", RequestError, '"./world:Retail" is no reference to code. Write module:object or path/to/file.py:object.'),
        ("world.py:", RequestError, '"world.py:" is no reference to code. Write module:object or path/to/file.py:object.'),
        ("world.py:a b", RequestError, '"world.py:a b" is no reference to code. Write module:object or path/to/file.py:object.'),
        ("", RequestError, '"" is no reference to code. Write module:object or path/to/file.py:object.'),
        ("./wrold.py:Retail", NotFound, './wrold.py:Retail: there is no file wrold.py. Did you mean "./world.py"?'),
        ("no/such.py:x", NotFound, "no/such.py:x: there is no file no/such.py. There are none."),
        ("./world.py:Retial", NotFound, './world.py:Retial: world.py has no "Retial". Did you mean "Retail"?'),
        ("./world.py:Retail.limt", NotFound, './world.py:Retail.limt: Retail has no "limt". Did you mean "limit"?'),
        ("wrold:Retail", NotFound, 'wrold:Retail: there is no module wrold. Did you mean "world"?'),
        ("package.iner:x", NotFound, 'package.iner:x: there is no module package.iner. Did you mean "package.inner"?'),
        ("world.inner:x", NotFound, "world.inner:x: there is no module world.inner. There are none."),
        ("folder:x", NotFound, "folder:x: folder is a folder; name a module in it"),
        (f"{'x' * 300}.py:y", NotFound, None),
        ("\0.py:y", NotFound, None),
    ],
)  # fmt: skip
def test_where_a_reference_leads_nowhere(project, loader, ref, error, text):
    write(
        project,
        {"world": "class Retail:\n    limit = 3\n", "package/__init__": "", "package/inner": "", "folder/deep/x": ""},
    )

    raised, said = message(loader.load, ref, relative_to=project)

    assert raised is error
    assert text is None or said == text


def test_what_a_file_raises_is_shown_with_its_own_frames(project, loader):
    write(
        project,
        {"deep": "def fail(amount):\n    return amount / 0\n", "world": "import deep\n\nVALUE = deep.fail(3)\n"},
    )

    with pytest.raises(RequestError) as caught:
        loader.load("./world.py:VALUE", relative_to=project)

    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    lines = str(caught.value).splitlines()
    assert lines[0] == "./world.py:VALUE: world.py cannot be imported:"
    assert [line for line in lines if line.lstrip().startswith("File")] == [
        f'  File "{project.resolve()}/world.py", line 3, in <module>',
        f'  File "{project.resolve()}/deep.py", line 2, in fail',
    ]
    assert lines[-1] == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    ("code", "last"),
    [
        ("def f(:\n", "SyntaxError: invalid syntax"),
        ("import no_such_module_here\n", "ModuleNotFoundError: No module named 'no_such_module_here'"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
        ("x = '\0'\n", "SyntaxError: source code string cannot contain null bytes"),
    ],
)
def test_code_that_cannot_be_imported_is_the_users_error(project, loader, code, last):
    write(project, {"broken": code})
    raised, said = message(loader.load, "./broken.py:x", relative_to=project)
    assert raised is RequestError
    assert said.splitlines()[0] == "./broken.py:x: broken.py cannot be imported:"
    assert said.splitlines()[-1].startswith(last.partition(":")[0])

    write(project, {"broken": "x = 1\n"})
    assert loader.load("./broken.py:x", relative_to=project) == 1


def test_a_module_whose_package_raises_is_the_users_error(project, loader):
    write(project, {"sick/__init__": "import no_such_module_here\n", "sick/inner": "x = 1\n"})
    raised, said = message(loader.load, "sick.inner:x", relative_to=project)
    assert raised is RequestError
    assert said.splitlines()[0] == "sick.inner:x: sick.inner cannot be imported:"
    assert said.splitlines()[-1] == "ModuleNotFoundError: No module named 'no_such_module_here'"


def test_what_cannot_be_called_is_refused_where_a_call_is_meant(project, loader):
    write(project, {"world": "SIZE = 3\ndef make(seed): return seed\n"})
    assert loader.load_callable("./world.py:make", relative_to=project)(4) == 4
    assert message(loader.load_callable, "./world.py:SIZE", relative_to=project) == (
        RequestError,
        "./world.py:SIZE: is of type int and cannot be called; name a function or a class",
    )


def test_code_outside_the_project_needs_to_be_allowed(project, tmp_path):
    outside = tmp_path / "elsewhere"
    write(outside, {"evil": "raise AssertionError('it ran')\n", "good": "x = 1\n"})
    (project / "link.py").symlink_to(outside / "evil.py")
    for ref in ("../elsewhere/evil.py:x", "./link.py:x", f"{outside}/evil.py:x"):
        for call in (lambda ref: CodeLoader(project).load(ref, relative_to=project),
                     lambda ref: CodeLoader(project).digest(ref, project)):  # fmt: skip
            assert message(call, ref) == (
                CodeNotAllowed,
                (
                    f"{ref}: runs code from {outside.resolve()}/evil.py, outside the project {project.resolve()}. "
                    "If you trust it, pass --allow-code (in Python: allow_code=True)."
                ),
            )
    assert not CodeLoader(project).allows(project / "link.py")
    assert CodeLoader(project, (outside,)).load("../elsewhere/good.py:x", relative_to=project) == 1
    assert CodeLoader(project, allow_code=True).load("../elsewhere/good.py:x", relative_to=project) == 1


@pytest.mark.parametrize(
    "ref", ["os:system", "os:environ", "sys:exit", "subprocess:Popen", "pytest:main", "importlib.metadata:version"]
)
def test_the_interpreter_and_installed_packages_are_outside(project, ref):
    raised, said = message(CodeLoader(project).load, ref, relative_to=project)
    assert raised is CodeNotAllowed
    assert said.startswith(f"{ref}: runs code from ")
    assert CodeLoader(project, allow_code=True).load(ref, relative_to=project) is not None


@pytest.mark.parametrize(
    "ref", ["tools.py:os.system", "tools.py:os", "tools.py:system", "tools.py:Popen", "tools.py:len", "tools:os.system",
            "tools.py:Mine.run", "tools.py:CACHE.get", "agenteval.cli.main:main", "agenteval._util.loading:sys.exit",
            "agenteval.testing:importlib", "tools.py:agenteval.cli"]
)  # fmt: skip
def test_what_is_only_imported_where_a_reference_leads_is_outside(project, ref):
    code = (
        "import os, importlib\nimport agenteval.cli\nfrom os import system\nfrom subprocess import Popen\nlen = len\nCACHE = {}\n"
        "class Mine:\n    from subprocess import run\n"
    )
    write(project, {"tools": code})
    error, _ = message(CodeLoader(project).load, ref, relative_to=project)
    assert error is CodeNotAllowed or (ref.startswith("agenteval.testing") and error is NotFound)


def test_what_is_made_of_others_code_in_the_project_is_inside(project, loader):
    code = (
        "import functools, os\nfrom agenteval.core.scenario import Limits\n"
        "def base(a, b):\n    return a + b\n"
        "partial = functools.partial(base, 1)\nmade = functools.lru_cache(base)\nnoop = lambda x: x\n"
        "class Mine(dict):\n    def run(self): return 5\n    inner = 3\n"
        "instance = Mine()\n"
    )
    write(project, {"made": code})
    assert loader.load("made.py:partial", relative_to=project)(2) == 3
    assert loader.load("made.py:made", relative_to=project)(2, 3) == 5
    assert loader.load("made.py:noop", relative_to=project)(4) == 4
    assert loader.load("made.py:instance.run", relative_to=project)() == 5
    assert loader.load("made.py:Mine.inner", relative_to=project) == 3
    assert loader.load("made.py:Limits", relative_to=project)().turns is None


def test_a_virtual_environment_in_the_project_is_outside_and_the_public_fakes_are_inside(project, loader):
    write(project / ".venv/lib/python3.11/site-packages", {"thing": "x = 1\n"})
    raised, _ = message(loader.load, "./.venv/lib/python3.11/site-packages/thing.py:x", relative_to=project)
    assert raised is CodeNotAllowed
    assert loader.load("agenteval.testing:__name__", relative_to=project) == "agenteval.testing"


def test_a_package_is_not_run_before_it_is_known_that_it_may(project, tmp_path, monkeypatch):
    outside = tmp_path / "site"
    write(outside, {"trap/__init__": "raise AssertionError('it ran')\n", "trap/inner": "x = 1\n"})
    monkeypatch.syspath_prepend(str(outside))
    raised, said = message(CodeLoader(project).load, "trap.inner:x", relative_to=project)
    assert (raised, "trap/__init__.py" in said) == (CodeNotAllowed, True)


def test_the_digest_follows_what_the_code_imports_and_names_and_nothing_else(project):
    write(
        project,
        {
            "world": "import generate\nfrom shop.prices import of\nimport json\nDATA = 'data'\nTABLE = './table.csv'\n",
            "generate": "from . import seeds\n",
            "seeds": "from pathlib import Path\nP = Path(__file__).parent / 'names.json'\n",
            "shop/__init__": "",
            "shop/prices": "",
            "shop/unused": "",
            "agents": "import world\n",
        },
    )
    for name in (
        "table.csv",
        "names.json",
        "other.json",
        "data/a.json",
        "data/deep/b.bin",
        "data/.hidden",
        "late.yaml",
    ):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("x")
    (project / "data/__pycache__").mkdir()
    (project / "data/__pycache__/c.pyc").write_text("x")
    counted = {"world.py", "generate.py", "seeds.py", "shop/__init__.py", "shop/prices.py", "table.csv", "names.json",
               "data/a.json", "data/deep/b.bin"}  # fmt: skip

    assert {path.relative_to(project).as_posix() for path in files_behind(project / "world.py")} == counted
    before = code_digest(project / "world.py")
    for path in sorted(path for path in project.rglob("*") if path.is_file()):
        kept = path.read_bytes()
        path.write_bytes(kept + b"#")
        assert (code_digest(project / "world.py") != before) == (path.relative_to(project).as_posix() in counted), path
        path.write_bytes(kept)
    assert code_digest(project / "world.py") == before
    assert CodeLoader(project).digest("./world.py:Anything", project) == before


def test_the_digest_stays_in_the_folder_survives_broken_code_and_moves_with_it(project, tmp_path):
    (tmp_path / "secret.txt").write_text("s")
    (project / "link").symlink_to(tmp_path)
    (project / "deep").mkdir()
    names = [
        "../secret.txt",
        ".",
        "",
        "/etc/passwd",
        "a\0b",
        "deep/..",
        "deep/../../secret.txt",
        "link",
        "link/secret.txt",
        "x" * 300,
    ]
    write(project, {"world": f"NAMES = {names!r}\n", "broken": "def f(:\n"})
    assert files_behind(project / "world.py") == {project / "world.py"}
    assert files_behind(project / "broken.py") == {project / "broken.py"}
    write(tmp_path / "moved", {"world": (project / "world.py").read_text()})
    assert code_digest(tmp_path / "moved/world.py") == code_digest(project / "world.py")


def test_the_digest_of_a_package_module_follows_its_own_package(project):
    files = {
        "mine/__init__": "",
        "mine/world": "from mine.deep.inner import x\nfrom .near import y\nfrom ... import z\nfrom ....far import w\n",
        "mine/deep/__init__": "",
        "mine/deep/inner": "from ..above import x\nfrom . import beside\nfrom .beside import name\n",
        "mine/deep/beside": "",
        "mine/deep/unused": "",
        "mine/above": "",
        "mine/near": "",
        "mine/far": "",
        "far": "",
        "above": "",
    }
    write(project, files)
    left_out = {"mine/deep/unused", "mine/far", "far", "above"}
    found = {path.relative_to(project).as_posix() for path in files_behind(project / "mine/world.py")}
    assert found == {f"{name}.py" for name in files.keys() - left_out}
