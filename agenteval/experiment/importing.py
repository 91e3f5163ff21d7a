"""Foreign files in, a run of imported trajectories out. What cannot be read is refused by file and place; the rest goes in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from agenteval._util.ids import new_run_id
from agenteval.core.outcome import Finding, Label, Measure, Run, Score, Trial
from agenteval.core.ports import TraceStore
from agenteval.errors import ImportRefused
from agenteval.evaluation.score import INVALID
from agenteval.experiment.run import COUNTED
from agenteval.intake.files import Imported, read
from agenteval.telemetry.assemble import trajectory_of

_AT_ONCE = 200  # records committed in one transaction
_REWARD = "reward"
_FULL_REWARD_TOLERANCE = 1e-6  # tau-bench counts a reward within this of 1 as a success


@dataclass(slots=True)
class ImportSummary:
    """What an import came to.

    Attributes:
        imported: Trajectories taken in.
        refused: What was not, with file, place and reason.
        labels: Recorded rewards and scores kept as labels.
    """

    run: Run
    imported: int = 0
    labels: int = 0
    steps: int = 0
    tool_calls: int = 0
    refused: list[ImportRefused] = field(default_factory=list[ImportRefused])


def import_files(
    files: Sequence[Path],
    store: TraceStore,
    *,
    format: str | None = None,  # noqa: A002 (the user's word for it)
    on_progress: Callable[[ImportSummary], None] | None = None,
) -> ImportSummary:
    """Take files in, as one run.

    Args:
        files: What to read.
        store: Where it goes.
        format: Name of a format; None recognises it by content.
        on_progress: Called after every commit.
    """
    now = datetime.now(UTC)
    run = Run(
        id=new_run_id(now),
        kind="import",
        created_at=now.isoformat(timespec="seconds"),
        settings={"files": [path.name for path in files]},
    )
    summary = ImportSummary(run=run)
    agents: dict[str, None] = {}
    store.put_run(run)
    for batch in _batches(record for path in files for record in read(path, format=format)):
        with store.batch():
            for record in batch:
                if isinstance(record, Imported):
                    agents[record.trial.agent] = None
                    _take(record, store, summary)
                elif isinstance(record, ImportRefused):
                    summary.refused.append(record)
        if on_progress is not None:
            on_progress(summary)
    summary.run = replace(run, agents=tuple(agents))
    store.put_run(summary.run)
    return summary


def _batches(records: Iterable[object]) -> Iterable[list[object]]:
    batch: list[object] = []
    for record in records:
        batch.append(record)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
