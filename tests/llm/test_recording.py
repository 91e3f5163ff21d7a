"""What a real model did is recorded as the server that it ran on, and the world that it acted in, wrote it down."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agenteval.core.codec import fingerprint, from_json, to_json
from agenteval.core.trajectory import Integrity, ModelCall, ToolCall, Usage
from agenteval.models import RecordedModel
from agenteval.world import parse_user

pytestmark = pytest.mark.llm

TWO_TURNS = {"says": "On which shelf is the rice?", "then": ["And the tea?"]}


def kinds(seen: Any) -> list[str]:
    return [step.content.kind for step in seen.trajectory.steps]


async def test_a_question_that_needs_a_tool(trials: Any) -> None:
    seen = await trials.run(trials.model("acts-first"), task="On which shelf is the rice?")
    assert seen.told == seen.truth
    assert seen.ended == ("completed", None)
    assert (len(seen.calls(ModelCall)), len(seen.calls(ToolCall))) == (2, 1)


async def test_two_calls_in_one_answer_that_change_the_world(trials: Any) -> None:
    seen = await trials.run(trials.model("acts-twice"), task="Add 1 and 2. Then add 3 and 4.")
    assert seen.told == seen.truth
    assert seen.ended == ("completed", None)
    first, second = seen.calls(ToolCall)
    assert first.requested_by == second.requested_by
    assert first.call_id != second.call_id


async def test_a_conversation_of_two_turns(trials: Any) -> None:
    model = trials.model("acts-first")
    seen = await trials.run(model, task=None, user=parse_user(TWO_TURNS))
    assert seen.told == seen.truth
    assert seen.ended == ("completed", None)
    assert [step["text"] for step in seen.told if step.get("said_by") == "user"] == [
        TWO_TURNS["says"],
        *TWO_TURNS["then"],
    ]
    assert [run.name for run in seen.trajectory.runs] == ["chat", "chat"]
    # the server kept what it had read, and said so
    assert seen.trajectory.usage.cached_tokens > 0


async def test_without_a_world_and_a_policy_there_is_only_talk(trials: Any) -> None:
    seen = await trials.run(trials.model(), task="Say hello.", instructions=None, world=None, max_tokens=12)
    assert seen.told == seen.truth
    assert kinds(seen) == ["message", "model_call", "message"]


async def test_nothing_is_missing_and_all_of_it_happened_when_it_says(trials: Any) -> None:
    seen = await trials.run(trials.model("acts-first"), task="Add 2 and 2.")
    spans = 1 + len(seen.trajectory.runs) + len(seen.calls(ModelCall)) + len(seen.calls(ToolCall))
    assert seen.trajectory.integrity == Integrity(started=spans, ended=spans, stored=spans)
    assert seen.trajectory.integrity.complete
    assert [step.missing for step in seen.trajectory.steps] == [{}] * len(seen.trajectory.steps)
    asked = [step for step, _ in seen.trajectory.of(ModelCall)]
    for step, exchange in zip(asked, seen.exchanges, strict=True):
        assert step.start_ns <= exchange.asked_ns < exchange.answered_ns <= step.end_ns
    assert from_json(to_json(seen.trajectory)) == seen.trajectory


async def test_trials_at_once_keep_apart_and_every_token_is_counted_once(trials: Any) -> None:
    before = trials.llm.counters()
    model = trials.model("acts-first")
    seen = await asyncio.gather(
        *(trials.run(model, seed=seed, alone=False, task=f"Add {seed} and 1.", id=f"shop/{seed}") for seed in (1, 2, 3))
    )
    after = trials.llm.counters()
    assert [each.told for each in seen] == [each.truth for each in seen]
    assert [each.trajectory.attributes["agenteval.seed"] for each in seen] == [1, 2, 3]
    usage = sum((each.trajectory.usage for each in seen), start=Usage())
    assert {
        "prompt_tokens_total": usage.input_tokens - usage.cached_tokens,
        "prompt_tokens_cached_total": usage.cached_tokens,
        "tokens_predicted_total": usage.output_tokens,
    } == {name: after[name] - before[name] for name in after}


async def test_the_seed_reaches_the_model_and_the_same_one_gives_the_same_trial(trials: Any) -> None:
    says = {"world": None, "task": "Tell me something.", "temperature": 1.5, "max_tokens": 16}
    model = trials.model("forgets")
    seen = [await trials.run(model, seed=seed, **says) for seed in (11, 11, 12, 13)]
    assert [{exchange.asked["seed"] for exchange in each.exchanges} for each in seen] == [{11}, {11}, {12}, {13}]
    assert [{exchange.asked["temperature"] for exchange in each.exchanges} for each in seen] == [{1.5}] * 4
    assert [each.trial.seed for each in seen] == [11, 11, 12, 13]
    same, again, *others = [fingerprint(each.trajectory) for each in seen]
    assert same == again
    assert {same} != set(others)


async def test_a_recording_replays_without_the_server(trials: Any, tmp_path: Path) -> None:
    cassette = tmp_path / "cassette.jsonl"
    recorder = RecordedModel(trials.model("acts-first"), cassette, "record")
    user = parse_user(TWO_TURNS)
    recorded = await trials.run(recorder, task=None, user=user)
    replayed = await trials.run(RecordedModel(None, cassette), task=None, user=user)
    assert recorded.told == recorded.truth
    assert replayed.exchanges == []
    assert replayed.told == recorded.told
    assert fingerprint(replayed.trajectory) == fingerprint(recorded.trajectory)
    assert replayed.trajectory.integrity.complete


async def test_a_recording_answers_nothing_else(trials: Any, tmp_path: Path) -> None:
    cassette = tmp_path / "cassette.jsonl"
    await trials.run(RecordedModel(trials.model(), cassette, "record"), world=None, max_tokens=8)
    seen = await trials.run(RecordedModel(None, cassette), world=None, max_tokens=8, seed=8)
    assert seen.ended == ("invalid", "model")
    assert "differs first at seed: recorded 7, asked 8" in seen.trial.error
    assert seen.exchanges == []
    assert [call.error is None for call in seen.calls(ModelCall)] == [False]
