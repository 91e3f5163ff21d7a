"""`traces/samples`: every sample goes in whole, and its checks find what its author put into it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agenteval import build_report, open_store
from agenteval.core.codec import to_json
from agenteval.core.ports import Query
from agenteval.core.trajectory import ToolCall
from agenteval.errors import NotFound
from agenteval.experiment.importing import import_files
from agenteval.experiment.scoring import score_run
from agenteval.intake.catalogue import named_file, samples
from agenteval.intake.checkfiles import load_checks
from agenteval.intake.files import FORMATS

FOLDER = Path(__file__).resolve().parents[2] / "traces" / "samples"

# counted by hand when the samples were written
HELD: dict[str, dict[str, Any]] = {
    "support.jsonl": {
        "format": "messages",
        "statuses": {"completed": 6},
        "labels": {"reward@1": [1, 0, 0, 0, 1]},
        "calls": {"ok": 9, "error": 1},
        "users'": 0,
        "models": 16,
        "offered": 6,
    },
    "library.json": {
        "format": "tau-bench",
        "statuses": {"completed": 4, "limit": 1, "invalid": 1},
        "labels": {"reward@1": [1.0, 0.0, 0.0, 1.0, 0.0, 0.0], "r_actions@1": [1.0, 0.0, 0.0, 1.0]},
        "calls": {"ok": 11, "error": 1},
        "users'": 0,
        "models": 16,
        "offered": 0,
    },
    "heating.json": {
        "format": "tau2",
        "statuses": {"completed": 4, "limit": 1, "invalid": 1},
        "labels": {
            "reward@1": [1.0, 0.0, 1.0, 0.0, 0.0],
            "reward:ENV_ASSERTION@1": [1.0, 0.0, 1.0, 0.0, 0.0],
            "env:user.is_on@1": [True, False],
            "env:user.is_off@1": [True, False],
        },
        "calls": {"ok": 10, "error": 1},
        "users'": 2,
        "models": 14,
        "offered": 0,
    },
    "atlas.json": {
        "format": "inspect",
        "statuses": {"completed": 3, "limit": 1, "invalid": 1},
        "labels": {"match@1": ["C", "I", "C", "I"]},
        "calls": {"ok": 4, "error": 1},
        "users'": 0,
        "models": 9,
        "offered": 5,
    },
}

# which trials fail which check, by its id
FOUND: dict[str, dict[str, list[str]]] = {
    "support.jsonl": {
        "verifies-first": ["refund-unverified #0"],
        "refunds-once": ["refund-twice #0"],
        "no-second-refund": ["refund-claimed #0"],
        "says-what-is-so": ["refund-claimed #0"],
        "without-errors": [],
    },
    "library.json": {
        "looks-up-first": ["0 #1"],
        "does-what-was-asked": ["0 #2", "1 #1"],
        "no-loops": ["1 #1"],
    },
    "heating.json": {
        "looks-up-first": ["leak #1"],
        "thermostat-first": ["cold-room #1"],
        "no-loops": ["meter #0"],
        "few-tokens": [],
    },
    "atlas.json": {
        "looks-it-up": ["atlas/lake #1"],
        "finds-it": ["atlas/lake #1"],
        "without-errors": [],
    },
}


TRACES = {"agenteval", "otlp", "jaeger", "zipkin", "langfuse", "langsmith", "phoenix", "atif", "swe-agent"}
"""Formats of traces and of other harnesses: their samples are the cases of `traces/conversion`."""


def checks_of(name: str) -> str:
    return f"{name.partition('.')[0]}-checks.yaml"


def test_each_format_has_a_sample_and_each_sample_its_checks():
    assert {held["format"] for held in HELD.values()} == set(FORMATS) - TRACES
    files = {path.name for path in FOLDER.iterdir() if path.is_file()}
    assert files == {"README.md", *HELD, *map(checks_of, HELD)}
    assert [path.name for path in samples()] == sorted(files - {"README.md"})


@pytest.mark.parametrize("name", HELD)
def test_a_sample_goes_in_whole(name: str, follows_schema: Callable[[Any], None]):
    held = HELD[name]
    store = open_store("memory:")
    summary = import_files([FOLDER / name], store)
    assert summary.refused == []
    run = Query(run=summary.run.id)
    kept = list(store.trajectories(run))
    calls = [call for _, trajectory in kept for _, call in trajectory.of(ToolCall)]
    assert Counter(trial.status for trial, _ in kept) == held["statuses"]
    assert Counter(call.status for call in calls) == held["calls"]
    assert sum(call.by == "user" for call in calls) == held["users'"]
    assert (
        sum(step.content.kind == "model_call" for _, trajectory in kept for step in trajectory.steps) == held["models"]
    )
    assert sum(trajectory.offered_tools is not None for _, trajectory in kept) == held["offered"]
    labels: dict[str, list[Any]] = {}
    for label in store.labels(run):
        labels.setdefault(label.criterion, []).append(label.value)
    assert labels == held["labels"]
    for _, trajectory in kept:
        assert trajectory.integrity.complete
        assert trajectory.attributes["agenteval.source"] == f"import:{held['format']}"
        follows_schema(to_json(trajectory))


@pytest.mark.parametrize("name", HELD)
def test_the_checks_of_a_sample_find_what_was_put_into_it(name: str):
    store = open_store("memory:")
    summary = import_files([FOLDER / name], store)
    scored = score_run(store, summary.run.id, load_checks(FOLDER / checks_of(name)))
    failed: dict[str, list[str]] = {check: [] for check in FOUND[name]}
    verdicts: Counter[str] = Counter()
    for trial, score in store.outcomes(scored.run.id):
        for finding in score.findings:
            verdicts[finding.verdict] += 1
            if finding.verdict == "fail":
                failed[finding.check].append(f"{trial.scenario} #{trial.repeat}")
    assert failed == FOUND[name]
    assert verdicts["unknown"] == 0
    # the recorded rewards and these checks agree on every trial that both judge, which is why they were written so
    rewards = {trial.trajectory: score.passed for trial, score in store.outcomes(summary.run.id)}
    judged = {trial.trajectory: score.passed for trial, score in store.outcomes(scored.run.id)}
    both = {key for key in judged if rewards[key] is not None and judged[key] is not None}
    assert len(both) >= 3
    assert {key: judged[key] for key in both} == {key: rewards[key] for key in both}
    assert build_report(store, scored.run.id)["pass_rate"]["counted"] >= 3


def test_a_sample_is_named_and_any_other_file_is_left_as_it_is(tmp_path: Path):
    assert named_file(Path("sample:support.jsonl")) == FOLDER / "support.jsonl"
    for path in (Path("support.jsonl"), tmp_path / "sample:support.jsonl", Path("./x/sample:y")):
        assert named_file(path) == path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sample:suport.jsonl", 'there is no sample "suport.jsonl". Did you mean "support.jsonl"?'),
        ("sample:../schema/run.v1.json", "Known: atlas-checks.yaml, atlas.json, "),
        ("sample:README.md", 'there is no sample "README.md"'),
        ("sample:", 'there is no sample ""'),
    ],
)
def test_a_sample_that_there_is_not_is_refused_with_the_names_that_there_are(name: str, said: str):
    with pytest.raises(NotFound) as refused:
        named_file(Path(name))
    assert said in str(refused.value)
