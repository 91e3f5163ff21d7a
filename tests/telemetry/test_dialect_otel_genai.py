"""Spans by the OpenTelemetry GenAI convention, in each of its generations and with the oddities of its producers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from agenteval.core.message import MediaPart, Message, ReasoningPart, RefusalPart, TextPart, ToolRequest, ToolResponse
from agenteval.core.span import LogRecord, Span, SpanEvent, SpanStatus
from agenteval.core.trajectory import Handoff, ModelCall, ToolCall, Usage
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.dialects import agent_framework, otel_genai
from agenteval.telemetry.dialects.reading import Reading

ASKED = {"role": "user", "parts": [{"type": "text", "content": "Refund A-1002"}]}
WISH = {"type": "tool_call", "id": "c1", "name": "refund", "arguments": {"order": "A-1002"}}
ANSWERED = {"role": "assistant", "parts": [WISH], "finish_reason": "tool_call"}
REQUEST = ToolRequest(name="refund", arguments={"order": "A-1002"}, id="c1")
USER = Message(role="user", parts=(TextPart(text="Refund A-1002"),))
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.response.model": "m-1"}


def span(attributes: dict[str, Any], name: str = "chat m", **more: Any) -> Span:
    return Span(
        trace_id="a" * 32,
        span_id="b" * 16,
        name=name,
        start_ns=1,
        end_ns=more.pop("end_ns", 2),
        attributes=attributes,
        **more,
    )


def log(name: str, body: Any = None, **attributes: Any) -> LogRecord:
    return LogRecord(trace_id="a" * 32, span_id="b" * 16, at_ns=0, name=name, body=body, attributes=attributes)


def read(attributes: dict[str, Any], *logs: LogRecord, **more: Any) -> Reading:
    reading = otel_genai.read(span(attributes, **more), [], logs)
    assert reading is not None
    return reading


def model(attributes: dict[str, Any], *logs: LogRecord, **more: Any) -> tuple[ModelCall, Reading]:
    reading = read({**CHAT, **attributes}, *logs, **more)
    assert isinstance(reading.content, ModelCall)
    return reading.content, reading


def tool(attributes: dict[str, Any], **more: Any) -> tuple[ToolCall, Reading]:
    reading = read({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "refund", **attributes}, **more)
    assert isinstance(reading.content, ToolCall)
    return reading.content, reading


# --- generation A: messages as events


EVENTS_A = (
    ("gen_ai.system.message", {"content": "Be kind."}),
    ("gen_ai.user.message", {"content": "Refund A-1002"}),
    (
        "gen_ai.assistant.message",
        {"tool_calls": [{"id": "c0", "type": "function", "function": {"name": "look", "arguments": '{"n": 1}'}}]},
    ),
    ("gen_ai.tool.message", {"content": '{"ok": true}', "id": "c0"}),
    (
        "gen_ai.choice",
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "message": {
                "role": "assistant",
                "content": "One moment.",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "refund", "arguments": '{"order": "A-1002"}'}}
                ],
            },
        },
    ),
)
HEARD_A = (
    Message(role="system", parts=(TextPart(text="Be kind."),)),
    USER,
    Message(role="assistant", parts=(ToolRequest(name="look", arguments={"n": 1}, id="c0"),)),
    Message(role="tool", parts=(ToolResponse(response={"ok": True}, id="c0"),)),
)
SAID_A = (Message(role="assistant", parts=(TextPart(text="One moment."), REQUEST)),)
OLD = {"gen_ai.system": "openai", "gen_ai.usage.prompt_tokens": 7, "gen_ai.usage.completion_tokens": 2}


def check_a(call: ModelCall, reading: Reading) -> None:
    assert (call.messages, call.output, call.requests) == (HEARD_A, SAID_A, (REQUEST,))
    assert (call.finish, call.usage) == ("tool_calls", Usage(input_tokens=7, output_tokens=2))
    assert reading.missing == {}


def test_old_messages_are_log_records() -> None:
    check_a(*model(OLD, *(log(name, body) for name, body in EVENTS_A)))


def test_old_messages_are_named_by_an_attribute_or_held_by_one() -> None:
    check_a(*model(OLD, *(log("", body, **{"event.name": name}) for name, body in EVENTS_A)))
    held = [
        SpanEvent(name=name, at_ns=1, attributes={"gen_ai.event.content": json.dumps(body)}) for name, body in EVENTS_A
    ]
    check_a(*model(OLD, events=tuple(held)))


def test_old_messages_are_span_events_with_json_in_their_attributes() -> None:
    held = [
        SpanEvent(
            name=name,
            at_ns=1,
            attributes={key: value if isinstance(value, str) else json.dumps(value) for key, value in body.items()},
        )
        for name, body in EVENTS_A
    ]
    check_a(*model(OLD, events=tuple(held)))


def test_in_the_oldest_form_requests_stand_beside_the_message() -> None:
    calls = EVENTS_A[-1][1]["message"]["tool_calls"]
    call, _ = model(OLD, log("gen_ai.choice", {"message": {"content": "One moment."}, "tool_calls": calls, "index": 0}))
    assert call.output == SAID_A
    prompt = SpanEvent(
        name="gen_ai.content.prompt",
        at_ns=1,
        attributes={"gen_ai.prompt": json.dumps([{"role": "user", "content": "Refund A-1002"}])},
    )
    answer = SpanEvent(
        name="gen_ai.content.completion",
        at_ns=1,
        attributes={"gen_ai.completion": json.dumps([{"role": "assistant", "content": "Done."}])},
    )
    call, _ = model(OLD, events=(prompt, answer))
    assert (call.messages, call.output[0].text) == ((USER,), "Done.")


def test_gemini_contents_in_old_events_keep_their_own_roles() -> None:
    contents = [
        {"role": "user", "parts": [{"text": "Refund A-1002"}]},
        {"role": "model", "parts": [{"function_call": {"id": "c1", "name": "refund", "args": {"order": "A-1002"}}}]},
        {"role": "user", "parts": [{"function_response": {"id": "c1", "name": "refund", "response": {"ok": True}}}]},
    ]
    call, _ = model(
        OLD,
        *(log("gen_ai.user.message", {"content": content}) for content in contents),
        log(
            "gen_ai.choice",
            {"index": 0, "content": {"role": "model", "parts": [{"text": "Done."}]}, "finish_reason": "STOP"},
        ),
    )
    assert [message.role for message in call.messages] == ["user", "assistant", "tool"]
    assert call.messages[1].requests == (REQUEST,)
    assert call.messages[2].parts == (ToolResponse(response={"ok": True}, id="c1"),)
    assert (call.output[0].text, call.finish) == ("Done.", "STOP")


def test_events_that_keep_their_contents_back_say_so_and_still_name_the_requests() -> None:
    calls = [{"id": "c1", "type": "function", "function": {"name": "refund"}}]
    call, reading = model(
        OLD, log("gen_ai.user.message", {}), log("gen_ai.choice", {"index": 0, "message": {"tool_calls": calls}})
    )
    assert call.requests == (ToolRequest(name="refund", arguments=None, id="c1"),)
    assert {field: why.partition(":")[0] for field, why in reading.missing.items()} == {
        "messages": "content_off",
        "output": "content_off",
    }


# --- generations B to D: messages as attributes, or in one event


def json_text(value: Any) -> str:
    return json.dumps(value)


def as_it_is(value: Any) -> Any:
    return value


def texts(value: Any) -> list[str]:
    return [json.dumps(item) for item in value]


@pytest.mark.parametrize("write", [json_text, as_it_is, texts])
def test_messages_are_json_text_or_structured_or_a_list_of_texts(write: Any) -> None:
    call, reading = model(
        {
            "gen_ai.provider.name": "openai",
            "gen_ai.system_instructions": write([{"type": "text", "content": "Be kind."}]),
            "gen_ai.input.messages": write([ASKED]),
            "gen_ai.output.messages": write([ANSWERED]),
            "gen_ai.tool.definitions": write(
                [{"type": "function", "name": "refund", "parameters": {"type": "object"}}]
            ),
            "gen_ai.response.id": "r1",
            "gen_ai.usage.input_tokens": 10,
            "gen_ai.usage.output_tokens": 3,
            "gen_ai.usage.cache_read.input_tokens": 4,
            "gen_ai.usage.cache_creation.input_tokens": 1,
            "gen_ai.usage.reasoning.output_tokens": 2,
            "gen_ai.conversation.id": "s1",
            "gen_ai.agent.name": "billing",
        }
    )
    assert call.messages == (HEARD_A[0], USER)
    assert (call.output, call.requests, call.finish, call.model) == (
        (Message(role="assistant", parts=(REQUEST,)),), (REQUEST,), "tool_call", "m-1",
    )  # fmt: skip
    assert call.usage == Usage(
        input_tokens=10, output_tokens=3, cached_tokens=4, cache_write_tokens=1, reasoning_tokens=2
    )
    assert [(one.name, one.parameters) for one in call.offered_tools] == [("refund", {"type": "object"})]
    assert (reading.response_id, reading.session, reading.agent) == ("r1", "s1", "billing")
    assert (reading.missing, reading.truncated, reading.delta) == ({}, (), False)
    assert reading.understood >= {
        "gen_ai.input.messages",
        "gen_ai.provider.name",
        "gen_ai.usage.cache_creation.input_tokens",
    }


def test_what_stands_on_the_span_and_in_an_event_counts_once() -> None:
    details = {"gen_ai.input.messages": [ASKED], "gen_ai.output.messages": [ANSWERED], "user.id": "ada"}
    written = {"gen_ai.input.messages": json.dumps([ASKED]), "gen_ai.output.messages": json.dumps([ANSWERED])}
    call, reading = model(written, log("gen_ai.client.inference.operation.details", **details))
    assert (call.messages, call.requests, reading.user) == ((USER,), (REQUEST,), "ada")
    old = [
        log("gen_ai.user.message", {"content": "Refund A-1002"}),
        log("gen_ai.choice", {"message": {"content": "x"}}),
    ]
    call, _ = model(written, *old)
    assert (call.messages, call.requests, len(call.output)) == ((USER,), (REQUEST,), 1)


@pytest.mark.parametrize("place", ["attributes", "body", "span event"])
def test_the_event_with_the_details_is_enough(place: str) -> None:
    details: dict[str, Any] = {"gen_ai.input.messages": [ASKED], "gen_ai.output.messages": [ANSWERED]}
    name = "gen_ai.client.inference.operation.details"
    if place == "span event":
        halves = [{key: json.dumps(value)} for key, value in details.items()]
        call, reading = model({}, events=tuple(SpanEvent(name=name, at_ns=1, attributes=half) for half in halves))
    else:
        call, reading = model({}, log(name, details) if place == "body" else log(name, **details))
    assert (call.messages, call.requests) == ((USER,), (REQUEST,))
    assert set(reading.missing) == {"usage"}


def test_offered_tools_are_taken_from_where_their_parameters_are() -> None:
    poor = json.dumps([{"name": "refund", "parameters": None}])
    rich = [{"name": "refund", "parameters": {"type": "object"}}]
    details = log("gen_ai.client.inference.operation.details", **{"gen_ai.tool.definitions": rich})
    assert model({"gen_ai.tool.definitions": poor}, details)[0].offered_tools[0].parameters == {"type": "object"}


def test_parts_of_every_kind() -> None:
    image = b"\x89PNG"
    parts = [
        {"type": "text", "content": "See"},
        {"type": "reasoning", "content": "hm"},
        {"type": "refusal", "content": "no"},
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "iVBORw=="},
        {"type": "uri", "modality": "audio", "uri": "https://x/a.mp3", "mime_type": "audio/mpeg"},
        {"type": "file", "modality": "file", "file_id": "file-1"},
        {"type": "compaction", "content": "so far"},
        {"type": "hologram", "content": "?"},
        "bare",
        7,
        {"type": "server_tool_call", "id": "s1", "name": "search", "server_tool_call": {"type": "web", "q": "x"}},
    ]
    call, _ = model({"gen_ai.input.messages": json.dumps([{"role": "user", "parts": parts}])})
    assert call.messages[0].parts == (
        TextPart(text="See"),
        ReasoningPart(text="hm"),
        RefusalPart(text="no"),
        MediaPart(type="image", uri=f"sha256:{hashlib.sha256(image).hexdigest()}", mime_type="image/png"),
        MediaPart(type="audio", uri="https://x/a.mp3", mime_type="audio/mpeg"),
        MediaPart(type="file", uri="file-1"),
        ReasoningPart(text="so far"),
        TextPart(text="[hologram part]"),
        TextPart(text="bare"),
        ToolRequest(name="search", arguments={"q": "x"}, id="s1"),
    )


@pytest.mark.parametrize("key", ["response", "result"])
@pytest.mark.parametrize("role", ["tool", "user"])
def test_answers_of_tools_are_a_tools_message_under_either_name(key: str, role: str) -> None:
    answer = {"role": role, "parts": [{"type": "tool_call_response", "id": "c1", key: '{"ok": true}'}]}
    call, _ = model({"gen_ai.input.messages": [ASKED, {"role": "assistant", "parts": [WISH]}, answer]})
    assert call.messages[-1] == Message(role="tool", parts=(ToolResponse(response={"ok": True}, id="c1"),))


def test_an_answer_that_is_written_as_text_is_a_tools_answer() -> None:
    told = {"role": "tool", "tool_call_id": "c1", "parts": [{"type": "text", "content": '{"ok": true}'}]}
    call, _ = model({"gen_ai.input.messages": [ASKED, {"role": "assistant", "parts": [WISH]}, told]})
    assert call.messages[-1] == Message(role="tool", parts=(ToolResponse(response={"ok": True}, id="c1"),))


def test_arguments_may_be_json_text_within_the_json() -> None:
    wish = {**WISH, "arguments": json.dumps(WISH["arguments"])}
    assert model({"gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [wish]}])})[0].requests == (
        REQUEST,
    )
    broken = {**WISH, "arguments": '{"order": '}
    asked = model({"gen_ai.output.messages": [{"role": "assistant", "parts": [broken]}]})[0].requests[0]
    assert asked.arguments == '{"order": '


@pytest.mark.parametrize("reasons", [["stop", "tool_calls"], '["stop", "tool_calls"]', "tool_calls", ["tool_calls"]])
def test_reasons_to_stop_are_a_list_or_its_text(reasons: Any) -> None:
    assert model({"gen_ai.response.finish_reasons": reasons})[0].finish == "tool_calls"


def test_what_a_model_is_told_may_go_on_from_the_call_before() -> None:
    answer = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "ok"}]}
    assert model({"gen_ai.input.messages": [answer]})[1].delta
    assert not model({"gen_ai.input.messages": [{"role": "assistant", "parts": [WISH]}, answer]})[1].delta
    assert model({"gen_ai.input.messages": [ASKED], "openai.request.previous_response_id": "r0"})[1].delta


@pytest.mark.parametrize(
    ("counts", "read_tokens"),
    [
        ({"cache_read.input_tokens": 130}, 230),  # a part is not more than the whole
        ({"cache_read_input_tokens": 5, "total_tokens": 117}, 105),  # the total counts it beside the input
        ({"cache_read_input_tokens": 5, "total_tokens": 112}, 100),
        ({"cache_read.input_tokens": 5, "cache_write.input_tokens": 96}, 201),
        ({"cache_read.input_tokens": 0}, 100),
        ({"cache_read.input_tokens": "64"}, 100),
    ],
)
def test_cached_tokens_are_a_part_of_the_input(counts: dict[str, Any], read_tokens: int) -> None:
    held = {f"gen_ai.usage.{name}": value for name, value in counts.items()}
    usage = model({"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 12, **held})[0].usage
    assert usage is not None
    assert (usage.input_tokens, usage.cached_tokens) == (read_tokens, int(next(iter(counts.values()))))


# --- what is not there


def code(reading: Reading) -> dict[str, str]:
    return {field: why.partition(":")[0] for field, why in reading.missing.items()}


def test_a_span_without_contents_says_that_they_were_not_captured() -> None:
    call, reading = model({"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 1})
    assert (call.messages, call.output) == ((), ())
    assert code(reading) == {"messages": "content_off", "output": "content_off"}
    _, reading = tool({})
    assert code(reading) == {"arguments": "content_off", "result": "content_off", "status": "not_sent"}


def test_dropped_attributes_are_evicted_and_what_is_there_counts() -> None:
    assert code(model({}, dropped_attributes=4)[1]) == {"messages": "evicted", "output": "evicted", "usage": "evicted"}
    _, reading = model({"gen_ai.input.messages": [ASKED], "gen_ai.output.messages": [ANSWERED]}, dropped_attributes=4)
    assert code(reading) == {"usage": "evicted"}
    assert code(model({}, dropped_events=2)[1])["messages"] == "evicted"


def test_cut_json_is_read_as_far_as_it_goes_and_marked() -> None:
    text = json.dumps([ASKED, {"role": "assistant", "parts": [{"type": "text", "content": "Well, let me see"}]}])
    call, reading = model({"gen_ai.input.messages": text[:-10], "gen_ai.output.messages": '[{"ro'})
    assert call.messages[0] == USER
    assert call.messages[1].text.startswith("Well")
    assert "messages" in reading.truncated
    assert "output" in reading.truncated or code(reading)["output"] == "cut"
    call, reading = tool(
        {"gen_ai.tool.call.arguments": '{"order": "A-1002", "reason": "dam', "gen_ai.tool.call.result": "ok"}
    )
    assert (call.arguments, reading.truncated) == ({"order": "A-1002", "reason": "dam"}, ("arguments",))


def test_a_whole_record_in_a_log_stands_in_for_one_that_was_cut() -> None:
    text = json.dumps([ASKED])[:-8]
    call, reading = model({"gen_ai.input.messages": text}, log("gen_ai.user.message", {"content": "Refund A-1002"}))
    assert (call.messages, reading.truncated) == ((USER,), ())


@pytest.mark.parametrize("junk", [7, True, b"x", [1, 2], {"a": 1}, "[", None, 3.5])
def test_messages_of_a_wrong_type_are_missing_with_a_reason(junk: Any) -> None:
    call, reading = model({"gen_ai.input.messages": junk, "gen_ai.output.messages": junk})
    assert call.requests == ()
    assert set(reading.missing) >= {"messages", "output"} or call.messages


# --- errors


def test_an_error_is_told_by_the_exception_then_the_status_then_its_type() -> None:
    thrown = SpanEvent(
        name="exception", at_ns=1, attributes={"exception.type": "E", "exception.message": "gateway down"}
    )
    failed = SpanStatus(code=2, message="E('gateway down')")
    assert tool({"error.type": "E"}, events=(thrown,), status=failed)[0].error == "gateway down"
    assert tool({"error.type": "E"}, status=failed)[0].error == "gateway down"
    assert tool({"error.type": "tool_error"}, status=SpanStatus(code=2))[0].error == "tool_error"
    assert tool({"error.type": "timeout"})[0].error == "timeout"
    assert tool({"error.type": "tool_error", "gen_ai.tool.call.result": "out of stock"})[0].error == "out of stock"
    call, reading = tool({"gen_ai.tool.call.arguments": "{}"}, status=failed)
    assert (call.status, call.result, "result" in reading.missing) == ("error", None, False)


def test_an_error_written_as_an_object_is_what_it_says_and_may_be_redacted() -> None:
    told = "{'message': 'Error running tool', 'data': {'tool_name': 'x', 'error': 'Details are redacted.'}}"
    call, reading = tool({}, status=SpanStatus(code=2, message=told))
    assert call.error == "Details are redacted."
    assert code(reading)["error"] == "redacted"


def test_a_model_call_that_failed_lacks_no_answer() -> None:
    call, reading = model({"gen_ai.input.messages": [ASKED]}, status=SpanStatus(code=2, message="too long"))
    assert (call.error, reading.missing) == ("too long", {})


# --- tools, agents, plumbing


def test_a_tool_call_in_full() -> None:
    call, reading = tool(
        {
            "gen_ai.tool.call.id": "c1",
            "gen_ai.tool.call.arguments": '{"order": "A-1002"}',
            "gen_ai.tool.call.result": '{"id": "rf_1"}',
        }
    )
    assert call == ToolCall(name="refund", arguments={"order": "A-1002"}, result={"id": "rf_1"}, call_id="c1")
    assert reading.missing == {}


def test_a_tool_is_named_by_the_span_where_no_attribute_does_it() -> None:
    reading = read({"gen_ai.operation.name": "execute_tool"}, name="execute_tool refund")
    assert isinstance(reading.content, ToolCall)
    assert reading.content.name == "refund"
    assert read({"gen_ai.operation.name": "execute_tool"}, name="GET /orders").kind == "plumbing"


def test_a_transfer_of_control_is_a_handoff_and_a_delegation_is_not() -> None:
    held = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "go", "gen_ai.transfer.target.name": "billing"}
    assert read({**held, "gen_ai.transfer.mode": "pass_control"}).content == Handoff(target="billing")
    assert isinstance(read({**held, "gen_ai.transfer.mode": "return_to_caller"}).content, ToolCall)


def test_an_agent_was_told_and_answered() -> None:
    said = {"role": "assistant", "parts": [{"type": "text", "content": "Done."}, WISH]}
    reading = read(
        {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "billing",
            "gen_ai.input.messages": json.dumps([ASKED]),
            "gen_ai.output.messages": json.dumps([ANSWERED, said]),
            "gen_ai.usage.input_tokens": 9,
            "gen_ai.tool.definitions": json.dumps([{"type": "function", "name": "refund"}]),
        }
    )
    assert [tool.name for tool in reading.offered] == ["refund"]
    assert (reading.kind, reading.agent, reading.heard) == ("agent", "billing", (USER,))
    assert reading.said == (Message(role="assistant", parts=(TextPart(text="Done."),)),)
    assert reading.usage == Usage(input_tokens=9)
    assert read({"gen_ai.operation.name": "invoke_agent"}, name="invoke_agent x").agent == "x"


@pytest.mark.parametrize(
    "operation", ["create_agent", "plan", "embeddings", "retrieval", "agent_step", "search_memory"]
)
def test_other_operations_are_plumbing(operation: str) -> None:
    assert read({"gen_ai.operation.name": operation, "gen_ai.request.model": "m"}).kind == "plumbing"


def test_a_workflow_is_plumbing_unless_it_carries_the_talk() -> None:
    held = {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": "w"}
    assert read(held).kind == "plumbing"
    reading = read({**held, "gen_ai.input.messages": [ASKED]})
    assert (reading.kind, reading.agent, reading.heard) == ("agent", "w", (USER,))


def test_spans_before_operations_had_names_are_known_by_what_they_carry() -> None:
    assert read({"gen_ai.system": "openai", "gen_ai.request.model": "m"}).kind == "model"
    assert read({"gen_ai.tool.name": "refund"}).kind == "tool"
    for others in ({"http.route": "/"}, {"gen_ai.conversation.id": "s"}, {"gen_ai.agent.name": "a"}, {}):
        assert otel_genai.read(span(others), [], []) is None


def test_our_own_spans_are_not_foreign() -> None:
    assert otel_genai.read(span(CHAT, scope={"name": "agenteval"}), [], []) is None


def test_placeholders_of_scrubbers_are_no_values() -> None:
    reading = read({**CHAT, "gen_ai.conversation.id": "[Scrubbed due to 'session']"})
    assert reading.session is None
    call, reading = tool({"gen_ai.tool.call.arguments": "[Scrubbed due to 'auth']", "gen_ai.tool.call.result": "ok"})
    assert (call.arguments, code(reading)) == (None, {"arguments": "redacted"})


# --- Microsoft's Agent Framework


def test_the_agent_framework_writes_lists_as_text_and_everything_twice() -> None:
    own = span(
        {
            **CHAT,
            "gen_ai.response.finish_reasons": '["tool_calls"]',
            "gen_ai.input.messages": json.dumps([ASKED]),
            "gen_ai.output.messages": json.dumps([ANSWERED]),
        },
        scope={"name": "agent_framework"},
    )
    logs = [
        log("gen_ai.user.message", {"content": "Refund A-1002"}),
        log("gen_ai.choice", {"message": {"content": "x"}}),
    ]
    reading = agent_framework.read(own, [], logs)
    assert reading is not None
    assert isinstance(reading.content, ModelCall)
    assert (reading.content.finish, reading.content.messages, reading.content.requests) == (
        "tool_calls",
        (USER,),
        (REQUEST,),
    )
    around = agent_framework.read(
        span({"workflow.id": "w"}, name="workflow.run", scope={"name": "agent_framework"}), [], []
    )
    assert around is not None
    assert around.kind == "plumbing"
    assert agent_framework.read(span(CHAT), [], []) is None


# --- what assembling makes of it


def test_calls_that_are_named_without_their_contents_are_not_said_to_be_empty() -> None:
    kept_back = [{"id": "c1", "type": "function", "function": {"name": "refund"}}]
    spans = [span({**CHAT, "gen_ai.system": "openai"}), replace(span(CHAT), span_id="c" * 16, start_ns=5, end_ns=6)]
    first = [log("gen_ai.user.message", {}), log("gen_ai.choice", {"index": 0, "message": {"tool_calls": kept_back}})]
    later = [
        log("gen_ai.assistant.message", {"tool_calls": kept_back}),
        log("gen_ai.tool.message", {"id": "c1"}),
        log("gen_ai.choice", {"index": 0, "message": {}}),
    ]
    (trajectory,) = assemble(spans, [*first, *(replace(one, span_id="c" * 16) for one in later)])
    ((step, call),) = trajectory.of(ToolCall)
    assert (call.name, call.arguments, call.result, call.status) == ("refund", None, None, "unknown")
    assert {field: why.partition(":")[0] for field, why in step.missing.items()} == {
        "arguments": "content_off",
        "result": "content_off",
        "status": "content_off",
    }
