"""`agenteval find`."""

from __future__ import annotations

import click

from agenteval.cli._options import json_option, open_, print_json, store_option

_EPILOG = """\b
A query is conditions and words; all of them must hold.
  NAME:VALUE      agent, finding, label, model, project, run, scenario, session, status,
                  tenant, tool, trace, user, verdict, version; A,B means any of them
  FIGURE>VALUE    cost, duration, tokens; also >=, <, <=, =
  since: until:   30m, 12h, 7d, 2w, or a date such as 2026-11-24
  "some words"    said one after the other, whatever their case; text:"…" says the same
  -CONDITION      turns a name or words round

\b
Examples:
  agenteval find 'tool:issue_refund status:error since:7d'
  agenteval find 'cost>0.1 agent:careful "late parcel"' --json
  agenteval find 'finding:refunded=fail -label:reviewed' --limit 100
"""


@click.command(name="find", epilog=_EPILOG, short_help="Find trajectories by what happened in them.")
@click.argument("query", nargs=-1)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many, at most.")
@click.option("--after", metavar="PLACE", help="Go on where a page ended; it prints its PLACE.")
@store_option
@json_option
def command(query: tuple[str, ...], limit: int, after: str | None, store_url: str, as_json: bool) -> int:
    """Find the trajectories that meet QUERY, the latest first; all without it."""
    import time

    from agenteval.cli.main import YES
    from agenteval.core.find import parse
    from agenteval.report.found import document, render

    asked = parse(" ".join(query), now_ns=time.time_ns())
    store = open_(store_url, create=False)
    try:
        page = store.find(asked, after=after, limit=limit)
    finally:
        store.close()
    if as_json:
        print_json(document(page))
    else:
        click.echo(render(page))
    return YES
