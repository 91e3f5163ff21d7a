"""What was found or forgotten in a store, in; text for a terminal, or a document, out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from agenteval.core.find import Facts, Page
from agenteval.report.terminal import width_of
from agenteval.report.visible import NOT_RECORDED, clipped, one_line, padded

SHORT = 12
"""Digits of a trajectory's id that are shown; `agenteval show` finds it by them."""

_NARROW = 28
_UNKNOWN = "?"  # not measured
_TITLES = ("began (UTC)", "trajectory", "status", "seconds", "cost", "tokens", "agent", "tools")


def document(page: Page) -> dict[str, Any]:
    """A page as JSON by the schema find.v1."""
    return {"schema": "find.v1", "found": [_entry(one) for one in page.found], "after": page.after}


def _entry(facts: Facts) -> dict[str, Any]:
    return {
        "trajectory": facts.trajectory,
        "began": _moment(facts.began_ns) if facts.began_ns else None,
        "seconds": None if facts.duration_ns is None else facts.duration_ns / 1e9,
        "cost_usd": facts.cost_usd,
        "tokens": facts.tokens,
        "names": {kind: list(names) for kind, names in facts.names.items()},
    }


def render(page: Page, *, width: int | None = None) -> str:
    """A page as a table, the latest first."""
    if not page.found:
        return "nothing was found"
    rows = [_TITLES, *map(_cells, page.found)]
    widths = [min(max(len(row[place]) for row in rows), _NARROW) for place in range(len(_TITLES))]
    limit = width_of(width)
    lines: list[str] = []
    for row in rows:
        cells = [padded(clipped(cell, size), size) for cell, size in zip(row, widths, strict=True)]
        lines.append(clipped("  ".join(cells).rstrip(), limit))
    if page.after is not None:
        lines += ["", f"more with --after {page.after}"]
    return "\n".join(lines)


def _cells(facts: Facts) -> tuple[str, ...]:
    names = facts.names
    return (
        _moment(facts.began_ns)[:19].replace("T", " ") if facts.began_ns else NOT_RECORDED,
        one_line(facts.trajectory)[:SHORT],
        _listed(names.get("status", ())),
        _UNKNOWN if facts.duration_ns is None else f"{facts.duration_ns / 1e9:.1f}",
        _UNKNOWN if facts.cost_usd is None else f"${facts.cost_usd:.4g}",
        _UNKNOWN if facts.tokens is None else f"{facts.tokens:,}",
        *(_listed(names.get(kind, ())) for kind in ("agent", "tool")),
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(one_line, names)) or "none"


def _moment(at_ns: int) -> str:
    """A time in UTC by ISO 8601; the latest that there is where it lies beyond."""
    try:
        return datetime.fromtimestamp(at_ns // 1_000_000_000, tz=UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC, microsecond=0).isoformat()


def render_forgotten(counts: Mapping[str, int], sizes: Mapping[str, int], *, dry_run: bool) -> str:
    """What was forgotten, and how large the store is now."""
    told = [f"{'would forget' if dry_run else 'forgot'}: {counts['traces']} traces"]
    told += [f"  {name}: {count}" for name, count in counts.items() if name != "traces"]
    free = sizes.get("free", 0)
    room = f", {free / 1e6:.1f} MB of them free; --compact gives them back" if free else ""
    return "\n".join([*told, f"the store takes {sum(sizes.values()) / 1e6:.1f} MB{room}"])
