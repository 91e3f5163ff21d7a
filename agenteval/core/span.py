"""OTLP spans and log records as values, nothing lost. Knows nothing of what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Attribute: TypeAlias = "bool | int | float | str | bytes | Sequence[Attribute] | Mapping[str, Attribute] | None"
"""An OTLP `AnyValue`: JSON, and bytes."""

Attributes: TypeAlias = Mapping[str, Attribute]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanEvent:
    """Something that happened at one moment of a span."""

    name: str
    at_ns: int
    attributes: Attributes = field(default_factory=dict[str, Attribute])
    dropped_attributes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanLink:
    """A reference from one span to another."""

    trace_id: str
    span_id: str
    trace_state: str = ""
    attributes: Attributes = field(default_factory=dict[str, Attribute])
    dropped_attributes: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanStatus:
    """OTLP status: `code` is 0 unset, 1 ok, 2 error."""

    code: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One OTLP span, nothing lost.

    Attributes:
        trace_id: 32 lower-case hexadecimal digits.
        span_id: 16 lower-case hexadecimal digits.
        parent_id: Span id of the parent; None for a root.
        kind: OTLP span kind: 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
        start_ns: Nanoseconds since the Unix epoch.
        end_ns: Nanoseconds since the Unix epoch; 0 where the span never ended.
        resource: Attributes of the resource that sent it.
        scope: Name, version and attributes of the instrumentation scope.

    References:
        OpenTelemetry Protocol, opentelemetry/proto/trace/v1/trace.proto.
    """

    trace_id: str
    span_id: str
    name: str
    start_ns: int
    end_ns: int
    parent_id: str | None = None
    trace_state: str = ""
    flags: int = 0
    kind: int = 1
    status: SpanStatus = SpanStatus()
    attributes: Attributes = field(default_factory=dict[str, Attribute])
    events: tuple[SpanEvent, ...] = ()
    links: tuple[SpanLink, ...] = ()
    dropped_attributes: int = 0
    dropped_events: int = 0
    dropped_links: int = 0
    resource: Attributes = field(default_factory=dict[str, Attribute])
    scope: Attributes = field(default_factory=dict[str, Attribute])
    schema_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """One OTLP log record; `trace_id` and `span_id` are empty where it belongs to no span.

    Attributes:
        at_ns: When it happened, in nanoseconds since the Unix epoch; 0 where the sender did not say.
        observed_ns: When it was first seen by whoever collected it; 0 where unknown.
        name: The event's name, where it is an event.
        severity: OTLP severity number, 0 to 24.

    References:
        OpenTelemetry Protocol, opentelemetry/proto/logs/v1/logs.proto.
    """

    trace_id: str
    span_id: str
    at_ns: int
    observed_ns: int = 0
    name: str = ""
    severity: int = 0
    severity_text: str = ""
    body: Attribute = None
    attributes: Attributes = field(default_factory=dict[str, Attribute])
    dropped_attributes: int = 0
    flags: int = 0
    resource: Attributes = field(default_factory=dict[str, Attribute])
    scope: Attributes = field(default_factory=dict[str, Attribute])
    schema_url: str = ""
