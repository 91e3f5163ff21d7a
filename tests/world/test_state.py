"""Handles over a shared JSON document: what they change, what they note, and what stays as it was."""

from __future__ import annotations

import copy
import datetime as dt
import json
from typing import Any

import jsonpatch
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenteval._util.patch import apply
from agenteval.errors import WorldError
from agenteval.world.state import Document, as_json


def shop() -> dict[str, Any]:
    return {
        "orders": {
            "1187": {"status": "lost", "items": [{"sku": "A", "n": 1}, {"sku": "B", "n": 2}], "refunds": []},
            "a/b~c": {"status": "new"},
        },
        "log": ["x"],
        "none": None,
    }


def document() -> tuple[Document, Any, dict[str, Any]]:
    base = shop()
    made = Document(base)
    return made, made.data, base


def test_a_write_notes_one_operation_and_leaves_the_base_alone():
    made, data, base = document()
    order = data["orders"]["1187"]
    order["status"] = "refunded"
    order["refunds"].append({"amount": 42.5})
    order["by"] = "card"
    del order["items"][0]
    assert base == shop()
    assert made.changes() == [
        {"op": "replace", "path": "/orders/1187/status", "value": "refunded"},
        {"op": "add", "path": "/orders/1187/refunds/0", "value": {"amount": 42.5}},
        {"op": "add", "path": "/orders/1187/by", "value": "card"},
        {"op": "remove", "path": "/orders/1187/items/0"},
    ]
    assert made.changes() == []
    expected = shop()
    expected["orders"]["1187"] = {
        "status": "refunded",
        "items": [{"sku": "B", "n": 2}],
        "refunds": [{"amount": 42.5}],
        "by": "card",
    }
    assert made.plain() == expected


def test_what_was_not_touched_is_shared_with_the_base():
    made, data, base = document()
    data["orders"]["1187"]["status"] = "refunded"
    root: Any = made.plain()
    assert root is not base
    assert root["log"] is base["log"]
    assert root["orders"]["a/b~c"] is base["orders"]["a/b~c"]
    assert root["orders"]["1187"]["items"] is base["orders"]["1187"]["items"]


def test_a_container_is_copied_once_however_often_it_is_written_to():
    made, data, _ = document()
    data["log"].append("y")
    root = made.root
    data["orders"]["1187"]["status"] = "refunded"
    orders = made.root["orders"]
    data["orders"]["1187"]["by"] = "card"
    assert made.root is root
    assert made.root["orders"] is orders


def test_a_state_that_was_handed_out_never_changes_again():
    made, data, _ = document()
    data["log"].append("y")
    first = made.plain()
    data["log"].append("z")
    data["log"][0] = "w"
    assert first == {**shop(), "log": ["x", "y"]}
    assert made.plain() == {**shop(), "log": ["w", "y", "z"]}


def test_what_was_told_never_changes_again():
    made, data, _ = document()
    data["orders"]["new"] = {"items": []}
    told = made.changes()
    data["orders"]["new"]["items"].append(1)
    assert told == [{"op": "add", "path": "/orders/new", "value": {"items": []}}]


def test_a_value_that_was_assigned_is_a_copy():
    made, data, _ = document()
    mine = {"items": [1]}
    data["orders"]["new"] = mine
    mine["items"].append(2)
    assert data["orders"]["new"] == {"items": [1]}
    data["again"] = data["orders"]["new"]
    data["orders"]["new"]["items"].append(3)
    assert data["again"] == {"items": [1]}
    assert made.plain() == {**shop(), "orders": {**shop()["orders"], "new": {"items": [1, 3]}}, "again": {"items": [1]}}


def test_two_handles_of_one_place_are_one():
    _, data, _ = document()
    first, second = data["orders"]["1187"], data["orders"]["1187"]
    assert first is second
    items = first["items"]
    items[1]["n"] = 5
    assert second["items"][1]["n"] == 5


