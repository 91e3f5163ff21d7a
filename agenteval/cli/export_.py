"""`agenteval export`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agenteval.cli._options import json_option, open_, print_json, store_option

if TYPE_CHECKING:
    from agenteval.core.ports import TraceStore
    from agenteval.experiment.exporting import Exported, ExportFormat

_FORMATS = ("otlp", "otlp-json", "jsonl")
_EPILOG = """\b
otlp and otlp-json are what exporters send: any OTLP backend reads them. jsonl holds trials, labels
and trajectories besides. All three come back with `agenteval import`. In otlp, log records go to
a file of their own beside FILE, such as traces.logs.pb.

\b
Examples:
  agenteval export --format otlp -o traces.pb.gz
  agenteval export 20261124-101500-1a2b3c --format jsonl -o run.jsonl
  agenteval export --all --format otlp-json -o everything.jsonl.gz
  agenteval export --evaluations --endpoint http://localhost:4318
"""


@click.command(
    name="export", epilog=_EPILOG, short_help="Write traces as OTLP or JSON lines; send findings to an OTLP endpoint."
)
@click.argument("names", nargs=-1, metavar="[RUN|TRAJECTORY|TRACE]...")
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="jsonl", show_default=True)
@click.option("-o", "--output", metavar="FILE", help="Where to; .gz packs it, - is standard output.")
@click.option("--all", "everything", is_flag=True, help="All that is stored.")
@click.option("--evaluations", is_flag=True, help="Send findings and scores of one run instead.")
@click.option("--endpoint", metavar="URL", help="With --evaluations: an OTLP endpoint over HTTP.")
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME=VALUE",
    help="With --evaluations: sent with each request. Also OTEL_EXPORTER_OTLP_HEADERS.",
)
@store_option
@json_option
def command(
    names: tuple[str, ...],
    format_: ExportFormat,
    output: str | None,
    everything: bool,
    evaluations: bool,
    endpoint: str | None,
    headers: tuple[str, ...],
    store_url: str,
    as_json: bool,
) -> int:
    """Export runs, trajectories or traces; the latest run where none is named."""
    from agenteval.errors import RequestError

    if everything and names:
        raise RequestError("--all is all that is stored: leave the names out, or leave out --all")
    if evaluations and (output or everything or len(names) > 1):
        raise RequestError("--evaluations sends what one run concluded: name at most one, and neither -o nor --all")
    if evaluations != (endpoint is not None):
        raise RequestError("--evaluations and --endpoint URL go together")
    if as_json and output == "-":
        raise RequestError("--json prints what was written, and -o - writes to the same place: name a file")
    if not evaluations and output is None:
        raise RequestError("say where to with -o FILE; - is standard output")
    store = open_(store_url, create=False)
    try:
        if endpoint is not None:
            return _send(store, names[0] if names else "latest", endpoint, headers, as_json=as_json)
        return _write(store, names, format_, output or "-", everything=everything, as_json=as_json)
    finally:
        store.close()


def _write(
    store: TraceStore, names: tuple[str, ...], kind: ExportFormat, output: str, *, everything: bool, as_json: bool
) -> int:
    from agenteval.cli.main import NO, YES
    from agenteval.experiment.exporting import export, parts_of

    done = export(store, parts_of(store, names, everything=everything), kind, output)
    if as_json:
        print_json(
            {
                "schema": "export.v1",
                "trajectories": done.trajectories,
                "traces": done.traces,
                "spans": done.spans,
                "logs": done.logs,
                "altered": done.altered,
                "files": done.files,
            }
        )
    else:
        click.echo("\n".join(_told(done)), err=output == "-")
    return YES if done.spans or done.logs or done.trajectories else NO


def _told(done: Exported) -> list[str]:
    counts = f"{done.trajectories} trajectories, {done.traces} traces, {done.spans} spans, {done.logs} log records"
    lines = [f"{counts} -> {', '.join(done.files)}"]
    if done.altered:
        lines.append(f"{done.altered} of them hold what the encoding cannot: it was written as the nearest text")
    return lines


def _send(store: TraceStore, run: str, endpoint: str, given: tuple[str, ...], *, as_json: bool) -> int:
    import os

    from agenteval.cli.main import NO, YES
    from agenteval.experiment.evaluations import evaluations
    from agenteval.service.sending import send_logs

    inherited = os.environ.get("OTEL_EXPORTER_OTLP_HEADERS", "").split(",")
    headers = dict(_header(text) for text in (*filter(str.strip, inherited), *given))
    sent = send_logs(evaluations(store, run), endpoint, headers)
    if as_json:
        print_json({"schema": "export-evaluations.v1", "sent": sent.accepted, "rejected": sent.rejected})
    else:
        rejected = f", {sent.rejected} rejected: {sent.why or 'no reason given'}" if sent.rejected else ""
        click.echo(f"{sent.accepted} evaluation events sent to {endpoint}{rejected}")
    return NO if sent.rejected or not sent.accepted else YES


def _header(text: str) -> tuple[str, str]:
    from urllib.parse import unquote

    from agenteval.errors import RequestError

    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise RequestError("a header is given as NAME=VALUE; its value is not shown here")
    return name.strip(), unquote(value.strip())
