"""docs/checks.md in, the same page with what the code says of each check out: `python tests/docs/checks_page.py`.

What stands between `<!-- check: NAME -->` and `<!-- end -->` is written anew; all around it is kept. A check that has
no section yet gets one at the end of the page.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from agenteval.checkers import CheckDoc, catalogue

PAGE = Path(__file__).resolve().parents[2] / "docs" / "checks.md"
SECTION = re.compile(r"<!-- check: (?P<name>\w+) -->\n.*?<!-- end -->\n", re.DOTALL)


def facts(doc: CheckDoc) -> str:
    """What the code says of a check, as Markdown."""
    summary = f"{doc.summary[0].upper()}{doc.summary[1:]}."
    return (
        f"<!-- check: {doc.name} -->\n### `{doc.name}`\n\n{summary}\n\n"
        f"```yaml\n- {doc.example}\n```\n\n"
        f"- argument: `{doc.arguments}`\n"
        f"- options: {', '.join(f'`{option}`' for option in doc.options)}\n"
        f"- not recorded: {doc.without_telemetry}\n<!-- end -->\n"
    )


def page(text: str) -> str:
    """The page with the facts of now.

    Raises:
        ValueError: It has a section of a check that there is not.
    """
    docs = {doc.name: doc for doc in catalogue()}
    written = [match["name"] for match in SECTION.finditer(text)]
    if gone := sorted(set(written) - set(docs)):
        raise ValueError(f"docs/checks.md has sections of checks that there are not: {', '.join(gone)}")
    renewed = SECTION.sub(lambda match: facts(docs[match["name"]]), text)
    missing = [facts(doc) for name, doc in docs.items() if name not in written]
    return "\n".join([renewed.rstrip("\n") + "\n", *missing]) if missing else renewed


if __name__ == "__main__":
    sys.stdout.write(page(PAGE.read_text(encoding="utf-8")))
