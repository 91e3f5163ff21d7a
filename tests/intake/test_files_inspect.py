"""Inspect logs: real ones counted independently, and each rule of the mapping on small ones."""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path
from typing import Any

import pytest

from agenteval._util.canonical import canonical, content_hash
from agenteval.core import semconv
from agenteval.core.message import Message
from agenteval.core.trajectory import ModelCall, ToolCall, Trajectory
from agenteval.intake.files import FileHeader, Imported, ImportRefused, TrialFacts, read, restore, restored
from agenteval.telemetry.assemble import trajectory_of

ARCHIVES = (
    "2025-02-11_popularity_dPiJ.eval",
    "2025-02-11_popularity_mj7k.eval",
    "log_read_sample.eval",
    "log_streaming.eval",
    "mmlu-summary-choices.eval",
)
WHOLE = ("2025-05-12_browser.json", "2025-05-12_popularity.json", "2025-05-12_security-guide.json")


def raw_of(path: Path) -> tuple[Any, list[Any]]:
    """Head and samples, read the plain way."""
    if path.suffix == ".json":
        log = json.loads(path.read_bytes())
        return {key: value for key, value in log.items() if key != "samples"}, log["samples"]
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.startswith("samples/")]
        return json.loads(archive.read("header.json")), [json.loads(archive.read(name)) for name in names]


def taken(path: Path) -> tuple[FileHeader, list[Imported]]:
    head, *records = read(path)
    assert isinstance(head, FileHeader)
    assert [item for item in records if not isinstance(item, Imported)] == []
    return head, [item for item in records if isinstance(item, Imported)]


def assembled(record: Imported) -> Trajectory:
    trajectory = trajectory_of(record.spans)
    assert trajectory.integrity.complete
    assert trajectory.integrity.clock_skew_ns == 0
    return trajectory


# --- real logs


@pytest.mark.parametrize("name", [*ARCHIVES, *WHOLE])
def test_every_sample_and_the_head_are_restored_to_the_byte(shared: Path, name: str):
    path = shared / "data/inspect_logs" / name
    raw_head, raw_samples = raw_of(path)
    head, records = taken(path)
    assert (head.file, head.format) == (name, "inspect")
    assert canonical(restored(head.content)) == canonical(raw_head)
    assert [canonical(restore(record.spans)) for record in records] == [canonical(sample) for sample in raw_samples]


@pytest.mark.parametrize("name", [*ARCHIVES, *WHOLE])
def test_every_sample_is_counted_as_the_raw_log_counts(shared: Path, name: str):
    path = shared / "data/inspect_logs" / name
    head, raw_samples = raw_of(path)
    _, records = taken(path)
    for sample, record in zip(raw_samples, records, strict=True):
        kinds = [event["event"] for event in sample["events"]]
        scoring = next(
            (at for at, event in enumerate(sample["events"]) if event.get("type") in {"scorer", "scorers"}), len(kinds)
        )
        models = [event for event in sample["events"][:scoring] if event["event"] == "model"]
        tools = [event for event in sample["events"] if event["event"] == "tool"]
        trajectory = assembled(record)
        calls = [call for _, call in trajectory.of(ModelCall)]
        assert [(call.model, call.finish) for call in calls] == [
            (event["output"]["model"], event["output"]["choices"][0]["stop_reason"]) for event in models
        ]
        assert [len(call.messages) for call in calls] == [len(event["input"]) for event in models]
        assert [call.usage and call.usage.output_tokens for call in calls] == [
            event["output"]["usage"]["output_tokens"] for event in models
        ]
        made = [call for _, call in trajectory.of(ToolCall)]
        assert [(call.name, call.arguments, call.call_id, call.result, call.error) for call in made] == [
            (event["function"], event["arguments"], event["id"], event["result"], None) for event in tools
        ]
        assert all(call.requested_by is not None for call in made)
        said = [message for message in sample["messages"] if message["role"] != "tool" and message["content"]]
        assert [(message.role, message.text) for _, message in trajectory.of(Message)] == [
            (message["role"], message["content"]) for message in said
        ]
        scores = sample["scores"] or {}
        assert {label.criterion: label.value for label in record.labels} == {
            f"{scorer}@1": score["value"] for scorer, score in scores.items()
        }
        task = {key: sample[key] for key in ("input", "choices", "target") if key in sample}
        assert record.trial == TrialFacts(
            scenario=f"{head['eval']['task']}/{sample['id']}",
            scenario_hash=content_hash(task),
            repeat=sample["epoch"] - 1,
            agent=head["eval"]["model"],
            status="completed",
            suite=head["eval"]["task"],
            seconds=sample.get("total_time"),
        )
        assert trajectory.offered_tools == tuple(sorted({tool["name"] for event in models for tool in event["tools"]}))
        assert semconv.SYNTHETIC_TIME not in record.spans[0].attributes


