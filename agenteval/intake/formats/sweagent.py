"""SWE-agent trajectories: a JSON object with `trajectory` and `history`, as `.traj` files hold.

`history` is what the model read and wrote. An assistant's message asks for one action: by a tool call where the model
has tools, else by a command, which is a call of its first word with the whole line as `command`. What was observed
after it is its result, as the environment gave it where `trajectory` holds it. A message without an action asks for
nothing, and what is said after it is the user's. Whether a command failed stands nowhere.

References:
    SWE-agent documentation, "Output files": trajectories.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from agenteval.core import semconv
from agenteval.core.json import Json
from agenteval.core.outcome import TrialStatus
from agenteval.intake.formats._conversation import NOT_EACH_REQUEST, Answer, Conversation, Request
from agenteval.intake.formats._json import Decoded, Unreadable
from agenteval.intake.formats._parts import arguments_of, parts_of, plain_text
from agenteval.intake.formats._reading import (
    attempt,
    maybe_object,
    maybe_objects,
    maybe_text,
    object_of,
    objects_of,
    shown,
)
from agenteval.intake.formats._record import Imported, Record, TrialFacts
from agenteval.intake.formats._source import Look, Source
from agenteval.intake.formats._spans import whole
from agenteval.intake.formats._trace import Trace

NAME: Final = "swe-agent"
TITLE: Final = "SWE-agent trajectories (a JSON object with trajectory or history)"

_ROLES: Final = frozenset({"system", "user", "assistant", "tool"})
_LIMITS: Final = ("cost", "context", "total_execution_time", "command_timeout")
_FAULTS: Final = ("exit_error", "exit_api", "exit_environment_error", "early_exit")
_MISSING: Final[Mapping[str, str]] = {"status": "the file does not say whether a command failed"}


def detect(look: Look) -> bool:
    """An object with a trajectory's members."""
    return look.shape == "object" and ("history" in look.keys or {"trajectory", "info"} <= look.keys)


def read(source: Source) -> Iterator[Record]:
    """The one trajectory of the file."""
    yield attempt(source, whole(source), _record)


def _record(source: Source, record: Decoded, position: str) -> Imported:
    data = object_of(record.clean, "a trajectory")
    info = maybe_object(data.get("info"))
    facts = _facts(source, info)
    trace = Trace(source, position, facts.agent)
    trace.attributes[semconv.END_REASON] = facts.status
    trace.attributes[semconv.END_DETAIL] = maybe_text(info.get("exit_status"))
    conversation = Conversation(trace)
    steps = maybe_objects(data.get("trajectory"))
    history = objects_of(data.get("history"), "history") if "history" in data else _told(steps)
    _converse(conversation, history, steps)
    conversation.finish()
    return trace.close(NAME, record, facts)


def _facts(source: Source, info: Mapping[str, Any]) -> TrialFacts:
    ended = maybe_text(info.get("exit_status")) or ""
    status: TrialStatus = "completed"
    if any(word in ended for word in _LIMITS):
        status = "limit"
    elif ended.startswith(_FAULTS):
        status = "invalid"
    fault = status == "invalid"
    return TrialFacts(
        scenario=source.stem,
        repeat=0,
        agent="swe-agent",
        status=status,
        error=ended if fault else None,
        fault_of="harness" if fault else None,
    )


def _told(steps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A history out of the steps, where the file holds none."""
    history: list[dict[str, Any]] = []
    for step in steps:
        history.append({"role": "assistant", "content": step.get("response"), "action": step.get("action")})
        history.append({"role": "tool", "content": step.get("observation")})
    return history


def _converse(
    conversation: Conversation, history: Sequence[Mapping[str, Any]], steps: Sequence[Mapping[str, Any]]
) -> None:
    asked = sum(1 for message in history if message.get("role") == "assistant" and not message.get("is_demo"))
    observed = [step.get("observation") for step in steps] if len(steps) == asked else []
    open_request: Request | None = None
    turn = 0
    for at, message in enumerate(history):
        role, content = message.get("role"), message.get("content")
        if role not in _ROLES:
            raise Unreadable(f"history[{at}].role is {shown(role)}: known are {', '.join(sorted(_ROLES))}")
        if role == "system":
            conversation.system(parts_of(content), plain_text(content))
        elif role == "assistant":
            requests = _requests(message)
            conversation.assistant(parts_of(content), requests=requests, chat=_chat())
            open_request = requests[0] if requests else None
            turn += 1
        elif open_request is None:
            conversation.user(parts_of(content))
        else:
            result = observed[turn - 1] if 0 < turn <= len(observed) else content
            conversation.tool(_answer(open_request, result))
            open_request = None
    if open_request is not None and len(observed) == turn:
        conversation.tool(_answer(open_request, observed[-1]))


def _answer(request: Request, result: Json) -> Answer:
    return Answer(call_id=request.call_id, name=request.name, result=result, not_recorded=_MISSING)


def _chat() -> dict[str, Any]:
    missing = {"messages": NOT_EACH_REQUEST, "model": "the file does not name the model"}
    return {semconv.NOT_RECORDED: {**missing, "usage": "the file keeps token counts of the whole only"}}


def _requests(message: Mapping[str, Any]) -> list[Request]:
    calls = maybe_objects(message.get("tool_calls"))
    if calls:
        found: list[Request] = []
        for call in calls[:1]:  # the agent runs one action a step
            function = maybe_object(call.get("function"))
            name = maybe_text(function.get("name")) or "unknown"
            arguments = arguments_of(function.get("arguments"))
            found.append(Request(name=name, arguments=arguments, call_id=maybe_text(call.get("id"))))
        return found
    action = maybe_text(message.get("action")) or ""
    words = action.split(maxsplit=1)
    return [Request(name=words[0], arguments={"command": action.strip()})] if words else []
