import copy

import jsonpatch
import jsonpointer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenteval._util.patch import PatchError, apply, equal, get

keys = st.sampled_from(["a", "b", "~", "/", "0", "1", ""])
# true equals 1 to jsonpatch, which compares as Python does; so booleans stay out of what it is asked about
scalars = st.none() | st.integers(0, 3) | st.sampled_from(["", "x"])
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)
containers = st.lists(values, max_size=3) | st.dictionaries(keys, values, max_size=4)
pointers = st.lists(st.sampled_from(["a", "b", "~0", "~1", "0", "1", "2", "-", ""]), max_size=3).map(
    lambda tokens: "".join(f"/{token}" for token in tokens)
)
operations = st.one_of(
    st.fixed_dictionaries({"op": st.sampled_from(["add", "replace", "test"]), "path": pointers, "value": values}),
    st.fixed_dictionaries({"op": st.just("remove"), "path": pointers}),
    st.fixed_dictionaries({"op": st.sampled_from(["move", "copy"]), "path": pointers, "from": pointers}),
)


def theirs(document, patch):
    try:
        return jsonpatch.apply_patch(copy.deepcopy(document), patch)
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, KeyError, TypeError, IndexError):
        return PatchError


def ours(document, patch):
    try:
        return apply(document, patch)
    except PatchError:
        return PatchError


def is_disputed(document, patch):
    """Where jsonpatch leaves RFC 6902: removing or moving the whole document, and "-" or text as a place in a list."""
    for operation in patch:
        source = operation.get("from", "") if operation["op"] in {"move", "copy"} else ""
        whole = operation["path"] == "" or (operation["op"] in {"move", "copy"} and source == "")
        if whole or "-" in source or ("-" in operation["path"] and operation["op"] not in {"add", "copy", "move"}):
            return True
    return False


@given(containers, st.lists(operations, max_size=5))
def test_it_does_what_jsonpatch_does(document, patch):
    before = copy.deepcopy(document)
    mine = ours(document, patch)
    assert document == before
    if not is_disputed(document, patch):
        assert mine == theirs(document, patch)


@given(containers, containers)
def test_a_patch_made_from_two_documents_leads_from_one_to_the_other(a, b):
    if type(a) is type(b):
        before = copy.deepcopy(a)
        assert equal(apply(a, list(jsonpatch.make_patch(a, b))), b)
        assert a == before


@pytest.mark.parametrize(
    ("operation", "after"),
    [
        ({"op": "add", "path": "/list/-", "value": 9}, {"list": [1, 2, 9], "x": {"y": 1}}),
        ({"op": "add", "path": "/list/0", "value": 9}, {"list": [9, 1, 2], "x": {"y": 1}}),
        ({"op": "add", "path": "/a~1b~0", "value": 9}, {"list": [1, 2], "x": {"y": 1}, "a/b~": 9}),
        ({"op": "replace", "path": "", "value": 9}, 9),
        ({"op": "remove", "path": "/x/y"}, {"list": [1, 2], "x": {}}),
        ({"op": "move", "from": "/x/y", "path": "/list/1"}, {"list": [1, 1, 2], "x": {}}),
        ({"op": "copy", "from": "/x", "path": "/z"}, {"list": [1, 2], "x": {"y": 1}, "z": {"y": 1}}),
        ({"op": "move", "from": "/x", "path": "/x"}, {"list": [1, 2], "x": {"y": 1}}),
        ({"op": "test", "path": "/x/y", "value": 1.0}, {"list": [1, 2], "x": {"y": 1}}),
    ],
)
def test_each_operation(operation, after):
    document = {"list": [1, 2], "x": {"y": 1}}
    assert apply(document, [operation]) == after
    assert document == {"list": [1, 2], "x": {"y": 1}}


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ({"op": "remove", "path": "/y"}, "there is no 'y'"),
        ({"op": "replace", "path": "/y", "value": 1}, "there is no 'y'"),
        ({"op": "add", "path": "/list/3", "value": 1}, "'3' is no index into a list of 2"),
        ({"op": "add", "path": "/list/01", "value": 1}, "'01' is no index into a list of 2"),
        ({"op": "replace", "path": "/list/-", "value": 1}, "'-' is no index into a list of 2"),
        ({"op": "remove", "path": ""}, "the whole document cannot be removed"),
        ({"op": "move", "from": "/x", "path": "/x/y"}, "a value cannot be moved into itself"),
        ({"op": "test", "path": "/x/y", "value": True}, "it is 1"),
        ({"op": "add", "path": "/x/y/z", "value": 1}, "1 has no members"),
        ({"op": "remove", "path": "/x/y/z"}, "1 has no members"),
        ({"op": "add", "path": "x", "value": 1}, "a path begins with \"/\": 'x'"),
        ({"op": "add", "path": "/~2", "value": 1}, '"~" is written "~0" and "/" is written "~1": \'/~2\''),
        ({"op": "add", "path": 1, "value": 1}, "a path is text, not 1"),
        ({"op": "add", "path": "/a"}, "it has no 'value'"),
        ({"op": "copy", "path": "/a"}, "it has no 'from'"),
        ({"op": "merge", "path": "/a"}, "op is add, remove, replace, move, copy or test, not 'merge'"),
        ([], "an operation is an object"),
    ],
)
def test_an_operation_that_does_not_fit_is_named(operation, message):
    with pytest.raises(PatchError) as caught:
        apply({"list": [1, 2], "x": {"y": 1}}, [{"op": "test", "path": "/x/y", "value": 1}, operation])
    assert str(caught.value).startswith("operation 1 (")
    assert str(caught.value).endswith(message)


