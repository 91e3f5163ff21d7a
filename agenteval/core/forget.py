"""What a store is to forget. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget:
    """Which traces to forget, with all that was made of them. All that is given must hold; something must be.

    Attributes:
        before_ns: Those of which nothing arrived since this moment, in nanoseconds since the Unix epoch.
        project: Those of one project; empty for those of none.
        trace_ids: Those with one of these ids.
    """

    before_ns: int | None = None
    project: str | None = None
    trace_ids: tuple[str, ...] | None = None

    @property
    def by_age_alone(self) -> bool:
        """Whether age alone decides, so that what belongs to no trace goes, too."""
        return self.before_ns is not None and self.project is None and self.trace_ids is None


COUNTED = ("traces", "spans", "logs", "trajectories", "trials", "labels", "conclusions")
"""What is counted in any case. Runs of which nothing is left are counted only as they go."""

Forgotten: TypeAlias = Mapping[str, int]
"""How much was forgotten: `COUNTED`, `runs`, and what a store counts beside them."""
