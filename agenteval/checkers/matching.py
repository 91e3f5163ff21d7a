"""`matches: {mode, calls}`: the calls that were expected against those that were made, one to one.

    strict      exactly these calls, in this order
    ordered     these calls, in this order; others may come between
    unordered   exactly these calls, in any order
    superset    these calls, in any order; others may come too
    subset      no other calls than these, each at most once; not all need come

An expected call must have succeeded; an attempt that failed is a call too many where others are not allowed (with
`status: ok` it is overlooked). In `subset` nothing is required, so that an attempt is enough. Calls of one parallel
batch that overlap in time stand in no order.

Pairs are chosen by maximum bipartite matching, so that the verdict depends neither on the order of the expected calls
nor on which of them is tried first; agentevals, openevals and DeepEval pair greedily, and their verdict may. One call
is never paired twice.

With a gap: only `ordered` and `superset` can pass; `strict`, `unordered` and `subset` fail where the calls seen cannot
all be among those expected, and are undecided otherwise.

References:
    C. Berge, Two theorems in graph theory, 1957.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from agenteval.checkers.embed import Stage, embed
from agenteval.checkers.logic import MAYBE, NO, YES, Tri, Want
from agenteval.checkers.nearmiss import Miss, closest, evidence, seen, sentences, witness, written
from agenteval.checkers.order import Calls
from agenteval.checkers.outcome import Outcome, held, inactive, undecided, violated, where
from agenteval.checkers.patterns import ANY, Pattern
from agenteval.checkers.show import clipped, listed, times
from agenteval.checkers.view import Called, Part
from agenteval.core.json import Json
from agenteval.core.outcome import ReasonCode
from agenteval.graph.match import maximum_matching

Mode: TypeAlias = Literal["strict", "ordered", "unordered", "subset", "superset"]
MODES: tuple[Mode, ...] = ("strict", "ordered", "unordered", "subset", "superset")

_MEANING: dict[Mode, str] = {
    "strict": "exactly the calls expected, in their order",
    "ordered": "the calls expected, in their order",
    "unordered": "exactly the calls expected, in any order",
    "superset": "all the calls expected",
    "subset": "no other calls than those expected",
}


Hits = list[tuple[Called, Tri]]


class _Pairing:
    """Expected calls and made ones, paired where a fit is at least so sure."""

    def __init__(self, expected: Sequence[Pattern], fits: list[Hits], made: list[Called], least: Tri) -> None:
        by_position = {called.position: called for called in made}
        edges = [
            [called.position for called, found in hits if found >= least and called.position in by_position]
            for hits in fits
        ]
        pairs = maximum_matching(edges)
        self.lacking = [pattern for pattern, right in zip(expected, pairs, strict=True) if right is None]
        self.paired = [by_position.pop(right) for right in pairs if right is not None]
        self.extra = list(by_position.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """`matches`.

    Attributes:
        mode: One of `MODES`.
        calls: What is expected.
        want: Which calls count; None as said at the head of this module.
    """

    mode: Mode
    calls: tuple[Pattern, ...]
    want: Want | None = None

    @property
    def local(self) -> bool:
        """Order and numbers depend on the whole part."""
        return False

    def judge(self, part: Part) -> Outcome:
        """Pair them, with certain fits and with possible ones, and compare with what the mode asks for."""
        made, possible = self._made(part)
        if self.mode == "subset" and self.calls and not possible and not part.lost:
            return inactive("no tool was called")
        fits = [pattern.hits(part, self._edge_want) for pattern in self.calls]
        for_sure = _Pairing(self.calls, fits, possible, YES)
        if self._holds(part, fits, for_sure):
            return held(_MEANING[self.mode] if for_sure.paired else "no tool was called, as expected", for_sure.paired)
        return self._violated(part, fits, made, possible) or self._undecided(part, for_sure, made)

    @property
    def _edge_want(self) -> Want:
        return self.want or ("any" if self.mode == "subset" else "ok")

    def _made(self, part: Part) -> tuple[list[Called], list[Called]]:
        """The calls that certainly count, and all that may."""
        counts = [(called, min(part.has(called), called.ended(self.want or "any"))) for called in part.calls]
        return [called for called, found in counts if found == YES], [called for called, found in counts if found]

    @property
    def _requires(self) -> bool:
        return self.mode != "subset"

    @property
    def _forbids_others(self) -> bool:
        return self.mode in {"strict", "unordered", "subset"}

    @property
    def _in_order(self) -> bool:
        return self.mode in {"strict", "ordered"}

    def _embeds(self, part: Part, fits: list[Hits], least: Tri) -> bool | None:
        """Whether the expected calls are found in order; None where the search was given up."""
        if not self._binds and not part.view.overlaps:
            return _in_sequence(fits, least)
        found = embed(self._stages(), part, self._edge_want, least, binds=self._binds)
        return None if found.gave_up else found.stage == len(self.calls)

    def _gave_up(self, part: Part) -> bool:
        return embed(self._stages(), part, self._edge_want, YES, binds=self._binds).gave_up

    def _stages(self) -> tuple[Stage, ...]:
        return tuple(Stage(label=pattern.label, ways=((pattern,),)) for pattern in self.calls)

    @property
    def _binds(self) -> bool:
        return any(pattern.binds for pattern in self.calls)

    def _holds(self, part: Part, fits: list[Hits], for_sure: _Pairing) -> bool:
        if self._requires and for_sure.lacking:
            return False
        if self._forbids_others and (part.lost or for_sure.extra):
            return False
        return not self._in_order or self._embeds(part, fits, YES) is True

    # --- what is wrong

    @property
    def _broken(self) -> str:
        return "other calls than those expected" if self.mode == "subset" else f"not {_MEANING[self.mode]}"

    def _violated(self, part: Part, fits: list[Hits], made: list[Called], possible: list[Called]) -> Outcome | None:
        at_best = _Pairing(self.calls, fits, possible, MAYBE)
        certain = _Pairing(self.calls, fits, made, MAYBE)
        too_many = self._forbids_others and bool(certain.extra)
        too_few = self._requires and not part.lost and bool(at_best.lacking)
        if too_many or too_few:
            lacking = at_best.lacking if self._requires and not part.lost else []
            return self._differs(part, lacking, certain.extra if self._forbids_others else [], at_best.paired)
        if self._in_order and not part.lost and self._embeds(part, fits, MAYBE) is False:
            ordered = Calls(stages=self._stages(), want=self._edge_want, binds=self._binds).judge(part)
            reason = f"{self._broken}: {ordered.reason}"
            return violated("out_of_order", reason, at_best.paired, ordered.evidence)
        return None

    def _differs(self, part: Part, lacking: list[Pattern], extra: list[Called], paired: list[Called]) -> Outcome:
        rest = [called for called in part.calls if called not in paired]
        misses = [(pattern, closest(pattern, rest, self._edge_want, part.view.slow)) for pattern in lacking]
        said = [self._lacking(pattern, miss, part) for pattern, miss in misses]
        near = [miss.called for _, miss in misses if miss is not None]
        others = [called for called in extra if called not in near]
        said += [_unexpected(called) for called in others[:3]]
        said += [f"{len(others) - 3} more were not expected"] if len(others) > 3 else []
        code: ReasonCode = "mismatch" if near else "unexpected" if not lacking else "missing"
        shown: dict[str, Json] = {"mode": self.mode, "expected": clipped([pattern.spec for pattern in self.calls])}
        if near:
            pattern, miss = next((pattern, miss) for pattern, miss in misses if miss is not None)
            shown = {**shown, **evidence(pattern, miss)}
        elif extra:
            shown = {**shown, "actual": [seen(called) for called in part.calls[:20]]}
        reason = f"{self._broken}: {listed(said)}"
        return violated(code, reason, [*near, *others] or paired, shown)

    def _lacking(self, pattern: Pattern, miss: Miss | None, part: Part) -> str:
        if miss is not None:
            near = f"{written(miss.called)} at {where([miss.called])}: {sentences(miss)}"
            return f"no call fits {pattern.label}; closest is {near}"
        fits = [called for called, found in pattern.hits(part, self._edge_want) if found == YES]
        if fits:
            return f"{pattern.label} was called {times(len(fits))} ({where(fits)}), which is not often enough"
        return f"{pattern.label} was never called"

    def _undecided(self, part: Part, for_sure: _Pairing, made: list[Called]) -> Outcome:
        open_fits = [
            (pattern, called)
            for pattern in self.calls
            for called, found in pattern.hits(part, self._edge_want)
            if found == MAYBE
        ]
        said = f"{len(for_sure.paired)} of {len(self.calls)} expected calls were made for certain"
        if not open_fits or part.unoffered:
            calls = for_sure.paired or made
            doubtful = [called for called in part.calls if called.ended(self.want or "any") == MAYBE]
            if doubtful and not part.lost:
                return undecided(ANY.doubt(doubtful[0], self.want or "any", part), doubtful, said=said)
            if self._in_order and self._gave_up(part):
                return undecided(("timeout", "no choice of calls was found in the tries allowed"), calls, said=said)
            return undecided(part.doubt(), calls, said=said)
        pattern, called = open_fits[0]
        doubt = pattern.doubt(called, self._edge_want, part)
        return undecided(doubt, [called], {**witness([called]), "expected": clipped(pattern.spec)}, said)


def _in_sequence(fits: list[Hits], least: Tri) -> bool:
    """Whether one fit can be taken for each, one after the other; the earliest leaves most to the next."""
    last = -1
    for hits in fits:
        last = next((called.position for called, found in hits if found >= least and called.position > last), -2)
        if last == -2:
            return False
    return True


def _unexpected(called: Called) -> str:
    failed = ", and failed" if called.ok == NO else ""
    return f"{written(called)} at {where([called])} was not expected{failed}"
