"""Forgetting where contents are shared, others write at the same time, and a file keeps what was deleted."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agenteval.core import semconv
from agenteval.core.find import Find
from agenteval.core.forget import Forget
from agenteval.core.message import text_message
from agenteval.core.outcome import Label
from agenteval.core.ports import Query
from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import Step, ToolCall, Trajectory
from agenteval.store import open_store, sweeping

HIDDEN = "kqxzvsecretw"


@pytest.fixture(params=["sqlite", "postgres"])
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The name of a store that is new and empty."""
    return str(tmp_path / "store.db") if request.param == "sqlite" else request.getfixturevalue("postgres")()


def talk(trace: int, texts: list[str], **attributes: object) -> list[Span]:
    """Model calls that repeat a growing conversation, with what a tool answered within a message."""
    answer = {"rows": [texts[0]] * 100}
    said = [{"role": "user", "parts": [{"type": "text", "content": text * 30}]} for text in texts] + [
        {"role": "tool", "parts": [{"type": "tool_call_response", "response": answer, "id": "c"}]}
    ]
    return [
        Span(
            trace_id=f"{trace:032x}",
            span_id=f"{n:016x}",
            name="chat",
            start_ns=n + 1,
            end_ns=n + 2,
            attributes={semconv.INPUT_MESSAGES: said[: n + 1], **attributes},
        )
        for n in range(len(said))
    ]


def trajectory_of(trace: int, text: str) -> Trajectory:
    steps = (
        Step(id="1", index=0, content=text_message("user", text)),
        Step(id="2", index=1, content=ToolCall(name="look", result=text)),
    )
    return Trajectory(id=f"{trace:032x}", trace_ids=(f"{trace:032x}",), steps=steps)


def test_what_others_still_refer_to_stays_and_nothing_else(name: str) -> None:
    store = open_store(name, assembler="1")
    store.append([*talk(1, ["a", "b", "c"]), *talk(2, ["a", "b", "d"])], at_ns=1)
    store.append(talk(3, ["a", "x"]), at_ns=9)
    before = store.sizes()
    assert store.forget(Forget(before_ns=5))["contents"] > 0
    assert store.read([f"{3:032x}"])[0] == talk(3, ["a", "x"])
    assert store.append(talk(2, ["a", "b", "d"])).new == 4
    assert store.read([f"{2:032x}"])[0] == talk(2, ["a", "b", "d"])
    assert store.forget(Forget(trace_ids=(f"{2:032x}",)))["contents"] > 0
    with store._db.read() as connection:
        texts = connection.exec_driver_sql("SELECT count(*) FROM content").scalar_one()
        nodes = connection.exec_driver_sql("SELECT count(*) FROM history").scalar_one()
    # two texts, what the tool answered and its message; the names of the attributes, and what the spans share
    assert (texts, nodes) == (4 + 2, 3)
    assert set(store.sizes()) == set(before)
    store.close()


def test_a_long_trajectory_keeps_what_it_refers_to(name: str) -> None:
    noise = [
        "".join(random.Random(n).choices("abcdefghijklmnopqrstuvwxyzABCDEF0123456789", k=1_000)) for n in range(130)
    ]
    steps = tuple(
        Step(id=f"{n}", index=n, content=ToolCall(name="look", result={"text": text})) for n, text in enumerate(noise)
    )
    long = replace(trajectory_of(1, ""), steps=steps)
    store = open_store(name, assembler="1")
    store.keep(long)
    store.append(talk(2, ["a"]), at_ns=1)
    store.forget(Forget(before_ns=5))
    assert store.trajectory(long.id) == long
    store.forget(Forget(trace_ids=(long.id,)))
    store.append(talk(1, ["a"]), at_ns=1)
    assert store.forget(Forget(trace_ids=(long.id,)))["trajectories"] == 1
    with store._db.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM content").scalar_one() == 0
    store.close()


def test_another_process_does_not_go_on_remembering_what_was_forgotten(name: str) -> None:
    remembers, forgets = open_store(name, assembler="1"), open_store(name, assembler="1")
    remembers.append(talk(1, ["a", "b"]), at_ns=1)
    forgets.forget(Forget(before_ns=5))
    remembers.append(talk(2, ["a", "b"], other=1), at_ns=9)
    assert forgets.read([f"{2:032x}"])[0] == talk(2, ["a", "b"], other=1)
    remembers.close()
    forgets.close()


WRITE = """
import sys
sys.path.insert(0, sys.argv[2])
from test_forget import talk
from agenteval.store import open_store
store = open_store(sys.argv[1], assembler="1")
for n in range(100, 240):
    store.append(talk(n, [f"{n % 3}", f"{n % 7}", f"{n}"]), at_ns=1 if n % 2 else 9)
store.close()
"""


