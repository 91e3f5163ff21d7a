"""`agenteval import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agenteval.cli._options import json_option, open_, print_json, store_option

if TYPE_CHECKING:
    from agenteval.experiment.importing import ImportSummary

_EPILOG = """\b
Formats, recognised by content: tau-bench and tau2 result files (.json, .json.gz), OpenAI-style
message lists (JSONL), Inspect logs (.eval, .json).
Recorded rewards become labels and the check `recorded`, so that `agenteval report` works at once.

\b
Examples:
  agenteval import gpt-4o-airline.json
  agenteval import runs/*.json.gz --json
  agenteval import sample:support.jsonl
"""


@click.command(name="import", epilog=_EPILOG, short_help="Take in what others recorded: result files, message lists.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "format_", metavar="NAME", help="The format, where it is not to be recognised.")
@store_option
@json_option
def command(files: tuple[Path, ...], format_: str | None, store_url: str, as_json: bool) -> int:
    """Take FILES in as one run of imported trajectories. What cannot be read is refused by file and place.

    `sample:NAME` is a sample that agenteval ships.

    Exits 1 where anything was refused; what could be read is in all the same.
    """
    from agenteval.cli.main import NO, YES
    from agenteval.experiment.importing import import_files
    from agenteval.intake.catalogue import named_file

    def progress(summary: ImportSummary) -> None:
        if not as_json:
            click.echo(f"{summary.imported} imported, {len(summary.refused)} refused", err=True)

    named = [named_file(path) for path in files]
    store = open_(store_url)
    try:
        summary = import_files(named, store, format=format_, on_progress=progress)
    finally:
        store.close()
    if as_json:
        print_json(
            {
                "schema": "import.v1",
                "run": summary.run.id if summary.imported else None,
                "imported": summary.imported,
                "labels": summary.labels,
                "steps": summary.steps,
                "tool_calls": summary.tool_calls,
                "agents": list(summary.run.agents),
                "refused": [{"file": r.file, "where": r.where, "why": r.why} for r in summary.refused],
            }
        )
    else:
        click.echo("\n".join(_told(summary)))
    return NO if summary.refused else YES


def _told(summary: ImportSummary) -> list[str]:
    refused = [f"refused: {refused}" for refused in summary.refused]
    if not summary.imported:
        return [*refused, "nothing was imported, and no run was made"]
    taken = (
        f"run {summary.run.id}: {summary.imported} trajectories, {summary.steps} steps, "
        f"{summary.tool_calls} tool calls, {summary.labels} labels"
    )
    return [taken, *refused, "Next: agenteval report, or agenteval score --checks CHECKS.yaml"]
