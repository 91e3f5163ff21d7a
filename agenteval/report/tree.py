"""One trajectory and its findings in, a readable tree out: what happened, and what was concluded at which step.

Under every verdict that is not a clean pass stand what was expected and what happened, aligned; what was never recorded
is called `not recorded`, with its remedy.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agenteval.core.message import MediaPart, Message, ToolRequest, ToolResponse
from agenteval.core.outcome import Finding, Trial
from agenteval.core.trajectory import Handoff, ModelCall, StateChange, Step, ToolCall, Trajectory

_SHORT = 200
_MARKS = {"pass": "ok", "fail": "FAIL", "unknown": "?"}


def render(trial: Trial, trajectory: Trajectory, findings: Sequence[Finding], *, full: bool = False) -> str:
    """The tree, as text of no fixed width."""
    at: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.verdict != "pass":
            for step in finding.steps:
                at.setdefault(step, []).append(finding)
    lines = [*_head(trial, trajectory), ""]
    names = {run.id: run.name for run in trajectory.runs}
    run: str | None = None
    for step in trajectory.steps:
        if step.run != run and step.run is not None:
            run = step.run
            lines.append(f"─ {names.get(run, 'agent')}")
        lines += _step(step, full=full)
        lines += [f"     ▲ {_MARKS[finding.verdict]} {finding.check}" for finding in at.get(step.id, ())]
    if not trajectory.steps:
        lines.append("(no steps were recorded)")
    return _safe("\n".join([*lines, "", *_findings(findings, trajectory)]))


def _head(trial: Trial, trajectory: Trajectory) -> list[str]:
    integrity = trajectory.integrity
    lines = [
        f"trajectory {trajectory.id}",
        f"{trial.scenario} #{trial.repeat} by {trial.agent}: {trial.status}"
        + (f" ({trial.error})" if trial.error else ""),
    ]
    usage = trajectory.usage
    if usage.tokens is not None:
        lines.append(f"tokens: {usage.input_tokens} in, {usage.output_tokens} out")
    if not integrity.complete:
        counted = (
            "nobody counted its spans"
            if integrity.started is None
            else (f"{integrity.stored} of {integrity.started} spans are here, {integrity.orphans} without their parent")
        )
        lines.append(f"incomplete: {counted}; checks that need the whole answer unknown")
    return lines


def _step(step: Step, *, full: bool) -> list[str]:
    content = step.content
    lead = f"{step.index:>4} "
    if isinstance(content, Message):
        return [f"{lead}{content.role}: {_short(_message_text(content), full=full)}"]
    if isinstance(content, ToolCall):
        return _tool_lines(step, content, lead, full=full)
    if isinstance(content, ModelCall):
        tokens = "tokens not recorded" if content.usage is None else f"{content.usage.tokens} tokens"
        asked = ", ".join(request.name for request in content.requests)
        text = f"{lead}model {content.model or 'unknown'}: {tokens}" + (f", asks for {asked}" if asked else "")
        return [text if content.error is None else f"{text}  failed: {_short(content.error, full=full)}"]
    if isinstance(content, StateChange):
        return [f"{lead}  changed {_short(_patch_text(content.patch), full=full)}"]
    if isinstance(content, Handoff):
        return [f"{lead}hands over to {content.target}"]
    return [f"{lead}{content.kind}"]


def _tool_lines(step: Step, call: ToolCall, lead: str, *, full: bool) -> list[str]:
    who = "user calls " if call.by == "user" else ""
    arguments = _missing(step, "arguments") or _json(call.arguments)
    if isinstance(call.arguments, Mapping) and "arguments" not in step.missing:
        arguments = ", ".join(f"{key}={_json(value)}" for key, value in call.arguments.items())
    lines = [f"{lead}{who}{call.name}({_short(arguments, full=full)})"]
    if call.error is not None:
        lines.append(f"       ✗ {_short(call.error, full=full)}")
    else:
        lines.append(f"       → {_short(_missing(step, 'result') or _json(call.result), full=full)}")
    if step.truncated:
        lines.append(f"       (cut when it was recorded: {', '.join(step.truncated)})")
    return lines


def _missing(step: Step, field: str) -> str | None:
    return f"not recorded ({step.missing[field]})" if field in step.missing else None


def _findings(findings: Sequence[Finding], trajectory: Trajectory) -> list[str]:
    index = {step.id: step.index for step in trajectory.steps}
    lines: list[str] = []
    order = {"fail": 0, "unknown": 1, "pass": 2}
    for finding in sorted(findings, key=lambda finding: order[finding.verdict]):
        lines += _finding(finding, index)
    return lines or ["nothing was asked of it"]


def _finding(finding: Finding, index: Mapping[str, int]) -> list[str]:
    asked = finding.reason_code != "not_asked"
    mark = _MARKS[finding.verdict] if asked else "-"
    held = " (nothing activated it)" if finding.vacuous else ""
    role = "" if finding.role == "gate" else f" [{finding.role}]"
    lines = [f"{mark:>4} {finding.title or finding.check}{role}{held}"]
    if finding.verdict == "pass":
        return lines
    lines += [f"       {line}" for line in finding.reason.splitlines()]
    places = [str(index[step]) for step in finding.steps if step in index]
    if places:
        lines.append(f"       at step {', '.join(places)}")
    return lines + [f"       {line}" for line in comparison(finding.evidence)]


def comparison(evidence: Mapping[str, Any]) -> list[str]:
    """What was expected and what happened, aligned, differing values marked."""
    lines: list[str] = []
    if "expected" in evidence:
        lines.append(f"expected  {_json(evidence['expected'])}")
    if "actual" in evidence:
        lines.append(f"happened  {_json(evidence['actual'])}")
    differs: Any = evidence.get("differs")
    if isinstance(differs, Sequence) and not isinstance(differs, str):
        for item in differs:
            lines += _difference(item)
    diff: Any = evidence.get("diff")
    if isinstance(diff, Mapping):
        for path, values in diff.items():
            lines += (
                _difference({"path": path, **values}) if isinstance(values, Mapping) else [f"{path}: {_json(values)}"]
            )
    return lines


def _difference(item: Any) -> list[str]:
    if not isinstance(item, Mapping):
        return [_json(item)]
    lines = [
        f"≠ {item.get('path')}",
        f"    expected  {_json(item.get('expected'))}",
        f"    happened  {_json(item.get('actual'))}",
    ]
    return [*lines, f"    {item['hint']}"] if item.get("hint") else lines


def _message_text(message: Message) -> str:
    pieces: list[str] = []
    for part in message.parts:
        if isinstance(part, ToolRequest):
            pieces.append(f"[asks for {part.name}]")
        elif isinstance(part, ToolResponse):
            pieces.append(_json(part.response))
        elif isinstance(part, MediaPart):
            pieces.append(f"[{part.type} {part.uri}]")
        else:
            pieces.append(part.text)
    return " ".join(pieces)


def _patch_text(patch: Iterable[Mapping[str, Any]]) -> str:
    return "; ".join(
        f"{operation.get('path')} "
        + ("removed" if operation.get("op") == "remove" else f"= {_json(operation.get('value'))}")
        for operation in patch
    )


def _json(value: Any) -> str:
    return value if value == "not recorded" else json.dumps(value, ensure_ascii=False, default=repr)


def _short(text: str, *, full: bool) -> str:
    flat = " ".join(text.split())
    if full or len(flat) <= _SHORT:
        return flat
    return f"{flat[: _SHORT - 1]}… ({len(flat)} characters)"


def _safe(text: str) -> str:
    """The text without control characters: what an agent wrote must not move the reader's cursor."""
    return "".join(c if c == "\n" or (c.isprintable() and not 0xD800 <= ord(c) <= 0xDFFF) else "�" for c in text)
