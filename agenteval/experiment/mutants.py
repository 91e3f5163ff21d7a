"""A reference run in, runs that differ from it in one thing out: some must fail, and some must pass as it does.

An omission leaves out one step: where that step changed the world and the suite does not notice, it asks for nothing
there. A benign variant does nothing wrong: a suite that fails it would blame agents for a matter of taste.

    extra read      a call that changed nothing is made twice
    swapped         two calls in a row change places, of which neither needs the other
    reworded        the same facts in other words: a preface, line breaks, and amounts in bold
    plain           no `maybe` step is taken
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from agenteval.core.trajectory import StateChange, ToolCall, Trajectory
from agenteval.intake.solutions import Call, Maybe, Say, Solution, Step

_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z])")
_AMOUNT = re.compile(r"(?<![\w*.,-])(\d+\.\d\d)(?![\w*-]|[.,]\d)")
_SHORTEST_TOLD = 3  # characters; what is shorter stands in any text


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A run made from a reference.

    Attributes:
        what: How it differs, in a few words.
        run: What is played.
        must_fail: Whether a right suite fails it.
    """

    what: str
    run: Solution
    must_fail: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A call of the reference as it went.

    Attributes:
        place: Its step's place in the solution.
        recorded: The recorded call.
        touched: The places in the world that it changed, as JSON Pointers; empty for a read.
    """

    place: int
    call: Call
    recorded: ToolCall
    touched: tuple[str, ...]

    @property
    def reads(self) -> bool:
        """Whether it only looked."""
        return not self.touched and self.recorded.error is None and self.recorded.injected is None


def played(solution: Solution, trajectory: Trajectory) -> list[Played]:
    """The calls of a reference run with what became of them. A run that broke off gives those that were made."""
    touched: dict[str, list[str]] = {}
    for _, change in trajectory.of(StateChange):
        places = [str(operation.get("path", "")) for operation in change.patch]
        touched.setdefault(str(change.caused_by), []).extend(places)
    made = iter(trajectory.of(ToolCall))
    found: list[Played] = []
    for place, written in enumerate(solution.steps):
        step = _inside(written)
        if not isinstance(step, Call):
            continue
        recorded = next(made, None)
        if recorded is None:
            break
        places = tuple(touched.get(recorded[0].id, ()))
        found.append(Played(place=place, call=step, recorded=recorded[1], touched=places))
    return found


def _inside(step: Step) -> Say | Call:
    while isinstance(step, Maybe):
        step = step.step
    return step


# --- what must fail


def omissions(solution: Solution, calls: Sequence[Played]) -> list[Mutant]:
    """The reference without one of the steps that it does not mark `maybe`.

    Without a call that changed the world it must fail. Without another step it may: what fails then can fail.
    """
    changing = {call.place for call in calls if call.touched}
    return [
        Mutant(
            what=f"without {_step_named(place, step)}",
            run=replace(solution, steps=(*solution.steps[:place], *solution.steps[place + 1 :])),
            must_fail=place in changing,
        )
        for place, step in enumerate(solution.steps)
        if not isinstance(step, Maybe)
    ]


def _step_named(place: int, step: Say | Call) -> str:
    return f"step {place + 1}, {'say' if isinstance(step, Say) else step.tool}"


# --- what must pass


def variants(solution: Solution, calls: Sequence[Played], *, faulty: frozenset[str]) -> Iterator[Mutant]:
    """The benign variants of a reference.

    Args:
        solution: The reference.
        calls: Its calls as they went.
        faulty: Tools with injected faults: another number of calls, or another order, would meet other faults.
    """
    if any(isinstance(step, Maybe) for step in solution.steps):
        taken = tuple(step for step in solution.steps if not isinstance(step, Maybe))
        yield Mutant(what="plain, no maybe step taken", run=replace(solution, steps=taken))
    yield Mutant(what="reworded", run=replace(solution, steps=tuple(_reworded(step) for step in solution.steps)))
    for call in calls:
        if call.reads and call.call.tool not in faulty:
            steps = (*solution.steps[: call.place + 1], call.call, *solution.steps[call.place + 1 :])
            yield Mutant(
                what=f"extra read after {_step_named(call.place, call.call)}", run=replace(solution, steps=steps)
            )
    for first, second in itertools.pairwise(calls):
        adjacent = second.place == first.place + 1 and not {first.call.tool, second.call.tool} & faulty
        if adjacent and _independent(first, second, _before(solution, calls, first)):
            yield Mutant(
                what=f"swapped {_step_named(first.place, first.call)} and {_step_named(second.place, second.call)}",
                run=_swapped(solution, first.place),
            )


def _swapped(solution: Solution, place: int) -> Solution:
    first, second = solution.steps[place : place + 2]
    return replace(solution, steps=(*solution.steps[:place], second, first, *solution.steps[place + 2 :]))


def _independent(first: Played, second: Played, before: str) -> bool:
    """Whether neither needs the other: both only look, or both change different records; and no answer is used."""
    if first.recorded.error is not None or second.recorded.error is not None:
        return False
    if first.reads != second.reads:
        return False
    if not first.reads and {_record(path) for path in first.touched} & {_record(path) for path in second.touched}:
        return False
    answer = _text(first.recorded.result)
    return not any(value in answer and value not in before for value in _values(second.call.arguments))


def _record(pointer: str) -> tuple[str, ...]:
    """The record that a pointer lies in: its first two keys, such as a table and an id."""
    return tuple(pointer.split("/")[1:3])


def _before(solution: Solution, calls: Sequence[Played], call: Played) -> str:
    """What was said and answered before a call."""
    said = [_inside(step) for step in solution.steps[: call.place]]
    texts = [step.text if isinstance(step, Say) else _text(step.arguments) for step in said]
    return " ".join([*texts, *(_text(other.recorded.result) for other in calls if other.place < call.place)])


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=repr)


def _values(value: Any) -> Iterator[str]:
    """The texts and figures in arguments that are long enough to be told from others."""
    if isinstance(value, Mapping):
        for inner in cast("Mapping[str, Any]", value).values():
            yield from _values(inner)
    elif isinstance(value, (list, tuple)):
        for inner in cast("Sequence[Any]", value):
            yield from _values(inner)
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool) and len(str(value)) >= _SHORTEST_TOLD:
        yield _text(value).strip('"')


def _reworded(step: Step) -> Step:
    if isinstance(step, Maybe):
        return Maybe(step=_reworded(step.step))
    if isinstance(step, Call):
        return step
    lines = "\n".join(_SENTENCE.split(_AMOUNT.sub(r"**\1**", step.text)))
    return Say(text=f"Certainly.\n{lines}")
