"""Trials in; the calls, tokens, money and time that they used out, each with what was left out of it.

Totals are over every trial that is given, whatever became of it: an invalid trial has cost what it has cost. Means are
over the counted ones alone, because a trial that broke stops early; and of tokens and cost only over those trials whose
every model call reported them. Earlier attempts of a trial that was tried again are in neither.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agenteval.core.outcome import COUNTED, Interval, Trial
from agenteval.core.ports import Query, TraceStore
from agenteval.core.used import AMOUNTS, Amount, Used, plausible, used
from agenteval.stats import clustered_mean


def interval(value: Interval) -> dict[str, Any]:
    """An interval as JSON."""
    return {name: getattr(value, name) for name in Interval.__slots__}


def with_use(store: TraceStore, trials: Sequence[Trial], run_id: str) -> list[Trial]:
    """The trials, each with what it used; where its record does not say, its trajectory is read once more.

    Args:
        store: Where the trajectories are.
        trials: Trials of one run, or those that a run scored.
        run_id: The run that most of them belong to.
    """
    silent = {trial.trajectory for trial in trials if trial.used is None and trial.trajectory is not None}
    found: dict[str, Used] = {}
    for trial, trajectory in store.trajectories(Query(run=run_id)) if silent else ():
        if trial.trajectory in silent:
            found[trajectory.id] = used(trajectory)
    for name in silent - found.keys():  # a scoring may reach beyond the run that it scored
        for _, trajectory in store.trajectories(Query(trajectory=name)):
            found[name] = used(trajectory)
    return [replace(trial, used=found.get(trial.trajectory or "")) if trial.used is None else trial for trial in trials]


def use(trials: Sequence[Trial], confidence: float) -> dict[str, Any]:
    """What some trials used.

    Args:
        trials: The trials; those without a trajectory are left out, and counted.
        confidence: Level of the means' intervals.

    Returns:
        By name (`model_calls`, `tool_calls`, `seconds` and those of `AMOUNTS`): `unit`; `total`, None where nothing of
        the kind was measured; of how many `model_calls` or `trials` it is the sum and how many it leaves out; and
        `per_trial`, the mean over counted trials, clustered by scenario.
    """
    found = [trial.used for trial in trials]
    asked = [None if one is None else one.model_calls for one in found]
    acted = [None if one is None else one.tool_calls for one in found]
    sums = _Sums(trials, confidence)
    figures = {"model_calls": sums.by_trial("calls", asked), "tool_calls": sums.by_trial("calls", acted)}
    for name, unit in AMOUNTS.items():
        figures[name] = sums.by_call(unit, asked, [None if one is None else one.amounts.get(name) for one in found])
    seconds = [trial.seconds if plausible(trial.seconds) else None for trial in trials]
    return {**figures, "seconds": sums.by_trial("seconds", seconds)}


class _Sums:
    """Sums and means over some trials, of values in the trials' order."""

    def __init__(self, trials: Sequence[Trial], confidence: float) -> None:
        self._scenarios = [trial.scenario if trial.status in COUNTED else None for trial in trials]
        self._confidence = confidence

    def by_trial(self, unit: str, values: Sequence[float | None]) -> dict[str, Any]:
        """The figure of values that each trial has, or has not."""
        known = [value for value in values if value is not None]
        left_out = len(values) - len(known)
        return {
            "unit": unit,
            "total": _sum(known),
            "of": "trials",
            "counted": len(known),
            "left_out": left_out,
            "per_trial": self._mean(values),
        }

    def by_call(self, unit: str, calls: Sequence[int | None], amounts: Sequence[Amount | None]) -> dict[str, Any]:
        """The figure of what each trial's model calls reported; a trial is whole where each of them did."""
        known = [amount for amount in amounts if amount is not None]
        counted = sum(amount.calls for amount in known)
        left_out = sum(count for count in calls if count is not None) - counted
        total = _sum([amount.total for amount in known])
        whole = [
            amount.total if amount is not None and amount.calls == count else None
            for amount, count in zip(amounts, calls, strict=True)
        ]
        return {
            "unit": unit,
            "total": total,
            "of": "model_calls",
            "counted": counted,
            "left_out": left_out,
            "per_trial": self._mean(whole if known else ()),
        }

    def _mean(self, values: Sequence[float | None]) -> dict[str, Any]:
        """The mean over counted trials for which the value is known; nothing is used less than nothing."""
        known: dict[str, list[float]] = {}
        for scenario, value in zip(self._scenarios, values, strict=False):
            if scenario is not None and value is not None:
                known.setdefault(scenario, []).append(value)
        left_out = len(self._scenarios) - sum(map(len, known.values()))
        mean = clustered_mean(known, confidence=self._confidence, left_out=left_out, bounds=None)
        return interval(mean if mean.low is None else replace(mean, low=max(0.0, mean.low)))


def _sum(values: Sequence[float]) -> float | None:
    if not values:
        return None
    return sum(values) if all(isinstance(value, int) for value in values) else math.fsum(values)
