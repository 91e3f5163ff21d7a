"""Every store sits the public exam."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from agenteval.core.ports import TraceStore
from agenteval.store import open_store
from agenteval.testing import store_finding, store_forgetting, store_traces, stores

KINDS = ("memory", "sqlite", "postgres")


@pytest.fixture(params=KINDS)
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], TraceStore]:
    """Makes new stores of one kind."""
    numbers = itertools.count()
    named = {"memory": lambda: "memory:", "sqlite": lambda: tmp_path / f"{next(numbers)}.db"}
    name = named.get(request.param) or request.getfixturevalue("postgres")
    return lambda: open_store(name(), assembler="1")


@pytest.mark.parametrize("check", stores.STORE_CHECKS, ids=lambda check: check.__name__)
def test_a_store_passes(check: Callable[[stores.MakeStore], None], make_store: Callable[[], TraceStore]) -> None:
    check(make_store)


def test_the_exam_lists_every_check_of_its_modules() -> None:
    written = {
        value
        for module in (stores, store_traces, store_finding, store_forgetting)
        for name, value in vars(module).items()
        if callable(value)
        and not name.startswith("_")
        and getattr(value, "__module__", "") == module.__name__
        and "make_store" in getattr(value, "__annotations__", {})
    }
    assert written - {stores.store_conformance} == set(stores.STORE_CHECKS)


def test_all_stores_are_trace_stores(make_store: Callable[[], TraceStore]) -> None:
    store = make_store()
    assert isinstance(store, TraceStore)
    store.close()
    store.close()


def test_the_exam_fails_a_store_that_loses_a_span() -> None:
    from agenteval.store.memory import MemoryStore

    class Wrong(MemoryStore):
        def read(self, trace_ids):
            spans, logs = super().read(trace_ids)
            return spans[:-1], logs

    with pytest.raises(AssertionError, match="what is read"):
        stores.store_conformance(Wrong)
