"""`before`, `after`, `between`, `in`, `each`: a part of a trajectory in, the parts that a check looks at out.

    before: X        up to the first X, without it; over everything where X never comes
    after: X         from the first X on, without it; where X never comes the check has nothing to say
    between: [A, B]  from every A to the first B after it, without either; to the end where no B comes
    in: {agent: V}   what that agent did itself, not what it started; {turn: n} the n-th turn, from 1
    each: turn       one answer for each: turn, agent, call, or the whole session

A boundary must have succeeded. A turn runs from one message of the user to the next. `in` and `each` come first: a
check sees nothing outside its part, and its boundaries are looked for inside it.

Where a boundary is undecided, or where the record may have gaps, it is undecided which calls lie inside: an X may have
been lost before the first one seen, so nothing is certain to lie before it, and a turn may be two in truth.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from agenteval.checkers.logic import MAYBE, NO, YES, Tri
from agenteval.checkers.outcome import where
from agenteval.checkers.patterns import NO_BINDINGS, Pattern
from agenteval.checkers.show import joined, literal
from agenteval.checkers.values import Doubt, Env, Matcher
from agenteval.checkers.view import Called, Part
from agenteval.core.trajectory import AgentRun

Each = Literal["turn", "agent", "session", "call"]
Hits = list[tuple[Called, Tri]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Between which calls a check looks.

    Attributes:
        kind: Which option it was written as.
        first: X, or A.
        last: B.
        shares: It uses names that the check's own call binds, so that it lies elsewhere for each call.
    """

    kind: Literal["before", "after", "between"]
    first: Pattern
    last: Pattern | None = None
    shares: bool = False

    @property
    def tools(self) -> frozenset[str]:
        """The literal tool names that it mentions."""
        return self.first.tools | (self.last.tools if self.last else frozenset[str]())

    def active(self, part: Part) -> Tri:
        """Whether there is such a stretch at all."""
        if self.kind == "before":
            return YES
        seen = max((found for _, found in self.first.hits(part, "ok")), default=NO)
        return max(seen, MAYBE) if part.lost else seen

    def windows(self, part: Part, *, local: bool = False) -> list[Part]:
        """The stretches, each a part.

        Args:
            part: Where to look.
            local: What fails inside one stretch fails in every stretch around it, so that inner ones may be left out.
        """
        if self.kind == "between":
            return self._spans(part, local=local)
        hits = _decisive(part, _hits(self.first, part, NO_BINDINGS))
        if part.member is None and not part.lost and not part.view.overlaps and all(hit == YES for _, hit in hits):
            return [self._plain(part, hits)]
        return [self._window(part, {called.position: self._inside(part, called, hits) for called in part.calls})]

    def _plain(self, part: Part, hits: Hits) -> Part:
        """The stretch where nothing is in doubt and calls stand one after the other: the usual case, quickly."""
        edge = hits[0][0].position if hits else len(part.view.calls)
        if self.kind == "before":
            return part.but(calls=[called for called in part.calls if called.position < edge])
        return part.but(calls=[called for called in part.calls if called.position > edge])

    def inside(self, part: Part, called: Called, env: Env) -> Tri:
        """Whether one call lies inside, under the bindings that it made."""
        if self.kind == "between":
            return self._between(part, called, env)
        return self._inside(part, called, _hits(self.first, part, env))

    def _inside(self, part: Part, called: Called, hits: Hits) -> Tri:
        earlier = part.view.earlier
        if self.kind == "after":
            found = max((min(hit, earlier(other, called)) for other, hit in hits), default=NO)
            return max(found, MAYBE) if part.lost else found
        ended = max((hit if other is called else min(hit, earlier(other, called)) for other, hit in hits), default=NO)
        return min(2 - ended, MAYBE) if part.lost else 2 - ended

    def activations(self, part: Part) -> int:
        """How many stretches there are for certain."""
        return sum(found == YES for _, found in _hits(self.first, part, NO_BINDINGS))

    def _spans(self, part: Part, *, local: bool) -> list[Part]:
        if not part.lost and part.member is None and not part.view.overlaps and not self._binds:
            firsts, lasts = self.first.hits(part, "ok"), self.last.hits(part, "ok") if self.last else []
            if all(found == YES for _, found in (*firsts, *lasts)):
                return _plain_spans(part, [one.at for one, _ in firsts], [one.at for one, _ in lasts], local=local)
        starts = [(called, found, env) for called in part.calls for found, env in self._starts(part, called)]
        if not part.lost and part.member is None and all(found == YES for _, found, _ in starts):
            spans = [self._span(part, called, env) for called, _, env in starts]
            if all(found != MAYBE for span in spans for found in span.values()):
                return [self._window(part, span) for span in spans]
        inside = {called.position: self._between(part, called, NO_BINDINGS) for called in part.calls}
        return [self._window(part, inside).but(loose=True, hazy=self._hazy(part))]

    @property
    def _binds(self) -> bool:
        return self.first.binds or (self.last is not None and self.last.binds)

    def _starts(self, part: Part, called: Called, env: Env = NO_BINDINGS) -> Iterator[tuple[Tri, Env]]:
        return self.first.ways(part, called, "ok", env)

    def _span(self, part: Part, start: Called, env: Env) -> dict[int, Tri]:
        ends = self._ends(part, start, env)
        return {called.position: _since(part, start, called, ends) for called in part.calls}

    def _ends(self, part: Part, start: Called, env: Env) -> Hits:
        hits = _hits(self.last, part, env) if self.last else []
        later = [(other, hit) for other, hit in hits if other is not start and part.view.earlier(start, other)]
        return _decisive(part, later)

    def _between(self, part: Part, called: Called, env: Env) -> Tri:
        if part.lost:
            return MAYBE  # a start or an end may have been lost right before the call
        starts = ((start, begun, bound) for start in part.calls for begun, bound in self._starts(part, start, env))
        return max(
            (min(begun, _since(part, start, called, self._ends(part, start, bound))) for start, begun, bound in starts),
            default=NO,
        )

    def _window(self, part: Part, inside: dict[int, Tri]) -> Part:
        calls = [called for called in part.calls if inside[called.position]]
        unsure = {called.position: inside[called.position] for called in calls if inside[called.position] == MAYBE}
        if part.member:
            unsure = {**part.member, **unsure}
        return part.but(calls=calls, member=unsure or None, hazy=self._hazy(part) if unsure else part.hazy)

    def _hazy(self, part: Part) -> Doubt:
        if not part.lost:
            for bound in filter(None, (self.first, self.last)):
                for called, found in bound.hits(part, "ok"):
                    if found == MAYBE:
                        return bound.doubt(called, "ok", part)
        return part.doubt()

    # --- explaining

    @property
    def brief(self) -> str:
        """Where a check looked, in a few words."""
        return f"{self.kind} {joined([bound.label for bound in (self.first, self.last) if bound is not None])}"

    def said(self, part: Part, steps: Sequence[str]) -> str:
        """Where a violation at those steps lies, for the end of a message."""
        attempts = [called for called, _ in self.first.hits(part, "any")]
        good = [called for called in attempts if called.ok == YES]
        if self.kind == "before":
            same = (
                f"with the same {joined(self.first.bound)}"
                if self.shares
                else f"({_why_not_yet(part, attempts, good, steps)})"
            )
            return f"before {self.first.label} had succeeded {same}"
        start = f"{self.first.label} ({where(good)})" if good else self.first.label
        return f"after {start}" if self.last is None else f"between {start} and {self.last.label}"


