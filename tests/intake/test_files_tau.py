"""tau-bench and tau2-bench files: real ones counted independently, and each rule of the mapping on small ones."""

from __future__ import annotations

import gzip
import json
import math
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from agenteval._util.canonical import canonical, content_hash
from agenteval.core import semconv
from agenteval.core.message import Message
from agenteval.core.span import Span
from agenteval.core.trajectory import ModelCall, ToolCall, Trajectory
from agenteval.intake.files import FileHeader, Imported, ImportRefused, TrialFacts, read, restore, restored
from agenteval.telemetry.assemble import trajectory_of

TAU2_FILES = (
    "gym/gpt-4.1_airline_default.json.gz",
    "gym/gpt-4.1_telecom_default.json.gz",
    "gym/gpt-4.1_telecom_no-user.json.gz",
    "gym/qwen2.5-7b_airline_default.json.gz",
    "main/toolorchestra_airline_gpt-4.1-mini.json.gz",
    "pr/pr103_azure-gpt-4o_airline.json.gz",
)


def written(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def imported(path: Path) -> list[Imported]:
    records = list(read(path))
    assert [item for item in records if isinstance(item, ImportRefused)] == []
    return [item for item in records if isinstance(item, Imported)]


def assembled(record: Imported) -> Trajectory:
    trajectory = trajectory_of(record.spans)
    assert trajectory.integrity.complete
    assert trajectory.integrity.clock_skew_ns == 0
    return trajectory


def told(trajectory: Trajectory) -> list[tuple[Any, ...]]:
    """What happened, in short."""
    found: list[tuple[Any, ...]] = []
    for step in trajectory.steps:
        content = step.content
        if isinstance(content, Message):
            found.append((content.role, content.text))
        elif isinstance(content, ModelCall):
            found.append(("model", *[request.name for request in content.requests]))
        elif isinstance(content, ToolCall):
            answer = content.error if content.error is not None else content.result
            found.append((f"{content.by} calls", content.name, content.arguments, content.status, answer))
    return found


def value_of(answer: str) -> Any:
    """What a tool's answer says: the object or list that it is, else the text itself."""
    try:
        value = json.loads(answer)
    except ValueError:
        return answer
    return value if isinstance(value, (dict, list)) else answer


def labels_of(record: Imported) -> dict[str, Any]:
    assert {label.trajectory for label in record.labels} == {record.spans[0].trace_id}
    named = {label.criterion: label.value for label in record.labels}
    assert len(named) == len(record.labels)
    return named


def spans_of(record: Imported, operation: str) -> list[Span]:
    return [span for span in record.spans if span.attributes.get(semconv.OPERATION) == operation]


def asks(*calls: tuple[str, str, Any], content: str | None = None) -> dict[str, Any]:
    requests = [
        {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
        for call_id, name, arguments in calls
    ]
    return {"role": "assistant", "content": content, "tool_calls": requests}


def answers(call_id: str, content: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "name": "any", "content": content}


# --- tau-bench, the published file


@pytest.fixture(scope="module")
def airline(shared: Path) -> tuple[list[dict[str, Any]], list[Imported]]:
    path = shared / "data/tau_bench/gpt-4o-airline.json"
    if not path.exists():
        pytest.skip("no tau-bench file here")
    return json.loads(path.read_bytes()), imported(path)


def test_the_published_pass_hat_k_comes_out_of_the_labels(airline: tuple[list[Any], list[Imported]]):
    successes: Counter[str] = Counter()
    trials: Counter[str] = Counter()
    for record in airline[1]:
        trials[record.trial.scenario] += 1
        successes[record.trial.scenario] += labels_of(record)["reward@1"] == 1
    assert len(trials) == 50
    means = [
        sum(Fraction(math.comb(successes[task], k), math.comb(trials[task], k)) for task in trials) / len(trials)
        for k in (1, 2, 3, 4)
    ]
    assert [round(float(mean), 3) for mean in means] == [0.42, 0.273, 0.22, 0.2]


def test_every_record_of_the_airline_file_is_counted_as_the_raw_file_counts(
    airline: tuple[list[dict[str, Any]], list[Imported]],
):
    raw, records = airline
    assert len(raw) == len(records) == 200
    for data, record in zip(raw, records, strict=True):
        messages = data["traj"]
        results = [message["content"] for message in messages if message["role"] == "tool"]
        trajectory = assembled(record)
        calls = [call for _, call in trajectory.of(ToolCall)]
        assert [call.error if call.error is not None else call.result for call in calls] == [
            text if text.startswith("Error") else value_of(text) for text in results
        ]
        assert [call.status == "error" for call in calls] == [text.startswith("Error") for text in results]
        assert all(call.requested_by is not None and call.by == "agent" for call in calls)
        asked = [call for message in messages for call in (message.get("tool_calls") or [])[:1]]
        wanted = [(call["function"]["name"], json.loads(call["function"]["arguments"]), call["id"]) for call in asked]
        assert [(call.name, call.arguments, call.call_id) for call in calls] == wanted[: len(calls)]
        assert len(trajectory.of(ModelCall)) == sum(message["role"] == "assistant" for message in messages)
        said = [(message["role"], message["content"]) for message in messages if message["role"] != "tool"]
        assert [(message.role, message.text) for _, message in trajectory.of(Message)] == [
            (role, text) for role, text in said if text
        ]
        limit = data["info"]["reward_info"] is None
        assert trajectory.end.reason == record.trial.status == ("limit" if limit else "completed")
        assert (record.trial.scenario, record.trial.repeat) == (str(data["task_id"]), data["trial"])
        assert labels_of(record)["reward@1"] == data["reward"]
    statuses = Counter(record.trial.status for record in records)
    assert statuses == {"completed": 195, "limit": 5}


def test_every_record_of_the_airline_file_is_restored_to_the_byte(
    airline: tuple[list[dict[str, Any]], list[Imported]],
):
    for data, record in zip(*airline, strict=True):
        assert canonical(restore(reversed(record.spans))) == canonical(data)


def test_the_same_task_has_the_same_hash(airline: tuple[list[dict[str, Any]], list[Imported]]):
    raw, records = airline
    hashes = {(record.trial.scenario, record.trial.scenario_hash) for record in records}
    assert hashes == {(str(data["task_id"]), content_hash(data["info"]["task"])) for data in raw}
    assert len(hashes) == 50


# --- tau-bench, rule by rule


def tau(traj: list[dict[str, Any]], **members: Any) -> dict[str, Any]:
    return {"task_id": 1, "trial": 0, "reward": 1.0, "info": {}, "traj": traj} | members


def test_a_request_that_was_dropped_is_a_request_and_no_call(tmp_path: Path):
    traj = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Two things."},
        asks(("1", "look", '{"at": 1}'), ("2", "pay", '{"sum": 2}'), content="One moment."),
        answers("1", "seen"),
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": "###STOP###"},
    ]
    (record,) = imported(written(tmp_path / "agent-x.json", [tau(traj)]))
    trajectory = assembled(record)
    assert told(trajectory) == [
        ("system", "Be kind."),
        ("user", "Two things."),
        ("model", "look", "pay"),
        ("assistant", "One moment."),
        ("agent calls", "look", {"at": 1}, "ok", "seen"),
        ("model",),
        ("assistant", "Done."),
        ("user", "###STOP###"),
    ]
    assert record.trial == TrialFacts(scenario="1", repeat=0, agent="agent-x", status="completed")
    # one turn a message of the user; in the last one the agent did nothing
    assert [run.name for run in trajectory.runs] == ["agent-x", "agent-x"]
    assert trajectory.offered_tools is None
    assert [dict(step.missing) for step, _ in trajectory.of(ModelCall)] == [
        {
            "messages": "the file keeps one conversation, not each request",
            "model": "the file does not name the model",
            "usage": "the file keeps no token counts",
        }
    ] * 2


def test_call_ids_that_come_again_are_answered_latest_message_first(tmp_path: Path):
    traj = [
        {"role": "user", "content": "Go."},
        asks(("x", "a", '{"n": 1}')),
        answers("x", "one"),
        asks(("x", "b", '{"n": 2}'), ("x", "b", '{"n": 3}')),
        answers("x", "two"),
        answers("x", "three"),
        answers("x", "four"),
        answers("y", "five"),
    ]
    (record,) = imported(written(tmp_path / "a.json", [tau(traj)]))
    trajectory = assembled(record)
    assert [entry for entry in told(trajectory) if entry[0] == "agent calls"] == [
        ("agent calls", "a", {"n": 1}, "ok", "one"),
        ("agent calls", "b", {"n": 2}, "ok", "two"),
        ("agent calls", "b", {"n": 3}, "ok", "three"),
        ("agent calls", "b", {"n": 3}, "ok", "four"),  # answered twice: both answers are kept
        ("agent calls", "any", None, "ok", "five"),  # nobody asked for it
    ]
    models = [step.id for step, _ in trajectory.of(ModelCall)]
    asked = [call.requested_by for _, call in trajectory.of(ToolCall)]
    assert asked == [models[0], models[1], models[1], None, None]
    last, _ = trajectory.of(ToolCall)[-1]
    assert last.missing == {"arguments": "no request with this call id comes before the result"}


def test_arguments_that_are_no_object_stay_as_they_were_written(tmp_path: Path):
    traj = [asks(("1", "a", "{broken"), ("2", "b", "[1]"), ("3", "c", {"n": 1})), answers("1", "Error: no")]
    (record,) = imported(written(tmp_path / "a.json", [tau(traj)]))
    trajectory = assembled(record)
    ((_, call),) = trajectory.of(ModelCall)
    assert [request.arguments for request in call.requests] == ["{broken", "[1]", {"n": 1}]
    assert told(trajectory)[-1] == ("agent calls", "a", "{broken", "error", "Error: no")


@pytest.mark.parametrize(
    ("info", "status", "error", "fault_of"),
    [
        ({"reward_info": {"reward": 1.0}}, "completed", None, None),
        ({}, "completed", None, None),
        ({"reward_info": None}, "limit", None, None),
        (
            {"error": "RateLimitError:\n  slow down", "traceback": "…"},
            "invalid",
            "RateLimitError: slow down",
            "harness",
        ),
    ],
)
def test_how_a_tau_bench_trial_ended(tmp_path: Path, info: Any, status: str, error: str | None, fault_of: str | None):
    (record,) = imported(written(tmp_path / "a.json", [tau([], info=info)]))
    assert (record.trial.status, record.trial.error, record.trial.fault_of) == (status, error, fault_of)
    trajectory = assembled(record)
    assert trajectory.end.reason == ("error" if status == "invalid" else status)
    assert trajectory.end.detail == error
    assert trajectory.steps == ()


def test_rewards_are_kept_as_they_were_recorded(tmp_path: Path):
    info = {"reward_info": {"reward": 0.2, "info": {"r_outputs": 0.2, "outputs": {"7": True}}}}
    one, other = imported(written(tmp_path / "a.json", [tau([], reward=0.2, info=info), tau([], reward=True)]))
    assert labels_of(one) == {"reward@1": 0.2, "r_outputs@1": 0.2}
    assert labels_of(other) == {"reward@1": True}
    assert {label.rater for label in one.labels} == {"a.json"}
    without = {key: value for key, value in tau([]).items() if key != "reward"}
    (record,) = imported(written(tmp_path / "b.json", [without]))
    assert record.labels == ()


# --- tau2, the recorded runs


def raw_of(path: Path) -> dict[str, Any]:
    return json.loads(gzip.decompress(path.read_bytes()))


@pytest.mark.parametrize("name", TAU2_FILES)
def test_every_simulation_is_counted_as_the_raw_file_counts(shared: Path, name: str):
    path = shared / "data/tau2_runs" / name
    raw = raw_of(path)
    records = imported(path)
    assert len(records) == len(raw["simulations"])
    for data, record in zip(raw["simulations"], records, strict=True):
        messages = data["messages"]
        results = [message for message in messages if message["role"] == "tool"]
        trajectory = assembled(record)
        calls = [call for _, call in trajectory.of(ToolCall)]
        failed = [bool(message.get("error", message["content"].startswith("Error:"))) for message in results]
        assert [call.status == "error" for call in calls] == failed
        assert [call.error if call.error is not None else call.result for call in calls] == [
            message["content"] if error else value_of(message["content"])
            for message, error in zip(results, failed, strict=True)
        ]
        assert [call.by == "user" for call in calls] == [message["requestor"] == "user" for message in results]
        asked = {call["id"]: call for message in messages for call in message.get("tool_calls") or []}
        assert [(call.name, call.arguments) for call in calls] == [
            (asked[message["id"]]["name"], asked[message["id"]]["arguments"]) for message in results
        ]
        assert all((call.requested_by is None) == (call.by == "user") for call in calls)
        assistant = [message for message in messages if message["role"] == "assistant"]
        greeting = assistant[0] is messages[0] and not assistant[0]["tool_calls"]
        models = [call for _, call in trajectory.of(ModelCall)]
        assert len(models) == len(assistant) - greeting
        used = [message.get("usage") or {} for message in assistant[greeting:]]
        assert [call.usage and (call.usage.input_tokens, call.usage.output_tokens) for call in models] == [
            (usage["prompt_tokens"], usage["completion_tokens"]) if usage else None for usage in used
        ]
        said = [(message["role"], message["content"]) for message in messages if message["role"] != "tool"]
        assert [(message.role, message.text) for _, message in trajectory.of(Message)] == [
            (role, text) for role, text in said if (text or "").strip()
        ]
        assert trajectory.end.reason == data["termination_reason"]
        assert labels_of(record)["reward@1"] == data["reward_info"]["reward"]


@pytest.mark.parametrize("name", TAU2_FILES)
def test_every_simulation_and_the_head_are_restored_to_the_byte(shared: Path, name: str):
    path = shared / "data/tau2_runs" / name
    raw = raw_of(path)
    head, *records = read(path)
    assert isinstance(head, FileHeader)
    assert (head.file, head.format) == (path.name, "tau2")
    simulations = [restore(record.spans) for record in records if isinstance(record, Imported)]
    content = restored(head.content)
    assert isinstance(content, dict)
    assert canonical({**content, "simulations": simulations}) == canonical(raw)


def test_recorded_times_are_kept_and_missing_ones_are_said_to_be_made_up(shared: Path):
    timed = imported(shared / "data/tau2_runs" / TAU2_FILES[0])[0]
    assert semconv.SYNTHETIC_TIME not in timed.spans[0].attributes
    raw = raw_of(shared / "data/tau2_runs" / TAU2_FILES[0])["simulations"][0]
    chat = spans_of(timed, semconv.CHAT)[0]
    assert raw["messages"][2]["timestamp"] == "2025-08-01T16:20:46.714768"
    assert (chat.start_ns // 1000, chat.end_ns) == (1754065245582555, 1754065246714768000)
    stripped = imported(shared / "data/tau2_runs" / TAU2_FILES[4])[0]
    assert stripped.spans[0].attributes[semconv.SYNTHETIC_TIME] is True
    starts = [span.start_ns for span in stripped.spans[1:]]
    assert starts == sorted(set(starts))


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process cannot be set here")
def test_times_do_not_depend_on_where_a_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    said = {"role": "user", "content": "Hello", "timestamp": "2025-08-01T00:00:01"}
    path = written(tmp_path / "a.json", {"simulations": [simulation([said])]})
    here = imported(path)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert imported(path) == here
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_seconds_and_the_seed_of_a_simulation_are_facts_of_its_trial(shared: Path):
    path = shared / "data/tau2_runs" / TAU2_FILES[1]
    raw = raw_of(path)
    data = raw["simulations"][0]
    task = next(task for task in raw["tasks"] if task["id"] == data["task_id"])
    assert imported(path)[0].trial == TrialFacts(
        scenario=data["task_id"],
        scenario_hash=content_hash(task),
        repeat=data["trial"],
        agent="llm_agent/gpt-4.1",
        status="completed",
        suite="telecom",
        seed=data["seed"],
        seconds=data["duration"],
    )


# --- tau2, rule by rule


def simulation(messages: list[dict[str, Any]], **members: Any) -> dict[str, Any]:
    return {"id": "s", "task_id": "t", "trial": 2, "termination_reason": "user_stop", "messages": messages} | members


@pytest.mark.parametrize(
    ("reason", "status", "fault_of", "error"),
    [
        ("user_stop", "completed", None, None),
        ("agent_stop", "completed", None, None),
        ("max_steps", "limit", None, None),
        ("timeout", "limit", None, None),
        ("agent_error", "agent_error", "agent", "agent_error"),
        ("too_many_errors", "agent_error", "agent", "too_many_errors"),
        ("context_window_exceeded", "agent_error", "agent", "context_window_exceeded"),
        ("user_error", "invalid", "user", "user_error"),
        ("infrastructure_error", "invalid", "harness", "infrastructure_error"),
        ("unexpected_error", "invalid", "harness", "unexpected_error"),
        ("lunch", "invalid", "harness", "the simulation ended by 'lunch' (str), and what that means is not known"),
        (None, "invalid", "harness", "the file does not say how the simulation ended"),
    ],
)
def test_how_a_simulation_ended(
    tmp_path: Path, reason: str | None, status: str, fault_of: str | None, error: str | None
):
    path = written(tmp_path / "a.json", {"simulations": [simulation([], termination_reason=reason)]})
    (record,) = imported(path)
    assert (record.trial.status, record.trial.fault_of, record.trial.error) == (status, fault_of, error)
    assert assembled(record).end.reason == reason


def test_the_users_own_calls_are_not_the_agents(tmp_path: Path):
    messages = [
        {"role": "assistant", "content": "Hi! How can I help you today?"},
        {"role": "user", "content": None, "tool_calls": [{"id": "u", "name": "look", "arguments": {"at": "bar"}}]},
        {"role": "tool", "id": "u", "requestor": "user", "content": "full", "error": False},
        {"role": "user", "content": "It says full.", "cost": 0.5, "usage": {"prompt_tokens": 9}},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "a", "name": "look", "arguments": {}}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 2},
            "cost": 0.25,
            "raw_data": {"finish_reason": "tool_calls"},
        },
        {"role": "tool", "id": "a", "requestor": "assistant", "content": "Error: shut", "error": True},
        {"role": "tool", "id": "z", "requestor": "assistant", "content": "Error in name only", "error": False},
    ]
    info = {"agent_info": {"implementation": "llm_agent", "llm": "m-1"}}
    path = written(tmp_path / "a.json", {"simulations": [simulation(messages)], "info": info})
    (record,) = imported(path)
    trajectory = assembled(record)
    assert told(trajectory) == [
        ("assistant", "Hi! How can I help you today?"),  # the harness says it: no model call
        ("user calls", "look", {"at": "bar"}, "ok", "full"),
        ("user", "It says full."),
        ("model", "look"),
        ("agent calls", "look", {}, "error", "Error: shut"),
        ("agent calls", "unknown", None, "ok", "Error in name only"),
    ]
    users, *_ = spans_of(record, semconv.EXECUTE_TOOL)
    assert users.parent_id == record.spans[0].span_id
    assert users.attributes[semconv.REQUESTOR] == "user"
    ((_, call),) = trajectory.of(ModelCall)
    assert (call.model, call.finish) == ("m-1", "tool_calls")
    assert (trajectory.usage.input_tokens, trajectory.usage.output_tokens, trajectory.usage.cost_usd) == (10, 2, 0.25)
    assert (record.trial.agent, record.trial.repeat) == ("llm_agent/m-1", 2)


