"""`never`, `at_most`, `at_least`, `exactly`, `no_errors`: how often something was called.

What is forbidden or bounded from above counts once attempted; what is required must have succeeded. `exactly` does
both: at least so many successes, and at most so many attempts. `status: ok | error | any` counts those calls alone.

`per: PATH` counts for each value at that place in the arguments on its own; calls without it are counted together.
Values are told apart as JSON: "7" and 7 are two.

With a gap: `never` and `at_most` fail on what was seen and never pass; `at_least` passes on what was seen and never
fails; `exactly` fails on too many and is undecided otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from agenteval._util.patch import equal
from agenteval.checkers.logic import MAYBE, YES, Tri, Want
from agenteval.checkers.masked import incomparable
from agenteval.checkers.nearmiss import closest, evidence, made, sentences, witness, written
from agenteval.checkers.outcome import Outcome, held, ids, inactive, undecided, violated, where, worst
from agenteval.checkers.paths import Path
from agenteval.checkers.patterns import ANY, NO_BINDINGS, Pattern, remedied, why_missing
from agenteval.checkers.scope import Scope
from agenteval.checkers.shape import key_of
from agenteval.checkers.show import literal, times
from agenteval.checkers.values import Doubt
from agenteval.checkers.view import Called, Part

Hits = Sequence[tuple[Called, Tri]]


def sure(hits: Hits) -> list[Called]:
    """Those that certainly match."""
    return [called for called, found in hits if found == YES]


def unsure(hits: Hits) -> list[Called]:
    """Those that may match."""
    return [called for called, found in hits if found == MAYBE]


@dataclass(frozen=True, slots=True, kw_only=True)
class Never:
    """`never: CALL`.

    Attributes:
        call: What must not happen.
        want: Which calls count.
        scope: Where, if that depends on what the call itself binds.
    """

    call: Pattern
    want: Want = "any"
    scope: Scope | None = None

    @property
    def local(self) -> bool:
        """One call is enough."""
        return True

    def judge(self, part: Part) -> Outcome:
        """Fail where one certainly matches."""
        hits = self.call.hits(part, self.want) if self.scope is None else self._bound_hits(part, self.scope)
        label = self.call.label
        if found := sure(hits):
            return violated("forbidden", self._said(found, part), found, {**witness(found), "expected": "never"})
        if hits:
            called = hits[0][0]
            doubt = self.call.doubt(called, self.want, part)
            sure_kind = self.call.fits(called, self.want, part.view.slow) == YES
            said = f"{written(called)} at {where([called])} may {'lie where none may' if sure_kind else f'be {label}'}"
            return undecided(doubt, unsure(hits), witness(unsure(hits)), said)
        if part.lost:
            return undecided(part.doubt(), said=f"{label} was not seen")
        return held(f"{label} was never called")

    def _bound_hits(self, part: Part, scope: Scope) -> Hits:
        hits: list[tuple[Called, Tri]] = []
        for called in part.calls:
            ways = self.call.ways(part, called, self.want, NO_BINDINGS)
            found = max((min(hit, scope.inside(part, called, env)) for hit, env in ways), default=0)
            if found:
                hits.append((called, found))
        return hits

    def _said(self, found: list[Called], part: Part) -> str:
        first = found[0]
        number = f"{times(len(found))}, first " if len(found) > 1 else ""
        failed = "; it failed, and an attempt counts" if first.ok != YES and self.want == "any" else ""
        place = f", {self.scope.said(part, ids(found))}" if self.scope else ""
        return f"{first.name} was called {number}at {where([first])}: {written(first)}{failed}{place}"


@dataclass(slots=True, kw_only=True)
class Tally:
    """What counts towards one bound: those that must have succeeded, and those that count once attempted."""

    label: str = ""
    required: list[tuple[Called, Tri]] = field(default_factory=list[tuple[Called, Tri]])
    attempted: list[tuple[Called, Tri]] = field(default_factory=list[tuple[Called, Tri]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """`at_most`, `at_least`, `exactly`.

    Attributes:
        call: What is counted.
        low: How many must have succeeded.
        high: How many may be attempted; None for any number.
        per: Where in the arguments stands what is counted for on its own.
        want: Which calls count; None as said at the head of this module.
    """

    call: Pattern
    low: int
    high: int | None
    per: Path | None = None
    want: Want | None = None

    @property
    def local(self) -> bool:
        """Numbers depend on the whole part."""
        return False

    def judge(self, part: Part) -> Outcome:
        """Compare the numbers."""
        tally = Tally(
            required=self.call.hits(part, self.want or "ok") if self.low else [],
            attempted=self.call.hits(part, self.want or "any") if self.high is not None else [],
        )
        return self._compare(tally, part) if self.per is None else self._per(tally, part, self.per)

    # --- one number

    def _compare(self, tally: Tally, part: Part, stray: int = 0) -> Outcome:
        attempts = sure(tally.attempted)
        if self.high is not None and len(attempts) > self.high:
            return self._too_many(tally, attempts)
        successes = sure(tally.required)
        if not part.lost and len(tally.required) + stray < self.low:
            return self._too_few(tally, successes, part)
        most = len(tally.attempted) + stray
        if len(successes) >= self.low and (self.high is None or (most <= self.high and not part.lost)):
            return held(
                self._said(attempts if self.high is not None else successes, tally.label, self._wanted()),
                successes or attempts,
            )
        return self._undecided(tally, part)

    def _undecided(self, tally: Tally, part: Part) -> Outcome:
        open_hits = unsure(tally.attempted) or unsure(tally.required)
        seen = sure(tally.attempted) or sure(tally.required)
        if open_hits and not seen:
            number = times(len(open_hits))
            said = f"{self.call.label} may have been called {number}{tally.label} ({where(open_hits)})"
        else:
            said = f"{self._said(seen, tally.label, self._wanted())} as far as seen"
        said += f", and {self._bound()} {'is allowed' if self.high is not None else 'is needed'}"
        if not open_hits:
            return undecided(part.doubt(), seen, said=said)
        want = self.want or ("any" if unsure(tally.attempted) else "ok")
        return undecided(self.call.doubt(open_hits[0], want, part), [*seen, *open_hits], witness(open_hits), said)

    def _too_many(self, tally: Tally, attempts: list[Called]) -> Outcome:
        failed = [called for called in attempts if called.ok != YES]
        note = "; failed attempts count (status: ok counts successes)" if failed and self.want is None else ""
        reason = f"{self._said(attempts, tally.label, self.want or 'any')}; {self._bound()} allowed{note}"
        return violated(
            "too_many", reason, attempts, {**witness(attempts), "expected": self._bound(), "actual": len(attempts)}
        )

    def _too_few(self, tally: Tally, successes: list[Called], part: Part) -> Outcome:
        want = self.want or "ok"
        rest = [called for called in part.calls if called not in successes]
        miss = closest(self.call, rest, want, part.view.slow)
        near = f"; closest is {written(miss.called)} at {where([miss.called])}: {sentences(miss)}" if miss else ""
        none = f" ({made(part)})" if not miss and not successes else ""
        reason = f"{self._said(successes, tally.label, want)}; {self._bound()} needed{none}{near}"
        shown = evidence(self.call, miss)
        return violated("too_few", reason, successes or ([miss.called] if miss else []), shown)

    def _said(self, calls: Sequence[Called], label: str, want: Want) -> str:
        verb = {"ok": "succeeded", "error": "failed", "any": "was called"}[want]
        number = times(len(calls))
        said = f"{verb} {number}" if calls else f"never {verb}".replace("never was", "was never")
        return f"{self.call.label} {said}{label}{_at(calls)}"

    def _wanted(self) -> Want:
        return self.want or ("ok" if self.high is None else "any")

    def _bound(self) -> str:
        if self.high is None:
            return f"at least {self.low}"
        if not self.low:
            return f"at most {self.high}"
        return f"exactly {self.low}" if self.low == self.high else f"{self.low} to {self.high}"

    # --- a number for each value

    def _per(self, tally: Tally, part: Part, path: Path) -> Outcome:
        groups, stray = _grouped(tally, path)
        outcomes = [self._of_value(group, part, len(stray)) for group in groups]
        joint = worst(outcomes) if outcomes else None
        if joint is not None and joint.verdict == "fail":
            return joint
        open_joint = joint is not None and joint.verdict == "unknown"
        if stray and (open_joint or self._may_break(len(stray))):
            return undecided(_value_unknown(stray[0], path), stray, witness(stray))
        if part.lost and (joint is None or (self.low and joint.verdict == "pass")):
            return undecided(part.doubt(), said=joint.reason if joint else f"{self.call.label} was not seen")
        if joint is None and stray:
            return held(f"{self.call.label} was called {times(len(stray))} in all{_at(stray)}", stray)
        if joint is None:
            return inactive(f"{self.call.label} was never called, so that there is nothing to count per {path.text}")
        joint.activations = len(groups)
        return joint

    def _may_break(self, stray: int) -> bool:
        """Calls of unknown value may be a value of their own, too few or too many."""
        return bool(self.low) or (self.high is not None and stray > self.high)

    def _of_value(self, tally: Tally, part: Part, stray: int) -> Outcome:
        outcome = self._compare(tally, part, stray)
        if outcome.verdict == "fail" and not sure(tally.required) and not sure(tally.attempted):
            return self._undecided(tally, part)  # none of its calls is certain, so the value may not have come at all
        return outcome


def _at(calls: Sequence[Called]) -> str:
    return f" ({where(calls)})" if calls else ""


def _value_unknown(called: Called, path: Path) -> Doubt:
    what = f"the {path.text} of {called.name} (step {called.step.index})"
    if "arguments" not in called.unclear:
        return "redacted", f"{what} was redacted, and two masks may stand for two values; pseudonyms can be compared"
    if "arguments" not in called.step.missing:
        return "cut", f"{what} may have been cut when recorded; record it whole"
    reason = called.step.missing["arguments"]
    return why_missing(reason), f"{what} was not recorded{remedied(reason)}"


_NONE = object()
"""Stands for the value of a call that has none."""


class _Groups:
    """A tally for each value, told apart as JSON."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tallies: list[Tally] = []
        self._by_key: dict[object, Tally] = {}
        self._others: list[tuple[object, Tally]] = []

    def of(self, value: object) -> Tally:
        key = _NONE if value is _NONE else key_of(value)
        if key is not None:
            return self._by_key.get(key) or self._by_key.setdefault(key, self._new(value))
        for other, tally in self._others:
            if equal(value, other):
                return tally
        self._others.append((value, self._new(value)))
        return self._others[-1][1]

    def _new(self, value: object) -> Tally:
        text = f" without {self.path.text}" if value is _NONE else f" for {self.path.text} {literal(value, 60)}"
        self.tallies.append(Tally(label=text))
        return self.tallies[-1]


