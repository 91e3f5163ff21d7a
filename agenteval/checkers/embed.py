"""Steps that calls should follow and the calls that were made in, a choice of one call for each out.

Two ways to the same answer. Where calls stand one after the other and no names are bound, the earliest end of each step
leaves most to the next, so that one pass decides. Else a search goes through all choices, within a number of tries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from agenteval.checkers.logic import Tri, Want
from agenteval.checkers.patterns import NO_BINDINGS, Pattern
from agenteval.checkers.shape import key_of
from agenteval.checkers.values import Env
from agenteval.checkers.view import Called, Part
from agenteval.graph.match import Matching

MOST_TRIES: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of a sequence.

    Attributes:
        label: As written, in one line.
        ways: The sets of calls of which one must be found; an empty set where the step may be left out.
    """

    label: str
    ways: tuple[tuple[Pattern, ...], ...]


class Choice(NamedTuple):
    """The call that was chosen for a pattern, and how sure it is that it fits."""

    pattern: Pattern
    called: Called
    found: Tri


class Embedding(NamedTuple):
    """The choice that got furthest.

    Attributes:
        choices: In the order of the steps.
        stage: The first step for which there was no call; their number where all were found.
        env: What was bound when it stopped.
        gave_up: The search ran out of tries.
    """

    choices: tuple[Choice, ...]
    stage: int
    env: Env = NO_BINDINGS
    gave_up: bool = False


def embed(stages: Sequence[Stage], part: Part, want: Want, least: Tri, *, binds: bool) -> Embedding:
    """Choose calls for the steps, in order, each call at most once.

    Args:
        stages: The steps. All calls of one come before those of the next.
        part: Where to choose from.
        want: Which calls count.
        least: How sure each fit must be.
        binds: The steps bind names.
    """
    if part.view.overlaps:
        return _Search(stages, part, want, least).run()
    found = _pass(stages, part, want, least)
    # names only ever narrow the choice: where there is none without them, there is none with them
    if not binds or found.stage < len(stages):
        return found
    return _Search(stages, part, want, least).run()


# --- one pass


def _pass(stages: Sequence[Stage], part: Part, want: Want, least: Tri) -> Embedding:
    taken: list[Choice] = []
    last = -1
    for number, stage in enumerate(stages):
        found = _earliest(stage, part, want, least, last)
        if found is None:
            return Embedding(tuple(taken), number)
        taken.extend(found)
        last = max((choice.called.position for choice in found), default=last)
    return Embedding(tuple(taken), len(stages))


def _earliest(stage: Stage, part: Part, want: Want, least: Tri, last: int) -> list[Choice] | None:
    """The choice for one step that ends first, after the call at `last`; None where there is none."""
    best: list[Choice] | None = None
    best_end = -1
    for way in stage.ways:
        found = _set(way, part, want, least, last)
        if found is not None:
            end = max((choice.called.position for choice in found), default=last)
            if best is None or end < best_end:
                best, best_end = found, end
    return best


def _set(way: tuple[Pattern, ...], part: Part, want: Want, least: Tri, last: int) -> list[Choice] | None:
    """Calls for a set of patterns, one to one, that end as early as can be."""
    if len(way) == 1:
        for called, found in way[0].hits(part, want):
            if called.position > last and found >= least:
                return [Choice(way[0], called, found)]
        return None
    edges: dict[int, dict[int, Tri]] = {}
    for number, pattern in enumerate(way):
        for called, found in pattern.hits(part, want):
            if called.position > last and found >= least:
                edges.setdefault(called.position, {})[number] = found
    matching = Matching()
    order = sorted(edges)
    for position in order:
        if len(matching.right) == len(way):
            break
        matching.add(list(edges[position]))
    if len(matching.right) < len(way):
        return None
    chosen = {number: order[left] for number, left in matching.right.items()}
    calls = part.view.calls
    return [Choice(pattern, calls[chosen[n]], edges[chosen[n]][n]) for n, pattern in enumerate(way)]


# --- search


class _State(NamedTuple):
    stage: int
    left: tuple[Pattern, ...]
    before: tuple[Called, ...]  # what earlier steps took
    choices: tuple[Choice, ...]
    env: Env


class _Search:
    """Goes through the choices depth first, without recursion."""

    def __init__(self, stages: Sequence[Stage], part: Part, want: Want, least: Tri) -> None:
        self.stages = stages
        self.part = part
        self.want: Want = want
        self.least = least
        self.tries = 0
        self.best = Embedding((), 0)
        # where calls stand one after the other: the earliest end with which a stage was left, for each set of bindings
        self._left: dict[object, int] = {}

    def run(self) -> Embedding:
        waiting = [self._enter(_State(-1, (), (), (), NO_BINDINGS))]
        while waiting:
            state = next(waiting[-1], None)
            if state is None:
                waiting.pop()
                continue
            self.tries += 1
            if self.tries > MOST_TRIES:
                return self.best._replace(gave_up=True)
            if not state.left:
                if self._tried(state):
                    continue
                self._remember(state)
                if state.stage + 1 == len(self.stages):
                    return Embedding(state.choices, len(self.stages), state.env)
                waiting.append(self._enter(state))
            else:
                waiting.append(self._choose(state))
        return self.best

    def _tried(self, state: _State) -> bool:
        """As much was left to choose from before, under the same bindings, and it led nowhere."""
        bound = [(name, key_of(value)) for name, value in state.env.items()]
        if self.part.view.overlaps or any(key is None for _, key in bound):
            return False
        last = max((choice.called.position for choice in state.choices), default=-1)
        key = (state.stage, tuple(sorted(bound)))
        if self._left.get(key, last + 1) <= last:
            return True
        self._left[key] = last
        return False

    def _remember(self, state: _State) -> None:
        if state.stage + 1 > self.best.stage:
            self.best = Embedding(state.choices, state.stage + 1, state.env)

    def _enter(self, state: _State) -> Iterator[_State]:
        """The next step, each way of it."""
        before = tuple(choice.called for choice in state.choices)
        for way in self.stages[state.stage + 1].ways:
            yield _State(state.stage + 1, way, before, state.choices, state.env)

    def _choose(self, state: _State) -> Iterator[_State]:
        """Each call that fits the next pattern of the step."""
        pattern, left = state.left[0], state.left[1:]
        taken = {choice.called.position for choice in state.choices}
        for called in self.part.calls if pattern.name is None or self.part.unoffered else self.part.named(pattern.name):
            self.tries += 1
            if called.position in taken:
                continue
            order = self._order(called, state.before)
            if order < self.least:
                continue
            for found, env in pattern.ways(self.part, called, self.want, state.env):
                if found >= self.least:
                    choice = Choice(pattern, called, min(found, order))
                    yield state._replace(left=left, choices=(*state.choices, choice), env=env)

    def _order(self, called: Called, before: tuple[Called, ...]) -> Tri:
        earlier: Callable[[Called, Called], Tri] = self.part.view.earlier
        return min((2 - earlier(called, other) for other in before), default=2)