def test_every_part_of_a_reward_is_a_label(tmp_path: Path):
    reward = {
        "reward": 0.0,
        "reward_breakdown": {"DB": 1.0, "COMMUNICATE": 0.0},
        "db_check": {"db_match": True, "db_reward": 1.0},
        "env_assertions": [
            {"env_assertion": {"env_type": "user", "func_name": "is_on", "arguments": {"n": 1}}, "met": True},
            {"env_assertion": {"env_type": "user", "func_name": "is_on", "arguments": {"n": 2}}, "met": False},
        ],
        "action_checks": [{"action": {"action_id": "3_0", "name": "pay"}, "action_match": False}],
        "nl_assertions": [{"nl_assertion": "The agent says no.", "met": True, "justification": "It said no."}],
        "communicate_checks": [{"info": "327", "met": False, "justification": "Not found."}],
    }
    sim = simulation([], reward_info=reward, timestamp="2025-08-01T16:20:44")
    (record,) = imported(written(tmp_path / "a.json", {"simulations": [sim]}))
    assert labels_of(record) == {
        "reward@1": 0.0,
        "reward:DB@1": 1.0,
        "reward:COMMUNICATE@1": 0.0,
        "db_match@1": True,
        "env:user.is_on@1": True,
        "env:user.is_on#2@1": False,
        "action:3_0@1": False,
        "communicate:327@1": False,
        "nl:The agent says no.@1": True,
    }
    notes = {label.criterion: label.note for label in record.labels if label.note}
    assert notes["nl:The agent says no.@1"] == "It said no."
    assert notes["env:user.is_on#2@1"] == '{"n": 2}'
    assert {label.at for label in record.labels} == {"2025-08-01T16:20:44"}


