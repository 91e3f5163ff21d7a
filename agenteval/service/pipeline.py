"""Requests in, their spans committed, then their answers out: acknowledged means committed.

Two threads: one reads bodies, the other writes what many requests brought in one transaction. A request whose answer
was lost is delivered again, and the store counts its spans once.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

from agenteval.core.ports import Appended, TraceStore
from agenteval.errors import AgentEvalError, StoreError
from agenteval.service.gate import Gate
from agenteval.service.metrics import Metrics
from agenteval.telemetry.answers import BROKEN, LONGEST_WAIT, MALFORMED, OVERLOADED, Refused
from agenteval.telemetry.receive import Received

_GROUP_BYTES = 16 * 2**20  # of bodies in one transaction
_READ_BYTES = 64 * 2**20  # of bodies that are read and not yet written
_log = logging.getLogger("agenteval.service")


Answer = asyncio.Future[Received | Refused]
"""What comes of a request."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Job:
    """A request on its way.

    Attributes:
        read: Reads its body; raises Refused.
        size: Bytes that it holds.
        project: Whose key it came with.
        came: When it came.
        answer: Where its answer goes.
    """

    read: Callable[[], Received]
    size: int
    project: str | None
    came: float
    answer: Answer
    received: Received | None = None


@dataclass(slots=True)
class _Waiting:
    """Jobs between the two threads, bounded by their bytes."""

    _jobs: deque[_Job | None] = field(default_factory=deque["_Job | None"])
    _bytes: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def put(self, job: _Job | None, size: int) -> None:
        """Add a job, or None for the end; waits while there are too many bytes."""
        with self._changed:
            self._changed.wait_for(lambda: self._bytes == 0 or self._bytes + size <= _READ_BYTES)
            self._jobs.append(job)
            self._bytes += size
            self._changed.notify_all()

    def take(self) -> list[_Job]:
        """All that waits, up to what one transaction holds; waits for the first. Empty at the end."""
        group: list[_Job] = []
        held = 0
        with self._changed:
            self._changed.wait_for(lambda: self._jobs)
            while self._jobs and held < _GROUP_BYTES:
                job = self._jobs[0]
                if job is None:
                    break
                self._jobs.popleft()
                group.append(job)
                held += _size(job)
            self._bytes -= held
            self._changed.notify_all()
        return group


def _size(job: _Job) -> int:
    return job.received.size if job.received is not None else 0


