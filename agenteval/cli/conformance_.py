"""`agenteval conformance`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agenteval.cli._options import json_option, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agenteval.intake.conformance import Conformance

_EPILOG = """\b
A capture is a folder with wire/NNN.traces.pb.gz and wire/NNN.logs.pb.gz (OTLP request bodies in the
order in which they came) and truth.json (what really happened, from the model server's and the tools'
own logs). A folder of captures is taken, too. docs/conformance.md tells how to make one.

\b
Exit code 0: everything that is on the wire was recovered, and nothing was made up; 1 otherwise.

\b
Examples:
  agenteval conformance captures/my-framework -v
  agenteval conformance captures --json
"""
_COLUMNS = ("truth", "recovered", "wrong", "invented", "not_on_wire", "missed")


@click.command(
    name="conformance",
    epilog=_EPILOG,
    short_help="Compare what is recovered of OTLP captures with what really happened.",
)
@click.argument("captures", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--verbose", "-v", is_flag=True, help="Name each miss: what was expected, and whose fault it is.")
@json_option
def command(captures: tuple[Path, ...], verbose: bool, as_json: bool) -> int:
    """Assemble CAPTURES and print, for each, what was recovered of its truth.

    Turns, model calls, tool calls with arguments, results, errors and requesters, tokens, order, hand-offs, sessions.
    """
    from agenteval.intake.captures import captures_in, read_capture
    from agenteval.intake.conformance import conformance_of

    results = [conformance_of(read_capture(folder)) for given in captures for folder in captures_in(given)]
    if as_json:
        print_json({"schema": "conformance.v1", "captures": [_document(result) for result in results]})
    else:
        for result in results:
            _print(result, verbose=verbose)
        _print_total(results)
    return int(any(_ours(result) for result in results))


def _document(result: Conformance) -> dict[str, object]:
    misses = [{**asdict(miss), "whose": miss.whose} for miss in result.misses]
    return {"name": result.name, **{name: asdict(counts) for name, counts in result.counts.items()}, "misses": misses}


def _ours(result: Conformance) -> int:
    return sum(counts.wrong + counts.invented + counts.missed for counts in result.counts.values())


def _print(result: Conformance, *, verbose: bool) -> None:
    click.echo(f"{result.name}")
    for name, counts in result.counts.items():
        if not counts.truth and not counts.invented:
            continue
        rest = [
            f"{getattr(counts, column)} {column.replace('_', ' ')}"
            for column in _COLUMNS[2:]
            if getattr(counts, column)
        ]
        click.echo(f"  {name:15} {counts.recovered:3} of {counts.truth:3}{'   ' + ', '.join(rest) if rest else ''}")
    for miss in result.misses if verbose else ():
        found = "" if miss.found is None else f"; found {miss.found}"
        click.echo(f"    {miss.measure}: {miss.outcome.replace('_', ' ')} ({miss.whose}): {miss.what}{found}")


def _print_total(results: Sequence[Conformance]) -> None:
    counts = [one for result in results for one in result.counts.values()]
    truth, recovered, absent = (
        sum(getattr(one, name) for one in counts) for name in ("truth", "recovered", "not_on_wire")
    )
    ours = sum(_ours(result) for result in results)
    click.echo(
        f"{len(results)} {'capture' if len(results) == 1 else 'captures'}: {recovered} of {truth} recovered, "
        f"{absent} not on the wire, {ours} ours"
    )
