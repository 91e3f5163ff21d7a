"""Report documents in, text for a terminal out."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

WIDTH = 110
_WORST = 15  # failing checks shown
_MOST_SCENARIOS = 40


def render(report: Mapping[str, Any]) -> str:
    """A run's report."""
    console = _console()
    run = report["run"]
    suite = f", suite {run['suite']}" if run["suite"] else ""
    console.print(f"[bold]run {run['id']}[/bold] ({run['kind']}{suite})", highlight=False)
    console.print(_agents(report))
    console.print(_scenarios(report))
    if report["checks"]:
        console.print(_checks(report["checks"]))
    for line in _left_out(report):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    return _text(console)


def render_comparison(document: Mapping[str, Any]) -> str:
    """A comparison of two sides."""
    result = document["result"]
    console = _console()
    for name in ("a", "b"):
        side = document[name]
        console.print(f"{name.upper()}  {side['agent']}  ({side['run']})  {rate(side['pass_rate'])}", highlight=False)
    difference = result["difference"]
    console.print(
        f"A - B: {signed(difference)} [{difference['method']}] over {len(result['scenarios'])} scenarios: "
        f"{result['wins']} better, {result['losses']} worse, {result['ties']} equal",
        highlight=False,
        markup=False,
    )
    if result["p_value"] is not None:
        console.print(
            f"p = {result['p_value']:.4f} ({result['p_method']} sign-flip test over scenarios)", highlight=False
        )
    return _text(console)


def render_checks(docs: Sequence[Any]) -> str:
    """The checks that there are, a line each."""
    console = _console()
    table = Table(box=None, pad_edge=False, show_header=False)
    for doc in docs:
        table.add_row(f"[bold]{escape(doc.name)}[/bold]", escape(doc.summary))
    console.print(table)
    console.print("agenteval checks NAME explains one.", highlight=False)
    return _text(console)


def rate(interval: Mapping[str, Any]) -> str:
    """A rate with its interval and counts, such as `0.75 [0.51, 0.90] of 24`."""
    if interval["estimate"] is None:
        return f"not measured ({interval['left_out']} left out)" if interval["left_out"] else "not measured"
    text = f"{interval['estimate']:.3f}"
    if interval["low"] is not None:
        text += f" [{interval['low']:.3f}, {interval['high']:.3f}]"
    text += f" of {interval['counted']}"
    return text + (f", {interval['left_out']} left out" if interval["left_out"] else "")


def signed(interval: Mapping[str, Any]) -> str:
    """A difference with its interval."""
    if interval["estimate"] is None:
        return "not measured"
    text = f"{interval['estimate']:+.3f}"
    return text if interval["low"] is None else f"{text} [{interval['low']:+.3f}, {interval['high']:+.3f}]"


def _agents(report: Mapping[str, Any]) -> Table:
    table = Table(title="pass rate, with its 95 % interval", title_justify="left", title_style="")
    table.title = f"pass rate, with its {report['confidence']:.0%} interval"
    for column in ("agent", "pass rate", "statuses", "pass@k", "pass^k"):
        table.add_column(column)
    for agent in report["agents"]:
        table.add_row(
            escape(agent["agent"]),
            rate(agent["pass_rate"]),
            counts(agent["statuses"]),
            _series(agent["pass_at_k"]),
            _series(agent["pass_hat_k"]),
        )
    return table


def _series(by_k: Mapping[str, Any]) -> str:
    """`1: 0.420  2: 0.273 …`: at most eight, the last one included."""
    keys = sorted(by_k, key=int)
    shown = keys if len(keys) <= 8 else [*keys[:7], keys[-1]]
    values = [(k, by_k[k]["estimate"]) for k in shown]
    return "  ".join(f"{k}: {value:.3f}" for k, value in values if value is not None)


def _scenarios(report: Mapping[str, Any]) -> Table:
    agents = [agent["agent"] for agent in report["agents"]]
    rows = report["scenarios"]
    hidden = max(0, len(rows) - _MOST_SCENARIOS)
    caption = f"{hidden} more in the JSON and HTML reports" if hidden else None
    table = Table(title="passed / counted, by scenario", title_justify="left", title_style="", caption=caption)
    table.add_column("scenario")
    for agent in agents:
        table.add_column(escape(agent), justify="right")
    for row in rows[:_MOST_SCENARIOS]:
        table.add_row(escape(row["scenario"]), *(_cell(row["agents"].get(agent)) for agent in agents))
    return table


def _cell(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return "-"
    interval = entry["pass_rate"]
    if not interval["counted"]:
        return f"? ({interval['left_out']} left out)"
    passed = round(interval["estimate"] * interval["counted"])
    text = f"{passed}/{interval['counted']}"
    return text + (f" +{interval['left_out']}?" if interval["left_out"] else "")


def _checks(checks: Sequence[Mapping[str, Any]]) -> Table:
    """The checks that failed or could not answer most often; the others are only counted."""
    troubled = [c for c in checks if c["verdicts"].get("fail") or c["verdicts"].get("unknown")]
    troubled.sort(key=lambda c: (-c["verdicts"].get("fail", 0), -c["verdicts"].get("unknown", 0), c["check"]))
    quiet = len(checks) - len(troubled[:_WORST])
    caption = f"{quiet} more checks" if quiet else None
    table = Table(title="checks that failed or could not answer", title_justify="left", title_style="", caption=caption)
    for column in ("agent", "check", "fail", "pass", "unknown", "why"):
        table.add_column(column, overflow="fold")
    for check in troubled[:_WORST]:
        verdicts = check["verdicts"]
        codes = {
            code: n for code, n in check["reason_codes"].items() if code not in {"held", "not_activated", "recorded"}
        }
        table.add_row(
            escape(check["agent"]),
            escape(check["title"] or check["check"]),
            str(verdicts.get("fail", 0)),
            str(verdicts.get("pass", 0)),
            str(verdicts.get("unknown", 0)),
            counts(codes),
        )
    return table


def _left_out(report: Mapping[str, Any]) -> list[str]:
    """What is outside every rate, in words."""
    lines: list[str] = []
    scores = report["scores"]
    outside = {name: n for name, n in scores.items() if name not in {"passed", "failed"}}
    if outside:
        lines.append(f"outside the rates: {counts(outside)} of {report['trials_total']} trials")
    if report["k_limited_by"]:
        names = ", ".join(sorted(set(report["k_limited_by"]))[:5])
        lines.append(f"k goes as far as the scenario with fewest counted trials: {names}")
    invalid = [trial for trial in report["trials"] if trial["status"] == "invalid"]
    lines += [
        f"invalid: {t['agent']} {t['scenario']} #{t['repeat']} ({t['fault_of']}): {t['error']}" for t in invalid[:3]
    ]
    return lines


def counts(values: Mapping[str, int]) -> str:
    """`3 completed, 1 limit`."""
    return ", ".join(f"{n} {name}" for name, n in sorted(values.items(), key=lambda item: -item[1]))


def _console() -> Console:
    return Console(file=io.StringIO(), width=WIDTH, force_terminal=False, color_system=None)


def _text(console: Console) -> str:
    file = console.file
    assert isinstance(file, io.StringIO)  # noqa: S101 (made in _console)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())
