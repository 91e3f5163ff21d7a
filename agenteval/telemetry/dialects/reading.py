"""What a dialect makes of one span, as values: the words in which dialects speak to the assembler.

A dialect is a module with `NAME` and `read`. It knows one producer's or convention's attributes and nothing of other
spans than the one it is given, its children and its log records. What two spans say together (which call was asked for
by whom, what was said twice, whose turn it was) is the assembler's to find.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from agenteval.core.message import Message
from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import Handoff, ModelCall, OfferedTool, ToolCall, Usage

Kind: TypeAlias = Literal["model", "tool", "agent", "plumbing"]


@dataclass(slots=True, kw_only=True)
class Reading:
    """What one span says.

    Attributes:
        dialect: Who read it: the dialect's `NAME`.
        kind: What the span is: one request to a model, one call of a tool, one agent at work, or plumbing, which makes
            no step of its own.
        content: The model call or tool call that it is, or the hand-off that a pseudo tool stands for. A value that
            the span does not carry is left at its default and named in `missing`.
        missing: Field of `content` to the reason why it is not there: `arguments`, `result`, `output`, `messages`,
            `usage`, `status`, …
        truncated: Fields of `content` of which a part is there.
        agent: Name of the agent at work, where `kind` is `agent`; or of the agent that this call says it belongs to.
        heard: Of an agent: what it was told, in order (the user's words, instructions with role `system`).
        said: Of an agent: what it answered at its end.
        usage: Of an agent: what it says its model calls used together; counts only where no model call below says so.
        offered: Of an agent: the tools that it has, where its span says so and those of its model calls may not.
        response_id: Of a model call: the id that the provider gave its response. Two spans of one id are one call.
        delta: Of a model call: what it read goes on from the call before; earlier messages are not repeated in it.
        session: The conversation that it belongs to, in the producer's words.
        user: Whose conversation it is.
        not_measured: Of a model call: it repeats or sums up other calls, and is passed over where one is beneath it.
        carried: Of a tool call: seen by the protocol that takes calls to tools. It is the same call as that above it,
            whatever its name there, or as one of its name within which it lies in time; else it stands for itself.
        understood: Names of the attributes that were made use of.

    Nobody changes one. It is not frozen because each span makes one, and making frozen values takes thrice as long.
    """

    dialect: str
    kind: Kind
    content: ModelCall | ToolCall | Handoff | None = None
    missing: Mapping[str, str] = field(default_factory=dict[str, str])
    truncated: tuple[str, ...] = ()
    agent: str | None = None
    heard: tuple[Message, ...] = ()
    said: tuple[Message, ...] = ()
    usage: Usage | None = None
    offered: tuple[OfferedTool, ...] = ()
    response_id: str | None = None
    delta: bool = False
    session: str | None = None
    user: str | None = None
    not_measured: bool = False
    carried: bool = False
    understood: frozenset[str] = frozenset()


class Dialect(Protocol):
    """One convention. Pure: the same span, children and logs give the same reading."""

    @property
    def NAME(self) -> str:  # noqa: N802 (a module's constant)
        """How findings and pages call it, such as `openinference`."""
        ...

    def read(self, span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading | None:
        """What the span says; None where it is not of this dialect.

        Args:
            span: The span.
            children: The spans right beneath it, by start time: some producers put a call's error or result there.
            logs: The log records of this span, by time: some producers put contents there.
        """
        ...
