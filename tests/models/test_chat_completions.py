"""The client against a real HTTP server on loopback: what it sends, retries, refuses and never shows."""

from __future__ import annotations

import asyncio
import gc
import gzip
import io
import json
import logging
import socket
import traceback
import weakref
from email.utils import formatdate

import pytest

from agenteval.core.message import Message, TextPart, ToolRequest, text_message
from agenteval.core.model import Completion, ModelRequest, TokenLogprob
from agenteval.core.trajectory import OfferedTool, Usage
from agenteval.errors import BadAnswer, ContextExceeded, ModelError, RateLimited, RequestError
from agenteval.models import Backoff, ChatCompletions

KEY = "sk-test-0123456789abcdefghij"
REQUEST = ModelRequest(messages=(text_message("user", "Hi"),))
NOW = 1_800_000_000.0
CHECK_KEY = "Check the API key (none was sent; the command line reads it from OPENAI_API_KEY)."
GIVE_THAT = "give that as the base URL."


class Waits(list):
    """Stands in for sleeping: remembers how long it was told to wait."""

    async def __call__(self, seconds):
        self.append(seconds)


def client(server, waits=None, **settings):
    settings = {"draw": lambda: 0.5, "now": lambda: NOW, **settings}
    return ChatCompletions("m", base_url=server.url, sleep=Waits() if waits is None else waits, **settings)


async def ask(server, waits=None, request=REQUEST, **settings):
    async with client(server, waits, **settings) as model:
        return await model.complete(request)


async def fails(server, kind, waits=None, **settings):
    with pytest.raises(ModelError) as caught:
        await ask(server, waits, **settings)
    assert type(caught.value) is kind
    return str(caught.value)


def here(text, server):
    """The text with the server's changing port made plain."""
    return text.replace(server.url, "URL/v1")


# --- asking


async def test_a_request_arrives_and_its_answer_comes_back(server, reply, completion):
    server.replies = [reply(200, completion("Hello.", usage={"prompt_tokens": 3, "completion_tokens": 2}))]
    answer = await ask(server, api_key=KEY, headers={"X-Team": "evals"})
    assert answer == Completion(
        message=text_message("assistant", "Hello."),
        model="m-1",
        usage=Usage(input_tokens=3, output_tokens=2),
        finish="stop",
        response_id="chatcmpl-1",
    )
    (got,) = server.received
    assert got.path == "/v1/chat/completions"
    assert got.json == {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    assert {name: got.headers.get(name) for name in ("authorization", "content-type", "x-team")} == {
        "authorization": f"Bearer {KEY}",
        "content-type": "application/json",
        "x-team": "evals",
    }


async def test_tools_schema_and_logprobs_travel_both_ways(server, reply):
    calls = [
        {"id": "a", "type": "function", "function": {"name": "lookup", "arguments": '{"order": "1"}'}},
        {"id": "b", "type": "function", "function": {"name": "lookup", "arguments": '{"order": "2"'}},
    ]
    logprobs = {"content": [{"token": "x", "logprob": -0.1, "top_logprobs": [{"token": "y", "logprob": -2.0}]}]}
    choice = {
        "message": {"role": "assistant", "content": "x", "tool_calls": calls},
        "finish_reason": "tool_calls",
        "logprobs": logprobs,
    }
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 6,
        "total_tokens": 16,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }
    server.replies = [reply(200, {"id": "1", "model": "m", "choices": [choice], "usage": usage})]
    request = ModelRequest(
        messages=(text_message("user", "Hi"),),
        tools=(OfferedTool(name="lookup", parameters={"type": "object"}),),
        parallel_tool_calls=True,
        schema={"type": "object"},
        logprobs=1,
    )
    answer = await ask(server, request=request)
    assert answer == Completion(
        message=Message(
            role="assistant",
            parts=(
                TextPart(text="x"),
                ToolRequest(name="lookup", arguments={"order": "1"}, id="a"),
                ToolRequest(name="lookup", arguments='{"order": "2"', id="b"),
            ),
        ),
        model="m",
        usage=Usage(input_tokens=10, output_tokens=6, cached_tokens=8, reasoning_tokens=4),
        finish="tool_calls",
        logprobs=(TokenLogprob(token="x", logprob=-0.1, top=(("y", -2.0),)),),  # noqa: S106 (a word, not a password)
        response_id="1",
    )
    sent = server.received[0].json
    assert sorted(sent) == [
        "logprobs",
        "messages",
        "model",
        "parallel_tool_calls",
        "response_format",
        "tools",
        "top_logprobs",
    ]


