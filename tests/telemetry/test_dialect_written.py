"""What Python wrote as text in the place of data: LangChain's tool messages, the SDK's calls; nothing is evaluated."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenteval.core.message import Message, TextPart, ToolRequest, ToolResponse, text_message
from agenteval.core.span import Span
from agenteval.core.trajectory import ModelCall, ToolCall
from agenteval.telemetry.dialects import litellm, openinference
from agenteval.telemetry.dialects.answers import answer_of
from agenteval.telemetry.dialects.chat import messages_of
from agenteval.telemetry.dialects.langchain import tool_message
from agenteval.telemetry.dialects.reading import Dialect, Reading

LANGCHAIN = "openinference.instrumentation.langchain"


def read(
    dialect: Dialect, scope: str, name: str, attributes: dict[str, Any], children: tuple[Span, ...] = ()
) -> Reading:
    span = Span(
        trace_id="a" * 32,
        span_id="b" * 16,
        name=name,
        start_ns=1,
        end_ns=2,
        scope={"name": scope},
        attributes=attributes,
    )
    reading = dialect.read(span, children, ())
    assert reading is not None
    return reading


def tool(output: str, scope: str = LANGCHAIN) -> ToolCall:
    attributes = {"openinference.span.kind": "TOOL", "tool.name": "look", "input.value": "{}", "output.value": output}
    content = read(openinference, scope, "look", attributes).content
    assert isinstance(content, ToolCall)
    return content


def model(attributes: dict[str, Any], scope: str = LANGCHAIN) -> ModelCall:
    content = read(openinference, scope, "LM", {"openinference.span.kind": "LLM", **attributes}).content
    assert isinstance(content, ModelCall)
    return content


# --- tool messages


@given(content=st.text(), name=st.sampled_from(["look", "it's"]), failed=st.booleans())
def test_any_tool_message_as_python_writes_it_is_read_back(content: str, name: str, failed: bool) -> None:
    status = " status='error'" if failed else ""
    written = f"content={content!r} name={name!r} tool_call_id='call_1'{status}"
    message = {"type": "tool", "content": content, "tool_call_id": "call_1", "status": "error" if failed else "success"}
    assert tool_message(written) == message
    assert tool_message({"output": written}) == message


@given(st.text(alphabet="content='\\\" \ntool_call_id"))
def test_no_text_is_more_than_text(text: str) -> None:
    for written in (text, f"content={text}", f"content='{text}' tool_call_id='{text}'"):
        message = tool_message(written)
        assert message is None or isinstance(message["content"], str)


@pytest.mark.parametrize(
    "text",
    [
        "content='cut off name='look' tool_call",
        "content='no id' name='look'",
        "content='\\N{BULLET}' tool_call_id='call_1'",
        "content=[1] tool_call_id='call_1'",
        "the content='x' tool_call_id='call_1'",
    ],
)
def test_what_is_no_whole_tool_message_stays_text(text: str) -> None:
    assert tool_message(text) is None


def test_a_tool_of_an_earlier_langchain_answers_with_a_written_message_or_under_output() -> None:
    call = tool("""{"output": "content='{\\"days\\": 14}' name='look' tool_call_id='call_1'"}""")
    assert (call.result, call.call_id, call.error) == ({"days": 14}, "call_1", None)
    call = tool("content='it is locked' name='look' tool_call_id='call_1' status='error'")
    assert (call.result, call.call_id, call.error) == (None, "call_1", "it is locked")
    assert tool('{"output": {"days": 14}}').result == {"days": 14}
    assert tool('{"output": {"days": 14}}', "openinference.instrumentation.x").result == {"output": {"days": 14}}
    assert tool('{"output": {"days": 14}, "more": 1}').result == {"output": {"days": 14}, "more": 1}


def test_blocks_of_text_are_their_text() -> None:
    block = {"type": "text", "text": '{"days": 14}'}
    assert tool(json.dumps(block)).result == {"days": 14}
    assert tool(json.dumps([{**block, "annotations": None}])).result == {"days": 14}
    assert tool(json.dumps([block, block])).result == '{"days": 14}\n{"days": 14}'
    for other in ({"type": "text", "text": "x", "lang": "de"}, {"type": "image", "data": "x"}, {"type": "text"}):
        assert tool(json.dumps(other)).result == other
        assert tool(json.dumps([block, other])).result == [block, other]
    assert tool("[]").result == []


# --- the answers of DSPy's language models


def test_outputs_of_a_language_model_of_dspys() -> None:
    written = "ChatCompletionMessageToolCall(function=Function(arguments='{\"loan\": \"L-88\"}', name='renew'), id='call_1', type='function')"
    answer = answer_of([{"text": "Once more.", "tool_calls": [written]}])
    request = ToolRequest(name="renew", arguments={"loan": "L-88"}, id="call_1")
    assert answer.messages == (Message(role="assistant", parts=(TextPart(text="Once more."), request)),)
    assert answer_of(["Done."]).messages == (text_message("assistant", "Done."),)
    assert answer_of([{"text": None, "tool_calls": ["Function(" * 20_000]}]).messages == ()


def test_tools_of_dspy_are_called() -> None:
    attributes = {
        "openinference.span.kind": "TOOL",
        "input.value": '{"kwargs": {"loan": "L-88"}}',
        "output.value": "14",
    }
    content = read(openinference, "openinference.instrumentation.dspy", "renew.__call__", attributes).content
    assert isinstance(content, ToolCall)
    assert (content.name, content.arguments) == ("renew", {"loan": "L-88"})


# --- several answers in one message


def flat(*messages: dict[str, Any]) -> dict[str, Any]:
    return {
        f"llm.input_messages.{n}.message.{name}": value
        for n, held in enumerate(messages)
        for name, value in held.items()
    }


def test_of_several_answers_in_one_message_those_that_were_not_flattened_are_in_the_request() -> None:
    calls = "tool_calls.{}.tool_call.{}".format
    asking: dict[str, Any] = {"role": "assistant"}
    for n in range(2):
        asking |= {
            calls(n, "id"): f"c{n}",
            calls(n, "function.name"): "look",
            calls(n, "function.arguments"): f'{{"n": {n}}}',
        }
    last = {"role": "user", "tool_call_id": "c1", "content": "one"}
    results = [
        {"type": "tool_result", "tool_use_id": f"c{n}", "content": word} for n, word in enumerate(("zero", "one"))
    ]
    body = {
        "messages": [{"role": "assistant", "content": ["ToolUseBlock(id='c0')"]}, {"role": "user", "content": results}]
    }
    call = model({**flat(asking, last), "input.value": json.dumps(body)})
    answers = [part for message in call.messages for part in message.parts if isinstance(part, ToolResponse)]
    assert answers == [ToolResponse(response="zero", id="c0"), ToolResponse(response="one", id="c1")]
    nameless = {"role": "tool", "content": "one"}
    call = model({**flat(asking, nameless), "input.value": json.dumps(body)})
    assert [part for message in call.messages for part in message.parts if isinstance(part, ToolResponse)] == [
        ToolResponse(response="one")
    ]


# --- what Gemini's functions give


@pytest.mark.parametrize(
    ("response", "given_back"),
    [
        ({"result": [1]}, [1]),
        ({"output": "x"}, "x"),
        ({"error": "locked"}, {"error": "locked"}),
        ({"result": 1, "unit": "C"}, {"result": 1, "unit": "C"}),
    ],
)
def test_what_geminis_api_wants_around_a_value_is_taken_off(response: Any, given_back: Any) -> None:
    part = ToolResponse(response=given_back, id="c1")
    block = {"functionResponse": {"id": "c1", "name": "look", "response": response}}
    assert messages_of({"role": "user", "parts": [block]}) == (Message(role="tool", parts=(part,)),)
    heard = {"role": "tool", "tool_call_id": "c1", "content": json.dumps(response)}
    assert model({"llm.provider": "google", **flat(heard)}).messages == (Message(role="tool", parts=(part,)),)
    assert model({"llm.provider": "openai", **flat(heard)}).messages == (
        Message(role="tool", parts=(ToolResponse(response=response, id="c1"),)),
    )


# --- LiteLLM's raw requests


def test_what_litellm_sent_to_a_provider_and_got_back() -> None:
    answer = {
        "content": None,
        "role": "assistant",
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
    }
    attributes = {
        "llm.openai.messages": str([{"role": "user", "content": "it's “open”?"}]),
        "llm.openai.tools": str([{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]),
        "llm.openai.choices": str([{"finish_reason": "tool_calls", "index": 0, "message": answer}]),
        "llm.openai.id": "chatcmpl-1",
        "llm.openai.model": "m-1",
        "llm.openai.usage": str({"prompt_tokens": 90, "completion_tokens": 9, "total_tokens": 99}),
    }
    reading = read(litellm, "litellm", "raw_gen_ai_request", attributes)
    call = reading.content
    assert isinstance(call, ModelCall)
    assert (call.model, call.finish) == ("m-1", "tool_calls")
    assert call.messages == (text_message("user", "it's “open”?"),)
    assert call.requests == (ToolRequest(name="look", arguments={}, id="c1"),)
    assert [one.name for one in call.offered_tools] == ["look"]
    assert call.usage is not None
    assert (call.usage.input_tokens, call.usage.output_tokens) == (90, 9)
    blocks = [{"type": "text", "text": "Yes."}]
    anthropic = {
        "llm.anthropic.messages": str([{"role": "user", "content": "Open?"}]),
        "llm.anthropic.content": str(blocks),
        "llm.anthropic.role": "assistant",
        "llm.anthropic.usage": str({"input_tokens": 60, "cache_read_input_tokens": 30, "output_tokens": 9}),
    }
    call = read(litellm, "litellm", "raw_gen_ai_request", anthropic).content
    assert isinstance(call, ModelCall)
    assert call.output == (text_message("assistant", "Yes."),)
    assert call.usage is not None
    assert (call.usage.input_tokens, call.usage.cached_tokens) == (90, 30)
    assert read(litellm, "litellm", "raw_gen_ai_request", {"llm.openai.model": "m-1"}).kind == "plumbing"


# --- agents


def test_agents_of_llamaindex_are_named_by_the_events_of_their_steps() -> None:
    def step(name: str) -> Span:
        event = f"AgentInput(input=[ChatMessage(text='current_agent_name=nobody')], current_agent_name='{name}')"
        held = {"input.value": json.dumps({"ev": event})}
        return Span(trace_id="a" * 32, span_id="c" * 16, name="setup_agent", start_ns=1, end_ns=2, attributes=held)

    scope, kind = "openinference.instrumentation.llama_index", {"openinference.span.kind": "CHAIN"}
    assert read(openinference, scope, "FunctionAgent.run", kind, (step("desk"),)).agent == "desk"
    assert (
        read(openinference, scope, "AgentWorkflow.run", kind, (step("desk"), step("branch"))).agent == "AgentWorkflow"
    )
    assert read(openinference, scope, "RetrieverFlow.run", kind, (step("desk"),)).kind == "plumbing"


def test_a_crew_is_called_without_what_was_minted_for_it() -> None:
    attributes = {"openinference.span.kind": "CHAIN", "crew_tasks": "[]"}
    name = "Crew_29dbab57-1658-447e-8b67-2b124862ba98.kickoff"
    assert read(openinference, "openinference.instrumentation.crewai", name, attributes).agent == "Crew"


def test_an_agent_that_is_a_node_of_a_graph_is_one_and_a_node_of_its_own_is_not() -> None:
    def named(name: str, node: str, agent: str) -> Reading:
        metadata = json.dumps({"langgraph_node": node, "lc_agent_name": agent})
        return read(openinference, LANGCHAIN, name, {"openinference.span.kind": "CHAIN", "metadata": metadata})

    assert (named("desk", "desk", "desk").kind, named("desk", "desk", "desk").agent) == ("agent", "desk")
    assert named("model", "model", "desk").kind == "plumbing"
    assert named("model", "model", "model").kind == "plumbing"
