"""A trajectory in, its steps as a reader needs them out: in a tree of agent runs, each with what there is to show.

A sub-agent's steps stand beneath the tool call that started it, whatever else happened meanwhile; steps that were at
work at the same time say so. Terminal and page draw the same outline.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from agenteval.core.message import MediaPart, Message, Part, ReasoningPart, RefusalPart, ToolRequest, ToolResponse
from agenteval.core.trajectory import (
    AgentRun,
    Content,
    Handoff,
    Interrupt,
    ModelCall,
    StateChange,
    Step,
    ToolCall,
    Trajectory,
    Usage,
)
from agenteval.report.visible import NOT_RECORDED, one_line, pretty, shown, visible

Tone: TypeAlias = Literal["plain", "quiet", "error", "missing", "result"]
REMEDY = "Turn on the recording of content where the agent is instrumented."

_OF_MODEL_CALLS = ("messages", "output", "requests")
_DEEPEST = 12
_CALL_WIDTH = 88


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One paragraph of a step."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the outline: a step, or the head of an agent run where `step` is None.

    Attributes:
        depth: How many agent runs it is inside, less one.
        label: Its kind in a word: who speaks, `call`, `model`, `changed`, `agent`.
        said: What there is to show of it.
        parallel: It is a tool call that was at work together with others.
    """

    depth: int
    label: str
    said: tuple[Said, ...]
    step: Step | None = None
    parallel: bool = False


def outline(trajectory: Trajectory) -> Iterator[Row]:
    """Every step of the trajectory once, sub-agents beneath the calls that started them."""
    yield from _Outline(trajectory).rows()


class _Outline:
    """Walks the runs of a trajectory. Runs that name each other in a circle are walked once."""

    def __init__(self, trajectory: Trajectory) -> None:
        self._steps = trajectory.steps
        self._runs = {run.id: run for run in trajectory.runs}
        self._parallel = _at_once(trajectory.steps)
        self._own: dict[str | None, list[Step]] = {}
        for step in trajectory.steps:
            self._own.setdefault(step.run if step.run in self._runs else None, []).append(step)
        self._started, self._loose = self._children()
        self._walked: set[str] = set()
        self._shown: set[int] = set()

    def rows(self) -> Iterator[Row]:
        yield from self._members(None, 0)
        for run in self._runs.values():  # runs whose parents form a circle hang from nothing
            yield from self._run(run, 0)
        for step in self._steps:
            if id(step) not in self._shown:
                yield self._row(step, 0)

    def _children(self) -> tuple[dict[str, list[AgentRun]], dict[str | None, list[AgentRun]]]:
        """Runs by the step that started them, and the other runs by their parent."""
        calls = {span: step.id for step in self._steps if isinstance(step.content, ToolCall) for span in step.span_ids}
        ids = {step.id for step in self._steps}
        started: dict[str, list[AgentRun]] = {}
        loose: dict[str | None, list[AgentRun]] = {}
        for run in self._runs.values():
            by = run.started_by
            step = by if by in ids else calls.get(by or "")
            if step is not None:
                started.setdefault(step, []).append(run)
            else:
                loose.setdefault(run.parent if run.parent in self._runs else None, []).append(run)
        return started, loose

    def _members(self, run: str | None, depth: int) -> Iterator[Row]:
        """The steps of a run in order; a run inside it that no call started stands where it began."""
        waiting = sorted(self._loose.get(run, []), key=self._begin)
        beneath = depth if run is None else depth + 1
        before: AgentRun | None = None
        for step in [*self._own.get(run, []), None]:
            while waiting and (step is None or self._begin(waiting[0]) < step.index):
                inner = waiting.pop(0)
                yield from self._run(inner, beneath, headed=not self._goes_on(before, inner))
                before = inner
            if step is not None:
                before = None
                self._shown.add(id(step))
                yield self._row(step, depth)
                for inner in self._started.get(step.id, []):
                    yield from self._run(inner, depth + 1)

    def _goes_on(self, before: AgentRun | None, run: AgentRun) -> bool:
        """Whether a run is the next turn of the one before it: an agent that is called anew for every message."""
        if before is None or before.name != run.name:
            return False
        own = self._own.get(before.id)
        return bool(own) and own[-1].index < self._begin(run)

    def _run(self, run: AgentRun, depth: int, *, headed: bool = True) -> Iterator[Row]:
        if run.id in self._walked or depth > _DEEPEST:
            return
        self._walked.add(run.id)
        if headed:
            yield Row(depth=depth, label="agent", said=(Said(text=one_line(run.name) or "(no name)"),))
        yield from self._members(run.id, depth)

    def _begin(self, run: AgentRun, depth: int = 0) -> int:
        """Where a run began: its first step, or that of a run inside it."""
        own = self._own.get(run.id)
        first = own[0].index if own else len(self._steps)
        inner = self._loose.get(run.id, []) if depth < _DEEPEST else []
        return min([first, *(self._begin(one, depth + 1) for one in inner)])

    def _row(self, step: Step, depth: int) -> Row:
        label, said = _content(step)
        if step.truncated:
            said.append(
                Said(text=f"cut when it was recorded: {', '.join(map(one_line, step.truncated))}", tone="missing")
            )
        return Row(depth=depth, label=label, said=tuple(said), step=step, parallel=step.id in self._parallel)


