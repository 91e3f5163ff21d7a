"""Spans of MCP clients and servers: what one says, and that a call seen by several of them is one call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agenteval.core.span import Span, SpanEvent, SpanStatus
from agenteval.core.trajectory import ToolCall, Trajectory
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.dialects import DIALECTS, mcp
from agenteval.telemetry.dialects.reading import Reading

CLIENT, SERVER = 3, 2


def span(name: str, attributes: dict[str, Any], **values: Any) -> Span:
    defaults: dict[str, Any] = {"span_id": "b" * 16, "parent_id": "a" * 16, "kind": CLIENT, "start_ns": 1, "end_ns": 5}
    return Span(trace_id="a" * 32, name=name, attributes=attributes, **{**defaults, **values})


def read(name: str, attributes: dict[str, Any], **values: Any) -> Reading:
    reading = mcp.read(span(name, attributes, **values), (), ())
    assert reading is not None
    return reading


def call(reading: Reading) -> ToolCall:
    assert isinstance(reading.content, ToolCall)
    return reading.content


# --- one span


def test_others_spans_are_not_ours() -> None:
    assert mcp.read(span("x", {}), (), ()) is None
    assert mcp.read(span("execute_tool look", {"gen_ai.operation.name": "execute_tool"}), (), ()) is None
    assert mcp.read(span("POST", {"request": '{"method": "tools/call", "params": {"name": "look"}}'}), (), ()) is None


@pytest.mark.parametrize("method", ["initialize", "tools/list", "server/discover", "resources/read", "notifications/x"])
def test_what_calls_no_tool_is_plumbing(method: str) -> None:
    reading = read(method, {"mcp.method.name": method, "gen_ai.conversation.id": "s-1"})
    assert (reading.kind, reading.content, reading.session) == ("plumbing", None, "s-1")


def test_a_call_by_the_convention() -> None:
    reading = read(
        "tools/call look",
        {
            "mcp.method.name": "tools/call",
            "mcp.session.id": "191c4850af6c49e08843a3f6c80e5046",
            "mcp.protocol.version": "2025-11-25",
            "jsonrpc.request.id": "7",
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "look",
            "gen_ai.tool.call.arguments": '{"shed": 4}',
            "gen_ai.tool.call.result": '{"content": [{"type": "text", "text": "{\\"n\\": 2}"}], "isError": false}',
        },
    )
    assert call(reading) == ToolCall(name="look", arguments={"shed": 4}, result={"n": 2}, error=None, status="ok")
    assert (reading.missing, reading.session, reading.carried) == ({}, None, True)
    assert {"mcp.session.id", "jsonrpc.request.id", "gen_ai.tool.name", "gen_ai.tool.call.result"} <= reading.understood


def test_the_name_stands_in_the_spans_name_alone() -> None:
    reading = read("MCP send tools/call look", {"mcp.method.name": "tools/call"})
    assert call(reading).name == "look"
    assert call(reading).status == "unknown"
    assert set(reading.missing) == {"arguments", "result", "status"}
    assert reading.missing["arguments"].startswith("content_off: ")
    nameless = read("tools/call", {"mcp.method.name": "tools/call"})
    assert nameless.missing["name"].startswith("not_sent: ")


def test_arguments_one_an_attribute_and_the_answers_content() -> None:
    attributes = {
        "mcp.method.name": "tools/call",
        "mcp.tool.name": "look",
        "mcp.request.argument.shed": "4",
        "mcp.request.argument.depth": "1.5",
        "mcp.request.argument.place": '"4"',
        "mcp.request.argument.bare": "by the gate",
        "mcp.request.argument.list": '["a", {"b": null}]',
        "mcp.tool.result.content": "two ladders",
        "mcp.tool.result.is_error": False,
    }
    found = call(read("tools/call look", attributes))
    assert found.arguments == {"shed": 4, "depth": 1.5, "place": "4", "bare": "by the gate", "list": ["a", {"b": None}]}
    assert found.result == "two ladders"
    failed = call(read("tools/call look", {**attributes, "mcp.tool.result.is_error": True}))
    assert (failed.error, failed.result, failed.status) == ("two ladders", None, "error")


REQUEST = json.dumps({"method": "tools/call", "params": {"name": "look", "arguments": {"shed": 4}, "_meta": {"x": 1}}})


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ({"content": [{"type": "text", "text": "two"}], "structuredContent": None, "isError": False}, "two"),
        ({"content": [{"type": "text", "text": "[2]"}], "structuredContent": {"result": [2]}}, [2]),
        ({"content": [{"type": "text", "text": "told"}], "structured_content": {"result": [2]}}, {"result": [2]}),
        ({"content": [{"type": "text", "text": "{}"}], "structuredContent": {"n": 2}}, {"n": 2}),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "a\nb"),
        ({"content": [{"type": "image", "data": "AA=="}]}, [{"type": "image", "data": "AA=="}]),
        ({"content": []}, []),
    ],
)
def test_logfires_requests_and_answers(answer: dict[str, Any], result: Any) -> None:
    attributes = {"request": REQUEST, "response": json.dumps(answer), "rpc.method": "tools/call"}
    reading = read("MCP request: tools/call look", attributes, kind=1)
    assert call(reading) == ToolCall(name="look", arguments={"shed": 4}, result=result, error=None, status="ok")
    assert {"request", "response", "rpc.method"} <= reading.understood
    assert read("MCP request: tools/list", {"request": '{"method": "tools/list"}'}).kind == "plumbing"


def test_errors_have_their_own_words_where_there_are_any() -> None:
    about = {"mcp.method.name": "tools/call", "gen_ai.tool.name": "look"}
    no_words = {"gen_ai.tool.call.result": '{"content": [{"type": "text", "text": "it is locked"}], "isError": true}'}
    assert call(read("tools/call look", {**about, "error.type": "tool_error"})).error == "tool_error"
    assert call(read("tools/call look", {**about, "error.type": "tool_error", **no_words})).error == "it is locked"
    assert call(read("tools/call look", {**about, **no_words})).error == "it is locked"
    told = SpanStatus(code=2, message="Tool 'look' is locked")
    assert call(read("tools/call look", {**about, "error.type": "tool_error"}, status=told)).error == told.message
    raised = SpanEvent(name="exception", at_ns=3, attributes={"exception.message": "no key", "exception.type": "E"})
    reading = read("tools/call look", about, status=SpanStatus(code=2), events=(raised,))
    assert (call(reading).error, call(reading).status, call(reading).result) == ("no key", "error", None)


def test_a_servers_root_span_tells_of_nobodys_call() -> None:
    about = {"mcp.method.name": "tools/call", "gen_ai.tool.name": "look"}
    assert read("tools/call look", about, kind=SERVER, parent_id=None).kind == "plumbing"
    assert read("tools/call look", about, kind=SERVER).kind == "tool"
    assert read("tools/call look", about, parent_id=None).kind == "tool"
    handled = {"request": REQUEST}
    assert read("MCP server handle request: tools/call", handled, kind=1, parent_id=None).kind == "plumbing"
    assert read("MCP server handle request: tools/call", handled, kind=1).kind == "tool"


def test_a_call_with_an_id_is_the_frameworks_own() -> None:
    about = {"mcp.method.name": "tools/call", "gen_ai.tool.name": "look", "gen_ai.tool.call.id": "call_1"}
    reading = read("execute_tool look", about)
    assert (call(reading).call_id, reading.carried) == ("call_1", False)


# --- many spans


class Traced:
    """Spans of one trace, each beneath an earlier one."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def add(self, parent: int, name: str, start: int, end: int, attributes: dict[str, Any], **values: Any) -> int:
        number = len(self.spans) + 1
        own: dict[str, Any] = {"parent_id": f"{parent:016x}" if parent else None, "start_ns": start, "end_ns": end}
        self.spans.append(span(name, attributes, **{"span_id": f"{number:016x}", **own, **values}))
        return number

    def agent(self, parent: int = 0) -> int:
        return self.add(
            parent, "invoke_agent", 1, 99, {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"}
        )

    def model(self, parent: int, at: int, *requests: tuple[str, str, Any]) -> int:
        parts = [{"type": "tool_call", "id": i, "name": name, "arguments": a} for i, name, a in requests]
        said = json.dumps([{"role": "assistant", "parts": parts}])
        about = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.output.messages": said}
        return self.add(parent, "chat m", at, at + 1, about)

    def tool(self, parent: int, name: str, start: int, end: int, **more: Any) -> int:
        attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name, **more}
        return self.add(parent, f"execute_tool {name}", start, end, attributes, kind=1)

    def carried(self, parent: int, name: str, start: int, end: int, kind: int = CLIENT, **more: Any) -> int:
        attributes = {"mcp.method.name": "tools/call", "gen_ai.tool.name": name, **more}
        return self.add(parent, f"tools/call {name}", start, end, attributes, kind=kind)

    def trajectory(self) -> Trajectory:
        (found,) = assemble(self.spans)
        assert assemble(reversed(self.spans)) == [found]
        return found


