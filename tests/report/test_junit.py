"""JUnit XML: read back by a parser, its counts agree, and what was not concluded never passes for a success."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from agenteval.report.junit import render
from agenteval.report.model import build


def parsed(store, run) -> ET.Element:
    return ET.fromstring(render(build(store, run)))  # noqa: S314 (we wrote it)


def outcomes(lab):
    evidence = {"expected": "pay", "actual": {"tool": "pay", "step": "s", "arguments": {"n": 1}}, "differs": [{"path": "args.n", "expected": 2, "actual": 1, "found": "value", "hint": "1 is not 2"}]}  # fmt: skip
    return [
        (lab.trial("s", "a", 0, seconds=1.5), [lab.finding()]),
        (
            lab.trial("s", "a", 1, seconds=0.25, trajectory="f" * 32),
            [lab.finding("fail", reason="no\nsecond line", evidence=evidence)],
        ),
        (lab.trial("s", "a", 2), [lab.finding("unknown", reason="spans were lost")]),
        (lab.trial("s", "a", 3, status="invalid", error="429", fault_of="model", trajectory=None), None),
        (lab.trial("s", "a", 4, trajectory="e" * 32), [lab.not_asked()]),
        (lab.trial("s", "b", 0), [lab.finding()]),
    ]


def test_a_case_a_trial_with_what_was_concluded(lab):
    root = parsed(lab.store(*outcomes(lab)), lab.run)
    assert root.attrib == {
        "name": f"agenteval {lab.run}",
        "tests": "6",
        "failures": "1",
        "errors": "1",
        "skipped": "2",
        "time": "1.750",
    }
    first, second = root
    assert first.attrib == {
        "name": "shop by a",
        "tests": "5",
        "failures": "1",
        "errors": "1",
        "skipped": "2",
        "time": "1.750",
        "timestamp": "2026-11-24T10:15:00",
    }
    assert second.attrib["tests"] == "1"
    shown = [
        (case.get("name"), case.get("time"), [(child.tag, dict(child.attrib)) for child in case]) for case in first
    ]
    assert shown == [
        ("s #0", "1.500", []),
        ("s #1", "0.250", [("failure", {"message": "no second line", "type": "forbidden"})]),
        ("s #2", "0.000", [("skipped", {"message": "undecided: spans were lost"})]),
        ("s #3", "0.000", [("error", {"message": "429", "type": "fault of model"})]),
        ("s #4", "0.000", [("skipped", {"message": "not asked"})]),
    ]
    assert {case.get("classname") for case in first} == {"a.s"}
    failure = first[1][0].text
    assert failure is not None
    assert failure.strip().split("\n") == [
        "fail: title of never-1",
        "  no",
        "  second line",
        "  n: expected 2, happened 1",
        f"agenteval show {'f' * 32}",
    ]


def test_the_counts_are_those_of_the_elements(lab):
    for suite in parsed(lab.store(*outcomes(lab)), lab.run):
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(attribute, "")) == len(suite.findall(f"testcase/{tag}"))
        assert int(suite.get("tests", "")) == len(suite.findall("testcase"))


def test_hostile_text_stays_text(lab):
    bad = lab.hostile
    trial = lab.trial(bad, bad, error=bad, fault_of=bad, status="invalid")
    failed = lab.trial(bad, bad, 1, trajectory=bad)
    finding = lab.finding("fail", bad, title=bad, reason=bad)
    root = parsed(lab.store((trial, None), (failed, [finding]), suite=bad), lab.run)
    assert len(root.findall(".//testcase")) == 2
    assert {element.tag for element in root.iter()} == {"testsuites", "testsuite", "testcase", "error", "failure"}
    assert "<img src=x" in (root.findall(".//failure")[0].get("message") or "")


def test_a_run_without_trials_is_valid_xml(lab):
    assert parsed(lab.store(agents=("a",)), lab.run).get("tests") == "0"
