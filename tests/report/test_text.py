"""Reports, comparisons and explanations of checks on a terminal."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len

from agenteval import checkers
from agenteval.experiment.compare import Side, compare
from agenteval.report.model import build
from agenteval.report.text import counts, rate, render, render_check, render_checks, render_comparison, signed, some_ks


def mixed(lab):
    bad = lab.finding("fail", "never-1", title="never: issue_refund", reason="issue_refund was called at step 8")
    doubt = lab.finding("unknown", "state-1", title="state: {a: 1}", reason_code="no_state", role="metric")
    idle = lab.finding("pass", "never-2", title="never: x", vacuous=True, reason_code="not_activated")
    good = lab.finding("pass", "never-1", title="never: issue_refund")
    return lab.store(
        (lab.trial("shop/2", "careful", 0), [good, idle]),
        (lab.trial("shop/2", "careful", 1), [good, idle]),
        (lab.trial("shop/10", "careful", 0), [good, idle, lab.not_asked(title="rubric: kind")]),
        (lab.trial("shop/10", "careful", 1, status="invalid", error="429", fault_of="model"), None),
        (lab.trial("shop/2", "careless", 0, trajectory="f" * 32), [bad, doubt, idle]),
        (lab.trial("shop/2", "careless", 1), [good, idle]),
        (lab.trial("shop/10", "careless", 0, trajectory="e" * 32), [bad, idle]),
    )


def cells(section: str) -> list[list[str]]:
    """A table's lines as their cells."""
    return [re.split(r" {2,}", line.strip()) for line in section.split("\n") if "─" not in line]


def test_a_report_says_all_that_counts(lab):
    text = render(build(mixed(lab), lab.run), width=100)
    head, rates, scenarios, checks, failed, notes = text.split("\n\n")
    assert head == "run 20261124-101500-1a2b3c (execution, suite shop), 7 trials"
    title, *rows = cells(rates)
    assert title == ["pass rate"]
    assert [row[:2] + row[3:] for row in rows] == [
        ["agent", "rate", "counted", "left out", "ended"],
        ["careful", "1.000", "3", "1 invalid", "3 completed, 1 invalid"],
        ["careless", "0.333", "3", "-", "3 completed"],
    ]
    assert cells(scenarios) == [
        ["passed / counted, by scenario"],
        ["scenario", "careful", "careless"],
        ["shop/2", "2/2", "1/2"],
        ["shop/10", "1/1 +1?", "0/1"],
    ]
    assert cells(checks) == [
        ["checks that failed or could not answer"],
        ["agent", "check", "fail", "pass", "unknown", "why"],
        ["careless", "never: issue_refund", "2", "1", "0", "2 forbidden"],
        ["careless", "state: {a: 1}", "0", "0", "1", "1 no state"],
    ]
    assert cells(failed) == [
        ["failed trials: agenteval show ID"],
        ["ID", "trial", "why"],
        ["ffffffffffff", "shop/2 #0 careless", "issue_refund was called at step 8"],
        ["eeeeeeeeeeee", "shop/10 #0 careless", "issue_refund was called at step 8"],
    ]
    assert notes.split("\n")[-5:] == [
        "outside the rates: 1 invalid of 7 trials",
        "k goes as far as the scenarios with the fewest counted trials: shop/10",
        "never activated, so it has shown nothing: never: x",
        "not asked, outside the score: rubric: kind",
        "invalid: careful shop/10 #1 (fault of: model): 429",
    ]


@pytest.mark.parametrize("width", [60, 80, 120, 160])
def test_tables_keep_within_the_terminal(lab, width):
    long = "retail/exchange-a-thing-of-the-wrong-size-that-was-a-gift-bought-with-two-cards-" + "x" * 80
    title = f"calls: [{', '.join(f'tool_{n}: {{a: 1}}' for n in range(30))}]"
    outcomes = [
        (lab.trial(f"{long}{n}", agent * 4, n), [lab.finding("fail", title=title, reason="why " * 200)])
        for n in range(3)
        for agent in ("careful", "careless")
    ]
    text = render(build(lab.store(*outcomes), lab.run), width=width)
    assert max(map(cell_len, text.split("\n"))) <= width


def test_many_scenarios_stand_side_by_side_in_natural_order(lab):
    outcomes = [(lab.trial(str(number), "gpt-4o", 0), [lab.finding()]) for number in range(50)]
    text = render(build(lab.store(*outcomes), lab.run), width=80)
    table = text.split("passed / counted, by scenario\n")[1].split("\n\n")[0].split("\n")[2:]
    assert table[0].split() == ["0", "1/1", "17", "1/1", "34", "1/1"]
    assert len(table) == 17
    names = [line.split()[0::2] for line in table]
    assert [row[column] for column in range(3) for row in names if column < len(row)] == [str(n) for n in range(50)]


