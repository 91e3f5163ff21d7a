"""A real HTTP server on loopback whose answers a test scripts, and which counts what reaches it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass
class Reply:
    """What the server does: answers, drops the connection, cuts the body short, or stays silent until the test ends."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    does: str = "answer"

    @property
    def bytes(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Received:
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes
    names: list[str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Server:
    """Answers with its replies in order; a function makes a reply from each request."""

    def __init__(self) -> None:
        self.replies: list[Reply] | Callable[[Received], Reply] = []
        self.received: list[Received] = []
        self.connections = 0
        self.at_once = 0
        self.most_at_once = 0
        self.arrived = threading.Event()
        self.released = threading.Event()
        self.lock = threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                with owner.lock:
                    owner.connections += 1
                super().setup()

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", "0"))
                pairs = [(name.lower(), value) for name, value in self.headers.items()]
                got = Received(self.path, dict(pairs), self.rfile.read(length), [name for name, _ in pairs])
                with owner.lock:
                    owner.received.append(got)
                    owner.at_once += 1
                    owner.most_at_once = max(owner.most_at_once, owner.at_once)
                owner.arrived.set()
                try:
                    reply = owner.replies(got) if callable(owner.replies) else owner.next_reply()
                finally:
                    with owner.lock:
                        owner.at_once -= 1
                self.carry_out(reply)

            def carry_out(self, reply: Reply) -> None:
                if reply.does == "drop":
                    self.close_connection = True
                    return
                if reply.does == "silence":
                    owner.released.wait()
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.bytes)))
                self.end_headers()
                if reply.does == "cut":
                    self.wfile.write(reply.bytes[: len(reply.bytes) // 2])
                    self.close_connection = True
                    return
                try:
                    self.wfile.write(reply.bytes)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # the client had read enough

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class names it so)
                pass

        class Counting(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        self.http = Counting(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}/v1"

    def next_reply(self) -> Reply:
        with self.lock:
            assert isinstance(self.replies, list)
            return self.replies.pop(0) if self.replies else Reply(418, b"the test scripted no further reply")

    def close(self) -> None:
        self.released.set()
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def reply() -> type[Reply]:
    return Reply


@pytest.fixture
def completion() -> Callable[..., dict[str, Any]]:
    """The JSON of a small completion."""

    def make(content: str | None = "Hello.", **fields: Any) -> dict[str, Any]:
        message = {"role": "assistant", "content": content}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"id": "chatcmpl-1", "model": "m-1", "object": "chat.completion", "choices": [choice], **fields}

    return make
