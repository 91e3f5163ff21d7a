"""Two servers on loopback: the scripted model, and one that keeps every OTLP request as it came."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from recording import apis, script

_SIGNALS = ("traces", "logs", "metrics")


class Model(ThreadingHTTPServer):
    """Answers each request with the next line of the script."""

    def __init__(self, plot: script.Plot) -> None:
        super().__init__(("127.0.0.1", 0), _ModelHandler)
        self.answers = [answer for turn in plot.turns() for answer in turn]
        self.lock = threading.Lock()
        self.asked = 0


class _ModelHandler(BaseHTTPRequestHandler):
    server: Model

    def do_POST(self) -> None:
        request = json.loads(_body(self))
        api = apis.asked_by(self.path)
        if api is None:
            return self._answer(404, {"error": {"message": f"no {self.path} here", "type": "invalid_request_error"}})
        with self.server.lock:
            number = self.server.asked
            self.server.asked += 1
        if number >= len(self.server.answers):
            return self._answer(400, {"error": {"message": "the script is over", "type": "invalid_request_error"}})
        if request.get("stream") or ":stream" in self.path:
            return self._stream(apis.streamed(api, number, self.server.answers[number]))
        return self._answer(200, apis.answered(api, number, self.server.answers[number]))

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, events: Iterable[apis.Event]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for name, data in events:
            head = f"event: {name}\n" if name else ""
            self.wfile.write(f"{head}data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode())
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    """What a request holds, also where it comes in chunks."""
    if handler.headers.get("transfer-encoding", "").lower() != "chunked":
        return handler.rfile.read(int(handler.headers["content-length"]))
    pieces: list[bytes] = []
    while size := int(handler.rfile.readline().partition(b";")[0], 16):
        pieces.append(handler.rfile.read(size))
        handler.rfile.readline()
    while handler.rfile.readline().strip():
        pass  # trailers
    return b"".join(pieces)


class Receiver(ThreadingHTTPServer):
    """Keeps each OTLP request of traces and logs in a folder, in the order in which they came."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _ReceiverHandler)
        self.folder = folder
        self.lock = threading.Lock()
        self.index: list[dict[str, Any]] = []
        folder.mkdir(parents=True)

    def close(self) -> None:
        """Stop, and write down what came."""
        self.shutdown()
        self.server_close()
        (self.folder / "index.json").write_text(json.dumps(self.index, indent=1) + "\n")


class _ReceiverHandler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = _body(self)
        signal = self.path.rstrip("/").rsplit("/", 1)[-1]
        encoding = self.headers.get("content-encoding", "")
        if signal in {"traces", "logs"}:
            plain = gzip.decompress(body) if encoding == "gzip" else body
            with self.server.lock:
                number = len(self.server.index) + 1
                name = f"{number:03d}.{signal}.pb.gz"
                with gzip.GzipFile(self.server.folder / name, "wb", mtime=0) as file:
                    file.write(plain)
                self.server.index.append(
                    {"n": number, "signal": signal, "t_ns": time.time_ns(), "proto": "http", "method": "POST",
                     "path": self.path, "content_type": self.headers.get("content-type", ""),
                     "content_encoding": encoding, "file": name}
                )  # fmt: skip
        self.send_response(200 if signal in _SIGNALS else 404)
        self.send_header("content-type", self.headers.get("content-type", "application/x-protobuf"))
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        """Some clients ask whether somebody is there."""
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args: Any) -> None:
        """Say nothing."""
