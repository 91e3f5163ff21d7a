"""The protocols: small signatures that adapters meet. No base classes; nothing registers itself on import.

Pure code is sync. What talks to agents, worlds, users and models is async. The store is sync and small.
Each protocol has a conformance kit in `agenteval.testing`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

from agenteval.core.find import Find, Page
from agenteval.core.forget import Forget, Forgotten
from agenteval.core.json import Json
from agenteval.core.message import Message
from agenteval.core.model import Completion, ModelRequest
from agenteval.core.outcome import Finding, Label, Run, Score, Trial
from agenteval.core.sandbox import Completed, Isolation, Listing
from agenteval.core.scenario import Scenario
from agenteval.core.span import LogRecord, Span
from agenteval.core.traces import TraceQuery, TraceSeen, TraceState
from agenteval.core.trajectory import OfferedTool, Trajectory, Usage


class World(Protocol):
    """The simulated systems behind the tools. One world serves one trial."""

    def tools(self) -> Sequence[OfferedTool]:
        """The tools it offers, with the JSON Schema of their arguments."""
        ...

    async def call(self, tool: str, arguments: Mapping[str, Json]) -> Json:
        """Call a tool. Raises ToolError for a domain error; any other exception is the world's fault."""
        ...

    def changes(self) -> list[dict[str, Json]]:
        """JSON Patch (RFC 6902) of what changed since last asked."""
        ...

    def state(self) -> Json:
        """The whole state as JSON. Callers must not change it."""
        ...

    def snapshot(self) -> object:
        """A token from which `restore` brings back the state of now."""
        ...

    def restore(self, snapshot: object) -> None:
        """Bring back the state of a snapshot of this world."""
        ...


class Sandbox(Protocol):
    """A place where commands run apart from the host: one work folder, and the processes that were started in it.

    Open it with `async with`; closing ends every process and leaves nothing behind. A SandboxError is the provider's
    failure, never the command's. An OSError is the caller's mistake: no such file, a link where no link is followed,
    too large.
    """

    @property
    def folder(self) -> str:
        """The work folder as commands see it: where they start, and what paths are relative to."""
        ...

    @property
    def isolation(self) -> Isolation:
        """What isolates it, as it was found to hold when it was opened."""
        ...

    async def exec(
        self,
        command: str | Sequence[str],
        *,
        stdin: bytes = b"",
        cwd: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 (the sandbox itself kills what runs too long, and says so)
    ) -> Completed:
        """Run a command to its end.

        What it leaves in the background goes on until the sandbox is closed; what that writes is no longer kept.

        Args:
            command: A line for `/bin/sh`, or a program and its arguments as they are.
            stdin: What it reads; nothing unless given.
            cwd: Where it starts, relative to the work folder.
            timeout: Seconds after which it is killed with all that it started; the sandbox's limit unless given.
        """
        ...

    async def read(self, path: str) -> bytes:
        """What a file of the work folder holds. Follows no symbolic link, and opens nothing but regular files."""
        ...

    async def write(self, path: str, data: bytes, *, mode: int | None = None) -> None:
        """Write a file of the work folder, and the folders on its path. Follows no symbolic link.

        Args:
            path: Relative to the work folder, or beginning with it.
            data: All that it holds afterwards.
            mode: Its permissions afterwards; those that it has, or 0o644 for a new one, unless given.
        """
        ...

    async def files(self, *, known: Collection[str] | None = None) -> Listing:
        """What is in the work folder, at any depth.

        Args:
            known: Asks for contents, too, save those of files that have one of these stamps.
        """
        ...

    async def __aenter__(self) -> Self:
        """Start it."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every process, and leave nothing behind."""
        ...


@runtime_checkable
class SandboxedWorld(World, Protocol):
    """A world whose systems live in a sandbox. The harness opens one for the trial, and closes it at its end."""

    async def open(self, sandbox: Sandbox) -> None:
        """Take a sandbox that is open and empty, and put in it what the world begins with. `state` does not change."""
        ...

    async def refresh(self) -> None:
        """Find out what was done in the sandbox without the world's tools; `changes` then tells it."""
        ...


class User(Protocol):
    """The other side of the conversation."""

    async def reply(self, messages: Sequence[Message]) -> str | None:
        """What the user says to the conversation so far; None where the user is done."""
        ...


@runtime_checkable
class Answerer(Protocol):
    """A user that also answers what an agent stopped at and cannot go on without; other users answer by `reply`."""

    async def answer(self, messages: Sequence[Message]) -> bool | str | None:
        """Yes, no or words to the last message, a question; None where the user has no answer."""
        ...


class Model(Protocol):
    """A language model."""

    @property
    def name(self) -> str:
        """Its name, as spans and reports show it."""
        ...

    async def complete(self, request: ModelRequest) -> Completion:
        """Answer one request. Raises ModelError."""
        ...


class OpenRecord(Protocol):
    """An open `invoke_agent`, `chat` or `execute_tool` record. Close it once, with `end` or `fail`."""

    @property
    def id(self) -> str:
        """Span id of the record."""
        ...

    def set(self, key: str, value: Any) -> None:
        """Set an attribute; message lists may be given as lists of dicts."""
        ...

    def end(self) -> None:
        """Close it as it stands."""
        ...

    def fail(self, kind: str, message: str) -> None:
        """Close it with an error: `error.type` and the status message."""
        ...


