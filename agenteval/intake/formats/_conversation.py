"""The messages of one conversation in, in order; its turns, model calls and tool calls as spans out.

A turn of the agent begins with what the user said and ends with the last thing before the user speaks again. What was
said with no agent left to hear it stands in a turn in which the agent does nothing. A requested call is executed where
a tool message answers it, and only there: an agent may run the first of its requests and drop the rest.

An answer belongs to the latest message that asked for its call id and is not answered, and there to the earliest such
request, because some models use an id again and again. An answer that nobody asked for is a call without arguments.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agenteval.core import semconv
from agenteval.core.json import Json
from agenteval.intake.formats._parts import Part, has_text, message, request_part
from agenteval.intake.formats._trace import MILLISECOND, Draft, Trace, present

NOT_EACH_REQUEST = "the file keeps one conversation, not each request"
"""Why the messages of a model call are missing in an import of a conversation."""

_NOBODY_ASKED = "no request with this call id comes before the result"


@dataclass(slots=True, kw_only=True)
class Request:
    """A call that a message asks for."""

    name: str
    arguments: Json
    call_id: str | None = None
    answered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A tool's answer; `error` is its text where the call failed, `at_ns` None where no time was recorded."""

    call_id: str | None
    result: Json
    error: str | None = None
    name: str | None = None
    at_ns: int | None = None
    by_user: bool = False
    not_recorded: Mapping[str, str] | None = None


class Conversation:
    """Writes a conversation into a trace.

    Args:
        trace: Where to.
        start_ns: When it began, in nanoseconds since the Unix epoch.
        timed: Whether the messages carry times. Without them the steps are a millisecond apart, and the trace says
            that its times keep the order only.
    """

    def __init__(self, trace: Trace, *, start_ns: int = 0, timed: bool = False) -> None:
        self._trace = trace
        self._now = start_ns
        self._step = 1 if timed else MILLISECOND
        self._turn: Draft | None = None
        self._waiting: list[dict[str, Any]] = []
        self._system: str | None = None
        self._began = False
        self._last_said: Sequence[Part] = ()
        self._requests = _Requests()
        if not timed:
            trace.attributes[semconv.SYNTHETIC_TIME] = True

    def system(self, parts: Sequence[Part], text: str | None) -> None:
        """The agent's instructions; later ones are messages that the next turn begins with."""
        if text and self._system is None and not self._began and not self._waiting:
            self._system = text
        else:
            self._waiting.append(message("system", parts))

    def user(self, parts: Sequence[Part], *, at_ns: int | None = None, requests: Sequence[Request] = ()) -> None:
        """The user says something, or calls tools of its own."""
        self._end_turn()
        self._pass(at_ns)
        if parts or not requests:
            self._waiting.append(message("user", parts))
        self._requests.ask(requests)

    def assistant(
        self,
        parts: Sequence[Part],
        *,
        requests: Sequence[Request] = (),
        chat: Mapping[str, Any] | None = None,
        at_ns: int | None = None,
    ) -> None:
        """The agent says something or asks for tools.

        Args:
            parts: What it says.
            requests: The calls that it asks for.
            chat: Attributes of the model call that gave it; None where no model was asked, as for a fixed greeting.
            at_ns: When it had been said.
        """
        turn = self._turn or self._begin_turn()
        started = self._pass(None)
        self._pass(at_ns)
        self._last_said = parts if has_text(parts) else ()
        if chat is None:
            self._requests.ask(requests)
            return
        draft = self._trace.open(
            semconv.CHAT, str(chat.get(semconv.REQUEST_MODEL) or ""), parent=turn.id, start_ns=started
        )
        draft.end_ns = self._now
        asked = [request_part(request.name, request.arguments, request.call_id) for request in requests]
        draft.attributes |= present(chat)
        draft.attributes[semconv.OUTPUT_MESSAGES] = [message("assistant", [*parts, *asked])]
        self._requests.ask(requests)

    def tool(self, answer: Answer) -> None:
        """A tool answers."""
        turn = None if answer.by_user else self._turn or self._begin_turn()
        request = self._requests.answered(answer)
        name = request.name if request is not None else answer.name or "unknown"
        started = self._pass(None)
        self._pass(answer.at_ns)
        draft = self._trace.open(semconv.EXECUTE_TOOL, name, parent=turn.id if turn else None, start_ns=started)
        draft.end_ns = self._now
        missing = dict(answer.not_recorded or {})
        if request is None:
            missing["arguments"] = _NOBODY_ASKED
            if answer.name is None:
                missing["name"] = _NOBODY_ASKED
        draft.attributes |= present(
            {
                semconv.TOOL_NAME: name,
                semconv.TOOL_CALL_ID: answer.call_id,
                semconv.REQUESTOR: "user" if answer.by_user else None,
                semconv.NOT_RECORDED: missing or None,
            }
        )
        if request is not None:
            draft.attributes[semconv.TOOL_ARGUMENTS] = request.arguments
        if answer.error is not None:
            draft.fail("tool_error", answer.error)
        elif "result" not in missing:
            draft.attributes[semconv.TOOL_RESULT] = answer.result
        self._last_said = ()

    def finish(self) -> None:
        """Nothing more comes."""
        self._end_turn()
        if self._waiting or (self._system is not None and not self._began):
            self._begin_turn()
            self._end_turn()

    def _begin_turn(self) -> Draft:
        self._turn = self._trace.open_agent(self._pass(None))
        if self._system is not None and not self._began:
            self._turn.attributes[semconv.SYSTEM_INSTRUCTIONS] = self._system
        if self._waiting:
            self._turn.attributes[semconv.INPUT_MESSAGES] = self._waiting
        self._waiting = []
        self._began = True
        self._last_said = ()
        return self._turn

    def _end_turn(self) -> None:
        if self._turn is None:
            return
        self._turn.end_ns = self._pass(None)
        if self._last_said:
            self._turn.attributes[semconv.OUTPUT_MESSAGES] = [message("assistant", self._last_said)]
        self._turn = None

    def _pass(self, at_ns: int | None) -> int:
        """The next moment, which is never before the one that was; the recorded one where it comes later."""
        self._now = max(self._now + self._step, at_ns or 0)
        return self._now


class _Requests:
    """Which request an answer belongs to. Takes constant time, however often a call id comes again."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, ...], list[deque[Request]]] = {}
        self._last: dict[str, Request] = {}

    def ask(self, requests: Iterable[Request]) -> None:
        """The requests of one message."""
        groups: dict[tuple[str, ...], deque[Request]] = {}
        for request in requests:
            for key in _keys(request.call_id, request.name):
                groups.setdefault(key, deque()).append(request)
        for key, group in groups.items():
            self._open.setdefault(key, []).append(group)

    def answered(self, answer: Answer) -> Request | None:
        """The request that it answers, answered before where its id is answered twice; None where nobody asked."""
        key = _keys(answer.call_id, answer.name)[0]
        groups = self._open.get(key, [])
        while groups:
            group = groups[-1]
            while group:
                request = group.popleft()
                if not request.answered:
                    request.answered = True
                    if answer.call_id is not None:
                        self._last[answer.call_id] = request
                    return request
            groups.pop()
        return None if answer.call_id is None else self._last.get(answer.call_id)


def _keys(call_id: str | None, name: str | None) -> list[tuple[str, ...]]:
    """What an answer may be found by: the id where it has one, else the name, else the order."""
    keys = [] if call_id is None else [("id", call_id)]
    if name is not None:
        keys.append(("name", name))
    return [*keys, ()]