async def test_settings_of_the_client_shape_the_request(server, reply, completion):
    server.replies = [reply(200, completion())]
    thought = Message(role="assistant", parts=(TextPart(text="Yes."),))
    request = ModelRequest(messages=(thought,), max_tokens=9)
    await ask(server, request=request, max_tokens_field="max_completion_tokens", send_reasoning=True)
    assert server.received[0].json == {
        "model": "m",
        "messages": [{"role": "assistant", "content": "Yes."}],
        "max_completion_tokens": 9,
    }


async def test_text_of_any_kind_reaches_the_server(server, reply, completion):
    server.replies = [reply(200, completion())]
    await ask(server, request=ModelRequest(messages=(text_message("user", "späť 🙂 \x00 \ud800"),)))
    assert server.received[0].json["messages"][0]["content"] == "späť 🙂 \x00 \ud800"


async def test_a_request_that_json_cannot_hold_is_an_error_and_is_not_sent(server):
    said = await fails(server, ModelError, request=ModelRequest(messages=(), temperature=float("nan")))
    assert said.startswith("the request cannot be sent as JSON: ")
    assert server.received == []


async def test_an_answer_of_ten_megabytes_is_read(server, reply, completion):
    text = "x" * 10_000_000
    server.replies = [reply(200, completion(text))]
    assert (await ask(server)).message.text == text


async def test_a_compressed_answer_is_read(server, reply, completion):
    server.replies = [reply(200, gzip.compress(json.dumps(completion("small")).encode()), {"Content-Encoding": "gzip"})]
    assert (await ask(server)).message.text == "small"


# --- connections


async def test_one_connection_serves_request_after_request(server, reply, completion):
    server.replies = [reply(200, completion(str(number))) for number in range(5)]
    async with client(server) as model:
        said = [(await model.complete(REQUEST)).message.text for _ in range(5)]
    assert (said, server.connections) == (["0", "1", "2", "3", "4"], 1)


async def test_an_error_answer_keeps_its_connection(server, reply, completion):
    server.replies = [reply(500, b"oh"), reply(429, b"slow"), reply(200, completion())]
    await ask(server)
    assert (len(server.received), server.connections) == (3, 1)


async def test_many_requests_at_once_are_each_answered(server, reply, completion):
    server.replies = lambda got: reply(200, completion(got.json["messages"][0]["content"]))
    async with client(server) as model:
        requests = [ModelRequest(messages=(text_message("user", str(number)),)) for number in range(50)]
        answers = await asyncio.gather(*(model.complete(request) for request in requests))
        first = server.connections
        await asyncio.gather(*(model.complete(request) for request in requests))
    assert [answer.message.text for answer in answers] == [str(number) for number in range(50)]
    assert server.connections <= 50
    assert server.connections - first <= first  # the second round found kept connections


async def test_concurrency_is_bounded(server, reply, completion):
    three = asyncio.Event()
    loop = asyncio.get_running_loop()

    def answer(_):
        if server.most_at_once >= 3:
            loop.call_soon_threadsafe(three.set)
        # hold the request until three are in, so that more would be seen if they could come
        asyncio.run_coroutine_threadsafe(three.wait(), loop).result()
        return reply(200, completion())

    server.replies = answer
    async with client(server, max_concurrency=3) as model:
        await asyncio.gather(*(model.complete(REQUEST) for _ in range(12)))
    assert (server.most_at_once, len(server.received)) == (3, 12)