def test_pointers_are_escaped():
    made, data, _ = document()
    data["orders"]["a/b~c"]["x/y"] = 1
    assert made.changes() == [{"op": "add", "path": "/orders/a~1b~0c/x~1y", "value": 1}]


def test_writing_what_stands_there_already_is_no_change():
    made, data, _ = document()
    data["orders"]["1187"]["status"] = "lost"
    data["none"] = None
    assert made.changes() == []
    data["orders"]["1187"]["items"][0]["n"] = True
    assert made.changes() == [{"op": "replace", "path": "/orders/1187/items/0/n", "value": True}]


def test_augmented_assignment_of_a_list_notes_what_was_added_alone():
    made, data, _ = document()
    order = data["orders"]["1187"]
    order["refunds"] += [{"amount": 1}]
    order["refunds"][0]["amount"] += 1
    assert made.changes() == [
        {"op": "add", "path": "/orders/1187/refunds/0", "value": {"amount": 1}},
        {"op": "replace", "path": "/orders/1187/refunds/0/amount", "value": 2},
    ]
    items = order["items"]
    items[0] = items[0]
    assert made.changes() == []


def test_a_handle_of_what_was_replaced_says_so():
    _, data, _ = document()
    order = data["orders"]["1187"]
    line = order["items"][0]
    order["items"] = []
    with pytest.raises(WorldError, match="/orders/1187/items/0 is stale: /orders/1187/items was replaced"):
        line["n"] = 7
    with pytest.raises(WorldError, match="is stale"):
        dict(line)
    assert "stale" in repr(line)
    del data["orders"]["1187"]
    with pytest.raises(WorldError, match="/orders/1187 was removed"):
        len(order)


def test_handles_of_elements_follow_what_is_inserted_and_removed_before_them():
    made, data, _ = document()
    items = data["orders"]["1187"]["items"]
    second = items[1]
    items.insert(0, {"sku": "Z", "n": 9})
    second["n"] = 3
    del items[0]
    second["n"] += 1
    assert made.changes() == [
        {"op": "add", "path": "/orders/1187/items/0", "value": {"sku": "Z", "n": 9}},
        {"op": "replace", "path": "/orders/1187/items/2/n", "value": 3},
        {"op": "remove", "path": "/orders/1187/items/0"},
        {"op": "replace", "path": "/orders/1187/items/1/n", "value": 4},
    ]
    assert items[1] is second


def test_what_is_taken_out_is_plain():
    made, data, _ = document()
    items = data["orders"]["1187"]["items"]
    taken = items.pop()
    assert type(taken) is dict
    assert taken == {"sku": "B", "n": 2}
    order = data["orders"].pop("1187")
    assert type(order["items"]) is list
    assert data["orders"].pop("1187", None) is None
    assert data.popitem() == ("none", None)
    assert made.changes() == [
        {"op": "remove", "path": "/orders/1187/items/1"},
        {"op": "remove", "path": "/orders/1187"},
        {"op": "remove", "path": "/none"},
    ]
    with pytest.raises(KeyError):
        data["orders"].pop("1187")


def test_setdefault_gives_the_handle_of_what_it_set():
    made, data, _ = document()
    data.setdefault("desk", {}).setdefault("notes", []).append("called")
    data.setdefault("log", []).append("y")
    assert made.plain() == {**shop(), "desk": {"notes": ["called"]}, "log": ["x", "y"]}


