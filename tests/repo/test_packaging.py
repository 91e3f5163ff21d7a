"""The wheel and the sdist carry what git tracks, and nothing that it ignores; both install and work elsewhere."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

IN_WHEEL = {  # folder of the repository -> folder of the wheel
    "agenteval/": "agenteval/",
    "scenarios/": "agenteval/_scenarios/",
    "traces/samples/": "agenteval/_samples/",
    "traces/schema/": "agenteval/_schema/",
}
DIST_INFO = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
IGNORED = (  # planted where a careless build would take them along
    "agenteval/secret.pyc",
    "agenteval/core/__pycache__/span.cpython-311.pyc",
    "agenteval/.agenteval/store.db",
    "scenarios/retail/__pycache__/x.pyc",
    "scenarios/retail/.agenteval/store.db",
    "traces/samples/.agenteval/store.db",
    "traces/samples/__pycache__/y.pyc",
    "tests/repo/__pycache__/z.pyc",
    "docs/.agenteval/store.db",
    "docker/agenteval.toml",
    "docker/.env",
)


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command that must succeed, outside this process's import path. Gives what it printed."""
    env = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def project(repo: Path) -> dict[str, object]:
    return tomllib.loads((repo / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def tracked(repo: Path) -> frozenset[str]:
    """Every file that git tracks or, before the next commit, would add."""
    if not (repo / ".git").exists():
        pytest.skip("not a git checkout")
    listed = run(
        *("git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"), cwd=repo
    )
    return frozenset(name for name in listed.split("\0") if name and (repo / name).is_file())


@pytest.fixture(scope="module")
def tree(repo: Path, tracked: frozenset[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with ignored files planted in it."""
    root = tmp_path_factory.mktemp("tree")
    for name in tracked:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(repo / name, root / name)
    for name in IGNORED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"planted")
    return root


@pytest.fixture(scope="module")
def built(tree: Path) -> tuple[Path, Path]:
    """The wheel and the sdist, each built straight from the tree."""
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--sdist", "--outdir", "out", tree, cwd=tree.parent)
    (wheel,) = (tree.parent / "out").glob("*.whl")
    (sdist,) = (tree.parent / "out").glob("*.tar.gz")
    return wheel, sdist


def wheel_contents(wheel: Path) -> dict[str, str]:
    with zipfile.ZipFile(wheel) as opened:
        return {name: hashlib.sha256(opened.read(name)).hexdigest() for name in opened.namelist()}


def expected_wheel(tracked: frozenset[str], version: object) -> set[str]:
    carried = {
        target + name.removeprefix(source)
        for name in tracked
        for source, target in IN_WHEEL.items()
        if name.startswith(source)
    }
    return carried | {f"agenteval-{version}.dist-info/{name}" for name in DIST_INFO}


def test_the_planted_files_are_ignored_by_git(repo: Path, tracked: frozenset[str]):
    listed = run("git", "-c", "safe.directory=*", "check-ignore", "--no-index", *IGNORED, cwd=repo)
    assert listed.split() == list(IGNORED)
    assert not tracked.intersection(IGNORED)


def test_the_wheel_carries_the_package_the_suites_the_samples_and_the_schemas(
    built: tuple[Path, Path], tracked: frozenset[str], project: dict[str, object]
):
    assert set(wheel_contents(built[0])) == expected_wheel(tracked, project["version"])


@pytest.mark.parametrize("folder", IN_WHEEL.values())
def test_the_wheel_leaves_none_of_its_folders_empty(built: tuple[Path, Path], folder: str):
    inside = {
        name.removeprefix(folder).partition("/")[0] for name in wheel_contents(built[0]) if name.startswith(folder)
    }
    assert inside - {"_scenarios", "_samples", "_schema"}


def test_the_sdist_carries_the_repository(
    built: tuple[Path, Path], tracked: frozenset[str], project: dict[str, object]
):
    with tarfile.open(built[1]) as opened:
        names = {member.name for member in opened.getmembers()}
    top = f"agenteval-{project['version']}/"
    assert names == {top + name for name in tracked} | {top + "PKG-INFO"}


def test_a_wheel_made_from_the_sdist_is_the_same_wheel(built: tuple[Path, Path], tmp_path: Path):
    wheel, sdist = built
    pip_wheel = (sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-index", "--no-build-isolation")
    run(*pip_wheel, "--wheel-dir", tmp_path, sdist, cwd=tmp_path)
    (again,) = tmp_path.glob("*.whl")
    assert wheel_contents(again) == wheel_contents(wheel)


@pytest.fixture(scope="module")
def installed(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Python and agenteval of a clean environment with the wheel, which borrows the dependencies of this one."""
    root = tmp_path_factory.mktemp("clean")
    venv.create(root, with_pip=False, symlinks=os.name != "nt")
    scripts = root / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    site_packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=root).strip())
    (site_packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    run(*(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", built[0]), cwd=root)
    return python, scripts / "agenteval"


def test_the_installed_package_is_the_wheel_and_knows_its_version(
    installed: tuple[Path, Path], project: dict[str, object], tmp_path: Path
):
    code = "import agenteval, importlib.metadata as m; print(agenteval.__file__, agenteval.__version__, m.version('agenteval'))"
    file, *versions = run(installed[0], "-c", code, cwd=tmp_path).split()
    assert Path(file).is_relative_to(installed[0].parents[1])
    assert versions == [project["version"]] * 2


needs_cli = pytest.mark.skipif(
    importlib.util.find_spec("agenteval.cli.main") is None, reason="the command line is not built yet"
)


@needs_cli
def test_the_command_works_in_another_folder(installed: tuple[Path, Path], project: dict[str, object], tmp_path: Path):
    assert str(project["version"]) in run(installed[1], "--version", cwd=tmp_path)


@needs_cli
def test_the_demo_runs_from_the_wheel_in_an_empty_folder(installed: tuple[Path, Path], tmp_path: Path):
    assert run(installed[1], "demo", cwd=tmp_path).strip()


@needs_cli
def test_a_sample_is_found_in_the_wheel_and_scored(installed: tuple[Path, Path], tmp_path: Path):
    said = run(installed[1], "import", "sample:support.jsonl", cwd=tmp_path)
    assert "6 trajectories, 46 steps, 10 tool calls, 5 labels" in said
    assert "never: issue_refund" in run(installed[1], "score", "--checks", "sample:support-checks.yaml", cwd=tmp_path)


PLUGIN_USED = """
def test_it(evaluate):
    evaluate("careful", "retail/refund-late").require()
"""


@needs_cli
def test_pytest_finds_the_plugin_of_the_wheel(installed: tuple[Path, Path], tmp_path: Path):
    """Asserts of an installed plugin are rewritten by pytest, those of everything beside it in the wheel, too."""
    (tmp_path / "test_it.py").write_text(PLUGIN_USED)
    options = ("-W", "error", "-p", "no:hypothesispytest", "-p", "no:langsmith_plugin", "-p", "no:asyncio")
    told = run(installed[0], "-m", "pytest", *options, cwd=tmp_path)
    assert "agenteval-" in told
    assert "1 passed" in told
    shown = run(installed[1], "report", cwd=tmp_path)
    assert "suite retail), 1 trials" in shown
