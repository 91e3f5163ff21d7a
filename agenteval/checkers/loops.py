"""`no_loops`: the agent did not do the same thing over and over.

A loop is a cycle of 1 to `length` calls (4) that one agent makes `repeats` times (3) in a row: in each round the same
tools with equal arguments and with the same result or error, while the world did not change and the user said and did
nothing.
Polling with changing answers is no loop; nor is doing again what the user asked for again; nor are equal calls with
others between them.

DeepEval's AgentLoopDetection counts equal calls anywhere in a trace, whatever they returned and whatever lay between;
it grades 0.5 from three on and 0 from six. Here only what repeats without a reason is a loop, and a cycle may be of
several calls.

Where a result was not recorded, or was masked, whether rounds are equal is undecided. With a gap everything is: a lost
call may have lain between the rounds, and a lost round may be what makes a loop.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from agenteval.checkers import masked
from agenteval.checkers.logic import MAYBE, NO, YES, Tri
from agenteval.checkers.nearmiss import witness, written
from agenteval.checkers.outcome import Outcome, held, undecided, violated, where
from agenteval.checkers.patterns import REMEDY
from agenteval.checkers.show import joined
from agenteval.checkers.values import Doubt
from agenteval.checkers.view import Called, Part


class Loop(NamedTuple):
    """A cycle, the calls of all its rounds, and how often it came."""

    calls: Sequence[Called]
    period: int
    rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoLoops:
    """`no_loops`.

    Attributes:
        repeats: How many equal rounds make a loop.
        length: The longest cycle looked for.
    """

    repeats: int = 3
    length: int = 4

    @property
    def local(self) -> bool:
        """Rounds stand one after the other."""
        return False

    def judge(self, part: Part) -> Outcome:
        """Look for rounds that are equal for certain, then for such as may be."""
        certain = next(self._loops(part, YES), None)
        if part.lost or part.member is not None:
            seen = _told(certain) if certain else "no loop was seen"
            return undecided(part.doubt(), certain.calls if certain else (), said=seen)
        if certain is not None:
            evidence = {**witness(certain.calls[: certain.period]), "rounds": certain.rounds}
            return violated("loop", f"{_told(certain)}, with nothing new between", certain.calls, evidence)
        possible = next(self._loops(part, MAYBE), None)
        if possible is not None:
            return undecided(_doubt(possible.calls), possible.calls, said=f"{_told(possible)}, which may be a loop")
        return held(f"no cycle of up to {self.length} calls came {self.repeats} times in a row")

    def _loops(self, part: Part, least: Tri) -> Iterator[Loop]:
        for stretch in _stretches(part):
            for period in range(1, self.length + 1):
                equal_so_far = 0
                for number in range(len(stretch) - period):
                    same = _same(stretch[number], stretch[number + period]) >= least
                    equal_so_far = equal_so_far + 1 if same else 0
                    if equal_so_far == period * (self.repeats - 1):
                        yield _whole(stretch, number + 1 - equal_so_far, period, least)
                        return


def _doubt(calls: Sequence[Called]) -> Doubt:
    """Why it is not certain that rounds are equal."""
    if any(called.unclear or called.call.status == "unknown" for called in calls):
        return "not_recorded", f"not all results were recorded; {REMEDY}"
    return "redacted", "what was redacted may have differed from round to round; pseudonyms can be compared"


def _whole(stretch: Sequence[Called], start: int, period: int, least: Tri) -> Loop:
    """The loop from its start to where it ends."""
    end = start + period
    while end < len(stretch) and _same(stretch[end - period], stretch[end]) >= least:
        end += 1
    rounds = (end - start) // period
    return Loop(stretch[start : start + rounds * period], period, rounds)


def _stretches(part: Part) -> Iterator[list[Called]]:
    """The calls of each agent, cut where the world changed or the user spoke or acted."""
    runs: dict[str | None, list[list[Called]]] = {}
    news = part.view.news
    for called in part.calls:
        stretches = runs.setdefault(called.step.run, [])
        last = stretches[-1][-1] if stretches else None
        if last is None or bisect_right(news, last.at) < bisect_left(news, called.at):
            stretches.append([])
        stretches[-1].append(called)
    for stretches in runs.values():
        yield from stretches


def _same(a: Called, b: Called) -> Tri:
    """Whether two calls asked the same and were told the same."""
    if a.name != b.name or a.call.status != b.call.status:
        return NO
    open_fields = a.unclear.keys() | b.unclear.keys()
    answer = MAYBE if open_fields or a.call.status == "unknown" else YES
    for field, mine, theirs in (
        ("arguments", a.call.arguments, b.call.arguments),
        ("result", a.call.result, b.call.result),
        ("error", a.call.error, b.call.error),
    ):
        if field not in open_fields:
            answer = min(answer, masked.same(mine, theirs))
    return answer


def _told(loop: Loop) -> str:
    cycle = joined([written(called, 60) for called in loop.calls[: loop.period]], 4)
    return f"{cycle} came {loop.rounds} times in a row ({where(loop.calls)})"
