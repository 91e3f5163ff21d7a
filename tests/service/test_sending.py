"""Evaluation events against a real endpoint on loopback, which decodes them with OpenTelemetry's own classes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

from agenteval import open_store, parse_checks
from agenteval.core.outcome import Finding, Measure, Run, Score
from agenteval.core.ports import Query
from agenteval.errors import RequestError, Undelivered
from agenteval.experiment.evaluations import EVENT, evaluations, events_of
from agenteval.experiment.importing import import_files
from agenteval.experiment.scoring import score_run
from agenteval.intake.checkfiles import CheckFile
from agenteval.service.sending import send_logs

REPO = Path(__file__).resolve().parents[2]
PROTOBUF = "application/x-protobuf"


class Endpoint:
    """Answers what it was told to, in order, and then that all is well; keeps what it was sent."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.requests: list[tuple[str, dict[str, str], ExportLogsServiceRequest]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                assert headers["content-type"] == PROTOBUF
                request = ExportLogsServiceRequest.FromString(gzip.decompress(body))
                endpoint.requests.append((self.path, headers, request))
                status, extra, answer = endpoint.answers.pop(0) if endpoint.answers else (200, {}, b"")
                self.send_response(status)
                for name, value in {"content-type": PROTOBUF, **extra, "content-length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def records(self) -> list[tuple[Any, dict[str, Any]]]:
        found = [
            (record, {pair.key: value(pair.value) for pair in record.attributes})
            for _, _, request in self.requests
            for of_resource in request.resource_logs
            for of_scope in of_resource.scope_logs
            for record in of_scope.log_records
        ]
        assert all(record.event_name == EVENT for record, _ in found)
        return found

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def value(held: Any) -> Any:
    kind = held.WhichOneof("value")
    return [value(item) for item in held.array_value.values] if kind == "array_value" else getattr(held, kind)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    yield server
    server.stop()


@pytest.fixture
def judged() -> Iterator[tuple[Any, str]]:
    """A store with three conversations of which a checks file judged each, and the id of that run."""
    store = open_store("memory:")
    run = import_files([REPO / "traces/conversion/otlp/genai-lines/collector.jsonl"], store).run.id
    checks = [
        {"calls": ["find_order"], "id": "finds"},
        {"never": "find_order", "as": "safety", "id": "never-finds"},
        {"state": {"x": 1}, "id": "state"},
        {"budget": {"tokens": 192}, "as": "metric", "id": "few-tokens"},
    ]
    scored = score_run(store, run, CheckFile(checks=parse_checks(checks), where=Query(), digest="d"))
    yield store, scored.run.id
    store.close()


def test_each_finding_is_an_event_on_the_span_that_it_rests_on(judged: tuple[Any, str], endpoint: Endpoint):
    store, run = judged
    sent = send_logs(evaluations(store, run), endpoint.url, {"x-api-key": "k"})
    assert (sent.accepted, sent.rejected) == (5, 0)
    ((path, headers, _),) = endpoint.requests
    assert (path, headers["x-api-key"], headers["content-encoding"]) == ("/v1/logs", "k", "gzip")
    found = {attributes["gen_ai.evaluation.name"]: (record, attributes) for record, attributes in endpoint.records()}
    root, tool = "0000000000000001", "0000000000000003"
    spans = {name: record.span_id.hex() for name, (record, _) in found.items()}
    assert spans == {
        "finds": tool,
        "never-finds": tool,
        "state": root,
        "few-tokens": spans["few-tokens"],
        "agenteval.score": root,
    }
    assert {record.trace_id.hex() for record, _ in found.values()} == {"5b8efff798038103d269b633813fc60c"}
    figures = {
        name: (attributes.get("gen_ai.evaluation.score.value"), attributes["gen_ai.evaluation.score.label"])
        for name, (_, attributes) in found.items()
    }
    assert figures["finds"] == (1.0, "pass")
    assert figures["never-finds"] == (0.0, "fail")
    assert figures["state"] == (None, "unknown")
    assert figures["few-tokens"] == (None, "unknown")
    assert found["few-tokens"][1]["error.type"] == "gap"
    assert found["state"][1]["error.type"] == "no_state"
    assert "error.type" not in found["finds"][1]
    assert "find_order was called" in found["never-finds"][1]["gen_ai.evaluation.explanation"]
    assert found["finds"][1]["gen_ai.conversation.id"] == "talk-7"
    assert found["agenteval.score"][1]["agenteval.run.id"] == run


def test_the_same_run_gives_the_same_events(judged: tuple[Any, str]):
    store, run = judged
    assert list(evaluations(store, run)) == list(evaluations(store, run))
    assert list(evaluations(store, "latest")) == list(evaluations(store, run))


def test_a_metric_has_its_figure_and_its_measure(judged: tuple[Any, str]):
    store, run = judged
    ((trial, _),) = store.outcomes(run)
    trajectory = store.trajectory(trial.trajectory)
    spans, _ = store.read(trajectory.trace_ids)
    finding = Finding(
        check="slow",
        verdict="fail",
        reason_code="over_budget",
        reason="took long",
        role="metric",
        measure=Measure(name="seconds", value=90.0, unit="seconds"),
    )
    concluded = Score(status="undecided", passed=None, metrics={"slow": 0.25}, findings=(finding,))
    one, whole = events_of(
        Run(id="r", kind="scoring", created_at="2026-01-01T00:00:00+00:00"), trajectory, spans, concluded
    )
    assert one.attributes["gen_ai.evaluation.score.value"] == 0.25
    assert one.attributes["agenteval.measure.value"] == 90.0
    assert whole.attributes["gen_ai.evaluation.score.label"] == "undecided"
    assert "gen_ai.evaluation.score.value" not in whole.attributes
    assert one.at_ns == 1767225600 * 10**9
    assert list(events_of(Run(id="r", kind="scoring", created_at=""), trajectory, [], concluded)) == []


def test_what_is_overloaded_is_asked_again_after_as_long_as_it_says(judged: tuple[Any, str], endpoint: Endpoint):
    store, run = judged
    endpoint.answers = [(503, {"retry-after": "7"}, b"busy"), (429, {}, b""), (502, {"retry-after": "900"}, b"")]
    waited: list[float] = []
    sent = send_logs(evaluations(store, run), endpoint.url + "/", {}, wait=waited.append)
    assert sent.accepted == 5
    assert waited == [7.0, 2.0, 30.0]
    assert len({request.SerializeToString() for _, _, request in endpoint.requests}) == 1


@pytest.mark.parametrize(
    ("answers", "error", "told"),
    [
        ([(503, {}, b"busy")] * 6, Undelivered, r"answers 503: busy, 6 times; 0 events were taken before"),
        ([(401, {}, b'{"message":"no key"}')], RequestError, r"answers 401: \{\"message\":\"no key\"\}"),
        ([(404, {"content-type": "text/html"}, b"<html>")], RequestError, r"answers 404: <html>"),
        (
            [(401, {"content-type": PROTOBUF}, Status(code=16, message="no key was sent").SerializeToString())],
            RequestError,
            r"answers 401: no key was sent; 0 events",
        ),
        ([(400, {"content-type": PROTOBUF}, b"\xff")], RequestError, r"answers 400: \ufffd; 0 events"),
        ([(301, {"location": "http://elsewhere"}, b"")], RequestError, r"answers 301"),
    ],
)
def test_what_cannot_be_delivered_is_an_error_that_says_why(
    judged: tuple[Any, str], endpoint: Endpoint, answers: Any, error: type[Exception], told: str
):
    store, run = judged
    endpoint.answers = list(answers)
    with pytest.raises(error, match=told):
        send_logs(evaluations(store, run), endpoint.url, {}, wait=lambda _: None)


def test_nobody_there_and_no_address_are_told_apart(judged: tuple[Any, str], endpoint: Endpoint):
    store, run = judged
    url = endpoint.url
    endpoint.stop()
    waited: list[float] = []
    with pytest.raises(Undelivered, match="cannot be reached"):
        send_logs(evaluations(store, run), url, {}, wait=waited.append)
    assert waited == [1.0, 2.0, 4.0, 8.0, 16.0]
    for wrong in ("localhost:4318", "ftp://a", ""):
        with pytest.raises(RequestError, match="is no address"):
            send_logs(evaluations(store, run), wrong, {})


def test_what_the_endpoint_rejects_is_counted_and_told(judged: tuple[Any, str], endpoint: Endpoint):
    store, run = judged
    partial = ExportLogsPartialSuccess(rejected_log_records=2, error_message="too old")
    endpoint.answers = [(200, {}, ExportLogsServiceResponse(partial_success=partial).SerializeToString())]
    sent = send_logs(evaluations(store, run), f"{endpoint.url}/v1/logs", {})
    assert (sent.accepted, sent.rejected, sent.why) == (3, 2, "too old")


def test_agenteval_itself_keeps_the_events_beside_the_spans(judged: tuple[Any, str], start: Callable[..., Any]):
    """To `agenteval serve`: the events lie with the trace that they are about."""
    store, run = judged
    receiver = start()
    sent = send_logs(evaluations(store, run), receiver.http, {})
    assert sent.accepted == 5
    _, logs = receiver.stored("5b8efff798038103d269b633813fc60c")
    assert sorted(log.attributes["gen_ai.evaluation.name"] for log in logs) == [
        "agenteval.score",
        "few-tokens",
        "finds",
        "never-finds",
        "state",
    ]
    assert json.dumps([log.trace_id for log in logs]) == json.dumps(["5b8efff798038103d269b633813fc60c"] * 5)


def test_sent_twice_the_events_are_there_once(judged: tuple[Any, str], start: Callable[..., Any]):
    store, run = judged
    receiver = start()
    for _ in range(2):
        assert send_logs(evaluations(store, run), receiver.http, {}).accepted == 5
    _, logs = receiver.stored("5b8efff798038103d269b633813fc60c")
    assert len(logs) == 5
