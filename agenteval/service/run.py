"""Settings and a store in, a receiver that runs until it is told to end; then it finishes what it has in hand."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import signal
import socket
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import uvicorn

from agenteval.core.ports import TraceStore
from agenteval.errors import RequestError
from agenteval.experiment.live import Rule
from agenteval.intake.serving import OFF, ServeSettings, host_and_port
from agenteval.service.closing import Closing
from agenteval.service.receiver import Receiver
from agenteval.service.rpc import server as rpc_server
from agenteval.service.web import Web
from agenteval.telemetry.receive import Received
from agenteval.telemetry.redact.redactor import Redactor

_KEEP_ALIVE_SECONDS = 65  # longer than exporters wait between two batches, so that none finds its connection closed
_BACKLOG = 2048
_GARBAGE = (50_000, 20, 50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where a receiver can be reached; None where a transport is off."""

    http: str | None
    grpc: str | None


def serve(
    settings: ServeSettings,
    store: TraceStore,
    announce: Callable[[Addresses], None],
    *,
    rules: Sequence[Rule] = (),
    redactor: Redactor | None = None,
) -> None:
    """Run a receiver until SIGTERM or SIGINT.

    Args:
        settings: How it is run.
        store: Where spans go. It is left open.
        announce: Called once requests are taken.
        rules: What is asked of trajectories as they are closed.
        redactor: Takes secrets and personal data out before anything is stored; None stores what came.

    Raises:
        RequestError: An address cannot be had.
    """
    # what was loaded stays, and what requests bring has no cycles: looking for garbage there takes a sixth of the time
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)
    asyncio.run(_serve(settings, store, announce, rules, redactor))


async def _serve(
    settings: ServeSettings,
    store: TraceStore,
    announce: Callable[[Addresses], None],
    rules: Sequence[Rule],
    redactor: Redactor | None,
) -> None:
    listening = None if settings.http == OFF else _listen(settings.http)
    receiver = Receiver(settings, store, prepare=None if redactor is None else partial(_redacted, redactor))
    closing = Closing(store, settings, rules, receiver.metrics)
    closing.start()
    grpc = None if settings.grpc == OFF else rpc_server(receiver)
    try:
        grpc_address = None if grpc is None else await _start(grpc, settings.grpc)
        web = None if listening is None else _Web(receiver, settings)
        told_to_end = asyncio.Event()
        with _signals(told_to_end):
            serving = None if web is None or listening is None else asyncio.create_task(web.serve([listening]))
            announce(Addresses(http=None if listening is None else _url(listening.getsockname()), grpc=grpc_address))
            if serving is not None:
                serving.add_done_callback(lambda _: told_to_end.set())  # it ended by itself: so do we, with its error
            await told_to_end.wait()
            await _drain(receiver, web, serving, grpc)
    finally:
        await receiver.pipeline.close()
        await asyncio.to_thread(closing.stop)
        if listening is not None:
            listening.close()


def _redacted(redactor: Redactor, received: Received) -> tuple[Received, int]:
    """What came without secrets and personal data, and how many were found."""
    spans, in_spans = redactor.spans(received.spans)
    logs, in_logs = redactor.logs(received.logs)
    return replace(received, spans=spans, logs=logs), sum(in_spans.values()) + sum(in_logs.values())


async def _drain(receiver: Receiver, web: _Web | None, serving: asyncio.Task[None] | None, grpc: Any) -> None:
    """Take nothing more, and answer all that is in hand."""
    receiver.gate.closed = True
    if web is not None:
        web.should_exit = True
    stopping = None if grpc is None else asyncio.ensure_future(grpc.stop(receiver.settings.drain_seconds))
    if serving is not None:
        await serving
    if stopping is not None:
        await stopping


class _Web(uvicorn.Server):
    """The HTTP server; signals are the receiver's, which also has gRPC to end."""

    def __init__(self, receiver: Receiver, settings: ServeSettings) -> None:
        super().__init__(
            uvicorn.Config(
                Web(receiver),
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=_BACKLOG,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone."""
        yield


@contextlib.contextmanager
def _signals(told: asyncio.Event) -> Generator[None]:
    """Set an event at the first SIGTERM or SIGINT; at the second, do what the system does."""
    loop = asyncio.get_running_loop()
    before: dict[int, Any] = {}

    def end(number: int, frame: object) -> None:
        del frame
        signal.signal(number, before[number])
        loop.call_soon_threadsafe(told.set)

    for number in (signal.SIGTERM, signal.SIGINT):
        before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# --- addresses


def _listen(address: str) -> socket.socket:
    host, port = host_and_port(address)
    try:
        (family, _, _, _, place), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        listening = socket.create_server(place[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise _cannot_have("http", address, error) from error
    listening.setblocking(False)
    return listening


async def _start(grpc: Any, address: str) -> str:
    host, port = host_and_port(address)
    written = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        bound = grpc.add_insecure_port(written)
    except RuntimeError as error:
        raise _cannot_have("grpc", address, OSError(errno.EADDRINUSE, str(error))) from error
    await grpc.start()
    return _url((host, bound))


def _cannot_have(name: str, address: str, error: OSError) -> RequestError:
    if error.errno == errno.EADDRINUSE:
        why = "is in use, perhaps by a collector or another receiver"
    else:
        why = f"cannot be served: {error.strerror or error}"
    return RequestError(f"serve.{name}: {address} {why}. Name another with --{name} HOST:PORT, or --{name} {OFF}")


def _url(place: Any) -> str:
    host, port = place[0], place[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