def test_beyond_sixty_scenarios_the_rest_is_counted(lab):
    outcomes = [(lab.trial(str(number)), [lab.finding()]) for number in range(75)]
    assert "and 15 more: agenteval report --json, or --html" in render(build(lab.store(*outcomes), lab.run), width=80)


def test_repeats_show_a_row_a_curve(lab):
    outcomes = [(lab.trial("a", repeat=n), [lab.finding("pass" if n else "fail")]) for n in range(4)]
    text = render(build(lab.store(*outcomes), lab.run), width=80)
    assert cells(text.split("repeats\n")[1].split("\n\n")[0]) == [
        ["of k trials", "k=1", "k=2", "k=3", "k=4"],
        ["one passes (pass@k)", "0.750", "1.000", "1.000", "1.000"],
        ["all pass (pass^k)", "0.750", "0.500", "0.250", "0.000"],
    ]


def test_hostile_names_move_nothing_and_are_no_markup(lab):
    bad = "[red]x[/red]" + lab.hostile
    outcome = (lab.trial(bad, bad, error=bad), [lab.finding("fail", bad, title=bad, reason=bad)])
    text = render(build(lab.store(outcome, suite=bad), lab.run), width=100)
    assert "[red]x[/red]" in text
    assert not re.search("[\x00-\x09\x0b-\x1f\u2028\u202e\ud800-\udfff]", text)


def test_colours_only_where_they_are_asked_for(lab):
    report = build(mixed(lab), lab.run)
    assert "\x1b" not in render(report, width=100)
    assert "\x1b[31m" in render(report, width=100, color=True)


def test_an_empty_run_is_shown_too(lab):
    assert "0 trials" in render(build(lab.store(agents=()), lab.run), width=80)


def test_a_comparison_names_the_scenarios_that_differ(lab):
    def side(agent: str, **passed: str) -> Side:
        outcomes = [
            (lab.trial(name, agent, n), [lab.finding("pass" if what == "p" else "fail")])
            for name, trials in passed.items()
            for n, what in enumerate(trials)
        ]
        return Side(lab.run, agent, tuple(lab.store(*outcomes).outcomes(lab.run)))

    document = compare(side("careful", a="pp", b="pp", c="pf", x="p"), side("careless", a="ff", b="pp", c="ff"))
    text = render_comparison(document, width=100)
    assert "over 3 scenarios: A better in 2, worse in 0, equal in 1" in text
    assert text.split("\n")[-1] == "only counted in A: x"
    assert cells(text.split("\n\n")[2]) == [
        ["scenarios in which they differ"],
        ["scenario", "A", "B"],
        ["a", "2/2", "0/2"],
        ["c", "1/2", "0/2"],
    ]
    assert "p = 0." in text


def test_every_check_is_listed_and_explained():
    docs = checkers.catalogue()
    listed = render_checks(docs, width=100)
    assert [line.split()[0] for line in listed.split("\n\n")[0].split("\n")] == [doc.name for doc in docs]
    for doc in docs:
        text = " ".join(render_check(doc, width=100).split())
        for part in (doc.summary, doc.arguments, doc.example, doc.without_telemetry, ", ".join(doc.options)):
            assert " ".join(part.split()) in text


def interval(estimate, low=None, high=None, counted=0, left_out=0):
    return {"estimate": estimate, "low": low, "high": high, "counted": counted, "left_out": left_out}


def test_figures_in_words():
    assert rate(interval(0.75, 0.5, 0.9, 24)) == "0.750 [0.500, 0.900] of 24"
    assert rate(interval(0.75, counted=2, left_out=1)) == "0.750 of 2, 1 left out"
    assert rate(interval(None, left_out=3)) == "not measured (3 left out)"
    assert rate(interval(None)) == "not measured"
    assert signed(interval(0.25, -0.1, 0.6)) == "+0.250 [-0.100, +0.600]"
    assert signed(interval(-0.25)) == "-0.250"
    assert signed(interval(None)) == "not measured"
    assert counts({"completed": 3, "agent_error": 4, "limit": 0}) == "4 agent error, 3 completed"
    assert some_ks({str(k): 0 for k in range(1, 25)}) == ["1", "2", "3", "4", "5", "6", "7", "24"]
