"""How much may wait: requests are refused early, with a code to come again, rather than kept waiting for long."""

from __future__ import annotations

from agenteval.intake.serving import ServeSettings
from agenteval.service.metrics import Metrics
from agenteval.telemetry.answers import OVERLOADED, Refused

_PER_REQUEST = 4096  # bytes that take as long as a request does besides its bytes
_KEPT = 0.8  # of what was measured before, at each new measurement
_AT_FIRST = (0.2, 1_000_000.0)  # seconds and bytes: half as fast as two cores are, until something was measured
_TELLING = 65_536  # bytes: what is smaller takes the time of the way rather than of the work


class Gate:
    """Counts what waits and is worked on. For the thread of the event loop alone.

    Args:
        settings: The limits.
        metrics: Where it is shown.
    """

    def __init__(self, settings: ServeSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._requests = 0
        self._bytes = 0
        self._seconds, self._size = _AT_FIRST
        self._last = 0.0
        self.closed = False

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is worked on."""
        return self._requests == 0

    def enter(self) -> None:
        """Let a request in. Raises Refused where it would wait for too long."""
        if self.closed:
            raise Refused(OVERLOADED, "this receiver is shutting down; repeat the request", wait=1)
        if self._requests >= self._settings.queue_requests:
            raise Refused(OVERLOADED, f"{self._requests} requests are waiting, as many as may; repeat it later", wait=1)
        expected = (self._bytes + self._requests * _PER_REQUEST) * self._per_byte
        if expected > self._settings.queue_seconds:
            told = f"what is waiting will take {expected:.1f} s, longer than {self._settings.queue_seconds:g} s"
            raise Refused(OVERLOADED, f"{told}; repeat it later", wait=2)
        self._requests += 1
        self._show()

    def hold(self, size: int) -> None:
        """Hold more bytes of a request. Raises Refused, holding nothing, where they are too many."""
        # a request that is alone gets through, however small the queue was made
        if self._bytes + size > self._settings.queue_bytes and self._requests > 1:
            raise Refused(OVERLOADED, f"{self._bytes} bytes are waiting, as many as may; repeat it later", wait=2)
        self._bytes += size
        self._show()

    def leave(self, size: int) -> None:
        """Let a request out, with the bytes that it held."""
        self._requests -= 1
        self._bytes -= size
        self._show()

    def measured(self, size: int, requests: int, began: float, ended: float) -> None:
        """Learn how long work takes.

        Args:
            size: Bytes of the requests that were stored together.
            requests: How many they were.
            began: When the first of them came.
            ended: When they were stored.
        """
        busy = began < self._last  # else it took the time of one request, and not of the many that could be under way
        seconds = max(0.0, ended - max(began, self._last))
        self._last = ended
        size += requests * _PER_REQUEST
        if busy or size >= _TELLING or seconds < size * self._per_byte:
            self._seconds = self._seconds * _KEPT + seconds
            self._size = self._size * _KEPT + size

    @property
    def _per_byte(self) -> float:
        """Seconds that a byte takes, of late."""
        return self._seconds / self._size

    def _show(self) -> None:
        self._metrics.queue_requests.set(self._requests)
        self._metrics.queue_bytes.set(self._bytes)