def test_sorting_and_slices_replace_the_list():
    made, data, _ = document()
    items = data["orders"]["1187"]["items"]
    items.sort(key=lambda line: -line["n"])
    items.reverse()
    items[:1] = []
    data["log"].clear()
    a, b = {"sku": "A", "n": 1}, {"sku": "B", "n": 2}
    assert made.changes() == [
        {"op": "replace", "path": "/orders/1187/items", "value": [b, a]},
        {"op": "replace", "path": "/orders/1187/items", "value": [a, b]},
        {"op": "replace", "path": "/orders/1187/items", "value": [b]},
        {"op": "replace", "path": "/log", "value": []},
    ]


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        (float("nan"), ValueError, "not a finite number"),
        ([float("inf")], ValueError, "not a finite number"),
        ({"at": dt.date(2025, 6, 16)}, TypeError, "is not JSON"),
        ({1: 2}, TypeError, "keys are text, not 1"),
        ({"a": {1, 2}}, TypeError, "is not JSON"),
        ("\ud800", ValueError, "lone surrogate"),
        (b"x", TypeError, "is not JSON"),
    ],
)
def test_only_json_is_assigned_and_a_refused_value_changes_nothing(value: object, error: type[Exception], said: str):
    made, data, _ = document()
    with pytest.raises(error, match=f"/orders/1187/status.*{said}"):
        data["orders"]["1187"]["status"] = value
    with pytest.raises(error, match=said):
        data["log"].append(value)
    with pytest.raises(TypeError, match="keys are text, not 7"):
        data["orders"][7] = 1
    assert (made.changes(), made.plain()) == ([], shop())


def test_nesting_is_bounded():
    _, data, _ = document()
    deep: list[Any] = []
    for _ in range(70):
        deep = [deep]
    with pytest.raises(ValueError, match="more than 64 levels"):
        data["deep"] = deep
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="more than 64 levels"):
        data["deep"] = endless


@pytest.mark.parametrize("root", [1, "text", None, 2.5, True])
def test_a_state_is_an_object_or_a_list(root: Any):
    with pytest.raises(TypeError, match="an object or a list"):
        Document(root)


def test_a_list_may_be_the_state():
    made = Document([{"a": 1}])
    made.data[0]["a"] = 2
    assert (made.plain(), made.changes()) == ([{"a": 2}], [{"op": "replace", "path": "/0/a", "value": 2}])


def test_restoring_brings_back_the_state_and_what_was_untold():
    made, data, _ = document()
    data["log"].append("told")
    made.changes()
    data["log"].append("untold")
    moment = made.snapshot()
    expected = copy.deepcopy(made.plain())
    data["orders"]["1187"]["status"] = "refunded"
    made.changes()
    made.restore(moment)
    assert made.plain() == expected
    assert made.changes() == [{"op": "add", "path": "/log/2", "value": "untold"}]
    made.restore(moment)
    made.restore(moment)
    assert made.plain() == expected


def test_handles_survive_a_restore_in_their_places():
    made, data, _ = document()
    moment = made.snapshot()
    order = data["orders"]["1187"]
    items, line = order["items"], order["items"][0]
    order["status"] = "refunded"
    items.append({"sku": "C", "n": 3})
    made.restore(moment)
    assert (order["status"], len(items)) == ("lost", 2)
    with pytest.raises(WorldError, match="restored to an earlier state"):
        line["n"] = 4
    order["status"] = "found"
    assert made.changes() == [{"op": "replace", "path": "/orders/1187/status", "value": "found"}]


def test_a_handle_made_after_the_moment_is_stale_when_its_place_is_gone():
    made, data, _ = document()
    moment = made.snapshot()
    data["orders"]["new"] = {"status": "new"}
    new = data["orders"]["new"]
    made.restore(moment)
    with pytest.raises(WorldError, match="/orders/new"):
        new["status"] = "old"


def test_a_snapshot_is_not_changed_by_later_writes_in_place():
    made, data, _ = document()
    data["log"].append("y")  # the list is a fresh copy from here on
    moment = made.snapshot()
    data["log"].append("z")
    assert moment.root["log"] == ["x", "y"]


def test_copies_are_plain():
    _, data, _ = document()
    for made in (
        data["orders"].json(),
        copy.copy(data["orders"]),
        copy.deepcopy(data["orders"]),
        as_json(data["orders"]),
    ):
        assert type(made) is dict
        assert type(made["1187"]["items"][0]) is dict
        assert made == shop()["orders"]


def test_handles_compare_by_what_they_hold():
    _, data, _ = document()
    assert data == shop()
    assert data["log"] == ["x"]
    assert data["log"] != ["y"]
    assert data["log"] != "x"
    assert "x" in data["log"]
    assert data["orders"]["1187"]["items"].index({"sku": "B", "n": 2}) == 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(data)


