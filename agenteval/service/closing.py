"""A receiver's store in, its quiet traces closed and judged, in a thread of its own."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Sequence

from agenteval.core.ports import TraceStore
from agenteval.experiment.live import Closed, Live, Rule
from agenteval.experiment.naming import namings
from agenteval.intake.serving import ServeSettings
from agenteval.service.metrics import Metrics

_LOOK_SECONDS = 1.0
_AFTER_FAULT_SECONDS = 10.0
_log = logging.getLogger("agenteval.service")


class Closing:
    """Looks for quiet traces until it is told to end.

    Args:
        store: Where the receiver keeps what comes.
        settings: How long nothing may have come, and what attributes are called.
        rules: What is judged.
        metrics: Where it is counted.
    """

    def __init__(self, store: TraceStore, settings: ServeSettings, rules: Sequence[Rule], metrics: Metrics) -> None:
        self._live = Live(
            store,
            quiet_ns=round(settings.quiet_seconds * 1e9),
            naming=namings(settings.naming),
            rules=rules,
            now=time.time_ns,
        )
        self._metrics = metrics
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="agenteval-closing", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the page in hand, and end."""
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        wait = 0.0
        while not self._ended.wait(wait):
            try:
                closed = self._live.close()
            except Exception:  # noqa: BLE001 (whatever a trace or a check does, the next ones must be looked at)
                _log.exception("quiet traces could not be closed; they are tried again")
                wait = _AFTER_FAULT_SECONDS
                continue
            for trace, error in closed.failed:
                _log.error("trace %s could not be assembled, and is closed without a trajectory", trace, exc_info=error)
            self._count(closed)
            wait = 0.0 if closed.traces else _LOOK_SECONDS
            if closed.traces:
                gc.collect(1)  # what is assembled refers to itself in circles, and the receiver looks for those seldom

    def _count(self, closed: Closed) -> None:
        self._metrics.closed_traces.inc(closed.traces)
        self._metrics.unassembled.inc(len(closed.failed))
        self._metrics.unjudged.inc(closed.left_out)
        for _, finding in closed.judged:
            self._metrics.findings.labels(finding.check, finding.verdict).inc()
