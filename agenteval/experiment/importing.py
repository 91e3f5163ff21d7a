"""Foreign files in, a run of imported trajectories out. What cannot be read is refused by place; the rest goes in.

Spans of other producers are stored as they come, from all files; then the conversations are assembled that they are of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from agenteval._util.canonical import content_hash
from agenteval._util.ids import derived, new_run_id
from agenteval.core import semconv
from agenteval.core.outcome import COUNTED, Finding, Label, Measure, Run, Trial
from agenteval.core.ports import Appended, TraceStore
from agenteval.core.span import Span
from agenteval.core.trajectory import ToolCall, Trajectory
from agenteval.core.used import used
from agenteval.errors import ImportRefused
from agenteval.evaluation.score import INVALID, score
from agenteval.experiment.conversations import conversations, is_other_work, trial_of
from agenteval.experiment.naming import settings_of
from agenteval.experiment.redacting import Redaction
from agenteval.intake.files import FileHeader, Imported, Record, Telemetry, read
from agenteval.telemetry.assemble import SCOPE, trajectory_of
from agenteval.telemetry.conversations import Naming
from agenteval.telemetry.redact.redactor import Redactor
from agenteval.telemetry.understood import Understood

_AT_ONCE = 200  # records committed in one transaction
RECORDED = "recorded"
_LETTERS = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}  # as inspect_ai.scorer.value_to_float reads them
_FULL_REWARD_TOLERANCE = 1e-6  # tau-bench counts a reward within this of 1 as a success


@dataclass(slots=True)
class ImportSummary:
    """What an import came to.

    Attributes:
        run: Its record, which the store holds where anything was taken in.
        imported: Trajectories taken in.
        invalid: Those of them in which no model call and no tool call was found.
        others: Traces beside them in which no agent was found at all: a service's other work, stored and no trial.
        refused: What was not, with file, place and reason.
        labels: Recorded rewards and scores kept as labels.
        appended: Spans of other producers: new, known, and known with other content, which was put aside.
        logs: Log records beside them.
        redacted: How often each rule found something that was taken out before it was stored.
        understood: What was understood of those spans.
    """

    run: Run
    imported: int = 0
    invalid: int = 0
    others: int = 0
    labels: int = 0
    steps: int = 0
    tool_calls: int = 0
    refused: list[ImportRefused] = field(default_factory=list[ImportRefused])
    appended: Appended = field(default_factory=Appended)
    logs: int = 0
    redacted: Counter[str] = field(default_factory=Counter[str])
    understood: Understood = field(default_factory=Understood)


Progress = Callable[[ImportSummary], None]


def import_files(
    files: Sequence[Path],
    store: TraceStore,
    *,
    format: str | None = None,  # noqa: A002 (the user's word for it)
    project: str = "",
    redactor: Redactor | None = None,
    naming: Naming | None = None,
    on_progress: Progress | None = None,
) -> ImportSummary:
    """Take files in, as one run.

    Args:
        files: What to read.
        store: Where it goes.
        format: Name of a format; None recognises it by content.
        project: Whose other producers' traces are.
        redactor: Takes secrets and personal data out before anything is stored; None stores what the files hold.
        naming: Which attributes name session, user, version and tenant; what the dialects take for them otherwise.
        on_progress: Called after every commit.
    """
    now = datetime.now(UTC)
    run = Run(
        id=new_run_id(now),
        kind="import",
        created_at=now.isoformat(timespec="seconds"),
        settings={"files": [path.name for path in files], "project": project, **settings_of(naming or Naming())},
    )
    taking = _Taking(store, run, naming or Naming())
    records = (record for path in files for record in _read(path, format, redactor, taking.summary.redacted))
    for batch in _batches(records):
        with store.batch():
            for record in batch:
                taking.take(record)
        if on_progress is not None:
            on_progress(taking.summary)
    taking.assemble(on_progress)
    return taking.finish()


def _read(path: Path, kind: str | None, redactor: Redactor | None, counts: Counter[str]) -> Iterator[Record]:
    records = read(path, format=kind)
    return records if redactor is None else map(Redaction(redactor, path.name, counts).of, records)


class _Taking:
    """One import while it goes on.

    Args:
        store: Where it goes.
        run: Its record, to be stored once there is something in it: one that holds nothing would be the latest.
        naming: Which attributes name what in other producers' spans.
    """

    def __init__(self, store: TraceStore, run: Run, naming: Naming) -> None:
        self.summary = ImportSummary(run=run)
        self._naming = naming
        self._project = str(run.settings["project"])
        self._store = store
        self._agents: dict[str, None] = {}
        self._repeats = _Repeats()
        self._traces: dict[str, None] = {}
        self._nothing: list[Trajectory] = []
        self._sizes: dict[str, tuple[int, int, int, int]] = {}

    def take(self, record: Record) -> None:
        """Keep one record."""
        if isinstance(record, Imported):
            self._imported(record)
        elif isinstance(record, FileHeader):
            self._store.append([_header_span(record)])
        elif isinstance(record, Telemetry):
            self.summary.appended += self._store.append(record.spans, record.logs, project=self._project)
            self.summary.logs += len(record.logs)
            self._traces.update(dict.fromkeys(span.trace_id for span in record.spans))
            self._traces.update(dict.fromkeys(log.trace_id for log in record.logs if log.trace_id))
        else:
            self.summary.refused.append(record)

    def _imported(self, record: Imported) -> None:
        trajectory = trajectory_of(record.spans, record.logs) if record.spans else record.trajectory
        if trajectory is None:
            return
        self._store.append(record.spans, record.logs)
        trial = _trial_of(record, self.summary.run, trajectory, self._repeats.free(record))
        self._keep(trial, trajectory, recorded(record.labels))
        for label in record.labels:
            self._store.put_label(label)
        self.summary.labels += len(record.labels)

    def _keep(self, trial: Trial, trajectory: Trajectory, findings: Sequence[Finding] = ()) -> None:
        if not self._agents:
            self._store.put_run(self.summary.run)
        self._agents[trial.agent] = None
        self._store.put_trial(trial, trajectory)
        concluded = score(findings) if trial.status in COUNTED else INVALID
        self._store.record(self.summary.run.id, trajectory.id, concluded.findings, concluded)
        self._count(trajectory, invalid=trial.status == "invalid")

    def _count(self, trajectory: Trajectory, *, invalid: bool) -> None:
        """Count a trajectory once, as it was when it was last made."""
        before = self._sizes.get(trajectory.id, (0, 0, 0, 0))
        self._sizes[trajectory.id] = now = (1, len(trajectory.steps), len(trajectory.of(ToolCall)), int(invalid))
        imported, steps, calls, without = (new - old for new, old in zip(now, before, strict=True))
        self.summary.imported += imported
        self.summary.steps += steps
        self.summary.tool_calls += calls
        self.summary.invalid += without

    def assemble(self, on_progress: Progress | None) -> None:
        """Assemble the conversations of the spans and log records that came, a page at a time."""
        for page in conversations(self._store, list(self._traces), self._naming):
            self.summary.understood += page.understood
            with self._store.batch():
                for trajectory in page.trajectories:
                    if is_other_work(trajectory):
                        self._nothing.append(trajectory)
                    else:
                        self._conversation(trajectory)
            if on_progress is not None:
                on_progress(self.summary)

    def _conversation(self, trajectory: Trajectory) -> None:
        trial = trial_of(self.summary.run.id, trajectory)
        if trial is not None:
            self._keep(trial, trajectory)

    def finish(self) -> ImportSummary:
        """What it came to; the run names the agents that were met."""
        if self._agents:
            self.summary.others = len(self._nothing)
        else:  # an import that holds nothing else says so, with trials that are invalid
            with self._store.batch():
                for trajectory in self._nothing:
                    self._conversation(trajectory)
        if self._agents:
            self.summary.run = replace(self.summary.run, agents=tuple(self._agents))
            self._store.put_run(self.summary.run)
        return self.summary


def _batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    for record in records:
        batch.append(record)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _header_span(header: FileHeader) -> Span:
    """What a file says once for all its records, kept as a trace of one span that belongs to no trial."""
    trace_id = derived("import-header", header.sha256)
    return Span(
        trace_id=trace_id,
        span_id=derived(trace_id, "root", digits=16),
        name=f"header of {header.file}",
        start_ns=0,
        end_ns=0,
        scope={"name": SCOPE},
        attributes={
            semconv.SOURCE: f"import:{header.format}",
            semconv.IMPORT_FILE: header.file,
            semconv.IMPORT_SHA256: header.sha256,
            semconv.IMPORT_RECORD: header.content,
        },
    )


def _trial_of(record: Imported, run: Run, trajectory: Trajectory, repeat: int) -> Trial:
    facts = record.trial
    return Trial(
        run=run.id,
        scenario=facts.scenario,
        scenario_hash=facts.scenario_hash or content_hash([facts.suite, facts.scenario]),
        agent=facts.agent,
        repeat=repeat,
        seed=facts.seed or 0,
        status=facts.status,
        trace_ids=trajectory.trace_ids,
        trajectory=trajectory.id,
        error=facts.error,
        fault_of=facts.fault_of,
        seconds=facts.seconds,
        used=used(trajectory),
    )


class _Repeats:
    """Free repeat numbers: two files, or two records of one, may claim the same repeat of the same scenario."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, str, str], set[int]] = {}

    def free(self, record: Imported) -> int:
        """The repeat that the record claims, or the next free one."""
        facts = record.trial
        taken = self._taken.setdefault((facts.scenario_hash, facts.scenario, facts.agent), set())
        repeat = facts.repeat
        while repeat in taken:
            repeat += 1
        taken.add(repeat)
        return repeat


