"""A trajectory in, its published JSON out, and back. The schema is `traces/schema/trajectory.v1.json`.

A model call repeats the whole conversation that came before it. Here each call keeps only what is new to it: its
`messages` is `{"continues": <step id or null>, "keep": <n>, "new": [...]}`, to be read as the first `keep` messages of
the call that it continues (what that call read, then what it answered), then `new`. Sets of offered tools are listed
once, in `tool_sets`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

from agenteval._util.canonical import content_hash
from agenteval._util.frozen import quick
from agenteval.core.json import json_of
from agenteval.core.lazy import Lazy
from agenteval.core.message import (
    MediaPart,
    Message,
    Part,
    ReasoningPart,
    RefusalPart,
    Role,
    TextPart,
    ToolRequest,
    ToolResponse,
)
from agenteval.core.trajectory import (
    AgentRun,
    Content,
    End,
    Handoff,
    Integrity,
    Interrupt,
    LazySteps,
    ModelCall,
    OfferedTool,
    Other,
    StateChange,
    Step,
    ToolCall,
    Trajectory,
    Usage,
)

SCHEMA = "trajectory.v1"

_TEXTUAL: dict[str, Callable[..., TextPart | ReasoningPart | RefusalPart]] = {
    "text": quick(TextPart),
    "reasoning": quick(ReasoningPart),
    "refusal": quick(RefusalPart),
}
_make_message = quick(Message)
_MEDIA: dict[str, Literal["image", "audio", "file"]] = {"image": "image", "audio": "audio", "file": "file"}
_ROLES: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}


# --- messages


def part_to_json(part: Part) -> dict[str, Any]:
    """A message part as JSON, with the names of the GenAI semantic conventions."""
    if isinstance(part, (TextPart, ReasoningPart, RefusalPart)):
        return {"type": part.type, "content": part.text}
    if isinstance(part, ToolRequest):
        return {"type": part.type, "id": part.id, "name": part.name, "arguments": part.arguments}
    if isinstance(part, ToolResponse):
        return {"type": part.type, "id": part.id, "response": part.response}
    return {"type": part.type, "uri": part.uri, "mime_type": part.mime_type}


def part_from_json(data: Mapping[str, Any]) -> Part:
    """A message part from JSON; a type that is not known becomes text that says so.

    What a member should be and is not (a name that is a number, a missing text) is read as well as it can be: spans
    come from elsewhere, and one odd part must not cost the others.
    """
    kind = _text(data.get("type")) or "unknown"
    if kind in _TEXTUAL:
        content = data.get("content")
        return _TEXTUAL[kind](text="" if content is None else str(content))
    if kind == "tool_call":
        name = _text(data.get("name")) or ""
        return ToolRequest(name=name, arguments=json_of(data.get("arguments")), id=_text(data.get("id")))
    if kind == "tool_call_response":
        response = data.get("response", data.get("result"))
        return ToolResponse(response=json_of(response), id=_text(data.get("id")))
    if kind in _MEDIA:
        return MediaPart(type=_MEDIA[kind], uri=_text(data.get("uri")) or "", mime_type=_text(data.get("mime_type")))
    return TextPart(text=f"[{kind} part]")


def _text(value: object) -> str | None:
    """Text as it is, a number as its digits; nothing else is text."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None


def message_to_json(message: Message) -> dict[str, Any]:
    """A message as JSON."""
    return {"role": message.role, "parts": [part_to_json(part) for part in message.parts]}


def message_from_json(data: Mapping[str, Any]) -> Message:
    """A message from JSON; a role that is not known counts as the user's, a part that is bare text as a text part."""
    parts: object = data.get("parts")
    items = cast("Sequence[object]", parts if isinstance(parts, (list, tuple)) else ())
    role = _ROLES.get(_text(data.get("role")) or "", "user")
    return _make_message(role=role, parts=tuple([_part(part) for part in items]))


def _part(data: object) -> Part:
    if isinstance(data, (dict, Mapping)):
        return part_from_json(cast("Mapping[str, Any]", data))
    return TextPart(text=_text(data) or "[unknown part]")


def usage_to_json(usage: Usage) -> dict[str, Any]:
    """Usage as JSON; null is not measured."""
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cost_usd": usage.cost_usd,
        "unmeasured_calls": usage.unmeasured_calls,
    }


