"""A report and its trajectories in, one self-contained HTML file out.

The page loads nothing: style, script and data are inside, and its content security policy forbids all else.
Trajectories are packed, one piece a trial, and unpacked when they are opened. What came from a trace is shown as text,
never as markup.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from agenteval.core.ports import Query, TraceStore
from agenteval.core.trajectory import Trajectory
from agenteval.experiment.stores import trajectories
from agenteval.report import usewords
from agenteval.report.evidence import clean
from agenteval.report.pack import Packer
from agenteval.report.text import counts, methods, passed_of, rate, some_ks
from agenteval.report.visible import cut, natural, one_line, storable

_WHY = 240  # characters of the reason in the list of trials
_BLOCK = 14  # scenarios from which on their table is set in several columns
_MOST_BLOCKS = 3
_PLOT, _HIGH, _EDGE = 200, 20, 6  # of an interval's drawing, in user units


def write(report: Mapping[str, Any], store: TraceStore, path: Path) -> None:
    """Write the page.

    Args:
        report: What `report.model.build` gave.
        store: Where the trajectories are.
        path: The file; replaced where it exists.
    """
    trials = report["trials"]
    packer = Packer(trials)
    pieces: dict[int, str] = {}
    for number, trajectory in _found(report, store):
        pieces[number] = packer.pack(trials[number], trajectory)
    for number, trial in enumerate(trials):
        if number not in pieces:
            pieces[number] = packer.pack(trial, None)
    path.write_text(_page(report, [pieces[number] for number in range(len(trials))]), encoding="utf-8")


def _found(report: Mapping[str, Any], store: TraceStore) -> Iterator[tuple[int, Trajectory]]:
    """Each trial of the report by number, with its trajectory where the store has it."""
    wanted: dict[str, list[int]] = {}
    for number, trial in enumerate(report["trials"]):
        if trial["trajectory"]:
            wanted.setdefault(trial["trajectory"], []).append(number)
    for _, trajectory in trajectories(store, Query(run=report["run"]["parent"] or report["run"]["id"])):
        for number in wanted.pop(storable(trajectory.id), ()):
            yield number, trajectory
    for name, numbers in wanted.items():  # a scoring may reach beyond its parent run
        for _, trajectory in trajectories(store, Query(trajectory=name)):
            for number in numbers:
                yield number, trajectory
            break


def _page(report: Mapping[str, Any], pieces: Sequence[str]) -> str:
    script, style = _asset("report.js"), _asset("report.css")
    return (
        _environment()
        .from_string(_asset("report.html.j2"))
        .render(
            report=report,
            names=[agent["agent"] for agent in report["agents"]],
            checks=_checks(report),
            blocks=_blocks(report),
            axis=_axis(),
            ks=some_ks({k: None for agent in report["agents"] for k in agent["pass_hat_k"]}),
            methods=methods(report),
            used=usewords.columns(report),
            used_notes=usewords.notes(report),
            heads=usewords.HEADS,
            index=_script_json(_index(report)),
            pieces=Markup("\n").join(pieces),  # base64
            style=Markup(style),  # noqa: S704 (ours)
            script=Markup(script),  # noqa: S704 (ours)
            style_hash=_hash(style),
            script_hash=_hash(script),
        )
    )


@functools.cache
def _environment() -> Environment:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(v=one_line, rate=rate, counts=counts, plot=_plot, passed_of=passed_of, shade=_shade)
    environment.filters.update(total=usewords.total, per_trial=usewords.per_trial, ends=usewords.ends)
    return environment


def _asset(name: str) -> str:
    return (files("agenteval.report") / "page" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _script_json(value: object) -> Markup:
    """JSON that cannot end the script element that it stands in."""
    text = orjson.dumps(storable(value)).decode()
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704 (escaped)


# --- what the page's script reads


def _index(report: Mapping[str, Any]) -> dict[str, Any]:
    """The trials in a few words each; agents, scenarios and checks by number."""
    agents = {agent["agent"]: number for number, agent in enumerate(report["agents"])}
    scenarios = {row["scenario"]: number for number, row in enumerate(report["scenarios"])}
    checks = {name: number for number, name in enumerate(dict.fromkeys(c["check"] for c in report["checks"]))}
    return {
        "agents": [one_line(name) for name in agents],
        "scenarios": [one_line(name) for name in scenarios],
        "trials": [
            {
                "a": agents[trial["agent"]],
                "s": scenarios[trial["scenario"]],
                "r": trial["repeat"],
                "c": trial["conclusion"],
                "st": trial["status"],
                "e": cut(one_line(trial["error"] or ""), _WHY),
                "f": trial["fault_of"],
                "w": _why(trial),
                "id": one_line(trial["trajectory"] or ""),
                "bad": [checks[f["check"]] for f in trial["findings"] if not clean(f["verdict"], f["reason_code"])],
            }
            for trial in report["trials"]
        ],
    }


def _why(trial: Mapping[str, Any]) -> str:
    """The first reason for what was concluded of a trial."""
    for verdict in ("fail", "unknown"):
        for finding in trial["findings"]:
            if finding["verdict"] == verdict and finding["reason_code"] != "not_asked":
                return cut(one_line(finding["reason"]), _WHY)
    return ""


# --- pieces of the page


def _checks(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The checks, those in trouble first, each with its number in the index."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(c["check"] for c in report["checks"]))}
    agents = {agent["agent"]: number for number, agent in enumerate(report["agents"])}
    found: list[dict[str, Any]] = [
        {**c, "number": numbers[c["check"]], "by": agents[c["agent"]]} for c in report["checks"]
    ]
    found.sort(key=lambda c: (-c["verdicts"]["fail"], -c["verdicts"]["unknown"], natural(c["check"]), c["by"]))
    return found


def _blocks(report: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """The scenarios, numbered, in as many columns as read well."""
    rows = [{**row, "number": number} for number, row in enumerate(report["scenarios"])]
    columns = 1 if len(report["agents"]) > _MOST_BLOCKS else min(_MOST_BLOCKS, math.ceil(len(rows) / _BLOCK))
    height = math.ceil(len(rows) / max(1, columns))
    return [rows[start : start + height] for start in range(0, len(rows), max(1, height))]


def _x(value: float) -> float:
    return _EDGE + value * (_PLOT - 2 * _EDGE)


def _axis() -> Markup:
    """The axis that interval drawings share, with its labels."""
    ticks = Markup("").join(
        Markup('<text x="{:.1f}" y="11" text-anchor="middle">{}</text><path d="M{:.1f} 15v5"/>').format(
            _x(value), f"{value:g}", _x(value)
        )
        for value in (0, 0.25, 0.5, 0.75, 1)
    )
    return Markup('<svg class="axis" viewBox="0 0 {} {}" aria-hidden="true">{}</svg>').format(_PLOT, _HIGH, ticks)


def _plot(interval: Mapping[str, Any]) -> Markup:
    """A rate as a dot and its interval as a bar, on a line from 0 to 1."""
    if interval["estimate"] is None:
        return Markup('<span class="quiet">not measured</span>')
    grid = Markup("").join(Markup('<path d="M{:.1f} 0v20"/>').format(_x(tick)) for tick in (0, 0.25, 0.5, 0.75, 1))
    bar = Markup("")
    if interval["low"] is not None:
        low, high = _x(interval["low"]), _x(interval["high"])
        bar = Markup('<rect class="range" x="{:.1f}" y="6" width="{:.1f}" height="8" rx="4"/>').format(
            low, max(high - low, 1.0)
        )
    return Markup(
        '<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}'
        '<circle class="point" cx="{:.1f}" cy="10" r="4.5"/></svg>'
    ).format(_PLOT, _HIGH, rate(interval), grid, bar, _x(interval["estimate"]))


def _shade(interval: Mapping[str, Any]) -> str:
    """The class of a cell of the matrix."""
    if interval["estimate"] is None:
        return "open"
    return {1.0: "all", 0.0: "none"}.get(float(interval["estimate"]), "some")
