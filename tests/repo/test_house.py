"""The rules of the house that no other tool holds: sizes, reasons, places, pinned versions."""

from __future__ import annotations

import ast
import hashlib
import io
import re
import subprocess
import sys
import tokenize
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LONGEST_MODULE = 600
LONGEST_FUNCTION = 50
APACHE_2_SHA256 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"

SUPPRESSION = re.compile(r"#\s*(?:(?P<file>ruff:|flake8:)\s*)?(?P<tool>noqa|type:\s*ignore|pyright:)", re.IGNORECASE)
WELL_FORMED = re.compile(
    r"# noqa: (?P<rules>[A-Z]+\d+(?:, [A-Z]+\d+)*) \([^()]{3,}.*\)|# pyright: ignore\[(?P<types>\w+(?:, \w+)*)\]"
)
# written in pieces, so that this file does not hold what it looks for
ELSEWHERE = {
    "a path of one machine": re.compile("|".join(rf"(?<![\w.~])/{name}/" for name in ("work", "root", "tmp"))),
    "a registry's address": re.compile(
        "|".join(("py" + "pi[.]org", "python" + "hosted", "np" + "mjs", "index" + "-url"))
    ),
}


def listed(repo: Path) -> list[Path]:
    """Every file that git tracks or, before the next commit, would add."""
    if not (repo / ".git").exists():
        pytest.skip("not a git checkout")
    command = ("git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(command, cwd=repo, capture_output=True, text=True, check=True).stdout.split("\0")
    return [repo / name for name in names if name and (repo / name).is_file()]


def text_of(path: Path) -> str:
    """The text of a file; empty where it is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def comments(path: Path) -> list[tuple[int, str]]:
    """Line and text of every comment of a Python file."""
    tokens = tokenize.generate_tokens(io.StringIO(text_of(path)).readline)
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]


def suppressions(repo: Path) -> list[tuple[str, str]]:
    """Place and text of every comment that silences a tool."""
    return [
        (f"{path.relative_to(repo)}:{line}", text)
        for path in listed(repo)
        if path.suffix == ".py"
        for line, text in comments(path)
        if SUPPRESSION.search(text)
    ]


def test_no_file_names_a_machine_path_or_a_registry(repo: Path):
    found = [
        f"{path.relative_to(repo)}:{number}: {what}: {line.strip()[:100]}"
        for path in listed(repo)
        for number, line in enumerate(text_of(path).splitlines(), start=1)
        for what, pattern in ELSEWHERE.items()
        if pattern.search(line)
    ]
    assert found == []


def test_whatever_silences_a_tool_names_the_rule_and_gives_a_reason(repo: Path):
    assert [f"{place}: {text}" for place, text in suppressions(repo) if not WELL_FORMED.search(text)] == []


def test_the_catalogue_of_our_own_violations_lists_exactly_the_rules_silenced_outside_tests(repo: Path):
    silenced = {
        rule
        for place, text in suppressions(repo)
        if not place.startswith("tests/")
        if (match := WELL_FORMED.search(text))
        for rule in (match["rules"] or match["types"]).split(", ")
    }
    catalogue = (repo / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("catalogue of our own violations")[2]
    assert set(re.findall(r"^\| `(\w+)` \|", catalogue, re.MULTILINE)) == silenced


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring, which may be as long as it has something to say."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring


def too_long(path: Path, text: str) -> list[str]:
    """What of a module is too long."""
    lines = len(text.splitlines())
    functions = [
        f"{path}:{node.lineno}: {node.name}: {code_lines(node)} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and code_lines(node) > LONGEST_FUNCTION
    ]
    return [f"{path}: {lines} lines", *functions] if lines > LONGEST_MODULE else functions


def test_no_module_and_no_function_is_too_long(repo: Path):
    modules = sorted((repo / "agenteval").rglob("*.py"))
    assert [found for path in modules for found in too_long(path.relative_to(repo), text_of(path))] == []


def pins(path: Path) -> dict[str, str]:
    """Canonical name and version of every line of a constraints file. Refuses any other kind of line."""
    answer: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([A-Za-z0-9._-]+)==([\w.!+]+)", line)
            assert match, f"{path.name}: {line!r} is not name==version"
            answer[canonicalize_name(match[1])] = match[2]
    return answer


def closure(requirements: list[Requirement]) -> set[str]:
    """Canonical names of all that these requirements bring along in this environment."""
    seen: set[tuple[str, str]] = set()
    waiting = [(requirement, "") for requirement in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        for wanted in {"", *requirement.extras}:
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                waiting += [(Requirement(line), wanted) for line in metadata.requires(name) or []]
    return {name for name, _ in seen}


@pytest.mark.skipif(sys.platform == "win32", reason="pip adds colorama there")
def test_the_constraints_pin_all_that_is_needed_and_nothing_else(repo: Path):
    built = tomllib.loads((repo / "pyproject.toml").read_text())
    project = built["project"]
    declared = [
        Requirement(line)
        for line in (
            *built["build-system"]["requires"],
            "editables",  # what an editable build needs besides
            *project["dependencies"],
            *(line for extra in project["optional-dependencies"].values() for line in extra),
        )
    ]
    pinned = pins(repo / "constraints.txt")
    here = {requirement.name for requirement in declared if not requirement.marker or requirement.marker.evaluate()}
    elsewhere = {canonicalize_name(requirement.name) for requirement in declared if requirement.name not in here}
    assert set(pinned) - elsewhere == closure(declared)
    unmet = [
        f"{line} but {pinned[canonicalize_name(line.name)]}"
        for line in declared
        if pinned[canonicalize_name(line.name)] not in line.specifier
    ]
    assert unmet == []


@pytest.mark.parametrize("name", ["constraints-browser.txt", "constraints-llm.txt"])
def test_the_other_constraints_are_plain_pins_too(repo: Path, name: str):
    assert pins(repo / name)


def test_the_license_is_apache_2_to_the_letter(repo: Path):
    assert hashlib.sha256((repo / "LICENSE").read_bytes()).hexdigest() == APACHE_2_SHA256


def test_the_version_is_the_same_everywhere(repo: Path):
    version = tomllib.loads((repo / "pyproject.toml").read_text())["project"]["version"]
    code = "import agenteval; print(agenteval.__version__)"
    told = subprocess.run([sys.executable, "-c", code], cwd=repo, capture_output=True, text=True, check=True).stdout
    assert told.strip() == version
    assert re.search(rf"^## {re.escape(version)}\b", (repo / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
