"""ATIF trajectories: a JSON object with `schema_version`, `agent` and `steps`, or lines or a list of them.

A step of the user is what was said; one of the agent a model call with its requests, and the results that its
observation holds; one of the system an instruction. A result that names no request is an answer to the one request of
its step, and elsewhere something that the system said. Steps that were copied from an earlier context, or say that no
model was asked, are no model calls. The format has no word for a call that failed.

References:
    Harbor, RFC 0001: Agent Trajectory Interchange Format, versions 1.0 to 1.8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from agenteval.core import semconv
from agenteval.intake.formats._conversation import NOT_EACH_REQUEST, Answer, Conversation, Request
from agenteval.intake.formats._json import Decoded, Unreadable
from agenteval.intake.formats._parts import Part, arguments_of, parts_of, plain_text, reasoning_of
from agenteval.intake.formats._reading import (
    attempt,
    maybe_count,
    maybe_number,
    maybe_object,
    maybe_objects,
    maybe_text,
    object_of,
    objects_of,
    shown,
    text_id,
    time_of,
)
from agenteval.intake.formats._record import Imported, Record, TrialFacts
from agenteval.intake.formats._source import Look, Source
from agenteval.intake.formats._spans import records
from agenteval.intake.formats._trace import Trace, offered

NAME: Final = "atif"
TITLE: Final = "ATIF trajectories (JSON objects with schema_version, agent and steps)"

_MEMBERS: Final = frozenset({"schema_version", "agent", "steps"})
_NO_FAILURE: Final = "ATIF does not say whether a call failed"
_NO_USAGE: Final = "the step has no metrics"


def detect(look: Look) -> bool:
    """An object with a trajectory's members, or several."""
    if look.shape == "object":
        return look.keys >= _MEMBERS
    return isinstance(look.first, dict) and look.first.keys() >= _MEMBERS


def read(source: Source) -> Iterator[Record]:
    """Every trajectory."""
    for piece in records(source):
        yield attempt(source, piece, _record)


def _record(source: Source, record: Decoded, position: str) -> Imported:
    data = object_of(record.clean, "a trajectory")
    agent = object_of(data.get("agent"), "agent")
    steps = objects_of(data.get("steps"), "steps")
    name = maybe_text(agent.get("name")) or source.stem
    times = [at for at in (time_of(step.get("timestamp")) for step in steps) if at is not None]
    trace = Trace(source, position, name)
    conversation = Conversation(trace, start_ns=times[0] if times else 0, timed=bool(times))
    for at, step in enumerate(steps):
        _add(conversation, step, maybe_text(agent.get("model_name")), f"steps[{at}]")
    conversation.finish()
    tools = [function for tool in maybe_objects(agent.get("tool_definitions")) if (function := _tool_name(tool))]
    if tools:
        trace.attributes[semconv.OFFERED_TOOLS] = offered(tools)
    named = data.get("session_id") or data.get("trajectory_id")
    facts = TrialFacts(
        scenario=source.stem if named is None else text_id(named, "session_id"),
        repeat=0,
        agent=name,
        status="completed",
        seconds=(times[-1] - times[0]) / 1e9 if times else None,
    )
    return trace.close(NAME, record, facts)


def _tool_name(tool: Mapping[str, Any]) -> str | None:
    return maybe_text((maybe_object(tool.get("function")) or tool).get("name"))


def _add(conversation: Conversation, step: Mapping[str, Any], model: str | None, what: str) -> None:
    source, content = step.get("source"), step.get("message")
    at_ns = time_of(step.get("timestamp"))
    results = maybe_objects(maybe_object(step.get("observation")).get("results"))
    requests: Sequence[Request] = ()
    if source == "user":
        conversation.user(parts_of(content), at_ns=at_ns)
    elif source == "system":
        conversation.system(parts_of(content), plain_text(content))
    elif source == "agent":
        requests = _requests(step, what)
        parts = [*reasoning_of(step), *parts_of(content)]
        conversation.assistant(parts, requests=requests, chat=_chat(step, model), at_ns=at_ns)
    else:
        raise Unreadable(f"{what}.source is {shown(source)}: known are user, agent and system")
    for result in results:
        _observe(conversation, result, requests, at_ns)


def _requests(step: Mapping[str, Any], what: str) -> Sequence[Request]:
    if step.get("tool_calls") is None:
        return ()
    found: list[Request] = []
    for at, call in enumerate(objects_of(step.get("tool_calls"), f"{what}.tool_calls")):
        name = call.get("function_name")
        if not isinstance(name, str) or not name:
            raise Unreadable(f"{what}.tool_calls[{at}] names no function")
        arguments = arguments_of(call.get("arguments"))
        found.append(Request(name=name, arguments=arguments, call_id=maybe_text(call.get("tool_call_id"))))
    return found


def _chat(step: Mapping[str, Any], model: str | None) -> dict[str, Any] | None:
    """Attributes of the model call that a step is; None where it is none."""
    if step.get("is_copied_context") is True or step.get("llm_call_count") == 0:
        return None
    metrics = maybe_object(step.get("metrics"))
    missing = {"messages": NOT_EACH_REQUEST}
    if maybe_count(metrics.get("prompt_tokens")) is None and maybe_count(metrics.get("completion_tokens")) is None:
        missing["usage"] = _NO_USAGE
    return {
        semconv.REQUEST_MODEL: maybe_text(step.get("model_name")) or model,
        semconv.INPUT_TOKENS: maybe_count(metrics.get("prompt_tokens")),
        semconv.OUTPUT_TOKENS: maybe_count(metrics.get("completion_tokens")),
        semconv.CACHED_TOKENS: maybe_count(metrics.get("cached_tokens")),
        semconv.COST_USD: maybe_number(metrics.get("cost_usd")),
        semconv.NOT_RECORDED: missing,
    }


def _observe(
    conversation: Conversation, result: Mapping[str, Any], requests: Sequence[Request], at_ns: int | None
) -> None:
    content = result.get("content")
    call_id = maybe_text(result.get("source_call_id"))
    only = requests[0] if len(requests) == 1 else None
    if call_id is None and only is None:
        parts: list[Part] = parts_of(content)
        if parts:
            conversation.system(parts, plain_text(content))
        return
    conversation.tool(
        Answer(
            call_id=call_id or (only.call_id if only else None),
            name=only.name if only else None,
            result=content,
            at_ns=at_ns,
            not_recorded={"status": _NO_FAILURE},
        )
    )
