"""What agents used: calls, tokens, money and time, with what was not measured; against sums made by hand."""

from __future__ import annotations

import math
import re
import statistics
from dataclasses import replace
from typing import Any

import pytest

from agenteval.core.trajectory import ToolCall, Usage
from agenteval.core.used import Amount, Used, used
from agenteval.report import usewords
from agenteval.report.html import write
from agenteval.report.model import build
from agenteval.report.text import render


def figures(report: dict[str, Any], agent: str = "careful") -> dict[str, Any]:
    (found,) = [one["used"] for one in report["agents"] if one["agent"] == agent]
    return found


def sums(report: dict[str, Any], agent: str = "careful") -> dict[str, tuple[Any, int, int]]:
    return {name: (one["total"], one["counted"], one["left_out"]) for name, one in figures(report, agent).items()}


def means(report: dict[str, Any], name: str) -> tuple[float | None, int, int]:
    mean = figures(report)[name]["per_trial"]
    return mean["estimate"], mean["counted"], mean["left_out"]


def spent(model_calls: int, tool_calls: int = 0, **amounts: tuple[float, int]) -> Used:
    return Used(
        model_calls=model_calls,
        tool_calls=tool_calls,
        amounts={name: Amount(*amount) for name, amount in amounts.items()},
    )


def test_a_trajectory_is_added_up_call_by_call(lab):
    trajectory = lab.trajectory(
        lab.model(usage=Usage(input_tokens=10, output_tokens=2, cached_tokens=0, cost_usd=0.1)),
        lab.call("look", {}),
        lab.call("look", {}, error="no"),
        lab.call("nod", {}, by="user"),
        lab.model(usage=Usage(input_tokens=20, output_tokens=3, cost_usd=0.2)),
        lab.model(usage=Usage(unmeasured_calls=1)),
        lab.model(error="down"),
        lab.model(usage=Usage(input_tokens=30, output_tokens=4, cost_usd=0.3)),
    )
    assert used(trajectory) == spent(
        5, 2, input_tokens=(60, 3), output_tokens=(9, 3), cached_tokens=(0, 1), cost_usd=(math.fsum((0.1, 0.2, 0.3)), 3)
    )
    assert isinstance(used(trajectory).amounts["input_tokens"].total, int)
    assert used(lab.trajectory()) == Used()


def test_figures_that_nobody_can_have_used_are_not_measured(lab):
    usage = [Usage(input_tokens=n, cost_usd=usd) for n, usd in ((-5, math.nan), (10**400, math.inf), (7, -0.5), (8, 0))]
    assert used(lab.trajectory(*(lab.model(usage=one) for one in usage))) == spent(
        4, input_tokens=(15, 2), cost_usd=(0, 1)
    )


def test_sums_over_all_and_means_over_the_counted(lab):
    """Four trials; the third is invalid, and one call of the second reported nothing. A fifth never started."""
    trials = [
        lab.trial("a", repeat=0, seconds=2.0, used=spent(2, 3, input_tokens=(100, 2), cost_usd=(0.5, 2))),
        lab.trial("b", repeat=0, seconds=4.0, used=spent(3, 1, input_tokens=(900, 2), cost_usd=(0.25, 1))),
        lab.trial("a", repeat=1, status="invalid", seconds=9.0, used=spent(1, 7, input_tokens=(5, 1))),
        lab.trial(
            "b", repeat=1, status="limit", seconds=6.0, used=spent(4, 5, input_tokens=(300, 4), cost_usd=(1.0, 4))
        ),
        lab.trial("b", repeat=2, status="invalid", trajectory=None),
    ]
    scored = {"invalid": None}
    report = build(lab.store(*((trial, scored.get(trial.status, [lab.finding()])) for trial in trials)), lab.run)
    assert sums(report) == {
        "model_calls": (10, 4, 1),
        "tool_calls": (16, 4, 1),
        "input_tokens": (1305, 9, 1),
        "cached_tokens": (None, 0, 10),
        "cache_write_tokens": (None, 0, 10),
        "output_tokens": (None, 0, 10),
        "reasoning_tokens": (None, 0, 10),
        "cost_usd": (1.75, 7, 3),
        "seconds": (21.0, 4, 1),
    }
    assert means(report, "model_calls") == (3.0, 3, 2)
    assert means(report, "tool_calls") == (3.0, 3, 2)
    assert means(report, "input_tokens") == (200.0, 2, 3)
    assert means(report, "cost_usd") == (0.75, 2, 3)
    assert means(report, "seconds") == (4.0, 3, 2)
    assert means(report, "output_tokens") == (None, 0, 5)
    assert {name: (one["unit"], one["of"]) for name, one in figures(report).items()} == {
        **dict.fromkeys(("model_calls", "tool_calls"), ("calls", "trials")),
        **{
            f"{kind}_tokens": ("tokens", "model_calls")
            for kind in ("input", "cached", "cache_write", "output", "reasoning")
        },
        "cost_usd": ("usd", "model_calls"),
        "seconds": ("seconds", "trials"),
    }
    assert report["used"] == figures(report)


