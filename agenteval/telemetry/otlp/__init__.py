"""OTLP request bodies in, spans and log records out, and back: protobuf and JSON, nothing lost.

Decoding is lenient where the specification is (unknown fields, names of enumerations, ids of any case) and keeps ids
of spans as they came; `valid_spans` tells those that the specification forbids.

References:
    OpenTelemetry Protocol, opentelemetry/proto/{trace,logs,common,resource}/v1/*.proto.
    OpenTelemetry Protocol specification, "JSON Protobuf Encoding".
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from google.protobuf.internal import api_implementation

from agenteval.core.span import LogRecord, Span
from agenteval.errors import RequestError
from agenteval.telemetry.otlp import fromjson, protobuf, tojson, toprotobuf
from agenteval.telemetry.otlp.ids import valid_spans

__all__ = [
    "JSON",
    "PROTOBUF",
    "decode_logs",
    "decode_traces",
    "encode_logs",
    "encode_traces",
    "read_logs",
    "read_traces",
    "valid_spans",
]

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

if api_implementation.Type() == "python":  # pragma: no cover (an installation without the compiled part)
    raise RequestError(
        "protobuf runs without its compiled part, 300 times slower: unset PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION, "
        "or install a wheel of protobuf for this platform"
    )


def decode_traces(body: bytes, content_type: str = PROTOBUF) -> list[Span]:
    """The spans of an `ExportTraceServiceRequest`.

    Args:
        body: The request's body, without compression.
        content_type: `PROTOBUF` or `JSON`.

    Raises:
        RequestError: The body is no such message.
    """
    return read_traces(body, content_type)[0]


def decode_logs(body: bytes, content_type: str = PROTOBUF) -> list[LogRecord]:
    """The log records of an `ExportLogsServiceRequest`; those with a malformed id belong to no span.

    Args:
        body: The request's body, without compression.
        content_type: `PROTOBUF` or `JSON`.

    Raises:
        RequestError: The body is no such message.
    """
    return read_logs(body, content_type)[0]


def read_traces(body: bytes, content_type: str, *, most: int = sys.maxsize) -> tuple[list[Span], int]:
    """The first spans of a request, at most so many, and how many there are beyond. Raises as `decode_traces`."""
    return (fromjson if _is_json(content_type) else protobuf).traces(body, most)


def read_logs(body: bytes, content_type: str, *, most: int = sys.maxsize) -> tuple[list[LogRecord], int]:
    """The first log records of a request, at most so many, and how many there are beyond. Raises as `decode_logs`."""
    return (fromjson if _is_json(content_type) else protobuf).logs(body, most)


def encode_traces(spans: Sequence[Span], content_type: str = PROTOBUF) -> bytes:
    """An `ExportTraceServiceRequest` that decodes to the same spans in the same order.

    What OTLP cannot hold is written as the nearest that it can: integers beyond 64 bits and values nested more than
    30 levels deep as text, and in protobuf lone surrogates as U+FFFD.

    Raises:
        RequestError: An id is not hexadecimal.
    """
    return tojson.traces(spans) if _is_json(content_type) else toprotobuf.traces(spans)


def encode_logs(logs: Sequence[LogRecord], content_type: str = PROTOBUF) -> bytes:
    """An `ExportLogsServiceRequest` that decodes to the same log records in the same order; as `encode_traces`."""
    return tojson.logs(logs) if _is_json(content_type) else toprotobuf.logs(logs)


def _is_json(content_type: str) -> bool:
    if content_type not in (JSON, PROTOBUF):
        raise RequestError(f'OTLP bodies are "{PROTOBUF}" or "{JSON}"; this one is said to be "{content_type}"')
    return content_type == JSON