def test_each_event_loop_has_connections_of_its_own(server, reply, completion):
    server.replies = [reply(200, completion()), reply(200, completion())]
    model = client(server)

    async def once():
        async with model:
            return (await model.complete(REQUEST)).message.text

    assert [asyncio.run(once()), asyncio.run(once())] == ["Hello.", "Hello."]
    assert server.connections == 2


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_event_loops_that_ended_are_let_go(server, reply, completion):
    server.replies = lambda _: reply(200, completion())
    models = [client(server)]
    loops = []

    async def once():
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await models[0].complete(REQUEST)

    for _ in range(3):
        asyncio.run(once())
    gc.collect()
    assert [loop() is None for loop in loops] == [True, True, False]
    models.clear()
    gc.collect()  # what was left open on purpose warns here, not in another test


async def test_a_closed_model_can_be_used_again(server, reply, completion):
    server.replies = [reply(200, completion()), reply(200, completion())]
    model = client(server)
    await model.complete(REQUEST)
    await model.aclose()
    await model.aclose()
    await model.complete(REQUEST)
    await model.aclose()
    assert server.connections == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_proxy_is_not_asked_for_this_machine(server, reply, completion, monkeypatch, host):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    server.replies = [reply(200, completion())]
    async with ChatCompletions("m", base_url=server.url.replace("127.0.0.1", host), max_retries=0) as model:
        assert (await model.complete(REQUEST)).message.text == "Hello."


# --- retries


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529, 599])
async def test_passing_troubles_are_tried_again(server, reply, completion, status):
    server.replies = [reply(status), reply(status), reply(200, completion())]
    waits = Waits()
    assert (await ask(server, waits)).message.text == "Hello."
    assert waits == [0.25, 0.5]  # half of 0.5 and of 1 s


@pytest.mark.parametrize("status", [300, 304, 400, 401, 403, 404, 405, 413, 422])
async def test_a_refusal_is_not_tried_again(server, reply, completion, status):
    server.replies = [reply(status), reply(200, completion())]
    waits = Waits()
    await fails(server, ModelError, waits)
    assert (len(server.received), waits) == (1, [])


async def test_retries_are_bounded_and_grow_to_a_cap(server, reply):
    server.replies = lambda _: reply(500, {"error": {"message": "out of memory"}})
    waits = Waits()
    said = await fails(server, ModelError, waits, max_retries=9)
    assert here(said, server) == (
        "POST URL/v1/chat/completions answered 500 Internal Server Error after 10 attempts: out of memory"
    )
    assert waits == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]


async def test_without_retries_one_failure_is_final(server, reply):
    server.replies = [reply(503, b"busy")]
    said = await fails(server, ModelError, max_retries=0)
    assert here(said, server) == "POST URL/v1/chat/completions answered 503 Service Unavailable: busy"


async def test_too_many_requests_to_the_end_is_rate_limited(server, reply):
    server.replies = lambda _: reply(429, {"error": {"message": "Rate limit reached"}})
    said = await fails(server, RateLimited, max_retries=2)
    assert here(said, server) == (
        "POST URL/v1/chat/completions answered 429 Too Many Requests after 3 attempts: Rate limit reached. "
        "Lower the concurrency, or allow more retries."
    )


async def test_jitter_spreads_over_the_whole_window(server, reply, completion):
    for draw, waited in ((0.0, 0.0), (0.999, 1.998)):
        server.replies = [reply(500), reply(200, completion())]
        waits = Waits()
        await ask(server, waits, draw=lambda draw=draw: draw, backoff=Backoff(base_seconds=2.0))
        assert waits == [waited]


