"""A situation, and what is right in it: scenarios, suites, limits, faults, users. Values only."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from agenteval._util.canonical import content_hash
from agenteval.core.json import Json

if TYPE_CHECKING:
    from agenteval.core.ports import Checker, Model, User, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What stops a trial. None is no limit; 0 is a real limit.

    Attributes:
        turns: Replies of the agent to the user.
        calls: Tool calls.
        tokens: Tokens read and written.
        seconds: Wall time.
        usd: Price of the agent's model calls.
    """

    turns: int | None = None
    calls: int | None = None
    tokens: int | None = None
    seconds: float | None = None
    usd: float | None = None

    def spec(self) -> dict[str, Json]:
        """The limits that are set, by name."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}


FaultKind = Literal["error", "timeout", "latency", "empty", "malformed", "value"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A tool that misbehaves on purpose, to see what the agent makes of it.

    Attributes:
        tool: Which one.
        on_call: On which of the agent's calls of it, from 1.
        kind: How: `error` and `timeout` are raised, `empty`, `malformed` and `value` stand in for the result, `latency`
            delays it.
        applied: Whether the call takes effect all the same, so that only its answer is lost.
        code: Of an `error`: its stable code.
        message: Of an `error`: what the agent is told.
        value: Of a `value`: the result that is given instead.
        seconds: Of a `latency`: how long it takes.
    """

    tool: str
    on_call: int = 1
    kind: FaultKind = "error"
    applied: bool = False
    code: str | None = None
    message: str | None = None
    value: Json = None
    seconds: float = 0.0

    def spec(self) -> dict[str, Json]:
        """The fault as JSON: equal faults have equal specs."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldRef:
    """Where a world comes from.

    Attributes:
        ref: As written, such as `./world.py:Retail`.
        digest: Content hash of the code and data behind it, so that a changed world is another scenario.
        make: Builds a fresh world from a seed.
    """

    ref: str
    digest: str
    make: Callable[[int], World] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRef:
    """The other side of the conversation, as written, and how to build it.

    Attributes:
        spec: The user as written under `user:`; part of the scenario's hash.
        opening: What the user says first.
        make: Builds a fresh user from a seed.
        with_model: Of a user whose words come from a model: builds one from a seed, the model and the intent. `make`
            then gives the rule-based user who knows the same, which proofs of the suite talk to.
    """

    spec: Mapping[str, Json]
    opening: str
    make: Callable[[int], User] = field(compare=False, repr=False)
    with_model: Callable[[int, Model, str | None], User] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A situation, and what is right in it.

    Attributes:
        id: Name within the catalogue, such as `retail/refund-late`.
        task: What an agent without a user is told; None where a user opens the conversation.
        intent: What is really wanted: for people and judges alone, never shown to an agent.
        instructions: The policy that the agent is given.
        faults: How its tools misbehave.
        checks: What is right in it.
        source: The file that it was read from.
        lines: Id of a check, or `faults[n]`, to its line in that file, for messages; in neither equality nor hash.
    """

    id: str
    version: str = "1"
    task: str | None = None
    intent: str | None = None
    instructions: str | None = None
    world: WorldRef | None = None
    user: UserRef | None = None
    faults: tuple[Fault, ...] = ()
    limits: Limits = Limits()
    checks: tuple[Checker, ...] = ()
    tags: tuple[str, ...] = ()
    source: str | None = field(default=None, compare=False)
    lines: Mapping[str, int] = field(default_factory=dict[str, int], compare=False, repr=False)

    @functools.cached_property
    def hash(self) -> str:
        """Content hash of everything that could change an outcome."""
        return content_hash(
            {
                "id": self.id,
                "version": self.version,
                "task": self.task,
                "intent": self.intent,
                "instructions": self.instructions,
                "world": None if self.world is None else [self.world.ref, self.world.digest],
                "user": None if self.user is None else dict(self.user.spec),
                "faults": [fault.spec() for fault in self.faults],
                "limits": self.limits.spec(),
                "checks": [check.spec for check in self.checks],
            }
        )

    @property
    def opening(self) -> str:
        """The first thing that the agent hears: the user's opening, else the task."""
        if self.user is not None:
            return self.user.opening
        return self.task or ""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Scenarios meant to be read together.

    Attributes:
        claims: What a score here means.
        does_not_claim: What it does not.
        agents: Named agents that the suite ships: name to reference.
        root: The folder that it was read from.
    """

    id: str
    version: str = "1"
    title: str = ""
    scenarios: tuple[Scenario, ...] = ()
    claims: tuple[str, ...] = ()
    does_not_claim: tuple[str, ...] = ()
    agents: Mapping[str, str] = field(default_factory=dict[str, str])
    root: str | None = field(default=None, compare=False)

    @functools.cached_property
    def hash(self) -> str:
        """Content hash of the suite's scenarios."""
        return content_hash({"id": self.id, "version": self.version, "scenarios": [s.hash for s in self.scenarios]})
