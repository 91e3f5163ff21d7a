"""Report documents in, text for a terminal out."""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agenteval.checkers import CheckDoc
from agenteval.report import usewords
from agenteval.report.terminal import width_of
from agenteval.report.visible import clipped, natural, one_line
from agenteval.stats import METHODS

_WORST = 12  # checks in trouble that are shown
_FAILED = 5  # failed trials that are shown
_INVALID = 3
_MOST_SCENARIOS = 60
_MOST_K = 8
_MANY = 12  # scenarios from which on the table is set in several columns
_QUIET_CODES = frozenset({"held", "not_activated", "recorded", "not_asked"})


def render(report: Mapping[str, Any], *, width: int | None = None, color: bool = False) -> str:
    """A run's report.

    Args:
        report: What `report.model.build` gave.
        width: Cells in a line; None takes the terminal's.
        color: Use the terminal's colours.
    """
    console = _console(width, color=color)
    run = report["run"]
    suite = f", suite {one_line(run['suite'])}" if run["suite"] else ""
    console.print(Text(f"run {run['id']} ({run['kind']}{suite}), {report['trials_total']} trials", style="bold"))
    for notice in report.get("notices", ()):
        console.print(Text(notice, style="bold red"))
    console.print()
    _print(console, _agents(report))
    if any(len(agent["pass_hat_k"]) > 1 for agent in report["agents"]):
        _print(console, _repeats(report))
    for table in _used(report, console.width):
        _print(console, table)
    _print(console, _scenarios(report, console.width))
    troubled = _troubled(report["checks"])
    if troubled:
        _print(console, _checks(troubled, len(report["agents"]) > 1, console.width))
    failed = [trial for trial in report["trials"] if trial["conclusion"] == "failed" and trial["trajectory"]]
    if failed:
        _print(console, _failures(failed, len(report["agents"]) > 1, console.width))
    for line in _notes(report):
        console.print(Text(line))
    return _text(console)


def render_comparison(document: Mapping[str, Any], *, width: int | None = None, color: bool = False) -> str:
    """A comparison of two sides: their rates, the paired difference, and the scenarios where they differ."""
    result, console = document["result"], _console(width, color=color)
    sides = _table("", "agent", "pass rate", "run")
    for name in ("a", "b"):
        side = document[name]
        sides.add_row(name.upper(), _cell_text(side["agent"]), rate(side["pass_rate"]), _cell_text(side["run"]))
    _print(console, sides)
    difference = result["difference"]
    console.print(Text(f"A - B   {signed(difference)}", style="bold"))
    console.print(
        Text(
            f"over {_number(len(result['scenarios']), 'scenario')}: A better in {result['wins']}, "
            f"worse in {result['losses']}, equal in {result['ties']}"
        )
    )
    if result["p_value"] is not None:
        console.print(Text(f"p = {_p_value(result['p_value'])}. {METHODS.get(result['p_method'], '')}"))
    console.print(Text(f"{METHODS.get(difference['method'], difference['method'])}", style="dim"))
    apart = [row for row in document["scenarios"] if _share(row["a"]) != _share(row["b"])]
    if apart:
        console.print()
        _print(console, _differences(apart))
    for side, names in (("A", result["only_in_a"]), ("B", result["only_in_b"])):
        if names:
            console.print(Text(f"only counted in {side}: {_listed(names)}"))
    return _text(console)


def render_checks(docs: Sequence[CheckDoc], *, width: int | None = None, color: bool = False) -> str:
    """The checks that there are, a line each."""
    console = _console(width, color=color)
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for doc in docs:
        table.add_row(Text(doc.name, style="bold"), Text(doc.summary))
    console.print(table)
    console.print()
    console.print(Text("agenteval checks NAME explains one: its arguments, options, an example."))
    return _text(console)


