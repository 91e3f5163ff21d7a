"""Log records in, sent to an OTLP endpoint over HTTP: protobuf, packed with gzip, tried again where that helps.

References:
    OpenTelemetry Protocol specification, "OTLP/HTTP Response", "OTLP/HTTP Throttling", "Partial Success".
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final

import httpx
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from agenteval.core.span import LogRecord
from agenteval.errors import RequestError, Undelivered
from agenteval.telemetry.otlp import PROTOBUF, encode_logs

_AT_ONCE: Final = 500
_ATTEMPTS: Final = 6
_LONGEST_WAIT: Final = 30.0
_SECONDS: Final = 30.0
_RETRYABLE: Final = frozenset({429, 502, 503, 504})
_SHOWN: Final = 200
_PATH: Final = "/v1/logs"


@dataclass(slots=True)
class Sent:
    """What came of sending.

    Attributes:
        accepted: Log records that the endpoint took.
        rejected: Those that it says it did not take.
        why: What it says of those.
    """

    accepted: int = 0
    rejected: int = 0
    why: str = ""


def send_logs(
    records: Iterable[LogRecord],
    endpoint: str,
    headers: Mapping[str, str],
    *,
    wait: Callable[[float], None] = time.sleep,
) -> Sent:
    """Send log records, 500 a request.

    Args:
        records: What is sent.
        endpoint: As exporters have it: `http://HOST:PORT`, or a whole address that ends in `/v1/logs`.
        headers: Sent with every request, such as an API key.
        wait: Waits for so many seconds.

    Raises:
        RequestError: The endpoint is no address, or refuses what it was sent.
        Undelivered: It cannot be reached, or answers that it is overloaded, six times.
    """
    result = Sent()
    waiting = iter(records)
    with httpx.Client(headers=dict(headers), timeout=_SECONDS, follow_redirects=False) as client:
        while batch := list(islice(waiting, _AT_ONCE)):
            body = gzip.compress(encode_logs(batch))
            answer = _delivered(client, _address(endpoint), body, wait, result)
            _count(answer, len(batch), result)
    return result


def _address(endpoint: str) -> str:
    url = endpoint.rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise RequestError(f'"{endpoint:.200}" is no address: give http://HOST:PORT or https://HOST:PORT')
    return url if url.endswith(_PATH) else url + _PATH


def _delivered(
    client: httpx.Client, url: str, body: bytes, wait: Callable[[float], None], result: Sent
) -> httpx.Response:
    problem = ""
    for attempt in range(_ATTEMPTS):
        try:
            answer = client.post(url, content=body, headers={"content-type": PROTOBUF, "content-encoding": "gzip"})
        except httpx.InvalidURL as error:
            raise RequestError(f'"{url:.200}" is no address: {error}') from error
        except httpx.TransportError as error:
            problem, pause = f"cannot be reached ({error or type(error).__name__})", 2.0**attempt
        else:
            if answer.is_success:
                return answer
            problem, pause = f"answers {answer.status_code}{_said(answer)}", _pause(answer, attempt)
            if answer.status_code not in _RETRYABLE:
                raise RequestError(f"{url} {problem}; {result.accepted} events were taken before")
        if attempt + 1 < _ATTEMPTS:
            wait(min(pause, _LONGEST_WAIT))
    raise Undelivered(f"{url} {problem}, {_ATTEMPTS} times; {result.accepted} events were taken before")


def _pause(answer: httpx.Response, attempt: int) -> float:
    """Seconds to wait: as the endpoint asks, else twice as long each time."""
    try:
        return max(0.0, float(answer.headers.get("retry-after", "")))
    except ValueError:
        return 2.0**attempt


def _said(answer: httpx.Response) -> str:
    """What can be read of the answer's body, which is a `google.rpc.Status`, or text of any kind."""
    body = answer.content
    if answer.headers.get("content-type", "").startswith(PROTOBUF):
        with suppress(DecodeError):
            body = Status.FromString(body).message.encode()
    text = "".join(char if char.isprintable() else " " for char in body[:_SHOWN].decode("utf-8", "replace"))
    return f": {' '.join(text.split())}" if text.strip() else ""


def _count(answer: httpx.Response, sent: int, result: Sent) -> None:
    """Count what was taken; an endpoint that answers no OTLP message took all, as far as it says."""
    rejected = 0
    if answer.headers.get("content-type", "").startswith(PROTOBUF):
        try:
            partial = ExportLogsServiceResponse.FromString(answer.content).partial_success
        except DecodeError:
            pass
        else:
            rejected = min(max(0, partial.rejected_log_records), sent)
            result.why = partial.error_message or result.why
    result.accepted += sent - rejected
    result.rejected += rejected