class Pipeline:
    """Reads and stores requests in the order in which they came.

    Args:
        store: Where spans and log records go; closed by whoever opened it.
        gate: Learns how long work takes.
        metrics: Where it is counted.
        prepare: Changes what came before it is stored, and counts what it redacted; None leaves it as it is.
    """

    def __init__(
        self,
        store: TraceStore,
        gate: Gate,
        metrics: Metrics,
        prepare: Callable[[Received], tuple[Received, int]] | None = None,
    ) -> None:
        self._store = store
        self._gate = gate
        self._metrics = metrics
        self._prepare = prepare
        self._loop = asyncio.get_running_loop()
        self._inbox: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._waiting = _Waiting()
        self.fault: str | None = None
        self.fault_at = 0.0
        self._threads = [
            threading.Thread(target=work, name=f"agenteval-{name}", daemon=True)
            for name, work in (("reader", self._read_all), ("writer", self._write_all))
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, read: Callable[[], Received], size: int, project: str | None) -> Answer:
        """Read and store a request.

        Args:
            read: Reads its body, in another thread; raises Refused.
            size: Bytes of its body, which the gate holds.
            project: Whose key it came with.

        Returns:
            What came, once it is committed; or Refused, where it was not taken or could not be stored. That is given,
            not raised: an exception that a future holds is held by its own traceback, and with it the body.
        """
        answer: Answer = self._loop.create_future()
        self._inbox.put(_Job(read=read, size=size, project=project, came=time.monotonic(), answer=answer))
        return answer

    async def close(self) -> None:
        """Finish what was submitted, and end both threads."""
        self._inbox.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    # --- reading

    def _read_all(self) -> None:
        while self._read_next():
            pass
        self._waiting.put(None, 0)

    def _read_next(self) -> bool:
        """Whether there was a job. Of its own, so that none is held while the next is waited for."""
        job = self._inbox.get()
        if job is None:
            return False
        try:
            job.received = self._ready_to_store(job)
        except Exception as error:  # noqa: BLE001 (whatever a body does, the next one must be read)
            self._finish([(job, _refusal_of(error))])
            return True
        if job.received.spans or job.received.logs:
            self._waiting.put(job, job.received.size)
        else:
            self._finish([(job, job.received)])
        return True

    def _ready_to_store(self, job: _Job) -> Received:
        received = job.read()
        self._metrics.came(received)
        if self._prepare is not None:
            received, redacted = self._prepare(received)
            self._metrics.redacted_values.inc(redacted)
        return received

    # --- writing

    def _write_all(self) -> None:
        while group := self._waiting.take():
            self._store_group(group)

    def _store_group(self, group: Sequence[_Job]) -> None:
        began = time.monotonic()
        try:
            appended, logs = self._append(group)
        except Exception as error:  # noqa: BLE001 (whatever the store does, the next transaction must be tried)
            self._could_not_store(group, error)
            return
        ended = time.monotonic()
        self.fault = None
        self._metrics.commit_seconds.observe(ended - began)
        self._metrics.stored(appended, logs)
        size = sum(job.size for job in group)
        self._loop.call_soon_threadsafe(self._gate.measured, size, len(group), group[0].came, ended)
        self._finish([(job, job.received or _lost()) for job in group])

    def _append(self, group: Sequence[_Job]) -> tuple[Appended, int]:
        """Store what a group of requests brought in one transaction; gives the number of log records as well."""
        total, count = Appended(), 0
        projects = dict.fromkeys(job.project for job in group)
        with self._store.batch() if len(projects) > 1 else nullcontext():
            for project in projects:
                some = [job.received for job in group if job.project == project and job.received is not None]
                spans = [span for received in some for span in received.spans]
                logs = [log for received in some for log in received.logs]
                total += self._store.append(spans, logs, project=project or "", live=True)
                count += len(logs)
        return total, count

    def _could_not_store(self, group: Sequence[_Job], error: Exception) -> None:
        """Answer requests that could not be stored together; one that holds what cannot be stored spoils no other."""
        if _of_database(error):
            self.fault, self.fault_at = str(error), time.monotonic()
            _log.error("the store failed: %s", error)
        elif len(group) > 1:
            for job in group:
                self._store_group([job])
            return
        self._finish([(job, _refusal_of(error)) for job in group])

    def _finish(self, answers: Sequence[tuple[_Job, Received | Refused]]) -> None:
        self._loop.call_soon_threadsafe(_answer_all, answers)


def _answer_all(answers: Sequence[tuple[_Job, Received | Refused]]) -> None:
    for job, answer in answers:
        if not job.answer.done():  # as it is where the event loop ends
            job.answer.set_result(answer)


def _of_database(error: Exception) -> bool:
    """Whether the database failed, as opposed to a value that cannot be stored in any."""
    return isinstance(error, StoreError) and error.__cause__ is not None


def _refusal_of(error: Exception) -> Refused:
    if isinstance(error, Refused):
        error.__cause__ = error.__context__ = None  # they and the traceback hold the body
        return error.with_traceback(None)
    if _of_database(error):
        return Refused(OVERLOADED, "the store cannot be written; the receiver's log says why", wait=LONGEST_WAIT)
    if isinstance(error, AgentEvalError):
        return Refused(MALFORMED, str(error))
    _log.error("a fault of the receiver", exc_info=error)
    return Refused(BROKEN, f"a fault of the receiver, {type(error).__name__}: its log has more")


def _lost() -> Refused:
    return Refused(BROKEN, "a fault of the receiver: the request was stored before it was read")
