"""`when:` a condition under which a check applies: a CALL that succeeded, the world's state, or an injected fault.

Unmet, the check passes with no activations and is left out of its rate. Undecided, a pass stands and a fail becomes
`unknown`. Whether a fault was exposed is recorded where the harness could inject one; for an agent with tools of its
own, and in an imported trajectory, a check with `{fault: exposed}` is `unknown` (`unavailable`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agenteval.checkers.logic import MAYBE, NO, YES, Tri
from agenteval.checkers.patterns import Pattern
from agenteval.checkers.state import State, state_at
from agenteval.checkers.values import Doubt
from agenteval.checkers.view import Part
from agenteval.core import semconv


@dataclass(frozen=True, slots=True, kw_only=True)
class WhenCalled:
    """`when: CALL`, looked for in the part that the check looks at."""

    text: str
    call: Pattern

    def holds(self, part: Part) -> tuple[Tri, Doubt | None]:
        """Met where a call matched and succeeded."""
        if part.unoffered & self.call.tools:
            return MAYBE, part.doubt()
        hits = self.call.hits(part, "ok")
        best = max((found for _, found in hits), default=NO)
        if best == YES:
            return YES, None
        if best == MAYBE:
            return MAYBE, self.call.doubt(hits[0][0], "ok", part)
        lost = part.view.lost
        return (MAYBE, (lost, part.view.lost_reason())) if lost else (NO, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class WhenState:
    """`when: {state: {…}, at: start | end}`."""

    text: str
    state: State

    def holds(self, part: Part) -> tuple[Tri, Doubt | None]:
        """Met where the world was so."""
        state, doubt = state_at(part, self.state.at)
        return (MAYBE, doubt) if doubt is not None else self.state.holds(state, part.view)


@dataclass(frozen=True, slots=True, kw_only=True)
class WhenFault:
    """`when: {fault: exposed}`."""

    text: str

    def holds(self, part: Part) -> tuple[Tri, Doubt | None]:
        """Met where a fault of the scenario was injected into some call of the trial."""
        told = part.view.trajectory.attributes.get(semconv.FAULTS)
        if not isinstance(told, Sequence) or isinstance(told, str):
            return MAYBE, ("unavailable", "whether a fault was exposed is not recorded")
        exposed = any(isinstance(fault, Mapping) and fault.get("status") == "injected" for fault in told)
        return (YES if exposed else NO), None