def _grouped(tally: Tally, path: Path) -> tuple[list[Tally], list[Called]]:
    """The tally of each value, and the calls whose value is not known."""
    groups = _Groups(path)
    stray: dict[int, Called] = {}
    for kind in ("required", "attempted"):
        for called, found in getattr(tally, kind):
            if "arguments" in called.unclear:
                stray[called.position] = called
                continue
            values = path.values(called.call.arguments) or [_NONE]
            if any(map(incomparable, values)):
                stray[called.position] = called
                continue
            for group in {id(group): group for group in map(groups.of, values)}.values():
                getattr(group, kind).append((called, found))
    return groups.tallies, list(stray.values())


@dataclass(frozen=True, slots=True)
class NoErrors:
    """`no_errors`: no tool call failed. Errors of the model's endpoint are not the agent's, and do not count."""

    @property
    def local(self) -> bool:
        """One call is enough."""
        return True

    def judge(self, part: Part) -> Outcome:
        """Fail where one certainly failed."""
        hits = [(called, min(part.has(called), 2 - called.ok)) for called in part.calls if called.ok != YES]
        if failed := sure(hits):
            first = failed[0]
            error = f": {literal(first.call.error, 160)}" if first.call.error is not None else ""
            number = f"{len(failed)} calls failed, first " if len(failed) > 1 else ""
            reason = f"{number}{first.name} {'' if number else 'failed '}at {where([first])}{error}"
            return violated("tool_error", reason, failed, witness(failed))
        if open_calls := unsure(hits):
            first = open_calls[0]
            doubt = ANY.doubt(first, "error", part)
            return undecided(doubt, open_calls, said="no failure was seen")
        if part.lost:
            return undecided(part.doubt(), said="no failure was seen")
        if not part.calls:
            return inactive("no tool was called")
        return held(f"{len(part.calls)} call{'' if len(part.calls) == 1 else 's'} and no failure")