@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "1.5"}, 1.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "Retry-After": "7"}, 0.25),
        ({"retry-after-ms": "soon", "Retry-After": "7"}, 7.0),
        ({"Retry-After": formatdate(NOW + 30, usegmt=True)}, 30.0),
        ({"Retry-After": "86400"}, 60.0),
        ({"Retry-After": formatdate(NOW + 86400, usegmt=True)}, 60.0),
        ({"Retry-After": formatdate(NOW - 30, usegmt=True)}, 0.0),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "nan"}, 0.0),
        ({"Retry-After": "inf"}, 0.0),
        ({"Retry-After": "tomorrow"}, 0.0),
        ({"Retry-After": "Tue, 99 Foo 2026 00:00:00 GMT"}, 0.0),
        ({}, 0.0),
    ],
)
async def test_the_endpoint_is_given_the_time_that_it_asks_for(server, reply, completion, headers, waited):
    server.replies = [reply(429, b"", headers), reply(200, completion())]
    waits = Waits()
    await ask(server, waits, draw=lambda: 0.0)
    assert waits == [waited]


async def test_what_was_asked_for_is_a_floor_below_the_jitter(server, reply, completion):
    server.replies = [reply(429, b"", {"Retry-After": "7"}), reply(200, completion())]
    waits = Waits()
    await ask(server, waits)
    assert waits == [7.25]


async def test_the_bound_on_what_may_be_asked_is_a_parameter(server, reply, completion):
    server.replies = [reply(503, b"", {"Retry-After": "86400"}), reply(200, completion())]
    waits = Waits()
    await ask(server, waits, draw=lambda: 0.0, backoff=Backoff(max_asked_seconds=5.0))
    assert waits == [5.0]


async def test_an_endpoint_may_say_that_trying_again_is_useless(server, reply, completion):
    server.replies = [reply(429, b"quota used up", {"x-should-retry": "false"}), reply(200, completion())]
    assert "quota used up" in await fails(server, RateLimited)


@pytest.mark.parametrize("does", ["drop", "cut"])
async def test_a_broken_connection_is_tried_again(server, reply, completion, does):
    server.replies = [reply(200, completion("lost"), does=does), reply(200, completion("kept"))]
    waits = Waits()
    assert (await ask(server, waits)).message.text == "kept"
    assert waits == [0.25]


@pytest.mark.parametrize("does", ["drop", "cut"])
async def test_a_connection_that_always_breaks_is_an_error(server, reply, completion, does):
    server.replies = lambda _: reply(200, completion(), does=does)
    said = await fails(server, ModelError, max_retries=1)
    assert here(said, server).startswith("POST URL/v1/chat/completions: the connection broke (RemoteProtocolError: "), (
        said
    )
    assert said.endswith(") after 2 attempts.")


async def test_silence_ends_at_the_timeout(server, reply, completion):
    server.replies = lambda _: reply(200, completion(), does="silence" if len(server.received) == 1 else "answer")
    waits = Waits()
    assert (await ask(server, waits, timeout_seconds=0.3)).message.text == "Hello."
    assert waits[0] == 0.25
    server.replies = [reply(does="silence")]
    said = await fails(server, ModelError, timeout_seconds=0.1, max_retries=0)
    assert here(said, server) == (
        "POST URL/v1/chat/completions: no whole answer within 0.1 s. "
        "Allow more time (timeout_seconds), or ask for fewer tokens."
    )


async def test_an_answer_that_drips_in_ends_at_the_timeout_too():
    async def drip(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        try:
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.01)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as dripping:
        port = dripping.sockets[0].getsockname()[1]
        model = ChatCompletions("m", base_url=f"http://127.0.0.1:{port}", timeout_seconds=0.15, max_retries=0)
        async with model:
            with pytest.raises(ModelError, match=r"no whole answer within 0\.15 s"):
                await model.complete(REQUEST)


async def test_cancelling_a_request_ends_it(server, reply, completion):
    server.replies = [reply(does="silence"), reply(200, completion())]
    async with client(server) as model:
        task = asyncio.create_task(model.complete(REQUEST))
        await asyncio.to_thread(server.arrived.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await model.complete(REQUEST)).message.text == "Hello."


