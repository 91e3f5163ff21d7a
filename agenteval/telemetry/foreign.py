"""Spans and log records of any known producer in, trajectories out: one a conversation.

A pure function of the set of spans and log records: their order, how they were split into requests and how often each
came make no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from agenteval._util.ids import derived
from agenteval.core import semconv
from agenteval.core.json import Json
from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import AgentRun, End, Handoff, Integrity, ModelCall, ToolCall, Trajectory, Usage
from agenteval.telemetry import redacted
from agenteval.telemetry.asking import pair
from agenteval.telemetry.clocks import on_one_clock
from agenteval.telemetry.conversations import Naming, Trace, grouped, named, user_of
from agenteval.telemetry.drafts import ASKED, CALLED, HANDED, Draft, in_order
from agenteval.telemetry.forest import Node, nodes_of
from agenteval.telemetry.likeness import handed_to, transfer_target
from agenteval.telemetry.remembering import one_assembly
from agenteval.telemetry.structure import distinct, integrity_of, least, parents_of
from agenteval.telemetry.talk import messages_of
from agenteval.telemetry.twice import one_each

SOURCE = "trace"
"""What `agenteval.source` says of a trajectory that was made of another producer's spans."""


def trajectories_of(
    spans: Iterable[Span], logs: Iterable[LogRecord], *, naming: Naming, conflicts: int = 0
) -> list[Trajectory]:
    """The conversations of foreign spans, in the order of their first spans.

    Args:
        spans: Every span in hand.
        logs: Every log record in hand; those of no span say nothing.
        naming: Which attributes name session, user, version and tenant.
        conflicts: Spans that a store refused because their id was taken by different content.
    """
    with one_assembly():
        traces = read_traces(spans, logs)
        return [_trajectory(session, some, naming, conflicts) for session, some in grouped(traces, naming)]


def calls_of(spans: Sequence[Span], parents: Mapping[str, Span]) -> list[Draft]:
    """Model calls, tool calls and hand-offs that other producers' spans of one of our traces tell of."""
    nodes = one_each(nodes_of(spans, parents, ()))
    drafts = [draft for node in nodes if (draft := _draft(node, _scope(node))) is not None]
    return drafts + pair(drafts)


def read_traces(spans: Iterable[Span], logs: Iterable[LogRecord]) -> list[Trace]:
    """Each trace, with what its spans say."""
    return [_trace(some, of_trace) for some, of_trace in by_trace(spans, logs)]


def by_trace(spans: Iterable[Span], logs: Iterable[LogRecord]) -> Iterator[tuple[list[Span], list[LogRecord]]]:
    """The spans of each trace, as they came, with its log records, each once; in the order of trace ids."""
    spans_of: dict[str, list[Span]] = {}
    for span in spans:
        spans_of.setdefault(span.trace_id, []).append(span)
    logs_of: dict[str, list[LogRecord]] = {}
    for log in logs:
        logs_of.setdefault(log.trace_id, []).append(log)
    for name in sorted(spans_of):
        yield spans_of[name], _once(logs_of.get(name, ()))


def _once(logs: Sequence[LogRecord]) -> list[LogRecord]:
    """Each log record once: a sender that repeats a request repeats all that it holds."""
    alike: dict[tuple[str, int, int, str], list[LogRecord]] = {}
    for log in logs:
        alike.setdefault((log.span_id, log.at_ns, log.observed_ns, log.name), []).append(log)
    return [log for some in alike.values() for log in (_unequal(some) if len(some) > 1 else some)]


def _unequal(logs: Sequence[LogRecord]) -> list[LogRecord]:
    kept: list[LogRecord] = []
    for log in logs:
        if log not in kept:
            kept.append(log)
    return kept


def _trace(spans: Sequence[Span], logs: Sequence[LogRecord]) -> Trace:
    unique, repeated = distinct(spans)
    parents = parents_of(unique)
    integrity = integrity_of(unique, parents, repeated)
    if (moved := on_one_clock(unique, parents)) is not unique:
        unique, parents = moved, parents_of(moved)
    nodes = nodes_of(unique, parents, logs)
    gone = redacted.is_content_gone([*unique, *logs])
    return Trace(id=unique[0].trace_id, spans=unique, nodes=nodes, integrity=integrity, content_gone=gone)


def _trajectory(session: str | None, traces: Sequence[Trace], naming: Naming, conflicts: int) -> Trajectory:
    nodes = one_each([node for trace in traces for node in trace.nodes])
    drafts = _drafts(nodes)
    content_gone = any(trace.content_gone for trace in traces)
    for draft in drafts:
        redacted.note(draft, content_gone=content_gone)
    steps = tuple(draft.step(index) for index, draft in enumerate(in_order(drafts)))
    calls = [step.content for step in steps if isinstance(step.content, ModelCall)]
    runs = _runs(nodes)
    names = {tool.name for call in calls for tool in call.offered_tools}
    names |= {tool.name for node in nodes for tool in node.reading.offered}
    return Trajectory(
        id=_id(session, traces),
        conversation_id=session,
        trace_ids=tuple(trace.id for trace in traces),
        agent=next((run.name for run in runs if run.parent is None and run.name), None),
        runs=runs,
        steps=steps,
        integrity=_integrity(traces, conflicts),
        usage=_usage(nodes, calls),
        end=_end(traces),
        offered_tools=tuple(sorted(names)) if names else None,
        attributes=_attributes(traces, naming),
    )


