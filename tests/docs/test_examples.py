"""Runs the fenced blocks of README.md and docs/**/*.md. The convention is in CONTRIBUTING.md, under "Documentation".

    ```console            each line that begins with `$ ` is a command; what follows it is its output
    ```bash               a script; what it prints is not compared
    ```python             a program; what it prints is not compared
    ```yaml file=a.yaml   (any language) is written to that file instead
    ```text               and every other language is not run

After the language may stand `exit=1` (the last command ends so), `skip="the reason"` (not run at all) and `needs=bwrap` (not
run where there is no such program).
All blocks of one page run in order in one empty folder. In an output, `…` stands for any text, and alone on its line for
any lines. An HTML comment `<!-- run: COMMAND -->` is a command that the reader does not see.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
PAGES = [
    *sorted(REPO.glob("*.md")),
    *sorted((REPO / "docs").rglob("*.md")),
    *sorted((REPO / "traces").rglob("README.md")),
]
FENCE = re.compile(r"^(?P<fence>```+)(?P<info>[^`]*)$")
INDENTED = re.compile(r"^\s+```+")
HIDDEN = re.compile(r"^<!-- run: (?P<command>.+) -->$")
RUN = {"console", "bash", "python"}
OPTIONS = {"file", "exit", "skip", "needs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block, or a hidden command, with the line of the page where it begins."""

    line: int
    language: str
    options: dict[str, str]
    text: str


class BadPage(Exception):
    """A page is not written as the convention says."""


def blocks(page: str) -> Iterator[Block]:
    """The blocks of a page, in order. Raises BadPage for an option that there is not, and a fence that does not end."""
    lines = iter(enumerate(page.splitlines(), start=1))
    for number, line in lines:
        if hidden := HIDDEN.match(line):
            yield Block(line=number, language="bash", options={}, text=hidden["command"])
        elif INDENTED.match(line):
            raise BadPage(f"line {number}: a block begins at the start of its line, or it would not be run")
        elif opened := FENCE.match(line):
            body: list[str] = []
            for _, inner in lines:
                if inner.strip() == opened["fence"]:
                    break
                body.append(inner)
            else:
                raise BadPage(f"line {number}: the block that begins here does not end")
            language, *words = shlex.split(opened["info"]) or [""]
            options = {key: value for key, _, value in (word.partition("=") for word in words)}
            if unknown := set(options) - OPTIONS:
                raise BadPage(f"line {number}: unknown options {sorted(unknown)}; there are {sorted(OPTIONS)}")
            yield Block(line=number, language=language, options=options, text="".join(f"{part}\n" for part in body))


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Each command of a console block, with the output that the page shows."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        while command.endswith("\\"):
            more, _, output = output.partition("\n")
            command = f"{command}\n{more.removeprefix('> ')}"
        yield command, output


def matches(shown: str, printed: str) -> bool:
    """Whether what was printed is what the page shows, white space at line ends aside."""
    pattern = ""
    for line in shown.rstrip().splitlines():
        if line.strip() == "…":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*?".join(re.escape(piece) for piece in line.rstrip().split("…")) + r"\n"
    text = "".join(f"{line.rstrip()}\n" for line in printed.rstrip().splitlines())
    return re.fullmatch(pattern, text) is not None


def environment() -> dict[str, str]:
    """This environment with its scripts first, quiet and plain, so that a page shows the same everywhere."""
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "FORCE_COLOR", "CI"}}
    path = os.pathsep.join((sysconfig.get_path("scripts"), kept.get("PATH", os.defpath)))
    return {**kept, "PATH": path, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "120"}


