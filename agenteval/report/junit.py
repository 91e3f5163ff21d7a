"""A report in, JUnit XML out: a test case a trial, for CI systems that show such files.

A failed trial is a `failure`, an invalid one an `error`, an undecided one is `skipped`, so that no trial that was not
concluded passes for a success.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET


def render(report: Mapping[str, Any]) -> str:
    """The XML, with its declaration."""
    run = report["run"]
    root = ET.Element("testsuites", name=f"agenteval {run['id']}")
    for agent in report["agents"]:
        trials = [trial for trial in report["trials"] if trial["agent"] == agent["agent"]]
        suite = ET.SubElement(
            root,
            "testsuite",
            name=f"{run['suite'] or run['kind']} by {agent['agent']}",
            tests=str(len(trials)),
            failures=str(sum(1 for trial in trials if trial["conclusion"] == "failed")),
            errors=str(sum(1 for trial in trials if trial["conclusion"] == "invalid")),
            skipped=str(sum(1 for trial in trials if trial["conclusion"] in {"undecided", "not_asked"})),
        )
        for trial in trials:
            _case(suite, trial)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, trial: Mapping[str, Any]) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_clean(trial["scenario"]),
        name=f"{_clean(trial['scenario'])} #{trial['repeat']}",
        time=f"{trial['seconds'] or 0:.3f}",
    )
    told = [f for f in trial["findings"] if f["verdict"] != "pass" and f["reason_code"] != "not_asked"]
    text = _clean("\n".join(f"{f['verdict']}: {f['title'] or f['check']}: {f['reason']}" for f in told))
    text += f"\nagenteval show {trial['trajectory']}" if trial["trajectory"] else ""
    if trial["conclusion"] == "failed":
        first = next((f for f in told if f["verdict"] == "fail"), None)
        ET.SubElement(case, "failure", message=_clean(first["reason"] if first else "failed")).text = text
    elif trial["conclusion"] == "invalid":
        ET.SubElement(
            case, "error", message=_clean(trial["error"] or "invalid"), type=str(trial["fault_of"])
        ).text = text
    elif trial["conclusion"] != "passed":
        ET.SubElement(case, "skipped", message=trial["conclusion"]).text = text


def _clean(text: str) -> str:
    """The text without characters that XML 1.0 cannot hold."""
    return "".join(
        c if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "�" or c > "\uffff" else "�" for c in text
    )
