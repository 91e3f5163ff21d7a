"""`agenteval compare`."""

from __future__ import annotations

import click

from agenteval.cli._options import json_option, open_, print_json, store_option

_EPILOG = """\b
A and B are each RUN:AGENT, RUN (where it holds one agent), or AGENT (of the latest run that holds it).

\b
Examples:
  agenteval compare careful careless
  agenteval compare 20261123-090000-aa11bb:careful 20261124-101500-1a2b3c:careful
"""


@click.command(name="compare", epilog=_EPILOG, short_help="Compare two agents or two runs on the scenarios they share.")
@click.argument("a")
@click.argument("b")
@click.option("--confidence", default=0.95, show_default=True, help="Level of every interval.")
@store_option
@json_option
def command(a: str, b: str, confidence: float, store_url: str, as_json: bool) -> int:
    """Compare A with B, scenario by scenario: the difference of their rates, with its interval."""
    from agenteval.cli.main import YES
    from agenteval.experiment.compare import compare, side
    from agenteval.report.text import render_comparison

    store = open_(store_url, create=False)
    try:
        document = compare(side(store, a), side(store, b), confidence=confidence)
    finally:
        store.close()
    if as_json:
        print_json(document)
    else:
        click.echo(render_comparison(document))
    return YES
