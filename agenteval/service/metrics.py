"""What the receiver counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from agenteval.core.ports import Appended
from agenteval.telemetry.receive import Received

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The counters of one receiver. Safe to use from several threads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received_requests = self._counter("received_requests", "Requests that came", "signal", "transport")
        self.received_bytes = self._counter("received_bytes", "Bytes of bodies without their coding", "signal")
        self.received_spans = self._counter("received_spans", "Spans that came and were well-formed")
        self.received_logs = self._counter("received_log_records", "Log records that came")
        self.stored_spans = self._counter("stored_spans", "Spans that were new, and committed")
        self.repeated_spans = self._counter("repeated_spans", "Spans that were there already, to the letter")
        self.conflicting_spans = self._counter("conflicting_spans", "Spans whose id was taken by other content")
        self.stored_logs = self._counter("stored_log_records", "Log records that were committed or there already")
        self.refused_requests = self._counter("refused_requests", "Requests that were not taken", "transport", "reason")
        self.rejected_items = self._counter("rejected_items", "Spans and log records not taken of requests that were")
        self.dropped_attributes = self._counter("dropped_attributes", "Attributes beyond the limit of one item")
        self.redacted_values = self._counter("redacted_values", "Values that were redacted before they were stored")
        self.closed_traces = self._counter("closed_traces", "Traces that were assembled once nothing more came")
        self.unassembled = self._counter("unassembled_traces", "Traces closed without a trajectory by a fault of ours")
        self.findings = self._counter("findings", "Findings of rules", "check", "verdict")
        self.unjudged = self._counter("unjudged_trajectories", "Trajectories that a rule's bound left unjudged")
        self.queue_requests = self._gauge("queue_requests", "Requests that wait or are worked on")
        self.queue_bytes = self._gauge("queue_bytes", "Bytes of bodies that wait or are worked on")
        self.ready = self._gauge("ready", "1 where requests are taken")
        self.answer_seconds = self._histogram("answer_seconds", "From the request's head to its answer", "transport")
        self.commit_seconds = self._histogram("commit_seconds", "Time of one transaction of the store")

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(f"agenteval_{name}", told, labels, registry=self.registry)

    def _gauge(self, name: str, told: str) -> Gauge:
        return Gauge(f"agenteval_{name}", told, registry=self.registry)

    def _histogram(self, name: str, told: str, *labels: str) -> Histogram:
        return Histogram(f"agenteval_{name}", told, labels, registry=self.registry, buckets=_SECONDS)

    def came(self, received: Received) -> None:
        """Count what a request held."""
        self.received_bytes.labels(received.signal).inc(received.size)
        self.received_spans.inc(len(received.spans))
        self.received_logs.inc(len(received.logs))
        self.rejected_items.inc(received.rejected)
        self.dropped_attributes.inc(received.dropped_attributes)

    def stored(self, appended: Appended, logs: int) -> None:
        """Count what a transaction kept."""
        self.stored_spans.inc(appended.new)
        self.repeated_spans.inc(appended.repeated)
        self.conflicting_spans.inc(appended.conflicting)
        self.stored_logs.inc(logs)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)
