"""Plain OpenAI-style conversations, whatever shape their file has and whatever else lies in them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agenteval._util.canonical import canonical
from agenteval.core import semconv
from agenteval.core.message import Message
from agenteval.core.trajectory import ModelCall, ToolCall, Trajectory
from agenteval.intake.files import Imported, ImportRefused, TrialFacts, read, restore
from agenteval.telemetry.assemble import trajectory_of

TALK: list[dict[str, Any]] = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]


def text_file(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return path


def imported(path: Path) -> list[Imported]:
    records = list(read(path))
    assert [item for item in records if not isinstance(item, Imported)] == []
    return [item for item in records if isinstance(item, Imported)]


def assembled(record: Imported) -> Trajectory:
    trajectory = trajectory_of(record.spans)
    assert trajectory.integrity.complete
    assert trajectory.integrity.clock_skew_ns == 0
    return trajectory


def one(tmp_path: Path, talk: Any) -> Imported:
    (record,) = imported(text_file(tmp_path / "talk.jsonl", json.dumps(talk) + "\n"))
    return record


# --- shapes of the file


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        (json.dumps(TALK) + "\n\n" + json.dumps({"messages": TALK}) + "\n", ["line 1", "line 3"]),
        (json.dumps(TALK) + "\r\n" + json.dumps(TALK), ["line 1", "line 2"]),
        (json.dumps([TALK, {"messages": TALK}]), ["record 0", "record 1"]),
        (json.dumps([TALK, {"messages": TALK}], indent=2), ["record 0", "record 1"]),
        (json.dumps(TALK), ["file"]),
        (json.dumps(TALK, indent=1), ["file"]),
        (json.dumps({"messages": TALK}), ["file"]),
        ("\ufeff" + json.dumps({"messages": TALK}, indent=1), ["file"]),
        ("\ufeff" + json.dumps(TALK) + "\n" + json.dumps(TALK) + "\n", ["line 1", "line 2"]),
    ],
)
def test_conversations_are_found_in_every_shape(tmp_path: Path, text: str, positions: list[str]):
    records = imported(text_file(tmp_path / "a", text))
    assert [record.position for record in records] == positions
    for record in records:
        trajectory = assembled(record)
        assert [(message.role, message.text) for _, message in trajectory.of(Message)] == [
            ("user", "Hello"),
            ("assistant", "Hi"),
        ]


def test_a_broken_line_does_not_end_the_file_even_as_the_first_one(tmp_path: Path):
    lines = [json.dumps(TALK)[:-9], json.dumps(TALK), "17", '{"messages": 3}', "{}", json.dumps({"messages": []})]
    records = list(read(text_file(tmp_path / "a.jsonl", "\n".join(lines))))
    assert [item.position for item in records if isinstance(item, Imported)] == ["line 2", "line 6"]
    assert [(item.where, item.why) for item in records if isinstance(item, ImportRefused)] == [
        ("line 1", f"not JSON: Unterminated string starting at character {lines[0].rindex(chr(34))} of it"),
        ("line 3", "a conversation must be an object, not 17 (int)"),
        ("line 4", "messages must be a list, not 3 (int)"),
        ("line 5", "messages must be a list, not missing or null"),
    ]


def test_a_line_a_message_is_no_conversation(tmp_path: Path):
    text = "\n".join(json.dumps(message) for message in TALK)
    (refused,) = read(text_file(tmp_path / "a.jsonl", text))
    assert isinstance(refused, ImportRefused)
    assert "JSON lines of objects with content, role" in refused.why


# --- what a conversation says


def test_the_members_of_a_conversation(tmp_path: Path):
    talk = {
        "id": 12,
        "messages": TALK,
        "reward": -1.5,
        "tools": [
            {"type": "function", "function": {"name": "pay", "description": "Pays.", "parameters": {"type": "object"}}},
            {"name": "look"},
            {"type": "web_search"},
        ],
        "metadata": {"agent": "ada", "model": "m-1", "more": [1]},
        "other": {"kept": True},
    }
    record = one(tmp_path, talk)
    assert record.trial == TrialFacts(scenario="12", repeat=0, agent="ada", status="completed")
    assert [(label.criterion, label.value, label.rater) for label in record.labels] == [
        ("reward@1", -1.5, "talk.jsonl")
    ]
    trajectory = assembled(record)
    assert trajectory.offered_tools == ("look", "pay")
    assert trajectory.end.reason is None
    ((step, call),) = trajectory.of(ModelCall)
    assert call.model == "m-1"
    assert [(tool.name, tool.description, tool.parameters) for tool in call.offered_tools] == [
        ("pay", "Pays.", {"type": "object"}),
        ("look", "", None),
    ]
    assert step.missing == {
        "messages": "the file keeps one conversation, not each request",
        "usage": "the file keeps no token counts",
    }
    assert restore(record.spans) == talk


def test_what_is_not_recorded_is_not_made_up(tmp_path: Path):
    record = one(tmp_path, TALK)
    assert record.trial == TrialFacts(scenario="talk: file", repeat=0, agent="talk", status="completed")
    assert record.labels == ()
    trajectory = assembled(record)
    assert trajectory.offered_tools is None
    ((step, call),) = trajectory.of(ModelCall)
    assert (call.model, call.usage) == (None, None)
    assert step.missing["model"] == "the file does not name the model"
    assert record.spans[0].attributes[semconv.SYNTHETIC_TIME] is True


def test_times_of_messages_are_kept(tmp_path: Path):
    times = ["2026-01-01T00:00:01Z", "2026-01-01T00:00:03+00:00"]
    record = one(tmp_path, [message | {"timestamp": time} for message, time in zip(TALK, times, strict=True)])
    ((step, _),) = assembled(record).of(ModelCall)
    assert semconv.SYNTHETIC_TIME not in record.spans[0].attributes
    assert step.end_ns - 1767225603_000000000 == 0


@pytest.mark.parametrize(
    ("message", "status", "answer"),
    [
        ({"content": "42"}, "ok", "42"),
        ({"content": "Error: no such order"}, "error", "Error: no such order"),
        ({"content": "Errors are fine"}, "ok", "Errors are fine"),
        ({"content": "no", "is_error": True}, "error", "no"),
        ({"content": "no", "status": "error"}, "error", "no"),
        ({"content": [{"type": "text", "text": "a"}]}, "ok", [{"type": "text", "text": "a"}]),
        ({"content": [{"type": "text", "text": "Error: b"}]}, "error", "Error: b"),
        ({"content": None}, "ok", None),
    ],
)
@pytest.mark.parametrize("older", [False, True])
def test_how_a_tool_answered(tmp_path: Path, message: dict[str, Any], status: str, answer: Any, older: bool):
    function = {"name": "f", "arguments": '{"n": 1}'}
    ask: dict[str, Any] = {"function_call": function} if older else {"tool_calls": [{"id": "c", "function": function}]}
    answered = {"role": "function", "name": "f"} if older else {"role": "tool", "tool_call_id": "c"}
    record = one(tmp_path, [{"role": "assistant", "content": None, **ask}, {**answered, **message}])
    trajectory = assembled(record)
    ((_, call),) = trajectory.of(ToolCall)
    assert (call.name, call.arguments, call.status) == ("f", {"n": 1}, status)
    assert (call.error if status == "error" else call.result) == answer
    assert call.requested_by is not None


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([1], "messages[0] must be an object, not 1 (int)"),
        ([{"role": "assistant", "tool_calls": 1}], "messages[0].tool_calls must be a list, not 1 (int)"),
        (
            [{"role": "assistant", "tool_calls": [{}]}],
            "messages[0].tool_calls[0].function must be an object, not missing or null",
        ),
        (
            [{"role": "assistant", "tool_calls": [{"function": {"name": 3}}]}],
            "messages[0].tool_calls[0] names no function",
        ),
        (
            [{"role": None}],
            "messages[0].role is missing or null: known are system, developer, user, assistant, tool and function",
        ),
    ],
)
def test_what_is_no_conversation_is_refused_with_the_place(tmp_path: Path, messages: Any, why: str):
    (refused,) = read(text_file(tmp_path / "a.json", json.dumps({"messages": messages})))
    assert isinstance(refused, ImportRefused)
    assert (refused.where, refused.why) == ("file", why)


def test_instructions_come_once_and_later_ones_are_messages(tmp_path: Path):
    talk = [
        {"role": "developer", "content": "Be kind."},
        {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "system", "content": "Now stop."},
        {"role": "user", "content": "Bye"},
    ]
    record = one(tmp_path, talk)
    assert [(message.role, message.text) for _, message in assembled(record).of(Message)] == [
        ("system", "Be kind."),
        ("system", "Be brief."),
        ("user", "Hello"),
        ("assistant", "Hi"),
        ("system", "Now stop."),
        ("user", "Bye"),
    ]
    instructions = [
        span.attributes[semconv.SYSTEM_INSTRUCTIONS]
        for span in record.spans
        if semconv.SYSTEM_INSTRUCTIONS in span.attributes
    ]
    assert instructions == ["Be kind."]


def test_reasoning_and_refusals_are_parts_of_their_own(tmp_path: Path):
    said = {"role": "assistant", "content": None, "refusal": "No.", "reasoning_content": "hm", "reasoning": "hm"}
    (_, message), = assembled(one(tmp_path, [said])).of(Message)  # fmt: skip
    assert [(part.type, getattr(part, "text", None)) for part in message.parts] == [
        ("reasoning", "hm"),
        ("refusal", "No."),
    ]


@pytest.mark.parametrize("shift", range(12))
def test_texts_are_whole_wherever_a_file_is_read_in_two(tmp_path: Path, shift: int):
    # around the first mebibyte lie escapes, quotes and brackets, at every offset to where the reader stops
    tricky = '\\"]},[{\\\\' * 40
    talks = [
        {"id": "a", "messages": [{"role": "user", "content": "x" * ((1 << 20) - 200 + shift) + tricky}]},
        {"id": "b", "messages": [{"role": "user", "content": tricky}]},
    ]
    records = imported(text_file(tmp_path / "a.json", json.dumps(talks)))
    assert [restore(record.spans) for record in records] == talks


# --- whatever else lies in a record comes back whole

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text(st.characters(categories=["Cs", "L"]))
    | st.sampled_from(["$ref", "a~/b", "long " * 60, "\x00", "\ud800", "NaN", "#/messages/0"])
)
keys = st.text(max_size=6) | st.sampled_from(["$ref", "$object", "$pairs", "$number", "$text", "~1", "/", "\ud83d"])
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=20
)


def same(a: Any, b: Any) -> bool:
    """Equal to the type: 1, 1.0 and true differ, NaN is NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return (a == b and str(a) == str(b)) or (isinstance(a, float) and math.isnan(a) and math.isnan(b))


