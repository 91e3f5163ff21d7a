"""What an agent says at its end, and its model calls said before: each thing once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agenteval.core.message import Message
from agenteval.core.span import Span
from agenteval.telemetry.assemble import assemble


def span(number: int, times: tuple[int, int], **attributes: Any) -> Span:
    return Span(
        trace_id="a" * 32, span_id=f"{number:016x}", parent_id=None if number == 1 else f"{1:016x}", name=str(number),
        start_ns=times[0], end_ns=times[1], scope={"name": "openinference.instrumentation.agno"}, attributes=attributes,
    )  # fmt: skip


def said_with(ending: str) -> list[str]:
    """What is heard of an assistant whose agent ends with some words, after two answers and before a third."""
    spans = [span(1, (0, 50), **{"openinference.span.kind": "AGENT", "agent.name": "desk", "output.value": ending})]
    for number, words in enumerate(("It is locked.", "Once  more:\ndone."), start=2):
        output = {"llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.content": words}
        call = (
            {f"{'llm.output_messages.0.message.tool_calls.0.tool_call'}.function.name": "renew"} if number == 2 else {}
        )
        attributes = {"openinference.span.kind": "LLM", "llm.model_name": "m", **output, **call}
        spans.append(span(number, (10 * number, 10 * number + 5), **attributes))
    later = span(9, (60, 70), **{"openinference.span.kind": "LLM", "output.value": json.dumps("Goodbye.")})
    (made,) = assemble([*spans, later])
    steps = [step.content for step in made.steps]
    return [one.text for one in steps if isinstance(one, Message) and one.role == "assistant"]


SAID = ["It is locked.", "Once  more:\ndone."]


@pytest.mark.parametrize(
    "ending", ["Once more: done.", "It is locked.Once more: done.", "It is locked.\n\nOnce more:\n\ndone."]
)
def test_an_answer_that_repeats_what_was_said_or_strings_it_together_is_no_message(ending: str) -> None:
    assert said_with(ending)[:2] == SAID
    assert ending not in said_with(ending)


@pytest.mark.parametrize("ending", ["done.", "Well: Once more: done.", "Once more: done.It is locked.", "All is well."])
def test_an_answer_of_other_words_is_a_message(ending: str) -> None:
    assert said_with(ending)[:3] == [*SAID, ending]