# --- errors that say what to do


async def test_where_nothing_listens_the_error_says_so():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    model = ChatCompletions("m", base_url=f"http://127.0.0.1:{port}/v1", sleep=Waits(), max_retries=1)
    with pytest.raises(ModelError) as caught:
        await model.complete(REQUEST)
    await model.aclose()
    assert str(caught.value) == (
        f"POST http://127.0.0.1:{port}/v1/chat/completions: nothing listens at http://127.0.0.1:{port}/v1 "
        "after 2 attempts. Start the server there, or correct the base URL."
    )


async def test_a_host_that_is_not_known_is_named():
    model = ChatCompletions("m", base_url="http://no-such-host.invalid/v1", sleep=Waits(), max_retries=0)
    with pytest.raises(ModelError) as caught:
        await model.complete(REQUEST)
    await model.aclose()
    assert str(caught.value) == (
        "POST http://no-such-host.invalid/v1/chat/completions: "
        'the host "no-such-host.invalid" is not known. Is the base URL spelled right?'
    )


async def test_a_server_without_tls_is_told_apart(server):
    url = server.url.replace("http:", "https:")
    model = ChatCompletions("m", base_url=url, sleep=Waits(), max_retries=0)
    with pytest.raises(ModelError, match=r"TLS failed: .* Is it https, and is its certificate trusted here\?"):
        await model.complete(REQUEST)
    await model.aclose()


async def test_a_missing_v1_is_asked_about(server, reply):
    server.replies = [reply(404, b"File Not Found")]
    base = server.url.removesuffix("/v1")
    model = ChatCompletions("m", base_url=f"{base}/", max_retries=0)
    with pytest.raises(ModelError) as caught:
        await model.complete(REQUEST)
    await model.aclose()
    assert str(caught.value) == (
        f'POST {base}/chat/completions answered 404 Not Found: File Not Found. Is the base URL {base} missing "/v1"?'
    )


@pytest.mark.parametrize(
    ("answered", "said"),
    [
        (
            (404, {"error": {"message": "The model `m` does not exist", "code": "model_not_found"}}),
            'answered 404 Not Found: The model `m` does not exist. Does this endpoint serve a model named "m"?',
        ),
        ((401, {"error": {"message": "no key"}}), "answered 401 Unauthorized: no key. " + CHECK_KEY),
        (
            (307, b"", {"Location": "https://user:pw@elsewhere.example/v1?key=abc"}),
            "answered 307 Temporary Redirect: (an empty body). It redirects to elsewhere.example/v1: " + GIVE_THAT,
        ),
        ((400, {"detail": "bad schema"}), "answered 400 Bad Request: bad schema"),
        ((400, {"detail": [{"at": "x"}]}), "answered 400 Bad Request: {'detail': [{'at': 'x'}]}"),
        ((400, b"\x1b[31mred\x07 \xff\n\n text"), "answered 400 Bad Request: [31mred \ufffd text"),
        ((499, b"gone"), "answered 499: gone"),
    ],
)
async def test_a_refusal_names_endpoint_status_reason_and_remedy(server, reply, answered, said):
    server.replies = [reply(*answered)]
    assert here(await fails(server, ModelError), server) == f"POST URL/v1/chat/completions {said}"


OPENAI = {
    "message": "maximum context length is 8 tokens",
    "type": "invalid_request_error",
    "code": "context_length_exceeded",
}
LLAMA = {
    "code": 400,
    "message": "request (5031 tokens) exceeds the available context size (4096 tokens), try increasing it",
    "type": "exceed_context_size_error",
    "n_prompt_tokens": 5031,
    "n_ctx": 4096,
}
VLLM = {
    "object": "error",
    "message": "This model's maximum context length is 4096 tokens. However, you requested 5031 tokens.",
    "type": "BadRequestError",
    "code": 400,
}


