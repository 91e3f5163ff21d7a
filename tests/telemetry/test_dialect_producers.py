"""Spans of pydantic-ai, Google's ADK, Strands and the AI SDK, of each version, as these producers write them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agenteval.core.message import MediaPart, Message, ReasoningPart, TextPart, ToolRequest, ToolResponse, text_message
from agenteval.core.span import LogRecord, Span, SpanEvent, SpanStatus
from agenteval.core.trajectory import Handoff, ModelCall, ToolCall, Usage
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.dialects import google_adk, litellm, pydantic_ai, strands, vercel_ai
from agenteval.telemetry.dialects.reading import Dialect, Reading

USER = text_message("user", "Refund A-1002")
SYSTEM = text_message("system", "Be kind.")
REQUEST = ToolRequest(name="refund", arguments={"order": "A-1002"}, id="c1")
WISH = {"type": "tool_call", "id": "c1", "name": "refund", "arguments": '{"order": "A-1002"}'}
FAILED = SpanStatus(code=2)


def read(dialect: Dialect, scope: str, name: str, attributes: dict[str, Any], **more: Any) -> Reading:
    logs: list[LogRecord] = more.pop("logs", [])
    span = Span(
        trace_id="a" * 32,
        span_id="b" * 16,
        name=name,
        start_ns=1,
        end_ns=2,
        scope={"name": scope},
        attributes={
            key: value if isinstance(value, (str, int, list)) else json.dumps(value)
            for key, value in attributes.items()
        },
        **more,
    )
    reading = dialect.read(span, [], logs)
    assert reading is not None
    assert reading.dialect == dialect.NAME
    return reading


def call_of(reading: Reading) -> ModelCall:
    assert isinstance(reading.content, ModelCall)
    return reading.content


def tool_of(reading: Reading) -> ToolCall:
    assert isinstance(reading.content, ToolCall)
    return reading.content


def thrown(message: str) -> SpanEvent:
    return SpanEvent(name="exception", at_ns=1, attributes={"exception.type": "E", "exception.message": message})


@pytest.mark.parametrize("dialect", [pydantic_ai, google_adk, strands, vercel_ai], ids=lambda one: one.NAME)
def test_spans_of_others_are_left_to_others(dialect: Dialect) -> None:
    span = Span(
        trace_id="a" * 32,
        span_id="b" * 16,
        name="chat m",
        start_ns=1,
        end_ns=2,
        attributes={"gen_ai.operation.name": "chat"},
    )
    assert dialect.read(span, [], []) is None


# --- pydantic-ai


def pydantic(name: str, attributes: dict[str, Any], **more: Any) -> Reading:
    return read(pydantic_ai, "pydantic-ai", name, attributes, **more)


EVENTS = [
    {"event.name": "gen_ai.system.message", "role": "system", "content": "Be kind.", "gen_ai.message.index": 0},
    {
        "event.name": "gen_ai.user.message",
        "role": "user",
        "content": ["Refund A-1002", {"kind": "image-url", "url": "https://x/i.png"}],
    },
    {
        "event.name": "gen_ai.assistant.message",
        "role": "assistant",
        "tool_calls": [{"id": "c0", "type": "function", "function": {"name": "look", "arguments": {"n": 1}}}],
    },
    {"event.name": "gen_ai.tool.message", "role": "tool", "id": "c0", "name": "look", "content": {"ok": True}},
]
CHOICE = {
    "event.name": "gen_ai.choice",
    "index": 0,
    "message": {
        "role": "assistant",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "refund", "arguments": '{"order": "A-1002"}'}}
        ],
    },
}


def test_pydantic_ai_1_lists_events_in_one_attribute() -> None:
    held = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 5,
        "events": [*EVENTS, CHOICE],
    }
    reading = pydantic("chat m", {**held, "events": json.dumps(held["events"])})
    call = call_of(reading)
    assert call.messages[0] == SYSTEM
    assert call.messages[1].parts == (TextPart(text="Refund A-1002"), MediaPart(type="image", uri="https://x/i.png"))
    assert call.messages[2].requests == (ToolRequest(name="look", arguments={"n": 1}, id="c0"),)
    assert call.messages[3].parts == (ToolResponse(response={"ok": True}, id="c0"),)
    assert (call.requests, reading.missing) == ((REQUEST,), {})


def test_pydantic_ai_1_may_send_them_as_log_records() -> None:
    logs = [
        LogRecord(trace_id="a" * 32, span_id="b" * 16, at_ns=1, name=str(event["event.name"]), body=event)
        for event in [*EVENTS, CHOICE]
    ]
    call = call_of(pydantic("chat m", {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}, logs=logs))
    assert ([message.role for message in call.messages], call.requests) == (
        ["system", "user", "assistant", "tool"],
        (REQUEST,),
    )


def test_pydantic_ai_1_agents_and_tools_have_names_of_their_own() -> None:
    agent = pydantic(
        "agent run",
        {
            "agent_name": "billing",
            "model_name": "m",
            "all_messages_events": EVENTS_TEXT,
            "final_result": "Done.",
            "gen_ai.usage.input_tokens": 5,
        },
    )
    assert (agent.kind, agent.agent, agent.usage) == ("agent", "billing", Usage(input_tokens=5))
    assert [message.role for message in agent.heard] == ["system", "user", "assistant", "tool"]
    assert agent.said == (text_message("assistant", "Done."),)
    tool = tool_of(
        pydantic(
            "running tool",
            {
                "gen_ai.tool.name": "refund",
                "gen_ai.tool.call.id": "c1",
                "tool_arguments": '{"order":"A-1002"}',
                "tool_response": '{"id": "rf_1"}',
            },
        )
    )
    assert tool == ToolCall(name="refund", arguments={"order": "A-1002"}, result={"id": "rf_1"}, call_id="c1")
    for name in ("running tools", "running 2 tools"):
        assert pydantic(name, {"tools": ["a", "b"]}).kind == "plumbing"


EVENTS_TEXT = json.dumps(EVENTS)


def test_pydantic_ai_5_follows_the_convention_and_sums_up_under_names_of_its_own() -> None:
    told = [{"role": "user", "parts": [{"type": "text", "content": "Refund A-1002"}]}]
    call = call_of(
        pydantic(
            "chat m",
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": "m",
                "gen_ai.system_instructions": '[{"type": "text", "content": "Be kind."}]',
                "gen_ai.input.messages": json.dumps(told),
                "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [WISH]}]),
                "gen_ai.usage.input_tokens": 9,
                "gen_ai.usage.details.reasoning_tokens": 2,
                "operation.cost": 1,
            },
        )
    )
    assert (call.messages, call.requests) == ((SYSTEM, USER), (REQUEST,))
    assert call.usage == Usage(input_tokens=9, reasoning_tokens=2, cost_usd=1.0)
    agent = pydantic(
        "invoke_agent billing",
        {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "billing",
            "pydantic_ai.all_messages": json.dumps(
                [*told, {"role": "assistant", "parts": [{"type": "text", "content": "Done."}]}]
            ),
            "gen_ai.aggregated_usage.input_tokens": 9,
            "gen_ai.aggregated_usage.cache_read.input_tokens": 4,
        },
    )
    assert (agent.heard[0], agent.said) == (USER, (text_message("assistant", "Done."),))
    assert agent.usage == Usage(input_tokens=9, cached_tokens=4)


def test_a_retry_is_an_error_with_its_text_as_the_result() -> None:
    held = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "refund",
        "gen_ai.tool.call.arguments": "{}",
        "gen_ai.tool.call.result": "gateway down",
        "pydantic_ai.tool.retry.attempt": 1,
    }
    tool = tool_of(pydantic("execute_tool refund", held, status=FAILED, events=(thrown("gateway down"),)))
    assert (tool.error, tool.status) == ("gateway down", "error")


def test_a_retry_of_older_versions_has_its_text_in_the_response_alone() -> None:
    held = {
        "gen_ai.tool.name": "refund",
        "tool_arguments": "{}",
        "tool_response": "down\n\nFix the errors and try again.",
    }
    status = SpanStatus(code=2, message="ToolRetryError: ")
    tool = tool_of(pydantic("running tool", held, status=status, events=(thrown(""),)))
    assert (tool.error, tool.status, tool.result) == ("down", "error", None)


def test_an_answer_that_is_asked_for_as_a_call_is_words() -> None:
    parameters = {
        "output_tools": [{"name": "report"}],
        "function_tools": [{"name": "refund", "parameters_json_schema": {"type": "object"}}, {"name": "report"}],
    }
    wishes = [
        {"type": "tool_call", "id": f"o{n}", "name": name, "arguments": {"ok": True}}
        for n, name in enumerate(("report", "final_result_Receipt"))
    ]
    done = {
        "role": "user",
        "parts": [{"type": "tool_call_response", "id": "o0", "name": "report", "result": "Final result processed."}],
    }
    call = call_of(
        pydantic(
            "chat m",
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": "m",
                "model_request_parameters": parameters,
                "gen_ai.input.messages": json.dumps([{"role": "assistant", "parts": wishes[:1]}, done]),
                "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": wishes}]),
            },
        )
    )
    assert call.messages == (text_message("assistant", '{"ok": true}'),)
    assert (call.requests, call.output[0].text) == ((), '{"ok": true}\n{"ok": true}')
    assert [(one.name, one.parameters) for one in call.offered_tools] == [("refund", {"type": "object"})]
    assert (
        pydantic(
            "execute_tool final_result", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "final_result"}
        ).kind
        == "plumbing"
    )


def test_a_framework_that_asks_again_is_not_the_user() -> None:
    again = {"role": "user", "parts": [{"type": "text", "content": "1 error\n\nFix the errors and try again."}]}
    call = call_of(
        pydantic(
            "chat m",
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": "m",
                "gen_ai.input.messages": json.dumps([again]),
            },
        )
    )
    assert call.messages[0].role == "system"


def test_contents_left_out_keep_the_requests() -> None:
    held = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    wish = {"type": "tool_call", "id": "c1", "name": "refund"}
    messages = {
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text"}]}],
        "gen_ai.output.messages": [{"role": "assistant", "parts": [wish]}],
    }
    reading = pydantic("chat m", {**held, **{name: json.dumps(value) for name, value in messages.items()}})
    assert call_of(reading).requests == (ToolRequest(name="refund", arguments=None, id="c1"),)
    assert all(reading.missing[field].startswith("content_off") for field in ("messages", "output"))


def test_copies_of_spans_that_have_only_begun_are_plumbing() -> None:
    held = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "refund", "logfire.span_type": "pending_span"}
    assert pydantic("execute_tool refund", held).kind == "plumbing"


def test_clients_that_logfire_watches() -> None:
    request = {"model": "m", "messages": [{"role": "user", "content": "Refund A-1002"}], "stream": False}
    calls = [{"id": "c1", "type": "function", "function": {"name": "refund", "arguments": '{"order": "A-1002"}'}}]
    answer = {
        "message": {"role": "assistant", "tool_calls": calls},
        "usage": {"prompt_tokens": 5, "completion_tokens": 2},
    }
    reading = read(
        pydantic_ai, "logfire.openai", "Chat Completion with 'm'", {"request_data": request, "response_data": answer}
    )
    call = call_of(reading)
    assert (call.model, call.messages, call.requests) == ("m", (USER,), (REQUEST,))
    assert call.usage == Usage(input_tokens=5, output_tokens=2)
    streamed = read(
        pydantic_ai, "logfire.openai", "Chat Completion with 'm'", {"request_data": {**request, "stream": True}}
    )
    assert streamed.kind == "plumbing"


# --- Google's Agent Development Kit


def adk(name: str, attributes: dict[str, Any], **more: Any) -> Reading:
    return read(google_adk, "gcp.vertex.agent", name, attributes, **more)


GEMINI = [
    {"role": "user", "parts": [{"text": "Refund A-1002"}]},
    {"role": "model", "parts": [{"function_call": {"id": "c1", "name": "refund", "args": {"order": "A-1002"}}}]},
    {"role": "user", "parts": [{"function_response": {"id": "c1", "name": "refund", "response": {"result": "rf_1"}}}]},
]


def test_adk_1_writes_geminis_requests_and_answers() -> None:
    request = {
        "model": "gemini",
        "config": {
            "system_instruction": "Be kind.",
            "tools": [{"function_declarations": [{"name": "refund", "parameters": {"type": "OBJECT"}}]}],
        },
        "contents": GEMINI,
    }
    answer = {
        "content": {"role": "model", "parts": [{"text": "hm", "thought": True}, {"text": "Done."}]},
        "usage_metadata": {"prompt_token_count": 7, "candidates_token_count": 2},
    }
    held = {"gen_ai.system": "gcp.vertex.agent", "gen_ai.request.model": "gemini", "gcp.vertex.agent.session_id": "s1"}
    reading = adk(
        "call_llm",
        {
            **held,
            "gcp.vertex.agent.llm_request": request,
            "gcp.vertex.agent.llm_response": answer,
            "gen_ai.response.finish_reasons": ["stop"],
        },
    )
    call = call_of(reading)
    assert call.messages == (
        SYSTEM,
        USER,
        Message(role="assistant", parts=(REQUEST,)),
        Message(role="tool", parts=(ToolResponse(response="rf_1", id="c1"),)),
    )
    assert call.output == (Message(role="assistant", parts=(ReasoningPart(text="hm"), TextPart(text="Done."))),)
    assert [one.name for one in call.offered_tools] == ["refund"]
    assert call.usage == Usage(input_tokens=7, output_tokens=2)
    assert (call.finish, reading.session, reading.missing) == ("stop", "s1", {})


def test_adk_1_without_contents_writes_empty_objects() -> None:
    reading = adk(
        "call_llm",
        {"gen_ai.request.model": "gemini", "gcp.vertex.agent.llm_request": {}, "gcp.vertex.agent.llm_response": {}},
    )
    assert reading.missing["messages"].startswith("content_off")
    assert reading.missing["output"].startswith("content_off")


def test_adk_tools_answer_in_an_object_and_fail_as_data() -> None:
    held = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "refund", "gen_ai.tool.call.id": "c1"}
    own = {
        "gcp.vertex.agent.tool_call_args": {"order": "A-1002"},
        "gcp.vertex.agent.llm_request": {},
        "gcp.vertex.agent.llm_response": {},
    }
    tool = tool_of(adk("execute_tool refund", {**held, **own, "gcp.vertex.agent.tool_response": {"result": [1, 2]}}))
    assert tool == ToolCall(name="refund", arguments={"order": "A-1002"}, result=[1, 2], call_id="c1")
    failed = {"status": "error", "error_message": "gateway down"}
    tool = tool_of(
        adk(
            "execute_tool refund",
            {**held, "gen_ai.tool.call.arguments": {"order": "A-1002"}, "gen_ai.tool.call.result": failed},
        )
    )
    assert (tool.arguments, tool.error, tool.status) == ({"order": "A-1002"}, "gateway down", "error")


def test_adk_joins_calls_made_together_in_a_span_that_is_no_call() -> None:
    merged = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "(merged tools)",
        "gen_ai.tool.call.id": "e1",
    }
    assert adk("execute_tool (merged)", merged).kind == "plumbing"
    for name in ("invocation", "send_data"):
        assert adk(name, {"gcp.vertex.agent.event_id": "e1"}).kind == "plumbing"


def test_adk_hands_over_by_a_tool() -> None:
    held = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "transfer_to_agent",
        "gen_ai.tool.call.id": "c1",
    }
    reading = adk(
        "execute_tool transfer_to_agent",
        {**held, "gen_ai.tool.call.arguments": {"agent_name": "billing"}, "gen_ai.tool.call.result": {"result": None}},
    )
    assert (reading.content, reading.missing) == (Handoff(target="billing"), {})
    reading = adk("execute_tool transfer_to_agent", held)
    assert isinstance(reading.content, Handoff)
    assert reading.missing["target"].startswith("content_off")


@pytest.mark.parametrize("first", ["For context:", "Handle the requests as specified in the System Instruction."])
def test_what_adk_itself_says_to_a_model_is_not_the_users(first: str) -> None:
    told = [
        {"role": "user", "parts": [{"type": "text", "content": "Refund A-1002"}]},
        {"role": "user", "parts": [{"type": "text", "content": first}, {"type": "text", "content": "[a] said: hi"}]},
    ]
    held = {"gen_ai.operation.name": "generate_content", "gen_ai.request.model": "g"}
    call = call_of(adk("generate_content g", {**held, "gen_ai.input.messages": json.dumps(told)}))
    assert [message.role for message in call.messages] == ["user", "system"]


def test_what_adk_adds_to_the_answers_of_tools_is_left_out() -> None:
    own = {"type": "text", "content": "Handle the requests as specified in the System Instruction."}
    answer = {"type": "tool_call_response", "id": "c1", "response": {"result": "rf_1"}}
    held = {"gen_ai.operation.name": "generate_content", "gen_ai.request.model": "g"}
    told = json.dumps([{"role": "user", "parts": [answer, own]}])
    call = call_of(adk("generate_content g", {**held, "gen_ai.input.messages": told}))
    assert call.messages == (Message(role="tool", parts=(ToolResponse(response="rf_1", id="c1"),)),)


def test_adk_1_agents_are_named_by_their_span() -> None:
    assert adk("agent_run [billing]", {}).agent == "billing"
    reading = adk(
        "invoke_agent billing",
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "billing", "gen_ai.conversation.id": "s1"},
    )
    assert (reading.kind, reading.agent, reading.session) == ("agent", "billing", "s1")


# --- Strands


def strand(name: str, attributes: dict[str, Any], **more: Any) -> Reading:
    return read(strands, "strands.telemetry.tracer", name, {"gen_ai.system": "strands-agents", **attributes}, **more)


def event(name: str, **attributes: Any) -> SpanEvent:
    held = {key: value if isinstance(value, str) else json.dumps(value) for key, value in attributes.items()}
    return SpanEvent(name=name, at_ns=1, attributes=held)


def test_strands_writes_bedrocks_blocks_into_span_events() -> None:
    use = {"toolUse": {"toolUseId": "c1", "name": "refund", "input": {"order": "A-1002"}}}
    result = {"toolResult": {"toolUseId": "c1", "status": "success", "content": [{"text": '{"id": "rf_1"}'}]}}
    thought = {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "x"}}}
    call = call_of(
        strand(
            "chat",
            {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"},
            events=(
                event("gen_ai.system.message", content=[{"text": "Be kind."}, {"cachePoint": {"type": "default"}}]),
                event("gen_ai.user.message", content=[{"text": "Refund A-1002"}]),
                event("gen_ai.assistant.message", content=[thought, use]),
                event("gen_ai.tool.message", content=[result]),
                event("gen_ai.choice", finish_reason="end_turn", message=[{"text": "Done."}]),
            ),
        )
    )
    assert call.messages == (
        SYSTEM,
        USER,
        Message(role="assistant", parts=(ReasoningPart(text="hm"), REQUEST)),
        Message(role="tool", parts=(ToolResponse(response={"id": "rf_1"}, id="c1"),)),
    )
    assert (call.output, call.finish) == ((text_message("assistant", "Done."),), "end_turn")


TOOL = {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": "refund",
    "gen_ai.tool.call.id": "c1",
    "session.id": "s1",
    "user.id": "ada",
}
DETAILS = "gen_ai.client.inference.operation.details"
RESULT = [{"text": '{"id": "rf_1"}'}]


@pytest.mark.parametrize(
    "events",
    [
        (
            event("gen_ai.tool.message", role="tool", content={"order": "A-1002"}, id="c1"),
            event("gen_ai.choice", message=RESULT, id="c1"),
        ),
        (
            event(
                DETAILS,
                **{"gen_ai.input.messages": [{"role": "tool", "parts": [{**WISH, "arguments": {"order": "A-1002"}}]}]},
            ),
            event(
                DETAILS,
                **{
                    "gen_ai.output.messages": [
                        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": RESULT}]}
                    ]
                },
            ),
        ),
    ],
    ids=["old", "latest"],
)
def test_strands_tools_are_told_by_events(events: tuple[SpanEvent, ...]) -> None:
    reading = strand("execute_tool refund", {**TOOL, "gen_ai.tool.status": "success"}, events=events)
    assert tool_of(reading) == ToolCall(
        name="refund", arguments={"order": "A-1002"}, result={"id": "rf_1"}, call_id="c1"
    )
    assert (reading.session, reading.user, reading.missing) == ("s1", "ada", {})


def test_strands_tools_may_fail_without_a_status() -> None:
    events = (
        event("gen_ai.tool.message", content={}),
        event("gen_ai.choice", message=[{"text": "Error: gateway down"}]),
    )
    tool = tool_of(strand("execute_tool refund", {**TOOL, "tool.status": "error"}, events=events))
    assert (tool.status, tool.error) == ("error", "Error: gateway down")
    tool = tool_of(strand("execute_tool refund", TOOL, events=(*events, thrown("gateway down")), status=FAILED))
    assert (tool.status, tool.error) == ("error", "gateway down")


def test_strands_agents_in_both_forms_and_cycles_as_plumbing() -> None:
    held = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "billing",
        "gen_ai.agent.tools": '["refund", 7]',
        "gen_ai.usage.prompt_tokens": 9,
        "gen_ai.usage.input_tokens": 9,
    }
    old = (
        event("gen_ai.user.message", content=[{"text": "Refund A-1002"}]),
        event("gen_ai.choice", message="Done.\n", finish_reason="end_turn"),
    )
    latest = (
        event(
            DETAILS,
            **{"gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "Refund A-1002"}]}]},
        ),
        event(
            DETAILS,
            **{"gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "Done.\n"}]}]},
        ),
    )
    for events in (old, latest):
        agent = strand("invoke_agent billing", held, events=events)
        assert (agent.agent, agent.heard, agent.said) == ("billing", (USER,), (text_message("assistant", "Done.\n"),))
        assert agent.usage == Usage(input_tokens=9)
        assert [tool.name for tool in agent.offered] == ["refund"]
    assert (
        strand("execute_event_loop_cycle", {"gen_ai.operation.name": "execute_event_loop_cycle"}, events=old).kind
        == "plumbing"
    )


# --- the AI SDK


def sdk(operation: str, attributes: dict[str, Any], **more: Any) -> Reading:
    return read(
        vercel_ai, "ai", operation, {"ai.operationId": operation, "operation.name": operation, **attributes}, **more
    )


PROMPT = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": [{"type": "text", "text": "Refund A-1002"}]},
    {
        "role": "assistant",
        "content": [{"type": "tool-call", "toolCallId": "c0", "toolName": "look", "input": {"n": 1}}],
    },
    {
        "role": "tool",
        "content": [
            {
                "type": "tool-result",
                "toolCallId": "c0",
                "toolName": "look",
                "output": {"type": "json", "value": {"ok": True}},
            }
        ],
    },
]


@pytest.mark.parametrize(
    ("counts", "calls"),
    [
        (
            {"ai.usage.promptTokens": 7, "ai.usage.completionTokens": 2},
            {"toolCallType": "function", "toolCallId": "c1", "toolName": "refund", "args": '{"order":"A-1002"}'},
        ),
        (
            {"ai.usage.inputTokens": 7, "ai.usage.outputTokens": 2, "ai.usage.totalTokens": 9},
            {"toolCallId": "c1", "toolName": "refund", "input": '{"order":"A-1002"}'},
        ),
        (
            {"gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 2},
            {"toolCallId": "c1", "toolName": "refund", "input": {"order": "A-1002"}},
        ),
    ],
    ids=["4", "5", "6"],
)
@pytest.mark.parametrize("operation", ["ai.generateText.doGenerate", "ai.streamText.doStream"])
def test_a_request_of_the_sdk(operation: str, counts: dict[str, int], calls: dict[str, Any]) -> None:
    reading = sdk(
        operation,
        {
            **counts,
            "ai.model.id": "m",
            "ai.response.model": "m-1",
            "ai.response.id": "r1",
            "ai.response.finishReason": "tool-calls",
            "ai.response.text": "One moment.",
            "ai.response.toolCalls": json.dumps([calls]),
            "ai.prompt.messages": json.dumps(PROMPT),
            "ai.prompt.tools": [json.dumps({"type": "function", "name": "refund", "inputSchema": {"type": "object"}})],
            "ai.telemetry.metadata.sessionId": "s1",
            "ai.telemetry.metadata.userId": "ada",
        },
    )
    call = call_of(reading)
    assert [message.role for message in call.messages] == ["system", "user", "assistant", "tool"]
    assert call.messages[3].parts == (ToolResponse(response={"ok": True}, id="c0"),)
    assert (call.model, call.finish, call.requests, call.output[0].text) == (
        "m-1",
        "tool-calls",
        (REQUEST,),
        "One moment.",
    )
    assert call.usage == Usage(input_tokens=7, output_tokens=2)
    assert [(one.name, one.parameters) for one in call.offered_tools] == [("refund", {"type": "object"})]
    assert (reading.response_id, reading.session, reading.user, reading.missing) == ("r1", "s1", "ada", {})


def test_a_call_of_the_sdk_is_an_agent_and_the_rest_is_plumbing() -> None:
    reading = sdk(
        "ai.generateText",
        {
            "ai.telemetry.functionId": "billing",
            "ai.prompt": {"system": "Be kind.", "prompt": "Refund A-1002"},
            "ai.response.text": "Done.",
            "ai.usage.promptTokens": 9,
        },
    )
    assert (reading.kind, reading.agent, reading.heard) == ("agent", "billing", (SYSTEM, USER))
    assert (reading.said, reading.usage) == ((text_message("assistant", "Done."),), Usage(input_tokens=9))
    reading = sdk("ai.streamObject", {"ai.prompt": {"messages": PROMPT[1:2]}, "ai.response.object": '{"ok":true}'})
    assert (reading.heard, reading.said[0].text) == ((USER,), '{"ok":true}')
    for operation in ("ai.embed", "ai.embed.doEmbed", "ai.rerank"):
        assert sdk(operation, {}).kind == "plumbing"


def test_a_tool_of_the_sdk() -> None:
    held = {"ai.toolCall.name": "refund", "ai.toolCall.id": "c1", "ai.toolCall.args": '{"order":"A-1002"}'}
    tool = tool_of(sdk("ai.toolCall", {**held, "ai.toolCall.result": '"rf_1"'}))
    assert tool == ToolCall(name="refund", arguments={"order": "A-1002"}, result="rf_1", call_id="c1")
    tool = tool_of(sdk("ai.toolCall", held, status=FAILED, events=(thrown("gateway down"),)))
    assert (tool.error, tool.status, tool.result) == ("gateway down", "error", None)
    assert sdk("ai.toolCall", {"ai.toolCall.name": "refund"}).missing["arguments"].startswith("content_off")


def test_the_sdk_7_follows_the_convention_under_a_scope_of_its_own() -> None:
    tool = tool_of(
        read(
            vercel_ai,
            "gen_ai",
            "execute_tool refund",
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "refund",
                "gen_ai.tool.call.arguments": {},
                "gen_ai.tool.call.result": "42",
            },
        )
    )
    assert (tool.arguments, tool.result) == ({}, 42)
    said = {"role": "assistant", "parts": [{"type": "text", "content": "Done."}, {**WISH}]}
    held = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "billing",
        "gen_ai.output.messages": json.dumps([said]),
    }
    agent = read(vercel_ai, "gen_ai", "invoke_agent billing", {**held, "ai.settings.context.userId": "ada"})
    assert (agent.agent, agent.said, agent.user) == ("billing", (text_message("assistant", "Done."),), "ada")
    assert read(vercel_ai, "gen_ai", "step 1", {"gen_ai.operation.name": "agent_step"}).kind == "plumbing"


# --- LiteLLM


def lite(number: int, attributes: dict[str, Any], name: str = "litellm_request") -> Span:
    return Span(
        trace_id="a" * 32,
        span_id=f"{number:016x}",
        name=name,
        start_ns=2 * number,
        end_ns=2 * number + 1,
        scope={"name": "litellm"},
        attributes={
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "m",
            "llm.request.type": "completion",
            **attributes,
        },
    )


def test_litellm_flattens_requests_without_their_ids_and_repeats_them_with_them() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "refund", "arguments": '{"order": "A-1002"}'}}
    told = [
        {"role": "user", "parts": [{"type": "text", "content": "Refund A-1002"}]},
        {"role": "assistant", "parts": [{"type": "text", "content": ""}], "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "parts": [{"type": "text", "content": '{"id": "rf_1"}'}]},
    ]
    flat = {
        "gen_ai.input.messages": json.dumps(told[:1]),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": []}]),
        "gen_ai.completion.0.function_call.name": "refund",
        "gen_ai.completion.0.function_call.arguments": '{"order": "A-1002"}',
    }
    said = {"role": "assistant", "parts": [{"type": "text", "content": "Done."}]}
    spans = [
        lite(1, flat),
        lite(2, {"gen_ai.input.messages": json.dumps(told), "gen_ai.output.messages": json.dumps([said])}),
    ]
    reading = litellm.read(spans[0], [], [])
    assert reading is not None
    assert call_of(reading).requests == (ToolRequest(name="refund", arguments={"order": "A-1002"}),)
    (trajectory,) = assemble(spans)
    ((_, done),) = trajectory.of(ToolCall)
    assert (done.name, done.arguments, done.result) == ("refund", {"order": "A-1002"}, {"id": "rf_1"})
    raw = litellm.read(lite(3, {}, name="raw_gen_ai_request"), [], [])
    assert raw is not None
    assert raw.kind == "plumbing"