def tool_to_json(tool: OfferedTool) -> dict[str, Any]:
    """An offered tool as JSON."""
    data: dict[str, Any] = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return data if tool.server is None else {**data, "server": tool.server}


# --- out


def to_json(trajectory: Trajectory) -> dict[str, Any]:
    """The trajectory as published JSON."""
    writer = _Writer()
    steps = [writer.step(step) for step in trajectory.steps]
    return {
        "schema": SCHEMA,
        "id": trajectory.id,
        "conversation_id": trajectory.conversation_id,
        "trace_ids": list(trajectory.trace_ids),
        "agent": trajectory.agent,
        "offered_tools": None if trajectory.offered_tools is None else list(trajectory.offered_tools),
        "runs": [
            {
                "id": run.id,
                "name": run.name,
                "parent": run.parent,
                "started_by": run.started_by,
                "start_ns": run.start_ns,
                "end_ns": run.end_ns,
            }
            for run in trajectory.runs
        ],
        "steps": steps,
        "tool_sets": [[tool_to_json(tool) for tool in tools] for tools in writer.tool_sets],
        "usage": usage_to_json(trajectory.usage),
        "integrity": {
            "started": trajectory.integrity.started,
            "ended": trajectory.integrity.ended,
            "stored": trajectory.integrity.stored,
            "dropped": trajectory.integrity.dropped,
            "orphans": trajectory.integrity.orphans,
            "repeated": trajectory.integrity.repeated,
            "clock_skew_ns": trajectory.integrity.clock_skew_ns,
            **({} if trajectory.integrity.sampled is None else {"sampled": trajectory.integrity.sampled}),
            "complete": trajectory.integrity.complete,
        },
        "end": {
            "reason": trajectory.end.reason,
            "detail": trajectory.end.detail,
            "start_state": trajectory.end.start_state,
            "end_state": trajectory.end.end_state,
        },
        "attributes": dict(trajectory.attributes),
    }


class _Writer:
    """Writes steps in order, keeping each conversation once."""

    def __init__(self) -> None:
        self.tool_sets: list[tuple[OfferedTool, ...]] = []
        self._seen: list[tuple[str, tuple[Message, ...]]] = []

    def step(self, step: Step) -> dict[str, Any]:
        data: dict[str, Any] = {"id": step.id, "index": step.index, "kind": step.content.kind}
        data.update(self._content(step.id, step.content))
        data.update(
            run=step.run,
            start_ns=step.start_ns,
            end_ns=step.end_ns,
            span_ids=list(step.span_ids),
            sources=list(step.sources),
        )
        if step.missing:
            data["missing"] = dict(step.missing)
        if step.truncated:
            data["truncated"] = list(step.truncated)
        return data

    def _content(self, step_id: str, content: Content) -> dict[str, Any]:
        if isinstance(content, Message):
            return message_to_json(content)
        if isinstance(content, ToolCall):
            injected = {} if content.injected is None else {"injected": content.injected}
            return {
                **injected,
                "name": content.name,
                "arguments": content.arguments,
                "result": content.result,
                "error": content.error,
                "status": content.status,
                "call_id": content.call_id,
                "requested_by": content.requested_by,
                "by": content.by,
            }
        if isinstance(content, ModelCall):
            return self._model_call(step_id, content)
        if isinstance(content, StateChange):
            return {"patch": [dict(operation) for operation in content.patch], "caused_by": content.caused_by}
        if isinstance(content, Handoff):
            return {"target": content.target}
        if isinstance(content, Interrupt):
            return {"value": content.value, "answer": content.answer}
        return {"data": content.data}

    def _model_call(self, step_id: str, call: ModelCall) -> dict[str, Any]:
        if call.offered_tools not in self.tool_sets:
            self.tool_sets.append(call.offered_tools)
        base, keep = self._longest_shared(call.messages)
        self._seen.append((step_id, call.messages + call.output))
        return {
            "model": call.model,
            "messages": {
                "continues": base,
                "keep": keep,
                "new": [message_to_json(message) for message in call.messages[keep:]],
            },
            "offered_tools": self.tool_sets.index(call.offered_tools),
            "output": [message_to_json(message) for message in call.output],
            "requests": [part_to_json(request) for request in call.requests],
            "usage": None if call.usage is None else usage_to_json(call.usage),
            "finish": call.finish,
            "error": call.error,
        }

    def _longest_shared(self, messages: tuple[Message, ...]) -> tuple[str | None, int]:
        """The latest of the last few calls with which this one shares most of its beginning."""
        best: tuple[str | None, int] = (None, 0)
        for step_id, earlier in reversed(self._seen[-8:]):
            shared = 0
            for a, b in zip(earlier, messages, strict=False):
                if a is not b and a != b:
                    break
                shared += 1
            if shared > best[1]:
                best = (step_id, shared)
            if shared == len(earlier):
                break
        return best