def _hits(pattern: Pattern, part: Part, env: Env) -> Hits:
    if not pattern.binds:
        return pattern.hits(part, "ok")
    best = (
        (called, max((hit for hit, _ in pattern.ways(part, called, "ok", env)), default=NO)) for called in part.calls
    )
    return [(called, hit) for called, hit in best if hit]


def _decisive(part: Part, hits: Hits) -> Hits:
    """Those up to the first certain one, where calls stand one after the other: no later one changes anything."""
    if not part.view.overlaps:
        for number, (_, hit) in enumerate(hits):
            if hit == YES:
                return hits[: number + 1]
    return hits


def _plain_spans(part: Part, starts: Sequence[int], ends: Sequence[int], *, local: bool) -> list[Part]:
    """The stretches where nothing is in doubt and calls stand one after the other: the usual case, quickly."""
    spans: list[Part] = []
    closed = -1
    for start in starts:
        found = bisect_right(ends, start)
        end = ends[found] if found < len(ends) else len(part.view.steps)
        if not local or end != closed:
            calls = part.between(start + 1, end).calls
            spans.append(part.but(calls=calls))
        closed = end
    return spans


def _since(part: Part, start: Called, called: Called, ends: Hits) -> Tri:
    """Whether a call lies after a start with none of the ends between them."""
    if called is start:
        return NO
    earlier = part.view.earlier
    after = earlier(start, called)
    if not after:
        return NO
    ended = (min(hit, earlier(start, other), YES if other is called else earlier(other, called)) for other, hit in ends)
    return min(after, 2 - max(ended, default=NO))


