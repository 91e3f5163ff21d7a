"""`agenteval serve`."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from agenteval.cli._options import loader_for, open_, project, store_option

if TYPE_CHECKING:
    from agenteval._util.loading import CodeLoader
    from agenteval.experiment.live import Rule
    from agenteval.intake.serving import ServeRule, ServeSettings
    from agenteval.service.run import Addresses
    from agenteval.telemetry.redact.redactor import Redactor
    from agenteval.telemetry.redact.rules import RedactRules

_EPILOG = """\b
Settings: options, AGENTEVAL_SERVE_*, the table [serve] of agenteval.toml. docs/receiver.md has them all.
Beyond this machine it asks for API keys, and needs a proxy in front that speaks TLS: it does not itself.

\b
Examples:
  agenteval serve
  agenteval serve --http 127.0.0.1:4318 --grpc off
  agenteval serve --no-redact
  agenteval serve --new-key shop --scope ingest --scope read
"""


@click.command(name="serve", epilog=_EPILOG, short_help="Receive traces over OTLP, and keep them.")
@click.option("--http", metavar="ADDR", help="Address of OTLP over HTTP and of the pages, or off. [127.0.0.1:4328]")
@click.option("--grpc", metavar="ADDR", help="Address of OTLP over gRPC, or off. [127.0.0.1:4327]")
@click.option("--new-key", metavar="PROJECT", help="Make an API key for a project, print it once, and end.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(["ingest", "read"]),
    help="What the new key may do; ingest unless given.",
)
@click.option("--no-redact", is_flag=True, help="Keep telemetry as it was sent. [secrets are taken out]")
@store_option
def command(
    http: str | None,
    grpc: str | None,
    new_key: str | None,
    scopes: tuple[str, ...],
    no_redact: bool,
    store_url: str,
) -> int:
    """Take in what agents report of themselves, by OTLP over HTTP and gRPC, until SIGTERM.

    What was acknowledged is committed.
    """
    from agenteval.cli.main import YES
    from agenteval.errors import RequestError
    from agenteval.intake.serving import serve_settings
    from agenteval.intake.settings import load_settings
    from agenteval.telemetry.redact.rules import RedactRules

    if new_key is not None:
        _make_key(new_key, scopes or ("ingest",))
        return YES
    if scopes:
        raise RequestError("--scope says what a new key may do: give --new-key PROJECT with it")
    given = {name: value for name, value in (("http", http), ("grpc", grpc)) if value is not None}
    written = load_settings(project())
    settings = serve_settings(written.serve, os.environ, given)
    if store_url == "memory:":
        raise RequestError("memory: keeps nothing once this process ends; name a file with --store")
    _run(settings, store_url, RedactRules(off=True) if no_redact else written.redact)
    return YES


def _run(settings: ServeSettings, store_url: str, redact: RedactRules | None) -> None:
    from agenteval.errors import MissingExtra

    try:
        from agenteval.service.run import serve
    except ImportError as error:
        raise MissingExtra(f'the receiver needs {error.name}: pip install "agenteval[serve]"') from error
    redactor, rules = _redactor(redact), _rules(settings)
    store = open_(store_url)
    try:

        def announce(addresses: Addresses) -> None:
            click.echo("\n".join([*_kept(store_url, redact), *_judged(rules), *_told(addresses, settings)]))

        serve(settings, store, announce, rules=rules, redactor=redactor)
    finally:
        store.close()


def _redactor(written: RedactRules | None) -> Redactor | None:
    """What takes secrets out of all that comes, whatever is written, unless it is told not to."""
    from agenteval.errors import MissingExtra
    from agenteval.telemetry.redact.redactor import Redactor
    from agenteval.telemetry.redact.rules import SECRETS_ALONE, in_force

    rules = in_force(written, unwritten=SECRETS_ALONE)
    try:
        return None if rules is None else Redactor.from_environment(rules, os.environ)
    except MissingExtra as error:
        raise MissingExtra(f"{error}, or give --no-redact to keep telemetry as it was sent") from error


def _rules(settings: ServeSettings) -> list[Rule]:
    """The rules of a project's settings, their checks read."""
    from agenteval.errors import NotFound, RequestError

    loader = loader_for(allow_code=False)
    rules: list[Rule] = []
    for one in settings.rules:
        try:
            rules.append(_rule(one, loader))
        except (NotFound, RequestError) as error:
            raise RequestError(f'serve.rules: "{one.name}": {error}') from error
    return rules


def _rule(written: ServeRule, loader: CodeLoader) -> Rule:
    from agenteval.core.find import parse
    from agenteval.experiment.live import Rule
    from agenteval.intake.checkfiles import load_checks

    file = load_checks(written.checks, loader)
    return Rule(
        name=written.name,
        checks=file.checks,
        where=parse(written.find, now_ns=time.time_ns()),
        sample=written.sample,
        per_hour=written.per_hour,
        assume_complete=file.assume_complete,
    )


def _kept(store_url: str, redact: RedactRules | None) -> list[str]:
    if redact is None:
        told = "secrets are redacted before anything is stored; [redact] in agenteval.toml takes out more"
    elif redact.off:
        told = "nothing is redacted"
    else:
        told = "secrets and personal data are redacted before anything is stored, as [redact] has it"
    return [f"agenteval serve: keeping what comes in {_without_password(store_url)}", f"  {told}"]


def _judged(rules: Sequence[Rule]) -> list[str]:
    told = ", ".join(f"{rule.name} {rule.version} ({len(rule.checks)})" for rule in rules)
    return [f"  what is closed is judged by rules, each with its version and how many checks: {told}"] if rules else []


def _told(addresses: Addresses, settings: ServeSettings) -> list[str]:
    from agenteval.intake.serving import OFF, host_and_port, is_loopback

    lines: list[str] = []
    if addresses.http is not None:
        lines.append(f"  OTLP over HTTP  {addresses.http}")
    if addresses.grpc is not None:
        lines.append(f"  OTLP over gRPC  {addresses.grpc}")
    if not all(is_loopback(host_and_port(one)[0]) for one in (settings.http, settings.grpc) if one != OFF):
        lines.append("  it speaks no TLS: let a proxy in front do that where others can listen")
    lines.append("Point an exporter at it:")
    if settings.keys:
        lines.append("  export OTEL_EXPORTER_OTLP_HEADERS=x-api-key=YOUR_KEY")
    protocol = "grpc" if addresses.http is None else "http/protobuf"
    lines.append(f"  export OTEL_EXPORTER_OTLP_PROTOCOL={protocol}")
    lines.append(f"  export OTEL_EXPORTER_OTLP_ENDPOINT={addresses.http or addresses.grpc}")
    return lines


def _without_password(store_url: str) -> str:
    scheme, mark, rest = store_url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}" if mark else store_url


def _make_key(name: str, scopes: tuple[str, ...]) -> None:
    from agenteval.intake.serving import new_key

    key, told = new_key(name, scopes)
    click.echo(f"The key, shown this once: {key}")
    click.echo("Put this into agenteval.toml, which holds only its hash:\n")
    written = ", ".join(f'"{scope}"' for scope in told.scopes)
    click.echo(f'[[serve.keys]]\nproject = "{told.project}"\nhash = "{told.hash}"\nscopes = [{written}]')
