"""A suite's name in, its folder out: a path, else the project's `scenarios/`, else what agenteval ships.

A suite is a folder with a `suite.yaml`. Shipped suites have no privileges but that their code may run. Samples are
files, and are named `sample:NAME`, so that no file of the user's is ever mistaken for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agenteval._util.loading import CodeLoader
from agenteval._util.names import did_you_mean
from agenteval._util.paths import is_file, is_folder
from agenteval.errors import NotFound

SUITE_FILE = "suite.yaml"
PROJECT_FOLDER = "scenarios"
SAMPLE = "sample:"

_PACKAGE = Path(__file__).resolve().parents[1]


def shipped_root() -> Path | None:
    """The folder of the shipped suites: in the installed package, else in the repository; None where neither is."""
    return _shipped("_scenarios", "scenarios")


def _shipped(in_package: str, in_repository: str) -> Path | None:
    installed = _PACKAGE / in_package
    if is_folder(installed):
        return installed
    repository = _PACKAGE.parent
    # beside an installed package a folder of that name would be somebody else's
    return repository / in_repository if is_file(repository / "pyproject.toml") else None


def samples() -> list[Path]:
    """The sample files that agenteval ships, by name."""
    root = _shipped("_samples", "traces/samples")
    found: Sequence[Path] = () if root is None or not is_folder(root) else sorted(root.iterdir())
    return [path for path in found if path.suffix in {".json", ".jsonl", ".yaml"}]


def named_file(path: Path) -> Path:
    """A file as users name it: a path, which comes back as it is, or `sample:NAME` for a sample.

    Raises:
        NotFound: There is no such sample; the message gives the nearest name.
    """
    if not str(path).startswith(SAMPLE):
        return path
    name = str(path).removeprefix(SAMPLE)
    known = {sample.name: sample for sample in samples()}
    if name not in known:
        raise NotFound(f'there is no sample "{name}". {did_you_mean(name, known)}')
    return known[name]


def catalogue(project: Path | None = None) -> list[tuple[str, Path]]:
    """Names and folders of the shipped suites, by name; with a project, of its own too, which come first by name."""
    found = _suites_in(shipped_root())
    if project is not None:
        found |= _suites_in(project / PROJECT_FOLDER)
    return sorted(found.items())


def find_suite(name: str, project: Path | None = None) -> Path:
    """The folder of a suite.

    Args:
        name: A folder with a `suite.yaml`, or the name of one in the project's `scenarios/` or among those shipped.
        project: The user's folder, which relative paths start from; the working folder unless given.

    Raises:
        NotFound: There is none; the message gives the nearest name.
    """
    project = project or Path.cwd()
    named = project / name
    if name and is_file(named / SUITE_FILE):
        return named
    for known, path in catalogue(project):
        if known == name:
            return path
    if name and is_folder(named):
        raise NotFound(f"the folder {name} is no suite: it has no {SUITE_FILE}")
    names = [*(known for known, _ in catalogue(project)), *_beside(name, project)]
    raise NotFound(f'there is no suite "{name}". {did_you_mean(name, names)} A suite of yours is named by its folder.')


def code_loader(project: Path | None = None, *, allow_code: bool = False) -> CodeLoader:
    """What loads code for a project: its own and the shipped suites', and with `allow_code` anybody's."""
    root = shipped_root()
    return CodeLoader(project or Path.cwd(), () if root is None else (root,), allow_code=allow_code)


def yaml_files(folder: Path) -> list[Path]:
    """The YAML files of a folder that are not hidden, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix in {".yaml", ".yml"} and path.name[0] != ".")


def scenario_files(folder: Path) -> list[Path]:
    """The scenario files of a suite's folder, by name: every YAML file beside `suite.yaml`."""
    return [path for path in yaml_files(folder) if path.name != SUITE_FILE]


def _beside(name: str, project: Path) -> list[str]:
    """The suites in the folder where one of that name would lie, as paths from the project's folder."""
    folder = Path(name).parent
    try:
        return [(folder / known).as_posix() for known in _suites_in(project / folder)]
    except (OSError, ValueError):  # a folder that may not be read, a name that can be none
        return []


def _suites_in(root: Path | None) -> dict[str, Path]:
    if root is None or not is_folder(root):
        return {}
    folders: Sequence[Path] = sorted(root.iterdir())
    return {folder.name: folder for folder in folders if is_file(folder / SUITE_FILE)}
