"""Steps of traces in which something was redacted in, the same with what is gone named as missing out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from agenteval.core.json import Json
from agenteval.core.marks import ATTRIBUTE, wholly_redacted
from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import ToolCall
from agenteval.telemetry.dialects.held import REDACTED
from agenteval.telemetry.drafts import Draft

_CONTENT = "content"
"""The rule that takes out all that was said."""

_SAID = frozenset({"arguments", "result", "messages", "output"})
_NOT_THERE = ("content_off", "not_sent")  # whether it was sent somewhere in the trace, nobody can tell any more


def is_content_gone(telemetry: Iterable[Span | LogRecord]) -> bool:
    """Whether rules took out what was said in any of these."""
    counts = (one.attributes[ATTRIBUTE] for one in telemetry if ATTRIBUTE in one.attributes)
    return any(isinstance(count, Mapping) and _CONTENT in count for count in counts)


def note(draft: Draft, *, content_gone: bool) -> None:
    """Name as redacted what is gone of a step: what it holds a mask of, and what its sender is blamed for otherwise.

    Args:
        draft: Changed in place.
        content_gone: Whether rules took out what was said in its trace.
    """
    if content_gone:
        blamed = (field for field, why in draft.missing.items() if field in _SAID and why.startswith(_NOT_THERE))
        draft.missing.update(dict.fromkeys([*blamed], REDACTED))
    call = draft.content
    if isinstance(call, ToolCall):
        gone = {name for name in ("arguments", "result") if _is_gone(getattr(call, name))}
        draft.missing.update(dict.fromkeys(gone, REDACTED))
        draft.content = replace(call, **dict.fromkeys(gone)) if gone else call


def _is_gone(value: Json) -> bool:
    return isinstance(value, str) and wholly_redacted(value) is not None
