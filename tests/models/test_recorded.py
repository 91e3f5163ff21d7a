"""Cassettes: what was recorded comes back whole, what was not is a miss that says why, and no credential is kept."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
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
from agenteval.errors import CassetteMiss, ModelError, NotFound, RequestError
from agenteval.models import ChatCompletions, RecordedModel, ScriptedModel

KEY = "sk-test-0123456789abcdefghij"
HI = ModelRequest(messages=(text_message("user", "Hi"),))
EDITED = "not a line of a cassette: what it holds does not have the hash beside it, so it was edited; record it again"
FULL = ModelRequest(
    messages=(text_message("system", "Be brief."), text_message("user", "Where is order 1187?")),
    tools=(OfferedTool(name="lookup", description="d", parameters={"type": "object"}, server="shop"),),
    parallel_tool_calls=True,
    tool_choice="auto",
    schema={"type": "object"},
    temperature=0.5,
    max_tokens=10,
    seed=1,
    logprobs=2,
    extra={"top_p": 0.9},
)
OTHER = {
    "messages": (text_message("system", "Be brief."), text_message("user", "Where is order 1188?")),
    "tools": (OfferedTool(name="lookup", description="d", parameters={"type": "object"}),),
    "parallel_tool_calls": None,
    "tool_choice": "required",
    "schema": None,
    "temperature": 0.6,
    "max_tokens": None,
    "seed": 2,
    "logprobs": 3,
    "extra": {"top_p": 0.8},
}


def test_every_field_of_a_request_is_tried_below():
    assert {field.name for field in dataclasses.fields(ModelRequest)} == set(OTHER)


async def record(path, *answers, requests=(HI,), name="m", mode="record"):
    model = RecordedModel(ScriptedModel(answers, name), path, mode)
    return [await model.complete(request) for request in requests]


async def texts(model, *requests):
    return [(await model.complete(request)).message.text for request in requests]


# --- recording and replaying


async def test_what_was_recorded_is_replayed_without_the_model(tmp_path):
    path = tmp_path / "made" / "when needed" / "c.jsonl"
    recorded = await record(path, "one", "two", requests=(HI, FULL))
    replay = RecordedModel(None, path)
    assert [await replay.complete(FULL), await replay.complete(HI)] == [recorded[1], recorded[0]]
    assert (replay.name, replay.endpoint, replay.torn) == ("m", "", "")
    assert repr(replay) == f"RecordedModel('m', '{path}', mode='replay')"


async def test_replay_never_asks_the_model(tmp_path):
    path = tmp_path / "c.jsonl"
    await record(path, "recorded")
    live = ScriptedModel(["live"], "m")
    model = RecordedModel(live, path, "replay")
    assert await texts(model, HI) == ["recorded"]
    with pytest.raises(CassetteMiss):
        await model.complete(FULL)
    assert live.asked == ()


async def test_the_same_request_gets_its_answers_in_the_order_recorded(tmp_path):
    path = tmp_path / "c.jsonl"
    await record(path, "one", "between", "two", requests=(HI, FULL, HI))
    for _ in range(2):  # each model object counts from the first answer on
        model = RecordedModel(None, path)
        assert await texts(model, HI, HI, FULL) == ["one", "two", "between"]
        with pytest.raises(CassetteMiss) as caught:
            await model.complete(HI)
        assert str(caught.value) == (
            f'{path} holds this request 2 times and it is asked once more. Record it with mode "record" or "auto".'
        )


async def test_recording_again_replaces_what_was_held_of_a_request(tmp_path):
    path = tmp_path / "c.jsonl"
    await record(path, "old 1", "old 2", "kept", requests=(HI, HI, FULL))
    await record(path, "new")
    model = RecordedModel(None, path)
    assert await texts(model, HI, FULL) == ["new", "kept"]
    with pytest.raises(CassetteMiss):
        await model.complete(HI)


async def test_auto_replays_what_there_is_and_records_the_rest(tmp_path):
    path = tmp_path / "c.jsonl"
    await record(path, "old")
    live = ScriptedModel(["again", "new"], "m")
    model = RecordedModel(live, path, "auto")
    assert await texts(model, HI, HI, FULL) == ["old", "again", "new"]
    assert live.asked == (HI, FULL)
    assert await texts(RecordedModel(None, path), HI, HI, FULL) == ["old", "again", "new"]


async def test_auto_adds_to_what_was_held_of_a_request(tmp_path):
    path = tmp_path / "c.jsonl"
    await record(path, "first", "other", requests=(HI, FULL))
    await record(path, "other again", requests=(FULL,))
    assert await texts(RecordedModel(ScriptedModel(["second"], "m"), path, "auto"), HI, HI) == ["first", "second"]
    assert await texts(RecordedModel(None, path), HI, HI, FULL) == ["first", "second", "other again"]


async def test_auto_begins_a_cassette(tmp_path):
    path = tmp_path / "c.jsonl"
    await record(path, "first", mode="auto")
    assert await texts(RecordedModel(None, path), HI) == ["first"]


async def test_failures_are_not_recorded(tmp_path):
    path = tmp_path / "c.jsonl"

    def fail(_):
        raise ModelError("down")

    model = RecordedModel(ScriptedModel([fail, "up"], "m"), path, "auto")
    with pytest.raises(ModelError, match="down"):
        await model.complete(HI)
    assert await texts(model, HI) == ["up"]
    assert await texts(RecordedModel(None, path), HI) == ["up"]


async def test_many_tasks_record_and_replay_at_once(tmp_path):
    path = tmp_path / "c.jsonl"

    class Slow:
        name = "m"

        async def complete(self, request):
            await asyncio.sleep(0)
            text = request.messages[0].text
            return Completion(message=text_message("assistant", text.upper()), model="m")

    requests = [ModelRequest(messages=(text_message("user", f"r{number % 20}"),)) for number in range(100)]
    model = RecordedModel(Slow(), path, "auto")
    await asyncio.gather(*(model.complete(request) for request in requests))
    replay = RecordedModel(None, path)
    answers = await asyncio.gather(*(replay.complete(request) for request in requests))
    assert [answer.message.text for answer in answers] == [f"R{number % 20}" for number in range(100)]
    with pytest.raises(CassetteMiss, match="holds this request 5 times"):
        await replay.complete(requests[0])


async def test_threads_share_one_recorder(tmp_path):
    path = tmp_path / "c.jsonl"
    model = RecordedModel(ScriptedModel(lambda request: request.messages[0].text, "m"), path, "record")
    requests = [ModelRequest(messages=(text_message("user", f"r{number}" + "x" * 5000),)) for number in range(40)]

    def some(part):
        async def ask():
            for request in part:
                await model.complete(request)

        asyncio.run(ask())

    await asyncio.gather(*(asyncio.to_thread(some, requests[start::4]) for start in range(4)))
    replay = RecordedModel(None, path)
    assert await texts(replay, *requests) == [request.messages[0].text for request in requests]


async def test_a_conversation_is_kept_once(tmp_path):
    path = tmp_path / "c.jsonl"
    messages = tuple(text_message("user", f"{number} " + "long " * 400) for number in range(60))
    requests = [ModelRequest(messages=messages[:end], tools=FULL.tools) for end in range(1, 61)]
    recorded = await record(path, *(f"a{number}" for number in range(60)), requests=requests)
    distinct = sum(len(message.text) for message in messages)
    assert path.stat().st_size < 3 * distinct
    replay = RecordedModel(None, path)
    assert [await replay.complete(request) for request in requests] == recorded


# --- misses


@pytest.mark.parametrize("field", sorted(OTHER))
async def test_a_request_that_differs_anywhere_is_a_miss(tmp_path, field):
    path = tmp_path / "c.jsonl"
    await record(path, "answer", requests=(FULL,))
    with pytest.raises(CassetteMiss) as caught:
        await RecordedModel(None, path).complete(dataclasses.replace(FULL, **{field: OTHER[field]}))
    said = {
        "messages": 'messages[1].parts[0].content: recorded "Where is order 1187?", asked "Where is order 1188?"',
        "tools": 'tools[0].server: recorded "shop", asked nothing',
        "parallel_tool_calls": "parallel_tool_calls: recorded true, asked null",
        "tool_choice": 'tool_choice: recorded "auto", asked "required"',
        "schema": 'schema: recorded {"type":"object"}, asked null',
        "temperature": "temperature: recorded 0.5, asked 0.6",
        "max_tokens": "max_tokens: recorded 10, asked null",
        "seed": "seed: recorded 1, asked 2",
        "logprobs": "logprobs: recorded 2, asked 3",
        "extra": "extra.top_p: recorded 0.9, asked 0.8",
    }[field]
    assert str(caught.value) == (
        f"{path} does not hold this request among its 1 call. The nearest, on line 4, differs first at {said}. "
        'Record it with mode "record" or "auto".'
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "n"}, 'model: recorded "m", asked "n"'),
        ({"endpoint": "http://other/v1"}, 'endpoint: recorded "", asked "http://other/v1"'),
    ],
)
async def test_another_model_or_endpoint_is_a_miss(tmp_path, changed, said):
    path = tmp_path / "c.jsonl"
    await record(path, "answer")
    model = RecordedModel(ScriptedModel([], "m"), path, "replay", **changed)
    with pytest.raises(CassetteMiss) as caught:
        await model.complete(HI)
    assert f"differs first at {said}. " in str(caught.value)


async def test_the_nearest_request_is_the_one_that_shares_most(tmp_path):
    path = tmp_path / "c.jsonl"
    long = [text_message("user", f"{number}") for number in range(6)]
    asked = ModelRequest(messages=(*long[:5], text_message("user", "x" * 100 + "A" + "y" * 100)))
    near = ModelRequest(messages=(*long[:5], text_message("user", "x" * 100 + "B" + "y" * 100)))
    await record(path, "a", "b", "c", requests=(HI, near, ModelRequest(messages=tuple(long[:2]))))
    with pytest.raises(CassetteMiss) as caught:
        await RecordedModel(None, path).complete(asked)
    x, y = "x" * 30, "y" * 49
    assert f'messages[5].parts[0].content: recorded …"{x}B{y}"…, asked …"{x}A{y}"…' in str(caught.value)


async def test_a_longer_conversation_differs_where_the_recorded_one_ends(tmp_path):
    path = tmp_path / "c.jsonl"
    await record(path, "a")
    with pytest.raises(CassetteMiss) as caught:
        await RecordedModel(None, path).complete(ModelRequest(messages=(*HI.messages, text_message("user", "More"))))
    assert 'messages[1]: recorded nothing, asked {"role":"user","parts":[{"type":"text","content":"More"}]}' in str(
        caught.value
    )


async def test_true_and_one_are_different_requests(tmp_path):
    path = tmp_path / "c.jsonl"
    await record(path, "a", requests=(dataclasses.replace(HI, extra={"flag": 1}),))
    assert await texts(RecordedModel(None, path), dataclasses.replace(HI, extra={"flag": 1.0})) == ["a"]
    with pytest.raises(CassetteMiss, match=r"extra\.flag: recorded 1, asked true"):
        await RecordedModel(None, path).complete(dataclasses.replace(HI, extra={"flag": True}))


@pytest.mark.parametrize("text", ["\ud800", "\udc00\ud800", "a\ud83d\ude00b", "\x00"])
async def test_broken_letters_are_recorded_too(tmp_path, text):
    path = tmp_path / "c.jsonl"
    request = ModelRequest(messages=(text_message("user", text),))
    await record(path, "answer", requests=(request,))
    replay = RecordedModel(None, path)
    assert await texts(replay, request) == ["answer"]
    with pytest.raises(CassetteMiss):
        await replay.complete(ModelRequest(messages=(text_message("user", ascii(text)),)))


async def test_an_empty_cassette_holds_nothing(tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_bytes(b"\n")
    model = RecordedModel(None, path)
    assert model.name == "recorded"
    with pytest.raises(CassetteMiss) as caught:
        await model.complete(HI)
    assert str(caught.value) == f'{path} holds no recorded call. Record it with mode "record" or "auto".'


# --- whose answers


async def test_a_cassette_of_several_models_asks_which_one(tmp_path):
    path = tmp_path / "c.jsonl"
    await record(path, "from m", name="m")
    await record(path, "from n", name="n", mode="auto")
    with pytest.raises(RequestError) as caught:
        RecordedModel(None, path)
    assert str(caught.value) == (
        f"{path} holds answers of m at no endpoint, n at no endpoint: say which with name= and endpoint="
    )
    assert await texts(RecordedModel(None, path, name="n"), HI) == ["from n"]


@pytest.mark.parametrize(
    ("inner", "mode", "kind", "said"),
    [
        (None, "replay", NotFound, 'there is no cassette {path} to replay: record it first with mode "record"'),
        (None, "rePlay", RequestError, 'unknown cassette mode "rePlay". Did you mean "replay"?'),
        (
            None,
            "auto",
            RequestError,
            'cassette mode "auto" needs a model to record; without one there is "replay" alone',
        ),
    ],
)
def test_wrong_settings_are_named(tmp_path, inner, mode, kind, said):
    path = tmp_path / "none.jsonl"
    with pytest.raises(RequestError) as caught:
        RecordedModel(inner, path, mode)
    assert (type(caught.value), str(caught.value)) == (kind, said.format(path=path))


# --- broken files


async def test_a_torn_last_line_costs_only_itself(tmp_path):
    path = tmp_path / "c.jsonl"
    await record(path, "one", "two", requests=(HI, FULL))
    whole = path.read_bytes()
    first = len(b"".join(whole.splitlines(keepends=True)[:3]))  # two values and the first call
    ends = {*range(first + 1, len(whole), 9), *range(len(whole) - 3, len(whole))}
    for end in sorted(
        ends | {at + shift for at, byte in enumerate(whole) if byte == 10 for shift in (0, 1) if at > first}
    ):
        path.write_bytes(whole[:end])
        model = RecordedModel(None, path)
        assert await texts(model, HI) == ["one"]
        inside_line = whole[end - 1 : end] != b"\n" and whole[end : end + 1] != b"\n"
        assert bool(model.torn) == inside_line


async def test_what_is_recorded_after_a_torn_line_is_whole(tmp_path):
    path = tmp_path / "c.jsonl"
    await record(path, "one", "two", requests=(HI, FULL))
    path.write_bytes(path.read_bytes()[:-20])
    model = RecordedModel(ScriptedModel(["two again"], "m"), path, "auto")
    assert model.torn == f"{path}:7: the last line was never finished and is passed over"
    assert await texts(model, HI, FULL) == ["one", "two again"]
    replay = RecordedModel(None, path)
    assert (await texts(replay, HI, FULL), replay.torn) == (["one", "two again"], "")
    assert all(json.loads(line) for line in path.read_text().splitlines())


async def test_a_miss_tells_of_a_torn_line(tmp_path):
    path = tmp_path / "c.jsonl"
    await record(path, "one")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CassetteMiss) as caught:
        await RecordedModel(None, path).complete(HI)
    assert str(caught.value) == (
        f"{path} holds no recorded call ({path}:3: the last line was never finished and is passed over). "
        'Record it with mode "record" or "auto".'
    )


async def test_a_last_line_without_its_break_is_whole(tmp_path):
    path = tmp_path / "c.jsonl"
    await record(path, "one")
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    model = RecordedModel(ScriptedModel(["two"], "m"), path, "auto")
    assert (await texts(model, HI, FULL), model.torn) == (["one", "two"], "")
    assert await texts(RecordedModel(None, path), HI, FULL) == ["one", "two"]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (
            lambda lines: [lines[0].replace('"Hi"', '"Ho"'), *lines[1:]],
            "1: " + EDITED,
        ),
        (
            lambda lines: [*lines[:2], lines[2].replace('"seed":null', '"seed":1')],
            "3: " + EDITED,
        ),
        (lambda lines: ["{", *lines], "1: not a line of a cassette: Expecting property name"),
        (lambda lines: ["[]", *lines], "1: not a line of a cassette: it is not an object"),
        (lambda lines: ["{}", *lines], "1: not a line of a cassette: 'hash' is missing"),
        (lambda lines: [lines[1], lines[2]], "2: not a line of a cassette: it refers to the value "),
        (lambda lines: [*lines[:2], lines[2].replace('"usage"', '"use"')], "3: not a line of a cassette: 'usage' is"),
    ],
)
async def test_a_line_that_was_edited_is_refused(tmp_path, edit, said):
    path = tmp_path / "c.jsonl"
    await record(path, "one")
    path.write_text("".join(f"{line}\n" for line in edit(path.read_text().splitlines())))
    with pytest.raises(RequestError) as caught:
        RecordedModel(None, path)
    assert str(caught.value).startswith(f"{path}:{said}")


def test_a_cassette_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(RequestError) as caught:
        RecordedModel(None, tmp_path)
    assert str(caught.value) == f"the cassette {tmp_path} cannot be read: Is a directory"


async def test_a_full_disk_is_an_error_and_leaves_the_cassette_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "c.jsonl"
    await record(path, "one")
    before = path.read_bytes()
    written = os.write

    def full(file, data):
        if len(data) <= 40:
            raise OSError(errno.ENOSPC, "No space left on device")
        return written(file, data[:40])

    model = RecordedModel(ScriptedModel(["two", "three"], "m"), path, "auto")
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ModelError) as caught:
        await model.complete(FULL)
    assert str(caught.value) == f"the cassette {path} cannot be written: No space left on device"
    assert path.read_bytes() == before
    monkeypatch.undo()
    assert await texts(model, FULL) == ["three"]


@pytest.mark.parametrize(
    ("request_", "answer", "said"),
    [
        (dataclasses.replace(HI, temperature=float("nan")), "x", "the request has no key to record it by: "),
        (
            HI,
            Message(role="assistant", parts=(ToolRequest(name="f", arguments={"x": float("inf")}),)),
            "the answer cannot be recorded in ",
        ),
    ],
)
async def test_what_json_cannot_hold_is_refused(tmp_path, request_, answer, said):
    model = RecordedModel(ScriptedModel([answer], "m"), tmp_path / "c.jsonl", "record")
    with pytest.raises(ModelError) as caught:
        await model.complete(request_)
    assert str(caught.value).startswith(said)
    assert not (tmp_path / "c.jsonl").exists()


# --- credentials


async def test_a_cassette_never_holds_a_credential(tmp_path, server, reply, completion):
    path = tmp_path / "c.jsonl"
    server.replies = lambda _: reply(200, completion(f"You sent {KEY}."))
    base = server.url.replace("http://", "http://user:password-12345678@") + "?key=azure-key-987654321"
    live = ChatCompletions("m", base_url=base, api_key=KEY, headers={"X-Api-Key": "header-key-987654321"})
    model = RecordedModel(live, path, "record")
    secret = {"api_key": "extra-key-987654321", "nested": {"headers": {"Authorization": "Bearer deep-987654321"}}}
    request = dataclasses.replace(HI, extra=secret)
    await model.complete(request)
    await model.aclose()
    assert server.received[0].json["api_key"] == "extra-key-987654321"  # the endpoint still gets it
    kept = path.read_text()
    hidden = [KEY, "password-12345678", "azure-key-987654321", "header-key-987654321", "987654321"]
    assert [text for text in hidden if text in kept] == []
    replay = RecordedModel(None, path)
    assert (replay.endpoint, await texts(replay, request)) == (server.url, ["You sent [credential]."])
    other = dataclasses.replace(HI, extra={**secret, "api_key": "another-987654321"})
    with pytest.raises(CassetteMiss) as caught:
        await replay.complete(other)
    assert 'extra.api_key: recorded "[credential ' in str(caught.value)
    assert "987654321" not in str(caught.value)


# --- properties

any_text = st.text(max_size=6)
any_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8") | st.characters(categories=["Cs"]), max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
parts = (
    st.builds(TextPart, text=any_text)
    | st.builds(ReasoningPart, text=any_text)
    | st.builds(RefusalPart, text=any_text)
    | st.builds(MediaPart, type=st.sampled_from(["image", "audio", "file"]), uri=any_text)
    | st.builds(ToolRequest, name=any_text, arguments=any_json, id=st.none() | any_text)
    | st.builds(ToolResponse, response=any_json, id=st.none() | any_text)
)
messages = st.builds(
    lambda role, given: Message(role=role, parts=tuple(given)),
    st.sampled_from(["system", "user", "assistant", "tool"]),
    st.lists(parts, max_size=3),
)
counts = st.none() | st.integers(0, 10**6)
completions = st.builds(
    Completion,
    message=messages,
    model=any_text,
    usage=st.builds(Usage, input_tokens=counts, output_tokens=counts, cached_tokens=counts, reasoning_tokens=counts),
    finish=st.none() | any_text,
    logprobs=st.lists(
        st.builds(
            TokenLogprob,
            token=any_text,
            logprob=st.floats(-9999, 0),
            top=st.lists(st.tuples(any_text, st.floats(-9999, 0)), max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    response_id=st.none() | any_text,
)
calls = st.tuples(
    st.builds(
        ModelRequest,
        messages=st.lists(messages, max_size=3).map(tuple),
        schema=any_json,
        extra=st.dictionaries(any_text, any_json, max_size=2),
    ),
    completions,
)


@settings(deadline=None, max_examples=60)
@given(st.lists(calls, min_size=1, max_size=4))
def test_whatever_was_recorded_comes_back_as_it_was(tmp_path_factory, recorded):
    path: Path = tmp_path_factory.mktemp("cassette") / "c.jsonl"

    async def both_ways():
        model = RecordedModel(ScriptedModel([answer for _, answer in recorded], "m"), path, "record")
        for request, _ in recorded:
            await model.complete(request)
        replay = RecordedModel(None, path, name="m", endpoint="")
        return [await replay.complete(request) for request, _ in recorded]

    assert asyncio.run(both_ways()) == [answer for _, answer in recorded]
