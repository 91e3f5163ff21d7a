"""The published schemas: equal to what is written down in code, and true of real documents."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import jsonschema
import orjson
import pytest

from agenteval import checkers
from agenteval._util.plain import plain
from agenteval.core.codec import to_json
from agenteval.core.trajectory import Usage
from agenteval.experiment.compare import Side, compare
from agenteval.report.model import build
from agenteval.report.schema import schemas, write

NAMES = ["trajectory", "report", "compare", "verify", "import", "checks", "doctor", "run", "score", "new", "suite",
         "reassemble", "conformance", "find", "forget",
         "export", "export-evaluations", "exported"]  # fmt: skip


def check(document: Any, name: str) -> None:
    written = json.loads(orjson.dumps(document))
    jsonschema.Draft202012Validator(schemas()[name]).validate(written)


def test_the_written_files_are_what_the_code_says(repo, tmp_path):
    folder = repo / "traces" / "schema"
    made = {path.name: path.read_bytes() for path in write(tmp_path)}
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == made, "run: make schema"
    assert sorted(made) == sorted(f"{name}.v1.json" for name in NAMES)


def test_they_are_schemas():
    for schema in schemas().values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_object_stays_open_but_the_curves():
    def closed(node: Any) -> int:
        if isinstance(node, dict):
            return (node.get("additionalProperties") is False) + sum(map(closed, node.values()))
        return sum(map(closed, node)) if isinstance(node, list) else 0

    assert {name: closed(schema) for name, schema in schemas().items() if closed(schema)} == {
        "report.v1": 1,
        "run.v1": 1,
        "score.v1": 1,
    }


def test_a_report_follows_its_schema(lab):
    trial, trajectory, findings = lab.refund()
    outcomes = [(trial, findings, trajectory), (lab.trial("x", "b", status="invalid", trajectory=None), None, None)]
    report = build(lab.full_store(outcomes), lab.run)
    check(report, "report.v1")
    check({"schema": "run.v1", "run": lab.run, "report": report, "summary": {"planned": 1, "carried_out": 1, "already_there": 0, "stopped": None, "statuses": {"completed": 1}}}, "run.v1")  # fmt: skip
    check({"schema": "score.v1", "run": lab.run, "scored": 1, "report": report}, "score.v1")
    check(build(lab.store(suite=None, agents=()), lab.run), "report.v1")
    check({**report, "a field of a later version": 1}, "report.v1")


def test_a_trajectory_follows_its_schema(lab):
    _, trajectory, _ = lab.refund()
    check(to_json(trajectory), "trajectory.v1")
    more = lab.trajectory(
        lab.handoff("b"),
        lab.interrupt({"ask": "May I?"}, answer=True),
        lab.other("retrieval", {"a": 1}),
        lab.thinks("hm"),
        lab.model(usage=Usage(cost_usd=0.5), error="429"),
        lab.call("a", [1], 1.5, by="user", status="unknown"),
        complete=False,
        offered_tools=("a",),
    )
    check(to_json(more), "trajectory.v1")


def test_a_comparison_follows_its_schema(lab):
    def side(agent: str, seed: int, names: str) -> Side:
        rng = random.Random(seed)
        outcomes = [(lab.trial(name, agent, n), [lab.finding(rng.choice(["pass", "fail"]))]) for name in names for n in range(3)]  # fmt: skip
        return Side(lab.run, agent, tuple(lab.store(*outcomes).outcomes(lab.run)))

    check(compare(side("a", 1, "wxy"), side("b", 2, "xyz")), "compare.v1")
    check(compare(side("a", 1, "x"), side("b", 2, "x")), "compare.v1")


def test_the_catalogue_of_checks_follows_its_schema():
    check({"schema": "checks.v1", "checks": [plain(doc) for doc in checkers.catalogue()]}, "checks.v1")


@pytest.mark.parametrize("name", [f"{name}.v1" for name in NAMES])
def test_each_requires_its_own_name(name):
    assert schemas()[name]["properties"]["schema"] == {"const": name}
    assert "schema" in schemas()[name]["required"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("steps", 2, "name"), None),
        (("steps", 2, "status"), "done"),
        (("steps", 1, "usage", "input_tokens"), -1),
        (("steps", 0, "parts", 0, "type"), 3),
        (("integrity", "complete"), None),
        (("usage", "input_tokens"), "1"),
    ],
)
def test_a_broken_trajectory_is_refused(lab, path, value):
    document = copy.deepcopy(to_json(lab.refund()[1]))
    node: Any = document
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        check(document, "trajectory.v1")


def test_a_report_without_its_counts_is_refused(lab):
    report = build(lab.store((lab.trial(), [lab.finding()])), lab.run)
    for field in ("pass_rate", "pass_at_k", "pass_hat_k", "statuses", "k_limited_by", "scenarios", "checks"):
        with pytest.raises(jsonschema.ValidationError, match=field):
            check({key: value for key, value in report.items() if key != field}, "report.v1")
