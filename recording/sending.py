"""An OpenTelemetry provider that sends to the receiver; used within the producers' environments."""

from __future__ import annotations

import contextlib
import os
from typing import Any


def provider(service: str) -> Any:
    """A tracer provider whose spans go to the receiver by OTLP over HTTP, set as the global one."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    made = TracerProvider(resource=Resource.create({"service.name": service, "service.version": "1.4.0"}))
    exporter = OTLPSpanExporter(f"{os.environ['RECORDING_OTLP']}/v1/traces", compression=Compression.Gzip)
    made.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(made)
    return made


def logs(provider: Any) -> Any:
    """A provider whose log records and events go to the receiver, set as the global one."""
    from opentelemetry._logs import set_logger_provider
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    made = LoggerProvider(resource=provider.resource)
    made.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(f"{os.environ['RECORDING_OTLP']}/v1/logs")))
    set_logger_provider(made)
    with contextlib.suppress(ImportError):  # events had a provider of their own for a while
        from opentelemetry._events import set_event_logger_provider
        from opentelemetry.sdk._events import EventLoggerProvider

        set_event_logger_provider(EventLoggerProvider(made))
    return made
