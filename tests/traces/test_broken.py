"""`traces/broken`: spans and files as they come from senders that die, clocks that lie and disks that fill up."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from agenteval import assemble, evaluate, fingerprint, open_store, parse_checks
from agenteval.core import semconv
from agenteval.core.codec import from_json, to_json
from agenteval.core.span import Span
from agenteval.core.trajectory import ToolCall, Trajectory
from agenteval.intake.checkfiles import load_checks
from agenteval.intake.files import Imported, ImportRefused, read, restore
from agenteval.telemetry.assemble import trajectory_of

ROOT = Path(__file__).resolve().parents[2] / "traces" / "broken"
SPANS: dict[str, Any] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "spans").glob("*.json"))
}
CHECKS = load_checks(ROOT / "spans" / "checks.yaml").checks
ReadSpans = Callable[[Mapping[str, Any]], list[Span]]


def told(trajectory: Trajectory) -> dict[str, Any]:
    """A trajectory as its case describes it."""
    return {
        "id": trajectory.id,
        "kinds": [step.content.kind for step in trajectory.steps],
        "calls": [[call.name, call.status] for _, call in trajectory.of(ToolCall)],
        "runs": [run.name for run in trajectory.runs],
        "missing": {str(step.index): sorted(step.missing) for step in trajectory.steps if step.missing},
        "integrity": to_json(trajectory)["integrity"],
        "verdicts": {
            finding.check: f"{finding.verdict} {finding.reason_code}" for finding in evaluate(trajectory, CHECKS)
        },
    }


@pytest.mark.parametrize("name", SPANS)
def test_what_becomes_of_broken_spans(name: str, read_spans: ReadSpans, follows_schema: Callable[[Any], None]):
    case = SPANS[name]
    made = assemble(read_spans(case))
    assert [told(trajectory) for trajectory in made] == case["expect"]
    for trajectory in made:
        document = to_json(trajectory)
        follows_schema(document)
        assert from_json(document) == trajectory
        assert [step.index for step in trajectory.steps] == list(range(len(trajectory.steps)))
        fingerprint(trajectory)
    if "same_as" in case:
        assert made == assemble(read_spans(SPANS[case["same_as"]]))


# --- a function of the set


def said_again(spans: list[Span], chance: random.Random) -> list[Span]:
    """The same set of spans: in another order, some of them several times."""
    mixed = spans + chance.choices(spans, k=chance.randint(0, 2 * len(spans))) if spans else []
    chance.shuffle(mixed)
    return mixed


@pytest.mark.parametrize("name", SPANS)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chance=st.randoms(use_true_random=False))
def test_any_order_and_repetition_give_the_same_trajectories(name: str, read_spans: ReadSpans, chance: random.Random):
    spans = read_spans(SPANS[name])
    assert assemble(said_again(spans, chance)) == assemble(spans)


@pytest.mark.parametrize("name", SPANS)
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chance=st.randoms(use_true_random=False))
def test_any_split_over_batches_gives_the_same_trajectories(name: str, read_spans: ReadSpans, chance: random.Random):
    spans = read_spans(SPANS[name])
    store = open_store("memory:")
    left = said_again(spans, chance)
    while left:
        size = chance.randint(1, len(left))
        store.append(left[:size])
        left = left[size:]
    for whole in assemble(spans):
        kept, _ = store.read([whole.id])
        found = trajectory_of(kept, conflicts=store.conflicts([whole.id]))
        assert found.integrity == whole.integrity
        # of two contents under one id a store keeps the one that came first
        assert found == whole or whole.integrity.repeated


# --- what is not there proves nothing

NEGATIVE: list[Any] = [
    {"never": "pay"},
    {"never": {"find": {"invoice": 8}}},
    {"never": "pay", "after": "find"},
    {"never": "pay", "before": "find"},
    {"never": "pay", "between": ["find", "pay"]},
    {"never": "pay", "each": "turn"},
    {"never": {"tool": {"$glob": "p*"}}},
    {"at_most": {"find": 1}},
    {"at_most": {"pay": 0}},
    {"at_most": {"of": "find", "n": 1, "per": "invoice"}},
    {"exactly": {"find": 1}},
    {"matches": {"mode": "strict", "calls": ["find"]}},
    {"matches": {"mode": "unordered", "calls": ["find"]}},
    {"matches": {"mode": "subset", "calls": ["find", "pay"]}},
    "no_errors",
    "no_loops",
    {"precedes": ["find", "pay"]},
    {"responds": ["pay", "find"]},
    {"not": {"calls": ["pay"]}},
    {"not": {"says": "refused"}},
    {"all": [{"never": "pay"}, {"calls": ["find"]}]},
    {"any": [{"never": "pay"}, {"calls": ["pay"]}]},
    {"budget": {"calls": 1}, "pass_at": 1},
    {"budget": {"turns": 1}, "pass_at": 1},
    {"budget": {"tokens": 100}, "pass_at": 1},
    {"budget": {"seconds": 60}, "pass_at": 1},
]
NEGATIVE_CHECKS = parse_checks([item if isinstance(item, str) else {**item} for item in NEGATIVE])


def verdicts(trajectory: Trajectory) -> list[str]:
    found = evaluate(trajectory, NEGATIVE_CHECKS, known_tools=frozenset({"find", "pay"}))
    assert not [finding for finding in found if finding.reason_code == "check_error"]
    return [finding.verdict for finding in found]


def test_each_negative_check_can_pass_where_nothing_is_missing(read_spans: ReadSpans):
    (whole,) = assemble(read_spans(SPANS["whole"]))
    found = evaluate(whole, NEGATIVE_CHECKS)
    assert [(finding.title, finding.verdict) for finding in found if finding.verdict != "pass"] == []


@pytest.mark.parametrize("name", SPANS)
def test_no_negative_check_passes_over_a_gap(name: str, read_spans: ReadSpans):
    for trajectory in assemble(read_spans(SPANS[name])):
        if not trajectory.integrity.complete:
            assert set(verdicts(trajectory)) <= {"fail", "unknown"}


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lost=st.sets(st.integers(0, 4), min_size=1, max_size=4))
def test_no_negative_check_passes_whatever_is_lost(read_spans: ReadSpans, lost: set[int]):
    left = [span for number, span in enumerate(read_spans(SPANS["whole"])) if number not in lost]
    (trajectory,) = assemble(left)
    assert not trajectory.integrity.complete
    assert set(verdicts(trajectory)) <= {"fail", "unknown"}


# the same of a recorded run with a world, whose changes may be lost too
RECORDED: Any = json.loads(
    (ROOT.parent / "conversion" / "genai" / "recorded-run" / "spans.json").read_text(encoding="utf-8")
)
START = {"bikes": {"B12": "free", "B14": "out"}, "hires": []}
OF_RECORDED: list[Any] = [
    {"never": "cancel"},
    {"never": {"hire_bike": {"bike": "B13"}}},
    {"never": "find_bikes", "after": "hire_bike"},
    {"at_most": {"hire_bike": 2}},
    {"at_most": {"of": "hire_bike", "n": 1, "per": "bike"}},
    {"exactly": {"hire_bike": 1}, "status": "ok"},
    {"exactly": {"cancel": 0}},
    {"precedes": ["find_bikes", "hire_bike"]},
    {"matches": {"mode": "subset", "calls": ["find_bikes", "hire_bike"]}, "status": "ok"},
    "no_loops",
    {"only_changes": ["bikes.B12", "hires"]},
    {"state": {"bikes.B14": "out"}},
    {"not": {"calls": ["cancel"]}},
    {"budget": {"turns": 2, "calls": 3, "tokens": 1000, "usd": 0.01, "seconds": 5}, "pass_at": 1},
]


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lost=st.sets(st.integers(0, 10), max_size=8))
def test_no_negative_check_passes_over_a_recorded_run_that_lost_spans(read_spans: ReadSpans, lost: set[int]):
    checks = parse_checks(OF_RECORDED)
    spans = read_spans(RECORDED)
    assert len(spans) == 11
    (trajectory,) = assemble([span for number, span in enumerate(spans) if number not in lost])
    found = evaluate(
        replace(trajectory, start=START), checks, known_tools=frozenset({"find_bikes", "hire_bike", "cancel"})
    )
    if lost:
        assert [finding for finding in found if finding.verdict == "pass"] == []
    else:
        assert [finding for finding in found if finding.verdict != "pass"] == []


# --- anything in the place of anything

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec="utf-8"), max_size=6)
    | st.binary(max_size=4)
)
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=8)  # fmt: skip
ATTRIBUTES = sorted(
    {value for key, value in vars(semconv).items() if key.isupper() and isinstance(value, str) and "." in value}
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value within a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *[place for key, item in items for place in places(item, (*path, key))]]


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    put=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(ATTRIBUTES), anything), max_size=4),
    within=st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1, exclude_max=True), anything), max_size=3),
)
def test_values_of_any_kind_anywhere_are_survived(
    read_spans: ReadSpans, follows_schema: Callable[[Any], None], put: list[Any], within: list[Any]
):
    data = json.loads(json.dumps(SPANS["whole"]["spans"]))
    for number, where, value in within:
        found = [place for place in places(data[number]["attributes"]) if place]
        if found:
            *path, last = found[int(where * len(found))]
            inner = data[number]["attributes"]
            for key in path:
                inner = inner[key]
            inner[last] = value
    for number, name, value in put:
        data[number]["attributes"][name] = value
    spans = [
        replace(span, attributes=changed["attributes"])
        for span, changed in zip(read_spans(SPANS["whole"]), data, strict=True)
    ]
    (trajectory,) = assemble(spans)
    follows_schema(to_json(trajectory))
    assert from_json(to_json(trajectory)) == trajectory
    verdicts(trajectory)


# --- files

FILES: dict[str, Any] = YAML(typ="safe").load(ROOT / "files" / "expect.yaml")


def test_every_file_has_its_expectation():
    assert {path.name for path in (ROOT / "files").iterdir()} - {"expect.yaml"} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_what_becomes_of_broken_files(name: str, follows_schema: Callable[[Any], None]):
    records = list(read(ROOT / "files" / name))
    taken = [record for record in records if isinstance(record, Imported)]
    refused = [record for record in records if isinstance(record, ImportRefused)]
    assert [record.position for record in taken] == FILES[name]["records"]
    assert [record.where for record in refused] == [where for where, _ in FILES[name]["refused"]]
    for record, (_, why) in zip(refused, FILES[name]["refused"], strict=True):
        assert record.file == name
        assert record.why.startswith(why[:-1]) if why.endswith("…") else record.why == why
    for record in taken:
        trajectory = trajectory_of(record.spans)
        assert trajectory.integrity.complete  # what was read was read whole
        follows_schema(to_json(trajectory))


def test_what_json_cannot_carry_is_kept_as_it_was():
    records = [record for record in read(ROOT / "files" / "beyond-json.jsonl") if isinstance(record, Imported)]
    lines = (ROOT / "files" / "beyond-json.jsonl").read_text(encoding="utf-8").splitlines()
    assert [repr(restore(record.spans)) for record in records] == [repr(json.loads(line)) for line in lines]
    assert [label.value for label in records[0].labels] == ["NaN"]
