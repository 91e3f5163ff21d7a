"""A folder of OTLP request bodies with the truth beside them in, spans, log records and what really happened out.

A capture is a folder with `wire/`, which holds request bodies without their transport's compression, gzipped on disk
and named `NNN.traces.pb.gz` or `NNN.logs.pb.gz`, and `truth.json`: what happened, from the model server's and the
tools' own logs.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from agenteval.core.span import Attribute, LogRecord, Span
from agenteval.errors import RequestError
from agenteval.telemetry.otlp import decode_logs, decode_traces

_LARGEST_BODY = 256 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """What was sent, and what happened.

    Attributes:
        truth: The content of `truth.json`.
        bodies: Every decoded request body, in order.
    """

    name: str
    truth: Mapping[str, Any]
    spans: Sequence[Span]
    logs: Sequence[LogRecord]
    bodies: Sequence[bytes]
    numbers: frozenset[float] = field(default_factory=frozenset[float])

    def carries(self, value: Any) -> bool:
        """Whether a value is on the wire: each text in it as it is or escaped as JSON, however deep."""
        if isinstance(value, Mapping):
            return all(self.carries(item) for item in cast("Mapping[str, Any]", value).values())
        if isinstance(value, (list, tuple)):
            return all(self.carries(item) for item in cast("Sequence[Any]", value))
        if value is None or isinstance(value, bool):
            return True
        if isinstance(value, str):
            return any(form in body for form in _forms(value) for body in self.bodies)
        number = re.compile(rb"(?<![\d.])" + re.escape(json.dumps(value).encode()) + rb"(?![\d.])")
        return value in self.numbers or any(number.search(body) for body in self.bodies)

    def counts(self, number: float) -> bool:
        """Whether an attribute is this number."""
        return number in self.numbers


def captures_in(folder: Path) -> list[Path]:
    """The folder itself where it is a capture, else the captures in it.

    Raises:
        RequestError: There is none.
    """
    if (folder / "truth.json").is_file():
        return [folder]
    found = sorted(file.parent for file in folder.glob("*/truth.json"))
    if not found:
        raise RequestError(
            f"{folder} holds no capture: a folder with truth.json and wire/NNN.traces.pb.gz, or a folder of such ones"
        )
    return found


def read_capture(folder: Path) -> Capture:
    """Read a capture.

    Raises:
        RequestError: A file is missing or cannot be read as what it should be.
    """
    truth = _truth(folder / "truth.json")
    files = sorted([*folder.glob("wire/*.traces.pb.gz"), *folder.glob("wire/*.logs.pb.gz")])
    if not files:
        raise RequestError(f"{folder}/wire holds no NNN.traces.pb.gz")
    spans: list[Span] = []
    logs: list[LogRecord] = []
    bodies: list[bytes] = []
    for file in files:
        body = _unzipped(file)
        bodies.append(body)
        try:
            if ".traces." in file.name:
                spans += decode_traces(body)
            else:
                logs += decode_logs(body)
        except RequestError as error:
            raise RequestError(f"{file}: {error}") from error
    numbers = frozenset(
        number for item in (*spans, *logs) for number in _numbers([dict(item.attributes), getattr(item, "body", None)])
    )
    return Capture(name=folder.name, truth=truth, spans=spans, logs=logs, bodies=bodies, numbers=numbers)


def _truth(file: Path) -> Mapping[str, Any]:
    try:
        truth: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError(f"{file} cannot be read: {error}") from error
    held = cast("dict[str, Any]", truth) if isinstance(truth, dict) else {}
    if not isinstance(held.get("conversations"), list):
        raise RequestError(f"{file} has no list `conversations`")
    return held


def _unzipped(file: Path) -> bytes:
    try:
        with gzip.open(file) as body:
            data = body.read(_LARGEST_BODY + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise RequestError(f"{file} cannot be read: {error}") from error
    if len(data) > _LARGEST_BODY:
        raise RequestError(f"{file} holds more than {_LARGEST_BODY // 2**20} MiB")
    return data


def _forms(text: str) -> Iterator[bytes]:
    """A text as it may stand in a body: plain, or escaped once or twice as JSON."""
    yield text.encode(errors="surrogatepass")
    for ascii_only in (True, False):
        once = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield once.encode(errors="surrogatepass")
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1].encode(errors="surrogatepass")


def _numbers(value: Attribute) -> Iterator[float]:
    """The numbers among attributes, those written as text included."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _numbers(item)
    elif isinstance(value, (list, tuple)):
        for item in cast("Sequence[Attribute]", value):
            yield from _numbers(item)
    elif isinstance(value, str):
        if value.isdecimal() and len(value) < 16:
            yield float(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield value