def _id(session: str | None, traces: Sequence[Trace]) -> str:
    """A trace's own id where it stands alone; else one that stays as the conversation goes on."""
    if session is not None:
        return derived("conversation", traces[0].service, session)
    return traces[0].id


def _drafts(nodes: Sequence[Node]) -> list[Draft]:
    scope_of = {id(node): _scope(node) for node in nodes}
    drafts = [draft for node in nodes if (draft := _draft(node, scope_of[id(node)])) is not None]
    drafts += pair(drafts)
    agents = sorted(
        (node for node in nodes if node.reading.kind == "agent"), key=lambda node: (node.start_ns, node.span.span_id)
    )
    models = [draft for draft in drafts if isinstance(draft.content, ModelCall)]
    return drafts + messages_of(agents, models, scope_of)


def _scope(node: Node) -> str:
    tool = node.nearest("tool")
    return "" if tool is None else tool.span.span_id


def _draft(node: Node, scope: str) -> Draft | None:
    reading = node.reading
    content = reading.content
    if content is None:
        return None
    if isinstance(content, ToolCall) and (target := transfer_target(content.name)) is not None:
        content = Handoff(target=handed_to(target, content.arguments))
    run = node if reading.kind == "agent" else node.nearest("agent")
    return Draft(
        id=node.span.span_id,
        content=content,
        start_ns=node.start_ns,
        end_ns=node.span.end_ns,
        rank=ASKED if isinstance(content, ModelCall) else HANDED if isinstance(content, Handoff) else CALLED,
        node=node,
        run=None if run is None else run.span.span_id,
        scope=scope,
        missing=dict(reading.missing),
        truncated=reading.truncated,
    )


# --- around the steps


def _runs(nodes: Sequence[Node]) -> tuple[AgentRun, ...]:
    agents = sorted(
        (node for node in nodes if node.reading.kind == "agent"), key=lambda node: (node.start_ns, node.span.span_id)
    )
    return tuple(
        AgentRun(
            id=node.span.span_id,
            name=node.reading.agent or node.span.name,
            parent=None if (outer := node.nearest("agent")) is None else outer.span.span_id,
            started_by=None if (caller := node.nearest("tool")) is None else caller.span.span_id,
            start_ns=node.start_ns,
            end_ns=node.span.end_ns,
        )
        for node in agents
    )


def _usage(nodes: Sequence[Node], calls: Sequence[ModelCall]) -> Usage:
    """What the model calls used; what the outermost agents say they used, where no call beneath them says so."""
    total = sum((call.usage or Usage(unmeasured_calls=1) for call in calls), start=Usage())
    if total.tokens is not None:
        return total
    claimed = [node.reading.usage for node in nodes if node.reading.usage is not None and node.nearest("agent") is None]
    return sum(claimed, start=total)


def _integrity(traces: Sequence[Trace], conflicts: int) -> Integrity:
    parts = [trace.integrity for trace in traces]
    return Integrity(
        stored=sum(part.stored for part in parts),
        dropped=sum(part.dropped for part in parts),
        orphans=sum(part.orphans for part in parts),
        repeated=sum(part.repeated for part in parts) + conflicts,
        clock_skew_ns=max(part.clock_skew_ns for part in parts),
        sampled=least(part.sampled for part in parts),
    )


def _end(traces: Sequence[Trace]) -> End:
    """How the last root ended: an error is told, and nothing more is known."""
    roots = [span for span in traces[-1].spans if span.parent_id is None]
    failed = next((span for span in reversed(roots) if span.status.code == _ERROR), None)
    return End() if failed is None else End(reason="agent_error", detail=failed.status.message or None)


_ERROR = 2


def _attributes(traces: Sequence[Trace], naming: Naming) -> dict[str, Json]:
    dialects = sorted({node.reading.dialect for trace in traces for node in trace.nodes})
    told: Mapping[str, Json] = {
        semconv.SOURCE: SOURCE,
        semconv.DIALECTS: dialects,
        semconv.SERVICE: traces[0].service or None,
        semconv.USER: next((user for trace in traces if (user := user_of(trace, naming))), None),
        semconv.VERSION: named(traces[0], naming.version),
        semconv.TENANT: named(traces[0], naming.tenant),
    }
    return {key: value for key, value in told.items() if value is not None}