def calls(trajectory: Trajectory) -> list[tuple[str, Any, Any, str | None, int]]:
    return [
        (made.name, made.arguments, made.result, made.error, len(step.span_ids))
        for step, made in trajectory.of(ToolCall)
    ]


GIVEN = {"gen_ai.tool.call.arguments": '{"shed": 4}', "gen_ai.tool.call.id": "call_1"}


def test_four_views_of_a_call_are_one_and_three_of_its_error_are_one() -> None:
    traced = Traced()
    outer = traced.tool(traced.agent(), "shop_look", 10, 50, **GIVEN, **{"gen_ai.tool.call.result": "locked"})
    client = traced.carried(outer, "shop_look", 11, 49)
    sent = traced.carried(client, "shop_look", 12, 48)
    traced.carried(sent, "look", 13, 47, SERVER, **{"error.type": "tool_error"})
    assert calls(traced.trajectory()) == [("shop_look", {"shed": 4}, None, "locked", 4)]


def test_a_call_that_was_carried_again_ended_as_the_last_time() -> None:
    traced = Traced()
    outer = traced.tool(traced.agent(), "look", 10, 50, **GIVEN)
    traced.carried(outer, "look", 11, 20, **{"error.type": "tool_error"})
    traced.carried(outer, "look", 30, 40, **{"gen_ai.tool.call.result": "two"})
    assert calls(traced.trajectory()) == [("look", {"shed": 4}, "two", None, 3)]


