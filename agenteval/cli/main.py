"""The `agenteval` command: finds the verb, runs it, turns errors into one line and an exit code.

Verbs are imported when they are called, so that `agenteval --help` loads none of what they need.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from agenteval._util.version import __version__
from agenteval.errors import AgentEvalError, RequestError

YES, NO, WRONG_REQUEST, INVALID_TRIALS, INCONCLUSIVE, INTERRUPTED = 0, 1, 2, 3, 4, 130

VERBS = {
    "demo": "See it work: shipped agents on the shipped shop, compared, in a report.",
    "new": "Begin with an agent of yours: a scenario, a test and the settings.",
    "verify": "Prove a suite before any agent is blamed.",
    "run": "Run agents on a suite, keep every step, check what they did.",
    "score": "Score stored trajectories with checks; no agent is run.",
    "report": "Show a run: rates with intervals, per scenario and per check.",
    "show": "Show one trajectory as a tree, with its findings.",
    "compare": "Compare two agents or two runs on the scenarios they share.",
    "checks": "List the checks, or explain one.",
    "serve": "Receive traces over OTLP, and keep them.",
    "import": "Take in what others recorded: traces, result files, message lists, logs.",
    "export": "Write traces as OTLP or JSON lines; send findings to an OTLP endpoint.",
    "conformance": "Compare what is recovered of OTLP captures with what really happened.",
    "find": "Find trajectories by what happened in them.",
    "forget": "Delete traces by age, project or id, with all made of them.",
    "reassemble": "Make trajectories anew from the spans that are kept, after a mended dialect.",
    "doctor": "Look at this installation, this project and its store.",
}

_EPILOG = """\b
Exit codes:
  0   yes
  1   no: a requirement is not met, a suite does not prove itself
  2   the request is wrong
  3   trials are invalid or diverged, or something other than an agent broke
  4   inconclusive
  130 interrupted
"""


class _Verbs(click.Group):
    """A group that knows its verbs by name and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order in which one meets them."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb."""
        del ctx
        if cmd_name not in VERBS:
            return None
        return importlib.import_module(f"agenteval.cli.{cmd_name}_").command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb, or name the nearest one."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from agenteval._util.names import did_you_mean

            raise click.UsageError(f'there is no verb "{args[0]}". {did_you_mean(args[0], VERBS)}', ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        del ctx
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


_HELP = """Measure AI agents by what they did.

\b
First success:      agenteval demo
A suite of yours:   agenteval run SUITE --agent module:object
Recorded traces:    agenteval import FILE...  then  agenteval score --checks CHECKS.yaml

Results are kept in .agenteval/store.db of the current folder; --store or AGENTEVAL_STORE names another place.
"""


@click.group(
    cls=_Verbs,
    help=_HELP,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="agenteval")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Measure AI agents by what they did."""
    from agenteval.cli._options import defaults

    ctx.default_map = defaults()


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    try:
        result: Any = cli.main(args=arguments, prog_name="agenteval", standalone_mode=False)
        code = result if isinstance(result, int) else YES
    except click.exceptions.Exit as error:
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = WRONG_REQUEST
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = INTERRUPTED
    except RequestError as error:
        click.echo(f"error: {error}", err=True)
        code = WRONG_REQUEST
    except AgentEvalError as error:
        click.echo(f"error: {error}", err=True)
        code = INVALID_TRIALS
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output left, as `head` does
        code = YES
    sys.exit(code)
