"""A trajectory in, an indexed view of it out, which many checks share; an index is made when it is first asked for.

What is missing. A trajectory whose recorder did not prove it whole (`integrity.complete`) may have lost any step at any
place. `View.lost` names why: `empty` (no steps), `no_telemetry` (only words: no tool or model call, and nobody
counted), or `gap`. Every check then answers for all the trajectories that this one may be a part of: what was seen
stays seen, and what was not seen proves nothing.

Order. Calls stand in the order of the trajectory. Two calls that one model call asked for and that overlap in time are
one parallel batch: neither is earlier than the other, since neither could know of the other. Where overlapping calls
do not say who asked for them and the trajectory has a gap, their order is undecided.
"""

from __future__ import annotations

import functools
import itertools
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agenteval._util.names import did_you_mean
from agenteval._util.patch import PatchError, apply
from agenteval.checkers.logic import MAYBE, NO, YES, Tri, Want
from agenteval.checkers.masked import marked
from agenteval.checkers.show import joined, literal
from agenteval.checkers.values import Doubt
from agenteval.core import semconv
from agenteval.core.json import Json
from agenteval.core.message import MediaPart, Message, RefusalPart, TextPart
from agenteval.core.outcome import ReasonCode
from agenteval.core.scenario import Scenario
from agenteval.core.trajectory import ModelCall, StateChange, Step, ToolCall, Trajectory


class Called:
    """One tool call, as checks look at it.

    Attributes:
        position: Its place among the tool calls.
        at: Its place among the steps.
        ok: It succeeded; MAYBE where how it ended was not recorded.
        unclear: Fields that were not recorded or were cut, with the reason; empty as a rule.
    """

    __slots__ = ("at", "call", "name", "ok", "position", "step", "unclear")

    def __init__(self, step: Step, call: ToolCall, at: int, position: int) -> None:
        """Note once what is asked of a call again and again."""
        self.step = step
        self.call = call
        self.name = call.name
        self.at = at
        self.position = position
        self.unclear = unclear(step) if step.missing or step.truncated else _NOTHING
        if "status" in self.unclear:
            self.ok: Tri = MAYBE
        elif call.status == "ok":
            self.ok = YES
        else:
            self.ok = MAYBE if call.status == "unknown" and call.error is None else NO

    def ended(self, want: Want) -> Tri:
        """Whether it is a call of the wanted kind, by how it ended."""
        if want == "any":
            return YES
        return self.ok if want == "ok" else 2 - self.ok


_NOTHING: dict[str, str] = {}


def unclear(step: Step) -> dict[str, str]:
    """The fields of a step whose recorded value cannot be relied on: those not recorded, and those cut."""
    # a path into a field that was cut, such as `arguments.body`, makes the whole field unclear
    cut = {name.split(".")[0].split("[")[0]: "cut" for name in step.truncated}
    return {**cut, **step.missing}


def spoken(message: Message) -> str:
    """What was said in a message: its text and its refusals."""
    return "\n".join(part.text for part in message.parts if isinstance(part, (TextPart, RefusalPart)))


def is_spoken(message: Message) -> bool:
    """The message says something: text, a refusal, or media, beside any tool requests."""
    return any(
        isinstance(part, MediaPart) or (isinstance(part, (TextPart, RefusalPart)) and part.text)
        for part in message.parts
    )


