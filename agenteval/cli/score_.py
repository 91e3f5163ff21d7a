"""`agenteval score`."""

from __future__ import annotations

from pathlib import Path

import click

from agenteval.cli._options import code_option, json_option, loader_for, open_, print_json, store_option

_EPILOG = """\b
A checks file holds `checks:` as a scenario does, and optionally `where:` (scenario, agent, status).
Scoring never runs an agent: any stored trajectory can be judged again with a new check.

\b
Examples:
  agenteval score --checks checks.yaml
  agenteval score 20261124-101500-1a2b3c --checks checks.yaml --json
"""


@click.command(name="score", epilog=_EPILOG, short_help="Score stored trajectories with checks; no agent is run.")
@click.argument("run", default="latest")
@click.option(
    "--checks",
    "checks_file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The checks file, or `sample:NAME` for one that agenteval ships.",
)
@code_option
@store_option
@json_option
def command(run: str, checks_file: Path, allow_code: bool, store_url: str, as_json: bool) -> int:
    """Score the trajectories of RUN (an id, the beginning of one, or `latest`) with the checks of a file.

    The scores are kept as a run of their own, beside what was concluded before.
    """
    from agenteval.cli.report_ import exit_code, print_report
    from agenteval.experiment.scoring import score_run
    from agenteval.intake.catalogue import named_file
    from agenteval.intake.checkfiles import load_checks
    from agenteval.report.model import build

    checks = load_checks(named_file(checks_file), loader_for(allow_code=allow_code))
    store = open_(store_url, create=False)
    try:
        summary = score_run(store, run, checks)
        report = build(store, summary.run.id)
        if as_json:
            print_json({"schema": "score.v1", "run": summary.run.id, "scored": summary.scored, "report": report})
        else:
            print_report(report)
        return exit_code(report, None)
    finally:
        store.close()
