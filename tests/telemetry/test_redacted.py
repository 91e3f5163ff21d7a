"""What rules took out of spans is missing from trajectories because of that, whatever producer wrote it and wherever."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agenteval.core.marks import wholly_redacted
from agenteval.core.message import TextPart
from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import ModelCall, Step, ToolCall, Trajectory
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.otlp import decode_logs, decode_traces
from agenteval.telemetry.redact.redactor import Redactor
from agenteval.telemetry.redact.rules import RedactRules
from agenteval.telemetry.understood import understood

SAID = ("arguments", "result", "messages", "output")  # how a call ended is known from what it gave, and may go with it
CAPTURES = sorted(path.parent for path in (Path(__file__).parents[2] / "traces" / "captures").glob("*/truth.json"))


def read(folder: Path) -> tuple[list[Span], list[LogRecord]]:
    spans: list[Span] = []
    logs: list[LogRecord] = []
    for path in sorted(folder.glob("wire/*.pb.gz")):
        body = gzip.decompress(path.read_bytes())
        if ".logs." in path.name:
            logs += decode_logs(body)
        elif ".traces." in path.name:
            spans += decode_traces(body)
    return spans, logs


def steps(trajectories: list[Trajectory]) -> Iterator[Step]:
    for trajectory in trajectories:
        yield from trajectory.steps


def excused(step: Step) -> dict[str, str]:
    return {field: why.partition(":")[0] for field, why in step.missing.items()}


@pytest.mark.parametrize("folder", CAPTURES, ids=lambda path: path.name)
def test_without_content_nothing_is_blamed_on_the_producer(folder: Path) -> None:
    spans, logs = read(folder)
    before = {step.id: step for step in steps(assemble(spans, logs))}
    redactor = Redactor(RedactRules(content="drop"))
    left = assemble(redactor.spans(spans)[0], redactor.logs(logs)[0])
    assert any("redacted" in excused(step).values() for step in steps(left))
    for step in steps(left):
        known = excused(before[step.id]) if step.id in before else {}
        said = {field: why for field, why in excused(step).items() if field in SAID}
        others = {field: why for field, why in said.items() if why not in {"redacted", known.get(field)}}
        assert others == {}
        assert "content_off" not in excused(step).values()
        if isinstance(step.content, ToolCall):
            held = (step.content.arguments, step.content.result)
            assert [value for value in held if isinstance(value, str) and wholly_redacted(value)] == []
        if isinstance(step.content, ModelCall):
            said = [part for message in step.content.messages for part in message.parts if isinstance(part, TextPart)]
            assert [part.text for part in said if wholly_redacted(part.text)] == []


def test_a_masked_attribute_is_missing_for_that_reason_and_the_rest_is_there() -> None:
    """Rules for names take single attributes out: the span says so, and what is beside them stays."""
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "pay",
        "gen_ai.tool.call.arguments": '{"to": "Ada"}',
        "gen_ai.tool.call.result": "paid",
    }
    span = Span(
        trace_id="a" * 32, span_id="b" * 16, name="execute_tool pay", start_ns=1, end_ns=2, attributes=attributes
    )
    for scope in ({"name": "agenteval"}, {"name": "other"}):
        ours = replace(span, scope=scope)
        ((redacted,), _) = Redactor(RedactRules(deny=["gen_ai.tool.call.arguments"])).spans([ours])
        (step,) = [step for step in steps(assemble([redacted])) if isinstance(step.content, ToolCall)]
        assert step.missing == {"arguments": "redacted: it was taken out before it was stored"}
        assert (step.content.arguments, step.content.result) == (None, "paid")


def test_messages_that_were_masked_are_missing_for_that_reason() -> None:
    said = '[{"role": "user", "parts": [{"type": "text", "content": "hello"}]}]'
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.input.messages": said,
        "gen_ai.output.messages": said.replace("user", "assistant"),
        "gen_ai.usage.input_tokens": 3,
    }
    span = Span(trace_id="a" * 32, span_id="b" * 16, name="chat m", start_ns=1, end_ns=2, attributes=attributes)
    ((redacted,), _) = Redactor(RedactRules(deny=["gen_ai.input.messages"])).spans([span])
    (step,) = [step for step in steps(assemble([redacted])) if isinstance(step.content, ModelCall)]
    assert step.missing == {"messages": "redacted: it was taken out before it was stored"}
    assert isinstance(step.content, ModelCall)
    assert step.content.output != ()


def test_the_count_of_what_was_redacted_is_no_attribute_that_was_not_understood() -> None:
    spans, logs = read(CAPTURES[0])
    redacted, counts = Redactor(RedactRules(content="drop")).spans(spans)
    assert counts
    assert "agenteval.redacted" not in understood(redacted, logs).unused
