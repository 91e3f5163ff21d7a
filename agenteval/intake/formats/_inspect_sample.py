"""One sample of an Inspect log in, one trace out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agenteval.core import semconv
from agenteval.core.outcome import TrialStatus
from agenteval.intake.formats._conversation import NOT_EACH_REQUEST, Conversation
from agenteval.intake.formats._inspect_events import EventWriter
from agenteval.intake.formats._inspect_messages import Messages, converse
from agenteval.intake.formats._json import Decoded
from agenteval.intake.formats._reading import (
    hash_of,
    maybe_number,
    maybe_object,
    maybe_objects,
    maybe_text,
    object_of,
    one_line,
    text_id,
    time_of,
    whole_number,
)
from agenteval.intake.formats._record import Imported, TrialFacts
from agenteval.intake.formats._source import Source
from agenteval.intake.formats._trace import Trace

_GRADES = ["C", "I", "N", "P"]  # correct, incorrect, no answer, partly
_NAN = "NaN"


class SampleReader:
    """What a log's head says of all of its samples.

    Args:
        format_name: Name of the format.
        head: The head's members.
    """

    def __init__(self, format_name: str, head: Mapping[str, Any]) -> None:
        settings = maybe_object(head.get("eval"))
        self._format_name = format_name
        self._model = maybe_text(settings.get("model"))
        self._task = maybe_text(settings.get("task"))
        self._agent = "/".join(name for name in (maybe_text(settings.get("solver")), self._model) if name)

    def record(self, source: Source, record: Decoded, position: str) -> Imported:
        """One sample as a trace."""
        data = object_of(record.clean, "a sample")
        facts = self._facts(data, source.stem)
        trace = Trace(source, position, facts.agent)
        transcript = maybe_object(data.get("transcript"))  # where the events lay until autumn 2024
        messages = Messages(maybe_object(data.get("attachments") or transcript.get("content")))
        writer = EventWriter(trace, messages, data, maybe_objects(data.get("events") or transcript.get("events")))
        if writer.has_model_calls:
            writer.write()
        else:
            chat = {
                semconv.REQUEST_MODEL: self._model,
                semconv.NOT_RECORDED: {"messages": NOT_EACH_REQUEST, "usage": "the log keeps no events of this sample"},
            }
            start_ns = time_of(data.get("started_at")) or 0
            converse(Conversation(trace, start_ns=start_ns), messages, maybe_objects(data.get("messages")), chat)
        reason, detail = _end(data)
        trace.attributes[semconv.END_REASON] = reason
        trace.attributes[semconv.END_DETAIL] = detail
        _label(trace, data)
        began, ended = time_of(data.get("started_at")), time_of(data.get("completed_at"))
        return trace.close(self._format_name, record, facts, span_ns=(began, ended) if began and ended else None)

    def _facts(self, data: Mapping[str, Any], stem: str) -> TrialFacts:
        sample = text_id(data.get("id"), "id")
        epoch = whole_number(data.get("epoch", 1), "epoch")
        reason, detail = _end(data)
        status = _STATUS.get(reason, "limit")
        return TrialFacts(
            scenario=sample if self._task is None else f"{self._task}/{sample}",
            scenario_hash=hash_of({key: data[key] for key in ("input", "choices", "target") if key in data} or None),
            repeat=max(epoch - 1, 0),
            agent=self._agent or stem,
            status=status,
            error=detail if status == "invalid" else None,
            fault_of="harness" if status == "invalid" else None,
            suite=self._task,
            seconds=maybe_number(data.get("total_time")),
        )


_STATUS: Mapping[str, TrialStatus] = {
    "completed": "completed",
    "error": "invalid",
    "invalidated": "invalid",
    "operator": "invalid",
}


def _end(data: Mapping[str, Any]) -> tuple[str, str | None]:
    """How the sample ended, in the log's own word where it has one, and more about it. Any other word is a limit."""
    error = data.get("error")
    if error is not None:
        said = maybe_text(maybe_object(error).get("message"))
        return "error", one_line(said) if said else "the log says that the sample raised an error"
    if data.get("invalidation") is not None:
        said = maybe_text(maybe_object(data["invalidation"]).get("reason"))
        return "invalidated", f"invalidated by hand{f': {one_line(said)}' if said else ''}"
    told = [event for event in maybe_objects(data.get("events")) if event.get("event") == "sample_limit"]
    limit = maybe_object(data.get("limit")) or (told[-1] if told else {})
    word = maybe_text(limit.get("type"))
    if word == "operator":
        return word, "stopped by the operator"
    return (word, f"{word} limit of {limit.get('limit')}") if word else ("completed", None)


def _label(trace: Trace, data: Mapping[str, Any]) -> None:
    scores = maybe_object(data.get("scores"))
    if not scores and "score" in data:
        scores = {"score": data["score"]}  # logs of one scorer, until spring 2024
    for name, found in scores.items():
        score = maybe_object(found)
        if "value" in score:
            value = _measured(score["value"])
            trace.label(
                name,
                value,
                scale=_GRADES if value in _GRADES else None,
                note=score.get("explanation"),
                at=data.get("completed_at"),
            )


def _measured(value: Any) -> Any:
    """A score's value with null for NaN, which is how Inspect writes what was not scored."""
    if isinstance(value, dict):
        return {key: _measured(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [_measured(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return None if value == _NAN else value