@pytest.mark.parametrize("status", [400, 413, 422, 500, 503])
@pytest.mark.parametrize(
    "body",
    [
        {"error": OPENAI},
        {"error": {**OPENAI, "message": "told otherwise"}},
        {"error": LLAMA},
        {"error": {**LLAMA, "message": "told otherwise"}},
        {"error": {"message": LLAMA["message"], "code": 500, "type": "server_error"}},
        VLLM,
        {"error": VLLM["message"]},
        {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8 maximum"},
        },
    ],
)
async def test_a_conversation_that_is_too_long_is_an_error_of_its_own_at_once(server, reply, status, body):
    server.replies = lambda _: reply(status, body)
    waits = Waits()
    said = await fails(server, ContextExceeded, waits)
    assert f"answered {status} " in said
    assert (len(server.received), waits) == (1, [])


async def test_a_conversation_that_is_too_long_may_be_told_in_a_success(server, reply):
    server.replies = [reply(200, {"error": OPENAI})]
    assert "maximum context length is 8 tokens" in await fails(server, ContextExceeded)


@pytest.mark.parametrize(
    "error",
    [
        {"message": "max_tokens is too large: 99. This model supports at most 8 completion tokens", "code": None},
        {"message": "Request too large for m on tokens per min (TPM)", "code": "rate_limit_exceeded"},
        {"message": "string too long", "code": "string_above_max_length"},
        {"message": "the context was cancelled", "type": ["exceed_context_size_error"]},
    ],
)
async def test_other_things_that_are_too_long_are_not(server, reply, error):
    server.replies = [reply(400, {"error": error})]
    await fails(server, ModelError)


async def test_an_excerpt_is_bounded(server, reply):
    server.replies = [reply(400, b"x" * 1_000_000)]
    said = await fails(server, ModelError)
    assert here(said, server) == f"POST URL/v1/chat/completions answered 400 Bad Request: {'x' * 500}…"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            b"<!DOCTYPE html>\n<title>Hub</title>",
            "with an HTML page in place of a completion: <!DOCTYPE html> <title>Hub</title>. Is the base URL",
        ),
        (b"", "with an empty body in place of a completion. Is the base URL"),
        (b'{"choices": [{"mess', 'with a body that is not JSON (Unterminated string starting at: line 1 column 15 (char 14)), 19 bytes: {"choices": [{"mess.'),
        (b"\xff\xfe\x00", "with a body that is not JSON ("),
        (b"[" * 100_000, "with a body that is not JSON (it is nested too deeply), 100,000 bytes: [["),
        (b"[1, 2]", "JSON that is list, not an object: [1, 2]"),
        (b'{"choices": []}', "200: the answer has no choices; its fields are choices"),
        (b'{"object": "list"}', "200: the answer has no choices; its fields are object"),
        (b'{"error": {"message": "upstream"}}', "200: the endpoint answered with an error in place of a completion"),
    ],
)  # fmt: skip
async def test_a_success_that_is_no_completion_is_a_bad_answer(server, reply, completion, body, said):
    server.replies = [reply(200, body), reply(200, completion())]
    message = await fails(server, BadAnswer)
    assert said in message
    assert here(message, server).startswith("POST URL/v1/chat/completions answered ")
    assert len(server.received) == 1


async def test_an_answer_beyond_the_bound_is_refused(server, reply, completion):
    server.replies = [reply(200, completion("x" * 2000))]
    said = await fails(server, BadAnswer, max_response_bytes=1000)
    assert here(said, server) == (
        "POST URL/v1/chat/completions answered more than 1,000 bytes: raise max_response_bytes if right"
    )


async def test_an_answer_without_end_is_left_at_the_bound():
    async def pour(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b" " * 10_000)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(pour, "127.0.0.1", 0) as pouring:
        url = f"http://127.0.0.1:{pouring.sockets[0].getsockname()[1]}"
        settings = {"timeout_seconds": 10, "max_retries": 0, "max_response_bytes": 100_000}
        async with ChatCompletions("m", base_url=url, **settings) as model:
            with pytest.raises(BadAnswer, match="answered more than 100,000 bytes"):
                await model.complete(REQUEST)


