"""A suite in, how the agents that it ships fare on it out: run here and now, kept nowhere."""

from __future__ import annotations

from pathlib import Path

from agenteval._util.loading import CodeLoader
from agenteval.core.outcome import Score, Trial
from agenteval.core.scenario import Suite
from agenteval.experiment.agents import resolve_agents
from agenteval.experiment.api import in_own_loop, run_async

TRIALS = 3
"""Repeats of each scenario: the shipped agents with planted faults show different ones from seed to seed."""


def shipped_results(suite: Suite, loader: CodeLoader) -> tuple[list[str], list[tuple[Trial, Score]]]:
    """Names of the shipped agents, and their trials with scores. Agents that need a model are left out."""
    if not suite.agents:
        return [], []
    specs = resolve_agents(tuple(suite.agents), suite, loader, project=Path.cwd())
    agents = {spec.name: spec.agent for spec in specs if not getattr(spec.agent, "needs_model", False)}
    if not agents:
        return [], []
    result = in_own_loop(run_async(suite, agents, trials=TRIALS))
    return list(agents), list(result.outcomes)