# --- the patch is the difference, whatever was done: the jsonpatch package is the oracle

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-2, 2) | st.sampled_from(["", "a", "~/", "0", "-"])
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab/~0-"), inner, max_size=3),
    max_leaves=6,
)
ROOTS = st.dictionaries(st.sampled_from("abc/~"), JSON, max_size=4)


def containers(handle: Any) -> list[Any]:
    """Every handle below, itself first."""
    inner = handle.values() if hasattr(handle, "values") else list(handle)
    below = [found for value in inner if hasattr(value, "held") for found in containers(value)]
    return [handle, *below]


OBJECT_CHANGES = {
    "set": lambda target, key, value: target.__setitem__(key, value),
    "delete": lambda target, key, _: target.__delitem__(key) if key in target else None,
    "pop": lambda target, key, _: target.pop(key, None),
    "setdefault": lambda target, key, value: target.setdefault(key, value),
    "update": lambda target, key, value: target.update({key: value, "b": 1}),
    "clear": lambda target, _, __: target.clear(),
}
LIST_CHANGES = {
    "append": lambda target, _, value: target.append(value),
    "insert": lambda target, place, value: target.insert(place, value),
    "slice": lambda target, place, value: target.__setitem__(slice(place, place + 2), [value]),
    "cut": lambda target, place, _: target.__delitem__(slice(place, None)),
    "reverse": lambda target, _, __: target.reverse(),
    "extend": lambda target, _, value: target.extend([value, 1]),
}
ELEMENT_CHANGES = {
    "set": lambda target, place, value: target.__setitem__(place, value),
    "delete": lambda target, place, _: target.__delitem__(place),
    "pop": lambda target, place, _: target.pop(place),
    "remove": lambda target, place, _: target.remove(target[place]),
}


def mutate(draw: st.DrawFn, made: Document) -> None:
    """One random change somewhere."""
    target = draw(st.sampled_from(containers(made.data)))
    value = draw(JSON | st.just(target))  # a handle may be assigned too
    if hasattr(target, "keys"):
        change = draw(st.sampled_from(sorted(OBJECT_CHANGES)))
        OBJECT_CHANGES[change](target, draw(st.sampled_from(["a", "b", "/", "~1", "new"])), value)
        return
    place = draw(st.integers(-4, 4))
    changes = {**LIST_CHANGES, **(ELEMENT_CHANGES if -len(target) <= place < len(target) else {})}
    changes[draw(st.sampled_from(sorted(changes)))](target, place, value)


@settings(max_examples=150, deadline=None)
@given(st.data(), ROOTS)
def test_the_changes_applied_to_the_start_give_the_end(data: st.DataObject, base: dict[str, Any]):
    kept = copy.deepcopy(base)
    made = Document(base)
    told: list[Any] = []
    moments: list[tuple[Any, Any, int]] = []
    for _ in range(data.draw(st.integers(1, 8))):
        step = data.draw(st.sampled_from(["mutate", "mutate", "mutate", "mutate", "ask", "snapshot", "restore"]))
        if step == "mutate":
            data.draw(st.composite(mutate)(made))
        elif step == "ask":
            told += made.changes()
            moments = [moment for moment in moments if moment[2] == len(told)]
        elif step == "snapshot":
            moments.append((made.snapshot(), copy.deepcopy(made.plain()), len(told)))
        elif moments:
            moment, then, _ = data.draw(st.sampled_from(moments))
            made.restore(moment)
            assert made.plain() == then
    told += made.changes()
    assert base == kept
    end = text(made.plain())
    assert text(jsonpatch.JsonPatch(copy.deepcopy(told)).apply(copy.deepcopy(kept))) == end
    assert text(apply(kept, told)) == end
    assert text(as_json(made.data)) == end


def text(value: Any) -> str:
    """JSON as text, so that 1, 1.0 and true are told apart."""
    return json.dumps(value, sort_keys=True)
