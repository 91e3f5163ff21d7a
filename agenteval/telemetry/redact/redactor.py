"""Spans and log records in, the same without secrets and personal data out, with a count of what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias, TypeVar, cast

from agenteval.core.marks import ATTRIBUTE
from agenteval.core.span import Attributes, LogRecord, Span, SpanEvent, SpanLink, SpanStatus
from agenteval.errors import RequestError
from agenteval.telemetry.redact.rules import RedactRules
from agenteval.telemetry.redact.values import Values

KEY_VARIABLE: Final = "AGENTEVAL_REDACT_KEY"
_SHORTEST_KEY: Final = 16  # bytes

_Shared: TypeAlias = "dict[int, tuple[Attributes, Attributes, Counter[str]]]"
"""What became of the resources and scopes of a batch, by identity; each is kept, so that no other gets its id."""

_Kept = TypeVar("_Kept", Span, LogRecord)


class Redactor:
    """Takes secrets and personal data out of telemetry.

    A span becomes the same wherever it arrives and whatever arrived before it. Redacting twice is redacting once.

    Args:
        rules: What is looked for, and what becomes of it.
        key: The secret behind pseudonyms, at least 16 bytes; equal values have equal pseudonyms under one key.

    Raises:
        RequestError: A rule says `pseudonym` and there is no key, the key is short, or a pattern is wrong.
        MissingExtra: The extra `redact` is not installed.
    """

    def __init__(self, rules: RedactRules, key: bytes | None = None) -> None:
        """Compile the rules."""
        self._keyed(rules, key)
        self._values = Values(rules, key)

    @staticmethod
    def from_environment(rules: RedactRules, environment: Mapping[str, str]) -> Redactor:
        """A redactor whose key is the variable AGENTEVAL_REDACT_KEY, where that is set."""
        key = environment.get(KEY_VARIABLE)
        return Redactor(rules, key.encode("utf-8", "surrogateescape") if key else None)

    def spans(self, spans: Iterable[Span]) -> tuple[list[Span], dict[str, int]]:
        """The spans, in order, and how often each rule found something in all of them.

        A span in which something was found has the attribute `agenteval.redacted`: counts by rule, with its resource's.
        """
        return self._all(spans, self._span)

    def logs(self, records: Iterable[LogRecord]) -> tuple[list[LogRecord], dict[str, int]]:
        """As `spans`."""
        return self._all(records, self._log)

    def text(self, text: str) -> tuple[str, dict[str, int]]:
        """A text that may hold what was said, and how often each rule found something in it."""
        tally: Counter[str] = Counter()
        return self._values.text(text, tally, content=True), dict(sorted(tally.items()))

    @staticmethod
    def _keyed(rules: RedactRules, key: bytes | None) -> None:
        named = [rule for rule, action in rules.actions().items() if action == "pseudonym"]
        if named and key is None:
            raise RequestError(
                f"[redact] {named[0]}: a pseudonym needs a key, and {KEY_VARIABLE} is not set. Set it to a secret of "
                f'at least {_SHORTEST_KEY} characters, the same wherever values are to be compared; or write "mask"'
            )
        if key is not None and len(key) < _SHORTEST_KEY:
            raise RequestError(
                f"{KEY_VARIABLE} is {len(key)} bytes long; it must have at least {_SHORTEST_KEY}, or pseudonyms could "
                "be undone by trying keys"
            )

    def _all(
        self, given: Iterable[_Kept], one: Callable[[_Kept, _Shared], tuple[_Kept, Counter[str]]]
    ) -> tuple[list[_Kept], dict[str, int]]:
        shared: _Shared = {}
        total: Counter[str] = Counter()
        kept: list[_Kept] = []
        for value in given:
            left, counts = one(value, shared)
            if counts:
                total.update(counts)
            kept.append(left)
        return kept, dict(sorted(total.items()))

    def _span(self, span: Span, shared: _Shared) -> tuple[Span, Counter[str]]:
        tally: Counter[str] = Counter()
        values = self._values
        changes: dict[str, Any] = {
            "name": values.text(span.name, tally),
            "trace_state": values.text(span.trace_state, tally),
            "schema_url": values.text(span.schema_url, tally),
            "status": self._status(span.status, tally),
            "attributes": values.attributes(span.attributes, tally, content=True),
            "events": tuple([self._event(event, tally) for event in span.events]),
            "links": tuple([self._link(link, tally) for link in span.links]),
            **self._from(span, shared, tally),
        }
        return _with_counts(span, changes, tally), tally

    def _status(self, status: SpanStatus, tally: Counter[str]) -> SpanStatus:
        said = self._values.text(status.message, tally, content=True)
        return status if said is status.message else replace(status, message=said)

    def _event(self, event: SpanEvent, tally: Counter[str]) -> SpanEvent:
        name = self._values.text(event.name, tally)
        return replace(event, name=name, attributes=self._values.attributes(event.attributes, tally, content=True))

    def _link(self, link: SpanLink, tally: Counter[str]) -> SpanLink:
        state = self._values.text(link.trace_state, tally)
        return replace(
            link, trace_state=state, attributes=self._values.attributes(link.attributes, tally, content=True)
        )

    def _log(self, record: LogRecord, shared: _Shared) -> tuple[LogRecord, Counter[str]]:
        tally: Counter[str] = Counter()
        values = self._values
        changes: dict[str, Any] = {
            "name": values.text(record.name, tally),
            "severity_text": values.text(record.severity_text, tally),
            "schema_url": values.text(record.schema_url, tally),
            "body": values.value("body", record.body, tally, content=True),
            "attributes": values.attributes(record.attributes, tally, content=True),
            **self._from(record, shared, tally),
        }
        return _with_counts(record, changes, tally), tally

    def _from(self, value: Span | LogRecord, shared: _Shared, tally: Counter[str]) -> dict[str, Attributes]:
        """Resource and scope, which a batch shares: redacted once, and counted wherever they stand."""
        left: dict[str, Attributes] = {}
        for part, attributes in (("resource", value.resource), ("scope", value.scope)):
            if id(attributes) not in shared:
                counts: Counter[str] = Counter()
                became = self._values.attributes(attributes, counts, content=False)
                shared[id(attributes)] = attributes, became, counts
            _, left[part], counts = shared[id(attributes)]
            if counts:
                tally.update(counts)
        return left


def _with_counts(value: _Kept, changes: dict[str, Any], tally: Counter[str]) -> _Kept:
    """The value itself where nothing was found; a second pass adds to the counts of the first."""
    if not tally:
        return value
    before = changes["attributes"].get(ATTRIBUTE)
    counts = Counter(tally)
    if isinstance(before, Mapping):
        earlier = cast("Mapping[str, object]", before)
        counts.update({rule: count for rule, count in earlier.items() if type(count) is int and count > 0})
    attributes = {**changes["attributes"], ATTRIBUTE: dict(sorted(counts.items()))}
    return replace(value, **{**changes, "attributes": attributes})
