"""Ids that follow from what they name."""

from __future__ import annotations

from datetime import UTC, datetime

from agenteval._util.ids import derived, derived_seed, new_run_id


def test_derived_ids_follow_from_their_parts_alone() -> None:
    assert derived("a", 1) == derived("a", 1)
    assert len({derived("ab", "c"), derived("a", "bc"), derived("abc"), derived("a", "b", "c")}) == 4
    assert len(derived("x")) == 32
    assert len(derived("x", digits=16)) == 16


def test_seeds_fit_what_takes_them() -> None:
    assert all(0 <= derived_seed("run", n) < 2**31 for n in range(200))
    assert len({derived_seed("run", n) for n in range(200)}) == 200


def test_run_ids_sort_by_time() -> None:
    early = new_run_id(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    late = new_run_id(datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC))
    assert early.startswith("20260102-030405-")
    assert early < late