def _at_once(steps: Sequence[Step]) -> set[str]:
    """Ids of the tool calls that one model call asked for together, or whose times overlap."""
    found: set[str] = set()
    asked: dict[str, list[str]] = {}
    last: dict[str | None, Step] = {}
    for step in steps:
        if not isinstance(step.content, ToolCall):
            continue
        if step.content.requested_by is not None:
            asked.setdefault(step.content.requested_by, []).append(step.id)
        before = last.get(step.run)
        if before is not None and 0 < step.start_ns < before.end_ns:
            found.update((before.id, step.id))
        if before is None or step.end_ns > before.end_ns:
            last[step.run] = step
    return found.union(*(ids for ids in asked.values() if len(ids) > 1))


# --- what there is to show of a step


def _content(step: Step) -> tuple[str, list[Said]]:
    content: Content = step.content
    if isinstance(content, Message):
        return content.role, _message(content, step)
    if isinstance(content, ToolCall):
        return "user call" if content.by == "user" else "call", _tool_call(content, step)
    if isinstance(content, ModelCall):
        return "model", _model_call(content, step)
    if isinstance(content, StateChange):
        return "changed", [Said(text=_operation(operation), tone="quiet") for operation in content.patch]
    if isinstance(content, Handoff):
        return "hands over", [Said(text=f"to {one_line(content.target)}")]
    if isinstance(content, Interrupt):
        return "stopped", [Said(text=pretty(content.value)), Said(text=pretty(content.answer), tone="result")]
    return one_line(content.kind), [Said(text=pretty(content.data), tone="quiet")]


def _message(message: Message, step: Step) -> list[Said]:
    said = [_part(part) for part in message.parts] + _missing(step, "parts", "content")
    return said or [Said(text="(nothing)", tone="quiet")]


def _part(part: Part) -> Said:
    if isinstance(part, ToolRequest):
        return Said(text=f"asks for {one_line(part.name)}", tone="quiet")
    if isinstance(part, ToolResponse):
        return Said(text=pretty(part.response), tone="result")
    if isinstance(part, MediaPart):
        return Said(text=f"[{part.type} {one_line(part.uri)[:100]}]", tone="quiet")
    if isinstance(part, ReasoningPart):
        return Said(text=f"(reasoning) {visible(part.text)}", tone="quiet")
    if isinstance(part, RefusalPart):
        return Said(text=f"(refusal) {visible(part.text)}")
    return Said(text=visible(part.text))


def _tool_call(call: ToolCall, step: Step) -> list[Said]:
    missing = _missing(step, "arguments", "result", "error", "status", "name")
    lost = "arguments" in step.missing
    said = [Said(text=f"{one_line(call.name)}({NOT_RECORDED})") if lost else _named_call(call)]
    if call.injected is not None:
        said.append(Said(text=f"(the scenario injected a fault: {one_line(call.injected)})", tone="quiet"))
    if call.error is not None:
        said.append(Said(text=visible(call.error) or "(an error without text)", tone="error"))
    elif call.status == "error":
        said.append(Said(text="failed; its error text was not recorded", tone="error"))
    elif "result" not in step.missing:
        said.append(Said(text=pretty(call.result), tone="result"))
    return [*said, *missing]


