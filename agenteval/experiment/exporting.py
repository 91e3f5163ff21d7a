"""Stored runs, trajectories and traces in, files out that import back: OTLP in protobuf or JSON, or JSON lines.

What OTLP cannot hold as it is (values nested more than 30 levels deep, half a surrogate pair in protobuf) is written
as the nearest that it can; every request is decoded again before it is written, and what differs is counted and told.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias, TypeVar, cast, get_args

from agenteval._util.plain import plain
from agenteval.core.codec import to_json
from agenteval.core.outcome import Trial
from agenteval.core.ports import Query, TraceStore
from agenteval.core.span import LogRecord, Span
from agenteval.core.traces import TraceQuery
from agenteval.core.trajectory import Trajectory
from agenteval.errors import NotFound, RequestError
from agenteval.experiment.run import run_of
from agenteval.experiment.stores import trajectories
from agenteval.telemetry.otlp import JSON, PROTOBUF, decode_logs, decode_traces, encode_logs, encode_traces
from agenteval.telemetry.otlp.grouping import alike
from agenteval.telemetry.own import as_written

ExportFormat: TypeAlias = Literal["otlp", "otlp-json", "jsonl"]
FORMATS: tuple[str, ...] = get_args(ExportFormat)
SCHEMA = "exported.v1"

_PAGE = 200  # traces that are asked for at once
_TRACE_DIGITS = 32
_Item = TypeVar("_Item", Span, LogRecord)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is written together: a conversation with its traces, or one trace of which nothing was assembled."""

    trace_ids: Sequence[str]
    trial: Trial | None = None
    trajectory: Trajectory | None = None


@dataclass(slots=True)
class Exported:
    """What an export came to.

    Attributes:
        altered: Spans and log records that the encoding could not hold as they are.
        files: What was written.
    """

    trajectories: int = 0
    traces: int = 0
    spans: int = 0
    logs: int = 0
    altered: int = 0
    files: list[str] = field(default_factory=list[str])


def parts_of(store: TraceStore, names: Sequence[str], *, everything: bool = False) -> Iterator[Part]:
    """What names mean: runs, trajectories and traces, each conversation and each trace once.

    Args:
        store: Where they are.
        names: Ids of runs, or the beginning of one, or `latest`; ids of trajectories, or the beginning of one; ids of
            traces. None of them is the latest run.
        everything: All that is stored instead.

    Raises:
        NotFound: Nothing has such a name.
    """
    seen: set[str] = set()
    traces: set[str] = set()
    for part in _everything(store) if everything else _named(store, names or ["latest"]):
        name = part.trace_ids[0] if part.trajectory is None else part.trajectory.id
        if name in seen or (part.trajectory is None and traces.issuperset(part.trace_ids)):
            continue
        seen.add(name)
        traces.update(part.trace_ids)
        yield part


def _everything(store: TraceStore) -> Iterator[Part]:
    yield from _of_query(store, Query())
    after = None
    while page := store.traces(TraceQuery(after=after, limit=_PAGE)):
        yield from (Part(trace_ids=(trace.trace_id,)) for trace in page)
        after = page[-1]


def _named(store: TraceStore, names: Sequence[str]) -> Iterator[Part]:
    for name in names:
        query = _query(store, name)
        if query is not None:
            yield from _of_query(store, query)
        elif store.seen([name.lower()]):
            yield Part(trace_ids=(name.lower(),))
        else:
            raise NotFound(f'nothing is called "{name}": give the id of a run, of a trajectory or of a trace')


def _query(store: TraceStore, name: str) -> Query | None:
    """What finds the trajectories of a run, or the one of that id; None where there is neither."""
    try:
        run = run_of(store, name, kinds={"execution", "import", "production"})
        return Query(run=run.parent if run.kind == "scoring" and run.parent else run.id)
    except NotFound as no_run:
        try:
            return Query(trajectory=store.trajectory(name).id)
        except NotFound:
            if len(name) != _TRACE_DIGITS:
                raise no_run from None
            return None


def _of_query(store: TraceStore, query: Query) -> Iterator[Part]:
    for trial, trajectory in trajectories(store, query):
        yield Part(trace_ids=trajectory.trace_ids, trial=trial, trajectory=trajectory)


