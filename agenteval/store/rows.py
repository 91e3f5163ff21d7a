"""Runs, trials, labels, findings and scores in, JSON objects out, and back. Fields at their default are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields
from functools import cache
from typing import Any, cast

from agenteval._util.frozen import quick
from agenteval.core.outcome import Finding, Label, Measure, Run, Score, Trial
from agenteval.core.used import Amount, Used

_make_trial = quick(Trial)
_make_finding = quick(Finding)
_make_measure = quick(Measure)
_make_score = quick(Score)


def run_to_json(run: Run) -> dict[str, Any]:
    """A run as JSON."""
    return _changed(run)


def run_from_json(data: Mapping[str, Any]) -> Run:
    """A run from JSON."""
    return Run(**_known(Run, data, tuples=("agents",)))


def trial_to_json(trial: Trial) -> dict[str, Any]:
    """A trial as JSON."""
    data = _changed(trial)
    if trial.used is not None:
        amounts = {name: [amount.total, amount.calls] for name, amount in trial.used.amounts.items()}
        data["used"] = {**_changed(trial.used), **({"amounts": amounts} if amounts else {})}
    return data


def trial_from_json(data: Mapping[str, Any]) -> Trial:
    """A trial from JSON."""
    values = _known(Trial, data, tuples=("trace_ids",))
    if values.get("used") is not None:
        used = _known(Used, values["used"])
        used["amounts"] = {name: Amount(*amount) for name, amount in used.get("amounts", {}).items()}
        values["used"] = Used(**used)
    return _make_trial(**values)


def label_to_json(label: Label) -> dict[str, Any]:
    """A label as JSON."""
    return _changed(label)


def label_from_json(data: Mapping[str, Any]) -> Label:
    """A label from JSON."""
    return Label(**_known(Label, data))


def concluded_to_json(findings: Sequence[Finding], score: Score | None) -> dict[str, Any]:
    """Findings and a score as one JSON object; the findings are kept once."""
    written = None if score is None else {key: value for key, value in _changed(score).items() if key != "findings"}
    return {"findings": [_finding_to_json(finding) for finding in findings], "score": written}


def concluded_from_json(data: Mapping[str, Any]) -> tuple[tuple[Finding, ...], Score | None]:
    """Findings and a score from JSON."""
    findings = tuple(_finding_from_json(finding) for finding in data["findings"])
    if data["score"] is None:
        return findings, None
    score = _known(Score, data["score"])
    score["findings"] = findings
    return findings, _make_score(**score)


def _finding_to_json(finding: Finding) -> dict[str, Any]:
    data = _changed(finding)
    if finding.measure is not None:
        data["measure"] = _changed(finding.measure)
    return data


def _finding_from_json(data: Mapping[str, Any]) -> Finding:
    values = _known(Finding, data, tuples=("steps",))
    if "measure" in values:
        values["measure"] = _make_measure(**_known(Measure, values["measure"], tuples=("scale",)))
    return _make_finding(**values)


# --- any flat value


@cache
def _defaults(kind: type[Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, _default(field)) for field in fields(kind))


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _changed(value: Any) -> dict[str, Any]:
    """The fields that differ from their default; those without one always do."""
    return {
        name: given
        for name, default in _defaults(cast("type[Any]", type(value)))
        if not _is_default(given := getattr(value, name), default)
    }


def _is_default(value: Any, default: Any) -> bool:
    # 0, 0.0 and False are equal in Python, and not the same answer
    return value is default or (type(value) is type(default) and value == default)


def _known(kind: type[Any], data: Mapping[str, Any], *, tuples: tuple[str, ...] = ()) -> dict[str, Any]:
    """The fields that this version knows: what a later one added is passed over."""
    names = _names(kind)
    values = dict(data) if names.issuperset(data) else {key: value for key, value in data.items() if key in names}
    for key in tuples:
        if values.get(key) is not None:
            values[key] = tuple(values[key])
    return values


@cache
def _names(kind: type[Any]) -> frozenset[str]:
    return frozenset(name for name, _ in _defaults(kind))
