"""One trajectory and its findings in, a readable tree out: what happened, and what was concluded at which step.

Under every verdict that is not a clean pass stand what was expected and what happened, aligned, the differing argument
marked; what was never recorded is called `not recorded`, with its remedy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.cells import cell_len

from agenteval.core.outcome import Finding, Trial
from agenteval.core.trajectory import Integrity, ModelCall, ToolCall, Trajectory
from agenteval.evaluation.score import score
from agenteval.report.evidence import aligned, clean, remedy
from agenteval.report.lines import columns, folded
from agenteval.report.outline import Row, Said, outline, tokens, unrecorded
from agenteval.report.terminal import Style, painter, width_of
from agenteval.report.visible import clipped, cut, one_line, padded, visible

_SHORT = 400  # characters of one text; `full` shows all
_LABEL = 10
_MARKS = {"pass": "pass", "fail": "FAIL", "unknown": "unknown"}
_INDENT = " " * 11
_STYLES: dict[str, Style] = {"pass": "good", "fail": "bad", "unknown": "odd"}
_TONES: dict[str, Style] = {"plain": "plain", "quiet": "quiet", "error": "bad", "missing": "odd", "result": "plain"}
_LEADS = {"result": "→ ", "error": "✗ ", "missing": "? "}
_ORDER = {"fail": 0, "unknown": 1, "pass": 2}


def render(
    trial: Trial,
    trajectory: Trajectory,
    findings: Sequence[Finding],
    *,
    full: bool = False,
    width: int | None = None,
    color: bool = False,
) -> str:
    """The tree, as text.

    Args:
        trial: The trial that the trajectory belongs to.
        trajectory: What happened.
        findings: What was concluded of it.
        full: Do not shorten long texts.
        width: Cells in a line; None takes the terminal's.
        color: Mark verdicts with the terminal's colours.
    """
    return "\n".join(_Tree(trial, trajectory, findings, full=full, width=width_of(width), color=color).lines())


class _Tree:
    """Draws one trajectory."""

    def __init__(
        self, trial: Trial, trajectory: Trajectory, findings: Sequence[Finding], *, full: bool, width: int, color: bool
    ) -> None:
        self._trial = trial
        self._trajectory = trajectory
        self._findings = sorted(findings, key=_rank)
        self._full = full
        self._width = width
        self._paint = painter(color=color)
        self._index = {step.id: step.index for step in trajectory.steps}

    def lines(self) -> Iterator[str]:
        yield from self._head()
        yield ""
        at = self._at_steps()
        rows = 0
        for row in outline(self._trajectory):
            rows += 1
            yield from self._row(row, at)
        if not rows:
            yield self._paint("(no steps were recorded)", "odd")
        yield ""
        for finding in self._findings:
            yield from self._finding(finding)
            if finding.verdict != "pass" and finding.reason_code != "not_asked":
                yield ""
        if not self._findings:
            yield "No check was asked of it."

    # --- head

    def _head(self) -> Iterator[str]:
        trial, trajectory = self._trial, self._trajectory
        what, style = self._conclusion()
        name = f"{one_line(trial.scenario)} #{trial.repeat} by {one_line(trial.agent)}"
        yield from self._wrap(f"{name}: {what}", style=style)
        if trial.error:
            fault = f" (fault of: {trial.fault_of})" if trial.fault_of else ""
            yield from self._wrap(f"{one_line(trial.error)}{fault}", style="bad")
        facts = [
            f"trajectory {one_line(trajectory.id)}",
            _number(len(trajectory.steps), "step"),
            _number(len(trajectory.of(ModelCall)), "model call"),
            _number(len(trajectory.of(ToolCall)), "tool call"),
        ]
        if trajectory.of(ModelCall) or trajectory.usage.tokens is not None:
            facts.append(tokens(trajectory.usage))
        if trial.seconds is not None:
            facts.append(f"{trial.seconds:.3g} s")
        yield from self._wrap(" · ".join(facts), style="quiet")
        gap = incomplete(trajectory.integrity)
        for sentence in [*([gap] if gap else []), *unrecorded(trajectory)]:
            yield from self._wrap(sentence, style="odd")

    def _conclusion(self) -> tuple[str, Style]:
        status = self._trial.status
        if status in {"invalid", "diverged"}:
            return f"{status}, nothing is concluded of the agent", "odd"
        concluded = score(self._findings)
        ended = "" if status == "completed" else f" ({status})"
        if concluded.passed is None:
            return f"{'undecided' if concluded.status == 'undecided' else 'nothing was asked'}{ended}", "odd"
        return (f"passed{ended}", "good") if concluded.passed else (f"FAILED{ended}", "bad")

    # --- steps

    def _at_steps(self) -> dict[str, list[Finding]]:
        at: dict[str, list[Finding]] = {}
        for finding in self._findings:
            if finding.verdict != "pass":
                for step in dict.fromkeys(finding.steps):
                    at.setdefault(step, []).append(finding)
        return at

    def _row(self, row: Row, at: Mapping[str, Sequence[Finding]]) -> Iterator[str]:
        bars = "│ " * row.depth
        if row.step is None:
            yield from self._wrap(row.said[0].text, lead=f"     {bars}╭ ", style="strong")
            return
        label = clipped(f"{'∥ ' if row.parallel else ''}{row.label}", _LABEL)
        lead = f"{row.step.index:>4} {bars}{padded(label, _LABEL)} "
        rest = f"     {bars}{' ' * _LABEL} "
        for said in row.said:
            yield from self._said(said, lead, rest)
            lead = rest
        for finding in at.get(row.step.id, ()):
            text = f"▲ {_MARKS[finding.verdict]}: {one_line(finding.title or finding.check)}"
            line = clipped(text, self._width - cell_len(rest))
            yield from self._wrap(line, lead=rest, style=_STYLES[finding.verdict])

    def _said(self, said: Said, lead: str, rest: str) -> Iterator[str]:
        text = said.text if self._full else _shortened(said.text)
        yield from self._wrap(_LEADS.get(said.tone, "") + text, lead=lead, rest=rest, style=_TONES[said.tone])

    # --- findings

    def _finding(self, finding: Finding) -> Iterator[str]:
        mark, style = _mark(finding)
        note = " (held: nothing activated it)" if finding.vacuous else ""
        role = "" if finding.role == "gate" else f" [{finding.role}]"
        measure = finding.measure
        if measure is not None and measure.value is not None:
            role += f" {measure.value:.4g}{f' {measure.unit}' if measure.unit else ''}"
        yield from self._wrap(
            f"{one_line(finding.title or finding.check)}{role}{note}",
            lead=f"{mark:<9}  ",
            rest=_INDENT,
            style="strong" if finding.verdict == "fail" else "plain",
            lead_style=style,
        )
        if clean(finding.verdict, finding.reason_code):
            return
        yield from self._wrap(finding.reason, lead=_INDENT)
        yield from self._places(finding)
        why = finding.evidence.get("why")
        if why:
            yield from self._wrap(f"why: {one_line(str(why))}", lead=_INDENT, style="quiet")
        lines = aligned(finding.evidence)
        if finding.verdict == "unknown" and (todo := remedy(finding.reason_code, finding.reason, lines)):
            yield from self._wrap(f"remedy: {todo}", lead=_INDENT)
        limit = None if self._full else _SHORT
        yield from columns(lines, width=self._width, paint=self._paint, indent=_INDENT, limit=limit)

    def _places(self, finding: Finding) -> Iterator[str]:
        known = sorted({self._index[step] for step in finding.steps if step in self._index})
        if known:
            word = "step" if len(known) == 1 else "steps"
            shown = ", ".join(map(str, known[:12])) + (f" and {len(known) - 12} more" if len(known) > 12 else "")
            yield from self._wrap(f"at {word} {shown}", lead=_INDENT, style="quiet")

    # --- lines

    def _wrap(
        self, text: str, *, lead: str = "", rest: str | None = None, style: Style = "plain", lead_style: Style = "quiet"
    ) -> Iterator[str]:
        """The text in lines, the first behind `lead` and the others behind `rest`."""
        yield from folded(
            text, width=self._width, paint=self._paint, lead=lead, rest=rest, style=style, lead_style=lead_style
        )


def incomplete(integrity: Integrity) -> str | None:
    """What is known to be missing from a recording, in a sentence; None where it is complete."""
    if integrity.complete:
        return None
    found: list[str] = []
    if integrity.started is None:
        found.append("nobody counted its spans, so that a lost one would not be missed")
    elif integrity.stored < integrity.started:
        found.append(f"{integrity.stored} of {integrity.started} spans are here")
    if integrity.started is not None and integrity.ended != integrity.started:
        found.append(f"{integrity.ended or 0} of {integrity.started} spans ended")
    if integrity.is_sampled:
        found.append(f"its sender keeps a sample of its traces, each with a probability of {integrity.sampled:.3g}")
    if integrity.orphans:
        found.append(f"{_number(integrity.orphans, 'span')} without a parent")
    if integrity.dropped:
        found.append(
            f"{_number(integrity.dropped, 'attribute or event', 'attributes or events')} dropped by the sender"
        )
    if integrity.repeated:
        found.append(f"{_number(integrity.repeated, 'content')} put aside, because the span's id came with another one")
    if integrity.started is None and len(found) == 1:
        return f"Completeness unknown: {found[0]}."
    return f"Incomplete recording: {'; '.join(found)}. Checks that need the whole answer unknown."


def _mark(finding: Finding) -> tuple[str, Style]:
    if finding.reason_code == "not_asked":
        return "not asked", "quiet"
    if finding.role == "metric" and finding.verdict == "pass" and not clean("pass", finding.reason_code):
        return "measured", "plain"  # a metric never fails: what it measured says how good it was
    return _MARKS[finding.verdict], _STYLES[finding.verdict]


def _rank(finding: Finding) -> tuple[int, int]:
    return (3 if finding.reason_code == "not_asked" else _ORDER[finding.verdict]), int(finding.vacuous)


def _number(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _shortened(text: str) -> str:
    """At most so many characters and a dozen lines of a text."""
    lines = visible(text).split("\n")
    kept = "\n".join(lines[:12]) + (f"\n… ({len(lines) - 12} more lines)" if len(lines) > 12 else "")
    return cut(kept, _SHORT)
