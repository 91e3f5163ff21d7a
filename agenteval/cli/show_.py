"""`agenteval show`."""

from __future__ import annotations

import click

from agenteval.cli._options import json_option, open_, print_json, store_option


@click.command(name="show", short_help="Show one trajectory as a tree, with its findings.")
@click.argument("trace")
@click.option("--run", "run_id", metavar="RUN", help="Findings of this run; default the run that it belongs to.")
@click.option("--full", is_flag=True, help="Do not shorten long texts.")
@store_option
@json_option
def command(trace: str, run_id: str | None, full: bool, store_url: str, as_json: bool) -> int:
    """Show the trajectory TRACE (its id or the beginning of it).

    With --json: the trajectory by the published schema trajectory.v1.
    """
    from agenteval.cli.main import YES
    from agenteval.core.codec import to_json
    from agenteval.report.tree import render

    store = open_(store_url, create=False)
    try:
        trial, trajectory = store.trajectory(trace)
        findings = store.findings(run_id or trial.run, trajectory.id)
    finally:
        store.close()
    if as_json:
        print_json(to_json(trajectory))
    else:
        click.echo(render(trial, trajectory, findings, full=full))
    return YES