def _named_call(call: ToolCall) -> Said:
    """`pay(order="1187", amount=42.5)`, an argument a line where that is too long."""
    name, arguments = one_line(call.name), call.arguments
    if arguments is None:
        return Said(text=f"{name}()")
    if not isinstance(arguments, Mapping):
        return Said(text=f"{name}({shown(arguments)})")
    pairs = [f"{one_line(key)}={shown(value)}" for key, value in cast("Mapping[str, Any]", arguments).items()]
    text = f"{name}({', '.join(pairs)})"
    if len(text) <= _CALL_WIDTH:
        return Said(text=text)
    inside = "".join(f"\n  {pair}," for pair in pairs)
    return Said(text=f"{name}({inside}\n)")


def _model_call(call: ModelCall, step: Step) -> list[Said]:
    name = one_line(call.model or "unnamed model")
    if call.error is not None:
        return [Said(text=name, tone="quiet"), Said(text=visible(call.error), tone="error")]
    measured = call.usage is not None and call.usage.tokens is not None
    facts = [tokens(call.usage)] if measured else []
    requests = [one_line(request.name) for request in call.requests]
    if requests:
        facts.append(f"asks for {', '.join(requests)}{' at once' if len(requests) > 1 else ''}")
    unseen = ([] if measured else ["tokens"]) + [field for field in _OF_MODEL_CALLS if field in step.missing]
    if unseen:
        facts.append(f"{' and '.join(unseen)} {NOT_RECORDED}")
    return [Said(text=f"{name}: {'; '.join(facts)}", tone="quiet")]


def unrecorded(trajectory: Trajectory) -> list[str]:
    """What was not recorded of its model calls, and why: a sentence a reason, since it is as a rule the same of all."""
    counts: Counter[tuple[str, str]] = Counter()
    for step, _ in trajectory.of(ModelCall):
        for field in _OF_MODEL_CALLS:
            if field in step.missing:
                counts[field, one_line(step.missing[field])] += 1
    return [
        f"{field.capitalize()} of {count} model call{'' if count == 1 else 's'} {NOT_RECORDED}: {reason}."
        for (field, reason), count in counts.items()
    ]


def tokens(usage: Usage | None) -> str:
    """`1,204 tokens in, 33 out, 0.0012 USD`; what was not measured is said to be so."""
    if usage is None or usage.tokens is None:
        return f"tokens {NOT_RECORDED}"
    parts = [f"{_count(usage.input_tokens)} tokens in", f"{_count(usage.output_tokens)} out"]
    if usage.cost_usd is not None:
        parts.append(f"{usage.cost_usd:.4g} USD")
    return ", ".join(parts)


def _count(value: int | None) -> str:
    return NOT_RECORDED if value is None else f"{value:,}"


def _operation(operation: Mapping[str, Any]) -> str:
    """One JSON Patch operation: `/orders/1187/status = "refunded"`."""
    path, kind = one_line(str(operation.get("path"))), operation.get("op")
    if kind == "remove":
        return f"{path} removed"
    if kind in {"move", "copy"}:
        return f"{path} {'moved' if kind == 'move' else 'copied'} from {one_line(str(operation.get('from')))}"
    return f"{path} = {shown(operation.get('value'))}"


def _missing(step: Step, *fields: str) -> list[Said]:
    """What was not recorded, why, and what to do about it; fields that share a reason stand together."""
    reasons: dict[str, list[str]] = {}
    for name in fields:
        if name in step.missing:
            reasons.setdefault(one_line(step.missing[name]), []).append(name)
    return [
        Said(text=f"{' and '.join(names)} {NOT_RECORDED}{f': {reason}' if reason else ''}. {REMEDY}", tone="missing")
        for reason, names in reasons.items()
    ]
