"""Records of a file in, the same without secrets and personal data out, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, cast

from agenteval.core import semconv
from agenteval.core.json import Json
from agenteval.core.outcome import Label
from agenteval.core.span import LogRecord, Span
from agenteval.errors import ImportRefused
from agenteval.intake.files import FileHeader, Imported, Record, Telemetry
from agenteval.telemetry.redact.redactor import Redactor

_NO_SPANS: Final = "it holds a trajectory without spans, and redaction works on spans; import it with --no-redact"


class Redaction:
    """Takes secrets and personal data out of the records of one file, whatever its format.

    Args:
        redactor: Does it.
        file: The name of the file.
        found: How often each rule found something; grows.
    """

    def __init__(self, redactor: Redactor, file: str, found: Counter[str]) -> None:
        self._redactor = redactor
        self._file = file
        self._found = found

    def of(self, record: Record) -> Record:
        """The record without what was found in it."""
        if isinstance(record, Telemetry):
            return replace(record, spans=self._spans(record.spans), logs=self._logs(record.logs))
        if isinstance(record, Imported):
            return self._imported(record)
        return self._header(record) if isinstance(record, FileHeader) else record

    def _imported(self, record: Imported) -> Imported | ImportRefused:
        if not record.spans:
            return ImportRefused(self._file, record.position, _NO_SPANS)
        return replace(
            record,
            spans=self._spans(record.spans),
            logs=self._logs(record.logs),
            trial=replace(record.trial, error=self._text(record.trial.error)),
            labels=tuple(map(self._label, record.labels)),
        )

    def _header(self, header: FileHeader) -> FileHeader:
        """What a file says once for all of its records, which is stored as an attribute of a span."""
        attributes = {semconv.IMPORT_RECORD: header.content}
        carrier = Span(trace_id="", span_id="", name="", start_ns=0, end_ns=0, attributes=attributes)
        return replace(header, content=cast("Json", self._spans([carrier])[0].attributes[semconv.IMPORT_RECORD]))

    def _label(self, label: Label) -> Label:
        """What it is about, who gave it and its value stay; its note may hold what was said."""
        return replace(label, note=self._text(label.note))

    def _spans(self, spans: Sequence[Span]) -> tuple[Span, ...]:
        kept, counts = self._redactor.spans(spans)
        self._found.update(counts)
        return tuple(kept)

    def _logs(self, logs: Sequence[LogRecord]) -> tuple[LogRecord, ...]:
        kept, counts = self._redactor.logs(logs)
        self._found.update(counts)
        return tuple(kept)

    def _text(self, text: str | None) -> str | None:
        if text is None:
            return None
        kept, counts = self._redactor.text(text)
        self._found.update(counts)
        return kept