def test_times_of_a_log_are_kept(shared: Path):
    _, (record,) = taken(shared / "data/inspect_logs/2025-05-12_browser.json")
    trajectory = assembled(record)
    first, _ = trajectory.of(ModelCall)[0]
    tool, _ = trajectory.of(ToolCall)[0]
    assert first.start_ns // 1_000_000 == 1747096058462  # 2025-05-12T20:27:38.462180-04:00
    assert (tool.start_ns, tool.end_ns) == (1747096059762878000, 1747096064080452000)


# --- logs made for a test


def sample(events: list[dict[str, Any]] | None = None, **members: Any) -> dict[str, Any]:
    base = {
        "id": "s",
        "epoch": 1,
        "input": "Hello",
        "target": "Hi",
        "messages": [],
        "scores": {},
        "events": events or [],
    }
    return base | members


def log(path: Path, *samples: dict[str, Any], **members: Any) -> Path:
    head = {"version": 2, "status": "success", "eval": {"task": "t", "model": "m/1"}} | members
    path.write_text(json.dumps({**head, "samples": list(samples)}), encoding="utf-8")
    return path


def one(tmp_path: Path, *events: dict[str, Any], **members: Any) -> Imported:
    _, (record,) = taken(log(tmp_path / "log.json", sample(list(events), **members)))
    assert canonical(restore(record.spans)) == canonical(sample(list(events), **members))
    return record


def at(second: float) -> str:
    return f"2026-01-01T00:00:{second:09.6f}+00:00"


def model(second: float, read: list[dict[str, Any]], said: dict[str, Any], **members: Any) -> dict[str, Any]:
    output = {"model": "m-1", "choices": [{"message": said, "stop_reason": "stop"}]}
    return {
        "event": "model",
        "timestamp": at(second),
        "model": "m/1",
        "input": read,
        "tools": [],
        "output": output,
    } | members


def tool(second: float, call_id: str, function: str, arguments: Any, result: Any, **members: Any) -> dict[str, Any]:
    fields = {"id": call_id, "function": function, "arguments": arguments, "result": result, "events": []}
    return {"event": "tool", "timestamp": at(second), "type": "function", **fields} | members


def user(text: str, name: str | None = None) -> dict[str, Any]:
    return {"id": name or f"u-{text}", "role": "user", "content": text}


def assistant(text: str, *calls: tuple[str, str, Any]) -> dict[str, Any]:
    asked = [{"id": call_id, "function": name, "arguments": arguments} for call_id, name, arguments in calls]
    return {"id": f"a-{text}-{len(calls)}", "role": "assistant", "content": text, "tool_calls": asked}


def begins(span_id: str, kind: str, name: str, parent: str | None = None) -> dict[str, Any]:
    return {"event": "span_begin", "id": span_id, "span_id": span_id, "type": kind, "name": name, "parent_id": parent}


def told(trajectory: Trajectory) -> list[tuple[Any, ...]]:
    """What happened, in short, with the agent at work."""
    names = {run.id: run.name for run in trajectory.runs}
    found: list[tuple[Any, ...]] = []
    for step in trajectory.steps:
        content, name = step.content, names[step.run or ""]
        if isinstance(content, Message):
            found.append((name, content.role, content.text))
        elif isinstance(content, ModelCall):
            found.append((name, "model", *[request.name for request in content.requests]))
        elif isinstance(content, ToolCall):
            found.append(
                (name, "calls", content.name, content.arguments, content.status, content.error or content.result)
            )
    return found


