"""Trials, trajectories and findings to make reports of."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from agenteval.core.message import Message, ReasoningPart, TextPart, ToolRequest
from agenteval.core.outcome import Finding, Measure, Run, Score, Trial
from agenteval.core.trajectory import (
    AgentRun,
    Handoff,
    Integrity,
    Interrupt,
    ModelCall,
    Other,
    StateChange,
    Step,
    ToolCall,
    Trajectory,
    Usage,
)
from agenteval.evaluation.score import INVALID, score
from agenteval.store.memory import MemoryStore

RUN = "20261124-101500-1a2b3c"
HOSTILE = "</script </script><img src=x onerror=\"document.title='owned'\"> <!--<script> \u2028 \u2029 \x00 \x1b[31m \ud800 \u202e 漢字 ]]> &amp;"


class Lab:
    """Builds values; every id follows from what was built before."""

    run = RUN
    hostile = HOSTILE

    def __init__(self) -> None:
        self._made = 0

    def id(self) -> str:
        self._made += 1
        return f"{self._made:016x}"

    # --- steps

    def says(self, role: Any, text: str, **values: Any) -> Step:
        return self._step(Message(role=role, parts=(TextPart(text=text),)), values)

    def thinks(self, text: str, **values: Any) -> Step:
        return self._step(Message(role="assistant", parts=(ReasoningPart(text=text),)), values)

    def call(self, name: str, arguments: Any = None, result: Any = "ok", **values: Any) -> Step:
        fields = {key: values.pop(key) for key in ("error", "status", "requested_by", "by", "call_id") if key in values}
        if fields.get("error") is not None:
            fields.setdefault("status", "error")
        return self._step(ToolCall(name=name, arguments=arguments, result=result, **fields), values)

    def model(self, *requests: str, usage: Usage | None = None, error: str | None = None, **values: Any) -> Step:
        asked = tuple(ToolRequest(name=name, arguments={}) for name in requests)
        return self._step(ModelCall(model="scripted", requests=asked, usage=usage, error=error), values)

    def change(self, path: str, value: Any, **values: Any) -> Step:
        return self._step(StateChange(patch=({"op": "replace", "path": path, "value": value},)), values)

    def handoff(self, target: str, **values: Any) -> Step:
        return self._step(Handoff(target=target), values)

    def interrupt(self, value: Any, *, answer: Any, **values: Any) -> Step:
        return self._step(Interrupt(value=value, answer=answer), values)

    def other(self, kind: str, data: Any, **values: Any) -> Step:
        return self._step(Other(kind=kind, data=data), values)

    def _step(self, content: Any, values: dict[str, Any]) -> Step:
        name = values.pop("id", None) or self.id()
        return Step(id=name, index=0, content=content, span_ids=(name.partition(".")[0],), **values)

    def trajectory(
        self, *steps: Step, runs: Sequence[AgentRun] = (), complete: bool = True, **values: Any
    ) -> Trajectory:
        numbered = tuple(
            Step(**{**{name: getattr(step, name) for name in Step.__slots__}, "index": index})
            for index, step in enumerate(steps)
        )
        count = len(steps) + 1
        values.setdefault("integrity", Integrity(started=count if complete else None, ended=count, stored=count))
        return Trajectory(id=values.pop("id", None) or self.id() * 2, steps=numbered, runs=tuple(runs), **values)

    # --- conclusions

    def finding(self, verdict: Any = "pass", check: str = "never-1", **values: Any) -> Finding:
        code = {"pass": "held", "fail": "forbidden", "unknown": "gap"}[verdict]
        values.setdefault("reason_code", code)
        values.setdefault("reason", f"it is {verdict}")
        values.setdefault("title", f"title of {check}")
        return Finding(check=check, verdict=verdict, **values)

    def not_asked(self, check: str = "rubric-1", **values: Any) -> Finding:
        return self.finding(
            "unknown", check, reason_code="not_asked", reason="no judge is configured", role="metric", **values
        )

    def measured(self, value: float | None, check: str = "budget-1", **values: Any) -> Finding:
        return self.finding("pass", check, **values, role="metric", measure=Measure(name=check, value=value))

    def trial(self, scenario: str = "shop/refund", agent: str = "careful", repeat: int = 0, **values: Any) -> Trial:
        values.setdefault("status", "completed")
        values.setdefault("trajectory", self.id() * 2)
        return Trial(
            run=values.pop("run", RUN),
            scenario=scenario,
            scenario_hash=scenario.encode("utf-8", "replace").hex(),
            agent=agent,
            repeat=repeat,
            seed=repeat,
            **values,
        )

    # --- stores

    def store(self, *outcomes: tuple[Trial, Sequence[Finding] | None], **values: Any) -> MemoryStore:
        """A store with one run of these trials; a trial whose findings are None is invalid."""
        return self.full_store([(trial, findings, None) for trial, findings in outcomes], **values)

    def full_store(
        self, outcomes: Sequence[tuple[Trial, Sequence[Finding] | None, Trajectory | None]], **values: Any
    ) -> MemoryStore:
        store = MemoryStore()
        agents = tuple(dict.fromkeys(trial.agent for trial, _, _ in outcomes))
        run = {"kind": "execution", "created_at": "2026-11-24T10:15:00+00:00", "suite": "shop", "agents": agents}
        store.put_run(Run(id=RUN, **{**run, **values}))
        for trial, findings, trajectory in outcomes:
            store.put_trial(trial, trajectory)
            concluded: Score = INVALID if findings is None else score(findings)
            store.record(RUN, trial.trajectory or "", concluded.findings, concluded)
        return store

    # --- whole samples

    def refund(self) -> tuple[Trial, Trajectory, list[Finding]]:
        """A trial with sub-agents, calls made at once, gaps and every kind of verdict."""
        ask = self.model("lookup_order", "lookup_customer", usage=Usage(input_tokens=1204, output_tokens=33))
        first = self.call(
            "lookup_order", {"order": "1187"}, {"status": "delivered", "total": 42.5}, requested_by=ask.id
        )
        second = self.call(
            "lookup_customer", {"email": "ada@example.com"}, None, error="no such customer", requested_by=ask.id
        )
        start = self.call("ask_researcher", {"question": "Was parcel 1187 late? " + "Look at every scan. " * 12})
        inner = "1" * 16
        lost = self.call(
            "scan_log",
            None,
            None,
            missing={"arguments": "content capture was off", "result": "content capture was off"},
            run=inner,
        )
        refund = self.call("issue_refund", {"order": "1187", "amount": 45, "note": "sorry"}, {"refund": "r-1"})
        steps = [
            self.says("user", "My parcel never came. I want my money back, and I want it today, not in three weeks."),
            ask, first, second, start,
            self.model("scan_log", run=inner), lost,
            self.says("assistant", "It was late by four days.\nThe last scan was in 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字.", run=inner),
            refund,
            self.change("/orders/1187/status", "refunded"),
            self.says("assistant", "I refunded 45 to your card."),
        ]  # fmt: skip
        runs = [
            AgentRun(id="0" * 16, name="careful"),
            AgentRun(id=inner, name="researcher", parent="0" * 16, started_by=start.id),
        ]
        outer = [Step(**{**{n: getattr(s, n) for n in Step.__slots__}, "run": s.run or "0" * 16}) for s in steps]
        trajectory = self.trajectory(
            *outer, runs=runs, usage=Usage(input_tokens=1204, output_tokens=33, cost_usd=0.0012)
        )
        return (
            self.trial(trajectory=trajectory.id, seconds=3.21),
            trajectory,
            [
                self.finding(
                    "fail",
                    "calls-8c1f",
                    title='calls: [lookup_order, {issue_refund: {order: "1187", amount: {$near: [42.5, 0.005]}}}]',
                    reason_code="mismatch",
                    reason="issue_refund at step 8 is the closest: args.amount is 45, not {$near: [42.5, 0.005]}",
                    steps=(refund.id,),
                    evidence={
                        "expected": {"issue_refund": {"order": "1187", "amount": {"$near": [42.5, 0.005]}}},
                        "actual": {
                            "step": refund.id,
                            "index": 8,
                            "tool": "issue_refund",
                            "arguments": {"order": "1187", "amount": 45, "note": "sorry"},
                            "result": {"refund": "r-1"},
                            "status": "ok",
                        },
                        "differs": [
                            {
                                "path": "args.amount",
                                "expected": {"$near": [42.5, 0.005]},
                                "actual": 45,
                                "found": "value",
                                "hint": "45 is 2.5 away from 42.5; $near: [42.5, 2.5] would take both",
                            }
                        ],
                        "why": "the card was charged 42.50",
                    },
                ),
                self.finding(
                    "fail",
                    "state-77aa",
                    title='state: {orders.1187.status: refunded, users["ada@example.com"].credit: 0}',
                    reason_code="state_differs",
                    reason='users["ada@example.com"].credit is 3, not 0',
                    steps=(refund.id,),
                    role="safety",
                    evidence={
                        "diff": {
                            'users["ada@example.com"].credit': {"expected": 0, "actual": 3, "found": "value", "hint": ""},
                            "orders.1188": {"expected": {"status": "open"}, "found": "removed"},
                        }
                    },
                ),
                self.finding(
                    "unknown",
                    "never-scan",
                    title="never: {scan_log: {parcel: 1187}}",
                    reason_code="not_recorded",
                    reason="step 6: its arguments were not recorded (content capture was off); turn it on",
                    steps=(lost.id,),
                    evidence={
                        "expected": {"scan_log": {"parcel": 1187}},
                        "actual": {
                            "step": lost.id,
                            "index": 6,
                            "tool": "scan_log",
                            "status": "ok",
                            "not_recorded": {
                                "arguments": "content capture was off",
                                "remedy": "turn on the recording of tool arguments and results",
                            },
                        },
                    },
                ),
                self.finding("pass", "at_most-1", title="at_most: {issue_refund: 1}"),
                self.finding(
                    "pass", "never-2", title="never: delete_account", vacuous=True, activations=0,
                    reason_code="not_activated", reason="nothing of it happened",
                ),
                self.measured(
                    0.4, "budget-1", title="budget: {calls: 2}", reason_code="over_budget",
                    reason="calls: 5 used, 2 allowed", evidence={"allowed": {"calls": 2}, "used": {"calls": 5}},
                ),
                self.not_asked(title="rubric: The last message names the amount."),
            ],
        )  # fmt: skip

    def words(self, rng: random.Random, count: int) -> str:
        """Text that does not repeat itself: words drawn from many made-up ones."""
        return " ".join(rng.choice(_WORDS) for _ in range(count))


def _vocabulary() -> list[str]:
    rng = random.Random(7)
    starts = ["ba", "cor", "del", "en", "fra", "gli", "hal", "in", "jo", "kep", "lur", "men", "nor", "op", "per", "qua"]
    ends = ["t", "ning", "ster", "le", "rous", "dom", "", "ed", "ity", "s", "al", "en", "ic", "ure"]
    return ["".join(rng.choice(starts) for _ in range(rng.randint(1, 3))) + rng.choice(ends) for _ in range(6000)]


_WORDS = _vocabulary()


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture
def large(lab: Lab) -> Any:
    """Builds a store of many trials of 50 steps each, whose texts do not repeat themselves."""

    def build(trials: int = 400, words: int = 110) -> MemoryStore:
        rng = random.Random(11)
        return lab.full_store([_large_trial(lab, rng, number, words) for number in range(trials)])

    return build


def _large_trial(lab: Lab, rng: random.Random, number: int, words: int) -> tuple[Trial, list[Finding], Trajectory]:
    steps: list[Step] = []
    while len(steps) < 50:
        steps += [
            lab.says("user", lab.words(rng, words)),
            lab.model("search", usage=Usage(input_tokens=rng.randrange(9000), output_tokens=rng.randrange(900))),
            lab.call(
                "search", {"query": lab.words(rng, 12)}, {"found": [lab.words(rng, words // 4) for _ in range(4)]}
            ),
            lab.says("assistant", lab.words(rng, words)),
            lab.call("note", {"text": lab.words(rng, words)}, "ok"),
        ]
    trajectory = lab.trajectory(*steps[:50])
    failed = rng.random() < 0.4
    evidence = {"expected": {"search": {"query": lab.words(rng, 6)}}, "witness": []}
    findings = [lab.finding("pass", f"check-{n}", reason=lab.words(rng, 20)) for n in range(4)]
    findings.append(
        lab.finding(
            "fail" if failed else "pass", "calls-1", reason=lab.words(rng, 20), steps=(steps[2].id,), evidence=evidence
        )
    )
    trial = lab.trial(f"shop/{number % 20}", f"agent-{number // 20 % 2}", number // 40, trajectory=trajectory.id)
    return trial, findings, trajectory