def test_forgetting_while_another_process_writes_leaves_everything_whole(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "_DELETED_AT_ONCE", 3)
    store = open_store(name, assembler="1")
    folder = str(Path(__file__).parent)
    writing = subprocess.Popen([sys.executable, "-c", WRITE, name, folder], stderr=subprocess.PIPE)
    forgotten = 0
    while writing.poll() is None:
        forgotten += store.forget(Forget(before_ns=5))["traces"]
    assert (writing.communicate()[1], writing.returncode) == (b"", 0)
    forgotten += store.forget(Forget(before_ns=5))["traces"]
    assert forgotten == 70
    for n in range(100, 240):
        wanted = [] if n % 2 else talk(n, [f"{n % 3}", f"{n % 7}", f"{n}"])
        assert store.read([f"{n:032x}"])[0] == wanted
    store.close()


def test_what_is_written_between_looking_and_deleting_keeps_what_it_refers_to(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgets, writes = open_store(name, assembler="1"), open_store(name, assembler="1")
    forgets.append(talk(1, ["a", "b"]), at_ns=1)
    looked = sweeping.Sweep._delete

    def write_first(sweep: sweeping.Sweep, table: Any, ids: list[int]) -> int:
        writes.append(talk(2, ["a", "b"]), at_ns=9)
        return looked(sweep, table, ids)

    monkeypatch.setattr(sweeping.Sweep, "_delete", write_first)
    forgets.forget(Forget(before_ns=5))
    assert forgets.read([f"{2:032x}"])[0] == talk(2, ["a", "b"])
    writes.close()
    forgets.close()


def test_two_that_forget_at_once_leave_everything_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "_DELETED_AT_ONCE", 2)
    stores = [open_store(name, assembler="1") for _ in range(2)]
    for n in range(60):
        stores[0].append(talk(n, [f"{n % 3}", f"{n}"]), at_ns=n)
    errors: list[Exception] = []

    def forget(store, parity: int) -> None:
        try:
            for n in range(parity, 40, 2):
                store.forget(Forget(trace_ids=(f"{n:032x}",)))
                store.append(talk(100 + n, [f"{n % 3}", f"{n}"]), at_ns=n)
        except Exception as error:  # noqa: BLE001 (told of below)
            errors.append(error)

    threads = [threading.Thread(target=forget, args=(store, parity)) for parity, store in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for n in [*range(40, 60), *range(100, 140)]:
        assert stores[0].read([f"{n:032x}"])[0] == talk(n, [f"{n % 100 % 3}", f"{n % 100}"])
    for store in stores:
        store.close()


@pytest.mark.parametrize("compact", [False, True])
def test_nothing_of_what_was_forgotten_is_left_in_the_file(tmp_path: Path, compact: bool) -> None:
    store = open_store(tmp_path / "store.db", assembler="1")
    for n in range(40):
        text = HIDDEN if n % 2 else "harmless"
        store.append(
            [*talk(n, [f"{text} {n} ", "shared"], short=text, long=text * 40, large=text + "y" * 9_000)],
            [LogRecord(trace_id=f"{n:032x}", span_id="", at_ns=5, body={text: text * 40})],
            at_ns=1 if n % 2 else 9,
        )
        store.keep(trajectory_of(n, text))
        store.put_label(Label(trajectory=f"{n:032x}", criterion="c", value=text, rater="r", note=text))
    store.find(Find())
    store.keep(trajectory_of(1, f"{HIDDEN} replaced"))
    held = [path for path in tmp_path.iterdir() if HIDDEN.encode() in path.read_bytes()]
    assert held
    store.forget(Forget(before_ns=5), compact=compact)
    assert [path.name for path in tmp_path.iterdir() if HIDDEN.encode() in path.read_bytes()] == []
    store.close()
    assert [path.name for path in tmp_path.iterdir() if HIDDEN.encode() in path.read_bytes()] == []
    reopened = open_store(tmp_path / "store.db", assembler="1")
    assert len(reopened.read([f"{n:032x}" for n in range(40)])[0]) == 20 * 3
    assert [label.value for label in reopened.labels(Query())] == ["harmless"] * 20
    reopened.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_room_is_given_back_where_it_is_asked_for(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    name = str(tmp_path / "store.db") if kind == "sqlite" else request.getfixturevalue("postgres")()
    store = open_store(name, assembler="1")
    for n in range(20):
        store.append(talk(n, [f"{n} {m} {'odd ' * m}" for m in range(60)]), at_ns=1)
    before = sum(store.sizes().values())
    store.forget(Forget(before_ns=5), compact=True)
    assert sum(store.sizes().values()) < before / 2
    store.close()
