"""A conversation in, what the user says out, over a line: whoever holds this end of it holds nothing of the user.

The user's own code runs in a task of its own, under the trial's root. So what the user knows and wants is out of the
agent's reach, and a user that blocks or starts spans does so on its own account.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from agenteval.core.message import Message
from agenteval.core.ports import Answerer, User
from agenteval.errors import UserError
from agenteval.harness.stalls import Interrupted, Watched, stall_watch, working
from agenteval.telemetry.capture import TrialRecorder

_GOODBYE_S = 1.0  # how long a user may take to end after the trial has


@dataclass(frozen=True, slots=True)
class _Heard:
    kind: Literal["reply", "answer"]
    messages: tuple[Message, ...]
    said: asyncio.Future[object]


class UserLine:
    """The agent's end of the line."""

    def __init__(self) -> None:
        self._heard: asyncio.Queue[_Heard] = asyncio.Queue()

    async def reply(self, messages: Sequence[Message]) -> object:
        """What the user replies. Raises what the user's code raises."""
        return await self._hear("reply", messages)

    async def answer(self, messages: Sequence[Message]) -> object:
        """What the user answers to what the agent cannot go on without; a user that can only reply replies."""
        return await self._hear("answer", messages)

    async def _hear(self, kind: Literal["reply", "answer"], messages: Sequence[Message]) -> object:
        said: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._heard.put_nowait(_Heard(kind, tuple(messages), said))
        return await said

    @asynccontextmanager
    async def attended(self, user: User, recorder: TrialRecorder, watched: Watched) -> AsyncGenerator[None]:
        """Have a user at the other end, watched as an agent is."""
        with stall_watch().over(watched):
            task = asyncio.create_task(_attend(self._heard, user, recorder, watched))
            try:
                yield
            finally:
                task.cancel()
                await asyncio.wait({task}, timeout=_GOODBYE_S)


async def _attend(heard: asyncio.Queue[_Heard], user: User, recorder: TrialRecorder, watched: Watched) -> None:
    working(watched)
    with recorder.active():
        while True:
            asked = await heard.get()
            try:
                await _speak(user, asked)
            finally:
                if not asked.said.done():
                    asked.said.set_exception(UserError("the simulated user ended without a reply"))


async def _speak(user: User, asked: _Heard) -> None:
    speaks = user.answer if asked.kind == "answer" and isinstance(user, Answerer) else user.reply
    try:
        said: object = await speaks(asked.messages)
    except Exception as error:  # noqa: BLE001 (the session says whose fault it is)
        if not asked.said.done():
            asked.said.set_exception(error)
    except Interrupted:
        if not asked.said.done():
            asked.said.set_exception(UserError("the simulated user blocked until the trial's time was up"))
    else:
        if not asked.said.done():
            asked.said.set_result(said)
