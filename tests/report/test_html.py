"""The page as a file: self-contained, escaped, bounded in size, and whole."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from agenteval.core.outcome import Run
from agenteval.evaluation.score import score
from agenteval.report.html import write
from agenteval.report.model import build
from agenteval.report.pack import Packer


class Page(HTMLParser):
    """The elements of a page, their attributes, and the text of scripts and style."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.raw: dict[str, str] = {}
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._inside = dict(attrs).get("id") or tag if tag in {"script", "style"} else ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.raw[self._inside] = self.raw.get(self._inside, "") + data

    @property
    def index(self) -> Any:
        return json.loads(self.raw["index"])

    @property
    def pieces(self) -> list[Any]:
        return [json.loads(zlib.decompress(base64.b64decode(line))) for line in self.raw["pieces"].split()]


def page(store: Any, run: str, folder: Path) -> Page:
    path = folder / "report.html"
    write(build(store, run), store, path)
    return Page(path.read_text(encoding="utf-8"))


def test_nothing_is_loaded_and_only_our_script_and_style_may_act(lab, tmp_path):
    trial, trajectory, findings = lab.refund()
    found = page(lab.full_store([(trial, findings, trajectory)]), lab.run, tmp_path)
    policy = next(value for name, value in found.attributes if name == "content" and value and "default-src" in value)
    hashes = [
        base64.b64encode(hashlib.sha256(found.raw[name].encode()).digest()).decode() for name in ("style", "script")
    ]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; base-uri 'none'; form-action 'none'"
    )
    assert not {"link", "img", "iframe", "object", "base"} & set(found.tags)
    assert not [
        name for name, _ in found.attributes if name in {"src", "href", "style", "action"} or name.startswith("on")
    ]


def test_the_script_makes_no_markup(repo):
    script = (repo / "agenteval" / "report" / "page" / "report.js").read_text(encoding="utf-8")
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|\bfetch\(|XMLHttp", script
    )


def test_hostile_content_adds_no_element_and_ends_no_script(lab, tmp_path):
    bad = lab.hostile
    plain = lab.trajectory(lab.call("look", {}), id="t")
    calm = page(
        lab.full_store([(lab.trial("s", "a", trajectory="t"), [lab.finding("fail")], plain)]), lab.run, tmp_path
    )
    finding = lab.finding("fail", bad, title=bad, reason=bad, steps=(bad,), evidence={bad: bad, "expected": bad})
    trajectory = lab.trajectory(lab.call(bad, bad, bad, id=bad), id=bad)
    store = lab.full_store([(lab.trial(bad, bad, error=bad, trajectory=bad), [finding], trajectory)], suite=bad)
    found = page(store, lab.run, tmp_path)
    assert sorted(found.tags) == sorted(calm.tags)
    assert {name for name, _ in found.attributes} == {name for name, _ in calm.attributes}
    assert b"\x00" not in (tmp_path / "report.html").read_bytes()
    assert "<" not in found.raw["index"]
    (piece,) = found.pieces
    assert piece["findings"][0]["steps"] == [piece["rows"][0]["id"]]


def test_each_trial_has_its_piece_and_each_finding_its_step(lab, tmp_path):
    trial, trajectory, findings = lab.refund()
    lost = lab.trial("x", "careful", status="invalid", trajectory=None, error="429", fault_of="model")
    found = page(lab.full_store([(lost, None, None), (trial, findings, trajectory)]), lab.run, tmp_path)
    first, second = found.index["trials"]
    assert {key: first[key] for key in ("c", "st", "e", "f", "bad", "id")} == {
        "c": "failed",
        "st": "completed",
        "e": "",
        "f": None,
        "bad": [2, 6, 4, 3, 1, 5],
        "id": trajectory.id,
    }
    assert (second["c"], second["e"], second["f"]) == ("invalid", "429", "model")
    whole, empty = found.pieces
    assert empty == {"findings": [], "rows": [], "left": 0, "cut": False}
    steps = {row["id"]: row["i"] for row in whole["rows"] if "id" in row}
    assert [[steps[step] for step in finding["steps"]] for finding in whole["findings"]] == [
        [8],
        [8],
        [6],
        [],
        [],
        [],
        [],
    ]
    assert whole["facts"] == [
        "11 steps",
        "2 model calls",
        "5 tool calls",
        "1,204 tokens in, 33 out, 0.0012 USD",
        "3.21 s",
    ]
    assert (whole["left"], whole["cut"], whole["gap"]) == (0, False, [])


