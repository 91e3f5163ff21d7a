"""`agenteval forget`."""

from __future__ import annotations

import click

from agenteval.cli._options import json_option, open_, print_json, store_option

_EPILOG = """\b
What was made of the traces goes with them: trajectories, trials, labels, findings, states, and
texts that nothing else refers to. --before counts from when the last of a trace arrived. Copies
that others made (backups, exports, a database server's own logs) are theirs to delete.

\b
Examples:
  agenteval forget --before 90d --dry-run
  agenteval forget --before 2026-01-01 --project shop
  agenteval forget --trace 5e6bf1c0a7d94a2f9c0e3b1d2a4f6c8e --compact
"""


@click.command(name="forget", epilog=_EPILOG, short_help="Delete traces by age, project or id, with all made of them.")
@click.option("--before", metavar="TIME", help="Of which nothing arrived since: 30m, 12h, 90d, 2w ago, or a date.")
@click.option("--project", metavar="NAME", help="Of this project; '' for those of none.")
@click.option("--trace", "traces", metavar="ID", multiple=True, help="With this id, in full; several may be given.")
@click.option("--dry-run", is_flag=True, help="Count only.")
@click.option("--compact", is_flag=True, help="Give the room back to the machine; takes as long as a copy.")
@store_option
@json_option
def command(
    before: str | None,
    project: str | None,
    traces: tuple[str, ...],
    dry_run: bool,
    compact: bool,
    store_url: str,
    as_json: bool,
) -> int:
    """Forget the traces that meet all that is given."""
    import time

    from agenteval.cli.main import YES
    from agenteval.core.find import moment
    from agenteval.core.forget import Forget
    from agenteval.report.found import render_forgotten

    what = Forget(
        before_ns=None if before is None else moment(before, time.time_ns(), what="--before"),
        project=project,
        trace_ids=tuple(map(_trace_id, traces)) or None,
    )
    store = open_(store_url, create=False)
    try:
        counts = store.forget(what, dry_run=dry_run, compact=compact)
        sizes = store.sizes()
    finally:
        store.close()
    if as_json:
        print_json({"schema": "forget.v1", "dry_run": dry_run, "counts": dict(counts), "bytes": sum(sizes.values())})
    else:
        click.echo(render_forgotten(counts, sizes, dry_run=dry_run))
    return YES


def _trace_id(text: str) -> str:
    """A trace id as stores have it. Nothing is deleted by a prefix: it may begin more than was meant."""
    from agenteval.errors import RequestError

    found = text.strip().lower()
    if len(found) != 32 or not set(found) <= set("0123456789abcdef"):
        raise RequestError(f"--trace {text!r:.60} is no trace id: give all 32 hexadecimal digits")
    return found
