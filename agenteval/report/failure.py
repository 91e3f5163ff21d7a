"""An unmet requirement in, a small JSON document of what happened out; and the document as lines for a terminal.

The two are apart because a test may run in another process than the one that has the terminal. The document holds the
trials that teach most: one of each way to fail, with its findings, and the command that shows all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from agenteval.core.outcome import Finding, Score, Trial
from agenteval.core.trajectory import Trajectory
from agenteval.errors import AgentEvalError, InvalidTrials, RequirementNotMet, ResultError
from agenteval.experiment.api import RunResult
from agenteval.experiment.run import COUNTED
from agenteval.report.evidence import Line, aligned, remedy
from agenteval.report.lines import Paint, columns, folded
from agenteval.report.model import conclusion
from agenteval.report.terminal import Style, painter, width_of
from agenteval.report.visible import cut, one_line

_TRIALS = 3  # ways to fail that are shown
_FINDINGS = 2  # of one trial
_LINES = 12  # aligned lines of one finding
_LONGEST = 400  # characters of one text
_WORDS = {"pass": "pass", "fail": "FAIL", "unknown": "unknown"}
_STYLES: dict[str, Style] = {"pass": "good", "fail": "bad", "unknown": "odd"}
_INDENT = " " * 9

REMEDIES: Mapping[str, str] = {
    "world": "mend the scenario's world, whose own code raised this",
    "user": "mend the scenario's user: its script or rules do not fit the conversation",
    "model": "look at the model's endpoint: its address, key, limits and answers; then run again",
    "scenario": "mend the scenario, or what it names",
    "sandbox": "`agenteval doctor` says what the sandbox lacks on this machine",
    "harness": "look at the error; `agenteval doctor` looks at this installation, this project and its store",
}
"""Whose fault an invalid trial is, to what to do about it."""


def document(error: ResultError, *, command: Callable[[str], str] | None) -> dict[str, Any]:
    """What is shown of an unmet requirement, as plain JSON.

    Args:
        error: What `RunResult.require` raised.
        command: The arguments of `agenteval` for a verb and an id, such as `show 12ab`; None where no command can read
            the store.
    """
    said: dict[str, Any] = {"kind": type(error).__name__, "message": one_line(str(error)), "trials": []}
    if not isinstance(error.result, RunResult):
        return said
    result = error.result
    said["run"] = None if command is None else command(f"report {result.run.id}")
    for trial, score, alike in _telling(result, error)[:_TRIALS]:
        said["trials"].append(_trial(result, trial, score, alike, command))
    return said


def _telling(result: RunResult, error: ResultError) -> list[tuple[Trial, Score, int]]:
    """The first trial of each way not to pass, and how many more went that way; the commonest first."""
    outcomes = [outcome for outcome in result.outcomes if outcome[0].agent in (error.agents or result.run.agents)]
    if isinstance(error, InvalidTrials):
        chosen = [outcome for outcome in outcomes if outcome[0].status not in COUNTED]
    else:
        chosen = [outcome for outcome in outcomes if outcome[1].passed is False]
        if not isinstance(error, RequirementNotMet):
            chosen += [outcome for outcome in outcomes if outcome[1].passed is None]
    ways: dict[tuple[str, ...], list[tuple[Trial, Score]]] = {}
    for trial, score in chosen:
        ways.setdefault(_way(trial, score), []).append((trial, score))
    return [(*alike[0], len(alike) - 1) for alike in sorted(ways.values(), key=len, reverse=True)]


def _way(trial: Trial, score: Score) -> tuple[str, ...]:
    if trial.status not in COUNTED:
        return (trial.fault_of or "unknown", trial.error or "")
    told = _told(score)
    return (trial.agent, conclusion(score), told[0].check if told else "")


def _told(score: Score) -> list[Finding]:
    """What is worth telling of a trial: what failed, else what could not answer."""
    asked = [finding for finding in score.findings if finding.reason_code != "not_asked"]
    return [finding for finding in asked if finding.verdict == "fail"] or [
        finding for finding in asked if finding.verdict == "unknown"
    ]


def _trial(
    result: RunResult, trial: Trial, score: Score, alike: int, command: Callable[[str], str] | None
) -> dict[str, Any]:
    told = _told(score) if trial.status in COUNTED else []
    index: Mapping[str, int] = _indexes(result, trial) if told else {}
    shown = None if command is None or trial.trajectory is None else command(f"show {trial.trajectory[:12]}")
    return {
        "name": one_line(f"{trial.scenario} #{trial.repeat} by {trial.agent}"),
        "conclusion": conclusion(score).replace("_", " "),
        "alike": alike,
        "error": None if trial.error is None else cut(one_line(trial.error), _LONGEST),
        "fault_of": trial.fault_of,
        "command": shown,
        "findings": [_finding(finding, index) for finding in told[:_FINDINGS]],
        "more": len(told[_FINDINGS:]),
    }


def _indexes(result: RunResult, trial: Trial) -> Mapping[str, int]:
    """Numbers of the steps by their ids; none where the trajectory cannot be read any more."""
    try:
        trajectory: Trajectory = result.store.trajectory(trial.trajectory or "")
    except AgentEvalError:
        return {}
    return {step.id: step.index for step in trajectory.steps}


def _finding(finding: Finding, index: Mapping[str, int]) -> dict[str, Any]:
    lines = aligned(finding.evidence)
    todo = remedy(finding.reason_code, finding.reason, lines) if finding.verdict == "unknown" else ""
    return {
        "verdict": finding.verdict,
        "title": cut(one_line(finding.title or finding.check), _LONGEST),
        "role": finding.role,
        "reason": cut(one_line(finding.reason), _LONGEST),
        "steps": sorted({index[step] for step in finding.steps if step in index}),
        "remedy": todo,
        "lines": [
            [line.name, cut(line.expected, _LONGEST), cut(line.happened, _LONGEST), line.mark, line.hint]
            for line in lines[:_LINES]
        ],
        "more": len(lines[_LINES:]),
    }


# --- lines for a terminal


def render(told: Mapping[str, Any], *, width: int | None = None, color: bool = False) -> list[str]:
    """The document as lines.

    Args:
        told: What `document` gave.
        width: Cells in a line; None takes the terminal's.
        color: Use the terminal's colours.
    """
    return list(_Failure(width_of(width), painter(color=color)).lines(told))


class _Failure:
    """Draws one document."""

    def __init__(self, width: int, paint: Paint) -> None:
        self._width = width
        self._paint = paint

    def lines(self, told: Mapping[str, Any]) -> Iterator[str]:
        style: Style = "bad" if told["kind"] == RequirementNotMet.__name__ else "odd"
        yield from self._fold(told["message"], style=style)
        trials: Sequence[Mapping[str, Any]] = told["trials"]
        for trial in trials:
            yield ""
            yield from self._trial(trial)
        if "run" not in told:
            return
        text = "Not kept where `agenteval show` looks; the fixture `evaluate` keeps results there."
        if told["run"] is not None:
            text = f"all trials: {told['run']}"
        yield ""
        yield from self._fold(text, style="quiet")

    def _trial(self, trial: Mapping[str, Any]) -> Iterator[str]:
        alike = f", and {trial['alike']} more like it" if trial["alike"] else ""
        yield from self._fold(f"{trial['name']}: {trial['conclusion']}{alike}", style="strong")
        if trial["command"]:
            yield self._paint(trial["command"], "quiet")  # never folded, so that it can be copied
        if trial["conclusion"] == "invalid":
            yield from self._fold(trial["error"] or "no error was recorded", lead="error    ", rest=_INDENT)
            whose = trial["fault_of"] or "unknown"
            yield from self._fold(whose, lead="fault of ", rest=_INDENT)
            yield from self._fold(REMEDIES.get(whose, REMEDIES["harness"]), lead="remedy   ", rest=_INDENT)
        elif not trial["findings"]:
            yield from self._fold("no gate or safety check was asked: write one into the scenario", lead=_INDENT)
        for finding in trial["findings"]:
            yield from self._finding(finding)
        if trial["more"]:
            yield from self._fold(f"and {_number(trial['more'], 'more check')} likewise", lead=_INDENT, style="quiet")

    def _finding(self, finding: Mapping[str, Any]) -> Iterator[str]:
        verdict, role = finding["verdict"], "" if finding["role"] == "gate" else f" [{finding['role']}]"
        yield from self._fold(
            finding["title"] + role,
            lead=f"{_WORDS[verdict]:<9}",
            rest=_INDENT,
            style="strong",
            lead_style=_STYLES[verdict],
        )
        yield from self._fold(finding["reason"], lead=_INDENT)
        if finding["steps"]:
            word = "step" if len(finding["steps"]) == 1 else "steps"
            numbers = ", ".join(map(str, finding["steps"][:_LINES]))
            more = f" and {len(finding['steps']) - _LINES} more" if len(finding["steps"]) > _LINES else ""
            yield from self._fold(f"at {word} {numbers}{more}", lead=_INDENT, style="quiet")
        if finding["remedy"]:
            yield from self._fold(f"remedy: {finding['remedy']}", lead=_INDENT)
        rows = [_line(row) for row in finding["lines"]]
        yield from columns(rows, width=self._width, paint=self._paint, indent=_INDENT)
        if finding["more"]:
            yield from self._fold(f"and {_number(finding['more'], 'more line')}", lead=f"{_INDENT}  ", style="quiet")

    def _fold(
        self, text: str, *, lead: str = "", rest: str | None = None, style: Style = "plain", lead_style: Style = "quiet"
    ) -> Iterator[str]:
        return folded(
            text, width=self._width, paint=self._paint, lead=lead, rest=rest, style=style, lead_style=lead_style
        )


def _line(row: Sequence[str]) -> Line:
    name, expected, happened, mark, hint = row
    return Line(name=name, expected=expected, happened=happened, mark=cast("Any", mark), hint=hint)


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
