"""Spans and trials for the store's tests."""

from __future__ import annotations

from typing import Any

import pytest

from agenteval.core.outcome import Trial
from agenteval.core.span import Span
from agenteval.core.trajectory import Trajectory


class Made:
    """Small values that differ by a number."""

    TRACE = "ab" * 16

    @classmethod
    def span(cls, number: int, *, trace_id: str = TRACE, **attributes: Any) -> Span:
        return Span(
            trace_id=trace_id,
            span_id=f"{number:016x}",
            name="execute_tool look",
            start_ns=number,
            end_ns=number + 1,
            attributes=attributes,
            resource={"service.name": "agent"},
        )

    @staticmethod
    def trial(repeat: int = 0, **values: Any) -> Trial:
        given: dict[str, Any] = {
            "run": "run",
            "scenario": "retail/refund",
            "scenario_hash": "e" * 64,
            "agent": "careful",
            "repeat": repeat,
            "seed": 1,
            "status": "completed",
            "trajectory": f"{repeat:032x}",
            **values,
        }
        return Trial(**given)

    @staticmethod
    def trajectory(repeat: int = 0) -> Trajectory:
        return Trajectory(id=f"{repeat:032x}", agent="careful")


@pytest.fixture
def made() -> type[Made]:
    """Makes small values."""
    return Made
