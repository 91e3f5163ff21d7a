"""`agenteval doctor`."""

from __future__ import annotations

import os

import click

from agenteval.cli._options import json_option, print_json, store_option


@click.command(name="doctor", short_help="Look at this installation, this project and its store.")
@click.option(
    "--receiver",
    metavar="URL",
    help="Send a span to this receiver and read it back; AGENTEVAL_RECEIVER_KEY is its API key.",
)
@store_option
@json_option
def command(receiver: str | None, store_url: str, as_json: bool) -> int:
    """Look for what would go wrong: versions, clashing packages, switches in the environment, the store.

    With --receiver, look at a running receiver instead.

    Exits 1 where something needs attention.
    """
    from agenteval.cli.main import NO, YES
    from agenteval.experiment.doctor import examine

    if receiver is None:
        findings = examine(store_url)
    else:
        from agenteval.service.probe import examine_receiver

        findings = examine_receiver(receiver, os.environ.get("AGENTEVAL_RECEIVER_KEY"))
    healthy = all(finding.ok for finding in findings)
    if as_json:
        print_json(
            {
                "schema": "doctor.v1",
                "healthy": healthy,
                "findings": [{"what": f.what, "ok": f.ok, "told": f.told, "remedy": f.remedy} for f in findings],
            }
        )
    else:
        for finding in findings:
            click.echo(f"{'ok   ' if finding.ok else 'LOOK '} {finding.what}: {finding.told}")
            if finding.remedy:
                click.echo(f"      {finding.remedy}")
    return YES if healthy else NO