def test_means_have_the_interval_of_student_and_no_end_below_nothing(lab):
    """One trial a scenario: then the clustered interval is Student's, here with t(0.975, 2) = 4.302653 of a table."""

    def ends(*values: int) -> tuple[float, float]:
        trials = [lab.trial(f"s{n}", used=spent(1, n)) for n in values]
        report = build(lab.store(*((trial, [lab.finding()]) for trial in trials)), lab.run)
        mean = figures(report)["tool_calls"]["per_trial"]
        return mean["low"], mean["high"]

    half = 4.302653 * statistics.stdev((10, 12, 17)) / math.sqrt(3)
    assert ends(10, 12, 17) == pytest.approx((13 - half, 13 + half), rel=1e-6)
    low, high = ends(0, 1, 9)
    assert (low, high) == (0.0, pytest.approx(10 / 3 + 4.302653 * statistics.stdev((0, 1, 9)) / math.sqrt(3), rel=1e-6))


def test_each_agent_has_its_own_and_the_top_has_all(lab):
    trials = [
        lab.trial("a", "careful", used=spent(1, 2, input_tokens=(10, 1), cost_usd=(0.1, 1))),
        lab.trial("a", "quick", used=spent(2, 3, input_tokens=(30, 2))),
    ]
    report = build(lab.store(*((trial, [lab.finding()]) for trial in trials)), lab.run)
    assert (sums(report)["input_tokens"], sums(report, "quick")["input_tokens"]) == ((10, 1, 0), (30, 2, 0))
    assert (report["used"]["input_tokens"]["total"], report["used"]["cost_usd"]["total"]) == (40, 0.1)
    assert report["used"]["cost_usd"]["left_out"] == 2


def test_trials_that_do_not_say_are_read_once_more(lab):
    trajectory = lab.trajectory(lab.model(usage=Usage(input_tokens=10, output_tokens=1)), lab.call("look", {}))
    trial = lab.trial("a", trajectory=trajectory.id)
    old = build(lab.full_store([(trial, [lab.finding()], trajectory)]), lab.run)
    new = build(lab.full_store([(replace(trial, used=used(trajectory)), [lab.finding()], trajectory)]), lab.run)
    assert sums(old)["input_tokens"] == (10, 1, 0)
    assert old == new


def test_what_is_kept_is_not_read_again(lab):
    """The figures of the record stand, so that no trajectory is needed."""
    trajectory = lab.trajectory(lab.call("look", {}))
    trial = lab.trial("a", trajectory=trajectory.id, used=spent(1, 2))
    report = build(lab.full_store([(trial, [lab.finding()], trajectory)]), lab.run)
    assert (sums(report)["model_calls"], sums(report)["tool_calls"]) == ((1, 1, 0), (2, 1, 0))


def test_times_of_a_trace_may_be_anything(lab):
    trials = [lab.trial("a", repeat=n, seconds=value) for n, value in enumerate((math.nan, -1.0, 1e300, 2.0, None))]
    report = build(lab.store(*((trial, [lab.finding()]) for trial in trials)), lab.run)
    assert sums(report)["seconds"] == (2.0, 1, 4)


