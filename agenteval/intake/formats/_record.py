"""What reading a foreign file gives: its head, its records as spans with what goes with them, and what was refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from agenteval.core.json import Json
from agenteval.core.outcome import Label, TrialStatus
from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import Trajectory
from agenteval.errors import ImportRefused
from agenteval.intake.formats._source import Look, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialFacts:
    """What a record says of the trial that it is of; the run that it is imported into makes a `Trial` of it.

    Attributes:
        scenario: The task's id in the file, as text.
        scenario_hash: Content hash of what the file says that the task is; empty where it says nothing.
        repeat: Zero-based. Two files, or two records of one file, may name the same repeat of the same scenario.
        agent: As the file names it, else the file's name without its ending.
        status: How the trial ended, as far as the file tells.
        suite: What the tasks belong to, such as a domain; None where the file does not say.
        seed: As recorded; None where it was not.
        seconds: Wall time, as recorded; None where it was not.
    """

    scenario: str
    repeat: int
    agent: str
    status: TrialStatus
    scenario_hash: str = ""
    error: str | None = None
    fault_of: str | None = None
    suite: str | None = None
    seed: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """One record of a file, as one trace.

    Attributes:
        spans: The trace, the root first.
        labels: What the file says of how good it was; their trajectory is the trace's id.
        position: Where it stands in the file: a record, a line, or a member of an archive.
        logs: Log records of the spans.
        trajectory: What was made of the spans once, where the file holds that alone.
    """

    spans: tuple[Span, ...]
    trial: TrialFacts
    labels: tuple[Label, ...]
    position: str
    logs: tuple[LogRecord, ...] = ()
    trajectory: Trajectory | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """A part of a file that holds spans of other producers: which trials they are of is found from all of them.

    Attributes:
        spans: Spans of any traces.
        logs: Log records of any traces.
        position: Where they stand in the file.
    """

    spans: tuple[Span, ...]
    logs: tuple[LogRecord, ...] = ()
    position: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileHeader:
    """What a file says once for all of its records, such as the settings and the tasks of a run.

    Attributes:
        file: The file's name.
        sha256: Hash of its bytes as they lie there, compressed where they are.
        format: The format that it was read as.
        content: Its members as they were, marked where JSON cannot carry them safely (see `restored`).
    """

    file: str
    sha256: str
    format: str
    content: Json


Record: TypeAlias = FileHeader | Imported | Telemetry | ImportRefused
"""What reading a file yields. Refusals are values, and do not end the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One foreign format.

    Attributes:
        name: As users and `agenteval.source` name it.
        title: What it is, in a few words.
        detect: Whether a file is of it, from a look at its beginning.
        read: Every record of a file that is of it.
    """

    name: str
    title: str
    detect: Callable[[Look], bool]
    read: Callable[[Source], Iterator[Record]]
