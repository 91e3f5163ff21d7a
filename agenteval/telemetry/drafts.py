"""Steps in the making: what they hold, what they must come after, and the order that follows."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agenteval.core.trajectory import Content, Step
from agenteval.telemetry.forest import Node

HEARD, ASKED, SAID, CALLED, HANDED, ENDED = range(6)
"""Ranks: the order of what happened in the same nanosecond."""


@dataclass(eq=False, slots=True)
class Draft:
    """One step in the making.

    Attributes:
        place: Where it stands among calls that one model call asked for.
        scope: Whose conversation it belongs to: the id of the tool call within which a sub-agent works, or empty.
        after: Drafts that it must come after, whatever the clocks say.
    """

    id: str
    content: Content
    start_ns: int
    end_ns: int
    rank: int
    node: Node
    run: str | None
    scope: str
    place: int = 0
    missing: dict[str, str] = field(default_factory=dict[str, str])
    truncated: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    after: list[Draft] = field(default_factory=list["Draft"])

    @property
    def key(self) -> tuple[int, int, int, str]:
        """Where it stands as the clocks have it."""
        return self.start_ns, self.rank, self.place, self.id

    def step(self, index: int) -> Step:
        """The step that it becomes."""
        return Step(
            id=self.id,
            index=index,
            content=self.content,
            span_ids=(*self.node.span_ids, *self.also),
            start_ns=self.start_ns,
            end_ns=self.end_ns,
            run=self.run,
            missing=self.missing,
            truncated=self.truncated,
            sources=tuple(self.node.reading.dialect.split("+")),
        )


def in_order(drafts: Sequence[Draft]) -> list[Draft]:
    """By the clock, and never before what must come first; where that goes round in a circle, by the clock alone."""
    waiting: dict[Draft, int] = {}
    behind: dict[Draft, list[Draft]] = {}
    for draft in drafts:
        first = {before for before in draft.after if before is not draft}
        waiting[draft] = len(first)
        for before in first:
            behind.setdefault(before, []).append(draft)
    numbers = {draft: number for number, draft in enumerate(drafts)}
    ready = [(draft.key, numbers[draft], draft) for draft in drafts if waiting[draft] == 0]
    heapq.heapify(ready)
    done: list[Draft] = []
    while ready:
        draft = heapq.heappop(ready)[-1]
        done.append(draft)
        for follower in behind.get(draft, ()):
            waiting[follower] -= 1
            if waiting[follower] == 0:
                heapq.heappush(ready, (follower.key, numbers[follower], follower))
    if len(done) < len(drafts):
        placed = set(done)
        done += sorted((draft for draft in drafts if draft not in placed), key=lambda draft: draft.key)
    return done


def reasons(missing: Mapping[str, str], *present: str) -> dict[str, str]:
    """Why fields are missing, without those that are there by now."""
    return {name: why for name, why in missing.items() if name not in present}
