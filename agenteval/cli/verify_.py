"""`agenteval verify`."""

from __future__ import annotations

import click

from agenteval.cli._options import (
    code_option,
    json_option,
    loader_for,
    print_json,
    project,
    sandbox_option,
    warn_of_no_isolation,
)
from agenteval.cli.main import NO, YES
from agenteval.errors import RequestError


@click.command(name="verify", short_help="Prove a suite before any agent is blamed.")
@click.argument("suite", required=False)
@click.option("--select", multiple=True, metavar="GLOB", help="Only scenarios whose id matches; may be repeated.")
@click.option("--seed", default=0, show_default=True, help="Seed of the world and the user.")
@sandbox_option
@code_option
@json_option
def command(
    suite: str | None, select: tuple[str, ...], seed: int, sandbox: str, allow_code: bool, as_json: bool
) -> int:
    """Prove SUITE: what is right passes in it, and what is wrong fails.

    Its files are right; each reference solution passes, twice alike; doing nothing fails; leaving out a step that
    changed the world fails; harmless variants (an extra read, independent calls swapped, the answer reworded) pass;
    each check fails in some of these runs or in a `bad-*` run.

    Exits 1 where something is wrong with the suite, and says what.
    """
    import asyncio

    from agenteval.experiment.proof import prove
    from agenteval.experiment.sandboxes import provider_of
    from agenteval.intake.solutions import load_solutions
    from agenteval.intake.suites import load_suite

    if suite is None:
        raise RequestError("no suite was named: agenteval verify SUITE. Try: agenteval verify retail")
    loader = loader_for(allow_code=allow_code)
    loaded = load_suite(suite, loader, select=select)
    make = provider_of(sandbox, loader, project=project())
    warn_of_no_isolation(sandbox)
    proofs = asyncio.run(prove(loaded, load_solutions(loaded), seed=seed, sandbox=make))
    proven = sum(1 for proof in proofs if proof.proven)
    if as_json:
        print_json(
            {
                "schema": "verify.v1",
                "suite": loaded.id,
                "proven": proven == len(proofs),
                "scenarios": [
                    {
                        "scenario": proof.scenario,
                        "proven": proof.proven,
                        "problems": list(proof.problems),
                        "checks": proof.checks,
                        "bad_runs": proof.bad_runs,
                        "omissions": proof.omissions,
                        "variants": proof.variants,
                    }
                    for proof in proofs
                ],
            }
        )
    else:
        for proof in proofs:
            mark = "proven" if proof.proven else "WRONG "
            click.echo(
                f"{mark}  {proof.scenario}  ({proof.checks} checks, {proof.bad_runs} bad runs, "
                f"{proof.omissions} omissions, {proof.variants} variants)"
            )
            for problem in proof.problems:
                click.echo(f"        {problem}")
        click.echo(f"{loaded.id}: {proven} of {len(proofs)} scenarios proven")
    return YES if proven == len(proofs) else NO