def test_each_thing_that_a_user_says_begins_a_turn(tmp_path: Path):
    system = {"id": "sys", "role": "system", "content": "Be kind."}
    first = [system, user("Hello")]
    second = [*first, assistant("Hi"), user("And now?")]
    record = one(
        tmp_path,
        model(1, first, assistant("Hi"), completed=at(1.5)),
        model(2, second, assistant("Bye"), completed=at(2.5)),
        messages=[*second, assistant("Bye"), user("Wait!")],
    )
    trajectory = assembled(record)
    assert told(trajectory) == [
        ("m/1", "system", "Be kind."),
        ("m/1", "user", "Hello"),
        ("m/1", "model"),
        ("m/1", "assistant", "Hi"),
        ("m/1", "user", "And now?"),
        ("m/1", "model"),
        ("m/1", "assistant", "Bye"),
        ("m/1", "user", "Wait!"),  # nobody was left to hear it
    ]
    assert len(trajectory.runs) == 3


def test_a_nested_agent_lies_beneath_the_call_that_started_it(tmp_path: Path):
    asked = assistant("", ("c1", "researcher", {"input": "find"}))
    record = one(
        tmp_path,
        begins("A", "agent", "react"),
        model(1, [user("Hello")], asked, span_id="A"),
        begins("T", "tool", "researcher", "A"),
        tool(2, "c1", "researcher", {"input": "find"}, "found", span_id="A", agent_span_id="B", completed=at(4)),
        begins("B", "agent", "researcher", "T"),
        model(3, [user("find")], assistant("found"), span_id="B"),
        model(5, [user("Hello"), asked, {"id": "t", "role": "tool", "tool_call_id": "c1", "content": "found"}],
              assistant("Done."), span_id="A"),
    )  # fmt: skip
    trajectory = assembled(record)
    assert told(trajectory) == [
        ("react", "user", "Hello"),
        ("react", "model", "researcher"),
        ("react", "calls", "researcher", {"input": "find"}, "ok", "found"),
        ("researcher", "user", "find"),
        ("researcher", "model"),
        ("researcher", "assistant", "found"),
        ("react", "model"),
        ("react", "assistant", "Done."),
    ]
    outer, inner = trajectory.runs
    ((call, _),) = trajectory.of(ToolCall)
    assert (inner.parent, inner.started_by) == (outer.id, call.id)


def test_two_agents_at_once_lie_each_beneath_its_own_call(tmp_path: Path):
    asked = assistant("", ("c1", "sub", {"n": 1}), ("c2", "sub", {"n": 2}))
    record = one(
        tmp_path,
        begins("A", "agent", "react"),
        model(1, [user("Hello")], asked, span_id="A"),
        tool(2, "c1", "sub", {"n": 1}, "one", span_id="A", agent_span_id="B"),
        tool(2.1, "c2", "sub", {"n": 2}, "two", span_id="A", agent_span_id="C"),
        begins("T", "tool", "sub", "A"),
        begins("B", "agent", "sub", "T"),
        begins("U", "tool", "sub", "A"),
        begins("C", "agent", "sub", "U"),
        model(3, [user("first")], assistant("one"), span_id="B"),
        model(3.1, [user("second")], assistant("two"), span_id="C"),
    )
    trajectory = assembled(record)
    calls = {step.id: call.call_id for step, call in trajectory.of(ToolCall)}
    assert [calls.get(run.started_by or "") for run in trajectory.runs] == [None, "c1", "c2"]


def test_an_agent_whose_call_does_not_name_it_lies_beneath_the_last_call_of_its_tool(tmp_path: Path):
    asked = assistant("", ("c1", "transfer_to_sub", {}))
    record = one(
        tmp_path,
        begins("A", "agent", "react"),
        model(1, [user("Hello")], asked, span_id="A"),
        begins("T", "tool", "transfer_to_sub", "A"),
        tool(2, "c1", "transfer_to_sub", {}, "ok", span_id="A"),
        begins("B", "agent", "sub", "T"),
        model(3, [user("Hello")], assistant("one"), span_id="B"),
        begins("C", "agent", "other", "A"),
        model(4, [user("Hello")], assistant("two"), span_id="C"),
    )
    trajectory = assembled(record)
    outer, sub, other = trajectory.runs
    ((call, _),) = trajectory.of(ToolCall)
    assert (outer.name, outer.parent) == ("react", None)
    assert (sub.name, sub.parent, sub.started_by) == ("sub", outer.id, call.id)
    assert (other.name, other.parent, other.started_by) == ("other", outer.id, None)