def render_check(doc: CheckDoc, *, width: int | None = None, color: bool = False) -> str:
    """One check, explained."""
    console = _console(width, color=color)
    console.print(Text(f"{doc.name}: {doc.summary}", style="bold"))
    console.print()
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 1, 0))
    for name, value in (
        ("argument", doc.arguments),
        ("options", ", ".join(doc.options)),
        ("example", f"- {doc.example}"),
        ("not recorded", doc.without_telemetry),
    ):
        table.add_row(Text(name, style="dim"), Text(value))
    console.print(table)
    return _text(console)


def render_suite(page: Mapping[str, Any], *, width: int | None = None, color: bool = False) -> str:
    """A suite's page, as `report.suite.build` gives it."""
    console = _console(width, color=color)
    levels = ", ".join(f"{count} {level}" for level, count in page["levels"].items())
    console.print(Text(f"{one_line(page['suite'])}: {one_line(page['title'])}", style="bold"))
    console.print(Text(f"{_number(len(page['scenarios']), 'scenario')}: {levels}"))
    for head, lines in (("a score here means:", page["claims"]), ("it does not mean:", page["does_not_claim"])):
        console.print()
        console.print(Text(head, style="dim"))
        for line in lines or ["(not said)"]:
            console.print(Text(f"  {one_line(line)}"))
    console.print()
    agents = page["agents"]
    table = _table("scenario", "level", *map(one_line, agents), "tools", "checks", "faults")
    for scenario in page["scenarios"]:
        table.add_row(
            _cell_text(scenario["scenario"]),
            scenario["level"] or "-",
            *(_passed_of(scenario["results"].get(agent)) for agent in agents),
            str(len(scenario["tools"])),
            str(len(scenario["checks"])),
            str(len(scenario["faults"]) or "-"),
        )
    _print(console, table)
    for answer, said in (("passed", "every shipped agent passes"), ("failed", "every shipped agent fails")):
        if page["alike"][answer]:
            console.print(Text(f"{said}, in every trial: {_listed(page['alike'][answer], 40)}"))
    if len(agents) < 2:
        console.print(
            Text("the suite ships fewer than two agents that need no model: what tells agents apart is not measured")
        )
    return _text(console)


def _passed_of(count: Mapping[str, int] | None) -> str:
    return f"{count['passed']}/{count['counted']}" if count and count["counted"] else "not measured"


# --- figures in words


def rate(interval: Mapping[str, Any]) -> str:
    """A rate with its interval and counts, such as `0.750 [0.510, 0.900] of 24`."""
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


def counts(values: Mapping[str, int]) -> str:
    """`3 completed, 1 limit`; zeros are left out."""
    found = sorted(((n, name) for name, n in values.items() if n), key=lambda item: -item[0])
    return ", ".join(f"{n} {name.replace('_', ' ')}" for n, name in found)


def passed_of(entry: Mapping[str, Any] | None) -> str:
    """`3/4`, with `+1?` for a trial that was left out; `-` where there is none."""
    if entry is None:
        return "-"
    interval = entry["pass_rate"]
    if not interval["counted"]:
        return f"0/0 +{interval['left_out']}?"
    text = f"{entry['passed']}/{interval['counted']}"
    return text + (f" +{interval['left_out']}?" if interval["left_out"] else "")


def methods(report: Mapping[str, Any]) -> list[str]:
    """What the methods behind the agents' rates mean, a sentence each."""
    names = dict.fromkeys(agent["pass_rate"]["method"] for agent in report["agents"])
    return [METHODS.get(name, name) for name in names]


def some_ks(by_k: Mapping[str, Any], most: int = _MOST_K) -> list[str]:
    """The first few k, and the last one."""
    keys = sorted(by_k, key=int)
    return keys if len(keys) <= most else [*keys[: most - 1], keys[-1]]


# --- tables


def _table(*columns: str, title: str | None = None) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, title=title, header_style="dim")
    for column in columns:
        table.add_column(column)
    return table


def _print(console: Console, table: Table) -> None:
    """A table with its title above and its caption below, both as wide as they are: a table would wrap them."""
    title, caption = str(table.title or ""), str(table.caption or "")
    table.title = table.caption = None
    if title:
        console.print(Text(title, style="bold"))
    console.print(table)
    if caption:
        console.print(Text(caption, style="dim"))
    console.print()


