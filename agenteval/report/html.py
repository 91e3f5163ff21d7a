"""A report and its trajectories in, one self-contained HTML file out.

The page loads nothing: style, script and data are inside, and its content security policy forbids all else.
Trajectories are packed, some to a chunk, and unpacked when they are opened. What came from a trace is shown as text,
never as markup.
"""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import orjson
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from agenteval.core.codec import to_json
from agenteval.core.ports import Query, TraceStore
from agenteval.core.trajectory import Trajectory
from agenteval.report.text import counts, rate
from agenteval.stats import METHODS

_CHUNK_BYTES = 1_000_000  # of JSON, before packing: what opening one trajectory costs the browser
_LONGEST_TEXT = 4_000  # characters of one text in the page; the store keeps the whole
_MOST_STEPS = 500
_UNUSED = (
    "span_ids",
    "sources",
    "start_ns",
    "end_ns",
    "run",
    "messages",
    "output",
    "offered_tools",
    "finish",
    "call_id",
)


def write(report: Mapping[str, Any], store: TraceStore, path: Path) -> None:
    """Write the page.

    Args:
        report: What `report.model.build` gave.
        store: Where the trajectories are.
        path: The file; replaced where it exists.
    """
    parent = report["run"]["parent"] or report["run"]["id"]
    wanted = {trial["trajectory"] for trial in report["trials"]}
    chunk_of: dict[str, int] = {}
    chunks: list[str] = []
    pairs = ((t.id, t) for _, t in store.trajectories(Query(run=parent)) if t.id in wanted)
    for members in _chunks(pairs):
        chunk_of.update(dict.fromkeys(members, len(chunks)))
        chunks.append(base64.b64encode(gzip.compress(orjson.dumps(members), compresslevel=6, mtime=0)).decode())
    index = {"trials": [{**_slim(trial), "chunk": chunk_of.get(trial["trajectory"])} for trial in report["trials"]]}
    path.write_text(_page(report, index, chunks), encoding="utf-8")


def _page(report: Mapping[str, Any], index: Mapping[str, Any], chunks: list[str]) -> str:
    script = _asset("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    failing_first = sorted(
        report["checks"], key=lambda c: (-c["verdicts"].get("fail", 0), -c["verdicts"].get("unknown", 0), c["check"])
    )
    return (
        _environment()
        .from_string(_asset("report.html.j2"))
        .render(
            report=report,
            checks=failing_first,
            index=_script_json(index),
            chunks=[Markup(chunk) for chunk in chunks],  # noqa: S704 (base64)
            style=Markup(_asset("report.css")),  # noqa: S704 (ours)
            script=Markup(script),  # noqa: S704 (ours)
            script_hash=f"sha256-{digest}",
            rate_text=rate,
            bar=_bar,
            series=_series,
            counts=counts,
            cell_class=_cell_class,
            cell_text=_cell_text,
        )
    )


@functools.cache
def _environment() -> Environment:
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters["method_text"] = lambda name: METHODS.get(name, str(name))
    return environment


def _asset(name: str) -> str:
    return (files("agenteval.report") / "page" / name).read_text(encoding="utf-8")


def _script_json(value: object) -> Markup:
    """JSON that cannot end the script element that it stands in."""
    text = orjson.dumps(value).decode()
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704 (escaped)


# --- trajectories


def _chunks(pairs: Iterable[tuple[str, Trajectory]]) -> Iterator[dict[str, Any]]:
    """Trajectories by id, about a megabyte of them at a time."""
    members: dict[str, Any] = {}
    size = 0
    for key, trajectory in pairs:
        members[key] = view = _view(trajectory)
        size += len(orjson.dumps(view))
        if size >= _CHUNK_BYTES:
            yield members
            members, size = {}, 0
    if members:
        yield members


def _view(trajectory: Trajectory) -> dict[str, Any]:
    """What the page shows of a trajectory: the steps, without what repeats the conversation, long texts shortened."""
    steps: list[dict[str, Any]] = []
    for step in to_json(trajectory)["steps"][:_MOST_STEPS]:
        kept = {key: value for key, value in step.items() if key not in _UNUSED}
        if step["kind"] == "model_call":
            kept["requests"] = [request["name"] for request in step["requests"]]
        steps.append(cast("dict[str, Any]", _shortened(kept)))
    return {"steps": steps, "complete": trajectory.integrity.complete}


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        text = value.encode("utf-8", "replace").decode()  # a lone surrogate cannot be written to the file
        if len(text) <= _LONGEST_TEXT:
            return text
        return f"{text[:_LONGEST_TEXT]}… ({len(text)} characters; the store keeps them all)"
    if isinstance(value, Mapping):
        return {str(_shortened(str(key))): _shortened(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shortened(item) for item in value]
    return value


def _slim(trial: Mapping[str, Any]) -> dict[str, Any]:
    """A trial as the page's list needs it."""
    findings = [
        {
            key: finding[key]
            for key in ("check", "title", "verdict", "reason_code", "reason", "role", "steps", "vacuous", "evidence")
            if finding["verdict"] != "pass" or key not in {"evidence", "reason"}
        }
        for finding in trial["findings"]
    ]
    kept = {key: trial[key] for key in ("trajectory", "scenario", "agent", "repeat", "status", "error", "conclusion")}
    return cast("dict[str, Any]", _shortened({**kept, "findings": findings}))


# --- pieces of the page


def _bar(interval: Mapping[str, Any]) -> Markup:
    """A rate on a line from 0 to 1, its interval around it."""
    if interval["estimate"] is None or interval["low"] is None:
        return Markup("")
    low, high, estimate = (float(interval[name]) * 180 for name in ("low", "high", "estimate"))
    return Markup(
        '<svg class="bar" viewBox="0 0 180 18" aria-hidden="true">'
        '<rect class="track" x="0" y="8" width="180" height="2"/>'
        '<rect class="range" x="{:.1f}" y="4" width="{:.1f}" height="10" rx="3"/>'
        '<rect class="point" x="{:.1f}" y="2" width="3" height="14" rx="1"/></svg>'
    ).format(low, max(high - low, 1.0), min(max(estimate - 1.5, 0.0), 177.0))


def _series(by_k: Mapping[str, Any]) -> str:
    keys = sorted(by_k, key=int)
    shown = keys if len(keys) <= 6 else [*keys[:5], keys[-1]]
    return "  ".join(f"{k}: {by_k[k]['estimate']:.3f}" for k in shown if by_k[k]["estimate"] is not None)


def _cell_class(interval: Mapping[str, Any]) -> str:
    if interval["estimate"] is None:
        return "unknown"
    return {1.0: "all", 0.0: "none"}.get(float(interval["estimate"]), "some")


def _cell_text(interval: Mapping[str, Any]) -> str:
    if interval["estimate"] is None:
        return f"? of {interval['left_out']}"
    passed = round(interval["estimate"] * interval["counted"])
    text = f"{passed}/{interval['counted']}"
    return text + (f" +{interval['left_out']}?" if interval["left_out"] else "")
