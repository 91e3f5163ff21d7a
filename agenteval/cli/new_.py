"""`agenteval new`."""

from __future__ import annotations

import click

from agenteval.cli._options import code_option, json_option, loader_for, print_json, project

_EPILOG = """\b
It writes scenarios/NAME/ (a suite of one scenario, its checks about the tools that were read from
the agent), test_NAME.py for pytest, and agenteval.toml, so that `agenteval run` needs no argument.

\b
Examples:
  agenteval new --agent app.py:graph
  agenteval new --agent app.py:build --name support
"""


@click.command(
    name="new", epilog=_EPILOG, short_help="Begin with an agent of yours: a scenario, a test and the settings."
)
@click.option("--agent", required=True, metavar="REF", help="The agent: module:object or file.py:object.")
@click.option("--name", metavar="NAME", help="The suite's name; the agent's file gives it unless told.")
@code_option
@json_option
def command(agent: str, name: str | None, allow_code: bool, as_json: bool) -> int:
    """Write the files to begin with, for an agent that is there already. Files that are there stay as they are."""
    from agenteval.cli.main import YES
    from agenteval.experiment.scaffold import scaffold

    written = scaffold(agent, loader_for(allow_code=allow_code), project(), name=name)
    if as_json:
        tools = [tool.name for tool in written.tools]
        print_json({"schema": "new.v1", "files": [str(path) for path in written.files], "tools": tools})
        return YES
    for path in written.files:
        click.echo(f"wrote {path}")
    if written.tools:
        click.echo(f"tools of the agent: {', '.join(tool.name for tool in written.tools)}")
    click.echo(f"Next: write into {written.files[1]} what a user asks and what must happen; then agenteval run")
    return YES