def test_spans_that_lie_in_each_other_in_a_circle_are_survived(tmp_path: Path):
    record = one(
        tmp_path,
        begins("A", "tool", "a", "B"),
        begins("B", "tool", "b", "A"),
        model(1, [user("Hello")], assistant("Hi"), span_id="A"),
    )
    assert [entry[1:] for entry in told(assembled(record))] == [("user", "Hello"), ("model",), ("assistant", "Hi")]


def test_agents_in_logs_that_nest_events_in_tool_events(tmp_path: Path):
    asked = assistant("", ("c1", "sub", {}))
    inner = model(2, [user("find")], assistant("found"))
    record = one(
        tmp_path,
        model(1, [user("Hello")], asked),
        {"event": "subtask", "name": "x", "events": [tool(2, "c1", "sub", {}, "found", events=[inner])]},
    )
    trajectory = assembled(record)
    assert [entry[1:] for entry in told(trajectory)] == [
        ("user", "Hello"),
        ("model", "sub"),
        ("calls", "sub", {}, "ok", "found"),
        ("user", "find"),
        ("model",),
        ("assistant", "found"),
    ]
    ((call, _),) = trajectory.of(ToolCall)
    assert [run.started_by for run in trajectory.runs] == [None, call.id]


@pytest.mark.parametrize("spans", [True, False])
def test_what_a_scorer_asks_is_not_the_agents_doing(tmp_path: Path, spans: bool):
    opening = (
        [begins("S", "scorers", "scorers"), begins("G", "scorer", "grade", "S")]
        if spans
        else [{"event": "step", "action": "begin", "type": "scorer", "name": "grade"}]
    )
    inside: dict[str, Any] = {"span_id": "G"} if spans else {}
    closing = [] if spans else [{"event": "step", "action": "end", "type": "scorer", "name": "grade"}]
    record = one(
        tmp_path,
        model(1, [user("Hello")], assistant("Hi")),
        *opening,
        model(2, [user("Grade it")], assistant("Good"), **inside),
        tool(3, "c", "search", {}, "x", **inside),
        *closing,
    )
    trajectory = assembled(record)
    assert [entry[1:] for entry in told(trajectory)] == [("user", "Hello"), ("model",), ("assistant", "Hi")]


def test_messages_are_read_from_the_samples_pool(tmp_path: Path):
    pool = [user("Hello"), assistant("Hi"), user("And?")]
    record = one(
        tmp_path,
        model(1, [], assistant("Hi"), input_refs=[[0, 1]]),
        model(2, [], assistant("Bye"), input_refs=[[0, 2], [2, 3]]),
        events_data={"messages": pool, "calls": []},
    )
    trajectory = assembled(record)
    assert [[message.text for message in call.messages] for _, call in trajectory.of(ModelCall)] == [
        ["Hello"],
        ["Hello", "Hi", "And?"],
    ]


@pytest.mark.parametrize("refs", [[[0, 2]], [[0]], [["a", 1]], [7], [[-1, 1]]])
def test_a_reference_out_of_the_pool_is_refused(tmp_path: Path, refs: Any):
    bad = sample([model(1, [], assistant("Hi"), input_refs=refs)], events_data={"messages": [user("Hello")]})
    _, refused = read(log(tmp_path / "log.json", bad))
    assert isinstance(refused, ImportRefused)
    assert (refused.where, refused.why) == (
        "samples[0]",
        f"a model call refers to messages {refs[0]!r} ({type(refs[0]).__name__}) of 1",
    )


def test_references_that_repeat_the_pool_without_end_are_refused(tmp_path: Path):
    pool = [user("x", str(number)) for number in range(1000)]
    bad = sample([model(1, [], assistant("Hi"), input_refs=[[0, 1000]] * 6000)], events_data={"messages": pool})
    _, refused = read(log(tmp_path / "log.json", bad))
    assert isinstance(refused, ImportRefused)
    assert refused.why == "its model calls repeat more than 5,000,000 messages"