# --- in

_make_trajectory = quick(Trajectory)
_make_step = quick(Step)
_make_tool_call = quick(ToolCall)
_make_model_call = quick(ModelCall)
_make_usage = quick(Usage)
_make_integrity = quick(Integrity)
_make_end = quick(End)


def from_json(data: Mapping[str, Any], *, start: object = None) -> Trajectory:
    """A trajectory from its published JSON. Fields that are not known are passed over.

    Args:
        data: What `to_json` wrote, of this version or a later one.
        start: The world's state before, where the caller has it.

    Raises:
        KeyError: A field that the schema requires is not there; of steps and runs, when they are first looked at.
    """
    steps: Sequence[Mapping[str, Any]] = data["steps"]
    runs: Sequence[Mapping[str, Any]] = data["runs"]
    offered = data["offered_tools"]
    return _make_trajectory(
        id=data["id"],
        conversation_id=data["conversation_id"],
        trace_ids=tuple(data["trace_ids"]),
        agent=data["agent"],
        offered_tools=None if offered is None else tuple(offered),
        runs=Lazy(len(runs), lambda position: _run(runs[position])),
        steps=LazySteps([step["kind"] for step in steps], _Reader(steps, data["tool_sets"]).step),
        usage=_usage(data["usage"]),
        integrity=_integrity(data["integrity"]),
        end=_end(data["end"]),
        attributes=data["attributes"],
        start=start,
    )


def _usage(data: Mapping[str, Any]) -> Usage:
    return _make_usage(
        input_tokens=data["input_tokens"],
        output_tokens=data["output_tokens"],
        cached_tokens=data["cached_tokens"],
        cache_write_tokens=data["cache_write_tokens"],
        reasoning_tokens=data["reasoning_tokens"],
        cost_usd=data["cost_usd"],
        unmeasured_calls=data["unmeasured_calls"],
    )


def _integrity(data: Mapping[str, Any]) -> Integrity:
    return _make_integrity(
        started=data["started"],
        ended=data["ended"],
        stored=data["stored"],
        dropped=data["dropped"],
        orphans=data["orphans"],
        repeated=data["repeated"],
        clock_skew_ns=data["clock_skew_ns"],
        sampled=data.get("sampled"),
    )


def _end(data: Mapping[str, Any]) -> End:
    return _make_end(
        reason=data["reason"], detail=data["detail"], start_state=data["start_state"], end_state=data["end_state"]
    )


def _run(data: Mapping[str, Any]) -> AgentRun:
    return AgentRun(
        id=data["id"],
        name=data["name"],
        parent=data["parent"],
        started_by=data["started_by"],
        start_ns=data["start_ns"],
        end_ns=data["end_ns"],
    )


