"""Nodes in, nodes where what two instrumentations saw side by side is one out; and the traces that saw the same calls.

A framework's instrumentation and that of its model client often know nothing of each other: the one that looks through
callbacks makes no span current, so that what the other sees lies beside it, or in traces of its own. Two views of one
call are of different instrumentations, lie over each other in time, and agree on what they name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from agenteval.core.message import Message, TextPart, ToolRequest, ToolResponse
from agenteval.core.trajectory import Handoff, ModelCall, ToolCall
from agenteval.telemetry.forest import Node, overlap, same, swallow
from agenteval.telemetry.likeness import same_arguments, same_call_id, same_tool


def one_each(nodes: Sequence[Node]) -> list[Node]:
    """Each call once: the view that began first stands for all, with what the others know besides."""
    if len({scope for node in nodes for scope in _scopes(node)}) < 2:
        return list(nodes)
    gone: set[int] = set()
    agents: list[tuple[Node, Node]] = []
    running: list[Node] = []
    calls = _by_time(node for node in nodes if node.reading.content is not None)
    alike = _Alike(calls)
    for node in calls:
        running = [other for other in running if other.end_ns >= node.start_ns]
        first = next((other for other in running if alike.same(other, node)), None)
        if first is None:
            running.append(node)
            continue
        above, below = first.nearest("agent"), node.nearest("agent")
        kept, other = (node, first) if above is None and below is not None else (first, node)
        if above is not None and below is not None:
            agents.append((above, below))
        swallow(kept, other)
        gone.add(id(other))
        running = [kept if one is first else one for one in running]
    for kept, other in agents:
        if id(kept) not in gone and id(other) not in gone and _one_agent(kept, other):
            swallow(kept, other)
            gone.add(id(other))
    return _nested_once(_without_empty([node for node in nodes if id(node) not in gone]))


def _one_agent(a: Node, b: Node) -> bool:
    """Whether two agents beneath which one call was seen are one: they have one name, or one holds nothing else."""
    if a is b or not _apart(a, b):
        return False
    return a.reading.agent == b.reading.agent or not b.beneath


def _without_empty(nodes: list[Node]) -> list[Node]:
    """Nodes without the agents that hold nothing any more, where another view of the same agent holds it."""
    left = nodes
    while True:
        agents = [node for node in left if node.reading.kind == "agent"]
        pairs = ((kept, other) for other in agents if not other.beneath for kept in agents if _holds(kept, other))
        kept, other = next(pairs, (None, None))
        if kept is None or other is None:
            return left
        swallow(kept, other)
        left = [node for node in left if node is not other]


def _holds(kept: Node, other: Node) -> bool:
    same_name = kept is not other and kept.reading.agent == other.reading.agent and bool(kept.beneath)
    return same_name and overlap(kept, other) and not (_scopes(kept) & _scopes(other))


def _by_time(nodes: Iterable[Node]) -> list[Node]:
    return sorted(nodes, key=lambda node: (node.start_ns, -node.end_ns, node.span.span_id))


def _nested_once(nodes: list[Node]) -> list[Node]:
    """Nodes without the agents that are all that another view of the same agent holds."""
    gone: set[int] = set()
    for node in reversed(nodes):
        above = node.above
        if node.reading.kind == "agent" and above is not None and same(above, node):
            swallow(above, node)
            gone.add(id(node))
    return [node for node in nodes if id(node) not in gone]


def _same_call(a: ToolCall, b: ToolCall) -> bool:
    if not same_tool(a.name, b.name):
        return False
    if a.call_id is not None and b.call_id is not None:
        return same_call_id(a.call_id, b.call_id)
    return same_arguments(a.arguments, b.arguments)


def _apart(a: Node, b: Node) -> bool:
    """Whether two nodes are of different instrumentations, and neither lies beneath the other."""
    return not _scopes(a) & _scopes(b) and not _beneath(a, b) and not _beneath(b, a)


def _beneath(node: Node, other: Node) -> bool:
    here = node.above
    while here is not None and here is not other:
        here = here.above
    return here is not None


def _scopes(node: Node) -> set[str]:
    return {str(span.scope.get("name")) for span in (node.span, *node.twins)}


class _Alike:
    """Tells two views of one call.

    Args:
        nodes: All that are looked at.
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        models = [node for node in nodes if isinstance(node.reading.content, ModelCall)]
        self._names = {id(node): _names(node) for node in models}
        if not all(self._names.values()):  # one that says nothing of its answer is known by what it read
            for node in models:
                self._names[id(node)] |= _heard(node)

    def names(self, node: Node) -> set[tuple[object, ...]]:
        """What a model call is known by: the provider's id of the answer, what it asks for or says, what was read."""
        return self._names[id(node)]

    def same(self, a: Node, b: Node) -> bool:
        """Whether two nodes are two views of one call."""
        first, second = a.reading.content, b.reading.content
        if a.reading.carried or b.reading.carried or not _apart(a, b):
            return False
        if isinstance(first, ModelCall) and isinstance(second, ModelCall):
            ids = {a.reading.response_id, b.reading.response_id} - {None}
            return len(ids) < 2 and bool(self.names(a) & self.names(b))
        if isinstance(first, Handoff) and isinstance(second, Handoff):
            return first.target == second.target or bool(_UNKNOWN & {first.target, second.target})
        return isinstance(first, ToolCall) and isinstance(second, ToolCall) and _same_call(first, second)


_UNKNOWN = frozenset({"", "unknown"})  # where an instrumentation does not know whom


def _names(node: Node) -> set[tuple[object, ...]]:
    content, answer = node.reading.content, node.reading.response_id
    names: set[tuple[object, ...]] = {("answer", answer)} if answer else set()
    if not isinstance(content, ModelCall):
        return names
    asked = [request.id for request in content.requests if request.id]
    if asked and len(asked) == len(content.requests):
        names.add(("asks", *asked))
    words = " ".join(message.text for message in content.output).split()
    if words and not content.requests and content.usage is not None and content.usage.tokens is not None:
        names.add(("says", *words, content.usage.input_tokens, content.usage.output_tokens))
    return names


def _heard(node: Node) -> set[tuple[object, ...]]:
    """How much a model call read, and the last of it: histories are long, and repeat each other."""
    content = node.reading.content
    heard = content.messages if isinstance(content, ModelCall) else ()
    told = [piece for message in heard if message.role != "system" for piece in _pieces(message)]
    return {("heard", len(told), *(" ".join(piece.split()) for piece in told[-2:]))} if told else set()


def _pieces(message: Message) -> Iterator[str]:
    for part in message.parts:
        if isinstance(part, TextPart):
            yield part.text
        elif isinstance(part, (ToolRequest, ToolResponse)):
            yield part.id or ""


def shared_calls(groups: Sequence[Iterable[Node]]) -> Iterator[tuple[int, int]]:
    """Pairs of places of groups in which one model call was seen."""
    place_of = {id(node): place for place, nodes in enumerate(groups) for node in nodes if node.reading.kind == "model"}
    calls = _by_time(node for nodes in groups for node in nodes if id(node) in place_of)
    if len({scope for node in calls for scope in _scopes(node)}) < 2:
        return
    alike = _Alike(calls)
    running: dict[tuple[object, ...], list[Node]] = {}
    for node in calls:
        for name in alike.names(node):
            others = [other for other in running.get(name, ()) if other.end_ns >= node.start_ns]
            twins = [other for other in others if alike.same(other, node)]
            yield from ((place_of[id(other)], place_of[id(node)]) for other in twins)
            running[name] = [*others, node]