@pytest.mark.parametrize("protocol", ["attachment", "tc"])
def test_attachments_are_put_back_in_their_places(tmp_path: Path, protocol: str):
    long = "A long text. " * 40
    name = f"{protocol}://abc"
    record = one(
        tmp_path,
        model(1, [user(name)], assistant(name, ("c", "look", {"for": name}))),
        tool(2, "c", "look", {"for": name}, [{"type": "text", "text": name}]),
        tool(3, "d", "look", {}, "", error={"type": "timeout", "message": name}),
        tool(4, "e", "look", {}, f"{protocol}://unknown"),
        attachments={"abc": long},
    )
    trajectory = assembled(record)
    ((_, call),) = trajectory.of(ModelCall)
    assert call.messages[0].text == call.output[0].text == long
    assert call.requests[0].arguments == {"for": long}
    assert [(made.arguments, made.result, made.error) for _, made in trajectory.of(ToolCall)] == [
        ({"for": long}, [{"type": "text", "text": long}], None),
        ({}, None, long),
        ({}, f"{protocol}://unknown", None),
    ]
    assert json.dumps(record.spans[0].attributes[semconv.IMPORT_RECORD]).count("A long text.") == 0


def test_a_tool_that_ran_outside_is_found_by_its_message(tmp_path: Path):
    asked = assistant("", ("c1", "bash", {"cmd": "ls"}))
    result = {"id": "r1", "role": "tool", "tool_call_id": "c1", "function": "bash", "content": "a.txt"}
    failure = {
        "id": "r2",
        "role": "tool",
        "tool_call_id": "zz",
        "function": "py",
        "content": "",
        "error": {"message": "no"},
    }
    record = one(
        tmp_path,
        model(1, [user("Hello")], asked),
        model(2, [user("Hello"), asked, result, failure], assistant("Done.")),
        messages=[user("Hello"), asked, result, failure, assistant("Done.")],
    )
    trajectory = assembled(record)
    assert [entry[1:] for entry in told(trajectory)] == [
        ("user", "Hello"),
        ("model", "bash"),
        ("calls", "bash", {"cmd": "ls"}, "ok", "a.txt"),
        ("calls", "py", None, "error", "no"),
        ("model",),
        ("assistant", "Done."),
    ]
    (first, one_call), (other, other_call) = trajectory.of(ToolCall)
    assert (first.missing, one_call.requested_by is None) == ({}, False)
    assert other.missing == {"arguments": "no request with this call id comes before the result"}
    assert other_call.requested_by is None


def test_a_call_that_had_not_ended_is_unknown(tmp_path: Path):
    record = one(
        tmp_path, model(1, [user("Hello")], assistant("", ("c", "f", {}))), tool(2, "c", "f", {}, "", pending=True)
    )
    ((step, call),) = assembled(record).of(ToolCall)
    why = "the log was written before the call ended"
    assert (call.status, call.result, step.missing) == ("unknown", None, {"result": why, "status": why})


def test_a_model_call_that_failed_is_kept_as_a_failure(tmp_path: Path):
    record = one(tmp_path, model(1, [user("Hello")], assistant(""), error="503 busy"))
    ((step, call),) = assembled(record).of(ModelCall)
    assert (call.error, call.output, call.usage, step.missing) == ("503 busy", (), None, {})


def test_an_answer_that_was_added_at_the_end_is_the_last_word(tmp_path: Path):
    asked = assistant("done", ("c", "submit", {"answer": "42"}))
    record = one(
        tmp_path,
        model(1, [user("Hello")], asked),
        tool(2, "c", "submit", {"answer": "42"}, "42"),
        messages=[user("Hello"), {**asked, "content": "done\n\n42"}],
    )
    assert [entry[1:] for entry in told(assembled(record))] == [
        ("user", "Hello"),
        ("model", "submit"),
        ("assistant", "done"),
        ("calls", "submit", {"answer": "42"}, "ok", "42"),
        ("assistant", "done\n\n42"),
    ]


