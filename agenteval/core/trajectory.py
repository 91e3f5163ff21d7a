"""The trajectory: all that happened in one trial or one conversation, in order. Pure values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar

from agenteval.core.json import Json
from agenteval.core.lazy import Lazy
from agenteval.core.message import Message, ToolRequest

ToolStatus: TypeAlias = Literal["ok", "error", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What model calls used. None means not measured, never zero.

    Attributes:
        input_tokens: Tokens read, cached ones included.
        output_tokens: Tokens written, reasoning included.
        cached_tokens: Part of the input that came from a cache.
        cache_write_tokens: Part of the input that was written to a cache.
        reasoning_tokens: Part of the output that was reasoning.
        cost_usd: Price in US dollars.
        unmeasured_calls: Model calls in this sum that reported no tokens.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None
    unmeasured_calls: int = 0

    @property
    def tokens(self) -> int | None:
        """Input and output together; None where neither was measured."""
        if self.input_tokens is None and self.output_tokens is None:
            return None
        return (self.input_tokens or 0) + (self.output_tokens or 0)

    def __add__(self, other: Usage) -> Usage:
        """Field by field; a field that neither side measured stays None."""
        return Usage(
            input_tokens=_plus(self.input_tokens, other.input_tokens),
            output_tokens=_plus(self.output_tokens, other.output_tokens),
            cached_tokens=_plus(self.cached_tokens, other.cached_tokens),
            cache_write_tokens=_plus(self.cache_write_tokens, other.cache_write_tokens),
            reasoning_tokens=_plus(self.reasoning_tokens, other.reasoning_tokens),
            cost_usd=_plus(self.cost_usd, other.cost_usd),
            unmeasured_calls=self.unmeasured_calls + other.unmeasured_calls,
        )


_N = TypeVar("_N", int, float)


def _plus(a: _N | None, b: _N | None) -> _N | None:
    if a is None:
        return b
    return a if b is None else a + b


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedTool:
    """A tool as a model was offered it: name, description, JSON Schema of its arguments, MCP server."""

    name: str
    description: str = ""
    parameters: Json = None
    server: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """Step content: one request to a model.

    `messages` is what the model read, in order; `requests` are the tool calls that it asked for.
    """

    model: str | None
    messages: tuple[Message, ...] = ()
    offered_tools: tuple[OfferedTool, ...] = ()
    output: tuple[Message, ...] = ()
    requests: tuple[ToolRequest, ...] = ()
    usage: Usage | None = None
    finish: str | None = None
    error: str | None = None
    kind: ClassVar[str] = "model_call"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """Step content: one call of a tool, as the agent made it.

    Attributes:
        arguments: An object as a rule; None with `missing["arguments"]` where it was not recorded.
        result: What the tool answered; None with `missing["result"]` where it was not recorded.
        error: The tool's error text; None where it did not fail.
        requested_by: Id of the model-call step that asked for it; None where none is known.
        injected: The kind of the fault that the scenario injected into this call, such as `timeout`; None for none.
        by: Who called: `user` where the simulated user has tools of its own; checks look at the agent's calls only.
    """

    name: str
    arguments: Json = None
    result: Json = None
    error: str | None = None
    status: ToolStatus = "ok"
    call_id: str | None = None
    requested_by: str | None = None
    by: Literal["agent", "user"] = "agent"
    injected: str | None = None
    kind: ClassVar[str] = "tool_call"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff:
    """Step content: one agent handed the conversation to another."""

    target: str
    kind: ClassVar[str] = "handoff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupt:
    """Step content: the agent stopped at `value` and could not go on without an answer, which is what it was given."""

    value: Json = None
    answer: Json = None
    kind: ClassVar[str] = "interrupt"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """Step content: what a call changed in the world, as JSON Patch (RFC 6902) operations."""

    patch: tuple[Mapping[str, Json], ...]
    caused_by: str | None = None
    kind: ClassVar[str] = "state_change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Step content of a kind that this version does not know; readers pass over it."""

    kind: str
    data: Json = None