def test_where_no_framework_saw_the_call_the_protocol_stands_for_it() -> None:
    traced = Traced()
    agent = traced.agent()
    asker = traced.model(agent, 5, ("call_1", "look", {"shed": 4}))
    client = traced.carried(agent, "look", 10, 20)
    traced.carried(client, "look", 11, 19, SERVER)
    trajectory = traced.trajectory()
    assert calls(trajectory) == [("look", {"shed": 4}, None, None, 2)]
    ((_, made),) = trajectory.of(ToolCall)
    assert (made.requested_by, made.call_id) == (f"{asker:016x}", "call_1")


def test_spans_of_the_protocol_beside_those_of_the_calls() -> None:
    traced = Traced()
    agent = traced.agent()
    for n, start in ((1, 10), (2, 12)):
        traced.tool(agent, "look", start, 40, **{"gen_ai.tool.call.arguments": f'{{"n": {n}}}'})
    traced.carried(
        agent, "look", 20, 30, **{"gen_ai.tool.call.arguments": '{"n": 1}', "gen_ai.tool.call.result": "one"}
    )
    traced.carried(agent, "look", 21, 31, **{"gen_ai.tool.call.result": "two"})
    traced.carried(agent, "look", 60, 70, **{"gen_ai.tool.call.result": "later"})
    assert calls(traced.trajectory()) == [
        ("look", {"n": 1}, "one", None, 2),
        ("look", {"n": 2}, "two", None, 2),
        ("look", None, "later", None, 1),
    ]


def test_what_a_tool_does_over_the_protocol_is_its_own_doing() -> None:
    traced = Traced()
    outer = traced.tool(traced.agent(), "research", 10, 50, **{"gen_ai.tool.call.result": "found"})
    traced.carried(outer, "search", 20, 30, **{"error.type": "tool_error"})
    assert calls(traced.trajectory()) == [("research", None, "found", None, 2)]


def test_an_agent_within_a_tool_calls_tools_of_its_own() -> None:
    traced = Traced()
    outer = traced.tool(traced.agent(), "research", 10, 50, **{"gen_ai.tool.call.result": "found"})
    traced.model(outer, 15, ("call_9", "search", {"q": "ladder"}))
    traced.carried(outer, "search", 20, 30, **{"gen_ai.tool.call.result": "two"})
    assert calls(traced.trajectory()) == [
        ("research", None, "found", None, 1),
        ("search", {"q": "ladder"}, "two", None, 1),
    ]


def test_the_registry_reads_them_before_the_common_convention() -> None:
    one = span("tools/call look", {"mcp.method.name": "tools/call", "gen_ai.operation.name": "execute_tool"})
    first = next(reading for dialect in DIALECTS if (reading := dialect.read(one, (), ())) is not None)
    assert first.dialect == "mcp"
