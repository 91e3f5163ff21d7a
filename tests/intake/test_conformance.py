"""What was recovered of a capture is counted rightly: against truths that the test itself makes up."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from agenteval.errors import RequestError
from agenteval.intake.captures import captures_in, read_capture
from agenteval.intake.conformance import MEASURES, Counts, conformance_of

QUESTION, ANSWER = "Renew my loan, please.", "It is renewed until May — “Stoner”."
ARGUMENTS, RESULT = {"loan": "L-88", "note": "a “b”\nc"}, {"due": "2026-05-01", "days": 14}


def span(number: int, kind: str, attributes: dict[str, Any], parent: int = 1) -> dict[str, Any]:
    return {"number": number, "kind": kind, "attributes": attributes, "parent": parent}


def agent() -> dict[str, Any]:
    return span(1, "AGENT", {"agent.name": "desk", "session.id": "s-1"}, parent=0)


def asks(**changes: Any) -> dict[str, Any]:
    call = "llm.output_messages.0.message.tool_calls.0.tool_call"
    return span(
        2,
        "LLM",
        {
            "llm.model_name": "m",
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": QUESTION,
            "llm.output_messages.0.message.role": "assistant",
            f"{call}.id": "call_1",
            f"{call}.function.name": "renew",
            f"{call}.function.arguments": json.dumps(ARGUMENTS),
            "llm.token_count.prompt": 100,
            "llm.token_count.completion": 11,
            **changes,
        },
    )


def renews(**changes: Any) -> dict[str, Any]:
    values = {"tool.name": "renew", "input.value": json.dumps(ARGUMENTS), "output.value": json.dumps(RESULT)}
    return span(3, "TOOL", {**values, **changes})


def answers() -> dict[str, Any]:
    attributes = {
        "llm.model_name": "m",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": QUESTION,
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": ANSWER,
        "llm.token_count.prompt": 150,
        "llm.token_count.completion": 20,
    }
    return span(4, "LLM", attributes)


def truth() -> dict[str, Any]:
    def call(number: int, content: str | None, asked: list[dict[str, Any]], tokens: tuple[int, int]) -> dict[str, Any]:
        usage = {"in": tokens[0], "out": tokens[1], "cached": 0, "reasoning": 0}
        return {"seq": number, "model": "m", "content": content, "tool_calls": asked, "usage": usage}

    request = {"id": "call_1", "name": "renew", "args": ARGUMENTS}
    made = {"tool": "renew", "args": ARGUMENTS, "result": RESULT, "error": None, "finished": True, "call_id": "call_1"}
    refused = {"seq": 9, "model": "m", "content": None, "tool_calls": [], "usage": None, "http_error": 429}
    turn = {
        "user_input": QUESTION,
        "final_output": ANSWER,
        "llm_calls": [call(0, None, [request], (100, 11)), refused, call(1, ANSWER, [], (150, 20))],
        "tool_calls": [made],
    }
    return {"conversations": [{"session_id": "s-1", "turns": [turn]}]}


def capture(folder: Path, spans: list[dict[str, Any]], told: dict[str, Any] | None = None) -> Path:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    scope.scope.name = "openinference.instrumentation.test"
    for one in spans:
        made = scope.spans.add(
            trace_id=b"t" * 16, span_id=bytes([one["number"]] * 8), name=one["kind"].lower(),
            parent_span_id=bytes([one["parent"]] * 8) if one["parent"] else b"",
            start_time_unix_nano=one["number"] * 1000, end_time_unix_nano=one["number"] * 1000 + 900,
        )  # fmt: skip
        for key, value in {"openinference.span.kind": one["kind"], **one["attributes"]}.items():
            whole = AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value)
            made.attributes.append(KeyValue(key=key, value=whole))
    (folder / "wire").mkdir(parents=True)
    (folder / "wire" / "001.traces.pb.gz").write_bytes(gzip.compress(request.SerializeToString()))
    (folder / "truth.json").write_text(json.dumps(told or truth()))
    return folder


def outcomes(folder: Path) -> dict[str, dict[str, int]]:
    """Every count that is not zero, of the measures where not all was recovered."""
    result = conformance_of(read_capture(folder))
    assert list(result.counts) == list(MEASURES)
    for counts in result.counts.values():
        assert counts.truth == counts.recovered + counts.wrong + counts.not_on_wire + counts.missed
    whole = {name: {key: n for key, n in asdict(counts).items() if n} for name, counts in result.counts.items()}
    return {
        name: counts
        for name, counts in whole.items()
        if counts.get("truth", 0) != counts.get("recovered", 0) or "invented" in counts
    }


WHOLE = (agent(), asks(), renews(), answers())


def test_all_that_is_there_is_recovered(tmp_path):
    folder = capture(tmp_path / "whole", list(WHOLE))
    assert outcomes(folder) == {}
    recovered = {name: counts.recovered for name, counts in conformance_of(read_capture(folder)).counts.items()}
    assert recovered == {
        "turns": 1, "model_calls": 2, "tool_calls": 1, "tool_arguments": 1, "tool_results": 1, "tool_errors": 0,
        "requested_by": 1, "input_tokens": 2, "output_tokens": 2, "order": 1, "handoffs": 0, "sessions": 1,
    }  # fmt: skip


def test_a_wrong_value_is_wrong(tmp_path):
    other = json.dumps({**ARGUMENTS, "loan": "L-89"})
    folder = capture(tmp_path / "c", [agent(), asks(), renews(**{"input.value": other}), answers()])
    assert outcomes(folder) == {"tool_arguments": {"truth": 1, "wrong": 1}}
    folder = capture(tmp_path / "d", [agent(), asks(**{"llm.token_count.prompt": 99}), renews(), answers()])
    assert outcomes(folder) == {"input_tokens": {"truth": 2, "recovered": 1, "wrong": 1}}


def test_a_call_too_many_is_invented(tmp_path):
    another = {**renews(**{"tool.name": "cancel"}), "number": 5}
    folder = capture(tmp_path / "c", [*WHOLE, another])
    assert outcomes(folder) == {"tool_calls": {"truth": 1, "recovered": 1, "invented": 1}}
    another = {**answers(), "number": 6}
    assert outcomes(capture(tmp_path / "d", [*WHOLE, another])) == {
        "model_calls": {"truth": 2, "recovered": 2, "invented": 1}
    }


def test_what_was_not_sent_is_not_on_the_wire_and_what_was_is_missed(tmp_path):
    told = truth()
    told["conversations"][0]["turns"][0]["tool_calls"].append(
        {"tool": "fine", "args": {"cents": 5}, "result": "none", "error": None, "finished": True, "call_id": "call_9"}
    )
    assert outcomes(capture(tmp_path / "c", list(WHOLE), told)) == {
        name: {"truth": 2, "recovered": 1, "not_on_wire": 1}
        for name in ("tool_calls", "tool_arguments", "tool_results", "requested_by")
    }
    escaped = json.dumps(json.dumps({"cents": "five", "why": "late “b”"}))
    named = answers() | {"number": 7}
    named["attributes"] = {"openinference.span.kind": "CHAIN", "input.value": f"call_9 fine none {escaped}"}
    named["kind"] = "CHAIN"
    made = told["conversations"][0]["turns"][0]["tool_calls"][1]
    made["args"] = {"cents": "five", "why": "late “b”"}
    assert outcomes(capture(tmp_path / "d", [*WHOLE, named], told)) == {
        name: {"truth": 2, "recovered": 1, "missed": 1}
        for name in ("tool_calls", "tool_arguments", "tool_results", "requested_by")
    }


def test_an_error_is_recovered_by_its_words(tmp_path):
    told = truth()
    told["conversations"][0]["turns"][0]["tool_calls"][0] |= {"result": None, "error": "RuntimeError: locked"}
    failed = renews(**{"output.value": "ERROR: RuntimeError: locked"})
    assert outcomes(capture(tmp_path / "c", [agent(), asks(), failed, answers()], told)) == {}
    assert outcomes(capture(tmp_path / "d", list(WHOLE), told)) == {"tool_errors": {"truth": 1, "not_on_wire": 1}}
    assert outcomes(capture(tmp_path / "e", [agent(), asks(), failed, answers()])) == {
        "tool_errors": {"invented": 1},
        "tool_results": {"truth": 1, "wrong": 1},
    }


def test_calls_in_another_order_are_wrong_unless_one_request_asked_for_both(tmp_path):
    def twice(*asked: list[str]) -> dict[str, Any]:
        told = truth()
        turn = told["conversations"][0]["turns"][0]
        made = turn["tool_calls"][0]
        turn["tool_calls"] = [{**made, "tool": name, "call_id": f"call_{name}"} for name in ("first", "second")]
        for call, names in zip((turn["llm_calls"][0], turn["llm_calls"][2]), asked, strict=True):
            call["tool_calls"] = [{"id": f"call_{name}", "name": name, "args": ARGUMENTS} for name in names]
        return told

    swapped = [{**renews(**{"tool.name": name}), "number": number} for number, name in ((3, "second"), (5, "first"))]
    spans = [agent(), asks(), *swapped, {**answers(), "number": 6}]
    one_by_one = conformance_of(read_capture(capture(tmp_path / "c", spans, twice(["first"], ["second"]))))
    assert one_by_one.counts["order"] == Counts(truth=2, recovered=1, wrong=1)
    assert [miss.what for miss in one_by_one.misses if miss.measure == "order"] == ["first, then second"]
    at_once = conformance_of(read_capture(capture(tmp_path / "d", spans, twice(["first", "second"], []))))
    assert at_once.counts["order"] == Counts(truth=1, recovered=1)


def test_a_hand_off_to_another_agent_is_missed_and_invented(tmp_path):
    told = truth()
    for name in ("transfer_to_loans", "transfer_to_agent"):
        request = {"id": "call_1", "name": name, "args": {"agent_name": "Loans"} if name.endswith("agent") else {}}
        told["conversations"][0]["turns"][0]["llm_calls"][0]["tool_calls"] = [request]
        for target, expected in (
            ("loans", {"truth": 1, "recovered": 1}),
            ("billing", {"truth": 1, "missed": 1, "invented": 1}),
        ):
            handed = renews(**{"tool.name": f"transfer_to_{target}", "input.value": "{}", "output.value": name})
            folder = capture(tmp_path / name / target, [agent(), asks(), handed, answers()], told)
            counts = asdict(conformance_of(read_capture(folder)).counts["handoffs"])
            assert {key: count for key, count in counts.items() if count} == expected


def test_an_answer_belongs_to_its_own_turn(tmp_path):
    told = truth()
    turns = told["conversations"][0]["turns"]
    turns.append({"user_input": QUESTION, "final_output": "Never said.", "llm_calls": [], "tool_calls": []})
    assert outcomes(capture(tmp_path / "c", list(WHOLE), told)) == {"turns": {"truth": 2, "recovered": 1, "missed": 1}}


def test_captures_are_found_and_refused(tmp_path):
    capture(tmp_path / "a", list(WHOLE))
    capture(tmp_path / "b", list(WHOLE))
    assert [folder.name for folder in captures_in(tmp_path)] == ["a", "b"]
    assert captures_in(tmp_path / "a") == [tmp_path / "a"]
    with pytest.raises(RequestError, match="holds no capture"):
        captures_in(tmp_path / "a" / "wire")
    (tmp_path / "a" / "wire" / "001.traces.pb.gz").write_bytes(gzip.compress(b"\xff\xff"))
    with pytest.raises(RequestError, match=r"001\.traces\.pb\.gz: the body is no"):
        read_capture(tmp_path / "a")
    (tmp_path / "b" / "truth.json").write_text("[]")
    with pytest.raises(RequestError, match="no list `conversations`"):
        read_capture(tmp_path / "b")


OURS = Path(__file__).parents[2] / "traces" / "captures"
SHARED = Path(os.environ.get("AGENTEVAL_SHARED", Path(__file__).parents[3] / "shared")) / "captures"


@pytest.mark.parametrize(
    "folder",
    [path for root in (OURS, SHARED) if root.is_dir() for path in captures_in(root)],
    ids=lambda path: path.name,
)
def test_everything_on_the_wire_is_recovered_and_nothing_is_made_up(folder):
    result = conformance_of(read_capture(folder))
    assert [miss for miss in result.misses if miss.whose == "ours"] == []