async def test_a_compressed_answer_is_bounded_by_what_it_opens_to(server, reply, completion):
    body = gzip.compress(json.dumps(completion("x" * 50_000_000)).encode())
    assert len(body) < 100_000
    server.replies = [reply(200, body, {"Content-Encoding": "gzip"})]
    assert "answered more than 1,000,000 bytes" in await fails(server, BadAnswer, max_response_bytes=1_000_000)


async def test_a_body_that_is_not_what_its_encoding_says_is_an_error(server, reply):
    server.replies = [reply(200, b"not gzip", {"Content-Encoding": "gzip"})]
    assert "cannot be decoded" in await fails(server, BadAnswer)


# --- credentials


@pytest.mark.parametrize("status", [200, 400, 401, 500])
async def test_no_error_repr_or_log_shows_a_key(server, reply, caplog, status):
    basic = "dXNlcjpwYXNzd29yZC0xMjM0NTY3OA=="  # user:password-12345678
    secrets = [KEY, "password-12345678", "azure-key-987654321", "header-key-987654321", basic]
    echo = {"error": {"message": f"Incorrect key: {' / '.join(secrets)}", "headers": "x" * 490 + KEY}}
    server.replies = lambda _: reply(status, echo)
    base = server.url.replace("http://", "http://user:password-12345678@") + "?api-version=1&key=azure-key-987654321"
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    caplog.set_level(logging.DEBUG)
    logging.getLogger().addHandler(handler)
    model = ChatCompletions(
        "m", base_url=base, api_key=KEY, headers={"X-Api-Key": "header-key-987654321"}, sleep=Waits(), max_retries=1
    )
    try:
        async with model:
            with pytest.raises(ModelError) as caught:
                await model.complete(REQUEST)
    finally:
        logging.getLogger().removeHandler(handler)
    shown = "".join(
        [str(caught.value), repr(caught.value), *traceback.format_exception(caught.value), repr(model), log.getvalue()]
    )
    assert [secret for secret in secrets if secret in shown] == []
    assert "HTTP Request: POST" in log.getvalue()  # the log was there to be seen
    assert server.received[0].path == "/v1/chat/completions?api-version=1&key=azure-key-987654321"
    assert server.received[0].headers["authorization"] == f"Bearer {KEY}"
    assert server.received[0].headers["x-api-key"] == "header-key-987654321"


@pytest.mark.parametrize("status", [200, 400])
async def test_a_key_across_the_end_of_an_excerpt_leaves_no_half(server, reply, status):
    server.replies = [reply(status, b"x" * 490 + KEY.encode())]
    with pytest.raises(ModelError) as caught:
        await ask(server, api_key=KEY)
    assert "sk-" not in str(caught.value)


@pytest.mark.parametrize("status", [200, 400])
async def test_a_key_in_escapes_is_not_shown_either(server, reply, status):
    server.replies = [reply(status, b'{"error": {"message": "wrong: ' + KEY.replace("-", "\\u002d").encode() + b'"}}')]
    with pytest.raises(ModelError, match=r"wrong: \[credential\]"):
        await ask(server, api_key=KEY)


async def test_name_and_password_of_the_base_url_are_sent_where_there_is_no_key(server, reply, completion):
    server.replies = [reply(200, completion())]
    base = server.url.replace("http://", "http://user:pass%20word@")
    async with ChatCompletions("m", base_url=base) as model:
        await model.complete(REQUEST)
    assert server.received[0].headers["authorization"] == "Basic dXNlcjpwYXNzIHdvcmQ="
    assert model.endpoint == server.url
    assert repr(model) == f"ChatCompletions('m', base_url='{server.url}')"


