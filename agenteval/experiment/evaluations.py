"""What a run concluded in, `gen_ai.evaluation.result` events on the judged spans out, as OTLP log records.

One event for each finding, on the first span that it rests on, else on the conversation's outermost one; and one named
`agenteval.score` for the whole. The same run gives the same events, whenever it is asked.

References:
    OpenTelemetry semantic conventions for generative AI, "Events": `gen_ai.evaluation.result`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from agenteval._util.version import __version__
from agenteval.core import semconv
from agenteval.core.outcome import Finding, Run, Score
from agenteval.core.ports import TraceStore
from agenteval.core.span import Attribute, LogRecord, Span
from agenteval.core.trajectory import Trajectory
from agenteval.experiment.run import run_of
from agenteval.experiment.stores import trajectory as trajectory_of

EVENT: Final = "gen_ai.evaluation.result"
SCORE: Final = "agenteval.score"

_NAME: Final = "gen_ai.evaluation.name"
_VALUE: Final = "gen_ai.evaluation.score.value"
_LABEL: Final = "gen_ai.evaluation.score.label"
_EXPLANATION: Final = "gen_ai.evaluation.explanation"
_INFO: Final = 9
_RESOURCE: Final[Mapping[str, Attribute]] = {"service.name": "agenteval", "service.version": __version__}
_SCOPE: Final[Mapping[str, Attribute]] = {"name": "agenteval", "version": __version__}


def evaluations(store: TraceStore, run_id: str) -> Iterator[LogRecord]:
    """The events of all that a run concluded. Raises NotFound."""
    run = run_of(store, run_id, kinds={"execution", "import", "scoring", "production"})
    for trial, score in store.outcomes(run.id):
        if trial.trajectory is not None and trial.trace_ids:
            trajectory = trajectory_of(store, trial.trajectory)
            spans, _ = store.read(trajectory.trace_ids)
            yield from events_of(run, trajectory, spans, score)


def events_of(run: Run, trajectory: Trajectory, spans: Sequence[Span], score: Score) -> Iterator[LogRecord]:
    """The events of one trajectory; none where its spans are gone, for then there is nothing to put them on."""
    by_id = {span.span_id: span for span in spans}
    outermost = next((span for span in spans if span.parent_id not in by_id), None)
    if outermost is None:
        return
    first_spans = ((step.id, by_id.get(next(iter(step.span_ids), ""))) for step in trajectory.steps)
    span_of = {step: span for step, span in first_spans if span is not None}
    at_ns = _moment(run.created_at)
    shared: dict[str, Attribute] = {"agenteval.run.id": run.id, "agenteval.trajectory.id": trajectory.id}
    if trajectory.conversation_id:
        shared[semconv.CONVERSATION_ID] = trajectory.conversation_id
    for finding in score.findings:
        span = next((span_of[step] for step in finding.steps if step in span_of), outermost)
        yield _event(span, at_ns, shared | _of_finding(finding, score))
    yield _event(outermost, at_ns, shared | _of_score(score))


def _event(span: Span, at_ns: int, attributes: dict[str, Attribute]) -> LogRecord:
    response = span.attributes.get(semconv.RESPONSE_ID)
    if isinstance(response, str):
        attributes[semconv.RESPONSE_ID] = response
    return LogRecord(
        trace_id=span.trace_id,
        span_id=span.span_id,
        at_ns=at_ns,
        observed_ns=at_ns,
        name=EVENT,
        severity=_INFO,
        severity_text="INFO",
        attributes=attributes,
        resource=_RESOURCE,
        scope=_SCOPE,
    )


def _of_finding(finding: Finding, score: Score) -> dict[str, Attribute]:
    """A figure where there is one: a metric's, else 1 and 0 for held and violated; of unknown, the reason alone."""
    measure = finding.measure
    value = score.metrics.get(finding.check)
    if value is None and finding.verdict != "unknown":
        value = float(finding.verdict == "pass")
    found: dict[str, Attribute] = {
        _NAME: finding.check,
        _VALUE: value,
        _LABEL: finding.verdict,
        _EXPLANATION: finding.reason,
        semconv.ERROR_TYPE: finding.reason_code if finding.verdict == "unknown" else None,
        "agenteval.check.title": finding.title or None,
        "agenteval.check.version": finding.check_version,
        "agenteval.check.role": finding.role,
        "agenteval.finding.reason_code": finding.reason_code,
        "agenteval.finding.steps": list(finding.steps) or None,
        "agenteval.measure.name": None if measure is None else measure.name,
        "agenteval.measure.value": None if measure is None else measure.value,
        "agenteval.measure.unit": None if measure is None else measure.unit or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _of_score(score: Score) -> dict[str, Attribute]:
    if score.passed is None:
        return {_NAME: SCORE, _LABEL: score.status, semconv.ERROR_TYPE: score.status}
    return {_NAME: SCORE, _VALUE: float(score.passed), _LABEL: "pass" if score.passed else "fail"}


def _moment(written: str) -> int:
    """Nanoseconds since the Unix epoch; 0, which is unknown to OTLP, where it is no time."""
    try:
        return int(datetime.fromisoformat(written).timestamp()) * 10**9
    except ValueError:
        return 0
