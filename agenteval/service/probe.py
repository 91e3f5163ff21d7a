"""A receiver's address in, whether a span that is sent there can be read back out."""

from __future__ import annotations

import gzip
import secrets
import time
from collections.abc import Iterator

import httpx

from agenteval._util.version import __version__
from agenteval.core.span import Span
from agenteval.errors import RequestError
from agenteval.experiment.doctor import Examined
from agenteval.telemetry.otlp import JSON, PROTOBUF, decode_traces, encode_traces

_SECONDS = 15.0
_SHOWN = 200


def examine_receiver(url: str, key: str | None) -> list[Examined]:
    """Ask a receiver whether it is ready, send it a span, and read that back. Raises nothing.

    Args:
        url: Where it is, as exporters have it: `http://HOST:PORT`.
        key: An API key with the scopes `ingest` and `read`, where it asks for one.
    """
    headers = {} if key is None else {"x-api-key": key}
    try:
        with httpx.Client(base_url=url, headers=headers, timeout=_SECONDS, trust_env=False) as client:
            return list(_examined(client, url))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        remedy = "start one with `agenteval serve`, and give the address that it prints for HTTP"
        return [_look("receiver", f"{url}: cannot be reached ({error})", remedy)]


def _examined(client: httpx.Client, url: str) -> Iterator[Examined]:
    ready = client.get("/readyz")
    yield _one("receiver", ready, f"{url}: ready", "look at its log")
    span = _span()
    body = gzip.compress(encode_traces([span]))
    began = time.monotonic()
    sent = client.post("/v1/traces", content=body, headers={"content-type": PROTOBUF, "content-encoding": "gzip"})
    if sent.status_code != httpx.codes.OK:
        yield _one("a span sent", sent, "", "give a key that may ingest in AGENTEVAL_RECEIVER_KEY")
        return
    took = time.monotonic() - began
    yield Examined(what="a span sent", told=f"acknowledged after {took * 1000:.0f} ms")
    read = client.get(f"/api/traces/{span.trace_id}")
    if read.status_code != httpx.codes.OK:
        yield _one("a span read back", read, "", "give a key that may read, too, in AGENTEVAL_RECEIVER_KEY")
        return
    yield _read_back(span, read.content)


def _read_back(span: Span, body: bytes) -> Examined:
    try:
        found = [(one.span_id, one.name, dict(one.attributes)) for one in decode_traces(body, JSON)]
    except RequestError as error:
        return _look("a span read back", f"the answer is no OTLP: {error}", "is this address a receiver of agenteval?")
    if found != [(span.span_id, span.name, dict(span.attributes))]:
        return _look("a span read back", "it is not what was sent", "look at the receiver's log and at its store")
    return Examined(what="a span read back", told=f"trace {span.trace_id}, to the letter")


def _span() -> Span:
    now = time.time_ns()
    return Span(
        trace_id=secrets.token_hex(16),
        span_id=secrets.token_hex(8),
        name="agenteval doctor",
        start_ns=now,
        end_ns=now,
        attributes={"agenteval.doctor": True},
        resource={"service.name": "agenteval-doctor"},
        scope={"name": "agenteval.doctor", "version": __version__},
    )


def _one(what: str, answer: httpx.Response, good: str, remedy: str) -> Examined:
    if answer.status_code == httpx.codes.OK:
        return Examined(what=what, told=good)
    said = " ".join(answer.text.split())[:_SHOWN] if answer.headers.get("content-type") == JSON else ""
    return _look(what, f"answered {answer.status_code} {said}".rstrip(), remedy)


def _look(what: str, told: str, remedy: str) -> Examined:
    return Examined(what=what, told=told, ok=False, remedy=remedy)