def _why_not_yet(part: Part, attempts: Sequence[Called], good: Sequence[Called], steps: Sequence[str]) -> str:
    if good:
        first = good[0].step
        beside = any(first.index < part.view.index_of.get(step, -1) for step in steps)
        return f"it {'was still under way, since' if beside else 'first succeeded at'} step {first.index}"
    if attempts:
        error = attempts[-1].call.error
        return f"it failed at {where(attempts)}{f': {literal(error, 80)}' if error else ''}"
    return "it was never called"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """`in` and `each`.

    Attributes:
        agent: Whose steps, by name; None for everyone's.
        turn: Which turn, from 1; None for all.
        each: For what one answer each is given; None for one answer.
    """

    agent: Matcher | None = None
    turn: int | None = None
    each: Each | None = None

    def parts(self, part: Part, *, local: bool) -> list[Part]:
        """The parts to answer for, in order; exactly one where there is no `each`.

        Args:
            part: Where to look.
            local: The check fails by single calls wherever they stand, so that unsure turns do not matter to it.
        """
        if self.turn is not None:
            part = self._the_turn(part)
        if self.agent is not None:
            part = self._of_agent(part, self.agent)
        if self.each == "turn":
            return [self._turn(part, number, local=local) for number in range(1, len(part.view.turns) + 1)]
        if self.each == "agent":
            return _of_each_agent(part)
        if self.each == "call":
            return [
                part.but(calls=[called], places=[called.at], name=f"step {called.step.index}") for called in part.calls
            ]
        return [part]

    def _the_turn(self, part: Part) -> Part:
        turns = part.view.turns
        number: int = self.turn or 0
        if number > len(turns):
            return part.at([], name=f"turn {number}", loose=bool(part.view.lost))
        return self._turn(part, number, local=False)

    @staticmethod
    def _turn(part: Part, number: int, *, local: bool) -> Part:
        low, high = part.view.turns[number - 1]
        turn = part.between(low, high, name=_named(part, f"turn {number}"))
        return _unsure(turn) if part.view.lost and not local else turn

    @staticmethod
    def _of_agent(part: Part, agent: Matcher) -> Part:
        view = part.view
        name = f"agent {literal(agent.spec, 60)}"
        if not view.trajectory.runs:
            fits = agent.test(view.trajectory.agent or "", view.slow)
            return part.but(name=name) if fits else part.at([], name=name)
        runs = {run.id for run in view.trajectory.runs if agent.test(run.name, view.slow)}
        return _of_runs(part, runs, name)


def _of_each_agent(part: Part) -> list[Part]:
    runs = part.view.trajectory.runs
    if not runs:
        return [part.but(name=f"agent {part.view.trajectory.agent or ''}".strip())]
    return [_of_runs(part, {run.id}, f"agent {_run_name(run, runs)}") for run in runs]


def _of_runs(part: Part, runs: set[str], name: str) -> Part:
    """What those runs did. Where the record may have gaps, a call of no run may be theirs."""
    view = part.view
    places = [place for place in part.places if view.steps[place].run in runs]
    chosen = part.at(places, name=_named(part, name), chosen=True)
    stray = [called for called in part.calls if called.step.run is None] if view.lost else []
    if not stray:
        return chosen
    calls = sorted([*chosen.calls, *stray], key=lambda called: called.position)
    unsure = {called.position: MAYBE for called in stray}
    return chosen.but(calls=calls, member={**(part.member or {}), **unsure}, hazy=part.doubt())


def _run_name(run: AgentRun, runs: Sequence[AgentRun]) -> str:
    same = [other.id for other in runs if other.name == run.name]
    return run.name if len(same) == 1 else f"{run.name} ({same.index(run.id) + 1} of {len(same)})"


def _named(part: Part, name: str) -> str:
    return joined([text for text in (part.name, name) if text], word="of")


def _unsure(part: Part) -> Part:
    reason = "which turn a step belongs to is not certain: " + part.view.lost_reason()
    member = {called.position: MAYBE for called in part.calls}
    return part.but(member=member, loose=True, hazy=(part.view.lost or "gap", reason))
