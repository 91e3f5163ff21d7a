"""What instrumentations lose of one span and what another span holds: answers, requests, requesters, targets."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenteval.core.message import Message, ToolRequest
from agenteval.core.span import Span, SpanStatus
from agenteval.core.trajectory import Handoff, ModelCall, ToolCall, Trajectory
from agenteval.telemetry.assemble import assemble

Part = dict[str, Any]


def span(number: int, start: int, end: int, *, parent: int | None = 1, name: str = "s", **more: Any) -> Span:
    return Span(
        trace_id="c" * 32,
        span_id=f"{number:016x}",
        parent_id=None if parent is None else f"{parent:016x}",
        name=name,
        start_ns=start,
        end_ns=end,
        **{"scope": {"name": "client"}, "attributes": {}, **more},
    )


def text(words: str) -> Part:
    return {"type": "text", "content": words}


def wish(name: str, arguments: Any, call_id: str | None) -> Part:
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


def result(value: Any, call_id: str | None) -> Part:
    return {"type": "tool_call_response", "id": call_id, "response": value}


def said(role: str, *parts: Part) -> dict[str, Any]:
    return {"role": role, "parts": list(parts)}


def chat(
    number: int,
    start: int,
    heard: list[dict[str, Any]],
    output: list[dict[str, Any]] | None = None,
    end: int | None = None,
    **more: Any,
) -> Span:
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.input.messages": json.dumps(heard),
    }
    if output is not None:
        attributes["gen_ai.output.messages"] = json.dumps(output)
    return span(number, start, start + 5 if end is None else end, attributes={**attributes, **more})


def tool(number: int, start: int, name: str, **attributes: Any) -> Span:
    return span(
        number,
        start,
        start + 1,
        attributes={"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name, **attributes},
    )


def root() -> Span:
    return span(1, 0, 999, parent=None, name="POST /ask")


def models(trajectory: Trajectory) -> list[ModelCall]:
    return [call for _, call in trajectory.of(ModelCall)]


def tools(trajectory: Trajectory) -> list[ToolCall]:
    return [call for _, call in trajectory.of(ToolCall)]


# --- answers that were not recorded

QUESTION = said("user", text("Look into shed 4."))
WISHES = st.lists(st.tuples(st.sampled_from(["look", "open"]), st.integers(0, 3)), min_size=0, max_size=2)


@given(rounds=st.lists(st.tuples(st.text("ab ", max_size=3), WISHES), min_size=1, max_size=5))
def test_every_answer_but_the_last_is_known_from_the_next_history(
    rounds: list[tuple[str, list[tuple[str, int]]]],
) -> None:
    history, spans, expected = [QUESTION], [root()], []
    for number, (words, asked) in enumerate(rounds):
        wishes = [wish(name, {"n": n}, f"c{number}.{place}") for place, (name, n) in enumerate(asked)]
        answer = said("assistant", *([text(words)] if words.strip() else []), *wishes)
        spans.append(chat(10 + number, 10 * (number + 1), list(history)))
        results = [said("tool", result(place, f"c{number}.{place}")) for place in range(len(asked))]
        if not answer["parts"]:
            answer["parts"] = [text("nothing")]
        history += [answer, *results, *([said("user", text(f"Go on, {number}."))] if not asked else [])]
        expected.append((len(wishes), [one["id"] for one in wishes]))
    (trajectory,) = assemble(spans, [])
    found = [(len(call.requests), [request.id for request in call.requests]) for call in models(trajectory)]
    assert found[:-1] == expected[:-1]
    assert found[-1] == (0, [])
    steps = [step for step, _ in trajectory.of(ModelCall)]
    assert ["output" in step.missing for step in steps] == [False] * (len(rounds) - 1) + [True]
    assert [call.call_id for call in tools(trajectory)] == [name for _, ids in expected[:-1] for name in ids]


def test_requests_are_known_where_the_words_beside_them_alone_were_recorded() -> None:
    answer = said("assistant", text("Trying."), wish("look", {"shed": 4}, "c1"))
    history = [QUESTION, answer, said("tool", result({"thing": "ladder"}, "c1"))]
    spans = [root(), chat(2, 10, [QUESTION], [said("assistant", text("Trying."))]), chat(3, 20, history, [])]
    (trajectory,) = assemble(spans, [])
    assert models(trajectory)[0].requests == (ToolRequest(name="look", arguments={"shed": 4}, id="c1"),)
    (call,) = tools(trajectory)
    assert (call.result, call.requested_by) == ({"thing": "ladder"}, f"{2:016x}")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param([said("user", text("Another question.")), said("assistant", text("Yes."))], id="another talk"),
        pytest.param([QUESTION, said("user", text("And 5.")), said("assistant", text("Yes."))], id="another turn"),
        pytest.param([QUESTION], id="the same once more"),
    ],
)
def test_an_answer_is_taken_from_no_other_talk(other: list[dict[str, Any]]) -> None:
    (trajectory,) = assemble([root(), chat(2, 10, [QUESTION]), chat(3, 20, other, [])], [])
    assert models(trajectory)[0].output == ()


def test_what_was_recorded_is_not_replaced_by_other_words() -> None:
    history = [QUESTION, said("assistant", text("Something shorter."), wish("look", {}, "c1"))]
    spans = [root(), chat(2, 10, [QUESTION], [said("assistant", text("All of it."))]), chat(3, 20, history, [])]
    (trajectory,) = assemble(spans, [])
    assert [message.text for message in models(trajectory)[0].output] == ["All of it."]
    assert models(trajectory)[0].requests == ()


def test_another_agent_that_goes_on_tells_what_the_first_asked_for() -> None:
    first = [said("system", text("Be the desk.")), QUESTION]
    second = [
        said("system", text("Be the clerk.")),
        QUESTION,
        said("assistant", wish("transfer_to_clerk", {}, "c1")),
        said("tool", result("ok", "c1")),
    ]
    unknown = span(4, 16, 17, name="desk → unknown.handoff", attributes={"traceloop.span.kind": "handoff"})
    (trajectory,) = assemble([root(), chat(2, 10, first), unknown, chat(3, 20, second, [])], [])
    assert [handoff for _, handoff in trajectory.of(Handoff)] == [Handoff(target="clerk")]
    assert tools(trajectory) == []


# --- answers without ids


def test_answers_that_name_nothing_belong_to_what_was_asked_last() -> None:
    def flat(number: int, start: int, results: list[str], *asked: str) -> Span:
        held: dict[str, Any] = {
            "llm.request.type": "chat",
            "llm.prompts.0.role": "user",
            "llm.prompts.0.content": "Look into the sheds.",
            "llm.usage.prompt_tokens": number,
            "llm.usage.completion_tokens": 1,
        }
        for place, value in enumerate(results, start=1):
            held |= {f"llm.prompts.{place}.role": "tool", f"llm.prompts.{place}.content": value}
        for place, arguments in enumerate(asked):
            begin = f"llm.completions.{place}"
            held |= {f"{begin}.role": "assistant", f"{begin}.function_call.name": "look"}
            held |= {f"{begin}.function_call.arguments": arguments}
        return span(number, start, start + 5, attributes=held)

    spans = [root(), flat(2, 10, [], '{"shed": 4}'), flat(3, 20, ["a ladder"], '{"shed": 5}')]
    (trajectory,) = assemble([*spans, flat(4, 30, ["a ladder", "ERROR: locked"])], [])
    found = [(call.arguments, call.result, call.error) for call in tools(trajectory)]
    assert found == [({"shed": 4}, "a ladder", None), ({"shed": 5}, "ERROR: locked", "ERROR: locked")]
    assert [call.usage.tokens for call in models(trajectory) if call.usage is not None] == [3, 4, 5]


# --- clocks of milliseconds


def test_a_call_is_not_requested_by_the_model_call_that_began_in_the_same_instant() -> None:
    def silent(number: int, start: int, end: int) -> Span:
        return span(
            number, start, end, attributes={"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": number}
        )

    spans = [
        root(),
        silent(2, 10, 30),
        silent(3, 30, 50),
        span(4, 30, 31, attributes={"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look"}),
    ]
    (trajectory,) = assemble(spans, [])
    assert [call.requested_by for call in tools(trajectory)] == [f"{2:016x}"]
    assert [step.id for step in trajectory.steps] == [f"{2:016x}", f"{4:016x}", f"{3:016x}"]


# --- model calls beneath tools and agents


@pytest.mark.parametrize("between", ["execute_tool", "invoke_agent"])
def test_a_model_call_that_others_work_beneath_stays_a_model_call(between: str) -> None:
    outer = chat(2, 10, [QUESTION], [said("assistant", wish("clerk", {}, "c1"))], end=90)
    kinds = {"execute_tool": {"gen_ai.tool.name": "clerk"}, "invoke_agent": {"gen_ai.agent.name": "clerk"}}
    middle = span(3, 20, 80, parent=2, attributes={"gen_ai.operation.name": between, **kinds[between]})
    inner = [
        span(4 + n, 30 + 10 * n, 35 + 10 * n, parent=3, attributes=dict(chat(9, 1, [QUESTION]).attributes))
        for n in range(2)
    ]
    trajectories = assemble([root(), outer, middle, *inner], [])
    assert [step.id for one in trajectories for step, _ in one.of(ModelCall)] == [f"{n:016x}" for n in (2, 4, 5)]


def test_a_model_call_right_above_several_is_their_sum() -> None:
    outer = chat(2, 10, [QUESTION], [said("assistant", text("Done."))], end=90)
    inner = [
        span(4 + n, 30 + 10 * n, 35 + 10 * n, parent=2, attributes=dict(chat(9, 1, [QUESTION]).attributes))
        for n in range(2)
    ]
    (trajectory,) = assemble([root(), outer, *inner], [])
    assert [step.id for step, _ in trajectory.of(ModelCall)] == [f"{n:016x}" for n in (4, 5)]


# --- what MCP carried, without an agent's span of the call


def carried(number: int, parent: int, start: int, end: int, output: Any, **more: Any) -> Span:
    return span(
        number, start, end, parent=parent, name="look.tool",
        attributes={
            "traceloop.span.kind": "tool",
            "traceloop.entity.name": "look",
            "traceloop.entity.input": json.dumps({"tool_name": "look", "arguments": {"shed": 4}}),
            "traceloop.entity.output": json.dumps(output),
        }, **more,
    )  # fmt: skip


SERVER = [{"type": "text", "content": '{"thing": "ladder"}'}]


def test_a_clients_and_a_servers_span_of_one_call_are_one() -> None:
    serving = span(5, 12, 18, parent=1, name="mcp.server")
    spans = [root(), span(2, 5, 50), carried(3, 2, 10, 20, {"result": '{"thing": "ladder"}'}), serving]
    (trajectory,) = assemble([*spans, carried(6, 5, 13, 17, SERVER)], [])
    (call,) = tools(trajectory)
    assert (call.name, call.arguments, call.result) == ("look", {"shed": 4}, {"thing": "ladder"})


def test_two_calls_that_a_client_makes_at_once_are_two() -> None:
    spans = [root(), carried(3, 1, 10, 20, {"result": "a"}), carried(4, 1, 11, 19, {"result": "b"})]
    (trajectory,) = assemble(spans, [])
    assert [call.result for call in tools(trajectory)] == ["a", "b"]


def test_an_error_that_mcp_carried_has_its_words() -> None:
    failed = carried(3, 1, 10, 20, {"result": "the shed is locked", "is_error": True}, status=SpanStatus(code=2))
    (trajectory,) = assemble([root(), failed], [])
    (call,) = tools(trajectory)
    assert (call.error, call.result, call.status) == ("the shed is locked", None, "error")


def test_a_turn_that_began_before_the_answer_ended_by_coarse_clocks_comes_after_it() -> None:
    answer, question = said("assistant", text("A ladder.")), said("user", text("And in shed 5?"))
    first = chat(2, 10, [QUESTION], [answer], end=25)
    second = chat(3, 20, [QUESTION, answer, question], [said("assistant", text("Nothing."))])
    (trajectory,) = assemble([root(), first, second], [])
    words = [message.text for _, message in trajectory.of(Message)]
    assert words == ["Look into shed 4.", "A ladder.", "And in shed 5?", "Nothing."]


def test_a_question_asked_beside_an_answer_keeps_its_time() -> None:
    first = chat(2, 10, [QUESTION], [said("assistant", text("A ladder."))], end=25)
    second = chat(3, 20, [said("user", text("And in shed 5?"))], [said("assistant", text("Nothing."))], end=40)
    (trajectory,) = assemble([root(), first, second], [])
    words = [message.text for _, message in trajectory.of(Message)]
    assert words == ["Look into shed 4.", "And in shed 5?", "A ladder.", "Nothing."]


def test_an_answer_that_a_history_has_in_several_messages_is_one() -> None:
    wishes = [said("assistant", wish("look", {"shed": n}, f"c{n}")) for n in (4, 5)]
    results = [said("tool", result(f"thing {n}", f"c{n}")) for n in (4, 5)]
    spans = [root(), chat(2, 10, [QUESTION]), chat(3, 20, [QUESTION, *wishes, *results], [])]
    (trajectory,) = assemble(spans, [])
    assert [request.arguments for request in models(trajectory)[0].requests] == [{"shed": 4}, {"shed": 5}]
    assert [call.result for call in tools(trajectory)] == ["thing 4", "thing 5"]


# --- ids of two kinds: an item's in the request, the call's in the answer


def test_answers_whose_ids_are_of_another_kind_answer_in_order() -> None:
    wishes = [wish("look", {"shed": n}, f"fc_{n}a") for n in (4, 5)]
    results = [said("tool", result(f"thing {n}", f"call_{n}b")) for n in (4, 5)]
    first = chat(2, 10, [QUESTION], [said("assistant", *wishes)])
    whole = chat(3, 20, [QUESTION, said("assistant", *wishes), *results], [])
    alone = chat(3, 20, results, [])
    for second in (whole, alone):
        (trajectory,) = assemble([root(), first, second], [])
        found = [(call.arguments, call.result, call.call_id) for call in tools(trajectory)]
        assert found == [({"shed": 4}, "thing 4", "call_4b"), ({"shed": 5}, "thing 5", "call_5b")]


def test_an_answer_too_few_of_another_kind_belongs_to_none() -> None:
    wishes = [wish("look", {"shed": n}, f"fc_{n}a") for n in (4, 5)]
    first = chat(2, 10, [QUESTION], [said("assistant", *wishes)])
    (trajectory,) = assemble([root(), first, chat(3, 20, [said("tool", result("thing", "call_b"))], [])], [])
    assert tools(trajectory) == []


# --- nothing tells what became of requests


def test_requests_after_which_the_talk_went_on_are_calls_of_which_nothing_more_is_known() -> None:
    def asks(number: int, heard: list[dict[str, Any]]) -> Span:
        return chat(number, 10 * number, heard, [said("assistant", wish("look", {"shed": number}, f"c{number}"))])

    done = chat(4, 40, [QUESTION], [said("assistant", text("Done."))])
    (trajectory,) = assemble([root(), asks(2, [QUESTION]), asks(3, [QUESTION]), done], [])
    found = [(step.content, step.missing) for step in trajectory.steps if isinstance(step.content, ToolCall)]
    assert [(call.arguments, call.status, sorted(missing)) for call, missing in found] == [
        ({"shed": 2}, "unknown", ["result", "status"]),
        ({"shed": 3}, "unknown", ["result", "status"]),
    ]
    elsewhere = [asks(2, [QUESTION]), chat(3, 30, [said("user", text("Another thing."))], [])]
    (trajectory,) = assemble([root(), *elsewhere], [])
    assert tools(trajectory) == []


def test_a_whole_history_without_its_requests_is_no_news() -> None:
    first = chat(2, 10, [QUESTION], [said("assistant", wish("look", {"shed": 4}, "c1"))])
    history = [QUESTION, said("tool", result("a ladder", "c1"))]
    second = chat(3, 20, history, [said("assistant", text("A ladder."))])
    third = chat(4, 30, [*history, said("assistant", text("A ladder.")), said("user", text("And 5?"))], [])
    next_turn = replace(third, trace_id="d" * 32, parent_id=None)
    (trajectory,) = assemble([root(), first, second, next_turn], [])
    words = [message.text for _, message in trajectory.of(Message)]
    assert words == ["Look into shed 4.", "A ladder.", "And 5?"]


def test_whole_histories_whose_answers_have_ids_of_another_kind_tell_each_answer_once() -> None:
    history, spans = [QUESTION], [root()]
    for number in range(3):
        asked = said("assistant", wish("look", {"shed": number}, f"fc_{number}a"))
        spans.append(chat(10 + number, 10 * number + 10, list(history), [asked]))
        history += [asked, said("tool", result(f"thing {number}", f"call_{number}b"))]
    (trajectory,) = assemble([*spans, chat(20, 90, history, [])], [])
    found = [(call.arguments, call.result, call.call_id) for call in tools(trajectory)]
    assert found == [({"shed": number}, f"thing {number}", f"call_{number}b") for number in range(3)]