def test_tokens_from_a_cache_count_as_read(tmp_path: Path):
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 115, "input_tokens_cache_read": 100}
    event = model(1, [user("Hello")], assistant("Hi"))
    event["output"]["usage"] = {**usage, "reasoning_tokens": 2, "total_cost": 0.5}
    used = assembled(one(tmp_path, event)).usage
    assert (used.input_tokens, used.output_tokens, used.cached_tokens, used.reasoning_tokens, used.cost_usd) == (
        110,
        5,
        100,
        2,
        0.5,
    )


def test_offered_tools_are_known_only_where_they_were_recorded(tmp_path: Path):
    tools = [{"name": "b", "description": "B", "parameters": {"type": "object"}}, {"name": "a"}]
    with_tools = assembled(one(tmp_path, model(1, [user("Hello")], assistant("Hi"), tools=tools)))
    assert with_tools.offered_tools == ("a", "b")
    ((_, call),) = with_tools.of(ModelCall)
    assert [(offered.name, offered.description, offered.parameters) for offered in call.offered_tools] == [
        ("b", "B", {"type": "object"}),
        ("a", "", None),
    ]
    event = model(1, [user("Hello")], assistant("Hi"))
    del event["tools"]
    assert assembled(one(tmp_path, event)).offered_tools is None


def test_a_sample_without_events_is_read_from_its_messages(tmp_path: Path):
    asked = assistant("", ("c", "look", {"at": 1}))
    given = {**assistant("Given."), "source": "input"}
    messages = [
        {"role": "system", "content": "Be kind."},
        given,
        user("Hello"),
        asked,
        {"role": "tool", "tool_call_id": "c", "function": "look", "content": "seen"},
        assistant("Done."),
    ]
    record = one(tmp_path, messages=messages, started_at=at(1), completed_at=at(9))
    trajectory = assembled(record)
    assert [entry[1:] for entry in told(trajectory)] == [
        ("system", "Be kind."),
        ("assistant", "Given."),
        ("user", "Hello"),
        ("model", "look"),
        ("calls", "look", {"at": 1}, "ok", "seen"),
        ("model",),
        ("assistant", "Done."),
    ]
    assert record.spans[0].attributes[semconv.SYNTHETIC_TIME] is True


def test_content_of_every_kind(tmp_path: Path):
    picture = "data:image/png;base64," + "A" * 500
    content = [
        {"type": "text", "text": "See"},
        {"type": "reasoning", "reasoning": "hm"},
        {"type": "image", "image": picture},
        {"type": "image", "image": "https://example.org/a.png"},
        {"type": "audio", "audio": "b.wav", "format": "wav"},
        {"type": "tool_use", "name": "web"},
    ]
    record = one(tmp_path, model(1, [{"role": "user", "content": content}], assistant("Hi")))
    ((_, call),) = assembled(record).of(ModelCall)
    kinds = [(part.type, getattr(part, "text", None) or getattr(part, "uri", None)) for part in call.messages[0].parts]
    assert kinds[:2] == [("text", "See"), ("reasoning", "hm")]
    assert kinds[2][0] == "image"
    assert str(kinds[2][1]).startswith("sha256:")
    assert kinds[3:] == [
        ("image", "https://example.org/a.png"),
        ("audio", "b.wav"),
        ("text", "[tool_use part]"),
    ]


# --- ends and scores


@pytest.mark.parametrize(
    ("members", "status", "reason", "error"),
    [
        ({}, "completed", "completed", None),
        ({"error": {"message": "Boom\nhere"}}, "invalid", "error", "Boom here"),
        ({"error": "?"}, "invalid", "error", "the log says that the sample raised an error"),
        ({"limit": {"type": "message", "limit": 6}}, "limit", "message", None),
        ({"events": [{"event": "sample_limit", "type": "token", "limit": 9}]}, "limit", "token", None),
        ({"limit": {"type": "operator"}}, "invalid", "operator", "stopped by the operator"),
        ({"invalidation": {"reason": "typo"}}, "invalid", "invalidated", "invalidated by hand: typo"),
    ],
)
def test_how_a_sample_ended(tmp_path: Path, members: Any, status: str, reason: str, error: str | None):
    _, (record,) = taken(log(tmp_path / "log.json", sample(**members)))
    assert (record.trial.status, record.trial.error, record.trial.fault_of) == (
        status,
        error,
        "harness" if error else None,
    )
    assert assembled(record).end.reason == reason


