"""What `run` and `demo` share: carrying out a plan with progress on standard error, and its end."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from agenteval.cli._options import warn_of_no_isolation
from agenteval.errors import RequestError

if TYPE_CHECKING:
    from agenteval.core.ports import Model, TraceStore
    from agenteval.experiment.run import Progress, RunPlan, RunSummary

_TURN_S = (
    0.001  # the thread that keeps and judges waits that long for busy agents, and so do verdicts; Python's own is 5 ms
)
_EVERY_S = 2.0  # how often a line is printed where standard error is no terminal


def make_model(ref: str, base_url: str | None) -> Model:
    """The model of a reference; keys come from the environment."""
    from agenteval.models import from_ref

    return from_ref(ref, base_url=base_url, env=os.environ)


def parse_price(text: str | None, option: str = "--price") -> Mapping[str, float] | None:
    """`input=2.5,output=10` or `free`; None where nothing was given.

    Raises:
        RequestError: Something else.
    """
    if text is None:
        return None
    if text == "free":
        return {}
    pairs = [item.partition("=") for item in text.split(",")]
    try:
        return {name.strip(): float(value) for name, _, value in pairs}
    except ValueError:
        raise RequestError(
            f'{option} "{text}" is not a price: write input=USD,output=USD per million tokens, or free'
        ) from None


def carry_out_with_progress(plan: RunPlan, store: TraceStore, *, verbose: bool) -> RunSummary:
    """Carry out a plan. Ctrl-C commits what is finished and raises KeyboardInterrupt.

    Args:
        plan: What to do.
        store: Where it is kept.
        verbose: Print each verdict as it comes.
    """
    from agenteval.experiment.run import carry_out

    warn_of_no_isolation(plan.run.settings.get("sandbox"))
    sys.setswitchinterval(_TURN_S)
    display: _Display = _Display(plan.run.id, verbose=verbose)

    async def work() -> RunSummary:
        try:
            return await carry_out(plan, store, on_progress=display.show)
        finally:
            for model in (plan.model, plan.user_model):
                close: Any = getattr(model, "aclose", None)
                if close is not None:
                    await close()

    try:
        return asyncio.run(work())
    except KeyboardInterrupt:
        display.end()
        click.echo(f"stopped; what is finished is kept. Go on with: agenteval run --resume {plan.run.id}", err=True)
        raise
    finally:
        display.end()


class _Display:
    """Progress: counts, rate, cost and time left."""

    def __init__(self, run_id: str, *, verbose: bool) -> None:
        self._run_id = run_id
        self._verbose = verbose
        self._began = time.monotonic()
        self._shown = 0.0
        self._first_done: int | None = None
        self._passed = 0
        self._failed = 0
        self._terminal = sys.stderr.isatty()
        self._line_open = False

    def show(self, progress: Progress) -> None:
        """One more trial."""
        if progress.score.passed is not None:
            self._passed += int(progress.score.passed)
            self._failed += int(not progress.score.passed)
        if self._first_done is None:
            self._first_done = progress.done - 1
        if self._verbose:
            self._clear()
            click.echo(_verdict_line(progress), err=True)
        now = time.monotonic()
        last = progress.done == progress.total
        if self._terminal and (last or now - self._shown > 0.1):
            self._shown = now
            self._write(self._summary(progress, now))
        elif not self._terminal and not self._verbose and (last or now - self._shown > _EVERY_S):
            self._shown = now
            click.echo(self._summary(progress, now), err=True)

    def end(self) -> None:
        """Leave the line that was being rewritten."""
        if self._line_open:
            sys.stderr.write("\n")
            self._line_open = False

    def _summary(self, progress: Progress, now: float) -> str:
        done = progress.done - (self._first_done or 0)
        rate = done / max(now - self._began, 1e-9)
        left = (progress.total - progress.done) / rate if rate > 0 else 0.0
        cost = f", {progress.spent_usd:.4f} USD" if progress.spent_usd else ""
        return (
            f"{progress.done}/{progress.total} trials, {self._passed} passed, {self._failed} failed, "
            f"{rate:.1f}/s{cost}, {left:.0f} s left"
        )

    def _write(self, text: str) -> None:
        sys.stderr.write(f"\r\x1b[2K{text}")
        sys.stderr.flush()
        self._line_open = True

    def _clear(self) -> None:
        if self._line_open:
            sys.stderr.write("\r\x1b[2K")
            self._line_open = False


def _verdict_line(progress: Progress) -> str:
    trial, score = progress.trial, progress.score
    if score.passed is None:
        mark, why = ("again" if progress.again else score.status), trial.error or _first(score, "unknown")
    elif score.passed:
        mark, why = "pass", ""
    else:
        mark, why = "FAIL", _first(score, "fail")
    text = f"{mark:9} {trial.agent:10} {trial.scenario} #{trial.repeat}"
    return f"{text}  {why}" if why else text


def _first(score: Any, verdict: str) -> str:
    for finding in score.findings:
        if finding.verdict == verdict:
            reason = finding.reason.splitlines()[0] if finding.reason else ""
            return f"{finding.check}: {reason}"
    return ""
