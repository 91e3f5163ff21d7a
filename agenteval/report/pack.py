"""Trajectories and findings in, compressed pieces of bounded size out: what the page shows when a trial is opened.

A page of many trials must stay small, so that all pieces together have a budget. Each trial gets its share, three times
as much where it did not pass, and what one leaves over the others may use. A trial that does not fit has its texts
shortened, and says so; the steps that findings name are always there.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from agenteval.core.trajectory import ModelCall, ToolCall, Trajectory
from agenteval.report.evidence import aligned, clean, remedy
from agenteval.report.outline import Row, outline, tokens, unrecorded
from agenteval.report.tree import incomplete
from agenteval.report.visible import cut, one_line, storable, visible

BUDGET = 14_000_000  # bytes of all pieces together as base64, which leaves the rest of the page some megabytes
_LEVELS = ((4_000, 600), (1_500, 600), (600, 400), (250, 300), (100, 200), (40, 60))  # characters a text, steps
_EFFORT = 5  # of zlib: half the time of its default, for a few percent more bytes
_NOT_PASSED = 3  # how many shares a trial gets that did not pass
_MOST_STEPS_NAMED = 24


class Packer:
    """Packs trials one after the other.

    Args:
        trials: The trials of the report, all of them, so that shares are known.
        budget: Bytes for all pieces together.
    """

    def __init__(self, trials: Iterable[Mapping[str, Any]], *, budget: int = BUDGET) -> None:
        self._left = budget
        self._shares = sum(map(_share, trials))

    def pack(self, trial: Mapping[str, Any], trajectory: Trajectory | None) -> str:
        """A trial of the report and its trajectory as base64 of a zlib stream of JSON."""
        share = _share(trial)
        allowed = max(0, self._left) * share // max(1, self._shares)
        rows = [] if trajectory is None else list(outline(trajectory))
        packed, ratio = "", 0.0
        for level in _LEVELS:
            plain = _json(_piece(trial, trajectory, rows, level))
            # a level that is far too large by how well the one before it was compressed is not tried
            if level != _LEVELS[-1] and len(plain) * ratio > allowed * 1.2:
                continue
            packed = base64.b64encode(zlib.compress(plain, _EFFORT)).decode()
            ratio = len(packed) / len(plain)
            if len(packed) <= allowed:
                break
        self._left -= len(packed)
        self._shares -= share
        return packed


def _share(trial: Mapping[str, Any]) -> int:
    return 1 if trial["conclusion"] == "passed" else _NOT_PASSED


def _json(piece: Any) -> bytes:
    try:
        return orjson.dumps(piece)
    except TypeError:  # lone surrogates, integers beyond 64 bits
        return orjson.dumps(storable(piece))


def _piece(
    trial: Mapping[str, Any], trajectory: Trajectory | None, rows: Sequence[Row], level: tuple[int, int]
) -> dict[str, Any]:
    longest, most = level
    named = {step for finding in trial["findings"] if finding["verdict"] != "pass" for step in finding["steps"]}
    kept = [row for place, row in enumerate(rows) if place < most or (row.step is not None and row.step.id in named)]
    piece: dict[str, Any] = {
        "findings": [_finding(finding, longest) for finding in trial["findings"]],
        "rows": [_row(row, longest) for row in kept],
        "left": len(rows) - len(kept),
        "cut": level != _LEVELS[0],
    }
    if trajectory is not None:
        piece["facts"] = _facts(trial, trajectory)
        gap = incomplete(trajectory.integrity)
        piece["gap"] = [*([gap] if gap else []), *unrecorded(trajectory)]
    return piece


def _facts(trial: Mapping[str, Any], trajectory: Trajectory) -> list[str]:
    facts = [
        f"{len(trajectory.steps):,} steps",
        f"{len(trajectory.of(ModelCall)):,} model calls",
        f"{len(trajectory.of(ToolCall)):,} tool calls",
        tokens(trajectory.usage),
    ]
    return facts if trial["seconds"] is None else [*facts, f"{trial['seconds']:.3g} s"]


def _row(row: Row, longest: int) -> dict[str, Any]:
    """A line of the outline: depth, label, texts with their tone, and for a step its id and index."""
    data: dict[str, Any] = {"d": row.depth, "l": row.label, "s": [[s.tone, cut(s.text, longest)] for s in row.said]}
    if row.step is not None:
        data.update(id=visible(row.step.id), i=row.step.index)
    if row.parallel:
        data["p"] = 1
    return data


def _finding(finding: Mapping[str, Any], longest: int) -> dict[str, Any]:
    """A finding as the page shows it; a clean pass is only named."""
    asked = finding["reason_code"] != "not_asked"
    data: dict[str, Any] = {
        "verdict": finding["verdict"] if asked else "not asked",
        "title": cut(one_line(finding["title"] or finding["check"]), longest),
        "role": finding["role"],
        "vacuous": finding["vacuous"],
        "steps": [visible(step) for step in finding["steps"][:_MOST_STEPS_NAMED]],
    }
    measure = finding["measure"]
    if measure is not None and measure["value"] is not None:
        data["value"] = f"{measure['value']:.4g} {measure['unit']}".strip()
    if not clean(finding["verdict"], finding["reason_code"]):
        evidence = finding["evidence"]
        data["reason"] = cut(visible(finding["reason"]), longest)
        data["why"] = cut(one_line(str(evidence["why"])), longest) if evidence.get("why") else ""
        lines = aligned(evidence)
        data["lines"] = [
            [line.mark, line.name, *(cut(text, longest) for text in (line.expected, line.happened, line.hint))]
            for line in lines
        ]
        data["todo"] = (
            remedy(finding["reason_code"], finding["reason"], lines) if finding["verdict"] == "unknown" else ""
        )
    return data
