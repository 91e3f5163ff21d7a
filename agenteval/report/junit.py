"""A report in, JUnit XML out: a test case a trial, for CI systems that show such files.

A failed trial is a `failure`, an invalid one an `error`, an undecided one or one of which nothing was asked is
`skipped`, so that no trial that was not concluded passes for a success.

References:
    The JUnit XML that Jenkins and GitLab read: testsuites, testsuite, testcase with failure, error or skipped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from agenteval.report.evidence import Line, aligned
from agenteval.report.visible import one_line, visible

_KINDS = {"failed": "failures", "invalid": "errors", "undecided": "skipped", "not_asked": "skipped"}
_LONGEST = 20_000  # characters of what is told of one trial
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Mapping[str, Any]) -> str:
    """The XML, with its declaration."""
    root = ET.Element("testsuites", name=_clean(f"agenteval {report['run']['id']}"))
    _count(root, report["trials"])
    for agent in report["agents"]:
        trials = [trial for trial in report["trials"] if trial["agent"] == agent["agent"]]
        run = report["run"]
        suite = ET.SubElement(root, "testsuite", name=_clean(f"{run['suite'] or run['kind']} by {agent['agent']}"))
        _count(suite, trials)
        suite.set("timestamp", _clean(run["created_at"]).partition("+")[0])
        for trial in trials:
            _case(suite, trial)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def mark_invalid(path: Path, name: str) -> None:
    """In the XML that pytest wrote, turn the failures of test cases with the property `name` into errors.

    pytest itself knows failures alone for what a test raises. The property goes: it was a note to this function, and
    the schema that pytest's files follow has no place for it.
    """
    text = path.read_text(encoding="utf-8")
    if name not in text:
        return
    root = ET.fromstring(text)  # noqa: S314 (pytest wrote it a moment ago, and escaped what came from tests)
    for suite in root.iter("testsuite"):
        moved = sum(_as_error(case) for case in suite.iter("testcase") if _taken_off(case, name))
        for kind, change in (("failures", -moved), ("errors", moved)):
            suite.set(kind, str(int(suite.get(kind, "0")) + change))
    path.write_text('<?xml version="1.0" encoding="utf-8"?>' + ET.tostring(root, encoding="unicode"), encoding="utf-8")


def _taken_off(case: ET.Element, name: str) -> bool:
    """Whether the test case had the property; it has it no more."""
    found = False
    for properties in case.findall("properties"):
        for each in properties.findall(f"property[@name='{name}']"):
            properties.remove(each)
            found = True
        if not len(properties):
            case.remove(properties)
    return found


def _as_error(case: ET.Element) -> int:
    """How many of its failures were turned into errors."""
    failures = case.findall("failure")
    for failure in failures:
        failure.tag = "error"
    for error in case.findall("error"):
        if not error.get("message", "").startswith("failed on teardown"):
            error.set("type", "agenteval.invalid")
    return len(failures)


def _count(element: ET.Element, trials: Sequence[Mapping[str, Any]]) -> None:
    counts = {"failures": 0, "errors": 0, "skipped": 0}
    for trial in trials:
        kind = _KINDS.get(trial["conclusion"])
        if kind is not None:
            counts[kind] += 1
    element.set("tests", str(len(trials)))
    for kind, count in counts.items():
        element.set(kind, str(count))
    element.set("time", f"{sum(trial['seconds'] or 0 for trial in trials):.3f}")


def _case(suite: ET.Element, trial: Mapping[str, Any]) -> None:
    scenario = _clean(trial["scenario"])
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_clean(f"{trial['agent']}.{trial['scenario']}"),
        name=f"{scenario} #{trial['repeat']}",
        time=f"{trial['seconds'] or 0:.3f}",
    )
    told = [f for f in trial["findings"] if f["verdict"] != "pass" and f["reason_code"] != "not_asked"]
    if trial["conclusion"] == "failed":
        first = next((finding for finding in told if finding["verdict"] == "fail"), None)
        message = first["reason"] if first else "failed"
        _tell(case, "failure", message, kind=first["reason_code"] if first else "failed", text=_told(trial, told))
    elif trial["conclusion"] == "invalid":
        message = trial["error"] or trial["status"]
        _tell(case, "error", message, kind=f"fault of {trial['fault_of'] or 'unknown'}", text=_told(trial, told))
    elif trial["conclusion"] != "passed":
        reason = f": {told[0]['reason']}" if told else ""
        _tell(case, "skipped", trial["conclusion"].replace("_", " ") + reason, kind=None, text=_told(trial, told))


def _tell(case: ET.Element, tag: str, message: str, *, kind: str | None, text: str) -> None:
    element = ET.SubElement(case, tag, message=_clean(one_line(message)))
    if kind is not None:
        element.set("type", _clean(kind))
    element.text = text


def _told(trial: Mapping[str, Any], findings: Sequence[Mapping[str, Any]]) -> str:
    lines: list[str] = []
    for finding in findings:
        lines.append(f"{finding['verdict']}: {one_line(finding['title'] or finding['check'])}")
        lines += [f"  {line}" for line in visible(finding["reason"]).split("\n")]
        lines += [_compared(line) for line in aligned(finding["evidence"]) if line.mark in {"differs", "not_recorded"}]
    if trial["trajectory"]:
        lines.append(f"agenteval show {trial['trajectory']}")
    return _clean("\n".join(lines)[:_LONGEST])


def _compared(line: Line) -> str:
    text = f"  {line.name}: " if line.name else "  "
    return f"{text}expected {line.expected or 'nothing'}, happened {line.happened or 'nothing'}"


def _clean(text: str) -> str:
    """The text, safe to show, and without what XML 1.0 cannot hold."""
    return _NOT_XML.sub("�", visible(text))