def _agents(report: Mapping[str, Any]) -> Table:
    table = _table("agent", title="pass rate")
    for name in ("rate", f"{report['confidence']:.4g} interval", "counted"):
        table.add_column(name.replace("0.95", "95 %"), justify="right", no_wrap=True)
    table.add_column("left out")
    table.add_column("ended")
    for agent in report["agents"]:
        found = agent["pass_rate"]
        outside = {name: n for name, n in agent["scores"].items() if name not in {"passed", "failed"}}
        table.add_row(
            _cell_text(agent["agent"]),
            "-" if found["estimate"] is None else Text(f"{found['estimate']:.3f}", style="bold"),
            "-" if found["low"] is None else f"{found['low']:.3f} to {found['high']:.3f}",
            str(found["counted"]),
            counts(outside) or "-",
            counts(agent["statuses"]) or "-",
        )
    return table


def _repeats(report: Mapping[str, Any]) -> Table:
    """pass@k (one of k passes) and pass^k (all k pass), a row each."""
    longest: Mapping[str, Any] = max((agent["pass_hat_k"] for agent in report["agents"]), key=len)
    ks = some_ks(longest)
    several = len(report["agents"]) > 1
    table = _table(*(["agent"] if several else []), "of k trials", title="repeats")
    for k in ks:
        table.add_column(f"k={k}", justify="right")
    for agent in report["agents"]:
        for name, key in (("one passes (pass@k)", "pass_at_k"), ("all pass (pass^k)", "pass_hat_k")):
            values = [agent[key].get(k, {"estimate": None})["estimate"] for k in ks]
            table.add_row(
                *([_cell_text(agent["agent"])] if several else []),
                name,
                *("-" if value is None else f"{value:.3f}" for value in values),
            )
    return table


