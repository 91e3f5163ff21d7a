"""How many planted faults the checks of the shipped suites find, and how many benign runs they fail.

`python -m bench planted [--seed N] [--half a|b] [--suite NAME] [--verbose]`
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from agenteval._util.loading import CodeLoader
from agenteval.core.scenario import Suite
from agenteval.intake.solutions import load_solutions
from agenteval.intake.suites import load_suite
from agenteval.stats import pass_rate
from bench._planting import benign, faults, retail, workspace
from bench._planting.facts import Facts
from bench._planting.faults import Site
from bench._planting.play import Case, Run, Steps, case_of, play, play_agent

REPO = Path(__file__).resolve().parents[1]
SUITES = {"retail": retail.facts, "workspace": workspace.facts}
MOST_A_CLASS = 6  # sites drawn of a class in a scenario
MOST_TRIED = 12  # candidates of a site


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A run that counts: whether its suite failed it."""

    suite: str
    kind: str
    scenario: str
    what: str
    failed: bool
    checks: tuple[str, ...] = ()
    known: bool = False


@dataclass
class Measured:
    """What was played."""

    faults: list[Outcome] = field(default_factory=list)
    benign: list[Outcome] = field(default_factory=list)
    equal: int = 0
    invalid: int = 0


def half_of(scenario: str, site: Site) -> str:
    digest = hashlib.sha256(f"{scenario}|{site.fault}|{site.what}".encode()).digest()
    return "ab"[digest[0] % 2]


def drawn(case: Case, sites: Sequence[Site], seed: int, half: str | None) -> list[Site]:
    mine = [site for site in sites if half is None or half_of(case.id, site) == half]
    rng = Random(f"{seed}|{case.id}|{mine[0].fault if mine else ''}")
    return mine if len(mine) <= MOST_A_CLASS else rng.sample(mine, MOST_A_CLASS)


def omissions(steps: Steps) -> list[Steps]:
    return [(*steps[:place], *steps[place + 1 :]) for place in range(len(steps))]


async def measure_case(case: Case, suite: str, seed: int, half: str | None, found: Measured) -> None:
    known = omissions(case.steps)
    for classes, into in ((faults.CLASSES, found.faults), (benign.KINDS, found.benign)):
        for plant in classes.values():
            for site in drawn(case, list(plant(case)), seed, half):
                rng = Random(f"{seed}|{case.id}|{site.fault}|{site.what}")
                for number, planted in enumerate(site.candidates(rng)):
                    if number >= MOST_TRIED:
                        break
                    run = await play(planted.scenario or case.scenario, planted.steps, case.start)
                    if run.status not in {"completed", "limit"}:
                        found.invalid += 1
                        print("invalid", case.id, planted.what, run.status)
                        continue
                    if site.counts(case, planted, run):
                        as_verify = planted.scenario is None and planted.steps in known
                        into.append(
                            Outcome(
                                suite=suite, kind=site.fault, scenario=case.id, what=planted.what,
                                failed=run.passed is False, checks=run.failed, known=as_verify,
                            )
                        )
                        break
                    found.equal += 1


async def measure_agents(case: Case, suite: str, half: str | None, found: Measured) -> None:
    make = case.facts.agents
    if make is None:
        return
    right = await play_agent(case.scenario, make(frozenset()), case.start)
    if right.passed is not True:
        return
    for flag, kind in case.facts.flags.items():
        digest = hashlib.sha256(f"{case.id}|{flag}".encode()).digest()
        if half is not None and "ab"[digest[0] % 2] != half:
            continue
        run = await play_agent(case.scenario, make(frozenset({flag})), case.start)
        if signature(run, case.facts) == signature(right, case.facts):
            found.equal += 1
            continue
        found.faults.append(
            Outcome(suite=suite, kind=kind, scenario=case.id, what=f"agent with {flag}", failed=run.passed is False, checks=run.failed)
        )


def signature(run: Run, facts: Facts) -> Any:
    """What tells two runs of an agent apart: what is said, and the calls that change something, but for their prose."""
    free = facts.prose
    calls = [
        (made.tool, {k: v for k, v in made.arguments.items() if made.tool in facts.outgoing or k not in free})
        for made in run.made
        if made.changes
    ]
    return run.said, calls


async def measure(suite: Suite, facts: Facts, seed: int, half: str | None) -> Measured:
    found = Measured()
    solutions = load_solutions(suite)
    for scenario in suite.scenarios:
        references = [s for s in solutions if s.scenario == scenario.id and not s.fails]
        name = scenario.id.rpartition("/")[2]
        references.sort(key=lambda solution: Path(solution.source or "").stem != name)
        for solution in references[:1]:
            case = await case_of(scenario, solution, facts)
            assert case.run.passed, (case.id, case.run.failed)
            await measure_case(case, suite.id, seed, half, found)
        await measure_agents(case, suite.id, half, found)
    return found


def rate(outcomes: Sequence[Outcome]) -> str:
    counts: dict[str, tuple[int, int]] = {}
    for each in outcomes:
        failed, n = counts.get(each.scenario, (0, 0))
        counts[each.scenario] = failed + each.failed, n + 1
    interval = pass_rate(counts)
    if interval.estimate is None:
        return f"{0:6} {0:6}        -"
    failed = sum(each.failed for each in outcomes)
    low, high = interval.low or 0.0, interval.high or 0.0
    return f"{len(outcomes):6} {failed:6}   {interval.estimate:6.1%}  [{low:6.1%}, {high:6.1%}]"


def table(title: str, outcomes: Sequence[Outcome], kinds: Sequence[str], suites: Sequence[str]) -> Iterator[str]:
    for suite in [*suites, "both"] if len(suites) > 1 else suites:
        mine = [each for each in outcomes if suite in {"both", each.suite}]
        yield f"{title} {suite}"
        for kind in kinds:
            of = [each for each in mine if each.kind == kind]
            if of:
                yield f"  {kind:24} {rate(of)}"
        yield f"  {'total':24} {rate(mine)}"
        new = [each for each in mine if not each.known]
        if len(new) < len(mine):
            yield f"  {'not played by verify':24} {rate(new)}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench planted")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--half", choices=("a", "b"))
    parser.add_argument("--suite", choices=tuple(SUITES))
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    began = time.time()
    found = Measured()
    names = [options.suite] if options.suite else list(SUITES)
    for name in names:
        suite = load_suite(REPO / "scenarios" / name)
        loader = CodeLoader(REPO)
        facts = SUITES[name](lambda ref, loader=loader, suite=suite: loader.load(ref, relative_to=Path(suite.root)))
        one = asyncio.run(measure(suite, facts, options.seed, options.half))
        found.faults += one.faults
        found.benign += one.benign
        found.equal += one.equal
        found.invalid += one.invalid
    print(*table("planted faults:", found.faults, list(faults.CLASSES), names), sep="\n")
    print(*table("benign runs:", found.benign, list(benign.KINDS), names), sep="\n")
    if options.verbose:
        for each in found.faults:
            if not each.failed:
                print(f"undetected  {each.kind:20} {each.scenario}: {each.what}")
        for each in found.benign:
            if each.failed:
                print(f"failed  {each.kind:16} {each.scenario}: {each.what}  {each.checks}")
    print(f"{found.equal} not counted, {found.invalid} invalid, {time.time() - began:.0f} s")


if __name__ == "__main__":
    main()
