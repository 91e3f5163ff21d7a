"""A long conversation takes little more room than what was said in it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import orjson
import pytest

from agenteval.core import semconv
from agenteval.core.codec import message_to_json
from agenteval.core.message import Message, TextPart, ToolRequest, ToolResponse, text_message
from agenteval.core.outcome import Trial
from agenteval.core.ports import Query
from agenteval.core.span import Span
from agenteval.store.sql import SqlStore
from agenteval.telemetry.assemble import trajectory_of

TURNS = 200
TRACE = "5e" * 16
VOCABULARY = [
    "".join(random.Random(n).choices("etaoinshrdlucmfwypvbgkjqxz", k=random.Random(n).randint(2, 9)))
    for n in range(4_000)
]


class Speech:
    """Texts of a size, and a count of their bytes."""

    def __init__(self, *, words: bool, seed: int) -> None:
        self._chance = random.Random(seed)
        self._words = words
        self.distinct = 0

    def text(self, size: int) -> str:
        if self._words:
            said = " ".join(self._chance.choices(VOCABULARY, k=size))[:size]
        else:  # hardly anything for a compressor to find
            said = "".join(
                self._chance.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", k=size)
            )
        self.distinct += len(said.encode())
        return said

    def value(self, value: Any) -> Any:
        self.distinct += len(orjson.dumps(value))
        return value


def long_trial(speech: Speech) -> list[Span]:
    """200 turns: the user asks, a model call, a tool call, a model call, the answer; as capture records them."""
    chance = random.Random(7)
    spans: list[Span] = []
    now = 1_790_000_000_000_000_000

    def span(name: str, parent: str | None, attributes: dict[str, Any]) -> Span:
        nonlocal now
        now += chance.randint(1_000_000, 900_000_000)
        spans.append(
            Span(
                trace_id=TRACE,
                span_id=f"{chance.getrandbits(64):016x}",
                parent_id=parent,
                name=name,
                kind=3 if name.startswith("chat") else 1,
                start_ns=now,
                end_ns=now + chance.randint(1_000_000, 90_000_000),
                attributes=attributes,
                resource={"service.name": "agenteval", "telemetry.sdk.language": "python"},
                scope={"name": "agenteval", "version": ""},
            )
        )
        return spans[-1]

    root = span("trial retail/long", None, {semconv.SOURCE: "harness", semconv.RUN_ID: "r", semconv.REPEAT: 0})
    said: list[Message] = [text_message("system", speech.text(4_000))]
    tools = speech.value(
        [{"name": f"tool_{n}", "description": "Does one thing.", "parameters": {"type": "object"}} for n in range(14)]
    )

    def chat(parent: str, answer: Message) -> None:
        span(
            "chat m",
            parent,
            {
                semconv.OPERATION: semconv.CHAT,
                semconv.REQUEST_MODEL: "m",
                semconv.RESPONSE_MODEL: "m-2026",
                semconv.INPUT_MESSAGES: [message_to_json(message) for message in said],
                semconv.TOOL_DEFINITIONS: tools,
                semconv.OUTPUT_MESSAGES: [message_to_json(answer)],
                semconv.FINISH_REASONS: ["stop"],
                semconv.INPUT_TOKENS: chance.randint(1_000, 90_000),
                semconv.OUTPUT_TOKENS: chance.randint(10, 400),
            },
        )
        said.append(answer)

    for turn in range(TURNS):
        asked = text_message("user", speech.text(400))
        agent = span(
            "invoke_agent careful",
            root.span_id,
            {semconv.OPERATION: semconv.INVOKE_AGENT, semconv.INPUT_MESSAGES: [message_to_json(asked)]},
        )
        said.append(asked)
        call = ToolRequest(name=f"tool_{turn % 14}", arguments=speech.value({"order": str(turn)}), id=f"call_{turn}")
        chat(agent.span_id, Message(role="assistant", parts=(TextPart(text=speech.text(60)), call)))
        result = {"order": turn, "lines": [{"text": speech.text(240), "n": n} for n in range(4)]}
        span(
            f"execute_tool {call.name}",
            agent.span_id,
            {
                semconv.OPERATION: semconv.EXECUTE_TOOL,
                semconv.TOOL_NAME: call.name,
                semconv.TOOL_ARGUMENTS: call.arguments,
                semconv.TOOL_CALL_ID: call.id,
                semconv.TOOL_RESULT: result,
            },
        )
        said.append(Message(role="tool", parts=(ToolResponse(response=result, id=call.id),)))
        answer = text_message("assistant", speech.text(400))
        chat(agent.span_id, answer)
        agent.attributes[semconv.OUTPUT_MESSAGES] = [message_to_json(answer)]
    return spans


@pytest.mark.parametrize(
    ("words", "together"), [(True, True), (False, False)], ids=["words, together", "noise, span by span"]
)
def test_a_trial_of_200_turns_takes_at_most_three_times_what_was_said(
    tmp_path: Path, words: bool, together: bool
) -> None:
    speech = Speech(words=words, seed=1)
    spans = long_trial(speech)
    path = tmp_path / "store.db"
    store = SqlStore(path)
    for some in [spans] if together else [[span] for span in spans]:
        store.append(some)
    trajectory = trajectory_of(spans)
    trial = Trial(
        run="r",
        scenario="retail/long",
        scenario_hash="h",
        agent="careful",
        repeat=0,
        seed=0,
        status="completed",
        trajectory=TRACE,
    )
    store.put_trial(trial, trajectory)
    sent = sum(len(orjson.dumps(span.attributes)) for span in spans)
    assert sent > 100 * speech.distinct  # what the model calls repeat
    store.close()
    taken = path.stat().st_size
    assert [other.name for other in tmp_path.iterdir()] == ["store.db"]  # nothing waits beside the file
    assert taken <= 3 * speech.distinct
    reopened = SqlStore(path)
    assert reopened.read([TRACE])[0] == sorted(spans, key=lambda span: span.start_ns)
    assert list(reopened.trajectories(Query(run="r"))) == [(trial, trajectory)]
    reopened.close()
