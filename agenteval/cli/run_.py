"""`agenteval run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from agenteval._util.startup import loading
from agenteval.cli._options import (
    code_option,
    json_option,
    loader_for,
    open_,
    print_json,
    project,
    sandbox_option,
    store_option,
)
from agenteval.errors import RequestError

if TYPE_CHECKING:
    from agenteval.core.ports import TraceStore
    from agenteval.experiment.plan import RunRequest

_EPILOG = """\b
Examples:
  agenteval run retail --agent careful --trials 4
  agenteval run retail --agent careful --agent careless --html report.html
  agenteval run ./my-suite --agent app.py:graph --select 'my-suite/refund-*'
  agenteval run retail --agent chat --model openai:NAME --base-url http://127.0.0.1:8080/v1
  agenteval run --resume                 (goes on with the latest run)

\b
An agent is a compiled LangGraph graph, a function build(tools) -> graph, a function or
coroutine of (session), (messages) or (text), or one that the suite ships by name.
`run` exits 0 when agents fail: failing is a result. It exits 3 where trials are invalid.
"""


@click.command(name="run", epilog=_EPILOG, short_help="Run agents on a suite, keep every step, check what they did.")
@click.argument("suite", required=False)
@click.option("--agent", "agents", multiple=True, metavar="REF", help="The agent: NAME, module:object, or name=REF.")
@click.option("--trials", default=1, show_default=True, help="Repeats of each scenario.")
@click.option("--seed", default=0, show_default=True, help="Seed of the run; each trial's own follows from it.")
@click.option("--concurrency", default=8, show_default=True, help="Trials at work at once.")
@click.option("--retries", default=2, show_default=True, help="How often an invalid trial is tried again.")
@click.option("--select", multiple=True, metavar="GLOB", help="Only scenarios whose id matches; may be repeated.")
@click.option("--model", metavar="REF", help="Model of the `chat` agent and of session.model: openai:NAME.")
@click.option("--base-url", metavar="URL", help="Where its OpenAI-compatible API begins.")
@click.option("--max-tokens", type=int, metavar="N", help="Tokens in one answer of the `chat` agent, at most.")
@click.option("--temperature", type=float, metavar="T", help="Temperature that the `chat` agent asks its model for.")
@click.option("--price", metavar="PRICES", help="input=USD,output=USD per million tokens, or free.")
@click.option("--user-model", metavar="REF", help="Model that speaks for users with a persona: openai:NAME.")
@click.option("--user-base-url", metavar="URL", help="Where its OpenAI-compatible API begins.")
@click.option("--user-price", metavar="PRICES", help="What it costs, as --price.")
@sandbox_option
@click.option("--max-usd", type=float, metavar="USD", help="Stop cleanly when the run has cost this much.")
@click.option(
    "--resume", is_flag=False, flag_value="latest", metavar="RUN", help="Go on with a run: only what is missing."
)
@click.option("--require", type=float, metavar="RATE", help="Exit 0, 1 or 4 by whether the pass rate is at least this.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the HTML report here, too.")
@click.option("--verbose", "-v", is_flag=True, help="Print each verdict as it comes.")
@code_option
@store_option
@json_option
def command(
    suite: str | None,
    resume: str | None,
    require: float | None,
    html: Path | None,
    verbose: bool,
    allow_code: bool,
    store_url: str,
    as_json: bool,
    price: str | None,
    user_price: str | None,
    **asked: Any,
) -> int:
    """Run agents on SUITE (a shipped suite's name, a folder, a scenario file, or module:object).

    Every step is kept as spans in the store; checks score what was done; the report has intervals.
    """
    with loading():
        from agenteval.cli._running import carry_out_with_progress, make_model
        from agenteval.cli.report_ import check_require, exit_code, print_report, write_html
        from agenteval.experiment.plan import plan_run
        from agenteval.report.model import build

    check_require(require)
    if html is not None and not html.absolute().parent.is_dir():
        raise RequestError(f"--html {html}: there is no folder {html.parent}; make it first")
    store = open_(store_url)
    try:
        if resume is not None:
            earlier, request = _resumed(store, resume, {"suite", "price", "user_price", *asked})
        else:
            earlier, request = None, _asked(suite, price, user_price, asked)
        with loading():
            loader = loader_for(allow_code=allow_code)
            plan = plan_run(request, loader=loader, project=project(), make_model=make_model, resume=earlier)
        summary = carry_out_with_progress(plan, store, verbose=verbose)
        report = build(store, plan.run.id)
        if html is not None:
            write_html(store, report, html)
        if as_json:
            print_json({"schema": "run.v1", "run": plan.run.id, "summary": _summary(summary), "report": report})
            return exit_code(report, require)
        print_report(report)
        if summary.stopped:
            click.echo(f"stopped: {summary.stopped}. Go on with: agenteval run --resume {plan.run.id}")
        return exit_code(report, require)
    finally:
        store.close()


def _asked(suite: str | None, price: str | None, user_price: str | None, asked: dict[str, Any]) -> RunRequest:
    """What a new run is asked."""
    from agenteval.cli._running import parse_price
    from agenteval.experiment.plan import RunRequest

    if suite is None:
        raise RequestError(
            "no suite was named: agenteval run SUITE --agent REF, or agenteval new for an agent of yours. "
            "Try: agenteval run retail --agent careful"
        )
    user = parse_price(user_price, "--user-price")
    return RunRequest(suite=suite, price=parse_price(price), user_price=user, **asked)


_NOT_ASKED = {ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP}  # the latter from the project's settings


def _resumed(store: TraceStore, run_id: str, asked: set[str]) -> tuple[Any, RunRequest]:
    """The run to go on with, and what it was asked; nothing of that may be asked again."""
    from agenteval.experiment.plan import RunRequest
    from agenteval.experiment.run import run_of

    run = run_of(store, run_id, kinds={"execution"})
    if run.kind != "execution":
        raise RequestError(f"run {run.id} is an {run.kind}, which cannot be resumed; only executions can")
    context = click.get_current_context()
    given = [
        parameter.opts[0].upper() if parameter.name == "suite" else parameter.opts[0]
        for parameter in context.command.params
        if parameter.name in asked and context.get_parameter_source(parameter.name) not in _NOT_ASKED
    ]
    if given:
        raise RequestError(f"--resume goes on as the run was asked to: leave out {', '.join(given)}")
    return run, RunRequest.of(run.settings)


def _summary(summary: Any) -> dict[str, Any]:
    return {
        "planned": summary.planned,
        "carried_out": summary.carried_out,
        "already_there": summary.already_there,
        "stopped": summary.stopped,
        "statuses": summary.statuses,
    }
