"""A store's name in, a store out that knows the assembler of today; its trajectories as that assembler makes them.

A store keeps trajectories by the version of the assembler that made them, and knows no assembler. What older versions
made is assembled again, from the spans as they were recorded, when it is next looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from agenteval import store as stores
from agenteval.core.outcome import Trial
from agenteval.core.ports import Query, TraceStore
from agenteval.core.trajectory import Trajectory
from agenteval.core.used import used
from agenteval.errors import NotFound
from agenteval.experiment.naming import naming_for, naming_of
from agenteval.telemetry.assemble import VERSION, trajectory_of
from agenteval.telemetry.conversations import Naming

_AT_ONCE = 200  # trajectories committed in one transaction


def open_store(url_or_path: str | Path, *, create: bool = True) -> TraceStore:
    """Open a trace store.

    Args:
        url_or_path: `memory:`, a file path, or `sqlite:///path` (four slashes for an absolute one). A folder named
            `.agenteval` is made where it is missing; any other folder must be there.
        create: Whether to make the file where there is none.

    Raises:
        RequestError: It names no store that can be opened.
        NotFound: There is no such file, and it is not to be made.
        StoreTooNew: It was written by a newer agenteval.
        StoreError: It cannot be opened, or is not a trace store.
    """
    return stores.open_store(url_or_path, create=create, assembler=VERSION)


def trajectories(store: TraceStore, query: Query) -> Iterator[tuple[Trial, Trajectory]]:
    """The trials that match, with their trajectories as this version assembles them, streaming."""
    assemble_again(store, query)
    return store.trajectories(query)


def trajectory(store: TraceStore, id_or_prefix: str) -> Trajectory:
    """One trajectory, as this version assembles it, by id or by a prefix that only one has. Raises NotFound."""
    found = store.trajectory(id_or_prefix)
    again = assemble_again(store, Query(trajectory=found.id))
    return store.trajectory(found.id) if again else found


def assemble_again(store: TraceStore, query: Query) -> int:
    """Assemble from their spans the trajectories of a query that other versions of the assembler made.

    What another version made stays beside what this one makes of it, and stays in use where its spans are gone.

    Returns:
        How many were assembled.
    """
    return _assemble_all(store, store.outdated(query))


def reassemble(
    store: TraceStore,
    query: Query,
    *,
    naming: Mapping[str, Naming] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> int:
    """Assemble the trajectories of a query from their spans and log records, whatever version made them.

    For a dialect that reads more than it did: no span has to be sent again.

    Args:
        store: The store.
        query: Which trajectories.
        naming: Which attributes name user, version and tenant now, by project, `*` for every other one; else, as when
            the run was made. Which traces are one conversation stays as it was: verdicts and labels are about those.
        on_progress: Called after every commit with how many were assembled so far.

    Returns:
        How many were assembled; those whose spans are gone stay as they are.
    """
    return _assemble_all(store, store.trials(query), naming, on_progress)


def _assemble_all(
    store: TraceStore,
    trials: Iterator[Trial],
    naming: Mapping[str, Naming] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> int:
    count = 0
    while batch := list(islice(trials, _AT_ONCE)):
        by_name: dict[str, list[Trial]] = {}
        for trial in batch:
            if trial.trajectory is not None:
                by_name.setdefault(trial.trajectory, []).append(trial)
        with store.batch():
            count += sum(_assemble_again(store, name, some, naming or {}) for name, some in by_name.items())
        if on_progress is not None:
            on_progress(count)
    return count


def _assemble_again(store: TraceStore, name: str, trials: Sequence[Trial], configured: Mapping[str, Naming]) -> bool:
    traces = trials[0].trace_ids or (name,)
    spans, logs = store.read(traces)
    if spans:
        naming = _naming(store, trials[0].run, configured)
        again = trajectory_of(spans, logs, naming=naming, conflicts=store.conflicts(traces))
        store.put_trials((replace(trial, used=used(again)), again, None) for trial in trials)
    return bool(spans)


def _naming(store: TraceStore, run_id: str, configured: Mapping[str, Naming]) -> Naming:
    """What attributes are called: as is configured now for the run's project, sessions as when the run was made."""
    try:
        run = store.run(run_id)
    except NotFound:
        return Naming()
    before = naming_of(run)
    now = naming_for(str(run.settings.get("project") or ""), configured)
    return before if now is None else replace(now, session=before.session)