# --- what is shown


@pytest.fixture
def mixed(lab):
    full = spent(3, 4, input_tokens=(12_345, 3), output_tokens=(67, 3), cost_usd=(0.0125, 3), cached_tokens=(0, 3))
    trials = [
        lab.trial("a", "careful", seconds=12.0, used=full),
        lab.trial("b", "careful", seconds=14.0, used=replace(full, model_calls=5)),
        lab.trial("a", "rules", used=spent(0, 2)),
    ]
    return lab.store(*((trial, [lab.finding()]) for trial in trials))


def rows(text: str) -> list[list[str]]:
    """The rows of the tables of what was used, cell by cell."""
    part = text[text.index("\nused\n") : text.index("\npassed / counted")]
    return [re.split(r"\s{2,}", line.strip()) for line in part.splitlines() if "in all" in line or "per trial" in line]


def test_the_terminal_shows_sums_means_and_what_is_not_measured(mixed, lab):
    text = render(build(mixed, lab.run), width=140)
    nothing = ["not measured"] * 5
    assert rows(text) == [
        ["careful", "in all", "8", "8", "24,690 +2?", "0 +2?", "134 +2?", "0.025 +2?", "26.0"],
        ["per trial", "4.0", "4.0", "12,345.0", "0", "67.0", "0.0125", "13.0"],
        ["rules", "in all", "0", "2", *nothing],
        ["per trial", "0", "2.0", *nothing],
    ]
    assert "not measured: cache-write tokens, reasoning tokens\n" in text
    assert "+3?: three model calls (of calls and seconds: trials) did not report it, and are in no sum\n" in text


@pytest.mark.parametrize("width", [60, 80, 100])
def test_figures_that_have_no_room_go_into_further_tables(mixed, lab, width):
    text = render(build(mixed, lab.run), width=width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "…" not in text[text.index("\nused\n") : text.index("\npassed / counted")]
    wide = rows(render(build(mixed, lab.run), width=200))
    found = rows(text)
    tables = len(found) // len(wide)
    assert tables > 1
    for place, row in enumerate(wide):
        said = row[:2] if row[0] != "per trial" else row[:1]
        cells = [cell for table in range(tables) for cell in found[table * len(wide) + place][len(said) :]]
        assert cells == row[len(said) :]


def test_nothing_recorded_is_said_once(lab):
    text = render(build(lab.store((lab.trial(used=spent(0, 1)), [lab.finding()])), lab.run), width=200)
    assert "; no model call was recorded" in text


def test_a_document_of_an_earlier_version_is_shown_without(mixed, lab):
    report = build(mixed, lab.run)
    del report["used"]
    for agent in report["agents"]:
        del agent["used"]
    text = render(report, width=100)
    assert "\nused\n" not in text
    assert "pass rate" in text


def test_the_page_shows_them_too(mixed, lab, tmp_path):
    write(build(mixed, lab.run), mixed, tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    table = page[page.index('<table class="used') : page.index("</table>", page.index('<table class="used'))]
    cells = re.findall(r'<td class="number" data-label="([^"]+)">(.*?)</td>', table, re.DOTALL)
    plain = [(label, re.sub(r"<[^>]+>|\s+", " ", cell).split()) for label, cell in cells]
    assert plain[2] == ("input tokens", ["24,690", "+2?", "12,345.0", "a", "trial"])
    assert plain[7 + 2] == ("input tokens", ["not", "measured"])
    assert [label for label, _ in plain[:7]] == [
        usewords.HEADS[name] for name in usewords.columns(build(mixed, lab.run))
    ]


def test_only_the_agents_calls_are_its_own(lab):
    calls = [lab.call("look", {}), lab.call("look", {}, by="user")]
    trajectory = lab.trajectory(*calls)
    assert len(trajectory.of(ToolCall)) == 2
    assert used(trajectory).tool_calls == 1
