"""What an agent is handed for one trial: the conversation, the world's tools, the model; every step of it recorded.

It never holds the scenario's intent. One turn (the user speaks, the agent works, the agent speaks) is one
`invoke_agent` record.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

from agenteval._util.plain import plain
from agenteval.core import semconv
from agenteval.core.codec import message_to_json
from agenteval.core.json import Json
from agenteval.core.message import Message, text_message
from agenteval.core.model import Completion, ModelRequest
from agenteval.core.ports import Model, OpenRecord, World
from agenteval.core.trajectory import OfferedTool
from agenteval.errors import (
    AgentEvalError,
    BudgetSpent,
    ContextExceeded,
    LimitReached,
    ModelError,
    ScenarioError,
    ToolError,
    UserError,
    WorldError,
)
from agenteval.harness.limits import Meter
from agenteval.harness.sandboxes import AgentSandbox, TrialSandbox
from agenteval.harness.stalls import Interrupted
from agenteval.harness.user_line import UserLine
from agenteval.models.price import Prices, cost_of
from agenteval.telemetry.capture import TrialRecorder
from agenteval.world.faults import Injector

_LONGEST_SHOWN = 200  # characters of a question in an error
_PATIENCE = 100  # refusals after which an agent that goes on regardless is parked


class LiveSession:
    """One trial's session. Implements `core.ports.Session`.

    Args:
        agent_name: Name of the agent, for its records.
        opening: The first thing that the agent hears.
        instructions: The policy that it works under.
        world: The world behind the tools; None where there is none.
        user: The line to the other side; None where the agent works alone.
        model: The run's model, if any.
        prices: What the model costs; None where unknown.
        recorder: The trial's recorder.
        meter: The trial's limits.
        seed: The trial's seed.
        sandbox: The trial's sandbox.
        faults: What misbehaves in the trial.
    """

    def __init__(
        self,
        *,
        agent_name: str,
        opening: str,
        instructions: str | None,
        world: World | None,
        user: UserLine | None,
        model: Model | None,
        prices: Prices | None,
        recorder: TrialRecorder,
        meter: Meter,
        seed: int,
        sandbox: TrialSandbox,
        faults: Injector,
    ) -> None:
        self.opening = opening
        self.seed = seed
        self.recorder = recorder
        self.tools: Sequence[OfferedTool] = () if world is None else tuple(world.tools())
        self.model: Model | None = None if model is None else _RecordedCalls(model, prices, self)
        self.fault: tuple[str, BaseException] | None = None
        self._agent_name = agent_name
        self._instructions = instructions
        self._handed_over = False
        self._world = world
        self._user = user
        self._meter = meter
        self._faults = faults
        self._heard: list[Message] = []
        self._turn: OpenRecord | None = None
        self._one_call = asyncio.Lock()
        self.sandbox = AgentSandbox(sandbox, limited=self.limited, one_at_a_time=self._one_call)
        self._refusals = 0

    @property
    def instructions(self) -> str | None:
        """The policy. Who reads it has been handed it, and the turn then says so; who never does was never told."""
        if self._instructions and self._turn is not None and not self._handed_over:
            self._handed_over = True
            self._turn.set(semconv.SYSTEM_INSTRUCTIONS, self._instructions)
        return self._instructions

    def begin(self) -> None:
        """Open the first turn."""
        self._open_turn(self.opening)

    def finish(self) -> None:
        """Close the turn that is open, if any."""
        if self._turn is not None:
            self._turn.end()
            self._turn = None

    def blame(self, whose: str, error: BaseException) -> None:
        """Note a fault that is not the agent's; the first one noted stands."""
        if self.fault is None:
            self.fault = (whose, error)

    async def call(self, tool: str, arguments: Mapping[str, Json], *, call_id: str | None = None) -> Json:
        """Call one of the world's tools.

        Raises:
            ToolError: The tool's own domain error: an unknown order, wrong arguments, an unknown tool.
            WorldError: The world broke.
            LimitReached: The trial's limits do not allow another call.
        """
        async with self.limited():
            record = self.recorder.open_tool(tool, arguments, call_id=call_id)
        if self._world is None:
            error = ToolError(f'there is no tool "{tool}": this scenario has no world', code="unknown_tool")
            record.fail(error.code, str(error))
            raise error
        if not isinstance(cast("object", arguments), Mapping):
            error = ToolError(f"arguments must be a JSON object, not {plain(arguments)!r}", code="invalid_arguments")
            record.fail(error.code, str(error))
            raise error
        async with self._one_call:  # so that what changed is known to be this call's doing
            return await self._call(self._world, record, tool, arguments)

    async def _call(self, world: World, record: OpenRecord, tool: str, arguments: Mapping[str, Json]) -> Json:
        fault = self._faults.next(tool)
        if fault is not None:
            record.set(semconv.FAULT, fault.kind)
        try:
            with self.recorder.current(record):
                result: Json = plain(await self._faults.through(fault, lambda: world.call(tool, arguments)))
            changes = world.changes()
        except ToolError as error:
            self.recorder.fail_tool(record, error.code, str(error), self._changes_of(world, tool, record))
            raise
        except (Exception, Interrupted) as error:
            raise self._broken(tool, record, error) from error
        self.recorder.close_tool(record, result, changes)
        return result

    def _changes_of(self, world: World, tool: str, record: OpenRecord) -> list[dict[str, Json]]:
        """What a call changed although it failed: its answer was lost, or it gave up half way."""
        try:
            return world.changes()
        except Exception as error:
            raise self._broken(tool, record, error) from error

    def _broken(self, tool: str, record: OpenRecord, error: BaseException) -> WorldError:
        """Close the record of a call in which the world broke, and note whose fault it was."""
        why = f"{type(error).__name__}: {error}"
        record.fail("world_error", why)
        self.blame("world", error)
        return WorldError(f"{tool}: {why}")

    async def say(self, text: str) -> str | None:
        """Say something to the user; returns the reply, None where the user is done or there is none.

        Raises:
            UserError: The simulated user broke.
            LimitReached: The trial's limits do not allow another turn.
        """
        await self._speak(text)
        reply = await self._reply()
        if reply is not None:
            async with self.limited():
                self._next_turn(reply)
        return reply

    async def ask(self, question: str, *, value: Json = None) -> bool | str:
        """Ask the user what the agent cannot go on without. The answer opens a turn, as a reply does.

        Args:
            question: What the user hears.
            value: What the agent stopped at; None where that is the question itself.

        Raises:
            ScenarioError: Nobody answers.
            UserError: The simulated user broke.
            LimitReached: The trial's limits do not allow another turn.
        """
        await self._speak(question)
        answer = await self._answer(question)
        interrupt: Json = {"value": question if value is None else plain(value), "answer": answer}
        words = answer if isinstance(answer, str) else "Yes." if answer else "No."
        async with self.limited():
            self._next_turn(words, interrupt)
        return answer

    async def _speak(self, text: str) -> None:
        """End the turn with what the agent says."""
        if self._turn is not None:
            self._turn.set(semconv.OUTPUT_MESSAGES, [message_to_json(text_message("assistant", text))])
            self.finish()
        else:
            async with self.limited():
                self._meter.turn()  # the conversation is over, and the agent goes on speaking
        self._heard.append(text_message("assistant", text))
        await asyncio.sleep(0)  # an agent that only speaks must not keep the harness from stopping it

    @asynccontextmanager
    async def limited(self) -> AsyncGenerator[None]:
        """Let the harness in before a limit is raised: an agent that catches everything is cancelled here.

        One that catches even that is parked for good: the harness has stopped waiting for it.
        """
        try:
            yield
        except (LimitReached, BudgetSpent):
            self._refusals += 1
            await asyncio.sleep(0)
            if self._refusals > _PATIENCE:
                await asyncio.Event().wait()
            raise

    async def _reply(self) -> str | None:
        if self._user is None:
            return None
        reply = await self._from_user(self._user.reply)
        if reply is None or isinstance(reply, str):
            return reply
        raise self._misspoke(f"a user must reply with text or None, not {type(reply).__name__}")

    async def _answer(self, question: str) -> bool | str:
        """What the user answers; nobody's silence is taken for an answer."""
        answer = None if self._user is None else await self._from_user(self._user.answer)
        if isinstance(answer, (bool, str)):
            return answer
        if answer is not None:
            raise self._misspoke(f"a user must answer with true, false, text or None, not {type(answer).__name__}")
        error = ScenarioError(_nobody_answers(question, there_is_a_user=self._user is not None))
        self.blame("scenario", error)
        raise error

    async def _from_user(self, speaks: Callable[[Sequence[Message]], Awaitable[object]]) -> object:
        try:
            return await speaks(tuple(self._heard))
        except Exception as error:
            whose = "model" if isinstance(error, ModelError) else "user"
            self.blame(whose, error)
            raise UserError(f"{type(error).__name__}: {error}") from error

    def _misspoke(self, why: str) -> UserError:
        error = UserError(why)
        self.blame("user", error)
        return error

    def _next_turn(self, text: str, interrupt: Json = None) -> None:
        self._open_turn(text, interrupt)
        if self._meter.endless:
            raise self._misspoke("the user did not end the conversation in 1,000 turns; set limits: {turns: …}")

    def _open_turn(self, text: str, interrupt: Json = None) -> None:
        message = text_message("user", text)
        self._heard.append(message)
        self.recorder.enter(None)  # a turn follows the one before it, and is no part of it
        self._turn = self.recorder.open_agent(self._agent_name, messages=[message])
        if interrupt is not None:
            self._turn.set(semconv.INTERRUPT, interrupt)
        self.recorder.enter(self._turn)
        self._meter.turn()


