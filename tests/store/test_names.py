"""What is said of a trajectory that is not there, or is one of several."""

from __future__ import annotations

import pytest

from agenteval.errors import NotFound
from agenteval.experiment.stores import open_store
from agenteval.store.memory import MemoryStore
from agenteval.testing import store_parts as parts


def told(store, name: str) -> list[str]:
    with pytest.raises(NotFound) as error:
        store.trajectory(name)
    return str(error.value).splitlines()


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    made = MemoryStore() if request.param == "memory" else open_store(tmp_path / "store.db")
    yield made
    made.close()


def put(store, *names: str, **values) -> None:
    store.put_trials(
        (parts.trial(repeat=n, trajectory=name, **values), parts.trajectory(name), None) for n, name in enumerate(names)
    )


def test_an_empty_store_says_so(store) -> None:
    assert told(store, "ab") == ['no trajectory begins with "ab": this store holds none.']


def test_ids_are_as_short_as_tells_them_apart(store) -> None:
    put(store, "a" * 32, "a" * 20 + "b" * 12, "c" * 32)
    _, first, second, _ = told(store, "aa")
    assert [line.split()[0] for line in (first, second)] == ["a" * 21, "a" * 20 + "b"]


def test_the_nearest_are_told_and_not_all(store) -> None:
    put(store, *(f"{n:02x}" * 16 for n in range(40)))
    first, *lines, last = told(store, "14x")
    assert first == 'no trajectory begins with "14x" in this store. Did you mean:'
    assert [line.split()[0] for line in lines] == ["141414141414"]
    assert last == "`agenteval report RUN --json` lists those of a run under `trials`."
    first, *lines, _ = told(store, "0")
    assert first == '"0" begins the ids of several trajectories. Give more of the one that you mean:'
    assert [line.split()[0] for line in lines] == [*(f"{n:02x}" * 6 for n in range(8)), "…"]
    _, *lines, _ = told(store, "zzz")
    assert [line.split()[0] for line in lines] == [f"{n:02x}" * 6 for n in range(36, 40)]


def test_names_from_a_trace_cannot_steer_the_terminal(store) -> None:
    put(store, "a" * 32, "b" * 32, scenario="odd\x1b[2J\n" + "x" * 500, agent="\u202eme")
    lines = told(store, "zzz")
    assert len(lines) == 4
    assert all(line.isprintable() and len(line) <= 200 for line in lines)
