"""agenteval measures AI agents by what they did.

    import agenteval

    result = agenteval.run("retail", my_agent, trials=4)
    print(result.pass_rate())

Everything public is here; heavy libraries are imported when a name that needs them is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from agenteval._util.version import __version__

if TYPE_CHECKING:
    from agenteval.agents.chat import ChatAgent
    from agenteval.agents.function import FunctionAgent
    from agenteval.agents.langgraph import LangGraphAgent
    from agenteval.checkers import parse as parse_checks
    from agenteval.core.codec import fingerprint
    from agenteval.core.message import Message
    from agenteval.core.outcome import Finding, Interval, Score, Trial
    from agenteval.core.scenario import Limits, Scenario, Suite, UserRef, WorldRef
    from agenteval.core.trajectory import ModelCall, Step, ToolCall, Trajectory
    from agenteval.errors import AgentEvalError, RequestError, ToolError
    from agenteval.evaluation.evaluate import evaluate
    from agenteval.evaluation.score import score
    from agenteval.experiment.api import RunResult, run, run_async
    from agenteval.experiment.stores import open_store
    from agenteval.intake.suites import load_scenario, load_suite
    from agenteval.models import ChatCompletions, Prices, RecordedModel, ScriptedModel
    from agenteval.report.model import build as build_report
    from agenteval.telemetry.assemble import assemble
    from agenteval.world import StateWorld, tool

_HOMES = {
    "AgentEvalError": "errors",
    "ChatAgent": "agents.chat",
    "ChatCompletions": "models",
    "Finding": "core.outcome",
    "FunctionAgent": "agents.function",
    "Interval": "core.outcome",
    "LangGraphAgent": "agents.langgraph",
    "Limits": "core.scenario",
    "Message": "core.message",
    "ModelCall": "core.trajectory",
    "Prices": "models",
    "RecordedModel": "models",
    "RequestError": "errors",
    "RunResult": "experiment.api",
    "Scenario": "core.scenario",
    "Score": "core.outcome",
    "ScriptedModel": "models",
    "StateWorld": "world",
    "Step": "core.trajectory",
    "Suite": "core.scenario",
    "ToolCall": "core.trajectory",
    "ToolError": "errors",
    "Trajectory": "core.trajectory",
    "Trial": "core.outcome",
    "UserRef": "core.scenario",
    "WorldRef": "core.scenario",
    "assemble": "telemetry.assemble",
    "build_report": "report.model:build",
    "evaluate": "evaluation.evaluate",
    "fingerprint": "core.codec",
    "load_scenario": "intake.suites",
    "load_suite": "intake.suites",
    "open_store": "experiment.stores",
    "parse_checks": "checkers:parse",
    "run": "experiment.api",
    "run_async": "experiment.api",
    "score": "evaluation.score",
    "tool": "world",
}

__all__ = [
    "AgentEvalError",
    "ChatAgent",
    "ChatCompletions",
    "Finding",
    "FunctionAgent",
    "Interval",
    "LangGraphAgent",
    "Limits",
    "Message",
    "ModelCall",
    "Prices",
    "RecordedModel",
    "RequestError",
    "RunResult",
    "Scenario",
    "Score",
    "ScriptedModel",
    "StateWorld",
    "Step",
    "Suite",
    "ToolCall",
    "ToolError",
    "Trajectory",
    "Trial",
    "UserRef",
    "WorldRef",
    "__version__",
    "assemble",
    "build_report",
    "evaluate",
    "fingerprint",
    "load_scenario",
    "load_suite",
    "open_store",
    "parse_checks",
    "run",
    "run_async",
    "score",
    "tool",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, original = home.partition(":")
    value = getattr(importlib.import_module(f"{__name__}.{module}"), original or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
