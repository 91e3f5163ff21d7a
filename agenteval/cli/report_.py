"""`agenteval report`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agenteval.cli._options import json_option, loader_for, open_, print_json, store_option
from agenteval.cli.main import INCONCLUSIVE, INVALID_TRIALS, NO, YES
from agenteval.errors import RequestError

if TYPE_CHECKING:
    from agenteval.core.ports import TraceStore


_EPILOG = """\b
Examples:
  agenteval report
  agenteval report 20261124-101500-1a2b3c --html report.html
  agenteval report --suite retail --html retail.html     (the suite's page)
"""


@click.command(
    name="report", epilog=_EPILOG, short_help="Show a run: rates with intervals, per scenario and per check."
)
@click.argument("run", default="latest")
@click.option("--suite", metavar="SUITE", help="Show a suite instead: scenarios, tools, checks, shipped agents.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write one self-contained HTML file.")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write JUnit XML.")
@click.option("--confidence", default=0.95, show_default=True, help="Level of every interval.")
@click.option("--require", type=float, metavar="RATE", help="Exit 0, 1 or 4 by whether the pass rate is at least this.")
@store_option
@json_option
def command(
    run: str,
    suite: str | None,
    html: Path | None,
    junit: Path | None,
    confidence: float,
    require: float | None,
    store_url: str,
    as_json: bool,
) -> int:
    """Show RUN (an id, the beginning of one, or `latest`), or with --suite what a suite asks."""
    from agenteval.report.model import build

    if suite is not None:
        return _suite_page(suite, html, as_json=as_json)
    if not 0 < confidence < 1:
        raise RequestError(f"--confidence is {confidence:g}; it must lie between 0 and 1, such as 0.95")
    check_require(require)
    store = open_(store_url, create=False)
    try:
        report = build(store, run, confidence=confidence)
        if html is not None:
            write_html(store, report, html)
        if junit is not None:
            write_junit(report, junit)
        if as_json:
            print_json(report)
        else:
            print_report(report)
        return exit_code(report, require)
    finally:
        store.close()


def _suite_page(named: str, path: Path | None, *, as_json: bool) -> int:
    """Run the suite's shipped agents on it, in memory, and show its page."""
    from agenteval.experiment.suite_page import shipped_results
    from agenteval.intake.solutions import load_solutions
    from agenteval.intake.suites import load_suite
    from agenteval.report import suite as page
    from agenteval.report.text import render_suite

    loader = loader_for(allow_code=False)
    loaded = load_suite(named, loader)
    agents, outcomes = shipped_results(loaded, loader)
    document = page.build(loaded, load_solutions(loaded), outcomes, agents=agents)
    if path is not None:
        _write(path, page.html(document), "suite")
    if as_json:
        print_json(document)
    else:
        click.echo(render_suite(document))
    return YES


def _write(path: Path, text: str, what: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RequestError(f"cannot write {path}: {error.strerror}; name a file in a folder that is there") from error
    click.echo(f"{what}: {path}", err=True)


def print_report(report: Mapping[str, Any]) -> None:
    """Print a report on the terminal."""
    from agenteval.report.text import render

    click.echo(render(report))


def write_html(store: TraceStore, report: Mapping[str, Any], path: Path) -> None:
    """Write the HTML file, and say where it is."""
    from agenteval.report.html import write

    try:
        write(report, store, path)
    except OSError as error:
        raise RequestError(f"cannot write {path}: {error.strerror}; name a file in a folder that is there") from error
    click.echo(f"report: {path}", err=True)


def write_junit(report: Mapping[str, Any], path: Path) -> None:
    """Write the JUnit XML file, and say where it is."""
    from agenteval.report.junit import render

    _write(path, render(report), "junit")


def check_require(require: float | None) -> None:
    """Raise RequestError where a required rate is none, before anything is run for it."""
    if require is not None and not 0 <= require <= 1:
        raise RequestError(f"--require is {require:g}; a rate lies between 0 and 1, such as 0.9")


def exit_code(report: Mapping[str, Any], require: float | None) -> int:
    """3 where trials are invalid or diverged; else 0, 1 or 4: the requirement is met, not met or inconclusive."""
    if report["statuses"].get("invalid") or report["statuses"].get("diverged"):
        return INVALID_TRIALS
    if require is None:
        return YES
    from agenteval.experiment.require import in_words
    from agenteval.stats import requirement

    rate = report["pass_rate"]
    counts = {row["scenario"]: (row["passed"], row["pass_rate"]["counted"]) for row in report["scenarios"]}
    found = requirement(counts, require, confidence=rate["confidence"], left_out=rate["left_out"])
    if found.verdict != "met":
        click.echo(in_words(found), err=True)
    return {"met": YES, "not_met": NO, "inconclusive": INCONCLUSIVE}[found.verdict]