def export(store: TraceStore, parts: Iterator[Part], kind: ExportFormat, path: str) -> Exported:
    """Write parts to a file. Raises RequestError where it cannot be written.

    Args:
        store: Where their spans are.
        parts: What is written.
        kind: How.
        path: Where to; packed with gzip where it ends in `.gz`. `-` is standard output. In protobuf, log records go to
            a file of their own beside it, because no request holds both.
    """
    if kind == "otlp" and path == "-":
        raise RequestError("spans and log records in protobuf need a file each: name one instead of -")
    result = Exported()
    with ExitStack() as stack:
        writer = _Writer(stack, kind, path, result)
        for part in parts:
            spans, logs = store.read(part.trace_ids)
            labels = _labels(store, part) if kind == "jsonl" else []
            writer.write(part, spans, logs, labels)
            result.trajectories += part.trajectory is not None
            result.traces += len({span.trace_id for span in spans})
            result.spans += len(spans)
            result.logs += len(logs)
        writer.finish()
    return result


def _labels(store: TraceStore, part: Part) -> list[Any]:
    if part.trajectory is None:
        return []
    return [plain(label) for label in store.labels(Query(trajectory=part.trajectory.id))]


class _Writer:
    def __init__(self, stack: ExitStack, kind: ExportFormat, path: str, result: Exported) -> None:
        self._stack = stack
        self._kind = kind
        self._path = path
        self._result = result
        self._open: dict[str, IO[bytes]] = {}

    def write(self, part: Part, spans: list[Span], logs: list[LogRecord], labels: list[Any]) -> None:
        """Write one part."""
        encoding = PROTOBUF if self._kind == "otlp" else JSON
        of_spans, of_logs = encode_traces(spans, encoding), encode_logs(logs, encoding)
        self._result.altered += _differing(spans, as_written(decode_traces(of_spans, encoding)) if spans else [])
        self._result.altered += _differing(logs, decode_logs(of_logs, encoding) if logs else [])
        if self._kind == "jsonl":
            self._file(self._path).write(_line(part, of_spans, of_logs, labels))
            return
        end = b"" if self._kind == "otlp" else b"\n"
        if spans:
            self._file(self._path).write(of_spans + end)
        if logs:
            self._file(_beside(self._path) if self._kind == "otlp" else self._path).write(of_logs + end)

    def finish(self) -> None:
        """Make the file where nothing was written, too: that it holds nothing is an answer."""
        self._file(self._path)

    def _file(self, path: str) -> IO[bytes]:
        if path not in self._open:
            self._open[path] = self._opened(path)
            self._result.files.append(path)
        return self._open[path]

    def _opened(self, path: str) -> IO[bytes]:
        if path == "-":
            return sys.stdout.buffer
        try:
            if path.endswith(".gz"):
                return cast("IO[bytes]", self._stack.enter_context(gzip.open(path, "wb", compresslevel=6)))
            return self._stack.enter_context(Path(path).open("wb"))
        except OSError as error:
            raise RequestError(f"{path} cannot be written: {error.strerror or error}") from error


def _beside(path: str) -> str:
    """Where the log records go: `a.pb` becomes `a.logs.pb`."""
    folder, slash, name = path.rpartition("/")
    stem, dot, rest = name.partition(".")
    return f"{folder}{slash}{stem}.logs{dot}{rest}"


def _line(part: Part, of_spans: bytes, of_logs: bytes, labels: list[Any]) -> bytes:
    document = {
        "schema": SCHEMA,
        "trial": None if part.trial is None else plain(part.trial),
        "trajectory": None if part.trajectory is None else to_json(part.trajectory),
        "labels": labels,
    }
    head = json.dumps(document, separators=(",", ":")).encode()
    return b'%b,"traces":%b,"logs":%b}\n' % (head[:-1], of_spans, of_logs)


def _differing(items: Sequence[_Item], again: Sequence[_Item]) -> int:
    """How many items are not what they were. Lists and tuples are one, and NaN is NaN."""
    pairs = zip(items, again, strict=True)
    return sum(1 for one, other in pairs if one != other and not alike(asdict(one), asdict(other)))
