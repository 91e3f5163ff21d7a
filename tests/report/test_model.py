"""The report document, against cases computed by hand."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from agenteval.errors import NotFound
from agenteval.report.model import MAX_REASON, build


def picked(interval: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: interval[name] for name in names or ("estimate", "method", "counted", "left_out")}


def estimates(by_k: dict[str, Any]) -> dict[str, float]:
    return {k: round(value["estimate"], 6) for k, value in by_k.items()}


def one_agent(lab, *scenarios: tuple[str, str]) -> Any:
    """Trials of one agent: `p` passed, `f` failed, `u` undecided, `i` invalid, `n` nothing asked."""
    findings = {"p": [lab.finding()], "f": [lab.finding("fail")], "u": [lab.finding("unknown")], "i": None, "n": []}
    outcomes = []
    for scenario, trials in scenarios:
        for repeat, what in enumerate(trials):
            status = "invalid" if what == "i" else "completed"
            outcomes.append((lab.trial(scenario, repeat=repeat, status=status), findings[what]))
    return lab.store(*outcomes)


def test_rates_and_curves_by_hand(lab):
    """a: 3 of 4, b: 1 of 3 (one undecided), c: nothing counted.

    pass@k and pass^k go to k = 3, the smallest n that is not 0.
    pass^2: a C(3,2)/C(4,2) = 1/2, b C(1,2)/C(3,2) = 0, mean 1/4. pass@2: a 1 - 0/6 = 1, b 1 - C(2,2)/C(3,2) = 2/3.
    """
    report = build(one_agent(lab, ("a", "pppf"), ("b", "pffu"), ("c", "in")), lab.run)
    assert report["trials_total"] == 10
    assert picked(report["pass_rate"], "counted", "left_out", "clusters", "method", "confidence") == {
        "counted": 7,
        "left_out": 3,
        "clusters": 2,
        "method": "clustered_t",
        "confidence": 0.95,
    }
    assert report["pass_rate"]["estimate"] == pytest.approx(4 / 7)
    assert 0 <= report["pass_rate"]["low"] < 4 / 7 < report["pass_rate"]["high"] <= 1
    assert estimates(report["pass_hat_k"]) == {"1": round((3 / 4 + 1 / 3) / 2, 6), "2": 0.25, "3": 0.125}
    assert estimates(report["pass_at_k"]) == {"1": round((3 / 4 + 1 / 3) / 2, 6), "2": round(5 / 6, 6), "3": 1.0}
    assert picked(report["pass_hat_k"]["2"], "counted", "left_out", "clusters") == {
        "counted": 2,
        "left_out": 1,
        "clusters": 2,
    }
    assert report["k_limited_by"] == ["b"]
    assert report["statuses"] == {"completed": 9, "limit": 0, "agent_error": 0, "diverged": 0, "invalid": 1}
    assert report["scores"] == {"passed": 4, "failed": 3, "undecided": 1, "invalid": 1, "not_asked": 1}
    assert [(s["scenario"], s["passed"], picked(s["pass_rate"])) for s in report["scenarios"]] == [
        ("a", 3, {"estimate": 0.75, "method": "wilson", "counted": 4, "left_out": 0}),
        ("b", 1, {"estimate": 1 / 3, "method": "wilson", "counted": 3, "left_out": 1}),
        ("c", 0, {"estimate": None, "method": "wilson", "counted": 0, "left_out": 2}),
    ]


def test_one_agent_at_the_top_is_that_agent(lab):
    report = build(one_agent(lab, ("a", "pf"), ("b", "pp")), lab.run)
    (agent,) = report["agents"]
    assert agent == {"agent": "careful", **{key: report[key] for key in agent if key != "agent"}}


def test_nothing_counted_is_null_and_never_zero(lab):
    report = build(one_agent(lab, ("a", "ii"), ("b", "un")), lab.run)
    nothing = {"estimate": None, "low": None, "high": None, "counted": 0}
    assert picked(report["pass_rate"], *nothing) == nothing
    assert report["pass_rate"]["left_out"] == 4
    assert report["pass_at_k"] == {}
    assert report["pass_hat_k"] == {}
    assert report["k_limited_by"] == []
    assert picked(report["metric"], *nothing) == nothing
    assert report["seconds"] is None
    assert "NaN" not in json.dumps(report)


def test_a_run_without_trials_has_a_report(lab):
    report = build(lab.store(agents=("careful",)), lab.run)
    assert report["trials"] == report["scenarios"] == report["checks"] == []
    assert report["pass_rate"]["estimate"] is None
    assert [agent["agent"] for agent in report["agents"]] == ["careful"]


def test_several_agents_are_pooled_by_scenario_and_shown_apart(lab):
    """careful: a 2/2, b 1/2; careless: a 0/2, b 0/3. k goes to 2; pass^2 over the four units is (1 + 0 + 0 + 0) / 4."""
    outcomes = []
    for agent, scenario, trials in (
        ("careful", "a", "pp"),
        ("careful", "b", "pf"),
        ("careless", "a", "ff"),
        ("careless", "b", "fff"),
    ):
        for repeat, what in enumerate(trials):
            outcomes.append((lab.trial(scenario, agent, repeat), [lab.finding("pass" if what == "p" else "fail")]))
    report = build(lab.store(*outcomes), lab.run)
    assert report["pass_rate"]["estimate"] == pytest.approx(3 / 9)
    assert report["pass_rate"]["clusters"] == 2
    assert estimates(report["pass_hat_k"]) == {"1": 0.375, "2": 0.25}
    assert estimates(report["pass_at_k"]) == {"1": 0.375, "2": 0.5}
    assert picked(report["pass_hat_k"]["2"], "counted", "clusters", "left_out") == {
        "counted": 4,
        "clusters": 2,
        "left_out": 0,
    }
    assert report["k_limited_by"] == ["a", "b"]
    careful, careless = report["agents"]
    assert (careful["agent"], estimates(careful["pass_hat_k"])) == ("careful", {"1": 0.75, "2": 0.5})
    assert (careless["agent"], careless["k_limited_by"]) == ("careless", ["a"])
    first = report["scenarios"][0]
    assert (first["passed"], first["pass_rate"]["estimate"]) == (2, 0.5)
    assert {agent: entry["passed"] for agent, entry in first["agents"].items()} == {"careful": 2, "careless": 0}


def test_checks_are_counted_by_verdict_and_rated_on_what_applied(lab):
    idle = lab.finding("pass", "never-1", vacuous=True, activations=0, reason_code="not_activated")
    findings = [lab.finding("pass"), lab.finding("fail"), lab.finding("unknown"), idle, lab.not_asked("never-1")]
    quiet = lab.finding("pass", "never-2", vacuous=True, activations=0, reason_code="not_activated")
    store = lab.store(*((lab.trial(repeat=n), [finding, quiet]) for n, finding in enumerate(findings)))
    applied, never = build(store, lab.run)["checks"]
    assert {key: applied[key] for key in ("agent", "check", "title", "role", "not_activated", "never_activated")} == {
        "agent": "careful",
        "check": "never-1",
        "title": "title of never-1",
        "role": "gate",
        "not_activated": 1,
        "never_activated": False,
    }
    assert applied["verdicts"] == {"pass": 2, "fail": 1, "unknown": 1, "not_asked": 1}
    assert applied["reason_codes"] == {"held": 1, "forbidden": 1, "gap": 1, "not_activated": 1, "not_asked": 1}
    assert picked(applied["pass_rate"]) == {
        "estimate": 0.5,
        "method": "wilson_one_scenario",
        "counted": 2,
        "left_out": 3,
    }
    assert applied["value"] is None
    assert (never["never_activated"], never["pass_rate"]["estimate"], never["pass_rate"]["left_out"]) == (True, None, 5)


def test_what_metrics_measured_has_a_mean_and_an_interval(lab):
    values = {"a": [0.5, 1.0], "b": [None, 0.0]}
    outcomes = [
        (lab.trial(scenario, repeat=n), [lab.finding(), lab.measured(value)])
        for scenario, some in values.items()
        for n, value in enumerate(some)
    ]
    report = build(lab.store(*outcomes), lab.run)
    check = next(check for check in report["checks"] if check["check"] == "budget-1")
    assert picked(check["value"], "estimate", "counted", "left_out") == {
        "estimate": 0.5,
        "counted": 3,
        "left_out": 1,
    }
    assert check["value"]["low"] < 0.5 < check["value"]["high"]
    assert (check["unit"], check["better"]) == ("", "higher")
    assert picked(report["metric"], "estimate", "counted", "left_out") == {
        "estimate": 0.5,
        "counted": 3,
        "left_out": 1,
    }


def test_scenarios_and_trials_stand_in_natural_order(lab):
    outcomes = [
        (lab.trial(str(number), agent, repeat), [lab.finding()])
        for number in (10, 2, 1, 0)
        for agent in ("b", "a")
        for repeat in (1, 0)
    ]
    report = build(lab.store(*outcomes), lab.run)
    assert [row["scenario"] for row in report["scenarios"]] == ["0", "1", "2", "10"]
    assert [(t["scenario"], t["agent"], t["repeat"]) for t in report["trials"][:4]] == [
        ("0", "b", 0),
        ("0", "b", 1),
        ("0", "a", 0),
        ("0", "a", 1),
    ]


def test_a_trial_carries_its_findings_whole_and_its_reason_bounded(lab):
    long = lab.finding("fail", reason="x" * 5000, steps=("s1",), evidence={"expected": 1})
    trial = lab.trial(repeat=3, attempt=1, seconds=1.5, error="none", fault_of="agent")
    (shown,) = build(lab.store((trial, [long])), lab.run)["trials"]
    assert shown == {
        "trajectory": trial.trajectory,
        "scenario": "shop/refund",
        "agent": "careful",
        "repeat": 3,
        "attempt": 1,
        "seed": 3,
        "status": "completed",
        "error": "none",
        "fault_of": "agent",
        "seconds": 1.5,
        "conclusion": "failed",
        "passed": False,
        "metric": None,
        "coverage": None,
        "findings": [
            {
                "check": "never-1",
                "verdict": "fail",
                "reason_code": "forbidden",
                "reason": "x" * (MAX_REASON - 1) + "…",
                "title": "title of never-1",
                "check_version": "1",
                "role": "gate",
                "weight": 1.0,
                "steps": ["s1"],
                "vacuous": False,
                "activations": None,
                "measure": None,
                "evidence": {"expected": 1},
            }
        ],
    }


def test_what_the_suite_claims_comes_from_the_run(lab):
    settings = {"claims": ["it follows the policy"], "does_not_claim": "not a list"}
    report = build(lab.store((lab.trial(), [lab.finding()]), settings=settings, suite_hash="ab"), lab.run)
    assert report["suite"] == {"id": "shop", "hash": "ab", "claims": ["it follows the policy"], "does_not_claim": []}
    assert build(lab.store((lab.trial(), [lab.finding()]), suite=None), lab.run)["suite"] is None


def test_what_no_json_can_hold_is_replaced(lab):
    finding = lab.finding("fail", reason="\ud800", evidence={"actual": 2**80, "\ud801": (1, 2)})
    (trial,) = build(lab.store((lab.trial("s\ud800"), [finding])), lab.run)["trials"]
    assert trial["scenario"] == "s�"
    assert trial["findings"][0]["reason"] == "�"
    assert trial["findings"][0]["evidence"] == {"actual": str(2**80), "�": [1, 2]}


def test_the_level_of_the_intervals_is_the_one_asked_for(lab):
    store = one_agent(lab, ("a", "pf"))
    wide, narrow = build(store, lab.run), build(store, lab.run, confidence=0.5)
    assert narrow["confidence"] == narrow["pass_rate"]["confidence"] == 0.5
    assert wide["pass_rate"]["low"] < narrow["pass_rate"]["low"]
    assert math.isclose(wide["pass_rate"]["estimate"], narrow["pass_rate"]["estimate"])


def test_a_run_is_found_by_prefix_or_refused(lab):
    store = one_agent(lab, ("a", "p"))
    assert build(store, lab.run[:8])["run"]["id"] == lab.run
    with pytest.raises(NotFound, match="nonsense"):
        build(store, "nonsense")
