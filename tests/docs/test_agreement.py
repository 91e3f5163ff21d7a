"""The docs name what the code has, and whatever else they name is there."""

from __future__ import annotations

import re
import subprocess
import sys
from difflib import unified_diff
from pathlib import Path

import pytest

from agenteval.cli import main as main_module
from agenteval.telemetry.dialects import DIALECTS

REPO = Path(__file__).resolve().parents[2]
PAGES = [
    *sorted(REPO.glob("*.md")),
    *sorted((REPO / "docs").rglob("*.md")),
    *sorted((REPO / "traces").rglob("README.md")),
]
FENCED = re.compile(r"^(```+).*?^\1$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
NAMED = re.compile(r"`([^`\s]+)`")
ENVIRONMENT = re.compile(r"\b(?:(?:AGENTEVAL|OPENAI|OTEL|LANGSMITH|LANGCHAIN)_[A-Z_]*[A-Z](?:_V2)?|NO_COLOR)\b")
MAKE = re.compile(r"(?:^|`|[$] )make((?: [a-z][a-z-]*)+)(?=`|$|  | [A-Z])", re.MULTILINE)
FOLDERS = ("agenteval/", "bench/", "docker/", "docs/", "scenarios/", "tests/", "traces/", ".ci/")
ONLY_IN_THE_WHEEL = ("agenteval/_scenarios", "agenteval/_samples", "agenteval/_schema")
HISTORY = {"CHANGELOG.md"}  # names what was there at the time


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return FENCED.sub("", text_of(page))


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings make, as code hosts derive them."""
    headings = re.findall(r"^#+ +(.+?)\s*$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def everything() -> str:
    return "\n".join(text_of(page) for page in PAGES)


pages = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(REPO)) for page in PAGES])


@pages
def test_every_relative_link_leads_somewhere(page: Path):
    broken: list[str] = []
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        to = (page.parent / name).resolve() if name else page
        if not to.exists() or (anchor and anchor not in anchors(to)):
            broken.append(target)
    assert broken == []


@pages
def test_every_file_that_is_named_is_there(page: Path):
    if page.name in HISTORY:
        pytest.skip("tells of the past")
    missing = [
        name
        for name in NAMED.findall(prose(page))
        if name.startswith(FOLDERS) and not name.startswith(ONLY_IN_THE_WHEEL)
        # a name with a placeholder or a pattern stands for many files
        if not re.search(r"[<>*…{}]|NNNN", name) and not (REPO / re.sub(r"(::\w+|:\d+)$", "", name)).exists()
    ]
    assert missing == []


@pages
def test_every_make_target_that_is_named_is_there(page: Path):
    targets = set(re.findall(r"^([a-z][a-z-]*):", text_of(REPO / "Makefile"), re.MULTILINE))
    named = {name for names in MAKE.findall(text_of(page)) for name in names.split()}
    assert named - targets == set()


def test_the_readme_opens_with_the_two_commands():
    opening = text_of(REPO / "README.md").partition("\n## ")[0]
    assert [command for command in ("make demo", "make test") if command not in opening] == []


def test_the_page_of_commands_is_what_the_commands_say():
    """It names every verb and every option, since `--help` does."""
    reference = REPO / "tests" / "docs" / "reference.py"
    now = subprocess.run([sys.executable, reference], cwd=REPO, capture_output=True, text=True, check=False)
    assert now.returncode == 0, now.stderr
    then = text_of(REPO / "docs" / "commands.md")
    changed = "\n".join(unified_diff(then.splitlines(), now.stdout.splitlines(), "docs/commands.md", "now", "", "", 0))
    assert not changed, f"{changed}\n\nRun: make reference"
    assert [verb for verb in main_module.VERBS if f"\n## agenteval {verb}\n" not in then] == []


def test_every_environment_variable_is_documented():
    files = [path for path in (REPO / "agenteval").rglob("*.py") if path.parent.name != "dialects"]
    sources = [text_of(path) for path in files]  # dialects name switches of other programs
    used = {name for text in sources for name in ENVIRONMENT.findall(text)}
    docs = text_of(REPO / "docs" / "commands.md")
    assert "AGENTEVAL_STORE" in used
    assert sorted(name for name in used if f"| `{name}` |" not in docs) == []


def test_every_check_is_documented():
    from agenteval.checkers import catalogue

    docs = everything()
    names = [check.name for check in catalogue()]
    assert "never" in names
    assert [name for name in names if f"`{name}`" not in docs and f"`{name}:" not in docs] == []


def test_the_page_of_dialects_lists_them_in_their_order():
    rows = re.findall(r"^\| `([a-z-]+)` \|", text_of(REPO / "docs" / "dialects.md"), re.MULTILINE)
    assert rows == [dialect.NAME for dialect in DIALECTS]


def test_every_exit_code_is_in_the_table_of_what_is_stable():
    codes = {code for name, code in vars(main_module).items() if name.isupper() and isinstance(code, int)}
    table = re.findall(r"^\| (\d+) \|", text_of(REPO / "docs" / "stability.md"), re.MULTILINE)
    assert sorted(map(int, table)) == sorted(codes)


def test_every_setting_of_the_pytest_plugin_is_documented():
    from agenteval.pytest_plugin import INCONCLUSIVE, MARKED, OPTIONS

    page = text_of(REPO / "docs" / "pytest.md")
    named = [f"--agenteval-{name} {metavar}" for name, (metavar, _) in OPTIONS.items()]
    named += [f"agenteval_{name}" for name in OPTIONS] + list(INCONCLUSIVE)
    assert [name for name in named if f"`{name}`" not in page] == []
    assert [name for name in MARKED if f"{name}=…" not in page] == []