Content: TypeAlias = Message | ModelCall | ToolCall | Handoff | Interrupt | StateChange | Other


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened.

    Attributes:
        id: Stable when the trajectory is assembled again: `<span id>` or `<span id>.<n>`.
        index: Zero-based position in the trajectory.
        span_ids: The spans that it was read from.
        run: Id of the agent run that it belongs to; None outside every run.
        missing: What was not recorded: field name to reason.
        truncated: Names of fields whose recorded value was cut.
        sources: The dialects that it was read by.
    """

    id: str
    index: int
    content: Content
    span_ids: tuple[str, ...] = ()
    start_ns: int = 0
    end_ns: int = 0
    run: str | None = None
    missing: Mapping[str, str] = field(default_factory=dict[str, str])
    truncated: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRun:
    """One agent at work. A name cannot tell three researchers apart; `id` does."""

    id: str
    name: str
    parent: str | None = None
    started_by: str | None = None
    start_ns: int = 0
    end_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Integrity:
    """What is known to be missing from a trajectory. None means that nobody counted.

    Attributes:
        started: Spans that were started, as the recorder counted them.
        ended: Spans that were ended, as the recorder counted them.
        stored: Spans that are in hand.
        dropped: Attributes, events and links that the sender says it dropped.
        orphans: Spans whose parent is not in hand, or whose parents form a circle.
        repeated: Contents that came for the id of a span that is in hand with another content, and were put aside.
        clock_skew_ns: Largest start of a child before its parent, in nanoseconds.
        sampled: Smallest probability with which senders say that they kept traces; None where none says so.
    """

    started: int | None = None
    ended: int | None = None
    stored: int = 0
    dropped: int = 0
    orphans: int = 0
    repeated: int = 0
    clock_skew_ns: int = 0
    sampled: float | None = None

    @property
    def assumed_complete(self) -> Integrity:
        """The same, where nobody counted, as if all that was started is in hand; unless senders say that they sampled.

        What is known to be missing stays known.
        """
        if self.started is not None or self.is_sampled:
            return self
        return replace(self, started=self.stored, ended=self.stored)

    @property
    def is_sampled(self) -> bool:
        """Whether other traces may have been left out on purpose."""
        return self.sampled is not None and self.sampled < 1

    @property
    def complete(self) -> bool:
        """True where the recorder's own count proves that nothing is missing, and nothing that came was put aside."""
        return (
            self.started is not None
            and self.started == self.ended
            and self.stored >= self.started
            and self.dropped == 0
            and self.orphans == 0
            and self.repeated == 0
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How it ended, and the world's state before and after.

    Attributes:
        reason: `completed`, `limit`, `agent_error`, … or a foreign file's own word; None where unknown.
        detail: More about the reason, such as the limit reached.
        start_state: Content hash of the world's state before; None where there was no world.
        end_state: Content hash of the world's state after.
    """

    reason: str | None = None
    detail: str | None = None
    start_state: str | None = None
    end_state: str | None = None


class LazySteps(Lazy[Step]):
    """Steps that are made when they are first looked at: many checks look at the tool calls only.

    Args:
        kinds: The kind of each step's content, in order.
        make: Makes the step at a position.
    """

    __slots__ = ("_kinds",)

    def __init__(self, kinds: Sequence[str], make: Callable[[int], Step]) -> None:
        super().__init__(len(kinds), make)
        self._kinds = kinds

    def places(self, kind: str) -> list[int]:
        """Positions of the steps of a kind."""
        return [position for position, name in enumerate(self._kinds) if name == kind]


C = TypeVar("C", Message, ModelCall, ToolCall, Handoff, Interrupt, StateChange)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """All that happened in one trial or one conversation.

    Attributes:
        id: The trace id of a trial, or a hash of the conversation.
        offered_tools: Names of the tools that the agent could call; None where not recorded.
        start: The world's state before, where the reader resolved it; not part of equality of hashes.
    """

    id: str
    conversation_id: str | None = None
    trace_ids: tuple[str, ...] = ()
    runs: Sequence[AgentRun] = ()
    steps: Sequence[Step] = ()
    integrity: Integrity = Integrity()
    usage: Usage = Usage()
    end: End = End()
    offered_tools: tuple[str, ...] | None = None
    agent: str | None = None
    attributes: Mapping[str, Json] = field(default_factory=dict[str, Json])
    start: Any = field(default=None, compare=False, repr=False)

    def of(self, kind: type[C]) -> list[tuple[Step, C]]:
        """Every step whose content is of that kind, with the content, in order."""
        return [(step, content) for _, step, content in self.placed(kind)]

    def placed(self, kind: type[C]) -> list[tuple[int, Step, C]]:
        """Every step of that kind: its position among the steps, the step, its content. Makes no other step."""
        steps = self.steps
        if isinstance(steps, LazySteps):
            wanted = [(position, steps[position]) for position in steps.places(kind.kind)]
        else:
            wanted = list(enumerate(steps))
        return [(position, step, step.content) for position, step in wanted if isinstance(step.content, kind)]
