"""`agenteval import` of traces and `agenteval export`, as a user runs them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema

LINES = Path(__file__).resolve().parents[2] / "traces/conversion/otlp/genai-lines/collector.jsonl"

Command = Callable[..., subprocess.CompletedProcess[str]]


def test_traces_go_in_out_and_in_again(command: Command, answer: Callable[..., Any], project: Path) -> None:
    first = answer("import", str(LINES))
    assert (first["imported"], first["invalid"], first["other_traces"], first["new_spans"]) == (1, 0, 0, 4)
    assert first["understood"]["dialects"]["otel-genai"]["model_calls"] == 2
    told = command("import", str(LINES)).stdout
    assert "spans: 0 new, 4 that were there, 1 log records\n" in told
    assert "  otel-genai: 4 spans, 2 model calls, 1 tool calls, 96 tokens\n" in told
    done = answer("export", "--format", "otlp", "-o", "a.pb")
    assert (done["files"], done["altered"]) == (["a.pb", "a.logs.pb"], 0)
    again = answer("import", "a.pb", "a.logs.pb", "--store", "other.db")
    assert (again["understood"], again["logs"]) == (first["understood"], 1)
    piped = command("export", "-o", "-")
    line = json.loads(piped.stdout)
    schema = json.loads((LINES.parents[3] / "schema/exported.v1.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(line)
    assert line["schema"] == "exported.v1"
    assert piped.stderr == "1 trajectories, 1 traces, 4 spans, 1 log records -> -\n"


def test_requests_that_make_no_sense_are_refused_with_what_is_allowed(command: Command, project: Path) -> None:
    assert command("import", str(LINES)).returncode == 0
    for arguments, told in (
        ((), "say where to with -o FILE"),
        (("-o", "a", "--all", "x"), "--all is all that is stored"),
        (("--evaluations",), "--evaluations and --endpoint URL go together"),
        (("--endpoint", "http://127.0.0.1:1", "-o", "a"), "--evaluations and --endpoint URL go together"),
        (("--evaluations", "--endpoint", "x", "-o", "a"), "name at most one, and neither -o nor --all"),
        (("--evaluations", "--endpoint", "here"), '"here" is no address'),
        (("--evaluations", "--endpoint", "http://127.0.0.1:1", "--header", "secret"), "its value is not shown here"),
        (("-o", "-", "--format", "otlp"), "need a file each"),
        (("-o", "-", "--json"), "name a file"),
        (("nothing-so-called", "-o", "a"), "nothing-so-called"),
        (("-o", "none/a"), "none/a cannot be written: No such file or directory"),
    ):
        done = command("export", *arguments)
        assert done.returncode == 2, arguments
        assert told in done.stderr, arguments
