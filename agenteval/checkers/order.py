"""`calls`, `precedes`, `responds`: what came in which order.

`calls: [STEP…]` holds where calls can be chosen, each at most once, one after the other as the steps say; others may
come between. `any_of` takes one of its steps, `all_of` all of them in any order, `maybe` its step or nothing; all calls
of a step come before those of the next. There must be one choice, and one value for each name that `$as` binds, for
which everything fits. The answer is exact; where the search takes too many tries it is `unknown` (`timeout`).

`precedes: [A, B]` holds where every B, attempted, has a successful A before it. `responds: [A, B]` holds where every
successful A has a successful B after it. Both for each value that the names of the triggering call are bound to, and
vacuously where nothing triggers them. `within` bounds the distance between the two: `steps` (1 is the next step of the
trajectory), `calls` (1 is the next tool call), `seconds` (from the end of the first to the start of the second).

With a gap: `calls` passes on what was seen and never fails. `precedes` and `responds` are undecided whichever way: a
lost call may be the A that was missing, or a B that had none.

References:
    W. M. P. van der Aalst, M. Pesic, H. Schonenberg, Declarative workflows: balancing between flexibility and support,
    2009 (precedence, response).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from agenteval.checkers.embed import MOST_TRIES, Embedding, Stage, embed
from agenteval.checkers.logic import MAYBE, NO, YES, Tri, Want
from agenteval.checkers.nearmiss import closest, evidence, made, seen, sentences, witness, written
from agenteval.checkers.outcome import Outcome, held, inactive, undecided, violated, where
from agenteval.checkers.patterns import NO_BINDINGS, Pattern
from agenteval.checkers.show import joined, listed, times
from agenteval.checkers.values import Doubt, Env
from agenteval.checkers.view import Called, Part
from agenteval.core.json import Json
from agenteval.core.outcome import ReasonCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """`calls: [STEP…]`.

    Attributes:
        stages: The steps.
        want: Which calls count.
        binds: The steps bind names.
    """

    stages: tuple[Stage, ...]
    want: Want = "ok"
    binds: bool = False

    @property
    def local(self) -> bool:
        """Order depends on the whole part."""
        return False

    def judge(self, part: Part) -> Outcome:
        """Look for a choice that is certain, then for one that may be."""
        certain = embed(self.stages, part, self.want, YES, binds=self.binds)
        if certain.stage == len(self.stages):
            calls = [choice.called for choice in certain.choices]
            return held(f"found in this order: {_trail(certain)}", calls)
        possible = embed(self.stages, part, self.want, MAYBE, binds=self.binds)
        if possible.stage == len(self.stages):
            return self._possible(possible, part)
        if certain.gave_up or possible.gave_up:
            return undecided(("timeout", f"no choice of calls was found in {MOST_TRIES:,} tries"))
        return self._missing(certain, part)

    def _possible(self, found: Embedding, part: Part) -> Outcome:
        calls = [choice.called for choice in found.choices]
        weak = next(choice for choice in found.choices if choice.found == MAYBE)
        doubt = weak.pattern.doubt(weak.called, self.want, part)
        said = f"{written(weak.called)} at {where([weak.called])} may be {weak.pattern.label}"
        return undecided(doubt, calls, {**evidence(weak.pattern, None), "actual": seen(weak.called)}, said)

    def _missing(self, found: Embedding, part: Part) -> Outcome:
        stage = self.stages[found.stage]
        patterns = [pattern for way in stage.ways for pattern in way]
        misses = [miss for pattern in patterns if (miss := _why(pattern, found, part, self.want)) is not None]
        code, reason, shown, calls = misses[0] if misses else _too_few(stage)
        if len(misses) > 1:
            reason = f"{stage.label} was not found: {listed([miss[1] for miss in misses])}"
        number = f"step {found.stage + 1} of {len(self.stages)}: " if len(self.stages) > 1 else ""
        after = f" (found before it: {_trail(found)})" if found.choices and code != "out_of_order" else ""
        chosen = [*[choice.called for choice in found.choices], *calls]
        reason = f"{number}{reason}{after}"
        return undecided(part.doubt(), chosen, shown, reason) if part.lost else violated(code, reason, chosen, shown)


_Why = tuple[ReasonCode, str, dict[str, Json], list[Called]]


def _trail(found: Embedding) -> str:
    return joined([f"{choice.called.name} ({where([choice.called])})" for choice in found.choices], 6)


def _why(pattern: Pattern, found: Embedding, part: Part, want: Want) -> _Why | None:
    """Why there was no call for a pattern: too early, taken, another, or none. None where there was one."""
    taken = [choice.called for choice in found.choices]
    last = max(taken, key=lambda called: called.position, default=None)
    fits = [called for called, hit in pattern.hits(part, want) if hit == YES and not pattern.binds]
    free = [called for called in fits if called not in taken]
    shown = evidence(pattern, None)
    if (last is None and free) or (last is not None and any(called.position > last.position for called in free)):
        return None
    if free and last is not None:
        text = f"{pattern.label} was called at {where(free)}, before {last.name} ({where([last])})"
        return "out_of_order", text, {**shown, "actual": seen(free[0])}, free[:1]
    if fits:
        text = f"{pattern.label} was called {times(len(fits))} ({where(fits)}), which is not often enough"
        return "missing", text, shown, fits[:1]
    rest = [called for called in part.calls if called not in taken]
    miss = closest(pattern, rest, want, part.view.slow, found.env)
    if miss is None:
        return "missing", f"{pattern.label} was never called ({made(part)})", shown, []
    near = f"{written(miss.called)} at {where([miss.called])}: {sentences(miss)}"
    return "mismatch", f"no call fits {pattern.label}; closest is {near}", evidence(pattern, miss), [miss.called]


def _too_few(stage: Stage) -> _Why:
    """Each of the calls is there, but they are fewer than the step asks for."""
    text = f"the calls that fit {stage.label} are too few: each can stand for one alone"
    return "missing", text, {"expected": stage.label}, []


# --- pairs

Hits = list[tuple[Called, Tri]]


class _Answers:
    """Calls that may answer others, to be looked through from the nearest on."""

    def __init__(self, hits: Hits) -> None:
        self._hits = hits
        self._positions = [called.position for called, _ in hits]

    def near(self, trigger: Called, *, before: bool) -> Iterator[tuple[Called, Tri]]:
        """Those before or after a call, the nearest first."""
        if before:
            return (self._hits[place] for place in range(bisect_left(self._positions, trigger.position) - 1, -1, -1))
        return (self._hits[place] for place in range(bisect_right(self._positions, trigger.position), len(self._hits)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """How far the second call of a pair may be from the first; None is any distance."""

    steps: int | None = None
    calls: int | None = None
    seconds: float | None = None

    def holds(self, a: Called, b: Called, part: Part) -> Tri:
        """Whether it is near enough; MAYBE where times are asked for and were not measured."""
        if self.steps is not None and b.at - a.at > self.steps:
            return NO
        if self.calls is not None and b.position - a.position > self.calls:
            return NO
        if self.seconds is None:
            return YES
        if not part.view.timed or a.step.end_ns <= 0 or b.step.start_ns <= 0:
            return MAYBE
        return YES if b.step.start_ns - a.step.end_ns <= self.seconds * 1e9 else NO

    def __str__(self) -> str:
        """Such as `2 steps`."""
        parts = [("steps", self.steps), ("calls", self.calls), ("seconds", self.seconds)]
        return joined([f"{value:g} {name if value != 1 else name[:-1]}" for name, value in parts if value is not None])


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """`precedes: [A, B]` and `responds: [A, B]`.

    Attributes:
        kind: Which of the two.
        first: A.
        second: B.
        want_first: Which A count.
        want_second: Which B count.
        within: How far apart they may be.
    """

    kind: Literal["precedes", "responds"]
    first: Pattern
    second: Pattern
    want_first: Want
    want_second: Want
    within: Within | None = None

    @property
    def local(self) -> bool:
        """Order depends on the whole part."""
        return False

    def judge(self, part: Part) -> Outcome:
        """Ask for each triggering call whether its partner is there."""
        triggers = list(self._triggers(part))
        active = [called for called, found, _ in triggers if found == YES]
        answers = None if self._answer.binds else _Answers(self._answer.hits(part, self._wants[1]))
        open_ones: list[tuple[Called, Tri, Env]] = []
        for called, found, env in triggers:
            partner = max(self._partner(part, called, env, answers), MAYBE if part.lost else NO)
            if min(found, 2 - partner) == YES:
                return self._violated(called, env, part, len(active))
            if min(found, 2 - partner) == MAYBE:
                open_ones.append((called, found, env))
        if open_ones:
            return self._undecided(open_ones, part)
        if part.lost:
            return undecided(part.doubt(), said=f"every {self._trigger.label} that was seen {self._fine()}")
        if not triggers:
            return inactive(f"{self._trigger.label} was never called")
        seen_at = f" ({where(active)})" if active else ""
        return held(f"every {self._trigger.label}{seen_at} {self._fine()}", active, len(active))

    @property
    def _trigger(self) -> Pattern:
        return self.second if self.kind == "precedes" else self.first

    @property
    def _answer(self) -> Pattern:
        return self.first if self.kind == "precedes" else self.second

    @property
    def _wants(self) -> tuple[Want, Want]:
        """Which triggering calls count, and which answering ones."""
        pair = self.want_first, self.want_second
        return pair if self.kind == "responds" else (pair[1], pair[0])

    def _fine(self) -> str:
        return f"came after {self.first.label}" if self.kind == "precedes" else f"was followed by {self.second.label}"

    def _triggers(self, part: Part) -> Iterator[tuple[Called, Tri, Env]]:
        want = self._wants[0]
        if not self._trigger.binds:
            yield from ((called, found, NO_BINDINGS) for called, found in self._trigger.hits(part, want))
            return
        for called in part.calls:
            for found, env in self._trigger.ways(part, called, want, NO_BINDINGS):
                yield called, found, env

    def _partner(self, part: Part, trigger: Called, env: Env, answers: _Answers | None) -> Tri:
        """Whether an answering call is there; `answers` are those that would do, where no names are bound."""
        best = NO
        plain = answers is not None and not part.view.overlaps
        if answers is not None and plain:
            found_calls = answers.near(trigger, before=self.kind == "precedes")
        else:
            found_calls = self._answers(part, env)
        for called, found in found_calls:
            if called is trigger:
                continue
            placed = self._placed(part, trigger, called)
            best = max(best, min(found, placed))
            # the next one is further away, so that where this one is too far none will do
            if best == YES or (plain and not placed):
                break
        return best

    def _answers(self, part: Part, env: Env) -> Iterator[tuple[Called, Tri]]:
        want = self._wants[1]
        if not self._answer.binds:
            yield from self._answer.hits(part, want)
            return
        for called in part.calls:
            found = max((found for found, _ in self._answer.ways(part, called, want, env)), default=NO)
            if found:
                yield called, found

    def _placed(self, part: Part, trigger: Called, answer: Called) -> Tri:
        """Whether an answering call stands on the right side of the triggering one, and near enough."""
        a, b = (answer, trigger) if self.kind == "precedes" else (trigger, answer)
        ordered = part.view.earlier(a, b)
        return min(ordered, self.within.holds(a, b, part)) if ordered and self.within else ordered

    # --- explaining

    def _violated(self, called: Called, env: Env, part: Part, activations: int) -> Outcome:
        label = self._answer.label
        near = f" within {self.within}" if self.within else ""
        what = f"no {label} before it" if self.kind == "precedes" else f"no {label} after it"
        code, why, shown, others = self._instead(called, env, part)
        reason = f"{written(called)} at {where([called])} has {what}{near}: {why}"
        return violated(code, reason, [called, *others], {**witness([called]), **shown}, activations)

    def _instead(self, trigger: Called, env: Env, part: Part) -> _Why:
        """What there was in place of the answering call."""
        fits = [called for called, found in self._answers(part, env) if found == YES and called is not trigger]
        label = self._answer.label
        if fits:
            nearest = min(fits, key=lambda called: abs(called.position - trigger.position))
            steps = abs(nearest.at - trigger.at)
            far = f"{steps} step{'' if steps == 1 else 's'} {'before' if nearest.at < trigger.at else 'after'}"
            return "out_of_order", f"it came at {where([nearest])}, {far}", {"actual": seen(nearest)}, [nearest]
        side = self._side(part, trigger)
        miss = closest(self._answer, side, self._wants[1], part.view.slow, env)
        if miss is None:
            return "missing", f"{label} was never called there", evidence(self._answer, None), []
        text = f"closest is {written(miss.called)} at {where([miss.called])}: {sentences(miss)}"
        return "mismatch", text, evidence(self._answer, miss), [miss.called]

    def _side(self, part: Part, trigger: Called) -> list[Called]:
        before = self.kind == "precedes"
        return [
            called for called in part.calls if called is not trigger and (called.position < trigger.position) == before
        ]

    def _undecided(self, open_ones: list[tuple[Called, Tri, Env]], part: Part) -> Outcome:
        called, found, env = open_ones[0]
        want, other = self._wants
        side = "before" if self.kind == "precedes" else "after"
        said = f"{written(called)} at {where([called])}: no certain {self._answer.label} {side} it"
        if found == MAYBE:
            doubt: Doubt = self._trigger.doubt(called, want, part)
        else:
            doubt = self._answer_doubt(called, env, part, other)
        return undecided(doubt, [called for called, _, _ in open_ones], witness([called]), said)

    def _answer_doubt(self, trigger: Called, env: Env, part: Part, want: Want) -> Doubt:
        for called, found in self._answers(part, env):
            if called is trigger or not self._placed(part, trigger, called):
                continue
            if found == MAYBE:
                return self._answer.doubt(called, want, part)
            if found == YES and self.within and self.within.seconds is not None:
                return "not_measured", f"times were not measured, so that {self.within} cannot be told"
        return part.doubt()