class View:
    """A trajectory, indexed.

    Attributes:
        steps: Its steps.
        calls: The tool calls of the agent, in order; those of a simulated user are not looked at.
        by_name: Tool name to its calls.
        nameless: Calls whose tool was not recorded.
        near: Tools known at little cost: called here or elsewhere in the batch, or offered to the agent.
        overlaps: Some tool call began before an earlier one ended.
        lost: Why something may be missing; None where the recorder's count proves that nothing is.
        slow: Matchers that ran out of time on this trajectory.
    """

    def __init__(
        self, trajectory: Trajectory, scenario: Scenario | None = None, known_tools: frozenset[str] = frozenset()
    ) -> None:
        """Index the tool calls; everything else waits until it is asked for."""
        self.trajectory = trajectory
        self.scenario = scenario
        self.steps = trajectory.steps
        self.slow: set[object] = set()
        self.calls: list[Called] = []
        self.by_name: dict[str, list[Called]] = {}
        self.nameless: list[Called] = []
        self.overlaps = False
        latest = 0
        for at, step, call in trajectory.placed(ToolCall):
            if call.by == "agent":
                called = Called(step, call, at, len(self.calls))
                self.calls.append(called)
                (self.nameless if "name" in called.unclear else self.by_name.setdefault(called.name, [])).append(called)
                self.overlaps = self.overlaps or step.start_ns < latest
                latest = max(latest, step.end_ns)
        self.near = known_tools.union(self.by_name, trajectory.offered_tools or ())
        self._places = range(len(self.steps))
        self.lost: ReasonCode | None = self._lost()

    @classmethod
    def of(
        cls, trajectory: Trajectory, scenario: Scenario | None = None, known_tools: frozenset[str] = frozenset()
    ) -> View:
        """The view of a trajectory.

        Args:
            trajectory: What happened.
            scenario: The situation it belongs to, for checks of users' own.
            known_tools: Tools that were called somewhere in the same batch, so that their names are no mistakes.
        """
        return cls(trajectory, scenario, known_tools)

    def whole(self) -> Part:
        """All of it, as a part."""
        # not kept: a view that held a part that holds the view would live on until a collection finds the circle
        return Part(self, self.calls, self._places)

    # --- what is missing

    def _lost(self) -> ReasonCode | None:
        integrity = self.trajectory.integrity
        if integrity.complete:
            return None
        if not self.steps:
            return "empty"
        if integrity.started is None and not self.calls and not self.trajectory.placed(ModelCall):
            return "no_telemetry"
        return "sampled" if integrity.is_sampled else "gap"

    def lost_reason(self) -> str:
        """What is missing, in a sentence's second half."""
        if self.lost == "empty":
            return "nothing was recorded: no steps at all"
        if self.lost == "no_telemetry":
            return "no tool or model call was recorded, and nothing proves that there were none"
        if self.lost == "sampled":
            kept = self.trajectory.integrity.sampled
            return f"its sender keeps each trace with a probability of {kept:.3g}, so that others may belong to it"
        return f"the record may have gaps: {self._gap()}"

    def _gap(self) -> str:
        seen = self.trajectory.integrity
        if seen.started is None:
            return "nobody counted its spans"
        found: list[str] = []
        if seen.stored < seen.started:
            found.append(f"{seen.stored} of {seen.started} spans are stored")
        if seen.ended != seen.started:
            found.append(f"{seen.ended} of {seen.started} spans ended")
        if seen.orphans:
            found.append(f"{seen.orphans} spans lack their parent")
        if seen.dropped:
            found.append(f"{seen.dropped} attributes, events or links were dropped")
        if seen.repeated:
            found.append(f"{seen.repeated} contents came for the id of another span")
        return ", ".join(found)

    # --- tools

    @functools.cached_property
    def known(self) -> frozenset[str]:
        """Every tool known: those, and what each model call was offered."""
        seen: dict[int, Any] = {}
        for _, _, call in self.trajectory.placed(ModelCall):
            seen[id(call.offered_tools)] = call.offered_tools
        return self.near.union(tool.name for tools in seen.values() for tool in tools)

    def unoffered(self, tools: frozenset[str]) -> frozenset[str]:
        """Those of the tools that were neither offered nor called."""
        return frozenset() if tools <= self.near else tools - self.known

    @functools.cached_property
    def index_of(self) -> dict[str, int]:
        """Id of a step to its index."""
        return {step.id: step.index for step in self.steps}

    # --- what was redacted

    @functools.cached_property
    def marked(self) -> bool:
        """Something was redacted in a tool call."""
        return any(marked([called.call.arguments, called.call.result, called.call.error]) for called in self.calls)

    # --- order

    def earlier(self, a: Called, b: Called) -> Tri:
        """Whether `a` came before `b`."""
        order = YES if a.position < b.position else NO
        if not self.overlaps or not _overlap(a.step, b.step) or a.step.run != b.step.run:
            return order
        if a.call.requested_by is None and b.call.requested_by is None:
            return MAYBE if self.lost else order
        return NO if a.call.requested_by == b.call.requested_by else order

    # --- runs and turns

    @functools.cached_property
    def _top(self) -> frozenset[str | None]:
        return frozenset([None, *(run.id for run in self.trajectory.runs if run.parent is None)])

    def at_top(self, step: Step) -> bool:
        """The step belongs to no agent that another agent started."""
        return step.run in self._top

    @functools.cached_property
    def turns(self) -> list[tuple[int, int]]:
        """From each message of the user to the next, as places of first step and of the step after the last.

        What comes before the first such message belongs to the first turn; without any, all steps are one turn.
        """
        messages = self.trajectory.placed(Message)
        starts = [at for at, step, message in messages if message.role == "user" and self.at_top(step)]
        edges = [0, *starts[1:], len(self.steps)]
        return [(low, high) for low, high in itertools.pairwise(edges) if low < high]

    @functools.cached_property
    def speaks(self) -> bool:
        """An agent's words were recorded as messages, not only as answers of models."""
        said = (message for _, message in self.trajectory.of(Message) if message.role == "assistant")
        return any(is_spoken(message) for message in said)

    @functools.cached_property
    def news(self) -> list[int]:
        """Where something new came up: the user spoke or acted, or the world changed."""
        seen = self.trajectory
        spoke = [at for at, _, message in seen.placed(Message) if message.role == "user"]
        acted = [at for at, _, call in seen.placed(ToolCall) if call.by == "user"]
        return sorted([*spoke, *acted, *(at for at, _, _ in seen.placed(StateChange))])

    # --- time

    @property
    def timed(self) -> bool:
        """Times were measured, not made up by an importer to keep the order."""
        return not self.trajectory.attributes.get(semconv.SYNTHETIC_TIME)

    # --- state

    def changes(self) -> Iterator[tuple[Step, StateChange]]:
        """The changes of the world, in order."""
        yield from self.trajectory.of(StateChange)

    @functools.cached_property
    def end_state(self) -> tuple[Any, str | None]:
        """The world's state after the recorded changes, and why it is not known where it is not."""
        if self.trajectory.start is None:
            return None, "the state of the world before was not recorded"
        operations: list[Mapping[str, Json]] = []
        for step, change in self.changes():
            if "patch" in step.missing or step.truncated:
                return None, f"what changed at step {step.index} was not recorded whole"
            operations.extend(change.patch)
        try:
            return apply(self.trajectory.start, operations), None
        except PatchError as error:
            why = str(error)  # a hostile path may be megabytes long
            return None, f"the recorded changes do not fit the state before: {why[:500]}{'…' if len(why) > 500 else ''}"


