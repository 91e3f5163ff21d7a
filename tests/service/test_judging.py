"""Rules judge what a receiver closes: once for each trajectory and version, whatever happens to the receiver."""

from __future__ import annotations

import gzip
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agenteval import open_store
from agenteval.core.ports import Query, TraceStore
from agenteval.core.span import Span
from agenteval.telemetry.otlp import decode_traces, encode_traces

WIRE = Path(__file__).parents[2] / "traces" / "captures" / "langfuse_observe" / "wire"
SPANS = [
    span for path in sorted(WIRE.glob("*.traces.pb.gz")) for span in decode_traces(gzip.decompress(path.read_bytes()))
]
TRACES = sorted({span.trace_id for span in SPANS})  # two, of one conversation
ONE = '{check="one-renewal",verdict="fail"}'
ERRORS = '{check="clean",verdict="fail"}'
CHECKS = "checks:\n  - {at_most: {renew_loan: 1}, id: one-renewal}\n  - all: [no_errors]\n    id: clean\n"
TOML = """[serve]
quiet_seconds = 0.2
[[serve.rules]]
name = "loans"
checks = "checks.yaml"
find = "tool:renew_loan"
"""


def of(number: int) -> list[bytes]:
    """A body for each trace, as of another conversation: its session and traces have other names."""
    return [encode_traces([_of(span, number) for span in SPANS if span.trace_id == name]) for name in TRACES]


def _of(span: Span, number: int) -> Span:
    attributes = {
        name: f"room-{number}" if value == "reading-room-7" else value for name, value in span.attributes.items()
    }
    return replace(span, trace_id=f"{number:02x}{span.trace_id[2:]}", attributes=attributes)


def wait_for(running: Any, name: str, least: float) -> float:
    """The sum of a counter, once it is so much."""
    while (counted := running.counted(name)) < least:
        assert running.process.poll() is None
    return counted


def verdicts(running: Any) -> dict[str, float]:
    found = re.findall(r"^agenteval_findings_total(\{.*\}) (\S+)$", running.get("/metrics").text, re.MULTILINE)
    return {labels: float(count) for labels, count in found}


def judged(store: TraceStore) -> Counter[str]:
    return Counter(
        trial.scenario for run in store.runs() if run.kind == "scoring" for trial, _ in store.outcomes(run.id)
    )


def test_verdicts_are_counted_and_a_late_span_is_judged_again(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "checks.yaml").write_text(CHECKS)
    running = start(toml=TOML)
    assert any("judged by rules" in line and "loans" in line and "(2)" in line for line in running.told)
    late = next(span for span in reversed(SPANS) if span.name == "renew_loan")
    assert running.post(encode_traces([span for span in SPANS if span is not late])).status_code == 200
    wait_for(running, "closed_traces_total", 2)
    assert verdicts(running) == {ONE: 1, ERRORS: 1}
    assert running.post(encode_traces([late])).status_code == 200
    wait_for(running, "closed_traces_total", 3)
    assert verdicts(running) == {ONE: 2, ERRORS: 2}
    assert running.end() == 0
    store = open_store(tmp_path / "store.db")
    (trial,) = store.trials(Query(run="live-default"))
    assert judged(store) == {"reading-room-7": 1}
    assert store.trajectory(trial.trajectory or "").integrity.stored == len(SPANS)
    store.close()


def test_each_is_judged_once_though_the_receiver_is_killed(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "checks.yaml").write_text(CHECKS)
    sessions = {f"room-{number}" for number in range(1, 9)}
    running = start(toml=TOML)
    for number in range(1, 9):
        for body in of(number):
            assert running.post(body).status_code == 200
        if number == 5:
            wait_for(running, "closed_traces_total", 1)
            running.end(signal.SIGKILL)
            running = start(toml=TOML)
    while True:
        store = open_store(tmp_path / "store.db")
        found = judged(store)
        store.close()
        if found.keys() == sessions:
            break
        assert running.process.poll() is None
    assert running.end() == 0
    assert set(found.values()) == {1}


def test_two_receivers_on_one_database_judge_each_once(
    start: Callable[..., Any], postgres: Callable[[], str], tmp_path: Path
) -> None:
    (tmp_path / "checks.yaml").write_text(CHECKS)
    url = postgres()
    both = [start("--store", url, toml=TOML) for _ in range(2)]
    sent = range(1, 13)
    for number in sent:
        for place, body in enumerate(of(number)):
            assert both[(number + place) % 2].post(body).status_code == 200
    while sum(running.counted("closed_traces_total") for running in both) < 2 * len(sent):
        assert all(running.process.poll() is None for running in both)
    store = open_store(url)
    found = judged(store)
    trials = list(store.trials(Query(run="live-default")))
    store.close()
    assert set(found.values()) == {1}
    assert len(found) == len(sent) == len(trials)
    assert {len(trial.trace_ids) for trial in trials} == {2}
    closed = [running.counted("closed_traces_total") for running in both]
    assert sum(closed) == 2 * len(sent)
    assert all(running.end() == 0 for running in both)


@pytest.mark.parametrize(
    ("rules", "checks", "said"),
    [
        (
            'checks = "checks.yaml"',
            "checks:\n  - {nevr: pay}\n",
            '"loans": checks.yaml:2: checks[0]: unknown check "nevr"',
        ),
        ('checks = "none.yaml"', CHECKS, '"loans": there is no file none.yaml'),
        (
            'checks = "checks.yaml"\nfind = "tol:pay"',
            CHECKS,
            '"loans": nothing is found by "tol". Did you mean "tool"?',
        ),
        ('checks = "checks.yaml"\nsample = 2', CHECKS, "rules.0.sample: "),
        (
            'checks = "checks.yaml"\n[[serve.rules]]\nname = "loans"\nchecks = "a"',
            CHECKS,
            'two rules are called "loans"',
        ),
    ],
)
def test_a_rule_that_cannot_be_asked_is_refused_before_anything_is_taken(
    rules: str, checks: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "checks.yaml").write_text(checks)
    (tmp_path / "agenteval.toml").write_text(f'[[serve.rules]]\nname = "loans"\n{rules}\n')
    done = subprocess.run(
        [sys.executable, "-m", "agenteval", "serve", "--http", "127.0.0.1:0", "--grpc", "off"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / ".agenteval").exists()