def test_parts_that_only_python_holds_equal_stay_apart(tmp_path: Path):
    members = [1, True, 1.0, 0, False, 0.0, -0.0, "1", None]
    talk = {"messages": [], "metadata": [[member] * 60 for member in members for _ in range(2)]}
    assert same(restore(one(tmp_path, talk).spans), talk)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    extras=st.lists(st.tuples(anything, st.integers(1, 3)), min_size=1, max_size=4),
    pretty=st.sampled_from([None, 1]),
    ascii_only=st.booleans(),
)
def test_any_json_comes_back_whole_and_what_spans_carry_can_be_stored(
    tmp_path: Path, extras: list[tuple[Any, int]], pretty: int | None, ascii_only: bool
):
    talks = [
        {
            "messages": [
                {"role": "user", "content": "long " * 60, "extra": extra},
                {"role": "assistant", "content": extra if isinstance(extra, str) else "Hi", "again": [extra] * times},
                {"role": "tool", "tool_call_id": "c", "content": extra},
            ],
            "reward": extra,
            "metadata": extra,
        }
        for extra, times in extras
    ]
    written = json.dumps(talks, indent=pretty, ensure_ascii=True)
    if ascii_only is False:
        try:
            written = json.dumps(talks, indent=pretty, ensure_ascii=False)
            written.encode()
        except UnicodeEncodeError:
            written = json.dumps(talks, indent=pretty)
    records = imported(text_file(tmp_path / "a.json", written))
    for talk, record in zip(json.loads(written), records, strict=True):
        assert same(restore(record.spans), talk)
        for span in record.spans:
            canonical(span.attributes)
        for label in record.labels:
            canonical(label.value)
        assembled(record)
