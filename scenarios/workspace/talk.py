"""A conversation so far in, the next step out. What the assistant does is a procedure that runs over what happened.

Nothing is remembered between steps: the procedure is run again from the beginning, and is given the answers that the
calls and questions of the conversation got. Where they end, its next step is what is to be done.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Say:
    """Say this and wait for the user."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """Call a tool."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heard:
    """What the user said."""

    text: str


@dataclass(frozen=True, slots=True)
class Result:
    """What a call gave: its result, or its error."""

    value: Any = None
    error: str | None = None


class Failed(Exception):
    """A call ended with an error, which is its text."""


Step: TypeAlias = Say | Call
Event: TypeAlias = Heard | Result
Procedure: TypeAlias = Generator[Step, Any, Any]


def next_step(procedure: Procedure, events: Sequence[Event]) -> Step:
    """The step that a procedure comes to after these events, which answer its steps one by one."""
    step: Step = next(procedure)
    for event in events:
        if isinstance(event, Heard):
            step = procedure.send(event.text)
        elif event.error is not None:
            step = procedure.throw(Failed(event.error))
        else:
            step = procedure.send(event.value)
    return step


def all_of(procedures: Iterable[Procedure]) -> Procedure:
    """What several procedures come to, one after the other."""
    found: list[Any] = []
    for procedure in procedures:
        result = yield from procedure
        found.append(result)
    return found
