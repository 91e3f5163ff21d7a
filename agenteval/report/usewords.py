"""What agents used, as a report document has it, in; the words and figures that text and HTML show of it, out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

HEADS: Final[Mapping[str, str]] = {
    "model_calls": "model calls",
    "tool_calls": "tool calls",
    "input_tokens": "input tokens",
    "cached_tokens": "cached tokens",
    "cache_write_tokens": "cache-write tokens",
    "output_tokens": "output tokens",
    "reasoning_tokens": "reasoning tokens",
    "cost_usd": "cost USD",
    "seconds": "seconds",
}
NOT_MEASURED: Final = "not measured"
_WHOLE = frozenset({"calls", "tokens"})


def columns(report: Mapping[str, Any]) -> list[str]:
    """The figures that were measured of any agent, by name."""
    agents = _agents(report)
    return [name for name in HEADS if any(used[name]["total"] is not None for used in agents)]


def total(figure: Mapping[str, Any]) -> str:
    """A sum, such as `12,345`; with `+3?` for three model calls, or trials, that did not report it."""
    if figure["total"] is None:
        return NOT_MEASURED
    text = _number(figure["total"], figure["unit"], whole=figure["unit"] in _WHOLE)
    return f"{text} +{figure['left_out']:,}?" if figure["left_out"] else text


def per_trial(figure: Mapping[str, Any]) -> str:
    """The mean over counted trials."""
    mean = figure["per_trial"]["estimate"]
    return NOT_MEASURED if mean is None else _number(mean, figure["unit"])


def ends(figure: Mapping[str, Any]) -> str:
    """The interval of that mean; empty where there is none."""
    mean = figure["per_trial"]
    if mean["low"] is None:
        return ""
    return f"{_number(mean['low'], figure['unit'])} to {_number(mean['high'], figure['unit'])}"


def notes(report: Mapping[str, Any]) -> list[str]:
    """What the reader must know of the figures, a sentence each."""
    agents = _agents(report)
    figures = [figure for used in agents for figure in used.values()]
    lines: list[str] = []
    silent = [HEADS[name] for name in HEADS if name not in columns(report)]
    if silent:
        why = "" if any(used["model_calls"]["total"] for used in agents) else "; no model call was recorded"
        lines.append(f"{NOT_MEASURED}: {', '.join(silent)}{why}")
    if any(figure["left_out"] and figure["total"] is not None for figure in figures):
        lines.append("+3?: three model calls (of calls and seconds: trials) did not report it, and are in no sum")
    return lines


def _agents(report: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """What each agent used; a document of an earlier version does not say."""
    return [agent["used"] for agent in report["agents"] if "used" in agent]


def _number(value: float, unit: str, *, whole: bool = False) -> str:
    if whole or not value:
        return f"{value:,.0f}"
    if value and value < 1:
        return f"{value:.3g}"
    return f"{value:,.{4 if unit == 'usd' else 1}f}"
