"""A compiled graph in, the tools that it can call out: those of its tool nodes, sub-graphs too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from agenteval.agents.kinds import is_graph
from agenteval.core.trajectory import OfferedTool

_DEEPEST = 16


def tools_of(graph: Any) -> list[OfferedTool]:
    """The tools of a graph's `ToolNode`s, by name. A tool that a node calls by itself cannot be seen."""
    found: dict[str, OfferedTool] = {}
    for tool in _tools(graph, _DEEPEST):
        found.setdefault(tool.name, _offered(tool))
    return [found[name] for name in sorted(found)]


def _tools(graph: Any, depth: int) -> Iterator[Any]:
    nodes = cast("Mapping[str, Any]", getattr(graph, "nodes", {}))
    for node in nodes.values():
        inner = getattr(node, "bound", node)
        by_name = getattr(inner, "tools_by_name", None)
        if isinstance(by_name, Mapping):
            yield from cast("Mapping[str, Any]", by_name).values()
        for sub in getattr(node, "subgraphs", None) or ([inner] if is_graph(inner) else []):
            if depth > 0:
                yield from _tools(sub, depth - 1)


def _offered(tool: Any) -> OfferedTool:
    schema: Any = tool.tool_call_schema
    parameters = cast("Any", schema) if isinstance(schema, dict) else schema.model_json_schema()
    return OfferedTool(name=str(tool.name), description=str(tool.description or ""), parameters=parameters)
