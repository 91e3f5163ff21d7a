"""The `chat` agent from the command line, against an endpoint on loopback that keeps what it is asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

REFUSED = (400, {"error": {"message": "maximum context length is 8 tokens", "code": "context_length_exceeded"}})


class Endpoint:
    """Answers `answers` in turn, the last of them for ever."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answers: list[tuple[int, Any]] = [said("Here you are.")]
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                owner.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                status, body = owner.answers[min(len(owner.asked), len(owner.answers)) - 1]
                sent = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class names it so)
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def options(self) -> tuple[str, ...]:
        url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"
        return ("--agent", "chat", "--model", "openai:small", "--base-url", url)

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()


def said(text: str, usage: Any = None, **message: Any) -> tuple[int, Any]:
    body = {"model": "small", "choices": [{"message": {"role": "assistant", "content": text, **message}}]}
    return 200, body if usage is None else {**body, "usage": usage}


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    running = Endpoint()
    yield running
    running.close()


def test_the_model_is_asked_with_the_settings_also_on_resume(
    answer: Callable[..., Any], endpoint: Endpoint, command: Callable[..., Any]
) -> None:
    settings = ("--max-tokens", "7", "--temperature", "0", "--retries", "0")
    endpoint.answers = [(401, {}), (401, {}), said("Here you are.")]
    first = answer("run", "./till", *endpoint.options, *settings, code=3)
    assert first["report"]["statuses"]["invalid"] == 2
    kept = first["report"]["run"]["settings"]
    assert (kept["max_tokens"], kept["temperature"]) == (7, 0)
    assert answer("run", "--resume")["report"]["statuses"]["completed"] == 2
    assert len(endpoint.asked) == 4
    assert {(asked["max_tokens"], asked["temperature"]) for asked in endpoint.asked} == {(7, 0)}
    again = command("run", "--resume", first["run"], "--max-tokens", "8", "till")
    assert again.returncode == 2
    assert "leave out SUITE, --max-tokens" in again.stderr


def test_what_is_not_set_is_not_asked(answer: Callable[..., Any], endpoint: Endpoint) -> None:
    answer("run", "./till", *endpoint.options)
    assert all({"max_tokens", "temperature"}.isdisjoint(asked) for asked in endpoint.asked)
    assert len(endpoint.asked) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--agent", "adder", "--max-tokens", "5"),
            "--max-tokens: only the agent `chat` takes it, and none of these is",
        ),
        (("--agent", "adder", "--temperature", "0"), "--temperature: only the agent `chat`"),
        (("--agent", "chat", "--max-tokens", "0"), "max-tokens is 0; it must be 1 or more"),
        (("--agent", "chat", "--temperature", "-1"), "temperature is -1; it must be 0 or more"),
        (("--agent", "chat", "--temperature", "nan"), "temperature is nan; it must be 0 or more"),
    ],
)
def test_settings_that_nobody_takes_are_refused(
    command: Callable[..., Any], arguments: tuple[str, ...], message: str
) -> None:
    done = command("run", "./till", *arguments, "--model", "openai:x", "--base-url", "http://127.0.0.1:9/v1")
    assert done.returncode == 2
    assert message in done.stderr


def test_a_chat_agent_of_another_name_takes_them(answer: Callable[..., Any], endpoint: Endpoint) -> None:
    _, _, *model = endpoint.options
    answer("run", "./till", "--agent", "adder", "--agent", "small=chat", *model, "--max-tokens", "9")
    assert {asked["max_tokens"] for asked in endpoint.asked} == {9}


def test_a_conversation_that_is_too_long_is_scored_and_not_tried_again(
    answer: Callable[..., Any], endpoint: Endpoint
) -> None:
    endpoint.answers = [REFUSED]
    report = answer("run", "./till", *endpoint.options)["report"]
    assert (report["statuses"]["limit"], report["trials_total"]) == (2, 2)
    assert {trial["conclusion"] for trial in report["trials"]} == {"failed"}
    assert {trial["fault_of"] for trial in report["trials"]} == {None}
    assert all("maximum context length is 8 tokens" in trial["error"] for trial in report["trials"])
    assert len(endpoint.asked) == 2


def test_tokens_and_cost_are_in_the_report(
    answer: Callable[..., Any], command: Callable[..., Any], endpoint: Endpoint
) -> None:
    asks = [{"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"by": 1}'}}]
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 40}}
    endpoint.answers = [said("", usage, tool_calls=asks), said("Done."), said("Done.", usage)]
    prices = ("--price", "input=2,output=10,cached_input=1", "--concurrency", "1")
    report = answer("run", "./till", "--agent", "lazy", *endpoint.options, *prices)["report"]
    figures = {agent["agent"]: agent["used"] for agent in report["agents"]}
    sums = {name: (one["total"], one["counted"], one["left_out"]) for name, one in figures["chat"].items()}
    seconds = sums.pop("seconds")
    assert (seconds[0] > 0, seconds[1:]) == (True, (2, 0))
    assert sums == {
        "model_calls": (3, 2, 0),
        "tool_calls": (1, 2, 0),
        "input_tokens": (200, 2, 1),
        "cached_tokens": (80, 2, 1),
        "cache_write_tokens": (None, 0, 3),
        "output_tokens": (20, 2, 1),
        "reasoning_tokens": (None, 0, 3),
        "cost_usd": (pytest.approx(2 * (60 * 2 + 40 * 1 + 10 * 10) / 1e6), 2, 1),
    }
    # the mean is of the one trial in which every call reported it
    assert [figures["chat"]["input_tokens"]["per_trial"][name] for name in ("estimate", "counted", "left_out")] == [
        100,
        1,
        1,
    ]
    assert [figures["lazy"][name]["total"] for name in ("model_calls", "input_tokens", "cost_usd")] == [0, None, None]
    text = command("report", env={"COLUMNS": "120"}).stdout
    assert "200 +1?" in text
    assert "+3?: three model calls" in text
    assert "not measured: cache-write tokens, reasoning tokens\n" in text
