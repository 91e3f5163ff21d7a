"""OpenInference spans: flattened messages, arguments and results in every form, errors, agents, pseudo tools."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agenteval.core.message import MediaPart, Message, ReasoningPart, TextPart, ToolRequest, ToolResponse, text_message
from agenteval.core.span import Span, SpanEvent, SpanStatus
from agenteval.core.trajectory import Handoff, ModelCall, OfferedTool, ToolCall, Usage
from agenteval.telemetry.dialects import openinference
from agenteval.telemetry.dialects.reading import Reading

OK, FAILED = SpanStatus(code=1), SpanStatus(code=2, message="boom")


def read(name: str, kind: str | None, attributes: dict[str, Any], **values: Any) -> Reading:
    kinds = {} if kind is None else {"openinference.span.kind": kind}
    defaults: dict[str, Any] = {"status": OK, "end_ns": 5, "scope": {"name": "openinference.instrumentation.x"}}
    span = Span(
        trace_id="a" * 32,
        span_id="b" * 16,
        name=name,
        start_ns=1,
        attributes={**kinds, **attributes},
        **{**defaults, **values},
    )
    reading = openinference.read(span, (), ())
    assert reading is not None
    return reading


def exception(message: str, kind: str = "ValueError") -> SpanEvent:
    return SpanEvent(name="exception", at_ns=2, attributes={"exception.type": kind, "exception.message": message})


def model(attributes: dict[str, Any], **values: Any) -> tuple[ModelCall, Reading]:
    reading = read("ChatCompletion", "LLM", attributes, **values)
    assert reading.kind == "model"
    assert isinstance(reading.content, ModelCall)
    return reading.content, reading


def tool(attributes: dict[str, Any], name: str = "look", **values: Any) -> tuple[ToolCall, Reading]:
    reading = read(name, "TOOL", attributes, **values)
    assert reading.kind == "tool"
    assert isinstance(reading.content, ToolCall)
    return reading.content, reading


SAID = {
    "llm.model_name": "m-1",
    "llm.input_messages.0.message.role": "user",
    "llm.input_messages.0.message.content": "Hi",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.content": "Hello",
    "llm.token_count.prompt": 10,
    "llm.token_count.completion": 2,
}


def test_other_spans_are_not_ours() -> None:
    assert openinference.read(Span(trace_id="a" * 32, span_id="b" * 16, name="x", start_ns=1, end_ns=2), (), ()) is None


def test_a_model_call() -> None:
    call = "llm.output_messages.0.message.tool_calls.0.tool_call."
    schema = {
        "type": "function",
        "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}},
    }
    content, reading = model(
        {
            "llm.model_name": "m-1-2026",
            "llm.input_messages.0.message.role": "system",
            "llm.input_messages.0.message.content": "Be kind.",
            "llm.input_messages.1.message.role": "user",
            "llm.input_messages.1.message.contents.0.message_content.type": "text",
            "llm.input_messages.1.message.contents.0.message_content.text": "What is this?",
            "llm.input_messages.1.message.contents.1.message_content.type": "image",
            "llm.input_messages.1.message.contents.1.message_content.image.image.url": "https://x/y.png",
            "llm.input_messages.2.message.role": "assistant",
            "llm.input_messages.2.message.tool_calls.0.tool_call.id": "c0",
            "llm.input_messages.2.message.tool_calls.0.tool_call.function.name": "look",
            "llm.input_messages.2.message.tool_calls.0.tool_call.function.arguments": "{'a': 0}",
            "llm.input_messages.3.message.role": "tool",
            "llm.input_messages.3.message.tool_call_id": "c0",
            "llm.input_messages.3.message.content": '{"ok": true}',
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.contents.0.message_content.type": "reasoning",
            "llm.output_messages.0.message.contents.0.message_content.text": "Hm.",
            "llm.output_messages.0.message.contents.1.message_content.type": "text",
            "llm.output_messages.0.message.contents.1.message_content.text": "One moment.",
            "llm.output_messages.0.message.content": "One moment.",
            call + "id": "c1",
            call + "function.name": "look",
            call + "function.arguments": '{"a": 1}',
            "llm.tools.0.tool.json_schema": json.dumps(schema),
            "llm.token_count.prompt": 174,
            "llm.token_count.completion": 17,
            "llm.token_count.prompt_details.cache_read": 64,
            "llm.token_count.prompt_details.cache_write": 3,
            "llm.token_count.completion_details.reasoning": 5,
            "llm.cost.total": 0.5,
            "llm.finish_reason": "tool_calls",
            "output.value": '{"id": "chatcmpl-1", "model": "m-1", "choices": []}',
            "session.id": "s-1",
            "user.id": "u-1",
        }
    )
    wish = ToolRequest(name="look", arguments={"a": 1}, id="c1")
    assert content == ModelCall(
        model="m-1-2026",
        messages=(
            text_message("system", "Be kind."),
            Message(
                role="user", parts=(TextPart(text="What is this?"), MediaPart(type="image", uri="https://x/y.png"))
            ),
            Message(role="assistant", parts=(ToolRequest(name="look", arguments={"a": 0}, id="c0"),)),
            Message(role="tool", parts=(ToolResponse(response={"ok": True}, id="c0"),)),
        ),
        offered_tools=(OfferedTool(name="look", description="Looks.", parameters={"type": "object"}),),
        output=(Message(role="assistant", parts=(ReasoningPart(text="Hm."), TextPart(text="One moment."), wish)),),
        requests=(wish,),
        usage=Usage(
            input_tokens=174, output_tokens=17, cached_tokens=64, cache_write_tokens=3, reasoning_tokens=5, cost_usd=0.5
        ),
        finish="tool_calls",
    )
    assert (reading.response_id, reading.session, reading.user, reading.missing) == ("chatcmpl-1", "s-1", "u-1", {})
    assert call + "function.name" in reading.understood


def test_a_call_that_is_listed_twice_in_one_message_is_one_request() -> None:
    message = "llm.output_messages.0.message."
    listed = {
        message + "role": "assistant",
        message + "contents.0.message_content.type": "text",
        message + "contents.0.message_content.text": "Looking.",
    }
    for prefix in (message + "contents.1.message_content.", message + "contents.1.", message + "tool_calls.0."):
        listed |= {
            prefix + "tool_call.id": "toolu_1",
            prefix + "tool_call.function.name": "look",
            prefix + "tool_call.function.arguments": '{"a": 1}',
        }
    content, _ = model({**SAID, **listed})
    assert content.requests == (ToolRequest(name="look", arguments={"a": 1}, id="toolu_1"),)
    assert [type(part) for part in content.output[0].parts] == [TextPart, ToolRequest]


def test_two_equal_requests_without_ids_stay_two() -> None:
    prefix = "llm.output_messages.0.message.tool_calls."
    twice = {
        f"{prefix}{number}.tool_call.function.{key}": value
        for number in (0, 1)
        for key, value in (("name", "look"), ("arguments", "{}"))
    }
    content, _ = model({**SAID, **twice})
    assert len(content.requests) == 2


def test_evicted_attributes_leave_what_can_be_told_and_say_so() -> None:
    content, reading = model(
        {
            "llm.input_messages.6.message.content": "whose words?",
            "llm.input_messages.7.message.tool_calls.0.tool_call.id": "c7",
            "llm.input_messages.7.message.tool_calls.0.tool_call.function.name": "look",
            "llm.input_messages.7.message.tool_calls.0.tool_call.function.arguments": "{}",
            "llm.input_messages.9.message.role": "tool",
            "llm.input_messages.9.message.tool_call_id": "c7",
            "llm.input_messages.9.message.content": "ok",
            "llm.input_messages.10.message.role": "tool",
            "llm.input_messages.10.message.tool_call_id": "c8",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": "Hello",
            "llm.token_count.prompt": 10,
            "llm.token_count.completion": 2,
            "llm.invocation_parameters": '{"model": "m-1"}',
        },
        dropped_attributes=7,
    )
    assert content.model == "m-1"
    assert content.messages == (
        Message(role="assistant", parts=(ToolRequest(name="look", arguments={}, id="c7"),)),
        Message(role="tool", parts=(ToolResponse(response="ok", id="c7"),)),
    )
    assert reading.missing == {"messages": "evicted: the sender dropped 7 attributes of this span"}


def test_a_message_that_was_left_out_without_a_word_is_missed() -> None:
    later = {"llm.input_messages.2.message.role": "tool", "llm.input_messages.2.message.content": "ok"}
    content, reading = model({**SAID, **later})
    assert len(content.messages) == 2
    assert reading.missing == {"messages": "not_sent: the span does not carry it"}


def test_of_a_request_whose_arguments_were_evicted_they_are_unknown() -> None:
    wish = {"llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "look"}
    content, _ = model({**SAID, **wish}, dropped_attributes=1)
    assert content.requests == (ToolRequest(name="look", arguments=None),)
    content, _ = model({**SAID, **wish})
    assert content.requests == (ToolRequest(name="look", arguments={}),)


def test_a_span_that_lost_its_kind_is_told_by_what_is_left() -> None:
    assert read("x", None, SAID, dropped_attributes=3).kind == "model"
    assert read("x", None, {"tool.name": "look", "output.value": "ok"}, dropped_attributes=3).kind == "tool"
    assert read("x", None, {}).kind == "plumbing"


def test_content_that_is_off_or_redacted_is_missing_with_the_reason() -> None:
    _, reading = model({"llm.model_name": "m", "llm.token_count.prompt": 1, "llm.token_count.completion": 1})
    assert {name: why.split(":")[0] for name, why in reading.missing.items()} == {
        "messages": "content_off",
        "output": "content_off",
    }
    hidden = {"input.value": "__REDACTED__", "output.value": "__REDACTED__", "llm.model_name": "m"}
    _, reading = model({**hidden, "llm.token_count.prompt": 1})
    assert {name: why.split(":")[0] for name, why in reading.missing.items()} == {
        "messages": "redacted",
        "output": "redacted",
    }
    content, reading = model({**SAID, "llm.input_messages.0.message.content": "__REDACTED__"})
    assert (content.messages, reading.missing["messages"].split(":")[0]) == ((), "redacted")
    _, reading = tool({"tool.name": "look", "input.value": "__REDACTED__", "output.value": "__REDACTED__"})
    assert {name: why.split(":")[0] for name, why in reading.missing.items()} == {
        "arguments": "redacted",
        "result": "redacted",
    }
    image = "llm.input_messages.0.message.contents.1.message_content."
    text = "llm.input_messages.0.message.contents.0.message_content."
    shown = {
        text + "type": "text",
        text + "text": "See",
        image + "type": "image",
        image + "image.image.url": "__REDACTED__",
    }
    content, reading = model({**SAID, **shown})
    assert content.messages[0].parts == (TextPart(text="See"), MediaPart(type="image", uri="redacted"))
    assert reading.missing == {"messages[0].parts[1]": "redacted: it was taken out before it was stored"}


def test_usage_that_only_the_answer_itself_tells() -> None:
    body = {
        "model": "m",
        "choices": [{"message": {"role": "assistant", "content": "x"}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 1},
    }
    attributes = {key: value for key, value in SAID.items() if "token_count" not in key}
    content, _ = model({**attributes, "output.value": json.dumps(body)})
    assert content.usage == Usage(input_tokens=9, output_tokens=1)
    _, reading = model(attributes)
    assert reading.missing == {"usage": "not_sent: the span does not carry it"}


def test_anthropic_counts_that_leave_the_cache_out_are_put_right() -> None:
    usage = {"input_tokens": 10, "output_tokens": 2, "cache_read_input_tokens": 64, "cache_creation_input_tokens": 0}
    body = {
        "id": "msg_1",
        "model": "m",
        "role": "assistant",
        "content": [{"type": "text", "text": "x"}],
        "usage": usage,
    }
    content, _ = model({**SAID, "output.value": json.dumps(body)})
    assert content.usage == Usage(input_tokens=74, output_tokens=2, cached_tokens=64, cache_write_tokens=0)
    content, _ = model({**SAID, "llm.token_count.prompt_details.cache_read": 64})
    assert content.usage == Usage(input_tokens=74, output_tokens=2, cached_tokens=64)


def test_a_request_that_failed() -> None:
    attributes = {"llm.system": "openai"}
    told = "Error getting response: {'error': 'Error code: 400 - too long'}"
    content, reading = model(attributes, status=SpanStatus(code=2, message=told))
    assert (content.error, content.usage, reading.missing) == ("Error code: 400 - too long", None, {})
    repeated = (exception("Error code: 400"), exception("wrapped: Error code: 400", "Wrapper"))
    content, _ = model({**SAID, "llm.output_messages.0.message.content": ""}, status=FAILED, events=repeated)
    assert (content.error, content.output) == ("Error code: 400", ())
    traced = "RuntimeError('no')Traceback (most recent call last):\n  File x"
    content, _ = model(attributes, status=SpanStatus(code=2, message=traced))
    assert content.error == "no"


def test_autogen_model_calls() -> None:
    answer = {
        "finish_reason": "function_calls",
        "content": [{"id": "c1", "name": "look", "arguments": "{}"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1},
    }
    content, _ = model(
        {
            "llm.input_messages.0.message.role": "developer",
            "llm.input_messages.0.message.content": "Be kind.",
            "llm.input_messages.1.message.role": "function",
            "llm.input_messages.1.function.0": '{"name": "look", "content": "ok", "call_id": "c0", "is_error": false}',
            "llm.input_messages.1.function.1": '{"name": "look", "content": "no", "call_id": "c9", "is_error": true}',
            "llm.tools.0.tool.name": "look",
            "llm.tools.0.tool.description": "Looks.",
            "llm.tools.0.tool.json_schema": '{"name": "look", "parameters": {"type": "object"}}',
            "output.value": json.dumps(answer),
        }
    )
    responses = (
        ToolResponse(response="ok", id="c0"),
        ToolResponse(response={"is_error": True, "content": "no"}, id="c9"),
    )
    assert content.messages == (text_message("system", "Be kind."), Message(role="tool", parts=responses))
    assert content.requests == (ToolRequest(name="look", arguments={}, id="c1"),)
    assert content.usage == Usage(input_tokens=3, output_tokens=1)
    assert content.offered_tools == (OfferedTool(name="look", description="Looks.", parameters={"type": "object"}),)


def test_completions_have_prompts_in_place_of_messages() -> None:
    old = {"llm.prompts.0.prompt.text": "Once", "llm.choices.0.completion.text": " upon", "llm.model_name": "m"}
    content, _ = model(old)
    assert (content.messages, content.output) == (
        (text_message("user", "Once"),),
        (text_message("assistant", " upon"),),
    )
    content, _ = model({"llm.prompts": ["Once"], "output.value": "upon"})
    assert (content.messages, content.output) == ((text_message("user", "Once"),), (text_message("assistant", "upon"),))


def test_llamaindex_making_a_request_ready_is_no_call() -> None:
    assert read("OpenAI._prepare_chat_with_tools", "LLM", {"output.value": "{}"}).kind == "plumbing"


TOOL_MESSAGE = {"content": '{"ok": true}', "tool_call_id": "c1", "status": "success", "name": "look"}


@pytest.mark.parametrize(
    "answer",
    [
        {"type": "tool", "data": TOOL_MESSAGE},
        {"type": "tool", **TOOL_MESSAGE},
        {
            "lc": 1,
            "type": "constructor",
            "id": ["langchain", "schema", "messages", "ToolMessage"],
            "kwargs": TOOL_MESSAGE,
        },
        {"update": {"messages": [{"type": "tool", **TOOL_MESSAGE}]}, "goto": []},
    ],
)
def test_a_langchain_tool_answers_with_a_message(answer: dict[str, Any]) -> None:
    content, reading = tool({"tool.name": "look", "input.value": '{"a": 1}', "output.value": json.dumps(answer)})
    assert content == ToolCall(name="look", arguments={"a": 1}, result={"ok": True}, call_id="c1")
    assert reading.missing == {}


def test_a_langchain_tool_that_handled_its_error() -> None:
    message = {"type": "tool", "data": {**TOOL_MESSAGE, "content": "Error: no such city", "status": "error"}}
    content, _ = tool({"tool.name": "look", "input.value": "Oslo", "output.value": json.dumps(message)})
    assert content == ToolCall(name="look", arguments="Oslo", error="Error: no such city", status="error", call_id="c1")


def test_parameters_are_the_schema_or_the_arguments() -> None:
    schema = '{"properties": {"city": {"type": "string"}}, "type": "object"}'
    content, _ = tool({"tool.name": "look", "tool.parameters": schema, "input.value": "Oslo", "output.value": "rain"})
    assert content == ToolCall(name="look", arguments={"city": "Oslo"}, result="rain")
    content, _ = tool({"tool.name": "look", "tool.parameters": '{"city": "Oslo"}', "output.value": "rain"})
    assert content == ToolCall(name="look", arguments={"city": "Oslo"}, result="rain")
    bound = '{"args": {"city": "Oslo"}, "cancellation_token": "<x>", "call_id": "c1"}'
    content, _ = tool(
        {"tool.name": "look", "tool.parameters": '{"city": "Oslo"}', "input.value": bound, "output.value": "x"}
    )
    assert content == ToolCall(name="look", arguments={"city": "Oslo"}, result="x", call_id="c1")
    _, reading = tool({"tool.name": "look", "tool.parameters": schema, "output.value": "rain"})
    assert reading.missing["arguments"].startswith("content_off: ")


def test_llamaindex_tools() -> None:
    output = {
        "tool_name": "look",
        "content": "rain",
        "raw_input": {"args": [], "kwargs": {}},
        "raw_output": "rain",
        "is_error": False,
    }
    attributes = {"tool.name": "look", "input.value": '{"kwargs": {"city": "Oslo"}}'}
    content, _ = tool({**attributes, "output.value": json.dumps(output)}, name="FunctionTool.acall")
    assert content == ToolCall(name="look", arguments={"city": "Oslo"}, result="rain")
    wrong = {**output, "is_error": True, "raw_output": "no such city"}
    content, _ = tool({**attributes, "output.value": json.dumps(wrong)})
    assert content == ToolCall(name="look", arguments={"city": "Oslo"}, error="no such city", status="error")


def test_a_function_response_of_google() -> None:
    output = '{"id": "x", "name": "look", "response": {"status": "error", "message": "no"}}'
    content, _ = tool({"tool.name": "look", "input.value": "{}", "output.value": output})
    assert content == ToolCall(name="look", arguments={}, result={"status": "error", "message": "no"})


def test_crewai_calls_its_tools_run() -> None:
    content, _ = tool({"input.value": "{}", "output.value": "'x'"}, name="look.run")
    assert content.name == "look"


def test_a_failed_tool_and_a_redacted_error() -> None:
    attributes = {"tool.name": "look", "input.value": "{}"}
    content, reading = tool(attributes, status=FAILED, events=(exception("no city"), exception("no city", "Outer")))
    assert content == ToolCall(name="look", arguments={}, error="no city", status="error")
    assert reading.missing == {}
    told = "Error running tool (non-fatal): {'tool_name': 'look', 'error': 'Tool execution failed. Error details are redacted.'}"
    content, reading = tool(
        {**attributes, "output.value": "An error occurred."}, status=SpanStatus(code=2, message=told)
    )
    assert (content.error, content.result) == ("Tool execution failed. Error details are redacted.", None)
    assert reading.missing["error"].startswith("redacted: ")


def test_stopping_for_an_answer_is_no_error() -> None:
    stopped = exception("(Interrupt(value='sure?'),)", "langgraph.errors.GraphInterrupt")
    content, reading = tool({"tool.name": "look", "input.value": "{}"}, status=FAILED, events=(stopped,))
    assert (content.error, content.status) == (None, "unknown")
    assert set(reading.missing) == {"result", "status"}


def test_a_tool_whose_end_is_not_told() -> None:
    content, reading = tool({"tool.name": "look", "input.value": "{}"}, status=SpanStatus())
    assert content.status == "unknown"
    assert {name: why.split(":")[0] for name, why in reading.missing.items()} == {
        "result": "content_off",
        "status": "not_sent",
    }
    content, reading = tool({"tool.name": "look", "input.value": "{}"}, status=SpanStatus(), end_ns=0)
    assert (content.status, reading.missing["result"]) == ("unknown", "not_sent: the span never ended")


def test_cut_arguments_keep_what_is_whole() -> None:
    content, reading = tool({"tool.name": "look", "input.value": '{"city": "Oslo", "why": "bec', "output.value": "ok"})
    assert content.arguments == {"city": "Oslo", "why": "bec"}
    assert reading.truncated == ("arguments",)


def test_pseudo_tools() -> None:
    handoff = read("handoff to billing agent", "TOOL", {})
    assert (handoff.kind, handoff.content) == ("tool", Handoff(target="billing agent"))
    answer = {"tool.name": "final_answer", "input.value": '{"args": [], "kwargs": {"answer": "42"}}'}
    assert read("FinalAnswerTool", "TOOL", answer).kind == "plumbing"


def test_agents() -> None:
    prompt = {"input.value": '{"task": "Hi", "stream": false}', "output.value": "Done", "llm.token_count.prompt": 9}
    reading = read("support.run", "AGENT", prompt)
    assert (reading.kind, reading.agent, reading.usage) == ("agent", "support", Usage(input_tokens=9))
    assert (reading.heard, reading.said) == ((text_message("user", "Hi"),), (text_message("assistant", "Done"),))
    reading = read("support", "AGENT", {"graph.node.id": "support"})
    assert (reading.kind, reading.agent, reading.heard) == ("agent", "support", ())
    assert read("Agent workflow", "AGENT", {}).kind == "plumbing"
    assert read("agent_run [greeter]", "AGENT", prompt).agent == "greeter"


def test_langchain_agents_are_told_from_their_nodes_and_hooks() -> None:
    def chain(name: str, kind: str, **metadata: str) -> Reading:
        said = {"input.value": '{"messages": [{"role": "user", "content": "Hi"}]}'}
        return read(name, kind, {**said, "metadata": json.dumps(metadata)})

    assert chain("support", "AGENT", lc_agent_name="support").kind == "agent"
    nested = chain("shipping", "CHAIN", lc_agent_name="shipping", langgraph_node="tools", thread_id="t", user_id="u")
    assert (nested.kind, nested.agent, nested.session, nested.user) == ("agent", "shipping", "t", "u")
    assert chain("LangGraph", "CHAIN").kind == "agent"
    assert chain("LangGraph", "CHAIN", langgraph_node="tools").kind == "plumbing"
    assert chain("agent", "AGENT", langgraph_node="agent").kind == "plumbing"
    assert chain("billing_agent", "AGENT", langgraph_node="billing_agent").kind == "agent"
    assert chain("Summary.before_agent", "AGENT", lc_agent_name="support").kind == "plumbing"
    assert chain("model", "CHAIN", lc_agent_name="support", langgraph_node="model").kind == "plumbing"


def test_crews_and_teams() -> None:
    tasks = json.dumps([{"description": "Refund it."}, {"description": "Then ship."}])
    output = json.dumps(
        {"raw": "All done.", "token_usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}}
    )
    crew = read("shop.kickoff", "CHAIN", {"crew_tasks": tasks, "output.value": output})
    assert (crew.kind, crew.agent, crew.usage) == ("agent", "shop", Usage(input_tokens=9, output_tokens=1))
    assert (crew.heard, crew.said) == ((text_message("user", "Refund it."),), (text_message("assistant", "All done."),))
    task = json.dumps({"description": "Refund it.", "raw": "Refunded.", "agent": "clerk"})
    work = read("Task._execute_core", "AGENT", {"input.value": "{}", "output.value": task})
    assert (work.agent, work.heard) == ("clerk", (text_message("user", "Refund it."),))
    team = read(
        "RoundRobinGroupChat.run_stream", "CHAIN", {"participant_names": ["a"], "input.value": '{"task": "Hi"}'}
    )
    assert (team.kind, team.agent, team.heard) == ("agent", "RoundRobinGroupChat", (text_message("user", "Hi"),))