async def test_a_key_that_an_answer_echoes_does_not_reach_the_completion(server, reply, completion):
    server.replies = [reply(200, completion(f"Your key is {KEY}."))]
    assert (await ask(server, api_key=KEY)).message.text == "Your key is [credential]."


async def test_a_placeholder_for_a_key_leaves_answers_as_they_are(server, reply, completion):
    server.replies = [reply(200, completion("An EMPTY answer."))]
    assert (await ask(server, api_key="EMPTY")).message.text == "An EMPTY answer."


async def test_a_header_that_is_given_replaces_ours(server, reply, completion):
    server.replies = [reply(200, completion())]
    await ask(server, api_key=KEY, headers={"authorization": "Custom abc", "user-agent": "mine"})
    assert server.received[0].headers["authorization"] == "Custom abc"
    assert server.received[0].headers["user-agent"] == "mine"
    assert len(set(server.received[0].names)) == len(server.received[0].names)


async def test_blanks_around_a_key_do_no_harm(server, reply, completion):
    server.replies = [reply(200, completion())]
    await ask(server, api_key=f" {KEY}\n")
    assert server.received[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "settings",
    [
        {"api_key": "first-secret\nsecond-secret"},
        {"api_key": "sécret-secret"},
        {"headers": {"X-Key": "line\r\nsecret: break"}},
    ],
)
def test_a_key_that_http_cannot_carry_is_refused_and_not_shown(settings):
    with pytest.raises(RequestError) as caught:
        ChatCompletions("m", base_url="http://127.0.0.1:1/v1", **settings)
    name = next(iter(settings.get("headers", {"Authorization": ""})))
    assert str(caught.value) == (
        f"the value of the HTTP header {name} holds a line break or a character outside ASCII (value not shown)"
    )


def test_the_name_of_a_header_is_checked():
    with pytest.raises(RequestError, match="'X Team' is not the name of an HTTP header"):
        ChatCompletions("m", base_url="http://127.0.0.1:1/v1", headers={"X Team": "a"})


# --- arguments


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"name": " "}, "name is ' '; allowed: text that is not empty"),
        ({"timeout_seconds": 0}, "timeout_seconds is 0; allowed: more than 0"),
        ({"timeout_seconds": float("nan")}, "timeout_seconds is nan; allowed: more than 0"),
        ({"max_retries": -1}, "max_retries is -1; allowed: 0 or more"),
        ({"max_concurrency": 0}, "max_concurrency is 0; allowed: 1 or more, or None"),
        ({"max_response_bytes": 0}, "max_response_bytes is 0; allowed: 1 or more"),
    ],
)
def test_wrong_arguments_are_named(settings, said):
    with pytest.raises(RequestError) as caught:
        ChatCompletions(**{"name": "m", "base_url": "http://127.0.0.1:1/v1", **settings})
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("http://localhost:8080/v1", "http://localhost:8080/v1"),
        (" http://localhost:8080/v1/ ", "http://localhost:8080/v1"),
        ("http://localhost:8080/v1/chat/completions", "http://localhost:8080/v1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://API.example.com/openai/v1?api-version=1", "https://api.example.com/openai/v1"),
    ],
)
def test_base_urls_are_kept_in_one_form(given, kept):
    assert ChatCompletions("m", base_url=given).endpoint == kept


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("localhost:8080/v1", "localhost:8080/v1"),
        ("127.0.0.1", "127.0.0.1"),
        ("ftp://user:secret@host/x?key=secret", "host/x"),
        ("http://", "http://"),
        ("http://host:port/v1", "http://host:port/v1"),
        ("http://ho st/v1", "http://ho st/v1"),
        ("http://[::1/v1", "http://[::1/v1"),
        ("", ""),
    ],
)
def test_what_is_no_address_is_refused(given, shown):
    with pytest.raises(RequestError) as caught:
        ChatCompletions("m", base_url=given)
    assert str(caught.value) == (
        f'base URL "{shown}" is not an http or https address: write it whole, such as "http://127.0.0.1:8080/v1"'
    )
