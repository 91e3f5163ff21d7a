"""How producers write arguments, results, messages, answers and token counts, and what they mean."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from agenteval.core.message import (
    MediaPart,
    Message,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolRequest,
    ToolResponse,
    text_message,
)
from agenteval.core.trajectory import OfferedTool, Usage
from agenteval.telemetry.dialects.answers import Answer, answer_of
from agenteval.telemetry.dialects.arguments import Unwrapped, literal, parsed, unwrapped
from agenteval.telemetry.dialects.chat import messages_of, offered_of, result_of
from agenteval.telemetry.dialects.langchain import tool_message
from agenteval.telemetry.dialects.smolagents import spoken_through
from agenteval.telemetry.dialects.tokens import usage_of
from agenteval.telemetry.dialects.told import heard_of, said_of

CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
TWO = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("written", "schema", "value"),
    [
        ('{"city": "Oslo", "days": 3}', None, {"city": "Oslo", "days": 3}),
        ({"city": "Oslo"}, None, {"city": "Oslo"}),
        ("Oslo", None, "Oslo"),
        ("Oslo", CITY, {"city": "Oslo"}),
        ("Oslo", TWO, "Oslo"),
        ("3", {"properties": {"days": {"type": "integer"}}}, {"days": 3}),
        ("3", {"properties": {"code": {"type": "string"}}}, {"code": "3"}),
        ("3", {"properties": {"days": {"type": ["integer", "null"]}}}, {"days": 3}),
        ("3", {"properties": {"days": {"type": [["x"]]}}}, {"days": "3"}),
        ("'" + "9" * 500, {"properties": {"days": {"type": "integer"}}}, {"days": "'" + "9" * 500}),
        ('{"args": [], "kwargs": {"city": "Oslo"}}', None, {"city": "Oslo"}),
        ('{"args": [], "sanitize_inputs_outputs": true, "kwargs": {"city": "Oslo"}}', None, {"city": "Oslo"}),
        ('{"args": ["Oslo"], "kwargs": {"days": 3}}', TWO, {"city": "Oslo", "days": 3}),
        ('{"args": ["Oslo"], "kwargs": {}}', {"city": {"type": "string", "description": "x"}}, {"city": "Oslo"}),
        ('{"args": ["Oslo"], "kwargs": {}}', None, "Oslo"),
        ('{"args": ["Oslo", 3], "kwargs": {}}', None, ["Oslo", 3]),
        ('{"args": [{"city": "Oslo"}], "kwargs": {}}', None, {"city": "Oslo"}),
        ('{"kwargs": {"city": "Oslo"}}', None, {"city": "Oslo"}),
        ('{"args": {"city": "Oslo"}, "cancellation_token": "<CancellationToken>"}', None, {"city": "Oslo"}),
        ('{"args": ["-la"]}', None, {"args": ["-la"]}),
        ('{"args": "x", "kwargs": "y"}', None, {"args": "x", "kwargs": "y"}),
        ('{"args": [], "kwargs": {}}', {"properties": {"args": {}, "kwargs": {}}}, {"args": [], "kwargs": {}}),
        ('{"name": "look", "args": {"city": "Oslo"}, "id": "c1", "type": "tool_call"}', None, {"city": "Oslo"}),
        ('{"input_str": "{\'city\': \'Oslo\'}", "inputs": {"city": "Oslo"}, "kwargs": {}}', None, {"city": "Oslo"}),
        ('{"input_str": "{\'city\': \'Oslo\'}", "inputs": null, "metadata": {}}', None, {"city": "Oslo"}),
        ("{'city': 'Oslo', 'raining': True, 'wind': None}", None, {"city": "Oslo", "raining": True, "wind": None}),
        ("{'at': (1, 2.5)}", None, {"at": [1, 2.5]}),
        (json.dumps(json.dumps({"city": "Oslo"})), None, {"city": "Oslo"}),
        ("{'at': datetime.datetime(2026, 1, 1)}", None, "{'at': datetime.datetime(2026, 1, 1)}"),
        ("{not json}", None, "{not json}"),
        ("", None, ""),
    ],
)
def test_arguments_are_unwrapped(written: Any, schema: Any, value: Any) -> None:
    assert unwrapped(written, schema) == Unwrapped(value)


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ('{"city": "Oslo", "days": 3, "why": "because of the', {"city": "Oslo", "days": 3, "why": "because of the"}),
        ('{"city": "Oslo", "da', {"city": "Oslo"}),
        ('[{"a": 1}, {"b"', [{"a": 1}, {}]),
        ('{"a": {"b": [1, 2', {"a": {"b": [1]}}),
    ],
)
def test_of_cut_json_what_is_whole_is_kept_and_marked(written: str, left: Any) -> None:
    read = parsed(written)
    assert read.cut
    # whether the last number was whole cannot be known; either reading of it is marked as cut
    assert read.value in (left, {"a": {"b": [1, 2]}})


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "{'a': __import__('os')}",
        "[" * 5000,
        "[" * 150 + "]" * 150,
        "{'a': '\\q'}",
        "{" + "'a': 1, " * 50_000 + "}",
        "{'a': 1j}",
        "{1.5: 2}",
        "{'a'}",
    ],
)
def test_python_text_that_is_no_plain_literal_stays_text(text: str) -> None:
    assert literal(text) == text


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('{"ok": true}', {"ok": True}),
        ("{'ok': True}", {"ok": True}),
        ('"in quotes"', "in quotes"),
        ('"{\\"ok\\": true}"', {"ok": True}),
        ("42", "42"),
        ("null", "null"),
        ('{"cut": "of', '{"cut": "of'),
        (None, None),
    ],
)
def test_results_are_what_their_text_says(written: Any, value: Any) -> None:
    assert result_of(written) == value


def test_openai_chat_messages() -> None:
    image = "data:image/png;base64,aGk="
    request = {
        "messages": [
            {"role": "developer", "content": "Be kind."},
            {
                "role": "user",
                "content": [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": image}}],
            },
            {
                "role": "assistant",
                "content": None,
                "refusal": "I will not.",
                "reasoning_content": "Hm.",
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "{'b': 2}"},
            {"role": "assistant", "content": "", "function_call": {"name": "old", "arguments": "not json"}},
            {"role": "nobody", "content": "?"},
            {"type": ["function_call"], "role": ["user"]},
            "text",
        ]
    }
    seen = MediaPart(type="image", uri=f"sha256:{hashlib.sha256(b'hi').hexdigest()}", mime_type="image/png")
    call = ToolRequest(name="look", arguments={"a": 1}, id="c1")
    assert messages_of(request) == (
        text_message("system", "Be kind."),
        Message(role="user", parts=(TextPart(text="See"), seen)),
        Message(role="assistant", parts=(ReasoningPart(text="Hm."), RefusalPart(text="I will not."), call)),
        Message(role="tool", parts=(ToolResponse(response={"b": 2}, id="c1"),)),
        Message(role="assistant", parts=(ToolRequest(name="old", arguments="not json"),)),
    )


def test_responses_items_and_anthropic_blocks_and_gemini_contents() -> None:
    assert messages_of(
        {
            "instructions": "Be kind.",
            "input": [
                {"role": "user", "content": "Hi"},
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
                {"type": "function_call", "call_id": "c1", "id": "fc_1", "name": "look", "arguments": '{"a": 1}'},
                {"type": "function_call_output", "call_id": "c1", "output": "ok"},
            ],
        }
    ) == (
        text_message("system", "Be kind."),
        text_message("user", "Hi"),
        Message(role="assistant", parts=(ReasoningPart(text="Hm."),)),
        Message(role="assistant", parts=(ToolRequest(name="look", arguments={"a": 1}, id="c1"),)),
        Message(role="tool", parts=(ToolResponse(response="ok", id="c1"),)),
    )
    assert messages_of(
        {
            "system": [{"type": "text", "text": "Be kind."}],
            "messages": [
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {"a": 1}}]},
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "t1",
                            "is_error": True,
                            "content": [{"type": "text", "text": "no"}],
                        }
                    ],
                },
            ],
        }
    ) == (
        text_message("system", "Be kind."),
        Message(role="assistant", parts=(ToolRequest(name="look", arguments={"a": 1}, id="t1"),)),
        Message(role="tool", parts=(ToolResponse(response={"is_error": True, "content": "no"}, id="t1"),)),
    )
    assert messages_of(
        [
            {
                "role": "model",
                "parts": [{"text": "Hm.", "thought": True}, {"function_call": {"name": "look", "args": {"a": 1}}}],
            },
            {"role": "user", "parts": [{"function_response": {"name": "look", "response": {"ok": True}}}]},
        ]
    ) == (
        Message(role="assistant", parts=(ReasoningPart(text="Hm."), ToolRequest(name="look", arguments={"a": 1}))),
        Message(role="tool", parts=(ToolResponse(response={"ok": True}),)),
    )


def constructor(kind: str, **fields: Any) -> dict[str, Any]:
    return {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", kind], "kwargs": fields}


def test_langchain_messages_in_all_three_forms() -> None:
    wanted = (
        text_message("system", "Be kind."),
        text_message("user", "Hi"),
        Message(role="assistant", parts=(ToolRequest(name="look", arguments={"a": 1}, id="c1"),)),
        Message(role="tool", parts=(ToolResponse(response={"ok": True}, id="c1"),)),
    )
    call = {"name": "look", "args": {"a": 1}, "id": "c1", "type": "tool_call"}
    fields: list[tuple[str, str, dict[str, Any]]] = [
        ("system", "SystemMessage", {"content": "Be kind."}),
        ("human", "HumanMessage", {"content": "Hi"}),
        ("ai", "AIMessage", {"content": "", "tool_calls": [call]}),
        ("tool", "ToolMessage", {"content": '{"ok": true}', "tool_call_id": "c1"}),
    ]
    assert messages_of({"messages": [[constructor(kind, **held) for _, kind, held in fields]]}) == wanted
    assert messages_of([{"type": kind, "data": held} for kind, _, held in fields]) == wanted
    assert messages_of([{"type": kind, **held} for kind, _, held in fields]) == wanted


def test_the_tool_message_in_a_command_is_found() -> None:
    message = {"type": "tool", "content": "ok", "tool_call_id": "c1"}
    assert tool_message({"update": {"messages": [message]}, "goto": "x"}) == message
    assert tool_message({"output": message, "kwargs": {}}) == message
    assert tool_message({"type": "human", "content": "ok"}) is None
    assert tool_message(["x", None]) is None


def test_offered_tools_of_every_provider() -> None:
    wanted = (OfferedTool(name="look", description="Looks.", parameters=CITY),)
    function = {"name": "look", "description": "Looks.", "parameters": CITY}
    for tools in (
        [{"type": "function", "function": function}],
        [{"type": "function", **function}],
        [{"name": "look", "description": "Looks.", "input_schema": CITY}],
        [{"toolSpec": {"name": "look", "description": "Looks.", "inputSchema": {"json": CITY}}}],
        [{"function_declarations": [function]}],
        [json.dumps({"type": "function", "function": function})],
        {"look": {"description": "Looks.", "inputSchema": CITY}},
        json.dumps([function]),
        [function, {"type": "web_search"}, None, 3],
    ):
        assert offered_of(tools) == wanted


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        (
            {
                "prompt_tokens": 174,
                "completion_tokens": 17,
                "total_tokens": 191,
                "prompt_tokens_details": {"cached_tokens": 64},
                "completion_tokens_details": {"reasoning_tokens": 5},
            },
            Usage(input_tokens=174, output_tokens=17, cached_tokens=64, reasoning_tokens=5),
        ),
        (
            {"input_tokens": 174, "output_tokens": 17, "input_tokens_details": {"cached_tokens": 64}},
            Usage(input_tokens=174, output_tokens=17, cached_tokens=64),
        ),
        (
            {
                "input_tokens": 10,
                "output_tokens": 17,
                "cache_read_input_tokens": 64,
                "cache_creation_input_tokens": 100,
            },
            Usage(input_tokens=174, output_tokens=17, cached_tokens=64, cache_write_tokens=100),
        ),
        (  # MLflow: Anthropic's names, but the total says that the cached ones are within
            {"input_tokens": 174, "output_tokens": 17, "total_tokens": 191, "cache_read_input_tokens": 64},
            Usage(input_tokens=174, output_tokens=17, cached_tokens=64),
        ),
        (  # … and where they cannot be within, whatever the total says
            {"input_tokens": 10, "output_tokens": 17, "total_tokens": 27, "cache_read_input_tokens": 64},
            Usage(input_tokens=74, output_tokens=17, cached_tokens=64),
        ),
        (  # LangChain's handler of Langfuse: each part is taken out
            {"input": 110, "output": 12, "total": 191, "input_cache_read": 64, "output_reasoning": 5, "input_audio": 0},
            Usage(input_tokens=174, output_tokens=17, cached_tokens=64, reasoning_tokens=5),
        ),
        (
            {"input": 174, "output": 17, "total": 191, "input_cache_read": 64},
            Usage(input_tokens=174, output_tokens=17, cached_tokens=64),
        ),
        (
            {"input": 110, "output": 17, "input_cached_tokens": 64},
            Usage(input_tokens=174, output_tokens=17, cached_tokens=64),
        ),
        (
            {"input": 0, "output": 17, "input_modality_TEXT": 110, "cached_modality_TEXT": 64},
            Usage(input_tokens=174, output_tokens=17, cached_tokens=64),
        ),
        (
            {
                "promptTokenCount": 174,
                "candidatesTokenCount": 12,
                "thoughtsTokenCount": 5,
                "cachedContentTokenCount": 64,
            },
            Usage(input_tokens=174, output_tokens=17, cached_tokens=64, reasoning_tokens=5),
        ),
        (
            {"input_tokens": 174, "output_tokens": 17, "input_token_details": {"cache_read": 64, "cache_creation": 3}},
            Usage(input_tokens=174, output_tokens=17, cached_tokens=64, cache_write_tokens=3),
        ),
        ({"input_tokens": "174", "output_tokens": 17.0}, Usage(input_tokens=174, output_tokens=17)),
        ({"input_tokens": -1, "output_tokens": True, "total_tokens": "x"}, None),
        ({"cost": 0.25}, Usage(cost_usd=0.25, unmeasured_calls=1)),
        ({}, None),
    ],
)
def test_cached_tokens_are_part_of_the_input(counts: dict[str, Any], usage: Usage | None) -> None:
    assert usage_of(counts) == usage


def test_answers_of_every_provider() -> None:
    said = (text_message("assistant", "Hi"),)
    usage = Usage(input_tokens=5, output_tokens=2)
    counts = {"input_tokens": 5, "output_tokens": 2}
    message = {"role": "assistant", "content": "Hi"}
    assert answer_of(
        {
            "id": "chatcmpl-1",
            "model": "m-1",
            "choices": [{"finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 2},
        }
    ) == Answer(messages=said, usage=usage, finish="stop", response_id="chatcmpl-1", model="m-1")
    assert answer_of(
        {
            "object": "response",
            "id": "resp_1",
            "model": "m-1",
            "status": "completed",
            "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}],
            "usage": counts,
        }
    ) == Answer(messages=said, usage=usage, finish="completed", response_id="resp_1", model="m-1")
    assert answer_of(
        {
            "type": "message",
            "id": "msg_1",
            "model": "m-1",
            "role": "assistant",
            "content": [{"type": "text", "text": "Hi"}],
            "stop_reason": "end_turn",
            "usage": counts,
        }
    ) == Answer(messages=said, usage=usage, finish="end_turn", response_id="msg_1", model="m-1")
    about = {"id": "chatcmpl-1", "model_name": "m-1", "finish_reason": "stop"}
    spoken = constructor("AIMessage", content="Hi", type="ai", response_metadata=about, usage_metadata=counts)
    assert answer_of({"generations": [[{"text": "Hi", "message": spoken}]], "llm_output": None}) == Answer(
        messages=said, usage=usage, finish="stop", response_id="chatcmpl-1", model="m-1"
    )
    assert answer_of({"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]}) == Answer(
        messages=said, finish="STOP"
    )
    assert answer_of(  # AutoGen
        {
            "finish_reason": "function_calls",
            "content": [{"id": "c1", "name": "look", "arguments": '{"a": 1}'}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 2},
        }
    ) == Answer(
        messages=(Message(role="assistant", parts=(ToolRequest(name="look", arguments={"a": 1}, id="c1"),)),),
        usage=usage,
        finish="function_calls",
    )
    assert answer_of(message) == Answer(messages=said)
    assert answer_of("Hi") == Answer(messages=said)
    assert answer_of({"id": "somebody"}) == Answer()
    assert answer_of(None) == answer_of(3) == answer_of({"generations": [None, 3, [None]]}) == Answer()


@pytest.mark.parametrize(
    "written",
    [
        "Hi there",
        '{"messages": [{"role": "user", "content": "Hi there"}]}',
        '{"messages": [{"type": "human", "data": {"content": "Hi there"}}]}',
        '{"task": "Hi there", "max_steps": null, "images": null}',
        '{"args": ["Hi there"], "kwargs": {}}',
        '{"args": [], "kwargs": {"question": "Hi there", "limit": "x"}}',
        '{"inputs": {"messages": [{"role": "user", "content": "Hi there"}]}, "tags": ["x"]}',
        '{"messages": [{"source": "user", "content": "Hi there", "type": "TextMessage"}], "cancellation_token": "<x>"}',
        '{"new_message": {"role": "user", "parts": [{"text": "Hi there"}]}, "session_id": "s"}',
        '{"user_msg": "Hi there", "chat_history": null}',
        '{"anything": "Hi there"}',
    ],
)
def test_what_an_agent_was_told(written: str) -> None:
    assert heard_of(written) == (text_message("user", "Hi there"),)


def test_what_cannot_be_told_is_not_made_up() -> None:
    assert heard_of('{"a": "x", "b": "y"}') == heard_of("[1, 2]") == heard_of(None) == heard_of("  ") == ()
    assert said_of('{"raw": "Done", "pydantic": null}') == (text_message("assistant", "Done"),)


def test_smolagents_words_are_taken_as_what_they_mean() -> None:
    one = "Calling tools:\n[{'id': 'c1', 'type': 'function', 'function': {'name': 'look', 'arguments': {'a': 1}}}]"
    two = one[:-1] + ", {'id': 'c2', 'function': {'name': 'look', 'arguments': {'a': 2}}}]"
    wish = ToolRequest(name="look", arguments={"a": 1}, id="c1")
    spoken = [
        text_message("user", "New task:\nHi"),
        text_message("assistant", one),
        text_message("user", "Observation:\n{'ok': True}"),
        text_message("assistant", two),
        text_message("user", "Observation:\nx\ny"),
    ]
    assert spoken_through(spoken) == (
        text_message("user", "Hi"),
        Message(role="assistant", parts=(wish,)),
        Message(role="tool", parts=(ToolResponse(response={"ok": True}, id="c1"),)),
        Message(role="assistant", parts=(wish, ToolRequest(name="look", arguments={"a": 2}, id="c2"))),
        text_message("tool", "x\ny"),  # whose answer is which line cannot be known
    )
    assert spoken_through(spoken[2:]) == tuple(spoken[2:])  # nothing says that these are smolagents' words
