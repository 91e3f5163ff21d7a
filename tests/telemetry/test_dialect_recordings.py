"""What recordings of real clients taught about single dialects, on spans cut down to the point."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agenteval.core.message import ToolRequest, ToolResponse
from agenteval.core.span import Span, SpanEvent, SpanStatus
from agenteval.core.trajectory import Handoff, ModelCall, ToolCall
from agenteval.telemetry.dialects import DIALECTS
from agenteval.telemetry.dialects.reading import Reading
from agenteval.telemetry.likeness import told_error

FAILED = SpanStatus(code=2, message="the catalogue is locked")


def read(scope: str, name: str, attributes: dict[str, Any], **more: Any) -> Reading:
    """What the first dialect that knows a span says; values that are no text or number as their JSON."""
    span = Span(
        trace_id="a" * 32,
        span_id="b" * 16,
        name=name,
        start_ns=1,
        end_ns=2,
        scope={"name": scope},
        attributes={key: value if isinstance(value, (str, int)) else json.dumps(value) for key, value in attributes.items()},
        **more,
    )  # fmt: skip
    found = [reading for dialect in DIALECTS if (reading := dialect.read(span, [], [])) is not None]
    assert found
    return found[0]


def model(reading: Reading) -> ModelCall:
    assert isinstance(reading.content, ModelCall)
    return reading.content


def tool(reading: Reading) -> ToolCall:
    assert isinstance(reading.content, ToolCall)
    return reading.content


# --- the AI SDK, beneath a processor that marks all that follows an error as one

CALL = {"ai.operationId": "ai.toolCall", "ai.toolCall.name": "look", "ai.toolCall.args": {"shed": 4}}


def test_a_call_that_was_answered_did_not_fail_whatever_its_status_says() -> None:
    answered = read("ai", "ai.toolCall", {**CALL, "ai.toolCall.result": {"ok": 1}}, status=FAILED)
    assert (tool(answered).error, tool(answered).status, tool(answered).result) == (None, "ok", {"ok": 1})
    said = {
        "ai.operationId": "ai.generateText.doGenerate",
        "ai.response.finishReason": "stop",
        "ai.response.text": "Yes.",
    }
    assert model(read("ai", "ai.generateText.doGenerate", said, status=FAILED)).error is None


def test_a_call_that_threw_or_was_not_answered_failed() -> None:
    thrown = SpanEvent(name="exception", at_ns=1, attributes={"exception.type": "E", "exception.message": "locked"})
    assert tool(read("ai", "ai.toolCall", CALL, status=FAILED)).error == "the catalogue is locked"
    answered = {**CALL, "ai.toolCall.result": "partly"}
    assert tool(read("ai", "ai.toolCall", answered, status=FAILED, events=[thrown])).status == "error"


# --- Logfire

SENT = {"request_data": {"model": "m"}, "gen_ai.request.model": "m", "gen_ai.response.model": "m"}
HEARD = [{"role": "user", "parts": [{"type": "text", "content": "Look."}]}]
WISH = {"type": "tool_call", "id": "c1", "name": "look", "arguments": {"shed": 4}}
SAID = [{"role": "assistant", "parts": [WISH]}]


def test_a_client_that_logfire_watches_has_its_messages_as_attributes() -> None:
    whole = {**SENT, "gen_ai.input.messages": HEARD, "gen_ai.output.messages": SAID, "gen_ai.usage.input_tokens": 9}
    call = model(read("logfire.openai", "Chat", {**whole, "gen_ai.tool.definitions": [{"name": "look"}]}))
    assert [message.text for message in call.messages] == ["Look."]
    assert call.requests == (ToolRequest(name="look", arguments={"shed": 4}, id="c1"),)
    assert [offered.name for offered in call.offered_tools] == ["look"]


def test_a_request_of_which_a_stream_tells_the_end_is_not_counted_twice() -> None:
    assert read("logfire.anthropic", "Message", {**SENT, "gen_ai.input.messages": HEARD}).kind == "plumbing"
    assert read("logfire.anthropic", "Message", SENT, status=FAILED).kind == "model"


def test_arguments_that_logfire_wrapped_are_bare() -> None:
    function = {"name": "look", "arguments": json.dumps({"input": {"shed": 4}})}
    answer = {"message": {"role": "assistant", "tool_calls": [{"function": function}]}}
    held = {"request_data": {"model": "m", "messages": []}, "response_data": answer}
    assert [one.arguments for one in model(read("logfire.anthropic", "Message", held)).requests] == [{"shed": 4}]


AGENTS = "logfire.openai_agents"


def test_openais_agents_by_logfire() -> None:
    asked = {"input": [{"role": "user", "content": "Look."}], "gen_ai.request.model": "m"}
    function = {"name": "look", "arguments": '{"shed": 4}'}
    wish = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": function}],
    }
    usage = {"input_tokens": 9, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 4}}
    call = model(read(AGENTS, "Chat completion with 'm'", {**asked, "output": [wish], "usage": usage}))
    assert call.requests == (ToolRequest(name="look", arguments={"shed": 4}, id="c1"),)
    assert call.usage is not None
    assert (call.usage.input_tokens, call.usage.output_tokens, call.usage.cached_tokens) == (9, 2, 4)

    item = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"shed": 4}'}
    answered = {"raw_input": asked["input"], "response": {"id": "r", "object": "response", "output": [item]}}
    assert model(read(AGENTS, "Responses API with 'm'", answered)).requests == call.requests

    done = tool(read(AGENTS, "Function: look", {"name": "look", "input": {"shed": 4}, "output": "a ladder"}))
    assert (done.name, done.arguments, done.result) == ("look", {"shed": 4}, "a ladder")
    given_up = {"name": "look", "input": {}, "output": "Sorry.", "error": {"message": "non-fatal", "data": {}}}
    assert tool(read(AGENTS, "Function: look", given_up, status=SpanStatus(code=2))).error == "non-fatal"
    handoff = read(AGENTS, "Handoff: desk → clerk", {"from_agent": "desk", "to_agent": "clerk"})
    assert handoff.content == Handoff(target="clerk")
    assert read(AGENTS, "Agent run: 'desk'", {"name": "desk"}).agent == "desk"
    trace = read(AGENTS, "OpenAI Agents trace: ask", {"name": "ask", "group_id": "s-1"})
    assert (trace.kind, trace.session) == ("plumbing", "s-1")


# --- pydantic-ai: a tool's error that only the next request tells of


def test_a_request_to_try_again_is_an_error() -> None:
    assert told_error("the shed is locked\n\nFix the errors and try again.") == "the shed is locked"
    assert told_error("Fix the errors and try again.") == "error"
    assert told_error("Try again later.") is None


# --- Semantic Kernel


def test_a_plugins_function_goes_by_its_own_name() -> None:
    scope = "semantic_kernel.functions.kernel_function"
    held = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "sheds-look_into"}
    call = tool(read(scope, "execute_tool sheds-look_into", {**held, "gen_ai.tool.call.arguments": {"shed": 4}}))
    assert (call.name, call.arguments) == ("look_into", {"shed": 4})
    chat = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 9}
    ended = read(scope, "chat m", {**chat, "gen_ai.response.finish_reason": "FinishReason.TOOL_CALLS"})
    assert model(ended).finish == "tool_calls"
    assert read(scope, "AutoFunctionInvocationLoop", {}).kind == "plumbing"


# --- Gemini

RESPONSES = [
    {"type": "tool_call_response", "id": "look_0", "response": {"result": ["a ladder"]}},
    {"type": "tool_call_response", "id": "open_1", "response": {"output": "ajar"}},
]
WISHES = [{**WISH, "id": "look_0"}, {**WISH, "name": "open", "id": "open_1"}]


@pytest.mark.parametrize("provider", ["gemini", "gcp.vertex_ai", "vertex_ai"])
def test_ids_that_are_a_name_and_a_place_are_none(provider: str) -> None:
    heard = [*HEARD, {"role": "assistant", "parts": WISHES}, {"role": "user", "parts": RESPONSES}]
    held = {"gen_ai.operation.name": "generate_content", "gen_ai.request.model": "m", "gen_ai.provider.name": provider}
    call = model(
        read("x", "generate_content m", {**held, "gen_ai.input.messages": heard, "gen_ai.output.messages": SAID})
    )
    assert [request.id for request in call.messages[1].requests] == [None, None]
    assert call.messages[2].parts == (ToolResponse(response=["a ladder"]), ToolResponse(response="ajar"))
    assert [request.id for request in call.requests] == ["c1"]


def test_ids_of_other_providers_are_ids() -> None:
    held = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.provider.name": "openai"}
    said = [{"role": "assistant", "parts": WISHES}]
    call = model(read("x", "chat m", {**held, "gen_ai.input.messages": HEARD, "gen_ai.output.messages": said}))
    assert [request.id for request in call.requests] == ["look_0", "open_1"]


@pytest.mark.parametrize(("provider", "written"), [("gcp.gen_ai", 11), ("Google", 11), ("openai", 7)])
@pytest.mark.parametrize("mark", [{}, {"traceloop.workflow.name": "w"}], ids=["convention", "openllmetry"])
def test_thoughts_that_only_the_total_holds_are_written_tokens(
    provider: str, written: int, mark: dict[str, str]
) -> None:
    counts = {"gen_ai.usage.input_tokens": 121, "gen_ai.usage.output_tokens": 7, "gen_ai.usage.total_tokens": 132}
    about = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.provider.name": provider}
    usage = model(read("x", "chat m", {**about, **counts, **mark})).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (121, written)


def test_a_part_of_geminis_is_the_member_that_is_filled() -> None:
    empty = {"video_metadata": None, "function_call": None, "function_response": None, "text": None}
    wish = {**empty, "function_call": {"id": None, "name": "look", "args": {"shed": 4}}}
    held = {"gen_ai.operation.name": "generate_content", "gen_ai.request.model": "m"}
    said = {"role": "model", "parts": [wish, {**empty, "text": "Looking."}]}
    call = model(read("x", "generate_content m", {**held, "gen_ai.output.messages": [said]}))
    assert call.requests == (ToolRequest(name="look", arguments={"shed": 4}, id=None),)
    assert call.output[0].text == "Looking."


def test_adks_own_counts_come_before_those_it_sums_up_wrongly() -> None:
    counts = {"prompt_token_count": 90, "candidates_token_count": 9, "total_token_count": 99}
    content = {"role": "model", "parts": [{"text": "Yes."}]}
    held = {
        "gen_ai.system": "gcp.vertex.agent",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 90,
        "gen_ai.usage.output_tokens": 99,
        "gcp.vertex.agent.llm_response": {"content": content, "usage_metadata": counts},
    }
    usage = model(read("gcp.vertex.agent", "call_llm", held)).usage
    assert usage is not None
    assert usage.output_tokens == 9


# --- Strands: what a user asked a swarm, before the agents' own prompts


@pytest.mark.parametrize("operation", ["invoke_swarm", "invoke_graph"])
def test_a_swarm_heard_what_the_user_said(operation: str) -> None:
    asked = SpanEvent(name="gen_ai.user.message", at_ns=1, attributes={"content": "Look into shed 4."})
    reading = read("strands.telemetry.tracer", operation, {"gen_ai.operation.name": operation}, events=[asked])
    assert (reading.kind, [message.text for message in reading.heard]) == ("agent", ["Look into shed 4."])
    assert read("strands.telemetry.tracer", operation, {"gen_ai.operation.name": operation}).kind == "plumbing"


# --- OpenLLMetry of earlier years


def test_the_oldest_openllmetry() -> None:
    held = {
        "llm.request.type": "chat",
        "llm.request.model": "m",
        "llm.prompts.0.role": "user",
        "llm.prompts.0.content": "Look.",
        "llm.completions.0.finish_reason": "tool_calls",
        "llm.completions.0.role": "assistant",
        "llm.completions.0.function_call.name": "look",
        "llm.completions.0.function_call.arguments": '{"shed": 4}',
        "llm.usage.prompt_tokens": 9,
        "llm.usage.completion_tokens": 2,
    }
    call = model(read("x", "openai.chat", held))
    assert [message.text for message in call.messages] == ["Look."]
    assert call.requests == (ToolRequest(name="look", arguments={"shed": 4}, id=None),)


def test_langchains_answers_whose_role_openllmetry_did_not_know() -> None:
    held = {
        "llm.request.type": "chat",
        "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": "Look.",
        "gen_ai.prompt.1.role": "unknown",
        "gen_ai.prompt.1.content": '"a ladder"',
        "gen_ai.completion.0.role": "unknown",
        "gen_ai.completion.0.content": '""',
        "gen_ai.completion.0.tool_calls.0.id": "c1",
        "gen_ai.completion.0.tool_calls.0.name": "look",
        "gen_ai.completion.0.tool_calls.0.arguments": '{"shed": 5}',
    }
    call = model(read("x", "ChatOpenAI.chat", held))
    assert [(message.role, message.parts) for message in call.messages[1:]] == [
        ("tool", (ToolResponse(response="a ladder"),))
    ]
    assert [message.parts for message in call.output] == [(ToolRequest(name="look", arguments={"shed": 5}, id="c1"),)]


def test_a_session_that_langchains_callbacks_were_given() -> None:
    given = {"inputs": {}, "tags": [], "metadata": {"thread_id": "s-1", "user_id": "u-1"}}
    held = {"traceloop.span.kind": "workflow", "traceloop.entity.name": "desk", "traceloop.entity.input": given}
    reading = read("x", "desk.workflow", held)
    assert (reading.session, reading.user) == ("s-1", "u-1")
    named = read("x", "desk.workflow", {**held, "traceloop.association.properties.session_id": "s-2"})
    assert named.session == "s-2"


@pytest.mark.parametrize("prefix", ["gen_ai.usage.", "llm.usage."])
def test_nothing_read_and_nothing_written_was_not_measured(prefix: str) -> None:
    about = {"llm.request.type": "chat", "gen_ai.request.model": "m", "gen_ai.prompt.0.role": "user"}
    reading = read("x", "anthropic.chat", {**about, f"{prefix}prompt_tokens": 0, f"{prefix}completion_tokens": 0})
    assert model(reading).usage is None
    assert "usage" in reading.missing
    half = read("x", "anthropic.chat", {**about, f"{prefix}prompt_tokens": 9, f"{prefix}completion_tokens": 0})
    assert model(half).usage is not None


def test_answers_whose_ids_are_another_kind_of_id_are_no_new_talk() -> None:
    wishes = {"role": "assistant", "parts": [{**WISH, "id": "fc_1"}]}
    answer = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_1", "response": "a ladder"}]}
    held = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    assert not read("x", "chat m", {**held, "gen_ai.input.messages": [*HEARD, wishes, answer]}).delta
    assert read("x", "chat m", {**held, "gen_ai.input.messages": [answer]}).delta


# --- Bedrock

BLOCKS = [
    {"role": "user", "content": [{"text": "Look."}]},
    {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t1", "name": "look", "input": {"shed": 4}}}]},
    {"role": "user", "content": [{"toolResult": {"toolUseId": "t1", "content": [{"json": {"thing": "ladder"}}]}}]},
    {
        "role": "user",
        "content": [{"toolResult": {"toolUseId": "t2", "content": [{"text": "shut"}], "status": "error"}}],
    },
]


def test_bedrocks_blocks_in_openllmetrys_prompts() -> None:
    held: dict[str, Any] = {"llm.request.type": "chat", "gen_ai.system": "AWS", "gen_ai.request.model": "m"}
    for number, message in enumerate(BLOCKS):
        held |= {f"gen_ai.prompt.{number}.role": message["role"], f"gen_ai.prompt.{number}.content": message["content"]}
    heard = model(read("x", "bedrock.converse", held)).messages
    assert [message.parts for message in heard[1:]] == [
        (ToolRequest(name="look", arguments={"shed": 4}, id="t1"),),
        (ToolResponse(response={"thing": "ladder"}, id="t1"),),
        (ToolResponse(response={"is_error": True, "content": "shut"}, id="t2"),),
    ]
    assert heard[0].text == "Look."
    assert [message.role for message in heard] == ["user", "assistant", "tool", "tool"]


@pytest.mark.parametrize("written", [[{"json": {"thing": "ladder"}}], '[{"json": {"thing": "ladder"}}]'])
def test_bedrocks_answers_in_the_convention(written: object) -> None:
    part = {"type": "tool_call_response", "id": "t1", "response": written}
    held = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    heard = model(read("x", "chat m", {**held, "gen_ai.input.messages": [{"role": "tool", "parts": [part]}]})).messages
    assert heard[0].parts == (ToolResponse(response={"thing": "ladder"}, id="t1"),)


@pytest.mark.parametrize(("provider", "expected"), [("aws.bedrock", 152), ("openai", 120)])
@pytest.mark.parametrize("mark", [{}, {"traceloop.workflow.name": "w"}], ids=["convention", "openllmetry"])
def test_bedrock_counts_cached_tokens_beside_the_input(provider: str, expected: int, mark: dict[str, str]) -> None:
    counts = {"input_tokens": 120, "output_tokens": 13, "total_tokens": 133, "cache_read.input_tokens": 32}
    about = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.provider.name": provider, **mark}
    usage = model(read("x", "chat m", {**about, **{f"gen_ai.usage.{name}": n for name, n in counts.items()}})).usage
    assert usage is not None
    assert (usage.input_tokens, usage.cached_tokens) == (expected, 32)


# --- Logfire 3 on the Responses API

TOLD = [
    {"event.name": "gen_ai.user.message", "content": "Look.", "role": "user"},
    {"event.name": "gen_ai.assistant.message", "content": "Looking.", "role": "assistant"},
    {
        "event.name": "gen_ai.assistant.message",
        "role": "assistant",
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"shed": 4}'}}],
    },
]


def test_logfires_list_of_events_ends_with_the_answer_unless_that_was_streamed() -> None:
    held = {"gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 9, "gen_ai.usage.output_tokens": 2}
    call = model(read("logfire.openai", "Responses API with 'm'", {**held, "events": TOLD}))
    assert [message.text for message in call.messages] == ["Look."]
    assert [message.text for message in call.output] == ["Looking."]
    assert call.requests == (ToolRequest(name="look", arguments={"shed": 4}, id="c1"),)
    streamed = read("logfire.openai", "Responses API with 'm'", {"gen_ai.request.model": "m", "events": TOLD[:1]})
    assert model(streamed).output == ()
    assert {"output", "usage"} <= streamed.missing.keys()


# --- LlamaIndex by OpenLLMetry: model calls and tools are tasks

LLAMA = {"traceloop.span.kind": "task", "traceloop.entity.name": "BaseWorkflowAgent.task"}


def test_tasks_of_llamaindex_that_ask_a_model_or_call_a_tool() -> None:
    made = {"tool_name": "look", "raw_input": {"args": [], "kwargs": {"shed": 4}}, "raw_output": {"thing": "ladder"}}
    inner = tool(read("x", "FunctionTool.task", {**LLAMA, "traceloop.entity.output": {**made, "is_error": False}}))
    assert (inner.name, inner.arguments, inner.result) == ("look", {"shed": 4}, {"thing": "ladder"})
    outer = {"tool_name": "look", "tool_kwargs": {"shed": 4}, "tool_id": "c1"}
    failed = {**outer, "tool_output": {**made, "raw_output": "locked", "is_error": True}}
    call = tool(read("x", "BaseWorkflowAgent.task", {**LLAMA, "traceloop.entity.output": failed}))
    assert (call.call_id, call.arguments, call.error) == ("c1", {"shed": 4}, "locked")
    assert read("x", "BaseWorkflowAgent.task", {**LLAMA, "traceloop.entity.output": outer}).kind == "plumbing"

    function = {"name": "look", "arguments": '{"shed": 4}'}
    wish = {
        "role": "assistant",
        "additional_kwargs": {"tool_calls": [{"id": "c1", "type": "function", "function": function}]},
    }
    asked = {
        **LLAMA,
        "gen_ai.operation.name": "chat",
        "gen_ai.input.messages": HEARD,
        "gen_ai.output.messages": [{"role": "assistant", "parts": []}],
        "traceloop.entity.output": {"message": wish},
    }
    said = model(read("x", "OpenAILike.task", asked))
    assert said.requests == (ToolRequest(name="look", arguments={"shed": 4}, id="c1"),)