class _RecordedCalls:
    """A model whose every call is recorded in the session's trial and counted against its limits."""

    def __init__(self, inner: Model, prices: Prices | None, session: LiveSession) -> None:
        self._inner = inner
        self._prices = prices
        self._session = session

    @property
    def name(self) -> str:
        return self._inner.name

    async def complete(self, request: ModelRequest) -> Completion:
        recorder = self._session.recorder
        async with self._session.limited():
            record = recorder.open_chat(request, model=self._inner.name, provider=_provider(self._inner))
        try:
            with recorder.current(record):
                completion = await self._inner.complete(request)
        except Exception as error:
            record.fail(type(error).__name__, str(error))
            if isinstance(error, AgentEvalError) and not isinstance(error, ContextExceeded):
                self._session.blame("model", error)
            raise
        async with self._session.limited():
            recorder.close_chat(record, self._priced(completion))
        return completion

    def _priced(self, completion: Completion) -> Completion:
        """The completion, its usage saying whether tokens were reported and what they cost, where that is known."""
        usage = replace(completion.usage, unmeasured_calls=1 if completion.usage.tokens is None else 0)
        if usage.cost_usd is None:
            usage = replace(usage, cost_usd=cost_of(usage, self._prices))
        return replace(completion, usage=usage)


def _nobody_answers(question: str, *, there_is_a_user: bool) -> str:
    shown = question if len(question) <= _LONGEST_SHOWN else f"{question[:_LONGEST_SHOWN]}…"
    asked = f'the agent stopped to ask "{shown}", and nobody answers: '
    if there_is_a_user:
        return f"{asked}give the scenario's user `approves: true` or `approves: false`, or one more line in `then`"
    return f"{asked}the scenario has no user; give it one with `approves: true` or `approves: false`"


def _provider(model: Model) -> str:
    return str(cast("Any", getattr(model, "provider", "")))
