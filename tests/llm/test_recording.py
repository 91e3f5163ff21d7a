"""What a real model did is recorded as the server that it ran on, and the world that it acted in, wrote it down."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agenteval.core.codec import fingerprint, from_json, to_json
from agenteval.core.scenario import Limits
from agenteval.core.trajectory import Integrity, ModelCall, ToolCall, Usage
from agenteval.models import RecordedModel
from agenteval.world import parse_user

pytestmark = pytest.mark.llm

DESK = {
    "desk/suite.yaml": """\
suite: desk
defaults:
  world: ./world.py:Desk
  instructions: You help in a shop. Be brief.
  limits: {turns: 3, calls: 5}
""",
    "desk/world.py": '''\
from typing import Literal

from agenteval import StateWorld, tool


class Desk(StateWorld):
    def __init__(self, seed: int) -> None:
        super().__init__({"shelves": {"tea": 4, "rice": 7}})

    @tool
    def look_up(self, item: Literal["tea", "rice"]) -> dict:
        """The shelf of an item."""
        return {"shelf": self.data["shelves"][item]}
''',
    "desk/shelf.yaml": """\
scenario: desk/shelf
task: On which shelf is the tea?
intent: this-must-stay-hidden
checks:
  - {at_least: {look_up: 1}, id: looks}
""",
    "desk/dear.yaml": """\
scenario: desk/dear
task: On which shelf is the rice?
intent: this-must-stay-hidden
checks:
  - {budget: {tokens: 10}, id: cheap}
""",
}
TWO_TURNS = {"says": "On which shelf is the rice?", "then": ["And the tea?"]}


def kinds(seen: Any) -> list[str]:
    return [step.content.kind for step in seen.trajectory.steps]


async def test_a_question_that_needs_a_tool(trials: Any) -> None:
    seen = await trials.run(trials.model("acts-first"), task="On which shelf is the rice?")
    assert seen.told == seen.truth
    assert seen.ended == ("completed", None)
    assert (len(seen.calls(ModelCall)), len(seen.calls(ToolCall))) == (2, 1)


async def test_words_and_a_call_in_one_answer(trials: Any) -> None:
    seen = await trials.run(trials.model("acts-aloud"), max_tokens=64)
    assert seen.told == seen.truth
    assert seen.ended == ("completed", None)
    assert kinds(seen)[:5] == ["message", "message", "model_call", "message", "tool_call"]


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


async def test_an_answer_without_a_word_is_recorded_as_one(trials: Any) -> None:
    seen = await trials.run(trials.model("says-nothing"), task=None, user=parse_user(TWO_TURNS))
    assert seen.told == seen.truth
    assert seen.ended == ("completed", None)
    assert kinds(seen) == ["message", "message", "model_call", "message", "model_call"]
    assert [message.text for call in seen.calls(ModelCall) for message in call.output] == ["", ""]


async def test_nothing_is_missing_and_all_of_it_happened_when_it_says(trials: Any) -> None:
    # nothing makes the model call a tool here, or stop
    seen = await trials.run(trials.model(), task="Add 2 and 2.", limits=Limits(calls=2))
    assert seen.told == seen.truth
    assert seen.ended in {("completed", None), ("limit", None)}
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


# --- through the command line


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A project with a suite of two scenarios."""
    for name, text in DESK.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return tmp_path


def document(project: Path, *arguments: str, code: int = 0) -> Any:
    """What a verb prints with --json."""
    command = [sys.executable, "-m", "agenteval", *arguments, "--json"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


async def test_a_suite_from_the_command_line(trials: Any, desk: Path) -> None:
    before = len(trials.llm.exchanges())
    asked = ("--agent", "chat", "--model", "openai:small", "--base-url", trials.llm.url("acts-first"), "--trials", "1")
    ran = document(desk, "run", "desk", *asked)
    exchanges = trials.llm.exchanges(after=before)
    assert ran["summary"]["statuses"] == {"completed": 2}
    assert (ran["report"]["pass_rate"]["estimate"], ran["report"]["pass_rate"]["counted"]) == (0.5, 2)
    assert "this-must-stay-hidden" not in json.dumps([exchange.asked for exchange in exchanges])

    of_trial = {trial["scenario"]: trial for trial in ran["report"]["trials"]}
    for trial in of_trial.values():
        shown = document(desk, "show", trial["trajectory"])
        own = [exchange for exchange in exchanges if exchange.asked["seed"] == trial["seed"]]
        assert trials.told(from_json(shown), None) == trials.truth(own, [])
        assert shown["integrity"]["complete"]
    used = sum(
        exchange.generated["usage"]["total_tokens"]
        for exchange in exchanges
        if exchange.asked["seed"] == of_trial["desk/dear"]["seed"]
    )
    assert [finding["reason"] for finding in of_trial["desk/dear"]["findings"]] == [f"tokens: {used} used, 10 allowed"]
    assert [trial["passed"] for trial in (of_trial["desk/dear"], of_trial["desk/shelf"])] == [False, True]


async def test_a_wrong_endpoint_from_the_command_line(trials: Any, desk: Path) -> None:
    base_url = f"{trials.llm.front}/v2"
    asked = ("--agent", "chat", "--model", "openai:small", "--base-url", base_url, "--retries", "0")
    ran = document(desk, "run", "desk/shelf", *asked, code=3)
    assert ran["summary"]["statuses"] == {"invalid": 1}
    assert (ran["report"]["pass_rate"]["estimate"], ran["report"]["pass_rate"]["left_out"]) == (None, 1)
    (trial,) = ran["report"]["trials"]
    assert trial["error"] == (
        f"ModelError: POST {base_url}/chat/completions answered 404 Not Found: File Not Found. "
        f'Is the base URL {base_url} missing "/v1"?'
    )
    shown = document(desk, "show", trial["trajectory"])
    assert [step["kind"] for step in shown["steps"]] == ["message", "message", "model_call"]
    assert f"ModelError: {shown['steps'][-1]['error']}" == trial["error"]
