"""Spans of MCP clients and servers as readings: a `tools/call` is the call of a tool, every other method is plumbing.

One call makes up to three such spans (a client's, its transport's, the server's) and lies beneath the span of the agent
framework that made it, under a name that may have gained the server's: `carried` says so to the assembler. A server's
span that stands at the root says what some client asked for and not whose call it was; the caller's own record tells of
it. `mcp.session.id` is a connection and no conversation.

References:
    OpenTelemetry semantic conventions for MCP (repository semantic-conventions-genai); Sentry's MCP integrations
    (`mcp.request.argument.*`, `mcp.tool.result.*`); pydantic/logfire, `integrations/mcp.py` (`request`, `response`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from agenteval.core import semconv
from agenteval.core.json import Json, json_of
from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import ToolCall
from agenteval.telemetry.dialects import build, semconv_spans
from agenteval.telemetry.dialects.arguments import parsed
from agenteval.telemetry.dialects.build import Found
from agenteval.telemetry.dialects.held import Held, first_text, is_list, is_object, list_of, object_of, value_of
from agenteval.telemetry.dialects.reading import Reading

NAME = "mcp"

_METHOD = "mcp.method.name"
_CALL = "tools/call"
_SERVER = 2
_ARGUMENT = "mcp.request.argument."
_CONTENT = "mcp.tool.result.content"
_IS_ERROR = "mcp.tool.result.is_error"
_RESULTS = (semconv.TOOL_RESULT, _CONTENT, "response")
_LOGFIRE = ("MCP request", "MCP server handle request", "MCP client handle request")
_NAMES = (semconv.TOOL_NAME, "mcp.tool.name")
_ABOUT = ("mcp.", "jsonrpc.", "rpc.", "network.", "fastmcp.")
_WORDLESS = frozenset({None, "error", "tool_error"})
"""Errors that say no more than that there was one."""


def read(span: Span, children: Sequence[Span], logs: Sequence[LogRecord]) -> Reading | None:  # noqa: ARG001 (one signature for all dialects)
    """What a span of an MCP client or server says; None for any other."""
    request = _request(span)
    method = span.attributes.get(_METHOD) or request.get("method")
    if not isinstance(method, str):
        return None
    found = semconv_spans.opened(NAME, span, logs)
    found.held.uses_all(*_ABOUT)
    found.held.uses("request", "response")
    if method != _CALL or (span.parent_id is None and _is_servers(span)):
        return found.plumbing()
    return _call(found, request)


def _request(span: Span) -> Mapping[str, Any]:
    """The JSON-RPC request that Logfire writes down whole; empty on every other span."""
    return object_of(value_of(span.attributes.get("request"))) if span.name.startswith(_LOGFIRE) else {}


def _is_servers(span: Span) -> bool:
    return span.kind == _SERVER or span.name.startswith(_LOGFIRE[1])


def _call(found: Found, request: Mapping[str, Any]) -> Reading:
    held, asked = found.held, object_of(request.get("params"))
    answer = _answer(held)
    reading = build.tool(
        found,
        name=held.text(*_NAMES) or first_text(asked, "name") or _named(found.span.name),
        arguments=_arguments(held, asked),
        result=answer.value,
        call_id=held.text(semconv.TOOL_CALL_ID),
        error=_error(found, answer),
    )
    return replace(reading, carried=isinstance(reading.content, ToolCall) and reading.content.call_id is None)


def _named(name: str) -> str | None:
    """The tool that a span's name ends with: `tools/call weather`, with words before it in some SDKs."""
    _, method, tool = name.rpartition(_CALL)
    return (tool.strip() or None) if method else None


def _arguments(held: Held, asked: Mapping[str, Any]) -> object:
    """The convention's attribute, or arguments one an attribute, each as JSON, or those of the request."""
    whole = held.raw(semconv.TOOL_ARGUMENTS)
    if whole is not None:
        return whole
    return {name: _decoded(value) for name, value in held.under(_ARGUMENT).items()} or asked.get("arguments")


def _decoded(written: object) -> Json:
    try:
        value: object = json.loads(written) if isinstance(written, str) else written
    except (ValueError, RecursionError):
        value = written
    return cast("Json", json_of(value))


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a tool answered; `failed` where it says of itself that it is an error."""

    value: Json = None
    failed: bool = False


def _answer(held: Held) -> _Answer:
    written = next((value for name in _RESULTS if (value := held.raw(name)) is not None), None)
    marked = held.raw(_IS_ERROR)
    failed = marked is True or marked == "true"
    value = value_of(written)
    members = object_of(value)
    if is_list(members.get("content")):
        return _unpacked(members, failed=failed)
    return _Answer(_text_of(value) if is_list(value) else value, failed)


def _unpacked(members: Mapping[str, Any], *, failed: bool) -> _Answer:
    """The value in a `CallToolResult`: its structured content, else its text."""
    failed = failed or members.get("isError") is True or members.get("is_error") is True
    told = _text_of(members["content"])
    whole = members.get("structuredContent", members.get("structured_content"))
    if failed or not is_object(whole):
        return _Answer(told, failed)
    if whole.keys() == {"result"} and parsed(told).value == whole["result"]:
        return _Answer(whole["result"])  # servers put an object around what is none
    return _Answer(cast("Json", dict(whole)))


def _text_of(content: object) -> Json:
    """The text blocks of an answer, together; the blocks themselves where one is no text."""
    blocks = [object_of(block) for block in list_of(content)]
    texts = [text for block in blocks if isinstance(text := block.get("text"), str)]
    return "\n".join(texts) if texts and len(texts) == len(blocks) else cast("Json", list(list_of(content)))


def _error(found: Found, answer: _Answer) -> str | None:
    """The words of a call's error: those of the answer where the span says no more than that there was one."""
    error = semconv_spans.error_in(found)
    if error is None and not answer.failed:
        return None
    said = answer.value if answer.failed and isinstance(answer.value, str) else None
    return (said or error or "error") if error in _WORDLESS else error