def test_the_head_is_complete_wherever_its_members_stand(tmp_path: Path):
    content = {"timestamp": "now", "simulations": [simulation([])], "info": {"agent_info": {"llm": "m"}}, "tasks": []}
    head, record = read(written(tmp_path / "a.json", content))
    assert isinstance(head, FileHeader)
    assert head.content == {"timestamp": "now", "info": {"agent_info": {"llm": "m"}}, "tasks": []}
    assert isinstance(record, Imported)
    assert record.trial.agent == "m"


def test_a_broken_head_is_refused_by_name_and_the_simulations_are_read(tmp_path: Path):
    path = tmp_path / "a.json"
    path.write_text(f'{{"info": {{"a": }}, "simulations": [{json.dumps(simulation([]))}]}}', encoding="utf-8")
    refused, head, record = read(path)
    assert isinstance(refused, ImportRefused)
    assert (refused.where, refused.why) == ("info", "not JSON: Expecting value at character 6 of it")
    assert isinstance(head, FileHeader)
    assert head.content == {}
    assert isinstance(record, Imported)
    assert record.trial.agent == "a"


def test_a_run_without_simulations_says_so(tmp_path: Path):
    head, refused = read(written(tmp_path / "a.json", {"info": {}, "simulations": []}))
    assert isinstance(head, FileHeader)
    assert isinstance(refused, ImportRefused)
    assert (refused.where, refused.why) == ("simulations", "the file holds no simulations")
