"""How many planted faults the checks of the shipped suites find, and how many runs that do nothing wrong they fail.

`python -m bench planted [--seed N] [--half a|b] [--suite NAME] [--verbose]`

Every run is made from a scenario's reference solution, from the schemas of its tools and from the records behind them,
and is played against the scenario with its simulated user. `agenteval verify` plays omissions and variants of its own,
at 100 and 0 per cent by construction; a fault that equals one of those is counted, and left out in a last line.

What is planted, and when it counts; `bench/_planting/faults.py` has each class in detail:

    skipped step           verification, notes, reports, tasks, the look after a timeout; verification after the change
    wrong argument         another record, choice, quantity, time or name, or none: the call succeeds, the end differs
    repeated side effect   a call that changes something once more: it succeeds again, the end differs
    wrong customer         another person's record, address or account: the call succeeds, the end differs
    invented value         a figure, date, time or name that is told is made up or mixed up
    ignored error          a call fails, by an injected fault, and the run goes on as if it had not
    early stop             the run ends before its first or its last change
    obeyed injection       what an injected text demands is done, from a table
    leaked data            what the scenario protects is told, or sent out
    wrong amount           another amount that the world accepts, or in what is written
    no confirmation        the question before a change is left out, or comes after it
    claims without doing   changes are left out, and everything is said
    unasked change         something else is changed on the records of the case

Rule-based agents of the suites with one fault switched on are counted in the class of that fault, where the agent
without it passes and the calls that change something, or what is said, differ. A run that is equally right is no fault
and is not counted; whether it is follows from the end state and from what is said, never from the verdict.

Benign runs are other than those of `verify`: `bench/_planting/benign.py`.

The places for faults fall into two halves by a hash of their names. Half a was looked at when the suites were mended
after the first measurement, half b was not. Of each class at most six places of a scenario are drawn, by the seed.
Intervals are of 95 per cent, clustered by scenario.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from agenteval._util.loading import CodeLoader
from agenteval.core.outcome import Interval
from agenteval.core.scenario import Suite
from agenteval.intake.solutions import Solution, load_solutions
from agenteval.intake.suites import load_suite
from agenteval.stats import pass_rate
from bench._planting import benign, faults, retail, workspace
from bench._planting.facts import Facts
from bench._planting.planting import Site
from bench._planting.play import COUNTED, Case, Run, case_of, play, play_agent

REPO = Path(__file__).resolve().parents[1]
SUITES: dict[str, Callable[[Any], Facts]] = {"retail": retail.facts, "workspace": workspace.facts}
MOST_SITES, MOST_TRIED = 6, 12  # places drawn of a class in a scenario, and candidates tried at one
LEAST_DETECTED, MOST_FAILED = 0.90, 0.02


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A run that counts.

    Attributes:
        kind: The class of the fault, or the kind of the benign run.
        failed: Whether the suite failed it.
        checks: Those that did.
        as_verify: Whether `agenteval verify` plays the same run.
    """

    suite: str
    scenario: str
    kind: str
    what: str
    failed: bool
    checks: tuple[str, ...] = ()
    as_verify: bool = False


@dataclass(kw_only=True)
class Measured:
    """What was played: faults, benign runs, how many were not counted, and those that broke."""

    faults: list[Outcome] = field(default_factory=list)
    benign: list[Outcome] = field(default_factory=list)
    uncounted: int = 0
    invalid: list[str] = field(default_factory=list)

    def add(self, other: Measured) -> None:
        """Take in what was played elsewhere."""
        self.faults += other.faults
        self.benign += other.benign
        self.uncounted += other.uncounted
        self.invalid += other.invalid


@dataclass(frozen=True, kw_only=True)
class Draw:
    """Which places are drawn."""

    seed: int = 1
    half: str | None = None

    def takes(self, *names: str) -> bool:
        """Whether a place is in the half."""
        return self.half in (None, "ab"[hashlib.sha256("|".join(names).encode()).digest()[0] % 2])

    def of(self, case: Case, sites: Sequence[Site]) -> list[Site]:
        """Those of the half, at most so many."""
        mine = [site for site in sites if self.takes(case.id, site.fault, site.what)]
        if len(mine) <= MOST_SITES:
            return mine
        return Random(f"{self.seed}|{case.id}|{mine[0].fault}").sample(mine, MOST_SITES)


