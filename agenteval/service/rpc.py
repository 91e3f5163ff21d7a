"""OTLP over gRPC: the services for traces, logs and metrics, their messages as bytes.

References:
    OpenTelemetry Protocol specification, "OTLP/gRPC"; gRPC's `grpc-status-details-bin`, a `google.rpc.Status`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import grpc

from agenteval.service.receiver import Receiver
from agenteval.telemetry.answers import MALFORMED, SLOW, Refused
from agenteval.telemetry.otlp import PROTOBUF
from agenteval.telemetry.receive import take

_GRPC = "grpc"
_METHODS = {
    f"/opentelemetry.proto.collector.{package}.v1.{service}/Export": signal
    for package, service, signal in (
        ("trace", "TraceService", "traces"),
        ("logs", "LogsService", "logs"),
        ("metrics", "MetricsService", "metrics"),
    )
}
_Any: Any = grpc
"""gRPC comes without types."""


_AT_ONCE = 16
"""Messages that are received at once: each is held whole before its size is known."""


def server(receiver: Receiver) -> Any:
    """A gRPC server without a port, not yet started."""
    slots = asyncio.Semaphore(_AT_ONCE)
    # on the wire a call is the same whether its one message is taken for a stream; so it is looked at before that comes
    handlers = {
        path: _Any.stream_unary_rpc_method_handler(partial(_export, receiver, slots, signal))
        for path, signal in _METHODS.items()
    }
    return _Any.aio.server(
        handlers=[_Handlers(handlers)],
        options=[
            ("grpc.max_receive_message_length", receiver.limits.body_bytes),
            ("grpc.max_concurrent_streams", 128),  # of one connection
            ("grpc.so_reuseport", 0),  # two receivers on one port would share it in silence
        ],
    )


class _Handlers(_Any.GenericRpcHandler):
    def __init__(self, handlers: dict[str, Any]) -> None:
        self._handlers = handlers

    def service(self, handler_call_details: Any) -> Any:
        """The handler of a call; None where there is no such method."""
        return self._handlers.get(handler_call_details.method)


async def _export(
    receiver: Receiver, slots: asyncio.Semaphore, signal: str, messages: AsyncIterator[bytes], context: Any
) -> bytes:
    del messages  # whose iterator holds the last one for as long as it lives
    answer = await _taken(receiver, slots, signal, context)
    if not isinstance(answer, Refused):
        return answer
    receiver.refused(answer, _GRPC)
    context.set_trailing_metadata(_trailing(answer))
    return await context.abort(getattr(_Any.StatusCode, answer.kind.grpc), answer.message)


async def _taken(receiver: Receiver, slots: asyncio.Semaphore, signal: str, context: Any) -> bytes | Refused:
    """What is answered to a call. Of its own, because an aborted call keeps the frame that aborted it."""
    headers = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
    try:
        async with receiver.admitted(headers, signal, _GRPC) as (key, held):
            body = await _message(receiver, slots, context)
            held.more(len(body))
            read = partial(take, signal, body, PROTOBUF, receiver.limits)
            return (await receiver.store_it(key, held, read)).body
    except Refused as refused:
        return refused.with_traceback(None)  # which holds the body


async def _message(receiver: Receiver, slots: asyncio.Semaphore, context: Any) -> bytes:
    """The message of a call. Raises Refused where there is none, or it comes too slowly."""
    seconds = receiver.settings.body_seconds
    try:
        async with asyncio.timeout(seconds), slots:
            message = await context.read()
    except TimeoutError:
        raise Refused(SLOW, f"the message did not come within {seconds:g} s") from None
    if message is _Any.aio.EOF:
        raise Refused(MALFORMED, "the call ended without a message")
    return message


def _trailing(refused: Refused) -> tuple[tuple[str, bytes], ...]:
    """The status with its details, and when to come again, each where exporters look for it."""
    status = refused.status()
    details = [("grpc-status-details-bin", status.SerializeToString())]
    return (*details, *(("google.rpc.retryinfo-bin", detail.value) for detail in status.details))
