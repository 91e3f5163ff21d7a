"""What is read once within an assembly: the same answers as without a memory, and none from another assembly."""

from __future__ import annotations

import gzip
import json
import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agenteval._util import structured as texts
from agenteval.core.message import text_message
from agenteval.core.span import Span
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.forest import readings_of
from agenteval.telemetry.likeness import lookup_key, same_arguments
from agenteval.telemetry.otlp import decode_logs, decode_traces
from agenteval.telemetry.remembering import one_assembly, remembered, structured
from agenteval.telemetry.structure import distinct, parents_of

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)


def counted() -> tuple[Callable[..., str], list[str]]:
    asked: list[str] = []

    @remembered
    def told(about: object, *more: str) -> str:
        asked.append(repr(about))  # and not the object itself, which would keep its place in memory
        return repr((about, *more))

    return told, asked


@pytest.mark.parametrize("make", [lambda: str(12345), lambda: {"a": [1, None]}, lambda: ("x", "y"), lambda: [{}]])
def test_what_is_equal_is_asked_once(make: Callable[[], object]) -> None:
    told, asked = counted()
    with one_assembly():
        assert told(make()) == told(make()) == repr((make(),))
        told(make(), "more")
    assert asked == [repr(make()), repr(make())]


def test_what_only_looks_equal_is_asked_each_time() -> None:
    told, asked = counted()
    alike: list[object] = [[1], [1.0], [True], [None], [math.nan], [b"1"], ["1"], [[1]], {"a": None}, {"a": math.inf}]
    with one_assembly():
        assert [told(one) for one in alike] == [repr((one,)) for one in alike]
    assert len(asked) == len(alike)


def test_other_objects_are_known_again_by_being_the_same() -> None:
    told, asked = counted()
    message = text_message("user", "hello")
    with one_assembly():
        for _ in range(3):
            told(message)
            told(text_message("user", "hello"))  # a new one each time, which may have the place of one that is gone
    assert len(asked) == 4


def test_nothing_is_remembered_outside_an_assembly_or_from_another_one() -> None:
    told, asked = counted()
    told("a")
    told("a")
    with one_assembly():
        told("a")
        with one_assembly():
            told("a")
        told("a")
    with one_assembly():
        told("a")
    assert len(asked) == 4


def test_threads_remember_for_themselves() -> None:
    told, asked = counted()
    with one_assembly():
        told("a")
        thread = threading.Thread(target=told, args=("a",))
        thread.start()
        thread.join()
    assert asked == ["'a'", "'a'"]


@given(
    earlier=st.lists(VALUES, min_size=1, max_size=3),
    later=st.lists(VALUES, max_size=3),
    between=st.sampled_from([", ", ",", " ,\n"]),
    ending=st.sampled_from(["", ",", "]", ", {", ', {"a": 1, "a": 2}', ", NaN", " "]),
)
@example(earlier=[1], later=[], between=", ", ending=",")
@example(earlier=[1], later=[], between=", ", ending="]3")
@example(earlier=[1], later=[2], between=", ", ending="")
def test_a_list_that_goes_on_is_what_it_is_alone(
    earlier: list[Any], later: list[Any], between: str, ending: str
) -> None:
    pieces = [json.dumps("long enough to be worth comparing " * 40), *map(json.dumps, earlier)]
    begun = f"[{between.join(pieces)}]"
    text = f"[{between.join([*pieces, *map(json.dumps, later)])}{ending}]"
    with one_assembly():
        first, second = structured(begun), structured(text)
    assert repr(second) == repr(texts.structured(text))
    if later and not ending and isinstance(second, list):
        assert all(one is same for one, same in zip(first, second, strict=False) if isinstance(one, (dict, list)))


def test_captures_are_read_alike_with_and_without_a_memory(repo: Path) -> None:
    folders = sorted((repo / "traces" / "captures").glob("*/wire"))
    assert len(folders) > 10
    for folder in folders:
        spans = [
            span
            for file in sorted(folder.glob("*.traces.pb.gz"))
            for span in decode_traces(gzip.decompress(file.read_bytes()))
        ]
        logs = [
            log
            for file in sorted(folder.glob("*.logs.pb.gz"))
            for log in decode_logs(gzip.decompress(file.read_bytes()))
        ]
        unique, _ = distinct(spans)
        with one_assembly():
            remembering = readings_of(unique, parents_of(unique), logs)
        assert readings_of(unique, parents_of(unique), logs) == remembering, folder.parent.name


@given(a=VALUES, b=VALUES)
def test_arguments_that_are_the_same_are_looked_up_under_one_key(a: Any, b: Any) -> None:
    for one, other in (
        (a, b),
        (a, json.loads(json.dumps(a))),
        ({"x": 1}, {"x": 1.0}),
        ({"x": a}, json.dumps({"x": a})),
    ):
        if same_arguments(one, other):
            assert lookup_key(one) == lookup_key(other)


def test_a_long_conversation_is_the_same_whether_its_messages_are_text_or_values() -> None:
    """Histories that grow with each call, as values and as JSON text, which is read from where the last one ended."""

    def conversation(write: Callable[[list[Any]], Any]) -> list[Span]:
        history: list[Any] = [{"role": "user", "parts": [{"type": "text", "content": "All of them, please. " * 60}]}]
        spans: list[Span] = []
        for number in range(40):
            call = {"type": "tool_call", "id": f"call_{number}", "name": "look", "arguments": {"n": number}}
            said = {"role": "assistant", "parts": [call], "finish_reason": "tool_calls"}
            attributes = {
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": "m",
                "gen_ai.input.messages": write(history),
                "gen_ai.output.messages": write([said]),
            }
            spans.append(
                Span(
                    trace_id="a" * 32,
                    span_id=f"{number + 1:016x}",
                    name="chat m",
                    start_ns=10 * number,
                    end_ns=10 * number + 5,
                    attributes=attributes,
                )
            )
            answer = {"type": "tool_call_response", "id": f"call_{number}", "response": {"found": number}}
            history = [*history, said, {"role": "tool", "parts": [answer]}]
        return spans

    (as_text,) = assemble(conversation(json.dumps))
    (as_values,) = assemble(conversation(list))
    assert as_text == as_values
    results = [step.content.result for step in as_text.steps if step.content.kind == "tool_call"]
    assert results == [*({"found": number} for number in range(39)), None]
