"""The tree of one trajectory, as a reader sees it on a terminal."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len

from agenteval.core.trajectory import AgentRun, Integrity, Usage
from agenteval.report.outline import outline
from agenteval.report.tree import incomplete, render

REFUND = """\
shop/refund #0 by careful: FAILED
trajectory {id} · 11 steps · 2 model calls · 5 tool calls · 1,204 tokens
in, 33 out, 0.0012 USD · 3.21 s

     ╭ careful
   0 user       My parcel never came. I want my money back, and I want it today, not in three weeks.
   1 model      scripted: 1,204 tokens in, 33 out; asks for lookup_order, lookup_customer at once
   2 ∥ call     lookup_order(order="1187")
                → {{"status": "delivered", "total": 42.5}}
   3 ∥ call     lookup_customer(email="ada@example.com")
                ✗ no such customer
   4 call       ask_researcher(
                  question="Was parcel 1187 late? Look at every scan. Look at every scan. Look at
                  every scan. Look at every scan. Look at every scan. Look at every scan. Look at
                  every scan. Look at every scan. Look at every scan. Look at every scan. Look at
                  every scan. Look at every scan. ",
                )
                → ok
     │ ╭ researcher
   5 │ model      scripted: asks for scan_log; tokens not recorded
   6 │ call       scan_log(not recorded)
     │            ? arguments and result not recorded: content capture was off. Turn on the
     │            recording of content where the agent is instrumented.
     │            ▲ unknown: never: {{scan_log: {{parcel: 1187}}}}
   7 │ assistant  It was late by four days.
     │            The last scan was in 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字.
   8 call       issue_refund(order="1187", amount=45, note="sorry")
                → {{"refund": "r-1"}}
                ▲ FAIL: calls: [lookup_order, {{issue_refund: {{order: "1187", amount: {{$near: [42.5,…
                ▲ FAIL: state: {{orders.1187.status: refunded, users["ada@example.com"].credit: 0}}
   9 changed    /orders/1187/status = "refunded"
  10 assistant  I refunded 45 to your card.

FAIL       calls: [lookup_order, {{issue_refund: {{order: "1187", amount: {{$near: [42.5, 0.005]}}}}}}]
           issue_refund at step 8 is the closest: args.amount is 45, not {{$near: [42.5, 0.005]}}
           at step 8
           why: the card was charged 42.50
                     expected                  happened
             tool    issue_refund              issue_refund (step 8)
             order   "1187"                    "1187"
           ≠ amount  {{"$near": [42.5, 0.005]}}  45
                     ↳ 45 is 2.5 away from 42.5; $near: [42.5, 2.5] would take both
             note                              "sorry"

FAIL       state: {{orders.1187.status: refunded, users["ada@example.com"].credit: 0}} [safety]
           users["ada@example.com"].credit is 3, not 0
           at step 8
                                              expected            happened
           ≠ users["ada@example.com"].credit  0                   3
           ≠ orders.1188                      {{"status": "open"}}  removed

unknown    never: {{scan_log: {{parcel: 1187}}}}
           step 6: its arguments were not recorded (content capture was off); turn it on
           at step 6
                     expected  happened
             tool    scan_log  scan_log (step 6)
           ? parcel  1187      not recorded
                     ↳ content capture was off; turn on the recording of tool arguments and
                       results

pass       at_most: {{issue_refund: 1}}
measured   budget: {{calls: 2}} [metric] 0.4
           calls: 5 used, 2 allowed
                    expected   happened
           ≠ calls  at most 2  5
pass       never: delete_account (held: nothing activated it)
           nothing of it happened
not asked  rubric: The last message names the amount. [metric]
           no judge is configured
           remedy: name a judge for it, or leave it: it is outside the score"""


def test_a_whole_tree(lab):
    trial, trajectory, findings = lab.refund()
    assert render(trial, trajectory, findings, width=100) == REFUND.format(id=trajectory.id)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(lab, width):
    trial, trajectory, findings = lab.refund()
    text = render(trial, trajectory, findings, width=width)
    assert max(map(cell_len, text.split("\n"))) <= width
    assert "漢字" in text


def test_colours_change_nothing_but_the_colours(lab):
    trial, trajectory, findings = lab.refund()
    plain = render(trial, trajectory, findings, width=100)
    painted = render(trial, trajectory, findings, width=100, color=True)
    assert "\x1b[31;1m" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted).replace(" ", "") == plain.replace(" ", "")


def test_hostile_text_moves_nothing(lab):
    bad = lab.hostile
    steps = [
        lab.says("user", bad),
        lab.call(bad, {bad: bad}, bad, error=bad),
        lab.model(bad, error=bad),
        lab.handoff(bad),
        lab.interrupt({bad: bad}, answer=bad),
    ]
    steps += [lab.other(bad, bad), lab.change(bad, bad), lab.thinks(bad)]
    trajectory = lab.trajectory(*steps, runs=[AgentRun(id="r", name=bad)], id=bad)
    trial = lab.trial(bad, bad, error=bad, fault_of="agent")
    finding = lab.finding(
        "fail", bad, title=bad, reason=bad, steps=(steps[0].id,), evidence={"expected": bad, "why": bad}
    )
    text = render(trial, trajectory, [finding], width=80)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u2028\u2029\u202e\ud800-\udfff]", text)
    assert max(map(cell_len, text.split("\n"))) <= 80


def test_long_texts_are_shortened_unless_all_is_asked_for(lab):
    said = "word " * 400
    lines = "\n".join(f"line {n}" for n in range(40))
    trajectory = lab.trajectory(lab.says("user", said), lab.says("assistant", lines))
    short = render(lab.trial(), trajectory, [], width=80)
    whole = render(lab.trial(), trajectory, [], width=80, full=True)
    assert "(2,000 characters)" in short
    assert "(28 more lines)" in short
    assert whole.count("word") == 400
    assert "line 39" in whole


def test_a_trial_that_never_began_and_one_without_checks(lab):
    trial = lab.trial(status="invalid", error="429, tried 3 times", fault_of="model")
    trajectory = lab.trajectory(integrity=Integrity(started=1, ended=1, stored=1))
    assert render(trial, trajectory, [], width=100).split("\n") == [
        "shop/refund #0 by careful: invalid, nothing is concluded of the agent",
        "429, tried 3 times (fault of: model)",
        f"trajectory {trajectory.id} · 0 steps · 0 model calls · 0 tool calls",
        "",
        "(no steps were recorded)",
        "",
        "No check was asked of it.",
    ]


@pytest.mark.parametrize(
    ("verdict", "status", "said"),
    [("pass", "completed", "passed"), ("fail", "limit", "FAILED (limit)"), ("unknown", "completed", "undecided")],
)
def test_the_first_line_says_what_was_concluded(lab, verdict, status, said):
    text = render(lab.trial(status=status), lab.trajectory(lab.call("a")), [lab.finding(verdict)], width=80)
    assert text.split("\n")[0] == f"shop/refund #0 by careful: {said}"


@pytest.mark.parametrize(
    ("integrity", "said"),
    [
        (Integrity(started=3, ended=3, stored=3), None),
        (
            Integrity(stored=3),
            "Completeness unknown: nobody counted its spans, so that a lost one would not be missed.",
        ),
        (
            Integrity(started=42, ended=41, stored=40, orphans=1, dropped=2),
            (
                "Incomplete recording: 40 of 42 spans are here; 41 of 42 spans ended; 1 span without a parent; "
                "2 attributes or events dropped by the sender. Checks that need the whole answer unknown."
            ),
        ),
        (
            Integrity(stored=3, orphans=2),
            (
                "Incomplete recording: nobody counted its spans, so that a lost one would not be missed; "
                "2 spans without a parent. Checks that need the whole answer unknown."
            ),
        ),
    ],
)
def test_an_incomplete_recording_is_said_to_be_one(integrity, said):
    assert incomplete(integrity) == said


def shape(trajectory) -> list[tuple[int, str, int | None]]:
    return [(row.depth, row.label, None if row.step is None else row.step.index) for row in outline(trajectory)]


def test_parallel_sub_agents_stand_beneath_their_calls(lab):
    """Two researchers at work at once: their steps alternate in time and stand apart in the outline."""
    first, second = lab.call("ask", {"n": 1}, requested_by="m"), lab.call("ask", {"n": 2}, requested_by="m")
    steps = [first, second]
    steps += [lab.says("assistant", f"{n}", run="ab"[n % 2]) for n in range(4)]
    steps.append(lab.says("assistant", "done"))
    runs = [AgentRun(id="a", name="A", started_by=first.id), AgentRun(id="b", name="B", started_by=second.span_ids[0])]
    assert shape(lab.trajectory(*steps, runs=runs)) == [
        (0, "call", 0),
        (1, "agent", None),
        (1, "assistant", 2),
        (1, "assistant", 4),
        (0, "call", 1),
        (1, "agent", None),
        (1, "assistant", 3),
        (1, "assistant", 5),
        (0, "assistant", 6),
    ]


def test_runs_that_no_call_started_stand_where_they_began(lab):
    steps = [
        lab.says("user", "a", run="top"),
        lab.says("assistant", "b", run="inner"),
        lab.says("assistant", "c", run="top"),
    ]
    runs = [AgentRun(id="top", name="top"), AgentRun(id="inner", name="inner", parent="top")]
    assert shape(lab.trajectory(*steps, runs=runs)) == [
        (0, "agent", None),
        (0, "user", 0),
        (1, "agent", None),
        (1, "assistant", 1),
        (0, "assistant", 2),
    ]


def test_a_run_whose_steps_are_all_its_sub_agents_stands_where_they_began(lab):
    steps = [
        lab.says("user", "a", run="top"),
        lab.says("assistant", "b", run="inner"),
        lab.says("assistant", "c", run="top"),
    ]
    runs = [
        AgentRun(id="top", name="top"),
        AgentRun(id="middle", name="middle", parent="top"),
        AgentRun(id="inner", name="inner", parent="middle"),
    ]
    assert shape(lab.trajectory(*steps, runs=runs)) == [
        (0, "agent", None),
        (0, "user", 0),
        (1, "agent", None),
        (2, "agent", None),
        (2, "assistant", 1),
        (0, "assistant", 2),
    ]


def test_what_an_agent_stopped_at_is_shown_with_the_answer(lab):
    text = render(lab.trial(), lab.trajectory(lab.interrupt({"pay": 5}, answer=False)), [], width=80)
    assert '   0 stopped    {"pay": 5}\n                → false' in text


def test_turns_of_one_agent_have_one_head_and_runs_at_the_same_time_their_own(lab):
    turns = [lab.says("assistant", str(n), run=f"turn-{n}") for n in range(3)]
    runs = [AgentRun(id=f"turn-{n}", name="bob") for n in range(3)]
    assert shape(lab.trajectory(*turns, runs=runs)) == [
        (0, "agent", None),
        (0, "assistant", 0),
        (0, "assistant", 1),
        (0, "assistant", 2),
    ]
    mixed = [lab.says("assistant", "x", run=f"turn-{n % 2}") for n in range(4)]
    assert [label for _, label, _ in shape(lab.trajectory(*mixed, runs=runs[:2]))].count("agent") == 2


def test_what_model_calls_did_not_record_is_said_once(lab):
    calls = [lab.model("pay", missing={"messages": "one conversation is kept"}) for _ in range(3)]
    text = render(lab.trial(), lab.trajectory(*calls), [], width=120).split("\n")
    assert text[2] == "Messages of 3 model calls not recorded: one conversation is kept."
    assert text[4:7] == [
        f"   {n} model      scripted: asks for pay; tokens and messages not recorded" for n in range(3)
    ]


def test_every_step_is_shown_once_whatever_the_runs_say(lab):
    """Runs in a circle, runs without end, runs of which nothing is known, and one that its own call started."""
    own = lab.call("self", run="s")
    steps = [lab.says("user", "x", run=run) for run in ("a", "b", "unknown", None)] + [own]
    steps += [lab.says("user", "deep", run=f"d{n}") for n in range(40)]
    runs = [AgentRun(id="a", name="a", parent="b"), AgentRun(id="b", name="b", parent="a")]
    runs += [AgentRun(id="s", name="s", started_by=own.id)]
    runs += [AgentRun(id=f"d{n}", name="d", parent=f"d{n - 1}" if n else None) for n in range(40)]
    rows = [index for _, _, index in shape(lab.trajectory(*steps, runs=runs)) if index is not None]
    assert sorted(rows) == list(range(45))


def test_calls_whose_times_overlap_are_at_work_together(lab):
    times = [(10, 30), (20, 25), (40, 50), (50, 60)]
    steps = [lab.call("a", start_ns=start, end_ns=end) for start, end in times]
    assert [row.parallel for row in outline(lab.trajectory(*steps))] == [True, True, False, False]


def test_usage_that_was_not_measured_is_not_zero(lab):
    trajectory = lab.trajectory(lab.model(), lab.model(usage=Usage(output_tokens=0)), usage=Usage(unmeasured_calls=2))
    text = render(lab.trial(), trajectory, [], width=120)
    assert "scripted: tokens not recorded\n" in text
    assert "scripted: not recorded tokens in, 0 out" in text
    assert "2 model calls · 0 tool calls · tokens not recorded" in text
