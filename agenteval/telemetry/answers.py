"""What an OTLP receiver answers: a refusal as HTTP and gRPC have it, and export responses, in both encodings.

References:
    OpenTelemetry Protocol specification, "OTLP/HTTP Response" and "OTLP/gRPC": every 4xx and 5xx has a
    `google.rpc.Status` for its body; which codes a client may retry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from agenteval.errors import AgentEvalError
from agenteval.telemetry.otlp import JSON, PROTOBUF

LONGEST_WAIT = 2
"""Seconds that a client is asked to wait at most: SDK exporters drop a batch that they cannot deliver in ten."""

_LONGEST_MESSAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A reason to refuse: its HTTP status and its gRPC status code, by number and by name."""

    http: int
    code: int
    grpc: str
    retry: bool = False


MALFORMED = Kind(http=400, code=3, grpc="INVALID_ARGUMENT")
NO_KEY = Kind(http=401, code=16, grpc="UNAUTHENTICATED")
WRONG_SCOPE = Kind(http=403, code=7, grpc="PERMISSION_DENIED")
NOWHERE = Kind(http=404, code=5, grpc="NOT_FOUND")
WRONG_METHOD = Kind(http=405, code=12, grpc="UNIMPLEMENTED")
SLOW = Kind(http=408, code=4, grpc="DEADLINE_EXCEEDED")
TOO_LARGE = Kind(http=413, code=8, grpc="RESOURCE_EXHAUSTED")
WRONG_TYPE = Kind(http=415, code=3, grpc="INVALID_ARGUMENT")
TOO_OFTEN = Kind(http=429, code=14, grpc="UNAVAILABLE", retry=True)
BROKEN = Kind(http=500, code=13, grpc="INTERNAL")
OVERLOADED = Kind(http=503, code=14, grpc="UNAVAILABLE", retry=True)


class Refused(AgentEvalError):
    """A request that is not taken.

    Args:
        kind: Why, as protocols have it.
        message: Why, in words.
        wait: Seconds after which a repetition may be taken; only where `kind.retry`.
        headers: More headers of the HTTP response.
    """

    def __init__(self, kind: Kind, message: str, *, wait: int = 1, headers: Mapping[str, str] | None = None) -> None:
        """Keep what the answer is made of."""
        super().__init__(message)
        self.kind = kind
        self.message = message if len(message) <= _LONGEST_MESSAGE else message[: _LONGEST_MESSAGE - 1] + "…"
        self.wait = max(1, min(wait, LONGEST_WAIT)) if kind.retry else None
        self._headers = dict(headers or {})

    def headers(self, content_type: str) -> dict[str, str]:
        """The headers of the HTTP response."""
        retry = {} if self.wait is None else {"retry-after": str(self.wait)}
        return {"content-type": content_type, **retry, **self._headers}

    def status(self) -> Status:
        """As a `google.rpc.Status`, with when to come again."""
        status = Status(code=self.kind.code, message=_encodable(self.message))
        if self.wait is not None:
            info = RetryInfo()
            info.retry_delay.seconds = self.wait
            status.details.add().Pack(info)
        return status

    def body(self, content_type: str) -> bytes:
        """That status in the encoding of the request; protobuf where it has another."""
        if content_type != JSON:
            return self.status().SerializeToString()
        status: dict[str, Any] = {"code": self.kind.code, "message": _encodable(self.message)}
        if self.wait is not None:
            info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{self.wait}s"}
            status["details"] = [info]
        return orjson.dumps(status)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


_RESPONSES: dict[str, tuple[type[Any], str, str]] = {
    "traces": (ExportTraceServiceResponse, "rejected_spans", "rejectedSpans"),
    "logs": (ExportLogsServiceResponse, "rejected_log_records", "rejectedLogRecords"),
    "metrics": (ExportMetricsServiceResponse, "rejected_data_points", "rejectedDataPoints"),
}

SIGNALS = tuple(_RESPONSES)


def accepted(signal: str, content_type: str = PROTOBUF, *, rejected: int = 0, message: str = "") -> bytes:
    """An export response: everything was taken, or all but some, or all with a warning.

    Args:
        signal: One of `SIGNALS`.
        content_type: The encoding of the request, which is that of the response.
        rejected: How many spans or log records were not taken.
        message: Why; or a warning where all were.
    """
    kind, snake, camel = _RESPONSES[signal]
    message = _encodable(message[:_LONGEST_MESSAGE])
    if content_type == JSON:
        partial = {camel: str(rejected)} if rejected else {}
        said = {"errorMessage": message} if message else {}
        return orjson.dumps({"partialSuccess": {**partial, **said}} if partial or said else {})
    response = kind()
    if rejected or message:
        setattr(response.partial_success, snake, rejected)
        response.partial_success.error_message = message
    return response.SerializeToString()
