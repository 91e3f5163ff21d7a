"""Our values and chat-completions JSON: what goes out, what comes back, and what is refused."""

from __future__ import annotations

import json
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from agenteval.core.model import Completion, ModelRequest, TokenLogprob
from agenteval.core.trajectory import OfferedTool, Usage
from agenteval.errors import BadAnswer, ModelError
from agenteval.models.wire import completion_from_openai, message_from_openai, messages_to_openai, request_body

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
LOOKUP = OfferedTool(name="lookup", description="Look an order up.", parameters=SCHEMA, server="shop")
USER = text_message("user", "Hi")


def answer(message=None, **fields):
    """The JSON of an answer with one choice."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hello."} if message is None else message}
    choice.update({key: fields.pop(key) for key in ("finish_reason", "logprobs", "error") if key in fields})
    return {"choices": [choice], **fields}


def token(text, logprob, top=()):
    return TokenLogprob(token=text, logprob=logprob, top=top)


# --- requests


def test_a_request_leaves_to_the_endpoint_what_it_does_not_set():
    assert request_body(ModelRequest(messages=(USER,)), "m") == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
    }


def test_a_request_carries_everything_that_it_sets():
    request = ModelRequest(
        messages=(text_message("system", "Be brief."), USER),
        tools=(LOOKUP, OfferedTool(name="ping")),
        parallel_tool_calls=False,
        tool_choice="required",
        schema=SCHEMA,
        temperature=0.0,
        max_tokens=0,
        seed=0,
        logprobs=0,
        extra={"cache_prompt": False, "top_p": 0.9},
    )
    assert request_body(request, "m") == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "tools": [
            {
                "type": "function",
                "function": {"name": "lookup", "description": "Look an order up.", "parameters": SCHEMA},
            },
            {"type": "function", "function": {"name": "ping", "parameters": {"type": "object", "properties": {}}}},
        ],
        "parallel_tool_calls": False,
        "tool_choice": "required",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
        },
        "temperature": 0.0,
        "max_tokens": 0,
        "seed": 0,
        "logprobs": True,
        "top_logprobs": 0,
        "cache_prompt": False,
        "top_p": 0.9,
    }


def test_a_tool_can_be_chosen_by_name():
    body = request_body(ModelRequest(messages=(USER,), tools=(LOOKUP,), tool_choice="lookup"), "m")
    assert body["tool_choice"] == {"type": "function", "function": {"name": "lookup"}}


def test_without_tools_nothing_is_said_about_their_use():
    body = request_body(ModelRequest(messages=(USER,), parallel_tool_calls=True, tool_choice="auto"), "m")
    assert sorted(body) == ["messages", "model"]


def test_the_limit_of_tokens_goes_under_the_name_that_the_endpoint_takes():
    body = request_body(ModelRequest(messages=(USER,), max_tokens=5), "m", max_tokens_field="max_completion_tokens")
    assert body == {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "max_completion_tokens": 5}


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"model": "x", "seed": 2}, "extra sets model, seed, which the request sets itself: leave it out of extra"),
        ({"stream": True}, "extra asks for a stream, but answers are read whole: leave `stream` out of extra"),
    ],
)
def test_extra_fields_cannot_contradict_the_request(extra, said):
    with pytest.raises(ModelError) as caught:
        request_body(ModelRequest(messages=(USER,), seed=1, extra=extra), "m")
    assert str(caught.value) == said


# --- messages out


def test_a_conversation_with_parallel_calls_goes_out_whole():
    conversation = (
        text_message("user", "Where are 1 and 2?"),
        Message(
            role="assistant",
            parts=(
                ReasoningPart(text="Two lookups."),
                TextPart(text="One moment."),
                ToolRequest(name="lookup", arguments={"order": "1"}, id="a"),
                ToolRequest(name="lookup", arguments='{"order": ', id="b"),
            ),
        ),
        Message(
            role="tool",
            parts=(ToolResponse(response={"status": "späť"}, id="a"), ToolResponse(response="bad arguments", id="b")),
        ),
        Message(role="assistant", parts=(RefusalPart(text="I will not say."),)),
    )
    assert messages_to_openai(conversation) == [
        {"role": "user", "content": "Where are 1 and 2?"},
        {
            "role": "assistant",
            "content": "One moment.",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "lookup", "arguments": '{"order":"1"}'}},
                {"id": "b", "type": "function", "function": {"name": "lookup", "arguments": '{"order": '}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": '{"status":"späť"}'},
        {"role": "tool", "tool_call_id": "b", "content": "bad arguments"},
        {"role": "assistant", "content": "", "refusal": "I will not say."},
    ]


def test_reasoning_is_sent_back_only_where_asked():
    said = Message(role="assistant", parts=(ReasoningPart(text="Hm."), TextPart(text="Yes.")))
    assert messages_to_openai([said]) == [{"role": "assistant", "content": "Yes."}]
    assert messages_to_openai([said], reasoning=True) == [
        {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."}
    ]


def test_calls_without_ids_are_paired_with_their_answers_in_order():
    asked = Message(
        role="assistant",
        parts=(
            ToolRequest(name="x", arguments={}),
            ToolRequest(name="y", arguments={}, id="given"),
            ToolRequest(name="z", arguments=None),
        ),
    )
    answered = Message(
        role="tool",
        parts=(ToolResponse(response="1"), ToolResponse(response="2", id="given"), ToolResponse(response="3")),
    )
    out = messages_to_openai([asked, answered, asked, Message(role="tool", parts=(ToolResponse(response="4"),))])
    assert [(call["id"], call["function"]["arguments"]) for call in out[0]["tool_calls"]] == [
        ("call_unnamed_1", "{}"),
        ("given", "{}"),
        ("call_unnamed_2", "{}"),
    ]
    assert [message["tool_call_id"] for message in out[1:4]] == ["call_unnamed_1", "given", "call_unnamed_2"]
    assert out[5] == {"role": "tool", "tool_call_id": "call_unnamed_3", "content": "4"}


def test_an_unanswered_call_of_an_earlier_turn_takes_no_later_answer():
    turn = Message(role="assistant", parts=(ToolRequest(name="x", arguments={}),))
    out = messages_to_openai([turn, turn, Message(role="tool", parts=(ToolResponse(response="ok"),))])
    assert out[2]["tool_call_id"] == out[1]["tool_calls"][0]["id"] != out[0]["tool_calls"][0]["id"]


def test_tool_answers_in_a_user_message_come_first():
    mixed = Message(role="user", parts=(TextPart(text="And now?"), ToolResponse(response=[1], id="a")))
    assert messages_to_openai([mixed]) == [
        {"role": "tool", "tool_call_id": "a", "content": "[1]"},
        {"role": "user", "content": "And now?"},
    ]


def test_media_goes_out_in_the_form_of_its_kind():
    said = Message(
        role="user",
        parts=(
            TextPart(text="Look:"),
            MediaPart(type="image", uri="https://example.com/a.png"),
            MediaPart(type="audio", uri="data:audio/wav;base64,AAAA", mime_type="audio/wav"),
            MediaPart(type="file", uri="data:application/pdf;base64,BBBB"),
            MediaPart(type="file", uri="file-1"),
        ),
    )
    assert messages_to_openai([said])[0]["content"] == [
        {"type": "text", "text": "Look:"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "file", "file": {"filename": "file", "file_data": "data:application/pdf;base64,BBBB"}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ]


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (MediaPart(type="image", uri="sha256:" + "0" * 64), "is known by its content hash alone"),
        (MediaPart(type="audio", uri="https://example.com/a.wav"), "audio is sent as a data: address in base64 only"),
        (ToolResponse(response={"x": float("nan")}, id="a"), "cannot be sent as JSON"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_the_reason(part, said):
    with pytest.raises(ModelError, match=said):
        messages_to_openai([Message(role="user", parts=(part,))])


def test_an_empty_message_is_sent_as_empty_text():
    assert messages_to_openai([Message(role="user", parts=())]) == [{"role": "user", "content": ""}]


def test_mappings_and_tuples_of_any_kind_are_json():
    asked = ToolRequest(name="x", arguments=MappingProxyType({"a": (1, MappingProxyType({}))}), id="1")
    out = messages_to_openai([Message(role="assistant", parts=(asked,))])
    assert out[0]["content"] is None
    assert out[0]["tool_calls"][0]["function"]["arguments"] == '{"a":[1,{}]}'


# --- answers


def test_a_whole_answer_is_read():
    data = {
        "id": "chatcmpl-9",
        "object": "chat.completion",
        "created": 1,
        "model": "m-2026-01-01",
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant",
                    "reasoning_content": "Two at once.",
                    "content": "Looking.",
                    "refusal": None,
                    "tool_calls": [
                        {
                            "id": "a",
                            "type": "function",
                            "function": {"name": "lookup", "arguments": '{"order": "1", "n": 1.5}'},
                        },
                        {"id": "b", "type": "function", "function": {"name": "lookup", "arguments": "{}"}},
                    ],
                },
                "logprobs": {
                    "content": [
                        {
                            "token": "Look",
                            "bytes": [76],
                            "logprob": -0.25,
                            "top_logprobs": [{"token": "Look", "logprob": -0.25}, {"token": "See", "logprob": -1.5}],
                        },
                        {"token": "ing.", "logprob": -0.5, "top_logprobs": []},
                    ],
                    "refusal": None,
                },
            }
        ],
        "usage": {
            "prompt_tokens": 100,
            "completion_tokens": 40,
            "total_tokens": 140,
            "prompt_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 8},
            "completion_tokens_details": {"reasoning_tokens": 25},
            "cost": 0.0012,
        },
    }
    assert completion_from_openai(data) == Completion(
        message=Message(
            role="assistant",
            parts=(
                ReasoningPart(text="Two at once."),
                TextPart(text="Looking."),
                ToolRequest(name="lookup", arguments={"order": "1", "n": 1.5}, id="a"),
                ToolRequest(name="lookup", arguments={}, id="b"),
            ),
        ),
        model="m-2026-01-01",
        usage=Usage(
            input_tokens=100,
            output_tokens=40,
            cached_tokens=64,
            cache_write_tokens=8,
            reasoning_tokens=25,
            cost_usd=0.0012,
        ),
        finish="tool_calls",
        logprobs=(
            token("Look", -0.25, (("Look", -0.25), ("See", -1.5))),
            token("ing.", -0.5),
        ),
        response_id="chatcmpl-9",
    )


def test_an_answer_of_llama_cpp_is_read():
    # as its server answers, shortened: fields of its own, a path as the model's name, bytes beside each token
    data = json.loads("""{"choices": [{"finish_reason": "length", "index": 0,
      "message": {"role": "assistant", "content": "*P"},
      "logprobs": {"content": [
        {"id": 26, "token": "*", "bytes": [42], "logprob": -5.034746170043945, "top_logprobs": [
          {"id": 57, "token": "I", "bytes": [73], "logprob": -2.2564542293548584}]},
        {"id": 64, "token": "P", "bytes": [80], "logprob": null, "top_logprobs": []}]}}],
      "created": 1795487249, "model": "/models/small.gguf", "system_fingerprint": "b0-unknown",
      "object": "chat.completion", "id": "chatcmpl-Qv",
      "usage": {"completion_tokens": 2, "prompt_tokens": 32, "total_tokens": 34,
        "prompt_tokens_details": {"cached_tokens": 0}},
      "timings": {"cache_n": 0, "prompt_n": 32, "prompt_ms": 267.094}}""")
    assert completion_from_openai(data, model="small") == Completion(
        message=text_message("assistant", "*P"),
        model="/models/small.gguf",
        usage=Usage(input_tokens=32, output_tokens=2, cached_tokens=0),
        finish="length",
        logprobs=(
            token("*", -5.034746170043945, (("I", -2.2564542293548584),)),
            token("P", -9999.0),
        ),
        response_id="chatcmpl-Qv",
    )


def test_what_an_answer_leaves_out_stays_unknown():
    assert completion_from_openai(answer(), model="asked") == Completion(
        message=text_message("assistant", "Hello."), model="asked", usage=Usage(unmeasured_calls=1)
    )


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, Usage(unmeasured_calls=1)),
        ({}, Usage(unmeasured_calls=1)),
        ("12", Usage(unmeasured_calls=1)),
        ({"prompt_tokens": None, "completion_tokens": "7"}, Usage(unmeasured_calls=1)),
        ({"prompt_tokens": -1, "completion_tokens": True}, Usage(unmeasured_calls=1)),
        ({"prompt_tokens": 3}, Usage(input_tokens=3)),
        ({"prompt_tokens": 0, "completion_tokens": 0}, Usage(input_tokens=0, output_tokens=0)),
        ({"prompt_tokens": 3, "prompt_tokens_details": None}, Usage(input_tokens=3)),
        ({"prompt_tokens": 9, "prompt_cache_hit_tokens": 4}, Usage(input_tokens=9, cached_tokens=4)),
        ({"cost": -1.0}, Usage(unmeasured_calls=1)),
        ({"cost": 0}, Usage(cost_usd=0.0, unmeasured_calls=1)),
        pytest.param(
            {
                "prompt_tokens": 32,
                "completion_tokens": 9,
                "total_tokens": 135,
                "completion_tokens_details": {"reasoning_tokens": 94},
            },
            Usage(input_tokens=32, output_tokens=103, reasoning_tokens=94),
            id="reasoning counted beside the output, as the total tells",
        ),
        pytest.param(
            {
                "prompt_tokens": 32,
                "completion_tokens": 103,
                "total_tokens": 135,
                "completion_tokens_details": {"reasoning_tokens": 94},
            },
            Usage(input_tokens=32, output_tokens=103, reasoning_tokens=94),
            id="reasoning counted in the output",
        ),
    ],
)
def test_usage_that_was_not_reported_is_never_zero(usage, expected):
    assert completion_from_openai(answer(usage=usage)).usage == expected


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('{"a": [1, 2.0, null]}', {"a": [1, 2.0, None]}),
        ("", {}),
        ("  \n", {}),
        (None, {}),
        ({"a": 1}, {"a": 1}),
        ('{"a": ', '{"a": '),
        ('"text"', '"text"'),
        ("[1]", "[1]"),
        ("null", "null"),
        ('{"a": NaN}', '{"a": NaN}'),
        ('{"a": 1e999}', '{"a": 1e999}'),
        ('{"a": -Infinity}', '{"a": -Infinity}'),
        ('{"a": ' + "9" * 5000 + "}", '{"a": ' + "9" * 5000 + "}"),
        ("[" * 100_000, "[" * 100_000),
        ('{"a": "\\ud800"}', {"a": "\ud800"}),
        ("plain words", "plain words"),
    ],
)
def test_arguments_are_an_object_or_the_text_that_the_model_wrote(written, read):
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": written}}
    message = message_from_openai({"role": "assistant", "tool_calls": [call]})
    assert message == Message(role="assistant", parts=(ToolRequest(name="f", arguments=read, id="a"),))


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        ({"content": None}, ()),
        ({}, ()),
        ({"content": ""}, ()),
        ({"content": []}, ()),
        ({"content": "x"}, (TextPart(text="x"),)),
        (
            {"content": [{"type": "text", "text": "x"}, "y", {"type": "refusal", "refusal": "no"}]},
            (TextPart(text="x"), TextPart(text="y"), RefusalPart(text="no")),
        ),
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "new"}]},
            (ReasoningPart(text="hm"), TextPart(text="[new part]")),
        ),
        ({"content": None, "refusal": "no"}, (RefusalPart(text="no"),)),
        ({"content": "x", "reasoning": "hm"}, (ReasoningPart(text="hm"), TextPart(text="x"))),
        ({"reasoning": "hm", "reasoning_content": "hm"}, (ReasoningPart(text="hm"),)),
        (
            {
                "content": [
                    {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                    {"type": "image_url", "image_url": "data:x"},
                    {"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}},
                    {"type": "file", "file": {"file_id": "file-1"}},
                    {"type": "image_url"},
                ]
            },
            (
                MediaPart(type="image", uri="https://example.com/a.png"),
                MediaPart(type="image", uri="data:x"),
                MediaPart(type="audio", uri="data:audio/mp3;base64,AA", mime_type="audio/mp3"),
                MediaPart(type="file", uri="file-1"),
                TextPart(text="[image_url part]"),
            ),
        ),
        ({"function_call": {"name": "f", "arguments": "{}"}}, (ToolRequest(name="f", arguments={}),)),
        (
            {"tool_calls": [{"id": "", "type": "custom", "custom": {"name": "sql", "input": "{}"}}]},
            (ToolRequest(name="sql", arguments="{}"),),
        ),
        ({"tool_calls": None}, ()),
    ],
)
def test_content_comes_in_many_forms(data, parts):
    assert message_from_openai({"role": "assistant", **data}) == Message(role="assistant", parts=parts)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"role": "developer", "content": "x"}, text_message("system", "x")),
        (
            {
                "role": "tool",
                "tool_call_id": "a",
                "content": [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}],
            },
            Message(role="tool", parts=(ToolResponse(response="x\ny", id="a"),)),
        ),
        (
            {"role": "function", "name": "f", "content": '{"a": 1}'},
            Message(role="tool", parts=(ToolResponse(response='{"a": 1}'),)),
        ),
        ({"role": "tool", "content": None}, Message(role="tool", parts=(ToolResponse(response=""),))),
    ],
)
def test_roles_are_read_as_ours(data, message):
    assert message_from_openai(data) == message


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "the answer has no choices; its fields are none"),
        ({"object": "list", "data": []}, "the answer has no choices; its fields are data, object"),
        ({"choices": []}, "the answer has no choices; its fields are choices"),
        ({"choices": "x"}, "the answer has no choices; its fields are choices"),
        ({"choices": [7]}, "the answer has no choices; its fields are choices"),
        ({"choices": [{"text": "Hi", "index": 0}]}, "choices[0] has no message; its fields are index, text"),
        (
            {"error": {"message": "upstream is down", "code": 502}},
            "the endpoint answered with an error in place of a completion: upstream is down",
        ),
        ({"error": "no"}, "the endpoint answered with an error in place of a completion: no"),
        (
            answer(error={"code": 429, "message": "slow down"}),
            "the endpoint answered with an error in place of a completion: slow down",
        ),
        (
            answer({"role": "robot"}),
            "a message has the role 'robot'; known: system, developer, user, assistant, tool, function",
        ),
        (answer({"content": 7}), "message content is int; allowed: text, a list of parts, null"),
        (answer({"content": [7]}), "a part of a message's content is int; allowed: text, an object"),
        (answer({"tool_calls": [{"id": "a"}]}), "a tool call has no name: {}"),
        (
            answer({"tool_calls": [{"function": {"name": "", "arguments": "{}"}}]}),
            "a tool call has no name: {'name': '', 'arguments': '{}'}",
        ),
    ],
)
def test_what_is_not_a_completion_is_a_bad_answer(data, said):
    with pytest.raises(BadAnswer) as caught:
        completion_from_openai(data)
    assert str(caught.value) == said


# --- properties

texts = st.text(min_size=1, max_size=8)
ids = st.text("abc123", min_size=1, max_size=4)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=4), json_values, max_size=3)
not_json = st.text(min_size=1, max_size=8).map(lambda text: "{" + text)
requests = st.builds(ToolRequest, name=texts, arguments=objects | not_json, id=ids)
texts_parts = st.lists(st.builds(TextPart, text=texts), max_size=3)
media = st.builds(MediaPart, type=st.just("image"), uri=ids.map("https://example.com/{}".format))
said_by_people = st.builds(
    lambda role, parts: Message(role=role, parts=tuple(parts)),
    st.sampled_from(["system", "user"]),
    st.lists(st.builds(TextPart, text=texts) | media, max_size=3),
)
said_by_models = st.builds(
    lambda thoughts, said, refused, asked: Message(role="assistant", parts=(*thoughts, *said, *refused, *asked)),
    st.lists(st.builds(ReasoningPart, text=texts), max_size=1),
    texts_parts,
    st.lists(st.builds(RefusalPart, text=texts), max_size=1),
    st.lists(requests, max_size=3),
)
said_by_tools = st.builds(
    lambda text, call_id: Message(role="tool", parts=(ToolResponse(response=text, id=call_id),)), st.text(), ids
)


@given(st.lists(said_by_people | said_by_models | said_by_tools, max_size=5))
def test_messages_survive_the_way_out_and_back(messages):
    sent = json.loads(json.dumps(messages_to_openai(messages, reasoning=True)))
    assert [message_from_openai(each) for each in sent] == messages


@given(json_values)
def test_whatever_a_tool_answers_goes_out_as_text_that_says_it(response):
    (sent,) = messages_to_openai([Message(role="tool", parts=(ToolResponse(response=response, id="a"),))])
    assert isinstance(sent["content"], str)
    assert (sent["content"] if isinstance(response, str) else json.loads(sent["content"])) == response


near_answers = st.fixed_dictionaries(
    {},
    optional={
        "choices": json_values
        | st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "message": json_values
                    | st.fixed_dictionaries(
                        {},
                        optional={
                            "role": json_values,
                            "content": json_values,
                            "tool_calls": st.lists(st.dictionaries(st.just("function"), json_values)),
                            "function_call": json_values,
                            "reasoning": json_values,
                        },
                    ),
                    "logprobs": json_values | st.dictionaries(st.just("content"), json_values),
                    "error": json_values,
                },
            ),
            max_size=2,
        ),
        "usage": json_values
        | st.dictionaries(st.sampled_from(["prompt_tokens", "prompt_tokens_details"]), json_values),
        "error": json_values,
        "id": json_values,
    },
)


@given(near_answers)
def test_any_json_is_a_completion_or_a_bad_answer(data):
    try:
        read = completion_from_openai(data)
    except BadAnswer:
        return
    assert isinstance(read, Completion)
    assert read.message.role in {"system", "user", "assistant", "tool"}
