"""`agenteval show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agenteval.cli._options import json_option, open_, print_json, store_option
from agenteval.errors import NotFound

if TYPE_CHECKING:
    from agenteval.core.outcome import Finding
    from agenteval.core.ports import TraceStore


@click.command(name="show", short_help="Show one trajectory as a tree, with its findings.")
@click.argument("trace")
@click.option("--run", "run_id", metavar="RUN", help="Findings of this run; default the latest that judged it.")
@click.option("--full", is_flag=True, help="Do not shorten long texts.")
@store_option
@json_option
def command(trace: str, run_id: str | None, full: bool, store_url: str, as_json: bool) -> int:
    """Show the trajectory TRACE (its id or the beginning of it).

    With --json: the trajectory by the published schema trajectory.v1.
    """
    from agenteval.cli.main import YES
    from agenteval.core.codec import to_json
    from agenteval.core.ports import Query
    from agenteval.experiment import stores
    from agenteval.report.tree import render

    store = open_(store_url, create=False)
    try:
        trajectory = stores.trajectory(store, trace)
        trial = next(iter(store.trials(Query(trajectory=trajectory.id))))
        findings = _findings(store, trajectory.id, run_id)
    finally:
        store.close()
    if as_json:
        print_json(to_json(trajectory))
    else:
        click.echo(render(trial, trajectory, findings, full=full))
    return YES


def _findings(store: TraceStore, trajectory: str, run_id: str | None) -> tuple[Finding, ...]:
    """What the named run concluded of it, or the latest one that did."""
    concluded = store.concluded(trajectory)
    if run_id is not None:
        wanted = store.run(run_id).id
        concluded = [item for item in concluded if item[0] == wanted]
        if not concluded:
            raise NotFound(f"run {wanted} concluded nothing of trajectory {trajectory}")
    return concluded[-1][1] if concluded else ()
