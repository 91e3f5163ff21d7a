"""Traces in, the conversations that they belong to out.

Traces of one service whose spans name one session are one conversation, and so are traces in which two
instrumentations saw the same model call. Where no session is named, a trace goes on
from another one whose answer, after all that users had said until then, stands in what its first model call read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from agenteval.core.marks import wholly_redacted
from agenteval.core.message import Message, RefusalPart, TextPart
from agenteval.core.span import Span
from agenteval.core.trajectory import Integrity, ModelCall
from agenteval.telemetry.forest import Node
from agenteval.telemetry.twice import shared_calls

_SESSIONS = ("session.id", "gen_ai.conversation.id")
_USERS = ("user.id", "enduser.id")
_SCRUBBED = "[Scrubbed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """Which attributes of spans and resources name what, the first one that is there; the dialect's own otherwise.

    Where neither names one, the attributes that conventions share are looked for on any span, an application's own
    included.
    """

    session: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    version: tuple[str, ...] = ("service.version",)
    tenant: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One trace, read.

    Attributes:
        spans: Every span, once, by start time.
        nodes: Those that say something.
        integrity: What is known to be missing of it.
        content_gone: Whether rules took out what was said in it.
    """

    id: str
    spans: Sequence[Span]
    nodes: Sequence[Node]
    integrity: Integrity
    content_gone: bool = False

    @property
    def service(self) -> str:
        """The service that its first span came from."""
        name = self.spans[0].resource.get("service.name")
        return name if isinstance(name, str) else ""


def session_of(trace: Trace, naming: Naming) -> str | None:
    """The session that a trace belongs to: what its outermost spans say before what those beneath them say."""
    return named(trace, naming.session) or _said_by_nodes(trace, "session") or named(trace, _SESSIONS)


def user_of(trace: Trace, naming: Naming) -> str | None:
    """Whose conversation a trace belongs to."""
    return named(trace, naming.user) or _said_by_nodes(trace, "user") or named(trace, _USERS)


def named(trace: Trace, attributes: Iterable[str]) -> str | None:
    """The first of these attributes that a span or a resource carries, as text."""
    for name in attributes:
        for span in trace.spans:
            for held in (span.attributes, span.resource):
                value = held.get(name)
                if value is None or isinstance(value, bool):
                    continue
                if isinstance(value, (str, int)) and not _is_nothing(str(value)):
                    return str(value)
    return None


def _said_by_nodes(trace: Trace, what: str) -> str | None:
    best: tuple[int, int, str] | None = None
    found: str | None = None
    for node in trace.nodes:
        value = getattr(node.reading, what)
        if not isinstance(value, str) or _is_nothing(value):
            continue
        place = (_depth(node), node.start_ns, node.span.span_id)
        if best is None or place < best:
            best, found = place, value
    return found


def _is_nothing(name: str) -> bool:
    return not name or name.startswith(_SCRUBBED) or wholly_redacted(name) is not None


def _depth(node: Node) -> int:
    depth = 0
    while node.above is not None:
        node, depth = node.above, depth + 1
    return depth


def grouped(traces: Sequence[Trace], naming: Naming) -> list[tuple[str | None, list[Trace]]]:
    """Conversations: the session where one is named, and the traces by time; in the order of their first spans."""
    by_session: dict[tuple[str, str], list[Trace]] = {}
    alone: list[Trace] = []
    for trace in sorted(traces, key=_begin):
        session = session_of(trace, naming)
        if session is None:
            alone.append(trace)
        else:
            by_session.setdefault((trace.service, session), []).append(trace)
    groups: list[tuple[str | None, list[Trace]]] = [(session, some) for (_, session), some in by_session.items()]
    groups += [(None, some) for some in _going_on(alone)]
    return _seeing_the_same(sorted(groups, key=lambda group: _begin(group[1][0])))


def _seeing_the_same(groups: list[tuple[str | None, list[Trace]]]) -> list[tuple[str | None, list[Trace]]]:
    """Groups in which one model call was seen made one: the first session that is named is theirs."""
    parts = [[place] for place in range(len(groups))]
    for a, b in shared_calls([[node for trace in some for node in trace.nodes] for _, some in groups]):
        if parts[a] is not parts[b]:
            parts[a] += parts[b]
            for place in parts[b]:
                parts[place] = parts[a]
    return [_together([groups[place] for place in sorted(part)]) for part in _distinct(parts)]


def _distinct(parts: Iterable[list[int]]) -> list[list[int]]:
    return sorted({id(part): part for part in parts}.values(), key=min)


def _together(groups: Sequence[tuple[str | None, list[Trace]]]) -> tuple[str | None, list[Trace]]:
    session = next((session for session, _ in groups if session is not None), None)
    return session, sorted((trace for _, some in groups for trace in some), key=_begin)


def _begin(trace: Trace) -> tuple[int, str]:
    return trace.spans[0].start_ns, trace.id


# --- conversations without a name


def _going_on(traces: Sequence[Trace]) -> list[list[Trace]]:
    """Traces without a session, those together that go on from each other."""
    group_of: dict[str, list[Trace]] = {trace.id: [trace] for trace in traces}
    ends: dict[tuple[str, bytes], set[str]] = {}
    for trace in traces:
        calls = list(_calls(trace))
        earlier = _gone_on_from(trace, calls, ends)
        if earlier is not None:
            mine, theirs = group_of[trace.id], group_of[earlier]
            theirs += mine
            group_of.update((other.id, theirs) for other in mine)
        for call in calls:
            *_, last = (b"", *_answers((*call.messages, *call.output)))
            ends.setdefault((trace.service, last), set()).add(trace.id)
    unique = {id(group): group for group in group_of.values()}
    return [sorted(group, key=_begin) for group in unique.values()]


def _gone_on_from(trace: Trace, calls: Sequence[ModelCall], ends: Mapping[tuple[str, bytes], set[str]]) -> str | None:
    """The one earlier trace that a trace goes on from; where several could be meant, none is."""
    for answer in reversed(list(_answers(calls[0].messages))) if calls else ():
        found = ends.get((trace.service, answer), set())
        if len(found) == 1:
            return next(iter(found))
    return None


def _calls(trace: Trace) -> Iterator[ModelCall]:
    for node in sorted(trace.nodes, key=lambda node: (node.start_ns, node.span.span_id)):
        if isinstance(node.reading.content, ModelCall):
            yield node.reading.content


def _answers(messages: Sequence[Message]) -> Iterator[bytes]:
    """A digest of each thing that an assistant said or asked for, with all that users had said before it.

    What tools answered and was said in between is left out: a history often keeps the words alone.
    """
    users = hashlib.sha256()
    for message in messages:
        text = "\n".join(part.text.strip() for part in message.parts if isinstance(part, (TextPart, RefusalPart)))
        if message.role == "user" and text:
            users.update(repr(text).encode())
        elif message.role == "assistant":
            said = users.copy()
            asked = [(request.name, request.id or request.arguments) for request in message.requests]
            said.update(repr((text, asked)).encode())
            yield said.digest()
