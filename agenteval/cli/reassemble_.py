"""`agenteval reassemble`."""

from __future__ import annotations

import sys

import click

from agenteval.cli._options import json_option, open_, print_json, project, store_option

_EPILOG = """\b
Spans and log records are kept as they came, so that nobody has to send them again when agenteval
reads more out of them, or user, version and tenant got other names in [[serve.naming]].
What runs concluded stays: score them again with `agenteval score`.

\b
Examples:
  agenteval reassemble
  agenteval reassemble 20261124-101500-1a2b3c --json
"""


@click.command(
    name="reassemble",
    epilog=_EPILOG,
    short_help="Make trajectories anew from the spans that are kept, after a mended dialect.",
)
@click.argument("run", required=False)
@store_option
@json_option
def command(run: str | None, store_url: str, as_json: bool) -> int:
    """Assemble the trajectories of RUN (an id, the beginning of one, or `latest`; all without it) from their spans."""
    from agenteval.core.ports import Query
    from agenteval.experiment.naming import namings
    from agenteval.experiment.stores import reassemble
    from agenteval.intake.serving import naming_tables
    from agenteval.intake.settings import load_settings

    naming = namings(naming_tables(load_settings(project()).serve))
    store = open_(store_url, create=False)
    try:
        query = Query(run=None if run is None else store.run(run).id)
        count = reassemble(store, query, naming=naming, on_progress=_progress)
    finally:
        store.close()
    if sys.stderr.isatty():
        click.echo(err=True)
    if as_json:
        print_json({"schema": "reassemble.v1", "assembled": count})
    else:
        click.echo(f"{count} {'trajectory' if count == 1 else 'trajectories'} assembled from their spans")
    return 0


def _progress(count: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{count} assembled", nl=False, err=True)
