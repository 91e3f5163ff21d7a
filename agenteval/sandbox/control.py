"""The host's end of the socket to `inside.py`: commands go out with their streams, exit codes and output come in."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Iterable, Sequence

from agenteval.core.sandbox import Completed
from agenteval.errors import SandboxError

_LONGEST_COMMAND = 100_000
_PACKET = 1 << 16
_PIPE = 1 << 16  # what a pipe holds on Linux, unless told otherwise
_GRACE_S = 10.0


class Control:
    """Serves one sandbox, in one event loop.

    Args:
        control: The socket (SOCK_SEQPACKET).
        output_bytes: What is kept of each stream.
    """

    def __init__(self, control: socket.socket, *, output_bytes: int) -> None:
        self._socket = control
        self._output_bytes = output_bytes
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[tuple[bytes, int]] = self._loop.create_future()
        self._waiting: dict[bytes, asyncio.Future[int]] = {}
        self._count = 0
        self.gone = False
        control.setblocking(False)
        self._loop.add_reader(control, self._receive)

    async def ready(self) -> tuple[str, int]:
        """What the sandbox finds to hold, and the descriptor of its work folder. Raises SandboxError where it ended."""
        facts, folder = await self._ready
        return facts.decode(), folder

    def limit(self, limits: Iterable[str]) -> None:
        """Set resource limits, as `FSIZE=1000`, for each command from now on. Raises SandboxError."""
        try:
            self._socket.send(b"\0".join([b"limit", b"", *map(str.encode, limits)]))
        except OSError as error:
            raise SandboxError(f"the sandbox takes no limits: {error}") from error

    async def run(self, command: Sequence[str], *, stdin: bytes, cwd: str, seconds: float) -> Completed:
        """Run a command to its end, or until its time runs out.

        Raises:
            OSError: The command is too long for a system call.
            SandboxError: The sandbox ended, or does not answer.
        """
        self._count += 1
        number = b"%d" % self._count
        packet = b"\0".join([b"run", number, *map(os.fsencode, (cwd, *command))])
        if len(packet) > _LONGEST_COMMAND:
            why = f"the command has {len(packet):,} bytes, of {_LONGEST_COMMAND:,} allowed: write a file, and run that"
            raise OSError(errno.E2BIG, why)
        began = self._loop.time()
        ended: asyncio.Future[int] = self._loop.create_future()
        self._waiting[number] = ended
        outputs: list[_Output] = []
        try:
            self._send(packet, stdin, outputs)
            code = await self._end(number, ended, seconds)
            for output in outputs:
                output.drain()
        finally:
            self._waiting.pop(number, None)
            if not ended.done():
                self._tell(b"kill\0" + number)  # whoever waited was cancelled
            for output in outputs:
                output.close()
        return Completed(
            exit_code=code,
            timed_out=code is None,
            stdout=bytes(outputs[0].kept),
            stderr=bytes(outputs[1].kept),
            stdout_bytes=outputs[0].total,
            stderr_bytes=outputs[1].total,
            seconds=self._loop.time() - began,
        )

    def close(self) -> None:
        """Let go of the socket: `inside.py` takes that for its end."""
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._gone()

    def _send(self, packet: bytes, stdin: bytes, outputs: list[_Output]) -> None:
        """Send a command; makes its two outputs."""
        if self.gone:
            raise SandboxError("the sandbox has ended")
        try:
            source = _source(stdin)
            try:
                outputs += [_Output(self._loop, self._output_bytes) for _ in range(2)]
                socket.send_fds(self._socket, [packet], [source, *(output.theirs for output in outputs)])
            finally:
                os.close(source)
                for output in outputs:
                    output.hand_over()
        except OSError as error:
            raise SandboxError(f"the sandbox takes no command: {error}") from error

    async def _end(self, number: bytes, ended: asyncio.Future[int], seconds: float) -> int | None:
        """Its exit code; None where it was killed because its time ran out."""
        done, _ = await asyncio.wait({ended}, timeout=seconds)
        if done:
            return ended.result()
        self._tell(b"kill\0" + number)
        done, _ = await asyncio.wait({ended}, timeout=_GRACE_S)
        if not done:
            raise SandboxError(f"the sandbox did not kill a command within {_GRACE_S:g} s")
        ended.result()
        return None

    def _tell(self, packet: bytes) -> None:
        try:
            self._socket.send(packet)
        except OSError:
            return  # it is gone, which the reader finds out

    def _receive(self) -> None:
        try:
            message, given, _, _ = socket.recv_fds(self._socket, _PACKET, 1)
        except BlockingIOError:
            return
        except OSError:
            message, given = b"", []
        kind, _, rest = message.partition(b"\0")
        if not message:
            self._loop.remove_reader(self._socket)
            self._gone()
        elif kind == b"ready" and given and not self._ready.done():
            self._ready.set_result((rest, given.pop()))
        elif kind == b"exit":
            number, _, code = rest.partition(b"\0")
            ended = self._waiting.get(number)
            if ended is not None and not ended.done():
                ended.set_result(int(code))
        for descriptor in given:
            os.close(descriptor)

    def _gone(self) -> None:
        self.gone = True
        for waiting in (self._ready, *self._waiting.values()):
            if not waiting.done():
                waiting.set_exception(SandboxError("the sandbox ended while it was at work"))
                waiting.exception()  # whoever waits raises it; where nobody does, asyncio shall not complain


class _Output:
    """One stream of a command: a bounded head of it, and how much there was."""

    def __init__(self, loop: asyncio.AbstractEventLoop, most: int) -> None:
        self.kept = bytearray()
        self.total = 0
        self._loop = loop
        self._most = most
        self._ours, self.theirs = os.pipe()
        os.set_blocking(self._ours, False)
        loop.add_reader(self._ours, self._read)
        self._open = True

    def hand_over(self) -> None:
        """Close the end that the command was given."""
        os.close(self.theirs)

    def drain(self) -> None:
        """Take what the pipe still holds, and no more: who writes in the background never comes to an end."""
        before = self.total
        while self._open and self.total - before < _PIPE and self._read():
            pass

    def close(self) -> None:
        """Listen no longer."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._ours)
            os.close(self._ours)

    def _read(self) -> bool:
        """Whether something was read."""
        try:
            piece = os.read(self._ours, _PIPE)
        except BlockingIOError:
            return False
        if not piece:
            self.close()
            return False
        self.total += len(piece)
        left = self._most - len(self.kept)
        if left > 0:
            self.kept += piece[:left]
        return True


def _source(stdin: bytes) -> int:
    """A descriptor from which a command reads what it is given: a file in memory, so that nobody has to feed it."""
    if not stdin:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    source = os.memfd_create("stdin")
    try:
        rest = memoryview(stdin)
        while rest:
            rest = rest[os.write(source, rest) :]
        os.lseek(source, 0, os.SEEK_SET)
    except BaseException:
        os.close(source)
        raise
    return source