def test_what_is_not_touched_is_shared_and_what_is_touched_often_is_copied_once():
    world = {"orders": {str(number): {"status": "new", "lines": [1]} for number in range(1000)}, "users": {"ada": {}}}
    patch = [{"op": "replace", "path": f"/orders/{number}/status", "value": "paid"} for number in range(3)]
    after = apply(world, patch)
    assert after["users"] is world["users"]
    assert [after["orders"][str(n)]["status"] for n in range(4)] == ["paid", "paid", "paid", "new"]
    assert after["orders"]["0"]["lines"] is world["orders"]["0"]["lines"]
    assert after["orders"]["999"] is world["orders"]["999"]
    assert world["orders"]["0"]["status"] == "new"


def test_a_copy_is_a_copy():
    patch = [
        {"op": "add", "path": "/a/x", "value": 1},
        {"op": "copy", "from": "/a", "path": "/b"},
        {"op": "add", "path": "/a/x", "value": 2},
        {"op": "add", "path": "/b/y", "value": 3},
    ]
    assert apply({"a": {}}, patch) == {"a": {"x": 2}, "b": {"x": 1, "y": 3}}


def test_a_value_of_a_patch_is_not_changed_by_later_operations():
    patch = [{"op": "add", "path": "/a", "value": {"x": 1}}, {"op": "add", "path": "/a/x", "value": 2}]
    assert apply({}, patch) == {"a": {"x": 2}}
    assert patch[0]["value"] == {"x": 1}


def test_get_follows_a_pointer():
    assert get({"a/b": [{"~": 1}]}, "/a~1b/0/~0") == 1
    with pytest.raises(PatchError, match="there is no 'z'"):
        get({"a": 1}, "/z")


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (1, 1.0, True),
        (0, -0.0, True),
        (1, True, False),
        (0, False, False),
        ("1", 1, False),
        (None, False, False),
        (None, 0, False),
        ([1, (2,)], (1.0, [2]), True),
        ({"a": 1, "b": 2}, {"b": 2.0, "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": 1}, {"b": 1}, False),
        ([1], [1, 2], False),
        ({}, [], False),
        ([], None, False),
        ("", [], False),
        (2**60, float(2**60), True),
        (2**60 + 1, float(2**60), False),
    ],
)
def test_json_equality(a, b, same):
    assert equal(a, b) is same
    assert equal(b, a) is same


def test_equality_of_very_deep_values_is_no_recursion():
    def deep(inside):
        for _ in range(100_000):
            inside = [inside]
        return inside

    assert equal(deep(1), deep(1.0))
    assert not equal(deep(1), deep(2))
