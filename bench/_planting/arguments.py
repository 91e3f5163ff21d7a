"""A call in, the same call with one argument changed out: what an agent could take for the right value."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from agenteval.intake.solutions import Call
from bench._planting.play import Case
from bench._planting.words import fields, leaves

Path = tuple[str | int, ...]
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d$")
_DAY = re.compile(r"\d{4}-\d\d-\d\d$")
_MOST_TRIED = 12


def slots(arguments: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Every scalar in the arguments of a call, by its path."""

    def inside(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                yield from inside((*path, key), inner)
        elif isinstance(value, list):
            for place, inner in enumerate(value):
                yield from inside((*path, place), inner)
        else:
            yield path, value

    yield from inside((), arguments)


def name_of(path: Path) -> str:
    """The nearest name in a path."""
    return next(str(part) for part in reversed(path) if isinstance(part, str))


def with_value(call: Call, path: Path, value: Any) -> Call:
    """The call with another value at a path of its arguments."""

    def put(tree: Any, rest: Path) -> Any:
        if not rest:
            return value
        if isinstance(tree, list):
            return [put(inner, rest[1:]) if place == rest[0] else inner for place, inner in enumerate(tree)]
        return {**tree, rest[0]: put(tree.get(rest[0]), rest[1:])}

    return Call(tool=call.tool, arguments=put(dict(call.arguments), path))


def without(call: Call, name: str) -> Call:
    """The call without an argument."""
    return Call(tool=call.tool, arguments={key: value for key, value in call.arguments.items() if key != name})


def schema_at(case: Case, tool: str, path: Path) -> Mapping[str, Any]:
    """The schema of an argument, as far as it can be told: choices, type and default."""
    root = case.schemas.get(tool) or {}
    found: Any = root
    for part in path:
        found = _resolved(found, root)
        found = found.get("items", {}) if isinstance(part, int) else found.get("properties", {}).get(part, {})
    return _resolved(found, root)


def _resolved(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in schema:
        return root.get("$defs", {}).get(str(schema["$ref"]).rpartition("/")[2], {})
    for option in schema.get("anyOf", ()):
        if option.get("type") != "null":
            return {**_resolved(option, root), **({"default": schema["default"]} if "default" in schema else {})}
    return schema


def choices(case: Case, tool: str) -> Iterator[tuple[str, Any]]:
    """Optional arguments with a choice, and each choice that is not the default."""
    for name, written in (case.schemas.get(tool) or {}).get("properties", {}).items():
        schema = schema_at(case, tool, (name,))
        options = schema.get("enum") or ([True, False] if schema.get("type") == "boolean" else [])
        if "default" in written:
            yield from ((name, option) for option in options if option != written["default"])


def alternatives(case: Case, call: Call, path: Path, value: Any, rng: Random) -> list[Any]:
    """Other values that could stand at a path of a call's arguments, the likeliest confusions first."""
    name, schema = name_of(path), schema_at(case, call.tool, path)
    if schema.get("enum"):
        return [option for option in schema["enum"] if option != value]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [] if name in case.facts.money else [value + 1, value - 1]
    if not isinstance(value, str) or name in case.facts.prose:
        return []
    if _MOMENT.match(value):
        return _moments(value, rng)
    if _DAY.match(value):
        day = dt.date.fromisoformat(value)
        return [(day + dt.timedelta(days=days)).isoformat() for days in rng.sample([-7, -1, 1, 2, 7], 5)]
    return _texts(case, name, value, rng)


def _moments(value: str, rng: Random) -> list[str]:
    moment = dt.datetime.fromisoformat(value)
    shifts = [-60, -30, 15, 30, 60, 24 * 60, -24 * 60, 7 * 24 * 60]
    return [f"{moment + dt.timedelta(minutes=by):%Y-%m-%dT%H:%M}" for by in rng.sample(shifts, len(shifts))]


def _texts(case: Case, name: str, value: str, rng: Random) -> list[str]:
    seen = [other for other in _seen_beside(case.answers, value) if other != value]
    rows = _rows_beside(case.start, value, rng)
    pool = [other for of in fields(case.start).values() for key in (name, f"{name}s") for other in of.get(key, ())]
    if "@" in value:
        pool = [other for of in fields(case.start).values() for other in of.get("email", ())]
    known = bool(seen or rows)
    more = [other for other in pool if other.casefold() != value.casefold()] if not known or "@" in value else []
    some = rng.sample(more, min(len(more), _MOST_TRIED))
    return list(dict.fromkeys([*rng.sample(seen, len(seen)), *rows, *some]))


def _seen_beside(answers: Any, value: str) -> list[str]:
    """What stands in the answers where the value stands too: under the same key, or as another key beside it."""
    keys = {key for key, leaf in leaves(answers) if leaf == value}
    found = [leaf for key, leaf in leaves(answers) if key in keys and isinstance(leaf, str)]
    return list(dict.fromkeys([*found, *_keys_beside(answers, value)]))


def _keys_beside(tree: Any, value: str) -> Iterator[str]:
    if isinstance(tree, Mapping):
        if value in tree:
            yield from (str(key) for key in tree if key != value)
        for inner in tree.values():
            yield from _keys_beside(inner, value)
    elif isinstance(tree, Sequence) and not isinstance(tree, str):
        for inner in tree:
            yield from _keys_beside(inner, value)


def _rows_beside(state: Any, value: str, rng: Random) -> list[str]:
    """Ids of the same table, those of the most similar records first."""
    for container in _containers(state):
        if value in container:
            mine = container[value]
            ids = [key for key in container if key != value]
            rng.shuffle(ids)
            ids.sort(key=lambda key: -_alike(mine, container[key]))
            return ids[:_MOST_TRIED]
    return []


def _containers(state: Any) -> Iterator[Mapping[str, Any]]:
    """The tables of a state, then the tables within their records."""
    tables = [table for table in state.values() if isinstance(table, Mapping)] if isinstance(state, Mapping) else []
    yield from tables
    for table in tables:
        for record in table.values():
            if isinstance(record, Mapping):
                yield from (inner for inner in record.values() if isinstance(inner, Mapping) and len(inner) > 1)


def _alike(one: Any, other: Any) -> int:
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return 0
    same = sum(one[key] == other.get(key) for key in one if not isinstance(one[key], Mapping | list))
    lengths = sum(len(one[key]) == len(other.get(key, ())) for key in one if isinstance(one[key], list))
    return same + lengths