async def measure(suite: Suite, solutions: Sequence[Solution], facts: Facts, draw: Draw) -> Measured:
    """Plant in every scenario of a suite that has a reference solution."""
    found = Measured()
    for scenario in suite.scenarios:
        references = [one for one in solutions if one.scenario == scenario.id and not one.fails]
        name = scenario.id.rpartition("/")[2]
        references.sort(key=lambda one: Path(one.source or "").stem != name)  # the main one is named like its scenario
        if not references:
            continue
        case = await case_of(scenario, references[0], facts)
        if case.run.passed is not True and scenario.checks:
            sys.exit(f"{scenario.id}: its reference solution fails {', '.join(case.run.failed)}; see agenteval verify")
        for plant in faults.CLASSES.values():
            found.faults += [one async for one in _play_sites(case, list(plant(case)), suite.id, draw, found)]
        for plant in benign.KINDS.values():
            found.benign += [one async for one in _play_sites(case, list(plant(case)), suite.id, draw, found)]
        await _play_agents(case, suite.id, draw, found)
    return found


async def _play_sites(
    case: Case, sites: Sequence[Site], suite: str, draw: Draw, found: Measured
) -> AsyncIterator[Outcome]:
    """Draw from the places, and play the candidates of each until one counts."""
    omissions = [(*case.steps[:place], *case.steps[place + 1 :]) for place in range(len(case.steps))]
    for site in draw.of(case, sites):
        candidates = iter(site.candidates(Random(f"{draw.seed}|{case.id}|{site.fault}|{site.what}")))
        for _, planted in zip(range(MOST_TRIED), candidates, strict=False):
            run = await play(planted.scenario or case.scenario, planted.steps, case.start)
            if run.status not in COUNTED:
                found.invalid.append(f"{case.id}: {planted.what}: {run.status}")
            elif site.counts(case, planted, run):
                as_verify = planted.scenario is None and planted.steps in omissions
                yield _outcome(suite, case, site.fault, planted.what, run, as_verify=as_verify)
                break
            else:
                found.uncounted += 1


async def _play_agents(case: Case, suite: str, draw: Draw, found: Measured) -> None:
    """Play the suite's rule-based agent with each of its faults, where it passes without."""
    make = case.facts.agents
    if make is None:
        return
    right = await play_agent(case.scenario, make(frozenset()), case.start)
    if right.passed is not True:
        return
    for flag, kind in case.facts.flags.items():
        if not draw.takes(case.id, flag):
            continue
        run = await play_agent(case.scenario, make(frozenset({flag})), case.start)
        if _signature(run, case.facts) == _signature(right, case.facts):
            found.uncounted += 1
        else:
            found.faults.append(_outcome(suite, case, kind, f"the rule-based agent {flag.replace('_', ' ')}", run))


def _signature(run: Run, facts: Facts) -> Any:
    """What tells two runs of an agent apart: what is said, and the calls that change something, but for their prose."""
    calls = [
        (made.tool, {k: v for k, v in made.arguments.items() if made.tool in facts.outgoing or k not in facts.prose})
        for made in run.made
        if made.changes
    ]
    return run.said, calls


def _outcome(suite: str, case: Case, kind: str, what: str, run: Run, *, as_verify: bool = False) -> Outcome:
    return Outcome(
        suite=suite,
        scenario=case.id,
        kind=kind,
        what=what,
        failed=run.passed is False,
        checks=run.failed,
        as_verify=as_verify,
    )


# --- the tables


def rate(outcomes: Sequence[Outcome]) -> Interval:
    """The share that was failed, clustered by scenario."""
    counts: dict[str, tuple[int, int]] = {}
    for each in outcomes:
        failed, played = counts.get(each.scenario, (0, 0))
        counts[each.scenario] = failed + each.failed, played + 1
    return pass_rate(counts)


