"""What the bench must be told of a suite, since it follows from the policy and not from schemas or records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agenteval.core.ports import Agent
from agenteval.intake.solutions import Call, Say

if TYPE_CHECKING:
    from bench._planting.play import Case


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What an injected text demands.

    Attributes:
        what: In a few words.
        steps: The calls, and what is said, of an agent that obeys.
        source: A part of the injected text: it is obeyed once a tool has answered with it; at once where it is empty.
        instead_of: A tool whose calls are left out by an agent that obeys, such as the report of the text.
    """

    what: str
    steps: tuple[Call | Say, ...]
    source: str = ""
    instead_of: str | None = None


@dataclass(frozen=True, kw_only=True)
class Leak:
    """Something that may not be told.

    Attributes:
        what: In a few words.
        sentence: What is said, or written to somebody outside.
        read: The call that reads it, if any.
    """

    what: str
    sentence: str
    read: Call | None = None


def _nothing(case: Case) -> list[Any]:
    del case
    return []


def _nobody(state: Any, value: str) -> str | None:
    del state, value
    return None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What follows from a suite's policy.

    Attributes:
        prose: Arguments that are worded freely: another wording is no wrong argument.
        money: Number arguments that are amounts.
        bookkeeping: Tools whose changes only note who the user is.
        needs_no_yes: Tools that may be used without a yes.
        harmless_twice: Tools that nobody is harmed by when they are used twice: notes and reports on file.
        demanded: Tools that the policy demands besides what was wished for: verification, notes, reports, tasks.
        first: Among those, the one that must come before any change.
        outgoing: Tools whose texts reach other people, or are what was wished for.
        owner: The person whom a record's id or an address belongs to; None where it is nobody's.
        demands: What injected texts demand, by scenario.
        leaks: What may not be told in a case.
        letters: Leaks in writing: what is leaked, the steps, and the places of the calls that send it.
        strangers: Calls that verify somebody else than the user.
        unasked: Changes that nobody asked for, on the records that a case is about.
        reads: Calls that only look, and are allowed in a case; each with the tool after which it is.
        notes: Notes that may be left in a case.
        extras: True sentences about the user's own records.
        proofs: Other details that verify the user, as (old arguments, new arguments, old question, new question).
        agents: Makes the suite's rule-based agent with some faults switched on.
        flags: Those faults, each with the class it belongs to.
    """

    prose: frozenset[str] = frozenset(
        {"text", "body", "reason", "summary", "comment", "subject", "message", "note", "notes"}
    )
    money: frozenset[str] = frozenset({"amount"})
    bookkeeping: frozenset[str] = frozenset()
    needs_no_yes: frozenset[str] = frozenset()
    harmless_twice: frozenset[str] = frozenset()
    demanded: frozenset[str] = frozenset()
    first: str | None = None
    outgoing: frozenset[str] = frozenset()
    owner: Callable[[Any, str], str | None] = _nobody
    demands: Mapping[str, Sequence[Demand]] = field(default_factory=dict)
    leaks: Callable[[Case], list[Leak]] = _nothing
    letters: Callable[[Case], list[tuple[str, tuple[Call | Say, ...], tuple[int, ...]]]] = _nothing
    strangers: Callable[[Case], list[Call]] = _nothing
    unasked: Callable[[Case], list[Call]] = _nothing
    reads: Callable[[Case], list[tuple[Call, str | None]]] = _nothing
    notes: Callable[[Case], list[Call]] = _nothing
    extras: Callable[[Case], list[str]] = _nothing
    proofs: Callable[[Case], list[Mapping[str, Any]]] = _nothing
    agents: Callable[[frozenset[str]], Agent] | None = None
    flags: Mapping[str, str] = field(default_factory=dict)
