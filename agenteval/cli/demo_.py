"""`agenteval demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from agenteval._util.startup import loading
from agenteval.cli._options import loader_for, open_, project, store_option

_INTRO = """\
Two agents serve the customers of a shop: `careful` follows the policy, `careless` has planted faults (it skips
verification, refunds twice, invents amounts). Both are RULE-BASED: no language model, no key, no network. With
  agenteval run retail --agent chat --model openai:NAME --base-url URL
the same suite runs on any OpenAI-compatible endpoint.
"""


@click.command(name="demo", short_help="See it work: shipped agents on the shipped shop, compared, in a report.")
@click.option("--trials", default=2, show_default=True, help="Repeats of each scenario.")
@click.option("--model", metavar="REF", help="Run the chat agent on this model instead: openai:NAME.")
@click.option("--base-url", metavar="URL", help="Where its OpenAI-compatible API begins.")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("agenteval-demo.html"),
    show_default=True,
    help="Where the HTML report goes.",
)
@store_option
def command(trials: int, model: str | None, base_url: str | None, html: Path, store_url: str) -> int:
    """Run the shipped agents on the shipped shop, compare them, and write the report."""
    if model is None:
        click.echo(_INTRO)
    with loading():
        from agenteval.cli._running import carry_out_with_progress, make_model
        from agenteval.cli.report_ import exit_code, print_report, write_html
        from agenteval.experiment.plan import RunRequest, plan_run

        store = open_(store_url)
    agents = ("careful", "careless") if model is None else ("chat",)
    request = RunRequest(suite="retail", agents=agents, trials=trials, model=model, base_url=base_url)
    try:
        with loading():
            plan = plan_run(request, loader=loader_for(allow_code=False), project=project(), make_model=make_model)
        carry_out_with_progress(plan, store, verbose=True)
        report = _report(store, plan.run.id)
        print_report(report)
        if model is None:
            _compare(store, plan.run.id)
        write_html(store, report, html)
        _next_steps(report)
        return exit_code(report, None)
    finally:
        store.close()


def _report(store: Any, run_id: str) -> dict[str, Any]:
    from agenteval.report.model import build

    return build(store, run_id)


def _compare(store: Any, run_id: str) -> None:
    from agenteval.experiment.compare import compare, side
    from agenteval.report.text import render_comparison

    click.echo(render_comparison(compare(side(store, f"{run_id}:careful"), side(store, f"{run_id}:careless"))))


def _next_steps(report: dict[str, Any]) -> None:
    failed = next((trial for trial in report["trials"] if trial["passed"] is False), None)
    click.echo("Next:")
    if failed is not None:
        click.echo(f"  agenteval show {failed['trajectory'][:12]}      what a failed trial did, step by step")
    click.echo("  agenteval checks                what can be asked of a trajectory")
    click.echo("  agenteval run retail --agent app.py:graph      your own LangGraph agent on the same shop")
