"""OTLP over gRPC: the services for traces, logs and metrics, their messages as bytes.

References:
    OpenTelemetry Protocol specification, "OTLP/gRPC"; gRPC's `grpc-status-details-bin`, a `google.rpc.Status`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import grpc

from agenteval.service.receiver import Receiver
from agenteval.telemetry.answers import Refused
from agenteval.telemetry.otlp import PROTOBUF
from agenteval.telemetry.receive import Received, take

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


def server(receiver: Receiver) -> Any:
    """A gRPC server without a port, not yet started."""
    handlers = {
        path: _Any.unary_unary_rpc_method_handler(partial(_export, receiver, signal))
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


async def _export(receiver: Receiver, signal: str, body: bytes, context: Any) -> bytes:
    metadata = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
    try:
        async with receiver.admitted(metadata, signal, _GRPC) as (key, held):
            held.more(len(body))
            received: Received = await receiver.store_it(
                key, held, partial(take, signal, body, PROTOBUF, receiver.limits)
            )
            return received.body
    except Refused as refused:
        receiver.refused(refused, _GRPC)
        context.set_trailing_metadata(_trailing(refused))
        return await context.abort(getattr(_Any.StatusCode, refused.kind.grpc), refused.message)


def _trailing(refused: Refused) -> tuple[tuple[str, bytes], ...]:
    """The status with its details, and when to come again, each where exporters look for it."""
    status = refused.status()
    details = [("grpc-status-details-bin", status.SerializeToString())]
    return (*details, *(("google.rpc.retryinfo-bin", detail.value) for detail in status.details))
