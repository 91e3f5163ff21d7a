"""Real result files that others recorded, from import to report and to checks of our own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from agenteval import build_report, load_suite, open_store
from agenteval.core.ports import Query, TraceStore
from agenteval.core.trajectory import ToolCall
from agenteval.experiment.importing import ImportSummary, import_files
from agenteval.experiment.scoring import score_run
from agenteval.intake.checkfiles import load_checks

CHECKS = Path(__file__).resolve().parents[2] / "docs" / "examples" / "airline-checks.yaml"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TraceStore]:
    kept = open_store(str(tmp_path / "store.db"))
    yield kept
    kept.close()


def taken_in(store: TraceStore, *files: Path) -> ImportSummary:
    return import_files(list(files), store)


def test_tau_bench_gives_the_published_values(store: TraceStore, shared: Path) -> None:
    summary = taken_in(store, shared / "data" / "tau_bench" / "gpt-4o-airline.json")
    report = build_report(store, summary.run.id)
    assert (summary.imported, summary.refused) == (200, [])
    # tau-bench's README, gpt-4o, airline: pass^1 to pass^4
    published = {"1": 0.420, "2": 0.273, "3": 0.220, "4": 0.200}
    assert {k: round(rate["estimate"], 3) for k, rate in report["pass_hat_k"].items()} == published
    assert report["pass_rate"]["counted"] == 200
    assert len(report["scenarios"]) == 50
    assert sum(1 for _ in store.labels(Query(run=summary.run.id))) == summary.labels >= 200


def test_every_real_file_is_taken_in_or_refused_with_a_reason(store: TraceStore, shared: Path) -> None:
    files = [
        *sorted((shared / "data" / "tau2_runs").glob("*/*.json.gz")),
        *sorted(p for p in (shared / "data" / "inspect_logs").iterdir() if p.suffix in {".eval", ".json"}),
    ]
    assert len(files) >= 10
    for file in files:
        summary = taken_in(store, file)
        assert summary.imported > 0 or summary.refused, file.name
        assert all(refused.where and refused.why for refused in summary.refused)


def test_importing_twice_stores_each_span_once(store: TraceStore, shared: Path) -> None:
    file = next((shared / "data" / "tau2_runs").glob("gym/gpt-4.1_airline*.gz"))
    first = taken_in(store, file)
    second = taken_in(store, file)
    trials = list(store.trials(Query(run=first.run.id)))
    assert [t.trajectory for t in trials] == [t.trajectory for t in store.trials(Query(run=second.run.id))]
    spans, _ = store.read([trial.trajectory or "" for trial in trials])
    assert len(spans) == len({(span.trace_id, span.span_id) for span in spans})
    assert build_report(store, first.run.id)["pass_rate"] == build_report(store, second.run.id)["pass_rate"]


def test_checks_from_the_policy_alone_rank_the_airline_runs_as_their_rewards_do(
    store: TraceStore, shared: Path
) -> None:
    files = sorted((shared / "data" / "tau2_runs").glob("*/*airline*.gz"))
    assert len(files) >= 4
    checks = load_checks(CHECKS)
    rates: list[tuple[float, float]] = []
    for file in files:
        summary = taken_in(store, file)
        scored = score_run(store, summary.run.id, checks)
        reward = build_report(store, summary.run.id)["pass_rate"]["estimate"]
        ours = build_report(store, scored.run.id)["pass_rate"]["estimate"]
        rates.append((reward, ours))
    by_reward = [ours for _, ours in sorted(rates)]
    assert by_reward == sorted(by_reward)
    assert len(set(by_reward)) == len(by_reward)


def test_tool_calls_of_imports_are_those_of_the_file(store: TraceStore, shared: Path) -> None:
    import gzip

    import orjson

    file = next((shared / "data" / "tau2_runs").glob("gym/gpt-4.1_telecom_default*.gz"))
    raw = orjson.loads(gzip.decompress(file.read_bytes()))
    wanted: Counter[tuple[str, str]] = Counter()
    for simulation in raw["simulations"]:
        for message in simulation["messages"]:
            for call in message.get("tool_calls") or ():
                wanted["user" if call["requestor"] == "user" else "agent", call["name"]] += 1
    summary = taken_in(store, file)
    found = Counter(
        (call.by, call.name)
        for _, trajectory in store.trajectories(Query(run=summary.run.id))
        for _, call in trajectory.of(ToolCall)
    )
    assert found == wanted


def test_a_check_matches_on_a_result_of_an_imported_run(store: TraceStore, shared: Path, tmp_path: Path) -> None:
    import gzip

    import orjson

    file = shared / "data" / "tau2_runs" / "main" / "toolorchestra_airline_gpt-4.1-mini.json.gz"
    raw = orjson.loads(gzip.decompress(file.read_bytes()))
    found_nothing = found_a_flight = 0
    for simulation in raw["simulations"]:
        asked = {call["id"]: call["name"] for m in simulation["messages"] for call in m.get("tool_calls") or ()}
        answers = [m["content"] for m in simulation["messages"] if asked.get(m.get("id")) == "search_direct_flight"]
        found_nothing += "[]" in answers
        found_a_flight += any('"flight_number"' in answer for answer in answers)
    written = tmp_path / "checks.yaml"
    written.write_text(
        "checks:\n"
        "  - {calls: [{tool: search_direct_flight, result: []}], id: none-found}\n"
        "  - {calls: [{tool: search_direct_flight, result: {$has: {$not: null}}}], id: some-found}\n"
    )
    summary = taken_in(store, file)
    scored = score_run(store, summary.run.id, load_checks(written)).run.id
    findings = [finding for _, score in store.outcomes(scored) for finding in score.findings]
    passed = Counter(finding.check for finding in findings if finding.verdict == "pass")
    assert passed == {"none-found": found_nothing, "some-found": found_a_flight}
    assert {finding.verdict for finding in findings} == {"pass", "fail"}
    assert 0 < found_nothing < found_a_flight < len(raw["simulations"])


def test_the_shipped_suite_loads() -> None:
    assert len(load_suite("retail").scenarios) >= 12
