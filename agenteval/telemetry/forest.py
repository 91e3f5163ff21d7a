"""Spans and log records in, what each says and what lies beneath it out: a forest of nodes that make steps.

Plumbing (spans that no dialect knows, and spans that say nothing) is passed over: what lies beneath it hangs from the
nearest node above. Two spans that saw the same thing become one node.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import ModelCall, ToolCall, Usage
from agenteval.telemetry.dialects import DIALECTS, claude_code
from agenteval.telemetry.dialects.reading import Reading
from agenteval.telemetry.likeness import is_prefixed, same_arguments, same_tool


@dataclass(eq=False, slots=True)
class Node:
    """A span that says something.

    Attributes:
        reading: What it says, with what the spans in `twins` say besides.
        above: The nearest node above; None for a root.
        beneath: The nodes for which this is the nearest one above, by start time.
        twins: Other spans that saw the same.
        carries: Whether one of them is a protocol's that carried the call.
    """

    span: Span
    reading: Reading
    above: Node | None = None
    beneath: list[Node] = field(default_factory=list["Node"])
    twins: list[Span] = field(default_factory=list[Span])
    carries: bool = False

    @property
    def start_ns(self) -> int:
        """When it began."""
        return self.span.start_ns

    @property
    def end_ns(self) -> int:
        """When it ended; its start where it never did."""
        return max(self.span.end_ns, self.span.start_ns)

    @property
    def span_ids(self) -> tuple[str, ...]:
        """The span that it was read from, and its twins."""
        return (self.span.span_id, *[twin.span_id for twin in self.twins])

    def nearest(self, kind: str) -> Node | None:
        """The nearest node above of a kind."""
        here = self.above
        while here is not None and here.reading.kind != kind:
            here = here.above
        return here


def nodes_of(spans: Sequence[Span], parents: Mapping[str, Span], logs: Iterable[LogRecord]) -> list[Node]:
    """The nodes of one trace, by start time, doubled ones made one.

    Args:
        spans: Every span of the trace, once, by start time.
        parents: Span id to the span above, where that is in hand.
        logs: Log records of the trace.
    """
    readings = _read(spans, parents, logs)
    nodes = {span.span_id: Node(span, reading) for span in spans if (reading := readings[span.span_id]) is not None}
    for node in nodes.values():
        node.above = _above(node.span, parents, nodes)
        if node.above is not None:
            node.above.beneath.append(node)
    return _without_doubles(list(nodes.values()))


def readings_of(
    spans: Sequence[Span], parents: Mapping[str, Span], logs: Iterable[LogRecord]
) -> dict[str, Reading | None]:
    """Span id to what the first dialect that knows the span makes of it, plumbing included."""
    beneath: dict[str, list[Span]] = {}
    for span in spans:
        if span.span_id in parents:
            beneath.setdefault(parents[span.span_id].span_id, []).append(span)
    of_span: dict[str, list[LogRecord]] = {}
    for log in _by_time(claude_code.rejoined(spans, list(logs))):
        of_span.setdefault(log.span_id, []).append(log)
    return {span.span_id: _first(span, beneath.get(span.span_id, ()), of_span.get(span.span_id, ())) for span in spans}


def _by_time(logs: Iterable[LogRecord]) -> Iterator[LogRecord]:
    """Log records by time; those of one moment by what they say, so that their order does not depend on arrival."""
    for _, together in itertools.groupby(sorted(logs, key=_moment), key=_moment):
        some = list(together)
        yield from sorted(some, key=repr) if len(some) > 1 else some


def _moment(log: LogRecord) -> tuple[int, str, str]:
    return log.at_ns or log.observed_ns, log.span_id, log.name


def _read(spans: Sequence[Span], parents: Mapping[str, Span], logs: Iterable[LogRecord]) -> dict[str, Reading | None]:
    found = readings_of(spans, parents, logs)
    return {name: None if reading is None or reading.kind == "plumbing" else reading for name, reading in found.items()}


def _first(span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading | None:
    for dialect in DIALECTS:
        reading = dialect.read(span, children, logs)
        if reading is not None:
            return reading
    return None


def _above(span: Span, parents: Mapping[str, Span], nodes: Mapping[str, Node]) -> Node | None:
    here = parents.get(span.span_id)
    while here is not None and here.span_id not in nodes:
        here = parents.get(here.span_id)
    return None if here is None else nodes[here.span_id]


# --- doubles


def _without_doubles(nodes: list[Node]) -> list[Node]:
    gone: set[int] = set()
    for node in reversed(nodes):  # the innermost first: a chain of three becomes one
        outer = node.above
        if outer is None or id(outer) in gone:
            continue
        if _is_summary(outer, node):
            continue
        if same(outer, node):
            swallow(outer, node)
            gone.add(id(node))
    for node in nodes:
        if id(node) not in gone and node.reading.kind == "model" and _sums_up(node):
            _dissolve(node)
            gone.add(id(node))
    rest = [node for node in nodes if id(node) not in gone]
    return _without_carried(_without_sibling_doubles(rest))


def _models_beneath(node: Node) -> Iterator[Node]:
    """The nearest model calls beneath, but those of tools and agents: who calls these may wrap what they do."""
    return (child for child in node.beneath if child.reading.kind == "model")


def _works(node: Node) -> bool:
    """Whether a model is at work somewhere beneath."""
    return any(child.reading.kind == "model" or _works(child) for child in node.beneath)


def _is_summary(outer: Node, inner: Node) -> bool:
    """Whether a model call stands over several: then it is none itself."""
    return outer.reading.kind == "model" == inner.reading.kind and len(list(_models_beneath(outer))) > 1


def _sums_up(node: Node) -> bool:
    beneath = list(_models_beneath(node))
    return bool(beneath) and (node.reading.not_measured or len(beneath) > 1)


def same(outer: Node, inner: Node) -> bool:
    """Whether a node and one right beneath it are two views of one thing."""
    if outer.reading.kind != inner.reading.kind:
        return False
    if outer.reading.kind == "agent":
        return len(outer.beneath) == 1 and _same_agent(outer.reading.agent, inner.reading.agent)
    a, b = outer.reading.content, inner.reading.content
    if isinstance(a, ModelCall) and isinstance(b, ModelCall):
        ids = {outer.reading.response_id, inner.reading.response_id} - {None}
        return len(ids) < 2
    if isinstance(a, ToolCall) and isinstance(b, ToolCall):
        return _same_call(a, b, carried=inner.reading.carried)
    return a == b


def _same_agent(outer: str | None, inner: str | None) -> bool:
    return outer is None or inner is None or outer == inner


def _same_call(a: ToolCall, b: ToolCall, *, carried: bool = False) -> bool:
    if not same_tool(a.name, b.name) and not (carried and is_prefixed(a.name, b.name)):
        return False
    if a.call_id is not None and b.call_id is not None:
        return a.call_id == b.call_id
    return a.arguments is None or b.arguments is None or a.arguments == b.arguments


def _without_sibling_doubles(nodes: list[Node]) -> list[Node]:
    """Nodes where spans that lie side by side and name the same response, or the same call, are one."""
    by_name: dict[tuple[str, str], Node] = {}
    rest: list[Node] = []
    for node in nodes:
        name = _own_id(node)
        first = None if name is None else by_name.get(name)
        if first is not None and same(first, node) and overlap(first, node):
            swallow(first, node)
            continue
        if name is not None:
            by_name[name] = node
        rest.append(node)
    return rest


def _without_carried(nodes: list[Node]) -> list[Node]:
    """Nodes without the calls that a protocol carried, where the calls that it carried are there.

    A client's and a server's spans of one call are one also where no agent's is there. Beneath a call of another name,
    what was carried is the tool's own doing, unless a model works there. Where the protocol's spans do not hang from
    those of the calls, each call is taken once.
    """
    free = [node for node in nodes if isinstance(node.reading.content, ToolCall) and not node.reading.carried]
    clients: list[Node] = []
    gone: set[int] = set()
    for node in nodes:
        if not node.reading.carried:
            continue
        others = [client for client in clients if client.span.parent_id != node.span.parent_id]
        if node.above is not None and node.above.reading.kind == "tool" and not _works(node.above):
            node.above.twins += [node.span, *node.twins]
            _dissolve(node, into=node.above)
        elif (caller := _caller(node, free)) is not None:
            free.remove(caller)
            swallow(caller, node)
        elif (client := _caller(node, others)) is not None:
            clients.remove(client)
            swallow(client, node)
        else:
            clients.append(node)
            continue
        gone.add(id(node))
    return [node for node in nodes if id(node) not in gone]


def _caller(carried: Node, calls: Sequence[Node]) -> Node | None:
    """The call that a protocol carried: it has its name, and began before and ended after it."""
    content = cast("ToolCall", carried.reading.content)

    def likeness(node: Node) -> tuple[bool, int]:
        return same_arguments(cast("ToolCall", node.reading.content).arguments, content.arguments), node.start_ns

    around = [
        node
        for node in calls
        if node.start_ns <= carried.start_ns
        and carried.end_ns <= node.end_ns
        and _same_call(cast("ToolCall", node.reading.content), content, carried=True)
    ]
    return max(around, key=likeness, default=None)


def _own_id(node: Node) -> tuple[str, str] | None:
    content = node.reading.content
    if isinstance(content, ModelCall) and node.reading.response_id:
        return "model", node.reading.response_id
    if isinstance(content, ToolCall) and content.call_id:
        return "tool", content.call_id
    return None


def overlap(a: Node, b: Node) -> bool:
    """Whether two nodes were at work at the same time."""
    return a.start_ns <= b.end_ns and b.start_ns <= a.end_ns


def swallow(kept: Node, other: Node) -> None:
    """Let one node stand for two."""
    kept.twins += [other.span, *other.twins]
    kept.reading = _both(kept.reading, _last_attempt(kept, other))
    kept.carries |= other.reading.carried
    _dissolve(other, into=kept)


def _last_attempt(kept: Node, other: Node) -> Reading:
    """What another view says; of a call that was carried several times, the last to begin says how it ended."""
    reading = other.reading
    if not (kept.carries and reading.carried and isinstance(reading.content, ToolCall)):
        return reading
    content = replace(reading.content, result=None, error=None, status="unknown")
    unknown = dict.fromkeys(("result", "status"), "not_sent: a later attempt says it")
    return replace(reading, content=content, missing={**unknown, **reading.missing})


def _dissolve(node: Node, *, into: Node | None = None) -> None:
    """Take a node out; what lay beneath it hangs from the one that takes its place."""
    if into is not None:
        _lift(into, over=node)
    target = into or node.above
    for child in node.beneath:
        child.above = target
    if node.above is not None:
        node.above.beneath = [child for child in node.above.beneath if child is not node]
    if target is not None:
        target.beneath = _in_time({*target.beneath, *node.beneath})


def _lift(node: Node, *, over: Node) -> None:
    """Hang a node that lies anywhere beneath another, as clocks that disagree have it, beside that one."""
    here = node.above
    while here is not None and here is not over:
        here = here.above
    if here is None or node.above is None:
        return
    node.above.beneath = [child for child in node.above.beneath if child is not node]
    node.above = over.above
    if over.above is not None:
        over.above.beneath = _in_time([*over.above.beneath, node])


def _in_time(nodes: Iterable[Node]) -> list[Node]:
    return sorted(nodes, key=lambda node: (node.start_ns, node.span.span_id))


def _both(outer: Reading, inner: Reading) -> Reading:
    """What two views of one thing say together; where both say something, the inner one is nearer to it."""
    a, b = outer.content, inner.content
    content, missing = a, dict(outer.missing)
    if isinstance(a, ModelCall) and isinstance(b, ModelCall):
        content = _one_model_call(a, b)
    elif isinstance(a, ToolCall) and isinstance(b, ToolCall):
        content = _one_tool_call(outer, inner)
    elif b is not None and a is None:
        content, missing = b, dict(inner.missing)
    missing = {name: why for name, why in missing.items() if name in inner.missing or not _has(inner, name)}
    if isinstance(content, ToolCall) and content.error is not None:
        missing = {name: why for name, why in missing.items() if name not in {"result", "status"}}
    return replace(
        outer,
        dialect=outer.dialect if outer.dialect == inner.dialect else f"{outer.dialect}+{inner.dialect}",
        content=content,
        missing=missing,
        truncated=tuple(sorted({*outer.truncated} & {*inner.truncated})),
        agent=outer.agent or inner.agent,
        heard=outer.heard or inner.heard,
        said=outer.said or inner.said,
        usage=outer.usage or inner.usage,
        offered=outer.offered or inner.offered,
        response_id=inner.response_id or outer.response_id,
        delta=outer.delta and inner.delta,
        session=outer.session or inner.session,
        user=outer.user or inner.user,
        not_measured=outer.not_measured and inner.not_measured,
        carried=outer.carried and inner.carried,
        understood=outer.understood | inner.understood,
    )


def _has(reading: Reading, name: str) -> bool:
    """Whether a view carries a field that another lacks."""
    content = reading.content
    if name == "status":
        return isinstance(content, ToolCall) and content.status != "unknown"
    return content is not None and getattr(content, name, None) not in (None, ())


def _one_model_call(outer: ModelCall, inner: ModelCall) -> ModelCall:
    requests = inner.requests or outer.requests
    return ModelCall(
        model=inner.model or outer.model,
        messages=inner.messages if len(inner.messages) >= len(outer.messages) else outer.messages,
        offered_tools=inner.offered_tools or outer.offered_tools,
        output=inner.output if inner.output and (inner.requests == requests) else outer.output or inner.output,
        requests=requests,
        usage=_fuller(inner.usage, outer.usage),
        finish=inner.finish or outer.finish,
        error=outer.error or inner.error,
    )


def _fuller(inner: Usage | None, outer: Usage | None) -> Usage | None:
    if inner is None or (inner.tokens is None and outer is not None and outer.tokens is not None):
        return outer
    if outer is None:
        return inner
    names = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens", "cost_usd")
    known = {name: value for name in names if (value := getattr(outer, name)) is not None}
    return replace(inner, **{name: value for name, value in known.items() if getattr(inner, name) is None})


def _told(outer: ToolCall, inner: ToolCall) -> str | None:
    """The error of an inner view; in the words that the agent was given where it has none of its own."""
    wordless = inner.error in {"error", "tool_error"}
    return outer.result if wordless and isinstance(outer.result, str) and outer.result else inner.error


def _one_tool_call(outer: Reading, inner: Reading) -> ToolCall:
    a, b = cast("ToolCall", outer.content), cast("ToolCall", inner.content)
    error = a.error if a.error is not None else _told(a, b)
    result = b.result if "result" in outer.missing else a.result
    known = a.status if a.status != "unknown" else b.status
    return replace(
        a,
        arguments=b.arguments if "arguments" in outer.missing else a.arguments,
        result=None if error is not None else result,
        error=error,
        status="error" if error is not None else known,
        call_id=a.call_id or b.call_id,
    )