class _Reader:
    """Makes a step when it is asked for; messages are shared between model calls."""

    def __init__(self, steps: Sequence[Mapping[str, Any]], tool_sets: Sequence[Sequence[Mapping[str, Any]]]) -> None:
        self._steps = steps
        self._written_tool_sets = tool_sets
        self._seen: dict[str, tuple[Message, ...]] = {}
        self._read_up_to = 0

    @functools.cached_property
    def _tool_sets(self) -> list[tuple[OfferedTool, ...]]:
        return [tuple(_offered(tool) for tool in tools) for tools in self._written_tool_sets]

    def step(self, position: int) -> Step:
        data = self._steps[position]
        if data["kind"] == "model_call":
            self._read_earlier(position)
        return _make_step(
            id=data["id"],
            index=data["index"],
            content=self._content(data),
            span_ids=tuple(data["span_ids"]),
            start_ns=data["start_ns"],
            end_ns=data["end_ns"],
            run=data["run"],
            missing=data.get("missing", {}),
            truncated=tuple(data.get("truncated", ())),
            sources=tuple(data["sources"]),
        )

    def _read_earlier(self, position: int) -> None:
        """Read the model calls before a position, since a call may go on from any of them."""
        for data in self._steps[self._read_up_to : position]:
            if data["kind"] == "model_call":
                self._conversation(data)
        self._read_up_to = max(self._read_up_to, position)

    def _conversation(self, data: Mapping[str, Any]) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
        """What a model call read, and what it answered."""
        history = data["messages"]
        base = self._seen.get(history["continues"], ()) if history["continues"] else ()
        messages = base[: history["keep"]] + tuple([message_from_json(message) for message in history["new"]])
        output = tuple([message_from_json(message) for message in data["output"]])
        self._seen[data["id"]] = messages + output
        return messages, output

    def _content(self, data: Mapping[str, Any]) -> Content:
        kind = data["kind"]
        if kind == "tool_call":
            return _make_tool_call(
                name=data["name"],
                arguments=data.get("arguments"),
                result=data.get("result"),
                error=data.get("error"),
                status=data.get("status", "unknown"),
                call_id=data.get("call_id"),
                requested_by=data.get("requested_by"),
                by=data.get("by", "agent"),
                injected=data.get("injected"),
            )
        if kind == "message":
            return message_from_json(data)
        if kind == "model_call":
            return self._model_call(data)
        if kind == "state_change":
            return StateChange(patch=tuple(data["patch"]), caused_by=data.get("caused_by"))
        if kind == "handoff":
            return Handoff(target=data["target"])
        if kind == "interrupt":
            return Interrupt(value=data.get("value"), answer=data.get("answer"))
        return Other(kind=kind, data=data.get("data"))

    def _model_call(self, data: Mapping[str, Any]) -> ModelCall:
        messages, output = self._conversation(data)
        usage = data.get("usage")
        return _make_model_call(
            model=data.get("model"),
            messages=messages,
            offered_tools=self._tool_sets[int(data["offered_tools"])],
            output=output,
            requests=tuple(
                ToolRequest(name=request["name"], arguments=request.get("arguments"), id=request.get("id"))
                for request in data["requests"]
            ),
            usage=None if usage is None else _usage(usage),
            finish=data.get("finish"),
            error=data.get("error"),
        )


def _offered(data: Mapping[str, Any]) -> OfferedTool:
    return OfferedTool(
        name=data["name"],
        description=data.get("description", ""),
        parameters=data.get("parameters"),
        server=data.get("server"),
    )


# --- fingerprint


def fingerprint(trajectory: Trajectory) -> str:
    """A hash of what happened, without ids and times: two runs that did the same have the same fingerprint."""
    index_of = {step.id: step.index for step in trajectory.steps}
    steps: list[dict[str, Any]] = []
    for data in to_json(trajectory)["steps"]:
        kept = {key: value for key, value in data.items() if key not in _NOT_IN_FINGERPRINT}
        for reference in ("requested_by", "caused_by"):
            if reference in kept:
                kept[reference] = index_of.get(kept[reference])
        if data["kind"] == "model_call":
            kept["messages"] = {**data["messages"], "continues": index_of.get(data["messages"]["continues"] or "")}
        steps.append(_without_ids(kept))
    happened = {"steps": steps, "end": [trajectory.end.reason, trajectory.end.end_state]}
    return content_hash(happened, lone_surrogates=True)  # what tools and models wrote may be cut anywhere


_NOT_IN_FINGERPRINT = frozenset({"id", "span_ids", "start_ns", "end_ns", "run", "call_id"})


def _without_ids(value: Any) -> Any:
    """The value without the ids of tool requests and responses, which a model mints anew each time."""
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        drop = "id" if members.get("type") in {"tool_call", "tool_call_response"} else None
        return {key: _without_ids(item) for key, item in members.items() if key != drop}
    if isinstance(value, (list, tuple)):
        return [_without_ids(item) for item in cast("Sequence[Any]", value)]
    return value
