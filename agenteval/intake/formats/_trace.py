"""Steps as a format's reader finds them in, the spans of one trace out. Ids follow from the file and the place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agenteval._util.ids import derived
from agenteval.core import semconv
from agenteval.core.json import Json
from agenteval.core.outcome import Label
from agenteval.core.span import Span, SpanStatus
from agenteval.intake.formats._json import Decoded
from agenteval.intake.formats._original import keep
from agenteval.intake.formats._record import Imported, TrialFacts
from agenteval.intake.formats._source import Source

MILLISECOND = 1_000_000
"""Nanoseconds."""

_SCOPE: Mapping[str, Any] = {"name": "agenteval"}
_LONGEST_NOTE = 2000
_ERROR = 2


@dataclass(slots=True, kw_only=True)
class Draft:
    """A span that is being written; `start_ns` and `end_ns` are nanoseconds since the Unix epoch."""

    id: str
    parent: str
    name: str
    start_ns: int
    end_ns: int
    kind: int = 1
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])
    status: SpanStatus = field(default_factory=SpanStatus)

    def fail(self, kind: str, message: str) -> None:
        """Say that it failed."""
        self.attributes[semconv.ERROR_TYPE] = kind
        self.status = SpanStatus(code=_ERROR, message=message)


class Trace:
    """The trace of one record, while it is being written.

    Args:
        source: The file.
        position: The record's place in it; with the file's name and hash it decides every id.
        agent: Name of the agent.
    """

    def __init__(self, source: Source, position: str, agent: str) -> None:
        self.id = derived("import", source.name, source.sha256, position)
        self.root_id = derived(self.id, "root", digits=16)
        self.agent = agent
        self.attributes: dict[str, Any] = {}
        self._source = source
        self._position = position
        self._drafts: list[Draft] = []
        self._labels: list[Label] = []
        self._times_named: dict[str, int] = {}

    def open(self, operation: str, name: str, *, parent: str | None = None, start_ns: int = 0) -> Draft:
        """Begin a span under another one, the root where none is named; its end is still to be set."""
        draft = Draft(
            id=derived(self.id, len(self._drafts), digits=16),
            parent=parent or self.root_id,
            name=f"{operation} {name}" if name else operation,
            start_ns=start_ns,
            end_ns=start_ns,
            kind=3 if operation == semconv.CHAT else 1,
            attributes={semconv.OPERATION: operation},
        )
        self._drafts.append(draft)
        return draft

    def open_agent(self, start_ns: int, *, name: str | None = None, parent: str | None = None) -> Draft:
        """Begin a turn of the agent, or of another agent that it called."""
        draft = self.open(semconv.INVOKE_AGENT, name or self.agent, parent=parent, start_ns=start_ns)
        draft.attributes[semconv.AGENT_NAME] = name or self.agent
        draft.attributes[semconv.CONVERSATION_ID] = self.id
        return draft

    def label(self, criterion: str, value: Json, *, scale: Json = None, note: object = None, at: object = None) -> None:
        """Keep a recorded judgement as `<criterion>@1`; a second one of the same name becomes `<criterion>#2@1`."""
        number = self._times_named[criterion] = self._times_named.get(criterion, 0) + 1
        name = criterion if number == 1 else f"{criterion}#{number}"
        text = note if isinstance(note, str) else None
        self._labels.append(
            Label(
                trajectory=self.id,
                criterion=f"{name}@1",
                value=value,
                rater=self._source.name,
                scale=scale,
                at=at if isinstance(at, str) else None,
                note=text if text is None or len(text) <= _LONGEST_NOTE else f"{text[:_LONGEST_NOTE]}…",
            )
        )

    def close(
        self, format_name: str, record: Decoded, facts: TrialFacts, *, span_ns: tuple[int, int] | None = None
    ) -> Imported:
        """The finished trace with what goes with it.

        Args:
            format_name: Name of the format.
            record: The original.
            facts: What is known of its trial.
            span_ns: When it began and ended, where that was recorded.
        """
        starts = [draft.start_ns for draft in self._drafts] + list((span_ns or ())[:1])
        ends = [draft.end_ns for draft in self._drafts] + list((span_ns or ())[1:])
        kept = keep(record, ((draft.id, draft.attributes) for draft in self._drafts))
        root = Span(
            trace_id=self.id,
            span_id=self.root_id,
            name=f"import {facts.scenario}",
            start_ns=min(starts, default=0),
            end_ns=max(ends, default=0),
            scope=_SCOPE,
            attributes=self._root_attributes(format_name, facts) | {semconv.IMPORT_RECORD: kept},
        )
        return Imported(
            spans=(root, *(self._span(draft) for draft in self._drafts)),
            trial=facts,
            labels=tuple(self._labels),
            position=self._position,
        )

    def _root_attributes(self, format_name: str, facts: TrialFacts) -> dict[str, Any]:
        known = {
            semconv.SOURCE: f"import:{format_name}",
            semconv.IMPORT_FILE: self._source.name,
            semconv.IMPORT_SHA256: self._source.sha256,
            semconv.IMPORT_POSITION: self._position,
            semconv.CONVERSATION_ID: self.id,
            semconv.SCENARIO: facts.scenario,
            semconv.SCENARIO_HASH: facts.scenario_hash or None,
            semconv.AGENT: self.agent,
            semconv.REPEAT: facts.repeat,
            semconv.SEED: facts.seed,
            semconv.STATUS: None if self.attributes.get(semconv.END_REASON) == facts.status else _told(facts.status),
            # a whole record was read, so nothing of what it holds is missing
            semconv.SPANS_STARTED: len(self._drafts) + 1,
            semconv.SPANS_ENDED: len(self._drafts) + 1,
        }
        return {key: value for key, value in (known | self.attributes).items() if value is not None}

    def _span(self, draft: Draft) -> Span:
        return Span(
            trace_id=self.id,
            span_id=draft.id,
            parent_id=draft.parent,
            name=draft.name,
            kind=draft.kind,
            start_ns=draft.start_ns,
            end_ns=draft.end_ns,
            status=draft.status,
            attributes=draft.attributes,
            scope=_SCOPE,
        )


def _told(status: str) -> str | None:
    """The status, where it is not the one that goes without saying."""
    return None if status == "completed" else status


def present(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that have a value: what was not recorded is left out, never written as null."""
    return {key: value for key, value in attributes.items() if value is not None}


def offered(names: Sequence[str] | set[str]) -> list[str]:
    """Names of offered tools as the root span carries them."""
    return sorted(set(names))