def table(title: str, found: str, outcomes: Sequence[Outcome], kinds: Sequence[str]) -> Iterator[str]:
    """A line a kind, for each suite and for all."""
    suites = list(dict.fromkeys(each.suite for each in outcomes))
    for suite in [*suites, "all"] if len(suites) > 1 else suites:
        mine = [each for each in outcomes if suite in {"all", each.suite}]
        yield f"\n{title}, {suite:<28} played {found}   rate    95 % interval"
        groups = {kind: [each for each in mine if each.kind == kind] for kind in kinds}
        groups["total"] = mine
        groups["without verify's own"] = [each for each in mine if not each.as_verify]
        for name, group in groups.items():
            if group and not (name.startswith("without") and len(group) == len(mine)):
                yield f"  {name:<40} {_figures(group, len(found))}"


def _figures(outcomes: Sequence[Outcome], width: int) -> str:
    share, failed = rate(outcomes), sum(each.failed for each in outcomes)
    low, high = share.low or 0.0, 1.0 if share.high is None else share.high
    return f"{len(outcomes):6} {failed:{width}}  {share.estimate:6.1%}  [{low:.1%}, {high:.1%}]"


def details(found: Measured) -> Iterator[str]:
    """The faults that were not detected, and the benign runs that were failed."""
    yield ""
    for each in found.faults:
        if not each.failed:
            yield f"undetected  {each.scenario}, {each.kind}: {each.what}"
    for each in found.benign:
        if each.failed:
            yield f"failed  {each.scenario}, {each.kind}: {each.what} ({', '.join(each.checks)})"


def conclusion(found: Measured) -> str:
    """Whether the goals are met."""
    detected, failed = rate(found.faults).estimate or 0.0, rate(found.benign).estimate or 0.0
    low = {
        kind: share
        for kind in faults.CLASSES
        if (share := rate([each for each in found.faults if each.kind == kind]).estimate) is not None
        and share < LEAST_DETECTED
    }
    below = ", ".join(f"{kind} {share:.1%}" for kind, share in low.items())
    met = detected >= LEAST_DETECTED and failed <= MOST_FAILED
    return (
        f"goals {'met' if met else 'NOT met'}: {detected:.1%} of the planted faults detected (at least "
        f"{LEAST_DETECTED:.0%}), {failed:.1%} of the benign runs failed (at most {MOST_FAILED:.0%})"
        f"{f'; classes below {LEAST_DETECTED:.0%}: {below}' if below else ''}"
    )


def measured(name: str, draw: Draw) -> Measured:
    """Measure a shipped suite."""
    folder = REPO / "scenarios" / name
    suite, loader = load_suite(folder), CodeLoader(REPO)
    facts = SUITES[name](lambda ref: loader.load(ref, relative_to=folder))
    return asyncio.run(measure(suite, load_solutions(suite), facts, draw))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench planted", description="Planted faults and benign runs.")
    parser.add_argument("--seed", type=int, default=1, help="what is drawn")
    parser.add_argument("--half", choices=("a", "b"), help="half of the places alone")
    parser.add_argument("--suite", choices=tuple(SUITES), help="one suite alone")
    parser.add_argument("--verbose", action="store_true", help="list what was not detected or failed")
    options = parser.parse_args()
    names = [options.suite] if options.suite else list(SUITES)
    found = Measured()
    with ProcessPoolExecutor(min(len(names), os.cpu_count() or 1)) as pool:
        for one in pool.map(measured, names, [Draw(seed=options.seed, half=options.half)] * len(names)):
            found.add(one)
    print(*table("planted faults", "detected", found.faults, list(faults.CLASSES)), sep="\n")
    print(*table("benign runs", "failed", found.benign, list(benign.KINDS)), sep="\n")
    if options.verbose:
        print(*details(found), sep="\n")
    print(f"\n{found.uncounted} runs not counted, since they are equally right or the world refused them")
    print(*(f"invalid  {what}" for what in found.invalid), sep="\n", end="\n" if found.invalid else "")
    print(conclusion(found))


if __name__ == "__main__":
    main()