def execute(command: list[str], folder: Path, *, exit_code: int, at: str) -> str:
    """Run one command. Gives what it printed; fails where its exit code is another one."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == exit_code, f"{at}: exit {done.returncode}, not {exit_code}:\n{command[-1]}\n{done.stdout}"
    return done.stdout


def run_console(block: Block, folder: Path, at: str, last_exit: int) -> None:
    """Run the commands of a console block and compare what they print."""
    found = list(commands(block))
    assert found, f"{at}: a console block has commands, each on a line that begins with `$ `"
    for index, (command, shown) in enumerate(found, start=1):
        expected = last_exit if index == len(found) else 0
        printed = execute(["bash", "-c", command], folder, exit_code=expected, at=at)
        assert matches(shown, printed), f"{at}: $ {command}\n--- the page shows\n{shown}\n--- it printed\n{printed}"


def there(program: str | None) -> bool:
    """Whether a program is on the path, or none is asked for."""
    return program is None or shutil.which(program) is not None


def run_block(block: Block, folder: Path, page: str) -> None:
    """Run, write or pass over one block."""
    at = f"{page}:{block.line}"
    exit_code = int(block.options.get("exit", "0"))
    if block.options.get("skip") or not there(block.options.get("needs")):
        return
    if name := block.options.get("file"):
        target = folder / name
        assert target.resolve().is_relative_to(folder.resolve()), f"{at}: {name} is outside the page's folder"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(block.text, encoding="utf-8")
    elif block.language == "console":
        run_console(block, folder, at, exit_code)
    elif block.language == "bash":
        execute(["bash", "-euc", block.text], folder, exit_code=exit_code, at=at)
    elif block.language == "python":
        execute([sys.executable, "-c", block.text], folder, exit_code=exit_code, at=at)


def run_page(text: str, folder: Path, page: str = "page.md") -> None:
    """Run all blocks of a page in a folder."""
    for block in blocks(text):
        run_block(block, folder, page)


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(REPO)) for page in PAGES])
def test_what_a_page_shows_is_what_happens(page: Path, tmp_path: Path):
    run_page(page.read_text(encoding="utf-8"), tmp_path, str(page.relative_to(REPO)))


# --- the machinery itself: a page that is wrong must fail

GOOD = """\
```yaml file=conf/a.yaml
x: 1
```
<!-- run: echo hidden > b.txt -->
```console
$ cat conf/a.yaml
x: 1
$ cat b.txt; echo and \\
> more; echo 12 seconds; echo last
hid…
and more
… seconds
…
```
```console exit=3
$ exit 3
```
```python
print(open("b.txt").read())
```
```bash
test -f b.txt
```
```bash skip="would never end"
sleep 1000000
```
```bash needs=no-such-program
no-such-program
```
```bash needs=sh
test -f b.txt
```
```text
$ exit 9
```
"""


def test_a_right_page_passes(tmp_path: Path):
    run_page(GOOD, tmp_path)
    assert (tmp_path / "conf" / "a.yaml").read_text() == "x: 1\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```console\n$ echo yes\nno\n```\n", "page.md:1: [$] echo yes"),
        ("```console\n$ echo yes\n```\n", r"it printed\n\s*yes"),
        ("```console\n$ echo one; echo two\none\n```\n", "it printed"),
        ("```console\n$ true\n…x\n```\n", "it printed"),
        ("\n```console\n$ exit 2\n```\n", "page.md:2: exit 2, not 0"),
        ("```console exit=1\n$ true\n```\n", "exit 0, not 1"),
        ("```console\n$ false\n$ true\n```\n", "exit 1, not 0"),
        ("```console\nno command\n```\n", "a console block has commands"),
        ("```python\nassert 1 == 2\n```\n", "exit 1, not 0"),
        ("```bash\nfalse\ntrue\n```\n", "exit 1, not 0"),
        ("<!-- run: exit 4 -->\n", "exit 4, not 0"),
        ("```text file=../out.txt\nx\n```\n", "outside the page's folder"),
    ],
)
def test_a_wrong_page_fails(text: str, complaint: str, tmp_path: Path):
    with pytest.raises(AssertionError, match=complaint):
        run_page(text, tmp_path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```console skipp=x\n$ true\n```\n", r"line 1: unknown options \['skipp'\]"),
        ("- a\n  ```console\n  $ true\n  ```\n", "line 2: a block begins at the start of its line"),
        ("a\n```console\n$ true\n", "line 2: the block that begins here does not end"),
    ],
)
def test_a_page_against_the_convention_is_refused(text: str, complaint: str, tmp_path: Path):
    with pytest.raises(BadPage, match=complaint):
        run_page(text, tmp_path)


def test_every_block_that_is_not_run_says_why():
    reasonless = [
        f"{page.name}:{block.line}"
        for page in PAGES
        for block in blocks(page.read_text(encoding="utf-8"))
        if "skip" in block.options and len(block.options["skip"]) < 4
    ]
    assert reasonless == []