class Recorder(Protocol):
    """Opens and closes records, and keeps live usage. `telemetry.capture` implements it; limits read it."""

    @property
    def usage(self) -> Usage:
        """What the model calls of this trial used so far."""
        ...

    @property
    def tool_calls(self) -> int:
        """Tool calls opened so far."""
        ...

    def open_agent(self, name: str, *, messages: Sequence[Message], parent: OpenRecord | None = None) -> OpenRecord:
        """Open an `invoke_agent` record; it is the parent of what opens while it is current."""
        ...

    def open_chat(
        self, request: ModelRequest, *, model: str, provider: str = "", parent: OpenRecord | None = None
    ) -> OpenRecord:
        """Open a `chat` record for one model request."""
        ...

    def close_chat(self, record: OpenRecord, completion: Completion) -> None:
        """Close a `chat` record with its answer, and add its usage."""
        ...

    def open_tool(
        self, name: str, arguments: Json, *, call_id: str | None = None, parent: OpenRecord | None = None
    ) -> OpenRecord:
        """Open an `execute_tool` record."""
        ...

    def close_tool(self, record: OpenRecord, result: Json, changes: Sequence[Mapping[str, Json]] = ()) -> None:
        """Close an `execute_tool` record with its result and what it changed in the world."""
        ...

    def fail_tool(
        self, record: OpenRecord, kind: str, message: str, changes: Sequence[Mapping[str, Json]] = ()
    ) -> None:
        """Close an `execute_tool` record with its error and what it changed in the world all the same."""
        ...

    def retract_tool(self, record: OpenRecord, why: str) -> None:
        """Close an `execute_tool` record that was no call of its own after all: it makes no step and is not counted."""
        ...

    def current(self, record: OpenRecord) -> AbstractContextManager[None]:
        """Make a record the current span, so that other instrumentations' spans land beneath it."""
        ...


class Session(Protocol):
    """What the harness hands an agent for one trial. Never holds the scenario's intent."""

    @property
    def opening(self) -> str:
        """The first thing said to the agent."""
        ...

    @property
    def instructions(self) -> str | None:
        """The policy that the agent works under. Who reads it has been handed it, and the trajectory says so."""
        ...

    @property
    def tools(self) -> Sequence[OfferedTool]:
        """The tools that the world offers; empty where there is no world."""
        ...

    @property
    def sandbox(self) -> Sandbox:
        """The trial's sandbox, in which its world lives, too; started when it is first used. The harness closes it."""
        ...

    @property
    def model(self) -> Model | None:
        """The model that was configured for the run, if any."""
        ...

    @property
    def seed(self) -> int:
        """Seed of this trial."""
        ...

    @property
    def recorder(self) -> Recorder:
        """Records what the agent does."""
        ...

    async def call(self, tool: str, arguments: Mapping[str, Json], *, call_id: str | None = None) -> Json:
        """Call one of the world's tools. Raises ToolError for a domain error."""
        ...

    def blame(self, whose: str, error: BaseException) -> None:
        """Note a fault that is not the agent's: `model`, `world`, `user` or `scenario`. The trial will be invalid."""
        ...

    async def say(self, text: str) -> str | None:
        """Say something to the user. Returns the reply; None where the user is done or there is none."""
        ...

    async def ask(self, question: str, *, value: Json = None) -> bool | str:
        """Ask the user what the agent cannot go on without: yes, no or words come back.

        `value` is what the agent stopped at, where that is more than the question. Raises ScenarioError where nobody
        answers.
        """
        ...


class Agent(Protocol):
    """The thing under test."""

    async def run(self, session: Session) -> None:
        """Hold one conversation, to its end."""
        ...


class Checker(Protocol):
    """A check: pure and sync; the same input gives the same findings."""

    @property
    def id(self) -> str:
        """Its id in the scenario: given, or name and argument hash."""
        ...

    @property
    def spec(self) -> Json:
        """The check as written, as JSON: equal checks have equal specs."""
        ...

    def check(self, trajectory: Trajectory, scenario: Scenario | None = None) -> Sequence[Finding]:
        """What it concludes of a trajectory."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """What an append did: new spans, identical repeats, and repeats with other content (the first one is kept)."""

    new: int = 0
    repeated: int = 0
    conflicting: int = 0

    def __add__(self, other: Appended) -> Appended:
        """What two appends did together."""
        return Appended(
            new=self.new + other.new,
            repeated=self.repeated + other.repeated,
            conflicting=self.conflicting + other.conflicting,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which trajectories to find. None and empty mean: any."""

    run: str | None = None
    scenario: str | None = None
    agent: str | None = None
    status: str | None = None
    trajectory: str | None = None