def test_scores_are_labels_as_they_were_recorded_and_nan_is_none(tmp_path: Path):
    scores = {
        "match": {"value": "C", "explanation": "same"},
        "graded": {"value": 0.7},
        "both": {"value": {"a": 1, "b": math.nan}},
        "listed": {"value": [True, "I"]},
        "unscored": {"value": math.nan},
        "broken": None,
    }
    _, (record,) = taken(log(tmp_path / "log.json", sample(scores=scores)))
    assert [(label.criterion, label.value, label.scale, label.note) for label in record.labels] == [
        ("match@1", "C", ["C", "I", "N", "P"], "same"),
        ("graded@1", 0.7, None, None),
        ("both@1", {"a": 1, "b": None}, None, None),
        ("listed@1", [True, "I"], None, None),
        ("unscored@1", None, None, None),
    ]
    original = restore(record.spans)
    assert isinstance(original, dict)
    kept = original["scores"]
    assert isinstance(kept, dict)
    assert isinstance(kept["unscored"], dict)
    value = kept["unscored"]["value"]
    assert isinstance(value, float)
    assert math.isnan(value)


def test_epochs_are_repeats_and_the_solver_is_part_of_the_agent(tmp_path: Path):
    head = {"eval": {"task": "t", "model": "m/1", "solver": "react"}}
    _, records = taken(log(tmp_path / "log.json", sample(epoch=1), sample(epoch=2), **head))
    assert [(record.trial.scenario, record.trial.repeat, record.trial.agent) for record in records] == [
        ("t/s", 0, "react/m/1"),
        ("t/s", 1, "react/m/1"),
    ]


# --- logs that hold nothing, or hold it in another way


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"status": "error", "error": {"message": "No\nkey"}}, "its status is 'error': No key"),
        ({"status": "cancelled"}, "its status is 'cancelled'"),
        ({"status": "success"}, "its status is 'success'"),
    ],
)
def test_a_log_without_samples_is_refused_with_its_own_reason(tmp_path: Path, members: Any, why: str):
    head, refused = read(log(tmp_path / "log.json", **members))
    assert isinstance(head, FileHeader)
    assert isinstance(refused, ImportRefused)
    assert (refused.where, refused.why) == ("samples", f"the log holds no samples; {why}")
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", json.dumps({"eval": {}, **members}))
    _, refused = read(path)
    assert isinstance(refused, ImportRefused)
    assert (refused.where, refused.why) == ("samples", f"the log holds no samples; {why}")


def test_a_log_that_broke_off_is_read_with_the_head_of_its_journal(tmp_path: Path):
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_journal/start.json", json.dumps({"version": 2, "eval": {"task": "t", "model": "m/2"}}))
        archive.writestr("samples/s_epoch_1.json", json.dumps(sample()))
    _, (record,) = taken(path)
    assert record.trial.agent == "m/2"


def test_an_archive_without_any_head_still_gives_its_samples(tmp_path: Path):
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("samples/s_epoch_1.json", json.dumps(sample()))
    refused, record = read(path)
    assert isinstance(refused, ImportRefused)
    assert (refused.where, refused.why) == ("header.json", "the archive has no header")
    assert isinstance(record, Imported)
    assert (record.trial.agent, record.trial.scenario) == ("log", "s")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_both_read(tmp_path: Path):
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", json.dumps({"eval": {"model": "old"}}))
        archive.writestr("samples/s_epoch_1.json", json.dumps(sample(target="a")))
        archive.writestr("samples/s_epoch_1.json", json.dumps(sample(target="b")))
        archive.writestr("header.json", json.dumps({"eval": {"model": "new"}}))
    _, records = taken(path)
    assert [(record.position, record.trial.agent) for record in records] == [
        ("samples/s_epoch_1.json", "new"),
        ("samples/s_epoch_1.json#2", "new"),
    ]
    assert records[0].spans[0].trace_id != records[1].spans[0].trace_id
