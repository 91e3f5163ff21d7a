"""What the dialects of Anthropic, AutoGen and MCP read of real captures, span by span, against what really happened."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from agenteval.core.message import Message
from agenteval.core.trajectory import ModelCall, ToolCall
from agenteval.intake.captures import Capture, read_capture
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.dialects.reading import Reading
from agenteval.telemetry.forest import readings_of
from agenteval.telemetry.likeness import bare_id
from agenteval.telemetry.structure import distinct, parents_of

SUB_AGENTS = frozenset({"shipping_specialist", "Task"})


def opened(folder: Path) -> Capture:
    if not folder.is_dir():
        pytest.skip(f"no capture {folder.name}")
    return read_capture(folder)


def readings(capture: Capture, dialect: str) -> list[Reading]:
    """Every reading of a dialect, by the start of its span."""
    spans, _ = distinct(capture.spans)
    found: list[tuple[int, Reading]] = []
    for trace in {span.trace_id for span in spans}:
        own = [span for span in spans if span.trace_id == trace]
        by_id = readings_of(own, parents_of(own), [log for log in capture.logs if log.trace_id == trace])
        found += [(span.start_ns, reading) for span in own if (reading := by_id[span.span_id]) is not None]
    return [reading for _, reading in sorted(found, key=lambda pair: pair[0]) if reading.dialect == dialect]


def truth(capture: Capture, what: str) -> list[dict[str, Any]]:
    return [
        one for conversation in capture.truth["conversations"] for turn in conversation["turns"] for one in turn[what]
    ]


def counted(values: Iterable[Any]) -> Counter[str]:
    return Counter(json.dumps(value, sort_keys=True) for value in values)


@pytest.mark.parametrize(
    ("name", "dialect"), [("anthropic-sdk-native", "anthropic-sdk"), ("claude-agent-sdk", "claude-code")]
)
def test_anthropics_calls_with_all_that_they_carry(shared: Path, name: str, dialect: str) -> None:
    capture = opened(shared / "captures" / name)
    read = readings(capture, dialect)
    models = [reading.content for reading in read if isinstance(reading.content, ModelCall)]
    used = [
        (call.usage.input_tokens, call.usage.output_tokens, call.usage.cached_tokens) for call in models if call.usage
    ]
    wanted = [call["usage"] for call in truth(capture, "llm_calls")]
    assert Counter(used) == Counter((usage["in"], usage["out"], usage["cached"]) for usage in wanted)
    tools = [reading.content for reading in read if isinstance(reading.content, ToolCall)]
    mine = [call for call in tools if call.name not in SUB_AGENTS]
    ran = [call for call in truth(capture, "tool_calls") if call["tool"] not in SUB_AGENTS]
    assert counted([call.call_id, call.name, call.arguments, call.result] for call in mine) == counted(
        [call["call_id"], call["tool"], call["args"], call["result"]] for call in ran
    )
    failed = {call["call_id"]: call["error"].partition(": ")[2] for call in ran if call["error"]}
    assert {call.call_id for call in mine if call.status == "error"} == failed.keys()
    assert all(failed[call.call_id] in call.error for call in mine if call.call_id in failed and call.error)
    assert {reading.content.status for reading in read if isinstance(reading.content, ToolCall)} == {"ok", "error"}


def test_the_sdks_requests_are_deltas_and_whole(shared: Path) -> None:
    capture = opened(shared / "captures" / "anthropic-sdk-native")
    found = [reading for reading in readings(capture, "anthropic-sdk") if reading.kind == "model"]
    assert {reading.missing == {} for reading in found} == {True}
    asked = [call for call in truth(capture, "llm_calls") if call["usage"]]
    requests = [
        (bare_id(one.id or ""), one.name, one.arguments)
        for reading in found
        if isinstance(reading.content, ModelCall)
        for one in reading.content.requests
    ]
    assert counted(requests) == counted(
        (bare_id(one["id"]), one["name"], one["args"]) for call in asked for one in call["tool_calls"]
    )
    assert any(reading.delta for reading in found)
    assert len({reading.response_id for reading in found}) == len(asked)


def test_claude_codes_turns_costs_and_words(shared: Path) -> None:
    capture = opened(shared / "captures" / "claude-agent-sdk")
    read = readings(capture, "claude-code")
    turns = [turn for conversation in capture.truth["conversations"] for turn in conversation["turns"]]
    assert [message.text for reading in read for message in reading.heard] == [turn["user_input"] for turn in turns]
    models = [reading.content for reading in read if isinstance(reading.content, ModelCall)]
    assert all(call.usage is not None and (call.usage.cost_usd or 0) > 0 for call in models)
    said = [message.text for call in models for message in call.output]
    assert Counter(said) == Counter(call["content"] for call in truth(capture, "llm_calls") if call["content"])
    assert len({reading.session for reading in read}) == 1


def test_seven_mcp_calls_are_seen_three_times_each_and_stand_for_seven(shared: Path) -> None:
    capture = opened(shared / "captures" / "mcp-pydantic-ai-fastmcp")
    read = readings(capture, "mcp")
    ran = truth(capture, "tool_calls")
    calls = [reading.content for reading in read if isinstance(reading.content, ToolCall)]
    assert Counter(call.name for call in calls) == Counter([call["tool"] for call in ran] * 3)
    assert {reading.carried for reading in read if reading.content is not None} == {True}
    assert {reading.kind for reading in read if reading.content is None} == {"plumbing"}
    assert {reading.session for reading in read} <= {"sess-refund-001", None}
    failed = [call.error for call in calls if call.error is not None]
    assert len(failed) == 2
    assert all("payment gateway timeout (HTTP 504), retry later" in error for error in failed)
    steps = [step for trajectory in assemble(capture.spans, capture.logs) for step, _ in trajectory.of(ToolCall)]
    assert [len(step.span_ids) for step in steps] == [4] * len(ran)
    # without the spans of the framework's own calls, the protocol's stand for them, with what the models were told
    bare = [
        span
        for span in capture.spans
        if not (span.scope.get("name") == "pydantic-ai" and span.name.startswith("execute_tool"))
    ]
    found = [(step, call) for made in assemble(bare, capture.logs) for step, call in made.of(ToolCall)]
    assert counted([call.name, call.arguments, call.result, call.call_id] for _, call in found) == counted(
        [call["tool"], call["args"], call["result"], call["call_id"]] for call in ran
    )
    assert {len(step.span_ids) for step, _ in found} >= {3}


def test_autogens_own_spans(repo: Path) -> None:
    capture = opened(repo / "traces" / "captures" / "autogen_native")
    read = readings(capture, "autogen")
    calls = [reading.content for reading in read if isinstance(reading.content, ToolCall)]
    ran = truth(capture, "tool_calls")
    assert [(call.name, call.call_id) for call in calls] == [(call["tool"], call["call_id"]) for call in ran]
    failed = [call["error"].partition(": ")[2] for call in ran if call["error"]]
    assert [call.error for call in calls if call.error is not None] == failed
    assert [reading.agent for reading in read if reading.kind == "agent"] == ["desk", "desk"]
    found = assemble(capture.spans)
    assert not [step for trajectory in found for step, _ in (*trajectory.of(ModelCall), *trajectory.of(Message))]
