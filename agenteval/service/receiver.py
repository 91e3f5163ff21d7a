"""What HTTP and gRPC share: admit a request, read and store it, count it, answer it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from agenteval.core.ports import TraceStore
from agenteval.intake.serving import ServeKey, ServeSettings
from agenteval.service.gate import Gate
from agenteval.service.keys import Keys
from agenteval.service.metrics import Metrics
from agenteval.service.pipeline import Answer, Pipeline
from agenteval.telemetry.answers import Refused
from agenteval.telemetry.receive import Limits, Received

_HALF_OPEN_SECONDS = 10.0


@dataclass(slots=True)
class Held:
    """The place and the bytes that one request holds."""

    gate: Gate
    size: int = 0
    answer: Answer | None = None

    def more(self, size: int) -> None:
        """Hold more. Raises Refused."""
        self.gate.hold(size)
        self.size += size

    def leave(self) -> None:
        """Let go once nothing works on it any more: a client that went away does not make the work go away."""
        if self.answer is None or self.answer.done():
            self.gate.leave(self.size)
        else:
            self.answer.add_done_callback(lambda _: self.gate.leave(self.size))


@dataclass(slots=True)
class Receiver:
    """One receiver, whatever its transports.

    Attributes:
        prepare: Changes what came before it is stored, and counts what it redacted.
    """

    settings: ServeSettings
    store: TraceStore
    clock: Callable[[], float] = time.monotonic
    prepare: Callable[[Received], tuple[Received, int]] | None = None
    metrics: Metrics = field(default_factory=Metrics)
    keys: Keys = field(init=False)
    gate: Gate = field(init=False)
    limits: Limits = field(init=False)
    pipeline: Pipeline = field(init=False)

    def __post_init__(self) -> None:
        """Wire the parts. Needs a running event loop."""
        settings = self.settings
        self.keys = Keys(settings.keys, self.clock)
        self.gate = Gate(settings, self.metrics)
        self.limits = Limits(body_bytes=settings.body_bytes, items=settings.items, attributes=settings.attributes)
        self.pipeline = Pipeline(self.store, self.gate, self.metrics, self.prepare)

    @asynccontextmanager
    async def admitted(
        self, headers: Mapping[str, str], signal: str, transport: str
    ) -> AsyncGenerator[tuple[ServeKey | None, Held]]:
        """Let a request in and, at the end, out. Raises Refused, and counts whatever is refused within."""
        began = time.monotonic()
        self.metrics.received_requests.labels(signal, transport).inc()
        try:
            key = self.keys.admit(headers, "ingest")
            self.gate.enter()
            held = Held(self.gate)
            try:
                yield key, held
            finally:
                held.leave()
        finally:
            self.metrics.answer_seconds.labels(transport).observe(time.monotonic() - began)

    async def store_it(self, key: ServeKey | None, held: Held, read: Callable[[], Received]) -> Received:
        """Read and store what a request brought. Raises Refused."""
        held.answer = self.pipeline.submit(read, held.size, None if key is None else key.project)
        answer = await asyncio.shield(held.answer)
        if isinstance(answer, Refused):
            held.answer = None
            try:
                raise answer
            finally:
                del answer  # else it would hold its traceback, and that this frame with the body
        return answer

    def refused(self, refused: Refused, transport: str) -> None:
        """Count a refusal."""
        self.metrics.refused_requests.labels(transport, str(refused.kind.http)).inc()

    def not_ready(self) -> str | None:
        """Why no request should be sent here; None where they should.

        A failure of the store counts for some seconds after it was last seen: requests are tried all the same, and
        one that succeeds ends it.
        """
        if self.gate.closed:
            return "shutting down"
        if self.pipeline.fault is not None and self.clock() - self.pipeline.fault_at < _HALF_OPEN_SECONDS:
            return "the store cannot be written; the receiver's log says why"
        return None