@runtime_checkable
class TraceStore(Protocol):
    """Keeps spans, trajectories, trials, labels and findings. Appending twice is appending once.

    What is read is shared between the values that repeat it and must not be changed; sequences may come back as lists.
    """

    def batch(self) -> AbstractContextManager[None]:
        """One transaction around many calls of this thread: all of them are kept, or none."""
        ...

    def append(
        self,
        spans: Iterable[Span],
        logs: Iterable[LogRecord] = (),
        *,
        project: str = "",
        live: bool = False,
        at_ns: int | None = None,
    ) -> Appended:
        """Store spans and logs in one transaction.

        Args:
            spans: Spans of any traces, in any order.
            logs: Log records of any traces, or of none.
            project: Whose they are. A trace belongs to the project that named it first.
            live: Whether more of their traces may come without notice: new ones are `open` then. Else they are
                `closed`: whoever appends knows that this is all, and assembles them.
            at_ns: When they arrived; now unless given.
        """
        ...

    def traces(self, query: TraceQuery) -> list[TraceSeen]:
        """A page of what is known of traces."""
        ...

    def seen(self, trace_ids: Sequence[str]) -> list[TraceSeen]:
        """What is known of those traces, in the order of their ids; those that are not stored are left out."""
        ...

    def mark(self, seen: Iterable[TraceSeen], state: TraceState) -> list[str]:
        """Put traces into a state, save those of which something new arrived since; gives the ids of those put."""
        ...

    def read(self, trace_ids: Sequence[str]) -> tuple[list[Span], list[LogRecord]]:
        """Every span and log of those traces, in an order that does not depend on arrival."""
        ...

    def find(self, query: Find, *, after: str | None = None, limit: int = 20) -> Page:
        """A page of the trajectories that meet a query, the latest first; `after` is what the page before gave.

        Raises RequestError where `after` is nothing that a page gave.
        """
        ...

    def conflicts(self, trace_ids: Sequence[str]) -> int:
        """How many different contents came for the ids of spans of those traces after the first."""
        ...

    def put_trial(self, trial: Trial, trajectory: Trajectory | None, *, state: Json = None) -> None:
        """Store a trial and its trajectory together; the same identity replaces an earlier attempt.

        `state` is the world's state before, whose hash is `trajectory.end.start_state`; it is stored once.
        """
        ...

    def put_trials(self, items: Iterable[tuple[Trial, Trajectory | None, Json]]) -> None:
        """Store many trials, with trajectories and states as in `put_trial`, in one transaction."""
        ...

    def keep(self, trajectory: Trajectory) -> None:
        """Store a trajectory that was assembled again, beside what other versions of the assembler made of it."""
        ...

    def put_run(self, run: Run) -> None:
        """Store a run; the same id replaces it."""
        ...

    def put_label(self, label: Label) -> None:
        """Store a label; the same trajectory, criterion and rater replaces it."""
        ...

    def record(self, run: str, trajectory: str, findings: Sequence[Finding], score: Score | None) -> None:
        """Store what was concluded of a trajectory in a run; replaces what that run concluded before.

        The empty id stands for the trials of the run that have no trajectory.
        """
        ...

    def runs(self) -> list[Run]:
        """Every run, newest last."""
        ...

    def run(self, run_id: str) -> Run:
        """One run, by id, by a prefix of it that only one run has, or `latest`. Raises NotFound."""
        ...

    def trials(self, query: Query) -> Iterator[Trial]:
        """The latest attempt of each trial that matches, in the order in which they were first stored."""
        ...

    def attempts(self, query: Query) -> Iterator[Trial]:
        """Every attempt of the trials that match: of each first those that were superseded, then the latest."""
        ...

    def trajectories(self, query: Query) -> Iterator[tuple[Trial, Trajectory]]:
        """The trials that match, with their trajectories, streaming."""
        ...

    def trajectory(self, id_or_prefix: str) -> Trajectory:
        """One trajectory, by id or by a prefix of it that only one trajectory has. Raises NotFound."""
        ...

    def outdated(self, query: Query) -> Iterator[Trial]:
        """The trials that match whose trajectory was assembled by other versions of the assembler only."""
        ...

    def concluded(self, trajectory: str) -> list[tuple[str, tuple[Finding, ...], Score | None]]:
        """What each run concluded of a trajectory: run id, findings, score; in the order of first recording."""
        ...

    def outcomes(self, run_id: str) -> Iterator[tuple[Trial, Score]]:
        """The scores recorded in a run, with their trials, streaming."""
        ...

    def labels(self, query: Query) -> Iterator[Label]:
        """The labels of the trajectories that match."""
        ...

    def forget(self, what: Forget, *, dry_run: bool = False, compact: bool = False) -> Forgotten:
        """Forget traces with all that was made of them and said of it, and what nothing else refers to any more.

        Of a conversation that is forgotten in part, the trajectory goes, and its other traces are `reopened`.

        Args:
            what: Which traces.
            dry_run: Count only.
            compact: Give the room back, which takes as long as writing the whole store anew.

        Raises:
            RequestError: It says nothing.
        """
        ...

    def sizes(self) -> Mapping[str, int]:
        """Bytes on disk by what they keep; empty where nothing is measured."""
        ...

    def close(self) -> None:
        """Flush and close."""
        ...
