"""What the GenAI family's dialects read of real captures, span by span, against what really happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agenteval.core.message import ToolResponse
from agenteval.core.trajectory import Handoff, ModelCall, ToolCall
from agenteval.intake.captures import Capture, read_capture
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.dialects import otel_genai, pydantic_ai
from agenteval.telemetry.dialects.reading import Reading
from agenteval.telemetry.forest import readings_of
from agenteval.telemetry.structure import distinct, parents_of

OWN_TOOLS = (  # producers whose spans tell of tools themselves
    "agent-framework",
    "google-adk-handoff",
    "langchain-otel-genai",
    "langchain-otel-genai.crash",
    "openai-agents-otel-genai-handoff",
    "pydantic-ai-logfire",
    "pydantic-ai-logfire.crash",
    "pydantic-ai-logfire.stream",
    "strands",
    "strands.crash",
    "vercel-ai-v7",
    "vercel-ai-v7.crash",
    "vercel-ai-v7.stream",
)
CLIENTS = (  # clients of a model alone
    "openai-genai-responses",
    "openai-genai-span-grpc",
    "openai-genai-span-grpc.ratelimit",
    "openai-genai-span-grpc.stream",
    "openai-v2-events",
    "openai-v2-events.crash",
    "openai-v2-latest-span",
)
WITHOUT_CONTENT = ("google-adk", "openai-genai-nocontent-grpc")
OLDER_CONVENTION = ("openai-v2", "strands", "vercel")  # no counts of reasoning, or of cached tokens, on the wire


def opened(shared: Path, name: str) -> Capture:
    folder = shared / "captures" / name
    if not folder.is_dir():
        pytest.skip(f"no capture {name}")
    return read_capture(folder)


def readings(capture: Capture) -> list[Reading]:
    """Every reading, by the start of its span."""
    spans, _ = distinct(capture.spans)
    found: list[tuple[int, Reading]] = []
    for trace in {span.trace_id for span in spans}:
        own = [span for span in spans if span.trace_id == trace]
        by_id = readings_of(own, parents_of(own), [log for log in capture.logs if log.trace_id == trace])
        found += [(span.start_ns, reading) for span in own if (reading := by_id[span.span_id]) is not None]
    return [reading for _, reading in sorted(found, key=lambda pair: pair[0])]


def truth(capture: Capture, what: str) -> list[dict[str, Any]]:
    return [
        one for conversation in capture.truth["conversations"] for turn in conversation["turns"] for one in turn[what]
    ]


def models(capture: Capture) -> list[tuple[Reading, ModelCall]]:
    pairs = [(reading, reading.content) for reading in readings(capture)]
    return [(reading, call) for reading, call in pairs if isinstance(call, ModelCall) and call.error is None]


@pytest.mark.parametrize("name", [*OWN_TOOLS, *CLIENTS, *WITHOUT_CONTENT, "google-adk-content"])
def test_model_calls_and_what_they_used(shared: Path, name: str) -> None:
    capture = opened(shared, name)
    calls = [call for call in truth(capture, "llm_calls") if call["usage"]]
    found = models(capture)
    assert len(found) == len(calls)
    for (_, have), want in zip(found, calls, strict=True):
        assert have.usage is not None
        assert (have.usage.input_tokens, have.usage.output_tokens) == (want["usage"]["in"], want["usage"]["out"])
        if not name.startswith(OLDER_CONVENTION):
            assert (have.usage.cached_tokens or 0) == want["usage"]["cached"]
            assert (have.usage.reasoning_tokens or 0) == want["usage"]["reasoning"]


@pytest.mark.parametrize("name", [*OWN_TOOLS, *CLIENTS, "google-adk-content"])
def test_what_models_were_told_and_answered(shared: Path, name: str) -> None:
    capture = opened(shared, name)
    calls = [call for call in truth(capture, "llm_calls") if call["usage"]]
    for (reading, have), want in zip(models(capture), calls, strict=True):
        assert reading.missing == {}
        assert [(one.id, one.name, one.arguments) for one in have.requests] == [
            (one["id"], one["name"], one["args"]) for one in want["tool_calls"]
        ]
        assert "\n".join(message.text for message in have.output) == (want["content"] or "")
        assert have.messages
        assert reading.delta == (name == "openai-genai-responses" and have.messages[-1].role == "tool")


@pytest.mark.parametrize("name", OWN_TOOLS)
def test_tool_calls_with_arguments_results_and_errors(shared: Path, name: str) -> None:
    capture = opened(shared, name)
    left = [reading.content for reading in readings(capture) if isinstance(reading.content, ToolCall)]
    for want in truth(capture, "tool_calls"):
        same = [call for call in left if call.call_id == want["call_id"]] or [
            call
            for call in left
            if call.call_id is None and (call.name, call.arguments) == (want["tool"], want["args"])
        ]
        have = same[0]
        left.remove(have)
        assert (have.name, have.arguments) == (want["tool"], want["args"])
        if want["error"] is None:
            assert (have.result, have.error, have.status) == (want["result"], None, "ok")
        else:
            assert have.status == "error"
            assert have.error is not None
            assert have.error in want["error"] or "redacted" in have.error
    assert left == []


@pytest.mark.parametrize("name", CLIENTS)
def test_clients_of_models_tell_of_tools_in_what_they_send(shared: Path, name: str) -> None:
    capture = opened(shared, name)
    calls = [reading.content for reading in readings(capture) if isinstance(reading.content, ModelCall)]
    told = [part for call in calls for message in call.messages for part in message.parts]
    answers = {part.id: part.response for part in told if isinstance(part, ToolResponse)}
    for want in truth(capture, "tool_calls"):
        if want["error"] is None:
            assert answers[want["call_id"]] == want["result"]
        else:
            assert want["error"].partition(": ")[2] in str(answers[want["call_id"]])


@pytest.mark.parametrize("name", WITHOUT_CONTENT)
def test_what_was_not_captured_is_said_to_be(shared: Path, name: str) -> None:
    for reading in readings(opened(shared, name)):
        if isinstance(reading.content, ModelCall):
            assert all(reading.missing[field].startswith("content_off") for field in ("messages", "output"))
        if isinstance(reading.content, ToolCall):
            assert all(reading.missing[field].startswith("content_off") for field in ("arguments", "result"))
            assert reading.content.arguments is None


def test_hand_offs_agents_sessions_and_users_of_adk(shared: Path) -> None:
    found = readings(opened(shared, "google-adk-handoff"))
    targets = [reading.content.target for reading in found if isinstance(reading.content, Handoff)]
    assert targets == ["shipping_specialist", "support_agent"]
    agents = [reading.agent for reading in found if reading.kind == "agent"]
    assert agents == ["support_agent", "shipping_specialist", "shipping_specialist", "support_agent"]
    assert {reading.session for reading in found if reading.kind == "agent"} == {"sess-refund-001"}
    assert {reading.user for reading in found if reading.kind == "model"} == {"user-ada"}


@pytest.mark.parametrize(
    "name", ["pydantic-ai-logfire", "strands", "agent-framework", "vercel-ai-v7", "langchain-otel-genai"]
)
def test_agents_were_told_and_answered(shared: Path, name: str) -> None:
    capture = opened(shared, name)
    agents = [reading for reading in readings(capture) if reading.kind == "agent" and reading.agent == "support_agent"]
    turns = [turn for conversation in capture.truth["conversations"] for turn in conversation["turns"]]
    assert len(agents) == len(turns)
    for agent, turn in zip(agents, turns, strict=True):
        assert [message.text for message in agent.heard if message.role == "user"][-1] == turn["user_input"]
        assert turn["final_output"].strip().endswith(agent.said[-1].text.strip())


def test_the_agents_side_of_mcp_is_read_by_its_own_dialect(shared: Path) -> None:
    found = readings(opened(shared, "mcp-pydantic-ai-fastmcp"))
    own = [reading for reading in found if reading.dialect == pydantic_ai.NAME]
    assert len([reading for reading in own if isinstance(reading.content, ToolCall)]) == 7
    assert len([reading for reading in own if isinstance(reading.content, ModelCall)]) == 7
    assert not [
        reading for reading in found if reading.dialect == otel_genai.NAME and reading.kind in {"model", "agent"}
    ]


@pytest.mark.parametrize("name", ["strands", "agent-framework"])
def test_the_tools_of_an_agent_are_offered_where_model_calls_do_not_say_so(shared: Path, name: str) -> None:
    capture = opened(shared, name)
    (trajectory,) = [one for one in assemble(capture.spans, capture.logs) if one.offered_tools is not None]
    assert set(trajectory.offered_tools or ()) >= {"lookup_customer", "issue_refund", "get_weather"}
