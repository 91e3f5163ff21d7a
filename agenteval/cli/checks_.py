"""`agenteval checks`."""

from __future__ import annotations

import click

from agenteval.cli._options import json_option, print_json


@click.command(name="checks", short_help="List the checks, or explain one.")
@click.argument("name", required=False)
@json_option
def command(name: str | None, as_json: bool) -> int:
    """List the checks, or explain the check NAME: arguments, options, an example, what missing data makes of it."""
    from agenteval._util.names import did_you_mean
    from agenteval.checkers import catalogue
    from agenteval.cli.main import YES
    from agenteval.errors import NotFound
    from agenteval.report.text import render_check, render_checks

    known = {doc.name: doc for doc in catalogue()}
    if name is not None and name not in known:
        raise NotFound(f'there is no check "{name}". {did_you_mean(name, known)}')
    shown = list(known.values()) if name is None else [known[name]]
    if as_json:
        from agenteval._util.plain import plain

        print_json({"schema": "checks.v1", "checks": [plain(doc) for doc in shown]})
    else:
        click.echo(render_checks(shown) if name is None else render_check(shown[0]))
    return YES
