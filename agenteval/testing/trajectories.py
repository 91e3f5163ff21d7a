"""What happened, in a few words, in; a trajectory out. For tests of checks, and of anything that reads trajectories.

Example:
    A user asks, the agent calls a tool and answers:

    ```python
    trajectory([
        say("user", "Refund order 1187, please."),
        call("issue_refund", {"order": "1187", "amount": 42.5}, result={"ok": True}),
        say("assistant", "You get 42.50 back."),
    ])
    ```

Steps are called `s0`, `s1`, … in order. Each takes half a second and begins a second after the one before, unless `at`
says otherwise. What the recorder counted is made up to fit: a complete trajectory by default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from agenteval.core.json import Json
from agenteval.core.message import Role, ToolRequest, text_message
from agenteval.core.trajectory import (
    AgentRun,
    Content,
    End,
    Handoff,
    Integrity,
    ModelCall,
    StateChange,
    Step,
    ToolCall,
    ToolStatus,
    Trajectory,
    Usage,
)

SECOND: Final = 1_000_000_000
EPOCH: Final = 1_790_000_000 * SECOND


def step(
    content: Content,
    *,
    run: str | None = None,
    at: tuple[float, float] | None = None,
    missing: Mapping[str, str] | None = None,
    truncated: Sequence[str] = (),
) -> Step:
    """Any content as a step; `trajectory` gives it its id, place and times.

    Args:
        content: What happened.
        run: Id of the agent run that it belongs to.
        at: Start and end, in seconds from the beginning.
        missing: Field to the reason for which it was not recorded.
        truncated: Fields that were cut.
    """
    start, end = at if at is not None else (-1.0, -1.0)
    return Step(
        id="",
        index=0,
        content=content,
        run=run,
        start_ns=_ns(start),
        end_ns=_ns(end),
        missing=dict(missing or {}),
        truncated=tuple(truncated),
    )


def _ns(seconds: float) -> int:
    return -1 if seconds < 0 else EPOCH + round(seconds * SECOND)


def say(role: Role, text: str, **about: Any) -> Step:
    """A message. Keywords as `step` takes them."""
    return step(text_message(role, text), **about)


def call(
    name: str,
    arguments: Json = None,
    *,
    result: Json = None,
    error: str | None = None,
    status: ToolStatus | None = None,
    asked_by: str | None = None,
    by: Literal["agent", "user"] = "agent",
    **about: Any,
) -> Step:
    """A tool call; it failed where there is an error.

    Args:
        name: The tool.
        arguments: An object; none is an empty one.
        result: What it answered.
        error: Its error.
        status: How it ended, where that does not follow from the error.
        asked_by: Id of the model-call step that asked for it.
        by: Who called.
        **about: Keywords of `step`.
    """
    ended: ToolStatus = status or ("ok" if error is None else "error")
    hidden = "arguments" in (about.get("missing") or {})
    content = ToolCall(
        name=name,
        arguments={} if arguments is None and not hidden else arguments,
        result=result,
        error=error,
        status=ended,
        requested_by=asked_by,
        by=by,
    )
    return step(content, **about)


def think(
    text: str = "",
    *,
    asks: Sequence[ToolRequest] = (),
    tokens: tuple[int, int] | None = None,
    usd: float | None = None,
    **about: Any,
) -> Step:
    """A model call, with what it answered.

    Args:
        text: Its words.
        asks: The tool calls that it asked for.
        tokens: Tokens read and written; None where it did not say.
        usd: Its price; None where it is not known.
        **about: Keywords of `step`.
    """
    usage = None
    if tokens is not None or usd is not None:
        read, wrote = tokens if tokens is not None else (None, None)
        usage = Usage(input_tokens=read, output_tokens=wrote, cost_usd=usd, unmeasured_calls=int(tokens is None))
    output = (text_message("assistant", text),) if text else ()
    return step(ModelCall(model="test-model", output=output, requests=tuple(asks), usage=usage), **about)


def change(*operations: Mapping[str, Json], by: str | None = None, **about: Any) -> Step:
    """A change of the world, as JSON Patch operations; `by` is the id of the call that caused it."""
    return step(StateChange(patch=tuple(operations), caused_by=by), **about)


def hand_off(target: str, **about: Any) -> Step:
    """One agent hands the conversation to another."""
    return step(Handoff(target=target), **about)


def trajectory(
    steps: Iterable[Step] = (),
    *,
    complete: bool = True,
    lost: int = 0,
    counted: bool = True,
    start: Any = None,
    offered: Sequence[str] | None = None,
    runs: Sequence[AgentRun] = (),
    agent: str | None = "agent",
    end: End | None = None,
    attributes: Mapping[str, Json] | None = None,
) -> Trajectory:
    """A trajectory of those steps.

    Args:
        steps: What happened, in order.
        complete: The recorder's count proves that nothing is missing.
        lost: How many spans are missing; makes it incomplete.
        counted: Somebody counted the spans; makes it incomplete where nobody did.
        start: The world's state before.
        offered: The tools that the agent could call; None where that was not recorded.
        runs: The agents at work.
        agent: The agent's name.
        end: How it ended.
        attributes: Attributes of its root.
    """
    placed = tuple(_placed(item, place) for place, item in enumerate(steps))
    gone = lost or (0 if complete else 1)
    stored = len(placed) + 1  # the root is a span too
    started = stored + gone if counted else None
    return Trajectory(
        id="test",
        trace_ids=("test",),
        agent=agent,
        steps=placed,
        runs=tuple(runs),
        usage=sum_of_usage(placed),
        integrity=Integrity(started=started, ended=started, stored=stored),
        end=end or End(reason="completed"),
        offered_tools=None if offered is None else tuple(offered),
        attributes=dict(attributes or {}),
        start=start,
    )


def _placed(item: Step, place: int) -> Step:
    start = item.start_ns if item.start_ns >= 0 else EPOCH + place * SECOND
    end = item.end_ns if item.end_ns >= 0 else start + SECOND // 2
    return replace(item, id=f"s{place}", index=place, start_ns=start, end_ns=end)


def sum_of_usage(steps: Iterable[Step]) -> Usage:
    """What the model calls among the steps used together, as an assembler adds it up."""
    total = Usage()
    for item in steps:
        if isinstance(item.content, ModelCall):
            total = total + (item.content.usage or Usage(unmeasured_calls=1))
    return total


def without(whole: Trajectory, places: Iterable[int]) -> Trajectory:
    """The trajectory after some of its steps were lost: as many spans were started, and fewer are stored."""
    gone = set(places)
    kept = [item for place, item in enumerate(whole.steps) if place not in gone]
    left = tuple(replace(item, index=place) for place, item in enumerate(kept))
    integrity = replace(whole.integrity, stored=whole.integrity.stored - (len(whole.steps) - len(left)))
    return replace(whole, steps=left, integrity=integrity)


# --- from data


def from_data(data: Mapping[str, Any]) -> Trajectory:
    """A trajectory from a short description in JSON or YAML.

    Keys are those of `trajectory`, and `steps`: each has one of `user`, `agent` or `system` (what was said), `call` (a
    tool, with `arguments`, `result`, `error`, `status`, `asked_by`, `by`), `model` (its words, with `tokens` and
    `usd`), `change` (JSON Patch operations, with `by`) or `hand_off`; and those of `step`.

    Raises:
        ValueError: A step is none of these.
    """
    about = dict(data)
    steps = [_step_from(item) for item in about.pop("steps", ())]
    runs = [AgentRun(**run) for run in about.pop("runs", ())]
    end = about.pop("end", None)
    return trajectory(steps, runs=runs, end=None if end is None else End(**end), **about)


_ROLES: Final[dict[str, Role]] = {"user": "user", "agent": "assistant", "system": "system"}


def _step_from(data: Mapping[str, Any]) -> Step:
    about = dict(data)
    if "at" in about:
        about["at"] = tuple(about["at"])
    for word, role in _ROLES.items():
        if word in about:
            return say(role, about.pop(word), **about)
    if "call" in about:
        return call(about.pop("call"), about.pop("arguments", None), **about)
    if "model" in about:
        tokens = about.pop("tokens", None)
        return think(about.pop("model"), tokens=None if tokens is None else tuple(tokens), **about)
    if "change" in about:
        return change(*about.pop("change"), **about)
    if "hand_off" in about:
        return hand_off(about.pop("hand_off"), **about)
    message = f"a step is one of user, agent, system, call, model, change or hand_off, not {sorted(about)}"
    raise ValueError(message)
