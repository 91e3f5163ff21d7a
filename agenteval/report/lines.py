"""Texts in, lines of a terminal's width out: folded behind a lead, or in columns that set two things side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.cells import cell_len

from agenteval.report.evidence import Line, Mark
from agenteval.report.terminal import Style
from agenteval.report.visible import cut, padded, wrapped

Paint = Callable[[str, Style], str]

_SIGNS: dict[Mark, str] = {"same": " ", "differs": "≠", "not_recorded": "?", "free": " "}
_STYLES: dict[Mark, Style] = {"differs": "bad", "not_recorded": "odd", "free": "quiet", "same": "plain"}


def folded(
    text: str,
    *,
    width: int,
    paint: Paint,
    lead: str = "",
    rest: str | None = None,
    style: Style = "plain",
    lead_style: Style = "quiet",
) -> Iterator[str]:
    """The text in lines, the first behind `lead` and the others behind `rest`, which is `lead` unless given."""
    follow = lead if rest is None else rest
    for line in wrapped(text, width - max(cell_len(lead), cell_len(follow))):
        yield f"{paint(lead, lead_style)}{paint(line, style)}".rstrip()
        lead = follow


def columns(
    lines: Sequence[Line], *, width: int, paint: Paint, indent: str = "", limit: int | None = None
) -> Iterator[str]:
    """Three columns: what it is about, what was expected, what happened; none where there are no lines.

    Args:
        lines: What is set side by side.
        width: Cells in a line.
        paint: Puts text into a style.
        indent: What stands in front of each line.
        limit: Characters of one text that are shown; None shows all.
    """
    if not lines:
        return
    name = min(max(cell_len(line.name) for line in lines), width // 3)
    room = width - name - len(indent) - 6
    widest = max([cell_len(line.expected) for line in lines] + [len("expected")])
    left = min(widest, room // 2)
    heads = paint(padded("expected", left), "quiet"), paint("happened", "quiet")
    yield f"{indent}  {' ' * name}  {heads[0]}  {heads[1]}"
    for line in lines:
        cells = [
            list(wrapped(line.name, name)),
            list(wrapped(_bounded(line.expected, limit), left)),
            list(wrapped(_bounded(line.happened, limit), room - left)),
        ]
        yield from _rows(line.mark, cells, (name, left), paint, indent)
        if line.hint:
            lead = f"{indent}  {' ' * name}  "
            yield from folded(f"↳ {line.hint}", width=width, paint=paint, lead=lead, rest=f"{lead}  ")


def _rows(
    mark: Mark, cells: Sequence[Sequence[str]], widths: tuple[int, int], paint: Paint, indent: str
) -> Iterator[str]:
    style = _STYLES[mark]
    for row in range(max(map(len, cells))):
        first, second, third = (column[row] if row < len(column) else "" for column in cells)
        sign = _SIGNS[mark] if row == 0 else " "
        text = f"{padded(first, widths[0])}  {padded(second, widths[1])}  "
        yield f"{indent}{paint(sign, style)} {text}{paint(third, style)}".rstrip()


def _bounded(text: str, limit: int | None) -> str:
    return text if limit is None else cut(text, limit)
