"""OTLP over HTTP, the pages and the probes, as one ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from agenteval.errors import RequestError
from agenteval.intake.serving import host_and_port, is_loopback
from agenteval.service.metrics import CONTENT_TYPE
from agenteval.service.page import page_of
from agenteval.service.receiver import Held, Receiver
from agenteval.telemetry.answers import NOWHERE, OVERLOADED, SLOW, TOO_LARGE, WRONG_METHOD, WRONG_SCOPE, Refused
from agenteval.telemetry.otlp import JSON, PROTOBUF, encode_traces
from agenteval.telemetry.otlp.ids import TRACE_DIGITS, is_id
from agenteval.telemetry.receive import check_head, content_type_of, receive, signal_of

_HTTP = "http"
_CLOSE = {"connection": "close"}
_PAGE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Web:
    """The application: requests whose path is one of OTLP are taken in, others are pages.

    Args:
        receiver: What takes requests in.
    """

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._pages = Starlette(
            routes=[
                Route("/", self._status),
                Route("/healthz", _healthy),
                Route("/readyz", self._ready),
                Route("/metrics", self._metrics),
                Route("/api/traces/{trace_id}", self._trace),
            ],
            exception_handlers={Refused: _refusal, 404: _nowhere, 405: _wrong_method},
        )

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or signal_of(scope["path"]) is None:
            await self._pages(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self._take(request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    # --- OTLP

    async def _take(self, request: Request) -> Response:
        headers = _headers(request)
        kind = content_type_of(headers)
        kind = kind if kind in (PROTOBUF, JSON) else JSON
        try:
            return await self._stored(request, headers)
        except Refused as error:
            refused = error.with_traceback(None)  # which holds the body, and would be held by what it holds
            await self._discard(request)
        except asyncio.CancelledError:
            if not self._receiver.gate.closed:
                raise
            # it outlived the time to drain; what it brought may still be stored, and may be repeated without harm
            refused = Refused(OVERLOADED, "this receiver is shutting down; repeat the request", headers=_CLOSE)
        self._receiver.refused(refused, _HTTP)
        return _answer(refused, kind)

    async def _stored(self, request: Request, headers: Mapping[str, str]) -> Response:
        """What is answered once a request is committed. Raises Refused."""
        method, path = request.method, request.url.path
        async with self._receiver.admitted(headers, signal_of(path) or "", _HTTP) as (key, held):
            check_head(method, path, headers)
            body = await self._body(request, held)
            read = partial(receive, method, path, headers, body, self._receiver.limits)
            received = await self._receiver.store_it(key, held, read)
            return Response(received.body, headers={"content-type": received.content_type})

    async def _body(self, request: Request, held: Held) -> bytes:
        """The body of a request, as it came. Raises Refused where it is too large, or comes too slowly."""
        most = self._receiver.limits.body_bytes
        told = request.headers.get("content-length", "")
        if told.isascii() and told.isdigit() and int(told) > most:
            raise _too_large(most)
        pieces: list[bytes] = []
        try:
            async with asyncio.timeout(self._receiver.settings.body_seconds):
                async for piece in request.stream():
                    if held.size + len(piece) > most:
                        raise _too_large(most)
                    held.more(len(piece))
                    pieces.append(piece)
        except TimeoutError:
            seconds = self._receiver.settings.body_seconds
            raise Refused(SLOW, f"the body did not come within {seconds:g} s", headers=_CLOSE) from None
        return b"".join(pieces)

    async def _discard(self, request: Request) -> None:
        """Read what is left of a body, within bounds: many clients look for an answer only once they have sent all."""
        left = 2 * self._receiver.limits.body_bytes
        if "expect" in request.headers:
            return
        try:
            async with asyncio.timeout(self._receiver.settings.body_seconds):
                async for piece in request.stream():
                    left -= len(piece)
                    if left < 0:
                        return
        except (TimeoutError, RuntimeError, ClientDisconnect):  # RuntimeError: it was read already
            return
        except asyncio.CancelledError:  # the time to drain is over: answer all the same
            if not self._receiver.gate.closed:
                raise

    # --- pages

    async def _ready(self, request: Request) -> Response:
        del request
        why = self._receiver.not_ready()
        self._receiver.metrics.ready.set(why is None)
        return JSONResponse({"ready": why is None, "why": why}, status_code=200 if why is None else 503)

    async def _metrics(self, request: Request) -> Response:
        self._may_read(request)
        self._receiver.metrics.ready.set(self._receiver.not_ready() is None)
        return Response(self._receiver.metrics.text(), headers={"content-type": CONTENT_TYPE})

    async def _trace(self, request: Request) -> Response:
        self._may_read(request)
        trace_id = request.path_params["trace_id"].lower()
        if not is_id(trace_id, TRACE_DIGITS):
            raise Refused(NOWHERE, f"{trace_id!r:.80} is no trace id; one has {TRACE_DIGITS} hexadecimal digits")
        spans, _ = await run_in_threadpool(self._receiver.store.read, [trace_id])
        return Response(encode_traces(spans, JSON), headers={"content-type": JSON, "cache-control": "no-store"})

    async def _status(self, request: Request) -> Response:
        self._may_read(request)
        page = await run_in_threadpool(page_of, self._receiver.store, self._receiver.not_ready())
        return HTMLResponse(page, headers=_PAGE_HEADERS)

    def _may_read(self, request: Request) -> None:
        """Refuse who has no key for reading or, where there are no keys, a page that another site's name leads to."""
        key = self._receiver.keys.admit(dict(request.headers), "read")
        if key is None and not _names_this_machine(request.headers.get("host", "")):
            raise Refused(WRONG_SCOPE, "without API keys, pages are shown under the name of this machine alone")


def _names_this_machine(host: str) -> bool:
    with_port = host.rpartition(":")[2].isdigit()
    try:
        return is_loopback(host_and_port(host if with_port else f"{host}:80")[0])
    except RequestError:
        return False


def _too_large(most: int) -> Refused:
    return Refused(TOO_LARGE, f"the body is larger than {most} bytes; send smaller batches")


async def _healthy(request: Request) -> Response:
    del request
    return JSONResponse({"healthy": True})


def _headers(request: Request) -> dict[str, str]:
    """Headers by lower-case name; of one that stands on several lines, all of its values."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _answer(refused: Refused, kind: str) -> Response:
    return Response(refused.body(kind), status_code=refused.kind.http, headers=refused.headers(kind))


async def _refusal(request: Request, error: Exception) -> Response:
    refused = error if isinstance(error, Refused) else Refused(NOWHERE, str(error))
    return _answer(refused, PROTOBUF if content_type_of(request.headers) == PROTOBUF else JSON)


async def _nowhere(request: Request, error: Exception) -> Response:
    del error
    path = request.url.path
    told = f"{path!r:.200} is nowhere; OTLP is taken at paths that end in /v1/traces, /v1/logs and /v1/metrics"
    return await _refusal(request, Refused(NOWHERE, told))


async def _wrong_method(request: Request, error: Exception) -> Response:
    del error
    told = f"{request.method!r:.40} is not taken here; this is a page, and OTLP is taken at /v1/traces and the like"
    return await _refusal(request, Refused(WRONG_METHOD, told, headers={"allow": "GET, HEAD"}))
