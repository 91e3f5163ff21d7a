"""The recorded changes of a world in, what differs between its start and its end out, and which steps did it.

Only what an operation touched is compared, and what both states share is not looked into, so that the cost follows the
changes and not the size of the world.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from agenteval._util.patch import PatchError, equal, tokens
from agenteval.checkers.nearmiss import NOT_THERE
from agenteval.checkers.outcome import where
from agenteval.checkers.paths import Key, Path
from agenteval.checkers.shape import ABSENT, is_list, is_object, member
from agenteval.checkers.show import clipped, joined, literal
from agenteval.checkers.view import View
from agenteval.core.json import Json
from agenteval.core.trajectory import StateChange

Keys = tuple[Key, ...]
MOST: Final = 1000
DEEPEST: Final = 40
_INDEX = re.compile(r"[0-9]{1,15}", re.ASCII)


class Change(NamedTuple):
    """A difference: where, and the value before and after (`ABSENT` where there was none)."""

    keys: Keys
    before: Any
    after: Any


def compared(view: View, end: Any, allowed: Sequence[Path]) -> list[Change]:
    """What differs between start and end.

    Something that came or went whole is one difference, unless only a part of it is allowed to.
    """
    start = view.trajectory.start
    found: list[Change] = []
    for keys in _touched(view, start, end):
        waiting = [Change(keys, _at(start, keys), _at(end, keys))]
        while waiting and len(found) < MOST:
            change = waiting.pop()
            if change.before is change.after:
                continue
            inner = _inner(change, allowed) if len(change.keys) < DEEPEST else None
            if inner is not None:
                waiting.extend(reversed(inner))
            elif not equal(change.before, change.after):
                found.append(change)
    return found


def _inner(change: Change, allowed: Sequence[Path]) -> list[Change] | None:
    """The differences inside two containers; None where the difference is the whole."""
    keys, before, after = change
    if before is ABSENT or after is ABSENT:
        whole = before if after is ABSENT else after
        if not any(path.reaches_into(keys) for path in allowed) or not isinstance(whole, (Mapping, list, tuple)):
            return None
        names = _names(whole)
        return [Change((*keys, name), member(before, name), member(after, name)) for name in names]
    if is_object(before) and is_object(after):
        names = [*before, *(key for key in after if key not in before)]
    elif is_list(before) and is_list(after):
        names = list(range(max(len(before), len(after))))
    else:
        return None
    pairs = ((name, member(before, name), member(after, name)) for name in names)
    return [Change((*keys, name), a, b) for name, a, b in pairs if a is not b]


def _names(whole: Any) -> list[Key]:
    return list(whole) if is_object(whole) else list(range(len(whole)))


def _at(node: Any, keys: Keys) -> Any:
    for key in keys:
        node = member(node, key)
    return node


# --- which places were touched


def _touched(view: View, start: Any, end: Any) -> list[Keys]:
    """The places that operations named, none inside another."""
    places = {
        _place(pointer, start, end, shifts=shifts)
        for _, change in view.changes()
        for pointer, shifts in _pointers(change)
    }
    kept: list[Keys] = []
    for keys in sorted(places, key=lambda keys: (len(keys), repr(keys))):
        if not any(keys[: len(outer)] == outer for outer in kept):
            kept.append(keys)
    return sorted(kept, key=repr)


def _pointers(change: StateChange) -> Iterator[tuple[tuple[str, ...], bool]]:
    """The places that a change names, and whether it may shift what follows them in a list."""
    for operation in change.patch:
        kind = operation.get("op")
        if kind == "test":
            continue
        for name in ("path", "from") if kind == "move" else ("path",):
            try:
                yield tokens(operation.get(name)), kind != "replace"
            except PatchError:
                continue  # it changed nothing; applying it says why


def _place(pointer: Sequence[str], start: Any, end: Any, *, shifts: bool) -> Keys:
    """A pointer as keys, as far as both states have it; the whole list where its elements were shifted."""
    keys: list[Key] = []
    a, b = start, end
    for number, token in enumerate(pointer):
        listed = is_list(a) or is_list(b)
        if listed and (not _INDEX.fullmatch(token) or (shifts and number == len(pointer) - 1)):
            break
        if not listed and not is_object(a) and not is_object(b):
            break
        key: Key = int(token) if listed else token
        keys.append(key)
        a, b = member(a, key), member(b, key)
    return tuple(keys)


# --- telling


def told(change: Change) -> tuple[Json, str]:
    """A difference as evidence and in words."""
    if change.before is ABSENT:
        shown: Json = {"expected": NOT_THERE, "actual": clipped(change.after), "found": "added"}
        return shown, f"was added: {literal(change.after, 80)}"
    if change.after is ABSENT:
        shown = {"expected": clipped(change.before), "actual": NOT_THERE, "found": "removed"}
        return shown, f"was removed: {literal(change.before, 80)}"
    text = f"changed from {literal(change.before, 60)} to {literal(change.after, 60)}"
    return {"expected": clipped(change.before), "actual": clipped(change.after), "found": "changed"}, text


class Makers(NamedTuple):
    """Who changed something: the ids of the steps, and a few words."""

    steps: tuple[str, ...]
    said: str


def makers(view: View, keys: Sequence[object]) -> Makers:
    """The steps that changed something at, above or beneath those keys, and the calls that caused them."""
    calls = {called.step.id: called for called in view.calls}
    ids: dict[str, None] = {}
    causes: dict[str, None] = {}
    last: int | None = None
    for step, change in view.changes():
        if not any(_meets(keys, pointer) for pointer, _ in _pointers(change)):
            continue
        last = step.index
        if change.caused_by in calls:
            causes[change.caused_by] = None
        ids.update(dict.fromkeys([cause for cause in (change.caused_by,) if cause in calls] + [step.id]))
    if last is None:
        return Makers((), "no step changed it")
    by = [calls[cause] for cause in causes]
    said = joined([f"{called.name} ({where([called])})" for called in by], 4)
    return Makers(tuple(ids), f"changed by {said}" if by else f"changed at step {last}")


def _meets(keys: Sequence[object], pointer: Sequence[str]) -> bool:
    """One lies within the other, or both lie in one list."""
    for number, (mine, theirs) in enumerate(zip(keys, pointer, strict=False)):
        shifted = isinstance(mine, int) and number == len(pointer) - 1
        if isinstance(mine, (str, int)) and str(mine) != theirs and not shifted:
            return False
    return True
