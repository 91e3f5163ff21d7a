"""What a graph stopped at in, what it is resumed with out: the user is asked, one question after the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from langgraph import errors
from langgraph.types import Command, Interrupt

from agenteval._util.plain import plain
from agenteval.core.json import Json
from agenteval.core.ports import Session
from agenteval.errors import RequestError, ScenarioError

ResumeOf = Callable[[Any, bool | str], Any]

_ASKS_IN = ("question", "message", "prompt", "description", "text")  # keys under which graphs put a question
_DECISIONS: Mapping[object, str] = {True: "approve", False: "reject"}


def stops(output: Any) -> Sequence[Interrupt[Any]]:
    """The interrupts that an invocation ended with; none where it came to its end."""
    found: Any = cast("Mapping[str, Any]", output).get("__interrupt__") if isinstance(output, Mapping) else None
    return cast("Sequence[Interrupt[Any]]", found or ())


async def answers(session: Session, found: Sequence[Interrupt[Any]], resume: ResumeOf | None) -> Command[Any]:
    """Ask the user about each interrupt, in order; the Command that goes on with the answers.

    Args:
        session: The trial's session.
        found: The interrupts.
        resume: An interrupt's value and the user's answer to what it is resumed with; None for the rules below.

    Raises:
        ScenarioError: Nobody answers, or with what the graph does not take.
        RequestError: `resume` raised.
    """
    return Command(resume={stop.id: await _answer(session, stop.value, resume) for stop in found})


async def _answer(session: Session, value: Any, resume: ResumeOf | None) -> Any:
    """The user's answer as `resume` turns it; else as LangChain's reviews want it; else as it is."""
    recorded: Json = plain(value)
    members: Mapping[str, Any] = cast("Mapping[str, Any]", recorded) if isinstance(recorded, Mapping) else {}
    if resume is None and isinstance(members.get("action_requests"), Sequence):
        return await _review(session, members)
    answer = await session.ask(_question(recorded), value=recorded)
    if resume is None:
        return _decision(answer, None) if members.get("type") == "tool_approval" else answer
    try:
        return resume(value, answer)
    except Exception as error:
        raise RequestError(f"`resume` of LangGraphAgent raised {type(error).__name__}: {error}") from error


async def _review(session: Session, request: Mapping[str, Any]) -> dict[str, Any]:
    """LangChain's HumanInTheLoopMiddleware puts several actions into one interrupt, each to be decided."""
    configs = cast("Sequence[Mapping[str, Any]]", request.get("review_configs") or ())
    allowed = {config.get("action_name"): config.get("allowed_decisions") for config in configs}
    actions = cast("Sequence[Mapping[str, Any]]", request["action_requests"])
    return {
        "decisions": [
            _decision(await session.ask(_question(action), value=action), allowed.get(action.get("name")))
            for action in actions
        ]
    }


def _decision(answer: bool | str, allowed: Sequence[str] | None) -> dict[str, Any]:  # noqa: FBT001 (an answer may be yes or no)
    decision = {"type": "respond", "message": answer} if isinstance(answer, str) else {"type": _DECISIONS[answer]}
    if allowed is not None and decision["type"] not in allowed:
        raise ScenarioError(
            f"the graph wants one of {', '.join(allowed)}, and the scenario's user answered {json.dumps(answer)}: "
            "give the user `approves: true` or `approves: false`, or LangGraphAgent a `resume=` that makes the decision"
        )
    return decision


def _question(value: Json) -> str:
    """What the user hears: the value where it is text, or the text in it that asks; else its JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        said = (value.get(key) for key in _ASKS_IN)
        found = next((text for text in said if isinstance(text, str) and text.strip()), None)
        if found is not None:
            return found
    return json.dumps(value, ensure_ascii=False)


def refused(error: Exception) -> bool:
    """Whether a graph did not take an answer, because it does not fit the schema that its interrupt gave."""
    told = getattr(errors, "is_invalid_resume", None)  # LangGraph has it since it checks answers
    return told is not None and bool(told(error))