def test_a_scoring_shows_the_trajectories_of_the_run_that_it_scored(lab, tmp_path):
    trial, trajectory, findings = lab.refund()
    store = lab.full_store([(trial, findings, trajectory)])
    for name in ("scoring", "beyond"):
        parent = lab.run if name == "scoring" else "scoring"
        store.put_run(Run(id=name, kind="scoring", created_at="2026-11-25T00:00:00+00:00", parent=parent))
        store.record(name, trajectory.id, findings, score(findings))
        (piece,) = page(store, name, tmp_path).pieces
        assert len(piece["rows"]) == 13


def test_what_the_suite_claims_is_on_the_page(lab, tmp_path):
    settings = {"claims": ["It follows the policy."], "does_not_claim": ["That it is polite."]}
    store = lab.full_store([(lab.trial(), [lab.finding()], None)], settings=settings)
    path = tmp_path / "claims.html"
    write(build(store, lab.run), store, path)
    text = path.read_text(encoding="utf-8")
    assert "<li>It follows the policy.</li>" in text
    assert "<li>That it is polite.</li>" in text
    assert "What it does not mean" not in page(lab.store((lab.trial(), [])), lab.run, tmp_path).raw


def test_an_empty_run_makes_a_page(lab, tmp_path):
    assert page(lab.store(agents=()), lab.run, tmp_path).index == {"agents": [], "scenarios": [], "trials": []}


def test_a_piece_is_shortened_to_its_share_and_keeps_the_steps_that_findings_name(lab):
    rng = random.Random(3)
    steps = [lab.says("user", lab.words(rng, 500)) for _ in range(900)]
    trajectory = lab.trajectory(*steps)
    finding = lab.finding("fail", steps=(steps[850].id,))
    store = lab.full_store([(lab.trial(trajectory=trajectory.id), [finding], trajectory)])
    (trial,) = build(store, lab.run)["trials"]
    sizes = {}
    for budget in (10_000_000, 300_000, 60_000, 10):
        packed = Packer([trial], budget=budget).pack(trial, trajectory)
        piece = json.loads(zlib.decompress(base64.b64decode(packed)))
        assert piece["rows"][-1]["i"] == 850
        sizes[budget] = (len(packed) <= budget, piece["cut"], piece["left"] + len(piece["rows"]))
    assert sizes == {
        10_000_000: (True, False, 900),
        300_000: (True, True, 900),
        60_000: (True, True, 900),
        10: (False, True, 900),
    }


def test_shares_that_are_not_used_go_to_the_others(lab):
    rng = random.Random(4)
    small = lab.trajectory(lab.says("user", "hello"))
    large = lab.trajectory(*(lab.says("user", lab.words(rng, 300)) for _ in range(20)))
    trials = build(lab.store(*((lab.trial(repeat=n), [lab.finding()]) for n in range(10))), lab.run)["trials"]
    packer = Packer(trials, budget=60_000)
    pieces = [packer.pack(trial, small) for trial in trials[:9]]
    last = packer.pack(trials[9], large)
    assert max(map(len, pieces)) < 1000
    assert 6_000 < len(last) <= 60_000
    assert json.loads(zlib.decompress(base64.b64decode(last)))["cut"] is False


def test_four_hundred_trials_of_fifty_long_steps_keep_under_twenty_megabytes(lab, large, tmp_path):
    store = large(400, 250)
    path = tmp_path / "large.html"
    write(build(store, lab.run), store, path)
    assert path.stat().st_size <= 20_000_000
