"""`state` and `only_changes`: what became of the world, judged from its stored start and the changes recorded since.

`state: {PATH: V}` holds where every path leads to a value that its V accepts, at the end, or with `at: start` before
the first step. A path with `[*]` holds where some value that it reaches is accepted. What is not there is accepted by
nothing.

`only_changes: [PATH…]` holds where everything that differs between start and end lies at or beneath one of the paths;
an empty list allows no change. A value that was changed and changed back does not differ. Only what the recorded
changes touched is compared, never the whole world.

Without a stored start, both are `unknown` (`no_state`); where the record may have gaps, both are `unknown`, since a
lost change may have made or mended any difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agenteval.checkers.changes import Change, Makers, compared, makers, told
from agenteval.checkers.hints import where_it_ends
from agenteval.checkers.logic import MAYBE, NO, YES, Tri
from agenteval.checkers.nearmiss import NOT_THERE
from agenteval.checkers.outcome import Outcome, held, undecided
from agenteval.checkers.paths import Path, path_text
from agenteval.checkers.show import clipped, flow, joined, listed, literal
from agenteval.checkers.values import Doubt, Matcher, together
from agenteval.checkers.view import Part, View
from agenteval.core.json import Json

Moment = Literal["start", "end"]


def state_at(part: Part, at: Moment) -> tuple[Any, Doubt | None]:
    """The world's state before or after, and why it is not known where it is not.

    The state before was stored apart from the steps, so that a gap among them does not make it doubtful.
    """
    view = part.view
    if view.trajectory.start is None:
        return None, ("no_state", "the state of the world before was not recorded")
    if at == "start":
        return view.trajectory.start, None
    if view.lost:
        return None, (view.lost, f"changes may have been lost: {view.lost_reason()}")
    state, problem = view.end_state
    return state, ("no_state", problem) if problem else None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """`state: {PATH: V}`.

    Attributes:
        values: What is asked of each path.
        at: When.
    """

    values: tuple[tuple[Path, Matcher], ...]
    at: Literal["start", "end"] = "end"

    @property
    def local(self) -> bool:
        """It is about the whole."""
        return False

    def judge(self, part: Part) -> Outcome:
        """Compare every path."""
        state, doubt = state_at(part, self.at)
        if doubt is None and part.lost:
            doubt = part.doubt()
        if doubt is not None:
            return undecided(doubt)
        found, doubt = self.holds(state, part.view)
        if doubt is not None:
            return undecided(doubt)
        if found != YES:
            return self._differs(state, part.view)
        said = joined([f"{path.text} is {flow(value.spec, limit=60)}" for path, value in self.values], 4)
        steps = [step for path, _ in self.values for step in self._makers(part.view, path).steps]
        return Outcome(verdict="pass", code="held", reason=said, steps=tuple(dict.fromkeys(steps)))

    def _makers(self, view: View, path: Path) -> Makers:
        return makers(view, path.keys) if self.at == "end" else Makers((), "as it was at the start")

    def holds(self, state: Any, view: View) -> tuple[Tri, Doubt | None]:
        """Whether the state is as asked, and why that is undecided where it is."""
        pairs = [(value, path.values(state)) for path, value in self.values]
        found = max((answer for answer, _ in together(pairs, {}, view.slow)), default=NO)
        if found != MAYBE:
            return found, None
        asked = ((value, item) for value, items in pairs for item in items)
        doubts = (value.doubt(item, view.slow) for value, item in asked if value.test(item, view.slow) == MAYBE)
        return MAYBE, next(filter(None, doubts), ("timeout", "it could not be decided in the tries allowed"))

    def _differs(self, state: Any, view: View) -> Outcome:
        said: list[str] = []
        diff: dict[str, Json] = {}
        steps: dict[str, None] = {}
        for path, value in self.values:
            values = path.values(state)
            if any(value.test(item, view.slow) == YES for item in values):
                continue
            by = self._makers(view, path)
            steps.update(dict.fromkeys(by.steps))
            diff[path.text], text = _difference(path, value, values, state)
            said.append(f"{text}; {by.said}")
        if not said:  # each path by itself is right, but not under one set of names
            said, diff = ["no values fit all paths under one set of names"], {"(names)": "one value for each"}
        return Outcome(
            verdict="fail",
            code="state_differs",
            reason=listed(said),
            steps=tuple(steps),
            evidence={"diff": diff},
        )


def _difference(path: Path, value: Matcher, values: Sequence[Any], state: Any) -> tuple[Json, str]:
    expected = clipped(value.spec)
    wanted = flow(value.spec, quote=True, limit=80)
    if not values:
        hint = where_it_ends(state, path.keys)
        text = f"{path.text} is not there ({hint}); {wanted} is expected"
        return {"expected": expected, "actual": NOT_THERE, "found": "absent", "hint": hint}, text
    if len(values) > 1:
        actual: Json = [clipped(item) for item in values[:5]]
        text = f"none of the {len(values)} values at {path.text} is {wanted}"
        return {"expected": expected, "actual": actual, "found": "value", "hint": ""}, text
    hint = value.hint(values[0])
    text = f"{path.text} is {literal(values[0], 80)}, not {wanted}{f' ({hint})' if hint else ''}"
    return {"expected": expected, "actual": clipped(values[0]), "found": "value", "hint": hint}, text


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlyChanges:
    """`only_changes: [PATH…]`.

    Attributes:
        paths: Where changes are allowed.
    """

    paths: tuple[Path, ...]

    @property
    def local(self) -> bool:
        """It is about the whole."""
        return False

    def judge(self, part: Part) -> Outcome:
        """Compare start and end wherever a change touched them."""
        view = part.view
        end, doubt = state_at(part, "end")
        if doubt is not None:
            return undecided(doubt)
        changes = compared(view, end, self.paths)
        stray = [change for change in changes if not any(path.covers(change.keys) for path in self.paths)]
        if stray:
            return _stray(stray, view)
        if not changes:  # what it forbids did not happen, as with `never`
            return held("nothing was changed")
        number = "1 value" if len(changes) == 1 else f"{len(changes)} values"
        return held(f"{number} changed, where it is allowed", activations=len(changes))


def _stray(stray: list[Change], view: View) -> Outcome:
    diff: dict[str, Json] = {}
    said: list[str] = []
    steps: dict[str, None] = {}
    for change in stray[:20]:
        by = makers(view, change.keys)
        steps.update(dict.fromkeys(by.steps))
        name = path_text(change.keys)
        diff[name], text = told(change)
        said.append(f"{name} {text}; {by.said}")
    number = (
        f"{len(stray)} changes outside what is allowed: " if len(stray) > 1 else "a change outside what is allowed: "
    )
    return Outcome(
        verdict="fail",
        code="state_differs",
        reason=number + listed(said, 3),
        steps=tuple(steps),
        evidence={"diff": diff},
    )
