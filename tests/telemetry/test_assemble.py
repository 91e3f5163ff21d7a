"""Assembly is a pure function of the set of spans."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenteval.core import semconv as s
from agenteval.core.codec import fingerprint, from_json, to_json
from agenteval.core.message import Message
from agenteval.core.span import Span, SpanStatus
from agenteval.core.trajectory import ModelCall, Step, ToolCall
from agenteval.telemetry.assemble import trajectory_of

TRACE = "f" * 32


def span(number: int, name: str, start: int, end: int, parent: int | None = None, **values: Any) -> Span:
    attributes = values.pop("attributes", {})
    return Span(
        trace_id=TRACE,
        span_id=f"{number:016x}",
        parent_id=None if parent is None else f"{parent:016x}",
        name=name,
        start_ns=start,
        end_ns=end,
        scope={"name": "agenteval"},
        attributes=attributes,
        **values,
    )


def text(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": content}]}


def wish(name: str, arguments: Any, call_id: str | None) -> dict[str, Any]:
    return {"role": "assistant", "parts": [{"type": "tool_call", "name": name, "arguments": arguments, "id": call_id}]}


def conversation() -> list[Span]:
    return [
        span(
            1, "trial", 0, 100, attributes={s.SOURCE: "harness", s.SPANS_STARTED: 7, s.SPANS_ENDED: 7, s.AGENT: "bob"}
        ),
        span(
            2,
            "invoke_agent bob",
            1,
            90,
            1,
            attributes={
                s.OPERATION: s.INVOKE_AGENT,
                s.AGENT_NAME: "bob",
                s.INPUT_MESSAGES: [text("user", "refund me")],
                s.OUTPUT_MESSAGES: [text("assistant", "done")],
                s.SYSTEM_INSTRUCTIONS: "be kind",
            },
        ),
        span(
            3,
            "chat m",
            2,
            10,
            2,
            attributes={
                s.OPERATION: s.CHAT,
                s.REQUEST_MODEL: "m",
                s.INPUT_MESSAGES: [text("user", "refund me")],
                s.OUTPUT_MESSAGES: [wish("find", {"a": 1}, "c1"), wish("find", {"a": 2}, "c2")],
                s.INPUT_TOKENS: 10,
                s.OUTPUT_TOKENS: 4,
            },
        ),
        span(
            4,
            "execute_tool find",
            11,
            20,
            2,
            attributes={
                s.OPERATION: s.EXECUTE_TOOL,
                s.TOOL_NAME: "find",
                s.TOOL_ARGUMENTS: {"a": 2},
                s.TOOL_RESULT: "42",
                s.TOOL_CALL_ID: "c2",
            },
        ),
        span(
            5,
            "execute_tool find",
            12,
            19,
            2,
            attributes={
                s.OPERATION: s.EXECUTE_TOOL,
                s.TOOL_NAME: "find",
                s.TOOL_ARGUMENTS: {"a": 1},
            },
            status=SpanStatus(code=2, message="no such order"),
        ),
        span(
            6,
            "chat m",
            30,
            80,
            2,
            attributes={
                s.OPERATION: s.CHAT,
                s.REQUEST_MODEL: "m",
                s.OUTPUT_MESSAGES: [text("assistant", "done")],
            },
        ),
        span(7, "invoke_agent helper", 13, 14, 4, attributes={s.OPERATION: s.INVOKE_AGENT, s.AGENT_NAME: "helper"}),
    ]


def test_what_happened_is_read_in_order() -> None:
    trajectory = trajectory_of(conversation())
    said = [(step.content.role, step.content.text) for step in trajectory.steps if isinstance(step.content, Message)]
    assert said == [("system", "be kind"), ("user", "refund me"), ("assistant", "done")]
    kinds = [step.content.kind for step in trajectory.steps]
    assert kinds == ["message", "message", "model_call", "tool_call", "tool_call", "model_call", "message"]
    assert [step.index for step in trajectory.steps] == list(range(7))
    assert trajectory.integrity.complete
    assert [run.name for run in trajectory.runs] == ["bob", "helper"]
    assert trajectory.runs[1].parent == trajectory.runs[0].id
    assert trajectory.runs[1].started_by == f"{4:016x}"


def test_calls_name_who_asked_by_id_else_by_name_and_arguments() -> None:
    calls = [call for _, call in trajectory_of(conversation()).of(ToolCall)]
    assert [call.requested_by for call in calls] == [f"{3:016x}"] * 2
    assert [call.arguments for call in calls] == [{"a": 2}, {"a": 1}]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("42", "42"),
        ("null", "null"),
        ('{"status": "ok", "items": [1, 2.0]}', {"status": "ok", "items": [1, 2.0]}),
        (" []", []),
        ('{"status": "ok"', '{"status": "ok"'),
        ('{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
        ({"status": "ok"}, {"status": "ok"}),
        ([{"text": '{"a": 1}'}], [{"text": '{"a": 1}'}]),
        (42, 42),
        (b"\x00\xff", "AP8="),
    ],
)
def test_a_result_is_the_object_or_list_that_its_text_is(written: Any, read: Any) -> None:
    attributes = {s.OPERATION: s.EXECUTE_TOOL, s.TOOL_NAME: "find", s.TOOL_RESULT: written}
    came = span(1, "execute_tool find", 0, 1, attributes=attributes)
    assert trajectory_of([came]).of(ToolCall)[0][1].result == read
    assert came.attributes[s.TOOL_RESULT] == written


@pytest.mark.parametrize(("written", "read"), [('{"a": 1}', {"a": 1}), ("[1]", "[1]"), ("{", "{"), ([1], [1])])
def test_arguments_are_the_object_that_their_text_is(written: Any, read: Any) -> None:
    attributes = {s.OPERATION: s.EXECUTE_TOOL, s.TOOL_NAME: "find", s.TOOL_ARGUMENTS: written}
    assert trajectory_of([span(1, "x", 0, 1, attributes=attributes)]).of(ToolCall)[0][1].arguments == read


@pytest.mark.parametrize(
    ("attribute", "span_name", "name", "missing"),
    [
        ("pay", "execute_tool find", "pay", False),
        (None, "execute_tool pay", "pay", False),
        (7, "execute_tool pay", "pay", False),
        (None, "work", "work", True),
        (None, "execute_tool ", "execute_tool ", True),
    ],
)
def test_a_tool_without_a_name_is_named_by_its_span_or_by_nobody(
    attribute: Any, span_name: str, name: str, missing: bool
) -> None:
    attributes = {s.OPERATION: s.EXECUTE_TOOL} | ({} if attribute is None else {s.TOOL_NAME: attribute})
    step, call = trajectory_of([span(1, span_name, 0, 1, attributes=attributes)]).of(ToolCall)[0]
    assert (call.name, "name" in step.missing) == (name, missing)


def test_an_error_has_no_missing_result() -> None:
    step, call = trajectory_of(conversation()).of(ToolCall)[1]
    assert (call.status, call.error, dict(step.missing)) == ("error", "no such order", {})


def test_what_was_not_recorded_is_missing_not_empty() -> None:
    step, call = trajectory_of(conversation()).of(ModelCall)[1]
    assert call.usage is None
    assert set(step.missing) == {"messages", "usage"}
    bare = [span(1, "execute_tool pay", 0, 1, attributes={s.OPERATION: s.EXECUTE_TOOL, s.TOOL_NAME: "pay"})]
    step, tool = trajectory_of(bare).of(ToolCall)[0]
    assert (tool.arguments, tool.result, set(step.missing)) == (None, None, {"arguments", "result"})


def test_usage_counts_what_was_not_measured() -> None:
    usage = trajectory_of(conversation()).usage
    assert (usage.input_tokens, usage.output_tokens, usage.unmeasured_calls) == (10, 4, 1)


@given(st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(chance: random.Random) -> None:
    spans = conversation()
    mixed = spans + chance.choices(spans, k=chance.randint(0, 9))
    chance.shuffle(mixed)
    assert trajectory_of(mixed) == trajectory_of(spans)


@given(st.sets(st.integers(0, 6), min_size=1, max_size=6))
def test_a_lost_span_shows(lost: set[int]) -> None:
    spans = [span for number, span in enumerate(conversation()) if number not in lost]
    assert not trajectory_of(spans).integrity.complete


def test_two_contents_under_one_id_are_counted_and_settled_alike_in_any_order() -> None:
    spans = conversation()
    other = span(6, "chat m", 31, 80, 2, attributes={s.OPERATION: s.CHAT})
    first, second = trajectory_of([*spans, other]), trajectory_of([other, *spans])
    assert first == second == trajectory_of([other, *spans, other, *spans])
    assert first.integrity.repeated == 1
    assert not first.integrity.complete  # what was put aside may say what no other span does


def test_contents_that_only_python_holds_equal_are_different_contents() -> None:
    one, true = (span(1, "x", 0, 1, attributes={"a": value}) for value in (1, True))
    assert trajectory_of([one, true]).integrity.repeated == 1
    nan = [span(1, "x", 0, 1, attributes={"a": float("nan"), "b": [1]}) for _ in range(2)]
    turned = span(1, "x", 0, 1, attributes={"b": [1], "a": float("nan")})
    assert trajectory_of([*nan, turned]).integrity.repeated == 0


def test_parents_in_a_circle_are_none() -> None:
    tool = {s.OPERATION: s.EXECUTE_TOOL, s.TOOL_NAME: "a"}
    agent = {s.OPERATION: s.INVOKE_AGENT, s.AGENT_NAME: "a"}
    circle = [span(number, "x", number, 9, 1 + number % 3, attributes=agent) for number in (1, 2, 3)]
    itself = span(4, "x", 4, 9, 4, attributes=agent)
    beneath = [span(5, "x", 5, 9, 3, attributes=tool), span(6, "x", 6, 9, 4, attributes=tool)]
    trajectory = trajectory_of([*circle, itself, *beneath])
    assert [(run.parent, run.started_by) for run in trajectory.runs] == [(None, None)] * 4
    assert [step.run for step in trajectory.steps] == [f"{3:016x}", f"{4:016x}"]
    assert (trajectory.integrity.orphans, trajectory.integrity.clock_skew_ns) == (4, 0)


@pytest.mark.parametrize(
    "value", ["not json", "[1, 2]", 7, None, [None], [{"role": "x"}], [{"parts": [{"type": "?"}]}]]
)
def test_messages_of_any_shape_are_survived(value: Any) -> None:
    broken = span(1, "invoke_agent x", 0, 1, attributes={s.OPERATION: s.INVOKE_AGENT, s.INPUT_MESSAGES: value})
    assert all(isinstance(step, Step) for step in trajectory_of([broken]).steps)


def test_published_json_reads_back_equal() -> None:
    trajectory = trajectory_of(conversation())
    assert from_json(to_json(trajectory)) == trajectory


def test_fingerprint_knows_neither_ids_nor_times() -> None:
    def shifted(by: int) -> list[Span]:
        return [
            Span(
                trace_id="e" * 32, span_id=f"{int(x.span_id, 16) + by:016x}", name=x.name, start_ns=x.start_ns + by,
                end_ns=x.end_ns + by, parent_id=None if x.parent_id is None else f"{int(x.parent_id, 16) + by:016x}",
                status=x.status, attributes=x.attributes, scope=x.scope,
            )
            for x in conversation()
        ]  # fmt: skip

    assert fingerprint(trajectory_of(shifted(1000))) == fingerprint(trajectory_of(conversation()))
    changed = conversation()
    seen = {fingerprint(trajectory_of(conversation()))}
    for result in ("41", "cut \ud83d", "cut \ud83c"):
        changed[3] = span(4, "execute_tool find", 11, 20, 2, attributes={
            s.OPERATION: s.EXECUTE_TOOL, s.TOOL_NAME: "find", s.TOOL_ARGUMENTS: {"a": 3}, s.TOOL_RESULT: result,
        })  # fmt: skip
        seen.add(fingerprint(trajectory_of(changed)))
    assert len(seen) == 4