def _overlap(a: Step, b: Step) -> bool:
    return a.start_ns < b.end_ns and b.start_ns < a.end_ns


def _place_of(called: Called) -> int:
    return called.at


class Part:
    """The part of a trajectory that a check looks at: all, a turn, an agent's steps, or what lies between two calls.

    Attributes:
        calls: The tool calls that are in it, or may be.
        places: Where the steps stand that are in it, or may be.
        member: Position of a call to whether it is in it, for those that only may be; None where all are.
        hazy: Why it is not certain which calls are in it, where it is not.
        loose: Where it begins or ends is not certain, so that it may be several parts in truth.
        name: How to call it, such as `turn 2`; empty for the whole.
        chosen: It is what one agent did, a sub-agent perhaps.
        unoffered: Tools that a check names although they were neither offered nor called.
        found: What patterns matched in it before.
    """

    __slots__ = ("calls", "chosen", "found", "hazy", "loose", "member", "name", "places", "unoffered", "view", "whole")

    def __init__(self, view: View, calls: Sequence[Called], places: Sequence[int]) -> None:
        """Begin with the whole; `but` narrows it."""
        self.view = view
        self.calls = calls
        self.places = places
        self.member: Mapping[int, Tri] | None = None
        self.hazy: Doubt | None = None
        self.loose = False
        self.name = ""
        self.chosen = False
        self.unoffered: frozenset[str] = frozenset()
        self.whole = True
        self.found: dict[object, list[tuple[Called, Tri]]] = {}

    def but(self, **changed: Any) -> Part:
        """This part, with other values for some of its attributes."""
        other = Part(self.view, self.calls, self.places)
        other.member, other.hazy, other.loose = self.member, self.hazy, self.loose
        other.name, other.chosen, other.unoffered = self.name, self.chosen, self.unoffered
        for key, value in changed.items():
            setattr(other, key, value)
        other.whole = self.whole and "calls" not in changed
        return other

    def at(self, places: Sequence[int], **changed: Any) -> Part:
        """What of this part stands at those places."""
        there = set(places).intersection(self.places)
        calls = [called for called in self.calls if called.at in there]
        return self.but(calls=calls, places=sorted(there), **changed)

    def between(self, low: int, high: int, **changed: Any) -> Part:
        """What of this part stands from one place to before another."""
        first, last = (bisect_left(self.calls, place, key=_place_of) for place in (low, high))
        begin, end = bisect_left(self.places, low), bisect_left(self.places, high)
        return self.but(calls=self.calls[first:last], places=self.places[begin:end], **changed)

    def steps(self) -> list[Step]:
        """The steps that are in it, or may be, in order."""
        return [self.view.steps[place] for place in self.places]

    def named(self, name: str) -> Sequence[Called]:
        """The calls of one tool, and those whose tool was not recorded."""
        if self.whole and not self.view.nameless:
            return self.view.by_name.get(name, ())
        return [called for called in self.calls if called.name == name or "name" in called.unclear]

    def has(self, called: Called) -> Tri:
        """Whether the call is in it."""
        return YES if self.member is None else self.member.get(called.position, YES)

    @property
    def lost(self) -> ReasonCode | None:
        """Why what was not seen proves nothing; None where it does."""
        return "never_offered" if self.unoffered else self.view.lost

    def doubt(self) -> Doubt:
        """Why what was not seen proves nothing, in words."""
        if self.unoffered:
            return "never_offered", self._unoffered_reason()
        if self.view.lost:
            return self.view.lost, self.view.lost_reason()
        if self.hazy:
            return self.hazy
        if self.view.marked:
            return "redacted", "what was redacted before it was stored could decide it; pseudonyms can be compared"
        return "timeout", "it could not be decided in the time allowed"

    def _unoffered_reason(self) -> str:
        names = sorted(self.unoffered)
        said = joined([literal(name, 80) for name in names])
        known = self.view.known
        hint = did_you_mean(names[0], known) if known else "No tools are known here."
        return f"{said} {'was' if len(names) == 1 else 'were'} neither offered nor called. {hint}"
