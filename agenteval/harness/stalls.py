"""Code that blocks the event loop in, whose it is and for how long out: the time of other trials is not its to spend.

A coroutine that computes or sleeps without awaiting holds up every trial of its process. The trials that wait get that
time back; the one that blocks is interrupted when its own time is up. Python code is interrupted anywhere; a call into
C, such as `time.sleep`, only after it has returned.
"""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_BEAT_S = 0.05
_LOOK_S = 0.1
_STALLED_S = 0.25  # a turn of the loop that takes longer held others up
_TOLD_S = 2.0  # after this much the user is told
_AGAIN_S = 2.0  # how long an agent that was interrupted may take to notice
_LOG = logging.getLogger("agenteval")


class Interrupted(BaseException):
    """Raised inside an agent that blocks the event loop after its time was up. No `except Exception` catches it."""


@dataclass(eq=False, slots=True)
class Watched:
    """One trial's agent.

    Attributes:
        name: Which one, for what the user is told.
        time_left: Seconds until its time is up; None where it has no end.
        task: The task that it runs in.
    """

    name: str
    time_left: Callable[[], float | None]
    task: asyncio.Task[None] | None = None


_AT_WORK: contextvars.ContextVar[Watched | None] = contextvars.ContextVar("agenteval_at_work", default=None)


class StallWatch:
    """Watches one event loop, from a thread of its own, while there are trials.

    Args:
        loop: The loop, which runs in the calling thread.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._loop_thread = threading.get_ident()
        self._watched: set[Watched] = set()
        self._beat_at = time.monotonic()
        self._blocker: Watched | None = None
        self._stalls: list[tuple[float, float, Watched | None]] = []
        self._ended = threading.Event()
        self._next: asyncio.TimerHandle | None = None

    @contextmanager
    def over(self, watched: Watched) -> Generator[None]:
        """Watch while one trial is at work."""
        self._watched.add(watched)
        if len(self._watched) == 1:
            self._begin()
        try:
            yield
        finally:
            self._watched.discard(watched)
            if not self._watched:
                self._ended.set()
                if self._next is not None:
                    self._next.cancel()

    def lost(self, watched: Watched, since: float) -> float:
        """Seconds since a moment (of `time.monotonic`) in which others kept a trial from going on."""
        self._turned()
        return sum(
            end - max(start, since) for start, end, whose in self._stalls if whose is not watched and end > since
        )

    # --- in the loop

    def _begin(self) -> None:
        self._ended = threading.Event()
        self._stalls.clear()
        self._beat_at = time.monotonic()
        self._beat()
        threading.Thread(target=self._look, args=(self._ended,), name="agenteval-stalls", daemon=True).start()

    def _beat(self) -> None:
        self._turned()
        self._next = self._loop.call_later(_BEAT_S, self._beat)

    def _turned(self) -> None:
        """The loop turns: note the stall that has ended, if any."""
        now = time.monotonic()
        if now - self._beat_at > _BEAT_S + _STALLED_S:
            self._stalls.append((self._beat_at + _BEAT_S, now, self._blocker))
        self._beat_at, self._blocker = now, None

    # --- in the thread

    def _look(self, ended: threading.Event) -> None:
        told: set[Watched | None] = set()
        interrupted_at = 0.0
        while not ended.wait(_LOOK_S):
            stalled = time.monotonic() - self._beat_at - _BEAT_S
            if stalled < _STALLED_S:
                continue
            blocker = self._blocker = self._at_work()
            if stalled > _TOLD_S and blocker not in told:
                told.add(blocker)
                _LOG.warning("%s blocks the event loop, so that other trials wait; %s", *self._described(blocker))
            left = None if blocker is None else blocker.time_left()
            now = time.monotonic()
            if left is not None and left <= 0 and now - interrupted_at > _AGAIN_S:
                interrupted_at = now
                self._interrupt()

    def _at_work(self) -> Watched | None:
        """Whose step the loop is in; None where that cannot be told."""
        try:
            task = asyncio.current_task(self._loop)
        except RuntimeError:
            return None
        if task is None:
            return None
        context: contextvars.Context | None = getattr(task, "get_context", lambda: None)()  # from Python 3.12 on
        if context is not None:
            return context.get(_AT_WORK)
        return next((watched for watched in tuple(self._watched) if watched.task is task), None)

    def _described(self, blocker: Watched | None) -> tuple[str, str]:
        frame: Any = sys._current_frames().get(self._loop_thread)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] (documented in sys, whatever its name)
        place = traceback.extract_stack(frame)[-1] if frame is not None else None
        where = "" if place is None else f"it is in {place.filename}:{place.lineno} ({place.name}). "
        return ("code" if blocker is None else blocker.name), f"{where}Await, or run it in asyncio.to_thread."

    def _interrupt(self) -> None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._loop_thread), ctypes.py_object(Interrupted))


_WATCHES: dict[int, tuple[asyncio.AbstractEventLoop, StallWatch]] = {}


def stall_watch() -> StallWatch:
    """The watch of the running loop."""
    loop = asyncio.get_running_loop()
    known = _WATCHES.get(id(loop))
    if known is None or known[0] is not loop:
        for key in [key for key, (other, _) in _WATCHES.items() if other.is_closed()]:
            del _WATCHES[key]
        known = _WATCHES[id(loop)] = (loop, StallWatch(loop))
    return known[1]


def working(watched: Watched) -> None:
    """Say that this task, and every task that it starts, is that trial's."""
    watched.task = asyncio.current_task()
    _AT_WORK.set(watched)