def _used(report: Mapping[str, Any], width: int) -> list[Table]:
    """What each agent used, in all and a trial; in several tables where the figures are too many for one."""
    agents = [agent for agent in report["agents"] if "used" in agent]
    heads = {name: usewords.HEADS[name].replace(" ", "\n") for name in usewords.columns(report)}
    cells = {
        name: [text(agent["used"][name]) for agent in agents for text in (usewords.total, usewords.per_trial)]
        for name in heads
    }
    names = [clipped(one_line(agent["agent"]), 24) for agent in agents]
    room = width - max(map(cell_len, [*names, "agent"])) - len("per trial") - 6
    sizes = {name: max(map(cell_len, [*cells[name], *heads[name].split("\n")])) + 3 for name in heads}
    tables: list[Table] = []
    for some in _in_room(sizes, room):
        table = _table("agent", "", title=None if tables else "used")
        for name in some:
            table.add_column(heads[name], justify="right", no_wrap=True)
        for row in range(2 * len(agents)):
            said = (names[row // 2], "in all") if row % 2 == 0 else ("", "per trial")
            table.add_row(*map(Text, said), *(Text(cells[name][row]) for name in some))
        tables.append(table)
    if tables:
        tables[-1].caption = "\n".join(usewords.notes(report)) or None
    return tables


def _in_room(sizes: Mapping[str, int], room: int) -> list[list[str]]:
    """Names in as few lines as have room for their sizes, at least one a line."""
    lines: list[list[str]] = []
    left = 0
    for name, size in sizes.items():
        if not lines or size > left:
            lines.append([])
            left = room
        lines[-1].append(name)
        left -= size
    return lines


def _scenarios(report: Mapping[str, Any], width: int) -> Table:
    """Passed of counted trials by scenario; many short rows stand side by side."""
    agents = [agent["agent"] for agent in report["agents"]]
    rows = report["scenarios"][:_MOST_SCENARIOS]
    limit = max(12, width - sum(max(cell_len(one_line(agent)), 7) + 3 for agent in agents) - 2)
    cells = [
        [clipped(one_line(row["scenario"]), limit), *(passed_of(row["agents"].get(agent)) for agent in agents)]
        for row in rows
    ]
    heads = ["scenario", *(clipped(one_line(agent), 24) for agent in agents)]
    sizes = [max(map(cell_len, column)) + 3 for column in zip(heads, *cells, strict=True)]
    blocks = 1 if len(cells) <= _MANY else max(1, min(5, width // (sum(sizes) + 3), math.ceil(len(cells) / 4)))
    height = math.ceil(len(cells) / blocks)
    table = _table(title="passed / counted, by scenario")
    for block in range(blocks):
        for place, head in enumerate(heads):
            table.add_column(Text(head), justify="left" if place == 0 else "right", no_wrap=True)
        if block < blocks - 1:
            table.add_column("")
    for place in range(height):
        table.add_row(*_side_by_side(cells, place, height, blocks, len(heads)))
    hidden = len(report["scenarios"]) - len(rows)
    if hidden:
        table.caption = f"and {hidden} more: agenteval report --json, or --html"
    return table


def _side_by_side(
    cells: Sequence[Sequence[str]], place: int, height: int, blocks: int, size: int
) -> Iterable[Text | str]:
    for block in range(blocks):
        number = place + block * height
        row = cells[number] if number < len(cells) else [""] * size
        for column, text in enumerate(row):
            yield Text(text, style="" if column == 0 else _shade(text))
        if block < blocks - 1:
            yield " "


def _shade(text: str) -> str:
    passed, _, counted = text.partition(" ")[0].partition("/")
    if not counted or counted == "0":
        return "yellow" if counted else "dim"
    return "green" if passed == counted else "red" if passed == "0" else "yellow"


def _troubled(checks: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The checks that failed or could not answer, the worst first."""
    found = [check for check in checks if check["verdicts"]["fail"] or check["verdicts"]["unknown"]]
    return sorted(found, key=lambda c: (-c["verdicts"]["fail"], -c["verdicts"]["unknown"], natural(c["check"])))


def _checks(troubled: Sequence[Mapping[str, Any]], several: bool, width: int) -> Table:  # noqa: FBT001 (a plain fact)
    shown = troubled[:_WORST]
    agents = max(cell_len(one_line(check["agent"])) for check in shown) + 3 if several else 0
    why = min(max(cell_len(counts(_codes(check))) for check in shown), width // 3)
    room = max(20, width - min(agents, width // 4) - why - 30)
    table = _table(*(["agent"] if several else []), "check", title="checks that failed or could not answer")
    for name in ("fail", "pass", "unknown"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("why")
    for check in shown:
        verdicts = check["verdicts"]
        table.add_row(
            *([_cell_text(check["agent"])] if several else []),
            Text(clipped(one_line(check["title"] or check["check"]), room)),
            Text(str(verdicts["fail"]), style="red" if verdicts["fail"] else ""),
            str(verdicts["pass"]),
            Text(str(verdicts["unknown"]), style="yellow" if verdicts["unknown"] else ""),
            counts(_codes(check)),
        )
    if len(troubled) > _WORST:
        table.caption = f"and {len(troubled) - _WORST} more"
    return table


def _codes(check: Mapping[str, Any]) -> dict[str, int]:
    return {code: n for code, n in check["reason_codes"].items() if code not in _QUIET_CODES}


def _failures(failed: Sequence[Mapping[str, Any]], several: bool, width: int) -> Table:  # noqa: FBT001 (a plain fact)
    chosen = sorted(failed, key=_Novelty())[:_FAILED]
    number = "" if len(failed) <= _FAILED else f", {_FAILED} of {len(failed)}"
    names = [f"{one_line(t['scenario'])} #{t['repeat']}{' ' + one_line(t['agent']) * several}" for t in chosen]
    names = [clipped(name.rstrip(), width // 3) for name in names]
    room = max(20, width - max(map(cell_len, names)) - 20)
    table = _table("ID", "trial", "why", title=f"failed trials{number}: agenteval show ID")
    for trial, name in zip(chosen, names, strict=True):
        first = _first_failure(trial)
        why = one_line(first["reason"]) if first else ""
        table.add_row(_cell_text(trial["trajectory"][:12]), Text(name), Text(clipped(why, room)))
    return table


def _first_failure(trial: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return next((finding for finding in trial["findings"] if finding["verdict"] == "fail"), None)


class _Novelty:
    """A sort key that puts trials first that failed in a way not seen before: five alike teach what one does."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, str]] = Counter()

    def __call__(self, trial: Mapping[str, Any]) -> int:
        first = _first_failure(trial)
        key = (trial["agent"], first["check"] if first else "")
        self._seen[key] += 1
        return self._seen[key]


def _differences(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("scenario", title="scenarios in which they differ")
    for name in ("A", "B"):
        table.add_column(name, justify="right")
    ordered = sorted(rows, key=lambda row: (-abs(_share(row["a"]) - _share(row["b"])), natural(row["scenario"])))
    for row in ordered[:_MOST_SCENARIOS]:
        sides = [f"{row[side]['passed']}/{row[side]['counted']}" for side in ("a", "b")]
        table.add_row(_cell_text(row["scenario"]), *(Text(text, style=_shade(text)) for text in sides))
    if len(ordered) > _MOST_SCENARIOS:
        table.caption = f"and {len(ordered) - _MOST_SCENARIOS} more: --json has them all"
    return table


def _share(side: Mapping[str, Any]) -> float:
    return side["passed"] / side["counted"] if side["counted"] else 0.0


# --- what is outside the figures


def _notes(report: Mapping[str, Any]) -> list[str]:
    lines = [f"interval: {text}" for text in methods(report)]
    outside = {name: n for name, n in report["scores"].items() if name not in {"passed", "failed"} and n}
    if outside:
        lines.append(f"outside the rates: {counts(outside)} of {_number(report['trials_total'], 'trial')}")
    limited = report["k_limited_by"]
    if 0 < len(limited) < len(report["scenarios"]):
        lines.append(f"k goes as far as the scenarios with the fewest counted trials: {_listed(limited)}")
    idle = list(dict.fromkeys(one_line(c["title"] or c["check"]) for c in report["checks"] if c["never_activated"]))
    if idle:
        lines.append(f"never activated, so it has shown nothing: {_listed(idle, 3, '; ')}")
    silent = list(dict.fromkeys(one_line(c["title"] or c["check"]) for c in report["checks"] if _not_asked(c)))
    if silent:
        lines.append(f"not asked, outside the score: {_listed(silent, 3, '; ')}")
    invalid = [trial for trial in report["trials"] if trial["conclusion"] == "invalid"]
    for trial in invalid[:_INVALID]:
        name = f"{one_line(trial['agent'])} {one_line(trial['scenario'])} #{trial['repeat']}"
        lines.append(f"{trial['status']}: {name} (fault of: {trial['fault_of']}): {one_line(trial['error'] or '')}")
    if len(invalid) > _INVALID:
        lines.append(f"invalid: and {len(invalid) - _INVALID} more")
    return lines


def _not_asked(check: Mapping[str, Any]) -> bool:
    return check["verdicts"]["not_asked"] > 0


def _listed(names: Sequence[str], most: int = 5, separator: str = ", ") -> str:
    shown = separator.join(one_line(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _p_value(value: float) -> str:
    return f"{value:.4f}" if value >= 0.0001 else f"{value:.1e}"


# --- the console


def _cell_text(text: str) -> Text:
    return Text(one_line(text))


def _console(width: int | None, *, color: bool) -> Console:
    return Console(
        file=io.StringIO(),
        width=width_of(width),
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        legacy_windows=False,
    )


def _text(console: Console) -> str:
    file = console.file
    assert isinstance(file, io.StringIO)  # noqa: S101 (made in _console)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()).strip("\n")
