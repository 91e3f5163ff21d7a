"""What identifies a span, a log record and a trial, how they are ordered, and how a name finds one."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from agenteval._util.ids import derived
from agenteval._util.names import did_you_mean, nearest
from agenteval.core.outcome import Trial
from agenteval.core.span import LogRecord, Span, SpanEvent, SpanLink, SpanStatus
from agenteval.errors import NotFound, RequestError
from agenteval.store.pack import pack

LATEST = "latest"
"""In place of a run's id: the newest run."""

TRACE_DIGITS = 32
SPAN_DIGITS = 16
_HEX = frozenset("0123456789abcdef")
_LISTED = 8
_SHORT = 12  # digits of a trajectory's id that reports show
_LONGEST_LINE = 200
_ALL_OF_A_RUN = "`agenteval report RUN --json` lists those of a run under `trials`."


def hex_id(text: str, digits: int, what: str) -> bytes:
    """An id of a span or a trace as bytes.

    Raises:
        RequestError: It is not that many lower-case hexadecimal digits.
    """
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(text) != digits or value.hex() != text:
        raise RequestError(f"{what} {text!r:.80} is not {digits} lower-case hexadecimal digits")
    return value


def trace_keys(trace_ids: Iterable[str]) -> list[bytes]:
    """Trace ids as bytes, each once; what is no trace id names no trace."""
    found: dict[bytes, None] = {}
    for trace_id in trace_ids:
        if trace_id == "" or (len(trace_id) == TRACE_DIGITS and set(trace_id) <= _HEX):
            found[bytes.fromhex(trace_id)] = None
    return list(found)


def span_key(span: Span) -> tuple[bytes, bytes]:
    """What identifies a span. Raises RequestError where one of its ids is malformed."""
    if span.parent_id is not None:
        hex_id(span.parent_id, SPAN_DIGITS, "parent_id")
    return hex_id(span.trace_id, TRACE_DIGITS, "trace_id"), hex_id(span.span_id, SPAN_DIGITS, "span_id")


def log_key(log: LogRecord) -> tuple[bytes, bytes]:
    """Trace and span of a log record; empty where it belongs to none. Raises RequestError as `span_key` does."""
    return (
        hex_id(log.trace_id, TRACE_DIGITS, "trace_id") if log.trace_id else b"",
        hex_id(log.span_id, SPAN_DIGITS, "span_id") if log.span_id else b"",
    )


def content_of(value: Span | LogRecord) -> bytes:
    """The whole content of a span or log record; equal for equal values, whatever the order of their attributes."""
    return pack(_plain(value), ordered=True)


def content_digest(value: Span | LogRecord) -> bytes:
    """A digest of the whole content: 16 bytes."""
    return hashlib.sha256(content_of(value)).digest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, (Span, LogRecord, SpanEvent, SpanLink, SpanStatus)):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownVariableType]


def in_order_of_spans(spans: Iterable[Span]) -> list[Span]:
    """Spans by trace, start and id: an order that does not depend on arrival."""
    return sorted(spans, key=lambda span: (span.trace_id, span.start_ns, span.span_id))


def in_order_of_logs(logs: Iterable[LogRecord]) -> list[LogRecord]:
    """Log records by trace, time and span, then by content."""
    ordered: list[LogRecord] = []
    for _, together in itertools.groupby(sorted(logs, key=_place), key=_place):
        some = list(together)
        ordered += sorted(some, key=content_of) if len(some) > 1 else some
    return ordered


def _place(log: LogRecord) -> tuple[str, int, str]:
    return log.trace_id, log.at_ns, log.span_id


def trial_identity(trial: Trial) -> str:
    """What a trial is the same trial by, whichever attempt it is: run, scenario, agent and repeat."""
    return derived(trial.run, trial.scenario, trial.scenario_hash, trial.agent, trial.repeat)


def only_match(name: str, found: Sequence[str], known: Iterable[str], *, what: str) -> str:
    """The one id that a prefix found.

    Args:
        name: The id or prefix, as it was asked for.
        found: Ids that begin with it, or are it.
        known: Ids to choose the nearest from where nothing was found.
        what: `run` or `trajectory`, for the message.

    Raises:
        NotFound: None was found, or several.
    """
    if name in found:
        return name
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFound(f'no {what} "{name}" in this store. {did_you_mean(name, known)}')
    shown = ", ".join(sorted(found)[:_LISTED])
    more = ", …" if len(found) > _LISTED else ""
    raise NotFound(f'"{name}" begins several ids in this store, and names no one {what}: {shown}{more}.')


def only_trajectory(
    name: str, found: Sequence[str], near: Sequence[str], trials_of: Callable[[Sequence[str]], Mapping[str, Trial]]
) -> str:
    """The one trajectory that a prefix found; others are told by short ids, with scenario and agent.

    Args:
        name: The id or prefix, as it was asked for.
        found: Ids that begin with it, or are it.
        near: Ids around it in their order, where nothing was found.
        trials_of: Gives the trials of trajectories, for the message.

    Raises:
        NotFound: None was found, or several.
    """
    if name in found:
        return name
    if len(found) == 1:
        return found[0]
    shown = found[:_LISTED] if found else _around(name, near)
    lines = _told(shown, trials_of(shown))
    if found:
        said = f'"{name}" begins the ids of several trajectories. Give more of the one that you mean:'
    elif not near:
        raise NotFound(f'no trajectory begins with "{name}": this store holds none.')
    elif (like := nearest(name, {known[: len(name)] for known in shown})) is not None:
        said = f'no trajectory begins with "{name}" in this store. Did you mean:'
        lines = [line for known, line in zip(shown, lines, strict=True) if known.startswith(like)]
    else:
        said = f'no trajectory begins with "{name}" in this store. It holds, for instance:'
    more = ["  …"] if len(found) > len(shown) else []
    raise NotFound("\n".join([said, *lines, *more, _ALL_OF_A_RUN]))


def _around(name: str, near: Sequence[str]) -> list[str]:
    """The ids before and after a name, in order."""
    ordered = sorted(near)
    place = sum(known < name for known in ordered)
    return ordered[max(0, place - _LISTED // 2) : place + _LISTED // 2]


def _told(ids: Sequence[str], trials: Mapping[str, Trial]) -> list[str]:
    """A line for each id: as much of it as tells these apart, and which trial it is of."""
    digits = _SHORT
    while len({known[:digits] for known in ids}) < len(ids):
        digits += 1
    lines: list[str] = []
    for known in ids:
        trial = trials.get(known)
        which = "" if trial is None else f"  {trial.scenario} #{trial.repeat}, {trial.agent}, run {trial.run}"
        lines.append(_printable(f"  {known[:digits]}{which}"))
    return lines


def _printable(text: str) -> str:
    """A line of bounded length whose characters cannot steer a terminal: names in it may come from a trace."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:_LONGEST_LINE])
