"""The layers hold, and the contract that holds them fails when it should."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

# libraries that are slow to load: only their home imports them, and only when it is used
HEAVY = (
    "httpx",
    "jinja2",
    "langchain_core",
    "langgraph",
    "networkx",
    "numpy",
    "opentelemetry",
    "orjson",
    "pytest",
    "rich",
    "scipy",
    "sqlalchemy",
)


def heavy_after(code: str, cwd: Path) -> list[str]:
    """Which heavy libraries a fresh interpreter has loaded after running the code."""
    code += f"\nimport sys; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].split()


def test_importing_agenteval_loads_no_heavy_library(tmp_path: Path):
    assert heavy_after("import agenteval", tmp_path) == []


@pytest.mark.skipif(importlib.util.find_spec("agenteval.cli.main") is None, reason="the command line is not built yet")
def test_help_loads_no_heavy_library(tmp_path: Path):
    code = """
import sys
from agenteval.cli.main import main
sys.argv = ["agenteval", "--help"]
try:
    main()
except SystemExit as end:
    assert end.code in (0, None), end.code
"""
    assert heavy_after(code, tmp_path) == []


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of a tree. Only that tree is importable as agenteval."""
    tool = Path(sysconfig.get_path("scripts")) / "lint-imports"
    env = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run(
        [tool, "--no-cache", "--no-logo"], cwd=root, env=env, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copy(repo: Path, tmp_path: Path) -> Path:
    """A copy of the package and its contracts, to break."""
    shutil.copytree(repo / "agenteval", tmp_path / "agenteval", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(repo / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_are_kept(copy: Path):
    done = lint_imports(copy)
    assert (done.returncode, "0 broken" in done.stdout) == (0, True), done.stdout


def test_a_package_without_a_layer_is_refused(copy: Path):
    (copy / "agenteval" / "unplaced").mkdir()
    (copy / "agenteval" / "unplaced" / "__init__.py").write_text("")
    done = lint_imports(copy)
    assert (done.returncode, "unplaced" in done.stdout) == (1, True), done.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("core/span.py", "import agenteval.store", "Layers"),
        ("graph/__init__.py", "import agenteval.stats", "Layers"),
        ("harness/__init__.py", "import agenteval.evaluation", "Layers"),
        ("checkers/__init__.py", "import networkx", "Heavy"),
        ("evaluation/__init__.py", "import sqlalchemy", "Heavy"),
        ("pytest_plugin.py", "import numpy", "Heavy"),
        ("pytest_plugin.py", "import agenteval.cli", "Layers"),
        ("report/text.py", "import pytest", "pytest"),
    ],
)
def test_an_import_that_breaks_a_contract_is_refused(copy: Path, module: str, line: str, contract: str):
    with (copy / "agenteval" / module).open("a") as file:
        file.write(f"\n{line}\n")
    done = lint_imports(copy)
    assert done.returncode == 1, done.stdout
    assert re.search(rf"^{contract}.* BROKEN$", done.stdout, re.MULTILINE), done.stdout


def imported_roots(path: Path) -> set[str]:
    """First names of the modules that a file imports absolutely."""
    roots: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            roots.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            roots.add(node.module.partition(".")[0])
    return roots


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_imported_library_is_a_declared_dependency(repo: Path):
    project = tomllib.loads((repo / "pyproject.toml").read_text())["project"]
    extras = {name: some for name, some in project["optional-dependencies"].items() if name != "dev"}
    wanted = [*project["dependencies"], *(one for some in extras.values() for one in some)]
    declared = {normal(re.split(r"[^\w.-]", requirement)[0]) for requirement in wanted}
    homes = metadata.packages_distributions()
    undeclared = {
        f"{path.relative_to(repo)}: {root}"
        for folder in ("agenteval", "scenarios")
        for path in (repo / folder).rglob("*.py")
        for root in imported_roots(path)
        - sys.stdlib_module_names
        - {"agenteval", "compression"}  # of the standard library from 3.14 on
        if not declared.intersection(map(normal, homes.get(root, [])))
    }
    assert undeclared == set()
