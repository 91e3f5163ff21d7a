"""`agenteval import`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agenteval.cli._options import json_option, open_, print_json, project, store_option

if TYPE_CHECKING:
    from agenteval.experiment.importing import ImportSummary
    from agenteval.telemetry.redact.redactor import Redactor
    from agenteval.telemetry.redact.rules import RedactRules
    from agenteval.telemetry.understood import Dialect, Understood

_NAMES = 5  # that are told; --json has more

_EPILOG = """\b
Formats, recognised by content: OTLP (protobuf, JSON, JSON lines), Jaeger, Tempo, Zipkin, Langfuse,
LangSmith and Phoenix traces; tau-bench and tau2 results, Inspect logs, ATIF and SWE-agent
trajectories, OpenAI-style message lists, and what agenteval itself exports.
Recorded rewards become labels and the check `recorded`, so that `agenteval report` works at once.

\b
Examples:
  agenteval import gpt-4o-airline.json
  agenteval import traces.pb.gz logs.pb.gz
  agenteval import runs/*.json.gz --json
  agenteval import sample:support.jsonl
  agenteval import --redact traces.pb.gz
"""


@click.command(
    name="import", epilog=_EPILOG, short_help="Take in what others recorded: traces, result files, message lists, logs."
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "format_", metavar="NAME", help="The format, where it is not to be recognised.")
@click.option("--project", "of_project", metavar="NAME", default="", help="Whose traces they are. [nobody's]")
@click.option(
    "--redact/--no-redact",
    default=None,
    help="Take secrets and personal data out first, by the table [redact] of agenteval.toml. [where it is written]",
)
@store_option
@json_option
def command(
    files: tuple[Path, ...],
    format_: str | None,
    of_project: str,
    redact: bool | None,
    store_url: str,
    as_json: bool,
) -> int:
    """Take FILES in as one run of imported trajectories. What cannot be read is refused by file and place.

    `sample:NAME` is a sample that agenteval ships.

    Exits 1 where anything was refused; what could be read is in all the same.
    """
    from agenteval.cli.main import NO, YES
    from agenteval.experiment.importing import import_files
    from agenteval.experiment.naming import naming_for, namings
    from agenteval.intake.catalogue import named_file
    from agenteval.intake.serving import naming_tables
    from agenteval.intake.settings import load_settings

    shown: list[str] = []

    def progress(summary: ImportSummary) -> None:
        line = f"{summary.imported} imported, {len(summary.refused)} refused"
        if not as_json and [line] != shown[-1:]:
            shown.append(line)
            click.echo(line, err=True)

    named = [named_file(path) for path in files]
    written = load_settings(project())
    redactor = _redactor(written.redact, asked=redact)
    naming = naming_for(of_project, namings(naming_tables(written.serve)))
    store = open_(store_url)
    try:
        summary = import_files(
            named,
            store,
            format=format_,
            project=of_project,
            redactor=redactor,
            naming=naming,
            on_progress=progress,
        )
    finally:
        store.close()
    if as_json:
        print_json(_as_json(summary, redacts=redactor is not None))
    else:
        click.echo("\n".join(_told(summary, redacts=redactor is not None)))
    return NO if summary.refused else YES


def _as_json(summary: ImportSummary, *, redacts: bool) -> dict[str, object]:
    return {
        "schema": "import.v1",
        "run": summary.run.id if summary.imported else None,
        "imported": summary.imported,
        "invalid": summary.invalid,
        "other_traces": summary.others,
        "labels": summary.labels,
        "steps": summary.steps,
        "tool_calls": summary.tool_calls,
        "agents": list(summary.run.agents),
        "new_spans": summary.appended.new,
        "repeated_spans": summary.appended.repeated,
        "conflicting_spans": summary.appended.conflicting,
        "logs": summary.logs,
        "redacted": dict(sorted(summary.redacted.items())) if redacts else None,
        "understood": summary.understood.to_json() if summary.understood.dialects else None,
        "refused": [{"file": r.file, "where": r.where, "why": r.why} for r in summary.refused],
    }


def _redactor(written: RedactRules | None, *, asked: bool | None) -> Redactor | None:
    """What redacts: nothing, where it is not asked for and no rules are written, or where it is not wanted."""
    from agenteval.telemetry.redact.redactor import Redactor
    from agenteval.telemetry.redact.rules import RedactRules, in_force

    rules = written if asked is None else (written or RedactRules()).model_copy(update={"off": not asked})
    rules = in_force(rules, unwritten=None)
    return None if rules is None else Redactor.from_environment(rules, os.environ)


def _told(summary: ImportSummary, *, redacts: bool) -> list[str]:
    refused = [f"refused: {refused}" for refused in summary.refused]
    if not summary.imported:
        kept = f"{summary.logs} log records are kept, and none of their spans is stored; " if summary.logs else ""
        return [*_of_redaction(summary, redacts=redacts), *refused, f"{kept}nothing was imported, and no run was made"]
    taken = (
        f"run {summary.run.id}: {summary.imported} trajectories, {summary.steps} steps, "
        f"{summary.tool_calls} tool calls, {summary.labels} labels"
    )
    return [
        taken,
        *_of_spans(summary),
        *_of_redaction(summary, redacts=redacts),
        *_of_dialects(summary.understood),
        *refused,
        "Next: agenteval report, or agenteval score --checks CHECKS.yaml",
    ]


def _of_spans(summary: ImportSummary) -> Iterator[str]:
    appended = summary.appended
    if not summary.understood.dialects:
        return
    known = f", {appended.repeated} that were there" if appended.repeated else ""
    yield f"spans: {appended.new} new{known}, {summary.logs} log records"
    if appended.conflicting:
        yield f"{appended.conflicting} spans came with an id that was there and other content: the first one is kept"
    if summary.others:
        yield f"{summary.others} traces in which no agent was found are stored, and are no trials"
    if summary.invalid:
        yield f"{summary.invalid} invalid: no dialect found a model call or a tool call in them"


def _of_redaction(summary: ImportSummary, *, redacts: bool) -> Iterator[str]:
    if redacts:
        counts = ", ".join(f"{count} {rule}" for rule, count in sorted(summary.redacted.items()))
        yield f"redacted before anything was stored: {counts or 'nothing was found'}"


def _of_dialects(found: Understood) -> Iterator[str]:
    from agenteval.telemetry.understood import UNKNOWN

    for name, one in sorted(found.dialects.items(), key=lambda item: (item[0] == UNKNOWN, item[0])):
        if name == UNKNOWN:
            yield f"  of no known dialect: {one.spans} spans ({_most(found.strangers)})"
        else:
            counts = f"{one.spans} spans, {one.model_calls} model calls, {one.tool_calls} tool calls"
            yield f"  {name}: {counts}, {_tokens(one)}"
    if found.unused:
        share = "" if found.share is None else f"{found.share:.0%} of the attributes were made use of; "
        yield f"  {share}not understood: {_most(found.unused)}"


def _tokens(found: Dialect) -> str:
    if found.tokens is None:
        return "tokens not recorded"
    return f"{found.tokens} tokens{f' ({found.unmeasured} calls do not say)' if found.unmeasured else ''}"


def _most(counts: Counter[str]) -> str:
    from agenteval.telemetry.understood import most

    more = f", and {len(counts) - _NAMES} more" if len(counts) > _NAMES else ""
    return ", ".join(f"{name} {count}" for name, count in most(counts)[:_NAMES]) + more
