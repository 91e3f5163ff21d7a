"""A message as LangChain serialises it in, the same message in the chat form out.

Three forms are about: `{"lc": 1, "type": "constructor", "id": [..., "AIMessage"], "kwargs": {...}}`,
`{"type": "ai", "data": {...}}`, and the flat `{"type": "ai", "content": ...}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agenteval.telemetry.dialects.arguments import literal
from agenteval.telemetry.dialects.held import first_text, is_list, list_of, object_of

_KINDS = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool", "function": "tool"}
_ROLES = {
    f"{kind}{ending}": role for kind, role in _KINDS.items() for ending in ("", "message", "messagechunk", "chunk")
}


_NODES = frozenset({"agent", "call_model", "model", "tools", "action"})
_HOOKS = (".before_agent", ".after_agent", ".before_model", ".after_model", ".wrap_model_call", ".wrap_tool_call")


def is_node(name: str, node: object) -> bool:
    """Whether a run is a step of an agent's own graph, or a hook of its middleware, and no agent.

    Instrumentations call every run an agent that has the word in its name.

    Args:
        name: Of the run.
        node: `langgraph_node` of its metadata.
    """
    return name.endswith(_HOOKS) or (name in _NODES and node == name)


def is_agent(name: str, metadata: Mapping[str, Any]) -> bool:
    """Whether a chain is an agent's whole run: LangChain names it so, or it is a nameless graph that none other ran."""
    named, node = metadata.get("lc_agent_name"), metadata.get("langgraph_node")
    return (named == name and not is_node(name, node)) or (name == "LangGraph" and node is None)


def fields_of(value: object) -> Mapping[str, Any] | None:
    """The fields of a serialised LangChain message, its kind as `type`; None where it is none."""
    message = object_of(value)
    if message.get("lc") is not None and message.get("type") == "constructor":
        names = list_of(message.get("id"))
        fields = object_of(message.get("kwargs"))
        kind = first_text(fields, "type") or (str(names[-1]) if names else "")
        return {**fields, "type": kind} if kind.lower() in _ROLES else None
    kind = message.get("type")
    if not isinstance(kind, str) or kind.lower() not in _ROLES:
        return None
    data = object_of(message.get("data"))
    if data:
        return {**data, "type": kind}
    return message if "content" in message else None


def chat_of(value: object) -> Mapping[str, Any] | None:
    """A serialised LangChain message in the chat form: role, content, tool calls; None where it is none."""
    fields = fields_of(value)
    if fields is None:
        return None
    extra = object_of(fields.get("additional_kwargs"))
    calls = list_of(fields.get("tool_calls")) or list_of(extra.get("tool_calls"))
    invalid = list_of(fields.get("invalid_tool_calls"))
    return {
        "role": _ROLES[str(fields["type"]).lower()],
        "content": fields.get("content"),
        "tool_calls": [*calls, *invalid],
        "function_call": extra.get("function_call"),
        "tool_call_id": fields.get("tool_call_id"),
        "refusal": extra.get("refusal"),
        "reasoning_content": extra.get("reasoning_content"),
    }


def tool_message(value: object) -> Mapping[str, Any] | None:
    """The fields of the tool message that a tool's output is or holds; None where it holds none.

    A tool that steers the graph answers with a command whose `update` holds the message.
    """
    fields = fields_of(value)
    if fields is not None:
        return fields if _ROLES[str(fields["type"]).lower()] == "tool" else None
    if isinstance(value, str):
        return _written(value)
    members = object_of(value)
    for inner in (members.get("output"), object_of(members.get("update")).get("messages"), members.get("messages")):
        for item in inner if is_list(inner) else [inner]:
            found = _written(item) if isinstance(item, str) else fields_of(item)
            if found is not None and _ROLES[str(found["type"]).lower()] == "tool":
                return found
    return None


_CONTENT = re.compile(r"""content=('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*") """, re.DOTALL)
_CALL_ID = re.compile(r" tool_call_id='([^'\\]{1,256})'")


def _written(text: str) -> Mapping[str, Any] | None:
    """The fields of a tool message that Python wrote as text, as earlier instrumentations do; None where it is none."""
    found = _CONTENT.match(text)
    call_id = None if found is None else _CALL_ID.search(text, found.end() - 1)
    content = None if found is None else literal(f"[{found[1]}]")
    if call_id is None or not is_list(content):
        return None
    status = "error" if " status='error'" in text[call_id.end() :] else "success"
    return {"type": "tool", "content": list_of(content)[0], "tool_call_id": call_id[1], "status": status}
