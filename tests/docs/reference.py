"""The command line in, docs/commands.md out: `python tests/docs/reference.py` prints it, `make reference` keeps it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from agenteval.cli import main as main_module
from agenteval.intake.settings import Settings

WIDTH = 110
OPENING = """\
# Commands

Written by `make reference` from the commands themselves. The exit codes and what is promised of all this are in
[stability.md](stability.md); what a verb prints with `--json` has its schema in `traces/schema/`.

## Environment

| variable | means |
|---|---|
| `AGENTEVAL_STORE` | the store, where `--store` is not given |
| `AGENTEVAL_SERVE_HTTP` and so on | settings of the receiver, [docs/receiver.md](receiver.md) |
| `AGENTEVAL_REDACT_KEY` | the secret behind pseudonyms, [docs/redaction.md](redaction.md); never stored |
| `AGENTEVAL_RECEIVER_KEY` | API key with which `agenteval doctor --receiver` sends and reads |
| `OTEL_EXPORTER_OTLP_ENDPOINT` | of your agents: where their exporter sends, as `agenteval serve` prints it |
| `OTEL_EXPORTER_OTLP_PROTOCOL` | of your agents: how it sends, likewise |
| `OTEL_EXPORTER_OTLP_HEADERS` | of your agents: the API key, likewise |
| `OPENAI_API_KEY` | key of the endpoint behind `--model openai:NAME`; never recorded |
| `OPENAI_BASE_URL` | that endpoint, where `--base-url` is not given |
| `NO_COLOR` | not empty: no colour and no motion in the terminal |
| `OTEL_SDK_DISABLED` | `true`: agenteval refuses to run agents, since nothing could be recorded |
| `OTEL_PYTHON_TRACER_PROVIDER` | names one that is not installed: the same |
| `LANGSMITH_TRACING` | `true`: LangChain sends what graphs do to LangSmith; `agenteval doctor` warns of it |
| `LANGSMITH_TRACING_V2` | the same, and decides where both are set |
| `LANGCHAIN_TRACING` | an older name for the first; set to anything else that is not off, LangChain raises in every graph |
| `LANGCHAIN_TRACING_V2` | an older name for the second |
| `LANGCHAIN_HANDLER` | set: LangChain raises in every graph |

## Settings

`agenteval.toml` in the project's folder, or `[tool.agenteval]` in its `pyproject.toml`, holds defaults. What stands on the command line or in the
environment comes first. Each is named as the option of `agenteval run` that it sets, with `suite` for its argument and `agent` for one or a list; `suite` is also that of
`verify`, `require` that of `report`, and `store` that of every verb. A setting that is not known is refused. `--sandbox` is not among them: a project that came from elsewhere must not do away with isolation.

```toml
suite = "./scenarios/desk"
agent = "app.py:graph"
trials = 4
```

Settings: SETTINGS.
"""


def help_of(command: click.Command, name: str, parent: click.Context | None) -> str:
    """What `--help` prints, at a fixed width."""
    settings = {**command.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    context = click.Context(command, info_name=name, parent=parent, **settings)
    return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())


def page() -> Iterator[str]:
    """The page, in pieces."""
    group = main_module.cli
    top = click.Context(group, info_name="agenteval", **group.context_settings)
    yield OPENING.replace("SETTINGS", ", ".join(f"`{name}`" for name in Settings.model_fields))
    yield f"\n## agenteval\n\n```text\n{help_of(group, 'agenteval', None)}\n```\n"
    for verb in main_module.VERBS:
        command = group.get_command(top, verb)
        if command is not None:
            yield f"\n## agenteval {verb}\n\n```text\n{help_of(command, verb, top)}\n```\n"


if __name__ == "__main__":
    sys.stdout.write("".join(page()))