def recorded(labels: Sequence[Label]) -> list[Finding]:
    """The findings `recorded` that outcome labels amount to: the reward, else each recorded score.

    A reward of 1 (within 1e-6) is a success, as tau-bench counts it; any other figure is a failure with its value as
    the measure. Inspect's letters count as in Inspect: C 1, P 0.5, I and N 0. What is no figure answers `unknown`.
    """
    rewards = [label for label in labels if label.criterion.startswith("reward@")]
    outcomes = rewards or [label for label in labels if _figure(label.value) is not None]
    return [_recorded(label, alone=len(outcomes) == 1) for label in outcomes]


def _recorded(label: Label, *, alone: bool) -> Finding:
    name = label.criterion.partition("@")[0]
    check = RECORDED if alone else f"{RECORDED}:{name}"
    value = _figure(label.value)
    if value is None:
        return Finding(
            check=check,
            title=f"recorded {name}",
            verdict="unknown",
            reason_code="not_measured",
            reason=f"the file records {label.value!r}, which is no figure",
        )
    return Finding(
        check=check,
        title=f"recorded {name}",
        verdict="pass" if abs(value - 1.0) <= _FULL_REWARD_TOLERANCE else "fail",
        reason_code="recorded",
        reason=f"the file records {name} {label.value}; it does not say at which step",
        measure=Measure(name=name, value=value),
    )


def _figure(value: object) -> float | None:
    if isinstance(value, str):
        return _LETTERS.get(value)
    if isinstance(value, (bool, int, float)):
        return float(value)
    return None
