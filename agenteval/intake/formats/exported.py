"""What `agenteval export --format jsonl` writes: a conversation a line, with its trial, labels, spans and log records.

The spans are taken, and the trajectory is assembled of them anew; a line without spans gives the trajectory that it
holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast, get_args

import orjson

from agenteval.core.codec import from_json
from agenteval.core.outcome import Label, TrialStatus
from agenteval.core.span import LogRecord, Span
from agenteval.errors import ImportRefused, RequestError
from agenteval.intake.formats._json import Decoded, Unreadable
from agenteval.intake.formats._reading import (
    maybe_number,
    maybe_object,
    maybe_objects,
    maybe_text,
    object_of,
    shown,
    text_id,
    whole_number,
)
from agenteval.intake.formats._record import Imported, Record, Telemetry, TrialFacts
from agenteval.intake.formats._source import Look, Source
from agenteval.intake.formats._spans import records
from agenteval.intake.formats._split import Piece
from agenteval.telemetry.otlp import JSON, decode_logs, decode_traces
from agenteval.telemetry.own import as_written

NAME: Final = "agenteval"
TITLE: Final = "agenteval's own export (JSON lines: objects with schema exported.v1)"

_SCHEMA: Final = "exported.v1"
_MEMBERS: Final = frozenset({"schema", "trial", "trajectory", "traces", "logs"})


def detect(look: Look) -> bool:
    """A line of an export, or several."""
    if look.shape == "object":
        return look.keys >= _MEMBERS
    return isinstance(look.first, dict) and look.first.get("schema") == _SCHEMA


def read(source: Source) -> Iterator[Record]:
    """Every line."""
    for piece in records(source):
        yield _one(source, piece)


def _one(source: Source, piece: Piece) -> Record:
    try:
        return _record(piece)
    except (Unreadable, RequestError) as error:
        return source.refusal(piece.where, str(error))
    except (KeyError, TypeError, ValueError) as error:  # the codec's, of a trajectory that is none
        return ImportRefused(source.name, piece.where, f"its trajectory cannot be read: {error!r:.200}")


def _record(piece: Piece) -> Record:
    decoded: Decoded = piece.value()
    data = object_of(decoded.exact, "a line")
    if data.get("schema") != _SCHEMA:
        raise Unreadable(f"schema is {shown(data.get('schema'))}; this version reads {_SCHEMA}")
    spans, logs = _telemetry(data)
    if data.get("trial") is None:
        if not spans and not logs:
            raise Unreadable("it holds neither a trial nor a span")
        return Telemetry(spans=spans, logs=logs, position=piece.where)
    trial = object_of(data["trial"], "trial")
    kept = data.get("trajectory")
    return Imported(
        spans=spans,
        logs=logs,
        trial=_facts(trial),
        labels=tuple(_label(label) for label in maybe_objects(data.get("labels"))),
        position=piece.where,
        trajectory=None if spans or kept is None else from_json(object_of(kept, "trajectory")),
    )


def _telemetry(data: Mapping[str, Any]) -> tuple[tuple[Span, ...], tuple[LogRecord, ...]]:
    traces, logs = (orjson.dumps(maybe_object(data.get(name))) for name in ("traces", "logs"))
    return tuple(as_written(decode_traces(traces, JSON))), tuple(decode_logs(logs, JSON))


def _facts(trial: Mapping[str, Any]) -> TrialFacts:
    status = trial.get("status")
    if status not in get_args(TrialStatus):
        raise Unreadable(f"trial.status is {shown(status)}: known are {', '.join(get_args(TrialStatus))}")
    seed = trial.get("seed")
    return TrialFacts(
        scenario=text_id(trial.get("scenario"), "trial.scenario"),
        scenario_hash=maybe_text(trial.get("scenario_hash")) or "",
        repeat=whole_number(trial.get("repeat"), "trial.repeat"),
        agent=text_id(trial.get("agent"), "trial.agent"),
        status=cast("TrialStatus", status),
        error=maybe_text(trial.get("error")),
        fault_of=maybe_text(trial.get("fault_of")),
        seed=seed if isinstance(seed, int) else None,
        seconds=maybe_number(trial.get("seconds")),
    )


def _label(label: Mapping[str, Any]) -> Label:
    blinded = label.get("blinded")
    return Label(
        trajectory=text_id(label.get("trajectory"), "label.trajectory"),
        criterion=text_id(label.get("criterion"), "label.criterion"),
        value=label.get("value"),
        rater=text_id(label.get("rater"), "label.rater"),
        scale=label.get("scale"),
        inclusion_probability=maybe_number(label.get("inclusion_probability")),
        blinded=blinded if isinstance(blinded, bool) else None,
        batch=maybe_text(label.get("batch")),
        at=maybe_text(label.get("at")),
        note=maybe_text(label.get("note")),
    )
