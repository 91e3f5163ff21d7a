"""Nodes in, nodes where what two instrumentations saw side by side is one out; and the traces that saw the same calls.

A framework's instrumentation and that of its model client often know nothing of each other: the one that looks through
callbacks makes no span current, so that what the other sees lies beside it, or in traces of its own. Two views of one
call are of different instrumentations, lie over each other in time, and agree on what they name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from agenteval.core.trajectory import ModelCall, ToolCall
from agenteval.telemetry.forest import Node, overlap, same, swallow
from agenteval.telemetry.likeness import same_arguments, same_call_id, same_tool


def one_each(nodes: Sequence[Node]) -> list[Node]:
    """Each call once: the view that began first stands for all, with what the others know besides."""
    if len({scope for node in nodes for scope in _scopes(node)}) < 2:
        return list(nodes)
    gone: set[int] = set()
    agents: list[tuple[Node, Node]] = []
    running: list[Node] = []
    for node in _by_time(node for node in nodes if isinstance(node.reading.content, (ModelCall, ToolCall))):
        running = [other for other in running if other.end_ns >= node.start_ns]
        first = next((other for other in running if _same(other, node)), None)
        if first is None:
            running.append(node)
            continue
        above, below = first.nearest("agent"), node.nearest("agent")
        if above is not None and below is not None:
            agents.append((above, below))
        swallow(first, node)
        gone.add(id(node))
    rest = [node for node in nodes if id(node) not in gone]
    return _agents_once(rest, agents)


def _agents_once(nodes: list[Node], pairs: Iterable[tuple[Node, Node]]) -> list[Node]:
    """Nodes without the views of agents that hold nothing any more: another view of the same agent holds it all.

    Args:
        nodes: What is left.
        pairs: Views of agents, whatever their names, beneath which the same call was seen.
    """
    empty = [node for node in nodes if node.reading.kind == "agent" and not node.beneath]
    full = [node for node in nodes if node.reading.kind == "agent" and node.beneath] if empty else []
    namesakes = [(kept, other) for other in empty for kept in full if _namesakes(kept, other)]
    gone: set[int] = set()
    for kept, other in (*pairs, *namesakes):
        if id(other) in gone or id(kept) in gone or not _left_alone(kept, other):
            continue
        swallow(kept, other)
        gone.add(id(other))
        if kept.above is not None and same(kept.above, kept):
            gone.add(id(kept))
            swallow(kept.above, kept)
    return [node for node in nodes if id(node) not in gone]


def _namesakes(a: Node, b: Node) -> bool:
    return a.above is b.above and a.reading.agent == b.reading.agent


def _by_time(nodes: Iterable[Node]) -> list[Node]:
    return sorted(nodes, key=lambda node: (node.start_ns, -node.end_ns, node.span.span_id))


def _left_alone(kept: Node, other: Node) -> bool:
    """Whether all that an agent's view held was seen beneath another one's view of it."""
    return kept is not other and not other.beneath and not (_scopes(kept) & _scopes(other)) and overlap(kept, other)


def _same(a: Node, b: Node) -> bool:
    first, second = a.reading.content, b.reading.content
    if a.reading.kind != b.reading.kind or a.reading.carried or b.reading.carried or not _apart(a, b):
        return False
    if isinstance(first, ModelCall) and isinstance(second, ModelCall):
        return _agree(a, b)
    return isinstance(first, ToolCall) and isinstance(second, ToolCall) and _same_call(first, second)


def _same_call(a: ToolCall, b: ToolCall) -> bool:
    if not same_tool(a.name, b.name):
        return False
    if a.call_id is not None and b.call_id is not None:
        return same_call_id(a.call_id, b.call_id)
    return same_arguments(a.arguments, b.arguments)


def _apart(a: Node, b: Node) -> bool:
    """Whether two nodes are of different instrumentations, at the same time, and neither lies beneath the other."""
    return overlap(a, b) and not (_scopes(a) & _scopes(b)) and not _beneath(a, b) and not _beneath(b, a)


def _beneath(node: Node, other: Node) -> bool:
    here = node.above
    while here is not None and here is not other:
        here = here.above
    return here is not None


def _scopes(node: Node) -> set[str]:
    return {str(span.scope.get("name")) for span in (node.span, *node.twins)}


def _agree(a: Node, b: Node) -> bool:
    """Whether two views of model calls name the same answer: by the provider's id, else by what it asks for or says."""
    ids = {a.reading.response_id, b.reading.response_id} - {None}
    return len(ids) < 2 and bool(_names(a) & _names(b))


def _names(node: Node) -> set[tuple[object, ...]]:
    """What a provider called an answer, and all that it asks for; or its words and what they cost."""
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


def shared_calls(groups: Sequence[Iterable[Node]]) -> Iterator[tuple[int, int]]:
    """Pairs of places of groups in which one model call was seen."""
    place_of = {id(node): place for place, nodes in enumerate(groups) for node in nodes if node.reading.kind == "model"}
    running: dict[tuple[object, ...], list[Node]] = {}
    for node in _by_time(node for nodes in groups for node in nodes if id(node) in place_of):
        for name in _names(node):
            others = [other for other in running.get(name, ()) if other.end_ns >= node.start_ns]
            same = [other for other in others if _apart(other, node) and _agree(other, node)]
            yield from ((place_of[id(other)], place_of[id(node)]) for other in same)
            running[name] = [*others, node]
