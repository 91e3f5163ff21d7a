"""docs/checks.md says of each check what the code says, and shows every matcher and option in use."""

from __future__ import annotations

import re
import subprocess
import sys
from difflib import unified_diff
from pathlib import Path

import pytest

from agenteval import parse_checks
from agenteval.checkers.options import OPTIONS
from agenteval.errors import ScenarioError
from agenteval.stats import METHODS

REPO = Path(__file__).resolve().parents[2]
PAGE = REPO / "docs" / "checks.md"


def executed(text: str) -> str:
    """What the page writes to files, which the tests of the examples then run."""
    return "\n".join(re.findall(r"^```yaml file=.*?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


def test_the_facts_of_each_check_are_those_of_the_code():
    script = REPO / "tests" / "docs" / "checks_page.py"
    now = subprocess.run([sys.executable, script], cwd=REPO, capture_output=True, text=True, check=False)
    assert now.returncode == 0, now.stderr
    then = PAGE.read_text(encoding="utf-8")
    changed = "\n".join(unified_diff(then.splitlines(), now.stdout.splitlines(), "docs/checks.md", "now", "", "", 0))
    assert not changed, f"{changed}\n\nRun: make reference"


def test_every_matcher_has_a_row_and_a_use():
    with pytest.raises(ScenarioError) as refused:  # an unknown matcher is refused with the names of all that there are
        parse_checks([{"calls": [{"pay": {"amount": {"$": 1}}}]}])
    known = re.findall(r"\$\w+", str(refused.value).partition("Known:")[2].partition("A literal")[0])
    assert {"$near", "$same"} <= set(known)
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in known if f"| `{{{name}: " not in page] == []
    assert [name for name in (*known, "$only") if f"{{{name}: " not in executed(page)] == []


def test_every_option_has_a_row_and_a_use():
    page = PAGE.read_text(encoding="utf-8")
    rows = page.partition("\n## Options\n")[2].partition("\n## ")[0]
    assert [option for option in OPTIONS if f"| `{option}: " not in rows] == []
    # `from` belongs to a check that is refused
    assert [option for option in OPTIONS if f" {option}: " not in executed(page) and option != "from"] == []


def test_every_method_of_an_interval_is_explained():
    page = (REPO / "docs" / "results.md").read_text(encoding="utf-8")
    assert [name for name in METHODS if f"`{name}`" not in page] == []
